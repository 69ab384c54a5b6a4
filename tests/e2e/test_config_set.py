# SPDX-License-Identifier: GPL-3.0-or-later
"""config.json changed through the socket, as a control panel does: one key at a time, at once, and the rest of the file as it was.

     fw ┌────────────────────────┐   veth   ┌────────────────────┐ peer
        │ bastion-daemon         ├──────────┤ TCP 8080           │
        │ this process (python)  │          └────────────────────┘
        └────────────────────────┘
"""

import errno
import json
import os

import pytest

from harness import sockets
from harness.net import Network

# key: a value away from its default, a wrong one, what was expected instead
KEYS = {
    "timeout_seconds": (45, 301, "a whole number of seconds, 5..300"),
    "default_action": ("allow", "ask", '"allow" or "deny"'),
    "on_failure": ("open", False, '"open" or "closed"'),
    "popup_enabled": (False, "no", "true or false"),
    "notifications_enabled": (False, 0, "true or false"),
    "allow_localhost": (False, [], "true or false"),
    "allow_lan": (True, {}, "true or false"),
    "allow_root_bypass": (False, 1, "true or false"),
    "allow_systemd_bypass": (False, 0.5, "true or false"),
    "cache_decisions": (False, "", "true or false"),
    "log_decisions": (False, "off", "true or false"),
    "log_every_connection": (True, 2, "true or false"),
    "deny_errno": ("EPERM", "EIO", '"ECONNREFUSED", "EPERM" or "ENETUNREACH"'),
    "inbound_protection": (False, "x", "true or false"),
}
FILES_ALONE = pytest.mark.gate_only  # nothing in it knows rungs


def on_disk(d):
    with open(d.path("etc", "config.json"), encoding="utf-8") as f:
        return json.load(f)


def set_key(client, key, value):
    reply = client.request("config_set", key=key, value=value)
    assert reply["type"] == "reply", reply


@FILES_ALONE
def test_each_key_is_set_and_read_back_and_taken_back(daemon, subscriber):
    d = daemon()
    client, other = subscriber(d), subscriber(d)
    before = client.request("config")
    assert before["file"] == d.path("etc", "config.json") and before["problem"] is None
    assert before["config"]["mode"] == "enforcement" and before["defaults"]["mode"] == "learning"
    assert set(before["config"]) == set(before["defaults"]) == {"mode", "log_file", *KEYS}
    for key, (value, wrong, expected) in KEYS.items():
        set_key(client, key, value)
        assert on_disk(d)[key] == value  # when it is answered, it is there
        assert client.request("config")["config"][key] == value
        other.wait("config_changed", lambda m, key=key, value=value: m["config"][key] == value)
        refused = client.request("config_set", key=key, value=wrong)
        assert (refused["code"], refused["message"]) == ("bad-field", f"value: expected {expected}")
        assert client.request("config")["config"][key] == value == on_disk(d)[key]
    for key in KEYS:
        set_key(client, key, None)
        assert key not in on_disk(d)
    now = client.request("config")
    assert {k: now["config"][k] for k in KEYS} == {k: now["defaults"][k] for k in KEYS}
    # and so it is after a start
    del before, now
    in_force = client.request("config")["config"]
    d.restart()
    assert subscriber(d).request("config")["config"] == in_force


@FILES_ALONE
def test_the_log_file_stays_where_logs_are(daemon, subscriber):
    d = daemon()
    client = subscriber(d)
    refused = client.request("config_set", key="log_file", value="/etc/passwd")
    assert refused["message"] == "value: expected a path under the log directory, without . or .. in it"
    set_key(client, "log_file", d.path("log", "other.log"))
    assert sockets.tcp(d.namespace, Network.PEER4, 1) == errno.ECONNREFUSED
    client.decision(remote_port=1)
    d.stop()
    with open(d.path("log", "other.log"), encoding="utf-8") as f:
        assert f"{Network.PEER4}:1" in f.read()


@FILES_ALONE
def test_the_rest_of_the_file_is_the_persons(daemon, subscriber):
    d = daemon(start=False)
    text = '{\n\t"colour" : [1.50, {"allow_lan": 7}],\n\t"mode": "enforcement",   "allow_lan":false ,\n\t"zz": "\\u0061"\n}\n\n'
    path = d.path("etc", "config.json")
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)
    d.start()
    client = subscriber(d)

    def assert_file(expected):
        with open(path, encoding="utf-8") as f:
            assert f.read() == expected

    set_key(client, "allow_lan", True)
    assert_file(text.replace("false", "true"))
    set_key(client, "allow_lan", None)
    assert_file(text.replace('"allow_lan":false ,\n\t', ""))
    assert os.stat(path).st_mode & 0o777 == 0o644


@FILES_ALONE
def test_changes_that_follow_one_another_are_all_kept(daemon, subscriber):
    d = daemon()
    client = subscriber(d)
    for number, (key, (value, _, _)) in enumerate(KEYS.items()):
        client.send({"type": "config_set", "id": 1000 + number, "key": key, "value": value})
    d.reload()  # between them: what is not on disk yet is not lost
    for number in range(len(KEYS)):
        client.wait("reply", lambda m, number=number: m["id"] == 1000 + number)
    assert {k: on_disk(d)[k] for k in KEYS} == {k: v for k, (v, _, _) in KEYS.items()}
    config = client.request("config")["config"]
    assert {k: config[k] for k in KEYS} == {k: v for k, (v, _, _) in KEYS.items()}


@FILES_ALONE
def test_what_is_refused_changes_nothing(daemon, subscriber):
    d = daemon()
    client = subscriber(d)
    before = on_disk(d)
    assert "request mode" in client.request("config_set", key="mode", value="learning")["message"]
    assert client.request("config_set", key="colour", value=1)["code"] == "bad-field"
    with open(d.path("etc", "config.json"), "w", encoding="utf-8") as f:
        f.write('{\n  "mode": "enforcement"\n  "allow_lan": false\n}\n')
    refused = client.request("config_set", key="allow_lan", value=True)
    assert refused["code"] == "conflict" and "config.json:3:" in refused["message"]
    assert client.request("config")["config"]["allow_lan"] is False
    with open(d.path("etc", "config.json"), encoding="utf-8") as f:
        assert f.read().count("\n") == 4
    d.write_config({})
    set_key(client, "allow_lan", True)
    assert on_disk(d) == {**before, "allow_lan": True}


@FILES_ALONE
def test_a_try_of_a_mode_is_not_written(daemon, subscriber):
    d = daemon()
    client = subscriber(d)
    client.request("mode", mode="learning", try_seconds=600)
    set_key(client, "timeout_seconds", 44)
    assert client.request("config")["config"]["mode"] == "learning"
    assert on_disk(d)["mode"] == "enforcement"
    d.restart()
    assert subscriber(d).request("config")["config"]["mode"] == "enforcement"


@FILES_ALONE
def test_a_reload_is_told_when_it_changed_something(daemon, subscriber):
    d = daemon()
    watcher = subscriber(d, "rules")  # whatever it subscribes to
    d.reload_and_wait()
    assert watcher.of_type("config_changed") == []
    d.write_config({"timeout_seconds": 33})
    d.reload_and_wait()
    told = watcher.wait("config_changed")
    assert told["config"]["timeout_seconds"] == 33 and told["problem"] is None
    d.write_config({"timeout_seconds": 3})
    d.reload_and_wait()
    told = watcher.wait("config_changed", lambda m: m["problem"])
    assert told["config"]["timeout_seconds"] == 33
    assert "config.json:3:" in told["problem"] and "timeout_seconds: expected a whole number" in told["problem"]


def test_it_is_in_force_at_once(daemon, subscriber, network, tcp):
    d = daemon({"popup_enabled": False})
    client = subscriber(d)

    def connect():
        return sockets.tcp(network.fw, Network.PEER4, tcp.port)

    assert connect() == errno.ECONNREFUSED
    set_key(client, "deny_errno", "ENETUNREACH")
    assert connect() == errno.ENETUNREACH
    set_key(client, "default_action", "allow")
    assert connect() == 0
    set_key(client, "default_action", None)
    assert connect() == errno.ENETUNREACH


# ---- the command line ------------------------------------------------------------------------------------------------------

@FILES_ALONE
def test_the_command_line_lists_shows_and_sets(daemon, cli):
    d = daemon()
    run = cli(d)
    completion = run("completion", "bash")
    lines = run("config").splitlines()
    table = {line.split()[0]: line.split()[1:] for line in lines[1:] if line and not line.startswith("From")}
    assert lines[0].split() == ["KEY", "VALUE", "DEFAULT"] and lines[-1] == f"From {d.path('etc', 'config.json')}."
    assert set(table) == {"mode", "log_file", *KEYS}
    assert table["mode"] == ["enforcement", "learning"] and table["on_failure"] == ["default", "default"]
    for key, (value, wrong, _) in KEYS.items():
        word = json.dumps(value).strip('"')
        assert run("config", key, word) == ""
        assert run("config", key) == word + "\n" and on_disk(d)[key] == value
        if not isinstance(wrong, (dict, list)):
            run("config", key, json.dumps(wrong).strip('"') or "x", expect=2)
        run("config", key, "default")
        assert key not in on_disk(d)
        assert key in completion
    assert run.json("config")["config"]["timeout_seconds"] == 30
    run("config", "colour", expect=2)
    run("config", "mode", "learning", expect=2)
