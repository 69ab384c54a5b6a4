# SPDX-License-Identifier: GPL-3.0-or-later
"""bastion-daemon with directories and a bpffs of its own, inside a namespace. Nothing of it outlives the test: the process is
ended by its id, the tables go with the namespace, the pins with their mount."""

import contextlib
import json
import os
import signal
import socket
import sqlite3
import subprocess

from .wait import PATIENCE, until

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
DATA = os.path.join(ROOT, "data")
DEFAULT_CONFIG = {
    "mode": "enforcement",
    "timeout_seconds": 60,
    "allow_root_bypass": False,  # the tests run as root
    "log_decisions": True,
}


class Daemon:
    def __init__(self, build, namespace, directory, rung, config=None, rules=None, environment=None, wrapper=()):
        """`wrapper`: a command line that execs the daemon (prlimit, setpriv)."""
        self.build, self.namespace, self.rung, self.wrapper = build, namespace, rung, wrapper
        self.directory = str(directory)
        self.environment = environment or {}
        self.process = None
        for name in ("etc", "run", "state", "log", "bpffs"):
            os.makedirs(self.path(name), exist_ok=True)
        self.write_config(config or {})
        if rules is not None:
            self.write_rules(rules)
        subprocess.run(["mount", "-t", "bpf", "bpf", self.path("bpffs")], check=True)

    def path(self, *parts):
        return os.path.join(self.directory, *parts)

    @property
    def socket_path(self):
        return self.path("run", "bastion-daemon.sock")

    @property
    def pin_path(self):
        return self.path("bpffs", "bastion")

    @property
    def pid(self):
        return self.process.pid

    def write_config(self, changes):
        config = {**DEFAULT_CONFIG, "log_file": self.path("log", "bastion-daemon.log"), **changes}
        self._write("config.json", json.dumps(config, indent=2) + "\n")

    def write_rules(self, rules):
        """A dict as in rules.json, or text as it stands."""
        text = rules if isinstance(rules, str) else json.dumps({"applications": {}, "services": {}, **rules}, indent=2) + "\n"
        self._write("rules.json", text)

    def _write(self, name, text):
        new = self.path("etc", name + ".new")
        with open(new, "w", encoding="utf-8") as f:
            f.write(text)
        os.replace(new, self.path("etc", name))

    def rules(self):
        """What is on disk, as another program would read it; nothing before the first rule was saved."""
        try:
            with open(self.path("etc", "rules.json"), encoding="utf-8") as f:
                return json.load(f)
        except FileNotFoundError:
            return {}

    def log(self):
        try:
            with open(self.path("log", "bastion-daemon.log"), encoding="utf-8", errors="replace") as f:
                return f.read()
        except FileNotFoundError:
            return ""

    def output(self):
        with open(self.path("output"), encoding="utf-8", errors="replace") as f:
            return f.read()

    def argv(self, *more):
        return [os.path.join(self.build, "src/daemon/bastion-daemon"), f"--etc={self.path('etc')}",
                f"--run={self.path('run')}", f"--state={self.path('state')}", f"--log-dir={self.path('log')}",
                f"--pins={self.pin_path}", f"--data={DATA}", f"--rung={self.rung}", "--foreground", *more]

    def start(self, *more):
        """Returns when the daemon says that it is ready."""
        assert self.process is None, "runs already"
        notify_path = self.path("notify")
        if os.path.exists(notify_path):
            os.unlink(notify_path)
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify, open(self.path("output"), "ab") as output:
            notify.bind(notify_path)
            notify.setblocking(False)
            environment = {k: v for k, v in os.environ.items() if k not in ("SUDO_UID", "BASTION_LOG", "RUST_LOG")}
            environment.update(NOTIFY_SOCKET=notify_path, BASTION_SECCOMP="kill", **self.environment)
            self.process = self.namespace.popen(*self.wrapper, *self.argv(*more), stdout=output, stderr=output, env=environment)
            heard = bytearray()

            def ready():
                try:
                    heard.extend(notify.recv(4096) + b"\n")
                except BlockingIOError:
                    pass
                if self.process.poll() is not None:
                    raise AssertionError(f"the daemon ended with {self.process.returncode}:\n{self.output()}")
                return b"READY=1" in heard

            try:
                until(ready, lambda: "the daemon to be ready:\n" + self.output())
            except BaseException:
                self.kill()
                raise
        return self

    def stop(self, expect=0):
        """SIGTERM, as an administrator stops it."""
        if self.process is None:
            return
        process, self.process = self.process, None
        if process.poll() is None:
            process.terminate()
        try:
            status = process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise AssertionError(f"the daemon did not end on SIGTERM:\n{self.output()}") from None
        assert status == expect, f"the daemon ended with {status}:\n{self.output()}"

    def kill(self):
        """kill -9: the crash."""
        if self.process:
            self.process.kill()
            self.process.wait()
            self.process = None

    def restart(self):
        self.stop()
        return self.start()

    def history(self, sql, *parameters):
        """Rows of the recorder's database; none before it is made."""
        path = self.path("state", "history", "history.db")
        if not os.path.exists(path):
            return []
        with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=10)) as db:
            try:
                return db.execute(sql, parameters).fetchall()
            except sqlite3.DatabaseError:  # not yet made
                return []

    def memory(self):
        """Resident bytes; of a build with sanitizers, whose memory is its own matter, always the same."""
        with open(f"/proc/{self.pid}/exe", "rb") as f:
            if b"__asan_init" in f.read():
                return 0
        with open(f"/proc/{self.pid}/status", encoding="utf-8") as f:
            return next(int(line.split()[1]) * 1024 for line in f if line.startswith("VmRSS:"))

    def reload(self):
        self.process.send_signal(signal.SIGHUP)

    def reload_and_wait(self):
        """Returns when the daemon says that it has read its files again."""
        before = self.output().count("reloaded: ")
        self.reload()
        until(lambda: self.output().count("reloaded: ") > before, lambda: "a reload: " + self.output())

    def tables(self):
        listed = self.namespace.run("nft", "list", "tables", check=True).stdout.split("\n")
        return {line.removeprefix("table ") for line in listed if line.endswith(" bastion")}

    def pins(self):
        """Files, and the folder itself: nothing is there without a daemon."""
        return [d for d, _, _ in os.walk(self.pin_path)] + [os.path.join(d, f) for d, _, files in os.walk(self.pin_path) for f in files]

    def close(self):
        """Whatever state it is in: nothing is left. Says how the daemon ended when that was wrong."""
        crashed = None
        try:
            if self.process and self.process.poll() is not None:
                crashed = self.process.returncode
                self.process = None
            self.stop()
        finally:
            self.kill()
            # A kernel without table owners, or a killed daemon, leaves the tables; the namespace serves the next test.
            for table in self.tables():
                self.namespace.run("nft", "delete", "table", *table.split())
            subprocess.run(["umount", "--lazy", self.path("bpffs")], check=False)
        assert crashed is None, f"the daemon died with {crashed}:\n{self.output()}"


class Cli:
    """The command line, run like a person runs it."""

    def __init__(self, build, daemon):
        self.program = os.path.join(build, "src/cli/bastion")
        self.daemon = daemon

    def argv(self, *words):
        return [self.program, f"--socket={self.daemon.socket_path}", *words]

    def __call__(self, *words, expect=0, timeout=60, **kw):
        """Runs to its end and returns what it printed; `expect` is the exit code, None for any."""
        done = subprocess.run(self.argv(*words), capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=timeout, **kw)
        if expect is not None:
            assert done.returncode == expect, f"bastion {' '.join(words)}: {done.returncode}\n{done.stdout}{done.stderr}"
        return done.stdout

    def json(self, *words, **kw):
        return json.loads(self(*words, "--json", **kw))

    def jsonl(self, *words, **kw):
        return [json.loads(line) for line in self(*words, "--json", **kw).splitlines() if line.strip()]

    def popen(self, *words, **kw):
        return subprocess.Popen(self.argv(*words), **kw)
