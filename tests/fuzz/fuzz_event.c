/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The daemon's lines: what a client took, written again by the daemon's writers, reads and writes the same from then on. (The first
 * writing may differ from the input: fields that are not known, other spellings of a number.)
 */
#include <string.h>

#include "tests/fuzz/fuzz.h"
#include "wire/message.h"
#include "wire/rulejson.h"

/* A question that shows what the prompt shows. */
static struct question question_of(const struct prompt *p)
{
        struct question q = { .subjects = { p->subject }, .n_subjects = 1 + p->n_others, .flow = p->flow, .hosts = p->hosts, .domain = p->domain,
                              .whole_program = p->whole_program, .n_more = p->n_more, .learning = p->learning, .reason = p->reason,
                              .n_connections = p->n_connections, .state = p->state, .ended_us = p->ended_us, .verdict = p->verdict };

        memcpy(q.ref, p->ref, sizeof(q.ref));
        for (unsigned i = 0; i < p->n_others; i++)
                q.subjects[i + 1] = p->others[i];
        /* beyond 584 years of boot time the wire's milliseconds do not fit into nanoseconds */
        q.deadline.ns = p->left_ms < UINT64_MAX / NS_PER_MSEC ? p->left_ms * NS_PER_MSEC : UINT64_MAX - 1;
        return q;
}

static void put_rules(const struct event *e, struct buf *out)
{
        struct jsonwrite w = { .out = out };

        jsonwrite_open(&w, NULL, '{');
        jsonwrite_string(&w, "type", "reply");
        jsonwrite_int(&w, "id", e->id);
        jsonwrite_open(&w, "rules", '[');
        for (size_t i = 0; i < e->n_rules; i++)
                rulejson_write(&w, NULL, e->rules[i], RULEJSON_REPLY, !e->rules[i]->disabled);
        jsonwrite_close(&w, ']');
        jsonwrite_close(&w, '}');
        buf_putc(out, '\n');
}

static void format(const struct event *e, struct buf *out)
{
        if (e->type == EVENT_QUESTION) {
                struct question q = question_of(e->prompts);

                message_format_question(out, &q, (struct boottime){ 0 });
        } else if (e->n_missed > 0) {
                struct question q = question_of(e->missed);

                message_format_question(out, &q, (struct boottime){ 0 });
        } else if (e->n_records > 0) {
                message_format_decision(out, e->records);
        } else if (e->n_rules > 0) {
                put_rules(e, out);
        } else if (e->n_checks > 0) {
                message_format_reply_doctor(out, e->id, e->checks, e->n_checks);
        } else if (e->n_connections > 0) {
                message_format_reply_connections(out, e->id, e->connections, e->n_connections);
        } else if (e->has_status) {
                message_format_reply_status(out, e->id, &e->status);
        } else if (e->type == EVENT_MODE_CHANGED) {
                message_format_mode_changed(out, e->mode, e->try_left_seconds);
        } else {
                message_format_reply_ok(out, e->id);
        }
        fuzz_check(buf_error(out) == 0 && out->data[out->n - 1] == '\n');
}

static void check_json(const uint8_t *data, size_t size)
{
        _cleanup_(buf_deinit) struct buf out = {};
        _cleanup_(json_decrefp) json_t *root = NULL;
        struct file_error error;

        fuzz_check(event_format_json((const char *)data, size, &out) == 0);
        fuzz_check(jsonread_load(out.data, out.n, &root, &error) == 0 && !memchr(out.data, '\n', out.n));
        fuzz_check(!json_object_get(root, "type") && !json_object_get(root, "id"));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        _cleanup_(event_freep) struct event *e = NULL, *again = NULL;
        _cleanup_(buf_deinit) struct buf text = {}, text2 = {};

        if (event_parse((const char *)data, size, &e) != 0) {
                fuzz_check(!e);
                return 0;
        }
        check_json(data, size);
        format(e, &text);
        if (text.n > LIMIT_CLIENT_OUTPUT)
                return 0;
        fuzz_check(event_parse(text.data, text.n - 1, &again) == 0);
        format(again, &text2);
        fuzz_check(strcmp(text.data, text2.data) == 0);
        return 0;
}
