#!/usr/bin/python3
"""bookspool reconcile against stand-ins of both APIs: what webhooks lost is found, put into the spool, mailed
once, and the webhook that comes later is the same fact."""

import datetime
import json
import os
import re
import signal
import sqlite3
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from api_peer import LIMITED, Clock, Failure  # noqa: E402
from bookspool import (World, equal, finish, match, ok, program, run_parts, utc, wait_for)  # noqa: E402
from calcom_api import HIDES, CalcomApi  # noqa: E402
from calendly_api import CalendlyApi  # noqa: E402
from deliveries import fcgi_sender  # noqa: E402
from mailbox import START, read_folder  # noqa: E402

HOUR = datetime.timedelta(hours=1)
DAY = 24 * HOUR
ENDPOINTS = {"calcom": "/api/calcom-webhook", "calendly": "/api/webhooks/calendly"}
EVENTS = ["invitee.created", "invitee.canceled"]


class Providers(World):
    """Both providers, each with a subscription to this receiver."""

    def __init__(self, settings=None, drain=None, limit=500):
        super().__init__()
        clock = Clock()
        send = fcgi_sender(self)
        self.calendly = CalendlyApi(clock, send=send, limit=limit, window=2)
        self.calcom = CalcomApi(clock, send=send, window=2, authority=self.calendly.authority)
        self.base = {
            "BOOKSPOOL_SPOOL": self.spool_dir, "BOOKSPOOL_STATE": self.state_dir,
            "BOOKSPOOL_MAIL_TO": "owner@example.org", "BOOKSPOOL_MAIL_FROM": "bookspool@example.org",
            "BOOKSPOOL_RESERVE": "0,0", "BOOKSPOOL_MOVE_WAIT": "0s", "BOOKSPOOL_TLS_CA": self.calendly.ca,
            "CALENDLY_API_BASE": self.calendly.base, "CALCOM_API_BASE": self.calcom.base,
            "CALENDLY_WEBHOOK_BASE_URL": "https://example.org", "CALCOM_WEBHOOK_BASE_URL": "https://example.org",
            **(settings or {})}
        self.write_settings("bookspool.conf", self.base)
        self.write_settings("drain.env", {"CALENDLY_API_TOKEN": "calendly-token", "CALCOM_API_KEY": "cal_live_1",
                                          **(drain or {})})
        self.calendly.add_token("calendly-token", self.calendly.owner)
        self.calcom.add_token("cal_live_1", self.calcom.owner)
        self.subscribe()

    def subscribe(self):
        uri = "https://api.calendly.com/webhook_subscriptions/one"
        self.calendly.subscriptions["one"] = {
            "uri": uri, "callback_url": "https://example.org" + ENDPOINTS["calendly"],
            "created_at": utc(time.time()), "updated_at": utc(time.time()), "retry_started_at": None,
            "state": "active", "events": EVENTS, "scope": "user", "organization": self.calendly.organization,
            "user": self.calendly.owner, "group": None, "creator": self.calendly.owner,
            "signing_key": self.secret["calendly"]}
        self.calcom.webhooks["one"] = {
            "id": "one", "subscriberUrl": "https://example.org" + ENDPOINTS["calcom"], "active": True,
            "triggers": ["BOOKING_CREATED", "BOOKING_RESCHEDULED", "BOOKING_CANCELLED", "BOOKING_REQUESTED",
                         "BOOKING_REJECTED"], "secret": self.secret["calcom"], "payloadTemplate": None,
            "version": "2021-10-20", "level": ("user", self.calcom.owner)}

    def __enter__(self):
        super().__enter__()
        self.calendly.__enter__()
        self.calcom.__enter__()
        self.start_receiver()
        return self

    def __exit__(self, *what):
        self.calcom.__exit__(*what)
        self.calendly.__exit__(*what)
        super().__exit__(*what)

    def reconcile(self, *args, code=None, env=None):
        done = self.run("bookspool", "reconcile", "--json", *args, env=env)
        self.said = done.stderr
        if code is not None:
            ok(done.returncode == code, f"reconcile {' '.join(args)} ends with {code}",
               f"{done.returncode}: {done.stderr}")
        found = json.loads(done.stdout or '{"providers": []}')
        return {one["provider"]: one for one in found["providers"]}

    def missing(self, *args, code=None, **more):
        """[(provider, event, state)], in the order of the providers."""
        found = self.reconcile(*args, code=code, **more)
        return [(name, one["event"], one["state"]) for name in found for one in found[name]["missing"]]

    def drained(self):
        done = self.drain()
        if done.returncode:
            ok(False, "the drain runs", done.stderr)

    def mails(self):
        return sorted(letter.subject for letter in self.letters())

    def letters(self):
        folder = os.path.join(self.state_dir, "Maildir", "new")
        return read_folder(folder)

    def states(self):
        """{uid: state} of the ledger."""
        db = sqlite3.connect(os.path.join(self.state_dir, "ledger.db"))
        rows = dict(db.execute("SELECT uid, state FROM booking"))
        db.close()
        return rows

    def agree(self, name):
        """The ledger has what the providers have."""
        want = {}
        for uid, one in self.calcom.bookings.items():
            want[uid] = "moved" if one["new"] else one["status"]
        for uri, one in self.calendly.invitees.items():
            want[uri] = ("moved" if one["new_invitee"] else
                         "accepted" if one["status"] == "active" else "cancelled")
        have = self.states()
        equal({uid: have.get(uid) for uid in want}, want, name)


def what_is_lost_is_found():
    with Providers() as world:
        equal(world.missing(code=0), [], "where nothing happened, nothing is missing")
        world.calcom.book(START)
        world.calendly.book(START + HOUR)
        world.drained()
        equal(world.missing(code=0), [], "what came by webhooks is known")
        ok(len(world.mails()) == 2, "and was mailed")
        uid = world.calcom.book(START + DAY, name="Bea Example", lose=True)
        person = world.calendly.book(START + DAY + HOUR, name="Cem Example", lose=True)
        equal(world.missing(code=1), [("calcom", "BOOKING_CREATED", "missing"),
                                      ("calendly", "invitee.created", "missing")], "what was lost is found")
        found = world.reconcile(code=1)
        equal([found["calcom"]["missing"][0][name] for name in ("uid", "who", "kind", "start")],
              [uid, "Bea Example", "created", utc(START + DAY)], "which booking")
        equal(found["calendly"]["missing"][0]["uid"], person, "and at Calendly")
        equal(os.listdir(world.file("new")), [], "to look puts nothing into the spool")
        equal(world.missing("--apply", code=0), [("calcom", "BOOKING_CREATED", "put"),
                                                 ("calendly", "invitee.created", "put")], "--apply puts it there")
        before = sorted(os.listdir(world.file("new")))
        equal(world.missing("--apply", code=0), [("calcom", "BOOKING_CREATED", "waits"),
                                                 ("calendly", "invitee.created", "waits")], "once")
        equal(sorted(os.listdir(world.file("new"))), before, "under one id")
        head, _ = world.record("new", before[0])
        equal((head["source"], head["secret-used"], "signature" in head), ("reconcile", "-", False),
              "the file says where it comes from")
        shown = world.run("bookspool", "show", "--json", before[0])
        equal(json.loads(shown.stdout)["reconciled"], True, "and so does show")
        world.drained()
        world.agree("ledger and providers agree")
        equal(len(world.mails()), 4, "each is mailed")
        equal(sum("No webhook of" in re.sub(r"\s+", " ", letter.text) for letter in world.letters()), 2, "and its mail says so")
        equal(world.missing("--apply", code=0), [], "then nothing is missing")
        status = world.run("bookspool", "reconcile")
        match(status.stdout, r"(?m)^Cal\.com: 2 bookings since .* no webhook is missing$", "in words")


def each_change_is_one_fact():
    """Created, cancelled and moved, found first or brought first."""
    with Providers() as world:
        late = {"late": 3600}
        one = world.calcom.book(START, **late)
        two = world.calendly.book(START + HOUR, **late)
        equal(len(world.missing("--apply", code=0)), 2, "bookings whose webhooks are late")
        world.drained()
        equal(len(world.mails()), 2, "are mailed")
        world.calendly.clock.advance(-3000)
        moved_one = world.calcom.reschedule(one, START + DAY, **late)
        moved_two = world.calendly.reschedule(two, START + DAY + HOUR, how=late, how_created=late)
        equal([event for _, event, _ in world.missing("--apply", code=0)],
              ["BOOKING_RESCHEDULED", "invitee.created", "invitee.canceled"], "moves, too")
        world.drained()
        subjects = world.mails()
        equal(sum("Moved" in subject for subject in subjects), 2, "and are mailed as such")
        world.calcom.cancel(moved_one, **late)
        world.calendly.cancel(moved_two, **late)
        equal([event for _, event, _ in world.missing("--apply", code=0)],
              ["BOOKING_CANCELLED", "invitee.canceled"], "cancellations, too")
        world.drained()
        count = len(world.mails())
        equal(count, 6, "each change is one mail")
        world.agree("ledger and providers agree")
        held = len(os.listdir(world.file("held")))
        world.calcom.calls.advance(30000)
        world.calendly.calls.advance(30000)
        came = len(os.listdir(world.file("new"))) + len(os.listdir(world.file("held"))) - held
        ok(came >= 6, "the webhooks come after all", f"{came}")
        for name in os.listdir(world.file("held")):
            os.rename(world.file("held", name), world.file("new", name))
        world.drained()
        equal(len(world.mails()), count, "and are the same facts")
        equal(world.missing("--apply", code=0), [], "nothing is missing")


def brought_before_it_was_entered():
    """The webhook and the reconciled event of it meet in new/."""
    with Providers() as world:
        one = world.calcom.book(START, lose=True)
        equal(len(world.missing("--apply", code=0)), 1, "it is put into the spool")
        world.calcom._tell("BOOKING_CREATED", one, {})
        equal(len(os.listdir(world.file("new"))), 2, "and the webhook comes before the drain")
        world.drained()
        equal(len(world.mails()), 1, "one mail")
        two = world.calendly.book(START + HOUR, late=1)
        equal(world.missing(code=1), [("calendly", "invitee.created", "missing")], "not yet here")
        world.calendly.calls.advance(2)
        equal(world.missing("--apply", code=0), [("calendly", "invitee.created", "waits")], "here, not drained")
        world.drained()
        equal((len(world.mails()), world.states()[two]), (2, "accepted"), "one mail of it")


def chains_and_ends():
    """What became of a booking while nothing came: moved twice, moved and cancelled, cancelled at once."""
    lost = {"lose": True}
    with Providers() as world:
        first = world.calendly.book(START)
        other = world.calcom.book(START + HOUR)
        third = world.calendly.book(START + 2 * HOUR)
        world.drained()
        for hours in 24, 48:
            first = world.calendly.reschedule(first, START + hours * HOUR, how=lost, how_created=lost)
            other = world.calcom.reschedule(other, START + (hours + 1) * HOUR, **lost)
        third = world.calendly.reschedule(third, START + 26 * HOUR, how=lost, how_created=lost)
        world.calendly.cancel(third, **lost)
        gone = world.calcom.book(START + 3 * DAY, **lost)
        world.calcom.cancel(gone, **lost)
        kind = world.calcom.add_event_type("Consulting", world.calcom.owner, confirm=True)
        asked = world.calcom.book(START + 4 * DAY, event_type=kind, **lost)
        granted = world.calcom.book(START + 5 * DAY, event_type=kind, **lost)
        world.calcom.confirm(granted, **lost)
        refused = world.calcom.book(START + 6 * DAY, event_type=kind, **lost)
        world.calcom.reject(refused, **lost)
        world.reconcile("--apply", code=0)
        world.drained()
        world.drained()
        world.agree("after each story ledger and providers agree")
        states = world.states()
        equal([states[uid] for uid in (asked, granted, refused)], ["pending", "accepted", "rejected"],
              "requests have their answers")
        equal(world.missing("--apply", code=0), [], "nothing is missing any more")
        entries = {}
        for letter in world.letters():
            for _, event in letter.vevents:
                key = str(event["UID"])
                if key not in entries or event["SEQUENCE"] >= entries[key][0]:
                    entries[key] = (event["SEQUENCE"], str(event.get("STATUS", "CONFIRMED")))
        live = sum(status != "CANCELLED" for _, status in entries.values())
        equal(live, 4, "and calendars hold the four bookings that are left")


def what_is_not_subscribed():
    """No webhook of it was to come, so nobody is mailed about it."""
    with Providers(settings={"BOOKSPOOL_MAIL_ATTENDEE": "yes"}) as world:
        colleague = world.calendly.add_user("Max Example", "max@example.org")
        other = world.calendly.add_event_type("Call with Max", colleague)
        world.calendly.book(START, event_type=other, lose=True)
        own = world.calendly.book(START + HOUR, lose=True)
        equal([one["uid"] for one in world.reconcile("calendly", code=1)["calendly"]["missing"]], [own],
              "a colleague's booking is none of a subscription to one user's")
        world.calendly.subscriptions["one"].update(scope="organization", user=None, state="disabled")
        equal(len(world.missing("calendly", code=1)), 2, "and one of a subscription to the organization's")
        world.calendly.subscriptions["one"].update(events=["invitee.canceled"])
        equal(world.missing("calendly", code=0), [], "an event that is not subscribed is not missing")
        world.calendly.subscriptions.clear()
        equal([one["uid"] for one in world.reconcile("calendly", code=1)["calendly"]["missing"]], [own],
              "without a subscription: those of the token's user")
        hook = world.calcom.webhooks["one"]
        hook["level"] = ("event-type", world.calcom.event_type)
        private = world.calcom.add_event_type("Private", world.calcom.owner)
        world.calcom.book(START, event_type=private)
        lost = world.calcom.book(START + DAY, lose=True)
        equal([one["uid"] for one in world.reconcile("calcom", code=1)["calcom"]["missing"]], [lost],
              "an event type without a webhook")
        hook["level"] = ("user", world.calcom.owner)
        hook["triggers"] = ["BOOKING_CREATED"]
        world.calcom.cancel(lost, lose=True)
        asked = world.calcom.add_event_type("Consulting", world.calcom.owner, confirm=True)
        world.calcom.book(START + 2 * DAY, event_type=asked)
        equal(world.missing("calcom"), [("calcom", "BOOKING_CREATED", "missing")],
              "events that are not among its triggers")

        def broken(*_):
            raise Failure(503)
        world.calcom._webhook_call = broken
        found = world.reconcile("calcom", "--apply", code=69)["calcom"]
        equal((found["result"], found["missing"]), ("failed", []),
              "while the subscriptions cannot be listed, nothing is compared")


def the_ledger_is_lost():
    """What was mailed is in done/, whatever the ledger knows."""
    with Providers() as world:
        world.calcom.book(START)
        world.calendly.book(START + HOUR)
        world.calcom.book(START + DAY, lose=True)
        world.reconcile("--apply", code=0)
        world.drained()
        equal(len(world.mails()), 3, "three bookings are mailed")
        for name in os.listdir(world.state_dir):
            if name.startswith("ledger.db"):
                os.unlink(os.path.join(world.state_dir, name))
        world.calendly.book(START + 2 * HOUR, lose=True)
        equal(world.missing(code=1), [("calendly", "invitee.created", "missing")], "only what never came is missing")
        equal(world.missing("--apply", code=0), [("calendly", "invitee.created", "put")], "and is put into the spool")
        world.drained()
        equal(len(world.mails()), 4, "nothing is mailed twice")


def group_events():
    with Providers() as world:
        kind = world.calendly.add_event_type("Workshop", world.calendly.owner, seats=5)
        ada = world.calendly.book(START, event_type=kind)
        event = world.calendly.invitees[ada]["event"]
        world.drained()
        before = len(world.calendly.log)
        equal(world.missing(code=0), [], "all invitees are known")
        ok(not any(call.path.endswith("/invitees") for call in world.calendly.log[before:]),
           "the ledger counts them, no request is needed")
        bea = world.calendly.book(START, name="Bea", email="bea@example.com", event=event, lose=True)
        cem = world.calendly.book(START, name="Cem", email="cem@example.com", event=event)
        world.drained()
        equal([one["uid"] for one in world.reconcile("--apply", code=0)["calendly"]["missing"]], [bea],
              "one of three is missing")
        world.calendly.cancel(cem, lose=True)
        equal([(one["uid"], one["event"]) for one in world.reconcile("--apply", code=0)["calendly"]["missing"]
               if one["state"] != "waits"], [(cem, "invitee.canceled")], "one has left")
        world.drained()
        world.agree("ledger and provider agree")


def windows_and_pages():
    """Start times from now to years ahead, and more bookings than a page has."""
    with Providers() as world:
        starts = [datetime.datetime.now(datetime.timezone.utc) + days * DAY
                  for days in (1, 6, 8, 30, 200, 500, 1000, 1500)]
        for start in starts:
            world.calendly.book(start, lose=True)
            gone = world.calendly.book(start + HOUR, lose=True)
            world.calendly.cancel(gone, lose=True)
        for number in range(105):
            world.calcom.book(START + number * HOUR, lose=True)
        found = world.reconcile("--apply", code=0)
        equal([one["event"] for one in found["calendly"]["missing"]],
              ["invitee.created"] * 8 + ["invitee.canceled"] * 8, "every window is looked at, active and canceled")
        equal(len(found["calcom"]["missing"]), 105, "every page, too")
        world.drained()
        world.agree("ledger and providers agree")
        equal(world.missing("--since", "1d", code=0), [], "nothing is missing")


def a_list_that_changes():
    """Bookings of the first page that change meanwhile move to the end of Cal.com's list."""
    with Providers() as world:
        uids = [world.calcom.book(START + number * HOUR, lose=True) for number in range(105)]
        for number, uid in enumerate(uids):
            world.calcom.bookings[uid]["updated"] = time.time() - 7200 + 2 * number
        pages = []

        def change(request):
            if request.path.endswith("/bookings"):
                pages.append(request)
                for uid in uids[:3] if len(pages) == 2 else ():
                    world.calcom.bookings[uid]["updated"] = time.time()
        world.calcom.on_call = change
        found = world.reconcile("calcom", "--apply", code=0)["calcom"]
        equal(sorted(one["uid"] for one in found["missing"]), sorted(uids), "each is found, once")
        equal(len(pages), 2, "with as many requests as there are pages")


def older_changes():
    with Providers() as world:
        for api in world.calendly, world.calcom:
            api.clock.ahead = -20 * 86400
        world.calendly.book(START, lose=True)
        world.calcom.book(START, lose=True)
        world.calendly.clock.ahead = world.calcom.clock.ahead = 0
        equal(world.missing(code=0), [], "what changed before --since is not looked for")
        equal(len(world.missing("--since", "30d", code=1)), 2, "unless it is asked for")
        world.run("bookspool", "reconcile", "--since", "soon")
        match(world.run("bookspool", "reconcile", "--since", "soon").stderr, "is not a duration", "a wrong --since")


def old_ones_that_something_touched():
    """Made or cancelled long before the walk, say before the installation, and listed since a field changed."""
    with Providers() as world:
        known = world.calcom.book(START + 3 * DAY)
        world.drained()
        for api in world.calendly, world.calcom:
            api.clock.ahead = -60 * 86400
        touched = [world.calcom.book(START, lose=True), world.calcom.book(START + DAY, lose=True)]
        world.calcom.cancel(touched[1], lose=True)
        person = world.calendly.book(START, lose=True)
        for api in world.calendly, world.calcom:
            api.clock.ahead = 0
        for uid in touched:
            world.calcom.bookings[uid]["updated"] = time.time() - 3600
        event = world.calendly.events[world.calendly.invitees[person]["event"]]
        event["updated_at"] = world.calendly.invitees[person]["updated_at"] = utc(time.time() - 3600)
        equal(world.missing("--apply", code=0), [], "what is older than --since is no news")
        world.calcom.bookings[known]["created"] = time.time() - 60 * 86400
        world.calcom.cancel(known, lose=True)
        world.calendly.cancel(person, lose=True)
        equal(world.missing(code=1), [("calcom", "BOOKING_CANCELLED", "missing"),
                                      ("calendly", "invitee.canceled", "missing")],
              "but a change of today is, where the ledger knows the booking or the provider says when")
        equal(len(world.missing("--since", "90d", code=1)), 4, "and all of them, if --since reaches them")


def what_the_owner_hides():
    """The list of bookings does not say it, the event type does; each is asked once, and only of a finding."""
    with Providers(settings={"BOOKSPOOL_MAIL_ATTENDEE": "yes"}) as world:
        hidden = world.calcom.add_event_type("Hidden", world.calcom.owner, hide=HIDES)
        gone = world.calcom.add_event_type("Gone", world.calcom.owner)
        kinds = {"open": world.calcom.event_type, "hidden": hidden, "gone": gone}
        for number, (name, kind) in enumerate(kinds.items()):
            world.calcom.book(START + number * DAY, event_type=kind, email=f"{name}@example.com", lose=True)
            world.calcom.book(START + number * DAY + HOUR, event_type=kind, lose=True)
        world.calcom.on_call = lambda request: (
            request.path.endswith(f"/{gone}") and world.calcom.event_types[gone].update(user=0))
        before = len(world.calcom.log)
        equal(len(world.missing("calcom", "--apply", code=0)), 6, "all are found")
        asked = [call.path for call in world.calcom.log[before:] if re.search(r"/event-types/\d+$", call.path)]
        equal(sorted(asked), sorted(f"/v2/event-types/{kind}" for kind in kinds.values()), "one request each")
        world.calcom.event_types[gone].update(user=world.calcom.owner)
        world.drained()
        shown = {letter.to.partition("@")[0]: "olga@example.org" in f"{letter.text} {letter.vevents}"
                 for letter in world.letters()}
        equal([shown[name] for name in kinds], [True, False, False],
              "the customer's mail has the host's address only where the event type says that it may")
        before = len(world.calcom.log)
        equal(world.missing("calcom", code=0), [], "nothing is missing")
        ok(not any(re.search(r"/event-types/\d+$", call.path) for call in world.calcom.log[before:]), "then nothing more is asked")


def what_is_not_paid():
    """Pending, too, and no request: only the event type and the ledger tell it from one."""
    with Providers(settings={"BOOKSPOOL_MAIL_ATTENDEE": "yes"}) as world:
        world.calcom.webhooks["one"]["triggers"] += ["BOOKING_PAYMENT_INITIATED"]
        both = world.calcom.add_event_type("Paid, by request", world.calcom.owner, confirm=True)
        unpaid = [world.calcom.book(START, lose=True), world.calcom.book(START + DAY, event_type=both, lose=True)]
        for uid in unpaid:
            world.calcom.bookings[uid]["status"] = "pending"
        world.calcom._tell("BOOKING_PAYMENT_INITIATED", unpaid[1], {})
        world.drained()
        mails = len(world.mails())
        equal(world.missing("calcom", "--apply", code=0), [], "what waits for its payment is no request")
        world.drained()
        equal(len(world.mails()), mails, "and is not mailed as one")
        asked = world.calcom.book(START + 2 * DAY, event_type=both, lose=True)
        found = world.reconcile("calcom", code=1)["calcom"]["missing"]
        equal([(one["uid"], one["event"]) for one in found], [(asked, "BOOKING_REQUESTED")], "a request is found")


def what_is_on_its_way():
    """A webhook that is younger than ten minutes is no reason for an alarm."""
    with Providers() as world:
        def lost():
            world.missing(code=1)
            status = json.loads(world.run("bookspool", "status", "--json").stdout)
            return "webhooks-silent" in {check["reason"] for check in status["checks"]}
        world.calcom.book(START, late=60)
        ok(not lost(), "a webhook that is on its way is not silent")
        world.calcom.clock.ahead = -3600
        world.calcom.book(START + DAY, late=60)
        world.calcom.clock.ahead = 0
        ok(lost(), "one of an hour ago is")


def seated(world, uid, names, lose=()):
    """Gives each of these persons a seat in a booking of Cal.com, as its lists and its webhooks have it."""
    people = [(f"seat-{name}", name, f"{name.lower()}@example.com") for name in names]
    shown, payload = CalcomApi._shown.__get__(world.calcom), CalcomApi._payload.__get__(world.calcom)
    world.calcom._shown = lambda one: {**shown(one), "attendees": [
        {**shown(one)["attendees"][0], "seatUid": seat, "name": name, "email": address,
         "bookingFieldsResponses": {"name": name, "email": address}} for seat, name, address in people]}
    for seat, name, address in people:
        if name not in lose:
            world.calcom._payload = lambda trigger, one: {
                **payload(trigger, one), "attendeeSeatId": seat, "responses": {}, "attendees": [
                    {**payload(trigger, one)["attendees"][0], "name": name, "email": address}]}
            world.calcom._tell("BOOKING_CREATED", uid, {})
    world.calcom._payload = payload


def a_forgotten_seat():
    with Providers(settings={"BOOKSPOOL_MAIL_ATTENDEE": "yes"}) as world:
        uid = world.calcom.book(START, lose=True)
        seated(world, uid, ("Ada", "Bea"))
        world.drained()
        equal(world.missing("calcom", code=0), [], "both seats are known")
        equal(world.run("bookspool", "forget", "bea@example.com").returncode, 0, "one person is forgotten")
        mails = len(world.mails())
        equal(world.missing("calcom", "--apply", code=0), [], "and not found again")
        world.drained()
        equal(len(world.mails()), mails, "nor mailed")
        db = sqlite3.connect(os.path.join(world.state_dir, "ledger.db"))
        kept = "\n".join(db.iterdump())
        ok("bea@" not in kept and "'Bea'" not in kept, "nor kept in the ledger")
        db.close()
        seated(world, uid, ("Ada", "Bea", "Cem"), lose=("Ada", "Bea", "Cem"))
        ok("Cem" in [one["who"] for one in world.reconcile("calcom", code=1)["calcom"]["missing"]],
           "one more seat is found")
        world.calcom.wrong.clear()  # seats are another form of a booking


def what_is_over():
    """A booking that took place already: the owner learns of it, the customer needs no confirmation."""
    with Providers(settings={"BOOKSPOOL_MAIL_ATTENDEE": "yes"}) as world:
        world.calcom.clock.ahead = -3 * 86400
        world.calcom.book(datetime.datetime.now(datetime.timezone.utc) - 2 * DAY, lose=True)
        world.calcom.clock.ahead = 0
        world.calcom.book(START, name="Bea", email="bea@example.com", lose=True)
        world.reconcile("--apply", code=0)
        world.drained()
        equal(sorted(letter.to for letter in world.letters()),
              ["bea@example.com", "owner@example.org", "owner@example.org"], "who is mailed")
        customer = next(letter for letter in world.letters() if letter.to == "bea@example.com")
        ok("webhook" not in customer.text, "the customer hears nothing of webhooks")


def stopped_and_continued():
    with Providers() as world:
        for hours in range(6):
            world.calendly.book(START + hours * HOUR, lose=True)
        before = len(world.calendly.log)
        world.calendly.on_call = lambda request: (
            request.path.endswith("/invitees") and
            sum(call.path.endswith("/invitees") for call in world.calendly.log[before:]) == 2 and
            os.kill(tool[0].pid, signal.SIGTERM))
        tool = [world.start([*program("bookspool"), "reconcile", "calendly", "--apply", "--json"], "reconcile.log")]
        equal(tool[0].wait(60), 75, "it is stopped")
        world.calendly.on_call = None
        put = len(os.listdir(world.file("new")))
        ok(0 < put < 6, "some are in the spool", f"{put}")
        middle = len(world.calendly.log)
        found = world.reconcile("calendly", "--apply", code=0)["calendly"]
        equal(found["resumed"], True, "it goes on")
        again = sum(call.path.endswith("/invitees") for call in world.calendly.log[middle:])
        ok(again <= 6 - put + 2, "from where it was stopped", f"{again} after {put}")
        equal(len(os.listdir(world.file("new"))), 6, "and finds the rest")
        world.drained()
        world.agree("ledger and provider agree")


def looked_at_then_applied():
    """A run without --apply puts nothing into the spool, so --apply does not go on from where it ended."""
    with Providers() as world:
        for hours in range(4):
            world.calendly.book(START + hours * HOUR, lose=True)
        world.calendly.on_call = lambda request: (
            request.path.endswith("/invitees") and
            sum(call.path.endswith("/invitees") for call in world.calendly.log) == 3 and
            os.kill(tool[0].pid, signal.SIGTERM))
        tool = [world.start([*program("bookspool"), "reconcile", "calendly", "--json"], "reconcile.log")]
        equal(tool[0].wait(60), 75, "a look is stopped")
        world.calendly.on_call = None
        found = world.reconcile("calendly", "--apply", code=0)["calendly"]
        equal((found["resumed"], len(found["missing"])), (False, 4), "--apply begins anew")
        world.drained()
        world.agree("ledger and provider agree")


def one_event_fails():
    """An event whose invitees are never answered hides no other one, now or later."""
    with Providers() as world:
        bad = world.calendly.book(START, lose=True)
        later = world.calendly.book(START + HOUR, lose=True)
        gone = world.calendly.book(START + 2 * HOUR, lose=True)
        world.calendly.cancel(gone, lose=True)
        number = world.calendly.invitees[bad]["event"].rsplit("/", 1)[1]
        listed, status = world.calendly._list_invitees, [403]

        def list_invitees(request, user, which):
            if which == number and status:
                raise Failure(status[0])
            return listed(request, user, which)
        world.calendly._list_invitees = list_invitees
        found = world.reconcile("calendly", "--apply", code=69)["calendly"]
        equal([one["uid"] for one in found["missing"]], [later, gone], "the events after it are seen")
        ok(found["result"] == "failed" and found["error"], "the run has failed, and says why", str(found))
        earlier = world.calendly.book(START - HOUR, lose=True)
        status[0] = 500
        found = world.reconcile("calendly", "--apply", code=69)["calendly"]
        equal([one["uid"] for one in found["missing"] if one["state"] == "put"], [earlier],
              "and those that are booked before it")
        status[0] = 404
        world.reconcile("calendly", "--apply", code=0)
        status.clear()
        equal([one["uid"] for one in world.reconcile("calendly", "--apply", code=0)["calendly"]["missing"]
               if one["state"] == "put"], [bad], "once it is answered it is found")
        world.drained()
        world.agree("ledger and provider agree")


def old_cursors():
    """A run that was stopped is continued within a day after it began."""
    with Providers() as world:
        world.calendly.book(START, lose=True)
        path = os.path.join(world.state_dir, "reconcile.json")
        now = int(time.time() * 1000)
        for hours, resumed in (23, True), (25, False), (-1, False):
            one = {"since": now - 8 * 86400000, "began": now - hours * 3600000, "reached": now, "canceled": True,
                   "applied": False}
            with open(path, "w", encoding="ascii") as file:
                json.dump({"calendly": one}, file)
            equal(world.reconcile("calendly")["calendly"]["resumed"], resumed, f"after {hours} hours")


def failing_calls():
    """Each call fails once; the run after it completes the work."""
    with Providers() as world:
        for hours in range(2):
            world.calendly.book(START + hours * HOUR, lose=True)
            world.calcom.book(START + DAY + hours * HOUR, lose=True)
        world.calendly.tokens["calendly-token"].scopes = {"users:read", "webhooks:read"}
        for nth in range(1, 40):
            world.calcom.fail(nth, 404)
        found = world.reconcile("--apply", code=69)
        match(world.said, "scheduled_events:read", "it says what is missing")
        equal([one["result"] for one in found.values()], ["failed", "failed"], "and that it did not come to its end")
        world.calendly.tokens["calendly-token"].scopes = None
        world.calcom._faults.clear()
        world.calendly.fail(2, 503)
        world.calcom.fail(2, LIMITED)
        equal(len(world.missing("--apply", code=0)), 4, "what is temporary is asked again")
        world.drained()
        world.agree("ledger and providers agree")
        world.calendly.tokens["calendly-token"].state = "revoked"
        world.reconcile("calendly", code=69)
        match(world.said, "CALENDLY_API_TOKEN", "a token that is refused is named")
        ok("calendly-token" not in world.said, "and not shown")


def without_tokens():
    with Providers(drain={"CALENDLY_API_TOKEN": None, "CALCOM_API_KEY": None}) as world:
        world.reconcile(code=78)
        match(world.said, "CALCOM_API_KEY and CALENDLY_API_TOKEN", "which settings are missing")


def subscriptions():
    with Providers(settings={"BOOKSPOOL_ALARM": "mailto:admin@example.org"}) as world:
        found = world.reconcile(code=0)
        equal([one["subscription"]["state"] for one in found.values()], ["active", "active"], "both are active")
        hook = world.calendly.subscriptions["one"]
        hook["retry_started_at"] = utc(time.time() - 3600)
        found = world.reconcile(code=0)["calendly"]["subscription"]
        equal(found["state"], "retrying", "a delivery is being retried")
        match(found["advice"], "disables the subscription after a day", "what that leads to")
        hook["state"] = "disabled"
        world.calcom.webhooks["one"]["active"] = False
        world.calendly.clock.ahead = -3600
        world.calendly.book(START)
        world.calcom.book(START + HOUR)
        world.calendly.clock.ahead = 0
        found = world.reconcile(code=1)
        equal([one["subscription"]["state"] for one in found.values()], ["disabled", "disabled"], "both are off")
        match(found["calendly"]["subscription"]["advice"], "--resubscribe", "how to fix it")
        world.drained()  # raises the alarm
        world.drained()  # and sends it
        alarms = [letter.subject for letter in world.letters() if letter.to == "admin@example.org"]
        ok(any("subscription" in text for text in alarms), "an alarm is raised", str(alarms))
        status = json.loads(world.run("bookspool", "status", "--json").stdout)
        reasons = {check["reason"] for check in status["checks"] if check["reason"]}
        ok({"subscription-disabled", "webhooks-silent"} <= reasons, "status says so", str(reasons))
        found = world.reconcile("--apply", "--resubscribe", code=0)
        equal([one["subscription"]["made_anew"] for one in found.values()], [True, True], "they are made anew")
        [new] = world.calendly.subscriptions.values()
        equal((new["state"], new["callback_url"], new["signing_key"]),
              ("active", "https://example.org" + ENDPOINTS["calendly"], world.secret["calendly"]),
              "Calendly's is another one with the same secret")
        equal(world.calcom.webhooks["one"]["active"], True, "Cal.com's is switched on")
        world.calendly.book(START + DAY)
        world.calcom.book(START + DAY + HOUR)
        world.drained()
        world.agree("webhooks come again")
        world.calendly.subscriptions.clear()
        found = world.reconcile(code=0)["calendly"]["subscription"]
        equal(found["state"], "missing", "one that is gone")
        world.reconcile("calendly", "--resubscribe", code=0)
        equal([one["state"] for one in world.calendly.subscriptions.values()], ["active"], "is made")
        world.calcom.webhooks.clear()
        world.reconcile("calcom", "--resubscribe", code=0)
        equal([one["version"] for one in world.calcom.webhooks.values()], [world.calcom.versions[-1]],
              "Cal.com's has the newest version")


def several_subscriptions():
    """One that is disabled is not made good by another one that brings less."""
    with Providers() as world:
        hook = world.calendly.subscriptions["one"]
        wide = {**hook, "uri": hook["uri"].replace("one", "two"), "scope": "organization", "user": None,
                "callback_url": hook["callback_url"] + "/org", "state": "disabled"}
        world.calendly.subscriptions["two"] = wide
        found = world.reconcile("calendly", code=0)["calendly"]["subscription"]
        equal((found["state"], found["url"]), ("disabled", wide["callback_url"]), "the wider one is disabled")
        wide["state"], hook["state"] = "active", "disabled"
        equal(world.reconcile("calendly", code=0)["calendly"]["subscription"]["state"], "active",
              "the wider one brings all that the other one would")
        wide["state"] = "disabled"
        found = world.reconcile("calendly", "--resubscribe", code=0)["calendly"]["subscription"]
        equal((found["state"], found["made_anew"]), ("active", True), "what is needed is made anew")
        equal(sorted((one["scope"], one["state"]) for one in world.calendly.subscriptions.values()),
              [("organization", "active"), ("user", "active")], "at both levels")
        one = world.calcom.webhooks["one"]
        world.calcom.webhooks["two"] = {**one, "id": "two", "active": False,
                                        "subscriberUrl": one["subscriberUrl"] + "/type",
                                        "level": ("event-type", world.calcom.event_type)}
        equal(world.reconcile("calcom", code=0)["calcom"]["subscription"]["state"], "active",
              "an event type's is covered by the user's")


def only_to_look():
    with Providers() as world:
        world.calcom.book(START, lose=True)
        equal(world.missing("--apply", "--dry-run", code=1), [("calcom", "BOOKING_CREATED", "missing")],
              "--dry-run says what --apply would put")
        equal(os.listdir(world.file("new")), [], "and puts nothing")
        equal(world.missing("--dry-run", code=1), [("calcom", "BOOKING_CREATED", "missing")], "alone, too")
        world.calendly.subscriptions["one"]["state"] = "disabled"
        world.calcom.webhooks.clear()
        found = world.reconcile("--resubscribe", "--dry-run", code=1)
        equal([(one["subscription"]["state"], one["subscription"]["would_be_made_anew"],
                one["subscription"]["made_anew"]) for one in found.values()],
              [("missing", True, False), ("disabled", True, False)], "what --resubscribe would make anew")
        match(found["calcom"]["subscription"]["advice"],
              f"would make the one to https://example.org{ENDPOINTS['calcom']} anew", "where it would lead")
        equal([len(world.calcom.webhooks)] + [one["state"] for one in world.calendly.subscriptions.values()],
              [0, "disabled"], "nothing is made")


def the_case_of_a_host():
    with Providers(settings={"CALENDLY_WEBHOOK_BASE_URL": "https://Example.ORG/"}) as world:
        equal(world.reconcile("calendly", code=0)["calendly"]["subscription"]["state"], "active",
              "the case of a host's name does not matter")
        shown = world.run("bookspool", "calendly", "subscriptions", "--json")
        equal([one["own"] for one in json.loads(shown.stdout)["subscriptions"]], [True], "nor to calendly subscriptions")


run_parts((what_is_lost_is_found, each_change_is_one_fact, brought_before_it_was_entered, chains_and_ends,
           what_is_not_subscribed, the_ledger_is_lost, group_events, windows_and_pages, older_changes,
           old_ones_that_something_touched, what_the_owner_hides, what_is_over, stopped_and_continued,
           failing_calls, looked_at_then_applied, without_tokens, subscriptions, one_event_fails, old_cursors,
           a_list_that_changes, the_case_of_a_host, several_subscriptions, only_to_look, what_is_not_paid,
           what_is_on_its_way, a_forgotten_seat))
finish()
