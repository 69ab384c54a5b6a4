/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * `bastion import`: rules of another firewall, or from another machine. What was read is compared with what is in force and shown; then, asked
 * once, rule by rule goes the way that every rule goes. What is interrupted is begun again without harm: what came through is there already.
 */
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/str.h"
#include "cli/add-rules.h"
#include "cli/cli.h"
#include "cli/rule-pages.h"
#include "cli/import-plan.h"
#include "cli/names.h"
#include "cli/offline.h"
#include "wire/import-opensnitch.h"

static int out_of_memory(void)
{
        cli_error("out of memory");
        return EXIT_NO;
}

static int cannot_read(const char *path, int error)
{
        cli_error("cannot read %s: %s", path, strerror(error));
        return EXIT_WRONG_INPUT;
}

/* ---- OpenSnitch --------------------------------------------------------------------------------------------------- */

struct files {
        char **names; /* in bytewise order, without the folder */
        size_t n;
};

static void files_deinit(struct files *files)
{
        for (size_t i = 0; i < files->n; i++)
                free(files->names[i]);
        free(files->names);
}

static int compare_names(const void *a, const void *b)
{
        return strcmp(*(char *const *)a, *(char *const *)b);
}

static int add_name(struct files *files, const char *folder, const char *name)
{
        if (files->n == LIMIT_IMPORT_FILES) {
                cli_error("%s: more than %d rules", folder, LIMIT_IMPORT_FILES);
                return EXIT_WRONG_INPUT;
        }
        files->names[files->n] = strdup(name);
        if (!files->names[files->n])
                return out_of_memory();
        files->n++;
        return EXIT_YES;
}

/* The rules of a folder, "*.json", as OpenSnitch finds them. */
static int list_files(const char *folder, struct files *files)
{
        const struct dirent *entry;
        int r = EXIT_YES;
        DIR *directory;

        files->names = calloc(LIMIT_IMPORT_FILES, sizeof(*files->names));
        if (!files->names)
                return out_of_memory();
        directory = opendir(folder);
        if (!directory)
                return cannot_read(folder, errno);
        while (!r && (entry = readdir(directory)) != NULL)
                if (entry->d_name[0] != '.' && str_has_suffix(entry->d_name, ".json"))
                        r = add_name(files, folder, entry->d_name);
        closedir(directory);
        if (!r && files->n == 0) {
                cli_error("%s: there is no rule of OpenSnitch in it (NAME.json)", folder);
                return EXIT_WRONG_INPUT;
        }
        qsort(files->names, files->n, sizeof(*files->names), compare_names);
        return r;
}

struct imports {
        struct import_opensnitch *rules;
        size_t n;
};

static void imports_deinit(struct imports *imports)
{
        for (size_t i = 0; i < imports->n; i++)
                import_opensnitch_deinit(&imports->rules[i]);
        free(imports->rules);
}

/* A pipe would be waited for. */
static int check_file(const char *path)
{
        struct stat st;

        if (stat(path, &st) < 0)
                return cannot_read(path, errno);
        if (S_ISREG(st.st_mode))
                return EXIT_YES;
        cli_error("%s is no regular file", path);
        return EXIT_WRONG_INPUT;
}

static int read_import(struct imports *imports, const char *path)
{
        _cleanup_(freep) char *text = NULL;
        size_t n;
        int r = check_file(path);

        if (!r)
                r = offline_read(path, LIMIT_IMPORT_FILE, true, &text, &n);
        if (r)
                return r;
        if (import_opensnitch_parse(text, n, names_lookup, NULL, &imports->rules[imports->n]) < 0)
                return out_of_memory();
        imports->n++;
        return EXIT_YES;
}

static int plan_imports(struct imports *imports, const struct files *files, struct import_plan *plan)
{
        if (import_opensnitch_rank(imports->rules, imports->n) < 0)
                return out_of_memory();
        for (size_t i = 0; i < imports->n; i++) {
                struct import_opensnitch *one = &imports->rules[i];
                struct import_item item = {.rule = TAKE_PTR(one->rule), .words = TAKE_PTR(one->words), .denies = one->denies};

                bool whole;

                item.file = strdup(files->names[i]);
                item.reason = item.rule ? NULL : strdup(one->reason);
                whole = item.file && (item.rule || item.reason);
                plan->n_any_case += item.rule && one->any_case;
                if (import_plan_add(plan, &item) < 0 || !whole)
                        return out_of_memory();
        }
        return EXIT_YES;
}

static int read_opensnitch(const char *path, struct import_plan *plan)
{
        _cleanup_(imports_deinit) struct imports imports = {0};
        _cleanup_(files_deinit) struct files files = {0};
        bool is_folder;
        struct stat st;
        int r;

        if (stat(path, &st) < 0)
                return cannot_read(path, errno);
        is_folder = S_ISDIR(st.st_mode);
        if (is_folder) {
                r = list_files(path, &files);
        } else {
                files.names = calloc(1, sizeof(*files.names));
                r = files.names ? add_name(&files, path, path) : out_of_memory();
        }
        if (!r && !(imports.rules = calloc(files.n, sizeof(*imports.rules))))
                r = out_of_memory();
        for (size_t i = 0; !r && i < files.n; i++) {
                char file[PATH_MAX + NAME_MAX + 2];

                snprintf(file, sizeof(file), "%s%s%s", is_folder ? path : "", is_folder ? "/" : "", files.names[i]);
                r = read_import(&imports, file);
        }
        return r ? r : plan_imports(&imports, &files, plan);
}

/* ---- files of our own --------------------------------------------------------------------------------------------- */

/* A lifetime began there and then: it would begin anew. */
static bool make_item(const struct rule *rule, const char *path, struct import_item *item)
{
        _cleanup_(buf_deinit) struct buf sentence = {0};

        *item = (struct import_item){.file = strdup(path), .denies = rule->action == ACTION_DENY};
        if (rule->lifetime == LIFETIME_ALWAYS) {
                item->rule = rule_copy(rule);
                return item->file && item->rule;
        }
        sentence_format(rule, &sentence);
        item->words = buf_take(&sentence);
        item->reason = strdup("it was not for always");
        return item->file && item->words && item->reason;
}

static int plan_rules(const struct ruleset *set, const char *path, struct import_plan *plan)
{
        for (const struct rule *rule = ruleset_next(set, NULL); rule; rule = ruleset_next(set, rule)) {
                struct import_item item;
                bool whole = make_item(rule, path, &item);

                if (import_plan_add(plan, &item) < 0 || !whole)
                        return out_of_memory();
        }
        return EXIT_YES;
}

struct unknown_keys {
        const char *path;
        struct import_plan *plan;
        int error;
};

static void on_unknown_key(void *userdata, const char *key)
{
        struct unknown_keys *keys = userdata;
        struct import_item item = {.file = strdup(keys->path)};

        if (!item.file || asprintf(&item.reason, "the key \"%s\" means nothing", key) < 0) {
                free(item.file);
                keys->error = -ENOMEM;
        } else if (import_plan_add(keys->plan, &item) < 0) {
                keys->error = -ENOMEM;
        }
}

static int read_flat(const char *path, struct import_plan *plan)
{
        _cleanup_(rulefile_rest_deinit) struct rulefile_rest rest = {0};
        _cleanup_(ruleset_freep) struct ruleset *set = ruleset_new(0);
        struct unknown_keys keys = {.path = path, .plan = plan};
        _cleanup_(freep) char *text = NULL;
        struct file_error error = {0};
        struct clocks now;
        size_t n;
        int r = set ? offline_read(path, LIMIT_RULE_FILE, true, &text, &n) : out_of_memory();

        if (!r)
                r = offline_clocks(&now);
        if (!r)
                r = offline_parsed(path, rulefile_parse(text, n, &now, set, &rest, &error), &error);
        if (!r)
                r = plan_rules(set, path, plan);
        if (!r && (rulefile_rest_keys(&rest, on_unknown_key, &keys) < 0 || keys.error))
                r = out_of_memory();
        return r;
}

static int read_sentences(const char *path, struct import_plan *plan)
{
        _cleanup_(ruleset_freep) struct ruleset *set = ruleset_new(0);
        _cleanup_(freep) char *text = NULL;
        struct file_error error = {0};
        size_t n;
        int r = set ? offline_read(path, LIMIT_RULE_FILE, true, &text, &n) : out_of_memory();

        if (!r)
                r = offline_parsed(path, rulefile_parse_sentences(text, n, ORIGIN_LIST, PRIORITY_DEFAULT, names_lookup, NULL, set, &error), &error);
        return r ? r : plan_rules(set, path, plan);
}

/* ---- adding ------------------------------------------------------------------------------------------------------- */

static int add_new(const struct cli *cli, const struct import_plan *plan)
{
        _cleanup_(freep) const struct rule **rules = calloc(plan->n + 1, sizeof(*rules));
        struct added added;
        size_t n = 0;
        int r;

        if (!rules)
                return out_of_memory();
        for (size_t i = 0; i < plan->n; i++)
                if (plan->items[i].state == IMPORT_NEW)
                        rules[n++] = plan->items[i].rule;
        r = add_rules(cli, rules, n, &added);
        if (!cli->json)
                printf("%zu rule%s added.\n", added.n_added, added.n_added == 1 ? "" : "s");
        if (r)
                cli_error("%zu of %zu rules were added; the same import again goes on with the others", added.n_added, n);
        return r ? r : added.n_refused > 0 ? EXIT_NO : EXIT_YES;
}

/* ---- the command -------------------------------------------------------------------------------------------------- */

/* Nothing but a yes is one. */
static bool is_wanted(size_t n)
{
        char answer[16] = "";

        printf("Add %zu rule%s? [y/N] ", n, n == 1 ? "" : "s");
        fflush(stdout);
        if (!fgets(answer, sizeof(answer), stdin))
                return false;
        answer[strcspn(answer, "\n")] = '\0';
        return strcasecmp(answer, "y") == 0 || strcasecmp(answer, "yes") == 0;
}

static int show(const struct cli *cli, const struct import_plan *plan)
{
        _cleanup_(buf_deinit) struct buf out = {0};

        if (cli->json)
                import_plan_format_json(plan, &out);
        else
                import_plan_format(plan, &out);
        return cli_print(&out);
}

static int carry_out(const struct cli *cli, const struct import_plan *plan)
{
        bool partly = plan->counts[IMPORT_REFUSED] > 0 || plan->counts[IMPORT_CONFLICT] > 0;
        int r = show(cli, plan);

        if (!r && plan->counts[IMPORT_NEW] > 0 && !arguments_have(cli->arguments, OPTION_DRY_RUN)) {
                if (!arguments_have(cli->arguments, OPTION_YES) && !is_wanted(plan->counts[IMPORT_NEW])) {
                        cli_error("nothing was added");
                        return EXIT_NO;
                }
                r = add_new(cli, plan);
        }
        return r ? r : partly ? EXIT_PARTLY : EXIT_YES;
}

int cmd_import(const struct cli *cli)
{
        static const struct {
                const char *word;
                int (*read)(const char *path, struct import_plan *plan);
        } formats[] = {{"opensnitch", read_opensnitch}, {"flat", read_flat}, {"sentences", read_sentences}};
        _cleanup_(import_plan_deinit) struct import_plan plan = {0};
        _cleanup_(rule_list_deinit) struct rule_list rules = {0};
        size_t i = 0;
        int r;

        while (i < ARRAY_SIZE(formats) && strcmp(formats[i].word, cli->words[0]) != 0)
                i++;
        if (i == ARRAY_SIZE(formats))
                return cli_wrong_input(cli, "'import' reads opensnitch, flat and sentences, not '%s'", cli->words[0]);
        if (!arguments_have(cli->arguments, OPTION_YES) && !arguments_have(cli->arguments, OPTION_DRY_RUN) &&
            (cli->json || !isatty(STDIN_FILENO) || strcmp(cli->words[1], "-") == 0))
                return cli_wrong_input(cli, "nobody can be asked here: say --yes to add what is new, or --dry-run to see it only");
        r = formats[i].read(cli->words[1], &plan);
        if (!r)
                r = rule_pages_list(cli, &rules);
        if (!r && import_plan_compare(&plan, rules.rules, rules.n) < 0)
                r = out_of_memory();
        return r ? r : carry_out(cli, &plan);
}
