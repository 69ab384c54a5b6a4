# SPDX-License-Identifier: GPL-3.0-or-later
"""polkit_agent.py PID yes|dismiss|wait: an authentication agent for that process, run by root, who needs no password. Prints what happens: `registered`,
`begin`, `cancel`."""

import sys

import dbus
import dbus.mainloop.glib
import dbus.service
from gi.repository import GLib

AUTHORITY = ("org.freedesktop.PolicyKit1", "/org/freedesktop/PolicyKit1/Authority")
AGENT = "org.freedesktop.PolicyKit1.AuthenticationAgent"
PATH = "/com/bastion/firewall/TestAgent"


class Cancelled(dbus.DBusException):
    _dbus_error_name = "org.freedesktop.PolicyKit1.Error.Cancelled"


def say(word):
    print(word, flush=True)


class Agent(dbus.service.Object):
    def __init__(self, bus, what):
        super().__init__(bus, PATH)
        self.authority = dbus.Interface(bus.get_object(*AUTHORITY), AUTHORITY[0] + ".Authority")
        self.what = what
        self.waiting = {}

    @dbus.service.method(AGENT, in_signature="sssa{ss}sa(sa{sv})", async_callbacks=("reply", "fail"))
    def BeginAuthentication(self, _action, _message, _icon, _details, cookie, identities, reply, fail):  # pylint: disable=invalid-name,too-many-arguments
        say("begin")
        if self.what == "yes":
            self.authority.AuthenticationAgentResponse2(dbus.UInt32(0), cookie, identities[0], reply_handler=reply, error_handler=fail)
        elif self.what == "dismiss":
            fail(Cancelled("sent away"))
        else:
            self.waiting[cookie] = fail

    @dbus.service.method(AGENT, in_signature="s")
    def CancelAuthentication(self, cookie):  # pylint: disable=invalid-name
        say("cancel")
        fail = self.waiting.pop(cookie, None)
        if fail:
            fail(Cancelled("no longer of use"))


def main():
    pid, what = int(sys.argv[1]), sys.argv[2]
    with open(f"/proc/{pid}/stat", encoding="utf-8") as f:
        start = int(f.read().rpartition(")")[2].split()[19])
    dbus.mainloop.glib.DBusGMainLoop(set_as_default=True)
    agent = Agent(dbus.SystemBus(), what)
    agent.authority.RegisterAuthenticationAgent(("unix-process", {"pid": dbus.UInt32(pid), "start-time": dbus.UInt64(start)}), "C", PATH)
    say("registered")
    GLib.MainLoop().run()


main()
