/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Theory in the header. Threads are given references of their own to lines, which do not change. */
#include "gui/rule-loader.h"

#include <malloc.h>
#include <string.h>

#include "client/findings.h"

enum {
        PAGE = 500,
        RELOAD_MS = 300, /* after the last load; twenty times what that took, where that is more */
        RELOAD_FACTOR = 20,
};

struct _BastionRuleLoader {
        GObject parent;
        BastionLink *link;
        BastionRuleList *list;
        bool active, stale, loaded, loading, checking, check_again;
        gint64 began, not_before; /* monotonic, µs */
        guint again;              /* a timeout of the main loop, or 0 */
        GPtrArray *lines;         /* while loading */
};

static guint signal_progress;

G_DEFINE_FINAL_TYPE(BastionRuleLoader, bastion_rule_loader, G_TYPE_OBJECT)

static void load(BastionRuleLoader *loader);
static void check(BastionRuleLoader *loader);

static void line_free(gpointer line)
{
        rule_line_unref(line);
}

static GPtrArray *new_lines(void)
{
        return g_ptr_array_new_with_free_func(line_free);
}

static gboolean on_again(gpointer userdata)
{
        BastionRuleLoader *loader = userdata;

        loader->again = 0;
        load(loader);
        return G_SOURCE_REMOVE;
}

static void load_soon(BastionRuleLoader *loader)
{
        gint64 wait = MAX(loader->not_before - g_get_monotonic_time(), 0) / 1000;

        loader->stale = true;
        if (loader->active && !loader->loading && !loader->again)
                loader->again = g_timeout_add((guint)wait, on_again, loader);
}

/* ---- what is wrong with them ------------------------------------------------------------------------------------------------ */

struct judging {
        GPtrArray *lines;
        guint at; /* the line of the last finding: they come in this order */
        struct rule_findings *findings;
};

static void judging_free(gpointer data)
{
        struct judging *judging = data;

        g_ptr_array_unref(judging->lines);
        rule_findings_free(judging->findings);
        g_free(judging);
}

static void on_found(void *userdata, const struct finding *finding)
{
        struct judging *judging = userdata;
        _cleanup_(buf_deinit) struct buf words = { 0 };

        while (judging->at < judging->lines->len && strcmp(rule_line_id(judging->lines->pdata[judging->at]), finding->rule->id) != 0)
                judging->at++;
        g_return_if_fail(judging->at < judging->lines->len);
        findings_words(finding, &words);
        if (!buf_error(&words))
                rule_findings_add(judging->findings, judging->lines->pdata[judging->at], words.data);
}

static void judge(GTask *task, _unused_ gpointer source, gpointer data, _unused_ GCancellable *cancellable)
{
        struct judging *judging = data;
        const struct hygiene hygiene = { .exists = findings_file_exists, .found = on_found, .userdata = judging };
        _cleanup_(ruleset_freep) struct ruleset *rules = ruleset_new(0);

        for (guint i = 0; rules && i < judging->lines->len; i++) {
                _cleanup_(rule_freep) struct rule *rule = NULL;

                /* What cannot be read back from its sentence is not judged. */
                if (rule_line_rule(judging->lines->pdata[i], &rule) == 0 && ruleset_add(rules, rule) == 0)
                        rule = NULL;
        }
        if (rules)
                hygiene_check(rules, &hygiene, client_now());
        rules = ruleset_free(rules); /* before it is told: trim() comes then */
        rule_findings_sort(judging->findings);
        g_task_return_boolean(task, TRUE);
}

/* 100,000 rules are some 60 MB for a second, and what they replace was as large as they are. */
static void trim(GTask *task, _unused_ gpointer source, _unused_ gpointer data, _unused_ GCancellable *cancellable)
{
        malloc_trim(0);
        g_task_return_boolean(task, TRUE);
}

static void on_judged(GObject *source, GAsyncResult *result, _unused_ gpointer userdata)
{
        BastionRuleLoader *loader = BASTION_RULE_LOADER(source);
        struct judging *judging = g_task_get_task_data(G_TASK(result));
        g_autoptr(GTask) after = g_task_new(loader, NULL, NULL, NULL);

        loader->checking = false;
        bastion_rule_list_take_findings(loader->list, TAKE_PTR(judging->findings));
        g_signal_emit(loader, signal_progress, 0);
        if (loader->check_again)
                check(loader);
        else
                g_task_run_in_thread(after, trim);
}

static void check(BastionRuleLoader *loader)
{
        GPtrArray *lines = bastion_rule_list_get_lines(loader->list);
        g_autoptr(GTask) task = NULL;
        struct judging *judging;

        loader->check_again = loader->checking;
        if (loader->checking)
                return;
        loader->checking = true;
        judging = g_new0(struct judging, 1);
        judging->lines = new_lines();
        for (guint i = 0; i < lines->len; i++)
                g_ptr_array_add(judging->lines, rule_line_ref(lines->pdata[i]));
        judging->findings = rule_findings_new();
        task = g_task_new(loader, NULL, on_judged, NULL);
        g_task_set_task_data(task, judging, judging_free);
        g_task_run_in_thread(task, judge);
}

/* ---- loading --------------------------------------------------------------------------------------------------------------- */

static void sort(GTask *task, _unused_ gpointer source, gpointer data, _unused_ GCancellable *cancellable)
{
        GPtrArray *lines = data;

        g_ptr_array_sort(lines, g_task_get_source_tag(task) == rule_line_compare_by_origin ? rule_line_compare_by_origin : rule_line_compare);
        g_task_return_boolean(task, TRUE);
}

static void on_sorted(GObject *source, GAsyncResult *result, _unused_ gpointer userdata)
{
        BastionRuleLoader *loader = BASTION_RULE_LOADER(source);
        bool by_origin = g_task_get_source_tag(G_TASK(result)) == rule_line_compare_by_origin;
        gint64 now = g_get_monotonic_time();

        loader->loading = false;
        loader->not_before = now + MAX((now - loader->began) * RELOAD_FACTOR, RELOAD_MS * 1000);
        if (by_origin != (bastion_rule_list_get_grouping(loader->list) == GROUP_BY_ORIGIN)) {
                load_soon(loader); /* grouped otherwise meanwhile */
                return;
        }
        loader->loaded = true;
        bastion_rule_list_take(loader->list, g_ptr_array_ref(g_task_get_task_data(G_TASK(result))));
        g_signal_emit(loader, signal_progress, 0);
        check(loader);
        if (loader->stale)
                load_soon(loader);
}

static void finish(BastionRuleLoader *loader)
{
        g_autoptr(GTask) task = g_task_new(loader, NULL, on_sorted, NULL);

        g_task_set_source_tag(task, bastion_rule_list_get_grouping(loader->list) == GROUP_BY_ORIGIN ? rule_line_compare_by_origin : rule_line_compare);
        g_task_set_task_data(task, TAKE_PTR(loader->lines), (GDestroyNotify)g_ptr_array_unref);
        g_task_run_in_thread(task, sort);
}

static void give_up(BastionRuleLoader *loader)
{
        loader->loading = false;
        loader->stale = true;
        loader->not_before = g_get_monotonic_time() + RELOAD_MS * 1000;
        g_clear_pointer(&loader->lines, g_ptr_array_unref);
}

static void on_page(gpointer owner, struct event *reply);

static void ask_page(BastionRuleLoader *loader, const struct rules_page *page)
{
        int64_t id;
        struct buf *out = bastion_link_request(loader->link, loader, on_page, &id);

        if (out)
                message_format_request_rules(out, id, page);
        else
                give_up(loader);
}

static void on_page(gpointer owner, struct event *reply)
{
        BastionRuleLoader *loader = owner;
        struct rules_page next = { .limit = PAGE, .has_after = true };

        if (!reply || reply->type != EVENT_REPLY) {
                give_up(loader);
                if (reply) /* closed: all rules were loaded anew meanwhile */
                        load_soon(loader);
                return;
        }
        for (size_t i = 0; i < reply->n_rules; i++) {
                struct rule_line *line = rule_line_new(reply->rules[i]);

                if (line)
                        g_ptr_array_add(loader->lines, line);
        }
        if (!reply->has_next) {
                finish(loader);
                return;
        }
        next.after = reply->next;
        reply->next = (struct rules_mark){ 0 };
        ask_page(loader, &next);
        rules_mark_deinit(&next.after);
}

static void load(BastionRuleLoader *loader)
{
        const struct rules_page first = { .limit = PAGE };

        if (loader->loading || !loader->active || bastion_link_get_state(loader->link) != BASTION_LINK_UP)
                return;
        loader->loading = true;
        loader->stale = false;
        loader->began = g_get_monotonic_time();
        loader->lines = new_lines();
        ask_page(loader, &first);
}

/* ---- when ------------------------------------------------------------------------------------------------------------------ */

static void on_event(_unused_ BastionLink *link, struct event *event, BastionRuleLoader *loader)
{
        if (event->type == EVENT_RULES_CHANGED || event->type == EVENT_RULE_GONE)
                load_soon(loader);
}

/* What the daemon said before it went is no more than that. */
static void on_state(BastionRuleLoader *loader)
{
        if (bastion_link_get_state(loader->link) != BASTION_LINK_UP)
                return;
        loader->not_before = 0;
        load_soon(loader);
}

void bastion_rule_loader_set_active(BastionRuleLoader *loader, bool active)
{
        loader->active = active;
        if (active)
                load_soon(loader);
        else
                g_clear_handle_id(&loader->again, g_source_remove);
}

bool bastion_rule_loader_is_loaded(BastionRuleLoader *loader)
{
        return loader->loaded;
}

static void bastion_rule_loader_dispose(GObject *object)
{
        BastionRuleLoader *loader = BASTION_RULE_LOADER(object);

        g_clear_handle_id(&loader->again, g_source_remove);
        g_clear_object(&loader->link);
        g_clear_object(&loader->list);
        g_clear_pointer(&loader->lines, g_ptr_array_unref);
        G_OBJECT_CLASS(bastion_rule_loader_parent_class)->dispose(object);
}

static void bastion_rule_loader_class_init(BastionRuleLoaderClass *class)
{
        G_OBJECT_CLASS(class)->dispose = bastion_rule_loader_dispose;
        signal_progress = g_signal_new("progress", BASTION_TYPE_RULE_LOADER, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 0);
}

static void bastion_rule_loader_init(_unused_ BastionRuleLoader *loader)
{
}

BastionRuleLoader *bastion_rule_loader_new(BastionLink *link, BastionRuleList *list)
{
        BastionRuleLoader *loader = g_object_new(BASTION_TYPE_RULE_LOADER, NULL);

        loader->link = g_object_ref(link);
        loader->list = g_object_ref(list);
        loader->stale = true;
        g_signal_connect_object(link, "event", G_CALLBACK(on_event), loader, 0);
        g_signal_connect_object(link, "notify::state", G_CALLBACK(on_state), loader, G_CONNECT_SWAPPED);
        return loader;
}
