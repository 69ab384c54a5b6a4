/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The journal of the rules: what was taken is within its bounds, and written it is taken whole; each line of it is written as the same bytes again. */
#include <string.h>

#include "tests/fuzz/fuzz.h"
#include "wire/journal.h"

static void check_line(const struct journal *j, const struct journal_line *line)
{
        _cleanup_(buf_deinit) struct buf text = { 0 }, text2 = { 0 };
        struct journal_entry e = { 0 }, again = { 0 };
        uint64_t by = journal_undone_by(j, line->number);

        fuzz_check(journal_find(j, line->number) == line && (by == 0 || by > line->number));
        fuzz_check(journal_parse_line(line->text, line->n - 1, &e) == 0);
        fuzz_check(e.number == line->number && e.undoes == line->undoes && e.undoes < e.number && e.n_changes <= LIMIT_JOURNAL_RULES);
        for (size_t i = 0; i < e.n_changes; i++)
                fuzz_check(e.changes[i].before || e.changes[i].after);
        journal_format_line(&e, &text);
        fuzz_check(buf_error(&text) == 0 && journal_parse_line(text.data, text.n - 1, &again) == 0);
        journal_format_line(&again, &text2);
        fuzz_check(text.n == text2.n && memcmp(text.data, text2.data, text.n) == 0);
        for (size_t i = 0; again.whole && i < e.n_changes; i++)
                fuzz_check(!e.changes[i].after || journal_same_rule(e.changes[i].after, again.changes[i].after));
        journal_entry_deinit(&e);
        journal_entry_deinit(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        _cleanup_(buf_deinit) struct buf text = { 0 };
        struct journal j = { 0 }, again = { 0 };
        struct journal_damage damage;
        uint64_t last;

        fuzz_check(journal_load(&j, (const char *)data, size, &damage) == 0);
        fuzz_check(j.n <= LIMIT_JOURNAL_CHANGES && j.n_bytes <= LIMIT_JOURNAL_BYTES && j.n_bytes <= size);
        last = journal_last_to_undo(&j);
        fuzz_check(last == 0 || (journal_find(&j, last) && journal_undone_by(&j, last) == 0));
        for (size_t i = 0; i < j.n; i++)
                check_line(&j, &j.lines[i]);
        journal_format(&j, &text);
        fuzz_check(journal_load(&again, text.data ? text.data : "", text.n, &damage) == 0);
        fuzz_check(again.n == j.n && again.last_number == j.last_number && damage.n_lines == 0 && !damage.half);
        journal_deinit(&j);
        journal_deinit(&again);
        return 0;
}
