/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Ring records of DNS answers (bpf/abi.h, struct abi_answer) → who asked whom, and the bytes that came. What the bytes say is not looked at here. Pure;
 * nothing is copied.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/boottime.h"
#include "core/addr.h"
#include "core/subject.h"

enum {
        ANSWER_E_MALFORMED = 1,
        ANSWER_E_ABI = 2, /* written by programs of another ABI */
};

enum { ANSWER_DATA_MAX = 4096 };

/* The payload of a UDP datagram that answers what this process asked this server: socket, server, id and question agree. */
struct dns_datagram {
        struct process process; /* who asked; pid 0: a thread of the kernel */
        uint64_t program_key;   /* core/subject.h, 0: not known */
        uint32_t uid, gid;
        uint64_t cookie; /* of the socket */
        struct addr server;
        struct boottime at;  /* when it came */
        bool cut;            /* it had more than ANSWER_DATA_MAX bytes */
        const uint8_t *data; /* borrowed from the record */
        size_t n;            /* 1..ANSWER_DATA_MAX */
};

/* 0 or ANSWER_E_… */
int answer_parse(const void *record, size_t n, struct dns_datagram *ret);
