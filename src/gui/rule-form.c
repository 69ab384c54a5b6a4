/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Theory in the header. A field's words are what sentence_format() says of a rule that has these criteria only, without what every such sentence begins
 * with. So there is one formatter.
 */
#include "gui/rule-form.h"

#include <errno.h>
#include <string.h>

#include "base/str.h"
#include "wire/sentence.h"

#define TO_BITS (CRITERION_BIT(CRITERION_HOST) | CRITERION_BIT(CRITERION_NETWORK) | CRITERION_BIT(CRITERION_SCOPE))

void rule_form_deinit(struct rule_form *form)
{
        free(form->subject);
        free(form->to);
        free(form->ports);
        free(form->protocol);
        free(form->more);
        free(form->lifetime);
        free(form->note);
        *form = (struct rule_form){ 0 };
}

/* What a rule is stripped to before it is put into words. */
struct part {
        unsigned criteria; /* CRITERION_BIT() of those that stay */
        bool subject, lifetime, rest; /* `rest`: priority and whether it is switched off */
        const char *word; /* that goes without saying in its field, and the blank after it */
};

static int format_part(const struct rule *rule, const struct part *part, char **ret)
{
        _cleanup_(freep) struct criterion *criteria = calloc(rule->n_criteria + 1, sizeof(*criteria));
        _cleanup_(buf_deinit) struct buf out = { 0 };
        struct rule bare = *rule;
        const char *text;

        if (!criteria)
                return -ENOMEM;
        bare.criteria = criteria;
        bare.n_criteria = 0;
        bare.has &= part->criteria;
        for (unsigned i = 0; i < rule->n_criteria; i++)
                if (CRITERION_BIT(rule->criteria[i].kind) & part->criteria)
                        criteria[bare.n_criteria++] = rule->criteria[i];
        bare.note = NULL;
        bare.origin = ORIGIN_LIST;
        if (!part->subject)
                bare.subject = RULE_ANYONE;
        if (!part->lifetime) {
                bare.lifetime = LIFETIME_ALWAYS;
                bare.ending = (struct ending){ 0 };
        }
        if (!part->rest) {
                bare.priority = PRIORITY_DEFAULT;
                bare.disabled = false;
        }
        sentence_format(&bare, &out);
        if (buf_error(&out))
                return -ENOMEM;
        text = out.data + strlen(action_name(rule->action)) + 1;
        if (!part->subject)
                text += strlen("anyone");
        text += strspn(text, " ");
        if (part->word && str_has_prefix(text, part->word))
                text += strlen(part->word);
        *ret = strdup(text);
        return *ret ? 0 : -ENOMEM;
}

int rule_form_parse(const struct rule *rule, struct rule_form *ret)
{
        const unsigned port = CRITERION_BIT(CRITERION_PORT), protocol = CRITERION_BIT(CRITERION_PROTOCOL), program = CRITERION_BIT(CRITERION_PROGRAM);
        _cleanup_(rule_form_deinit) struct rule_form form = { .action = rule->action };
        const struct {
                struct part part;
                char **field;
        } parts[] = {
                { { .criteria = program, .subject = true }, &form.subject },
                { { .criteria = TO_BITS, .word = "to " }, &form.to },
                { { .criteria = port, .word = "port " }, &form.ports },
                { { .criteria = protocol }, &form.protocol },
                { { .criteria = ~(TO_BITS | port | protocol | program), .rest = true }, &form.more },
                { { .lifetime = true }, &form.lifetime },
        };

        for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
                int r = format_part(rule, &parts[i].part, parts[i].field);

                if (r < 0)
                        return r;
        }
        form.note = strdup(rule->note ? rule->note : "");
        if (!form.note)
                return -ENOMEM;
        *ret = form;
        form = (struct rule_form){ 0 };
        return 0;
}

static void put(struct buf *out, const char *before, const char *field)
{
        field += strspn(field, " ");
        if (*field)
                buf_printf(out, " %s%s", before, field);
}

void rule_form_format(const struct rule_form *form, struct buf *out)
{
        buf_puts(out, action_name(form->action));
        put(out, "", *form->subject ? form->subject : "anyone");
        put(out, "to ", form->to);
        put(out, "port ", form->ports);
        put(out, "", form->protocol);
        put(out, "", form->more);
        put(out, "", form->lifetime);
        if (*form->note) {
                buf_puts(out, " note \"");
                str_escape(out, form->note);
                buf_putc(out, '"');
        }
}
