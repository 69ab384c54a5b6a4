/* SPDX-License-Identifier: GPL-3.0-or-later */
/* panel-text.h: connections and decisions. */
#include <stdio.h>
#include <string.h>

#include "client/words.h"
#include "gui/i18n.h"
#include "gui/panel-text-shape.h"
#include "gui/panel-text.h"
#include "wire/sentence.h"

static void put_plain(struct buf *out, const char *text)
{
        words_plain(out, text, strlen(text));
}

char *panel_program_name(const struct subject *subject)
{
        return panel_plain(subject_display_name(subject));
}

char *panel_program_path(const struct subject *subject)
{
        _cleanup_(buf_deinit) struct buf out = { 0 };

        if (subject->kind == SUBJECT_KERNEL)
                buf_puts(&out, _("the kernel itself"));
        else if (subject->kind == SUBJECT_UNKNOWN)
                buf_puts(&out, _("no program was found"));
        else if (*subject->path)
                put_plain(&out, subject->path);
        else
                buf_puts(&out, _("its file could not be read"));
        if (subject->path_deleted)
                buf_puts(&out, _(" (deleted)"));
        else if (subject->path_foreign)
                buf_puts(&out, _(" (in a container)"));
        return panel_take(&out);
}

char *panel_flow_remote(const struct flow *flow, const char *host)
{
        _cleanup_(buf_deinit) struct buf out = { 0 };
        char text[ADDR_TEXT_MAX];

        addr_format(&flow->remote, text);
        if (!host) {
                buf_puts(&out, text);
                return panel_take(&out);
        }
        put_plain(&out, host);
        buf_printf(&out, " (%s)", text);
        return panel_take(&out);
}

/* The few names that people know a port by. The services database would be a file to read and, by the name service, more than that. */
static const char *port_name(uint16_t port)
{
        static const struct {
                uint16_t port;
                const char *name;
        } names[] = { { 21, "ftp" }, { 22, "ssh" }, { 25, "smtp" }, { 53, "domain" }, { 80, "http" }, { 110, "pop3" }, { 123, "ntp" }, { 143, "imap" }, { 443, "https" },
                      { 465, "smtps" }, { 587, "submission" }, { 631, "ipp" }, { 853, "dns over tls" }, { 993, "imaps" }, { 995, "pop3s" }, { 5353, "mdns" } };

        for (size_t i = 0; i < ARRAY_SIZE(names); i++)
                if (names[i].port == port)
                        return names[i].name;
        return NULL;
}

static void put_port(struct buf *out, uint16_t port)
{
        const char *name = port_name(port);

        buf_printf(out, _("port %u"), port);
        if (name)
                buf_printf(out, " (%s)", name);
}

char *panel_flow_details(const struct connection *connection)
{
        static const char *const states[] = { [CONNECTION_CONNECTING] = N_("connecting"), [CONNECTION_ESTABLISHED] = N_("established"), [CONNECTION_CLOSING] = N_("closing") };
        const struct flow *flow = &connection->flow;
        _cleanup_(buf_deinit) struct buf out = { 0 };
        char scratch[4];

        if (protocol_has_ports(flow->protocol)) {
                put_port(&out, flow->remote_port);
                buf_puts(&out, " · ");
        }
        buf_puts(&out, protocol_name(flow->protocol, scratch));
        if (connection->direction == DIRECTION_IN)
                buf_puts(&out, _(" · from outside"));
        if (connection->state != CONNECTION_STATELESS)
                buf_printf(&out, " · %s", _(states[connection->state]));
        if (connection->has_bytes) {
                buf_puts(&out, " · ↓ ");
                words_bytes(&out, connection->bytes_in);
                buf_puts(&out, "  ↑ ");
                words_bytes(&out, connection->bytes_out);
        }
        return panel_take(&out);
}

static void put_rate(struct buf *out, uint64_t bytes)
{
        words_bytes(out, bytes);
        buf_puts(out, _("/s"));
}

char *panel_rate(uint64_t bytes)
{
        _cleanup_(buf_deinit) struct buf out = { 0 };

        put_rate(&out, bytes);
        return panel_take(&out);
}

char *panel_rates(uint64_t in, uint64_t out_rate)
{
        _cleanup_(buf_deinit) struct buf out = { 0 };

        buf_puts(&out, "↓ ");
        put_rate(&out, in);
        buf_puts(&out, "  ↑ ");
        put_rate(&out, out_rate);
        return panel_take(&out);
}

char *panel_connections_count(unsigned n)
{
        _cleanup_(buf_deinit) struct buf out = { 0 };

        buf_printf(&out, ngettext_("%u connection", "%u connections", n), n);
        return panel_take(&out);
}

/* ---- a rule about a connection ------------------------------------------------------------------------------------------------- */

const char *panel_reach_title(enum panel_reach reach)
{
        static const char *const titles[REACH_COUNT] = { N_("To there, on this port"), N_("To this host, on any port"), N_("To anywhere, on this port"), N_("Everything of this program") };

        return _(titles[reach]);
}

static int set_subject(struct rule *rule, const struct subject *subject)
{
        const char *path = subject_rule_path(subject);

        if (subject->kind == SUBJECT_KERNEL || subject->kind == SUBJECT_UNKNOWN) {
                rule->subject = subject->kind == SUBJECT_KERNEL ? RULE_KERNEL : RULE_UNKNOWN;
                return 0;
        }
        if (!path && !*subject->name)
                return -1;
        rule->subject = path && *path ? RULE_PATH : RULE_NAME;
        rule->program = strdup(path && *path ? path : subject->name);
        return rule->program && *rule->program ? 0 : -1;
}

static int set_destination(struct rule *rule, const struct flow *flow, const char *host)
{
        /* A name that rules may not have, of whatever form, is not the only thing known: its address is. */
        if (host && rule_add_text(rule, CRITERION_HOST, host) == 0)
                return 0;
        return rule_add_network(rule, &flow->remote, 128);
}

static int set_reach(struct rule *rule, const struct flow *flow, const char *host, enum panel_reach reach)
{
        bool has_port = protocol_has_ports(flow->protocol) && flow->remote_port;

        switch (reach) {
        case REACH_DESTINATION:
                if (set_destination(rule, flow, host) != 0)
                        return -1;
                return has_port ? rule_add_ports(rule, flow->remote_port, flow->remote_port) : 0;
        case REACH_HOST:
                return host ? rule_add_text(rule, CRITERION_HOST, host) : -1;
        case REACH_PORT:
                return has_port ? rule_add_ports(rule, flow->remote_port, flow->remote_port) : -1;
        case REACH_PROGRAM:
        case REACH_COUNT:
                return 0;
        }
        return -1;
}

char *panel_flow_sentence(const struct subject *subject, const struct flow *flow, const char *host, enum action action, enum panel_reach reach)
{
        _cleanup_(rule_freep) struct rule *rule = rule_new(action);
        _cleanup_(buf_deinit) struct buf out = { 0 };

        if (!rule || set_subject(rule, subject) != 0 || set_reach(rule, flow, host, reach) != 0)
                return NULL;
        sentence_format(rule, &out);
        return panel_take(&out);
}

/* ---- decisions ----------------------------------------------------------------------------------------------------------------- */

char *panel_decision_title(const struct record *record)
{
        _cleanup_(buf_deinit) struct buf out = { 0 };
        char text[ADDR_TEXT_MAX];

        put_plain(&out, subject_display_name(record->subject));
        buf_puts(&out, " → ");
        put_plain(&out, hosts_first(&record->hosts) ? hosts_first(&record->hosts) : addr_format(&record->flow.remote, text));
        if (record->flow.remote_port) {
                buf_puts(&out, ", ");
                put_port(&out, record->flow.remote_port);
        }
        return panel_take(&out);
}

char *panel_decision_details(const struct record *record)
{
        _cleanup_(buf_deinit) struct buf out = { 0 };

        if (record->is_summary && record->n_connections > 1)
                buf_printf(&out, ngettext_("%llu connection · ", "%llu connections · ", record->n_connections), (unsigned long long)record->n_connections);
        if (record->rule) {
                buf_puts(&out, _("rule "));
                put_plain(&out, record->rule);
        } else {
                buf_puts(&out, reason_word(record->reason));
        }
        return panel_take(&out);
}
