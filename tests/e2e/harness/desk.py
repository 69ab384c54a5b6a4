# SPDX-License-Identifier: GPL-3.0-or-later
"""A daemon in enforcement with somebody to ask, a server and a sniffer, in namespaces of their own: one for all the scenarios of a module
that only need a program of their own."""

from .clients import Subscriber
from .daemon import Daemon
from .net import Sniffer
from .programs import Running
from .servers import TcpServer


class Desk:
    def __init__(self, build, network, programs, directory, rung):
        self.programs, self.network, self.fw, self.rung = programs, network, network.fw, rung
        self.denied = programs.copy("talk", f"denied-{rung}")
        self.watcher = self.tcp = self.sniffer = None
        self.daemon = Daemon(build, network.fw, directory, rung, rules={f"{self.denied}:*": False})
        try:
            self.sniffer, self.tcp = Sniffer(network), TcpServer(network.peer)
            self.daemon.start()
            self.watcher = Subscriber(self.daemon.socket_path, "questions", "decisions")
        except BaseException:
            self.close()
            raise

    def asked(self, name):
        """A program that no rule knows, and no question that another test left."""
        return self.programs.copy("talk", f"{name}-{self.rung}")

    def start(self, path, kind, address, port, *extra, **kw):
        """Runs until its input is closed."""
        return Running(self.fw, path, kind, address, port, *extra, **{"stdin": -1, **kw})

    def rule(self, sentence):
        reply = self.watcher.request("rule_add", sentence=sentence)
        assert reply["type"] == "reply", reply
        return reply["rule"]

    def question(self, program, **fields):
        return self.watcher.wait("question", lambda q: q["pid"] == program.pid and all(q[k] == v for k, v in fields.items()))

    def answer(self, question, allow, **more):
        reply = self.watcher.request("answer", question=question["question"], allow=allow, **more)
        assert reply["type"] == "reply", reply

    def decisions(self, pid):
        return [d for d in self.watcher.decisions() if d["pid"] == pid]

    def close(self):
        for thing in (self.watcher, self.tcp, self.sniffer, self.daemon):
            if thing:
                thing.close()
