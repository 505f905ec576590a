#!/usr/bin/python3
"""bookspool forget: a person leaves spool and ledger, and nothing is mailed again."""

import datetime
import email
import email.policy
import fcntl
import json
import os
import shutil
import sqlite3
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from bookspool import (World, event_file, equal, finish, id_of, match, ok, program,  # noqa: E402
                       run_parts, sample, utc)

ADA, NAME = "ada@example.com", "Ada Example"
NOW = datetime.datetime.now(datetime.timezone.utc).replace(minute=0, second=0, microsecond=0)
SOON, OVER = NOW + datetime.timedelta(days=3), NOW - datetime.timedelta(days=3)
LEFT, WRONG, USAGE, DATA = 75, 78, 64, 65


def calcom(uid, start, name=NAME, address=ADA, event="booking_created", **more):
    """A booking by one person, without guests."""
    body = json.loads(sample("calcom", event))
    payload = body["payload"]
    payload.update(uid=uid, iCalUID=f"{uid}@Cal.com", startTime=utc(start),
                   endTime=utc(start + datetime.timedelta(minutes=30)),
                   title=f"Intro call between Olga Example and {name}", **more)
    payload["attendees"] = [{**payload["attendees"][0], "name": name, "email": address}]
    text = json.dumps(body)
    for old, new in ((NAME, name), (ADA, address), ("gus@example.com", "olga@example.org")):
        text = text.replace(old, new)
    return text.encode()


def calendly(uid, start, answer):
    body = json.loads(sample("calendly", "invitee_created"))
    head = "https://api.calendly.com/scheduled_events"
    payload = body["payload"]
    payload.update(uri=f"{head}/{uid}/invitees/{uid}", name="Ben Other", email="ben@example.net",
                   questions_and_answers=[{"question": "Anything else?", "answer": answer,
                                           "position": 0}])
    payload["scheduled_event"].update(uri=f"{head}/{uid}", start_time=utc(start), end_time=utc(
        start + datetime.timedelta(minutes=30)))
    return json.dumps(body, ensure_ascii=False).encode()


class Site(World):
    """A spool with a drain, whose mails go into a Maildir beside the state directory."""

    def __init__(self, **settings):
        super().__init__()
        self.transport = {"BOOKSPOOL_TRANSPORT": f"maildir:{self.path('Maildir')}"}
        base = {"BOOKSPOOL_SPOOL": self.spool_dir, "BOOKSPOOL_STATE": self.state_dir,
                "BOOKSPOOL_MAIL_TO": "owner@example.org", "BOOKSPOOL_RESERVE": "0,0",
                "BOOKSPOOL_MAIL_FROM": "bookspool@example.org", "BOOKSPOOL_MAIL_ATTENDEE": "yes",
                "BOOKSPOOL_MOVE_WAIT": "0s"}
        self.write_settings("bookspool.conf", {**base, **self.transport, **settings})
        self.arrived = NOW - datetime.timedelta(hours=1)
        self.drain()  # makes the directories

    def arrive(self, provider, body, directory="new", **fields):
        """An event, a second after the one before."""
        self.arrived += datetime.timedelta(seconds=1)
        return self.put_event(directory, provider, body, Received=utc(self.arrived),
                              Event=json.loads(body).get("triggerEvent", "invitee.created"), **fields)

    def delivered(self):
        return len(self.mails(self.path("Maildir")))

    def forget(self, *args, code=0, name=None, **more):
        done = self.run("bookspool", "forget", *args, **more)
        equal(done.returncode, code, name or "bookspool forget " + " ".join(args))
        self.said = done.stderr
        return done.stdout

    def json(self, *args, **more):
        return json.loads(self.forget(*args, "--json", **more) or "{}")

    def where(self, *texts):
        """Names of files of spool and state that have one of the texts; of mails, as they are read."""
        found = []
        for top in (self.spool_dir, self.state_dir):
            for folder, _, names in os.walk(top):
                for name in names:
                    with open(os.path.join(folder, name), "rb") as file:
                        raw = file.read()
                    if raw.startswith(b"Bookspool-Mail"):
                        raw += readable(raw.partition(b"\n\n")[2])
                    if any(text.encode() in raw for text in texts):
                        found.append(os.path.relpath(os.path.join(folder, name), self.dir))
        return sorted(found)

    def rows(self, ask):
        return self.ledger_rows(ask)


def readable(message):
    letter = email.message_from_bytes(message, policy=email.policy.default)
    parts = [part.get_payload(decode=True) or b"" for part in letter.walk()]
    return b"\n".join([str(list(letter.items())).encode(), *parts]).replace(b"\r\n ", b"")


def snapshot(world):
    found = {}
    for folder, _, names in os.walk(world.spool_dir):
        for name in names:
            path = os.path.join(folder, name)
            with open(path, "rb") as file:
                found[path] = (file.read(), os.stat(path).st_mtime_ns)
    return found


# ---- the parts ----


def a_person():
    with Site() as world:
        ada = [calcom("ada-over", OVER), calcom("ada-soon", SOON)]
        ben = calcom("ben-soon", SOON, "Ben Other", "ben@example.net")
        note = calendly("mention", SOON + datetime.timedelta(days=1),
                        "Bitte auch an ADA@Example.com schicken.")
        ids = [world.arrive("calcom", body) for body in ada]
        other = world.arrive("calcom", ben)
        mentioned = world.arrive("calendly", note)
        world.drain()
        delivered = world.delivered()
        equal(delivered, 8, "four bookings are mailed, to owner and customer")
        world.rows(f"INSERT INTO answer VALUES('0', 'calendly', 0, 0, '{{\"email\":\"{ADA}\"}}')")  # of an API
        ok(len(world.where(ADA.upper(), ADA, NAME, "ADA@")) > 8, "the person is in many files", world.where(ADA, NAME))
        before = snapshot(world)
        counts = world.json("ada@Example.COM", "--dry-run")
        equal(snapshot(world), before, "a dry run changes nothing in the spool")
        equal(len(world.rows("SELECT 1 FROM person UNION ALL SELECT 1 FROM notice "
                             f"WHERE person = '{ADA}'")), 2, "and nothing in the ledger")
        equal({**world.json("ada@Example.COM"), "dry_run": True}, counts, "it counts the same")
        equal((counts["spool"]["done"], counts["spool"]["sent"]), (3, 8),
              "of three bodies, and of the mails about them and about the booking beside one")
        equal((counts["ledger"]["bookings"], counts["ledger"]["upcoming"]), (2, 1),
              "the ledger had two of the person's bookings, and one is to come")
        equal(world.where(ADA, ADA.upper(), "ADA@", NAME), [], "no file has address or name any more")
        equal(world.spool("done"), sorted([*ids, other, mentioned]), "done/ has all names")
        equal(world.rows("SELECT uid, state FROM booking WHERE who IS NULL ORDER BY uid"),
              [("ada-over", "accepted"), ("ada-soon", "accepted")],
              "bookings stay, without a name, so that none is taken for one that never arrived")
        equal(len(world.rows("SELECT 1 FROM booking WHERE who = 'Ben Other'")), 2,
              "others keep theirs")
        for path, (data, when) in before.items():
            if "/done/" in path:
                equal(os.stat(path).st_mtime_ns, when, "the retention counts from the same time")
                equal(snapshot(world)[path][0] == data, other in path, "only that body is there")
        nothing_is_mailed_again(world, ids, ada, delivered)
        said = world.json(ADA)
        equal([*said["spool"].values(), *said["ledger"].values()], [0] * 8, "again: nothing is left")


def nothing_is_mailed_again(world, ids, bodies, delivered):
    world.start_receiver()
    world.start_nginx()
    answers = [world.post("calcom", body) for body in bodies]
    equal([(answer.status, answer.json.get("status")) for answer in answers],
          [(200, "duplicate")] * 2, "a retry is known")
    equal((world.spool("held"), world.spool("new")), ([], []), "and not stored")
    for body in bodies:  # as a receiver that asked too early
        world.arrive("calcom", body)
    done = world.drain()
    equal((done.returncode, world.spool("new"), world.delivered()), (0, [], delivered),
          "a late duplicate is dropped, and mailed to nobody")
    for command in ("show", "render", "replay"):
        done = world.run("bookspool", command, ids[0])
        equal(done.returncode, DATA, f"bookspool {command} says so")
        match(done.stderr, "removed by bookspool forget", "in words")
    match(world.run("bookspool", "trace", ids[0]).stdout, "removed by bookspool forget", "and trace")
    equal(world.run("bookspool", "check", world.file("done", ids[0])).returncode, 0,
          "the file is intact")
    done = world.run("bookspool", "rebuild", "--json")
    equal(json.loads(done.stdout), {"events": 1, "left_out": 0, "forgotten": 3},
          "a rebuild leaves it out")
    os.link(world.file("done", ids[0]), world.file("replay", "by-hand"))
    equal((world.drain().returncode, world.delivered()), (0, delivered),
          "a replay by hand mails nothing")
    os.unlink(world.file("replay", "by-hand"))


def the_moment():
    """A retry within its window, just after: the memory is there at once."""
    with Site() as world:
        world.start_receiver()
        world.start_nginx()
        body = json.loads(calcom("now", SOON))
        body["createdAt"] = utc(datetime.datetime.now(datetime.timezone.utc))
        body = json.dumps(body).encode()
        equal(world.post("calcom", body).json.get("status"), "accepted", "a booking comes")
        world.drain()
        world.forget(ADA)
        equal(world.post("calcom", body).json.get("status"), "duplicate", "its retry is known")
        world.drain()
        equal(world.delivered(), 2, "and mailed once")


def what_waits():
    with Site(BOOKSPOOL_TRANSPORT="smtp://127.0.0.1:1", BOOKSPOOL_SMTP_TIMEOUT=None) as world:
        body = calcom("waits", SOON)
        world.arrive("calcom", body)
        said = world.json(ADA, code=LEFT, name="an event in new/ waits")
        equal((said["waiting"], world.spool("new")), (1, [id_of("calcom", body)]),
              "it is reported and left alone")
        world.drain()
        equal(len(world.spool("out")), 2, "its mails wait")
        said = world.json(ADA, code=LEFT, name="mails in out/ wait")
        equal((said["waiting"], len(world.spool("out")), said["spool"]["done"]), (2, 2, 0),
              "they are left alone, and so is their event")
        ok(world.where(ADA), "which still has the person")
        world.write_settings("bookspool.conf", {
            "BOOKSPOOL_SPOOL": world.spool_dir, "BOOKSPOOL_STATE": world.state_dir,
            "BOOKSPOOL_RESERVE": "0,0", **world.transport})
        for name in world.spool("out"):
            os.utime(world.file("out", name))
        world.drain()
        equal((world.delivered(), world.json(ADA)["waiting"]), (2, 0), "sent, they are forgotten")
        equal(world.where(ADA, NAME), [], "and no file has the person")


def set_aside():
    with Site() as world:
        held = world.arrive("calcom", calcom("held", SOON), "held")
        world.arrive("calcom", calcom("held-other", SOON, "Ben Other", "ben@example.net"), "held")
        torn = event_file("calcom", calcom("torn", SOON))[:-20]
        world.write("bad", id_of("calcom", b"torn"), torn)
        world.write("bad", id_of("calcom", b"torn") + ".why", b"its body is shorter than Length says\n")
        body = calcom("refused", SOON)
        key = world.arrive("calcom", body)
        world.drain()
        for name in world.spool("sent"):  # as if they had been given up
            os.rename(world.file("sent", name), world.file("failed", name))
            world.write("failed", name + ".why", f"550 <{ADA}> unknown\n".encode())
        counts = world.json(ADA)["spool"]
        equal((counts["held"], counts["bad"], counts["failed"]), (1, 1, 2),
              "what is held, torn or given up")
        equal((world.spool("bad"), world.spool("failed")), ([], []), "goes, with its reasons")
        equal((held in world.spool("held"), len(world.spool("held"))), (False, 1),
              "what others sent stays")
        equal((world.spool("done"), world.where(ADA, NAME)), ([key], []), "and the memory stays")


def an_agenda():
    """It names persons, and belongs to no event."""
    hours = 12 - NOW.hour  # a zone in which it is noon now
    due = {"BOOKSPOOL_AGENDA": "10:00", "BOOKSPOOL_TIMEZONE": f"Etc/GMT{-hours:+d}"}
    with Site() as world:
        world.arrive("calcom", calcom("today", NOW + datetime.timedelta(hours=1)))
        world.drain(env=due)
        subjects = [letter["Subject"] for letter in world.mails(world.path("Maildir"))]
        ok(len(subjects) > 2, "an agenda is mailed", subjects)
        world.forget(ADA)
        equal(world.where(ADA, NAME), [], "an agenda that names the person goes")
        world.drain(env=due)
        equal(world.delivered(), len(subjects), "and is not made again")


def an_older_ledger():
    """Its bookings outlive their events."""
    with Site() as world:
        key = world.arrive("calcom", calcom("old", OVER, location="+1 555 0100"))
        world.drain()
        os.unlink(world.file("done", key))
        with sqlite3.connect(os.path.join(world.state_dir, "ledger.db")) as ledger:
            for i, body in enumerate((f'{{"email":"{ADA}"}}', '{"resource":"an event"}')):
                ledger.execute("INSERT INTO answer VALUES(?, 'calcom', 1, 1, ?)", (str(i), body))
        ledger.close()
        kept = os.path.join(world.state_dir, "ledger.db")
        shutil.copy(kept, kept + ".1")  # as an upgrade leaves it
        counts = world.json(ADA)
        equal((counts["spool"]["done"], counts["spool"]["sent"]), (0, 2), "only mails were left")
        equal(counts["ledger"]["bookings"], 1, "and a booking")
        equal(world.where(ADA, NAME, "555 0100"), [], "no file has the person any more")
        equal(world.rows("SELECT count(*) FROM answer"), [(0,)], "nor have cached answers")
        ok(not os.path.exists(kept + ".1"), "nor an earlier ledger")


def refusals():
    with Site(BOOKSPOOL_NOTIFY="cancelled: boss@example.org") as world:
        world.arrive("calcom", calcom("one", SOON))
        world.drain()
        before = snapshot(world)
        world.forget("olga@example.org", code=USAGE)
        match(world.said, "address of a host", "a host is none")
        world.forget("boss@example.org", code=USAGE)
        match(world.said, "BOOKSPOOL_NOTIFY has this address", "nor who gets the mails")
        for words in ((), ("ada",), (ADA, "ben@example.net")):
            world.forget(*words, code=USAGE)
        with open(world.file("lock"), "rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            world.forget(ADA, code=LEFT, name="while a drain is at work")
            match(world.said, "a drain is at work", "it says so")
        equal(snapshot(world), before, "nothing was changed")
        match(world.forget(ADA), r"(?s)Cal\.com.*backups", "it names the places out of its reach")


def beside_others():
    """Beside drains, and interrupted at any moment: the next call ends it."""
    with Site() as world:
        for i in range(40):
            world.arrive("calcom", calcom(f"n{i}", SOON + datetime.timedelta(hours=i)))
        world.drain()
        delivered = world.delivered()
        for milliseconds in (5, 10, 20, 40, 80):
            process = subprocess.Popen([*program("bookspool"), "forget", ADA], env=world.env(),
                                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            try:
                process.wait(milliseconds / 1000)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            equal(world.drain().returncode, 0, "a drain after it goes on")
            equal(len(world.spool("done")), 40, "with all of its memory")
        world.forget(ADA)
        equal(world.where(ADA, NAME), [], "and the next call leaves nothing")
        equal(world.delivered(), delivered, "nothing was mailed again")


run_parts((a_person, the_moment, what_waits, set_aside, an_agenda, an_older_ledger, refusals,
           beside_others))
finish()
