# SPDX-License-Identifier: GPL-3.0-or-later
"""Caps reached and passed, floods, slow and hostile clients: whoever is not concerned is served as if nothing were, the daemon's memory
stays what it was, and nothing that nobody allowed gets through.

     fw                                            peer
     ┌───────────────────────────────┐            ┌────────────────────────┐
     │ floods ─▶ held, or over a cap │   veth     │ TCP 8080               │
     │ a program with a rule ────────┼────────────┤ nobody at 20000 and up │
     │ a hundred clients             │            └────────────────────────┘
     └───────────────────────────────┘

What is not concerned must be decided in milliseconds. The bound here is a hundred of them, ten times that and for a busy machine.
"""

import json
import socket
import threading

import pytest

from harness.clients import OldClient, Subscriber
from harness.net import Network
from harness.wait import until

NOBODY = 20000  # the first port where nobody listens
BOUND_NS = 100_000_000
MEGABYTE = 1 << 20


class Flood:
    def __init__(self, network, path, count):
        self.path = path
        self.process = network.fw.popen(path, Network.PEER4, NOBODY, count, stdout=-1, text=True)

    def opened(self):
        assert self.process.stdout.readline() == "open\n"

    def finish(self, stop=True):
        """Connected, refused, pending, other."""
        if stop and self.process.poll() is None:
            self.process.terminate()
        assert self.process.wait(120) == 0
        return [int(word) for word in self.process.stdout.read().split()]

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()


@pytest.fixture
def flood(network, closing, programs):
    return lambda name, count: closing(Flood(network, programs.copy("flood", name), count))


@pytest.fixture
def others(network, programs, tcp):
    """others() → the median of how long a connect of somebody with a rule takes now, in nanoseconds; it fails when one is refused."""
    path = programs.copy("knock", "not-concerned")

    def median():
        done = network.fw.run(path, Network.PEER4, tcp.port, 25, timeout=120)
        assert done.returncode == 0, "somebody with a rule was refused"
        return int(done.stdout)

    median.path = path
    return median


def status(watcher):
    return watcher.request("status")["status"]


def test_the_cap_of_one_program(daemon, flood, others, old_client, subscriber):
    """64 wait, of which eight in one question at most and the rest in that for the whole program; the 36 beyond are decided by default."""
    d = daemon({"timeout_seconds": 300, "log_every_connection": True}, rules={f"{others.path}:*": True})
    person, watcher = old_client(d), subscriber(d)
    crowd = flood("crowd-one", 100)
    crowd.opened()
    until(lambda: status(watcher)["held"] == 64 and status(watcher)["by_reason"].get("cap", 0) == 36, lambda: status(watcher))
    assert others() < BOUND_NS
    until(lambda: len(person.popups(crowd.path)) == 4, "three questions, and one for the whole program")
    for request in person.popups(crowd.path):
        person.answer(request, True, duration="once")
    # Answered: at the peer, where nobody listens, they are refused; and so were those over the cap, here.
    assert crowd.finish(stop=False) == [0, 100, 0, 0]
    assert status(watcher)["held"] == 0

    def told(reason):
        return [x for x in watcher.decisions() if x["path"] == crowd.path and x["reason"] == reason]

    # A decision is told after it was made, when nothing else waits.
    until(lambda: len(told("user")) + len(told("cap")) == 100, lambda: f"100 decisions: {len(told('user'))} and {len(told('cap'))}")
    assert len({x["remote_port"] for x in told("cap")}) == 36 and all(x["verdict"] == "deny" for x in told("cap"))
    assert len({x["remote_port"] for x in told("user")}) == 64 and all(x["verdict"] == "allow" for x in told("user"))


@pytest.mark.gate_only
def test_the_cap_in_all(daemon, flood, others, old_client, subscriber, programs, sniffer):
    d = daemon({"timeout_seconds": 300, "log_every_connection": True}, rules={f"{others.path}:*": True})
    person, watcher = old_client(d), subscriber(d)
    before = d.memory()
    # One after the other: of one user there are 256 questions at most, and whose four they are must not depend on who was quick.
    crowds = []
    for i in range(68):
        crowds.append(flood(f"crowd-{i:02}", 70))
        crowds[-1].opened()
        until(lambda: status(watcher)["held"] == min(64 * (i + 1), 4096), lambda: status(watcher))
    beyond = 68 * 70 - 4096
    until(lambda: status(watcher)["held"] == 4096 and status(watcher)["by_reason"].get("cap", 0) >= beyond, lambda: status(watcher), 60)
    assert others() < BOUND_NS
    assert status(watcher)["questions"] == 256, "of one user"
    assert d.memory() - before < 32 * MEGABYTE
    assert [p for p in sniffer.seen(6) if p.destination_port >= NOBODY] == []
    results = [crowd.finish() for crowd in crowds]
    assert [sum(column) for column in zip(*results)][0] == 0
    assert others() < BOUND_NS
    person.close()  # nobody is left to ask: everything held gets its verdict
    until(lambda: status(watcher)["held"] == 0, "no packet held")
    assert [p for p in sniffer.seen(6) if p.destination_port >= NOBODY] == []


@pytest.mark.parametrize("allowed", [True, False], ids=["allowed", "unasked"])
def test_a_program_that_connects_without_end(rung, full, network, daemon, others, programs, tcp, sniffer, allowed):
    """One after the other and as fast as it can."""
    count = (50000 if full else 5000) if rung == "gate" else (5000 if full else 1000)
    path = programs.copy("storm", f"endless-{allowed}")
    rules = {f"{others.path}:*": True, **({f"{path}:*": True} if allowed else {})}
    d = daemon({"log_every_connection": True}, rules=rules)
    before = d.memory()
    # Where a connect that is let through leaves no socket in time-wait, as knock's does, ports do not run out.
    argv = (programs.copy("knock", f"endless-knock-{allowed}"), Network.PEER4, tcp.port, count) if allowed else \
        (path, Network.PEER4, tcp.port, 1000, count)
    if allowed:
        d.write_rules({f"{others.path}:*": True, f"{argv[0]}:*": True})
        d.reload()
        until(lambda: "reloaded" in d.output(), "the rules")
    endless = network.fw.popen(*argv, stdout=-1, text=True)
    try:
        figures = []
        while endless.poll() is None:
            figures.append(others())
        out, _ = endless.communicate()
    finally:
        if endless.poll() is None:
            endless.kill()
            endless.communicate()
    assert sorted(figures)[len(figures) // 2] < BOUND_NS, figures
    assert d.memory() - before < 16 * MEGABYTE
    if allowed:
        assert endless.returncode == 0
    else:
        assert out.split() == ["0", str(count), "0", "0"], out
        assert [x for x in tcp.snapshot() if x["data"].startswith(path.encode())] == []


class Hostile:
    """Garbage, then a line without an end, again and again."""

    def __init__(self, path):
        self._path, self._stop = path, threading.Event()
        self.n_disconnected = 0
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        garbage = bytes(range(256)) * 64
        while not self._stop.is_set():
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as s:
                try:
                    s.connect(self._path)
                    s.settimeout(5)
                    s.sendall(garbage + b"\n{}\n[]\n\x00\n" + b'{"type":"gui_response","request_id":"q1-0","allow":true}\n')
                    while not self._stop.is_set():
                        s.sendall(b"x" * 16384)
                except OSError:
                    self.n_disconnected += 1

    def close(self):
        self._stop.set()
        self._thread.join()


def test_a_hundred_clients_one_slow_one_hostile(rung, full, network, daemon, others, closing, subscriber, programs, tcp):
    path = programs.copy("storm", "talked-about")
    d = daemon({"log_every_connection": True}, rules={f"{others.path}:*": True, f"{path}:*": False})
    before = d.memory()
    count = (50000 if full else 5000) if rung == "gate" else (5000 if full else 1000)
    slow = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        slow.connect(d.socket_path)
        slow.sendall(b'{"type":"hello","id":1,"client":"slow","protocol":2}\n{"type":"subscribe","id":2,"events":["decisions"]}\n')
        clients = [closing(OldClient(d.socket_path)) for _ in range(97)]
        watcher = subscriber(d)
        hostile = closing(Hostile(d.socket_path))
        assert status(watcher)["clients"] >= 99
        watcher.put_by()
        storm = network.fw.popen(path, Network.PEER4, tcp.port, 1000, count, stdout=-1, text=True)
        try:
            figures = []
            while storm.poll() is None:
                figures.append(others())
            out, _ = storm.communicate()
        finally:
            if storm.poll() is None:
                storm.kill()
                storm.communicate()
        assert out.split()[0] == "0" and out.split()[2:] == ["0", "0"], out
        assert sorted(figures)[len(figures) // 2] < BOUND_NS, figures
        until(lambda: hostile.n_disconnected > 0, "the hostile one to be disconnected")
        assert d.memory() - before < 24 * MEGABYTE
        assert not [c for c in clients if c.closed], "nobody else was disconnected"
        watcher.understand()
        until(lambda: len([x for x in watcher.decisions() if x["path"] == path]) >= count, "the one that reads to be told all")
        assert not watcher.closed
        assert d.process.poll() is None
    finally:
        slow.close()


def test_a_client_that_never_reads_is_let_go(network, daemon, programs, tcp, subscriber):
    """It asks and asks and reads no answer: after 4 MiB it is disconnected."""
    d = daemon()
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as slow:
        slow.connect(d.socket_path)
        slow.settimeout(0.2)
        request = json.dumps({"type": "doctor", "id": 1}).encode() + b"\n"
        sent = 0
        with pytest.raises(OSError) as caught:
            while sent < 100000:
                try:
                    slow.sendall(request)
                    sent += 1
                except TimeoutError:
                    pass
        assert isinstance(caught.value, (BrokenPipeError, ConnectionResetError))
    assert "does not read what it asked for" in d.output()
    assert status(subscriber(d))["clients"] == 1
