# SPDX-License-Identifier: GPL-3.0-or-later
"""From a rule change to the end of a live flow: a program waits in recv() on an established TCP connection, or on a connected UDP socket that
was answered; a rule that denies it is added over the socket; the clock stops when its recv() returns with an error and, for TCP, when
the peer's recv() returns too, whichever is later. The rule is taken away again, and the next flow is a new one."""

import os
import select
import socket
import subprocess
import threading
import time

import rulebook
import world
from harness.clients import Subscriber
from world import FLOW, FLOW_PORT, UDP_PORT, Failed

LIMIT_S = 2.0


class TcpPeer:
    """Echoes a byte, then waits for the end of the connection and notes when it came."""

    def __init__(self, network):
        self.listener = network.peer.socket(socket.AF_INET6, socket.SOCK_STREAM)
        self.listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind(("::", FLOW_PORT))
        self.listener.listen(16)

    def expect_one(self):
        self.ended_ns = None
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    def _serve(self):
        connection, _ = self.listener.accept()
        with connection:
            connection.sendall(connection.recv(1))
            try:
                connection.recv(1)
            except OSError:
                pass
            self.ended_ns = time.monotonic_ns()

    def ended(self):
        """None: it was not."""
        self.thread.join(LIMIT_S)
        return self.ended_ns

    def close(self):
        self.listener.close()


def line_of(process):
    if not select.select([process.stdout], [], [], LIMIT_S)[0]:
        return ""
    return process.stdout.readline().strip()


def one_flow(network, daemon, control, peer, kind, version):
    """Milliseconds; None when the flow was not ended in LIMIT_S."""
    port = FLOW_PORT if kind == "tcp" else UDP_PORT
    if kind == "tcp":
        peer.expect_one()
    flow = network.fw.popen(FLOW, "wait", kind, network.peer_address(version), port, stdout=subprocess.PIPE, text=True, bufsize=1)
    try:
        if line_of(flow) != "ready":
            raise Failed(f"the {kind} flow over IPv{version} did not begin")
        began = time.monotonic_ns()
        reply = control.request("rule_add", sentence=f"deny {FLOW} to {network.peer_address(version)} port {port} {kind}")
        if reply["type"] != "reply":
            raise Failed(f"rule_add: {reply}")
        said = line_of(flow)
        ends = [int(said.split()[0])] if said else [None]
        if said and said.split()[1] == "0":
            raise Failed(f"the {kind} flow over IPv{version} ended without an error")
    finally:
        flow.kill()
        flow.wait()
        flow.stdout.close()
    if kind == "tcp":
        ends.append(peer.ended() if said else None)
    control.request("rule_delete", rule=reply["rule"]["id"])
    return None if None in ends else (max(ends) - began) / 1e6


def trials_of(trials, one):
    """The milliseconds of each; a flow that was not ended is the last one tried, and is told as None."""
    took = []
    while len(took) < trials and None not in took:
        took.append(one())
    return took


def measure_daemon(network, daemon, trials):
    peer = TcpPeer(network)
    control = None
    try:
        daemon.start()
        control = Subscriber(daemon.socket_path)
        return {f"{kind}{version}": trials_of(trials, lambda k=kind, v=version: one_flow(network, daemon, control, peer, k, v))
                for kind in ("tcp", "udp") for version in (4, 6)}
    finally:
        if control:
            control.close()
        peer.close()
        daemon.close()


def many_rules():
    """100,000 rules, and one that allows the flow."""
    return rulebook.text(100000, FLOW, ("0.0.0.0/0", "::/0"), (UDP_PORT, FLOW_PORT))


def measure(network, directory, trials, say):
    """{setup: {flow: [milliseconds of each trial, or None]}}"""
    result = {}
    for name, of, rules in (("gate", world.Gate, None), ("gate, 100,000 rules", world.Gate, many_rules()), ("queue", world.Queue, None)):
        say(f"from a rule change to the end of a flow: {name}")
        where = os.path.join(directory, name.replace(" ", "-").replace(",", ""))
        os.mkdir(where)
        result[name] = measure_daemon(network, of(network, where, rules=rules), trials)
    return result
