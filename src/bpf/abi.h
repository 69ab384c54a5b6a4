/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the kernel programs and the daemon share: map keys and values, ring records. Fixed widths, explicit zeroed
 * padding, sizes asserted on both sides. In user space only sys/tracker.c, sys/tallies.c, sys/answers.c, sys/hook.c, wire/track.c and wire/answer.c
 * include it; everything else sees the types of core/.
 *
 * Addresses are 16 bytes in network order, IPv4 as ::ffff:a.b.c.d. Ports are in host order. Times are nanoseconds of
 * CLOCK_BOOTTIME. Bump BASTION_ABI with every change of a layout or a meaning.
 */
#ifndef BASTION_ABI_H
#define BASTION_ABI_H

#ifndef __bpf__
#include <stdint.h>
typedef uint8_t abi_u8;
typedef uint16_t abi_u16;
typedef uint32_t abi_u32;
typedef uint64_t abi_u64;
#else
typedef unsigned char abi_u8;
typedef unsigned short abi_u16;
typedef unsigned int abi_u32;
typedef unsigned long long abi_u64;
#endif

#define BASTION_ABI 8

/* One life of one program image; core/subject.h `struct process`. */
struct abi_process {
        abi_u64 start_ns; /* task->group_leader->start_boottime */
        abi_u32 pid;      /* tgid, initial pid namespace; 0: a kernel thread */
        abi_u32 exec_id;  /* low half of task->self_exec_id */
};

/* Tag states. */
#define ABI_TAG_UNDECIDED 0
#define ABI_TAG_ALLOWED   1 /* at `generation` */
#define ABI_TAG_KEPT      2 /* allowed for this flow by an answer or by learning: see `mode_epoch` */
#define ABI_TAG_ADOPTED   3 /* older than the daemon */
#define ABI_TAG_DENIED    4

#define ABI_DIRECTION_OUT 0
#define ABI_DIRECTION_IN  1 /* accepted: passes whatever the generation */

/* Value of `sockets`, by socket cookie. */
struct abi_tag {
        struct abi_process process;
        abi_u64 program; /* key of what the process runs (bpf/track.h), 0: not known */
        abi_u32 uid, gid;
        abi_u32 generation; /* at which `state` was written; during a sweep one ahead of the config's */
        abi_u16 mode_epoch; /* user space's; counts changes of mode */
        abi_u8 state;
        abi_u8 direction;
        abi_u8 protocol;    /* of the socket */
        abi_u8 connected;   /* UDP: connect() was called */
        abi_u16 local_port; /* 0 not known yet */
        abi_u16 remote_port; /* what `state` is about (TCP, connected UDP) */
        abi_u8 raw;         /* raw or ping socket: judged by each packet's destination, whatever its protocol */
        abi_u8 uncounted;   /* a known verdict allowed it, and no packet has passed: datagram sockets are connected to learn a route, too */
        abi_u8 remote[16];
        abi_u32 tally; /* which of `tallies` its bytes are counted in, 0: none */
        abi_u8 pad2[4];
};

/* Key of `queued`: what gate and daemon both read in the packet. */
struct abi_flow {
        abi_u8 local[16], remote[16];
        abi_u16 local_port, remote_port; /* ICMP echo: id in local_port, 0 in remote_port */
        abi_u16 ip_id;                   /* IPv4 identification, host order; IPv6: 0 */
        abi_u8 protocol;
        abi_u8 pad;
};

/* How far into a packet gate and daemon look for its headers, and how many IPv6 extension headers they walk: what needs more is unparsable
 * for both. The first is the queue's copy range too. */
#define ABI_PACKET_BYTES      512
#define ABI_PACKET_EXTENSIONS 8

#define ABI_QUEUED_TAGS 4
/* How long a peer that wrote first may be answered, renewed by use. */
#define ABI_PEER_IN_NS 180000000000ull

struct abi_queued_tag {
        abi_u64 cookie;
        abi_u32 n_packets; /* of this socket, and not yet read */
        abi_u8 pad[4];
        struct abi_tag tag; /* all zero where the socket had none */
};

/* An entry of `queued` that nobody read for so long belongs to a packet that was lost: the gate starts it anew. */
#define ABI_QUEUED_STALE_NS 10000000000ull

/* Value of `queued`: the sockets in the order in which they came. */
struct abi_queued {
        abi_u64 since_ns;   /* when the entry was made */
        abi_u32 n_packets; /* queued under this key and not yet read */
        abi_u32 n_tags;    /* may exceed ABI_QUEUED_TAGS: then some were not kept */
        abi_u32 shared;    /* one came while another was open: whose packet comes first cannot be told. Else each had the port after the other */
        abi_u8 pad[4];
        struct abi_queued_tag tags[ABI_QUEUED_TAGS];
};

/* Key of `peers`: what one datagram or raw socket may exchange with one peer. Value: struct abi_peer. LRU: a lost entry is asked again. */
struct abi_peer_key {
        abi_u64 cookie;
        abi_u8 remote[16];
        abi_u16 remote_port;
        abi_u8 protocol; /* of the packet: a raw socket may send any */
        abi_u8 pad[5];
};

/* The elements of LRU maps are used again while somebody may still look at them: a value says whose it is, first of all, and is believed when that
 * is read last of all. */
struct abi_peer {
        struct abi_peer_key key;
        abi_u64 expires_ns; /* direction in: 180 s after the last use */
        abi_u32 generation;
        abi_u32 tally;
        abi_u16 mode_epoch;
        abi_u8 state; /* ABI_TAG_… */
        abi_u8 direction;
        abi_u8 pad[4];
};

/* Value of `seen`, by struct abi_process: once in a process's life. */
struct abi_seen {
        struct abi_process process; /* the key, as in struct abi_peer */
        abi_u64 program;
        abi_u64 verdict; /* what it may do with every destination, as bpf/verdict.h packs it: written and read as one, and never believed without
                          * its tally, because what is written may reach an element that is another process's by then */
        abi_u8 reported; /* the ring took its record */
        abi_u8 wants;    /* what the config wanted then: with another one all this is void */
        abi_u8 pad[6];
};

/* How wide a known verdict is: what of its key counts. The rest of the key is zero. */
#define ABI_BREADTH_DESTINATION 1 /* protocol, remote and remote_port */
#define ABI_BREADTH_PORT        2 /* protocol and remote_port */
#define ABI_BREADTH_PROGRAM     3

/* Key of `verdicts`: what a program, as this user, may do with a destination. LRU: what is lost is asked again. */
struct abi_verdict_key {
        abi_u64 program;
        abi_u32 uid, gid;
        abi_u8 remote[16];
        abi_u16 remote_port;
        abi_u8 protocol;
        abi_u8 breadth;
        abi_u8 pad[4];
};

struct abi_verdict {
        struct abi_verdict_key key; /* as in struct abi_peer */
        abi_u64 expires_ns; /* ~0: never */
        abi_u64 heard;      /* where `names`: it holds while the program's element of `heard` has this value */
        abi_u32 epoch;      /* of the rules that said so; see abi_config */
        abi_u32 tally;
        abi_u8 state; /* ABI_TAG_ALLOWED or ABI_TAG_DENIED */
        abi_u8 names; /* rules that speak of names were looked at */
        abi_u8 pad[6];
};

/*
 * Elements of `heard`, an array of 64-bit numbers: how many answers were copied for the programs whose key and user lead to this element. It is raised
 * when the answer's record is in the ring, and before the program can read the answer. None is ever missing, emptied or set back: the same number means
 * that no answer came in between. Programs that share an element only end each other's verdicts too soon.
 */
#define ABI_HEARD 16384
#define ABI_HEARD_INDEX(program, uid) ((abi_u32)(((program) ^ (uid)) & (ABI_HEARD - 1))) /* the key is a keyed hash */

#define ABI_TALLIES 4096
#define ABI_TALLY_ID_BITS 31

/* Elements of `tallies` (per CPU): what was decided here without telling anybody, for one program and rule. An element is used again for
 * another pair under another id, whose low bits are its index; who still has the old id counts no more. Element 0 is nobody's. */
struct abi_tally {
        abi_u64 program; /* whose: as in struct abi_verdict_key */
        abi_u32 uid, gid;
        abi_u32 id;
        abi_u16 remote_port; /* the last connection's */
        abi_u8 protocol;
        abi_u8 pad;
        abi_u64 n_connections;
        abi_u64 n_bytes; /* of packets that the gate let pass */
        abi_u64 last; /* when the last connection was decided, in the kernel's ticks: which of the processors' it is */
        abi_u8 remote[16];
};

/* What a program's key covers beside the program itself, where rules speak of it (core/subject.h `enum subject_fact`). */
#define ABI_WANTS_ARGUMENTS (1 << 0)
#define ABI_WANTS_ANCESTORS (1 << 1) /* their paths */
#define ABI_WANTS_CGROUP    (1 << 2)

/* The one element of `config`. */
struct abi_config {
        abi_u64 netns_cookie; /* hooks and gate act only on sockets of this network namespace */
        abi_u32 generation;
        abi_u32 enabled; /* 0: hooks return at once */
        abi_u32 abi;     /* BASTION_ABI of who wrote it: a later daemon takes the maps over only when it is its own */
        abi_u32 epoch;   /* verdicts of another one count no more: every change of the rules raises it, where the generation rises only
                          * when what was allowed may have ended */
        abi_u32 deny_errno; /* what connect() and sendmsg() answer where the verdict is known */
        abi_u32 mnt_ns;     /* the daemon's mount namespace */
        abi_u64 secret[2];  /* of program keys: whoever chooses a path must not be able to choose its key */
        abi_u32 wants;      /* ABI_WANTS_… */
        abi_u8 pad[4];
};

/* Elements of `counters` (per CPU). */
enum {
        ABI_COUNT_TAGGED,      /* tags written by hooks */
        ABI_COUNT_TAG_FAILED,  /* tag writes that failed: the map was full */
        ABI_COUNT_TRACKED,     /* ring records sent */
        ABI_COUNT_TRACK_LOST,  /* ring full or no scratch slot: the label comes with the next connect */
        ABI_COUNT_GATE_PASSED,
        ABI_COUNT_GATE_QUEUED,
        ABI_COUNT_QUEUED_FULL, /* the `queued` map was full: the packet is queued without tags */
        ABI_COUNT_KNOWN,       /* connections that a known verdict decided */
        ABI_COUNT_QUESTIONS,   /* remembered in `questions` */
        ABI_COUNT_ANSWERS,     /* copied into the ring `answers` */
        ABI_COUNT_ANSWER_LOST, /* asked for, and the ring was full or no scratch slot free */
        ABI_COUNT_N,
};

#define ABI_TRACK_PATH      4096
#define ABI_TRACK_ARGS      1024
#define ABI_TRACK_CGROUP    512
#define ABI_TRACK_ANCESTORS 8
#define ABI_TRACK_ANCESTOR_PATHS 2048 /* of all ancestors together: what does not fit is left out */

#define ABI_TRACK_DELETED   (1 << 0) /* the executable has no link left, or none that this path leads to */
#define ABI_TRACK_PATH_CUT  (1 << 1) /* the path did not fit: it is empty */
#define ABI_TRACK_ARGS_CUT  (1 << 2)
#define ABI_TRACK_KERNEL    (1 << 3)

struct abi_ancestor {
        abi_u32 pid;
        char comm[16];
        char program[32]; /* last component of its executable; NUL-terminated, cut; empty: it has none */
        abi_u16 path_len; /* of the executable's path; 0: it has none, was deleted, or did not fit; and but for the parent: is not wanted */
        abi_u8 foreign;   /* that is its path in another mount namespace than the daemon's */
        abi_u8 pad;
};

/*
 * Record of the ring `tracks`: sent when a process is seen for the first time, before its packet can reach the queue. The header is
 * followed by `path_len` bytes of path, `args_len` bytes of arguments (argv joined by NUL), `cgroup_len` bytes of cgroup path, and each
 * ancestor's `path_len` bytes of path; none is NUL-terminated.
 */
struct abi_track {
        abi_u32 abi; /* BASTION_ABI */
        abi_u32 flags;
        struct abi_process process;
        abi_u32 uid, gid;
        abi_u64 program; /* key of what it runs, 0: it has none */
        abi_u64 exe_ino;
        abi_u64 exe_ctime_ns;
        abi_u32 exe_dev;   /* kernel's s_dev: MAJOR << 20 | MINOR */
        abi_u32 exe_generation;
        abi_u32 mnt_ns;    /* inode number of the mount namespace that the executable is mounted in, 0: in none */
        abi_u16 path_len, args_len, cgroup_len;
        abi_u16 n_ancestors;
        char comm[16];
        abi_u32 wants; /* ABI_WANTS_…: what `program` covers */
        struct abi_ancestor ancestors[ABI_TRACK_ANCESTORS];
};

#define ABI_DNS_PORT 53
/* A question on its way: an answer that comes later than this is nobody's. As long as a packet may be held, because it is remembered when it is sent. */
#define ABI_QUESTION_NS 30000000000ull

/* Key of `questions`: what an answer must agree with. LRU: an answer to a lost one is not looked at. */
struct abi_question_key {
        abi_u64 cookie;
        abi_u64 question; /* keyed hash of the question section: name, type and class as they are in the packet */
        abi_u8 server[16];
        abi_u16 id; /* of the DNS header */
        abi_u8 pad[6];
};

struct abi_question {
        struct abi_question_key key; /* as in struct abi_peer */
        struct abi_process process;  /* who asked: the sender of the datagram */
        abi_u64 program;             /* its key, 0: not known */
        abi_u32 uid, gid;
        abi_u64 asked_ns;
};

#define ABI_ANSWER_BYTES (256 * 1024) /* of the ring */
#define ABI_ANSWER_DATA  4096         /* what of an answer is copied */

#define ABI_ANSWER_CUT (1 << 0) /* it was longer */

/* Record of the ring `answers`, which is followed by `length` bytes of the datagram's payload. It is there before the program can read the datagram. */
struct abi_answer {
        abi_u32 abi; /* BASTION_ABI */
        abi_u32 flags;
        struct abi_process process; /* who asked; pid 0: a thread of the kernel */
        abi_u64 program;
        abi_u64 cookie;
        abi_u64 at_ns; /* when it came */
        abi_u32 uid, gid;
        abi_u8 server[16];
        abi_u16 length;
        abi_u8 pad[6];
};

#ifdef __cplusplus
#define ABI_ASSERT static_assert
#else
#define ABI_ASSERT _Static_assert
#endif
ABI_ASSERT(sizeof(struct abi_process) == 16, "abi_process");
ABI_ASSERT(sizeof(struct abi_tag) == 72, "abi_tag");
ABI_ASSERT(sizeof(struct abi_flow) == 40, "abi_flow");
ABI_ASSERT(sizeof(struct abi_queued) == 24 + 4 * 88, "abi_queued");
ABI_ASSERT(sizeof(struct abi_peer_key) == 32, "abi_peer_key");
ABI_ASSERT(sizeof(struct abi_peer) == 56, "abi_peer");
ABI_ASSERT(sizeof(struct abi_seen) == 40, "abi_seen");
ABI_ASSERT(sizeof(struct abi_verdict_key) == 40, "abi_verdict_key");
ABI_ASSERT(sizeof(struct abi_verdict) == 72, "abi_verdict");
ABI_ASSERT(sizeof(struct abi_tally) == 64, "abi_tally");
ABI_ASSERT(sizeof(struct abi_config) == 56, "abi_config");
ABI_ASSERT(sizeof(struct abi_ancestor) == 56, "abi_ancestor");
ABI_ASSERT(sizeof(struct abi_question_key) == 40, "abi_question_key");
ABI_ASSERT(sizeof(struct abi_question) == 40 + 40, "abi_question");
ABI_ASSERT(sizeof(struct abi_answer) == 80, "abi_answer");
ABI_ASSERT(sizeof(struct abi_track) == 96 + 8 * 56, "abi_track");

#endif
