/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The administrator's rules, /etc/bastion/rules.d/NAME.rules: sentences that Bastion reads and never writes. Each file stands for itself: one with
 * a mistake in it is told with line and column, its last good text stays in force, and the others hold. That text is kept in memory, and over a
 * restart in the state directory, all files in one (wire/dropins.h). Their rules go into every set that is built, before those of rules.json, and
 * are decided in one order with them. The directory is read at the start and on SIGHUP; what else builds a set takes what was read then.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/str.h"
#include "daemon/policy.h"
#include "sys/files.h"

static const char *const DIRECTORY = "rules.d";
static const char *const COPY = "rules.d.good";

enum {
        COPY_MAX = LIMIT_DROPIN_BYTES + LIMIT_DROPINS * (LIMIT_DROPIN_NAME + 32),
        TOLD_MAX = 8, /* files with a mistake that status names; the log has all */
};

/* One reading of the directory. */
struct reading {
        char path[PATH_MAX];
        const struct dropins *before; /* what stands in for a file with a mistake */
        const char *stand_in;         /* words for that */
        struct dropins now;
        size_t n_rules; /* in `now` */
        struct buf problems;
        unsigned n_problems;
        bool at_start; /* `before` is the copy in the state directory */
        bool check; /* --check: people read what is said, and nothing stands in */
};

static void reading_deinit(struct reading *r)
{
        dropins_deinit(&r->now);
        buf_deinit(&r->problems);
}

/* ---- words ---------------------------------------------------------------------------------------------------------- */

/* `name` NULL: about the directory. */
static void tell(struct reading *r, const char *name, const struct file_error *error, const char *instead)
{
        _cleanup_(buf_deinit) struct buf words = { 0 };

        buf_puts(&words, r->path);
        if (name) {
                buf_putc(&words, '/');
                str_escape(&words, name);
        }
        if (error->line)
                buf_printf(&words, ":%u:%u", error->line, error->column);
        buf_printf(&words, ": %s", error->text);
        r->n_problems++;
        if (buf_error(&words) < 0) {
                log_error("%s: a file has a mistake, and there is no memory to say which", r->path);
                return;
        }
        if (r->check) {
                fprintf(stderr, "%s\n", words.data);
                return;
        }
        log_error("%s; %s", words.data, instead);
        if (r->n_problems <= TOLD_MAX)
                buf_printf(&r->problems, "%s%s; %s", r->n_problems > 1 ? "\n" : "", words.data, instead);
}

static void io_words(struct file_error *ret, int error)
{
        *ret = (struct file_error){ 0 };
        if (error == -EFBIG)
                snprintf(ret->text, sizeof(ret->text), "it is too large: all these files together may have %d MiB", LIMIT_DROPIN_BYTES >> 20);
        else
                snprintf(ret->text, sizeof(ret->text), "cannot read it: %s",
                         error == -ELOOP  ? "it is a symbolic link" :
                         error == -ENOTDIR ? "it is a symbolic link, or no directory" :
                         error == -EINVAL ? "it is no regular file" :
                         error == -EPERM  ? "it must be root's, and nobody else may write it" :
                                            strerror(-error));
}

/* ---- reading -------------------------------------------------------------------------------------------------------------- */

static int keep(struct reading *r, const char *name, const char *text, size_t n, size_t n_rules)
{
        char *copy = malloc(n + 1);
        int e;

        if (copy) {
                memcpy(copy, text, n);
                copy[n] = '\0';
        }
        e = dropins_append(&r->now, strdup(name), copy, n);
        if (e == 0) {
                r->now.files[r->now.n - 1].n_rules = n_rules;
                r->n_rules += n_rules;
        }
        return e;
}

/* What the file said when it was right, where there is room for that; NULL: it never was. A copy on disk may be of a Bastion that knew other words. */
static const struct dropin *find_good(const struct reading *r, const char *name, size_t *ret_rules)
{
        const struct dropin *good = r->before ? dropins_find(r->before, name, strlen(name)) : NULL;
        struct file_error ignored;

        if (!good || good->n > LIMIT_DROPIN_BYTES - r->now.n_bytes)
                return NULL;
        *ret_rules = good->n_rules;
        if (r->at_start && policy_check_dropin(good->name, good->text, good->n, ret_rules, &ignored) != 0)
                return NULL;
        return r->n_rules + *ret_rules <= LIMIT_DROPIN_RULES ? good : NULL;
}

static int stand_in(struct reading *r, const char *name, const struct file_error *error)
{
        size_t n_rules = 0;
        const struct dropin *good = find_good(r, name, &n_rules);

        tell(r, name, error, good ? r->stand_in : "its rules are left out");
        return good ? keep(r, name, good->text, good->n, n_rules) : 0;
}

/* The same text as at the last reading was looked at then. As dropin_check(). */
static int check(const struct reading *r, const char *name, const char *text, size_t n, size_t *ret_rules, struct file_error *ret_error)
{
        const struct dropin *before = r->before && !r->at_start ? dropins_find(r->before, name, strlen(name)) : NULL;

        if (before && before->n == n && memcmp(before->text, text, n) == 0) {
                *ret_rules = before->n_rules;
                return 0;
        }
        return policy_check_dropin(name, text, n, ret_rules, ret_error);
}

static int read_file(struct reading *r, int directory, const char *name)
{
        _cleanup_(freep) char *text = NULL;
        struct file_error error = { 0 };
        size_t n = 0, n_rules = 0;
        int e;

        if (!dropin_name_is_good(name)) {
                snprintf(error.text, sizeof(error.text), "expected a name of at most %d letters, digits and . _ + @ -", LIMIT_DROPIN_NAME);
                return stand_in(r, name, &error);
        }
        e = files_read_roots_at(directory, name, LIMIT_DROPIN_BYTES - r->now.n_bytes, &text, &n);
        if (e == -ENOENT)
                return 0; /* gone since the directory was listed */
        if (e < 0) {
                io_words(&error, e);
                return stand_in(r, name, &error);
        }
        e = check(r, name, text, n, &n_rules, &error);
        if (e < 0)
                return e;
        if (e == 0 && r->n_rules + n_rules > LIMIT_DROPIN_RULES) {
                snprintf(error.text, sizeof(error.text), "with its rules there would be more than %d in these files", LIMIT_DROPIN_RULES);
                e = RULEFILE_E_VALUE;
        }
        if (e > 0)
                return stand_in(r, name, &error);
        if (r->check)
                printf("%s/%s: ok\n", r->path, name);
        return keep(r, name, text, n, n_rules);
}

static int list_names(int directory, struct dropin_names *names)
{
        int fd = openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), r = 0;
        DIR *stream = fd >= 0 ? fdopendir(fd) : NULL;
        struct dirent *entry;

        if (!stream) {
                r = -errno;
                if (fd >= 0)
                        close(fd);
                return r;
        }
        while (r == 0 && (errno = 0, entry = readdir(stream)) != NULL)
                r = dropin_names_add(names, entry->d_name);
        if (r == 0 && errno != 0)
                r = -errno;
        closedir(stream);
        return r;
}

static int read_files(struct reading *r, int directory)
{
        _cleanup_(dropin_names_deinit) struct dropin_names names = { .n = 0 };
        struct file_error error = { 0 };
        int e = list_names(directory, &names);

        for (size_t i = 0; e == 0 && i < names.n; i++)
                e = read_file(r, directory, names.names[i]);
        if (e == 0 && names.n_more > 0) {
                snprintf(error.text, sizeof(error.text), "there are more than %d files; the first by name count", LIMIT_DROPINS);
                tell(r, NULL, &error, "the others are left out");
        }
        return e;
}

/* 0, also when there is no such directory or none that can be read; -ENOMEM. */
static int read_directory(struct reading *r)
{
        struct file_error error;
        int directory = files_open_roots_directory(r->path), e;

        if (directory == -ENOENT)
                return 0;
        e = directory < 0 ? directory : read_files(r, directory);
        if (directory >= 0)
                close(directory);
        if (e == 0 || e == -ENOMEM)
                return e;
        io_words(&error, e);
        tell(r, NULL, &error, r->before ? "the last good rules of its files stay" : "its rules are left out");
        dropins_deinit(&r->now);
        for (size_t i = 0; r->before && i < r->before->n; i++) {
                const char *name = r->before->files[i].name;
                size_t n_rules = 0;
                const struct dropin *good = find_good(r, name, &n_rules);

                if (good && keep(r, name, good->text, good->n, n_rules) < 0)
                        return -ENOMEM;
        }
        return 0;
}

/* ---- the copy in the state directory --------------------------------------------------------------------------------------- */

/* What the daemon before had read; nothing where it kept none. */
static int read_copy(const struct daemon *d, struct dropins *ret)
{
        _cleanup_(freep) char *text = NULL;
        char path[PATH_MAX];
        size_t n;
        int r;

        policy_path(path, d->options.state, COPY);
        r = files_read(path, COPY_MAX, &text, &n);
        if (r == 0)
                r = dropins_parse(text, n, ret);
        if (r != 0 && r != -ENOENT && r != -ENOMEM)
                log_warn("%s: %s; there is no last good copy of the administrator's rules", path, r < 0 ? strerror(-r) : "it is damaged");
        return r == -ENOMEM ? r : 0;
}

static void write_copy(struct daemon *d)
{
        _cleanup_(buf_deinit) struct buf text = { .max = COPY_MAX };
        char path[PATH_MAX];
        char *copy;
        size_t n;

        policy_path(path, d->options.state, COPY);
        if (d->dropins.n == 0 && !files_stamp(path).exists)
                return;
        dropins_format(&d->dropins, &text);
        n = text.n;
        copy = n > 0 ? buf_take(&text) : strdup("");
        if (copy)
                policy_keep_good(d, COPY, copy, n);
        else
                log_warn("cannot keep a last good copy as %s: no memory", path);
}

/* ---- what the rest of policy asks -------------------------------------------------------------------------------------------- */

static void set_problem(struct daemon *d, struct reading *r)
{
        policy_clear_problem(&d->dropins_problem);
        if (r->n_problems == 0)
                return;
        if (r->n_problems > TOLD_MAX)
                buf_printf(&r->problems, "\n%s: %u more mistakes; the log has them", r->path, r->n_problems - TOLD_MAX);
        server_notify(d, "Rules", NOTIFICATION_ERROR, "%s", r->problems.data ? r->problems.data : r->path);
        d->dropins_problem = buf_take(&r->problems);
}

int policy_read_dropins(struct daemon *d, bool at_start)
{
        _cleanup_(dropins_deinit) struct dropins before = { 0 };
        _cleanup_(reading_deinit) struct reading r = {
                .at_start = at_start,
                .before = at_start ? &before : &d->dropins,
                .stand_in = at_start ? "its last good copy is in force" : "its last good rules stay in force",
        };
        int e = at_start ? read_copy(d, &before) : 0;

        policy_path(r.path, d->options.etc, DIRECTORY);
        if (e == 0)
                e = read_directory(&r);
        if (e < 0)
                return e;
        set_problem(d, &r);
        dropins_deinit(&d->dropins);
        d->dropins = r.now;
        r.now = (struct dropins){ 0 };
        write_copy(d);
        return 0;
}

int policy_add_dropins(const struct dropins *dropins, struct ruleset *set)
{
        for (size_t i = 0; i < dropins->n; i++) {
                const struct dropin *file = &dropins->files[i];
                struct file_error error = { 0 };
                size_t n_replaced = 0;
                int r = policy_add_dropin(file, set, &n_replaced, &error);

                if (r < 0)
                        return r;
                if (r > 0) /* there is no room for it */
                        log_error("rules.d/%s: %s; its rules are left out", file->name, error.text);
                if (n_replaced > 0)
                        log_info("rules.d/%s: %zu of its rules take the place of rules of earlier files", file->name, n_replaced);
        }
        return 0;
}

void policy_dropin_place(const struct daemon *d, const char *id, char *ret, size_t size)
{
        unsigned line = 0;
        const struct dropin *file = dropins_find_rule(&d->dropins, id, &line);

        if (file)
                snprintf(ret, size, "%s/%s/%s, line %u", d->options.etc, DIRECTORY, file->name, line);
        else
                snprintf(ret, size, "%s/%s", d->options.etc, DIRECTORY);
}

bool policy_check_dropins(const struct options *options, struct ruleset *set)
{
        _cleanup_(reading_deinit) struct reading r = { .check = true };

        policy_path(r.path, options->etc, DIRECTORY);
        if (read_directory(&r) < 0 || policy_add_dropins(&r.now, set) < 0) {
                fprintf(stderr, "%s: no memory\n", r.path);
                return false;
        }
        return r.n_problems == 0;
}
