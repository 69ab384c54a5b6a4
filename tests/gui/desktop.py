# SPDX-License-Identifier: GPL-3.0-or-later
"""A desktop: an X server without a screen, a session bus, a window manager and the bus that screen readers listen on, all of its own. Programs on it are
looked at through that bus (AT-SPI), as a screen reader sees them, and driven by key and mouse events of the X server, as a person does.

     Xvfb ◀── openbox            session bus ◀── the programs under test
      ▲ key and mouse events          ▲
      xdotool                         at-spi-bus-launcher ◀── this process
"""

import os
import shutil
import signal
import subprocess
import tempfile
import time

from harness.wait import PATIENCE, until

WIDTH, HEIGHT = 1366, 768
ACCESSIBILITY_CONFIG = "/usr/share/defaults/at-spi2/accessibility.conf"
CONFIG = """<?xml version="1.0" encoding="UTF-8"?>
<openbox_config xmlns="http://openbox.org/3.4/rc"><focus><focusNew>yes</focusNew><followMouse>no</followMouse></focus></openbox_config>
"""


def _stop(process):
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


class Desktop:
    def __init__(self, build, directory):
        self.build, self.directory = build, str(directory)
        self._processes, self._tray = [], None
        self.common = tempfile.mkdtemp(prefix="bastion-desktop-")
        self.environment = {k: v for k, v in os.environ.items() if k not in ("DISPLAY", "WAYLAND_DISPLAY", "DBUS_SESSION_BUS_ADDRESS", "SUDO_UID")}
        for kind in ("CONFIG", "DATA", "CACHE", "STATE", "RUNTIME"):
            folder = os.path.join(self.directory, kind.lower())
            os.makedirs(folder, mode=0o700, exist_ok=True)
            self.environment["XDG_RUNTIME_DIR" if kind == "RUNTIME" else f"XDG_{kind}_HOME"] = folder
        os.makedirs(os.path.join(self.environment["XDG_CONFIG_HOME"], "gtk-4.0"), exist_ok=True)
        with open(os.path.join(self.environment["XDG_CONFIG_HOME"], "gtk-4.0", "settings.ini"), "w", encoding="utf-8") as f:
            f.write("[Settings]\ngtk-font-name=Cantarell 11\n")
        # No GPU, no settings daemon, no portals: they would be looked for on the bus, and waited for.
        self.environment.update(GSK_RENDERER="cairo", GDK_BACKEND="x11", GSETTINGS_BACKEND="memory", GTK_USE_PORTAL="0", ADW_DISABLE_PORTAL="1",
                                LC_ALL="C.UTF-8", HOME=self.directory, NO_AT_BRIDGE="0")
        try:
            self._start_display()
            self._start_bus()
            self._start_window_manager()
            self._start_accessibility()
        except BaseException:
            self.close()
            raise

    def _start_display(self):
        r, w = os.pipe()
        self.spawn("Xvfb", "-displayfd", w, "-screen", "0", f"{WIDTH}x{HEIGHT}x24", "-nolisten", "tcp", "-noreset", "-ac", pass_fds=(w,))
        os.close(w)
        with os.fdopen(r) as display:
            self.environment["DISPLAY"] = ":" + display.readline().strip()

    def _bus_for_everybody(self, name, text):
        """The configuration of a bus that other users may connect to as well: there are tests of what these see."""
        path = os.path.join(self.directory, name)
        with open(path, "w", encoding="utf-8") as f:
            f.write(text.replace("</busconfig>", '<policy context="default"><allow user="*"/></policy></busconfig>'))
        return path

    def _start_bus(self):
        config = self._bus_for_everybody("session.conf", "<busconfig><include>/usr/share/dbus-1/session.conf</include></busconfig>")
        process = self.spawn("dbus-daemon", f"--config-file={config}", "--nofork", "--nopidfile", "--print-address=1", stdout=subprocess.PIPE, text=True)
        self.environment["DBUS_SESSION_BUS_ADDRESS"] = process.stdout.readline().strip()

    def _start_window_manager(self):
        path = os.path.join(self.directory, "openbox.xml")
        with open(path, "w", encoding="utf-8") as f:
            f.write(CONFIG)
        self.spawn("openbox", "--sm-disable", "--config-file", path)
        until(lambda: "window id" in self.run("xprop", "-root", "_NET_SUPPORTING_WM_CHECK"), "the window manager")

    def _start_accessibility(self):
        # This process looks through the same bus; pyatspi takes the address from the environment.
        os.environ.update({k: self.environment[k] for k in ("DISPLAY", "DBUS_SESSION_BUS_ADDRESS", "XDG_RUNTIME_DIR")})
        with open(ACCESSIBILITY_CONFIG, encoding="utf-8") as f:
            config = self._bus_for_everybody("accessibility.conf", f.read())
        # It puts its socket into a folder of root's alone, in one of ours that nobody else reaches.
        os.chmod(self.common, 0o755)
        script = f'mount --bind "{config}" {ACCESSIBILITY_CONFIG} && exec /usr/libexec/at-spi-bus-launcher --launch-immediately'
        self.spawn("unshare", "--mount", "sh", "-c", script, environment={"XDG_RUNTIME_DIR": self.common})
        until(lambda: os.path.exists(os.path.join(self.common, "at-spi")), "the accessibility bus's folder")
        os.chmod(os.path.join(self.common, "at-spi"), 0o755)
        until(lambda: "org.a11y.Bus" in self.names(), "the accessibility bus")
        import pyatspi  # pylint: disable=import-outside-toplevel
        self.atspi = pyatspi
        self.registry = pyatspi.Registry

    def spawn(self, *argv, environment=None, **kw):
        kw.setdefault("stdin", subprocess.DEVNULL)
        kw.setdefault("stderr", subprocess.DEVNULL)
        process = subprocess.Popen([str(a) for a in argv], env={**self.environment, **(environment or {})}, **kw)
        self._processes.append(process)
        return process

    def run(self, *argv, check=False):
        done = subprocess.run([str(a) for a in argv], env=self.environment, capture_output=True, text=True, timeout=60, check=check,
                              stdin=subprocess.DEVNULL)
        return done.stdout

    def start(self, name, daemon, *words, environment=None, wrapper=()):
        """`wrapper`: a command line that execs it."""
        return Program(self, name, [f"--socket={daemon.socket_path}", *words] if daemon else list(words), environment or {}, wrapper)

    def names(self):
        """Who is on the session bus."""
        return self.run("dbus-send", "--session", "--print-reply", "--dest=org.freedesktop.DBus", "/", "org.freedesktop.DBus.ListNames")

    def service(self, word, name):
        """One of bus_services.py, ready."""
        process = self._start_service(word, {})
        until(lambda: f'"{name}"' in self.names(), f"{name} on the bus")
        return process

    def tray(self):
        if not self._tray or self._tray.poll() is not None:
            self._tray = self.service("tray", "org.kde.StatusNotifierWatcher")
        return self._tray

    def end_tray(self):
        if self._tray:
            self.stop(self._tray)
        self._tray = None

    def _start_service(self, word, environment):
        return self.spawn("/usr/bin/python3", os.path.join(os.path.dirname(os.path.abspath(__file__)), "bus_services.py"), word, environment=environment)

    def system(self):
        """The address of a system bus with a systemd on it. It may take a moment to be there."""
        address = self.another_session()["DBUS_SESSION_BUS_ADDRESS"]
        self._start_service("systemd", {"DBUS_SESSION_BUS_ADDRESS": address})
        return address

    def stop(self, process):
        self._processes.remove(process)
        _stop(process)

    def another_session(self):
        """The environment of another session on the same display, where nothing starts by itself; what readers see is the same."""
        path = os.path.join(self.directory, "another-bus.conf")
        with open(path, "w", encoding="utf-8") as f:
            f.write(f'<busconfig><type>session</type><listen>unix:tmpdir={self.directory}</listen><policy context="default">'
                    '<allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/><allow own="*"/></policy></busconfig>')
        process = self.spawn("dbus-daemon", f"--config-file={path}", "--nofork", "--nopidfile", "--print-address=1", stdout=subprocess.PIPE, text=True)
        reading = self.run("dbus-send", "--session", "--print-reply=literal", "--dest=org.a11y.Bus", "/org/a11y/bus", "org.a11y.Bus.GetAddress").strip()
        return {"DBUS_SESSION_BUS_ADDRESS": process.stdout.readline().strip(), "AT_SPI_BUS_ADDRESS": reading}

    def empty_window(self, directory):
        """A program that has an empty window, shown."""
        path = os.path.join(str(directory), "empty")
        if not os.path.exists(path):
            flags = subprocess.run(["pkg-config", "--cflags", "--libs", "libadwaita-1"], check=True, capture_output=True, text=True).stdout.split()
            subprocess.run(["gcc", "-O1", os.path.join(os.path.dirname(os.path.abspath(__file__)), "empty.c"), "-o", path, *flags], check=True)
        program = Program(self, path, [], {})
        program.find("frame", "Empty")
        return program

    def keys(self, *names):
        """Key presses to whatever has the focus, as the keyboard would send them."""
        self.run("xdotool", "key", "--clearmodifiers", *names, check=True)

    def type(self, text):
        self.run("xdotool", "type", "--delay", "20", text, check=True)

    def click(self, x, y):
        self.run("xdotool", "mousemove", int(x), int(y), "click", "1", check=True)

    def windows(self, title):
        """Ids of the visible windows whose title matches that expression."""
        return self.run("xdotool", "search", "--onlyvisible", "--name", title).split()

    def geometry(self, window):
        """(x, y, width, height) on the screen."""
        values = dict(line.split("=") for line in self.run("xdotool", "getwindowgeometry", "--shell", window).splitlines() if "=" in line)
        return tuple(int(values[k]) for k in ("X", "Y", "WIDTH", "HEIGHT"))

    def focused(self):
        return self.run("xdotool", "getactivewindow").strip()

    def screenshot(self, path, window="root"):
        os.makedirs(os.path.dirname(path), exist_ok=True)
        self.run("import", "-window", window, path, check=True)
        return path

    def picture(self, path, window):
        """For people: after what moves has come to rest, with few colours."""
        time.sleep(1)
        self.screenshot(path, window)
        self.run("mogrify", "-strip", "-dither", "None", "-colors", "128", path, check=True)

    def close(self):
        for process in reversed(self._processes):
            _stop(process)
        self._processes.clear()
        shutil.rmtree(self.common)


class Program:
    """One of the desktop's programs, and its widgets as a screen reader finds them."""

    def __init__(self, desktop, name, words, environment, wrapper=()):
        self.desktop, self.name = desktop, name
        self.output_path = os.path.join(desktop.directory, f"{os.path.basename(name)}-{time.monotonic_ns()}.output")
        self.began = time.monotonic()
        with open(self.output_path, "ab") as output:
            self.process = subprocess.Popen([*wrapper, os.path.join(desktop.build, "src/gui", name), *words], env={**desktop.environment, **environment},
                                            stdin=subprocess.DEVNULL, stdout=output, stderr=output, cwd=desktop.directory)

    @property
    def pid(self):
        return self.process.pid

    def output(self):
        with open(self.output_path, encoding="utf-8", errors="replace") as f:
            return f.read()

    def application(self):
        """Its root in the tree of accessible things, or None while it has none."""
        for application in self.desktop.registry.getDesktop(0):
            try:
                if application and application.get_process_id() == self.pid:
                    return application
            except Exception:  # pylint: disable=broad-except  # it ended while it was asked
                continue
        return None

    def _on_screen(self, node):
        """GTK 4.8 says of windows only whether they are showing; what is in them is when it is visible and has a place."""
        role, states = node.getRoleName(), node.getState()
        if role == "application":
            return True
        if role in ("frame", "window", "dialog") and not states.contains(self.desktop.atspi.STATE_SHOWING):
            return False
        try:
            box = node.queryComponent().getExtents(self.desktop.atspi.WINDOW_COORDS)
        except NotImplementedError:
            return True  # a page of a stack has no place of its own: what is in it has
        return states.contains(self.desktop.atspi.STATE_VISIBLE) and box.width > 0 and box.height > 0

    def walk(self, node=None, depth=0):
        """Depth first, what is on screen only."""
        node = node or self.application()
        if node is None or depth > 60:
            return
        try:
            if not self._on_screen(node):
                return
        except Exception:  # pylint: disable=broad-except  # it went while it was asked
            return
        yield node
        try:
            children = [node.getChildAtIndex(i) for i in range(node.childCount)]
        except Exception:  # pylint: disable=broad-except  # it went while it was asked
            return
        # Of windows the one that came last first: it has what is looked for, and to look at everything takes its time.
        for child in reversed(children) if depth == 0 else children:
            if child is not None:
                yield from self.walk(child, depth + 1)

    def showing(self, role=None, name=None, where=lambda node: True):
        """Every widget on screen with that role ("push button", "label", …) and name (a text, or a predicate)."""
        found = []
        for node in self.walk():
            try:
                if role and node.getRoleName() != role:
                    continue
                if name is not None and not (name(node.name) if callable(name) else node.name == name):
                    continue
                if where(node):
                    found.append(node)
            except Exception:  # pylint: disable=broad-except
                continue
        return found

    def find(self, role=None, name=None, where=lambda node: True, seconds=PATIENCE):
        """The first such widget, awaited."""
        return until(lambda: next(iter(self.showing(role, name, where)), None),
                     lambda: f"a {role} named {name}; there are:\n{self.describe()}\n{self.output()}", seconds)

    def gone(self, role=None, name=None, where=lambda node: True):
        until(lambda: not self.showing(role, name, where), lambda: f"no {role} named {name} any more:\n{self.describe()}")

    def texts(self):
        """Every text on screen."""
        return [node.name for node in self.showing() if node.name]

    def describe(self):
        lines = []
        for node in self.walk():
            try:
                lines.append(f"{node.getRoleName()} {node.name!r}")
            except Exception:  # pylint: disable=broad-except
                continue
        return "\n".join(lines)

    def press(self, node):
        """Does what the widget does, as a screen reader's user would."""
        node.queryAction().doAction(0)

    def cpu_seconds(self):
        """Of all its threads, so far."""
        with open(f"/proc/{self.pid}/stat", encoding="utf-8") as f:
            user, system = f.read().rsplit(")", 1)[1].split()[11:13]
        return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")

    def memory_private(self):
        """USS in bytes."""
        with open(f"/proc/{self.pid}/smaps_rollup", encoding="utf-8") as f:
            return sum(int(line.split()[1]) * 1024 for line in f if line.startswith(("Private_Clean", "Private_Dirty")))

    def close(self):
        crashed = self.process.poll()
        if crashed is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
                raise AssertionError(f"{self.name} did not end:\n{self.output()}") from None
        assert not crashed or crashed == -signal.SIGTERM, f"{self.name} ended with {crashed}:\n{self.output()}"
        assert "CRITICAL" not in self.output() and "WARNING" not in self.output(), self.output()
