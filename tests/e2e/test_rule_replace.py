# SPDX-License-Identifier: GPL-3.0-or-later
"""A rule in the place of another (`replaces`), a rule that is only looked at (`rule_check`), and word that rules have changed
(`rules_changed`): what a page needs on which rules are edited.

Files and the socket know no rungs: gate_only, but for the flow that a replacement ends.
"""

import time

import pytest

from harness import sockets
from harness.net import Network
from harness.sockets import PYTHON
from harness.wait import until

FILES_ALONE = pytest.mark.gate_only


def users(client):
    return {r["id"]: r for r in client.request("rules")["rules"] if r["origin"] in ("flat", "list", "session")}


def add(client, sentence, **more):
    reply = client.request("rule_add", sentence=sentence, **more)
    assert reply["type"] == "reply", reply
    return reply["rule"]


def last_change(client):
    return client.request("rules_history", limit=1)["changes"][0]


@FILES_ALONE
@pytest.mark.parametrize("old, new, same_id", (
    ("deny /bin/a to lan", "deny /bin/b to internet", True),        # list, list
    ("deny /bin/a to lan", 'deny /bin/a to lan note "n"', True),    # the same criteria
    ("allow /bin/a port 80", "allow /bin/a port 81", False),        # flat, flat
    ("allow /bin/a port 80", "deny /bin/a port 80", True),          # flat, the same key
    ("allow /bin/a port 80", "allow /bin/a port 80-90", False),     # flat, list
    ("allow /bin/a port 80-90", "allow /bin/a port 80", False),     # list, flat
))
def test_both_or_neither_and_back(old, new, same_id, daemon, subscriber, cli):
    d = daemon()
    client = subscriber(d)
    add(client, "allow /bin/other")
    before = add(client, old)
    at_first = users(client)
    after = add(client, new, replaces=before["id"])
    assert after["sentence"] == new and (after["id"] == before["id"]) is same_id
    assert after["created"] == before["created"] and "changed" in after and "changed" not in before
    assert users(client) == {"/bin/other:*": at_first["/bin/other:*"], after["id"]: after}
    change = last_change(client)
    assert [(r["before"]["sentence"], r["after"]["sentence"]) for r in change["rules"]] == [(old, new)]
    assert change["change"] == 3  # one, not two
    cli(d)("rules", "undo")
    undone = users(client)
    assert undone == at_first
    # on disk as in force
    d.restart()
    assert {i: r["sentence"] for i, r in users(subscriber(d)).items()} == {i: r["sentence"] for i, r in at_first.items()}


@FILES_ALONE
def test_what_cannot_be_replaced(daemon, subscriber):
    d = daemon()
    client = subscriber(d)
    mine, other = add(client, "deny /bin/a to lan"), add(client, "deny /bin/b to lan")
    before = users(client)

    def refused(replaces, sentence="deny /bin/c to lan"):
        reply = client.request("rule_add", sentence=sentence, replaces=replaces)
        assert reply["type"] == "error", reply
        return reply["code"]

    assert refused("r99") == "not-found"
    assert refused("factory:loopback") == "not-permitted"
    assert refused(mine["id"], "deny /bin/b to lan") == "conflict"
    assert refused(mine["id"], "deny /bin/c until 2020-01-01T00:00:00Z") == "bad-field"
    assert refused(mine["id"], "deny") == "bad-field"
    assert users(client) == before and last_change(client)["change"] == 2
    assert other["id"] in before


@FILES_ALONE
def test_a_session_rule_becomes_one_for_good_and_back(daemon, subscriber):
    d = daemon()
    client = subscriber(d)
    brief = add(client, "allow /bin/a port 80 for session")
    kept = add(client, "allow /bin/a port 80", replaces=brief["id"])
    assert list(users(client)) == ["/bin/a:80"] and d.rules()["/bin/a:80"] is True
    change = last_change(client)
    assert (change["added"], change["deleted"], change["replaced"]) == (1, 0, 0)
    again = add(client, "allow /bin/a port 80 for session", replaces=kept["id"])
    assert list(users(client)) == [again["id"]] and "/bin/a:80" not in d.rules()
    change = last_change(client)
    assert (change["added"], change["deleted"], change["replaced"]) == (0, 1, 0)
    # An edit of the file by somebody else does not bring it back.
    d.write_rules({**d.rules(), "/bin/b:*": True})
    d.reload_and_wait()
    assert set(users(client)) == {again["id"], "/bin/b:*"}


def test_a_replacement_reaches_live_flows(daemon, subscriber, network, tcp):
    d = daemon()
    client = subscriber(d)
    allowed = add(client, f"allow {PYTHON} port {tcp.port} tcp")
    assert sockets.tcp(network.fw, Network.PEER4, tcp.port) == 0
    with network.fw.socket() as s:
        s.settimeout(20)
        s.connect((Network.PEER4, tcp.port))
        add(client, f"deny {PYTHON} port {tcp.port} tcp", replaces=allowed["id"])
        with pytest.raises(OSError):
            s.recv(1)
    assert sockets.tcp(network.fw, Network.PEER4, tcp.port) != 0


# ---- a look before it is added ---------------------------------------------------------------------------------------------

@FILES_ALONE
def test_a_rule_is_told_as_it_would_be_and_not_added(daemon, subscriber):
    d = daemon()
    client = subscriber(d)
    add(client, "deny /bin/z to lan")
    before = users(client)
    for sentence in ("allow /bin/a port 80", "deny /bin/a  to LAN port 443".lower(), "deny name x for session",
                     "allow /bin/a until 2099-01-01T00:00:00Z", 'deny /bin/z to lan note "again"'):
        told = client.request("rule_check", sentence=sentence)["rule"]
        assert users(client) == before
        real = add(client, sentence)
        assert {k: v for k, v in told.items() if k not in ("created", "changed", "boottime_ns")} == \
               {k: v for k, v in real.items() if k not in ("created", "changed", "boottime_ns")}
        client.request("rules_undo") if real["origin"] != "session" else client.request("rule_delete", rule=real["id"])
        assert {i: r["sentence"] for i, r in users(client).items()} == {i: r["sentence"] for i, r in before.items()}
        before = users(client)
    told = client.request("rule_check", rule={"action": "deny", "program": "/bin/a", "ports": [[1]]})
    assert told["code"] == "bad-field" and told["message"].startswith("ports[0]")
    told = client.request("rule_check", sentence="allow /bin/a port x")
    assert told["message"] == "sentence: expected a port 1..65535, a range or a list, at byte 19"
    assert client.request("rule_check", sentence="deny /bin/a until 2020-01-01T00:00:00Z")["code"] == "bad-field"


# ---- word of it ------------------------------------------------------------------------------------------------------------

@FILES_ALONE
def test_who_watches_the_rules_hears_of_every_change(daemon, subscriber):
    d = daemon()
    watcher, client, other = subscriber(d, "rules"), subscriber(d), subscriber(d, "decisions")

    def heard():
        return len(watcher.of_type("rules_changed"))

    def expect_word(what, change):
        n = heard()
        change()
        until(lambda: heard() > n, f"rules_changed after {what}")

    expect_word("an addition", lambda: add(client, "allow /bin/a port 80"))
    expect_word("a replacement", lambda: add(client, "deny /bin/a port 80", replaces="/bin/a:80"))
    expect_word("a switch", lambda: client.request("rule_enable", rule="/bin/a:80", enabled=False))
    expect_word("an undoing", lambda: client.request("rules_undo"))
    expect_word("a deletion", lambda: client.request("rule_delete", rule="/bin/a:80"))
    expect_word("a session rule", lambda: add(client, "allow /bin/a for session"))
    expect_word("the end of session answers", lambda: client.send({"type": "clear_cache", "cache_key": "/bin/a:*"}))
    expect_word("a short rule", lambda: add(client, "allow /bin/a for 1 seconds"))
    expect_word("its end", lambda: watcher.wait("rule_gone", lambda m: m["why"] == "expired"))
    expect_word("a factory rule", lambda: client.request("config_set", key="allow_lan", value=True))
    expect_word("a reload", d.reload_and_wait)
    assert set(watcher.of_type("rules_changed")[0]) == {"type"}
    assert other.of_type("rules_changed") == []


@FILES_ALONE
def test_many_changes_are_told_a_few_times(daemon, subscriber):
    """Four a second at most: 300 additions one after the other take their time, and that is all that may be counted."""
    d = daemon()
    watcher, client = subscriber(d, "rules"), subscriber(d)
    began = time.monotonic()
    for n in range(300):
        client.send({"type": "rule_add", "id": 1000 + n, "sentence": f"allow /bin/a port {n + 1} for session"})
    client.wait("reply", lambda m: m["id"] == 1299)
    until(lambda: watcher.of_type("rules_changed"), "the first word")
    client.request("status")
    took = time.monotonic() - began
    assert len(watcher.of_type("rules_changed")) <= 2 + took * 4
