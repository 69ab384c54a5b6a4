/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Theory in the header: the whole, and rules. Connections: panel-text-flow.c. */
#include "gui/panel-text.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/str.h"
#include "client/words.h"
#include "gui/i18n.h"
#include "gui/panel-text-shape.h"
#include "wire/sentence.h"

char *panel_take(struct buf *text)
{
        char *s = buf_error(text) ? NULL : text->n > 0 ? buf_take(text) : strdup("");

        if (!s)
                abort(); /* out of memory: GLib ends the program as well */
        return s;
}

char *panel_plain(const char *text)
{
        _cleanup_(buf_deinit) struct buf out = { 0 };

        words_plain(&out, text, strlen(text));
        return panel_take(&out);
}

/* ---- the whole ------------------------------------------------------------------------------------------------------------- */

enum panel_mode panel_mode(bool is_up, enum mode mode, bool tried)
{
        if (!is_up)
                return PANEL_MODE_LOST;
        return mode == MODE_ENFORCEMENT ? PANEL_MODE_ENFORCEMENT : tried ? PANEL_MODE_PAUSED : PANEL_MODE_LEARNING;
}

char *panel_mode_text(enum panel_mode mode, bool tried, uint64_t left_seconds)
{
        static const char *const words[] = { [PANEL_MODE_LOST] = N_("No firewall"), [PANEL_MODE_LEARNING] = N_("Learning"),
                                             [PANEL_MODE_ENFORCEMENT] = N_("Enforcement"), [PANEL_MODE_PAUSED] = N_("Paused") };
        _cleanup_(buf_deinit) struct buf out = { 0 };

        buf_puts(&out, _(words[mode]));
        if (tried)
                buf_printf(&out, " %u:%02u", (unsigned)(left_seconds / 60), (unsigned)(left_seconds % 60));
        return panel_take(&out);
}

const char *panel_not_permitted(void)
{
        return _("The firewall runs, but you may not connect to it: you are not in the group bastion. Somebody who administers this machine can add you "
                 "(usermod -aG bastion, then log in again).");
}

const char *panel_look_only(void)
{
        return _("You may look, but not change anything: you are not in the group bastion.");
}

char *panel_problems(const struct status *status)
{
        _cleanup_(buf_deinit) struct buf out = { 0 };

        if (!status->problems || !*status->problems)
                return NULL;
        words_lines(&out, status->problems);
        return panel_take(&out);
}

char *panel_config_file(const char *path, const char *problem)
{
        _cleanup_(buf_deinit) struct buf out = { 0 };

        words_plain(&out, path ? path : "", path ? strlen(path) : 0);
        if (problem) {
                buf_putc(&out, '\n');
                words_plain(&out, problem, strlen(problem));
        }
        return panel_take(&out);
}

/* ---- rules ----------------------------------------------------------------------------------------------------------------- */

/* Without what a row has a place of its own for: the note, and whether it is switched off. */
char *panel_rule_sentence(const struct rule_line *line)
{
        _cleanup_(buf_deinit) struct buf sentence = { 0 }, out = { 0 };
        _cleanup_(rule_freep) struct rule *rule = NULL;

        if (rule_line_rule(line, &rule) == 0) {
                free(TAKE_PTR(rule->note));
                rule->disabled = false;
                sentence_format(rule, &sentence);
        } else {
                rule_line_sentence(line, &sentence);
        }
        if (sentence.n > 0)
                words_plain(&out, sentence.data, sentence.n);
        return panel_take(&out);
}

char *panel_rule_note(const struct rule_line *line)
{
        _cleanup_(rule_freep) struct rule *rule = NULL;

        return line->has_sentence && rule_line_rule(line, &rule) == 0 && rule->note ? panel_plain(rule->note) : NULL;
}

static void put_part(struct buf *out, const char *text)
{
        buf_printf(out, "%s%s", out->n > 0 ? " · " : "", text);
}

/* "3 days ago" */
static void put_age(struct buf *out, const char *what, int64_t since, int64_t now_s)
{
        _cleanup_(buf_deinit) struct buf age = { 0 };

        if (since <= 0 || now_s < since)
                return;
        put_part(out, what);
        duration_format_about((uint64_t)MAX(now_s - since, INT64_C(1)), &age);
        if (!buf_error(&age))
                buf_printf(out, _(" %s ago"), age.data);
}

static void put_left(struct buf *out, const struct rule_line *line, struct boottime now)
{
        _cleanup_(buf_deinit) struct buf left = { 0 };

        switch ((enum lifetime)line->lifetime) {
        case LIFETIME_ALWAYS:
                return;
        case LIFETIME_UNTIL:
                if (line->expires.ns == BOOTTIME_NEVER.ns)
                        return;
                put_part(out, "");
                duration_format_about(MAX(boottime_left(line->expires, now) / NS_PER_SEC, UINT64_C(1)), &left);
                if (!buf_error(&left))
                        buf_printf(out, _("%s left"), left.data);
                return;
        case LIFETIME_REBOOT:
                put_part(out, _("until the machine starts anew"));
                return;
        case LIFETIME_SESSION:
                put_part(out, _("until the firewall restarts"));
                return;
        case LIFETIME_PROCESS:
                put_part(out, _("until the program quits"));
                return;
        case LIFETIME_ONCE:
                put_part(out, _("once"));
                return;
        }
}

static const char *place_word(enum rule_place place)
{
        static const char *const words[] = { [PLACE_OWN] = N_("Yours"), [PLACE_TEMPORARY] = N_("Temporary"), [PLACE_FILE] = N_("From a file"), [PLACE_SHIPPED] = N_("Shipped") };

        return _(words[place]);
}

char *panel_rule_details(const struct rule_line *line, struct boottime now, int64_t now_s)
{
        _cleanup_(buf_deinit) struct buf out = { 0 }, number = { 0 };

        put_part(&out, place_word(rule_line_place(line)));
        if (line->disabled)
                put_part(&out, _("switched off"));
        words_number(&number, line->n_hits);
        if (!buf_error(&number) && line->n_hits > 0) {
                put_part(&out, number.data);
                buf_puts(&out, ngettext_(" decision", " decisions", line->n_hits));
        }
        put_left(&out, line, now);
        if (line->changed > 0)
                put_age(&out, _("changed"), line->changed, now_s);
        else
                put_age(&out, _("made"), line->created, now_s);
        return panel_take(&out);
}

char *panel_rule_locked(const struct rule_line *line)
{
        _cleanup_(buf_deinit) struct buf out = { 0 };
        const char *id = rule_line_id(line), *colon = strrchr(id, ':');
        struct config any = config_default();

        if (line->origin == ORIGIN_FILE) {
                words_plain(&out, id, colon ? (size_t)(colon - id) : strlen(id));
                buf_printf(&out, _(", line %s: changed in that file, by an administrator"), colon ? colon + 1 : "?");
        } else if (line->origin == ORIGIN_FACTORY && config_switches_factory_rule(&any, id)) {
                buf_puts(&out, _("Switched on the page Settings; a rule of yours comes before it"));
        } else if (line->origin == ORIGIN_FACTORY) {
                buf_puts(&out, _("Comes with the firewall; a rule of yours comes before it"));
        } else {
                return NULL;
        }
        return panel_take(&out);
}

char *panel_group_title(const struct rule_line *line, bool by_origin)
{
        _cleanup_(buf_deinit) struct buf out = { 0 };
        const char *subject, *slash;
        size_t n;

        if (by_origin)
                return panel_plain(place_word(rule_line_place(line)));
        subject = rule_line_subject(line, &n);
        slash = *subject == '/' ? memrchr(subject, '/', n) : NULL;
        if (n == strlen("anyone") && strncmp(subject, "anyone", n) == 0)
                buf_puts(&out, _("Every program"));
        else if (slash && slash + 1 < subject + n)
                words_plain(&out, slash + 1, (size_t)(subject + n - slash - 1));
        else
                words_plain(&out, subject, n);
        return panel_take(&out);
}

char *panel_group_details(const struct rule_line *line, bool by_origin, unsigned count)
{
        _cleanup_(buf_deinit) struct buf out = { 0 }, number = { 0 };
        const char *subject;
        size_t n;

        subject = rule_line_subject(line, &n);
        if (!by_origin && *subject == '/') {
                words_plain(&out, subject, n);
                if (line->origin == ORIGIN_FACTORY)
                        buf_puts(&out, _(" · shipped"));
                return panel_take(&out);
        }
        words_number(&number, count);
        if (buf_error(&number))
                return panel_take(&number);
        buf_printf(&out, ngettext_("%s rule", "%s rules", count), number.data);
        return panel_take(&out);
}

char *panel_rules_count(size_t n_shown, size_t n, unsigned n_findings)
{
        _cleanup_(buf_deinit) struct buf out = { 0 };

        if (n_shown != n) {
                words_number(&out, n_shown);
                buf_puts(&out, _(" of "));
        }
        words_number(&out, n);
        buf_puts(&out, ngettext_(" rule", " rules", n));
        if (n_findings > 0) {
                buf_puts(&out, " · ");
                words_number(&out, n_findings);
                buf_puts(&out, ngettext_(" warning", " warnings", n_findings));
        }
        return panel_take(&out);
}

/* ---- changes of the rules ----------------------------------------------------------------------------------------------------- */

static void put_count(struct buf *out, uint64_t n, const char *what)
{
        _cleanup_(buf_deinit) struct buf number = { 0 };

        words_number(&number, n);
        if (n > 0 && !buf_error(&number))
                buf_printf(out, "%s%s %s", out->n > 0 ? ", " : "", number.data, what);
}

char *panel_change_title(const struct journal_entry *entry)
{
        _cleanup_(buf_deinit) struct buf out = { 0 }, counts = { 0 };
        time_t seconds = (time_t)(entry->time_us / 1000000);
        char date[64] = "";
        struct tm tm;

        if (localtime_r(&seconds, &tm))
                strftime(date, sizeof(date), "%e %b, %H:%M", &tm);
        put_count(&counts, entry->n_added, _("added"));
        put_count(&counts, entry->n_replaced, _("changed"));
        put_count(&counts, entry->n_deleted, _("deleted"));
        buf_printf(&out, "%s · %s · ", date + strspn(date, " "), counts.n > 0 ? counts.data : "");
        if (entry->by_file) {
                buf_puts(&out, _("rules.json was edited"));
        } else {
                words_user(&out, entry->uid);
                if (entry->program) {
                        buf_puts(&out, _(" with "));
                        words_plain(&out, str_basename(entry->program), strlen(str_basename(entry->program)));
                }
        }
        if (entry->undoes)
                buf_printf(&out, _(" · took back change %llu"), (unsigned long long)entry->undoes);
        return panel_take(&out);
}

static void put_rule(struct buf *out, const char *sign, const struct rule *rule)
{
        _cleanup_(buf_deinit) struct buf sentence = { 0 };

        sentence_format(rule, &sentence);
        if (buf_error(&sentence))
                return;
        buf_printf(out, "%s%s ", out->n > 0 ? "\n" : "", sign);
        words_plain(out, sentence.data, sentence.n);
}

char *panel_change_rules(const struct journal_entry *entry)
{
        _cleanup_(buf_deinit) struct buf out = { 0 };
        uint64_t n = entry->n_added + entry->n_deleted + entry->n_replaced;

        for (size_t i = 0; i < entry->n_changes; i++) {
                if (entry->changes[i].before)
                        put_rule(&out, "−", entry->changes[i].before);
                if (entry->changes[i].after)
                        put_rule(&out, "+", entry->changes[i].after);
        }
        if (n > entry->n_changes && entry->n_changes > 0)
                buf_printf(&out, _("\n… and %llu more"), (unsigned long long)(n - entry->n_changes));
        if (entry->n_changes == 0)
                buf_puts(&out, _("Too many rules to be kept one by one"));
        return panel_take(&out);
}
