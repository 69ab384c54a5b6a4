# SPDX-License-Identifier: GPL-3.0-or-later
"""One connection of a real program is held, asked about, decided and remembered; in learning mode it is only looked at.

     fw                                        peer
     ┌───────────────────────────┐             ┌─────────────────────────┐
     │ bastion-daemon            │    veth     │ HTTP        port 8080   │
     │ curl, dig, ping ──────────┼─────────────┤ dnsmasq     port 53     │
     │ a client that answers     │             │ ICMP echo               │
     └───────────────────────────┘             │ a sniffer on the cable  │
                                               └─────────────────────────┘
"""

import os
import re
import shutil
import socket
import sys

import pytest

from harness.net import Network
from harness.wait import until

TCP, UDP = 6, 17


class Kind:
    """A real program, what it needs to succeed, and how its packets look on the cable."""

    def __init__(self, name, tool, version, protocol, number, port, argv):
        self.name, self.version, self.protocol, self.number, self.port = name, version, protocol, number, port
        self.address = Network.PEER4 if version == 4 else Network.PEER6
        self.path = os.path.realpath(shutil.which(tool) or f"/usr/bin/{tool}")
        self.argv = [self.path, *argv(self.address)]

    def reached(self, sniffer):
        """This program's own packets at the peer (neighbour discovery is ICMPv6 too)."""
        packets = sniffer.seen(self.number, self.port or None)
        return packets if self.port else [p for p in packets if p.icmp_type in (8, 128)]


def curl(address):
    host = f"[{address}]" if ":" in address else address
    return ["--silent", "--show-error", "--max-time", "60", f"http://{host}:8080/"]


def dig(address):
    return [f"@{address}", "+tries=1", "+timeout=60", "+short", "name.test", "A"]


def ping(address):
    return ["-n", "-c", "1", "-W", "60", address]


KINDS = [
    Kind("tcp4", "curl", 4, "TCP", TCP, 8080, curl),
    Kind("tcp6", "curl", 6, "TCP", TCP, 8080, curl),
    Kind("udp4", "dig", 4, "UDP", UDP, 53, dig),
    Kind("udp6", "dig", 6, "UDP", UDP, 53, dig),
    Kind("icmp4", "ping", 4, "ICMP", 1, 0, ping),
    Kind("icmp6", "ping", 6, "ICMPV6", 58, 0, ping),
]
each_kind = pytest.mark.parametrize("kind", KINDS, ids=lambda k: k.name)


@pytest.fixture(autouse=True)
def servers(tcp, dns):
    """What every kind talks to."""


@pytest.fixture
def started(network, closing):
    """started(kind) → a running program."""

    class Running:
        def __init__(self, kind):
            self.process = network.fw.popen(*kind.argv, stdout=-1, stderr=-1, text=True)

        def finish(self):
            """(exit code, what it printed)"""
            out, err = self.process.communicate(timeout=90)
            return self.process.returncode, out + err

        def close(self):
            if self.process.poll() is None:
                self.process.kill()
                self.process.communicate()

    return lambda kind: closing(Running(kind))


def check_request(request, kind):
    assert request["dest_ip"] == kind.address
    assert request["dest_port"] == kind.port
    assert request["protocol"].upper().replace("-", "") in (kind.protocol, "IPV6ICMP" if kind.version == 6 else kind.protocol)
    assert request["app_name"] == os.path.basename(kind.path)


@each_kind
def test_allow_lets_it_through(kind, daemon, old_client, started, sniffer, subscriber):
    d = daemon()
    person, watcher = old_client(d), subscriber(d)
    program = started(kind)
    request = person.popup(kind.path, kind.port)
    check_request(request, kind)
    assert request["learning_mode"] is False
    assert kind.reached(sniffer) == [], "the first packet itself must be held"
    person.answer(request, True, duration="once")
    status, output = program.finish()
    assert status == 0, output
    assert kind.reached(sniffer)
    decision = watcher.decision(path=kind.path)
    assert (decision["verdict"], decision["reason"]) == ("allow", "user")
    assert (decision["remote_ip"], decision["remote_port"] or 0) == (kind.address, kind.port)
    assert decision["pid"] == program.process.pid
    assert decision["uid"] == 0


@each_kind
def test_deny_fails_at_once_and_the_peer_sees_nothing(kind, daemon, old_client, started, sniffer, subscriber):
    d = daemon()
    person, watcher = old_client(d), subscriber(d)
    program = started(kind)
    person.answer(person.popup(kind.path, kind.port), False, duration="once")
    status, output = program.finish()
    assert status not in (0, 28), f"curl says 28 when it gave up waiting: {output}"
    if kind.number == TCP:
        assert status == 7 and "refused" in output or "Failed to connect" in output or "Couldn't connect" in output
    assert kind.reached(sniffer) == []
    assert watcher.decision(path=kind.path)["verdict"] == "deny"


@each_kind
@pytest.mark.parametrize("allow", (True, False), ids=("allow", "deny"))
def test_always_survives_a_restart(kind, allow, daemon, old_client, started, sniffer, subscriber):
    d = daemon()
    person = old_client(d)
    program = started(kind)
    person.answer(person.popup(kind.path, kind.port), allow, permanent=True, duration="always")
    assert (program.finish()[0] == 0) == allow
    person.close()
    d.restart()

    before = len(kind.reached(sniffer))
    person, watcher = old_client(d), subscriber(d)
    status, output = started(kind).finish()
    assert (status == 0) == allow, output
    assert (len(kind.reached(sniffer)) > before) == allow
    assert person.popups(kind.path) == []
    decision = watcher.decision(path=kind.path)
    assert (decision["verdict"], decision["reason"]) == ("allow" if allow else "deny", "rule")
    assert decision["rule"]


def test_a_session_answer_ends_with_the_session(daemon, old_client, started):
    kind, d = KINDS[0], daemon()
    person = old_client(d)
    program = started(kind)
    person.answer(person.popup(kind.path), True, duration="session")
    assert program.finish()[0] == 0
    assert started(kind).finish()[0] == 0
    assert len(person.popups(kind.path)) == 1
    person.close()
    d.restart()
    person = old_client(d)
    program = started(kind)
    person.answer(person.popup(kind.path), False, duration="once")
    assert program.finish()[0] == 7


def test_always_is_a_flat_entry_that_old_readers_know(daemon, old_client, started):
    kind, d = KINDS[0], daemon()
    person = old_client(d)
    program = started(kind)
    person.answer(person.popup(kind.path), True, permanent=True)
    assert program.finish()[0] == 0
    until(lambda: d.rules().get(f"{kind.path}:8080") is True, lambda: f"the rule in {d.rules()}")
    assert os.stat(d.path("etc", "rules.json")).st_mode & 0o777 == 0o644


def test_nobody_to_ask_means_default_action(daemon, started, sniffer, subscriber):
    kind, d = KINDS[0], daemon()
    watcher = subscriber(d)
    assert started(kind).finish()[0] == 7
    assert kind.reached(sniffer) == []
    decision = watcher.decision(path=kind.path)
    assert (decision["verdict"], decision["reason"]) == ("deny", "nobody")


@pytest.mark.parametrize("action, expected", (("allow", 0), ("deny", 7)))
def test_no_answer_in_time_means_default_action(action, expected, daemon, old_client, started, subscriber):
    kind, d = KINDS[0], daemon({"timeout_seconds": 5, "default_action": action})
    person, watcher = old_client(d), subscriber(d)
    program = started(kind)
    request = person.popup(kind.path)
    assert program.finish()[0] == expected
    person.wait("cancel_popup", lambda m: m["request_id"] == request["request_id"])
    decision = watcher.decision(path=kind.path)
    assert (decision["verdict"], decision["reason"]) == (action, "timeout")


@each_kind
def test_learning_holds_nothing_and_asks_afterwards(kind, daemon, old_client, started, subscriber):
    d = daemon({"mode": "learning"})
    person, watcher = old_client(d), subscriber(d)
    status, output = started(kind).finish()
    assert status == 0, f"nobody has answered, and it must not matter: {output}"
    request = person.popup(kind.path, kind.port)
    assert request["learning_mode"] is True
    decision = watcher.decision(path=kind.path)
    assert (decision["verdict"], decision["reason"]) == ("allow", "learning")
    person.answer(request, False, duration="session")
    status, output = started(kind).finish()
    assert status == 0, f"an answer denies nothing here: {output}"


@each_kind
def test_learning_lets_through_what_a_rule_denies_and_says_so(kind, daemon, started, subscriber):
    d = daemon({"mode": "learning"}, rules={f"{kind.path}:*": False})
    watcher = subscriber(d)
    status, output = started(kind).finish()
    assert status == 0, output
    decision = watcher.decision(path=kind.path)
    assert (decision["verdict"], decision["reason"]) == ("allow", "learning")
    until(lambda: "[LEARN:RULE-DENIED-BUT-ALLOWED]" in d.log(), lambda: f"the line in the log: {d.log()}")


def test_a_rule_decides_without_a_question(daemon, old_client, started, sniffer):
    kind = KINDS[0]
    d = daemon(rules={f"{kind.path}:8080": False, f"{kind.path}:*": True})
    person = old_client(d)
    assert started(kind).finish()[0] == 7
    assert kind.reached(sniffer) == []
    assert person.popups(kind.path) == []


def test_what_is_older_than_the_daemon_goes_on(network, tcp, daemon, tmp_path):
    """Starting Bastion never cuts the hand that starts it."""
    with network.fw.entered():
        import socket  # pylint: disable=import-outside-toplevel
        s = socket.create_connection((Network.PEER4, 8080))
    with s:
        s.sendall(b"before\n")
        daemon()
        s.sendall(b"after\n")
    until(lambda: any(c["data"] == b"before\nafter\n" for c in tcp.snapshot()), "both lines at the peer")


def test_loopback_is_not_a_question(daemon, network, old_client, closing):
    from harness.servers import TcpServer  # pylint: disable=import-outside-toplevel
    closing(TcpServer(network.fw, 8181))
    d = daemon()
    person = old_client(d)
    for host in ("127.0.0.1", "[::1]"):
        done = network.fw.run("curl", "--silent", "--show-error", "--max-time", "30", f"http://{host}:8181/")
        assert done.returncode == 0, done.stderr
    assert person.of_type("connection_request") == []


def test_a_service_answers_without_a_question(daemon, network, old_client, closing):
    """A server's answers are not questions: the peer opened the connection."""
    from harness.servers import TcpServer, UdpServer  # pylint: disable=import-outside-toplevel
    d = daemon()
    person = old_client(d)
    closing(TcpServer(network.fw, 8282))
    closing(UdpServer(network.fw, 8283))
    done = network.peer.run("curl", "--silent", "--show-error", "--max-time", "30", f"http://{Network.FW4}:8282/")
    assert done.returncode == 0, done.stderr
    done = network.peer.run("/usr/bin/python3", "-c", f"""
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.settimeout(30)
s.sendto(b"ping", ("{Network.FW4}", 8283)); assert s.recv(100) == b"ping"
""")
    assert done.returncode == 0, done.stderr
    assert person.of_type("connection_request") == []


def test_a_denied_link_local_connection_does_not_wait(daemon, network, sniffer):
    """No reset finds its way back to a link-local address; the program hears of it all the same, and nothing goes out."""
    address = re.search(r"inet6 (fe80:[0-9a-f:]+)", network.peer.ip("-6", "addr", "show", "scope", "link")).group(1)
    daemon(rules={f"{os.path.realpath(sys.executable)}:*": False})
    with network.fw.socket(socket.AF_INET6, socket.SOCK_STREAM) as s, network.fw.entered():
        s.settimeout(20)
        with pytest.raises(ConnectionError):
            s.connect((address, 8080, 0, socket.if_nametoindex("uplink")))
    assert sniffer.seen(6, 8080) == []
