#!/usr/bin/python3
"""Death and failure at every step of the tool: replay, release and prune; and failure at every step
of what only looks: list, show, trace and check.

See tests/lib/faults.py.
"""

import difflib
import os
import re
import signal
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from bookspool import equal, finish, match  # noqa: E402
from fault_steps import alloc_steps, death_steps, describe, fault_steps, spread, tells  # noqa: E402
from faults import OWNER, Trial, allocations_of, need_shims, series  # noqa: E402
from smtp_peer import Scripted  # noqa: E402

DAY = 24 * 3600


# ---- what changes something ----


def one_in(directory):
    def make(trial):
        trial.fresh()
        key, _ = trial.event(directory)
        return key
    return make


def old_ones(trial):
    """Events and mails that are old enough to be forgotten, one of which is still in play, and a
    new one. Its key."""
    trial.fresh()
    forgotten, _ = trial.event("done")
    playing, body = trial.event("done")
    trial.event("replay", body=body, name="x")
    trial.write("sent", f"{forgotten}-{OWNER}", b"")
    trial.write("tmp", "left", b"")
    for path in (("done", forgotten), ("done", playing), ("sent", f"{forgotten}-{OWNER}"),
                 ("tmp", "left")):
        os.utime(trial.file(*path), (time.time() - 60 * DAY,) * 2)
    trial.playing = playing
    return trial.event("new")[0]


def pruned(trial, tally, where, key):
    """Asked before the drain settles it."""
    # a file that is closed to us for good plays for nobody
    tally.expect("openat" in where and re.search("EACCES|ENOENT", where) or
                 trial.playing in trial.spool("done"), where, "what is in play was forgotten")
    tally.expect(key in trial.spool("new"), where, "what waits was forgotten")


# command -> (what makes the spool ready, what must hold before it is settled, how many mails may
# come of it)
COMMANDS = {
    "replay": (one_in("done"), None, (1, 2)),
    "release": (one_in("held"), None, (1,)),
    "prune": (old_ones, pruned, (2,)),
}


def arguments(command, key):
    return [command] if command == "prune" else [command, key]


def check(trial, tally, where, command, key, done):
    _, before, mails = COMMANDS[command]
    if before:
        before(trial, tally, where, key)
    if done.returncode or trial.spool("held"):
        again = trial.run("bookspool", *arguments(command, key))
        tally.expect(again.returncode in (0, 66), where,
                     f"again: {again.returncode} {again.stderr}")
    last = trial.settle()
    counts = trial.accepted()
    tally.expect(last.returncode == 0, where, f"the drain does not end well: {last.stderr[-300:]}")
    tally.expect(sum(counts.values()) in mails, where, f"mails: {counts}")
    tally.expect(max(counts.values(), default=0) <= 1, where, f"repeated: {counts}")
    in_done, left = trial.settled()
    tally.expect(key in in_done and not left, where, f"lies as {trial.settled()}")


def changes(trial, tally, job):
    command, step = job
    key = COMMANDS[command][0](trial)
    done = trial.run("bookspool", *arguments(command, key), env=trial.strike(step))
    where = f"{command}, {describe(step)}: {trial.struck()}"
    if step.what == "death":
        tally.expect(done.returncode == (-signal.SIGKILL if trial.struck() else 0), where,
                     f"exit {done.returncode}")
    else:
        tally.expect(done.returncode == 0 or 64 <= done.returncode <= 78, where,
                     f"exit {done.returncode}")
        tally.expect(done.returncode == 0 or tells(step, done.stderr, trial.struck()), where,
                     f"exit {done.returncode}, and it does not tell the step:\n{done.stderr}")
    check(trial, tally, where, command, key, done)
    return trial.struck()


def calls_of(trial, command):
    key = COMMANDS[command][0](trial)
    trial.run("bookspool", *arguments(command, key), env=trial.counting())
    return trial.calls()


# ---- what only looks ----


LOOKS = (("list", "--json", "--all"), ("show", "--json", "KEY"), ("trace", "--json", "KEY"),
         ("check", "--json"))


def filled(trial):
    """A spool with something of everything, the same for all that look. The key that is shown."""
    if getattr(trial, "shown", None):
        return trial.shown
    trial.fresh()
    key, _ = trial.event("new")
    trial.drain()
    for directory in ("new", "held", "bad", "replay"):
        trial.event(directory, "calendly")
    trial.shown = key
    return key


def with_key(trial, command):
    return [filled(trial) if word == "KEY" else word for word in command]


def look(trial, command, env=None):
    # addresses of the examples would be a finding of check
    owner = {"BOOKSPOOL_MAIL_TO": "owner@bookings.test", "BOOKSPOOL_MAIL_FROM": "desk@bookings.test"}
    done = trial.run("bookspool", *with_key(trial, command), env={**owner, **(env or {})})
    said = re.sub(r"\b\d+ \w+ ago", "just now", done.stdout)
    return done.returncode, re.sub(r"the clock says \S+", "the clock says", said), done.stderr


def looks(trial, tally, job):
    """The same as ever, or a failure that is told."""
    command, step = job
    filled(trial)
    usual = trial.usual.get(command[0]) or look(trial, command)
    trial.usual[command[0]] = usual
    code, out, err = look(trial, command, trial.strike(step))
    where = f"{command[0]}, {describe(step)}: {trial.struck()}"
    # trace has 1 for nowhere, and a directory that is gone is nowhere
    nowhere = code == 1 and command[0] == "trace" and step.what == "ENOENT"
    tally.expect(code == 0 or 64 <= code <= 78 or nowhere, where, f"exit {code}")
    same = (code, out) == usual[:2]
    # what is gone was moved meanwhile; a directory cannot be closed to us and open the next moment
    lie = step.what == "ENOENT" or (step.what, step.call) == ("EACCES", "openat")
    tally.expect(same or lie or tells(step, out + err, trial.struck()), where,
                 f"exit {code}, usually {usual[0]}, and the step is not told:\n{err}" + "\n".join(
                     difflib.unified_diff(usual[1].split("\n"), out.split("\n"), "usually", "now", n=0)))
    return trial.struck()


def allocations(command, prepare, run):
    """The steps at which a command allocates, when it is run as in its trials."""
    return [(command, step) for step in alloc_steps(allocations_of(world, prepare, run))]


def spread_over(steps_of):
    """(command, step) of {command: steps}; each command has steps of its own at each of its places."""
    steps = [step._replace(place=(command, step.place)) for command, of in steps_of.items() for step in of]
    return [(step.place[0], step) for step in spread(steps)]


need_shims()
with Scripted() as peer, Trial(peer) as world:
    deaths, faults, looking, lacking, looking_without = [], {}, {}, [], []
    for command in COMMANDS:
        calls = calls_of(world, command)
        match(str(calls), "openat.*rename|unlinkat", f"the shim sees what {command} does")
        deaths += [(command, step) for step in death_steps(calls)]
        faults[command] = fault_steps(calls)
        keys = []
        lacking += allocations(command, lambda trial: keys.append(COMMANDS[command][0](trial)),
                               lambda env: world.run("bookspool", *arguments(command, keys[-1]), env=env))
    filled(world)
    for command in LOOKS:
        equal(look(world, command, world.counting())[0], 0, f"{command[0]} without a fault")
        looking[command] = fault_steps(world.calls())
        looking_without += allocations(command, filled, lambda env: look(world, command, env))
series("a tool that dies at each step", deaths, changes)
series("a tool with a fault at each step", spread_over(faults), changes)
series("a tool that looks, with a fault at each step", spread_over(looking), looks)
series("a tool without memory at each step", lacking, changes)
series("a tool that looks, without memory at each step", looking_without, looks)
finish()
