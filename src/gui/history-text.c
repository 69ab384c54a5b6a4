/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Theory in the header. */
#include "gui/history-text.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "client/words.h"
#include "gui/i18n.h"
#include "gui/panel-text.h"
#include "wire/sentence.h"

static void put_plain(struct buf *out, const char *s)
{
        words_plain(out, s, strlen(s));
}

void history_text_place(struct buf *out, const struct flow *flow, const char *host)
{
        char scratch[4], address[ADDR_TEXT_MAX];

        if (!protocol_has_ports(flow->protocol)) {
                buf_printf(out, _("%s to "), protocol_name(flow->protocol, scratch));
                put_plain(out, host ? host : addr_format(&flow->remote, address));
                return;
        }
        if (host) {
                put_plain(out, host);
                buf_printf(out, ":%u", flow->remote_port);
        } else {
                record_format_remote(flow, out);
        }
}

void history_text_time(struct buf *out, int64_t time_us, int64_t now_us)
{
        const time_t then = (time_t)(time_us / 1000000), now = (time_t)(now_us / 1000000);
        struct tm at, today;
        char words[64] = "";

        if (localtime_r(&then, &at) && localtime_r(&now, &today)) {
                if (at.tm_year != today.tm_year)
                        strftime(words, sizeof(words), "%Y-%m-%d %H:%M:%S", &at);
                else if (at.tm_yday != today.tm_yday)
                        strftime(words, sizeof(words), "%-d %b %H:%M:%S", &at);
                else
                        strftime(words, sizeof(words), "%H:%M:%S", &at);
        }
        buf_puts(out, words);
}

void history_text_verdict(struct buf *out, const struct record *r)
{
        if (r->verdict == VERDICT_DENY)
                buf_puts(out, _("Denied"));
        else
                buf_puts(out, r->would_deny ? _("Allowed, though a rule denies it") : _("Allowed"));
}

void history_text_why(struct buf *out, const struct record *r)
{
        if (r->rule) {
                buf_puts(out, _("rule "));
                put_plain(out, r->rule);
        } else {
                buf_puts(out, _(reason_sentence(r->reason)));
        }
}

static void put_connections(struct buf *out, uint64_t n)
{
        words_number(out, n);
        buf_puts(out, ngettext_(" connection", " connections", n));
}

void history_text_amounts(struct buf *out, const struct record *r)
{
        if (!r->is_summary)
                return;
        put_connections(out, r->n_connections);
        if (r->n_bytes > 0) {
                buf_puts(out, ", ");
                words_bytes(out, r->n_bytes);
        }
}

void history_text_line(struct buf *out, const struct record *r)
{
        if (r->would_deny)
                buf_puts(out, _("would be denied: "));
        history_text_why(out, r);
        if (r->subject->uid != UINT32_MAX) {
                buf_puts(out, " · ");
                words_user(out, r->subject->uid);
        }
        if (r->is_summary)
                buf_puts(out, " · ");
        history_text_amounts(out, r);
}

void history_text_spoken(struct buf *out, const struct record *r, int64_t now_us)
{
        _cleanup_(freep) char *program = panel_program_name(r->subject);

        history_text_verdict(out, r);
        buf_puts(out, ": ");
        buf_puts(out, program);
        buf_puts(out, _(" to "));
        history_text_place(out, &r->flow, hosts_first(&r->hosts));
        buf_puts(out, ", ");
        history_text_time(out, r->time_us, now_us);
        buf_puts(out, ", ");
        history_text_line(out, r);
}

const char *history_text_nothing(enum history_nothing nothing)
{
        static const char *const sentences[] = {
                [HISTORY_NOTHING_FOUND] = N_("No decision is like that. Try other words, or a longer time."),
                [HISTORY_NOTHING_THERE] = N_("There is no history yet. It is written as soon as the firewall has decided something."),
                [HISTORY_NOTHING_DENIED] = N_("You may not read the history: it is for root and members of the group “bastion”."),
                [HISTORY_NOTHING_READ] = N_("The history cannot be read."),
        };

        return _(sentences[nothing]);
}

void history_text_sum(struct buf *out, uint64_t n_allowed, uint64_t n_denied, uint64_t n_bytes)
{
        put_connections(out, n_allowed + n_denied);
        if (n_denied > 0 && n_allowed == 0) {
                buf_puts(out, ngettext_(", denied", ", all denied", n_denied));
        } else if (n_denied > 0) {
                buf_puts(out, ", ");
                words_number(out, n_denied);
                buf_puts(out, _(" of them denied"));
        }
        if (n_bytes > 0) {
                buf_puts(out, ", ");
                words_bytes(out, n_bytes);
        }
}

void history_text_elsewhere(struct buf *out, uint64_t n_connections)
{
        buf_puts(out, _("and "));
        put_connections(out, n_connections);
        buf_puts(out, _(" to other places"));
}

void history_text_seen(struct buf *out, int64_t first_us, int64_t last_us, uint32_t uid, int64_t now_us)
{
        if (uid != UINT32_MAX) {
                buf_puts(out, _("of "));
                words_user(out, uid);
                buf_puts(out, ", ");
        }
        buf_puts(out, _("first seen "));
        history_text_time(out, first_us, now_us);
        buf_puts(out, _(", last "));
        history_text_time(out, last_us, now_us);
}

void history_text_origin(struct buf *out, const struct rule *rule)
{
        switch (rule->origin) {
        case ORIGIN_FLAT:
        case ORIGIN_LIST:
                buf_puts(out, _("yours"));
                break;
        case ORIGIN_SESSION:
                buf_puts(out, _("until the firewall restarts"));
                break;
        case ORIGIN_FACTORY:
                buf_puts(out, _("shipped with the firewall"));
                break;
        case ORIGIN_FILE:
                buf_puts(out, _("the administrator's"));
                break;
        }
}

void history_text_span(struct buf *out, int64_t since_us, int64_t until_us, int64_t now_us)
{
        history_text_time(out, since_us, now_us);
        buf_puts(out, " – ");
        history_text_time(out, until_us, now_us);
}

void history_text_stretch(struct buf *out, uint64_t n_allowed, uint64_t n_denied, int64_t since_us, int64_t until_us, int64_t now_us)
{
        words_number(out, n_allowed);
        buf_puts(out, _(" allowed, "));
        words_number(out, n_denied);
        buf_puts(out, _(" denied, "));
        history_text_span(out, since_us, until_us, now_us);
}

void history_text_rule(struct buf *out, const struct rule *rule)
{
        _cleanup_(buf_deinit) struct buf sentence = { 0 };

        sentence_format(rule, &sentence);
        if (buf_error(&sentence))
                out->error = buf_error(&sentence);
        else
                words_plain(out, sentence.data, sentence.n);
}

void history_text_fate(struct buf *out, const struct why_candidate *candidate)
{
        if (candidate->fate >= EXPLAIN_CRITERION) {
                buf_printf(out, candidate->not_known ? _("does not match: not known of this connection: %s") : _("does not match: %s"),
                           explain_fate_word(candidate->fate));
                return;
        }
        switch (candidate->fate) {
        case EXPLAIN_DECIDES:
                buf_puts(out, _("decides"));
                break;
        case EXPLAIN_LOSES:
                buf_printf(out, _("matches, but another comes first, by its %s"), order_step_word(candidate->step));
                break;
        case EXPLAIN_SILENT:
                buf_puts(out, _("matches by name only, and a rule about the path counts instead"));
                break;
        case EXPLAIN_DISABLED:
                buf_puts(out, _("would match, but is switched off"));
                break;
        case EXPLAIN_EXPIRED:
                buf_puts(out, _("would match, but its time is over"));
                break;
        case EXPLAIN_SUBJECT:
        case EXPLAIN_CRITERION: /* it and what follows are above */
        case EXPLAIN_FATE_LAST:
        case EXPLAIN_FATE_COUNT:
                buf_puts(out, _("is about another program"));
                break;
        }
}

void history_text_verdict_today(struct buf *out, const struct why *why)
{
        switch (why->verdict) {
        case VERDICT_ALLOW:
                buf_puts(out, _("Such a connection would be allowed: "));
                break;
        case VERDICT_DENY:
                buf_puts(out, _("Such a connection would be denied: "));
                break;
        case VERDICT_ASK:
                buf_puts(out, _("You would be asked about such a connection: "));
                break;
        }
        buf_puts(out, _(reason_sentence(why->reason)));
}

void history_text_proposal(struct buf *out, const struct proposal *p, int64_t now_us)
{
        const struct amounts *a = &p->amounts;
        char address[ADDR_TEXT_MAX];

        history_text_sum(out, a->n_connections - a->n_denied, a->n_denied, 0);
        buf_puts(out, ", ");
        if (a->n_connections > 1)
                history_text_span(out, a->first_us, a->last_us, now_us);
        else
                history_text_time(out, a->first_us, now_us);
        buf_printf(out, _(", as to %s"), addr_format(&p->example, address));
}

void history_text_surprises(struct buf *out, unsigned surprises)
{
        for (unsigned bit = 1; bit <= SURPRISE_LAST; bit <<= 1)
                if (surprises & bit) {
                        if (out->n > 0)
                                buf_putc(out, '\n');
                        buf_puts(out, _(surprise_sentence(bit)));
                }
}

void history_text_learned(struct buf *out, const struct learn_counts *counts)
{
        words_number(out, counts->n_records);
        buf_puts(out, ngettext_(" connection was recorded, ", " connections were recorded, ", counts->n_records));
        words_number(out, counts->n_undecided);
        buf_puts(out, _(" of them without a rule of today."));
        if (counts->n_nobody > 0) {
                buf_puts(out, _(" No rule can be about the programs of "));
                words_number(out, counts->n_nobody);
                buf_puts(out, _(" (unknown, deleted, in a container)."));
        }
        if (counts->n_left_out > 0) {
                buf_puts(out, _(" There was no room for "));
                words_number(out, counts->n_left_out);
                buf_puts(out, _(": review again when these are decided."));
        }
}
