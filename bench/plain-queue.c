/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The queue side of the programs that Bastion is compared with: libmnl's and its own, not sys/queue.c, which is under test here. It is made
 * as good as such a program can be (a copy range of headers, a large buffer, a batch of packets received before the verdicts, no ack),
 * so that what Bastion takes beyond it is Bastion's. The rule is the same that Bastion installs on its queue rung (sys/hook.c), so both
 * see the same packets at the same place.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_queue.h>

#include "plain-queue.h"
#include "sys/hook.h"

enum {
        COPY_RANGE = 512,
        QUEUE_LENGTH = 65535,
        SOCKET_BUFFER = 16 << 20,
        BATCH = 64,
        DATAGRAM_MAX = 4096, /* the copy range and what the kernel says of it */
        MESSAGE_MAX = 256,
        REPLY_MAX = 8192,
};

struct packet_view {
        uint32_t be_id;
        const void *data;
        size_t n;
};

static volatile sig_atomic_t stop;

static void on_signal(int number)
{
        (void)number;
        stop = 1;
}

static struct nlmsghdr *begin(void *buffer, uint16_t type, uint16_t flags, uint16_t queue, uint32_t seq)
{
        struct nlmsghdr *header = mnl_nlmsg_put_header(buffer);
        struct nfgenmsg *nfg;

        header->nlmsg_type = (NFNL_SUBSYS_QUEUE << 8) | type;
        header->nlmsg_flags = NLM_F_REQUEST | flags;
        header->nlmsg_seq = seq;
        nfg = mnl_nlmsg_put_extra_header(header, sizeof(*nfg));
        nfg->version = NFNETLINK_V0;
        nfg->res_id = htons(queue);
        return header;
}

/* Sends one message and waits for its ack. 0 or -1 with errno. */
static int ask(struct mnl_socket *socket, const struct nlmsghdr *header)
{
        char reply[REPLY_MAX];
        ssize_t n;

        if (mnl_socket_sendto(socket, header, header->nlmsg_len) < 0)
                return -1;
        n = mnl_socket_recvfrom(socket, reply, sizeof(reply));
        return n < 0 || mnl_cb_run(reply, (size_t)n, header->nlmsg_seq, mnl_socket_get_portid(socket), NULL, NULL) < 0 ? -1 : 0;
}

static int bind_queue(struct mnl_socket *socket, uint16_t queue)
{
        const struct nfqnl_msg_config_cmd command = { .command = NFQNL_CFG_CMD_BIND };
        const struct nfqnl_msg_config_params params = { .copy_range = htonl(COPY_RANGE), .copy_mode = NFQNL_COPY_PACKET };
        char buffer[MESSAGE_MAX];
        struct nlmsghdr *header;

        header = begin(buffer, NFQNL_MSG_CONFIG, NLM_F_ACK, queue, 1);
        mnl_attr_put(header, NFQA_CFG_CMD, sizeof(command), &command);
        if (ask(socket, header) < 0)
                return -1;
        header = begin(buffer, NFQNL_MSG_CONFIG, NLM_F_ACK, queue, 2);
        mnl_attr_put(header, NFQA_CFG_PARAMS, sizeof(params), &params);
        mnl_attr_put_u32(header, NFQA_CFG_QUEUE_MAXLEN, htonl(QUEUE_LENGTH));
        mnl_attr_put_u32(header, NFQA_CFG_MASK, htonl(NFQA_CFG_F_GSO));
        mnl_attr_put_u32(header, NFQA_CFG_FLAGS, htonl(NFQA_CFG_F_GSO));
        return ask(socket, header);
}

static bool read_packet(const struct nlmsghdr *header, struct packet_view *ret)
{
        const struct nlattr *attribute;
        bool found = false;

        mnl_attr_for_each(attribute, header, sizeof(struct nfgenmsg)) {
                if (mnl_attr_get_type(attribute) == NFQA_PACKET_HDR) {
                        ret->be_id = ((const struct nfqnl_msg_packet_hdr *)mnl_attr_get_payload(attribute))->packet_id;
                        found = true;
                } else if (mnl_attr_get_type(attribute) == NFQA_PAYLOAD) {
                        ret->data = mnl_attr_get_payload(attribute);
                        ret->n = mnl_attr_get_payload_len(attribute);
                }
        }
        return found;
}

static void accept_packet(struct mnl_socket *socket, uint16_t queue, uint32_t be_id)
{
        const struct nfqnl_msg_verdict_hdr verdict = { .verdict = htonl(NF_ACCEPT), .id = be_id };
        char buffer[MESSAGE_MAX];
        struct nlmsghdr *header = begin(buffer, NFQNL_MSG_VERDICT, 0, queue, 0);

        mnl_attr_put(header, NFQA_VERDICT_HDR, sizeof(verdict), &verdict);
        if (mnl_socket_sendto(socket, header, header->nlmsg_len) < 0)
                perror("verdict");
}

/* Blocks for the first packet, takes what else is there, then shows and accepts each. Returns how many. */
static unsigned accept_batch(struct mnl_socket *socket, uint16_t queue, char (*buffers)[DATAGRAM_MAX], plain_queue_fn fn)
{
        struct packet_view views[BATCH];
        unsigned n_views = 0;

        while (n_views < BATCH) {
                struct packet_view view = { 0 };
                ssize_t n = recv(mnl_socket_get_fd(socket), buffers[n_views], DATAGRAM_MAX, n_views ? MSG_DONTWAIT : 0);

                if (n < 0)
                        break;
                if (read_packet((const struct nlmsghdr *)buffers[n_views], &view))
                        views[n_views++] = view;
        }
        for (unsigned i = 0; i < n_views; i++) {
                if (fn)
                        fn(views[i].data, views[i].n);
                accept_packet(socket, queue, views[i].be_id);
        }
        return n_views;
}

static int serve(struct mnl_socket *socket, uint16_t queue, plain_queue_fn fn, unsigned long *ret_n_packets)
{
        const struct hook_options options = { .queue = queue };
        char (*buffers)[DATAGRAM_MAX] = malloc(BATCH * sizeof(*buffers));
        enum hook_form form;
        int r;

        if (!buffers)
                return -ENOMEM;
        r = hook_install(&options, &form);
        if (r < 0) {
                free(buffers);
                return r;
        }
        puts("ready");
        fflush(stdout);
        while (!stop)
                *ret_n_packets += accept_batch(socket, queue, buffers, fn);
        free(buffers);
        return hook_remove();
}

int plain_queue_run(uint16_t queue, plain_queue_fn fn, unsigned long *ret_n_packets)
{
        const struct sigaction action = { .sa_handler = on_signal }; /* no SA_RESTART: recv() has to return */
        const int size = SOCKET_BUFFER;
        struct mnl_socket *socket;
        int r;

        *ret_n_packets = 0;
        sigaction(SIGTERM, &action, NULL);
        sigaction(SIGINT, &action, NULL);
        socket = mnl_socket_open(NETLINK_NETFILTER);
        if (!socket || mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID) < 0 ||
            setsockopt(mnl_socket_get_fd(socket), SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) < 0 || bind_queue(socket, queue) < 0)
                r = -errno;
        else
                r = serve(socket, queue, fn, ret_n_packets);
        if (socket)
                mnl_socket_close(socket);
        return r;
}
