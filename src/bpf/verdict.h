/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Verdicts that are known here, so that a connection which the rules decide need not be asked about. User space writes one when a decision
 * depends on nothing but the program, its user, the destination and the names by which the program knows it, as widely as that holds: for the
 * destination, for a port of every address, or for all that the program does. A verdict counts while the rules are those that it was made of (`epoch`)
 * and its rule lasts; where names were looked at, until the first of them ends, and while the program has got no other answer (`heard`).
 *
 * Who is decided here is told to nobody: the connections and the bytes of each program and rule are added up per CPU, and user space reads the sums.
 */
#ifndef BASTION_VERDICT_H
#define BASTION_VERDICT_H

#include "maps.h"

/* NULL: the element is another pair's by now, or nobody's. */
static __always_inline struct abi_tally *find_tally(__u32 id)
{
        __u32 index = id & (ABI_TALLIES - 1);
        struct abi_tally *t = index ? bpf_map_lookup_elem(&tallies, &index) : NULL;

        return t && t->id == id ? t : NULL;
}

struct known_verdict {
        __u64 expires_ns;
        __u32 epoch, tally;
        __u8 state;
};

/* No answer has come for the program since the verdict was made: one that it can have read is counted by now. */
static __always_inline bool is_last_heard(const struct abi_verdict_key *key, __u64 heard_then)
{
        __u32 index = ABI_HEARD_INDEX(key->program, key->uid);
        const __u64 *now = bpf_map_lookup_elem(&heard, &index);

        return now && *(volatile const __u64 *)now == heard_then;
}

static __always_inline bool take(const struct abi_config *c, const struct abi_verdict_key *key, struct known_verdict *ret)
{
        const struct abi_verdict *v = bpf_map_lookup_elem(&verdicts, key);
        __u64 heard_then;
        bool names;

        if (!v)
                return false;
        heard_then = v->heard;
        names = v->names;
        ret->expires_ns = v->expires_ns;
        ret->epoch = v->epoch;
        ret->tally = v->tally;
        ret->state = v->state;
        barrier();
        return same_words(&v->key, key, sizeof(*key) / 8) && ret->epoch == *(volatile const __u32 *)&c->epoch &&
               (ret->expires_ns == ~0ull || bpf_ktime_get_boot_ns() < ret->expires_ns) && (!names || is_last_heard(key, heard_then));
}

/* A verdict on everything that a program does is kept with its processes too, which saves the search: epoch, "denied", tally. */
static __always_inline __u64 pack(const struct known_verdict *v)
{
        return (__u64)v->epoch << 32 | (__u64)(v->state == ABI_TAG_DENIED) << ABI_TALLY_ID_BITS | v->tally;
}

static __always_inline bool recall(const struct abi_config *c, __u64 packed, const struct abi_tag *who, struct known_verdict *ret)
{
        struct abi_tally *t;

        if (packed >> 32 != *(volatile const __u32 *)&c->epoch)
                return false;
        ret->state = packed >> ABI_TALLY_ID_BITS & 1 ? ABI_TAG_DENIED : ABI_TAG_ALLOWED;
        ret->tally = packed & ((1ull << ABI_TALLY_ID_BITS) - 1);
        t = find_tally(ret->tally);
        return t && t->program == who->program && t->uid == who->uid && t->gid == who->gid;
}

/* What `who` may do with the destination in it. The widest first: it is the one that most connections have. `process` is where what is known of its
 * process is kept, or NULL; `known` a copy. A global function: looked at once, and its stack is not its callers'. */
__noinline int find_verdict(struct abi_seen *process, const struct seen *known, const struct abi_tag *who, struct known_verdict *ret)
{
        struct abi_verdict_key key = { 0 };
        struct abi_config *c = get_config();

        if (!c || !known || !who || !ret || who->program == 0)
                return false;
        if (process && recall(c, known->verdict, who, ret))
                return true;
        key.program = who->program;
        key.uid = who->uid;
        key.gid = who->gid;
        key.breadth = ABI_BREADTH_PROGRAM;
        if (take(c, &key, ret)) {
                if (process && ret->expires_ns == ~0ull)
                        *(volatile __u64 *)&process->verdict = pack(ret);
                return true;
        }
        key.protocol = who->protocol;
        key.remote_port = who->remote_port;
        key.breadth = ABI_BREADTH_PORT;
        if (take(c, &key, ret))
                return true;
        __builtin_memcpy(key.remote, who->remote, sizeof(key.remote));
        key.breadth = ABI_BREADTH_DESTINATION;
        return take(c, &key, ret);
}

static __always_inline void tally_connection(__u32 id, __u8 protocol, const __u8 remote[16], __u16 port)
{
        struct abi_tally *t = find_tally(id);

        count(ABI_COUNT_KNOWN);
        if (!t)
                return;
        __sync_fetch_and_add(&t->n_connections, 1);
        t->last = bpf_jiffies64();
        t->remote_port = port;
        t->protocol = protocol;
        __builtin_memcpy(t->remote, remote, sizeof(t->remote));
}

static __always_inline void tally_bytes(__u32 id, __u32 n)
{
        struct abi_tally *t = id ? find_tally(id) : NULL;

        if (t)
                __sync_fetch_and_add(&t->n_bytes, n);
}

#endif
