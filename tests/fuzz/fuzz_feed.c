/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Lines between the daemon and its recorder, both ways: what was taken, written again, reads and writes the same from then on; a report
 * never loses more than was done.
 */
#include <string.h>

#include "tests/fuzz/fuzz.h"
#include "wire/feed.h"

static void write_again(const struct feed *f, struct buf *out)
{
        switch (f->type) {
        case FEED_DECISION:
                feed_format_decision(out, &f->record);
                break;
        case FEED_LINE:
                feed_format_line(out, f->time_us, f->text);
                break;
        case FEED_LOG:
                feed_format_log(out, f->wants_file);
                break;
        }
        fuzz_check(buf_error(out) == 0 && memchr(out->data, '\n', out->n) == out->data + out->n - 1);
}

static void check_feed(const char *data, size_t size)
{
        _cleanup_(buf_deinit) struct buf first = {}, second = {};
        struct feed f, again;

        if (feed_parse(data, size, &f) != 0)
                return;
        write_again(&f, &first);
        fuzz_check(feed_parse(first.data, first.n - 1, &again) == 0);
        fuzz_check(again.type == f.type);
        write_again(&again, &second);
        fuzz_check(strcmp(first.data, second.data) == 0);
        feed_deinit(&again);
        feed_deinit(&f);
}

static void check_report(const char *data, size_t size)
{
        _cleanup_(buf_deinit) struct buf text = {};
        struct feed_report report, again;

        if (feed_parse_report(data, size, &report) != 0)
                return;
        fuzz_check(report.n_lost <= report.n_done && memchr(report.problem, '\0', sizeof(report.problem)));
        feed_format_report(&text, &report);
        fuzz_check(feed_parse_report(text.data, text.n - 1, &again) == 0);
        fuzz_check(again.n_done == report.n_done && again.n_lost == report.n_lost && strcmp(again.problem, report.problem) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        check_feed((const char *)data, size);
        check_report((const char *)data, size);
        return 0;
}
