# SPDX-License-Identifier: GPL-3.0-or-later
"""A program that does nothing out of the ordinary, over and over, while something else goes on: it asks for a name that it never asked for before, and
connects to where that leads. Under a rule about its names each of its connections is to be let through."""

import os
import shutil

from . import dns
from .net import Network
from .programs import Running
from .servers import ScriptedDnsServer
from .sockets import PYTHON

SCRIPT = """
import select, socket, struct, sys, time
server, port = sys.argv[1], int(sys.argv[2])
count = failed = 0
longest = 0.0
while count == 0 or not select.select([0], [], [], 0)[0]:
    name = b"".join(bytes([len(x)]) + x for x in (b"n%d" % count, b"steady", b"test")) + bytes(1)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.settimeout(20)
        s.sendto(struct.pack("!HHHHHH", count & 65535, 0x100, 1, 0, 0, 0) + name + struct.pack("!HH", 1, 1), (server, 53))
        address = socket.inet_ntoa(s.recv(4096)[-4:])
    begin = time.monotonic()
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as s:
        s.settimeout(20)
        failed += s.connect_ex((address, port)) != 0
    longest = max(longest, time.monotonic() - begin)
    count += 1
print(count, failed, longest)
"""


def _reply(question):
    number, name, kind = dns.asked(question)
    n = int(name[2:1 + name[0]])
    return [dns.answer(number, name, kind, dns.record(f"10.92.{128 + n // 250 % 100}.{1 + n % 250}"))]


class Steady:
    SERVER = "10.91.0.54"

    def __init__(self, network, directory, add_rule, port):
        network.add_wide()
        network.peer.ip("addr", "replace", f"{self.SERVER}/32", "dev", "uplink")
        self.path = os.path.join(str(directory), "steady")
        shutil.copy(PYTHON, self.path)
        add_rule(f"allow {self.path} to {self.SERVER} port 53")
        add_rule(f"allow {self.path} to .steady.test")
        self._server = ScriptedDnsServer(network.peer, self.SERVER, _reply)
        self._program = Running(network.fw, self.path, "-c", SCRIPT, self.SERVER, str(port), stdin=-1)

    def finish(self):
        """(connections, those that were not let through, the seconds of the longest)"""
        status, said = self._program.finish_with("\n")
        assert status == 0, said
        count, failed, longest = said.split()
        return int(count), int(failed), float(longest)

    def close(self):
        self._program.close()
        self._server.close()
