#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes the seeds of the text formats' fuzz corpora: messages from PROTOCOL.md, sentences from factory.rules, files composed here.

Needs nothing and captures nothing; the same each time: make-seeds-text.py [TARGET…]. Files that fuzzing added are left alone.
"""
import json
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


def seeds_expect():
    yield "allow", "expect allow /usr/bin/curl to 1.2.3.4 port 443 tcp user 1000 group 100"
    yield "quoted", 'expect deny "/opt/a b\\"\\xff" to 2001:db8::1 to lan,resolver port 53 udp'
    yield "name", "expect ask name to to 10.0.0.1 protocol 47"
    yield "kernel", "expect allow kernel to 192.0.2.1 icmp"
    yield "unknown", "expect deny unknown to 192.0.2.1 port 1"
    yield "network", "expect deny /a to 10.0.0.0/8 port 1"
    yield "session", 'expect deny /a to 10.0.0.1 port 1 for session note "n"'
    yield "comment", "# expect"


def seeds_rulefile():
    yield "empty", "{}"
    yield "flat", ('{"applications": {}, "services": {"x": [1.5]}, "/usr/bin/curl:443": true, "/usr/bin/curl:*": false, "/bin/ping:0": true, '
                   '"@name:ping:*": true, "@dest:192.0.2.1:80:*": true, "@dest:2001:db8::1:80:*": false, "unknown:53": false, "other": null}')
    yield "list", ('{"version": 2, "rules": [{"id": "r1", "action": "ask", "enabled": false, "priority": -7, "program": "/bin/a b", '
                   '"ports": [80, "8000-8999"], "protocol": "TCP", "network": "10.0.0.0/8", "scopes": ["loopback", "lan"], "uid": 0, "gid": 5, '
                   '"note": "n", "created": "2026-01-31T12:00:00Z"}, {"action": "deny", "subject": "kernel"}, '
                   '{"action": "deny", "program": "/x", "program_bytes": "/\\\\xff"}, {"action": "allow", "name": "x"}]}')
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


def opensnitch(operator, **more):
    return json.dumps({"created": "2024-05-01T10:00:00.5+02:00", "updated": "2024-05-01T10:00:00+02:00", "name": "allow-always-x", "description": "",
                       "enabled": True, "precedence": False, "nolog": False, "action": "allow", "duration": "always", "operator": operator, **more}, indent=2)


def condition(kind, operand, data):
    return {"type": kind, "operand": operand, "data": data, "sensitive": False, "list": None}


def seeds_import():
    conditions = {
        "path": condition("regexp", "process.path", r"^(/usr/bin/curl|/opt/.*/wget)$"), "parent": condition("simple", "process.parent.path", "/usr/bin/make"),
        "host": condition("regexp", "dest.host", r"^(.*\.)?example\.com$"), "port": condition("regexp", "dest.port", "^(80|443|5[0-3])$"),
        "address": condition("regexp", "dest.ip", r"^(127\.0\.0\.1|::1)$"), "beginning": condition("regexp", "dest.ip", r"^192\.168\."),
        "network": condition("network", "dest.network", "2001:db8::/32"), "protocol": condition("regexp", "protocol", "^(tcp|udp)6?$"),
        "user": condition("regexp", "user.id", "^(0|115)$"), "name": condition("simple", "user.name", "alice"),
        "interface": condition("regexp", "iface.out", "^wg.*"), "command": condition("simple", "process.command", "curl x"),
        "domains": {**condition("lists", "lists.domains", "/etc/lists"), "list": []}}
    for name, one in conditions.items():
        yield name, opensnitch(one)
    yield "list", opensnitch({"type": "list", "operand": "list", "data": "", "sensitive": False,
                              "list": [conditions[name] for name in ("path", "host", "port", "protocol")]})
    yield "old-list", opensnitch({"type": "list", "operand": "list", "data": json.dumps([conditions["port"]]), "list": []}, action="reject", enabled=False)
    yield "session", opensnitch(conditions["port"], duration="until restart", precedence=True)
    yield "wrong", '{"name": 7}'
    yield "regexp", r"(?i)^(?:/usr/bin/|.*\.so)[a-f0-9_-]?x\d(a|b|)?.+c$"


def main():
    for target in sys.argv[1:] or ["message", "event", "sentence", "rulefile", "conffile", "import"]:
        folder = os.path.join(HERE, "corpus", target)
        os.makedirs(folder, exist_ok=True)
        for name, text in globals()["seeds_" + target]():
            with open(os.path.join(folder, "seed-" + name), "wb") as f:
                f.write(text.encode())


if __name__ == "__main__":
    main()
