# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules with every criterion there is, against real connections: what a rule is about is let through, what it is not about is refused.

     fw                                             peer
     ┌─────────────────────────────────────┐       ┌──────────────┐
     │ python ─▶ [sh ─▶] visitor ──────────┼─veth──┤ TCP 8080     │
     │ in a cgroup, with arguments, …      │       │              │
     └─────────────────────────────────────┘       └──────────────┘

Each program visits several times, and in turns with others of the same file: what was decided for one must not be remembered for another.
"""

import contextlib
import os
import re
import shutil
import socket

import pytest

from harness.net import Network
from harness.programs import Running
from harness.sockets import PYTHON
from harness.wait import until



def cgroup_root():
    """Where cgroup v2 is mounted: the only one that counts, on systems that have both versions too."""
    with open("/proc/mounts", encoding="utf-8") as mounts:
        return next(line.split()[1] for line in mounts if line.split()[2] == "cgroup2")


def shell_of(programs):
    """A shell that nobody has among the ancestors of these tests."""
    path = programs.path("own-shell")
    if not os.path.exists(path):
        shutil.copy(os.path.realpath("/bin/sh"), path)
    return path


class Desk:
    """A daemon in enforcement where nobody is asked: what no rule allows is refused."""

    def __init__(self, daemon, cli, network, programs, closing, tcp):
        self.daemon = daemon(config={"popup_enabled": False, "default_action": "deny"})
        self.cli, self.network, self.programs, self.closing, self.tcp = cli(self.daemon), network, programs, closing, tcp
        self.shell = shell_of(programs)

    def rule(self, *sentences):
        for sentence in sentences:
            self.cli("rules", "add", sentence)

    def run(self, *argv):
        return self.closing(Running(self.network.fw, *argv)).finish()[0] == 0

    def argv(self, path, *more, to=Network.PEER4, kind="tcp"):
        return [path, kind, to, str(self.tcp.port), *more]

    def visit(self, path, *more, **kw):
        return self.run(*self.argv(path, *more, **kw))

    def by_shell(self, path, *more, **kw):
        """Started by a shell that waits for it."""
        return self.run(self.shell, "-c", '"$@"; exit $?', "sh", *self.argv(path, *more, **kw))

    def in_cgroup(self, cgroup, path):
        return self.run(self.shell, "-c", f'echo $$ > {cgroup_root()}{cgroup}/cgroup.procs; exec "$@"', "sh", *self.argv(path))


@pytest.fixture
def desk(daemon, cli, network, programs, closing, tcp):
    return Desk(daemon, cli, network, programs, closing, tcp)


@pytest.fixture
def cgroup():
    """A cgroup v2 of our own, as a service has one: its path below the root."""
    own = f"/bastion-test-{os.getpid()}.slice"
    path = f"{own}/visitor.service"
    os.makedirs(cgroup_root() + path)
    yield path
    for folder in (path, own):
        # The last process of it has exited; the kernel may need a moment to notice.
        until(lambda folder=folder: removed(cgroup_root() + folder), f"{folder} to be empty")


def removed(folder):
    try:
        os.rmdir(folder)
        return True
    except OSError:
        return False


def test_arguments(desk):
    path = desk.programs.visitor("with-arguments")
    desk.rule(f"allow {path} argument fetch-* or {Network.PEER6}")
    for _ in range(3):
        assert desk.visit(path, "fetch-mail")
        assert not desk.visit(path, "send-mail")
        assert desk.visit(path, to=Network.PEER6)
        assert not desk.visit(path)


@pytest.mark.parametrize("criterion", ("parent /**/own-shell", "argument [!-]*", "ancestor /**/python*"), ids=("parent", "argument", "ancestor"))
def test_what_depends_on_more_than_the_program_is_known_in_the_kernel_all_the_same(rung, desk, criterion):
    """The key by which verdicts are known covers what rules speak of."""
    if rung == "queue":
        pytest.skip("nothing is known there")
    path = desk.programs.visitor(f"known-by-{criterion.split()[0]}")
    desk.rule(f"allow {path} {criterion}")
    for _ in range(2):
        assert desk.by_shell(path)
    before = known_and_queued(desk)
    for _ in range(10):
        assert desk.by_shell(path)
    known, queued = known_and_queued(desk)
    assert known == before[0] + 10 and queued <= before[1] + 1, (before, known, queued)
    # With the last such rule goes what the key covers, and what was known with it.
    rules = desk.cli.json("rules")["rules"]
    desk.cli("rules", "delete", next(r["id"] for r in rules if r.get("program") == path))
    assert not desk.by_shell(path)
    desk.rule(f"allow {path}")
    assert desk.by_shell(path) and desk.visit(path)


def known_and_queued(desk):
    text = desk.cli("status", "--kernel")
    return tuple(int(re.search(rf"(\d+) {what}", text)[1]) for what in ("connections decided", "queued"))


def test_the_name_that_a_caller_chose_is_no_argument(desk):
    path = desk.programs.visitor("called")
    desk.rule(f"allow {path} argument fetch-*")
    assert not desk.run("bash", "-c", f'exec -a fetch-mail {path} tcp {Network.PEER4} {desk.tcp.port}')


def test_no_argument_of_a_kind(desk):
    path = desk.programs.visitor("without-arguments")
    desk.rule(f"allow {path} argument not --unsafe*")
    for _ in range(2):
        assert desk.visit(path, "x")
        assert not desk.visit(path, "--unsafe-mode")


def test_the_parent(desk):
    path = desk.programs.visitor("child")
    desk.rule(f"allow {path} parent {desk.shell}")
    for _ in range(3):
        assert desk.by_shell(path)
        assert not desk.visit(path)


def test_an_ancestor(desk):
    path, other = desk.programs.visitor("grandchild"), desk.programs.visitor("grandchild-2")
    desk.rule(f"allow {path} ancestor {PYTHON}", f"allow {other}", f"deny {other} ancestor {desk.shell}")
    for _ in range(2):
        assert desk.by_shell(path) and desk.visit(path), "both were started by this python, at some remove"
        assert desk.visit(other) and not desk.by_shell(other)


def test_a_cgroup_and_a_unit(desk, cgroup):
    by_path, by_unit, neither = (desk.programs.visitor(f"in-cgroup-{i}") for i in range(3))
    slice_ = cgroup.split("/")[1]
    desk.rule(f"allow {by_path} cgroup /{slice_}/**", f"allow {by_unit} unit visitor.service", f"allow {neither} unit other.service")
    for _ in range(2):
        for path in (by_path, by_unit):
            assert desk.in_cgroup(cgroup, path), path
            assert not desk.visit(path), path
        assert not desk.in_cgroup(cgroup, neither)


def test_several_programs_and_patterns(desk):
    names = ("pattern-one", "pattern-two", "pattern-three", "patternless")
    one, two, three, other = (desk.programs.visitor(name) for name in names)
    folder = os.path.dirname(one)
    desk.rule(f"allow {folder}/pattern-* to 10.0.0.0/8 or 192.0.2.0/24", f"deny {two} or {three} port 1-9000")
    for _ in range(2):
        assert desk.visit(one)
        assert not desk.visit(one, to=Network.PEER6)
        assert not desk.visit(two) and not desk.visit(three) and not desk.visit(other)
    # One path comes before a pattern, and a pattern before anyone.
    desk.rule(f"allow {three}", "deny anyone")
    assert desk.visit(three) and desk.visit(one) and not desk.visit(other)


def test_all_but_some(desk):
    one, two = desk.programs.visitor("not-this"), desk.programs.visitor("but-this")
    desk.rule(f"allow not {one} port not 1-1023", f"allow {one} to not lan,loopback")
    assert desk.visit(two) and not desk.visit(one)
    desk.rule(f"deny {two} port not 80,443 priority 1")
    assert not desk.visit(two)


def test_users_and_groups(desk):
    path = desk.programs.visitor("of-somebody")
    desk.rule(f"allow {path} user 1000,65534 group not 100")

    def as_user(uid, gid):
        return desk.run("setpriv", f"--reuid={uid}", f"--regid={gid}", "--clear-groups", *desk.argv(path))

    for _ in range(2):
        assert as_user(65534, 65534) and as_user(1000, 1000)
        assert not as_user(1000, 100) and not as_user(1001, 1000)


def test_protocols(desk, udp):
    desk.rule(f"allow {PYTHON} udp,icmp", f"deny {PYTHON} port 9 protocol not tcp")

    def arrives(kind, port, text):
        with contextlib.closing(desk.network.fw.socket(socket.AF_INET, kind)) as s:
            s.settimeout(20)
            try:
                s.connect((Network.PEER4, port))
                s.send(text)
                return s.recv(100) == text if kind == socket.SOCK_DGRAM else True
            except OSError:
                return False

    for _ in range(2):
        assert arrives(socket.SOCK_DGRAM, udp.port, b"heard")
        assert not arrives(socket.SOCK_DGRAM, 9, b"refused")
        assert not arrives(socket.SOCK_STREAM, desk.tcp.port, b"refused")
    desk.rule(f"allow {PYTHON} tcp")
    assert arrives(socket.SOCK_STREAM, desk.tcp.port, b"heard")


def test_an_interface(desk):
    through, beside = desk.programs.visitor("by-uplink"), desk.programs.visitor("by-wireguard")
    desk.rule(f"allow {through} interface up*", f"allow {beside} interface wg*")
    for _ in range(2):
        assert desk.visit(through) and not desk.visit(beside)
    why = desk.cli.json("why", through, f"{Network.PEER4}:80")["why"]
    assert [(c["fate"], c["known"]) for c in why["candidates"] if c["rule"].get("program") == through] == [("interfaces", False)]
    why = desk.cli.json("why", through, f"{Network.PEER4}:80", "interface", "uplink")["why"]
    assert why["verdict"] == "allow"


def test_a_name_that_nobody_knows(desk):
    path = desk.programs.visitor("by-name")
    desk.rule(f"allow {path} to .example.com")
    assert not desk.visit(path)
    assert "host not known" in desk.cli("why", path, f"{Network.PEER4}:80")
    assert desk.cli.json("why", path, f"{Network.PEER4}:80", "to", "www.example.com")["why"]["verdict"] == "allow"


def test_a_live_flow_is_judged_by_the_interface_of_its_packets(rung, desk):
    """The sweep knows no interface: it neither ends what a rule about one allows nor renews what one denies."""
    desk.rule(f"allow {PYTHON} interface uplink", f"deny {PYTHON} to not loopback")
    listener = desk.network.peer.socket(socket.AF_INET, socket.SOCK_STREAM)
    with contextlib.closing(listener):
        listener.bind((Network.PEER4, 0))
        listener.listen()
        near = desk.network.fw.socket(socket.AF_INET, socket.SOCK_STREAM)
        near.settimeout(20)
        with contextlib.closing(near):
            with pytest.raises(OSError):
                near.connect(listener.getsockname())
        desk.cli("rules", "add", f"allow {PYTHON} interface uplink priority 5")
        near = desk.network.fw.socket(socket.AF_INET, socket.SOCK_STREAM)
        near.settimeout(20)
        with contextlib.closing(near):
            near.connect(listener.getsockname())
            far, _ = listener.accept()
            with contextlib.closing(far):
                far.settimeout(20)
                for i in range(3):
                    near.sendall(b"there")
                    assert far.recv(100) == b"there"
                    desk.rule(f"allow /nobody port {i + 1}", f"deny /nobody port {i + 1}")  # each change is a sweep
                if rung == "queue":
                    return  # established TCP meets no queue there, so that only what the sweep knows ends it
                desk.rule(f"deny {PYTHON} interface uplink priority 9")
                with pytest.raises(OSError):
                    for _ in range(100):
                        near.sendall(b"there")
                        assert far.recv(100) == b"there"


def parent_path():
    return os.readlink(f"/proc/{os.getppid()}/exe")


@pytest.mark.parametrize("criterion", ("argument *", "parent PARENT", "ancestor PARENT"), ids=("argument", "parent", "ancestor"))
def test_a_live_flow_ends_by_what_no_rule_had_spoken_of(desk, criterion):
    """What its process was told to be when it connected did not have to say all of this."""
    desk.rule(f"allow {PYTHON}")
    with contextlib.closing(desk.network.peer.socket(socket.AF_INET, socket.SOCK_STREAM)) as listener:
        listener.bind((Network.PEER4, 0))
        listener.listen()
        near = desk.network.fw.socket(socket.AF_INET, socket.SOCK_STREAM)
        near.settimeout(20)
        near.connect(listener.getsockname())
        far, _ = listener.accept()
        with contextlib.closing(near), contextlib.closing(far):
            far.settimeout(20)
            desk.rule(f"deny {PYTHON} argument no-such-argument-*")
            near.sendall(b"there")
            assert far.recv(100) == b"there", "a rule about others ends nothing"
            desk.rule(f"deny {PYTHON} {criterion.replace('PARENT', parent_path())}")
            with pytest.raises(OSError):
                for _ in range(100):
                    near.sendall(b"there")
                    if not far.recv(100):
                        raise ConnectionResetError


def test_a_rule_is_what_its_sentence_says(desk):
    """By way of the socket, the file and a restart: the same sentence and the same criteria."""
    sentences = [
        "allow /usr/bin/curl or /usr/bin/wget to .example.com or example.org port 80,443 tcp",
        "deny anyone list /etc/lists/a.txt or \"/etc/lists/b c.txt\" port 443",
        "deny not /opt/** argument --upload or -T parent /bin/bash ancestor /usr/sbin/cron unit cron.service",
        "ask /usr/lib/firefox*/** cgroup /user.slice/** to not lan,link port not 80,443 user not 0,33 group 5 interface tun0 or wg*",
        'deny "/opt/my app/run" to 10.0.0.0/8 or 2001:db8::/32 udp,253 priority 7 disabled note "not now"',
    ]
    desk.rule(*sentences)

    def told():
        rules = desk.cli.json("rules")["rules"]
        return [r["sentence"] for r in rules if r["origin"] == "list"], [
            {k: v for k, v in r.items() if k not in ("hits", "created", "changed")} for r in rules if r["origin"] == "list"]

    before = told()
    assert sorted(before[0]) == sorted(s.replace("ask /usr/lib/firefox*/** cgroup /user.slice/** to not lan,link",
                                                 "ask /usr/lib/firefox*/** cgroup /user.slice/** to not link,lan") for s in sentences)
    desk.daemon.restart()
    assert told() == before
