# SPDX-License-Identifier: GPL-3.0-or-later
"""One run of measure.py as words: tables for the terminal, doc/performance.md, and the core of it for README.md. Goals stand beside figures,
and a goal that is missed is said to be missed, and by how much."""

import statistics

NAMES = {"A": "no firewall", "B": "accept-all", "C": "Bastion gate", "D": "Bastion queue",
         "F1": "gate, 1 rule", "F2": "gate, 1,000 rules", "F3": "gate, 100,000 rules"}
KNOWN, FRESH = ("A", "B", "C", "D"), ("A", "B", "F1", "F2", "F3", "D")

FLOWS = tuple((kind, version, what) for kind, what in (("tcp", "connect()"), ("udp", "UDP echo")) for version in (4, 6))


def latency_rows(suffix, words):
    return [(f"{kind}{version}{suffix}_{percentile}_us", f"{what}, IPv{version}{words}, {percentile}", "µs", 1)
            for kind, version, what in FLOWS for percentile in ("p50", "p99")]


# key, what it is, unit, decimals
KNOWN_ROWS = [
    *latency_rows("", ""), *latency_rows("_same", ", same processor"),
    ("rate", "connections a second, 8 threads", "1/s", 0),
    ("processes", "short-lived programs a second", "1/s", 0),
    ("gbit", "one established flow", "Gbit/s", 2),
    ("bulk_cpu_us_per_gbyte", "CPU of its both ends at 2 Gbit/s, a Gbyte", "ms", 0),
    ("cpu_us_per_10000", "the firewall's CPU for 10,000 connections", "ms", 1),
    ("helpers_cpu_us_per_10000", "its helpers' (log, history)", "ms", 1),
    ("asked_percent", "connections that went to user space", "%", 2),
    *((f"{kind}{version}_refused_{percentile}_us", f"{what}, IPv{version}, denied, {percentile}", "µs", 1)
      for kind, version, what in (("tcp", 4, "connect()"), ("tcp", 6, "connect()"), ("udp", 4, "UDP"), ("udp", 6, "UDP"))
      for percentile in ("p50", "p99")),
    ("refused_left", "denied packets that reached the peer", "", 0),
    ("start_ms", "start to ready", "ms", 1),
    ("peak_kb", "RSS, highest", "MB", 1),
]
FRESH_ROWS = [
    *latency_rows("_fresh", ""),
    ("fresh_cpu_us_per_10000", "the firewall's CPU for 10,000 decisions", "ms", 1),
    ("start_ms", "start to ready", "ms", 1),
    ("rss_kb", "RSS after it", "MB", 1),
    ("peak_kb", "RSS, highest", "MB", 1),
]
SCALE = {"cpu_us_per_10000": 1000, "helpers_cpu_us_per_10000": 1000, "fresh_cpu_us_per_10000": 1000, "bulk_cpu_us_per_gbyte": 1000,
         "peak_kb": 1024, "rss_kb": 1024}

WAKE_UP_SECONDS = 30  # shorter than that, their number says nothing


# ---- rows of figures ----------------------------------------------------------------------------------------------------

def cells(result, letters, key, decimals):
    """A row of figures: each with its ratio to A, and to B where there is one."""
    for letter in letters:
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


def figure_rows(result, letters, of):
    return [[label(what, unit), *cells(result, letters, key, decimals)] for key, what, unit, decimals in of]


def label(what, unit):
    return f"{what}, {unit}" if unit else what


def idle_rows(result):
    idle = result["idle"]
    yield [label("RSS, idle", "MB"), *(f"{idle[x]['rss_kb'] / 1024:.1f}" if x in idle else "–" for x in KNOWN)]
    yield [label("of it private (USS)", "MB"), *(f"{idle[x]['uss_kb'] / 1024:.1f}" if x in idle else "–" for x in KNOWN)]
    yield [f"wake-ups in {idle['C']['seconds']} s, no client", *(str(idle[x]["wake_ups"]) if x in idle else "–" for x in KNOWN)]


def change_words(took):
    """took: milliseconds of each trial, None where the flow was not ended."""
    return "not ended" if None in took else f"{statistics.median(took):.1f}, at most {max(took):.1f}"


def change_rows(result):
    for flow in ("tcp4", "tcp6", "udp4", "udp6"):
        yield [f"{flow[:3].upper()}, IPv{flow[3]}, ms", *(change_words(of[flow]) for of in result["changes"].values())]


KIND_WORDS = {"long": "stays", "short": "connects, waits, exits", "gone": "sends, exits"}


def identity_rows(result):
    for kind, words in KIND_WORDS.items():
        for method, of in result["identity"]["methods"].items():
            f = of[kind]
            named = [f"{f[x]:,}" for x in ("right", "wrong", "none")] if f["names"] else ["–"] * 3
            yield [words, method, f"{f['n']:,}", f"{f['p50_us']:,.1f}", f"{f['p99_us']:,.1f}",
                   "–" if f["cpu_us"] is None else f"{f['cpu_us']:,.1f}", *named]


def list_rows(result):
    of = result["lists"]
    alone, without, with_it = of["alone"], of["without"], of["with"]
    yield ["reading it, ms", f"{alone['read_ms']:,.0f}", "–", "–"]
    yield ["of it on a processor, ms", f"{alone['read_cpu_ms']:,.0f}", "–", "–"]
    yield ["memory, MB", f"{alone['memory_kb'] / 1024:.1f}", f"{without['rss_kb'] / 1024:.1f}", f"{with_it['rss_kb'] / 1024:.1f}"]
    yield ["memory, highest, MB", "–", f"{without['peak_kb'] / 1024:.1f}", f"{with_it['peak_kb'] / 1024:.1f}"]
    yield ["looking up a name that is in it, ns", f"{alone['listed_ns']:,.0f}", "–", "–"]
    yield ["looking up another, ns", f"{alone['strange_ns']:,.0f}", "–", "–"]
    for key, words, decimals in (("start_ms", "start to ready, ms", 0), ("p50_us", "connect(), IPv4, p50, µs", 1), ("p99_us", "connect(), IPv4, p99, µs", 1),
                                 ("asked_percent", "connections that went to user space, %", 2)):
        yield [words, "–", f"{without[key]:,.{decimals}f}", f"{with_it[key]:,.{decimals}f}"]


LIST_HEADINGS = ["", "by itself", "daemon without it", "daemon with it"]

IDENTITY_HEADINGS = ["program", "found by", "n", "p50, µs", "p99, µs", "CPU each, µs", "right", "wrong", "none"]


def tables(result):
    """(name, headings, rows)"""
    yield ("A known destination", ["", *(f"{k} {NAMES[k]}" for k in KNOWN)],
           [*figure_rows(result, KNOWN, KNOWN_ROWS), *idle_rows(result)])
    yield "A destination never seen before", ["", *(f"{k} {NAMES[k]}" for k in FRESH)], figure_rows(result, FRESH, FRESH_ROWS)
    yield "From a rule change to the end of a live flow", ["", *result["changes"]], list(change_rows(result))
    yield "Who sent it", IDENTITY_HEADINGS, list(identity_rows(result))
    yield "A list of a million names", LIST_HEADINGS, list(list_rows(result))


# ---- goals ----------------------------------------------------------------------------------------------------------------

def at_most(goal, rung, value, limit, unit="×", decimals=2):
    met = value <= limit
    missed = f"{value - limit:.{decimals}f} {unit} ({value / limit:.1f} times the goal)"
    return f"{goal}: ≤ {limit} {unit}", rung, f"{value:.{decimals}f} {unit}", met, missed


def at_least(goal, rung, value, limit):
    return f"{goal}: ≥ {limit} ×", rung, f"{value:.2f} ×", value >= limit, f"{limit - value:.2f} × ({value / limit:.2f} of the goal)"


def cached_goals(result):
    ratios, figures = result["ratios"]["C"]["A"], result["figures"]["C"]
    for suffix, words in (("", ""), ("_same", ", same processor")):
        for kind, version, what in FLOWS:
            row, key = f"{what}, IPv{version}{words}, cached", f"{kind}{version}{suffix}"
            yield at_most(f"{row}, p50, to no firewall", "gate", ratios[f"{key}_p50_us"], 1.08)
            if kind == "tcp":
                yield at_most(f"{row}, p99, to no firewall", "gate", ratios[f"{key}_p99_us"], 1.15)
    yield at_least("connections a second, 8 threads, to no firewall", "gate", ratios["rate"], 0.95)
    yield at_least("short-lived programs a second, to no firewall", "gate", ratios["processes"], 0.95)
    yield at_least("one established flow, to no firewall", "gate", ratios["gbit"], 0.98)
    yield at_most("daemon's CPU for 10,000 cached connections", "gate", figures["cpu_us_per_10000"] / 1000, 10, "ms", 1)
    left = figures["refused_left"]
    yield "denied packets that reached the peer: none", "gate", f"{left:.0f}", left == 0, f"{left:.0f} packets"


def fresh_goals(result):
    for letter in ("F1", "F2", "F3"):
        for version in (4, 6):
            yield at_most(f"connect(), IPv{version}, first seen, p50, to accept-all", NAMES[letter],
                          result["ratios"][letter]["B"][f"tcp{version}_fresh_p50_us"], 1.4)
    yield at_most("RSS with 100,000 rules", "gate", result["figures"]["F3"]["rss_kb"] / 1024, 64, "MB", 1)


def queue_goals(result):
    for kind, version, what in FLOWS:
        yield at_most(f"{what}, IPv{version}, p50, to accept-all", "queue", result["ratios"]["D"]["B"][f"{kind}{version}_p50_us"], 1.5)


def idle_goals(result):
    for letter in "CD":
        rung = NAMES[letter].split()[1]
        yield at_most("start to ready", rung, result["figures"][letter]["start_ms"], 150, "ms", 0)
        yield at_most("RSS, idle", rung, result["idle"][letter]["rss_kb"] / 1024, 8, "MB", 1)
        if result["idle"][letter]["seconds"] >= WAKE_UP_SECONDS:
            yield at_most(f"wake-ups in {WAKE_UP_SECONDS} s with no client", rung, result["idle"][letter]["wake_ups"], 1, "wake-ups", 0)


def change_goals(result):
    for rung, of in result["changes"].items():
        for flow, took in of.items():
            goal = f"rule change → live {flow[:3].upper()} flow over IPv{flow[3]} ended"
            if None in took:
                yield f"{goal}: ≤ 100 ms", rung, "not ended", False, "not ended at all"
            else:
                yield at_most(goal, rung, max(took), 100, "ms", 1)


def identity_goals(result):
    of = [result["identity"]["methods"]["socket tag"][kind] for kind in ("short", "gone")]
    n, right = sum(f["n"] for f in of), sum(f["right"] for f in of)
    yield f"{n:,} short-lived programs named right: 100 %", "gate", f"{100 * right / n:.2f} %", right == n, f"{n - right} programs"


def list_goals(result):
    alone, without, with_it = result["lists"]["alone"], result["lists"]["without"], result["lists"]["with"]
    yield at_most("a list of a million names: read", "–", alone["read_ms"] / 1000, 2, "s")
    yield at_most("what it adds to the daemon's highest RSS", "gate", (with_it["peak_kb"] - without["peak_kb"]) / 1024, 60, "MB", 1)
    yield at_most("looking up a name in it", "–", max(alone["listed_ns"], alone["strange_ns"]) / 1000, 1, "µs")


def goals(result):
    """(goal, rung, figure, met, by how much it is missed)"""
    for some in (cached_goals, fresh_goals, change_goals, identity_goals, list_goals, idle_goals, queue_goals):
        yield from some(result)


def goal_rows(result):
    return [[goal, rung, figure, "met" if met else f"MISSED by {missed}"] for goal, rung, figure, met, missed in goals(result)]


GOAL_HEADINGS = ["goal", "rung", "figure", ""]


# ---- for the terminal -----------------------------------------------------------------------------------------------------

def lines(headings, body):
    widths = [max(len(row[i]) for row in [headings, *body]) for i in range(len(headings))]
    for row in [headings, *body]:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


def context(result):
    m, pace = result["machine"], result["pace"]
    return (f"{result['date']}, {m['cpu']}, {m['cores']} cores{', virtual' if m['virtual'] else ''}, {m['memory_mb']:,} MB, {m['kernel']} "
            f"{m['architecture']}; {pace['rounds']} interleaved rounds of {pace['samples']:,} fresh sockets each (queue rung: a fifth); load before "
            f"{result['load_before']:.1f}, after {result['load_after']:.1f}; {result['seconds']:.0f} s")


def table(result):
    out = [context(result), ""]
    for name, headings, body in tables(result):
        out += [name, *lines(headings, body), ""]
    return "\n".join([*out, *lines(GOAL_HEADINGS, goal_rows(result))]) + "\n"


# ---- doc/performance.md and README.md ---------------------------------------------------------------------------------------

def markdown(headings, body):
    yield "| " + " | ".join(headings) + " |"
    yield "|" + "---|" * len(headings)
    for row in body:
        yield "| " + " | ".join(row) + " |"


DOCUMENT = """# What Bastion costs

<!-- Written by `sudo bench/run.sh --doc`: run that, do not edit. -->

{context}.

Measured in turn in one run, in private network namespaces on one machine: **A** no firewall; **B** `accept-all`, the plainest program that
packets can be queued to (it accepts each and does nothing else), by the same rule as D; **C** Bastion on the gate rung; **D** Bastion on the
queue rung; **F** the gate rung with 1, 1,000 and 100,000 rules. Each connection is a fresh socket. A figure is the median over the rounds;
`1.23×B` is the median of each round's ratio to B in that round. Read the ratios: absolute times belong to this machine and this
hour, and on a machine that others use at the same time (see the load above; the run itself is about 2) p99, rates and Gbit/s are theirs as
much as Bastion's.

## Goals

{goals}

{tables}

## How to read them

* The peer is the other end of a virtual cable and takes no time of its own: over a real network the same microseconds are added to
  a round trip of milliseconds.
* *A known destination*: one rule allows the client, and after its first connection nothing is left to be decided. How many connections
  were sent to user space all the same is in the table.
* *A destination never seen before*: every connection goes to another address of two networks that lead to the peer, in A and B too. What
  allows it are rules about these networks ("1 rule" is one for each address family), so no earlier decision speaks for it, and each goes to user space. Of the
  other rules two thirds are about other programs and a third about the client itself: single addresses, single ports, and one in a
  hundred a network that is denied.
* *Denied*: the time until the program hears that it may not. Every frame at the peer's end of the cable is looked at meanwhile.
* The client has a processor to itself, the firewall and the server have the others, so each trip to user space crosses processors; in the
  rows "same processor" the firewall shares the client's. A scheduler left alone does now this, now that. For connections and programs a
  second nobody is bound.
* A short-lived program is a static executable of a few system calls, two at a time: started, connected, gone.
* The established flow runs as fast as it can, the best of four in each round. Such a cable then loses and reorders by itself; so the
  processor time of both its ends is measured too, at a rate that the cable carries easily.
* CPU is the time of the deciding program's threads. It contains the kernel's work of sending the released packet and, on this cable, of
  the peer's answer to it: compare it with B, not with zero.
* RSS contains the shared libraries that other programs use too; USS is what would be freed if the daemon ended.
* Wake-ups are the voluntary context switches of all threads of the daemon.
* *From a rule change to the end of a live flow*: a rule that denies is added over the socket while the program waits in recv(); the
  clock stops when its recv() fails and, for TCP, when the peer's ends too. {changes} flows of each kind; the median and the slowest.
* *Who sent it*: the same traffic, identified in three ways, with {processes} processes on the machine. The time is taken outside the
  deciding program: connect(), or from send() to the datagram's arrival at the peer; "no firewall" is the way itself, "(nobody)" is B,
  which names nobody. CPU is that of the deciding process; Bastion's contains deciding and telling, that of the /proc scan nothing but the search. Right, wrong and none
  compare what was told with what the peer heard from the programs themselves: port, process and path. Decisions are not cached there.
* *A list of a million names*: a rule denies everybody what is on it, before the rule that allows the client its one known destination, of which no
  name is known. Names are looked up in an order that no cache foresees.
"""


def document(result):
    sections = (f"## {name}\n\n" + "\n".join(markdown(headings, body)) for name, headings, body in tables(result))
    return DOCUMENT.format(context=context(result)[0].upper() + context(result)[1:], tables="\n\n".join(sections),
                           goals="\n".join(markdown(GOAL_HEADINGS, goal_rows(result))), changes=result["pace"]["changes"],
                           processes=result["identity"]["processes"])


CORE_BEGIN, CORE_END = "<!-- bench: the core of doc/performance.md -->\n", "<!-- bench: end -->\n"
CORE_ROWS = ("tcp4_p50_us", "tcp6_p50_us", "udp4_p50_us", "rate", "processes", "gbit")


def core(result):
    rows = [row for key in CORE_ROWS for row in figure_rows(result, KNOWN, [r for r in KNOWN_ROWS if r[0] == key])]
    short = result["identity"]["methods"]
    named = ["short-lived programs named right", "–", "–",
             *(f"{sum(short[m][k]['right'] for k in ('short', 'gone')):,} of {sum(short[m][k]['n'] for k in ('short', 'gone')):,}"
               for m in ("socket tag", "sock_diag"))]
    return "\n".join(markdown(["", *(f"{k} {NAMES[k]}" for k in KNOWN)], [*rows, named])) + "\n"


def with_core(readme, result):
    """README.md with its core exchanged; the two marks are there already."""
    head, rest = readme.split(CORE_BEGIN)
    _, tail = rest.split(CORE_END)
    return head + CORE_BEGIN + core(result) + CORE_END + tail
