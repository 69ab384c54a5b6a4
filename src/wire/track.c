/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Theory in the header. The ring is written by our own programs, but its texts were chosen by a stranger: path, arguments and cgroup are
 * bytes, and a record whose lengths do not add up to its size is refused whole.
 */
#include <errno.h>
#include <string.h>

#include "base/cursor.h"
#include "bpf/abi.h"
#include "wire/track.h"

_Static_assert(ABI_TRACK_ANCESTORS == LIMIT_ANCESTORS && ABI_TRACK_ARGS == LIMIT_ARGS && ABI_TRACK_CGROUP == LIMIT_CGROUP &&
                       ABI_TRACK_PATH == LIMIT_PATH && ABI_TRACK_ANCESTOR_PATHS == LIMIT_ANCESTOR_PATHS,
               "the kernel's bounds are the domain's");
_Static_assert(LIMIT_ANCESTORS <= 8, "a bit for each");
_Static_assert(ABI_WANTS_ARGUMENTS == SUBJECT_ARGUMENTS && ABI_WANTS_ANCESTORS == SUBJECT_ANCESTORS && ABI_WANTS_CGROUP == SUBJECT_CGROUP,
               "the kernel's facts are the domain's");
_Static_assert(sizeof(((struct ancestor *)0)->name) == sizeof(((struct abi_ancestor *)0)->comm) &&
                       sizeof(((struct ancestor *)0)->program) == sizeof(((struct abi_ancestor *)0)->program),
               "an ancestor's names fit");

/* `n` bytes as a string of their own; a NUL inside would end it early and name another file, so it is refused. */
static int take_text(struct cursor *c, size_t n, char **ret)
{
        struct cursor text;

        if (!cursor_sub(c, n, &text) || memchr(text.at, '\0', n))
                return TRACK_E_MALFORMED;
        *ret = strndup((const char *)text.at, n);
        return *ret ? 0 : -ENOMEM;
}

/* argv as the process laid it out; the last NUL is put back where the kernel's bound cut it off. */
static int take_arguments(struct cursor *c, size_t n, struct subject *s)
{
        struct cursor text;

        if (!cursor_sub(c, n, &text))
                return TRACK_E_MALFORMED;
        if (n == 0)
                return 0;
        s->arguments = malloc(n + 1);
        if (!s->arguments)
                return -ENOMEM;
        memcpy(s->arguments, text.at, n);
        s->n_arguments = n;
        if (s->arguments[n - 1] != '\0' && n < LIMIT_ARGS)
                s->arguments[s->n_arguments++] = '\0';
        s->arguments[s->n_arguments - 1] = '\0';
        return 0;
}

static int take_cgroup(struct cursor *c, size_t n, struct subject *s)
{
        return n == 0 ? 0 : take_text(c, n, &s->cgroup);
}

static void copy_name(char *to, const char *from, size_t size)
{
        memcpy(to, from, size);
        to[size - 1] = '\0';
}

static int take_ancestors(const struct abi_track *track, struct cursor *c, struct subject *s)
{
        for (unsigned i = 0; i < track->n_ancestors; i++) {
                const struct abi_ancestor *from = &track->ancestors[i];
                struct ancestor *to = &s->ancestors[s->n_ancestors++];
                int r;

                to->pid = from->pid;
                copy_name(to->name, from->comm, sizeof(from->comm));
                copy_name(to->program, from->program, sizeof(from->program));
                r = from->path_len > 0 ? take_text(c, from->path_len, &to->path) : 0;
                if (r != 0)
                        return r;
        }
        return 0;
}

static uint8_t foreign_ancestors(const struct abi_track *track)
{
        uint8_t mask = 0;

        for (unsigned i = 0; i < track->n_ancestors; i++)
                if (track->ancestors[i].foreign && track->ancestors[i].path_len > 0)
                        mask |= (uint8_t)(1u << i);
        return mask;
}

static size_t ancestor_paths(const struct abi_track *track)
{
        size_t n = 0;

        for (unsigned i = 0; i < track->n_ancestors; i++)
                n += track->ancestors[i].path_len;
        return n;
}

static int new_subject(const struct abi_track *track, struct cursor *c, struct subject **ret)
{
        _cleanup_(freep) char *path = NULL;
        char comm[sizeof(track->comm) + 1] = "";
        struct subject *s;
        int r;

        r = take_text(c, track->path_len, &path);
        if (r != 0)
                return r;
        memcpy(comm, track->comm, sizeof(track->comm));
        s = subject_new(SUBJECT_PROGRAM, path, comm);
        if (!s)
                return -ENOMEM;
        *ret = s;
        return 0;
}

static int fill_subject(const struct abi_track *track, struct cursor *c, struct subject *s)
{
        int r;

        r = take_arguments(c, track->args_len, s);
        if (r != 0)
                return r;
        r = take_cgroup(c, track->cgroup_len, s);
        if (r != 0)
                return r;
        r = take_ancestors(track, c, s);
        if (r != 0)
                return r;
        if (c->left > 0)
                return TRACK_E_MALFORMED;
        s->identity = IDENTITY_TASK;
        s->process = (struct process){
                .start_ns = track->process.start_ns,
                .pid = track->process.pid,
                .exec_id = track->process.exec_id,
        };
        s->program_key = track->program;
        s->key_covers = track->wants;
        s->ancestors_asked = track->wants & ABI_WANTS_ANCESTORS;
        s->uid = track->uid;
        s->gid = track->gid;
        s->path_deleted = track->flags & ABI_TRACK_DELETED;
        s->arguments_cut = track->flags & ABI_TRACK_ARGS_CUT;
        return 0;
}

int track_parse(const void *data, size_t n, struct subject **ret_subject, struct track_file *ret_file)
{
        _cleanup_(subject_unrefp) struct subject *s = NULL;
        struct cursor c = cursor_of(data, n);
        struct abi_track track;
        int r;

        if (!cursor_bytes(&c, &track, sizeof(track)))
                return TRACK_E_MALFORMED;
        if (track.abi != BASTION_ABI)
                return TRACK_E_ABI;
        if (track.path_len > ABI_TRACK_PATH || track.args_len > ABI_TRACK_ARGS || track.cgroup_len > ABI_TRACK_CGROUP ||
            track.n_ancestors > ABI_TRACK_ANCESTORS || ancestor_paths(&track) > ABI_TRACK_ANCESTOR_PATHS || track.process.pid == 0)
                return TRACK_E_MALFORMED;
        r = new_subject(&track, &c, &s);
        if (r != 0)
                return r;
        r = fill_subject(&track, &c, s);
        if (r != 0)
                return r;
        *ret_file = (struct track_file){
                .inode = track.exe_ino,
                .device = track.exe_dev,
                .generation = track.exe_generation,
                .ctime_ns = track.exe_ctime_ns,
                .mount_namespace = track.mnt_ns,
                .foreign_ancestors = foreign_ancestors(&track),
        };
        *ret_subject = TAKE_PTR(s);
        return 0;
}
