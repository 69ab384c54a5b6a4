/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Who sends: one running program as the kernel (or, on the queue rung, /proc) described it. Immutable once built and
 * shared by reference between the table of processes, questions and records; one thread owns them all, so the count is
 * a plain integer.
 *
 * `path` is the only name that rules trust. It is bytes: no cutting at spaces, no stripping, no assumption of UTF-8. An
 * empty string with kind PROGRAM means "there is a process, but its executable could not be read". `name` (comm),
 * arguments and the ancestors' comms are shown and never trusted. An ancestor's path is as true as the subject's own, and says
 * less: who started a program may have executed another since, and who is orphaned is another's child.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/macros.h"
#include "core/limits.h"

enum subject_kind {
        SUBJECT_PROGRAM,
        SUBJECT_KERNEL,  /* a kernel thread: no user memory */
        SUBJECT_UNKNOWN, /* nobody found */
};

/* Where the identity comes from, best first; the JSON words are in subject.c. */
enum identity {
        IDENTITY_TASK,      /* the kernel's record, taken in the calling task */
        IDENTITY_SOCK_DIAG, /* socket found by exact tuple, owner by inode in /proc */
        IDENTITY_PROC,      /* /proc alone */
        IDENTITY_NONE,
};

/* What rules may ask of a process beside its program and user. */
enum subject_fact {
        SUBJECT_ARGUMENTS = 1 << 0,
        SUBJECT_ANCESTORS = 1 << 1, /* their paths */
        SUBJECT_CGROUP = 1 << 2,
};

/* One life of one program image: a pid is reused, an exec in the same pid is another program. */
struct process {
        uint64_t start_ns; /* CLOCK_BOOTTIME of the process's start, cut to 10 ms where only /proc was asked; 0 not known */
        uint32_t pid;      /* thread group id in the initial pid namespace */
        uint32_t exec_id;  /* counts execs; 0 where only /proc was asked */
};

struct ancestor {
        uint32_t pid;
        char name[16];    /* comm: what people know it by (sh), NUL-terminated */
        char program[32]; /* last component of its executable (dash), cut, NUL-terminated; empty: none, or not known */
        char *path;       /* of its executable; NULL: none, not known, deleted, not proved to be the host's, or not asked for */
};

struct subject {
        unsigned n_refs;
        enum subject_kind kind;
        enum identity identity;
        struct process process;
        uint32_t uid, gid;
        char *path;      /* never NULL */
        char *name;      /* comm, never NULL */
        char *arguments; /* argv joined by NUL bytes, `n_arguments` bytes, last NUL included; NULL when unknown */
        size_t n_arguments;
        bool arguments_cut; /* there were more bytes than LIMIT_ARGS */
        char *cgroup;       /* path below the cgroup v2 root, or NULL */
        struct ancestor ancestors[LIMIT_ANCESTORS]; /* parent first */
        unsigned n_ancestors;
        bool ancestors_asked; /* for all their paths; else for the parent's only, because no rule speaks of ancestors */
        uint64_t program_key; /* what the kernel finds its verdicts by (bpf/track.h), 0: nothing */
        unsigned key_covers;  /* mask of enum subject_fact: processes with the same key agree in these as well */
        bool path_deleted; /* started from a file that is gone or never had a name: matches no path rule */
        bool path_foreign; /* another mount namespace, and not proved to be the host's file: matches no path rule */
};

/* Takes nothing: copies `path` and `name` (NULL reads as ""). NULL on -ENOMEM. The reference is the caller's. */
struct subject *subject_new(enum subject_kind kind, const char *path, const char *name);
/* The same program as another user: who has called setuid() since it was described. NULL on -ENOMEM. */
struct subject *subject_as_user(const struct subject *s, uint32_t uid, uint32_t gid);
/* The same program in another process with the same key. Nothing else is known of it: neither arguments nor cgroup nor ancestors but those that the
 * key covers, and of these only the paths. NULL on -ENOMEM. */
struct subject *subject_as_process(const struct subject *s, const struct process *process);
/* Of two subjects that nobody else has yet. */
void subject_swap_ancestors(struct subject *a, struct subject *b);
struct subject *subject_ref(struct subject *s);
struct subject *subject_unref(struct subject *s); /* takes NULL, returns NULL */
DEFINE_FREEP(struct subject, subject_unref)

/* The process's subject, or a shared immortal for the other kinds; never NULL, no reference taken. */
struct subject *subject_unknown(void);
struct subject *subject_kernel(void);

bool process_equal(const struct process *a, const struct process *b);
/* Same program in the sense of one question: kind, path (and its flags), uid, gid; by name where there is no path. */
bool subject_same_program(const struct subject *a, const struct subject *b);
uint64_t subject_program_hash(const struct subject *s, uint64_t seed);
/* The path that rules may compare with, or NULL: none, deleted, or foreign. */
const char *subject_rule_path(const struct subject *s);
/* What people read: last component of the path, else comm, else "kernel" or "unknown". Borrowed. */
const char *subject_display_name(const struct subject *s);

const char *identity_name(enum identity identity); /* "task", "sock_diag", "proc", "none" */
bool identity_parse(const char *word, enum identity *ret);
