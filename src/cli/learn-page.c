/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Theory in the header. */
#include <string.h>
#include <time.h>

#include "base/str.h"
#include "cli/learn-page.h"
#include "cli/show.h"
#include "cli/text.h"
#include "client/words.h"
#include "wire/jsonwrite.h"
#include "wire/sentence.h"

/* "2026-11-20 10:31", local. */
static void put_minute(struct buf *out, int64_t time_us)
{
        const time_t seconds = (time_t)(time_us / 1000000);
        char text[32] = "";
        struct tm tm;

        if (localtime_r(&seconds, &tm))
                strftime(text, sizeof(text), "%Y-%m-%d %H:%M", &tm);
        buf_puts(out, text);
}

static void put_amounts(struct buf *out, const struct proposal *p)
{
        const struct amounts *a = &p->amounts;
        char address[ADDR_TEXT_MAX];

        words_number(out, a->n_connections);
        buf_puts(out, a->n_connections == 1 ? " connection, " : " connections, ");
        if (a->n_denied > 0) {
                words_number(out, a->n_denied);
                buf_puts(out, " of them denied, ");
        }
        put_minute(out, a->first_us);
        if (a->n_connections > 1) {
                buf_puts(out, " to ");
                put_minute(out, a->last_us);
        }
        buf_printf(out, ", as to %s", addr_format(&p->example, address));
}

void learn_page(struct buf *out, const struct style *style, const struct proposal *p, size_t number, size_t total)
{
        buf_printf(out, "%zu/%zu  %s", number, total, style->bold);
        show_sentence(out, p->rule);
        buf_printf(out, "%s\n     %s", style->reset, style->dim);
        put_amounts(out, p);
        buf_printf(out, "%s\n", style->reset);
        for (unsigned bit = 1; bit <= SURPRISE_LAST; bit <<= 1)
                if (p->surprises & bit)
                        buf_printf(out, "     %s! %s%s\n", style->yellow, surprise_sentence(bit), style->reset);
}

void learn_page_json(struct buf *out, const struct proposal *p)
{
        _cleanup_(buf_deinit) struct buf sentence = {0};
        struct jsonwrite w = {.out = out};
        char address[ADDR_TEXT_MAX];

        sentence_format(p->rule, &sentence);
        if (buf_error(&sentence)) {
                out->error = buf_error(&sentence);
                return;
        }
        jsonwrite_open(&w, NULL, '{');
        jsonwrite_string(&w, "sentence", sentence.data);
        jsonwrite_bytes(&w, "program", p->rule->program);
        jsonwrite_uint(&w, "connections", p->amounts.n_connections);
        jsonwrite_uint(&w, "denied", p->amounts.n_denied);
        jsonwrite_time_us(&w, "first", p->amounts.first_us);
        jsonwrite_time_us(&w, "last", p->amounts.last_us);
        jsonwrite_string(&w, "example", addr_format(&p->example, address));
        jsonwrite_open(&w, "surprises", '[');
        for (unsigned bit = 1; bit <= SURPRISE_LAST; bit <<= 1)
                if (p->surprises & bit)
                        jsonwrite_string(&w, NULL, surprise_word(bit));
        jsonwrite_close(&w, ']');
        jsonwrite_close(&w, '}');
        buf_putc(out, '\n');
}

bool learn_answer_parse(const char *line, enum learn_answer *ret, const char **ret_rest)
{
        static const char *const words[] = {
                [LEARN_ACCEPT] = "accept", [LEARN_EDIT] = "edit", [LEARN_REFUSE] = "refuse", [LEARN_QUIT] = "quit"};
        const char *word = line + strspn(line, " \t"), *rest;
        size_t n = strcspn(word, " \t\r");

        rest = word + n + strspn(word + n, " \t\r");
        for (size_t i = 0; n > 0 && i < ARRAY_SIZE(words); i++) {
                if (!(n == 1 && *word == *words[i]) && !(n == strlen(words[i]) && memcmp(word, words[i], n) == 0))
                        continue;
                if (*rest && i != LEARN_EDIT)
                        return false;
                *ret = (enum learn_answer)i;
                *ret_rest = rest;
                return true;
        }
        return false;
}
