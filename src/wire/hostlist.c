/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Theory in the header. A line is put together in a buffer, cut into words there, and forgotten. */
#include "wire/hostlist.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "core/addr.h"
#include "wire/hostname.h"

static const char BOM[] = "\xef\xbb\xbf";

struct hostlist {
        struct hostset *set;
        struct hostlist_skipped skipped;
        size_t n_lines;
        char line[LIMIT_LIST_LINE + 1];
        size_t n;
        bool too_long; /* the line at hand; what is in the buffer is its beginning */
};

struct hostlist *hostlist_new(uint64_t seed)
{
        _cleanup_(hostlist_freep) struct hostlist *list = calloc(1, sizeof(*list));

        if (!list)
                return NULL;
        list->set = hostset_new(seed, LIMIT_LIST_NAMES);
        return list->set ? TAKE_PTR(list) : NULL;
}

struct hostlist *hostlist_free(struct hostlist *list)
{
        if (!list)
                return NULL;
        hostset_free(list->set);
        free(list);
        return NULL;
}

/* What a hosts file calls the machine itself: nobody means to deny that. */
static bool is_own_name(const char *name)
{
        static const char *const names[] = {
                "localhost",    "localhost.localdomain", "local",           "broadcasthost",  "ip6-localhost", "ip6-loopback",
                "ip6-localnet", "ip6-mcastprefix",       "ip6-allnodes",    "ip6-allrouters", "ip6-allhosts",
        };

        for (size_t i = 0; i < ARRAY_SIZE(names); i++)
                if (strcmp(names[i], name) == 0)
                        return true;
        return false;
}

/* Results of reading a line: 0, a negative errno, HOSTLIST_E_FULL, or that it is skipped. */
enum { LINE_E_SKIPPED = -4096 };

static int skip(const char **ret_expected, const char *expected)
{
        *ret_expected = expected;
        return LINE_E_SKIPPED;
}

/* The next word of a line, cut out; NULL at its end, or where a comment begins. */
static char *next_word(char **at)
{
        char *word = *at + strspn(*at, " \t"), *end;

        if (!*word || *word == '#')
                return NULL;
        end = word + strcspn(word, " \t");
        *at = *end ? end + 1 : end;
        *end = '\0';
        return word;
}

/* The scope of an address like fe80::1%lo0 is of no interest. */
static bool parse_address(const char *word, struct addr *ret)
{
        char text[ADDR_TEXT_MAX];
        size_t n = strcspn(word, "%");

        /* Whatever has neither is a name: most words are. */
        if (strcspn(word, ":") >= n && strspn(word, "0123456789.") < n)
                return false;
        if (n >= sizeof(text))
                return false;
        memcpy(text, word, n);
        text[n] = '\0';
        return addr_parse(text, ret);
}

/* Where nothing is: what lists put before a name that is to lead nowhere. */
static bool is_nowhere(const struct addr *a)
{
        return (addr_scopes(a, NULL) & SCOPE_LOOPBACK) || addr_is_zero(a);
}

static int add_name(struct hostlist *list, const char *name, bool below)
{
        return is_own_name(name) ? 0 : hostset_add(list->set, name, below);
}

/* One word after an address. Of another address than nowhere it may be one of the machine's own names only. */
static int take_host(struct hostlist *list, bool nowhere, const char *word, const char **ret_expected)
{
        char name[DNS_NAME_MAX];
        struct addr ignored;

        if (parse_address(word, &ignored))
                return 0;
        if (!hostname_parse(word, name))
                return skip(ret_expected, "names of hosts after the address");
        if (!nowhere && !is_own_name(name))
                return skip(ret_expected, "0.0.0.0, 127.0.0.1, :: or ::1 before the name");
        return add_name(list, name, false);
}

/* The words after an address; what is wrong with one keeps none of the others out. */
static int take_hosts(struct hostlist *list, const struct addr *address, char *at, const char **ret_expected)
{
        const bool nowhere = is_nowhere(address);
        const char *word = next_word(&at);
        int result = 0;

        if (!word)
                return skip(ret_expected, "a name after the address");
        for (; word; word = next_word(&at)) {
                int r = take_host(list, nowhere, word, ret_expected);

                if (r != 0 && r != LINE_E_SKIPPED)
                        return r;
                result = r != 0 ? r : result;
        }
        return result;
}

static int take_domain(struct hostlist *list, const char *word, char *at, const char **ret_expected)
{
        char name[DNS_NAME_MAX];

        word += str_has_prefix(word, "*.") ? 2 : str_has_prefix(word, ".");
        if (!hostname_parse(word, name))
                return skip(ret_expected, "the name of a host or domain");
        if (next_word(&at))
                return skip(ret_expected, "one name, or an address before several");
        if (hostname_is_public_suffix(name))
                return skip(ret_expected, "a domain that is no public suffix");
        return add_name(list, name, true);
}

static int take_line(struct hostlist *list, const char **ret_expected)
{
        const bool is_first = list->n_lines == 1;
        char *at = list->line;
        struct addr address;
        const char *word;

        if (list->too_long)
                return skip(ret_expected, "a shorter line");
        if (list->n > 0 && at[list->n - 1] == '\r')
                list->n--;
        at[list->n] = '\0';
        if (is_first && str_has_prefix(at, BOM))
                at += strlen(BOM);
        if (strlen(at) != list->n - (size_t)(at - list->line))
                return skip(ret_expected, "text");
        word = next_word(&at);
        if (!word)
                return 0;
        return parse_address(word, &address) ? take_hosts(list, &address, at, ret_expected) : take_domain(list, word, at, ret_expected);
}

/* The line is whole. */
static int end_line(struct hostlist *list)
{
        struct hostlist_skipped *skipped = &list->skipped;
        const char *expected = NULL;
        int r;

        list->n_lines++;
        r = take_line(list, &expected);
        list->n = 0;
        list->too_long = false;
        if (r != LINE_E_SKIPPED)
                return r == HOSTSET_E_FULL ? HOSTLIST_E_FULL : r;
        if (skipped->n < HOSTLIST_TOLD) {
                skipped->first[skipped->n].line = list->n_lines;
                skipped->first[skipped->n].expected = expected;
        }
        skipped->n++;
        return 0;
}

static void keep(struct hostlist *list, const char *bytes, size_t n)
{
        const size_t room = LIMIT_LIST_LINE - list->n, fits = MIN(n, room);

        memcpy(list->line + list->n, bytes, fits);
        list->n += fits;
        list->too_long = list->too_long || n > room;
}

int hostlist_feed(struct hostlist *list, const char *bytes, size_t n)
{
        while (n > 0) {
                const char *newline = memchr(bytes, '\n', n);
                const size_t of_line = newline ? (size_t)(newline - bytes) : n, taken = newline ? of_line + 1 : n;
                int r;

                keep(list, bytes, of_line);
                r = newline ? end_line(list) : 0;
                if (r != 0)
                        return r;
                bytes += taken;
                n -= taken;
        }
        return 0;
}

int hostlist_finish(struct hostlist *list, struct hostset **ret, struct hostlist_skipped *ret_skipped)
{
        int r = list->n > 0 ? end_line(list) : 0;

        *ret_skipped = list->skipped;
        if (r != 0)
                return r;
        if (hostset_count(list->set) == 0)
                return HOSTLIST_E_EMPTY;
        hostset_settle(list->set);
        *ret = TAKE_PTR(list->set);
        return 0;
}

static_assert(LIMIT_LIST_NAMES == 1048576, "the words say so");

const char *hostlist_error_words(int error)
{
        return error == HOSTLIST_E_FULL ? "it has too many names: a list may have 1048576, and 64 MiB of them" : "there is no name of a host in it";
}
