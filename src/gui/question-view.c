/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Theory in the header. The rules that are shown (previews) belong to the choices that are made: a reply that comes after another choice is of an older request, and dropped. */
#include "gui/question-view.h"

#include "gui/app.h"
#include "gui/ask-text.h"
#include "gui/i18n.h"
#include "gui/question-facts.h"

enum { DENY, ALLOW, VERDICTS };
enum { PAST_RECORDS = 512 };

struct _BastionQuestionView {
        GtkBox parent;
        BastionLink *link;
        BastionQuestion *question;
        struct question_facts facts;
        gulong changed_handler;
        struct choice choice;
        enum answer_scope scopes[CHOICE_SCOPES_MAX];
        unsigned n_scopes;
        bool live, is_setting; /* may be answered; choices are being set by us */
        int64_t preview[VERDICTS], past_request, answering; /* requests under way, 0: none */
        bool has_rule[VERDICTS];
        guint tick; /* a timeout of the main loop while the countdown is seen */
        /* of the template */
        GtkWidget *icon, *title, *origin, *origin_package, *note, *scope, *deny, *allow, *deny_rule, *allow_rule, *countdown, *progress, *left, *error, *details;
        GtkWidget *time_once, *time_process, *time_hour, *time_session, *time_always;
        GtkWidget *path, *arguments, *started_by, *user, *process, *name_source, *reason, *past, *package;
        GtkWidget *path_label, *arguments_label, *started_by_label, *user_label, *process_label, *name_source_label, *reason_label, *past_label, *package_label;
};

G_DEFINE_FINAL_TYPE(BastionQuestionView, bastion_question_view, GTK_TYPE_BOX)

static guint signal_disturbed;

/* Takes `text`; NULL hides the label. */
static void set_text(GtkWidget *label, char *text)
{
        gtk_widget_set_visible(label, text != NULL);
        gtk_label_set_text(GTK_LABEL(label), text ? text : "");
        free(text);
}

static void set_fact(GtkWidget *label, GtkWidget *value, char *text)
{
        gtk_widget_set_visible(label, text != NULL);
        set_text(value, text);
}

static GtkWidget *const *time_buttons(BastionQuestionView *view)
{
        return &view->time_once; /* five in a row, in the order of enum choice_time */
}

static void update_live(BastionQuestionView *view)
{
        bool may = view->live && !view->answering && view->question;

        gtk_widget_set_sensitive(view->deny, may && view->has_rule[DENY]);
        gtk_widget_set_sensitive(view->allow, may && view->has_rule[ALLOW]);
}

/* ---- the rule that will be written ----------------------------------------------------------------------------------- */

static void on_preview(gpointer owner, struct event *reply)
{
        BastionQuestionView *view = owner;
        GtkWidget *const labels[VERDICTS] = { view->deny_rule, view->allow_rule };
        GtkWidget *const buttons[VERDICTS] = { view->deny, view->allow };

        for (int i = 0; reply && i < VERDICTS; i++) {
                g_autofree char *text = NULL;

                if (view->preview[i] != reply->id)
                        continue;
                view->preview[i] = 0;
                if (reply->type != EVENT_REPLY) {
                        set_text(view->error, g_strdup(bastion_reply_error(reply)));
                        continue;
                }
                text = ask_text_rule(reply->n_rules > 0 ? reply->rules[0] : NULL);
                view->has_rule[i] = text;
                gtk_label_set_text(GTK_LABEL(labels[i]), text ? text : "");
                gtk_widget_set_tooltip_text(labels[i], text);
                gtk_accessible_update_property(GTK_ACCESSIBLE(buttons[i]), GTK_ACCESSIBLE_PROPERTY_DESCRIPTION, text ? text : "", -1);
        }
        update_live(view);
}

static void ask_rules(BastionQuestionView *view)
{
        const struct prompt *prompt = bastion_question_get_prompt(view->question);

        for (int i = 0; i < VERDICTS; i++) {
                struct answer answer = choice_answer(&view->choice, prompt, i == ALLOW);
                struct buf *out = bastion_link_request(view->link, view, on_preview, &view->preview[i]);

                view->has_rule[i] = false;
                answer.preview = true;
                if (out)
                        message_format_request_answer(out, view->preview[i], prompt->ref, &answer);
        }
        update_live(view);
}

/* ---- choosing and answering -------------------------------------------------------------------------------------------- */

static void on_choice(BastionQuestionView *view)
{
        struct choice choice = view->choice;
        guint scope = gtk_drop_down_get_selected(GTK_DROP_DOWN(view->scope));

        if (view->is_setting || !view->question)
                return;
        for (int i = 0; i < CHOICE_TIMES; i++)
                if (gtk_toggle_button_get_active(GTK_TOGGLE_BUTTON(time_buttons(view)[i])))
                        choice.time = (enum choice_time)i;
        if (scope < view->n_scopes)
                choice.scope = view->scopes[scope];
        if (choice.time == view->choice.time && choice.scope == view->choice.scope)
                return;
        view->choice = choice;
        set_text(view->error, NULL); /* it was about the choice before */
        ask_rules(view);
}

static void on_answered(gpointer owner, struct event *reply)
{
        BastionQuestionView *view = owner;

        if (reply && reply->id != view->answering)
                return; /* to the question that was shown before */
        view->answering = 0;
        if (!reply || reply->type != EVENT_REPLY)
                set_text(view->error, g_strdup(bastion_reply_error(reply)));
        update_live(view);
}

static void answer(BastionQuestionView *view, bool allow)
{
        const struct prompt *prompt = view->question ? bastion_question_get_prompt(view->question) : NULL;
        struct answer given;
        struct buf *out;

        if (!prompt || !view->live || view->answering || !view->has_rule[allow ? ALLOW : DENY])
                return;
        given = choice_answer(&view->choice, prompt, allow);
        out = bastion_link_request(view->link, view, on_answered, &view->answering);
        if (!out)
                return;
        message_format_request_answer(out, view->answering, prompt->ref, &given);
        update_live(view);
}

static void on_allow(BastionQuestionView *view)
{
        answer(view, true);
}

static void on_deny(BastionQuestionView *view)
{
        answer(view, false);
}

/* ---- what it shows ------------------------------------------------------------------------------------------------------- */

static void on_facts(gpointer userdata)
{
        BastionQuestionView *view = userdata;
        const struct question_facts *facts = &view->facts;

        if (facts->icon)
                gtk_image_set_from_gicon(GTK_IMAGE(view->icon), facts->icon);
        if (facts->has_package) {
                set_fact(view->package_label, view->package, ask_text_package(facts->package));
                gtk_label_set_text(GTK_LABEL(view->origin_package), gtk_label_get_text(GTK_LABEL(view->package)));
                (facts->package ? gtk_widget_remove_css_class : gtk_widget_add_css_class)(view->origin_package, "warning");
                (facts->package ? gtk_widget_add_css_class : gtk_widget_remove_css_class)(view->origin_package, "dim-label");
        }
}

static void on_past(gpointer owner, struct event *reply)
{
        BastionQuestionView *view = owner;
        struct past past;

        if (!reply || reply->id != view->past_request || reply->type != EVENT_REPLY || !view->question)
                return;
        past = past_of(bastion_question_get_prompt(view->question)->subject, reply->records, reply->n_records);
        set_fact(view->past_label, view->past, ask_text_past(&past));
}

static void ask_past(BastionQuestionView *view)
{
        struct buf *out = bastion_link_request(view->link, view, on_past, &view->past_request);

        if (out)
                message_format_request_decisions(out, view->past_request, PAST_RECORDS);
}

static void show_choices(BastionQuestionView *view)
{
        const struct prompt *prompt = bastion_question_get_prompt(view->question);
        g_autoptr(GtkStringList) names = gtk_string_list_new(NULL);
        guint selected = 0;

        view->is_setting = true;
        view->n_scopes = choice_scopes(prompt, view->scopes);
        for (unsigned i = 0; i < view->n_scopes; i++) {
                g_autofree char *text = ask_text_scope(prompt, view->scopes[i]);

                gtk_string_list_append(names, text ? text : "");
                if (view->scopes[i] == view->choice.scope)
                        selected = i;
        }
        gtk_drop_down_set_model(GTK_DROP_DOWN(view->scope), G_LIST_MODEL(names));
        gtk_drop_down_set_selected(GTK_DROP_DOWN(view->scope), selected);
        for (int i = 0; i < CHOICE_TIMES; i++) {
                gtk_widget_set_visible(time_buttons(view)[i], choice_offers_time(prompt, (enum choice_time)i));
                gtk_toggle_button_set_active(GTK_TOGGLE_BUTTON(time_buttons(view)[i]), view->choice.time == (enum choice_time)i);
        }
        view->is_setting = false;
}

static void show_left(BastionQuestionView *view)
{
        struct boottime ends = bastion_question_get_ends(view->question), since = bastion_question_get_since(view->question);
        uint64_t left = boottime_left(ends, client_now()), whole = boottime_left(ends, since);

        gtk_widget_set_visible(view->countdown, bastion_question_is_open(view->question));
        gtk_progress_bar_set_fraction(GTK_PROGRESS_BAR(view->progress), whole > 0 ? MIN(1.0, (double)left / (double)whole) : 0);
        set_text(view->left, ask_text_left((unsigned)((left + NS_PER_SEC - 1) / NS_PER_SEC)));
}

static void show_prompt(BastionQuestionView *view)
{
        const struct prompt *prompt = bastion_question_get_prompt(view->question);
        const struct subject *subject = prompt->subject;
        g_autofree char *path = ask_text_path(subject);

        set_text(view->title, ask_text_title(prompt));
        set_text(view->note, ask_text_note(prompt));
        set_text(view->origin, ask_text_started_by_short(subject));
        gtk_widget_set_tooltip_text(view->title, path);
        set_fact(view->path_label, view->path, g_steal_pointer(&path));
        set_fact(view->arguments_label, view->arguments, ask_text_arguments(subject));
        set_fact(view->started_by_label, view->started_by, ask_text_started_by(subject));
        set_fact(view->user_label, view->user, ask_text_user(subject));
        set_fact(view->process_label, view->process, ask_text_process(subject));
        set_fact(view->name_source_label, view->name_source, ask_text_name_source(prompt));
        set_fact(view->reason_label, view->reason, ask_text_reason(prompt));
        show_left(view);
}

static void show_anew(BastionQuestionView *view)
{
        const struct prompt *prompt = bastion_question_get_prompt(view->question);

        view->choice = choice_default(prompt);
        view->answering = 0;
        set_text(view->error, NULL);
        gtk_label_set_text(GTK_LABEL(view->deny_rule), "");
        gtk_label_set_text(GTK_LABEL(view->allow_rule), "");
        gtk_label_set_text(GTK_LABEL(view->origin_package), "");
        gtk_image_set_from_icon_name(GTK_IMAGE(view->icon), prompt->subject->kind == SUBJECT_PROGRAM ? "application-x-executable" : "dialog-question");
        set_fact(view->package_label, view->package, NULL);
        set_fact(view->past_label, view->past, NULL);
        show_choices(view);
        show_prompt(view);
        question_facts_find(&view->facts, prompt->subject, on_facts, view);
        ask_past(view);
        ask_rules(view);
        g_signal_emit(view, signal_disturbed, 0);
}

static void on_changed(BastionQuestionView *view, gboolean substance)
{
        if (substance)
                show_anew(view);
        else
                show_prompt(view);
}

static gboolean on_tick(gpointer userdata)
{
        show_left(userdata);
        return G_SOURCE_CONTINUE;
}

/* The countdown wakes this program while somebody can see it. */
static void update_tick(BastionQuestionView *view)
{
        bool seen = view->question && bastion_question_is_open(view->question) && gtk_widget_get_mapped(GTK_WIDGET(view));

        if (seen && !view->tick)
                view->tick = g_timeout_add_seconds(1, on_tick, view);
        else if (!seen)
                g_clear_handle_id(&view->tick, g_source_remove);
}

/* ---- the widget ------------------------------------------------------------------------------------------------------------ */

static void forget_question(BastionQuestionView *view)
{
        if (view->question)
                g_clear_signal_handler(&view->changed_handler, view->question);
        g_clear_object(&view->question);
        question_facts_clear(&view->facts);
}

void bastion_question_view_set_link(BastionQuestionView *view, BastionLink *link)
{
        view->link = g_object_ref(link);
}

void bastion_question_view_set_question(BastionQuestionView *view, BastionQuestion *question)
{
        if (view->question == question)
                return;
        forget_question(view);
        if (question) {
                view->question = g_object_ref(question);
                view->changed_handler = g_signal_connect_swapped(question, "changed", G_CALLBACK(on_changed), view);
                show_anew(view);
        }
        update_tick(view);
        update_live(view);
}

void bastion_question_view_set_live(BastionQuestionView *view, bool live)
{
        view->live = live;
        update_live(view);
}

static void bastion_question_view_dispose(GObject *object)
{
        BastionQuestionView *view = BASTION_QUESTION_VIEW(object);

        g_clear_handle_id(&view->tick, g_source_remove);
        forget_question(view);
        g_clear_object(&view->link);
        G_OBJECT_CLASS(bastion_question_view_parent_class)->dispose(object);
}

static void bastion_question_view_class_init(BastionQuestionViewClass *class)
{
        GtkWidgetClass *widget_class = GTK_WIDGET_CLASS(class);

        G_OBJECT_CLASS(class)->dispose = bastion_question_view_dispose;
        signal_disturbed = g_signal_new("disturbed", BASTION_TYPE_QUESTION_VIEW, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 0);
        gtk_widget_class_set_template_from_resource(widget_class, APP_RESOURCES "/ask/question-view.ui");
#define BIND(name) gtk_widget_class_bind_template_child(widget_class, BastionQuestionView, name)
        BIND(icon);
        BIND(title);
        BIND(origin);
        BIND(origin_package);
        BIND(note);
        BIND(scope);
        BIND(deny);
        BIND(allow);
        BIND(deny_rule);
        BIND(allow_rule);
        BIND(countdown);
        BIND(progress);
        BIND(left);
        BIND(error);
        BIND(details);
        BIND(time_once);
        BIND(time_process);
        BIND(time_hour);
        BIND(time_session);
        BIND(time_always);
#define BIND_FACT(name) BIND(name); BIND(name##_label)
        BIND_FACT(path);
        BIND_FACT(arguments);
        BIND_FACT(started_by);
        BIND_FACT(user);
        BIND_FACT(process);
        BIND_FACT(name_source);
        BIND_FACT(reason);
        BIND_FACT(past);
        BIND_FACT(package);
#undef BIND_FACT
#undef BIND
        gtk_widget_class_bind_template_callback(widget_class, on_choice);
        gtk_widget_class_bind_template_callback(widget_class, on_allow);
        gtk_widget_class_bind_template_callback(widget_class, on_deny);
}

static void bastion_question_view_init(BastionQuestionView *view)
{
        gtk_widget_init_template(GTK_WIDGET(view));
        /* GTK 4.8 would read both aloud, the label that names a button and the label's text with its underscore. */
        for (int i = 0; i < CHOICE_TIMES; i++)
                gtk_accessible_reset_property(GTK_ACCESSIBLE(time_buttons(view)[i]), GTK_ACCESSIBLE_PROPERTY_LABEL);
        gtk_accessible_reset_property(GTK_ACCESSIBLE(view->deny), GTK_ACCESSIBLE_PROPERTY_LABEL);
        gtk_accessible_reset_property(GTK_ACCESSIBLE(view->allow), GTK_ACCESSIBLE_PROPERTY_LABEL);
        gtk_accessible_update_property(GTK_ACCESSIBLE(view->details), GTK_ACCESSIBLE_PROPERTY_LABEL, _("Details"), -1);
        g_signal_connect_after(view, "map", G_CALLBACK(update_tick), NULL);
        g_signal_connect_after(view, "unmap", G_CALLBACK(update_tick), NULL);
}
