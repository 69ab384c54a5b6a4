/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Theory in the header. A name is compared in its uncompressed wire form, in lower case (struct dns_name), because a label may contain a dot. The
 * records may stand in any order, so aliases are looked for among all of them, once a link of the chain: 17 times at most. Names are read once: to follow
 * the pointers of a hostile one takes longer than all the rest, and whoever waits for another answer waits for this one too.
 */
#include "wire/dns.h"

#include <string.h>

#include "base/cursor.h"
#include "base/macros.h"

enum {
        HEADER = 12,
        NAME_WIRE = 255,  /* RFC 1035, 2.3.4: length bytes included */
        NAME_PARTS = 127, /* joined by pointers; no more labels fit */
        LABEL = 63,
        POINTER = 0xc0,
        CLASS_IN = 1,
        FLAG_RESPONSE = 0x8000,
        FLAG_TRUNCATED = 0x0200,
        OPCODE = 0x7800,
        RCODE = 0x000f,
        TTL_MAX = 0x7fffffff,
        RECORDS = LIMIT_PROBE_BYTES / 11, /* the least that a record takes: the root's name, type, class, TTL, length */
};

enum { SERIAL_RESPONSE = 1, SERIAL_TRUNCATED = 2 };

_Static_assert((int)DNS_SERIAL_MAX <= LIMIT_PROBE_BYTES, "the parser's answer is one datagram");

struct dns_name {
        uint8_t bytes[NAME_WIRE]; /* labels with their lengths, the root's included */
        uint8_t n;
};

struct message {
        const uint8_t *data;
        size_t n;
};

struct record {
        struct dns_name owner;
        uint16_t type, class;
        uint32_t ttl;
        struct cursor data; /* ends where the record ends; its start is in the message, for pointers in it */
};

/* The answers that count: of class IN and a type that leads somewhere. */
struct section {
        struct message message;
        struct record records[RECORDS];
        unsigned n;
};

/* Names. */

static uint8_t lower(uint8_t c)
{
        return c >= 'A' && c <= 'Z' ? (uint8_t)(c - 'A' + 'a') : c;
}

static struct cursor cursor_at(const struct message *message, size_t offset)
{
        return cursor_of(message->data + offset, message->n - offset);
}

/* The label at the cursor, whose length byte was read. */
static int take_label(struct cursor *c, uint8_t length, struct dns_name *name)
{
        struct cursor label;

        if (length > LABEL)
                return DNS_E_NAME; /* 01 and 10 are reserved (RFC 6891, 5) */
        if (!cursor_sub(c, length, &label))
                return DNS_E_CUT;
        if (name->n + 1u + length + 1u > NAME_WIRE)
                return DNS_E_NAME;
        name->bytes[name->n++] = length;
        for (uint8_t i = 0; i < length; i++)
                name->bytes[name->n++] = lower(label.at[i]);
        return 0;
}

/* A pointer leads to before the part of the name that it ends, which is at `start`; that is where the next part is. */
static int follow(uint8_t high, struct cursor *c, size_t *start)
{
        uint8_t byte;
        size_t target;

        if (!cursor_u8(c, &byte))
                return DNS_E_CUT;
        target = (size_t)(high & ~POINTER) << 8 | byte;
        if (target < HEADER || target >= *start)
                return DNS_E_NAME;
        *start = target;
        return 0;
}

/* Reads the name at `c`, which lies in `message`, and moves `c` behind it. Each pointer goes farther back than the one before, and there are
 * NAME_PARTS of them at most: it ends. */
static int take_name(const struct message *message, struct cursor *c, struct dns_name *ret)
{
        size_t start = (size_t)(c->at - message->data);
        struct cursor elsewhere, *at = c;
        unsigned n_parts = 0;
        uint8_t length;
        int r;

        ret->n = 0;
        for (;;) {
                if (!cursor_u8(at, &length))
                        return DNS_E_CUT;
                if (length == 0)
                        break;
                if ((length & POINTER) == POINTER) {
                        r = follow(length, at, &start);
                        if (r != 0)
                                return r;
                        if (++n_parts > NAME_PARTS)
                                return DNS_E_NAME;
                        elsewhere = cursor_at(message, start);
                        at = &elsewhere;
                        continue;
                }
                r = take_label(at, length, ret);
                if (r != 0)
                        return r;
        }
        ret->bytes[ret->n++] = 0;
        return 0;
}

static bool same_name(const struct dns_name *a, const struct dns_name *b)
{
        return a->n == b->n && memcmp(a->bytes, b->bytes, a->n) == 0;
}

static bool is_host_byte(char c)
{
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

bool dns_is_hostname(const char *name)
{
        size_t label = 0, digits = 0, n = 0;

        for (; name[n]; n++) {
                if (n + 1 >= DNS_NAME_MAX)
                        return false;
                if (name[n] == '.') {
                        if (label == 0)
                                return false;
                        label = digits = 0;
                        continue;
                }
                if (!is_host_byte(name[n]) || ++label > LABEL)
                        return false;
                digits += name[n] >= '0' && name[n] <= '9';
        }
        return label > 0 && digits < label;
}

/* A dot inside a label would give another name when it is written down. */
static int write_hostname(const struct dns_name *name, char ret[DNS_NAME_MAX])
{
        size_t n = 0;

        for (size_t at = 0; name->bytes[at] != 0; at += name->bytes[at] + 1u) {
                const uint8_t *label = name->bytes + at;

                if (n > 0)
                        ret[n++] = '.';
                if (memchr(label + 1, '.', label[0]) || memchr(label + 1, 0, label[0]))
                        return DNS_E_HOSTNAME;
                memcpy(ret + n, label + 1, label[0]);
                n += label[0];
        }
        ret[n] = 0;
        return dns_is_hostname(ret) ? 0 : DNS_E_HOSTNAME;
}

/* Records. */

static int take_record(const struct message *message, struct cursor *c, struct record *ret)
{
        uint16_t n_data;
        int r = take_name(message, c, &ret->owner);

        if (r != 0)
                return r;
        if (!cursor_be16(c, &ret->type) || !cursor_be16(c, &ret->class) || !cursor_be32(c, &ret->ttl) || !cursor_be16(c, &n_data) ||
            !cursor_sub(c, n_data, &ret->data))
                return DNS_E_CUT;
        if (ret->ttl > TTL_MAX)
                ret->ttl = 0;
        return 0;
}

/* Goes to the end, so a message that is broken anywhere in its `n` answers is refused. Its bytes have no room for more than RECORDS. */
static int take_records(struct section *section, struct cursor *c, unsigned n)
{
        for (unsigned i = 0; i < n; i++) {
                struct record record;
                int r = take_record(&section->message, c, &record);

                if (r != 0)
                        return r;
                if (record.class == CLASS_IN && (record.type == DNS_TYPE_CNAME || record.type == DNS_TYPE_A || record.type == DNS_TYPE_AAAA))
                        section->records[section->n++] = record;
        }
        return 0;
}

/* Where the CNAME record leads: a name that ends where the record does. */
static int take_target(const struct message *message, const struct record *record, struct dns_name *ret)
{
        const struct message until = { .data = message->data, .n = (size_t)(record->data.at - message->data) + record->data.left };
        struct cursor c = record->data;
        int r = take_name(&until, &c, ret);

        if (r != 0)
                return r;
        return c.left == 0 ? 0 : DNS_E_RECORD;
}

/* The first CNAME of `name`, which it replaces; *ret_found false: it has none. */
static int follow_alias(const struct section *section, struct dns_name *name, uint32_t *ttl, bool *ret_found)
{
        *ret_found = false;
        for (unsigned i = 0; i < section->n; i++) {
                const struct record *record = &section->records[i];

                if (record->type != DNS_TYPE_CNAME || !same_name(&record->owner, name))
                        continue;
                *ttl = MIN(*ttl, record->ttl);
                *ret_found = true;
                return take_target(&section->message, record, name);
        }
        return 0;
}

static int take_address(const struct record *record, struct addr *ret)
{
        struct cursor c = record->data;
        uint8_t v4[4];

        if (record->type == DNS_TYPE_AAAA)
                return cursor_bytes(&c, ret->bytes, sizeof(ret->bytes)) && c.left == 0 ? 0 : DNS_E_RECORD;
        if (!cursor_bytes(&c, v4, sizeof(v4)) || c.left > 0)
                return DNS_E_RECORD;
        *ret = addr_from_v4(v4);
        return 0;
}

static void put_address(struct dns_answer *answer, const struct addr *addr, uint32_t ttl)
{
        for (unsigned i = 0; i < answer->n_addresses; i++)
                if (addr_equal(&answer->addresses[i].addr, addr)) {
                        answer->addresses[i].ttl = MIN(answer->addresses[i].ttl, ttl);
                        return;
                }
        if (answer->n_addresses < LIMIT_DNS_ADDRESSES)
                answer->addresses[answer->n_addresses++] = (struct dns_address){ .addr = *addr, .ttl = ttl };
}

static bool is_asked_for(uint16_t type, uint16_t qtype)
{
        return (type == DNS_TYPE_A || type == DNS_TYPE_AAAA) && (type == qtype || qtype == DNS_TYPE_ANY);
}

/* The addresses of `name`, which is reached within `ttl` seconds. */
static int take_addresses(const struct section *section, const struct dns_name *name, uint32_t ttl, struct dns_answer *answer)
{
        for (unsigned i = 0; i < section->n; i++) {
                const struct record *record = &section->records[i];
                struct addr addr;
                int r;

                if (!is_asked_for(record->type, answer->qtype) || !same_name(&record->owner, name))
                        continue;
                r = take_address(record, &addr);
                if (r != 0)
                        return r;
                put_address(answer, &addr, MIN(ttl, record->ttl));
        }
        return 0;
}

/* `c` stands at the first of the message's `n` answers. */
static int take_answers(const struct message *message, struct cursor *c, unsigned n, struct dns_name *name, struct dns_answer *answer)
{
        struct section section;
        uint32_t ttl = TTL_MAX;
        bool found = true;
        int r;

        section.message = *message;
        section.n = 0; /* the records are 100 KB: not worth being cleared */
        r = take_records(&section, c, n);
        for (unsigned i = 0; r == 0 && found; i++) {
                r = follow_alias(&section, name, &ttl, &found);
                if (r == 0 && found && i >= LIMIT_DNS_CHAIN)
                        r = DNS_E_CHAIN;
        }
        return r != 0 ? r : take_addresses(&section, name, ttl, answer);
}

static int take_question(const struct message *message, struct cursor *c, struct dns_name *ret_name, struct dns_answer *answer)
{
        uint16_t class;
        int r = take_name(message, c, ret_name);

        if (r != 0)
                return r;
        if (!cursor_be16(c, &answer->qtype) || !cursor_be16(c, &class))
                return DNS_E_CUT;
        if (class != CLASS_IN)
                return DNS_E_QUESTION;
        return write_hostname(ret_name, answer->name);
}

int dns_parse(const void *data, size_t n, struct dns_answer *ret)
{
        const struct message message = { .data = data, .n = n };
        struct cursor c = cursor_of(data, n);
        struct dns_answer answer = { 0 };
        uint16_t flags, n_questions, n_answers;
        struct dns_name name;
        int r;

        if (n > LIMIT_PROBE_BYTES)
                return DNS_E_TOO_LONG;
        if (!cursor_be16(&c, &answer.id) || !cursor_be16(&c, &flags) || !cursor_be16(&c, &n_questions) || !cursor_be16(&c, &n_answers) ||
            !cursor_skip(&c, 4))
                return DNS_E_CUT;
        if (flags & OPCODE)
                return DNS_E_OPCODE;
        if (n_questions != 1)
                return DNS_E_QUESTION;
        answer.is_response = flags & FLAG_RESPONSE;
        answer.truncated = flags & FLAG_TRUNCATED;
        answer.rcode = flags & RCODE;
        r = take_question(&message, &c, &name, &answer);
        if (r == 0 && answer.is_response)
                r = take_answers(&message, &c, n_answers, &name, &answer);
        if (r != 0)
                return r;
        *ret = answer;
        return 0;
}

const char *dns_error_text(int error)
{
        static const char *const TEXTS[DNS_ERROR_COUNT] = {
                [0] = "understood",
                [DNS_E_CUT] = "ends too early",
                [DNS_E_TOO_LONG] = "is too long",
                [DNS_E_OPCODE] = "is neither a query nor its answer",
                [DNS_E_QUESTION] = "has not one question of class IN",
                [DNS_E_NAME] = "has a malformed name",
                [DNS_E_HOSTNAME] = "asks for a name that no host can have",
                [DNS_E_RECORD] = "has a malformed record",
                [DNS_E_CHAIN] = "has too many aliases, or a ring of them",
                [DNS_E_SERIAL] = "came back malformed from the parser",
        };

        return error >= 0 && error < DNS_ERROR_COUNT ? TEXTS[error] : TEXTS[DNS_E_SERIAL];
}

/* The compact form. */

static uint8_t *put(uint8_t *at, uint64_t value, unsigned n)
{
        while (n-- > 0)
                *at++ = (uint8_t)(value >> 8 * n);
        return at;
}

size_t dns_answer_write(const struct dns_answer *answer, int error, uint8_t ret[DNS_SERIAL_MAX])
{
        size_t n_name;
        uint8_t *at;

        at = put(ret, (uint64_t)error, 1);
        if (error != 0)
                return 1;
        n_name = strlen(answer->name);
        at = put(at, answer->id, 2);
        at = put(at, (answer->is_response ? SERIAL_RESPONSE : 0) | (answer->truncated ? SERIAL_TRUNCATED : 0), 1);
        at = put(at, answer->rcode, 1);
        at = put(at, answer->qtype, 2);
        at = put(at, n_name, 1);
        memcpy(at, answer->name, n_name);
        at = put(at + n_name, answer->n_addresses, 1);
        for (unsigned i = 0; i < answer->n_addresses; i++) {
                memcpy(at, answer->addresses[i].addr.bytes, sizeof(answer->addresses[i].addr.bytes));
                at = put(at + sizeof(answer->addresses[i].addr.bytes), answer->addresses[i].ttl, 4);
        }
        return (size_t)(at - ret);
}

static bool read_header(struct cursor *c, struct dns_answer *answer)
{
        uint8_t flags, n_name;

        if (!cursor_be16(c, &answer->id) || !cursor_u8(c, &flags) || !cursor_u8(c, &answer->rcode) || !cursor_be16(c, &answer->qtype))
                return false;
        if ((flags & ~(SERIAL_RESPONSE | SERIAL_TRUNCATED)) || answer->rcode > RCODE)
                return false;
        answer->is_response = flags & SERIAL_RESPONSE;
        answer->truncated = flags & SERIAL_TRUNCATED;
        if (!cursor_u8(c, &n_name) || n_name >= DNS_NAME_MAX || !cursor_bytes(c, answer->name, n_name))
                return false;
        answer->name[n_name] = 0;
        return strlen(answer->name) == n_name && dns_is_hostname(answer->name);
}

/* An A record holds no IPv6 address, a query none at all, and none comes twice. */
static bool read_address(struct cursor *c, struct dns_answer *answer)
{
        struct addr addr;
        uint32_t ttl;
        unsigned n = answer->n_addresses;

        if (!cursor_bytes(c, addr.bytes, sizeof(addr.bytes)) || !cursor_be32(c, &ttl) || ttl > TTL_MAX)
                return false;
        if (answer->qtype == DNS_TYPE_A && !addr_is_v4(&addr))
                return false;
        put_address(answer, &addr, ttl);
        return answer->n_addresses == n + 1;
}

int dns_answer_read(const void *data, size_t n, struct dns_answer *ret)
{
        struct cursor c = cursor_of(data, n);
        struct dns_answer answer = { 0 };
        uint8_t outcome, n_addresses;

        if (!cursor_u8(&c, &outcome))
                return DNS_E_SERIAL;
        if (outcome != 0)
                return c.left == 0 && outcome < DNS_E_SERIAL ? outcome : DNS_E_SERIAL;
        if (!read_header(&c, &answer) || !cursor_u8(&c, &n_addresses))
                return DNS_E_SERIAL;
        if (n_addresses > 0 && (!answer.is_response || !(is_asked_for(DNS_TYPE_A, answer.qtype) || is_asked_for(DNS_TYPE_AAAA, answer.qtype))))
                return DNS_E_SERIAL;
        for (unsigned i = 0; i < n_addresses; i++)
                if (!read_address(&c, &answer))
                        return DNS_E_SERIAL;
        if (c.left > 0)
                return DNS_E_SERIAL;
        *ret = answer;
        return 0;
}
