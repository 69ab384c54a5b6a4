# SPDX-License-Identifier: GPL-3.0-or-later
"""The firewall for some seconds, on a machine that nobody sits at: what was reached without it is reached with it, and it goes away
whatever is killed meanwhile.

     fw ┌───────────────────────────┐   veth   ┌────────────────────────┐ peer
        │ tester, guardian, daemon  ├──────────┤ TCP 8080, the gateway  │
        └───────────────────────────┘          └────────────────────────┘
"""

import os
import shutil
import signal

import pytest

from harness.daemon import DATA
from harness.net import Network
from harness.wait import until


@pytest.fixture
def selftest(build, network, daemon, rung):
    """selftest(words…) → its argv; `d` has the directories and the tables."""
    d = daemon(start=False)

    def argv(*more, seconds=20):
        return [os.path.join(build, "src/daemon/bastion-daemon"), f"--selftest={seconds}", f"--etc={d.path('etc')}", f"--data={DATA}",
                f"--pins={d.pin_path}", f"--rung={rung}", *more]

    argv.d = d
    argv.run = lambda *more, **kw: network.fw.run(*argv(*more, **kw))
    return argv


def nothing_is_left(d, directories):
    return d.tables() == set() and d.pins() == [] and selftest_directories() <= directories


def selftest_directories():
    return {name for name in os.listdir("/run") if name.startswith("bastion-selftest.")}


def test_what_is_reached_stays_reached(selftest, network, tcp, rung):
    network.fw.ip("route", "add", "default", "via", Network.PEER4)
    try:
        done = selftest.run(f"--reach={Network.PEER4}:{tcp.port}", f"--reach=[{Network.PEER6}]:{tcp.port}")
    finally:
        network.fw.ip("route", "del", "default")
    assert done.returncode == 0, done.stdout + done.stderr
    lines = done.stdout.splitlines()
    for expected in ("applied: bastion-daemon", f"{rung} rung", f"TCP {Network.PEER4}:{tcp.port}", f"TCP [{Network.PEER6}]:{tcp.port}",
                     "loopback 127.0.0.1", "loopback ::1", f"default gateway, ping {Network.PEER4}", "the firewall is removed again"):
        assert any(line.startswith("  ok ") and expected in line for line in lines), (expected, done.stdout)
    assert nothing_is_left(selftest.d, set())


def test_what_must_be_reached_and_is_not(selftest):
    done = selftest.run(f"--reach={Network.PEER4}:9")
    assert done.returncode == 1
    assert f"FAILED  TCP {Network.PEER4}:9: Connection refused" in done.stdout
    assert "removed again" in done.stdout
    assert nothing_is_left(selftest.d, set())


def test_the_rules_of_this_machine(selftest, build, tcp):
    """In enforcement a rule against the tester itself is a failure; in learning it blocks nothing."""
    program = os.path.join(build, "src/daemon/bastion-daemon")
    selftest.d.write_rules({f"{program}:{tcp.port}": False})
    target = f"--reach={Network.PEER4}:{tcp.port}"
    done = selftest.run("--enforcement", target)
    assert done.returncode == 1, done.stdout
    assert f"FAILED  TCP {Network.PEER4}:{tcp.port}: Connection refused with the firewall; without: reached" in done.stdout
    assert selftest.run(target).returncode == 0
    assert nothing_is_left(selftest.d, set())


def test_a_daemon_that_runs_is_left_alone(selftest, rung):
    d = selftest.d
    d.start()
    done = selftest.run()
    assert done.returncode == 1 and "a bastion-daemon runs here already" in done.stderr
    assert d.tables() != set() and d.process.poll() is None
    d.kill()
    done = selftest.run()
    assert done.returncode == 1 and "that was killed stand here" in done.stderr
    assert d.tables() != set()


def children(pid):
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as f:
        return [int(word) for word in f.read().split()]


@pytest.fixture
def standing(selftest, network, tcp):
    """A self-test in the middle of its work: (tester, guardian's pid, daemon's pid). 10.91.0.99 does not answer."""
    network.fw.ip("neigh", "replace", "10.91.0.99", "lladdr", "02:00:00:00:00:99", "dev", "uplink")
    tester = network.fw.popen(*selftest("--reach=10.91.0.99:80", seconds=30), stdout=-1, stderr=-1, text=True)
    pids = []
    try:
        until(lambda: selftest.d.tables() == {"ip bastion", "ip6 bastion"}, "the firewall to stand")
        pids += until(lambda: children(tester.pid), "the guardian")
        pids += children(pids[0])
        assert len(pids) == 2
        yield tester, *pids
    finally:
        if tester.poll() is None:
            tester.kill()
        tester.communicate()
        network.fw.ip("neigh", "del", "10.91.0.99", "dev", "uplink")


@pytest.mark.gate_only
@pytest.mark.parametrize("victims", ["tester and daemon", "guardian", "tester and guardian", "interrupt"])
def test_it_goes_away_whatever_is_killed(selftest, standing, victims):
    tester, guardian, daemon = standing
    if victims == "interrupt":
        tester.send_signal(signal.SIGINT)
    for name, pid in (("guardian", guardian), ("daemon", daemon), ("tester", tester.pid)):
        if name in victims:
            os.kill(pid, signal.SIGKILL)
    # Where the guardian dies, the daemon takes its rule away; the guardian's directory stays.
    until(lambda: nothing_is_left(selftest.d, selftest_directories() if "guardian" in victims else set()), "everything to be gone")
    for name in selftest_directories() if "guardian" in victims else ():
        shutil.rmtree(f"/run/{name}")


def test_its_time_is_bounded(selftest, network):
    network.fw.ip("neigh", "replace", "10.91.0.99", "lladdr", "02:00:00:00:00:99", "dev", "uplink")
    try:
        done = selftest.run("--reach=10.91.0.99:80", seconds=1)
    finally:
        network.fw.ip("neigh", "del", "10.91.0.99", "dev", "uplink")
    assert done.returncode == 1
    assert nothing_is_left(selftest.d, set())


@pytest.mark.parametrize("word", ["--reach=nonsense", "--reach=1.2.3.4", "--reach=1.2.3.4:0", "--reach=::1:80", "--reach=[::1:80",
                                  "--selftest=0", "--selftest=x", "--reach=:80"])
def test_words_that_mean_nothing(selftest, word):
    assert selftest.run(word).returncode == 2


def test_the_command_line_runs_it(selftest, network, build, tcp, rung):
    done = network.fw.run(os.path.join(build, "src/cli/bastion"), "selftest", 20, f"{Network.PEER4}:{tcp.port}", "--",
                          *selftest()[2:])
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"TCP {Network.PEER4}:{tcp.port}" in done.stdout
    assert nothing_is_left(selftest.d, set())
