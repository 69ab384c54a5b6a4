/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the machine sent and received, as two lines over the last minutes. It is given what interfaces have carried so far, once a second or so, and
 * draws the differences; a gap (nobody looked, the daemon was gone) is a gap. Colours are the style's, so it follows light and dark.
 */
#pragma once

#include <gtk/gtk.h>

#include "wire/message.h"

#define BASTION_TYPE_TRAFFIC_GRAPH (bastion_traffic_graph_get_type())
G_DECLARE_FINAL_TYPE(BastionTrafficGraph, bastion_traffic_graph, BASTION, TRAFFIC_GRAPH, GtkWidget)

void bastion_traffic_graph_add(BastionTrafficGraph *graph, const struct traffic *traffic);
/* Bytes a second between the last two that were added. */
uint64_t bastion_traffic_graph_get_in(BastionTrafficGraph *graph);
uint64_t bastion_traffic_graph_get_out(BastionTrafficGraph *graph);
