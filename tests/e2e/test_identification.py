# SPDX-License-Identifier: GPL-3.0-or-later
"""Programs that live a few milliseconds are named right, every one.

     fw                                              peer
     ┌──────────────────────────────────┐            ┌──────────────────────────────────┐
     │ bastion-daemon                   │   veth     │ TCP 8080, UDP 7007:              │
     │ swarm ─▶ visit-00 … visit-15,    ├────────────┤ each line that arrives says who  │
     │   8 at a time, each one line long│            │ sent it, next to its source port │
     └──────────────────────────────────┘            └──────────────────────────────────┘
"""

import collections
import os

import pytest

from harness.net import Network
from harness.programs import Running
from harness.wait import until

PARALLEL = 8


def truth_of(protocol, seen):
    """(protocol, source port, pid, path) for each visitor, as the server heard it."""
    found = collections.Counter()
    for visit in seen:
        path, pid = visit["data"].decode().split()
        found[(protocol, visit["port"], int(pid), path)] += 1
    return found


def story_of(decisions):
    return collections.Counter((d["protocol"], d["local_port"], d["pid"], d["path"]) for d in decisions)


@pytest.mark.parametrize("kind", ("tcp", "udp", "udp-unconnected", "tcp,udp,udp-unconnected"),
                         ids=("tcp", "udp", "udp-unconnected", "mixed"))
@pytest.mark.parametrize("mode", ("enforcement", "learning"))
def test_short_lived_programs_are_named(kind, mode, rung, full, network, daemon, subscriber, programs, tcp, udp):
    count = 2000 if full else 200
    visitors = programs.visitors(16)
    # Without cached verdicts every connection is decided, and so told, by itself.
    d = daemon({"mode": mode, "cache_decisions": False}, rules={f"{path}:*": True for path in visitors})
    watcher = subscriber(d, "decisions")
    done = network.fw.run(programs.path("swarm"), count, PARALLEL, 42, kind, f"{Network.PEER4},{Network.PEER6}",
                          tcp.port, udp.port, *visitors, timeout=300)
    assert done.returncode == 0
    lines = [line.split() for line in done.stdout.splitlines()]
    assert len(lines) == count
    if mode == "learning" or rung == "gate" or kind == "tcp":
        assert [line for line in lines if line[2] != "0"] == []
        until(lambda: len(tcp.snapshot()) + len(udp.snapshot()) >= count, "every visitor at the peer")
    truth = truth_of("TCP", tcp.snapshot()) + truth_of("UDP", udp.snapshot())

    def about_visitors():
        return [d for d in watcher.decisions() if d["remote_port"] in (tcp.port, udp.port)]

    if rung == "gate":
        until(lambda: len(about_visitors()) >= count, lambda: f"{count} decisions, there are {len(about_visitors())}")
        told = story_of(about_visitors())
        assert told == truth, f"told and not true: {told - truth}\ntrue and not told: {truth - told}"
        assert {d["identity"] for d in about_visitors()} == {"task"}
        return

    # The queue rung is asked once for each tuple: a datagram from a port that another one used just before is not new to
    # conntrack. And /proc cannot name who has gone: such a visitor may stay unknown there, but never become somebody else.
    until(lambda: {(p, port) for p, port, _, _ in truth} <= {(d["protocol"], d["local_port"]) for d in about_visitors()},
          "a decision for each port that the servers saw")
    named = story_of(d for d in about_visitors() if d["path"])
    if mode == "learning" or kind == "tcp":
        assert named - truth == collections.Counter(), "named wrong"
    tcp_only = collections.Counter({k: v for k, v in truth.items() if k[0] == "TCP"})
    assert tcp_only - named == collections.Counter(), "a program that waits in connect() can always be named"


def test_arguments_and_parents_come_along(network, daemon, subscriber, cli, closing, tcp, tmp_path):
    """make ▸ sh ▸ curl: the chain is known although curl lives for a millisecond."""
    (tmp_path / "Makefile").write_text(f"all:\n\t@/bin/sh -c 'curl -s -o /dev/null http://{Network.PEER4}:8080/; true'\n")
    d = daemon()
    watcher = subscriber(d, "questions")
    make = closing(Running(network.fw, "make", "-C", str(tmp_path)))
    question = watcher.wait("question", lambda q: q["name"] == "curl")
    assert question["arguments"][0] == "curl" and question["arguments"][-1] == f"http://{Network.PEER4}:8080/"
    shell, parent = question["parents"][:2]
    assert (shell["name"], shell["program"]) == ("sh", os.path.basename(os.path.realpath("/bin/sh")))
    assert (parent["name"], parent["program"], parent["pid"]) == ("make", "make", make.pid)
    assert "make ▸ sh ▸ curl" in cli(d)("questions")
