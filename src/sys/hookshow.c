/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * hook_describe(): what the kernel has of Bastion's tables, in the words of `nft list table`. It reads the kernel's answer, not what was
 * once asked for; an expression that it does not know is shown by its bare name instead of being left out.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include <libnftnl/chain.h>
#include <libnftnl/expr.h>
#include <libnftnl/rule.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/xt_NFQUEUE.h>
#include <linux/netfilter/xt_bpf.h>

#include "sys/hook.h"
#include "sys/nftables.h"

enum { CHAINS_MAX = 8, NAME_MAX_SHOWN = 64 };

struct chain {
        char name[NAME_MAX_SHOWN];
        int32_t priority;
        bool is_base;
};

struct table {
        struct buf *out;
        struct chain chains[CHAINS_MAX];
        unsigned n_chains;
        const struct chain *shown; /* whose rules the running dump prints */
};

static int collect_chain(const struct nlmsghdr *header, void *userdata)
{
        struct nftnl_chain *c = nftnl_chain_alloc();
        struct table *t = userdata;
        struct chain *chain;

        if (!c)
                return MNL_CB_ERROR;
        if (nftnl_chain_nlmsg_parse(header, c) == 0 && strcmp(nftnl_chain_get_str(c, NFTNL_CHAIN_TABLE), "bastion") == 0 &&
            t->n_chains < CHAINS_MAX) {
                chain = &t->chains[t->n_chains++];
                strncpy(chain->name, nftnl_chain_get_str(c, NFTNL_CHAIN_NAME), sizeof(chain->name) - 1);
                chain->is_base = nftnl_chain_is_set(c, NFTNL_CHAIN_HOOKNUM);
                chain->priority = nftnl_chain_get_s32(c, NFTNL_CHAIN_PRIO);
        }
        nftnl_chain_free(c);
        return MNL_CB_OK;
}

static void show_match(struct buf *out, const struct nftnl_expr *e)
{
        const struct xt_bpf_info_v1 *info;
        uint32_t n = 0;

        info = nftnl_expr_get(e, NFTNL_EXPR_MT_INFO, &n);
        buf_printf(out, "xt match %s", nftnl_expr_get_str(e, NFTNL_EXPR_MT_NAME));
        if (strcmp(nftnl_expr_get_str(e, NFTNL_EXPR_MT_NAME), "bpf") == 0 && info && n >= offsetof(struct xt_bpf_info_v1, filter) &&
            info->mode == XT_BPF_MODE_PATH_PINNED)
                buf_printf(out, " object-pinned %.*s", (int)sizeof(info->path), info->path);
}

static void show_target(struct buf *out, const struct nftnl_expr *e)
{
        const struct xt_NFQ_info_v3 *info;
        uint32_t n = 0;

        info = nftnl_expr_get(e, NFTNL_EXPR_TG_INFO, &n);
        buf_printf(out, "xt target %s", nftnl_expr_get_str(e, NFTNL_EXPR_TG_NAME));
        if (info && n >= sizeof(*info))
                buf_printf(out, " num %u%s", info->queuenum, info->flags & NFQ_FLAG_BYPASS ? " bypass" : "");
}

/* The value of a comparison as the number that the kernel holds: host order, at most four bytes. */
static void show_cmp(struct buf *out, const struct nftnl_expr *e)
{
        const void *data;
        uint32_t n = 0, value = 0;

        data = nftnl_expr_get(e, NFTNL_EXPR_CMP_DATA, &n);
        if (data && n <= sizeof(value))
                memcpy(&value, data, n);
        buf_printf(out, "%s 0x%" PRIx32, nftnl_expr_get_u32(e, NFTNL_EXPR_CMP_OP) == NFT_CMP_EQ ? "==" : "!=", value);
}

static void show_meta(struct buf *out, const struct nftnl_expr *e)
{
        switch (nftnl_expr_get_u32(e, NFTNL_EXPR_META_KEY)) {
        case NFT_META_MARK:
                buf_puts(out, "meta mark");
                break;
        case NFT_META_L4PROTO:
                buf_puts(out, "meta l4proto");
                break;
        default:
                buf_printf(out, "meta key %" PRIu32, nftnl_expr_get_u32(e, NFTNL_EXPR_META_KEY));
        }
}

static void show_reject(struct buf *out, const struct nftnl_expr *e)
{
        if (nftnl_expr_get_u32(e, NFTNL_EXPR_REJECT_TYPE) == NFT_REJECT_TCP_RST)
                buf_puts(out, "reject with tcp reset");
        else
                buf_printf(out, "reject with icmp unreachable code %u", nftnl_expr_get_u8(e, NFTNL_EXPR_REJECT_CODE));
}

static void show_payload(struct buf *out, const struct nftnl_expr *e)
{
        buf_printf(out, "payload base %" PRIu32 " byte %" PRIu32, nftnl_expr_get_u32(e, NFTNL_EXPR_PAYLOAD_BASE),
                   nftnl_expr_get_u32(e, NFTNL_EXPR_PAYLOAD_OFFSET));
}

static void show_queue(struct buf *out, const struct nftnl_expr *e)
{
        const char *bypass = nftnl_expr_get_u16(e, NFTNL_EXPR_QUEUE_FLAGS) & NFT_QUEUE_FLAG_BYPASS ? " flags bypass" : "";

        buf_printf(out, "queue%s to %u", bypass, nftnl_expr_get_u16(e, NFTNL_EXPR_QUEUE_NUM));
}

static void show_bitwise(struct buf *out, const struct nftnl_expr *e)
{
        const void *data;
        uint32_t n = 0, mask = 0;

        data = nftnl_expr_get(e, NFTNL_EXPR_BITWISE_MASK, &n);
        if (data && n <= sizeof(mask))
                memcpy(&mask, data, n);
        buf_printf(out, "& 0x%" PRIx32, mask);
}

static void show_counter(struct buf *out, const struct nftnl_expr *e)
{
        buf_printf(out, "counter packets %" PRIu64 " bytes %" PRIu64, nftnl_expr_get_u64(e, NFTNL_EXPR_CTR_PACKETS),
                   nftnl_expr_get_u64(e, NFTNL_EXPR_CTR_BYTES));
}

static void show_ct(struct buf *out, const struct nftnl_expr *e)
{
        if (nftnl_expr_get_u32(e, NFTNL_EXPR_CT_KEY) == NFT_CT_STATE)
                buf_puts(out, "ct state");
        else if (nftnl_expr_get_u32(e, NFTNL_EXPR_CT_KEY) == NFT_CT_DIRECTION)
                buf_puts(out, "ct direction");
        else
                buf_printf(out, "ct key %" PRIu32, nftnl_expr_get_u32(e, NFTNL_EXPR_CT_KEY));
}

static void show_immediate(struct buf *out, const struct nftnl_expr *e)
{
        const char *chain = nftnl_expr_get_str(e, NFTNL_EXPR_IMM_CHAIN);

        buf_printf(out, "jump %s", chain ? chain : "?");
}

static const struct {
        const char *name;
        void (*show)(struct buf *out, const struct nftnl_expr *e);
} expressions[] = {
        { "match", show_match }, { "target", show_target }, { "cmp", show_cmp },         { "meta", show_meta },
        { "ct", show_ct },       { "reject", show_reject }, { "queue", show_queue },     { "bitwise", show_bitwise },
        { "counter", show_counter }, { "payload", show_payload }, { "immediate", show_immediate },
};

static int show_expression(struct nftnl_expr *e, void *userdata)
{
        const char *name = nftnl_expr_get_str(e, NFTNL_EXPR_NAME);
        struct buf *out = userdata;

        if (out->n > 0 && out->data[out->n - 1] != '\t')
                buf_putc(out, ' ');
        for (size_t i = 0; i < ARRAY_SIZE(expressions); i++)
                if (strcmp(name, expressions[i].name) == 0) {
                        expressions[i].show(out, e);
                        return 0;
                }
        buf_puts(out, name);
        return 0;
}

/* The queue's number is in nft's own expression or in the xt target. */
static int find_queue_number(struct nftnl_expr *e, void *userdata)
{
        const char *name = nftnl_expr_get_str(e, NFTNL_EXPR_NAME);
        const struct xt_NFQ_info_v3 *info;
        int *number = userdata;
        uint32_t n = 0;

        if (strcmp(name, "queue") == 0)
                *number = nftnl_expr_get_u16(e, NFTNL_EXPR_QUEUE_NUM);
        if (strcmp(name, "target") != 0 || strcmp(nftnl_expr_get_str(e, NFTNL_EXPR_TG_NAME), "NFQUEUE") != 0)
                return 0;
        info = nftnl_expr_get(e, NFTNL_EXPR_TG_INFO, &n);
        if (info && n >= sizeof(*info))
                *number = info->queuenum;
        return 0;
}

static int find_queue_of_rule(const struct nlmsghdr *header, void *userdata)
{
        struct nftnl_rule *rule = nftnl_rule_alloc();

        if (!rule)
                return MNL_CB_ERROR;
        if (nftnl_rule_nlmsg_parse(header, rule) == 0 && strcmp(nftnl_rule_get_str(rule, NFTNL_RULE_TABLE), "bastion") == 0)
                nftnl_expr_foreach(rule, find_queue_number, userdata);
        nftnl_rule_free(rule);
        return MNL_CB_OK;
}

int hook_find_queue(uint16_t *ret)
{
        int number = -1, r;

        r = nftables_dump(NFT_MSG_GETRULE, NFPROTO_IPV4, find_queue_of_rule, &number);
        if (r < 0)
                return r;
        if (number < 0)
                return 0;
        *ret = (uint16_t)number;
        return 1;
}

static int show_rule(const struct nlmsghdr *header, void *userdata)
{
        struct nftnl_rule *rule = nftnl_rule_alloc();
        struct table *t = userdata;

        if (!rule)
                return MNL_CB_ERROR;
        if (nftnl_rule_nlmsg_parse(header, rule) == 0 && strcmp(nftnl_rule_get_str(rule, NFTNL_RULE_TABLE), "bastion") == 0 &&
            strcmp(nftnl_rule_get_str(rule, NFTNL_RULE_CHAIN), t->shown->name) == 0) {
                buf_puts(t->out, "\t\t");
                nftnl_expr_foreach(rule, show_expression, t->out);
                buf_putc(t->out, '\n');
        }
        nftnl_rule_free(rule);
        return MNL_CB_OK;
}

static int describe_family(struct buf *out, uint16_t family, const char *name)
{
        struct table t = { .out = out };
        int r;

        r = nftables_dump(NFT_MSG_GETCHAIN, family, collect_chain, &t);
        if (r < 0 || t.n_chains == 0)
                return r;
        buf_printf(out, "table %s bastion {\n", name);
        for (unsigned i = 0; i < t.n_chains; i++) {
                t.shown = &t.chains[i];
                buf_printf(out, "\tchain %s {\n", t.shown->name);
                if (t.shown->is_base)
                        buf_printf(out, "\t\ttype filter hook output priority %" PRId32 "; policy accept;\n", t.shown->priority);
                r = nftables_dump(NFT_MSG_GETRULE, family, show_rule, &t);
                if (r < 0)
                        return r;
                buf_puts(out, "\t}\n");
        }
        buf_puts(out, "}\n");
        return buf_error(out);
}

int hook_describe(struct buf *out)
{
        int r;

        r = describe_family(out, NFPROTO_IPV4, "ip");
        if (r < 0)
                return r;
        return describe_family(out, NFPROTO_IPV6, "ip6");
}
