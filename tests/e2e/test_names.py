# SPDX-License-Identifier: GPL-3.0-or-later
"""Names: who asked a real name server for a name, and connects to what it was told, is known to go there. Gate rung: the queue rung hears no answers.

     fw                                                    peer
     ┌──────────────────────────────────────┐             ┌──────────────────────────────┐
     │ a program ── question, UDP 53 ───────┼─────────────┤ dnsmasq                      │
     │           ◀─ answer: copied, parsed ─┤    veth     │                              │
     │           ── connect() ──────────────┼─────────────┤ TCP 8080                     │
     └──────────────────────────────────────┘             └──────────────────────────────┘
"""

import contextlib
import os
import shutil
import signal
import socket

import pytest

from harness.dns import question
from harness.net import Network
from harness.programs import Running
from harness.servers import DnsServer
from harness.sockets import PYTHON
from harness.wait import until

HOST, ALIAS, OTHER = "www.example.com", "alias.example.org", "other.example.net"


@pytest.fixture
def dns(network, closing, tmp_path):
    return closing(DnsServer(network.peer, tmp_path, more=[
        f"--address=/{HOST}/{Network.PEER4}", f"--address=/{HOST}/{Network.PEER6}", f"--address=/{OTHER}/{Network.PEER4}",
        f"--cname={ALIAS},{HOST}", f"--host-record={HOST},{Network.PEER4},{Network.PEER6}"]))


@pytest.fixture
def resolve(network):
    """resolve(name): this python asks the server, and reads the answer."""
    def run(name, kind=1):
        with contextlib.closing(network.fw.socket(socket.AF_INET, socket.SOCK_DGRAM)) as s:
            s.settimeout(20)
            s.sendto(question(4711, name, kind), (Network.PEER4, 53))
            return s.recv(4096)
    return run


@pytest.fixture
def connects(network, tcp):
    def run(address=Network.PEER4):
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        with contextlib.closing(network.fw.socket(family, socket.SOCK_STREAM)) as s:
            s.settimeout(20)
            try:
                s.connect((address, tcp.port))
                return True
            except OSError:
                return False
    return run


@pytest.fixture
def house(rung, daemon, cli, dns):
    if rung == "queue":
        pytest.skip("no answers are heard there")
    d = daemon(config={"popup_enabled": False, "default_action": "deny"})
    cli(d)("rules", "add", f"allow anyone to {Network.PEER4} port 53")
    return d


def test_the_first_packet_to_a_fresh_address_is_decided_by_its_name(house, cli, resolve, connects):
    cli(house)("rules", "add", f"allow {PYTHON} to .example.com port 8080")
    assert not connects(), "nobody asked yet"
    for kind, address in ((1, Network.PEER4), (28, Network.PEER6)):
        resolve(HOST, kind)
        assert connects(address)
    cli(house)("rules", "add", f"deny {PYTHON} to {HOST} port 8080")
    assert not connects()


def test_an_alias_leads_there_too(house, cli, resolve, connects):
    cli(house)("rules", "add", f"allow {PYTHON} to {ALIAS}")
    resolve(HOST)
    assert not connects()
    resolve(ALIAS)
    assert connects(), "and the address has both names"


def test_what_one_program_was_told_is_nothing_to_another(house, cli, resolve, connects, network, programs, closing, tcp):
    path = programs.visitor("did-not-ask")
    cli(house)("rules", "add", "allow anyone to .example.com")
    resolve(HOST)
    assert connects()
    assert closing(Running(network.fw, path, "tcp", Network.PEER4, str(tcp.port))).finish()[0] != 0


def test_two_names_of_one_address(house, cli, resolve, connects, subscriber):
    watcher = subscriber(house)
    cli(house)("rules", "add", f"allow {PYTHON} to {HOST}")
    cli(house)("rules", "add", f"deny {PYTHON} to {OTHER} priority 1")
    resolve(HOST)
    assert connects()
    resolve(OTHER)
    assert not connects()

    def told():
        return [x["host"] for x in watcher.decisions() if x["path"] == PYTHON and x["remote_port"] == 8080]

    until(lambda: len(told()) == 2, told)
    assert told() == [HOST, OTHER]


def test_an_answer_that_nobody_asked_for_names_nothing(house, cli, network, connects, resolve):
    """From the server itself, with the right name, and to a socket that asked for something else."""
    cli(house)("rules", "add", f"allow {PYTHON} to {HOST}")
    true = resolve(OTHER)
    forged = true[:12] + question(4711, HOST)[12:-4] + true[12 + len(OTHER) + 2:]
    with contextlib.closing(network.fw.socket(socket.AF_INET, socket.SOCK_DGRAM)) as s, \
            contextlib.closing(network.peer.socket(socket.AF_INET, socket.SOCK_DGRAM)) as server:
        server.bind((Network.PEER4, 5353))
        s.bind((Network.FW4, 0))
        s.settimeout(20)
        server.sendto(forged, s.getsockname())
        assert s.recv(4096) == forged
    assert not connects()


def test_the_question_says_where_it_goes(rung, daemon, cli, dns, network, resolve, tcp, old_client, subscriber, programs, closing):
    if rung == "queue":
        pytest.skip("no answers are heard there")
    # A program that resolves by itself and has a name: busybox-like, python under another path.
    path = programs.path("asks-by-name")
    shutil.copy(PYTHON, path)
    d = daemon(config={"timeout_seconds": 60})
    cli(d)("rules", "add", f"allow anyone to {Network.PEER4} port 53")
    person, watcher = old_client(d), subscriber(d, "questions")
    script = ("import socket,sys\ns=socket.socket(socket.AF_INET,socket.SOCK_DGRAM)\n"
              f"s.sendto(bytes.fromhex('{question(4711, HOST).hex()}'),('{Network.PEER4}',53))\ns.recv(4096)\n"
              f"socket.create_connection(('{Network.PEER4}',{tcp.port}),30)\n")
    running = closing(Running(network.fw, path, "-c", script, stdin=-1))
    asked = watcher.wait("question", lambda q: q["path"] == path)
    assert asked["host"] == HOST
    popup = person.wait("connection_request", lambda q: q["app_path"] == path)
    assert popup["app_name"] == f"asks-by-name ({HOST})"
    cli(d)("answer", asked["question"], "allow", "always", "destination")
    assert running.finish()[0] == 0
    rule = next(r for r in cli(d).json("rules")["rules"] if r.get("program") == path)
    assert rule["sentence"] == f"allow {path} to {HOST} port {tcp.port}"


def test_a_parser_that_dies_takes_no_verdict_with_it(house, cli, resolve, connects):
    """What it did not parse is not known; nothing is let through for it, and nothing waits longer than its bound."""
    cli(house)("rules", "add", f"allow {PYTHON} to {HOST}")
    resolve(HOST)
    assert connects()
    parsers = children_named("bastion-parser", house.pid)
    assert parsers
    for pid in parsers:
        os.kill(pid, signal.SIGKILL)
    cli(house)("rules", "add", f"allow {PYTHON} to {OTHER} priority 2")
    assert connects(), "it knew that one before"
    until(lambda: children_named("bastion-parser", house.pid), "another parser")
    until(lambda: resolve(ALIAS) and connects(), "names to be known again")


def children_named(name, ancestor):
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as f:
                head, _, rest = f.read().rpartition(") ")
        except OSError:
            continue
        if head.partition("(")[2] == name[:15] and rest.split()[0] != "Z" and descends(int(pid), ancestor):
            found.append(int(pid))
    return found


def descends(pid, ancestor):
    while pid > 1:
        if pid == ancestor:
            return True
        try:
            with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as f:
                pid = int(f.read().rpartition(") ")[2].split()[1])
        except OSError:
            return False
    return False
