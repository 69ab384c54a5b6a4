/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Theory in the header. */
#include "gui/rules-files.h"

#include <adwaita.h>

#include "client/programs.h"
#include "gui/app.h"
#include "gui/i18n.h"
#include "gui/panel-page.h"
#include "gui/panel-text.h"

enum {
        REPORT_MAX = 256 << 10, /* bytes of a report that are shown */
        EXIT_PARTLY = 5,        /* bastion(1): done, but for something that was told */
};

/* One file and what is done with it; lives until the last program that was run for it has ended. */
struct job {
        GtkWidget *from; /* owned: the page */
        BastionLink *link;
        char *format, *path;
        GtkWindow *dialog; /* the report, or NULL */
};

static void job_free(struct job *job)
{
        g_object_unref(job->from);
        g_object_unref(job->link);
        g_free(job->format);
        g_free(job->path);
        g_free(job);
}

static struct job *new_job(GtkWidget *from, BastionLink *link, const char *format)
{
        struct job *job = g_new0(struct job, 1);

        job->from = g_object_ref(from);
        job->link = g_object_ref(link);
        job->format = g_strdup(format);
        return job;
}

/* `bastion --socket=… a b c d`, until the first that is NULL. False: it could not be started, and that was said. */
static bool run(struct job *job, const char *a, const char *b, const char *c, const char *d, GAsyncReadyCallback done)
{
        g_autofree char *socket = g_strdup_printf("--socket=%s", bastion_link_get_path(job->link)), *trouble = NULL;
        g_autoptr(GSubprocess) process = NULL;
        g_autoptr(GError) error = NULL;
        char path[PATH_MAX];

        if (program_find(PROGRAM_BASTION, path))
                process = g_subprocess_new(G_SUBPROCESS_FLAGS_STDOUT_PIPE | G_SUBPROCESS_FLAGS_STDERR_MERGE, &error, path, socket, a, b, c, d, NULL);
        else
                trouble = g_strdup_printf(_("The program “bastion” was not found %s"), program_places(PROGRAM_BASTION));
        if (process)
                g_subprocess_communicate_async(process, NULL, NULL, done, job);
        else
                panel_say(job->from, trouble ? trouble : error->message);
        return process;
}

/* What it printed, as text to be shown; NULL: it could not be run to its end. */
static char *finish(GObject *source, GAsyncResult *result, struct job *job, bool *ret_good)
{
        g_autoptr(GBytes) output = NULL;
        g_autoptr(GError) error = NULL;
        g_autofree char *text = NULL, *valid = NULL;
        gsize n;

        *ret_good = false;
        if (!g_subprocess_communicate_finish(G_SUBPROCESS(source), result, &output, NULL, &error)) {
                panel_say(job->from, error->message);
                return NULL;
        }
        *ret_good = g_subprocess_get_if_exited(G_SUBPROCESS(source)) &&
                    (g_subprocess_get_exit_status(G_SUBPROCESS(source)) == 0 || g_subprocess_get_exit_status(G_SUBPROCESS(source)) == EXIT_PARTLY);
        n = output ? g_bytes_get_size(output) : 0;
        text = g_strndup(n > 0 ? g_bytes_get_data(output, NULL) : "", MIN(n, REPORT_MAX));
        valid = g_utf8_make_valid(text, -1);
        return n > REPORT_MAX ? g_strdup_printf("%s…\n\n%s", valid, _("This is too long to be shown whole.")) : TAKE_PTR(valid);
}

/* ---- import ---------------------------------------------------------------------------------------------------------------- */

static void on_add_clicked(struct job *job);

static void show_report(struct job *job, const char *report, bool can_add)
{
        g_autoptr(GtkBuilder) builder = gtk_builder_new_from_resource(APP_RESOURCES "/panel/import-dialog.ui");
        GtkWidget *add = GTK_WIDGET(gtk_builder_get_object(builder, "add"));

        job->dialog = GTK_WINDOW(gtk_builder_get_object(builder, "dialog"));
        gtk_text_buffer_set_text(GTK_TEXT_BUFFER(gtk_builder_get_object(builder, "report")), report, -1);
        gtk_widget_set_visible(add, can_add);
        g_signal_connect_swapped(add, "clicked", G_CALLBACK(on_add_clicked), job);
        g_object_set_data_full(G_OBJECT(job->dialog), "job", job, (GDestroyNotify)(void (*)(void))job_free);
        gtk_window_set_transient_for(job->dialog, GTK_WINDOW(gtk_widget_get_root(job->from)));
        gtk_window_present(job->dialog);
}

static void on_added(GObject *source, GAsyncResult *result, gpointer userdata)
{
        struct job *job = userdata;
        bool good;
        g_autofree char *text = finish(source, result, job, &good);

        if (text && good) {
                panel_say(job->from, _("What was new is in force. It can be taken back under “Changes of the rules”."));
                job_free(job);
        } else if (text) {
                show_report(job, text, false);
        } else {
                job_free(job);
        }
}

static void on_add_clicked(struct job *job)
{
        struct job *next = new_job(job->from, job->link, job->format);

        next->path = g_strdup(job->path);
        gtk_window_destroy(job->dialog);
        if (!run(next, "import", next->format, next->path, "--yes", on_added))
                job_free(next);
}

static void on_looked(GObject *source, GAsyncResult *result, gpointer userdata)
{
        struct job *job = userdata;
        bool good;
        g_autofree char *text = finish(source, result, job, &good);

        if (text)
                show_report(job, text, good);
        else
                job_free(job);
}

static void on_import_chosen(GtkNativeDialog *chooser, int response, struct job *job)
{
        g_autoptr(GFile) file = response == GTK_RESPONSE_ACCEPT ? gtk_file_chooser_get_file(GTK_FILE_CHOOSER(chooser)) : NULL;

        g_object_unref(chooser);
        job->path = file ? g_file_get_path(file) : NULL;
        if (!job->path || !run(job, "import", job->format, job->path, "--dry-run", on_looked))
                job_free(job);
}

static void choose(struct job *job, const char *title, GtkFileChooserAction action, const char *name, GCallback chosen)
{
        GtkFileChooserNative *chooser = gtk_file_chooser_native_new(title, GTK_WINDOW(gtk_widget_get_root(job->from)), action, NULL, NULL);

        if (name)
                gtk_file_chooser_set_current_name(GTK_FILE_CHOOSER(chooser), name);
        gtk_native_dialog_set_modal(GTK_NATIVE_DIALOG(chooser), TRUE);
        g_signal_connect(chooser, "response", chosen, job);
        gtk_native_dialog_show(GTK_NATIVE_DIALOG(chooser));
}

void rules_files_import(GtkWidget *from, BastionLink *link, const char *format)
{
        bool is_folder = strcmp(format, "opensnitch") == 0;

        choose(new_job(from, link, format), is_folder ? _("Import the folder of OpenSnitch's rules") : _("Import rules"),
               is_folder ? GTK_FILE_CHOOSER_ACTION_SELECT_FOLDER : GTK_FILE_CHOOSER_ACTION_OPEN, NULL, G_CALLBACK(on_import_chosen));
}

/* ---- export ---------------------------------------------------------------------------------------------------------------- */

static void on_exported(GObject *source, GAsyncResult *result, gpointer userdata)
{
        struct job *job = userdata;
        bool good;
        g_autofree char *text = finish(source, result, job, &good);

        if (text)
                panel_say(job->from, good ? _("Exported") : g_strstrip(text));
        job_free(job);
}

/* The dialog has asked already whether a file that is there may go. */
static void on_export_chosen(GtkNativeDialog *chooser, int response, struct job *job)
{
        g_autoptr(GFile) file = response == GTK_RESPONSE_ACCEPT ? gtk_file_chooser_get_file(GTK_FILE_CHOOSER(chooser)) : NULL;

        g_object_unref(chooser);
        job->path = file ? g_file_get_path(file) : NULL;
        if (!job->path || !run(job, "export", job->path, "--force", NULL, on_exported))
                job_free(job);
}

void rules_files_export(GtkWidget *from, BastionLink *link)
{
        choose(new_job(from, link, ""), _("Export the rules"), GTK_FILE_CHOOSER_ACTION_SAVE, "bastion.rules", G_CALLBACK(on_export_chosen));
}
