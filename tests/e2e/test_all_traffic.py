# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever way a program takes onto the network: its first packet is held, named, and goes or does not go.

     fw                                        peer
     ┌───────────────────────────┐             ┌──────────────────────────────┐
     │ bastion-daemon            │    veth     │ TCP 8080                     │
     │ talk KIND …: one program, ├─────────────┤ a sniffer on the cable       │
     │   many ways               │             │                              │
     └───────────────────────────┘             └──────────────────────────────┘

One daemon serves all ways of a rung. Every way has a port or a protocol number of its own, so that no way is taken for what connection
tracking remembers of another."""

import itertools
import socket
import subprocess

import pytest

from harness.net import Network
from harness.wait import until

NUMBERS = itertools.count(150)  # unassigned protocol numbers
PORTS = itertools.count(20000, 100)


class Way:
    def __init__(self, kind, version, protocol, number, extra=None, wire=None, queue=True, packets=1):
        self.kind, self.version, self.protocol, self.extra = kind, version, protocol, extra
        self.number = number            # None: one that nobody has used yet
        self.wire = wire                # the protocol field on the cable, where it differs
        self.queue = queue              # /proc knows the sender on the queue rung
        self.packets = packets

    def __str__(self):
        return f"{self.kind}-{self.version}"


TCP, UDP, UDPLITE, ICMP, DSTOPTS = 6, 17, 136, 1, 60
WAYS = [
    *[Way(kind, version, protocol, number) for version in (4, 6) for kind, protocol, number in (
        ("tcp", "TCP", TCP), ("udp", "UDP", UDP), ("udp-unconnected", "UDP", UDP), ("udplite", "UDPLite", UDPLITE),
        ("udplite-unconnected", "UDPLite", UDPLITE), ("uring-tcp", "TCP", TCP), ("uring-udp", "UDP", UDP), ("mptcp", "TCP", TCP),
        ("sctp", "SCTP", 132), ("raw", None, None))],
    Way("big", 4, "UDP", UDP), Way("big", 6, "UDP", UDP, wire=44),
    Way("options6", 6, "UDP", UDP, wire=0),
    Way("header4", 4, None, None),
    Way("header4", 4, "UDP", UDP, extra=str(UDP), queue=False),
    Way("headers6", 6, "UDP", UDP, extra="8", wire=DSTOPTS, queue=False),
    Way("headers6", 6, "UDP", UDP, extra="0", queue=False),
]


def reached(desk, way, number, port):
    """Of this way's packets those that the peer has seen."""
    wire = way.wire if way.wire is not None else number
    return desk.sniffer.seen(wire, port if wire in (TCP, UDP) and way.kind != "big" else None)


def send(desk, path, way):
    """(the running program, its protocol number, its port)"""
    number = way.number or next(NUMBERS)
    port = 8080 if number == TCP else next(PORTS)
    extra = way.extra or (str(number) if way.number is None else None)
    address = Network.PEER4 if way.version == 4 else Network.PEER6
    return desk.start(path, way.kind, address, port, *([extra] if extra else [])), number, port


def needs(way):
    protocol = {"mptcp": 262, "sctp": 132, "udplite": UDPLITE}.get(way.kind, 0)
    try:
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM if protocol == UDPLITE else socket.SOCK_STREAM, protocol).close()
    except OSError as e:
        pytest.skip(f"needs {way.kind} in the kernel: {e}")


@pytest.mark.parametrize("way", WAYS, ids=str)
def test_every_way_is_held_and_named(way, desk, closing):
    needs(way)
    known = desk.rung == "gate" or way.queue  # /proc knows no program of a socket that sends for any address
    asked = desk.asked(f"{way}-{way.extra}")
    address = Network.PEER4 if way.version == 4 else Network.PEER6
    if known:
        program, number, port = send(desk, desk.denied, way)
        closing(program)
        n_before = len(reached(desk, way, number, port))
        denial = desk.watcher.decision(pid=program.pid, verdict="deny")
        assert (denial["path"], denial["reason"], denial["remote_ip"]) == (desk.denied, "rule", address)
        assert len(reached(desk, way, number, port)) == n_before, "a deny means zero packets"

    n_before = len(desk.sniffer.packets)
    program, number, port = send(desk, asked, way)
    closing(program)
    protocol = way.protocol or str(number)
    question = desk.watcher.wait("question", lambda q: q["protocol"] == protocol and q["remote_ip"] == address and (
        (q["pid"], q["path"]) == (program.pid, asked) if known else q["kind"] == "unknown" and q["remote_port"] in (0, port)))
    assert question["remote_port"] == (0 if way.number is None else port)
    held = [p for p in desk.sniffer.packets[n_before:] if (p.protocol, p.destination) == (way.wire or number, address)]
    assert held == [], "the first packet itself must be held"
    n_before = len(reached(desk, way, number, port))
    desk.answer(question, True)
    until(lambda: len(reached(desk, way, number, port)) > n_before, "the packet at the peer")
    assert [d for d in desk.watcher.decisions() if d["pid"] == program.pid and d["path"] != asked] == []


@pytest.mark.rungs("gate")  # connection tracking puts hand-made fragments together before they are queued, from a socket without an owner
def test_fragments_made_by_hand_are_judged_one_by_one(desk, closing):
    """The kernel cuts a large datagram behind us (`big`, above); a fragment that a program makes is a packet of its own."""
    port = next(PORTS)
    program = closing(desk.start(desk.asked("fragments"), "fragments4", Network.PEER4, port))
    first, later = desk.question(program, remote_port=port), desk.question(program, remote_port=0)
    assert first["protocol"] == later["protocol"] == "UDP"
    desk.sniffer.fence()
    n_before = len(desk.sniffer.packets)
    desk.answer(first, True)
    desk.answer(later, True)

    def fragments():
        return [p for p in desk.sniffer.packets[n_before:] if p.protocol == UDP and p.length == 84]

    until(lambda: len(fragments()) == 2, lambda: f"two fragments, there are {fragments()}")


@pytest.mark.parametrize("kind, port", (("tcp", 8080), ("udp", None), ("udp-unconnected", None)))
def test_a_mapped_address_is_its_ipv4_address(kind, port, desk, closing):
    program = closing(desk.start(desk.asked(f"mapped-{kind}"), kind, "::ffff:" + Network.PEER4, port or next(PORTS)))
    question = desk.question(program)
    assert question["remote_ip"] == Network.PEER4
    desk.answer(question, True)
    desk.watcher.decision(pid=program.pid, verdict="allow", remote_ip=Network.PEER4)


def test_fast_open_data_is_held_too(desk, closing):
    """The SYN itself carries what the program says."""
    for ns in (desk.network.fw, desk.network.peer):
        ns.run("sysctl", "-q", "-w", "net.ipv4.tcp_fastopen=0x607", check=True)
    n_before = len(desk.sniffer.packets)
    program = closing(desk.start(desk.asked("tfo"), "tfo", Network.PEER4, 8080))
    question = desk.question(program)
    desk.sniffer.fence()
    assert [p for p in desk.sniffer.packets[n_before:] if p.protocol == TCP and p.destination == Network.PEER4] == []
    desk.answer(question, True)
    until(lambda: any(str(program.pid).encode() in c["data"] for c in desk.tcp.snapshot()), "what it said, at the peer")
    desk.sniffer.fence()
    syn = next(p for p in desk.sniffer.packets[n_before:] if p.protocol == TCP and p.destination == Network.PEER4)
    assert syn.length > 80, "no data in the SYN: fast open did not happen"


@pytest.mark.parametrize("kind", ("many", "threads"))
def test_one_socket_many_destinations(kind, desk, closing):
    """Each datagram is judged by its own destination: every second port is denied."""
    count, first = 40, next(PORTS)
    path = desk.asked(f"to-{kind}")
    for port in range(first, first + count):
        desk.rule(f"{'allow' if port % 2 else 'deny'} {path} port {port}")
    program = closing(desk.start(path, kind, Network.PEER4, first, count))
    until(lambda: len({d["remote_port"] for d in desk.watcher.decisions() if d["pid"] == program.pid}) == count, "a decision for each")
    verdicts = {d["remote_port"]: (d["verdict"], d["path"]) for d in desk.watcher.decisions() if d["pid"] == program.pid}
    assert verdicts == {port: ("allow" if port % 2 else "deny", path) for port in range(first, first + count)}
    desk.sniffer.fence()
    arrived = {p.destination_port for p in desk.sniffer.packets if p.protocol == UDP and first <= p.destination_port < first + count}
    assert arrived == {port for port in range(first, first + count) if port % 2}


def test_an_answer_is_no_question(desk, closing):
    """A UDP service answers whoever wrote to it, from the socket as it is and from the socket connected to him."""
    port = next(PORTS)
    service = closing(desk.start(desk.asked("service"), "serve", Network.FW4, port))
    assert service.process.stdout.readline() == "listening\n"
    n_questions = len(desk.watcher.of_type("question"))
    with closing(desk.network.peer.socket(socket.AF_INET, socket.SOCK_DGRAM)) as s:
        s.settimeout(20)
        for text in (b"one", b"two"):
            s.sendto(text, (Network.FW4, port))
            assert s.recv(100) == text
    assert [q for q in desk.watcher.of_type("question")[n_questions:] if q["pid"] == service.pid] == []


def test_what_is_written_before_close_is_still_its_writers(desk, closing):
    """The program has gone, the kernel sends on; a change of rules makes it ask for every connection again."""
    listener = desk.network.peer.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    listener.bind((Network.PEER4, 0))
    listener.listen(1)
    closing(listener)
    path = desk.asked("leaver")
    desk.rule(f"allow {path} port {listener.getsockname()[1]}")
    program = desk.start(path, "buffered", Network.PEER4, listener.getsockname()[1])
    s, _ = listener.accept()
    closing(s)
    out, _ = program.process.communicate("")
    assert program.process.returncode == 0, out
    desk.rule(f"deny {path} port 1")  # another generation
    n = 0
    s.settimeout(30)
    while piece := s.recv(65536):
        n += len(piece)
    assert n == int(out)
    told = {(d["path"], d["verdict"]) for d in desk.watcher.decisions() if d["pid"] == program.pid}
    assert told == {(path, "allow")}


@pytest.mark.rungs("gate")  # /proc names who holds the socket when the packet is looked at; that is the sender here too
def test_a_raw_socket_is_whose_who_sends(desk, closing):
    """One program makes the socket, another sends through it."""
    maker, sender = desk.asked("maker"), desk.asked("sender")
    number = next(NUMBERS)
    program = closing(desk.start(maker, "raw", Network.PEER4, 0, number, "then", sender, "raw-fd", Network.PEER4, 0, 3))
    question = desk.question(program, path=maker)
    desk.answer(question, False)
    question = desk.question(program, path=sender)
    assert question["protocol"] == str(number)
    desk.answer(question, False)
    assert desk.sniffer.seen(number) == []


def gone_after_sending(desk, number, name):
    """(path, pid) of a program that sent one packet of that protocol and exited."""
    path = desk.asked(name)
    program = desk.start(path, "raw", Network.PEER4, 0, number, stdin=subprocess.DEVNULL)
    assert program.finish()[0] == 0
    return path, program.pid


def questions_of_protocol(desk, number):
    return [q for q in desk.watcher.of_type("question") if q["protocol"] == str(number)]


def test_a_raw_socket_that_lies_open_sent_nothing(desk):
    """One program has a raw socket open; another sends a packet of the same protocol and is gone."""
    number = next(NUMBERS)
    with desk.fw.socket(socket.AF_INET, socket.SOCK_RAW, number):
        path, pid = gone_after_sending(desk, number, "gone")
        question, *more = until(lambda: questions_of_protocol(desk, number), "a question about the second")
        assert not more and not question["others"]
        # The queue rung may have looked while it still lived.
        assert (question["path"], question["pid"]) == (path, pid) or (desk.rung == "queue" and question["kind"] == "unknown"), question
        desk.answer(question, False)


def test_a_raw_socket_with_something_under_way_is_not_taken_for_everybody(desk, closing):
    """Its owner's packet is held; another one's, who has gone, comes meanwhile. On the queue rung both count at the open socket: the second
    may be its owner's, or somebody's who is unknown, and that is what is said."""
    number = next(NUMBERS)
    busy = desk.asked("busy")
    first = closing(desk.start(busy, "raw", Network.PEER4, 0, number))
    own = desk.question(first)
    assert (own["path"], own["others"]) == (busy, []), "its own packet is its own"
    path, pid = gone_after_sending(desk, number, "gone-meanwhile")
    question = until(lambda: questions_of_protocol(desk, number)[1:], "a question about the second")[0]
    if desk.rung == "gate":
        assert (question["path"], question["pid"], question["others"]) == (path, pid, [])
    else:
        assert question["reason"] == "owner-ambiguous", question
        named = {question["path"], *(other["path"] for other in question["others"])}
        assert named in ({busy, None}, {busy, path}, {busy, path, None}), question  # it was looked at after its end, or before
    for asked in (own, question):
        desk.answer(asked, False)
    assert desk.sniffer.seen(number) == []


@pytest.mark.rungs("gate")  # a tunnel's outer packet has an owner that /proc does not know; `@dest` rules apply to it
def test_a_tunnel_is_allowed_by_what_is_inside(desk, closing):
    """The inner connection is asked about; that it travels in a tunnel's packet is no second question.

         fw ── tun0 10.92.0.1 ═══ VXLAN, UDP 4789 ═══ tun0 10.92.0.2 ── peer
    """
    made = []
    try:
        ends = ((desk.network.fw, Network.FW4, Network.PEER4, "10.92.0.1"), (desk.network.peer, Network.PEER4, Network.FW4, "10.92.0.2"))
        for ns, local, remote, inner in ends:
            try:
                ns.ip("link", "add", "tun0", "type", "vxlan", "id", "7", "local", local, "remote", remote, "dstport", "4789",
                      "dev", "uplink")
            except Exception as e:  # pylint: disable=broad-except
                pytest.skip(f"needs VXLAN in the kernel: {getattr(e, 'stderr', e)}")
            made.append(ns)
            ns.ip("addr", "add", f"{inner}/24", "dev", "tun0")
            ns.ip("link", "set", "tun0", "up")
        n_accepted = desk.tcp.accepted
        for kind, port, number in (("udp", next(PORTS), UDP), ("raw", next(PORTS), None), ("tcp", 8080, TCP)):
            number = number or next(NUMBERS)
            program = closing(desk.start(desk.asked(f"inside-{kind}"), kind, "10.92.0.2", port, *([number] if kind == "raw" else [])))
            question = desk.question(program)
            assert question["remote_ip"] == "10.92.0.2"
            assert desk.tcp.accepted == n_accepted, "the inner packet is held, so there is no outer one"
            desk.answer(question, True)
            desk.watcher.decision(pid=program.pid, verdict="allow", remote_ip="10.92.0.2")
        assert program.finish()[0] == 0
        until(lambda: any(b"inside-tcp" in c["data"] for c in desk.tcp.snapshot()), "what was said inside")
        assert [m for m in desk.watcher.of_type("question") + desk.watcher.decisions() if m["remote_port"] == 4789] == []
        # A raw socket does not pass for a tunnel by sending to its port.
        program = closing(desk.start(desk.asked("poser"), "header4", Network.PEER4, 4789, UDP))
        desk.answer(desk.question(program, remote_port=4789), False)
    finally:
        for ns in made:
            ns.ip("link", "del", "tun0")


def test_later_subflows_are_their_programs(desk, closing):
    """The kernel opens an MPTCP connection's second path by itself; it is the program's all the same.

         fw 10.91.0.1 ─┬─ 10.91.0.2 peer
            10.91.0.3 ─┘
    """
    needs(Way("mptcp", 4, "TCP", TCP))
    listener = desk.network.peer.socket(socket.AF_INET, socket.SOCK_STREAM, 262)
    closing(listener)
    listener.bind((Network.PEER4, 0))
    listener.listen(1)
    port = listener.getsockname()[1]
    desk.network.fw.ip("addr", "add", "10.91.0.3/24", "dev", "uplink")
    desk.daemon.write_config({"log_every_connection": True})  # or the kernel decides the second one without a word
    desk.daemon.reload_and_wait()
    try:
        for ns in (desk.network.fw, desk.network.peer):
            ns.ip("mptcp", "limits", "set", "subflow", "2", "add_addr_accepted", "2")
        desk.network.fw.ip("mptcp", "endpoint", "add", "10.91.0.3", "dev", "uplink", "subflow")
        path = desk.asked("paths")
        desk.rule(f"allow {path} port {port}")
        program = closing(desk.start(path, "mptcp", Network.PEER4, port))
        s, _ = listener.accept()
        with s:
            s.settimeout(20)
            assert str(program.pid).encode() in s.recv(1000)
            s.send(b"x")  # the second path opens once the first is fully established

            def told():
                return {d["local_ip"]: (d["path"], d["verdict"]) for d in desk.watcher.decisions() if d["remote_port"] == port}

            until(lambda: len(told()) == 2, lambda: f"a decision for each path, there are {told()}")
            if desk.rung == "gate":
                assert told() == {"10.91.0.1": (path, "allow"), "10.91.0.3": (path, "allow")}
            else:  # a kernel thread's socket has no holder that /proc shows
                assert told()["10.91.0.1"] == (path, "allow") and told()["10.91.0.3"][0] in (path, None)
    finally:
        desk.daemon.write_config({})
        desk.daemon.reload_and_wait()
        desk.network.fw.ip("mptcp", "endpoint", "flush")
        desk.network.fw.ip("addr", "del", "10.91.0.3/24", "dev", "uplink")
