/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * bastion-parser: where bytes that strangers on the network wrote are parsed, by a process that has nothing to lose. It is started with one socket
 * (descriptor 3), becomes a user without privileges, and gives up every system call but reading, writing and ending. It opens no file, no
 * socket, allocates nothing, and keeps nothing from one request to the next. A request that kills it costs its sender an answer; the
 * nursery starts another. What waits for the answer is put aside, for a bounded time (daemon/naming.c).
 *
 * Requests and answers: wire/probe.h.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

#ifndef BASTION_SANITIZED
#include <seccomp.h>
#endif

#include "base/log.h"
#include "base/str.h"
#include "core/limits.h"
#include "wire/dns.h"
#include "wire/probe.h"

enum { SOCKET = 3, EXIT_SETUP = 1, EXIT_USAGE = 2 };

#ifdef BASTION_SANITIZED
/* The sanitizers' runtime needs more; see sys/privs.c. */
static int confine(void)
{
        return 0;
}
#else
static int confine(void)
{
        static const int CALLS[] = { SCMP_SYS(read), SCMP_SYS(write), SCMP_SYS(exit), SCMP_SYS(exit_group), SCMP_SYS(rt_sigreturn) };
        scmp_filter_ctx filter = seccomp_init(SCMP_ACT_KILL_PROCESS);
        int r = filter ? 0 : -ENOMEM;

        for (size_t i = 0; i < ARRAY_SIZE(CALLS) && r >= 0; i++)
                r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, CALLS[i], 0);
        if (r >= 0)
                r = seccomp_load(filter);
        if (filter)
                seccomp_release(filter);
        return r;
}
#endif

/* A message that is malformed gets an answer that says so: who waits for it need not wait for nothing. */
static size_t answer_dns(const struct probe *request, uint8_t *ret)
{
        static struct dns_answer answer;
        uint8_t serial[DNS_SERIAL_MAX];
        int error = dns_parse(request->data, request->n, &answer);
        const struct probe probe = {
                .id = request->id, .kind = PROBE_DNS, .data = serial, .n = (uint16_t)dns_answer_write(&answer, error, serial)
        };

        return probe_format(&probe, ret);
}

/* One request, one answer; what is no request gets none. */
static size_t answer(const uint8_t *request, size_t n, uint8_t *ret)
{
        struct probe probe;

        if (probe_parse(request, n, &probe) != 0)
                return 0;
        switch (probe.kind) {
        case PROBE_ECHO_CHECK:
                return probe_format(&probe, ret);
        case PROBE_DNS:
                return answer_dns(&probe, ret);
        }
        return 0;
}

int main(void)
{
        static uint8_t in[PROBE_HEADER + LIMIT_PROBE_BYTES + 1], out[PROBE_HEADER + LIMIT_PROBE_BYTES];
        ssize_t n;
        int r;

        prctl(PR_SET_NAME, "bastion-parser"); /* started by descriptor, the kernel would call it by its number */
        if (geteuid() == 0) {
                log_error("bastion-parser: not as root; bastion-daemon starts it");
                return EXIT_USAGE;
        }
        r = confine();
        if (r < 0) {
                log_error("bastion-parser: cannot give up system calls: error %d", -r);
                return EXIT_SETUP;
        }
        /* A datagram that does not fit is cut to one byte too many, which probe_parse() refuses. */
        while ((n = read(SOCKET, in, sizeof(in))) > 0) {
                size_t length = answer(in, (size_t)n, out);

                if (length > 0 && write(SOCKET, out, length) < 0)
                        break;
        }
        _exit(0);
}
