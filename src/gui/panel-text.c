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

char *panel_number(uint64_t n)
{
        _cleanup_(buf_deinit) struct buf out = { 0 };

        words_number(&out, n);
        return panel_take(&out);
}

char *panel_bytes(uint64_t n)
{
        _cleanup_(buf_deinit) struct buf out = { 0 };

        words_bytes(&out, n);
        return panel_take(&out);
}

void panel_begin_part(struct buf *line)
{
        if (line->n > 0)
                buf_puts(line, " · ");
}

void panel_put_part(struct buf *line, const char *part)
{
        panel_begin_part(line);
        buf_puts(line, part);
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

static void put_age(struct buf *out, const struct rule_line *line, int64_t now_s)
{
        int64_t since = line->changed > 0 ? line->changed : line->created;
        _cleanup_(buf_deinit) struct buf age = { 0 };

        if (since <= 0 || now_s < since)
                return;
        duration_format_about((uint64_t)MAX(now_s - since, INT64_C(1)), &age);
        if (buf_error(&age))
                return;
        panel_begin_part(out);
        if (line->changed > 0)
                buf_printf(out, _("changed %s ago"), age.data);
        else
                buf_printf(out, _("made %s ago"), age.data);
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
                panel_begin_part(out);
                duration_format_about(MAX(boottime_left(line->expires, now) / NS_PER_SEC, UINT64_C(1)), &left);
                if (!buf_error(&left))
                        buf_printf(out, _("%s left"), left.data);
                return;
        case LIFETIME_REBOOT:
                panel_put_part(out, _("until the machine starts anew"));
                return;
        case LIFETIME_SESSION:
                panel_put_part(out, _("until the firewall restarts"));
                return;
        case LIFETIME_PROCESS:
                panel_put_part(out, _("until the program quits"));
                return;
        case LIFETIME_ONCE:
                panel_put_part(out, _("once"));
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
        _cleanup_(freep) char *hits = panel_number(line->n_hits);
        _cleanup_(buf_deinit) struct buf out = { 0 };

        panel_put_part(&out, place_word(rule_line_place(line)));
        if (line->disabled)
                panel_put_part(&out, _("switched off"));
        if (line->n_hits > 0) {
                panel_begin_part(&out);
                buf_printf(&out, ngettext_("%s decision", "%s decisions", line->n_hits), hits);
        }
        put_left(&out, line, now);
        put_age(&out, line, now_s);
        return panel_take(&out);
}

char *panel_rule_locked(const struct rule_line *line)
{
        _cleanup_(buf_deinit) struct buf out = { 0 };
        const char *id = rule_line_id(line);
        struct config any = config_default();

        if (line->origin == ORIGIN_FILE) {
                _cleanup_(freep) char *file = panel_plain(id);
                char *colon = strrchr(file, ':');

                if (colon)
                        *colon++ = '\0';
                buf_printf(&out, _("%s, line %s: changed in that file, by an administrator"), file, colon ? colon : "?");
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
        _cleanup_(freep) char *number = panel_number(count);
        _cleanup_(buf_deinit) struct buf out = { 0 };
        const char *subject;
        size_t n;

        subject = rule_line_subject(line, &n);
        if (!by_origin && *subject == '/') {
                words_plain(&out, subject, n);
                if (line->origin == ORIGIN_FACTORY)
                        panel_put_part(&out, _("shipped"));
                return panel_take(&out);
        }
        buf_printf(&out, ngettext_("%s rule", "%s rules", count), number);
        return panel_take(&out);
}

char *panel_rules_count(size_t n_shown, size_t n, unsigned n_findings)
{
        _cleanup_(freep) char *all = panel_number(n), *shown = panel_number(n_shown), *findings = panel_number(n_findings);
        _cleanup_(buf_deinit) struct buf out = { 0 };

        if (n_shown != n)
                buf_printf(&out, ngettext_("%s of %s rule", "%s of %s rules", n), shown, all);
        else
                buf_printf(&out, ngettext_("%s rule", "%s rules", n), all);
        if (n_findings > 0) {
                panel_begin_part(&out);
                buf_printf(&out, ngettext_("%s warning", "%s warnings", n_findings), findings);
        }
        return panel_take(&out);
}

/* ---- changes of the rules ----------------------------------------------------------------------------------------------------- */

static void put_counts(struct buf *out, const struct journal_entry *entry)
{
        _cleanup_(freep) char *added = panel_number(entry->n_added), *replaced = panel_number(entry->n_replaced), *deleted = panel_number(entry->n_deleted);

        if (entry->n_added > 0) {
                panel_begin_part(out);
                buf_printf(out, _("%s added"), added);
        }
        if (entry->n_replaced > 0) {
                panel_begin_part(out);
                buf_printf(out, _("%s changed"), replaced);
        }
        if (entry->n_deleted > 0) {
                panel_begin_part(out);
                buf_printf(out, _("%s deleted"), deleted);
        }
}

static void put_who(struct buf *out, const struct journal_entry *entry)
{
        _cleanup_(freep) char *program = panel_plain(entry->program ? str_basename(entry->program) : "");
        _cleanup_(buf_deinit) struct buf user = { 0 };

        if (entry->by_file) {
                buf_puts(out, _("rules.json was edited"));
                return;
        }
        words_user(&user, entry->uid);
        if (buf_error(&user))
                return;
        if (entry->program)
                buf_printf(out, _("%s with %s"), user.data, program);
        else
                buf_puts(out, user.data);
}

char *panel_change_title(const struct journal_entry *entry)
{
        _cleanup_(buf_deinit) struct buf out = { 0 };
        time_t seconds = (time_t)(entry->time_us / 1000000);
        char date[64] = "";
        struct tm tm;

        if (localtime_r(&seconds, &tm))
                strftime(date, sizeof(date), "%e %b, %H:%M", &tm);
        panel_put_part(&out, date + strspn(date, " "));
        put_counts(&out, entry);
        panel_begin_part(&out);
        put_who(&out, entry);
        if (entry->undoes) {
                panel_begin_part(&out);
                buf_printf(&out, _("took back change %llu"), (unsigned long long)entry->undoes);
        }
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
        if (entry->n_changes == 0) {
                buf_puts(&out, _("Too many rules to be kept one by one"));
        } else if (n > entry->n_changes) {
                buf_putc(&out, '\n');
                buf_printf(&out, _("… and %llu more"), (unsigned long long)(n - entry->n_changes));
        }
        return panel_take(&out);
}
