#!/usr/bin/python3
"""How fast the drain is: tests/bench/drain.py [kept|listing|relay|composing ...]

kept        mails that wait in out/, to Postfix's smtp-sink over one kept connection, against curl_loop.c:
            a bare loop of libcurl over the same bytes, which keeps no promise; sender and sink each on
            a processor of its own, as two machines are
listing     a run that finds very many files whose time has not come, in new/ and in out/
relay       a relay that takes 20 ms for each reply: eight connections against one
composing   the processor time of an event's way to a mail in out/

Rounds of the two sides of a ratio follow each other by turns, and medians are compared, because
the machine may be somebody else's as well. BENCH_ROUNDS is their number (5).
"""

import contextlib
import os
import re
import statistics
import subprocess
import sys
import time
from collections import Counter

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from common import US, alone, helper  # noqa: E402
from drain_site import Cost, Site, exactly, ram_disk  # noqa: E402
from goals import at_least, at_most  # noqa: E402
from slow_relay import SlowRelay  # noqa: E402
from bookspool import free_port, program, tool, wait_for  # noqa: E402

FULL = {"kept": 10_000, "waiting": 100_000, "composed": 10_000, "one": 100, "eight": 1600}
SMOKE = {"kept": 200, "waiting": 500, "composed": 50, "one": 8, "eight": 32}
REPLY = 0.02


def medians(costs, count):
    """The median of each figure, in microseconds for each of `count`."""
    def middle(values):
        return round(statistics.median(values) * US / count, 1)
    return {"wall_us": middle([cost.wall for cost in costs]),
            "user_us": middle([cost.user for cost in costs]),
            "system_us": middle([cost.system for cost in costs]),
            "cpu_us": middle([cost.user + cost.system for cost in costs])}


def must_end_well(cost, status=0):
    if cost.status != status:
        raise RuntimeError(f"the drain ends with {cost.status}, not {status}")
    return cost


def calls_of(site, env, traced, *more):
    """What strace wrote of one run."""
    trace = site.path("strace")
    must_end_well(site.measured(env, ["strace", "-f", "-o", trace, "-e", f"trace={traced}", *more]))
    with open(trace, encoding="utf-8", errors="replace") as file:
        text = file.read()
    os.unlink(trace)
    return text


# ---- one kept connection ----


@contextlib.contextmanager
def smtp_sink():
    """The port of a server that takes everything and keeps nothing. It has the second processor, and
    who sends to it the first: else the figures tell where the scheduler put them."""
    path, port = tool("smtp-sink"), free_port()
    libraries = os.path.abspath(os.path.join(os.path.dirname(path), "../lib/postfix"))
    user = ["-u", "nobody"] if os.getuid() == 0 else []
    process = subprocess.Popen([path, *user, f"inet:127.0.0.1:{port}", "100"],
                               env={**os.environ, "LD_LIBRARY_PATH": libraries})
    processors = sorted(os.sched_getaffinity(0))
    try:
        wait_for(lambda: listens(port))
        os.sched_setaffinity(process.pid, processors[1:2] or processors)
        os.sched_setaffinity(0, processors[:1])
        yield port
    finally:
        os.sched_setaffinity(0, processors)
        process.terminate()
        process.wait()


def listens(port):
    with open("/proc/net/tcp", encoding="ascii") as file:
        return f":{port:04X} 00000000:0000 0A" in file.read()


def bare_loop(site, port, directory):
    done = subprocess.run([helper("curl_loop"), f"smtp://127.0.0.1:{port}", site.file(directory)],
                          capture_output=True, text=True, check=True)
    return Cost(*map(float, done.stdout.split()[1:]), done.returncode)


def put_back(site):
    """What was sent waits again."""
    for name in os.listdir(site.file("sent")):
        os.rename(site.file("sent", name), site.file("out", name))
    os.sync()


def kept(disk, options, size):
    """The loop reads before its clock starts; the drain's whole run is on it."""
    count, loops, drains = size["kept"], [], []
    with Site(disk) as site, smtp_sink() as port:
        site.compose(count)
        env = {"BOOKSPOOL_TRANSPORT": f"smtp+plain://127.0.0.1:{port}"}
        mail_bytes = statistics.mean(entry.stat().st_size for entry in os.scandir(site.file("out")))
        for number in range(options.rounds):
            options.progress(f"drain: one kept connection, round {number + 1}")
            loops.append(bare_loop(site, port, "out"))
            drains.append(must_end_well(site.measured(env)))
            put_back(site)
        calls = Counter(re.findall(r"(?m)^\d+ +(\w+)\(", calls_of(site, env, "all")))
    ours, theirs = medians(drains, count), medians(loops, count)
    ratio = round(statistics.median(loop.wall / drain.wall for loop, drain in zip(loops, drains)), 3)
    return {"mails": count, "bytes": round(mail_bytes), "drain": ours, "loop": theirs,
            "ratio": ratio, "cpu_ratio": round(theirs["cpu_us"] / ours["cpu_us"], 3),
            "calls": {name: round(n / count, 2) for name, n in calls.most_common() if 4 * n >= count},
            "goals": [at_least(f"{count:,} mails over one kept connection: 0.8 of a bare libcurl loop's rate",
                               ratio, 0.8, "{:.2f}")]}


# ---- listing ----


def fill(site, directory, names, ahead):
    """So many files that are not due, whose order is not that of their names or of their making."""
    begin = time.time() + ahead
    for number, name in enumerate(names):
        path = site.file(directory, name)
        with open(path, "wb"):
            pass
        when = begin + number * 7919 % 100_003 / 1000
        os.utime(path, (when, when))


def listings(trace):
    """How often each directory was read to its end."""
    return Counter(re.findall(r"getdents64\(\d+<[^>]*/(\w+)>.* = 0$", trace, re.M))


def listing(disk, options, size):
    count, empty, full = size["waiting"], {}, {}
    with Site(disk, {"BOOKSPOOL_MOVE_WAIT": "1h", "BOOKSPOOL_RETRY_MAX": "1h"}) as site:
        nothing = min(site.measured().wall for _ in range(options.rounds))
        for directory, ending in (("new", ""), ("out", "-0123456789ab")):
            names = [f"{number * 0x9e3779b97f4a7c15 % (1 << 128):032x}{ending}" for number in range(count)]
            fill(site, directory, names, 1800)
            empty[directory] = nothing
            full[directory] = statistics.median(must_end_well(site.measured()).wall
                                                for _ in range(options.rounds))
            nothing = full[directory]
            options.progress(f"drain: listing {directory}/")
        times = listings(calls_of(site, None, "getdents64", "-y"))
    seconds = {directory: round(full[directory] - empty[directory], 3) for directory in full}
    return {"files": count, "seconds": seconds, "listings": dict(times),
            "goals": [*(at_most(f"{count:,} files in {name}/ listed and ordered in 0.5 s", took, 0.5,
                                "{:.2f} s") for name, took in seconds.items()),
                      exactly("one listing of new/ and of out/ a run",
                              max(times["new"], times["out"]), 1)]}


# ---- a slow relay ----


def through_relay(disk, count, connections):
    """(mails a second, was each accepted exactly once?)"""
    with Site(disk) as site, SlowRelay(REPLY) as relay:
        site.compose(count)
        names = set(os.listdir(site.file("out")))
        cost = must_end_well(site.measured({
            "BOOKSPOOL_TRANSPORT": f"smtp+plain://127.0.0.1:{relay.port}",
            "BOOKSPOOL_CONNECTIONS": str(connections)}))
        return count / cost.wall, Counter(relay.ids) == Counter(names)


def relay(disk, options, size):
    """More mails for more connections: their shares, by hash of the name, are then nearly even."""
    rates, once = {1: [], 8: []}, []
    for number in range(1 if options.smoke else min(3, options.rounds)):
        options.progress(f"drain: slow relay, round {number + 1}")
        for connections, count in ((1, size["one"]), (8, size["eight"])):
            rate, each_once = through_relay(disk, count, connections)
            rates[connections].append(rate)
            once.append(each_once)
    one, eight = (statistics.median(rates[n]) for n in (1, 8))
    return {"reply_ms": REPLY * 1000, "one": round(one, 1), "eight": round(eight, 1),
            "ratio": round(eight / one, 2), "each_once": all(once),
            "goals": [at_least("relay with 20 ms a reply: 8 connections at least 6 times one",
                               eight / one, 6, "{:.1f} times"),
                      exactly("and each mail is accepted exactly once", all(once), True)]}


# ---- composing ----


def composing(disk, options, size):
    count, costs = size["composed"], []
    for number in range(options.rounds):
        options.progress(f"drain: composing, round {number + 1}")
        with Site(disk) as site:
            costs.append(must_end_well(site.compose(count), 75))
            if len(site.spool("out")) != count:
                raise RuntimeError("not one mail for each event")
    cpu = medians(costs, count)
    return {"events": count, **cpu,
            "goals": [at_most(f"{count:,} events become mails in out/: 1 ms of CPU each",
                              cpu["cpu_us"], 1000, "{:.0f} us")]}


# ---- all of it ----

PARTS = {"kept": kept, "listing": listing, "relay": relay, "composing": composing}


def lines(result):
    """What a person is shown."""
    if "kept" in result:
        r = result["kept"]
        for who in ("loop", "drain"):
            yield (f"one kept connection, {r['bytes']:,} bytes a mail: {who:5} {r[who]['wall_us']:6.0f} us "
                   f"a mail, CPU {r[who]['user_us']:.0f} + {r[who]['system_us']:.0f} us")
        yield f"  rate {r['ratio']:.2f} of the loop's, at {1 / r['cpu_ratio']:.2f} times its CPU"
        yield f"  system calls a mail: {sum(r['calls'].values()):.1f}: " + ", ".join(
            f"{name} {n:.2f}".replace(".00", "") for name, n in r["calls"].items())
    if "listing" in result:
        r = result["listing"]
        yield f"listing {r['files']:,} files: " + ", ".join(
            f"{name}/ {took:.2f} s, {r['listings'][name]} a run" for name, took in r["seconds"].items())
    if "relay" in result:
        r = result["relay"]
        yield (f"relay at {r['reply_ms']:.0f} ms a reply: {r['one']:.1f} mails/s by one connection, "
               f"{r['eight']:.1f} by eight, {r['ratio']:.1f} times; each once: {r['each_once']}")
    if "composing" in result:
        r = result["composing"]
        yield (f"composing: {r['cpu_us']:.0f} us of CPU an event "
               f"({r['user_us']:.0f} user, {r['system_us']:.0f} system)")


def main(options, parts=tuple(PARTS)):
    size = SMOKE if options.smoke else FULL
    program("bookspool-drain")
    helper("curl_loop")
    with ram_disk(options.smoke) as disk:
        result = {part: PARTS[part](disk, options, size) for part in parts}
    result["text"] = "\n".join(lines(result))
    result["goals"] = [goal for part in parts for goal in result[part].pop("goals")]
    return result


if __name__ == "__main__":
    chosen = tuple(part for part in PARTS if part in sys.argv[1:]) or tuple(PARTS)
    alone(lambda options: main(options, chosen))
