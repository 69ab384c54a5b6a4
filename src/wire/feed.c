/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Theory in the header. The shapes are those of message-shapes.h: a decision is the same text for a client and for the recorder. */
#include "wire/feed.h"

#include <errno.h>
#include <string.h>

#include "wire/message-shapes.h"
#include "wire/message.h"

static const char *const type_words[] = { [FEED_DECISION] = "decision", [FEED_LINE] = "line", [FEED_LOG] = "log" };

void feed_deinit(struct feed *f)
{
        if (f->type == FEED_DECISION)
                record_deinit(&f->record);
        free(f->text);
        *f = (struct feed){};
}

static bool read_type(struct jsonread *r, const json_t *o, enum feed_type *ret)
{
        const char *word = jsonread_string(r, o, "type");

        if (strcmp(word, "decisions") == 0) { /* a summary: its count says so */
                *ret = FEED_DECISION;
                return true;
        }
        for (size_t i = 0; i < ARRAY_SIZE(type_words); i++)
                if (strcmp(type_words[i], word) == 0) {
                        *ret = (enum feed_type)i;
                        return true;
                }
        jsonread_fail(r, "type", "expected decision, decisions, line or log");
        return false;
}

static void read_line(struct jsonread *r, const json_t *o, struct feed *f)
{
        f->time_us = jsonread_time_us(r, o, "time");
        f->text = jsonread_bytes(r, o, "text");
        if (!f->text)
                jsonread_fail(r, "text", "expected a string");
}

static void read_fields(struct jsonread *r, const json_t *o, struct feed *f)
{
        switch (f->type) {
        case FEED_DECISION:
                shape_read_record(r, o, &f->record);
                f->time_us = f->record.time_us;
                return;
        case FEED_LINE:
                read_line(r, o, f);
                return;
        case FEED_LOG:
                f->wants_file = jsonread_bool(r, o, "wants_file");
                return;
        }
}

int feed_parse(const char *line, size_t n, struct feed *ret)
{
        _cleanup_(json_decrefp) json_t *root = NULL;
        _cleanup_(feed_deinit) struct feed f = {};
        struct file_error ignored;
        struct jsonread r = {};
        int error;

        error = jsonread_load(line, n, &root, &ignored);
        if (error)
                return error;
        if (!read_type(&r, root, &f.type))
                return r.error;
        read_fields(&r, root, &f);
        if (r.error)
                return r.error;
        *ret = f;
        f = (struct feed){};
        return 0;
}

void feed_format_decision(struct buf *out, const struct record *record)
{
        message_format_decision(out, record);
}

void feed_format_line(struct buf *out, int64_t time_us, const char *text)
{
        struct jsonwrite w = { .out = out };

        jsonwrite_open(&w, NULL, '{');
        jsonwrite_string(&w, "type", type_words[FEED_LINE]);
        jsonwrite_time_us(&w, "time", time_us);
        jsonwrite_bytes(&w, "text", text);
        jsonwrite_close(&w, '}');
        buf_putc(out, '\n');
}

void feed_format_log(struct buf *out, bool wants_file)
{
        struct jsonwrite w = { .out = out };

        jsonwrite_open(&w, NULL, '{');
        jsonwrite_string(&w, "type", type_words[FEED_LOG]);
        jsonwrite_bool(&w, "wants_file", wants_file);
        jsonwrite_close(&w, '}');
        buf_putc(out, '\n');
}

void feed_format_report(struct buf *out, const struct feed_report *report)
{
        struct jsonwrite w = { .out = out };

        jsonwrite_open(&w, NULL, '{');
        jsonwrite_uint(&w, "done", report->n_done);
        jsonwrite_uint(&w, "lost", report->n_lost);
        jsonwrite_string(&w, "problem", report->problem);
        jsonwrite_close(&w, '}');
        buf_putc(out, '\n');
}

int feed_parse_report(const char *line, size_t n, struct feed_report *ret)
{
        _cleanup_(json_decrefp) json_t *root = NULL;
        struct feed_report report = {};
        struct file_error ignored;
        struct jsonread r = {};
        int error;

        error = jsonread_load(line, n, &root, &ignored);
        if (error)
                return error;
        report.n_done = (uint64_t)jsonread_int(&r, root, "done", 0, INT64_MAX);
        report.n_lost = (uint64_t)jsonread_int(&r, root, "lost", 0, INT64_MAX);
        shape_read_text(&r, root, "problem", report.problem, sizeof(report.problem));
        if (!r.error && report.n_lost > report.n_done)
                jsonread_fail(&r, "lost", "expected no more than was done");
        if (r.error)
                return r.error;
        *ret = report;
        return 0;
}
