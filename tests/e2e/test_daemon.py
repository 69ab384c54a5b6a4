# SPDX-License-Identifier: GPL-3.0-or-later
"""The daemon as an administrator meets it: start, stop, crash, reload, what it leaves behind; and the command line.

     fw ┌────────────────┐   veth   ┌──────────┐ peer
        │ bastion-daemon ├──────────┤ TCP 8080 │
        └────────────────┘          └──────────┘
"""

import json
import os
import shutil
import subprocess

import pytest

from harness.daemon import Daemon
from harness.net import Network
from harness.wait import until

CURL = os.path.realpath(shutil.which("curl") or "/usr/bin/curl")
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
TABLES = {"ip bastion", "ip6 bastion"}


@pytest.fixture
def curl(network, tcp):
    """curl() → its exit code."""
    return lambda: network.fw.run(CURL, "--silent", "--max-time", "30", f"http://{Network.PEER4}:8080/").returncode


def test_the_rung_is_the_one_asked_for(daemon, cli, rung):
    d = daemon()
    assert cli(d).json("status")["status"]["rung"] == rung


@pytest.mark.skipif(not os.path.exists("/sys/kernel/btf/vmlinux"), reason="a kernel without BTF has no gate")
def test_auto_takes_the_gate(build, network, closing, cli, tmp_path):
    d = closing(Daemon(build, network.fw, tmp_path / "bastion", "auto")).start()
    assert cli(d).json("status")["status"]["rung"] == "gate", d.output()


def test_the_queue_is_nfts_own_where_the_kernel_has_it(network, daemon, cli):
    """Other people's tools can read such a rule; the xt target is for kernels without."""
    network.fw.run("nft", "add table ip other; add chain ip other output", check=True)
    try:
        has_queue = network.fw.run("nft", "add rule ip other output queue to 9").returncode == 0
    finally:
        network.fw.run("nft", "delete table ip other", check=True)
    shown = cli(daemon())("status", "--kernel")
    assert ("queue to " in shown) == has_queue, shown
    assert ("xt target NFQUEUE" in shown) == (not has_queue), shown


def test_a_stop_leaves_nothing(daemon, curl):
    d = daemon()
    assert d.tables() == TABLES
    d.stop()
    assert d.tables() == set()
    assert d.pins() == []
    assert not os.path.exists(d.socket_path)
    assert curl() == 0


def test_after_a_crash_the_undecided_stay_out_and_a_new_daemon_takes_over(daemon, curl, old_client):
    d = daemon(rules={f"{CURL}:*": True})
    assert curl() == 0
    d.kill()
    assert d.tables() == TABLES, "on_failure is closed in enforcement: the tables outlive the daemon"
    d.start()
    assert d.tables() == TABLES
    assert curl() == 0


def test_rescue_sets_the_machine_free(daemon, network, curl):
    """tools/rescue.sh, after a crash in enforcement: plain shell, no binary of ours."""
    d = daemon()
    d.kill()
    done = network.fw.run("sh", os.path.join(ROOT, "tools/rescue.sh"), f"--pins={d.pin_path}")
    assert done.returncode == 0, done.stdout + done.stderr
    assert d.tables() == set()
    assert d.pins() == []
    assert curl() == 0


def test_the_daemons_own_rescue(daemon, network, curl):
    d = daemon()
    d.kill()
    done = network.fw.run(*d.argv("--rescue"))
    assert done.returncode == 0, done.stdout + done.stderr
    assert d.tables() == set()
    assert d.pins() == []
    assert curl() == 0


def test_sighup_reads_the_rules_again(daemon, curl, subscriber):
    d = daemon(rules={f"{CURL}:*": False})
    assert curl() == 7
    d.write_rules({f"{CURL}:*": True})
    d.reload()
    until(lambda: curl() == 0, "the new rule in force")


def test_sighup_keeps_an_open_question(daemon, network, old_client, tcp):
    d = daemon()
    person = old_client(d)
    running = network.fw.popen(CURL, "--silent", "--max-time", "60", f"http://{Network.PEER4}:8080/", stdout=-1)
    request = person.popup(CURL)
    d.write_rules({"/usr/bin/other:443": True})
    d.reload()
    person.send({"type": "list_rules"})
    until(lambda: any("/usr/bin/other:443" in m["rules"] for m in person.of_type("rules_list"))
          or person.send({"type": "list_rules"}), "the new rules")
    person.answer(request, True, duration="once")
    out, _ = running.communicate(timeout=60)
    assert (running.returncode, out) == (0, b"hello\n")


def test_bad_rules_keep_the_last_good_ones(daemon, curl):
    d = daemon(rules={f"{CURL}:*": True})
    assert curl() == 0
    d.write_rules('{"applications": {},\n "/usr/bin/x:80": maybe}\n')
    d.reload()
    until(lambda: "rules.json:2" in d.output() or "line 2" in d.output(), lambda: f"an error with its line: {d.output()}")
    assert curl() == 0


def test_check_says_where_it_is_wrong(daemon, network):
    d = daemon(start=False)
    assert network.fw.run(*d.argv("--check")).returncode == 0
    d.write_rules('{"applications": {},\n "/usr/bin/x:80": maybe}\n')
    done = network.fw.run(*d.argv("--check"))
    assert done.returncode == 2
    assert "2" in done.stdout + done.stderr
    assert d.tables() == set()


def test_a_second_daemon_is_refused(daemon, network):
    d = daemon()
    done = network.fw.run(*d.argv())
    assert done.returncode != 0
    assert d.tables() == TABLES


def test_version(build, network):
    done = network.fw.run(os.path.join(build, "src/daemon/bastion-daemon"), "--version")
    assert done.returncode == 0 and any(c.isdigit() for c in done.stdout)


def test_cli_without_a_daemon(daemon, cli):
    d = daemon(start=False)
    for command in ("status", "watch", "log"):
        cli(d)(command, expect=3)


def test_cli_wrong_input(daemon, cli):
    d = daemon()
    cli(d)("no-such-command", expect=2)
    cli(d)("rules", "add", "permit", "curl", expect=2)


def test_cli_watch_json(daemon, cli, curl, network):
    d = daemon(rules={f"{CURL}:*": True})
    watch = cli(d).popen("watch", "--json", stdout=subprocess.PIPE, text=True)
    try:
        lines = []
        import threading  # pylint: disable=import-outside-toplevel
        reader = threading.Thread(target=lambda: lines.extend(iter(watch.stdout.readline, "")), daemon=True)
        reader.start()

        def told():
            curl()  # until the subscription stands
            return lines

        until(told, "a decision")
        decision = json.loads(lines[0])
        for field in ("time", "verdict", "reason", "rule", "path", "pid", "uid", "protocol", "local_ip", "local_port", "remote_ip",
                      "remote_port", "host", "identity"):
            assert field in decision, decision
        assert (decision["path"], decision["remote_ip"], decision["remote_port"]) == (CURL, Network.PEER4, 8080)
        assert decision["rule"] == f"{CURL}:*"
    finally:
        watch.kill()
        watch.wait()


def test_cli_rules_act_at_once(daemon, cli, curl):
    d = daemon(rules={f"{CURL}:*": True})
    bastion = cli(d)
    assert curl() == 0
    bastion("rules", "add", f"deny {CURL} port 8080")
    assert curl() == 7
    bastion("rules", "delete", f"{CURL}:8080")
    assert curl() == 0
    assert f"{CURL}:*" in bastion("rules", "list")


def test_cli_mode_and_try(daemon, cli, curl):
    d = daemon({"mode": "learning"})
    bastion = cli(d)
    assert curl() == 0
    bastion("mode", "enforcement", "--try", "60")
    assert curl() == 7
    assert json.load(open(d.path("etc", "config.json"), encoding="utf-8"))["mode"] == "learning", "a try is not kept"
    bastion("mode", "learning")
    assert curl() == 0


def test_cli_log(daemon, cli, curl):
    d = daemon(rules={f"{CURL}:*": True})
    assert curl() == 0
    until(lambda: CURL in cli(d)("log", "--json"), "the decision in the log")


def test_doctor_has_no_complaint(daemon, cli, rung):
    d = daemon()
    done = cli(d)("doctor", expect=None)
    assert rung in done or done
