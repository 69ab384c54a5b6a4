# SPDX-License-Identifier: GPL-3.0-or-later
"""The gate rung's maps, as they stand in the kernel (src/bpf/abi.h)."""

import collections
import contextlib
import ctypes
import mmap
import os
import platform
import struct

_BPF = {"x86_64": 321, "aarch64": 280}.get(platform.machine())
_MAP_LOOKUP, _MAP_UPDATE, _MAP_NEXT, _OBJ_GET = 1, 2, 4, 7
_PROCESS_BYTES, _SEEN_BYTES, _CONFIG_BYTES, _CONFIG_WANTS = 16, 40, 56, 48
_ANSWERS_BYTES, _ANSWER = 256 * 1024, struct.Struct("=IIQIIQQQII16sH6x")
_QUESTION_KEY_BYTES, _QUESTION_BYTES, _QUESTION_ASKED = 40, 80, 72

Answer = collections.namedtuple("Answer", "cut pid program cookie uid gid server data")
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


def answers(daemon):
    """Every DNS answer that was copied since the daemon began, which may have read them or not: the bytes stay in the ring. Good for as many as fit."""
    page, found, at = mmap.PAGESIZE, [], 0
    with _opened(daemon, "answers") as fd, mmap.mmap(fd, 2 * page + 2 * _ANSWERS_BYTES, mmap.MAP_SHARED, mmap.PROT_READ) as ring:
        (end,) = struct.unpack_from("Q", ring, page)
        assert end <= _ANSWERS_BYTES, "the first ones were overwritten"
        while at < end:
            (length,) = struct.unpack_from("I", ring, 2 * page + at)
            record = ring[2 * page + at + 8:2 * page + at + 8 + length]
            _, flags, _, pid, _, program, cookie, _, uid, gid, server, n = _ANSWER.unpack_from(record)
            assert len(record) == _ANSWER.size + n
            found.append(Answer(bool(flags & 1), pid, program, cookie, uid, gid, server, record[_ANSWER.size:]))
            at += (length + 8 + 7) & ~7
    return found


def questions(daemon):
    """How many wait for their answer."""
    with _opened(daemon, "questions") as fd:
        return len(list(_keys(fd, _QUESTION_KEY_BYTES)))


def age_questions(daemon, seconds):
    """As if every question had been asked so much earlier."""
    value = ctypes.create_string_buffer(_QUESTION_BYTES)
    with _opened(daemon, "questions") as fd:
        for key in list(_keys(fd, _QUESTION_KEY_BYTES)):
            assert _element(_MAP_LOOKUP, fd, key, value)
            (asked,) = struct.unpack_from("Q", value, _QUESTION_ASKED)
            struct.pack_into("Q", value, _QUESTION_ASKED, asked - seconds * 10**9)
            assert _element(_MAP_UPDATE, fd, key, value)
