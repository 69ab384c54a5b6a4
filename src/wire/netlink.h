/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The framing that all netlink messages share (RFC 3549, linux/netlink.h), for the codecs of wire/: a writer that cannot run past its
 * buffer and a reader of headers and attributes over a cursor. Lengths are host order; messages and attributes are aligned to four bytes.
 */
#pragma once

#include <linux/netlink.h>

#include "base/cursor.h"

/* One message under construction. The callers' buffers are larger than anything they write; what would not fit is left out. */
struct netlink_writer {
        uint8_t *data;
        size_t n, size;
};

static inline void netlink_put(struct netlink_writer *w, const void *data, size_t n)
{
        size_t aligned = NLMSG_ALIGN(n);

        if (w->size - w->n < aligned)
                return;
        memset(w->data + w->n, 0, aligned);
        memcpy(w->data + w->n, data, n);
        w->n += aligned;
}

static inline void netlink_attribute(struct netlink_writer *w, uint16_t type, const void *data, size_t n)
{
        struct nlattr attribute = { .nla_len = (uint16_t)(NLA_HDRLEN + n), .nla_type = type };

        if (w->size - w->n < NLA_HDRLEN + NLMSG_ALIGN(n))
                return;
        netlink_put(w, &attribute, sizeof(attribute));
        netlink_put(w, data, n);
}

static inline struct netlink_writer netlink_begin(void *ret, size_t size, uint16_t type, uint16_t flags, uint32_t seq)
{
        struct netlink_writer w = { .data = ret, .size = size };
        struct nlmsghdr header = { .nlmsg_type = type, .nlmsg_flags = flags, .nlmsg_seq = seq };

        netlink_put(&w, &header, sizeof(header));
        return w;
}

/* An attribute that holds attributes: what is put until netlink_nest_end() is inside. */
static inline size_t netlink_nest(struct netlink_writer *w, uint16_t type)
{
        size_t at = w->n;

        netlink_attribute(w, type | NLA_F_NESTED, "", 0);
        return at;
}

static inline void netlink_nest_end(struct netlink_writer *w, size_t at)
{
        uint16_t n = (uint16_t)(w->n - at);

        if (n >= NLA_HDRLEN) /* else it did not fit */
                memcpy(w->data + at + offsetof(struct nlattr, nla_len), &n, sizeof(n));
}

/* Writes the length into the header and returns it. */
static inline size_t netlink_end(struct netlink_writer *w)
{
        uint32_t n = (uint32_t)w->n;

        memcpy(w->data + offsetof(struct nlmsghdr, nlmsg_len), &n, sizeof(n));
        return w->n;
}

/* Splits the next message off `data`: its header, what follows it, and the aligned length. False when the lengths do not add up. */
static inline bool netlink_message(const void *data, size_t n, struct nlmsghdr *ret_header, struct cursor *ret_body, size_t *ret_used)
{
        struct cursor c = cursor_of(data, n);
        struct nlmsghdr header;
        struct cursor body;

        if (!cursor_bytes(&c, &header, sizeof(header)) || header.nlmsg_len < sizeof(header))
                return false;
        if (!cursor_sub(&c, header.nlmsg_len - sizeof(header), &body))
                return false;
        *ret_header = header;
        *ret_body = body;
        *ret_used = NLMSG_ALIGN((size_t)header.nlmsg_len) < n ? NLMSG_ALIGN((size_t)header.nlmsg_len) : n;
        return true;
}

/* The next attribute of `c`; false at the end and when the rest is no attribute (then c->left is not 0). */
static inline bool netlink_next_attribute(struct cursor *c, uint16_t *ret_type, struct cursor *ret)
{
        struct nlattr attribute;
        struct cursor at = *c;
        size_t padding;

        if (!cursor_bytes(&at, &attribute, sizeof(attribute)) || attribute.nla_len < sizeof(attribute))
                return false;
        if (!cursor_sub(&at, attribute.nla_len - sizeof(attribute), ret))
                return false;
        padding = NLA_ALIGN((size_t)attribute.nla_len) - attribute.nla_len;
        cursor_skip(&at, padding < at.left ? padding : at.left); /* the last one may come without */
        *ret_type = attribute.nla_type & NLA_TYPE_MASK;
        *c = at;
        return true;
}
