/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Ring records of the tracker (bpf/abi.h, struct abi_track) → subjects. Pure; every length in the record is checked. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "core/subject.h"

enum {
        TRACK_E_MALFORMED = 1,
        TRACK_E_ABI = 2, /* written by programs of another ABI */
};

/* What the record says of the executable file, for the checks that need the file system. */
struct track_file {
        uint64_t inode;
        uint32_t device;
        uint32_t generation;
        uint64_t ctime_ns;
        uint32_t mount_namespace; /* inode number of the one that the file is mounted in, 0: in none */
        uint8_t foreign_ancestors; /* bit i: the path of ancestor i is one of another mount namespace than ours */
};

/* 0, TRACK_E_… or -ENOMEM. *ret_subject is a new reference. path_foreign is left false, and foreign ancestors have their path: the caller judges. */
int track_parse(const void *data, size_t n, struct subject **ret_subject, struct track_file *ret_file);
