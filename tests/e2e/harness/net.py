# SPDX-License-Identifier: GPL-3.0-or-later
"""Two private network namespaces and a cable between them. The machine's own network is never touched: the cable is made
inside the namespaces, and everything disappears with them.

Sockets belong to the namespace that they were made in, whatever the thread that uses them is in; so the servers of the
peer are threads of the test, on sockets made by Namespace.socket()."""

import contextlib
import ctypes
import os
import select
import socket
import struct
import subprocess
import threading

from .wait import until

CLONE_NEWNET = 0x40000000
ETH_P_ALL = 0x0003
ETH_P_EXPERIMENT = 0x88B5  # IEEE 802: local experiments
_libc = ctypes.CDLL(None, use_errno=True)


def _setns(fd):
    if _libc.setns(fd, CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "setns")


class Namespace:
    def __init__(self, name):
        self.name = name
        self.path = f"/run/netns/{name}"
        subprocess.run(["ip", "netns", "add", name], check=True)
        self.ip("link", "set", "lo", "up")

    def delete(self):
        subprocess.run(["ip", "netns", "del", self.name], check=False)

    def ip(self, *words):
        return subprocess.run(["ip", "-n", self.name, *words], check=True, capture_output=True, text=True).stdout

    def wrap(self, argv):
        """The command line that runs `argv` in here; exec only, so that the process id is the program's own."""
        return ["nsenter", f"--net={self.path}", "--", *[a if isinstance(a, bytes) else str(a) for a in argv]]

    def run(self, *argv, check=False, timeout=60, **kw):
        kw.setdefault("capture_output", True)
        kw.setdefault("text", True)
        kw.setdefault("stdin", subprocess.DEVNULL)
        return subprocess.run(self.wrap(argv), check=check, timeout=timeout, **kw)

    def popen(self, *argv, **kw):
        kw.setdefault("stdin", subprocess.DEVNULL)
        return subprocess.Popen(self.wrap(argv), **kw)

    @contextlib.contextmanager
    def entered(self):
        """This thread, for the length of the block, makes its sockets in here."""
        home = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        there = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            _setns(there)
            try:
                yield self
            finally:
                _setns(home)
        finally:
            os.close(there)
            os.close(home)

    def socket(self, *args):
        with self.entered():
            return socket.socket(*args)


class Network:
    """
      fw ┌──────────────────────┐           ┌──────────────────────┐ peer
         │ daemon, programs     │           │ servers              │
         │      uplink 10.91.0.1├───────────┤10.91.0.2 uplink      │
         │       fd91:0:0:1::1  │   veth    │ fd91:0:0:1::2        │
         └──────────────────────┘           └──────────────────────┘
    """

    FW4, PEER4 = "10.91.0.1", "10.91.0.2"
    FW6, PEER6 = "fd91:0:0:1::1", "fd91:0:0:1::2"

    def __init__(self, prefix):
        self.fw = self.peer = None
        try:
            self.fw = Namespace(f"{prefix}fw-{os.getpid()}")
            self.peer = Namespace(f"{prefix}peer-{os.getpid()}")
            self.fw.ip("link", "add", "uplink", "type", "veth", "peer", "name", "uplink", "netns", self.peer.name)
            for ns, v4, v6 in ((self.fw, self.FW4, self.FW6), (self.peer, self.PEER4, self.PEER6)):
                ns.ip("link", "set", "uplink", "up")
                ns.ip("addr", "add", f"{v4}/24", "brd", "+", "dev", "uplink")
                ns.ip("addr", "add", f"{v6}/64", "dev", "uplink", "nodad")
            for ns in (self.fw, self.peer):
                until(lambda ns=ns: "tentative" not in ns.ip("-6", "addr", "show", "dev", "uplink", "scope", "global"),
                      "addresses usable")
        except BaseException:
            self.delete()
            raise

    def delete(self):
        for ns in (self.fw, self.peer):
            if ns:
                ns.delete()

    def add_wide(self):
        """From now on every address of 10.92.0.0/16 and fd92::/64 is the peer's: there is always one that nobody has been to."""
        for version, prefix, peer in (("-4", "10.92.0.0/16", self.PEER4), ("-6", "fd92::/64", self.PEER6)):
            self.fw.ip(version, "route", "replace", prefix, "via", peer)
            self.peer.ip(version, "route", "replace", "local", prefix, "dev", "lo")

    def peer_address(self, version):
        return self.PEER4 if version == 4 else self.PEER6


class Packet:
    """What the sniffer keeps of a packet."""

    __slots__ = ("version", "protocol", "source", "destination", "source_port", "destination_port", "icmp_type", "length")

    def __repr__(self):
        return (f"{self.protocol} {self.source}:{self.source_port} -> {self.destination}:{self.destination_port} "
                f"({self.length} bytes)")


def _parse(frame):
    (kind,) = struct.unpack_from("!H", frame, 12)
    p = Packet()
    p.source_port = p.destination_port = p.icmp_type = None
    if kind == 0x0800:
        p.version, start = 4, 14 + (frame[14] & 15) * 4
        p.protocol = frame[23]
        p.source, p.destination = (socket.inet_ntop(socket.AF_INET, frame[a:a + 4]) for a in (26, 30))
    elif kind == 0x86DD:
        p.version, start = 6, 54
        p.protocol = frame[20]
        p.source, p.destination = (socket.inet_ntop(socket.AF_INET6, frame[a:a + 16]) for a in (22, 38))
    else:
        return None
    p.length = len(frame) - 14
    if p.protocol in (6, 17) and len(frame) >= start + 4:
        p.source_port, p.destination_port = struct.unpack_from("!HH", frame, start)
    elif p.protocol in (1, 58) and len(frame) > start:
        p.icmp_type = frame[start]
    return p


class Sniffer:
    """Every packet that reaches the peer's end of the cable. fence() makes "none came" a fact and not a matter of
    patience: a marker frame, sent behind Bastion's back from each processor, follows whatever was sent before."""

    def __init__(self, network):
        self.network = network
        self.packets = []
        self._fences = set()
        self._lock = threading.Lock()
        self._socket = network.peer.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
        self._socket.setsockopt(socket.SOL_SOCKET, 33, 64 << 20)  # SO_RCVBUFFORCE
        self._socket.bind(("uplink", ETH_P_ALL))
        self._marker = network.fw.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        self._marker.bind(("uplink", 0))
        self._serial = 0
        self._stop_r, self._stop_w = os.pipe()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        while True:
            ready, _, _ = select.select([self._socket, self._stop_r], [], [])
            if self._stop_r in ready:
                return
            frame, address = self._socket.recvfrom(65536)
            if address[2] == socket.PACKET_OUTGOING or len(frame) < 34:
                continue
            if frame[12:14] == struct.pack("!H", ETH_P_EXPERIMENT):
                with self._lock:
                    self._fences.add(struct.unpack_from("!I", frame, 14)[0])
                continue
            packet = _parse(frame)
            if packet:
                with self._lock:
                    self.packets.append(packet)

    def fence(self):
        awaited = set()
        cpus = os.sched_getaffinity(0)
        try:
            for cpu in cpus:
                os.sched_setaffinity(0, {cpu})
                self._serial += 1
                awaited.add(self._serial)
                self._marker.send(b"\xff" * 6 + b"\x02bastn" + struct.pack("!HI", ETH_P_EXPERIMENT, self._serial) + bytes(40))
        finally:
            os.sched_setaffinity(0, cpus)
        until(lambda: awaited <= self._fences, "marker frames at the peer")

    def seen(self, protocol, port=None):
        """Packets of that protocol number, to that port, that have reached the peer until now."""
        self.fence()
        with self._lock:
            return [p for p in self.packets if p.protocol == protocol and (port is None or p.destination_port == port)]

    def close(self):
        os.write(self._stop_w, b"x")
        self._thread.join()
        for fd in (self._stop_r, self._stop_w):
            os.close(fd)
        self._socket.close()
        self._marker.close()
