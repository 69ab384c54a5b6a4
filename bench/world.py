# SPDX-License-Identifier: GPL-3.0-or-later
"""Where and with what is measured: the network, the processors, the server, and the firewalls, each with one way to start it, to ask it what it
did, and to end it. What is measured is in measure.py, identity.py and changes.py."""

import contextlib
import json
import os
import re
import select
import socket
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path[:0] = [os.path.join(ROOT, "tests", "e2e")]

from harness.daemon import Cli, Daemon  # noqa: E402
from harness.net import Network  # noqa: E402

import rulebook  # noqa: E402

BUILD = os.path.join(ROOT, "build")
START_LIMIT = 20.0  # seconds

TCP_PORT, UDP_PORT, UDP_PORTS = 7000, 7000, 16  # the server echoes on UDP_PORTS ports from the TCP port's number on
SINK_PORT, WITNESS_PORT, FLOW_PORT = 7100, 7200, 7300


def program(name):
    return os.path.join(BUILD, "bench", name)


CLIENT, BRIEF, FLOW = program("connect"), program("brief"), program("flow")


class Failed(Exception):
    """The figures would not be what they say they are."""


# ---- processors ------------------------------------------------------------------------------------------------------

ALL = sorted(os.sched_getaffinity(0))
FIRST, OTHERS = (set(ALL[:1]), set(ALL[1:])) if len(ALL) > 1 else (set(ALL), set(ALL))


def tasks(pid):
    return [int(t) for t in os.listdir(f"/proc/{pid}/task")]


def place(pid, cpus):
    for task in tasks(pid):
        os.sched_setaffinity(task, cpus)


# ---- what /proc says about a process ------------------------------------------------------------------------------------

def cpu_us(pid):
    """Time on a processor of all its threads."""
    total = 0
    for task in tasks(pid):
        with open(f"/proc/{pid}/task/{task}/schedstat", encoding="ascii") as f:
            total += int(f.read().split()[0])
    return total / 1000


def descendants(pid):
    """The daemon's helpers: recorder, parser and their nursery."""
    found = []
    for task in tasks(pid):
        with open(f"/proc/{pid}/task/{task}/children", encoding="ascii") as f:
            for child in map(int, f.read().split()):
                found += [child, *descendants(child)]
    return found


def wake_ups(pid):
    total = 0
    for task in tasks(pid):
        with open(f"/proc/{pid}/task/{task}/status", encoding="utf-8") as f:
            total += int(re.search(r"^voluntary_ctxt_switches:\s+(\d+)", f.read(), re.M)[1])
    return total


def memory_kb(pid):
    with open(f"/proc/{pid}/status", encoding="utf-8") as f:
        status = f.read()
    with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as f:
        rollup = f.read()
    return {
        "rss": int(re.search(r"^VmRSS:\s+(\d+)", status, re.M)[1]),
        "peak": int(re.search(r"^VmHWM:\s+(\d+)", status, re.M)[1]),
        "uss": sum(int(kb) for kb in re.findall(r"^Private_(?:Clean|Dirty):\s+(\d+)", rollup, re.M)),
    }


# ---- the network --------------------------------------------------------------------------------------------------------

FRESH4, FRESH6 = "10.91.128.0", "fd91:0:0:2::"
FRESH_ADDRESSES = 1 << 15  # of the smaller of the two networks
FRESH_NETWORKS = (f"{FRESH4}/17", f"{FRESH6}/64")


def fresh_address(version):
    return FRESH4 if version == 4 else FRESH6


def lead_networks_to_the_peer(network):
    """Every address of FRESH_NETWORKS is the peer's: so each connection can have a destination that nobody has seen."""
    for family, via, net in (("-4", Network.PEER4, FRESH_NETWORKS[0]), ("-6", Network.PEER6, FRESH_NETWORKS[1])):
        network.peer.ip(family, "route", "add", "local", net, "dev", "lo")
        network.fw.ip(family, "route", "add", net, "via", via)


def forget_flows_soon(network):
    """So that conntrack's entries of one setup do not vouch for the connections of the next."""
    for name in ("tcp_timeout_close", "udp_timeout", "udp_timeout_stream"):
        network.fw.run("sysctl", "-qw", f"net.netfilter.nf_conntrack_{name}=1", check=True)


def answer_every_refused_datagram(network):
    """A denied datagram that reaches the firewall is answered with an ICMP error, which the kernel sends a thousand times a second at most;
    who hears none waits. A denial that the kernel knows needs no such error. Both are to be measured, not the limit."""
    limits = {"ipv4.icmp_ratelimit": 0, "ipv4.icmp_msgs_per_sec": 1000000, "ipv4.icmp_msgs_burst": 1000000, "ipv6.icmp.ratelimit": 0}
    for name, value in limits.items():
        network.fw.run("sysctl", "-qw", f"net.{name}={value}")  # older kernels have some of them for the whole machine, and not here


def start_and_hear_ready(namespace, *argv, text=False):
    process = namespace.popen(*argv, stdout=subprocess.PIPE, text=text)
    if not select.select([process.stdout], [], [], START_LIMIT)[0] or process.stdout.readline().strip() not in (b"ready", "ready"):
        process.kill()
        process.wait()
        raise Failed(f"{argv[0]} did not start")
    return process


def start_server(network):
    # Room for every handshake that a run can make before the server is given a processor.
    network.peer.run("sysctl", "-qw", "net.core.somaxconn=65535", check=True)
    server = start_and_hear_ready(network.peer, program("server"), TCP_PORT, UDP_PORTS, SINK_PORT)
    place(server.pid, OTHERS)
    os.setpriority(os.PRIO_PROCESS, server.pid, -10)
    return server


# ---- the firewalls ------------------------------------------------------------------------------------------------------

class NoFirewall:
    pid = None

    def __init__(self, network, directory):
        pass

    def start(self):
        return None

    def decided(self):
        return None

    def close(self):
        pass


class PlainQueue:
    """A program on an NFQUEUE that ends with "N packets"."""

    program = "accept-all"

    def __init__(self, network, directory):
        self.network = network
        self.process = None

    @property
    def pid(self):
        return self.process.pid

    def start(self):
        self.process = start_and_hear_ready(self.network.fw, program(self.program), "1", text=True)

    def end(self):
        """What it said. It has no socket to ask it by, so it is known when it has ended."""
        process, self.process = self.process, None
        process.terminate()
        said = process.communicate(timeout=START_LIMIT)[0].splitlines()
        if process.returncode != 0:
            raise Failed(f"{self.program} ended with {process.returncode}")
        return said

    def decided(self):
        return int(self.end()[-1].split()[0])

    def close(self):
        if self.process:
            self.process.kill()
            self.process.wait()
            self.network.fw.run("nft", "delete", "table", "ip", "bastion")
            self.network.fw.run("nft", "delete", "table", "ip6", "bastion")


class ProcScan(PlainQueue):
    program = "proc-scan"


class Bastion(Daemon):
    """As it is installed, but for the mode and root's bypass: the client is run by root, and a rule has to decide."""

    rung = None

    def __init__(self, network, directory, rules=None, config=None):
        super().__init__(BUILD, network.fw, directory, self.rung,
                         rules=rules or {f"{path}:*": True for path in (CLIENT, BRIEF, FLOW)},
                         config={"mode": "enforcement", "allow_root_bypass": False, **(config or {})})

    def start(self, *more):
        """Milliseconds from the start of the program to READY=1, seen from outside and without polling."""
        path = self.path("notify")
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify, open(self.path("output"), "ab") as output:
            notify.bind(path)
            notify.settimeout(START_LIMIT)
            environment = {k: v for k, v in os.environ.items() if k not in ("SUDO_UID", "BASTION_LOG", "RUST_LOG")}
            began = time.monotonic()
            self.process = self.namespace.popen(*self.argv(f"--data={ROOT}/data", *more), stdout=output, stderr=output,
                                                env={**environment, "NOTIFY_SOCKET": path})
            heard = b""
            while b"READY=1" not in heard:
                try:
                    heard = notify.recv(4096)
                except socket.timeout:
                    raise Failed(f"the daemon did not become ready:\n{self.output()}") from None
            return (time.monotonic() - began) * 1000

    def decided(self):
        status = Cli(BUILD, self).json("status")["status"]
        if status["denied"]:
            raise Failed(f"{status['denied']} connections were denied")
        return status["by_reason"]["rule"]


class Queue(Bastion):
    rung = "queue"


class Gate(Bastion):
    rung = "gate"

    def gate_counts(self):
        """(sockets that the hooks tagged, packets that the gate sent to user space), from what `doctor` says of the tags."""
        checks = Cli(BUILD, self).json("doctor", expect=None)["checks"]
        text = next(c["text"] for c in checks if c["name"] == "tags")
        tagged, queued = re.search(r"(\d+) sockets tagged", text), re.search(r"(\d+) queued", text)
        if not tagged or not queued:
            raise Failed(f"doctor does not say what the gate counted: {text}")
        return int(tagged[1]), int(queued[1])


class GateFresh(Gate):
    """The client's rule is about the destinations' network: each new destination is a new decision. `count`: of rules in all."""

    count = None

    def __init__(self, network, directory):
        ports = TCP_PORT, TCP_PORT + UDP_PORTS - 1
        super().__init__(network, directory, rules=rulebook.text(self.count, CLIENT, FRESH_NETWORKS, ports))


class GateFresh1(GateFresh):
    count = 1


class GateFresh1000(GateFresh):
    count = 1000


class GateFresh100000(GateFresh):
    count = 100000


CLASSES = {"A": NoFirewall, "B": PlainQueue, "C": Gate, "D": Queue, "F1": GateFresh1, "F2": GateFresh1000, "F3": GateFresh100000}


# ---- the client -----------------------------------------------------------------------------------------------------------

def run_json(network, *argv, alone=True):
    """One run of a measured program; it counts as failed when any of its connections did."""
    pinned = ["taskset", "-c", ",".join(map(str, sorted(FIRST if alone else ALL)))]
    done = network.fw.run(*pinned, *argv)
    words = " ".join(map(str, argv[1:]))
    if done.returncode != 0:
        raise Failed(f"the client ended with {done.returncode}: {words}: {done.stderr}")
    said = json.loads(done.stdout)
    if said["failed"] or not said["n"]:
        raise Failed(f"client {words}: {said['failed']} of {said['n'] + said['failed']} failed")
    return said
