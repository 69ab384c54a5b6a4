/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The maps, and the few accesses that every program shares. Sizes: `sockets` bounds how many tagged sockets can be open at once; it is no LRU
 * map, which would silently forget idle live flows. `queued` holds only what the daemon has not read yet. A program that is
 * interrupted by another on the same CPU would overwrite a per-CPU scratch buffer, so records are built in slots that are claimed.
 */
#ifndef BASTION_MAPS_H
#define BASTION_MAPS_H

#include "abi.h"
#include "kernel.h"

#define MAX_SOCKETS 65536
#define MAX_QUEUED  65536 /* the queue is as long */
#define MAX_PEERS   16384
#define MAX_SEEN    8192
#define MAX_VERDICTS 16384
#define MAX_QUESTIONS 8192
#define MAX_SLOTS   16
#define RING_BYTES  (512 * 1024)

/* A name of the kernel is at most 255 bytes; walk[] has that much room behind its last offset. */
#define NAME_BYTES 256
#define TEXT_BYTES (ABI_TRACK_PATH + ABI_TRACK_ARGS + ABI_TRACK_CGROUP + ABI_TRACK_ANCESTOR_PATHS)

/* One record under construction. What a loop carries is kept here and not on the stack: the verifier takes what it loads from a map for
 * unknown, so it needs to look at one round of the loop only. */
struct slot {
        __u32 busy;
        __u32 at;           /* start of what walk[] holds */
        __u32 torn;         /* a name changed while it was read */
        __u32 lost;         /* no path leads to it: it is in no directory, or was moved out of what is mounted */
        __u64 dentry, mount; /* the walk's position; of a cgroup: its kernfs_node in `dentry` */
        __u64 task, file;    /* the ancestor, and what it runs */
        __u32 to, used;      /* where the ancestors' paths begin in text[], and how long they are so far */
        char name[NAME_BYTES];
        char walk[ABI_TRACK_PATH + NAME_BYTES]; /* written from the tail to the front */
        struct abi_track track;
        char text[TEXT_BYTES + ABI_TRACK_PATH]; /* follows the track in the ring; room for a path behind the last offset */
        struct abi_question question;
        struct abi_answer answer;
        char data[ABI_ANSWER_DATA];             /* follows the answer in its ring */
        struct abi_seen fresh;   /* what is put into `seen` */
        struct abi_queued empty; /* never written: what a new entry of `queued` is copied from */
};

struct {
        __uint(type, BPF_MAP_TYPE_ARRAY);
        __uint(max_entries, 1);
        __type(key, __u32);
        __type(value, struct abi_config);
} config SEC(".maps");

struct {
        __uint(type, BPF_MAP_TYPE_HASH);
        __uint(max_entries, MAX_SOCKETS);
        __type(key, __u64);
        __type(value, struct abi_tag);
} sockets SEC(".maps");

struct {
        __uint(type, BPF_MAP_TYPE_LRU_HASH);
        __uint(max_entries, MAX_PEERS);
        __type(key, struct abi_peer_key);
        __type(value, struct abi_peer);
} peers SEC(".maps");

struct {
        __uint(type, BPF_MAP_TYPE_HASH);
        __uint(map_flags, BPF_F_NO_PREALLOC); /* nearly always nearly empty */
        __uint(max_entries, MAX_QUEUED);
        __type(key, struct abi_flow);
        __type(value, struct abi_queued);
} queued SEC(".maps");

struct {
        __uint(type, BPF_MAP_TYPE_LRU_HASH);
        __uint(max_entries, MAX_SEEN);
        __type(key, struct abi_process);
        __type(value, struct abi_seen);
} seen SEC(".maps");

struct {
        __uint(type, BPF_MAP_TYPE_LRU_HASH);
        __uint(max_entries, MAX_VERDICTS);
        __type(key, struct abi_verdict_key);
        __type(value, struct abi_verdict);
} verdicts SEC(".maps");

struct {
        __uint(type, BPF_MAP_TYPE_ARRAY);
        __uint(max_entries, ABI_HEARD);
        __type(key, __u32);
        __type(value, __u64);
} heard SEC(".maps");

struct {
        __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
        __uint(max_entries, ABI_TALLIES);
        __type(key, __u32);
        __type(value, struct abi_tally);
} tallies SEC(".maps");

struct {
        __uint(type, BPF_MAP_TYPE_RINGBUF);
        __uint(max_entries, RING_BYTES);
} tracks SEC(".maps");

struct {
        __uint(type, BPF_MAP_TYPE_LRU_HASH);
        __uint(max_entries, MAX_QUESTIONS);
        __type(key, struct abi_question_key);
        __type(value, struct abi_question);
} questions SEC(".maps");

/* Its own, so that no number of answers takes the room of a process's record. */
struct {
        __uint(type, BPF_MAP_TYPE_RINGBUF);
        __uint(max_entries, ABI_ANSWER_BYTES);
} answers SEC(".maps");

struct {
        __uint(type, BPF_MAP_TYPE_ARRAY);
        __uint(max_entries, MAX_SLOTS);
        __type(key, __u32);
        __type(value, struct slot);
} slots SEC(".maps");

struct {
        __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
        __uint(max_entries, ABI_COUNT_N);
        __type(key, __u32);
        __type(value, __u64);
} counters SEC(".maps");

static __always_inline struct abi_config *get_config(void)
{
        __u32 zero = 0;

        return bpf_map_lookup_elem(&config, &zero);
}

static __always_inline void count(__u32 which)
{
        __u64 *value = bpf_map_lookup_elem(&counters, &which);

        if (value)
                (*value)++;
}

static __always_inline bool same_words(const void *a, const void *b, __u32 n)
{
        const __u64 *x = a, *y = b;

        for (__u32 i = 0; i < n; i++)
                if (x[i] != y[i])
                        return false;
        return true;
}

/* The members of struct abi_peer and struct abi_seen that are looked at: 6.1 counts every byte of stack. */
struct peer {
        __u64 expires_ns;
        __u32 generation, tally;
        __u8 state, direction;
};

struct seen {
        __u64 program, verdict;
        bool reported;
};

/* A copy of what `peers` has under the key; false: nothing. */
static __always_inline bool read_peer(const struct abi_peer_key *key, struct peer *ret)
{
        const struct abi_peer *peer = bpf_map_lookup_elem(&peers, key);

        if (!peer)
                return false;
        ret->expires_ns = peer->expires_ns;
        ret->generation = peer->generation;
        ret->tally = peer->tally;
        ret->state = peer->state;
        ret->direction = peer->direction;
        barrier();
        return same_words(&peer->key, key, sizeof(*key) / 8);
}

/* The same for `seen`; returns the element itself, whose `verdict` may be written. */
static __always_inline struct abi_seen *read_seen(const struct abi_process *process, struct seen *ret)
{
        struct abi_seen *known = bpf_map_lookup_elem(&seen, process);
        const struct abi_config *c = get_config();

        if (!known || !c || known->wants != (__u8)*(volatile const __u32 *)&c->wants)
                return NULL;
        ret->program = known->program;
        ret->verdict = *(volatile const __u64 *)&known->verdict;
        ret->reported = known->reported;
        barrier();
        return same_words(&known->process, process, sizeof(*process) / 8) ? known : NULL;
}

/* The hooks' first question: are they switched on, and is this socket of the daemon's network namespace? NULL: not. */
static __always_inline struct abi_config *get_config_of(__u64 netns_cookie)
{
        struct abi_config *c = get_config();

        return c && c->enabled && c->netns_cookie == netns_cookie ? c : NULL;
}

static __always_inline bool is_ours(__u64 netns_cookie)
{
        return get_config_of(netns_cookie);
}

#endif
