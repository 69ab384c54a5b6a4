/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Files with names of hosts, as they are published for blocking (bastion-rules(5), "Lists of names"), into a set (core/hostset.h). Two forms, told apart line by
 * line:
 *
 *      0.0.0.0 ads.example www.ads.example      hosts(5): these very names. The address is 0.0.0.0, 127.x.x.x, :: or ::1
 *      ads.example                              a name alone: it and all below it; also *.ads.example and .ads.example
 *
 * "#" at the start of a word begins a comment. Names are taken as rules take them (wire/hostname.h), and no public suffix. The names that a hosts file gives to
 * the machine itself (localhost, ip6-allnodes, …) and addresses in the place of names are left out in silence. Any other line is skipped and counted, the first ones
 * with their number and what was expected, never with what they say: who may name a file must not read it this way.
 *
 * The bytes come in pieces of any size. Lines longer than LIMIT_LIST_LINE are skipped. Pure.
 */
#pragma once

#include "core/hostset.h"

enum { HOSTLIST_TOLD = 5 };

enum {
        HOSTLIST_E_FULL = 1, /* more than LIMIT_LIST_NAMES names, or 64 MiB of them */
        HOSTLIST_E_EMPTY,    /* no name at all: a download that failed, or another kind of file */
};

/* Lines that were skipped. */
struct hostlist_skipped {
        size_t n;
        struct {
                size_t line;
                const char *expected; /* a phrase that goes on after "expected " */
        } first[HOSTLIST_TOLD];
};

struct hostlist;

struct hostlist *hostlist_new(uint64_t seed); /* NULL on -ENOMEM */
struct hostlist *hostlist_free(struct hostlist *list); /* takes NULL, returns NULL */
DEFINE_FREEP(struct hostlist, hostlist_free)

/* 0, -ENOMEM or HOSTLIST_E_FULL; then nothing more can come of it. */
int hostlist_feed(struct hostlist *list, const char *bytes, size_t n);
/* There are no more bytes. 0 with the set, or what hostlist_feed() returns, or HOSTLIST_E_EMPTY. *ret_skipped is written always. */
int hostlist_finish(struct hostlist *list, struct hostset **ret, struct hostlist_skipped *ret_skipped);

/* Words for a positive result. */
const char *hostlist_error_words(int error);
