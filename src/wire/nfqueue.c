/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Theory in the header. What the kernel sends is trusted to come from the kernel (sys/queue.c checks the sender) and still read
 * through a cursor: the payload in it was written by a program. A packet whose payload is missing is a packet with no bytes, not
 * an error: it has an id and waits for a verdict.
 */
#include <arpa/inet.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_queue.h>

#include "wire/netlink.h"
#include "wire/nfqueue.h"

static bool parse_attribute(uint16_t type, struct cursor value, struct nfqueue_packet *packet, bool *has_id)
{
        switch (type) {
        case NFQA_PACKET_HDR:
                *has_id = true;
                return cursor_be32(&value, &packet->id) && cursor_be16(&value, &packet->hw_protocol);
        case NFQA_IFINDEX_OUTDEV:
                return cursor_be32(&value, &packet->out_interface);
        case NFQA_PAYLOAD:
                packet->data = value.at;
                packet->n = value.left;
                return true;
        case NFQA_CAP_LEN:
                return cursor_be32(&value, &packet->full_length);
        case NFQA_UID:
                packet->has_uid = true;
                return cursor_be32(&value, &packet->uid);
        case NFQA_GID:
                packet->has_gid = true;
                return cursor_be32(&value, &packet->gid);
        default:
                return true; /* newer kernels say more */
        }
}

int nfqueue_parse(const void *data, size_t n, struct nfqueue_packet *ret, size_t *ret_used)
{
        struct nfqueue_packet packet = { .data = (const uint8_t *)"" };
        struct nlmsghdr header;
        struct cursor body, value;
        bool has_id = false;
        uint16_t type;
        size_t used;

        if (!netlink_message(data, n, &header, &body, &used))
                return NFQUEUE_E_MALFORMED;
        if (header.nlmsg_type != (NFNL_SUBSYS_QUEUE << 8 | NFQNL_MSG_PACKET)) {
                *ret_used = used;
                return NFQUEUE_E_OTHER;
        }
        if (!cursor_skip(&body, sizeof(struct nfgenmsg)))
                return NFQUEUE_E_MALFORMED;
        while (netlink_next_attribute(&body, &type, &value))
                if (!parse_attribute(type, value, &packet, &has_id))
                        return NFQUEUE_E_MALFORMED;
        if (body.left > 0 || !has_id)
                return NFQUEUE_E_MALFORMED;
        if (packet.full_length < packet.n)
                packet.full_length = (uint32_t)packet.n;
        *ret = packet;
        *ret_used = used;
        return 0;
}

int nfqueue_parse_ack(const void *data, size_t n, int *ret_error, uint32_t *ret_seq)
{
        struct nlmsghdr header;
        struct cursor body;
        uint32_t error;
        size_t used;

        if (!netlink_message(data, n, &header, &body, &used))
                return NFQUEUE_E_MALFORMED;
        if (header.nlmsg_type != NLMSG_ERROR)
                return NFQUEUE_E_OTHER;
        if (!cursor_u32(&body, &error) || (int)error > 0)
                return NFQUEUE_E_MALFORMED;
        *ret_error = (int)error;
        *ret_seq = header.nlmsg_seq;
        return 0;
}

static struct netlink_writer begin(void *ret, uint16_t type, uint16_t flags, uint16_t queue, uint32_t seq)
{
        struct nfgenmsg nfg = { .nfgen_family = AF_UNSPEC, .version = NFNETLINK_V0, .res_id = htons(queue) };
        struct netlink_writer w = netlink_begin(ret, NFQUEUE_MESSAGE_MAX, NFNL_SUBSYS_QUEUE << 8 | type, NLM_F_REQUEST | flags, seq);

        netlink_put(&w, &nfg, sizeof(nfg));
        return w;
}

static size_t build_command(void *ret, uint16_t queue, uint32_t seq, uint8_t command)
{
        struct nfqnl_msg_config_cmd cmd = { .command = command };
        struct netlink_writer w = begin(ret, NFQNL_MSG_CONFIG, NLM_F_ACK, queue, seq);

        netlink_attribute(&w, NFQA_CFG_CMD, &cmd, sizeof(cmd));
        return netlink_end(&w);
}

size_t nfqueue_build_bind(void *ret, uint16_t queue, uint32_t seq)
{
        return build_command(ret, queue, seq, NFQNL_CFG_CMD_BIND);
}

size_t nfqueue_build_unbind(void *ret, uint16_t queue, uint32_t seq)
{
        return build_command(ret, queue, seq, NFQNL_CFG_CMD_UNBIND);
}

size_t nfqueue_build_params(void *ret, uint16_t queue, uint32_t seq, uint32_t copy_range, uint32_t queue_length)
{
        struct nfqnl_msg_config_params params = { .copy_range = htonl(copy_range), .copy_mode = NFQNL_COPY_PACKET };
        struct netlink_writer w = begin(ret, NFQNL_MSG_CONFIG, NLM_F_ACK, queue, seq);
        uint32_t length = htonl(queue_length), flags = htonl(NFQA_CFG_F_GSO | NFQA_CFG_F_UID_GID);
        uint32_t mask = htonl(NFQA_CFG_F_GSO | NFQA_CFG_F_UID_GID | NFQA_CFG_F_FAIL_OPEN);

        netlink_attribute(&w, NFQA_CFG_PARAMS, &params, sizeof(params));
        netlink_attribute(&w, NFQA_CFG_QUEUE_MAXLEN, &length, sizeof(length));
        netlink_attribute(&w, NFQA_CFG_MASK, &mask, sizeof(mask));
        netlink_attribute(&w, NFQA_CFG_FLAGS, &flags, sizeof(flags));
        return netlink_end(&w);
}

size_t nfqueue_build_verdict(void *ret, uint16_t queue, uint32_t packet_id, uint32_t verdict, bool has_mark, uint32_t mark)
{
        struct nfqnl_msg_verdict_hdr header = { .verdict = htonl(verdict), .id = htonl(packet_id) };
        struct netlink_writer w = begin(ret, NFQNL_MSG_VERDICT, 0, queue, 0);
        uint32_t be_mark = htonl(mark);

        netlink_attribute(&w, NFQA_VERDICT_HDR, &header, sizeof(header));
        if (has_mark)
                netlink_attribute(&w, NFQA_MARK, &be_mark, sizeof(be_mark));
        return netlink_end(&w);
}
