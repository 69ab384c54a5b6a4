/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The copy of rules.d: what was taken is written as the same bytes. The same input as one such file: all of its rules or none, named after it. */
#include <string.h>

#include "base/str.h"
#include "tests/fuzz/fuzz.h"
#include "wire/dropins.h"

static void check_copy(const char *data, size_t size)
{
        _cleanup_(buf_deinit) struct buf text = { 0 };
        struct dropins files = { 0 };

        if (dropins_parse(data, size, &files) != 0) {
                fuzz_check(files.n == 0 && !files.files);
                return;
        }
        fuzz_check(files.n <= LIMIT_DROPINS && files.n_bytes <= LIMIT_DROPIN_BYTES);
        dropins_format(&files, &text);
        /* Digits may have zeros in front: never fewer bytes than what we write. */
        fuzz_check(text.n <= size);
        dropins_deinit(&files);
        fuzz_check(dropins_parse(text.data ? text.data : "", text.n, &files) == 0);
        dropins_deinit(&files);
}

static void check_file(const char *data, size_t size)
{
        _cleanup_(ruleset_freep) struct ruleset *set = ruleset_new(1);
        struct file_error error = { 0 };
        struct dropin file = { .name = (char *)"a.rules", .text = (char *)data, .n = size };
        struct dropins files = { .files = &file, .n = 1 };
        size_t n_replaced = 0, n_rules = 0;

        fuzz_check(set);
        if (dropin_check("a.rules", data, size, NULL, NULL, &n_rules, &error) != 0)
                fuzz_check(error.text[0]);
        else
                fuzz_check(dropin_add_rules("a.rules", data, size, n_rules, NULL, NULL, set, &n_replaced, &error) == 0);
        fuzz_check(n_replaced == 0 && ruleset_count(set) == n_rules);
        for (const struct rule *r = ruleset_next(set, NULL); r; r = ruleset_next(set, r)) {
                unsigned line = 0;

                fuzz_check(r->origin == ORIGIN_FILE && str_has_prefix(r->id, "a.rules:"));
                fuzz_check(dropins_find_rule(&files, r->id, &line) == &file && line > 0);
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        check_copy((const char *)data, size);
        check_file((const char *)data, size);
        return 0;
}
