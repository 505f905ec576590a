#!/usr/bin/python3
"""`bookspool calcom`: webhooks of every level, and a secret that is changed in place without losing a booking."""

import datetime
import itertools
import json
import os
import signal
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from account import Site  # noqa: E402
from api_peer import DROP, DROP_AFTER, LIMITED  # noqa: E402
from bookspool import PATIENCE, equal, finish, match, need, ok, program, run_parts  # noqa: E402
from calcom_api import TRIGGERS, CalcomApi  # noqa: E402

KEY, OLD_KEY = "CALCOM_WEBHOOK_SECRET", "CALCOM_WEBHOOK_SECRET_SECONDARY"
START = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0) + datetime.timedelta(days=30)
USUAL = ["BOOKING_CREATED", "BOOKING_RESCHEDULED", "BOOKING_CANCELLED", "BOOKING_REQUESTED", "BOOKING_REJECTED",
         "BOOKING_PAID", "BOOKING_LOCATION_UPDATED", "BOOKING_REASSIGNED", "BOOKING_NO_SHOW_UPDATED"]
FULL = os.environ.get("ROTATE") == "full"  # else only around the request that changes something
CHANGE = 7  # of the requests of a change of the secret with one webhook and one event type: PATCH


def the_only(api):
    hooks = list(api.webhooks.values())
    equal(len(hooks), 1, "there is one webhook")
    return hooks[0]


def from_nothing():
    with Site() as site, CalcomApi(send=site.send) as api:
        site.use(api)
        done = site.changing("subscribe", "--dry-run")
        match(done.stdout, "would make a secret", "a dry run says what would be done")
        equal([one.method for one in api.log if one.method != "GET"], [], "and only reads")
        done = site.changing("subscribe")
        hook = the_only(api)
        equal((hook["secret"], hook["triggers"], hook["version"], hook["active"]),
              (site.stored(KEY), USUAL, "2026-07-27", True), "with the stored secret, the newest payload")
        ok(hook["secret"] not in done.stdout + done.stderr, "the secret is not shown")
        api.book(START)
        equal(site.answers, [200], "a booking is accepted")
        site.drain()
        equal(len(site.mails()), 1, "and mailed")
        match(site.changing("subscribe", name="once more").stdout, "is subscribed already", "says that it exists")
        hook["secret"] = "another"
        match(site.changing("subscribe", code=69).stderr, "another secret than CALCOM_WEBHOOK_SECRET.*rotate-secret",
              "one with another secret is noticed")
        hook.update(active=False, secret=site.stored(KEY))
        done = site.changing("subscribe", code=69)
        match(done.stderr, "is switched off: `bookspool reconcile --resubscribe` switches it on again", "and one that is off")
        match(site.tool("webhooks").stderr, "is switched off: `bookspool reconcile --resubscribe`", "in the list, too")
        hook.update(active=True, triggers=USUAL[:2])
        match(site.changing("subscribe", code=69).stderr, "lacks some of the events: `bookspool calcom unsubscribe",
              "and one that lacks events")


def older_instances():
    """One that knows no newer payload, and one that knows no newer triggers either."""
    old = tuple(name for name in TRIGGERS if name not in ("BOOKING_LOCATION_UPDATED", "BOOKING_REASSIGNED"))
    for triggers, wanted in ((tuple(TRIGGERS), USUAL), (old, [name for name in USUAL if name in old])):
        with Site() as site, CalcomApi(send=site.send, versions=("2021-10-20",), triggers=triggers) as api:
            site.use(api)
            done = site.changing("subscribe")
            hook = the_only(api)
            equal((hook["version"], hook["triggers"]), ("2021-10-20", wanted), "what the instance knows is subscribed")
            match(done.stdout, "payload version 2021-10-20", "and said")
            match(site.tool("subscribe", "--events", "BOOKING_CONFIRMED", code=64).stderr,
                  "a confirmed request is sent as BOOKING_CREATED", "a trigger that does not exist is refused")


def levels():
    """The same URL at two levels is delivered twice, which only all lists together show."""
    with Site() as site, CalcomApi(send=site.send) as api:
        team = api.add_team("Sales", [api.owner])
        shared = api.add_event_type("Demo", api.owner, team=team)
        site.use(api)
        site.changing("subscribe")
        where = {"event type": f"event-type:{api.event_type}", "team": f"team-event-type:{team}/{shared}",
                 "organization": f"organization:{api.organization}"}
        done = [site.changing("subscribe", "--level", level) for level in where.values()]
        match(done[0].stderr, "user has this URL, too .* delivered twice", "a second level is warned of")
        match(site.tool("subscribe", "--level", "planet", code=64).stderr, "--level is user", "a level that does not exist")
        site.tool("subscribe", "--level", "event-type:1", code=66)
        listed = site.tool("webhooks", "--json")
        hooks = json.loads(listed.stdout)["subscriptions"]
        equal([hook["level"] for hook in hooks], [
            "user", f"event type {api.event_type}", f"team {team} event type {shared}",
            f"organization {api.organization}"], "every level is listed")
        equal({hook["delivers_twice"] for hook in hooks}, {True}, "and the doubles are marked")
        ok(all(hook["own"] for hook in hooks), "as this installation's")
        ok(site.stored(KEY) not in listed.stdout, "secrets are not shown")
        match(site.tool("webhooks").stderr, "the same URL is subscribed at two levels", "for people, too")
        api.book(START)
        ok(len(site.answers) > 1 and set(site.answers) == {200}, "a booking comes more than once", site.answers)
        site.drain()
        equal(len(site.mails()), 1, "and is mailed once")
        old = site.stored(KEY)
        site.changing("rotate-secret")
        equal({hook["secret"] for hook in api.webhooks.values()}, {site.stored(KEY)}, "a new secret goes to all levels")
        equal(site.stored(OLD_KEY), old, "the old one is accepted, too")
        api.users[api.owner]["admin"] = False
        match(site.tool("webhooks").stderr, "not seen: organization", "what may not be listed is mentioned")
        site.rotated_a_day_ago()
        match(site.changing("rotate-secret", code=77).stderr, f"not seen: organization(.|\\n)*{OLD_KEY} stays",
              "and as one of those may use the old secret, it stays")
        equal(site.stored(OLD_KEY), old, "indeed")
        site.tool("unsubscribe", hooks[1]["id"])
        equal(len(api.webhooks), 3, "one is deleted by its id")
        api.users[api.owner]["admin"] = True
        site.tool("unsubscribe", "--dry-run")
        equal(len(api.webhooks), 3, "a dry run deletes none")
        site.tool("unsubscribe")
        equal(api.webhooks, {}, "without an operand all go")


def hidden_secrets():
    """Where lists do not show secrets, each webhook gets the new one, maybe twice."""
    with Site() as site, CalcomApi(send=site.send, shows_secrets=False) as api:
        site.use(api)
        site.changing("subscribe")
        old = site.stored(KEY)
        site.changing("rotate-secret")
        hook = the_only(api)
        ok(hook["secret"] == site.stored(KEY) != old, "the secret is changed")
        before = len(api.asked("PATCH"))
        match(site.changing("rotate-secret", name="once more").stdout, "is accepted until", "the old secret rests")
        equal(len(api.asked("PATCH")), before, "and nothing is changed again")
        api.book(START)
        equal(site.answers, [200], "a booking is accepted")


def refused():
    with Site() as site, CalcomApi(send=site.send) as api:
        site.use(api)
        match(site.changing("rotate-secret", code=69).stderr, "nothing is subscribed", "there must be a webhook")
        member = api.add_user("Max Example", "max@example.org")
        api.tokens["token-1"].user = member
        done = site.changing("subscribe", "--level", f"organization:{api.organization}", code=77)
        match(done.stderr, "use a key of the owner, or of an admin", "a level of others is explained")
        api.tokens["token-1"].state = "revoked"
        match(site.tool("bookings", code=77).stderr, "set CALCOM_API_KEY in drain.env", "a revoked key, too")
        api.tokens["token-1"].state = "valid"
        match(json.loads(site.tool("whoami", "--json").stdout)["email"], "max@", "whose key it is")
        api.tokens["token-1"].user = api.owner
        api.book(START)
        match(site.tool("bookings").stdout, "accepted\\tIntro call", "bookings are listed")
        equal(json.loads(site.tool("bookings", "--status", "cancelled", "--json").stdout)["bookings"], [], "by status")
        for action in ("whoami", "webhooks", "subscribe", "unsubscribe", "rotate-secret", "bookings"):
            match(site.tool(action, "--help").stdout, f"usage: bookspool calcom {action}", f"help for {action}")


# ---- death and failure ----


def rotate(site, *args):
    return site.run("bookspool", "calcom", "rotate-secret", "--restart", site.restart, *args)


def check(site, api, where, code):
    """A booking is accepted; after a run that ended well the webhook has the stored secret."""
    del site.answers[:]
    api.book(START)
    hook = list(api.webhooks.values())[0]
    wrong = [] if site.answers == [200] else [f"{where}: {site.answers}"]
    if code == 0 and hook["secret"] != site.stored(KEY):
        wrong.append(f"{where}: another secret than the stored one")
    return wrong


def dies_at_each_request():
    with Site() as site, CalcomApi(send=site.send) as api:
        site.use(api)
        site.changing("subscribe")
        serve, wrong, deaths = api.serve, [], 0
        for nth in range(1, 30) if FULL else (1, CHANGE, CHANGE + 1, 14):
            count, started = itertools.count(1), threading.Event()

            def strike(request):
                started.wait(PATIENCE)
                answer = serve(request)
                if next(count) != nth:
                    return answer
                process.kill()
                process.wait()
                return None
            api.serve = strike
            process = site.start([*program("bookspool"), "calcom", "rotate-secret", "--again", "--restart",
                                  site.restart], "tool.log")
            started.set()
            code = process.wait(PATIENCE)
            site.stop(process)
            api.serve = serve
            where = f"killed at request {nth}"
            wrong += check(site, api, where, code)
            if code == 0:
                break
            deaths += code == -signal.SIGKILL
            again = rotate(site)
            wrong += check(site, api, where + ", and run again", again.returncode)
            wrong += [] if again.returncode == 0 else [f"{where}: exit status {again.returncode}"]
        equal((code, deaths), (0, nth - 1 if FULL else 3), f"a change dies at its requests, of which there are {nth - 1}")
        equal(wrong, [], "nothing is refused, and the next run ends it")
        site.drain()
        equal(len(site.mails()), len(api.bookings), "each booking is mailed, and none twice")


def fails_at_each_request():
    with Site() as site, CalcomApi(send=site.send, window=1) as api:
        site.use(api)
        site.changing("subscribe")
        wrong, kinds = [], itertools.cycle((500, DROP, DROP_AFTER, LIMITED))
        for nth in range(1, 12) if FULL else (CHANGE,):
            for how in (500, DROP, DROP_AFTER, LIMITED) if nth == CHANGE else (next(kinds),):
                api.fail(nth, how)
                code = rotate(site, "--again").returncode
                api._faults.clear()
                if code == 75:
                    code = rotate(site).returncode
                where = f"request {nth}: {how}"
                wrong += check(site, api, where, code) + ([] if code == 0 else [f"{where}: exit status {code}"])
        equal(wrong, [], "changes with one failed request each come to their end, at once or by the next run")


if __name__ == "__main__":
    need("nginx")
    run_parts((from_nothing, older_instances, levels, hidden_secrets, refused, dies_at_each_request,
               fails_at_each_request))
    finish()
