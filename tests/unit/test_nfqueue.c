/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * nfnetlink_queue messages against linux/netfilter/nfnetlink_queue.h: what is built is compared with bytes
 * written down here, attribute by attribute; what is parsed was composed here. A little-endian machine is
 * assumed where netlink is host order.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include <linux/netfilter.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_queue.h>
#include <linux/netlink.h>

#include "base/macros.h"
#include "wire/nfqueue.h"

enum { PACKET_MESSAGE = NFNL_SUBSYS_QUEUE << 8 | NFQNL_MSG_PACKET };

/* --- messages under construction --- */

struct message {
        uint8_t data[2048];
        size_t n;
};

static void put(struct message *m, const void *data, size_t n)
{
        assert_true(m->n + NLMSG_ALIGN(n) <= sizeof(m->data));
        memset(m->data + m->n, 0, NLMSG_ALIGN(n));
        memcpy(m->data + m->n, data, n);
        m->n += NLMSG_ALIGN(n);
}

static void put_attribute(struct message *m, uint16_t type, const void *data, size_t n)
{
        struct nlattr attribute = {.nla_len = (uint16_t)(NLA_HDRLEN + n), .nla_type = type};

        put(m, &attribute, sizeof(attribute));
        put(m, data, n);
}

static void put_be32(struct message *m, uint16_t type, uint32_t value)
{
        value = htonl(value);
        put_attribute(m, type, &value, sizeof(value));
}

static void finish(struct message *m)
{
        uint32_t n = (uint32_t)m->n;

        memcpy(m->data, &n, sizeof(n));
}

static struct message begin(uint16_t type, uint32_t seq)
{
        struct nlmsghdr header = {.nlmsg_type = type, .nlmsg_seq = seq};
        struct message m = {.n = 0};

        put(&m, &header, sizeof(header));
        return m;
}

static struct message begin_packet(void)
{
        struct nfgenmsg nfg = {.nfgen_family = AF_INET, .res_id = htons(1)};
        struct message m = begin(PACKET_MESSAGE, 0);

        put(&m, &nfg, sizeof(nfg));
        return m;
}

static void put_id(struct message *m, uint32_t id, uint16_t hw_protocol)
{
        struct nfqnl_msg_packet_hdr header = {
                .packet_id = htonl(id), .hw_protocol = htons(hw_protocol), .hook = 3};

        put_attribute(m, NFQA_PACKET_HDR, &header, sizeof(header));
}

static struct message ack(int error, uint32_t seq)
{
        struct message m = begin(NLMSG_ERROR, seq);
        struct nlmsgerr e = {.error = error};

        put(&m, &e, sizeof(e));
        finish(&m);
        return m;
}

/* --- parsing --- */

static void test_packet(void **state _unused_)
{
        struct message m = begin_packet();
        struct nfqueue_packet p;
        size_t used = 0;

        put_id(&m, 0x01020304, 0x0800);
        put_be32(&m, NFQA_IFINDEX_OUTDEV, 7);
        put_be32(&m, NFQA_MARK, 99);
        put_be32(&m, NFQA_CAP_LEN, 1500);
        put_be32(&m, NFQA_UID, 1000);
        put_be32(&m, NFQA_GID, 100);
        put_attribute(&m, NFQA_PAYLOAD, "abcde", 5);
        finish(&m);
        assert_int_equal(nfqueue_parse(m.data, m.n, &p, &used), 0);
        assert_int_equal(used, m.n);
        assert_int_equal(p.id, 0x01020304);
        assert_int_equal(p.hw_protocol, 0x0800);
        assert_int_equal(p.out_interface, 7);
        assert_int_equal(p.n, 5);
        assert_memory_equal(p.data, "abcde", 5);
        assert_true(p.data >= m.data && p.data + p.n <= m.data + m.n);
        assert_int_equal(p.full_length, 1500);
        assert_true(p.has_uid && p.has_gid);
        assert_int_equal(p.uid, 1000);
        assert_int_equal(p.gid, 100);
}

/* Root's packet has uid 0, a kernel's has none: a flag, not a number. */
static void test_owner_is_a_flag(void **state _unused_)
{
        struct message nobody = begin_packet(), root = begin_packet();
        struct nfqueue_packet p;
        size_t used;

        put_id(&nobody, 1, 0x86dd);
        put_attribute(&nobody, NFQA_PAYLOAD, "x", 1);
        finish(&nobody);
        assert_int_equal(nfqueue_parse(nobody.data, nobody.n, &p, &used), 0);
        assert_false(p.has_uid || p.has_gid);
        assert_int_equal(p.out_interface, 0);
        assert_int_equal(p.full_length, 1);

        put_id(&root, 1, 0x86dd);
        put_be32(&root, NFQA_UID, 0);
        put_be32(&root, NFQA_GID, 0);
        finish(&root);
        assert_int_equal(nfqueue_parse(root.data, root.n, &p, &used), 0);
        assert_true(p.has_uid && p.has_gid);
        assert_int_equal(p.uid, 0);
        assert_int_equal(p.n, 0); /* no payload: still a packet that waits for a verdict */
        assert_non_null(p.data);
}

/* The order of attributes is the kernel's business, and new ones may come; flags in the type are not part of
 * it. */
static void test_any_order_and_unknown_attributes(void **state _unused_)
{
        struct message m = begin_packet();
        struct nfqueue_packet p;
        size_t used;

        put_attribute(&m, NFQA_PAYLOAD, "data", 4);
        put_attribute(&m, 200, "??", 2);
        put_attribute(&m, NFQA_CT | NLA_F_NESTED, "\0\0\0\0", 4);
        put_id(&m, 5, 0x0800);
        finish(&m);
        assert_int_equal(nfqueue_parse(m.data, m.n, &p, &used), 0);
        assert_int_equal(p.id, 5);
        assert_int_equal(p.n, 4);
}

static void test_several_messages(void **state _unused_)
{
        struct message all = {.n = 0};
        const uint8_t *at = all.data;
        size_t left, used;

        for (uint32_t id = 1; id <= 3; id++) {
                struct message m = begin_packet();

                put_id(&m, id, 0x0800);
                put_attribute(&m, NFQA_PAYLOAD, "12345", id); /* odd lengths, padded */
                finish(&m);
                put(&all, m.data, m.n);
        }
        left = all.n;
        for (uint32_t id = 1; id <= 3; id++) {
                struct nfqueue_packet p;

                assert_int_equal(nfqueue_parse(at, left, &p, &used), 0);
                assert_int_equal(p.id, id);
                assert_int_equal(p.n, id);
                at += used;
                left -= used;
        }
        assert_int_equal(left, 0);
}

/* The last message of a datagram may end without its padding. */
static void test_unpadded_end(void **state _unused_)
{
        struct message m = begin_packet();
        struct nfqueue_packet p;
        size_t used;
        uint32_t n;

        put_id(&m, 1, 0x0800);
        put_attribute(&m, NFQA_PAYLOAD, "12345", 5);
        n = (uint32_t)m.n - 3;
        memcpy(m.data, &n, sizeof(n));
        assert_int_equal(nfqueue_parse(m.data, n, &p, &used), 0);
        assert_int_equal(used, n);
        assert_int_equal(p.n, 5);
        assert_int_equal(nfqueue_parse(m.data, m.n, &p, &used), 0);
        assert_int_equal(used, m.n);
}

static void test_cut_at_every_byte(void **state _unused_)
{
        struct message m = begin_packet();
        struct nfqueue_packet p = {.id = 77};
        size_t used = 77;

        put_id(&m, 1, 0x0800);
        put_be32(&m, NFQA_UID, 0);
        put_attribute(&m, NFQA_PAYLOAD, "12345678", 8);
        finish(&m);
        for (size_t n = 0; n < m.n; n++) {
                assert_int_equal(nfqueue_parse(m.data, n, &p, &used), NFQUEUE_E_MALFORMED);
                assert_int_equal(p.id, 77);
        }
}

/* Cut, but with a header that claims no more than there is. */
static void test_shortened_at_every_byte(void **state _unused_)
{
        struct message m = begin_packet();
        size_t with_id;

        put_id(&m, 1, 0x0800);
        with_id = m.n;
        put_attribute(&m, NFQA_PAYLOAD, "12345678", 8);
        for (uint32_t n = 0; n < m.n; n++) {
                struct nfqueue_packet p;
                size_t used;
                int r;

                memcpy(m.data, &n, sizeof(n));
                r = nfqueue_parse(m.data, m.n, &p, &used);
                /* The id's attribute is 7 bytes and one of padding; between attributes the message is whole.
                 */
                assert_int_equal(r, n == with_id || n == with_id - 1 ? 0 : NFQUEUE_E_MALFORMED);
        }
}

static void test_malformed(void **state _unused_)
{
        static const struct {
                uint16_t type;
                size_t n;
        } short_values[] = {
                {NFQA_PACKET_HDR, 3}, {NFQA_PACKET_HDR, 5}, {NFQA_IFINDEX_OUTDEV, 3},
                {NFQA_CAP_LEN, 2},    {NFQA_UID, 3},        {NFQA_GID, 0},
        };
        struct message no_id = begin_packet(), beyond = begin_packet(), tiny = begin_packet();
        struct nfqueue_packet p;
        size_t used;

        for (size_t i = 0; i < ARRAY_SIZE(short_values); i++) {
                struct message m = begin_packet();

                put_id(&m, 1, 0x0800);
                put_attribute(&m, short_values[i].type, "\0\0\0\0\0", short_values[i].n);
                finish(&m);
                assert_int_equal(nfqueue_parse(m.data, m.n, &p, &used), NFQUEUE_E_MALFORMED);
        }
        put_attribute(&no_id, NFQA_PAYLOAD, "data", 4);
        finish(&no_id);
        assert_int_equal(nfqueue_parse(no_id.data, no_id.n, &p, &used), NFQUEUE_E_MALFORMED);

        put_id(&beyond, 1, 0x0800);
        put(&beyond, &(struct nlattr){.nla_len = 200, .nla_type = NFQA_PAYLOAD}, sizeof(struct nlattr));
        finish(&beyond);
        assert_int_equal(nfqueue_parse(beyond.data, beyond.n, &p, &used), NFQUEUE_E_MALFORMED);

        /* A length below its own header would never advance. */
        put_id(&tiny, 1, 0x0800);
        put(&tiny, &(struct nlattr){.nla_len = 3, .nla_type = NFQA_PAYLOAD}, sizeof(struct nlattr));
        finish(&tiny);
        assert_int_equal(nfqueue_parse(tiny.data, tiny.n, &p, &used), NFQUEUE_E_MALFORMED);
}

static void test_header_lengths(void **state _unused_)
{
        static const uint32_t lengths[] = {0, 1, 15, 0x7fffffff, 0xffffffff};
        struct message m = begin(NLMSG_NOOP, 0);
        struct nfqueue_packet p;
        uint32_t seq;
        size_t used;
        int error;

        for (size_t i = 0; i < ARRAY_SIZE(lengths); i++) {
                memcpy(m.data, &lengths[i], sizeof(lengths[i]));
                assert_int_equal(nfqueue_parse(m.data, m.n, &p, &used), NFQUEUE_E_MALFORMED);
                assert_int_equal(nfqueue_parse_ack(m.data, m.n, &error, &seq), NFQUEUE_E_MALFORMED);
        }
}

static void test_other_messages(void **state _unused_)
{
        static const uint16_t types[] = {NLMSG_NOOP,
                                         NLMSG_ERROR,
                                         NLMSG_DONE,
                                         NLMSG_OVERRUN,
                                         NFNL_SUBSYS_QUEUE << 8 | NFQNL_MSG_VERDICT,
                                         NFNL_SUBSYS_ULOG << 8};

        for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
                struct message m = begin(types[i], 0);
                struct nfqueue_packet p = {.id = 77};
                size_t used = 0;

                put(&m, "\0\0\0\0", 4);
                finish(&m);
                assert_int_equal(nfqueue_parse(m.data, m.n, &p, &used), NFQUEUE_E_OTHER);
                assert_int_equal(used, m.n);
                assert_int_equal(p.id, 77);
        }
}

static void test_ack(void **state _unused_)
{
        static const int errors[] = {0, -EPERM, -ENOENT, -4095};
        struct message packet = begin_packet(), positive = ack(5, 1), whole = ack(-EPERM, 1);
        uint32_t seq = 0;
        int error = 1;

        for (size_t i = 0; i < ARRAY_SIZE(errors); i++) {
                struct message m = ack(errors[i], 42);

                assert_int_equal(nfqueue_parse_ack(m.data, m.n, &error, &seq), 0);
                assert_int_equal(error, errors[i]);
                assert_int_equal(seq, 42);
        }
        finish(&packet);
        assert_int_equal(nfqueue_parse_ack(packet.data, packet.n, &error, &seq), NFQUEUE_E_OTHER);
        assert_int_equal(nfqueue_parse_ack(positive.data, positive.n, &error, &seq), NFQUEUE_E_MALFORMED);
        for (size_t n = 0; n < whole.n; n++)
                assert_int_equal(nfqueue_parse_ack(whole.data, n, &error, &seq), NFQUEUE_E_MALFORMED);
        /* A message without room for the number. */
        whole.n = sizeof(struct nlmsghdr) + 3;
        finish(&whole);
        assert_int_equal(nfqueue_parse_ack(whole.data, whole.n, &error, &seq), NFQUEUE_E_MALFORMED);
}

/* --- building --- */

/* The header of what was built; the rest follows it in `expected`. */
static void assert_message(const uint8_t *built, size_t length, uint8_t type, uint16_t flags, uint32_t seq,
                           const void *expected, size_t n)
{
        struct nlmsghdr header;

        assert_int_equal(length, sizeof(header) + n);
        memcpy(&header, built, sizeof(header));
        assert_int_equal(header.nlmsg_len, length);
        assert_int_equal(header.nlmsg_type, NFNL_SUBSYS_QUEUE << 8 | type);
        assert_int_equal(header.nlmsg_flags, flags);
        assert_int_equal(header.nlmsg_seq, seq);
        assert_memory_equal(built + sizeof(header), expected, n);
}

#define ASSERT_MESSAGE(built, length, type, flags, seq, literal)                                             \
        assert_message(built, length, type, flags, seq, literal, sizeof(literal) - 1)

static void test_build_bind(void **state _unused_)
{
        uint8_t m[NFQUEUE_MESSAGE_MAX];

        ASSERT_MESSAGE(m, nfqueue_build_bind(m, 0x0102, 9), NFQNL_MSG_CONFIG, NLM_F_REQUEST | NLM_F_ACK, 9,
                       "\0\0\1\2" /* unspecified family, version 0, queue */
                       "\x8\0\1\0\1\0\0\0" /* NFQA_CFG_CMD: bind */);
        ASSERT_MESSAGE(m, nfqueue_build_unbind(m, 0xffff, 10), NFQNL_MSG_CONFIG, NLM_F_REQUEST | NLM_F_ACK,
                       10, "\0\0\xff\xff\x8\0\1\0\2\0\0\0");
}

/* GSO and UID_GID on; the mask covers FAIL_OPEN too, so that it is cleared whoever had set it. */
static void test_build_params(void **state _unused_)
{
        uint8_t m[NFQUEUE_MESSAGE_MAX];

        ASSERT_MESSAGE(
                m, nfqueue_build_params(m, 1, 3, 512, 65535), NFQNL_MSG_CONFIG, NLM_F_REQUEST | NLM_F_ACK, 3,
                "\0\0\0\1"
                "\x9\0\2\0\0\0\2\0\2\0\0\0" /* NFQA_CFG_PARAMS: 512 bytes, packets, packed to five bytes */
                "\x8\0\3\0\0\0\xff\xff"     /* NFQA_CFG_QUEUE_MAXLEN */
                "\x8\0\4\0\0\0\0\x0d"       /* NFQA_CFG_MASK: FAIL_OPEN, GSO, UID_GID */
                "\x8\0\5\0\0\0\0\x0c" /* NFQA_CFG_FLAGS: GSO, UID_GID */);
}

static void test_build_verdict(void **state _unused_)
{
        uint8_t m[NFQUEUE_MESSAGE_MAX];

        ASSERT_MESSAGE(m, nfqueue_build_verdict(m, 1, 0x01020304, NF_ACCEPT, false, 5), NFQNL_MSG_VERDICT,
                       NLM_F_REQUEST, 0, "\0\0\0\1\x0c\0\2\0\0\0\0\1\1\2\3\4");
        ASSERT_MESSAGE(m, nfqueue_build_verdict(m, 1, 0x01020304, NF_DROP, false, 0), NFQNL_MSG_VERDICT,
                       NLM_F_REQUEST, 0, "\0\0\0\1\x0c\0\2\0\0\0\0\0\1\2\3\4");
        ASSERT_MESSAGE(m, nfqueue_build_verdict(m, 1, 7, NF_REPEAT, true, 0xaabbccdd), NFQNL_MSG_VERDICT,
                       NLM_F_REQUEST, 0, "\0\0\0\1\x0c\0\2\0\0\0\0\4\0\0\0\7\x8\0\3\0\xaa\xbb\xcc\xdd");
        /* Mark 0 is a mark. */
        ASSERT_MESSAGE(m, nfqueue_build_verdict(m, 1, 7, NF_ACCEPT, true, 0), NFQNL_MSG_VERDICT, NLM_F_REQUEST, 0,
                       "\0\0\0\1\x0c\0\2\0\0\0\0\1\0\0\0\7\x8\0\3\0\0\0\0\0");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_packet),
                cmocka_unit_test(test_owner_is_a_flag),
                cmocka_unit_test(test_any_order_and_unknown_attributes),
                cmocka_unit_test(test_several_messages),
                cmocka_unit_test(test_unpadded_end),
                cmocka_unit_test(test_cut_at_every_byte),
                cmocka_unit_test(test_shortened_at_every_byte),
                cmocka_unit_test(test_malformed),
                cmocka_unit_test(test_header_lengths),
                cmocka_unit_test(test_other_messages),
                cmocka_unit_test(test_ack),
                cmocka_unit_test(test_build_bind),
                cmocka_unit_test(test_build_params),
                cmocka_unit_test(test_build_verdict),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
