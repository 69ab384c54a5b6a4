# SPDX-License-Identifier: GPL-3.0-or-later
"""Nothing left: no space, no writable file system, no file descriptors, no room in the queue. Verdicts go on, who asked for a save is told that it failed, the
files stay what they were, and when there is something again, it is used again.

     fw ┌──────────────────────────────┐   veth   ┌──────────┐ peer
        │ bastion-daemon; its etc and  ├──────────┤ TCP 8080 │
        │ log on small file systems    │          └──────────┘
        └──────────────────────────────┘
"""

import json
import os
import signal
import socket
import subprocess
import time

import pytest

from harness import sockets
from harness.clients import OldClient
from harness.net import Network
from harness.wait import until

SO_SNDBUFFORCE = 32


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

    run.path, run.unknown, run.port = path, programs.visitor("unknown"), tcp.port
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
    d = daemon({"log_every_connection": True}, rules={f"{visit.path}:*": True}, start=False)
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
    until(lambda: {"parser", "recorder"} <= {c["name"] for c in cli(d).json("doctor", expect=None)["checks"] if c["level"] == "ok"},
          "both helpers, each of which is a socket of the daemon")

    def at_rest_now():
        before = sockets_of(d)
        time.sleep(0.3)  # who asked is gone by then
        return before if before == sockets_of(d) else None

    at_rest = until(at_rest_now, "a number of sockets that stays")

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
    until(lambda: served() <= 0, "the crowd to be gone")
    assert subscriber(d).request("status")["status"]["clients"] == 1
    assert visit() == 0
    assert "turned away" in d.output()


def kernel_queue(network):
    """(waiting, dropped) as the kernel counts: nfnetlink_queue in its /proc file."""
    number, _, waiting, _, _, full, unread, *_ = network.fw.run("cat", "/proc/net/netfilter/nfnetlink_queue", check=True).stdout.split()
    assert number == "1"
    return int(waiting), int(full) + int(unread)


def test_a_full_queue_drops_and_lets_nothing_through(daemon, network, sniffer, cli, visit):
    """The daemon stands still until the queue is full. What found no room never arrives although a rule allows it; what waited does, all of it;
    how many were dropped is told; and what comes later is decided as ever."""
    port, count = 9999, 75000
    d = daemon(rules={f"{sockets.PYTHON}:*": True, f"{visit.path}:*": True})
    d.process.send_signal(signal.SIGSTOP)
    try:
        with network.fw.socket(socket.AF_INET, socket.SOCK_DGRAM) as flood:
            flood.setsockopt(socket.SOL_SOCKET, SO_SNDBUFFORCE, 1 << 30)  # held datagrams count as unsent
            for _ in range(count):
                flood.sendto(b"x", (Network.PEER4, port))
            waiting, dropped = kernel_queue(network)
            assert dropped > 0 and waiting + dropped >= count  # more where the kernel sent something of its own
            assert sniffer.seen(17, port) == [], "nobody has decided yet"
            d.process.send_signal(signal.SIGCONT)
            assert visit() == 0  # its first packet may be dropped too: it comes again
            until(lambda: kernel_queue(network)[0] == 0, lambda: f"an empty queue: {kernel_queue(network)}", 60)
            until(lambda: len(sniffer.seen(17, port)) + dropped >= count, lambda: f"what waited: {len(sniffer.seen(17, port))} came", 60)
            assert len(sniffer.seen(17, port)) <= waiting, "what was dropped does not arrive"
    finally:
        d.process.send_signal(signal.SIGCONT)
    dropped = kernel_queue(network)[1]
    assert cli(d).json("status")["status"]["queue_overruns"] == dropped
    assert f"{dropped:,} packets were lost because the queue was full" in cli(d)("status")
    assert f" {dropped} because too much of it was unread" in cli(d)("doctor")
    assert sockets.tcp(network.fw, Network.PEER4, visit.port) == 0
    assert network.fw.run(visit.unknown, "tcp", Network.PEER4, visit.port).returncode != 0, "nobody to ask: denied"


def sockets_of(d):
    count = 0
    for fd in os.listdir(f"/proc/{d.pid}/fd"):
        try:
            count += os.readlink(f"/proc/{d.pid}/fd/{fd}").startswith("socket:")
        except FileNotFoundError:
            pass
    return count
