#!/usr/bin/python3
"""Stories of bookings: which mails they make, and what they leave in their readers' calendars."""

import datetime
import itertools
import json
import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from bookspool import equal, finish, match, ok, run_parts, sign  # noqa: E402
from fcgi import Client, params, request  # noqa: E402
from mailbox import START, Diary, Office, booking, timed  # noqa: E402

SAMPLE = {"calcom": "booking_", "calendly": "invitee_"}
PATHS = {"calcom": "/api/calcom-webhook", "calendly": "/api/webhooks/calendly"}
BOB = [{"name": "Bob Seat", "email": "bob@example.com", "timeZone": "Europe/Berlin"}]
LATER = datetime.timedelta(hours=1)


def read_event(text):
    """"calcom rescheduled B 2 <A =A @-300": of the sample booking_rescheduled, the booking B two
    hours after START, which replaces A; its iCalUID is that of A; sent 300 seconds earlier. Also
    #1: its iCalSequence; *s: its seat; +bob: for Bob."""
    provider, name, uid, hours, *more = text.split()
    given = {word[0]: word[1:] for word in more}
    event = {"provider": provider, "name": SAMPLE[provider] + name, "uid": uid,
             "hours": float(hours), "previous": given.get("<"), "sent": int(given.get("@", 0))}
    if "=" in given:
        event["iCalUID"] = given["="] + "@Cal.com"
    if "#" in given:
        event["iCalSequence"] = int(given["#"])
    if "*" in given:
        event["attendeeSeatId"] = given["*"]
    if given.get("+") == "bob":
        event["attendees"] = BOB
    return event


def berlin(hours, minutes=30):
    """A time that begins so many hours after START, as the mails write it."""
    begins = START + datetime.timedelta(hours=hours + 1)
    ends = begins + datetime.timedelta(minutes=minutes)
    return f"{begins:%a %d %b %Y, %H:%M} to {ends:%H:%M} CET"


class Story(Office):
    """Told step by step. A UID that bookspool made up is #1, the next one #2."""

    def __init__(self, **settings):
        super().__init__(**{"BOOKSPOOL_MOVE_WAIT": "30m", "BOOKSPOOL_TIMEZONE": "Europe/Berlin",
                            **settings})
        self.diaries, self.made_up, self.letters = {}, {}, []

    def tell(self, *events, **env):
        keys = [self.arrive(**read_event(event)) for event in events]
        self.drained(**env)
        self.letters = self.post()
        for letter in self.letters:
            self.diaries.setdefault(letter.to, Diary()).take(letter)
            if letter.faults:
                ok(False, "a mail without a fault", letter.faults)
        return keys

    def short(self, letter):
        text = f"{letter.to.partition('@')[0]}: {letter.says}"
        for entry in letter.entries:
            *words, uid = entry.split()
            if uid.endswith("@bookspool"):
                uid = self.made_up.setdefault(uid, f"#{len(self.made_up) + 1}")
            text += f" / {' '.join(words)} {uid.removesuffix('@Cal.com')}"
        return text

    def step(self, name, events, mails, **env):
        self.tell(*events, **env)
        equal([self.short(letter) for letter in self.letters], mails, name)

    def contents(self):
        names = [name for name, in self.ledger_rows(
            "SELECT tablename FROM pg_tables WHERE schemaname = 'bookspool' AND tablename <> 'writer'" if self.server
            else "SELECT name FROM sqlite_master WHERE type = 'table'")]
        return {name: sorted(map(repr, self.ledger_rows(f'SELECT * FROM "{name}"'))) for name in names}


def tell_all(story, rows):
    for name, events, mails in rows:
        story.step(name, events, mails)


# ---- created, moved twice, cancelled ----

CALCOM = [
    ("Cal.com: created", ["calcom created A 0"], ["owner: New booking / PUBLISH CONFIRMED 0 A"]),
    ("moved", ["calcom rescheduled B 24 <A =A"], ["owner: Moved / PUBLISH CONFIRMED 1 A"]),
    ("moved, under another iCalUID", ["calcom rescheduled C 48 <B"],
     ["owner: Moved / PUBLISH CONFIRMED 2 A"]),
    ("cancelled", ["calcom cancelled C 48"], ["owner: Cancelled / CANCEL CANCELLED 3 A"])]
CREATED_FIRST = [
    ("Calendly: created", ["calendly created A 0"],
     ["owner: New booking / PUBLISH CONFIRMED 0 #1"]),
    ("the created half first", ["calendly created_moved B 24 <A"],
     ["owner: Moved / PUBLISH CONFIRMED 1 #1"]),
    ("then the canceled one", ["calendly canceled_moved A 0 <B"], []),
    ("both at once", ["calendly created_moved C 48 <B", "calendly canceled_moved B 24 <C"],
     ["owner: Moved / PUBLISH CONFIRMED 2 #1"]),
    ("cancelled", ["calendly canceled C 48"], ["owner: Cancelled / CANCEL CANCELLED 3 #1"])]
CANCELED_FIRST = [
    ("Calendly: created", ["calendly created A 0"],
     ["owner: New booking / PUBLISH CONFIRMED 0 #1"]),
    ("the canceled half first waits", ["calendly canceled_moved A 0 <B"], []),
    ("and the created one speaks", ["calendly created_moved B 24 <A"],
     ["owner: Moved / PUBLISH CONFIRMED 1 #1"]),
    ("both at once", ["calendly canceled_moved B 24 <C", "calendly created_moved C 48 <B"],
     ["owner: Moved / PUBLISH CONFIRMED 2 #1"]),
    ("cancelled", ["calendly canceled C 48"], ["owner: Cancelled / CANCEL CANCELLED 3 #1"])]


def three_orders():
    for rows in (CALCOM, CREATED_FIRST, CANCELED_FIRST):
        with Story() as story:
            tell_all(story, rows)
            diary = story.diaries["owner@example.org"]
            equal((len(diary.entries), diary.live, diary.stale), (1, [], []),
                  "one entry, which ends cancelled")
            story.step("the half that waited has nothing to say", [], [], BOOKSPOOL_MOVE_WAIT="0s")
            equal(story.spool("new"), [], "and does not wait for ever")


def moves_are_told():
    with Story() as story:
        story.tell("calendly created A 0")
        story.tell("calendly created_moved B 24 <A")
        [letter] = story.letters
        equal((letter.fact("When"), letter.fact("Previously")),
              (f"{berlin(24)} (Europe/Berlin)", f"{berlin(0)} (Europe/Berlin)"),
              "Calendly: from when to when")
        story.tell("calcom created A 0")
        story.tell("calcom rescheduled B 24 <A =A")
        equal(story.letters[0].fact("Previously"), f"{berlin(0)} (Europe/Berlin)", "Cal.com: so too")


# ---- any order ----

ANY = {"calcom": ["created A 0 #0", "rescheduled B 24 <A =A #1", "rescheduled C 48 <B =A #2",
                  "cancelled C 48 =A #3"],
       "calendly": ["created A 0", "created_moved B 24 <A", "canceled_moved A 0 <B",
                    "created_moved C 48 <B", "canceled_moved B 24 <C", "canceled C 48"]}


def in_any_order(provider, count, every):
    """All of a story but its end, in many orders at once; then the end."""
    parts = ANY[provider][:count]
    orders = list(itertools.permutations(range(count)))[::every]
    with Story() as story:
        for number, order in enumerate(orders):
            for part in order:
                event = read_event(f"{provider} {renamed(parts[part], number)}")
                event["hours"] += number / 2
                event["sent"] = part * 60 - 3600 - age(story)
                story.arrive(**event)
        story.tell()
        story.tell(BOOKSPOOL_MOVE_WAIT="0s")
        equal(story.spool("new") + story.spool("bad"), [], f"{provider}: all is told")
        return len(orders), story.diaries["owner@example.org"], rebuilt(story)


def renamed(part, number):
    """Each order is told of bookings of its own: A becomes A7, wherever it stands."""
    return re.sub(r"\b([ABC])\b", rf"\g<1>{number}", part)


def age(story):
    """How many seconds the story's clock has gone on; the parts have times of their own."""
    return int((story.now - story.begun).total_seconds())


def rebuilt(story):
    before = story.contents()
    done = story.run("bookspool", "rebuild")
    after = story.contents()
    lost = [(name, row) for name in before for row in set(before[name]) ^ set(after.get(name, []))]
    return not done.returncode and any(before.values()) and (lost[:5] or "the same")


def any_order():
    """Each order leaves what the story ends with. `every`: which of the orders; each is right."""
    for provider, count, every in (("calcom", 4, 1), ("calendly", 6, 25)):
        told, diary, again = in_any_order(provider, count, every)
        equal(diary.live, [], f"{provider}: {told} orders, and nothing that was cancelled stays")
        equal(again, "the same", "rebuild tells the same")
    for provider, count, every in (("calcom", 3, 1), ("calendly", 5, 7)):
        told, diary, again = in_any_order(provider, count, every)
        want = [START + datetime.timedelta(hours=48 + number / 2) for number in range(told)]
        equal(diary.live, want, f"{provider}: {told} orders, and each stands at its last time")
        equal(again, "the same", "rebuild tells the same")


# ---- one thing each ----

TALES = {
    "late news turns nothing back": [
        ("cancelled", ["calcom cancelled A 0"], ["owner: Cancelled / CANCEL CANCELLED 1 A"]),
        ("created, late", ["calcom created A 0 @-60"], ["owner: New booking (old news)"]),
        ("Calendly: cancelled", ["calendly canceled A 0"],
         ["owner: Cancelled / CANCEL CANCELLED 1 #1"]),
        ("created, late", ["calendly created A 0 @-60"], ["owner: New booking (old news)"])],
    "a lost link of a chain": [
        ("created", ["calcom created A 0"], ["owner: New booking / PUBLISH CONFIRMED 0 A"]),
        ("moved from where nobody knows", ["calcom rescheduled C 48 <B"],
         ["owner: Moved / PUBLISH CONFIRMED 1 C"]),
        ("the link comes: the old entry goes", ["calcom rescheduled B 24 <A @-60"],
         ["owner: Moved (old news) / CANCEL CANCELLED 1 A"])],
    "the half of a move": [
        ("waits", ["calendly canceled_moved A 0 <B"], []),
        ("and speaks alone", [], ["owner: Moved away / CANCEL CANCELLED 1 #1"]),
        ("the other half comes too late to be one", ["calendly created_moved B 24 <A"],
         ["owner: Moved / PUBLISH CONFIRMED 2 #1"])],
    "the same by two subscriptions": [
        ("created", ["calcom created A 0", "calcom created A 0 @5"],
         ["owner: New booking / PUBLISH CONFIRMED 0 A"]),
        ("cancelled", ["calcom cancelled A 0", "calcom cancelled A 0 @5"],
         ["owner: Cancelled / CANCEL CANCELLED 1 A"]),
        ("Calendly", ["calendly created A 0", "calendly created A 0 @5"],
         ["owner: New booking / PUBLISH CONFIRMED 0 #1"]),
        ("a move", ["calendly canceled_moved A 0 <B", "calendly created_moved B 24 <A",
                    "calendly created_moved B 24 <A @5", "calendly canceled_moved A 0 <B @5"],
         ["owner: Moved / PUBLISH CONFIRMED 1 #1"])],
    "a yes is awaited": [
        ("requested", ["calcom requested A 0"], ["owner: Booking request / PUBLISH TENTATIVE 0 A"]),
        ("declined", ["calcom rejected A 0"], ["owner: Declined / CANCEL CANCELLED 1 A"]),
        ("requested", ["calcom requested B 0"], ["owner: Booking request / PUBLISH TENTATIVE 0 B"]),
        ("confirmed", ["calcom created B 0"], ["owner: New booking / PUBLISH CONFIRMED 1 B"]),
        ("asks to move", ["calcom requested_move C 24 <B =B"], ["owner: Request to move"]),
        ("declined: the old time stands", ["calcom rejected C 24 =B"], ["owner: Declined"]),
        ("asks again", ["calcom requested_move D 24 <B =B"], ["owner: Request to move"]),
        ("confirmed: it is moved", ["calcom created D 24 =B"],
         ["owner: Moved / PUBLISH CONFIRMED 2 B"])],
    "asked to choose another time": [
        ("created", ["calcom created A 0"], ["owner: New booking / PUBLISH CONFIRMED 0 A"]),
        ("asked", ["calcom cancelled_rebook A 0"],
         ["owner: Asked to choose another time / CANCEL CANCELLED 1 A"]),
        ("by an older sender", ["calcom created B 0", "calcom cancelled_rebook_older B 0"],
         ["owner: New booking / PUBLISH CONFIRMED 0 B",
          "owner: Asked to choose another time / CANCEL CANCELLED 1 B"])],
    "seats": [
        ("one", ["calcom created_seat A 0 *1"], ["owner: New booking / PUBLISH CONFIRMED 0 A"]),
        ("two", ["calcom created_seat A 0 *2 +bob"],
         ["owner: New booking / PUBLISH CONFIRMED 1 A"]),
        ("one given up", ["calcom cancelled_seat A 0"],
         ["owner: One seat given up / PUBLISH CONFIRMED 2 A"]),
        ("all cancelled", ["calcom cancelled A 0"], ["owner: Cancelled / CANCEL CANCELLED 3 A"])],
}


def tales():
    for name, rows in TALES.items():
        with Story() as story:
            for what, events, mails in rows:
                env = {} if events else {"BOOKSPOOL_MOVE_WAIT": "0s"}
                story.step(f"{name}: {what}", events, mails, **env)
            equal(rebuilt(story), "the same", f"{name}: rebuild tells the same")


def words():
    with Story() as story:
        story.tell("calcom created A 0", "calcom cancelled_rebook A 0")
        match(story.letters[1].text, "The customer was asked to choose another time.", "said again")
        story.tell("calcom created B 0", "calcom requested_move C 24 <B")
        match(story.letters[1].text, "It waits for a yes or no.", "a request is none")
        story.tell("calcom created_seat D 0 *1", "calcom cancelled_seat D 0")
        letter = story.letters[1]
        match(letter.text, "One participant left; the booking itself goes on.", "a seat is told so")
        ok("ancelled" not in letter.text + letter.page.text, "and is no cancellation", letter.text)


# ---- two bookings at once ----


def overlaps():
    with Story() as story:
        story.tell("calcom created A 0")
        equal(story.letters[0].fact("Overlaps"), None, "one alone overlaps nothing")
        story.tell("calendly created B 0.25")
        equal(story.letters[0].fact("Overlaps"), f"{berlin(0)} with "
              "Ada Example, Intro call between Olga Example and Ada Example (Cal.com)",
              "the other provider's booking is told in the mail")
        ok(f"Overlaps: {berlin(0)}" in story.letters[0].page.text, "on the page",
           story.letters[0].page.text)
        found = json.loads(story.run("bookspool", "list", "--conflicts", "--json").stdout)
        equal([[b["provider"] for b in pair["bookings"]] for pair in found["conflicts"]],
              [["calcom", "calendly"]], "and by list --conflicts")
        story.tell("calendly created_moved C 0.5 <B")
        equal(story.letters[0].fact("Overlaps"), None, "moved to its end: no more")
        story.tell("calcom rescheduled D 0.5 <A")
        match(story.letters[0].fact("Overlaps"), r"16:30 to 17:00 .*\(Calendly\)$", "moved onto it")


# ---- who is told ----


def customers():
    with Story(BOOKSPOOL_MAIL_ATTENDEE="yes") as story:
        tell_all(story, [
            ("the customer is invited", ["calcom created A 0"],
             ["owner: New booking / PUBLISH CONFIRMED 0 A",
              "ada: Your booking is confirmed / REQUEST CONFIRMED 0 A"]),
            ("told of a move", ["calcom rescheduled B 24 <A =A"],
             ["owner: Moved / PUBLISH CONFIRMED 1 A",
              "ada: Your booking has moved / REQUEST CONFIRMED 1 A"]),
            ("and of the end", ["calcom cancelled B 24 =A"],
             ["owner: Cancelled / CANCEL CANCELLED 2 A",
              "ada: Your booking was cancelled / CANCEL CANCELLED 2 A"]),
            ("a seat", ["calcom created_seat S 0 *1", "calcom created_seat S 0 *2 +bob"],
             ["owner: New booking / PUBLISH CONFIRMED 0 S",
              "ada: Your booking is confirmed / REQUEST CONFIRMED 0 S",
              "owner: New booking / PUBLISH CONFIRMED 1 S",
              "bob: Your booking is confirmed / REQUEST CONFIRMED 1 S"]),
            ("who gives it up is out, the others are in", ["calcom cancelled_seat S 0"],
             ["owner: One seat given up / PUBLISH CONFIRMED 2 S",
              "ada: Your seat was given up / CANCEL CANCELLED 2 S"]),
            ("Calendly", ["calendly created A 0"],
             ["owner: New booking / PUBLISH CONFIRMED 0 #1",
              "ada: Your booking is confirmed / REQUEST CONFIRMED 0 #1"]),
            ("moved", ["calendly canceled_moved A 0 <B", "calendly created_moved B 24 <A"],
             ["owner: Moved / PUBLISH CONFIRMED 1 #1",
              "ada: Your booking has moved / REQUEST CONFIRMED 1 #1"])])
        live = {name.partition("@")[0]: len(diary.live) for name, diary in story.diaries.items()}
        equal(live, {"owner": 2, "ada": 1, "bob": 1}, "what each finds in his calendar")
        for letter in story.letters:
            people = letter.vevent.get("ATTENDEE", [])
            equal(bool(people), letter.to != "owner@example.org", "only a customer is an attendee")
    with Story(BOOKSPOOL_MAIL_ATTENDEE="yes") as story:
        phone = [{"name": "Ada Example", "email": "4930123456@sms.cal.com", "timeZone": "UTC"}]
        story.arrive("calcom", "booking_created", "A", attendees=phone)
        story.step("nobody reads mail at sms.cal.com", [],
                   ["owner: New booking / PUBLISH CONFIRMED 0 A"])
    with Story(BOOKSPOOL_MAIL_ATTENDEE="yes") as story:
        odd = [{"name": "Jule Example", "email": "j\u00fcle@example.com", "timeZone": "UTC"}]
        story.arrive("calcom", "booking_created", "A", attendees=odd)
        log = story.drained().stderr
        [letter] = story.post()
        equal((letter.to, letter.fact("Who")), ("owner@example.org", "Jule Example <j\u00fcle@example.com>"),
              "an address that cannot be mailed is shown")
        match(letter.text, "No mail went to j\u00fcle@example.com: ", "the owner reads that no mail went there")
        match(log, "customer-not-mailed: 1 of the customers", "and so does who reads the log")
        ok("j\u00fcle" not in log, "which does not hold the address", log)


def notify():
    rules = "cancelled: none; rescheduled: ann@example.org, owner; created: organizer"
    with Story(BOOKSPOOL_NOTIFY=rules) as story:
        tell_all(story, [
            ("NOTIFY: the organizer", ["calcom created A 0"],
             ["olga: New booking / PUBLISH CONFIRMED 0 A"]),
            ("two, of what became a move", ["calcom requested_move B 24 <A =A",
                                            "calcom created B 24 =A"],
             ["owner: Request to move", "owner: Moved / PUBLISH CONFIRMED 1 A",
              "ann: Moved / PUBLISH CONFIRMED 1 A"]),
            ("nobody", ["calcom cancelled B 24 =A"], [])])


# ---- entries that concern several bookings ----


def series():
    weekly = {"recurringEvent": {"freq": 2, "count": 3, "interval": 1}}
    week = 7 * 24
    with Story(BOOKSPOOL_MAIL_ATTENDEE="yes") as story:
        for number, uid in enumerate("PQR"):
            story.arrive("calcom", "booking_requested", uid, number * week, **weekly)
        asked = [f"TENTATIVE 0 {uid}" for uid in "PQR"]
        story.step("three requests are one mail", [],
                   ["owner: Booking request" + "".join(f" / PUBLISH {entry}" for entry in asked),
                    "ada: Your booking request has arrived"])
        story.arrive("calcom", "booking_created", "P", 0, requiresConfirmation=True, **weekly)
        story.step("confirmed at once", [],
                   ["owner: New booking" + "".join(f" / PUBLISH CONFIRMED 1 {uid}" for uid in "PQR"),
                    "ada: Your booking is confirmed"
                    + "".join(f" / REQUEST CONFIRMED 1 {uid}" for uid in "PQR")])
        dates = "\n".join(berlin(number * week).replace(" 0", " ", 1) for number in range(3))
        equal([letter.fact("Dates") for letter in story.letters],
              [dates, dates.replace("CET", "PST").replace("16:", "07:")], "with all dates")
        story.step("one of them is cancelled", [f"calcom cancelled Q {week}"],
                   ["owner: Cancelled / CANCEL CANCELLED 2 Q",
                    "ada: Your booking was cancelled / CANCEL CANCELLED 2 Q"])
        live = [START, START + datetime.timedelta(hours=2 * week)]
        for reader in "owner@example.org", "ada@example.com":
            equal(story.diaries[reader].live, live, f"{reader}: the others stay")
        story.arrive("calcom", "booking_cancelled", "P", 0, **weekly)
        story.step("and the rest", [],
                   ["owner: Cancelled / CANCEL CANCELLED 2 P / CANCEL CANCELLED 2 R",
                    "ada: Your booking was cancelled / CANCEL CANCELLED 2 P / CANCEL CANCELLED 2 R"])
        for reader, diary in story.diaries.items():
            equal((len(diary.entries), diary.live, diary.stale), (3, [], []), f"{reader}: none is left")
        for number, uid in enumerate("STU"):
            story.arrive("calcom", "booking_created", uid, number * week, iCalUID="same@google.com",
                         **weekly)
        story.step("three bookings with one iCalUID have three entries", [],
                   ["owner: New booking / PUBLISH CONFIRMED 0 #1 / PUBLISH CONFIRMED 0 #2"
                    " / PUBLISH CONFIRMED 0 #3",
                    "ada: Your booking is confirmed / REQUEST CONFIRMED 0 #1 / REQUEST CONFIRMED 0 #2"
                    " / REQUEST CONFIRMED 0 #3"])
        equal(rebuilt(story), "the same", "rebuild says the same of a series")


def calendars_of_the_platform():
    """BOOKSPOOL_CALENDAR=auto: what the first mail of a booking did, the later ones do."""
    written = {"destinationCalendar": [{"integration": "google_calendar"}],
               "appsStatus": [{"type": "google_calendar", "success": 1, "failures": 0}]}
    with Story(BOOKSPOOL_CALENDAR="auto") as story:
        story.arrive("calcom", "booking_created", "A", 0, **written)
        story.step("the platform wrote it", [], ["owner: New booking"])
        story.step("a move of it", ["calcom rescheduled B 24 <A =A"], ["owner: Moved"])
        story.step("its end", ["calcom cancelled B 24 =A"], ["owner: Cancelled"])
        story.step("nobody wrote it", ["calcom created C 48"],
                   ["owner: New booking / PUBLISH CONFIRMED 0 C"])
        story.arrive("calcom", "booking_rescheduled", "D", 72, previous="C", **written)
        story.step("and it stays with its mails", [], ["owner: Moved / PUBLISH CONFIRMED 1 C"])
    with Story(BOOKSPOOL_CALENDAR="none") as story:
        story.step("never", ["calcom created A 0"], ["owner: New booking"])
    with Story(BOOKSPOOL_CALENDAR="file") as story:
        story.step("a file", ["calcom created A 0"], ["owner: New booking / PUBLISH CONFIRMED 0 A"])
        kinds = [part.get_content_type() for part in story.letters[0].parts]
        equal(kinds, ["text/plain", "text/html", "application/ics"], "and no other part")


# ---- through the receiver ----


def received():
    with Story() as story:
        story.start_receiver()
        for number, line in enumerate(["calcom created A 0", "calendly created E 0.25",
                                       "calcom cancelled A 0", "calendly canceled E 0.25"]):
            event = read_event(line)
            body = booking(event["provider"], event["name"], event["uid"],
                           START + datetime.timedelta(hours=event["hours"]))
            now = datetime.datetime.now(datetime.timezone.utc)
            raw = timed(event["provider"], body, now + datetime.timedelta(milliseconds=number))
            headers = sign(event["provider"], raw, story.secret[event["provider"]])
            with Client(story.socket) as client:
                client.send(request(params("POST", PATHS[event["provider"]], raw, headers), raw))
                equal(client.answer().status, 200, f"{line}: accepted")
            story.step("and mailed", [], [
                ["owner: New booking / PUBLISH CONFIRMED 0 A"],
                ["owner: New booking / PUBLISH CONFIRMED 0 #1"],
                ["owner: Cancelled / CANCEL CANCELLED 1 A"],
                ["owner: Cancelled / CANCEL CANCELLED 1 #1"]][number])
            if number == 1:
                match(story.letters[0].fact("Overlaps"), "Cal.com", "with the overlap")


run_parts((three_orders, moves_are_told, any_order, tales, words, overlaps, customers, notify,
           series, calendars_of_the_platform, received))
finish()
