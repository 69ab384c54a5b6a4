/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Theory in the header. */
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>

#include "daemon/walk.h"
#include "sys/procread.h"

enum { STATE_LISTEN = 10, STATE_CLOSE = 7, STATE_TIME_WAIT = 6, STATE_SYN_RECV = 3, STATE_NEW_SYN_RECV = 12 };

static void on_socket(void *userdata, const struct sockdiag_socket *socket)
{
        struct walk *w = userdata;

        if (w->n == w->size) {
                size_t size = w->size ? w->size * 2 : 256;
                struct walked *more = size <= WALK_MAX ? realloc(w->found, size * sizeof(*more)) : NULL;

                if (!more) {
                        w->lost = true;
                        return;
                }
                w->found = more;
                w->size = size;
        }
        w->found[w->n++] = (struct walked){ .socket = *socket };
        if (socket->flow.protocol == IPPROTO_TCP && socket->state == STATE_LISTEN)
                w->listening[socket->flow.local_port / 8] |= (uint8_t)(1 << socket->flow.local_port % 8);
}

int walk_sockets(struct walk *w, struct sockets *sockets)
{
        static const uint8_t PROTOCOLS[] = { IPPROTO_TCP, IPPROTO_UDP, IPPROTO_UDPLITE };
        int r = 0;

        for (size_t i = 0; i < ARRAY_SIZE(PROTOCOLS) && r >= 0; i++) {
                r = sockets_each(sockets, PROTOCOLS[i], w->bytes, on_socket, w);
                if (r == -ENOENT)
                        r = 0; /* a kernel without that protocol's diag module has none of its sockets listed */
        }
        return r;
}

static int by_inode(const void *a, const void *b)
{
        uint64_t x = ((const struct walked *)a)->socket.inode, y = ((const struct walked *)b)->socket.inode;

        return x < y ? -1 : x > y;
}

/* /proc is listed by number, and one process's descriptors come in a row. */
static void on_holder(void *userdata, uint64_t inode, uint32_t pid)
{
        struct walk *w = userdata;
        struct walked key = { .socket.inode = inode };
        struct walked *f = bsearch(&key, w->found, w->n, sizeof(*f), by_inode);

        if (!f || f->n_pids == LIMIT_OWNERS || (f->n_pids > 0 && f->pids[f->n_pids - 1] == pid))
                return;
        f->pids[f->n_pids++] = pid;
}

void walk_find_holders(struct walk *w)
{
        if (w->n == 0)
                return;
        qsort(w->found, w->n, sizeof(*w->found), by_inode);
        procread_each_socket(on_holder, w);
}

void walk_deinit(struct walk *w)
{
        free(w->found);
        w->found = NULL;
        w->n = w->size = 0;
}

struct subject *walk_subject(const struct walked *found)
{
        struct subject *subject = found->n_pids ? procread_subject(found->pids[0], IDENTITY_PROC) : NULL;

        return subject ? subject : subject_ref(subject_unknown());
}

bool walk_is_connection(const struct sockdiag_socket *s)
{
        if (s->flow.protocol != IPPROTO_TCP)
                return !addr_is_zero(&s->flow.remote);
        return s->state != STATE_LISTEN && s->state != STATE_CLOSE && s->state != STATE_TIME_WAIT && s->state != STATE_SYN_RECV &&
               s->state != STATE_NEW_SYN_RECV;
}

enum direction walk_direction(const struct walk *w, const struct sockdiag_socket *s)
{
        uint16_t port = s->flow.local_port;

        return s->flow.protocol == IPPROTO_TCP && (w->listening[port / 8] & 1 << port % 8) ? DIRECTION_IN : DIRECTION_OUT;
}
