/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Theory in the header. A page is what a search for the PAGE_ROWS rows older than a mark finds; its mark is the oldest row of the page before. All
 * pages but the last are full, so a row's page is a division. One search runs at a time; a page that is asked for meanwhile is the next.
 *
 * Numbers of decisions begin anew with each daemon, so a mark is a number and a time: rows until that time, and of that daemon none from that
 * number on.
 */
#include "gui/history-model.h"

#include <string.h>

#include "base/macros.h"
#include "base/str.h"
#include "core/limits.h"

enum { PAGE_ROWS = 256, PAGES_HELD = 16 };

struct _BastionDecision {
        GObject parent;
        struct record record; /* subject NULL: empty */
};

G_DEFINE_FINAL_TYPE(BastionDecision, bastion_decision, G_TYPE_OBJECT)

static void bastion_decision_finalize(GObject *object)
{
        BastionDecision *decision = BASTION_DECISION(object);

        if (decision->record.subject)
                record_deinit(&decision->record);
        G_OBJECT_CLASS(bastion_decision_parent_class)->finalize(object);
}

static void bastion_decision_class_init(BastionDecisionClass *class)
{
        G_OBJECT_CLASS(class)->finalize = bastion_decision_finalize;
}

static void bastion_decision_init(_unused_ BastionDecision *decision)
{
}

const struct record *bastion_decision_get_record(BastionDecision *decision)
{
        return decision->record.subject ? &decision->record : NULL;
}

struct mark {
        guint64 seq;
        gint64 us;
        gboolean is_set;
};

struct page {
        struct mark mark; /* its rows are older */
        guint n;
        GPtrArray *rows;  /* newest first; NULL: let go, or never there yet */
        guint64 used;     /* when it was last looked at: counts */
};

struct _BastionHistoryModel {
        GObject parent;
        char *folder;
        char **words;
        gint64 until_us; /* of the words; INT64_MAX: none */
        GArray *pages;   /* struct page */
        guint n_held;
        guint64 clock;
        BastionHistoryQuery *query; /* for page `loading` */
        guint loading, next;        /* `next`: wanted after it; G_MAXUINT: none */
        GPtrArray *coming;          /* rows of the query, oldest first */
        BastionHistoryModelState state;
        BastionHistoryResult result;
        char *result_words;
};

enum { PROP_STATE = 1, N_PROPS };
static GParamSpec *props[N_PROPS];

static void list_model_init(GListModelInterface *iface);
G_DEFINE_FINAL_TYPE_WITH_CODE(BastionHistoryModel, bastion_history_model, G_TYPE_OBJECT, G_IMPLEMENT_INTERFACE(G_TYPE_LIST_MODEL, list_model_init))

static struct page *page_at(BastionHistoryModel *model, guint i)
{
        return &g_array_index(model->pages, struct page, i);
}

static void set_state(BastionHistoryModel *model, BastionHistoryModelState state)
{
        model->state = state;
        g_object_notify_by_pspec(G_OBJECT(model), props[PROP_STATE]);
}

/* ---- loading --------------------------------------------------------------------------------------------------------- */

static void load_page(BastionHistoryModel *model, guint i);

static void page_let_go(struct page *page)
{
        g_clear_pointer(&page->rows, g_ptr_array_unref);
}

/* The one that nobody has looked at for the longest, but not that one. */
static void make_room(BastionHistoryModel *model, guint but)
{
        guint oldest = G_MAXUINT;

        if (model->n_held < PAGES_HELD)
                return;
        for (guint i = 0; i < model->pages->len; i++)
                if (i != but && page_at(model, i)->rows && (oldest == G_MAXUINT || page_at(model, i)->used < page_at(model, oldest)->used))
                        oldest = i;
        if (oldest == G_MAXUINT)
                return;
        page_let_go(page_at(model, oldest));
        model->n_held--;
}

static void on_record(struct record *record, gpointer userdata)
{
        BastionHistoryModel *model = userdata;
        BastionDecision *decision = g_object_new(BASTION_TYPE_DECISION, NULL);

        decision->record = *record;
        g_ptr_array_add(model->coming, decision);
}

static void reverse(GPtrArray *rows)
{
        for (guint i = 0, j = rows->len; i + 1 < j; i++) {
                gpointer row = rows->pdata[i];

                rows->pdata[i] = rows->pdata[--j];
                rows->pdata[j] = row;
        }
}

/* A page that was there before keeps its length: what history has let go since stays an empty row. */
static void take_again(BastionHistoryModel *model, guint i, GPtrArray *rows)
{
        struct page *page = page_at(model, i);
        const guint n = page->n;

        while (rows->len < n)
                g_ptr_array_add(rows, g_object_new(BASTION_TYPE_DECISION, NULL));
        g_ptr_array_set_size(rows, (gint)n);
        page->rows = g_ptr_array_ref(rows);
        g_list_model_items_changed(G_LIST_MODEL(model), i * PAGE_ROWS, n, n);
}

static void take_first(BastionHistoryModel *model, guint i, GPtrArray *rows)
{
        struct page *page = page_at(model, i);

        page->rows = g_ptr_array_ref(rows);
        page->n = rows->len;
        if (page->n > 0)
                g_list_model_items_changed(G_LIST_MODEL(model), i * PAGE_ROWS, 0, page->n);
}

static void on_end(BastionHistoryResult result, const char *words, gpointer userdata)
{
        BastionHistoryModel *model = userdata;
        g_autoptr(GPtrArray) rows = TAKE_PTR(model->coming);
        const guint i = model->loading, next = model->next;
        const bool is_first = page_at(model, i)->n == 0;

        model->query = NULL;
        model->next = G_MAXUINT;
        if (result != BASTION_HISTORY_FINE) {
                model->result = result;
                g_free(model->result_words);
                model->result_words = g_strdup(words);
        }
        reverse(rows);
        make_room(model, i);
        page_at(model, i)->used = ++model->clock;
        model->n_held++;
        if (is_first)
                take_first(model, i, rows);
        else
                take_again(model, i, rows);
        if (next != G_MAXUINT && !page_at(model, next)->rows)
                load_page(model, next);
        if (!is_first) {
                /* The page at the end was asked for meanwhile, and after it one that had been let go. */
                if (!model->query && model->state == BASTION_HISTORY_MODEL_LOADING)
                        load_page(model, model->pages->len - 1);
                return;
        }
        if (rows->len == PAGE_ROWS)
                set_state(model, BASTION_HISTORY_MODEL_MORE);
        else
                set_state(model, i == 0 && rows->len == 0 ? BASTION_HISTORY_MODEL_NONE : BASTION_HISTORY_MODEL_END);
}

static void load_page(BastionHistoryModel *model, guint i)
{
        const struct mark *mark = &page_at(model, i)->mark;
        g_autoptr(GPtrArray) words = g_ptr_array_new_with_free_func(g_free);
        gint64 until_us = model->until_us;

        if (model->query) {
                model->next = i;
                return;
        }
        for (char **word = model->words; *word; word++)
                if (!str_has_prefix(*word, "until="))
                        g_ptr_array_add(words, g_strdup(*word));
        if (mark->is_set) {
                g_ptr_array_add(words, g_strdup_printf("older=%" G_GUINT64_FORMAT "@%" G_GINT64_FORMAT, mark->seq, mark->us));
                until_us = MIN(until_us, mark->us + 1);
        }
        if (until_us != G_MAXINT64)
                g_ptr_array_add(words, g_strdup_printf("until=%" G_GINT64_FORMAT, until_us));
        g_ptr_array_add(words, NULL);
        model->loading = i;
        model->coming = g_ptr_array_new_full(PAGE_ROWS, g_object_unref);
        model->query = bastion_history_query_start(model->folder, PAGE_ROWS, (const char *const *)words->pdata, on_record, on_end, model);
}

/* ---- the caller's side ----------------------------------------------------------------------------------------------- */

static void forget(BastionHistoryModel *model)
{
        bastion_history_query_cancel(model->query);
        model->query = NULL;
        model->next = G_MAXUINT;
        g_clear_pointer(&model->coming, g_ptr_array_unref);
        for (guint i = 0; i < model->pages->len; i++)
                page_let_go(page_at(model, i));
        g_array_set_size(model->pages, 0);
        model->n_held = 0;
        g_clear_pointer(&model->folder, g_free);
        g_clear_pointer(&model->words, g_strfreev);
        g_clear_pointer(&model->result_words, g_free);
        model->result = BASTION_HISTORY_FINE;
}

static guint count(BastionHistoryModel *model)
{
        const guint n = model->pages->len;

        return n == 0 ? 0 : (n - 1) * PAGE_ROWS + page_at(model, n - 1)->n;
}

void bastion_history_model_search(BastionHistoryModel *model, const char *folder, const char *const *words, guint64 newest_seq, gint64 newest_us)
{
        struct page first = { .mark = { .seq = newest_seq + 1, .us = newest_us + 1, .is_set = newest_seq > 0 } };
        const guint n = count(model);

        forget(model);
        if (n > 0)
                g_list_model_items_changed(G_LIST_MODEL(model), 0, n, 0);
        model->folder = g_strdup(folder);
        model->words = g_strdupv((char **)words);
        model->until_us = G_MAXINT64;
        for (char **word = model->words; *word; word++)
                if (str_has_prefix(*word, "until="))
                        model->until_us = g_ascii_strtoll(*word + strlen("until="), NULL, 10);
        g_array_append_val(model->pages, first);
        set_state(model, BASTION_HISTORY_MODEL_LOADING);
        load_page(model, 0);
}

void bastion_history_model_load_more(BastionHistoryModel *model)
{
        const guint last = model->pages->len - 1;
        const struct record *oldest;
        struct page page = { 0 };

        if (model->state != BASTION_HISTORY_MODEL_MORE || !page_at(model, last)->rows)
                return;
        oldest = bastion_decision_get_record(g_ptr_array_index(page_at(model, last)->rows, PAGE_ROWS - 1));
        if (!oldest || (last + 1) * PAGE_ROWS >= LIMIT_HISTORY_ROWS) {
                set_state(model, BASTION_HISTORY_MODEL_END);
                return;
        }
        page.mark = (struct mark){ .seq = oldest->seq, .us = oldest->time_us, .is_set = true };
        g_array_append_val(model->pages, page);
        set_state(model, BASTION_HISTORY_MODEL_LOADING);
        load_page(model, last + 1);
}

BastionHistoryModelState bastion_history_model_get_state(BastionHistoryModel *model)
{
        return model->state;
}

BastionHistoryResult bastion_history_model_get_result(BastionHistoryModel *model, const char **ret_words)
{
        *ret_words = model->result_words ? model->result_words : "";
        return model->result;
}

/* ---- GListModel ------------------------------------------------------------------------------------------------------ */

static GType get_item_type(_unused_ GListModel *list)
{
        return BASTION_TYPE_DECISION;
}

static guint get_n_items(GListModel *list)
{
        return count(BASTION_HISTORY_MODEL(list));
}

static gpointer get_item(GListModel *list, guint position)
{
        BastionHistoryModel *model = BASTION_HISTORY_MODEL(list);
        const guint i = position / PAGE_ROWS;
        struct page *page;

        if (position >= count(model))
                return NULL;
        page = page_at(model, i);
        page->used = ++model->clock;
        if (page->rows)
                return g_object_ref(g_ptr_array_index(page->rows, position % PAGE_ROWS));
        if (!model->query || model->loading != i)
                load_page(model, i);
        return g_object_new(BASTION_TYPE_DECISION, NULL);
}

static void list_model_init(GListModelInterface *iface)
{
        iface->get_item_type = get_item_type;
        iface->get_n_items = get_n_items;
        iface->get_item = get_item;
}

/* ---- the object ------------------------------------------------------------------------------------------------------ */

static void bastion_history_model_get_property(GObject *object, guint id, GValue *value, GParamSpec *spec)
{
        if (id == PROP_STATE)
                g_value_set_uint(value, BASTION_HISTORY_MODEL(object)->state);
        else
                G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec);
}

static void bastion_history_model_finalize(GObject *object)
{
        BastionHistoryModel *model = BASTION_HISTORY_MODEL(object);

        forget(model);
        g_array_unref(model->pages);
        G_OBJECT_CLASS(bastion_history_model_parent_class)->finalize(object);
}

static void bastion_history_model_class_init(BastionHistoryModelClass *class)
{
        GObjectClass *object_class = G_OBJECT_CLASS(class);

        object_class->get_property = bastion_history_model_get_property;
        object_class->finalize = bastion_history_model_finalize;
        props[PROP_STATE] = g_param_spec_uint("state", NULL, NULL, 0, BASTION_HISTORY_MODEL_NONE, BASTION_HISTORY_MODEL_LOADING,
                                              G_PARAM_READABLE | G_PARAM_EXPLICIT_NOTIFY | G_PARAM_STATIC_STRINGS);
        g_object_class_install_properties(object_class, N_PROPS, props);
}

static void bastion_history_model_init(BastionHistoryModel *model)
{
        model->pages = g_array_new(FALSE, TRUE, sizeof(struct page));
        model->next = G_MAXUINT;
}

BastionHistoryModel *bastion_history_model_new(void)
{
        return g_object_new(BASTION_TYPE_HISTORY_MODEL, NULL);
}
