/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Theory in the header. Two things end: the pipe with lines, and the process. The query is over when both have; whichever of the two callbacks comes
 * last says so. A query that was cancelled lives until its callbacks have come, deaf.
 */
#include "gui/history-query.h"

#include "base/buf.h"
#include "client/programs.h"
#include "gui/i18n.h"
#include "gui/view-text.h"
#include "wire/message.h"
#include "wire/search.h"

enum { READ_BYTES = 32 << 10, LINE_BYTES = 2 * LIMIT_FEED_DATAGRAM, WORDS_BYTES = 2048 };

struct _BastionHistoryQuery {
        GSubprocess *process; /* NULL: it could not be started */
        GCancellable *cancellable;
        BastionHistoryRecordFunc on_record;
        BastionHistoryEndFunc on_end;
        gpointer userdata;
        struct buf input; /* not taken yet */
        guint8 data[READ_BYTES];
        GString *words;       /* of standard error */
        char trouble[512];    /* ours; "" while there is none */
        unsigned n_pending;   /* callbacks to come */
};

static void free_query(BastionHistoryQuery *q)
{
        g_clear_object(&q->process);
        g_clear_object(&q->cancellable);
        g_string_free(q->words, TRUE);
        buf_deinit(&q->input);
        g_free(q);
}

static BastionHistoryResult result_of(const BastionHistoryQuery *q)
{
        if (q->trouble[0] || !g_subprocess_get_if_exited(q->process))
                return BASTION_HISTORY_FAILED;
        switch (g_subprocess_get_exit_status(q->process)) {
        case SEARCH_EXIT_FINE:
                return BASTION_HISTORY_FINE;
        case SEARCH_EXIT_MISSING:
                return BASTION_HISTORY_MISSING;
        case SEARCH_EXIT_DENIED:
                return BASTION_HISTORY_DENIED;
        default:
                return BASTION_HISTORY_FAILED;
        }
}

/* One of the callbacks has come. */
static void settle(BastionHistoryQuery *q)
{
        if (--q->n_pending > 0)
                return;
        if (!g_cancellable_is_cancelled(q->cancellable))
                q->on_end(result_of(q), q->trouble[0] ? q->trouble : g_strchomp(q->words->str), q->userdata);
        free_query(q);
}

/* Nothing more is wanted of that process. */
static void give_up(BastionHistoryQuery *q, const char *words)
{
        g_strlcpy(q->trouble, words, sizeof(q->trouble));
        g_subprocess_force_exit(q->process);
}

static bool take_line(BastionHistoryQuery *q, const char *line, size_t n)
{
        _cleanup_(event_freep) struct event *event = NULL;

        if (event_parse(line, n, &event) != 0 || event->type != EVENT_DECISION || event->n_records != 1)
                return false;
        q->on_record(&event->records[0], q->userdata);
        event->n_records = 0;
        return true;
}

/* False: this is no reader of ours. */
static bool take_lines(BastionHistoryQuery *q)
{
        const char *at = q->input.data, *end;
        size_t left = q->input.n;
        bool fine = true;

        while (fine && left > 0 && !g_cancellable_is_cancelled(q->cancellable) && (end = memchr(at, '\n', left))) {
                fine = take_line(q, at, (size_t)(end - at));
                left -= (size_t)(end - at) + 1;
                at = end + 1;
        }
        buf_consume(&q->input, q->input.n - left);
        return fine && left <= LINE_BYTES;
}

static void read_more(BastionHistoryQuery *q);

static void on_read(GObject *stream, GAsyncResult *result, gpointer userdata)
{
        BastionHistoryQuery *q = userdata;
        gssize n = g_input_stream_read_finish(G_INPUT_STREAM(stream), result, NULL);

        if (n > 0 && !g_cancellable_is_cancelled(q->cancellable)) {
                buf_append(&q->input, q->data, (size_t)n);
                if (!buf_error(&q->input) && take_lines(q)) {
                        read_more(q);
                        return;
                }
                if (!g_cancellable_is_cancelled(q->cancellable))
                        give_up(q, view_history_garbled());
        }
        settle(q);
}

static void read_more(BastionHistoryQuery *q)
{
        g_input_stream_read_async(g_subprocess_get_stdout_pipe(q->process), q->data, READ_BYTES, G_PRIORITY_DEFAULT_IDLE, q->cancellable, on_read, q);
}

/* Words on standard error, the first of them. */
static void on_words(GObject *stream, GAsyncResult *result, gpointer userdata)
{
        BastionHistoryQuery *q = userdata;
        g_autoptr(GBytes) bytes = g_input_stream_read_bytes_finish(G_INPUT_STREAM(stream), result, NULL);

        if (bytes && g_bytes_get_size(bytes) > 0 && q->words->len < WORDS_BYTES) {
                g_string_append_len(q->words, g_bytes_get_data(bytes, NULL), (gssize)g_bytes_get_size(bytes));
                g_input_stream_read_bytes_async(G_INPUT_STREAM(stream), WORDS_BYTES, G_PRIORITY_DEFAULT_IDLE, q->cancellable, on_words, q);
                return;
        }
        settle(q);
}

static void on_process_end(GObject *process, GAsyncResult *result, gpointer userdata)
{
        g_subprocess_wait_finish(G_SUBPROCESS(process), result, NULL);
        settle(userdata);
}

static gboolean on_not_started(gpointer userdata)
{
        settle(userdata);
        return G_SOURCE_REMOVE;
}

static GSubprocess *start(const char *folder, uint64_t limit, const char *const *words, GError **ret_error)
{
        g_autoptr(GPtrArray) argv = g_ptr_array_new();
        g_autofree char *number = g_strdup_printf("%" G_GUINT64_FORMAT, limit);
        char path[PATH_MAX];

        if (!program_find(PROGRAM_RECORDER, path)) {
                g_set_error(ret_error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND, _("bastion-recorder, which reads history, was not found %s"),
                            program_places(PROGRAM_RECORDER));
                return NULL;
        }
        g_ptr_array_add(argv, path);
        g_ptr_array_add(argv, (char *)"--query");
        g_ptr_array_add(argv, (char *)folder);
        g_ptr_array_add(argv, number);
        for (size_t i = 0; words && words[i]; i++)
                g_ptr_array_add(argv, (char *)words[i]);
        g_ptr_array_add(argv, NULL);
        return g_subprocess_newv((const char *const *)argv->pdata, G_SUBPROCESS_FLAGS_STDOUT_PIPE | G_SUBPROCESS_FLAGS_STDERR_PIPE, ret_error);
}

BastionHistoryQuery *bastion_history_query_start(const char *folder, uint64_t limit, const char *const *words, BastionHistoryRecordFunc on_record,
                                                 BastionHistoryEndFunc on_end, gpointer userdata)
{
        BastionHistoryQuery *q = g_new0(BastionHistoryQuery, 1);
        g_autoptr(GError) error = NULL;
        GInputStream *words_pipe;

        q->on_record = on_record;
        q->on_end = on_end;
        q->userdata = userdata;
        q->words = g_string_new(NULL);
        q->cancellable = g_cancellable_new();
        q->process = start(folder, limit, words, &error);
        if (!q->process) {
                g_strlcpy(q->trouble, error->message, sizeof(q->trouble));
                q->n_pending = 1;
                g_idle_add(on_not_started, q);
                return q;
        }
        q->n_pending = 3;
        read_more(q);
        words_pipe = g_subprocess_get_stderr_pipe(q->process);
        g_input_stream_read_bytes_async(words_pipe, WORDS_BYTES, G_PRIORITY_DEFAULT_IDLE, q->cancellable, on_words, q);
        g_subprocess_wait_async(q->process, NULL, on_process_end, q);
        return q;
}

void bastion_history_query_cancel(BastionHistoryQuery *query)
{
        if (!query)
                return;
        g_cancellable_cancel(query->cancellable);
        if (query->process)
                g_subprocess_force_exit(query->process);
}
