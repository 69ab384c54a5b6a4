# SPDX-License-Identifier: GPL-3.0-or-later
"""Nothing left: no space, no writable file system, no file descriptors. Verdicts go on, who asked for a save is told that it failed, the
files stay what they were, and when there is something again, it is used again.

     fw ┌──────────────────────────────┐   veth   ┌──────────┐ peer
        │ bastion-daemon; its etc and  ├──────────┤ TCP 8080 │
        │ log on small file systems    │          └──────────┘
        └──────────────────────────────┘
"""

import json
import os
import subprocess

import pytest

from harness.clients import OldClient
from harness.net import Network
from harness.wait import until


@pytest.fixture
def small(closing):
    """small(path) mounts 64 KiB there; what was there is copied in."""

    class Mount:
        def __init__(self, path):
            self.path = path
            held = {name: open(os.path.join(path, name), "rb").read() for name in os.listdir(path)}
            subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", path], check=True)
            for name, data in held.items():
                with open(os.path.join(path, name), "wb") as f:
                    f.write(data)

        def fill(self):
            """To the last byte."""
            try:
                with open(os.path.join(self.path, "ballast"), "wb", buffering=0) as f:
                    while f.write(b"x" * 512):
                        pass
            except OSError:
                pass

        def empty(self):
            os.unlink(os.path.join(self.path, "ballast"))

        def set_writable(self, writable):
            subprocess.run(["mount", "-o", "remount," + ("rw" if writable else "ro"), self.path], check=True)

        def close(self):
            subprocess.run(["umount", "--lazy", self.path], check=True)

    return lambda path: closing(Mount(path))


@pytest.fixture
def visit(network, programs, tcp):
    path = programs.visitor("exhausted")

    def run():
        return network.fw.run(path, "tcp", Network.PEER4, tcp.port).returncode

    run.path = path
    return run


def rules_in(d):
    with open(d.path("etc", "rules.json"), encoding="utf-8") as f:
        return json.load(f)


@pytest.mark.parametrize("what", ["disk full", "read-only"])
def test_a_rule_that_cannot_be_saved_is_in_force_and_its_maker_is_told(daemon, small, visit, subscriber, what):
    d = daemon(rules={"/usr/bin/other:443": True}, start=False)
    etc = small(d.path("etc"))
    d.start()
    client = subscriber(d)
    before = rules_in(d)
    (etc.fill if what == "disk full" else lambda: etc.set_writable(False))()
    said = client.request("rule_add", sentence=f"allow {visit.path} port 8080 note \"{'n' * 1000}\"")
    assert said["type"] == "error" and said["code"] == "internal", said
    assert said["message"] == "in force, but not saved: " + ("No space left on device" if what == "disk full" else "Read-only file system")
    assert visit() == 0
    assert rules_in(d) == before
    assert [n for n in os.listdir(d.path("etc")) if n.startswith(".rules")] == []
    (etc.empty if what == "disk full" else lambda: etc.set_writable(True))()
    assert client.request("rule_add", sentence="deny /usr/bin/third port 80")["type"] == "reply"
    saved = json.dumps(rules_in(d))
    assert "exhausted" in saved and "/usr/bin/third" in saved and "/usr/bin/other:443" in saved
    d.restart()
    assert visit() == 0


def test_a_log_that_cannot_be_written_stops_nobody(daemon, small, visit, cli):
    d = daemon(rules={f"{visit.path}:*": True}, start=False)
    log = small(d.path("log"))
    log.fill()
    d.start()
    assert [visit() for _ in range(5)] == [0] * 5
    until(lambda: cli(d).json("status")["status"]["log_lost"] > 0, "lost lines to be counted")
    log.empty()
    until(lambda: visit() == 0 and "exhausted" in d.log(), "the log to go on")


def test_no_file_descriptors_left(daemon, visit, cli, closing, tcp, subscriber):
    """Clients beyond what there is are turned away; packets are judged meanwhile; when clients leave, others are served."""
    d = daemon(rules={f"{visit.path}:*": True}, start=False)
    plain = d.argv
    d.argv = lambda *more: ["prlimit", "--nofile=96:96", "--", *plain(*more)]
    d.start()
    at_rest = sockets_of(d)

    def served():
        return sockets_of(d) - at_rest

    crowd = []
    try:
        for _ in range(120):
            crowd.append(OldClient(d.socket_path))
        turned_away = until(lambda: [c for c in crowd if c.closed], "some to be turned away")
        until(lambda: sum(c.closed for c in crowd) + served() >= len(crowd), "all of them to be looked at")
        assert visit() == 0, "whose the packet is was found out nevertheless"
        assert len(turned_away) < 120
    finally:
        for client in crowd:
            client.close()
    until(lambda: served() == 0, "the crowd to be gone")
    assert subscriber(d).request("status")["status"]["clients"] == 1
    assert visit() == 0
    assert "turned away" in d.output()


def sockets_of(d):
    count = 0
    for fd in os.listdir(f"/proc/{d.pid}/fd"):
        try:
            count += os.readlink(f"/proc/{d.pid}/fd/{fd}").startswith("socket:")
        except FileNotFoundError:
            pass
    return count
