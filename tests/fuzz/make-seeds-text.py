#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes the seeds of the text formats' fuzz corpora: messages from PROTOCOL.md, sentences from factory.rules, files composed here.

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
    yield "duration", "allow /usr/bin/curl port 443 for 90 minutes"
    yield "short", "deny anyone for 2d"
    yield "until", 'deny /usr/bin/curl until 2026-12-31 18:00:05+01:00 note "n"'
    yield "day", "allow /usr/bin/curl until 2026-12-31Z tcp"
    yield "boot", "ask anyone for boot"


def seeds_dropins():
    yield "copy", "10-work.rules 13\nallow /bin/a\n\n20.rules 0\n\n"
    yield "short", "a.rules 9\nallow\n"
    yield "nested", "a.rules 20\nb.rules 3\nallow /a\n\n\n"
    yield "file", "# mine\nallow /bin/a port 80\n\tmail: allow /bin/b port 25\r\n\n12: deny /bin/c\n"
    yield "names", "a: allow /bin/a\nb:c: deny /bin/a port 1\n/bin/a: allow x"


def seeds_journal():
    head = '{"change":%d,"time":"2026-01-31T12:00:00.000001Z",'
    rule = '{"id":"r7","action":"deny","program":"/bin/a","ports":[80],"note":"n","created":"2026-01-31T12:00:00Z"}'
    flat = '{"id":"/bin/b:443","action":"allow","program":"/bin/b","ports":[443]}'
    client = '"by":"client","uid":1000,"pid":42,"program":"/usr/bin/bastion",'
    added = head % 1 + client + '"added":1,"deleted":0,"replaced":0,"rules":[{"after":%s}]}\n' % flat
    undone = head % 2 + client + '"undoes":1,"added":0,"deleted":1,"replaced":0,"rules":[{"before":%s}]}\n' % flat
    edit = head % 3 + '"by":"file","added":1,"deleted":0,"replaced":1,"rules":[{"before":%s,"after":%s},{"after":%s}]}\n' % (rule, rule.replace("deny", "ask"), flat)
    large = head % 4 + '"by":"file","added":100000,"deleted":0,"replaced":0}\n'
    again = head % 5 + client + '"undoes":2,"added":1,"deleted":0,"replaced":0,"rules":[{"after":%s}]}\n' % flat
    yield "all", added + undone + edit + large + again
    yield "half", added + undone[:100]
    yield "damaged", added + "x\n" + added + undone
    yield "bytes", head % 1 + client.replace("/usr/bin/bastion", "\\ufffd") + '"added":1,"deleted":0,"replaced":0,"rules":[{"after":{"id":"r1","action":"ask","program":"/x","program_bytes":"/\\\\xff"}}]}\n'


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
    yield "lifetimes", lifetimes()


def lifetimes():
    """As fuzz_rulefile.c has the clocks: some go on, some begin, some are over."""
    here, before = ('"boot": "01234567-89ab-cdef-0123-456789abcd%s"' % end for end in ("ef", "ee"))
    rules = ['"until", "until": "2026-12-31T17:00:00Z", %s, "boottime_ns": 5400123456789' % here,
             '"until", "until": "2026-12-31T17:00:00Z", %s, "boottime_ns": 5' % before, '"until", "until": "2026-12-31T17:00:00Z"',
             '"until", "until": "2001-12-31T17:00:00Z"', '"reboot", ' + here, '"reboot", ' + before]
    return '{"version": 2, "rules": [\n%s]}\n' % ",\n".join('{"action": "deny", "uid": %d, "lifetime": %s}' % rule for rule in enumerate(rules))


def seeds_conffile():
    yield "empty", "{}"
    yield "all", ('{\n  "mode": "enforcement",\n  "timeout_seconds": 60,\n  "default_action": "prompt",\n  "on_failure": "open",\n  "popup_enabled": false,\n'
                  '  "notifications_enabled": true,\n  "allow_localhost": true,\n  "allow_lan": true,\n  "allow_root_bypass": false,\n'
                  '  "allow_systemd_bypass": false,\n  "cache_decisions": true,\n  "log_decisions": true,\n  "log_file": "/var/log/x/y.log",\n'
                  '  "deny_errno": "EPERM",\n  "inbound_protection": false,\n  "mine": [1, {"a": null}]\n}\n')
    yield "wrong", '{"mode": "off", "timeout_seconds": "30", "log_file": "/var/log/../x", "deny_errno": 1}'
    yield "escaped-key", '{"m\\u006fde": "learning"}'


def main():
    for target in sys.argv[1:] or ["message", "event", "sentence", "rulefile", "dropins", "journal", "conffile"]:
        folder = os.path.join(HERE, "corpus", target)
        os.makedirs(folder, exist_ok=True)
        for name, text in globals()["seeds_" + target]():
            with open(os.path.join(folder, "seed-" + name), "wb") as f:
                f.write(text.encode())


if __name__ == "__main__":
    main()
