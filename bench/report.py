# SPDX-License-Identifier: GPL-3.0-or-later
"""One run of measure.py as words: a table for the terminal, and doc/performance.md. Goals stand beside figures, and a goal that is missed
is said to be missed, and by how much."""

NAMES = {"A": "no firewall", "B": "accept-all", "C": "Bastion gate", "D": "Bastion queue"}

# key, what it is, unit, decimals
ROWS = [
    *((f"{kind}{version}{place}_{percentile}_us", f"{what}, IPv{version}{words}, {percentile}", "µs", 1)
      for place, words in (("", ""), ("_same", ", same processor"))
      for kind, what in (("tcp", "connect()"), ("udp", "UDP echo"))
      for version in (4, 6)
      for percentile in ("p50", "p99")),
    ("rate", "connections a second, 8 threads", "1/s", 0),
    ("cpu_us_per_10000", "its CPU for 10,000 first packets", "ms", 0),
    ("start_ms", "start to ready", "ms", 1),
    ("peak_kb", "RSS, highest", "MB", 1),
]
SCALE = {"cpu_us_per_10000": 1000, "peak_kb": 1024}

RATIO_GOAL, START_GOAL_MS, RSS_GOAL_MB, WAKE_UP_GOAL, WAKE_UP_SECONDS = 1.5, 150, 8, 1, 30


def cells(result, key, decimals):
    """A row of figures: each with its ratio to A, and to B where there is one."""
    for letter in NAMES:
        value = result["figures"][letter].get(key)
        if value is None:
            yield "–"
            continue
        words = f"{value / SCALE.get(key, 1):,.{decimals}f}"
        for base in "AB":
            ratio = result["ratios"][letter][base].get(key)
            if ratio is not None and letter > base:
                words += f" {ratio:.2f}×{base}"
        yield words


def idle_rows(result):
    idle = result["idle"]
    yield "RSS, idle", "MB", [f"{idle[x]['rss_kb'] / 1024:.1f}" if x in idle else "–" for x in NAMES]
    yield "of it private (USS)", "MB", [f"{idle[x]['uss_kb'] / 1024:.1f}" if x in idle else "–" for x in NAMES]
    yield f"wake-ups in {idle['C']['seconds']} s, no client", "", [str(idle[x]["wake_ups"]) if x in idle else "–" for x in NAMES]


def rows(result):
    for key, what, unit, decimals in ROWS:
        yield what, unit, list(cells(result, key, decimals))
    yield from idle_rows(result)


def goals(result):
    """(goal, rung, figure, met, by how much it is missed)"""
    for letter in "CD":
        rung = NAMES[letter].split()[1]
        for key, what, _, _ in ROWS:
            if not key.endswith("_p50_us"):
                continue
            ratio = result["ratios"][letter]["B"][key]
            yield f"{what}: ≤ {RATIO_GOAL} × accept-all", rung, f"{ratio:.2f} ×", ratio <= RATIO_GOAL, f"{ratio / RATIO_GOAL:.1f} times the goal"
        start = result["figures"][letter]["start_ms"]
        yield f"start to ready: ≤ {START_GOAL_MS} ms", rung, f"{start:.0f} ms", start <= START_GOAL_MS, f"{start - START_GOAL_MS:.0f} ms"
        idle = result["idle"][letter]
        rss = idle["rss_kb"] / 1024
        yield f"RSS, idle: ≤ {RSS_GOAL_MB} MB", rung, f"{rss:.1f} MB", rss <= RSS_GOAL_MB, f"{rss - RSS_GOAL_MB:.1f} MB"
        if idle["seconds"] >= WAKE_UP_SECONDS:
            n = idle["wake_ups"]
            yield (f"wake-ups in {WAKE_UP_SECONDS} s with no client: ≤ {WAKE_UP_GOAL}", rung, str(n), n <= WAKE_UP_GOAL,
                   f"{n - WAKE_UP_GOAL} more")


def goal_rows(result):
    for goal, rung, figure, met, missed in goals(result):
        yield goal, rung, figure, "met" if met else f"MISSED by {missed}" if "times" not in missed else f"MISSED: {missed}"


def lines(headings, body):
    widths = [max(len(row[i]) for row in [headings, *body]) for i in range(len(headings))]
    for row in [headings, *body]:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


def context(result):
    m, pace = result["machine"], result["pace"]
    return (f"{result['date']}, {m['cpu']}, {m['cores']} cores{', virtual' if m['virtual'] else ''}, {m['memory_mb']:,} MB, {m['kernel']} "
            f"{m['architecture']}; {pace['rounds']} interleaved rounds of {pace['samples']:,} fresh sockets each (queue rung: a fifth); load before "
            f"{result['load_before']:.1f}; {result['seconds']:.0f} s")


def table(result):
    body = [[f"{what} [{unit}]" if unit else what, *of] for what, unit, of in rows(result)]
    out = [context(result), "", *lines(["", *(f"{letter} {name}" for letter, name in NAMES.items())], body), "",
           *lines(["goal", "rung", "figure", ""], [list(row) for row in goal_rows(result)])]
    return "\n".join(out) + "\n"


def markdown(headings, body):
    yield "| " + " | ".join(headings) + " |"
    yield "|" + "---|" * len(headings)
    for row in body:
        yield "| " + " | ".join(row) + " |"


DOCUMENT = """# What Bastion costs

<!-- Written by `sudo bench/run.sh --doc`: run that, do not edit. -->

{context}.

Four setups, measured in turn in one run, in private network namespaces on one machine: **A** no firewall; **B** `accept-all`, the plainest
program that packets can be queued to (it accepts each and does nothing else), by the same rule as D; **C** Bastion on the gate rung; **D** Bastion on the
queue rung. In C and D one rule allows the client, and each connection is a fresh socket, so each is identified, decided and logged
anew: the first connection of a ruled program. A figure is the median over the rounds; `1.23×B` is the median of each round's ratio to B
in that round. Read the ratios: absolute times belong to this machine and this hour, and the p99 of a machine that others use at the same
time (see the load above) is theirs as much as Bastion's.

{figures}

* The peer is the other end of a virtual cable and takes no time of its own: over a real network the same microseconds are added to
  a round trip of milliseconds.
* The client has a processor to itself, the firewall and the server have the others, so each trip to user space crosses processors; in the rows
  "same processor" the firewall shares the client's. A scheduler left alone does now this, now that. For connections a second nobody is bound.
* CPU is the time of the deciding program's threads. It contains the kernel's work of sending the released packet and, on this cable, of
  the peer's answer to it: compare it with B, not with zero.
* RSS contains the shared libraries that other programs use too; USS is what would be freed if the daemon ended.
* Wake-ups are the voluntary context switches of all threads of the daemon.

## Goals

{goals}
"""


def document(result):
    body = [[f"{what}{', ' + unit if unit else ''}", *of] for what, unit, of in rows(result)]
    return DOCUMENT.format(context=context(result)[0].upper() + context(result)[1:],
                           figures="\n".join(markdown(["", *(f"{k} {v}" for k, v in NAMES.items())], body)),
                           goals="\n".join(markdown(["goal", "rung", "figure", ""], list(goal_rows(result)))))
