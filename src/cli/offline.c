/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Theory in the header. A file with a mistake is refused whole: a test that ran on half of the rules would prove nothing. */
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/str.h"
#include "cli/names.h"
#include "cli/offline.h"
#include "wire/conffile.h"
#include "wire/dropins.h"

#define DEFAULT_RULES   "/etc/bastion/rules.json"
#define DEFAULT_CONFIG  "/etc/bastion/config.json"
#define DEFAULT_FACTORY BASTION_DATADIR "/factory.rules"

void offline_deinit(struct offline *o)
{
        list_files_deinit(&o->lists);
        o->rules = ruleset_free(o->rules);
}

static int out_of_memory(void)
{
        cli_error("out of memory");
        return EXIT_NO;
}

static int cannot_read(const char *path, int error)
{
        cli_error("cannot read %s: %s", path, error == -EFBIG ? "it is too large" : strerror(-error));
        return EXIT_WRONG_INPUT;
}

static int read_stream(FILE *file, size_t max, struct buf *out)
{
        char chunk[16384];
        size_t n;

        while ((n = fread(chunk, 1, sizeof(chunk), file)) > 0) {
                if (out->n + n > max)
                        return -EFBIG;
                buf_append(out, chunk, n);
        }
        return ferror(file) ? -EIO : buf_error(out);
}

int offline_read(const char *path, size_t max, bool must_exist, char **ret, size_t *ret_n)
{
        bool is_stdin = strcmp(path, "-") == 0;
        _cleanup_(buf_deinit) struct buf text = {0};
        FILE *file = is_stdin ? stdin : fopen(path, "rb");
        int error;

        if (!file && errno == ENOENT && !must_exist) {
                *ret = NULL;
                *ret_n = 0;
                return EXIT_YES;
        }
        if (!file)
                return cannot_read(path, -errno);
        error = read_stream(file, max, &text);
        if (!is_stdin)
                fclose(file);
        if (error == -ENOMEM)
                return out_of_memory();
        if (error < 0)
                return cannot_read(path, error);
        *ret_n = text.n;
        *ret = text.n > 0 ? buf_take(&text) : strdup("");
        return *ret ? EXIT_YES : out_of_memory();
}

/* The file that an option names, or the one that is installed. */
static int read_option(const struct cli *cli, enum option option, const char *installed, size_t max, const char **ret_path,
                       char **ret, size_t *ret_n)
{
        bool asked = arguments_have(cli->arguments, option);

        *ret_path = asked ? cli->arguments->values[option] : installed;
        return offline_read(*ret_path, max, asked, ret, ret_n);
}

int offline_parsed(const char *path, int r, const struct file_error *error)
{
        if (r < 0)
                return out_of_memory();
        if (r == 0)
                return EXIT_YES;
        if (error->line > 0)
                cli_error("%s:%u:%u: %s", path, error->line, error->column, error->text);
        else
                cli_error("%s: %s", path, error->text);
        return EXIT_WRONG_INPUT;
}

static void on_warning(void *userdata, const struct file_error *warning)
{
        cli_error("%s:%u:%u: %s", (const char *)userdata, warning->line, warning->column, warning->text);
}

static int load_config(const struct cli *cli, struct config *ret)
{
        _cleanup_(freep) char *text = NULL;
        struct file_error error = {0};
        const char *path;
        size_t n;
        int r = read_option(cli, OPTION_CONFIG, DEFAULT_CONFIG, LIMIT_CONFIG_FILE, &path, &text, &n);

        *ret = config_default();
        if (r || !text)
                return r;
        /* Where the log lies is no matter here. */
        return offline_parsed(path, conffile_parse(text, n, NULL, "/", ret, on_warning, (void *)path, &error), &error);
}

static int load_factory(const struct cli *cli, struct ruleset *rules)
{
        _cleanup_(freep) char *text = NULL;
        struct file_error error = {0};
        const char *path;
        size_t n;
        int r = read_option(cli, OPTION_FACTORY, DEFAULT_FACTORY, LIMIT_CONFIG_FILE, &path, &text, &n);

        if (!r && !text)
                cli_error("there are no shipped rules at %s: without them (--factory=FILE)", path);
        if (r || !text)
                return r;
        r = rulefile_parse_sentences(text, n, ORIGIN_FACTORY, PRIORITY_FACTORY, names_lookup, NULL, rules, &error);
        return offline_parsed(path, r, &error);
}

int offline_clocks(struct clocks *ret)
{
        _cleanup_(freep) char *text = NULL;
        struct timespec t;
        size_t n;
        int r = offline_read("/proc/sys/kernel/random/boot_id", LIMIT_CONFIG_FILE, false, &text, &n);

        if (r)
                return r;
        clock_gettime(CLOCK_REALTIME, &t);
        *ret = (struct clocks){.now = client_now(), .realtime_us = (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000};
        /* Not known, it is nobody's: then the wall clock holds, as in another boot. */
        if (text && n > 0)
                text[n - 1] = '\0';
        if (text)
                (void)boot_id_parse(text, &ret->boot);
        return EXIT_YES;
}

/* Where a file of rules.d has a mistake nothing is tested: the daemon would go on with what the file said before, which nobody here knows. */
static int read_dropin(const char *path, struct ruleset *rules)
{
        _cleanup_(freep) char *text = NULL;
        const char *name = str_basename(path);
        struct file_error error = {0};
        size_t n, n_rules = 0, n_replaced;
        int r = offline_read(path, LIMIT_DROPIN_BYTES, true, &text, &n);

        if (r)
                return r;
        r = offline_parsed(path, dropin_check(name, text, n, names_lookup, NULL, &n_rules, &error), &error);
        return r ? r : offline_parsed(path, dropin_add_rules(name, text, n, n_rules, names_lookup, NULL, rules, &n_replaced, &error), &error);
}

/* What the daemon would not read. Who owns a file is no matter here: it may be on its way to a machine. */
static int refuse_dropin(const char *path, const char *name)
{
        struct stat st;

        if (!dropin_name_is_good(name))
                cli_error("%s: expected a name of at most %d letters, digits and . _ + @ -", path, LIMIT_DROPIN_NAME);
        else if (lstat(path, &st) == 0 && !S_ISREG(st.st_mode))
                cli_error("%s: it is no regular file", path);
        else
                return EXIT_YES;
        return EXIT_WRONG_INPUT;
}

static int list_dropins(DIR *directory, struct dropin_names *names)
{
        const struct dirent *entry;

        while ((entry = readdir(directory)) != NULL)
                if (dropin_names_add(names, entry->d_name) < 0)
                        return out_of_memory();
        return EXIT_YES;
}

/* The administrator's rules beside a rules.json. */
static int read_dropins(const char *path, struct ruleset *rules)
{
        _cleanup_(dropin_names_deinit) struct dropin_names names = {.n = 0};
        char folder[PATH_MAX], file[PATH_MAX + NAME_MAX + 2];
        DIR *directory;
        int r;

        snprintf(folder, sizeof(folder), "%.*srules.d", (int)(str_basename(path) - path), path);
        directory = opendir(folder);
        if (!directory)
                return errno == ENOENT ? EXIT_YES : cannot_read(folder, -errno);
        r = list_dropins(directory, &names);
        closedir(directory);
        if (!r && names.n_more > 0) {
                cli_error("%s: there are more than %d files, of which the daemon leaves out the last", folder, LIMIT_DROPINS);
                r = EXIT_WRONG_INPUT;
        }
        for (size_t i = 0; !r && i < names.n; i++) {
                snprintf(file, sizeof(file), "%s/%s", folder, names.names[i]);
                r = refuse_dropin(file, names.names[i]);
                if (!r)
                        r = read_dropin(file, rules);
        }
        return r;
}

static int read_json(const char *path, bool must_exist, struct ruleset *rules, struct rulefile_rest *ret_rest)
{
        _cleanup_(freep) char *text = NULL;
        struct file_error error = {0};
        struct clocks clocks;
        size_t n;
        int r = offline_read(path, LIMIT_RULE_FILE, must_exist, &text, &n);

        if (!r && text)
                r = offline_clocks(&clocks);
        return r || !text ? r : offline_parsed(path, rulefile_parse(text, n, &clocks, rules, ret_rest, &error), &error);
}

int offline_read_rules(const char *path, bool must_exist, struct ruleset *rules, struct rulefile_rest *ret_rest)
{
        int r;

        if (dropin_is_meant(str_basename(path)))
                return read_dropin(path, rules);
        r = read_json(path, must_exist, rules, ret_rest);
        return !r && strcmp(str_basename(path), "rules.json") == 0 ? read_dropins(path, rules) : r;
}

static int load_rules(const struct cli *cli, struct ruleset *rules)
{
        _cleanup_(rulefile_rest_deinit) struct rulefile_rest rest = {0};
        bool asked = arguments_have(cli->arguments, OPTION_RULES);

        return offline_read_rules(asked ? cli->arguments->values[OPTION_RULES] : DEFAULT_RULES, asked, rules, &rest);
}

static void on_unread_list(void *userdata, const char *path, int error, const char *words)
{
        int *result = userdata;

        if (error == -ENOMEM) {
                *result = out_of_memory();
        } else {
                cli_error("%s: %s", path, words);
                *result = EXIT_WRONG_INPUT;
        }
}

int offline_load_lists(const struct ruleset *rules, struct list_files *ret)
{
        int result = EXIT_YES;

        list_files_load(rules, ret, on_unread_list, &result);
        return result;
}

int offline_load(const struct cli *cli, struct offline *ret)
{
        _cleanup_(offline_deinit) struct offline o = {.rules = ruleset_new(0)};
        int r;

        if (!o.rules)
                return out_of_memory();
        r = load_config(cli, &o.config);
        if (!r)
                r = load_factory(cli, o.rules);
        if (!r)
                r = load_rules(cli, o.rules);
        /* For the daemon, one that cannot be read decides nothing; but then what was tested is not what is meant. */
        if (!r)
                r = offline_load_lists(o.rules, &o.lists);
        if (r)
                return r;
        for (const struct rule *rule = ruleset_next(o.rules, NULL); rule; rule = ruleset_next(o.rules, rule))
                if (rule->origin == ORIGIN_FACTORY && !config_enables_factory_rule(&o.config, rule->id))
                        ruleset_find(o.rules, rule->id)->disabled = true;
        *ret = o;
        o = (struct offline){.rules = NULL};
        return EXIT_YES;
}
