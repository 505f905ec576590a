#!/usr/bin/python3
"""What the drain promises, and what operators may do by hand: bookspool-spool(5), line by line."""

import fcntl
import os
import shutil
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from bookspool import (PATIENCE, World, equal, event_file, finish, id_of, mark_of, match, ok,
                       run_parts, sample)

OWNER = mark_of("owner@example.org")
OTHER = mark_of("other@example.org")


def new_event():
    """(key, file) of an event that was in no spool yet."""
    body = sample("calcom", "booking_created")
    return id_of("calcom", body), event_file("calcom", body)


class Spool(World):
    """A world without a receiver: events are put by hand."""

    def arrive(self, body=None):
        body = sample("calcom", "booking_created") if body is None else body
        return self.put_event("new", "calcom", body)

    def arrive_and_mail(self):
        key = self.arrive()
        self.drain()
        return key

    def age(self, directory, name, seconds):
        when = time.time() - seconds
        os.utime(self.file(directory, name), (when, when))

    def clean(self, name):
        """The drain ended well and said nothing of errors."""
        done = self.drain()
        return ok(done.returncode == 0 and "spool-failed" not in done.stderr, name, done.stderr)


def stages():
    with Spool({"BOOKSPOOL_MAIL_TO": "owner@example.org, other@example.org"}) as world:
        key = world.arrive()
        world.clean("one event, two recipients")
        equal(world.spool("new"), [], "new/ is empty")
        equal(world.spool("done"), [key], "the event is in done/ under its key")
        equal(world.spool("sent"), sorted([f"{key}-{OWNER}", f"{key}-{OTHER}"]),
              "a mail for each recipient is in sent/")
        equal(sorted(mail["To"] for mail in world.mails()),
              ["other@example.org", "owner@example.org"], "each got one mail")
        age = time.time() - os.stat(world.file("done", key)).st_mtime
        ok(age < 60, "its mtime is the completion, from which retention counts", age)

        world.arrive(world.record("done", key)[1])
        done = world.drain()
        equal(len(world.mails()), 2, "a late duplicate is not mailed")
        equal(world.spool("new"), [], "and dropped")
        match(done.stderr, f"{key} late-duplicate", "and the log says so")


def order_of_arrival():
    with Spool() as world:
        keys = [world.arrive() for _ in range(5)]
        for place, key in enumerate(reversed(keys)):
            world.age("new", key, 100 - place)
        done = world.drain()
        made = [line.split()[1] for line in done.stderr.splitlines() if "mails-made" in line]
        equal(made, list(reversed(keys)), "events are taken in order of arrival")
        ended = {key: os.stat(world.file("done", key)).st_mtime_ns for key in keys}
        equal(sorted(set(ended.values())), [ended[key] for key in reversed(keys)],
              "and their completions differ in this order, which a rebuild follows")


def one_drain_at_a_time():
    with Spool() as world:
        world.drain()
        world.arrive()
        with open(world.file("lock"), "r+b") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            before = time.monotonic()
            done = world.drain()
            ok(time.monotonic() - before < PATIENCE, "a second drain does not wait")
        equal((done.returncode, done.stdout, done.stderr), (0, "", ""), "it ends at once, quietly")
        equal(len(world.spool("new")), 1, "and touches nothing")
        world.clean("the lock goes with its holder; the file stays and is used again")
        equal(len(world.mails()), 1, "and the event is mailed")


def torn_files():
    with Spool() as world:
        key, data = new_event()
        world.write("new", key, data[:-1])
        world.clean("a torn event")
        equal(world.spool("new"), [key], "is left: it may be a copy on its way")
        world.age("new", key, 3601)
        world.clean("after an hour")
        equal(world.spool("bad"), [key, key + ".why"], "it is in bad/ with its .why")
        with open(world.file("bad", key + ".why"), encoding="utf-8") as why:
            match(why.read(), "shorter than Length says", "that tells the cause")
        world.clean("the next run")
        equal(world.spool("bad"), [key, key + ".why"], "leaves it there")
        world.write("bad", key, data)
        world.clean("made whole")
        equal((world.spool("bad"), world.spool("done")), ([], [key]), "it comes back and is mailed")

        zeros, data = new_event()
        world.write("new", zeros, b"\0" * len(data))
        world.age("new", zeros, 3601)
        world.clean("zeros of the right length")
        equal(world.spool("bad"), [zeros, zeros + ".why"], "are not whole")

        world.write("new", "f" * 32, event_file("calcom", b"{}"))
        world.age("new", "f" * 32, 3601)
        world.clean("an event under another name than its key")
        ok("f" * 32 in world.spool("bad"), "is set aside")
        world.write("new", "README", b"hello")
        world.age("new", "README", 9999)
        world.clean("a name that is no key")
        ok("README" in world.spool("new"), "is left where it is")


def a_whole_event_beats_a_torn_one():
    with Spool() as world:
        key, data = new_event()
        world.write("bad", key, data)
        world.write("new", key, data[:-1])
        world.age("new", key, 3601)
        world.clean("whole in bad/, torn in new/")
        equal((world.spool("bad"), world.spool("new"), world.spool("done")), ([], [], [key]),
              "the whole one goes on")
        equal(len(world.mails()), 1, "and is mailed")


def a_clock_that_ran_ahead():
    with Spool() as world:
        ahead = time.time() + 7200
        key = world.arrive()
        os.utime(world.file("new", key), (ahead, ahead))
        world.clean("an event that came while the clock was two hours ahead")
        equal(len(world.mails()), 1, "does not wait for them")
        torn, data = new_event()
        world.write("new", torn, data[:-1])
        os.utime(world.file("new", torn), (ahead, ahead))
        world.clean("a torn one")
        ok(torn in world.spool("bad"), "is set aside")


def torn_mail_is_made_again():
    with Spool() as world:
        key = world.arrive()
        world.write("out", f"{key}-{OWNER}", b"\0" * 100)
        world.clean("a torn mail in out/ whose event is still in new/")
        equal(len(world.mails()), 1, "is replaced and sent")


def a_mail_that_is_met_is_copied():
    """A run may have died before its sync, and a sync of others have failed on the mail since."""
    with Spool() as world:
        key = world.arrive()
        mail = f"{key}-{OWNER}"
        world.clean("a run")
        os.rename(world.file("done", key), world.file("new", key))
        os.rename(world.file("sent", mail), world.file("out", mail))
        os.chmod(world.file("out", mail), 0o760)
        later = int(time.time()) + 1800
        os.utime(world.file("out", mail), (later, later))
        before = os.stat(world.file("out", mail))
        with open(world.file("out", mail), "rb") as file:
            data = file.read()
        world.clean("a whole mail in out/ whose event is still in new/")
        after = os.stat(world.file("out", mail))
        ok(after.st_ino != before.st_ino, "is written anew")
        equal((after.st_mode, after.st_mtime), (before.st_mode, later), "with its marks and time")
        with open(world.file("out", mail), "rb") as file:
            equal(file.read(), data, "byte by byte")
        equal(world.spool("done"), [key], "and the event moves on")


def mails_that_exist_are_not_made_again():
    for directory in ("sent", "failed"):
        with Spool() as world:
            key = world.arrive()
            world.write(directory, f"{key}-{OWNER}", b"")
            world.clean(f"an event whose mail is in {directory}/")
            equal(len(world.mails()), 0, "is not mailed again")
            equal(world.spool("done"), [key], "and moves on")


def replay():
    with Spool() as world:
        key = world.arrive_and_mail()
        first = world.mails()[0]
        world.write("replay", "once more", open(world.file("done", key), "rb").read())
        world.clean("cp done/K replay/x")
        mails = world.mails()
        equal(len(mails), 2, "mails it again")
        equal(len({mail["Message-ID"] for mail in mails}), 2, "under another Message-ID")
        equal({mail["Date"] for mail in mails}, {first["Date"]}, "with the same Date")
        equal((world.spool("replay"), world.spool("done")), ([], [key]), "and it ends as done/K")
        match(world.spool("sent")[1], rf"^{key}\.\d+-{OWNER}$", "its mail has a generation")
        shutil.copy(world.file("done", key), world.file("replay", "a"))
        shutil.copy(world.file("done", key), world.file("replay", "b"))
        world.clean("two copies at once")
        equal(len(world.mails()), 4, "are two mails, even within a second")
        world.write("replay", "half", open(world.file("done", key), "rb").read()[:-5])
        world.clean("half a copy")
        equal((len(world.mails()), world.spool("replay")), (4, ["half"]), "waits")

        world.write("replay", f"{key}.1700000000", open(world.file("done", key), "rb").read())
        world.write("sent", f"{key}.1700000000-{OWNER}", b"")
        world.clean("a claim of a run that died after it had sent")
        equal(len(world.mails()), 4, "is not sent twice")
        for count in (5, 6):
            shutil.copy(world.file("done", key), world.file("replay", f"{key}.1"))
            world.clean("a copy under a name that looks like an early claim")
            equal(len(world.mails()), count, "is a copy like any other")


def sending_again():
    with Spool() as world:
        key = world.arrive_and_mail()
        mail = f"{key}-{OWNER}"
        os.rename(world.file("sent", mail), world.file("out", mail))
        world.clean("mv sent/K-r out/")
        mails = world.mails()
        equal(len(mails), 2, "sends the mail again")
        equal(len({str(mail) for mail in mails}), 1, "byte for byte the same")
        os.rename(world.file("sent", mail), world.file("failed", mail))
        os.rename(world.file("failed", mail), world.file("out", mail))
        world.write("failed", mail + ".why", b"refused\n")
        world.clean("mv failed/K-r out/")
        equal(len(world.mails()), 3, "sends it again")
        equal(world.spool("failed"), [], "and takes the old .why away")
        os.rename(world.file("done", key), world.file("new", key))
        world.clean("mv done/K new/")
        equal(len(world.mails()), 3, "mails nothing: its mails are in sent/")
        equal(world.spool("done"), [key], "and the event is back in done/")
        later = time.time() + 1800
        os.rename(world.file("sent", mail), world.file("out", mail))
        os.utime(world.file("out", mail), (later, later))
        world.clean("a mail whose next attempt is in half an hour")
        equal(len(world.mails()), 3, "waits")
        os.utime(world.file("out", mail))
        world.clean("touch out/*")
        equal(len(world.mails()), 4, "means now")
        os.rename(world.file("sent", mail), world.file("out", mail))
        os.utime(world.file("out", mail), (later + 30 * 86400, later + 30 * 86400))
        world.clean("an mtime further ahead than any delay")
        equal(len(world.mails()), 5, "is a clock that jumped: due")


def links():
    """A second name of one file is no copy of it."""
    with Spool() as world:
        key = world.arrive_and_mail()
        mail = f"{key}-{OWNER}"
        os.link(world.file("sent", mail), world.file("out", mail))
        world.clean("ln sent/K-r out/")
        equal(len(world.mails()), 1, "sends nothing: it is the file that was sent")
        equal((world.spool("out"), world.spool("sent")), ([], [mail]), "and takes the new name away")
        shutil.copy(world.file("sent", mail), world.file("out", mail))
        world.clean("cp sent/K-r out/")
        equal(len(world.mails()), 2, "sends the mail again")
        os.rename(world.file("sent", mail), world.file("failed", mail))
        os.link(world.file("failed", mail), world.file("out", mail))
        world.clean("ln failed/K-r out/")
        equal(len(world.mails()), 3, "sends it again")
        equal((world.spool("failed"), world.spool("sent")), ([], [mail]), "and it is in sent/ alone")
        os.link(world.file("done", key), world.file("replay", "x"))
        world.clean("ln done/K replay/x")
        equal(len(world.mails()), 4, "mails the event again")
        os.link(world.file("done", key), world.file("new", key))
        world.clean("ln done/K new/")
        equal(len(world.mails()), 4, "mails nothing")
        equal((world.spool("replay"), world.spool("new"), world.spool("done")), ([], [], [key]),
              "and the event is in done/ alone")


def held():
    with Spool() as world:
        key, data = new_event()
        world.write("held", key, data)
        world.clean("a held event")
        equal((world.spool("held"), len(world.mails())), ([key], 0), "waits for a person")
        os.rename(world.file("held", key), world.file("new", key))
        world.clean("mv -n held/K new/")
        equal(len(world.mails()), 1, "lets it go on")
        world.write("held", key, data)
        world.clean("a held copy of what is done")
        equal((world.spool("held"), len(world.mails())), ([], 1), "is dropped")


def marks():
    with Spool() as world:
        key = world.arrive_and_mail()
        mail = f"{key}-{OWNER}"
        os.rename(world.file("sent", mail), world.file("out", mail))
        os.chmod(world.file("out", mail), 0o1660)
        world.clean("a mail marked as sent (sticky)")
        equal((world.spool("out"), world.spool("sent")), ([], [mail]), "is renamed")
        equal(len(world.mails()), 1, "and never sent")
        os.rename(world.file("sent", mail), world.file("out", mail))
        os.chmod(world.file("out", mail), 0o760)
        done = world.drain()
        match(done.stderr, f"{key} may-repeat", "an unknown outcome is told when it is tried again")
        equal(world.spool("sent"), [mail], "and settled")
        equal(len(world.mails()), 1, "a Maildir recognises its own file")
    with Spool({"BOOKSPOOL_UNKNOWN": "park"}) as world:
        key = world.arrive_and_mail()
        mail = f"{key}-{OWNER}"
        os.rename(world.file("sent", mail), world.file("out", mail))
        os.chmod(world.file("out", mail), 0o760)
        done = world.drain()
        match(done.stderr, f"{key} parked", "BOOKSPOOL_UNKNOWN=park")
        equal(world.spool("out"), [mail], "keeps it for a person")
        os.chmod(world.file("out", mail), 0o660)
        world.clean("chmod a-x")
        equal(world.spool("out"), [], "lets it go")


def sent_but_not_renamed():
    with Spool() as world:
        key = world.arrive_and_mail()
        mail = f"{key}-{OWNER}"
        os.rename(world.file("sent", mail), world.file("out", mail))
        os.mkdir(world.file("sent", mail))  # no file can be renamed over a directory
        done = world.drain()
        equal(done.returncode, 74, "a mail that was accepted but cannot be renamed stops the run")
        match(done.stderr, f"{key} sent-but-not-renamed", "with an alarm")
        ok(os.stat(world.file("out", mail)).st_mode & 0o1000, "and a mark that it was sent")
        count = len(world.mails())
        equal(world.drain().returncode, 74, "the next run fails likewise")
        equal(len(world.mails()), count, "without sending it again")
        os.rmdir(world.file("sent", mail))
        world.clean("mended")
        equal((world.spool("out"), world.spool("sent"), len(world.mails())), ([], [mail], count),
              "it is renamed, and never sent again")


def adopted():
    if os.geteuid():
        return
    with Spool() as world:
        key = world.arrive()
        os.chown(world.file("new", key), 65534, 65534)
        os.chmod(world.file("new", key), 0o600)
        world.clean("an event of another owner")
        equal(os.stat(world.file("done", key)).st_uid, 0, "is adopted on its way")
        mail = f"{key}-{OWNER}"
        os.rename(world.file("sent", mail), world.file("out", mail))
        os.chown(world.file("out", mail), 65534, 65534)
        world.clean("so is a mail")
        equal(os.stat(world.file("sent", mail)).st_uid, 0, "of another owner")


def no_settling_no_sending():
    with Spool() as world:
        world.drain()
        world.arrive()
        os.rmdir(world.file("sent"))
        os.symlink("/nonexistent", world.file("sent"))
        done = world.drain()
        ok(done.returncode != 0, "where sent/ cannot be had the run fails", done.returncode)
        equal(len(world.mails()), 0, "and nothing is sent")
        match(done.stderr, "sent", "the log names it")


def nothing_to_tell():
    with Spool() as world:
        key = world.arrive(sample("calcom", "ping", fresh=False))
        world.clean("a replayed PING")
        equal((len(world.mails()), world.spool("done")), (0, [key]), "mails nobody and is done")
        key = world.arrive(b"false")
        world.clean("a body that nobody understands")
        mail = world.mails()[0]
        equal(len(world.mails()), 1, "is mailed as what it is")
        equal([part.get_content() for part in mail.iter_attachments()][0], b"false",
              "with the body attached")


def preview():
    with Spool() as world:
        key = world.arrive()
        done = world.drain("--dry-run")
        equal(done.returncode, 0, "--dry-run")
        match(done.stdout, rf"--- {key}-{OWNER}\nTo: owner@example.org\nSubject: .*Ada Example.*\n\n"
              r"(?s:.*)When: +.*\n", "prints recipient, subject and text")
        ok("base64" not in done.stdout and "<html" not in done.stdout, "as a person reads it", done.stdout)
        equal((world.spool("new"), world.spool("out"), len(world.mails())), ([key], [], 0),
              "and changes nothing")
        for name in world.spool("new"):  # what waits in out/ looks the same
            world.drain(env={"BOOKSPOOL_TRANSPORT": "smtp://127.0.0.1:1",
                             "BOOKSPOOL_MAIL_FROM": "bookspool@example.org"})
        waiting = world.drain("--dry-run")
        equal((len(world.spool("out")), waiting.stdout),
              (1, f"{done.stdout.rstrip()}\n[invite.ics: application/ics]\n\n"),
              "and so does a mail in out/, with the names of its attachments")
        equal(world.drain("--frobnicate").returncode, 64, "an unknown option is a usage error")
        equal(world.drain("extra").returncode, 64, "so is an argument")
        equal(world.drain("--version").returncode, 0, "--version")


def wrong_settings():
    with Spool({"BOOKSPOOL_TRANSPORT": "smtp://mail.example.org", "BOOKSPOOL_MAIL_FROM": None}) as world:
        key = world.arrive()
        done = world.drain()
        equal(done.returncode, 78, "a missing sender is a fault in the settings")
        match(done.stderr, "BOOKSPOOL_MAIL_FROM: is required", "that is named")
        equal(world.spool("new"), [key], "and holds the run")


def many_senders():
    with Spool({"BOOKSPOOL_CONNECTIONS": "4"}) as world:
        for _ in range(40):
            world.arrive()
        world.clean("forty events by four senders")
        equal(len(world.spool("sent")), 40, "are all settled")
        equal(len(world.mails()), 40, "each once")


run_parts((stages, order_of_arrival, one_drain_at_a_time, torn_files,
           a_whole_event_beats_a_torn_one, a_clock_that_ran_ahead, torn_mail_is_made_again,
           a_mail_that_is_met_is_copied, mails_that_exist_are_not_made_again, replay,
           sending_again, links, held, marks, sent_but_not_renamed, adopted, no_settling_no_sending,
           nothing_to_tell, preview, wrong_settings, many_senders))
finish()
