#!/usr/bin/python3
"""The drain's default transport: what lies in the Maildir, never twice unless somebody wants it."""

import os
import stat
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from bookspool import BIN, World, diag, equal, finish, mark_of, match, ok, run_parts, sample, skip

HOLD = 75
OWNER = mark_of("owner@example.org")


class Box(World):
    """A world without a receiver: events are put by hand."""

    def arrive(self):
        return self.put_event("new", "calcom", sample("calcom", "booking_created"))

    def box(self, *names):
        return os.path.join(self.state_dir, "Maildir", *names)

    def names(self, folder):
        return sorted(os.listdir(self.box(folder)))

    def move(self, directory, name, to):
        os.rename(self.file(directory, name), self.file(to, name))
        os.utime(self.file(to, name))


def one_mail():
    with Box() as world:
        key = world.arrive()
        done = world.drain()
        equal(done.returncode, 0, "the drain ends well") or diag(done.stderr)
        equal(world.names("new"), [f"{key}-{OWNER}.bookspool"], "one file, named after the mail")
        equal(world.names("tmp") + world.names("cur"), [], "and nothing else")
        with open(world.box("new", world.names("new")[0]), "rb") as file:
            raw = file.read()
        ok(b"\r" not in raw, "its lines end with LF")
        ok(raw.startswith(b"Return-Path: <bookspool@example.org>\nDelivered-To: owner@example.org\n"),
           "the envelope stands in front")
        message = world.record("sent", f"{key}-{OWNER}")[1]
        equal(raw.split(b"\n", 2)[2], message.replace(b"\r\n", b"\n"), "and the message follows")
        mode = stat.S_IMODE(os.stat(world.box("new")).st_mode)
        equal(mode & 0o7, 0, "nobody else can read it")
        mail = world.mails()[0]
        equal(mail["Message-ID"], f"<{key}-{OWNER}@example.org>", "the Message-ID is the name's")
        equal(mail["X-Bookspool-Id"], key, "the key is in the header")
        match(mail["Subject"], r"^Ada Example, \w{3} \d+ \w{3} .*: ", "the subject says who and when")
        match(mail.get_body(("plain",)).get_content(), rf"bookspool trace {key}\r?\n", "so does the text")


def repeats():
    with Box() as world:
        key = world.arrive()
        name = f"{key}-{OWNER}"
        world.drain()
        world.move("sent", name, "out")
        os.chmod(world.file("out", name), 0o760)  # as a death between delivery and rename leaves it
        done = world.drain()
        equal(len(world.names("new")), 1, "a repeat after a death doubles nothing")
        equal(world.spool("sent"), [name], "and is sent")
        match(done.stderr, "may-repeat", "the log says that it may be a repeat")

        world.move("sent", name, "out")
        os.chmod(world.file("out", name), 0o760)
        os.rename(world.box("new", name + ".bookspool"), world.box("cur", name + ".bookspool:2,S"))
        world.drain()
        equal((world.names("new"), world.spool("sent")), ([], [name]),
              "nor when it has been read meanwhile")

        world.move("sent", name, "out")
        world.drain()
        equal(world.names("new"), [name + ".1.bookspool"], "sent again on purpose: one more")
        with open(world.box("new", name + ".1.bookspool"), "rb") as one, \
                open(world.box("cur", name + ".bookspool:2,S"), "rb") as two:
            equal(one.read(), two.read(), "byte for byte the same")


def a_death_before_the_name():
    """A mail that an operator sends again, and a drain that dies when it is written and marked, but not
    named: the file of the first delivery is not this one."""
    for read in (False, True):
        with Box() as world:
            key = world.arrive()
            name = f"{key}-{OWNER}"
            world.drain()
            if read:
                os.rename(world.box("new", name + ".bookspool"), world.box("cur", name + ".bookspool:2,S"))
            world.move("sent", name, "out")
            os.chmod(world.file("out", name), 0o760)
            with open(world.box("tmp", name + ".bookspool"), "wb") as file:
                file.write(b"what the dead drain had written")
            world.drain()
            first = [] if read else [name + ".bookspool"]
            equal(world.names("new"), sorted(first + [f"{name}.{1}.bookspool"]), "it is delivered")
            equal((world.names("tmp"), world.spool("sent")), ([], [name]), "and sent")


def years_of_mail():
    """cur/ is read once, not for each mail."""
    with Box() as world:
        for _ in range(20):
            world.arrive()
        os.makedirs(world.box("cur"))
        for number in range(50):
            with open(world.box("cur", f"{number}.bookspool:2,S"), "wb"):
                pass
        long_ago = time.time() - 3600
        os.utime(world.box("cur"), (long_ago, long_ago))
        env = {"LD_PRELOAD": os.path.join(BIN, "tests/shim.so"), "SHIM_LOG": world.path("calls.log")}
        if not os.path.exists(env["LD_PRELOAD"]):
            skip("the shim goes with the plain programs only", 2)
            return
        world.drain(env=env)
        equal(len(world.names("new")), 20, "twenty mails beside a full cur/")
        reads = sum(" fdopendir " in line and line.endswith("/cur")
                    for line in world.log("calls.log").splitlines())
        equal(reads, 1, "which is read once")


def hold(what, world, reason, mend):
    key = world.arrive()
    done = world.drain()
    equal(done.returncode, HOLD, f"{what}: the run holds") or diag(done.stderr)
    match(done.stderr, rf"\b{reason}\b", f"{what}: the reason is {reason}")
    equal(world.spool("out"), [f"{key}-{OWNER}"], f"{what}: the mail waits")
    mode = os.stat(world.file("out", f"{key}-{OWNER}")).st_mode
    ok(not mode & stat.S_IXUSR, f"{what}: nothing about it is unknown")
    mend()
    equal(world.drain().returncode, 0, f"{what}: once mended, the next run ends well")
    equal(world.spool("sent"), [f"{key}-{OWNER}"], f"{what}: and sends it")


def faults():
    with Box() as world:
        with open(world.box(), "w", encoding="ascii"):
            pass
        hold("a file in its place", world, "maildir-open", lambda: os.unlink(world.box()))
    with Box() as world:
        world.write_settings("drain.env", {
            "BOOKSPOOL_TRANSPORT": f"maildir:{world.path('missing', 'Maildir')}"})
        hold("no parent directory", world, "maildir-open", lambda: os.mkdir(world.path("missing")))


def full_disk():
    with Box() as world:
        os.makedirs(world.box())
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", world.box()],
                                 capture_output=True)
        if mounted.returncode:
            skip("cannot mount a small file system here", 6)
            return
        try:
            for folder in ("tmp", "new", "cur"):
                os.mkdir(world.box(folder))
            filler = world.box("filler")
            with open(filler, "wb", buffering=0) as file:
                try:
                    while file.write(bytes(4096)) == 4096:
                        pass
                except OSError:
                    pass
            hold("a full disk", world, "maildir-write", lambda: os.unlink(filler))
        finally:
            subprocess.run(["umount", world.box()], check=True)


if __name__ == "__main__":
    run_parts((one_mail, repeats, a_death_before_the_name, years_of_mail, faults, full_disk))
    finish()
