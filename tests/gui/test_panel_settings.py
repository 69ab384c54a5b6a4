# SPDX-License-Identifier: GPL-3.0-or-later
"""The page *Settings*: each kind of key both ways, at once, in config.json.

     fw ┌────────────────┐
        │ bastion-daemon │◀── bastion-control-panel (socket)
        └────────────────┘
"""

import json

import pytest

from harness.wait import until

from panel import Panel

pytestmark = pytest.mark.rungs("gate")  # what the daemon says is what it shows


def on_disk(daemon, key):
    with open(daemon.path("etc", "config.json"), encoding="utf-8") as f:
        return json.load(f).get(key)


def settings(desktop, gui, daemon):
    panel = Panel(desktop, gui("bastion-control-panel", daemon, "--page=settings"))
    panel.has_text(daemon.path("etc", "config.json"))
    return panel


def test_a_switch_a_number_and_a_default(daemon, desktop, gui):
    d = daemon({"timeout_seconds": 60, "allow_lan": False})
    panel = settings(desktop, gui, d)
    panel.click("The local network")
    until(lambda: on_disk(d, "allow_lan") is True, "allow_lan on disk")
    panel.has_text("The local network: changed")
    panel.click("The local network")
    until(lambda: not on_disk(d, "allow_lan"), "allow_lan off again")
    spin = panel.find("spin button", "A question waits")
    assert spin.queryValue().currentValue == 60
    spin.queryValue().currentValue = 45
    until(lambda: on_disk(d, "timeout_seconds") == 45, "the number on disk")
    panel.click("A question waits: back to the default")
    until(lambda: on_disk(d, "timeout_seconds") is None, "the key to be gone")
    until(lambda: spin.queryValue().currentValue == 30, "the default to be shown")


def test_what_others_change_is_shown_and_what_is_wrong_is_said(daemon, desktop, gui, subscriber):
    d = daemon()
    panel = settings(desktop, gui, d)
    assert panel.is_on("Ask")
    assert subscriber(d).request("config_set", key="popup_enabled", value=False)["type"] == "reply"
    until(lambda: not panel.is_on("Ask"), "the switch to follow")
    panel.focus()
    x, y, width, height = desktop.geometry(panel.window)
    desktop.run("xdotool", "mousemove", x + width // 2 + 100, y + height // 2, "click", "--repeat", "60", "--delay", "10", "5", check=True)

    def place():
        box = panel.find(where=lambda node: node.name.startswith("Log file") and node.getRoleName() in ("entry", "text")).queryComponent().getExtents(desktop.atspi.WINDOW_COORDS)
        return (x + box.x + box.width // 2, y + box.y + box.height // 2) if 0 < box.y < height - box.height else None

    desktop.click(*until(place, "the entry to be scrolled to"))
    desktop.keys("ctrl+a")
    desktop.type("/etc/passwd")
    desktop.keys("Return")
    panel.has_text("expected")
    assert on_disk(d, "log_file") != "/etc/passwd"
