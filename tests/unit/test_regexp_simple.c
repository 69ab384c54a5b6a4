/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Simple regular expressions: what they become, what is none, and that the patterns match what the C library says the expression matches. */
#include <regex.h>

#include "base/macros.h"
#include "core/pattern.h"
#include "unit.h"
#include "wire/regexp-simple.h"

static const char *const flavours[] = {
        [REGEXP_PATH] = "path", [REGEXP_TEXT] = "text", [REGEXP_DIGITS] = "digits", [REGEXP_WORDS] = "words" };

static void join(const struct regexp_patterns *p, char *out, size_t size)
{
        size_t n = 0;

        out[0] = 0;
        for (unsigned i = 0; i < p->n; i++)
                n += (size_t)snprintf(out + n, size - n, "%s%s", i > 0 ? " | " : "", p->patterns[i]);
}

static void test_simple(void **state _unused_)
{
        static const struct {
                enum regexp_flavour flavour;
                const char *regexp, *patterns;
        } rows[] = {
                { REGEXP_PATH, "^/usr/bin/curl$", "/usr/bin/curl" },
                { REGEXP_PATH, "/usr/bin/curl", "**/usr/bin/curl**" },
                { REGEXP_PATH, "^/opt/a\\+b\\*\\[/x$", "/opt/a+b\\*\\[/x" },
                { REGEXP_PATH, "^/tmp/.*", "/tmp/**" },
                { REGEXP_PATH, "^/tmp/.*$", "/tmp/**" },
                { REGEXP_PATH, "(?i)^/tmp/.*?$", "/tmp/**" },
                { REGEXP_PATH, ".*/firefox$", "**/firefox" },
                { REGEXP_PATH, "^/a/.+$", "/a/?** | /a//**" },
                { REGEXP_PATH, "^/a/.+?$", "/a/?** | /a//**" },
                { REGEXP_PATH, "^(/usr/sbin/ntpd|/lib/systemd/systemd-timesyncd)$", "/usr/sbin/ntpd | /lib/systemd/systemd-timesyncd" },
                { REGEXP_PATH, "^/usr/bin/python3(\\.[0-9])?$", "/usr/bin/python3.[0-9] | /usr/bin/python3" },
                { REGEXP_PATH, "^/usr/bin/python[23]$", "/usr/bin/python[23]" },
                { REGEXP_PATH, "^/x[a-f_.-]y$", "/x[._a-f-]y" },
                { REGEXP_PATH, "^/x[a]y$", "/xay" },
                { REGEXP_PATH, "^(/tmp/|/var/tmp/|/dev/shm/).*", "/tmp/** | /var/tmp/** | /dev/shm/**" },
                { REGEXP_PATH, "^/opt/\xc3\xa4?b$", "/opt/\xc3\xa4" "b | /opt/b" },
                { REGEXP_PATH, "^/a/.*/b/.*\\.so$", "/a/**/b/**.so" },
                { REGEXP_PATH, "", "**" },
                { REGEXP_PATH, "^", "**" },
                { REGEXP_PATH, "^$", "" },
                { REGEXP_PATH, ".*", "**" },
                { REGEXP_PATH, "^/a$|^/b", "/a | /b**" },
                { REGEXP_WORDS, "^(www|ftp)\\.example\\.com$", "www.example.com | ftp.example.com" },
                { REGEXP_WORDS, "^(.*\\.)?example\\.com$", "*.example.com | example.com" },
                { REGEXP_WORDS, "(^|\\.)example\\.com$", "example.com | *.example.com" },
                { REGEXP_WORDS, "^ads[1-3]\\.x\\.org$", "ads1.x.org | ads2.x.org | ads3.x.org" },
                { REGEXP_WORDS, "(?:a|b)c", "*ac* | *bc*" },
                { REGEXP_WORDS, "^(0|115|118)$", "0 | 115 | 118" },
                { REGEXP_DIGITS, "^(53|80|443)$", "53 | 80 | 443" },
                { REGEXP_DIGITS, "^555[12345]$", "555[1-5]" },
                { REGEXP_DIGITS, "^80\\d\\d$", "80[0-9][0-9]" },
                { REGEXP_DIGITS, "^80..?$", "80?? | 80?" },
                { REGEXP_TEXT, "^(wg|tun).*", "wg* | tun*" },
                { REGEXP_TEXT, "^eth.+$", "eth?*" },
                { REGEXP_TEXT, "^a\\*?$", "a\\* | a" },
                { REGEXP_TEXT, "^a(.*)?$", "a* | a" },
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                _cleanup_(regexp_patterns_deinit) struct regexp_patterns p = { .n = 0 };
                const char *reason = NULL;
                char text[512];

                if (regexp_to_patterns(rows[i].regexp, rows[i].flavour, &p, &reason) != 0)
                        fail_msg("%s as %s: %s", rows[i].regexp, flavours[rows[i].flavour], reason);
                join(&p, text, sizeof(text));
                assert_string_equal(text, rows[i].patterns);
        }
}

static void test_not_simple(void **state _unused_)
{
        static const struct {
                enum regexp_flavour flavour;
                const char *regexp, *reason; /* part of it */
        } rows[] = {
                { REGEXP_PATH, "^/usr/lib/python3.11/x$", "write \\." },
                { REGEXP_WORDS, "^www.example.com$", "write \\." },
                { REGEXP_TEXT, "^eth.$", "write \\." },
                { REGEXP_PATH, "^/tmp/[^/]+$", "must not be" },
                { REGEXP_PATH, "^/tmp/[a-z]+$", "repetition" },
                { REGEXP_PATH, "^/tmp/a*$", "repetition" },
                { REGEXP_PATH, "^/tmp/(a|b)*$", "repetition" },
                { REGEXP_DIGITS, "^[0-9]{1,3}$", "repetition" },
                { REGEXP_DIGITS, "*", "repetition" },
                { REGEXP_PATH, "^/a.**$", "repetition" },
                { REGEXP_PATH, "^/a[/b]$", "/ in it" },
                { REGEXP_PATH, "^/a[[:alpha:]]$", "[ in it" },
                { REGEXP_PATH, "^/a[!b]$", "other characters" },
                { REGEXP_PATH, "^/a[]b]$", "other characters" },
                { REGEXP_PATH, "^/a[A-z]$", "range" },
                { REGEXP_PATH, "^/a[z-a]$", "range" },
                { REGEXP_PATH, "^/a[b", "other characters" },
                { REGEXP_PATH, "^/a\\w$", "backslash" },
                { REGEXP_PATH, "^/a\\", "backslash" },
                { REGEXP_PATH, "^(/a$", "without its )" },
                { REGEXP_PATH, "^/a)$", "without its group" },
                { REGEXP_PATH, "^(?P<x>a)$", "(?" },
                { REGEXP_PATH, "^(?!a)b$", "(?" },
                { REGEXP_PATH, "a^b", "begins and ends" },
                { REGEXP_PATH, "a$b", "begins and ends" },
                { REGEXP_WORDS, "^[a-z][a-z]$", "64 patterns" },
                { REGEXP_PATH, "^((((((((((((((((((a))))))))))))))))))$", "16 deep" },
        };
        _cleanup_(freep) char *longer = malloc(5000);

        assert_non_null(longer);
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                struct regexp_patterns p = { .n = 0 };
                const char *reason = NULL;

                if (regexp_to_patterns(rows[i].regexp, rows[i].flavour, &p, &reason) != REGEXP_E_NOT_SIMPLE || p.n != 0)
                        fail_msg("%s is taken", rows[i].regexp);
                if (!strstr(reason, rows[i].reason))
                        fail_msg("%s: %s", rows[i].regexp, reason);
        }
        for (size_t n = 600; n < 5000; n += 4000) {
                struct regexp_patterns p = { .n = 0 };
                const char *reason = NULL;

                memset(longer, 'a', n);
                longer[n] = 0;
                assert_int_equal(regexp_to_patterns(longer, REGEXP_PATH, &p, &reason), REGEXP_E_NOT_SIMPLE);
                assert_non_null(strstr(reason, n > 4096 ? "4096" : "512"));
        }
}

/* An expression of what the reader knows, and some things that it does not. */
static void random_regexp(unsigned *seed, unsigned depth, struct buf *out)
{
        static const char *const items[] = { "a", "b", "/", "\\.", ".*", "[ab]", "a?", ".+", "b?", "[a-b.]", "(a|)", ".", "a*" };
        unsigned n = (unsigned)rand_r(seed) % 4 + 1;

        for (unsigned i = 0; i < n; i++) {
                unsigned what = (unsigned)rand_r(seed) % 18;

                if (what < ARRAY_SIZE(items)) {
                        buf_puts(out, items[what]);
                } else if (depth < 3) {
                        buf_putc(out, '(');
                        random_regexp(seed, depth + 1, out);
                        buf_putc(out, '|');
                        if (what == 15)
                                buf_putc(out, '^');
                        random_regexp(seed, depth + 1, out);
                        if (what == 16)
                                buf_putc(out, '$');
                        buf_puts(out, what == 17 ? ")?" : ")");
                }
        }
}

static bool any_matches(const struct regexp_patterns *p, enum pattern_kind kind, const char *text)
{
        for (unsigned i = 0; i < p->n; i++)
                if (pattern_matches(p->patterns[i], kind, text, strlen(text)))
                        return true;
        return false;
}

static void test_against_the_library(void **state _unused_)
{
        unsigned seed = 20261122, n_simple = 0, n_matches = 0;

        for (unsigned i = 0; i < 40000 / one_in(20); i++) {
                enum regexp_flavour flavour = (enum regexp_flavour)(i % 4);
                enum pattern_kind kind = flavour == REGEXP_PATH ? PATTERN_PATH : PATTERN_TEXT;
                _cleanup_(regexp_patterns_deinit) struct regexp_patterns p = { .n = 0 };
                _cleanup_(buf_deinit) struct buf regexp = { 0 };
                const char *reason;
                regex_t compiled;

                if (rand_r(&seed) % 2)
                        buf_putc(&regexp, '^');
                random_regexp(&seed, 0, &regexp);
                if (rand_r(&seed) % 2)
                        buf_putc(&regexp, '$');
                if (regexp_to_patterns(regexp.data, flavour, &p, &reason) != 0)
                        continue;
                for (unsigned j = 0; j < p.n; j++)
                        assert_null(pattern_check(p.patterns[j]));
                if (regcomp(&compiled, regexp.data, REG_EXTENDED | REG_NOSUB) != 0)
                        continue;
                n_simple++;
                for (unsigned j = 0; j < 40; j++) {
                        char text[8] = "";
                        bool expected;

                        for (unsigned k = (unsigned)rand_r(&seed) % sizeof(text); k > 0; k--)
                                text[k - 1] = "ab/.c"[rand_r(&seed) % 5];
                        expected = regexec(&compiled, text, 0, NULL, 0) == 0;
                        n_matches += expected;
                        if (any_matches(&p, kind, text) != expected)
                                fail_msg("%s as %s and \"%s\": the library says %d", regexp.data, flavours[flavour], text, expected);
                }
                regfree(&compiled);
        }
        assert_true(n_simple > 5000 / one_in(20) && n_matches > 50000 / one_in(20));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_simple),
                cmocka_unit_test(test_not_simple),
                cmocka_unit_test(test_against_the_library),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
