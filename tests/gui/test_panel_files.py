# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules out of files and into files, by the menu of the page *Rules* and GTK's own dialog for files: nothing is added that was not shown.

     fw ┌────────────────┐
        │ bastion-daemon │◀── bastion-control-panel ──▶ bastion import, bastion export
        └────────────────┘          │
                                  files
"""

import json
import os
import shutil
import tempfile

import pytest

from harness.wait import until

from panel import Panel

pytestmark = pytest.mark.rungs("gate")  # what the daemon says is what it shows

SENTENCES = "allow /opt/wget port 80\ndeny /opt/nc note \"not from here\"\nallow /opt/curl port 443\n"
REPORT = ("New: 2\n  allow /opt/wget port 80\n  deny /opt/nc note \"not from here\"\n"
          "There already: 1\n  allow /opt/curl port 443\n")


class Files:
    """Of a person, with a path that is typed soon."""

    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="b-", dir="/tmp")

    def path(self, *names):
        return os.path.join(self.folder, *names)

    def write(self, name, text):
        os.makedirs(os.path.dirname(self.path(name)), exist_ok=True)
        with open(self.path(name), "w", encoding="utf-8") as f:
            f.write(text if isinstance(text, str) else json.dumps(text))
        return self.path(name)

    def read(self, name):
        with open(self.path(name), encoding="utf-8") as f:
            return f.read()

    def close(self):
        shutil.rmtree(self.folder)


def text_of(node):
    return node.queryText().getText(0, -1)


@pytest.fixture
def files(closing):
    return closing(Files())


@pytest.fixture
def house(daemon, desktop, gui, cli):
    """A daemon with one rule of curl, the panel on it, and what `bastion rules` says."""
    class House:
        def __init__(self):
            self.daemon = daemon(rules={"/opt/curl:443": True})
            self.cli = cli(self.daemon)
            self.panel = Panel(desktop, gui("bastion-control-panel", self.daemon, "--page=rules"))
            self.panel.has_text("allow /opt/curl port 443")
            self.panel.type_into("Search rules", "/opt/")  # the shipped ones are many to look through
            self.panel.has_no_text("allow anyone to loopback")

        def sentences(self):
            """A person's rules, of any origin but the shipped."""
            return sorted(rule["sentence"] for rule in self.cli.json("rules", "list")["rules"] if rule["origin"] != "factory")

        def look_at(self, item, path, title="Import rules"):
            """The report on that file."""
            self.panel.choose(item, title, path)
            return self.report()

        def report(self, but=""):
            """The text of the dialog, when it is no longer that one."""
            return text_of(self.panel.find(name="What the import would do", where=lambda node: text_of(node) not in ("", but)))

        def is_closed(self):
            """The report, for good."""
            until(lambda: not self.panel.desktop.windows("^Import rules$"), "its window to go")

        def add(self):
            self.panel.click("Add what is new")
            self.is_closed()

    return House()


def test_sentences_are_shown_and_then_added(house, files):
    path = files.write("a.rules", SENTENCES)
    before = house.sentences()
    assert house.look_at("Import sentences…", path) == REPORT
    house.panel.desktop.keys("Escape")
    house.is_closed()
    assert house.sentences() == before
    house.look_at("Import sentences…", path)
    house.add()
    house.panel.has_text("What was new is in force")
    house.panel.has_text("deny /opt/nc")
    assert house.sentences() == sorted([*before, "allow /opt/wget port 80", 'deny /opt/nc note "not from here"'])


def test_a_rules_json_and_a_folder_of_opensnitch(house, files):
    report = house.look_at("Import a rules.json…", files.write("r.json", {"/opt/wget:80": True, "/opt/curl:443": False}))
    assert "New: 1\n" in report and "In conflict with a rule that is there and stays: 1\n" in report
    house.add()
    house.panel.has_text("allow /opt/wget port 80")
    assert house.sentences() == ["allow /opt/curl port 443", "allow /opt/wget port 80"]
    rule = {"enabled": True, "precedence": False, "nolog": False, "duration": "always", "description": "", "created": "2024-05-01T10:00:00+02:00"}
    operator = {"type": "simple", "operand": "process.path", "data": "/opt/nc", "sensitive": False, "list": None}
    files.write("o/deny-nc.json", {**rule, "name": "deny-nc", "action": "deny", "operator": operator})
    files.write("o/odd.json", {**rule, "name": "odd", "action": "allow", "operator": {**operator, "operand": "lists.domains", "data": "/etc/lists"}})
    report = house.look_at("Import OpenSnitch's rules…", files.path("o"), "Import the folder of OpenSnitch's rules")
    assert "New: 1\n" in report and "Cannot be added: 1\n  odd.json: lists.domains" in report
    house.add()
    house.panel.has_text("from OpenSnitch: deny-nc")
    assert len(house.sentences()) == 3


def test_a_bad_file_says_where(house, files):
    before = house.sentences()
    for item, text, place in (("Import sentences…", "allow /opt/wget port 80\ndeny /opt/nc portt 80\n", ":2:14: "),
                              ("Import a rules.json…", '{\n  "/opt/wget:80": yes\n}\n', ":2:")):
        path = files.write("bad", text)
        assert f"{path}{place}" in house.look_at(item, path)
        assert not house.panel.showing(name=lambda name: name and name.startswith("Add what is new"))
        house.panel.click("Close")
        house.is_closed()
    assert house.sentences() == before


def body(text):
    """Without the heading, which has a date."""
    return [line for line in text.splitlines() if not line.startswith("#")]


def test_what_was_exported_is_imported_as_it_was(house, files):
    for sentence in ("deny /opt/nc to internet port 23 tcp note \"not from here\"", "allow anyone to 192.0.2.0/24 port 80-90 priority 7", "ask name ping"):
        house.cli("rules", "add", sentence)
    before = house.sentences()
    title = "Export the rules"
    house.panel.choose("Export as sentences…", title, files.path("e.rules"))
    house.panel.has_text("Exported")
    text = files.read("e.rules")
    assert sorted(body(text)) == before
    for rule in house.cli.json("rules", "list")["rules"]:
        if rule["origin"] != "factory":
            house.cli("rules", "delete", rule["id"])
    house.panel.has_no_text("deny /opt/nc")
    assert house.look_at("Import sentences…", files.path("e.rules")).startswith("New: 4\n")
    house.add()
    house.panel.has_text("deny /opt/nc")
    assert house.sentences() == before
    # Over a file that is there: only when a person says so.
    files.write("e.rules", "what was there before")
    chooser = house.panel.choose("Export as sentences…", title, files.path("e.rules"))
    house.panel.is_asked(chooser)
    assert files.read("e.rules") == "what was there before"
    house.panel.desktop.keys("Return")
    until(lambda: body(files.read("e.rules")) == body(text), lambda: f"the rules in its place: {files.read('e.rules')}")
    # But never through a link.
    files.write("other", "of somebody")
    os.symlink(files.path("other"), files.path("link"))
    house.panel.is_asked(house.panel.choose("Export as sentences…", title, files.path("link")))
    house.panel.desktop.keys("Return")
    house.panel.has_text("link is no regular file")
    assert files.read("other") == "of somebody"


def test_the_daemon_dies_while_the_report_is_looked_at(house, files):
    path = files.write("a.rules", SENTENCES)
    assert house.look_at("Import sentences…", path) == REPORT
    house.daemon.kill()
    house.panel.has_text("The firewall is not running. What is shown is what it said last.")
    house.panel.click("Add what is new")
    assert "no daemon answers" in house.report(but=REPORT)
    assert not house.panel.showing(name=lambda name: name and name.startswith("Add what is new"))
    house.panel.click("Close")
    house.is_closed()
    house.daemon.start()
    house.panel.has_no_text("The firewall is not running")
    assert house.sentences() == ["allow /opt/curl port 443"]
    assert house.look_at("Import sentences…", path) == REPORT
    house.daemon.kill()
    house.daemon.start()
    house.add()
    house.panel.has_text("deny /opt/nc")
    assert len(house.sentences()) == 3
