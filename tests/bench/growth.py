#!/usr/bin/python3
"""What an event costs as the spool's memory grows: tests/bench/growth.py [--smoke]

With 0, 10,000, 100,000 and 1,000,000 names in done/, and as many in sent/, each a file of its own on
an ext4 with a journal in memory: an event's way into the spool (FastCGI on one kept connection)
and its way from there into a Maildir. Processor time is that of the program, system calls are
counted by strace in a run apart; the clock's time holds the journal's work too, and everybody else's.

Each round visits all sizes by turns. Prune is not in it: it runs once a day, and in no round
here. The ledger holds what the bench itself posted.
"""

import contextlib
import os
import re
import statistics
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from chart import lines  # noqa: E402
from common import US, alone  # noqa: E402
from goals import at_most  # noqa: E402
from drain_site import Site, booking, ram_disk  # noqa: E402
from bookspool import ENDPOINT, sign  # noqa: E402
from fcgi import Client, params, request  # noqa: E402

FULL = {"names": (0, 10_000, 100_000, 1_000_000), "events": 1000, "traced": 200}
SMOKE = {"names": (0, 100), "events": 20, "traced": 10}
LIMIT = 1.5


class Grown(Site):
    """A site whose done/ and sent/ hold so many names."""

    def __init__(self, disk, names):
        super().__init__(disk)
        self.names = names
        self.measured()  # makes the directories, and the stamp of prune
        self.fill(names)
        self.receiver = self.start_receiver()
        os.sync()

    def fill(self, names):
        """Empty files: what lies in them is read by nobody."""
        for number in range(names):
            key = f"{number * 0x9e3779b97f4a7c15f39cc0605cedc835 % (1 << 128):032x}"
            for directory, name in (("done", key), ("sent", key + "-0123456789ab")):
                os.close(os.open(self.file(directory, name), os.O_CREAT | os.O_WRONLY, 0o660))

    def bodies(self, count):
        for number in range(count):
            provider = ("calcom", "calendly")[number % 2]
            yield provider, booking(provider, next(self.numbers))

    def post(self, count):
        """(clock, processor) of the receiver, in seconds, for so many events on one connection."""
        ready = [request(params("POST", ENDPOINT[provider], body,
                                sign(provider, body, self.secret[provider])), body, keep=True)
                 for provider, body in self.bodies(count)]
        with Client(self.socket) as client:
            before, begin = processor(self.receiver.pid), time.monotonic()
            for each in ready:
                client.send(each)
                if client.answer().json.get("status") != "accepted":
                    raise RuntimeError("an event is not accepted")
            return time.monotonic() - begin, processor(self.receiver.pid) - before

    def drained(self, wrap=()):
        cost = self.measured(wrap=wrap)
        if cost.status or self.spool("new") or self.spool("out"):
            raise RuntimeError(f"the drain ends with {cost.status}, or leaves something")
        return cost.wall, cost.user + cost.system

    def calls(self, count):
        """System calls of receiver and drain, for each of so many events."""
        attached = ["-p", str(self.receiver.pid)]
        with traced(self.path("trace"), attached):
            self.post(count)
        receiving = total_calls(self.path("trace"))
        self.drained(["strace", "-f", "-c", "-o", self.path("trace")])
        return receiving / count, total_calls(self.path("trace")) / count


def processor(pid):
    """Seconds that it ran, by the scheduler's own account."""
    with open(f"/proc/{pid}/schedstat", encoding="ascii") as file:
        return int(file.read().split()[0]) / 1e9


@contextlib.contextmanager
def traced(path, which):
    process = subprocess.Popen(["strace", "-c", "-o", path, *which], stderr=subprocess.PIPE)
    process.stderr.readline()  # "attached"
    try:
        yield
    finally:
        process.terminate()
        process.wait()


def total_calls(path):
    with open(path, encoding="utf-8") as file:
        return int(re.search(r"(\d+)(?:\s+\d+)? total$", file.read(), re.M)[1])


# ---- rounds ----


def one_round(site, events):
    received, drained = site.post(events), site.drained()
    return {"receive_wall": received[0], "receive": received[1],
            "drain_wall": drained[0], "drain": drained[1]}


def middle(rounds, events):
    return {name: round(statistics.median(each[name] for each in rounds) * US / events, 1)
            for name in rounds[0]}


def measure(options, size):
    """One row for each number of names."""
    with contextlib.ExitStack() as stack:
        sites = []
        for names in size["names"]:
            options.progress(f"growth: making {names:,} names")
            disk = stack.enter_context(ram_disk(options.smoke, 2 * names + 200_000))
            sites.append(stack.enter_context(Grown(disk, names)))
        for site in sites:  # everything is in memory and at its place
            one_round(site, size["events"])
        rounds = {site: [] for site in sites}
        for number in range(options.rounds):
            options.progress(f"growth: round {number + 1}")
            for site in sites:
                rounds[site].append(one_round(site, size["events"]))
        calls = {site: site.calls(size["traced"]) for site in sites}
    return [{"names": site.names, **middle(rounds[site], size["events"]),
             "receive_calls": round(calls[site][0], 1), "drain_calls": round(calls[site][1], 1)}
            for site in sites]


# ---- what came of it ----


def text(rows):
    yield f"{'names in done/':>16}  receive us (clock, calls)      drain us (clock, calls)"
    for row in rows:
        yield (f"{row['names']:>16,}  {row['receive']:10.1f} ({row['receive_wall']:.0f}, "
               f"{row['receive_calls']:.1f})   {row['drain']:15.1f} ({row['drain_wall']:.0f}, "
               f"{row['drain_calls']:.1f})")


def goals(rows):
    first, last = rows[0], rows[-1]
    return [at_most(f"{what} an event with {last['names']:,} names costs less than half more than with none",
                    last[kind] / first[kind], LIMIT, "{:.2f} times")
            for kind, what in (("receive", "receiving"), ("drain", "draining"))]


def charts(rows):
    series = {"drain": [row["drain"] for row in rows],
              "receive": [row["receive"] for row in rows]}
    return {"growth.svg": lines("An event's cost as done/ and sent/ grow",
                                [f"{row['names']:,}" for row in rows], series,
                                unit="us of CPU an event, by names in done/ and in sent/ each")}


def main(options):
    rows = measure(options, SMOKE if options.smoke else FULL)
    return {"rows": rows, "text": "\n".join(text(rows)), "goals": goals(rows), "charts": charts(rows)}


if __name__ == "__main__":
    alone(main)
