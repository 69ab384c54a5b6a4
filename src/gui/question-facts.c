/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Theory in the header. `facts` may be gone when a find that was cancelled ends: its task is looked at first. */
#include "gui/question-facts.h"

#include "gui/package.h"
#include "gui/program-icon.h"

static bool was_cancelled(GAsyncResult *result)
{
        return g_cancellable_is_cancelled(g_task_get_cancellable(G_TASK(result)));
}

static void on_icon(_unused_ GObject *source, GAsyncResult *result, gpointer userdata)
{
        g_autoptr(GIcon) icon = program_icon_find_finish(result);
        struct question_facts *facts = userdata;

        if (was_cancelled(result) || !icon)
                return;
        g_set_object(&facts->icon, icon);
        facts->on_found(facts->userdata);
}

static void on_package(_unused_ GObject *source, GAsyncResult *result, gpointer userdata)
{
        struct question_facts *facts = userdata;
        g_autofree char *package = NULL;

        if (!package_find_finish(result, &package) || was_cancelled(result))
                return;
        facts->has_package = true;
        facts->package = g_steal_pointer(&package);
        facts->on_found(facts->userdata);
}

void question_facts_find(struct question_facts *facts, const struct subject *subject, void (*on_found)(gpointer userdata), gpointer userdata)
{
        const char *path = subject->kind == SUBJECT_PROGRAM ? subject_rule_path(subject) : NULL;

        question_facts_clear(facts);
        if (!path || !*path)
                return;
        facts->on_found = on_found;
        facts->userdata = userdata;
        facts->cancellable = g_cancellable_new();
        program_icon_find(path, facts->cancellable, on_icon, facts);
        package_find(path, facts->cancellable, on_package, facts);
}

void question_facts_clear(struct question_facts *facts)
{
        if (facts->cancellable)
                g_cancellable_cancel(facts->cancellable);
        g_clear_object(&facts->cancellable);
        g_clear_object(&facts->icon);
        g_clear_pointer(&facts->package, g_free);
        facts->has_package = false;
}
