# SPDX-License-Identifier: GPL-3.0-or-later
"""What an answer would write is told before it is given; and a question that nobody answered in time can still be answered, for the future.

     fw                                        peer
     ┌────────────────────────┐               ┌──────────────────────────────┐
     │ bastion-daemon         │     veth      │                              │
     │ visitors, one question ├───────────────┤ TCP 8080                     │
     │ each                   │               │                              │
     └────────────────────────┘               └──────────────────────────────┘
"""

import pytest

from harness.net import Network
from harness.programs import Running
from harness.wait import until

pytestmark = pytest.mark.either_rung


@pytest.fixture
def visit(network, closing, tcp):
    """visit(path): connects; Running, whose status is 0 where it got through."""
    return lambda path, address=Network.PEER4: closing(Running(network.fw, path, "tcp", address, str(tcp.port)))


@pytest.fixture
def impatient(daemon):
    return daemon(config={"timeout_seconds": 5})


def missed(client):
    return client.request("questions")["missed"]


def closed(client, ref):
    return [m["state"] for m in client.of_type("question_closed") if m["question"] == ref]


def miss(visit, client, path):
    """A question about this visitor, which nobody answers."""
    visitor = visit(path)
    question = client.wait("question", lambda q: q["path"] == path)
    assert visitor.finish()[0] != 0
    client.wait("question_closed", lambda m: m["question"] == question["question"])
    return question


def test_a_preview_is_the_rule_and_does_nothing(daemon, visit, subscriber, programs, tcp, cli):
    d = daemon()
    person, path = subscriber(d, "questions"), programs.visitor("previewed")
    visitor = visit(path)
    ref = person.wait("question", lambda q: q["path"] == path)["question"]

    def preview(**fields):
        return person.request("answer", question=ref, allow=True, preview=True, **fields)

    sentences = {
        "port": f"allow {path} port {tcp.port}",
        "all-ports": f"allow {path}",
        "destination": f"allow {path} to {Network.PEER4} port {tcp.port}",
        "address": f"allow {path} to {Network.PEER4} port {tcp.port}",
    }
    for scope, sentence in sentences.items():
        rule = preview(lifetime="always", scope=scope)["rule"]
        assert rule["sentence"] == sentence and "id" not in rule
    until_time = preview(lifetime="until", seconds=60)["rule"]
    assert until_time["sentence"].startswith(f"allow {path} port {tcp.port} until 20") and until_time["until"]
    assert preview()["rule"]["lifetime"] == "once"
    for scope in ("host", "domain"):
        refused = preview(lifetime="always", scope=scope)
        assert (refused["code"], refused["message"].split(":")[0]) == ("bad-field", "scope")
        assert person.request("answer", question=ref, allow=True, lifetime="always", scope=scope)["message"] == refused["message"]
    past = preview(lifetime="until", until="2001-01-01T00:00:00Z")
    assert (past["code"], past["message"]) == ("bad-field", "until: expected a time to come")
    assert preview(lifetime="always", late=True)["rule"]["sentence"] == sentences["port"]

    assert visitor.process.poll() is None, "nothing has happened yet"
    assert not any(r.get("program") == path for r in cli(d).json("rules")["rules"])
    shown = preview(lifetime="always", scope="address")["rule"]
    written = person.request("answer", question=ref, allow=True, lifetime="always", scope="address")["rule"]
    assert visitor.finish()[0] == 0
    assert {k: v for k, v in written.items() if k not in ("id", "created")} == {k: v for k, v in shown.items() if k != "created"}
    assert person.request("answer", question=ref, allow=True, preview=True)["code"] == "closed"


def test_what_nobody_answered_is_answered_late(impatient, visit, subscriber, old_client, programs, tcp):
    one, other, old = subscriber(impatient, "questions"), subscriber(impatient, "questions"), old_client(impatient)
    path = programs.visitor("answered-late")
    ref = miss(visit, one, path)["question"]
    (kept,) = missed(one)
    assert (kept["question"], kept["path"], kept["remote_port"], kept["state"], kept["verdict"]) == (ref, path, tcp.port, "expired", "deny")
    assert kept["left_ms"] == 0 and kept["ended"].endswith("Z") and kept["host"] is None and kept["domain"] is None

    def answer(**fields):
        return one.request("answer", question=ref, allow=True, **fields)

    assert answer(lifetime="always")["code"] == "closed"
    for lifetime in ("once", "process"):
        assert answer(lifetime=lifetime, late=True)["code"] == "bad-field"
    assert answer(late=True)["code"] == "bad-field", "which is once"
    assert answer(lifetime="always", late=True, preview=True)["rule"]["sentence"] == f"allow {path} port {tcp.port}"
    assert missed(one) == [kept], "nothing has happened yet"
    assert answer(lifetime="always", late=True)["rule"]["sentence"] == f"allow {path} port {tcp.port}"
    for client in (one, other):
        until(lambda c=client: closed(c, ref) == ["expired", "answered"], lambda c=client: closed(c, ref))
    assert missed(one) == []
    assert visit(path).finish()[0] == 0
    again = answer(lifetime="always", late=True)
    assert (again["code"], again["message"]) == ("closed", "the question has ended already: answered")
    old.settle()
    assert len([m for m in old.of_type("cancel_popup") if m["request_id"] == ref]) == 1, "old programs hear of its end once"


def test_a_rule_that_decides_it_since_takes_it_off_the_list(impatient, visit, subscriber, programs, tcp, cli):
    person = subscriber(impatient, "questions")
    path, stays = programs.visitor("ruled-since"), programs.visitor("not-ruled")
    ref, other = miss(visit, person, path)["question"], miss(visit, person, stays)["question"]
    assert [q["question"] for q in missed(person)] == [other, ref], "newest first"
    cli(impatient)("rules", "add", f"deny {path} port {tcp.port}")
    person.wait("question_closed", lambda m: (m["question"], m["state"]) == (ref, "superseded"))
    assert [q["question"] for q in missed(person)] == [other]
    cli(impatient)("mode", "learning")
    assert [q["question"] for q in missed(person)] == [other], "a mode decides nothing for the future"
    for mode in ("learning", "enforcement"):
        cli(impatient)("mode", mode)
        for popups in (False, True):
            assert person.request("config_set", key="popup_enabled", value=popups)["type"] == "reply"
            assert [q["question"] for q in missed(person)] == [other], "nor does it that nobody is asked"


def test_asked_again_it_is_one_question(impatient, visit, subscriber, programs):
    person, path = subscriber(impatient, "questions"), programs.visitor("asks-again")
    first = miss(visit, person, path)["question"]
    visitor = visit(path)
    second = person.wait("question", lambda q: q["path"] == path and q["question"] != first)["question"]
    assert visitor.finish()[0] != 0
    until(lambda: closed(person, second) == ["expired"] and closed(person, first) == ["expired", "superseded"],
          lambda: (closed(person, first), closed(person, second)))
    assert [q["question"] for q in missed(person)] == [second]
    visitor = visit(path)
    third = person.wait("question", lambda q: q["path"] == path and q["question"] not in (first, second))["question"]
    person.request("answer", question=third, allow=True)
    assert visitor.finish()[0] == 0
    until(lambda: closed(person, second) == ["expired", "answered"], lambda: closed(person, second))
    assert missed(person) == []


def test_where_the_last_person_left_it_is_missed_too(daemon, visit, subscriber, programs):
    d = daemon()
    person, path = subscriber(d, "questions"), programs.visitor("left-alone")
    visitor = visit(path)
    ref = person.wait("question", lambda q: q["path"] == path)["question"]
    person.close()
    assert visitor.finish()[0] != 0
    (kept,) = missed(subscriber(d, "decisions"))
    assert (kept["question"], kept["state"], kept["verdict"]) == (ref, "abandoned", "deny")


def test_in_learning_its_connections_were_let_through(daemon, visit, subscriber, programs):
    d = daemon(config={"mode": "learning", "timeout_seconds": 5})
    person, path = subscriber(d, "questions"), programs.visitor("learnt-from")
    assert visit(path).finish()[0] == 0
    ref = person.wait("question", lambda q: q["path"] == path)["question"]
    person.wait("question_closed", lambda m: m["question"] == ref)
    (kept,) = missed(person)
    assert (kept["state"], kept["verdict"], kept["learning"]) == ("expired", "allow", True)
    assert person.request("answer", question=ref, allow=False, lifetime="always", late=True)["rule"]["action"] == "deny"


def test_where_no_session_is_remembered_none_is_promised(daemon, visit, subscriber, programs):
    d = daemon(config={"cache_decisions": False, "timeout_seconds": 5})
    person = subscriber(d, "questions")
    ref = miss(visit, person, programs.visitor("no-sessions"))["question"]
    refused = person.request("answer", question=ref, allow=True, lifetime="session", late=True)
    assert (refused["code"], "cache_decisions" in refused["message"]) == ("bad-field", True)
    assert len(missed(person)) == 1
