# SPDX-License-Identifier: GPL-3.0-or-later
"""Every key of config.json, turned both ways, at start and by SIGHUP.

     fw ┌────────────────────────┐   veth   ┌────────────────────┐ peer
        │ bastion-daemon         ├──────────┤ TCP 8080, UDP 7007 │
        │ this process (python)  │          └────────────────────┘
        └────────────────────────┘
"""

import errno
import grp
import json
import os
import re
import subprocess
import sys

import pytest

from harness import sockets
from harness.net import Network
from harness.servers import TcpServer
from harness.wait import until

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
KEYS = {
    # key: a wrong value, and what the warning says was expected
    "mode": ("strict", '"learning" or "enforcement"'),
    "timeout_seconds": (4, "a whole number of seconds, 5..300"),
    "default_action": ("ask", '"allow" or "deny"'),
    "on_failure": (True, '"open" or "closed"'),
    "popup_enabled": ("yes", "true or false"),
    "notifications_enabled": (1, "true or false"),
    "allow_localhost": (None, "true or false"),
    "allow_lan": ([], "true or false"),
    "allow_root_bypass": ({}, "true or false"),
    "allow_systemd_bypass": (0, "true or false"),
    "cache_decisions": ("", "true or false"),
    "log_decisions": (1.5, "true or false"),
    "log_every_connection": ("no", "true or false"),
    "log_file": ("/etc/passwd", "a path under the log directory, without . or .. in it"),
    "deny_errno": ("EIO", '"ECONNREFUSED", "EPERM" or "ENETUNREACH"'),
    "inbound_protection": ("on", "true or false"),
}
both_ways = pytest.mark.parametrize("value", (True, False), ids=("true", "false"))


@pytest.fixture
def connect(network, tcp):
    """connect() → 0 or the errno that connect() gave."""
    return lambda address=Network.PEER4, port=tcp.port, **kw: sockets.tcp(network.fw, address, port, **kw)


@pytest.fixture
def start_asking(network, programs, tcp, closing):
    """A program that waits for an answer: (path, process)."""

    class Asking:
        def __init__(self, name):
            self.path = programs.visitor(name)
            self.process = network.fw.popen(self.path, "tcp", Network.PEER4, tcp.port)

        def close(self):
            self.process.kill()
            self.process.wait()

    return lambda name: closing(Asking(name))


def change(d, **config):
    """As an administrator does: edit, SIGHUP."""
    d.write_config(config)
    d.reload_and_wait()


def decided_alone(d):
    """DEFAULT lines of the log: what nobody and no rule decided."""
    return d.log().count("[DEFAULT:")


# ---- each key ------------------------------------------------------------------------------------------------------

def test_mode(daemon, connect):
    d = daemon({"mode": "learning"})
    assert connect() == 0
    change(d, mode="enforcement")
    assert connect() == errno.ECONNREFUSED
    change(d, mode="learning")
    assert connect() == 0


@pytest.mark.either_rung
def test_timeout_seconds(daemon, subscriber, start_asking):
    d = daemon({"timeout_seconds": 5})
    watcher = subscriber(d, "questions")
    short = start_asking("short")
    question = watcher.wait("question", lambda m: m["path"] == short.path)
    assert 0 < question["left_ms"] <= 5000
    change(d, timeout_seconds=300)
    patient = start_asking("patient")
    question = watcher.wait("question", lambda m: m["path"] == patient.path)
    assert 290000 < question["left_ms"] <= 300000
    assert [q["left_ms"] for q in watcher.request("questions")["questions"] if q["path"] == short.path] < [5000], "not prolonged"


@pytest.mark.parametrize("word, expected", (("allow", 0), ("deny", errno.ECONNREFUSED), ("prompt", errno.ECONNREFUSED)))
def test_default_action(word, expected, daemon, connect):
    """Nobody is there to ask."""
    d = daemon({"default_action": "allow" if expected else "deny"})
    change(d, default_action=word)
    assert connect() == expected


@pytest.mark.parametrize("mode, word, opens", (
    ("enforcement", "open", True), ("enforcement", "closed", False), ("enforcement", None, False),
    ("learning", "open", True), ("learning", "closed", False), ("learning", None, True)))
@pytest.mark.parametrize("by_reload", (False, True), ids=("start", "reload"))
def test_on_failure(mode, word, opens, by_reload, daemon, connect):
    """The daemon is killed; what is not decided passes or does not."""
    config = {"mode": mode, **({"on_failure": word} if word else {})}
    d = daemon({"mode": mode, "on_failure": "closed" if opens else "open"} if by_reload else config)
    if by_reload:
        change(d, **config)
    d.kill()
    assert (connect(seconds=20 if opens else 0.4) == 0) == opens


@both_ways
def test_popup_enabled(value, daemon, old_client, connect, start_asking):
    d = daemon({"popup_enabled": not value})
    person = old_client(d).settle()
    change(d, popup_enabled=value)
    if value:
        person.popup(start_asking("asked").path)
    else:
        assert connect() == errno.ECONNREFUSED, "default_action, at once"
        assert person.of_type("connection_request") == []


def test_popup_enabled_ends_what_was_asked(daemon, old_client, start_asking):
    d = daemon()
    person = old_client(d)
    asking = start_asking("asking")
    request = person.popup(asking.path)
    change(d, popup_enabled=False)
    assert asking.process.wait(30) == 1
    person.wait("cancel_popup", lambda m: m["request_id"] == request["request_id"])


@both_ways
def test_notifications_enabled(value, daemon, old_client):
    d = daemon({"notifications_enabled": not value})
    person = old_client(d).settle()
    change(d, notifications_enabled=value)
    d.write_rules("{")
    d.reload_and_wait()
    if value:
        assert "rules.json" in person.wait("notification")["message"]
    else:
        assert person.settle().of_type("notification") == []


@both_ways
@pytest.mark.parametrize("address", ("127.0.0.1", "::1"))
def test_allow_localhost(value, address, daemon, connect, network, closing):
    closing(TcpServer(network.fw, 8181))
    d = daemon({"allow_localhost": not value})
    change(d, allow_localhost=value)
    assert connect(address, 8181) == (0 if value else errno.ECONNREFUSED)


@both_ways
@pytest.mark.parametrize("address", (Network.PEER4, Network.PEER6))
def test_allow_lan(value, address, daemon, connect):
    """The peer's addresses are private ones."""
    d = daemon({"allow_lan": not value})
    change(d, allow_lan=value)
    assert connect(address) == (0 if value else errno.ECONNREFUSED)


@both_ways
def test_allow_root_bypass(value, daemon, connect, cli):
    """The tests run as root."""
    d = daemon({"allow_root_bypass": not value})
    change(d, allow_root_bypass=value)
    assert connect() == (0 if value else errno.ECONNREFUSED)
    status = cli(d).json("status")["status"]
    assert status["root_bypass"] is value
    assert (status["root_bypass_decisions"] > 0) == value, "a hole is counted"
    assert "allow_root_bypass" in cli(d)("doctor", expect=None) or not value


@both_ways
def test_allow_systemd_bypass(value, daemon, network, programs, tcp, cli):
    try:
        gid = grp.getgrnam("systemd-network").gr_gid
    except KeyError:
        pytest.skip("needs the group systemd-network")
    d = daemon({"allow_systemd_bypass": not value})
    change(d, allow_systemd_bypass=value)
    done = network.fw.run("setpriv", "--reuid=65534", f"--regid={gid}", "--clear-groups", "--", programs.visitor("networkd"), "tcp",
                          Network.PEER4, tcp.port)
    assert (done.returncode == 0) == value
    status = cli(d).json("status")["status"]
    assert status["systemd_bypass"] is value
    assert (status["systemd_bypass_decisions"] > 0) == value


@both_ways
def test_cache_decisions(value, daemon, old_client, start_asking):
    d = daemon({"cache_decisions": not value})
    person = old_client(d).settle()
    change(d, cache_decisions=value)
    first = start_asking("cached")
    person.answer(person.popup(first.path), True, duration="session")
    assert first.process.wait(30) == 0
    second = start_asking("cached")
    if value:
        assert second.process.wait(30) == 0
        assert len(person.popups(first.path)) == 1
    else:
        until(lambda: len(person.popups(first.path)) == 2, "the next connection asked anew")


def test_cache_decisions_switched_off_forgets(daemon, old_client, start_asking):
    d = daemon({"cache_decisions": True})
    person = old_client(d)
    first = start_asking("cached")
    person.answer(person.popup(first.path), True, duration="session")
    assert first.process.wait(30) == 0
    change(d, cache_decisions=False)
    start_asking("cached")
    until(lambda: len(person.popups(first.path)) == 2, "the session answer forgotten")


def test_log_decisions(daemon, connect):
    d = daemon({"log_decisions": False})
    connect()
    change(d, log_decisions=True)
    connect()
    until(lambda: decided_alone(d) == 1, lambda: f"one line, of the second connection: {d.log()}")
    change(d, log_decisions=False)
    connect()
    change(d, log_decisions=True)
    connect()
    until(lambda: decided_alone(d) == 2, lambda: f"two lines: {d.log()}")


@pytest.mark.gate_only
def test_log_every_connection(daemon, connect, subscriber):
    """True: a decision for each. False: the first is a decision, and what follows it is a sum."""
    d = daemon({"log_every_connection": True}, rules={f"{os.path.realpath(sys.executable)}:*": True})
    watcher = subscriber(d)
    for _ in range(3):
        assert connect() == 0
    until(lambda: len(watcher.decisions()) == 3, lambda: f"three decisions: {watcher.decisions()}")
    change(d, log_every_connection=False)
    for _ in range(5):
        assert connect() == 0
    assert watcher.request("status")["status"]["by_reason"]["rule"] == 8

    def single():
        return [x for x in watcher.decisions() if x["latency_us"] > 0]

    until(lambda: len(single()) >= 4, lambda: f"the fourth to be told, which may be after the status: {single()}")
    assert len(single()) == 4


def test_log_file(daemon, connect):
    d = daemon()
    connect()
    until(lambda: decided_alone(d) == 1, "a line in the first file")
    other = d.path("log", "other.log")
    change(d, log_file=other)
    connect()

    def lines():
        return open(other, encoding="utf-8").read().count("[DEFAULT:") if os.path.exists(other) else 0

    until(lambda: lines() == 1, "a line in the second file")
    assert decided_alone(d) == 1
    # logrotate: the file is renamed and the daemon told.
    os.rename(other, other + ".1")
    d.reload_and_wait()
    connect()
    until(lambda: lines() == 1, "a line in a new file of the same name")


@pytest.mark.either_rung
@pytest.mark.parametrize("bad", ("/etc/bastion-test.log", "{log}/../outside.log", "relative.log", "{log}"))
def test_log_file_stays_in_its_directory(bad, daemon, connect):
    d = daemon()
    bad = bad.format(log=d.path("log"))
    change(d, log_file=bad)
    assert "log_file: expected a path under the log directory" in d.output()
    connect()
    until(lambda: decided_alone(d) == 1, "the line in the last good file")
    assert bad == d.path("log") or not os.path.exists(bad)


ERRNOS = {
    # what an answer to a held packet can make of it (bastion.conf(5)): tcp4, tcp6, udp4, udp6
    "ECONNREFUSED": (errno.ECONNREFUSED,) * 4,
    "EPERM": (errno.EHOSTUNREACH, errno.EACCES, errno.EHOSTUNREACH, errno.EACCES),
    "ENETUNREACH": (errno.ENETUNREACH, errno.ENETUNREACH, errno.ENETUNREACH, errno.EACCES),
}


@pytest.mark.parametrize("word", ERRNOS)
@pytest.mark.parametrize("by_reload", (False, True), ids=("start", "reload"))
def test_deny_errno(word, by_reload, daemon, network, tcp, udp, sniffer):
    """The word itself where the kernel can say it, else what comes nearest; and in no case a wait."""
    d = daemon({"deny_errno": "EPERM" if word == "ECONNREFUSED" else "ECONNREFUSED"} if by_reload else {"deny_errno": word})
    if by_reload:
        change(d, deny_errno=word)
    tries = ((sockets.tcp, Network.PEER4, tcp.port), (sockets.tcp, Network.PEER6, tcp.port),
             (sockets.udp, Network.PEER4, udp.port), (sockets.udp, Network.PEER6, udp.port))
    for (kind, address, port), nearest in zip(tries, ERRNOS[word]):
        heard = kind(network.fw, address, port)
        assert heard in (nearest, getattr(errno, word)), f"{kind.__name__} {address}: {errno.errorcode.get(heard, heard)}"
    assert sniffer.seen(6, tcp.port) + sniffer.seen(17, udp.port) == []


@pytest.mark.either_rung
@both_ways
def test_inbound_protection_is_read_and_kept(value, daemon, network, cli):
    d = daemon({"inbound_protection": value})
    assert network.fw.run(*d.argv("--check")).returncode == 0
    cli(d)("mode", "learning")
    with open(d.path("etc", "config.json"), encoding="utf-8") as f:
        assert json.load(f)["inbound_protection"] is value


# ---- what holds for all of them ------------------------------------------------------------------------------------

def test_every_key_is_here_and_in_the_manual(daemon):
    """The daemon's own list is read from the copy of what is in force; it has every key but on_failure, whose default is none."""
    d = daemon({"on_failure": "open"})
    good = d.path("state", "config.json.good")
    until(lambda: os.path.exists(good), "a last good copy")
    with open(good, encoding="utf-8") as f:
        assert set(json.load(f)) == set(KEYS)
    with open(os.path.join(ROOT, "man", "bastion.conf.5"), encoding="utf-8") as f:
        assert set(re.findall(r"^\.It Li (\w+) No", f.read(), re.M)) == set(KEYS)


def line_of(path, key):
    with open(path, encoding="utf-8") as f:
        return next(n for n, line in enumerate(f, 1) if f'"{key}"' in line)


@pytest.mark.either_rung
def test_a_wrong_value_is_named_and_the_last_good_one_stays(daemon, network, connect):
    d = daemon({"default_action": "allow", "timeout_seconds": 77, "inbound_protection": False})
    path = d.path("etc", "config.json")
    for key, (wrong, expected) in KEYS.items():
        d.write_config({"default_action": "allow", "timeout_seconds": 77, key: wrong})
        d.reload_and_wait()
        warning = re.search(rf"config\.json:{line_of(path, key)}:(\d+): {key}: expected (.*)", d.output())
        assert warning and int(warning[1]) > 1 and warning[2].startswith(expected), f"{key}: {d.output()}"
        assert connect() == 0, f"{key}: the mode or default_action changed"
        checked = network.fw.run(*d.argv("--check"))
        assert checked.returncode == 2 and f"config.json:{line_of(path, key)}:" in checked.stderr, checked.stderr


@pytest.mark.either_rung
def test_a_wrong_mode_word_keeps_the_mode_over_a_restart(daemon, connect):
    """One mistake in the file must not let a machine fall back into learning, not now and not at the next boot."""
    d = daemon()
    assert connect() == errno.ECONNREFUSED
    change(d, mode="enforcment")
    assert connect() == errno.ECONNREFUSED
    d.restart()
    assert connect() == errno.ECONNREFUSED
    d.restart()
    assert connect() == errno.ECONNREFUSED, "the file with the mistake must not have become the last good one"


@pytest.mark.either_rung
def test_a_wrong_mode_word_during_a_try(daemon, connect, cli):
    """The try ends in the mode from before it."""
    d = daemon({"mode": "learning"})
    cli(d)("mode", "enforcement", "--try", "2")
    change(d, mode="?")
    until(lambda: connect() == 0, "learning again when the try is over")


def test_the_mode_of_the_command_line_is_the_last_good_one(daemon, connect, cli):
    d = daemon({"mode": "learning"})
    cli(d)("mode", "enforcement")
    d.stop()
    with open(d.path("etc", "config.json"), "w", encoding="utf-8") as f:
        f.write("{ ruined")
    d.start()
    assert connect() == errno.ECONNREFUSED


def test_unknown_keys_are_kept(daemon, cli):
    d = daemon({"favourite_colour": ["blue", {"or": None}]})
    cli(d)("mode", "learning")
    with open(d.path("etc", "config.json"), encoding="utf-8") as f:
        config = json.load(f)
    assert (config["favourite_colour"], config["mode"]) == (["blue", {"or": None}], "learning")


def test_reloads_lose_no_question(daemon, old_client, start_asking):
    d = daemon()
    person = old_client(d)
    asking = [start_asking(f"asking-{n}") for n in range(4)]
    requests = [person.popup(a.path) for a in asking]
    for n in range(12):
        d.write_config({"timeout_seconds": 30 + n, "deny_errno": ("EPERM", "ECONNREFUSED")[n % 2], "on_failure": ("open", "closed")[n % 2],
                        "allow_lan": False})
        d.reload_and_wait()
    assert person.of_type("cancel_popup") == []
    for a, request in zip(asking, requests):
        assert a.process.poll() is None
        person.answer(request, True)
        assert a.process.wait(30) == 0


@pytest.mark.either_rung
@pytest.mark.parametrize("environment, level", (
    ({}, "info"), ({"BASTION_LOG": "error"}, "error"), ({"RUST_LOG": "error"}, "error"),
    ({"BASTION_LOG": "info", "RUST_LOG": "error"}, "info"), ({"BASTION_LOG": "loud"}, "complains"), ({"RUST_LOG": "loud"}, "complains"),
    ({"BASTION_LOG": "error", "RUST_LOG": "loud"}, "error")))
def test_level_of_diagnostics(environment, level, daemon):
    """BASTION_LOG, and RUST_LOG where that is unset: people type `sudo RUST_LOG=debug bastion-daemon`."""
    d = daemon(environment=environment)
    d.stop()
    assert ("stopping" in d.output()) == (level != "error"), d.output()
    assert ("expected error, warn, info, debug or trace" in d.output()) == (level == "complains"), d.output()


def test_the_shipped_file_is_right(daemon, network):
    d = daemon(start=False)
    subprocess.run(["cp", os.path.join(ROOT, "data", "config.json"), d.path("etc", "config.json")], check=True)
    done = network.fw.run(*[a for a in d.argv("--check") if not a.startswith("--log-dir")])
    assert done.returncode == 0, done.stderr


def test_the_manuals_example_of_rules_is_right(daemon, network):
    with open(os.path.join(ROOT, "man", "bastion.conf.5"), encoding="utf-8") as f:
        example = re.search(r"\.Bd -literal -offset indent\n(\{.*?)\.Ed", f.read(), re.S)[1]
    d = daemon(rules=example, start=False)
    done = network.fw.run(*d.argv("--check"))
    assert done.returncode == 0, done.stderr
