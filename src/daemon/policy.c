/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Configuration and rules: loaded, changed, saved. What is in force is always something that was read and validated as a whole;
 * a file that does not parse changes nothing and is told to everybody, with line and column. At start the last good copy in the state
 * directory takes a bad file's place.
 *
 * A change is in force in memory first; the saver thread writes it. A rules.json with a mistake in it is somebody's unfinished work and is
 * never written over: what is added meanwhile goes into the last good copy, and into the file when that has been put right. Every change that can end a flow ends in changed(): the generation rises, so
 * that decided flows are judged anew at their next packet. After any change open questions are decided again.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/log.h"
#include "base/str.h"
#include "daemon/daemon.h"
#include "sys/clock.h"
#include "sys/files.h"
#include "sys/netwatch.h"
#include "wire/conffile.h"

enum { SAVE_AGAIN_SECONDS = 5 };

static const char *const RESOLV_CONF = "/etc/resolv.conf";

static void join(char ret[PATH_MAX], const char *directory, const char *name)
{
        snprintf(ret, PATH_MAX, "%s/%s", directory, name);
}

/* ---- problems: words about a file that was refused ----------------------------------------------------------------- */

static void set_problem(char **problem, const char *path, const struct file_error *error, const char *instead)
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

static void clear_problem(char **problem)
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

struct warnings {
        struct daemon *d; /* NULL: print, as --check does */
        const char *path;
        unsigned n;
};

static void on_config_warning(void *userdata, const struct file_error *warning)
{
        struct warnings *w = userdata;

        w->n++;
        if (!w->d) {
                fprintf(stderr, "%s:%u:%u: %s\n", w->path, warning->line, warning->column, warning->text);
                return;
        }
        log_warn("%s:%u:%u: %s", w->path, warning->line, warning->column, warning->text);
        server_notify(w->d, "Configuration", NOTIFICATION_WARNING, "%s:%u: %s", w->path, warning->line, warning->text);
}

/* 0, -ENOENT, another negative errno or CONFFILE_E_SYNTAX with *ret_error. */
static int read_config(const char *path, const struct config *last_good, const struct options *options, struct warnings *warnings,
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
        return conffile_parse(text, n, last_good, options->log_dir, ret, on_config_warning, warnings, ret_error);
}

static void save_last_good(struct daemon *d, const char *name, char *text, size_t n)
{
        char path[PATH_MAX];

        join(path, d->options.state, name);
        if (saver_replace(d->saver, path, text, n, 0600) < 0)
                log_warn("cannot keep a last good copy as %s", path);
}

/* What is in force, every key of it: so a file with one wrong word cannot take the last good word away. A try is not in force for good. */
static void save_good_config(struct daemon *d, enum mode mode)
{
        _cleanup_(buf_deinit) struct buf text = { .max = LIMIT_CONFIG_FILE };
        struct config good = d->config;
        size_t n;

        good.mode = mode;
        if (conffile_format(&good, &text) < 0) {
                log_warn("cannot keep a last good copy of the configuration: no memory");
                return;
        }
        n = text.n;
        save_last_good(d, "config.json.good", buf_take(&text), n);
}

/* At start, before config.json itself is read: where that is wrong, in a word or as a whole, this holds. False: there never was a good one. */
static bool load_good_config(struct daemon *d)
{
        struct warnings warnings = { .d = d };
        struct file_error ignored;
        struct config config;
        char good[PATH_MAX];

        join(good, d->options.state, "config.json.good");
        warnings.path = good;
        if (read_config(good, &d->config, &d->options, &warnings, &config, &ignored) != 0)
                return false;
        d->config = config;
        return true;
}

/* The mode that holds when no try is running. */
static enum mode settled_mode(const struct daemon *d)
{
        return d->try_ends.ns == BOOTTIME_NEVER.ns ? d->config.mode : d->mode_before_try;
}

/* Reads config.json over `d->config`, whose mode must be the settled one: a wrong word keeps it. */
static void load_config(struct daemon *d, bool at_start)
{
        char path[PATH_MAX];
        struct warnings warnings = { .d = d, .path = path };
        struct file_error error = { 0 };
        struct config config;
        bool had_good = at_start && load_good_config(d);
        int r;

        join(path, d->options.etc, "config.json");
        r = read_config(path, &d->config, &d->options, &warnings, &config, &error);
        if (r == 0) {
                d->config = config;
                clear_problem(&d->config_problem);
                save_good_config(d, config.mode);
        } else if (!at_start) {
                set_problem(&d->config_problem, path, &error, "the configuration in force stays");
                server_notify(d, "Configuration", NOTIFICATION_ERROR, "%s", d->config_problem ? d->config_problem : path);
        } else if (had_good) {
                set_problem(&d->config_problem, path, &error, "the last good copy is in force");
        } else if (r != -ENOENT) {
                set_problem(&d->config_problem, path, &error, "there is no good copy: starting in learning mode");
        }
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

static int read_factory(const struct options *options, struct ruleset *set, char *path, struct file_error *ret_error)
{
        _cleanup_(freep) char *text = NULL;
        size_t n;
        int r;

        join(path, options->data, "factory.rules");
        r = files_read(path, LIMIT_CONFIG_FILE, &text, &n);
        if (r < 0) {
                io_error(ret_error, r);
                return r;
        }
        return rulefile_parse_sentences(text, n, ORIGIN_FACTORY, PRIORITY_FACTORY, resolve_name, NULL, set, ret_error);
}

static int read_rules(const char *path, struct ruleset *set, struct rulefile_rest *ret_rest, char **ret_text, size_t *ret_n,
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
        r = rulefile_parse(text, n, set, ret_rest, ret_error);
        if (r == 0) {
                *ret_text = TAKE_PTR(text);
                *ret_n = n;
        }
        return r;
}

static struct file_stamp stamp_of(const char *path)
{
        struct stat st;

        if (lstat(path, &st) < 0)
                return (struct file_stamp){ 0 };
        return (struct file_stamp){
                .inode = st.st_ino,
                .size = st.st_size,
                .mtime_ns = (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec,
        };
}

/* The configuration switches some factory rules; session answers outlive a reload. */
static void apply_config_to_rules(struct daemon *d)
{
        for (const struct rule *r = ruleset_next(d->rules, NULL); r; r = ruleset_next(d->rules, r))
                if (r->origin == ORIGIN_FACTORY)
                        ruleset_find(d->rules, r->id)->disabled = !config_enables_factory_rule(&d->config, r->id);
}

static void move_session_rules(struct ruleset *from, struct ruleset *to)
{
        for (const struct rule *r = ruleset_next(from, NULL), *next; r; r = next) {
                struct rule *moved;

                next = ruleset_next(from, r);
                if (r->origin != ORIGIN_SESSION)
                        continue;
                moved = ruleset_remove(from, r->id);
                if (ruleset_add(to, moved) != 0) {
                        log_warn("session rule %s could not be kept over a reload", moved->id);
                        rule_free(moved);
                }
        }
}

/* What has not reached the file is in force all the same. True when there was any. */
static bool move_unsaved_rules(struct ruleset *from, struct ruleset *to)
{
        bool any = false;

        for (const struct rule *r = ruleset_next(from, NULL), *next; r; r = next) {
                struct rule *moved;

                next = ruleset_next(from, r);
                if (!r->unsaved)
                        continue;
                moved = ruleset_remove(from, r->id);
                if (moved->origin == ORIGIN_LIST && ruleset_find(to, moved->id)) {
                        /* The file has given that number to another rule. */
                        free(moved->id);
                        moved->id = NULL;
                }
                if (ruleset_add(to, moved) == 0) {
                        any = true;
                } else {
                        log_warn("a rule that was not saved yet could not be kept over a reload");
                        rule_free(moved);
                }
        }
        return any;
}

/* What a rule did so far is remembered under its id. */
static void carry_hits(const struct ruleset *from, struct ruleset *to)
{
        for (const struct rule *r = ruleset_next(from, NULL); r; r = ruleset_next(from, r)) {
                struct rule *same = r->n_hits ? ruleset_find(to, r->id) : NULL;

                if (same)
                        same->n_hits = r->n_hits;
        }
}

/* True when rules went along that the file does not have. */
static bool swap_rules(struct daemon *d, struct ruleset *set, struct rulefile_rest rest)
{
        bool unsaved = false;

        if (d->rules) {
                carry_hits(d->rules, set);
                move_session_rules(d->rules, set);
                unsaved = move_unsaved_rules(d->rules, set);
                ruleset_free(d->rules);
        }
        d->rules = set;
        rulefile_rest_deinit(&d->rest);
        d->rest = rest;
        apply_config_to_rules(d);
        return unsaved;
}

/* A new set with the factory rules in it; without their file there are none, which only asks more. */
static struct ruleset *factory_set(struct daemon *d)
{
        struct ruleset *set = ruleset_new(d->seed);
        struct file_error error = { 0 };
        char path[PATH_MAX];

        if (set && read_factory(&d->options, set, path, &error) != 0)
                log_error("%s:%u:%u: %s; the factory rules after this line are not in force", path, error.line, error.column, error.text);
        return set;
}

static int64_t save_rules(struct daemon *d);

static int load_rules(struct daemon *d, bool at_start)
{
        _cleanup_(ruleset_freep) struct ruleset *set = factory_set(d);
        struct rulefile_rest rest = { 0 };
        struct file_error error = { 0 }, ignored;
        char path[PATH_MAX], good[PATH_MAX];
        char *text = NULL;
        size_t n = 0;
        int r;

        if (!set)
                return -ENOMEM;
        join(path, d->options.etc, "rules.json");
        join(good, d->options.state, "rules.json.good");
        d->rules_stamp = stamp_of(path);
        r = read_rules(path, set, &rest, &text, &n, &error);
        if (r == 0 || r == -ENOENT) {
                bool unsaved = swap_rules(d, TAKE_PTR(set), rest);

                clear_problem(&d->rules_problem);
                if (unsaved) {
                        free(text);
                        save_rules(d);
                        return 0;
                }
                /* Somebody took the file away, and with it its rules: an old copy must not bring them back. */
                if (r == -ENOENT && (text = strdup("{}\n")))
                        n = strlen(text);
                if (text)
                        save_last_good(d, "rules.json.good", text, n);
                return 0;
        }
        if (!at_start) {
                set_problem(&d->rules_problem, path, &error, "the rules in force stay");
                server_notify(d, "Rules", NOTIFICATION_ERROR, "%s", d->rules_problem ? d->rules_problem : path);
                return 0;
        }
        ruleset_free(set);
        set = factory_set(d);
        if (set && read_rules(good, set, &rest, &text, &n, &ignored) == 0) {
                free(text);
                set_problem(&d->rules_problem, path, &error, "the last good copy is in force");
        } else {
                ruleset_free(set);
                set = factory_set(d);
                set_problem(&d->rules_problem, path, &error, "there is no good copy: only the factory rules are in force");
        }
        if (!set)
                return -ENOMEM;
        swap_rules(d, TAKE_PTR(set), rest);
        return 0;
}

/* ---- what follows a change ---------------------------------------------------------------------------------------------- */

static void arm_expiry(struct daemon *d)
{
        struct boottime next = ruleset_next_expiry(d->rules);

        if (next.ns == BOOTTIME_NEVER.ns) {
                sd_event_source_set_enabled(d->expiry_timer, SD_EVENT_OFF);
                return;
        }
        sd_event_source_set_time(d->expiry_timer, next.ns / NS_PER_USEC + 1);
        sd_event_source_set_enabled(d->expiry_timer, SD_EVENT_ONESHOT);
}

/* One more thing is allowed: nothing that was decided becomes wrong, but open questions may be answered by it. */
static void changed_for_the_open(struct daemon *d)
{
        arm_expiry(d);
        if (d->questions)
                prompts_reconsider(d);
}

static void changed(struct daemon *d)
{
        int r;

        if (d->tracker) {
                r = tracker_set_generation(d->tracker, tracker_generation(d->tracker) + 1);
                if (r < 0)
                        log_error("cannot raise the generation: %s; flows that were decided keep their verdict", strerror(-r));
        }
        changed_for_the_open(d);
}

static int on_expiry(_unused_ sd_event_source *source, _unused_ uint64_t usec, void *userdata)
{
        struct daemon *d = userdata;

        /* What "once" leaves behind ends without effect on its connections, which were answered; so no new generation. */
        ruleset_expire(d->rules, clock_boottime());
        arm_expiry(d);
        return 0;
}

/* Somebody else wrote rules.json since we read it: their edit comes in before ours goes out. True when it did. */
static bool take_foreign_edit(struct daemon *d)
{
        char path[PATH_MAX];
        struct file_stamp stamp;

        if (d->rules_ticket != 0)
                return false; /* the difference is, or will be, our own */
        join(path, d->options.etc, "rules.json");
        stamp = stamp_of(path);
        if (memcmp(&stamp, &d->rules_stamp, sizeof(stamp)) == 0)
                return false;
        log_info("%s was changed by somebody else: reading it before writing", path);
        if (load_rules(d, false) < 0)
                log_error("cannot read %s again: no memory", path);
        return true;
}

static int64_t save_rules(struct daemon *d)
{
        _cleanup_(buf_deinit) struct buf text = { .max = LIMIT_RULE_FILE };
        char path[PATH_MAX];
        char *copy;
        size_t n;
        int64_t ticket;
        int r;

        r = rulefile_format(d->rules, &d->rest, &text);
        if (r < 0)
                return r;
        n = text.n;
        copy = strdup(text.data);
        if (copy)
                save_last_good(d, "rules.json.good", copy, n);
        if (d->rules_problem) {
                server_notify(d, "Not saved", NOTIFICATION_ERROR, "%s", d->rules_problem);
                return -EBADMSG; /* see policy_save_error() */
        }
        join(path, d->options.etc, "rules.json");
        ticket = saver_replace(d->saver, path, buf_take(&text), n, 0644);
        if (ticket < 0)
                log_error("cannot save %s: %s; the change is in force until the daemon stops", path, strerror((int)-ticket));
        else
                d->rules_ticket = ticket;
        return ticket;
}

const char *policy_save_error(const struct daemon *d, int error)
{
        return error == -EBADMSG && d->rules_problem ? d->rules_problem : strerror(-error);
}

static int on_save_again(_unused_ sd_event_source *source, _unused_ uint64_t usec, void *userdata)
{
        struct daemon *d = userdata;

        if (d->rules_ticket == 0)
                save_rules(d);
        return 0;
}

/* No room, no descriptors: such things pass. Told of once, tried until it works, and a last time when the daemon stops. */
static void on_rules_not_saved(struct daemon *d, const char *path, int error)
{
        if (!d->rules_save_failed) {
                log_error("cannot save %s: %s; what it should hold is in force and is tried again every %d s", path, strerror(-error),
                          SAVE_AGAIN_SECONDS);
                server_notify(d, "Not saved", NOTIFICATION_ERROR, "%s: %s", path, strerror(-error));
        }
        d->rules_save_failed = true;
        sd_event_source_set_time(d->save_timer, clock_monotonic_us() + SAVE_AGAIN_SECONDS * UINT64_C(1000000));
        sd_event_source_set_enabled(d->save_timer, SD_EVENT_ONESHOT);
}

/* The last save of rules.json is done, for better or worse. */
static void on_rules_saved(struct daemon *d, const char *path, int error)
{
        d->rules_ticket = 0;
        if (error < 0) {
                on_rules_not_saved(d, path, error);
        } else {
                if (d->rules_save_failed)
                        log_info("%s is saved now", path);
                d->rules_save_failed = false;
                d->rules_stamp = stamp_of(path);
                for (struct rule *r = ruleset_next(d->rules, NULL); r; r = ruleset_next(d->rules, r))
                        r->unsaved = false;
        }
        if (!d->rules_reload_due)
                return;
        d->rules_reload_due = false;
        if (load_rules(d, false) < 0)
                log_error("cannot reload the rules: no memory; those in force stay");
        changed(d);
}

void policy_on_saved(struct daemon *d, const char *path, int64_t ticket, int error)
{
        if (d->rules_ticket != 0 && saver_covers(ticket, d->rules_ticket)) {
                on_rules_saved(d, path, error);
        } else if (error < 0) {
                log_error("cannot save %s: %s; what it should hold is in force until the daemon stops", path, strerror(-error));
                server_notify(d, "Not saved", NOTIFICATION_ERROR, "%s: %s", path, strerror(-error));
        }
}

int policy_add_rule(struct daemon *d, struct rule *rule, const struct rule **ret, int64_t *ret_ticket)
{
        bool session = rule->origin == ORIGIN_SESSION, allows = rule->action == ACTION_ALLOW;
        int r;

        if (!session && take_foreign_edit(d))
                allows = false; /* whatever came in may deny */
        rule->unsaved = !session;
        r = ruleset_add(d->rules, rule);
        if (r != 0) {
                rule_free(rule);
                return r;
        }
        *ret = rule;
        *ret_ticket = session ? 0 : save_rules(d);
        if (allows)
                changed_for_the_open(d);
        else
                changed(d);
        return 0;
}

bool policy_delete_rule(struct daemon *d, const char *id, int64_t *ret_ticket)
{
        const struct rule *rule;
        bool session;

        take_foreign_edit(d);
        rule = ruleset_find(d->rules, id);
        if (!rule || rule->origin == ORIGIN_FACTORY)
                return false;
        session = rule->origin == ORIGIN_SESSION;
        rule_free(ruleset_remove(d->rules, id));
        *ret_ticket = session ? 0 : save_rules(d);
        changed(d);
        return true;
}

static bool is_session_answer_of(const struct rule *r, const char *subject, uint16_t port)
{
        static const char PREFIX[] = "@name:";

        if (r->origin != ORIGIN_SESSION || !r->program)
                return false;
        if (r->subject == RULE_NAME ? !str_has_prefix(subject, PREFIX) || strcmp(subject + strlen(PREFIX), r->program) != 0 :
                                      strcmp(subject, r->program) != 0)
                return false;
        return port == 0 || !(r->has & RULE_HAS_PORTS) || (r->n_ports == 1 && r->ports[0].first == port && r->ports[0].last == port);
}

void policy_clear_cache(struct daemon *d, const char *subject, uint16_t port)
{
        bool any = false;

        for (const struct rule *r = ruleset_next(d->rules, NULL), *next; r; r = next) {
                next = ruleset_next(d->rules, r);
                if (!is_session_answer_of(r, subject, port))
                        continue;
                rule_free(ruleset_remove(d->rules, r->id));
                any = true;
        }
        if (any)
                changed(d);
}

/* ---- mode --------------------------------------------------------------------------------------------------------------- */

int policy_install_hook(struct daemon *d)
{
        const struct hook_options wanted = {
                .queue = d->options.queue,
                .gate_pin = d->tracker ? tracker_gate_pin(d->tracker) : NULL,
                .fail_open = config_fails_open(&d->config),
                .deny_errno = d->config.deny_errno,
        };
        int r;

        if (d->hook_installed && d->hook.fail_open == wanted.fail_open && d->hook.deny_errno == wanted.deny_errno &&
            !d->hook.gate_pin == !wanted.gate_pin)
                return 0;
        r = hook_install(&wanted, &d->hook_form);
        if (r < 0)
                return r;
        d->hook = wanted;
        d->hook_installed = true;
        return 0;
}

/* `on_failure` (which follows the mode unless the file says otherwise) or `deny_errno` may have changed. */
static void refresh_hook(struct daemon *d)
{
        int r = d->hook_installed ? policy_install_hook(d) : 0;

        if (r < 0)
                log_error("cannot replace the hook's rules: %s; on_failure and deny_errno stay as they were", strerror(-r));
}

static void enter_mode(struct daemon *d, enum mode mode)
{
        _cleanup_(buf_deinit) struct buf line = { 0 };

        if (d->config.mode != mode) {
                d->config.mode = mode;
                d->mode_epoch++;
                log_info("mode: %s", mode_name(mode));
                changed(d);
        }
        refresh_hook(d);
        message_format_mode_changed(&line, mode, policy_try_left(d));
        server_broadcast(d, &line, false, SUBSCRIBE_QUESTIONS | SUBSCRIBE_DECISIONS);
}

static int64_t save_mode(struct daemon *d)
{
        _cleanup_(freep) char *text = NULL;
        _cleanup_(buf_deinit) struct buf out = { .max = LIMIT_CONFIG_FILE };
        struct file_error error = { 0 };
        char path[PATH_MAX];
        size_t n = 0;
        int r;

        join(path, d->options.etc, "config.json");
        r = files_read(path, LIMIT_CONFIG_FILE, &text, &n);
        if (r == -ENOENT)
                r = conffile_set_mode("{}", 2, d->config.mode, &out, &error);
        else if (r == 0)
                r = conffile_set_mode(text, n, d->config.mode, &out, &error);
        if (r != 0) {
                log_error("cannot write the mode to %s: %s; it is in force until the daemon stops", path, r < 0 ? strerror(-r) : error.text);
                return r < 0 ? r : -EINVAL;
        }
        n = out.n;
        return saver_replace(d->saver, path, buf_take(&out), n, 0644);
}

unsigned policy_try_left(const struct daemon *d)
{
        if (d->try_ends.ns == BOOTTIME_NEVER.ns)
                return 0;
        return (unsigned)(boottime_left(d->try_ends, clock_boottime()) / NS_PER_SEC) + 1;
}

static void end_try(struct daemon *d)
{
        d->try_ends = BOOTTIME_NEVER;
        sd_event_source_set_enabled(d->try_timer, SD_EVENT_OFF);
}

static int on_try_ended(_unused_ sd_event_source *source, _unused_ uint64_t usec, void *userdata)
{
        struct daemon *d = userdata;

        end_try(d);
        enter_mode(d, d->mode_before_try);
        server_notify(d, "Mode", NOTIFICATION_INFO, "nobody said keep: back to %s", mode_name(d->config.mode));
        return 0;
}

int policy_set_mode(struct daemon *d, enum mode mode, unsigned try_seconds, bool keep, int64_t *ret_ticket)
{
        *ret_ticket = 0;
        if (keep && d->try_ends.ns == BOOTTIME_NEVER.ns)
                return -ENOENT;
        if (!keep && try_seconds > 0) {
                if (d->try_ends.ns == BOOTTIME_NEVER.ns)
                        d->mode_before_try = d->config.mode;
                d->try_ends = boottime_add(clock_boottime(), try_seconds * NS_PER_SEC);
                sd_event_source_set_time(d->try_timer, d->try_ends.ns / NS_PER_USEC);
                sd_event_source_set_enabled(d->try_timer, SD_EVENT_ONESHOT);
                enter_mode(d, mode);
                return 0;
        }
        end_try(d);
        enter_mode(d, keep ? d->config.mode : mode);
        save_good_config(d, d->config.mode);
        *ret_ticket = save_mode(d);
        return 0;
}

/* ---- life ----------------------------------------------------------------------------------------------------------------- */

static void apply_log(struct daemon *d)
{
        int r = helpers_set_log(d, d->config.log_decisions ? d->config.log_file : NULL);

        if (r < 0)
                log_warn("cannot open log file %s: %s; decisions go on, its lines are lost", d->config.log_file, strerror(-r));
}

void policy_read_net(struct daemon *d)
{
        netwatch_read(RESOLV_CONF, &d->net);
}

int policy_start(struct daemon *d)
{
        int r;

        d->config = config_default();
        d->try_ends = BOOTTIME_NEVER;
        r = sd_event_add_time(d->loop, &d->expiry_timer, CLOCK_BOOTTIME, 0, 0, on_expiry, d);
        if (r >= 0)
                r = sd_event_source_set_enabled(d->expiry_timer, SD_EVENT_OFF);
        if (r >= 0)
                r = sd_event_add_time(d->loop, &d->try_timer, CLOCK_BOOTTIME, 0, 0, on_try_ended, d);
        if (r >= 0)
                r = sd_event_source_set_enabled(d->try_timer, SD_EVENT_OFF);
        if (r >= 0)
                r = sd_event_add_time(d->loop, &d->save_timer, CLOCK_MONOTONIC, 0, 0, on_save_again, d);
        if (r >= 0)
                r = sd_event_source_set_enabled(d->save_timer, SD_EVENT_OFF);
        if (r < 0)
                return r;
        load_config(d, true);
        apply_log(d);
        policy_read_net(d);
        return load_rules(d, true);
}

/* Without cache_decisions there are no session answers; those that were given end with it. */
static void forget_session_answers(struct daemon *d)
{
        for (const struct rule *r = ruleset_next(d->rules, NULL), *next; r; r = next) {
                next = ruleset_next(d->rules, r);
                if (r->origin == ORIGIN_SESSION && r->lifetime == LIFETIME_SESSION)
                        rule_free(ruleset_remove(d->rules, r->id));
        }
}

void policy_reload(struct daemon *d)
{
        bool trying = d->try_ends.ns != BOOTTIME_NEVER.ns;
        enum mode running = d->config.mode, wanted;

        d->config.mode = settled_mode(d);
        load_config(d, false);
        wanted = d->config.mode;
        d->config.mode = running;
        /* A try goes on over a reload; what the file says holds when it ends. */
        if (trying)
                d->mode_before_try = wanted;
        apply_log(d);
        policy_read_net(d);
        /* The file is about to be ours: what it says now would be older than what is in force. */
        d->rules_reload_due = d->rules_ticket != 0;
        if (!d->rules_reload_due && load_rules(d, false) < 0)
                log_error("cannot reload the rules: no memory; those in force stay");
        apply_config_to_rules(d);
        if (!d->config.cache_decisions)
                forget_session_answers(d);
        if (!trying && wanted != running) {
                enter_mode(d, wanted);
        } else {
                refresh_hook(d);
                changed(d);
        }
        prompts_askers_changed(d); /* popup_enabled may have changed */
        log_info("reloaded: %zu rules, %s", ruleset_count(d->rules), mode_name(d->config.mode));
}

void policy_stop(struct daemon *d)
{
        if (d->rules_save_failed && d->rules)
                save_rules(d); /* the saver finishes what it has before it ends */
        d->rules = ruleset_free(d->rules);
        rulefile_rest_deinit(&d->rest);
        clear_problem(&d->config_problem);
        clear_problem(&d->rules_problem);
}

/* ---- --check ---------------------------------------------------------------------------------------------------------------- */

static bool check_one(const char *path, int r, const struct file_error *error)
{
        if (r == 0 || r == -ENOENT) {
                printf("%s: %s\n", path, r == 0 ? "ok" : "not there (defaults apply)");
                return true;
        }
        if (error->line)
                fprintf(stderr, "%s:%u:%u: %s\n", path, error->line, error->column, error->text);
        else
                fprintf(stderr, "%s: %s\n", path, error->text[0] ? error->text : strerror(r < 0 ? -r : EINVAL));
        return false;
}

int policy_check(const struct options *options)
{
        _cleanup_(ruleset_freep) struct ruleset *set = ruleset_new(1);
        struct rulefile_rest rest = { 0 };
        struct config config = config_default(), checked;
        struct file_error error = { 0 };
        char path[PATH_MAX];
        struct warnings warnings = { .path = path };
        char *text = NULL;
        size_t n;
        bool fine;
        int r;

        if (!set)
                return 1;
        join(path, options->etc, "config.json");
        r = read_config(path, &config, options, &warnings, &checked, &error);
        fine = check_one(path, r, &error) && warnings.n == 0;
        r = read_factory(options, set, path, &error);
        fine &= check_one(path, r, &error);
        join(path, options->etc, "rules.json");
        r = read_rules(path, set, &rest, &text, &n, &error);
        fine &= check_one(path, r, &error);
        if (r == 0) {
                free(text);
                printf("%zu rules\n", ruleset_count(set));
        }
        rulefile_rest_deinit(&rest);
        return fine ? 0 : 2;
}
