/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Theory in the header. */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>

#include <bpf/libbpf.h>

#include "base/log.h"
#include "bpf/abi.h"
#include "sys/answers.h"

struct answers {
        struct ring_buffer *ring;
        int fd;
        size_t n_drained; /* bytes, in this call of answers_drain() */
        bool complained;
        answer_fn fn;
        void *userdata;
};

static void complain(struct answers *a, size_t n, int error)
{
        if (a->complained)
                return;
        a->complained = true;
        log_warn("a record of a DNS answer of %zu bytes cannot be read (%d); its names are not known, nor those of any more such records", n, error);
}

/* Negative ends the drain, after this record. */
static int on_record(void *userdata, void *data, size_t n)
{
        struct dns_datagram datagram;
        struct answers *a = userdata;
        int r;

        a->n_drained += n;
        r = answer_parse(data, n, &datagram);
        if (r != 0)
                complain(a, n, r);
        else if (a->fn)
                a->fn(a->userdata, &datagram);
        return a->n_drained >= ABI_ANSWER_BYTES ? -ECANCELED : 0;
}

int answers_new(int map_fd, struct answers **ret)
{
        _cleanup_(answers_freep) struct answers *a = calloc(1, sizeof(*a));

        if (!a)
                return -ENOMEM;
        a->fd = map_fd;
        a->ring = ring_buffer__new(map_fd, on_record, a, NULL);
        if (!a->ring)
                return -errno;
        *ret = TAKE_PTR(a);
        return 0;
}

struct answers *answers_free(struct answers *a)
{
        if (!a)
                return NULL;
        ring_buffer__free(a->ring);
        free(a);
        return NULL;
}

void answers_set_handler(struct answers *a, answer_fn fn, void *userdata)
{
        a->fn = fn;
        a->userdata = userdata;
}

void answers_drain(struct answers *a)
{
        a->n_drained = 0;
        ring_buffer__consume(a->ring);
}

/* A record that somebody is still writing ends a drain, and the ring is readable by it. */
bool answers_is_empty(const struct answers *a)
{
        struct pollfd poll_fd = { .fd = a->fd, .events = POLLIN };

        return poll(&poll_fd, 1, 0) == 0;
}

int answers_fd(const struct answers *a)
{
        return a->fd;
}
