# SPDX-License-Identifier: GPL-3.0-or-later
"""kill -9 and restart. While no daemon lives, what was decided goes on and on_failure says what becomes of the rest; the next daemon
takes over, and between the two nothing slips past a rule and nothing that was allowed is lost.

     fw                                              peer
     ┌─────────────────────────────────┐            ┌──────────────────┐
     │ daemon 1, killed; daemon 2      │   veth     │ TCP 8080         │
     │ storms: connect in a tight loop ┼────────────┤ TCP 7070, echoes │
     │ one connection that stays       │            │ UDP 7007, echoes │
     └─────────────────────────────────┘            └──────────────────┘
"""

import ctypes
import os
import platform
import socket
import struct
import sys
import threading

import pytest

from harness.net import Network
from harness.wait import until

PYTHON = os.path.realpath(sys.executable)
ECHO = 7070


class Echo:
    """A TCP server of the peer that sends back what it gets, on as many connections as come."""

    def __init__(self, network):
        self._listener = network.peer.socket(socket.AF_INET, socket.SOCK_STREAM)
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._listener.bind((Network.PEER4, ECHO))
        self._listener.listen(16)
        self._talks = []
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        while True:
            try:
                talk, _ = self._listener.accept()
            except OSError:
                return
            self._talks.append(talk)
            threading.Thread(target=self._echo, args=(talk,), daemon=True).start()

    @staticmethod
    def _echo(talk):
        try:
            while data := talk.recv(4096):
                talk.sendall(data)
        except OSError:
            pass

    def close(self):
        self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        for s in (self._listener, *self._talks):
            s.close()


class Talk:
    """One connection of this very process, from fw to the echo."""

    def __init__(self, network, kind=socket.SOCK_STREAM, port=ECHO):
        self.socket = network.fw.socket(socket.AF_INET, kind)
        self.socket.settimeout(20)
        self.socket.connect((Network.PEER4, port))
        self._serial = 0

    def works(self):
        self._serial += 1
        text = f"piece {self._serial}".encode()
        self.socket.sendall(text)
        return self.socket.recv(4096) == text

    def close(self):
        self.socket.close()


class Storm:
    def __init__(self, network, path, tcp, wait_ms=100, count=0):
        self.path = path
        self.process = network.fw.popen(path, Network.PEER4, tcp.port, wait_ms, count, stdout=-1, text=True)

    def finish(self):
        """How many were connected, refused, given up, other."""
        if self.process.poll() is None:
            self.process.terminate()
        out, _ = self.process.communicate(timeout=60)
        assert self.process.returncode == 0
        return [int(word) for word in out.split()]

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.communicate()


@pytest.fixture
def echo(network, closing):
    return closing(Echo(network))


@pytest.fixture
def talk(network, closing, echo):
    return lambda *args: closing(Talk(network, *args))


@pytest.fixture
def storm(network, closing, tcp, programs):
    return lambda name, **kw: closing(Storm(network, programs.copy("storm", name), tcp, **kw))


@pytest.fixture
def visit(network, closing, programs, tcp):
    """visit(name) → a running program that connects once."""

    class Visit:
        def __init__(self, name):
            self.path = programs.visitor(name)
            self.process = network.fw.popen(self.path, "tcp", Network.PEER4, tcp.port)

        def wait(self, seconds=60):
            return self.process.wait(seconds)

        def close(self):
            self.process.kill()
            self.process.wait()

    return lambda name: closing(Visit(name))


def came(tcp, path):
    """Connections of that program that the server saw."""
    return [x for x in tcp.snapshot() if x["data"].startswith(path.encode() + b" ")]


def sent_a_syn(sniffer, tcp):
    return sniffer.seen(6, tcp.port)


# ---- while no daemon lives -----------------------------------------------------------------------------------------------

def test_closed_keeps_the_undecided_out_until_the_next_daemon_decides(daemon, visit, programs, talk, tcp, sniffer):
    allowed, denied = programs.visitor("life-allowed"), programs.visitor("life-denied")
    d = daemon({"on_failure": "closed"}, rules={f"{PYTHON}:*": True, f"{allowed}:*": True, f"{denied}:*": False})
    flow = talk()
    assert flow.works()
    d.kill()
    waiting, refused = visit("life-allowed"), visit("life-denied")
    until(lambda: sum(" 02 " in line for line in tcp_states(waiting, refused)) == 2, "both to have sent their SYN")
    assert flow.works(), "what was decided goes on"
    assert sent_a_syn(sniffer, tcp) == []
    d.start()
    assert waiting.wait() == 0
    assert refused.wait() == 1
    assert flow.works()
    assert len(came(tcp, allowed)) == 1 and came(tcp, denied) == []


def tcp_states(*visits):
    with open(f"/proc/{visits[0].process.pid}/net/tcp", encoding="ascii") as f:
        return f.readlines()[1:]


def test_open_lets_the_undecided_through_until_the_next_daemon_lives(daemon, visit, talk, tcp, programs):
    denied = programs.visitor("life-denied")
    d = daemon({"on_failure": "open"}, rules={f"{PYTHON}:*": True, f"{denied}:*": False})
    flow = talk()
    assert flow.works()
    d.kill()
    assert flow.works()
    assert visit("life-denied").wait() == 0, "nobody is there to deny it"
    until(lambda: len(came(tcp, denied)) == 1, "it reached the peer")
    d.start()
    assert visit("life-denied").wait() == 1
    assert flow.works()


@pytest.mark.gate_only
def test_what_the_kernel_knows_stays_decided_while_no_daemon_lives(daemon, visit, tcp, programs, sniffer):
    """Open lets the undecided through. This one was denied before."""
    denied, allowed = programs.visitor("life-denied"), programs.visitor("life-allowed")
    d = daemon({"on_failure": "open"}, rules={f"{denied}:*": False, f"{allowed}:*": True})
    assert (visit("life-denied").wait(), visit("life-allowed").wait()) == (1, 0)
    d.kill()
    for _ in range(3):
        assert (visit("life-denied").wait(), visit("life-allowed").wait()) == (1, 0)
    assert visit("life-any").wait() == 0
    until(lambda: len(came(tcp, allowed)) == 4, "what was allowed at the peer")
    assert came(tcp, denied) == []


@pytest.mark.parametrize("mode", ["learning", "enforcement"])
def test_on_failure_follows_the_mode_unless_it_is_said(daemon, visit, mode, tcp, sniffer):
    d = daemon({"mode": mode})
    d.kill()
    if mode == "learning":
        assert visit("life-any").wait() == 0
    else:
        started = visit("life-any")
        until(lambda: any(" 02 " in line for line in tcp_states(started)), "its SYN")
        assert sent_a_syn(sniffer, tcp) == []


# ---- from one daemon to the next -----------------------------------------------------------------------------------------

def test_nothing_slips_past_while_daemons_come_and_go(rung, full, daemon, storm, talk, tcp, programs, subscriber):
    """Three programs connect in tight loops through crashes and restarts."""
    rounds = 20 if full else 5
    names = ("storm-allowed", "storm-denied", "storm-unasked")
    allowed, denied, unasked = (programs.copy("storm", name) for name in names)
    d = daemon({"on_failure": "closed"}, rules={f"{PYTHON}:*": True, f"{allowed}:*": True, f"{denied}:*": False})
    flow = talk()
    storms = {name: storm(name) for name in names}
    for _ in range(rounds):
        before = len(came(tcp, allowed))
        until(lambda before=before: len(came(tcp, allowed)) >= before + 50, "the allowed one to go on")
        watcher = subscriber(d)

        def told(watcher=watcher):
            return watcher.decisions() + watcher.of_type("decisions")  # by the daemon; by the kernel

        until(lambda: any(x["path"] == denied and (x["verdict"], x["reason"]) == ("deny", "rule") for x in told()), "the denied one to be told of")
        watcher.decision(path=unasked, verdict="deny", reason="nobody")
        named = {x["path"] for x in told() if x["kind"] == "program"}
        assert named <= {allowed, denied, unasked, PYTHON}, named
        unknown = [x for x in told() if x["kind"] != "program"]
        # On the queue rung a socket that its program gave up has no owner any more.
        assert unknown == [] or (rung == "queue" and all(x["verdict"] == "deny" for x in unknown)), unknown
        d.kill()
        assert flow.works(), "decided: it needs no daemon"
        d.start()
        assert flow.works()
    results = {name: s.finish() for name, s in storms.items()}
    assert results["storm-allowed"][3] == 0, results
    assert results["storm-denied"][0] == results["storm-unasked"][0] == 0, results
    assert results["storm-denied"][1] > 0 and results["storm-unasked"][1] > 0, results
    assert came(tcp, denied) == came(tcp, unasked) == []


def test_a_crash_loses_no_rule_and_keeps_no_stale_one(daemon, cli, visit, programs):
    path = programs.visitor("life-rule")
    d = daemon(rules={})
    cli(d)("rules", "add", f"allow {path} port 8080")
    d.kill()
    d.start()
    assert visit("life-rule").wait() == 0
    cli(d)("rules", "delete", f"{path}:8080")
    d.kill()
    d.start()
    assert visit("life-rule").wait() == 1
    assert f"{path}:8080" not in cli(d)("rules", "list")


@pytest.mark.gate_only
def test_a_rule_that_was_made_while_no_daemon_lived_ends_older_flows(daemon, talk):
    d = daemon(rules={f"{PYTHON}:*": True})
    flow = talk()
    assert flow.works()
    d.kill()
    d.write_rules({f"{PYTHON}:*": False})
    d.start()
    with pytest.raises(ConnectionError):
        until(lambda: not flow.works(), "the flow to end")


def test_an_answer_outlives_the_daemon_with_its_connection(daemon, old_client, network, echo, closing, subscriber):
    d = daemon()
    person = old_client(d)
    made = []
    thread = threading.Thread(target=lambda: made.append(Talk(network)))
    thread.start()
    person.answer(person.popup(PYTHON, ECHO), True, duration="once")
    thread.join()
    flow = closing(made[0])
    assert flow.works()
    d.kill()
    assert flow.works()
    d.start()  # and nobody is there to ask
    assert flow.works()
    assert flow.works()


def test_datagrams_go_on(rung, daemon, talk, udp):
    """Without a daemon too: the gate has the tag, and on the queue rung conntrack knows the flow."""
    d = daemon(rules={f"{PYTHON}:*": True})
    flow = talk(socket.SOCK_DGRAM, udp.port)
    assert flow.works()
    d.kill()
    assert flow.works()
    d.start()
    assert flow.works()


@pytest.mark.gate_only
def test_a_process_that_the_dead_daemon_knew_is_known_by_the_kernels_word(daemon, storm, subscriber):
    d = daemon({"cache_decisions": False})
    running = storm("life-known")
    watcher = subscriber(d)
    assert watcher.decision(path=running.path)["identity"] == "task"
    d.kill()
    d.start()
    watcher = subscriber(d)
    watcher.decision(path=running.path, identity="task")


def pinned(d):
    return {os.path.basename(path) for path in d.pins()}


def test_pins_are_taken_over_and_go_at_the_end(rung, daemon, cli):
    d = daemon()
    before = pinned(d)
    assert (before == set()) == (rung == "queue")
    d.kill()
    assert pinned(d) == before
    d.start()
    assert pinned(d) == before
    if rung == "gate":
        assert "took over from a daemon that was killed" in d.output()
        hooks = next(c for c in cli(d).json("doctor")["checks"] if c["name"] == "hooks")
        assert hooks["level"] == "ok", hooks
    d.stop()
    assert d.pins() == [] and d.tables() == set()


def test_stop_and_start_is_fine(daemon, talk, visit, programs):
    path = programs.visitor("life-restart")
    d = daemon(rules={f"{PYTHON}:*": True, f"{path}:*": True})
    flow = talk()
    for _ in range(3):
        assert flow.works()
        assert visit("life-restart").wait() == 0
        d.restart()
    assert flow.works()


# ---- another kind of daemon before -------------------------------------------------------------------------------------------

def test_the_next_daemon_may_be_on_another_rung(rung, daemon, visit, programs, talk, sniffer, tcp):
    other = "queue" if rung == "gate" else "gate"
    denied = programs.visitor("life-denied")
    d = daemon({"on_failure": "closed"}, rules={f"{PYTHON}:*": True, f"{denied}:*": False})
    flow = talk()
    assert flow.works()
    d.kill()
    waiting = visit("life-denied")
    until(lambda: any(" 02 " in line for line in tcp_states(waiting)), "its SYN")
    d.rung = other
    d.start()
    assert (pinned(d) == set()) == (other == "queue"), "the other rung's pins are gone"
    assert flow.works()
    assert waiting.wait() == 1
    assert sent_a_syn(sniffer, tcp) == []
    d.stop()
    assert d.pins() == [] and d.tables() == set()


def bpf(command, attributes):
    number = {"x86_64": 321, "aarch64": 280}.get(platform.machine())
    if number is None:
        pytest.skip(f"bpf(2) has a number on {platform.machine()} that this test does not know")
    data = ctypes.create_string_buffer(attributes, 128)
    result = ctypes.CDLL(None, use_errno=True).syscall(number, command, data, 128)
    if result < 0:
        raise OSError(ctypes.get_errno(), f"bpf command {command}")
    return result


@pytest.mark.gate_only
def test_the_next_daemon_may_be_of_another_abi(daemon, visit, programs, talk, sniffer, tcp):
    """The dead daemon's config map has another size, as one of another version has."""
    denied, allowed = programs.visitor("life-denied"), programs.visitor("life-allowed")
    d = daemon({"on_failure": "closed"}, rules={f"{PYTHON}:*": True, f"{denied}:*": False, f"{allowed}:*": True})
    flow = talk()
    assert flow.works()
    d.kill()
    path = os.path.join(d.pin_path, "map_config")
    os.unlink(path)
    fd = bpf(0, struct.pack("IIII", 2, 4, 8, 1))  # BPF_MAP_CREATE: an array of one element of 8 bytes
    name = ctypes.create_string_buffer(path.encode())
    bpf(6, struct.pack("QI", ctypes.addressof(name), fd))  # BPF_OBJ_PIN
    os.close(fd)
    stranger = os.path.join(d.pin_path, "map_of_yesterday")
    os.rename(path, stranger)
    waiting = visit("life-denied")
    until(lambda: any(" 02 " in line for line in tcp_states(waiting)), "its SYN")
    d.start()
    assert "took over" not in d.output()
    assert not os.path.exists(stranger)
    assert flow.works()
    assert waiting.wait() == 1
    assert sent_a_syn(sniffer, tcp) == []
    assert visit("life-allowed").wait() == 0
    assert flow.works()




def test_nobody_is_asked_what_a_closed_program_should_have_been_allowed(daemon, network, closing, old_client, subscriber):
    """Its connection was allowed and its rule is gone: what lies in the buffer of its closed socket still goes out."""
    listener = closing(network.peer.socket(socket.AF_INET, socket.SOCK_STREAM))
    listener.bind((Network.PEER4, 7171))
    listener.listen(1)
    d = daemon(rules={f"{PYTHON}:*": True})
    person, admin = old_client(d), subscriber(d, "questions", "decisions")
    sender = network.fw.socket(socket.AF_INET, socket.SOCK_STREAM)
    sender.connect((Network.PEER4, 7171))
    receiver = closing(listener.accept()[0])
    receiver.settimeout(20)
    sender.setblocking(False)
    sent = 0
    try:
        while True:
            sent += sender.send(b"x" * 65536)
    except BlockingIOError:
        pass
    sender.close()
    assert admin.request("rule_delete", rule=f"{PYTHON}:*")["type"] == "reply"
    got = 0
    while piece := receiver.recv(1 << 20):
        got += len(piece)
    assert got == sent > 50_000
    assert person.settle().popups(PYTHON) == [] and admin.of_type("question") == []
