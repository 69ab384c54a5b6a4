/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A subject is counted, and copied only where its user changes. The two that are nobody's process (the kernel, the unknown) are
 * static and never die, so that the packet path can name them without memory. Until the caller says otherwise a subject belongs to no
 * user: uid (uid_t)-1 is one that the kernel never gives, and zero, which is root, would be the wrong thing to forget.
 */
#include <string.h>

#include "base/hashmap.h"
#include "base/str.h"
#include "core/subject.h"

enum { REFS_IMMORTAL = 0x7fffffff };

static char no_text[1];

static struct subject unknown_subject = {
        .n_refs = REFS_IMMORTAL,
        .kind = SUBJECT_UNKNOWN,
        .identity = IDENTITY_NONE,
        .uid = UINT32_MAX,
        .gid = UINT32_MAX,
        .path = no_text,
        .name = no_text,
};

static struct subject kernel_subject = {
        .n_refs = REFS_IMMORTAL,
        .kind = SUBJECT_KERNEL,
        .identity = IDENTITY_TASK,
        .path = no_text,
        .name = no_text,
};

struct subject *subject_unknown(void)
{
        return &unknown_subject;
}

struct subject *subject_kernel(void)
{
        return &kernel_subject;
}

struct subject *subject_new(enum subject_kind kind, const char *path, const char *name)
{
        _cleanup_(subject_unrefp) struct subject *s = calloc(1, sizeof(*s));

        if (!s)
                return NULL;
        s->n_refs = 1;
        s->kind = kind;
        s->identity = IDENTITY_NONE;
        s->uid = kind == SUBJECT_KERNEL ? 0 : UINT32_MAX;
        s->gid = s->uid;
        s->path = strdup(path ? path : "");
        s->name = strdup(name ? name : "");
        if (!s->path || !s->name)
                return NULL;
        return TAKE_PTR(s);
}

static bool copy_arguments(const struct subject *from, struct subject *to)
{
        if (!from->arguments)
                return true;
        to->arguments = malloc(from->n_arguments + 1);
        if (!to->arguments)
                return false;
        memcpy(to->arguments, from->arguments, from->n_arguments);
        to->n_arguments = from->n_arguments;
        to->arguments_cut = from->arguments_cut;
        return true;
}

static bool copy_cgroup(const struct subject *from, struct subject *to)
{
        if (from->cgroup)
                to->cgroup = strdup(from->cgroup);
        return !from->cgroup || to->cgroup;
}

static bool copy_ancestors(const struct subject *from, struct subject *to)
{
        to->ancestors_asked = from->ancestors_asked;
        for (unsigned i = 0; i < from->n_ancestors; i++) {
                to->ancestors[i] = from->ancestors[i];
                to->ancestors[i].path = NULL;
                to->n_ancestors++;
                if (!from->ancestors[i].path)
                        continue;
                to->ancestors[i].path = strdup(from->ancestors[i].path);
                if (!to->ancestors[i].path)
                        return false;
        }
        return true;
}

struct subject *subject_as_user(const struct subject *s, uint32_t uid, uint32_t gid)
{
        _cleanup_(subject_unrefp) struct subject *copy = subject_new(s->kind, s->path, s->name);

        if (!copy || !copy_arguments(s, copy) || !copy_cgroup(s, copy) || !copy_ancestors(s, copy))
                return NULL;
        copy->identity = s->identity;
        copy->process = s->process;
        copy->uid = uid;
        copy->gid = gid;
        copy->path_deleted = s->path_deleted;
        copy->path_foreign = s->path_foreign;
        copy->program_key = s->program_key;
        copy->key_covers = s->key_covers;
        return TAKE_PTR(copy);
}

struct subject *subject_as_process(const struct subject *s, const struct process *process)
{
        _cleanup_(subject_unrefp) struct subject *copy = subject_new(s->kind, s->path, s->name);

        if (!copy || (s->key_covers & SUBJECT_ARGUMENTS && !copy_arguments(s, copy)) ||
            (s->key_covers & SUBJECT_CGROUP && !copy_cgroup(s, copy)) || (s->key_covers & SUBJECT_ANCESTORS && !copy_ancestors(s, copy)))
                return NULL;
        for (unsigned i = 0; i < copy->n_ancestors; i++) {
                if (copy->ancestors[i].pid != 1) /* the first process is everybody's */
                        copy->ancestors[i].pid = 0;
                copy->ancestors[i].name[0] = copy->ancestors[i].program[0] = '\0';
        }
        copy->identity = s->identity;
        copy->process = *process;
        copy->uid = s->uid;
        copy->gid = s->gid;
        copy->path_deleted = s->path_deleted;
        copy->path_foreign = s->path_foreign;
        copy->program_key = s->program_key;
        copy->key_covers = s->key_covers;
        return TAKE_PTR(copy);
}

void subject_swap_ancestors(struct subject *a, struct subject *b)
{
        const struct subject before = *a;

        memcpy(a->ancestors, b->ancestors, sizeof(a->ancestors));
        a->n_ancestors = b->n_ancestors;
        a->ancestors_asked = b->ancestors_asked;
        memcpy(b->ancestors, before.ancestors, sizeof(b->ancestors));
        b->n_ancestors = before.n_ancestors;
        b->ancestors_asked = before.ancestors_asked;
}

struct subject *subject_ref(struct subject *s)
{
        if (s->n_refs != REFS_IMMORTAL)
                s->n_refs++;
        return s;
}

struct subject *subject_unref(struct subject *s)
{
        if (!s || s->n_refs == REFS_IMMORTAL || --s->n_refs > 0)
                return NULL;
        free(s->path);
        free(s->name);
        free(s->arguments);
        free(s->cgroup);
        for (unsigned i = 0; i < LIMIT_ANCESTORS; i++)
                free(s->ancestors[i].path);
        free(s);
        return NULL;
}

bool process_equal(const struct process *a, const struct process *b)
{
        return a->pid == b->pid && a->start_ns == b->start_ns && a->exec_id == b->exec_id;
}

/* What tells one program from another of the same kind and user. */
static const char *program_text(const struct subject *s)
{
        return s->path[0] ? s->path : s->name;
}

bool subject_same_program(const struct subject *a, const struct subject *b)
{
        if (a->kind != b->kind || a->uid != b->uid || a->gid != b->gid)
                return false;
        if (a->kind != SUBJECT_PROGRAM)
                return true;
        if (a->path_deleted != b->path_deleted || a->path_foreign != b->path_foreign)
                return false;
        if (!a->path[0] != !b->path[0])
                return false;
        return strcmp(program_text(a), program_text(b)) == 0;
}

uint64_t subject_program_hash(const struct subject *s, uint64_t seed)
{
        const char *text = program_text(s);
        uint32_t facts[3] = { (uint32_t)s->kind, s->uid, s->gid };
        uint64_t hash = hash_bytes(seed, facts, sizeof(facts));

        return s->kind == SUBJECT_PROGRAM ? hash ^ hash_bytes(seed, text, strlen(text)) : hash;
}

const char *subject_rule_path(const struct subject *s)
{
        if (s->kind != SUBJECT_PROGRAM || s->path[0] != '/' || s->path_deleted || s->path_foreign)
                return NULL;
        return s->path;
}

const char *subject_display_name(const struct subject *s)
{
        const char *base = str_basename(s->path);

        if (*base)
                return base;
        if (*s->name)
                return s->name;
        return s->kind == SUBJECT_KERNEL ? "kernel" : "unknown";
}

static const char *const identity_names[] = {
        [IDENTITY_TASK] = "task",
        [IDENTITY_SOCK_DIAG] = "sock_diag",
        [IDENTITY_PROC] = "proc",
        [IDENTITY_NONE] = "none",
};

const char *identity_name(enum identity identity)
{
        return identity_names[identity];
}

bool identity_parse(const char *word, enum identity *ret)
{
        for (size_t i = 0; i < ARRAY_SIZE(identity_names); i++)
                if (strcmp(identity_names[i], word) == 0) {
                        *ret = (enum identity)i;
                        return true;
                }
        return false;
}
