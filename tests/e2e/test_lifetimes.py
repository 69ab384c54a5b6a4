# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules that end by themselves: each when it should, neither sooner nor later, whatever becomes of the daemon and of the wall clock
meanwhile; and what lives by them ends with them.

     fw                                          peer
     ┌────────────────────────────┐             ┌───────────────────────────┐
     │ bastion-daemon             │    veth     │ TCP 8080                  │
     │ errands; sockets of this ──┼─────────────┤ UDP and TCP servers that  │
     │   process (python)         │             │   keep silent             │
     └────────────────────────────┘             └───────────────────────────┘

A time is counted on CLOCK_BOOTTIME, which the test reads too. Another start of the machine is another boot_id in the file."""

import datetime
import errno
import itertools
import os
import subprocess
import time

import pytest

from harness.net import Network
from harness.programs import FOLDER
from harness.sockets import PYTHON, tcp as connect
from harness.wait import until
from test_live_flows import ENDED, PORTS, Flow, ended
from test_verdicts import Errands

SECOND = 1.0  # what is promised
A = 8080
NAMES = itertools.count()
DAY = 24 * 60 * 60

each_kind = pytest.mark.parametrize("kind", ("tcp", "udp"))
each_version = pytest.mark.parametrize("address", (Network.PEER4, Network.PEER6), ids=("v4", "v6"))


def now():
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME)


def end_of(rule):
    """Seconds until it ends."""
    return (rule["boottime_ns"] - now()) / 1e9


def utc(seconds):
    """A time as rules.json has it."""
    return datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def add(watcher, sentence, **fields):
    reply = watcher.request("rule_add", **({"sentence": sentence} if sentence else fields))
    assert reply["type"] == "reply", reply
    return reply["rule"]


def ids(watcher):
    return {rule["id"]: rule for rule in watcher.request("rules")["rules"] if rule["origin"] != "factory"}


@pytest.fixture
def flow(network, closing):
    return lambda kind, address, **kw: closing(Flow(network, kind, address, **kw))


@pytest.fixture
def errands(network, programs, closing):
    """A program of its own that connects as it is told."""
    return lambda path=None: closing(Errands(network.fw, path or programs.copy("errands", f"lifetime-{next(NAMES)}")))


@pytest.fixture
def watched(daemon, subscriber):
    """A daemon, and a client that hears of everything but is nobody to ask."""
    def start(rules=None, config=None, **kw):
        d = daemon(config, rules, **kw)
        return d, subscriber(d, "decisions", "rules")

    return start


# ---- a time -------------------------------------------------------------------------------------------------------------------

@each_version
@each_kind
def test_what_lives_by_a_rule_ends_with_its_time(kind, address, watched, flow):
    """A flow that only receives; another, which another rule allows, does not feel it."""
    d, watcher = watched({f"{PYTHON}:*": False})
    port = next(PORTS) + 1
    rule = add(watcher, f"allow {PYTHON} port {port} for 3 seconds")
    add(watcher, f"allow {PYTHON} port {port + 1}")
    one, other = flow(kind, address), flow(kind, address)
    assert one.lives() and (one.port, other.port) == (port, port + 1)
    error = ended(one.near, 20)
    late = -end_of(rule)
    print(f"{kind}: {errno.errorcode.get(error, error)} {late * 1000:.1f} ms after its end")
    assert error in ENDED
    assert 0 <= late < SECOND
    gone = watcher.wait("rule_gone", lambda m: m["rule"]["id"] == rule["id"])
    assert (gone["why"], gone["rule"]["lifetime"]) == ("expired", "until")
    assert rule["id"] not in ids(watcher)
    until(lambda: f"[ENDED] {rule['id']}: allow {PYTHON} port {port} until " in d.log(), "a line in the log")
    assert other.lives()


@pytest.mark.parametrize("allow", (True, False), ids=("allow", "deny"))
def test_what_the_kernel_knows_ends_with_the_rule(allow, watched, errands, tcp):
    """Connection after connection, nearly all of them decided without the daemon: not one is decided by the rule after its end, and not one
    without it before."""
    program = errands()
    _, watcher = watched({f"{program.path}:*": not allow})
    rule = add(watcher, f"{'allow' if allow else 'deny'} {program.path} port {A} for 2s")
    n = [0, 0]
    while end_of(rule) > -2:
        before = end_of(rule)
        (result,) = program.tcp(Network.PEER4, A)
        if end_of(rule) > 0:
            assert (result == 0) == allow, f"{result} {end_of(rule):.4f} s before its end"
            n[0] += 1
        elif before < -SECOND / 4:
            assert (result == 0) != allow, f"{result} {-before:.4f} s after its end"
            n[1] += 1
    assert min(n) > 20, n
    assert (program.tcp(Network.PEER4, A) == {0: 1}) != allow


@each_kind
def test_what_no_rule_knows_any_more(kind, rung, daemon, person, flow, network):
    """Nothing denies it, so that it is asked about at its next packet; without an answer it goes no further. On the queue rung, which cannot hold
    a TCP connection that lives, that ends."""
    d = daemon()
    someone, port = person(d), next(PORTS) + 1
    rule = add(someone, f"allow {PYTHON} port {port} for 2 seconds")
    one = flow(kind, Network.PEER4)
    assert one.lives()
    someone.wait("rule_gone", lambda m: m["rule"]["id"] == rule["id"])
    someone.request("status")  # live flows were decided again before this was read
    if (kind, rung) == ("tcp", "queue"):
        assert ended(one.near, 20) in ENDED
        assert 0 <= -end_of(rule) < SECOND
        told = someone.decision(verdict="deny", remote_port=port)
        assert (told["reason"], told["rule"]) == ("nobody", None)
        return
    one.near.send(b"held")
    question = someone.wait("question", lambda q: q["remote_port"] == port)
    one.far.settimeout(0.3)
    with pytest.raises(TimeoutError):
        one.far.recv(100)
    one.far.settimeout(20)
    assert someone.request("answer", question=question["question"], allow=True, lifetime="until", seconds=60)["rule"]["lifetime"] == "until"
    assert one.far.recv(100) == b"held"


@pytest.mark.either_rung
@pytest.mark.parametrize("lifetime", ("for 1 hour", "for session", "until reboot", "until 2031-01-01Z"))
def test_a_rule_said_again_is_one_rule(lifetime, watched, flow):
    """The second has its own time; what the first would have ended goes on."""
    _, watcher = watched({f"{PYTHON}:*": False})
    port = next(PORTS) + 1
    first = add(watcher, f"allow {PYTHON} port {port} for 2 seconds")
    one = flow("tcp", Network.PEER4)
    second = add(watcher, f"allow {PYTHON} port {port} {lifetime}")
    until(lambda: end_of(first) < -SECOND / 2, "the end of what was said first")
    assert one.lives()
    found = ids(watcher)
    assert second["id"] in found
    if "session" not in lifetime:  # which is in memory, beside the file
        assert second["id"] == first["id"] and [r for r in found.values() if r["origin"] == "list"] == [second]
        assert not watcher.of_type("rule_gone")


def test_the_end_of_a_denial_ends_nothing(watched, flow):
    _, watcher = watched({f"{PYTHON}:*": True})
    one = flow("tcp", Network.PEER4)
    rule = add(watcher, f"deny {PYTHON} port 9 for 1s")
    watcher.wait("rule_gone", lambda m: m["rule"]["id"] == rule["id"])
    assert one.lives()


@pytest.mark.either_rung
@pytest.mark.parametrize("sentence, seconds", (("for 1 hour", 3600), ("for 90 minutes", 5400), ("for 2 days", 2 * DAY), ("for 30s", 30),
                                               ("for 3660d", 3660 * DAY)))
def test_how_long_is_what_was_said(sentence, seconds, watched, cli):
    d, watcher = watched()
    began, wall = now(), time.time()
    rule = add(watcher, f"allow {PYTHON} {sentence}")
    assert 0 <= rule["boottime_ns"] - began - seconds * 10**9 < 10**9
    until_s = datetime.datetime.fromisoformat(rule["until"].replace("Z", "+00:00")).timestamp()
    assert abs(until_s - wall - seconds) <= 2
    assert rule["sentence"] == f"allow {PYTHON} until {rule['until']}"
    with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as f:
        assert rule["boot"] == f.read().strip()
    listed = cli(d)("rules")
    (line,) = [line for line in listed.splitlines() if line.startswith(rule["id"] + " ")]
    assert f"allow {PYTHON} until {rule['until']}  (for " in line and line.endswith(" more)")
    (told,) = [r for r in cli(d).json("rules")["rules"] if r["id"] == rule["id"]]
    assert {k: told[k] for k in ("lifetime", "until", "boot", "boottime_ns")} == {k: rule[k] for k in ("lifetime", "until", "boot", "boottime_ns")}
    (kept,) = d.rules()["rules"]
    assert {k: kept[k] for k in ("lifetime", "until", "boot", "boottime_ns")} == {k: rule[k] for k in ("lifetime", "until", "boot", "boottime_ns")}
    assert not any(key.startswith("/") for key in d.rules()), "never flat"


@pytest.mark.either_rung
def test_until_a_date_as_people_write_it(watched, cli):
    """Local time is the command line's: it says UTC to the daemon."""
    d, watcher = watched()
    for words, zone, expected in ((("2031-07-01",), "UTC", "2031-07-01T00:00:00Z"), (("2031-07-01", "18:00"), "Europe/Berlin", "2031-07-01T16:00:00Z"),
                                  (("2031-01-01 18:00:05",), "Europe/Berlin", "2031-01-01T17:00:05Z"),
                                  (("2031-07-01T18:00-07:00",), "UTC", "2031-07-02T01:00:00Z")):
        cli(d)("rules", "add", "allow", PYTHON, "until", *words, "note", zone, env={**os.environ, "TZ": zone})
        (rule,) = ids(watcher).values()
        assert rule["until"] == expected, words
    before = watcher.request("rule_add", sentence=f"allow {PYTHON} until 2001-01-01Z")
    assert (before["type"], before["code"]) == ("error", "bad-field") and "a time to come" in before["message"]
    local = watcher.request("rule_add", sentence=f"allow {PYTHON} until 2031-01-01")
    assert (local["type"], local["code"]) == ("error", "bad-field") and "Z or an offset" in local["message"]
    done = subprocess.run(cli(d).argv("rules", "add", "allow", PYTHON, "for", "1", "fortnight"), capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.splitlines()[1:] == [f"  allow {PYTHON} for 1 fortnight", " " * len(f"  allow {PYTHON} for 1 ") + "^" * 9,
                                            "expected seconds, minutes, hours or days, or s, m, h or d"]


# ---- what becomes of the daemon ---------------------------------------------------------------------------------------------------

@pytest.mark.either_rung
@pytest.mark.parametrize("how", ("restart", "crash", "reload"))
def test_a_time_goes_on_without_the_daemon(how, daemon, subscriber, flow, network):
    d = daemon(rules={f"{PYTHON}:*": False})
    port = next(PORTS) + 1
    watcher = subscriber(d, "decisions", "rules")
    rules = [add(watcher, f"allow {PYTHON} port {port} for 6 seconds"), add(watcher, f"allow {PYTHON} port 9 until reboot"),
             add(watcher, f"allow {PYTHON} port 10 until 2031-01-01Z"), add(watcher, f"allow {PYTHON} port 11 for session")]
    if how == "crash":
        d.kill()
        d.start()
    elif how == "restart":
        d.restart()
    else:
        d.reload_and_wait()
    watcher = subscriber(d, "decisions", "rules")
    found = ids(watcher)
    kept = rules if how == "reload" else rules[:3]
    assert {k: r for k, r in found.items() if r["origin"] != "flat"} == {r["id"]: r for r in kept}
    one = flow("tcp", Network.PEER4)
    assert one.port == port
    assert ended(one.near, 20) in ENDED
    assert 0 <= -end_of(rules[0]) < SECOND
    assert connect(network.fw, Network.PEER4, port) != 0


@pytest.mark.either_rung
def test_what_ended_without_a_daemon_is_not_loaded(daemon, subscriber):
    d = daemon()
    watcher = subscriber(d, "rules")
    gone, kept = add(watcher, f"allow {PYTHON} port 9 for 1s"), add(watcher, f"allow {PYTHON} port 10 for 1h")
    d.kill()
    until(lambda: end_of(gone) < 0, "the end of the rule")
    d.start()
    watcher = subscriber(d, "rules")
    assert set(ids(watcher)) == {kept["id"]}
    assert "the time of 1 rules is over" in d.output()
    add(watcher, f"deny {PYTHON} port 11")
    until(lambda: [r["id"] for r in d.rules()["rules"]] == [kept["id"]], "the file to be without it")


@pytest.mark.either_rung
def test_another_start_of_the_machine(daemon, subscriber):
    """By the wall clock alone, for CLOCK_BOOTTIME has begun anew; and once."""
    d = daemon()
    watcher = subscriber(d, "rules")
    hour, second, boot = (add(watcher, f"allow {PYTHON} port {port} {words}") for port, words in ((9, "for 1 hour"), (10, "for 1 second"), (11, "until reboot")))
    watcher.wait("rule_gone", lambda m: m["rule"]["id"] == second["id"])
    d.stop()
    file = d.rules()
    for rule in file["rules"]:
        if "boot" in rule:
            rule["boot"] = "01234567-89ab-cdef-0123-456789abcdef"
        if "boottime_ns" in rule:
            rule["boottime_ns"] = 7  # of a machine that had just begun
    d.write_rules(file)
    d.start()
    watcher = subscriber(d, "rules")
    (rule,) = ids(watcher).values()
    assert (rule["id"], rule["until"], rule["boot"]) == (hour["id"], hour["until"], hour["boot"])
    assert abs(rule["boottime_ns"] - hour["boottime_ns"]) < 2 * 10**9
    until(lambda: [r.get("boottime_ns") for r in d.rules()["rules"]] == [rule["boottime_ns"]], lambda: f"the file to say by which clock: {d.rules()}\n{rule}\n{d.output()}")
    assert boot["id"] not in [r["id"] for r in d.rules()["rules"]]


@pytest.fixture(scope="session")
def shifting(tmp_path_factory):
    """A library that puts the wall clock of whoever loads it forward or back, by seconds in a file; no other clock, and nobody else's."""
    folder = tmp_path_factory.mktemp("shift")
    library, amount = str(folder / "clock-shift.so"), folder / "seconds"
    subprocess.run([os.environ.get("CC", "gcc"), "-O1", "-shared", "-fPIC", "-Wall", "-Werror", "-D_GNU_SOURCE", "-o", library,
                    os.path.join(FOLDER, "clock-shift.c")], check=True)

    def shift(seconds):
        with open(amount, "r+b") as f:
            f.write(int(seconds).to_bytes(8, "little", signed=True))

    amount.write_bytes(bytes(8))
    shift.environment = {"LD_PRELOAD": library, "CLOCK_SHIFT": str(amount), "ASAN_OPTIONS": "verify_asan_link_order=0"}
    yield shift
    shift(0)


@pytest.mark.either_rung
@pytest.mark.parametrize("days", (1, -1), ids=("forward", "back"))
def test_a_clock_that_is_set_changes_no_lifetime(days, daemon, subscriber, shifting, flow):
    """While the daemon runs, and while it does not."""
    shifting(0)
    d = daemon(rules={f"{PYTHON}:*": False}, environment=shifting.environment)
    port = next(PORTS) + 1
    watcher = subscriber(d, "decisions", "rules")
    rule = add(watcher, f"allow {PYTHON} port {port} for 8 seconds")
    dated = add(watcher, f"allow {PYTHON} port 9 until {utc(time.time() + 3600)}")
    shifting(days * DAY)
    told = add(watcher, f"allow {PYTHON} port 10 for 1 hour")
    assert abs(datetime.datetime.fromisoformat(told["until"].replace("Z", "+00:00")).timestamp() - time.time() - 3600 - days * DAY) < 3, "it was set"
    d.reload_and_wait()
    assert {r["boottime_ns"] for r in ids(watcher).values() if "boottime_ns" in r} == {r["boottime_ns"] for r in (rule, dated, told)}
    d.kill()
    d.start()
    watcher = subscriber(d, "decisions", "rules")
    assert {r["boottime_ns"] for r in ids(watcher).values() if "boottime_ns" in r} == {r["boottime_ns"] for r in (rule, dated, told)}
    one = flow("tcp", Network.PEER4)
    assert one.port == port and one.lives()
    assert ended(one.near, 20) in ENDED
    assert 0 <= -end_of(rule) < SECOND


# ---- a process ---------------------------------------------------------------------------------------------------------------------

@pytest.fixture
def person(subscriber):
    return lambda d: subscriber(d, "questions", "rules", "decisions")


def ask(program, person, port=A, **answer):
    """One connection that is asked about, and the rule that the answer wrote."""
    program.say("stream", 0, Network.PEER4, port, 1)
    question = person.wait("question", lambda q: q["pid"] == program.pid and q["remote_port"] == port and q["question"] not in ASKED)
    ASKED.add(question["question"])
    reply = person.request("answer", question=question["question"], **{"allow": True, **answer})
    assert reply["type"] == "reply", reply
    return program.heard(), reply["rule"]


ASKED = set()  # questions that were answered


def questions_of(person, program):
    return [q for q in person.of_type("question") if q["pid"] == program.pid]


def test_a_rule_ends_with_its_process(daemon, person, errands, tcp, closing):
    d = daemon()
    someone, first = person(d), errands()
    second = errands(first.path)
    result, rule = ask(first, someone, lifetime="process")
    assert result == 0
    assert (rule["lifetime"], rule["origin"], rule["process"]["pid"]) == ("process", "session", first.pid)
    assert [first.one() for _ in range(3)] == [0, 0, 0]
    assert len(questions_of(someone, first)) == 1, "not asked again"
    result, other = ask(second, someone, allow=False)
    assert result != 0 and other["id"] != rule["id"], "another process of the same program"
    assert rule["id"] in ids(someone)
    first.close()
    gone = someone.wait("rule_gone", lambda m: m["rule"]["id"] == rule["id"])
    assert gone["why"] == "exited"
    assert rule["id"] not in ids(someone)
    until(lambda: f"[ENDED] {rule['id']}: " in d.log(), "a line in the log")
    assert not [k for k in d.rules() if k.startswith("/")] and "rules" not in d.rules()
    assert not descriptors(d, "pidfd")


def descriptors(d, word):
    """What the daemon holds of that kind."""
    found = []
    for fd in os.listdir(f"/proc/{d.pid}/fd"):
        try:
            found.append(os.readlink(f"/proc/{d.pid}/fd/{fd}"))
        except FileNotFoundError:
            pass
    return [link for link in found if word in link]


def test_a_deleted_rule_of_a_process_waits_for_nobody(daemon, person, errands, tcp):
    """And comes back with the next answer."""
    d = daemon()
    someone, program = person(d), errands()
    for _ in range(3):
        result, rule = ask(program, someone, lifetime="process")
        assert result == 0
        assert someone.request("rule_delete", rule=rule["id"])["type"] == "reply"
        someone.wait("rule_gone", lambda m, i=rule["id"]: m["rule"]["id"] == i and m["why"] == "deleted")
    assert len(descriptors(d, "pidfd")) <= 1
    program.close()
    until(lambda: not descriptors(d, "pidfd"), "the last descriptor to be closed")


@pytest.mark.gate_only  # where /proc alone was asked nobody counts execs
def test_another_program_in_the_same_process_is_another_process(daemon, person, errands, tcp):
    someone, program = person(daemon()), errands()
    result, rule = ask(program, someone, lifetime="process")
    assert result == 0
    program.run(program.path)
    result, _ = ask(program, someone, allow=False)
    assert result != 0
    program.close()
    someone.wait("rule_gone", lambda m: m["rule"]["id"] == rule["id"])


def test_a_process_that_has_exited_leaves_no_rule(daemon, person, errands, tcp):
    someone, program = person(daemon()), errands()
    program.say("stream", 0, Network.PEER4, A, 1)
    question = someone.wait("question", lambda q: q["pid"] == program.pid)
    program.close()
    reply = someone.request("answer", question=question["question"], allow=True, lifetime="process")
    assert reply["type"] == "reply" and reply["rule"] is None, reply
    assert not [r for r in ids(someone).values() if r["lifetime"] == "process"]


@pytest.mark.either_rung
def test_many_processes(daemon, person, errands, tcp):
    """There is a bound; past it an answer holds for its connections and says that it is no rule."""
    someone, programs = person(daemon()), [errands()]
    programs += [errands(programs[0].path) for _ in range(LIMIT_PROCESS_RULES + 1)]
    for program in programs[:LIMIT_PROCESS_RULES]:
        assert ask(program, someone, lifetime="process")[0] == 0
    program = programs[LIMIT_PROCESS_RULES]
    program.say("stream", 0, Network.PEER4, A, 1)
    question = someone.wait("question", lambda q: q["pid"] == program.pid)
    reply = someone.request("answer", question=question["question"], allow=True, lifetime="process")
    assert (reply["type"], reply["code"]) == ("error", "full"), reply
    assert program.heard() == 0
    programs[0].close()
    someone.wait("rule_gone", lambda m: m["rule"]["process"]["pid"] == programs[0].pid)
    assert ask(programs[-1], someone, lifetime="process")[1]["lifetime"] == "process"


LIMIT_PROCESS_RULES = 256


# ---- answers -----------------------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("allow", (True, False), ids=("allow", "deny"))
def test_an_answer_for_a_time(allow, daemon, person, errands, tcp):
    d = daemon()
    someone, program = person(d), errands()
    result, rule = ask(program, someone, allow=allow, lifetime="until", seconds=2)
    assert (result == 0) == allow
    assert (rule["lifetime"], rule["origin"]) == ("until", "list") and 1 < end_of(rule) <= 2
    while end_of(rule) > 0.2:
        assert (program.one() == 0) == allow
    someone.wait("rule_gone", lambda m: m["rule"]["id"] == rule["id"])
    assert (ask(program, someone, allow=not allow)[0] == 0) == (not allow), "asked again"


def test_the_other_answers(daemon, person, errands, tcp, cli):
    d = daemon()
    someone, bastion = person(d), cli(d)
    date = utc(time.time() + 1000)
    for fields, lifetime in (({"lifetime": "until", "until": date}, "until"), ({"lifetime": "reboot"}, "reboot")):
        program = errands()
        result, rule = ask(program, someone, **fields)
        assert (result, rule["lifetime"], rule["origin"]) == (0, lifetime, "list")
        assert program.one() == 0
    until(lambda: {r["lifetime"] for r in d.rules().get("rules", ())} == {"until", "reboot"}, "the answers to be on disk")
    assert date in {r.get("until") for r in d.rules()["rules"]}
    program = errands()
    program.say("stream", 0, Network.PEER4, A, 1)
    question = someone.wait("question", lambda q: q["pid"] == program.pid)
    reply = someone.request("answer", question=question["question"], allow=True, lifetime="until", until="2001-01-01T00:00:00Z")
    assert (reply["type"], reply["code"]) == ("error", "bad-field")
    assert bastion("answer", question["question"], "allow", "90m", "all-ports") == "allow for 90 minutes, all ports\n"
    assert program.heard() == 0
    (rule,) = [r for r in ids(someone).values() if r.get("program") == program.path]
    assert 5390 < end_of(rule) <= 5400 and "ports" not in rule


def test_without_session_answers(daemon, person, errands, tcp):
    """cache_decisions off: what would be in memory is for once; a time is kept in the file, and holds."""
    someone, program, other = person(daemon({"cache_decisions": False})), errands(), errands()
    assert ask(program, someone, lifetime="process")[1]["lifetime"] == "once"
    assert ask(other, someone, lifetime="until", seconds=60)[1]["lifetime"] == "until"
    assert other.one() == 0
