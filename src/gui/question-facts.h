/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What this machine knows about a question's program beside what the daemon told: its icon and its package. Each comes when it comes, and keeps nobody waiting; what
 * comes after the question has changed is dropped.
 */
#pragma once

#include <gio/gio.h>
#include <stdbool.h>

#include "core/subject.h"

struct question_facts {
        GIcon *icon;      /* NULL: none, or not known yet */
        bool has_package; /* it is known: */
        char *package;    /* NULL: from none */
        /* Inside. */
        GCancellable *cancellable;
        void (*on_found)(gpointer userdata);
        gpointer userdata;
};

/* Forgets what was found and begins anew; `on_found` is called for each find until question_facts_clear(). `facts` stays where it is until then. */
void question_facts_find(struct question_facts *facts, const struct subject *subject, void (*on_found)(gpointer userdata), gpointer userdata);
void question_facts_clear(struct question_facts *facts);
