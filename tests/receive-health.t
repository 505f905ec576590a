#!/usr/bin/python3
"""What /api/health and /metrics show, to whom, and what it costs while 100,000 events wait."""

import os
import re
import shutil
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
import counters  # noqa: E402
from bookspool import (World, diag, equal, finish, match, ok, run_parts, sample, sign)  # noqa: E402
from fcgi import Client, params, request  # noqa: E402

TOKEN = "a token of this test"
LOCAL = {"REMOTE_ADDR": "127.0.0.1"}
PATHS = ("/api/health", "/api/health/calcom", "/api/health/calendly")


def ask(world, path, method="GET", **variables):
    with Client(world.socket) as client:
        client.send(request(params(method, path, **variables)))
        return client.answer()


def deliver(world, provider, body):
    headers = sign(provider, body, world.secret[provider])
    path = {"calcom": "/api/calcom-webhook", "calendly": "/api/webhooks/calendly"}[provider]
    with Client(world.socket) as client:
        client.send(request(params("POST", path, body, headers), body))
        return client.answer()


def checks(world, path="/api/health"):
    answer = ask(world, path, **LOCAL)
    return {(name, one.get("componentId")): one
            for name, found in answer.json["checks"].items() for one in found}


def values(text):
    return {name: float(value) for name, value in re.findall(r"(?m)^([^#\s]\S*) (\S+)$", text)}


def who_sees_what():
    with World(receive={"BOOKSPOOL_HEALTH_TOKEN": TOKEN}) as world:
        world.start_receiver()
        bearer = {"HTTP_AUTHORIZATION": "Bearer " + TOKEN}
        callers = (("nobody known", {}, False), ("far away", {"REMOTE_ADDR": "192.0.2.7"}, False),
                   ("loopback", LOCAL, True), ("IPv6", {"REMOTE_ADDR": "::1"}, True),
                   ("mapped", {"REMOTE_ADDR": "::ffff:127.0.0.1"}, True),
                   ("a unix socket", {"REMOTE_ADDR": "unix:"}, True),
                   ("looks like loopback", {"REMOTE_ADDR": "128.127.0.0"}, False),
                   ("a tunnel", {**LOCAL, "HTTP_CF_CONNECTING_IP": "192.0.2.7"}, False),
                   ("a proxy", {**LOCAL, "HTTP_X_FORWARDED_FOR": "127.0.0.1"}, False),
                   ("another", {**LOCAL, "HTTP_FORWARDED": "for=127.0.0.1"}, False),
                   ("the token", {"REMOTE_ADDR": "192.0.2.7", **bearer}, True),
                   ("the token by a proxy", {"HTTP_X_FORWARDED_FOR": "192.0.2.7", **bearer}, True),
                   ("a wrong one", {"HTTP_AUTHORIZATION": "Bearer " + TOKEN + "x"}, False),
                   ("an empty one", {"HTTP_AUTHORIZATION": "Bearer "}, False),
                   ("another scheme", {"HTTP_AUTHORIZATION": "Basic " + TOKEN}, False))
        for name, variables, all_of_it in callers:
            for path in PATHS:
                answer = ask(world, path, **variables)
                equal((answer.status, answer.headers.get("content-type"), "checks" in answer.json),
                      (200, "application/health+json", all_of_it), f"{name}: {path}")
            answer = ask(world, "/metrics", **variables)
            equal(answer.status, 200 if all_of_it else 403, f"{name}: metrics")
            equal(b"bookspool_" in answer.body, all_of_it, "with values")
        equal(ask(world, "/api/health").body, b'{"status":"pass"}\n', "the public answer is the status alone")
        for path in (*PATHS, "/metrics"):
            answer = ask(world, path, "HEAD", **LOCAL)
            equal((answer.status, answer.body), (200, b""), f"HEAD of {path}")
        ok(TOKEN not in world.log(), "the token is not in the log")
    with World() as world:
        world.start_receiver()
        for value in ("", "Bearer", "Bearer ", "Bearer x"):
            answer = ask(world, "/metrics", HTTP_AUTHORIZATION=value)
            equal(answer.status, 403, f"no token is set: {value!r} opens nothing")


def the_draft():
    """draft-inadarei-api-health-check-06"""
    with World({"BOOKSPOOL_SILENCE": "calcom=1h"}) as world:
        world.start_receiver()
        world.drain()
        answer = ask(world, "/api/health", **LOCAL)
        equal(answer.json["status"], "pass", "all is well")
        for name, found in answer.json["checks"].items():
            ok(re.fullmatch(r"[a-z]+:[a-z]+", name) and isinstance(found, list) and found, name)
            for one in found:
                equal((one["status"], one["componentType"], "output" in one), ("pass", "system", False),
                      "passes, and so has no output")
                equal("observedValue" in one, "observedUnit" in one, "a value has a unit")
        names = {name for name, _ in checks(world)}
        wanted = {"spool:room", "secret:set", "drain:activity", "drain:result", "transport:blocked",
                  "spool:oldest", "spool:depth", "replay:oldest", "out:due", "out:oldest", "mail:stuck",
                  "bad:count", "held:count", "failed:count", "webhook:silence", "signature:failures"}
        equal(wanted - names, set(), "each thing is checked")
        equal({provider for _, provider in checks(world, "/api/health/calendly")}, {None, "calendly"},
              "the other provider is no concern of one")


def what_fails():
    with World({"BOOKSPOOL_SILENCE": "2h", "BOOKSPOOL_STALE": "20m"}) as world:
        world.start_receiver()
        now = int(time.time() * 1000)

        def state(path="/api/health"):
            answer = ask(world, path, **LOCAL)
            return answer.status, answer.json["status"], answer.json.get("reason")

        def minutes(**ago):
            usual = {"COUNT_DRAIN_LAST_AT": 1, "COUNT_SINCE": 1, **ago}
            counters.write(world.state_dir, {n: now - int(m * 60000) for n, m in usual.items()})
        minutes(COUNT_DRAIN_LAST_AT=11)
        equal(state(), (200, "warn", "drain-stale"), "half of BOOKSPOOL_STALE warns")
        minutes(COUNT_DRAIN_LAST_AT=21)
        equal(state(), (503, "fail", "drain-stale"), "all of it fails")
        equal(ask(world, "/api/health").body, b'{"status":"fail"}\n', "to everybody")
        equal(state("/api/health/calcom"), (200, "warn", "drain-stale"),
              "but bookings of a provider can be accepted")
        minutes(COUNT_SINCE=90)
        equal(state("/api/health/calendly"), (200, "warn", "no-webhook"), "half of BOOKSPOOL_SILENCE")
        minutes(COUNT_SINCE=130)
        equal(state("/api/health/calendly"), (503, "fail", "no-webhook"), "all of it")
        minutes()
        equal(state(), (200, "pass", None), "and well again")
        os.chmod(world.file("new"), 0o500)
        if os.getuid():
            equal(state(), (503, "fail", "spool-not-writable"), "a directory that is closed")
        os.chmod(world.file("new"), 0o2770)
        match(checks(world)[("drain:activity", None)]["description"], r"^the drain last ran (60 s|1 m) ago$", "in words")
    for value in ("2", "acme=1h", "2h;3h"):
        with World({"BOOKSPOOL_SILENCE": value}) as world:
            done = world.run("bookspool-fcgi", "--listen", "unix:" + world.socket)
            equal(done.returncode, 78, f"BOOKSPOOL_SILENCE={value} is refused")
            match(done.stderr, r"settings-wrong: .*bookspool.conf:\d+: BOOKSPOOL_SILENCE: .*7d", "and why")


def the_queue():
    """Depth and age follow what is accepted and drained, run by run."""
    with World() as world:
        world.start_receiver()

        def waits():
            found = checks(world)
            return (found[("spool:depth", None)]["observedValue"], found[("spool:oldest", None)].get("since"),
                    found[("held:count", None)]["observedValue"])
        equal(waits(), (0, None, 0), "nothing waits")
        for number in range(3):
            deliver(world, "calcom", sample("calcom", "booking_created").replace(b'"id"', b'"id%d"' % number))
        depth, since, _ = waits()
        equal(depth, 3, "what was accepted waits")
        ok(since, "since when", since)
        equal(world.drain().returncode, 0, "a drain")
        equal(waits(), (0, None, 0), "nothing waits any more")
        deliver(world, "calcom", sample("calcom", "booking_rescheduled"))
        equal(waits()[0], 1, "another one")
        os.unlink(world.file("new", world.spool("new")[0]))
        equal(waits()[:2], (0, None), "that somebody took away by hand")
        body = sample("calcom", "booking_cancelled")
        world.put_event("new", "calcom", body)
        equal(waits()[0], 1, "one that somebody put there counts")
        os.truncate(os.path.join(world.state_dir, "counters"), 0)
        equal(waits()[0], 1, "also when the counters are lost")
        world.put_event("held", "calcom", body)
        world.drain()
        equal(waits()[2], 0, "held events of which one is done are dropped")
        world.put_event("held", "calcom", body.replace(b'"id"', b'"idea"'))
        world.drain()
        equal(waits()[2], 1, "others are counted")


def many():
    """One poll looks at nothing that grows with the number of files. HEALTH_FILES=100000: so many."""
    count = int(os.environ.get("HEALTH_FILES", "5000"))
    with World() as world:
        receiver = world.start_receiver()
        deliver(world, "calcom", sample("calcom", "booking_created"))
        name = world.file("new", world.spool("new")[0])
        one = cost(world, receiver)
        for number in range(count):
            if number % 30000 == 0:  # a file has no more links than that
                shutil.copy(name, world.path("event"))
            os.link(world.path("event"), world.file("new", f"{number:032x}"))
            if number % 30000 == 29999:
                os.unlink(world.path("event"))
        now = int(time.time() * 1000)
        counters.write(world.state_dir, {
            "COUNT_SINCE": 1, ("COUNT_FILES", "new"): count, "COUNT_QUEUE_SINCE": now,
            ("COUNT_REQUESTS", "calcom", "accepted"): 1, "COUNT_DRAIN_LAST_AT": now})
        all_of_them = cost(world, receiver)
        equal(checks(world)[("spool:depth", None)]["observedValue"], count + 1, "all of them are counted")
        diag(f"a poll takes {one:.0f} us of CPU with 1 file, {all_of_them:.0f} us with {count + 1}")
        ok(all_of_them < 6 * one, "no poll lists them", (one, all_of_them))


def cost(world, receiver, polls=50):
    """Microseconds of the receiver's CPU for one poll; listing costs about one for each file."""
    def used():
        with open(f"/proc/{receiver.pid}/schedstat", encoding="ascii") as file:
            return int(file.read().split()[0])
    start = used()
    for _ in range(polls):
        ask(world, "/api/health", **LOCAL)
    return (used() - start) / polls / 1000


if __name__ == "__main__":
    run_parts((who_sees_what, the_draft, what_fails, the_queue, many))
    finish()
