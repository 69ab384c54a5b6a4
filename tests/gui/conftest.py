# SPDX-License-Identifier: GPL-3.0-or-later
"""A desktop of the tests' own, and the daemons and networks of tests/e2e."""

import os
import shutil
import subprocess
import sys

import pytest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "e2e"))

from harness.fixtures import *  # noqa: E402,F401,F403  pylint: disable=wildcard-import,unused-wildcard-import,wrong-import-position

from harness.wait import until  # noqa: E402  pylint: disable=wrong-import-position

from desktop import Desktop  # noqa: E402  pylint: disable=wrong-import-position

TOOLS = ("Xvfb", "openbox", "dbus-daemon", "xdotool", "xprop", "import")


def pytest_generate_tests(metafunc):  # pylint: disable=function-redefined  # not once on every rung, see below
    assert metafunc


@pytest.fixture(scope="session")
def rung():
    """The desktop is the same on every rung: what the daemon says is what it shows. Names are heard on this one."""
    return "gate"


@pytest.fixture(scope="session", name="desktop")
def _desktop(build, tmp_path_factory):
    missing = [tool for tool in TOOLS if not shutil.which(tool)]
    if missing:
        pytest.skip(f"needs {', '.join(missing)}")
    if not os.path.exists(os.path.join(build, "src/gui/bastion-gui")):
        pytest.skip("the desktop's programs were not built: needs GTK 4.8 and libadwaita 1.2")
    desktop = Desktop(build, tmp_path_factory.mktemp("desktop"))
    try:
        yield desktop
    finally:
        desktop.close()


@pytest.fixture
def gui(desktop, closing):
    """gui("bastion-gui", daemon): starts one of the desktop's programs on that daemon; it ends with the test."""
    return lambda name, daemon, *words, **kw: closing(desktop.start(name, daemon, *words, **kw))


@pytest.fixture
def tray(desktop):
    """There is a tray on the session bus; it stays for who wants one after this test."""
    return desktop.tray()


@pytest.fixture
def no_tray(desktop):
    desktop.end_tray()


@pytest.fixture
def screenshots():
    """A folder for pictures, or None where nobody wants any."""
    return os.environ.get("BASTION_SCREENSHOTS")


@pytest.fixture
def elsewhere(desktop, closing):
    """Another window with the focus, which says what keys it gets."""
    class Elsewhere:
        def __init__(self):
            self.process = subprocess.Popen(["xev", "-event", "keyboard"], env=desktop.environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
            self.window = until(lambda: desktop.windows("^Event Tester$"), "a window elsewhere")[0]
            until(lambda: desktop.focused() == self.window, "the focus to be there")

        def keys(self):
            """Until now; it ends here."""
            self.process.terminate()
            return self.process.stdout.read().count("KeyPress")

        def close(self):
            self.process.terminate()
            self.process.wait()
            self.process.stdout.close()

    return closing(Elsewhere())
