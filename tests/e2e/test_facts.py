# SPDX-License-Identifier: GPL-3.0-or-later
"""What is told of a program beside its path, and is true: where its ancestors' executables lie, its arguments, its cgroup.

      ancestor ─▶ ancestor ─▶ parent ─▶ program ──▶ a question, which names them all"""

import os
import shutil
import struct

import pytest

from harness import maps
from harness.net import Network
from harness.programs import Running
from harness.wait import until

ARGUMENTS, ANCESTORS, CGROUP = 1, 2, 4  # enum subject_fact
PATHS_IN_ALL = 2048  # LIMIT_ANCESTOR_PATHS
SH = os.path.realpath("/bin/sh")
WHERE = f"tcp {Network.PEER4} 8080"


SPEAKS_OF_ANCESTORS = "deny /nonexistent/program ancestor /nonexistent/ancestor"


def path_of(pid):
    """What the process runs, if that is on the disk, as /proc says."""
    path = os.readlink(f"/proc/{pid}/exe")
    return path if os.path.exists(path) and os.path.samefile(path, f"/proc/{pid}/exe") else None


def may_be_asked(pid):
    """Not so for a container's first process, which may be protected from everybody."""
    try:
        os.readlink(f"/proc/{pid}/exe")
        return True
    except PermissionError:
        return False


def parent_of(pid):
    with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as f:
        return int(f.read().rpartition(") ")[2].split()[1])


def question_of(desk, path):
    return desk.watcher.wait("question", lambda q: q["path"] == path)


def run(desk, closing, *argv):
    """With a rule in force that speaks of ancestors: otherwise only the parent's path is read."""
    desk.rule(SPEAKS_OF_ANCESTORS)
    return closing(Running(desk.fw, *argv, stdin=-1))


def deny(desk, question):
    """For the session: the end of a shorter answer would be a change of rules, in the middle of another test."""
    desk.answer(question, False, lifetime="session")


def test_a_shell_and_all_above_it(desk, closing):
    path = desk.asked("below-sh")
    shell = run(desk, closing, "sh", "-c", f"{path} {WHERE}; true")
    question = question_of(desk, path)
    parents = question["parents"]
    assert (parents[0]["pid"], parents[0]["path"]) == (shell.pid, SH)
    for parent in filter(lambda p: may_be_asked(p["pid"]), parents):
        assert parent["path"] == path_of(parent["pid"])
    child = question["pid"]
    for parent in parents:
        assert parent["pid"] == parent_of(child)
        child = parent["pid"]
    deny(desk, question)


@pytest.mark.rungs("gate")
def test_without_such_rules_only_the_parents_path_is_read(desk, closing):
    path, rule = desk.asked("nobody-asks"), desk.rule(SPEAKS_OF_ANCESTORS)
    assert desk.watcher.request("rule_delete", rule=rule["id"])["type"] == "reply"
    shell = closing(Running(desk.fw, "sh", "-c", f"sh -c '{path} {WHERE}; true'; true", stdin=-1))
    question = question_of(desk, path)
    parents = question["parents"]
    assert parents[0]["path"] == SH and parents[1]["pid"] == shell.pid
    assert [p["path"] for p in parents[1:]] == [None] * (len(parents) - 1)
    assert parents[1]["program"] == os.path.basename(SH)
    deny(desk, question)


def test_an_orphan_has_another_parent(desk, closing):
    """Who started it has gone; whoever took it over is its parent now."""
    path = desk.asked("orphan")
    script = f"(until ! kill -0 $$; do :; done; exec {path} {WHERE}) 2>/dev/null & exit"
    gone = run(desk, closing, "setsid", "sh", "-c", script)
    gone.process.wait(20)
    question = question_of(desk, path)
    parent = question["parents"][0]
    assert gone.pid not in [p["pid"] for p in question["parents"]]
    assert parent["pid"] == parent_of(question["pid"])
    assert not may_be_asked(parent["pid"]) or parent["path"] == path_of(parent["pid"])
    deny(desk, question)


def test_a_parent_that_runs_something_else_by_now(desk, closing):
    path, sleep = desk.asked("left-behind"), os.path.realpath(shutil.which("sleep"))
    script = f"(until [ /proc/$$/exe -ef {sleep} ]; do :; done; exec {path} {WHERE}) & exec {sleep} 60"
    parent = run(desk, closing, "sh", "-c", script)
    question = question_of(desk, path)
    assert (question["parents"][0]["pid"], question["parents"][0]["path"]) == (parent.pid, sleep)
    deny(desk, question)


def test_a_parent_whose_file_is_gone(desk, closing, tmp_path):
    path, shell = desk.asked("fatherless"), str(tmp_path / "shell")
    shutil.copy(SH, shell)
    parent = run(desk, closing, shell, "-c", f"rm {shell}; {path} {WHERE}; true")
    question = question_of(desk, path)
    first, second = question["parents"][:2]
    assert (first["pid"], first["program"], first["path"]) == (parent.pid, "shell", None)
    assert second["path"] == path_of(os.getpid())
    deny(desk, question)


def test_a_parent_that_poses_as_a_program_of_the_host(desk, closing, tmp_path):
    """In a mount namespace of its own something lies at the path of the host's file. What lies there unchanged is no other."""
    path, host, fake = desk.asked("deceived"), str(tmp_path / "host"), str(tmp_path / "fake")
    shutil.copy(SH, host)
    shutil.copy(SH, fake)
    parent = run(desk, closing, "unshare", "--mount", "sh", "-c", f"mount --bind {fake} {host} && exec {host} -c '{path} {WHERE}; true'")
    question = question_of(desk, path)
    assert (question["parents"][0]["pid"], question["parents"][0]["path"]) == (parent.pid, None)
    deny(desk, question)


def test_a_parent_with_mounts_of_its_own(desk, closing):
    """As many services have them: it is the host's file all the same, and so is what is started above it."""
    path = desk.asked("in-private")
    script = f"sh -c '{path} {WHERE}; true'; true"
    outer = run(desk, closing, "unshare", "--mount", "sh", "-c", script)
    question = question_of(desk, path)
    first, second, third = question["parents"][:3]
    assert second["pid"] == outer.pid
    assert [first["path"], second["path"], third["path"]] == [SH, SH, path_of(os.getpid())]
    deny(desk, question)


def test_paths_that_do_not_fit(desk, closing, tmp_path):
    """The nearest ancestors' paths are kept, and those that still fit."""
    path, directory = desk.asked("long-line"), tmp_path
    while len(str(directory)) < PATHS_IN_ALL // 2 - 250:
        directory = directory / ("d" * 200)
    directory.mkdir(parents=True)
    shells = [shutil.copy(SH, directory / f"sh{i}") for i in range(4)]
    line = f"{path} {WHERE}; true"
    for shell in shells:
        (directory / f"{os.path.basename(shell)}.run").write_text(line)
        line = f"{shell} {shell}.run; true"
    run(desk, closing, "sh", "-c", line)
    question = question_of(desk, path)
    said = [p["path"] for p in question["parents"]]
    assert said[:3] == [str(shells[0]), str(shells[1]), None], said
    assert said[3:5] == [None, SH]
    deny(desk, question)


@pytest.mark.parametrize("name", ("a b", "n\newline", "\udcff", "gone (deleted)"))
def test_paths_of_ancestors_are_bytes(name, desk, closing, tmp_path):
    path, shell = desk.asked(f"odd-{len(name)}"), str(tmp_path / name)
    shutil.copy(SH, shell)
    run(desk, closing, shell, "-c", f"{path} {WHERE}; true")
    parent = question_of(desk, path)["parents"][0]
    escaped = parent.get("path_bytes")
    said = os.fsencode(parent["path"]) if escaped is None else escaped.encode().decode("unicode_escape").encode("latin-1")
    assert said == os.fsencode(shell)
    deny(desk, question_of(desk, path))


@pytest.mark.parametrize("kind", ("tcp", "udp-unconnected"))
@pytest.mark.parametrize("to", ("v4", "v6", "loopback-v4", "loopback-v6"))
def test_the_interface_that_a_packet_leaves_by(kind, to, desk, closing):
    path = desk.asked(f"leaves-{kind}-{to}")
    address = {"v4": Network.PEER4, "v6": Network.PEER6, "loopback-v4": "127.0.0.1", "loopback-v6": "::1"}[to]
    desk.rule(f"deny {path}")
    closing(desk.start(path, kind, address, 8080))
    name = "lo" if "loopback" in to else "uplink"
    index = int(desk.fw.ip("-o", "link", "show", name).partition(":")[0])
    decision = desk.watcher.wait("decision", lambda d: d["path"] == path)
    assert (decision["interface"], decision["protocol"].lower()) == (index, kind.partition("-")[0])


@pytest.fixture
def cgroup(closing):
    """The folder of a cgroup of our own, below the one that the tests run in; and its path as it is told."""
    with open("/proc/self/mountinfo", encoding="utf-8") as f:
        root = next((line.split(" ")[4] for line in f if " - cgroup2 " in line), None)
    if not root:
        pytest.skip("needs cgroup v2")
    with open("/proc/self/cgroup", encoding="utf-8") as f:
        own = next(line[3:].rstrip("\n") for line in f if line.startswith("0::"))
    path = os.path.join(own, f"bastion-facts-{os.getpid()}.service")
    folder = root + path
    os.mkdir(folder)

    class Folder:
        def close(self):
            until(lambda: not open(f"{folder}/cgroup.procs", encoding="utf-8").read(), "the cgroup is empty")
            os.rmdir(folder)

    closing(Folder())
    return folder, path


def ways_to_start(path, where, other_shell, folder):
    """{what is different: command line}"""
    return {
        0: ("sh", "-c", f"{path} {where} one; true"),
        ARGUMENTS: ("sh", "-c", f"{path} {where} two; true"),
        ANCESTORS: (other_shell, "-c", f"{path} {where} one; true"),
        CGROUP: ("sh", "-c", f"echo $$ >{folder}/cgroup.procs; {path} {where} one; true"),
    }


def test_processes_of_one_program_are_told_apart(network, daemon, subscriber, programs, closing, tcp, tmp_path, cgroup):
    path, other = programs.visitor("told-apart"), shutil.copy(SH, str(tmp_path / "other-sh"))
    folder, inside = cgroup
    d = daemon(rules={f"{path}:*": True}, config={"log_every_connection": True})
    watcher = subscriber(d, "decisions")
    told = {}
    for what, argv in ways_to_start(path, f"tcp {Network.PEER4} {tcp.port}", other, folder).items():
        shell = closing(Running(network.fw, *argv))
        shell.finish()
        said = watcher.wait("decision", lambda x, pid=shell.pid: x["parents"] and x["parents"][0]["pid"] == pid)
        told[what] = (said["arguments"][-1], said["parents"][0]["path"], said["cgroup"])
    own = told[0][2]
    assert told == {0: ("one", SH, own), ARGUMENTS: ("two", SH, own), ANCESTORS: ("one", other, own), CGROUP: ("one", SH, inside)}
    assert own != inside


@pytest.mark.rungs("gate")
def test_what_the_key_of_a_program_covers(network, daemon, cli, programs, closing, tcp, tmp_path, cgroup):
    """With every set of facts that rules may speak of: who differs in one of them has another key, and nobody else has."""
    path, other = programs.visitor("covered"), shutil.copy(SH, str(tmp_path / "other-sh"))
    d = daemon(rules={f"{path}:*": True})
    cli(d)("status")
    ways = ways_to_start(path, f"tcp {Network.PEER4} {tcp.port}", other, cgroup[0])

    def key_of(argv):
        before = maps.seen(d).keys()
        assert Running(network.fw, *argv).finish()[0] == 0
        after = maps.seen(d)
        (process,) = after.keys() - before
        assert after[process] != 0
        return after[process]

    plain = set()
    for facts in range((ARGUMENTS | ANCESTORS | CGROUP) + 1):
        maps.want(d, facts)
        keys = {what: key_of(argv) for what, argv in ways.items()}
        assert key_of(ways[0]) == keys[0]
        assert {what for what in ways if keys[what] != keys[0]} == {what for what in ways if what & facts}
        assert maps.wanted(d) == facts, "the daemon wrote its own word meanwhile"
        plain.add(keys[0])
    assert len(plain) == 8


@pytest.mark.rungs("gate")
def test_a_process_gets_another_key_when_rules_speak_of_more(network, daemon, cli, programs, closing, tcp):
    """Its key was made for the rules of before. Its next connection makes another; and the first again, when they are again as they were."""
    path = programs.copy("errands", "key-changes")
    d = daemon(rules={f"{path}:*": True})
    cli(d)("status")
    program = closing(Running(network.fw, path, stdin=-1))
    assert program.process.stdout.readline() == "ready\n"
    keys = []
    for facts in (0, ARGUMENTS, 0):
        maps.want(d, facts)
        print(f"stream TCP {Network.PEER4} {tcp.port} 1", file=program.process.stdin, flush=True)
        assert program.process.stdout.readline() == "0:1\n"
        (key,) = (key for process, key in maps.seen(d).items() if struct.unpack_from("QI", process)[1] == program.pid)
        keys.append(key)
    assert keys[0] == keys[2] != keys[1]
