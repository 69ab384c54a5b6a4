# SPDX-License-Identifier: GPL-3.0-or-later
"""Three ways to know who sent a packet, on the same traffic.

    socket tag   Bastion's gate rung: the kernel writes down who called connect() or sendmsg(), in the calling task
    sock_diag    Bastion's queue rung: the kernel is asked for the packet's exact tuple, then /proc/PID/fd for the socket's inode
    /proc scan   proc-scan.c: /proc/net/tcp or udp for the inode, then every /proc/PID/fd: as most application firewalls do
    (nobody)     accept-all.c: names nobody, and shows what the way to user space and back takes by itself

The traffic is bench/brief.c under sixteen names: programs that stay (`long`), that connect, wait for the answer and exit (`short`), and that
send one datagram and exit (`gone`). Each says in his packet who he is, and witness.c writes down what it hears: that is the truth. The time from
packet to verdict is taken outside the deciding program, alike for all: connect(), or from send() to the datagram's arrival at the peer. It contains
the way itself, which is the same for all and is the figure of no firewall. CPU is that of the deciding process alone.

The kernel decides nothing by itself here (`log_every_connection`), since a known verdict is told only in sums; and who cannot be named is let through
(`default_action`: allow, nobody is asked), so that he is heard by the witness and counted as not named."""

import collections
import json
import os
import socket
import subprocess
import threading
import time

import world
from harness.programs import Programs
from world import BRIEF, WITNESS_PORT, Failed

NAMES, PARALLEL, SEED = 16, 2, 42
KINDS = {"long": "TCP", "short": "TCP", "gone": "UDP"}
SETTLE_S, SETTLE_LIMIT_S = 0.5, 30.0
METHODS = {"no firewall": world.NoFirewall, "(nobody)": world.PlainQueue, "socket tag": world.Gate, "sock_diag": world.Queue,
           "/proc scan": world.ProcScan}


class Listener:
    """Reads the daemon's decisions as bytes, and understands them only afterwards: whoever parses competes for a processor."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.connect(path)
        self.pieces = []
        for request in ({"type": "hello", "id": 1, "client": "bastion-bench", "protocol": 2},
                        {"type": "subscribe", "id": 2, "events": ["decisions"]}):
            self.socket.sendall(json.dumps(request).encode() + b"\n")
        while b"".join(self.pieces).count(b"\n") < 2:
            self.pieces.append(self.socket.recv(1 << 16))
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self):
        while piece := self.socket.recv(1 << 20):
            self.pieces.append(piece)

    def lines(self):
        """All, once none has come for a while."""
        began, n = time.monotonic(), -1
        while len(self.pieces) != n and time.monotonic() < began + SETTLE_LIMIT_S:
            n = len(self.pieces)
            time.sleep(SETTLE_S)
        self.socket.shutdown(socket.SHUT_RDWR)
        self.thread.join()
        self.socket.close()
        return [json.loads(line) for line in b"".join(self.pieces).splitlines()]


def told_by_bastion(listener):
    return collections.Counter((d["protocol"], d["local_port"], d["pid"], d["path"])
                               for d in listener.lines() if d["type"] == "decision" and d["remote_port"] == WITNESS_PORT and d["path"])


def told_by_scan(lines):
    return collections.Counter((protocol, int(port), int(pid), path)
                               for protocol, port, pid, path in (line.split(" ", 3) for line in lines[:-1]) if pid != "0")


def run_traffic(network, kind, count, names, programs):
    address = f"{network.PEER4},{network.PEER6}"
    if kind == "long":
        for i, name in enumerate(names):
            done = network.fw.run(name, "long", network.peer_address(4 if i % 2 else 6), WITNESS_PORT, count // NAMES)
            if done.returncode != 0:
                raise Failed(f"a program that stays ended with {done.returncode}")
        return
    word = {"short": "tcp", "gone": "udp"}[kind]
    done = network.fw.run(programs.path("swarm"), count, PARALLEL, SEED, word, address, WITNESS_PORT, WITNESS_PORT, *names, timeout=300)
    if done.returncode != 0:
        raise Failed(f"swarm ended with {done.returncode}")


def visits_of(witness):
    """[(identity, nanoseconds on the way)]"""
    witness.terminate()
    said = witness.communicate(timeout=world.START_LIMIT)[0].splitlines()
    return [((protocol, int(port), int(pid), path), int(ns)) for protocol, port, path, pid, ns in map(str.split, said)]


def make(method, network, directory, names):
    of = METHODS[method]
    if not issubclass(of, world.Bastion):
        return of(network, directory)
    config = {"log_every_connection": True, "popup_enabled": False, "default_action": "allow"}
    return of(network, directory, rules={f"{name}:*": True for name in names}, config=config)


def measure_kind(method, kind, count, network, directory, names, programs):
    witness = setup = None
    try:
        witness = world.start_and_hear_ready(network.peer, world.program("witness"), WITNESS_PORT, text=True)
        setup = make(method, network, directory, names)
        setup.start()
        listener = Listener(setup.socket_path) if isinstance(setup, world.Bastion) else None
        cpu = world.cpu_us(setup.pid) if setup.pid else None
        run_traffic(network, kind, count, names, programs)
        time.sleep(SETTLE_S)
        cpu = (world.cpu_us(setup.pid) - cpu) / count if setup.pid else None
        visits = visits_of(witness)
        if listener:
            told = told_by_bastion(listener)
        else:
            told = told_by_scan(setup.end()) if method == "/proc scan" else collections.Counter()
    finally:
        if witness and witness.poll() is None:
            witness.kill()
            witness.wait()
        if setup:
            setup.close()
    truth = collections.Counter(identity for identity, _ in visits)
    way = sorted(ns / 1000 for _, ns in visits)
    if not way:
        raise Failed(f"{method}: the witness heard nobody")
    right = (truth & told).total()
    wrong = told.total() - right
    return {"n": truth.total(), "lost": count // NAMES * NAMES - truth.total() if kind == "long" else count - truth.total(),
            "p50_us": way[(len(way) - 1) // 2], "p99_us": way[(len(way) - 1) * 99 // 100], "cpu_us": cpu,
            "right": right, "wrong": wrong, "none": truth.total() - right - wrong, "names": method not in ("no firewall", "(nobody)")}


def count_processes():
    return sum(entry.isdigit() for entry in os.listdir("/proc"))


def measure(network, directory, count, count_tagged, say):
    """{method: {kind: …}}. `count_tagged`: of `short` and `gone` together, for the socket tag."""
    programs = Programs(directory)
    names = [programs.path(f"brief-{i:02}") for i in range(NAMES)]
    for name in names:
        subprocess.run(["cp", BRIEF, name], check=True)
    result = {"processes": count_processes(), "methods": {}}
    for method in METHODS:
        result["methods"][method] = {}
        for kind in KINDS:
            say(f"identity: {method}, {kind}")
            where = os.path.join(directory, f"{len(os.listdir(directory))}")
            os.mkdir(where)
            n = count_tagged // 2 if method == "socket tag" and kind != "long" else count
            result["methods"][method][kind] = measure_kind(method, kind, n, network, where, names, programs)
    return result
