# SPDX-License-Identifier: GPL-3.0-or-later
"""DNS answers are read where they arrive, and only those that were asked for.

     fw                                              peer
     ┌──────────────────────────────────┐            ┌──────────────────────────────────┐
     │ bastion-daemon                   │   veth     │ port 53: dnsmasq, or the test,   │
     │ who asks (dig, glibc, the test)  ├────────────┤ which answers what it likes      │
     │ a stub at 127.0.0.53             │            │                                  │
     └──────────────────────────────────┘            └──────────────────────────────────┘

What the kernel programs copied is read in their ring, whoever has read it before. It is there before the answer can be received: nothing is waited for."""

import ipaddress
import os
import re
import signal
import socket
import struct
import sys

import pytest

from harness import dns, maps, sockets
from harness.dns import A, AAAA, question
from harness.net import Network
from harness.servers import DnsServer
from harness.steady import Steady
from harness.wait import until

pytestmark = pytest.mark.gate_only  # the other rung has no programs in the kernel

LONGEST = 4096
STUB = "127.0.0.53"
NAMES_MEMORY = 16 << 20  # the most that all known names take


NAME = "name.test"


def answer(number, name=NAME, kind=A, **kw):
    """It leads to the peer, where a connection would be let through if the name were known."""
    return dns.answer(number, name, kind, dns.record(Network.PEER4), **kw)


def mapped(address):
    parsed = ipaddress.ip_address(address)
    return parsed.packed if parsed.version == 6 else b"\0" * 10 + b"\xff\xff" + parsed.packed


def cookie_of(s):
    return struct.unpack("Q", s.getsockopt(socket.SOL_SOCKET, 57, 8))[0]  # SO_COOKIE


def counted(cli, d):
    """(questions, answers, lost)"""
    return tuple(map(int, re.search(r"dns\n  (\d+) questions, (\d+) answers read, (\d+) lost", cli(d)("status", "--kernel")).groups()))


class Talk:
    """Both ends in the test's hands."""

    def __init__(self, network, closing, version=4, client="unconnected"):
        self.network, self.closing = network, closing
        self.server = self.bound(network.peer, network.peer_address(version), 53)
        family = socket.AF_INET6 if version == 6 or client == "mapped" else socket.AF_INET
        self.client = closing(network.fw.socket(family, socket.SOCK_DGRAM))
        self.client.settimeout(10)
        self.to = (("::ffff:" if client == "mapped" else "") + network.peer_address(version), 53)
        self.connected = client == "connected"
        if self.connected:
            self.client.connect(self.to)
        self.address = None

    def bound(self, namespace, address, port):
        s = self.closing(namespace.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM))
        s.bind((address, port))
        s.settimeout(10)
        return s

    def ask(self, data):
        if self.connected:
            self.client.send(data)
        else:
            self.client.sendto(data, self.to)
        got, self.address = self.server.recvfrom(65536)
        assert got == data

    def reply(self, data, to=None, source=None):
        (source or self.server).sendto(data, to or self.address)

    def read(self):
        return self.client.recv(65536)


@pytest.fixture
def passing(daemon):
    """A daemon that lets everything through."""
    return daemon({"mode": "learning"})


@pytest.fixture
def held(daemon, subscriber):
    """A daemon that lets this process ask, and go where the name leads; nobody is there to be asked, so nothing else."""
    d = daemon({"popup_enabled": False, "default_action": "deny"})
    client = subscriber(d)
    for where in ("10.91.0.0/24 port 53", "fd91::/16 port 53", NAME):
        assert client.request("rule_add", sentence=f"allow {sockets.PYTHON} to {where}")["type"] == "reply"
    return d


@pytest.fixture
def known(network, held, tcp, subscriber):
    """known(): is the name known to this process? It is what its next connection is decided by, and what that is called; and no rule changes."""
    watcher = subscriber(held)

    def rules():
        return [r["sentence"] for r in watcher.request("rules")["rules"] if "/steady to " not in r["sentence"]]

    before_all = rules()

    def connect():
        before = len(watcher.decisions())
        allowed = sockets.tcp(network.fw, Network.PEER4, tcp.port) == 0

        def told():
            return [x for x in watcher.decisions()[before:] if x["remote_port"] == tcp.port]

        (decision,) = until(told, "the decision")
        assert (decision["verdict"], decision["host"]) == (("allow", NAME) if allowed else ("deny", None))
        assert rules() == before_all
        return allowed

    return connect


@pytest.mark.parametrize("client, version", (("unconnected", 4), ("unconnected", 6), ("connected", 4), ("connected", 6), ("mapped", 4)))
def test_an_answer_is_copied_byte_for_byte_and_once(client, version, network, passing, closing):
    talk = Talk(network, closing, version, client)
    for number, kind in ((7, A), (0, AAAA), (65535, 65)):
        talk.ask(question(number, kind=kind) + bytes(range(11)))  # what follows the question section does not count
        talk.reply(answer(number, kind=kind, size=100 + number % 100))
        heard = talk.read()
        told = maps.answers(passing)[-1]
        assert (told.data, told.cut) == (heard, False)
        assert (told.pid, told.uid, told.gid) == (os.getpid(), 0, 0)
        assert (told.server, told.cookie) == (mapped(network.peer_address(version)), cookie_of(talk.client))
        assert told.program != 0
        talk.reply(answer(number, kind=kind))  # a second one
        talk.read()
    assert len(maps.answers(passing)) == 3
    assert maps.questions(passing) == 0


def test_real_programs_ask_a_real_server(network, passing, dns, tmp_path):
    for server, kind, address in ((Network.PEER4, "A", dns.V4), (Network.PEER6, "AAAA", dns.V6)):
        found = network.fw.run("dig", "+short", f"@{server}", kind, dns.NAME, check=True)
        assert found.stdout.split() == [address]
        told = maps.answers(passing)[-1]
        assert told.server == mapped(server) and ipaddress.ip_address(address).packed in told.data
    assert len(maps.answers(passing)) == 2
    (tmp_path / "resolv.conf").write_text(f"nameserver {Network.PEER4}\n")
    (tmp_path / "nsswitch.conf").write_text("hosts: dns\n")
    script = "for f in resolv.conf nsswitch.conf; do mount --bind $0/$f /etc/$f || exit; done; exec getent ahosts $1"
    found = network.fw.run("unshare", "--mount", "sh", "-c", script, tmp_path, dns.NAME, check=True)
    assert {line.split()[0] for line in found.stdout.splitlines()} == {dns.V4, dns.V6}
    glibc = maps.answers(passing)[2:]
    assert len(glibc) == 2 and len({a.pid for a in glibc}) == len({a.program for a in glibc}) == 1
    assert {dns.V4, dns.V6} == {v for v in (dns.V4, dns.V6) for a in glibc if ipaddress.ip_address(v).packed in a.data}


def test_a_local_stub_counts_for_who_asked_it(network, passing, dns, closing, tmp_path):
    stub = closing(DnsServer(network.fw, tmp_path, f"--listen-address={STUB}", forward_to=Network.PEER4))
    found = network.fw.run("dig", "+short", f"@{STUB}", "A", dns.NAME, check=True)
    assert found.stdout.split() == [dns.V4]
    upstream, local = maps.answers(passing)
    assert (upstream.pid, upstream.server) == (stub.pid, mapped(Network.PEER4))
    assert local.server == mapped(STUB) and local.pid not in (0, stub.pid)


@pytest.mark.parametrize("size", (LONGEST - 1, LONGEST, LONGEST + 1, 9000))
def test_what_is_too_long_is_cut_and_marked(size, network, passing, closing):
    talk = Talk(network, closing)
    talk.ask(question(5))
    talk.reply(answer(5, size=size))
    heard = talk.read()
    (told,) = maps.answers(passing)
    assert len(heard) == size
    assert (told.data, told.cut) == (heard[:LONGEST], size > LONGEST)


FORGED = {
    "wrong-id": lambda t: t.reply(answer(8)),
    "wrong-name": lambda t: t.reply(answer(7, name="evil.test")),
    "longer-name": lambda t: t.reply(answer(7, name="name.test.test")),
    "other-case": lambda t: t.reply(answer(7, name="NAME.test")),
    "wrong-type": lambda t: t.reply(answer(7, kind=AAAA)),
    "no-question": lambda t: t.reply(answer(7, count=0)),
    "two-questions": lambda t: t.reply(answer(7, count=2)),
    "no-response": lambda t: t.reply(question(7)),
    "not-a-query": lambda t: t.reply(answer(7, flags=0xA180)),
    "header-only": lambda t: t.reply(answer(7)[:12]),
    "short-header": lambda t: t.reply(answer(7)[:11]),
    "empty": lambda t: t.reply(b""),
    "cut-question": lambda t: t.reply(dns.answer(7)[:-1]),
    "endless-name": lambda t: t.reply(answer(7)[:12] + b"\x01a" * 300),
    "compressed-name": lambda t: t.reply(answer(7)[:12] + b"\xc0\x0c\x00\x01\x00\x01"),
    "another-port": lambda t: t.reply(answer(7), source=t.bound(t.network.peer, Network.PEER4, 5353)),
    "another-server": lambda t: t.reply(answer(7), source=t.bound(t.network.peer, "10.91.0.53", 53)),
}


@pytest.mark.parametrize("kind", FORGED)
def test_what_was_not_asked_for_is_not_copied(kind, network, held, closing, known):
    network.peer.ip("addr", "replace", "10.91.0.53/32", "dev", "uplink")
    talk = Talk(network, closing)
    talk.ask(question(7))
    FORGED[kind](talk)
    talk.read()
    assert maps.answers(held) == []
    assert not known()
    talk.reply(answer(7))
    talk.read()
    assert [a.data for a in maps.answers(held)] == [answer(7)]
    assert known()


def test_another_socket_has_not_asked(network, held, closing, known):
    talk, other = Talk(network, closing), closing(network.fw.socket(socket.AF_INET, socket.SOCK_DGRAM))
    other.bind((Network.FW4, 0))
    other.settimeout(10)
    talk.reply(answer(7), to=other.getsockname())  # nobody asked anything
    other.recv(65536)
    talk.ask(question(7))
    talk.reply(answer(7), to=other.getsockname())
    other.recv(65536)
    assert maps.answers(held) == []
    assert not known()
    other.sendto(question(7), talk.to)  # and now it has
    talk.server.recv(65536)
    talk.reply(answer(7), to=other.getsockname())
    other.recv(65536)
    assert [a.cookie for a in maps.answers(held)] == [cookie_of(other)]


def test_another_namespace_asks_for_itself(network, held, closing, known):
    talk = Talk(network, closing)
    there = closing(network.peer.socket(socket.AF_INET, socket.SOCK_DGRAM))
    there.settimeout(10)
    there.sendto(question(7), (Network.PEER4, 53))
    _, address = talk.server.recvfrom(65536)
    talk.reply(answer(7), to=address)
    there.recv(65536)
    assert maps.answers(held) == [] and maps.questions(held) == 0
    assert not known()


def test_a_local_user_cannot_answer_for_the_stub(network, held, closing, known):
    """He sees ports and guesses the number, but he cannot send from the stub's address and port."""
    talk = Talk(network, closing)
    stub = talk.bound(network.fw, STUB, 53)
    talk.client.sendto(question(7), (STUB, 53))
    _, (address, port) = stub.recvfrom(65536)
    forge = """
import os, socket, sys
os.setuid(65534)
port, data = int(sys.argv[1]), bytes.fromhex(sys.argv[2])
for source in (("127.0.0.53", 53), ("127.0.0.1", 53), ("127.0.0.53", 0), ("127.0.0.1", 0)):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    try:
        s.bind(source)
    except OSError as e:
        print(source, e)
        continue
    s.sendto(data, ("127.0.0.1", port))
"""
    assert address == "127.0.0.1"
    done = network.fw.run(sys.executable, "-c", forge, port, answer(7).hex(), check=True)
    assert len(done.stdout.splitlines()) == 2, done.stdout
    assert [talk.read() for _ in range(2)] == [answer(7)] * 2
    assert maps.answers(held) == []
    assert not known()
    stub.sendto(answer(7), (address, port))
    talk.read()
    (told,) = maps.answers(held)
    assert told.server == mapped(STUB)
    assert known()


def test_a_question_is_forgotten_after_half_a_minute(network, passing, closing):
    talk = Talk(network, closing)
    for age, copied in ((29, 1), (31, 1), (0, 2)):
        talk.ask(question(7))
        maps.age_questions(passing, age)
        talk.reply(answer(7))
        talk.read()
        assert len(maps.answers(passing)) == copied


def test_a_question_outlives_the_daemon(network, passing, closing):
    """While none lives, too: and the next one has the programs twice for a moment, but the answer once."""
    talk = Talk(network, closing)
    for number in (1, 2, 3):
        talk.ask(question(number))
    passing.kill()
    talk.reply(answer(1))
    talk.read()
    assert [a.data for a in maps.answers(passing)] == [answer(1)]
    passing.start()
    for _ in range(2):
        talk.reply(answer(2))
        talk.read()
    assert [a.data for a in maps.answers(passing)] == [answer(1), answer(2)]
    passing.stop()
    talk.reply(answer(3))
    talk.read()
    assert not os.path.exists(os.path.join(passing.pin_path, "map_answers"))


def test_one_question_asked_twice_has_one_answer(network, passing, closing):
    talk = Talk(network, closing)
    talk.ask(question(7))
    talk.ask(question(7))
    for _ in range(2):
        talk.reply(answer(7))
        talk.read()
    assert len(maps.answers(passing)) == 1


def test_forged_answers_take_nothing_from_anybody(full, network, held, closing, cli, known, tcp, tmp_path):
    """Neither from who is answered so, nor from another program, which asks and connects all the while."""
    talk = Talk(network, closing)
    talk.client.settimeout(0)
    count, read = 1000000 if full else 100000, 0
    talk.ask(question(0))
    steady = closing(Steady(network, tmp_path, lambda rule: cli(held)("rules", "add", rule), tcp.port))
    memory = held.memory()
    for i in range(count):
        talk.reply(answer(1 + i % 65535, size=400))
        try:
            read += len(talk.read()) > 0
        except BlockingIOError:
            pass
    done, refused, _ = steady.finish()
    assert refused == 0 and done > 10
    assert held.memory() - memory < NAMES_MEMORY
    assert read > count // 2 and counted(cli, held) == (1 + done, done, 0)
    assert not known()
    assert maps.questions(held) == 1, "it still waits"
    talk.client.settimeout(10)
    talk.ask(question(0))  # again, for by now it may be older than half a minute
    talk.reply(answer(0))
    until(lambda: talk.read() == answer(0), "the true answer")
    assert known()
    assert counted(cli, held) == (2 + done, 1 + done, 0)


def test_answers_that_nobody_reads_cost_no_process_its_record(network, passing, closing, cli, subscriber, programs, udp):
    """More than the ring holds, while the daemon stands still: those after are lost and counted, programs are named as ever."""
    talk = Talk(network, closing)
    talk.ask(question(0))
    talk.reply(answer(0))
    talk.read()
    until(lambda: counted(cli, passing)[1] == 1, "the first answer")
    watcher = subscriber(passing, "decisions")
    passing.process.send_signal(signal.SIGSTOP)
    for i in range(300):
        talk.ask(question(i))
        talk.reply(answer(i, size=LONGEST))
        talk.read()
    visitor = network.fw.popen(programs.path("visit"), "udp", Network.PEER4, udp.port)
    passing.process.send_signal(signal.SIGCONT)
    visitor.wait()
    asked, copied, lost = counted(cli, passing)
    assert asked == 301 and copied + lost == 301 and lost > 0 and copied > 50
    until(lambda: [d for d in watcher.decisions() if d["path"] == str(programs.path("visit"))], "the visitor's decision")
    talk.ask(question(0))
    talk.reply(answer(0))
    talk.read()
    assert counted(cli, passing)[1:] == (copied + 1, lost)
