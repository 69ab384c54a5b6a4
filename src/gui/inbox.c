/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Theory in the header. What is missed is asked for again whenever an open question ends without an answer: only the daemon knows what became of it. */
#include "gui/inbox.h"

#include <string.h>

struct _BastionInbox {
        GObject parent;
        BastionLink *link;
        GListStore *open, *missed;
        bool is_asking, ask_again; /* a reply is on its way; it may be overtaken */
};

G_DEFINE_FINAL_TYPE(BastionInbox, bastion_inbox, G_TYPE_OBJECT)

/* Index in *ret; false: it is not there. */
static bool find(GListStore *store, const char *ref, guint *ret)
{
        for (guint i = 0; i < g_list_model_get_n_items(G_LIST_MODEL(store)); i++) {
                g_autoptr(BastionQuestion) question = g_list_model_get_item(G_LIST_MODEL(store), i);

                if (strcmp(bastion_question_get_prompt(question)->ref, ref) == 0) {
                        *ret = i;
                        return true;
                }
        }
        return false;
}

static void remove_ref(GListStore *store, const char *ref)
{
        guint at;

        if (find(store, ref, &at))
                g_list_store_remove(store, at);
}

static void add_open(BastionInbox *inbox, struct prompt *prompt)
{
        g_autoptr(BastionQuestion) question = NULL;
        guint at;

        if (find(inbox->open, prompt->ref, &at)) {
                question = g_list_model_get_item(G_LIST_MODEL(inbox->open), at);
                bastion_question_update(question, prompt, client_now());
        } else if (g_list_model_get_n_items(G_LIST_MODEL(inbox->open)) < LIMIT_QUESTIONS) {
                question = bastion_question_new(prompt, client_now());
                g_list_store_append(inbox->open, question);
        }
}

/* Who looks at one goes on looking at it. */
static BastionQuestion *known_or_new(GListStore *store, struct prompt *prompt)
{
        guint at;

        return find(store, prompt->ref, &at) ? g_list_model_get_item(G_LIST_MODEL(store), at) : bastion_question_new(prompt, client_now());
}

static bool is_among(const struct event *reply, const char *ref)
{
        for (size_t i = 0; i < reply->n_prompts; i++)
                if (strcmp(reply->prompts[i].ref, ref) == 0)
                        return true;
        return false;
}

static void take_questions(BastionInbox *inbox, struct event *reply)
{
        g_autoptr(GPtrArray) missed = g_ptr_array_new_with_free_func(g_object_unref);

        for (guint i = g_list_model_get_n_items(G_LIST_MODEL(inbox->open)); i > 0; i--) {
                g_autoptr(BastionQuestion) question = g_list_model_get_item(G_LIST_MODEL(inbox->open), i - 1);

                if (!is_among(reply, bastion_question_get_prompt(question)->ref))
                        g_list_store_remove(inbox->open, i - 1);
        }
        for (size_t i = 0; i < reply->n_prompts; i++)
                add_open(inbox, &reply->prompts[i]);
        for (size_t i = 0; i < reply->n_missed && i < LIMIT_QUESTIONS_MISSED; i++)
                g_ptr_array_add(missed, known_or_new(inbox->missed, &reply->missed[i]));
        g_list_store_splice(inbox->missed, 0, g_list_model_get_n_items(G_LIST_MODEL(inbox->missed)), missed->pdata, missed->len);
}

static void ask(BastionInbox *inbox);

static void on_questions(gpointer owner, struct event *reply)
{
        BastionInbox *inbox = owner;

        inbox->is_asking = false;
        if (reply && reply->type == EVENT_REPLY)
                take_questions(inbox, reply);
        if (reply && inbox->ask_again)
                ask(inbox);
}

/* A hundred questions may end at once, each of them a reason to ask. */
static void ask(BastionInbox *inbox)
{
        inbox->ask_again = inbox->is_asking;
        if (!inbox->is_asking)
                inbox->is_asking = bastion_link_ask(inbox->link, MESSAGE_QUESTIONS, inbox, on_questions);
}

static void on_closed(BastionInbox *inbox, const struct event *event)
{
        remove_ref(inbox->open, event->ref);
        remove_ref(inbox->missed, event->ref);
        if (event->state == QUESTION_EXPIRED || event->state == QUESTION_ABANDONED)
                ask(inbox);
}

static void on_event(BastionInbox *inbox, struct event *event)
{
        if (event->type == EVENT_QUESTION)
                for (size_t i = 0; i < event->n_prompts; i++)
                        add_open(inbox, &event->prompts[i]);
        else if (event->type == EVENT_QUESTION_CLOSED)
                on_closed(inbox, event);
}

static void on_state(BastionInbox *inbox)
{
        if (bastion_link_get_state(inbox->link) == BASTION_LINK_UP) {
                ask(inbox);
                return;
        }
        g_list_store_remove_all(inbox->open);
        g_list_store_remove_all(inbox->missed);
}

GListModel *bastion_inbox_get_open(BastionInbox *inbox)
{
        return G_LIST_MODEL(inbox->open);
}

GListModel *bastion_inbox_get_missed(BastionInbox *inbox)
{
        return G_LIST_MODEL(inbox->missed);
}

BastionInbox *bastion_inbox_new(BastionLink *link)
{
        BastionInbox *inbox = g_object_new(BASTION_TYPE_INBOX, NULL);

        inbox->link = g_object_ref(link);
        g_signal_connect_object(link, "event", G_CALLBACK(on_event), inbox, G_CONNECT_SWAPPED);
        g_signal_connect_object(link, "notify::state", G_CALLBACK(on_state), inbox, G_CONNECT_SWAPPED);
        return inbox;
}

static void bastion_inbox_dispose(GObject *object)
{
        BastionInbox *inbox = BASTION_INBOX(object);

        g_clear_object(&inbox->link);
        g_clear_object(&inbox->open);
        g_clear_object(&inbox->missed);
        G_OBJECT_CLASS(bastion_inbox_parent_class)->dispose(object);
}

static void bastion_inbox_class_init(BastionInboxClass *class)
{
        G_OBJECT_CLASS(class)->dispose = bastion_inbox_dispose;
}

static void bastion_inbox_init(BastionInbox *inbox)
{
        inbox->open = g_list_store_new(BASTION_TYPE_QUESTION);
        inbox->missed = g_list_store_new(BASTION_TYPE_QUESTION);
}
