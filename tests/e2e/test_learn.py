# SPDX-License-Identifier: GPL-3.0-or-later
"""`bastion learn review`: what learning let through becomes rules that a person accepted, and with these enforcement asks nothing about it.

     fw ┌────────────────────────┐   veth   ┌────────────────────┐ peer
        │ bastion-daemon         ├──────────┤ TCP 8080, HTTP     │
        │ curl, talk             │          └────────────────────┘
        └────────────────────────┘
"""

import os
import shutil
import subprocess

import pytest

from harness.net import Network
from harness.programs import Running
from harness.wait import until

pytestmark = pytest.mark.either_rung

CURL = os.path.realpath(shutil.which("curl") or "/usr/bin/curl")
CURL_RULE = f"allow {CURL} to {Network.PEER4} port 8080 tcp"


@pytest.fixture
def curl(network, tcp):
    """curl() → its exit code."""
    return lambda address=Network.PEER4: network.fw.run(CURL, "--silent", "--max-time", "30", f"http://{address}:8080/").returncode


@pytest.fixture
def visitor(programs):
    """A program that lies below /tmp, where others than root can write."""
    return programs.copy("talk", "learn-visitor")


@pytest.fixture
def learned(daemon, network, closing, cli, curl, visitor):
    """A daemon in learning that has seen curl twice and the visitor once, the latter in an earlier life."""
    d = daemon({"mode": "learning"})
    running = closing(Running(network.fw, visitor, "tcp", Network.PEER4, "8080", stdin=-1))  # until its input ends: the queue rung sees it too
    until(lambda: cli(d)("log", "--program=learn-visitor"), "the visitor's connection")
    running.finish()
    d.restart()
    assert curl() == 0 and curl() == 0
    return d


@pytest.fixture
def review(cli):
    """review(d, answers, *options) → what it printed, on both streams."""
    def run(d, answers, *options, expect=0):
        done = subprocess.run(cli(d).argv("learn", "review", *options), input=answers, capture_output=True, text=True)
        assert done.returncode == expect, done.stdout + done.stderr
        return done.stdout, done.stderr
    return run


def test_what_is_proposed_is_what_was_seen(learned, cli, visitor):
    proposals = {p["program"]: p for p in cli(learned).jsonl("learn", "review")}
    assert set(proposals) == {CURL, visitor}
    assert proposals[CURL]["sentence"] == CURL_RULE
    assert (proposals[CURL]["connections"], proposals[CURL]["denied"], proposals[CURL]["surprises"]) == (2, 0, [])
    assert proposals[visitor]["sentence"] == f"allow {visitor} to {Network.PEER4} port 8080 tcp"
    assert proposals[visitor]["surprises"] == ["writable-file"]
    assert learned.rules() == {}, "nothing is changed"


def test_history_is_counted_like_memory(learned, cli, curl):
    """Three lives of the daemon, of which memory has the last."""
    before = {p["program"]: p for p in cli(learned).jsonl("learn", "review")}
    learned.restart()
    assert {p["program"]: p for p in cli(learned).jsonl("learn", "review")} == before
    assert curl() == 0
    proposal = next(p for p in cli(learned).jsonl("learn", "review") if p["program"] == CURL)
    assert (proposal["connections"], proposal["first"]) == (3, before[CURL]["first"]) and proposal["last"] > before[CURL]["last"]


def test_all_rules_count_however_many(learned, cli, visitor):
    """More than come at once; the one that matters is the last."""
    learned.write_rules({**{f"/opt/program-{i}:443": True for i in range(6000)}, f"{CURL}:*": False})
    learned.reload_and_wait()
    assert {p["program"] for p in cli(learned).jsonl("learn", "review")} == {visitor}


def test_accepted_is_a_rule_and_enforcement_asks_nothing(learned, cli, review, curl):
    out, _ = review(learned, "a\nr\nn\n")
    assert CURL_RULE in out and "! its file can be changed by others than root" in out
    assert "bastion mode enforcement --try=300" in out
    cli(learned)("mode", "enforcement")
    assert curl() == 0
    assert CURL not in [p["program"] for p in cli(learned).jsonl("learn", "review")]
    assert CURL_RULE in cli(learned)("rules", "list")


def test_edited_with_a_mistake_first(learned, cli, review):
    out, err = review(learned, f"e allow {CURL} to nowhere! port 8080\nallow {CURL} port 8080 tcp\nq\n")
    assert "this is no rule" in err and "^^^^" in err
    assert "added as" in out
    listed = cli(learned)("rules", "list")
    assert f"allow {CURL} port 8080 tcp" in listed and CURL_RULE not in listed


def test_an_edit_that_says_more_is_not_asked_about_again(learned, review):
    out, _ = review(learned, "e\nallow anyone to 10.0.0.0/8\n")
    assert "2/2" not in out and "added as" in out


def test_an_empty_line_leaves_it_as_it_was(learned, cli, review):
    out, err = review(learned, "what?\ne\n\na\nq\n")
    assert "a accepts, e edits" in err
    assert "added as" in out
    assert CURL_RULE in cli(learned)("rules", "list")


def test_yes_takes_what_is_no_surprise(learned, cli, review, visitor):
    out, _ = review(learned, "", "--yes")
    assert out.count("added as") == 1 and out.count("left for you to look at") == 1
    listed = cli(learned)("rules", "list")
    assert CURL_RULE in listed and visitor not in listed
    assert cli(learned).json("status")["status"]["mode"] == "learning"


def test_enforcement_can_be_tried_at_once(learned, cli, review):
    out, _ = review(learned, "a\nr\ny\n")
    assert "Enforcement for 5 minutes" in out
    status = cli(learned).json("status")["status"]
    assert status["mode"] == "enforcement" and 0 < status["try_left_seconds"] <= 300


def test_the_end_of_input_leaves_the_rest(learned, cli, review):
    review(learned, "")
    review(learned, "a\n")
    assert len(cli(learned).jsonl("learn", "review")) == 1


def test_what_nobody_answered_is_marked(daemon, cli, curl):
    d = daemon({"mode": "enforcement", "popup_enabled": False})
    assert curl() != 0
    (proposal,) = [p for p in cli(d).jsonl("learn", "review") if p["program"] == CURL]
    assert "denied" in proposal["surprises"] and proposal["denied"] == proposal["connections"] >= 1


def test_where_nothing_was_seen_nothing_is_proposed(daemon, cli, review):
    d = daemon({"mode": "learning"})
    assert "Nothing is proposed." in review(d, "")[0]
    assert cli(d).jsonl("learn", "review", "--since=0s") == []


def test_a_line_without_an_end_is_refused(learned, cli, review):
    _, err = review(learned, "e " + "x" * 100000 + "\nq\n")
    assert "a accepts, e edits" in err
    _, err = review(learned, "e\n" + "x" * 100000 + "\n\nq\n")
    assert "a rule has at most 8192 bytes" in err
    assert learned.rules() == {}


def test_wrong_words(daemon, cli):
    d = daemon(start=False)
    for words in (("learn",), ("learn", "everything"), ("learn", "review", "more"), ("learn", "review", "--json", "--yes"),
                  ("learn", "review", "--since=soon")):
        cli(d)(*words, expect=2)
    cli(d)("learn", "review", expect=3)
