/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a packet's trip to user space costs by itself: a program that accepts whatever it is handed, and does nothing else. It is made
 * as good as such a program can be (a copy range of headers, a large buffer, a batch of packets received before the verdicts, no ack),
 * so that what Bastion takes beyond it is Bastion's. The queue side is libmnl's and its own, not sys/queue.c, which is under test here; the
 * rule is the same that Bastion installs on its queue rung (sys/hook.c), so both see the same packets at the same place.
 *
 *      accept-all QUEUE      one line "ready"; on SIGTERM "N packets", and the rule goes
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

#include "sys/hook.h"

enum { COPY_RANGE = 512, QUEUE_LENGTH = 65535, SOCKET_BUFFER = 16 << 20, BATCH = 64, DATAGRAM_MAX = 68 << 10, MESSAGE_MAX = 256, REPLY_MAX = 8192 };

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

static bool packet_id(const struct nlmsghdr *header, uint32_t *ret)
{
        const struct nlattr *attribute;

        mnl_attr_for_each(attribute, header, sizeof(struct nfgenmsg)) {
                if (mnl_attr_get_type(attribute) == NFQA_PACKET_HDR) {
                        *ret = ((const struct nfqnl_msg_packet_hdr *)mnl_attr_get_payload(attribute))->packet_id;
                        return true;
                }
        }
        return false;
}

static void accept_packet(struct mnl_socket *socket, uint16_t queue, uint32_t be_id)
{
        const struct nfqnl_msg_verdict_hdr verdict = { .verdict = htonl(NF_ACCEPT), .id = be_id };
        char buffer[MESSAGE_MAX];
        struct nlmsghdr *header = begin(buffer, NFQNL_MSG_VERDICT, 0, queue, 0);

        mnl_attr_put(header, NFQA_VERDICT_HDR, sizeof(verdict), &verdict);
        if (mnl_socket_sendto(socket, header, header->nlmsg_len) < 0)
                perror("accept-all: verdict");
}

/* Blocks for the first packet, takes what else is there, then answers all of them. Returns how many. */
static unsigned accept_batch(struct mnl_socket *socket, uint16_t queue, void *buffer)
{
        uint32_t ids[BATCH];
        unsigned n_ids = 0;

        while (n_ids < BATCH) {
                ssize_t n = recv(mnl_socket_get_fd(socket), buffer, DATAGRAM_MAX, n_ids ? MSG_DONTWAIT : 0);

                if (n < 0)
                        break;
                if (packet_id(buffer, &ids[n_ids]))
                        n_ids++;
        }
        for (unsigned i = 0; i < n_ids; i++)
                accept_packet(socket, queue, ids[i]);
        return n_ids;
}

static int serve(struct mnl_socket *socket, uint16_t queue)
{
        const struct hook_options options = { .queue = queue };
        char *buffer = malloc(DATAGRAM_MAX);
        unsigned long n_packets = 0;
        enum hook_form form;
        int r;

        if (!buffer)
                return EXIT_FAILURE;
        r = hook_install(&options, &form);
        if (r < 0) {
                fprintf(stderr, "accept-all: cannot install the rule: %s\n", strerror(-r));
                free(buffer);
                return EXIT_FAILURE;
        }
        puts("ready");
        fflush(stdout);
        while (!stop)
                n_packets += accept_batch(socket, queue, buffer);
        r = hook_remove();
        printf("%lu packets\n", n_packets);
        free(buffer);
        return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
        const struct sigaction action = { .sa_handler = on_signal }; /* no SA_RESTART: recv() has to return */
        const int size = SOCKET_BUFFER;
        struct mnl_socket *socket;
        uint16_t queue;
        int status;

        if (argc != 2) {
                fputs("usage: accept-all QUEUE\n", stderr);
                return 2;
        }
        queue = (uint16_t)atoi(argv[1]);
        sigaction(SIGTERM, &action, NULL);
        sigaction(SIGINT, &action, NULL);
        socket = mnl_socket_open(NETLINK_NETFILTER);
        if (!socket || mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID) < 0 ||
            setsockopt(mnl_socket_get_fd(socket), SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) < 0 || bind_queue(socket, queue) < 0) {
                fprintf(stderr, "accept-all: cannot bind queue %u: %s\n", queue, strerror(errno));
                return EXIT_FAILURE;
        }
        status = serve(socket, queue);
        mnl_socket_close(socket);
        return status;
}
