#!/usr/bin/python3
"""What goes wrong around the drain, and what must go on all the same."""

import json
import os
import re
import signal
import sqlite3
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
import counters as file_of_counters  # noqa: E402
from bookspool import (BIN, World, equal, event_file, finish, id_of, mail_file, mark_of, match, ok,
                       program, run_parts, sample, skip, wait_for)  # noqa: E402
from mailer import DONE, Mailer  # noqa: E402
from smtp_peer import HANG_UP, Scripted  # noqa: E402

IO_FAILED = 74
OWNER = mark_of("owner@example.org")
DAY = 86400


def by_smtp(server, **settings):
    return Mailer(f"smtp+plain://127.0.0.1:{server.port}", **settings)


def wait_in_out(world, count):
    """So many events whose mails are made, and wait for a server."""
    keys = [world.arrive() for _ in range(count)]
    world.drain(env={"BOOKSPOOL_TRANSPORT": "smtp+plain://127.0.0.1:1"})
    equal(len(world.spool("out")), count, f"{count} mails wait")
    world.due_now()
    return keys


def the_ledger():
    def locked(world):
        lock = sqlite3.connect(os.path.join(world.state_dir, "ledger.db"), isolation_level=None)
        lock.execute("BEGIN IMMEDIATE")
        return lock.close

    def damaged(world):
        path = os.path.join(world.state_dir, "ledger.db")
        os.rename(path, path + ".good")
        for end in ("-wal", "-shm"):
            if os.path.exists(path + end):
                os.unlink(path + end)
        with open(path, "wb") as file:
            file.write(b"this is no ledger" * 1000)
        return lambda: os.replace(path + ".good", path)

    for what, break_it, said in (("locked", locked, "ledger-(failed|unusable)"),
                                 ("damaged", damaged, "ledger-(failed|unusable)")):
        with Scripted() as server, by_smtp(server) as world:
            wait_in_out(world, 5)
            key = world.arrive()
            repair = break_it(world)
            done = world.drain()
            equal(done.returncode, IO_FAILED, f"a ledger that is {what}: the run fails")
            match(done.stderr, rf"\b{said}: .*ledger\.db", "the log names it")
            equal((len(server.accepted), world.spool("new")), (5, [key]),
                  "the mails that are ready leave, the event stays")
            repair()
            equal((world.drain().returncode, len(server.accepted), len(world.spool("sent"))),
                  (DONE, 6, 6), "then it is mailed, and no mail twice")


def mails_of_events_that_wait():
    """A run that died may not have synced them: as long as their event is not composed again, and they
    are not written anew, they are not sent."""
    with Scripted() as server, by_smtp(server) as world:
        key, other = wait_in_out(world, 2)
        os.rename(world.file("done", key), world.file("new", key))
        lock = sqlite3.connect(os.path.join(world.state_dir, "ledger.db"), isolation_level=None)
        lock.execute("BEGIN IMMEDIATE")
        done = world.drain()
        lock.close()
        equal((done.returncode, world.spool("out"), world.spool("sent")),
              (IO_FAILED, [f"{key}-{OWNER}"], [f"{other}-{OWNER}"]),
              "a mail whose event waits in new/ is not sent when composing ended early")
        match(done.stderr, "mails-wait: 1 ", "and the log says so")
        equal((world.drain().returncode, len(server.accepted)), (DONE, 2), "the next run sends it")


def junk():
    with Scripted() as server, by_smtp(server) as world:
        key = world.arrive()
        for number in range(5):
            world.write("new", f"junk{number}", b"x")
            world.write("out", f"junk{number}", b"x")
            world.write("replay", f"junk{number}", b"x")
        world.write("replay", "n" * 200, event_file("calcom", sample("calcom", "booking_created")))
        done = world.drain()
        equal(done.returncode, DONE, "files that do not belong there")
        for directory, said in (("new", "unknown-name"), ("out", "unknown-name"), ("replay", "torn")):
            lines = [line for line in done.stderr.splitlines() if f"{said}: {directory}/" in line]
            equal(len(lines), 1, f"{directory}/: one line in the log")
            match(lines, r"\b5 (names|files)\b", "with their number")
        equal((len(world.spool("sent")), len(world.spool("replay")), world.spool("done").count(key)),
              (2, 5, 1), "what belongs there goes on, a copy with a long name too")


def what_is_new():
    """Events and payload versions that this program was not written for: mailed, and counted once."""
    def counts():
        status = json.loads(world.run("bookspool", "status", "--json").stdout)["calcom"]
        return status["unknown_event"], status["unknown_version"]

    with World() as world:
        known, new = sample("calcom", "booking_created"), sample("calcom", "unknown_event")
        world.put_event("new", "calcom", known, **{"Payload-Version": "2026-07-27"})
        world.put_event("new", "calcom", sample("calcom", "template_foreign"))
        equal((world.drain().returncode, counts()), (DONE, (0, 0)), "nothing is new here")
        event = world.put_event("new", "calcom", new)
        version = world.put_event("new", "calcom", known.replace(b"Intro", b"Other"),
                                  **{"Payload-Version": "2027-05-05"})
        done = world.drain()
        match(done.stderr, rf"{event} unknown-event: BOOKING_APPLAUDED of Cal.com", "the log has the event")
        match(done.stderr, rf"{version} unknown-version: version 2027-05-05 .* Cal.com", "and the version")
        equal(counts(), (1, 1), "both are counted")
        equal(len(world.mails()), 4, "and mailed")
        text = [mail.get_body(("plain",)).get_content() for mail in world.mails()]
        ok(any("applause.words" in one and "Bravo" in one for one in text), "with what is readable", text)
        ok(not any("invented-one-time" in one for one in text), "but no secret")
        world.write("replay", "again", event_file("calcom", new))
        world.drain()
        equal((len(world.mails()), counts()), (5, (1, 1)), "mailed again, it is not counted again")
        match(world.run("bookspool", "status").stdout, "unknown_event 1 unknown_version 1",
              "status shows the counts")


def bad_is_counted():
    with Scripted() as server, by_smtp(server) as world:
        body = sample("calcom", "booking_created")
        key = id_of("calcom", body)
        world.write("new", key, event_file("calcom", body)[:-1])
        hour = time.time() - 3601
        os.utime(world.file("new", key), (hour, hour))
        match(world.drain(env={"BOOKSPOOL_LOG_LEVEL": "debug"}).stderr, r"drained: .* bad=1\b",
              "a torn event that goes to bad/ is in the last line of the run")
        world.arrive()
        done = world.drain()
        match(done.stderr, r"drained: .* bad=1\b", "and in that of each run after")
        equal(done.returncode, DONE, "which is no failure")


def no_memory():
    """An event that cannot be composed is not torn: it stays, is marked, and comes again later."""
    shim = os.path.join(BIN, "tests/alloc.so")
    if not os.path.exists(shim):
        skip("the shim goes with the plain programs only", 8)
        return
    with Scripted() as server, by_smtp(server) as world:
        def without_memory(at):
            return {"LD_PRELOAD": shim, "ALLOC_OF": "program", "ALLOC_AT": str(at),
                    "ALLOC_LOG": world.path("alloc.log")}

        def due(name):
            os.utime(world.file("new", name))
        world.arrive()
        world.drain(env=without_memory(0))
        count = len(world.log("alloc.log").splitlines())
        for at in range(count, 0, -1):
            key = world.arrive()
            done = world.drain(env=without_memory(at))
            if f"{key} not-composed" in done.stderr:
                break
        equal((done.returncode, world.spool("new"), world.spool("bad")), (IO_FAILED, [key], []),
              "an event without the memory for its mail stays in new/, and the run fails")
        match(done.stderr, "not-composed: .*memory.* in 3600s", "the log says why, and when it is tried again")
        match(done.stderr, "drained: .* uncomposed=1$", "and counts it")
        state = os.stat(world.file("new", key))
        ok(state.st_mode & 0o100 and state.st_mtime > time.time() + 3000, "it is marked, its time is set")
        done = world.drain(env={"BOOKSPOOL_LOG_LEVEL": "debug"})
        equal((done.returncode, "not-composed" in done.stderr), (DONE, False), "the next run leaves it alone")
        match(done.stderr, "drained: .* uncomposed=1$", "but counts it")
        due(key)
        done = world.drain()
        equal((done.returncode, world.spool("new"), len(world.spool("sent"))),
              (DONE, [], len(server.accepted)), "in time it is mailed")
        equal(os.stat(world.file("done", key)).st_mode & 0o100, 0, "and no longer marked")


def run_limit():
    with Scripted(delay=0.1) as server, by_smtp(server, BOOKSPOOL_RUN_LIMIT="1s") as world:
        for _ in range(30):
            world.arrive()
        done = world.drain()
        ok(0 < len(server.accepted) < 30, "BOOKSPOOL_RUN_LIMIT ends a run", len(server.accepted))
        match(done.stderr, "run-limit", "the log says so")
        equal((done.returncode, len(world.spool("sent")) + len(world.spool("out"))), (DONE, 30),
              "and the rest waits")


def refusals_at_the_end():
    """Refusals of one address are kept until the run's end; giving them up takes syncs."""
    for what, settings, stop in (("BOOKSPOOL_RUN_LIMIT", {"BOOKSPOOL_RUN_LIMIT": "1s"}, False),
                                 ("SIGTERM", {}, True)):
        with Scripted({"RCPT": "550 no"}, delay=0.05) as server, by_smtp(server, **settings) as world:
            for _ in range(40):
                world.arrive()
            process = world.start(program("bookspool-drain"), "drain.log")
            if stop:
                wait_for(lambda: server.commands.count("RCPT TO:<owner@example.org>") > 5)
                process.send_signal(signal.SIGTERM)
            equal(process.wait(60), DONE, f"{what} while refusals are kept: the run ends well")
            equal((world.failed(), len(world.spool("out"))), ([], 40),
                  "none is given up after it: they wait in out/")
            asked = server.commands.count("RCPT TO:<owner@example.org>")
            later = sum(os.stat(world.file("out", name)).st_mtime > time.time() + 30
                        for name in world.spool("out"))
            ok(0 < asked < 40, "some were asked about", asked)
            equal(later, asked, "and these are put off, so that the next run begins with others")


def stamp(world, age, mode=0o660):
    path = world.file(".pruned")
    with open(path, "w", encoding="ascii"):
        pass
    os.chmod(path, mode)
    os.utime(path, (time.time() - age, time.time() - age))


def old_mail(world, age):
    """A mail that was made so many seconds ago."""
    key = os.urandom(16).hex()
    when = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - age))
    world.write("out", f"{key}-{OWNER}", mail_file(key, Queued=when))
    os.chmod(world.file("out", f"{key}-{OWNER}"), 0o660)
    os.utime(world.file("out", f"{key}-{OWNER}"), (time.time() - 60, time.time() - 60))
    return key


def giving_up():
    def tried(age, last_visit, **mode):
        with Scripted({"RCPT": "450 not now"}) as server, by_smtp(server) as world:
            if last_visit is not None:
                stamp(world, last_visit, **mode)
            old_mail(world, age)
            done = world.drain()
            first = (len(world.failed()), "clock-doubted" in done.stderr)
            world.due_now()
            world.drain()
            return first, len(world.failed())
    equal(tried(6 * DAY, 3600), ((1, False), 1), "a mail of six days is given up")
    equal(tried(4 * DAY, 3600), ((0, False), 0), "one of four days is not")
    equal(tried(6 * DAY, 5 * DAY), ((0, True), 0),
          "nor one of six days when the clock may have jumped, in this run and the next")
    equal(tried(6 * DAY, -DAY), ((0, True), 0), "or went back")
    equal(tried(6 * DAY, None), ((0, True), 0), "or has not been watched yet")
    equal(tried(6 * DAY, 1.5 * DAY, mode=0o760), ((0, True), 1),
          "a day later the clock is believed again")


def stuck():
    with Scripted({"RCPT": "450 not now"}) as server, by_smtp(server) as world:
        young, old = old_mail(world, 23 * 3600), old_mail(world, 25 * 3600)
        done = world.drain()
        equal(re.findall(r"(\w{32}) stuck", done.stderr), [old],
              "a mail that could not be sent for a day is reported, a younger one is not")
        ok(young in done.stderr, "both were tried")


def counted(world):
    """Unknown outcomes, mails sent, and when the last one was."""
    return [file_of_counters.read(world.state_dir, *name) for name in (
        ("COUNT_MAIL_ATTEMPTS", "smtp", "unknown"), ("COUNT_MAIL_ATTEMPTS", "smtp", "sent"),
        ("COUNT_MAIL_LAST_AT",))]


def counters():
    with Scripted({"dot": [HANG_UP, "250 ok"]}) as server, by_smtp(server) as world:
        world.arrive()
        world.drain()
        unknown, _, last = counted(world)
        equal((unknown, last), (1, 0), "an unknown outcome is counted")
        world.due_now()
        world.drain()
        unknown, sent, last = counted(world)
        equal((sent, unknown), (1, 1), "and a mail that is sent")
        ok(abs(last / 1000 - time.time()) < 600, "with the time of the last one", last)


def closing_replies():
    """421 refuses; 221 only says goodbye, whenever it comes."""
    rows = (("at RSET", {"RSET": "221 bye" + HANG_UP}), ("at QUIT", {"QUIT": "221 bye" + HANG_UP}))
    for what, replies in rows:
        with Scripted(replies) as server, by_smtp(server) as world:
            for _ in range(3):
                world.arrive()
            equal((world.drain().returncode, len(server.accepted), len(world.spool("sent"))),
                  (DONE, 3, 3), f"a 221 {what} refuses nothing")
    with Scripted({"RCPT": ["221 bye" + HANG_UP, "250 ok"]}) as server, by_smtp(server) as world:
        world.arrive()
        done = world.drain()
        equal((done.returncode, world.outcome()), (DONE, "retry"), "a 221 in place of an answer is none")
        match(done.stderr, "smtp-rcpt-lost", "the connection is lost")


def told(world, *args):
    return world.run("bookspool", *args).stdout


def last_errors():
    """list, trace and status show why a mail waits, from a file that costs an accepted mail nothing."""
    with Scripted({"RCPT": "451-4.7.1 <owner@example.org>\r\n451 4.7.1 greylisted"}) as server, \
            by_smtp(server) as world:
        path = os.path.join(world.state_dir, "attempts")
        key = world.arrive()
        for tries in (1, 2):
            world.due_now()
            world.drain()
            item, = json.loads(told(world, "list", "out", "--json"))["items"]
            error = item["error"]
            equal((error["reason"], error["outcome"], error["tries"]), ("smtp-rcpt-451", "retry", tries),
                  f"after {tries} without success list out --json has the last error")
        equal(error["reply"], "451 4.7.1 <owner@example.org> greylisted", "and the server's words")
        match(error["words"], rf"^127\.0\.0\.1:{server.port} takes no mail for now$", "and ours")
        match(told(world, "list", "out"), rf", smtp-rcpt-451: 127\.0\.0\.1:{server.port} takes", "so has list out")
        shown = world.terminal("list")
        if shown is not None:
            ok(max(map(len, re.findall(r"(?m)^out .*", shown))) <= 80, "on a terminal in 80 columns", shown)
            match(shown, r"out .*, error 1\n(.*\n)*error 1, of 1 mail in out/: smtp-rcpt-451: 127",
                  "explained below")
        shown = told(world, "trace", key)
        match(shown, r"last error \d+ s ago, 2 without success: smtp-rcpt-451\n +127.*\n +in full: 451 4\.7\.1 <owner",
              "trace shows it in full")
        match(shown, r"1 mail waiting.*; last error: smtp-rcpt-451: 127", "and in its summary")
        equal(json.loads(told(world, "trace", key, "--json"))["files"][1]["error"], error, "trace --json has it too")
        reasons = json.loads(told(world, "status", "--json"))["out_errors"]
        equal([(one["reason"], one["mails"]) for one in reasons], [("smtp-rcpt-451", 1)], "status --json counts it")
        match(told(world, "status"), "error 1, of 1 mail in out/: smtp-rcpt-451: ", "status names it")
        equal(os.stat(path).st_mode & 0o777, 0o660, "the file is for the group")
        server.replies["RCPT"] = "250 ok"
        world.due_now()
        world.drain()
        equal((len(world.spool("sent")), os.path.exists(path)), (1, False), "sent: nothing is left of it")
        equal(json.loads(told(world, "status", "--json"))["out_errors"], [], "and status says so")


def last_error_of_a_run():
    """What blocks all mails is the last error of each, also of those that were not tried."""
    with Mailer("maildir:/nowhere/at/all") as world:
        keys = [world.arrive() for _ in range(3)]
        done = world.drain()
        words = "Maildir /nowhere/at/all: No such file or directory: make the directory that it is in"
        match(done.stderr, f"blocked: maildir-open: {words}", "a Maildir whose parent is missing: what to do")
        items = json.loads(told(world, "list", "out", "--json"))["items"]
        equal([(item["error"]["reason"], item["error"]["words"][:len(words)]) for item in items],
              [("maildir-open", words)] * 3, "it is the last error of each mail")
        for key in keys:
            match(told(world, "trace", key), f"last error: maildir-open: {words}", "trace says so")
        traces = [told(world, "trace", key) for key in keys]
        equal(sum("not tried: the run ended before it" in text for text in traces), 2, "and which were not tried")
        shown = world.terminal("list", "out")
        if shown is not None:
            equal(shown.count(", error 1\n"), 3, "list out counts one error")
        world.write_settings("drain.env", {"BOOKSPOOL_TRANSPORT": f"maildir:{world.dir}/box"})
        equal((world.drain().returncode, len(world.spool("sent"))), (DONE, 3), "corrected: all are sent")
        equal(os.listdir(world.state_dir).count("attempts"), 0, "and nothing is left of it")
    with Mailer("sendmail:/nowhere/sendmail") as world:
        world.arrive()
        match(world.drain().stderr, "blocked: sendmail-start-2: /nowhere/sendmail cannot be started: No such file or "
              "directory: install a mail server", "a sendmail that is missing: what to do")


def errors_without_their_file():
    """Delivery never depends on the file: no place for it, nonsense in it, too much of it."""
    def directory(path):
        os.mkdir(path)

    def nonsense(path):
        with open(path, "wb") as file:
            file.write(b"\0\xff\n\t\t\n*\t\nx\ty\tz\ta\tb\tc\td\nno line feed")

    def full(path):
        with open(path, "wb") as file:
            file.write(b"x\t2026-01-01T00:00:00Z\t1\tretry\ta\tb\tc\n" * 60_000)

    def link(path):
        os.symlink("/etc/passwd", path)

    for spoil in (directory, nonsense, full, link):
        with Scripted({"RCPT": ["450 not now", "250 ok"]}) as server, by_smtp(server) as world:
            path = os.path.join(world.state_dir, "attempts")
            spoil(path)
            world.arrive()
            equal((world.drain().returncode, len(world.spool("out"))), (DONE, 1), f"{spoil.__name__}: put off")
            listed = world.run("bookspool", "list", "out", "--json")
            equal((listed.returncode, len(json.loads(listed.stdout)["items"])), (0, 1), "it is listed")
            world.due_now()
            equal((world.drain().returncode, len(world.spool("sent"))), (DONE, 1), "and sent")
            equal(os.path.isfile(path), False, "what was in the file is gone")


if __name__ == "__main__":
    run_parts((the_ledger, mails_of_events_that_wait, junk, what_is_new,
               bad_is_counted, no_memory, run_limit, refusals_at_the_end, giving_up, stuck, counters,
               closing_replies, last_errors, last_error_of_a_run, errors_without_their_file))
    finish()
