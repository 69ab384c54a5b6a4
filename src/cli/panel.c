/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The question in view is remembered by its name, not by its place: places move when others are answered
 * elsewhere. settle() is the one door through which another question comes into view, and the one place that
 * starts the guard.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "cli/panel.h"
#include "cli/show.h"
#include "cli/text.h"

enum { LABEL_COLUMNS = 13, SHORT_LABEL_COLUMNS = 6, NARROW_COLUMNS = 60, URGENT_SECONDS = 6 };

void panel_deinit(struct panel *p)
{
        for (size_t i = 0; i < p->n; i++)
                prompt_deinit(&p->questions[i].prompt);
        free(p->questions);
        *p = (struct panel){0};
}

struct panel_question *panel_find(struct panel *p, const char *ref)
{
        for (size_t i = 0; i < p->n; i++)
                if (strcmp(p->questions[i].prompt.ref, ref) == 0)
                        return &p->questions[i];
        return NULL;
}

struct panel_question *panel_find_request(struct panel *p, int64_t request)
{
        for (size_t i = 0; i < p->n; i++)
                if (p->questions[i].request == request)
                        return &p->questions[i];
        return NULL;
}

struct panel_question *panel_shown(struct panel *p)
{
        return *p->shown ? panel_find(p, p->shown) : NULL;
}

unsigned panel_n_waiting(const struct panel *p)
{
        unsigned n = 0;

        for (size_t i = 0; i < p->n; i++)
                n += p->questions[i].request == 0;
        return n;
}

static void show(struct panel *p, const struct panel_question *q, struct boottime now)
{
        if (q)
                memcpy(p->shown, q->prompt.ref, sizeof(p->shown));
        else
                p->shown[0] = '\0';
        p->shown_since = now;
        p->scope = ANSWER_PORT;
}

/* Keeps what is in view while it can be answered, else brings the oldest that can. */
static void settle(struct panel *p, struct boottime now)
{
        struct panel_question *q = panel_shown(p);

        if (q && q->request == 0)
                return;
        for (size_t i = 0; i < p->n; i++)
                if (p->questions[i].request == 0) {
                        show(p, &p->questions[i], now);
                        return;
                }
        show(p, NULL, now);
}

int panel_add(struct panel *p, struct prompt *prompt, struct boottime now)
{
        struct boottime ends = boottime_add(now, prompt->left_ms * NS_PER_MSEC);
        struct panel_question *q = panel_find(p, prompt->ref);

        if (q) {
                prompt_deinit(&q->prompt);
                q->prompt = *prompt;
                q->ends = ends;
                *prompt = (struct prompt){0};
                return 0;
        }
        if (p->n >= LIMIT_QUESTIONS)
                return -E2BIG;
        if (p->n == p->size) {
                size_t size = MAX(p->size * 2, (size_t)16);
                struct panel_question *questions = reallocarray(p->questions, size, sizeof(*questions));

                if (!questions)
                        return -ENOMEM;
                p->questions = questions;
                p->size = size;
        }
        p->questions[p->n++] = (struct panel_question){.prompt = *prompt, .ends = ends};
        *prompt = (struct prompt){0};
        settle(p, now);
        return 0;
}

void panel_remove(struct panel *p, struct panel_question *q, struct boottime now)
{
        size_t at = (size_t)(q - p->questions);

        prompt_deinit(&q->prompt);
        memmove(q, q + 1, (p->n - at - 1) * sizeof(*q));
        p->n--;
        settle(p, now);
}

void panel_set_request(struct panel *p, struct panel_question *q, int64_t request, struct boottime now)
{
        q->request = request;
        settle(p, now);
}

/* The next one after the one in view that can be answered, around the end. */
static enum panel_action show_next(struct panel *p, struct boottime now)
{
        struct panel_question *q = panel_shown(p);
        size_t at;

        if (!q)
                return PANEL_NOTHING;
        at = (size_t)(q - p->questions);
        for (size_t i = 1; i < p->n; i++) {
                struct panel_question *next = &p->questions[(at + i) % p->n];

                if (next->request == 0) {
                        show(p, next, now);
                        return PANEL_CHANGED;
                }
        }
        return PANEL_NOTHING;
}

static const struct {
        char key;
        bool allow;
        enum lifetime lifetime;
        uint32_t lasts;
} answer_keys[] = {
        {'a', true, LIFETIME_ONCE, 0},     {'s', true, LIFETIME_SESSION, 0},  {'A', true, LIFETIME_ALWAYS, 0},
        {'d', false, LIFETIME_ONCE, 0},    {'x', false, LIFETIME_SESSION, 0}, {'D', false, LIFETIME_ALWAYS, 0},
        {'r', true, LIFETIME_PROCESS, 0},  {'h', true, LIFETIME_UNTIL, 3600}, {'b', true, LIFETIME_REBOOT, 0},
};

/* Where no name is known there is none to answer about, and this destination is this address. */
static bool is_offered(const struct prompt *prompt, enum answer_scope scope)
{
        switch (scope) {
        case ANSWER_PORT:
        case ANSWER_ALL_PORTS:
        case ANSWER_DESTINATION:
                break;
        case ANSWER_ADDRESS:
        case ANSWER_HOST:
                return hosts_first(&prompt->hosts) != NULL;
        case ANSWER_DOMAIN:
                return prompt->domain != NULL;
        }
        return true;
}

static enum answer_scope next_scope(const struct prompt *prompt, enum answer_scope scope)
{
        do
                scope = scope == ANSWER_DOMAIN ? ANSWER_PORT : (enum answer_scope)(scope + 1);
        while (!is_offered(prompt, scope));
        return scope;
}

static bool is_guarded(const struct panel *p, struct boottime now)
{
        return !boottime_reached(boottime_add(p->shown_since, PANEL_GUARD_MS * NS_PER_MSEC), now);
}

enum panel_action panel_key(struct panel *p, char key, struct boottime now, struct answer *ret_answer)
{
        if (key == 'n' || key == '\t')
                return show_next(p, now);
        if (!panel_shown(p) || is_guarded(p, now))
                return PANEL_NOTHING;
        if (key == 'p') {
                p->scope = next_scope(&panel_shown(p)->prompt, p->scope);
                return PANEL_CHANGED;
        }
        for (size_t i = 0; i < ARRAY_SIZE(answer_keys); i++)
                if (answer_keys[i].key == key) {
                        *ret_answer = (struct answer){.allow = answer_keys[i].allow,
                                                      .lifetime = answer_keys[i].lifetime,
                                                      .scope = p->scope,
                                                      .ending.lasts = answer_keys[i].lasts};
                        return PANEL_ANSWER;
                }
        return PANEL_NOTHING;
}

int panel_timeout_ms(struct panel *p, struct boottime now)
{
        struct panel_question *q = panel_shown(p);
        uint64_t left, guard;

        if (!q)
                return -1;
        if (is_guarded(p, now)) {
                guard = boottime_left(boottime_add(p->shown_since, PANEL_GUARD_MS * NS_PER_MSEC), now);
                return (int)(guard / NS_PER_MSEC) + 1;
        }
        left = boottime_left(q->ends, now) / NS_PER_MSEC;
        return left == 0 ? -1 : (int)(left % 1000) + 1; /* when the next whole second is reached */
}

/* ---- the picture
 * -------------------------------------------------------------------------------------------------- */

/* A line and how soon it may be left out: 0 never, 1 first. */
struct line {
        char *text;
        unsigned spare;
};

struct picture {
        struct line lines[24];
        unsigned n;
        unsigned columns;
        const struct style *style;
        bool failed;
};

static void picture_deinit(struct picture *picture)
{
        for (unsigned i = 0; i < picture->n; i++)
                free(picture->lines[i].text);
}

/* Moves `text` into the next line. */
static void put_line(struct picture *picture, unsigned spare, struct buf *text)
{
        char *line = buf_take(text);

        if (!line || picture->n == ARRAY_SIZE(picture->lines)) {
                free(line);
                picture->failed = true;
                return;
        }
        picture->lines[picture->n++] = (struct line){line, spare};
}

/* A narrow terminal needs the room for the words. */
static bool is_narrow(const struct picture *picture)
{
        return picture->columns < NARROW_COLUMNS;
}

static void put_label(struct picture *picture, struct buf *out, const char *label, const char *short_label)
{
        buf_printf(out, "  %s", picture->style->dim);
        text_pad(out, is_narrow(picture) ? short_label : label,
                 is_narrow(picture) ? SHORT_LABEL_COLUMNS : LABEL_COLUMNS);
        buf_puts(out, picture->style->reset);
}

typedef void (*show_fn)(struct buf *out, const struct subject *s);

static void put_fact(struct picture *picture, unsigned spare, const char *label, const char *short_label,
                     show_fn format, const struct subject *s)
{
        _cleanup_(buf_deinit) struct buf line = {0};

        put_label(picture, &line, label, short_label);
        format(&line, s);
        put_line(picture, spare, &line);
}

static void put_chain(struct picture *picture, const struct subject *s)
{
        unsigned before = 2 + (is_narrow(picture) ? SHORT_LABEL_COLUMNS : LABEL_COLUMNS);
        _cleanup_(buf_deinit) struct buf line = {0};

        put_label(picture, &line, "Started by", "From");
        show_chain(&line, s, picture->columns > before ? picture->columns - before : 1);
        put_line(picture, 0, &line);
}

static void put_blank(struct picture *picture, unsigned spare)
{
        _cleanup_(buf_deinit) struct buf line = {0};

        put_line(picture, spare, &line);
}

/* "── Question 1 of 4 ───────────── 24 s ──" */
static void put_heading(struct picture *picture, const struct panel *p, const struct panel_question *q,
                        struct boottime now)
{
        _cleanup_(buf_deinit) struct buf line = {0}, left = {0}, right = {0};
        uint64_t seconds = (boottime_left(q->ends, now) + NS_PER_SEC - 1) / NS_PER_SEC;
        const struct style *style = picture->style;
        unsigned n = panel_n_waiting(p), used;

        buf_puts(&left, "── ");
        buf_puts(&left, n > 1 ? "A question, and " : "A question");
        if (n > 1)
                buf_printf(&left, "%u more waiting", n - 1);
        buf_puts(&left, " ");
        buf_printf(&right, " %llu s ──", (unsigned long long)seconds);
        buf_puts(&line, seconds < URGENT_SECONDS ? style->red : style->cyan);
        if (!buf_error(&left) && !buf_error(&right)) {
                buf_puts(&line, left.data);
                for (used = text_width(left.data) + text_width(right.data); used < picture->columns; used++)
                        buf_puts(&line, "─");
                buf_puts(&line, right.data);
        }
        buf_puts(&line, style->reset);
        put_line(picture, 0, &line);
}

static void put_sentence(struct picture *picture, const struct prompt *prompt)
{
        _cleanup_(buf_deinit) struct buf line = {0};

        buf_printf(&line, "  %s", picture->style->bold);
        show_name(&line, prompt->subject);
        buf_puts(&line, prompt->learning ? " talks to " : " wants to talk to ");
        show_host_port(&line, &prompt->flow, &prompt->hosts);
        show_also(&line, &prompt->hosts);
        buf_puts(&line, picture->style->reset);
        if (prompt->whole_program && prompt->n_more > 0)
                buf_printf(&line, " and %u more destination%s", prompt->n_more,
                           prompt->n_more == 1 ? "" : "s");
        put_line(picture, 0, &line);
}

static void show_user_process(struct buf *out, const struct subject *s)
{
        if (s->kind != SUBJECT_PROGRAM) {
                buf_puts(out, "nobody");
                return;
        }
        show_user(out, s);
        buf_printf(out, " (%u), process %u", s->uid, s->process.pid);
}

static void put_destination(struct picture *picture, const struct prompt *prompt)
{
        _cleanup_(buf_deinit) struct buf line = {0};

        put_label(picture, &line, "Destination", "To");
        show_destination(&line, &prompt->flow, &prompt->hosts);
        put_line(picture, 2, &line);
}

/* What a person should know before believing the name above. */
static void put_doubts(struct picture *picture, const struct prompt *prompt)
{
        _cleanup_(buf_deinit) struct buf line = {0};

        if (prompt->n_others > 0) {
                put_label(picture, &line, "Or", "Or");
                for (unsigned i = 0; i < prompt->n_others; i++) {
                        buf_puts(&line, i > 0 ? ", " : "");
                        show_path(&line, prompt->others[i]);
                }
        } else if (prompt->subject->kind == SUBJECT_PROGRAM && prompt->subject->identity != IDENTITY_TASK) {
                put_label(picture, &line, "Found by", "By");
                buf_printf(&line, "%s, after the fact", identity_name(prompt->subject->identity));
        } else {
                return;
        }
        put_line(picture, 3, &line);
}

/* One key and its word: the key stands out. */
static void put_key(struct picture *picture, struct buf *line, const char *key, const char *word,
                    unsigned columns)
{
        _cleanup_(buf_deinit) struct buf part = {0};

        buf_printf(&part, "%s%s%s %s", picture->style->bold, key, picture->style->reset, word);
        if (!buf_error(&part))
                text_pad(line, part.data, columns);
}

static void put_answers(struct picture *picture)
{
        static const struct {
                const char *label;
                unsigned spare;
                const char *keys[3], *words[3], *short_words[3];
        } rows[] = {
                {"Allow", 0, {"a", "s", "A"}, {"once", "this session", "always"}, {"once", "session", "always"}},
                {"", 2, {"h", "r", "b"}, {"one hour", "while it runs", "until reboot"}, {"1 h", "process", "boot"}},
                {"Deny", 0, {"d", "x", "D"}, {"once", "this session", "always"}, {"once", "session", "always"}},
        };
        const struct style *style = picture->style;
        const bool narrow = is_narrow(picture);

        for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
                const char *const *words = narrow ? rows[i].short_words : rows[i].words;
                _cleanup_(buf_deinit) struct buf line = {0};

                buf_printf(&line, "  %s", rows[i].keys[0][0] == 'd' ? style->red : style->green);
                text_pad(&line, rows[i].label, narrow ? SHORT_LABEL_COLUMNS : LABEL_COLUMNS);
                buf_puts(&line, style->reset);
                put_key(picture, &line, rows[i].keys[0], words[0], narrow ? 8 : 12);
                put_key(picture, &line, rows[i].keys[1], words[1], narrow ? 11 : 18);
                put_key(picture, &line, rows[i].keys[2], words[2], 8);
                put_line(picture, rows[i].spare, &line);
        }
}

/* All that can be chosen, in 80 columns; where there are fewer, what is. */
static void put_scope(struct picture *picture, const struct prompt *prompt, enum answer_scope chosen)
{
        static const char *const words[] = {"this port", "all ports", "destination", "address", "host", "domain"};
        _cleanup_(buf_deinit) struct buf line = {0};
        bool narrow = is_narrow(picture);

        buf_puts(&line, "  ");
        put_key(picture, &line, "p", "covers", narrow ? 9 : LABEL_COLUMNS);
        for (unsigned i = 0; i < ARRAY_SIZE(words); i++) {
                bool is_chosen = i == (unsigned)chosen;

                if (!is_offered(prompt, (enum answer_scope)i) || (narrow && !is_chosen))
                        continue;
                buf_printf(&line, "%s%s%s%s%s ", is_chosen ? "[" : " ",
                           is_chosen ? picture->style->bold : picture->style->dim, words[i],
                           picture->style->reset, is_chosen ? "]" : " ");
        }
        put_line(picture, 0, &line);
}

static void put_learning(struct picture *picture)
{
        _cleanup_(buf_deinit) struct buf line = {0};

        buf_printf(&line,
                   "  %sLearning: nothing is held. An answer is recorded, takes effect in enforcement.%s",
                   picture->style->yellow, picture->style->reset);
        put_line(picture, 1, &line);
}

static void draw(struct picture *picture, const struct panel *p, const struct panel_question *q,
                 struct boottime now)
{
        const struct prompt *prompt = &q->prompt;

        put_heading(picture, p, q, now);
        put_sentence(picture, prompt);
        put_blank(picture, 1);
        put_fact(picture, 0, "Program", "Is", show_path, prompt->subject);
        if (prompt->subject->arguments)
                put_fact(picture, 2, "Arguments", "Args", show_arguments, prompt->subject);
        if (prompt->subject->kind == SUBJECT_PROGRAM)
                put_chain(picture, prompt->subject);
        put_fact(picture, 2, "User", "User", show_user_process, prompt->subject);
        put_destination(picture, prompt);
        put_doubts(picture, prompt);
        put_blank(picture, 1);
        put_answers(picture);
        put_scope(picture, prompt, p->scope);
        if (prompt->learning)
                put_learning(picture);
}

void panel_format(struct panel *p, const struct style *style, unsigned columns, unsigned rows,
                  struct boottime now, struct buf *out)
{
        _cleanup_(picture_deinit) struct picture picture = {.columns = columns, .style = style};
        const struct panel_question *q = panel_shown(p);
        unsigned too_many, left = rows;

        if (!q)
                return;
        draw(&picture, p, q, now);
        if (picture.failed)
                out->error = -ENOMEM;
        too_many = picture.n > rows ? picture.n - rows : 0;
        for (unsigned spare = 1; spare <= 3; spare++)
                for (unsigned i = picture.n; i > 0 && too_many > 0; i--)
                        if (picture.lines[i - 1].spare == spare) {
                                picture.lines[i - 1].spare = UINT32_MAX;
                                too_many--;
                        }
        for (unsigned i = 0; i < picture.n && left > 0; i++) {
                if (picture.lines[i].spare == UINT32_MAX)
                        continue;
                text_cut(out, picture.lines[i].text, columns);
                buf_putc(out, '\n');
                left--;
        }
}
