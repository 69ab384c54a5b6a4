/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * How much was decided when, as bars: allowed below, denied on top. A click on a bar, or Enter on the one that the arrow keys are on, picks its
 * stretch of time. What the bar under pointer or keys is about stands in a tooltip and is spoken.
 *
 * Signal: picked(gint64 since_us, gint64 until_us).
 */
#pragma once

#include <gtk/gtk.h>

#define BASTION_TYPE_TIMELINE_GRAPH (bastion_timeline_graph_get_type())
G_DECLARE_FINAL_TYPE(BastionTimelineGraph, bastion_timeline_graph, BASTION, TIMELINE_GRAPH, GtkWidget)

enum { TIMELINE_GRAPH_BARS = 96 };

/* Empty bars over that time. */
void bastion_timeline_graph_begin(BastionTimelineGraph *graph, gint64 since_us, gint64 until_us);
/* So many more, at that time. */
void bastion_timeline_graph_add(BastionTimelineGraph *graph, gint64 time_us, guint64 n_allowed, guint64 n_denied);
