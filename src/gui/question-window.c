/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Theory in the header. */
#include "gui/question-window.h"

#include "gui/app.h"
#include "gui/ask-guard.h"
#include "gui/ask-text.h"
#include "gui/i18n.h"
#include "gui/question-view.h"
#include "gui/unfocused.h"

enum { ROWS_MAX = 64 }; /* of each list: more than a person looks through */

struct _BastionQuestionWindow {
        AdwApplicationWindow parent;
        BastionLink *link;
        BastionInbox *inbox;
        BastionQuestion *shown; /* a reference, or NULL */
        struct ask_guard guard;
        guint guard_timer; /* a timeout of the main loop until the guard opens, else 0 */
        bool invited;      /* the person asked for the window, which has or gets the focus for that */
        bool stays;        /* also when nothing waits any more */
        /* of the template */
        GtkWidget *heading, *pager, *previous, *next, *nothing, *hint, *lists, *waiting_heading, *waiting, *missed_heading, *missed;
        BastionQuestionView *view;
};

G_DEFINE_FINAL_TYPE(BastionQuestionWindow, bastion_question_window, ADW_TYPE_APPLICATION_WINDOW)

/* ---- the guard ------------------------------------------------------------------------------------------------------- */

static void update_guard(BastionQuestionWindow *window)
{
        struct boottime now = client_now();

        bastion_question_view_set_live(window->view, ask_guard_buttons(&window->guard, now));
        /* Transparent rather than hidden: what is below stays where it is. */
        gtk_widget_set_visible(window->hint, window->shown != NULL);
        gtk_widget_set_opacity(window->hint, window->guard.engaged ? 0 : 1);
}

static gboolean on_guard_opens(gpointer userdata)
{
        BastionQuestionWindow *window = userdata;
        unsigned wait = ask_guard_wait_ms(&window->guard, client_now());

        window->guard_timer = 0;
        if (wait > 0) {
                window->guard_timer = g_timeout_add(wait, on_guard_opens, window);
                return G_SOURCE_REMOVE;
        }
        if (window->invited && gtk_window_is_active(GTK_WINDOW(window)))
                ask_guard_engage(&window->guard, client_now());
        update_guard(window);
        return G_SOURCE_REMOVE;
}

static void disturb(BastionQuestionWindow *window)
{
        ask_guard_disturb(&window->guard, client_now());
        if (!window->guard_timer)
                window->guard_timer = g_timeout_add(ASK_GUARD_MS, on_guard_opens, window);
        update_guard(window);
}

static void on_moved(gpointer userdata)
{
        disturb(userdata);
}

static void on_disturbed(BastionQuestionWindow *window)
{
        disturb(window);
}

static void engage(BastionQuestionWindow *window)
{
        if (ask_guard_engage(&window->guard, client_now()))
                update_guard(window);
}

static void on_pressed(BastionQuestionWindow *window)
{
        engage(window);
}

/* While keys are dead no widget sees one. */
static gboolean on_key_first(BastionQuestionWindow *window, guint key)
{
        if (ask_guard_keys(&window->guard, client_now()))
                return GDK_EVENT_PROPAGATE;
        if (key == GDK_KEY_F6)
                engage(window);
        return GDK_EVENT_STOP;
}

/* What no widget wanted, a list that is folded out among them. */
static gboolean on_key_last(BastionQuestionWindow *window, guint key)
{
        if (key != GDK_KEY_Escape)
                return GDK_EVENT_PROPAGATE;
        gtk_window_close(GTK_WINDOW(window));
        return GDK_EVENT_STOP;
}

/* A window manager gives the focus before the click that it is given for: that click is deliberate, and must find the buttons as the person saw them. */
static void on_active(BastionQuestionWindow *window)
{
        if (!gtk_window_is_active(GTK_WINDOW(window))) {
                window->invited = false;
                ask_guard_leave(&window->guard);
        } else if (window->invited) {
                engage(window);
        }
        update_guard(window);
}

/* ---- what is shown ----------------------------------------------------------------------------------------------------- */

static bool contains(GListModel *model, BastionQuestion *question, guint *ret_at)
{
        for (guint i = 0; i < g_list_model_get_n_items(model); i++) {
                g_autoptr(BastionQuestion) item = g_list_model_get_item(model, i);

                if (item == question) {
                        *ret_at = i;
                        return true;
                }
        }
        return false;
}

static unsigned n_open(BastionQuestionWindow *window)
{
        return g_list_model_get_n_items(bastion_inbox_get_open(window->inbox));
}

static GtkWidget *row_new(BastionQuestion *question)
{
        const struct prompt *prompt = bastion_question_get_prompt(question);
        g_autofree char *title = ask_text_row(prompt), *path = ask_text_path(prompt->subject), *when = ask_text_missed_row(prompt);
        GtkWidget *row = adw_action_row_new();

        adw_preferences_row_set_use_markup(ADW_PREFERENCES_ROW(row), FALSE);
        adw_preferences_row_set_title(ADW_PREFERENCES_ROW(row), title ? title : "");
        adw_action_row_set_title_lines(ADW_ACTION_ROW(row), 1);
        adw_action_row_set_subtitle(ADW_ACTION_ROW(row), bastion_question_is_open(question) || !when ? "" : when);
        gtk_list_box_row_set_activatable(GTK_LIST_BOX_ROW(row), TRUE);
        gtk_widget_set_tooltip_text(row, path);
        g_object_set_data_full(G_OBJECT(row), "question", g_object_ref(question), g_object_unref);
        return row;
}

/* All of a model but the one that is shown above. */
static unsigned fill(GtkWidget *list, GListModel *model, BastionQuestion *shown)
{
        GtkWidget *row;
        unsigned n = 0;

        while ((row = gtk_widget_get_first_child(list)))
                gtk_list_box_remove(GTK_LIST_BOX(list), row);
        for (guint i = 0; i < g_list_model_get_n_items(model) && n < ROWS_MAX; i++) {
                g_autoptr(BastionQuestion) question = g_list_model_get_item(model, i);

                if (question == shown)
                        continue;
                gtk_list_box_append(GTK_LIST_BOX(list), row_new(question));
                n++;
        }
        gtk_widget_set_visible(list, n > 0);
        return n;
}

static void describe_nothing(BastionQuestionWindow *window)
{
        AdwStatusPage *page = ADW_STATUS_PAGE(window->nothing);

        switch (bastion_link_get_state(window->link)) {
        case BASTION_LINK_UP:
                adw_status_page_set_title(page, _("Nothing Is Asked"));
                adw_status_page_set_description(page, _("When a program wants to reach something that no rule knows, the question comes up here by itself."));
                break;
        case BASTION_LINK_NOT_PERMITTED:
                adw_status_page_set_title(page, _("Not Permitted"));
                adw_status_page_set_description(page, _("You are not a member of the group that may talk to the firewall (bastion)."));
                break;
        case BASTION_LINK_NO_DAEMON:
        case BASTION_LINK_GREETING:
                adw_status_page_set_title(page, _("The Firewall Is Gone"));
                adw_status_page_set_description(page, _("Its daemon does not run, so nothing can be answered. Questions come back with it."));
                break;
        }
}

static void update_lists(BastionQuestionWindow *window)
{
        unsigned waiting = fill(window->waiting, bastion_inbox_get_open(window->inbox), window->shown);
        unsigned missed = fill(window->missed, bastion_inbox_get_missed(window->inbox), window->shown);
        unsigned open = n_open(window);
        bool shows_open = window->shown && bastion_question_is_open(window->shown);
        g_autofree char *more = ask_text_waiting(shows_open ? open - 1 : open);

        gtk_label_set_text(GTK_LABEL(window->waiting_heading), more ? more : "");
        gtk_widget_set_visible(window->waiting_heading, waiting > 0);
        gtk_widget_set_visible(window->missed_heading, missed > 0);
        gtk_widget_set_visible(window->lists, waiting > 0 || missed > 0);
        gtk_widget_set_visible(window->pager, open > 1);
        adw_window_title_set_title(ADW_WINDOW_TITLE(window->heading), _("Bastion Firewall"));
        adw_window_title_set_subtitle(ADW_WINDOW_TITLE(window->heading), more ? more : "");
        describe_nothing(window);
}

static void show_question(BastionQuestionWindow *window, BastionQuestion *question)
{
        g_set_object(&window->shown, question);
        bastion_question_view_set_question(window->view, question);
        gtk_widget_set_visible(GTK_WIDGET(window->view), question != NULL);
        gtk_widget_set_visible(window->nothing, !question);
        gtk_window_set_focus(GTK_WINDOW(window), NULL);
        update_lists(window);
        update_guard(window);
}

/* The one `step` further among the open ones, around the end. */
static void turn(BastionQuestionWindow *window, int step)
{
        GListModel *open = bastion_inbox_get_open(window->inbox);
        guint n = g_list_model_get_n_items(open), at = 0;
        g_autoptr(BastionQuestion) question = NULL;

        if (n == 0)
                return;
        if (window->shown && contains(open, window->shown, &at))
                at = (at + n + (guint)step) % n;
        question = g_list_model_get_item(open, at);
        show_question(window, question);
}

static void on_next(BastionQuestionWindow *window)
{
        turn(window, 1);
}

static void on_previous(BastionQuestionWindow *window)
{
        turn(window, -1);
}

static void on_row(BastionQuestionWindow *window, GtkListBoxRow *row)
{
        BastionQuestion *question = g_object_get_data(G_OBJECT(row), "question");

        if (!bastion_question_is_open(question))
                window->stays = true;
        show_question(window, question);
}

/* The oldest that waits, or nothing. */
static void show_first(BastionQuestionWindow *window)
{
        g_autoptr(BastionQuestion) question = g_list_model_get_item(bastion_inbox_get_open(window->inbox), 0);

        show_question(window, question);
}

static void on_items(BastionQuestionWindow *window)
{
        guint at;

        if (window->shown && !contains(bastion_inbox_get_open(window->inbox), window->shown, &at) &&
            !contains(bastion_inbox_get_missed(window->inbox), window->shown, &at))
                show_question(window, NULL);
        if (!window->shown)
                show_first(window);
        else
                update_lists(window);
        if (!window->shown && !window->stays && bastion_link_get_state(window->link) == BASTION_LINK_UP)
                gtk_widget_hide(GTK_WIDGET(window));
}

/* ---- coming and going ---------------------------------------------------------------------------------------------------- */

void bastion_question_window_offer(BastionQuestionWindow *window)
{
        if (n_open(window) == 0 || gtk_widget_get_mapped(GTK_WIDGET(window)))
                return;
        window->stays = window->invited = false;
        disturb(window);
        unfocused_show(GTK_WINDOW(window));
}

void bastion_question_window_open(BastionQuestionWindow *window)
{
        window->invited = true;
        window->stays = n_open(window) == 0; /* who came for a question has no need of it afterwards */
        update_lists(window);
        disturb(window);
        gtk_window_present(GTK_WINDOW(window));
}

void bastion_question_window_select(BastionQuestionWindow *window, BastionQuestion *question)
{
        show_question(window, question);
}

static void on_unmap(BastionQuestionWindow *window)
{
        window->stays = window->invited = false;
        ask_guard_leave(&window->guard);
        g_clear_handle_id(&window->guard_timer, g_source_remove);
        show_first(window); /* not the missed one that was looked at */
}

BastionQuestionWindow *bastion_question_window_new(AdwApplication *app, BastionLink *link, BastionInbox *inbox)
{
        BastionQuestionWindow *window = g_object_new(BASTION_TYPE_QUESTION_WINDOW, "application", app, NULL);

        window->link = g_object_ref(link);
        window->inbox = g_object_ref(inbox);
        bastion_question_view_set_link(window->view, link);
        g_signal_connect_object(bastion_inbox_get_open(inbox), "items-changed", G_CALLBACK(on_items), window, G_CONNECT_SWAPPED);
        g_signal_connect_object(bastion_inbox_get_missed(inbox), "items-changed", G_CALLBACK(on_items), window, G_CONNECT_SWAPPED);
        g_signal_connect_object(link, "notify::state", G_CALLBACK(on_items), window, G_CONNECT_SWAPPED);
        unfocused_watch_place(GTK_WINDOW(window), on_moved, window);
        show_first(window);
        return window;
}

static void bastion_question_window_dispose(GObject *object)
{
        BastionQuestionWindow *window = BASTION_QUESTION_WINDOW(object);

        g_clear_handle_id(&window->guard_timer, g_source_remove);
        /* That it goes out of sight now is no event any more. */
        g_signal_handlers_disconnect_by_func(window, on_unmap, NULL);
        g_signal_handlers_disconnect_by_func(window, on_active, NULL);
        g_clear_object(&window->shown);
        g_clear_object(&window->link);
        g_clear_object(&window->inbox);
        G_OBJECT_CLASS(bastion_question_window_parent_class)->dispose(object);
}

static void bastion_question_window_class_init(BastionQuestionWindowClass *class)
{
        GtkWidgetClass *widget_class = GTK_WIDGET_CLASS(class);

        G_OBJECT_CLASS(class)->dispose = bastion_question_window_dispose;
        g_type_ensure(BASTION_TYPE_QUESTION_VIEW);
        gtk_widget_class_set_template_from_resource(widget_class, APP_RESOURCES "/ask/question-window.ui");
#define BIND(name) gtk_widget_class_bind_template_child(widget_class, BastionQuestionWindow, name)
        BIND(heading);
        BIND(pager);
        BIND(previous);
        BIND(next);
        BIND(nothing);
        BIND(hint);
        BIND(lists);
        BIND(waiting_heading);
        BIND(waiting);
        BIND(missed_heading);
        BIND(missed);
        BIND(view);
#undef BIND
        gtk_widget_class_bind_template_callback(widget_class, on_disturbed);
        gtk_widget_class_bind_template_callback(widget_class, on_next);
        gtk_widget_class_bind_template_callback(widget_class, on_previous);
        gtk_widget_class_bind_template_callback(widget_class, on_row);
}

static void bastion_question_window_init(BastionQuestionWindow *window)
{
        GtkEventController *first = gtk_event_controller_key_new(), *last = gtk_event_controller_key_new();
        GtkGesture *clicks = gtk_gesture_click_new();

        gtk_widget_init_template(GTK_WIDGET(window));
        gtk_event_controller_set_propagation_phase(first, GTK_PHASE_CAPTURE);
        g_signal_connect_swapped(first, "key-pressed", G_CALLBACK(on_key_first), window);
        gtk_widget_add_controller(GTK_WIDGET(window), first);
        g_signal_connect_swapped(last, "key-pressed", G_CALLBACK(on_key_last), window);
        gtk_widget_add_controller(GTK_WIDGET(window), last);
        gtk_event_controller_set_propagation_phase(GTK_EVENT_CONTROLLER(clicks), GTK_PHASE_CAPTURE);
        gtk_gesture_single_set_button(GTK_GESTURE_SINGLE(clicks), 0);
        g_signal_connect_swapped(clicks, "pressed", G_CALLBACK(on_pressed), window);
        gtk_widget_add_controller(GTK_WIDGET(window), GTK_EVENT_CONTROLLER(clicks));
        g_signal_connect(window, "notify::is-active", G_CALLBACK(on_active), NULL);
        g_signal_connect(window, "unmap", G_CALLBACK(on_unmap), NULL);
}
