# SPDX-License-Identifier: GPL-3.0-or-later
"""The programs under test: small static executables, compiled once a run, copied under as many names as a test wants. A copy is
another program to Bastion: its path and its inode are its own."""

import os
import shutil
import signal
import subprocess

FOLDER = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "prog")
SOURCES = {"visit": ["visit.c"], "errands": ["errands.c"], "swarm": ["swarm.c"], "knock": ["knock.c"], "storm": ["storm.c"],
           "flood": ["flood.c"], "talk": ["talk.c", "talk-raw.c", "talk-uring.c"]}


class Programs:
    def __init__(self, directory):
        self.directory = str(directory)
        for name, sources in SOURCES.items():
            subprocess.run([os.environ.get("CC", "gcc"), "-O1", "-static", "-pthread", "-Wall", "-Werror", "-D_GNU_SOURCE", "-o",
                            os.path.join(self.directory, name), *[os.path.join(FOLDER, source) for source in sources]], check=True)
        os.chmod(self.directory, 0o755)

    def path(self, name):
        return os.path.join(self.directory, name)

    def copy(self, program, name):
        """A copy of that program under another name."""
        path = self.path(name)
        if not os.path.exists(path):
            shutil.copy(self.path(program), path)
        return path

    def visitor(self, name):
        return self.copy("visit", name)

    def visitors(self, count, prefix="visit"):
        return [self.visitor(f"{prefix}-{i:02}") for i in range(count)]


class Running:
    """A program that runs inside a namespace; gone at the latest when it is closed, and what it started with it."""

    def __init__(self, namespace, *argv, **kw):
        self.process = namespace.popen(*argv, start_new_session=True, **{"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT,
                                                                         "text": True, **kw})

    @property
    def pid(self):
        return self.process.pid

    def finish(self, timeout=60):
        """(exit status, what it printed)"""
        return self.finish_with(None, timeout)

    def finish_with(self, text, timeout=60):
        """As finish(), once it has read this."""
        output, _ = self.process.communicate(text, timeout=timeout)
        return self.process.returncode, output

    def close(self):
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)  # its children hold the pipe as well
            self.process.communicate()
