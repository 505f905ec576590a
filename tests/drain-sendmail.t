#!/usr/bin/python3
"""The drain and sendmail programs: how they are started, and what each end means for the mail."""

import os
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from bookspool import (PATIENCE, diag, equal, finish, match, ok, program, run_parts, sample, skip,
                       tool, wait_for)
from mailer import DONE, HELD, HOLD, NEVER, RETRY, SENT, UNKNOWN, WRONG, Mailer, big
from smtp_peer import HANG_UP, Scripted

READ = "cat >/dev/null\n"


class Post(Mailer):
    """A mailer with a sendmail program of its own: a shell script; $D is the world's folder."""

    def __init__(self, script, **settings):
        super().__init__("sendmail:/nowhere", **settings)
        self.program = self.path("sendmail program")  # a blank: there is no shell in between
        with open(self.program, "w", encoding="utf-8") as file:
            file.write(f"#!/bin/sh\nD='{self.dir}'\n{script}")
        os.chmod(self.program, 0o755)
        self.write_settings("drain.env", {"BOOKSPOOL_TRANSPORT": "sendmail:" + self.program,
                                          **settings})

    def read(self, name):
        with open(self.path(name), "rb") as file:
            return file.read()


def is_running(pid):
    """Not counting one that ended and waits to be reaped by init."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def check(what, script, want, code, reason, body=None, **settings):
    with Post(script, **settings) as world:
        world.arrive(body)
        begun = time.monotonic()
        done = world.drain()
        equal((world.outcome(), done.returncode), (want, code), f"{what}: {want}") \
            or diag(done.stderr)
        match(done.stderr, rf"\b{reason}\b", f"{what}: the reason is {reason}")
        ok(time.monotonic() - begun < PATIENCE, f"{what}: in good time")
        if want == NEVER:
            match(world.why(), r"no such user\? here", f"{what}: .why has its first line")
            ok("second" not in world.why() and "no such" not in done.stderr,
               f"{what}: no more of it, and none in the log")


def ends():
    say = "printf '\\nno such user\\001 here\\nsecond line\\n' >&2\n".replace("\\001", "?")
    for status, want, code in ((0, SENT, DONE), (64, HELD, HOLD), (65, NEVER, DONE),
                               (67, NEVER, DONE), (68, RETRY, DONE), (69, RETRY, DONE),
                               (70, RETRY, DONE), (73, HELD, HOLD), (75, RETRY, DONE), (76, UNKNOWN, DONE),
                               (77, HELD, HOLD), (78, HELD, HOLD), (1, RETRY, DONE)):
        check(f"exit {status}", f"{READ}{say}exit {status}\n", want, code,
              f"sendmail-exit-{status}")
    check("refused before it reads", f"{say}exit 67\n", NEVER, DONE, "sendmail-exit-67", big())
    check("content without having read it", "exit 0\n", RETRY, DONE, "sendmail-unread", big(),
          BOOKSPOOL_RETRY_MIN="5m")
    check("killed behind the end", f"{READ}kill -9 $$\n", UNKNOWN, DONE, "sendmail-signal-9")
    check("killed before it", "kill -9 $$\n", RETRY, DONE, "sendmail-signal-9", big(),
          BOOKSPOOL_RETRY_MIN="5m")
    check("a flood of words", f"{READ}head -c 1000000 /dev/zero | tr '\\0' x >&2\nexit 75\n", RETRY,
          DONE, "sendmail-exit-75")
    quick = {"BOOKSPOOL_REPLY_TIMEOUT": "4s", "BOOKSPOOL_RETRY_MIN": "5m"}
    nap = "echo $$ >$D/pid\nsleep 600 & echo $! >$D/pid2\nwait\n"
    check("too slow behind the end", READ + nap, UNKNOWN, DONE, "sendmail-timeout", **quick)
    check("too slow to read", nap, RETRY, DONE, "sendmail-timeout", big(), **quick)
    with Post(READ + nap, **quick) as world:
        world.arrive()
        world.drain()
        pids = [int(world.read(name)) for name in ("pid", "pid2")]
        ok(wait_for(lambda: not any(map(is_running, pids))), "what took too long is ended as a whole")
    for what, path, reason in (("not there", "/nowhere/sendmail", "sendmail-start-2"),
                               ("not a program", "/etc/passwd", "sendmail-start-13")):
        with Mailer("sendmail:" + path) as world:
            world.arrive()
            done = world.drain()
            equal((world.outcome(), done.returncode), (HELD, HOLD), f"{what}: held")
            match(done.stderr, reason, f"{what}: the reason is {reason}")
    with Mailer("sendmail:sendmail") as world:
        equal(world.drain().returncode, WRONG, "a path that is not absolute is refused")


def how_it_is_started():
    """Its arguments, environment, descriptors, group, signals, and the bytes."""
    script = """for word; do printf '%s\\n' "$word"; done >$D/args
env >$D/env
ls /proc/self/fd >$D/fds
cat /proc/$$/stat >$D/stat
grep SigIgn /proc/$$/status >$D/signals
pwd >$D/pwd
cat >$D/message
"""
    with Post(script, BOOKSPOOL_SMTP_USER=None) as world:
        world.arrive()
        done = world.drain(env={"HOME": world.dir, "LD_BIND_NOW": "1", "PERSONAL": "x"})
        equal((world.outcome(), done.returncode), (SENT, DONE), "sent") or diag(done.stderr)
        equal(world.read("args").decode().split("\n")[:-1],
              ["-i", "-f", "bookspool@example.org", "--", "owner@example.org"], "its arguments")
        names = {line.partition("=")[0] for line in world.read("env").decode().splitlines()}
        # the shell adds some of its own
        equal(names - {"PWD", "OLDPWD", "SHLVL", "_"}, {"PATH", "HOME"}, "a clean environment")
        match(world.read("env").decode(), f"HOME={world.dir}", "with the home of its user")
        # the fourth is the folder that ls reads
        equal(world.read("fds").split(), [b"0", b"1", b"2", b"3"], "no descriptor of the drain's")
        pid, _, rest = world.read("stat").partition(b" ")
        equal(rest.rpartition(b")")[2].split()[2], pid, "a process group of its own")
        # 32 and 33 are the C library's own
        equal(int(world.read("signals").split()[1], 16) & 0x7fffffff, 0, "no signal is ignored")
        equal(world.read("pwd"), b"/\n", "in the root directory")
        stored = world.record("sent", world.spool("sent")[0])[1]
        equal(world.read("message"), stored.replace(b"\r\n", b"\n"), "the message, with LF")


def repeats_and_crowds():
    with Post(f"{READ}[ -e $D/second ] && exit 0\n: >$D/second\nkill -9 $$\n") as world:
        world.arrive()
        world.drain()
        equal(world.outcome(), UNKNOWN, "killed: it may have been taken")
        world.due_now()
        done = world.drain()
        equal(world.outcome(), SENT, "and is given again")
        match(done.stderr, "may-repeat", "which the log tells")
    with Post("cat >>$D/all\n", BOOKSPOOL_CONNECTIONS="3") as world:
        for _ in range(12):
            world.arrive()
        equal((world.drain().returncode, len(world.spool("sent"))), (DONE, 12), "several senders")
        equal(world.read("all").count(b"\nMessage-Id:"), 12, "each mail once")
    body = sample("calcom", "booking_created")
    with Post("cat >$D/message\n") as world:
        world.arrive(body.replace(b"Ada", b".\\r\\n.\\r\\nFrom x"))
        world.drain()
        ok(b"\n.\n" not in world.read("message"), "no line of a single dot")


def a_death_of_the_drain():
    """A pipe would end with the drain, and the program would send the part that it has read."""
    with Post(": >$D/started\nwhile [ ! -e $D/go ]; do sleep 0.1; done\ncat >$D/got\n: >$D/done\n") as world:
        world.arrive(big())
        process = subprocess.Popen(program("bookspool-drain"), env=world.env(), stderr=subprocess.DEVNULL)
        wait_for(lambda: os.path.exists(world.path("started")))
        process.kill()
        process.wait()
        with open(world.path("go"), "wb"):
            pass
        wait_for(lambda: os.path.exists(world.path("done")))
        name, = world.spool("out")
        stored = world.record("out", name)[1]
        equal(len(world.read("got")), len(stored.replace(b"\r\n", b"\n")), "the program gets all of the message")
        ok(os.stat(world.file("out", name)).st_mode & 0o100, "and the mail is marked: it may have been sent")


def msmtp():
    """A real one, which speaks to a mail server while we wait."""
    found = tool("msmtp")
    if not found:
        skip("msmtp is not installed: run tests/bin/deps check", 8)
        return
    for step, reply, want, code in (("dot", "250 queued", SENT, DONE),
                                    ("RCPT", "550 no", NEVER, DONE),
                                    ("RCPT", "450 later", RETRY, DONE),
                                    ("dot", HANG_UP, UNKNOWN, DONE)):
        with Scripted({step: reply}) as server, \
                Mailer("sendmail:" + found) as world:
            path = world.path(".msmtprc")
            with open(path, "w", encoding="ascii") as file:
                file.write(f"account default\nhost 127.0.0.1\nport {server.port}\ntls off\n")
            os.chmod(path, 0o600)
            world.arrive()
            done = world.drain(env={"HOME": world.dir})
            equal((world.outcome(), done.returncode), (want, code), f"msmtp, {reply} at {step}: {want}") \
                or diag(done.stderr)
            if want == SENT:
                stored = world.record("sent", world.spool("sent")[0])[1]
                equal(server.accepted, [stored], "msmtp hands on the same bytes")
            else:
                equal(server.accepted, [], "msmtp hands on nothing")


if __name__ == "__main__":
    run_parts((ends, how_it_is_started, repeats_and_crowds, a_death_of_the_drain, msmtp))
    finish()
