# SPDX-License-Identifier: GPL-3.0-or-later
"""Who changed which rules, and taking it back: `bastion rules history` and `bastion rules undo`.

     fw ┌────────────────────────┐   veth   ┌────────────────────┐ peer
        │ bastion-daemon         ├──────────┤ TCP 8080           │
        │ visit (a real program) │          └────────────────────┘
        └────────────────────────┘

Files and the socket know no rungs: gate_only.
"""

import errno
import json
import os
import socket
import stat
import subprocess
import sys
import threading
import time

import pytest

from harness.net import Network
from harness.programs import Running
from harness.sockets import PYTHON
from harness.wait import until

pytestmark = pytest.mark.gate_only


@pytest.fixture
def changes(cli):
    """What the journal has, oldest first."""
    return lambda d: list(reversed(cli(d).jsonl("rules", "history", "--limit=1000")))


@pytest.fixture
def ids(cli):
    return lambda d: {r["id"]: r["sentence"] for r in cli(d).json("rules")["rules"] if r["origin"] in ("flat", "list")}


def counts(change):
    return change["added"], change["deleted"], change["replaced"]


def sentences(change):
    return [tuple(r[side]["sentence"] if side in r else None for side in ("before", "after")) for r in change["rules"]]


def listed(d):
    """The rules of the list on disk, by id."""
    return {r["id"]: r for r in d.rules().get("rules", [])}


def test_every_way_of_changing_a_rule_is_written_down(daemon, cli, changes, subscriber, old_client, programs, network, closing, tcp, build):
    path = programs.visitor("asked")
    d = daemon(rules={"/bin/before:*": True})
    assert changes(d) == [] and cli(d)("rules", "history") == ""
    cli(d)("rules", "add", "allow /bin/a port 80 note \"mine\"")
    client = subscriber(d, "questions")
    client.request("rule_add", rule={"action": "deny", "program": "/bin/b"})
    client.request("rule_add", sentence="allow /bin/b")
    client.request("rule_add", sentence="allow /bin/none for session")
    client.request("rule_delete", rule="/bin/before:*")
    client.request("rule_delete", rule="s1")
    program = closing(Running(network.fw, path, "tcp", Network.PEER4, str(tcp.port)))
    question = client.wait("question", lambda m: m["path"] == path)
    client.request("answer", question=question["question"], allow=True, lifetime="always")
    program.finish()
    old = old_client(d)
    old.send({"type": "add_rule", "app_path": "/bin/old", "app_name": "old", "port": 1, "allow": True, "all_ports": False, "dest_ip": ""})
    old.send({"type": "delete_rule", "key": "/bin/old:1"})
    old.wait("rule_deleted")
    d.write_rules({**d.rules(), "/bin/edited:*": False})
    d.reload()  # which comes after the save that an old client's message began
    until(lambda: len(changes(d)) == 8, "the edit to be read")
    seen = changes(d)
    assert [c["change"] for c in seen] == list(range(1, 9))
    assert [sentences(c) for c in seen] == [
        [(None, 'allow /bin/a port 80 note "mine"')], [(None, "deny /bin/b")], [("deny /bin/b", "allow /bin/b")], [("allow /bin/before", None)],
        [(None, f"allow {path} port {tcp.port}")], [(None, "allow /bin/old port 1")], [("allow /bin/old port 1", None)],
        [(None, "deny /bin/edited")]]
    assert all(c["by"] == "client" and c["uid"] == 0 for c in seen[:-1]) and seen[-1]["by"] == "file" and "uid" not in seen[-1]
    assert seen[0]["program"] == os.path.realpath(os.path.join(build, "src/cli/bastion"))
    assert all(c["program"] == os.path.realpath(sys.executable) and c["pid"] == os.getpid() for c in seen[1:-1])
    page = cli(d)("rules", "history", "--limit=2")
    assert page.count("\n") == 4 and "an edit of rules.json\n  + /bin/edited:*: deny /bin/edited\n7  " in page
    # Reading the same files again is no change, although a flat entry does not keep when it was made.
    d.reload_and_wait()
    assert len(changes(d)) == 8
    assert stat.S_IMODE(os.stat(d.path("state", "rules.journal")).st_mode) == 0o600
    # In pages, too.
    first = client.request("rules_history", limit=5)
    rest = client.request("rules_history", limit=5, before=first["older"])
    assert [c["change"] for c in first["changes"] + rest["changes"]] == list(range(8, 0, -1)) and "older" not in rest


def test_what_was_undone_is_as_it_was(daemon, cli, changes, ids):
    rules = {"version": 2, "/bin/flat:*": True, "rules": [
        {"id": "mine", "action": "deny", "program": "/bin/a", "ports": [1, 2], "note": "kept", "created": "2020-01-31T12:00:00Z"}]}
    d = daemon(rules=rules)
    before = ids(d)
    cli(d)("rules", "delete", "mine")
    assert json.loads(cli(d)("rules", "undo", "--json"))["undoes"] == 1
    assert ids(d) == before and listed(d)["mine"] == rules["rules"][0]
    # An added one goes, a replaced one comes back, and 'undo' takes the last that is not undone each time.
    cli(d)("rules", "add", "allow /bin/new")
    cli(d)("rules", "add", "deny /bin/flat")
    said = cli(d)("rules", "undo")
    assert "undoes 4" in said and "- /bin/flat:*: deny /bin/flat\n  + /bin/flat:*: allow /bin/flat\n" in said
    assert "undoes 3" in cli(d)("rules", "undo") and ids(d) == before
    assert d.rules()["/bin/flat:*"] is True and "/bin/new:*" not in d.rules()
    cli(d)("rules", "undo", expect=1)
    # An undoing can be undone, by its number, and what it undid stands again.
    cli(d)("rules", "undo", "6")
    assert "/bin/new:*" in ids(d) and "/bin/new:*" in d.rules()
    assert [(c["change"], c.get("undoes"), c.get("undone_by")) for c in changes(d)] == \
        [(1, None, 2), (2, 1, None), (3, None, None), (4, None, 5), (5, 4, None), (6, 3, 7), (7, 6, None)]
    cli(d)("rules", "undo")
    assert ids(d) == before
    for words, code in ((("99",), 1), (("1",), 1), (("0",), 2), (("x",), 2), (("1", "2"), 2)):
        cli(d)("rules", "undo", *words, expect=code)


def test_an_undoing_reaches_live_flows(daemon, cli, network, tcp):
    d = daemon()
    cli(d)("rules", "add", f"allow {PYTHON}")
    with network.fw.socket(socket.AF_INET, socket.SOCK_STREAM) as flow:
        flow.settimeout(20)
        flow.connect((Network.PEER4, tcp.port))
        cli(d)("rules", "add", f"deny {PYTHON} port {tcp.port}")
        with pytest.raises(OSError) as ended:
            flow.recv(1)
    assert ended.value.errno in (errno.ECONNRESET, errno.ECONNABORTED)
    cli(d)("rules", "undo")
    with network.fw.socket(socket.AF_INET, socket.SOCK_STREAM) as flow:
        flow.settimeout(20)
        flow.connect((Network.PEER4, tcp.port))
    # What is put back acts as well: the denial again.
    cli(d)("rules", "undo", "3")
    with network.fw.socket(socket.AF_INET, socket.SOCK_STREAM) as flow:
        flow.settimeout(20)
        with pytest.raises(OSError):
            flow.connect((Network.PEER4, tcp.port))


def test_a_rule_for_a_time_goes_on_where_it_was(daemon, cli, changes):
    d = daemon()
    cli(d)("rules", "add", "allow /bin/hour for 1 hour")
    cli(d)("rules", "add", "allow /bin/short for 2 seconds")
    added = time.monotonic()
    rules = {r["program"]: r for r in cli(d).json("rules")["rules"] if r["origin"] == "list"}
    for rule in rules.values():
        cli(d)("rules", "delete", rule["id"])
    d.restart()
    cli(d)("rules", "undo", "3")
    again = next(r for r in cli(d).json("rules")["rules"] if r["origin"] == "list")
    assert again["id"] == rules["/bin/hour"]["id"] and again["until"] == rules["/bin/hour"]["until"]
    time.sleep(max(0, 2.1 - (time.monotonic() - added)))  # what it waits for is a time, and nothing else shows it
    refused = subprocess.run(cli(d).argv("rules", "undo", "4"), capture_output=True, text=True, check=False)
    assert refused.returncode == 1 and f"the time of rule {rules['/bin/short']['id']}, which would come back, is over" in refused.stderr
    # The end of its time is nobody's change, and none when the files are read again, or after a restart.
    n = len(changes(d))
    cli(d)("rules", "add", "allow /bin/second for 1 second")
    until(lambda: all(r.get("program") != "/bin/second" for r in cli(d).json("rules")["rules"]), "its end")
    d.reload_and_wait()
    d.restart()
    assert len(changes(d)) == n + 1


def test_a_rule_that_was_changed_since_is_not_overwritten(daemon, cli, subscriber, ids, changes):
    d = daemon()
    client = subscriber(d)
    client.request("rule_add", sentence="allow /bin/a")   # 1
    client.request("rule_add", sentence="deny /bin/a")    # 2
    client.request("rule_add", sentence="allow /bin/b")   # 3
    client.request("rule_delete", rule="/bin/b:*")        # 4
    client.request("rule_add", sentence="deny /bin/b")    # 5
    before, n = ids(d), len(changes(d))
    for number, words in ((1, "rule /bin/a:* was changed since, by change 2"), (3, "rule /bin/b:* was changed since, by change 5"),
                          (4, "rule /bin/b:* was added again since, by change 5")):
        said = client.request("rules_undo", change=number)
        assert said["code"] == "conflict" and words in said["message"], said
    client.request("rule_delete", rule="/bin/a:*")        # 6
    assert "was deleted since, by change 6" in client.request("rules_undo", change=2)["message"]
    assert client.request("rules_undo", change=6)["type"] == "reply"
    said = client.request("rules_undo", change=6)
    assert said["code"] == "conflict" and "undone already, by change 7" in said["message"]
    assert client.request("rules_undo", change=50)["code"] == "not-found"
    assert ids(d) == before and len(changes(d)) == n + 2
    # Two rules that say the same would be one: the one that is there stays.
    d.write_rules({"version": 2, "rules": [{"id": "x", "action": "deny", "program": "/bin/c", "ports": [1, 2]}]})
    d.reload_and_wait()
    client.request("rule_delete", rule="x")
    other = client.request("rule_add", sentence="allow /bin/c port 1,2")["rule"]["id"]
    said = client.request("rules_undo", change=changes(d)[-2]["change"])
    assert said["code"] == "conflict" and f"rule {other} says the same" in said["message"], said


def test_an_edit_is_undone_whole_or_not_at_all(daemon, cli, changes, ids):
    first = {"/bin/a:*": True, "/bin/b:*": True, "version": 2, "rules": [
        {"id": "one", "action": "deny", "program": "/bin/x", "ports": [1, 2]}, {"id": "two", "action": "deny", "program": "/bin/y", "ports": [1, 2]}]}
    # Ids change places, a flat entry turns, one goes, one comes.
    second = {"/bin/a:*": False, "/bin/c:*": True, "version": 2, "rules": [
        {"id": "two", "action": "deny", "program": "/bin/x", "ports": [1, 2]}, {"id": "one", "action": "deny", "program": "/bin/y", "ports": [1, 2]}]}
    d = daemon(rules=first)
    before = ids(d)
    d.write_rules(second)
    d.reload_and_wait()
    assert counts(changes(d)[0]) == (1, 1, 3) and changes(d)[0]["by"] == "file"
    edited = ids(d)
    cli(d)("rules", "undo")
    assert ids(d) == before
    cli(d)("rules", "undo", "2")
    assert ids(d) == edited
    cli(d)("rules", "add", "allow /bin/a")
    cli(d)("rules", "undo", "1", expect=1)
    assert ids(d) == {**edited, "/bin/a:*": "allow /bin/a"}
    # An edit that nobody has told the daemon of yet comes in first, and is the last change.
    d.write_rules({"/bin/last:*": True})
    said = cli(d)("rules", "undo")
    assert "undoes 5" in said and ids(d) == {**edited, "/bin/a:*": "allow /bin/a"}
    assert "/bin/last:*" not in d.rules() and d.rules()["/bin/a:*"] is True


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_it_lasts_over_a_restart(daemon, cli, changes, ids, end):
    d = daemon(rules={"/bin/a:*": True})
    cli(d)("rules", "delete", "/bin/a:*")
    cli(d)("rules", "add", "allow /bin/b note \"n\"")
    seen = changes(d)
    getattr(d, end)()
    d.start()
    assert changes(d) == seen and len(seen) == 2
    assert "undoes 2" in cli(d)("rules", "undo") and "undoes 1" in cli(d)("rules", "undo")
    assert ids(d) == {"/bin/a:*": "allow /bin/a"} and d.rules()["/bin/a:*"] is True
    # What somebody edits while no daemon runs is an edit too.
    getattr(d, end)()
    d.write_rules({"/bin/a:*": False})
    d.start()
    assert changes(d)[-1]["by"] == "file" and sentences(changes(d)[-1]) == [("allow /bin/a", "deny /bin/a")]
    cli(d)("rules", "undo")
    assert ids(d) == {"/bin/a:*": "allow /bin/a"}
    getattr(d, end)()
    d.start()
    assert len(changes(d)) == 6


def test_a_damaged_journal_costs_what_is_damaged(daemon, cli, changes):
    d = daemon()
    for program in ("/bin/a", "/bin/b", "/bin/c"):
        cli(d)("rules", "add", f"allow {program}")
    d.stop()
    journal = d.path("state", "rules.journal")
    with open(journal, encoding="utf-8") as f:
        lines = f.read().splitlines(keepends=True)
    with open(journal, "w", encoding="utf-8") as f:
        f.write(lines[0] + "garbage\n" + lines[1] + lines[2][:-20])
    d.start()
    assert [c["change"] for c in changes(d)] == [1, 2]
    assert "1 lines cannot be read" in d.output() and "its last line was not finished" in d.output()
    cli(d)("rules", "undo", "1")
    with open(journal, encoding="utf-8") as f:
        assert [json.loads(line)["change"] for line in f] == [1, 2, 3]
    # What is no file is put aside, whatever it is.
    d.stop()
    os.unlink(journal)
    os.symlink("/etc/passwd", journal)
    d.start()
    assert changes(d) == [] and os.path.islink(d.path("state", "rules.journal.aside"))
    cli(d)("rules", "add", "allow /bin/d")
    assert len(changes(d)) == 1 and not os.path.islink(journal)


def test_a_journal_that_cannot_be_written_stops_nothing(daemon, cli, changes, subscriber):
    d = daemon()
    told = subscriber(d, "notifications")
    cli(d)("rules", "add", "allow /bin/a")
    journal = d.path("state", "rules.journal")
    os.rename(journal, journal + ".x")
    os.mkdir(journal)
    cli(d)("rules", "add", "allow /bin/b")
    assert "/bin/b:*" in d.rules()
    assert "rules.journal" in told.wait("notification")["message"]
    until(lambda: "rules.journal is not written" in cli(d).json("status")["status"]["problems"], "the problem to be told")
    os.rmdir(journal)
    cli(d)("rules", "add", "allow /bin/c")
    until(lambda: not cli(d).json("status")["status"]["problems"], "it to be written")
    with open(journal, encoding="utf-8") as f:
        assert [json.loads(line)["change"] for line in f] == [1, 2, 3]


def test_very_many_at_once_are_counted(daemon, cli, changes, ids):
    d = daemon(rules={"/bin/a:*": True})
    d.write_rules({f"/bin/p{i}:*": True for i in range(100000)})
    d.reload_and_wait()
    change = changes(d)[0]
    assert counts(change) == (100000, 1, 0) and "rules" not in change
    assert os.path.getsize(d.path("state", "rules.journal")) < 1000
    assert "too many to be kept" in cli(d)("rules", "history")
    cli(d)("rules", "undo", expect=1)
    # 1,000 can be.
    d.write_rules({f"/bin/q{i}:*": True for i in range(500)})
    d.reload_and_wait()
    before = ids(d)
    d.write_rules({f"/bin/q{i}:*": False for i in range(500)} | {f"/bin/r{i}:*": True for i in range(500)})
    d.reload_and_wait()
    assert counts(changes(d)[-1]) == (500, 0, 500) and len(changes(d)[-1]["rules"]) == 20
    cli(d)("rules", "undo")
    assert ids(d) == before and d.rules()["/bin/q0:*"] is True


def test_two_writers_lose_nothing(daemon, cli, subscriber, changes, ids):
    d = daemon()
    n, answers = 40, []

    def by_socket():
        client = subscriber(d)
        for i in range(n):
            answers.append(client.request("rule_add", sentence=f"allow /bin/socket{i}")["type"])

    writer = threading.Thread(target=by_socket)
    writer.start()
    for i in range(n):
        cli(d)("rules", "add", f"allow /bin/cli{i}")
    writer.join()
    d.write_rules({**d.rules(), "/bin/editor:*": True})  # and an editor, of whom nobody is told
    cli(d)("rules", "add", "allow /bin/last")
    expected = {f"/bin/{who}{i}:*" for who in ("socket", "cli") for i in range(n)} | {"/bin/last:*"}
    assert answers == ["reply"] * n
    assert expected | {"/bin/editor:*"} <= set(d.rules()) and expected | {"/bin/editor:*"} == set(ids(d))
    d.stop()
    d.start()
    made = {r["after"]["id"] for c in changes(d) for r in c["rules"] if c["by"] == "client"}
    assert made == expected
    assert {r["after"]["id"] for c in changes(d) if c["by"] == "file" for r in c["rules"]} == {"/bin/editor:*"}


def test_what_was_said_to_be_saved_is_in_the_journal_whenever_it_dies(daemon, subscriber, changes, ids):
    d, expected, attempts = daemon(), {}, 0

    def add_until_it_dies(client, round_number):
        for i in range(10000):
            try:
                rule = client.request("rule_add", sentence=f"allow /bin/p{round_number}x{i}")["rule"]
            except (AssertionError, OSError):
                return
            expected[rule["id"]] = round_number

    for attempts in range(6):
        client = subscriber(d)
        writer = threading.Thread(target=add_until_it_dies, args=(client, attempts))
        writer.start()
        until(lambda n=attempts: sum(1 for r in expected.values() if r == n) > 5 + 7 * n, "some rules")
        d.kill()
        writer.join()
        d.start()
        seen = changes(d)
        made = {r["after"]["id"] for c in seen for r in c["rules"] if c["by"] == "client" and "after" in r}
        assert set(expected) <= made and set(expected) <= set(ids(d))
        numbers = [c["change"] for c in seen]
        assert numbers == list(range(1, len(numbers) + 1))
        # What the daemon was about to do when it died may be in the journal, and of that nothing can be undone.
        assert set(ids(d)) <= made and len(made - set(ids(d))) <= attempts + 1
        for change in seen:
            if change["by"] == "client" and change["rules"][0]["after"]["id"] not in ids(d):
                said = subscriber(d).request("rules_undo", change=change["change"])
                assert said["code"] == "conflict" and "was deleted since" in said["message"]


def test_the_older_half_goes(daemon, subscriber, changes, cli):
    d = daemon()
    client = subscriber(d)
    for i in range(1000):
        client.send({"type": "rule_add", "id": 10000 + i, "sentence": f"{'allow' if i % 2 else 'deny'} /bin/a"})
    client.request("rule_add", sentence="ask /bin/a")
    seen = changes(d)
    assert len(seen) == 500 and seen[-1]["change"] == 1001
    with open(d.path("state", "rules.journal"), encoding="utf-8") as f:
        assert len(f.readlines()) == 500
    cli(d)("rules", "undo", "3", expect=1)
    d.restart()
    assert len(changes(d)) == 500 and cli(d)("rules", "undo")


def test_only_who_may_manage(daemon, network, cli):
    d = daemon()
    cli(d)("rules", "add", "allow /bin/a")
    os.chmod(d.path("run"), 0o755)
    os.chmod(d.socket_path, 0o666)
    for words in (("history",), ("undo",)):
        done = network.fw.run("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", *cli(d).argv("rules", *words))
        assert done.returncode == 4, done
    assert "/bin/a:*" in d.rules()
