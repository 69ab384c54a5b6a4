/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Names: from the answers that programs of this machine got to what they asked (sys/answers.h), by way of the parser, to the table of who was told
 * which name an address has (core/names.h). It holds what each program of each user resolved itself; so nobody's answers decide for anybody else.
 *
 * An answer lies in the ring before the program can read it, and the ring is emptied before a packet is attributed. What is left between the two is the
 * parser, which takes some ten microseconds once it has a processor. A packet of a program whose answer is there is put aside meanwhile
 * (packet_path.c), PATIENCE_NS at most; nobody else's waits for it. What comes later than that counts from the next packet on.
 *
 * A decision that looked at names may be remembered in the kernel, until the first of them ends or the program gets another answer: the kernel counts a
 * program's answers, the count is read before the ring is emptied, and what was decided holds for that count. An answer whose names nobody knows, because
 * it was lost or could not be read, changes nothing of what is known, and so nothing of what was decided. Nor does an entry that had to make room in the
 * table: what it said was true until its end.
 *
 * Bounded: LIMIT_PARSING answers are under way, more are not looked at (counted); the table bounds itself. The queue rung hears no answers: there no
 * name is known, and no rule about one matches.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "base/hashmap.h"
#include "base/log.h"
#include "core/names.h"
#include "daemon/daemon.h"
#include "sys/clock.h"
#include "wire/dns.h"

enum { LIMIT_PARSING = 1024 };
/* So long a packet waits: TCP would send it again after a second. And so long after it was asked the parser does not answer any more. */
static const uint64_t PATIENCE_NS = NS_PER_SEC / 4, LOST_NS = NS_PER_SEC;

struct parsing {
        uint32_t id; /* 0: free */
        uint64_t program;
        struct boottime since;
};

struct naming {
        struct daemon *d;
        struct names *names;
        sd_event_source *source;
        struct parsing parsing[LIMIT_PARSING]; /* by id */
        unsigned n_parsing;
        uint32_t last_id;
};

/* Who resolves and connects: a program, as rules tell programs apart, of one user. One that the kernel cannot name is each process by itself. */
static uint64_t key_of(const struct daemon *d, uint64_t program_key, uint32_t uid, const struct process *process)
{
        const uint64_t words[] = { program_key, uid, program_key ? 0 : process->pid, program_key ? 0 : process->start_ns };

        return hash_bytes(d->seed, words, sizeof(words));
}

struct boottime naming_deadline(struct boottime since)
{
        return boottime_add(since, PATIENCE_NS);
}

/* Something that the program was told, and that may still be waited for. */
static bool is_parsing(const struct naming *n, uint64_t program, struct boottime now)
{
        for (unsigned i = 0; i < LIMIT_PARSING; i++)
                if (n->parsing[i].id != 0 && n->parsing[i].program == program && !boottime_reached(naming_deadline(n->parsing[i].since), now))
                        return true;
        return false;
}

bool naming_awaits(const struct daemon *d, const struct subject *subject, struct boottime since, struct boottime now)
{
        const struct naming *n = d->naming;

        if (!n || n->n_parsing == 0 || boottime_reached(naming_deadline(since), now))
                return false;
        return is_parsing(n, key_of(d, subject->program_key, subject->uid, &subject->process), now);
}

bool naming_take(struct daemon *d, const struct subject *subject, uint64_t *ret_heard)
{
        return d->naming && d->tracker && ruleset_kinds(d->rules) & CRITERIA_OF_NAMES && tracker_take_answers(d->tracker, subject, ret_heard);
}

bool naming_knows_all(const struct daemon *d, const struct subject *subject)
{
        const struct naming *n = d->naming;
        const struct boottime at_the_start = { 0 }; /* however long ago it was asked */

        return n->n_parsing == 0 || !is_parsing(n, key_of(d, subject->program_key, subject->uid, &subject->process), at_the_start);
}

static void release(struct naming *n, struct parsing *p)
{
        *p = (struct parsing){ 0 };
        n->n_parsing--;
}

/* A thread of the kernel asks for nobody whom rules could know. */
static void on_answer(void *userdata, const struct dns_datagram *datagram)
{
        struct daemon *d = userdata;
        struct naming *n = d->naming;
        struct probe probe = { .kind = PROBE_DNS, .data = datagram->data, .n = (uint16_t)datagram->n };
        const struct boottime now = clock_boottime();
        struct parsing *p;

        probe.id = ++n->last_id ? n->last_id : ++n->last_id;
        p = &n->parsing[probe.id % LIMIT_PARSING];
        if (p->id != 0 && boottime_reached(boottime_add(p->since, LOST_NS), now))
                release(n, p);
        if (datagram->process.pid == 0 || datagram->cut || p->id != 0 || helpers_parse(d, &probe) < 0) {
                d->counters.n_answers_unread++;
                return;
        }
        *p = (struct parsing){ .id = probe.id, .program = key_of(d, datagram->program_key, datagram->uid, &datagram->process), .since = now };
        n->n_parsing++;
}

static void take_names(struct naming *n, uint64_t program, const struct probe *result, struct boottime now)
{
        struct dns_answer answer;
        int r = dns_answer_read(result->data, result->n, &answer);

        if (r != 0) {
                log_debug("a DNS answer without a usable name: %s", dns_error_text(r));
                n->d->counters.n_answers_unread++;
                return;
        }
        for (unsigned i = 0; i < answer.n_addresses; i++)
                if (names_add(n->names, program, answer.name, &answer.addresses[i].addr, answer.addresses[i].ttl, now) == -ENOMEM)
                        log_debug("a name is not known: no memory");
}

void naming_on_parsed(struct daemon *d, const struct probe *result)
{
        struct naming *n = d->naming;
        struct parsing *p = &n->parsing[result->id % LIMIT_PARSING];
        const struct boottime now = clock_boottime();
        const uint64_t program = p->program;

        if (p->id == 0 || p->id != result->id) {
                log_warn("the parser sent what was not asked for: ignored");
                return;
        }
        release(n, p);
        take_names(n, program, result, now);
        if (!is_parsing(n, program, now))
                packet_path_resume(d);
}

void naming_on_parser_gone(struct daemon *d)
{
        struct naming *n = d->naming;

        if (!n)
                return;
        d->counters.n_answers_unread += n->n_parsing;
        memset(n->parsing, 0, sizeof(n->parsing));
        n->n_parsing = 0;
        packet_path_resume(d);
}

void naming_find(const struct daemon *d, const struct subject *subject, const struct addr *addr, struct boottime now, struct hosts *ret)
{
        struct names_found found[LIMIT_HOSTS];
        const uint64_t program = key_of(d, subject->program_key, subject->uid, &subject->process);

        ret->n = d->naming && subject->kind == SUBJECT_PROGRAM ? names_find(d->naming->names, program, addr, now, found, LIMIT_HOSTS) : 0;
        ret->ends = BOOTTIME_NEVER;
        for (unsigned i = 0; i < ret->n; i++) {
                ret->names[i] = found[i].name;
                ret->ends = boottime_earlier(ret->ends, found[i].expires);
        }
        ret->source = ret->n > 0 ? HOST_SOURCE_DNS : HOST_SOURCE_NONE;
}

static int on_readable(_unused_ sd_event_source *source, _unused_ int fd, _unused_ uint32_t events, void *userdata)
{
        struct daemon *d = userdata;

        tracker_drain(d->tracker);
        return 0;
}

int naming_start(struct daemon *d)
{
        int r;

        d->naming = calloc(1, sizeof(*d->naming));
        if (!d->naming)
                return -ENOMEM;
        d->naming->d = d;
        d->naming->names = names_new(d->seed);
        if (!d->naming->names)
                return -ENOMEM;
        if (!d->tracker)
                return 0;
        tracker_on_answer(d->tracker, on_answer, d);
        r = sd_event_add_io(d->loop, &d->naming->source, tracker_answers_fd(d->tracker), EPOLLIN, on_readable, d);
        return r < 0 ? r : 0;
}

void naming_stop(struct daemon *d)
{
        struct naming *n = TAKE_PTR(d->naming);

        if (!n)
                return;
        sd_event_source_disable_unref(n->source);
        names_free(n->names);
        free(n);
}
