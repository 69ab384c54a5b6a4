# SPDX-License-Identifier: GPL-3.0-or-later
"""What the daemon finds where it starts: another daemon, a queue that somebody has, a machine without bpffs or cgroup v2. It works with
what is there, or says in words why not; and what it found stays as it was.

     fw ┌──────────────────────────────────┐   veth   ┌──────────┐ peer
        │ bastion-daemon, a second one,    ├──────────┤ TCP 8080 │
        │ programs that stand in their way │          └──────────┘
        └──────────────────────────────────┘
"""

import os
import socket
import struct

import pytest

from harness.daemon import Daemon
from harness.net import Namespace, Network

TABLES = {"ip bastion", "ip6 bastion"}


class QueueHolder:
    """A program that is not Bastion's and has a packet queue: NFQNL_CFG_CMD_BIND, and nothing more."""

    def __init__(self, namespace, number):
        self.socket = namespace.socket(socket.AF_NETLINK, socket.SOCK_RAW, 12)  # NETLINK_NETFILTER
        command = struct.pack("=HH", 8, 1) + struct.pack("!BBH", 1, 0, 0)  # NFQA_CFG_CMD
        body = struct.pack("!BBH", 0, 0, number) + command
        self.socket.send(struct.pack("=IHHII", 16 + len(body), 3 << 8 | 2, 1 | 4, 1, 0) + body)
        (error,) = struct.unpack_from("=i", self.socket.recv(4096), 16)
        assert error == 0, os.strerror(-error)

    def close(self):
        self.socket.close()


@pytest.fixture
def second(build, network, closing, tmp_path, rung):
    """Another daemon's directories, on the same bpffs and with the same pins if it is said so."""

    def make(namespace=None, config=None, rules=None):
        return closing(Daemon(build, namespace or network.fw, tmp_path / "second", rung, config, rules))

    return make


@pytest.fixture
def visit(network, programs, tcp):
    path = programs.visitor("surroundings")
    return lambda namespace=network.fw: namespace.run(path, "tcp", Network.PEER4, tcp.port).returncode


def fails(d, *more):
    """The daemon does not start; what it said."""
    done = d.namespace.run(*d.argv(*more))
    assert done.returncode == 1, done.stdout + done.stderr
    return done.stdout + done.stderr


def first_is_well(d, cli, visit):
    assert d.process.poll() is None
    assert d.tables() == TABLES
    assert (len(d.pins()) > 1) == (d.rung == "gate")
    checks = {c["name"]: c for c in cli(d).json("doctor")["checks"]}
    assert checks["tables"]["level"] == "ok", checks
    assert d.rung == "queue" or checks["hooks"]["level"] == "ok", checks
    assert visit() == 0


# ---- two daemons -----------------------------------------------------------------------------------------------------------

def test_the_same_run_directory(daemon, cli, visit, programs):
    d = daemon(rules={f"{programs.path('surroundings')}:*": True})
    assert "another bastion-daemon is running with this run directory" in fails(d)
    first_is_well(d, cli, visit)


@pytest.mark.parametrize("queue", [1, 2])
def test_another_run_directory_in_the_same_namespace(daemon, second, cli, visit, programs, queue):
    d = daemon(rules={f"{programs.path('surroundings')}:*": True})
    said = fails(second(), f"--pins={d.pin_path}", f"--queue={queue}")
    assert "another bastion-daemon serves this network namespace" in said
    first_is_well(d, cli, visit)


def test_another_namespace(request, daemon, second, cli, visit, programs, closing):
    """Side by side on one machine, each with its own tables and pins, neither hearing of the other's programs."""
    path = programs.path("surroundings")
    there = Namespace(f"{request.config.getoption('--netns-prefix')}side-{os.getpid()}")
    there.close = there.delete
    closing(there)
    d = daemon(rules={f"{path}:*": True})
    other = second(there, rules={f"{path}:*": False}).start()
    first_is_well(d, cli, visit)
    with there.entered():
        listener = socket.create_server(("127.0.0.1", 8080))
    try:
        assert there.run(path, "tcp", "127.0.0.1", 8080).returncode in (0, 1)
    finally:
        listener.close()
    other.stop()
    assert other.tables() == set()
    first_is_well(d, cli, visit)


# ---- the queue ----------------------------------------------------------------------------------------------------------------

def test_a_queue_that_another_program_has(daemon, network, closing, visit):
    d = daemon(start=False)
    holder = closing(QueueHolder(network.fw, 1))
    assert "packet queue 1 belongs to another program: stop that, or choose another number with --queue=N" in fails(d)
    assert d.tables() == set() and d.pins() == []
    assert visit() == 0
    d.start("--queue=7")
    assert d.tables() == TABLES
    d.stop()
    holder.close()
    d.start()


def test_a_start_that_fails_leaves_what_it_found(daemon, network, closing, visit, programs, rung):
    """The rule, the gate and the pins of a daemon that was killed stand until another one really takes over."""
    d = daemon({"on_failure": "closed"}, rules={f"{programs.path('surroundings')}:*": True})
    d.kill()
    pins = sorted(d.pins())
    holder = closing(QueueHolder(network.fw, 3))
    fails(d, "--queue=3")
    assert d.tables() == TABLES
    assert sorted(d.pins()) == pins
    assert (pins == []) == (rung == "queue")
    holder.close()
    d.start()
    assert visit() == 0


# ---- less than the gate needs ---------------------------------------------------------------------------------------------------

class Without:
    """The daemon in a mount namespace of its own where something is missing."""

    def __init__(self, d, script):
        self.d, self.plain = d, d.argv
        d.argv = lambda *more: ["unshare", "--mount", "--propagation=private", "--", "sh", "-c", f'{script}; exec "$@"', "sh",
                                *self.plain("--rung=auto", *more)]


def cgroup2_mounts():
    with open("/proc/self/mountinfo", encoding="utf-8") as f:
        return [line.split(" ")[4] for line in f if " - cgroup2 " in line]


def goes_on_with_the_queue_rung(d, cli, visit, reason):
    status = cli(d).json("status")["status"]
    assert status["rung"] == "queue"
    assert reason in status["rung_reason"], status["rung_reason"]
    rung = next(c for c in cli(d).json("doctor")["checks"] if c["name"] == "rung")
    assert rung["level"] == "warning" and reason in rung["text"]
    assert visit() == 0
    assert d.tables() == TABLES
    assert d.pins() == []


def test_no_bpffs(daemon, cli, visit, programs, tmp_path):
    d = daemon(rules={f"{programs.path('surroundings')}:*": True}, start=False)
    d.start("--rung=auto", f"--pins={tmp_path}/plain")
    goes_on_with_the_queue_rung(d, cli, visit, "is not on a BPF file system (mount -t bpf bpf /sys/fs/bpf)")
    assert not os.path.exists(tmp_path / "plain")


def test_no_cgroup_v2(daemon, cli, visit, programs):
    mounts = cgroup2_mounts()
    if not mounts:
        pytest.skip("needs cgroup v2")
    d = daemon(rules={f"{programs.path('surroundings')}:*": True}, start=False)
    Without(d, "; ".join(f"umount --lazy '{m}'" for m in mounts))
    d.start()
    goes_on_with_the_queue_rung(d, cli, visit, "no cgroup v2 root is mounted")


@pytest.mark.gate_only
def test_cgroup_v2_elsewhere(daemon, cli, visit, programs, tmp_path):
    """Neither /sys/fs/cgroup nor /sys/fs/cgroup/unified: it is found in mountinfo. A blank is written \\040 there."""
    mounts = cgroup2_mounts()
    if not mounts:
        pytest.skip("needs cgroup v2")
    place = tmp_path / "control groups"
    place.mkdir()
    d = daemon(rules={f"{programs.path('surroundings')}:*": True}, start=False)
    Without(d, "; ".join([*(f"umount --lazy '{m}'" for m in mounts), f"mount -t cgroup2 none '{place}'"]))
    d.start()
    assert cli(d).json("status")["status"]["rung"] == "gate"
    first_is_well(d, cli, visit)
