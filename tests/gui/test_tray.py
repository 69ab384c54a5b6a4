# SPDX-License-Identifier: GPL-3.0-or-later
"""The tray's icon and menu as a host of the session sees them, over the bus; and what there is where there is no tray: notifications."""

import json
import os
import signal
import subprocess
import time

import pytest

import gi

gi.require_version("Gio", "2.0")
from gi.repository import Gio, GLib  # noqa: E402  pylint: disable=wrong-import-position

from asking import HOST, House, Question  # noqa: E402  pylint: disable=wrong-import-position
from harness.net import Network  # noqa: E402  pylint: disable=wrong-import-position
from harness.programs import Running  # noqa: E402  pylint: disable=wrong-import-position
from harness.wait import until  # noqa: E402  pylint: disable=wrong-import-position

WATCHER = "org.kde.StatusNotifierWatcher"
NOTIFICATIONS = "org.freedesktop.Notifications"


class Bus:
    """A connection to a bus, with calls that wait for their answer."""

    def __init__(self, address):
        flags = Gio.DBusConnectionFlags.AUTHENTICATION_CLIENT | Gio.DBusConnectionFlags.MESSAGE_BUS_CONNECTION
        self.connection = Gio.DBusConnection.new_for_address_sync(address, flags, None, None)

    def call(self, name, path, interface, method, *arguments):
        types, values = arguments if arguments else ("()", ())
        reply = self.connection.call_sync(name, path, interface, method, GLib.Variant(types, values), None, Gio.DBusCallFlags.NONE, 20000, None)
        return reply.unpack()

    def get(self, name, path, interface, prop):
        return self.call(name, path, "org.freedesktop.DBus.Properties", "Get", "(ss)", (interface, prop))[0]


class Icon:
    """The item of one program, as hosts ask for it."""

    def __init__(self, bus, program):
        self.bus, self.program = bus, program
        self.name = f"org.kde.StatusNotifierItem-{program.pid}-1"

    def is_registered(self):
        return self.name in self.bus.get(WATCHER, "/StatusNotifierWatcher", WATCHER, "RegisteredStatusNotifierItems")

    def told(self):
        """When it was "registered", and "shown"."""
        return json.loads(self.bus.call(WATCHER, "/StatusNotifierWatcher", "org.bastion.Test", "Told")[0]).get(self.name, {})

    def get(self, prop):
        return self.bus.get(self.name, "/StatusNotifierItem", "org.kde.StatusNotifierItem", prop)

    def icon(self, name):
        until(lambda: self.get("IconName") == f"bastion-{name}", lambda: f"the icon {name}: {self.get('IconName')} {self.get('ToolTip')}")

    def items(self):
        """{label: (id, properties)} of the whole menu, submenus in it."""
        _, root = self.bus.call(self.name, self.get("Menu"), "com.canonical.dbusmenu", "GetLayout", "(iias)", (0, -1, []))
        found = {}

        def walk(node):
            number, properties, children = node
            if properties.get("visible", True) and "label" in properties:
                found[properties["label"]] = (number, properties)
            for child in children:
                walk(child)

        walk(root)
        return found

    def click(self, label):
        number, properties = until(lambda: self.items().get(label), lambda: f"{label} in {list(self.items())}")
        assert properties["enabled"], label
        self.bus.call(self.name, self.get("Menu"), "com.canonical.dbusmenu", "Event", "(isvu)", (number, "clicked", GLib.Variant("i", 0), 0))


@pytest.fixture
def bus(desktop):
    return Bus(desktop.environment["DBUS_SESSION_BUS_ADDRESS"])


@pytest.fixture
def start(gui, bus):
    def run(daemon, **kw):
        icon = Icon(bus, gui("bastion-gui", daemon, **kw))
        until(icon.is_registered, lambda: "the icon in the tray: " + icon.program.output())
        return icon

    return run


@pytest.fixture
def house(network, daemon, programs, tmp_path, closing):
    return lambda config=None: House(network, daemon(config), programs, tmp_path, closing)


def test_the_icon_is_true_to_the_daemon(tray, start, daemon, cli):
    assert tray.poll() is None
    d = daemon(start=False)
    icon = start(d)
    icon.icon("disconnected")
    assert "does not run" in icon.get("ToolTip")[3]
    d.start()
    icon.icon("connected")
    cli(d)("mode", "learning")
    icon.icon("learning")
    cli(d)("mode", "enforcement")
    icon.icon("connected")
    d.write_rules("{ broken")
    d.reload()
    icon.icon("warning")
    assert "rules.json" in icon.get("ToolTip")[3]
    assert [size[0] for size in icon.get("IconPixmap")] == [22, 48]
    assert all(len(pixels) == width * height * 4 and any(pixels) for width, height, pixels in icon.get("IconPixmap"))
    d.kill()
    icon.icon("disconnected")


def test_a_daemon_that_hangs_protects_nobody(tray, start, daemon):
    """Its socket stays open."""
    assert tray.poll() is None
    d = daemon()
    icon = start(d)
    icon.icon("connected")
    os.kill(d.pid, signal.SIGSTOP)
    icon.icon("error")
    assert "does not answer" in icon.get("ToolTip")[3]
    os.kill(d.pid, signal.SIGCONT)
    icon.icon("connected")
    assert "does not answer" not in icon.get("ToolTip")[3]


def test_the_icon_is_there_before_a_window_could_be(tray, start, daemon, desktop, tmp_path, record_property):
    """It needs a bus, and neither GTK nor a display. Against an empty window, side by side, each at its best of three."""
    assert tray.poll() is None
    d, registered, shown, window = daemon(start=False), [], [], []
    for _ in range(3):
        icon = start(d)
        told = until(lambda icon=icon: "shown" in icon.told() and icon.told(), "the tray to have fetched the icon")
        registered.append(told["registered"] - icon.program.began)
        shown.append(told["shown"] - icon.program.began)
        icon.program.close()
        empty = desktop.empty_window(tmp_path)
        window.append(int(empty.output()) / 1e6 - empty.began)
        empty.close()
    text = f"registered after {min(registered) * 1000:.0f} ms, its icon fetched after {min(shown) * 1000:.0f} ms, an empty window shown after {min(window) * 1000:.0f} ms"
    record_property("start to tray", text)
    print(text)
    assert min(shown) < min(window) * 2 / 3
    assert min(registered) < 10 * 0.3


def wakeups(pid):
    """How often its threads have waited for something, so far."""
    total = 0
    for thread in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{thread}/status", encoding="utf-8") as f:
            total += next(int(line.split()[1]) for line in f if line.startswith("voluntary_ctxt_switches"))
    return total


def test_nothing_wakes_it_but_the_daemon(tray, start, daemon, record_property):
    assert tray.poll() is None
    icon = start(daemon())
    icon.icon("connected")
    time.sleep(3)  # what it does at its start is over
    before, used_before = wakeups(icon.program.pid), icon.program.cpu_seconds()
    time.sleep(10)
    count, used = wakeups(icon.program.pid) - before, icon.program.cpu_seconds() - used_before
    record_property("wake-ups in 10 s", count)
    print(f"wake-ups in 10 s: {count}, {used * 1000:.0f} ms of a processor; the daemon's statistics came five times")
    assert 5 <= count <= 50, "that it never sleeps is no wake-up either"
    assert used < 0.1


def test_who_may_not_connect_sees_an_error(tray, start, daemon):
    assert tray.poll() is None
    d = daemon()
    os.chmod(d.socket_path, 0)
    icon = start(d, wrapper=("setpriv", "--bounding-set=-all", "--inh-caps=-all"))  # root that is held to modes of files
    icon.icon("error")
    assert "may not talk" in icon.get("ToolTip")[3]
    os.chmod(d.socket_path, 0o660)
    icon.icon("connected")


def test_the_menu_changes_the_mode_and_pauses(tray, start, daemon, subscriber):
    assert tray.poll() is None
    d = daemon()
    person = subscriber(d)
    icon = start(d)
    icon.icon("connected")

    def mode():
        reply = person.request("mode")
        return reply["mode"], reply["try_left_seconds"]

    items = icon.items()
    assert items["Enforcement"][1]["toggle-state"] == 1 and items["Learning"][1]["toggle-state"] == 0
    assert not items["Protected: what no rule knows is asked"][1]["enabled"]
    icon.click("Learning")
    until(lambda: mode() == ("learning", 0), "learning")
    assert not until(lambda: icon.items()["Learning"][1]["toggle-state"] == 1 and icon.items(), "its radio")["Pause"][1]["enabled"], "nothing to pause"
    icon.click("Enforcement")
    until(lambda: mode() == ("enforcement", 0), "enforcement")
    for label, minutes in (("For 5 Minutes", 5), ("For 15 Minutes", 15), ("For 1 Hour", 60)):
        icon.click(label)
        until(lambda m=minutes: mode()[0] == "learning" and m * 60 - 30 < mode()[1] <= m * 60, lambda: f"{label}: {mode()}")
    icon.icon("learning")
    resume, (number, *_) = until(lambda: next((item for item in icon.items().items() if item[0].endswith("resume")), None), "a way back")  # it counts down
    assert resume.startswith(("Paused: 59:", "Paused: 60:00")) and resume.endswith(" left — resume")
    assert "Paused" in icon.get("ToolTip")[3]
    icon.bus.call(icon.name, icon.get("Menu"), "com.canonical.dbusmenu", "Event", "(isvu)", (number, "clicked", GLib.Variant("i", 0), 0))
    until(lambda: mode() == ("enforcement", 0), "enforcement again")
    until(lambda: not [label for label in icon.items() if label.endswith("resume")], "no way back any more")


def test_a_strange_host_is_answered_and_does_nothing(tray, start, daemon):
    assert tray.poll() is None
    icon = start(daemon())
    icon.icon("connected")
    menu = icon.get("Menu")

    def call(method, *arguments):
        return icon.bus.call(icon.name, menu, "com.canonical.dbusmenu", method, *arguments)

    least, most = -2**31, 2**31 - 1
    whole = call("GetLayout", "(iias)", (0, -1, []))[1]
    for item, depth in ((0, least), (0, most), (least, -2), (most, 9)):
        assert call("GetLayout", "(iias)", (item, depth, []))[1] == whole
    assert call("GetLayout", "(iias)", (0, 0, []))[1][2] == []
    everything = call("GetGroupProperties", "(aias)", ([], []))[0]
    assert [item for item, _ in everything] == list(range(len(everything))) and len(everything) > 15, "none means all"
    assert call("GetGroupProperties", "(aias)", ([1, most, 1, least, 1], []))[0] == everything[1:2]
    for item in (least, -1, 0, len(everything), most, icon.items()["Enforcement"][0] - 2):
        call("Event", "(isvu)", (item, "clicked", GLib.Variant("s", "no number"), 0))
        call("EventGroup", "(a(isvu))", ([(item, "clicked", GLib.Variant("as", []), 0), (item, "no such event", GLib.Variant("i", 0), 0)],))
    with pytest.raises(GLib.Error):
        call("GetProperty", "(is)", (1, "no-such-property"))
    with pytest.raises(GLib.Error):
        call("GetProperty", "(is)", (most, "label"))
    icon.icon("connected")


def test_questions_are_counted_and_shown(tray, start, house, elsewhere, desktop):
    assert tray.poll() is None
    at = house()
    icon = start(at.daemon)
    assert not until(lambda: icon.items().get("No questions"), "none")[1]["enabled"]
    assert icon.get("Status") == "Active"
    at.somebody().curl()
    until(lambda: "Questions waiting (1)" in icon.items(), lambda: list(icon.items()))
    assert icon.get("Status") == "NeedsAttention"
    question = Question(desktop, icon.program)
    question.title()
    assert question.window() and desktop.focused() == elsewhere.window, "the question took the focus"
    icon.click("Questions waiting (1)")
    until(lambda: desktop.focused() == question.window(), "the focus: it was asked for")
    icon.program.press(question.live("Deny"))
    until(lambda: icon.get("Status") == "Active", "nothing to attend to")


def test_the_tray_comes_back(tray, start, daemon, desktop):
    assert tray.poll() is None
    icon = start(daemon())
    desktop.end_tray()
    desktop.tray()
    until(icon.is_registered, "the icon in the new tray")


def test_a_second_start_only_tells_the_first(tray, start, daemon, desktop):
    assert tray.poll() is None
    icon = start(daemon())
    second = subprocess.run([os.path.join(desktop.build, "src/gui/bastion-gui")], env=desktop.environment, timeout=20, check=True)
    assert second.returncode == 0 and icon.program.process.poll() is None
    assert not desktop.windows("^Bastion Firewall$")
    icon.click("Quit")
    assert icon.program.process.wait(20) == 0


def test_the_service_is_greyed_where_there_is_no_systemd(tray, start, daemon, desktop, tmp_path):
    assert tray.poll() is None
    icon = start(daemon(), environment={"DBUS_SYSTEM_BUS_ADDRESS": f"unix:path={tmp_path}/none"})
    icon.icon("connected")
    items = icon.items()
    assert not any(items[label][1]["enabled"] for label in ("Service", "Start", "Stop", "Restart"))


def test_the_service_is_started_and_stopped(tray, notifications, start, daemon, desktop):
    assert tray.poll() is None
    address = desktop.system()
    systemd = Bus(address)
    until(lambda: "org.freedesktop.systemd1" in systemd.call("org.freedesktop.DBus", "/", "org.freedesktop.DBus", "ListNames")[0], "systemd")
    d = daemon()
    icon = start(d, environment={"DBUS_SYSTEM_BUS_ADDRESS": address})
    icon.icon("connected")
    assert not until(lambda: icon.items()["Service"][1]["enabled"] and icon.items(), "the service to be known")["Start"][1]["enabled"], "it runs already"

    def told():
        return json.loads(systemd.call("org.freedesktop.systemd1", "/org/freedesktop/systemd1", "org.bastion.Test", "Told")[0])

    icon.click("Restart")
    until(lambda: told() == [["RestartUnit", "bastion-firewall.service"]], lambda: str(told()))
    icon.click("Stop")
    until(lambda: [t for t in notifications.told() if "Permission denied, says &lt;systemd&gt;" in t["body"]], lambda: f"systemd's words: {notifications.told()}")
    d.stop()
    icon.icon("disconnected")
    icon.click("Start")
    until(lambda: told()[-1][0] == "StartUnit", lambda: str(told()))


# ---- no tray ---------------------------------------------------------------------------------------------------------------


@pytest.fixture
def notifications(desktop, bus):
    process = desktop.service("notifications", NOTIFICATIONS)

    class Server:
        path = "/org/freedesktop/Notifications"

        def told(self):
            return json.loads(bus.call(NOTIFICATIONS, self.path, "org.bastion.Test", "Told")[0])

        def asked(self, text):
            return until(lambda: next((t for t in self.told() if text in t["title"]), None), lambda: f"a notification about {text}: {self.told()}")

        def click(self, told, action):
            bus.call(NOTIFICATIONS, self.path, "org.bastion.Test", "Click", "(us)", (told["id"], action))

        def put_away(self, told):
            bus.call(NOTIFICATIONS, self.path, "org.bastion.Test", "PutAway", "(u)", (told["id"],))

    yield Server()
    desktop.stop(process)


def test_without_a_tray_notifications_ask(no_tray, notifications, gui, house, desktop):
    assert not no_tray
    at = house()
    program = gui("bastion-gui", at.daemon)
    first, second, third = at.copy("<b>one"), at.copy("two"), at.copy("three")
    curl = at.somebody().curl(first)
    told = notifications.asked("wants to reach")
    assert told["title"] == f"<b>one wants to reach {HOST} ({Network.PEER4}) on port 8080 (http)"
    assert "&lt;b&gt;one" in told["body"] and "<" not in told["body"], "the body is markup there"
    assert told["actions"][:4] == ["allow", "Allow once", "deny", "Deny once"] and "details" in told["actions"]
    assert not desktop.windows("^Bastion Firewall$"), "no window comes by itself"
    notifications.click(told, "allow")  # too soon: it has only just appeared
    again = until(lambda: next((t for t in notifications.told() if t["id"] > told["id"]), None), "it to be shown again")
    assert len(at.questions()) == 1 and curl.process.poll() is None
    time.sleep(0.7)
    notifications.click(again, "allow")
    assert curl.finish()[0] == 0
    other = at.curl(second)
    told = notifications.asked("two")
    time.sleep(0.7)
    notifications.click(told, "deny")
    assert other.finish()[0] != 0
    at.curl(third)
    told = notifications.asked("three")
    notifications.click(told, "details")
    question = Question(desktop, program)
    assert "three" in question.title()
    program.press(question.live("Allow"))
    question.gone()
    until(lambda: not [t for t in notifications.told() if "three" in t["title"]], "the notification withdrawn")


def test_a_notification_put_away_answers_nothing_and_the_next_is_asked(no_tray, notifications, gui, house):
    assert not no_tray
    at = house()
    gui("bastion-gui", at.daemon)
    first = at.somebody().curl(at.copy("one"))
    told = notifications.asked("one")
    second = at.curl(at.copy("two"))
    until(lambda: len(at.questions()) == 2, "two questions")
    notifications.put_away(told)
    told = notifications.asked("two")
    assert len(at.questions()) == 2 and first.process.poll() is None
    time.sleep(0.7)
    notifications.click(told, "allow")
    assert second.finish()[0] == 0
    assert len(at.questions()) == 1 and first.process.poll() is None
    assert not [t for t in notifications.told() if "one" in t["title"]], "it was put away"


def test_a_notification_says_that_the_whole_program_is_asked_about(no_tray, notifications, gui, house, network, programs):
    assert not no_tray
    at = house()
    gui("bastion-gui", at.daemon)
    at.somebody()
    path = programs.copy("talk", "many-places")
    for port in range(1, 5):
        at.closing(Running(network.fw, path, "tcp", Network.PEER4, port))
        until(lambda n=port: len(at.questions()) == n, "its question")
    assert "everything that this program does" not in notifications.asked("many-places")["body"]
    for question in at.questions():
        if not question["whole_program"]:
            at.cli("answer", question["question"], "deny")
    told = until(lambda: next((t for t in notifications.told() if "everything that this program does" in t["body"]), None), lambda: str(notifications.told()))
    assert "port 4" in told["title"]


def test_an_answer_that_did_not_arrive_is_told(no_tray, notifications, gui, house):
    assert not no_tray
    at = house()
    gui("bastion-gui", at.daemon)
    at.somebody().curl(at.copy("one"))
    told = notifications.asked("one")
    time.sleep(0.7)
    os.kill(at.daemon.pid, signal.SIGSTOP)
    notifications.click(told, "allow")
    time.sleep(2)  # it is on its way by then
    at.daemon.kill()
    until(lambda: [t for t in notifications.told() if "went away before it answered" in t["body"]], lambda: f"words: {notifications.told()}")


def test_with_neither_tray_nor_notifications_the_window_comes(no_tray, gui, house, desktop):
    assert not no_tray
    at = house()
    question = Question(desktop, gui("bastion-gui", at.daemon))
    at.somebody().curl()
    question.title()


def test_hostile_text_reaches_no_markup(no_tray, notifications, gui, house):
    assert not no_tray
    at = house()
    gui("bastion-gui", at.daemon)
    at.somebody().curl(at.copy("a\n<img src=x>\u202e&amp;"))
    told = notifications.asked("wants to reach")
    assert told["title"].startswith("a\\n<img src=x>\\u202e&amp; wants")
    assert "&lt;img src=x&gt;\\u202e&amp;amp;" in told["body"] and "\n<" not in told["body"]
