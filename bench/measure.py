# SPDX-License-Identifier: GPL-3.0-or-later
"""What Bastion costs, measured side by side in one run.

      fw ┌─────────────────────────┐          ┌─────────────────────┐ peer
         │ connect (the client)    │   veth   │ server (TCP accept, │
         │ the firewall, if any    ├──────────┤ UDP echo)           │
         └─────────────────────────┘  v4, v6  └─────────────────────┘

Rounds go A B C D A B C D …, so that whatever drifts (heat, neighbours, other work on the machine) drifts for all of them:
    A  no firewall
    B  accept-all: a plain program on an NFQUEUE, by the same rule as D
    C  Bastion, gate rung   D  Bastion, queue rung: one rule allows the client; each connection is a fresh socket
A figure is the median over the rounds of each round's figure; a ratio is the median over the rounds of the two figures of one round.
The run fails unless B and Bastion are seen to have decided the connections of each round: nothing that went by unasked is called fast.

The scheduler, left alone, puts client and firewall now on one processor and now on two, and the same program then differs by a factor of two.
So both are measured: with the client alone on the first processor and everything else on the others, and with the firewall on the client's
("same"). The throughput figure is taken with nobody bound."""

import argparse
import contextlib
import datetime
import json
import os
import platform
import re
import select
import socket
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path[:0] = [os.path.join(ROOT, "tests", "e2e"), os.path.join(ROOT, "bench")]

import report  # noqa: E402
from harness.daemon import Cli, Daemon  # noqa: E402
from harness.net import Network  # noqa: E402

BUILD = os.path.join(ROOT, "build")
CLIENT = os.path.join(BUILD, "bench", "connect")
OUT = os.path.join(ROOT, "bench", "out")
DOCUMENT = os.path.join(ROOT, "doc", "performance.md")

TCP_PORT, UDP_PORT, UDP_PORTS = 7000, 7000, 16  # the server echoes on UDP_PORTS ports from the TCP port's number on
THREADS = 8
SETUPS = "ABCD"
PACE = {
    # rounds, samples of each latency, milliseconds of each throughput, seconds without a client
    False: {"rounds": 7, "samples": 2000, "rate_ms": 400, "idle_s": 30},
    True: {"rounds": 3, "samples": 1000, "rate_ms": 200, "idle_s": 5},
}
START_LIMIT = 20.0  # seconds
# A local port that the kernel takes again soon may meet conntrack's entry of its last use, and is then not "new".
UNASKED = 0.005


# A connection on the queue rung takes so much longer that the run would be about it alone.
SAMPLES_SHARE = {"D": 5}


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


# ---- the four setups ----------------------------------------------------------------------------------------------------

class NoFirewall:
    pid = None

    def __init__(self, network, directory):
        pass

    def start(self):
        return None

    def decided(self):
        return None

    def stop(self):
        pass


class AcceptAll:
    def __init__(self, network, directory):
        self.network = network
        self.process = None

    @property
    def pid(self):
        return self.process.pid

    def start(self):
        self.process = self.network.fw.popen(os.path.join(BUILD, "bench", "accept-all"), "1", stdout=subprocess.PIPE, text=True)
        if self.process.stdout.readline() != "ready\n":
            raise Failed("accept-all did not start")

    def decided(self):
        """Known when it has ended: it has no socket to ask it by."""
        process, self.process = self.process, None
        process.terminate()
        said = process.communicate(timeout=START_LIMIT)[0]
        if process.returncode != 0:
            raise Failed(f"accept-all ended with {process.returncode}")
        return int(said.split()[0])

    def stop(self):
        if self.process:
            self.process.kill()
            self.process.wait()
            self.network.fw.run("nft", "delete", "table", "ip", "bastion")
            self.network.fw.run("nft", "delete", "table", "ip6", "bastion")


class Bastion(Daemon):
    """As it is installed, but for the mode and root's bypass: the client is run by root, and a rule has to decide."""

    rung = None

    def __init__(self, network, directory):
        super().__init__(BUILD, network.fw, directory, self.rung, rules={f"{CLIENT}:*": True},
                         config={"mode": "enforcement", "allow_root_bypass": False})

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

    def stop(self, expect=0):
        if self.process:
            super().stop(expect)


class Gate(Bastion):
    rung = "gate"


class Queue(Bastion):
    rung = "queue"


CLASSES = {"A": NoFirewall, "B": AcceptAll, "C": Gate, "D": Queue}


# ---- measuring ------------------------------------------------------------------------------------------------------------

def run_client(network, *words, alone=True):
    """One run of the client; counts as failed when any of its connections did."""
    pinned = ["taskset", "-c", ",".join(map(str, sorted(FIRST if alone else ALL)))]
    done = network.fw.run(*pinned, CLIENT, *words)
    if done.returncode != 0:
        raise Failed(f"the client ended with {done.returncode}: {done.stderr}")
    said = json.loads(done.stdout)
    if said["failed"] or not said["n"]:
        raise Failed(f"client {' '.join(words)}: {said['failed']} of {said['n'] + said['failed']} failed")
    return said


def latencies(network, samples, suffix, add, count):
    for version in (4, 6):
        peer = network.peer_address(version)
        for kind, port in (("tcp", TCP_PORT), ("udp", UDP_PORT)):
            said = run_client(network, kind, peer, str(port), str(samples))
            add(f"{kind}{version}{suffix}_p50_us", said["p50_ns"] / 1000)
            add(f"{kind}{version}{suffix}_p99_us", said["p99_ns"] / 1000)
            count(kind, said["n"] + said["warm_up"])


def throughput(network, pace, add, count):
    said = run_client(network, "rate", network.PEER4, str(TCP_PORT), str(THREADS), str(pace["rate_ms"]), alone=False)
    add("rate", said["per_second"])
    count("rate", said["n"])


def measure_setup(network, letter, pace, add):
    samples = pace["samples"] // SAMPLES_SHARE.get(letter, 1)
    n = {"tcp": 0, "udp": 0, "rate": 0}

    def count(kind, more):
        n[kind] += more

    with tempfile.TemporaryDirectory(prefix="bastion-bench-") as directory:
        setup = CLASSES[letter](network, directory)
        try:
            took = setup.start()
            if took is not None:
                add("start_ms", took)
            cpu = None
            if setup.pid:
                place(setup.pid, OTHERS)
                cpu = cpu_us(setup.pid)
            latencies(network, samples, "", add, count)
            if setup.pid:
                place(setup.pid, FIRST)
            latencies(network, samples, "_same", add, count)
            if setup.pid:
                add("cpu_us_per_10000", (cpu_us(setup.pid) - cpu) * 10000 / (n["tcp"] + n["udp"]))
                place(setup.pid, set(ALL))
            throughput(network, pace, add, count)
            if setup.pid:
                add("peak_kb", memory_kb(setup.pid)["peak"])
            decided = setup.decided()
            if decided is not None and decided < sum(n.values()) * (1 - UNASKED):
                raise Failed(f"decided {decided} of {sum(n.values())} connections: the others went by it")
        except Failed as e:
            raise Failed(f"{report.NAMES[letter]}: {e}") from None
        finally:
            setup.stop()
            if isinstance(setup, Daemon):
                setup.close()


def measure_idle(network, other, seconds):
    """Both rungs, each in a namespace of its own, at the same time, with no client."""
    result = {}
    with tempfile.TemporaryDirectory(prefix="bastion-bench-") as c, tempfile.TemporaryDirectory(prefix="bastion-bench-") as d:
        daemons = {}
        try:
            for letter, where, directory in (("C", network, c), ("D", other, d)):
                daemons[letter] = CLASSES[letter](where, directory)
                daemons[letter].start()
            time.sleep(1)  # what starting leaves to be done, such as the first save
            before = {letter: wake_ups(daemon.pid) for letter, daemon in daemons.items()}
            time.sleep(seconds)
            for letter, daemon in daemons.items():
                memory = memory_kb(daemon.pid)
                result[letter] = {"wake_ups": wake_ups(daemon.pid) - before[letter], "seconds": seconds,
                                  "rss_kb": memory["rss"], "uss_kb": memory["uss"]}
        finally:
            for daemon in daemons.values():
                daemon.close()
    return result


def forget_flows_soon(network):
    """So that conntrack's entries of one setup do not vouch for the connections of the next."""
    for name in ("tcp_timeout_close", "udp_timeout", "udp_timeout_stream"):
        network.fw.run("sysctl", "-qw", f"net.netfilter.nf_conntrack_{name}=1", check=True)


def start_server(network):
    # Room for every handshake that a run can make before the server is given a processor.
    network.peer.run("sysctl", "-qw", "net.core.somaxconn=65535", check=True)
    server = network.peer.popen(os.path.join(BUILD, "bench", "server"), str(TCP_PORT), str(UDP_PORTS), stdout=subprocess.PIPE)
    if not select.select([server.stdout], [], [], START_LIMIT)[0] or server.stdout.readline() != b"ready\n":
        server.kill()
        raise Failed("the server did not start")
    place(server.pid, OTHERS)
    os.setpriority(os.PRIO_PROCESS, server.pid, -10)
    return server


def run_rounds(network, pace, say):
    series = {letter: {} for letter in SETUPS}
    for i in range(pace["rounds"]):
        for letter in SETUPS:
            say(f"round {i + 1} of {pace['rounds']}: {report.NAMES[letter]}")
            measure_setup(network, letter, pace, lambda name, value, to=series[letter]: to.setdefault(name, []).append(value))
    return series


# ---- what comes out ----------------------------------------------------------------------------------------------------------

def summarize(series):
    figures = {letter: {name: statistics.median(values) for name, values in of.items()} for letter, of in series.items()}
    ratios = {letter: {} for letter in SETUPS}
    for letter in SETUPS:
        for base in "AB":
            ratios[letter][base] = {name: statistics.median(x / y for x, y in zip(values, series[base][name], strict=True))
                                    for name, values in series[letter].items() if name in series[base]}
    return figures, ratios


def machine():
    with open("/proc/cpuinfo", encoding="utf-8") as f:
        model = re.search(r"^model name\s*: (.+)$", f.read(), re.M)
    virtual = subprocess.run(["systemd-detect-virt"], capture_output=True, text=True, check=False).stdout.strip()
    with open("/proc/meminfo", encoding="ascii") as f:
        memory = int(re.search(r"^MemTotal:\s+(\d+)", f.read(), re.M)[1])
    return {
        "cpu": model[1] if model else platform.machine(),
        "cores": len(ALL),
        "memory_mb": memory // 1024,
        "kernel": "Linux " + re.match(r"[0-9.]+", platform.release())[0],
        "architecture": platform.machine(),
        "virtual": virtual not in ("", "none"),
    }


def write_file(path, text):
    """As the owner of the tree, whoever runs this."""
    directory = os.path.dirname(os.path.abspath(path))
    owner = os.stat(ROOT)
    if not os.path.isdir(directory):
        os.makedirs(directory)
        os.chown(directory, owner.st_uid, owner.st_gid)
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)
    os.chown(path, owner.st_uid, owner.st_gid)


def measure(quick, say):
    pace = PACE[quick]
    network = other = server = None
    load = os.getloadavg()[0]
    began = time.monotonic()
    try:
        network, other = Network("bench-"), Network("bench-idle-")
        forget_flows_soon(network)
        server = start_server(network)
        series = run_rounds(network, pace, say)
        say(f"no client for {pace['idle_s']} s")
        idle = measure_idle(network, other, pace["idle_s"])
    finally:
        if server:
            server.kill()
            server.wait()
        for n in (network, other):
            if n:
                n.delete()
    figures, ratios = summarize(series)
    return {
        "date": datetime.date.today().isoformat(), "machine": machine(), "quick": quick, "pace": pace, "threads": THREADS,
        "load_before": load, "seconds": time.monotonic() - began, "figures": figures, "ratios": ratios, "idle": idle,
        "series": series,
    }


def main():
    parser = argparse.ArgumentParser(prog="bench/run.sh", description="What Bastion costs, beside no firewall and a plain NFQUEUE program.")
    parser.add_argument("--quick", action="store_true", help="a third of the rounds, and 5 s instead of 30 s without a client")
    parser.add_argument("--json", metavar="FILE", nargs="?", const="-", help="the figures as JSON too: to FILE, or instead of the table")
    parser.add_argument("--doc", action="store_true", help="write doc/performance.md from this run")
    words = parser.parse_args()

    try:
        result = measure(words.quick, lambda text: print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)
                         if sys.stderr.isatty() else None)
    except Failed as e:
        print(f"\nbench/run.sh: {e}", file=sys.stderr)
        return 1
    if sys.stderr.isatty():
        print("\r\033[K", end="", file=sys.stderr)
    text = json.dumps(result, indent=2) + "\n"
    write_file(os.path.join(OUT, "latest.json"), text)
    if words.json == "-":
        print(text, end="")
    else:
        print(report.table(result), end="")
        if words.json:
            write_file(words.json, text)
    if words.doc:
        write_file(DOCUMENT, report.document(result))
    return 0


if __name__ == "__main__":
    sys.exit(main())
