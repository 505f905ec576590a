#!/usr/bin/python3
"""bookspool-drain --watch: drains what arrives, retries on time, shares the spool, ends cleanly."""

import json
import os
import re
import shutil
import signal
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from bookspool import (BIN, PATIENCE, World, equal, finish, mark_of, match, ok, program,  # noqa: E402
                       run_parts, sample, utc, wait_for, wait_until_idle)
from smtp_peer import Scripted  # noqa: E402

OWNER = mark_of("owner@example.org")
CLOCK = os.path.join(BIN, "tests/clock.so")  # goes with the plain programs only


class Watched(World):
    def arrive(self):
        """As a receiver puts it: whole, then named."""
        key = self.put_event("tmp", "calcom", sample("calcom", "booking_created"))
        os.rename(self.file("tmp", key), self.file("new", key))
        return key

    def watch(self, env=None):
        """Returns when it sleeps. It notes how long it means to; see tests/faults/clock.c."""
        if os.path.exists(CLOCK):
            env = {"LD_PRELOAD": CLOCK, "CLOCK_SLEEPS": self.path("sleeps"), **(env or {})}
        process = self.start([*program("bookspool-drain"), "--watch"], "drain.log", env)
        wait_for(lambda: "watching" in self.log("drain.log"))
        self.rests(0)
        return process

    def long_sleeps(self):
        """What ended each sleep of about WATCH_POLL, in which it waits for arrivals only: "1" for
        one that something arrived in, "0" for one that took its minute, "" for the last."""
        log = self.log("sleeps") if os.path.exists(self.path("sleeps")) else ""
        return re.findall(r"^until [3-6]\d{4}\n(?:woken (.*)\n)?", log, re.M)

    def rests(self, before):
        """Waits for one more long sleep than there were before; true too where none can be seen."""
        return not os.path.exists(CLOCK) or wait_for(lambda: len(self.long_sleeps()) > before)

    def sent_by_then(self, key, before):
        """Is it mailed when the next long sleep begins, so that none has to end first?"""
        if not os.path.exists(CLOCK):
            return self.sent(key)
        return self.rests(before) and f"{key}-{OWNER}" in self.spool("sent")

    def sent(self, key):
        return wait_for(lambda: f"{key}-{OWNER}" in self.spool("sent"))


def arrivals():
    with Watched() as world:
        process = world.watch()
        key = world.arrive()
        ok(world.sent(key), "an event that arrives is mailed")
        equal(world.long_sleeps()[:1], ["1"] if os.path.exists(CLOCK) else [], "it wakes the watch")
        equal(world.spool("done"), [key], "and done")
        for _ in range(3):
            last = world.arrive()
        ok(world.sent(last), "so are several at once")
        shutil.copy(world.file("done", key), world.file("replay", "again"))
        ok(wait_for(lambda: len(world.spool("sent")) == 5), "a copy in replay/ is mailed again")
        equal(world.drain().returncode, 0, "a drain by cron runs beside it")
        ok(wait_for(lambda: world.run("bookspool", "prune").returncode == 0), "and so does prune, between two passes")
        equal(world.stop(process), 0, "SIGTERM ends it with 0")


def idle_cpu():
    """Its own renames and probes must not wake it: then it would run for ever."""
    with Watched() as world:
        process = world.watch({"BOOKSPOOL_LOG_LEVEL": "debug"})
        ok(world.sent(world.arrive()), "an event is mailed")
        ok(wait_until_idle(process, 2), "then it sleeps", world.log("drain.log"))
        world.stop(process)


def retries():
    refused_once = {"RCPT": ["450 4.2.1 busy", "250 fine"]}
    with Scripted(refused_once) as peer, Watched(
            {"BOOKSPOOL_TRANSPORT": f"smtp+plain://127.0.0.1:{peer.port}",
             "BOOKSPOOL_RETRY_MIN": "1s", "BOOKSPOOL_RETRY_MAX": "1s"}) as world:
        process = world.watch()
        before = len(world.long_sleeps())
        key = world.arrive()
        ok(world.sent_by_then(key, before), "a mail refused for now is tried again when it is due")
        equal(len(peer.accepted), 1, "once")
        world.stop(process)


def a_half_that_waits():
    """The half of a move is asked about again when its time is over, not when the watch looks anyway."""
    # on a very busy machine the time may be over at the first look: then a longer one is tried, less than a long sleep
    tried = (mailed_in_time(wait) for wait in ("2s", "10s", "25s"))
    ok(next((in_time for in_time in tried if in_time is not None), False),
       "the half of a move waits, and is mailed when its time is over, before the watch's minute is")


def mailed_in_time(wait):
    """None where it did not wait."""
    with Watched({"BOOKSPOOL_MOVE_WAIT": wait}) as world:
        process = world.watch()
        before = len(world.long_sleeps())
        body = sample("calendly", "invitee_canceled_moved")
        key = world.put_event("tmp", "calendly", body, Event="invitee.canceled", Received=utc(time.time()))
        os.rename(world.file("tmp", key), world.file("new", key))
        wait_for(lambda: re.search("partner-(awaited|missing)", world.log("drain.log")))
        waited = "partner-awaited" in world.log("drain.log")
        in_time = waited and world.sent_by_then(key, before)
        world.stop(process)
        return in_time if waited else None


def a_series_that_comes_one_by_one():
    with Watched() as world:
        process = world.watch()
        now, keys = time.time(), []
        for number in range(3):
            body = json.loads(sample("calcom", "booking_created"))
            uid = f"series{number}"
            body["payload"].update(uid=uid, iCalUID=f"{uid}@Cal.com", recurringEvent={"freq": 2, "count": 3})
            body["createdAt"] = utc(now + number / 1000)
            key = world.put_event("tmp", "calcom", json.dumps(body).encode(), Event="BOOKING_CREATED",
                                  Received=utc(now))
            os.rename(world.file("tmp", key), world.file("new", key))
            keys.append(key)
        ok(wait_for(lambda: world.log("drain.log").count("series-awaited") == 3), "occurrences wait for each other")
        ok(wait_for(lambda: sorted(world.spool("done")) == sorted(keys)), "all of a series are done together")
        equal(world.log("drain.log").count("in-series"), 2, "two of them are told by the mail of the first")
        ok(wait_for(lambda: len(world.spool("sent")) == 1), "which is one mail", world.spool("sent"))
        world.stop(process)


def ends():
    with Watched() as world:
        process = world.watch()
        equal(world.stop(process, signal.SIGINT), 0, "SIGINT ends it too")
        os.rename(world.spool_dir, world.path("elsewhere"))
        match(str(world.start([*program("bookspool-drain"), "--watch"], "gone.log").wait(PATIENCE)), "78",
              "without a spool it does not start")
        equal(world.drain("--watch", "--dry-run").returncode, 64, "--dry-run stays alone")


run_parts((arrivals, idle_cpu, retries, a_half_that_waits, a_series_that_comes_one_by_one, ends))
finish()
