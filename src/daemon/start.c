/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The kernel's side, put in place. The first time: hooks (from here on new sockets get tags), older sockets, and only then the rule that puts
 * gate and queue to use. After a daemon that was killed, its rule stands, its gate answers and its hooks run, and it stays so until ours
 * do: the queue is bound first, so that from here on the undecided wait instead of being dropped; our hooks are attached beside the old
 * ones; the rule is exchanged in one transaction; then the old ones go, and last the generation is raised, by which everything that was
 * decided is judged by the rules of today. A start that fails on the way leaves what it found.
 *
 * One daemon serves a network namespace. The queue's number is the lock: only CAP_NET_ADMIN can take it, and it is free when its holder dies.
 */
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>

#include "base/log.h"
#include "daemon/daemon.h"

/* Somebody listens at the queue that the standing rule feeds: a daemon with other directories, perhaps another queue, but the same tables. */
static int refuse_second(struct daemon *d)
{
        uint16_t number;
        int r;

        r = hook_find_queue(&number);
        if (r < 0) {
                log_error("cannot read the nftables tables: %s", strerror(-r));
                return r;
        }
        d->was_guarded = r == 1;
        if (r == 0 || !queue_is_bound(number))
                return 0;
        log_error("another bastion-daemon serves this network namespace (its tables feed packet queue %u, and a program listens there): "
                  "stop it first", number);
        return -EBUSY;
}

static int open_queue(struct daemon *d)
{
        int r;

        r = queue_open(d->options.queue, &d->queue);
        if (r == -EBUSY)
                log_error("packet queue %u belongs to another program: stop that, or choose another number with --queue=N", d->options.queue);
        else if (r < 0)
                log_error("cannot bind packet queue %u: %s", d->options.queue, strerror(-r));
        return r;
}

/* The best rung that loads and is proved to run; why not the better one stays for status and doctor. */
static int choose_rung(struct daemon *d)
{
        _cleanup_(buf_deinit) struct buf why = { 0 };
        int r;

        if (d->options.rung == RUNG_QUEUE)
                return 0;
        r = tracker_open(d->options.pins, &d->tracker, &why);
        if (r == 0 && !tracker_prove(d->tracker, &why)) {
                d->tracker = tracker_close(d->tracker);
                r = -ENOTSUP;
        }
        if (r == 0)
                return tracker_set_wants(d->tracker, facts_of_criteria(ruleset_kinds(d->rules)));
        if (d->options.rung == RUNG_GATE) {
                log_error("the gate rung is not to be had: %s\n%s", strerror(-r), why.data ? why.data : "");
                return r;
        }
        d->rung_reason = buf_take(&why);
        log_warn("going on with the queue rung: %s\n%s", strerror(-r), d->rung_reason ? d->rung_reason : "");
        return 0;
}

static int install_rule(struct daemon *d)
{
        int r = policy_install_hook(d);

        if (r < 0)
                log_error("cannot install the nftables tables: %s", strerror(-r));
        return r;
}

/* The whole path, on whichever rung. A gate that does not prove itself is given up for the queue rung, and that one must. */
static int prove(struct daemon *d)
{
        _cleanup_(buf_deinit) struct buf report = { 0 };
        struct tracker *gate = d->tracker;
        int r;

        if (probe_packet_path(d, &report))
                return 0;
        if (!gate || d->options.rung == RUNG_GATE) {
                log_error("the packet path does not work: %s", report.data ? report.data : "no memory");
                return -ENOTSUP;
        }
        d->rung_reason = buf_take(&report);
        log_warn("going on with the queue rung: %s", d->rung_reason ? d->rung_reason : "the gate's path does not work");
        d->tracker = NULL;
        d->first_generation = 0; /* the queue rung has no generations */
        r = install_rule(d); /* before the pin that the old rule names goes */
        tracker_close(gate);
        return r < 0 ? r : prove(d);
}

/* The rule is ours: what a daemon before left beside it is let go. */
static int take_over(struct daemon *d)
{
        int r;

        if (!d->tracker) {
                r = tracker_remove_pins(d->options.pins);
                if (r < 0 && r != -EINVAL) /* no BPF file system there: no pins */
                        log_warn("cannot remove the pins of an earlier daemon in %s: %s", d->options.pins, strerror(-r));
                return 0;
        }
        r = tracker_commit(d->tracker);
        if (r < 0) {
                log_error("cannot begin a generation: %s", strerror(-r));
                return r;
        }
        d->first_generation = tracker_generation(d->tracker);
        if (tracker_took_over(d->tracker))
                log_info("took over from a daemon that was killed: its connections go on, unless a rule denies them");
        return 0;
}

int start_kernel(struct daemon *d)
{
        int r;

        r = refuse_second(d);
        if (r < 0)
                return r;
        d->flows = flowmem_new(d->seed);
        if (!d->flows)
                return -ENOMEM;
        r = sockets_open(&d->sockets);
        if (r < 0) {
                log_error("cannot open NETLINK_SOCK_DIAG: %s", strerror(-r));
                return r;
        }
        r = open_queue(d);
        if (r < 0)
                return r;
        r = choose_rung(d);
        if (r < 0)
                return r;
        r = adopt_sockets(d);
        if (r < 0)
                log_warn("cannot list the sockets that exist already: %s; their next packet is judged", strerror(-r));
        r = sd_event_add_io(d->loop, NULL, queue_fd(d->queue), EPOLLIN, packet_path_on_readable, d);
        if (r < 0)
                return r;
        r = install_rule(d);
        if (r >= 0)
                r = take_over(d);
        if (r >= 0)
                r = prove(d);
        if (r >= 0)
                sweep_request(d); /* a rule that denies ends older connections too */
        return r;
}
