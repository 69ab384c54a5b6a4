# SPDX-License-Identifier: GPL-3.0-or-later
"""Lists of names in files: what a rule says of them holds for real programs, whatever becomes of the files. Gate rung for what is decided by a name: the
queue rung hears no answers. Tests marked gate_only are about files, which know no rungs.

     fw                                                    peer
     ┌──────────────────────────────────────┐             ┌──────────────────────────────┐
     │ curl ── question, UDP 53 ────────────┼─────────────┤ dnsmasq: *.test is the peer  │
     │      ── connect() ───────────────────┼────veth─────┤ TCP 8080                     │
     │ bastion-daemon ── the list's file    │             │                              │
     └──────────────────────────────────────┘             └──────────────────────────────┘
"""

import contextlib
import os
import socket
import struct
import time

import pytest

from harness.net import Network
from harness.servers import DnsServer
from harness.wait import until

CURL_REFUSED = 7
# A program that knows an address by a listed name is denied that address: each name here has its own.
NAMES = ("test", "ads.test", "cdn.ads.test", "tracker.test", "a.b.tracker.test", "adblock.test", "shop.test", "other.test", "ads1.example2.test")
ADDRESSES = {name: f"10.91.0.{100 + i}" for i, name in enumerate(NAMES)}


class HostList:
    """A file of names, written as people write such files."""

    def __init__(self, directory, name="ads.txt"):
        self.path = os.path.join(directory, name)

    def write(self, *lines):
        """In place."""
        os.makedirs(os.path.dirname(self.path), exist_ok=True)
        with open(self.path, "w", encoding="utf-8") as f:
            f.write("".join(line + "\n" for line in lines))

    def replace(self, *lines, prepare=None):
        """As a download does it: another file, renamed over the old one; `prepare` does something to it before."""
        new = HostList(os.path.dirname(self.path), ".new")
        new.write(*lines)
        if prepare:
            prepare(new.path)
        os.replace(new.path, self.path)


@pytest.fixture
def hosts(tmp_path):
    return HostList(str(tmp_path / "lists"))


@pytest.fixture
def dns(network, closing, tmp_path):
    for address in ADDRESSES.values():
        network.peer.ip("addr", "add", f"{address}/24", "dev", "uplink")
    yield closing(DnsServer(network.peer, tmp_path, more=[f"--address=/{name}/{address}" for name, address in ADDRESSES.items()]))
    for address in ADDRESSES.values():
        network.peer.ip("addr", "del", f"{address}/24", "dev", "uplink")


@pytest.fixture
def curl(network, dns, tcp, tmp_path):
    """curl(host) → its exit code; it asks the peer's name server."""
    resolv = tmp_path / "resolv.conf"
    resolv.write_text(f"nameserver {Network.PEER4}\n")
    script = 'mount --bind "$1" /etc/resolv.conf && exec curl --silent --max-time 20 --ipv4 "$2"'

    def run(host):
        return network.fw.run("unshare", "--mount", "--propagation=private", "sh", "-c", script, "sh", str(resolv),
                              f"http://{host}:{tcp.port}/").returncode
    return run


@pytest.fixture
def refused(curl):
    """refused(host) returns when curl is. On a machine with much to do a name may come too late for one connection (naming.c), and counts for the next."""
    return lambda host: until(lambda: curl(host) == CURL_REFUSED, f"{host} to be refused")


@pytest.fixture
def resolve(network, dns):
    """resolve(host): this python asks the name server."""
    def run(host):
        labels = b"".join(bytes([len(label)]) + label.encode() for label in host.split("."))
        with contextlib.closing(network.fw.socket(socket.AF_INET, socket.SOCK_DGRAM)) as s:
            s.settimeout(20)
            s.sendto(struct.pack("!HHHHHH", 7, 0x100, 1, 0, 0, 0) + labels + struct.pack("!BHH", 0, 1, 1), (Network.PEER4, 53))
            return s.recv(4096)
    return run


@pytest.fixture
def house(daemon, hosts):
    """house(…) → a daemon with a rule for the list, which everything else is allowed beside."""
    def start(rule="deny anyone list {} priority 10", **kw):
        kw.setdefault("config", {"popup_enabled": False})
        rules = [{"id": "r1", "action": "allow", "subject": "anyone"}]
        d = daemon(rules={"version": 2, "rules": rules}, start=False, **kw)
        os.makedirs(d.path("etc", "rules.d"))
        with open(d.path("etc", "rules.d", "lists.rules"), "w", encoding="utf-8") as f:
            f.write("ads: " + rule.format(hosts.path) + "\n")
        return d.start()
    return start


def lists_of(cli, d):
    return cli(d).json("status")["status"]["lists"]


def await_names(cli, d, n, skipped=0):
    until(lambda: [(x.get("names"), x.get("skipped"), x["problem"]) for x in lists_of(cli, d)] == [(n, skipped, None)], lambda: lists_of(cli, d))


def problem_of(cli, d):
    until(lambda: lists_of(cli, d)[0]["problem"], "a problem")
    return lists_of(cli, d)[0]["problem"]


def needs_names(rung):
    if rung == "queue":
        pytest.skip("no answers are heard there")


def test_a_listed_name_is_denied_and_what_is_below_a_domain(rung, house, hosts, curl, refused, subscriber, cli):
    needs_names(rung)
    hosts.write("# what nobody wants", "0.0.0.0 ads.test www.ads.test", "TRACKER.test", "127.0.0.1 localhost", "||adblock.test^")
    d = house()
    watcher = subscriber(d)
    await_names(cli, d, 3, skipped=1)
    assert f"{hosts.path}:5: expected the name of a host or domain; the line is skipped" in d.output()
    refused("ads.test")
    assert curl("cdn.ads.test") == 0, "behind an address a name is itself"
    refused("tracker.test")
    refused("a.b.tracker.test")  # a name alone is all below it too
    assert curl("adblock.test") == 0
    assert curl("shop.test") == 0
    denied = {x["host"] for x in watcher.decisions() if x["verdict"] == "deny" and x["rule"] == "lists.rules:ads"}
    assert denied == {"ads.test", "tracker.test", "a.b.tracker.test"}


def test_learning_says_what_it_would_deny(rung, house, hosts, curl, subscriber):
    needs_names(rung)
    hosts.write("ads.test")
    d = house(config={"mode": "learning", "popup_enabled": False})
    watcher = subscriber(d)

    def told():
        assert curl("www.ads.test") == 0
        return [x for x in watcher.decisions() if x["host"] == "www.ads.test" and x["remote_port"] == 8080]

    until(told, "the name to be known in time")
    assert all(x["verdict"] == "allow" and x["would_deny"] and x["rule"] == "lists.rules:ads" for x in told())


def test_with_other_criteria_and_the_other_way_round(rung, house, hosts, curl, refused, cli):
    needs_names(rung)
    hosts.write("ads.test")
    d = house(rule="deny anyone list {} port 81 priority 10")
    assert curl("ads.test") == 0
    cli(d)("rules", "add", f"deny anyone list not {hosts.path} port 8080")
    assert curl("ads.test") == 0
    refused("shop.test")
    told = next(r for r in cli(d).json("rules")["rules"] if r["action"] == "deny" and r["origin"] == "list")
    assert told["lists"] == [hosts.path] and told["not"] == ["lists"]
    assert told["sentence"] == f"deny anyone list not {hosts.path} port 8080"


def test_a_new_file_counts_for_the_next_connection_and_for_one_that_lives(rung, house, hosts, curl, refused, resolve, network, tcp, cli, subscriber):
    needs_names(rung)
    hosts.write("other.test")
    d = house()
    watcher = subscriber(d, "notifications")
    resolve("ads.test")
    with contextlib.closing(network.fw.socket(socket.AF_INET, socket.SOCK_STREAM)) as live:
        live.settimeout(20)
        live.connect((ADDRESSES["ads.test"], tcp.port))
        assert curl("ads.test") == 0
        hosts.replace("0.0.0.0 ads.test")
        watcher.wait("notification", lambda x: f"list {hosts.path}: 1 names" in x["message"])
        with pytest.raises(OSError):
            live.recv(10)
    refused("ads.test")
    assert curl("other.test") == 0
    hosts.write("other.test")  # into the file that is there
    until(lambda: curl("ads.test") == 0, "the file as it was")
    refused("other.test")


@pytest.mark.gate_only
def test_what_is_wrong_with_a_file_leaves_what_was_read(house, hosts, cli, subscriber):
    hosts.write("ads.test", "tracker.test")
    d = house()
    watcher = subscriber(d, "notifications")
    await_names(cli, d, 2)
    secret = "root:$6$secret:19000:0:99999:7:::"
    for make, words in (
            (lambda: hosts.replace(secret), "there is no name of a host in it"),
            (lambda: hosts.replace(), "there is no name of a host in it"),
            (lambda: os.unlink(hosts.path), "No such file or directory"),
            (lambda: (os.mkfifo(hosts.path + ".new"), os.rename(hosts.path + ".new", hosts.path)), "it is no regular file"),
            (lambda: (os.symlink("/etc/hosts", hosts.path + ".new"), os.rename(hosts.path + ".new", hosts.path)), "it is a symbolic link"),
            (lambda: hosts.replace("x.test", prepare=lambda path: os.chown(path, 65534, 65534)), "it must be root's"),
            (lambda: hosts.replace("x.test", prepare=lambda path: os.chmod(path, 0o666)), "it must be root's"),
            (lambda: hosts.replace("x.test", prepare=lambda path: os.truncate(path, (64 << 20) + 1)), "it is too large"),
    ):
        make()
        until(lambda words=words: words in problem_of(cli, d), lambda words=words: (words, problem_of(cli, d)))
        assert "the names that were read last stay in force" in problem_of(cli, d)
        assert lists_of(cli, d)[0]["in_force"] and lists_of(cli, d)[0]["names"] == 2
        watcher.wait("notification", lambda x, words=words: words in x["message"] and x["level"] == "error")
        doctor = next(x for x in cli(d).json("doctor", expect=None)["checks"] if x["name"] == "lists")
        assert doctor["level"] == "failed" and words in doctor["text"]
    assert "secret" not in d.output() + cli(d)("status") + cli(d)("doctor", expect=None), "who may name a file must not read it this way"
    hosts.replace("a.test", "b.test", "c.test")
    await_names(cli, d, 3)
    assert f"{hosts.path}: 3 names, read" in cli(d)("status") and "No problems" in cli(d)("status")


@pytest.mark.gate_only
def test_a_list_that_was_never_read_is_told_and_comes_when_its_folder_does(house, hosts, cli):
    hosts.path = os.path.join(os.path.dirname(hosts.path), "deeper", "still", "ads.txt")
    d = house()
    assert "rules that speak of it do not match" in problem_of(cli, d)
    assert not lists_of(cli, d)[0]["in_force"] and "not in force" in cli(d)("status")
    os.makedirs(os.path.dirname(os.path.dirname(hosts.path)))
    hosts.write("ads.test")
    await_names(cli, d, 1)
    hosts.replace("ads.test", "more.test")
    await_names(cli, d, 2)
    os.rename(os.path.dirname(hosts.path), os.path.dirname(hosts.path) + ".old")
    assert "No such file" in problem_of(cli, d)
    hosts.write("ads.test", "more.test", "most.test")
    await_names(cli, d, 3)


@pytest.mark.gate_only
def test_lists_come_and_go_with_the_rules_that_speak_of_them(house, hosts, cli, tmp_path):
    hosts.write("ads.test")
    d = house()
    for number in range(18):
        HostList(str(tmp_path / "lists"), f"{number}").write("more.test")
        cli(d)("rules", "add", f"deny anyone list {tmp_path}/lists/{number}")
    until(lambda: sum(x["in_force"] for x in lists_of(cli, d)) == 16, lambda: lists_of(cli, d))
    assert "rules speak of more than 16 lists" in cli(d).json("status")["status"]["problems"]
    for rule in [r["id"] for r in cli(d).json("rules")["rules"] if r["origin"] == "list" and r["action"] == "deny"]:
        cli(d)("rules", "delete", rule)
    await_names(cli, d, 1)
    assert cli(d).json("status")["status"]["problems"] is None


@pytest.mark.gate_only
def test_as_many_other_lists_at_once_while_a_large_one_is_read(house, hosts, cli, tmp_path):
    """What waits to be read is as many files as there may be lists, those that nobody speaks of any more among them: the new ones come all the same."""
    hosts.write("ads.test")
    others = [HostList(str(tmp_path / "lists"), f"{number}") for number in range(31)]
    for other in others:
        other.write("more.test")
    d = house()
    await_names(cli, d, 1)

    def speak_of(lists):
        with open(d.path("etc", "rules.d", "lists.rules"), "w", encoding="utf-8") as f:
            f.write("".join(f"deny anyone list {x.path}\n" for x in lists))
        d.reload_and_wait()

    speak_of([hosts, *others[:15]])
    until(lambda: [x["in_force"] for x in lists_of(cli, d)] == [True] * 16, lambda: lists_of(cli, d))
    hosts.write(*(f"ads{i}.example{i % 1000}.test" for i in range(500000)))
    d.reload_and_wait()
    speak_of(others[15:])
    until(lambda: [(x["path"], x["in_force"]) for x in lists_of(cli, d)] == [(x.path, True) for x in others[15:]], lambda: lists_of(cli, d))


@pytest.mark.gate_only
def test_a_reload_looks_where_nobody_noticed(house, hosts, cli, tmp_path):
    """A folder behind a link: that the link leads elsewhere is no event there."""
    for name, lines in (("a", ["ads.test"]), ("b", ["ads.test", "more.test"])):
        HostList(str(tmp_path / name)).write(*lines)
    os.symlink(tmp_path / "a", tmp_path / "lists")
    d = house()
    await_names(cli, d, 1)
    os.unlink(tmp_path / "lists")
    os.symlink(tmp_path / "b", tmp_path / "lists")
    d.reload_and_wait()
    await_names(cli, d, 2)


@pytest.mark.gate_only
def test_the_command_line_reads_lists_by_itself(house, hosts, cli, tmp_path):
    hosts.write("0.0.0.0 ads.test", "tracker.test")
    d = house()
    expectations = tmp_path / "expectations"
    expectations.write_text("expect deny /usr/bin/curl to 192.0.2.1 to a.tracker.test port 443\n"
                            "expect deny /usr/bin/curl to 192.0.2.1 to ads.test port 443\n"
                            "expect allow /usr/bin/curl to 192.0.2.1 to a.ads.test port 443\n")
    rules = f"--rules={d.path('etc', 'rules.json')}"
    assert "3 expectations, 0 failed" in cli(d)("test", rules, str(expectations))
    why = cli(d)("why", *"/usr/bin/curl to 192.0.2.1 to a.tracker.test port 443".split())
    assert "DENY" in why and f"as .tracker.test in {hosts.path}" in why
    missing = {"finding": "no-list", "rule": "lists.rules:ads", "other": None, "why": hosts.path}
    assert missing not in cli(d).jsonl("check", expect=None)
    cli(d)("rules", "add", f"deny anyone list {hosts.path} port 25")
    os.unlink(hosts.path)
    os.mkfifo(hosts.path)
    told = cli(d).popen("test", rules, str(expectations), stdout=-1, stderr=-1, text=True)
    assert f"{hosts.path}: it cannot be read: it is no regular file" in (words := told.communicate(timeout=60)[1]) and words.count(hosts.path) == 1
    assert told.returncode == 2
    os.unlink(hosts.path)
    cli(d)("test", rules, str(expectations), expect=2)
    assert missing in cli(d).jsonl("check", expect=None)


def test_a_list_as_large_as_they_come(rung, full, house, hosts, curl, refused, resolve, cli):
    """The loop does not wait for it: while it is read, it answers."""
    needs_names(rung)
    n = 1000000 if full else 100000
    hosts.write("first.test")
    d = house()
    await_names(cli, d, 1)
    before = d.memory()
    hosts.replace(*(f"0.0.0.0 ads{i}.example{i % 1000}.test" for i in range(n)))
    slowest = 0
    while lists_of(cli, d)[0]["names"] != n:
        began = time.monotonic()
        lists_of(cli, d)
        slowest = max(slowest, time.monotonic() - began)
    print(f"{n} names: {(d.memory() - before) >> 20} MiB, the slowest answer meanwhile {slowest * 1000:.0f} ms")
    assert d.memory() - before < 60 << 20
    refused(f"ads{n - 1}.example{(n - 1) % 1000}.test")
    assert curl("ads1.example2.test") == 0
    hosts.replace("first.test")
    await_names(cli, d, 1)
    assert curl(f"ads{n - 1}.example{(n - 1) % 1000}.test") == 0
