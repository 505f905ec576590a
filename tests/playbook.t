#!/usr/bin/python3
"""MAIL DID NOT COME of bookspool(1): each symptom is produced for real, the page's commands are run as they
are written there, and the mail comes."""

import os
import re
import sqlite3
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
import sites  # noqa: E402
from bookspool import (BIN, TOP, equal, finish, free_port, id_of, match, need, ok, run_parts, sample,  # noqa: E402
                       skip, utc)
from calendly_api import CalendlyApi  # noqa: E402
from mailbox import START  # noqa: E402
from smtp_peer import Scripted  # noqa: E402

CLOCK = os.path.join(BIN, "tests/clock.so")


def read_page():
    """The commands by symptom."""
    with open(os.path.join(TOP, "src/tool/bookspool.1"), encoding="utf-8") as file:
        text = re.search(r"^\.Sh MAIL DID NOT COME\n(.*?)^\.Sh ", file.read(), re.M | re.S)[1]
    parts = re.split(r"^\.It Sy (.*)\n", text, flags=re.M)
    return {title.replace("\\&", ""): re.findall(r"^\.Dl (.*)$", body, re.M) for title, body in zip(parts[1::2], parts[2::2])}


PAGE = read_page()
followed = set()


class Case(sites.Site):
    """An installation with a symptom; follow() does what the page says. `act` is what a person does in place
    of systemctl and the like, or between two commands."""

    def __init__(self, **more):
        super().__init__(**more)
        for name in "tmp new replay done out sent failed held bad".split():
            os.mkdir(self.file(name), 0o770)

    def follow(self, title, act=(), **names):
        """What each command said."""
        followed.add(title)
        said, act = [], list(act)
        env = self.env({"PATH": f"{BIN}:{os.environ['PATH']}"})
        for command in PAGE[title]:
            if command.startswith("systemctl list-timers"):
                continue
            if command.startswith("systemctl"):
                act.pop(0)()
                continue
            for name, value in {**names, "https://hooks.example.org": self.url,
                                "/var/spool/bookspool": self.spool_dir, "/var/lib/bookspool": self.state_dir}.items():
                command = command.replace(name, value)
            done = subprocess.run(command, shell=True, env=env, cwd=self.dir, text=True, capture_output=True,
                                  stdin=subprocess.DEVNULL)
            said.append((command, done.returncode, done.stdout + done.stderr))
        return said

    def mailed(self, key, name):
        ok(any(mail.startswith(key) for mail in self.spool("sent")), f"{name}: the mail is sent", self.spool("sent"))


def holds(said, index, code, pattern, name):
    command, got, text = said[index]
    ok((code is None or got == code) and re.search(pattern, text), f"{name}: {command[:50]}",
       f"{got}\n{text}\nwant: {code} /{pattern}/")


def no_receiver():
    need("nginx")
    with Case() as case:
        case.start_nginx(listen=f"127.0.0.1:{free_port()}")
        body = sample("calcom", "booking_created")
        equal(case.post("calcom", body).status, 503, "no receiver: the provider sees 503")
        said = case.follow("No receiver runs", [case.start_receiver])
        holds(said, 0, None, "no receiver runs", "no receiver")
        holds(said, 1, None, "is accepted, in", "afterwards")
        equal(case.post("calcom", body).status, 200, "the provider's retry is accepted")
        case.drain()
        case.mailed(id_of("calcom", body), "no receiver")


def signatures():
    need("nginx")
    with Case() as case:
        case.write_settings("receive.env", {"CALCOM_WEBHOOK_SECRET": "a-secret-of-last-year-00"})
        receiver = case.start_receiver()
        case.start_nginx(listen=f"127.0.0.1:{free_port()}")
        case.write_settings("receive.env", {"CALCOM_WEBHOOK_SECRET": case.secret["calcom"]})
        body = sample("calcom", "booking_created")
        equal(case.post("calcom", body).status, 401, "signatures: the provider sees 401")

        def restart():
            case.stop(receiver)
            case.start_receiver()
        said = case.follow("Signatures are wrong", [restart])
        holds(said, 0, 78, "primary secret of calcom is answered 401.*\n.*restart it", "signatures")
        holds(said, 1, 0, "primary secret of calcom is accepted", "restarted")
        equal(case.post("calcom", body).status, 200, "the retry is accepted")


def clock():
    if not os.path.exists(CLOCK):
        followed.add("The clock is wrong")
        return skip("the shim goes with the plain programs only", 4)
    need("nginx")
    with Case() as case:
        case.start_receiver(env={"LD_PRELOAD": CLOCK, "CLOCK_AHEAD": "-7200"})
        case.start_nginx(listen=f"127.0.0.1:{free_port()}")
        body = sample("calcom", "booking_created")
        equal(case.post("calcom", body).status, 403, "a clock two hours back: the provider sees 403")
        key = id_of("calcom", body)
        said = case.follow("The clock is wrong", ID=key)
        holds(said, 1, 0, "(?i)received", "the times of the event")
        holds(said, 2, 0, key, "released")
        case.mailed(key, "clock")
    return None


def held():
    with Case() as case:
        key = case.put("held", 1, 7000)
        said = case.follow("Events are held", ID=key)
        holds(said, 0, 0, key, "held")
        case.mailed(key, "held")


def silence():
    need("nginx")
    with Case(settings={"BOOKSPOOL_SILENCE": "1h"}) as case:
        case.start_receiver()
        case.start_nginx(listen=f"127.0.0.1:{free_port()}")
        said = case.follow("No webhook comes")
        holds(said, 0, 0, '^200 .*"accepted"', "an invented booking arrives")
        ok("calendly: no webhook has come" not in said[1][2], "and so the silence is the provider's", said[1][2])


def subscribed(case, api, state):
    """A subscription to this installation, and a booking of an hour ago that it did not bring."""
    url = "https://hooks.example.org/api/webhooks/calendly"
    api.subscriptions["one"] = {
        "uri": "https://api.calendly.com/webhook_subscriptions/one", "callback_url": url,
        "created_at": utc(time.time()), "updated_at": utc(time.time()), "retry_started_at": None,
        "state": state, "events": ["invitee.created", "invitee.canceled"], "scope": "user",
        "organization": api.organization, "user": api.owner, "group": None, "creator": api.owner,
        "signing_key": case.secret["calendly"]}
    api.clock.ahead = -3600
    api.book(START, lose=True)
    api.clock.ahead = 0
    return url


def disabled():
    with CalendlyApi() as api, Case(
            settings={"BOOKSPOOL_TLS_CA": api.ca, "CALENDLY_API_BASE": api.base},
            drain={"CALENDLY_API_TOKEN": "calendly-token"}) as case:
        api.add_token("calendly-token", api.owner)
        url = subscribed(case, api, "disabled")
        said = case.follow("Calendly disabled the subscription")
        holds(said, 0, 1, "has disabled the subscription", "disabled")
        holds(said, 1, 0, "1 put into the spool", "made anew")
        holds(said, 3, 0, "no webhook is missing", "and then")
        equal([(hook["state"], hook["callback_url"]) for hook in api.subscriptions.values()], [("active", url)],
              "the subscription is active")
        ok(len(case.spool("sent")) == 1, "what was lost is mailed")


def token_refused():
    with CalendlyApi() as api, Case(
            settings={"BOOKSPOOL_TLS_CA": api.ca, "CALENDLY_API_BASE": api.base},
            drain={"CALENDLY_API_TOKEN": "old-token"}) as case:
        subscribed(case, api, "active")
        api.tokens[api.add_token("old-token", api.owner)].state = "revoked"
        case.drain()
        match(case.run("bookspool", "status").stdout, "(?i)token.*refused|refuses the token", "a revoked token: the symptom")

        def renew():
            case.write_settings("drain.env", {"CALENDLY_API_TOKEN": api.add_token("new-token", api.owner)})
        said = case.follow("A token is refused", [renew])
        holds(said, 0, 78, r"refuses the token [0-9a-f]{8} \(CALENDLY_API_TOKEN\)", "revoked")
        holds(said, 1, None, "Calendly accepts the token", "a new one")
        holds(said, 2, 0, "1 put into the spool", "what was lost meanwhile")
        ok(len(case.spool("sent")) == 1, "is mailed", case.spool("sent"))


def full_disk():
    need("nginx")
    with Case(settings={"BOOKSPOOL_RESERVE": "1024G,0"}) as case:
        case.start_receiver()
        case.start_nginx(listen=f"127.0.0.1:{free_port()}")
        answer = case.post("calcom", sample("calcom", "booking_created"))
        equal((answer.status, answer.json["reason"]), (503, "spool-full"), "a full disk: the provider sees 503")
        said = case.follow("The disk is full")
        holds(said, 0, 78, "below BOOKSPOOL_RESERVE: new events are answered 503", "full")
        holds(said, 1, 0, "Avail|Verf", "how full")
        holds(said, 2, 0, ".", "what could be pruned")


def no_drain():
    with Case() as case:
        key = case.put("new", 1, 1000)
        match(case.run("bookspool", "status").stdout, "new/: the oldest event has waited for 16 m", "no drain: the symptom")
        said = case.follow("No drain runs")
        holds(said, 0, 0, key, "no drain")
        case.mailed(key, "no drain")


def blocked():
    with Scripted({"MAIL": ["550 not you", "550 not you", "250 welcome"]}) as server, Case(settings={
            "BOOKSPOOL_TRANSPORT": f"smtp+plain://127.0.0.1:{server.port}",
            "BOOKSPOOL_MAIL_TO": "ada@shop.test", "BOOKSPOOL_MAIL_FROM": "hooks@shop.test"}) as case:
        key = case.put("new", 1, 5)
        equal(case.drain().returncode, 75, "a blocked transport: the drain ends with 75")
        said = case.follow("The transport is blocked")
        holds(said, 0, 0, key, "what waits")
        holds(said, 1, 78, "550 not you", "why")
        holds(said, 2, 0, "ready for a mail", "corrected")
        case.mailed(key, "blocked")


def given_up():
    with Scripted({"RCPT": ["550 no such user", "250 ok"]}) as server, Case(settings={
            "BOOKSPOOL_TRANSPORT": f"smtp+plain://127.0.0.1:{server.port}"}) as case:
        key = case.put("new", 1, 5)
        case.drain()
        mail = next(name for name in case.spool("failed") if not name.endswith(".why"))
        said = case.follow("Mails were given up", ID=key, MAIL=mail)
        holds(said, 0, 0, key, "given up")
        holds(said, 1, 0, "550 no such user", "why")
        case.mailed(key, "given up")


def torn():
    with Case() as case:
        key = case.put("bad", 1, 9000, why="shorter than Length")
        with open(case.file("bad", key), "rb") as file:
            data = file.read()
        with open(case.file("bad", key), "wb") as file:
            file.write(data.replace(b"Ada", b"Eva"))
        said = case.follow("An event is torn", ID=key)
        holds(said, 0, 65, "does not match Sha256", "torn")
        holds(said, 1, 0, key, "repaired")
        ok(any(mail.startswith(key) for mail in case.spool("sent")), "torn: the mail is sent", case.spool("sent"))


def sent():
    with Case() as case:
        key = case.put("new", 1, 5)
        case.drain()
        case.follow("It was sent", ID=key)
        equal(len(case.mails()), 2, "sent: it is mailed again")


def rollback():
    with Case() as case:
        first = case.put("new", 1, 5)
        case.drain()
        ledger = sqlite3.connect(os.path.join(case.state_dir, "ledger.db"))
        ledger.execute("PRAGMA user_version = 999")
        ledger.close()
        key = case.put("new", 2, 5)
        done = case.drain()
        ok(done.returncode == 74 and "ledger-unusable" in done.stderr, "a ledger of a later version is refused", done)
        case.follow("After a rollback")
        case.mailed(key, "rollback")
        equal(len([name for name in case.spool("sent") if name.startswith(first)]), 1, "and nothing is mailed twice")


def complete():
    missing = set(PAGE) - followed
    equal(missing, set(), "each symptom of the page was produced, or its part skipped")


run_parts((no_receiver, signatures, clock, held, silence, disabled, token_refused, full_disk, no_drain, blocked,
           given_up, torn, sent, rollback))
if not sys.argv[1:]:
    complete()
finish()
