#!/usr/bin/python3
"""`bookspool calendly`: from nothing to a mail, and a secret that is changed without losing a booking."""

import datetime
import itertools
import json
import os
import signal
import stat
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from account import Site  # noqa: E402
from api_peer import DROP, DROP_AFTER, LIMITED  # noqa: E402
from bookspool import PATIENCE, equal, finish, match, need, ok, program, run_parts  # noqa: E402
from calendly_api import CalendlyApi  # noqa: E402
from faults import SHIM, need_shims  # noqa: E402

KEY, OLD_KEY = "CALENDLY_WEBHOOK_SIGNING_KEY", "CALENDLY_WEBHOOK_SIGNING_KEY_SECONDARY"
START = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0) + datetime.timedelta(days=30)
CHANGES = (4, 11)  # of the requests of a change of the secret: POST and DELETE
USUAL = ["invitee.created", "invitee.canceled", "invitee_no_show.created", "invitee_no_show.deleted"]


def the_only(api):
    hooks = list(api.subscriptions.values())
    equal(len(hooks), 1, "there is one subscription")
    return hooks[0]


def from_nothing():
    with Site() as site, CalendlyApi(send=site.send) as api:
        site.use(api)
        done = site.changing("subscribe", "--dry-run")
        match(done.stdout, "would make a secret", "a dry run says what would be done")
        equal([one.method for one in api.log if one.method != "GET"], [], "and only reads")
        equal(site.stored(KEY), None, "and stores nothing")
        done = site.changing("subscribe")
        hook = the_only(api)
        equal(hook["signing_key"], site.stored(KEY), "Calendly has the stored secret")
        match(hook["signing_key"], "^[0-9a-f]{64}$", "which is a strong one")
        equal(hook["events"], USUAL, "for the events that mails are made of")
        equal(hook["callback_url"], site.url + "/api/webhooks/calendly", "at the endpoint")
        mode = stat.S_IMODE(os.stat(site.path("etc/receive.env")).st_mode)
        equal(mode, 0o600, "the file of the secret is closed to others")
        ok(hook["signing_key"] not in done.stdout + done.stderr, "the secret is not shown")
        api.book(START)
        equal(site.answers, [200], "a booking is accepted")
        site.drain()
        equal(len(site.mails()), 1, "and mailed")
        asked = len(api.asked("POST"))
        done = site.changing("subscribe", name="once more")
        match(done.stdout, "is subscribed already", "says that it exists")
        equal(len(api.asked("POST")), asked, "and makes no second one")


def tool_that_dies(site, api, nth, *args, before=False):
    """Runs an action and kills it at the nth request of the API: when that is done, or `before`. Returns
    its exit status: -9, or that of a run with fewer requests."""
    count, started = itertools.count(1), threading.Event()
    serve = api.serve

    def strike(request):
        started.wait(PATIENCE)
        if next(count) != nth:
            return serve(request)
        if not before:
            serve(request)
        process.kill()
        process.wait()
        return None
    api.serve = strike
    process = site.start([*program("bookspool"), "calendly", *args, "--restart", site.restart], "tool.log")
    started.set()
    try:
        return process.wait(PATIENCE)
    finally:
        api.serve = serve
        site.stop(process)


def check_booking(site, api, where):
    """At any moment: one active subscription or two, and each delivery is accepted."""
    del site.answers[:]
    hooks = [hook for hook in api.subscriptions.values() if hook["state"] == "active"]
    api.book(START)
    return [] if 1 <= len(hooks) <= 2 and site.answers == [200] * len(hooks) else [
        f"{where}: {len(hooks)} subscriptions, answers {site.answers}"]


def check_end(site, api, where, code):
    """After the last run: one subscription, which has the stored secret, and nothing under way."""
    hooks = list(api.subscriptions.values())
    good = (code == 0 and len(hooks) == 1 and hooks[0]["signing_key"] == site.stored(KEY)
            and hooks[0]["events"] == USUAL and (site.rotation() or {"changed": 1})["changed"])
    return [] if good else [f"{where}: exit status {code}, {len(hooks)} subscriptions, {site.rotation()}"]


def rotate(site, *args, **more):
    return site.run("bookspool", "calendly", "rotate-key", "--settle", "0s", "--restart", site.restart, *args, **more)


def dies_at_each_request():
    with Site() as site, CalendlyApi(send=site.send) as api:
        site.use(api)
        site.changing("subscribe")
        wrong, deaths, secret_before, changes = [], 0, site.stored(KEY), 0
        for nth in range(1, 40):
            code = tool_that_dies(site, api, nth, "rotate-key", "--settle", "0s", "--again")
            where = f"killed at request {nth}"
            wrong += check_booking(site, api, where)
            if code == 0:
                break
            deaths += code == -signal.SIGKILL
            wrong += check_end(site, api, where, rotate(site).returncode)
            wrong += check_booking(site, api, where + ", and run again")
            changes += site.stored(KEY) != secret_before
            secret_before = site.stored(KEY)
        ok(deaths >= 10 and nth == deaths + 1, f"a change dies at each of its {deaths} requests", nth)
        ok(changes >= deaths - 4, "most of them had begun, and went on", changes)
        equal(wrong, [], "there is always one subscription or two, nothing is refused, and the next run ends it")
        site.drain()
        equal(len(site.mails()), len(api.invitees), "each booking is mailed, and none twice")


def dies_between():
    need_shims()
    with Site() as site, CalendlyApi(send=site.send) as api:
        site.use(api)
        site.changing("subscribe")
        wrong, deaths = [], 0
        for nth in range(1, 40):
            code = rotate(site, "--again", env={"LD_PRELOAD": SHIM, "SHIM_CALL": "fsync", "SHIM_AT": str(nth)})
            where = f"killed at fsync {nth}"
            wrong += check_booking(site, api, where)
            if code.returncode == 0:
                break
            deaths += 1
            wrong += check_end(site, api, where, rotate(site).returncode)
            wrong += check_booking(site, api, where + ", and run again")
        ok(deaths >= 3, f"a change dies before each of its {deaths} syncs: of its own file, and of the secrets")
        equal(wrong, [], "and the next run ends it")


def fails_at_each_request():
    """What a request does before its answer is lost counts; so does a server error that did nothing."""
    with Site() as site, CalendlyApi(send=site.send, window=1) as api:
        site.use(api)
        site.changing("subscribe")
        wrong, runs = [], 0
        kinds = itertools.cycle((500, DROP, DROP_AFTER, LIMITED))
        for nth in range(1, 13):
            for how in (500, DROP, DROP_AFTER, LIMITED) if nth in CHANGES else (next(kinds),):
                api.fail(nth, how)
                code = rotate(site, "--again").returncode
                api._faults.clear()
                where = f"request {nth}: {how}"
                wrong += check_booking(site, api, where)
                if code == 75:
                    code = rotate(site).returncode
                wrong += check_end(site, api, where, code)
                runs += 1
        ok(runs > 15, f"{runs} changes, each with one request that failed")
        equal(wrong, [], "all came to their end, at once or by the next run")


def rotates():
    with Site() as site, CalendlyApi(send=site.send) as api:
        site.use(api)
        site.changing("subscribe")
        old = site.stored(KEY)
        done = site.changing("rotate-key", "--settle", "1s")
        hook = the_only(api)
        ok(site.stored(KEY) != old, "the secret is another one")
        equal(site.stored(OLD_KEY), old, "the old one is still accepted")
        equal(hook["signing_key"], site.stored(KEY), "Calendly has the new one")
        ok(hook["callback_url"].startswith(site.url + "/api/webhooks/calendly/"), "at the second path", hook)
        api.book(START)
        equal(site.answers, [200], "a booking is accepted")
        print(done.stdout, done.stderr)


if __name__ == "__main__":
    need("nginx")
    run_parts((from_nothing, rotates, dies_at_each_request, dies_between, fails_at_each_request))
    finish()
