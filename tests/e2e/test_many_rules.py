# SPDX-License-Identifier: GPL-3.0-or-later
"""Many rules, and somebody who wants to see them all: nobody is thrown out for asking, and nobody else waits for it.

        bastion rules list ─▶ bastion-daemon    pages, over one connection
        old tray, list_rules ─▶ bastion-daemon  one line, as that client knows it
"""

import json
import re
import socket
import time

import pytest

from harness import sockets
from harness.clients import Subscriber
from harness.net import Network
from harness.wait import until

pytestmark = pytest.mark.gate_only  # nothing here depends on it
N = 100_000
RULES = {**{f"/usr/lib/a-program-with-a-name/{n}:443": n % 2 == 0 for n in range(N)}, f"{sockets.PYTHON}:*": True}
PATIENCE = 120  # seconds: 5 MB are made, sent and read on a machine that has other work


@pytest.fixture
def many(daemon):
    return daemon({"default_action": "allow"}, rules=RULES)


def told(rules):
    """Of a list of rules, the flat ones as in rules.json."""
    return {r["id"]: r["action"] == "allow" for r in rules if r["origin"] == "flat"}


def pages(client, **fields):
    """Each page of the rules; between two of them the caller may do what it likes."""
    while True:
        reply = client.request("rules", **fields)
        yield reply
        if reply["type"] == "error" or "next" not in reply:
            return
        fields["after"] = reply["next"]


def test_all_of_them_are_listed(many, cli):
    bastion = cli(many)
    listed = bastion.json("rules", "list", timeout=PATIENCE)["rules"]
    assert told(listed) == RULES
    assert len({r["id"] for r in listed}) == len(listed), "each of them once"
    lines = bastion("rules", timeout=PATIENCE).splitlines()
    assert len(lines) == len(listed) + 1
    assert sum(line.startswith("/usr/lib/a-program-with-a-name/") for line in lines) == N
    assert "does not read" not in many.output()


def test_pages_end_by_number_and_by_text(many, closing):
    client = closing(Subscriber(many.socket_path))
    first = client.request("rules")
    assert 0 < len(json.dumps(first, separators=(",", ":"))) < 4 << 20 and len(first["rules"]) > 5000
    assert [len(p["rules"]) for p in pages(client, limit=30_000)][0] < 30_000, "the text is the narrower bound"
    sizes = [len(p["rules"]) for p in pages(client, limit=2000)]
    assert set(sizes[:-1]) == {2000} and 0 < sizes[-1] <= 2000 and sum(sizes) >= N


def test_rules_that_change_between_pages(many, closing):
    reader, writer = closing(Subscriber(many.socket_path)), closing(Subscriber(many.socket_path))
    listed, touched = [], set()
    for nth, page in enumerate(pages(reader, limit=5000)):
        listed += page["rules"]
        if nth % 5 == 0 and "next" in page:
            last, middle = page["next"]["rule"], f"/usr/lib/a-program-with-a-name/{nth * 5000 // 2}:443"
            for rule in {last, middle} & set(RULES):
                assert writer.request("rule_delete", rule=rule)["type"] == "reply"
                touched.add(rule)
            assert writer.request("rule_add", sentence=f"deny /usr/bin/new-{nth} port 1")["type"] == "reply"
    ids = [r["id"] for r in listed]
    assert len(ids) == len(set(ids)), "none twice"
    assert set(RULES) - touched <= set(ids), "whatever was there all the time was told"


def test_a_listing_of_rules_that_were_loaded_anew_ends(many, closing):
    client = closing(Subscriber(many.socket_path))
    walk = pages(client, limit=10)
    assert next(walk)["type"] == "reply"
    many.reload_and_wait()
    assert next(walk)["code"] == "closed"
    stranger = {"load": 0, "number": 1, "rule": "r1"}
    assert client.request("rules", after=stranger)["code"] == "closed"


def test_an_old_client_gets_its_one_line(many, old_client, network, tcp):
    quiet, asking = old_client(many), old_client(many)
    for _ in range(3):  # the second and third are asked for while the first is being written
        asking.send({"type": "list_rules"})
    until(lambda: len(asking.of_type("rules_list")) == 3, "three answers", PATIENCE)
    assert all(m["rules"] == RULES for m in asking.of_type("rules_list"))
    assert not asking.closed and not quiet.closed
    quiet.wait("stats_update")
    asking.send_bytes(b"".join(json.dumps(m).encode() + b"\n" for m in (
        {"type": "list_rules"}, {"type": "delete_rule", "key": "/usr/lib/a-program-with-a-name/7:443"}, {"type": "list_rules"})))
    until(lambda: len(asking.of_type("rules_list")) == 5, "two more", PATIENCE)
    assert asking.of_type("rule_deleted")[0]["success"] is True
    kinds = [m["type"] for m in asking.messages if m["type"] in ("rules_list", "rule_deleted")]
    assert kinds[-3:] == ["rules_list", "rule_deleted", "rules_list"], "in the order in which they were asked for"
    assert len(asking.of_type("rules_list")[-1]["rules"]) == len(RULES) - 1
    assert sockets.tcp(network.fw, Network.PEER4, tcp.port, seconds=60) == 0
    assert "does not read" not in many.output()


def test_who_does_not_read_its_long_line_keeps_it_and_nothing_more(many, closing, network, tcp, old_client):
    def resident_kib():
        with open(f"/proc/{many.pid}/status", encoding="ascii") as f:
            return int(re.search(r"VmRSS:\s*(\d+)", f.read())[1])

    before = resident_kib()
    s = closing(socket.socket(socket.AF_UNIX))
    s.connect(many.socket_path)
    s.sendall(b'{"type":"list_rules"}\n' * 50)
    until(lambda: resident_kib() > before + 2048, "the line in memory")
    assert sockets.tcp(network.fw, Network.PEER4, tcp.port, seconds=60) == 0
    assert resident_kib() < before + 32768, "one line, not fifty"
    s.settimeout(PATIENCE)
    lines, rest = 0, b""
    while lines < 50:  # and whoever reads after all gets everything, in whole lines
        piece = s.recv(1 << 20)
        assert piece, "thrown out"
        *whole, rest = (rest + piece).split(b"\n")
        lines += sum(line.startswith(b'{"type":"rules_list"') and line.endswith(b"}}") for line in whole)
    until(lambda: resident_kib() < before + 4096, "the memory again")
    old_client(many).settle()


def test_nobody_waits_for_a_listing(many, closing, old_client):
    """Another client is answered while pages and lines are made without a pause."""
    reader, tray = closing(Subscriber(many.socket_path)), old_client(many)
    other = closing(Subscriber(many.socket_path))
    waits = []

    def another_request():
        start = time.monotonic()
        other.request("mode")
        waits.append(time.monotonic() - start)

    tray.send({"type": "list_rules"})
    another_request()
    for _ in pages(reader, limit=2000):
        another_request()
    print(f"a reply beside the making of the line: {waits[0] * 1000:.0f} ms, beside pages: {max(waits[1:]) * 1000:.0f} ms at most")
    assert max(waits) < 5


def test_a_line_beyond_every_bound_is_not_told_but_its_client_is(daemon, old_client):
    rules = {f"/{chr(0x7f) * 4000}{n}:443": True for n in range(3000)}  # 12 MB in the file, six times that when it is told
    d = daemon({"default_action": "allow"}, rules=json.dumps(rules, ensure_ascii=False))
    client = old_client(d)
    client.send({"type": "list_rules"})
    notification = client.wait("notification", seconds=PATIENCE)
    assert notification["level"] == "error" and "too long for one line" in notification["message"]
    client.send({"type": "delete_rule", "key": "/no:1"})
    assert client.wait("rule_deleted")["success"] is False and not client.of_type("rules_list")
    newer = Subscriber(d.socket_path)
    assert sum(r["origin"] == "flat" for p in pages(newer, limit=2000) for r in p["rules"]) == 3000
    newer.close()


def test_a_line_that_is_being_made_when_the_rules_are_loaded_anew(many, old_client):
    asking = old_client(many).settle()
    for n in range(3):
        asking.send({"type": "list_rules"})
        many.write_rules({**RULES, f"/usr/bin/new-{n}:1": True})
        many.reload_and_wait()
        asking.settle()
    until(lambda: len(asking.of_type("rules_list")) == 7, "an answer to each", PATIENCE)
    for m in asking.of_type("rules_list"):
        assert RULES.items() <= m["rules"].items()
    assert len(asking.of_type("rules_list")[-1]["rules"]) == len(RULES) + 1


def test_ids_that_are_no_text_are_walked_too(daemon, cli, closing):
    d = daemon({"default_action": "allow"}, rules={})
    client = closing(Subscriber(d.socket_path))
    ids = [client.request("rule_add", sentence=f'deny "/tmp/\\xff{n}" note "no flat rule"')["rule"]["id"] for n in range(5)]
    walked = [r for p in pages(client, limit=1) for r in p["rules"]]
    assert [r["id"] for r in walked if r["origin"] == "list"] == ids
    assert {r["program_bytes"] for r in walked if r["origin"] == "list"} == {f"/tmp/\\xff{n}" for n in range(5)}
    assert len(cli(d).json("rules")["rules"]) == len(walked)
