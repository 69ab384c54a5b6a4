# SPDX-License-Identifier: GPL-3.0-or-later
"""Whoever runs a name server chooses what its answers say, and the parser may die of it: no name is known that was not told, and nobody else feels it.

     fw                                                     peer
     ┌─────────────────────────────────┐                    ┌───────────────────────────────────────────┐
     │ bastion-daemon ── parser        │        veth        │ a name server that answers what the test  │
     │ this python; "steady", another  ├────────────────────┤ wants; one for "steady"                   │
     │ program                         │                    │ TCP 8080 at every address of 10.92.0.0/16 │
     └─────────────────────────────────┘                    └───────────────────────────────────────────┘

Gate rung: the other hears no answers.
"""

import contextlib
import itertools
import os
import signal
import socket
import struct
import subprocess
import time

import pytest

from harness import dns, sockets
from harness.clients import Subscriber
from harness.daemon import Daemon
from harness.net import Network
from harness.programs import FOLDER
from harness.servers import ScriptedDnsServer, TcpServer
from harness.steady import Steady
from harness.wait import until

pytestmark = pytest.mark.gate_only

SERVER = "10.91.0.66"
NAMES_MEMORY = 16 << 20  # the most that all known names take
PATIENCE_US = 250000  # a decision waits so long for the parser
PLENTY = 10  # times that, where a test machine is busy
PROGRAM_NAMES = 2000
ASIDE = 256  # packets that may wait for it


class House:
    def __init__(self, build, network, directory, closing, environment=None):
        self.fw, self.network, self.directory = network.fw, network, directory
        network.add_wide()
        network.peer.ip("addr", "replace", f"{SERVER}/32", "dev", "uplink")
        self.reply = self.tell
        self.addresses = (f"10.92.{i}.{j}" for i in itertools.count(1) for j in range(1, 251))
        self.tcp = closing(TcpServer(network.peer))
        closing(ScriptedDnsServer(network.peer, SERVER, lambda question: self.reply(question)))
        # Each connection is told by itself; what the kernel knows by a name is test_names.py's, and its clock cannot be put forward.
        config = {"popup_enabled": False, "default_action": "deny", "log_every_connection": True}
        self.daemon = closing(Daemon(build, network.fw, directory / "bastion", "gate", config, environment=environment)).start()
        self.watcher = closing(Subscriber(self.daemon.socket_path, "decisions"))
        self.add(f"allow {sockets.PYTHON} to {SERVER} port 53")
        self.add(f"allow {sockets.PYTHON} to .good.test")
        self.told = {}

    def add(self, sentence):
        assert self.watcher.request("rule_add", sentence=sentence)["type"] == "reply"

    def fresh(self, name, ttl=300):
        """An address that nobody has been to; the server tells it for that name."""
        address = next(self.addresses)
        self.told[dns.wire_name(name).lower()] = (address, ttl)
        return address

    def tell(self, question):
        number, name, kind = dns.asked(question)
        address, ttl = self.told[name.lower()]
        return [dns.answer(number, name, kind, dns.record(address, ttl=ttl))]

    def ask(self, name, number=7):
        with contextlib.closing(self.fw.socket(socket.AF_INET, socket.SOCK_DGRAM)) as s:
            s.settimeout(20)
            s.sendto(dns.question(number, name), (SERVER, 53))
            return s.recv(65536)

    def goes(self, address):
        """(was it let through, how it was called, how long it was held)"""
        before = len(self.watcher.decisions())
        allowed = sockets.tcp(self.fw, address, self.tcp.port) == 0

        def decisions():
            return [d for d in self.watcher.decisions()[before:] if d["remote_ip"] == address]

        decision = until(decisions, f"the decision about {address}")[0]
        assert (decision["verdict"] == "allow") == allowed
        return allowed, decision["host"], decision["latency_us"]

    def parser(self):
        """Its process id; None while there is none."""
        return next((pid for pid in descendants(self.daemon.pid) if comm(pid) == "bastion-parser"), None)


def read(pid, name):
    try:
        with open(f"/proc/{pid}/{name}", encoding="utf-8", errors="replace") as f:
            return f.read()
    except OSError:
        return ""


def comm(pid):
    return read(pid, "comm").strip()


def descendants(pid):
    for child in read(pid, f"task/{pid}/children").split():
        yield int(child)
        yield from descendants(int(child))


@pytest.fixture(scope="module")
def house(request, build, tmp_path_factory):
    network = Network(request.config.getoption("--netns-prefix") + "hostile-")
    with contextlib.ExitStack() as stack:
        stack.callback(network.delete)

        def closing(thing):
            stack.callback(thing.close)
            return thing

        yield House(build, network, tmp_path_factory.mktemp("hostile"), closing)


@pytest.fixture
def steady(house, tmp_path):
    with contextlib.closing(Steady(house.network, tmp_path, house.add, house.tcp.port)) as program:
        yield program


def pointer(at):
    return struct.pack("!H", 0xC000 | at)


NAME = "asked.good.test"
WIRE = dns.wire_name(NAME)
FIRST = 12 + len(WIRE) + 4  # where the answers begin


def answer(*records, **kw):
    return lambda number, address: dns.answer(number, NAME, dns.A, *[r(address) if callable(r) else r for r in records], **kw)


def lead(**kw):
    return lambda address: dns.record(address, **kw)


def alias(owner, target):
    return dns.record(target, owner, dns.CNAME)


HOSTILE = {
    "pointer-to-itself": answer(lead(owner=pointer(FIRST))),
    "pointer-ahead": answer(lead(owner=pointer(FIRST + 16)), lead()),
    "pointers-in-a-ring": answer(lead(owner=pointer(FIRST + 16)), lead(owner=pointer(FIRST))),
    "pointer-into-the-header": answer(lead(owner=pointer(4))),
    "pointer-beyond-the-end": answer(lead(owner=b"\xff\xff")),
    "label-of-64-bytes": answer(lead(owner=b"\x40" + b"a" * 64 + b"\0"), lead()),
    "label-beyond-the-end": answer(lead(), b"\x3fa"),
    "name-of-300-bytes": answer(lead(owner=b"\x02ab" * 100 + b"\0"), lead()),
    "more-answers-than-there-are": answer(lead(), n_records=65535),
    "an-answer-that-is-not-counted": answer(lead(), n_records=0),
    "address-of-3-bytes": answer(lambda a: dns.record(socket.inet_aton(a)[:3], kind=dns.A)),
    "address-of-5-bytes": answer(lambda a: dns.record(socket.inet_aton(a) + b"\1", kind=dns.A)),
    "record-beyond-the-end": answer(lead(length=65535)),
    "cut": lambda number, address: dns.answer(number, NAME, dns.A, dns.record(address))[:-1],
    "aliases-in-a-ring": answer(alias(NAME, "b.test"), alias("b.test", NAME), lead(owner="b.test")),
    "alias-of-itself": answer(alias(NAME, NAME), lead()),
    "17-aliases": answer(alias(NAME, "n1.test"), *[alias(f"n{i}.test", f"n{i + 1}.test") for i in range(1, 17)], lead(owner="n17.test")),
    "bytes-after-an-alias": answer(dns.record(dns.wire_name("b.test") + b"x", kind=dns.CNAME), lead(owner="b.test")),
    "an-address-of-somebody-else": answer(lead(owner="other.good.test")),
    "an-address-of-the-other-kind": answer(dns.record("::ffff:10.92.0.1", kind=dns.AAAA), lead(kind=dns.TXT)),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_hostile_answer_names_nothing(house, kind):
    address, parser = next(house.addresses), house.parser()
    house.reply = lambda question: [HOSTILE[kind](dns.asked(question)[0], address)]
    heard = house.ask(NAME)
    assert heard == HOSTILE[kind](7, address)
    assert house.goes(address)[:2] == (False, None)
    house.reply = house.tell
    right = house.fresh(f"after-{kind}.good.test")
    house.ask(f"after-{kind}.good.test")
    assert house.goes(right)[:2] == (True, f"after-{kind}.good.test")
    assert house.parser() == parser, "and the parser lives"


ODD = {"blank": b"\x03a b", "dot": b"\x03a.b", "nul": b"\x03a\0b", "quote": b'\x03a"b', "newline": b"\x03a\nb", "escape": b"\x04\x1b[2J", "star": b"\x01*",
       "8-bit": b"\x02\xc3\xbc", "slash": b"\x03../"}


@pytest.mark.parametrize("kind", ODD)
def test_a_name_that_no_host_can_have_is_not_known(house, kind):
    house.reply = house.tell
    name = ODD[kind] + dns.wire_name("good.test")
    address = house.fresh(name)
    assert address and house.ask(name)[12:12 + len(name)] == name
    assert house.goes(address)[:2] == (False, None)


def test_every_answer_of_a_burst_counts(house):
    """They lie in the ring until a packet has to be decided, and its name may be that of the last."""
    house.reply = house.tell
    names = [f"burst-{i}.good.test" for i in range(400)]
    addresses = [house.fresh(name) for name in names]
    for name in names:
        house.ask(name)
    for i in (399, 0, 200, 300, 398):
        assert house.goes(addresses[i])[:2] == (True, names[i])


def test_answers_that_take_long_to_read_hold_up_nobody_else(house, steady, full):
    with open(os.path.join(os.path.dirname(os.path.dirname(FOLDER)), "fuzz/corpus/dns/seed-longest-work"), "rb") as f:
        work = f.read()
    number, name, _ = dns.asked(work)
    house.reply = lambda question: [work]
    for _ in range(10000 if full else 500):
        assert house.ask(name, number) == work
    done, refused, longest = steady.finish()
    assert done > 10 and refused == 0 and longest < PLENTY * PATIENCE_US / 1e6


def test_one_program_fills_its_own_share_alone(house, steady, full):
    """Of more names than one program may have its oldest go, and no more memory is taken."""
    house.reply = house.tell
    first = house.fresh("first.good.test")
    house.ask("first.good.test")
    before = house.daemon.memory()
    for i in range(100000 if full else PROGRAM_NAMES + 500):
        address = house.fresh(f"filling-{i}.good.test")
        house.ask(f"filling-{i}.good.test")
    assert house.goes(address)[0]
    assert house.daemon.memory() - before < NAMES_MEMORY
    assert house.goes(first)[:2] == (False, None)
    done, refused, _ = steady.finish()
    assert done > 10 and refused == 0


def test_a_parser_that_stands_still_holds_up_a_connection_for_so_long_and_no_longer(house):
    house.reply = house.tell
    parser = until(house.parser, "the parser")
    late, stranger = house.fresh("late.good.test"), next(house.addresses)
    os.kill(parser, signal.SIGSTOP)
    try:
        house.ask("late.good.test")
        allowed, host, held_us = house.goes(late)
        assert (allowed, host) == (False, None)
        assert held_us < PLENTY * PATIENCE_US
        assert house.goes(stranger)[:2] == (False, None)
    finally:
        os.kill(parser, signal.SIGCONT)
    until(lambda: house.goes(late)[:2] == (True, "late.good.test"), "the name to be known at last")


def test_of_more_packets_than_may_wait_the_rest_is_decided_at_once(house):
    house.reply = house.tell
    parser = until(house.parser, "the parser")
    address, before = house.fresh("crowd.good.test"), len(house.watcher.decisions())
    os.kill(parser, signal.SIGSTOP)
    try:
        house.ask("crowd.good.test")
        with contextlib.ExitStack() as stack:
            for _ in range(ASIDE + 50):
                s = stack.enter_context(contextlib.closing(house.fw.socket(socket.AF_INET, socket.SOCK_STREAM)))
                s.setblocking(False)
                s.connect_ex((address, house.tcp.port))

            def decided():
                return [d for d in house.watcher.decisions()[before:] if d["remote_ip"] == address]

            until(lambda: len(decided()) == ASIDE + 50, lambda: len(decided()))
            assert {(d["verdict"], d["host"]) for d in decided()} == {("deny", None)}
            waited = [d["latency_us"] for d in decided() if d["latency_us"] >= PATIENCE_US]
            assert 0 < len(waited) <= ASIDE and max(waited) < PLENTY * PATIENCE_US
    finally:
        os.kill(parser, signal.SIGCONT)
    until(lambda: house.goes(address)[0], "the name to be known at last")


def test_a_parser_that_is_killed_again_and_again(house):
    """A name may be lost then, but none comes from nowhere, and nobody waits. The nursery takes longer from one time to the next until it starts another."""
    house.reply = house.tell
    known = lost = 0
    for i in range(3):
        until(house.parser, "another parser", 70)
        end = time.monotonic() + 1
        while time.monotonic() < end:
            name = f"killed-{i}-{known + lost}.good.test"
            right, wrong = house.fresh(name), next(house.addresses)
            house.ask(name)
            parser = house.parser()
            if parser:
                os.kill(parser, signal.SIGKILL)
            assert house.goes(wrong)[:2] == (False, None), "nobody was told of that address"
            allowed, host, held_us = house.goes(right)
            assert host == (name if allowed else None)
            assert held_us < PLENTY * PATIENCE_US
            known, lost = known + allowed, lost + (not allowed)
    assert lost > 0
    until(house.parser, "the last parser", 70)

    tries = itertools.count()

    def works():
        name = f"again-{next(tries)}.good.test"
        address = house.fresh(name)
        house.ask(name)
        return house.goes(address)[0]

    until(works, "names again")


DAY, MINUTE = 24 * 60 * 60, 60


def test_a_name_holds_for_a_minute_at_least_and_a_day_at_most(request, build, tmp_path):
    """The daemon's clock is put forward: a TTL of 0, and one of a year."""
    library, clock = str(tmp_path / "clock-shift.so"), tmp_path / "clock"
    subprocess.run([os.environ.get("CC", "gcc"), "-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-D_GNU_SOURCE", "-o", library,
                    os.path.join(FOLDER, "clock-shift.c")], check=True)
    clock.write_bytes(struct.pack("qq", 0, 0))
    with contextlib.ExitStack() as stack:
        network = Network(request.config.getoption("--netns-prefix") + "ttl-")
        stack.callback(network.delete)

        def closing(thing):
            stack.callback(thing.close)
            return thing

        house = House(build, network, tmp_path, closing, {"LD_PRELOAD": library, "CLOCK_SHIFT": str(clock), "ASAN_OPTIONS": "verify_asan_link_order=0"})
        zero, year = house.fresh("zero.good.test", 0), house.fresh("year.good.test", 365 * DAY)
        begin = time.monotonic()
        for name in ("zero.good.test", "year.good.test"):
            house.ask(name)
        for seconds, known in ((0, (True, True)), (MINUTE // 2, (True, True)), (MINUTE, (False, True)), (DAY - MINUTE, (False, True)), (DAY, (False, False))):
            with open(clock, "r+b") as f:
                f.write(struct.pack("qq", 0, seconds))
            assert (house.goes(zero)[0], house.goes(year)[0]) == known, seconds
        assert time.monotonic() - begin < MINUTE // 2, "the machine is too slow for this test"
