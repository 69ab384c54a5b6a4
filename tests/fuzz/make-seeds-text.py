#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes the seeds of the text formats' fuzz corpora: messages from PROTOCOL.md, sentences from factory.rules and the
tables, files composed here.

Needs nothing and captures nothing; the same each time: make-seeds-text.py [TARGET…]. Files that fuzzing added are left alone.
"""
import os
import re
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))


def read(name):
    with open(os.path.join(ROOT, name), encoding="utf-8") as f:
        return f.read()


def examples(who):
    for block in re.findall("```json %s\n(.*?)```" % who, read("PROTOCOL.md"), re.S):
        yield from block.splitlines()


# The sentences that the tables teach with (tests/table/sentences).
TABLES = "".join(read("tests/table/sentences/" + name) for name in sorted(os.listdir(os.path.join(ROOT, "tests/table/sentences"))))


def numbered(lines):
    for number, line in enumerate(lines):
        yield "%02d" % number, line


def seeds_message():
    yield from numbered(examples("client"))
    yield "duplicate", '{"type":"status","id":1,"id":2}'
    yield "no-id", '{"type":"status"}'
    yield "deep", "[" * 3000


def seeds_event():
    yield from numbered(examples("daemon"))
    yield "bytes", ('{"type":"decision","seq":1,"time":"2026-01-31T12:00:00.000001Z","verdict":"deny","reason":"rule","rule":"x","kind":"program",'
                    '"path":"/a","path_bytes":"/\\\\xff","name":"n","pid":1,"uid":1,"gid":1,"arguments":["a"],"arguments_bytes":["\\\\xfe"],'
                    '"parents":[],"cgroup":null,"identity":"proc","protocol":"UDP","local_ip":"::1","local_port":1,"remote_ip":"::1",'
                    '"remote_port":2,"host":null,"direction":"in","latency_us":1}')


def seeds_sentence():
    lines = [re.sub(r"^factory:[^ ]*: ", "", line) for line in read("data/factory.rules").splitlines()]
    yield from numbered(line for line in lines if line and line[0] != "#")
    yield "quoted", 'deny "/opt/a b\\"\\xff\\u202e\\U000e0041" to 10.0.0.0/8 to lan,internet port 80,443,8000-8999 protocol 6 user 0 group 5 note "n\\n"'
    yield "session", "ask name \"two words\" for session"
    yield "v6", "deny kernel to 2001:db8::/32 icmpv6"


    # Every criterion, alone and as a list, each sense; the values that are words of the grammar, and lists as long as they may be.
    for number, line in enumerate(re.findall(r"^ *(?:rule|also) +(?:[a-z0-9-]+: )?(.*)$", TABLES, re.M)):
        if number % 8 == 0:
            yield "table-%03d" % number, line
    yield "words", 'deny not /or or "/not" argument "or" or "not" or or to "not" or "or" unit not to note "or"'
    yield "many", "deny anyone port " + ",".join("%d-%d" % (n, n + 1) for n in range(1, 130, 2))
    yield "unknown-user", "allow anyone user not alice,nobody-here group 7"


def seeds_pattern():
    for name, pattern, text in [
            ("star", "/usr/*/bin", "/usr/local/bin"), ("stars", "/usr/**/bin", "/usr/a/b/bin"), ("set", "/x[!a-c]]", "/xd]"), ("first", "[]-a]?", "_x"),
            ("escape", "\\*\\[\\\\", "*[\\"), ("text", "*.py", "a/b.py"), ("none", "a", ""), ("high", "[\x80-\xff]", "\xc3"), ("open", "[a", "a"),
            ("end", "a\\", "a"), ("many", "*a*b*c*", "xaybzc"), ("triple", "***", "/a/b")]:
        for kind in "01":
            yield name + kind, kind + pattern + "\0" + text


def seeds_expect():
    yield "allow", "expect allow /usr/bin/curl to 1.2.3.4 port 443 tcp user 1000 group 100"
    yield "quoted", 'expect deny "/opt/a b\\"\\xff" to 2001:db8::1 to lan,resolver port 53 udp'
    yield "name", "expect ask name to to 10.0.0.1 protocol 47"
    yield "kernel", "expect allow kernel to 192.0.2.1 icmp"
    yield "unknown", "expect deny unknown to 192.0.2.1 port 1"
    yield "network", "expect deny /a to 10.0.0.0/8 port 1"
    yield "session", 'expect deny /a to 10.0.0.1 port 1 for session note "n"'
    yield "comment", "# expect"
    for number, line in enumerate(re.findall(r"^(expect .*?)(?: [|] .*)?$", TABLES, re.M)):
        if number % 8 == 0:
            yield "table-%03d" % number, line


def seeds_rulefile():
    yield "empty", "{}"
    yield "flat", ('{"applications": {}, "services": {"x": [1.5]}, "/usr/bin/curl:443": true, "/usr/bin/curl:*": false, "/bin/ping:0": true, '
                   '"@name:ping:*": true, "@dest:192.0.2.1:80:*": true, "@dest:2001:db8::1:80:*": false, "unknown:53": false, "other": null}')
    yield "list", ('{"version": 2, "rules": [{"id": "r1", "action": "ask", "enabled": false, "priority": -7, "program": "/bin/a b", '
                   '"ports": [80, "8000-8999"], "protocol": "TCP", "network": "10.0.0.0/8", "scopes": ["loopback", "lan"], "uid": 0, "gid": 5, '
                   '"note": "n", "created": "2026-01-31T12:00:00Z"}, {"action": "deny", "subject": "kernel"}, '
                   '{"action": "deny", "program": "/x", "program_bytes": "/\\\\xff"}, {"action": "allow", "name": "x"}]}')
    yield "criteria", ('{"version": 2, "rules": [{"id": "r1", "action": "allow", "programs": ["/usr/lib/*/x", "/bin/y"], "arguments": ["*.py", "or"], '
                       '"parents": ["/bin/sh"], "ancestors": ["/usr/sbin/*"], "units": ["cron.service"], "cgroups": ["/system.slice/**"], '
                       '"hosts": [".example.com", "nas"], "network": ["10.0.0.0/8", "::1"], "scopes": ["lan"], "ports": [1, "3-5"], '
                       '"protocol": ["TCP", 17], "uid": [0, 7], "gid": 5, "interfaces": ["wg*"], '
                       '"not": ["programs", "arguments", "hosts", "network", "uid", "interfaces"]}, '
                       '{"action": "deny", "programs": ["/x\\ufffd"], "programs_bytes": ["/x\\\\xff"], "not": ["programs"]}]}')
    yield "sentences", "\n".join(re.findall(r"^ *(?:rule|also) +(.*)$", TABLES, re.M)[:40])
    yield "wrong", '{\n "rules": [\n {"action": "deny", "ports": [1,\n "http"]}]}'
    yield "factory", "\n".join(line.split(" note ")[0] for line in read("data/factory.rules").splitlines() if "systemd-network:" not in line)


def seeds_conffile():
    yield "empty", "{}"
    yield "all", ('{\n  "mode": "enforcement",\n  "timeout_seconds": 60,\n  "default_action": "prompt",\n  "on_failure": "open",\n  "popup_enabled": false,\n'
                  '  "notifications_enabled": true,\n  "allow_localhost": true,\n  "allow_lan": true,\n  "allow_root_bypass": false,\n'
                  '  "allow_systemd_bypass": false,\n  "cache_decisions": true,\n  "log_decisions": true,\n  "log_file": "/var/log/x/y.log",\n'
                  '  "deny_errno": "EPERM",\n  "inbound_protection": false,\n  "mine": [1, {"a": null}]\n}\n')
    yield "wrong", '{"mode": "off", "timeout_seconds": "30", "log_file": "/var/log/../x", "deny_errno": 1}'
    yield "escaped-key", '{"m\\u006fde": "learning"}'


def main():
    for target in sys.argv[1:] or ["message", "event", "sentence", "pattern", "expect", "rulefile", "conffile"]:
        folder = os.path.join(HERE, "corpus", target)
        os.makedirs(folder, exist_ok=True)
        for name, text in globals()["seeds_" + target]():
            with open(os.path.join(folder, "seed-" + name), "wb") as f:
                f.write(text.encode("latin-1" if target == "pattern" else "utf-8"))


if __name__ == "__main__":
    main()
