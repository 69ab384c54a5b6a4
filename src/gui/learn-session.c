/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Theory in the header. Steps:
 *
 *      RULES (pages; begun again when they are loaded anew) ──▶ LISTS that these speak of ──▶ MEMORY ──▶ HISTORY, up to where memory
 *      begins ──▶ THINKING ──▶ done
 *
 * Lists are read, and what was recorded is thought about, in a thread, while nobody else touches what it works on; it holds a reference to the
 * session.
 */
#include "gui/learn-session.h"

#include <string.h>

#include "base/log.h"
#include "client/list-files.h"
#include "client/program-file.h"
#include "core/limits.h"
#include "gui/history-query.h"
#include "gui/i18n.h"
#include "wire/hostname.h"

enum { RULES_PAGE = 5000, BEGINNINGS = 5 };

struct _BastionLearnSession {
        GObject parent;
        BastionLink *link;
        struct ruleset *rules;
        struct list_files lists; /* of the rules */
        struct learn *learn;
        struct event *memory; /* the reply to decisions, until history is read */
        BastionHistoryQuery *query;
        unsigned n_beginnings;
        struct proposal *proposals;
        size_t n_proposals;
        char *trouble, *remark;
        bool done;
};

static guint signal_done;

G_DEFINE_FINAL_TYPE(BastionLearnSession, bastion_learn_session, G_TYPE_OBJECT)

static void finish(BastionLearnSession *session, const char *trouble)
{
        session->trouble = g_strdup(trouble);
        session->done = true;
        g_signal_emit(session, signal_done, 0);
}

static void set_remark(BastionLearnSession *session, const char *remark)
{
        g_free(session->remark);
        session->remark = g_strdup(remark);
}

/* Strangers choose the keys of the tables. */
static guint64 random_seed(void)
{
        return (guint64)g_random_int() << 32 | g_random_int();
}

static const char *out_of_memory(void)
{
        return _("There is not enough memory for this.");
}

/* ---- thinking -------------------------------------------------------------------------------------------------------- */

static gint64 midnight_us(void)
{
        g_autoptr(GDateTime) now = g_date_time_new_now_local();
        g_autoptr(GDateTime) midnight =
                g_date_time_new_local(g_date_time_get_year(now), g_date_time_get_month(now), g_date_time_get_day_of_month(now), 0, 0, 0);

        /* A day that has no midnight here: nothing is new. */
        return midnight ? g_date_time_to_unix(midnight) * G_USEC_PER_SEC : g_get_real_time();
}

static void think(GTask *task, gpointer source, _unused_ gpointer data, _unused_ GCancellable *cancellable)
{
        BastionLearnSession *session = source;
        int r = learn_propose(session->learn, midnight_us(), hostname_domain, &session->proposals, &session->n_proposals);

        for (size_t i = 0; r == 0 && i < session->n_proposals; i++)
                session->proposals[i].surprises |= program_file_surprises(session->proposals[i].rule);
        g_task_return_boolean(task, r == 0);
}

static void on_thought(GObject *object, GAsyncResult *result, _unused_ gpointer userdata)
{
        finish(BASTION_LEARN_SESSION(object), g_task_propagate_boolean(G_TASK(result), NULL) ? NULL : out_of_memory());
}

static void start_thinking(BastionLearnSession *session)
{
        g_autoptr(GTask) task = g_task_new(session, NULL, on_thought, NULL);

        for (size_t i = 0; i < session->memory->n_records; i++)
                if (learn_add(session->learn, &session->memory->records[i]) < 0) {
                        finish(session, out_of_memory());
                        return;
                }
        session->memory = event_free(session->memory);
        g_task_run_in_thread(task, think);
}

/* ---- fetching -------------------------------------------------------------------------------------------------------- */

static void on_record(struct record *record, gpointer userdata)
{
        BastionLearnSession *session = userdata;

        if (learn_add(session->learn, record) < 0)
                set_remark(session, _("There was not enough memory for all that was recorded."));
        record_deinit(record);
}

static void on_history_end(BastionHistoryResult result, const char *words, gpointer userdata)
{
        BastionLearnSession *session = userdata;

        session->query = NULL;
        switch (result) {
        case BASTION_HISTORY_FINE:
        case BASTION_HISTORY_MISSING: /* nothing is older */
                break;
        case BASTION_HISTORY_DENIED:
                set_remark(session, _("You may not read the history: only the last decisions are looked at."));
                break;
        case BASTION_HISTORY_FAILED:
                set_remark(session, *words ? words : _("The history could not be read: only the last decisions are looked at."));
                break;
        }
        start_thinking(session);
}

static void on_memory(gpointer owner, struct event *reply)
{
        BastionLearnSession *session = owner;
        g_autofree char *older = NULL;
        const char *words[] = { "fold", NULL, NULL }; /* a thousand lines instead of a million */

        if (!reply || reply->type != EVENT_REPLY) {
                finish(session, bastion_reply_error(reply));
                return;
        }
        session->memory = g_memdup2(reply, sizeof(*reply));
        *reply = (struct event){ 0 };
        if (!session->memory->history) {
                start_thinking(session);
                return;
        }
        if (session->memory->n_records > 0) {
                const struct record *first = &session->memory->records[0];

                words[1] = older = g_strdup_printf("older=%" G_GUINT64_FORMAT "@%" G_GINT64_FORMAT, first->seq, first->time_us);
        }
        session->query = bastion_history_query_start(session->memory->history, LIMIT_HISTORY_ROWS, words, on_record, on_history_end, session);
}

static void ask_memory(BastionLearnSession *session)
{
        int64_t id;
        struct buf *out = bastion_link_request(session->link, session, on_memory, &id);

        if (!out) {
                finish(session, bastion_reply_error(NULL));
                return;
        }
        message_format_request_decisions(out, id, LIMIT_RECORDS);
}

/* One that cannot be read is not known, and satisfies nothing: what it denies may be proposed, and is denied all the same. */
static void on_unread_list(_unused_ void *userdata, const char *path, _unused_ int error, const char *words)
{
        log_info("the list %s: %s", path, words);
}

static void read_lists(GTask *task, gpointer source, _unused_ gpointer data, _unused_ GCancellable *cancellable)
{
        BastionLearnSession *session = source;

        list_files_load(session->rules, &session->lists, on_unread_list, NULL);
        g_task_return_boolean(task, TRUE);
}

static void on_lists_read(GObject *object, _unused_ GAsyncResult *result, _unused_ gpointer userdata)
{
        BastionLearnSession *session = BASTION_LEARN_SESSION(object);

        session->learn = learn_new(session->rules, &session->lists.sets, client_now(), random_seed());
        if (session->learn)
                ask_memory(session);
        else
                finish(session, out_of_memory());
}

static void start_reading_lists(BastionLearnSession *session)
{
        g_autoptr(GTask) task = g_task_new(session, NULL, on_lists_read, NULL);

        g_task_run_in_thread(task, read_lists);
}

static void ask_rules(BastionLearnSession *session, const struct rules_mark *after);

/* A rule that came twice, because it changed meanwhile: the second replaces the first. */
static bool take_rules(BastionLearnSession *session, struct event *reply)
{
        for (size_t i = 0; i < reply->n_rules; i++) {
                int r = ruleset_add(session->rules, reply->rules[i]);

                if (r == RULESET_E_EXISTS) {
                        rule_free(ruleset_remove(session->rules, reply->rules[i]->id));
                        r = ruleset_add(session->rules, reply->rules[i]);
                }
                if (r != 0)
                        return false;
                reply->rules[i] = NULL;
        }
        return true;
}

/* rule_free() takes NULL, and event_free() every element: those that were taken are NULL. */
static void on_rules(gpointer owner, struct event *reply)
{
        BastionLearnSession *session = owner;

        if (reply && reply->type == EVENT_ERROR && reply->error == MESSAGE_ERROR_CLOSED && session->n_beginnings < BEGINNINGS) {
                ask_rules(session, NULL);
                return;
        }
        if (!reply || reply->type != EVENT_REPLY) {
                finish(session, bastion_reply_error(reply));
                return;
        }
        if (!take_rules(session, reply)) {
                finish(session, out_of_memory());
                return;
        }
        if (reply->has_next)
                ask_rules(session, &reply->next);
        else
                start_reading_lists(session);
}

static void ask_rules(BastionLearnSession *session, const struct rules_mark *after)
{
        struct rules_page page = { .limit = RULES_PAGE, .has_after = after };
        int64_t id;
        struct buf *out = bastion_link_request(session->link, session, on_rules, &id);

        if (!out) {
                finish(session, bastion_reply_error(NULL));
                return;
        }
        if (after) {
                page.after = *after;
        } else {
                session->n_beginnings++;
                ruleset_free(session->rules);
                session->rules = ruleset_new(random_seed());
        }
        message_format_request_rules(out, id, &page);
}

/* ---- the object ------------------------------------------------------------------------------------------------------ */

BastionLearnSession *bastion_learn_session_start(BastionLink *link)
{
        BastionLearnSession *session;

        if (bastion_link_get_state(link) != BASTION_LINK_UP)
                return NULL;
        session = g_object_new(BASTION_TYPE_LEARN_SESSION, NULL);
        session->link = g_object_ref(link);
        ask_rules(session, NULL);
        return session;
}

const char *bastion_learn_session_get_trouble(BastionLearnSession *session)
{
        return session->trouble;
}

const char *bastion_learn_session_get_remark(BastionLearnSession *session)
{
        return session->remark;
}

struct learn_counts bastion_learn_session_get_counts(BastionLearnSession *session)
{
        return session->learn ? learn_counts(session->learn) : (struct learn_counts){ 0 };
}

const struct proposal *bastion_learn_session_get_proposals(BastionLearnSession *session, size_t *ret_n)
{
        *ret_n = session->n_proposals;
        return session->proposals;
}

static void bastion_learn_session_finalize(GObject *object)
{
        BastionLearnSession *session = BASTION_LEARN_SESSION(object);

        bastion_history_query_cancel(session->query);
        for (size_t i = 0; i < session->n_proposals; i++)
                proposal_deinit(&session->proposals[i]);
        free(session->proposals);
        learn_free(session->learn);
        list_files_deinit(&session->lists);
        ruleset_free(session->rules);
        event_free(session->memory);
        g_object_unref(session->link);
        g_free(session->trouble);
        g_free(session->remark);
        G_OBJECT_CLASS(bastion_learn_session_parent_class)->finalize(object);
}

static void bastion_learn_session_class_init(BastionLearnSessionClass *class)
{
        G_OBJECT_CLASS(class)->finalize = bastion_learn_session_finalize;
        signal_done = g_signal_new("done", BASTION_TYPE_LEARN_SESSION, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 0);
}

static void bastion_learn_session_init(_unused_ BastionLearnSession *session)
{
}
