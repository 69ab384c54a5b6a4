/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Theory in the header. */
#include "gui/unfocused.h"

#include "base/macros.h"

struct place {
        GtkWindow *window; /* borrowed: the place goes with it */
        void (*on_moved)(gpointer userdata);
        gpointer userdata;
        int x, y, width, height;
};

#ifdef GDK_WINDOWING_X11
#include <X11/Xatom.h>
#include <X11/Xlib.h>
#include <gdk/x11/gdkx.h>

bool unfocused_is_kept(GdkDisplay *display)
{
        return GDK_IS_X11_DISPLAY(display);
}

/* EWMH: a window manager is asked to change the state of a window that it manages already; what GDK writes before is its own. */
static void ask_above(GtkWindow *window)
{
        GdkSurface *surface = gtk_native_get_surface(GTK_NATIVE(window));
        Display *display = gdk_x11_display_get_xdisplay(gdk_surface_get_display(surface));
        XEvent event = { .xclient = {
                                 .type = ClientMessage,
                                 .window = gdk_x11_surface_get_xid(surface),
                                 .message_type = XInternAtom(display, "_NET_WM_STATE", False),
                                 .format = 32,
                                 .data.l = { 1 /* add */, (long)XInternAtom(display, "_NET_WM_STATE_ABOVE", False), 0, 1 /* from an application */ },
                         } };

        XSendEvent(display, DefaultRootWindow(display), False, SubstructureRedirectMask | SubstructureNotifyMask, &event);
}

void unfocused_show(GtkWindow *window)
{
        GdkSurface *surface;

        if (gtk_widget_get_mapped(GTK_WIDGET(window)))
                return;
        gtk_widget_realize(GTK_WIDGET(window));
        surface = gtk_native_get_surface(GTK_NATIVE(window));
        if (GDK_IS_X11_SURFACE(surface))
                gdk_x11_surface_set_user_time(surface, 0);
        gtk_widget_show(GTK_WIDGET(window));
        if (GDK_IS_X11_SURFACE(surface))
                ask_above(window);
}

static gboolean on_xevent(GdkX11Display *display, gpointer data, struct place *place)
{
        GdkSurface *surface = gtk_native_get_surface(GTK_NATIVE(place->window));
        XEvent *event = data;
        Window child;
        int x, y;

        if (event->type != ConfigureNotify || !surface || event->xconfigure.window != gdk_x11_surface_get_xid(surface))
                return GDK_EVENT_PROPAGATE;
        x = event->xconfigure.x;
        y = event->xconfigure.y;
        /* ICCCM 4.1.5: what the server says of itself is relative to the window manager's frame. */
        if (!event->xconfigure.send_event)
                XTranslateCoordinates(gdk_x11_display_get_xdisplay(GDK_DISPLAY(display)), event->xconfigure.window,
                                      DefaultRootWindow(gdk_x11_display_get_xdisplay(GDK_DISPLAY(display))), 0, 0, &x, &y, &child);
        if (x != place->x || y != place->y || event->xconfigure.width != place->width || event->xconfigure.height != place->height) {
                place->x = x;
                place->y = y;
                place->width = event->xconfigure.width;
                place->height = event->xconfigure.height;
                place->on_moved(place->userdata);
        }
        return GDK_EVENT_PROPAGATE;
}

static void watch_x11(GtkWindow *window, struct place *place)
{
        GdkDisplay *display = gtk_widget_get_display(GTK_WIDGET(window));

        if (GDK_IS_X11_DISPLAY(display))
                g_signal_connect_data(display, "xevent", G_CALLBACK(on_xevent), place, NULL, 0);
}

static void unwatch_x11(struct place *place)
{
        g_signal_handlers_disconnect_by_data(gtk_widget_get_display(GTK_WIDGET(place->window)), place);
}
#else
bool unfocused_is_kept(_unused_ GdkDisplay *display)
{
        return false;
}

void unfocused_show(GtkWindow *window)
{
        gtk_widget_show(GTK_WIDGET(window));
}

static void watch_x11(_unused_ GtkWindow *window, _unused_ struct place *place)
{
}

static void unwatch_x11(_unused_ struct place *place)
{
}
#endif

/* Where there is no place to be told, a size is. */
static void on_layout(_unused_ GdkSurface *surface, int width, int height, struct place *place)
{
        if (width == place->width && height == place->height)
                return;
        place->width = width;
        place->height = height;
        place->on_moved(place->userdata);
}

static void on_realize(GtkWindow *window, struct place *place)
{
        GdkSurface *surface = gtk_native_get_surface(GTK_NATIVE(window));

        if (!unfocused_is_kept(gdk_surface_get_display(surface)))
                g_signal_connect(surface, "layout", G_CALLBACK(on_layout), place);
}

static void on_destroy(_unused_ GtkWindow *window, struct place *place)
{
        unwatch_x11(place);
        g_free(place);
}

void unfocused_watch_place(GtkWindow *window, void (*on_moved)(gpointer userdata), gpointer userdata)
{
        struct place *place = g_new0(struct place, 1);

        place->window = window;
        place->on_moved = on_moved;
        place->userdata = userdata;
        watch_x11(window, place);
        g_signal_connect(window, "realize", G_CALLBACK(on_realize), place);
        g_signal_connect(window, "destroy", G_CALLBACK(on_destroy), place);
}
