# SPDX-License-Identifier: GPL-3.0-or-later
"""DNS messages (RFC 1035), put together by hand: right ones, and every wrong one that a test wants. A name is text, or bytes that stand as they are."""

import ipaddress
import struct

A, CNAME, TXT, AAAA, OPT = 1, 5, 16, 28, 41
QUERY, RESPONSE, TRUNCATED = 0x0100, 0x8180, 0x0200
ASKED = b"\xc0\x0c"  # points to the question's name


def wire_name(name):
    if isinstance(name, bytes):
        return name
    return b"".join(bytes([len(label)]) + label.encode() for label in name.rstrip(".").split(".")) + b"\0"


def question(number, name="name.test", kind=A, flags=QUERY, count=1, edns=0):
    """`edns`: how many bytes of an answer fit the asker, 0: he does not say."""
    more = b"\0" + struct.pack("!HHIH", OPT, edns, 0, 0) if edns else b""
    return struct.pack("!HHHHHH", number, flags, count, 0, 0, bool(edns)) + wire_name(name) + struct.pack("!HH", kind, 1) + more


def record(data, owner=ASKED, kind=None, ttl=300, length=None):
    """`data`: an address, a name, or the bytes of the kind; `length`: what the record says of them."""
    if isinstance(data, str) and kind in (None, A, AAAA):
        address = ipaddress.ip_address(data)
        data, kind = address.packed, kind or (A if address.version == 4 else AAAA)
    elif isinstance(data, str):
        data = wire_name(data)
    return wire_name(owner) + struct.pack("!HHIH", kind, 1, ttl, len(data) if length is None else length) + data


def answer(number, name="name.test", kind=A, *records, size=0, flags=RESPONSE, count=1, n_records=None):
    """Filled up to `size` bytes; `n_records`: how many answers it says that it has."""
    head = struct.pack("!HHHHHH", number, flags, count, len(records) if n_records is None else n_records, 0, 0)
    return (head + wire_name(name) + struct.pack("!HH", kind, 1) + b"".join(records)).ljust(size, b"\xa5")


def asked(message):
    """(number, the question's name as it stands, kind) of a question."""
    end = 12
    while message[end]:
        end += 1 + message[end]
    return struct.unpack("!H", message[:2])[0], message[12:end + 1], struct.unpack("!H", message[end + 1:end + 3])[0]
