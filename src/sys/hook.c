/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Theory in the header. A replacement keeps the chains and exchanges the rules in them, because deleting a base chain drops every
 * held packet. Only when a chain of that name exists in another shape (another rung's priority, a dead daemon of another version) the
 * tables are built anew, in the same transaction that removes them: at no moment is there no rule.
 *
 * Which queue expression the kernel has is found out by asking for nft's own and, when that is refused, for the xt target.
 */
#include <errno.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <stdio.h>
#include <string.h>

#include <libnftnl/chain.h>
#include <libnftnl/expr.h>
#include <libnftnl/rule.h>
#include <libnftnl/table.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/xt_NFQUEUE.h>
#include <linux/netfilter/xt_bpf.h>

#include "sys/hook.h"
#include "sys/nftables.h"

static const char TABLE[] = "bastion";
static const char CHAIN_GATE[] = "gate";
static const char CHAIN_REJECT[] = "reject";

static const uint16_t FAMILIES[] = { NFPROTO_IPV4, NFPROTO_IPV6 };

enum {
        PRIORITY_GATE = -290,  /* after defragmentation (-400), before conntrack (-200), mangle (-150) and NAT (-100) */
        PRIORITY_QUEUE = -149, /* after conntrack and mangle */
        RULES_GATE_RUNG = 5,   /* in each table: two in gate, three in reject */
        RULES_QUEUE_RUNG = 7,  /* four and three */
        QUEUE_TARGET_REVISION = 3,
        BPF_MATCH_REVISION = 1,
};

static void free_rule(struct nftnl_rule **rule)
{
        if (*rule)
                nftnl_rule_free(*rule);
}

/* A new expression at the end of the rule, owned by it. */
static struct nftnl_expr *add_expression(struct nftnl_rule *rule, const char *name)
{
        struct nftnl_expr *e = nftnl_expr_alloc(name);

        if (e)
                nftnl_rule_add_expr(rule, e);
        return e;
}

static int add_counter(struct nftnl_rule *rule)
{
        return add_expression(rule, "counter") ? 0 : -ENOMEM;
}

static int add_meta_equals(struct nftnl_rule *rule, uint32_t key, const void *value, uint32_t n)
{
        struct nftnl_expr *meta = add_expression(rule, "meta");
        struct nftnl_expr *cmp = add_expression(rule, "cmp");

        if (!meta || !cmp)
                return -ENOMEM;
        nftnl_expr_set_u32(meta, NFTNL_EXPR_META_KEY, key);
        nftnl_expr_set_u32(meta, NFTNL_EXPR_META_DREG, NFT_REG_1);
        nftnl_expr_set_u32(cmp, NFTNL_EXPR_CMP_SREG, NFT_REG_1);
        nftnl_expr_set_u32(cmp, NFTNL_EXPR_CMP_OP, NFT_CMP_EQ);
        nftnl_expr_set(cmp, NFTNL_EXPR_CMP_DATA, value, n);
        return 0;
}

/* ct state new,invalid */
static int add_undecided_by_conntrack(struct nftnl_rule *rule)
{
        const uint32_t mask = NF_CT_STATE_BIT(IP_CT_NEW) | NF_CT_STATE_INVALID_BIT, zero = 0;
        struct nftnl_expr *ct = add_expression(rule, "ct");
        struct nftnl_expr *bitwise = add_expression(rule, "bitwise");
        struct nftnl_expr *cmp = add_expression(rule, "cmp");

        if (!ct || !bitwise || !cmp)
                return -ENOMEM;
        nftnl_expr_set_u32(ct, NFTNL_EXPR_CT_KEY, NFT_CT_STATE);
        nftnl_expr_set_u32(ct, NFTNL_EXPR_CT_DREG, NFT_REG_1);
        nftnl_expr_set_u32(bitwise, NFTNL_EXPR_BITWISE_SREG, NFT_REG_1);
        nftnl_expr_set_u32(bitwise, NFTNL_EXPR_BITWISE_DREG, NFT_REG_1);
        nftnl_expr_set_u32(bitwise, NFTNL_EXPR_BITWISE_LEN, sizeof(mask));
        nftnl_expr_set(bitwise, NFTNL_EXPR_BITWISE_MASK, &mask, sizeof(mask));
        nftnl_expr_set(bitwise, NFTNL_EXPR_BITWISE_XOR, &zero, sizeof(zero));
        nftnl_expr_set_u32(cmp, NFTNL_EXPR_CMP_SREG, NFT_REG_1);
        nftnl_expr_set_u32(cmp, NFTNL_EXPR_CMP_OP, NFT_CMP_NEQ);
        nftnl_expr_set(cmp, NFTNL_EXPR_CMP_DATA, &zero, sizeof(zero));
        return 0;
}

/* The pinned gate program says "queue". The kernel resolves the path now and keeps the program. */
static int add_undecided_by_gate(struct nftnl_rule *rule, const char *pin)
{
        _cleanup_(freep) struct xt_bpf_info_v1 *info = NULL;
        struct nftnl_expr *match;
        int n;

        info = calloc(1, sizeof(*info));
        if (!info)
                return -ENOMEM;
        info->mode = XT_BPF_MODE_PATH_PINNED;
        n = snprintf(info->path, sizeof(info->path), "%s", pin);
        if (n < 0 || (size_t)n >= sizeof(info->path))
                return -ENAMETOOLONG;
        match = add_expression(rule, "match");
        if (!match)
                return -ENOMEM;
        nftnl_expr_set_str(match, NFTNL_EXPR_MT_NAME, "bpf");
        nftnl_expr_set_u32(match, NFTNL_EXPR_MT_REV, BPF_MATCH_REVISION);
        nftnl_expr_set(match, NFTNL_EXPR_MT_INFO, TAKE_PTR(info), sizeof(*info)); /* libnftnl frees it with the rule */
        return 0;
}

static int add_nft_queue(struct nftnl_rule *rule, uint16_t number, bool bypass)
{
        struct nftnl_expr *queue = add_expression(rule, "queue");

        if (!queue)
                return -ENOMEM;
        nftnl_expr_set_u16(queue, NFTNL_EXPR_QUEUE_NUM, number);
        nftnl_expr_set_u16(queue, NFTNL_EXPR_QUEUE_TOTAL, 1);
        if (bypass)
                nftnl_expr_set_u16(queue, NFTNL_EXPR_QUEUE_FLAGS, NFT_QUEUE_FLAG_BYPASS);
        return 0;
}

static int add_xt_queue(struct nftnl_rule *rule, uint16_t number, bool bypass)
{
        const size_t n = (sizeof(struct xt_NFQ_info_v3) + 7) & ~(size_t)7; /* XT_ALIGN: the kernel wants the padded size */
        struct nftnl_expr *target = add_expression(rule, "target");
        struct xt_NFQ_info_v3 *info = calloc(1, n);

        if (!target || !info) {
                free(info);
                return -ENOMEM;
        }
        info->queuenum = number;
        info->queues_total = 1;
        info->flags = bypass ? NFQ_FLAG_BYPASS : 0;
        nftnl_expr_set_str(target, NFTNL_EXPR_TG_NAME, "NFQUEUE");
        nftnl_expr_set_u32(target, NFTNL_EXPR_TG_REV, QUEUE_TARGET_REVISION);
        nftnl_expr_set(target, NFTNL_EXPR_TG_INFO, info, (uint32_t)n); /* libnftnl frees it with the rule */
        return 0;
}

static int add_reject(struct nftnl_rule *rule, uint32_t type, uint8_t code)
{
        struct nftnl_expr *reject = add_expression(rule, "reject");

        if (!reject)
                return -ENOMEM;
        nftnl_expr_set_u32(reject, NFTNL_EXPR_REJECT_TYPE, type);
        nftnl_expr_set_u8(reject, NFTNL_EXPR_REJECT_CODE, code);
        return 0;
}

static int batch_table(struct nftables_batch *b, uint16_t type, uint16_t family, uint16_t flags)
{
        struct nftnl_table *t = nftnl_table_alloc();

        if (!t)
                return -ENOMEM;
        nftnl_table_set_u32(t, NFTNL_TABLE_FAMILY, family);
        nftnl_table_set_str(t, NFTNL_TABLE_NAME, TABLE);
        nftnl_table_nlmsg_build_payload(nftables_batch_message(b, type, family, flags), t);
        nftables_batch_next(b);
        nftnl_table_free(t);
        return 0;
}

/* Creates the chain where it is missing; one of the same shape is left as it is. `priority` NULL: one that is only jumped to. */
static int batch_chain(struct nftables_batch *b, uint16_t family, const char *name, const int32_t *priority)
{
        struct nftnl_chain *c = nftnl_chain_alloc();

        if (!c)
                return -ENOMEM;
        nftnl_chain_set_u32(c, NFTNL_CHAIN_FAMILY, family);
        nftnl_chain_set_str(c, NFTNL_CHAIN_TABLE, TABLE);
        nftnl_chain_set_str(c, NFTNL_CHAIN_NAME, name);
        if (priority) {
                nftnl_chain_set_str(c, NFTNL_CHAIN_TYPE, "filter");
                nftnl_chain_set_u32(c, NFTNL_CHAIN_HOOKNUM, NF_INET_LOCAL_OUT);
                nftnl_chain_set_s32(c, NFTNL_CHAIN_PRIO, *priority);
                nftnl_chain_set_u32(c, NFTNL_CHAIN_POLICY, NF_ACCEPT);
        }
        nftnl_chain_nlmsg_build_payload(nftables_batch_message(b, NFT_MSG_NEWCHAIN, family, NLM_F_CREATE), c);
        nftables_batch_next(b);
        nftnl_chain_free(c);
        return 0;
}

static struct nftnl_rule *new_rule(uint16_t family, const char *chain)
{
        struct nftnl_rule *rule = nftnl_rule_alloc();

        if (!rule)
                return NULL;
        nftnl_rule_set_u32(rule, NFTNL_RULE_FAMILY, family);
        nftnl_rule_set_str(rule, NFTNL_RULE_TABLE, TABLE);
        nftnl_rule_set_str(rule, NFTNL_RULE_CHAIN, chain);
        return rule;
}

static int batch_flush(struct nftables_batch *b, uint16_t family, const char *chain)
{
        _cleanup_(free_rule) struct nftnl_rule *rule = new_rule(family, chain);

        if (!rule)
                return -ENOMEM;
        nftnl_rule_nlmsg_build_payload(nftables_batch_message(b, NFT_MSG_DELRULE, family, 0), rule);
        nftables_batch_next(b);
        return 0;
}

static void batch_rule(struct nftables_batch *b, uint16_t family, struct nftnl_rule *rule)
{
        nftnl_rule_nlmsg_build_payload(nftables_batch_message(b, NFT_MSG_NEWRULE, family, NLM_F_CREATE | NLM_F_APPEND), rule);
        nftables_batch_next(b);
}

/* tcp flags & (syn | ack) == syn: the byte with the flags is the transport header's fourteenth. */
static int add_tcp_opening(struct nftnl_rule *rule)
{
        const uint8_t mask = 0x12, zero = 0, syn = 0x02;
        struct nftnl_expr *payload = add_expression(rule, "payload");
        struct nftnl_expr *bitwise = add_expression(rule, "bitwise");
        struct nftnl_expr *cmp = add_expression(rule, "cmp");

        if (!payload || !bitwise || !cmp)
                return -ENOMEM;
        nftnl_expr_set_u32(payload, NFTNL_EXPR_PAYLOAD_DREG, NFT_REG_1);
        nftnl_expr_set_u32(payload, NFTNL_EXPR_PAYLOAD_BASE, NFT_PAYLOAD_TRANSPORT_HEADER);
        nftnl_expr_set_u32(payload, NFTNL_EXPR_PAYLOAD_OFFSET, 13);
        nftnl_expr_set_u32(payload, NFTNL_EXPR_PAYLOAD_LEN, sizeof(mask));
        nftnl_expr_set_u32(bitwise, NFTNL_EXPR_BITWISE_SREG, NFT_REG_1);
        nftnl_expr_set_u32(bitwise, NFTNL_EXPR_BITWISE_DREG, NFT_REG_1);
        nftnl_expr_set_u32(bitwise, NFTNL_EXPR_BITWISE_LEN, sizeof(mask));
        nftnl_expr_set(bitwise, NFTNL_EXPR_BITWISE_MASK, &mask, sizeof(mask));
        nftnl_expr_set(bitwise, NFTNL_EXPR_BITWISE_XOR, &zero, sizeof(zero));
        nftnl_expr_set_u32(cmp, NFTNL_EXPR_CMP_SREG, NFT_REG_1);
        nftnl_expr_set_u32(cmp, NFTNL_EXPR_CMP_OP, NFT_CMP_EQ);
        nftnl_expr_set(cmp, NFTNL_EXPR_CMP_DATA, &syn, sizeof(syn));
        return 0;
}

/* ct direction original: what the one sends who began. */
static int add_original_direction(struct nftnl_rule *rule)
{
        const uint8_t original = 0; /* IP_CT_DIR_ORIGINAL, which the kernel's headers for user space leave out */
        struct nftnl_expr *ct = add_expression(rule, "ct");
        struct nftnl_expr *cmp = add_expression(rule, "cmp");

        if (!ct || !cmp)
                return -ENOMEM;
        nftnl_expr_set_u32(ct, NFTNL_EXPR_CT_KEY, NFT_CT_DIRECTION);
        nftnl_expr_set_u32(ct, NFTNL_EXPR_CT_DREG, NFT_REG_1);
        nftnl_expr_set_u32(cmp, NFTNL_EXPR_CMP_SREG, NFT_REG_1);
        nftnl_expr_set_u32(cmp, NFTNL_EXPR_CMP_OP, NFT_CMP_EQ);
        nftnl_expr_set(cmp, NFTNL_EXPR_CMP_DATA, &original, sizeof(original));
        return 0;
}

/* On the queue rung conntrack alone would let pass who takes a tuple that it still remembers: a TCP connection that opens is always undecided,
 * and so is every datagram that is no answer. */
enum undecided { UNDECIDED_NEW, UNDECIDED_TCP_OPENING, UNDECIDED_DATAGRAM, UNDECIDED_KINDS };

static int add_undecided(struct nftnl_rule *rule, const struct hook_options *o, enum undecided what)
{
        const uint8_t tcp = IPPROTO_TCP, udp = IPPROTO_UDP;
        int r = -EINVAL;

        switch (what) {
        case UNDECIDED_NEW:
                return o->gate_pin ? add_undecided_by_gate(rule, o->gate_pin) : add_undecided_by_conntrack(rule);
        case UNDECIDED_TCP_OPENING:
                r = add_meta_equals(rule, NFT_META_L4PROTO, &tcp, sizeof(tcp));
                return r < 0 ? r : add_tcp_opening(rule);
        case UNDECIDED_DATAGRAM:
                r = add_meta_equals(rule, NFT_META_L4PROTO, &udp, sizeof(udp));
                return r < 0 ? r : add_original_direction(rule);
        case UNDECIDED_KINDS:
                break;
        }
        return r;
}

static int batch_gate_rule(struct nftables_batch *b, uint16_t family, const struct hook_options *o, enum hook_form form, enum undecided what)
{
        _cleanup_(free_rule) struct nftnl_rule *rule = new_rule(family, CHAIN_GATE);
        /* While no daemon listens, a flow that conntrack knows goes on: it was decided once. */
        const bool bypass = o->fail_open || what == UNDECIDED_DATAGRAM;
        int r;

        if (!rule)
                return -ENOMEM;
        r = add_undecided(rule, o, what);
        if (r < 0)
                return r;
        r = add_counter(rule);
        if (r < 0)
                return r;
        r = form == HOOK_NFT_QUEUE ? add_nft_queue(rule, o->queue, bypass) : add_xt_queue(rule, o->queue, bypass);
        if (r < 0)
                return r;
        batch_rule(b, family, rule);
        return 0;
}

enum rejected { REJECTED_TCP_OPENING, REJECTED_TCP, REJECTED_OTHER, REJECTED_KINDS };

/*
 * The answer that makes the program see options->deny_errno, or what comes nearest (the kernel's tables are icmp_err_convert[] in
 * net/ipv4/icmp.c and tab_unreach[] in net/ipv6/icmp.c). No ICMP error means EPERM: EHOSTUNREACH and EACCES are what a firewall's
 * "administratively prohibited" means. IPv6 has ENETUNREACH only as an error that connected UDP does not hear, hence EACCES there.
 * An open TCP connection understands nothing but a reset.
 */
static int add_answer(struct nftnl_rule *rule, uint16_t family, enum rejected what, int deny_errno)
{
        static const struct {
                int deny_errno;
                uint8_t code4, opening6, other6;
        } codes[] = {
                { EPERM, ICMP_PKT_FILTERED, ICMP6_DST_UNREACH_ADMIN, ICMP6_DST_UNREACH_ADMIN },
                { ENETUNREACH, ICMP_NET_ANO, ICMP6_DST_UNREACH_NOROUTE, ICMP6_DST_UNREACH_ADMIN },
                { ECONNREFUSED, ICMP_PORT_UNREACH, ICMP6_DST_UNREACH_NOPORT, ICMP6_DST_UNREACH_NOPORT },
        };
        size_t i = 0;

        while (i < ARRAY_SIZE(codes) - 1 && codes[i].deny_errno != deny_errno)
                i++;
        if (what == REJECTED_TCP || (what == REJECTED_TCP_OPENING && codes[i].deny_errno == ECONNREFUSED))
                return add_reject(rule, NFT_REJECT_TCP_RST, 0);
        if (family == NFPROTO_IPV4)
                return add_reject(rule, NFT_REJECT_ICMP_UNREACH, codes[i].code4);
        return add_reject(rule, NFT_REJECT_ICMP_UNREACH, what == REJECTED_TCP_OPENING ? codes[i].opening6 : codes[i].other6);
}

/* A denied packet comes here a second time, with the mark. */
static int batch_marked_rule(struct nftables_batch *b, uint16_t family)
{
        _cleanup_(free_rule) struct nftnl_rule *rule = new_rule(family, CHAIN_GATE);
        const uint32_t mark = HOOK_REJECT_MARK;
        struct nftnl_expr *verdict;
        int r;

        if (!rule)
                return -ENOMEM;
        r = add_meta_equals(rule, NFT_META_MARK, &mark, sizeof(mark));
        if (r < 0)
                return r;
        verdict = add_expression(rule, "immediate");
        if (!verdict)
                return -ENOMEM;
        nftnl_expr_set_u32(verdict, NFTNL_EXPR_IMM_DREG, NFT_REG_VERDICT);
        nftnl_expr_set_u32(verdict, NFTNL_EXPR_IMM_VERDICT, (uint32_t)NFT_JUMP);
        nftnl_expr_set_str(verdict, NFTNL_EXPR_IMM_CHAIN, CHAIN_REJECT);
        batch_rule(b, family, rule);
        return 0;
}

static int batch_reject_rule(struct nftables_batch *b, uint16_t family, enum rejected what, int deny_errno)
{
        _cleanup_(free_rule) struct nftnl_rule *rule = new_rule(family, CHAIN_REJECT);
        const uint8_t protocol = IPPROTO_TCP;
        int r = 0;

        if (!rule)
                return -ENOMEM;
        if (what != REJECTED_OTHER)
                r = add_meta_equals(rule, NFT_META_L4PROTO, &protocol, sizeof(protocol));
        if (r >= 0 && what == REJECTED_TCP_OPENING)
                r = add_tcp_opening(rule);
        if (r >= 0)
                r = add_counter(rule);
        if (r >= 0)
                r = add_answer(rule, family, what, deny_errno);
        if (r < 0)
                return r;
        batch_rule(b, family, rule);
        return 0;
}

static int batch_chains(struct nftables_batch *b, uint16_t family, const struct hook_options *o)
{
        const int32_t priority = o->gate_pin ? PRIORITY_GATE : PRIORITY_QUEUE;
        int r;

        r = batch_chain(b, family, CHAIN_GATE, &priority);
        if (r < 0)
                return r;
        r = batch_chain(b, family, CHAIN_REJECT, NULL);
        if (r < 0)
                return r;
        r = batch_flush(b, family, CHAIN_GATE);
        if (r < 0)
                return r;
        return batch_flush(b, family, CHAIN_REJECT);
}

static int batch_family(struct nftables_batch *b, uint16_t family, const struct hook_options *o, enum hook_form form, bool anew)
{
        int r;

        r = batch_table(b, NFT_MSG_NEWTABLE, family, NLM_F_CREATE);
        if (r < 0)
                return r;
        if (anew) {
                r = batch_table(b, NFT_MSG_DELTABLE, family, 0);
                if (r < 0)
                        return r;
                r = batch_table(b, NFT_MSG_NEWTABLE, family, NLM_F_CREATE);
                if (r < 0)
                        return r;
        }
        r = batch_chains(b, family, o);
        if (r < 0)
                return r;
        r = batch_marked_rule(b, family);
        if (r >= 0)
                r = batch_gate_rule(b, family, o, form, UNDECIDED_NEW);
        for (enum undecided what = UNDECIDED_TCP_OPENING; !o->gate_pin && what < UNDECIDED_KINDS && r >= 0; what++)
                r = batch_gate_rule(b, family, o, form, what);
        if (r < 0)
                return r;
        for (enum rejected what = REJECTED_TCP_OPENING; what < REJECTED_KINDS && r >= 0; what++)
                r = batch_reject_rule(b, family, what, o->deny_errno);
        return r;
}

static int install(const struct hook_options *o, enum hook_form form, bool anew)
{
        _cleanup_(nftables_batch_freep) struct nftables_batch *b = nftables_batch_new();
        int r;

        if (!b)
                return -ENOMEM;
        for (size_t i = 0; i < ARRAY_SIZE(FAMILIES); i++) {
                r = batch_family(b, FAMILIES[i], o, form, anew);
                if (r < 0)
                        return r;
        }
        return nftables_batch_commit(b);
}

/* What the kernel answers when a chain of that name has another type, hook or priority. */
static bool is_other_shape(int error)
{
        return error == -EEXIST || error == -EBUSY || error == -EOPNOTSUPP;
}

int hook_install(const struct hook_options *options, enum hook_form *ret_form)
{
        static const enum hook_form forms[] = { HOOK_NFT_QUEUE, HOOK_XT_QUEUE };
        int r = -EINVAL;

        for (size_t i = 0; i < ARRAY_SIZE(forms); i++) {
                r = install(options, forms[i], false);
                if (is_other_shape(r))
                        r = install(options, forms[i], true);
                if (r == 0) {
                        *ret_form = forms[i];
                        return 0;
                }
                if (r == -EPERM || r == -ENOMEM)
                        break;
        }
        return r;
}

int hook_remove(void)
{
        _cleanup_(nftables_batch_freep) struct nftables_batch *b = nftables_batch_new();
        int r;

        if (!b)
                return -ENOMEM;
        for (size_t i = 0; i < ARRAY_SIZE(FAMILIES); i++) {
                r = batch_table(b, NFT_MSG_NEWTABLE, FAMILIES[i], NLM_F_CREATE); /* so that there is one to delete */
                if (r < 0)
                        return r;
                r = batch_table(b, NFT_MSG_DELTABLE, FAMILIES[i], 0);
                if (r < 0)
                        return r;
        }
        return nftables_batch_commit(b);
}

static int count_rule(const struct nlmsghdr *header, void *userdata)
{
        _cleanup_(free_rule) struct nftnl_rule *rule = nftnl_rule_alloc();
        const char *table;
        unsigned *n = userdata;

        if (!rule || nftnl_rule_nlmsg_parse(header, rule) < 0)
                return MNL_CB_OK;
        table = nftnl_rule_get_str(rule, NFTNL_RULE_TABLE);
        if (table && strcmp(table, TABLE) == 0)
                (*n)++;
        return MNL_CB_OK;
}

int hook_present(void)
{
        unsigned n;
        int r;

        for (size_t i = 0; i < ARRAY_SIZE(FAMILIES); i++) {
                n = 0;
                r = nftables_dump(NFT_MSG_GETRULE, FAMILIES[i], count_rule, &n);
                if (r < 0)
                        return r;
                if (n != RULES_GATE_RUNG && n != RULES_QUEUE_RUNG)
                        return 0;
        }
        return 1;
}
