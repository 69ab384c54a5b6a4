# SPDX-License-Identifier: GPL-3.0-or-later
"""The pages about the past, over a real history that the real recorder wrote: what was decided, what programs did, and what learning proposes.

     fw ┌─────────────────────────────────────┐   veth   ┌────────────┐ peer
        │ bastion-daemon, recorder, programs  ├──────────┤ TCP 8080   │
        └─────────────────────────────────────┘          └────────────┘
"""

import os
import sqlite3

import pytest

from harness.net import Network
from harness.wait import until

from panel import Panel

HOSTILE = "<b>bold<i>\n\u202e\udcffgnp.exe"  # the byte 0xff in it, as Python says what is no UTF-8
SHOWN = "<b>bold<i>\\n\\u202e\\xffgnp.exe"
LONG = "/".join(["l" * 250] * 14)


@pytest.fixture
def house(daemon, cli, programs, network, tcp):
    """Learning: programs have talked, of hostile names too, and `refused` was denied by a rule of enforcement."""
    d = daemon(config={"mode": "learning", "log_every_connection": True})
    os.makedirs(programs.path(LONG), exist_ok=True)
    d.hostile, d.long, d.plain, d.refused = (programs.visitor(name) for name in (HOSTILE, LONG + "/long", "plain", "refused"))
    visit = lambda path: network.fw.run(path, "tcp", Network.PEER4, tcp.port)
    for path in (d.plain, d.plain, d.hostile, d.long):
        visit(path)
    cli(d)("mode", "enforcement")
    cli(d)("rules", "add", f"deny {d.refused}")
    visit(d.refused)
    cli(d)("mode", "learning")
    until(lambda: len(cli(d).jsonl("log")) >= 5, "five decisions")
    until(lambda: len(d.history("SELECT id FROM decisions")) >= 5, "them in history")
    return d


@pytest.fixture
def panel(desktop, gui):
    def start(d, page):
        p = Panel(desktop, gui("bastion-control-panel", d, f"--page={page}"))
        assert p.window
        return p
    return start


def rules(cli):
    return cli.json("rules", "list")["rules"]


def spoken(panel, *parts):
    """A row of the list that says all of that to who cannot see it."""
    return panel.find(name=lambda name: name and all(part in name for part in parts))


def click_on(panel, node):
    box = node.queryComponent().getExtents(panel.desktop.atspi.WINDOW_COORDS)
    x, y = panel.desktop.geometry(panel.window)[:2]
    panel.desktop.click(x + box.x + box.width // 2, y + box.y + box.height // 2)


def test_history_shows_what_was_decided_and_why(house, panel, cli, tcp):
    p = panel(house, "history")
    spoken(p, "Denied: refused", f"{Network.PEER4}:{tcp.port}", "rule ")
    spoken(p, "Allowed: plain", f"{Network.PEER4}:{tcp.port}")
    row = spoken(p, "Denied: refused")
    p.focus()
    click_on(p, row)
    p.desktop.keys("Return")
    p.has_text(house.refused)
    p.has_text("Such a connection would be")
    p.has_text(f"deny {house.refused}")


def test_history_is_searched(house, panel, desktop):
    p = panel(house, "history")
    spoken(p, "Allowed: plain")
    p.type_into("Program", "refused")
    p.gone(name=lambda name: name and "Allowed: plain" in name)
    spoken(p, "Denied: refused")
    p.type_into("Program", "nobody-has-this-name")
    p.has_text("Nothing Found")


def test_what_is_decided_later_waits_for_a_button(house, panel, network, tcp):
    p = panel(house, "history")
    spoken(p, "Allowed: plain")
    assert not p.showing("push button", "Show New Decisions")
    network.fw.run(house.refused, "tcp", Network.PEER4, tcp.port + 1)
    button = p.find("push button", lambda name: name and "Show New Decisions" in name)
    assert not p.showing(name=lambda name: name and f":{tcp.port + 1}" in name)
    p.press(button)
    spoken(p, "refused", f"{Network.PEER4}:{tcp.port + 1}")
    p.gone("push button", lambda name: name and "Show New Decisions" in name)


def test_strangers_words_are_shown_as_they_are(house, panel):
    p = panel(house, "history")
    spoken(p, SHOWN)
    spoken(p, ": long to ")
    assert not [text for text in p.program.texts() if "\u202e" in text or "\ufffd" in text or "\n<" in text]
    p.program.close()  # there is one panel in a session
    p = panel(house, "programs")
    p.has_text(SHOWN)
    assert p.desktop.geometry(p.window)[2] <= 1366, "it fits the screen"
    p.program.close()
    p = panel(house, "learning")
    p.has_text(SHOWN)
    p.has_text("l" * 200)
    assert p.desktop.geometry(p.window)[2] <= 1366, "it fits the screen"


def test_programs_have_their_sums_places_and_rules(house, panel, tcp):
    p = panel(house, "programs")
    p.has_text("2 connections")
    p.has_text("1 connection, denied")
    p.type_into("Name or path", "refused")
    p.gone(name="plain")
    row = p.has_text(house.refused)
    p.focus()
    click_on(p, row)
    p.has_text(f"{Network.PEER4}:{tcp.port}")
    p.has_text(f"deny {house.refused}")
    p.click("Back to all programs")


def test_learning_proposes_and_what_is_accepted_is_a_rule(house, panel, cli):
    before = {rule["id"] for rule in rules(cli(house))}
    p = panel(house, "learning")
    p.has_text("without a rule of today")
    p.has_text(f"allow {house.plain}")
    p.press(next(iter(p.showing(role="push button", name="Accept"))))
    until(lambda: {rule["id"] for rule in rules(cli(house))} - before, "the rule")
    for left in (1, 0):
        p.press(until(lambda: next(iter(p.showing(role="push button", name="Refuse")), None), "a proposal"))
        until(lambda left=left: len(p.showing(role="push button", name="Refuse")) == left, "it to go")
    p.has_text("Nothing Left to Review")
    p.click("Try Enforcement for 5 Minutes")
    until(lambda: "enforcement" in cli(house)("mode"), "enforcement")


def test_a_lost_history_is_told(house, panel):
    house.stop()
    os.rename(house.path("state", "history"), house.path("state", "history.gone"))
    house.start()
    p = panel(house, "programs")
    until(lambda: any("No Programs" in text or "connection" in text for text in p.program.texts()), "a page")


@pytest.fixture
def a_hundred_thousand(house):
    """Rows that the recorder could have written, between its own."""
    with sqlite3.connect(house.path("state", "history", "history.db"), timeout=20) as db:
        columns = [row[1] for row in db.execute("PRAGMA table_info(decisions)") if row[1] not in ("id", "time_us", "seq", "remote_port")]
        names = ", ".join(columns)
        db.execute(f"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000) "
                   f"INSERT INTO decisions (time_us, seq, remote_port, {names}) SELECT d.time_us + n.i, 10 + n.i, n.i % 60000 + 1, "
                   f"{', '.join('d.' + c for c in columns)} FROM n, (SELECT * FROM decisions LIMIT 1) AS d")
    return house


def test_a_hundred_thousand_rows_cost_no_memory(a_hundred_thousand, panel, desktop, closing, tmp_path, record_property):
    p = panel(a_hundred_thousand, "history")
    row = spoken(p, "plain")
    p.focus()
    click_on(p, row)
    for _ in range(40):
        desktop.keys(*["Next"] * 10)
    used = p.program.memory_private()
    least = closing(desktop.empty_window(tmp_path)).memory_private()
    record_property("bytes above an empty window", used - least)
    print(f"\n{(used - least) / 1e6:.1f} MB above an empty window ({least / 1e6:.1f} MB)")
    assert used - least < 10 * 25e6

