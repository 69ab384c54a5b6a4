/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The rules in force: loaded, changed, saved. A change is in force in memory first; the saver thread writes it. A rules.json with a mistake in
 * it is somebody's unfinished work and is never written over: what is added meanwhile goes into the last good copy, and into the file
 * when that has been put right. Every change that can end a flow ends in policy_changed(): live flows are decided again (sweep.c). After any
 * change open questions are decided again.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/log.h"
#include "base/str.h"
#include "daemon/policy.h"
#include "sys/clock.h"

enum { SAVE_AGAIN_SECONDS = 5 };

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
void policy_apply_config(struct daemon *d)
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
        policy_apply_config(d);
        return unsaved;
}

/* A new set with the factory rules in it; without their file there are none, which only asks more. */
static struct ruleset *factory_set(struct daemon *d)
{
        struct ruleset *set = ruleset_new(d->seed);
        struct file_error error = { 0 };
        char path[PATH_MAX];

        if (set && policy_read_factory(&d->options, set, path, &error) != 0)
                log_error("%s:%u:%u: %s; the factory rules after this line are not in force", path, error.line, error.column, error.text);
        return set;
}

int policy_load_rules(struct daemon *d, bool at_start)
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
        policy_path(path, d->options.etc, "rules.json");
        policy_path(good, d->options.state, "rules.json.good");
        d->rules_stamp = stamp_of(path);
        r = policy_read_rules(path, set, &rest, &text, &n, &error);
        if (r == 0 || r == -ENOENT) {
                bool unsaved = swap_rules(d, TAKE_PTR(set), rest);

                policy_clear_problem(&d->rules_problem);
                if (unsaved) {
                        free(text);
                        policy_save_rules(d);
                        return 0;
                }
                /* Somebody took the file away, and with it its rules: an old copy must not bring them back. */
                if (r == -ENOENT && (text = strdup("{}\n")))
                        n = strlen(text);
                if (text)
                        policy_keep_good(d, "rules.json.good", text, n);
                return 0;
        }
        if (!at_start) {
                policy_set_problem(&d->rules_problem, path, &error, "the rules in force stay");
                server_notify(d, "Rules", NOTIFICATION_ERROR, "%s", d->rules_problem ? d->rules_problem : path);
                return 0;
        }
        ruleset_free(set);
        set = factory_set(d);
        if (set && policy_read_rules(good, set, &rest, &text, &n, &ignored) == 0) {
                free(text);
                policy_set_problem(&d->rules_problem, path, &error, "the last good copy is in force");
        } else {
                ruleset_free(set);
                set = factory_set(d);
                policy_set_problem(&d->rules_problem, path, &error, "there is no good copy: only the factory rules are in force");
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

/* One more thing is allowed: no flow that was decided ends by it, but the kernel may know a denial that it ends, and open questions may be
 * answered by it. */
static void changed_for_the_open(struct daemon *d)
{
        int r = d->tracker ? tracker_forget_verdicts(d->tracker) : 0;

        if (r < 0)
                log_error("cannot forget the verdicts that the kernel knows: %s", strerror(-r));
        arm_expiry(d);
        if (d->questions)
                prompts_reconsider(d);
}

void policy_changed(struct daemon *d)
{
        sweep_request(d);
        changed_for_the_open(d);
}

/* What "once" leaves behind ends without effect on its connections, which were answered; but a rule that was added meanwhile may have had to wait. */
static bool ends_flows(const struct daemon *d, struct boottime now)
{
        if (sweep_used_once(d))
                return true;
        for (const struct rule *r = ruleset_next(d->rules, NULL); r; r = ruleset_next(d->rules, r))
                if (r->lifetime != LIFETIME_ONCE && boottime_reached(r->expires, now))
                        return true;
        return false;
}

static int on_expiry(_unused_ sd_event_source *source, _unused_ uint64_t usec, void *userdata)
{
        struct boottime now = clock_boottime();
        struct daemon *d = userdata;
        bool changed = ends_flows(d, now);

        ruleset_expire(d->rules, now);
        if (changed)
                policy_changed(d);
        else
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
        policy_path(path, d->options.etc, "rules.json");
        stamp = stamp_of(path);
        if (memcmp(&stamp, &d->rules_stamp, sizeof(stamp)) == 0)
                return false;
        log_info("%s was changed by somebody else: reading it before writing", path);
        if (policy_load_rules(d, false) < 0)
                log_error("cannot read %s again: no memory", path);
        return true;
}

int64_t policy_save_rules(struct daemon *d)
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
                policy_keep_good(d, "rules.json.good", copy, n);
        if (d->rules_problem) {
                server_notify(d, "Not saved", NOTIFICATION_ERROR, "%s", d->rules_problem);
                return -EBADMSG; /* see policy_save_error() */
        }
        policy_path(path, d->options.etc, "rules.json");
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
                policy_save_rules(d);
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
        if (policy_load_rules(d, false) < 0)
                log_error("cannot reload the rules: no memory; those in force stay");
        policy_changed(d);
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
        *ret_ticket = session ? 0 : policy_save_rules(d);
        if (allows)
                changed_for_the_open(d);
        else
                policy_changed(d);
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
        *ret_ticket = session ? 0 : policy_save_rules(d);
        policy_changed(d);
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
                policy_changed(d);
}


/* Without cache_decisions there are no session answers; those that were given end with it. */
void policy_forget_session_answers(struct daemon *d)
{
        for (const struct rule *r = ruleset_next(d->rules, NULL), *next; r; r = next) {
                next = ruleset_next(d->rules, r);
                if (r->origin == ORIGIN_SESSION && r->lifetime == LIFETIME_SESSION)
                        rule_free(ruleset_remove(d->rules, r->id));
        }
}

int policy_start_rules(struct daemon *d)
{
        int r;

        r = sd_event_add_time(d->loop, &d->expiry_timer, CLOCK_BOOTTIME, 0, 0, on_expiry, d);
        if (r >= 0)
                r = sd_event_source_set_enabled(d->expiry_timer, SD_EVENT_OFF);
        if (r >= 0)
                r = sd_event_add_time(d->loop, &d->save_timer, CLOCK_MONOTONIC, 0, 0, on_save_again, d);
        if (r >= 0)
                r = sd_event_source_set_enabled(d->save_timer, SD_EVENT_OFF);
        return r < 0 ? r : policy_load_rules(d, true);
}
