#!/usr/bin/python3
"""The drain against SMTP servers: each step refused, dropped or silent; TLS; login.

A row says what the server does, and what must have come of the mail: its outcome class, where it
lies in the spool, the exit code, and how many messages the server took over.
"""

import os
import socket
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from bookspool import (PATIENCE, diag, equal, finish, mail_file, match, ok, program, run_parts,
                       skip, wait_for)
from mailer import DONE, HELD, HOLD, NEVER, RETRY, SENT, UNKNOWN, Mailer, big
from smtp_peer import BODY, HANG_UP, LATE, SILENT, Aio, Authority, Scripted, Sink, find_sink


def check(what, server, want, code, accepted, reason=None, body=None, **settings):
    with server, Mailer(f"smtp+plain://127.0.0.1:{server.port}", **settings) as world:
        world.arrive(body)
        done = world.drain()
        got = (world.outcome(), done.returncode, len(server.accepted))
        good = equal(got, (want, code, accepted), f"{what}: {want}")
        if reason:
            match(done.stderr, rf"\b{reason}\b", f"{what}: the reason is {reason}")
        if want == NEVER:
            equal(len(world.spool("failed")), 2, f"{what}: a .why lies beside it")
        if not good:
            diag(done.stderr)
            diag("\n".join(server.commands))


def refusals():
    nope = {"450": "450 not now", "550": "550 no", "552": "552 full", "554": "554 never",
            "530": "530 log in first", "421": "421 closing" + HANG_UP}
    rows = [("greeting", "421", RETRY, DONE), ("greeting", "450", RETRY, DONE),
            ("greeting", "554", HELD, HOLD),
            ("EHLO", "450", RETRY, DONE), ("EHLO", "550", HELD, HOLD),
            ("MAIL", "450", RETRY, DONE), ("MAIL", "421", RETRY, DONE),
            ("MAIL", "550", HELD, HOLD), ("MAIL", "530", HELD, HOLD), ("MAIL", "552", NEVER, DONE),
            ("RCPT", "450", RETRY, DONE), ("RCPT", "421", RETRY, DONE), ("RCPT", "550", NEVER, DONE),
            ("RCPT", "552", RETRY, DONE), ("RCPT", "554", NEVER, DONE),
            ("DATA", "450", RETRY, DONE), ("DATA", "554", NEVER, DONE),
            ("dot", "450", RETRY, DONE), ("dot", "554", NEVER, DONE), ("dot", "552", NEVER, DONE)]
    for step, reply, want, code in rows:
        replies = {step: nope[reply]}
        if step == "EHLO":
            replies["HELO"] = nope[reply]
        check(f"{reply} at {step}", Scripted(replies), want, code, 0,
              f"smtp-{step.lower()}-{reply}")
    check("421 at the dot", Scripted({"dot": nope["421"]}), RETRY, DONE, 0, "smtp-dot-421")
    check("251 at the dot", Scripted({"dot": "251 will do"}), SENT, DONE, 1, "smtp-dot-251")


def the_setup_refused():
    """What refuses the sender or this machine blocks, though there is one recipient only; each mail is
    due at once when that is corrected. What refuses the recipient gives the mail up."""
    rows = [("RCPT", "550 5.7.1 <bookspool@example.org>: Sender address rejected: not owned by x", "sender"),
            ("RCPT", "554 5.7.1 <owner@example.org>: Relay access denied", "relay"),
            ("RCPT", "553 5.7.1 <bookspool@example.org>: Sender address rejected: not logged in", "login"),
            ("DATA", "554 5.7.1 Client host [192.0.2.9] blocked using b.example.net", "policy"),
            ("dot", "550 5.7.60 Client does not have permissions to send as this sender", "sender"),
            ("dot", "550-The from address does not match\r\n550-a verified Sender\r\n550 Identity.", "sender"),
            ("dot", "554 5.7.1 rule 4711", "policy")]
    for step, reply, cause in rows:
        for events in (1, 3):
            what = f"{events} mails, {step}: {reply[:40]!r}"
            server = Scripted({step: [reply] * min(events, 2) + ["354 go on" if step == "DATA" else "250 ok"]})
            with server, Mailer(f"smtp+plain://127.0.0.1:{server.port}") as world:
                for _ in range(events):
                    world.arrive()
                done = world.drain()
                late = [name for name in world.spool("out")
                        if os.stat(world.file("out", name)).st_mtime > time.time()]
                equal((done.returncode, len(world.spool("out")), world.failed(), late, world.marked()),
                      (HOLD, events, [], [], []), f"{what}: blocked, and nothing is touched") or diag(done.stderr)
                match(done.stderr, rf" blocked: smtp-{step.lower()}-\d+-{cause}: 127\.0\.0\.1:{server.port} .*"
                      "BOOKSPOOL_|ask its operator", f"{what}: the log says what to do")
                ok("@" not in done.stderr, f"{what}: and no address")
                equal((world.drain().returncode, len(world.spool("sent"))), (DONE, events),
                      f"{what}: corrected, all are sent")


def others_go_on():
    """When another mail is accepted, such a reply concerned its own mail: it waits, and the rest leaves."""
    rule, yes = "554 5.7.1 rule 4711", "250 ok"
    for what, answers, sent in (("the first", [rule, yes, yes], 2), ("the last", [yes, yes, rule], 2),
                                ("one, and one recipient", [rule, "550 5.1.1 nobody", yes], 1)):
        server = Scripted({"dot": list(answers)})
        with server, Mailer(f"smtp+plain://127.0.0.1:{server.port}") as world:
            for _ in range(3):
                world.arrive()
            done = world.drain()
            equal((done.returncode, len(world.spool("sent")), len(world.spool("out")), len(world.failed())),
                  (DONE, sent, 1, 2 - sent), f"{what} of three is refused by a rule: the others leave") \
                or diag(done.stderr)
            match(done.stderr, "retry-later: .* smtp-dot-554-policy: .*; next attempt in", f"{what}: it is put off")
    server = Scripted({"RCPT": ["550 5.1.1 nobody", "550 5.7.1 sender rejected"]})
    with server, Mailer(f"smtp+plain://127.0.0.1:{server.port}",
                        BOOKSPOOL_MAIL_TO="a@example.org,b@example.org") as world:
        world.arrive()
        equal((world.drain().returncode, len(world.spool("out")), world.failed()), (HOLD, 2, []),
              "one recipient refused, then the sender: nothing is given up on that word")


def limits():
    """A limit of a day or an hour: it is asked once, and everything waits, also with a permanent code."""
    replies = {"DATA": "550 5.4.5 Daily user sending limit exceeded.",
               "dot": "550-5.4.5 Daily user sending\r\n550-5.4.5 limit exceeded. For more information on\r\n"
                      "550 5.4.5  limits see https://support.example.com/x - gsmtp",
               "RCPT": "550 The domain example.org has exceeded the max emails per hour (50) allowed.",
               "MAIL": "554 5.7.1 Quota exceeded for sender"}
    for step, reply in replies.items():
        server = Scripted({step: reply})
        with server, Mailer(f"smtp+plain://127.0.0.1:{server.port}", BOOKSPOOL_RETRY_MAX="2h") as world:
            for _ in range(4):
                world.arrive()
            done = world.drain()
            ahead = [os.stat(world.file("out", name)).st_mtime - time.time() for name in world.spool("out")]
            equal((done.returncode, len(ahead), world.failed(), server.commands.count("EHLO client.example")),
                  (HOLD, 4, [], 1), f"a limit at {step}: one mail asks, none is given up") or diag(done.stderr)
            ok(all(7000 < seconds <= 7200 for seconds in ahead), "all wait for BOOKSPOOL_RETRY_MAX", ahead)
            match(done.stderr, rf"retry-later: .* smtp-{step.lower()}-55\d-limit: .* limit or quota", "the log says so")
            code = done.returncode
            equal((code, world.drain(env={"BOOKSPOOL_LOG_LEVEL": "debug"}).returncode,
                   server.commands.count("EHLO client.example")), (HOLD, DONE, 1), "the next run asks nothing")
            server.replies.pop(step)
            server.replies.update({step: "354 go on" if step == "DATA" else "250 ok"})
            world.due_now()
            equal((world.drain().returncode, len(world.spool("sent"))), (DONE, 4), "later all are sent")
    with Scripted({"RCPT": "550 5.7.1 You have exceeded your daily quota"}) as server, \
            Mailer(f"smtp+plain://127.0.0.1:{server.port},maildir:/nowhere") as world:
        world.write_settings("drain.env", {
            "BOOKSPOOL_TRANSPORT": f"smtp+plain://127.0.0.1:{server.port},maildir:{world.dir}/Maildir"})
        world.arrive()
        done = world.drain()
        equal((done.returncode, world.outcome()), (DONE, SENT), "a second transport is used meanwhile")
        match(done.stderr, "second-transport: smtp-rcpt-550-limit: ", "and why")
    with Scripted({"RCPT": "452 4.3.1 rate limit, slow down"}) as server, \
            Mailer(f"smtp+plain://127.0.0.1:{server.port}") as world:
        world.arrive()
        world.arrive()
        done = world.drain()
        equal((done.returncode, done.stderr.count("smtp-rcpt-452-limit"), done.stderr.count("attempt in 60s")),
              (DONE, 2, 2), "a limit with a code for now is an ordinary retry")


def mechanisms():
    """Inside TLS: PLAIN, then LOGIN, then what else is offered; each once, and never a password in clear."""
    with Mailer("smtp://127.0.0.1:1") as room:
        ours = Authority(room.dir)

        def run(what, offer, works, want, code, logins, said="", refusal="535 5.7.8 no", **settings):
            settings = {"BOOKSPOOL_SMTP_USER": "robot", "BOOKSPOOL_SMTP_PASSWORD": "s3cret",
                        "BOOKSPOOL_TLS_CA": ours.ca, **settings}
            settings = {name: value for name, value in settings.items() if value}
            server = Scripted({"EHLO": f"250-peer.example\r\n250 AUTH {offer}"}, context=ours.context(),
                              works=works, refusal=refusal)
            with server, Mailer(f"smtps://localhost:{server.port}", **settings) as world:
                world.arrive()
                world.arrive()
                done = world.drain()
                out = 0 if want == SENT else 2
                equal((world.outcome(), done.returncode, len(world.spool("out")), server.logins),
                      (want, code, out, logins), f"{what}: {want} after {logins}") or diag(done.stderr)
                match(done.stderr, said, f"{what}: and the log says so")
                ok("s3cret" not in done.stderr, f"{what}: no password in the log")

        everything = ("PLAIN", "LOGIN", "CRAM-MD5", "DIGEST-MD5", "NTLM")
        run("all offered", "NTLM DIGEST-MD5 CRAM-MD5 LOGIN PLAIN", everything, SENT, DONE, ["PLAIN"])
        run("PLAIN broken", "DIGEST-MD5 PLAIN LOGIN", ("LOGIN",), SENT, DONE, ["PLAIN", "LOGIN"])
        run("no PLAIN", "GSSAPI NTLM LOGIN", everything, SENT, DONE, ["LOGIN"])
        run("CRAM-MD5 only", "CRAM-MD5", everything, SENT, DONE, ["CRAM-MD5"])
        run("only CRAM-MD5 works", "LOGIN CRAM-MD5 PLAIN", ("CRAM-MD5",), SENT, DONE,
            ["PLAIN", "LOGIN", "CRAM-MD5"])
        run("a wrong password", "PLAIN LOGIN CRAM-MD5 DIGEST-MD5", (), HELD, HOLD,
            ["PLAIN", "LOGIN", "CRAM-MD5", "DIGEST-MD5"],
            r"blocked: smtp-auth-535: localhost:\d+ refused the login of BOOKSPOOL_SMTP_USER: check drain\.env")
        run("PLAIN and LOGIN, wrong password", "LOGIN PLAIN", (), HELD, HOLD, ["PLAIN", "LOGIN"], "smtp-auth-535")
        run("another code", "PLAIN LOGIN", (), HELD, HOLD, ["PLAIN", "LOGIN"],
            "smtp-auth-534: .* app password", "534 5.7.9 Application-specific password required")
        run("not now", "PLAIN LOGIN", (), RETRY, DONE, ["PLAIN", "PLAIN"], "smtp-auth-454", "454 4.7.0 not now")
        run("nothing that we know", "GSSAPI SCRAM-SHA-1", (), HELD, HOLD, [],
            r"smtp-no-mechanism: localhost:\d+ offers none of the login mechanisms")
        run("another is named", "PLAIN LOGIN CRAM-MD5", everything, SENT, DONE, ["CRAM-MD5"],
            BOOKSPOOL_SMTP_AUTH="cram-md5")
        run("another is named and refused", "PLAIN LOGIN CRAM-MD5", ("PLAIN",), HELD, HOLD, ["LOGIN"],
            "smtp-auth-535", BOOKSPOOL_SMTP_AUTH="LOGIN")
        run("another is named and not offered", "PLAIN LOGIN", everything, HELD, HOLD, [],
            "smtp-no-mechanism: .* check BOOKSPOOL_SMTP_AUTH", BOOKSPOOL_SMTP_AUTH="CRAM-MD5")
        token = {"BOOKSPOOL_SMTP_PASSWORD": None, "BOOKSPOOL_SMTP_TOKEN": "s3cret"}
        run("a token that one takes", "PLAIN XOAUTH2 OAUTHBEARER", ("XOAUTH2",), SENT, DONE,
            ["OAUTHBEARER", "XOAUTH2"], **token)
        run("a token that none takes", "XOAUTH2 PLAIN", ("PLAIN",), HELD, HOLD, ["XOAUTH2"],
            "smtp-auth-535: .* a token that is still valid", **token)


def drops():
    # Nobody greets: the run need not try the other mails.
    check("hang-up at connect", Scripted({"greeting": HANG_UP}), RETRY, HOLD, 0,
          "smtp-greeting-lost")
    for step in ("EHLO", "MAIL", "RCPT", "DATA"):
        replies = {step: HANG_UP, **({"HELO": HANG_UP} if step == "EHLO" else {})}
        check(f"hang-up at {step}", Scripted(replies), RETRY, DONE, 0,
              f"smtp-{step.lower()}-lost")
    check("hang-up amid the message", Scripted({BODY: HANG_UP}), RETRY, DONE, 0, "smtp-dot-lost",
          big(), BOOKSPOOL_RETRY_MIN="5m")
    check("hang-up after the final dot", Scripted({"dot": HANG_UP}), UNKNOWN, DONE, 0,
          "smtp-dot-lost")
    quick = {"BOOKSPOOL_REPLY_TIMEOUT": "4s", "BOOKSPOOL_CONNECT_TIMEOUT": "10s"}
    check("silence at connect", Scripted({"greeting": SILENT}), RETRY, HOLD, 0,
          "smtp-greeting-timeout", **quick)
    check("silence at RCPT", Scripted({"RCPT": SILENT}), RETRY, DONE, 0, "smtp-rcpt-timeout",
          **quick)
    check("silence amid the message", Scripted({BODY: SILENT}), RETRY, DONE, 0,
          "smtp-dot-timeout", big(), **quick)
    check("silence after the final dot", Scripted({"dot": SILENT}), UNKNOWN, DONE, 0,
          "smtp-dot-timeout", **quick)
    with Scripted() as server:
        port = server.port
    with Mailer(f"smtp+plain://127.0.0.1:{port}") as world:
        world.arrive()
        done = world.drain()
        equal((world.outcome(), done.returncode), (RETRY, HOLD), "nobody listens: retry")


def repeats():
    """What ended unknown is tried again and says so, byte for byte the same."""
    with Scripted({"dot": [HANG_UP, "250 taken"]}) as server, \
            Mailer(f"smtp+plain://127.0.0.1:{server.port}") as world:
        world.arrive()
        world.drain()
        before = world.record("out", world.spool("out")[0])[1]
        equal(world.outcome(), UNKNOWN, "an answer that never came")
        world.due_now()
        done = world.drain()
        equal(world.outcome(), SENT, "is sent when it is due again")
        match(done.stderr, "may-repeat", "the log says that it may be a repeat")
        equal(server.accepted, [before.replace(b"\n..", b"\n.")], "the same bytes as before")
    with Scripted({"dot": HANG_UP, "RCPT": ["250 ok", "450 not now"]}) as server, \
            Mailer(f"smtp+plain://127.0.0.1:{server.port}") as world:
        world.arrive()
        world.drain()
        world.due_now()
        match(world.drain().stderr, "retry-later", "a clear no to a later attempt")
        equal(world.outcome(), UNKNOWN, "says nothing about the first, which may have arrived")


def refused_alike():
    """What a wrong setting does to every recipient must not cost the mails; what an address does to
    itself must."""
    no, other, yes = "550 no", "554 never", "250 ok"
    everyone = "a@example.org,b@example.org,c@example.org,d@example.org"
    rows = [("three recipients refused alike", [no], "a@example.org,b@example.org,c@example.org",
             (HOLD, 0, 3, 0)),
            ("a fourth is not asked", [no], everyone, (HOLD, 0, 4, 0)),
            ("one of three accepted, the last", [no, no, yes],
             "a@example.org,b@example.org,c@example.org", (DONE, 1, 0, 2)),
            ("one of four accepted, the first", [yes, no, no, no], everyone, (DONE, 1, 0, 3)),
            ("two refused alike, one otherwise", [no, no, other, no], everyone, (DONE, 0, 0, 4)),
            ("two recipients refused alike", [no], "a@example.org,b@example.org",
             (DONE, 0, 0, 2))]
    for what, answers, to, want in rows:
        server = Scripted({"RCPT": list(answers)})
        with server, Mailer(f"smtp+plain://127.0.0.1:{server.port}", BOOKSPOOL_MAIL_TO=to) as world:
            world.arrive()
            done = world.drain()
            got = (done.returncode, len(world.spool("sent")), len(world.spool("out")),
                   len(world.failed()))
            equal(got, want, what) or diag(done.stderr)
            equal("refused-alike" in done.stderr, want[0] == HOLD, f"{what}: the log says so")
    server = Scripted({"RCPT": [no]})  # each sender sees one recipient
    with server, Mailer(f"smtp+plain://127.0.0.1:{server.port}", BOOKSPOOL_MAIL_TO=everyone,
                        BOOKSPOOL_CONNECTIONS="4") as world:
        world.arrive()
        done = world.drain()
        equal((done.returncode, len(world.spool("out")), world.failed()), (HOLD, 4, []),
              "refused alike by several senders: nothing is given up") or diag(done.stderr)
    server = Scripted({"RCPT": [no]})
    with server, Mailer(f"smtp+plain://127.0.0.1:{server.port}") as world:
        for _ in range(5):
            world.arrive()
        done = world.drain()
        equal((done.returncode, len(world.failed())), (DONE, 5), "one dead address loses all its mails")
    server = Scripted({"RCPT": [no, no, no, yes]})
    with server, Mailer(f"smtp+plain://127.0.0.1:{server.port}", BOOKSPOOL_MAIL_TO=everyone) as world:
        world.arrive()
        world.drain()
        equal((world.drain().returncode, len(world.spool("sent")), len(world.spool("out"))),
              (DONE, 1, 3), "the next run begins with those that were not asked")


def one_connection():
    with Scripted() as server, Mailer(f"smtp+plain://127.0.0.1:{server.port}") as world:
        for _ in range(5):
            world.arrive()
        equal(world.drain().returncode, DONE, "five mails are drained")
        equal((len(server.accepted), server.connections), (5, 1), "over one connection")
        ids = {line for message in server.accepted for line in message.splitlines()
               if line.startswith(b"Message-Id:")}
        equal(len(ids), 5, "each once")
        equal(server.commands[0], "EHLO client.example", "EHLO says what BOOKSPOOL_EHLO says")
        match(server.commands[1], r"^MAIL FROM:<bookspool@example\.org>", "a bare sender")
        equal(server.commands[2], "RCPT TO:<owner@example.org>", "one bare recipient")
        ok(not any(c.startswith("AUTH") for c in server.commands), "no login where none is set")
    for what, bye in (("with a 421", "421 idle" + HANG_UP), ("without a word", HANG_UP)):
        replies = {"MAIL": ["250 ok", bye, "250 ok"]}
        with Scripted(replies) as server, \
                Mailer(f"smtp+plain://127.0.0.1:{server.port}") as world:
            for _ in range(3):
                world.arrive()
            done = world.drain()
            equal((len(server.accepted), server.connections, done.returncode), (3, 2, DONE),
                  f"a kept connection closed {what}: once more on a new one")


def late_answers():
    """An answer to the final dot that comes after our patience is not the next mail's."""
    for late in ("552 too big", "554 never", "450 not now", "250 well"):
        server = Scripted({"dot": [f"{LATE}2.5 {late}", "250 queued"]})
        with server, Mailer(f"smtp+plain://127.0.0.1:{server.port}",
                            BOOKSPOOL_REPLY_TIMEOUT="1s") as world:
            for number in range(3):
                key = world.arrive()
                when = time.time() - 60 + number
                os.utime(world.file("new", key), (when, when))
            done = world.drain()
            equal((done.returncode, len(world.spool("sent")), len(world.spool("out")),
                   len(world.spool("failed"))), (0, 2, 1, 0),
                  f"a late \"{late}\" concerns the first mail alone")
            match(done.stderr, "outcome-unknown", "whose outcome is unknown")


def rewritten(world, name, old, new):
    """Puts another whole mail in its place, as an operator's own tool may."""
    fields, body = world.record("out", name)
    body = body.replace(old, new)
    path = world.file("out", name)
    state = os.stat(path)
    with open(path + ".new", "wb") as file:
        file.write(mail_file(fields["id"], body, Queued=fields["queued"]))
    os.utime(path + ".new", ns=(state.st_atime_ns, state.st_mtime_ns))
    os.rename(path + ".new", path)


def touched_meanwhile():
    """A mail is read while the one before it waits for its answer; after a long wait it is read anew."""
    server = Scripted({"dot": [f"{LATE}6 250 queued", "250 queued"]})
    with server, Mailer(f"smtp+plain://127.0.0.1:{server.port}") as world:
        world.arrive()
        world.arrive()
        world.drain(env={"BOOKSPOOL_TRANSPORT": "smtp+plain://127.0.0.1:1"})
        world.due_now()
        process = world.start(program("bookspool-drain"), "drain.log")
        first = wait_for(world.marked)
        time.sleep(0.3)
        second, = set(world.spool("out")) - set(first)
        rewritten(world, second, b"Subject:", b"X-Touched: yes\r\nSubject:")
        equal(process.wait(PATIENCE), DONE, "one mail is changed while the other's answer is awaited")
        equal([b"X-Touched" in message for message in server.accepted], [True],
              "it goes out as it is when its turn comes (a late answer counts for no mail there)")
        equal(len(world.spool("sent")), 2, "and each is sent once")


def told_to_stop():
    """SIGTERM reaches every sender; the mail in hand is settled, the rest waits."""
    for senders in ("1", "2"):
        server = Scripted(delay=0.1)
        with server, Mailer(f"smtp+plain://127.0.0.1:{server.port}",
                            BOOKSPOOL_CONNECTIONS=senders) as world:
            for _ in range(30):
                world.arrive()
            process = world.start(program("bookspool-drain"), "drain.log")
            wait_for(lambda: world.spool("sent"))
            equal(world.stop(process), 0, f"{senders} senders end well when told to")
            sent = len(world.spool("sent"))
            ok(0 < sent < 30, f"{senders} senders: the rest waits", sent)
            equal(len(server.accepted), sent, f"{senders} senders: all that was accepted is in sent/")
            equal(sum(os.stat(world.file("out", name)).st_mode & 0o100
                      for name in world.spool("out")), 0, "nothing is left in doubt")


def tls():
    with Mailer("smtp://127.0.0.1:1") as room:
        ours, theirs = Authority(room.dir), Authority(room.dir, "other")
        login = {"BOOKSPOOL_SMTP_USER": "robot", "BOOKSPOOL_SMTP_PASSWORD": "s3cret"}

        def run(what, server, scheme, want, code, reason, ca=ours.ca, **settings):
            accepted = 1 if want == SENT else 0
            settings.update(BOOKSPOOL_TLS_CA=ca)
            with server, Mailer(f"{scheme}://localhost:{server.port}", **settings) as world:
                world.arrive()
                done = world.drain()
                equal((world.outcome(), done.returncode, len(server.accepted)),
                      (want, code, accepted), f"{what}: {want}") or diag(done.stderr)
                match(done.stderr, rf"\b{reason}\b", f"{what}: the reason is {reason}")
                ok("s3cret" not in done.stderr + done.stdout, f"{what}: no password in the log")

        for mode, scheme in (("starttls", "smtp"), ("implicit", "smtps")):
            run(f"{scheme}", Aio(ours, mode), scheme, SENT, DONE, "smtp-dot-250")
            run(f"{scheme}, another authority", Aio(ours, mode), scheme, HELD, HOLD, "smtp-tls-60",
                ca=theirs.ca)
            run(f"{scheme}, no authority", Aio(ours, mode), scheme, HELD, HOLD, "smtp-tls-60",
                ca=None)
            run(f"{scheme}, login", Aio(ours, mode, ("robot", "s3cret")), scheme, SENT, DONE,
                "smtp-dot-250", **login)
            run(f"{scheme}, wrong password", Aio(ours, mode, ("robot", "other")), scheme, HELD,
                HOLD, "smtp-auth-535", **login)
            run(f"{scheme}, login needed", Aio(ours, mode, ("robot", "other")), scheme, HELD,
                HOLD, "smtp-mail-530")
        run("smtps, no login offered", Aio(ours, "implicit"), "smtps", HELD, HOLD, "smtp-no-auth",
            **login)
        run("smtps to a server without TLS", Scripted(), "smtps", HELD, HOLD, "smtp-tls-35")
        offers = {"EHLO": "250-peer\r\n250 STARTTLS"}
        run("no STARTTLS offered", Scripted(), "smtp", HELD, HOLD, "smtp-tls-64")
        run("starttls in lower case", Scripted({"EHLO": "250-peer\r\n250 starttls"}), "smtp", HELD,
            HOLD, "smtp-tls-64")
        run("STARTTLS not now", Scripted({**offers, "STARTTLS": "454 later"}), "smtp", RETRY, DONE,
            "smtp-ehlo-454")
        with Scripted({"EHLO": "250-peer\r\n250 AUTH PLAIN LOGIN"}) as server, \
                Mailer(f"smtp://127.0.0.1:{server.port}", **login) as world:
            world.arrive()
            equal(world.drain().returncode, HOLD, "a login without TLS: hold")
            ok(not any(c.startswith("AUTH") for c in server.commands), "nothing of it is said")


def what_to_do():
    """Each cause as it really comes: the log names host and port, and says what to do."""
    with Mailer("smtp://127.0.0.1:1") as room:
        ours = Authority(room.dir)
        others = Authority(room.dir, "others", "DNS:elsewhere.example")
        login = {"BOOKSPOOL_SMTP_USER": "robot", "BOOKSPOOL_SMTP_PASSWORD": "s3cret"}

        def run(what, server, url, code, words, **settings):
            settings = {"BOOKSPOOL_TLS_CA": ours.ca, "BOOKSPOOL_CONNECT_TIMEOUT": "3s", **settings}
            with server, Mailer(url.format(port=server.port), **settings) as world:
                world.arrive()
                done = world.drain()
                equal((done.returncode, len(world.spool("out"))), (code, 1), f"{what}: {code}") \
                    or diag(done.stderr)
                words = words.format(name=f"localhost:{server.port}")
                match(done.stderr, f"(blocked|retry-later): .*{words}", f"{what}: what to do")
                return done.stderr

        plain = {"EHLO": "250-peer\r\n250 SIZE 1000"}
        run("no STARTTLS", Scripted(plain), "smtp://localhost:{port}", HOLD,
            r"smtp-tls-64: {name} offers no STARTTLS, .* smtps://")
        run("a plain port", Scripted(plain), "smtps://localhost:{port}", HOLD,
            r"smtp-tls-35: {name} does not speak TLS from the first byte: use smtp://")
        run("a TLS port", Scripted(context=ours.context()), "smtp://localhost:{port}", HOLD,
            r"smtp-greeting-(lost|timeout): {name} took the connection .* smtps://")
        run("a certificate of another name", Aio(others, "implicit"), "smtps://localhost:{port}", HOLD,
            r"smtp-tls-60: the certificate of {name} is for another name: .* BOOKSPOOL_TRANSPORT",
            BOOKSPOOL_TLS_CA=others.ca)
        run("the same by STARTTLS", Aio(others), "smtp://localhost:{port}", HOLD,
            r"smtp-tls-60: the certificate of {name} is for another name", BOOKSPOOL_TLS_CA=others.ca)
        run("a certificate of another authority", Aio(ours), "smtp://localhost:{port}", HOLD,
            r"smtp-tls-60: the certificate of {name} is not trusted \(.*\): .* BOOKSPOOL_TLS_CA",
            BOOKSPOOL_TLS_CA=others.ca)
        run("no login set", Aio(ours, login=("robot", "s3cret")), "smtp://localhost:{port}", HOLD,
            r"smtp-mail-530-login: {name} wants a login or TLS: set BOOKSPOOL_SMTP_USER")
        run("no login offered", Scripted(context=ours.context()), "smtps://localhost:{port}", HOLD,
            r"smtp-no-auth: {name} offers no login, but BOOKSPOOL_SMTP_USER is set", **login)
        said = run("a wrong password", Aio(ours, login=("robot", "other")), "smtp://localhost:{port}", HOLD,
                   r"smtp-auth-535: {name} refused the login of BOOKSPOOL_SMTP_USER: check drain\.env", **login)
        ok("s3cret" not in said and "robot" not in said, "and neither user nor password is in the log")
        with Scripted() as closed:
            port = closed.port
        run("a closed port", Scripted(), f"smtp://127.0.0.1:{port}", HOLD,
            rf"smtp-connect-7: 127\.0\.0\.1:{port} refused the connection: .* BOOKSPOOL_TRANSPORT")
        run("no such name", Scripted(), "smtp://mail.invalid", HOLD,
            r"smtp-dns-6: the name of mail\.invalid:25 cannot be resolved: check BOOKSPOOL_TRANSPORT")
        with socket.socket() as deaf:  # its queue is full, so that the next connection gets no answer
            deaf.bind(("127.0.0.1", 0))
            deaf.listen(0)
            port = deaf.getsockname()[1]
            waiting = [socket.socket() for _ in range(4)]
            for one in waiting:
                one.setblocking(False)
                one.connect_ex(("127.0.0.1", port))
            run("a port that drops", Scripted(), f"smtp://127.0.0.1:{port}", HOLD,
                rf"smtp-connect-28: no answer from 127\.0\.0\.1:{port} within BOOKSPOOL_CONNECT_TIMEOUT")
            for one in waiting:
                one.close()


def tokens():
    """XOAUTH2: the token's file is read for each run, and no password is ever sent instead."""
    with Mailer("smtp://127.0.0.1:1") as room:
        ours = Authority(room.dir)
        path = room.path("token")

        def write(token):
            with open(path, "w", encoding="ascii") as file:
                file.write(token + "\n")
            os.chmod(path, 0o600)

        login = {"BOOKSPOOL_SMTP_USER": "robot@example.org", "BOOKSPOOL_SMTP_TOKEN_FILE": path,
                 "BOOKSPOOL_TLS_CA": ours.ca}
        server = Aio(ours, "starttls", ("robot@example.org", "fresh.token"), token=True)
        with server, Mailer(f"smtp://localhost:{server.port}", **login) as world:
            write("old.token")
            world.arrive()
            done = world.drain()
            equal((world.outcome(), done.returncode), (HELD, HOLD), "a token that expired: held")
            match(done.stderr, r"smtp-auth-", "and the reason is the login")
            ok("old.token" not in done.stderr, "no token in the log")
            write("fresh.token")
            done = world.drain()
            equal((world.outcome(), done.returncode), (SENT, DONE), "a fresh one: sent") \
                or diag(done.stderr)
        server = Aio(ours, "implicit", ("robot@example.org", "fresh.token"))
        with server, Mailer(f"smtps://localhost:{server.port}", **login) as world:
            world.arrive()
            equal((world.drain().returncode, world.outcome()), (HOLD, HELD),
                  "a server that takes passwords only: held")
            equal(server.users, [], "and nothing is tried on it")
        for token in ("two words", ""):
            write(token)
            with Mailer("smtps://localhost:1", **login) as world:
                world.arrive()
                equal((world.drain().returncode, len(world.spool("new"))), (78, 1),
                      f"\"{token}\" is no token")
        write("fresh.token")
        with Mailer("smtps://localhost:1", **login, BOOKSPOOL_SMTP_PASSWORD="x") as world:
            equal(world.drain().returncode, 78, "a token and a password are one too many")


def settings_refused():
    for url, more, said in (
            ("smtp+plain://192.0.2.1", {}, "smtp\\+plain"),
            ("smtp+plain://127.0.0.1.example.org", {}, "smtp\\+plain"),
            ("smtp+plain://127.0.0.1", {"BOOKSPOOL_SMTP_USER": "robot",
                                        "BOOKSPOOL_SMTP_PASSWORD": "x"}, "login"),
            ("smtp://robot:x@example.org", {}, "HOST"),
            ("smtp://example.org", {"BOOKSPOOL_SMTP_USER": "robot"}, "BOOKSPOOL_SMTP_PASSWORD"),
            ("smtp://example.org", {"BOOKSPOOL_EHLO": "two words"}, "BOOKSPOOL_EHLO")):
        with Mailer(url, **more) as world:
            world.arrive()
            done = world.drain()
            equal((done.returncode, len(world.spool("new"))), (78, 1), f"{url}: refused") \
                or diag(done.stderr)
            match(done.stderr, said, f"{url}: and why")


def sink():
    found = find_sink()
    if not found:
        skip("smtp-sink is not installed: run tests/bin/deps check", 3)
        return
    with Mailer("smtp+plain://127.0.0.1:1") as world:
        os.chmod(world.dir, 0o711)
        with Sink(found, world.path("sink")) as server:
            world.write_settings("drain.env", {
                "BOOKSPOOL_TRANSPORT": f"smtp+plain://127.0.0.1:{server.port}"})
            for _ in range(20):
                world.arrive()
            equal(world.drain().returncode, DONE, "Postfix's smtp-sink takes twenty mails")
            equal(len(server.accepted), 20, "each of them once")
            equal(len(world.spool("sent")), 20, "all are sent")


if __name__ == "__main__":
    run_parts((refusals, the_setup_refused, others_go_on, limits, mechanisms, refused_alike, drops,
               repeats, one_connection, late_answers, touched_meanwhile, told_to_stop, tls,
               what_to_do, tokens, settings_refused, sink))
    finish()
