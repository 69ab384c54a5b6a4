/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a process gives up. Capabilities by libcap-ng, system calls by libseccomp; both belong to a thread, so this is done before there is a
 * second one. No way back: no_new_privs is set first.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Keeps these capabilities (CAP_…) and no others, in every set. */
int privs_keep(const unsigned *capabilities, size_t n);
/* Becomes this user and group, with no other group and no capability at all. */
int privs_become(uid_t uid, gid_t gid);

enum privs_profile { PRIVS_DAEMON, PRIVS_RECORDER };
/* What a system call that the profile does not list does: the process dies, or the call fails with EPERM and the kernel's audit log says so. */
enum privs_refusal { PRIVS_DIE, PRIVS_EPERM };

int privs_confine(enum privs_profile profile, enum privs_refusal refusal);

/* The user that helpers run as: `bastion`, or `nobody` where that user does not exist (*ret_fallback). -ENOENT when neither does. */
int privs_find_helper_user(uid_t *ret_uid, gid_t *ret_gid, bool *ret_fallback);
