# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever comes, in random order: rules by message and by file, answers, modes, reloads, crashes, restarts, programs in parallel. A few
lines of Python say what must become of each connection, and the peer's record is the truth.

     fw                                              peer
     ┌────────────────────────────────┐             ┌─────────────────────┐
     │ the daemon, killed now and then│    veth     │ TCP 8080, 8081      │
     │ six programs, a person, an     ├─────────────┤ UDP 7007, 7008      │
     │ administrator                  │             └─────────────────────┘
     └────────────────────────────────┘

It prints its seed; BASTION_TEST_SEED=N runs the same again (as far as the machine does).
"""

import os
import random
import threading
import time

import pytest

from harness.clients import OldClient, Subscriber
from harness.net import Network
from harness.servers import TcpServer, UdpServer
from harness.wait import until

TCP_PORTS, UDP_PORTS = (8080, 8081), (7007, 7008)
MEGABYTE = 1 << 20


class Model:
    """The rules as they should work: an exact port before any port, then deny before allow; without a rule the person, else no."""

    def __init__(self):
        self.flat, self.session = {}, {}
        self.mode = "enforcement"
        self.person = False

    def rule(self, path, port):
        for key in (f"{path}:{port}", f"{path}:*"):
            actions = [rules[key] for rules in (self.flat, self.session) if key in rules]
            if actions:
                return all(actions)
        return None

    def expected(self, path, port, answer):
        """True: it gets through. And whether a person is asked."""
        if self.mode == "learning":
            return True, False
        rule = self.rule(path, port)
        if rule is not None:
            return rule, False
        return (answer, True) if self.person else (False, False)


class Person:
    """Answers what is asked, by the plan of the moment."""

    def __init__(self, daemon):
        self.plan, self.said = {}, []
        self.client = OldClient(daemon.socket_path)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        done = 0
        while not self._stop.wait(0.003):
            asked = self.client.of_type("connection_request")
            for request in asked[done:]:
                plan = self.plan.get((request["app_path"], request["dest_port"]))
                if plan and not request["learning_mode"]:
                    allow, duration = plan
                    self.said.append((time.clock_gettime(time.CLOCK_BOOTTIME), request, plan))
                    self.client.answer(request, allow, duration=duration)
            done = len(asked)

    def close(self):
        self._stop.set()
        self._thread.join()
        self.client.close()


class Soak:
    def __init__(self, rung, network, daemon, programs, servers, seed):
        self.random, self.servers = random.Random(seed), servers
        self.network, self.model = network, Model()
        self.paths = [programs.visitor(f"soak-{i}") for i in range(6)]
        # On the queue rung a program that sent its one datagram and has gone is unknown; what is not known is not modelled.
        self.kinds = ("tcp", "udp") if rung == "gate" else ("tcp",)
        self.d = daemon({"on_failure": "closed", "timeout_seconds": 60}, rules={})
        self.person = self.admin = None
        self.expected_at_peer, self.refused = set(), set()
        self.journal, self.visits_made = [], 0
        self.steps, self.high_water = 0, []
        self.connect()

    # -- clients come and go with the daemon

    def connect(self):
        self.admin = Subscriber(self.d.socket_path, "decisions")
        if self.model.person:
            self.person = Person(self.d)
            self.person.client.send({"type": "list_rules"})  # whoever speaks so is asked from then on
            self.person.client.wait("rules_list")

    def disconnect(self):
        for client in (self.person, self.admin):
            if client:
                client.close()
        self.person = self.admin = None

    # -- what happens

    def note(self, what):
        """For whoever reads a failure: what had been done until then, and when."""
        self.journal.append(f"{time.clock_gettime(time.CLOCK_BOOTTIME):.3f} step {self.steps}: {what}")

    def tell(self):
        print("\n".join(self.journal[-25:]))
        print("\n".join(self.d.log().splitlines()[-80:]))
        print("asked: ", self.person.said[-12:] if self.person else None)

    def pick(self):
        kind = self.random.choice(self.kinds)
        return kind, self.random.choice(self.paths), self.random.choice(TCP_PORTS if kind == "tcp" else UDP_PORTS)

    def launch(self, kind, path, port):
        version = self.random.choice((4, 6))
        self.visits_made += 1
        process = self.network.fw.popen(path, kind, self.network.peer_address(version), port, self.visits_made)
        process.line = f"{path} {process.pid} {self.visits_made}\n".encode()
        return process

    def settle(self, process, kind, path, port, through):
        status = process.wait(60)
        line = process.line
        (self.expected_at_peer if through else self.refused).add((kind, port, line))
        if kind == "udp" and status == 0:
            # Its program does not wait for the verdict, unless the kernel knows it; the next step must not overtake it.
            told = until(lambda: self.became_of(process.pid, line, port), lambda: f"word of {path} {process.pid}: {self.journal[-3:]}")
            status = 0 if told == "allow" else 1
        assert (status == 0) == through, f"step {self.steps}: {path} to {kind} {port}: {status}, the model says {through}: {vars(self.model)}"

    def became_of(self, pid, line, port):
        """Of a datagram: what the daemon says, or what the peer has; None while neither is known."""
        told = [d["verdict"] for d in self.admin.decisions() if d["pid"] == pid and d["protocol"] == "UDP"]
        if told:
            return told[-1]
        return "allow" if any(x["data"] == line for x in self.servers["udp", port].snapshot()) else None

    def visits(self):
        batch = [self.pick() for _ in range(self.random.randint(1, 4))]
        plan = {(path, port): (self.random.random() < 0.5, self.random.choice(("once", "session", "always"))) for _, path, port in batch}
        self.note(f"visits {batch}, the person {'says ' + str(plan) if self.person else 'is away'}, mode {self.model.mode}")
        if self.person:
            self.person.plan = plan
        outcomes = [self.model.expected(path, port, plan[path, port][0]) for _, path, port in batch]
        processes = [self.launch(*visit) for visit in batch]
        for process, visit, (through, _) in zip(processes, batch, outcomes):
            self.settle(process, *visit, through)
        for (_, path, port), (_, asked) in zip(batch, outcomes):
            allow, duration = plan[path, port]
            if asked and duration != "once":
                (self.model.flat if duration == "always" else self.model.session)[f"{path}:{port}"] = allow
        if any(asked for _, asked in outcomes):
            self.await_rules()

    def flat_rules(self):
        return {r["id"]: r["action"] == "allow" for r in self.admin.request("rules")["rules"] if r["origin"] == "flat"}

    def rules_on_disk(self):
        return {k: v for k, v in self.d.rules().items() if isinstance(v, bool)}

    def await_rules(self):
        """In memory and on disk: an answer of an old-style client is not told when it was saved, and who edits the file while a save is under
        way finds that rule there again."""
        until(lambda: self.flat_rules() == self.model.flat == self.rules_on_disk(),
              lambda: f"step {self.steps}: in memory {set(self.flat_rules().items()) ^ set(self.model.flat.items())}, on disk "
                      f"{set(self.rules_on_disk().items()) ^ set(self.model.flat.items())} differ from the model")

    def add_rule(self):
        path, port = self.random.choice(self.paths), self.random.choice((*TCP_PORTS, *UDP_PORTS, "*"))
        allow = self.random.random() < 0.5
        word = "" if port == "*" else f" port {port}"
        reply = self.admin.request("rule_add", sentence=f"{'allow' if allow else 'deny'} {path}{word}")
        assert reply["type"] == "reply" and reply["rule"]["id"] == f"{path}:{port}", reply
        self.model.flat[f"{path}:{port}"] = allow
        self.note(f"added {path}:{port} {allow}")

    def delete_rule(self):
        if self.model.flat:
            key = self.random.choice(sorted(self.model.flat))
            self.note(f"deletes {key}")
            assert self.admin.request("rule_delete", rule=key)["type"] == "reply"
            del self.model.flat[key]

    def edit_file(self):
        kept = {k: v for k, v in self.model.flat.items() if self.random.random() < 0.5}
        path = self.random.choice(self.paths)
        kept[f"{path}:{self.random.choice(TCP_PORTS)}"] = self.random.random() < 0.5
        self.note(f"edits the file: {kept}")
        self.d.write_rules(kept)
        self.model.flat = kept
        self.d.reload()
        self.await_rules()

    def change_mode(self):
        self.model.mode = "learning" if self.model.mode == "enforcement" else "enforcement"
        assert self.admin.request("mode", mode=self.model.mode)["type"] == "reply"

    def person_comes_or_goes(self):
        self.disconnect()
        self.model.person = not self.model.person
        self.connect()
        until(lambda: self.admin.request("status")["status"]["clients"] == 1 + self.model.person, "clients to be counted")

    def end_life(self, end):
        self.high_water.append(self.d.memory())
        self.disconnect()
        end()
        self.model.session = {}

    def crash(self):
        self.end_life(self.d.kill)
        # Who connects now waits for the next daemon. With a person there the model could not say who comes first.
        waiting = []
        if not self.model.person and self.random.random() < 0.3:
            path, port = self.random.choice(self.paths), self.random.choice(TCP_PORTS)
            waiting.append(("tcp", path, port))
        processes = [self.launch(*visit) for visit in waiting]
        self.d.start()
        self.connect()
        for process, visit in zip(processes, waiting):
            self.settle(process, *visit, self.model.expected(*visit[1:], False)[0])
        self.await_rules()

    def restart(self):
        self.end_life(self.d.stop)
        self.d.start()
        self.connect()
        self.await_rules()

    def step(self):
        actions = ((self.visits, 60), (self.add_rule, 12), (self.delete_rule, 6), (self.edit_file, 6), (self.change_mode, 4),
                   (self.person_comes_or_goes, 4), (self.crash, 5), (self.restart, 3))
        (action,) = self.random.choices([a for a, _ in actions], [w for _, w in actions])
        self.steps += 1
        self.note(action.__name__)
        action()
        assert self.d.process.poll() is None, self.d.output()


@pytest.fixture
def servers(network, closing):
    return {("tcp", port): closing(TcpServer(network.peer, port)) for port in TCP_PORTS} | \
        {("udp", port): closing(UdpServer(network.peer, port)) for port in UDP_PORTS}


def at_peer(servers):
    return {(kind, port, x["data"]) for (kind, port), server in servers.items() for x in server.snapshot()}


def test_no_verdict_differs_from_the_model(rung, full, network, daemon, programs, servers):
    seed = int(os.environ.get("BASTION_TEST_SEED") or random.randrange(1 << 32))
    print(f"BASTION_TEST_SEED={seed}")
    soak = Soak(rung, network, daemon, programs, servers, seed)
    deadline = time.monotonic() + (120 if full else 15)
    try:
        while time.monotonic() < deadline:
            soak.step()
        until(lambda: soak.expected_at_peer <= at_peer(servers), lambda: f"at the peer: {soak.expected_at_peer - at_peer(servers)}")
        assert at_peer(servers) & soak.refused == set(), "these were refused"
        assert at_peer(servers) == soak.expected_at_peer
        soak.high_water.append(soak.d.memory())
    except BaseException:
        soak.tell()
        raise
    finally:
        soak.disconnect()
        print(f"{soak.steps} steps, {len(soak.high_water)} lives, {len(soak.expected_at_peer)} through, {len(soak.refused)} refused, "
              f"memory {[m >> 20 for m in soak.high_water]} MiB")
    assert soak.steps > 20 and soak.expected_at_peer and soak.refused
    # Each life ends where the first one ended.
    assert max(soak.high_water) - min(soak.high_water) < 16 * MEGABYTE, soak.high_water
