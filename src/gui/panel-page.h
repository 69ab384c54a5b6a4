/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A page of the control panel: a widget that is given the link, made when it is first looked at. It follows link and daemon by itself: what it
 * shows is its own business, and it asks for something only while it is mapped. While there is no daemon the window covers it, or switches it
 * insensitive with what it showed last.
 *
 * One row of panel_pages[] is all that a new page needs: sidebar, shortcut and --page come from there.
 */
#pragma once

#include <adwaita.h>

#include "gui/link.h"

#define BASTION_TYPE_PAGE (bastion_page_get_type())
G_DECLARE_INTERFACE(BastionPage, bastion_page, BASTION, PAGE, GtkWidget)

struct _BastionPageInterface {
        GTypeInterface parent;
        void (*search)(BastionPage *page); /* Ctrl+F; NULL: nothing can be searched for here */
};

void bastion_page_search(BastionPage *page);

struct panel_page {
        const char *name;  /* --page=NAME */
        const char *title; /* marked by N_() */
        const char *icon;
        GtkWidget *(*new)(BastionLink *link); /* a BastionPage */
};

/* In the sidebar's order; ends with a row without a name. */
extern const struct panel_page panel_pages[];

/* Shows that child of the stack alone. GTK 4.8 tells screen readers of the other children too, unless these are hidden. */
void panel_stack_show(GtkStack *stack, const char *name);

/* `text`, a stranger's too, for widgets of libadwaita that read markup and cannot be told not to: the description of a group or a status page. The caller's. */
char *panel_markup_of(const char *text);

/* ---- what a page may ask of its window -------------------------------------------------------------------------------- */

/* One line at the bottom for some seconds, plain text. */
void panel_say(GtkWidget *from, const char *text);
/* The same for a change of the rules that just became so, with a button that takes it back: the newest of the journal by this process about the rule
 * `id`, which is looked for now. Where it is not found there is no button. */
void panel_say_changed(GtkWidget *from, BastionLink *link, const char *text, const char *id);
/* What a reply says that is no success. True: it was one, and nothing was said. */
bool panel_say_if_error(GtkWidget *from, const struct event *reply);
