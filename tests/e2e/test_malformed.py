# SPDX-License-Identifier: GPL-3.0-or-later
"""Input of every wrong kind, on the socket and in the files: a clear message with its place, nothing lost, no crash, memory bounded.

        tray ─▶ bastion-daemon ◀─ strangers       rules.json, config.json ─▶ bastion-daemon

What a test ends with is the same each time: a client of good faith is served, and the rules are what they were.
"""

import contextlib
import json
import os
import re
import subprocess

import pytest

from harness import sockets
from harness.clients import OldClient, Subscriber
from harness.net import Network
from harness.wait import until

pytestmark = pytest.mark.gate_only  # nothing here depends on it
KEPT = {"/usr/bin/kept:443": True, f"{sockets.PYTHON}:*": True}
LINE_MAX = 64 << 10


def resident_kib(d):
    with open(f"/proc/{d.pid}/status", encoding="ascii") as f:
        return int(re.search(r"VmRSS:\s*(\d+)", f.read())[1])


@pytest.fixture
def served(old_client, network, tcp):
    """served(daemon) → the rules that a client of good faith is told of, after a connection was decided by them."""

    def check(d):
        assert sockets.tcp(network.fw, Network.PEER4, tcp.port, seconds=60) == 0
        client = old_client(d).settle()
        rules = client.of_type("rules_list")[-1]["rules"]
        client.close()
        return rules

    return check


@pytest.fixture
def d(daemon):
    return daemon({"default_action": "allow"}, rules=KEPT)


# ---- the socket ----------------------------------------------------------------------------------------------------

OLD_STYLE = (
    {"type": "gui_response"}, {"type": "gui_response", "request_id": 7, "allow": True}, {"type": "gui_response", "request_id": "q1"},
    {"type": "gui_response", "request_id": "q1", "allow": "yes"}, {"type": "gui_response", "request_id": "x" * 60000, "allow": True},
    {"type": "gui_response", "request_id": "q1", "allow": True, "duration": "forever"},
    {"type": "add_rule"}, {"type": "add_rule", "app_path": "/x", "app_name": "x", "port": 65536, "allow": True, "all_ports": False},
    {"type": "add_rule", "app_path": "/x", "app_name": "x", "port": -1, "allow": True, "all_ports": False},
    {"type": "add_rule", "app_path": "/x", "app_name": "x", "port": 1.5, "allow": True, "all_ports": False},
    {"type": "add_rule", "app_path": "/x", "app_name": "x", "port": "443", "allow": True, "all_ports": False},
    {"type": "add_rule", "app_path": "/x", "app_name": "x", "port": 1 << 80, "allow": True, "all_ports": False},
    {"type": "add_rule", "app_path": ["/x"], "app_name": "x", "port": 1, "allow": True, "all_ports": False},
    {"type": "add_rule", "app_path": "/x", "app_name": "x", "port": 1, "allow": None, "all_ports": False},
    {"type": "add_rule", "app_path": "relative", "app_name": "", "port": 1, "allow": True, "all_ports": False},
    {"type": "add_rule", "app_path": "unknown", "app_name": "unknown", "port": 1, "allow": True, "all_ports": False, "dest_ip": "nowhere"},
    {"type": "delete_rule"}, {"type": "delete_rule", "key": 1}, {"type": "delete_rule", "key": {"a": []}},
    {"type": "clear_cache"}, {"type": "clear_cache", "cache_key": ""}, {"type": "clear_cache", "cache_key": "/x:99999"},
    {"type": "cancel_popup"}, {"type": ""}, {"type": None}, {"type": 7}, {"type": "connection_request"}, {},
)
TEXTS = (
    b"", b"{", b"}", b"[]", b"null", b"7", b'"text"', b"{}", b'{"type":}', b"\xff\xfe", b'{"type":"list_rules\xc3"}', b"\x00", b'{"type":"\x00"}',
    b'{"type":"\\ud800"}', b'{"type":"list_rules","type":"list_rules"}', b"{" * 60000, b"[" * 60000, b'{"a":' * 10000, b'{"type":"hello"} x',
    b'{"type":"add_rule","app_path":' + b"[" * 30000 + b"]" * 30000 + b"}", b"GET / HTTP/1.1", b"\xef\xbb\xbf{}",
)


def test_wrong_old_style_lines_are_ignored_and_counted(d, served, old_client):
    stranger = old_client(d).settle()
    for message in OLD_STYLE:
        stranger.send(message)
    for text in TEXTS:
        stranger.send_bytes(text + b"\n")
    rules = stranger.settle().of_type("rules_list")[-1]["rules"]
    assert rules == KEPT, "none of it became a rule, and the connection is still served"
    assert served(d) == KEPT


def test_wrong_new_style_lines_get_an_error_each(d, served, closing):
    client = closing(Subscriber(d.socket_path))
    wrong = (
        ("no_such", {}), ("subscribe", {}), ("subscribe", {"events": "decisions"}), ("subscribe", {"events": ["nonsense"]}),
        ("answer", {}), ("answer", {"question": 1, "allow": True}), ("answer", {"question": "q1", "allow": True, "lifetime": "x"}),
        ("rule_add", {}), ("rule_add", {"sentence": 7}), ("rule_add", {"sentence": "allow"}), ("rule_add", {"sentence": "allow /x " * 2000}),
        ("rule_add", {"rule": {}}), ("rule_add", {"rule": {"action": "allow", "program": "/x", "unknown_restriction": 1}}),
        ("rule_add", {"rule": {"action": "allow", "ports": list(range(1, 100))}}), ("rule_add", {"rule": {"action": "allow", "ports": [0]}}),
        ("rule_delete", {}), ("rule_delete", {"rule": ["x"]}), ("mode", {"mode": "x"}), ("mode", {"mode": 1}),
        ("mode", {"mode": "learning", "try_seconds": 0}), ("mode", {"mode": "learning", "try_seconds": 86401}),
        ("decisions", {"limit": 0}), ("decisions", {"limit": "all"}), ("gui_response", {}), ("add_rule", {"app_path": 5}),
    )
    for kind, fields in wrong:
        answer = client.request(kind, **fields)
        assert answer["type"] == "error" and answer["message"], (kind, fields, answer)
    assert served(d) == KEPT


@pytest.mark.parametrize("size", (LINE_MAX + 40000, 1 << 20, 8 << 20))
def test_an_endless_line_ends_its_client_only(size, d, served, old_client):
    good = old_client(d).settle()
    before = resident_kib(d)
    stranger = OldClient(d.socket_path)
    with contextlib.suppress(OSError):
        for _ in range(size >> 12):
            stranger.send_bytes(b'{"a": "' + b"x" * 4089)
    stranger.wait_closed()
    stranger.close()
    assert resident_kib(d) < before + 1024
    assert "line of more than" in d.output()
    good.settle()
    assert served(d) == KEPT


def test_the_longest_line_is_served(d, old_client):
    client = old_client(d)
    message = json.dumps({"type": "list_rules", "padding": ""})
    padding = "x" * (LINE_MAX - len(message))
    client.send({"type": "list_rules", "padding": padding})
    client.wait("rules_list")


def test_a_client_that_never_reads_is_let_go(d, served, closing, old_client):
    import socket  # pylint: disable=import-outside-toplevel
    d.write_rules({**KEPT, **{f"/usr/bin/program-with-a-rather-long-name-{n}:443": True for n in range(3000)}})
    d.reload_and_wait()
    before = resident_kib(d)
    s = closing(socket.socket(socket.AF_UNIX))
    s.connect(d.socket_path)
    s.settimeout(20)
    with pytest.raises(OSError):
        for _ in range(2000):
            s.sendall(b'{"type":"list_rules"}\n')
    until(lambda: "does not read what it asked for" in d.output(), "its end")
    assert resident_kib(d) < before + 16384, "4 MiB of unread output, no more"
    assert len(served(d)) == 3002


def test_many_lines_in_one_piece_and_a_line_in_single_bytes(d, old_client):
    client = old_client(d)
    client.send_bytes(b'{"type":"list_rules"}\n' * 500)
    until(lambda: len(client.of_type("rules_list")) == 500, "500 answers")
    for byte in b'{"type":"delete_rule","key":"\\u002fno:1"}\n':
        client.send_bytes(bytes((byte,)))
    assert client.wait("rule_deleted") == {"type": "rule_deleted", "key": "/no:1", "success": False}


# ---- rules.json ----------------------------------------------------------------------------------------------------

MISTAKES = (
    # text, line:column (0: not asked for), a word of the explanation
    ("", "1:1", ""), ("\n\n", "3:", ""), ("{", "1:", ""), ("[]", "1:1", "object"), ("nonsense", "1:", ""),
    ('{\n"a:1": true,\n"/b:2": tru\n}', "3:", ""), ('{"/b:2": true,}', "1:", ""), ('{"/b:2": true} {}', "1:", ""),
    ('{\n "/usr/bin/x:80": "yes"\n}', "2:19", "true or false"), ('{\n "/usr/bin/x:80": 1\n}', "2:19", "true or false"),
    ('{\n "/usr/bin/x:80": null\n}', "2:19", "true or false"), ('{\n\n  "/usr/bin/x:99999": true}', "3:", "port"),
    ('{"/usr/bin/x:-1": true}', "1:", "port"), ('{"/usr/bin/x:http": true}', "1:", "port"),
    ('{"version": 2,\n "rules": {}}', "2:11", "list"), ('{"version": 2, "rules": [7]}', "1:", "object"),
    ('{"version": 2, "rules": [\n{"id": "r1", "action": "permit"}]}', "2:", "action"),
    ('{"version": 2, "rules": [\n{"id": "r1", "action": "allow", "ports": [70000]}]}', "2:", "ports"),
    ('{"version": 2, "rules": [\n{"id": "r1", "action": "allow",\n "only_on_mondays": true}]}', "3:", "only_on_mondays"),
    ('{"version": 99, "rules": []}', "1:", "version"), ('{"/a:1": true, "/a:1": false}', "1:", "duplicate"),
    ("\ufeff{}", "1:1", "byte order mark"), ('{"/a:1": true,\n"\\ud800:1": true}', "2:", ""), ("{" + '"a":{' * 5000, "1:", ""),
)


@pytest.mark.parametrize("number", range(len(MISTAKES)))
def test_a_mistake_in_rules_is_named_with_its_place(number, daemon, network):
    text, place, words = MISTAKES[number]
    d = daemon(rules=text, start=False)
    done = network.fw.run(*d.argv("--check"))
    assert done.returncode == 2, f"{text[:60]!r} was taken: {done.stdout}"
    assert re.search(rf"rules\.json:{place}\d*.*", done.stderr) and words in done.stderr, done.stderr
    assert len(done.stderr) < 2000


def test_mistakes_on_reload_lose_nothing(d, served, old_client):
    person = old_client(d).settle()
    for text, place, _ in MISTAKES:
        n = len(person.of_type("notification"))
        d.write_rules(text)
        d.reload_and_wait()
        until(lambda n=n: len(person.of_type("notification")) > n, "the notification")
        assert f"rules.json:{place}" in person.of_type("notification")[-1]["message"]
        assert person.settle().of_type("rules_list")[-1]["rules"] == KEPT
    assert served(d) == KEPT


def test_bytes_that_are_no_text(d, served):
    path = d.path("etc", "rules.json")
    for data in (b"\x00" * 100, b'{"/a\xff:1": true}', b'{"/a:1": true}\x00', os.urandom(4096), b"\x1f\x8b" + os.urandom(100)):
        with open(path, "wb") as f:
            f.write(data)
        d.reload_and_wait()
        assert served(d) == KEPT
    assert d.output().isprintable() or "\x1b" not in d.output()


class Replaced:
    """What may stand in a file's place."""

    @staticmethod
    def symlink(path, away):
        os.rename(path, away)
        os.symlink(away, path)

    @staticmethod
    def fifo(path, away):
        os.rename(path, away)
        os.mkfifo(path)

    @staticmethod
    def directory(path, away):
        os.rename(path, away)
        os.mkdir(path)

    @staticmethod
    def device(path, away):
        os.rename(path, away)
        os.mknod(path, 0o020644, os.makedev(1, 5))  # /dev/zero

    @staticmethod
    def dangling(path, away):
        os.rename(path, away)
        os.symlink("/nonexistent/nowhere", path)

    @staticmethod
    def huge(path, away):
        os.rename(path, away)
        with open(path, "wb") as f:
            f.truncate(1 << 40)


KINDS = {"symlink": "symbolic link", "fifo": "no regular file", "directory": "no regular file", "device": "no regular file",
         "dangling": "symbolic link", "huge": "too large"}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ("rules.json", "config.json"))
def test_something_else_in_a_files_place(kind, name, d, served, cli):
    path, away = d.path("etc", name), d.path("etc", name + ".away")
    before = resident_kib(d)
    getattr(Replaced, kind)(path, away)
    d.reload_and_wait()
    assert f"{name}: cannot read it: it is {KINDS[kind]}" in d.output().replace("a symbolic", "symbolic").replace("is symbolic", "is symbolic")
    assert served(d) == KEPT
    assert resident_kib(d) < before + 2048
    # Nor is it written to, or written over.
    was = os.lstat(path)
    if name == "rules.json":
        done = subprocess.run(cli(d).argv("rules", "add", "deny /usr/bin/x"), capture_output=True, text=True, check=False)
    else:
        done = subprocess.run(cli(d).argv("mode", "enforcement"), capture_output=True, text=True, check=False)
    assert done.returncode != 0, done.stdout
    now = os.lstat(path)
    assert (was.st_ino, was.st_mode, was.st_size) == (now.st_ino, now.st_mode, now.st_size)
    with open(away, encoding="utf-8") as f:
        assert "/usr/bin/x" not in f.read()
    d.restart()
    if name == "rules.json":
        assert served(d) == {**KEPT, "/usr/bin/x:*": False}, "the last good copy has what was added too"
    if os.path.isdir(path) and not os.path.islink(path):
        os.rmdir(path)
    os.replace(away, path)
    d.reload_and_wait()
    assert "/usr/bin/kept:443" in served(d)


def test_a_file_of_somebody_elses_is_read_all_the_same(d, served):
    """Whatever its modes say: the daemon keeps CAP_DAC_READ_SEARCH."""
    path = d.path("etc", "rules.json")
    d.write_rules({**KEPT, "/usr/bin/more:1": True})
    os.chmod(path, 0)
    os.chown(path, 65534, 65534)
    d.reload_and_wait()
    assert served(d) == {**KEPT, "/usr/bin/more:1": True}


def test_rules_taken_away_stay_away(d, served):
    """No file is no mistake; and an old copy does not bring back what somebody removed."""
    os.unlink(d.path("etc", "rules.json"))
    d.reload_and_wait()
    assert served(d) == {}
    d.write_rules("{")
    d.restart()
    assert served(d) == {}


def test_many_rules_and_one_too_many(daemon, network, full):
    """200,000 are read; the next is an error with its line, not a file cut short."""
    d = daemon(start=False)
    count = 200000 if full else 50000
    lines = [f'"/usr/bin/p{n}:443": true' for n in range(count)]
    d.write_rules("{\n" + ",\n".join(lines) + "\n}")
    assert network.fw.run(*d.argv("--check"), timeout=120).returncode == 0
    if full:
        d.write_rules("{\n" + ",\n".join(lines + ['"/one/more:1": true']) + "\n}")
        done = network.fw.run(*d.argv("--check"), timeout=120)
        assert done.returncode == 2 and "200000" in done.stderr, done.stderr


# ---- config.json ---------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("text, place", (
    ("", "1:1"), ("{", "1:"), ("[]", "1:1"), ('{"mode": "learning",\n "timeout_seconds": 30,\n}', "3:"), ("\ufeff{}", "1:1"),
    ('{"mode": "learning", "mode": "learning"}', "1:"), ('{"mode": "learning"}\n\n x', "3:"), ('{"a":' * 3000, "1:")))
def test_a_mistake_in_the_configuration_is_named_with_its_place(text, place, d, served, network):
    with open(d.path("etc", "config.json"), "w", encoding="utf-8") as f:
        f.write(text)
    d.reload_and_wait()
    assert f"config.json:{place}" in d.output()
    assert network.fw.run(*d.argv("--check")).returncode == 2
    assert served(d) == KEPT
