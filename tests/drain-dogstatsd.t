#!/usr/bin/python3
"""Reports to a Datadog agent: by the grammar, exact over runs, and never in the way of a run."""

import os
import re
import socket
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
import counters  # noqa: E402
from bookspool import World, equal, finish, match, ok, run_parts, sample  # noqa: E402

NAME = r"bookspool\.[a-z_]+"
TAGS = r"\|#[a-z_]+:[\w./-]+(?:,[a-z_]+:[\w./-]+)*"
METRIC = re.compile(rf"({NAME}):(-?\d+(?:\.\d+)?)\|([cgh])(?:\|@(\d\.\d+|0?\.\d+|\d+e-\d+))?({TAGS})")
CHECK = re.compile(rf"_sc\|(bookspool\.(?:check|health))\|([0-2])({TAGS})\|m:([^\n|]+)")
EVENT = re.compile(rf"_e\{{(\d+),(\d+)\}}:([^|]+)\|([^|]+)\|k:([^|]+)\|t:(success|warning|error)({TAGS})")


class Agent:
    """A socket as the agent has it; everything that has come is in `lines`."""

    def __init__(self, world, family, path=None):
        self.socket = socket.socket(family, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        if family == socket.AF_UNIX:
            self.socket.bind(path or world.path("dsd.socket"))
            self.url = "unix://" + (path or world.path("dsd.socket"))
        else:
            self.socket.bind(("127.0.0.1" if family == socket.AF_INET else "::1", 0))
            host = "127.0.0.1" if family == socket.AF_INET else "[::1]"
            self.url = f"udp://{host}:{self.socket.getsockname()[1]}"
        self.socket.setblocking(False)
        self.sizes = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def lines(self):
        found = []
        try:
            while True:
                packet = self.socket.recv(65536)
                self.sizes.append(len(packet))
                found += packet.decode().split("\n")
        except BlockingIOError:
            return found


def judge(lines, name):
    """{(metric, tags): [(value, type, rate)]}, the service checks and the events."""
    metrics, checks, events, odd = {}, [], [], []
    for line in lines:
        if found := METRIC.fullmatch(line):
            metric, value, kind, rate, tags = found.groups()
            metrics.setdefault((metric, tags), []).append((float(value), kind, float(rate or 1)))
        elif found := CHECK.fullmatch(line):
            checks.append(found.groups())
        elif found := EVENT.fullmatch(line):
            events.append(found.groups())
            if len(found[3].encode()) != int(found[1]) or len(found[4].encode()) != int(found[2]):
                odd.append(line)
        else:
            odd.append(line)
    equal(odd, [], f"{name}: each line is one of the protocol")
    return metrics, checks, events


def put(world, number):
    body = sample("calcom", "booking_created").replace(b'"uid":"', b'"uid":"%d' % number, 1)
    return world.put_event("new", "calcom", body + b" " * number)


def counts(metrics, name):
    return sum(value / rate for (metric, _), found in metrics.items() if metric == name
               for value, kind, rate in found if kind == "c")


def reports():
    for family, most in ((socket.AF_UNIX, 8192), (socket.AF_INET, 1432), (socket.AF_INET6, 1432)):
        if family == socket.AF_INET6 and not os.path.exists("/proc/net/if_inet6"):
            continue
        with World() as world, Agent(world, family) as agent:
            env = {"DD_DOGSTATSD_URL": agent.url, "DD_ENV": "test|1", "DD_VERSION": "2"}
            put(world, 1)
            equal(world.drain(env=env).returncode, 0, agent.url.split(":")[0] + ": a run")
            metrics, checks, events = judge(agent.lines(), "the first report")
            tags = "|#env:test_1,service:bookspool,version:2"
            equal([found for found in metrics.values() if found[0][1] != "g"], [],
                  "nothing of the past is reported")
            value, kind, _ = metrics[("bookspool.drain_last_success_age_seconds", tags)][0]
            ok(0 <= value < 600 and kind == "g", "times are ages", value)
            ok(all(value < 2 ** 31 for found in metrics.values() for value, _, _ in found), "in 32 bits")
            equal(checks[0], ("bookspool.health", "0", tags, "all is well"), "the health is a service check")
            ok(len({found[2] for found in checks}) > 15, "so is each check", checks)
            equal(events, [], "no event when all is well")
            known = {counters.dogstatsd_name(constant) for constant in counters.exported()}
            equal({name for name, _ in metrics} - known, set(), "all names are those of the table")
            for number in range(3):
                put(world, 2 + number)
            world.put_event("held", "calcom", b"{}")
            world.drain(env=env)
            metrics, checks, events = judge(agent.lines(), "the second report")
            equal((counts(metrics, "bookspool.events"), counts(metrics, "bookspool.mail_attempts")), (3, 3),
                  "what a run did is its growth")
            samples = sum(1 / rate for (name, _), found in metrics.items() for _, kind, rate in found
                          if kind == "h" and name == "bookspool.accepted_to_mailed_seconds")
            equal(round(samples, 6), 3, "histograms count as often")
            equal([(found[2], found[5]) for found in events],
                  [("bookspool: held:count needs attention", "warning")], "a change of state is an event")
            world.drain(env=env)
            metrics, checks, events = judge(agent.lines(), "the third report")
            equal((counts(metrics, "bookspool.events"), events), (0, []), "nothing twice")
            os.unlink(world.file("held", world.spool("held")[0]))
            world.drain(env=env)
            equal([found[5] for found in judge(agent.lines(), "the fourth")[2]], ["success"], "well again")
            ok(max(agent.sizes) <= most, f"no packet is larger than {most}", max(agent.sizes))
            ok(max(agent.sizes) > most / 2, "and they are packed", max(agent.sizes))


def restarts():
    """Counters that began anew are reported from 0, also when they are higher by then."""
    with World() as world, Agent(world, socket.AF_UNIX) as agent:
        env = {"DD_DOGSTATSD_URL": agent.url}
        put(world, 1)
        world.drain(env=env)
        os.unlink(os.path.join(world.state_dir, "counters"))
        for number in range(4):
            put(world, 10 + number)
        agent.lines()
        world.drain(env=env)
        equal(counts(judge(agent.lines(), "after")[0], "bookspool.events"), 4, "all of the new ones")


def not_kept():
    """What was reported cannot be kept, as on a full disk: nothing is reported with each run again."""
    with World() as world, Agent(world, socket.AF_UNIX) as agent:
        env = {"DD_DOGSTATSD_URL": agent.url}
        os.makedirs(os.path.join(world.state_dir, "dogstatsd", "x"))
        put(world, 1)
        world.put_event("held", "calcom", b"{}")
        for run in ("the first", "the second"):
            match(world.drain(env=env).stderr, "dogstatsd-unsent: .*/dogstatsd: ", f"{run}: the log says so")
            metrics, checks, events = judge(agent.lines(), run)
            equal(([found for found in metrics.values() if found[0][1] != "g"], events), ([], []),
                  "neither growth nor events")
            ok(("bookspool.check", "1") in [found[:2] for found in checks], "but gauges and checks", checks)


def troubles():
    """Whatever the agent does: the run is as without it, and its growth comes with the next report."""
    with World() as world:
        path = world.path("dsd.socket")
        env = {"DD_DOGSTATSD_URL": "unix://" + path}

        def run(name, said):
            put(world, run.number)
            run.number += 1
            done = world.drain(env=env)
            equal((done.returncode, len(world.spool("new")), len(world.mails())), (0, 0, run.number),
                  f"{name}: mailed")
            equal("dogstatsd-unsent" in done.stderr, said, "and logged once")
        run.number = 0
        with Agent(world, socket.AF_UNIX) as agent:
            run("an agent", False)
            agent.lines()
        run("one that is gone", True)
        os.unlink(path)
        run("no socket", False)
        with Agent(world, socket.AF_UNIX) as agent:
            agent.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
            filler = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            filler.setblocking(False)
            try:
                while True:
                    filler.sendto(b"x", path)
            except BlockingIOError:
                pass
            run("one that does not read", False)
            agent.lines()
            run("one that reads again", False)
            found = judge(agent.lines(), "the report after all that")[0]
            equal(counts(found, "bookspool.mails_made"), 4, "nothing of it is lost")
        with Agent(world, socket.AF_INET) as agent:
            env["DD_DOGSTATSD_URL"] = agent.url
        run("nobody at a UDP port", True)
        with Agent(world, socket.AF_INET) as agent:
            env["DD_DOGSTATSD_URL"] = agent.url
            run("somebody", False)
            equal(counts(judge(agent.lines(), "by UDP")[0], "bookspool.mails_made"), 2, "nothing is lost there")
        blocked = {**env, "BOOKSPOOL_TRANSPORT": "maildir:/nowhere/at/all"}
        with Agent(world, socket.AF_INET) as agent:
            blocked["DD_DOGSTATSD_URL"] = agent.url
            put(world, 99)
            equal(world.drain(env=blocked).returncode, 75, "a run that is blocked")
            checks = judge(agent.lines(), "its report")[1]
            equal(checks[0][1::2], ("1", "drain-blocked"), "is reported, too")


def settings():
    for url in ("udp://agent.example.org:8125", "tcp://127.0.0.1:1", "unix://relative", "127.0.0.1:8125",
                "udp://127.0.0.1:x", "unix:///" + "x" * 200, "udp://[::1"):
        with World({"DD_DOGSTATSD_URL": url}) as world:
            done = world.drain()
            equal(done.returncode, 78, f"refused: {url[:40]}")
            match(done.stderr, r"bookspool.conf:\d+: DD_DOGSTATSD_URL: expected udp://", "and why")


if __name__ == "__main__":
    run_parts((reports, restarts, not_kept, troubles, settings))
    finish()
