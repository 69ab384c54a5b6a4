# SPDX-License-Identifier: GPL-3.0-or-later
"""A system bus of the test's own with the real polkitd on it, members of group `bastion`, and an agent that answers as it is told. polkitd knows its
folders by heart, so it runs in a mount namespace in which those are the test's; the machine's own bus is never spoken to."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile

from .clients import OldClient, Subscriber
from .wait import PATIENCE, until

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
POLKITD = "/usr/lib/polkit-1/polkitd"
AGENT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "polkit_agent.py")
GROUP = 54321

BUS_CONFIG = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><type>session</type><listen>unix:path={path}</listen><auth>EXTERNAL</auth><servicedir>{services}</servicedir>
<policy context="default"><allow user="*"/><allow own="*"/><allow send_destination="*"/><allow receive_sender="*"/></policy></busconfig>
"""
RULES = """polkit.addAdminRule(function(action, subject) { return ["unix-user:0"]; });
polkit.addRule(function(action, subject) {
        if (action.id != "com.bastion.firewall.manage-firewall") return;
        if (subject.user == "daemon") return polkit.Result.YES;
        if (subject.user == "games") return polkit.Result.NO;
});
"""


def needs():
    """What is missing for all this, or None."""
    missing = [p for p in (POLKITD, "/usr/bin/dbus-daemon", "/usr/bin/dbus-send") if not os.path.exists(p)]
    return f"needs {', '.join(missing)}" if missing else None


class Folder:
    """That other users reach, which those of pytest are not."""

    def __init__(self):
        self.path = tempfile.mkdtemp(prefix="bastion-polkit-")
        os.chmod(self.path, 0o755)

    def close(self):
        shutil.rmtree(self.path)


class Bus:
    def __init__(self, directory):
        self.directory = str(directory)
        self.path = os.path.join(self.directory, "bus")
        self.address = f"unix:path={self.path}"
        self.services = os.path.join(self.directory, "services")
        os.makedirs(self.services)
        config = os.path.join(self.directory, "bus.conf")
        with open(config, "w", encoding="utf-8") as f:
            f.write(BUS_CONFIG.format(path=self.path, services=self.services))
        self.process = subprocess.Popen(["dbus-daemon", f"--config-file={config}", "--nofork", "--nopidfile"], stderr=subprocess.DEVNULL)
        until(lambda: os.path.exists(self.path), "the bus")
        os.chmod(self.path, 0o666)

    def has(self, name):
        done = subprocess.run(["dbus-send", f"--bus={self.address}", "--print-reply=literal", "--dest=org.freedesktop.DBus", "/org/freedesktop/DBus",
                               "org.freedesktop.DBus.NameHasOwner", f"string:{name}"], capture_output=True, text=True, check=True)
        return "true" in done.stdout

    def close(self):
        self.process.kill()
        self.process.wait()


class Polkit:
    """polkitd: user `daemon` may, `games` may not, everybody else authenticates as root, as the shipped policy says."""

    NAME = "org.freedesktop.PolicyKit1"

    def __init__(self, bus):
        self.bus = bus
        self.actions, self.rules, self.none = (os.path.join(bus.directory, name) for name in ("actions", "rules", "none"))
        for folder in (self.actions, self.rules, self.none):
            os.mkdir(folder)
        shutil.copy(os.path.join(ROOT, "data", "com.bastion.firewall.policy"), self.actions)
        with open(os.path.join(self.rules, "10-test.rules"), "w", encoding="utf-8") as f:
            f.write(RULES)
        self.process = None
        self.start()

    def start(self):
        script = (f'mount --bind "{self.rules}" /etc/polkit-1/rules.d && mount --bind "{self.none}" /usr/share/polkit-1/rules.d && '
                  f'mount --bind "{self.actions}" /usr/share/polkit-1/actions && exec {POLKITD}')
        self.process = subprocess.Popen(["unshare", "--mount", "sh", "-c", script], env={**os.environ, "DBUS_SYSTEM_BUS_ADDRESS": self.bus.address},
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        until(lambda: self.bus.has(self.NAME), "polkitd on the bus")

    def kill(self):
        self.process.kill()
        self.process.wait()

    @contextlib.contextmanager
    def hung(self):
        self.process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self.process.send_signal(signal.SIGCONT)

    def close(self):
        self.kill()


def as_member(user, group=GROUP):
    """The start of a command line: that user, in group bastion or another."""
    return ["setpriv", f"--reuid={user}", f"--groups={group}", "--inh-caps=-all", "--"]


CONNECT = "import socket, sys; s = socket.socket(fileno=int(sys.argv[1])); s.connect(sys.argv[2]); print(s.fileno(), flush=True); sys.stdin.read()"


class Holder:
    """A process of that user which connected; the test speaks through its connection while it lives."""

    def __init__(self, path, user, group=GROUP):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.process = subprocess.Popen([*as_member(user, group), sys.executable, "-c", CONNECT, str(self.socket.fileno()), path],
                                        pass_fds=[self.socket.fileno()], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self.process.stdout.readline(), "could not connect"

    @property
    def pid(self):
        return self.process.pid

    def end(self):
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()


class Member(Subscriber):
    def __init__(self, path, user, *events, group=GROUP):
        self.holder = Holder(path, user, group)
        super().__init__(self.holder.socket, *events)

    def post(self, kind, **fields):
        """As request(), but nobody waits; returns the id."""
        self._next_id += 1
        self.send({"type": kind, "id": self._next_id, **fields})
        return self._next_id

    def answer_to(self, number, seconds=PATIENCE):
        """The reply or the error."""
        return until(lambda: next((m for kind in ("reply", "error") for m in self.of_type(kind) if m.get("id") == number), None),
                     f"an answer to request {number}", seconds)

    def close(self):
        super().close()
        self.holder.end()


class OldMember(OldClient):
    def __init__(self, path, user):
        self.holder = Holder(path, user)
        super().__init__(self.holder.socket)

    def close(self):
        super().close()
        self.holder.end()


class Agent:
    """Asks nobody: what it is told is what the person at it does. `yes` authenticates as root, `dismiss` closes the dialog, `wait` leaves it open."""

    def __init__(self, bus, pid, what):
        self.lines = []
        self.process = subprocess.Popen(["/usr/bin/python3", AGENT, str(pid), what], stdout=subprocess.PIPE, text=True,
                                        env={**os.environ, "DBUS_SYSTEM_BUS_ADDRESS": bus.address})
        self.heard("registered")

    def heard(self, word):
        """Reads until it says that."""
        while word not in self.lines:
            line = self.process.stdout.readline()
            assert line, f"the agent ended; it said {self.lines}"
            self.lines.append(line.strip())

    def close(self):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()
