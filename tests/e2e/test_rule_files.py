# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules as files that people test: `bastion test` says without a daemon what a daemon with the same files does.

     fw ┌────────────────────────┐   veth   ┌────────────────────┐ peer
        │ bastion-daemon         ├──────────┤ TCP 8080           │
        │ visit (a real program) │          └────────────────────┘
        └────────────────────────┘
"""

import os
import subprocess

import pytest

from harness.daemon import DATA
from harness.net import Network
from harness.programs import Running


@pytest.fixture
def held(build):
    """held(d, text) → (exit code, output) of `bastion test` on the daemon's own files, without asking the daemon."""
    def run(d, text, *more):
        done = subprocess.run([os.path.join(build, "src/cli/bastion"), "test", "-", f"--rules={d.path('etc', 'rules.json')}",
                               f"--config={d.path('etc', 'config.json')}", f"--factory={DATA}/factory.rules", *more],
                              input=text, capture_output=True, text=True, check=False)
        return done.returncode, done.stdout + done.stderr
    return run


def test_the_daemon_does_what_the_test_says(daemon, held, network, closing, programs, tcp):
    allowed, denied, neither = (programs.visitor(name) for name in ("allowed", "denied", "neither"))
    d = daemon(rules={f"{allowed}:*": True, f"{denied}:*": False}, config={"timeout_seconds": 5, "default_action": "deny"})
    where = f"to {Network.PEER4} port {tcp.port} tcp user 0"
    code, said = held(d, f"expect allow {allowed} {where}\nexpect deny {denied} {where}\nexpect ask {neither} {where}\nexpect deny {neither} {where}\n")
    assert (code, said) == (0, "4 expectations, 0 failed\n")
    for path, verdict in ((allowed, True), (denied, False), (neither, False)):
        assert (closing(Running(network.fw, path, "tcp", Network.PEER4, str(tcp.port))).finish()[0] == 0) == verdict, path
    code, said = held(d, f"# wrong\nexpect deny {allowed} {where}\n")
    assert code == 1 and f":2: expected deny, would be allowed by rule {allowed}:*" in said, said


def test_no_daemon_is_needed(daemon, held):
    d = daemon(start=False, rules={"/bin/a:80": True})
    expectations = "expect allow /bin/a to 192.0.2.1 port 80\nexpect allow /bin/b to 127.0.0.1 port 80\n"
    assert held(d, expectations)[0] == 0
    # The last one is the factory's; without its switch it is gone.
    d.write_config({"allow_localhost": False})
    code, said = held(d, expectations)
    assert code == 1 and "would be asked about" in said
    d.write_config({"default_action": "allow", "allow_localhost": False, "popup_enabled": False})
    assert held(d, expectations)[0] == 0


def test_unreadable_input_is_told_apart(daemon, held):
    d = daemon(start=False, rules={"/bin/a:80": True})
    code, said = held(d, "expect allow /bin/a to 192.0.2.0/24 port 80\n")
    assert code == 2 and "^^^^" in said and "expected one address" in said
    d.write_rules('{\n  "/bin/a:80": 1\n}\n')
    code, said = held(d, "expect allow /bin/a to 192.0.2.1 port 80\n")
    assert code == 2 and "rules.json:2:" in said
    code, said = held(d, "", "--rules=/no/such/file")
    assert code == 2 and "cannot read /no/such/file" in said
