#!/usr/bin/python3
"""What the drain tells the ledger, and what the tool says of it: conflicts, trace, rebuild."""

import datetime
import fcntl
import json
import os
import signal
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from bookspool import (World, equal, finish, match, ok, program, run_parts, sample,  # noqa: E402
                       utc, wait_for)

DAY = datetime.datetime.now(datetime.timezone.utc).replace(
    hour=15, minute=0, second=0, microsecond=0) + datetime.timedelta(days=3)
TABLES = "booking person notice decision overlap entry shared detail host".split()
INVITEE = "https://api.calendly.com/scheduled_events/{0}/invitees/{0}"


class Books(World):
    """Events are put into new/ by hand, as a receiver leaves them there."""

    def __init__(self, **more):
        super().__init__(**more)
        for name in "tmp new replay done out sent failed held bad".split():
            os.mkdir(self.file(name), 0o770)
        self.database = os.path.join(self.state_dir, "ledger.db")
        self.now = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(seconds=20)

    def put(self, provider, body, directory="new", **fields):
        """One event, a second after the one before."""
        self.now += datetime.timedelta(seconds=1)
        event = body.get("triggerEvent") or body["event"]
        key = self.put_event(directory, provider, json.dumps(body).encode(), Event=event,
                             Received=utc(self.now), **fields)
        os.utime(self.file(directory, key), (self.now.timestamp(), self.now.timestamp()))
        return key

    def calcom(self, name, uid, start, previous=None, **more):
        body = json.loads(sample("calcom", name))
        payload = body["payload"]
        body["createdAt"] = utc(self.now)
        payload.update(uid=uid, iCalUID=f"{uid}@Cal.com", startTime=utc(start),
                       endTime=utc(start + datetime.timedelta(minutes=30)), **more)
        for name in "rescheduleStartTime", "rescheduleEndTime", "rescheduleUid":
            payload.pop(name, None)
        if previous:
            payload["rescheduleUid"] = previous
        return self.put("calcom", body)

    def calendly(self, name, who, start, old=None, new=None):
        body = json.loads(sample("calendly", name))
        payload = body["payload"]
        body["created_at"] = utc(self.now)
        payload.update(uri=INVITEE.format(who), old_invitee=old and INVITEE.format(old),
                       new_invitee=new and INVITEE.format(new))
        payload["scheduled_event"].update(
            start_time=utc(start), end_time=utc(start + datetime.timedelta(minutes=30)))
        return self.put("calendly", body)

    def tool(self, *args, code=0, name=None, **more):
        done = self.run("bookspool", *args, **more)
        equal(done.returncode, code, name or "bookspool " + " ".join(args)[:60])
        self.said = done.stderr
        return done.stdout

    def json(self, *args, **more):
        return json.loads(self.tool(*args, "--json", **more) or "{}")

    def drained(self, **env):
        done = self.drain(env=env)
        if done.returncode:
            ok(False, "the drain runs", done.stderr)

    def contents(self):
        return [sorted(map(repr, self.sql(f"SELECT * FROM {name}"))) for name in TABLES]

    def sql(self, text):
        return self.ledger_rows(text, None if self.server else f"sqlite:{self.database}")

    def decision(self, key):
        return self.json("trace", key, name="trace " + key[:8])["ledger"] or {}


def same(got, want, name):
    lost = [f"{table}: {row}" for table, have, rows in zip(TABLES, got, want)
            for row in sorted(set(have) ^ set(rows))]
    ok(not lost, name, "only on one side:\n" + "\n".join(lost[:10]))


def conflicts():
    with Books(settings={"BOOKSPOOL_TIMEZONE": "Europe/Berlin"}) as world:
        equal(world.json("list", "--conflicts"), {"conflicts": []}, "no ledger, no conflicts")
        ok(not os.path.exists(world.database), "to look makes no ledger")
        half_past = DAY + datetime.timedelta(minutes=15)
        world.calcom("booking_created", "one", DAY)
        late = world.calendly("invitee_created", "E2", half_past)
        world.calcom("booking_created", "next", DAY + datetime.timedelta(minutes=45))
        world.drained()
        found = world.json("list", "--conflicts")["conflicts"]
        equal([[b["provider"] for b in c["bookings"]] for c in found], [["calcom", "calendly"]],
              "bookings of both providers overlap, those that touch do not")
        equal(found[0]["bookings"][1]["start"], utc(half_past), "when")
        equal(found[0]["organizer"], "olga@example.org", "whose")
        rows = [line.split("\t") for line in world.tool("list", "--conflicts").splitlines()]
        equal([(r[0], r[2], r[3], r[4]) for r in rows],
              [("1", "30", "calcom", "Ada Example"), ("1", "30", "calendly", "Ada Example")],
              "two lines tell who and where")
        shown = world.terminal("list", "--conflicts")
        if shown is not None:
            match(shown, r"(?m)^1 +20\d\d-\d\d-\d\d 1[67]:15 CES?T +30 +calendly +Ada Example ",
                  "on a terminal in the owner's zone")
        equal(world.decision(late)["overlaps"], 1, "the event knows of it too")
        match(world.tool("trace", late), r"ledger: notified \(first-report\).* overlaps 1 other\n", "in words")
        world.calendly("invitee_canceled", "E2", half_past)
        world.drained()
        equal(world.json("list", "--conflicts"), {"conflicts": []}, "a cancelled one is no conflict")
        world.tool("list", "--conflicts", "new", code=64)


def meanings():
    """The rules have their own tests; here, that the drain asks and the tool tells."""
    with Books(drain={"BOOKSPOOL_MOVE_WAIT": "0s"}) as world:
        first = world.calcom("booking_created", "one", DAY)
        moved = world.calcom("booking_rescheduled", "two", DAY + datetime.timedelta(hours=2), "one")
        late = world.calcom("booking_cancelled", "one", DAY)
        alone = world.calendly("invitee_canceled_moved", "E1", DAY, new="E2")
        world.drained()
        equal(world.decision(first)["calendar_uid"], "one@Cal.com", "the provider's UID is kept")
        told = world.decision(moved)
        equal((told["calendar_uid"], told["sequence"], told["previous_start"]),
              ("one@Cal.com", 1, utc(DAY)), "and goes on with the move")
        equal(world.decision(late)["late"], True, "what is over is told as such")
        equal(world.decision(alone)["reason"], "partner-missing", "a half alone is mailed")
        copy = world.record("done", first)[1]
        body = json.loads(copy)
        body["createdAt"] = utc(world.now)
        again = world.put("calcom", body)
        world.drained()
        match(world.tool("trace", again), r"ledger: not notified \(repeated-fact\)",
              "another subscription's copy is suppressed")
        equal([n for n in world.spool("sent") if n.startswith(again)], [], "nobody is mailed")


def fill(world):
    """Everything that can come, the moved halves in both orders."""
    hour = datetime.timedelta(hours=1)
    world.calcom("booking_created", "one", DAY)
    world.calcom("booking_created_seat", "seats", DAY + hour, attendeeSeatId="s1")
    world.calcom("booking_cancelled_seat", "seats", DAY + hour)
    world.calendly("invitee_canceled_moved", "E1", DAY, new="E2")
    world.drained()
    world.calendly("invitee_created_moved", "E2", DAY + 2 * hour, old="E1")
    world.calendly("invitee_created_moved", "E4", DAY + 3 * hour, old="E3")
    world.calendly("invitee_canceled_moved", "E3", DAY, new="E4")
    world.drained()
    world.calcom("booking_requested_move", "two", DAY + 2 * hour, "one")
    world.calcom("booking_created", "two", DAY + 2 * hour)
    world.calcom("booking_cancelled", "three", DAY)
    world.calcom("booking_created", "three", DAY)
    world.put("calcom", json.loads(sample("calcom", "form_submitted")))
    world.drained()
    equal(len(world.spool("new")), 1, "a half waits for the other")
    for name in world.spool("new"):
        os.utime(world.file("new", name))
    world.drained(BOOKSPOOL_MOVE_WAIT="0s")


def rebuilt():
    with Books(drain={"BOOKSPOOL_MOVE_WAIT": "30m"}) as world:
        fill(world)
        equal(world.spool("new"), [], "all is told")
        equal(len(world.spool("done")), 12, "and done")
        before = world.contents()
        if not world.server:
            another(world, before)
        equal(world.json("rebuild"), {"events": 12, "left_out": 0, "forgotten": 0}, "counts in JSON")
        match(world.tool("rebuild"), "rebuilt from 12 events; 0 were left out", "for people")
        same(world.contents(), before, "every row is the same")
        if world.server:
            return  # what follows is done to a file
        for name in "", "-wal", "-shm":
            if os.path.exists(world.database + name):
                os.remove(world.database + name)
        world.tool("rebuild")
        same(world.contents(), before, "a lost ledger comes back the same")
        equal(os.stat(world.database).st_mode & 0o777, 0o660, "and is the group's too")
        tampered(world, before)
        refusals(world, before)


def done_at_once():
    """Of what was done within one tick of the kernel's clock, the order of arrival counts."""
    with Books() as world:
        for number in range(8):
            world.calcom("booking_created", f"b{number}", DAY)
            world.calcom("booking_cancelled", f"b{number}", DAY)
        world.drained()
        before = world.contents()
        for name in world.spool("done"):
            os.utime(world.file("done", name), (world.now.timestamp(), world.now.timestamp()))
        equal(world.json("rebuild")["events"], 16, "events that were done at one moment")
        same(world.contents(), before, "are entered as they arrived")


def another(world, before):
    """A new ledger elsewhere shows what would change, and changes nothing."""
    world.sql("UPDATE booking SET state = 'pending' WHERE uid = 'three'")
    wrong, here = world.contents(), world.database
    world.database = world.path("new.db")
    world.tool("rebuild", env={"BOOKSPOOL_LEDGER": f"sqlite:{world.database}"}, name="another ledger")
    same(world.contents(), before, "is the right one")
    world.database = here
    same(world.contents(), wrong, "and the old one is left alone")


def tampered(world, before):
    world.sql("UPDATE booking SET state = 'accepted' WHERE uid = 'three'")
    world.sql("DELETE FROM notice WHERE uid = 'one'")
    broken = world.file("done", "0" * 32)
    with open(broken, "wb") as file:
        file.write(b"rubbish")
    equal(world.json("rebuild")["left_out"], 1, "what is not whole is left out")
    match(world.said, "done/0{32}: ", "and named")
    os.remove(broken)
    same(world.contents(), before, "the rest is put right")
    equal(world.spool("new") + world.spool("out"), [], "and nothing is mailed again")


def refusals(world, before):
    with open(world.file("lock"), "wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        world.tool("rebuild", code=75, name="not while a drain is at work")
    world.tool("rebuild", "x", code=64)
    with open(world.database, "wb") as file:
        file.write(b"This is no database at all.\n" * 400)
    world.tool("rebuild", code=78, name="what is no ledger is not written over")
    match(world.said, "move it away and run bookspool rebuild", "it says what to do")
    world.tool("list", "--conflicts", code=66)
    match(world.said, "move it away", "to look says so too")
    match(world.tool("trace", world.spool("done")[0]), "done/", "trace tells the rest")
    os.rename(world.database, world.database + ".broken")
    world.tool("rebuild")
    same(world.contents(), before, "and that helps")


def forgetting():
    """What was booked more than a year ahead is still known when it comes; events are forgotten
    after the retention, in the drain's daily visit."""
    with Books(settings={"BOOKSPOOL_RETENTION": "10d", "BOOKSPOOL_RETENTION_SENT": "20d"}) as world:
        for uid in "lately", "longago":
            world.calcom("booking_created", uid, DAY)
        equal(world.drain().returncode, 0, "two bookings")
        now = int(time.time() * 1000)
        for uid, days in ("lately", 399), ("longago", 401):
            world.sql(f"UPDATE booking SET start = {now - days * 86400000}, finish = NULL,"
                      f" stamp = {now - days * 86400000} WHERE uid = '{uid}'")
            if world.server:  # where nothing computes it
                world.sql("UPDATE booking SET busy = start + 1800000")
        keys = world.spool("done")
        for key, days in zip(keys, (399, 401)):
            world.sql(f"UPDATE decision SET arrived = {now - days * 86400000} WHERE id = '{key}'")
        mails = world.spool("sent")
        for directory, names, ages in (("done", keys, (9, 11)), ("sent", mails, (15, 21))):
            for name, days in zip(names, ages):
                os.utime(world.file(directory, name), (time.time() - days * 86400,) * 2)
        os.utime(world.file(".pruned"), (time.time() - 90000,) * 2)
        equal(world.drain().returncode, 0, "a day later")
        equal(world.sql("SELECT uid FROM booking"), [("lately",)], "a booking of 399 days ago is known")
        equal(world.sql("SELECT id FROM decision"), [(keys[0],)], "and so is a decision")
        equal((world.spool("done"), world.spool("sent")), (keys[:1], mails[:1]),
              "events and mails go by their own retention")


def elsewhere():
    with Books(drain={"BOOKSPOOL_LEDGER": "postgresql://ann:secret@/books?host=/none"}) as world:
        world.tool("rebuild", code=78)
        match(world.said, "postgresql://ann@/none/books: .*No such file or directory.*; the next run connects again",
              "a server that is not there")
        ok("secret" not in world.said, "without the password")
    with Books(drain={"BOOKSPOOL_LEDGER": "mysql://ann:secret@db/books"}) as world:
        world.tool("rebuild", code=78)
        match(world.said, "BOOKSPOOL_LEDGER: mysql is not sqlite:PATH or postgresql://USER@HOST/DATABASE",
              "another kind of server")
        ok("secret" not in world.said, "without the password")


def cut_short():
    """Killed in the middle, it leaves the old ledger, never a part of the new one."""
    with Books() as world:
        body = json.loads(sample("calcom", "booking_created"))
        for i in range(800):
            body["payload"].update(uid=f"b{i}", startTime=utc(DAY + datetime.timedelta(hours=i)))
            world.put("calcom", body, "done", Id=f"{i:032x}")
        world.tool("rebuild")
        whole = world.contents()
        world.sql("UPDATE booking SET title = 'old'")
        old = world.contents()
        process = world.start([*program("bookspool"), "rebuild"], "rebuild.log")
        wal = world.database + "-wal"
        wait_for(lambda: process.poll() is not None or os.path.exists(wal), step=0.001)
        time.sleep(0.03)
        world.stop(process, signal.SIGKILL)
        ok(world.contents() in (old, whole), "all or nothing")
        world.tool("rebuild")
        same(world.contents(), whole, "the next one ends it")


run_parts((conflicts, meanings, rebuilt, done_at_once, forgetting, elsewhere, cut_short))
finish()
