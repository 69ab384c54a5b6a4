# SPDX-License-Identifier: GPL-3.0-or-later
"""The ground that the other tests stand on, without a daemon: what a program sends is what the servers and the sniffer see.

     fw ┌───────────────┐   veth   ┌───────────────────────────────────┐ peer
        │ visitors, dig ├──────────┤ TCP 8080, UDP 7007, DNS, sniffer  │
        └───────────────┘          └───────────────────────────────────┘
"""

from harness.net import Network
from harness.wait import until


def test_servers_hear_every_visitor(network, programs, tcp, udp, sniffer):
    visitors = programs.visitors(16)
    done = network.fw.run(programs.path("swarm"), 200, 8, 1, "tcp,udp,udp-unconnected", f"{Network.PEER4},{Network.PEER6}",
                          tcp.port, udp.port, *visitors)
    started = [line.split() for line in done.stdout.splitlines()]
    assert done.returncode == 0 and len(started) == 200
    assert {status for _, _, status, _ in started} == {"0"}
    until(lambda: len(tcp.snapshot()) + len(udp.snapshot()) == 200, "all visitors")
    heard = {tuple(visit["data"].decode().split()) for visit in tcp.snapshot() + udp.snapshot()}
    assert heard == {(path, pid) for pid, _, _, path in started}
    assert {p.source_port for p in sniffer.seen(17, udp.port)} == {visit["port"] for visit in udp.snapshot()}
    assert len({p.source_port for p in sniffer.seen(6, tcp.port)}) == len(tcp.snapshot())


def test_the_dns_server_answers(network, dns, sniffer):
    done = network.fw.run("dig", f"@{Network.PEER6}", "+short", "+tries=1", dns.NAME, "AAAA")
    assert done.stdout.strip() == dns.V6
    assert len(sniffer.seen(17, 53)) == 1
    assert sniffer.seen(17, 54) == []
