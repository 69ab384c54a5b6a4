# SPDX-License-Identifier: GPL-3.0-or-later
"""rules.json with many rules, such as a person could have them: two thirds about other programs, a third about the measured program itself but
for other destinations. None of these decides a measured connection; the rules that do, one for each address family, are about a network, so
that what was decided for one address says nothing about the next.

Of the program's own rules one in a hundred denies a network (a block list), one in ten is about a port (`PATH:PORT`), the others about one address
and port (what the answer "this destination" writes). Of the others' nine in ten are flat and one in ten is about a network."""

import functools
import json

NETWORK_IN, PORT_IN, OTHERS_LIST_IN = 100, 10, 10
FIRST_PORT = 20000  # of the rules that no measured connection meets


def v4(first, i):
    return f"{first}.{i >> 16 & 255}.{i >> 8 & 255}.{i & 255}"


def own_rule(i, client):
    """(flat key and value, or None; rule object, or None)"""
    if i % NETWORK_IN == 0:
        return None, {"action": "deny", "program": client, "network": v4(100, i << 8) + "/24"}
    if i % PORT_IN == 0:
        return (f"{client}:{FIRST_PORT + i // PORT_IN}", True), None
    return None, {"action": "allow", "program": client, "network": v4(101, i), "ports": [443]}


def others_rule(i):
    path = f"/usr/lib/some-package/bin/program-{i}"
    if i % OTHERS_LIST_IN == 0:
        return None, {"action": "allow", "program": path, "network": v4(102, i << 8) + "/24", "ports": [443, "8000-8999"]}
    return (f"{path}:443", i % 7 != 0), None


@functools.cache
def text(count, client, networks, ports):
    """`count` fillers less one, and a rule for each of `networks`: count 1 is these alone."""
    flat, listed = {}, []
    for i in range(count - 1):
        entry, rule = own_rule(i // 3 + 1, client) if i % 3 == 0 else others_rule(i)
        if entry:
            flat[entry[0]] = entry[1]
        else:
            listed.append({"id": f"r{i + 100}", **rule})
    listed += [{"id": f"r{i + 1}", "action": "allow", "program": client, "network": network, "ports": [f"{ports[0]}-{ports[1]}"]}
               for i, network in enumerate(networks)]
    return json.dumps({"applications": {}, "services": {}, **flat, "version": 2, "rules": listed}, indent=1) + "\n"
