#!/usr/bin/python3
"""What a run of the drain reports besides mail: alarms, errors to Sentry, and pings. Each alarm is set
off by its real condition, arrives once, and clears."""

import json
import os
import shutil
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from bookspool import (BIN, equal, finish, free_port, mail_file, mark_of, match, ok,  # noqa: E402
                       run_parts, sample, sign, skip, tool, wait_for)
from http_peer import Peer  # noqa: E402
from mailer import DONE, HOLD, Mailer  # noqa: E402
from smtp_peer import Scripted  # noqa: E402

CLOCK = os.path.join(BIN, "tests/clock.so")
MINUTE, HOUR, DAY = 60, 3600, 86400
TORN = "0" * 32
NOWHERE = "smtp+plain://127.0.0.1:1"


def ahead(seconds):
    """The environment of a program that runs so much later."""
    return {"LD_PRELOAD": CLOCK, "CLOCK_AHEAD": str(seconds)}


def alarms(peer, path="/hook"):
    """(alarm, change, state) of each request so far."""
    got = [json.loads(request.body) for request in peer.asked(path)]
    return [(one["alarm"], one["change"], one["state"]) for one in got]


def watched(peer, transport=None, **settings):
    world = Mailer(transport, BOOKSPOOL_ALARM=peer.url("/hook"), **settings)
    return world


def follow(world, peer, name, state, mend, what, cause=None):
    """The alarm of a condition that is there: raised once, repeated after a day, and cleared."""
    if cause:
        cause()
    world.drain()
    mine = [one for one in alarms(peer) if one[0] == name]
    equal(mine, [(name, "raised", state)], f"{what}: the alarm {name} is raised")
    world.drain()
    world.drain()
    equal([one for one in alarms(peer) if one[0] == name], mine, f"{what}: it is not repeated while it lasts")
    if not os.path.exists(CLOCK):
        skip("no clock can be shifted here", 2)
        return
    mend()
    world.drain(env=ahead(1))
    equal(len([one for one in alarms(peer) if one[0] == name]), 1, f"{what}: a moment without it is not its end")
    world.drain(env=ahead(6 * MINUTE))
    equal([one for one in alarms(peer) if one[0] == name][1:], [(name, "cleared", "pass")],
          f"{what}: five minutes later it is cleared")


# ---- alarms ----


def held_events():
    with Peer() as peer, watched(peer) as world:
        key = world.put_event("held", "calcom", sample("calcom", "booking_created"))
        follow(world, peer, "held:count", "warn", lambda: os.unlink(world.file("held", key)), "a held event")


def dead_letters():
    with Peer() as peer, watched(peer) as world:
        key = world.put_event("done", "calcom", sample("calcom", "booking_created"))
        name = f"{key}-{mark_of('owner@example.org')}"
        world.write("failed", name, mail_file(key))
        follow(world, peer, "failed:count", "warn", lambda: os.unlink(world.file("failed", name)), "a dead letter")


def torn_events():
    with Peer() as peer, watched(peer) as world:
        world.write("bad", TORN, b"torn")
        follow(world, peer, "bad:count", "warn", lambda: os.unlink(world.file("bad", TORN)),
               "an event in bad/")


def blocked_transport():
    with Scripted({"MAIL": "530 5.7.0 Authentication required"}) as server, Peer() as peer:
        with watched(peer, f"smtp+plain://127.0.0.1:{server.port}") as world:
            world.arrive()
            equal(world.drain().returncode, HOLD, "a server that wants a login blocks the transport")
            equal(alarms(peer), [("transport:blocked", "raised", "warn")], "the target hears of it in the same run")
            equal(world.drain().returncode, HOLD, "and while it lasts ...")
            equal(len(alarms(peer)), 1, "... it is not repeated")
            if os.path.exists(CLOCK):
                world.drain(env=ahead(2 * HOUR))
                ok(("transport:blocked", "worse", "fail") in alarms(peer), "when it lasts for long, it is worse")
                world.drain(env=ahead(26 * HOUR))
                ok(("transport:blocked", "lasts", "fail") in alarms(peer), "after a day it is said again")
                mended = {"BOOKSPOOL_TRANSPORT": f"maildir:{world.path('Maildir')}"}
                world.drain(env={**mended, **ahead(26 * HOUR + MINUTE)})
                world.drain(env={**mended, **ahead(26 * HOUR + 7 * MINUTE)})
                ok(("transport:blocked", "cleared", "pass") in alarms(peer), "when mail leaves again, it is cleared")


def mails_that_wait():
    with Peer() as peer, watched(peer, NOWHERE) as world:
        key = world.arrive()
        world.drain()
        name = f"{key}-{mark_of('owner@example.org')}"
        if not os.path.exists(CLOCK):
            skip("no clock can be shifted here")
            return
        world.drain(env=ahead(2 * HOUR))
        ok(("out:oldest", "raised", "warn") in alarms(peer), "a mail that waits for two hours raises out:oldest",
           alarms(peer))
        equal(world.spool("out"), [name], "the mail waits on")
        count = len(peer.requests)
        world.drain(env=ahead(2 * HOUR + MINUTE))
        equal(len([one for one in alarms(peer)[count:] if one[0] == "out:oldest"]), 0, "it is not repeated")
        mended = {"BOOKSPOOL_TRANSPORT": f"maildir:{world.path('Maildir')}"}
        for later in (2, 3):
            world.due_now()
            world.drain(env={**mended, **ahead(later * 10 * HOUR)})
        ok(("out:oldest", "cleared", "pass") in alarms(peer), "when the mail has left, it is cleared", alarms(peer))


def a_full_disk():
    with Peer() as peer, watched(peer) as world:
        free = shutil.disk_usage(world.spool_dir).free
        for reserve, state in ((free * 2 // 3, "warn"), (free * 2, "fail")):
            world.drain(env={"BOOKSPOOL_RESERVE": f"{reserve // 1024}K,0"})
            equal([one for one in alarms(peer) if one[0] == "spool:room"][-1][2], state,
                  "less than twice the reserve is free: spool:room warns" if state == "warn" else
                  "less than the reserve is free: it fails")
        count = len(peer.requests)
        world.drain(env={"BOOKSPOOL_RESERVE": f"{free * 2 // 1024}K,0"})
        equal(len(peer.requests), count, "it is not repeated")
        if os.path.exists(CLOCK):
            world.drain(env=ahead(MINUTE))
            world.drain(env=ahead(7 * MINUTE))
            ok(("spool:room", "cleared", "pass") in alarms(peer), "when there is space again, it is cleared")


def silence():
    with Peer() as peer, watched(peer) as world:
        settings = {"BOOKSPOOL_SILENCE": "calcom=2d"}
        world.start_receiver()
        world.start_nginx()
        equal(world.post("calcom", sample("calcom", "booking_created")).status, 200, "a webhook comes")
        world.drain(env=settings)
        equal(alarms(peer), [], "nothing is wrong")
        if not os.path.exists(CLOCK):
            skip("no clock can be shifted here", 3)
            return
        world.drain(env={**settings, **ahead(DAY + HOUR)})
        ok(("webhook:silence:calcom", "raised", "warn") in alarms(peer), "half of BOOKSPOOL_SILENCE without one warns",
           alarms(peer))
        world.drain(env={**settings, **ahead(2 * DAY + HOUR)})
        ok(("webhook:silence:calcom", "worse", "fail") in alarms(peer), "all of it fails")
        equal([one[0] for one in alarms(peer) if "calendly" in one[0]], [], "the other provider is not watched")
        count = len(peer.requests)
        world.drain(env={**settings, **ahead(2 * DAY + 2 * HOUR)})
        equal(len(peer.requests), count, "it is not repeated")
        world.post("calcom", sample("calcom", "booking_created"))
        for later in (0, 6 * MINUTE):
            world.drain(env={**settings, **ahead(later)})
        ok(("webhook:silence:calcom", "cleared", "pass") in alarms(peer), "when one comes, it is cleared", alarms(peer))


def forgeries():
    with Peer() as peer, watched(peer) as world:
        world.start_receiver()
        world.start_nginx()
        body = sample("calcom", "booking_created")
        world.drain()
        for _ in range(40):
            world.post("calcom", body, headers=sign("calcom", body, "not the secret"))
        world.drain()
        ok(("signature:failures:calcom", "raised", "warn") in alarms(peer), "forty wrong signatures raise an alarm",
           alarms(peer))
        count = len(peer.requests)
        world.drain()
        equal(len(peer.requests), count, "it is not repeated")
        if os.path.exists(CLOCK):
            for later in (1, 2, 3, 4):
                world.drain(env=ahead(later * HOUR + later))
            ok(("signature:failures:calcom", "cleared", "pass") in alarms(peer), "when they stop, it is cleared after a while",
               alarms(peer))


def old_secrets():
    with Peer() as peer, watched(peer) as world:
        if not os.path.exists(CLOCK):
            skip("no clock can be shifted here", 4)
            return
        secret = world.secret["calcom"]

        def start(after, **secrets):
            names = {"primary": "CALCOM_WEBHOOK_SECRET", "secondary": "CALCOM_WEBHOOK_SECRET_SECONDARY"}
            world.write_settings("receive.env", {names[slot]: value for slot, value in secrets.items()})
            world.stop(world.start_receiver(env=ahead(after)))

        start(0, primary=secret)
        start(60 * DAY, primary=secret)
        world.drain(env=ahead(70 * DAY))
        name = "secret:age:calcom"
        equal([one for one in alarms(peer) if one[0] == name], [], "a secret of 70 days: no alarm")
        world.drain(env=ahead(80 * DAY))
        equal([one for one in alarms(peer) if one[0] == name], [(name, "raised", "warn")], "one of 80 days is soon due")
        start(80 * DAY, primary="a new one", secondary=secret)
        world.drain(env=ahead(80 * DAY + HOUR))
        equal(len([one for one in alarms(peer) if one[0] == name]), 1, "as secondary it is as old")
        start(80 * DAY + HOUR, primary="a new one")
        for later in (2, 3):
            world.drain(env=ahead(80 * DAY + later * HOUR))
        equal([one for one in alarms(peer) if one[0] == name][1:], [(name, "cleared", "pass")],
              "when it is taken away, the alarm is cleared")


def by_mail():
    with Mailer(None, BOOKSPOOL_ALARM="mailto:ann@example.org") as world:
        key = world.put_event("held", "calcom", sample("calcom", "booking_created"))
        world.drain()
        waiting = world.spool("out")
        equal([name.endswith(mark_of("ann@example.org")) for name in waiting], [True], "an alarm enters out/ as a mail")
        equal([name[:8] for name in waiting], ["00000000"], "under an id of its own")
        world.drain()
        [mail] = world.mails()
        equal((mail["To"], mail["Subject"].startswith("bookspool: held/ holds 1")), ("ann@example.org", True),
              "and leaves with the next run")
        match(mail.get_content(), "What to do: .*release", "it says what to do")
        world.drain()
        equal(len(world.mails()), 1, "it is not made again")
        name = world.spool("sent")[0]
        os.rename(world.file("sent", name), world.file("failed", name))
        os.unlink(world.file("held", key))
        world.drain()
        state = json.load(open(os.path.join(world.state_dir, "reports.json"), encoding="utf-8"))
        equal([one["name"] for one in state["alarms"]], ["held:count"],
              "an alarm that could not be mailed raises no alarm")


def a_target_that_is_away():
    with Peer() as peer, watched(peer) as world:
        peer.answer["/hook"] = (503, {})
        key = world.put_event("held", "calcom", sample("calcom", "booking_created"))
        world.drain()
        world.drain()
        equal(len(peer.asked("/hook")), 2, "a target that answers 503 is asked again by the next run")
        peer.answer.clear()
        world.drain()
        world.drain()
        equal(len(peer.asked("/hook")), 3, "until it has it")
        bodies = {json.loads(request.body)["id"] for request in peer.asked("/hook")}
        equal(len(bodies), 1, "under one id")
        peer.answer["/hook"] = (404, {})
        os.unlink(world.file("held", key))
        world.write("bad", TORN, b"torn")
        run = world.drain()
        match(run.stderr, "alarm-refused: .* 404 ", "one that refuses it is named in the log")
        equal(run.returncode, DONE, "and the run is a good one")
        count = len(peer.asked("/hook"))
        world.drain()
        equal(len(peer.asked("/hook")), count, "and not asked again")
    with Mailer(None, BOOKSPOOL_ALARM="http://127.0.0.1:1/hook", BOOKSPOOL_PING_URL="http://127.0.0.1:1/p",
                SENTRY_DSN="http://key@127.0.0.1:1/1") as world:
        world.arrive()
        world.put_event("held", "calcom", sample("calcom", "booking_created"))
        run = world.drain()
        equal((run.returncode, len(world.mails())), (DONE, 1), "services that cannot be reached change nothing")
        match(run.stderr, "report-failed: BOOKSPOOL_PING_URL: ", "the log names the setting")
        ok("127.0.0.1:1/p" not in run.stderr, "and not the URL, which is a secret")


def state_that_cannot_be_written():
    """As on a full disk, or in a directory of another owner: what was sent cannot be remembered."""
    with Peer() as peer, watched(peer) as world:
        os.makedirs(os.path.join(world.state_dir, "reports.json", "x"))
        world.put_event("held", "calcom", sample("calcom", "booking_created"))
        run = world.drain()
        match(run.stderr, "state-not-written: .*reports.json", "the log says that it cannot be written")
        equal(run.returncode, DONE, "and the run is a good one")
        world.drain()
        world.drain()
        equal(len(alarms(peer)), 1, "the alarm is sent, and not with each run")
        if os.path.exists(CLOCK):
            world.drain(env=ahead(HOUR + MINUTE))
            equal(len(alarms(peer)), 2, "but once an hour")
        else:
            skip("no clock can be shifted here")
    with Peer() as peer, watched(peer) as world:
        for name in ("reports.json", "counters"):
            os.makedirs(os.path.join(world.state_dir, name, "x"))
        world.put_event("held", "calcom", sample("calcom", "booking_created"))
        world.drain()
        equal(alarms(peer), [], "where nothing at all can be remembered, none is sent")
    with Mailer(None, BOOKSPOOL_ALARM="mailto:ann@example.org") as world:
        os.makedirs(os.path.join(world.state_dir, "reports.json", "x"))
        world.put_event("held", "calcom", sample("calcom", "booking_created"))
        watch = world.start([os.path.join(BIN, "bookspool-drain"), "--watch"], "watch.log")

        def passes():
            return world.log("watch.log").count("state-not-written")

        ok(wait_for(world.mails), "a watch mails the alarm")
        before = passes()
        world.arrive()
        ok(wait_for(lambda: len(world.mails()) > 1 and passes() > before + 3), "and goes on")
        world.stop(watch)
        equal(len([mail for mail in world.mails() if mail["To"] == "ann@example.org"]), 1,
              "the mail of an alarm does not make a watch mail it again")


def many_alarms_and_a_target_in_trouble():
    with Peer() as bad, Peer() as good:
        with Mailer(None, BOOKSPOOL_ALARM=f"{bad.url('/hook')},{good.url('/hook')}") as world:
            bad.answer["/hook"] = (503, {})
            world.put_event("held", "calcom", sample("calcom", "booking_created"))
            world.write("bad", TORN, b"torn")
            world.drain()
            equal((len(alarms(bad)), len(alarms(good))), (1, 2),
                  "a target that answers 503 is asked once a run, and the other gets all")
            bad.answer.clear()
            world.drain()
            equal((len(alarms(bad)), len(alarms(good))), (3, 2), "when it is well again it gets them too")


# ---- the ping ----


def pings():
    with Peer() as peer, Scripted({"MAIL": "530 5.7.0 no"}) as server:
        with Mailer(None, BOOKSPOOL_PING_URL=peer.url("/ping/uuid")) as world:
            world.drain()
            equal([(r.method, r.path) for r in peer.requests], [("GET", "/ping/uuid")], "a good run pings")
            world.arrive()
            world.drain(env={"BOOKSPOOL_TRANSPORT": f"smtp+plain://127.0.0.1:{server.port}"})
            equal(peer.requests[-1].path, "/ping/uuid/fail", "a bad one pings /fail")
            world.drain(env={"BOOKSPOOL_PING_URL": peer.url("/api/push/tok?status=up&msg=OK&ping="),
                             "BOOKSPOOL_TRANSPORT": f"smtp+plain://127.0.0.1:{server.port}"})
            match(peer.requests[-1].path, r"^/api/push/tok\?status=down", "Uptime Kuma's address gets a status")


# ---- Sentry ----


def envelopes(peer):
    """(type, item) of each envelope, which has to have the form that its head says."""
    found = []
    for request in peer.asked("/api/7/envelope/"):
        first, second, rest = request.body.split(b"\n", 2)
        json.loads(first)
        head = json.loads(second)
        found.append((head["type"], json.loads(rest[:head["length"]])))
    return found


def sentry():
    with Peer() as peer, Scripted({"MAIL": "530 5.7.0 no login of ann@example.org"}) as server:
        dsn = f"http://abc@127.0.0.1:{peer.port}/7"
        with Mailer(f"smtp+plain://127.0.0.1:{server.port}", SENTRY_DSN=dsn, SENTRY_ENVIRONMENT="test") as world:
            world.arrive()
            world.drain()
            got = envelopes(peer)
            equal([kind for kind, _ in got], ["check_in", "event", "check_in"], "a check-in, an error, a check-in")
            equal([item["status"] for kind, item in got if kind == "check_in"], ["in_progress", "error"],
                  "a run that is blocked")
            equal(len({item["check_in_id"] for kind, item in got if kind == "check_in"}), 1, "with one id")
            event = got[1][1]
            equal((event["tags"]["program"], event["tags"]["reason"], event["environment"]),
                  ("bookspool-drain", "blocked", "test"), "the error names program and reason")
            match(event["tags"]["cause"], "^smtp-", "and the code of its cause")
            sent = b"".join(request.body for request in peer.requests).decode()
            ok("example.org" not in sent and "booking" not in sent.replace("bookspool", "").lower(),
               "nothing personal is sent")
            match(peer.requests[0].headers["X-Sentry-Auth"], "sentry_key=abc", "with the key of the DSN")

            peer.answer["/api/7/envelope/"] = (429, {"Retry-After": "3600"})
            world.drain()
            count = len(peer.requests)
            world.drain()
            equal(len(peer.requests), count, "after a 429 nothing is sent until its time is over")


def a_limit_of_a_clock_that_was_ahead():
    with Peer() as peer, Mailer(None, SENTRY_DSN=f"http://abc@127.0.0.1:{peer.port}/7") as world:
        if not os.path.exists(CLOCK):
            skip("no clock can be shifted here", 2)
            return
        far = (int(time.time()) + 365 * DAY) * 1000
        with open(os.path.join(world.state_dir, "reports.json"), "w", encoding="utf-8") as file:
            json.dump({"sentry_pause_until": far, "sentry_monitors_until": far, "pinged_at": 1e300}, file)
        world.drain()
        equal(len(envelopes(peer)), 0, "a limit of a year is kept")
        world.drain(env=ahead(DAY + HOUR))
        equal([kind for kind, _ in envelopes(peer)], ["check_in", "check_in"], "for a day")


def errors_of_the_receiver():
    with Peer() as peer, Mailer(None) as world:
        dsn = {"SENTRY_DSN": f"http://abc@127.0.0.1:{peer.port}/7"}
        world.start_receiver(env={**dsn, "BOOKSPOOL_RESERVE": "1000G,0"})
        world.start_nginx()
        equal(world.post("calcom", sample("calcom", "booking_created")).status, 503, "a full disk")
        world.drain(env=dsn)
        causes = [(item["tags"]["program"], item["tags"]["reason"]) for kind, item in envelopes(peer) if kind == "event"]
        ok(any(program == "bookspool-fcgi" for program, _ in causes), "an error of the receiver reaches Sentry by the drain",
           causes)
        ok(not os.path.exists(os.path.join(world.state_dir, "incidents.taken")), "and its lines are removed")


def spotlight():
    """The real counterpart: Sentry's own Spotlight takes the envelopes and shows what it has read."""
    modules = os.path.join(os.environ.get("BOOKSPOOL_TOOLS") or os.path.join(BIN, "tools"), "npm/node_modules")
    program = os.path.join(modules, "@spotlightjs/spotlight/dist/run.js")
    node = tool("node")
    if not node or not os.path.exists(program):
        skip("Spotlight is not installed, or Node is older than 20", 2)
        return
    port = free_port()
    with Scripted({"MAIL": "530 5.7.0 no"}) as server:
        with Mailer(f"smtp+plain://127.0.0.1:{server.port}", SENTRY_DSN=f"http://abc@127.0.0.1:{port}/7") as world:
            process = world.start([node, program, "server", "--port", str(port)], "spotlight.log",
                                  env={"HOME": world.dir})
            world.wait_until_up(process, f"127.0.0.1:{port}", "spotlight.log")
            world.arrive()
            world.drain()
            stream = subprocess.Popen(["curl", "-sN", "--max-time", "60", f"http://127.0.0.1:{port}/stream"],
                                      stdout=subprocess.PIPE, text=True, env=world.env())
            seen = ""
            for line in stream.stdout:
                seen += line
                if "monitor_slug" in seen and "fingerprint" in seen and '"error"' in seen:
                    break
            stream.kill()
            stream.wait()
            match(seen, "bookspool-drain: blocked smtp-", "Spotlight shows the error")
            match(seen, "monitor_slug", "and the check-ins")


run_parts([held_events, dead_letters, torn_events, blocked_transport, mails_that_wait, a_full_disk, silence, forgeries,
           old_secrets, by_mail, a_target_that_is_away, state_that_cannot_be_written,
           many_alarms_and_a_target_in_trouble, pings, sentry, a_limit_of_a_clock_that_was_ahead, errors_of_the_receiver, spotlight])
finish()
