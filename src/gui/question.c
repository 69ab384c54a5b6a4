/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Theory in the header. */
#include "gui/question.h"

#include <string.h>

struct _BastionQuestion {
        GObject parent;
        struct prompt prompt;
        struct boottime ends, since;
};

G_DEFINE_FINAL_TYPE(BastionQuestion, bastion_question, G_TYPE_OBJECT)

static guint signal_changed;

static bool same_text(const char *a, const char *b)
{
        return a && b ? strcmp(a, b) == 0 : a == b;
}

/* That more destinations were folded into it changes no answer: it is about the whole program already. */
static bool same_substance(const struct prompt *a, const struct prompt *b)
{
        return subject_same_program(a->subject, b->subject) && a->n_others == b->n_others && flow_equal(&a->flow, &b->flow) &&
               same_text(hosts_first(&a->hosts), hosts_first(&b->hosts)) && same_text(a->domain, b->domain) && a->whole_program == b->whole_program &&
               a->learning == b->learning && a->state == b->state;
}

static void take(BastionQuestion *question, struct prompt *prompt, struct boottime now)
{
        prompt_deinit(&question->prompt);
        question->prompt = *prompt;
        *prompt = (struct prompt){ 0 };
        question->ends = question->prompt.state == QUESTION_OPEN ? boottime_add(now, question->prompt.left_ms * NS_PER_MSEC) : BOOTTIME_NEVER;
}

BastionQuestion *bastion_question_new(struct prompt *prompt, struct boottime now)
{
        BastionQuestion *question = g_object_new(BASTION_TYPE_QUESTION, NULL);

        take(question, prompt, now);
        question->since = now;
        return question;
}

void bastion_question_update(BastionQuestion *question, struct prompt *prompt, struct boottime now)
{
        gboolean substance = !same_substance(&question->prompt, prompt);

        take(question, prompt, now);
        g_signal_emit(question, signal_changed, 0, substance);
}

const struct prompt *bastion_question_get_prompt(BastionQuestion *question)
{
        return &question->prompt;
}

struct boottime bastion_question_get_ends(BastionQuestion *question)
{
        return question->ends;
}

struct boottime bastion_question_get_since(BastionQuestion *question)
{
        return question->since;
}

bool bastion_question_is_open(BastionQuestion *question)
{
        return question->prompt.state == QUESTION_OPEN;
}

static void bastion_question_finalize(GObject *object)
{
        prompt_deinit(&BASTION_QUESTION(object)->prompt);
        G_OBJECT_CLASS(bastion_question_parent_class)->finalize(object);
}

static void bastion_question_class_init(BastionQuestionClass *class)
{
        G_OBJECT_CLASS(class)->finalize = bastion_question_finalize;
        signal_changed = g_signal_new("changed", BASTION_TYPE_QUESTION, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 1, G_TYPE_BOOLEAN);
}

static void bastion_question_init(_unused_ BastionQuestion *question)
{
}
