# SPDX-License-Identifier: GPL-3.0-or-later
"""A list of a million names: read and asked by itself (listing.c), and in a daemon, where a rule denies by it while the client, whose rule allows, makes
connections to a known destination; beside the same daemon without it."""

import json
import os
import statistics
import subprocess

import world
from world import CLIENT, TCP_PORT, Failed, memory_kb, run_json

NAMES = 1000000


def write_list(path):
    """Names of the length that published lists have, some 22 bytes; half of them below one another's domains."""
    with open(path, "w", encoding="ascii") as f:
        for i in range(NAMES):
            f.write(f"0.0.0.0 ads{i}.tracker{i % 5000}.example{i % 7}.com\n")


def measure_alone(path, trials):
    said = []
    for _ in range(trials):
        done = subprocess.run([world.program("listing"), path], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise Failed(f"listing: {done.stderr}")
        said.append(json.loads(done.stdout))
    return {key: statistics.median(one[key] for one in said) for key in said[0]}


def measure_daemon(network, directory, path, samples):
    """What rules have to say: the list's rule comes before the client's."""
    os.makedirs(directory)
    rules = {f"{CLIENT}:*": True}
    if path:
        rules.update({"version": 2, "rules": [{"id": "r1", "action": "deny", "subject": "anyone", "lists": [path], "priority": 100}]})
    daemon = world.Gate(network, directory, rules=rules)
    try:
        result = {"start_ms": daemon.start()}
        before = daemon.gate_counts()[1]
        said = run_json(network, CLIENT, "tcp", network.PEER4, TCP_PORT, samples)
        result.update({"p50_us": said["p50_ns"] / 1000, "p99_us": said["p99_ns"] / 1000})
        result["asked_percent"] = 100 * (daemon.gate_counts()[1] - before) / (said["n"] + said["warm_up"])
        result.update({f"{key}_kb": value for key, value in memory_kb(daemon.pid).items()})
        return result
    finally:
        daemon.close()


def measure(network, directory, samples, trials, say):
    """{"alone": {…}, "without": {…}, "with": {…}}"""
    path = os.path.join(directory, "list")
    say(f"a list of {NAMES:,} names")
    write_list(path)
    return {"alone": measure_alone(path, trials),
            "without": measure_daemon(network, os.path.join(directory, "without"), None, samples),
            "with": measure_daemon(network, os.path.join(directory, "with"), path, samples)}
