#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes the seeds of the fuzz corpora: real bytes where the kernel makes them, composed ones where it would not.

Run as root (it captures in a network namespace of its own, which ends with it): make-seeds.py [TARGET…]. What is captured holds
the ports, ids and times of the day; everything else comes out the same each time. Files that fuzzing added are left
alone. To add a target: a function seeds_NAME() that yields (file name, bytes).
"""
import ctypes
import json
import os
import socket
import struct
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
CLONE_NEWNET = 0x40000000
COPY_RANGE = 512
libc = ctypes.CDLL(None, use_errno=True)

TCP, UDP, UDPLITE, ICMP, ICMPV6 = 6, 17, 136, 1, 58
A4, B4 = socket.inet_aton("192.0.2.1"), socket.inet_aton("198.51.100.7")
A6 = socket.inet_pton(socket.AF_INET6, "2001:db8::1")
B6 = socket.inet_pton(socket.AF_INET6, "2001:db8:ffff::7")


def private_network():
    if libc.unshare(CLONE_NEWNET) < 0:
        sys.exit("make-seeds.py: needs root: " + os.strerror(ctypes.get_errno()))
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)


# --- packets -------------------------------------------------------------------------------------------------------

def ipv4(protocol, payload, options=b"", fragment=0, ip_id=0x1234, total=None):
    length = 20 + len(options) + len(payload) if total is None else total
    return struct.pack("!BBHHHBBH4s4s", 0x45 + len(options) // 4, 0, length, ip_id, fragment, 64, protocol, 0, A4, B4) \
        + options + payload


def ipv6(next_header, payload, length=None):
    return struct.pack("!IHBB16s16s", 6 << 28, len(payload) if length is None else length, next_header, 64, A6, B6) + payload


def tcp(flags, local=40000, remote=443):
    return struct.pack("!HHIIBBHHH", local, remote, 1, 0, 5 << 4, flags, 65535, 0, 0)


def udp(payload=b"hello", local=40001, remote=53):
    return struct.pack("!HHHH", local, remote, 8 + len(payload), 0) + payload


def echo(kind, ident=0xbeef):
    return struct.pack("!BBHHH", kind, 0, 0, ident, 1) + b"ping"


def chain(headers, last, payload):
    """IPv6 extension headers: (number, body without its first byte), each pointing at the next."""
    numbers = [number for number, _ in headers] + [last]
    data = b"".join(bytes([numbers[i + 1]]) + body for i, (_, body) in enumerate(headers))
    return ipv6(numbers[0], data + payload)


HOP = (0, b"\0\5\2\0\0\1\0")            # router alert
ROUTING = (43, b"\2\2\1\0\0\0\0" + B6)  # type 2, one address
DESTINATION = (60, b"\1\1\14" + bytes(12))
AUTH = (51, b"\4\0\0" + struct.pack("!II", 0x100, 7) + bytes(12))
FIRST = (44, b"\0" + struct.pack("!HI", 1, 99))
LATER = (44, b"\0" + struct.pack("!HI", 185 << 3, 99))


def capture(act):
    """What act() makes the kernel send over loopback, without the Ethernet header."""
    tap = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
    tap.bind(("lo", 0))
    tap.settimeout(0.2)
    kept = act()
    seen = []
    try:
        while len(seen) < 64:
            data, where = tap.recvfrom(70000)
            if where[2] == socket.PACKET_OUTGOING:
                seen.append(data[14:])
    except socket.timeout:
        pass
    for item in kept or []:
        item.close()
    return seen


def act_tcp(family, host):
    def act():
        server = socket.create_server((host, 0), family=family)
        client = socket.socket(family, socket.SOCK_STREAM)
        client.connect(server.getsockname()[:2])
        peer, _ = server.accept()
        client.sendall(b"x" * 120000)
        return [client, peer, server]
    return act


def act_datagram(family, host, protocol, payload):
    def act():
        s = socket.socket(family, socket.SOCK_DGRAM, protocol)
        s.sendto(payload, (host, 4242))
        return [s]
    return act


def act_raw(family, host, protocol, payload, options=None):
    def act():
        s = socket.socket(family, socket.SOCK_RAW, protocol)
        for option in options or []:
            s.setsockopt(*option)
        s.sendto(payload, (host, 0))
        return [s]
    return act


def captured_packets():
    v4, v6 = socket.AF_INET, socket.AF_INET6
    acts = {
        "tcp4": act_tcp(v4, "127.0.0.1"),
        "tcp6": act_tcp(v6, "::1"),
        "udp4": act_datagram(v4, "127.0.0.1", 0, b"hello"),
        "udp6": act_datagram(v6, "::1", 0, b"hello"),
        "udplite4": act_datagram(v4, "127.0.0.1", UDPLITE, b"hello"),
        "ping4": act_raw(v4, "127.0.0.1", ICMP, echo(8)),
        "ping6": act_raw(v6, "::1", ICMPV6, echo(128)),
        "raw4-ospf": act_raw(v4, "127.0.0.1", 89, b"routing"),
        "raw4-options": act_raw(v4, "127.0.0.1", 253, b"x", [(socket.IPPROTO_IP, socket.IP_OPTIONS, b"\7\7\4" + bytes(4) + b"\0")]),
        "udp6-hopopts": act_raw(v6, "::1", 253, b"x", [(socket.IPPROTO_IPV6, socket.IPV6_HOPOPTS, bytes(8))]),
    }
    for name, act in acts.items():
        try:
            packets = capture(act)
        except OSError as error:
            print(f"packet/{name}: {error}", file=sys.stderr)
            continue
        packets.sort(key=len)
        chosen = packets[:3] + packets[-1:]
        for i, packet in enumerate(dict.fromkeys(p[:COPY_RANGE] for p in chosen)):
            yield f"captured-{name}-{i}", packet


def composed_packets():
    yield "syn4", ipv4(TCP, tcp(2))
    yield "rst4", ipv4(TCP, tcp(0x14))
    yield "syn6", ipv6(TCP, tcp(2))
    yield "options4-full", ipv4(TCP, tcp(2), options=b"\1" * 40)
    yield "first4", ipv4(UDP, udp(), fragment=0x2000)
    yield "later4", ipv4(UDP, b"payload!" * 3, fragment=185)
    yield "jumbo4", ipv4(TCP, tcp(0x10), total=0)
    yield "jumbo6", ipv6(TCP, tcp(0x10), length=0)
    yield "jumbogram6", ipv6(0, bytes([TCP]) + b"\0\xc2\4\0\1\x11\x70" + tcp(0x10), length=0)
    yield "udplite4", ipv4(UDPLITE, udp())
    yield "sctp4", ipv4(132, struct.pack("!HHII", 5000, 5001, 0, 0))
    yield "dccp4", ipv4(33, struct.pack("!HHII", 5000, 5001, 0, 0))
    yield "igmp4", ipv4(2, bytes(8))
    yield "gre4", ipv4(47, bytes(4) + ipv4(TCP, tcp(2)))
    yield "unreachable4", ipv4(ICMP, b"\3\1\0\0\0\0\0\0" + ipv4(UDP, udp()))
    yield "echo-reply6", ipv6(ICMPV6, echo(129))
    yield "solicitation6", ipv6(ICMPV6, struct.pack("!BBHI16s", 135, 0, 0, 0, B6))
    yield "extensions6", chain([HOP, DESTINATION, ROUTING, AUTH], TCP, tcp(2))
    yield "first6", chain([HOP, FIRST], UDP, udp())
    yield "later6", chain([FIRST, LATER], UDP, b"payload")
    yield "extensions6-8", chain([DESTINATION] * 8, UDP, udp())
    yield "extensions6-9", chain([DESTINATION] * 9, UDP, udp())
    yield "none6", ipv6(59, b"")
    yield "mapped6", ipv6(UDP, udp()).replace(A6, bytes(10) + b"\xff\xff" + A4)
    yield "version5", b"\x55" + bytes(39)
    yield "header-too-short4", b"\x44" + bytes(39)
    yield "cut4", ipv4(TCP, tcp(2))[:30]


def seeds_packet():
    yield from captured_packets()
    yield from composed_packets()


# --- netlink -------------------------------------------------------------------------------------------------------

def message(kind, body, flags=0, seq=1):
    return struct.pack("=IHHII", 16 + len(body), kind, flags, seq, 0) + body + bytes(-len(body) % 4)


def attribute(kind, value):
    return struct.pack("=HH", 4 + len(value), kind) + value + bytes(-len(value) % 4)


def nlerror(code, request=bytes(16), seq=1):
    return message(2, struct.pack("=i", code) + request, 0x100, seq)


def queued(packet, ident=1, extra=b"", protocol=None, header=True):
    """NFQNL_MSG_PACKET in the order in which net/netfilter/nfnetlink_queue.c writes it."""
    protocol = protocol or (0x0800 if packet[:1] and packet[0] >> 4 == 4 else 0x86dd)
    body = struct.pack("!BBH", socket.AF_INET, 0, 7)
    if header:
        body += attribute(1, struct.pack("!IHB", ident, protocol, 3))
    body += attribute(5, struct.pack("!I", 2)) + extra + attribute(10, packet)
    return message(0x0300, body)


def seeds_nfqueue():
    syn4, syn6, long = ipv4(TCP, tcp(2)), ipv6(TCP, tcp(2)), ipv4(UDP, udp(b"x" * 1000))
    owner = attribute(16, struct.pack("!I", 1000)) + attribute(17, struct.pack("!I", 100))
    yield "syn4", queued(syn4, 1, owner)
    yield "syn6", queued(syn6, 2, owner)
    yield "root", queued(syn4, 3, attribute(16, bytes(4)) + attribute(17, bytes(4)))
    yield "cut", queued(long[:COPY_RANGE], 4, attribute(13, struct.pack("!I", len(long))))
    yield "gso", queued(syn4, 5, attribute(14, struct.pack("!I", 3)))
    yield "mark-timestamp", queued(syn4, 6, attribute(3, struct.pack("!I", 9)) + attribute(8, struct.pack("!QQ", 1, 2)))
    yield "three", queued(syn4, 7) + queued(syn6, 8) + queued(long[:64], 9)
    yield "odd-length", queued(syn4 + b"x", 10) + queued(syn6 + b"xyz", 11)
    yield "empty", queued(b"", 12)
    yield "no-header", queued(syn4, 13, header=False)
    yield "nested", queued(syn4, 14, attribute(0x8000 | 11, attribute(1, b"\1\2")))
    yield "ack", nlerror(0)
    yield "eperm", nlerror(-1)
    yield "ack-then-packet", nlerror(0) + queued(syn4, 15)
    yield "done", message(3, bytes(4))
    yield "cut-message", queued(syn4, 16)[:-8]
    yield "length-zero", bytes(16)
    yield "length-beyond", struct.pack("=IHHII", 4096, 0x0300, 0, 1, 0)
    yield "attribute-beyond", message(0x0300, bytes(4) + struct.pack("=HH", 400, 10) + syn4)
    yield "attribute-length-3", message(0x0300, bytes(4) + struct.pack("=HH", 3, 1) + bytes(8))


def diag_request(family, protocol):
    return message(20, struct.pack("=BBBBI", family, protocol, 0, 0, 0xffffffff) + bytes(48), 0x301)


def diag_dump(family, protocol):
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 4) as s:
        s.settimeout(1)
        s.send(diag_request(family, protocol))
        replies = []
        while not replies or struct.unpack_from("=H", replies[-1], 4)[0] not in (2, 3):
            replies.append(s.recv(65536))
        return replies


def diag_get_missing():
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 4) as s:
        s.settimeout(1)
        s.send(message(20, struct.pack("=BBBBI", socket.AF_INET, TCP, 0, 0, 0xffffffff)
                       + struct.pack("!HH", 9, 9) + bytes(36) + b"\xff" * 8, 1))
        return s.recv(65536)


def sockets_of_all_kinds():
    v4, v6 = socket.AF_INET, socket.AF_INET6
    kept = []
    for family, host in (v4, "127.0.0.1"), (v6, "::1"):
        server = socket.create_server((host, 0), family=family)
        client = socket.socket(family, socket.SOCK_STREAM)
        client.connect(server.getsockname()[:2])
        bound, connected = (socket.socket(family, socket.SOCK_DGRAM) for _ in range(2))
        bound.bind((host, 0))
        connected.connect((host, 4242))
        raw = socket.socket(family, socket.SOCK_RAW, ICMP if family == v4 else ICMPV6)
        lite = socket.socket(family, socket.SOCK_DGRAM, UDPLITE)
        lite.bind((host, 0))
        kept += [server, client, bound, connected, raw, lite]
    mapped = socket.socket(v6, socket.SOCK_DGRAM)
    mapped.connect(("::ffff:127.0.0.1", 4242))
    return kept + [mapped]


def seeds_sockdiag():
    kept = sockets_of_all_kinds()
    for family, f in (socket.AF_INET, 4), (socket.AF_INET6, 6):
        for protocol, name in (TCP, "tcp"), (UDP, "udp"), (UDPLITE, "udplite"), (255, "raw"):
            try:
                for i, reply in enumerate(diag_dump(family, protocol)):
                    yield f"captured-{name}{f}-{i}", reply
            except OSError as error:
                print(f"sockdiag/{name}{f}: {error}", file=sys.stderr)
    yield "captured-missing", diag_get_missing()
    for item in kept:
        item.close()
    body = struct.pack("=BBBB", socket.AF_INET, 1, 0, 0) + struct.pack("!HH", 40000, 443) \
        + A4 + bytes(12) + B4 + bytes(12) + struct.pack("=III", 0, 77, 1) + struct.pack("=IIIII", 0, 0, 0, 1000, 12345)
    yield "one", message(20, body)
    yield "protocol", message(20, body + attribute(23, b"\1"))
    yield "two-and-done", message(20, body) + message(20, body) + message(3, bytes(4))
    yield "family-unix", message(20, b"\1" + body[1:])
    yield "ack", nlerror(0)
    yield "cut", message(20, body)[:60]
    yield "short-body", message(20, body[:40])
    yield "error-positive", nlerror(5)
    yield "error-short", message(2, b"\1\2")


def link_dump():
    """The kernel's own list of the interfaces of an empty network namespace: the first datagram."""
    r, w = os.pipe()
    pid = os.fork()
    if pid == 0:
        if libc.unshare(0x40000000) == 0:  # CLONE_NEWNET
            with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0) as s:
                s.send(message(18, bytes(16), flags=0x301))
                os.write(w, s.recv(32768))
        os._exit(0)
    os.close(w)
    with os.fdopen(r, "rb") as f:
        data = f.read()
    os.waitpid(pid, 0)
    return data


def seeds_rtlink():
    yield "captured", link_dump()
    body = struct.pack("=BxHiII", 0, 1, 7, 1, 0)
    stats = struct.pack("=24Q", *range(1, 25))
    yield "one", message(16, body + attribute(3, b"uplink\0") + attribute(23, stats))
    yield "loopback", message(16, struct.pack("=BxHiII", 0, 772, 1, 9, 0) + attribute(23, stats))
    yield "two-and-done", message(16, body + attribute(23, stats)) + message(16, body) + message(3, bytes(4))
    yield "short-counters", message(16, body + attribute(23, stats[:24]))
    yield "no-index", message(16, struct.pack("=BxHiII", 0, 1, -1, 1, 0))
    yield "other", message(17, body)
    yield "error", nlerror(-16)
    yield "cut", message(16, body)[:20]


# --- /proc ---------------------------------------------------------------------------------------------------------

def of_process_named(comm, file):
    """The kernel's own text about a process that calls itself `comm`."""
    r, w = os.pipe()
    pid = os.fork()
    if pid == 0:
        libc.prctl(15, comm, 0, 0, 0)
        with open(f"/proc/self/{file}", "rb") as f:
            os.write(w, f.read())
        os._exit(0)
    os.close(w)
    with os.fdopen(r, "rb") as f:
        data = f.read()
    os.waitpid(pid, 0)
    return data


def seeds_procfs():
    names = {"plain": b"curl", "parentheses": b") S 1 (x", "newline": b"a\nUid:\t0\t0\t0", "backslash": b"\\n\\040", "empty": b"",
             "closing": b"))))))) R 0 0 0", "not-utf8": b"\xff\xfe\x80", "blank": b" ", "tab": b"\t)\t"}
    for name, comm in names.items():
        yield f"captured-stat-{name}", of_process_named(comm, "stat")
        yield f"captured-status-{name}", of_process_named(comm, "status")
    yield "captured-stat-kernel", open("/proc/2/stat", "rb").read() if os.path.exists("/proc/2/stat") else b""
    yield "stat-cut", b"12 (a b) S 1 12 12 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 9999"
    yield "stat-last-field", b"12 (a b) S 1 12 12 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 18446744073709551615 1\n"
    yield "status-overflow-id", b"Name:\tx\nUid:\t1\t4294967295\t1\t1\nGid:\t1\t4294967296\t1\t1\n"
    yield "cgroup-v2", b"0::/user.slice/user-1000.slice/session-1.scope\n"
    yield "cgroup-hybrid", b"12:pids:/user.slice\n1:name=systemd:/0::/x\n0::/system.slice/a b\\x2d(deleted).service\n"
    yield "cgroup-root", b"0::/\n"
    yield "cgroup-cut", b"0::/user.sl"
    yield "cgroup-relative", b"0::x\n"
    yield "socket", b"socket:[123456]"
    yield "socket-max", b"socket:[18446744073709551615]"
    yield "socket-over", b"socket:[18446744073709551616]"
    yield "pipe", b"pipe:[1]"
    yield "exe-deleted", b"/usr/bin/a b (deleted)"
    yield "exe-memfd", b"/memfd:x (deleted) (deleted)"
    yield "resolv", b"# made by hand\nsearch example.com\nnameserver 192.0.2.53\nnameserver\t2001:db8::53\noptions edns0\n"
    yield "resolv-odd", b"nameserver fe80::1%eth0\n nameserver 192.0.2.1\nnameservers 192.0.2.2\nnameserver 192.0.2.3#x\r\nnameserver 192.0.2.4"
    yield "resolv-many", b"nameserver 127.0.0.53\n" * 20
    yield "mountinfo", (
        b"21 26 0:20 / /sys rw,nosuid shared:7 - sysfs sysfs rw\n"
        b"26 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n"
        b"30 21 0:26 /below /mnt/part rw - cgroup2 cgroup2 rw\n"
        b"31 21 0:26 / /sys/fs/cgroup rw,nosuid shared:9 master:3 - cgroup2 cgroup2 rw,nsdelegate\n"
        b"32 21 0:27 / /sys/fs/bpf rw - bpf bpf rw,mode=700\n")
    yield "mountinfo-escapes", b"40 1 0:30 / /mnt/a\\040b\\011c\\012d\\134e\\043 rw - cgroup2 - rw\n"
    yield "mountinfo-bad-escape", b"40 1 0:30 / /mnt/\\400\\9 rw - cgroup2 x rw\n"
    yield "mountinfo-nul", b"40 1 0:30 / /mnt/\\000 rw - cgroup2 x rw\n"
    yield "mountinfo-no-separator", b"40 1 0:30 / /mnt rw shared:1 cgroup2 x rw\n"


def seeds_procnet():
    kept = sockets_of_all_kinds()
    with open("/proc/sys/net/ipv4/ping_group_range", "w") as f:
        f.write("0 0")
    for family, protocol, host in (socket.AF_INET, ICMP, "127.0.0.1"), (socket.AF_INET6, ICMPV6, "::1"):
        ping = socket.socket(family, socket.SOCK_DGRAM, protocol)
        ping.connect((host, 1))
        kept.append(ping)
    for table in "icmp", "icmp6", "raw", "raw6":
        with open(f"/proc/thread-self/net/{table}", "rb") as f:
            yield f"captured-{table}", f.read()
    for item in kept:
        item.close()
    line = b"    1: 0100007F:0001 0200007F:0000 07 00000000:00000000 00:00000000 00000000  1000        0 4711 2 0000000000000000 0\n"
    yield "one", line
    yield "cut", line * 2 + line[:40]
    yield "over", line.replace(b"4711", b"99999999999999999999").replace(b"1000", b"4294967296")
    yield "not-hexadecimal", line.replace(b"0100007F", b"0100007G")


# --- ring records ----------------------------------------------------------------------------------------------------

def track(path=b"/usr/bin/curl", args=b"curl\0https://example.com\0", cgroup=b"/user.slice", comm=b"curl", flags=0, abi=0,
          ancestors=((900, b"sh", b"dash", b"/usr/bin/dash"), (800, b"make", b"make", b"")), n_ancestors=None, lengths=None,
          ancestor_lengths=None, foreign=0, wants=0, pid=1000):
    """struct abi_track of src/bpf/abi.h with what follows it. ABI 0: the target puts the present number there."""
    path_len, args_len, cgroup_len = lengths or (len(path), len(args), len(cgroup))
    data = struct.pack("=IIQII II QQQ III HHHH 16s I", abi, flags, 123456789, pid, 3, 1000, 1000, 0x0123456789abcdef, 4242, 1700000000 * 10**9,
                       8 << 20 | 1, 7, 4026531841, path_len, args_len, cgroup_len,
                       len(ancestors) if n_ancestors is None else n_ancestors, comm, wants)
    for i in range(8):
        number, name, program, where = ancestors[i] if i < len(ancestors) else (0, b"", b"", b"")
        data += struct.pack("=I16s32sHBx", number, name, program, ancestor_lengths[i] if ancestor_lengths else len(where), foreign)
    return data + path + args + cgroup + b"".join(ancestor[3] for ancestor in ancestors)


def seeds_track():
    yield "curl", track()
    yield "eight-ancestors", track(ancestors=[(i, b"p%d" % i, b"program%d" % i, b"/bin/program%d" % i) for i in range(8)])
    yield "nine-ancestors", track(n_ancestors=9)
    yield "no-ancestors", track(ancestors=())
    yield "ancestor-unterminated", track(ancestors=((1, b"x" * 16, b"y" * 32, b"/x"),))
    yield "ancestor-paths-max", track(ancestors=[(i, b"p", b"p", b"/" + b"p" * 255) for i in range(8)])
    yield "ancestor-paths-over", track(ancestors=[(i, b"p", b"p", b"/" + b"p" * (256 if i == 7 else 255)) for i in range(8)])
    yield "key-covers-all", track(wants=7)
    yield "ancestors-foreign", track(foreign=1)
    yield "ancestor-path-nul", track(ancestors=((1, b"sh", b"dash", b"/usr/bin/a\0b"),))
    yield "ancestor-lengths-beyond", track(ancestor_lengths=[65535] * 8)
    yield "ancestor-lengths-short", track(ancestor_lengths=[1] * 8)
    yield "comm-unterminated", track(comm=b"y" * 16)
    yield "comm-hostile", track(comm=b") \n\xff\x1b[2J")
    yield "deleted", track(flags=1)
    yield "path-cut", track(path=b"", flags=2)
    yield "args-cut", track(args=b"z" * 1024, flags=4)
    yield "args-no-nul", track(args=b"curl\0-v")
    yield "args-empty", track(args=b"")
    yield "args-nuls", track(args=b"\0\0\0")
    yield "kernel", track(path=b"", args=b"", cgroup=b"", comm=b"kworker/0:1", flags=8, pid=0, ancestors=())
    yield "path-max", track(path=b"/" + b"p" * 4095)
    yield "path-over", track(path=b"/" + b"p" * 4096)
    yield "path-nul", track(path=b"/usr/bin/a\0b")
    yield "path-hostile", track(path=b"/tmp/a b\n(deleted) \xff\xe2\x80\xae")
    yield "path-relative", track(path=b"usr/bin/curl")
    yield "cgroup-max", track(cgroup=b"/" + b"c" * 511)
    yield "cgroup-nul", track(cgroup=b"/a\0b")
    yield "other-abi", track(abi=99)
    yield "lengths-beyond", track(lengths=(4096, 1024, 512))
    yield "lengths-short", track(lengths=(1, 1, 1))
    yield "header-only", track()[:96 + 8 * 56]
    yield "cut", track()[:200]
    yield "trailing", track() + bytes(8)


# --- helpers -------------------------------------------------------------------------------------------------------

def decision(**changes):
    """As the daemon writes it (PROTOCOL.md, "decision")."""
    fields = {"type": "decision", "seq": 7, "time": "2026-11-21T10:00:00.123456Z", "verdict": "allow", "reason": "rule",
              "rule": "/usr/bin/curl:443", "would_deny": False, "kind": "program", "path": "/usr/bin/curl", "name": "curl", "pid": 812,
              "start_ns": 5000000000, "exec_id": 2, "uid": 1000, "gid": 1000, "arguments": ["curl", "https://example.com"],
              "arguments_cut": False, "parents": [{"pid": 800, "name": "bash"}], "cgroup": "/user.slice", "path_deleted": False,
              "path_foreign": False, "identity": "task", "protocol": "TCP", "local_ip": "10.0.0.1", "local_port": 40000,
              "remote_ip": "93.184.216.34", "remote_port": 443, "host": "example.com", "direction": "out", "latency_us": 55}
    return json.dumps({**fields, **changes}).encode()


def seeds_feed():
    yield "decision", decision()
    yield "decision-deny", decision(verdict="deny", reason="timeout", rule=None, host=None)
    yield "decision-unknown", decision(kind="unknown", path="", name="", pid=0, uid=4294967295, gid=4294967295, identity="none")
    yield "decision-in", decision(direction="in", protocol="UDP", remote_ip="fe80::1", interface=3)
    yield "decision-bytes", decision(path="/tmp/\ufffd", path_bytes="/tmp/\\xff")
    yield "decision-ask", decision(verdict="ask")
    yield "line", b'{"type":"line","time":"2026-11-21T10:00:00.000001Z","text":"Stats: 1 total"}'
    yield "line-bytes", b'{"type":"line","time":"2026-11-21T10:00:00Z","text":"\xef\xbf\xbd","text_bytes":"\\\\xff"}'
    yield "log", b'{"type":"log","wants_file":true}'
    yield "log-none", b'{"type":"log","wants_file":false}'
    yield "report", b'{"done":12,"lost":3,"problem":"no room"}'
    yield "report-lost", b'{"done":1,"lost":3,"problem":""}'
    yield "other", b'{"type":"status"}'
    yield "cut", decision()[:200]


def dns_name(name):
    return b"".join(bytes([len(label)]) + label for label in name.encode().split(b".") if label) + b"\0"


def dns_record(owner, kind, data, ttl=300, cls=1):
    """`owner` is a name, or bytes as they are (a pointer)."""
    owner = owner if isinstance(owner, bytes) else dns_name(owner)
    return owner + struct.pack("!HHIH", kind, cls, ttl, len(data)) + data


def dns_message(question, kind=1, *records, flags=0x8180, ident=0x1234, questions=1, more=b"", n_more=0):
    question = question if isinstance(question, bytes) else dns_name(question)
    return (struct.pack("!HHHHHH", ident, flags, questions, len(records), 0, n_more) + (question + struct.pack("!HH", kind, 1)) * questions
            + b"".join(records) + more)


ASKED = b"\xc0\x0c"  # a pointer to the question's name
OPT = b"\0" + struct.pack("!HHIH", 41, 1232, 0, 0)


def dnsmasq_answers():
    """What a real server answers to what a resolver sends, with EDNS0 and without."""
    names = ["--host-record=two.example,192.0.2.1,2001:db8::1,3600", "--host-record=target.example,192.0.2.7,60", "--cname=www.example,alias.example",
             "--cname=alias.example,target.example", *(f"--host-record=round.example,192.0.2.{i},{i}" for i in range(1, 41)),
             "--host-record=zero.example,192.0.2.9,0", "--txt-record=two.example,text", "--address=/none.example/"]
    server = subprocess.Popen(["dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--no-resolv", "--no-hosts", "--user=root", "--pid-file=",
                               "--port=5353", "--log-facility=/dev/null", *names])
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.settimeout(1)
    time.sleep(0.5)
    try:
        for name, kind in (("two", 1), ("two", 28), ("two", 255), ("two", 16), ("WWW", 1), ("www", 28), ("round", 1), ("zero", 1), ("none", 1)):
            for edns in (False, True):
                query = dns_message(name + ".example", kind, flags=0x0100, more=OPT * edns, n_more=edns)
                s.sendto(query, ("127.0.0.1", 5353))
                yield f"dnsmasq-{name}-{kind}{'-edns' * edns}", s.recv(4096)
    finally:
        server.terminate()
        server.wait()


def composed_answers():
    a = lambda owner, last, ttl=300: dns_record(owner, 1, bytes([192, 0, 2, last]), ttl)  # noqa: E731
    cname = lambda owner, target, ttl=300: dns_record(owner, 5, target if isinstance(target, bytes) else dns_name(target), ttl)  # noqa: E731
    yield "query", dns_message("example.com", 1, flags=0x0100)
    yield "opcode", dns_message("example.com", 1, flags=0x2800)
    yield "nxdomain", dns_message("example.com", 1, flags=0x8183)
    yield "truncated", dns_message("example.com", 1, flags=0x8380)
    yield "year", dns_message("example.com", 1, a(ASKED, 1, 31536000), a(ASKED, 2, 0x80000000))
    yield "backwards", dns_message("a.test", 1, a("c.test", 1), cname("b.test", "c.test", 7), cname("A.test", "b.test"))
    yield "other-owner", dns_message("a.test", 1, a("b.test", 1), a(ASKED, 2))
    yield "ring", dns_message("a.test", 1, cname("a.test", "b.test"), cname("b.test", "a.test"))
    yield "self", dns_message("a.test", 1, cname(ASKED, ASKED))
    for n in (16, 17):
        yield f"chain-{n}", dns_message("n0.test", 1, *(cname(f"n{i}.test", f"n{i + 1}.test") for i in range(n)), a(f"n{n}.test", 1))
    yield "many", dns_message("a.test", 1, *(a(ASKED, i) for i in range(200)))
    yield "class", dns_message("a.test", 1, dns_record(ASKED, 1, b"\x7f\0\0\1", cls=3), a(ASKED, 2))
    yield "no-question", dns_message("a.test", 1, questions=0)
    yield "two-questions", dns_message("a.test", 1, questions=2)
    yield "short-address", dns_message("a.test", 1, dns_record(ASKED, 1, b"\1\2\3"))
    yield "long-address", dns_message("a.test", 28, dns_record(ASKED, 28, bytes(17)))
    yield "after-alias", dns_message("a.test", 1, cname(ASKED, dns_name("b.test") + b"x"))
    yield "pointer-ahead", dns_message(b"\xc0\x20", 1)
    yield "pointer-self", dns_message(b"\xc0\x0c", 1)
    yield "pointer-header", dns_message("a.test", 1, a(b"\xc0\x02", 1))
    for steps in (100, 200):  # each pointer leads to the one before it, the first of them (at byte 36) to the question
        ladder = b"".join(struct.pack("!H", 0xc000 + 36 + 2 * i) for i in range(steps))
        yield f"pointer-ladder-{steps}", dns_message("a.test", 1, dns_record(ASKED, 16, ASKED + ladder), a(struct.pack("!H", 0xc000 + 36 + 2 * steps), 1))
    yield "twice", dns_message("a.test", 1, a(ASKED, 1, 300), a(ASKED, 1, 9), a(ASKED, 1, 10))
    yield "question-class", dns_message("a.test", 1)[:-1] + b"\3"
    yield "label-reserved", dns_message(b"\x41a\0", 1)
    yield "label-dot", dns_message(b"\x05a.com\0", 1)
    yield "label-nul", dns_message(b"\x03a\0b\0", 1)
    yield "root", dns_message(b"\0", 1)
    yield "address-name", dns_message("192.0.2.1", 1, a(ASKED, 1))
    yield "underscore", dns_message("_dmarc.Example.COM", 1, a(ASKED, 1))
    yield "label-63", dns_message("a" * 63 + ".test", 1, a(ASKED, 1))
    yield "name-253", dns_message(".".join(["a" * 63] * 3 + ["b" * 61]), 1, a(ASKED, 1))
    yield "name-254", dns_message(".".join(["a" * 63] * 3 + ["b" * 62]), 1, a(ASKED, 1))
    yield "cut", dns_message("a.test", 1, a(ASKED, 1))[:-1]
    yield "svcb", dns_message("a.test", 65, dns_record(ASKED, 65, b"\0\1\0\0\4\0\4\xc0\0\2\1"))


def seeds_dns():
    yield from dnsmasq_answers()
    yield from composed_answers()
    yield "serial-error", b"\1"
    head = b"\0\x12\x34\1\0\0\1\x06a.test"
    yield "serial", head + b"\2" + socket.inet_pton(10, "::ffff:192.0.2.1") + b"\0\0\1\0" + socket.inet_pton(10, "::ffff:192.0.2.2") + bytes(4)
    yield "serial-none", head + b"\0"
    yield "serial-v6", head[:6] + b"\x1c" + head[7:] + b"\1" + B6 + b"\0\0\1\0"


def seeds_probe():
    yield "echo", struct.pack("!IHH", 1, 1, 5) + b"hello"
    yield "empty", struct.pack("!IHH", 1, 1, 0)
    yield "cut", struct.pack("!IHH", 1, 1, 5) + b"hell"
    yield "more", struct.pack("!IHH", 1, 1, 5) + b"hello!"
    yield "dns", struct.pack("!IHH", 1, 2, 3) + b"dns"
    yield "other-kind", struct.pack("!IHH", 1, 3, 0)
    yield "most", struct.pack("!IHH", 0xffffffff, 1, 4096) + bytes(4096)
    yield "too-long", struct.pack("!IHH", 1, 1, 4097) + bytes(4097)
    yield "header-cut", b"\0\0\0\1\0"


def learned(flags, protocol, port, address, host=None):
    """As fuzz_learn.c reads it."""
    packed = socket.inet_pton(socket.AF_INET6 if ":" in address else socket.AF_INET, address)
    flags |= (":" in address) | 2 * (host is not None)
    return struct.pack("!BBH", flags, protocol, port) + packed + (struct.pack("!B", len(host)) + host if host is not None else b"")


def seeds_learn():
    yield "one", learned(0, 6, 443, "93.184.216.34")
    yield "web", b"".join(learned(0, 6, port, f"93.184.{i}.34") for i in range(8) for port in (80, 443))
    yield "ports", b"".join(learned(0x40, 17, 5000 + i, "10.0.0.1") for i in range(12))
    yield "network", b"".join(learned(0, 6, 22, f"2001:db8::{i}") for i in range(1, 5))
    yield "domain", b"".join(learned(0, 6, 443, "192.0.2.1", host) for host in (b"www.Example.com", b"api.example.com.", b"a.shop.co.uk", b"x"))
    yield "domains", b"".join(learned(4, 6, 443, f"93.184.{i}.1", b"www.site-%d.org" % i) for i in range(8)) + learned(0, 6, 80, "93.184.9.1")
    yield "kernel", learned(0x10, 6, 2049, "192.0.2.1") + learned(0x10, 1, 0, "192.0.2.1")
    yield "nobody", learned(0x20, 6, 443, "192.0.2.1") + learned(0x80, 6, 443, "192.0.2.1") + learned(8, 6, 443, "192.0.2.1")
    yield "mixed", learned(0, 6, 22, "10.0.0.1") + learned(0, 6, 22, "93.184.216.34") + learned(0xc0, 132, 5, "fe80::1") + learned(0, 47, 0, "127.0.0.1")
    yield "no-host", b"".join(learned(0, 6, 443, "192.0.2.1", host) for host in (b"", b".", b"1.2.3.4", b"a..b", b"a b", b"\xff"))


def seeds_search():
    yield "all", (b"program=/usr/bin/c[a-z]*\nhost=*.example.com\nport=80-443\nverdict=deny\nrule=r7\nreason=learning\nuid=1000\nsince=1\n"
                  b"until=1800000000000000\nolder=5@1700000000000000")
    yield "network", b"host=10.0.0.0/8"
    yield "network-bits", b"host=10.0.0.1/8"
    yield "v6", b"host=2001:db8::/32"
    yield "twice", b"port=1\nport=2"
    yield "wrong", b"port=0\nuid=-1\nverdict=ask\nreason=x\ncolour=red\nno-equals\n=\nprogram="
    yield "glob", b"program=*a*b*c*[!x-z]?\\"


def main():
    targets = sys.argv[1:] or sorted(name[len("seeds_"):] for name in globals() if name.startswith("seeds_"))
    private_network()
    time.sleep(0.1)  # loopback's ::1 comes up
    for target in targets:
        seeds = globals()["seeds_" + target]
        folder = os.path.join(HERE, "corpus", target)
        os.makedirs(folder, exist_ok=True)
        count = 0
        for seed, data in seeds():
            with open(os.path.join(folder, "seed-" + seed), "wb") as f:
                f.write(data)
            count += 1
        print(f"{folder}: {count} seeds")


if __name__ == "__main__":
    main()
