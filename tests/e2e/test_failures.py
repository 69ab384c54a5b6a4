# SPDX-License-Identifier: GPL-3.0-or-later
"""The failure table of ARCHITECTURE.md, the rows that are not about packets: each in learning and in enforcement where the row has two
columns. (What cannot be parsed and whose owner cannot be found is with the traffic and identification tests.)

     fw ┌────────────────────────┐   veth   ┌──────────┐ peer
        │ bastion-daemon         ├──────────┤ TCP 8080 │
        │ this process (python)  │          └──────────┘
        └────────────────────────┘
"""

import ctypes
import errno
import json
import os
import random
import subprocess
import threading
import time

import pytest

from harness import sockets
from harness.net import Network
from harness.wait import until

REFUSED = errno.ECONNREFUSED
both_actions = pytest.mark.parametrize("action, denied", (("allow", 0), ("deny", REFUSED)))
# Tests marked gate_only are about files, which know no rungs, or take seconds for a verdict that is made above them.
both_modes = pytest.mark.parametrize("mode", ("learning", "enforcement"))


@pytest.fixture
def connect(network, tcp):
    """connect() → 0 or the errno that connect() gave."""
    return lambda address=Network.PEER4, **kw: sockets.tcp(network.fw, address, tcp.port, **kw)


@pytest.fixture
def small_disk(tmp_path, closing):
    """small_disk(folder) puts a file system of 256 KiB there: .fill() leaves no room in it."""

    class Disk:
        def __init__(self, path):
            self.path = path
            subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "bastion-test", path], check=True)

        def fill(self):
            with open(os.path.join(self.path, "filler"), "ab", buffering=0) as f:
                size = 1 << 16
                while size:
                    try:
                        f.write(b"x" * size)
                    except OSError as e:
                        assert e.errno == errno.ENOSPC
                        size //= 16

        def empty(self):
            os.unlink(os.path.join(self.path, "filler"))

        def close(self):
            subprocess.run(["umount", "--lazy", self.path], check=False)

    return lambda path: closing(Disk(path))


def by_reason(cli, d):
    return cli(d).json("status")["status"]["by_reason"]


# ---- nobody to ask, no answer in time, a cap reached ---------------------------------------------------------------

@both_actions
def test_nobody_to_ask_in_enforcement(action, denied, daemon, connect, cli):
    d = daemon({"default_action": action})
    assert connect() == denied
    assert by_reason(cli, d)["nobody"] == 1


@both_actions
def test_nobody_to_ask_in_learning(action, denied, daemon, connect):
    daemon({"mode": "learning", "default_action": action})
    assert connect() == 0


@pytest.mark.gate_only  # five seconds each, and the verdict is made above the rungs; first light has both
@both_actions
def test_no_answer_in_time_in_enforcement(action, denied, daemon, connect, cli, old_client):
    d = daemon({"default_action": action, "timeout_seconds": 5})
    old_client(d)
    assert connect() == denied
    assert by_reason(cli, d)["timeout"] == 1


def test_no_answer_in_learning_matters_to_nobody(daemon, connect, old_client):
    d = daemon({"mode": "learning", "timeout_seconds": 5})
    person = old_client(d)
    assert connect() == 0
    person.popup(sockets.PYTHON)
    assert connect() == 0


@both_modes
@both_actions
def test_a_cap_reached(mode, action, denied, daemon, network, programs, tcp, old_client, subscriber):
    """Nine connections of one program to one destination: eight are held, or mentioned in one question, the ninth is the cap's."""
    path = programs.visitor("crowded")
    d = daemon({"mode": mode, "default_action": action})
    person, watcher = old_client(d), subscriber(d)
    running = [network.fw.popen(path, "tcp", Network.PEER4, tcp.port) for _ in range(9)]
    try:
        person.popup(path)
        if mode == "learning":
            assert [process.wait(30) for process in running] == [0] * 9
            return
        beyond = watcher.decision(reason="cap")
        assert beyond["verdict"] == action
        until(lambda: [p.poll() for p in running].count(None) == 8, "eight are still held")
        assert [p.poll() for p in running if p.poll() is not None] == [1 if denied else 0]
    finally:
        for process in running:
            process.kill()
            process.wait()


# ---- the daemon is dead --------------------------------------------------------------------------------------------

@both_modes
@pytest.mark.parametrize("on_failure", ("open", "closed", None))
def test_daemon_dead(mode, on_failure, daemon, connect, network, programs, tcp):
    """Undecided packets by on_failure; a connection that was decided goes on; the next daemon takes over."""
    import socket  # pylint: disable=import-outside-toplevel
    config = {"mode": mode, **({"on_failure": on_failure} if on_failure else {})}
    d = daemon(config, rules={f"{sockets.PYTHON}:*": True})
    opens = on_failure == "open" or (on_failure is None and mode == "learning")
    with network.fw.socket(socket.AF_INET, socket.SOCK_STREAM) as live:
        live.connect((Network.PEER4, tcp.port))
        d.kill()
        live.sendall(b"GET / HTTP/1.1\r\n\r\n")
        live.settimeout(20)
        assert live.recv(4) == b"HTTP", "decided before"
    path = programs.visitor("undecided")
    new = network.fw.popen(path, "tcp", Network.PEER4, tcp.port)
    try:
        if opens:
            assert new.wait(30) == 0
        else:
            with pytest.raises(subprocess.TimeoutExpired):
                new.wait(0.3)
    finally:
        new.kill()
        new.wait()
    d.start()
    assert connect() == 0


# ---- BPF does not load ---------------------------------------------------------------------------------------------

@pytest.mark.gate_only
@both_modes
def test_bpf_that_cannot_be_pinned_means_the_queue_rung(mode, daemon, cli, connect, network, programs, tcp, old_client):
    d = daemon({"mode": mode}, start=False)
    with open(d.path("no-bpffs"), "w", encoding="ascii"):
        pass
    d.start("--rung=auto", f"--pins={d.path('no-bpffs', 'bastion')}")
    status = cli(d).json("status")["status"]
    assert status["rung"] == "queue"
    assert status["rung_reason"] and "no-bpffs" in status["rung_reason"], status["rung_reason"]
    assert status["rung_reason"].splitlines()[0] in cli(d)("status")
    assert "queue" in cli(d)("doctor", expect=None)
    person = old_client(d)
    path = programs.visitor("fallen-back")
    program = network.fw.popen(path, "tcp", Network.PEER4, tcp.port)
    person.answer(person.popup(path), False)
    assert program.wait(30) == (0 if mode == "learning" else 1)


@pytest.mark.gate_only
def test_a_rung_that_was_asked_for_is_not_replaced(daemon, network):
    d = daemon(start=False)
    with open(d.path("no-bpffs"), "w", encoding="ascii"):
        pass
    done = network.fw.run(*d.argv("--rung=gate", f"--pins={d.path('no-bpffs', 'bastion')}"))
    assert done.returncode == 1 and "gate rung" in done.stderr, done.stderr
    assert d.tables() == set()


# ---- rules.json bad at start ---------------------------------------------------------------------------------------

@pytest.mark.gate_only
@both_modes
def test_bad_rules_at_start_mean_the_last_good_copy(mode, daemon, connect, cli):
    d = daemon({"mode": mode}, rules={f"{sockets.PYTHON}:*": True})
    assert connect() == 0
    d.stop()
    bad = '{"/usr/bin/x:80": true,\n  "/usr/bin/y:80": perhaps}\n'
    d.write_rules(bad)
    d.start()
    assert connect() == 0
    problems = cli(d).json("status")["status"]["problems"]
    assert "rules.json:2:" in problems and "last good copy" in problems
    assert cli(d).json("rules") and f"{sockets.PYTHON}:*" in cli(d)("rules")
    assert open(d.path("etc", "rules.json"), encoding="utf-8").read() == bad, "somebody's unfinished work is not touched"


@pytest.mark.gate_only
@both_modes
def test_bad_rules_and_no_good_copy_mean_the_factory_rules(mode, daemon, connect, cli, network):
    d = daemon({"mode": mode}, rules="[]")
    assert connect() == (REFUSED if mode == "enforcement" else 0)
    rules = cli(d).jsonl("rules")
    assert "factory:loopback" in json.dumps(rules)
    assert "only the factory rules" in cli(d).json("status")["status"]["problems"]


@pytest.mark.gate_only
def test_an_answer_does_not_write_over_a_bad_file(daemon, old_client, connect, cli):
    """It is in force, survives a restart, and goes into the file when that has been put right."""
    d = daemon(rules={"/usr/bin/kept:443": True})
    d.write_rules('{"/usr/bin/kept:443": true,\n "/usr/bin/new:443": tru')
    person = old_client(d).settle()
    person.send({"type": "add_rule", "app_path": sockets.PYTHON, "app_name": "p", "port": 8080, "allow": True, "all_ports": False})
    assert "rules.json:2:" in person.wait("notification")["message"]
    assert connect() == 0
    assert open(d.path("etc", "rules.json"), encoding="utf-8").read().endswith("tru")
    done = subprocess.run(cli(d).argv("rules", "add", "deny /usr/bin/denied"), capture_output=True, text=True, check=False)
    assert done.returncode != 0 and "rules.json:2:" in done.stderr, "in force, but not saved, and why"
    d.write_rules({"/usr/bin/kept:443": True, "/usr/bin/new:443": True})
    d.reload_and_wait()
    wanted = {"/usr/bin/kept:443": True, "/usr/bin/new:443": True, f"{sockets.PYTHON}:8080": True, "/usr/bin/denied:*": False}
    until(lambda: {k: v for k, v in d.rules().items() if ":" in k} == wanted, lambda: f"all of them in the file: {d.rules()}")


@pytest.mark.gate_only
def test_what_was_added_to_a_bad_file_survives_a_restart(daemon, old_client, connect):
    d = daemon(rules="{")
    person = old_client(d).settle()
    person.send({"type": "add_rule", "app_path": sockets.PYTHON, "app_name": "p", "port": 8080, "allow": True, "all_ports": False})
    person.settle()
    d.restart()
    assert connect() == 0


# ---- rules.json edited by somebody else meanwhile -----------------------------------------------------------------

class Editor(threading.Thread):
    """Puts a rule into the file, sends SIGHUP, takes a short breath, and again, until it is told to stop: by exchanging the file, so that it
    sees when the daemon wrote between its reading and its replacing; then it brings its work up to date, as a careful person would."""

    RENAME_EXCHANGE = 2

    def __init__(self, d, least):
        super().__init__()
        self.daemon, self._d, self._least = True, d, least
        self.stopping, self.error, self.n_edits = threading.Event(), None, 0
        self._path, self._beside = (d.path("etc", name).encode() for name in ("rules.json", "rules.json.edited"))
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._random = random.Random(0)

    def edit(self, key, before_it_is_saved=lambda: None):
        with open(self._path, encoding="utf-8") as f:
            base = f.read()
        text = base
        while True:
            rules = {**json.loads(base), **json.loads(text), key: True}
            with open(self._beside, "w", encoding="utf-8") as f:
                json.dump(rules, f)
            if text is base:
                before_it_is_saved()
            if self._libc.renameat2(-100, self._beside, -100, self._path, self.RENAME_EXCHANGE) != 0:
                raise OSError(ctypes.get_errno(), "renameat2")
            with open(self._beside, encoding="utf-8") as f:
                text = f.read()
            if text == base:
                return
            base = json.dumps(rules)

    def run(self):
        try:
            while self.n_edits < self._least or not self.stopping.is_set():
                self.edit(f"/usr/bin/edited-{self.n_edits}:443")
                self.n_edits += 1
                self._d.reload()
                time.sleep(self._random.uniform(0, 0.01))
        except Exception as e:  # pylint: disable=broad-except
            self.error = e


@pytest.mark.gate_only
def test_edits_and_answers_at_the_same_time_are_all_kept(daemon, subscriber):
    """Two hundred rules by message, and as many edits of the file, as fast as both can: none is lost, in memory or on disk."""
    count = 200
    d = daemon(rules={"/usr/bin/first:443": True})
    client = subscriber(d)
    editor = Editor(d, count)
    editor.start()
    try:
        for i in range(count):
            said = client.request("rule_add", sentence=f"allow /usr/bin/told-{i} port 443")
            assert said["type"] == "reply", said
    finally:
        editor.stopping.set()
        editor.join()
    assert editor.error is None, editor.error
    wanted = {"/usr/bin/first:443", *(f"/usr/bin/told-{i}:443" for i in range(count)),
              *(f"/usr/bin/edited-{i}:443" for i in range(editor.n_edits))}
    d.reload_and_wait()
    assert wanted <= {rule["id"] for rule in client.request("rules")["rules"]}
    until(lambda: wanted <= set(d.rules()), lambda: f"on disk: {sorted(wanted - set(d.rules()))} are not")
    assert "while it was being saved" in d.output(), "the race took place"


@pytest.mark.gate_only
def test_an_edit_during_the_last_save_is_kept(daemon, subscriber):
    """The daemon is told to stop while it saves, and somebody replaces the file that very moment."""
    wanted = {f"/usr/bin/many-{i}:443" for i in range(20000)}  # writing them takes a moment
    d = daemon(rules=dict.fromkeys(wanted, True))
    for i in range(8):
        client = subscriber(d)

        def tell(client=client, i=i):
            client.send({"type": "rule_add", "id": 1000, "sentence": f"allow /usr/bin/told-{i} port 443"})
            client.request("status")  # it is in force now, and being saved

        Editor(d, 1).edit(f"/usr/bin/edited-{i}:443", tell)
        wanted |= {f"/usr/bin/told-{i}:443", f"/usr/bin/edited-{i}:443"}
        d.restart()
        assert wanted <= set(d.rules()), wanted - set(d.rules())


@pytest.mark.gate_only
def test_a_deletion_that_is_not_saved_yet_survives_an_edit(daemon, small_disk, subscriber, connect):
    """The editor still has the rule in the file; what was deleted by message stays deleted, what was edited comes in, both are saved."""
    d = daemon(start=False)
    disk = small_disk(d.path("etc"))
    d.write_config({})
    d.write_rules({f"{sockets.PYTHON}:*": True, "/usr/bin/kept:443": True})
    d.start()
    client = subscriber(d)
    assert connect() == 0
    disk.fill()
    said = client.request("rule_delete", rule=f"{sockets.PYTHON}:*")
    assert said["type"] == "error" and "not saved" in said["message"], said
    assert "rules.json is not saved: No space left" in client.request("status")["status"]["problems"]
    with open(d.path("etc", "rules.json"), "r+", encoding="utf-8") as f:
        rules = json.load(f)
        f.seek(0)
        json.dump({**rules, "/usr/bin/edited:443": True}, f)
        f.truncate()
    d.reload_and_wait()
    assert connect() == REFUSED
    disk.empty()
    until(lambda: set(d.rules()) >= {"/usr/bin/kept:443", "/usr/bin/edited:443"} and f"{sockets.PYTHON}:*" not in d.rules(),
          lambda: f"both on disk: {d.rules()}\n{d.output()}")
    until(lambda: not client.request("status")["status"]["problems"], "no problem told any more")
    assert connect() == REFUSED


# ---- config.json bad -----------------------------------------------------------------------------------------------

@pytest.mark.gate_only
@both_modes
@pytest.mark.parametrize("text", ("", "{", "[1]", '{"mode": "enforcement", "mode": "learning"}'))
def test_bad_config_at_start_means_the_last_good_copy(mode, text, daemon, connect, cli):
    d = daemon({"mode": mode})
    d.stop()
    with open(d.path("etc", "config.json"), "w", encoding="utf-8") as f:
        f.write(text)
    d.start()
    assert connect() == (REFUSED if mode == "enforcement" else 0)
    assert "config.json:1:" in cli(d).json("status")["status"]["problems"]
    assert "config.json:1:" in cli(d)("doctor", expect=1)


@pytest.mark.gate_only
def test_a_machine_that_never_had_a_good_config_starts_in_learning(daemon, connect, cli):
    d = daemon(start=False)
    with open(d.path("etc", "config.json"), "w", encoding="utf-8") as f:
        f.write("{")
    d.start()
    assert connect() == 0
    assert "learning mode" in cli(d).json("status")["status"]["problems"]


@pytest.mark.gate_only
@both_modes
def test_a_bad_config_on_reload_keeps_what_runs(mode, daemon, connect, old_client):
    d = daemon({"mode": mode})
    person = old_client(d).settle()
    with open(d.path("etc", "config.json"), "w", encoding="utf-8") as f:
        f.write('{"mode":\n "learning",,}')
    d.reload_and_wait()
    assert "config.json:2:" in person.wait("notification")["message"]
    person.close()
    assert connect() == (REFUSED if mode == "enforcement" else 0)


@pytest.mark.gate_only
@both_modes
def test_a_wrong_mode_word_on_reload_keeps_the_mode(mode, daemon, connect):
    d = daemon({"mode": mode})
    d.write_config({"mode": "permissive"})
    d.reload_and_wait()
    assert connect() == (REFUSED if mode == "enforcement" else 0)


# ---- disk full, log not writable -----------------------------------------------------------------------------------

@pytest.mark.gate_only
@both_modes
def test_disk_full_for_rules(mode, daemon, small_disk, cli, connect, old_client):
    """The rule is in force, the file is the old one, whole; when there is room again it is written without being asked."""
    d = daemon({"mode": mode}, start=False)
    disk = small_disk(d.path("etc"))
    d.write_config({"mode": mode})
    d.write_rules({"/usr/bin/old:443": True})
    d.start()
    disk.fill()
    person = old_client(d).settle()
    person.send({"type": "add_rule", "app_path": sockets.PYTHON, "app_name": "p", "port": 8080, "allow": True, "all_ports": False})
    assert "No space left" in person.wait("notification")["message"]
    assert connect() == 0
    done = subprocess.run(cli(d).argv("rules", "add", "deny /usr/bin/denied"), capture_output=True, text=True, check=False)
    assert done.returncode != 0 and "not saved: No space left" in done.stderr
    assert {k for k in d.rules() if ":" in k} == {"/usr/bin/old:443"}
    d.reload_and_wait()
    assert connect() == 0, "a reload of the old file does not lose what is in force"
    disk.empty()
    until(lambda: f"{sockets.PYTHON}:8080" in d.rules(), lambda: f"the rule saved: {d.rules()}\n{d.output()}")


@pytest.mark.gate_only
def test_disk_full_until_the_stop(daemon, small_disk, old_client, connect):
    """What could not be saved is saved when the daemon stops, if there is room then."""
    d = daemon(start=False)
    disk = small_disk(d.path("etc"))
    d.write_config({})
    d.write_rules({})
    d.start()
    disk.fill()
    person = old_client(d).settle()
    person.send({"type": "add_rule", "app_path": sockets.PYTHON, "app_name": "p", "port": 8080, "allow": True, "all_ports": False})
    person.wait("notification")
    disk.empty()
    d.stop()
    assert d.rules()[f"{sockets.PYTHON}:8080"] is True


@pytest.mark.gate_only
@both_modes
def test_disk_full_for_last_good_copies(mode, daemon, small_disk, connect, cli):
    """The state directory is full from the start: nothing is kept there, everything else goes on."""
    d = daemon({"mode": mode}, start=False)
    small_disk(d.path("state")).fill()
    d.start()
    assert connect() == (REFUSED if mode == "enforcement" else 0)
    cli(d)("rules", "add", f"allow {sockets.PYTHON}")
    assert d.rules()[f"{sockets.PYTHON}:*"] is True
    assert connect() == 0


@pytest.mark.gate_only
@both_modes
def test_disk_full_for_the_log(mode, daemon, small_disk, connect, cli):
    d = daemon({"mode": mode}, start=False)
    small_disk(d.path("log")).fill()
    d.start()
    expected = REFUSED if mode == "enforcement" else 0
    assert [connect() for _ in range(3)] == [expected] * 3
    until(lambda: cli(d).json("status")["status"]["log_lost"] >= 3, "lost lines counted")
    assert "the decision log is not written: No space left on device" in cli(d).json("status")["status"]["problems"]


@pytest.mark.gate_only
@both_modes
def test_a_log_that_cannot_be_opened(mode, daemon, connect, cli):
    """A directory stands in its place; when it goes, SIGHUP opens the file."""
    d = daemon({"mode": mode}, start=False)
    os.mkdir(d.path("log", "bastion-daemon.log"))
    d.start()
    assert connect() == (REFUSED if mode == "enforcement" else 0)
    until(lambda: cli(d).json("status")["status"]["log_lost"] >= 1, "the lost line counted")
    os.rmdir(d.path("log", "bastion-daemon.log"))
    d.reload_and_wait()
    connect()
    until(lambda: "app=" in d.log() or "[AUTO]" in d.log(), lambda: f"the next line: {d.log()}")


@pytest.mark.gate_only
def test_read_only_etc(daemon, connect, cli):
    d = daemon({"default_action": "allow"}, start=False)
    subprocess.run(["mount", "--bind", d.path("etc"), d.path("etc")], check=True)
    try:
        subprocess.run(["mount", "-o", "remount,bind,ro", d.path("etc")], check=True)
        d.start()
        done = subprocess.run(cli(d).argv("rules", "add", f"deny {sockets.PYTHON}"), capture_output=True, text=True, check=False)
        assert done.returncode != 0 and "Read-only file system" in done.stderr
        assert connect() == REFUSED, "in force all the same"
        done = subprocess.run(cli(d).argv("mode", "learning"), capture_output=True, text=True, check=False)
        assert done.returncode != 0 and "Read-only file system" in done.stderr
        d.stop()
    finally:
        subprocess.run(["umount", "--lazy", d.path("etc")], check=True)
