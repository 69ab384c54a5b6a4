# SPDX-License-Identifier: GPL-3.0-or-later
"""`bastion why` against a daemon with rules: what it says is what happens, and what it offers to paste turns the verdict.

     fw ┌────────────────────────┐   veth   ┌────────────────────┐ peer
        │ bastion-daemon         ├──────────┤ TCP 8080           │
        │ visit (a real program) │          └────────────────────┘
        └────────────────────────┘
"""

import os
import re
import shlex
import subprocess

import pytest

from harness.net import Network
from harness.programs import Running
from harness.wait import until

pytestmark = pytest.mark.either_rung


@pytest.fixture
def visit(network, closing, programs, tcp):
    """visit(path) → its exit code: 0 when it was let through."""
    def run(path):
        return closing(Running(network.fw, path, "tcp", Network.PEER4, str(tcp.port))).finish()[0]
    return run


@pytest.fixture
def pasted(cli):
    """Runs the commands of a page for one verdict, as a shell would."""
    def run(d, page, verdict):
        commands = re.search(rf"^To {verdict} it:\n((?:  .*\n)+)", page, re.MULTILINE)
        assert commands, page
        for line in commands.group(1).splitlines():
            words = shlex.split(line)
            assert words[0] == "bastion"
            cli(d)(*words[1:])
    return run


def test_what_is_offered_turns_the_verdict(daemon, cli, programs, tcp, visit, pasted):
    path = programs.visitor("turned")
    d = daemon(rules={f"{path}:*": False}, config={"popup_enabled": False})
    where = f"{Network.PEER4}:{tcp.port}"
    assert visit(path) != 0
    page = cli(d)("why", path, where)
    assert f"DENY: a rule says so, rule {path}:*" in page
    pasted(d, page, "allow")
    assert visit(path) == 0
    page = cli(d)("why", path, where, "tcp")
    assert "ALLOW: a rule says so" in page and "matches, but comes later: names no address" in page
    pasted(d, page, "deny")
    assert visit(path) != 0


def test_session_answers_and_disabled_factory_rules_are_in_force_or_not(daemon, cli):
    d = daemon()
    why = cli(d).json("why", "/bin/nobody", "127.0.0.1:80")["why"]
    assert (why["verdict"], why["rule"]) == ("allow", "factory:loopback")
    cli(d)("rules", "add", "deny /bin/nobody to 127.0.0.1 port 80 for session")
    why = cli(d).json("why", "/bin/nobody", "127.0.0.1:80")["why"]
    assert (why["verdict"], why["reason"]) == ("deny", "session")
    fates = {c["rule"]["id"]: c["fate"] for c in why["candidates"]}
    assert fates["factory:loopback"] == "loses" and fates["factory:lan"] == "scopes" and fates["factory:root"] == "uid", fates
    why = cli(d).json("why", "/bin/nobody", "127.0.0.1:80", "user", "root")["why"]
    assert {c["rule"]["id"]: c["fate"] for c in why["candidates"]}["factory:root"] == "disabled"
    assert why["uid"] == 0


def test_a_question_is_told_as_one_with_what_becomes_of_it(daemon, cli):
    d = daemon(config={"default_action": "deny"})
    page = cli(d)("why", "/bin/nobody", f"{Network.PEER4}:9")
    assert "ASK: no rule says anything about it" in page and "where nobody answers in time: deny" in page
    assert "To allow it:" in page and "To deny it:" in page
    cli(d)("mode", "learning")
    page = cli(d)("why", "/bin/nobody", f"{Network.PEER4}:9")
    assert "ALLOW: learning mode" in page and "bastion mode enforcement" in page


def test_the_last_decision_is_explained(daemon, cli, programs, tcp, visit):
    denied, allowed = programs.visitor("denied"), programs.visitor("allowed")
    d = daemon(rules={f"{denied}:*": False, f"{allowed}:*": True}, config={"log_every_connection": True})
    cli(d)("why", "--last", expect=1)
    assert visit(denied) != 0
    assert visit(allowed) == 0
    until(lambda: allowed in cli(d)("log", "--json"), "the decisions in the log")
    assert cli(d).json("why", "--last")["why"]["path"] == allowed
    why = cli(d).json("why", "--last", "denied")["why"]
    assert (why["path"], why["rule"], why["remote_port"]) == (denied, f"{denied}:*", tcp.port)
    assert cli(d).json("why", "--last", "*/denied")["why"]["path"] == denied
    cli(d)("why", "--last", "denied", "*/allowed", expect=1)
    page = cli(d)("why", "--last", "denied")
    assert "By the rules that are in force now:" in page and os.path.basename(denied) in page
    assert re.search(rf"^Started by .*{re.escape(os.readlink('/proc/self/exe'))} ", page, re.MULTILINE), page


def test_mistakes_are_underlined(daemon, cli):
    d = daemon()
    for words, said in ((("/bin/a", "10.0.0.0/8"), "expected one address"), (("/bin/a", "example.com:80"), "expected to ADDRESS besides the name"),
                        (("/bin/a", "10.0.0.1"), "expected port N"), (("/bin/a", "[::1"), "expected an address"),
                        (("/bin/a", "10.0.0.1:80", "user", "nobody-of-that-name"), "a user or group that this machine knows"),
                        (("no-such-command-here", "10.0.0.1:80"), "there is no command")):
        done = subprocess.run(cli(d).argv("why", *words), capture_output=True, text=True, check=False)
        assert done.returncode == 2 and said in done.stderr, (words, done.stderr)


def test_many_rules_do_not_stop_the_loop(daemon, cli):
    d = daemon(rules={"version": 2, "rules": [
        {"id": f"r{i}", "action": "deny", "program": "/bin/many", "network": f"10.{i >> 16}.{i >> 8 & 255}.{i & 255}", "ports": [1]}
        for i in range(100000)]})
    why = cli(d).json("why", "/bin/many", "10.1.0.7:1")["why"]
    assert (why["rule"], len(why["candidates"])) == ("r65543", 32)
    assert why["considered"] >= 100000
