/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Theory in the header. Drawn with cairo: a few hundred points once a second. What is received is filled, what is sent is a line, so that the two are told apart without colour. */
#include "gui/traffic-graph.h"

#include "gui/i18n.h"
#include "gui/panel-text.h"
#include "gui/rates.h"

enum { HEIGHT = 132, LEFT = 8, RIGHT = 8, TOP = 18, BOTTOM = 18, CAPTION_PX = 11, MINUTES = RATES_SECONDS / 60 };

struct _BastionTrafficGraph {
        GtkWidget parent;
        struct rates rates;
        struct boottime now; /* of the last sample: the right edge */
};

G_DEFINE_FINAL_TYPE(BastionTrafficGraph, bastion_traffic_graph, GTK_TYPE_WIDGET)

static const struct rate_sample *last(BastionTrafficGraph *graph)
{
        return graph->rates.n > 0 ? rates_at(&graph->rates, graph->rates.n - 1) : NULL;
}

uint64_t bastion_traffic_graph_get_in(BastionTrafficGraph *graph)
{
        return last(graph) ? last(graph)->in : 0;
}

uint64_t bastion_traffic_graph_get_out(BastionTrafficGraph *graph)
{
        return last(graph) ? last(graph)->out : 0;
}

void bastion_traffic_graph_add(BastionTrafficGraph *graph, const struct traffic *traffic)
{
        g_autofree char *rates = NULL, *description = NULL;

        rates_add(&graph->rates, traffic->at, traffic->bytes_in, traffic->bytes_out);
        graph->now = traffic->at;
        rates = panel_rates(bastion_traffic_graph_get_in(graph), bastion_traffic_graph_get_out(graph));
        description = g_strdup_printf(_("Traffic of the last %d minutes; now %s"), MINUTES, rates);
        gtk_accessible_update_property(GTK_ACCESSIBLE(graph), GTK_ACCESSIBLE_PROPERTY_LABEL, description, -1);
        gtk_widget_queue_draw(GTK_WIDGET(graph));
}

/* ---- drawing --------------------------------------------------------------------------------------------------------------- */

/* Where things are; y counts down. */
struct frame {
        double x, y, width, height;
        double top; /* bytes a second at y */
};

static double x_of(BastionTrafficGraph *graph, const struct frame *frame, struct boottime at)
{
        return frame->x + frame->width * (1 - (double)boottime_left(graph->now, at) / (RATES_SECONDS * (double)NS_PER_SEC));
}

static double y_of(const struct frame *frame, uint64_t rate)
{
        return frame->y + frame->height * (1 - (double)rate / frame->top);
}

static void draw_grid(cairo_t *cr, const struct frame *frame, const GdkRGBA *colour)
{
        GdkRGBA faint = *colour;

        faint.alpha *= 0.18F;
        gdk_cairo_set_source_rgba(cr, &faint);
        cairo_set_line_width(cr, 1);
        for (int i = 0; i <= 2; i++) {
                double y = (int)(frame->y + frame->height * i / 2) + 0.5;

                cairo_move_to(cr, frame->x, y);
                cairo_line_to(cr, frame->x + frame->width, y);
        }
        for (int i = 1; i < MINUTES; i++) {
                double x = (int)(frame->x + frame->width * i / MINUTES) + 0.5;

                cairo_move_to(cr, x, frame->y);
                cairo_line_to(cr, x, frame->y + frame->height);
        }
        cairo_stroke(cr);
}

/* From one gap to the next; returns where that is. */
static unsigned trace(BastionTrafficGraph *graph, cairo_t *cr, const struct frame *frame, unsigned i, bool in, bool closed)
{
        double first = x_of(graph, frame, rates_at(&graph->rates, i)->at), x = first;
        unsigned begin = i;

        for (; i < graph->rates.n && (i == begin || !rates_at(&graph->rates, i)->gap); i++) {
                const struct rate_sample *sample = rates_at(&graph->rates, i);
                double y = y_of(frame, in ? sample->in : sample->out);

                x = x_of(graph, frame, sample->at);
                (i == begin ? cairo_move_to : cairo_line_to)(cr, x, y);
        }
        if (closed) {
                cairo_line_to(cr, x, frame->y + frame->height);
                cairo_line_to(cr, first, frame->y + frame->height);
                cairo_close_path(cr);
        }
        return i;
}

static void draw_line(BastionTrafficGraph *graph, cairo_t *cr, const struct frame *frame, const GdkRGBA *colour, bool in)
{
        for (unsigned i = 0; in && i < graph->rates.n;) {
                GdkRGBA faint = *colour;

                faint.alpha = 0.22F;
                gdk_cairo_set_source_rgba(cr, &faint);
                i = trace(graph, cr, frame, i, true, true);
                cairo_fill(cr);
        }
        gdk_cairo_set_source_rgba(cr, colour);
        cairo_set_line_width(cr, in ? 2 : 1.5);
        cairo_set_line_join(cr, CAIRO_LINE_JOIN_ROUND);
        for (unsigned i = 0; i < graph->rates.n;) {
                i = trace(graph, cr, frame, i, in, false);
                cairo_stroke(cr);
        }
}

static void draw_text(BastionTrafficGraph *graph, cairo_t *cr, const GdkRGBA *colour, const char *text, double x, double y, double align)
{
        g_autoptr(PangoLayout) layout = gtk_widget_create_pango_layout(GTK_WIDGET(graph), text);
        PangoFontDescription *font = pango_font_description_copy(pango_context_get_font_description(pango_layout_get_context(layout)));
        GdkRGBA dim = *colour;
        int width, height;

        dim.alpha *= 0.7F;
        pango_font_description_set_absolute_size(font, CAPTION_PX * PANGO_SCALE);
        pango_layout_set_font_description(layout, font);
        pango_font_description_free(font);
        pango_layout_get_pixel_size(layout, &width, &height);
        gdk_cairo_set_source_rgba(cr, &dim);
        cairo_move_to(cr, (int)(x - width * align), (int)y);
        pango_cairo_show_layout(cr, layout);
}

static GdkRGBA named_colour(GtkStyleContext *context, const char *name, const char *fallback)
{
        GdkRGBA colour;

        if (!gtk_style_context_lookup_color(context, name, &colour))
                gdk_rgba_parse(&colour, fallback);
        return colour;
}

static void bastion_traffic_graph_snapshot(GtkWidget *widget, GtkSnapshot *snapshot)
{
        BastionTrafficGraph *graph = BASTION_TRAFFIC_GRAPH(widget);
        GtkStyleContext *context = gtk_widget_get_style_context(widget);
        int width = gtk_widget_get_width(widget), height = gtk_widget_get_height(widget);
        uint64_t top = rates_scale(rates_peak(&graph->rates));
        const struct frame frame = { .x = LEFT, .y = TOP, .width = MAX(width - LEFT - RIGHT, 1), .height = MAX(height - TOP - BOTTOM, 1), .top = (double)top };
        GdkRGBA text, in = named_colour(context, "accent_color", "#1c71d8"), out = named_colour(context, "warning_color", "#9c6e03");
        g_autofree char *scale = panel_rate(top);
        cairo_t *cr = gtk_snapshot_append_cairo(snapshot, &GRAPHENE_RECT_INIT(0, 0, (float)width, (float)height));

        gtk_style_context_get_color(context, &text);
        draw_grid(cr, &frame, &text);
        if (graph->rates.n > 0) {
                draw_line(graph, cr, &frame, &in, true);
                draw_line(graph, cr, &frame, &out, false);
        }
        draw_text(graph, cr, &text, scale, frame.x, 0, 0);
        draw_text(graph, cr, &text, _("5 minutes ago"), frame.x, height - BOTTOM + 2, 0);
        draw_text(graph, cr, &text, _("now"), frame.x + frame.width, height - BOTTOM + 2, 1);
        cairo_destroy(cr);
}

static void bastion_traffic_graph_measure(_unused_ GtkWidget *widget, GtkOrientation orientation, _unused_ int for_size, int *minimum, int *natural, int *minimum_baseline,
                                          int *natural_baseline)
{
        *minimum = orientation == GTK_ORIENTATION_VERTICAL ? HEIGHT : 100;
        *natural = orientation == GTK_ORIENTATION_VERTICAL ? HEIGHT : 400;
        *minimum_baseline = *natural_baseline = -1;
}

static void bastion_traffic_graph_class_init(BastionTrafficGraphClass *class)
{
        GtkWidgetClass *widget_class = GTK_WIDGET_CLASS(class);

        widget_class->snapshot = bastion_traffic_graph_snapshot;
        widget_class->measure = bastion_traffic_graph_measure;
        gtk_widget_class_set_accessible_role(widget_class, GTK_ACCESSIBLE_ROLE_IMG);
        gtk_widget_class_set_css_name(widget_class, "trafficgraph");
}

static void bastion_traffic_graph_init(_unused_ BastionTrafficGraph *graph)
{
}
