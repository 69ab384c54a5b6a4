# SPDX-License-Identifier: GPL-3.0-or-later
"""Who talks to whom, how much, and the end of one connection at a person's word.

     fw                                          peer
     ┌────────────────────────────┐             ┌───────────────────────────┐
     │ sockets of this process    │    veth     │ the other ends, of this   │
     │ (the daemon sees python) ──┼─────────────┤ process too               │
     └────────────────────────────┘             └───────────────────────────┘
"""

import errno
import itertools
import socket
import threading

import pytest

from harness.net import Network
from harness.sockets import PYTHON, family_of
from harness.wait import until

PORTS = itertools.count(9700)
each_version = pytest.mark.parametrize("address", (Network.PEER4, Network.PEER6), ids=("v4", "v6"))


@pytest.fixture
def client(daemon, subscriber):
    """A daemon that lets python do what it likes, and who watches it."""
    return subscriber(daemon(rules={f"{PYTHON}:*": True}), "decisions")


@pytest.fixture
def tcp_pair(network, closing):
    """(near, far): a TCP connection that fw opened, or with `incoming` the peer."""

    def connect(address, incoming=False):
        ours, theirs = (network.peer, network.fw) if incoming else (network.fw, network.peer)
        family = family_of(address)
        listener = closing(theirs.socket(family, socket.SOCK_STREAM))
        listener.bind((address, next(PORTS)))
        listener.listen(8)
        opener = closing(ours.socket(family, socket.SOCK_STREAM))
        for s in (opener, listener):
            s.settimeout(20)
        opener.connect(listener.getsockname()[:2])
        accepted = closing(listener.accept()[0])
        accepted.settimeout(20)
        return (accepted, opener) if incoming else (opener, accepted)

    return connect


@pytest.fixture
def udp_pair(network, closing):
    """(near, far, address of far); near has sent to it, connected or not."""

    def make(address, connected):
        family = family_of(address)
        far, near = closing(network.peer.socket(family, socket.SOCK_DGRAM)), closing(network.fw.socket(family, socket.SOCK_DGRAM))
        far.bind((address, next(PORTS)))
        to = far.getsockname()[:2]
        for s in (near, far):
            s.settimeout(20)
        if connected:
            near.connect(to)
            near.send(b"hello")
        else:
            near.sendto(b"hello", to)
        assert far.recv(10) == b"hello"
        return near, far, to

    return make


def flow_of(near, remote, protocol="TCP", local=None):
    """As `connections` tells it."""
    return {"protocol": protocol, "local_ip": local or near.getsockname()[0], "local_port": near.getsockname()[1],
            "remote_ip": remote[0], "remote_port": remote[1]}


def listed(client, flow):
    """The element of `connections`, or None."""
    return next((c for c in client.request("connections")["connections"] if all(c[k] == v for k, v in flow.items())), None)


def end(client, flow):
    return client.request("connection_end", **flow)


def assert_told(client, flow, direction):
    """Every end has a reason."""
    told = client.decision(verdict="deny", **flow)
    assert (told["reason"], told["rule"], told["path"], told["direction"]) == ("user", None, PYTHON, direction)


def read_all(s, n):
    """Its next `n` bytes."""
    left = n
    while left:
        piece = s.recv(left)
        assert piece, "the end came before"
        left -= len(piece)


# ---- how much ----------------------------------------------------------------------------------------------------------

@each_version
def test_bytes_grow_with_what_is_carried(address, client, tcp_pair):
    near, far = tcp_pair(address)
    flow = flow_of(near, near.getpeername()[:2])
    before = listed(client, flow)
    assert before["state"] == "established" and before["bytes_in"] == 0
    near.sendall(bytes(5000))
    read_all(far, 5000)
    far.sendall(bytes(700))
    read_all(near, 700)
    until(lambda: listed(client, flow)["bytes_out"] >= before["bytes_out"] + 5000, "the acknowledgement")
    after = listed(client, flow)
    # The handshake may count for one, a byte of the sequence that carries nothing.
    assert 5000 <= after["bytes_out"] <= 5001 and after["bytes_in"] == 700
    far.close()
    until(lambda: listed(client, flow)["state"] == "closing", "the peer's end to be seen")


def test_what_has_no_bytes_and_no_state_says_neither(client, udp_pair):
    near, _, to = udp_pair(Network.PEER4, connected=True)
    told = listed(client, flow_of(near, to, "UDP"))
    assert told and not {"bytes_in", "bytes_out", "state"} & set(told)


@pytest.mark.gate_only
def test_traffic_grows_with_what_is_carried(client, tcp_pair):
    near, far = tcp_pair(Network.PEER4)
    first = client.request("traffic")["traffic"]
    sender = threading.Thread(target=lambda: near.sendall(bytes(1 << 20)))
    sender.start()
    read_all(far, 1 << 20)
    sender.join()
    far.sendall(bytes(300000))
    read_all(near, 300000)
    second = client.request("traffic")["traffic"]
    assert second["at_ns"] > first["at_ns"]
    assert second["bytes_out"] - first["bytes_out"] > 1 << 20 and second["bytes_in"] - first["bytes_in"] > 300000


@pytest.mark.gate_only
def test_traffic_is_not_loopback(client, network):
    with network.fw.socket() as listener, network.fw.socket() as near:
        listener.bind(("127.0.0.1", 0))
        listener.listen(1)
        near.connect(listener.getsockname())
        far, _ = listener.accept()
        first = client.request("traffic")["traffic"]
        for _ in range(64):
            near.sendall(bytes(65536))
            read_all(far, 65536)
        second = client.request("traffic")["traffic"]
        far.close()
    assert second["bytes_out"] - first["bytes_out"] < 1 << 20  # of 4 MiB


# ---- the end ------------------------------------------------------------------------------------------------------------

@each_version
@pytest.mark.parametrize("incoming", (False, True), ids=("out", "in"))
def test_a_tcp_connection_ends_for_both(incoming, address, client, tcp_pair):
    near, far = tcp_pair({Network.PEER4: Network.FW4, Network.PEER6: Network.FW6}[address] if incoming else address, incoming)
    other, other_far = tcp_pair(address)
    flow = flow_of(near, near.getpeername()[:2])
    assert listed(client, flow)["direction"] == ("in" if incoming else "out")
    assert end(client, flow)["type"] == "reply"
    with pytest.raises(OSError) as ours:
        near.recv(1)
    with pytest.raises(OSError) as theirs:
        far.recv(1)
    assert ours.value.errno in (errno.ECONNABORTED, errno.ECONNRESET) and theirs.value.errno == errno.ECONNRESET
    assert_told(client, flow, "in" if incoming else "out")
    assert listed(client, flow) is None and end(client, flow)["code"] == "not-found"
    # The other one is as it was, and the program may connect anew: no rule was made.
    other.sendall(b"there")
    assert other_far.recv(5) == b"there"
    tcp_pair(address)


@each_version
def test_a_connected_udp_socket_is_told(address, client, udp_pair):
    near, far, to = udp_pair(address, connected=True)
    flow = flow_of(near, to, "UDP")
    assert end(client, flow)["type"] == "reply"
    with pytest.raises(OSError) as ours:
        near.recv(1)
    assert ours.value.errno == errno.ECONNABORTED
    assert_told(client, flow, "out")
    assert end(client, flow)["code"] == "not-found"
    near.connect(to)
    near.send(b"again")
    assert far.recv(10) == b"again"


def test_a_udp_socket_with_other_destinations_keeps_its_port(client, udp_pair, network, closing):
    near, far, to = udp_pair(Network.PEER4, connected=False)
    second = closing(network.peer.socket(socket.AF_INET, socket.SOCK_DGRAM))
    second.bind((Network.PEER4, next(PORTS)))
    second.settimeout(20)
    near.sendto(b"hello", second.getsockname())
    assert second.recv(10) == b"hello"
    name = near.getsockname()
    flow = flow_of(near, to, "UDP", Network.FW4)
    assert end(client, flow)["type"] == "reply"
    assert near.getsockname() == name
    second.sendto(b"back", (Network.FW4, name[1]))
    assert near.recv(10) == b"back"
    assert_told(client, flow, "out")
    # One that it never spoke to is no flow of its.
    assert end(client, {**flow, "remote_port": 1})["code"] == "not-found"
    near.sendto(b"again", to)  # as the rules say
    assert far.recv(10) == b"again"


@pytest.mark.gate_only
def test_what_cannot_be_ended(client):
    nobody = {"protocol": "TCP", "local_ip": Network.FW4, "local_port": 1, "remote_ip": Network.PEER4, "remote_port": 1}
    assert end(client, nobody)["code"] == "not-found"
    assert end(client, {**nobody, "protocol": "ICMP"})["code"] == "not-permitted"
    assert end(client, {**nobody, "local_ip": "fw"})["code"] == "bad-field"
