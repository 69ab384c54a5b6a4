# SPDX-License-Identifier: GPL-3.0-or-later
"""Pictures of each page of the control panel, light and dark, wide and narrow, of a machine that is in use: programs that talk with named hosts.

     fw ┌─────────────────────────────┐   veth   ┌──────────────────────────────────┐ peer
        │ bastion-daemon, programs    ├──────────┤ dnsmasq, TCP 80, 443, 993, 6697 │
        └─────────────────────────────┘          └──────────────────────────────────┘
Only where BASTION_SCREENSHOTS names a folder; the others of tests/gui look at the same pages without a picture.
"""

import os
import shutil
import time

import pytest

from harness.net import Network
from harness.programs import Running
from harness.servers import DnsServer
from harness.wait import until

from panel import Panel

pytestmark = [pytest.mark.rungs("gate"), pytest.mark.skipif("BASTION_SCREENSHOTS" not in os.environ, reason="pictures are made where BASTION_SCREENSHOTS names a folder")]

HOSTS = {"www.debian.org": 80, "mail.example.org": 993, "updates.example.com": 443, "irc.libera.example": 6697}
# What keeps a connection open and moves a number of bytes a second in each direction.
TALK = """
import random, socket, sys, time
s = socket.create_connection((sys.argv[1], int(sys.argv[2])))
n = int(sys.argv[3])
while True:
    want = int(n * random.uniform(0.3, 1.7))
    s.sendall(f"{want:08}".encode() + b"x" * (want // 6))
    while want > 0:
        want -= len(s.recv(min(want, 65536)))
    time.sleep(0.2)
"""
# The other end: sends as much as it is asked for.
SERVE = """
import socket, sys, threading
def serve(s):
    while len(head := s.recv(8, socket.MSG_WAITALL)) == 8:
        s.sendall(b"y" * int(head))
        s.recv(int(head) // 6, socket.MSG_WAITALL)
listener = socket.create_server(("", int(sys.argv[1])))
while True:
    threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()
"""
SENTENCES = (
    'allow /usr/bin/curl to www.debian.org port 80,443 tcp note "package lists"',
    "allow /usr/bin/ssh to lan port 22",
    "deny /usr/bin/telnet",
    "deny /usr/bin/telnet to internet port 23 tcp",
    "allow /opt/mail/bin/mail to mail.example.org port 465,587,993 tcp",
    "allow /usr/bin/python3.11 to 10.91.0.0/24 for 2 hours",
    "ask /usr/bin/nc",
    'deny anyone to internet port 25 tcp priority 5 note "no mail from here but by the mail program"',
)

# In the sidebar's order, and a text that is there when the page is.
PAGES = {"now": "browser", "programs": "browser", "rules": "browser", "history": "player", "learning": "backup", "settings": "Configuration file"}


@pytest.fixture
def machine(daemon, network, closing, tmp_path, cli, programs):
    addresses = {host: f"10.91.0.{20 + i}" for i, host in enumerate(HOSTS)}
    for address in addresses.values():
        network.peer.ip("addr", "add", f"{address}/24", "dev", "uplink")
    closing(DnsServer(network.peer, tmp_path, more=[f"--address=/{host}/{address}" for host, address in addresses.items()]))
    resolv = tmp_path / "resolv.conf"
    resolv.write_text(f"nameserver {Network.PEER4}\n")
    d = daemon({"mode": "enforcement", "allow_root_bypass": False}, {"/usr/bin/curl:443": True, "/usr/bin/wget:*": True, "@name:ping:*": True, "/usr/bin/dig:53": True})
    run = cli(d)
    for sentence in SENTENCES:
        run("rules", "add", sentence)
    for path in ("mail", "sync", "chat", "browser"):
        run("rules", "add", f"allow {programs.path(path)}")
    for port in set(HOSTS.values()):
        closing(Running(network.peer, "/usr/bin/python3", "-c", SERVE, port))
        until(lambda port=port: f":{port} " in network.peer.run("ss", "-ltn").stdout, f"a server on {port}")
    for name, (host, port), amount in zip(("browser", "mail", "sync", "chat"), HOSTS.items(), (90000, 900, 30000, 60)):
        path = programs.path(name)
        if not os.path.exists(path):
            shutil.copy(os.path.realpath("/usr/bin/python3"), path)
        run_in = ["unshare", "-m", "sh", "-c", f"mount --bind {resolv} /etc/resolv.conf && exec \"$@\"", "sh", path, "-c", TALK, host, port, amount]
        closing(Running(network.fw, *run_in))
    # What no rule decides: denied, for nobody is there to ask, and proposed by the review.
    for name, host in (("backup", "updates.example.com"), ("player", "www.debian.org"), ("player", "mail.example.org")):
        network.fw.run(programs.visitor(name), "tcp", addresses[host], HOSTS[host])
    yield d
    for address in addresses.values():
        network.peer.ip("addr", "del", f"{address}/24", "dev", "uplink")


@pytest.mark.parametrize("style", ("light", "dark"))
def test_every_page(machine, desktop, gui, style):
    panel = Panel(desktop, gui("bastion-control-panel", machine, environment={"ADW_DEBUG_COLOR_SCHEME": f"prefer-{style}"}))
    panel.has_text("browser")
    panel.focus()
    row = panel.find("label", "browser").queryComponent().getExtents(desktop.atspi.WINDOW_COORDS)
    x, y, _, _ = desktop.geometry(panel.window)
    desktop.click(x + row.x + row.width / 2, y + row.y + row.height / 2)
    desktop.keys("shift+Right")  # folds it out
    time.sleep(float(os.environ.get("BASTION_SCREENSHOTS_WAIT", "20")))  # the graph has something to show
    for width, height, shape in ((1366, 768, "wide"), (360, 720, "narrow")):
        panel.resize(max(width, 500), height)
        panel.resize(width, height)  # folded it needs less room
        panel.focus()
        for number, (page, text) in enumerate(PAGES.items(), 1):
            panel.desktop.keys(f"ctrl+{number}")
            panel.has_text(text)
            time.sleep(1)  # what moves in has come to rest
            panel.screenshot(f"panel-{page}-{style}-{shape}")
