# SPDX-License-Identifier: GPL-3.0-or-later
"""Names: who asked a real name server for a name, and connects to what it was told, is known to go there. Gate rung: the queue rung hears no answers.

     fw                                                    peer
     ┌──────────────────────────────────────┐             ┌──────────────────────────────┐
     │ a program ── question, UDP 53 ───────┼─────────────┤ dnsmasq                      │
     │           ◀─ answer: copied, parsed ─┤    veth     │                              │
     │           ── connect() ──────────────┼─────────────┤ TCP 8080                     │
     └──────────────────────────────────────┘             └──────────────────────────────┘
"""

import contextlib
import os
import re
import shutil
import signal
import socket
import struct
import threading
import time

import pytest

from harness.dns import question
from harness.net import Network
from harness.programs import Running
from harness.servers import DnsServer, TcpServer
from harness.sockets import PYTHON
from harness.wait import until

HOST, ALIAS, OTHER, SUFFIX = "www.example.com", "alias.example.org", "other.example.net", "co.uk"


@pytest.fixture
def dns(network, closing, tmp_path):
    return closing(DnsServer(network.peer, tmp_path, more=[
        f"--address=/{HOST}/{Network.PEER4}", f"--address=/{HOST}/{Network.PEER6}", f"--address=/{OTHER}/{Network.PEER4}", f"--address=/{SUFFIX}/{Network.PEER4}",
        f"--cname={ALIAS},{HOST}", f"--host-record={HOST},{Network.PEER4},{Network.PEER6}"]))


@pytest.fixture
def resolve(network):
    """resolve(name): this python asks the server, and reads the answer."""
    def run(name, kind=1):
        with contextlib.closing(network.fw.socket(socket.AF_INET, socket.SOCK_DGRAM)) as s:
            s.settimeout(20)
            s.sendto(question(4711, name, kind), (Network.PEER4, 53))
            return s.recv(4096)
    return run


@pytest.fixture
def connects(network, tcp):
    def run(address=Network.PEER4):
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        with contextlib.closing(network.fw.socket(family, socket.SOCK_STREAM)) as s:
            s.settimeout(20)
            try:
                s.connect((address, tcp.port))
                return True
            except OSError:
                return False
    return run


@pytest.fixture
def house(rung, daemon, cli, dns):
    if rung == "queue":
        pytest.skip("no answers are heard there")
    d = daemon(config={"popup_enabled": False, "default_action": "deny"})
    cli(d)("rules", "add", f"allow anyone to {Network.PEER4} port 53")
    return d


def test_the_first_packet_to_a_fresh_address_is_decided_by_its_name(house, cli, resolve, connects):
    cli(house)("rules", "add", f"allow {PYTHON} to .example.com port 8080")
    assert not connects(), "nobody asked yet"
    for kind, address in ((1, Network.PEER4), (28, Network.PEER6)):
        resolve(HOST, kind)
        assert connects(address)
    cli(house)("rules", "add", f"deny {PYTHON} to {HOST} port 8080")
    assert not connects()


def test_an_alias_leads_there_too(house, cli, resolve, connects):
    cli(house)("rules", "add", f"allow {PYTHON} to {ALIAS}")
    resolve(HOST)
    assert not connects()
    resolve(ALIAS)
    assert connects(), "and the address has both names"


def test_what_one_program_was_told_is_nothing_to_another(house, cli, resolve, connects, network, programs, closing, tcp):
    path = programs.visitor("did-not-ask")
    cli(house)("rules", "add", "allow anyone to .example.com")
    resolve(HOST)
    assert connects()
    assert closing(Running(network.fw, path, "tcp", Network.PEER4, str(tcp.port))).finish()[0] != 0


def test_two_names_of_one_address(house, cli, resolve, connects, subscriber):
    watcher = subscriber(house)
    cli(house)("rules", "add", f"allow {PYTHON} to {HOST}")
    cli(house)("rules", "add", f"deny {PYTHON} to {OTHER} priority 1")
    resolve(HOST)
    assert connects()
    resolve(OTHER)
    assert not connects()

    def told():
        return [x["host"] for x in watcher.decisions() if x["path"] == PYTHON and x["remote_port"] == 8080]

    until(lambda: len(told()) == 2, told)
    assert told() == [HOST, OTHER]


def test_an_answer_that_nobody_asked_for_names_nothing(house, cli, network, connects, resolve):
    """From the server itself, with the right name, and to a socket that asked for something else."""
    cli(house)("rules", "add", f"allow {PYTHON} to {HOST}")
    true = resolve(OTHER)
    forged = true[:12] + question(4711, HOST)[12:-4] + true[12 + len(OTHER) + 2:]
    with contextlib.closing(network.fw.socket(socket.AF_INET, socket.SOCK_DGRAM)) as s, \
            contextlib.closing(network.peer.socket(socket.AF_INET, socket.SOCK_DGRAM)) as server:
        server.bind((Network.PEER4, 5353))
        s.bind((Network.FW4, 0))
        s.settimeout(20)
        server.sendto(forged, s.getsockname())
        assert s.recv(4096) == forged
    assert not connects()


def test_the_question_says_where_it_goes(rung, daemon, cli, dns, network, resolve, tcp, old_client, subscriber, programs, closing):
    if rung == "queue":
        pytest.skip("no answers are heard there")
    # A program that resolves by itself and has a name: busybox-like, python under another path.
    path = programs.path("asks-by-name")
    shutil.copy(PYTHON, path)
    d = daemon(config={"timeout_seconds": 60})
    cli(d)("rules", "add", f"allow anyone to {Network.PEER4} port 53")
    person, watcher = old_client(d), subscriber(d, "questions")
    script = ("import socket,sys\ns=socket.socket(socket.AF_INET,socket.SOCK_DGRAM)\n"
              f"s.sendto(bytes.fromhex('{question(4711, HOST).hex()}'),('{Network.PEER4}',53))\ns.recv(4096)\n"
              f"socket.create_connection(('{Network.PEER4}',{tcp.port}),30)\n")
    running = closing(Running(network.fw, path, "-c", script, stdin=-1))
    asked = watcher.wait("question", lambda q: q["path"] == path)
    assert asked["host"] == HOST
    popup = person.wait("connection_request", lambda q: q["app_path"] == path)
    assert popup["app_name"] == f"asks-by-name ({HOST})"
    cli(d)("answer", asked["question"], "allow", "always", "destination")
    assert running.finish()[0] == 0
    rule = next(r for r in cli(d).json("rules")["rules"] if r.get("program") == path)
    assert rule["sentence"] == f"allow {path} to {HOST} port {tcp.port}"


@pytest.fixture
def asks(network, programs, closing, tcp):
    """asks(name, hosts): a program of this name asks for these hosts, connects to the address that it was told, and stays until it is told to go on."""
    def run(name, hosts):
        path = programs.path(name)
        if not os.path.exists(path):
            shutil.copy(PYTHON, path)
        script = "import socket,sys\ns=socket.socket(socket.AF_INET,socket.SOCK_DGRAM)\n"
        script += "".join(f"s.sendto(bytes.fromhex('{question(4711, host).hex()}'),('{Network.PEER4}',53))\ns.recv(4096)\n" for host in hosts)
        script += f"c=socket.create_connection(('{Network.PEER4}',{tcp.port}),60)\nprint('there',flush=True)\nsys.stdin.readline()\n"
        return path, closing(Running(network.fw, path, "-c", script, stdin=-1))
    return run


@pytest.fixture
def asking(rung, daemon, cli, dns):
    if rung == "queue":
        pytest.skip("no answers are heard there")
    d = daemon()
    cli(d)("rules", "add", f"allow anyone to {Network.PEER4} port 53")
    return d


def test_what_a_folded_question_holds_has_names_of_its_own(asking, network, programs, subscriber, tcp, closing):
    """The fourth question of a program is about all of it: what joins that goes elsewhere, and by other names."""
    watcher, path = subscriber(asking, "questions", "decisions"), programs.path("folds-names")
    shutil.copy(PYTHON, path)
    script = ("import socket,sys\ns=socket.socket(socket.AF_INET,socket.SOCK_DGRAM)\n"
              f"s.sendto(bytes.fromhex('{question(4711, OTHER).hex()}'),('{Network.PEER4}',53))\ns.recv(4096)\n"
              "held=[]\n"
              "for address,port in zip(sys.argv[1::2],sys.argv[2::2]):\n"
              " held.append(socket.socket(socket.AF_INET6 if ':' in address else socket.AF_INET))\n"
              " held[-1].setblocking(False)\n"
              " held[-1].connect_ex((address,int(port)))\n"
              "print('there',flush=True)\nsys.stdin.readline()\n")
    places = [(Network.PEER4, port) for port in (9001, 9002, 9003, 9004)] + [(Network.PEER6, tcp.port)]
    program = closing(Running(network.fw, path, "-c", script, *[str(x) for place in places for x in place], stdin=-1))
    assert program.process.stdout.readline() == "there\n"
    folded = watcher.wait("question", lambda q: q["path"] == path and q["whole_program"] and q["connections"] == 2)
    assert folded["host"] == OTHER
    watcher.request("answer", question=folded["question"], allow=False)
    assert watcher.decision(path=path, remote_port=9004)["host"] == OTHER
    assert watcher.decision(path=path, remote_ip=Network.PEER6)["hosts"] == []


def test_every_name_is_shown_with_its_source(asking, asks, cli, subscriber):
    """Two names on one address: in the question, in what is decided, among what is connected, in an explanation, in history."""
    watcher = subscriber(asking, "questions", "decisions")
    named = {"host": OTHER, "hosts": [OTHER, HOST], "host_source": "dns"}
    also = f"{OTHER}:8080 TCP (also {HOST})"

    def names_of(thing):
        return {key: thing[key] for key in named}

    path, program = asks("two-names", (HOST, OTHER))
    asked = watcher.wait("question", lambda q: q["path"] == path)
    assert names_of(asked) == named and asked["domain"] == "example.net"
    assert also in cli(asking)("questions")
    asker = cli(asking).popen("ask", stdin=-1, stdout=-1, text=True)
    assert f"{OTHER}:8080 TCP" in (line := asker.stdout.readline()) and f"(also {HOST})" in line
    asker.stdin.close()
    asker.wait()
    cli(asking)("answer", asked["question"], "allow", "always", "domain")
    assert program.process.stdout.readline() == "there\n"
    rule = next(r for r in cli(asking).json("rules")["rules"] if r.get("program") == path)
    assert rule["sentence"] == f"allow {path} to .example.net"
    decided = watcher.decision(path=path, remote_port=8080)
    assert names_of(decided) == named
    connection = next(c for c in cli(asking).json("connections")["connections"] if c["path"] == path and c["remote_port"] == 8080)
    assert names_of(connection) == named
    assert also in cli(asking)("connections")
    assert names_of(watcher.request("why", decision=decided["seq"])["why"]) == named
    assert f"{OTHER} (also {HOST}) at {Network.PEER4}, port 8080, TCP" in cli(asking)("why", "--last", path)
    until(lambda: asking.history("SELECT host, host_source FROM decisions WHERE path = ? AND remote_port = 8080", path) == [(OTHER, "dns")], "history")
    assert program.finish_with("\n")[0] == 0


@pytest.mark.parametrize("scope, words, covers", (
    ("address", f"to {Network.PEER4} port 8080", (HOST, OTHER)),
    ("host", f"to {HOST}", (HOST,)),
    ("domain", "to .example.com", (HOST, f"mail.{HOST}")),
))
def test_an_answer_covers_what_its_scope_says(scope, words, covers, asking, asks, cli, subscriber):
    """What it covers passes the next time, and what it does not is asked about: other names of the same address."""
    watcher = subscriber(asking, "questions")
    path, program = asks(f"scope-{scope}", (HOST,))
    asked = watcher.wait("question", lambda q: q["path"] == path)
    assert asked["host"] == HOST
    shown = watcher.request("answer", question=asked["question"], allow=True, lifetime="always", scope=scope, preview=True)["rule"]
    assert shown["sentence"] == f"allow {path} {words}"
    assert watcher.request("answer", question=asked["question"], allow=True, lifetime="always", scope=scope)["rule"]["sentence"] == shown["sentence"]
    assert program.process.stdout.readline() == "there\n"
    for host in covers:
        _, program = asks(f"scope-{scope}", (host,))
        assert program.process.stdout.readline() == "there\n"
    assert not [q for q in watcher.of_type("question") if q["path"] == path and q["question"] != asked["question"]]


def test_no_domain_is_offered_of_what_everybody_owns(asking, asks, subscriber):
    watcher = subscriber(asking, "questions")
    path, _ = asks("no-domain", (SUFFIX,))
    asked = watcher.wait("question", lambda q: q["path"] == path)
    assert (asked["host"], asked["domain"]) == (SUFFIX, None)
    refused = watcher.request("answer", question=asked["question"], allow=True, lifetime="always", scope="domain")
    assert (refused["code"], refused["message"]) == ("bad-field", "scope: this destination is in no domain that is known")


def test_a_parser_that_dies_takes_no_verdict_with_it(house, cli, resolve, connects):
    """What it did not parse is not known; nothing is let through for it, and nothing waits longer than its bound."""
    cli(house)("rules", "add", f"allow {PYTHON} to {HOST}")
    resolve(HOST)
    assert connects()
    parsers = children_named("bastion-parser", house.pid)
    assert parsers
    for pid in parsers:
        os.kill(pid, signal.SIGKILL)
    cli(house)("rules", "add", f"allow {PYTHON} to {OTHER} priority 2")
    assert connects(), "it knew that one before"
    until(lambda: children_named("bastion-parser", house.pid), "another parser")
    until(lambda: resolve(ALIAS) and connects(), "names to be known again")


# ---- what was decided by a name is known to the kernel, for as long as it is true --------------------------------------------


@pytest.fixture
def trips(house, subscriber):
    """trips(): how many packets the kernel has asked about so far."""
    watcher = subscriber(house)
    return lambda: int(re.search(r"(\d+) queued", watcher.request("kernel")["text"])[1])


@pytest.fixture
def is_known(trips):
    """is_known(connects, expected): that comes of it without a question. Awaited, for a sweep after a change of the rules forgets once more."""
    def known(connects, expected):
        def without_asking():
            before = trips()
            return connects() == expected and trips() == before

        until(without_asking, f"{expected} to be known in the kernel")
        before = trips()
        assert [connects() for _ in range(5)] == [expected] * 5
        assert trips() == before
    return known


@pytest.fixture
def is_asked(trips, is_known):
    """is_asked(connects, expected): the very next one is a question, and that comes of it. The first may be too early for a parser that gets no time."""
    def asked(connects, expected):
        before = trips()
        connects()
        assert trips() > before
        is_known(connects, expected)
    return asked


def answer_to(asked, address):
    """One record of type A, whose name is the question's."""
    return (asked[:2] + struct.pack("!HHHHH", 0x8180, 1, 1, 0, 0) + asked[12:] +
            struct.pack("!HHHIH", 0xc00c, 1, 1, 0, 4) + socket.inet_aton(address))


@contextlib.contextmanager
def own_server(network):
    """(a socket that asks, one that answers): between the two, this test says what comes."""
    with contextlib.closing(network.fw.socket(socket.AF_INET, socket.SOCK_DGRAM)) as server, \
            contextlib.closing(network.fw.socket(socket.AF_INET, socket.SOCK_DGRAM)) as asker:
        server.bind(("127.0.0.1", 53))
        for s in (server, asker):
            s.settimeout(20)
        yield asker, server


def test_what_a_name_decided_is_known_until_the_next_answer(house, cli, resolve, connects, is_known, is_asked):
    cli(house)("rules", "add", f"allow {PYTHON} to {HOST} port 8080")
    resolve(HOST)
    is_known(connects, True)
    for _ in range(3):
        resolve(HOST)  # says nothing new, and that is found out by asking
        is_asked(connects, True)


def test_what_the_kernel_decided_is_told_with_the_name(house, cli, resolve, connects, subscriber, is_known):
    watcher = subscriber(house)
    cli(house)("rules", "add", f"allow {PYTHON} to {HOST} port 8080")
    resolve(HOST)
    is_known(connects, True)

    def told():
        watcher.request("status")
        return [x for x in watcher.of_type("decisions") if x["path"] == PYTHON and x["remote_port"] == 8080]

    until(told, "what the kernel decided to be told")
    assert {x["host"] for x in told()} == {HOST}


def test_a_new_name_counts_at_the_very_next_connection(house, cli, resolve, connects, is_known, is_asked):
    """Where no name was known, that was decided by names too."""
    cli(house)("rules", "add", f"allow {PYTHON} to {Network.PEER4} port 8080")
    cli(house)("rules", "add", f"deny {PYTHON} to {OTHER} port 8080 priority 1")
    is_known(connects, True)
    resolve(HOST)
    is_asked(connects, True)
    resolve(OTHER)
    is_asked(connects, False)
    cli(house)("rules", "add", f"allow {PYTHON} to .example.com port 8080 priority 2")
    is_known(connects, True)


def test_what_nobody_asked_for_ends_nothing(house, cli, connects, network, is_known, is_asked, trips):
    cli(house)("rules", "add", f"allow {PYTHON} to {Network.PEER4} port 8080")
    cli(house)("rules", "add", f"deny {PYTHON} to {OTHER} port 8080 priority 1")
    with own_server(network) as (asker, server):
        asker.sendto(question(4711, OTHER), ("127.0.0.1", 53))
        asked, back = server.recvfrom(512)
        true = answer_to(asked, Network.PEER4)
        is_known(connects, True)
        for poison in (answer_to(question(4712, OTHER), Network.PEER4), answer_to(question(4711, HOST), Network.PEER4), asked, b"", true[:20]):
            server.sendto(poison, back)
            assert asker.recv(4096) == poison
            before = trips()
            assert connects() and trips() == before, poison
        server.sendto(true, back)
        assert asker.recv(4096) == true
        is_asked(connects, False)
        server.sendto(true, back)  # was answered already
        assert asker.recv(4096) == true
        before = trips()
        assert not connects() and trips() == before


def test_what_another_program_was_told_ends_nothing(house, cli, connects, network, programs, closing, is_known, trips, resolve):
    path = programs.path("asks-for-itself")
    shutil.copy(PYTHON, path)
    cli(house)("rules", "add", f"allow {PYTHON} to {HOST} port 8080")
    resolve(HOST)
    is_known(connects, True)
    script = ("import socket\ns=socket.socket(socket.AF_INET,socket.SOCK_DGRAM)\n"
              f"s.sendto(bytes.fromhex('{question(4711, OTHER).hex()}'),('{Network.PEER4}',53))\nprint(len(s.recv(4096)))\n")
    status, said = closing(Running(network.fw, path, "-c", script)).finish()
    assert status == 0 and int(said) > 12
    before = trips()
    assert connects() and trips() == before


@pytest.mark.parametrize("connected", (True, False), ids=("connected", "unconnected"))
def test_datagrams_go_by_names_too(house, cli, network, udp, resolve, is_known, is_asked, connected):
    """A socket that is in use keeps what was decided for it; the next one does not."""
    def socket_of_its_own():
        s = network.fw.socket(socket.AF_INET, socket.SOCK_DGRAM)
        if connected:
            s.connect((Network.PEER4, udp.port))
        return s

    def talks(s, seconds=20):
        s.settimeout(seconds)
        try:
            s.sendmsg([b"hello"], [], 0, *([] if connected else [(Network.PEER4, udp.port)]))
            return s.recv(100) == b"hello"
        except OSError:
            return False

    def talks_anew(seconds=20):
        try:
            with contextlib.closing(socket_of_its_own()) as s:
                return talks(s, seconds)
        except OSError:  # from connect()
            return False

    cli(house)("rules", "add", f"allow {PYTHON} to {Network.PEER4} port {udp.port}")
    cli(house)("rules", "add", f"deny {PYTHON} to {OTHER} port {udp.port} priority 1")
    is_known(talks_anew, True)
    with contextlib.closing(socket_of_its_own()) as live:
        assert talks(live)
        resolve(HOST)
        assert talks(live)
        is_asked(talks_anew, True)
        resolve(OTHER)
        is_asked(lambda: talks_anew(1), False)
        assert talks(live)


def test_a_name_ends_in_the_kernel_too(house, cli, resolve, connects, is_known, trips):
    """A minute is the least that a name lives."""
    cli(house)("rules", "add", f"allow {PYTHON} to {HOST} port 8080")
    began = time.monotonic()
    resolve(HOST)
    heard = time.monotonic()
    is_known(connects, True)
    before = trips()

    def is_refused():
        asked = trips()
        return not connects() and (asked,)

    (asked,) = until(is_refused, "the name to end", 120)
    assert time.monotonic() - began >= 60
    assert asked == before, "nothing was asked as long as it was known"
    assert trips() > before, "and it was judged anew"
    assert time.monotonic() - heard < 60 + 20, "soon after its end"


def test_an_answer_that_comes_while_it_is_decided_is_not_missed(house, cli, network, closing, full):
    """Somebody connects all the time, so that now and then the kernel is being told that no name is known when one comes. Whatever was remembered then would be
    remembered for good; a parser that is late only costs the connections that came before it."""
    server = closing(TcpServer(network.fw, 8085))
    at, done = ["127.0.3.1"], threading.Event()

    def reaches(address):
        with contextlib.closing(network.fw.socket(socket.AF_INET, socket.SOCK_STREAM)) as s:
            s.settimeout(20)
            return s.connect_ex((address, server.port)) == 0

    def insist():
        while not done.is_set():
            reaches(at[0])

    cli(house)("rules", "add", f"allow {PYTHON} to loopback")
    cli(house)("rules", "add", f"deny {PYTHON} to .bad.example priority 1")
    insistent = [threading.Thread(target=insist) for _ in range(2)]
    with own_server(network) as (asker, named):
        for thread in insistent:
            thread.start()
        try:
            for i in range(1000 if full else 150):
                at[0] = address = f"127.0.{4 + i // 250}.{1 + i % 250}"
                assert reaches(address)
                asker.sendto(question(i, f"n{i}.bad.example"), ("127.0.0.1", 53))
                asked, back = named.recvfrom(512)
                named.sendto(answer_to(asked, address), back)
                asker.recv(4096)
                until(lambda a=address: not reaches(a), f"the name of {address} to count")
        finally:
            done.set()
            for thread in insistent:
                thread.join()


def children_named(name, ancestor):
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as f:
                head, _, rest = f.read().rpartition(") ")
        except OSError:
            continue
        if head.partition("(")[2] == name[:15] and rest.split()[0] != "Z" and descends(int(pid), ancestor):
            found.append(int(pid))
    return found


def descends(pid, ancestor):
    while pid > 1:
        if pid == ancestor:
            return True
        try:
            with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as f:
                pid = int(f.read().rpartition(") ")[2].split()[1])
        except OSError:
            return False
    return False
