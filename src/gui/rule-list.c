/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Theory in the header. `rows` has one number a row: the index of its line, and for a heading its highest bit. */
#include "gui/rule-list.h"

#include <string.h>

enum { HEADING = 0x80000000u };

struct _BastionRuleItem {
        GObject parent;
        struct rule_line *line;
        unsigned count;
};

G_DEFINE_FINAL_TYPE(BastionRuleItem, bastion_rule_item, G_TYPE_OBJECT)

struct _BastionRuleList {
        GObject parent;
        GPtrArray *lines;
        GArray *rows; /* of uint32_t */
        struct rule_findings *findings;
        enum rule_grouping grouping;
        enum rule_filter filter;
        char *words;
        unsigned n_shown;
};

static guint signal_findings;

static void list_model_init(GListModelInterface *interface);

G_DEFINE_FINAL_TYPE_WITH_CODE(BastionRuleList, bastion_rule_list, G_TYPE_OBJECT, G_IMPLEMENT_INTERFACE(G_TYPE_LIST_MODEL, list_model_init))

/* ---- a row ----------------------------------------------------------------------------------------------------------------- */

const struct rule_line *bastion_rule_item_get_line(BastionRuleItem *item)
{
        return item->line;
}

unsigned bastion_rule_item_get_count(BastionRuleItem *item)
{
        return item->count;
}

static void bastion_rule_item_finalize(GObject *object)
{
        rule_line_unref(BASTION_RULE_ITEM(object)->line);
        G_OBJECT_CLASS(bastion_rule_item_parent_class)->finalize(object);
}

static void bastion_rule_item_class_init(BastionRuleItemClass *class)
{
        G_OBJECT_CLASS(class)->finalize = bastion_rule_item_finalize;
}

static void bastion_rule_item_init(_unused_ BastionRuleItem *item)
{
}

/* ---- the rows of a state ------------------------------------------------------------------------------------------------------ */

static struct rule_line *line_of(GPtrArray *lines, uint32_t row)
{
        return lines->pdata[row & ~HEADING];
}

static uint32_t row_at(GArray *rows, unsigned i)
{
        return g_array_index(rows, uint32_t, i);
}

static bool passes(BastionRuleList *list, const struct rule_line *line)
{
        return rule_line_passes(line, list->filter) && (list->filter != FILTER_WARNINGS || rule_findings_find(list->findings, rule_line_id(line))) &&
               rule_line_has_words(line, list->words);
}

static bool same_group(BastionRuleList *list, const struct rule_line *a, const struct rule_line *b)
{
        return list->grouping == GROUP_BY_ORIGIN ? rule_line_place(a) == rule_line_place(b) : rule_line_same_group(a, b);
}

static GArray *make_rows(BastionRuleList *list, unsigned *ret_n_shown)
{
        GArray *rows = g_array_new(FALSE, FALSE, sizeof(uint32_t));
        const struct rule_line *before = NULL;

        *ret_n_shown = 0;
        for (uint32_t i = 0; i < list->lines->len; i++) {
                const struct rule_line *line = list->lines->pdata[i];
                uint32_t heading = i | HEADING;

                if (!passes(list, line))
                        continue;
                if (!before || !same_group(list, before, line))
                        g_array_append_val(rows, heading);
                g_array_append_val(rows, i);
                before = line;
                ++*ret_n_shown;
        }
        return rows;
}

/* How many rows the group of the heading at `i` has. */
static unsigned count_group(GArray *rows, unsigned i)
{
        unsigned end = i + 1;

        while (end < rows->len && !(row_at(rows, end) & HEADING))
                end++;
        return end - i - 1;
}

static bool row_equal(GPtrArray *lines_a, GArray *a, unsigned i, GPtrArray *lines_b, GArray *b, unsigned j)
{
        uint32_t of_a = row_at(a, i), of_b = row_at(b, j);

        if ((of_a & HEADING) != (of_b & HEADING))
                return false;
        if (of_a & HEADING)
                return rule_line_same_group(line_of(lines_a, of_a), line_of(lines_b, of_b)) && count_group(a, i) == count_group(b, j);
        return rule_line_equal(line_of(lines_a, of_a), line_of(lines_b, of_b));
}

/* Takes the new state's lines; tells from where to where the rows are different. */
static void replace(BastionRuleList *list, GPtrArray *lines)
{
        g_autoptr(GPtrArray) old_lines = TAKE_PTR(list->lines);
        g_autoptr(GArray) old = TAKE_PTR(list->rows);
        unsigned head = 0, tail = 0, most;

        list->lines = lines;
        list->rows = make_rows(list, &list->n_shown);
        most = MIN(old->len, list->rows->len);
        while (head < most && row_equal(old_lines, old, head, list->lines, list->rows, head))
                head++;
        while (tail < most - head && row_equal(old_lines, old, old->len - 1 - tail, list->lines, list->rows, list->rows->len - 1 - tail))
                tail++;
        if (old->len - head - tail > 0 || list->rows->len - head - tail > 0)
                g_list_model_items_changed(G_LIST_MODEL(list), head, old->len - head - tail, list->rows->len - head - tail);
}

/* ---- the list -------------------------------------------------------------------------------------------------------------- */

static void refilter(BastionRuleList *list)
{
        replace(list, g_ptr_array_ref(list->lines));
}

void bastion_rule_list_take(BastionRuleList *list, GPtrArray *lines)
{
        replace(list, lines);
}

GPtrArray *bastion_rule_list_get_lines(BastionRuleList *list)
{
        return list->lines;
}

void bastion_rule_list_set_grouping(BastionRuleList *list, enum rule_grouping grouping)
{
        GPtrArray *lines;

        if (grouping == list->grouping)
                return;
        list->grouping = grouping;
        lines = g_ptr_array_new_full(list->lines->len, (GDestroyNotify)(void (*)(void))rule_line_unref);
        for (unsigned i = 0; i < list->lines->len; i++)
                g_ptr_array_add(lines, rule_line_ref(list->lines->pdata[i]));
        g_ptr_array_sort(lines, grouping == GROUP_BY_ORIGIN ? rule_line_compare_by_origin : rule_line_compare);
        replace(list, lines);
}

enum rule_grouping bastion_rule_list_get_grouping(BastionRuleList *list)
{
        return list->grouping;
}

void bastion_rule_list_set_filter(BastionRuleList *list, enum rule_filter filter, const char *words)
{
        list->filter = filter;
        g_free(list->words);
        list->words = g_ascii_strdown(words, -1);
        refilter(list);
}

unsigned bastion_rule_list_get_n_shown(BastionRuleList *list)
{
        return list->n_shown;
}

void bastion_rule_list_take_findings(BastionRuleList *list, struct rule_findings *findings)
{
        rule_findings_free(list->findings);
        list->findings = findings;
        if (list->filter == FILTER_WARNINGS)
                refilter(list);
        g_signal_emit(list, signal_findings, 0);
}

const char *bastion_rule_list_get_finding(BastionRuleList *list, const char *id)
{
        return rule_findings_find(list->findings, id);
}

unsigned bastion_rule_list_get_n_findings(BastionRuleList *list)
{
        return rule_findings_count(list->findings);
}

static GType list_get_item_type(_unused_ GListModel *model)
{
        return BASTION_TYPE_RULE_ITEM;
}

static guint list_get_n_items(GListModel *model)
{
        return BASTION_RULE_LIST(model)->rows->len;
}

static gpointer list_get_item(GListModel *model, guint i)
{
        BastionRuleList *list = BASTION_RULE_LIST(model);
        BastionRuleItem *item;
        uint32_t row;

        if (i >= list->rows->len)
                return NULL;
        row = row_at(list->rows, i);
        item = g_object_new(BASTION_TYPE_RULE_ITEM, NULL);
        item->line = rule_line_ref(line_of(list->lines, row));
        item->count = row & HEADING ? count_group(list->rows, i) : 0;
        return item;
}

static void list_model_init(GListModelInterface *interface)
{
        interface->get_item_type = list_get_item_type;
        interface->get_n_items = list_get_n_items;
        interface->get_item = list_get_item;
}

static void bastion_rule_list_finalize(GObject *object)
{
        BastionRuleList *list = BASTION_RULE_LIST(object);

        g_ptr_array_unref(list->lines);
        g_array_unref(list->rows);
        rule_findings_free(list->findings);
        g_free(list->words);
        G_OBJECT_CLASS(bastion_rule_list_parent_class)->finalize(object);
}

static void bastion_rule_list_class_init(BastionRuleListClass *class)
{
        G_OBJECT_CLASS(class)->finalize = bastion_rule_list_finalize;
        signal_findings = g_signal_new("findings-changed", BASTION_TYPE_RULE_LIST, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 0);
}

static void bastion_rule_list_init(BastionRuleList *list)
{
        list->lines = g_ptr_array_new();
        list->rows = g_array_new(FALSE, FALSE, sizeof(uint32_t));
        list->findings = rule_findings_new();
        list->words = g_strdup("");
}

BastionRuleList *bastion_rule_list_new(void)
{
        return g_object_new(BASTION_TYPE_RULE_LIST, NULL);
}
