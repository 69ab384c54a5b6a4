# SPDX-License-Identifier: GPL-3.0-or-later
"""The old socket protocol, spoken by a client that knows nothing else.

     fw                                            peer
     ┌────────────────────────────────┐            ┌──────────────┐
     │ bastion-daemon ◀─ tray, panel, │   veth     │ TCP 8080     │
     │   │               a stranger   │            │              │
     │ visitors ──────────────────────┼────────────┤              │
     └────────────────────────────────┘            └──────────────┘
"""

import json
import socket

import pytest

from harness.net import Network
from harness.wait import until


@pytest.fixture
def visit(network, closing, programs, tcp):
    """visit(name) → (path, running process): one connection of a program of that name."""

    class Visit:
        def __init__(self, name, address=Network.PEER4):
            self.path = programs.visitor(name)
            self.process = network.fw.popen(self.path, "tcp", address, tcp.port)

        def succeeded(self):
            return self.process.wait(60) == 0

        def close(self):
            self.process.kill()
            self.process.wait()

    return lambda *args: closing(Visit(*args))


def test_everybody_is_asked_and_the_first_answer_counts(daemon, old_client, visit):
    d = daemon()
    tray, panel = old_client(d), old_client(d)
    program = visit("asked")
    request, same = tray.popup(program.path), panel.popup(program.path)
    assert request["request_id"] == same["request_id"]
    tray.answer(request, True)
    assert program.succeeded()
    panel.wait("cancel_popup", lambda m: m["request_id"] == request["request_id"])


def test_a_late_answer_has_no_effect_on_anything(daemon, old_client, visit):
    d = daemon()
    tray, panel = old_client(d), old_client(d)
    first = visit("early")
    request = tray.popup(first.path)
    tray.answer(request, True)
    assert first.succeeded()
    second = visit("later")
    panel.answer(request, False, permanent=True, duration="always")
    panel.send({"type": "list_rules"})
    panel.wait("rules_list")
    assert not [k for k in d.rules() if "early" in k or "later" in k]
    tray.answer(tray.popup(second.path), True)
    assert second.succeeded()


def test_one_leaving_and_one_talking_nonsense_disturb_nobody(daemon, old_client, visit):
    d = daemon()
    tray, leaving, stranger = old_client(d), old_client(d), old_client(d)
    program = visit("steady")
    request = tray.popup(program.path)
    leaving.popup(program.path)
    leaving.close()
    stranger.send_bytes(b'{"type": "gui_response", "request_id": 5}\n[]\nnull\n\xff\xfe{{{\n{"type":"no such"}\n\n')
    try:
        for _ in range(64):
            stranger.send_bytes(b"x" * 65536)  # 4 MiB without a newline
    except OSError:
        pass
    tray.answer(request, True)
    assert program.succeeded()
    assert not tray.closed
    stranger.wait_closed()
    after = visit("steady-2")
    tray.answer(tray.popup(after.path), True)
    assert after.succeeded()


def test_a_message_in_two_pieces_is_one_message(daemon, old_client, visit):
    d = daemon()
    tray = old_client(d)
    program = visit("pieces")
    request = tray.popup(program.path)
    line = json.dumps({"type": "gui_response", "request_id": request["request_id"], "allow": True}).encode() + b"\n"
    tray.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
    tray.send_bytes(line[:20])
    # The first half has been read when the daemon has answered somebody else's later message.
    other = old_client(d)
    other.send({"type": "list_rules"})
    other.wait("rules_list")
    tray.send_bytes(line[20:])
    assert program.succeeded()


@pytest.mark.parametrize("duration, permanent, kept", (("once", False, False), ("session", False, False), ("always", True, True),
                                                       ("", True, True), ("", False, False)))
def test_durations(duration, permanent, kept, daemon, old_client, visit):
    d = daemon()
    tray = old_client(d)
    program = visit("durable")
    tray.answer(tray.popup(program.path), True, permanent=permanent, duration=duration)
    assert program.succeeded()
    key = f"{program.path}:8080"
    if kept:
        until(lambda: d.rules().get(key) is True, "the rule on disk")
    else:
        tray.send({"type": "list_rules"})
        assert key not in tray.wait("rules_list")["rules"]


def test_all_ports(daemon, old_client, visit):
    d = daemon()
    tray = old_client(d)
    program = visit("wide")
    tray.answer(tray.popup(program.path), True, permanent=True, all_ports=True, duration="always")
    assert program.succeeded()
    until(lambda: d.rules().get(f"{program.path}:*") is True, lambda: f"the rule in {d.rules()}")


def test_add_list_delete(network, daemon, old_client, visit, programs):
    d = daemon()
    tray = old_client(d)
    path = programs.visitor("ruled")
    tray.send({"type": "add_rule", "app_path": path, "app_name": "ruled", "port": 8080, "allow": True, "all_ports": False})
    tray.send({"type": "list_rules"})
    assert tray.wait("rules_list")["rules"].get(f"{path}:8080") is True
    assert visit("ruled").succeeded()
    assert tray.popups(path) == []
    # A connection that is still closing would lose its rule too, and be a question of its own.
    until(lambda: not network.fw.run("ss", "-Hnt", "dport", "=", ":8080").stdout, "the end of the first connection")
    tray.send({"type": "delete_rule", "key": f"{path}:8080"})
    assert tray.wait("rule_deleted") == {"type": "rule_deleted", "key": f"{path}:8080", "success": True}
    tray.send({"type": "delete_rule", "key": "/no/such:1"})
    assert tray.wait("rule_deleted", lambda m: m["key"] == "/no/such:1")["success"] is False
    program = visit("ruled")
    tray.answer(tray.popup(path), False)
    assert not program.succeeded()


@pytest.mark.parametrize("fields, key", (
    ({"app_path": "/usr/bin/one", "app_name": "one", "port": 443, "allow": True, "all_ports": False}, "/usr/bin/one:443"),
    ({"app_path": "/usr/bin/one", "app_name": "one", "port": 443, "allow": True, "all_ports": True}, "/usr/bin/one:*"),
    ({"app_path": "unknown", "app_name": "unknown", "port": 53, "allow": True, "all_ports": False, "dest_ip": "192.0.2.1"},
     "@dest:192.0.2.1:53:*"),
    ({"app_path": "", "app_name": "two", "port": 80, "allow": True, "all_ports": False}, "@name:two:80"),
), ids=("path", "all-ports", "dest", "name"))
def test_add_rule_chooses_its_key(fields, key, daemon, old_client):
    d = daemon()
    tray = old_client(d)
    tray.send({"type": "add_rule", **fields})
    tray.send({"type": "list_rules"})
    assert tray.wait("rules_list")["rules"].get(key) is True


def test_statistics_come_by_themselves(daemon, old_client, visit):
    d = daemon()
    tray = old_client(d)
    program = visit("counted")
    tray.answer(tray.popup(program.path), True)
    assert program.succeeded()
    stats = tray.wait("stats_update", lambda m: m["stats"]["total_connections"] >= 1)["stats"]
    assert stats["allowed_connections"] >= 1
    assert stats["blocked_connections"] == 0
    assert stats["learning_mode"] is False


def test_learning_and_a_late_deny(daemon, old_client, visit):
    d = daemon({"mode": "learning"})
    tray = old_client(d)
    program = visit("learned")
    assert program.succeeded()
    request = tray.popup(program.path)
    assert request["learning_mode"] is True
    tray.answer(request, False)
    assert visit("learned").succeeded()


def test_clear_cache_forgets_a_session_answer(daemon, old_client, visit):
    d = daemon()
    tray = old_client(d)
    program = visit("cached")
    tray.answer(tray.popup(program.path), True, duration="session")
    assert program.succeeded()
    assert visit("cached").succeeded()
    tray.send({"type": "clear_cache", "cache_key": f"{program.path}:8080"})
    tray.send({"type": "list_rules"})
    tray.wait("rules_list")
    again = visit("cached")
    until(lambda: len(tray.popups(program.path)) == 2, "a second question")
    tray.answer(tray.popups(program.path)[1], False)
    assert not again.succeeded()


def test_other_users_may_neither_ask_nor_answer(daemon):
    """Fault 9 of the old implementation: the socket is root's and the group's."""
    import os  # pylint: disable=import-outside-toplevel
    d = daemon()
    assert os.stat(d.socket_path).st_mode & 0o007 == 0


def test_an_old_type_with_an_id_is_answered_as_the_newer_one(daemon, subscriber, visit):
    d = daemon()
    person = subscriber(d, "questions")
    visitor = visit("by-id")
    question = person.wait("question")["question"]
    assert person.request("gui_response", request_id="q0-none", allow=True)["code"] == "not-found"
    assert person.request("gui_response", request_id=question, allow=True, permanent=False, duration="once")["type"] == "reply"
    assert visitor.succeeded()
    assert person.request("gui_response", request_id=question, allow=False)["code"] == "closed"

    rule = person.request("add_rule", app_path="/opt/tool", app_name="tool", port=443, allow=True, all_ports=False, dest_ip="")["rule"]
    assert rule["id"] == "/opt/tool:443"
    assert person.request("list_rules")["type"] == "reply"
    assert person.of_type("rules_list")[-1]["rules"] == {"/opt/tool:443": True}
    assert person.request("delete_rule", key="/opt/tool:443")["type"] == "reply"
    assert person.request("delete_rule", key="/opt/tool:443")["code"] == "not-found"
    assert person.of_type("rule_deleted") == []
    assert person.request("clear_cache", cache_key="/opt/tool:443")["type"] == "reply"
    assert person.request("clear_cache", cache_key="/opt/tool")["code"] == "bad-field"
    assert person.request("cancel_popup", request_id=question)["type"] == "reply"
