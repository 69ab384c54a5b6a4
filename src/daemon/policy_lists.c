/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The files with names of hosts that rules speak of ("list /etc/bastion/lists/ads.txt"), each once for all rules. At the start they are read before a packet
 * is decided; later by a thread (sys/listreader.h), when a rule speaks of another one, when a file changes, and on SIGHUP. A set is exchanged whole, between two
 * packets, and what it decides anew follows as from a change of rules: live flows, open questions, what the kernel knows.
 *
 * A file that is gone, that cannot be read or holds no name changes nothing: what was read last stays in force, and the list has a problem, which status
 * and doctor tell until it is put right. One that was never read satisfies no rule, and is told in the same way: a rule that denies by it
 * denies nothing.
 *
 * Changes are noticed in the file's directory, because files are replaced more often than written; where there is none, in the nearest one above it. What
 * comes within SETTLE_MS is one change. LIMIT_LISTS files; a rule that speaks of one more has a problem too.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/inotify.h>

#include "base/log.h"
#include "base/str.h"
#include "daemon/policy.h"
#include "sys/clock.h"
#include "sys/listreader.h"

enum { SETTLE_MS = 200 };

struct host_list {
        struct lists *lists;
        char path[LIMIT_LIST_PATH];
        char *shown;         /* the path, escaped */
        struct hostset *set; /* in force, or NULL */
        struct file_stamp version; /* that it was read from */
        size_t n_skipped;
        int64_t since; /* CLOCK_REALTIME, seconds */
        char *problem; /* or NULL */
        bool is_wanted;
        sd_event_source *watch;
        char watched_name[NAME_MAX + 1]; /* in the directory that is watched: the file, or a directory that is missing */
        bool folder_was_missing; /* so that the watch is on one above it */
        bool has_changed; /* since it was asked for last, as far as is known */
};

struct lists {
        struct daemon *d;
        struct host_list *of[LIMIT_LISTS];
        unsigned n;
        size_t n_beyond; /* mentions of files that there is no room for */
        uint64_t rules_load, n_changes; /* of the rules that were followed last */
        struct listreader *reader; /* NULL: not running yet */
        sd_event_source *reader_source, *settle_timer;
};

static struct host_list *list_free(struct host_list *l)
{
        if (!l)
                return NULL;
        sd_event_source_disable_unref(l->watch);
        hostset_free(l->set);
        free(l->shown);
        free(l->problem);
        free(l);
        return NULL;
}

static struct host_list *find_list(const struct lists *lists, const char *path)
{
        for (unsigned i = 0; i < lists->n; i++)
                if (strcmp(lists->of[i]->path, path) == 0)
                        return lists->of[i];
        return NULL;
}

/* What decisions look at. */
static void publish(struct lists *lists)
{
        struct hostsets *sets = &lists->d->hostsets;

        sets->n = 0;
        for (unsigned i = 0; i < lists->n; i++) {
                if (!lists->of[i]->set)
                        continue;
                sets->of[sets->n].path = lists->of[i]->path;
                sets->of[sets->n++].set = lists->of[i]->set;
        }
}

/* ---- what was read ----------------------------------------------------------------------------------------------------- */

static const char *reading_words(int error)
{
        switch (error) {
        case -EFBIG:
                return "it is too large: a list may have 64 MiB";
        case -ELOOP:
                return "it is a symbolic link";
        case -EINVAL:
                return "it is no regular file";
        case -EPERM:
                return "it must be root's, and nobody else may write it";
        default:
                return error < 0 ? strerror(-error) : hostlist_error_words(error);
        }
}

static void put_problem(struct host_list *l, int error)
{
        const char *instead = l->set ? "the names that were read last stay in force" : "rules that speak of it do not match";
        _cleanup_(freep) char *words = NULL;

        if (asprintf(&words, "list %s: %s; %s", l->shown, reading_words(error), instead) < 0) {
                words = NULL;
                log_error("list %s cannot be read, and there is no memory to say why", l->shown);
                return;
        }
        if (l->problem && strcmp(l->problem, words) == 0)
                return; /* no news */
        log_error("%s", words);
        server_notify(l->lists->d, "Rules", NOTIFICATION_ERROR, "%s", words);
        free(l->problem);
        l->problem = TAKE_PTR(words);
}

static void tell_skipped(const struct host_list *l, const struct hostlist_skipped *skipped)
{
        for (size_t i = 0; i < MIN(skipped->n, (size_t)HOSTLIST_TOLD); i++)
                log_warn("%s:%zu: expected %s; the line is skipped", l->shown, skipped->first[i].line, skipped->first[i].expected);
        if (skipped->n > HOSTLIST_TOLD)
                log_warn("%s: %zu more lines are skipped", l->shown, skipped->n - HOSTLIST_TOLD);
}

static void put_in_force(struct host_list *l, struct list_reading *reading)
{
        hostset_free(l->set);
        l->set = TAKE_PTR(reading->set);
        l->version = reading->version;
        l->n_skipped = reading->skipped.n;
        l->since = clock_realtime_us() / 1000000;
        policy_clear_problem(&l->problem);
        publish(l->lists);
        tell_skipped(l, &reading->skipped);
        log_info("list %s: %zu names, %zu lines skipped", l->shown, hostset_count(l->set), l->n_skipped);
        server_notify(l->lists->d, "Rules", NOTIFICATION_INFO, "list %s: %zu names, %zu lines skipped", l->shown, hostset_count(l->set), l->n_skipped);
}

/* True when what is in force has changed. */
static bool take_reading(struct host_list *l, struct list_reading *reading)
{
        if (reading->error == 0) {
                put_in_force(l, reading);
                return true;
        }
        if (reading->error != LISTREADER_E_SAME) {
                put_problem(l, reading->error);
        } else if (l->problem) {
                log_info("list %s is again as it was read", l->shown);
                policy_clear_problem(&l->problem);
        }
        return false;
}

/* ---- noticing changes --------------------------------------------------------------------------------------------------- */

static void settle_later(struct lists *lists)
{
        int enabled;

        if (sd_event_source_get_enabled(lists->settle_timer, &enabled) >= 0 && enabled != SD_EVENT_OFF)
                return;
        sd_event_source_set_time(lists->settle_timer, clock_monotonic_us() + SETTLE_MS * UINT64_C(1000));
        sd_event_source_set_enabled(lists->settle_timer, SD_EVENT_ONESHOT);
}

static int on_change(_unused_ sd_event_source *source, const struct inotify_event *event, void *userdata)
{
        const uint32_t about_all = IN_Q_OVERFLOW | IN_IGNORED | IN_UNMOUNT | IN_DELETE_SELF | IN_MOVE_SELF;
        struct host_list *l = userdata;

        if (!(event->mask & about_all) && (event->len == 0 || strcmp(event->name, l->watched_name) != 0))
                return 0;
        l->has_changed = true;
        settle_later(l->lists);
        return 0;
}

/* Watches the directory `path`, which ends before `name`; `name` is what may come to be in it. A file counts when its writer has closed it. */
static int watch_directory(struct host_list *l, const char *path, const char *name, bool is_file)
{
        const uint32_t self = IN_ONLYDIR | IN_DELETE_SELF | IN_MOVE_SELF;
        const uint32_t of_file = IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_ATTRIB;

        snprintf(l->watched_name, sizeof(l->watched_name), "%s", name);
        return sd_event_add_inotify(l->lists->d->loop, &l->watch, path, self | (is_file ? of_file : IN_CREATE | IN_MOVED_TO), on_change, l);
}

/* The file's directory, or the nearest one above it that exists. */
static void watch(struct host_list *l)
{
        char path[LIMIT_LIST_PATH];
        bool is_file = true;
        int r;

        l->watch = sd_event_source_disable_unref(l->watch);
        strcpy(path, l->path);
        do {
                char *slash = strrchr(path, '/'); /* there is one: the path is absolute */
                char name[LIMIT_LIST_PATH];

                strcpy(name, slash + 1);
                *slash = '\0';
                r = watch_directory(l, *path ? path : "/", name, is_file);
                if (is_file)
                        l->folder_was_missing = r == -ENOENT || r == -ENOTDIR;
                is_file = false;
        } while (r < 0 && *path);
        if (r < 0)
                log_warn("changes of list %s are not noticed: %s; a reload reads it", l->shown, strerror(-r));
}

/* Watched before it is looked at: what changes in between is noticed. There may be no room for it while others wait to be read, of which nobody speaks any
 * more perhaps: so it is tried until there is. */
static void look_again(struct host_list *l)
{
        watch(l);
        l->has_changed = !listreader_ask(l->lists->reader, l->path, &l->version);
        if (l->has_changed)
                settle_later(l->lists);
}

static int on_settled(_unused_ sd_event_source *source, _unused_ uint64_t usec, void *userdata)
{
        struct lists *lists = userdata;

        for (unsigned i = 0; i < lists->n; i++)
                if (lists->of[i]->has_changed)
                        look_again(lists->of[i]);
        return 0;
}

void policy_reread_lists(struct daemon *d)
{
        for (unsigned i = 0; i < d->lists->n; i++)
                look_again(d->lists->of[i]);
}

/* ---- the thread's results ------------------------------------------------------------------------------------------------ */

static void on_read(void *userdata, struct list_reading *reading)
{
        struct lists *lists = userdata;
        struct host_list *l = find_list(lists, reading->path);

        if (!l)
                return; /* nobody speaks of it any more */
        /* It came to be after it had been looked for. */
        if ((reading->error == 0 || reading->error == LISTREADER_E_SAME) && l->folder_was_missing) {
                l->has_changed = true;
                settle_later(lists);
        }
        if (take_reading(l, reading))
                policy_changed(lists->d); /* by which lists may go */
}

static int on_reader(_unused_ sd_event_source *source, _unused_ int fd, _unused_ uint32_t events, void *userdata)
{
        struct lists *lists = userdata;

        listreader_dispatch(lists->reader, on_read, lists);
        return 0;
}

/* ---- which lists rules speak of ------------------------------------------------------------------------------------------ */

/* A mention of a list; 0 or -ENOMEM. */
typedef int (*mention_fn)(struct lists *lists, const char *path);

static int each_mention(struct lists *lists, mention_fn fn)
{
        const struct ruleset *rules = lists->d->rules;
        int r = 0;

        for (const struct rule *rule = ruleset_next(rules, NULL); rule && r == 0; rule = ruleset_next(rules, rule)) {
                const struct criterion *c = rule_criterion(rule, CRITERION_LIST);

                for (unsigned i = 0; c && i < c->n && r == 0; i++)
                        r = fn(lists, criterion_values(c)[i].text);
        }
        return r;
}

static int keep_list(struct lists *lists, const char *path)
{
        struct host_list *l = find_list(lists, path);

        if (l)
                l->is_wanted = true;
        return 0;
}

/* Where it is not there already; without a set. */
static int add_list(struct lists *lists, const char *path)
{
        _cleanup_(buf_deinit) struct buf shown = { 0 };
        struct host_list *l;

        if (find_list(lists, path))
                return 0;
        if (lists->n == LIMIT_LISTS) {
                lists->n_beyond++;
                return 0;
        }
        str_escape(&shown, path);
        l = calloc(1, sizeof(*l));
        if (!l || !(l->shown = buf_take(&shown))) {
                free(l);
                return -ENOMEM;
        }
        l->lists = lists;
        snprintf(l->path, sizeof(l->path), "%s", path);
        lists->of[lists->n++] = l;
        return 0;
}

static void drop_unwanted(struct lists *lists)
{
        unsigned n = 0;

        for (unsigned i = 0; i < lists->n; i++) {
                if (lists->of[i]->is_wanted)
                        lists->of[n++] = lists->of[i];
                else
                        list_free(lists->of[i]);
        }
        lists->n = n;
}

/* Those that go make room for those that come. 0 or -ENOMEM. */
static int follow(struct lists *lists)
{
        int r;

        for (unsigned i = 0; i < lists->n; i++)
                lists->of[i]->is_wanted = false;
        r = each_mention(lists, keep_list);
        drop_unwanted(lists);
        lists->n_beyond = 0;
        if (r == 0)
                r = each_mention(lists, add_list);
        if (lists->n_beyond > 0)
                log_error("rules speak of more than %d lists: those that speak of the others do not match", LIMIT_LISTS);
        publish(lists);
        if (r == 0) {
                lists->rules_load = lists->d->rules_load;
                lists->n_changes = ruleset_changes_of(lists->d->rules, CRITERION_LIST);
        }
        return r;
}

/* Nearly every change of rules is about others. */
static bool has_followed(const struct lists *lists)
{
        return lists->rules_load == lists->d->rules_load && lists->n_changes == ruleset_changes_of(lists->d->rules, CRITERION_LIST);
}

void policy_follow_lists(struct daemon *d)
{
        struct lists *lists = d->lists;

        if (!lists || has_followed(lists))
                return;
        if (follow(lists) < 0)
                log_error("no memory for a list that a rule speaks of: the rule does not match; the next change of rules tries again");
        for (unsigned i = 0; i < lists->n && lists->reader; i++)
                if (!lists->of[i]->watch)
                        look_again(lists->of[i]);
}

/* ---- life ----------------------------------------------------------------------------------------------------------------- */

int policy_start_lists(struct daemon *d)
{
        static const struct file_stamp none = { .exists = false };
        struct lists *lists = calloc(1, sizeof(*lists));
        int r;

        if (!lists)
                return -ENOMEM;
        lists->d = d;
        d->lists = lists;
        r = follow(lists);
        for (unsigned i = 0; i < lists->n && r == 0; i++) {
                struct list_reading reading;

                list_read(lists->of[i]->path, d->seed, &none, NULL, &reading);
                take_reading(lists->of[i], &reading);
        }
        return r;
}

int policy_run_lists(struct daemon *d)
{
        struct lists *lists = d->lists;
        int r;

        r = listreader_new(d->seed, &lists->reader);
        if (r >= 0)
                r = sd_event_add_io(d->loop, &lists->reader_source, listreader_fd(lists->reader), EPOLLIN, on_reader, lists);
        if (r >= 0)
                r = sd_event_add_time(d->loop, &lists->settle_timer, CLOCK_MONOTONIC, 0, 0, on_settled, lists);
        if (r >= 0)
                r = sd_event_source_set_enabled(lists->settle_timer, SD_EVENT_OFF);
        if (r >= 0)
                policy_reread_lists(d);
        return r < 0 ? r : 0;
}

void policy_stop_lists(struct daemon *d)
{
        struct lists *lists = TAKE_PTR(d->lists);

        d->hostsets.n = 0;
        if (!lists)
                return;
        for (unsigned i = 0; i < lists->n; i++)
                list_free(lists->of[i]);
        sd_event_source_disable_unref(lists->settle_timer);
        sd_event_source_disable_unref(lists->reader_source);
        listreader_stop(lists->reader);
        free(lists);
}

/* ---- what others ask -------------------------------------------------------------------------------------------------------- */

unsigned policy_list_status(const struct daemon *d, struct list_status ret[LIMIT_LISTS])
{
        for (unsigned i = 0; i < d->lists->n; i++) {
                const struct host_list *l = d->lists->of[i];

                ret[i] = (struct list_status){
                        .path = strdup(l->path),
                        .in_force = l->set,
                        .n_names = l->set ? hostset_count(l->set) : 0,
                        .n_skipped = l->n_skipped,
                        .since = l->since,
                        .problem = l->problem ? strdup(l->problem) : NULL,
                };
        }
        return d->lists->n;
}

void policy_list_problems(const struct daemon *d, struct buf *out)
{
        for (unsigned i = 0; i < d->lists->n; i++)
                if (d->lists->of[i]->problem)
                        buf_printf(out, "%s\n", d->lists->of[i]->problem);
        if (d->lists->n_beyond > 0)
                buf_printf(out, "rules speak of more than %d lists: those that speak of the others do not match\n", LIMIT_LISTS);
}
