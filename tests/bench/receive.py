"""The receiver against its peers: requests a second and what each of them costs.

main(options) -> result, see common.py. Of the result:

    "rows"     one for each case (disk, clients, contender, kind): medians over the rounds, see ROW
    "samples"  the rounds themselves
    "memory"   of bookspool alone: 64 large bodies at once, and a million requests
    "failed"   what could not be measured, and why

Kinds: `durable`, distinct good bookings; `duplicate`, such as were stored already; `forgery`, a
wrong signature. Rounds are interleaved: each runs every case once, so that a minute in which the
machine is slow is slow for all. Each run has a file system of its own, and starts after a sync.
"""

import statistics
import sys
import threading
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import goals
import load
import meter
import report
from bookspool import tool
from common import Missing
from contenders import BOOKSPOOL, CONTENDERS, REFERENCE, Site
from disks import Disk, Plain

CLIENTS = (1, 32, 64)
LARGE_SIZE = 1 << 20
MILLION = 1_000_000
FASTEST = 40_000  # requests a second that the pool lasts for; a faster run is a shorter one

# Units: rate in requests a second, latencies in ms, CPU in us a request, memory in MB.
ROW = ("rate", "p50", "p99", "app_us", "front_us", "all_us", "flushes", "pss", "steal")


@dataclass(frozen=True)
class Case:
    disk: str
    clients: int
    contender: object
    kind: str = "durable"

    def __str__(self):
        return f"{self.contender.name}, {self.kind}, {self.disk} disk, {self.clients} clients"

    def key(self):
        return {"disk": self.disk, "clients": self.clients, "contender": self.contender.name,
                "kind": self.kind}


def plan(options):
    """All cases of one round, in order."""
    if options.smoke:
        durable = [Case("plain", 4, each) for each in CONTENDERS]
        return durable + [Case("plain", 4, BOOKSPOOL, "duplicate"),
                          Case("plain", 4, BOOKSPOOL, "forgery")]
    cases = []
    for disk in ("fast", "1 ms"):
        for clients in CLIENTS:
            cases += [Case(disk, clients, each) for each in CONTENDERS]
    return cases + [Case("fast", 1, BOOKSPOOL, "duplicate"),
                    Case("fast", 32, BOOKSPOOL, "duplicate"),
                    Case("1 ms", 32, BOOKSPOOL, "duplicate"),
                    Case("fast", 32, BOOKSPOOL, "forgery")]


# ---- one run ----


@contextmanager
def served(disk, contender):
    """(site, running): one contender on an empty disk, ready for requests."""
    disk.renew()
    with Site(disk) as site:
        yield site, contender.start(site)


@dataclass
class Meters:
    """What the meters show: CPU seconds of application and front, the machine's, flushes."""

    app: float
    front: float
    machine: meter.Machine
    flushes: int


def read_meters(disk, running):
    return Meters(meter.cpu_seconds(running.app), meter.cpu_seconds(running.front),
                  meter.machine(), disk.flushes())


def parts_of(pool, case):
    """(warm-up, measured, watched by strace): of good bookings, each is sent once; None for what a
    run of duplicates sends, because that depends on what the warm-up has stored."""
    if case.kind == "forgery":
        return [pool.forgeries()] * 3
    first = pool.part(0, pool.edge)
    if case.kind == "duplicate":
        return first, None, None
    middle = pool.count - 2 * pool.edge
    return first, pool.part(pool.edge, middle), pool.part(pool.edge + middle, pool.edge)


def one_run(options, case, disk, pool, watched):
    """A sample of one case, as a dictionary; `watched`: also count system calls, afterwards,
    because being watched is slow."""
    first, second, third = parts_of(pool, case)
    with served(disk, case.contender) as (site, running):
        warm = load.wrk(site.port, case.clients, options.seconds / 2, first)
        stored = pool.part(0, max(1, warm.requests), again=True)
        meter.calm(0 if options.smoke else 4)
        before = read_meters(disk, running)
        sent = load.wrk(site.port, case.clients, options.seconds, second or stored)
        after = read_meters(disk, running)
        sample = {**costs(case, sent, before, after), "pss": meter.memory_mb(running.app)}
        phases = [warm, sent]
        if watched:
            phases.append(watch(options, case, site, running, third or stored, sample))
        return {**sample, **answers(case, site, running, phases)}


def watch(options, case, site, running, part, sample):
    """Adds system calls for each request to the sample; returns what was sent meanwhile. Requests
    are counted by what was stored, where that is one file each: under strace those that were under
    way when wrk stopped are many among few."""
    before = site.stored()
    with meter.Calls(running.app) as calls:
        sent = load.wrk(site.port, case.clients, options.seconds / 2, part)
    if calls.total:
        stored = site.stored() - before
        count = max(1, stored if case.kind == "durable" else sent.requests + case.clients)
        sample["calls"] = calls.total / count
        sample["file_calls"] = calls.of_files / count
        sample["by_name"] = {name: round(n / count, 3) for name, n in calls.by_name.items()}
    return sent


def costs(case, sent, before, after):
    count = max(1, sent.requests)
    spent = after.machine - before.machine

    def each(seconds):
        return seconds / count * 1e6
    return {
        "requests": sent.requests, "rate": sent.rate, "p50": sent.p50 / 1e3, "p99": sent.p99 / 1e3,
        "app_us": each(after.app - before.app) if case.contender.own_cpu else None,
        "front_us": each(after.front - before.front),
        "all_us": each(spent.busy - sent.cpu),
        "flushes": None if before.flushes is None else (after.flushes - before.flushes) / count,
        "steal": 100 * spent.stolen / max(spent.all, 1e-9),
    }


def answers(case, site, running, phases):
    """Files in the spool against answers of success. Requests that were under way when wrk stopped
    are stored, but wrk did not see their answers: at most one for each client, each time."""
    good = [sent.requests - sent.refused for sent in phases]
    kept = {"durable": sum(good), "duplicate": good[0], "forgery": 0}
    expected = running.probes + kept[case.kind]
    refusals = sum(sent.requests for sent in phases) if case.kind == "forgery" else 0
    wrong = abs(sum(sent.refused for sent in phases) - refusals) + sum(s.broken for s in phases)
    stored = site.stored()
    most = expected + len(phases) * case.clients
    return {"stored": stored, "answered": expected, "wrong": wrong,
            "agrees": wrong == 0 and expected <= stored <= most}


# ---- bookspool's memory ----


class Sampler:
    """The most that a function returned while inside."""

    def __init__(self, read):
        self.read, self.most, self.ended = read, 0, threading.Event()

    def __enter__(self):
        self.thread = threading.Thread(target=self._watch)
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.ended.set()
        self.thread.join()

    def _watch(self):
        while not self.ended.wait(0.005):
            self.most = max(self.most, self.read())


def large_bodies(disk, clients):
    """So many clients with 1 MiB each, complete at the same moment."""
    bodies = [load.large_body(number, LARGE_SIZE) for number in range(clients)]
    with served(disk, BOOKSPOOL) as (site, running):
        with Sampler(lambda: meter.memory_mb(running.app)) as pss:
            statuses = load.post_together(site.port, bodies)
        time.sleep(0.2)
        return {"clients": clients, "accepted": statuses.count(200), "peak_pss": pss.most,
                "peak_rss": meter.peak_rss_mb(running.app),
                "pss_after": meter.memory_mb(running.app)}


def million_requests(options, disk, pool):
    """The pool over and over, first stored, then recognised; memory after each ten seconds."""
    with served(disk, BOOKSPOOL) as (site, running):
        load.wrk(site.port, 64, options.seconds, pool.part(0, pool.edge))
        sizes, count = [meter.resident_mb(running.app)], 0
        while count < MILLION:
            sent = load.wrk(site.port, 64, 10, pool.part(0, pool.count, again=True))
            count += sent.requests
            sizes.append(meter.resident_mb(running.app))
            options.progress(f"memory over a million requests: {count}")
            if sent.broken or sent.refused or not sent.requests:
                raise Missing(f"a request of the million went wrong: {sent}")
        return {"requests": count, "rss": sizes}


def memory(options, disk, pool):
    options.progress("memory: large bodies at once")
    result = {"large": large_bodies(disk, 8 if options.smoke else 64)}
    if not options.smoke:
        result["million"] = million_requests(options, disk, pool)
    return result


# ---- all of it ----


def attempt(failed, case, action):
    """What the action returns, or None, noted in `failed`."""
    try:
        return action()
    except Missing as why:
        failed[str(case)] = str(why)
        print(f"\nfailed: {case}: {why}", file=sys.stderr)
        return None


def rounds(options, cases, disks, pool, failed):
    """Samples of each case."""
    samples = {case: [] for case in cases}
    for number in range(options.rounds):
        for case in cases:
            options.progress(f"round {number + 1} of {options.rounds}: {case}")
            pool.refresh(options.progress)
            watched = number == 0 and tool("strace") is not None
            sample = attempt(failed, case, lambda: one_run(options, case, disks[case.disk], pool,
                                                           watched))
            if sample:
                samples[case].append(sample)
    return samples


def summary(case, samples):
    """One row: medians, the best rate, whether all counts agree, the calls of the first round."""
    row = case.key()
    for name in ROW:
        values = [sample[name] for sample in samples if sample[name] is not None]
        row[name] = statistics.median(values) if values else None
    row["best"] = max(sample["rate"] for sample in samples)
    row["agrees"] = all(sample["agrees"] for sample in samples)
    row["rounds"] = len(samples)
    for name in ("calls", "file_calls", "by_name"):
        row[name] = samples[0].get(name)
    return row


def add_ratios(rows):
    """Of the rate, to the reference's on the same disk with as many clients."""
    reference = {(row["disk"], row["clients"]): row["rate"] for row in rows
                 if row["contender"] == REFERENCE and row["kind"] == "durable"}
    for row in rows:
        other = reference.get((row["disk"], row["clients"]))
        row["ratio"] = row["rate"] / other if other and row["kind"] == "durable" else None


def measure(options, cases, disks):
    failed = {}
    pool = load.Pool(options.folder, int(options.seconds * FASTEST))
    samples = rounds(options, cases, disks, pool, failed)
    rows = [summary(case, samples[case]) for case in cases if samples[case]]
    add_ratios(rows)
    first = disks[cases[0].disk]
    return {"rows": rows, "failed": failed,
            "memory": attempt(failed, "memory", lambda: memory(options, first, pool)),
            "samples": [{**case.key(), **each} for case in cases for each in samples[case]]}


def main(options):
    cases = plan(options)
    if options.smoke:
        cases = [case for case in cases
                 if not case.contender.program or tool(case.contender.program)]
    with ExitStack() as stack:
        kind = Plain if options.smoke else Disk
        disks = {name: stack.enter_context(kind(options, name))
                 for name in dict.fromkeys(case.disk for case in cases)}
        result = measure(options, cases, disks)
    result["goals"] = goals.of_receiver(result)
    result["text"] = report.table(result["rows"])
    result["charts"] = {"bench.svg": report.chart_of(result["rows"])}
    return result
