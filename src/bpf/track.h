/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Who is current, and what user space shall know of it: the record of a process that is sent once in its life, before its first packet can
 * reach the queue; a process all of whose connections have a known verdict is never told of. It is marked in `seen` only when the ring took
 * the record and its path could be read whole; one that was lost, or whose path somebody kept renaming, is sent again with the next connect.
 *
 * What a process runs has a key by which verdicts are found: a keyed hash of the executable's path, of the very file that lies there, of the mount
 * namespace in which that is its path, and of the name that weak rules go by. A file alone would not do: hard links and bind mounts give one
 * file several paths, and rules speak of paths. A file that is replaced or changed has another key. Where rules speak of more (`wants`), the key
 * covers that too: arguments, the ancestors' paths, the cgroup, as they were when the key was made; they go into the record in the same moment.
 */
#ifndef BASTION_TRACK_H
#define BASTION_TRACK_H

#include "maps.h"
#include "siphash.h"

#define WALK_STEPS   (ABI_TRACK_PATH / 2 + 256) /* components of the longest path, and mount points; levels of a cgroup */
#define WALK_TRIES   32 /* a name that changes while it is read is read again */
#define ALL_FACTS    (ABI_WANTS_ARGUMENTS | ABI_WANTS_ANCESTORS | ABI_WANTS_CGROUP)

/* Members of it and of what it points to are read as they are written in C; the verifier turns that into loads that a bad address does not hurt. */
static __always_inline struct task_struct *current_task(void)
{
        return bpf_get_current_task_btf();
}

/* Who current is. */
struct self {
        struct abi_process process; /* a kernel thread has no user memory: pid 0 */
        __u32 uid, gid;
};

/* A global function, as the larger ones below are: the verifier then looks at each once and not once for every way that leads to it, which would be
 * most of the time that starting takes. (Of this small one too: for each pointer that is followed here it searches all types of the kernel.) For
 * the same reason what is done again and again is a callback of bpf_loop(), not a loop, each turn of which it would look at. */
__noinline int read_self(struct self *ret)
{
        struct task_struct *task = current_task();

        if (!ret)
                return 0;
        __builtin_memset(ret, 0, sizeof(*ret));
        ret->uid = task->cred->euid.val;
        ret->gid = task->cred->egid.val;
        if (!task->mm)
                return 0;
        ret->process.pid = (__u32)task->tgid;
        ret->process.start_ns = task->group_leader->start_boottime;
        ret->process.exec_id = (__u32)task->self_exec_id;
        return 0;
}

struct claim {
        __u32 first, index;
};

static long try_slot(__u32 i, struct claim *c)
{
        __u32 index = (c->first + i) & (MAX_SLOTS - 1);
        struct slot *slot = bpf_map_lookup_elem(&slots, &index);

        if (!slot || __sync_val_compare_and_swap(&slot->busy, 0, 1) != 0)
                return 0;
        c->index = index;
        return 1;
}

/* The index of a slot that is now ours, or MAX_SLOTS. */
__noinline __u32 claim_slot(void)
{
        struct claim c = { .first = bpf_get_smp_processor_id(), .index = MAX_SLOTS };

        bpf_loop(MAX_SLOTS, try_slot, &c, 0);
        return c.index;
}

/* NULL: all are in use. */
static __always_inline struct slot *take_slot(void)
{
        __u32 index = claim_slot();

        return bpf_map_lookup_elem(&slots, &index);
}

static __always_inline void release_slot(struct slot *slot)
{
        __sync_lock_test_and_set(&slot->busy, 0);
}

/* Puts `/` and `length` bytes of kernel memory before what walk[] holds. False when they do not fit. */
static __always_inline bool prepend(struct slot *slot, const void *name, __u32 length)
{
        __u32 at = slot->at;

        if (length >= NAME_BYTES || at < length + 1 || at > ABI_TRACK_PATH)
                return false;
        at = (at - length - 1) & (ABI_TRACK_PATH - 1);
        slot->walk[at] = '/';
        if (length > 0 && bpf_probe_read_kernel(&slot->walk[at + 1], length & (NAME_BYTES - 1), name) < 0)
                return false;
        slot->at = at;
        return true;
}

struct walk {
        struct slot *slot;
        __u64 dentry, mount; /* where it begins */
};

/* The dentry's name and parent. A rename swaps both under d_seq, so a number that is odd or has changed means that what was read is
 * neither the old name nor the new. The name is taken as a string, its length is what was copied: no NUL can get into the path. */
static __always_inline struct dentry *read_component(struct slot *slot, struct dentry *dentry, long *ret_length)
{
        __u32 sequence = BPF_CORE_READ(dentry, d_seq.seqcount.sequence);
        struct dentry *parent = BPF_CORE_READ(dentry, d_parent);

        *ret_length = bpf_probe_read_kernel_str(slot->name, sizeof(slot->name), BPF_CORE_READ(dentry, d_name.name));
        if (*ret_length < 1 || sequence & 1 || sequence != BPF_CORE_READ(dentry, d_seq.seqcount.sequence))
                return NULL;
        return parent;
}

/* One component up, or from a mount's root to the place it is mounted on (fs/d_path.c does the same). 1 ends the walk. */
static long walk_path(__u32 i, struct walk *w)
{
        struct slot *slot = w->slot;
        struct dentry *dentry = (struct dentry *)slot->dentry, *parent;
        struct mount *mount = (struct mount *)slot->mount, *above;
        long length;

        (void)i;
        if (dentry == BPF_CORE_READ(mount, mnt.mnt_root)) {
                above = BPF_CORE_READ(mount, mnt_parent);
                slot->dentry = (__u64)BPF_CORE_READ(mount, mnt_mountpoint);
                slot->mount = (__u64)above;
                if (above != mount)
                        return 0;
                slot->dentry = 0; /* arrived */
                return 1;
        }
        parent = read_component(slot, dentry, &length);
        slot->torn = !parent;
        if (!parent || !prepend(slot, slot->name, (__u32)length - 1))
                return 1;
        slot->lost = parent == dentry; /* the file system's root, which is not mounted here; or a file without a directory: memfd */
        slot->dentry = slot->lost ? 0 : (__u64)parent;
        return slot->lost;
}

/* Moves walk[] to `to` of the text; returns its length. */
static __always_inline __u32 take_walk(struct slot *slot, __u32 to, __u32 max)
{
        __u32 at = slot->at, length;

        if (at >= ABI_TRACK_PATH || to > TEXT_BYTES)
                return 0;
        length = ABI_TRACK_PATH - at;
        barrier_var(length); /* or clang 19 checks `at` for it, and verifiers before 6.18 do not conclude from one to the other */
        if (length > max || bpf_probe_read_kernel(slot->text + to, length, slot->walk + at) < 0)
                return 0;
        return length;
}

/* 1: the walk got as far as it can. */
static long try_walk(__u32 i, struct walk *w)
{
        struct slot *slot = w->slot;

        (void)i;
        slot->dentry = w->dentry;
        slot->mount = w->mount;
        slot->at = ABI_TRACK_PATH;
        slot->torn = slot->lost = 0;
        bpf_loop(WALK_STEPS, walk_path, w, 0);
        return !slot->torn;
}

/* Leaves the path in walk[]; false: it was too long, or torn. */
__noinline int walk_file(struct slot *slot)
{
        struct walk w = { .slot = slot };

        if (!slot)
                return false;
        w.dentry = slot->dentry;
        w.mount = slot->mount;
        bpf_loop(WALK_TRIES, try_walk, &w, 0);
        return slot->dentry == 0;
}

__noinline __u32 read_path(struct slot *slot)
{
        if (!slot)
                return 0;
        if (!walk_file(slot)) {
                slot->track.flags |= ABI_TRACK_PATH_CUT;
                return 0;
        }
        if (slot->lost)
                slot->track.flags |= ABI_TRACK_DELETED;
        return take_walk(slot, 0, ABI_TRACK_PATH);
}

static __always_inline __u64 read_ctime(struct inode *inode)
{
        struct inode___6_6 *mid = (void *)inode;
        struct inode___6_1 *old = (void *)inode;

        if (bpf_core_field_exists(inode->i_ctime_sec))
                return (__u64)BPF_CORE_READ(inode, i_ctime_sec) * 1000000000ull + BPF_CORE_READ(inode, i_ctime_nsec);
        if (bpf_core_field_exists(mid->__i_ctime))
                return (__u64)BPF_CORE_READ(mid, __i_ctime.tv_sec) * 1000000000ull + (__u64)BPF_CORE_READ(mid, __i_ctime.tv_nsec);
        return (__u64)BPF_CORE_READ(old, i_ctime.tv_sec) * 1000000000ull + (__u64)BPF_CORE_READ(old, i_ctime.tv_nsec);
}

static __always_inline struct mount *mount_of(struct vfsmount *mnt)
{
        return (void *)mnt - __builtin_preserve_field_info(((struct mount *)0)->mnt, BPF_FIELD_BYTE_OFFSET);
}

static __always_inline bool is_unlinked(struct dentry *dentry, struct inode *inode)
{
        return BPF_CORE_READ(inode, i_nlink) == 0 || (!BPF_CORE_READ(dentry, d_hash.pprev) && BPF_CORE_READ(dentry, d_parent) != dentry);
}

/* The executable file: its key, whether it still has a name, and where its path walk begins. The mount namespace is that in which this is its
 * path: the mount's. The process's own may be another: a file is executed through /proc/PID/root as well, or from a descriptor. */
static __always_inline bool read_file(struct slot *slot, struct file *file)
{
        struct dentry *dentry = BPF_CORE_READ(file, f_path.dentry);
        struct vfsmount *mnt = BPF_CORE_READ(file, f_path.mnt);
        struct inode *inode = BPF_CORE_READ(dentry, d_inode);
        struct mount *mount = mount_of(mnt);

        if (!dentry || !mnt || !inode)
                return false;
        slot->track.mnt_ns = BPF_CORE_READ(mount, mnt_ns, ns.inum);
        slot->track.exe_ino = BPF_CORE_READ(inode, i_ino);
        slot->track.exe_dev = BPF_CORE_READ(inode, i_sb, s_dev);
        slot->track.exe_generation = BPF_CORE_READ(inode, i_generation);
        slot->track.exe_ctime_ns = read_ctime(inode);
        if (is_unlinked(dentry, inode))
                slot->track.flags |= ABI_TRACK_DELETED;
        slot->dentry = (__u64)dentry;
        slot->mount = (__u64)mount;
        return true;
}

/* Arguments behind the path; of a page that is not in memory there are none. Returns their length. */
__noinline __u32 read_arguments(struct slot *slot, __u32 to)
{
        struct mm_struct *mm = BPF_CORE_READ(current_task(), mm);
        __u64 start = BPF_CORE_READ(mm, arg_start), end = BPF_CORE_READ(mm, arg_end);
        __u64 length = end - start;

        if (!slot || end <= start || to > ABI_TRACK_PATH)
                return 0;
        if (length > ABI_TRACK_ARGS) {
                length = ABI_TRACK_ARGS;
                slot->track.flags |= ABI_TRACK_ARGS_CUT;
        }
        if (bpf_probe_read_user(slot->text + to, (__u32)length, (const void *)start) < 0)
                return 0;
        return (__u32)length;
}

/* One cgroup up; its root has no parent and no name. */
static long walk_cgroup(__u32 i, struct walk *w)
{
        struct slot *slot = w->slot;
        struct kernfs_node *node = (struct kernfs_node *)slot->dentry, *parent;
        struct kernfs_node___6_1 *old = (void *)node;
        long length;

        (void)i;
        if (bpf_core_field_exists(node->__parent))
                parent = BPF_CORE_READ(node, __parent);
        else
                parent = BPF_CORE_READ(old, parent);
        if (!parent) {
                slot->dentry = 0;
                return 1;
        }
        length = bpf_probe_read_kernel_str(slot->name, sizeof(slot->name), BPF_CORE_READ(node, name));
        if (length < 1 || !prepend(slot, slot->name, (__u32)length - 1))
                return 1;
        slot->dentry = (__u64)parent;
        return 0;
}

__noinline __u32 read_cgroup(struct slot *slot, __u32 to)
{
        struct walk w = { .slot = slot };

        if (!slot)
                return 0;
        slot->at = ABI_TRACK_PATH;
        slot->dentry = (__u64)BPF_CORE_READ(current_task(), cgroups, dfl_cgrp, kn);
        bpf_loop(WALK_STEPS, walk_cgroup, &w, 0);
        if (slot->dentry != 0)
                return 0;
        if (slot->at == ABI_TRACK_PATH)
                prepend(slot, slot->name, 0); /* the root itself is "/" */
        return take_walk(slot, to, ABI_TRACK_CGROUP);
}

/* One parent up: what people know it by, and what it runs (sh, dash). Says whether the path of that is to be read, and where the walk to it begins: only
 * of a file that is mounted somewhere and still there. People see the parent's; a walk for each of the others would be a tenth of a short connection,
 * and is made where rules speak of them. -1: there is no parent. */
__noinline int read_ancestor(struct slot *slot, __u32 i)
{
        struct abi_config *c = get_config();
        struct abi_ancestor *ancestor;
        struct task_struct *task;
        struct dentry *dentry;
        struct vfsmount *mnt;
        struct mount *mount;
        struct file *file;
        __u32 pid, mnt_ns;

        if (!slot || !c)
                return -1;
        task = (struct task_struct *)slot->task;
        task = BPF_CORE_READ(task, real_parent, group_leader);
        pid = (__u32)BPF_CORE_READ(task, tgid);
        if (pid == 0)
                return -1;
        ancestor = &slot->track.ancestors[i & (ABI_TRACK_ANCESTORS - 1)];
        ancestor->pid = pid;
        bpf_probe_read_kernel_str(ancestor->comm, sizeof(ancestor->comm), &task->comm);
        file = BPF_CORE_READ(task, mm, exe_file);
        dentry = BPF_CORE_READ(file, f_path.dentry);
        slot->task = (__u64)task;
        if (!dentry)
                return 0;
        bpf_probe_read_kernel_str(ancestor->program, sizeof(ancestor->program), BPF_CORE_READ(dentry, d_name.name));
        if (i > 0 && !(slot->track.wants & ABI_WANTS_ANCESTORS))
                return 0;
        mnt = BPF_CORE_READ(file, f_path.mnt);
        mount = mount_of(mnt);
        mnt_ns = BPF_CORE_READ(mount, mnt_ns, ns.inum);
        slot->file = (__u64)file;
        slot->dentry = (__u64)dentry;
        slot->mount = (__u64)mount;
        ancestor->foreign = mnt_ns != c->mnt_ns;
        return mnt && mnt_ns != 0 && !is_unlinked(dentry, BPF_CORE_READ(dentry, d_inode));
}

/* It has not called exec or exited meanwhile: then what was read might be another's. */
static __always_inline bool is_same_ancestor(const struct slot *slot)
{
        struct task_struct *task = (struct task_struct *)slot->task;

        return BPF_CORE_READ(task, mm, exe_file) == (struct file *)slot->file;
}

/* 1 ends the line. */
static long walk_line(__u32 i, struct walk *w)
{
        struct slot *slot = w->slot;
        int found = read_ancestor(slot, i);
        __u32 length = 0, used = slot->used;

        if (found < 0 || used > ABI_TRACK_ANCESTOR_PATHS)
                return 1;
        if (found > 0 && walk_file(slot) && !slot->lost && is_same_ancestor(slot))
                length = take_walk(slot, slot->to + used, ABI_TRACK_ANCESTOR_PATHS - used);
        slot->track.ancestors[i & (ABI_TRACK_ANCESTORS - 1)].path_len = length;
        slot->track.n_ancestors = i + 1;
        slot->used = used + length;
        return 0;
}

/* Parent first. Returns the length of their paths together, which begin at `to` of the text. */
__noinline __u32 read_ancestors(struct slot *slot, __u32 to)
{
        struct walk w = { .slot = slot };

        if (!slot)
                return 0;
        slot->task = (__u64)BPF_CORE_READ(current_task(), group_leader);
        slot->to = to;
        slot->used = 0;
        bpf_loop(ABI_TRACK_ANCESTORS, walk_line, &w, 0);
        return slot->used;
}

struct hashing {
        struct slot *slot;
        struct siphash hash;
};

/* siphash_word() as a global function. */
__noinline int hash_word(struct siphash *hash, __u64 word)
{
        if (hash)
                siphash_word(hash, word);
        return 0;
}

static long hash_walk(__u32 i, struct hashing *h)
{
        hash_word(&h->hash, *(__u64 *)(h->slot->walk + (i * 8 & (ABI_TRACK_PATH - 1))));
        return 0;
}

/* The text's bytes go through walk[], where they begin at a word and end with one, whatever lies behind them in the text. */
static __always_inline bool hash_text(struct hashing *h, __u32 at, __u32 length)
{
        struct slot *slot = h->slot;

        barrier_var(length); /* two comparisons, or clang makes one of them that verifiers before 6.18 do not understand */
        if (at > TEXT_BYTES || length > ABI_TRACK_PATH || bpf_probe_read_kernel(slot->walk, length, slot->text + at) < 0)
                return false;
        for (__u32 i = 0; i < 8; i++)
                slot->walk[length + i] = 0;
        bpf_loop((length + 7) / 8, hash_walk, h, 0);
        hash_word(&h->hash, length);
        return true;
}

/* Gives the record its program's key: of what it says so far, and of the path that text[] holds. A torn path has none. */
__noinline int key_track(struct slot *slot)
{
        struct abi_config *c = get_config();
        struct hashing h = { .slot = slot };
        __u64 comm, key;

        if (!slot || !c || slot->track.path_len == 0 || slot->torn)
                return 0;
        siphash_begin(&h.hash, c->secret);
        hash_word(&h.hash, slot->track.exe_ino);
        hash_word(&h.hash, slot->track.exe_ctime_ns);
        hash_word(&h.hash, (__u64)slot->track.exe_dev << 32 | slot->track.exe_generation);
        hash_word(&h.hash, (__u64)slot->track.mnt_ns << 32 | (slot->track.flags & ABI_TRACK_DELETED));
        __builtin_memcpy(&comm, slot->track.comm, sizeof(comm));
        hash_word(&h.hash, comm);
        __builtin_memcpy(&comm, slot->track.comm + sizeof(comm), sizeof(comm));
        hash_word(&h.hash, comm);
        if (!hash_text(&h, 0, slot->track.path_len))
                return 0;
        key = siphash_end(&h.hash);
        slot->track.program = key ? key : 1;
        return 0;
}

/* Where one ancestor's path ends and the next begins, which of them are foreign, and how many ancestors there are. */
static __always_inline void hash_ancestors(struct siphash *hash, const struct abi_track *track)
{
        hash_word(hash, track->n_ancestors);
        for (int i = 0; i < ABI_TRACK_ANCESTORS; i++)
                hash_word(hash, (__u64)track->ancestors[i].path_len << 1 | track->ancestors[i].foreign);
}

/* The key covers `length` bytes of the text too, which are that fact. */
__noinline int extend_key(struct slot *slot, __u32 fact, __u32 at, __u32 length)
{
        struct abi_config *c = get_config();
        struct hashing h = { .slot = slot };
        __u64 program, key;

        if (!slot || !c || slot->track.program == 0)
                return 0;
        program = slot->track.program;
        slot->track.program = 0; /* there is none, if this fails */
        siphash_begin(&h.hash, c->secret);
        hash_word(&h.hash, program);
        hash_word(&h.hash, (__u64)fact << 32 | (slot->track.flags & ABI_TRACK_ARGS_CUT));
        if (fact == ABI_WANTS_ANCESTORS)
                hash_ancestors(&h.hash, &slot->track);
        if (!hash_text(&h, at, length))
                return 0;
        key = siphash_end(&h.hash);
        slot->track.program = key ? key : 1;
        return 0;
}

/* Begins the record: who, which file, and its path, which is left in text[]. Returns the path's length. */
__noinline __u32 begin_track(struct slot *slot)
{
        struct task_struct *task = current_task(), *leader = BPF_CORE_READ(task, group_leader);
        const struct abi_config *c = get_config();
        struct self self;
        __u32 path = 0;

        if (!slot || !c)
                return 0;
        read_self(&self);
        __builtin_memset(&slot->track, 0, sizeof(slot->track));
        slot->torn = 0;
        slot->track.abi = BASTION_ABI;
        slot->track.wants = c->wants;
        slot->track.process = self.process;
        slot->track.uid = self.uid;
        slot->track.gid = self.gid;
        bpf_probe_read_kernel_str(slot->track.comm, sizeof(slot->track.comm), &leader->comm);
        if (read_file(slot, BPF_CORE_READ(task, mm, exe_file)))
                path = read_path(slot);
        if (path > ABI_TRACK_PATH)
                return 0;
        return path;
}

static __always_inline void key_facts(struct slot *slot, __u32 at)
{
        const __u32 wants = slot->track.wants;

        if (wants & ABI_WANTS_ARGUMENTS)
                extend_key(slot, ABI_WANTS_ARGUMENTS, at, slot->track.args_len);
        at += slot->track.args_len;
        if (wants & ABI_WANTS_CGROUP)
                extend_key(slot, ABI_WANTS_CGROUP, at, slot->track.cgroup_len);
        at += slot->track.cgroup_len;
        if (wants & ABI_WANTS_ANCESTORS)
                extend_key(slot, ABI_WANTS_ANCESTORS, at, slot->used);
}

/* Fills the slot with all that the record says, or with as much of it as the key covers. Returns the length of the text that follows the header. */
__noinline __u32 build_track(struct slot *slot, __u32 facts)
{
        __u32 path, args = 0, cgroup = 0, ancestors = 0, torn;

        if (!slot)
                return 0;
        path = begin_track(slot);
        if (path > ABI_TRACK_PATH)
                return 0;
        facts |= slot->track.wants;
        if (facts & ABI_WANTS_ARGUMENTS)
                args = read_arguments(slot, path);
        if (args > ABI_TRACK_ARGS)
                return 0;
        if (facts & ABI_WANTS_CGROUP)
                cgroup = read_cgroup(slot, path + args);
        if (cgroup > ABI_TRACK_CGROUP)
                return 0;
        torn = slot->torn; /* an ancestor's path that is torn is not known, and no reason to send the record again */
        if (facts & ABI_WANTS_ANCESTORS)
                ancestors = read_ancestors(slot, path + args + cgroup);
        if (ancestors > ABI_TRACK_ANCESTOR_PATHS)
                return 0;
        slot->torn = torn;
        slot->track.path_len = path;
        slot->track.args_len = args;
        slot->track.cgroup_len = cgroup;
        key_track(slot);
        key_facts(slot, path);
        return path + args + cgroup + ancestors;
}

static __always_inline void fill_fresh(struct slot *slot, const struct abi_process *process)
{
        slot->fresh.process = *process;
        slot->fresh.program = slot->track.program;
        slot->fresh.wants = slot->track.wants;
        slot->fresh.reported = 0; /* its verdict is never written, and so none */
}

static __always_inline void send_track(struct slot *slot, const struct abi_process *process)
{
        __u32 length = build_track(slot, ALL_FACTS);

        if (length > TEXT_BYTES)
                return;
        /* Nobody sleeps on the ring: the daemon drains it after it received packets. */
        if (bpf_ringbuf_output(&tracks, &slot->track, sizeof(slot->track) + length, BPF_RB_NO_WAKEUP) < 0) {
                count(ABI_COUNT_TRACK_LOST);
                return;
        }
        count(ABI_COUNT_TRACKED);
        if (slot->torn)
                return;
        fill_fresh(slot, process);
        slot->fresh.reported = 1;
        bpf_map_update_elem(&seen, process, &slot->fresh, BPF_ANY);
}

/* Tells user space of the process, unless that knows it. */
__noinline int track(const struct abi_process *process)
{
        struct abi_process key;
        struct seen known;
        struct slot *slot;

        if (!process)
                return 0;
        key = *process; /* 6.1 takes no pointer to an argument's memory for a map's key */
        if (key.pid == 0 || (read_seen(&key, &known) && known.reported))
                return 0;
        slot = take_slot();
        if (!slot) {
                count(ABI_COUNT_TRACK_LOST);
                return 0;
        }
        send_track(slot, &key);
        release_slot(slot);
        return 0;
}

/* The key of what current runs, found out for the first time; 0: it cannot be told. */
__noinline __u64 find_program(const struct abi_process *process)
{
        struct abi_process key;
        struct slot *slot;
        __u64 program;

        if (!process)
                return 0;
        key = *process;
        if (key.pid == 0)
                return 0;
        slot = take_slot();
        if (!slot)
                return 0;
        build_track(slot, 0);
        program = slot->track.program;
        fill_fresh(slot, &key);
        if (program)
                bpf_map_update_elem(&seen, &key, &slot->fresh, BPF_ANY); /* what is there is void */
        release_slot(slot);
        return program;
}

#endif
