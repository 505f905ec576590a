#!/usr/bin/python3
"""The daily agenda: what it says, that it comes once a day and to each reader, and when it does not."""

import datetime
import hashlib
import json
import os
import re
import shutil
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from bookspool import BIN, equal, finish, mark_of, match, ok, program, run_parts, skip  # noqa: E402
from fault_steps import LEAVES  # noqa: E402
from mailbox import START, Office  # noqa: E402

if os.access("/dev/shm", os.W_OK) and "TMPDIR" not in os.environ:  # no power is cut here
    tempfile.tempdir = "/dev/shm"
SHIM = os.path.join(BIN, "tests/shim.so")
HOUR = datetime.timedelta(hours=1)
OWNER = "owner@example.org"
WRONG = 78


def noon():
    """A zone in which it is between 11 and 13 o'clock now, however the test's day goes on."""
    hours = 12 - datetime.datetime.now(datetime.timezone.utc).hour
    return f"Etc/GMT{-hours:+d}", datetime.timezone(datetime.timedelta(hours=hours))


def id_of_agenda(day, reader):
    return hashlib.sha256(b"agenda\0" + f"{day}{reader}".encode()).hexdigest()[:32]


class Desk(Office):
    """An office whose agenda is due since ten o'clock of a zone where it is about noon."""

    def __init__(self, agenda="10:00", **settings):
        name, self.zone = noon()
        super().__init__(**{"BOOKSPOOL_AGENDA": agenda, "BOOKSPOOL_TIMEZONE": name,
                            "BOOKSPOOL_MOVE_WAIT": "0s", **settings})
        self.today = datetime.datetime.now(self.zone).replace(minute=0, second=0, microsecond=0,
                                                              hour=0)
        self.day = f"{self.today:%Y-%m-%d}"

    def book(self, sample, uid, clock, days=0, known=False, provider="calcom", **fields):
        """A booking's event at "15:30" of today, or so many days later; known: of four days ago."""
        hour, minute = map(int, clock.split(":"))
        start = self.today + datetime.timedelta(days=days, hours=hour, minutes=minute)
        before, self.now = self.now, self.now - datetime.timedelta(days=4 if known else 0)
        key = self.arrive(provider, sample, uid, (start - START) / HOUR, **fields)
        self.now = before + datetime.timedelta(seconds=1)
        return key

    def agendas(self, **env):
        """Runs the drain; the agendas that it mailed, by reader."""
        self.drained(**env)
        letters = self.post()
        for letter in letters:
            ok(not letter.faults, "a mail without a fault", letter.faults)
        return {letter.to: letter for letter in letters if "agenda" in letter.text.lower()
                or "Tagesübersicht" in letter.text}

    def forget(self, ledger=False, spool=False):
        if ledger:
            self.ledger_rows("DELETE FROM agenda")
        for name in self.spool("sent") if spool else []:
            os.unlink(self.file("sent", name))


def whom(name):
    return [{"name": name, "email": f"{name.lower()}@example.com", "timeZone": "Europe/Berlin"}]


def says():
    with Desk() as desk:
        desk.book("booking_created", "old", "15:00", known=True, attendees=whom("Cara"))
        desk.book("booking_created", "gone", "18:00", known=True, attendees=whom("Dan"))
        desk.book("booking_created", "here", "14:00", known=True, attendees=whom("Abe"))
        desk.drained()
        desk.post()
        desk.forget(ledger=True, spool=True)
        desk.book("booking_rescheduled", "later", "16:30", previous="old", attendees=whom("Cara"))
        desk.book("booking_cancelled", "gone", "18:00", attendees=whom("Dan"))
        desk.book("invitee_created", "meets", "14:15", provider="calendly")
        desk.book("booking_requested", "asks", "09:45", days=3, attendees=whom("Eve"))
        desk.book("booking_created", "next", "11:00", days=9, attendees=whom("Fay"))
        letter = desk.agendas()[OWNER]
        date, zone = f"{desk.today:%a} {desk.today.day} {desk.today:%b %Y}", r"UTC\S*"
        equal(letter.subject, f"{date}: 3 bookings from 14:00, with overlaps, 1 open request",
              "the subject says what kind of day it is")
        match(letter.text, rf"^{desk.today:%A}, {desk.today.day} {desk.today:%B %Y} \(Etc/GMT",
              "the text begins with the day")
        match(letter.text, rf"\n14:00 to 14:30 {zone}\n  Abe\n.*\n(.*\n)*?  ! Overlaps another",
              "who comes when, and an overlap")
        match(letter.text, rf"\n14:15 to 14:45 {zone}\n  Ada Example\n", "the other one of it")
        match(letter.text, rf"\n16:30 to 17:00 {zone}\n  Cara\n", "a moved one at its new time")
        ok("\n18:00" not in letter.text, "a cancelled one takes no time")
        match(letter.text, r"(?s)Open requests:\n  \S+ \d+ \S+ \d+, 09:45 to 10:15 \S+\n    Eve, ",
              "the requests that wait")
        match(letter.text, r"(?s)14:15 to.*?\n  https://zoom\.example\.com/j/1234567890\n", "where")
        changes = letter.text.partition("Since yesterday:\n")[2]
        match(changes, r"Moved: .*16:30 to 17:00.*\n    Cara, .*\n    Previously: .*15:00", "moved")
        match(changes, r"Cancelled: .*18:00 to 18:30.*\n    Dan, ", "cancelled")
        match(changes, r"New: .*14:15.*\n    Ada Example", "new, at Calendly")
        match(changes, r"New: .*11:00 to 11:30.*\n    Fay, ", "new, of another day")
        ok("Abe" not in changes and "Eve" not in changes, "and nothing else", changes)
        for piece in ("Abe", "Cara", "Overlaps another booking.", "Open requests", "Since yesterday"):
            ok(piece in letter.page.text, f"the page says {piece}", letter.page.text)
        equal(letter.calendar, None, "there is no calendar part")
        key = id_of_agenda(desk.day, OWNER)
        equal((letter.mail["X-Bookspool-Id"], f"{key}-{mark_of(OWNER)}" in desk.spool("sent")),
              (key, True), "its id is made of the day and the reader")
        equal(letter.mail["Date"].datetime, desk.today + 10 * HOUR, "its date is when it was due")


def once():
    with Desk() as desk:
        desk.book("booking_created", "one", "14:00")
        equal(list(desk.agendas()), [OWNER], "it comes")
        equal(desk.agendas(), {}, "and not by the next run")
        desk.forget(ledger=True)
        equal(desk.agendas(), {}, "nor where the ledger has forgotten it: sent/ knows")
        desk.forget(spool=True)
        equal(desk.agendas(), {}, "nor where the spool has: the ledger knows")
        desk.forget(ledger=True)
        equal(list(desk.agendas()), [OWNER], "only where both have, it is another first time")
        equal(list(desk.agendas(BOOKSPOOL_AGENDA=f"10:00 owner ann@example.org {OWNER}")),
              ["ann@example.org"], "a reader who is added gets it too, and no other again")


def at_once():
    with Desk() as desk:
        desk.book("booking_created", "one", "14:00")
        processes = [desk.start(program("bookspool-drain"), f"{n}.log") for n in range(4)]
        for process in processes:
            process.wait()
        desk.drained()
        equal(len([one for one in desk.post() if one.subject.startswith(f"{desk.today:%a}")]), 1,
              "four runs at once mail one")


def dies():
    """Before each call that leaves something, of the run that makes it; the next does what is missing."""
    if not os.path.exists(SHIM):
        skip("the shim goes with the plain programs only")
        return
    with Desk(None) as desk:
        desk.book("booking_created", "one", "14:00")
        desk.drained()
        desk.post()
        for name in ("spool", "state"):
            shutil.copytree(desk.path(name), desk.path("kept", name))
        desk.drained(LD_PRELOAD=SHIM, SHIM_LOG=desk.path("calls"), BOOKSPOOL_AGENDA="10:00")
        desk.post()
        with open(desk.path("calls"), encoding="utf-8") as file:
            calls = file.read().splitlines()
        first = next(n for n, line in enumerate(calls, 1) if "zoneinfo/Etc" in line)
        tried = [n for n in range(first, len(calls) + 1) if calls[n - 1].split(" ")[1] in LEAVES]
        wrong = []
        for at in tried:
            for name in ("spool", "state"):
                shutil.rmtree(desk.path(name))
                shutil.copytree(desk.path("kept", name), desk.path(name))
            died = desk.drain(env={"LD_PRELOAD": SHIM, "SHIM_AT": str(at), "BOOKSPOOL_AGENDA": "10:00"})
            desk.drained(BOOKSPOOL_AGENDA="10:00")
            letters = desk.post()
            if len({one.raw for one in letters}) != 1 or desk.spool("out") or not died.returncode:
                wrong.append((at, calls[at - 1], len(letters), died.returncode))
        equal(wrong, [], f"dead at {len(tried)} of its calls, it comes all the same, and is one mail")


def not_mailed():
    with Desk("05:00") as desk:
        desk.book("booking_created", "one", "14:00")
        equal(desk.agendas(), {}, "none that is more than six hours late")
        with open(desk.path("log"), "w", encoding="utf-8") as file:
            file.write(desk.drained().stderr)
        desk.forget(ledger=True)
        match(desk.drained().stderr, f"agenda-late: the agenda of {desk.day} is not mailed",
              "the log says so")
        ok("agenda" not in desk.drained().stderr, "once")
    with Desk("23:30 owner") as desk:
        desk.book("booking_created", "one", "14:00")
        equal(desk.agendas(), {}, "none before its time")
    with Desk() as desk:
        match(desk.drained().stderr, "agenda-empty: day=", "none on an empty day")
        desk.book("booking_created", "one", "14:00")
        equal(desk.agendas(), {}, "also not when a booking comes after its time")
    with Desk(f"10:00 {datetime.datetime.now(noon()[1]) + 24 * HOUR:%a}") as desk:
        desk.book("booking_created", "one", "14:00")
        equal(desk.agendas(), {}, "none on other days of the week")


def asked_for():
    with Desk("10:00, always") as desk:
        letter = desk.agendas()[OWNER]
        match(letter.subject, ": No bookings$", "an empty day, when asked")
        match(letter.text, "No bookings.", "says so")
    with Desk("10:00 tomorrow") as desk:
        desk.book("booking_created", "one", "14:00", days=1)
        desk.book("booking_created", "two", "15:00")
        letter = desk.agendas()[OWNER]
        day = desk.today + 24 * HOUR
        match(letter.subject, rf"^{day:%a} {day.day} .*: 1 booking from 14:00$", "of the next day")
        match(letter.text, "\nSince yesterday:\n", "and what changed since the last one")
    with Desk(f"10:00 {datetime.datetime.now(noon()[1]):%a}") as desk:
        desk.book("booking_created", "one", "14:00")
        week = desk.today - 7 * 24 * HOUR
        match(desk.agendas()[OWNER].text, rf"\nSince {week:%a} {week.day} \S+ \d+, 10:00 \S+:\n",
              "a week ago, where it comes once a week")


def hosts():
    with Desk(f"10:00 organizer, Boss@example.org Mon-Sun") as desk:
        for uid, clock, host in (("a", "14:00", "ann"), ("b", "15:00", "Bo"), ("c", "16:00", "ann")):
            desk.book("booking_created", uid, clock, attendees=whom(f"Guest{uid}"), organizer={
                "name": host, "email": f"{host}@example.net", "timeZone": "Europe/Berlin"},
                team={"id": 1, "name": "Sales", "members": [
                    {"id": 2, "name": "Cy", "email": "Cy@example.net"}]} if uid == "b" else None)
        found = desk.agendas()
        equal(sorted(found), ["Boss@example.org", "ann@example.net", "bo@example.net",
                              "cy@example.net"],
              "each host and each reader that is named gets one, also the second host of a booking")
        equal([re.findall(r"Guest\w", found[to].text.partition("Since")[0])
               for to in ("Boss@example.org", "ann@example.net", "bo@example.net",
                          "cy@example.net")],
              [["Guesta", "Guestb", "Guestc"], ["Guesta", "Guestc"], ["Guestb"], ["Guestb"]],
              "a host what concerns the host, the other all of it")
        match(found["Boss@example.org"].text, "Host: bo@example.net", "with the host")
        ok("Host:" not in found["ann@example.net"].text, "which one's own does not need")
        equal(desk.agendas(), {}, "once")


def german():
    with Desk(BOOKSPOOL_LANGUAGE="de") as desk:
        desk.book("booking_created", "one", "14:00")
        desk.book("booking_created", "two", "14:10")
        desk.book("booking_requested", "three", "18:00", days=1)
        letter = desk.agendas()[OWNER]
        match(letter.subject, "2 Termine ab 14:00 Uhr, mit Überschneidungen, 1 offene Anfrage$",
              "the subject in German")
        for text in (letter.text, letter.page.text):
            ok(not re.search("booking|request|Since|Overlap", text.replace("bookspool", "")),
               "nothing untranslated", text)


def group():
    """The invitees of one event are one item."""
    with Desk() as desk:
        for name in ("Gil", "Hal"):
            uid = f"https://api.calendly.com/scheduled_events/g/invitees/{name}"
            desk.book("invitee_created", "g", "14:00", provider="calendly", uri=uid,
                      email=f"{name}@example.com")
        letter = desk.agendas()[OWNER]
        match(letter.subject, ": 1 booking from 14:00", "one booking")
        match(letter.text, r"\n14:00.*\n  Ada Example and 1 more\n", "of two")


def own_template():
    with Desk() as desk:
        os.makedirs(desk.path("templates"))
        for name, text in {"agenda.txt": "{{bookings_count}} by agenda: {{heading}}\n",
                           "agenda.html": ""}.items():
            with open(desk.path("templates", name), "w", encoding="utf-8") as file:
                file.write(text)
        desk.book("booking_created", "one", "14:00")
        letter = desk.agendas(BOOKSPOOL_TEMPLATES=desk.path("templates"))[OWNER]
        match(letter.text, r"^1 by agenda: \S+day, ", "a template of one's own")
        equal(letter.page.text, "", "an empty page is none")
        match(letter.subject, ": 1 booking", "what it leaves out stays built in")


def settings():
    with Desk() as desk:
        for value, words in {"7": "a time of day first", "25:00": "a time of day first",
                             "07:00 Mon-Fry": '"Mon-Fry": expected days such as Mon-Fri',
                             "07:00 ann@": "an address"}.items():
            done = desk.drain(env={"BOOKSPOOL_AGENDA": value})
            equal(done.returncode, WRONG, f"{value} is refused")
            match(done.stderr, f"BOOKSPOOL_AGENDA: .*{words}", "with what would be right")
            done = desk.run("bookspool", "check", env={"BOOKSPOOL_AGENDA": value})
            match(done.stdout, f"fail .*BOOKSPOOL_AGENDA: .*{words}", "by check too")
        match(desk.run("bookspool", "check").stdout, "the agenda is mailed at 10:00", "or found right")


def command():
    with Desk() as desk:
        empty = desk.run("bookspool", "agenda", "--json")
        equal((empty.returncode, json.loads(empty.stdout)["bookings"]), (0, []), "no ledger: empty")
        desk.book("booking_created", "one", "14:00", attendees=whom("Abe"))
        desk.book("booking_created", "two", "14:10", attendees=whom("Bea"))
        desk.book("booking_requested", "three", "18:00", days=1, attendees=whom("Cyd"))
        desk.drained()
        found = json.loads(desk.run("bookspool", "agenda", "--json").stdout)
        equal((found["day"], [(one["who"], one["overlaps"]) for one in found["bookings"]]),
              (desk.day, [("Abe", True), ("Bea", True)]), "today")
        equal([one["who"] for one in found["requests"]], ["Cyd"], "the requests")
        equal([(one["change"], one["who"]) for one in found["changes"]],
              [("new", "Abe"), ("new", "Bea")], "what changed")
        found = json.loads(desk.run("bookspool", "agenda", "tomorrow", "--json").stdout)
        equal([(one["who"], one["request"]) for one in found["bookings"]], [("Cyd", True)],
              "tomorrow")
        rows = desk.run("bookspool", "agenda", desk.day).stdout.splitlines()
        equal([row.split("\t")[0] for row in rows], ["booking", "booking", "open", "new", "new"],
              "rows for programs, of a date")
        text = desk.terminal("agenda", desk.day)
        match(text, rf"{desk.today:%A}, {desk.day} \(Etc/GMT", "for people: the day")
        match(text, r"  14:00 - 14:30  Abe, .*\r?\n(.*\n)*?.*! overlaps another booking", "and its bookings")
        for day in ("yesterday", "2027-02-30", "18.1.2027"):
            done = desk.run("bookspool", "agenda", day)
            equal(done.returncode, 64, f"{day} is no day")
            match(done.stderr, "today, tomorrow or a date", "which is said")


run_parts((says, once, at_once, dies, not_mailed, asked_for, hosts, german, group, own_template,
           settings, command))
finish()
