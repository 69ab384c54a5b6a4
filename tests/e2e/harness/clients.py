# SPDX-License-Identifier: GPL-3.0-or-later
"""Two clients of the daemon's socket. OldClient is written from the description of the old interface alone and shares no
code with Bastion: it stands for the tray programs that people have. Subscriber speaks the newer messages (PROTOCOL.md),
as far as the tests need them."""

import json
import socket
import threading

from .wait import PATIENCE, until


class _Lines:
    """A connection on which each line is a JSON object: to the socket at that path, or one that somebody connected."""

    def __init__(self, path):
        if isinstance(path, socket.socket):
            self.socket = path
        else:
            self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            self.socket.connect(path)
        self.messages = []
        self.closed = False
        self._rest = b""
        self._unread = None  # a list of bytes while they are put by
        self._condition = threading.Condition()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        while True:
            try:
                piece = self.socket.recv(1 << 16)
            except OSError:
                piece = b""
            with self._condition:
                if self._unread is not None:
                    self._unread.append(piece)
                else:
                    self._take(piece)
                self.closed = not piece
                self._condition.notify_all()
            if not piece:
                return

    def _take(self, data):
        *lines, self._rest = (self._rest + data).split(b"\n")
        self.messages += [json.loads(line) for line in lines if line]

    def put_by(self):
        """From now on what comes is kept as it is: it takes more time to understand 50,000 messages than to send them, and whoever does not
        keep up is let go. understand() reads it."""
        with self._condition:
            self._unread = []

    def understand(self):
        """What was put by, and what comes from now on."""
        with self._condition:
            data, self._unread = b"".join(self._unread), None
            self._take(data)
            self._condition.notify_all()

    def send(self, message):
        self.send_bytes(json.dumps(message).encode() + b"\n")

    def send_bytes(self, data):
        self.socket.sendall(data)

    def of_type(self, kind):
        with self._condition:
            return [m for m in self.messages if m.get("type") == kind]

    def wait(self, kind, where=lambda m: True, seconds=PATIENCE):
        """The first message of that type that `where` likes, arrived already or not."""
        def find():
            return next((m for m in self.messages if m.get("type") == kind and where(m)), None)

        with self._condition:
            if not self._condition.wait_for(lambda: find() or self.closed, seconds) or not find():
                raise AssertionError(f"no {kind} came{' before the end' if self.closed else ''}; "
                                     f"these did: {self.messages[-20:]}")
            return find()

    def wait_closed(self):
        until(lambda: self.closed, "the daemon to end this connection")

    def close(self):
        try:
            self.socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self._thread.join()
        self.socket.close()


class OldClient(_Lines):
    """No handshake; every question comes to everybody who is connected."""

    def settle(self):
        """Returns when the daemon has taken what was sent until now, and knows this for an old client."""
        n = len(self.of_type("rules_list"))
        self.send({"type": "list_rules"})
        until(lambda: len(self.of_type("rules_list")) > n, "the answer to list_rules")
        return self

    def popup(self, path, port=None, seconds=PATIENCE):
        request = self.wait("connection_request",
                            lambda m: m["app_path"] == path and (port is None or m["dest_port"] == port), seconds)
        for field, kind in (("request_id", str), ("app_name", str), ("app_path", str), ("app_category", str),
                            ("dest_ip", str), ("dest_port", int), ("protocol", str), ("learning_mode", bool)):
            assert type(request[field]) is kind, f"{field} in {request}"
        return request

    def popups(self, path):
        return [m for m in self.of_type("connection_request") if m["app_path"] == path]

    def answer(self, request, allow, **more):
        self.send({"type": "gui_response", "request_id": request["request_id"], "allow": allow, **more})

    def stats(self):
        return self.wait("stats_update")["stats"]


class Subscriber(_Lines):
    """Speaks with ids; every request is answered by a reply or an error."""

    def __init__(self, path, *events):
        super().__init__(path)
        self._next_id = 0
        self.request("hello", client="bastion-tests", protocol=2)
        if events:
            self.request("subscribe", events=list(events))

    def request(self, kind, **fields):
        self._next_id += 1
        number = self._next_id
        self.send({"type": kind, "id": number, **fields})
        with self._condition:
            def answer():
                return next((m for m in self.messages if m.get("id") == number and m.get("type") in ("reply", "error")), None)

            assert self._condition.wait_for(lambda: answer() or self.closed, PATIENCE) and answer(), f"no answer to {kind}"
            return answer()

    def decisions(self):
        return self.of_type("decision")

    def decision(self, seconds=PATIENCE, **fields):
        """The first decision with these fields."""
        return self.wait("decision", lambda m: all(m.get(k) == v for k, v in fields.items()), seconds)
