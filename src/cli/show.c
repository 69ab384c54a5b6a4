/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Lines are built from padded parts, so that the eye finds program and destination in the same place on each
 * of them. On a screen of known width a part that is too long is cut; in a pipe nothing is.
 */
#include <errno.h>
#include <string.h>

#include "base/str.h"
#include "cli/show.h"
#include "cli/text.h"
#include "client/words.h"
#include "wire/sentence.h"

/* On a narrow terminal: time, verdict, a short name and the arrow stand before the remote end. */
enum { NARROW_COLUMNS = 60, BEFORE_REMOTE_NARROW = 15 + 12 + 3, BEFORE_CHAIN = 15 + 3 + 2 };

static void put_part(struct buf *out, const struct buf *part, unsigned columns, bool cut)
{
        if (buf_error(part)) {
                out->error = buf_error(part);
                return;
        }
        if (cut) {
                text_pad(out, part->n > 0 ? part->data : "", columns);
                return;
        }
        buf_append(out, part->data, part->n);
        for (unsigned used = part->n > 0 ? text_width(part->data) : 0; used < columns; used++)
                buf_putc(out, ' ');
}

void show_name(struct buf *out, const struct subject *s)
{
        str_escape(out, subject_display_name(s));
}

void show_path(struct buf *out, const struct subject *s)
{
        switch (s->kind) {
        case SUBJECT_KERNEL:
                buf_puts(out, "the kernel itself");
                return;
        case SUBJECT_UNKNOWN:
                buf_puts(out, "unknown: no program was found");
                return;
        case SUBJECT_PROGRAM:
                break;
        }
        if (!*s->path) {
                buf_puts(out, "unreadable; calls itself ");
                str_escape(out, s->name);
                return;
        }
        str_escape(out, s->path);
        if (s->path_deleted)
                buf_puts(out, " (the file is gone: no rule by path)");
        else if (s->path_foreign)
                buf_puts(out, " (in a container: no rule by path)");
}

void show_arguments(struct buf *out, const struct subject *s)
{
        if (s->arguments)
                words_arguments(out, s);
        else
                buf_puts(out, "unknown");
}

void show_chain(struct buf *out, const struct subject *s, unsigned columns)
{
        _cleanup_(buf_deinit) struct buf chain = {0};
        unsigned oldest = s->n_ancestors;

        words_chain(&chain, s, oldest);
        while (columns > 0 && oldest > 0 && !buf_error(&chain) && text_width(chain.data) > columns) {
                buf_reset(&chain);
                buf_puts(&chain, "… ▸ ");
                words_chain(&chain, s, --oldest);
        }
        put_part(out, &chain, 0, false);
}

void show_user(struct buf *out, const struct subject *s)
{
        if (s->kind == SUBJECT_PROGRAM)
                words_user(out, s->uid);
}

void show_host_port(struct buf *out, const struct flow *flow, const struct hosts *hosts)
{
        const char *host = hosts_first(hosts);

        if (!host) {
                record_format_remote(flow, out);
                return;
        }
        str_escape(out, host);
        if (protocol_has_ports(flow->protocol))
                buf_printf(out, ":%u", flow->remote_port);
}

void show_also(struct buf *out, const struct hosts *hosts)
{
        for (unsigned i = 1; i < hosts->n; i++) {
                buf_puts(out, i == 1 ? " (also " : ", ");
                str_escape(out, hosts->names[i]);
        }
        if (hosts->n > 1)
                buf_putc(out, ')');
}

void show_protocol(struct buf *out, const struct flow *flow)
{
        char scratch[4];

        buf_puts(out, protocol_name(flow->protocol, scratch));
}

void show_destination(struct buf *out, const struct flow *flow, const struct hosts *hosts)
{
        const char *host = hosts_first(hosts);
        char address[ADDR_TEXT_MAX];

        addr_format(&flow->remote, address);
        if (host) {
                str_escape(out, host);
                show_also(out, hosts);
                buf_printf(out, hosts->n > 1 ? " at %s" : " (%s)", address);
        } else {
                buf_puts(out, address);
        }
        if (protocol_has_ports(flow->protocol))
                buf_printf(out, ", port %u", flow->remote_port);
        buf_puts(out, ", ");
        show_protocol(out, flow);
}

void show_sentence(struct buf *out, const struct rule *rule)
{
        _cleanup_(buf_deinit) struct buf sentence = {0};

        sentence_format(rule, &sentence);
        if (buf_error(&sentence))
                out->error = buf_error(&sentence);
        else
                words_plain(out, sentence.data, sentence.n);
}

void show_why(struct buf *out, const struct record *r)
{
        if (r->would_deny)
                buf_puts(out, "would be denied: ");
        if (r->rule) {
                buf_puts(out, "rule ");
                str_escape(out, r->rule);
        } else {
                buf_puts(out, reason_word(r->reason));
        }
}

/* How a line's parts share `columns`. */
struct layout {
        bool cut;    /* keep to it; else a long part pushes the rest to the right */
        bool narrow; /* no room for process and user */
        unsigned program, remote;
};

static struct layout layout_of(unsigned columns)
{
        struct layout l = {.cut = columns > 0, .program = 26, .remote = columns >= 120 ? 48 : 30};

        if (columns > 0 && columns < NARROW_COLUMNS) {
                l.narrow = true;
                l.program = 12;
                l.remote = columns > BEFORE_REMOTE_NARROW ? columns - BEFORE_REMOTE_NARROW : 1;
        }
        return l;
}

/* "curl (4242, alice)": of a name that is too long the end is cut, and process and user stay. */
static void show_owner(struct buf *out, const struct style *style, const struct layout *l,
                       const struct subject *s)
{
        _cleanup_(buf_deinit) struct buf part = {0}, name = {0}, rest = {0};
        unsigned room;

        if (s->kind == SUBJECT_PROGRAM && !l->narrow) {
                buf_printf(&rest, " (%u, ", s->process.pid);
                show_user(&rest, s);
                buf_putc(&rest, ')');
        }
        room = rest.n > 0 ? text_width(rest.data) : 0;
        room = l->program > room ? l->program - room : 0;
        show_name(&name, s);
        buf_puts(&part, style->bold);
        if (!buf_error(&name) && name.n > 0)
                text_cut(&part, name.data, l->cut ? room : text_width(name.data));
        buf_puts(&part, style->reset);
        buf_append(&part, rest.data, rest.n);
        put_part(out, &part, l->program, l->cut);
}

static void show_remote(struct buf *out, const struct layout *l, const struct flow *flow,
                        const struct hosts *hosts, enum direction direction)
{
        _cleanup_(buf_deinit) struct buf part = {0};

        show_host_port(&part, flow, hosts);
        buf_putc(&part, ' ');
        show_protocol(&part, flow);
        buf_puts(out, direction == DIRECTION_IN ? " ← " : " → ");
        put_part(out, &part, l->remote, l->cut);
        buf_puts(out, " ");
        show_also(out, hosts);
        buf_puts(out, " ");
}

/* "57 connections, 12 kB, " of a summary. */
static void show_amount(struct buf *out, const struct record *r)
{
        if (!r->is_summary)
                return;
        words_number(out, r->n_connections);
        buf_puts(out, r->n_connections == 1 ? " connection, " : " connections, ");
        words_bytes(out, r->n_bytes);
        buf_puts(out, ", ");
}

void show_record(struct buf *out, const struct style *style, unsigned columns, const struct record *r)
{
        struct layout l = layout_of(columns);
        bool allow = r->verdict == VERDICT_ALLOW;

        buf_puts(out, style->dim);
        text_time(out, r->time_us);
        buf_puts(out, style->reset);
        buf_printf(out, " %s%s%s ",
                   !allow          ? style->red
                   : r->would_deny ? style->yellow
                                   : style->green,
                   allow ? "ALLOW" : "DENY ", style->reset);
        show_owner(out, style, &l, r->subject);
        show_remote(out, &l, &r->flow, &r->hosts, r->direction);
        buf_puts(out, style->dim);
        show_amount(out, r);
        show_why(out, r);
        buf_puts(out, style->reset);
}

static void show_talk(struct buf *out, const struct style *style, unsigned columns,
                      const struct subject *subject, const struct flow *flow, const struct hosts *hosts,
                      enum direction direction)
{
        struct layout l = layout_of(columns);
        unsigned before = BEFORE_CHAIN + l.program + l.remote;

        show_owner(out, style, &l, subject);
        show_remote(out, &l, flow, hosts, direction);
        buf_puts(out, style->dim);
        show_chain(out, subject, columns > before ? columns - before : columns > 0 ? 1 : 0);
        buf_puts(out, style->reset);
}

void show_connection(struct buf *out, const struct style *style, unsigned columns, const struct connection *c)
{
        show_talk(out, style, columns, c->subject, &c->flow, &c->hosts, c->direction);
}

void show_prompt(struct buf *out, const struct style *style, unsigned columns, const struct prompt *p)
{
        show_talk(out, style, columns, p->subject, &p->flow, &p->hosts, DIRECTION_OUT);
}

void show_lifetime(struct buf *out, const struct answer *a)
{
        if (a->lifetime == LIFETIME_UNTIL && a->ending.lasts > 0) {
                buf_puts(out, "for ");
                duration_format(a->ending.lasts, out);
        } else if (a->lifetime == LIFETIME_REBOOT) {
                buf_puts(out, "until reboot");
        } else if (a->lifetime == LIFETIME_PROCESS) {
                buf_puts(out, "while it runs");
        } else {
                buf_puts(out, lifetime_name(a->lifetime));
        }
}

void show_answer(struct buf *out, const struct answer *a)
{
        buf_puts(out, a->allow ? "allow " : "deny ");
        show_lifetime(out, a);
        switch (a->scope) {
        case ANSWER_PORT:
                break;
        case ANSWER_ALL_PORTS:
                buf_puts(out, ", all ports");
                break;
        case ANSWER_DESTINATION:
                buf_puts(out, ", this destination");
                break;
        case ANSWER_ADDRESS:
                buf_puts(out, ", this address");
                break;
        case ANSWER_HOST:
                buf_puts(out, ", this host");
                break;
        case ANSWER_DOMAIN:
                buf_puts(out, ", this domain");
                break;
        }
}
