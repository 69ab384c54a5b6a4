# SPDX-License-Identifier: GPL-3.0-or-later
"""The rows of the failure table (ARCHITECTURE.md, "When something fails") that begin with a packet: one that cannot be read, one that
nobody seems to have sent, one that several programs could have sent.

     fw: bastion-daemon, talk KIND … ──── veth ──── peer: a sniffer
"""

import itertools
import os
import socket
import sys

import pytest

from harness.net import Network
from harness.programs import Running
from harness.wait import until

PORTS = itertools.count(40000)
UDP, DSTOPTS = 17, 60

# kind, address, number; the protocol field that the cable shows
UNPARSABLE = {
    "ends-inside-tcp": ("cut4", Network.PEER4, 6, 6),
    "ends-inside-udp": ("cut4", Network.PEER4, UDP, UDP),
    "neither-4-nor-6": ("version5", Network.PEER4, 0, UDP),
    "nine-extension-headers": ("headers6", Network.PEER6, 9, DSTOPTS),
    "headers-beyond-what-is-read": ("long-headers6", Network.PEER6, 3, DSTOPTS),
}


@pytest.fixture
def talk(network, programs, closing):
    return lambda *words, **kw: closing(Running(network.fw, programs.path("talk"), *words, stdin=-1, **kw))


@pytest.mark.parametrize("mode, verdict", (("enforcement", "deny"), ("learning", "allow")))
def test_what_cannot_be_read(mode, verdict, network, daemon, subscriber, programs, talk, sniffer):
    # A rule for the program does not help: what the packet says is not known.
    d = daemon({"mode": mode}, rules={f"{programs.path('talk')}:*": verdict == "deny"})
    watcher = subscriber(d, "decisions", "questions")
    for n, (kind, address, number, wire) in enumerate(UNPARSABLE.values(), 1):
        before = len(sniffer.seen(wire))
        assert talk(kind, address, next(PORTS), number).process.communicate("")[0] == ""
        until(lambda: len([d for d in watcher.decisions() if d["reason"] == "unparsable"]) == n, lambda: f"{n} decisions: {kind}")
        decision = watcher.decisions()[-1]
        assert (decision["verdict"], decision["reason"], decision["kind"], decision["rule"]) == (verdict, "unparsable", "unknown", None)
        assert len(sniffer.seen(wire)) == before + (1 if verdict == "allow" else 0), kind
    assert watcher.of_type("question") == []


@pytest.mark.rungs("queue")  # at the gate the kernel names the sender of every packet that can be read
def test_an_owner_that_is_not_found(daemon, subscriber, talk, sniffer):
    by_destination, asked = next(PORTS), next(PORTS)
    d = daemon(rules={f"@dest:{Network.PEER4}:{by_destination}:*": True})
    watcher = subscriber(d, "decisions", "questions")
    talk("header4", Network.PEER4, by_destination, UDP)
    decision = watcher.decision(remote_port=by_destination)
    assert (decision["verdict"], decision["reason"], decision["kind"]) == ("allow", "rule", "unknown")
    talk("header4", Network.PEER4, asked, UDP)
    question = watcher.wait("question")
    assert (question["kind"], question["reason"], question["path"]) == ("unknown", "owner-unknown", None)
    assert sniffer.seen(UDP, asked) == []
    watcher.request("answer", question=question["question"], allow=True)
    until(lambda: sniffer.seen(UDP, asked), "the packet, once allowed")

    d.write_config({"mode": "learning"})
    d.reload()
    watcher.wait("mode_changed", lambda m: m["mode"] == "learning")
    port = next(PORTS)
    talk("header4", Network.PEER4, port, UDP)
    decision = watcher.decision(remote_port=port)
    assert (decision["verdict"], decision["kind"]) == ("allow", "unknown")
    until(lambda: sniffer.seen(UDP, port), "the packet in learning mode")


@pytest.mark.parametrize("rules, expected", (
    ({}, "ask"), ({"sender": True}, "ask"), ({"sender": False}, "ask"), ({"holder": True}, "ask"),
    ({"sender": True, "holder": True}, "allow"), ({"sender": False, "holder": False}, "deny")), ids=str)
def test_several_programs_hold_the_socket(rules, expected, rung, network, daemon, subscriber, programs, closing, talk, sniffer):
    """This test process made it; a program that was given it sends. The gate sees who calls; /proc sees who holds."""
    paths = {"sender": programs.path("talk"), "holder": os.path.realpath(sys.executable)}
    d = daemon(rules={f"{paths[who]}:*": allow for who, allow in rules.items()})
    watcher = subscriber(d, "decisions", "questions")
    shared, port = closing(network.fw.socket(socket.AF_INET, socket.SOCK_DGRAM)), next(PORTS)
    program = talk("fd", Network.PEER4, port, shared.fileno(), pass_fds=[shared.fileno()])
    if rung == "gate":
        expected = {True: "allow", False: "deny", None: "ask"}[rules.get("sender")]
    if expected == "ask":
        question = watcher.wait("question")
        named = {question["path"], *(other["path"] for other in question["others"])}
        assert named == ({paths["sender"]} if rung == "gate" else set(paths.values()))
        assert question["reason"] == ("no-rule" if rung == "gate" else "owner-ambiguous")
        assert sniffer.seen(UDP, port) == []
        return
    decision = watcher.decision(remote_port=port)
    assert decision["verdict"] == expected
    if rung == "gate":
        assert decision["pid"] == program.pid
    assert (len(sniffer.seen(UDP, port)) > 0) == (expected == "allow")


def test_several_possible_owners_in_learning(rung, network, daemon, subscriber, programs, closing, talk, sniffer):
    d = daemon({"mode": "learning"}, rules={f"{programs.path('talk')}:*": False})
    watcher = subscriber(d)
    shared, port = closing(network.fw.socket(socket.AF_INET, socket.SOCK_DGRAM)), next(PORTS)
    talk("fd", Network.PEER4, port, shared.fileno(), pass_fds=[shared.fileno()])
    assert watcher.decision(remote_port=port)["verdict"] == "allow"
    until(lambda: sniffer.seen(UDP, port), "the packet")
