# SPDX-License-Identifier: GPL-3.0-or-later
"""As a person installs it: run.sh, systemd as PID 1, the machine's own network. Only for a machine that was made for it;
tests/vm/run.sh boots one and says so in the environment. The tests build on each other, in this order."""

import os
import signal
import subprocess
import sys

import pytest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tests", "e2e"))

from harness.wait import until  # pylint: disable=wrong-import-position

SERVICE = "bastion-firewall"
pytestmark = pytest.mark.skipif(os.environ.get("BASTION_TEST_OWN_MACHINE") != "1", reason="needs a machine of its own: tests/vm/run.sh")


def run(*words, expect=0):
    done = subprocess.run(words, cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    said = done.stdout + done.stderr
    assert done.returncode == expect, f"{' '.join(words)}: {done.returncode}\n{said}"
    return said


def shown(name):
    return run("systemctl", "show", "--value", f"--property={name}", SERVICE).strip()


def test_install_starts_the_service():
    said = run("./run.sh", "install")
    assert "is enabled and runs" in said
    assert run("systemctl", "is-enabled", SERVICE).strip() == "enabled"
    assert shown("StatusText") == "learning, gate rung", run("journalctl", "--no-pager", "--unit", SERVICE)


def test_doctor_has_no_complaint():
    """Also under the unit's capabilities and restrictions. What it warns of is the bypass of root, which is shipped."""
    assert ", 0 failed" in run("/usr/local/bin/bastion", "doctor")


def test_a_reload_keeps_the_process():
    before = shown("MainPID")
    run("systemctl", "reload", SERVICE)
    assert (shown("MainPID"), shown("ActiveState")) == (before, "active")


def test_a_crash_is_repaired():
    before = shown("MainPID")
    os.kill(int(before), signal.SIGKILL)
    until(lambda: shown("MainPID") not in (before, "0") and shown("ActiveState") == "active", "another daemon")
    assert shown("StatusText") == "learning, gate rung"


def test_a_stop_frees_the_network():
    run("systemctl", "stop", SERVICE)
    assert "bastion" not in run("nft", "list", "tables")
    assert os.listdir("/sys/fs/bpf") == []


def test_uninstall_leaves_only_the_configuration():
    run("systemctl", "start", SERVICE)
    run("./run.sh", "uninstall")
    assert "bastion" not in run("nft", "list", "tables")
    assert os.listdir("/sys/fs/bpf") == []
    left = run("find", "/", "-xdev", "-name", "*bastion*", "-not", "-path", f"{ROOT}*", "-not", "-path", "/tmp/*", "-not", "-name", "bastion-vm.service").split()
    assert left == ["/etc/bastion"]
    assert "bastion" not in run("getent", "group") + run("getent", "passwd")
