# SPDX-License-Identifier: GPL-3.0-or-later
"""bastion-reload-rules, bastion-reload-config, bastion-launch and the scripts of tools/, as old panels and people's habits call them. The
helpers know the system's directories only, so they run in a mount namespace in which those are the test's.
"""

import os
import shutil
import signal
import stat
import subprocess

import pytest

from harness.wait import until

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
TOOLS = os.path.join(ROOT, "tools")
pytestmark = pytest.mark.gate_only
NOBODY = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--")


class Machine:
    """/etc and /run as the helpers see them; the daemon's own directories are bound into them."""

    def __init__(self, build, d, directory):
        self.build, self.d = build, d
        self.etc, self.run = str(directory / "etc"), str(directory / "run")
        for base in (self.etc, self.run):
            os.makedirs(os.path.join(base, "bastion"))
        for name in ("passwd", "group"):
            shutil.copy(os.path.join("/etc", name), self.etc)
        self.tmp = str(directory / "prepared")

    def __call__(self, *argv, env=None):
        script = (f'set -e; mount --make-rprivate /; mount --bind "{self.d.path("etc")}" "{self.etc}/bastion"; '
                  f'mount --bind "{self.d.path("run")}" "{self.run}/bastion"; mount --rbind "{self.etc}" /etc; mount --rbind "{self.run}" /run; '
                  'exec "$@"')
        return subprocess.run(["unshare", "--mount", "sh", "-c", script, "sh", *argv], capture_output=True, text=True, check=False, env=env,
                              stdin=subprocess.DEVNULL, timeout=60)

    def helper(self, name, target, wrapper=(), tmp=None):
        return self(*wrapper, os.path.join(self.build, "src/helpers", f"bastion-reload-{name}"), tmp or self.tmp, target)

    def prepare(self, text, owner=65534):
        with open(self.tmp, "w", encoding="utf-8") as f:
            f.write(text)
        os.chown(self.tmp, owner, owner)
        os.chmod(self.tmp, 0o600)


RULES, CONFIG = "/etc/bastion/rules.json", "/etc/bastion/config.json"


@pytest.fixture
def machine(build, daemon, tmp_path):
    def make(start=True, **kw):
        return Machine(build, daemon(start=start, **kw), tmp_path)
    return make


def check_replaced(m, name, text):
    path = m.d.path("etc", name)
    assert open(path, encoding="utf-8").read() == text
    st = os.lstat(path)
    assert stat.S_ISREG(st.st_mode) and (st.st_uid, st.st_gid, st.st_mode & 0o7777) == (0, 0, 0o644)
    assert not os.path.exists(m.tmp), "TMP is consumed"


def test_rules_are_put_in_place_and_read(machine, old_client):
    m = machine(rules={"/usr/bin/old:1": True})
    text = '{"applications": {}, "services": {}, "/usr/bin/new:443": true}'
    m.prepare(text)
    done = m.helper("rules", RULES)
    assert (done.returncode, done.stderr) == (0, "")
    check_replaced(m, "rules.json", text)
    until(lambda: "reloaded: " in m.d.output(), "the daemon told")
    assert old_client(m.d).settle().of_type("rules_list")[-1]["rules"] == {"/usr/bin/new:443": True}


def test_rules_without_a_daemon(machine):
    """In place, and exit 1: a panel says then that nothing was reloaded."""
    m = machine(start=False)
    m.prepare('{"/usr/bin/new:443": true}')
    done = m.helper("rules", RULES)
    assert done.returncode == 1 and "no daemon runs" in done.stderr
    check_replaced(m, "rules.json", '{"/usr/bin/new:443": true}')


def test_a_dead_daemons_lock_signals_nobody(machine):
    """Its pid may be somebody else's by now: here it is this test's."""
    m = machine(start=False)
    with open(m.d.path("run", "bastion-daemon.lock"), "w", encoding="ascii") as f:
        f.write(f"{os.getpid()}\n")
    m.prepare("{}")
    heard = []
    before = signal.signal(signal.SIGHUP, lambda *a: heard.append(a))
    try:
        assert m.helper("rules", RULES).returncode == 1
    finally:
        signal.signal(signal.SIGHUP, before)
    assert heard == []


def test_config_is_put_in_place_and_read(machine, cli):
    m = machine(config={"mode": "enforcement"})
    m.prepare('{"mode": "learning", "log_decisions": false}')
    assert m.helper("config", CONFIG).returncode == 0
    check_replaced(m, "config.json", '{"mode": "learning", "log_decisions": false}')
    until(lambda: cli(m.d).json("status")["status"]["mode"] == "learning", "the mode of the new file")


def test_config_without_a_daemon_is_fine(machine):
    m = machine(start=False)
    m.prepare('{"mode": "learning"}')
    done = m.helper("config", CONFIG)
    assert (done.returncode, done.stderr) == (0, "")
    check_replaced(m, "config.json", '{"mode": "learning"}')


@pytest.mark.parametrize("name, target, text, where", (
    ("rules", RULES, '{\n "/usr/bin/x:80": "yes"}', ":2:19: "), ("rules", RULES, '{\n"a": true,,}', ":2:"), ("rules", RULES, "", ":1:1: "),
    ("config", CONFIG, '{"mode": "learning",\n "timeout_seconds": 4}', ":2:21: timeout_seconds: expected"), ("config", CONFIG, "{", ":1:"),
    ("config", CONFIG, '{"mode":\n"lerning"}', ":2:1: mode: expected")))
def test_a_mistake_replaces_nothing(name, target, text, where, machine):
    m = machine(rules={"/usr/bin/old:1": True})
    file = os.path.basename(target)
    before = open(m.d.path("etc", file), encoding="utf-8").read()
    m.prepare(text)
    done = m.helper(name, target)
    assert done.returncode == 2 and m.tmp + where in done.stderr, done.stderr
    assert open(m.d.path("etc", file), encoding="utf-8").read() == before
    assert os.path.exists(m.tmp)
    assert "reloaded: " not in m.d.output()


@pytest.mark.parametrize("name, good", (("rules", "{}"), ("config", '{"mode": "learning"}')))
@pytest.mark.parametrize("kind", ("symlink", "directory", "fifo", "nothing"))
def test_tmp_is_a_regular_file(kind, name, good, machine, tmp_path):
    m = machine(start=False)
    m.prepare(good)
    os.rename(m.tmp, m.tmp + ".real")
    if kind == "symlink":
        os.symlink(m.tmp + ".real", m.tmp)
    elif kind == "directory":
        os.mkdir(m.tmp)
    elif kind == "fifo":
        os.mkfifo(m.tmp)
    target = RULES if name == "rules" else CONFIG
    before = os.listdir(m.d.path("etc"))
    done = m.helper(name, target)
    assert done.returncode == 2 and m.tmp in done.stderr, done.stderr
    assert os.listdir(m.d.path("etc")) == before
    assert os.path.exists(m.tmp + ".real")


@pytest.mark.parametrize("name, target", (
    ("rules", "/etc/bastion/other.json"), ("rules", "/etc/passwd"), ("rules", "/etc/bastion/../bastion/rules.json"),
    ("config", "/etc/passwd"), ("config", "/etc/bastion/../passwd"), ("config", "/etc/bastion/"), ("config", "/etc/bastion"),
    ("config", "etc/bastion/config.json"), ("config", "/etc/bastion//config.json"), ("config", "/etc/bastion/./config.json")))
def test_target_is_ours(name, target, machine):
    m = machine(start=False)
    m.prepare("{}" if name == "rules" else '{"mode": "learning"}')
    done = m.helper(name, target)
    assert done.returncode == 2 and "expected" in done.stderr
    assert os.path.exists(m.tmp)


def test_a_target_that_is_a_link_is_not_followed(machine, tmp_path):
    m = machine(start=False)
    victim = tmp_path / "victim"
    victim.write_text("untouched")
    os.symlink(victim, m.d.path("etc", "rules.json"))
    m.prepare("{}")
    done = m.helper("rules", RULES)
    assert done.returncode == 1 and "symbolic link" in done.stderr
    assert victim.read_text() == "untouched" and os.path.exists(m.tmp)


@pytest.mark.parametrize("name", ("rules", "config"))
def test_root_only(name, machine):
    m = machine(start=False)
    m.prepare("{}")
    program = os.path.join(m.d.directory, "helper")
    shutil.copy(os.path.join(m.build, "src/helpers", f"bastion-reload-{name}"), "/tmp/" + f"bastion-test-{os.getpid()}")
    program = f"/tmp/bastion-test-{os.getpid()}"
    try:
        os.chmod(program, 0o755)
        done = subprocess.run([*NOBODY, program, m.tmp, RULES], capture_output=True, text=True, check=False)
        assert done.returncode == 4 and "root only" in done.stderr
        done = subprocess.run([program, m.tmp], capture_output=True, text=True, check=False)
        assert done.returncode == 2 and "Usage" in done.stderr
    finally:
        os.unlink(program)


# ---- bastion-launch ------------------------------------------------------------------------------------------------

class Launch:
    """bastion-launch with stand-ins for what it starts: each says who it is and with which words."""

    def __init__(self, m, directory):
        self.m = m
        self.bin = str(directory / "bin")
        os.mkdir(self.bin)
        self.path = os.path.join(self.bin, "bastion-launch")
        with open(os.path.join(ROOT, "src/helpers/bastion-launch.in"), encoding="utf-8") as f:
            text = f.read().replace("@bindir@", self.bin).replace("@sbindir@", self.bin)
        with open(self.path, "w", encoding="utf-8") as f:
            f.write(text)
        os.chmod(self.path, 0o755)
        self.stand_in("bastion")

    def stand_in(self, name, body="true"):
        path = os.path.join(self.bin, name)
        with open(path, "w", encoding="utf-8") as f:
            f.write(f'#!/bin/sh\necho "{name} $*"\n{body}\n')
        os.chmod(path, 0o755)

    def __call__(self, terminal=False):
        if not terminal:
            return self.m(self.path)
        return self.m("script", "-qec", self.path, "/dev/null")


@pytest.fixture
def launch(machine, tmp_path):
    return lambda **kw: Launch(machine(**kw), tmp_path)


def test_launch_starts_the_tray_where_there_is_one(launch):
    l = launch()
    l.stand_in("bastion-gui")
    done = l()
    assert (done.returncode, done.stdout) == (0, "bastion-gui \n"), done.stderr


def test_launch_without_a_tray_asks_in_the_terminal(launch):
    l = launch()
    done = l(terminal=True)
    assert done.returncode == 0 and "bastion watch --ask" in done.stdout, done.stdout + done.stderr
    done = l()
    assert done.returncode == 1 and "no terminal" in done.stderr


def test_launch_without_a_daemon_says_what_to_do(launch):
    l = launch(start=False)
    l.stand_in("bastion-gui")
    done = l()
    assert done.returncode == 1 and "does not run" in done.stderr and "bastion-gui" not in done.stdout


def test_launch_has_systemctl_start_the_daemon(launch):
    l = launch(start=False)
    os.makedirs(os.path.join(l.m.run, "systemd/system"))
    l.stand_in("systemctl")
    l.stand_in("bastion-gui")
    done = l()
    assert done.stdout == "systemctl start bastion-firewall.service\nbastion-gui \n", done.stdout + done.stderr
    l.stand_in("systemctl", '[ "$1" = cat ]')
    done = l()
    assert done.returncode == 1 and "sudo systemctl start bastion-firewall" in done.stderr


# ---- tools/ --------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("name", ("rescue.sh", "test_safe.sh", "start_daemon.sh", "build.sh"))
def test_the_names_that_people_know(name):
    path = os.path.join(TOOLS, name)
    assert os.access(path, os.X_OK)
    done = subprocess.run([path, "--help"], capture_output=True, text=True, check=False)
    assert done.returncode == 0 and name in done.stdout


@pytest.mark.parametrize("name", ("rescue.sh", "test_safe.sh", "start_daemon.sh"))
def test_tools_are_for_root(name, tmp_path):
    script = f"/tmp/bastion-test-{os.getpid()}-{name}"
    shutil.copy(os.path.join(TOOLS, name), script)
    try:
        os.chmod(script, 0o755)
        done = subprocess.run([*NOBODY, "sh", script], capture_output=True, text=True, check=False)
        assert done.returncode in (1, 4) and "must be root" in done.stderr
    finally:
        os.unlink(script)


def test_start_daemon_starts_what_is_built(daemon, network, build, tmp_path):
    d = daemon(start=False)
    os.mkdir(tmp_path / "bin")
    os.symlink(os.path.join(build, "src/daemon/bastion-daemon"), tmp_path / "bin/bastion-daemon")
    running = subprocess.Popen(network.fw.wrap([os.path.join(TOOLS, "start_daemon.sh"), *d.argv()[1:]]), stdout=-1, stderr=-1, text=True,
                               env={**os.environ, "PATH": f"{tmp_path}/bin:{os.environ['PATH']}"})
    try:
        until(lambda: os.path.exists(d.socket_path) or running.poll() is not None, "the daemon up")
        assert running.poll() is None, running.stderr.read()
        running.terminate()
        assert running.wait(20) == 0
    finally:
        running.kill()
        running.communicate()


def test_pkill_hup_by_name_goes_on_working(daemon):
    """The habit `pkill -HUP -x bastion-daemon` needs this name (a namespace's pids are this machine's, so only ours is asked)."""
    d = daemon()
    with open(f"/proc/{d.pid}/comm", encoding="ascii") as f:
        assert f.read() == "bastion-daemon\n"
    with open(d.path("run", "bastion-daemon.lock"), encoding="ascii") as f:
        assert f.read() == f"{d.pid}\n"
