# SPDX-License-Identifier: GPL-3.0-or-later
"""The gate rung's maps, as they stand in the kernel (src/bpf/abi.h)."""

import contextlib
import ctypes
import os
import platform
import struct

_BPF = {"x86_64": 321, "aarch64": 280}.get(platform.machine())
_MAP_LOOKUP, _MAP_UPDATE, _MAP_NEXT, _OBJ_GET = 1, 2, 4, 7
_PROCESS_BYTES, _SEEN_BYTES, _CONFIG_BYTES, _CONFIG_WANTS = 16, 40, 56, 48
_libc = ctypes.CDLL(None, use_errno=True)


def _bpf(command, attributes):
    return _libc.syscall(_BPF, command, ctypes.create_string_buffer(attributes, 128), len(attributes))


@contextlib.contextmanager
def _opened(daemon, name):
    path = ctypes.create_string_buffer(os.path.join(daemon.pin_path, f"map_{name}").encode())
    fd = _bpf(_OBJ_GET, struct.pack("QIIII", ctypes.addressof(path), 0, 0, 0, 0))
    assert fd >= 0, os.strerror(ctypes.get_errno())
    try:
        yield fd
    finally:
        os.close(fd)


def _keys(fd, size):
    key, following = ctypes.create_string_buffer(size), ctypes.create_string_buffer(size)
    at = 0
    while _bpf(_MAP_NEXT, struct.pack("IIQQQ", fd, 0, at, ctypes.addressof(following), 0)) == 0:
        ctypes.memmove(key, following, size)
        at = ctypes.addressof(key)
        yield key.raw


def _element(command, fd, key, value):
    where = ctypes.create_string_buffer(key, len(key))
    return _bpf(command, struct.pack("IIQQQ", fd, 0, ctypes.addressof(where), ctypes.addressof(value), 0)) == 0


def tagged(daemon):
    """The cookies of the sockets that have a tag."""
    with _opened(daemon, "sockets") as fd:
        return {struct.unpack("Q", key)[0] for key in _keys(fd, 8)}


def seen(daemon):
    """{process: the key of its program}"""
    value, found = ctypes.create_string_buffer(_SEEN_BYTES), {}
    with _opened(daemon, "seen") as fd:
        for process in _keys(fd, _PROCESS_BYTES):
            if _element(_MAP_LOOKUP, fd, process, value):
                found[process] = struct.unpack_from("Q", value.raw, _PROCESS_BYTES)[0]
    return found


def want(daemon, facts):
    """As tracker_set_wants(), but the daemon does not know of it. Holds until that writes its own word again."""
    value, zero = ctypes.create_string_buffer(_CONFIG_BYTES), struct.pack("I", 0)
    with _opened(daemon, "config") as fd:
        assert _element(_MAP_LOOKUP, fd, zero, value)
        struct.pack_into("I", value, _CONFIG_WANTS, facts)
        assert _element(_MAP_UPDATE, fd, zero, value)


def wanted(daemon):
    value = ctypes.create_string_buffer(_CONFIG_BYTES)
    with _opened(daemon, "config") as fd:
        assert _element(_MAP_LOOKUP, fd, struct.pack("I", 0), value)
    return struct.unpack_from("I", value.raw, _CONFIG_WANTS)[0]
