# SPDX-License-Identifier: GPL-3.0-or-later
"""The question's window: it says what is asked, an answer writes the rule that it shows, and nobody answers by accident."""

import itertools
import os
import re
import subprocess
import time

import pytest

from asking import CURL, DOMAIN, HOST, House, Maps, Question
from harness.net import Network
from harness.programs import Running
from harness.wait import NeverHappened, until

GUARD = 0.6


@pytest.fixture
def house(network, daemon, programs, tmp_path, closing):
    return lambda config=None: House(network, daemon(config), programs, tmp_path, closing)


@pytest.fixture
def ask(desktop, tray, gui, house):
    """ask() starts a daemon and the desktop's program: the house, and the question's window."""
    assert tray.poll() is None

    def start(config=None):
        at = house(config)
        program = gui("bastion-gui", at.daemon)
        return at.somebody(), Question(desktop, program)

    return start


def test_a_question_says_who_wants_what(ask, desktop, closing, record_property):
    at, question = ask()
    maps = closing(Maps(desktop))
    watcher = at.subscriber
    watcher.request("subscribe", events=["questions", "decisions"])
    curl = at.curl()
    watcher.wait("question")
    asked = time.monotonic()
    assert question.title() == f"curl wants to reach {HOST} ({Network.PEER4}) on port 8080 (http)"
    appeared = until(lambda: [t for t in maps.times if t > asked - 1], "a window to be mapped")[0] - asked
    record_property("question to window, ms", round(appeared * 1000))
    print(f"from the question to the window: {appeared * 1000:.0f} ms")
    question.program.press(question.button("Details"))
    facts = question.program.find("label", CURL) and question.program.texts()
    for text in ("from package curl", str(curl.pid), "no rule says anything about it", "the answer to the program's own DNS query", "root"):
        assert any(text in fact for fact in facts), (text, list(facts))
    assert any(fact.endswith(f"--silent http://{HOST}:8080/") for fact in facts), facts
    assert any(fact.endswith("▸ curl") for fact in facts), facts
    question.program.press(question.live("Allow"))
    assert curl.finish() == (0, "hello\n")
    question.gone()
    # Again, a minute later: what it did before is known, and the rule that "once" was is over.
    until(lambda: not [r for r in at.rules() if "once" in r], "the end of once")
    at.curl()
    question.title()
    question.program.find("label", lambda name: "allowed" in name and HOST in name)


LIFETIMES = {"Once": " for once", "Until it quits": " for process", "1 hour": " until 20[-0-9T:]+Z", "Session": " for session", "Always": ""}
# What the list says, and what the rule does.
SCOPES = {"destination": (f"{HOST}, port 8080 (http)", f" to {HOST} port 8080( tcp)?"), "address": (f"Only the address {Network.PEER4}, port 8080 (http)", f" to {Network.PEER4} port 8080( tcp)?"),
          "host": (f"{HOST}, any port", f" to {HOST}"), "domain": (f"All of {DOMAIN}, any port", rf" to \.{DOMAIN}"), "port": ("Anywhere, port 8080 (http)", " port 8080( tcp)?"),
          "all-ports": ("Everything this program does", "")}


def sentence_of(verb, path, lifetime, scope):
    """The rule that such an answer writes. Once is never more than the place that is asked about."""
    scope = {"port": "destination", "all-ports": "host"}.get(scope, scope) if lifetime == "Once" else scope
    return re.compile(f"{verb} {re.escape(path)}{SCOPES[scope][1]}( process [0-9]+)?{LIFETIMES[lifetime]}")


def choices(full):
    """Every lifetime and every scope with a third of the others, allowed and denied in turn; in a full run each with each, both ways."""
    each = [(allow, lifetime, scope) for lifetime, scope in itertools.product(LIFETIMES, SCOPES) for allow in (True, False)]
    places = {choice: (list(LIFETIMES).index(choice[1]), list(SCOPES).index(choice[2])) for choice in each}
    return [c for c in each if full or (sum(places[c]) % 3 == 0 and c[0] == (places[c][1] // 2 + places[c][0]) % 2)]


def named(at, question):
    """(path, curl): a question that has the name. On a busy machine the daemon's parser may be late, and then it has none: tests/e2e/test_names.py is about that."""
    for _ in range(5):
        path = at.copy()
        curl = at.curl(path)
        if HOST in question.title(os.path.basename(path)):
            return path, curl
        question.program.press(question.live("Deny"))
        curl.finish()
        question.gone()
    raise AssertionError("no name was heard")


def choose(desktop, question, lifetime, scope, expected):
    """The scope by mouse and keys, as a person would; a list that was not folded out yet when the keys came takes them another time."""
    steps, last = list(SCOPES).index(scope), SCOPES["all-ports"][0]
    question.program.press(question.button(lifetime))
    for _ in range(5 if steps else 0):
        try:
            if not question.program.showing("label", last):
                question.click(question.program.find("combo box"))  # a deliberate click, too: keys are live
                question.program.find("label", last, seconds=3)
            desktop.keys("Home", *["Down"] * steps, "Return")
            return question.program.find("label", expected.fullmatch, seconds=2).name
        except NeverHappened:
            continue
    return question.program.find("label", expected.fullmatch).name


def test_each_choice_writes_the_rule_it_shows(ask, desktop, full):
    at, question = ask()
    for allow, lifetime, scope in choices(full):
        before = at.rules()
        path, curl = named(at, question)
        question.live("Allow")
        shown = choose(desktop, question, lifetime, scope, sentence_of("allow" if allow else "deny", path, lifetime, scope))
        question.program.press(question.live("Allow" if allow else "Deny"))
        code, _ = curl.finish()
        assert (code == 0) == allow
        written = at.rules() - before
        if lifetime in ("Once", "Until it quits"):  # over with the process, or 5 s later
            assert written <= {shown}
        elif lifetime == "1 hour":
            assert [w.split(" until ")[0] for w in written] == [shown.split(" until ")[0]]  # the hour began a moment later
        else:
            assert written == {shown}
        question.gone()


# ---- safe wherever it appears --------------------------------------------------------------------------------------------


def still_asked(at, curl):
    assert len(at.questions()) == 1 and curl.process.poll() is None


def test_who_types_elsewhere_answers_nothing(ask, desktop, elsewhere):
    at, question = ask()
    curl = at.curl()
    for _ in range(4):
        desktop.keys("Return", "space")  # as the window comes
    question.title()
    question.live("Allow")
    desktop.keys("Return", "space", "alt+a", "alt+d", "Tab", "Return", "Escape")
    assert desktop.focused() == elsewhere.window, "the question took the focus"
    still_asked(at, curl)
    assert "_NET_WM_STATE_ABOVE" in desktop.run("xprop", "-id", question.window(), "_NET_WM_STATE")
    assert elsewhere.keys() == 4 * 2 + 9, "with alt+a two keys are pressed"


def test_keys_are_dead_until_a_deliberate_click_and_then_they_do_everything(ask, desktop):
    at, question = ask()
    curl = at.curl()
    question.title()
    desktop.run("xdotool", "windowfocus", "--sync", question.window())  # the desktop gives it the focus by itself
    allow = question.live("Allow")
    desktop.keys("Return", "space", "alt+a", "alt+d", "Tab", "Tab", "Return", "Escape")
    still_asked(at, curl)
    assert question.is_seen(), "Escape was meant for something else"
    desktop.keys("F6")
    desktop.keys("Escape")
    question.gone()
    still_asked(at, curl)
    other = at.curl(at.copy())  # the next one brings the window back, with both
    question.program.find("label", "1 more waiting")
    desktop.run("xdotool", "windowfocus", "--sync", question.window())
    question.live("Allow")
    question.click(question.program.find("label", lambda name: "wants to reach" in name))
    desktop.keys("alt+a")
    assert curl.finish()[0] == 0
    question.title("curl-")
    question.live("Deny")
    desktop.keys("alt+d")
    assert other.finish()[0] != 0
    assert allow


def test_who_clicks_where_a_question_appears_answers_nothing(ask, desktop, closing):
    at, question = ask()
    first = at.curl()
    place = question.place(question.live("Allow"))
    desktop.click(*place)  # the pointer stays there
    assert first.finish()[0] == 0
    question.gone()
    maps = closing(Maps(desktop))
    for _ in range(5):
        before = len(maps.times)
        curl = at.curl(at.copy())
        mapped = until(lambda n=before: maps.times[n:], "the window")[0]
        desktop.run("xdotool", "click", "1")
        in_time = time.monotonic() - mapped < GUARD
        question.title()
        if in_time:
            still_asked(at, curl)
            break
        question.program.press(question.live("Deny"))  # this machine was busy: the click came late and may have counted
        curl.finish()
        question.gone()
    else:
        pytest.skip("this machine is too busy to click within 600 ms")


def test_buttons_are_dead_when_it_changes_or_moves(ask, desktop):
    at, question = ask()
    first, second = at.copy(), at.copy()
    curl = at.curl(first)
    allow = question.live("Allow")
    other = at.curl(second)
    question.program.find("label", "1 more waiting")
    place = question.place(question.live("Allow"))
    desktop.run("xdotool", "mousemove", *place, "click", "--repeat", "2", "--delay", "150", "1")  # the second half meets another question
    assert curl.finish()[0] == 0
    question.title(os.path.basename(second))
    still_asked(at, other)
    question.live("Allow")
    x, y, _, _ = desktop.geometry(question.window())
    desktop.run("xdotool", "windowmove", question.window(), x - 40, y - 40, check=True)
    until(lambda: not allow.getState().contains(desktop.atspi.STATE_SENSITIVE), "dead buttons in a window that moved")
    question.click(question.live("Deny"))
    assert other.finish()[0] != 0


# ---- many, and several who answer ----------------------------------------------------------------------------------------


def test_fifty_connections_are_one_question(ask, network, programs):
    at, question = ask()
    path = programs.copy("talk", "fifty")
    for _ in range(50):
        at.closing(Running(network.fw, path, "tcp", Network.PEER4, at.tcp.port))
    question.program.find("label", "8 connections wait for this answer.")  # as many as one question holds
    assert len(at.questions()) == 1
    question.program.press(question.button("Always"))
    question.program.find("label", lambda name: name.startswith("allow ") and "once" not in name)
    question.program.press(question.live("Allow"))
    until(lambda: at.tcp.accepted == 8, "eight connections")
    question.gone()
    assert not at.questions()


def test_one_answers_and_all_others_close(ask, desktop, gui):
    at, question = ask()
    second = Question(desktop, gui("bastion-gui", at.daemon, environment=desktop.another_session()))
    at.somebody(2)
    curl = at.curl()
    question.title()
    second.title()
    answered = subprocess.run(at.cli.argv("ask"), input="next allow\n", capture_output=True, text=True, check=True, timeout=60).stdout
    assert "answered allow once" in answered
    assert curl.finish()[0] == 0
    question.gone()
    second.gone()
    other = at.curl(at.copy())
    question.title("curl-")
    second.title("curl-")
    second.program.press(second.live("Deny"))
    assert other.finish()[0] != 0
    question.gone()


def test_the_control_panel_is_open_at_the_same_time(ask, desktop, gui):
    """Once it swallowed the questions (an old fault); it is nobody to ask, and shows what became of them."""
    at, question = ask()
    panel = gui("bastion-control-panel", at.daemon, "--page=now", environment=desktop.another_session())
    panel.find(name="Decided last")
    path = at.copy()
    curl = at.curl(path)
    question.title("curl-")
    question.program.press(question.live("Deny"))
    assert curl.finish()[0] != 0
    panel.find(name=lambda name: os.path.basename(path) in name)
    assert not panel.showing(name=lambda name: "wants to reach" in name)


def test_the_daemon_is_killed_and_comes_back(ask):
    at, question = ask()
    at.curl()
    question.title()
    at.daemon.kill()
    question.program.find(name="The Firewall Is Gone")
    at.daemon.start()
    question.program.gone(name="The Firewall Is Gone")
    at.curl(at.copy())  # or the first one, which may send its SYN again before
    question.title()
    question.live("Allow")


# ---- what is not asked in time, or not held ----------------------------------------------------------------------------------


def test_what_was_decided_without_you_is_answered_late(ask, desktop):
    at, question = ask({"timeout_seconds": 5})
    path = at.copy()
    assert at.curl(path).finish()[0] != 0
    question.gone()
    desktop.run(os.path.join(desktop.build, "src/gui/bastion-gui"), "--show", check=True)  # a second start tells the first
    row = question.program.find("list item", lambda name: os.path.basename(path) in name)
    question.program.find("label", lambda name: name.startswith("denied, "))
    question.click(row)
    question.program.find("label", lambda name: name.startswith("Denied at ") and "nobody answered in time" in name)
    assert not question.program.showing("push button", "Once")
    question.program.press(question.button("Always"))
    shown = question.program.find("label", lambda name: name.startswith("allow ") and "session" not in name).name
    question.program.press(question.live("Allow"))
    until(lambda: shown in at.rules(), "the rule")
    question.program.find(name="Nothing Is Asked")
    until(lambda: at.curl(path).finish()[0] == 0, "a connection that the rule allows")  # by its name: see named()


def test_learning_says_that_nothing_is_held(ask):
    at, question = ask({"mode": "learning"})
    assert at.curl().finish()[0] == 0
    question.program.find("label", lambda name: name.startswith("Learning: nothing is held"))
    question.program.press(question.button("Always"))
    shown = question.program.find("label", lambda name: name.startswith("deny ") and "once" not in name).name
    question.program.press(question.live("Deny"))
    until(lambda: shown in at.rules(), "the rule")


# ---- hostile ---------------------------------------------------------------------------------------------------------------


HOSTILE = {
    "markup": b"<b>bold</b> &amp; <a href='x'>y</a>",
    "newlines": b"curl\nAllow\n\n\n\n\n\n\n\nis safe",
    "right-to-left": "curl\u202etxt.exe\u2066".encode(),
    "no UTF-8": b"curl\xff\xfe\x80",
    "long": b"n" * 255,
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_hostile_names_are_plain_text(ask, network, programs, kind, tmp_path):
    at, question = ask()
    name = HOSTILE[kind]
    folder = os.path.join(os.fsencode(tmp_path), name.replace(b"/", b"|")[:200])
    os.makedirs(folder)
    path = os.path.join(folder, name.replace(b"/", b"|"))
    with open(programs.path("talk"), "rb") as f, open(path, "wb") as copy:
        copy.write(f.read())
    os.chmod(path, 0o755)
    at.closing(Running(network.fw, path, "tcp", Network.PEER4, at.tcp.port, name, b"A" * 900))
    title = question.title()
    question.live("Allow")
    question.program.press(question.button("Details"))
    texts = question.program.texts()
    window = question.window()
    assert question.desktop.geometry(window)[2] < 800 and question.desktop.geometry(window)[3] < 768, "it fits the screen"
    for text in texts:
        assert not [c for c in text if ord(c) < 32 or c in "\u202e\u2066\ufffd"], repr(text)
    expected = {"markup": "<b>bold<|b> &amp;", "newlines": "curl\\nAllow", "right-to-left": "curl\\u202etxt.exe\\u2066", "no UTF-8": "curl\\xff\\xfe\\x80",
                "long": "nnn…nnn"}[kind]
    assert expected in title


# ---- what it costs -----------------------------------------------------------------------------------------------------------


def test_memory_is_within_reason(ask, desktop, closing, tmp_path, record_property):
    """Against an empty window of the same libraries, side by side: nearly all of an application's memory is theirs."""
    empty = desktop.empty_window(tmp_path)
    at, question = ask()
    at.curl()
    question.live("Allow")
    own, other = question.program.memory_private(), closing(empty).memory_private()
    record_property("private memory above an empty window, MB", round((own - other) / 1e6, 1))
    print(f"private memory: {own / 1e6:.1f} MB, of an empty window {other / 1e6:.1f} MB")
    assert own - other < 25e6


@pytest.mark.parametrize("scheme", ("light", "dark"))
def test_pictures(ask, desktop, screenshots, scheme, gui, house, tmp_path):
    if not screenshots:
        pytest.skip("pictures are made when BASTION_SCREENSHOTS names a folder")
    at = house()
    program = gui("bastion-gui", at.daemon, environment={"ADW_DEBUG_COLOR_SCHEME": f"prefer-{scheme}"})
    question = Question(desktop, program)
    at.somebody()
    chain = ["gnome-session", "gnome-shell", "gnome-terminal", "bash", "make"]
    for name in chain:
        os.symlink("/bin/sh", tmp_path / name)
    wrapper = []
    for name in chain:
        wrapper += [tmp_path / name, "-c", '"$@"; true', name]
    at.curl(host=HOST, wrapper=wrapper)
    question.live("Allow")
    desktop.picture(os.path.join(screenshots, "question.png" if scheme == "light" else "question-dark.png"), question.window())
    program.press(question.button("Details"))
    program.find("label", "Process")
    desktop.picture(os.path.join(screenshots, f"question-details-{scheme}.png"), question.window())
    at.curl(at.copy("wget"))
    at.curl(at.copy("backup"))
    program.find("label", "2 more waiting")
    desktop.picture(os.path.join(screenshots, f"question-more-{scheme}.png"), question.window())
