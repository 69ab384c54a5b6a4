# SPDX-License-Identifier: GPL-3.0-or-later
"""A daemon, a name server and programs that ask it, for the tests of the question; and the question's window as those tests look at it.

     fw                                           peer
     ┌───────────────────────────────┐            ┌──────────────────────────────┐
     │ curl ─ www.example.com? ──────┼────────────┤ dnsmasq                      │
     │      ─ SYN: held, a question ─┼──── veth   │ TCP 8080                     │
     │ bastion-gui (this desktop) ───┤            └──────────────────────────────┘
     └───────────────────────────────┘
"""

import itertools
import os
import re
import shutil
import subprocess
import threading
import time

from harness.clients import Subscriber
from harness.daemon import Cli
from harness.net import Network
from harness.programs import Running
from harness.servers import DnsServer, TcpServer
from harness.wait import until

CURL = os.path.realpath(shutil.which("curl") or "/usr/bin/curl")
HOST, DOMAIN = "www.example.com", "example.com"
TITLE = "Bastion Firewall"
NUMBERS = itertools.count(1)
# As an own mount namespace sees the host's files, but for who answers names there.
RESOLVED = 'for f in resolv.conf nsswitch.conf; do mount --bind "$0/$f" "/etc/$f" || exit; done; exec "$@"'


class House:
    """Everything but the desktop."""

    def __init__(self, network, daemon, programs, directory, closing):
        self.network, self.daemon, self.programs, self.directory, self.closing = network, daemon, programs, str(directory), closing
        self.tcp = closing(TcpServer(network.peer))
        self.dns = closing(DnsServer(network.peer, directory, more=[f"--address=/{HOST}/{Network.PEER4}"]))
        self.cli = Cli(daemon.build, daemon)
        self.cli("rules", "add", f"allow anyone to {Network.PEER4} port 53")
        self.subscriber = closing(Subscriber(daemon.socket_path, "decisions"))
        for name, text in (("resolv.conf", f"nameserver {Network.PEER4}\n"), ("nsswitch.conf", "hosts: dns\n")):
            with open(os.path.join(self.directory, name), "w", encoding="utf-8") as f:
                f.write(text)
        # Once before: the daemon's parser has started, and a name is known in the time for which a packet waits.
        network.fw.run("unshare", "--mount", "sh", "-c", RESOLVED, self.directory, "getent", "ahosts", HOST, check=True)

    def copy(self, name=None, of=CURL):
        """curl under another name: another program to Bastion."""
        path = os.path.join(self.directory, name or f"curl-{next(NUMBERS)}")
        shutil.copy(of, path)
        return path

    def curl(self, path=CURL, host=HOST, arguments=(), wrapper=()):
        return self.closing(Running(self.network.fw, "unshare", "--mount", "sh", "-c", RESOLVED, self.directory, *wrapper, path, "--silent", *arguments,
                                    f"http://{host}:{self.tcp.port}/"))

    def somebody(self, count=1):
        """Returns when that many can be asked, beside the subscriber here: before, a question is decided by nobody."""
        until(lambda: self.subscriber.request("status")["status"]["clients"] > count, "the desktop to be connected")
        return self

    def questions(self):
        return self.cli.json("questions")["questions"]

    def rules(self):
        return {rule["sentence"] for rule in self.cli.json("rules", "list")["rules"]}


class Question:
    """The window, as a person sees it."""

    def __init__(self, desktop, program):
        self.desktop, self.program = desktop, program

    def title(self, of=""):
        """The title of the question that is shown, awaited."""
        return self.program.find("label", lambda name: "wants to reach" in name and of in name).name

    def is_seen(self):
        return bool(self.program.showing("label", lambda name: "wants to reach" in name))

    def gone(self):
        self.program.gone("frame", TITLE)

    def button(self, name):
        return self.program.find("push button", name)

    def is_live(self, name):
        return self.button(name).getState().contains(self.desktop.atspi.STATE_SENSITIVE)

    def live(self, name):
        """The button, once it can be used."""
        node = self.button(name)
        until(lambda: node.getState().contains(self.desktop.atspi.STATE_SENSITIVE), lambda: f"{name} to be live: {self.program.describe()}")
        return node

    def sentence(self, verb):
        """The rule that stands under a button."""
        return self.program.find("label", lambda name: name.startswith(verb + " ")).name

    def window(self):
        return until(lambda: self.desktop.windows(f"^{TITLE}$"), "the window")[0]

    def place(self, node):
        """Its middle on the screen."""
        x, y, width, height = self.desktop.geometry(self.window())
        box = node.queryComponent().getExtents(self.desktop.atspi.WINDOW_COORDS)
        at_x, at_y = box.x + box.width // 2, box.y + box.height // 2
        assert 0 < at_x < width and 0 < at_y < height
        return x + at_x, y + at_y

    def click(self, node):
        self.desktop.click(*self.place(node))


class Maps:
    """When the window manager shows another window, by its own list of them."""

    def __init__(self, desktop):
        self._process = subprocess.Popen(["xprop", "-root", "-spy", "_NET_CLIENT_LIST"], env=desktop.environment, stdout=subprocess.PIPE,
                                         stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL, text=True)
        self.times = []
        self._known = set(re.findall("0x[0-9a-f]+", self._process.stdout.readline()))  # from here on it listens
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        for line in self._process.stdout:
            windows = set(re.findall("0x[0-9a-f]+", line))
            if windows - self._known:
                self.times.append(time.monotonic())
            self._known = windows

    def close(self):
        self._process.terminate()
        self._process.wait()
        self._thread.join()
        self._process.stdout.close()
