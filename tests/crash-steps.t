#!/usr/bin/python3
"""Death and failure at every step: receiver, drain, and the tool's replay, release and prune.

tests/faults/shim.c counts the calls by which a program changes files and talks, and at the Nth
kills it (as kill -9 between two system calls) or fails that call. N goes from 1 until a run is
untouched. After each, everything is simply run again, the provider delivers its retry,
and what the mail server really accepted is compared with the promise of DESIGN section 4.
"""

import errno
import hashlib
import os
import shutil
import signal
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from bookspool import (BIN, ENDPOINT, World, bail, equal, finish, key_of, match, ok, program,  # noqa: E402
                       sample, sign, skip_all)
from fcgi import Client, params, request  # noqa: E402
from smtp_peer import Scripted  # noqa: E402

SHIM = os.path.join(BIN, "tests/shim.so")
ERRNOS = {"openat": ["ENOSPC", "EMFILE", "EACCES"], "write": ["ENOSPC", "EDQUOT", "EIO"],
          "fsync": ["EIO", "ENOSPC"], "syncfs": ["EIO"], "renameat": ["EIO", "ENOENT", "EROFS"],
          "renameat2": ["EIO", "ENOENT", "EROFS", "EINVAL"], "unlinkat": ["EROFS", "ENOENT"],
          "fchmod": ["EROFS"], "fchmodat": ["EROFS", "EPERM"], "futimens": ["EROFS"],
          "utimensat": ["EROFS", "EPERM"], "flock": ["ENOLCK"], "fstatvfs": ["EIO"],
          "send": ["EPIPE", "ECONNRESET"], "linkat": ["EMLINK"]}
OWNER = hashlib.sha256(b"owner@example.org").hexdigest()[:12]


class Trial(World):
    """One world and one mail server for many trials; the spool is emptied between them."""

    def __init__(self, server):
        super().__init__({"BOOKSPOOL_TRANSPORT": f"smtp+plain://127.0.0.1:{server.port}",
                          "BOOKSPOOL_CONNECT_TIMEOUT": "5s", "BOOKSPOOL_REPLY_TIMEOUT": "5s"})
        self.server = server
        self.accepted_before = 0

    def file(self, *names):
        return os.path.join(self.spool_dir, *names)

    def fresh(self):
        shutil.rmtree(self.spool_dir)
        os.makedirs(self.spool_dir, mode=0o770)
        self.accepted_before = len(self.server.accepted)

    def write(self, directory, name, data):
        os.makedirs(self.file(directory), mode=0o770, exist_ok=True)
        with open(self.file(directory, name), "wb") as file:
            file.write(data)

    def event(self, directory, body=None, name=None):
        body = body or sample("calcom", "booking_created")
        key = key_of("calcom", body)
        head = (f"Bookspool: 1\nKey: {key}\nProvider: calcom\nEvent: BOOKING_CREATED\n"
                f"Received: 2026-11-21T10:00:00.123Z\nKey-Used: primary\n"
                f"Length: {len(body)}\nSha256: {hashlib.sha256(body).hexdigest()}\n\n")
        self.write(directory, name or key, head.encode() + body)
        return key, body

    def accepted(self):
        """How often each Message-ID was accepted in this trial."""
        counts = {}
        for message in self.server.accepted[self.accepted_before:]:
            text = message if isinstance(message, bytes) else bytes(message, "latin-1")
            found = text.lower().partition(b"message-id: <")[2].partition(b"@")[0].decode()
            counts[found] = counts.get(found, 0) + 1
        return counts

    def shim(self, at, error=0, short=False):
        """The environment that lets a program fail at that call, and the file of its calls."""
        log = self.path("calls.log")
        if os.path.exists(log):
            os.unlink(log)
        env = {"LD_PRELOAD": SHIM, "SHIM_AT": str(at), "SHIM_LOG": log}
        if error:
            env["SHIM_ERRNO"] = str(error)
        if short:
            env["SHIM_SHORT"] = "1"
        return env

    def calls(self):
        return [line.split(" ")[1] for line in self.log("calls.log").splitlines()]

    def settle(self):
        """Runs the drain until it is content; mails that wait are made due."""
        for _ in range(4):
            for name in self.spool("out"):
                os.utime(self.file("out", name))
            done = self.drain()
            if done.returncode == 0 and not self.spool("out") and not self.spool("new"):
                return done
        return done

    def settled(self):
        """(events in done, names left in new, replay, out, failed and bad)"""
        left = [f"{d}/{n}" for d in ("new", "replay", "out", "failed", "bad") for n in self.spool(d)]
        return self.spool("done"), left


class Tally:
    """One line of TAP for a whole series, with every breach told."""

    def __init__(self):
        self.trials, self.breaches = 0, []

    def expect(self, holds, where, what):
        if not holds:
            self.breaches.append(f"{where}: {what}")

    def report(self, name):
        ok(self.trials > 0 and not self.breaches, f"{name}: {self.trials} trials",
           "\n".join(self.breaches[:20]))


# ---- the drain ----


def prepare(trial):
    """An event that waits, one that is torn, a duplicate, a replay, a held one and a mail."""
    trial.fresh()
    trial.drain()
    wanted = {}
    key, _ = trial.event("new")
    wanted[f"{key}-{OWNER}"] = key
    late, body = trial.event("done")
    trial.event("new", body)
    trial.event("held", body)
    again, body = trial.event("done")
    trial.event("replay", body, "x")
    bad, _ = trial.event("bad")
    wanted[f"{bad}-{OWNER}"] = bad
    return wanted, again, sorted({key, late, again, bad})


def check_drain(trial, tally, where, died, prepared):
    wanted, again, done = prepared
    last = trial.settle()
    counts = trial.accepted()
    replays = {name: n for name, n in counts.items() if name.startswith(again + ".")}
    most = 2 if died else 1
    tally.expect(last.returncode == 0, where, f"does not end well: {last.stderr[-300:]}")
    for name in wanted:
        tally.expect(1 <= counts.get(name, 0) <= most, where, f"{name}: {counts.get(name, 0)} mails")
    tally.expect(len(replays) == 1 and 1 <= sum(replays.values()) <= most, where,
                 f"replay: {replays}")
    tally.expect(sum(counts.values()) <= len(wanted) + 1 + (1 if died else 0), where,
                 f"more than one repeat for one death: {counts}")
    tally.expect(trial.settled() == (done, []), where, f"lies as {trial.settled()}")


def calls_of_a_drain(trial):
    prepare(trial)
    trial.drain(env=trial.shim(0))
    return trial.calls()


def deaths_of_the_drain(trial):
    tally = Tally()
    for at, call in enumerate(calls_of_a_drain(trial), 1):
        prepared = prepare(trial)
        done = trial.drain(env=trial.shim(at))
        where = f"drain killed at call {at} ({call})"
        tally.trials += 1
        tally.expect(done.returncode == -signal.SIGKILL, where, f"exit {done.returncode}")
        check_drain(trial, tally, where, True, prepared)
    tally.report("a drain that dies at each step")


def faults_of_the_drain(trial):
    tally = Tally()
    for at, call in enumerate(calls_of_a_drain(trial), 1):
        for name in ERRNOS[call]:
            prepared = prepare(trial)
            done = trial.drain(env=trial.shim(at, getattr(errno, name), call == "write"))
            where = f"drain with {name} at call {at} ({call})"
            tally.trials += 1
            tally.expect(done.returncode in (0, 71, 74, 75, 78), where, f"exit {done.returncode}")
            tally.expect(done.returncode == 0 or done.stderr.strip(), where, "fails without a word")
            # a connection that breaks around the final dot is the one fault that may repeat a mail
            check_drain(trial, tally, where, call == "send", prepared)
    tally.report("a drain with a fault at each step")


def a_failed_sync_takes_back_its_own(trial):
    """The mails of the batch, and no other: one in out/ may be accepted already, and marked so."""
    trial.fresh()
    trial.drain()
    key, _ = trial.event("new")
    trial.drain()
    mail = f"{key}-{OWNER}"
    os.rename(trial.file("sent", mail), trial.file("out", mail))
    os.chmod(trial.file("out", mail), 0o1660)
    os.rename(trial.file("done", key), trial.file("new", key))
    fresh, _ = trial.event("new")
    env = trial.shim(0)
    shutil.copytree(trial.spool_dir, trial.path("kept"), copy_function=shutil.copy2)
    trial.drain(env=env)
    syncs = [at for at, call in enumerate(trial.calls(), 1) if call == "syncfs"]
    shutil.rmtree(trial.spool_dir)
    os.rename(trial.path("kept"), trial.spool_dir)
    trial.accepted_before = len(trial.server.accepted)
    done = trial.drain(env=trial.shim(syncs[1], errno.EIO))
    equal(done.returncode, 74, "a batch that cannot be synced ends the run")
    equal(trial.spool("out"), [mail], "its own mail is taken back, the one that was there stays")
    equal(trial.accepted(), {}, "nothing is sent")
    trial.settle()
    equal(trial.accepted(), {f"{fresh}-{OWNER}": 1}, "then each goes its way, once")


# ---- the receiver ----


def post(trial, body):
    """The status that the receiver answers, 0 where it died."""
    headers = sign("calcom", body, trial.secret["calcom"])
    try:
        with Client(trial.socket) as client:
            client.send(request(params("POST", ENDPOINT["calcom"], body, headers), body))
            answer = client.answer()
            return answer.status if answer else 0
    except OSError:
        return 0


def start_receiver(trial, env=None):
    process = trial.start([*program("bookspool-fcgi"), "--listen", "unix:" + trial.socket],
                          "receiver.log", env)
    for _ in range(1000):
        if process.poll() is not None:
            return process
        try:
            with Client(trial.socket):
                return process
        except OSError:
            pass
        time.sleep(0.01)
    bail("the receiver does not start")
    return None


def calls_of_a_post(trial):
    """(calls made before the first post, calls in all) of a receiver that takes a post thrice:
    new, once more, and once more when it is done."""
    trial.fresh()
    env = trial.shim(0)
    process = start_receiver(trial, env)
    start = len(trial.calls())
    posts(trial)
    trial.stop(process)
    return start, trial.calls()


def posts(trial):
    body = sample("calcom", "booking_created")
    answers = [post(trial, body), post(trial, body)]
    trial.drain()
    answers.append(post(trial, body))
    return body, answers


def check_receiver(trial, tally, where, body, answers):
    key = key_of("calcom", body)
    if 200 in answers:
        tally.expect(any(key in trial.spool(d) for d in ("new", "done")), where,
                     f"answered {answers}, and the event is nowhere")
    tally.expect(set(answers) <= {0, 200, 503}, where, f"answers {answers}")
    process = start_receiver(trial)
    tally.expect(post(trial, body) == 200, where, "the retry is not accepted")
    trial.stop(process)
    last = trial.settle()
    tally.expect(last.returncode == 0, where, f"the drain does not end well: {last.stderr[-300:]}")
    tally.expect(trial.accepted() == {f"{key}-{OWNER}": 1}, where, f"mails: {trial.accepted()}")
    tally.expect(trial.settled() == ([key], []), where, f"lies as {trial.settled()}")


def trouble_of_the_receiver(trial, faults):
    tally = Tally()
    start, calls = calls_of_a_post(trial)
    for at, call in enumerate(calls[start:], start + 1):
        for name in ERRNOS[call] if faults else [None]:
            trial.fresh()
            env = trial.shim(at, getattr(errno, name), call == "write") if name else trial.shim(at)
            process = start_receiver(trial, env)
            body, answers = posts(trial)
            status = trial.stop(process)
            where = f"receiver, {name or 'killed'} at call {at} ({call})"
            tally.trials += 1
            if faults:
                tally.expect(status == 0, where, f"exit {status}")
            check_receiver(trial, tally, where, body, answers)
    tally.report("a receiver " + ("with a fault" if faults else "that dies") + " at each step")


# ---- the tool ----


def commands(trial):
    """(what, arguments, what makes the spool ready, what must hold in the end)"""
    def one_in(directory):
        def make():
            trial.fresh()
            trial.drain()
            return trial.event(directory)[0]
        return make

    yield "replay", one_in("done"), lambda key, n: n in (1, 2)
    yield "release", one_in("held"), lambda key, n: n == 1
    yield "prune", one_in("new"), lambda key, n: n == 1


def trouble_of_the_tool(trial, faults):
    tally = Tally()
    for command, make, holds in commands(trial):
        def run(key, env):
            return trial.run("bookspool", command, *([] if command == "prune" else [key]), env=env)
        run(make(), trial.shim(0))
        for at, call in enumerate(trial.calls(), 1):
            for name in ERRNOS[call] if faults else [None]:
                key = make()
                run(key, trial.shim(at, getattr(errno, name), call == "write") if name
                    else trial.shim(at))
                where = f"{command}, {name or 'killed'} at call {at} ({call})"
                tally.trials += 1
                again = run(key, {})
                tally.expect(again.returncode in (0, 65, 66), where,
                             f"run again: {again.returncode} {again.stderr}")
                trial.settle()
                mails = sum(trial.accepted().values())
                tally.expect(holds(key, mails), where, f"{mails} mails")
                tally.expect(trial.settled() == ([key], []), where, f"lies as {trial.settled()}")
    tally.report("a tool " + ("with a fault" if faults else "that dies") + " at each step")


if not os.path.exists(SHIM):
    skip_all("the shim goes with the plain programs only: a sanitizer must come first")
with Scripted() as peer, Trial(peer) as world:
    match(str(calls_of_a_drain(world)), "renameat.*send", "the shim sees what a drain does")
    deaths_of_the_drain(world)
    faults_of_the_drain(world)
    a_failed_sync_takes_back_its_own(world)
    trouble_of_the_receiver(world, False)
    trouble_of_the_receiver(world, True)
    trouble_of_the_tool(world, False)
    trouble_of_the_tool(world, True)
finish()
