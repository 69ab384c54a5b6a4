/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Theory in the header. The colours are the theme's, so that they follow light and dark. */
#include "gui/timeline-graph.h"

#include "base/buf.h"
#include "gui/history-text.h"
#include "gui/i18n.h"

enum { HEIGHT = 72, GAP = 1 };

struct bar {
        guint64 n_allowed, n_denied;
};

struct _BastionTimelineGraph {
        GtkWidget parent;
        gint64 since_us, until_us;
        struct bar bars[TIMELINE_GRAPH_BARS];
        guint64 most;
        int current; /* under the keys or the pointer; -1: none */
};

static guint signal_picked;

G_DEFINE_FINAL_TYPE(BastionTimelineGraph, bastion_timeline_graph, GTK_TYPE_WIDGET)

static gint64 bar_begin(const BastionTimelineGraph *graph, int i)
{
        return graph->since_us + (graph->until_us - graph->since_us) / TIMELINE_GRAPH_BARS * i;
}

static gint64 bar_end(const BastionTimelineGraph *graph, int i)
{
        return i + 1 == TIMELINE_GRAPH_BARS ? graph->until_us : bar_begin(graph, i + 1);
}

void bastion_timeline_graph_begin(BastionTimelineGraph *graph, gint64 since_us, gint64 until_us)
{
        graph->since_us = since_us;
        graph->until_us = until_us;
        memset(graph->bars, 0, sizeof(graph->bars));
        graph->most = 0;
        graph->current = -1;
        gtk_widget_queue_draw(GTK_WIDGET(graph));
}

void bastion_timeline_graph_add(BastionTimelineGraph *graph, gint64 time_us, guint64 n_allowed, guint64 n_denied)
{
        const gint64 length = MAX((graph->until_us - graph->since_us) / TIMELINE_GRAPH_BARS, 1);
        struct bar *bar;

        if (time_us < graph->since_us || time_us >= graph->until_us)
                return;
        bar = &graph->bars[MIN((time_us - graph->since_us) / length, TIMELINE_GRAPH_BARS - 1)];
        bar->n_allowed += n_allowed;
        bar->n_denied += n_denied;
        graph->most = MAX(graph->most, bar->n_allowed + bar->n_denied);
        gtk_widget_queue_draw(GTK_WIDGET(graph));
}

/* ---- drawing --------------------------------------------------------------------------------------------------------- */

static GdkRGBA theme_color(GtkWidget *widget, const char *name)
{
        GdkRGBA color;

        if (!gtk_style_context_lookup_color(gtk_widget_get_style_context(widget), name, &color))
                gtk_style_context_get_color(gtk_widget_get_style_context(widget), &color);
        return color;
}

/* What is there is seen, be it one of a million. */
static float bar_height(const BastionTimelineGraph *graph, guint64 n, float height)
{
        return n == 0 ? 0 : MAX(2.0f, (float)((double)n / (double)graph->most * (double)height));
}

static void bastion_timeline_graph_snapshot(GtkWidget *widget, GtkSnapshot *snapshot)
{
        BastionTimelineGraph *graph = BASTION_TIMELINE_GRAPH(widget);
        const float width = (float)gtk_widget_get_width(widget) / TIMELINE_GRAPH_BARS, height = (float)gtk_widget_get_height(widget);
        const GdkRGBA allowed = theme_color(widget, "accent_color"), denied = theme_color(widget, "error_color");
        GdkRGBA floor = theme_color(widget, "borders");

        for (int i = 0; i < TIMELINE_GRAPH_BARS; i++) {
                const struct bar *bar = &graph->bars[i];
                const float x = (float)i * width, w = MAX(width - GAP, 1.0f);
                const float red = bar_height(graph, bar->n_denied, height), blue = MIN(bar_height(graph, bar->n_allowed, height), height - red);

                if (i == graph->current)
                        gtk_snapshot_append_color(snapshot, &floor, &GRAPHENE_RECT_INIT(x, 0, w, height));
                if (blue > 0)
                        gtk_snapshot_append_color(snapshot, &allowed, &GRAPHENE_RECT_INIT(x, height - blue, w, blue));
                if (red > 0)
                        gtk_snapshot_append_color(snapshot, &denied, &GRAPHENE_RECT_INIT(x, height - blue - red, w, red));
        }
        gtk_snapshot_append_color(snapshot, &floor, &GRAPHENE_RECT_INIT(0, height - 1, (float)gtk_widget_get_width(widget), 1));
        if (gtk_widget_has_visible_focus(widget))
                gtk_snapshot_render_focus(snapshot, gtk_widget_get_style_context(widget), 0, 0, gtk_widget_get_width(widget), height);
}

static void bastion_timeline_graph_measure(_unused_ GtkWidget *widget, GtkOrientation orientation, _unused_ int for_size, int *minimum, int *natural,
                                           _unused_ int *minimum_baseline, _unused_ int *natural_baseline)
{
        *minimum = *natural = orientation == GTK_ORIENTATION_HORIZONTAL ? TIMELINE_GRAPH_BARS * (GAP + 1) : HEIGHT;
}

/* ---- pointer and keys ------------------------------------------------------------------------------------------------ */

static int bar_at(BastionTimelineGraph *graph, double x)
{
        const int width = gtk_widget_get_width(GTK_WIDGET(graph));

        return width <= 0 || graph->most == 0 ? -1 : CLAMP((int)(x * TIMELINE_GRAPH_BARS / width), 0, TIMELINE_GRAPH_BARS - 1);
}

static void set_current(BastionTimelineGraph *graph, int i)
{
        _cleanup_(buf_deinit) struct buf text = { 0 };

        if (i == graph->current)
                return;
        graph->current = i;
        if (i >= 0)
                history_text_stretch(&text, graph->bars[i].n_allowed, graph->bars[i].n_denied, bar_begin(graph, i), bar_end(graph, i), g_get_real_time());
        gtk_widget_set_tooltip_text(GTK_WIDGET(graph), text.n > 0 && !buf_error(&text) ? text.data : NULL);
        gtk_accessible_update_property(GTK_ACCESSIBLE(graph), GTK_ACCESSIBLE_PROPERTY_DESCRIPTION, text.n > 0 && !buf_error(&text) ? text.data : "", -1);
        gtk_widget_queue_draw(GTK_WIDGET(graph));
}

static void pick(BastionTimelineGraph *graph)
{
        if (graph->current >= 0)
                g_signal_emit(graph, signal_picked, 0, bar_begin(graph, graph->current), bar_end(graph, graph->current));
}

static void on_motion(_unused_ GtkEventControllerMotion *motion, double x, _unused_ double y, BastionTimelineGraph *graph)
{
        set_current(graph, bar_at(graph, x));
}

static void on_leave(_unused_ GtkEventControllerMotion *motion, BastionTimelineGraph *graph)
{
        set_current(graph, -1);
}

static void on_click(_unused_ GtkGestureClick *click, _unused_ int n, double x, _unused_ double y, BastionTimelineGraph *graph)
{
        set_current(graph, bar_at(graph, x));
        pick(graph);
}

static gboolean on_key(_unused_ GtkEventControllerKey *key, guint value, _unused_ guint code, _unused_ GdkModifierType state, BastionTimelineGraph *graph)
{
        switch (value) {
        case GDK_KEY_Left:
                set_current(graph, graph->current < 0 ? TIMELINE_GRAPH_BARS - 1 : MAX(graph->current - 1, 0));
                return TRUE;
        case GDK_KEY_Right:
                set_current(graph, MIN(graph->current + 1, TIMELINE_GRAPH_BARS - 1));
                return TRUE;
        case GDK_KEY_Return:
        case GDK_KEY_KP_Enter:
        case GDK_KEY_space:
                pick(graph);
                return TRUE;
        default:
                return FALSE;
        }
}

static void bastion_timeline_graph_class_init(BastionTimelineGraphClass *class)
{
        GtkWidgetClass *widget_class = GTK_WIDGET_CLASS(class);

        widget_class->snapshot = bastion_timeline_graph_snapshot;
        widget_class->measure = bastion_timeline_graph_measure;
        gtk_widget_class_set_css_name(widget_class, "timeline");
        gtk_widget_class_set_accessible_role(widget_class, GTK_ACCESSIBLE_ROLE_IMG);
        signal_picked = g_signal_new("picked", BASTION_TYPE_TIMELINE_GRAPH, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 2, G_TYPE_INT64, G_TYPE_INT64);
}

static void bastion_timeline_graph_init(BastionTimelineGraph *graph)
{
        GtkEventController *motion = gtk_event_controller_motion_new(), *key = gtk_event_controller_key_new();
        GtkGesture *click = gtk_gesture_click_new();

        graph->current = -1;
        gtk_widget_set_focusable(GTK_WIDGET(graph), TRUE);
        g_signal_connect(motion, "motion", G_CALLBACK(on_motion), graph);
        g_signal_connect(motion, "leave", G_CALLBACK(on_leave), graph);
        g_signal_connect(click, "pressed", G_CALLBACK(on_click), graph);
        g_signal_connect(key, "key-pressed", G_CALLBACK(on_key), graph);
        gtk_widget_add_controller(GTK_WIDGET(graph), motion);
        gtk_widget_add_controller(GTK_WIDGET(graph), key);
        gtk_widget_add_controller(GTK_WIDGET(graph), GTK_EVENT_CONTROLLER(click));
        gtk_accessible_update_property(GTK_ACCESSIBLE(graph), GTK_ACCESSIBLE_PROPERTY_LABEL, _("Decisions over time"), -1);
}
