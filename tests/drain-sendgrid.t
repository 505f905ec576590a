#!/usr/bin/python3
"""The drain against a stand-in for SendGrid's interface that is as strict as its documentation."""

import base64
import json
import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from bookspool import diag, equal, finish, match, ok, run_parts, sample
from mailer import DONE, HELD, HOLD, NEVER, RETRY, SENT, UNKNOWN, WRONG, Mailer, big
from sendgrid_peer import DROP, DROP_AMID, GO_ON, SILENT, Peer
from smtp_peer import Authority

KEY = "SG.made-up.for-this-test"


def mailer(peer, transport="sendgrid:", key=KEY, scheme="http", end="", **settings):
    return Mailer(transport, SENDGRID_API_KEY=key,
                  SENDGRID_API_BASE=f"{scheme}://127.0.0.1:{peer.port}{end}", **settings)


def check(what, answer, want, code, reason, body=None, key=KEY, **settings):
    with Peer(KEY, answer) as peer, mailer(peer, key=key, **settings) as world:
        world.arrive(body)
        done = world.drain()
        got = (world.outcome(), done.returncode, len(peer.accepted))
        equal(got, (want, code, int(want == SENT)), f"{what}: {want}") or diag(done.stderr)
        match(done.stderr, rf"\b{reason}\b", f"{what}: the reason is {reason}")
        ok(KEY not in done.stderr and "owner@" not in done.stderr,
           f"{what}: neither key nor address in the log")
        if want == NEVER:
            match(world.why(), r"no to <owner@example\.org>\?", f"{what}: .why tells in full")


def answers():
    said = {}
    rows = [(202, SENT, DONE), (200, HELD, HOLD), (201, UNKNOWN, DONE), (301, HELD, HOLD),
            ((400, "personalizations.0.to.0.email", said), NEVER, DONE),
            ((400, None, said), NEVER, DONE), ((400, "from", said), HELD, HOLD),
            ((401, None, said), HELD, HOLD), ((403, None, said), HELD, HOLD),
            ((404, None, said), HELD, HOLD), ((406, None, said), HELD, HOLD),
            ((413, None, said), NEVER, DONE), ((451, None, said), HELD, HOLD),
            (500, RETRY, DONE), (503, RETRY, DONE), (502, UNKNOWN, DONE), (504, UNKNOWN, DONE)]
    for answer, want, code in rows:
        status, field = answer[:2] if isinstance(answer, tuple) else (answer, None)
        part = "-" + field.split(".", maxsplit=1)[0] if field else ""
        check(f"{status}{part}", answer, want, code, f"sendgrid-{status}{part}")
    check("a base with a slash", 202, SENT, DONE, "sendgrid-202", end="/")
    check("another key", 202, HELD, HOLD, "sendgrid-401", key="SG.another")


def the_message_decides():
    """Used-up credits wait for hours, and are no wrong key; a sender that is not verified blocks."""
    with Peer(KEY, (401, None, {}, "Maximum credits exceeded"), 202) as peer, mailer(peer) as world:
        for _ in range(3):
            world.arrive()
        done = world.drain()
        ahead = [os.stat(world.file("out", name)).st_mtime - time.time() for name in world.spool("out")]
        equal((done.returncode, len(peer.requests), len(ahead)), (HOLD, 1, 3), "no credits: one mail asks")
        ok(all(seconds > 3400 for seconds in ahead), "and all wait for BOOKSPOOL_RETRY_MAX", ahead)
        match(done.stderr, rf"retry-later: .* sendgrid-401-limit: 127\.0\.0\.1:{peer.port} says .* used up",
              "the log says so")
        world.due_now()
        equal((world.drain().returncode, len(world.spool("sent"))), (DONE, 3), "later they are sent")
    said = "The from address does not match a verified Sender Identity. Mail cannot be sent until this is resolved."
    with Peer(KEY, (403, "from", {}, said), 202) as peer, mailer(peer) as world:
        world.arrive()
        done = world.drain()
        equal((done.returncode, world.outcome()), (HOLD, HELD), "a sender that is not verified: blocked")
        match(done.stderr, r"blocked: sendgrid-403-sender: .* BOOKSPOOL_MAIL_FROM must be", "and what to do")
        equal((world.drain().returncode, len(world.spool("sent"))), (DONE, 1), "verified: sent")
    with Peer(KEY) as peer, mailer(peer, key="SG.other") as world:
        world.arrive()
        match(world.drain().stderr, rf"blocked: sendgrid-401: 127\.0\.0\.1:{peer.port} refused SENDGRID_API_KEY: check "
              r"drain\.env", "a wrong key: what to do")


def rate_limit():
    reset = int(time.time()) + 600
    said = {"X-RateLimit-Reset": reset, "X-RateLimit-Reset-After": 1}
    with Peer(KEY, (429, None, said)) as peer, mailer(peer) as world:
        for _ in range(3):
            world.arrive()
        done = world.drain()
        equal((done.returncode, len(peer.requests)), (HOLD, 1), "429: the run asks no further")
        times = [os.stat(os.path.join(world.spool_dir, "out", name)).st_mtime
                 for name in world.spool("out")]
        ok(abs(max(times) - reset) < 30, "and the mail waits until the reset", (times, reset))
    soon = int(time.time()) + 2
    with Peer(KEY, (429, None, {"X-RateLimit-Reset": soon})) as peer, mailer(peer) as world:
        world.arrive()
        world.drain()
        path = os.path.join(world.spool_dir, "out", world.spool("out")[0])
        ok(os.stat(path).st_mtime > time.time() + 30, "nor less than BOOKSPOOL_RETRY_MIN, if it is sooner")
    far = int(time.time()) + 86400
    with Peer(KEY, (429, None, {"X-RateLimit-Reset": far})) as peer, mailer(peer) as world:
        world.arrive()
        world.drain()
        path = os.path.join(world.spool_dir, "out", world.spool("out")[0])
        ok(os.stat(path).st_mtime < time.time() + 3700, "but never longer than BOOKSPOOL_RETRY_MAX")


def drops():
    quick = {"BOOKSPOOL_REPLY_TIMEOUT": "4s", "BOOKSPOOL_CONNECT_TIMEOUT": "10s"}
    check("hang-up after the request", DROP, UNKNOWN, DONE, "sendgrid-lost")
    check("hang-up amid the request", DROP_AMID, RETRY, DONE, "sendgrid-lost", big(),
          BOOKSPOOL_RETRY_MIN="5m")
    check("100 is no answer", GO_ON, RETRY, DONE, "sendgrid-lost", big())
    check("silence after the request", SILENT, UNKNOWN, DONE, "sendgrid-timeout", **quick)
    with Peer(KEY) as peer:
        gone = peer
    with mailer(gone) as world:
        world.arrive()
        world.arrive()
        done = world.drain()
        equal(done.returncode, HOLD, "nobody listens: the run ends")
        match(done.stderr, "sendgrid-connect-7", "and the reason is the connection")


def kept_connection_lost():
    """libcurl would repeat a request by itself on a kept connection that broke: it must not."""
    with Peer(KEY, 202, DROP, 202) as peer, mailer(peer) as world:
        for _ in range(3):
            world.arrive()
        done = world.drain()
        equal((done.returncode, len(peer.requests), len(peer.accepted), len(world.spool("sent"))),
              (DONE, 3, 2, 2), "each mail is one request") or diag(done.stderr)
        match(done.stderr, "outcome-unknown", "the one without an answer is unknown")
        world.due_now()
        world.drain()
        equal((len(peer.accepted), len(world.spool("sent"))), (3, 3), "and repeated when due")


def the_request():
    with Peer(KEY) as peer, mailer(peer, BOOKSPOOL_REPLY_TO="answers@example.org") as world:
        for _ in range(3):
            world.arrive()
        world.arrive(b'{"triggerEvent":"SOMETHING","createdAt":"2026-11-21T10:00:00Z"}')
        done = world.drain()
        equal((done.returncode, len(peer.accepted), peer.connections), (DONE, 4, 1),
              "four mails over one connection") or diag(done.stderr)
        names = {mail["personalizations"][0]["custom_args"]["bookspool_mail"]
                 for mail in peer.accepted}
        equal(names, set(world.spool("sent")), "each says its name in the spool")
        mail = next(mail for mail in peer.accepted if mail["subject"].startswith("Ada Example, "))
        equal((mail["from"], mail["personalizations"][0]["to"], mail["reply_to"]),
              ({"email": "bookspool@example.org"}, [{"email": "owner@example.org"}],
               {"email": "ada@example.com", "name": "Ada Example"}), "to whom an answer goes")
        name = mail["personalizations"][0]["custom_args"]["bookspool_mail"]
        equal(mail["headers"]["Message-ID"], f"<{name}@example.org>", "its own Message-ID")
        match(mail["content"][0]["value"], "(?i)booking", "the text is there")
        [other] = [mail for mail in peer.accepted if "attachments" in mail
                   and mail["attachments"][0]["filename"] == "body.json"]
        equal(json.loads(base64.b64decode(other["attachments"][0]["content"]))["triggerEvent"],
              "SOMETHING", "a body that is not understood goes along")
        headers = peer.requests[0][0]
        ok("Expect" not in headers, "no round trip is asked for")
        match(headers["User-Agent"], r"^bookspool/\d", "it says who it is")


def hostile():
    body = json.loads(sample("calcom", "booking_created"))
    body["payload"]["title"] = "x\r\nBcc: evil@example.net\u202e\x00 \"; , <b>\U0001f600"
    body["payload"]["attendees"][0]["name"] = "a;b,c\"\r\n" + "w" * 5000
    with Peer(KEY) as peer, mailer(peer) as world:
        world.arrive(json.dumps(body).encode())
        equal((world.drain().returncode, len(peer.accepted)), (DONE, 1), "hostile text is taken")
        subject = peer.accepted[0]["subject"]
        ok(not set(subject) & set("\r\n\0\u202e"), "its subject is one line", subject)


def over_tls():
    with Mailer("maildir:/nowhere") as room:
        ours, theirs = Authority(room.dir), Authority(room.dir, "other")
        for ca, want, reason in ((ours.ca, SENT, "sendgrid-202"), (theirs.ca, HELD, "sendgrid-tls-60"),
                                 (None, HELD, "sendgrid-tls-60")):
            with Peer(KEY, context=ours.context()) as peer, \
                    mailer(peer, scheme="https", BOOKSPOOL_TLS_CA=ca) as world:
                world.arrive()
                done = world.drain()
                equal(world.outcome(), want, f"TLS: {reason}") or diag(done.stderr)
                match(done.stderr, reason, f"TLS: the reason is {reason}")


def second_transport():
    def run(what, answer, want, **settings):
        with Peer(KEY, answer) as peer:
            with mailer(peer, **settings) as world:
                path = world.path("Second")
                world.write_settings("drain.env", {
                    "BOOKSPOOL_TRANSPORT": f"sendgrid:, maildir:{path}", "SENDGRID_API_KEY": KEY,
                    "SENDGRID_API_BASE": f"http://127.0.0.1:{peer.port}", **settings})
                for _ in range(3):
                    world.arrive()
                done = world.drain()
                got = (done.returncode, len(peer.requests), len(world.mails(path)),
                       done.stderr.count("second-transport"))
                equal(got, want, what) or diag(done.stderr)

    run("all is well: the second is not used", 202, (DONE, 3, 0, 0))
    run("the first holds: all go to the second", (401, None, {}), (DONE, 1, 3, 1))
    run("refused for good: not by the second", (413, None, {}), (DONE, 3, 0, 0))
    run("for now: not by the second", 503, (DONE, 3, 0, 0))
    run("unknown: not by the second", DROP, (DONE, 3, 0, 0))
    run("a rate limit: not by the second", (429, None, {}), (HOLD, 1, 0, 0))
    with Peer(KEY, DROP, (403, None, {}), 202) as peer, mailer(peer) as world:
        path = world.path("Second")
        world.write_settings("drain.env", {
            "BOOKSPOOL_TRANSPORT": f"sendgrid:,maildir:{path}", "SENDGRID_API_KEY": KEY,
            "SENDGRID_API_BASE": f"http://127.0.0.1:{peer.port}"})
        world.arrive()
        world.drain()
        equal(world.outcome(), UNKNOWN, "a mail that may have arrived by the first")
        world.due_now()
        done = world.drain()
        equal((world.outcome(), len(world.mails(path))), (UNKNOWN, 0), "never goes to the second")
        match(done.stderr, "second-not-used", "and the log says why")
        world.due_now()
        world.drain()
        equal((world.outcome(), len(peer.accepted)), (SENT, 1), "but to the first again")
    with Mailer("smtp+plain://127.0.0.1:1, maildir:/nowhere/at/all") as world:
        world.arrive()
        done = world.drain()
        equal((done.returncode, world.outcome()), (HOLD, HELD), "neither works: held")
        match(done.stderr, r"smtp-connect-7(.|\n)*maildir-open", "and both say why")


def settings_refused():
    for what, more, said in (
            ("no key", {"SENDGRID_API_KEY": None}, "SENDGRID_API_KEY"),
            ("a key of two words", {"SENDGRID_API_KEY": "a b"}, "SENDGRID_API_KEY"),
            ("no TLS", {"SENDGRID_API_BASE": "http://api.sendgrid.com"}, "SENDGRID_API_BASE"),
            ("a name like this machine's", {"SENDGRID_API_BASE": "http://127.0.0.1.example.org"},
             "SENDGRID_API_BASE"),
            ("a login", {"SENDGRID_API_BASE": "https://a:b@api.sendgrid.com"}, "SENDGRID_API_BASE"),
            ("a query", {"SENDGRID_API_BASE": "https://api.sendgrid.com/?a=b"},
             "SENDGRID_API_BASE")):
        with Mailer("sendgrid:", **{"SENDGRID_API_KEY": KEY, **more}) as world:
            world.arrive()
            done = world.drain()
            equal((done.returncode, len(world.spool("new"))), (WRONG, 1), f"{what}: refused")
            match(done.stderr, said, f"{what}: and why")


if __name__ == "__main__":
    run_parts((answers, the_message_decides, rate_limit, drops, kept_connection_lost, the_request, hostile,
               over_tls, second_transport, settings_refused))
    finish()
