# SPDX-License-Identifier: GPL-3.0-or-later
"""`bastion log`: what was decided is found, once each and in order, on disk and in memory, with a daemon and without; and who reads changes nothing.

     fw ┌────────────────────────┐   veth   ┌────────────────────┐ peer
        │ bastion-daemon         ├──────────┤ TCP 8080, UDP 9    │
        │ bastion log            │          └────────────────────┘
        └────────────────────────┘
"""

import contextlib
import csv
import io
import json
import os
import sqlite3
import subprocess
import threading
import time

import pytest

from harness.net import Network
from harness.programs import Running
from harness.wait import until

pytestmark = pytest.mark.either_rung

PYTHON = os.path.realpath("/usr/bin/python3")
FLOOD = """
import socket, sys
for i in range(int(sys.argv[1])):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.sendto(b"", (sys.argv[2], 9))
"""


@pytest.fixture
def flood(network):
    """flood(n): so many datagrams, each a connection to decide."""
    return lambda n: network.fw.run(PYTHON, "-c", FLOOD, str(n), Network.PEER4, check=True)


@pytest.fixture
def visit(network, closing, programs, tcp):
    """visit(path, port) → its exit code: 0 when it was let through and somebody answered."""
    def run(path, port=None, address=Network.PEER4):
        return closing(Running(network.fw, path, "tcp", address, str(port or tcp.port))).finish()[0]
    return run


@pytest.fixture
def story(daemon, programs, visit, tcp):
    """A daemon with a past of two lives: the second begins with an empty memory. Every decision is told by itself."""
    allowed, denied = programs.visitor("log-allowed"), programs.visitor("log-denied")
    d = daemon({"log_every_connection": True}, rules={f"{allowed}:*": True, f"{denied}:*": False})
    assert visit(allowed) == 0
    assert visit(denied) != 0
    assert visit(allowed, address=Network.PEER6) == 0
    d.restart()
    assert visit(denied) != 0
    assert visit(allowed) == 0
    d.allowed, d.denied, d.port = allowed, denied, tcp.port
    return d


def ours(d, records):
    return [r for r in records if r["path"] in (d.allowed, d.denied)]


def database(d, *more):
    return d.path("state", "history", "history.db", *more)


def rows(d):
    with contextlib.closing(sqlite3.connect(f"file:{database(d)}?mode=ro", uri=True, timeout=10)) as db:
        return db.execute("SELECT id FROM decisions WHERE path IN (?, ?)", (d.allowed, d.denied)).fetchall()


def found(d, cli, *options):
    return [(os.path.basename(r["path"]), r["verdict"], r["remote_ip"]) for r in cli(d).jsonl("log", *options) if r["path"] in (d.allowed, d.denied)]


def test_what_was_decided_before_is_found(story, cli):
    d = story
    allowed4, allowed6 = ("log-allowed", "allow", Network.PEER4), ("log-allowed", "allow", Network.PEER6)
    denied = ("log-denied", "deny", Network.PEER4)
    assert found(d, cli) == [allowed4, denied, allowed6, denied, allowed4], "the newest last, and of both lives"
    for option, expected in (
            (f"--program={d.denied}", [denied, denied]),
            ("--program=log-denied", [denied, denied]),
            ("--program=*/log-d*", [denied, denied]),
            ("--program=log", []),
            ("--verdict=deny", [denied, denied]),
            (f"--host={Network.PEER6}", [allowed6]),
            ("--host=fd91::/16", [allowed6]),
            ("--host=10.91.0.0/24", [allowed4, denied, denied, allowed4]),
            ("--host=example.com", []),
            (f"--port={d.port}", [allowed4, denied, allowed6, denied, allowed4]),
            (f"--port=1-{d.port - 1}", []),
            (f"--rule={d.allowed}:*", [allowed4, allowed6, allowed4]),
            ("--reason=timeout", []),
            ("--reason=rule", [allowed4, denied, allowed6, denied, allowed4]),
            ("--user=root", [allowed4, denied, allowed6, denied, allowed4]),
            ("--user=12345", []),
            ("--since=1h", [allowed4, denied, allowed6, denied, allowed4]),
            ("--until=1h", []),
            ("--since=yesterday", [allowed4, denied, allowed6, denied, allowed4]),
            ("--until=2020-01-01", [])):
        assert found(d, cli, option) == expected, option
    assert found(d, cli, "--program=log-*", "--limit=3") == [allowed6, denied, allowed4]
    assert found(d, cli, "--program=log-*", "--count=1") == [allowed4]
    assert found(d, cli, "--program=log-allowed", "--limit=2", f"--host={Network.PEER4}") == [allowed4, allowed4]


def test_time_cuts_where_it_is_said(story, cli):
    d = story
    records = ours(d, cli(d).jsonl("log"))
    middle = records[2]["time"]
    assert ours(d, cli(d).jsonl("log", f"--since={middle}")) == records[2:]
    assert ours(d, cli(d).jsonl("log", f"--until={middle}")) == records[:2]


def test_json_has_what_watch_has(story, cli, subscriber, visit):
    d = story
    watcher = subscriber(d)
    assert visit(d.allowed) == 0
    told = watcher.decision(path=d.allowed)
    d.stop()
    kept = cli(d).jsonl("log", f"--state={d.path('state')}", "--limit=1", "--program=log-allowed")[0]
    assert set(kept) | {"interface"} == (set(told) - {"type"}) | {"interface"}
    for field in set(kept) - {"start_ns", "exec_id", "arguments", "parents", "cgroup"}:  # history is smaller
        assert kept[field] == told[field], field


def test_csv_is_read_by_who_reads_csv(story, cli):
    d = story
    text = subprocess.run(cli(d).argv("log", "--csv", "--program=log-*"), capture_output=True, check=True).stdout
    assert text.count(b"\r\n") == text.count(b"\n") == 6
    rows = list(csv.DictReader(io.StringIO(text.decode())))
    records = cli(d).jsonl("log", "--program=log-*")
    for row, record in zip(rows, records):
        for field in ("time", "verdict", "reason", "rule", "path", "name", "remote_ip", "direction", "protocol"):
            assert row[field] == record[field]
        for field in ("pid", "uid", "remote_port", "local_port"):
            assert row[field] == str(record[field])
        assert row["count"] == "1" and row["bytes"] == row["since"] == ""


@pytest.mark.gate_only
def test_a_summary_is_one_line_with_its_count(daemon, cli, programs, visit):
    path = programs.visitor("log-often")
    d = daemon(rules={f"{path}:*": True})
    for _ in range(12):
        assert visit(path) == 0
    d.stop()
    records = cli(d).jsonl("log", f"--state={d.path('state')}", "--program=log-often")
    assert sum(r.get("count", 1) for r in records) == 12
    assert any(r.get("count", 1) > 1 for r in records)
    assert "connections, " in cli(d)("log", f"--state={d.path('state')}", "--program=log-often")


@pytest.mark.gate_only
def test_memory_and_history_are_one(daemon, flood, cli):
    """Three times what memory holds, the last of it not on disk yet: each is told once, in order."""
    d = daemon({"log_every_connection": True}, rules={f"{PYTHON}:*": True})

    def whole():
        """Datagrams wait for their verdicts when their sender has gone; whenever one looks, nothing is missing between two that are there."""
        records = cli(d).jsonl("log", "--limit=5000", "--program=python3*")
        seqs = [r["seq"] for r in records]
        assert seqs == list(range(1, len(seqs) + 1))
        return records

    for i in range(3):
        flood(1000)
        records = until(lambda i=i: len(r := whole()) == 1000 * (i + 1) and r, "every decision")
    last = cli(d).jsonl("log", "--limit=1500", "--program=python3*")
    assert last == records[-1500:]
    assert cli(d).jsonl("log", "--program=python3*") == records[-100:]


@pytest.mark.gate_only
def test_follow_has_no_gap_and_nothing_twice(daemon, flood, cli):
    d = daemon({"log_every_connection": True}, rules={f"{PYTHON}:*": True})
    flood(1500)
    going = threading.Event()

    def go_on():
        while not going.wait(0.01):
            flood(20)

    thread = threading.Thread(target=go_on)
    thread.start()
    try:
        log = cli(d).popen("log", "--follow", "--json", "--limit=2000", "--program=python3*", stdout=subprocess.PIPE, text=True)
        try:
            seqs = [json.loads(log.stdout.readline())["seq"] for _ in range(3000)]
        finally:
            log.kill()
            log.wait()
    finally:
        going.set()
        thread.join()
    assert seqs == list(range(seqs[0], seqs[0] + 3000))


def test_follow_searches_what_comes_too(story, cli, visit):
    d = story
    log = cli(d).popen("log", "--follow", "--program=log-*", "--verdict=deny", stdout=subprocess.PIPE, text=True)
    lines = []
    reader = threading.Thread(target=lambda: lines.extend(iter(log.stdout.readline, "")), daemon=True)
    reader.start()
    try:
        until(lambda: len(lines) == 2, "the past")
        assert visit(d.allowed) == 0 and visit(d.denied) != 0
        until(lambda: len(lines) == 3, "the new one")
        assert all("DENY" in line and "log-denied" in line for line in lines)
    finally:
        log.kill()
        log.wait()


def test_without_a_daemon_history_is_searched(story, cli):
    d = story
    d.stop()
    assert len(found(d, cli, f"--state={d.path('state')}")) == 5
    cli(d)("log", expect=3)
    cli(d)("log", f"--state={d.path('state')}", "--follow", expect=3)
    cli(d)("log", f"--state={d.path('nowhere')}", expect=3)


def test_a_line_of_another_day_says_which(story, cli):
    d = story
    d.stop()
    today = cli(d)("log", f"--state={d.path('state')}").splitlines()
    with contextlib.closing(sqlite3.connect(database(d))) as db:
        db.execute("UPDATE decisions SET time_us = time_us - 86400000000 * 3")
        db.commit()
    earlier = cli(d)("log", f"--state={d.path('state')}").splitlines()
    day = time.strftime("%Y-%m-%d ", time.localtime(time.time() - 3 * 86400))
    assert earlier == [day + line for line in today]


# ---- who reads leaves nothing behind ----------------------------------------------------------------------------------------------


def test_root_leaves_no_file_of_its_own(story, cli, visit):
    """Without the files that SQLite keeps beside a database, which a reader makes: they must be the recorder's."""
    d = story
    d.stop()
    owner = os.stat(database(d)).st_uid
    assert owner != 0
    for name in ("history.db-wal", "history.db-shm"):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(d.path("state", "history", name))
    assert len(found(d, cli, f"--state={d.path('state')}")) == 5
    files = os.listdir(d.path("state", "history"))
    assert {os.stat(d.path("state", "history", name)).st_uid for name in files} == {owner}, files
    d.start()
    assert visit(d.allowed) == 0
    d.stop()
    assert len(found(d, cli, f"--state={d.path('state')}")) == 6, d.output()


def open_up(path):
    """Others may walk there."""
    while path != "/tmp":
        os.chmod(path, os.stat(path).st_mode | 0o011)
        path = os.path.dirname(path)


def as_user(d, cli, gid, *words):
    return subprocess.run(["setpriv", "--reuid=65533", f"--regid={gid}", "--clear-groups", "--", *cli(d).argv(*words)], capture_output=True, text=True)


def test_the_folders_group_may_read_and_nobody_else(story, cli):
    d = story
    open_up(d.path("state"))
    gid = os.stat(d.path("state", "history")).st_gid
    words = ("log", f"--state={d.path('state')}", "--program=log-*", "--json")
    until(lambda: len(rows(d)) == 5, "every row")
    for running in (True, False):
        if not running:
            d.stop()
        done = as_user(d, cli, gid, *words)
        assert (done.returncode, done.stdout.count("\n"), done.stderr) == (0, 5, "")
        done = as_user(d, cli, 65533, *words)
        assert (done.returncode, done.stdout) == (4, "")
        assert "you may not read the history" in done.stderr


@pytest.mark.parametrize("what, words", (("damaged", "the history is damaged"), ("newer", "is of version 99"), ("half", "the history is damaged")))
def test_what_cannot_be_read_is_told_and_left_alone(story, cli, what, words):
    d = story
    d.stop()
    if what == "newer":
        with contextlib.closing(sqlite3.connect(database(d))) as db:
            db.execute("PRAGMA user_version = 99")
    else:
        with open(database(d), "r+b") as f:
            f.seek(0 if what == "damaged" else 4096)
            f.write(b"this is no database" * 10000)
    with open(database(d), "rb") as f:
        before = f.read()
    done = subprocess.run(cli(d).argv("log", f"--state={d.path('state')}"), capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (1, "")
    assert words in done.stderr
    with open(database(d), "rb") as f:
        assert f.read() == before
    assert not os.path.exists(database(d) + ".aside")


def test_memory_is_shown_where_history_is_not(story, cli):
    d = story
    os.rename(d.path("state", "history"), d.path("state", "elsewhere"))  # where the recorder goes on
    done = subprocess.run(cli(d).argv("log", "--program=log-*"), capture_output=True, text=True)
    assert done.returncode == 0 and done.stdout.count("\n") == 2
    assert done.stderr == "", "memory has all of this daemon's life, and nobody knows of another"
    os.mkdir(d.path("state", "history"))
    with open(database(d), "wb") as f:
        f.write(b"this is no database" * 1000)
    done = subprocess.run(cli(d).argv("log", "--program=log-*"), capture_output=True, text=True)
    assert done.returncode == 1 and done.stdout.count("\n") == 2
    assert "the history is damaged" in done.stderr


@pytest.mark.gate_only
def test_a_reader_that_stands_still_does_not_hold_up_the_recorder(daemon, flood, cli):
    """`bastion log | less`: rows go on being written, and the file of changes does not grow for it."""
    d = daemon({"log_every_connection": True}, rules={f"{PYTHON}:*": True})
    flood(3000)
    until(lambda: len(cli(d).jsonl("log", "--limit=5000")) >= 3000, "the first rows")
    log = cli(d).popen("log", "--json", "--limit=5000", stdout=subprocess.PIPE, text=True)
    try:
        first = log.stdout.readline()
        assert first
        for i in range(2, 10):
            flood(3000)
            until(lambda i=i: d.log().count(f'path="{PYTHON}"') >= 3000 * i, "every line")
        assert os.path.getsize(database(d) + "-wal") < 8 << 20
        assert cli(d).json("status")["status"]["log_lost"] == 0
    finally:
        log.kill()
        log.wait()


# ---- what is wrong is said --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("option, words", (
    ("--limit=0", "needs a number of 1 to 1000000"),
    ("--limit=1000001", "needs a number of 1 to 1000000"),
    ("--limit=ten", "needs a number of 1 to 1000000"),
    ("--since=soon", "expected a time as 90s"),
    ("--until=2026-02-30", "expected a time as 90s"),
    ("--port=0", "expected a port 1..65535"),
    ("--port=70000", "expected a port 1..65535"),
    ("--host=10.0.0.1/8", "without bits beyond its prefix"),
    ("--verdict=ask", "expected allow or deny"),
    ("--reason=because", "expected one of rule"),
    ("--user=no-such-user-here", "there is no user"),
    ("--user=4294967295", "expected a user's number"),
    ("--program=" + "x" * 5000, "of 1 to 4096 bytes"),
    ("--rule=" + "x" * 5000, "of at most 4352 bytes")))
def test_a_wrong_option_says_what_was_expected(daemon, cli, option, words):
    d = daemon(start=False)
    done = subprocess.run(cli(d).argv("log", option), capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (2, "")
    assert words in done.stderr
    assert "bastion log --help" in done.stderr


def test_two_forms_at_once_are_refused(daemon, cli):
    d = daemon(start=False)
    cli(d)("log", "--csv", "--json", expect=2)
    cli(d)("log", "--count=1", "--limit=1", expect=2)


@pytest.mark.parametrize("argv", ((), ("x",), ("x", "0"), ("x", "1000001"), ("x", "1", "port"), ("x", "1", "port=0"), ("x", "1", "port=1", "port=1"),
                                  ("x", "1", "colour=red")))
def test_the_reader_believes_nobody(build, argv):
    done = subprocess.run([os.path.join(build, "src/recorder/bastion-recorder"), "--query", *argv], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("bastion: ")
