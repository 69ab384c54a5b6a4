# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules that come from elsewhere and go elsewhere: a folder of OpenSnitch's, a rules.json of the older implementation, our own sentences.

     fw ┌────────────────────────┐   veth   ┌────────────────────┐ peer
        │ bastion-daemon         ├──────────┤ TCP 8080           │
        │ visit (a real program) │          └────────────────────┘
        └────────────────────────┘
"""

import json
import os
import pty
import select
import stat
import subprocess

import pytest

from harness.net import Network
from harness.programs import Running
from harness.wait import PATIENCE, until

pytestmark = pytest.mark.either_rung


def condition(operand, data, kind="simple", **more):
    return {"type": kind, "operand": operand, "data": data, "sensitive": False, "list": None, **more}


def both(*conditions):
    return {"type": "list", "operand": "list", "data": "", "sensitive": False, "list": list(conditions)}


@pytest.fixture
def snitch(tmp_path):
    """snitch(NAME={…}, …) → a folder with these rules in it, one a file, as OpenSnitch writes them."""
    def write(rules):
        folder = tmp_path / "rules"
        folder.mkdir()
        for name, rule in rules.items():
            text = rule if isinstance(rule, str) else json.dumps({
                "created": "2024-05-01T10:00:00+02:00", "updated": "2024-05-01T10:00:00+02:00", "name": name, "description": "", "enabled": True,
                "precedence": False, "nolog": False, "action": "allow", "duration": "always", **rule}, indent=2)
            (folder / f"{name}.json").write_text(text, encoding="utf-8")
        return str(folder)
    return write


@pytest.fixture
def connects(network, closing, tcp):
    def ask(path, address=Network.PEER4):
        return closing(Running(network.fw, path, "tcp", address, str(tcp.port))).finish()[0] == 0
    return ask


def states(out):
    return sorted((os.path.basename(line["file"]), line["state"]) for line in map(json.loads, out.splitlines()))


def sentences(text):
    """Without the heading, which has a date."""
    return [line for line in text.splitlines() if not line.startswith("#")]


def test_opensnitchs_rules_decide_here(daemon, cli, snitch, connects, programs, tcp):
    plain, blocked, first, unsaid = (programs.visitor(name) for name in ("plain", "blocked", "first", "unsaid"))
    d = daemon(config={"timeout_seconds": 1, "default_action": "deny"}, rules={"/bin/conflict:*": True, "/bin/there:443": False})
    folder = snitch({
        "allow-plain": {"operator": both(condition("process.path", plain), condition("dest.port", f"^({tcp.port}|443)$", "regexp"))},
        "allow-blocked": {"operator": condition("process.path", blocked)},
        # There the denial wins, although here the rule about a program is the more specific.
        "deny-network": {"action": "reject", "operator": both(condition("dest.network", f"{Network.PEER4}/24", "network"),
                                                              condition("dest.port", str(tcp.port)))},
        # But not over what has precedence and comes before it.
        "000-first": {"precedence": True, "operator": condition("process.path", f"^{first}$", "regexp")},
        "off": {"enabled": False, "action": "deny", "operator": condition("process.path", first)},
        "unsaid": {"operator": both(condition("process.path", unsaid), condition("process.command", f"{unsaid} tcp"))},
        "blocklist": {"action": "deny", "operator": condition("lists.domains", "/etc/lists", "lists")},
        "session": {"duration": "until restart", "operator": condition("process.path", unsaid)},
        "conflict": {"action": "deny", "operator": condition("process.path", "/bin/conflict")},
        "there": {"action": "deny", "operator": both(condition("process.path", "/bin/there"), condition("dest.port", "443"))},
        "broken": '{"name": ',
    })
    (open(os.path.join(folder, "README"), "w", encoding="utf-8")).close()
    assert not connects(plain) and not connects(first)
    before = d.rules()
    page = cli(d)("import", "opensnitch", folder, "--dry-run", expect=5)
    assert d.rules() == before
    for words in ("New: 5\n", "There already: 1\n", "stays: 1\n", "Cannot be added: 4\n", "blocklist.json: lists.domains: the list is another file",
                  'deny always: lists.domains lists "/etc/lists"', "session.json: duration", "broken.json: 1:", "is not added; there is /bin/conflict:*",
                  "1 of those that cannot be added denies", "without regard to case"):
        assert words in page, page
    expected = [("000-first", "new"), ("allow-blocked", "new"), ("allow-plain", "new"), ("blocklist", "refused"), ("broken", "refused"),
                ("conflict", "conflict"), ("deny-network", "new"), ("off", "new"), ("session", "refused"), ("there", "there"), ("unsaid", "refused")]
    assert states(cli(d)("import", "opensnitch", folder, "--yes", "--json", expect=5)) == [(f"{name}.json", state) for name, state in expected]
    assert connects(first), cli(d)("rules")
    assert not connects(plain) and not connects(blocked) and not connects(unsaid)
    denial, = (rule for rule in cli(d).json("rules")["rules"] if rule.get("note") == "from OpenSnitch: deny-network")
    assert cli(d).json("why", blocked, f"{Network.PEER4}:{tcp.port}")["why"]["rule"] == denial["id"] and denial["priority"] == 1
    # Without the denial the others are what they were.
    cli(d)("rules", "delete", denial["id"])
    assert connects(plain) and connects(blocked) and not connects(unsaid)
    d.stop()
    d.start()
    assert connects(plain) and connects(first)


def test_the_same_again_is_there_already(daemon, cli, snitch):
    d = daemon()
    folder = snitch({"a": {"operator": condition("process.path", "/bin/a")}, "b": {"operator": condition("process.path", "/bin/a")}})
    assert "1 rule added." in cli(d)("import", "opensnitch", folder, "--yes")
    before = d.rules()
    page = cli(d)("import", "opensnitch", folder, "--yes")
    assert "There already: 2" in page and d.rules() == before
    # One file of the folder is an import too.
    assert "There already: 1" in cli(d)("import", "opensnitch", os.path.join(folder, "b.json"), "--yes")


def test_nothing_happens_without_a_yes(daemon, cli, snitch, network):
    d = daemon()
    folder = snitch({"a": {"operator": condition("process.path", "/bin/a")}})
    cli(d)("import", "opensnitch", folder, expect=2)
    for answer, status, n in ((b"\n", 1, 0), (b"no\n", 1, 0), (b"y\n", 0, 1)):
        ours, theirs = pty.openpty()
        process = cli(d).popen("import", "opensnitch", folder, stdin=theirs, stdout=theirs, stderr=theirs)
        os.close(theirs)
        said = b""
        while b"[y/N]" not in said:
            assert select.select([ours], [], [], PATIENCE)[0], said
            said += os.read(ours, 4096)
        os.write(ours, answer)
        try:
            while os.read(ours, 4096):
                pass
        except OSError:
            pass  # the terminal's other end is closed
        assert process.wait(PATIENCE) == status
        os.close(ours)
        assert sum(rule["origin"] != "factory" for rule in cli(d).json("rules")["rules"]) == n


def test_wrong_input_adds_nothing(daemon, cli, snitch, tmp_path):
    d = daemon()
    empty = tmp_path / "empty"
    empty.mkdir()
    (tmp_path / "wrong.json").write_text('{\n  "/bin/a:1": true,\n  "/bin/a:99999": true\n}\n', encoding="utf-8")
    (tmp_path / "wrong.rules").write_text("allow /bin/a\nallow /bin/b prot 1\n", encoding="utf-8")
    os.mkfifo(tmp_path / "pipe.json")
    for words in (("opensnitch", str(empty)), ("opensnitch", "/no/such"), ("opensnitch", str(tmp_path / "pipe.json")), ("flat", "/no/such"),
                  ("flat", str(tmp_path / "wrong.json")), ("sentences", str(tmp_path / "wrong.rules")), ("ufw", "/etc/ufw")):
        cli(d)("import", *words, "--yes", expect=2)
    assert d.rules() == {}
    d.stop()
    cli(d)("import", "opensnitch", snitch({"a": {"operator": condition("true", "")}}), "--yes", expect=3)
    cli(d)("export", expect=3)


def test_a_file_of_the_older_implementation(daemon, cli, connects, programs, tcp, tmp_path):
    here, there = programs.visitor("here"), programs.visitor("there")
    old = {"applications": {}, "services": {}, f"{here}:{tcp.port}": True, f"{there}:*": False, "@name:ping:*": True, "@dest:192.0.2.1:80:*": True,
           "unknown:53": False}
    path = tmp_path / "old.json"
    path.write_text(json.dumps(old), encoding="utf-8")
    d = daemon(config={"timeout_seconds": 1})
    assert "5 rules added." in cli(d)("import", "flat", str(path), "--yes")
    assert connects(here) and not connects(there)
    assert d.rules() == old
    path.write_text(json.dumps({**old, "extra": 1}), encoding="utf-8")
    assert 'the key "extra" means nothing' in cli(d)("import", "flat", str(path), "--dry-run", expect=5)


def test_an_import_that_was_interrupted_goes_on(daemon, cli, tmp_path):
    old = {"applications": {}, "services": {}, **{f"/opt/{i}:443": i % 2 == 0 for i in range(1500)}}
    path = tmp_path / "old.json"
    path.write_text(json.dumps(old), encoding="utf-8")
    d = daemon()
    process = cli(d).popen("import", "flat", str(path), "--yes", stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    until(lambda: len(d.rules()) > 100, "rules on disk")
    d.kill()
    said = process.communicate(timeout=PATIENCE)[0]
    assert process.returncode == 3 and "of 1500 rules were added; the same import again goes on" in said, said
    d.start()
    assert len(d.rules()) < len(old)
    cli(d)("import", "flat", str(path), "--yes")
    assert d.rules() == old


RULES = {"/usr/bin/curl:443": True, "/opt/a b/play:*": False, "@name:ping:*": True, "@dest:192.0.2.1:80:*": True, "version": 2, "rules": [
    {"id": "mine", "action": "ask", "program": "/bin/sh", "note": "two\nlines \"quoted\"", "priority": 5},
    {"id": "r7", "action": "deny", "hosts": [".example.com", "localhost"], "ports": [80, "8000-8999"], "protocol": "TCP"},
    {"id": "r9", "action": "allow", "programs": ["/opt/*/bin/**", "/usr/bin/wget"], "enabled": False, "uid": 1000},
    {"id": "r12", "action": "deny", "subject": "kernel", "network": "10.0.0.0/8", "interfaces": ["wg*"]}]}


def test_export_and_import_are_inverse(daemon, cli, tmp_path):
    d = daemon(rules=RULES)
    path, again = str(tmp_path / "kept.rules"), str(tmp_path / "again.rules")
    cli(d)("rules", "add", "deny /bin/never for session")
    cli(d)("export", path)
    first = open(path, encoding="utf-8").read()
    assert first.startswith("# Bastion Firewall ") and "8 rules" in first.splitlines()[0]
    assert sentences(first) == sentences(cli(d)("export")) and "/bin/never" not in first and "loopback" not in first
    assert "\nmine: ask /bin/sh priority 5 note " in first and "r7" not in first
    assert "\nallow anyone to loopback priority -1000" in cli(d)("export", "--all")
    kept = cli(d)("export", "--json")
    for rule in [r["id"] for r in cli(d).json("rules")["rules"] if r["origin"] in ("flat", "list")]:
        cli(d)("rules", "delete", rule)
    assert not sentences(cli(d)("export"))
    assert "8 rules added." in cli(d)("import", "sentences", path, "--yes")
    # A name is a place in a file, which the daemon's list is not.
    assert sentences(cli(d)("export")) == [line.removeprefix("mine: ") for line in sentences(first)]
    cli(d)("export", again)
    assert "There already: 8" in cli(d)("import", "sentences", again, "--yes")
    # The other form, which keeps all.
    assert {key: value for key, value in json.loads(kept).items() if key != "rules"} == \
        {key: value for key, value in {**RULES, "applications": {}, "services": {}}.items() if key != "rules"}
    assert [rule["id"] for rule in json.loads(kept)["rules"]] == ["mine", "r7", "r9", "r12"]
    (tmp_path / "kept.json").write_text(kept, encoding="utf-8")
    assert "There already: 8" in cli(d)("import", "flat", str(tmp_path / "kept.json"), "--yes")


def test_a_file_is_written_safely(daemon, cli, tmp_path):
    d = daemon(rules=RULES)
    path, link, victim = tmp_path / "out", tmp_path / "link", tmp_path / "victim"
    old = os.umask(0)
    try:
        cli(d)("export", str(path))
    finally:
        os.umask(old)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    cli(d)("export", str(path), expect=1)
    cli(d)("export", "--json", str(path), "--force")
    assert json.loads(path.read_text(encoding="utf-8"))["version"] == 2 and stat.S_IMODE(path.stat().st_mode) == 0o600
    victim.write_text("mine", encoding="utf-8")
    link.symlink_to(victim)
    cli(d)("export", str(link), expect=1)
    cli(d)("export", str(link), "--force", expect=1)
    assert victim.read_text(encoding="utf-8") == "mine" and link.is_symlink()
    link.unlink()
    link.symlink_to(tmp_path / "nothing-yet")
    cli(d)("export", str(link), expect=1)
    assert not (tmp_path / "nothing-yet").exists()
    cli(d)("export", "/no/such/folder/x", expect=1)
    cli(d)("export", "--json", "--sentences", expect=2)
    assert sorted(name.name for name in tmp_path.iterdir() if name.name.startswith("out")) == ["out"]
    with open("/dev/full", "w", encoding="utf-8") as full:
        assert subprocess.run(cli(d).argv("export"), stdout=full, stderr=subprocess.DEVNULL, check=False).returncode == 1


def test_what_ends_ends_here_too(daemon, cli, tmp_path):
    d = daemon()
    for rule in ("allow /bin/a until reboot", "allow /bin/b until 2099-01-31T12:00:00Z", "allow /bin/c for session"):
        cli(d)("rules", "add", rule)
    text = cli(d)("export")
    assert text.count("# not for always: allow /bin/") == 2 and not sentences(text) and "/bin/c" not in text
    path = tmp_path / "kept.json"
    cli(d)("export", "--json", str(path))
    kept = json.loads(path.read_text(encoding="utf-8"))
    assert "There already: 2" in cli(d)("import", "flat", str(path), "--yes")
    for rule in kept["rules"]:
        cli(d)("rules", "delete", rule["id"])
    assert "2 rules added." in cli(d)("import", "flat", str(path), "--yes")
    assert text.splitlines()[1:] == cli(d)("export").splitlines()[1:]
    # Another end is another rule; and what has ended is told.
    for rule in kept["rules"]:
        if "/bin/b" in rule.values():
            rule["until"] = "2098-01-31T12:00:00Z"
    kept["rules"].append({"action": "allow", "program": "/bin/d", "lifetime": "until", "until": "2020-01-31T12:00:00Z"})
    path.write_text(json.dumps(kept), encoding="utf-8")
    page = cli(d)("import", "flat", str(path), "--yes", expect=5)
    assert "There already: 1" in page and "is not added; there is r" in page and "1 rule whose time is over" in page, page


def test_what_stands_in_rules_d_is_there(daemon, cli, tmp_path):
    d = daemon(start=False)
    os.mkdir(d.path("etc", "rules.d"))
    with open(d.path("etc", "rules.d", "mine.rules"), "w", encoding="utf-8") as f:
        f.write("deny /bin/c priority 3\n")
    d.start()
    assert "deny /bin/c" not in cli(d)("export") and "\ndeny /bin/c priority 3\n" in cli(d)("export", "--all")
    (tmp_path / "c.rules").write_text("deny /bin/c priority 3\n", encoding="utf-8")
    assert "There already: 1" in cli(d)("import", "sentences", str(tmp_path / "c.rules"), "--yes")
