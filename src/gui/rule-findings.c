/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Theory in the header. */
#include "gui/rule-findings.h"

#include <string.h>

struct entry {
        struct rule_line *line; /* a reference */
        char *words;            /* a GRefString, interned */
};

struct rule_findings {
        GArray *entries; /* of struct entry */
};

static void entry_clear(gpointer data)
{
        struct entry *entry = data;

        rule_line_unref(entry->line);
        g_ref_string_release(entry->words);
}

struct rule_findings *rule_findings_new(void)
{
        struct rule_findings *findings = g_new0(struct rule_findings, 1);

        findings->entries = g_array_new(FALSE, FALSE, sizeof(struct entry));
        g_array_set_clear_func(findings->entries, entry_clear);
        return findings;
}

struct rule_findings *rule_findings_free(struct rule_findings *findings)
{
        if (findings)
                g_array_unref(findings->entries);
        g_free(findings);
        return NULL;
}

static struct entry *last_entry(struct rule_findings *findings)
{
        return findings->entries->len > 0 ? &g_array_index(findings->entries, struct entry, findings->entries->len - 1) : NULL;
}

void rule_findings_add(struct rule_findings *findings, struct rule_line *line, const char *words)
{
        struct entry entry = { .line = rule_line_ref(line), .words = g_ref_string_new_intern(words) }, *last = last_entry(findings);

        if (last && last->line == line) {
                entry_clear(last);
                *last = entry;
                return;
        }
        g_array_append_val(findings->entries, entry);
}

static int compare(const void *a, const void *b)
{
        const struct entry *of_a = a, *of_b = b;

        return strcmp(rule_line_id(of_a->line), rule_line_id(of_b->line));
}

void rule_findings_sort(struct rule_findings *findings)
{
        g_array_sort(findings->entries, compare);
}

const char *rule_findings_find(const struct rule_findings *findings, const char *id)
{
        guint low = 0, high = findings->entries->len;

        while (low < high) {
                guint middle = low + (high - low) / 2;
                const struct entry *entry = &g_array_index(findings->entries, struct entry, middle);
                int order = strcmp(id, rule_line_id(entry->line));

                if (order == 0)
                        return entry->words;
                if (order < 0)
                        high = middle;
                else
                        low = middle + 1;
        }
        return NULL;
}

unsigned rule_findings_count(const struct rule_findings *findings)
{
        return findings->entries->len;
}
