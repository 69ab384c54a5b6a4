/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * DNS answers, copied where they arrive. The gate sees what is sent to port 53 and remembers the question: which socket asked which server, under which id,
 * for what, and who sent it. A datagram from port 53 that agrees with one in all of that is its answer: it is copied into the ring before the program
 * can read it, so whatever the program does with the address comes later than the name. Then it is counted (`heard`), which ends what is remembered of
 * the program by its names (verdict.h). One question has one answer; everything else is nobody's, whoever sent it, and is not counted. Nothing is filtered
 * here, and nothing of an answer but its question is looked at: that is the parser's.
 *
 * Namespaces need no check: a socket's cookie is its own in the whole machine, and only the gate's sockets ask.
 */
#ifndef BASTION_DNS_H
#define BASTION_DNS_H

#include "packet.h"

#define UDP_HEADER       8
#define DNS_HEADER       12
#define DNS_NAME         255
#define DNS_LABELS       128
#define DNS_QUESTION     (DNS_NAME + 4) /* name, type, class */
#define DNS_QUESTION_MIN 5              /* the root's name is one byte */
#define DNS_RESPONSE     0x80           /* in the header's third byte */
#define DNS_OPCODE       0x78
#define ANSWERS_WAKE_AT  (ABI_ANSWER_BYTES / 4) /* user space reads the ring when it has packets to decide; at this much it is woken */

static __always_inline bool is_question(const struct seen_packet *p)
{
        return p->flow.protocol == PROTOCOL_UDP && p->flow.remote_port == ABI_DNS_PORT && !p->later_fragment;
}

/* One label of the name in walk[]; 1 ends the walk. slot->at: where it has come to; slot->used: the name's length, when its end is found. */
static long walk_label(__u32 i, struct walk *w)
{
        struct slot *slot = w->slot;
        __u32 at = slot->at;
        __u8 length;

        if (at >= DNS_NAME)
                return 1;
        length = slot->walk[at];
        slot->at = at + 1 + length;
        if (length == 0)
                slot->used = at + 1;
        return length == 0 || length >= 64; /* a compressed name has nothing to point at */
}

/* The length of the question section that walk[] begins with, 0: it is none. walk[] has `n` bytes of the packet. */
static __always_inline __u32 question_length(struct slot *slot, __u32 n)
{
        struct walk w = { .slot = slot };
        __u32 name;

        slot->at = 0;
        slot->used = 0;
        bpf_loop(DNS_LABELS, walk_label, &w, 0);
        name = slot->used;
        if (name == 0 || name > DNS_NAME || name + 4 > n)
                return 0;
        return name + 4;
}

/* Fills in what the DNS message at `at` says of the key. False: it is no plain question (`flags` 0) or answer (DNS_RESPONSE) of exactly one question. */
__noinline int read_question(struct __sk_buff *skb, __u32 at, __u32 flags, struct slot *slot, struct abi_question_key *ret)
{
        struct abi_config *c = get_config();
        struct hashing h = { .slot = slot };
        __u8 head[DNS_HEADER];
        __u32 n, length;

        if (!slot || !ret || !c || at > ABI_PACKET_BYTES || bpf_skb_load_bytes(skb, at, head, sizeof(head)) < 0)
                return false;
        if ((head[2] & (DNS_RESPONSE | DNS_OPCODE)) != flags || head[4] != 0 || head[5] != 1)
                return false;
        at += DNS_HEADER;
        if (skb->len < at + DNS_QUESTION_MIN)
                return false;
        n = skb->len - at;
        if (n > DNS_QUESTION)
                n = DNS_QUESTION;
        barrier_var(n);
        if (n < DNS_QUESTION_MIN)
                return false;
        barrier_var(n);
        if (n > DNS_QUESTION || bpf_skb_load_bytes(skb, at, slot->walk, n) < 0)
                return false;
        length = question_length(slot, n);
        if (length == 0 || length > DNS_QUESTION)
                return false;
        for (__u32 i = 0; i < 8; i++)
                slot->walk[length + i] = 0;
        siphash_begin(&h.hash, c->secret);
        bpf_loop((length + 7) / 8, hash_walk, &h, 0);
        siphash_word(&h.hash, length);
        ret->question = siphash_end(&h.hash);
        ret->id = head[0] << 8 | head[1];
        return true;
}

/* Who sends it is current, as in is_sent_by_current(): no kernel tunnel talks to port 53. Its program was found out when the hook ran. */
static __always_inline void fill_asker(struct abi_question *q)
{
        struct seen known;
        struct self self;

        read_self(&self);
        q->process = self.process;
        q->uid = self.uid;
        q->gid = self.gid;
        q->program = read_seen(&self.process, &known) ? known.program : 0;
}

__noinline int remember_question(struct __sk_buff *skb, const struct seen_packet *p, __u64 cookie)
{
        struct abi_question_key key = { 0 };
        struct slot *slot;

        if (!p)
                return 0;
        slot = take_slot(); /* the question is built there: 6.1 counts every byte of stack */
        if (!slot)
                return 0;
        key.cookie = cookie;
        __builtin_memcpy(key.server, p->flow.remote, sizeof(key.server));
        if (read_question(skb, p->transport + UDP_HEADER, 0, slot, &key)) {
                slot->question.key = key;
                fill_asker(&slot->question);
                slot->question.asked_ns = bpf_ktime_get_boot_ns();
                if (bpf_map_update_elem(&questions, &key, &slot->question, BPF_ANY) == 0)
                        count(ABI_COUNT_QUESTIONS);
        }
        release_slot(slot);
        return 0;
}

/* The question is taken by whoever deletes it: of two answers at the same moment one is copied. */
static __always_inline bool take_question(const struct abi_question_key *key, __u64 now, struct abi_answer *ret)
{
        const struct abi_question *q = bpf_map_lookup_elem(&questions, key);
        __u64 asked_ns;

        if (!q)
                return false;
        ret->process = q->process;
        ret->program = q->program;
        ret->uid = q->uid;
        ret->gid = q->gid;
        asked_ns = q->asked_ns;
        barrier();
        if (!same_words(&q->key, key, sizeof(*key) / 8) || bpf_map_delete_elem(&questions, key) != 0)
                return false;
        return now - asked_ns <= ABI_QUESTION_NS;
}

/* Later than the record is there: whoever reads the number, and then the ring, has every answer that it counts. */
static __always_inline void count_heard(__u64 program, __u32 uid)
{
        __u32 index = ABI_HEARD_INDEX(program, uid);
        __u64 *answers_heard = bpf_map_lookup_elem(&heard, &index);

        if (answers_heard)
                __sync_fetch_and_add(answers_heard, 1);
}

static __always_inline void send_answer(struct __sk_buff *skb, __u32 at, struct slot *slot)
{
        __u32 n = skb->len - at;
        __u64 flags = bpf_ringbuf_query(&answers, BPF_RB_AVAIL_DATA) >= ANSWERS_WAKE_AT ? BPF_RB_FORCE_WAKEUP : BPF_RB_NO_WAKEUP;

        slot->answer.flags = n > ABI_ANSWER_DATA ? ABI_ANSWER_CUT : 0;
        if (n > ABI_ANSWER_DATA)
                n = ABI_ANSWER_DATA;
        barrier_var(n); /* as in hash_text(); and 6.1 learns from "less than" what it does not from "not 0" */
        if (n < DNS_HEADER)
                return;
        barrier_var(n);
        if (n > ABI_ANSWER_DATA || bpf_skb_load_bytes(skb, at, slot->data, n) < 0)
                return;
        slot->answer.abi = BASTION_ABI;
        slot->answer.length = n;
        if (bpf_ringbuf_output(&answers, &slot->answer, sizeof(slot->answer) + n, flags) < 0) {
                count(ABI_COUNT_ANSWER_LOST);
                return;
        }
        count_heard(slot->answer.program, slot->answer.uid);
        count(ABI_COUNT_ANSWERS);
}

/* `p` was read of a packet that arrives: its local side is the server. */
__noinline int copy_answer(struct __sk_buff *skb, const struct seen_packet *p, struct slot *slot)
{
        struct abi_question_key key = { 0 };
        __u64 now = bpf_ktime_get_boot_ns();

        if (!p || !slot)
                return 0;
        key.cookie = bpf_get_socket_cookie(skb);
        __builtin_memcpy(key.server, p->flow.local, sizeof(key.server));
        if (!read_question(skb, p->transport + UDP_HEADER, DNS_RESPONSE, slot, &key))
                return 0;
        if (!take_question(&key, now, &slot->answer))
                return 0;
        slot->answer.cookie = key.cookie;
        slot->answer.at_ns = now;
        __builtin_memcpy(slot->answer.server, key.server, sizeof(key.server));
        send_answer(skb, p->transport + UDP_HEADER, slot);
        return 0;
}

/* Every packet that any socket of the machine receives comes here: those from another port must cost next to nothing. What has options or extensions is
 * read properly. */
static __always_inline bool may_be_answer(struct __sk_buff *skb)
{
        const __u8 *head = (const __u8 *)(long)skb->data, *end = (const __u8 *)(long)skb->data_end;

        if (head + 28 > end)
                return false;
        if (head[0] >> 4 == 4)
                return head[9] == PROTOCOL_UDP && ((head[0] & 15) != 5 || (head[20] == 0 && head[21] == ABI_DNS_PORT));
        if (head[6] != PROTOCOL_UDP)
                return is_extension(head[6]);
        return head + 48 <= end && head[40] == 0 && head[41] == ABI_DNS_PORT;
}

SEC("cgroup_skb/ingress")
int bastion_answer(struct __sk_buff *skb)
{
        struct seen_packet p;
        struct slot *slot;

        if (!may_be_answer(skb) || !read_packet(skb, &p))
                return 1;
        if (p.flow.protocol != PROTOCOL_UDP || p.flow.local_port != ABI_DNS_PORT || p.later_fragment)
                return 1;
        slot = take_slot();
        if (!slot) {
                count(ABI_COUNT_ANSWER_LOST);
                return 1;
        }
        copy_answer(skb, &p, slot);
        release_slot(slot);
        return 1;
}

#endif
