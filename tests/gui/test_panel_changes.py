# SPDX-License-Identifier: GPL-3.0-or-later
"""The dialog *Changes of the rules*: the journal that `bastion rules history` lists, whoever made the changes, and its button *Undo*.

     fw ┌────────────────┐
        │ bastion-daemon │◀── bastion-control-panel, bastion (socket)
        └────────────────┘
"""

import pytest

from harness.wait import until

from panel import Panel

pytestmark = pytest.mark.rungs("gate")  # what the daemon says is what it shows


@pytest.fixture
def house(daemon, desktop, gui, cli):
    """Three changes, and the dialog that shows them."""
    class House:
        def __init__(self):
            self.daemon = daemon(rules={"/usr/bin/curl:443": True})
            self.cli = cli(self.daemon)
            self.cli("rules", "add", "allow /usr/bin/wget port 80")
            self.cli("rules", "add", "deny /usr/bin/nc")
            self.cli("rules", "delete", "/usr/bin/curl:443")
            self.panel = Panel(desktop, gui("bastion-control-panel", self.daemon, "--page=rules"))
            self.panel.has_text("allow /usr/bin/wget port 80")
            self.panel.click("Changes, import, export")
            self.panel.click("Changes of the rules…")

        def history(self):
            return self.cli.jsonl("rules", "history")

        def shown(self):
            """The rules of each change, as the rows tell them: lines that begin with + or −."""
            return [node.name for node in self.panel.showing("label", lambda name: name and name[0] in "+−")]

        def undo_buttons(self):
            return self.panel.showing("push button", lambda name: name and name.startswith("Undo: "))

        def shows(self, expected):
            until(lambda: self.shown() == expected, lambda: f"{expected}: {self.shown()}")

    return House()


def told(change):
    """A change of the journal, in the words of the dialog."""
    return "\n".join(f"{sign} {rule[when]['sentence']}" for rule in change["rules"] for sign, when in (("−", "before"), ("+", "after")) if when in rule)


def test_it_lists_what_the_command_line_lists_and_undoes(house):
    house.shows([told(change) for change in house.history()])
    assert house.shown() == ["− allow /usr/bin/curl port 443", "+ deny /usr/bin/nc", "+ allow /usr/bin/wget port 80"]
    assert house.panel.showing(name=lambda name: name and "1 deleted · root with bastion" in name)
    # Meanwhile, by somebody else.
    house.cli("rules", "add", "deny /usr/bin/ftp port 21")
    house.shows([told(change) for change in house.history()])
    assert house.shown()[0] == "+ deny /usr/bin/ftp port 21"
    # One from the middle; the others stay.
    number = house.history()[2]["change"]
    undo = house.undo_buttons()
    assert len(undo) == 4
    house.panel.press(undo[2])
    until(lambda: "/usr/bin/nc:*" not in house.daemon.rules(), lambda: f"the rule to be gone: {house.daemon.rules()}")
    house.panel.has_text("Taken back")
    house.shows([told(change) for change in house.history()])
    newest, undone = house.history()[0], house.history()[3]
    assert newest["undoes"] == number == undone["change"] and undone["undone_by"] == newest["change"]
    house.panel.has_text(f"took back change {number}")
    house.panel.has_text("taken back")
    assert {key: value for key, value in house.daemon.rules().items() if key.startswith("/")} == {"/usr/bin/wget:80": True, "/usr/bin/ftp:21": False}


def test_what_cannot_be_undone_says_why(house):
    house.cli("rules", "add", "deny /usr/bin/wget port 80")  # over the rule that a change added
    house.shows([told(change) for change in house.history()])
    before = house.daemon.rules()
    house.panel.press(house.undo_buttons()[-1])
    house.panel.has_text("was changed since")
    assert house.daemon.rules() == before


def test_the_daemon_dies_and_comes_back_under_it(house):
    house.daemon.kill()
    house.panel.has_text("The firewall is not running")
    house.daemon.start()
    house.cli("rules", "add", "deny /usr/bin/ftp port 21")
    house.shows([told(change) for change in house.history()])
    assert house.shown()[0] == "+ deny /usr/bin/ftp port 21"
