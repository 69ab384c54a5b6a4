# SPDX-License-Identifier: GPL-3.0-or-later
"""What the control panel costs: time while it is looked at and while it is not, and memory where there are very many rules.

     fw ┌───────────────────────────┐   veth   ┌──────────┐ peer      bastion-control-panel ──▶ Counter ──▶ bastion-daemon
        │ bastion-daemon, a program ├──────────┤ TCP 8080 │
        └───────────────────────────┘          └──────────┘
"""

import collections
import contextlib
import json
import os
import socket
import threading
import time

import pytest

from harness.net import Network
from harness.programs import Running
from harness.wait import until

from panel import Panel

PYTHON = os.path.realpath("/usr/bin/python3")
# Holds that many connections and says nothing.
HOLD = """
import resource, socket, sys, time
resource.setrlimit(resource.RLIMIT_NOFILE, (4096, 4096))
talks = [socket.create_connection((sys.argv[1], 8080)) for _ in range(int(sys.argv[2]))]
print("open", flush=True)
time.sleep(600)
"""


class Counter:
    """A socket before the daemon's, which counts what is asked for."""

    def __init__(self, daemon, directory):
        self.socket_path, self.asked = os.path.join(directory, "counted.sock"), collections.Counter()
        self._to, self._listener, self._open = daemon.socket_path, socket.socket(socket.AF_UNIX), []
        self._listener.bind(self.socket_path)
        self._listener.listen()
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return  # closed
            server = socket.socket(socket.AF_UNIX)
            server.connect(self._to)
            self._open += [client, server]
            threading.Thread(target=self._carry, args=(client, server, self._count), daemon=True).start()
            threading.Thread(target=self._carry, args=(server, client, lambda data: None), daemon=True).start()

    def _carry(self, source, sink, look):
        rest = b""
        with contextlib.suppress(OSError):  # closed
            while data := source.recv(65536):
                *lines, rest = (rest + data).split(b"\n")
                for line in lines:
                    look(line)
                sink.sendall(data)
        for s in (source, sink):
            s.close()

    def _count(self, line):
        self.asked[json.loads(line)["type"]] += 1

    def within(self, seconds):
        before = self.asked.copy()
        time.sleep(seconds)
        return self.asked - before

    def close(self):
        for s in (self._listener, *self._open):
            s.close()


@pytest.fixture
def hold(network, closing, tcp):
    def start(n):
        assert tcp.port == 8080
        program = closing(Running(network.fw, "/usr/bin/python3", "-c", HOLD, Network.PEER4, n))
        assert program.process.stdout.readline() == "open\n"

    return start


@pytest.mark.parametrize("n,most", ((5, 0.03), (1000, 0.1)))
def test_looking_at_who_talks_costs_little(daemon, desktop, gui, hold, record_property, n, most):
    d = daemon(rules={f"{PYTHON}:*": True})
    hold(n)
    panel = Panel(desktop, gui("bastion-control-panel", d))
    panel.has_text(f"{n:,} connections")
    time.sleep(3)  # what it does at its start is over
    before, began = panel.program.cpu_seconds(), time.monotonic()
    time.sleep(10)
    share = (panel.program.cpu_seconds() - before) / (time.monotonic() - began)
    record_property(f"share of a core, {n} connections", round(share, 3))
    print(f"{n} connections: {share * 100:.1f} % of a core")
    assert share < most


def test_what_nobody_sees_is_not_asked_for(daemon, desktop, gui, hold, closing, tmp_path):
    d = daemon(rules={f"{PYTHON}:*": True})
    hold(5)
    counter = closing(Counter(d, str(tmp_path)))
    panel = Panel(desktop, gui("bastion-control-panel", counter))
    panel.has_text("5 connections")
    looking = counter.within(4)
    assert looking["connections"] >= 2 and looking["traffic"] >= 2, looking
    window = panel.window
    panel.focus()
    desktop.keys("ctrl+6")
    panel.has_no_text("5 connections")
    assert not counter.within(4)
    desktop.keys("ctrl+1")
    panel.has_text("5 connections")
    assert counter.within(4)["connections"] >= 2
    desktop.run("xdotool", "windowminimize", "--sync", window, check=True)
    before = panel.program.cpu_seconds()
    assert not counter.within(4)
    assert panel.program.cpu_seconds() - before < 0.1
    desktop.run("xdotool", "windowactivate", "--sync", window, check=True)
    assert until(lambda: counter.within(1)["connections"], "it to look again")


def rules_of(n):
    """Each of them is warned of: there is none of these programs."""
    return {f"/opt/tools/program-{i // 10}:{1 + i % 10}": True for i in range(n)}


def test_a_hundred_thousand_rules_are_held_in_little_memory(daemon, desktop, gui, closing, tmp_path, record_property):
    """Beside a panel with a thousand, which has all the rows of widgets that GTK ever makes (200), and an empty window."""
    d = daemon(rules=rules_of(1000))
    panel = Panel(desktop, gui("bastion-control-panel", d, "--page=rules"))
    panel.has_text("1,000 warnings")
    few = panel.program.memory_private()
    panel.program.close()  # there is one panel in a session
    d.write_rules(rules_of(100000))
    d.restart()
    panel = Panel(desktop, gui("bastion-control-panel", d, "--page=rules"))
    panel.has_text("100,000 warnings", seconds=120)
    many = until(lambda: (used := panel.program.memory_private()) - few <= 25e6 and used,  # what loading took is given back
                 lambda: f"less: {(panel.program.memory_private() - few) / 1e6:.1f} MB above 1,000 rules")
    least = closing(desktop.empty_window(tmp_path)).memory_private()
    text = f"{(many - few) / 1e6:.1f} MB above 1,000 rules, {(many - least) / 1e6:.1f} MB above an empty window ({least / 1e6:.1f} MB)"
    record_property("100,000 rules", text)
    print(text)
    assert many - least <= 80e6  # 38 to 58 were seen, most of it GTK's rows of widgets, which are as many with any number of rules
