/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Configuration and rules as files: read bounded and whole, and words for a person about what is wrong with one, with line and column. Nothing here
 * changes what is in force.
 */
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "daemon/policy.h"
#include "sys/files.h"
#include "wire/conffile.h"

void policy_path(char ret[PATH_MAX], const char *directory, const char *name)
{
        snprintf(ret, PATH_MAX, "%s/%s", directory, name);
}

/* ---- problems: words about a file that was refused ----------------------------------------------------------------- */

void policy_set_problem(char **problem, const char *path, const struct file_error *error, const char *instead)
{
        _cleanup_(buf_deinit) struct buf text = { 0 };

        if (error->line)
                buf_printf(&text, "%s:%u:%u: %s; %s", path, error->line, error->column, error->text, instead);
        else
                buf_printf(&text, "%s: %s; %s", path, error->text, instead);
        free(*problem);
        *problem = buf_take(&text);
        log_error("%s", *problem ? *problem : path);
}

void policy_clear_problem(char **problem)
{
        free(*problem);
        *problem = NULL;
}

/* Turns an errno of files_read() into the same kind of words. */
static void io_error(struct file_error *ret, int r)
{
        *ret = (struct file_error){ 0 };
        snprintf(ret->text, sizeof(ret->text), "cannot read it: %s",
                 r == -EFBIG ? "it is too large" : r == -ELOOP ? "it is a symbolic link" : r == -EINVAL ? "it is no regular file" : strerror(-r));
}

/* ---- configuration --------------------------------------------------------------------------------------------------- */

static void on_config_warning(void *userdata, const struct file_error *warning)
{
        struct policy_warnings *w = userdata;

        if (w->n++ == 0)
                w->first = *warning;
        if (w->quiet)
                return;
        if (!w->d) {
                fprintf(stderr, "%s:%u:%u: %s\n", w->path, warning->line, warning->column, warning->text);
                return;
        }
        log_warn("%s:%u:%u: %s", w->path, warning->line, warning->column, warning->text);
        server_notify(w->d, "Configuration", NOTIFICATION_WARNING, "%s:%u: %s", w->path, warning->line, warning->text);
}

int policy_parse_config(const char *text, size_t n, const struct config *last_good, const struct options *options, struct policy_warnings *warnings,
                        struct config *ret, struct file_error *ret_error)
{
        return conffile_parse(text, n, last_good, options->log_dir, ret, on_config_warning, warnings, ret_error);
}

int policy_read_config(const char *path, const struct config *last_good, const struct options *options, struct policy_warnings *warnings,
                       struct config *ret, struct file_error *ret_error)
{
        _cleanup_(freep) char *text = NULL;
        size_t n;
        int r;

        r = files_read(path, LIMIT_CONFIG_FILE, &text, &n);
        if (r < 0) {
                io_error(ret_error, r);
                return r;
        }
        return policy_parse_config(text, n, last_good, options, warnings, ret, ret_error);
}

void policy_keep_good(struct daemon *d, const char *name, char *text, size_t n)
{
        char path[PATH_MAX];

        policy_path(path, d->options.state, name);
        if (saver_replace(d->saver, path, text, n, 0600) < 0)
                log_warn("cannot keep a last good copy as %s", path);
}

/* ---- rules ------------------------------------------------------------------------------------------------------------ */

static bool resolve_name(_unused_ void *userdata, enum sentence_name what, const char *name, uint32_t *ret)
{
        if (what == SENTENCE_GROUP) {
                const struct group *g = getgrnam(name);

                if (g)
                        *ret = g->gr_gid;
                return g != NULL;
        }
        const struct passwd *p = getpwnam(name);

        if (p)
                *ret = p->pw_uid;
        return p != NULL;
}

int policy_read_factory(const struct options *options, struct ruleset *set, char *path, struct file_error *ret_error)
{
        _cleanup_(freep) char *text = NULL;
        size_t n;
        int r;

        policy_path(path, options->data, "factory.rules");
        r = files_read(path, LIMIT_CONFIG_FILE, &text, &n);
        if (r < 0) {
                io_error(ret_error, r);
                return r;
        }
        return rulefile_parse_sentences(text, n, ORIGIN_FACTORY, PRIORITY_FACTORY, resolve_name, NULL, set, ret_error);
}

int policy_check_dropin(const char *name, const char *text, size_t n, size_t *ret_rules, struct file_error *ret_error)
{
        return dropin_check(name, text, n, resolve_name, NULL, ret_rules, ret_error);
}

int policy_add_dropin(const struct dropin *file, struct ruleset *set, size_t *ret_replaced, struct file_error *ret_error)
{
        return dropin_add_rules(file->name, file->text, file->n, file->n_rules, resolve_name, NULL, set, ret_replaced, ret_error);
}

int policy_read_rules(const char *path, const struct clocks *now, struct ruleset *set, struct rulefile_rest *ret_rest, char **ret_text, size_t *ret_n,
                      struct file_error *ret_error)
{
        _cleanup_(freep) char *text = NULL;
        size_t n;
        int r;

        r = files_read(path, LIMIT_RULE_FILE, &text, &n);
        if (r < 0) {
                io_error(ret_error, r);
                return r;
        }
        r = rulefile_parse(text, n, now, set, ret_rest, ret_error);
        if (r == 0) {
                *ret_text = TAKE_PTR(text);
                *ret_n = n;
        }
        return r;
}

