# SPDX-License-Identifier: GPL-3.0-or-later
"""Servers of the peer. What they saw is the truth that the daemon's story is held against."""

import os
import select
import selectors
import shutil
import socket
import subprocess
import threading

from .wait import until


class _Server:
    def __init__(self):
        self._lock = threading.Lock()
        self._stop_r, self._stop_w = os.pipe()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def close(self):
        os.write(self._stop_w, b"x")
        self._thread.join()
        os.close(self._stop_r)
        os.close(self._stop_w)


class TcpServer(_Server):
    """Accepts on IPv4 and IPv6, reads until the client closes, answers an HTTP request so that curl is content. `seen` holds
    one {address, port, data} for each connection that has ended."""

    ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\nConnection: close\r\n\r\nhello\n"

    def __init__(self, namespace, port=8080):
        super().__init__()
        self.port = port
        self.seen = []
        self.accepted = 0
        self._listeners = []
        for family, address in ((socket.AF_INET, "0.0.0.0"), (socket.AF_INET6, "::")):
            s = namespace.socket(family, socket.SOCK_STREAM)
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            s.bind((address, port))
            s.listen(4096)
            s.setblocking(False)
            self._listeners.append(s)
        self._thread.start()

    def _run(self):
        selector = selectors.DefaultSelector()
        selector.register(self._stop_r, selectors.EVENT_READ)
        for listener in self._listeners:
            selector.register(listener, selectors.EVENT_READ)
        talks = {}
        while True:
            for key, _ in selector.select():
                s = key.fileobj
                if s == self._stop_r:
                    for s in (*talks, *self._listeners):
                        s.close()
                    return
                if s in self._listeners:
                    try:
                        client, address = s.accept()
                    except BlockingIOError:
                        continue
                    client.setblocking(False)
                    talks[client] = (address, bytearray())
                    selector.register(client, selectors.EVENT_READ)
                    with self._lock:
                        self.accepted += 1
                    continue
                address, data = talks[s]
                try:
                    piece = s.recv(65536)
                except BlockingIOError:
                    continue
                except OSError:
                    piece = b""
                data += piece
                if piece and not (data.startswith(b"GET ") and b"\r\n\r\n" in data):
                    continue
                if piece:
                    s.send(self.ANSWER)
                selector.unregister(s)
                s.close()
                del talks[s]
                with self._lock:
                    self.seen.append({"address": address[0], "port": address[1], "data": bytes(data)})

    def snapshot(self):
        with self._lock:
            return list(self.seen)


class UdpServer(_Server):
    """Echoes each datagram; `seen` holds {address, port, data}."""

    def __init__(self, namespace, port=7007):
        super().__init__()
        self.port = port
        self.seen = []
        self._sockets = []
        for family, address in ((socket.AF_INET, "0.0.0.0"), (socket.AF_INET6, "::")):
            s = namespace.socket(family, socket.SOCK_DGRAM)
            s.setsockopt(socket.SOL_SOCKET, 33, 32 << 20)  # SO_RCVBUFFORCE
            if family == socket.AF_INET6:
                s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            s.bind((address, port))
            self._sockets.append(s)
        self._thread.start()

    def _run(self):
        while True:
            ready, _, _ = select.select([self._stop_r, *self._sockets], [], [])
            if self._stop_r in ready:
                for s in self._sockets:
                    s.close()
                return
            for s in ready:
                data, address = s.recvfrom(65536)
                with self._lock:
                    self.seen.append({"address": address[0], "port": address[1], "data": data})
                try:
                    s.sendto(data, address)
                except OSError:
                    pass  # the program has gone; its ICMP error comes back here

    def snapshot(self):
        with self._lock:
            return list(self.seen)


class _Process:
    """A server that is a program of its own, whose log is a file."""

    def __init__(self, namespace, log, *argv):
        self._log = log
        with open(log, "wb") as output:
            self._process = namespace.popen(*argv, stdout=output, stderr=output)

    def await_up(self, word):
        try:
            until(lambda: word in self.log() or self._process.poll() is not None, lambda: "a server up: " + self.log())
            assert self._process.poll() is None, self.log()
        except BaseException:
            self.close()
            raise

    @property
    def pid(self):
        return self._process.pid

    def log(self):
        with open(self._log, encoding="utf-8", errors="replace") as f:
            return f.read()

    def close(self):
        self._process.terminate()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


class DnsServer(_Process):
    """dnsmasq with names of our own: `name.test` has an A and an AAAA record."""

    NAME, V4, V6 = "name.test", "192.0.2.80", "2001:db8::80"

    def __init__(self, namespace, directory, where="--interface=uplink", forward_to=None, more=()):
        names = [f"--server={forward_to}"] if forward_to else [f"--address=/{self.NAME}/{self.V4}", f"--address=/{self.NAME}/{self.V6}"]
        super().__init__(namespace, os.path.join(directory, f"dnsmasq-{namespace.name}.log"),
                         "dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--no-resolv", "--no-hosts", "--user=root",
                         "--log-queries", "--log-facility=-", "--pid-file=", "--bind-interfaces", where, *names, *more)
        self.await_up("started")


class Unbound(_Process):
    """unbound, which has the zone `test.` of that text (a zone file), or forwards all. It runs from a copy: Debian confines /usr/sbin/unbound to
    folders of its own."""

    PROGRAM = shutil.which("unbound", path=os.environ["PATH"] + ":/usr/sbin")

    def __init__(self, namespace, directory, address, zone="", forward_to=None, more=()):
        folder = os.path.join(directory, f"unbound-{namespace.name}")
        os.makedirs(folder)
        program, zone_file, config = (os.path.join(folder, name) for name in ("unbound", "zone", "config"))
        shutil.copy(self.PROGRAM, program)
        with open(zone_file, "w", encoding="ascii") as f:
            f.write(zone)
        source = f'forward-zone:\n name: "."\n forward-addr: {forward_to}\n' if forward_to else \
            f'auth-zone:\n name: "test."\n zonefile: "{zone_file}"\n for-upstream: no\n'
        server = (f"interface: {address}", 'username: ""', 'chroot: ""', f'directory: "{folder}"', 'pidfile: ""', "use-syslog: no", "do-daemonize: no",
                  "access-control: 0.0.0.0/0 allow", "access-control: ::/0 allow", 'module-config: "iterator"', "do-not-query-localhost: no",
                  'local-zone: "test." nodefault', "num-threads: 1", "max-udp-size: 4096", "verbosity: 1", *more)
        with open(config, "w", encoding="ascii") as f:
            f.write("server:\n " + "\n ".join(server) + "\n" + source + "remote-control:\n control-enable: no\n")
        super().__init__(namespace, os.path.join(folder, "log"), program, "-d", "-c", config)
        self.await_up("start of service")


class ScriptedDnsServer(_Server):
    """Answers each question with the datagrams of `reply(question)`, of whatever bytes: as hostile as a test wants."""

    def __init__(self, namespace, address, reply):
        super().__init__()
        self._reply = reply
        self._socket = namespace.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((address, 53))
        self._thread.start()

    def _run(self):
        while True:
            ready, _, _ = select.select([self._stop_r, self._socket], [], [])
            if self._stop_r in ready:
                self._socket.close()
                return
            question, address = self._socket.recvfrom(65536)
            for datagram in self._reply(question):
                self._socket.sendto(datagram, address)
