# SPDX-License-Identifier: GPL-3.0-or-later
"""What a desktop has on its session bus and Xvfb has not: a tray (org.kde.StatusNotifierWatcher) and a server of notifications. Run as a program with the word
"tray" or "notifications" it is one of them, on the bus of its environment; what it was told is asked by the tests over the same bus (org.bastion.Test)."""

import json
import sys
import time

import gi

gi.require_version("Gio", "2.0")
from gi.repository import Gio, GLib  # noqa: E402  pylint: disable=wrong-import-position

TOLD = """<interface name="org.bastion.Test"><method name="Told"><arg type="s" direction="out"/></method></interface>"""
TRAY = """<node><interface name="org.kde.StatusNotifierWatcher">
<method name="RegisterStatusNotifierItem"><arg type="s" direction="in"/></method>
<property name="RegisteredStatusNotifierItems" type="as" access="read"/>
<property name="IsStatusNotifierHostRegistered" type="b" access="read"/><property name="ProtocolVersion" type="i" access="read"/>
</interface>""" + TOLD + "</node>"
NOTIFICATIONS = """<node><interface name="org.freedesktop.Notifications">
<method name="GetCapabilities"><arg type="as" direction="out"/></method>
<method name="Notify"><arg type="s" direction="in"/><arg type="u" direction="in"/><arg type="s" direction="in"/><arg type="s" direction="in"/>
<arg type="s" direction="in"/><arg type="as" direction="in"/><arg type="a{sv}" direction="in"/><arg type="i" direction="in"/><arg type="u" direction="out"/></method>
<method name="CloseNotification"><arg type="u" direction="in"/></method>
<signal name="ActionInvoked"><arg type="u"/><arg type="s"/></signal><signal name="NotificationClosed"><arg type="u"/><arg type="u"/></signal>
</interface><interface name="org.bastion.Test">
<method name="Told"><arg type="s" direction="out"/></method>
<method name="Click"><arg type="u" direction="in"/><arg type="s" direction="in"/></method>
<method name="PutAway"><arg type="u" direction="in"/></method>
</interface></node>"""

SYSTEMD = """<node><interface name="org.freedesktop.systemd1.Manager">
<method name="GetUnitFileState"><arg type="s" direction="in"/><arg type="s" direction="out"/></method>
<method name="StartUnit"><arg type="s" direction="in"/><arg type="s" direction="in"/><arg type="o" direction="out"/></method>
<method name="StopUnit"><arg type="s" direction="in"/><arg type="s" direction="in"/><arg type="o" direction="out"/></method>
<method name="RestartUnit"><arg type="s" direction="in"/><arg type="s" direction="in"/><arg type="o" direction="out"/></method>
</interface>""" + TOLD + "</node>"


class Systemd:
    """Has the service, and does as it is told but for stopping, which it does not permit."""
    NAME, PATH, XML = "org.freedesktop.systemd1", "/org/freedesktop/systemd1", SYSTEMD

    def __init__(self):
        self.told = []

    def on_call(self, bus, sender, path, interface, method, parameters, invocation):
        if method == "Told":
            invocation.return_value(GLib.Variant("(s)", (json.dumps(self.told),)))
        elif method == "GetUnitFileState":
            invocation.return_value(GLib.Variant("(s)", ("enabled",)))
        else:
            self.told.append([method, parameters.unpack()[0]])
            if method == "StopUnit":
                invocation.return_dbus_error("org.freedesktop.DBus.Error.AccessDenied", "Permission denied, says <systemd>")
            else:
                invocation.return_value(GLib.Variant("(o)", ("/org/freedesktop/systemd1/job/1",)))

    def on_get(self, *_):
        return None


class Tray:
    NAME, PATH, XML = "org.kde.StatusNotifierWatcher", "/StatusNotifierWatcher", TRAY

    def __init__(self):
        self.items, self.told = [], {}

    def on_call(self, bus, sender, path, interface, method, parameters, invocation):
        if method == "Told":
            invocation.return_value(GLib.Variant("(s)", (json.dumps(self.told),)))
            return
        name = parameters.unpack()[0]
        self.items.append(name)
        self.told[name] = {"registered": time.monotonic()}
        invocation.return_value(None)
        bus.call(name, "/StatusNotifierItem", "org.freedesktop.DBus.Properties", "GetAll", GLib.Variant("(s)", ("org.kde.StatusNotifierItem",)), None,
                 Gio.DBusCallFlags.NONE, -1, None, self._on_look, name)

    def _on_look(self, bus, result, name):
        """It is shown when it has said what it looks like."""
        try:
            bus.call_finish(result)
        except GLib.Error:
            return  # it went
        self.told[name]["shown"] = time.monotonic()

    def on_get(self, bus, sender, path, interface, name):
        return {"RegisteredStatusNotifierItems": GLib.Variant("as", self.items), "IsStatusNotifierHostRegistered": GLib.Variant("b", True),
                "ProtocolVersion": GLib.Variant("i", 0)}[name]


class Notifications:
    NAME, PATH, XML = "org.freedesktop.Notifications", "/org/freedesktop/Notifications", NOTIFICATIONS

    def __init__(self):
        self.told, self.last = [], 0

    def on_call(self, bus, sender, path, interface, method, parameters, invocation):
        words = parameters.unpack()
        if method == "GetCapabilities":
            invocation.return_value(GLib.Variant("(as)", (["actions", "body", "body-markup"],)))
        elif method == "Notify":
            self.last += 1
            number = words[1] or self.last
            self.told.append({"id": number, "title": words[3], "body": words[4], "actions": words[5]})
            invocation.return_value(GLib.Variant("(u)", (number,)))
        elif method == "CloseNotification":
            self.told = [told for told in self.told if told["id"] != words[0]]
            invocation.return_value(None)
        elif method == "Told":
            invocation.return_value(GLib.Variant("(s)", (json.dumps(self.told),)))
        elif method == "PutAway":
            self.told = [told for told in self.told if told["id"] != words[0]]
            bus.emit_signal(None, self.PATH, self.NAME, "NotificationClosed", GLib.Variant("(uu)", (words[0], 2)))
            invocation.return_value(None)
        elif method == "Click":
            bus.emit_signal(None, self.PATH, self.NAME, "ActionInvoked", GLib.Variant("(us)", words))
            invocation.return_value(None)

    def on_get(self, *_):
        return None


def main():
    service = {"tray": Tray, "notifications": Notifications, "systemd": Systemd}[sys.argv[1]]()
    bus = Gio.bus_get_sync(Gio.BusType.SESSION)
    for interface in Gio.DBusNodeInfo.new_for_xml(service.XML).interfaces:
        bus.register_object(service.PATH, interface, service.on_call, service.on_get, None)
    Gio.bus_own_name_on_connection(bus, service.NAME, Gio.BusNameOwnerFlags.NONE, None, None)
    GLib.MainLoop().run()


if __name__ == "__main__":
    main()
