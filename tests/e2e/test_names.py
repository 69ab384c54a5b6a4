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
import sqlite3
import struct

import pytest

from harness.net import Network
from harness.programs import Running
from harness.servers import DnsServer
from harness.sockets import PYTHON
from harness.wait import until

HOST, ALIAS, OTHER, SUFFIX = "www.example.com", "alias.example.org", "other.example.net", "co.uk"


@pytest.fixture
def dns(network, closing, tmp_path):
    return closing(DnsServer(network.peer, tmp_path, more=[
        f"--address=/{HOST}/{Network.PEER4}", f"--address=/{HOST}/{Network.PEER6}", f"--address=/{OTHER}/{Network.PEER4}", f"--address=/{SUFFIX}/{Network.PEER4}",
        f"--cname={ALIAS},{HOST}", f"--host-record={HOST},{Network.PEER4},{Network.PEER6}"]))


def question(name, kind=1, number=4711):
    labels = b"".join(bytes([len(label)]) + label.encode() for label in name.split("."))
    return struct.pack("!HHHHHH", number, 0x100, 1, 0, 0, 0) + labels + struct.pack("!BHH", 0, kind, 1)


@pytest.fixture
def resolve(network):
    """resolve(name): this python asks the server, and reads the answer."""
    def run(name, kind=1):
        with contextlib.closing(network.fw.socket(socket.AF_INET, socket.SOCK_DGRAM)) as s:
            s.settimeout(20)
            s.sendto(question(name, kind), (Network.PEER4, 53))
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
    forged = true[:12] + question(HOST)[12:-4] + true[12 + len(OTHER) + 2:]
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
              f"s.sendto(bytes.fromhex('{question(HOST).hex()}'),('{Network.PEER4}',53))\ns.recv(4096)\n"
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


@pytest.fixture
def asks(network, programs, closing, tcp):
    """asks(name, hosts): a program of this name asks for these hosts, connects to the address that it was told, and stays until it is told to go on."""
    def run(name, hosts):
        path = programs.path(name)
        if not os.path.exists(path):
            shutil.copy(PYTHON, path)
        script = "import socket,sys\ns=socket.socket(socket.AF_INET,socket.SOCK_DGRAM)\n"
        script += "".join(f"s.sendto(bytes.fromhex('{question(host).hex()}'),('{Network.PEER4}',53))\ns.recv(4096)\n" for host in hosts)
        script += f"c=socket.create_connection(('{Network.PEER4}',{tcp.port}),60)\nprint('there',flush=True)\nsys.stdin.readline()\n"
        return path, closing(Running(network.fw, path, "-c", script, stdin=-1))
    return run


@pytest.fixture
def asking(rung, daemon, cli, dns):
    if rung == "queue":
        pytest.skip("no answers are heard there")
    d = daemon()
    cli(d)("rules", "add", f"allow anyone to {Network.PEER4} port 53")
    return d


def test_every_name_is_shown_with_its_source(asking, asks, cli, subscriber):
    """Two names on one address: in the question, in what is decided, among what is connected, in an explanation, in history."""
    watcher = subscriber(asking, "questions", "decisions")
    named = {"host": OTHER, "hosts": [OTHER, HOST], "host_source": "dns"}
    also = f"{OTHER}:8080 TCP (also {HOST})"

    def names_of(thing):
        return {key: thing[key] for key in named}

    path, program = asks("two-names", (HOST, OTHER))
    asked = watcher.wait("question", lambda q: q["path"] == path)
    assert names_of(asked) == named and asked["domain"] == "example.net"
    assert also in cli(asking)("questions")
    asker = cli(asking).popen("ask", stdin=-1, stdout=-1, text=True)
    assert f"{OTHER}:8080 TCP" in (line := asker.stdout.readline()) and f"(also {HOST})" in line
    asker.stdin.close()
    asker.wait()
    cli(asking)("answer", asked["question"], "allow", "always", "domain")
    assert program.process.stdout.readline() == "there\n"
    rule = next(r for r in cli(asking).json("rules")["rules"] if r.get("program") == path)
    assert rule["sentence"] == f"allow {path} to .example.net"
    decided = watcher.decision(path=path, remote_port=8080)
    assert names_of(decided) == named
    connection = next(c for c in cli(asking).json("connections")["connections"] if c["path"] == path and c["remote_port"] == 8080)
    assert names_of(connection) == named
    assert also in cli(asking)("connections")
    assert names_of(watcher.request("why", decision=decided["seq"])["why"]) == named
    assert f"{OTHER} (also {HOST}) at {Network.PEER4}, port 8080, TCP" in cli(asking)("why", "--last", path)
    history = asking.path("state", "history", "history.db")
    until(lambda: sqlite3.connect(history).execute("SELECT host, host_source FROM decisions WHERE path = ? AND remote_port = 8080", (path,))
          .fetchall() == [(OTHER, "dns")], "history")
    assert program.finish_with("\n")[0] == 0


@pytest.mark.parametrize("scope, words, covers", (
    ("address", f"to {Network.PEER4} port 8080", (HOST, OTHER)),
    ("host", f"to {HOST}", (HOST,)),
    ("domain", "to .example.com", (HOST, f"mail.{HOST}")),
))
def test_an_answer_covers_what_its_scope_says(scope, words, covers, asking, asks, cli, subscriber):
    """What it covers passes the next time, and what it does not is asked about: other names of the same address."""
    watcher = subscriber(asking, "questions")
    path, program = asks(f"scope-{scope}", (HOST,))
    asked = watcher.wait("question", lambda q: q["path"] == path)
    assert asked["host"] == HOST
    shown = watcher.request("answer", question=asked["question"], allow=True, lifetime="always", scope=scope, preview=True)["rule"]
    assert shown["sentence"] == f"allow {path} {words}"
    assert watcher.request("answer", question=asked["question"], allow=True, lifetime="always", scope=scope)["rule"]["sentence"] == shown["sentence"]
    assert program.process.stdout.readline() == "there\n"
    for host in covers:
        _, program = asks(f"scope-{scope}", (host,))
        assert program.process.stdout.readline() == "there\n"
    assert not [q for q in watcher.of_type("question") if q["path"] == path and q["question"] != asked["question"]]


def test_no_domain_is_offered_of_what_everybody_owns(asking, asks, subscriber):
    watcher = subscriber(asking, "questions")
    path, _ = asks("no-domain", (SUFFIX,))
    asked = watcher.wait("question", lambda q: q["path"] == path)
    assert (asked["host"], asked["domain"]) == (SUFFIX, None)
    refused = watcher.request("answer", question=asked["question"], allow=True, lifetime="always", scope="domain")
    assert (refused["code"], refused["message"]) == ("bad-field", "scope: this destination is in no domain that is known")


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
