#!/usr/bin/python3
"""bookspool reconcile against stand-ins of both APIs: what webhooks lost is found, put into the spool, mailed
once, and the webhook that comes later is the same fact. How a run goes: tool-reconcile-run.t."""

import datetime
import json
import os
import re
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from api_peer import Failure  # noqa: E402
from bookspool import equal, finish, match, ok, run_parts, utc  # noqa: E402
from calcom_api import HIDES  # noqa: E402
from mailbox import START  # noqa: E402
from reconciling import DAY, HOUR, Providers  # noqa: E402

TABLES = "booking person notice decision overlap entry shared detail host place agenda answer token".split()


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


def whose_event_types():
    """Cal.com lists more bookings than any webhook brings: the event type says whose they are."""
    with Providers() as world:
        api, hook = world.calcom, world.calcom.webhooks.pop("one")
        colleague = api.add_user("Max Example", "max@example.org")
        theirs = api.add_event_type("Call with Max", colleague)
        robin = api.add_event_type("Demo", api.owner, team=api.add_team("Sales", [api.owner, colleague]))
        api.book(START, event_type=theirs, email="olga@example.org")
        team, own = api.book(START + DAY, event_type=robin), api.book(START + 2 * DAY)

        def found(*args, **more):
            return {one["uid"] for one in world.reconcile("calcom", *args, **more)["calcom"]["missing"]}
        equal(found(code=1), {own}, "no webhook: what one of the user's would bring")
        api.webhooks["one"] = hook
        equal(found(code=1), {own}, "the user's: not what is of a team, nor what the user has booked with others")
        hook["level"] = ("event-type", robin)
        equal(found(code=1), {team}, "that of a team's event type")
        hook["level"] = ("organization", api.organization)
        equal(found(code=1), {own, team}, "the organization's")
        api.users[api.owner]["admin"] = False
        equal(found(code=1), {own}, "where its webhooks cannot be listed, as without any")
        api.users[api.owner]["admin"] = True
        hook["level"] = ("user", api.owner)
        route = api.route

        def refusing(request):
            if re.search(r"/event-types/\d+$", request.path):
                raise Failure(400)
            return route(request)
        api.route = refusing
        new = api.book(START + 3 * DAY, event_type=api.add_event_type("New", api.owner))
        equal(found("--apply", code=69), {own}, "one whose type cannot be asked is not put, and the run has failed")
        api.route = route
        equal(found("--apply", code=0), {own, new}, "the next run asks again")


def groups_of_users():
    """Calendly's subscriptions of a group are listed by themselves."""
    with Providers() as world:
        api = world.calendly
        group = api.add_group("Sales", [api.add_user("Max Example", "max@example.org")])
        api.subscriptions["one"].update(scope="group", user=None, group=group, state="disabled")
        api.book(START, lose=True)
        found = world.reconcile("calendly", code=0)["calendly"]
        equal((found["subscription"]["state"], found["missing"]), ("disabled", []),
              "one that is disabled is seen; which bookings it would bring is not known")
        shown = world.run("bookspool", "calendly", "subscriptions", "--json", "--url", "https://example.org")
        equal([(one["level"], one["own"]) for one in json.loads(shown.stdout)["subscriptions"]], [("group", True)],
              "subscriptions lists it")
        api.tokens["calendly-token"].scopes = {"users:read", "webhooks:write", "scheduled_events:read"}
        shown = world.run("bookspool", "calendly", "subscriptions", "--url", "https://example.org")
        match(shown.stderr, "not seen: groups: .*groups:read", "or says that the token may not list groups")
        world.drained()
        status = json.loads(world.run("bookspool", "status", "--json").stdout)
        ok("scopes" not in str(status["checks"]), "which is no fault of the token", str(status["checks"]))


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
        world.calcom.webhooks["one"]["level"] = ("organization", world.calcom.organization)
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
    """A webhook that is younger than ten minutes may still come: it is not put, and is no reason for an alarm."""
    def silent(world):
        status = json.loads(world.run("bookspool", "status", "--json").stdout)
        return "webhooks-silent" in {check["reason"] for check in status["checks"]}
    with Providers() as world:
        kind = world.calcom.add_event_type("Consulting", world.calcom.owner, confirm=True)
        world.calcom.clock.ahead = world.calendly.clock.ahead = -3600
        asked = world.calcom.book(START + 2 * DAY, event_type=kind)
        world.drained()
        world.calcom.clock.ahead = world.calendly.clock.ahead = 0
        world.calcom.confirm(asked, late=60)
        world.calcom.book(START, late=60)
        world.calendly.book(START + HOUR, late=60)
        found = world.reconcile("--apply", grace=None, code=0)
        equal([(one["missing"], one["recent"]) for one in found.values()], [([], 2), ([], 1)],
              "booked or confirmed just now: left to the webhooks")
        equal((os.listdir(world.file("new")), silent(world)), ([], False), "nothing is put, and there is no alarm")
        world.calcom.calls.advance(61)
        world.calendly.calls.advance(61)
        equal(len(os.listdir(world.file("new"))), 3, "they come")
        world.drained()
        equal(world.reconcile("--apply", grace=None, code=0)["calcom"]["recent"], 0, "then nothing is left")
        world.calcom.book(START + DAY, lose=True)
        equal(len(world.missing("--apply", code=0)), 1, "--grace 0s puts one of now")
        world.calcom.clock.ahead = 0
    with Providers() as world:
        world.calcom.book(START, lose=True)
        equal(len(world.missing("calcom", code=1)), 1, "asked for, one of now is missing")
        ok(not silent(world), "which is no reason for an alarm either")
        world.calcom.clock.ahead = -3600
        world.calcom.book(START + DAY, lose=True)
        equal(len(world.missing("calcom", grace=None, code=1)), 1, "one of an hour ago is missing by itself")
        ok(silent(world), "and is a reason")
        match(world.run("bookspool", "reconcile", "--grace", "soon").stderr, "--grace soon is not", "a wrong --grace")


class Seats:
    """Persons with a seat in one booking of Cal.com, as its lists and its webhooks have them."""

    def __init__(self, world, uid, *names):
        self.api, self.uid, self.people = world.calcom, uid, {}
        self.shown, self.payload = self.api._shown, self.api._payload
        self.api._shown = self._list
        for name in names:
            self.take(name)

    def _list(self, uid):
        one = self.shown(uid)
        return {**one, "attendees": [
            {**one["attendees"][0], "seatUid": f"seat-{name}", "name": name, "email": address,
             "bookingFieldsResponses": {"name": name, "email": address}} for name, address in self.people.items()]}

    def take(self, name, lose=False):
        self.people[name] = f"{name.lower()}@example.com"
        if not lose:
            self.tell("BOOKING_CREATED", name, attendeeSeatId=f"seat-{name}")

    def tell(self, trigger, *names, **more):
        """A webhook about these of them."""
        said = self.payload(trigger, self.uid)
        people = [{**said["attendees"][0], "name": name, "email": self.people[name]} for name in names]
        self.api._payload = lambda trigger, uid: {**said, "responses": {}, "attendees": people, **more}
        self.api._tell(trigger, self.uid, {})
        self.api._payload = self.payload

    def move(self, start):
        """In place, as the host does it; its webhook is a matter of tell()."""
        begin = start.timestamp()
        self.api.bookings[self.uid].update(start=begin, end=begin + 1800, updated=self.api.clock.now())


def moved_with_its_seats():
    """The host moves a booking with all of its seats: one event, the same uid, another start."""
    with Providers(settings={"BOOKSPOOL_MAIL_ATTENDEE": "yes"}) as world:
        uid = world.calcom.book(START, lose=True)
        seats = Seats(world, uid, "Ada", "Bea")
        seen = set()

        def mailed():
            """The new letters, by their reader."""
            world.drained()
            new = [letter for letter in world.letters() if letter.raw not in seen]
            seen.update(letter.raw for letter in new)
            return {letter.to: letter for letter in new}

        def moved(name):
            found = world.reconcile("calcom", "--apply", code=0)["calcom"]["missing"]
            letters = mailed()
            equal([(one["uid"], one["event"]) for one in found], [(uid, "BOOKING_RESCHEDULED")], f"{name}: found")
            equal((sorted(letters), {"Moved" in one.subject for one in letters.values()}),
                  (["ada@example.com", "bea@example.com", "owner@example.org"], {True}), f"{name}: mailed")
            equal(world.missing("calcom", code=0), [], f"{name}: once")

        mailed()
        equal(world.missing("calcom", code=0), [], "the seats are known")
        seats.move(START + DAY)
        moved("a move")
        seats.tell("BOOKING_RESCHEDULED", "Ada", "Bea", rescheduleUid=uid)
        seats.tell("BOOKING_RESCHEDULED", "Bea", rescheduleUid=uid, attendeeSeatId="seat-Bea")
        equal(mailed(), {}, "its webhooks come, for all or for each seat, and are the same fact")
        seats.move(START + 2 * DAY)
        seats.take("Cem")
        equal(sorted(mailed()), ["cem@example.com", "owner@example.org"], "a seat is taken after the next move")
        moved("the others")
        seats.move(START + 3 * DAY)
        seats.tell("BOOKING_RESCHEDULED", "Ada", "Bea", "Cem", rescheduleUid=uid)
        equal(len(mailed()), 4, "a move by webhook")
        equal(world.missing("calcom", code=0), [], "is known of each seat")
        seats.move(START + 4 * DAY)
        seats.take("Dan", lose=True)
        equal([event for _, event, _ in world.missing("calcom", "--apply", code=0)],
              ["BOOKING_RESCHEDULED", "BOOKING_CREATED"], "a move and a new seat")
        letters = mailed()
        equal(sorted(letters), [f"{name}@example.com" for name in ("ada", "bea", "cem", "dan")] + ["owner@example.org"],
              "each is mailed")
        match(letters["dan@example.com"].text, "Your booking is confirmed", "the new one as such")
        ok("Ada" not in letters["dan@example.com"].raw.decode(), "who does not learn of the others")
        world.calcom.wrong.clear()  # seats are another form of a booking


def a_forgotten_seat():
    with Providers(settings={"BOOKSPOOL_MAIL_ATTENDEE": "yes"}) as world:
        uid = world.calcom.book(START, lose=True)
        seats = Seats(world, uid, "Ada", "Bea")
        world.drained()
        equal(world.missing("calcom", code=0), [], "both seats are known")
        equal(world.run("bookspool", "forget", "bea@example.com").returncode, 0, "one person is forgotten")
        mails = len(world.mails())
        equal(world.missing("calcom", "--apply", code=0), [], "and not found again")
        world.drained()
        equal(len(world.mails()), mails, "nor mailed")
        kept = repr([world.ledger_rows(f"SELECT * FROM {name}") for name in TABLES])
        ok("bea@" not in kept and "'Bea'" not in kept, "nor kept in the ledger")
        seats.take("Cem", lose=True)
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


run_parts((what_is_lost_is_found, each_change_is_one_fact, brought_before_it_was_entered, chains_and_ends,
           what_is_not_subscribed, whose_event_types, groups_of_users, the_ledger_is_lost, group_events,
           older_changes, old_ones_that_something_touched, what_the_owner_hides, what_is_not_paid, what_is_on_its_way,
           a_forgotten_seat, moved_with_its_seats, what_is_over))
finish()
