#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes the seeds of the text formats' fuzz corpora: messages from PROTOCOL.md, sentences from factory.rules and the
tables, files composed here.

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
    connection = ('{"type":"reply","id":1,"connections":[{"kind":"unknown","path":null,"name":"","pid":0,"uid":0,"gid":0,"identity":"none","protocol":"TCP",'
                  '"local_ip":"::1","local_port":1,"remote_ip":"::1","remote_port":2,%s,"direction":"in"}]}')
    yield "hosts", connection % '"host":"a","hosts":["a","b","c","d","e","f","g","h"],"host_source":"dns"'
    yield "hosts-many", connection % '"host":"a","hosts":["a","b","c","d","e","f","g","h","i"]'
    yield "hosts-bytes", connection % '"host":"x","host_bytes":"\\\\xff","hosts":["x","b"],"host_source":"other"'


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
    yield "letters", 'allow /usr/bin/curl to Bücher.Example. or .пример.рф or "faß" or 例え。テスト'
    # Every criterion, alone and as a list, each sense; the values that are words of the grammar, and lists as long as they may be.
    for number, line in enumerate(re.findall(r"^ *(?:rule|also) +(?:[a-z0-9-]+: )?(.*)$", TABLES, re.M)):
        if number % 8 == 0:
            yield "table-%03d" % number, line
    yield "words", 'deny not /or or "/not" argument "or" or "not" or or to "not" or "or" unit not to note "or"'
    yield "many", "deny anyone port " + ",".join("%d-%d" % (n, n + 1) for n in range(1, 130, 2))
    yield "unknown-user", "allow anyone user not alice,nobody-here group 7"


def seeds_dropins():
    yield "copy", "10-work.rules 13\nallow /bin/a\n\n20.rules 0\n\n"
    yield "short", "a.rules 9\nallow\n"
    yield "nested", "a.rules 20\nb.rules 3\nallow /a\n\n\n"
    yield "file", "# mine\nallow /bin/a port 80\n\tmail: allow /bin/b port 25\r\n\n12: deny /bin/c\n"
    yield "nul", "c\0d: allow /bin/a\n"
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
    yield "empty", ""
    yield "half", added + undone[:100]
    yield "damaged", added + "x\n" + added + undone
    yield "bytes", head % 1 + client.replace("/usr/bin/bastion", "\\ufffd") + '"added":1,"deleted":0,"replaced":0,"rules":[{"after":{"id":"r1","action":"ask","program":"/x","program_bytes":"/\\\\xff"}}]}\n'


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


def seeds_hostlist():
    yield "hosts", "# a list\n127.0.0.1 localhost\n::1 ip6-localhost\nfe80::1%lo0 localhost\n0.0.0.0 0.0.0.0\n0.0.0.0 ads.example www.ads.example # both\n::\tADS.example.\n"
    yield "domains", "\ufeffads.example\r\n*.tracker.example\r\n.metrics.example\r\nb\u00fccher.example\r\n\r\nlast.example"
    yield "other", "! Title\n||ads.example^\nexample.com##.ad\n192.0.2.1 ads.example\nads.example other.example\nco.uk\nhttps://ads.example/\n" + "a" * 1100 + "\nok.example\n"
    yield "html", "<html>\n<body>502</body>\n"


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
    for target in sys.argv[1:] or ["message", "event", "sentence", "pattern", "expect", "rulefile", "dropins", "journal", "conffile", "import", "hostlist"]:
        folder = os.path.join(HERE, "corpus", target)
        os.makedirs(folder, exist_ok=True)
        for name, text in globals()["seeds_" + target]():
            with open(os.path.join(folder, "seed-" + name), "wb") as f:
                f.write(text.encode("latin-1" if target == "pattern" else "utf-8"))


if __name__ == "__main__":
    main()
