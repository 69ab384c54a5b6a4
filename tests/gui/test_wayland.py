# SPDX-License-Identifier: GPL-3.0-or-later
"""The desktop's programs on Wayland, where a window cannot promise to come without the focus: there a notification asks first, tray or not, and the window
comes for who asks for details. The compositor is weston without a screen; what is on it is seen through the accessibility bus."""

import os
import shutil
import time

import pytest

from asking import HOST, House, Question
from harness.net import Network
from harness.wait import until
from test_tray import bus, notifications  # noqa: F401  pylint: disable=unused-import  # fixtures

pytestmark = pytest.mark.skipif(not shutil.which("weston"), reason="needs weston")


@pytest.fixture
def wayland(desktop):
    """The environment of a program on a compositor of its own."""
    name = f"bastion-{os.getpid()}"
    process = desktop.spawn("weston", "--backend=headless-backend.so", "--no-config", "--idle-time=0", f"--socket={name}", "--width=1366", "--height=768")
    path = os.path.join(desktop.environment["XDG_RUNTIME_DIR"], name)
    until(lambda: os.path.exists(path) and process.poll() is None, "the compositor")
    yield {"GDK_BACKEND": "wayland", "WAYLAND_DISPLAY": name, "XDG_SESSION_TYPE": "wayland", "DISPLAY": ""}
    process.terminate()
    process.wait()


def test_a_notification_asks_first(wayland, tray, notifications, gui, network, daemon, programs, tmp_path, closing, desktop):  # noqa: F811
    assert tray.poll() is None
    at = House(network, daemon(None), programs, tmp_path, closing)
    program = gui("bastion-gui", at.daemon, environment=wayland)
    first, second = at.copy("one"), at.copy("two")
    curl = at.somebody().curl(first)
    told = notifications.asked("wants to reach")
    assert told["title"] == f"one wants to reach {HOST} ({Network.PEER4}) on port 8080 (http)"
    question = Question(desktop, program)
    assert not question.is_seen(), "no window comes by itself"
    time.sleep(0.7)  # dead until then
    notifications.click(told, "allow")
    assert curl.finish()[0] == 0
    other = at.curl(second)
    notifications.click(notifications.asked("two"), "details")
    assert "two" in question.title()
    program.press(question.live("Deny"))
    assert other.finish()[0] != 0


def test_the_panel_is_there(wayland, gui, daemon):
    panel = gui("bastion-control-panel", daemon(), "--page=rules", environment=wayland)
    panel.find(name="Rules")
    panel.find(name=lambda name: "allow" in name)
