/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Theory in the header. The answers are kept: what a package owns changes seldom, and a program asks often. */
#include "gui/package.h"

#include <stdbool.h>
#include <string.h>

#include "base/macros.h"
#include "base/str.h"

enum { KNOWN_MAX = 256 };

enum manager { MANAGER_NONE, MANAGER_DPKG, MANAGER_RPM, MANAGER_PACMAN };

static GHashTable *known; /* path → package, "" for none */

static enum manager manager_of_this_machine(void)
{
        static const struct {
                const char *program;
                enum manager manager;
        } managers[] = { { "dpkg-query", MANAGER_DPKG }, { "rpm", MANAGER_RPM }, { "pacman", MANAGER_PACMAN } };

        for (size_t i = 0; i < ARRAY_SIZE(managers); i++) {
                g_autofree char *path = g_find_program_in_path(managers[i].program);

                if (path)
                        return managers[i].manager;
        }
        return MANAGER_NONE;
}

/* Where /usr is merged a package may call its file by the older name. */
static const char *older_name(const char *path)
{
        return str_has_prefix(path, "/usr/") ? path + strlen("/usr") : path;
}

static GSubprocess *run(enum manager manager, const char *path, GError **error)
{
        const GSubprocessFlags flags = G_SUBPROCESS_FLAGS_STDOUT_PIPE | G_SUBPROCESS_FLAGS_STDERR_SILENCE;

        switch (manager) {
        case MANAGER_DPKG:
                return g_subprocess_new(flags, error, "dpkg-query", "--search", "--", path, older_name(path), NULL);
        case MANAGER_RPM:
                return g_subprocess_new(flags, error, "rpm", "--query", "--file", "--queryformat", "%{NAME}\\n", "--", path, NULL);
        case MANAGER_PACMAN:
                return g_subprocess_new(flags, error, "pacman", "-Qqo", "--", path, NULL);
        case MANAGER_NONE:
                break;
        }
        g_set_error_literal(error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED, "no package manager");
        return NULL;
}

/* "curl: /usr/bin/curl", "libc6:amd64, libc6:i386: /usr/share/…", "diversion by dash from: /bin/sh" */
char *package_parse_dpkg(const char *output, const char *path)
{
        g_auto(GStrv) lines = g_strsplit(output, "\n", -1);

        for (char **line = lines; *line; line++) {
                char *file = strstr(*line, ": /");

                if (!file || str_has_prefix(*line, "diversion by ") || (strcmp(file + 2, path) != 0 && strcmp(file + 2, older_name(path)) != 0))
                        continue;
                return g_strndup(*line, MIN(strcspn(*line, ":,"), (size_t)(file - *line)));
        }
        return NULL;
}

static void remember(const char *path, const char *package)
{
        if (g_hash_table_size(known) >= KNOWN_MAX)
                g_hash_table_remove_all(known);
        g_hash_table_insert(known, g_strdup(path), g_strdup(package ? package : ""));
}

static void on_output(GObject *source, GAsyncResult *result, gpointer userdata)
{
        g_autoptr(GTask) task = userdata;
        const char *path = g_task_get_task_data(task);
        g_autofree char *output = NULL, *package = NULL;
        g_autoptr(GError) error = NULL;

        if (!g_subprocess_communicate_utf8_finish(G_SUBPROCESS(source), result, &output, NULL, &error)) {
                g_task_return_error(task, g_steal_pointer(&error));
                return;
        }
        if (manager_of_this_machine() == MANAGER_DPKG)
                package = package_parse_dpkg(output, path);
        else if (g_subprocess_get_if_exited(G_SUBPROCESS(source)) && g_subprocess_get_exit_status(G_SUBPROCESS(source)) == 0)
                package = g_strndup(output, strcspn(output, "\n"));
        remember(path, package);
        g_task_return_pointer(task, g_steal_pointer(&package), g_free);
}

void package_find(const char *path, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer userdata)
{
        g_autoptr(GTask) task = g_task_new(NULL, cancellable, callback, userdata);
        g_autoptr(GSubprocess) process = NULL;
        g_autoptr(GError) error = NULL;
        const char *package;

        if (!known)
                known = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
        package = g_hash_table_lookup(known, path);
        if (package) {
                g_task_return_pointer(task, *package ? g_strdup(package) : NULL, g_free);
                return;
        }
        /* dpkg-query would read these as a pattern, and no package names a file so. */
        if (strpbrk(path, "*?[]\\\n")) {
                g_task_return_pointer(task, NULL, NULL);
                return;
        }
        process = run(manager_of_this_machine(), path, &error);
        if (!process) {
                g_task_return_error(task, g_steal_pointer(&error));
                return;
        }
        g_task_set_task_data(task, g_strdup(path), g_free);
        g_subprocess_communicate_utf8_async(process, NULL, cancellable, on_output, g_steal_pointer(&task));
}

gboolean package_find_finish(GAsyncResult *result, char **ret)
{
        g_autoptr(GError) error = NULL;

        *ret = g_task_propagate_pointer(G_TASK(result), &error);
        return !error;
}
