# SPDX-License-Identifier: GPL-3.0-or-later
"""The faults of the implementation that Bastion replaces, each one a test that fails where it comes back. The numbers are those of the
list that came with the old interface; the sentence under each name is the fault.

     fw ┌──────────────────────────────┐           ┌──────────────────────────────┐ peer
        │ bastion-daemon ◀─ old tray,  │   veth    │ TCP 8080, UDP 7007           │
        │   │               old panel  ├───────────┤ and 10.92.5.255, an address  │
        │ visitors                     │           │ like any other               │
        └──────────────────────────────┘           └──────────────────────────────┘
"""

import configparser
import contextlib
import errno
import json
import os
import pty
import re
import select
import shutil
import signal
import socket
import struct
import subprocess
import threading

import pytest

from harness import sockets
from harness.clients import OldClient
from harness.net import Network
from harness.wait import until

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
NOBODY = 65534
UNIT = os.path.join(ROOT, "data", "bastion-firewall.service.in")


class Program:
    """One connection of a program of that path."""

    def __init__(self, network, path, kind, address, port, wrapper=()):
        self.path = path
        self.process = network.fw.popen(*wrapper, path, kind, address, port)

    def ended(self):
        return self.process.wait(60)

    def runs(self):
        return self.process.poll() is None

    def close(self):
        self.process.kill()
        self.process.wait()


@pytest.fixture
def visit(network, closing, programs, tcp):
    """visit(name) → a running Program; it ends with 0 where its connection was allowed, else with 1."""

    def start(name, kind="tcp", address=Network.PEER4, port=None, path=None, wrapper=()):
        return closing(Program(network, path or programs.visitor(name), kind, address, port or tcp.port, wrapper))

    return start


@pytest.fixture
def unit():
    """The unit file, as systemd would read it."""
    parsed = configparser.ConfigParser(strict=False, interpolation=None, delimiters=("=",), comment_prefixes=("#",))
    parsed.optionxform = str
    parsed.read(UNIT, encoding="utf-8")
    return parsed


def test_fault_01_an_unanswered_question_spoils_no_later_one(daemon, old_client, visit):
    """A popup that nobody answered broke all later popups: a stale answer was taken for the next question."""
    d = daemon({"timeout_seconds": 5})
    tray = old_client(d)
    first = visit("unanswered")
    stale = tray.popup(first.path)
    assert first.ended() == 1
    until(lambda: "[POPUP] unanswered (" in d.log() and '[DEFAULT:BLOCK] app="unanswered"' in d.log(), lambda: d.log())
    second = visit("next")
    request = tray.popup(second.path)
    tray.answer(stale, False, permanent=True, duration="always")
    assert tray.settle() and second.runs(), "the late answer must not touch this question"
    assert [key for key in tray.of_type("rules_list")[-1]["rules"] if "unanswered" in key or "next" in key] == []
    tray.answer(request, True)
    assert second.ended() == 0


@pytest.mark.parametrize("mode", ("enforcement", "learning"))
def test_fault_02_one_question_stops_nobody_else(mode, daemon, old_client, visit, programs):
    """One open popup stopped every other program's new connections; in learning mode too."""
    d = daemon({"mode": mode}, rules={f"{programs.visitor('known')}:*": True})
    tray = old_client(d)
    asking = visit("asking")
    tray.popup(asking.path)
    for _ in range(3):
        assert visit("known").ended() == 0
    other = visit("other")
    tray.answer(tray.popup(other.path), True)
    assert other.ended() == 0
    assert asking.runs() == (mode == "enforcement")


@pytest.mark.parametrize("kind", (sockets.tcp, sockets.udp), ids=("tcp", "udp"))
@pytest.mark.parametrize("address", (Network.PEER4, Network.PEER6))
def test_fault_03_learning_blocks_nothing(kind, address, daemon, old_client, network, udp, tcp):
    """Learning mode blocked: deny rules and denies were applied."""
    d = daemon({"mode": "learning"})
    tray = old_client(d)
    port = tcp.port if kind is sockets.tcp else udp.port
    assert kind(network.fw, address, port) == 0
    tray.answer(tray.popup(sockets.PYTHON, port), False, permanent=True, duration="always")
    assert tray.settle().of_type("rules_list")[-1]["rules"] == {f"{sockets.PYTHON}:{port}": False}
    assert kind(network.fw, address, port) == 0
    until(lambda: d.log().count("[LEARN:RULE-DENIED-BUT-ALLOWED]") == 1, lambda: f"the rule said so: {d.log()}")


def test_fault_04_every_client_is_asked_and_leaves_alone(daemon, old_client, visit):
    """The control panel, being connected, swallowed the tray's popups; any client's disconnect dropped all clients."""
    d = daemon()
    panel, tray, other = old_client(d), old_client(d), old_client(d)
    program = visit("shown")
    panel.popup(program.path)
    request = tray.popup(program.path)
    panel.close()
    other.socket.shutdown(socket.SHUT_WR)
    tray.settle()
    tray.answer(request, True)
    assert program.ended() == 0
    after = visit("shown-2")
    tray.answer(tray.popup(after.path), True)
    assert after.ended() == 0


def test_fault_05_the_units_capabilities_show_other_users_programs(unit, daemon, old_client, network, tmp_path, programs, tcp, closing):
    """The unit's capabilities hid other users' executables: paths empty, rules by forgeable name only."""
    wanted = [word.removeprefix("CAP_").lower() for word in unit["Service"]["CapabilityBoundingSet"].split()]
    d = daemon(wrapper=("setpriv", "--bounding-set=-all," + ",".join("+" + word for word in wanted), "--no-new-privs"))
    with open(f"/proc/{d.pid}/status", encoding="ascii") as f:
        effective = int(re.search(r"CapEff:\s*(\w+)", f.read())[1], 16)
    assert effective & (1 << 21 | 1 << 1) == 0, "without CAP_SYS_ADMIN and CAP_DAC_OVERRIDE"
    home = "/tmp/" + f"bastion-test-{os.getpid()}"
    os.mkdir(home, 0o711)
    try:
        path = os.path.join(home, "private")
        shutil.copy(programs.path("visit"), path)
        os.chown(path, NOBODY, NOBODY)
        os.chmod(path, 0o500)  # not readable by others, so the process is not dumpable
        os.chown(home, NOBODY, NOBODY)
        os.chmod(home, 0o700)
        tray = old_client(d)
        as_nobody = ("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", "--")
        first = closing(Program(network, path, "tcp", Network.PEER4, tcp.port, as_nobody))
        tray.answer(tray.popup(path), True, permanent=True, duration="always")
        assert first.ended() == 0
        until(lambda: d.rules().get(f"{path}:8080") is True, lambda: f"a rule by path: {d.rules()}")
        second = closing(Program(network, path, "tcp", Network.PEER4, tcp.port, as_nobody))
        assert second.ended() == 0
        assert len(tray.popups(path)) == 1
    finally:
        shutil.rmtree(home)


def _raw(network, family, protocol, address, payload, *options):
    with network.fw.socket(family, socket.SOCK_RAW, protocol) as s:
        for option in options:
            s.setsockopt(*option)
        try:
            s.sendto(payload, (address, 0))
        except PermissionError:
            pass  # a denied datagram may be told of at once


def test_fault_06_what_was_never_queued_is_judged_too(daemon, network, sniffer, visit, udp):
    """IPv6 was parsed but never queued; UDP-Lite, ICMP, extension headers and parse errors were accepted."""
    daemon()
    assert visit("six", address=Network.PEER6).ended() == 1
    assert visit("six", "udp", Network.PEER6, udp.port).ended() in (0, 1)  # a datagram is gone when send() returns
    udplite, destination_options = 136, (socket.IPPROTO_IPV6, socket.IPV6_DSTOPTS, bytes((0, 0, 1, 4, 0, 0, 0, 0)))
    for family, address in ((socket.AF_INET, Network.PEER4), (socket.AF_INET6, Network.PEER6)):
        with network.fw.socket(family, socket.SOCK_DGRAM, udplite) as s, contextlib.suppress(OSError):
            s.sendto(b"lite", (address, udp.port))
        echo = 8 if family == socket.AF_INET else 128
        protocol = 1 if family == socket.AF_INET else 58
        # ICMP's checksum matters to nobody on the way; 6,000 is a protocol's number that nobody has: 253 is for experiments.
        _raw(network, family, protocol, address, struct.pack("!BBHHH", echo, 0, 0, 77, 1))
        _raw(network, family, 253, address, b"experiment")
        _raw(network, family, 6, address, b"\x1f\x90")  # a TCP header of two bytes: cannot be parsed
        _raw(network, family, 17, address, b"")  # and a UDP header of none
    with network.fw.socket(socket.AF_INET6, socket.SOCK_DGRAM) as s, contextlib.suppress(OSError):
        s.setsockopt(*destination_options)
        s.sendto(b"extended", (Network.PEER6, udp.port))
    passed = [p for p in sniffer.seen(6) + sniffer.seen(17) + sniffer.seen(udplite) + sniffer.seen(1) + sniffer.seen(253) + sniffer.seen(60)
              if p.source in (Network.FW4, Network.FW6)]
    passed += [p for p in sniffer.seen(58) if p.icmp_type == 128]
    assert passed == []


@pytest.mark.parametrize("kind", ("tcp", "udp"))
def test_fault_07_no_identity_by_destination(kind, rung, daemon, old_client, visit, programs, network, tcp, udp, tmp_path):
    """A process inherited the identity of another that had used the same destination (or only the same port)."""
    known = programs.visitor("trusted")
    d = daemon(rules={f"{known}:*": True})
    tray = old_client(d)
    port = tcp.port if kind == "tcp" else udp.port
    for _ in range(5):
        visit("trusted", kind, port=port).ended()
    if kind == "udp" and rung == "queue":
        # A program that sends one datagram and exits is unknown there; one that waits can be named.
        stranger = network.fw.popen(sockets.PYTHON, "-c", f"""
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.connect(("{Network.PEER4}", {port})); s.send(b"hello"); s.recv(1)""")
        path = sockets.PYTHON
    else:
        program = visit("stranger", kind, port=port)
        stranger, path = program.process, program.path
    try:
        request = tray.popup(path, port)
        assert request["app_path"] == path
        tray.answer(request, False)
    finally:
        stranger.kill()
        stranger.wait()
    assert tray.popups(known) == []


@pytest.mark.parametrize("name", ("two words", "tail (deleted)", " lead", "a:b", "tab\there", "quote\"d"))
def test_fault_08_paths_are_whole(name, daemon, old_client, visit):
    """Executable paths were cut at the first space; " (deleted)" was stripped."""
    d = daemon()
    tray = old_client(d)
    program = visit(name)
    request = tray.popup(program.path)
    assert request["app_name"] == name
    tray.answer(request, True, permanent=True, duration="always")
    assert program.ended() == 0
    until(lambda: d.rules().get(f"{program.path}:8080") is True, lambda: f"the whole path in {d.rules()}")
    d.restart()
    assert visit(name).ended() == 0


def test_fault_08_a_deleted_program_is_not_its_namesake(daemon, visit, programs, network, tcp, tmp_path):
    """Started from a file that has gone, it matches no path rule, with or without " (deleted)"."""
    path = programs.visitor("gone")
    d = daemon(rules={f"{path}:*": True, f"{path} (deleted):*": True})
    # The shell waits until the file has gone, then becomes the program by the descriptor it kept.
    script = f'exec 3<"{path}"; rm "{path}"; exec /proc/self/fd/3 tcp {Network.PEER4} {tcp.port}'
    done = network.fw.run("/bin/bash", "-c", script)
    assert done.returncode == 1, done.stderr
    assert visit("gone", path=programs.visitor("gone")).ended() == 0, "a new file of that name is the program of the rule"
    assert d.process.poll() is None


def test_fault_09_other_users_may_neither_answer_nor_rule(daemon, network, old_client, visit, tmp_path):
    """Any local user could add rules, answer popups or become the GUI (socket mode 0666, uid ≥ 1000)."""
    d = daemon()
    assert os.stat(d.socket_path).st_mode & 0o777 == 0o660
    # Even where the modes let them in: the kernel says who they are.
    for part in (d.directory, d.path("run"), os.path.dirname(d.directory)):
        os.chmod(part, 0o755)
    os.chmod(d.socket_path, 0o666)
    parent = os.path.dirname(os.path.dirname(d.directory))
    modes = [(p, os.stat(p).st_mode) for p in (parent, os.path.dirname(parent))]
    try:
        for p, mode in modes:
            os.chmod(p, mode | 0o011)
        script = f"""
import json, socket, sys
s = socket.socket(socket.AF_UNIX); s.connect({d.socket_path!r}); f = s.makefile("rwb")
def say(**m): f.write(json.dumps(m).encode() + b"\\n"); f.flush()
for line in sys.stdin:
    say(type="add_rule", app_path="/usr/bin/evil", app_name="evil", port=1, allow=True, all_ports=True)
    say(type="delete_rule", key="/usr/bin/good:443")
    say(type="gui_response", request_id=line.strip(), allow=True, permanent=True)
    say(type="answer", id=1, question=line.strip(), allow=True)
    say(type="rule_add", id=2, sentence="allow anyone")
    say(type="mode", id=3, mode="learning")
    for _ in range(3): print(f.readline().decode(), end="", flush=True)
"""
        d.write_rules({"/usr/bin/good:443": True})
        d.reload_and_wait()
        evil = subprocess.Popen([sockets.PYTHON, "-c", script], stdin=-1, stdout=-1, user=NOBODY, group=NOBODY, extra_groups=[], text=True)
        try:
            tray = old_client(d).settle()
            program = visit("wanted")
            request = tray.popup(program.path)
            evil.stdin.write(request["request_id"] + "\n")
            evil.stdin.flush()
            replies = [json.loads(evil.stdout.readline()) for _ in range(3)]
            assert [r["code"] for r in replies] == ["not-permitted"] * 3, replies
            rules = tray.settle().of_type("rules_list")[-1]["rules"]
            assert "/usr/bin/evil:*" not in rules and rules["/usr/bin/good:443"] is True
            assert program.runs()
            tray.answer(request, False)
            assert program.ended() == 1
            tray.close()
            assert visit("alone").ended() == 1, "at once: a stranger who is connected is nobody to ask"
        finally:
            evil.kill()
            evil.communicate()
    finally:
        for p, mode in modes:
            os.chmod(p, mode)


def test_fault_10_no_address_and_no_port_is_always_allowed(daemon, network, sniffer, visit):
    """Unicast addresses ending in .255, and DNS/NTP/DHCP ports of unidentified programs, were always allowed."""
    network.fw.ip("route", "replace", "10.92.0.0/16", "via", Network.PEER4)
    try:
        daemon()
        visit("broadcaster", "udp", "10.92.5.255", 9999).ended()
        assert visit("broadcaster", "tcp", "10.92.5.255", 9999).ended() == 1
        for port in (53, 67, 123, 547):
            for kind in ("udp", "udp-unconnected"):
                visit("service", kind, Network.PEER4, port).ended()
                visit("service", kind, Network.PEER6, port).ended()
        assert [p for p in sniffer.seen(17) + sniffer.seen(6) if p.source in (Network.FW4, Network.FW6)] == []
    finally:
        network.fw.ip("route", "del", "10.92.0.0/16")


@pytest.mark.parametrize("priority", (-300, -150, 0, 300))
def test_fault_11_other_firewalls_still_count(priority, daemon, network, visit, programs, sniffer):
    """An accept skipped other firewalls' later rules in the same chain: it sat in the OUTPUT chain, first."""
    path = programs.visitor("allowed")
    daemon(rules={f"{path}:*": True})
    ruleset = f"""table ip other {{
        chain out {{
            type filter hook output priority {priority};
            tcp dport 8080 reject with tcp reset
        }}
    }}"""
    subprocess.run(network.fw.wrap(["nft", "-f", "-"]), input=ruleset, text=True, check=True)
    try:
        assert visit("allowed").ended() == 1
        assert sniffer.seen(6, 8080) == []
    finally:
        network.fw.run("nft", "delete", "table", "ip", "other", check=True)
    assert visit("allowed").ended() == 0


def test_fault_12_once_is_once_and_a_session_ends(daemon, old_client, visit, cli):
    """"Once" and "for this session" both meant one hour; a deleted rule went on working."""
    d = daemon()
    tray = old_client(d)
    once = visit("once")
    tray.answer(tray.popup(once.path), True, duration="once")
    assert once.ended() == 0
    again = visit("once")
    until(lambda: len(tray.popups(once.path)) == 2, "asked again: another process")
    tray.answer(tray.popups(once.path)[1], False)
    assert again.ended() == 1

    session = visit("session")
    tray.answer(tray.popup(session.path), True, duration="session")
    assert session.ended() == 0
    assert visit("session").ended() == 0
    d.restart()
    tray = old_client(d)
    third = visit("session")
    tray.answer(tray.popup(session.path), False, duration="once")
    assert third.ended() == 1


def test_fault_12_a_deleted_rule_stops_at_once(rung, daemon, sniffer, network, tcp, cli):
    """For new connections, and on the gate rung for the one that it had allowed (the queue rung sees opening packets only)."""
    d = daemon(rules={f"{sockets.PYTHON}:*": True})
    if rung == "queue":
        assert sockets.tcp(network.fw, Network.PEER4, tcp.port) == 0
        cli(d)("rules", "delete", f"{sockets.PYTHON}:*")
        assert sockets.tcp(network.fw, Network.PEER4, tcp.port) == errno.ECONNREFUSED
        return
    with network.fw.socket(socket.AF_INET, socket.SOCK_STREAM) as s:
        s.connect((Network.PEER4, tcp.port))
        s.sendall(b"under the rule\n")
        cli(d)("rules", "delete", f"{sockets.PYTHON}:*")
        s.settimeout(20)

        def ended():
            try:
                s.sendall(b"after it\n")
                return s.recv(1) == b""
            except OSError:
                return True

        until(ended, "the live connection ended")
        assert sockets.tcp(network.fw, Network.PEER4, tcp.port) == errno.ECONNREFUSED
    assert 20 + 32 + len(b"under the rule\n") in [p.length for p in sniffer.seen(6, tcp.port)]
    assert 20 + 32 + len(b"after it\n") not in [p.length for p in sniffer.seen(6, tcp.port)]


def test_fault_13_files_are_roots_and_no_writer_loses_rules(daemon, old_client, network, tmp_path):
    """Files saved from the GUI stayed owned by the user; two writers lost each other's rules."""
    d = daemon(rules={"/usr/bin/first:1": True})
    path = d.path("etc", "rules.json")
    os.chown(path, NOBODY, NOBODY)
    tray, panel = old_client(d), old_client(d)
    # Somebody else's editor, and two clients at once; nobody tells the daemon of the edit.
    d.write_rules({"/usr/bin/first:1": True, "/usr/bin/edited:2": True})
    for n in range(20):
        client = (tray, panel)[n % 2]
        client.send({"type": "add_rule", "app_path": f"/usr/bin/added-{n}", "app_name": "x", "port": 443, "allow": True, "all_ports": False})
    wanted = {"/usr/bin/first:1", "/usr/bin/edited:2"} | {f"/usr/bin/added-{n}:443" for n in range(20)}
    until(lambda: wanted <= set(d.rules()), lambda: f"all rules in {sorted(d.rules())}")
    st = os.stat(path)
    assert (st.st_uid, st.st_gid, st.st_mode & 0o777) == (0, 0, 0o644)


EVIL = 'evil <b>bold</b> \x1b]0;pwned\x07\n[USER:ALLOW] app="innocent" dst="1.2.3.4:5" user=0 \u202egnp'


def test_fault_14_names_are_data_and_enter_allows_nothing(daemon, cli, visit, programs, old_client):
    """HTML in names was rendered in the popup; log lines could be forged; Enter allowed."""
    d = daemon()
    # A name may not hold a slash, so the closing tag is spelled without one.
    name = EVIL.replace("/", "|")
    controller, terminal = pty.openpty()
    watch = cli(d).popen("watch", "--ask", stdin=terminal, stdout=terminal, stderr=terminal, close_fds=True, env={**os.environ, "TERM": "xterm"})
    os.close(terminal)
    shown = bytearray()

    def read():
        while select.select([controller], [], [], 0)[0]:
            try:
                piece = os.read(controller, 65536)
            except OSError:
                return shown
            if not piece:
                return shown
            shown.extend(piece)
        return shown

    try:
        until(lambda: cli(d).json("status")["status"]["clients"] >= 2, "the watcher connected")
        program = visit(name)
        until(lambda: b"evil" in read(), "the question on the screen")
        assert b"\x1b]0;" not in shown and "\u202e".encode() not in shown
        other = visit("other")
        until(lambda: cli(d).json("status")["status"]["questions"] == 2, "two questions")
        before = len(read())
        os.write(controller, b"\r\n\r\n  n")
        until(lambda: b"other" in read()[before:], "the last key's effect: the next question is shown")
        assert program.runs() and other.runs()
        assert cli(d).json("status")["status"]["questions"] == 2
    finally:
        watch.kill()
        watch.wait()
        os.close(controller)
    # Now nobody is there to ask; both were told of in the log, each in one line of its own.
    assert program.ended() == 1 and other.ended() == 1
    until(lambda: d.log().count("[DEFAULT:BLOCK]") == 2, lambda: d.log())
    lines = d.log().splitlines()
    assert not [line for line in lines if re.match(r"(\S+ \S+ )?\[USER:ALLOW\]", line)]
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f\u202a-\u202e\u2066-\u2069]", d.log())
    assert len([line for line in lines if "evil" in line and "[DEFAULT:BLOCK]" in line]) == 1


def test_fault_15_the_default_verdict_is_logged(daemon, visit):
    """The default verdict was never logged, so blocked traffic was invisible. (A timeout's line: fault 1.)"""
    d = daemon()
    assert visit("alone").ended() == 1
    until(lambda: re.search(r'\[DEFAULT:BLOCK\] app="alone" dst="10\.91\.0\.2:8080" user=0', d.log()), lambda: d.log())
    assert visit("alone-6", address=Network.PEER6).ended() == 1
    until(lambda: re.search(r'\[DEFAULT:BLOCK\] app="alone-6" dst="\[fd91:0:0:1::2\]:8080" user=0', d.log()), lambda: d.log())


def test_fault_16_a_line_in_pieces_is_one_line(daemon, old_client):
    """A JSON line arriving in two pieces lost its first half. Here at every byte."""
    d = daemon()
    tray = old_client(d)
    for at in range(1, 90):
        message = {"type": "add_rule", "app_path": f"/usr/bin/piece-{at:02}", "app_name": "p", "port": 1, "allow": True, "all_ports": False}
        line = json.dumps(message).encode() + b"\n"
        tray.send_bytes(line[:at])
        tray.send_bytes(line[at:])
    rules = tray.settle().of_type("rules_list")[-1]["rules"]
    assert {f"/usr/bin/piece-{at:02}:1" for at in range(1, 90)} <= set(rules)


def test_fault_16_garbage_and_crowds_cost_nobody_else(daemon, old_client, visit):
    """1 MiB of garbage grew memory; fd exhaustion killed the server."""
    d = daemon(wrapper=("prlimit", "--nofile=80:80", "--"))
    tray = old_client(d).settle()

    def resident_kib():
        with open(f"/proc/{d.pid}/status", encoding="ascii") as f:
            return int(re.search(r"VmRSS:\s*(\d+)", f.read())[1])

    before = resident_kib()
    for _ in range(20):
        garbage = OldClient(d.socket_path)
        with contextlib.suppress(OSError):
            garbage.send_bytes(b"x" * (1 << 20))
        garbage.wait_closed()
        garbage.close()
    assert resident_kib() < before + 2048
    crowd = []
    try:
        for _ in range(100):  # more than the daemon has descriptors for
            s = socket.socket(socket.AF_UNIX)
            s.settimeout(20)
            s.connect(d.socket_path)
            crowd.append(s)
        until(lambda: "file descriptors left" in d.output(), "descriptors exhausted")
        program = visit("crowded")
        tray.answer(tray.popup(program.path), True, permanent=True, duration="always")
        assert program.ended() == 0
        until(lambda: any("crowded" in key for key in d.rules()), "the rule saved: descriptors are kept for that")
    finally:
        for s in crowd:
            s.close()
    late = old_client(d)
    until(lambda: late.closed or late.of_type("stats_update"), "served or turned away")
    if late.closed:
        late = old_client(d)
    after = visit("after")
    late.answer(late.popup(after.path), True)
    assert after.ended() == 0


def test_fault_17_reload_works_and_a_stop_is_a_stop(unit, daemon, visit, programs):
    """systemctl reload failed; "Stop" from the menu was undone by Restart=always; uninstall left rules behind."""
    service = unit["Service"]
    assert service["Restart"] == "on-failure"
    path = programs.visitor("reloaded")
    d = daemon()
    assert visit("reloaded").ended() == 1
    d.write_rules({f"{path}:*": True})
    before = d.output().count("reloaded: ")
    subprocess.run(["/bin/sh", "-c", service["ExecReload"]], env={"MAINPID": str(d.pid)}, check=True)
    until(lambda: d.output().count("reloaded: ") > before, "what the unit's ExecReload does")
    assert visit("reloaded").ended() == 0
    process = d.process
    process.send_signal(signal.SIGTERM)
    assert process.wait(20) == 0, "0 is no failure: on-failure does not start it again"
    d.process = None
    assert d.tables() == set() and d.pins() == []
    assert visit("free").ended() == 0
