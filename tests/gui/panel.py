# SPDX-License-Identifier: GPL-3.0-or-later
"""The control panel in the hands of a test: what it shows, and what a person does with it."""

import os

from harness.wait import PATIENCE, until


class Panel:
    def __init__(self, desktop, program):
        self.desktop, self.program = desktop, program
        self.find, self.showing, self.press, self.gone = program.find, program.showing, program.press, program.gone

    @property
    def window(self):
        return until(lambda: next(iter(self.desktop.windows("^Bastion Firewall$")), None), lambda: "the window: " + self.program.output())

    def focus(self):
        self.desktop.run("xdotool", "windowactivate", "--sync", self.window)
        until(lambda: self.desktop.focused() == self.window, "the window to have the focus")

    def resize(self, width, height):
        def is_so():
            self.desktop.run("xdotool", "windowsize", self.window, width, height)
            return self.desktop.geometry(self.window)[2:] == (width, height)

        until(is_so, lambda: f"{width}×{height}: {self.desktop.geometry(self.window)}")

    def has_text(self, text, seconds=PATIENCE):
        """Some text on screen that contains it."""
        return self.find(name=lambda name: name and text in name, seconds=seconds)

    def has_no_text(self, text):
        self.gone(name=lambda name: name and text in name)

    def button(self, name):
        """One that can be pressed. GTK 4.8 puts a button's own label and that of what is in it together: "Save Save"."""
        return self.find(where=lambda node: node.name in (name, f"{name} {name}") and node.getRoleName() in ("push button", "toggle button", "check box", "radio button",
                                                                                                          "menu item", "page tab") and node.queryAction().nActions > 0)

    def click(self, name):
        self.press(self.button(name))

    def type_into(self, name, text):
        """Replaces what an entry holds."""
        entry = self.find(where=lambda node: node.name == name and node.queryEditableText() is not None)
        entry.queryEditableText().setTextContents(text)

    def choose(self, item, title, path):
        """A file, or a folder, for what the menu of the page Rules calls `item`: named by keys in GTK's own dialog, where a slash opens the entry for that.
        It is there for a new file already, with a name in it, which what is typed replaces."""
        self.focus()
        self.click("Changes, import, export")
        self.click(item)
        window = until(lambda: next(iter(self.desktop.windows(f"^{title}$")), None), lambda: f"the dialog {title}: {self.program.output()}")
        self.desktop.run("xdotool", "windowactivate", "--sync", window)
        if item.startswith("Export"):
            self.desktop.keys("ctrl+a")
        self.desktop.type(path)
        self.desktop.keys("Return")
        return window

    def is_asked(self, chooser):
        """GTK asks whether a file that is there may go: in a window that screen readers are not told of."""
        until(lambda: self.desktop.focused() not in ("", chooser, self.window), "to be asked whether to replace the file")

    def is_on(self, name):
        return self.button(name).getState().contains(self.desktop.atspi.STATE_CHECKED)

    def screenshot(self, name):
        """Kept where BASTION_SCREENSHOTS says, small: few colours are enough for a picture of a window."""
        folder = os.environ["BASTION_SCREENSHOTS"]
        path = self.desktop.screenshot(os.path.join(folder, f"{name}.png"), self.window)
        self.desktop.run("mogrify", "-strip", "-dither", "None", "-colors", "128", "-define", "png:compression-level=9", path, check=True)
        return path
