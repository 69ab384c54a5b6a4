/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The tag in front of a log line is a promise to everybody's grep, so it comes from one table. "[AUTO]" has no verdict
 * in it and is therefore only for what was let through without anybody's word; a deny always says BLOCK.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/str.h"
#include "core/record.h"

int record_init(struct record *r, const struct decision *decision, struct subject *subject, const struct flow *flow, const struct hosts *hosts)
{
        _cleanup_(freep) char *rule = decision->rule ? strdup(decision->rule->id) : NULL;
        struct hosts copy = { .n = 0 };

        if (decision->rule && !rule)
                return -ENOMEM;
        if (hosts && hosts_copy(&copy, hosts) < 0)
                return -ENOMEM;
        *r = (struct record){
                .verdict = decision->verdict,
                .reason = decision->reason,
                .would_deny = decision->would_deny,
                .subject = subject_ref(subject ? subject : subject_unknown()),
                .flow = *flow,
                .hosts = copy,
                .rule = TAKE_PTR(rule),
                .n_connections = 1,
        };
        return 0;
}

int record_init_summary(struct record *r, const struct summary *summary)
{
        const struct hosts hosts = hosts_one(summary->host, HOST_SOURCE_DNS);
        _cleanup_(freep) char *rule = summary->rule ? strdup(summary->rule) : NULL;
        struct hosts copy;

        if ((summary->rule && !rule) || hosts_copy(&copy, &hosts) < 0)
                return -ENOMEM;
        *r = (struct record){
                .time_us = summary->time_us,
                .verdict = summary->verdict,
                .reason = summary->reason,
                .subject = subject_ref(summary->subject ? summary->subject : subject_unknown()),
                .flow = summary->flow,
                .hosts = copy,
                .rule = TAKE_PTR(rule),
                .is_summary = true,
                .n_connections = summary->n_connections,
                .n_bytes = summary->n_bytes,
                .since_us = summary->since_us,
        };
        return 0;
}

void record_deinit(struct record *r)
{
        subject_unref(r->subject);
        hosts_deinit(&r->hosts);
        free(r->rule);
        *r = (struct record){ 0 };
}

void record_format_remote(const struct flow *flow, struct buf *out)
{
        char text[ADDR_TEXT_MAX];

        if (protocol_has_ports(flow->protocol) && flow->remote_port != 0)
                addr_format_port(out, &flow->remote, flow->remote_port);
        else
                buf_puts(out, addr_format(&flow->remote, text));
}

/* The word of the tag; AUTO where nobody said anything and it went through. */
static const char *tag_word(enum reason reason)
{
        switch (reason) {
        case REASON_RULE:
                return "RULE";
        case REASON_USER:
                return "USER";
        case REASON_SESSION:
                return "SESSION";
        case REASON_LEARNING:
        case REASON_ADOPTED:
        case REASON_INBOUND:
        case REASON_KEPT:
        case REASON_CLOSING:
        case REASON_SELF:
        case REASON_OWNER_UNKNOWN:
        case REASON_OWNER_AMBIGUOUS:
        case REASON_NO_RULE:
                return "AUTO";
        case REASON_NOBODY:
        case REASON_TIMEOUT:
        case REASON_CAP:
        case REASON_UNPARSABLE:
        case REASON_FAILURE:
        case REASON_COUNT:
                break;
        }
        return "DEFAULT";
}

static void put_quoted(struct buf *out, const char *key, const char *value)
{
        buf_printf(out, " %s=\"", key);
        str_escape(out, value);
        buf_putc(out, '"');
}

/* Puts the tag and, where the form has it there, the program. */
static void put_head(const struct record *r, struct buf *out)
{
        const char *word = tag_word(r->reason), *app = subject_display_name(r->subject);
        const char *verdict = r->verdict == VERDICT_ALLOW ? "ALLOW" : "BLOCK";
        bool automatic = strcmp(word, "AUTO") == 0;

        if (automatic && !r->would_deny && r->verdict == VERDICT_ALLOW) {
                buf_puts(out, "[AUTO] ");
                str_escape(out, app);
                buf_printf(out, " - %s", reason_sentence(r->reason));
                return;
        }
        if (r->would_deny)
                buf_puts(out, "[LEARN:RULE-DENIED-BUT-ALLOWED]");
        else
                buf_printf(out, "[%s:%s]", automatic ? "DEFAULT" : word, verdict);
        put_quoted(out, "app", app);
}

void record_format_log(const struct record *r, struct buf *out)
{
        _cleanup_(buf_deinit) struct buf remote = { 0 };
        char scratch[4];

        put_head(r, out);
        record_format_remote(&r->flow, &remote);
        if (buf_error(&remote)) {
                out->error = buf_error(&remote);
                return;
        }
        put_quoted(out, "dst", remote.data);
        if (r->subject->uid == UINT32_MAX)
                buf_puts(out, " user=unknown");
        else
                buf_printf(out, " user=%u", r->subject->uid);
        buf_printf(out, " proto=%s", protocol_name(r->flow.protocol, scratch));
        if (r->subject->process.pid != 0)
                buf_printf(out, " pid=%u", r->subject->process.pid);
        if (r->subject->path[0])
                put_quoted(out, "path", r->subject->path);
        if (hosts_first(&r->hosts))
                put_quoted(out, "host", hosts_first(&r->hosts));
        if (r->rule)
                put_quoted(out, "rule", r->rule);
        buf_printf(out, " reason=%s", reason_word(r->reason));
        if (r->is_summary)
                buf_printf(out, " count=%" PRIu64 " bytes=%" PRIu64, r->n_connections, r->n_bytes);
}
