/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The few kernel types that the programs read, each with only the members they read. preserve_access_index makes the loader put in the
 * running kernel's offsets (CO-RE), so order and size here mean nothing. A name with ___suffix is the same kernel type as another
 * version had it; bpf_core_field_exists() chooses.
 */
#ifndef BASTION_KERNEL_H
#define BASTION_KERNEL_H

#include <stdbool.h>
#include <linux/bpf.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

/* Not in the uapi headers, or only in ones that drag libc in. */
#define AF_INET           2
#define AF_INET6          10
#define SOCK_STREAM       1
#define SOCK_DGRAM        2
#define SOCK_RAW          3
#define ULP_NAME          16
#define PROTOCOL_ICMP     1
#define PROTOCOL_TCP      6
#define PROTOCOL_UDP      17
#define PROTOCOL_DCCP     33
#define PROTOCOL_ICMPV6   58
#define PROTOCOL_SCTP     132
#define PROTOCOL_UDPLITE  136
#define STATE_ESTABLISHED 1
#define STATE_SYN_RECV    3
#define STATE_TIME_WAIT   6
#define STATE_CLOSE       7
#define STATE_NEW_SYN_RECV 12

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct qstr {
        __u32 len;
        const unsigned char *name;
};

struct hlist_bl_node {
        struct hlist_bl_node **pprev;
};

struct super_block {
        __u32 s_dev;
};

struct inode {
        struct super_block *i_sb;
        unsigned long i_ino;
        unsigned int i_nlink;
        __u32 i_generation;
        __s64 i_ctime_sec; /* since 6.11 */
        __u32 i_ctime_nsec;
};

struct timespec64 {
        __s64 tv_sec;
        long tv_nsec;
};

struct inode___6_6 {
        struct timespec64 __i_ctime;
};

struct inode___6_1 {
        struct timespec64 i_ctime;
};

typedef struct {
        unsigned int sequence;
} seqcount_t;

typedef struct {
        seqcount_t seqcount;
} seqcount_spinlock_t;

struct dentry {
        seqcount_spinlock_t d_seq; /* changes with name and parent; odd while they change */
        struct hlist_bl_node d_hash;
        struct dentry *d_parent;
        struct qstr d_name;
        struct inode *d_inode;
};

struct vfsmount {
        struct dentry *mnt_root;
};

struct ns_common {
        unsigned int inum;
};

struct mnt_namespace {
        struct ns_common ns;
};

struct mount {
        struct mount *mnt_parent;
        struct dentry *mnt_mountpoint;
        struct vfsmount mnt;
        struct mnt_namespace *mnt_ns; /* that it is mounted in; NULL or an error number where it is in none */
};

struct path {
        struct vfsmount *mnt;
        struct dentry *dentry;
};

struct file {
        struct path f_path;
};

struct mm_struct {
        unsigned long arg_start, arg_end;
        struct file *exe_file;
};

struct kernfs_node {
        const char *name;
        struct kernfs_node *__parent; /* since 6.15 */
};

struct kernfs_node___6_1 {
        struct kernfs_node *parent;
};

struct cgroup {
        struct kernfs_node *kn;
};

struct css_set {
        struct cgroup *dfl_cgrp;
};

typedef struct {
        __u32 val;
} kuid_t;

typedef struct {
        __u32 val;
} kgid_t;

struct cred {
        kuid_t euid;
        kgid_t egid;
};

struct task_struct {
        int tgid;
        struct task_struct *real_parent;
        struct task_struct *group_leader;
        struct mm_struct *mm;
        __u64 start_boottime;
        __u64 self_exec_id;
        const struct cred *cred;
        char comm[16];
        struct css_set *cgroups;
};

struct net {
        __u64 net_cookie;
};

typedef struct {
        struct net *net;
} possible_net_t;

typedef struct {
        __s64 counter;
} atomic64_t;

struct sock_common {
        unsigned short skc_family;
        unsigned char skc_state;
        possible_net_t skc_net;
        atomic64_t skc_cookie;
};

struct sock {
        struct sock_common __sk_common;
        unsigned char sk_kern_sock : 1;
        __u16 sk_type;
        __u16 sk_protocol;
};

struct sk_buff {
        __u16 inner_protocol; /* set by tunnels, when they wrap a packet, and by nothing else on the way out */
};

struct udp_sock {
        __u8 encap_type; /* a kernel tunnel sends through this socket, in anybody's context */
};

struct tcp_ulp_ops {
        char name[ULP_NAME];
};

struct inet_connection_sock {
        const struct tcp_ulp_ops *icsk_ulp_ops;
        void *icsk_ulp_data;
};

struct mptcp_subflow_context {
        struct sock *conn;
};

struct mptcp_sock {
        struct sock *first;
};

#pragma clang attribute pop

#endif
