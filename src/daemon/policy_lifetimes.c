/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Rules that end by themselves: at a point on CLOCK_BOOTTIME, for which one timer waits, or with a process, which is held by a pidfd. Both leave the
 * set in force as a deletion does: policy_changed(), words in the log, word to who watches the rules. The file keeps what has ended until it is next
 * written; it says itself that it is over.
 *
 * A pidfd is of the process that has the number when it is opened. So it is opened first, and then the process is asked when it began: from there
 * on a later process of that number cannot be meant. Where that cannot be had there is no rule. Bounds: LIMIT_PROCESS_RULES.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/log.h"
#include "daemon/policy.h"
#include "sys/clock.h"
#include "sys/procread.h"

/* A process whose end ends a rule, or would if the rule were still there. */
struct watched_process {
        struct list link;
        struct daemon *d;
        sd_event_source *source; /* owns the pidfd */
        char *rule_id;
        struct process process;
};

struct lifetimes {
        struct list processes;
        unsigned n_processes;
};

/* ---- time ----------------------------------------------------------------------------------------------------------- */

void policy_arm_expiry(struct daemon *d)
{
        struct boottime next = ruleset_next_expiry(d->rules);

        if (next.ns == BOOTTIME_NEVER.ns) {
                sd_event_source_set_enabled(d->expiry_timer, SD_EVENT_OFF);
                return;
        }
        sd_event_source_set_time(d->expiry_timer, next.ns / NS_PER_USEC + 1);
        sd_event_source_set_enabled(d->expiry_timer, SD_EVENT_ONESHOT);
}

static int on_expiry(_unused_ sd_event_source *source, _unused_ uint64_t usec, void *userdata)
{
        const struct boottime now = clock_boottime();
        struct daemon *d = userdata;
        /* What "once" leaves behind ends without effect on its connections, which were answered; but a rule that was added meanwhile may have
         * had to wait. */
        bool changed = sweep_used_once(d);

        for (struct rule *rule; (rule = ruleset_take_expired(d->rules, now)); rule_free(rule)) {
                policy_rules_changed(d);
                if (rule->lifetime == LIFETIME_ONCE)
                        continue;
                changed = true;
                policy_tell_gone(d, rule, RULE_GONE_EXPIRED);
        }
        if (changed)
                policy_changed(d);
        else
                policy_arm_expiry(d);
        return 0;
}

/* ---- processes ------------------------------------------------------------------------------------------------------ */

static void forget(struct lifetimes *l, struct watched_process *w)
{
        list_unlink(&w->link);
        l->n_processes--;
        sd_event_source_disable_unref(w->source);
        free(w->rule_id);
        free(w);
}

static const struct rule *rule_of(const struct watched_process *w)
{
        const struct rule *rule = ruleset_find(w->d->rules, w->rule_id);

        const struct process *process = rule ? rule_process(rule) : NULL;

        return process && rule->lifetime == LIFETIME_PROCESS && process_equal(process, &w->process) ? rule : NULL;
}

static int on_exit_of(sd_event_source *source, _unused_ int fd, _unused_ uint32_t events, void *userdata)
{
        _cleanup_(rule_freep) struct rule *rule = NULL;
        struct watched_process *w = userdata;
        struct daemon *d = w->d;

        (void)source;
        if (rule_of(w))
                rule = ruleset_remove(d->rules, w->rule_id);
        forget(d->lifetimes, w);
        if (!rule)
                return 0; /* deleted meanwhile */
        policy_tell_gone(d, rule, RULE_GONE_EXITED);
        policy_changed(d);
        return 0;
}

int policy_open_process(const struct process *process)
{
        const uint64_t ns_per_tick = NS_PER_SEC / (uint64_t)sysconf(_SC_CLK_TCK);
        int fd = (int)syscall(SYS_pidfd_open, process->pid, 0);
        uint64_t ticks;

        if (fd < 0)
                return -errno;
        if (procread_start_ticks(process->pid, &ticks) && ticks == process->start_ns / ns_per_tick && procread_alive(process->pid))
                return fd;
        close(fd);
        return -ESRCH;
}

/* Those of rules that have gone by another way, and of `rule_id`, which is another rule's now. */
static void forget_the_idle(struct lifetimes *l, const char *rule_id)
{
        list_for_each_safe(pos, next, &l->processes) {
                struct watched_process *w = CONTAINER_OF(pos, struct watched_process, link);

                if (strcmp(w->rule_id, rule_id) == 0 || !rule_of(w))
                        forget(l, w);
        }
}

int policy_watch_process(struct daemon *d, const struct rule *rule, int pidfd)
{
        struct lifetimes *l = d->lifetimes;
        struct watched_process *w;
        int r;

        forget_the_idle(l, rule->id);
        w = l->n_processes < LIMIT_PROCESS_RULES ? calloc(1, sizeof(*w)) : NULL;
        if (!w) {
                r = l->n_processes < LIMIT_PROCESS_RULES ? -ENOMEM : -EMFILE;
                close(pidfd);
                return r;
        }
        w->d = d;
        w->process = *rule_process(rule);
        w->rule_id = strdup(rule->id);
        list_append(&l->processes, &w->link);
        l->n_processes++;
        r = w->rule_id ? sd_event_add_io(d->loop, &w->source, pidfd, EPOLLIN, on_exit_of, w) : -ENOMEM;
        if (r < 0) {
                close(pidfd);
                forget(l, w);
                return r;
        }
        sd_event_source_set_io_fd_own(w->source, true);
        return 0;
}

/* ---- life ------------------------------------------------------------------------------------------------------------ */

int policy_start_lifetimes(struct daemon *d)
{
        int r;

        d->lifetimes = calloc(1, sizeof(*d->lifetimes));
        if (!d->lifetimes)
                return -ENOMEM;
        list_init(&d->lifetimes->processes);
        r = sd_event_add_time(d->loop, &d->expiry_timer, CLOCK_BOOTTIME, 0, 0, on_expiry, d);
        return r < 0 ? r : sd_event_source_set_enabled(d->expiry_timer, SD_EVENT_OFF);
}

void policy_stop_lifetimes(struct daemon *d)
{
        if (!d->lifetimes)
                return;
        list_for_each_safe(pos, next, &d->lifetimes->processes)
                forget(d->lifetimes, CONTAINER_OF(pos, struct watched_process, link));
        free(d->lifetimes);
        d->lifetimes = NULL;
}
