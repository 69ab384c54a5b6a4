/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Theory in the header. */
#include "gui/program-icon.h"

#include <gio/gdesktopappinfo.h>
#include <stdlib.h>

#include "base/macros.h"

static GMutex lock;
static GHashTable *icons; /* real path → GIcon; NULL: to be read. Under the lock. */

static void on_entries_changed(void)
{
        g_mutex_lock(&lock);
        g_clear_pointer(&icons, g_hash_table_unref);
        g_mutex_unlock(&lock);
}

/* The file that a word of a command line means, NULL where there is none. */
static char *real_path(const char *word)
{
        g_autofree char *found = word ? g_find_program_in_path(word) : NULL;

        return found ? realpath(found, NULL) : NULL;
}

static void add_icon(GHashTable *table, const char *word, GIcon *icon)
{
        char *path = real_path(word);

        if (path && !g_hash_table_contains(table, path))
                g_hash_table_insert(table, path, g_object_ref(icon));
        else
                free(path);
}

static GHashTable *read_entries(void)
{
        GHashTable *table = g_hash_table_new_full(g_str_hash, g_str_equal, free, g_object_unref);
        GList *entries = g_app_info_get_all();

        for (GList *at = entries; at; at = at->next) {
                GIcon *icon = g_app_info_get_icon(at->data);
                g_autofree char *try_exec = g_desktop_app_info_get_string(at->data, G_KEY_FILE_DESKTOP_KEY_TRY_EXEC);

                if (!icon)
                        continue;
                add_icon(table, try_exec, icon);
                add_icon(table, g_app_info_get_executable(at->data), icon);
        }
        g_list_free_full(entries, g_object_unref);
        return table;
}

static void find_in_thread(GTask *task, _unused_ gpointer source, gpointer data, _unused_ GCancellable *cancellable)
{
        g_autofree char *path = real_path(data);
        GIcon *icon;

        g_mutex_lock(&lock);
        if (!icons)
                icons = read_entries();
        icon = path ? g_hash_table_lookup(icons, path) : NULL;
        if (icon)
                g_object_ref(icon);
        g_mutex_unlock(&lock);
        g_task_return_pointer(task, icon, g_object_unref);
}

void program_icon_find(const char *path, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer userdata)
{
        static GAppInfoMonitor *monitor;
        g_autoptr(GTask) task = g_task_new(NULL, cancellable, callback, userdata);

        if (!monitor) {
                monitor = g_app_info_monitor_get();
                g_signal_connect(monitor, "changed", G_CALLBACK(on_entries_changed), NULL);
        }
        g_task_set_task_data(task, g_strdup(path), g_free);
        g_task_run_in_thread(task, find_in_thread);
}

GIcon *program_icon_find_finish(GAsyncResult *result)
{
        return g_task_propagate_pointer(G_TASK(result), NULL);
}
