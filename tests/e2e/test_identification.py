# SPDX-License-Identifier: GPL-3.0-or-later
"""Programs that live a few milliseconds are named right, every one.

     fw                                              peer
     ┌──────────────────────────────────┐            ┌──────────────────────────────────┐
     │ bastion-daemon                   │   veth     │ TCP 8080, UDP 7007:              │
     │ swarm ─▶ visit-00 … visit-15,    ├────────────┤ each line that arrives says who  │
     │   8 at a time, each one line long│            │ sent it, next to its source port │
     └──────────────────────────────────┘            └──────────────────────────────────┘
"""

import collections
import itertools
import os
import shutil
import subprocess
import threading

import pytest

from harness.net import Network
from harness.programs import Running
from harness.servers import UdpServer
from harness.wait import until

PARALLEL = 8
UDP_PORTS = itertools.count(7100)  # one for each test: connection tracking remembers what others sent


def truth_of(protocol, seen):
    """(protocol, source port, pid, path) for each visitor, as the server heard it."""
    found = collections.Counter()
    for visit in seen:
        path, pid = visit["data"].decode().split()
        found[(protocol, visit["port"], int(pid), path)] += 1
    return found


def story_of(decisions):
    return collections.Counter((d["protocol"], d["local_port"], d["pid"], d["path"]) for d in decisions)


# What runs, and the ways of which each visitor takes one.
KINDS = {
    "tcp": ("visit", "tcp"),
    "udp": ("visit", "udp"),
    "udp-unconnected": ("visit", "udp-unconnected"),
    "mixed": ("visit", "tcp,udp,udp-unconnected"),
    "odd": ("talk", "thread,vfork,uring-tcp,uring-udp,mptcp"),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("mode", ("enforcement", "learning"))
def test_short_lived_programs_are_named(kind, mode, rung, full, network, daemon, subscriber, programs, closing, tcp):
    udp = closing(UdpServer(network.peer, next(UDP_PORTS)))
    count = 10000 if full else 500
    program, kind = KINDS[kind]
    visitors = [programs.copy(program, f"{program}-{i:02}") for i in range(16)]
    d = daemon({"mode": mode, "log_every_connection": True}, rules={f"{path}:*": True for path in visitors})
    watcher = subscriber(d, "decisions")
    done = network.fw.run(programs.path("swarm"), count, PARALLEL, 42, kind, f"{Network.PEER4},{Network.PEER6}",
                          tcp.port, udp.port, *visitors, timeout=900)
    assert done.returncode == 0
    lines = [line.split() for line in done.stdout.splitlines()]
    assert len(lines) == count
    tcp_only = "udp" not in kind
    if mode == "learning" or rung == "gate" or tcp_only:
        assert [line for line in lines if line[2] != "0"] == []
        until(lambda: len(tcp.snapshot()) + len(udp.snapshot()) >= count, "every visitor at the peer", 120)

    def truth():
        return truth_of("TCP", tcp.snapshot()) + truth_of("UDP", udp.snapshot())

    def about_visitors():
        return [d for d in watcher.decisions() if d["remote_port"] in (tcp.port, udp.port)]

    if rung == "gate":
        until(lambda: len(about_visitors()) >= count, lambda: f"{count} decisions, there are {len(about_visitors())}", 120)
        told = story_of(about_visitors())
        assert told == truth(), f"told and not true: {told - truth()}\ntrue and not told: {truth() - told}"
        assert {d["identity"] for d in about_visitors()} == {"task"}
        return

    # The queue rung is asked once for each tuple: a datagram from a port that another one used just before is not new to
    # conntrack. And /proc cannot name who has gone: such a visitor may stay unknown there, but never become somebody else.
    until(lambda: {(p, port) for p, port, _, _ in truth()} <= {(d["protocol"], d["local_port"]) for d in about_visitors()},
          "a decision for each port that the servers saw")

    def named():
        return story_of(d for d in about_visitors() if d["path"])

    # Who was named has his rule, and so has arrived, or is about to.
    until(lambda: named() - truth() == collections.Counter(), lambda: f"nobody named wrong: {named() - truth()}")
    waited = collections.Counter({k: v for k, v in truth().items() if k[0] == "TCP"})
    # Awaited, because two visitors may have had the same port, and what is said of the second may still be on its way.
    until(lambda: not waited - named(), lambda: f"a program that waits in connect() to be named, always: {waited - named()}, told of these ports: "
          f"{[d for d in about_visitors() if d['local_port'] in {port for _, port, _, _ in waited - named()}]}")
    print(f"queue rung, {kind}, {mode}: {named().total()} of {count} named, 0 wrong")


@pytest.mark.gate_only
@pytest.mark.parametrize("kind", KINDS)
def test_what_the_kernel_decides_is_each_programs_own(kind, full, network, daemon, subscriber, programs, closing, tcp):
    """Half of the visitors are denied. Who got through, and how often each was counted, is what it should be for every one of them."""
    udp = closing(UdpServer(network.peer, next(UDP_PORTS)))
    count = 10000 if full else 500
    program, kind = KINDS[kind]
    visitors = [programs.copy(program, f"{program}-{i:02}") for i in range(16)]
    denied = set(visitors[::2])
    d = daemon(rules={f"{path}:*": path not in denied for path in visitors})
    watcher = subscriber(d, "decisions")
    done = network.fw.run(programs.path("swarm"), count, PARALLEL, 43, kind, f"{Network.PEER4},{Network.PEER6}",
                          tcp.port, udp.port, *visitors, timeout=900)
    runs = collections.Counter(line.split()[3] for line in done.stdout.splitlines())
    assert runs.total() == count
    through = collections.Counter({path: n for path, n in runs.items() if path not in denied})
    arrived = lambda: collections.Counter(visit["data"].decode().split()[0] for visit in (*tcp.snapshot(), *udp.snapshot()))  # noqa: E731
    until(lambda: arrived() == through, lambda: f"missing {through - arrived()}, too much {arrived() - through}", 120)
    watcher.request("status")  # what was not told yet is told now

    def told():
        counts = collections.Counter()
        for x in (*watcher.decisions(), *watcher.of_type("decisions")):
            assert x["verdict"] == ("deny" if x["path"] in denied else "allow") and x["identity"] == "task", x
            counts[x["path"]] += x.get("count", 1)
        return counts

    until(lambda: told() == runs, lambda: f"not told {runs - told()}, told and not true {told() - runs}")
    assert len(watcher.decisions()) < count / 2


def test_arguments_and_parents_come_along(network, daemon, subscriber, cli, closing, tcp, tmp_path):
    """make ▸ sh ▸ curl: the chain is known although curl lives for a millisecond."""
    (tmp_path / "Makefile").write_text(f"all:\n\t@/bin/sh -c 'curl -s -o /dev/null http://{Network.PEER4}:8080/; true'\n")
    d = daemon()
    watcher = subscriber(d, "questions")
    make = closing(Running(network.fw, "make", "-C", str(tmp_path)))
    question = watcher.wait("question", lambda q: q["name"] == "curl")
    assert question["arguments"][0] == "curl" and question["arguments"][-1] == f"http://{Network.PEER4}:8080/"
    shell, parent = question["parents"][:2]
    assert (shell["name"], shell["program"]) == ("sh", os.path.basename(os.path.realpath("/bin/sh")))
    assert (parent["name"], parent["program"], parent["pid"]) == ("make", "make", make.pid)
    assert "make ▸ sh ▸ curl" in cli(d)("questions")


def test_who_has_gone_is_known(desk, closing):
    """A datagram is held; the program that sent it has exited and was waited for before anybody looks."""
    path = desk.asked("gone")
    program = desk.start(path, "udp-unconnected", Network.PEER4, next(UDP_PORTS), stdin=subprocess.DEVNULL)
    assert program.finish()[0] == 0
    question = desk.watcher.wait("question", lambda q: q["pid"] == program.pid or q["kind"] == "unknown")
    assert (question["path"], question["pid"]) == (path, program.pid) or (desk.rung == "queue" and question["kind"] == "unknown")
    desk.answer(question, False)


def test_each_program_of_one_process_under_its_own_name(desk, closing):
    """connect, exec, connect, exec, connect: one pid, three programs."""
    first, second, third = (desk.asked(f"chain-{i}") for i in range(3))
    for path, word in ((first, "allow"), (second, "deny"), (third, "allow")):
        desk.rule(f"{word} {path}")
    where = ("tcp", Network.PEER4, 8080)
    program = closing(desk.start(first, *where, "then", second, *where, "then", third, *where))
    until(lambda: len(desk.decisions(program.pid)) == 3, lambda: f"three decisions: {desk.decisions(program.pid)}")
    assert [(d["path"], d["verdict"]) for d in desk.decisions(program.pid)] == [(first, "allow"), (second, "deny"), (third, "allow")]


def test_a_pid_that_is_used_again(desk, closing, tmp_path):
    """In a pid namespace of their own two programs get the same number, one after the other; the first one's datagram is still held."""
    first, second, port = desk.asked("pid-1"), desk.asked("pid-2"), next(UDP_PORTS)
    script = f"""
for p in {first} {second}; do
    echo 999 >/proc/sys/kernel/ns_last_pid
    "$p" udp-unconnected {Network.PEER4} {port} </dev/null & pid=$!
    wait $pid; echo $pid
done"""
    program = closing(Running(desk.fw, "unshare", "--pid", "--fork", "--mount-proc", "sh", "-c", script))
    status, output = program.finish()
    assert (status, output.split()) == (0, ["1000", "1000"]), output
    if desk.rung == "gate":
        for path in (first, second):
            question = desk.watcher.wait("question", lambda q, path=path: q["path"] == path and q["remote_port"] == port)
            desk.answer(question, False)
    else:  # the sender may have gone before it was looked for: unknown, but nobody else
        question = desk.watcher.wait("question", lambda q: q["remote_port"] == port)
        assert {q["path"] for q in desk.watcher.of_type("question") if q["remote_port"] == port} <= {first, second, None}
        desk.answer(question, False)


@pytest.mark.parametrize("kind", ("thread", "vfork"))
def test_threads_and_borrowed_memory(kind, desk, closing):
    path = desk.asked(kind)
    desk.rule(f"allow {path}")
    program = closing(desk.start(path, kind, Network.PEER4, 8080))
    decision = desk.watcher.decision(path=path)
    assert decision["verdict"] == "allow"
    assert (decision["pid"] == program.pid) == (kind == "thread")


def test_setuid_makes_another_user(desk, closing):
    path = desk.asked("setuid")
    desk.rule(f"allow {path}")
    desk.rule(f"deny {path} user 65534")
    program = closing(desk.start(path, "setuid", Network.PEER4, 8080))
    until(lambda: len(desk.decisions(program.pid)) == 2, "two decisions")
    assert [(d["uid"], d["gid"], d["verdict"]) for d in desk.decisions(program.pid)] == [(0, 0, "allow"), (65534, 65534, "deny")]


def test_a_mount_namespace_of_its_own(desk, closing):
    """The host's file keeps its rules there; what is mounted over it is another program."""
    path, fake = desk.asked("private"), desk.asked("fake")
    desk.rule(f"allow {path}")
    where = ("tcp", Network.PEER4, "8080")
    program = closing(desk.start("unshare", "--mount", path, *where))
    assert desk.watcher.decision(pid=program.pid)["verdict"] == "allow"
    assert desk.watcher.decision(pid=program.pid)["path"] == path

    program = closing(desk.start("unshare", "--mount", "sh", "-c", f'mount --bind {fake} {path} && exec {path} {" ".join(where)}'))
    question = desk.question(program)
    assert question["path"] == path and question.get("path_foreign") is True
    desk.answer(question, False)
    # The same without a wait: it may have exited, or be about to, before its file could be looked at. Never the rule of the file that it poses as.
    port = next(UDP_PORTS)
    desk.start("unshare", "--mount", "sh", "-c", f'mount --bind {fake} {path} && exec {path} udp-unconnected {Network.PEER4} {port}',
               stdin=subprocess.DEVNULL).finish()
    question = desk.watcher.wait("question", lambda q: q["remote_port"] == port)
    assert question.get("path_foreign") is True or question["path"] is None or question["kind"] == "unknown", question
    desk.answer(question, False)


def test_a_file_of_another_mount_namespace(desk, closing):
    """The program itself is in the daemon's mount namespace, and its file is not: what counts is where the file's path leads."""
    path, fake = desk.asked("host"), desk.asked("fake")
    desk.rule(f"allow {path}")
    where = ("tcp", Network.PEER4, "8080")
    elsewhere = closing(Running(desk.fw, "unshare", "--mount", "sh", "-c", f"mount --bind {fake} {path} && echo ready && read end", stdin=-1))
    assert elsewhere.process.stdout.readline() == "ready\n"
    program = closing(desk.start(f"/proc/{elsewhere.pid}/root{path}", *where))
    question = desk.question(program)
    assert question["path"] == path and question.get("path_foreign") is True
    desk.answer(question, False)

    # And the other way round: who leaves the daemon's mount namespace takes his file along.
    program = closing(desk.start("unshare", "--mount", "sh", "-c", f"exec /proc/{os.getpid()}/root{path} {' '.join(where)}"))
    assert desk.watcher.decision(pid=program.pid)["verdict"] == "allow"


@pytest.mark.rungs("gate")  # /proc compares what lies at the path: there it is the file that it says
def test_a_file_that_left_what_is_mounted(desk, closing, tmp_path):
    """What is seen from its file system's root is no path: the file system need not be mounted there."""
    inside, mounted, posed = tmp_path / "inside", tmp_path / "mounted", str(tmp_path / "posed")
    inside.mkdir()
    mounted.mkdir()
    shutil.copy(desk.asked("moved"), inside / "posed")
    desk.rule(f"allow {posed}")
    subprocess.run(["mount", "--bind", inside, mounted], check=True)
    try:
        script = f"exec 3<{mounted}/posed && mv {inside}/posed {posed} && exec /dev/fd/3 tcp {Network.PEER4} 8080"
        program = closing(Running(desk.fw, "sh", "-c", script, stdin=-1))
        question = desk.question(program)
        assert question.get("path_deleted") is True, question
        desk.answer(question, False)
        program.close()
    finally:
        subprocess.run(["umount", "-l", mounted], check=True)


@pytest.mark.rungs("gate")  # /proc shows a deleted file and remembers nothing: there it is asked about
def test_a_program_that_is_replaced_keeps_its_rules(desk, closing):
    """As a package manager does: the new file is renamed over the old, which goes on running and starts a child."""
    path = desk.asked("replaced")
    desk.rule(f"allow {path}")
    program = closing(desk.start(path, "fork-later", Network.PEER4, 8080))
    desk.watcher.decision(pid=program.pid, verdict="allow")
    shutil.copy(path, path + ".new")
    os.replace(path + ".new", path)
    status, output = program.finish_with("go on\n")
    assert status == 0, output

    def told():
        return [(d["path"], d["verdict"]) for d in desk.watcher.decisions() if d["path"] == path]

    until(lambda: len(told()) >= 2, "the child's decision")
    assert told() == [(path, "allow")] * 2
    assert not any(d.get("path_deleted") for d in desk.watcher.decisions() if d["path"] == path)
    # The new file has the path's rules too.
    assert desk.watcher.decision(pid=closing(desk.start(path, "tcp", Network.PEER4, 8080)).pid)["verdict"] == "allow"


@pytest.mark.parametrize("how", ("deleted", "memory"))
def test_a_program_without_a_file_has_no_rules(how, desk, closing):
    path = desk.asked("nameless")
    desk.rule(f"allow {path}")
    if how == "memory":
        fd = os.memfd_create("nameless")
        with open(path, "rb") as f:
            os.write(fd, f.read())
    else:
        copy = shutil.copy(path, path + "-gone")
        desk.rule(f"allow {copy}")
        fd = os.open(copy, os.O_RDONLY)
        os.unlink(copy)
    try:
        program = closing(desk.start(f"/proc/self/fd/{fd}", "tcp", Network.PEER4, 8080, pass_fds=[fd]))
    finally:
        os.close(fd)
    question = desk.question(program)
    assert question.get("path_deleted") is True, question
    desk.answer(question, False)


def deep(directory, component, length):
    """A folder below `directory` whose name brings a path to `length` bytes. Longer than one system call takes: step by step."""
    at = os.open(directory, os.O_RDONLY)
    path = os.fsencode(directory)
    while len(path) + 1 + len(component) <= length:
        os.mkdir(component, dir_fd=at)
        below = os.open(component, os.O_RDONLY, dir_fd=at)
        os.close(at)
        at, path = below, path + b"/" + component
    return at, path


PATHS = {
    "blanks": b"a b  c (deleted)",
    "newline": b"line\nbreak \t\\ \"quoted\"",
    "not-utf8": b"latin \xe4\xf6 \xff",
    "wide": "\u202eright-to-left \U0001f980".encode(),
}


def remembers(desk, closing, path):
    """An answer for always, given to this path, is found again by this path."""
    def start():
        return closing(Running(desk.fw, path, "tcp", Network.PEER4, 8080, stdin=-1))

    program = start()
    question = desk.question(program)
    assert bytes_of(question) == path
    assert not question.get("path_deleted")
    desk.answer(question, True, lifetime="always")
    program = start()
    decision = desk.watcher.decision(pid=program.pid)
    assert (decision["verdict"], decision["reason"], bytes_of(decision)) == ("allow", "rule", path)


def bytes_of(message):
    """The path, byte for byte (PROTOCOL.md, "Bytes")."""
    if "path_bytes" not in message:
        return message["path"].encode()
    return message["path_bytes"].encode().decode("unicode_escape").encode("latin-1")


@pytest.mark.parametrize("name", PATHS)
def test_paths_are_bytes(name, desk, closing, tmp_path):
    path = os.fsencode(tmp_path) + b"/" + PATHS[name]
    shutil.copy(desk.programs.path("talk"), path)
    remembers(desk, closing, path)


@pytest.mark.parametrize("component", (b"d" * 200, b"d"), ids=("long-names", "many-names"))
def test_paths_up_to_the_end(component, desk, closing, tmp_path):
    """4,095 bytes is the longest path that can be executed."""
    at, folder = deep(tmp_path, component, 4095 - 2 - len(component))
    name = b"t" * (4095 - len(folder) - 1)
    try:
        fd = os.open(name, os.O_WRONLY | os.O_CREAT, 0o755, dir_fd=at)
        with open(desk.programs.path("talk"), "rb") as f, os.fdopen(fd, "wb") as to:
            to.write(f.read())
    finally:
        os.close(at)
    try:
        remembers(desk, closing, folder + b"/" + name)
    finally:
        subprocess.run(["rm", "-rf", tmp_path / os.fsdecode(component)], check=True)  # deeper than Python's own goes


@pytest.mark.rungs("gate")  # /proc and the file system are two looks; where they differ the path is told as foreign, and asked about
def test_a_name_that_changes_all_the_time(full, desk, tmp_path):
    """The path that is told was the file's name at some moment; never a mixture, and never nothing for life."""
    desk.daemon.write_config({"log_every_connection": True})
    desk.daemon.reload_and_wait()
    short, long = str(tmp_path / "aaaaaaaa"), str(tmp_path / ("b" * 90))
    shutil.copy(desk.programs.path("talk"), short)
    fd, port = os.open(short, os.O_RDONLY), next(UDP_PORTS)
    for path in (short, long):
        desk.rule(f"deny {path}")
    renaming = threading.Event()

    def rename():
        while not renaming.is_set():
            os.rename(short, long)
            os.rename(long, short)

    thread = threading.Thread(target=rename)
    thread.start()
    count = 1000 if full else 60
    try:
        for _ in range(count):
            desk.start(f"/proc/self/fd/{fd}", "tcp", Network.PEER4, port, pass_fds=[fd], stdin=subprocess.DEVNULL).finish()
    finally:
        renaming.set()
        thread.join()
        os.close(fd)
        desk.daemon.write_config({})
        desk.daemon.reload()
    until(lambda: len([d for d in desk.watcher.decisions() if d["remote_port"] == port]) >= count, "a decision for each")
    told = [d for d in desk.watcher.decisions() if d["remote_port"] == port]
    assert len(told) == count and {d["path"] for d in told} <= {short, long}
    assert {d["verdict"] for d in told} == {"deny"}
