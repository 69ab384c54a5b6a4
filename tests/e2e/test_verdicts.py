# SPDX-License-Identifier: GPL-3.0-or-later
"""Verdicts that the kernel knows are the verdicts that the daemon would give, for every way of connecting and after every change.

     fw                                            peer
     ┌─────────────────────────────────┐           ┌──────────────────────────────┐
     │ bastion-daemon                  │   veth    │ TCP 8080, 8081               │
     │ errands: programs that connect  ├───────────┤ a sniffer on the cable       │
     │   again and again, as told      │           │                              │
     └─────────────────────────────────┘           └──────────────────────────────┘

deny_errno is EPERM nearly everywhere in here. A denial that the kernel knew says just that; one that was asked for says what comes nearest in an
answer from the network, and a peer that refuses says ECONNREFUSED: so the errno tells who decided."""

import contextlib
import ctypes
import errno
import itertools
import os
import random
import re
import resource
import select
import shutil
import socket
import struct
import subprocess

import pytest

from harness.clients import Subscriber
from harness.daemon import Daemon
from harness.net import Network, Sniffer
from harness.programs import Running
from harness.servers import TcpServer, UdpServer
from harness.wait import PATIENCE, until
from test_life import bpf

pytestmark = pytest.mark.gate_only

TCP, UDP, UDPLITE = 6, 17, 136
A, B = 8080, 8081
KNOWN = errno.EPERM  # what a denial that the kernel knew says
ASKED = {errno.EHOSTUNREACH, errno.EACCES}  # and one that the daemon was asked for
PORTS = itertools.count(21000, 100)  # where nobody listens
NAMES = itertools.count()


class Errands:
    """A running program that does what it is told, and says what came of it: {errno: how often}."""

    def __init__(self, namespace, path, *wrap, name=None, **kw):
        self.path = path
        self.running = Running(namespace, *wrap, name or path, **{"stdin": subprocess.PIPE, **kw})
        self.pid = self.running.pid
        self._hear("ready")

    def _hear(self, expected=None):
        out = self.running.process.stdout
        assert select.select([out], [], [], 3 * PATIENCE)[0], f"{self.path} says nothing"
        line = out.readline().strip()
        assert expected is None or line == expected, line
        return line

    def say(self, *words):
        self.running.process.stdin.write(" ".join(str(w) for w in words) + "\n")
        self.running.process.stdin.flush()

    def text(self, *words):
        self.say(*words)
        return self._hear()

    def counts(self):
        """What came of what was said."""
        return _counts(self._hear())

    def heard(self):
        (result,) = self.counts()
        return result

    def do(self, *words):
        return _counts(self.text(*words))

    def list(self, *words):
        """Of errands that answer with one errno after the other."""
        return [int(word) for word in self.text(*words).split()]

    def each(self, *words):
        """Of errands that answer with counts for each port."""
        return [_counts(part) for part in self.text(*words).split(",")]

    def tcp(self, address, port=A, count=1, *more):
        return self.do("stream", 0, address, port, count, *more)

    def one(self, address=Network.PEER4, port=A):
        """The errno of one TCP connection."""
        (result,) = self.tcp(address, port)
        return result

    def run(self, path):
        """Becomes that program, in the same process."""
        self.path = path
        assert self.text("run", path) == "ready"

    def close(self):
        self.running.close()


def _counts(text):
    return {int(e): int(n) for e, n in (part.split(":") for part in text.split())}


def open_config(daemon):
    """The kernel programs' config map: (fd, its value)"""
    name = ctypes.create_string_buffer(os.path.join(daemon.pin_path, "map_config").encode())
    zero, config = ctypes.create_string_buffer(4), ctypes.create_string_buffer(256)
    fd = bpf(7, struct.pack("QI", ctypes.addressof(name), 0))  # BPF_OBJ_GET
    bpf(1, struct.pack("IxxxxQQQ", fd, ctypes.addressof(zero), ctypes.addressof(config), 0))  # BPF_MAP_LOOKUP_ELEM
    return fd, config


class House:
    """A daemon, nobody who could be asked, and what the peer saw."""

    def __init__(self, network, programs, daemon, sniffer):
        self.network, self.fw, self.programs, self.daemon, self.sniffer = network, network.fw, programs, daemon, sniffer
        self.watcher = None

    def connect(self, *events):
        self.watcher = Subscriber(self.daemon.socket_path, *(events or ("decisions",)))

    def close(self):
        if self.watcher:
            self.watcher.close()
            self.watcher = None

    def program(self, name="errands"):
        return self.programs.copy("errands", f"{name}-{next(NAMES)}")

    def request(self, kind, **fields):
        reply = self.watcher.request(kind, **fields)
        assert reply["type"] == "reply", reply
        return reply

    def generation(self):
        """Of struct abi_config."""
        fd, config = open_config(self.daemon)
        os.close(fd)
        return struct.unpack_from("I", config, 8)[0]

    @contextlib.contextmanager
    def swept(self):
        """Waits until live flows have been decided again, too: what the kernel learns before that it forgets then."""
        before = self.generation()
        yield
        until(lambda: self.generation() != before, "a new generation")

    def rule(self, *sentences):
        """Makes them in this order; returns the last one's id."""
        for s in sentences:
            with contextlib.nullcontext() if s.startswith("allow") else self.swept():
                made = self.request("rule_add", sentence=s)["rule"]["id"]
        return made

    def delete(self, rule):
        with self.swept():
            self.request("rule_delete", rule=rule)

    def mode(self, mode, **more):
        with contextlib.nullcontext() if self.status()["mode"] == mode else self.swept():
            self.request("mode", mode=mode, **more)

    def read_files(self):
        with self.swept():
            self.daemon.reload_and_wait()

    def status(self):
        return self.request("status")["status"]

    def kernel(self):
        """How many packets were queued, and how many connections the kernel decided."""
        text = self.request("kernel")["text"]
        return tuple(int(re.search(rf"(\d+) {what}", text)[1]) for what in ("queued", "connections decided"))

    def reload(self, **config):
        self.daemon.write_config({"deny_errno": "EPERM", **config})
        self.read_files()

    def told(self, path):
        """Everything that was told of a program: single decisions and sums."""
        self.status()
        return [m for m in self.watcher.of_type("decision") + self.watcher.of_type("decisions") if m["path"] == path]

    def count(self, path, verdict=None):
        return sum(m.get("count", 1) for m in self.told(path) if verdict in (None, m["verdict"]))

    def settle(self, path, n=1):
        """Whoever sends a datagram does not wait for what becomes of it."""
        until(lambda: self.count(path) >= n, lambda: f"{n} decisions about {path}")

    def counted(self, path, allowed, denied=0):
        """Just so many, and no more when it is asked again."""
        until(lambda: self.count(path) >= allowed + denied, lambda: f"{allowed} and {denied}, there are {self.sums(path)}")
        assert self.sums(path) == (allowed, denied)

    def sums(self, path):
        return self.count(path, "allow"), self.count(path, "deny")

    def quiet(self):
        """Every TCP connection has said its last: a change that comes now ends none of them, which would be another decision."""
        def states():
            for name in ("tcp", "tcp6"):
                with open(f"/proc/{self.daemon.pid}/net/{name}", encoding="ascii") as f:
                    yield from (line.split()[3] for line in f.readlines()[1:])

        until(lambda: set(states()) <= {"06", "07", "0A"}, "all connections to have ended")  # TIME_WAIT, CLOSE, LISTEN

    def seen(self, protocol, port=None):
        return len(self.sniffer.seen(protocol, port if protocol in (TCP, UDP) else None))


@pytest.fixture(scope="module")
def home(request, build, programs, tmp_path_factory, rung):
    """What is expensive, once."""
    network = Network(request.config.getoption("--netns-prefix") + "verdicts-")
    daemon = Daemon(build, network.fw, tmp_path_factory.mktemp("verdicts"), rung, {"deny_errno": "EPERM"}, {})
    things = [daemon]
    try:
        sniffer = Sniffer(network)
        servers = {port: TcpServer(network.peer, port) for port in (A, B)}
        things += [sniffer, *servers.values()]
        daemon.start()
        house = House(network, programs, daemon, sniffer)
        house.servers = servers
        house.connect()
        things.append(house)
        yield house
    finally:
        for thing in reversed(things):
            thing.close()
        network.delete()


@pytest.fixture
def house(home):
    """No rules, no answers, the configuration as it was."""
    yield home
    if home.daemon.process is None or home.daemon.process.poll() is not None:
        return
    home.mode("enforcement")
    home.daemon.write_rules({})
    home.reload()
    for rule in home.request("rules")["rules"]:
        if rule["origin"] == "session":
            home.delete(rule["id"])


@pytest.fixture
def start(house, closing):
    """start(path) → the running program."""
    return lambda path, *wrap, **kw: closing(Errands(house.fw, path, *wrap, **kw))


def address_of(version):
    return Network.PEER4 if version == 4 else Network.PEER6


def came(house, path, port=A):
    """Connections of that program that the server saw."""
    return [x for x in house.servers[port].snapshot() if x["data"].startswith(path.encode() + b" ")]


# ---- what is known is decided in the kernel, in every way -------------------------------------------------------------------

WAYS = {"tcp": ("stream", 0, TCP), "udp": ("datagram", 0, UDP), "udp-unconnected": ("unconnected", 0, UDP),
        "udplite-unconnected": ("unconnected", UDPLITE, UDPLITE)}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("version", (4, 6))
def test_an_allowed_program_is_decided_in_the_kernel(house, start, way, version):
    kind, number, protocol = WAYS[way]
    port = A if protocol == TCP else next(PORTS)
    path = house.program(way)
    house.rule(f"allow {path}")
    program = start(path)
    before = house.seen(protocol, port)
    assert program.do(kind, number, address_of(version), port, 1) == {0: 1}
    house.settle(path)
    queued, known = house.kernel()
    assert program.do(kind, number, address_of(version), port, 20) == {0: 20}
    assert house.kernel() == (queued, known + 20), "nothing was asked, and each was counted"
    if protocol == TCP:
        until(lambda: len(came(house, path)) == 21, "all of them at the peer")
    else:
        assert house.seen(protocol, port) == before + 21
    house.counted(path, 21)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("version", (4, 6))
def test_a_denied_program_fails_in_its_own_call(house, start, way, version):
    kind, number, protocol = WAYS[way]
    port, path = next(PORTS), house.program(way)
    house.rule(f"deny {path}")
    program = start(path)
    before = house.seen(protocol, port)
    (first,) = program.do(kind, number, address_of(version), port, 1)
    assert first in ASKED if protocol == TCP else first in {0, *ASKED}
    house.settle(path)
    queued, known = house.kernel()
    assert program.do(kind, number, address_of(version), port, 20) == {KNOWN: 20}
    assert house.kernel() == (queued, known + 20)
    assert house.seen(protocol, port) == before, "zero packets"
    house.counted(path, 0, 21)


@pytest.mark.parametrize("version", (4, 6))
def test_connected_udplite_is_asked_about_and_right(house, start, version):
    """The kernel calls no hook when such a socket is connected."""
    allowed, denied = house.program(), house.program()
    house.rule(f"allow {allowed}", f"deny {denied}")
    before = house.seen(UDPLITE)
    for path in (allowed, denied):
        program = start(path)
        for _ in range(3):
            program.do("datagram", UDPLITE, address_of(version), next(PORTS), 1)
    house.counted(allowed, 3)
    house.counted(denied, 0, 3)
    assert house.seen(UDPLITE) == before + 3


@pytest.mark.parametrize("word", ("ECONNREFUSED", "EPERM", "ENETUNREACH"))
def test_a_known_denial_says_just_what_is_configured(house, start, word):
    """And the next one says what has been configured meanwhile."""
    path, port = house.program(), next(PORTS)
    house.rule(f"deny {path}")
    program = start(path)
    program.one(port=port)
    house.reload(deny_errno=word)
    program.one(port=port)  # a reload forgets
    for address in (Network.PEER4, Network.PEER6, "::ffff:" + Network.PEER4):
        for kind, number, _ in WAYS.values():
            assert program.do(kind, number, address, port, 3) == {getattr(errno, word): 3}, (kind, number, address)


@pytest.mark.parametrize("version", (4, 6))
def test_one_call_many_destinations(house, start, version):
    """sendmmsg ends at the one that is denied; the others go."""
    path, port = house.program(), next(PORTS)
    house.rule(f"allow {path}", f"deny {path} port {port + 1}")
    program = start(path)
    program.list("many", address_of(version), port, 4)
    house.settle(path, 4)
    queued = house.kernel()[0]
    seen = [house.seen(UDP, port + i) for i in range(4)]
    assert seen == [1, 0, 1, 1]
    for _ in range(5):
        assert program.list("many", address_of(version), port, 4) == [0, KNOWN, 0, 0]
    assert house.kernel()[0] == queued
    assert [house.seen(UDP, port + i) for i in range(4)] == [6, 0, 6, 6]


@pytest.mark.parametrize("version", (4, 6))
def test_threads_that_share_a_socket(house, start, version):
    path, port = house.program(), next(PORTS)
    house.rule(f"allow {path}", f"deny {path} port {port + 1},{port + 3}")
    program = start(path)
    program.list("many", address_of(version), port, 4)
    house.settle(path, 4)
    queued = house.kernel()[0]
    each = program.each("spread", address_of(version), port, 4, 100)
    assert each == [{0: 400}, {KNOWN: 400}, {0: 400}, {KNOWN: 400}]
    assert house.kernel()[0] == queued
    assert [house.seen(UDP, port + i) for i in range(4)] == [401, 0, 401, 0]


@pytest.mark.parametrize("version", (4, 6))
def test_one_socket_for_all(house, start, version):
    """A socket that is kept is a connection for each destination, however many datagrams it sends."""
    path, port = house.program(), next(PORTS)
    house.rule(f"allow {path}", f"deny {path} port {port + 1}")
    program = start(path)
    address = address_of(version)
    program.do("again", address, port, 1)
    program.do("again", address, port + 1, 1)
    house.settle(path, 2)
    queued = house.kernel()[0]
    assert program.do("again", address, port, 50) == {0: 50}
    assert program.do("again", address, port + 1, 50) == {KNOWN: 50}
    assert house.kernel()[0] == queued
    house.counted(path, 1, 51)
    for _ in range(3):
        house.rule("deny /usr/bin/somebody-else")  # a new generation
        assert program.do("unconnected", 0, address, port, 1) == {0: 1}  # asked; known from here on
        house.settle(path)
        assert program.do("again", address, port, 50) == {0: 50}
    house.counted(path, 4, 51)  # a live flow that is judged again is no news


# ---- how widely an answer holds -----------------------------------------------------------------------------------------------

# The rules; what they allow; what they do not speak of, which is denied, and decided anew each time.
SETS = {
    "everything": (("allow {}",), lambda v, port, p: True, None),
    "port": (("allow {} port 8080",), lambda v, port, p: port == A, lambda v, port, p: port != A),
    "address and port": (("allow {} to 10.91.0.2 port 8080",), lambda v, port, p: (v, port) == (4, A), lambda v, port, p: (v, port) != (4, A)),
    "all but a port": (("allow {}", "deny {} port 8081"), lambda v, port, p: port != B, None),
    "all but an address": (("allow {}", "deny {} to 10.91.0.2"), lambda v, port, p: v != 4, None),
    "all but an address and port": (("allow {}", "deny {} to fd91:0:0:1::2 port 8080"), lambda v, port, p: (v, port) != (6, A), None),
    "nothing but a port": (("deny {}", "allow {} port 8080 tcp"), lambda v, port, p: port == A and p == TCP, None),
    "all but a protocol": (("allow {}", "deny {} udp"), lambda v, port, p: p == TCP, None),
    "a network but an address": (("allow {} to 10.91.0.0/24", "deny {} to 10.91.0.2 port 8081"),
                                 lambda v, port, p: (v, port) == (4, A), lambda v, port, p: v == 6),
    "a range but a port": (("allow {} port 8000-8999", "deny {} port 8081"), lambda v, port, p: port == A, None),
    "a network over a port": (("deny {} port 8080", "allow {} to fd91::/16"), lambda v, port, p: v == 6, lambda v, port, p: (v, port) == (4, B)),
    "a user": (("allow {} user 0", "deny {} port 8081"), lambda v, port, p: port == A, None),
    "anyone": (("deny anyone port 8081", "allow {} to 10.91.0.2"), lambda v, port, p: v == 4, lambda v, port, p: (v, port) == (6, A)),
    "a scope": (("allow {} to lan", "deny {} to 10.91.0.2 port 8081"), lambda v, port, p: (v, port) != (4, B), None),
    "a name": (("allow name {name}", "deny name {name} port 8081"), lambda v, port, p: port == A, None),
    "a name beside a path": (("allow name {name}", "deny {} port 8081"), lambda v, port, p: port == A, None),
    "nothing": (("deny {}",), lambda v, port, p: False, None),
    "no rule": ((), lambda v, port, p: False, lambda v, port, p: True),
}


@pytest.mark.parametrize("name", SETS)
def test_whatever_came_first_the_exceptions_hold(house, start, full, name):
    """Each destination in turn as the first of all: what is remembered of it is never taken for more than the rules say."""
    sentences, allowed, open_to = SETS[name]
    destinations = [(version, port, protocol) for version in (4, 6) for port in (A, B) for protocol in (TCP, UDP)]
    for first in destinations if full else random.sample(destinations, 3):
        path = house.program()
        if sentences:
            house.rule(*(s.format(path, name=os.path.basename(path)[:15]) for s in sentences))
        program = start(path)
        done = 0
        for _ in range(3):
            queued = house.kernel()[0]
            for at in (first, *destinations):
                version, port, protocol = at
                kind = "stream" if protocol == TCP else "datagram"
                (result,) = program.do(kind, 0, address_of(version), port, 1)
                done += 1
                if protocol == TCP or result != 0:
                    assert (result == 0) == allowed(*at), f"{at} after {first}: {errno.errorcode.get(result, 0)}"
                if protocol == UDP:
                    house.settle(path, done)
        n_open = sum(open_to(*at) for at in (first, *destinations)) if open_to else 0
        assert house.kernel()[0] == queued + n_open, "of the third round all was known that a rule speaks of"
        n_allowed = 3 * sum(allowed(*at) for at in (first, *destinations))
        house.counted(path, n_allowed, done - n_allowed)
        for rule in house.request("rules")["rules"]:
            if rule["origin"] != "factory":
                house.delete(rule["id"])


# ---- every way in which a rule can change ---------------------------------------------------------------------------------------

def is_known(program, allowed, address=Network.PEER4, port=A):
    """The next connection goes as it should, and so does another, which the kernel decides."""
    result = program.one(address, port)
    assert result == 0 if allowed else result in {KNOWN, *ASKED}, result
    assert program.one(address, port) == (0 if allowed else KNOWN)


def is_open(program, address=Network.PEER4, port=A):
    """No rule speaks of it, and nobody is there to ask."""
    assert program.one(address, port) in ASKED
    assert program.one(address, port) in ASKED


def test_a_rule_by_message(house, start, full):
    path = house.program()
    program = start(path)
    is_open(program)
    for i in range(200 if full else 20):
        house.rule(f"allow {path}")
        is_known(program, True)
        house.rule(f"deny {path} port {A}")
        is_known(program, False)
        is_known(program, True, port=B)
        house.delete(f"{path}:{A}")
        is_known(program, True)
        house.rule(f"deny {path}")
        is_known(program, False)
        house.delete(f"{path}:*")
        is_open(program)


def test_a_rule_by_file(house, start):
    path = house.program()
    program = start(path)
    for allowed in (True, False, None) * 3:
        house.daemon.write_rules({} if allowed is None else {f"{path}:*": allowed})
        house.read_files()
        is_open(program) if allowed is None else is_known(program, allowed)


@pytest.mark.parametrize("lifetime", ("session", "always"))
@pytest.mark.parametrize("allow", (True, False), ids=("allow", "deny"))
def test_an_answer(house, start, closing, lifetime, allow):
    """And what takes it back."""
    path = house.program()
    program = start(path)
    person = closing(Subscriber(house.daemon.socket_path, "questions"))
    program.say("stream", 0, Network.PEER4, A, 1)
    question = person.wait("question", lambda q: q["path"] == path)
    assert person.request("answer", question=question["question"], allow=allow, lifetime=lifetime)["type"] == "reply"
    result = program.heard()
    assert result == 0 if allow else result in ASKED
    is_known(program, allow)
    if lifetime == "session":
        house.watcher.send({"type": "clear_cache", "cache_key": f"{path}:{A}"})
        house.status()  # has been read when this is answered
    else:
        house.delete(f"{path}:{A}")
    program.say("stream", 0, Network.PEER4, A, 1)
    again = person.wait("question", lambda q: q["path"] == path and q["question"] != question["question"])
    person.request("answer", question=again["question"], allow=not allow)
    assert (program.heard() == 0) == (not allow)


def test_session_answers_end_with_cache_decisions(house, start):
    path = house.program()
    program = start(path)
    house.rule(f"allow {path} for session")
    is_known(program, True)
    house.reload(cache_decisions=False)
    assert program.one() in {0, *ASKED}  # a rule for the session is no answer of a person
    house.rule(f"deny {path} for session")
    assert program.one() != 0


def test_the_mode(house, start):
    allowed, denied = start(house.program()), start(house.program())
    house.rule(f"allow {allowed.path}", f"deny {denied.path}")
    for _ in range(3):
        is_known(allowed, True)
        is_known(denied, False)
        house.mode("learning")
        is_known(allowed, True)
        assert [denied.one() for _ in range(3)] == [0, 0, 0]
        house.quiet()
        house.mode("enforcement")
    is_known(denied, False)
    house.counted(denied.path, 9, 8)


def test_a_try_of_a_mode(house, start, closing):
    program, watcher = start(house.program()), closing(Subscriber(house.daemon.socket_path, "decisions"))
    house.rule(f"deny {program.path}")
    is_known(program, False)
    house.mode("learning", try_seconds=1)
    assert program.one() == 0
    house.quiet()
    watcher.wait("mode_changed", lambda m: m["mode"] == "enforcement")
    is_known(program, False)


@pytest.mark.parametrize("key, address", (("allow_lan", Network.PEER4), ("allow_lan", Network.PEER6), ("allow_localhost", "127.0.0.1"),
                                          ("allow_localhost", "::1"), ("allow_root_bypass", Network.PEER4)))
def test_what_the_configuration_switches(house, start, closing, key, address):
    if key == "allow_localhost":
        closing(TcpServer(house.fw, A))
    program = start(house.program())
    for _ in range(2):
        house.reload(**{key: True})
        is_known(program, True, address)
        house.reload(**{key: False})
        is_open(program, address)
        house.reload(**{key: False, "default_action": "allow"})
        assert program.one(address) == program.one(address) == 0
        house.reload(**{key: False})
        is_open(program, address)


def test_log_every_connection(house, start):
    """Switched on, nothing is decided in the kernel; whatever it is, each is counted once."""
    allowed, denied = start(house.program()), start(house.program())
    house.rule(f"allow {allowed.path}", f"deny {denied.path}")
    for switch in (False, True, False, True):
        house.reload(log_every_connection=switch)
        known = house.kernel()[1]
        assert allowed.tcp(Network.PEER4, A, 10) == {0: 10}
        for _ in range(10):
            assert denied.one() != 0
        assert house.kernel()[1] - known == (0 if switch else 18)
    house.counted(allowed.path, 40)
    house.counted(denied.path, 0, 40)


def test_the_resolvers_that_resolv_conf_names(build, network, daemon, closing, programs, subscriber, tmp_path):
    """The daemon has an /etc of its own, so that the machine's is left alone."""
    etc = tmp_path / "private-etc"
    etc.mkdir()
    for name in ("passwd", "group", "nsswitch.conf", "ld.so.cache"):
        if os.path.exists(f"/etc/{name}"):
            shutil.copy(f"/etc/{name}", etc / name)

    def name(server):
        (etc / "new").write_text(f"nameserver {server}\n")
        os.replace(etc / "new", etc / "resolv.conf")

    name(Network.PEER4)
    closing(TcpServer(network.peer, 53))
    daemon({"deny_errno": "EPERM"}, {},
           wrapper=("unshare", "--mount", "sh", "-c", f'mount --bind {etc} /etc && exec "$@"', "sh"))
    program = closing(Errands(network.fw, programs.copy("errands", "resolving")))
    for _ in range(3):
        name(Network.PEER4)
        until(lambda: program.one(port=53) == 0, "the resolver to be allowed")
        assert program.tcp(Network.PEER4, 53, 20) == {0: 20}
        name("192.0.2.53")
        until(lambda: program.one(port=53) in ASKED, "it to be none any more", 5)
        is_open(program, port=53)


def test_random_changes_and_many_programs(house, full):
    """Between two rounds the rules change in some way; in each, sixteen short-lived programs connect, eight at a time."""
    seed = int(os.environ.get("BASTION_TEST_SEED") or random.randrange(1 << 32))
    print(f"BASTION_TEST_SEED={seed}")
    chance, rules, mode = random.Random(seed), {}, "enforcement"
    paths = [house.programs.visitor(f"random-{next(NAMES)}") for _ in range(4)]
    expected = {path: [0, 0] for path in paths}
    for number in range(1000 if full else 200):
        path, port, allow = chance.choice(paths), chance.choice((A, B, "*")), chance.random() < 0.5
        change = chance.choice(("add", "add", "add", "delete", "file", "mode", "config"))
        if change == "add":
            house.rule(f"{'allow' if allow else 'deny'} {path}" + (f" port {port}" if port != "*" else ""))
            rules[f"{path}:{port}"] = allow
        elif change == "delete" and rules:
            key = chance.choice(sorted(rules))
            house.delete(key)
            del rules[key]
        elif change == "file":
            rules = {k: v for k, v in rules.items() if chance.random() < 0.7} | {f"{path}:{port}": allow}
            house.daemon.write_rules(rules)
            house.read_files()
        elif change == "mode":
            mode = "learning" if mode == "enforcement" else "enforcement"
            house.mode(mode)
        else:
            house.daemon.write_config({"deny_errno": "EPERM", "mode": mode, "log_every_connection": allow})
            house.read_files()
        for port in (A, B):
            done = house.fw.run(house.programs.path("swarm"), 16, 8, chance.randrange(1 << 30), "tcp", f"{Network.PEER4},{Network.PEER6}",
                                port, port, *paths)
            for line in done.stdout.splitlines():
                _, _, status, path = line.split()
                through = mode == "learning" or rules.get(f"{path}:{port}", rules.get(f"{path}:*", False))
                assert (status == "0") == through, f"round {number}, {change}: {path} to {port}: {status}, mode {mode}, rules {rules}"
                expected[path][not through] += 1
        house.quiet()
    for path in paths:
        house.counted(path, *expected[path])
    assert {m["kind"] for m in house.watcher.decisions()} == {"program"}, "nobody was unnamed"


# ---- every connection is counted, once --------------------------------------------------------------------------------------------

class Books:
    """What status, rules and events say of some programs, against what they had done before."""

    def __init__(self, house, *rules):
        self.house, self.rules = house, rules
        self.before = self.read()

    def read(self):
        status = self.house.status()
        hits = {r["id"]: r["hits"] for r in self.house.request("rules")["rules"]}
        return [status["allowed"], status["denied"], status["by_reason"].get("rule", 0), *[hits.get(rule, 0) for rule in self.rules]]

    def since(self):
        return [now - then for now, then in zip(self.read(), self.before)]


@pytest.mark.parametrize("n_programs", (1, 8))
def test_the_sums_are_what_was_done(house, start, full, n_programs):
    count = 2000 if full else 200
    allowed, denied = ([start(house.program()) for _ in range(n_programs)] for _ in range(2))
    rules = [house.rule(f"allow {p.path}") for p in allowed] + [house.rule(f"deny {p.path}") for p in denied]
    books = Books(house, *rules)
    for p in (*allowed, *denied):
        p.say("stream", 0, Network.PEER4, A, count)
    for p in allowed:
        assert p.counts() == {0: count}
    for p in denied:
        heard = p.counts()
        assert sum(heard.values()) == count and 0 not in heard
    expected = [n_programs * count, n_programs * count, 2 * n_programs * count, *[count] * 2 * n_programs]
    for _ in range(5):
        assert books.since() == expected
    for p in allowed:
        house.counted(p.path, count)
    for p in denied:
        house.counted(p.path, 0, count)
    until(lambda: sum(len(came(house, p.path)) for p in allowed) == n_programs * count, "all of them at the peer")


@pytest.mark.parametrize("version", (4, 6))
def test_the_bytes_are_those_on_the_cable(house, start, version):
    """Of what the kernel decided alone; the gate sees whole segments, so nothing is rounded."""
    payload, path, address = 3 << 20, house.program(), address_of(version)
    house.rule(f"allow {path}")
    program = start(path)
    program.one(address)
    house.quiet()
    before = sum(p.length for p in house.sniffer.seen(TCP, A))
    assert program.tcp(address, A, 1, payload) == {0: 1}
    assert program.do("datagram", 0, address, next(PORTS), 1) == {0: 1}  # bytes are told with the next connection
    until(lambda: len([x for x in house.servers[A].snapshot() if len(x["data"]) == payload]) > 0, "all of it at the peer")
    house.quiet()
    on_cable = sum(p.length for p in house.sniffer.seen(TCP, A)) - before
    assert program.do("datagram", 0, address, next(PORTS), 1) == {0: 1}
    house.counted(path, 4)
    told = sum(m["bytes"] for m in house.told(path) if m["type"] == "decisions")
    house.servers[A].seen.clear()
    assert payload < told <= on_cable + 4096, (payload, told, on_cable)


def test_a_rule_that_goes_takes_no_count_along(house, start):
    """What it decided before stays counted, also what was not told yet."""
    path = house.program()
    program = start(path)
    books = Books(house)
    for i in range(1, 6):
        house.rule(f"allow {path}")
        program.tcp(Network.PEER4, A, 20)
        house.quiet()
        house.delete(f"{path}:*")
        assert books.since() == [20 * i, 0, 20 * i]
    house.counted(path, 100)


# ---- who is who -----------------------------------------------------------------------------------------------------------------

def short(house, path, port=A, *wrap, **kw):
    """The status of a program that only connects: 0 is through."""
    return house.fw.run(*wrap, path, "tcp", Network.PEER4, port, **kw).returncode


def test_two_hard_links_are_two_programs(house):
    allowed = house.programs.visitor(f"link-{next(NAMES)}")
    denied = allowed + "-other"
    os.link(allowed, denied)
    house.rule(f"allow {allowed}", f"deny {denied}")
    for _ in range(50):
        assert short(house, allowed) == 0
        assert short(house, denied) == 1
    house.counted(allowed, 50)
    house.counted(denied, 0, 50)


def test_a_symbolic_link_is_what_it_points_to(house):
    path = house.programs.visitor(f"pointed-{next(NAMES)}")
    os.symlink(path, path + "-symlink")
    house.rule(f"allow {path}", f"deny {path}-symlink")
    assert [short(house, p) for p in (path, path + "-symlink") * 3] == [0] * 6


def test_a_copy_has_no_part_in_it(house):
    path = house.programs.visitor(f"copied-{next(NAMES)}")
    house.rule(f"allow {path}")
    assert short(house, path) == short(house, path) == 0
    shutil.copy2(path, path + "-copy")
    assert short(house, path + "-copy") == short(house, path + "-copy") == 1


def test_a_file_that_is_replaced(house):
    """The rule is of the path. In between another file that lies there is denied by a rule of another path."""
    path = house.programs.visitor(f"replaced-{next(NAMES)}")
    house.rule(f"allow {path}", f"deny {path}-moved")
    for _ in range(3):
        assert short(house, path) == short(house, path) == 0
        shutil.copy(path, path + ".new")
        os.replace(path + ".new", path)
        assert short(house, path) == short(house, path) == 0
        with open(path, "r+b") as f:
            head = f.read(64)
            f.seek(0)
            f.write(head)
        assert short(house, path) == short(house, path) == 0
        os.rename(path, path + "-moved")
        assert short(house, path + "-moved") == short(house, path + "-moved") == 1
        os.rename(path + "-moved", path)


def test_a_file_mounted_over_it_is_somebody_else(house):
    """The very path, in another mount namespace: neither file's verdict."""
    path, other = (house.programs.visitor(f"mount-{next(NAMES)}") for _ in range(2))
    house.rule(f"allow {path}", f"allow {other}")
    for _ in range(3):
        assert short(house, path) == short(house, other) == 0
        for below, over in ((path, other), (other, path)):
            done = house.fw.run("unshare", "--mount", "sh", "-c",
                                f"mount --bind {over} {below} && for i in 1 2 3; do {below} tcp {Network.PEER4} {A}; echo $?; done")
            assert done.stdout.split() == ["1"] * 3, done
        assert house.fw.run("unshare", "--mount", path, "tcp", Network.PEER4, A).returncode == 0, "the host's file keeps its rules there"


def test_a_folder_that_is_renamed(house, start, tmp_path):
    """Who runs is who it was; whoever starts from there later is not."""
    os.chmod(tmp_path, 0o755)
    folder = tmp_path / "before"
    folder.mkdir()
    path = shutil.copy(house.programs.path("errands"), folder / "program")
    house.rule(f"allow {path}")
    program = start(str(path))
    is_known(program, True)
    os.rename(folder, tmp_path / "after")
    is_known(program, True)
    moved = start(str(tmp_path / "after" / "program"))
    is_open(moved)
    folder.mkdir()
    shutil.copy(house.programs.path("errands"), path)
    is_known(start(str(path)), True)
    is_open(moved)


def test_a_script_is_its_interpreter(house, start, tmp_path):
    path = house.program()
    script = tmp_path / "script"
    script.write_text(f"#!{path}\n")
    script.chmod(0o755)
    os.chmod(tmp_path, 0o755)
    house.rule(f"allow {path}", f"deny {script}")
    is_known(start(str(script)), True)
    is_known(start(path), True)


def test_a_deleted_file(house, start):
    """Who ran before keeps its rules, and so do its children. A file that nobody had seen before it lost its name has none."""
    path = house.program()
    fd = os.open(path, os.O_RDONLY)
    try:
        shutil.copy(path, path + ".new")
        os.replace(path + ".new", path)
        house.rule(f"allow {path}")
        program = start(path)
        is_known(program, True)
        is_open(start(f"/proc/self/fd/{fd}", pass_fds=[fd]))
        os.unlink(path)
        is_known(program, True)
        for _ in range(3):
            assert program.do("child", "stream", 0, Network.PEER4, A, 2) == {0: 2}
        is_open(start(f"/proc/self/fd/{fd}", pass_fds=[fd]))
        shutil.copy(house.programs.path("errands"), path)
        is_known(start(path), True)
    finally:
        os.close(fd)


def test_a_file_in_memory(house, start):
    """Its path looks like another's."""
    path = house.program()
    house.rule(f"allow {path}", f"allow /memfd:{os.path.basename(path)}")
    is_known(start(path), True)
    fd = os.memfd_create(os.path.basename(path))
    with open(path, "rb") as f:
        os.write(fd, f.read())
    try:
        is_open(start(f"/proc/self/fd/{fd}", pass_fds=[fd]))
    finally:
        os.close(fd)


def test_one_process_many_programs(house, start):
    allowed, denied, nameless = (house.program() for _ in range(3))
    house.rule(f"allow {allowed}", f"deny {denied}")
    program = start(allowed)
    for _ in range(5):
        is_known(program, True)
        program.run(denied)
        is_known(program, False)
        program.run(nameless)
        is_open(program)
        program.run(allowed)
    house.counted(allowed, 10)
    house.counted(denied, 0, 10)


def test_children_that_execute_nothing(house, start):
    allowed, denied = start(house.program()), start(house.program())
    house.rule(f"allow {allowed.path}", f"deny {denied.path}")
    is_known(allowed, True)
    is_known(denied, False)
    queued = house.kernel()[0]
    for _ in range(5):
        assert allowed.do("child", "stream", 0, Network.PEER4, A, 3) == {0: 3}
        assert denied.do("child", "stream", 0, Network.PEER4, A, 3) == {KNOWN: 3}
    assert house.kernel()[0] == queued
    house.counted(allowed.path, 17)
    house.counted(denied.path, 0, 17)


@pytest.mark.parametrize("what", ("user", "group"))
def test_one_process_two_users(house, start, what):
    path, number = house.program(), 65534
    there, back = ((number, 0), (0, 0)) if what == "user" else ((0, number), (0, 0))
    house.rule(f"allow {path} {what} 0", f"deny {path} {what} {number}")
    program = start(path)
    for _ in range(5):
        is_known(program, True)
        assert program.do("become", *there) == {0: 1}
        is_known(program, False)
        assert program.do("child", "stream", 0, Network.PEER4, A, 1) == {KNOWN: 1}
        assert program.do("become", *back) == {0: 1}
    house.counted(path, 10, 15)
    house.delete([r["id"] for r in house.request("rules")["rules"] if r["action"] == "deny"][0])
    program.do("become", *there)
    is_open(program)


def test_a_weak_name(house, start):
    """The rule is of what a program called itself when it was first seen."""
    path, name = house.program(), f"weak-{next(NAMES)}"
    house.rule(f"allow name {name}")
    for _ in range(2):
        plain, named = start(path), start(path)
        is_open(plain)
        named.do("name", name)
        is_known(named, True)
        is_open(plain)
        is_open(start(path))
    house.rule(f"deny {path}")  # the path's rule comes first
    is_known(named, False)


# ---- without a daemon, and from one to the next -----------------------------------------------------------------------------------

@pytest.fixture
def life(daemon, network, programs, sniffer, closing):
    """life(config) → (a house of its own, three programs: allowed, denied, without a rule)"""
    def begin(**config):
        servers = {port: closing(TcpServer(network.peer, port)) for port in (A, B)}
        paths = [programs.copy("errands", f"life-{next(NAMES)}") for _ in range(3)]
        d = daemon({"deny_errno": "EPERM", **config}, {f"{paths[0]}:*": True, f"{paths[1]}:*": False})
        house = closing(House(network, programs, d, sniffer))
        house.servers = servers
        house.connect()
        return house, [closing(Errands(network.fw, path)) for path in paths]

    return begin


def go_on(allowed, denied):
    """By what is known, in every way."""
    for address in (Network.PEER4, Network.PEER6):
        for kind, number, protocol in WAYS.values():
            port = A if protocol == TCP else next(PORTS)
            assert allowed.do(kind, number, address, port, 5) == {0: 5}
            assert denied.do(kind, number, address, port, 5) == {KNOWN: 5}
    assert allowed.do("child", "stream", 0, Network.PEER4, A, 2) == {0: 2}
    assert denied.do("child", "stream", 0, Network.PEER4, A, 2) == {KNOWN: 2}


@pytest.mark.parametrize("on_failure", ("closed", "open"))
def test_what_is_known_needs_no_daemon(life, on_failure):
    house, (allowed, denied, other) = life(on_failure=on_failure)
    is_known(allowed, True)
    is_known(denied, False)
    is_open(other)
    house.close()
    house.daemon.kill()
    go_on(allowed, denied)
    if on_failure == "open":
        assert other.tcp(Network.PEER4, B, 3) == {0: 3}
        house.daemon.start()
        is_open(other)
    else:
        other.say("stream", 0, Network.PEER4, B, 1)
        go_on(allowed, denied)
        assert house.seen(TCP, B) == 0, "it waits"
        house.daemon.start()
        assert other.heard() in ASKED
    house.connect()
    is_known(allowed, True)
    is_known(denied, False)
    assert (house.seen(TCP, B) > 0) == (on_failure == "open")


@pytest.mark.parametrize("crash", (True, False), ids=("crash", "stop"))
def test_rules_that_changed_while_no_daemon_lived(life, crash):
    """From the moment on in which the next one says that it is ready."""
    house, (first, second, other) = life(on_failure="closed")
    for allowed, denied in ((second, first), (first, second)) * 2:
        is_known(denied, True)
        is_known(allowed, False)
        house.quiet()
        house.close()
        house.daemon.kill() if crash else house.daemon.stop()
        house.daemon.write_rules({f"{allowed.path}:*": True, f"{denied.path}:*": False})
        house.daemon.start()
        assert denied.one() in ASKED
        assert allowed.one() == 0
        house.connect()
        is_known(allowed, True)
        is_known(denied, False)
        is_open(other)
        status = house.status()
        assert (status["allowed"], status["denied"]) == (3, 5), "those of this life"


def test_a_storm_over_a_crash_and_a_changed_rule(life, closing, programs, network):
    """Of a program that connects all the time none gets through once the new daemon is ready."""
    house, _ = life(on_failure="closed")
    path = programs.copy("storm", f"life-storm-{next(NAMES)}")
    house.rule(f"allow {path}")
    storm = closing(Running(network.fw, path, Network.PEER4, A, 100, 0))
    until(lambda: house.kernel()[1] > 100, "it to be known")
    house.close()
    house.daemon.kill()
    before = house.servers[A].accepted
    until(lambda: house.servers[A].accepted > before + 50, "it to go on without a daemon")
    house.daemon.write_rules({f"{path}:*": False})
    house.daemon.start()
    house.connect()
    until(lambda: house.sums(path)[1] > 100, "it to be denied")
    house.quiet()
    n = len(house.sniffer.seen(TCP, A))
    until(lambda: house.sums(path)[1] > 10000, "it to be denied many times")
    storm.process.terminate()
    storm.finish()
    assert len(house.sniffer.seen(TCP, A)) == n, "zero packets"


def test_a_daemon_of_another_abi_forgets(life):
    """The config map that the dead one left is not ours: the next starts with maps of its own."""
    house, (allowed, denied, other) = life(on_failure="closed")
    is_known(allowed, True)
    is_known(denied, False)
    house.close()
    house.daemon.kill()
    fd, config = open_config(house.daemon)
    (abi,) = struct.unpack_from("I", config, 16)  # struct abi_config
    assert 4 < abi < 1000
    struct.pack_into("I", config, 16, abi + 1)
    zero = ctypes.create_string_buffer(4)
    bpf(2, struct.pack("IxxxxQQQ", fd, ctypes.addressof(zero), ctypes.addressof(config), 0))  # BPF_MAP_UPDATE_ELEM
    os.close(fd)
    go_on(allowed, denied)  # the programs that run do not mind
    other.say("stream", 0, Network.PEER4, B, 1)
    house.daemon.write_rules({f"{allowed.path}:*": False, f"{denied.path}:*": True})
    house.daemon.start()
    assert "took over" not in house.daemon.output()
    assert allowed.one() in ASKED
    assert denied.one() == 0
    assert other.heard() in ASKED
    house.connect()
    is_known(allowed, False)
    is_known(denied, True)
    assert house.seen(TCP, B) == 0


# ---- odd ways -----------------------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("version", (4, 6))
def test_one_socket_that_fails_and_connects_elsewhere(house, start, version):
    """What was said of the first destination is not said of the second."""
    address, shut, path = address_of(version), next(PORTS), house.program()
    house.rule(f"allow {path}", f"deny {path} port {B}")
    program = start(path)
    for _ in range(5):
        assert program.list("both", address, shut, B)[0] == errno.ECONNREFUSED
    house.quiet()
    seen = house.seen(TCP, B)
    for _ in range(5):
        assert program.list("both", address, shut, B) == [errno.ECONNREFUSED, KNOWN]
        assert program.list("both", address, shut, A) == [errno.ECONNREFUSED, 0]
        assert program.list("both", address, B, A) == [KNOWN, 0]
    assert house.seen(TCP, B) == seen
    house.counted(path, 25, 15)


@pytest.mark.parametrize("any_address, real", (("0.0.0.0", "127.0.0.1"), ("::", "::1")))
@pytest.mark.parametrize("name", ("allow", "deny", "all but loopback", "nothing but loopback"))
def test_any_address_is_this_machine(house, start, closing, name, any_address, real):
    """A connect to no address reaches the loopback address, and the rules for that hold."""
    path, rules = house.program(), {"allow": ("allow {}",), "deny": ("deny {}",), "all but loopback": ("allow {}", f"deny {{}} to {real}"),
                                    "nothing but loopback": ("deny {}", f"allow {{}} to {real}")}[name]
    server = closing(TcpServer(house.fw, A))
    house.rule(*(rule.format(path) for rule in rules))
    program, allowed = start(path), name in ("allow", "nothing but loopback")
    for address in (any_address, real, any_address, any_address, real):
        result = program.one(address)
        assert (result == 0) == allowed, (address, result)
    house.counted(path, *((5, 0) if allowed else (0, 5)))
    until(lambda: server.accepted == (5 if allowed else 0), lambda: f"those at the server, there are {server.accepted}")
    for address in (any_address, real, any_address, any_address, real):
        program.do("datagram", 0, address, next(PORTS), 1)
        house.settle(path, 6)
    house.counted(path, *((10, 0) if allowed else (0, 10)))


@pytest.mark.parametrize("first", (Network.PEER4, "::ffff:" + Network.PEER4))
def test_a_mapped_address_is_its_ipv4_address(house, start, first):
    path = house.program()
    house.rule(f"allow {path}", f"deny {path} to {Network.PEER4} port {B}")
    program, mapped = start(path), "::ffff:" + Network.PEER4
    assert program.one(first, A) == 0
    assert program.one(first, B) in ASKED
    queued = house.kernel()[0]
    for address in (Network.PEER4, mapped) * 3:
        assert program.one(address, A) == 0
        assert program.one(address, B) == KNOWN
    assert house.kernel()[0] == queued


def test_link_local_addresses_are_not_known_by_address(house, start, closing):
    """The same address is another machine behind another interface, and a hook does not see which."""
    class Second:
        def __init__(self):
            house.fw.ip("link", "add", "second", "type", "veth", "peer", "name", "second", "netns", house.network.peer.name)
            for namespace, address in ((house.fw, "fe80::f"), (house.network.peer, "fe80::aa")):
                namespace.ip("link", "set", "second", "up")
                for device in ("second", "uplink"):
                    namespace.ip("addr", "add", f"{address}/64", "dev", device, "nodad")

        @staticmethod
        def close():
            house.fw.ip("link", "del", "second")
            for namespace, address in ((house.fw, "fe80::f"), (house.network.peer, "fe80::aa")):
                namespace.ip("addr", "del", f"{address}/64", "dev", "uplink")

    closing(Second())
    index = {d: int(house.fw.ip("-o", "link", "show", d).split(":")[0]) for d in ("uplink", "second")}
    path = house.program()
    house.rule(f"allow {path} to fe80::aa port {A}", f"deny {path} to fe80::aa port {B}")
    program, n = start(path), 0
    for _ in range(3):
        for device in index.values():
            queued = house.kernel()[0]
            assert program.one(f"fe80::aa%{device}", A) == 0
            n += 2
            assert program.do("datagram", 0, f"fe80::aa%{device}", B, 1) == {0: 1}  # denied, but not in its call
            house.settle(path, n)
            assert house.kernel()[0] == queued + 2
    house.counted(path, 6, 6)
    house.rule(f"deny {path}")
    program.do("datagram", 0, f"fe80::aa%{index['uplink']}", next(PORTS), 1)
    house.settle(path, n + 1)
    for device in index.values():  # as widely as a port, it may be known
        assert program.do("datagram", 0, f"fe80::aa%{device}", next(PORTS), 1)
        assert program.one(f"fe80::aa%{device}", A) == 0
    assert [p for p in house.sniffer.seen(UDP, B) if p.destination == "fe80::aa"] == []


ODD = {"fast-open": ("fast-open",), "waiting": ("waiting",), "mptcp": ("stream", 262)}


@pytest.mark.parametrize("way", ODD)
@pytest.mark.parametrize("version", (4, 6))
def test_odd_ways_to_connect(house, start, way, version):
    words, more = ODD[way], (1,) if way == "mptcp" else ()
    if way == "mptcp":
        try:
            house.fw.socket(socket.AF_INET, socket.SOCK_STREAM, 262).close()
        except OSError as e:
            pytest.skip(f"needs MPTCP in the kernel: {e}")
    allowed, denied, address, shut = start(house.program()), start(house.program()), address_of(version), next(PORTS)
    house.rule(f"allow {allowed.path}", f"deny {denied.path}")
    is_known(allowed, True)
    is_known(denied, False)
    queued, known = house.kernel()
    for _ in range(5):
        assert allowed.do(*words, address, A, *more) == {0: 1}
        assert denied.do(*words, address, shut, *more) == {KNOWN: 1}
    assert house.kernel() == (queued, known + 10)
    assert house.seen(TCP, shut) == 0
    house.counted(allowed.path, 7)
    house.counted(denied.path, 0, 7)


@pytest.mark.parametrize("kind", ("uring-tcp", "uring-udp"))
def test_connections_of_a_ring(house, kind):
    """A worker thread of the kernel connects on behalf of the program."""
    allowed, denied = (house.programs.copy("talk", f"ring-{next(NAMES)}") for _ in range(2))
    house.rule(f"allow {allowed}", f"deny {denied}")
    shut = next(PORTS)
    for path in (allowed, denied):
        house.fw.run(path, "tcp", Network.PEER4, A)
    queued, known = house.kernel()
    for _ in range(5):
        assert house.fw.run(allowed, kind, Network.PEER4, A).returncode == 0
        assert house.fw.run(denied, kind, Network.PEER4, shut).returncode == 1
    assert house.kernel() == (queued, known + 10)
    assert house.seen(TCP, shut) + house.seen(UDP, shut) == 0


# ---- one flow ---------------------------------------------------------------------------------------------------------------------------

def test_an_answer_for_one_flow_outlives_other_changes(house, start, closing):
    """What was answered "once" is asked no more, whatever becomes of other rules."""
    path, other, port = house.program(), house.program(), next(PORTS)
    program, neighbour, person = start(path), start(other), closing(Subscriber(house.daemon.socket_path, "questions"))
    asked = 0
    for words in (("open", Network.PEER4, A), ("again", Network.PEER4, port, 1)):
        program.say(*words)
        question = person.wait("question", lambda q, words=words: q["path"] == path and q["remote_port"] == words[2])
        person.request("answer", question=question["question"], allow=True)
        assert program.heard() == 0
        asked += 1
    for i in range(10):
        house.rule(f"{'allow' if i % 2 else 'deny'} {other}", f"deny {other} port {port + i}")
        is_known(neighbour, bool(i % 2))
        before = house.seen(UDP, port)
        assert program.do("write", 100) == {0: 1}
        assert program.do("again", Network.PEER4, port, 3) == {0: 3}
        assert house.seen(UDP, port) == before + 3
    house.rule(f"allow {path}")
    is_known(program, True)
    house.delete(f"{path}:*")
    assert program.do("write", 100) == {0: 1}
    assert program.do("again", Network.PEER4, port, 3) == {0: 3}
    assert len([q for q in person.of_type("question") if q["path"] == path]) == asked
    house.rule(f"deny {path}")
    is_known(program, False, port=B)


def test_a_buffer_that_outlives_its_program(house, closing):
    """Allowed by a known verdict, closed, and under way still when the rule goes: it arrives whole, and nobody is asked."""
    listener = closing(house.network.peer.socket(socket.AF_INET, socket.SOCK_STREAM))
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    listener.bind((Network.PEER4, 0))
    listener.listen(1)
    person = closing(Subscriber(house.daemon.socket_path, "questions"))
    path = house.programs.copy("talk", f"leaver-{next(NAMES)}")
    house.rule(f"allow {path}")
    assert house.fw.run(path, "tcp", Network.PEER4, A).returncode == 0
    known = house.kernel()[1]
    done = house.fw.run(path, "buffered", Network.PEER4, listener.getsockname()[1])
    s = closing(listener.accept()[0])
    assert done.returncode == 0 and house.kernel()[1] == known + 1
    house.rule("deny /usr/bin/somebody-else")
    house.delete(f"{path}:*")
    s.settimeout(30)
    n = 0
    while piece := s.recv(65536):
        n += len(piece)
    assert n == int(done.stdout)
    assert person.of_type("question") == []
    house.counted(path, 2)


@pytest.mark.parametrize("rule", ("deny {}", None), ids=("denied", "undecided"))
@pytest.mark.parametrize("connected", ((), ("connected",)), ids=("unconnected", "connected"))
@pytest.mark.parametrize("version", (4, 6))
def test_two_programs_share_a_port(house, start, closing, rule, connected, version):
    """The same five numbers; one program's verdict is known. Each datagram is judged as its sender's."""
    server = closing(UdpServer(house.network.peer, next(PORTS)))
    allowed, other, local = start(house.program()), start(house.program()), next(PORTS)
    house.rule(f"allow {allowed.path}", *([rule.format(other.path)] if rule else []))
    is_known(allowed, True)
    is_known(other, False) if rule else is_open(other)
    n = 0
    for _ in range(3):
        for p in (allowed, other):
            p.say("bound", local, address_of(version), server.port, 100, *connected)
        mine, theirs = allowed.counts(), other.counts()
        # A refusal of the one's datagram may be told to the other's socket: an ICMP error has no more than the five numbers.
        assert mine == {0: 100} or (rule is None and set(mine) <= {0, *ASKED}), mine
        assert theirs == {KNOWN: 100} or rule is None, theirs
        n += mine[0]
    until(lambda: len(server.snapshot()) >= n, lambda: f"{n} datagrams, there are {len(server.snapshot())}")
    house.sniffer.fence()
    assert {x["data"].split()[0].decode() for x in server.snapshot()} == {allowed.path}
    assert len(server.snapshot()) == n
    house.counted(allowed.path, 5)


def test_two_programs_with_raw_sockets(house):
    """Nothing but addresses and a protocol number, the same for both."""
    allowed, denied = (house.programs.copy("talk", f"raw-{next(NAMES)}") for _ in range(2))
    house.rule(f"allow {allowed}", f"deny {denied}")
    for path in (allowed, denied):
        house.fw.run(path, "tcp", Network.PEER4, A)
    running = [house.fw.popen(path, "raw", Network.PEER4, 0, 200) for path in (allowed, denied) * 10]
    for process in running:
        process.wait(PATIENCE)
    house.counted(allowed, 11)
    house.counted(denied, 0, 11)
    assert len(house.sniffer.seen(200)) == 10


# ---- every map full -------------------------------------------------------------------------------------------------------------------

class Arrivals:
    """Datagrams at the peer, to every address of 10.92.0.0/16, counted by address and port. The sniffer would keep each."""

    def __init__(self, network):
        self.network, self.by_address = network, {}
        network.peer.ip("route", "replace", "local", "10.92.0.0/16", "dev", "lo")
        network.fw.ip("route", "replace", "10.92.0.0/16", "via", Network.PEER4)
        self.socket = network.peer.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_UDP)
        self.socket.setsockopt(socket.SOL_SOCKET, 33, 256 << 20)  # SO_RCVBUFFORCE
        self.socket.settimeout(0.2)

    def read(self, sniffer):
        """After a fence whatever was sent before has come."""
        sniffer.fence()
        found = {}
        while True:
            try:
                packet = self.socket.recv(128)
            except socket.timeout:
                return found
            key = packet[16:20], int.from_bytes(packet[22:24], "big")
            found[key] = found.get(key, 0) + 1

    def close(self):
        self.socket.close()
        self.network.peer.ip("route", "del", "local", "10.92.0.0/16", "dev", "lo")
        self.network.fw.ip("route", "del", "10.92.0.0/16")


@pytest.fixture
def arrivals(house, closing):
    """And nobody who watches: who does not read fast enough what is told of a flood is disconnected."""
    house.close()
    house.connect("notifications")
    yield closing(Arrivals(house.network))
    house.close()
    house.connect()


def host(number):
    return socket.inet_aton(f"10.92.{number >> 8}.{number & 255}")


def await_sums(books, allowed, denied):
    until(lambda: sum(books.since()[:2]) >= allowed + denied, lambda: f"{allowed} and {denied}, there are {books.since()[:2]}", 60)
    assert books.since()[:3] == books.since()[:3] == [allowed, denied, allowed + denied]


def test_more_destinations_than_verdicts_and_peers(house, start, arrivals):
    """20,000 destinations of one program, of which each has a verdict of its own, because some are denied."""
    count, port, path = 20000, next(PORTS), house.program()
    denied = [7, 300, 4321, 16384, 19999]
    house.rule(f"allow {path}", *(f"deny {path} to {socket.inet_ntoa(host(n))}" for n in denied))
    program, books = start(path), Books(house)
    expected, rounds = {(host(n), port): 1 for n in range(1, count + 1) if n not in denied}, []
    for i in range(1, 4):
        heard = program.do("hosts", "10.92.0.0", 1, count, port)
        assert set(heard) <= {0, KNOWN} and sum(heard.values()) == count
        await_sums(books, i * (count - len(denied)), i * len(denied))  # a socket of its own each time: each is a connection
        assert arrivals.read(house.sniffer) == expected, f"round {i}"
        rounds.append(house.daemon.memory())
    assert rounds[2] - rounds[0] < 8 << 20, rounds


def test_more_processes_than_are_remembered(house, start, full, arrivals):
    """A fork is a process of its own; the program's verdict is theirs too."""
    count, port = 20000 if full else 9000, next(PORTS)
    allowed, denied = start(house.program()), start(house.program())
    house.rule(f"allow {allowed.path}", f"deny {denied.path}")
    is_known(allowed, True)
    is_known(denied, False)
    queued, books = house.kernel()[0], Books(house)
    allowed.say("crowd", "10.92.1.1", port, count)
    denied.say("crowd", "10.92.1.2", port, count)
    assert allowed.counts() == {0: count}
    assert denied.counts() == {KNOWN: count}
    assert arrivals.read(house.sniffer) == {(socket.inet_aton("10.92.1.1"), port): count}
    assert house.kernel()[0] == queued
    await_sums(books, count, count)
    is_known(allowed, True)
    is_known(denied, False)


def test_more_pairs_of_program_and_rule_than_tallies(house, start, arrivals):
    """6,000 rules of one program, each for an address; every fifth denies. Nothing is lost when the tallies are given away and used again."""
    count, port, path = 6000, next(PORTS), house.program()
    house.daemon.write_rules({"version": 2, "rules": [
        {"id": f"r{n}", "action": "deny" if n % 5 == 0 else "allow", "program": path, "network": f"{socket.inet_ntoa(host(n))}/32"}
        for n in range(1, count + 1)]})
    house.read_files()
    program, books = start(path), Books(house)
    expected, rounds = {(host(n), port): 1 for n in range(1, count + 1) if n % 5}, []
    for i in range(1, 6):
        assert set(program.do("hosts", "10.92.0.0", 1, count, port)) <= {0, KNOWN}
        await_sums(books, i * (count - count // 5), i * (count // 5))
        assert arrivals.read(house.sniffer) == expected, f"round {i}"
        rounds.append(house.daemon.memory())
    hits = {r["id"]: r["hits"] for r in house.request("rules")["rules"] if r["origin"] == "list"}
    assert hits == {f"r{n}": 5 for n in range(1, count + 1)}
    assert rounds[4] - rounds[1] < 8 << 20, rounds


def test_more_sockets_than_tags(house, start, closing, arrivals, full):
    """Where no tag can be written the daemon decides each packet, and a denial that is known fails as ever."""
    if not full:
        pytest.skip("68,000 sockets at once: part of the full run, on a machine that does nothing else")
    count, port, path = 17000, next(PORTS), house.program()
    if resource.getrlimit(resource.RLIMIT_NOFILE)[1] < count + 64:
        pytest.skip(f"needs {count + 64} file descriptors a process")

    class Address:
        def __init__(self, address):
            self.address = address
            house.fw.ip("addr", "add", f"{address}/24", "dev", "uplink")

        def close(self):
            house.fw.ip("addr", "del", f"{self.address}/24", "dev", "uplink")

    holders = [(start(path), closing(Address(f"10.91.0.{n}")).address) for n in (11, 12, 13, 14)]
    denied, other = start(house.program()), start(house.program())
    house.rule(f"allow {path}", f"deny {denied.path}")
    is_known(holders[0][0], True)
    is_known(denied, False)
    for holder, address in holders:
        assert holder.do("sockets", "10.92.1.1", port, count, address) == {0: count}
    assert arrivals.read(house.sniffer) == {(socket.inet_aton("10.92.1.1"), port): 4 * count}
    tags = next(c for c in house.request("doctor")["checks"] if c["name"] == "tags")
    assert tags["level"] == "warning" and int(re.search(r"(\d+) not \(map full\)", tags["text"])[1]) >= 4 * count - 65536, tags
    for _ in range(3):
        assert holders[0][0].tcp(Network.PEER4, A, 5) == {0: 5}
        assert denied.tcp(Network.PEER4, A, 5) == {KNOWN: 5}
        assert denied.do("unconnected", 0, "10.92.1.2", port, 5) == {KNOWN: 5}
        is_open(other)
    for holder, address in holders:
        holder.text("sockets", "10.92.1.1", port, 0, address)
    queued = house.kernel()[0]
    is_known(holders[0][0], True)
    assert house.kernel()[0] == queued
    assert arrivals.read(house.sniffer) == {}
