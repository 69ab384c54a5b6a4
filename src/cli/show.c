/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Lines are built from padded parts, so that the eye finds program and destination in the same place on each of them; what does
 * not fit its part pushes the rest to the right instead of being cut: a terminal that is too narrow cuts at the end.
 */
#include <errno.h>
#include <string.h>

#include "base/str.h"
#include "cli/show.h"
#include "cli/text.h"

enum { PROGRAM_COLUMNS = 26, REMOTE_COLUMNS = 30 };

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

/* One argument, in quotes where a shell would need them. */
static void show_argument(struct buf *out, const char *argument)
{
        bool quote = !*argument || strpbrk(argument, " \t\n'\"\\$`&|;<>()*?[]{}~#!");

        if (quote)
                buf_putc(out, '\'');
        str_escape(out, argument);
        if (quote)
                buf_putc(out, '\'');
}

void show_arguments(struct buf *out, const struct subject *s)
{
        size_t at = 0;

        if (!s->arguments) {
                buf_puts(out, "unknown");
                return;
        }
        while (at < s->n_arguments) {
                if (at > 0)
                        buf_putc(out, ' ');
                show_argument(out, s->arguments + at);
                at += strlen(s->arguments + at) + 1;
        }
        if (s->arguments_cut)
                buf_puts(out, " …");
}

void show_chain(struct buf *out, const struct subject *s)
{
        for (unsigned i = s->n_ancestors; i > 0; i--) {
                str_escape(out, s->ancestors[i - 1].name);
                buf_puts(out, " ▸ ");
        }
        show_name(out, s);
}

void show_user(struct buf *out, const struct subject *s)
{
        if (s->kind == SUBJECT_PROGRAM)
                text_user(out, s->uid);
}

void show_host_port(struct buf *out, const struct flow *flow, const char *host)
{
        if (!host) {
                record_format_remote(flow, out);
                return;
        }
        str_escape(out, host);
        if (protocol_has_ports(flow->protocol))
                buf_printf(out, ":%u", flow->remote_port);
}

void show_protocol(struct buf *out, const struct flow *flow)
{
        char scratch[4];

        buf_puts(out, protocol_name(flow->protocol, scratch));
}

void show_destination(struct buf *out, const struct flow *flow, const char *host)
{
        char address[ADDR_TEXT_MAX];

        addr_format(&flow->remote, address);
        if (host) {
                str_escape(out, host);
                buf_printf(out, " (%s)", address);
        } else {
                buf_puts(out, address);
        }
        if (protocol_has_ports(flow->protocol))
                buf_printf(out, ", port %u", flow->remote_port);
        buf_puts(out, ", ");
        show_protocol(out, flow);
}

void show_why(struct buf *out, const struct record *r)
{
        if (r->rule) {
                buf_puts(out, "rule ");
                str_escape(out, r->rule);
        } else {
                buf_puts(out, reason_word(r->reason));
        }
        if (r->would_deny)
                buf_puts(out, " (would be denied)");
}

/* Moves what `part` holds to `out`, padded to `columns` but never cut. */
static void put_padded(struct buf *out, struct buf *part, unsigned columns)
{
        char *text = buf_take(part);

        if (!text) {
                out->error = -ENOMEM;
                return;
        }
        buf_puts(out, text);
        for (unsigned used = text_width(text); used < columns; used++)
                buf_putc(out, ' ');
        free(text);
}

/* "curl (4242, alice)" */
static void show_owner(struct buf *out, const struct style *style, const struct subject *s)
{
        _cleanup_(buf_deinit) struct buf part = { 0 };

        buf_puts(&part, style->bold);
        show_name(&part, s);
        buf_puts(&part, style->reset);
        if (s->kind == SUBJECT_PROGRAM) {
                buf_printf(&part, " (%u, ", s->process.pid);
                show_user(&part, s);
                buf_putc(&part, ')');
        }
        put_padded(out, &part, PROGRAM_COLUMNS);
}

static void show_remote(struct buf *out, const struct flow *flow, const char *host, enum direction direction)
{
        _cleanup_(buf_deinit) struct buf part = { 0 };

        show_host_port(&part, flow, host);
        buf_putc(&part, ' ');
        show_protocol(&part, flow);
        buf_puts(out, direction == DIRECTION_IN ? " ← " : " → ");
        put_padded(out, &part, REMOTE_COLUMNS);
        buf_puts(out, "  ");
}

void show_record(struct buf *out, const struct style *style, const struct record *r)
{
        bool allow = r->verdict == VERDICT_ALLOW;

        buf_puts(out, style->dim);
        text_time(out, r->time_us);
        buf_puts(out, style->reset);
        buf_printf(out, " %s%s%s ", !allow ? style->red : r->would_deny ? style->yellow : style->green,
                   allow ? "ALLOW" : "DENY ", style->reset);
        show_owner(out, style, r->subject);
        show_remote(out, &r->flow, r->host, r->direction);
        buf_puts(out, style->dim);
        show_why(out, r);
        buf_puts(out, style->reset);
}

void show_connection(struct buf *out, const struct style *style, const struct connection *c)
{
        show_owner(out, style, c->subject);
        show_remote(out, &c->flow, NULL, c->direction);
        buf_puts(out, style->dim);
        show_chain(out, c->subject);
        buf_puts(out, style->reset);
}

void show_prompt(struct buf *out, const struct style *style, const struct prompt *p)
{
        show_owner(out, style, p->subject);
        show_remote(out, &p->flow, p->host, DIRECTION_OUT);
        buf_puts(out, style->dim);
        show_chain(out, p->subject);
        buf_puts(out, style->reset);
}

void show_answer(struct buf *out, const struct answer *a)
{
        buf_printf(out, "%s %s", a->allow ? "allow" : "deny", lifetime_name(a->lifetime));
        switch (a->scope) {
        case ANSWER_PORT:
                break;
        case ANSWER_ALL_PORTS:
                buf_puts(out, ", all ports");
                break;
        case ANSWER_DESTINATION:
                buf_puts(out, ", this destination");
                break;
        }
}
