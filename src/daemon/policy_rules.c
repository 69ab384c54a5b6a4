/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The rules in force: loaded, changed, saved. A change is in force in memory first; the saver thread writes it. A rules.json with a mistake in
 * it is somebody's unfinished work and is never written over: what is added meanwhile goes into the last good copy, and into the file
 * when that has been put right. A rules.json that somebody else wrote is not written over either: the saver replaces only the version that it
 * was told of, and when another lies there, that is read, what is not on disk yet is added to it or taken from it, and the whole is saved again.
 * Every change that can end a flow ends in policy_changed(): live flows are decided again (sweep.c). After any change open questions are decided
 * again.
 */
#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/str.h"
#include "daemon/policy.h"
#include "sys/clock.h"

enum {
        SAVE_AGAIN_SECONDS = 5,
        SAVE_TRIES = 16, /* while somebody else replaces the file again and again */
};

/* The configuration switches some factory rules; session answers outlive a reload. */
void policy_apply_config(struct daemon *d)
{
        for (struct rule *r = ruleset_next(d->rules, NULL); r; r = ruleset_next(d->rules, r)) {
                const bool disabled = !config_enables_factory_rule(&d->config, r->id);

                if (r->origin != ORIGIN_FACTORY || !config_switches_factory_rule(&d->config, r->id) || r->disabled == disabled)
                        continue;
                r->disabled = disabled;
                policy_rules_changed(d);
        }
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

static void forget_deletions(struct daemon *d)
{
        for (size_t i = 0; i < d->n_deleted; i++)
                rule_free(d->deleted[i]);
        free(d->deleted);
        d->deleted = NULL;
        d->n_deleted = 0;
}

void policy_remember_deletion(struct daemon *d, struct rule *rule)
{
        struct rule **more = realloc(d->deleted, (d->n_deleted + 1) * sizeof(*more));

        if (!more) {
                log_warn("no memory: rule %s comes back if somebody edits the file before it is saved", rule->id);
                rule_free(rule);
                return;
        }
        d->deleted = more;
        d->deleted[d->n_deleted++] = rule;
}

static bool is_same_rule(const struct rule *a, const struct rule *b)
{
        return a->origin == b->origin && a->action == b->action && rule_same_criteria(a, b);
}

/* A flat rule's id says what it is; one of the list may have been numbered anew. */
static const struct rule *find_same_rule(const struct ruleset *set, const struct rule *rule)
{
        const struct rule *found = ruleset_find(set, rule->id);

        if (found && is_same_rule(found, rule))
                return found;
        if (rule->origin != ORIGIN_LIST)
                return NULL;
        found = ruleset_next(set, NULL);
        while (found && !is_same_rule(found, rule))
                found = ruleset_next(set, found);
        return found;
}

/* What was deleted and is still in the file goes again; one that has another action by now is a new word. True when there was any. */
static bool delete_again(struct daemon *d, struct ruleset *set)
{
        bool any = false;

        for (size_t i = 0; i < d->n_deleted; i++) {
                const struct rule *found = find_same_rule(set, d->deleted[i]);

                if (!found)
                        continue;
                rule_free(ruleset_remove(set, found->id));
                any = true;
        }
        return any;
}

static bool has_unsaved_rules(const struct daemon *d)
{
        for (const struct rule *r = ruleset_next(d->rules, NULL); r; r = ruleset_next(d->rules, r))
                if (r->unsaved)
                        return true;
        return false;
}

/* What a rule did so far is remembered under its id. */
static void carry_hits(const struct ruleset *from, struct ruleset *to)
{
        for (const struct rule *r = ruleset_next(from, NULL); r; r = ruleset_next(from, r)) {
                struct rule *same = r->n_hits ? ruleset_find(to, r->id) : NULL;

                /* A line of a file may have another rule by now. */
                if (same && (r->origin != ORIGIN_FILE || is_same_rule(same, r)))
                        same->n_hits = r->n_hits;
        }
}

/* True when what is in force now is not what the file says. */
static bool swap_rules(struct daemon *d, struct ruleset *set, struct rulefile_rest rest)
{
        bool unsaved = false;

        if (d->rules) {
                carry_hits(d->rules, set);
                move_session_rules(d->rules, set);
                unsaved = delete_again(d, set);
                unsaved = move_unsaved_rules(d->rules, set) || unsaved;
                journal_keep_edit(d, d->rules, set);
                ruleset_free(d->rules);
        }
        d->rules = set;
        d->rules_load = clock_boottime().ns;
        rulefile_rest_deinit(&d->rest);
        d->rest = rest;
        malloc_trim(0); /* the old set, and the file as a tree: several times what stays */
        policy_apply_config(d);
        policy_arm_expiry(d);
        policy_rules_changed(d);
        return unsaved;
}

/* A new set with the factory rules in it, and the administrator's; without the first one's file there are none, which only asks more. */
static struct ruleset *factory_set(struct daemon *d)
{
        struct ruleset *set = ruleset_new(d->seed);
        struct file_error error = { 0 };
        char path[PATH_MAX];

        if (set && policy_read_factory(&d->options, set, path, &error) != 0)
                log_error("%s:%u:%u: %s; the factory rules after this line are not in force", path, error.line, error.column, error.text);
        if (set && policy_add_dropins(&d->dropins, set) < 0)
                set = ruleset_free(set);
        return set;
}

/* rules.json has a mistake: its rules in force stay, among what the other files say now. 0, or -ENOMEM and nothing has changed. */
static int keep_rules_in_force(struct daemon *d)
{
        _cleanup_(ruleset_freep) struct ruleset *set = factory_set(d);
        struct rulefile_rest rest = d->rest;

        if (!set)
                return -ENOMEM;
        for (const struct rule *r = ruleset_next(d->rules, NULL); r; r = ruleset_next(d->rules, r)) {
                struct rule *copy;

                if (r->origin != ORIGIN_FLAT && r->origin != ORIGIN_LIST)
                        continue;
                copy = rule_copy(r);
                if (!copy || ruleset_add(set, copy) != 0) {
                        rule_free(copy);
                        return -ENOMEM;
                }
        }
        d->rest = (struct rulefile_rest){ 0 };
        swap_rules(d, TAKE_PTR(set), rest);
        return 0;
}

int policy_load_rules(struct daemon *d, bool at_start)
{
        _cleanup_(ruleset_freep) struct ruleset *set = factory_set(d);
        struct rulefile_rest rest = { 0 };
        struct file_error error = { 0 }, ignored;
        const struct clocks now = clock_all(&d->boot);
        struct file_stamp version;
        char path[PATH_MAX], good[PATH_MAX];
        char *text = NULL;
        size_t n = 0;
        int r;

        if (!set)
                return -ENOMEM;
        policy_path(path, d->options.etc, "rules.json");
        policy_path(good, d->options.state, "rules.json.good");
        /* Looked at before it is read: what changes in between is noticed when it is saved. */
        version = files_stamp(path);
        r = saver_expect(d->saver, path, &version);
        if (r < 0)
                return r;
        r = policy_read_rules(path, &now, set, &rest, &text, &n, &error);
        if (r == 0 || r == -ENOENT) {
                bool unsaved = swap_rules(d, TAKE_PTR(set), rest);

                if (rest.n_ended > 0)
                        log_info("%s: the time of %zu rules is over: they are not in force", path, rest.n_ended);
                /* The file shall say by which clock, so that the next start counts on. */
                unsaved = unsaved || rest.n_begun > 0;
                policy_clear_problem(&d->rules_problem);
                if (at_start)
                        journal_keep_edit_while_stopped(d, good, text, n);
                if (unsaved) {
                        int64_t ticket = policy_save_rules(d);

                        free(text);
                        return ticket < 0 ? (int)ticket : 0;
                }
                forget_deletions(d);
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
                return keep_rules_in_force(d);
        }
        ruleset_free(set);
        set = factory_set(d);
        if (set && policy_read_rules(good, &now, set, &rest, &text, &n, &ignored) == 0) {
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

/* What rules speak of has to be in the keys by which verdicts are known before one is remembered. */
static int forget_verdicts(struct daemon *d)
{
        int r = tracker_set_wants(d->tracker, facts_of_criteria(ruleset_kinds(d->rules)));

        return r < 0 ? r : tracker_forget_verdicts(d->tracker);
}

/* One more thing is allowed: no flow that was decided ends by it, but the kernel may know a denial that it ends, and open questions may be
 * answered by it. */
static void changed_for_the_open(struct daemon *d)
{
        int r = d->tracker ? forget_verdicts(d) : 0;

        policy_follow_lists(d);
        if (r < 0)
                log_error("cannot forget the verdicts that the kernel knows: %s", strerror(-r));
        policy_arm_expiry(d);
        if (d->questions)
                prompts_reconsider(d);
}

void policy_changed(struct daemon *d)
{
        sweep_request(d);
        changed_for_the_open(d);
}

/* Before ours goes out. */
bool policy_take_foreign_edit(struct daemon *d)
{
        char path[PATH_MAX];
        struct file_stamp now, expected;

        if (d->rules_ticket != 0)
                return false; /* the difference is, or will be, our own; if it is not, the saver notices */
        policy_path(path, d->options.etc, "rules.json");
        now = files_stamp(path);
        if (!saver_expected(d->saver, path, &expected) || file_stamp_equal(&now, &expected))
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
        if (error == -EBADMSG && d->rules_problem)
                return d->rules_problem;
        return error == -ESTALE ? "somebody else writes it all the time" : strerror(-error);
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
        if (d->rules_save_error == 0) {
                log_error("cannot save %s: %s; what it should hold is in force and is tried again every %d s", path, policy_save_error(d, error),
                          SAVE_AGAIN_SECONDS);
                server_notify(d, "Not saved", NOTIFICATION_ERROR, "%s: %s", path, policy_save_error(d, error));
        }
        d->rules_save_error = error;
        sd_event_source_set_time(d->save_timer, clock_monotonic_us() + SAVE_AGAIN_SECONDS * UINT64_C(1000000));
        sd_event_source_set_enabled(d->save_timer, SD_EVENT_ONESHOT);
}

static void on_rules_on_disk(struct daemon *d, const char *path)
{
        if (d->rules_save_error < 0)
                log_info("%s is saved now", path);
        d->rules_save_error = 0;
        d->n_stale_saves = 0;
        forget_deletions(d);
        for (struct rule *r = ruleset_next(d->rules, NULL); r; r = ruleset_next(d->rules, r))
                r->unsaved = false;
}

static void reload_rules(struct daemon *d)
{
        d->rules_reload_due = false;
        if (policy_load_rules(d, false) < 0)
                log_error("cannot reload the rules: no memory; those in force stay");
        policy_changed(d);
}

/* Somebody else's file lies in the place of what was read last. It is read, with what is not on disk yet carried into it, and saved again. What
 * those are told who wait for the save: a negative errno, 0 when nothing of ours is missing in that file, or POLICY_E_LATER. */
static int on_rules_stale(struct daemon *d, const char *path)
{
        if (++d->n_stale_saves > SAVE_TRIES) {
                d->n_stale_saves = 0;
                on_rules_not_saved(d, path, -ESTALE);
                return -ESTALE;
        }
        log_info("%s was changed by somebody else while it was being saved: reading it, and saving again", path);
        reload_rules(d);
        if (d->rules_ticket != 0)
                return POLICY_E_LATER;
        if (d->rules_problem)
                return -EBADMSG;
        if (d->n_deleted > 0 || has_unsaved_rules(d)) {
                on_rules_not_saved(d, path, -ENOMEM);
                return -ENOMEM;
        }
        on_rules_on_disk(d, path);
        return 0;
}

/* The last save of rules.json is done, for better or worse. */
static int on_rules_saved(struct daemon *d, const char *path, int error)
{
        d->rules_ticket = 0;
        if (error == -ESTALE)
                return on_rules_stale(d, path);
        if (error < 0)
                on_rules_not_saved(d, path, error);
        else
                on_rules_on_disk(d, path);
        if (d->rules_reload_due)
                reload_rules(d);
        return error;
}

int policy_on_saved(struct daemon *d, const char *path, int64_t ticket, int error)
{
        malloc_trim(0); /* the file's text lay between what stays */
        if (journal_on_saved(d, path, error))
                return error;
        policy_on_config_saved(d, ticket);
        if (d->rules_ticket != 0 && saver_covers(ticket, d->rules_ticket))
                return on_rules_saved(d, path, error);
        if (error == -ESTALE)
                return POLICY_E_LATER; /* rules.json, and a newer save of it is under way */
        if (error < 0) {
                log_error("cannot save %s: %s; what it should hold is in force until the daemon stops", path, strerror(-error));
                server_notify(d, "Not saved", NOTIFICATION_ERROR, "%s: %s", path, strerror(-error));
        }
        return error;
}

static void on_saved_at_stop(void *userdata, const char *path, int64_t ticket, int error)
{
        policy_on_saved(userdata, path, ticket, error);
}

void policy_finish_saving(struct daemon *d)
{
        if (d->rules_save_error < 0 && d->rules)
                policy_save_rules(d);
        /* One wait for each try that on_rules_stale() may begin. */
        for (unsigned i = 0; i <= SAVE_TRIES && d->rules_ticket != 0; i++) {
                saver_wait(d->saver);
                saver_dispatch(d->saver, on_saved_at_stop, d);
        }
        forget_deletions(d);
}

/* In memory. Takes `rule`; *ret is NULL where a process has exited that it was to end with. */
static int put_in_force(struct daemon *d, struct rule *rule, const struct rule **ret)
{
        const bool of_process = rule->lifetime == LIFETIME_PROCESS;
        const struct process *process = rule_process(rule);
        int pidfd = of_process && process ? policy_open_process(process) : -ESRCH;
        int r;

        *ret = NULL;
        if (of_process && pidfd < 0) {
                rule_free(rule);
                return pidfd == -ESRCH ? 0 : pidfd;
        }
        r = ruleset_add(d->rules, rule);
        if (r != 0) {
                if (of_process)
                        close(pidfd);
                rule_free(rule);
                return r;
        }
        r = of_process ? policy_watch_process(d, rule, pidfd) : 0;
        if (r < 0) {
                rule_free(ruleset_remove(d->rules, rule->id));
                return r;
        }
        *ret = rule;
        return 0;
}

void policy_date_rule(struct rule *rule, const struct rule *before, const struct clocks *now)
{
        const int64_t seconds = now->realtime_us / 1000000;

        if (!rule->created)
                rule->created = before ? before->created : seconds;
        rule->changed = before ? seconds : 0;
}

int policy_preview_rule(struct daemon *d, struct rule *rule)
{
        const struct clocks now = clock_all(&d->boot);
        const struct rule *before = ruleset_find_same(d->rules, rule);

        if (!rule_begin(rule, &now))
                return POLICY_E_OVER;
        if (!before && ruleset_count(d->rules) >= LIMIT_RULES)
                return RULESET_E_FULL;
        policy_date_rule(rule, rule->origin == ORIGIN_SESSION ? NULL : before, &now);
        rule->id = ruleset_choose_id(d->rules, rule);
        return rule->id ? 0 : -ENOMEM;
}

int policy_add_rule(struct daemon *d, struct rule *rule, const struct rule **ret, int64_t *ret_ticket)
{
        const struct clocks now = clock_all(&d->boot);
        bool session = rule->origin == ORIGIN_SESSION, allows = rule->action == ACTION_ALLOW;
        struct rule *before;
        int r;

        if (!rule_begin(rule, &now)) {
                rule_free(rule);
                return POLICY_E_OVER;
        }
        if (!session && policy_take_foreign_edit(d))
                allows = false; /* whatever came in may deny */
        rule->unsaved = !session;
        before = session ? NULL : ruleset_find_same(d->rules, rule);
        if (before && !(before = rule_copy(before))) {
                rule_free(rule);
                return -ENOMEM;
        }
        policy_date_rule(rule, before, &now);
        r = put_in_force(d, rule, ret);
        if (r != 0) {
                rule_free(before);
                return r;
        }
        if (!session)
                journal_keep_one(d, before, *ret);
        *ret_ticket = session ? 0 : policy_save_rules(d);
        policy_rules_changed(d);
        if (allows)
                changed_for_the_open(d);
        else
                policy_changed(d);
        return 0;
}

/* Who changes these changes a file. */
static bool is_fixed(const struct rule *rule)
{
        return rule->origin == ORIGIN_FACTORY || rule->origin == ORIGIN_FILE;
}

/* The flat form cannot say that a rule is off: off it is of the list, under another id, and on again what it was. */
static int choose_origin(struct rule *rule)
{
        _cleanup_(freep) char *id = TAKE_PTR(rule->id), *flat = rule_flat_key(rule);
        const enum rule_origin before = rule->origin;

        if (!flat && errno == ENOMEM)
                return -ENOMEM;
        if (before != ORIGIN_SESSION)
                rule->origin = flat ? ORIGIN_FLAT : ORIGIN_LIST;
        if (rule->origin == before)
                rule->id = TAKE_PTR(id);
        return 0;
}

/* Takes `after`: in the place of `rule`, which goes then, or beside it where it is of another origin. 0, -EEXIST or -ENOMEM. */
static int exchange_rule(struct daemon *d, const struct rule *rule, struct rule *after)
{
        if (after->origin != rule->origin && ruleset_find_same(d->rules, after)) {
                rule_free(after);
                return -EEXIST;
        }
        if (ruleset_add(d->rules, after) != 0) {
                rule_free(after);
                return -ENOMEM;
        }
        return 0;
}

int policy_enable_rule(struct daemon *d, const char *id, bool enabled, const struct rule **ret, int64_t *ret_ticket)
{
        _cleanup_(rule_freep) struct rule *before = NULL, *after = NULL;
        const struct rule *rule;
        bool moved;
        int r;

        policy_take_foreign_edit(d);
        rule = ruleset_find(d->rules, id);
        if (!rule || is_fixed(rule))
                return -ENOENT;
        *ret = rule;
        *ret_ticket = 0;
        if (rule->disabled == !enabled)
                return 0;
        before = rule_copy(rule);
        after = rule_copy(rule);
        if (!before || !after)
                return -ENOMEM;
        after->disabled = !enabled;
        after->changed = clock_realtime_us() / 1000000;
        after->unsaved = rule->origin != ORIGIN_SESSION;
        r = choose_origin(after);
        if (r < 0)
                return r;
        moved = after->origin != before->origin;
        *ret = after;
        r = exchange_rule(d, rule, TAKE_PTR(after));
        if (r < 0)
                return r;
        if (moved)
                policy_remember_deletion(d, ruleset_remove(d->rules, before->id));
        if (before->origin != ORIGIN_SESSION) {
                journal_keep_one(d, TAKE_PTR(before), *ret);
                *ret_ticket = policy_save_rules(d);
        }
        policy_rules_changed(d);
        policy_changed(d);
        return 0;
}

bool policy_delete_rule(struct daemon *d, const char *id, int64_t *ret_ticket)
{
        const struct rule *rule;
        struct rule *copy;
        bool session;

        policy_take_foreign_edit(d);
        rule = ruleset_find(d->rules, id);
        if (!rule || is_fixed(rule))
                return false;
        session = rule->origin == ORIGIN_SESSION;
        policy_tell_gone(d, rule, RULE_GONE_DELETED);
        if (session) {
                rule_free(ruleset_remove(d->rules, id));
        } else {
                copy = rule_copy(rule);
                policy_remember_deletion(d, ruleset_remove(d->rules, id));
                if (copy)
                        journal_keep_one(d, copy, NULL);
                else
                        log_error("a change of the rules is not in the journal: no memory");
        }
        *ret_ticket = session ? 0 : policy_save_rules(d);
        policy_changed(d);
        return true;
}

static bool is_session_answer_of(const struct rule *r, const char *subject, uint16_t port)
{
        static const char PREFIX[] = "@name:";
        const struct criterion *ports = rule_criterion(r, CRITERION_PORT);

        if (r->origin != ORIGIN_SESSION || !r->program)
                return false;
        if (r->subject == RULE_NAME ? !str_has_prefix(subject, PREFIX) || strcmp(subject + strlen(PREFIX), r->program) != 0 :
                                      strcmp(subject, r->program) != 0)
                return false;
        return port == 0 || !ports || (ports->n == 1 && ports->one.ports.first == port && ports->one.ports.last == port);
}

void policy_clear_cache(struct daemon *d, const char *subject, uint16_t port)
{
        bool any = false;

        for (const struct rule *r = ruleset_next(d->rules, NULL), *next; r; r = next) {
                next = ruleset_next(d->rules, r);
                if (!is_session_answer_of(r, subject, port))
                        continue;
                policy_tell_gone(d, r, RULE_GONE_DELETED);
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
                if (r->origin != ORIGIN_SESSION || r->lifetime == LIFETIME_ONCE)
                        continue;
                policy_tell_gone(d, r, RULE_GONE_DELETED);
                rule_free(ruleset_remove(d->rules, r->id));
        }
}

int policy_start_rules(struct daemon *d)
{
        int r;

        r = policy_start_lifetimes(d);
        if (r >= 0)
                r = policy_start_watchers(d);
        if (r >= 0)
                r = sd_event_add_time(d->loop, &d->save_timer, CLOCK_MONOTONIC, 0, 0, on_save_again, d);
        if (r >= 0)
                r = sd_event_source_set_enabled(d->save_timer, SD_EVENT_OFF);
        if (r >= 0)
                r = journal_start(d);
        if (r >= 0)
                r = policy_read_dropins(d, true);
        return r < 0 ? r : policy_load_rules(d, true);
}
