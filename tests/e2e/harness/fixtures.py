# SPDX-License-Identifier: GPL-3.0-or-later
"""Fixtures and options of all tests that run a daemon (tests/e2e, tests/gui). Each scenario runs once on every rung of the ladder that its folder
names; `--rung=gate` or `--rung=queue` narrows that to one."""

import itertools
import os
import shutil
import zlib

import pytest

from . import polkit
from .clients import OldClient, Subscriber
from .daemon import Cli, Daemon
from .desk import Desk
from .net import Network, Sniffer
from .programs import Programs
from .servers import DnsServer, TcpServer, UdpServer

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
TOOLS = ("ip", "nsenter", "nft", "mount", "gcc")


def pytest_addoption(parser):
    parser.addoption("--rung", choices=("all", "gate", "queue"), default="all", help="the rung that the daemon is held to")
    parser.addoption("--build", default=os.path.join(ROOT, "build"), help="the build folder (default: build/)")
    parser.addoption("--netns-prefix", default=os.environ.get("BASTION_TEST_PREFIX", "bastion-"),
                     help="start of the namespaces' names")


def pytest_generate_tests(metafunc):
    if "rung" in metafunc.fixturenames:
        chosen = metafunc.config.getoption("--rung")
        only = metafunc.definition.get_closest_marker("rungs")
        rungs = [r for r in (only.args if only else ("gate", "queue")) if chosen in ("all", r)]
        if metafunc.definition.get_closest_marker("gate_only"):
            rungs = [rung for rung in rungs if rung == "gate"]
        elif metafunc.definition.get_closest_marker("either_rung") and chosen == "all" and not is_full():
            rungs = [rungs[zlib.crc32(metafunc.definition.name.encode()) % len(rungs)]]
        metafunc.parametrize("rung", rungs, scope="session")


def pytest_configure(config):
    # The machine's own bus is not ours to speak to; test_polkit.py makes one.
    os.environ["DBUS_SYSTEM_BUS_ADDRESS"] = "unix:path=/nonexistent/bus"
    config.addinivalue_line("markers", "rungs(name, …): the rungs on which what the test says holds; the reason stands in the test")
    config.addinivalue_line("markers", "gate_only: about something that the queue rung does not have")
    config.addinivalue_line("markers", "either_rung: about what is decided above the rungs; the full run has both, the ordinary one takes turns")


def pytest_collection_modifyitems(items):
    missing = [tool for tool in TOOLS if not shutil.which(tool)]
    reason = "needs root" if os.geteuid() != 0 else f"needs {', '.join(missing)}" if missing else None
    if reason:
        for item in items:
            item.add_marker(pytest.mark.skip(reason=reason))


def is_full():
    return os.environ.get("BASTION_TEST_FULL") == "1"


@pytest.fixture(scope="session")
def full():
    """The counts of `./test.sh full`."""
    return is_full()


@pytest.fixture(scope="session")
def build(request):
    return os.path.abspath(request.config.getoption("--build"))


@pytest.fixture(scope="session")
def network(request):
    network = Network(request.config.getoption("--netns-prefix"))
    yield network
    network.delete()


@pytest.fixture(scope="session")
def programs(tmp_path_factory):
    return Programs(tmp_path_factory.mktemp("programs"))


@pytest.fixture
def closing():
    """Things to be closed at the end, last first; one that fails does not keep the others from it."""
    things = []

    def close_later(thing):
        things.append(thing)
        return thing

    yield close_later
    errors = []
    for thing in reversed(things):
        try:
            thing.close()
        except Exception as e:  # pylint: disable=broad-except
            errors.append(e)
    if errors:
        raise errors[0]


@pytest.fixture
def tcp(network, closing):
    return closing(TcpServer(network.peer))


UDP_PORTS = itertools.count(7007)


@pytest.fixture
def udp(network, closing):
    """On a port of its own each time: conntrack remembers a datagram for minutes, and what it knows is not new to the
    queue rung."""
    return closing(UdpServer(network.peer, next(UDP_PORTS)))


@pytest.fixture
def dns(network, closing, tmp_path):
    return closing(DnsServer(network.peer, tmp_path))


@pytest.fixture
def sniffer(network, closing):
    return closing(Sniffer(network))


@pytest.fixture
def daemon(build, network, closing, tmp_path, rung):
    """daemon(config={…}, rules={…}) starts one; by default in enforcement, with root held to the rules too."""

    def start(config=None, rules=None, start=True, **kw):
        d = closing(Daemon(build, network.fw, tmp_path / "bastion", rung, config, rules, **kw))
        return d.start() if start else d

    return start


@pytest.fixture
def common(closing):
    return closing(polkit.Folder()).path


@pytest.fixture
def bus(closing, common):
    return closing(polkit.Bus(os.path.join(common, "system")))


@pytest.fixture
def polkitd(bus, closing):
    return closing(polkit.Polkit(bus))


@pytest.fixture
def guarded(build, network, closing, common, tmp_path, rung):
    """A daemon for which group `bastion` exists, whose system bus is that one (None: there is no bus)."""

    def start(on, rules=None):
        group = tmp_path / "group"
        shutil.copy("/etc/group", group)
        with open(group, "a", encoding="utf-8") as f:
            f.write(f"bastion:x:{polkit.GROUP}:\n")
        script = f'mount --bind "{group}" /etc/group && exec "$@"'
        d = closing(Daemon(build, network.fw, os.path.join(common, "daemon"), rung, rules=rules, wrapper=("unshare", "--mount", "sh", "-c", script, "sh"),
                           environment={"DBUS_SYSTEM_BUS_ADDRESS": on.address} if on else {}))
        return d.start()

    return start


@pytest.fixture
def old_client(closing):
    return lambda daemon: closing(OldClient(daemon.socket_path))


@pytest.fixture
def subscriber(closing):
    return lambda daemon, *events: closing(Subscriber(daemon.socket_path, *(events or ("decisions",))))


@pytest.fixture
def cli(build):
    return lambda daemon: Cli(build, daemon)


@pytest.fixture(scope="module")
def desk(request, build, programs, tmp_path_factory, rung):
    network = Network(request.config.getoption("--netns-prefix") + "desk-")
    try:
        desk = Desk(build, network, programs, tmp_path_factory.mktemp("desk"), rung)
        yield desk
        desk.close()
    finally:
        network.delete()
