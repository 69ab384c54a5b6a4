/* SPDX-License-Identifier: GPL-3.0-or-later */
/* connect and send by io_uring, through its system calls alone: one operation at a time, each waited for. */
#include <linux/io_uring.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "talk.h"

struct ring {
        int fd;
        uint8_t *base;
        struct io_uring_sqe *entries;
        struct io_uring_params p;
};

static uint32_t *field(const struct ring *r, uint32_t offset)
{
        return (uint32_t *)(void *)(r->base + offset);
}

static int open_ring(struct ring *r)
{
        size_t size;

        memset(r, 0, sizeof(*r));
        r->fd = (int)syscall(SYS_io_uring_setup, 4, &r->p);
        if (r->fd < 0 || !(r->p.features & IORING_FEAT_SINGLE_MMAP))
                return -1;
        size = r->p.cq_off.cqes + r->p.cq_entries * sizeof(struct io_uring_cqe);
        r->base = mmap(NULL, size + 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, r->fd, IORING_OFF_SQ_RING);
        r->entries = mmap(NULL, r->p.sq_entries * sizeof(*r->entries), PROT_READ | PROT_WRITE, MAP_SHARED, r->fd, IORING_OFF_SQES);
        return r->base == MAP_FAILED || r->entries == MAP_FAILED ? -1 : 0;
}

/* The operation's result. IOSQE_ASYNC: a worker thread of the kernel does it, not our own call. */
static int run(struct ring *r, const struct io_uring_sqe *entry)
{
        uint32_t *tail = field(r, r->p.sq_off.tail), *head = field(r, r->p.cq_off.head);
        uint32_t mask = *field(r, r->p.sq_off.ring_mask), index = *tail & mask;
        const struct io_uring_cqe *done;
        int result;

        r->entries[index] = *entry;
        r->entries[index].flags |= IOSQE_ASYNC;
        field(r, r->p.sq_off.array)[index] = index;
        __atomic_store_n(tail, *tail + 1, __ATOMIC_RELEASE);
        if (syscall(SYS_io_uring_enter, r->fd, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0) != 1)
                return -1;
        done = (const struct io_uring_cqe *)(void *)(r->base + r->p.cq_off.cqes) + (*head & *field(r, r->p.cq_off.ring_mask));
        result = done->res;
        __atomic_store_n(head, *head + 1, __ATOMIC_RELEASE);
        return result;
}

int talk_uring(const struct destination *to, int type)
{
        int fd = socket(to->family, type, 0);
        struct io_uring_sqe connecting = { .opcode = IORING_OP_CONNECT, .fd = fd, .addr = (uintptr_t)&to->address, .off = to->n };
        struct io_uring_sqe sending = { .opcode = IORING_OP_SENDMSG, .fd = fd };
        char text[512];
        struct iovec part = { text, greet(text, sizeof(text)) };
        struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };
        struct ring ring;

        if (fd < 0 || open_ring(&ring) < 0)
                return 1;
        if (type == SOCK_STREAM && run(&ring, &connecting) < 0)
                return 1;
        if (type == SOCK_DGRAM) {
                message.msg_name = (void *)(uintptr_t)&to->address;
                message.msg_namelen = to->n;
        }
        sending.addr = (uintptr_t)&message;
        sending.len = 1;
        return run(&ring, &sending) == (int)part.iov_len ? 0 : 1;
}
