# SPDX-License-Identifier: GPL-3.0-or-later
"""Names as real programs get them from real name servers: the first packet to an address that nobody has been to is decided by the name that the program
asked for. Nobody is there to ask a person, so what no rule says is denied.

     fw                                                          peer
     ┌──────────────────────────────────────────────┐            ┌──────────────────────────────────┐
     │ bastion-daemon                               │            │ dnsmasq      10.91.0.2        53 │
     │ curl, python, dig ─┬─────────────────────────┼────────────┤ unbound      fd91:0:0:1::2    53 │
     │                    ├─ dnsmasq  127.0.0.53 ───┤    veth    │                                  │
     │                    └─ unbound  127.0.0.54 ───┼────────────┤ TCP 8080, and 5300 for dig, at   │
     │                                              │            │ every address of 10.92.0.0/16    │
     └──────────────────────────────────────────────┘            └──────────────────────────────────┘

Both servers have the same zone. Gate rung: the other hears no answers.
"""

import contextlib
import os
import shutil

import pytest

from harness import dns, sockets
from harness.clients import Subscriber
from harness.daemon import Daemon
from harness.net import Network
from harness.servers import DnsServer, TcpServer, Unbound
from harness.wait import until

pytestmark = [pytest.mark.gate_only, pytest.mark.skipif(not Unbound.PROGRAM, reason="needs unbound")]

CURL, DIG, PYTHON = "/usr/bin/curl", "/usr/bin/dig", sockets.PYTHON
RESOLVERS = {"dnsmasq": Network.PEER4, "unbound": Network.PEER6, "stub-dnsmasq": "127.0.0.53", "stub-unbound": "127.0.0.54"}
STUBS = [name for name in RESOLVERS if name.startswith("stub")]
YEAR = 365 * 24 * 60 * 60
MANY = 200  # addresses in 4 KB
KNOWN = 128  # of them have a name

#       name                 TTL   leads to
ZONE = (("one.good",         300, ["10.92.1.1"]),
        ("round.good",       300, ["10.92.2.1", "10.92.2.2", "10.92.2.3"]),
        ("alias.good",       300, "second.other"),
        ("second.other",     300, "third.other"),
        ("third.other",      300, ["10.92.3.1"]),
        ("zero.good",          0, ["10.92.4.1"]),
        ("year.good",       YEAR, ["10.92.5.1"]),
        ("six.good",         300, ["fd92::6"]),
        ("capitals.good",    300, ["10.92.7.1"]),
        ("dot.good",         300, ["10.92.8.1"]),
        ("searched.good",    300, ["10.92.9.1"]),
        ("shared.good",      300, ["10.92.10.1"]),
        ("truncated.good",   300, [f"10.92.11.{i}" for i in range(1, 101)]),
        ("large.good",       300, [f"10.92.12.{i}" for i in range(1, MANY + 1)]),
        ("one.bad",          300, ["10.92.20.1"]),
        ("alias.bad",        300, "target.good"),
        ("target.good",      300, ["10.92.21.1"]))


def zone_file():
    lines = ["$ORIGIN test.", "@ 300 IN SOA ns.test. x.test. 1 3600 600 86400 60", "@ 300 IN NS ns.test."]
    for name, ttl, to in ZONE:
        for target in [to] if isinstance(to, str) else to:
            kind = "CNAME" if isinstance(to, str) else "AAAA" if ":" in target else "A"
            lines.append(f"{name} {ttl} IN {kind} {target}")
    return "\n".join(lines) + "\n"


def dnsmasq_options():
    yield from ("--edns-packet-max=4096", "--local=/test/")
    for name, ttl, to in ZONE:
        if isinstance(to, str):
            yield f"--cname={name}.test,{to}.test,{ttl}"
        else:
            yield from (f"--host-record={name}.test,{address},{ttl}" for address in to)


class House:
    """One daemon, four name servers and a file resolv.conf for each, for all of the module."""

    def __init__(self, build, network, directory, closing):
        self.fw, self.directory = network.fw, str(directory)
        network.add_wide()
        self.tcp = closing(TcpServer(network.peer))
        closing(DnsServer(network.peer, directory, f"--listen-address={Network.PEER4}", more=dnsmasq_options()))
        closing(Unbound(network.peer, directory, Network.PEER6, zone_file(), more=("interface: 0.0.0.0@5300", "interface: ::0@5300")))
        closing(DnsServer(network.fw, directory, f"--listen-address={RESOLVERS['stub-dnsmasq']}", forward_to=Network.PEER4, more=("--edns-packet-max=4096",)))
        # Its own questions are in capitals and small letters as it pleases, and the answers have to be too.
        closing(Unbound(network.fw, directory, RESOLVERS["stub-unbound"], forward_to=Network.PEER6, more=("use-caps-for-id: yes",)))
        for name, address in RESOLVERS.items():
            self.write(f"resolv-{name}", f"nameserver {address}\nsearch good.test\n")
        self.write("nsswitch", "hosts: dns\n")
        self.daemon = closing(Daemon(build, network.fw, directory / "bastion", "gate", {"popup_enabled": False, "default_action": "deny"})).start()
        self.watcher = closing(Subscriber(self.daemon.socket_path, "decisions"))
        rules = [f"allow anyone to {address} port 53" for address in (Network.PEER4, Network.PEER6)]
        for rule in rules + [f"allow {program} to .good.test" for program in (CURL, DIG, PYTHON)]:
            self.add(rule)

    def add(self, sentence):
        assert self.watcher.request("rule_add", sentence=sentence)["type"] == "reply"

    def stranger(self, name):
        """A python that nobody has told anything."""
        path = os.path.join(self.directory, name)
        shutil.copy(PYTHON, path)
        self.add(f"allow {path} to .good.test")
        return path

    def write(self, name, text):
        with open(os.path.join(self.directory, name), "w", encoding="ascii") as f:
            f.write(text)

    def run(self, resolver, *argv):
        """What a program prints that finds that server in its /etc/resolv.conf."""
        self.before = len(self.watcher.decisions())
        script = "mount --bind $0/$1 /etc/resolv.conf && mount --bind $0/nsswitch /etc/nsswitch.conf && shift && exec \"$@\""
        done = self.fw.run("unshare", "--mount", "sh", "-c", script, self.directory, f"resolv-{resolver}", *argv)
        return done.stdout + done.stderr

    def decided(self, path, where):
        """What was decided about the last run's connections to there: {(verdict, reason, host)}."""
        def told():
            return {(d["verdict"], d["reason"], d["host"]) for d in self.watcher.decisions()[self.before:]
                    if d["path"] == path and d["remote_ip"].startswith(where) and d["remote_port"] != 53}

        return until(told, f"a decision about {path} and {where}")


@pytest.fixture(scope="module")
def house(request, build, tmp_path_factory):
    network = Network(request.config.getoption("--netns-prefix") + "names-")
    with contextlib.ExitStack() as stack:
        stack.callback(network.delete)

        def closing(thing):
            stack.callback(thing.close)
            return thing

        yield House(build, network, tmp_path_factory.mktemp("names"), closing)


GO = """
import socket, sys
for name in sys.argv[1:]:
    gone = set()
    for family, _, _, _, address in socket.getaddrinfo(name, 8080, type=socket.SOCK_STREAM):
        with socket.socket(family, socket.SOCK_STREAM) as s:
            s.settimeout(20)
            if s.connect_ex(address) == 0:
                gone.add(address[0])
    print(name, "went" if gone else "denied", *gone)
"""


def curl(names):
    return CURL, "-sS", "--noproxy", "*", "--max-time", "20", *[f"http://{name}:8080/" for name in names], "-w", "%{url_effective} %{http_code}\\n"


def curl_went(name, said):
    return f"//{name}:8080/ 200" in said


def python(names, path=PYTHON):
    return path, "-c", GO, *names


def python_went(name, said):
    return f"{name} went" in said


def dig(names):
    """One server a run: that of the first."""
    return DIG, "+tcp", "+tries=1", "+time=20", "-p", "5300", f"@{names[0]}", "one.good.test"


def dig_went(_, said):
    return "10.92.1.1" in said


#          path    command line  did it go there
CLIENTS = {"curl": (CURL, curl, curl_went), "python": (PYTHON, python, python_went), "dig": (DIG, dig, dig_went)}
#           what is asked for: its name, where it goes
ALLOWED = {"one.good.test": ("one.good.test", "10.92.1.1"),
           "round.good.test": ("round.good.test", "10.92.2."),
           "alias.good.test": ("alias.good.test", "10.92.3.1"),
           "zero.good.test": ("zero.good.test", "10.92.4.1"),
           "year.good.test": ("year.good.test", "10.92.5.1"),
           "six.good.test": ("six.good.test", "fd92::6"),
           "CAPITALS.Good.tesT": ("capitals.good.test", "10.92.7.1"),
           "dot.good.test.": ("dot.good.test", "10.92.8.1"),
           "searched": ("searched.good.test", "10.92.9.1")}
DENIED = {"one.bad.test": ("one.bad.test", "10.92.20.1"),
          "alias.bad.test": ("alias.bad.test", "10.92.21.1")}  # though it leads to a good name: that is not what was asked for


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("resolver", RESOLVERS)
def test_the_first_packet_is_decided_by_the_name(house, resolver, client):
    path, command, went = CLIENTS[client]
    cases = {**{name: ("allow", "rule", *to) for name, to in ALLOWED.items()}, **{name: ("deny", "nobody", *to) for name, to in DENIED.items()}}
    runs = [[name] for name in ("one.good.test", "searched", "one.bad.test")] if client == "dig" else [list(cases)]
    for names in runs:
        said = house.run(resolver, *command(names))
        for name in names:
            verdict, reason, host, where = cases[name]
            assert went(name, said) == (verdict == "allow"), f"{name}: {said}"
            assert house.decided(path, where) == {(verdict, reason, host)}, name


@pytest.mark.parametrize("resolver", RESOLVERS)
def test_each_address_of_an_answer_counts(house, resolver):
    said = house.run(resolver, *python(["round.good.test"]))
    assert len(said.split()) == 2 + 3, said


@pytest.mark.parametrize("resolver", STUBS)
def test_what_a_stub_says_counts_for_who_asked_it(house, resolver):
    """It has asked for it too, or knew it already: neither is anything to anybody else."""
    path = house.stranger(f"neighbour-{resolver}")
    by_number = "import socket; socket.create_connection(('10.92.10.1', 8080), 20)"
    assert curl_went("shared.good.test", house.run(resolver, *curl(["shared.good.test"])))
    assert "Error" in house.run(resolver, path, "-c", by_number)
    assert house.decided(path, "10.92.10.1") == {("deny", "nobody", None)}
    assert python_went("shared.good.test", house.run(resolver, *python(["shared.good.test"], path)))


@pytest.mark.parametrize("resolver", RESOLVERS)
def test_what_comes_by_tcp_has_no_name(house, resolver):
    """The answer is longer than a datagram that was not said to be may be: it comes cut, and again by TCP. unbound sends none of the addresses in the
    datagram, dnsmasq those that fit: these are known."""
    path = house.stranger(f"by-tcp-{resolver}")
    said = house.run(resolver, *python(["truncated.good.test"], path))
    n_gone = len(said.split()) - 2
    assert 0 < n_gone < 100 if "dnsmasq" in resolver else n_gone == 0, said
    assert python_went("one.good.test", house.run(resolver, *python(["one.good.test"], path)))


ASK_AND_GO = """
import socket, sys
server, question, first, *chosen = sys.argv[1:]
s = socket.socket(socket.AF_INET6 if ":" in server else socket.AF_INET, socket.SOCK_DGRAM)
s.settimeout(20)
s.sendto(bytes.fromhex(question), (server, 53))
answer = s.recv(65536)
print(len(answer))
for at in (int(first) + 16 * int(i) for i in chosen):
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as t:
        t.settimeout(20)
        print(t.connect_ex((socket.inet_ntoa(answer[at + 12:at + 16]), 8080)) == 0)
"""


@pytest.mark.parametrize("resolver", RESOLVERS)
def test_a_datagram_of_4_kb(house, resolver):
    """Who says that it fits gets 200 addresses in one. As many of them as an answer may have are known, in its order."""
    name, chosen = "large.good.test", (0, 1, KNOWN - 1, KNOWN, MANY - 1)
    size, *went = house.run(resolver, house.stranger(f"large-{resolver}"), "-c", ASK_AND_GO, RESOLVERS[resolver],
                            dns.question(7, name, edns=4096).hex(), len(dns.question(7, name)), *map(str, chosen)).split()
    assert int(size) > 16 * MANY
    assert went == [str(i < KNOWN) for i in chosen]
