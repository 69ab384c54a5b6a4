/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A record of the tracker's ring. The kernel programs write it, but most of its bytes were chosen by the
 * program that it describes; a subject must come out whole, bounded and terminated, or not at all.
 */
#include <string.h>

#include "bpf/abi.h"
#include "core/subject.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/ring.h"
#include "wire/track.h"

_Static_assert(sizeof(struct abi_track) == 544, "make-seeds.py composes records of this layout");

static void check_subject(const struct subject *s, size_t size)
{
        size_t paths = 0;

        fuzz_check(s && s->n_refs > 0);
        fuzz_check(s->kind == SUBJECT_PROGRAM && s->process.pid != 0);
        fuzz_check(s->identity == IDENTITY_TASK && !s->path_foreign);
        fuzz_check(s->path && strlen(s->path) <= LIMIT_PATH && strlen(s->path) < size);
        fuzz_check(s->name && strlen(s->name) <= 16);
        fuzz_check(s->n_arguments <= LIMIT_ARGS);
        if (s->n_arguments > 0)
                fuzz_check(s->arguments && s->arguments[s->n_arguments - 1] == '\0');
        if (s->cgroup)
                fuzz_check(strlen(s->cgroup) <= LIMIT_CGROUP);
        fuzz_check(s->n_ancestors <= LIMIT_ANCESTORS);
        for (unsigned i = 0; i < s->n_ancestors; i++) {
                fuzz_check(memchr(s->ancestors[i].name, '\0', sizeof(s->ancestors[i].name)) &&
                           memchr(s->ancestors[i].program, '\0', sizeof(s->ancestors[i].program)));
                paths += s->ancestors[i].path ? strlen(s->ancestors[i].path) : 0;
        }
        fuzz_check(paths <= LIMIT_ANCESTOR_PATHS);
        fuzz_check(subject_display_name(s));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        _cleanup_(freep) uint8_t *record = ring_record(data, size);
        _cleanup_(subject_unrefp) struct subject *s = NULL;
        struct track_file file;
        int r = track_parse(record, size, &s, &file);

        fuzz_check(r == 0 || r == TRACK_E_MALFORMED || r == TRACK_E_ABI);
        if (r == 0) {
                check_subject(s, size);
                for (unsigned i = 0; i < LIMIT_ANCESTORS; i++)
                        fuzz_check(!(file.foreign_ancestors >> i & 1) || (i < s->n_ancestors && s->ancestors[i].path));
        }
        if (r != 0)
                fuzz_check(!s);
        return 0;
}
