# SPDX-License-Identifier: GPL-3.0-or-later
"""The page *Rules*: what it shows is what the command line says, and what is done there stands in rules.json.

     fw ┌────────────────┐
        │ bastion-daemon │◀── bastion-control-panel, bastion (socket)
        └────────────────┘
"""

import pytest

from harness.wait import until

from panel import Panel

pytestmark = pytest.mark.rungs("gate")  # what the daemon says is what it shows

HOSTILE = {
    "/tmp/<b>bold</b>&amp;<a href='x'>": "/tmp/<b>bold</b>&amp;<a href='x'>",
    "/tmp/line\nbreak": "/tmp/line\\nbreak",
    "/tmp/right\u202eto-left": "/tmp/right\\u202eto-left",
    "/tmp/" + "long" * 250: "/tmp/" + "long" * 100,
}


@pytest.fixture
def rules_page(desktop, gui):
    def start(daemon, text):
        panel = Panel(desktop, gui("bastion-control-panel", daemon, "--page=rules"))
        panel.has_text(text)
        return panel

    return start


def saved(daemon):
    return {k: v for k, v in daemon.rules().items() if k.startswith(("/", "@"))}


def test_it_shows_every_rule_that_the_command_line_lists(daemon, cli, rules_page):
    d = daemon(rules={"/usr/bin/curl:443": True, "@name:ping:*": False})
    run = cli(d)
    run("rules", "add", 'deny /usr/bin/telnet to internet port 23 tcp note "not from here"')
    panel = rules_page(d, "telnet")
    rules = run.json("rules", "list")["rules"]
    panel.has_text(f"{len(rules)} rules")
    panel.type_into("Search rules", "deny")
    panel.has_text("deny name ping")
    panel.has_text("deny /usr/bin/telnet to internet port 23 tcp")
    panel.has_text("not from here")
    panel.has_no_text("/usr/bin/curl port 443")
    denying = [r for r in rules if r["action"] == "deny"]
    panel.has_text(f"{len(denying)} of {len(rules)} rules")


def test_a_rule_is_switched_deleted_and_brought_back(daemon, rules_page):
    d = daemon(rules={"/usr/bin/curl:443": True, "/usr/bin/wget:80": False})
    panel = rules_page(d, "allow /usr/bin/curl port 443")
    panel.click("In force: allow /usr/bin/curl port 443")
    until(lambda: "/usr/bin/curl:443" not in d.rules() and d.rules()["rules"][0]["enabled"] is False, lambda: f"it to be off: {d.rules()}")
    panel.has_text("switched off")
    panel.click("Undo")
    until(lambda: d.rules().get("/usr/bin/curl:443") is True, lambda: f"it to be on again: {d.rules()}")
    panel.click("Delete: deny /usr/bin/wget port 80")
    until(lambda: "/usr/bin/wget:80" not in d.rules(), "it to be gone")
    panel.has_no_text("deny /usr/bin/wget port 80")
    panel.has_text("Rule deleted")
    panel.click("Undo")
    until(lambda: d.rules().get("/usr/bin/wget:80") is False, "it to be back")
    panel.has_text("deny /usr/bin/wget port 80")


def test_a_rule_is_changed_as_a_form_and_as_a_sentence(daemon, rules_page):
    d = daemon(rules={"/usr/bin/curl:443": True})
    panel = rules_page(d, "allow /usr/bin/curl port 443")
    panel.click("Edit: allow /usr/bin/curl port 443")
    panel.type_into("Ports (443, or 80,443, or 8000-8999)", "80")
    panel.has_text("allow /usr/bin/curl port 80")  # as the daemon says it
    until(lambda: panel.button("Save").getState().contains(panel.desktop.atspi.STATE_SENSITIVE), "that it may be saved")
    panel.click("Save")
    until(lambda: saved(d) == {"/usr/bin/curl:80": True}, lambda: f"the other port: {d.rules()}")
    panel.click("Edit: allow /usr/bin/curl port 80")
    panel.click("Sentence")
    panel.type_into("The rule as a sentence", "deny /usr/bin/curl portt 80")
    panel.has_text("at byte 20")
    assert not panel.button("Save").getState().contains(panel.desktop.atspi.STATE_SENSITIVE)
    assert saved(d) == {"/usr/bin/curl:80": True}
    panel.type_into("The rule as a sentence", "deny /usr/bin/curl port 80")
    until(lambda: panel.button("Save").getState().contains(panel.desktop.atspi.STATE_SENSITIVE), "that it may be saved")
    panel.click("Save")
    until(lambda: saved(d) == {"/usr/bin/curl:80": False}, lambda: f"the other verdict: {d.rules()}")
    panel.has_text("Rule changed")


def test_what_cannot_be_changed_says_why_and_what_is_wrong_is_told(daemon, cli, rules_page):
    d = daemon(rules={"/nowhere/program:443": True})
    run = cli(d)
    panel = rules_page(d, "/nowhere/program")
    panel.has_text("there is no such program")
    run("check", expect=1)
    panel.type_into("Search rules", "factory loopback")
    panel.has_text("allow anyone to loopback")
    assert panel.showing(name=lambda name: name and "Switched on the page Settings" in name)
    assert not panel.showing(name=lambda name: name and name.startswith(("Edit: ", "Delete: ")))


@pytest.mark.parametrize("path", HOSTILE, ids=("markup", "newline", "bidi", "long"))
def test_strangers_names_are_text(daemon, cli, rules_page, path):
    d = daemon()
    escaped = path.replace("\n", "\\n").replace('"', '\\"')
    cli(d)("rules", "add", f'allow "{escaped}" port 443')
    rules_page(d, HOSTILE[path])


def test_the_keyboard_alone_is_enough(daemon, rules_page):
    d = daemon(rules={"/usr/bin/curl:443": True})
    panel = rules_page(d, "allow /usr/bin/curl port 443")
    panel.focus()
    panel.desktop.keys("ctrl+f")
    panel.desktop.type("usr/bin/curl")
    panel.has_text("1 of ")
    panel.desktop.keys("ctrl+n")
    panel.button("Cancel")
    panel.desktop.keys("Escape")
    panel.gone("push button", lambda name: name and name.startswith("Cancel"))
