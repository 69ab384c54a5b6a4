# SPDX-License-Identifier: GPL-3.0-or-later
"""The gate rung's map of tags, as it stands in the kernel (src/bpf/abi.h)."""

import ctypes
import os
import platform
import struct

_BPF = {"x86_64": 321, "aarch64": 280}.get(platform.machine())
_MAP_NEXT, _OBJ_GET = 4, 7
_libc = ctypes.CDLL(None, use_errno=True)


def _bpf(command, attributes):
    return _libc.syscall(_BPF, command, ctypes.create_string_buffer(attributes, 128), len(attributes))


def tagged(daemon):
    """The cookies of the sockets that have a tag."""
    path = ctypes.create_string_buffer(os.path.join(daemon.pin_path, "map_sockets").encode())
    fd = _bpf(_OBJ_GET, struct.pack("QIIII", ctypes.addressof(path), 0, 0, 0, 0))
    assert fd >= 0, os.strerror(ctypes.get_errno())
    key, following = ctypes.create_string_buffer(8), ctypes.create_string_buffer(8)
    found, at = set(), 0
    try:
        while _bpf(_MAP_NEXT, struct.pack("IIQQQ", fd, 0, at, ctypes.addressof(following), 0)) == 0:
            ctypes.memmove(key, following, 8)
            at = ctypes.addressof(key)
            found.add(struct.unpack("Q", key.raw)[0])
    finally:
        os.close(fd)
    return found
