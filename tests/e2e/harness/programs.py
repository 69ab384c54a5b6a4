# SPDX-License-Identifier: GPL-3.0-or-later
"""The programs under test: small static executables, compiled once a run, copied under as many names as a test wants. A copy is
another program to Bastion: its path and its inode are its own."""

import os
import shutil
import signal
import subprocess

SOURCES = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "prog")


class Programs:
    def __init__(self, directory):
        self.directory = str(directory)
        for name in ("visit", "swarm", "knock", "storm", "flood"):
            subprocess.run([os.environ.get("CC", "gcc"), "-O1", "-static", "-Wall", "-Werror", "-D_GNU_SOURCE", "-o",
                            os.path.join(self.directory, name), os.path.join(SOURCES, name + ".c")], check=True)
        os.chmod(self.directory, 0o755)

    def path(self, name):
        return os.path.join(self.directory, name)

    def visitor(self, name):
        """A copy of `visit` of that name."""
        return self.copy("visit", name)

    def copy(self, program, name):
        path = self.path(name)
        if not os.path.exists(path):
            shutil.copy(self.path(program), path)
        return path

    def visitors(self, count, prefix="visit"):
        return [self.visitor(f"{prefix}-{i:02}") for i in range(count)]


class Running:
    """A program that runs inside a namespace; gone at the latest when it is closed, and what it started with it."""

    def __init__(self, namespace, *argv, **kw):
        self.process = namespace.popen(*argv, start_new_session=True, **{"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True, **kw})

    @property
    def pid(self):
        return self.process.pid

    def finish(self, timeout=60):
        """(exit status, what it printed)"""
        output, _ = self.process.communicate(timeout=timeout)
        return self.process.returncode, output

    def close(self):
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)  # its children hold the pipe as well
            self.process.communicate()
