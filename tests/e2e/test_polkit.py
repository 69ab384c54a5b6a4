# SPDX-License-Identifier: GPL-3.0-or-later
"""Whose word a change of policy takes: polkit's, where there is one.

     ┌─────────────────────┐  socket  ┌────────────────┐  a bus of the test's own  ┌─────────┐      ┌───────────────────────────┐
     │ daemon, games, man, ├──────────┤ bastion-daemon ├───────────────────────────┤ polkitd ├──────┤ an agent that does as told│
     │ members of bastion  │          │                │                           │         │      │ (yes, dismiss, wait)      │
     └─────────────────────┘          └────────────────┘                           └─────────┘      └───────────────────────────┘

User `daemon` may, `games` may not, `man` has to authenticate."""

import os
import pty
import select
import shutil
import subprocess

import pytest

from harness import polkit as pk
from harness.clients import Subscriber
from harness.programs import Running
from harness.wait import until

pytestmark = [pytest.mark.gate_only,  # authority knows no rung
              pytest.mark.skipif(pk.needs() is not None, reason=pk.needs() or "")]

SENTENCE = "allow /bin/a port 1"
KEY = "/bin/a:1"
LIMIT_PARKED_CLIENT = 16
HUNG_SECONDS = 10


@pytest.fixture
def member(closing):
    return lambda d, user, *events: closing(pk.Member(d.socket_path, user, *events))


@pytest.fixture
def old_member(closing):
    return lambda d, user: closing(pk.OldMember(d.socket_path, user))


@pytest.fixture
def agent(bus, closing):
    return lambda m, what: closing(pk.Agent(bus, m.holder.pid, what))


@pytest.fixture
def ask_as(network, programs, tcp, closing, common):
    """A program of that user asks for a connection that no rule knows; the question waits."""
    def ask(user, name):
        program = shutil.copy(programs.path("visit"), os.path.join(common, name))
        return closing(Running(network.fw, "setpriv", f"--reuid={user}", "--clear-groups", program, "tcp", network.PEER4, tcp.port))
    return ask


def hello(m):
    return m.of_type("reply")[0]


def done(answer):
    assert answer["type"] == "reply", answer
    return answer


def refused(answer, words):
    assert (answer["type"], answer.get("code")) == ("error", "not-permitted") and words in answer["message"], answer


def test_a_member_whom_polkit_lets(guarded, polkitd, bus, member, cli):
    d = guarded(bus)
    m = member(d, "daemon")
    assert (hello(m)["authority"], hello(m)["may_manage"]) == ("polkit", True)
    assert done(m.request("rule_add", sentence=SENTENCE))["rule"]["id"] == KEY
    assert d.rules()[KEY] is True
    assert m.request("mode", mode="learning")["mode"] == "learning"
    assert m.request("rules_undo")["type"] == "reply" and KEY not in d.rules()
    assert cli(d).json("status")["status"]["authority"] == "polkit"
    assert "polkit is asked" in cli(d)("doctor", expect=None)


def test_a_member_whom_polkit_does_not_let(guarded, polkitd, bus, member):
    d = guarded(bus)
    m = member(d, "games")
    assert hello(m)["authority"] == "polkit"
    for kind, fields in (("rule_add", {"sentence": SENTENCE}), ("rule_delete", {"rule": KEY}), ("rule_enable", {"rule": KEY, "enabled": False}),
                         ("rules_undo", {}), ("mode", {"mode": "learning"}), ("mode", {"keep": True})):
        refused(m.request(kind, **fields), f"{kind}: polkit does not allow it")
    assert KEY not in d.rules()
    # It may look at everything.
    assert m.request("mode")["mode"] == "enforcement"
    for kind in ("status", "rules", "decisions", "questions", "connections", "rules_history", "doctor", "kernel"):
        done(m.request(kind))


def test_authentication(guarded, polkitd, bus, member, agent):
    d = guarded(bus)
    m = member(d, "man")
    refused(m.request("rule_add", sentence=SENTENCE), "authentication is needed, and nothing is there to ask for it")
    dismissing = agent(m, "dismiss")
    refused(m.request("rule_add", sentence=SENTENCE), "the authentication was dismissed")
    assert KEY not in d.rules()
    dismissing.close()
    yes = agent(m, "yes")
    # One dialog for what was asked for together, carried out in its order.
    numbers = [m.post("rule_add", sentence=f"allow /bin/a port {port}") for port in range(1, 9)]
    numbers.append(m.post("rule_delete", rule="/bin/a:8"))
    for number in numbers:
        done(m.answer_to(number))
    assert [key for key in d.rules() if key.startswith("/bin/a")] == [f"/bin/a:{port}" for port in range(1, 8)]
    # A process without a session is asked anew each time (auth_admin).
    done(m.request("rule_add", sentence="allow /bin/b"))
    yes.heard("begin")
    assert yes.lines.count("begin") == 1
    yes.lines.clear()
    yes.heard("begin")


def test_polkit_is_killed(guarded, polkitd, bus, member, agent, cli):
    """What waits is refused, and so is what comes after it: its end is nobody's gain."""
    d = guarded(bus)
    waiting, allowed = member(d, "man"), member(d, "daemon")
    person = agent(waiting, "wait")
    number = waiting.post("rule_add", sentence=SENTENCE)
    person.heard("begin")
    polkitd.kill()
    refused(waiting.answer_to(number), "polkit did not decide")
    refused(waiting.request("rule_add", sentence=SENTENCE), "polkit did not decide")
    refused(allowed.request("rule_add", sentence=SENTENCE), "polkit did not decide")
    assert hello(member(d, "games"))["authority"] == "polkit"
    assert KEY not in d.rules()
    assert "polkit was there and is not" in cli(d)("doctor", expect=None)
    polkitd.start()
    done(allowed.request("rule_add", sentence=SENTENCE))


def test_the_bus_is_lost(guarded, polkitd, bus, member):
    d = guarded(bus)
    m = member(d, "daemon")
    done(m.request("rule_add", sentence=SENTENCE))
    bus.close()
    until(lambda: m.request("rule_add", sentence="allow /bin/b")["type"] == "error", "polkit out of reach")
    refused(m.request("rule_add", sentence="allow /bin/b"), "polkit")
    assert hello(member(d, "games"))["authority"] == "polkit"


def test_polkit_hangs(guarded, polkitd, bus, member, subscriber, network, programs, tcp):
    """Who waits for it is told in the end; nobody else waits, and no packet."""
    d = guarded(bus)
    m = member(d, "daemon")
    other = member(d, "games")
    root = subscriber(d)
    with polkitd.hung():
        numbers = [m.post("rule_add", sentence=f"allow /bin/a port {port}") for port in range(1, 1001)]
        full = [m.answer_to(number) for number in numbers[LIMIT_PARKED_CLIENT:]]
        assert {answer["code"] for answer in full} == {"full"}
        done(m.request("status"))
        done(other.request("rules"))
        # Root is never asked.
        path = programs.visitor("visit-hung")
        done(root.request("rule_add", sentence=f"allow {path}"))
        done(root.request("mode", mode="learning"))
        assert network.fw.run(path, "tcp", network.PEER4, tcp.port).returncode == 0
        assert root.decision(path=path)["verdict"] == "allow"
        assert not [a for a in m.of_type("error") if a["code"] == "not-permitted"], "told before the time"
        for number in numbers[:LIMIT_PARKED_CLIENT]:
            refused(m.answer_to(number, HUNG_SECONDS + pk.PATIENCE), "polkit did not decide")
    assert not [key for key in d.rules() if key.startswith("/bin/a")]
    done(m.request("rule_add", sentence=SENTENCE))


def test_all_clients_together_are_bounded(guarded, polkitd, bus, member):
    d = guarded(bus)
    members = [member(d, "daemon") for _ in range(18)]
    with polkitd.hung():
        numbers = [[m.post("rule_add", sentence=SENTENCE) for _ in range(LIMIT_PARKED_CLIENT)] for m in members]
        for m in members:
            m.request("mode")
        errors = [m.of_type("error") for m in members]
        assert sum(map(len, errors)) == len(members) * LIMIT_PARKED_CLIENT - 256
        assert {e["code"] for es in errors for e in es} == {"full"}
    for m, posted in zip(members, numbers):
        for number in posted:
            m.answer_to(number)


def test_the_client_leaves_meanwhile(guarded, polkitd, bus, member, agent):
    d = guarded(bus)
    m = member(d, "man")
    person = agent(m, "wait")
    m.post("rule_add", sentence=SENTENCE)
    person.heard("begin")
    m.socket.shutdown(2)
    person.heard("cancel")
    done(member(d, "daemon").request("rule_add", sentence="allow /bin/b"))
    assert KEY not in d.rules()


def test_a_connection_that_was_handed_over(guarded, polkitd, bus, member):
    """polkit is asked about the process that connected, and about no other that has its connection, or its pid, now."""
    d = guarded(bus)
    m = member(d, "daemon")
    m.holder.end()
    refused(m.request("rule_add", sentence=SENTENCE), "has exited")
    done(m.request("status"))


def test_own_questions_and_others(guarded, polkitd, bus, member, ask_as):
    d = guarded(bus)
    m = member(d, "games", "questions")
    own = ask_as("games", "visit-own")
    q = m.wait("question", lambda q: q["path"].endswith("visit-own"))
    assert m.request("answer", question=q["question"], allow=True, lifetime="always")["rule"]["lifetime"] == "always"
    assert own.finish()[0] == 0
    foreign = ask_as("man", "visit-foreign")
    q = m.wait("question", lambda q: q["path"].endswith("visit-foreign"))
    for lifetime in ("always", "session", "reboot"):
        refused(m.request("answer", question=q["question"], allow=True, lifetime=lifetime), "answer: polkit does not allow it")
    done(m.request("answer", question=q["question"], allow=True))
    assert foreign.finish()[0] == 0
    until(lambda: len([key for key in d.rules() if "visit-" in key]) == 1, d.rules)


def test_old_programs(guarded, polkitd, bus, old_member, ask_as):
    """They know nothing of polkit: what is asked is always answered, and what they may not keep they are told."""
    d = guarded(bus)
    tray, panel = old_member(d, "games").settle(), old_member(d, "daemon").settle()
    own, foreign = ask_as("games", "visit-old-own"), ask_as("man", "visit-old-foreign")
    for program, name in ((own, "visit-old-own"), (foreign, "visit-old-foreign")):
        request = tray.wait("connection_request", lambda r, n=name: r["app_path"].endswith(n))
        tray.answer(request, True, permanent=True, duration="always")
        assert program.finish()[0] == 0
    until(lambda: [key.rsplit("/", 1)[1].split(":")[0] for key in d.rules() if "visit-old" in key] == ["visit-old-own"], d.rules)
    assert "polkit does not allow it" in tray.wait("notification")["message"]
    rule = {"type": "add_rule", "app_path": "/bin/a", "app_name": "a", "port": 1, "allow": True, "all_ports": False, "dest_ip": ""}
    tray.send(rule)
    until(lambda: len(tray.of_type("notification")) == 2, "the refusal")
    assert KEY not in d.rules()
    panel.send(rule)
    until(lambda: KEY in d.rules(), "the rule")
    tray.send({"type": "delete_rule", "key": KEY})
    assert tray.wait("rule_deleted")["success"] is False
    assert KEY in d.rules() and not panel.of_type("notification")


def test_no_bus(guarded, member, cli):
    d = guarded(None)
    m = member(d, "games")
    assert (hello(m)["authority"], hello(m)["may_manage"]) == ("group", True)
    done(m.request("rule_add", sentence=SENTENCE))
    assert cli(d).json("status")["status"]["authority"] == "group"
    assert "there is no polkit here" in cli(d)("doctor", expect=None)


def test_a_bus_without_polkit(guarded, bus, member, closing):
    """The group decides until polkit comes."""
    d = guarded(bus)
    m = member(d, "games")
    done(m.request("rule_add", sentence=SENTENCE))
    assert hello(member(d, "games"))["authority"] == "group"
    closing(pk.Polkit(bus))
    until(lambda: m.request("mode", mode="enforcement")["type"] == "error", "polkit's word to count")
    refused(m.request("rule_delete", rule=KEY), "polkit does not allow it")


def test_a_polkit_that_cannot_start(bus, guarded, member):
    """It is installed and has never run: the group decides, as if it were not."""
    with open(os.path.join(bus.services, "polkit.service"), "w", encoding="utf-8") as f:
        f.write(f"[D-BUS Service]\nName={pk.Polkit.NAME}\nExec=/bin/false\n")
    d = guarded(bus)
    m = member(d, "games")
    done(m.request("rule_add", sentence=SENTENCE))


def test_who_is_neither(guarded, polkitd, bus, closing):
    d = guarded(bus)
    os.chmod(d.socket_path, 0o666)
    m = closing(pk.Member(d.socket_path, "daemon", group=65534))
    assert (hello(m)["authority"], hello(m)["may_manage"]) == ("none", False)
    refused(m.request("rule_add", sentence=SENTENCE), "for root and members of group bastion")
    refused(m.request("status"), "for root and members of group bastion")


def test_root(guarded, polkitd, bus):
    d = guarded(bus)
    s = Subscriber(d.socket_path)
    assert hello(s)["authority"] == "root"
    s.close()


# ---- the command line ----------------------------------------------------------------------------------------------------------

@pytest.fixture
def as_user(build, common):
    """bastion, run by a member of the group."""
    program = shutil.copy(os.path.join(build, "src/cli/bastion"), common)
    return lambda d, user, *words: [*pk.as_member(user), program, f"--socket={d.socket_path}", *words]


def test_the_command_line_without_a_terminal(guarded, polkitd, bus, as_user):
    d = guarded(bus)
    for user, words in (("games", "polkit does not allow it"), ("man", "authentication is needed")):
        ran = subprocess.run(as_user(d, user, "rules", "add", SENTENCE), capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=60, check=False)
        assert ran.returncode == 4 and words in ran.stderr, ran
    ran = subprocess.run(as_user(d, "daemon", "rules", "add", SENTENCE), capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=60, check=False)
    assert ran.returncode == 0 and KEY in d.rules(), ran


class Terminal:
    """A program whose terminal is the test."""

    def __init__(self, argv, **kw):
        self.text = ""
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.execvpe(argv[0], argv, {**{k: v for k, v in os.environ.items() if k != "XDG_SESSION_ID"}, **kw})

    def read_until(self, word):
        while word not in self.text:
            try:
                piece = os.read(self.fd, 4096)
            except OSError:
                piece = b""
            assert piece, f"it ended without '{word}': {self.text}"
            self.text += piece.decode(errors="replace")

    def type(self, data, word):
        """Until the word comes: what is typed before the prompt has switched the echo off is thrown away."""
        while word not in self.text:
            os.write(self.fd, data)
            if select.select([self.fd], [], [], 5)[0]:
                self.text += os.read(self.fd, 4096).decode(errors="replace")

    def wait(self):
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])

    def close(self):
        os.close(self.fd)


@pytest.mark.skipif(not shutil.which("pkttyagent"), reason="needs pkttyagent")
@pytest.mark.parametrize("request_word, words", [("rule_add", ("rules", "add", SENTENCE)), ("config_set", ("config", "allow_lan", "true"))])
def test_the_command_line_in_a_terminal(guarded, polkitd, bus, as_user, closing, request_word, words):
    """It brings an agent along, whatever it is to change; the password that the person types is wrong."""
    d = guarded(bus)
    t = closing(Terminal(as_user(d, "man", *words), DBUS_SYSTEM_BUS_ADDRESS=bus.address, LC_ALL="C"))
    t.read_until("AUTHENTICATING FOR com.bastion.firewall.manage-firewall")
    t.read_until("Password:")
    t.type(b"wrong\n", f"bastion: {request_word}: ")
    assert t.wait() == 4 and KEY not in d.rules()


@pytest.mark.skipif(not shutil.which("pkttyagent"), reason="needs pkttyagent")
def test_the_terminal_is_left_alone_for_looking(guarded, polkitd, bus, as_user, closing):
    d = guarded(bus)
    t = closing(Terminal(as_user(d, "man", "mode"), DBUS_SYSTEM_BUS_ADDRESS=bus.address, LC_ALL="C"))
    t.read_until("enforcement")
    assert t.wait() == 0 and "AUTHENTICATING" not in t.text
