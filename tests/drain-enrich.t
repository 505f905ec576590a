#!/usr/bin/python3
"""BOOKSPOOL_ENRICH: what a body lacks is asked of the provider's API, and never costs a mail."""

import json
import os
import re
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from bookspool import World, equal, finish, match, ok, run_parts, sample, utc  # noqa: E402
from calcom_api import HIDES, CalcomApi  # noqa: E402
from calendly_api import CalendlyApi  # noqa: E402
from mailbox import START, read_folder  # noqa: E402


class Office(World):
    def __init__(self, **drain):
        super().__init__()
        self.calendly = CalendlyApi()
        self.calcom = CalcomApi(authority=self.calendly.authority)
        self.calendly.add_token("calendly-token", self.calendly.owner)
        self.calcom.add_token("cal_live_1", self.calcom.owner)
        self.write_settings("drain.env", {
            "BOOKSPOOL_ENRICH": "yes", "BOOKSPOOL_TLS_CA": self.calendly.ca, "CALENDLY_API_BASE": self.calendly.base,
            "CALCOM_API_BASE": self.calcom.base, "CALENDLY_API_TOKEN": "calendly-token",
            "CALCOM_API_KEY": "cal_live_1", "CALENDLY_ENABLE_CACHING": "yes", **drain})
        for name in "tmp new replay done out sent failed held bad".split():
            os.mkdir(self.file(name), 0o770)
        self.now = time.time() - 100

    def __exit__(self, *what):
        self.calcom.__exit__(*what)
        self.calendly.__exit__(*what)
        super().__exit__(*what)

    def put(self, provider, body):
        self.now += 1
        return self.put_event("new", provider, json.dumps(body).encode(),
                              Event=body.get("event") or body["triggerEvent"], Received=utc(self.now))

    def old_body(self, name="Ada Example"):
        """The webhook of a new booking, as Calendly sent it before bodies had the scheduled event."""
        person = self.calendly.book(START, name=name, lose=True)
        return self.put("calendly", {"created_at": utc(self.now), "event": "invitee.created",
                                     "payload": dict(self.calendly.invitees[person])})

    @staticmethod
    def asked(api, since=0):
        """The paths but those by which the drain looks after the tokens."""
        return [call.path for call in api.log[since:] if not call.path.endswith("/me")]

    def drained(self):
        """The mails of this run, and how long it took."""
        folder = os.path.join(self.state_dir, "Maildir", "new")
        for name in os.listdir(folder) if os.path.isdir(folder) else []:
            os.unlink(os.path.join(folder, name))
        began = time.monotonic()
        done = self.drain()
        self.took, self.logged = time.monotonic() - began, done.stderr
        equal(done.returncode, 0, "the drain ends well")
        return read_folder(folder)

    def enters_again(self, key):
        """As after a death between the decision and the mails."""
        for name in self.spool("sent"):
            os.unlink(self.file("sent", name))
        os.rename(self.file("done", key), self.file("new", key))


def what_is_lacking_is_asked():
    with Office() as world:
        key = world.old_body()
        [letter] = world.drained()
        equal(letter.fact("When") is not None and str(START.year) in letter.text, True, "the mail has the time")
        match(letter.text, "Intro call", "and what it is about")
        equal(str(letter.mail["X-Bookspool-Id"]), key, "of the event")
        paths = world.asked(world.calendly)
        equal([re.sub(r"[0-9a-f-]{36}", "ID", path) for path in paths],
              ["/scheduled_events/ID", "/event_types/ID", "/users/ID"], "what was asked")
        shown = json.loads(world.run("bookspool", "trace", "--json", key).stdout)
        equal(shown["ledger"]["reason"], "first-report", "the ledger decided it")
        world.enters_again(key)
        world.calendly.tokens["calendly-token"].state = "revoked"
        [again] = world.drained()
        ok(again.raw == letter.raw, "made again without the API, the mail is the same byte for byte")
        os.link(world.file("done", key), world.file("replay", "again"))
        [replayed] = world.drained()
        equal(replayed.text, letter.text, "mailed again, it says the same")


def it_never_costs_a_mail():
    with Office() as world:
        world.calendly.tokens["calendly-token"].state = "revoked"
        world.old_body()
        world.put("calcom", json.loads(sample("calcom", "booking_created")))
        letters = world.drained()
        equal(len(letters), 2, "a refused token: both mails go out")
        match(world.logged, "not-enriched: Calendly: unauthorized", "the log says why one says less")
        ok("calendly-token" not in world.logged and "Ada" not in world.logged, "without secret or person")
    with Office() as world:
        for number in range(6):
            world.old_body(f"Guest {number}")
        before = len(world.calendly.log)
        world.calendly.on_call = lambda request: time.sleep(30)
        letters = world.drained()
        equal(len(letters), 6, "an API that hangs: all mails go out")
        ok(len(world.calendly.log) - before <= 6, "it is not asked for each")
        ok(world.took < 60, "and the run does not wait for long", f"{world.took:.0f} s")
        world.calendly.on_call = None


def only_what_is_lacking():
    with Office() as world:
        world.put("calcom", json.loads(sample("calcom", "booking_created_full")))
        world.drained()
        equal(world.asked(world.calcom), [], "nothing is asked of a body that says all")
        uid = world.calcom.book(START, name="Bea Example", lose=True)
        body = json.loads(sample("calcom", "booking_no_show_updated"))
        body["payload"].update(bookingUid=uid, bookingId=world.calcom.bookings[uid]["id"])
        body["payload"].pop("uid", None)
        world.put("calcom", body)
        [letter] = world.drained()
        match(letter.text, str(START.year), "a no-show of a booking that is not known has its time")
        for number in range(5):
            world.old_body(f"Guest {number}")
        before = len(world.calendly.log)
        equal(len(world.drained()), 5, "five bookings of one type and host")
        asked = [path.split("/")[1] for path in world.asked(world.calendly, before)]
        equal(sorted(asked), ["event_types"] + ["scheduled_events"] * 5 + ["users"], "types and hosts are asked once")
    with Office(BOOKSPOOL_ENRICH="no") as world:
        world.old_body()
        equal(len(world.drained()), 1, "no: the mail goes out")
        equal(world.asked(world.calendly), [], "and nothing is asked")


def what_the_owner_hides():
    """Bodies of older instances and of cancellations do not say it, the event type does. A customer never sees more
    than it allows: what is not known is hidden."""
    def seen(world, *kinds, event="booking_created"):
        """Of a booking of each type: do the customer's mail and entry have the host's address?"""
        for kind in kinds:
            uid = world.calcom.book(START, name="Bea Example", event_type=kind, lose=True)
            body = json.loads(sample("calcom", event))
            body["payload"] = world.calcom._payload(event.upper(), uid)
            for name in HIDES:
                body["payload"].pop(name, None)
            world.put("calcom", body)
        letters = [letter for letter in world.drained() if letter.to == "ada@example.com"]
        equal(len(letters), len(kinds), f"{event}: each customer is mailed")
        return ["olga@example.org" in f"{letter.mail.items()} {letter.text} {letter.vevents}" for letter in letters]

    with Office(BOOKSPOOL_MAIL_ATTENDEE="yes", BOOKSPOOL_CALENDAR="invite") as world:
        hidden = world.calcom.add_event_type("Hidden", world.calcom.owner, hide=HIDES)
        shown = world.calcom.event_type
        world.drained()  # knows whose token it is from then on, and so whose answers are cached
        equal(seen(world, shown, hidden), [True, False], "as the event type says")
        equal(seen(world, shown, hidden, event="booking_cancelled"), [True, False], "of a cancellation that comes first")
        asked = [path for path in world.asked(world.calcom) if "event-types" in path]
        equal(sorted(asked), sorted(f"/v2/event-types/{kind}" for kind in (shown, hidden)), "each was asked for once")
        before = len(world.calcom.log)
        private = world.calcom.add_event_type("Private", world.calcom.owner)
        world.calcom.event_types[private]["user"] = world.calcom.add_user("Max Example", "max@example.org")
        equal(seen(world, private), [False], "an event type that the key may not read: hidden")
        match(world.logged, "not-enriched: what its event type hides is not known", "and the log says so")
        uid = world.calcom.book(START, lose=True)
        for event in "booking_created", "booking_cancelled":
            body = json.loads(sample("calcom", event))
            body["payload"] = world.calcom._payload(event.upper(), uid)
            body["payload"].update({name: True for name in HIDES} if event == "booking_created" else {})
            world.put("calcom", body)
            world.drained()
        ok(not any(uid in call.path for call in world.calcom.log[before:]), "what the ledger knows is not asked")
        world.calcom.tokens["cal_live_1"].state = "revoked"
        unknown = world.calcom.add_event_type("New", world.calcom.owner)
        equal(seen(world, unknown, unknown), [False, False], "no answer at all: hidden")
    with Office(BOOKSPOOL_MAIL_ATTENDEE="yes", BOOKSPOOL_ENRICH="no") as world:
        equal(seen(world, world.calcom.event_type), [True], "without BOOKSPOOL_ENRICH the body counts")


run_parts((what_is_lacking_is_asked, it_never_costs_a_mail, only_what_is_lacking, what_the_owner_hides))
finish()
