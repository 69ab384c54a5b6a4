/* SPDX-License-Identifier: GPL-3.0-or-later */
/* panel-text.h: connections. */
#include <stdio.h>
#include <string.h>

#include "client/words.h"
#include "core/limits.h"
#include "gui/i18n.h"
#include "gui/panel-text-shape.h"
#include "gui/panel-text.h"
#include "gui/view-text.h"
#include "wire/sentence.h"

char *panel_program_name(const struct subject *subject)
{
        return panel_plain(subject_display_name(subject));
}

char *panel_program_path(const struct subject *subject)
{
        _cleanup_(freep) char *path = panel_plain(subject->path);
        _cleanup_(buf_deinit) struct buf out = { 0 };

        if (subject->kind == SUBJECT_KERNEL)
                buf_puts(&out, _("the kernel itself"));
        else if (subject->kind == SUBJECT_UNKNOWN)
                buf_puts(&out, _("no program was found"));
        else if (!*path)
                buf_puts(&out, _("its file could not be read"));
        else if (subject->path_deleted)
                buf_printf(&out, _("%s (deleted)"), path);
        else if (subject->path_foreign)
                buf_printf(&out, _("%s (in a container)"), path);
        else
                buf_puts(&out, path);
        return panel_take(&out);
}

char *panel_place(const struct flow *flow, const char *host)
{
        _cleanup_(buf_deinit) struct buf out = { 0 };

        view_place(&out, flow, host, LIMIT_NAME);
        return panel_take(&out);
}

char *panel_flow_details(const struct connection *connection)
{
        static const char *const states[] = { [CONNECTION_CONNECTING] = N_("connecting"), [CONNECTION_ESTABLISHED] = N_("established"), [CONNECTION_CLOSING] = N_("closing") };
        const struct flow *flow = &connection->flow;
        _cleanup_(buf_deinit) struct buf out = { 0 };
        char address[ADDR_TEXT_MAX], scratch[4];
        const char *port = protocol_has_ports(flow->protocol) ? view_port_name(flow->remote_port) : NULL;

        if (hosts_first(&connection->hosts))
                panel_put_part(&out, addr_format(&flow->remote, address));
        if (port)
                panel_put_part(&out, port);
        panel_put_part(&out, protocol_name(flow->protocol, scratch));
        if (connection->direction == DIRECTION_IN)
                panel_put_part(&out, _("from outside"));
        if (connection->state != CONNECTION_STATELESS)
                panel_put_part(&out, _(states[connection->state]));
        if (connection->has_bytes) {
                _cleanup_(freep) char *in = panel_bytes(connection->bytes_in), *sent = panel_bytes(connection->bytes_out);

                panel_begin_part(&out);
                buf_printf(&out, "↓ %s  ↑ %s", in, sent);
        }
        return panel_take(&out);
}

char *panel_rate(uint64_t bytes)
{
        _cleanup_(freep) char *amount = panel_bytes(bytes);
        _cleanup_(buf_deinit) struct buf out = { 0 };

        buf_printf(&out, _("%s/s"), amount);
        return panel_take(&out);
}

char *panel_rates(uint64_t in, uint64_t out_rate)
{
        _cleanup_(freep) char *down = panel_rate(in), *up = panel_rate(out_rate);
        _cleanup_(buf_deinit) struct buf out = { 0 };

        buf_printf(&out, "↓ %s  ↑ %s", down, up);
        return panel_take(&out);
}

char *panel_connections_count(uint64_t n)
{
        _cleanup_(freep) char *number = panel_number(n);
        _cleanup_(buf_deinit) struct buf out = { 0 };

        buf_printf(&out, ngettext_("%s connection", "%s connections", n), number);
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
