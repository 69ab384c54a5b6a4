/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Rules as nobody would write them, through both of their forms: object → sentence → object and sentence → object → sentence come out
 * byte by byte as they went in. Every criterion with its lists and its "not", and every lifetime that can be asked for; paths and patterns
 * of bytes that are no UTF-8, of quotes, blanks, control and invisible characters; values that are words of the grammar; hosts of one
 * label; paths in which * is a star.
 */
#include <time.h>

#include "unit.h"

#include "random-rules.h"

#include "base/str.h"
#include "core/pattern.h"
#include "wire/rulejson.h"
#include "wire/ruletext.h"
#include "wire/sentence.h"

static unsigned long n_rules, n_negated, n_several, n_bytes, n_literals, n_too_long;

/* Texts. */

static const char *const fragments[] = {
        "or",   "not",  "to",   "note", "anyone", "a",    "b",     "0",        " ",            "\t",           "\n",            "\r",
        "\"",   "\\",   "\\\\", "'",    ",",      ":",    "-",     ".",        "..",           "/",            "//",            "*",
        "**",   "?",    "\\*",  "\\[",  "[a-z]",  "[!x]", "[]]",   "[^]-a]",   "\xff",         "\xc3",         "\xc3\xa4",      "\x01",
        "\x7f", "{",    "}",    "%n",   "$HOME",  "#",    "\x1b[m", "\\u00e4",  "\xef\xbf\xbd", "\xe2\x80\xae", "\xed\xa0\x80",  "\xf3\xa0\x81\x81",
};

static void random_text(char *text, size_t room, const char *start)
{
        size_t n = (size_t)snprintf(text, room, "%s", start);

        for (unsigned left = random_below(6); left > 0; left--) {
                const char *fragment = random_of(fragments);

                if (n + strlen(fragment) < room) {
                        memcpy(text + n, fragment, strlen(fragment) + 1);
                        n += strlen(fragment);
                }
        }
}

static void add_text(struct rule *r, enum criterion_kind kind)
{
        char text[128];

        do
                random_text(text, sizeof(text), criterion_is_path(kind) || criterion_shape(kind) == SHAPE_FILE ? "/" : "");
        while (!text[0] || (criterion_shape(kind) == SHAPE_PATTERN && pattern_check(text)));
        n_bytes += !str_is_utf8(text, strlen(text));
        assert_int_equal(rule_add_text(r, kind, text), 0);
}

static void add_host(struct rule *r)
{
        static const char *const labels[] = { "a", "or", "not", "lan", "internet", "xn--bcher-kva", "0", "10", "255", "_dns", "a-b", "-", "com" };
        char text[128] = "", host[RULETEXT_HOST_MAX];
        const char *expected;
        size_t n = 0;

        for (unsigned left = 1 + random_below(4), first = 1; left > 0; left--, first = 0)
                n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%s", first && random_below(2) ? "" : ".", random_of(labels));
        if (ruletext_parse_host(text, host, &expected) && ruletext_check_domain(host, &expected))
                assert_int_equal(rule_add_text(r, CRITERION_HOST, host), 0);
        else
                assert_int_equal(rule_add_text(r, CRITERION_HOST, "nas"), 0);
}

static void add_network(struct rule *r)
{
        struct addr whole = random_address(), network;
        uint8_t prefix = (uint8_t)(random_below(2) ? 128 : random_below(129));

        for (unsigned i = 0; i < 4; i++)
                whole.bytes[random_below(16)] ^= (uint8_t)random_below(256);
        network = addr_masked(&whole, prefix);
        assert_int_equal(rule_add_network(r, &network, prefix), 0);
}

static void add_ports(struct rule *r)
{
        uint16_t first = (uint16_t)(1 + random_below(65535)), last = (uint16_t)(first + random_below(65536u - first));

        assert_int_equal(rule_add_ports(r, first, random_below(2) ? first : last), 0);
}

static void add_value(struct rule *r, enum criterion_kind kind)
{
        switch (criterion_shape(kind)) {
        case SHAPE_PATTERN:
        case SHAPE_FILE:
                add_text(r, kind);
                break;
        case SHAPE_HOST:
                add_host(r);
                break;
        case SHAPE_NETWORK:
                add_network(r);
                break;
        case SHAPE_PORTS:
                add_ports(r);
                break;
        case SHAPE_SCOPES:
                assert_int_equal(rule_add_number(r, kind, 1u << random_below(7)), 0);
                break;
        case SHAPE_PROTOCOL:
                assert_int_equal(rule_add_number(r, kind, random_below(256)), 0);
                break;
        case SHAPE_ID:
                assert_int_equal(rule_add_number(r, kind, random_below(3) ? random_below(3000) : UINT32_MAX - 1), 0);
                break;
        case SHAPE_PROCESS: /* shown, never read */
                break;
        }
}

static void add_criterion(struct rule *r, enum criterion_kind kind)
{
        for (unsigned left = random_below(3) ? 1 : 1 + random_below(6); left > 0; left--)
                add_value(r, kind);
        if (random_below(3) == 0)
                rule_negate(r, kind);
        n_negated += rule_criterion(r, kind)->negated;
        n_several += rule_criterion(r, kind)->n > 1;
}

static void add_subject(struct rule *r)
{
        char text[128];

        r->subject = (enum rule_subject)random_below(6);
        switch (r->subject) {
        case RULE_PATH: /* no pattern: whatever stands there stands for itself */
                random_text(text, sizeof(text), "/");
                r->program = strdup(text);
                n_literals += strpbrk(text, "*?[\\") != NULL;
                break;
        case RULE_NAME:
                random_text(text, sizeof(text), "n");
                r->program = strdup(text + random_below(2) * (text[1] != 0));
                break;
        case RULE_PROGRAMS:
                add_criterion(r, CRITERION_PROGRAM);
                assert_int_equal(rule_settle_subject(r), 0);
                break;
        case RULE_ANYONE:
        case RULE_UNKNOWN:
        case RULE_KERNEL:
                break;
        }
}

static void add_note(struct rule *r)
{
        char text[128];

        do
                random_text(text, sizeof(text), "");
        while (!str_is_utf8(text, strlen(text)));
        r->note = strdup(text);
}

/* As somebody asks for it: not begun yet. */
static void add_lifetime(struct rule *r)
{
        switch (random_below(8)) {
        case 0:
                r->lifetime = LIFETIME_SESSION;
                r->origin = ORIGIN_SESSION;
                break;
        case 1:
                r->lifetime = LIFETIME_REBOOT;
                break;
        case 2:
                r->lifetime = LIFETIME_UNTIL;
                r->ending.lasts = 1 + random_below(DURATION_MAX);
                break;
        case 3:
                r->lifetime = LIFETIME_UNTIL;
                r->ending.until = 1 + (int64_t)random_below(1u << 31) * random_below(100);
                break;
        default:
                break;
        }
}

static struct rule *odd_rule(void)
{
        struct rule *r = rule_new((enum action)random_below(3));

        assert_non_null(r);
        add_lifetime(r);
        r->disabled = random_below(8) == 0;
        r->priority = random_below(4) ? 0 : (int)random_below(2 * PRIORITY_MAX + 1) - PRIORITY_MAX;
        add_subject(r);
        for (unsigned kind = CRITERION_PROGRAM + 1; kind < CRITERION_KIND_COUNT; kind++)
                if (kind != CRITERION_PROCESS && random_below(5) == 0)
                        add_criterion(r, (enum criterion_kind)kind);
        if (random_below(4) == 0)
                add_note(r);
        return r;
}

/* Forms. */

static char *to_object(const struct rule *r, enum rulejson_form form)
{
        _cleanup_(buf_deinit) struct buf text = {};
        struct jsonwrite w = { .out = &text };

        rulejson_write(&w, NULL, r, form, !r->disabled);
        assert_int_equal(buf_error(&text), 0);
        return buf_take(&text);
}

static struct rule *of_object(const char *text, enum rulejson_form form)
{
        _cleanup_(json_decrefp) json_t *object = NULL;
        struct file_error error;
        struct jsonread r = {};
        struct rule *rule;

        if (jsonread_load(text, strlen(text), &object, &error) != 0)
                fail_msg("%s: %s", text, error.text);
        rule = rulejson_read(&r, object, form);
        if (!rule)
                fail_msg("%s: %s: %s", text, r.key, r.expected);
        return rule;
}

static char *to_sentence(const struct rule *r)
{
        _cleanup_(buf_deinit) struct buf text = {};

        sentence_format(r, &text);
        assert_int_equal(buf_error(&text), 0);
        assert_true(str_is_utf8(text.data, text.n) && !strpbrk(text.data, "\n\r\t\x1b"));
        return buf_take(&text);
}

static struct rule *of_sentence(const char *text)
{
        struct rule *rule = NULL;
        struct sentence_error error;

        if (sentence_parse(text, strlen(text), &rule, &error) != 0)
                fail_msg("%s\n%*s^ %s", text, (int)error.at, "", error.expected);
        return rule;
}

static void there_and_back(const struct rule *r)
{
        _cleanup_(freep) char *object = to_object(r, RULEJSON_REQUEST), *sentence = to_sentence(r), *object2 = NULL, *sentence2 = NULL;
        _cleanup_(rule_freep) struct rule *by_object = of_object(object, RULEJSON_REQUEST), *by_sentence = NULL;

        if (strlen(sentence) > LIMIT_SENTENCE) {
                n_too_long++;
                return;
        }
        by_sentence = of_sentence(sentence);
        assert_true(rule_same_criteria(r, by_object) && rule_same_criteria(r, by_sentence));
        assert_true(r->lifetime == by_object->lifetime && r->lifetime == by_sentence->lifetime);
        object2 = to_object(by_sentence, RULEJSON_REQUEST);
        sentence2 = to_sentence(by_object);
        assert_string_equal(object, object2);
        assert_string_equal(sentence, sentence2);
}

/* As a file keeps it, and as the daemon tells it; who has begun by then, if it is for a time. */
static void other_forms(const struct rule *r)
{
        static const enum rulejson_form forms[] = { RULEJSON_FILE, RULEJSON_REPLY };

        for (size_t i = 0; i < ARRAY_SIZE(forms); i++) {
                _cleanup_(freep) char *object = NULL, *object2 = NULL;
                _cleanup_(rule_freep) struct rule *again = NULL;

                if (r->ending.lasts > 0 || (forms[i] == RULEJSON_FILE && r->lifetime != LIFETIME_ALWAYS))
                        continue;
                object = to_object(r, forms[i]);
                again = of_object(object, forms[i]);
                object2 = to_object(again, forms[i]);
                assert_true(rule_same_criteria(r, again));
                assert_string_equal(object, object2);
        }
}

static void both_forms_say_the_same(void **state)
{
        uint64_t seed = random_number_from("BASTION_TEST_SEED", (uint64_t)time(NULL)), rounds = random_rounds(20000, 200000);

        (void)state;
        random_start(seed, rounds);
        for (; n_rules < rounds; n_rules++) {
                _cleanup_(rule_freep) struct rule *r = odd_rule();

                there_and_back(r);
                other_forms(r);
        }
        print_message("%lu rules; %lu negations, %lu lists, %lu texts that are no UTF-8, %lu paths that look like patterns, %lu too long\n",
                      n_rules, n_negated, n_several, n_bytes, n_literals, n_too_long);
        if (rounds >= 1000)
                assert_true(n_negated > rounds / 10 && n_several > rounds / 10 && n_bytes > rounds / 10 && n_literals > rounds / 100);
        assert_true(n_too_long < 1 + rounds / 1000);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(both_forms_say_the_same),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
