# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules as people test and tidy them: `bastion test` says without a daemon what a daemon with the same files does, `bastion check`
what is wrong with rules that load.

     fw ┌────────────────────────┐   veth   ┌────────────────────┐ peer
        │ bastion-daemon         ├──────────┤ TCP 8080           │
        │ visit (a real program) │          └────────────────────┘
        └────────────────────────┘
"""

import json
import os
import subprocess

import pytest

from harness.daemon import DATA
from harness.net import Network
from harness.programs import Running

pytestmark = pytest.mark.either_rung


@pytest.fixture
def held(build):
    """held(d, text) → (exit code, output) of `bastion test` on the daemon's own files, without asking the daemon."""
    def run(d, text, *more):
        done = subprocess.run([os.path.join(build, "src/cli/bastion"), "test", "-", f"--rules={d.path('etc', 'rules.json')}",
                               f"--config={d.path('etc', 'config.json')}", f"--factory={DATA}/factory.rules", *more],
                              input=text, capture_output=True, text=True, check=False)
        return done.returncode, done.stdout + done.stderr
    return run


def test_the_daemon_does_what_the_test_says(daemon, held, network, closing, programs, tcp):
    allowed, denied, neither = (programs.visitor(name) for name in ("allowed", "denied", "neither"))
    d = daemon(rules={f"{allowed}:*": True, f"{denied}:*": False}, config={"timeout_seconds": 5, "default_action": "deny"})
    where = f"to {Network.PEER4} port {tcp.port} tcp user 0"
    code, said = held(d, f"expect allow {allowed} {where}\nexpect deny {denied} {where}\nexpect ask {neither} {where}\nexpect deny {neither} {where}\n")
    assert (code, said) == (0, "4 expectations, 0 failed\n")
    for path, verdict in ((allowed, True), (denied, False), (neither, False)):
        assert (closing(Running(network.fw, path, "tcp", Network.PEER4, str(tcp.port))).finish()[0] == 0) == verdict, path
    code, said = held(d, f"# wrong\nexpect deny {allowed} {where}\n")
    assert code == 1 and f":2: expected deny, would be allowed by rule {allowed}:*" in said, said


def test_no_daemon_is_needed(daemon, held):
    d = daemon(start=False, rules={"/bin/a:80": True})
    expectations = "expect allow /bin/a to 192.0.2.1 port 80\nexpect allow /bin/b to 127.0.0.1 port 80\n"
    assert held(d, expectations)[0] == 0
    # The last one is the factory's; without its switch it is gone.
    d.write_config({"allow_localhost": False})
    code, said = held(d, expectations)
    assert code == 1 and "would be asked about" in said
    d.write_config({"default_action": "allow", "allow_localhost": False, "popup_enabled": False})
    assert held(d, expectations)[0] == 0


def test_unreadable_input_is_told_apart(daemon, held):
    d = daemon(start=False, rules={"/bin/a:80": True})
    code, said = held(d, "expect allow /bin/a to 192.0.2.0/24 port 80\n")
    assert code == 2 and "^^^^" in said and "expected one address" in said
    d.write_rules('{\n  "/bin/a:80": 1\n}\n')
    code, said = held(d, "expect allow /bin/a to 192.0.2.1 port 80\n")
    assert code == 2 and "rules.json:2:" in said
    code, said = held(d, "", "--rules=/no/such/file")
    assert code == 2 and "cannot read /no/such/file" in said


def findings(out):
    return [(f["finding"], f["rule"], f["other"]) for f in map(json.loads, out.splitlines())]


def test_rules_of_daemon_and_file_are_checked(daemon, cli):
    d = daemon(rules={"/bin/sh:443": True, "/no/such/program:*": False, "extra": 1, "version": 2, "rules": [
        {"id": "r1", "action": "deny", "program": "/bin/sh", "priority": 5},
        {"id": "r2", "action": "allow", "program": "/bin/sh", "protocol": "ICMP", "ports": [80]}]})
    expected = [("shadowed", "/bin/sh:443", "r1"), ("no-file", "/no/such/program:*", None), ("never", "r2", None)]
    assert sorted(findings(cli(d)("check", "--json", expect=1))) == sorted(expected)
    path = d.path("etc", "rules.json")
    assert sorted(findings(cli(d)("check", path, "--json", expect=1)), key=str) == \
        sorted(expected + [("unknown-key", None, None)], key=str)
    page = cli(d)("check", path, expect=1)
    assert "unknown key: extra" in page and "never decides: before it comes r1" in page and "4 findings" in page
    # Answers for a session are the daemon's alone; they overrule for a while what is on disk.
    cli(d)("rules", "delete", "/no/such/program:*")
    for rule in ("r1", "r2"):
        cli(d)("rules", "delete", rule)
    cli(d)("check")
    cli(d)("rules", "add", "deny /bin/sh port 443 for session")
    assert findings(cli(d)("check", "--json", expect=1)) == [("overruled", "/bin/sh:443", "s1")]
    cli(d)("mode", "learning")
    assert "without effect" in cli(d)("check", expect=1)


def test_a_bad_file_is_no_finding(daemon, cli):
    d = daemon(rules='{"version": 2, "rules": [\n {"action": "perhaps"}]}', start=False)
    cli(d)("check", d.path("etc", "rules.json"), expect=2)
    cli(d)("check", "/no/such/file", expect=2)
    cli(d)("check", expect=3)


def test_many_rules_are_checked_in_seconds(daemon, cli):
    d = daemon(start=False, rules={"version": 2, "rules": [
        {"id": f"r{i}", "action": "deny", "program": "/bin/sh", "network": f"10.{i >> 16}.{i >> 8 & 255}.{i & 255}", "ports": [1]}
        for i in range(100000)] + [{"id": "wide", "action": "allow", "program": "/bin/sh", "protocol": "TCP", "priority": -5},
                                   {"id": "hidden", "action": "deny", "program": "/bin/sh", "protocol": "TCP", "priority": -6}]})
    assert findings(cli(d)("check", d.path("etc", "rules.json"), "--json", expect=1, timeout=30)) == [("shadowed", "hidden", "wide")]


def test_a_rule_is_switched_off_and_on_again(daemon, cli, closing, network, programs, tcp):
    """A flat entry becomes one of the list, over a restart too, and a flat entry again; and it can be undone."""
    path = programs.visitor("switched")
    d = daemon(rules={f"{path}:*": True}, config={"popup_enabled": False, "default_action": "deny"})

    def gets_through():
        return closing(Running(network.fw, path, "tcp", Network.PEER4, str(tcp.port))).finish()[0] == 0

    assert gets_through()
    cli(d)("rules", "disable", f"{path}:*")
    assert not gets_through()
    d.restart()
    assert not gets_through()

    def told():
        return next(r for r in cli(d).json("rules")["rules"] if r.get("program") == path)

    assert (told()["enabled"], told()["origin"], "changed" in told()) == (False, "list", True)
    cli(d)("rules", "enable", told()["id"])
    assert gets_through() and told()["id"] == f"{path}:*"
    cli(d)("rules", "undo")
    assert not gets_through() and not told()["enabled"]
    cli(d)("rules", "undo")
    assert gets_through() and told()["origin"] == "flat"
    for what, said in ((("disable", "factory:loopback"), "factory rule"), (("disable", "nobody"), "no rule of this id"), (("enable",), "which rule?")):
        done = subprocess.run(cli(d).argv("rules", *what), capture_output=True, text=True, check=False)
        assert done.returncode != 0 and said in done.stderr, done.stderr
