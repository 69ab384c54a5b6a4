# SPDX-License-Identifier: GPL-3.0-or-later
"""What Bastion costs, measured side by side in one run.

      fw ┌─────────────────────────┐          ┌─────────────────────────────┐ peer
         │ connect, brief, flow    │   veth   │ server (TCP accept and sink,│
         │ the firewall, if any    ├──────────┤ UDP echo), on its own       │
         └─────────────────────────┘  v4, v6  │ address and on two networks │
                                              └─────────────────────────────┘

Rounds go A B C D F1 F2 F3 A B …, so that whatever drifts (heat, neighbours, other work on the machine) drifts for all of them:
    A  no firewall
    B  accept-all: a plain program on an NFQUEUE, by the same rule as D
    C  Bastion, gate rung   D  Bastion, queue rung: one rule allows the client, another program is denied
    F1 F2 F3  Bastion, gate rung, with 1, 1,000 and 100,000 rules (rulebook.py); each connection has a destination that was never seen
A figure is the median over the rounds of each round's figure; a ratio is the median over the rounds of the two figures of one round.

Every connection is a fresh socket. In C each but the first is *cached*: what was decided for the first needs no new decision, and how many were
sent to user space all the same is counted and told. In F none can be: see rulebook.py. A, B and D connect to the same fresh destinations,
so that what a new destination costs the routing code is in all of them. The run fails unless B, D and F are seen to have decided the
connections of each round, and the gate of C to have tagged them: nothing that went by unasked is called fast.

The scheduler, left alone, puts client and firewall now on one processor and now on two, and the same program then differs by a factor of two.
So both are measured: with the client alone on the first processor and everything else on the others, and with the firewall on the client's
("same"). Rates of connections and programs are taken with nobody bound.

After the rounds: both rungs without a client, from a rule change to the end of a live flow (changes.py), and three ways to know who sent a packet
(identity.py); and what a list of a million names takes (lists.py)."""

import argparse
import datetime
import json
import os
import platform
import re
import statistics
import subprocess
import sys
import tempfile
import time

import changes
import identity
import lists
import report
from harness.net import Network, Sniffer
from world import (ALL, BRIEF, CLASSES, CLIENT, FIRST, FLOW, FRESH_ADDRESSES, OTHERS, ROOT, SINK_PORT, TCP_PORT, UDP_PORT, UDP_PORTS, Failed,
                   Gate, GateFresh, answer_every_refused_datagram, cpu_us, descendants, forget_flows_soon, fresh_address,
                   lead_networks_to_the_peer, memory_kb, place, run_json, start_server, wake_ups)

OUT = os.path.join(ROOT, "bench", "out")
DOCUMENT = os.path.join(ROOT, "doc", "performance.md")

THREADS = 8
PARALLEL = 2  # short-lived programs at a time
LIMITED_MBIT, BULKS = 2000, 4
SETUPS = ("A", "B", "C", "D", "F1", "F2", "F3")
PACE = {
    # rounds, samples of each latency, milliseconds of each throughput, seconds without a client, flows ended of each kind, programs
    # identified of each kind, short-lived programs identified by tag, lists read
    False: {"rounds": 7, "samples": 2000, "rate_ms": 400, "idle_s": 30, "changes": 10, "programs": 496, "programs_tagged": 10000, "lists": 5},
    True: {"rounds": 2, "samples": 1000, "rate_ms": 200, "idle_s": 3, "changes": 2, "programs": 96, "programs_tagged": 1000, "lists": 1},
}
# A local port that the kernel takes again soon may meet conntrack's entry of its last use, and is then not "new".
UNASKED = 0.005

# A connection on the queue rung takes so much longer that the run would be about it alone.
SAMPLES_SHARE = {"D": 5}


# ---- one setup ------------------------------------------------------------------------------------------------------------

class Count:
    """How many connections the client has made."""

    def __init__(self):
        self.n = 0
        self.fresh = 0  # destinations used up

    def latencies(self, network, samples, add, suffix, fresh=False):
        for version in (4, 6):
            peer = fresh_address(version) if fresh else network.peer_address(version)
            for kind, port in (("tcp", TCP_PORT), ("udp", UDP_PORT)):
                words = (f"fresh-{kind}", peer, port, samples, self.fresh) if fresh else (kind, peer, port, samples)
                said = run_json(network, CLIENT, *words)
                add(f"{kind}{version}{suffix}_p50_us", said["p50_ns"] / 1000)
                add(f"{kind}{version}{suffix}_p99_us", said["p99_ns"] / 1000)
                self.n += said["n"] + said["warm_up"]
                self.fresh += (said["n"] + said["warm_up"]) if fresh else 0
                if self.fresh > FRESH_ADDRESSES:
                    raise Failed("there are not as many fresh destinations as samples")

    def rates(self, network, pace, add):
        said = run_json(network, CLIENT, "rate", network.PEER4, TCP_PORT, THREADS, pace["rate_ms"], alone=False)
        add("rate", said["per_second"])
        self.n += said["n"]
        said = run_json(network, CLIENT, "processes", network.PEER4, TCP_PORT, PARALLEL, pace["rate_ms"], BRIEF, alone=False)
        add("processes", said["per_second"])
        self.n += said["n"]

    def bulk(self, network, server, pace, add):
        # The best of some: what disturbs a flow at the cable's full rate only ever makes it slower.
        add("gbit", max(run_json(network, FLOW, "bulk", network.PEER4, SINK_PORT, pace["rate_ms"] // 2, 0)["gbit"] for _ in range(BULKS)))
        before = cpu_us(server.pid)
        said = run_json(network, FLOW, "bulk", network.PEER4, SINK_PORT, pace["rate_ms"], LIMITED_MBIT)
        add("bulk_cpu_us_per_gbyte", (said["cpu_us"] + cpu_us(server.pid) - before) * 1e9 / said["n"])
        self.n += BULKS + 1


def measure_refused(network, client, samples, add):
    """And that nothing of it leaves: what was refused is looked for at the peer's end of the cable."""
    sniffer = Sniffer(network)
    try:
        for version in (4, 6):
            for kind, port in (("tcp", TCP_PORT), ("udp", UDP_PORT)):
                said = run_json(network, client, f"refused-{kind}", network.peer_address(version), port, samples)
                add(f"{kind}{version}_refused_p50_us", said["p50_ns"] / 1000)
                add(f"{kind}{version}_refused_p99_us", said["p99_ns"] / 1000)
        left = len(sniffer.seen(6, TCP_PORT)) + sum(len(sniffer.seen(17, port)) for port in range(UDP_PORT, UDP_PORT + UDP_PORTS))
        add("refused_left", left)
    finally:
        sniffer.close()


def measure_known(network, server, letter, setup, pace, add, count):
    """The client's destination is always the same."""
    samples = pace["samples"] // SAMPLES_SHARE.get(letter, 1)
    gate = setup.gate_counts() if letter == "C" else None
    helpers = descendants(setup.pid) if letter in "CD" else []
    if setup.pid:
        place(setup.pid, OTHERS)
        cpu, helpers_cpu = cpu_us(setup.pid), sum(map(cpu_us, helpers))
    count.latencies(network, samples, add, "")
    if setup.pid:
        place(setup.pid, FIRST)
    count.latencies(network, samples, add, "_same")
    if setup.pid:
        add("cpu_us_per_10000", (cpu_us(setup.pid) - cpu) * 10000 / count.n)
        place(setup.pid, set(ALL))
    if helpers:
        add("helpers_cpu_us_per_10000", (sum(map(cpu_us, helpers)) - helpers_cpu) * 10000 / count.n)
    count.rates(network, pace, add)
    count.bulk(network, server, pace, add)
    if gate:
        tagged, queued = (after - before for after, before in zip(setup.gate_counts(), gate, strict=True))
        add("asked_percent", 100 * queued / count.n)
        if tagged < count.n * (1 - UNASKED):
            raise Failed(f"the gate knew {tagged} of {count.n} connections: the others went by it")


def measure_fresh(network, letter, setup, pace, add, count):
    """Each destination is used once. Their number is shared by all kinds and families, so samples are fewer."""
    samples = min(pace["samples"] // SAMPLES_SHARE.get(letter, 1), FRESH_ADDRESSES // 8)
    before, gate = count.n, setup.gate_counts() if isinstance(setup, Gate) else None
    if setup.pid:
        place(setup.pid, OTHERS)
        cpu = cpu_us(setup.pid)
    count.latencies(network, samples, add, "_fresh", fresh=True)
    if setup.pid:
        add("fresh_cpu_us_per_10000", (cpu_us(setup.pid) - cpu) * 10000 / (count.n - before))
        place(setup.pid, set(ALL))
    if gate:
        queued = setup.gate_counts()[1] - gate[1]
        if queued < (count.n - before) * (1 - UNASKED):
            raise Failed(f"{queued} of {count.n - before} connections to fresh destinations were asked about: the others were not first-seen")


def measure_setup(network, server, letter, pace, add):
    count = Count()
    with tempfile.TemporaryDirectory(prefix="bastion-bench-") as directory:
        os.chmod(directory, 0o755)
        denied = os.path.join(directory, "denied")
        subprocess.run(["cp", CLIENT, denied], check=True)
        setup = CLASSES[letter](network, directory)
        try:
            if letter == "C":
                setup.write_rules({**setup.rules(), f"{denied}:*": False})
            took = setup.start()
            if took is not None:
                add("start_ms", took)
            if not isinstance(setup, GateFresh):
                measure_known(network, server, letter, setup, pace, add, count)
            if letter != "C":
                measure_fresh(network, letter, setup, pace, add, count)
            if setup.pid:
                memory = memory_kb(setup.pid)
                add("rss_kb", memory["rss"])
                add("peak_kb", memory["peak"])
            decided = setup.decided() if letter != "C" else None
            if decided is not None and decided < count.n * (1 - UNASKED):
                raise Failed(f"decided {decided} of {count.n} connections: the others went by it")
            if letter == "C":
                measure_refused(network, denied, pace["samples"] // 4, add)
        except Failed as e:
            raise Failed(f"{report.NAMES[letter]}: {e}") from None
        finally:
            setup.close()


# ---- what is measured once -------------------------------------------------------------------------------------------------

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


def run_rounds(network, server, pace, say):
    series = {letter: {} for letter in SETUPS}
    for i in range(pace["rounds"]):
        for letter in SETUPS:
            say(f"round {i + 1} of {pace['rounds']}: {report.NAMES[letter]}")
            measure_setup(network, server, letter, pace, lambda name, value, to=series[letter]: to.setdefault(name, []).append(value))
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
        lead_networks_to_the_peer(network)
        answer_every_refused_datagram(network)
        server = start_server(network)
        series = run_rounds(network, server, pace, say)
        say(f"no client for {pace['idle_s']} s")
        idle = measure_idle(network, other, pace["idle_s"])
        with tempfile.TemporaryDirectory(prefix="bastion-bench-") as directory:
            ends = changes.measure(network, directory, pace["changes"], say)
        with tempfile.TemporaryDirectory(prefix="bastion-bench-") as directory:
            os.chmod(directory, 0o755)
            identities = identity.measure(network, directory, pace["programs"], pace["programs_tagged"], say)
        with tempfile.TemporaryDirectory(prefix="bastion-bench-") as directory:
            listed = lists.measure(network, directory, pace["samples"], pace["lists"], say)
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
        "load_before": load, "load_after": os.getloadavg()[0], "seconds": time.monotonic() - began, "figures": figures, "ratios": ratios,
        "idle": idle, "changes": ends,
        "identity": identities, "lists": listed, "series": series,
    }


def main():
    parser = argparse.ArgumentParser(prog="bench/run.sh", description="What Bastion costs, beside no firewall and a plain NFQUEUE program.")
    parser.add_argument("--quick", action="store_true", help="fewer rounds and programs: a minute instead of five")
    parser.add_argument("--json", metavar="FILE", nargs="?", const="-", help="the figures as JSON too: to FILE, or instead of the table")
    parser.add_argument("--doc", action="store_true", help="write doc/performance.md, and its core into README.md, from this run")
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
        readme = os.path.join(ROOT, "README.md")
        with open(readme, encoding="utf-8") as f:
            old = f.read()
        write_file(readme, report.with_core(old, result))
    return 0


if __name__ == "__main__":
    sys.exit(main())
