#!/usr/bin/python3
"""A run of bookspool reconcile against stand-ins of both APIs: pages and windows, runs that are stopped or fail,
and the subscriptions that it looks after."""

import datetime
import fcntl
import json
import os
import signal
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from api_peer import LIMITED, Failure  # noqa: E402
from bookspool import equal, finish, match, ok, program, run_parts, utc  # noqa: E402
from mailbox import START  # noqa: E402
from reconciling import DAY, ENDPOINTS, HOUR, Providers  # noqa: E402


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


def stopped_and_continued():
    with Providers() as world:
        for hours in range(6):
            world.calendly.book(START + hours * HOUR, lose=True)
        before = len(world.calendly.log)
        world.calendly.on_call = lambda request: (
            request.path.endswith("/invitees") and
            sum(call.path.endswith("/invitees") for call in world.calendly.log[before:]) == 2 and
            os.kill(tool[0].pid, signal.SIGTERM))
        tool = [world.start([*program("bookspool"), "reconcile", "calendly", "--apply", "--json", "--grace", "0s"],
                            "reconcile.log")]
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


def continued_from_what_was_left():
    """A run that is stopped after it left a change to its webhook is continued from before that."""
    with Providers() as world:
        early = world.calendly.book(START, lose=True)
        world.calendly.clock.ahead = -3600
        for hours in range(1, 4):
            world.calendly.book(START + hours * HOUR, lose=True)
        world.calendly.clock.ahead = 0
        world.calendly.on_call = lambda request: (
            request.path.endswith("/invitees") and
            sum(call.path.endswith("/invitees") for call in world.calendly.log) == 3 and
            os.kill(tool[0].pid, signal.SIGTERM))
        tool = [world.start([*program("bookspool"), "reconcile", "calendly", "--apply", "--json"], "reconcile.log")]
        equal(tool[0].wait(60), 75, "it is stopped")
        world.calendly.on_call = None
        ok(len(os.listdir(world.file("new"))) > 0, "after it put some")
        found = world.reconcile("calendly", "--apply", code=0)["calendly"]
        equal(found["resumed"], True, "it goes on")
        ok(early in [one["uid"] for one in found["missing"]], "and sees what it had left", str(found["missing"]))
        equal(len(os.listdir(world.file("new"))), 4, "all are put")


def looked_at_then_applied():
    """A run without --apply puts nothing into the spool, so --apply does not go on from where it ended."""
    with Providers() as world:
        for hours in range(4):
            world.calendly.book(START + hours * HOUR, lose=True)
        world.calendly.on_call = lambda request: (
            request.path.endswith("/invitees") and
            sum(call.path.endswith("/invitees") for call in world.calendly.log) == 3 and
            os.kill(tool[0].pid, signal.SIGTERM))
        tool = [world.start([*program("bookspool"), "reconcile", "calendly", "--json", "--grace", "0s"],
                            "reconcile.log")]
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


def beside_a_change_of_the_secret():
    """A subscription that is made anew gets the stored secret, so it waits while that changes."""
    with Providers() as world:
        world.calendly.subscriptions["one"]["state"] = "disabled"
        with open(os.path.join(world.state_dir, "rotation-calendly.lock"), "w", encoding="ascii") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            world.reconcile("--resubscribe", code=75)
            match(world.said, "another run for Calendly is at work", "--resubscribe is refused")
            equal(world.calendly.subscriptions["one"]["state"], "disabled", "and has changed nothing")
            world.reconcile("calcom", "--resubscribe", code=0)
            world.reconcile("calendly", "--resubscribe", "--dry-run", code=0)
            world.reconcile("calendly", "--apply", code=0)
        found = world.reconcile("--resubscribe", code=0)
        equal(found["calendly"]["subscription"]["state"], "active", "afterwards it is made anew")


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


run_parts((windows_and_pages, a_list_that_changes, stopped_and_continued, continued_from_what_was_left,
           looked_at_then_applied, one_event_fails, old_cursors, failing_calls, without_tokens, subscriptions,
           several_subscriptions, beside_a_change_of_the_secret, only_to_look, the_case_of_a_host))
finish()
