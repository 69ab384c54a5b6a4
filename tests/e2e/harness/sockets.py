# SPDX-License-Identifier: GPL-3.0-or-later
"""Connections of the test's own process: its sockets belong to the namespace that they are made in, and the daemon sees python. What
comes back is what a program would see: 0 or an errno."""

import errno
import os
import socket
import sys

PYTHON = os.path.realpath(sys.executable)
TIMED_OUT = errno.ETIMEDOUT


def family_of(address):
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def tcp(namespace, address, port, seconds=20):
    """One connect()."""
    with namespace.socket(family_of(address), socket.SOCK_STREAM) as s:
        s.settimeout(seconds)
        return _errno_of(lambda: s.connect((address, port)))


def udp(namespace, address, port, seconds=20):
    """One datagram of a connected socket, and the wait for its echo."""
    with namespace.socket(family_of(address), socket.SOCK_DGRAM) as s:
        s.settimeout(seconds)
        s.connect((address, port))

        def exchange():
            s.send(b"hello")
            s.recv(100)

        return _errno_of(exchange)


def _errno_of(action):
    try:
        action()
        return 0
    except socket.timeout:
        return TIMED_OUT
    except OSError as e:
        return e.errno
