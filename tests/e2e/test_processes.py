# SPDX-License-Identifier: GPL-3.0-or-later
"""The daemon's family: what each process may do, and what happens when one of them dies or its disk refuses.

     bastion-daemon ── bastion-nursery ─┬─ bastion-recorder   history.db, bastion-daemon.log
                                        └─ bastion-parser
"""

import contextlib
import os
import pwd
import resource
import shutil
import signal
import socket
import sqlite3
import struct
import subprocess
import time

import pytest

from harness.net import Network
from harness.wait import until

CURL = os.path.realpath(shutil.which("curl") or "/usr/bin/curl")
KEPT = {"cap_net_admin": 12, "cap_sys_ptrace": 19, "cap_dac_read_search": 2, "cap_perfmon": 38, "cap_bpf": 39}
NURSERY = {"cap_setgid": 6, "cap_setuid": 7, "cap_setpcap": 8, "cap_sys_chroot": 18}
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
FAMILY = ("bastion-nursery", "bastion-record", "bastion-parser")


def children(pid):
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as f:
        return [int(word) for word in f.read().split()]


def comm(pid):
    with open(f"/proc/{pid}/comm", encoding="ascii") as f:
        return f.read().strip()


def status(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as f:
        return dict(line.rstrip("\n").split(":\t", 1) for line in f if ":\t" in line)


def family(d):
    """Name → process id; only who is there now."""
    found = {}
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        for nursery in children(d.pid):
            found[comm(nursery)] = nursery
            for pid in children(nursery):
                found[comm(pid)] = pid
    return found


def whole_family(d):
    return until(lambda: (f := family(d)) and set(f) >= set(FAMILY) and f, lambda: f"helpers: {family(d)}\n{d.output()}")


def is_alive(pid):
    try:
        return status(pid)["State"][0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def rows(d, sql="SELECT path, verdict, reason, rule, uid, protocol, remote_ip, remote_port, direction FROM decisions ORDER BY id"):
    return d.history(sql)


@pytest.fixture
def curl(network, tcp):
    """curl() → its exit code."""
    return lambda: network.fw.run(CURL, "--silent", "--max-time", "30", f"http://{Network.PEER4}:8080/").returncode


@pytest.fixture
def small_disk(closing):
    """small_disk(directory, kilobytes) mounts one there."""
    class Mount:
        def __init__(self, directory, kilobytes):
            self.directory = directory
            os.makedirs(directory, exist_ok=True)
            subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={kilobytes}k,mode=0755", "tmpfs", directory], check=True)

        def fill(self):
            with open(os.path.join(self.directory, "filler"), "wb", buffering=0) as f, contextlib.suppress(OSError):
                while f.write(bytes(4096)):
                    pass

        def free(self):
            os.unlink(os.path.join(self.directory, "filler"))

        def close(self):
            subprocess.run(["umount", "--lazy", self.directory], check=False)

    return lambda directory, kilobytes: closing(Mount(directory, kilobytes))


# ---- privileges ------------------------------------------------------------------------------------------------------------


def test_each_process_has_what_it_needs_and_no_more(daemon, curl):
    d = daemon(rules={f"{CURL}:*": True})
    helper = "bastion" if any(p.pw_name == "bastion" for p in pwd.getpwall()) else "nobody"
    uid = pwd.getpwnam(helper).pw_uid
    assert curl() == 0
    members = {**whole_family(d), "bastion-daemon": d.pid}
    until(lambda: status(members["bastion-record"])["Seccomp"] == "2" and status(members["bastion-parser"])["Seccomp"] == "2",
          "the helpers' filters")
    capabilities = {"bastion-daemon": KEPT, "bastion-nursery": NURSERY, "bastion-record": {}, "bastion-parser": {}}
    for name, pid in members.items():
        s = status(pid)
        mask = sum(1 << bit for bit in capabilities[name].values())
        for kind in ("CapPrm", "CapEff", "CapBnd"):
            assert int(s[kind], 16) == mask, f"{name}: {kind} {s[kind]}, expected {mask:016x}"
        assert int(s["CapInh"], 16) == int(s["CapAmb"], 16) == 0, name
        assert s["NoNewPrivs"] == "1", name
        if capabilities[name]:
            assert s["Uid"].split() == ["0"] * 4, name
        else:
            assert s["Uid"].split() == [str(uid)] * 4, name
            assert s["Groups"].strip() == "", name
        if name != "bastion-nursery":  # its filter would be everybody's below it
            assert s["Seccomp"] == "2", name
    # Every thread of the daemon, the saver too.
    for thread in os.listdir(f"/proc/{d.pid}/task"):
        with open(f"/proc/{d.pid}/task/{thread}/status", encoding="ascii") as f:
            text = f.read()
        assert "Seccomp:\t2" in text and "NoNewPrivs:\t1" in text
        assert f"CapEff:\t{sum(1 << b for b in KEPT.values()):016x}" in text
    assert os.readlink(f"/proc/{members['bastion-record']}/root") == os.path.realpath(d.path("state", "history"))
    if helper == "nobody":
        assert "run as nobody" in d.output()


def test_the_units_capabilities_are_enough(daemon, curl, cli):
    """The bounding set of the service's unit, as systemd would set it."""
    with open(os.path.join(ROOT, "data/bastion-firewall.service.in"), encoding="utf-8") as f:
        names = [w for line in f if line.startswith("CapabilityBoundingSet=") for w in line.strip().split("=")[1].split()]
    bounding = ",".join(["-all", *("+" + name.removeprefix("CAP_").lower() for name in names)])
    d = daemon(rules={f"{CURL}:*": True}, wrapper=("setpriv", f"--bounding-set={bounding}", "--no-new-privs", "--"))
    whole_family(d)
    assert curl() == 0
    until(lambda: rows(d) and CURL in d.log(), lambda: f"history and log: {d.output()}")
    assert [k for k in cli(d).json("doctor")["checks"] if k["level"] == "failed"] == []
    cli(d)("rules", "add", f"deny {CURL} port 8080")
    assert d.rules() != {}, "saved"
    assert curl() == 7


def test_helpers_hold_no_descriptor_of_the_daemon(daemon):
    d = daemon()
    members = whole_family(d)
    until(lambda: status(members["bastion-parser"])["Seccomp"] == "2", "the parser to have begun")
    assert sorted(os.listdir(f"/proc/{members['bastion-parser']}/fd"), key=int) == ["0", "1", "2", "3"]
    for fd in os.listdir(f"/proc/{members['bastion-record']}/fd"):
        target = os.readlink(f"/proc/{members['bastion-record']}/fd/{fd}")
        assert fd in ("0", "1", "2", "3") or d.path("log") in target or "/history" in target, target


# ---- what is kept ------------------------------------------------------------------------------------------------------------


def test_decisions_are_rows_and_lines(daemon, curl, cli):
    d = daemon(rules={f"{CURL}:*": True})
    assert curl() == 0
    until(lambda: rows(d), lambda: f"a row: {d.output()}")
    assert (CURL, "allow", "rule", f"{CURL}:*", 0, "TCP", Network.PEER4, 8080, "out") in rows(d)
    until(lambda: f'[RULE:ALLOW] app="curl" dst="{Network.PEER4}:8080"' in d.log(), lambda: f"the line in the log: {d.log()}")
    assert cli(d).json("status")["status"]["log_lost"] == 0
    assert os.stat(d.path("state", "history")).st_uid != 0
    assert os.stat(d.path("state", "history")).st_mode & 0o067 == 0


def test_nothing_is_kept_when_nothing_shall_be_logged(daemon, curl):
    d = daemon({"log_decisions": False}, rules={f"{CURL}:*": True})
    whole_family(d)
    assert curl() == 0
    d.stop()
    assert rows(d) == []
    assert d.log() == ""


def test_a_stop_keeps_the_last_decision_and_leaves_no_process(daemon, curl):
    d = daemon({"log_every_connection": True}, rules={f"{CURL}:*": True})
    members = whole_family(d)
    for _ in range(5):
        assert curl() == 0
    d.stop()
    assert len([r for r in rows(d) if r[0] == CURL]) == 5, rows(d)
    assert not any(is_alive(pid) for pid in members.values())
    assert "started again" not in d.output() and "not known" not in d.output()


FLOOD = """
import socket, sys
for i in range(int(sys.argv[1])):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.sendto(b"", (sys.argv[2], 9))
"""
PYTHON = os.path.realpath("/usr/bin/python3")


@pytest.fixture
def flood(network):
    """flood(n): so many datagrams, each a connection to decide."""
    return lambda n: network.fw.run(PYTHON, "-c", FLOOD, str(n), Network.PEER4, check=True)


@pytest.mark.gate_only
def test_a_flood_is_told_whole_and_in_order(daemon, flood, subscriber, cli):
    """Three times what the daemon's memory holds, faster than it can be put into words."""
    d = daemon({"log_every_connection": True}, rules={f"{PYTHON}:*": True})
    whole_family(d)
    watcher = subscriber(d)
    flood(3000)
    until(lambda: len([e for e in watcher.decisions() if e["path"] == PYTHON]) == 3000, lambda: f"every event: {len(watcher.decisions())}")
    seen = [e["seq"] for e in watcher.decisions()]
    assert seen == list(range(seen[0], seen[0] + len(seen)))
    assert [e["seq"] for e in cli(d).jsonl("log", "--limit=1024")] == seen[-1024:]
    until(lambda: d.log().count(f'path="{PYTHON}"') == 3000, "every line")
    ports = [e["local_port"] for e in watcher.decisions() if e["path"] == PYTHON]
    assert [p for p, in rows(d, f"SELECT local_port FROM decisions WHERE path = '{PYTHON}' ORDER BY id")] == ports
    assert cli(d).json("status")["status"]["log_lost"] == 0


@pytest.mark.gate_only
def test_a_stop_keeps_what_was_not_told_yet(daemon, flood, cli):
    d = daemon({"log_every_connection": True}, rules={f"{PYTHON}:*": True})
    whole_family(d)
    flood(700)
    before = cli(d).json("status")["status"]["by_reason"]["rule"]
    d.stop()
    assert before == 700
    assert len([r for r in rows(d) if r[0] == PYTHON]) == 700


@pytest.mark.gate_only
def test_a_question_stands_in_the_log_after_what_was_decided_before(daemon, flood, network, subscriber):
    d = daemon({"log_every_connection": True}, rules={f"{PYTHON}:*": True})
    whole_family(d)
    asked = subscriber(d, "questions")
    flood(100)
    waiting = network.fw.popen(CURL, "--silent", f"http://{Network.PEER4}:8080/")
    try:
        until(lambda: "[POPUP]" in d.log(), lambda: f"the question: {d.log()}")
    finally:
        waiting.kill()
        waiting.wait()
    assert asked.of_type("question")
    lines = d.log().split("[POPUP]", 1)[0].splitlines()
    assert len([line for line in lines if f'path="{PYTHON}"' in line]) == 100


def test_a_killed_daemon_leaves_no_process(daemon, curl):
    d = daemon(rules={f"{CURL}:*": True})
    members = whole_family(d)
    assert curl() == 0
    d.kill()
    until(lambda: not any(is_alive(pid) for pid in members.values()), lambda: f"the helpers to end: {members}")


def test_history_goes_on_after_a_restart(daemon, curl):
    d = daemon(rules={f"{CURL}:*": True})
    assert curl() == 0
    d.restart()
    assert curl() == 0
    until(lambda: len([r for r in rows(d) if r[0] == CURL]) == 2, lambda: f"both decisions: {rows(d)}")


def test_the_log_is_opened_again_on_sighup(daemon, curl):
    """As logrotate does it."""
    d = daemon(rules={f"{CURL}:*": True})
    assert curl() == 0
    until(lambda: CURL in d.log(), "the first line")
    os.rename(d.path("log", "bastion-daemon.log"), d.path("log", "bastion-daemon.log.1"))
    d.reload()
    until(lambda: os.path.exists(d.path("log", "bastion-daemon.log")), "the new file")
    assert curl() == 0
    until(lambda: CURL in d.log(), "a line in the new file")


# ---- death ---------------------------------------------------------------------------------------------------------------------


def test_killed_helpers_cost_no_verdict(daemon, curl, cli, full):
    """Both are killed again and again while connections are decided; every one is, and in the end both are back."""
    d = daemon({"log_every_connection": True}, rules={f"{CURL}:*": True})
    whole_family(d)
    n, kills = 200 if full else 30, 0
    for _ in range(n):
        for name, pid in family(d).items():
            if name in ("bastion-record", "bastion-parser"):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
                    kills += 1
        assert curl() == 0
    assert kills >= 4, "they were started again"
    s = cli(d).json("status")["status"]
    assert s["allowed"] >= n and s["denied"] == 0
    until(lambda: set(family(d)) >= set(FAMILY), lambda: f"the helpers are back: {family(d)}", seconds=90)
    before = len(rows(d))
    assert curl() == 0
    until(lambda: len(rows(d)) > before, lambda: f"history goes on: {d.output()}", seconds=90)
    assert d.log().count(f'path="{CURL}"') + cli(d).json("status")["status"]["log_lost"] >= n, "what is missing is counted"


def test_a_killed_nursery_is_told_and_costs_no_verdict(daemon, curl, cli):
    d = daemon(rules={f"{CURL}:*": True})
    members = whole_family(d)
    os.kill(members["bastion-nursery"], signal.SIGKILL)
    until(lambda: "nursery has ended" in d.output(), "words about it")
    assert curl() == 0
    assert cli(d).json("status")["status"]["allowed"] >= 1
    d.stop()
    until(lambda: not is_alive(members["bastion-record"]) and not is_alive(members["bastion-parser"]), "the orphans to end")
    assert len([r for r in rows(d) if r[0] == CURL]) == 1


def test_a_stopped_recorder_holds_up_nobody(daemon, curl, cli, full, network, programs):
    """It is alive and takes nothing: what does not fit into the daemon's buffer is lost and counted."""
    d = daemon({"log_every_connection": True}, rules={f"{CURL}:*": True})
    recorder = whole_family(d)["bastion-record"]
    os.kill(recorder, signal.SIGSTOP)
    try:
        for _ in range(20):
            assert curl() == 0
        assert d.log() == ""
        assert cli(d).json("status")["status"]["allowed"] >= 20
    finally:
        os.kill(recorder, signal.SIGCONT)
    until(lambda: d.log().count(f'path="{CURL}"') == 20, lambda: f"every line, late: {d.log()}")
    assert cli(d).json("status")["status"]["log_lost"] == 0


def test_a_helper_comes_back_when_descriptors_do(daemon, curl):
    """It died while the daemon had no descriptor for a new one's socket."""
    d = daemon(rules={f"{CURL}:*": True})
    recorder = whole_family(d)["bastion-record"]
    before = resource.prlimit(d.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(d.pid, resource.RLIMIT_NOFILE, (3, before[1]))
    os.kill(recorder, signal.SIGKILL)
    until(lambda: "no file descriptor left for a helper" in d.output(), "words about it")
    resource.prlimit(d.pid, resource.RLIMIT_NOFILE, before)
    assert curl() == 0
    until(lambda: CURL in d.log(), lambda: f"the line that waited: {d.output()}", seconds=60)
    until(lambda: len([r for r in rows(d) if r[0] == CURL]) == 1, "its row")


# ---- disks -----------------------------------------------------------------------------------------------------------------------


def test_a_damaged_history_is_moved_aside(daemon, curl, cli):
    d = daemon(rules={f"{CURL}:*": True}, start=False)
    os.makedirs(d.path("state", "history"))
    with open(d.path("state", "history", "history.db"), "wb") as f:
        f.write(b"this is no database" * 1000)
    d.start()
    assert curl() == 0
    until(lambda: rows(d), lambda: f"a new history: {d.output()}")
    assert os.path.exists(d.path("state", "history", "history.db.aside"))
    until(lambda: "moved to" in (cli(d).json("status")["status"]["problems"] or ""), "words in status")


def test_a_history_of_another_version_is_moved_aside(daemon, curl):
    d = daemon(rules={f"{CURL}:*": True})
    assert curl() == 0
    d.stop()
    with contextlib.closing(sqlite3.connect(d.path("state", "history", "history.db"))) as db:
        db.execute("PRAGMA user_version = 99")
    d.start()
    assert curl() == 0
    until(lambda: os.path.exists(d.path("state", "history", "history.db.aside")), "the old one to be moved")
    until(lambda: len(rows(d)) == 1, lambda: f"a new history: {d.output()}")


def test_a_history_of_an_older_version_goes_on(daemon, curl):
    d = daemon(rules={f"{CURL}:*": True})
    assert curl() == 0
    d.stop()
    with contextlib.closing(sqlite3.connect(d.path("state", "history", "history.db"))) as db:
        db.executescript("DROP VIEW history; ALTER TABLE decisions DROP COLUMN count; ALTER TABLE decisions DROP COLUMN bytes;"
                         "ALTER TABLE decisions DROP COLUMN since_us; ALTER TABLE decisions DROP COLUMN seq;"
                         "ALTER TABLE decisions DROP COLUMN path_deleted; ALTER TABLE decisions DROP COLUMN path_foreign; ALTER TABLE decisions DROP COLUMN host_source;"
                         "PRAGMA user_version = 1")
    d.start()
    assert curl() == 0
    until(lambda: len(rows(d)) == 2, lambda: f"the old row and the new one: {d.output()}")
    assert rows(d, "SELECT count, bytes FROM history WHERE path IS NOT NULL") == [(1, None), (1, None)]
    assert not os.path.exists(d.path("state", "history", "history.db.aside"))


def test_a_full_disk_costs_history_and_no_verdict(daemon, curl, cli, small_disk):
    d = daemon(rules={f"{CURL}:*": True}, start=False)
    disk = small_disk(d.path("state", "history"), 256)
    disk.fill()
    d.start()
    assert curl() == 0
    until(lambda: "history is not kept" in (cli(d).json("status")["status"]["problems"] or ""), lambda: f"words: {d.output()}")
    assert cli(d).json("status")["status"]["log_lost"] >= 1
    assert curl() == 0
    assert "history is not kept" in cli(d)("doctor", expect=None)


def test_a_full_disk_costs_log_lines_and_no_verdict(daemon, curl, cli, small_disk):
    d = daemon({"log_every_connection": True}, rules={f"{CURL}:*": True}, start=False)
    disk = small_disk(d.path("log"), 64)
    d.start()
    disk.fill()
    assert curl() == 0
    until(lambda: "log is not written" in (cli(d).json("status")["status"]["problems"] or ""), lambda: f"words: {d.output()}")
    disk.free()
    assert curl() == 0
    until(lambda: CURL in d.log(), "the log goes on when there is room")
    assert len(rows(d)) >= 1, "history is another disk"


# ---- the parser, and what it all costs --------------------------------------------------------------------------------------------


def test_doctor_sees_the_parser_and_the_recorder(daemon, cli):
    d = daemon()
    whole_family(d)
    checks = until(lambda: (c := {k["name"]: k for k in cli(d).json("doctor")["checks"]}) and c["parser"]["level"] == "ok" and c,
                   "the parser's answer")
    assert "answered its last probe in" in checks["parser"]["text"]
    assert checks["recorder"]["level"] == "ok"
    assert [k for k in checks.values() if k["level"] == "failed"] == []


def test_the_parser_answers_what_is_malformed_too(build):
    """The program itself, on a socket of ours: whoever waits for an answer gets one, and the next request finds it alive."""
    def seed(name):
        with open(f"{ROOT}/tests/fuzz/corpus/dns/seed-{name}", "rb") as f:
            return f.read()

    ours, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    ours.settimeout(5)
    with ours, subprocess.Popen(["/bin/sh", "-c", f"exec {build}/src/parser/bastion-parser 3<&0"], stdin=its, user=pwd.getpwnam("nobody").pw_uid) as parser:
        its.close()

        def ask(ident, message):
            ours.send(struct.pack("!IHH", ident, 2, len(message)) + message)
            answer = ours.recv(8192)
            assert answer[:8] == struct.pack("!IHH", ident, 2, len(answer) - 8)
            return answer[8:]

        answer = ask(1, seed("dnsmasq-two-1-edns"))
        assert answer == b"\0\x12\x34\1\0\0\1\x0btwo.example\1" + bytes(10) + b"\xff\xff\xc0\0\2\1" + struct.pack("!I", 3600)
        for ident, name in enumerate(("ring", "pointer-self", "cut", "no-question", "label-dot")):
            malformed = ask(ident, seed(name))
            assert len(malformed) == 1 and malformed[0] != 0
        assert ask(99, b"") == b"\1"
        assert ask(100, bytes(4096)) != b""
        ours.close()
        assert parser.wait(5) == 0


def test_idle_it_sleeps_and_is_small(daemon, rung):
    """No client, nothing to decide: the daemon's one timer comes every 30 s, the others wait for ever."""
    d = daemon()
    members = whole_family(d)
    pids = {"daemon": d.pid, **members}

    def switches():
        return {name: int(status(pid)["voluntary_ctxt_switches"]) for name, pid in pids.items()}

    def settled():
        before = switches()
        time.sleep(0.7)  # a silence is measured by waiting
        return switches() == before

    until(settled, "silence")
    before = switches()
    time.sleep(5)
    after = switches()
    assert after["daemon"] - before["daemon"] <= 1, (before, after)
    for name in FAMILY:
        assert after[name] == before[name], name
    resident = int(status(d.pid)["VmRSS"].split()[0])
    assert resident <= 8 << 10, f"{rung}: {resident} kB"
