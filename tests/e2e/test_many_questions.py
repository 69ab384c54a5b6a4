# SPDX-License-Identifier: GPL-3.0-or-later
"""Nobody waits for somebody else's answer.

     fw                                                      peer
     ┌──────────────────────────────────────────┐            ┌──────────────────┐
     │ curl ─▶ (held: its question stays open)  │   veth     │ TCP 8080         │
     │ swarm ─▶ 1,000 visitors with rules ──────┼────────────┤ UDP 7007         │
     └──────────────────────────────────────────┘            └──────────────────┘
"""

import os
import shutil

import pytest

from harness.net import Network
from harness.programs import Running
from harness.wait import until

CURL = os.path.realpath(shutil.which("curl") or "/usr/bin/curl")


def test_one_open_question_delays_nobody(rung, network, daemon, old_client, subscriber, programs, tcp, udp):
    count = 1000
    visitors = programs.visitors(4)
    d = daemon({"timeout_seconds": 300, "log_every_connection": True}, rules={f"{path}:*": True for path in visitors})
    person, watcher = old_client(d), subscriber(d)
    curl = network.fw.popen(CURL, "--silent", "--max-time", "250", f"http://{Network.PEER4}:8080/", stdout=-1, stderr=-1)
    try:
        request = person.popup(CURL)
        # Datagrams of programs that have gone cannot be named on the queue rung; that is not what is asked here.
        done = network.fw.run(programs.path("swarm"), count, 8, 7, "tcp,udp" if rung == "gate" else "tcp",
                              f"{Network.PEER4},{Network.PEER6}", tcp.port, udp.port, *visitors, timeout=240)
        assert done.returncode == 0
        assert [line for line in done.stdout.splitlines() if line.split()[2] != "0"] == []
        until(lambda: len([x for x in watcher.decisions() if x["reason"] == "rule"]) >= count, "1,000 decisions by rule")
        assert curl.poll() is None, "curl must still be waiting"
        assert not [m for m in person.of_type("cancel_popup") if m["request_id"] == request["request_id"]]
        person.answer(request, True, duration="once")
        assert curl.wait(60) == 0
    finally:
        curl.kill()
        curl.communicate()


def test_many_open_questions_are_answered_in_any_order(network, daemon, old_client, programs, tcp):
    visitors = programs.visitors(16)
    d = daemon({"timeout_seconds": 120})
    person = old_client(d)
    running = {path: network.fw.popen(path, "tcp", Network.PEER4, tcp.port) for path in visitors}
    try:
        requests = {path: person.popup(path) for path in visitors}
        assert len({r["request_id"] for r in requests.values()}) == len(visitors)
        for number, path in enumerate(reversed(visitors)):
            allow = number % 2 == 0
            person.answer(requests[path], allow, duration="once")
            assert (running[path].wait(60) == 0) == allow, path
    finally:
        for process in running.values():
            process.kill()
            process.wait()


def test_the_cap_of_held_packets_is_kept(network, daemon, old_client, programs, tcp, subscriber):
    """8 packets wait for one question; what comes beyond that is decided by default_action, with the reason `cap`."""
    path = programs.visitor("crowd")
    d = daemon({"timeout_seconds": 120})
    person, watcher = old_client(d), subscriber(d)
    running = [network.fw.popen(path, "tcp", Network.PEER4, tcp.port) for _ in range(12)]
    try:
        request = person.popup(path)
        until(lambda: len([x for x in watcher.decisions() if x["reason"] == "cap"]) >= 4, "four decisions by the cap")
        person.answer(request, True, duration="once")
        ended = [process.wait(60) for process in running]
        assert ended.count(0) >= 8
        assert len(person.popups(path)) == 1
    finally:
        for process in running:
            process.kill()
            process.wait()


@pytest.fixture
def folded(network, daemon, subscriber, programs, tcp, closing):
    """A program's question for the whole program, which holds a connection to the peer by IPv4 and one by IPv6: daemon, person, path, its
    reference, and both as Running. The program's first three questions are about ports where nobody is."""
    path, d = programs.visitor("folded"), daemon({"timeout_seconds": 120})
    person = subscriber(d, "questions", "decisions")

    def visit(address, port):
        return closing(Running(network.fw, path, "tcp", address, str(port)))

    for port in (9001, 9002, 9003):
        visit(Network.PEER4, port)
        person.wait("question", lambda q, port=port: q["remote_port"] == port)
    first = visit(Network.PEER4, tcp.port)
    ref = person.wait("question", lambda q: q["whole_program"])["question"]
    other = visit(Network.PEER6, tcp.port)
    person.wait("question", lambda q: (q["question"], q["connections"]) == (ref, 2))
    return d, person, path, ref, first, other


def refuse_the_other(person, path, other):
    """It waits for an answer of its own, and gets one."""
    asked = person.wait("question", lambda q: q["remote_ip"] == Network.PEER6)
    assert other.process.poll() is None
    person.request("answer", question=asked["question"], allow=False)
    assert other.finish()[0] != 0
    assert person.decision(path=path, remote_ip=Network.PEER6)["verdict"] == "deny"


def test_a_rule_decides_of_a_folded_question_what_it_speaks_of(folded, tcp, cli):
    d, person, path, ref, first, other = folded
    cli(d)("rules", "add", f"allow {path} to {Network.PEER4} port {tcp.port}")
    assert first.finish()[0] == 0
    person.wait("question_closed", lambda m: (m["question"], m["state"]) == (ref, "superseded"))
    refuse_the_other(person, path, other)


def test_an_answer_decides_of_a_folded_question_what_its_rule_speaks_of(folded):
    _, person, path, ref, first, other = folded
    assert person.request("answer", question=ref, allow=True, lifetime="session", scope="address")["rule"]["sentence"].startswith(f"allow {path} to {Network.PEER4}")
    assert first.finish()[0] == 0
    refuse_the_other(person, path, other)


def test_an_answer_for_the_program_decides_all_of_a_folded_question(folded):
    _, person, _, ref, first, other = folded
    person.request("answer", question=ref, allow=True, lifetime="session", scope="all-ports")
    assert (first.finish()[0], other.finish()[0]) == (0, 0)
