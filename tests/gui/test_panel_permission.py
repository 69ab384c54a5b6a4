# SPDX-License-Identifier: GPL-3.0-or-later
"""The panel of somebody who may not: who is in no group of ours is told so, and whom polkit refuses is told that, for each thing that he tries.

     ┌───────────────────────┐  socket  ┌────────────────┐  a bus of the test's own  ┌─────────┐
     │ bastion-control-panel ├──────────┤ bastion-daemon ├───────────────────────────┤ polkitd │
     │ of user games         │          │                │                           │         │
     └───────────────────────┘          └────────────────┘                           └─────────┘
"""

import json
import os
import shutil
import subprocess

import pytest

from harness import polkit as pk
from harness.wait import until

from panel import Panel

pytestmark = [pytest.mark.rungs("gate"),  # authority knows no rung
              pytest.mark.skipif(pk.needs() is not None, reason=pk.needs() or "")]

USER, NO_GROUP = "games", 65534


@pytest.fixture
def panel_of_user(desktop, gui, build, common):
    """panel_of_user(daemon, group): the panel, run by that user in a home of his own."""
    def start(d, group):
        home = os.path.join(common, "home")
        os.mkdir(home, mode=0o700)
        program = shutil.copy(os.path.join(build, "src/gui/bastion-control-panel"), common)  # the build folder may be closed to others
        subprocess.run(["chown", USER, home], check=True)
        folders = {name: home for name in ("HOME", "XDG_RUNTIME_DIR", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME", "XDG_STATE_HOME")}
        return Panel(desktop, gui(program, d, "--page=rules", environment=folders, wrapper=pk.as_member(USER, group)))
    return start


@pytest.mark.parametrize("mode", (0o660, 0o666), ids=("refused by the socket", "refused by the daemon"))
def test_who_is_in_no_group_is_told_so(guarded, panel_of_user, mode):
    d = guarded(None, rules={"/usr/bin/curl:443": True})
    os.chmod(d.socket_path, mode)
    panel = panel_of_user(d, NO_GROUP)
    panel.has_text("You may not look")
    panel.has_text("you are not in the group bastion")
    # No rules, and nothing that could be done.
    texts = panel.program.texts()
    assert not [text for text in texts if "/usr/bin/curl" in text or text.startswith(("Start", "Add a rule"))], texts
    panel.click("Mode: No firewall")
    panel.click("Menu")
    panel.has_text("About Bastion Firewall")
    assert not panel.showing(name=lambda name: name and name.startswith("Pause for "))


def test_whom_polkit_refuses_is_told_each_time(guarded, polkitd, bus, panel_of_user, cli):
    assert polkitd
    d = guarded(bus, rules={"/usr/bin/curl:443": True})
    before = cli(d).json("rules", "list")
    panel = panel_of_user(d, pk.GROUP)
    panel.has_text("allow /usr/bin/curl port 443")  # he may look
    panel.click("Delete: allow /usr/bin/curl port 443")
    panel.has_text("rule_delete: polkit does not allow it")
    panel.click("In force: allow /usr/bin/curl port 443")
    panel.has_text("rule_enable: polkit does not allow it")
    until(lambda: panel.is_on("In force: allow /usr/bin/curl port 443"), "the switch to be back")
    panel.click("Mode: Enforcement")
    panel.click("Pause for 15 minutes")
    panel.has_text("mode: polkit does not allow it")
    panel.has_text("Mode: Enforcement")
    panel.focus()
    panel.desktop.keys("ctrl+6")
    panel.click("The local network")
    panel.has_text("config_set: polkit does not allow it")
    until(lambda: not panel.is_on("The local network"), "the switch to be back")
    assert cli(d).json("rules", "list") == before and cli(d).json("mode")["mode"] == "enforcement"
    with open(d.path("etc", "config.json"), encoding="utf-8") as f:
        assert "allow_lan" not in json.load(f)
