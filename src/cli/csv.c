/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Theory in the header. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/str.h"
#include "cli/csv.h"

enum { US_PER_SECOND = 1000000 };

void csv_header(struct buf *out)
{
        buf_puts(out, "time,verdict,reason,rule,would_deny,kind,path,name,pid,uid,protocol,direction,local_ip,local_port,remote_ip,remote_port,"
                      "host,count,bytes,since\r\n");
}

/* RFC 4180, 2.6 and 2.7: in quotes where it has a comma or a quote, and the quote twice. It has no line breaks. */
static void put_field(struct buf *out, const char *text)
{
        const bool quote = strpbrk(text, ",\"") != NULL;

        if (quote)
                buf_putc(out, '"');
        for (; *text; text++) {
                if (*text == '"')
                        buf_putc(out, '"');
                buf_putc(out, *text);
        }
        if (quote)
                buf_putc(out, '"');
}

/* What a stranger chose, NULL for nothing; and the comma before the next field. */
static void put_text(struct buf *out, const char *text)
{
        _cleanup_(buf_deinit) struct buf escaped = { 0 };

        str_escape(&escaped, text ? text : "");
        if (buf_error(&escaped))
                out->error = buf_error(&escaped);
        else
                put_field(out, escaped.n > 0 ? escaped.data : "");
        buf_putc(out, ',');
}

static void put_number(struct buf *out, bool known, uint64_t n)
{
        if (known)
                buf_printf(out, "%" PRIu64, n);
        buf_putc(out, ',');
}

static void put_time(struct buf *out, int64_t time_us)
{
        const time_t seconds = (time_t)(time_us / US_PER_SECOND);
        char text[32];
        struct tm tm;

        if (!gmtime_r(&seconds, &tm))
                return; /* a year beyond what a year can be: no time */
        strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm);
        buf_printf(out, "%s.%06dZ", text, (int)(time_us % US_PER_SECOND));
}

static void put_end(struct buf *out, const struct addr *address, uint16_t port, bool has_ports)
{
        char text[ADDR_TEXT_MAX];

        put_text(out, addr_format(address, text));
        put_number(out, has_ports, port);
}

static const char *kind_word(enum subject_kind kind)
{
        switch (kind) {
        case SUBJECT_PROGRAM:
                return "program";
        case SUBJECT_KERNEL:
                return "kernel";
        case SUBJECT_UNKNOWN:
                break;
        }
        return "unknown";
}

static void put_program(struct buf *out, const struct subject *s)
{
        put_text(out, kind_word(s->kind));
        put_text(out, s->path);
        put_text(out, s->name);
        put_number(out, s->process.pid != 0, s->process.pid);
        put_number(out, s->uid != UINT32_MAX, s->uid);
}

void csv_record(struct buf *out, const struct record *r)
{
        const bool has_ports = protocol_has_ports(r->flow.protocol);
        char scratch[4];

        put_time(out, r->time_us);
        buf_printf(out, ",%s,%s,", verdict_name(r->verdict), reason_word(r->reason));
        put_text(out, r->rule);
        put_text(out, r->would_deny ? "true" : "false");
        put_program(out, r->subject);
        put_text(out, protocol_name(r->flow.protocol, scratch));
        put_text(out, r->direction == DIRECTION_IN ? "in" : "out");
        put_end(out, &r->flow.local, r->flow.local_port, has_ports);
        put_end(out, &r->flow.remote, r->flow.remote_port, has_ports);
        put_text(out, hosts_first(&r->hosts));
        put_number(out, true, r->n_connections);
        put_number(out, r->is_summary, r->n_bytes);
        if (r->is_summary)
                put_time(out, r->since_us);
        buf_puts(out, "\r\n");
}
