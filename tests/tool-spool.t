#!/usr/bin/python3
"""The operator's tool on spools made by hand: what it says, what it moves, how it ends."""

import fcntl
import json
import os
import stat
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
import counters  # noqa: E402
from bookspool import (BIN, World, equal, event_file, finish, id_of, mail_file, mark_of,  # noqa: E402
                       match, ok, run_parts, sample, skip, utc)

RECIPIENT = mark_of("owner@example.org")
SHIM = os.path.join(BIN, "tests/shim.so")
OTHER = mark_of("other@example.org")
COMMANDS = ("list show trace render status check replay release prune rebuild post sign"
            ).split()


class Spool(World):
    """A world without running programs: files are put by hand."""

    def __init__(self, *args, **more):
        super().__init__(*args, **more)
        for name in "tmp new replay done out sent failed held bad".split():
            os.mkdir(self.file(name), 0o770)

    def write(self, directory, name, data, mtime=0, mode=0o660):
        """mtime: seconds from now."""
        super().write(directory, name, data)
        os.chmod(self.file(directory, name), mode)
        os.utime(self.file(directory, name), (time.time() + mtime, time.time() + mtime))

    def event(self, directory, ago=0, mtime=None, body=None):
        body = sample("calcom", "booking_created") if body is None else body
        key = id_of("calcom", body)
        data = event_file("calcom", body, Received=utc(time.time() - ago))
        self.write(directory, key, data, -ago if mtime is None else mtime)
        return key

    def mail(self, directory, key, ago=0, mtime=0, mode=0o660, recipient=RECIPIENT):
        name = f"{key}-{recipient}"
        data = mail_file(key, Queued=utc(time.time() - ago))
        self.write(directory, name, data, mtime, mode)
        return name

    def tool(self, *args, code=0, name=None, **more):
        """Runs the tool, which must end with this code; its standard output."""
        done = self.run("bookspool", *args, **more)
        equal(done.returncode, code, name or "bookspool " + " ".join(args)[:60])
        self.said = done.stderr
        return done.stdout

    def json(self, *args, **more):
        return json.loads(self.tool(*args, "--json", **more))

    def summary(self, key, **more):
        return self.json("trace", key, **more)["summary"]


def command_line():
    with Spool() as world:
        shown = world.tool("--help")
        for name in COMMANDS:
            match(shown, rf"(?m)^  {name}\b", f"--help lists {name}")
            usage = world.tool(name, "--help")
            match(usage, f"^usage: bookspool {name}", "and it tells its usage")
            ok(max(map(len, usage.splitlines())) <= 80, "in 80 columns")
        match(world.tool("--version"), r"^bookspool \d+\.\d+\.\d+$", "the version")
        world.tool(code=64, name="nothing at all")
        world.tool("lists", code=64)
        for wrong, said in (("-xj", "no such option: -x; options are words"),
                            ("--jsons", "no such option: --jsons;"),
                            ("--json=yes", "--json takes no value")):
            world.tool("list", wrong, "out", code=64)
            match(world.said, said, f"{wrong} is explained")
        world.tool("list", "--nonsense", code=64)
        match(world.said, "--nonsense", "the unknown option is named")
        world.tool("show", code=64)
        world.tool("list", "nowhere", code=64)
        for name in "forget calcom calendly ledger".split():
            world.tool(name, code=64)


def listing():
    with Spool() as world:
        key = world.event("done", ago=300)
        waiting = world.event("new", ago=120)
        mail = world.mail("out", key, ago=200, mtime=90, mode=0o760)
        world.mail("sent", key, recipient=OTHER)
        failed = world.mail("failed", key, ago=400, recipient="0" * 12)
        world.write("failed", failed + ".why", b"554 no\n")
        world.write("held", "not-a-key", b"rubbish")
        rows = [line.split("\t") for line in world.tool("list").splitlines()]
        equal(rows[0][:5], ["new", waiting, "2 m", "calcom", "BOOKING_CREATED"], "an event")
        equal(rows[1][:5], ["out", mail, "3 m", "calcom", "BOOKING_CREATED"],
              "a mail, told by its event")
        match(rows[1][5], r"^in \d+ s, unknown$|^in \d+ m, unknown$", "its next attempt and mark")
        equal([row[:2] for row in rows[2:4]], [["held", "not-a-key"], ["failed", failed]],
              "a stranger, and what was given up")
        equal(rows[2][5], "not intact", "the stranger is not intact")
        equal(rows[4:], [["done", "1"], ["sent", "1"]], "done and sent are counted")
        equal([row.split("\t")[0] for row in world.tool("list", "done", "sent/").splitlines()],
              ["done", "sent"], "directories that were asked for")
        equal(len(world.tool("list", "--all").splitlines()), 6, "--all")
        found = world.json("list")
        equal(found["counts"], {"done": 1, "sent": 1}, "counts in JSON")
        out = next(item for item in found["items"] if item["dir"] == "out")
        equal((out["name"], out["mail"], out["unknown"], out["accepted"], out["intact"]),
              (mail, True, True, False, True), "a mail in JSON")
        shown = world.terminal("list")
        if shown is not None:
            match(shown, r"^DIR +NAME +AGE", "a terminal gets a heading")
            ok(max(map(len, shown.splitlines())) <= 80, "and 80 columns", shown)
            match(shown, rf"out +{key[:12]}-{RECIPIENT[:6]} ", "and names cut short")
        world.tool("trace", f"{key[:12]}-{RECIPIENT[:6]}", name="which are understood")


def unreadable():
    """One file that cannot be read hides no other; a file larger than any of bookspool is one."""
    with Spool() as world:
        key = world.event("new")
        mail = world.mail("out", key)
        for directory in ("new", "failed"):
            with open(world.file(directory, "f" * 32), "wb") as file:
                file.truncate(300 << 20)
        rows = [line.split("\t") for line in world.tool("list", code=65).splitlines()]
        equal(sorted(row[:2] + row[5:] for row in rows if len(row) == 6),
              sorted([["failed", "f" * 32, "cannot be read"], ["new", "f" * 32, "cannot be read"],
                      ["new", key, ""], ["out", mail, "due"]]), "what is unreadable hides nothing else")
        match(world.said, rf"(?s)new/{'f' * 32}: File too large.*failed/{'f' * 32}", "and is named")
        found = {item["name"]: item for item in world.json("list", code=65)["items"]}
        equal((len(found), found["f" * 32]["wrong"]), (3, "File too large"), "in JSON too")
        os.unlink(world.file("new", key))
        with open(world.file("done", key), "wb") as file:
            file.truncate(300 << 20)
        rows = [line.split("\t") for line in world.tool("list", "out", code=65).splitlines()]
        equal(rows[0][1:2] + rows[0][3:], [mail, "-", "-", "due"], "a mail whose event is unreadable")


def many_names():
    """A full key is opened, however many others there are."""
    if not os.path.exists(SHIM):
        return skip("the shim goes with the plain programs only", 4)
    with Spool() as world:
        key = world.event("done")
        mail = world.mail("sent", key)
        for i in range(300):
            other = f"{i:032x}"
            world.write("done", other, b"")
            world.write("sent", f"{other}-{RECIPIENT}", b"")
        log = world.path("calls.log")
        for command, sent in (("show", False), ("trace", True)):
            shown = world.tool(command, key, env={"LD_PRELOAD": SHIM, "SHIM_LOG": log})
            equal(mail in shown, sent, f"{command} finds what it needs")
            with open(log, encoding="utf-8") as file:
                calls = file.read()
            ok(f"{1:032x}" not in calls and key in calls, f"{command} examines no other file", calls)
            os.unlink(log)


def showing():
    with Spool() as world:
        body = sample("calcom", "booking_created")
        key = world.event("done", body=body)
        mail = world.mail("sent", key)
        readable = world.tool("show", key)
        match(readable, r"(?m)^Attendee +Ada Example <ada@example.com>", "a readable event")
        full = world.tool("show", world.event("done", body=sample("calcom", "booking_created_full")))
        for label, text in (("Where", r"Phone call to the customer: \+15550102"), ("Team", "Intros"),
                            ("Host", "Otto Example <otto@example.org>"), ("Description", "Bring what is broken."),
                            ("Attendee", r"Ada Example <ada@example.com>, \+15550102"),
                            ("Organizer", "Olga Example <olga@example.org>")):
            match(full, rf"(?m)^{label} +{text}", f"{label} of a full one")
        report = world.tool("show", world.event("done", body=sample("calcom", "wrong_assignment_report")))
        match(report, r"(?m)^Detail +reported_by\n +Mia Example <mia@example.org>", "details of a report")
        odd = body.replace(b"ada@example.com", "zoë@example.com".encode())
        match(world.tool("show", world.event("done", body=odd)),
              r"(?m)^Attendee +Ada Example <zoë@example.com> \(cannot be mailed\)", "who cannot be mailed")
        found = world.json("show", key[:4])
        equal((found["id"], found["kind"], found["booking"]["uid"]),
              (key, "created", json.loads(body)["payload"]["uid"]), "its JSON, by 4 digits")
        equal(world.tool("show", key, "--body").encode(), body, "its body, byte by byte")
        with open(world.file("done", key), "rb") as file:
            equal(world.tool("show", key, "--raw").encode(), file.read(), "its file")
        match(world.tool("show", mail), "Subject: A booking", "a mail")
        match(world.tool("show", mail, "--raw"), "^Bookspool-Mail: 1", "its file")
        world.write("sent", f"{key}.1700000000-{RECIPIENT}", mail_file(key))
        world.tool("show", mail, name="the mail of a replay is another one")
        world.tool("show", key, "--raw", "--body", code=64)
        world.tool("show", "abc", code=64, name="three digits are too few")
        world.tool("show", "f" * 32, code=66)
        match(world.said, "is not in /", "and the message says so")
        other = key[:4] + "0" * 28
        world.write("new", other, event_file("calcom", b"{}", Id=other))
        world.tool("show", key[:4], code=65, name="a beginning of two keys")
        match(world.said, rf"(?s){other}.*{key}", "names them both")
        world.write("new", other, event_file("calcom", b"{}", Id=other)[:-1])
        world.tool("show", other, code=65, name="an event that is not whole")
        match(world.said, "shorter than Length", "and why")
        evil = world.event("new", body=b'{"x":"\x1b]0;owned\x07\xc2\x9b31m"}')
        shown = world.terminal("show", evil, "--body")
        if shown is not None:
            ok("\x1b" not in shown and "\x9b" not in shown, "no escape reaches a terminal",
               repr(shown))


def tracing():
    with Spool() as world:
        world.tool("trace", "f" * 32, code=1, name="trace: nowhere")
        found = world.json("trace", "f" * 32, code=1)
        match(found["summary"], "unknown here: never accepted, or older", "and its summary")
        match(world.summary(world.event("new")), "waits for the next run", "new")
        match(world.summary(world.event("new", ago=900)), "is bookspool-drain run by cron", "late")
        match(world.summary(world.event("new", mtime=30)), "other half of a move.* in ", "waits")
        key = world.event("held")
        match(world.summary(key), f"outside the replay window; bookspool release {key}", "held")
        key = world.event("done", ago=500)
        match(world.summary(key), "no mail of it is left", "done without mails")
        world.mail("sent", key, mtime=-130)
        match(world.summary(key), "^mailed to 1 recipient 2 m ago$", "mailed")
        world.write("sent", f"{key}.1700000000-{RECIPIENT}", mail_file(key), -10)
        match(world.summary(key), "^mailed to 1 recipient .* ago, 2 mails in all$", "mailed again")
        world.event("new", body=world.record("done", key)[1])
        match(world.summary(key), "late duplicate.*mailed to 1", "a late duplicate")

        key = world.event("done")
        mail = world.mail("out", key, mtime=600)
        match(world.summary(key), "1 mail waiting, next attempt in (9|10) m$", "a retry")
        os.chmod(world.file("out", mail), 0o760)
        match(world.summary(key), "outcome: it may have arrived, and another attempt may be a rep",
              "an unknown outcome")
        match(world.summary(key, env={"BOOKSPOOL_UNKNOWN": "park"}), "kept for a person", "parked")
        os.chmod(world.file("out", mail), 0o1660)
        match(world.summary(key), "accepted already and only to be moved", "the sticky mark")
        failed = world.mail("failed", key, recipient=OTHER)
        world.write("failed", failed + ".why", b"550 \x1bno such user\n")
        match(world.summary(key), r"1 mail given up: 550 \?no such user", "given up, and why")
        found = world.json("trace", failed)
        equal([(f["dir"], f["why"]) for f in found["files"]],
              [("done", None), ("out", None), ("failed", "550 ?no such user")],
              "a mail's name traces its event")
        match(world.tool("trace", key), rf"(?s)^{key}  calcom BOOKING_CREATED\nreceived .* secret "
              r"used: primary\n  done/  .*why: 550 ", "for people")

        key = world.event("bad")
        world.write("bad", key, b"torn")
        world.write("bad", key + ".why", b"its header has no end\n")
        match(world.summary(key), "set aside in bad/: its header has no end", "bad")
        key = world.event("done")
        world.write("replay", "by hand", event_file("calcom", b"{}", Id=key))
        match(world.summary(key), "mails it again, as an operator asked", "in replay/, any name")


def replaying():
    with Spool() as world:
        key = world.event("done")
        match(world.tool("replay", key[:8]), "mails it to every recipient, also", "what will happen")
        equal(world.record("replay", key), world.record("done", key), "a whole copy")
        world.tool("replay", key)
        equal(world.spool("replay"), [key, key + "_2"], "twice")
        equal(world.drain().returncode, 0, "the drain takes them")
        equal((len(world.mails()), world.spool("done")), (2, [key]), "and mails it twice again")
        for directory, word in (("new", "not mailed yet"), ("held", "bookspool release"),
                                ("bad", "replay FILE")):
            world.tool("replay", world.event(directory), code=66, name=f"an event in {directory}/")
            match(world.said, word, "what to do instead")
        world.tool("replay", world.mail("sent", world.event("done")), code=64, name="a mail")
        match(world.said, r"mv \S+/sent/\S+ \S+/out/", "what to do instead")
        world.tool("replay", "f" * 32, code=66)
        world.tool("replay", "./missing", code=66)


def sealing():
    with Spool() as world:
        body = sample("calcom", "booking_created")
        key = id_of("calcom", body)
        edited = world.path("edited")
        with open(edited, "wb") as file:
            file.write(event_file("calcom", body, X_Later="kept").replace(b"Ada", b"Adalbert"))
        world.tool("check", edited, code=65, name="an edited file is not whole")
        match(world.tool("replay", edited), key, "an edited file is sealed")
        head, sealed = world.record("replay", key)
        equal(sealed, body.replace(b"Ada", b"Adalbert"), "with its new body")
        equal((head["id"], head["secret-used"], head["x-later"], head["length"]),
              (key, "-", "kept", str(len(sealed))), "its header kept, but for the seal")
        world.tool("check", world.file("replay", key), name="it is whole now")
        equal((world.drain().returncode, len(world.mails())), (0, 1), "and the drain mails it")
        with open(edited, "wb") as file:
            file.write(b"no header at all")
        world.tool("replay", edited, code=65, name="what has no header")
        with open(edited, "wb") as file:
            file.write(mail_file(key))
        world.tool("replay", edited, code=65, name="a mail's file")
        with open(edited, "wb") as file:
            file.write(event_file("calcom", b"{}", Id="notakey").replace(b"{}", b"[]"))
        world.tool("replay", edited, code=65, name="a broken key is not sealed")
        equal(world.spool("replay"), [], "and nothing was put")


def releasing():
    with Spool() as world:
        key, other = world.event("held", ago=90000), world.event("held")
        before = os.stat(world.file("held", key))
        world.tool("release", key[:10])
        equal((world.spool("held"), world.spool("new")), ([other], [key]), "held to new")
        after = os.stat(world.file("new", key))
        equal(after.st_mtime_ns // 10**6, before.st_mtime_ns // 10**6, "its time is as it was")
        ok(after.st_ino != before.st_ino, "and it is a copy: what lay there may never have been synced")
        world.tool("release", key, code=66, name="what is not held any more")
        for directory in ("new", "done"):
            known = world.event("held")
            body = world.record("held", known)[1]
            world.event(directory, body=body)
            match(world.tool("release", known), f"is in {directory}/ already", "known already")
            ok(known in world.spool("held"), "it stays in held/")
        torn = "e" * 32
        world.write("held", torn, event_file("calcom", b"{}", Id=torn)[:-1])
        world.tool("release", torn, code=65, name="one that is not whole")
        world.tool("release", code=64)
        for names in ((torn, "f" * 32), ("f" * 32, torn)):
            world.tool("release", *names, code=66, name="the worst result is returned, not the last")
        os.utime(world.file("held", torn), (1, 1))  # it is tried first
        world.tool("release", "--all", code=65, name="all, of which one is not whole")
        ok(other in world.spool("new") and torn in world.spool("held"), "the others went on")


def pruning():
    with Spool() as world:
        old, new = world.event("done", ago=40 * 86400), world.event("done")
        kept = world.event("done", ago=40 * 86400)
        world.mail("sent", old, mtime=-40 * 86400)
        world.mail("failed", kept)
        match(world.tool("prune", "--dry-run"), "would remove: done 1, sent 1, tmp 0", "dry run")
        equal(len(world.spool("done")), 3, "removes nothing")
        with open(world.file("lock"), "w", encoding="ascii") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            world.tool("prune", code=75, name="a drain is at work")
            match(world.said, "a drain is at work", "and it says so")
            equal(world.json("status", code=1)["drain_at_work"], True, "so does status")
        apart = {"BOOKSPOOL_RETENTION": "35d", "BOOKSPOOL_RETENTION_SENT": "50d"}
        equal(world.json("prune", "--dry-run", env=apart)["sent"], 0, "sent/ has its own retention")
        equal(world.json("prune"), {"dry_run": False, "done": 1, "sent": 1, "tmp": 0}, "counts")
        equal(world.spool("done"), sorted([new, kept]), "what is in play is kept")
        world.write_settings("bookspool.conf", {"BOOKSPOOL_SPOOL": world.spool_dir,
                                                "BOOKSPOOL_RETENTION": "1d"})
        world.tool("prune", code=78, name="a retention that is too short is not guessed at")


def status():
    with Spool() as world:
        now = int(time.time() * 1000)
        world.tool("status", code=1, name="an empty spool")
        match(world.tool("status", code=1), "no drain has run yet", "is not drained by anybody")
        world.start_receiver()
        counters.write(world.state_dir, {
            ("COUNT_REQUESTS", "calcom", "accepted"): 7, "COUNT_DRAIN_LAST_AT": now - 60000,
            ("COUNT_SECRET_USED_AT", "calendly", "secondary"): now - 3 * 86400000,
            "COUNT_MAIL_LAST_AT": now - 120000, ("COUNT_MAIL_ATTEMPTS", "smtp", "sent"): 9})
        shown = world.tool("status", name="status with counters")
        match(shown, "secondary secret of calendly last used 3 d ago", "last use of a key")
        match(shown, r"last drain that ended well: \d+ [sm] ago", "last drain")
        match(shown, "calcom: accepted 7", "counters")
        match(shown, "all is well", "the summary")
        found = world.json("status")
        equal((found["well"], found["calcom"]["accepted"], found["counters"]["mail_sent"]),
              (True, 7, 9), "in JSON")
        bad = world.event("bad", ago=7200)
        world.write("bad", bad + ".why", b"no mail\n")
        world.write("bad", "junk", b"", -3600)
        shown = world.tool("status", code=1, name="status with something in bad/")
        match(shown, r"warn  bad/ holds 2, the oldest for 2 h\n +not mailed.*trace ID.*replay FILE",
              "what is set aside is counted, with what to do")
        ok("all is well" not in shown, "and all is not well", shown)
        found = world.json("status", code=1)
        equal((found["well"], found["spool"]["bad"]["count"]), (False, 2), "in JSON")
        match(found["spool"]["bad"]["oldest"], r"^2\d{3}-.*Z$", "since when")
        match(found["warnings"], "bad/ holds 2, the oldest for 2 h", "and the warning")
        key = world.event("done", ago=7200)
        for directory in ("held", "new"):
            world.event(directory, ago=1000)
        mail = world.mail("out", key, ago=7200, mtime=60, mode=0o760)
        world.mail("failed", key, recipient=OTHER)
        found = world.json("status", code=1)
        for word in ("new/: the oldest event has waited for 16 m.*cron", "could not be sent for 2 h",
                     "held/ holds 1", "failed/ holds 1", "outcome of 1 is unknown"):
            match(found["warnings"], word, "a warning")
        equal((found["spool"]["out"]["count"], found["out_unknown"], found["well"]), (1, 1, False),
              "marks are counted")
        os.chmod(world.file("out", mail), 0o1760)
        found = world.json("status", code=1)
        equal((found["out_unknown"], found["out_accepted"]), (0, 1), "what was accepted is not unknown")
        os.chmod(world.file("out", mail), 0o760)
        counters.write(world.state_dir, {"COUNT_DRAIN_LAST_AT": now - 3 * 86400000})
        os.utime(world.file("out", mail), (time.time() - 999,) * 2)
        found = world.json("status", code=1)
        match(found["warnings"], "no drain has ended well for 3 d", "an old drain")
        counters.write(world.state_dir, {"COUNT_DRAIN_LAST_AT": now - 3 * 86400000,
                                         "COUNT_DRAIN_FAILED_AT": now - 60000})
        match(world.json("status", code=1)["warnings"], "could not do its work", "a run that held")
        match(found["warnings"], "out/: a mail has been due for 16 m", "a mail that is overdue")
        world.tool("status", "--spool", world.path("missing"), code=2)


def checking():
    with Spool() as world:
        os.chmod(world.spool_dir, 0o2770)
        os.mkdir(os.path.join(world.state_dir, "Maildir"))
        shown = world.tool("check")
        for word in ("all settings", "calcom: a secret is set", "spool /", "state directory", "Maildir"):
            match(shown, rf"(?m)^pass +.*{word}", f"good: {word}")
        equal([f for f in world.json("check")["findings"] if f["level"] == "fail"], [], "in JSON")
        os.chmod(world.file("out"), 0o777)
        match(world.tool("check", code=78, name="an open directory"), "fail .*out: is writable",
              "is named")
        os.chmod(world.file("out"), 0o770)
        world.write_settings("receive.env", {})
        match(world.tool("check", code=78, name="no key at all"), "nothing will be accepted", "said")
        for wrong, word in (({"BOOKSPOOL_SPOL": "/x"}, "did you mean BOOKSPOOL_SPOOL"),
                            ({"BOOKSPOOL_TIMEZONE": "Mars/Olympus"}, "no zone"),
                            ({"BOOKSPOOL_SPOOL": world.path("missing")}, "does not exist"),
                            ({"BOOKSPOOL_STATE": world.path("missing")}, "state directory"),
                            ({"BOOKSPOOL_TRANSPORT": "maildir:/nowhere/at/all"}, "/nowhere/at"),
                            ({"BOOKSPOOL_RETENTION": "1d"}, "BOOKSPOOL_RETENTION")):
            match(world.tool("check", code=78, env=wrong, name=f"check: {[*wrong][0]}"),
                  rf"(?m)^fail .*{word}", "is said to be wrong")
        match(world.tool("check", code=78, env={"BOOKSPOOL_NOTIFY": "creatd: none"},
                         name="a wrong rule"),
              'fail +environment: BOOKSPOOL_NOTIFY: "creatd"', "is found")
        match(world.tool("check", code=78, env={"BOOKSPOOL_LANGUAGE": "xx"},
                         name="an unknown language"), 'fail.*BOOKSPOOL_LANGUAGE: .*"xx"', "is found")
        match(world.tool("check", code=78, env={"BOOKSPOOL_LEDGER": "sqlite:/etc/passwd"},
                         name="a ledger that is none"), "fail.*/etc/passwd", "is found")


def checking_files():
    with Spool() as world:
        key = world.event("new")
        match(world.tool("check", world.file("new", key)), f"intact: calcom BOOKING_CREATED, id {key}",
              "a whole event")
        match(world.tool("check", world.file("out", world.mail("out", key))), "a mail of", "a mail")
        world.write("new", "a" * 32, event_file("calcom", b"{}", Id=key))
        shown = world.tool("check", world.file("new", "a" * 32))
        match(shown, "its name is of another event", "another event's name")
        match(shown, "not the one that it came with", "another body")
        body = b'{"triggerEvent":"OTHER"}'  # of no time and no booking: its id holds the hour of its arrival
        hourly = id_of("calcom", body, 1795255200 // 3600)
        world.write("new", hourly, event_file("calcom", body, Id=hourly, Received="2026-11-21T10:00:00.123Z"))
        equal(len(world.json("check", world.file("new", hourly))["findings"]), 1, "an anonymous body is its own")
        world.write("new", key, event_file("calcom", b"{}", Id=key).replace(b"{}", b"[]"))
        found = world.json("check", world.file("new", key), code=65)
        match(found["findings"][0]["text"], "does not match Sha256", "a changed body")
        equal(found["ok"], False, "in JSON")
        world.tool("check", world.path("missing"), code=66)
        world.tool("check", world.path("missing"), world.file("new", hourly), code=66,
                   name="of several files the first that is wrong decides")


def settings():
    with Spool() as world:
        conf = world.path("etc/bookspool.conf")
        os.chmod(conf, 0o666)
        world.tool("list", code=78, name="settings that any user could have written")
        match(world.said, f"settings: .*bookspool.conf: is writable by everybody: chmod o-w {conf}",
              "are refused")
        world.tool("list", "--spool", world.spool_dir, name="a spool that is named can be listed")
        equal(world.run("bookspool-drain").returncode, 78, "the drain does not start")
        os.chmod(conf, 0o644)
        world.tool("list", env={"BOOKSPOOL_RETRY_MIN": "never"}, name="a wrong mail setting")
        match(world.said, "settings: .*BOOKSPOOL_RETRY_MIN", "is said, and list goes on")
        world.tool("list", env={"BOOKSPOOL_SPOOL": "relative"}, code=78, name="a wrong spool")
        world.tool("list", "--spool", world.spool_dir, env={"BOOKSPOOL_SPOOL": "relative"},
                   name="which --spool replaces")
        world.tool("list", "--spool", world.path("missing"), code=66)
        os.mkdir(world.path("bare"))
        world.tool("list", "--spool", world.path("bare"), name="a spool not used yet is empty")
        equal(os.listdir(world.path("bare")), [], "and looking makes nothing in it")


def other_users():
    """Root works as the owner of the spool; who is neither owner nor in its group may not look."""
    if os.getuid() != 0:
        return skip("needs root", 6)
    with Spool() as world:
        held, done = world.event("held"), world.event("done")
        os.chmod(world.spool_dir, 0o2770)
        for directory, _, files in os.walk(world.dir):
            for name in [".", *files]:
                os.chown(os.path.join(directory, name), 65534, 65534)
        os.chmod(world.dir, 0o755)
        world.tool("release", held, name="root releases")
        world.tool("replay", done, name="root replays")
        world.tool("prune", name="root prunes")
        made = [os.stat(world.file(*names)) for names in
                (("replay", done), ("new", held), ("lock",), (".pruned",))]
        equal({(st.st_uid, st.st_gid, stat.S_IMODE(st.st_mode)) for st in made
               if st is not made[1]}, {(65534, 65534, 0o660)}, "as the spool's owner, mode 0660")

        def become_stranger():
            os.setgroups([])
            os.setgid(1)
            os.setuid(1)
        try:
            world.tool("list", "--spool", world.spool_dir, code=77, name="a stranger may not look",
                       preexec_fn=become_stranger, env={"BOOKSPOOL_CONF": "/dev/null"})
            match(world.said, "member of the group", "and is told who may")
        except PermissionError:
            skip("the programs' folder is closed to others", 2)


run_parts((command_line, listing, unreadable, many_names, showing, tracing, replaying, sealing,
           releasing, pruning, status, checking, checking_files, settings, other_users))
finish()
