#!/usr/bin/python3
"""Both providers before a real receiver and drain: from nothing to a mailed booking, a month with webhooks
that are lost, doubled, late or switched off and two rotations of secrets, and the same with calls to the API
that fail. What is asked each time: after `bookspool reconcile --apply`, do ledger and providers agree, was
each booking mailed and nothing twice, and was no genuine delivery ever refused for its secret?

MONTH=full: several months, and runs in which one call to an API fails, each in its turn.
"""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from api_peer import DROP, DROP_AFTER, LIMITED  # noqa: E402
from bookspool import diag, equal, finish, ok, run_parts, skip_all  # noqa: E402
from month import CLOCK, DAY, HOUR, Month  # noqa: E402

FULL = os.environ.get("MONTH") == "full"
WAYS = (503, DROP, DROP_AFTER, LIMITED)


def from_nothing():
    for name in "calendly", "calcom":
        with Month() as month:
            ok(month.subscribe(name), f"{name}: subscribe", month.last.stderr)
            guest = month.book(name, how={})
            month.step(60)
            equal([letter.says for letter in month.letters if guest in letter.subject], ["New booking"],
                  "a booking made there is mailed")
            equal(month.refusals(), [], "and nothing was refused")


def agrees(month, name):
    """The question of all these tests."""
    faults = month.disagreements() + month.mail_faults() + month.refusals() + month.gaps
    for provider in "calendly", "calcom":
        if len(month.api(provider).hooks) != 1:
            faults.append(f"{len(month.api(provider).hooks)} subscriptions at {provider}")
    equal(faults, [], name)


def reconciled(month, *args):
    """Reconciles, and mails what that found."""
    done = month.command("reconcile", "--apply", *args)
    ok(done, f"reconcile --apply {' '.join(args)}", month.last.stdout + month.last.stderr)
    month.step(HOUR)


def switched_off(month):
    """A day and more without an answer: Calendly switches its subscription off, and nobody is told."""
    month.reachable = False  # from a delivery on, which is repeated for a day
    month.book("calendly", how={})
    month.outage(hours=30)
    month.step(DAY)
    equal([hook["state"] for hook in month.calendly.hooks.values()], ["disabled"], "Calendly gave up")
    month.command("reconcile", "--since", "8d", tries=1)
    ok("disabled" in month.last.stdout + month.last.stderr, "reconcile says so",
       month.last.stdout + month.last.stderr)
    reconciled(month, "--since", "8d", "--resubscribe")
    equal([hook["state"] for hook in month.calendly.hooks.values()], ["active"], "and subscribes again")


def one_month(seed):
    with Month(seed, outlives=seed % 2 == 1) as month:
        diag(f"seed {seed}")
        month.step(60)
        for name in "calendly", "calcom":
            ok(month.subscribe(name), f"{name}: subscribe", month.last.stderr)
        month.go_on(days=7)
        reconciled(month, "--since", "8d")
        ok(month.rotate("calendly"), "Calendly's key is rotated", month.last.stderr)
        month.go_on(days=5)
        switched_off(month)
        ok(month.rotate("calcom"), "Cal.com's secret is rotated", month.last.stderr)
        month.go_on(days=7)
        reconciled(month, "--since", "15d")
        month.go_on(days=5)
        month.settle()
        reconciled(month, "--since", "40d")
        agrees(month, "ledger and providers agree, all is mailed, nothing twice")
        lost = sum(len(api.calls.lost) for api in month.apis)
        ok(lost > 3 and len(month.letters) > 40, "much was lost, and more was mailed", (lost, len(month.letters)))
        month.command("release", "--all")
        month.step(DAY)
        agrees(month, "what was held for its age says nothing new")
        month.run("bookspool", "reconcile", "--apply", "--since", "40d")
        month.step(DAY)
        agrees(month, "nor does another run")


def a_month():
    for seed in range(1, 9) if FULL else [4]:
        one_month(seed)


def few_days(faults=()):
    """All that calls an API, in few days. `faults`: (provider, number of the call, way, and perhaps its
    method). The calls made."""
    with Month(seed=7, window=1, outlives=True) as month:
        for name, number, way, *method in faults:
            month.api(name).fail(number, way, method=method[0] if method else None)
        done = [month.subscribe(name) for name in ("calendly", "calcom")]
        for name in "calendly", "calcom":
            month.book(name, how={})
            month.book(name, how={})
        month.go_on(days=1, per_day=6)
        for name in "calendly", "calcom":
            month.lose(name)
        done += [month.rotate(name) for name in ("calendly", "calcom")]
        month.settle()
        done.append(month.command("reconcile", "--apply", "--since", "20d"))
        month.step(HOUR)
        what = faults[0] if len(faults) == 1 else f"{len(faults)} calls fail"
        ok(all(done), f"all commands come to their end: {what}", f"{done} {month.last.stdout} {month.last.stderr}")
        agrees(month, "and all is as if nothing had failed")
        return {name: len(month.api(name).log) for name in ("calendly", "calcom")}


def calls_that_fail():
    """The short form: in one run each change, and every sixth call. The faults of one kind are further apart
    than a call is tried again."""
    if not FULL:
        few_days([*((name, number, WAYS[number // 6 % len(WAYS)], "GET") for name in ("calendly", "calcom")
                    for number in range(2, 60, 6)),
                  ("calendly", 1, DROP_AFTER, "POST"), ("calendly", 2, 503, "POST"),
                  ("calendly", 4, DROP_AFTER, "POST"), ("calendly", 1, DROP_AFTER, "DELETE"),
                  ("calcom", 1, DROP, "POST"), ("calcom", 2, DROP_AFTER, "POST"),
                  ("calcom", 1, LIMITED, "PATCH"), ("calcom", 2, DROP_AFTER, "PATCH")])
        return
    calls = few_days()
    diag(f"calls to the APIs: {calls}")
    for name, count in calls.items():
        for number in range(1, count + 1):
            few_days([(name, number, WAYS[number % len(WAYS)])])


if not os.path.exists(CLOCK):
    skip_all("the clock goes with the plain programs only")
run_parts((from_nothing, a_month, calls_that_fail))
finish()
