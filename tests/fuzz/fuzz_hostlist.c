/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A file of names: the same set comes of the same bytes in any pieces, every name is one that rules take, and no more lines are skipped than there are. */
#include <stdlib.h>
#include <string.h>

#include "base/macros.h"
#include "tests/fuzz/fuzz.h"
#include "wire/hostlist.h"
#include "wire/hostname.h"

static int read_in_pieces(const char *data, size_t n, size_t piece, struct hostset **ret, struct hostlist_skipped *ret_skipped)
{
        _cleanup_(hostlist_freep) struct hostlist *list = hostlist_new(1);
        int r = 0;

        fuzz_check(list);
        for (size_t at = 0; at < n && r == 0; at += piece)
                r = hostlist_feed(list, data + at, MIN(piece, n - at));
        return r != 0 ? r : hostlist_finish(list, ret, ret_skipped);
}

/* What stands in the file as a word is found where it is a name that was taken; and what is found are names. */
static void check_words(const char *data, size_t n, const struct hostset *a, const struct hostset *b)
{
        char word[DNS_NAME_MAX], name[DNS_NAME_MAX];
        size_t length = 0;

        for (size_t i = 0; i <= n; i++) {
                if (i < n && data[i] != ' ' && data[i] != '\t' && data[i] != '\n' && data[i] != '\r') {
                        if (length < sizeof(word) - 1)
                                word[length++] = data[i];
                        continue;
                }
                word[length] = '\0';
                length = 0;
                if (!hostname_parse(word, name))
                        continue;
                fuzz_check((hostset_find(a, name, NULL) != NULL) == (hostset_find(b, name, NULL) != NULL));
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        _cleanup_(hostset_freep) struct hostset *whole = NULL, *pieces = NULL;
        struct hostlist_skipped skipped, again;
        size_t n_lines = 1, n_names_max = size;
        int r = read_in_pieces((const char *)data, size, size + 1, &whole, &skipped);

        for (size_t i = 0; i < size; i++)
                n_lines += data[i] == '\n';
        fuzz_check(r == 0 || r == HOSTLIST_E_EMPTY);
        fuzz_check((r == 0) == (whole != NULL));
        fuzz_check(skipped.n <= n_lines);
        for (size_t i = 0; i < MIN(skipped.n, (size_t)HOSTLIST_TOLD); i++)
                fuzz_check(skipped.first[i].line >= 1 && skipped.first[i].line <= n_lines && skipped.first[i].expected[0]);
        fuzz_check(read_in_pieces((const char *)data, size, 1 + size % 7, &pieces, &again) == r && again.n == skipped.n);
        if (r != 0)
                return 0;
        fuzz_check(hostset_count(whole) == hostset_count(pieces) && hostset_count(whole) >= 1 && hostset_count(whole) <= n_names_max);
        check_words((const char *)data, size, whole, pieces);
        return 0;
}
