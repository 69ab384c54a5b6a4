# SPDX-License-Identifier: GPL-3.0-or-later
"""The administrator's rules, rules.d/NAME.rules: sentences that Bastion reads and never writes.

     fw ┌────────────────────────┐   veth   ┌────────────────────┐ peer
        │ bastion-daemon         ├──────────┤ TCP 8080           │
        │ visit (a real program) │          └────────────────────┘
        └────────────────────────┘

Tests marked gate_only are about files, which know no rungs.
"""

import errno
import os
import socket
import subprocess

import pytest

from harness.daemon import DATA
from harness.net import Network
from harness.programs import Running
from harness.sockets import PYTHON
from harness.wait import until


class Folder:
    """rules.d of a daemon, as an administrator's editor fills it."""

    def __init__(self, d):
        self.directory = d.path("etc", "rules.d")
        os.makedirs(self.directory, exist_ok=True)

    def path(self, name):
        return os.path.join(self.directory, name)

    def write(self, name, *lines, mode=0o644):
        with open(self.path(name), "w", encoding="utf-8") as f:
            f.write("".join(line + "\n" for line in lines))
        os.chmod(self.path(name), mode)


@pytest.fixture
def begun(daemon):
    """begun({name: [lines]}, …) → (a running daemon, its folder)."""
    def begin(files, start=True, **kw):
        d = daemon(start=False, config={"popup_enabled": False}, **kw)
        folder = Folder(d)
        for name, lines in files.items():
            folder.write(name, *lines)
        return (d.start() if start else d), folder
    return begin


@pytest.fixture
def ids(cli):
    """The rules of files and rules.json in force: {id: sentence}."""
    return lambda d: {r["id"]: r["sentence"] for r in cli(d).json("rules")["rules"] if r["origin"] != "factory"}


@pytest.fixture
def visit(network, closing, tcp):
    """visit(path) → its exit code: 0 when it was let through."""
    return lambda path: closing(Running(network.fw, path, "tcp", Network.PEER4, str(tcp.port))).finish()[0]


def problems(cli, d):
    return cli(d).json("status")["status"]["problems"]


def test_they_decide_in_one_order_with_the_others(begun, cli, ids, programs, visit):
    a, b, c = (programs.visitor(name) for name in ("one", "two", "three"))
    d, folder = begun({"10-work.rules": ["# mine", f"allow {a}", f"wide: allow {b}"], "20.rules": [f"deny {c} port 8080"], "README": ["no rules"]},
                      rules={f"{b}:8080": False, f"{c}:*": True})
    assert ids(d) == {"10-work.rules:2": f"allow {a}", "10-work.rules:wide": f"allow {b}", "20.rules:1": f"deny {c} port 8080",
                      f"{b}:8080": f"deny {b} port 8080", f"{c}:*": f"allow {c}"}
    assert [visit(p) == 0 for p in (a, b, c)] == [True, False, False]
    assert "file" in next(line for line in cli(d)("rules").splitlines() if "10-work.rules:2" in line)
    assert "20.rules:1" in cli(d)("why", c, f"{Network.PEER4}:8080")
    # Nothing of it reaches rules.json, whatever is saved there.
    cli(d)("rules", "add", "deny /bin/none")
    assert set(d.rules()) == {"applications", "services", f"{b}:8080", f"{c}:*", "/bin/none:*"}
    # A later file takes the place of an earlier one's rule; both folders and rules.json are read again at once.
    folder.write("15.rules", f"deny {a}")
    d.write_rules({f"{b}:8080": True})
    d.reload_and_wait()
    assert "10-work.rules:2" not in ids(d) and ids(d)["15.rules:1"] == f"deny {a}"
    assert [visit(p) == 0 for p in (a, b, c)] == [False, True, False]
    os.unlink(folder.path("15.rules"))
    d.reload_and_wait()
    assert visit(a) == 0


def test_a_live_flow_ends_by_a_line(begun, network, tcp):
    d, folder = begun({"a.rules": [f"allow {PYTHON}"]})
    with network.fw.socket(socket.AF_INET, socket.SOCK_STREAM) as flow:
        flow.settimeout(20)
        flow.connect((Network.PEER4, tcp.port))
        folder.write("a.rules", f"deny {PYTHON}")
        d.reload()
        with pytest.raises(OSError) as ended:
            flow.recv(1)
    assert ended.value.errno in (errno.ECONNRESET, errno.ECONNABORTED)


@pytest.mark.gate_only
def test_a_mistake_keeps_the_files_last_good_rules(begun, cli, ids, subscriber):
    d, folder = begun({"a.rules": ["allow /bin/a"], "b.rules": ["allow /bin/b"]}, rules={"/bin/c:*": True})
    told = subscriber(d, "notifications")
    folder.write("a.rules", "allow /bin/a", "# ä", "allow /bin/x prot 80")
    folder.write("b.rules", "deny /bin/b")
    d.reload_and_wait()
    where = folder.path("a.rules") + ":3:14: "
    assert ids(d) == {"a.rules:1": "allow /bin/a", "b.rules:1": "deny /bin/b", "/bin/c:*": "allow /bin/c"}
    assert where in problems(cli, d) and "its last good rules stay in force" in problems(cli, d)
    assert where in told.wait("notification")["message"] and where in d.output()
    assert where in cli(d)("doctor", expect=1)
    # A rules.json with a mistake keeps the files from nothing, and the other way round.
    d.write_rules("{")
    folder.write("b.rules", "allow /bin/b port 1")
    d.reload_and_wait()
    assert ids(d) == {"a.rules:1": "allow /bin/a", "b.rules:1": "allow /bin/b port 1", "/bin/c:*": "allow /bin/c"}
    d.write_rules({"/bin/d:*": True})
    d.reload_and_wait()
    assert ids(d) == {"a.rules:1": "allow /bin/a", "b.rules:1": "allow /bin/b port 1", "/bin/d:*": "allow /bin/d"}
    folder.write("a.rules", "allow /bin/x port 80")
    d.reload_and_wait()
    assert ids(d)["a.rules:1"] == "allow /bin/x port 80" and not problems(cli, d)


@pytest.mark.gate_only
@pytest.mark.parametrize("end", ["stop", "kill"])
def test_a_start_with_a_mistake_takes_the_last_good_copy(begun, cli, ids, end):
    d, folder = begun({"a.rules": ["# one", "allow /bin/a"], "b.rules": ["allow /bin/b"]})
    until(lambda: os.path.exists(d.path("state", "rules.d.good")), "the copy")
    getattr(d, end)()
    folder.write("a.rules", "perhaps")
    folder.write("c.rules", "never anything")
    d.start()
    assert ids(d) == {"a.rules:2": "allow /bin/a", "b.rules:1": "allow /bin/b"}
    said = problems(cli, d)
    assert "a.rules:1:1: " in said and "its last good copy is in force" in said
    assert "c.rules:1:1: " in said and "its rules are left out" in said
    # And once more: the copy was not lost by being used.
    getattr(d, end)()
    d.start()
    assert "a.rules:2" in ids(d)
    # A file that is taken away takes its rules with it, mistake or not, and does not come back from a copy.
    os.unlink(folder.path("a.rules"))
    d.reload_and_wait()
    assert ids(d) == {"b.rules:1": "allow /bin/b"}
    d.stop()
    folder.write("a.rules", "perhaps")
    d.start()
    assert ids(d) == {"b.rules:1": "allow /bin/b"}
    assert oct(os.stat(d.path("state", "rules.d.good")).st_mode & 0o777) == "0o600"


@pytest.mark.gate_only
def test_a_damaged_copy_is_none(begun, ids, cli):
    d, folder = begun({"a.rules": ["perhaps"], "b.rules": ["allow /bin/b"]}, start=False)
    with open(d.path("state", "rules.d.good"), "w", encoding="utf-8") as f:
        f.write("a.rules 99\nallow /bin/a\n")
    d.start()
    assert ids(d) == {"b.rules:1": "allow /bin/b"}
    assert "it is damaged" in d.output() and "left out" in problems(cli, d)
    assert folder


@pytest.mark.gate_only
def test_nobody_changes_them_over_the_socket(begun, cli, ids, subscriber, old_client):
    d, folder = begun({"a.rules": ["", "allow /bin/a", "mail: allow /bin/b"]})
    client = subscriber(d)
    for rule, line in (("a.rules:2", 2), ("a.rules:mail", 3)):
        said = client.request("rule_delete", rule=rule)
        assert said["code"] == "not-permitted" and f"{folder.path('a.rules')}, line {line}" in said["message"], said
    old = old_client(d)
    old.send({"type": "delete_rule", "key": "a.rules:2"})
    assert old.wait("rule_deleted")["success"] is False
    # An equal rule of the user's own is a second one; deny decides, and it goes by itself.
    client.request("rule_add", sentence="deny /bin/a")
    assert set(ids(d)) == {"a.rules:2", "a.rules:mail", "/bin/a:*"}
    assert cli(d).json("why", "/bin/a", "192.0.2.1:80")["why"]["rule"] == "/bin/a:*"
    assert client.request("rule_delete", rule="/bin/a:*")["type"] == "reply"
    assert set(ids(d)) == {"a.rules:2", "a.rules:mail"}
    with open(folder.path("a.rules"), encoding="utf-8") as f:
        assert f.read() == "\nallow /bin/a\nmail: allow /bin/b\n"
    # What `why` offers to paste deletes no line of a file.
    client.request("rule_add", sentence="allow /bin/b port 25")
    folder.write("a.rules", "deny /bin/b port 25")
    d.reload_and_wait()
    assert "delete a.rules" not in cli(d)("why", "/bin/b", "192.0.2.1:25")


@pytest.mark.gate_only
def test_only_roots_own_files_count(begun, cli, ids, tmp_path):
    d, folder = begun({"good.rules": ["allow /bin/good"]}, start=False)
    folder.write("world.rules", "allow /bin/world", mode=0o666)
    folder.write("group.rules", "allow /bin/group", mode=0o664)
    os.chown(folder.path("group.rules"), 0, 1)
    folder.write("owner.rules", "allow /bin/owner")
    os.chown(folder.path("owner.rules"), 1, 0)
    (tmp_path / "elsewhere").write_text("allow /bin/link\n")
    os.symlink(tmp_path / "elsewhere", folder.path("link.rules"))
    os.mkfifo(folder.path("pipe.rules"))
    os.mkdir(folder.path("folder.rules"))
    folder.write("two words.rules", "allow /bin/words")
    folder.write(".hidden.rules", "allow /bin/hidden")
    d.start()
    assert ids(d) == {"good.rules:1": "allow /bin/good"}
    said = problems(cli, d)
    for name, words in (("world", "it must be root's"), ("group", "it must be root's"), ("owner", "it must be root's"), ("link", "symbolic link"),
                        ("pipe", "no regular file"), ("folder", "no regular file"), ("two words", "expected a name")):
        assert any(f"/{name}.rules: " in line and words in line for line in said.splitlines()), (name, said)
    assert "hidden" not in said
    # So must the folder be; what was read before stays in force.
    os.chmod(folder.directory, 0o777)
    d.reload_and_wait()
    assert ids(d) == {"good.rules:1": "allow /bin/good"} and "the last good rules of its files stay" in problems(cli, d)
    os.chmod(folder.directory, 0o755)
    os.rename(folder.directory, tmp_path / "moved")
    os.symlink(tmp_path / "moved", folder.directory)
    d.reload_and_wait()
    assert ids(d) == {"good.rules:1": "allow /bin/good"} and "symbolic link" in problems(cli, d)
    os.unlink(folder.directory)
    d.reload_and_wait()
    assert not ids(d) and not problems(cli, d)


@pytest.mark.gate_only
def test_too_many_and_too_large(begun, cli, ids):
    d, folder = begun({f"{i:03}.rules": [f"allow /bin/p{i}"] for i in range(257)}, start=False)
    d.start()
    assert len(ids(d)) == 256 and "256.rules:1" not in ids(d)
    assert "more than 256 files" in problems(cli, d)
    os.unlink(folder.path("000.rules"))
    with open(folder.path("001.rules"), "a", encoding="utf-8") as f:
        f.write(("#" * 1023 + "\n") * (16 << 10))
    d.reload_and_wait()
    assert len(ids(d)) == 256 and "001.rules: it is too large" in problems(cli, d) and "001.rules:1" in ids(d)


@pytest.mark.gate_only
def test_a_user_that_is_not_there_is_nobody(begun, cli):
    d, _ = begun({"a.rules": ["allow /bin/a user no-such-user-here"]})
    rule = next(r for r in cli(d).json("rules")["rules"] if r["id"] == "a.rules:1")
    assert rule["enabled"] is False


@pytest.mark.gate_only
def test_files_are_checked_and_tested_without_a_daemon(begun, build):
    d, folder = begun({"a.rules": ["allow /no/such/program"], "b.rules": ["deny /bin/sh"]}, start=False, rules={"/bin/true:*": True})

    def run(*argv, text=None):
        done = subprocess.run(argv, input=text, capture_output=True, text=True, check=False)
        return done.returncode, done.stdout + done.stderr

    daemon_check = (os.path.join(build, "src/daemon/bastion-daemon"), "--check", f"--etc={d.path('etc')}", f"--data={DATA}",
                    f"--log-dir={d.path('log')}")
    bastion = os.path.join(build, "src/cli/bastion")
    rules = d.path("etc", "rules.json")
    test = (bastion, "test", "-", f"--rules={rules}", f"--config={d.path('etc', 'config.json')}", f"--factory={DATA}/factory.rules")
    expectation = "expect deny /bin/sh to 192.0.2.1 port 80\nexpect allow /bin/true to 192.0.2.1 port 80\n"
    code, said = run(*daemon_check)
    assert code == 0 and folder.path("a.rules") + ": ok" in said, said
    assert run(*test, text=expectation) == (0, "2 expectations, 0 failed\n")
    code, said = run(*test[:3], f"--rules={folder.path('b.rules')}", *test[4:], text=expectation)
    assert code == 1 and ":2: expected allow" in said
    for path in (rules, folder.path("a.rules")):
        code, said = run(bastion, "check", path)
        assert code == 1 and "a.rules:1" in said and "there is no such program" in said, said
    folder.write("b.rules", "deny /bin/sh", "deny /bin/bash to nowhere")
    where = folder.path("b.rules") + ":2:19: "
    code, said = run(*daemon_check)
    assert code == 2 and where in said, said
    for argv in (test, (bastion, "check", rules), (bastion, "check", folder.path("b.rules"))):
        code, said = run(*argv, text="")
        assert code == 2 and where in said, said
    folder.write("b.rules")
    os.symlink(rules, folder.path("c.rules"))
    for argv in (daemon_check, test):
        code, said = run(*argv, text="")
        assert code == 2 and "c.rules: " in said, said


@pytest.mark.gate_only
def test_many_lines_load_in_time(begun, cli, network, closing, programs, tcp):
    """A list of 100,000 addresses, as people keep them."""
    path = programs.visitor("listed")
    lines = [f"deny anyone to 10.{i >> 16}.{i >> 8 & 255}.{i & 255}" for i in range(100000)]
    d, folder = begun({"blocklist.rules": lines, "own.rules": [f"allow {path}"]})
    assert cli(d).json("status")["status"]["rules"] > 100001
    d.reload_and_wait()
    assert closing(Running(network.fw, path, "tcp", Network.PEER4, str(tcp.port))).finish()[0] == 0
    # Twice as many are too many: that file's, and no other's.
    folder.write("more.rules", *(line.replace("to 10.", "to 11.") for line in lines))
    d.reload_and_wait()
    assert "more.rules: with its rules there would be more than 199000" in cli(d).json("status")["status"]["problems"]
    assert cli(d).json("status")["status"]["rules"] < 101000
    assert closing(Running(network.fw, path, "tcp", Network.PEER4, str(tcp.port))).finish()[0] == 0
