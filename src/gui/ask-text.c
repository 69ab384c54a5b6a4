/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Theory in the header. */
#include "gui/ask-text.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "client/words.h"
#include "gui/i18n.h"
#include "gui/view-text.h"
#include "wire/sentence.h"

enum { NAME_MAX_CHARACTERS = 48, HOST_MAX_CHARACTERS = 64, ROW_MAX_CHARACTERS = 40, NEAREST_ANCESTORS = 3 };

/* Strings for one format: each argument as it may be shown. */
static char *shortened(const char *s, unsigned max)
{
        _cleanup_(buf_deinit) struct buf out = {0};

        buf_puts(&out, "");
        words_short(&out, s, max);
        return buf_take(&out);
}

/* As they are called, "a program that nobody knows" for who has no name. */
static char *name_of(const struct subject *s, unsigned max)
{
        switch (s->kind) {
        case SUBJECT_KERNEL:
                return strdup(_("The kernel itself"));
        case SUBJECT_UNKNOWN:
                return strdup(_("An unknown program"));
        case SUBJECT_PROGRAM:
                break;
        }
        return shortened(subject_display_name(s), max);
}

/* "example.com (93.184.216.34)" */
static char *place_of(const struct prompt *prompt)
{
        const char *host = hosts_first(&prompt->hosts);
        _cleanup_(buf_deinit) struct buf out = {0};
        char address[ADDR_TEXT_MAX];

        addr_format(&prompt->flow.remote, address);
        if (host)
                words_short(&out, host, HOST_MAX_CHARACTERS);
        buf_printf(&out, host ? " (%s)" : "%s", address);
        return buf_take(&out);
}

/* "port 443 (https)", "UDP port 4711"; TCP goes without saying. */
static char *port_of(const struct flow *flow)
{
        const char *service = view_port_name(flow->remote_port);
        _cleanup_(buf_deinit) struct buf out = {0};
        char scratch[4];

        if (flow->protocol != 6 && protocol_has_ports(flow->protocol))
                buf_printf(&out, "%s ", protocol_name(flow->protocol, scratch));
        buf_printf(&out, _("port %u"), flow->remote_port);
        if (service)
                buf_printf(&out, " (%s)", service);
        return buf_take(&out);
}

char *ask_text_title(const struct prompt *prompt)
{
        _cleanup_(freep) char *name = name_of(prompt->subject, NAME_MAX_CHARACTERS), *place = place_of(prompt), *port = port_of(&prompt->flow);
        _cleanup_(buf_deinit) struct buf out = {0};
        char scratch[4];

        if (!name || !place || !port)
                return NULL;
        if (prompt->whole_program && prompt->n_more > 0)
                buf_printf(&out, ngettext_("%s wants to reach %s and %u other destination", "%s wants to reach %s and %u other destinations", prompt->n_more), name,
                           place, prompt->n_more);
        else if (protocol_has_ports(prompt->flow.protocol))
                buf_printf(&out, _("%s wants to reach %s on %s"), name, place, port);
        else
                buf_printf(&out, _("%s wants to reach %s by %s"), name, place, protocol_name(prompt->flow.protocol, scratch));
        return buf_take(&out);
}

char *ask_text_row(const struct prompt *prompt)
{
        _cleanup_(freep) char *name = name_of(prompt->subject, ROW_MAX_CHARACTERS);
        _cleanup_(buf_deinit) struct buf out = {0};

        if (!name)
                return NULL;
        buf_printf(&out, "%s → ", name);
        view_place(&out, &prompt->flow, hosts_first(&prompt->hosts), ROW_MAX_CHARACTERS);
        return buf_take(&out);
}

/* "21:14" */
static void put_time(struct buf *out, int64_t time_us)
{
        time_t seconds = (time_t)(time_us / 1000000);
        char text[16] = "";
        struct tm local;

        if (localtime_r(&seconds, &local))
                strftime(text, sizeof(text), "%H:%M", &local);
        buf_puts(out, text);
}

static void put_missed(struct buf *out, const struct prompt *prompt)
{
        bool nobody = prompt->state == QUESTION_ABANDONED;
        _cleanup_(buf_deinit) struct buf when = {0};

        put_time(&when, prompt->ended_us);
        if (buf_error(&when))
                out->error = buf_error(&when);
        else if (prompt->verdict == VERDICT_ALLOW)
                buf_printf(out, nobody ? _("Allowed at %s, because nobody was there to answer.") : _("Allowed at %s, because nobody answered in time."), when.data);
        else
                buf_printf(out, nobody ? _("Denied at %s, because nobody was there to answer.") : _("Denied at %s, because nobody answered in time."), when.data);
        buf_printf(out, " %s", _("An answer holds from now on."));
}

char *ask_text_note(const struct prompt *prompt)
{
        _cleanup_(buf_deinit) struct buf out = {0};

        if (prompt->state != QUESTION_OPEN) {
                put_missed(&out, prompt);
        } else if (prompt->learning) {
                buf_puts(&out, _("Learning: nothing is held, the connection has gone already. An answer is recorded and takes effect in enforcement."));
        } else if (prompt->n_connections > 1) {
                buf_printf(&out, ngettext_("%llu connection waits for this answer.", "%llu connections wait for this answer.", prompt->n_connections),
                           (unsigned long long)prompt->n_connections);
        } else {
                return NULL;
        }
        return buf_take(&out);
}

char *ask_text_left(unsigned seconds)
{
        _cleanup_(buf_deinit) struct buf out = {0};

        buf_printf(&out, _("%u s"), seconds);
        return buf_take(&out);
}

char *ask_text_waiting(unsigned others)
{
        _cleanup_(buf_deinit) struct buf out = {0};

        if (others == 0)
                return NULL;
        buf_printf(&out, ngettext_("%u more waiting", "%u more waiting", others), others);
        return buf_take(&out);
}

char *ask_text_missed_row(const struct prompt *prompt)
{
        _cleanup_(buf_deinit) struct buf out = {0};

        buf_printf(&out, "%s, ", prompt->verdict == VERDICT_ALLOW ? _("allowed") : _("denied"));
        put_time(&out, prompt->ended_us);
        return buf_take(&out);
}

/* ---- choices --------------------------------------------------------------------------------------------------------- */

char *ask_text_scope(const struct prompt *prompt, enum answer_scope scope)
{
        const char *host = hosts_first(&prompt->hosts);
        _cleanup_(freep) char *port = port_of(&prompt->flow), *name = shortened(host ? host : "", HOST_MAX_CHARACTERS),
                              *domain = shortened(prompt->domain ? prompt->domain : "", HOST_MAX_CHARACTERS);
        bool has_ports = protocol_has_ports(prompt->flow.protocol);
        _cleanup_(buf_deinit) struct buf out = {0};
        char address[ADDR_TEXT_MAX], scratch[4];
        const char *what = has_ports ? port : protocol_name(prompt->flow.protocol, scratch);

        if (!port || !name || !domain)
                return NULL;
        addr_format(&prompt->flow.remote, address);
        switch (scope) {
        case ANSWER_DESTINATION:
                buf_printf(&out, _("%s, %s"), host ? name : address, what);
                break;
        case ANSWER_ADDRESS:
                buf_printf(&out, _("Only the address %s, %s"), address, what);
                break;
        case ANSWER_HOST:
                buf_printf(&out, _("%s, any port"), name);
                break;
        case ANSWER_DOMAIN:
                buf_printf(&out, _("All of %s, any port"), domain);
                break;
        case ANSWER_PORT:
                buf_printf(&out, _("Anywhere, %s"), port);
                break;
        case ANSWER_ALL_PORTS:
                buf_puts(&out, _("Everything this program does"));
                break;
        }
        return buf_take(&out);
}

char *ask_text_rule(const struct rule *rule)
{
        _cleanup_(buf_deinit) struct buf sentence = {0}, out = {0};

        if (!rule)
                return strdup(_("for these connections only, no rule is written"));
        sentence_format(rule, &sentence);
        if (buf_error(&sentence) || sentence.n == 0)
                return NULL;
        words_plain(&out, sentence.data, sentence.n);
        return buf_take(&out);
}

/* ---- facts ----------------------------------------------------------------------------------------------------------- */

char *ask_text_path(const struct subject *s)
{
        _cleanup_(freep) char *path = shortened(s->path, UINT_MAX), *name = shortened(s->name, UINT_MAX);
        _cleanup_(buf_deinit) struct buf out = {0};

        if (!path || !name)
                return NULL;
        switch (s->kind) {
        case SUBJECT_KERNEL:
                return strdup(_("the kernel itself"));
        case SUBJECT_UNKNOWN:
                return strdup(_("no program was found"));
        case SUBJECT_PROGRAM:
                break;
        }
        if (!*path)
                buf_printf(&out, _("unreadable; calls itself %s"), name);
        else if (s->path_deleted)
                buf_printf(&out, _("%s (the file is gone: no rule by path)"), path);
        else if (s->path_foreign)
                buf_printf(&out, _("%s (in a container: no rule by path)"), path);
        else
                buf_puts(&out, path);
        return buf_take(&out);
}

char *ask_text_arguments(const struct subject *s)
{
        _cleanup_(buf_deinit) struct buf out = {0};

        words_arguments(&out, s);
        return out.n > 0 ? buf_take(&out) : NULL;
}

char *ask_text_started_by(const struct subject *s)
{
        _cleanup_(buf_deinit) struct buf out = {0};

        if (s->n_ancestors == 0)
                return NULL;
        words_chain(&out, s, s->n_ancestors);
        return buf_take(&out);
}

char *ask_text_started_by_short(const struct subject *s)
{
        _cleanup_(buf_deinit) struct buf out = {0};

        if (s->n_ancestors <= NEAREST_ANCESTORS)
                return ask_text_started_by(s);
        buf_puts(&out, "… ▸ ");
        words_chain(&out, s, NEAREST_ANCESTORS);
        return buf_take(&out);
}

char *ask_text_user(const struct subject *s)
{
        _cleanup_(buf_deinit) struct buf name = {0}, out = {0};

        if (s->kind != SUBJECT_PROGRAM)
                return NULL;
        words_user(&name, s->uid);
        if (buf_error(&name) || name.n == 0)
                return NULL;
        words_plain(&out, name.data, name.n);
        return buf_take(&out);
}

char *ask_text_process(const struct subject *s)
{
        _cleanup_(freep) char *name = shortened(s->name, UINT_MAX);
        _cleanup_(buf_deinit) struct buf out = {0};

        if (!name || s->kind != SUBJECT_PROGRAM || s->process.pid == 0)
                return NULL;
        if (*name)
                buf_printf(&out, _("%u, calls itself %s"), s->process.pid, name);
        else
                buf_printf(&out, "%u", s->process.pid);
        return buf_take(&out);
}

/* One more of a list. */
static void put_item(struct buf *list, const char *item, unsigned max)
{
        if (list->n > 0)
                buf_puts(list, ", ");
        words_short(list, item, max);
}

char *ask_text_name_source(const struct prompt *prompt)
{
        const char *source = prompt->hosts.source == HOST_SOURCE_DNS ? _("the answer to the program's own DNS query") : _("supposed");
        _cleanup_(buf_deinit) struct buf out = {0}, others = {0};

        if (prompt->hosts.n == 0)
                return strdup(_("none: the program asked for no name that has this address"));
        for (unsigned i = 1; i < prompt->hosts.n; i++)
                put_item(&others, prompt->hosts.names[i], HOST_MAX_CHARACTERS);
        if (buf_error(&others))
                return NULL;
        if (others.n > 0)
                buf_printf(&out, _("%s; also %s"), source, others.data);
        else
                buf_puts(&out, source);
        return buf_take(&out);
}

char *ask_text_reason(const struct prompt *prompt)
{
        const char *reason = prompt->reason == REASON_RULE ? _("a rule says that you are to be asked") : _(reason_sentence(prompt->reason));
        _cleanup_(buf_deinit) struct buf out = {0}, others = {0};

        for (unsigned i = 0; i < prompt->n_others; i++)
                put_item(&others, subject_display_name(prompt->others[i]), NAME_MAX_CHARACTERS);
        if (buf_error(&others))
                return NULL;
        if (others.n > 0)
                buf_printf(&out, _("%s; it could also be %s"), reason, others.data);
        else
                buf_puts(&out, reason);
        return buf_take(&out);
}

char *ask_text_past(const struct past *past)
{
        _cleanup_(buf_deinit) struct buf out = {0}, counts = {0}, place = {0}, when = {0};

        if (!past->last)
                return strdup(_("nothing: it was never seen before"));
        buf_puts(&counts, "");
        if (past->n_allowed > 0)
                buf_printf(&counts, ngettext_("allowed %llu time", "allowed %llu times", past->n_allowed), (unsigned long long)past->n_allowed);
        if (past->n_allowed > 0 && past->n_denied > 0)
                buf_puts(&counts, ", ");
        if (past->n_denied > 0)
                buf_printf(&counts, ngettext_("denied %llu time", "denied %llu times", past->n_denied), (unsigned long long)past->n_denied);
        view_place(&place, &past->last->flow, hosts_first(&past->last->hosts), HOST_MAX_CHARACTERS);
        put_time(&when, past->last->time_us);
        if (buf_error(&counts) || buf_error(&place) || buf_error(&when))
                return NULL;
        buf_printf(&out, _("%s; last %s at %s"), counts.data, place.data, when.data);
        return buf_take(&out);
}

char *ask_text_package(const char *package)
{
        _cleanup_(freep) char *name = shortened(package ? package : "", NAME_MAX_CHARACTERS);
        _cleanup_(buf_deinit) struct buf out = {0};

        if (!package)
                return strdup(_("not from a package"));
        if (!name)
                return NULL;
        buf_printf(&out, _("from package %s"), name);
        return buf_take(&out);
}
