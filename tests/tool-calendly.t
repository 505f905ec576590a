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
from bookspool import PATIENCE, equal, finish, match, need, ok, program, run_parts, sample, sign, skip  # noqa: E402
from calendly_api import CalendlyApi  # noqa: E402
from faults import SHIM  # noqa: E402

KEY, OLD_KEY = "CALENDLY_WEBHOOK_SIGNING_KEY", "CALENDLY_WEBHOOK_SIGNING_KEY_SECONDARY"
START = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0) + datetime.timedelta(days=30)
FULL = os.environ.get("ROTATE") == "full"  # else only around the requests that change something
CHANGES, REQUESTS = (5, 14), 14  # of the requests of a change of the secret: POST and DELETE; and of all
LAST_LOOK = 8  # and the first of those that read the list for the last time
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
        for nth in range(1, 40) if FULL else (1, *CHANGES, REQUESTS + 1):
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
        equal((code, deaths), (0, REQUESTS if FULL else 3), f"a change dies at its requests, of which there are {nth - 1}")
        ok(changes >= deaths - 4, "most of them had begun, and went on", changes)
        equal(wrong, [], "there is always one subscription or two, nothing is refused, and the next run ends it")
        site.drain()
        equal(len(site.mails()), len(api.invitees), "each booking is mailed, and none twice")


def dies_between():
    if not os.path.exists(SHIM):
        return skip("a sanitizer must come before what is preloaded")
    with Site() as site, CalendlyApi(send=site.send) as api:
        site.use(api)
        site.changing("subscribe")
        wrong, deaths = [], 0
        for nth in range(1, 40) if FULL else range(1, 40, 2):
            code = rotate(site, "--again", env={"LD_PRELOAD": SHIM, "SHIM_CALL": "fsync", "SHIM_AT": str(nth)})
            where = f"killed at fsync {nth}"
            wrong += check_booking(site, api, where)
            if code.returncode == 0:
                break
            deaths += 1
            wrong += check_end(site, api, where, rotate(site).returncode)
            wrong += check_booking(site, api, where + ", and run again")
        ok(deaths >= 3, f"a change dies before {deaths} of its syncs: of its own file, and of the secrets")
        equal(wrong, [], "and the next run ends it")
    return None


def fails_at_each_request():
    """What a request does before its answer is lost counts; so does a server error that did nothing."""
    with Site() as site, CalendlyApi(send=site.send, window=1) as api:
        site.use(api)
        site.changing("subscribe")
        wrong, runs = [], 0
        kinds = itertools.cycle((500, DROP, DROP_AFTER, LIMITED))
        for nth in range(1, REQUESTS + 2) if FULL else CHANGES:
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
        equal(runs, REQUESTS + 7 if FULL else 8, "changes, each with one request that failed")
        equal(wrong, [], "all came to their end, at once or by the next run")


def rotates():
    with Site(receive={KEY: "the first secret's 'quoted' text"}) as site, CalendlyApi(send=site.send) as api:
        site.use(api)
        with open(site.path("etc/receive.env"), "a", encoding="ascii") as file:
            file.write("# a word of the owner's\n")
        os.chmod(site.path("etc/receive.env"), 0o644)
        done = site.tool("subscribe", code=78)
        match(done.stderr, "open to others", "a file of secrets that others can read is refused")
        os.chmod(site.path("etc/receive.env"), 0o640)
        done = site.tool("rotate-key", code=69)
        match(done.stderr, "nothing is subscribed at .*calendly subscribe", "without a subscription it says what to do")
        site.changing("subscribe")
        old = site.stored(KEY)
        equal(the_only(api)["signing_key"], old, "a secret that was given is used as it is")
        methods = [one.method for one in api.log]
        before = (site.text("receive.env"), methods.count("POST"))
        done = site.changing("rotate-key", "--dry-run", "--json")
        equal([step["done"] for step in json.loads(done.stdout)["steps"]], [False] * 4, "a dry run does nothing")
        equal((site.text("receive.env"), [one.method for one in api.log].count("POST")), before, "and changes nothing")
        equal(site.rotation(), None, "and keeps nothing")
        site.changing("rotate-key", "--settle", "1s")
        hook = the_only(api)
        ok(site.stored(KEY) != old, "the secret is another one")
        match(site.text("receive.env"), f'{OLD_KEY}="{old}"', "the old one is still accepted")
        match(site.text("receive.env"), "a word of the owner's", "other lines stay")
        equal(stat.S_IMODE(os.stat(site.path("etc/receive.env")).st_mode), 0o640, "and so does the mode")
        equal(hook["signing_key"], site.stored(KEY), "Calendly has the new one")
        ok(hook["callback_url"].startswith(site.url + "/api/webhooks/calendly/"), "at the second path", hook)
        api.book(START)
        equal(site.answers, [200], "a booking is accepted")
        posts = len(api.asked("POST"))
        match(site.changing("rotate-key", name="at once again").stdout, "is accepted until", "the old secret rests")
        equal(len(api.asked("POST")), posts, "and nothing is changed")
        match(site.changing("subscribe", name="subscribe after it").stdout, "subscribed already",
              "the second path counts as this installation")
        site.rotated_a_day_ago()
        done = site.changing("rotate-key", name="a day later")
        equal(site.stored(OLD_KEY), None, "a day later the old one is forgotten")
        equal(site.rotation(), None, "and the change is over")
        equal(sign_with(site, old), 401, "by the receiver, too")
        site.changing("rotate-key", "--settle", "0s", name="another change")
        equal(the_only(api)["signing_key"], site.stored(KEY), "which leaves one subscription again")


def sign_with(site, secret):
    body = sample("calendly", "invitee_created")
    return site.post("calendly", body, sign("calendly", body, secret)).status


def refused():
    """What Calendly forbids is explained, and nothing is left half done."""
    scopes = {"users:read", "webhooks:read", "scheduled_events:read"}
    with Site() as site, CalendlyApi(send=site.send) as api:
        member = api.add_user("Max Example", "max@example.org")
        api.add_token("token-1", api.owner)
        site.use(api)
        done = site.tool("subscribe", "--events", "invitee.created,invitee.rescheduled", code=64)
        match(done.stderr, "no event invitee.rescheduled: a move is sent as", "an event that does not exist")
        done = site.tool("subscribe", "--events", "invitee.canceled,invitee.creatd", code=64)
        match(done.stderr, "did you mean invitee.created", "a misspelt one")
        done = site.tool("subscribe", "--events", "routing_form_submission.created", code=64)
        match(done.stderr, "only for --scope organization", "one of another scope")
        equal(api.log, [], "all without a request")
        api.tokens["token-1"].scopes = scopes
        done = site.changing("subscribe", code=77)
        match(done.stderr, "lacks the scopes webhooks:write", "a missing scope is named")
        secret = site.stored(KEY)
        ok(secret, "the secret is stored by then")
        api.tokens["token-1"].scopes = None
        api.hooks_on_plan = False
        match(site.changing("subscribe", code=77).stderr, "the plan: webhooks are on every plan",
              "so is what the plan lacks")
        api.hooks_on_plan = True
        equal(site.stored(KEY), secret, "the stored secret stays")
        api.tokens["token-1"].user = member
        match(site.changing("subscribe", "--scope", "organization", code=77).stderr, "the rights: --scope user needs none",
              "and what the user may not")
        done = site.changing("subscribe")
        equal(the_only(api)["signing_key"], secret, "the next run uses it")
        match(site.tool("subscriptions").stderr, "not seen: organization", "a list that may not be read is mentioned")
        api.tokens["token-1"].user, api.calls.send = api.owner, None
        api.subscriptions.clear()
        api.fail(4, 409)
        match(site.changing("subscribe", code=69).stderr, "allows this user one subscription of a URL.*choose another path",
              "a conflict says what to do")
        api.tokens["token-1"].state = "revoked"
        match(site.tool("whoami", code=77).stderr, "token [0-9a-f]{8} .*revoked", "a revoked token is named by its fingerprint")
        site.write_settings("drain.env", {})
        match(site.tool("whoami", code=78).stderr, "CALENDLY_API_TOKEN in drain.env", "a missing one by its setting")


def receiver_first():
    """Calendly gets no secret before the receiver has it; without a test the counters say so."""
    with Site() as site, CalendlyApi(send=site.send) as api:
        site.use(api)
        done = site.tool("subscribe", "--wait", "1s", code=75)
        match(done.stderr, "restart the receiver now", "it asks for a restart")
        match(done.stderr, "nothing was changed at Calendly", "and stops before Calendly's side")
        equal(len(api.subscriptions), 0, "where nothing is changed")
        secret = site.stored(KEY)
        site.tool("subscribe", "--wait", "1s", "--no-test", code=75)
        site.changing("subscribe", "--no-test")
        equal(the_only(api)["signing_key"], secret, "after the restart it goes on with the same secret")
        done = site.changing("rotate-key", "--no-test", "--settle", "0s", "--wait", "2s", code=75)
        match(done.stderr, "no delivery with the new secret has come", "without a test a delivery is waited for")
        equal(len(api.subscriptions), 2, "with both subscriptions")
        api.book(START)
        equal(site.answers, [200, 200], "which deliver")
        site.changing("rotate-key", "--no-test", "--settle", "0s", "--wait", "2s", name="after a delivery")
        equal(the_only(api)["signing_key"], site.stored(KEY), "then the old one goes")
        site.drain()
        equal(len(site.mails()), 1, "and the booking is mailed once")
        site.write_settings("bookspool.conf", {"BOOKSPOOL_SPOOL": site.spool_dir})
        done = site.tool("subscribe", code=78)
        match(done.stderr, "--url https://HOST, or set CALENDLY_WEBHOOK_BASE_URL", "a URL is needed")


def retries_and_disabled():
    with Site() as site, CalendlyApi(send=site.send) as api:
        site.use(api)
        site.changing("subscribe")
        first = the_only(api)
        api.book(START, answers=[500])
        done = site.changing("rotate-key", "--settle", "0s", code=75)
        match(done.stderr, "Calendly still repeats them; deleting it now", "a delivery that waits for its retry is kept")
        equal(len(api.subscriptions), 2, "with the subscription that repeats it")
        api.calls.run()
        first["retry_started_at"] = None
        site.changing("rotate-key", "--settle", "0s", name="when they are through")
        hook = the_only(api)
        hook["state"] = "disabled"
        done = site.tool("subscriptions")
        match(done.stdout, "disabled", "a disabled subscription is shown")
        match(done.stderr, "disabled after a day of failures: `subscribe`", "and what to do")
        site.changing("subscribe", name="subscribe again")
        hook = the_only(api)
        equal((hook["state"], hook["signing_key"]), ("active", site.stored(KEY)), "which makes it anew")
        api.book(START)
        equal(site.answers[-1], 200, "a booking is accepted")


def successor_lost():
    """A subscription that is gone, or disabled, when the old one is about to be deleted replaces nothing."""
    for how in ("disabled", "deleted"):
        with Site() as site, CalendlyApi(send=site.send) as api:
            site.use(api)
            site.changing("subscribe")
            old, serve, count = the_only(api), api.serve, itertools.count(1)

            def strike(request):
                if next(count) == LAST_LOOK:
                    successor = next(one for one in api.subscriptions.values() if one is not old)
                    if how == "disabled":
                        successor["state"] = how
                    else:
                        del api.subscriptions[successor["uri"].rpartition("/")[2]]
                return serve(request)
            api.serve = strike
            done = site.changing("rotate-key", "--settle", "0s", code=75, name=f"{how}: exit status 75")
            api.serve = serve
            match(done.stderr, "is gone or disabled.*run this again", "it says so")
            ok(old in api.subscriptions.values(), "the old one stays")
            api.book(START)
            equal(site.answers[-1:], [200], "and delivers")
            equal(site.changing("rotate-key", "--settle", "0s", name="the next run").returncode, 0, "goes on")
            hook = the_only(api)
            equal((hook["state"], hook["signing_key"]), ("active", site.stored(KEY)), "and ends it")


def several():
    """Events of another scope need a subscription of their own: each gets its successor."""
    forms = ["routing_form_submission.created"]
    with Site() as site, CalendlyApi(send=site.send) as api:
        site.use(api)
        site.changing("subscribe")
        site.changing("subscribe", "--scope", "organization", "--events", forms[0], "--url",
                      site.url + "/api/webhooks/calendly/forms")
        site.changing("rotate-key", "--settle", "0s")
        hooks = sorted(api.subscriptions.values(), key=lambda hook: hook["scope"])
        equal([(hook["scope"], hook["events"]) for hook in hooks], [("organization", forms), ("user", USUAL)],
              "scopes and events stay")
        equal({hook["signing_key"] for hook in hooks}, {site.stored(KEY)}, "both have the new secret")
        ends = [hook["callback_url"].rpartition("/")[2] for hook in hooks]
        equal(ends[0], ends[1] + "-forms", "at paths of its name")
        number = hooks[0]["uri"].rpartition("/")[2]
        site.tool("unsubscribe", number, "--dry-run")
        equal(len(api.subscriptions), 2, "a dry run deletes nothing")
        site.tool("unsubscribe", number)
        equal([hook["scope"] for hook in api.subscriptions.values()], ["user"], "one is deleted by its id")
        site.tool("unsubscribe")
        equal(api.subscriptions, {}, "without an operand all of this installation go")
        match(site.tool("unsubscribe").stdout, "nothing to delete", "and then none")


def secret_files():
    """Secrets in files of their own, one of which is not there yet."""
    with Site() as site, CalendlyApi(send=site.send) as api:
        names = {f"{name}_FILE": site.path("etc", file) for name, file in ((KEY, "calendly"), (OLD_KEY, "calendly-old"))}
        site.write_settings("receive.env", {f"{KEY}_FILE": names[f"{KEY}_FILE"]})
        site.use(api)
        site.changing("subscribe")
        equal(the_only(api)["signing_key"] + "\n", site.text("calendly"), "the secret is in its file")
        equal(stat.S_IMODE(os.stat(site.path("etc/calendly")).st_mode), 0o600, "closed to others")
        first = site.text("calendly")
        with open(site.path("etc/calendly-old"), "w", encoding="ascii") as file:
            file.write(first)
        os.chmod(site.path("etc/calendly-old"), 0o600)
        site.write_settings("receive.env", names)
        site.changing("rotate-key", "--settle", "0s")
        equal(site.text("calendly-old"), first, "the old secret goes into the second file")
        equal(the_only(api)["signing_key"] + "\n", site.text("calendly"), "the new one into the first")
        site.rotated_a_day_ago()
        site.changing("rotate-key", name="a day later")
        equal(site.text("calendly-old"), site.text("calendly"), "and then the old one is nowhere")
        done = site.tool("rotate-key", "--again", code=73, env={KEY: "by-hand"})
        match(done.stderr, "is set in the environment, where it cannot be changed", "one of the environment cannot be stored")


def third_secret():
    with Site(receive={KEY: "first-secret-0123456789", OLD_KEY: "other-secret-0123456789"}) as site, \
            CalendlyApi(send=site.send) as api:
        site.use(api)
        site.changing("subscribe")
        done = site.tool("rotate-key", code=78)
        match(done.stderr, f"{OLD_KEY} is set, and not by this command", "a secret that is not known is not pushed out")
        site.changing("rotate-key", "--again", "--settle", "0s")
        equal(site.stored(OLD_KEY), "first-secret-0123456789", "unless it is asked to")


def other_secondary():
    """After the change the secondary may be one that the owner has put there: it is not the old secret."""
    with Site() as site, CalendlyApi(send=site.send) as api:
        site.use(api)
        site.changing("subscribe")
        site.changing("rotate-key", "--settle", "0s")
        own = "of-another-account-0123456789"
        text = site.text("receive.env").replace(site.stored(OLD_KEY), own)
        with open(site.path("etc/receive.env"), "w", encoding="ascii") as file:
            file.write(text)
        site.rotated_a_day_ago()
        done = site.changing("rotate-key", "--dry-run", name="a dry run of the next")
        match(done.stdout, f"{OLD_KEY} is not the old secret any more", "it is kept")
        site.changing("rotate-key", name="a day later")
        equal(site.stored(OLD_KEY), own, "as it is")
        equal(site.rotation(), None, "and the change is over")
        match(site.tool("rotate-key", code=78).stderr, "is set, and not by this command", "the next one does not push it out")


def still_used():
    """The old secret stays while another subscription may use it: one that this token cannot see."""
    with Site() as site, CalendlyApi(send=site.send) as api:
        site.use(api)
        site.changing("subscribe")
        old = site.stored(KEY)
        site.changing("rotate-key", "--settle", "0s")
        site.rotated_a_day_ago()
        api.roles[api.owner] = "user"
        done = site.changing("rotate-key", code=77, name="a token that does not see the organization's")
        match(done.stderr, "not seen: organization", "says so")
        match(done.stderr, f"{OLD_KEY} stays.*remove it yourself", "and what to do")
        api.roles[api.owner] = "owner"
        equal(sign_with(site, old), 200, "a colleague's subscription delivers with the old secret")
        for args in ((), ("--dry-run",)):
            done = site.changing("rotate-key", *args, code=75, name="a secret that has matched since")
            match(done.stderr, f"matched at .*{OLD_KEY} stays.*remove it yourself", "is not removed")
        equal(site.stored(OLD_KEY), old, "so it is still accepted")
        site.write_settings("receive.env", {KEY: site.stored(KEY)})
        match(site.changing("rotate-key", name="after it was removed").stdout, "is not the old secret any more", "it ends")


def one_at_a_time():
    """Two runs would each make a secret, and the receiver would lose one of them."""
    with Site() as site, CalendlyApi(send=site.send) as api:
        site.use(api)
        site.changing("subscribe")
        serve, asked, released = api.serve, threading.Event(), threading.Event()

        def wait(request):
            asked.set()
            released.wait(PATIENCE)
            return serve(request)
        api.serve = wait
        first = site.start([*program("bookspool"), "calendly", "rotate-key", "--settle", "0s", "--restart",
                            site.restart], "tool.log")
        asked.wait(PATIENCE)
        api.serve, before = serve, site.text("receive.env")
        for action in ("rotate-key", "subscribe", "unsubscribe"):
            match(site.tool(action, code=75).stderr, "another run .* is at work: .* again when it has ended",
                  "a second run does not begin")
        equal(site.text("receive.env"), before, "and changes nothing")
        site.tool("rotate-key", "--dry-run", name="a dry run is possible")
        site.tool("subscriptions", name="and so is a list")
        released.set()
        equal(first.wait(PATIENCE), 0, "the first one ends")
        equal(the_only(api)["signing_key"], site.stored(KEY), "as if alone")


def lists():
    with Site() as site, CalendlyApi(send=site.send) as api:
        site.use(api)
        me = json.loads(site.tool("whoami", "--json").stdout)
        equal((me["email"], me["ok"]), ("olga@example.org", True), "whose token it is")
        api.book(START)
        other = api.book(START + datetime.timedelta(days=200))
        api.cancel(other)
        events = json.loads(site.tool("events", "--json").stdout)["events"]
        equal([event["status"] for event in events], ["active"], "events of the next month")
        match(site.tool("events", "--until", "300d", "--status", "canceled").stdout, r"canceled\tIntro call\tphysical",
              "or others")
        equal(len(json.loads(site.tool("events", "--until", "300d", "--email", "nobody@example.org", "--json").stdout)[
            "events"]), 0, "of one invitee")
        match(site.tool("event-types").stdout, "Intro call\t30\tyes\thttps://calendly.com/", "event types")
        site.changing("subscribe")
        one = json.loads(site.tool("subscriptions", "--json").stdout)["subscriptions"][0]
        equal((one["own"], one["state"], one["level"]), (True, "active", "user"), "subscriptions")
        ok(not any("signing_key" in json.dumps(one.answer) for one in api.log if one.method == "GET"), "without secrets")
        asked = len(api.log)
        match(site.tool("cache").stdout, "^answers [1-9]", "the cache")
        match(site.tool("cache", "--clear", "--dry-run").stdout, "would remove what is cached: [1-9]", "or what would go")
        match(site.tool("cache", "--clear").stdout, "done  remove what is cached: [1-9]", "or empty it")
        equal(json.loads(site.tool("cache", "--json").stdout)["answers"], 0, "which it is then")
        equal(len(api.log), asked, "without a request")
        for action in ("whoami", "cache", "events", "event-types", "subscriptions", "subscribe", "unsubscribe", "rotate-key"):
            match(site.tool(action, "--help").stdout, f"usage: bookspool calendly {action}", f"help for {action}")
        match(site.tool("--help", name="help").stdout, "rotate-key +change the secret", "help lists the actions")
        match(site.tool("rotate", code=64).stderr, "rotate is no action", "one that does not exist")


if __name__ == "__main__":
    need("nginx")
    run_parts((from_nothing, rotates, refused, receiver_first, retries_and_disabled, successor_lost, several,
               secret_files, third_secret, other_secondary, still_used, one_at_a_time, lists, dies_at_each_request,
               dies_between, fails_at_each_request))
    finish()
