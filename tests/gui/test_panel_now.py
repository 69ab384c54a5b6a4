# SPDX-License-Identifier: GPL-3.0-or-later
"""The page *Now* and the window: who talks, a connection ended, a rule made of it; the mode; the daemon gone and back; somebody else who is asked.

     fw ┌─────────────────────────────┐   veth   ┌──────────┐ peer
        │ bastion-daemon, programs    ├──────────┤ TCP 8080 │
        └─────────────────────────────┘          └──────────┘
"""

import os

import pytest

from harness.net import Network
from harness.programs import Running
from harness.wait import until

from panel import Panel

pytestmark = pytest.mark.rungs("gate")  # what the daemon says is what it shows

PYTHON = os.path.realpath("/usr/bin/python3")
# Sends until it is stopped; says how that was.
SEND = """
import socket, sys, time
s = socket.create_connection((sys.argv[1], 8080))
try:
    while True:
        s.sendall(b"x" * 20000)
        time.sleep(0.1)
except OSError as e:
    print("ended:", e.errno)
"""


@pytest.fixture
def sender(network, closing, tcp):
    return lambda: closing(Running(network.fw, "/usr/bin/python3", "-c", SEND, Network.PEER4))


def test_a_real_transfer_is_shown_and_ended(daemon, desktop, gui, cli, sender):
    d = daemon(rules={f"{PYTHON}:*": True})
    program = sender()
    until(lambda: cli(d).jsonl("connections"), "the connection")
    panel = Panel(desktop, gui("bastion-control-panel", d))
    panel.has_text("1 connection")
    panel.has_text(PYTHON)
    panel.has_text("kB/s")  # it moves
    assert panel.showing(name=lambda name: name and name.startswith("Traffic of the last 5 minutes"))
    panel.focus()
    row = panel.find("tree item") if panel.showing("tree item") else panel.find(name=lambda name: name and name.startswith("python3"))
    box = row.queryComponent().getExtents(desktop.atspi.WINDOW_COORDS)
    x, y, _, _ = desktop.geometry(panel.window)
    desktop.click(x + box.x + 60, y + box.y + box.height / 2)
    desktop.keys("shift+Right")
    panel.has_text(Network.PEER4)
    panel.click(f"End: {Network.PEER4}:8080")
    status, output = program.finish()
    assert status == 0 and "ended:" in output
    panel.has_text("Nobody is talking")


def test_a_rule_is_made_of_a_program_that_talks(daemon, desktop, gui, sender, cli):
    d = daemon(rules={f"{PYTHON}:*": True})
    sender()
    until(lambda: cli(d).jsonl("connections"), "the connection")
    panel = Panel(desktop, gui("bastion-control-panel", d))
    panel.has_text(PYTHON)
    panel.click("Allow or deny: " + PYTHON.rsplit("/", 1)[1])
    panel.has_text(f"deny {PYTHON}")  # before it is written
    assert d.rules()[f"{PYTHON}:*"] is True
    panel.click("Add this rule")
    until(lambda: d.rules()[f"{PYTHON}:*"] is False, lambda: f"the rule: {d.rules()}")
    panel.has_text("Rule added")
    panel.has_text("Nobody is talking")  # it holds for what was open


def test_the_daemon_goes_and_comes_back(daemon, desktop, gui):
    d = daemon(rules={"/usr/bin/curl:443": True})
    panel = Panel(desktop, gui("bastion-control-panel", d, "--page=rules"))
    panel.has_text("/usr/bin/curl port 443")
    d.stop()
    panel.has_text("The firewall is not running. What is shown is what it said last.")
    panel.button("Start")
    panel.has_text("Mode: No firewall")
    d.write_rules({"/usr/bin/wget:443": True})
    d.start()
    panel.has_text("Mode: Enforcement")
    panel.has_text("/usr/bin/wget port 443")
    panel.has_no_text("/usr/bin/curl port 443")
    panel.has_no_text("The firewall is not running")


def test_without_a_daemon_it_says_so(daemon, desktop, gui):
    panel = Panel(desktop, gui("bastion-control-panel", daemon(start=False)))
    panel.has_text("The firewall is not running")
    panel.button("Start the firewall")


def test_the_mode_is_paused_and_enforced_again(daemon, desktop, gui, cli):
    d = daemon()
    panel = Panel(desktop, gui("bastion-control-panel", d))
    panel.click("Mode: Enforcement")
    panel.click("Pause for 15 minutes")
    panel.has_text("Mode: Paused 14:")
    assert cli(d).json("mode")["mode"] == "learning"
    cli(d)("mode", "enforcement")
    panel.has_text("Mode: Enforcement")


def test_it_is_nobody_to_ask(daemon, desktop, gui, subscriber, network, programs, closing):
    """Old fault: questions went to the control panel, which did not show them."""
    d = daemon({"timeout_seconds": 60})
    watcher = subscriber(d, "decisions")
    panel = Panel(desktop, gui("bastion-control-panel", d))
    panel.has_text("Mode: Enforcement")
    visitor = programs.visitor("panel-alone")
    closing(Running(network.fw, visitor, "tcp", Network.PEER4, "8080"))
    decision = watcher.wait("decision", lambda e: e["path"] == visitor)
    assert decision["verdict"] == "deny" and decision["reason"] == "nobody"
    asker = subscriber(d, "questions")
    second = programs.visitor("panel-beside")
    closing(Running(network.fw, second, "tcp", Network.PEER4, "8080"))
    question = asker.wait("question", lambda e: e["path"] == second)
    assert asker.request("answer", question=question["question"], allow=False)["type"] == "reply"


def test_problems_are_told_below_each_other(daemon, desktop, gui):
    d = daemon()
    d.write_rules("{ broken")
    d.write_config({"timeout_seconds": "never"})
    d.reload_and_wait()
    panel = Panel(desktop, gui("bastion-control-panel", d))
    lines = panel.find("label", lambda name: "rules.json" in name and "config.json" in name).name
    assert "\\n" not in lines and len(lines.split("\n")) == 2, lines
