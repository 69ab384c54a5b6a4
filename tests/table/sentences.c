/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Reads the tables in sentences/, the rules' documentation that is held to be true, and holds the real parsers and decide() to them.
 * Lines, top to bottom; "#" starts a comment line:
 *
 *      rule [ID:] SENTENCE              a rule; after an expectation it begins a new set
 *      also [ID:] SENTENCE              one more for the set that was tried already
 *      factory                          a new set: what ships
 *      list PATH | LINE [| LINE]…       a file with these lines is in force from here on in this file
 *      config KEY=yes|no …              what switches the shipped rules: those of the next "factory"
 *      mode learning|enforcement [default=allow|deny] [popup=yes|no]           from here on in this file; enforcement unless said
 *      expect VERDICT SUBJECT to ADDRESS … [| WHY]    a line of `bastion test`; WHY is the deciding rule's id, or the reason
 *      wrong LINE                       is refused, the line below showing where and with which words:
 *               ^^^^ expected …      (the rest of the words may be left out, as here)
 *
 * Each is read by the functions that the daemon and `bastion test` read it with. There are four users (root 0, alice 1000, bob 1001,
 * www-data 33) and two groups (users 100, systemd-network 998).
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "core/decision.h"
#include "wire/expect.h"
#include "wire/hostlist.h"
#include "wire/rulefile.h"

enum { LINE_LEN = 4096 };

static const struct boottime now = { 100 };

struct reader {
        const char *file, *factory;
        unsigned line, n_checked, n_failed;
        struct ruleset *rules;
        struct config config;
        struct hostsets lists;
        char paths[LIMIT_LISTS][64];
        bool was_tried;
        char wrong[LINE_LEN]; /* the line that must be refused, whose explanation is to come; or "" */
};

/* A table that cannot be read is a broken test: say where and stop. */
static void __attribute__((noreturn)) broken(const struct reader *t, const char *what)
{
        fprintf(stderr, "%s:%u: cannot read: %s\n", t->file, t->line, what);
        exit(2);
}

static void failed(struct reader *t, const char *what, const char *is)
{
        t->n_failed++;
        fprintf(stderr, "%s:%u: %s%s\n", t->file, t->line, what, is);
}

static bool find_number(void *userdata, enum sentence_name what, const char *name, uint32_t *ret)
{
        static const struct {
                enum sentence_name what;
                const char *name;
                uint32_t number;
        } names[] = {
                { SENTENCE_USER, "root", 0 },        { SENTENCE_USER, "alice", 1000 },  { SENTENCE_USER, "bob", 1001 },
                { SENTENCE_USER, "www-data", 33 },   { SENTENCE_GROUP, "users", 100 },  { SENTENCE_GROUP, "systemd-network", 998 },
        };

        (void)userdata;
        for (size_t i = 0; i < ARRAY_SIZE(names); i++)
                if (names[i].what == what && strcmp(names[i].name, name) == 0) {
                        *ret = names[i].number;
                        return true;
                }
        return false;
}

/* Sets. */

static void clear_rules(struct reader *t)
{
        ruleset_free(t->rules);
        t->rules = ruleset_new(t->line);
        t->was_tried = false;
        if (!t->rules)
                broken(t, "out of memory");
}

static void add_rules(struct reader *t, const char *text, enum rule_origin origin, int priority)
{
        struct file_error error;
        int r = rulefile_parse_sentences(text, strlen(text), origin, priority, find_number, NULL, t->rules, &error);

        if (r)
                broken(t, r < 0 ? "out of memory" : error.text);
}

static void switch_factory(struct reader *t)
{
        for (struct rule *r = ruleset_next(t->rules, NULL); r; r = ruleset_next(t->rules, r))
                if (!config_enables_factory_rule(&t->config, r->id))
                        r->disabled = true;
}

static void load_factory(struct reader *t)
{
        static char text[1 << 16];
        FILE *f = fopen(t->factory, "re");
        size_t n = f ? fread(text, 1, sizeof(text) - 1, f) : 0;

        if (n == 0 || n == sizeof(text) - 1)
                broken(t, t->factory);
        text[n] = 0;
        fclose(f);
        clear_rules(t);
        add_rules(t, text, ORIGIN_FACTORY, PRIORITY_FACTORY);
        switch_factory(t);
}

/* Lists, which are in force until the end. */
static void add_list(struct reader *t, char *text)
{
        _cleanup_(hostlist_freep) struct hostlist *list = hostlist_new(1);
        struct hostlist_skipped skipped;
        struct hostset *set = NULL;
        char *line = strstr(text, " | ");

        if (!line || t->lists.n == LIMIT_LISTS || snprintf(t->paths[t->lists.n], 64, "%.*s", (int)(line - text), text) >= 64)
                broken(t, "list PATH | LINE");
        while (line) {
                char *next = strstr(line + 3, " | ");
                size_t n = next ? (size_t)(next - line) - 3 : strlen(line + 3);

                if (!list || hostlist_feed(list, line + 3, n) != 0 || hostlist_feed(list, "\n", 1) != 0)
                        broken(t, line);
                line = next;
        }
        if (hostlist_finish(list, &set, &skipped) != 0)
                broken(t, text);
        t->lists.of[t->lists.n].path = t->paths[t->lists.n];
        t->lists.of[t->lists.n++].set = set;
}

static void free_lists(struct reader *t)
{
        for (unsigned i = 0; i < t->lists.n; i++)
                hostset_free((struct hostset *)(uintptr_t)t->lists.of[i].set); /* add_list() made it */
}

/* Configuration. */

static const char *value_of(const char *word, const char *key)
{
        size_t n = strlen(key);

        return strncmp(word, key, n) == 0 && word[n] == '=' ? word + n + 1 : NULL;
}

static void set_switches(struct reader *t, char *text)
{
        const struct {
                const char *key;
                bool *value;
        } switches[] = {
                { "allow_localhost", &t->config.allow_localhost },
                { "allow_lan", &t->config.allow_lan },
                { "allow_root_bypass", &t->config.allow_root_bypass },
                { "allow_systemd_bypass", &t->config.allow_systemd_bypass },
        };

        for (char *word = strtok(text, " "); word; word = strtok(NULL, " ")) {
                bool known = false;

                for (size_t i = 0; i < ARRAY_SIZE(switches); i++)
                        if (value_of(word, switches[i].key)) {
                                *switches[i].value = strcmp(value_of(word, switches[i].key), "yes") == 0;
                                known = true;
                        }
                if (!known)
                        broken(t, word);
        }
}

static void set_mode(struct reader *t, char *text)
{
        const char *word = strtok(text, " "), *value;

        if (!word || !mode_parse(word, &t->config.mode))
                broken(t, "learning or enforcement");
        t->config.default_action = ACTION_DENY;
        t->config.popup_enabled = true;
        while ((word = strtok(NULL, " ")))
                if ((value = value_of(word, "default")) && action_parse(value, &t->config.default_action))
                        continue;
                else if ((value = value_of(word, "popup")))
                        t->config.popup_enabled = strcmp(value, "yes") == 0;
                else
                        broken(t, word);
}

/* Expectations. */

static void check_decision(struct reader *t, const struct expectation *e, const char *why)
{
        const struct supposed *s = &e->supposed;
        struct facts facts = { .subject = s->subject, .flow = &s->flow, .host = s->host, .lists = &t->lists, .interface = s->interface };
        struct decision d;
        const char *is;

        facts.scopes = addr_scopes(&s->flow.remote, NULL) | s->scopes;
        d = decide(t->rules, &t->config, &facts, 1, OWNERS_ALL, now);
        is = d.rule ? d.rule->id : reason_word(d.reason);
        t->n_checked++;
        if (d.verdict != e->verdict)
                failed(t, "is ", verdict_name(d.verdict));
        else if (why && strcmp(why, is) != 0)
                failed(t, "by ", is);
}

static void check_expectation(struct reader *t, char *line)
{
        struct sentence_error error;
        struct expectation e;
        char *why = NULL;

        for (char *at = line; (at = strstr(at, " | ")); at += 3)
                why = at;
        if (why) {
                *why = 0;
                why += 3;
                why += strspn(why, " ");
        }
        if (expect_parse(line, strlen(line), find_number, NULL, &e, &error) != 0)
                broken(t, error.expected);
        check_decision(t, &e, why);
        supposed_deinit(&e.supposed);
        t->was_tried = true;
}

/* Refusals. */

/* What follows `word` and its blank, or NULL. */
static char *after(char *line, const char *word)
{
        size_t n = strlen(word);

        return strncmp(line, word, n) == 0 && (line[n] == ' ' || line[n] == 0) ? line + n + (line[n] == ' ') : NULL;
}

/* What is said of t->wrong. False: it was taken. */
static bool refuse(struct reader *t, struct sentence_error *ret)
{
        size_t n = strlen(t->wrong);
        struct expectation e;
        struct rule *rule;

        if (after(t->wrong, "expect")) {
                if (expect_parse(t->wrong, n, find_number, NULL, &e, ret) != 0)
                        return true;
                supposed_deinit(&e.supposed);
                return false;
        }
        if (sentence_parse_with_names(t->wrong, n, find_number, NULL, &rule, ret) != 0)
                return true;
        rule_free(rule);
        return false;
}

/* Up to "…" where that is the end. */
static bool same_line(const char *line, const char *expected)
{
        size_t n = strlen(line);

        return str_has_suffix(line, "…") ? strncmp(line, expected, n - strlen("…")) == 0 : strcmp(line, expected) == 0;
}

/* The line below "wrong LINE" as it ought to be: blanks, a mark under each byte of the word (one at the end), the words. */
static void check_refusal(struct reader *t, const char *line)
{
        struct sentence_error error = { .at = 0 };
        char expected[LINE_LEN] = "";
        size_t n;

        t->n_checked++;
        if (!refuse(t, &error)) {
                failed(t, "was taken: ", t->wrong);
        } else {
                n = (size_t)snprintf(expected, sizeof(expected), "%*s", (int)(strlen("wrong ") + error.at), "");
                memset(expected + n, '^', MAX(error.length, (size_t)1));
                n += MAX(error.length, (size_t)1);
                snprintf(expected + n, sizeof(expected) - n, " %s", error.expected);
                if (!same_line(line, expected))
                        failed(t, "is\n", expected);
        }
        t->wrong[0] = 0;
}

static void read_line(struct reader *t, char *line)
{
        char *rest;

        if (t->wrong[0]) {
                check_refusal(t, line);
        } else if (!*line || *line == '#') {
                return;
        } else if ((rest = after(line, "rule"))) {
                if (t->was_tried)
                        clear_rules(t);
                add_rules(t, rest, ORIGIN_LIST, PRIORITY_DEFAULT);
        } else if ((rest = after(line, "also"))) {
                add_rules(t, rest, ORIGIN_LIST, PRIORITY_DEFAULT);
        } else if ((rest = after(line, "factory"))) {
                load_factory(t);
        } else if ((rest = after(line, "list"))) {
                add_list(t, rest);
        } else if ((rest = after(line, "config"))) {
                set_switches(t, rest);
        } else if ((rest = after(line, "mode"))) {
                set_mode(t, rest);
        } else if (after(line, "expect")) {
                check_expectation(t, line);
        } else if ((rest = after(line, "wrong"))) {
                snprintf(t->wrong, sizeof(t->wrong), "%s", rest);
        } else {
                broken(t, line);
        }
}

int main(int argc, char **argv)
{
        struct reader t = { .file = argc == 3 ? argv[1] : "", .factory = argc == 3 ? argv[2] : "", .config = config_default() };
        char line[LINE_LEN];
        FILE *f = fopen(t.file, "re");

        if (!f) {
                fprintf(stderr, "%s: %s\n", t.file, strerror(errno));
                return 2;
        }
        t.config.mode = MODE_ENFORCEMENT;
        clear_rules(&t);
        while (fgets(line, sizeof(line), f)) {
                size_t n = strcspn(line, "\n");

                t.line++;
                if (!line[n])
                        broken(&t, "a line too long, or without end");
                line[n] = 0;
                read_line(&t, line);
        }
        fclose(f);
        ruleset_free(t.rules);
        free_lists(&t);
        if (t.wrong[0])
                broken(&t, "nothing below the last wrong line");
        printf("%s: %u passed, %u failed\n", t.file, t.n_checked - t.n_failed, t.n_failed);
        return t.n_failed > 0 || t.n_checked == 0;
}
