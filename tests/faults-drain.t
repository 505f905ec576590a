#!/usr/bin/python3
"""Death and failure at every step of a drain that sends by SMTP. See tests/lib/faults.py.

What it does with a Maildir, with several senders, without RENAME_NOREPLACE and without memory
is tried in faults-maildir.t.
"""

import os
import shutil
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from bookspool import equal, finish, match, ok, run_parts, wants  # noqa: E402
from fault_steps import death_steps, describe, fault_steps, spread  # noqa: E402
from faults import (OWNER, Trial, calls_of_a_drain, drain_dies, drain_fails, need_shims,  # noqa: E402
                    series)
from smtp_peer import Scripted  # noqa: E402


def a_failed_sync_takes_back_its_own(trial):
    """The mails of the batch, and no other: one in out/ may be accepted already, and marked so."""
    trial.fresh()
    key, _ = trial.event("new")
    trial.drain()
    mail = f"{key}-{OWNER}"
    os.rename(trial.file("sent", mail), trial.file("out", mail))
    os.chmod(trial.file("out", mail), 0o1660)
    os.rename(trial.file("done", key), trial.file("new", key))
    fresh, _ = trial.event("new")
    trial.accepted_before = len(trial.server.accepted)
    steps = [step for step in fault_steps(["syncfs"] * 2) if step.what == "EIO"]
    done = trial.drain(env=trial.strike(steps[1]))
    equal(done.returncode, 74, "a batch that cannot be synced ends the run")
    equal(trial.spool("out"), [mail], "its own mail is taken back, the one that was there stays")
    equal(trial.accepted(), {}, "nothing is sent")
    trial.settle()
    equal(trial.accepted(), {f"{fresh}-{OWNER}": 1}, "then each goes its way, once")


def a_look_that_fails_is_no_answer(trial):
    """Whether a mail was sent, or an event done, is not guessed: a guess would mail it again."""
    for done_too in (False, True):
        trial.fresh()
        key, body = trial.event("new")
        trial.drain()
        if done_too:  # a late duplicate, whose mail is forgotten already
            os.unlink(trial.file("sent", f"{key}-{OWNER}"))
            trial.event("new", body=body)
        else:
            os.rename(trial.file("done", key), trial.file("new", key))
        with tempfile.TemporaryDirectory() as kept:
            shutil.copytree(trial.spool_dir, os.path.join(kept, "spool"))
            shutil.copytree(trial.state_dir, os.path.join(kept, "state"))

            def again():
                trial.fresh(made=False)
                shutil.copytree(os.path.join(kept, "spool"), trial.spool_dir, dirs_exist_ok=True)
                shutil.copytree(os.path.join(kept, "state"), trial.state_dir, dirs_exist_ok=True)
            mails_again(trial, again)


def mails_again(trial, again):
    """Tries each look that can fail, after `again` has made everything as it was."""
    again()
    trial.drain(env=trial.counting())
    looks = spread(fault_steps(trial.calls(), only=("fstatat", "openat")))
    repeated = []
    for step in looks:
        again()
        trial.drain(env=trial.strike(step))
        trial.settle()
        repeated += [describe(step)] * len(trial.accepted())
    ok(len(looks) > 5, f"{len(looks)} looks can fail")
    equal(repeated, [], "and none of them mails it again")


need_shims()
with Scripted() as peer, Trial(peer) as world:
    calls = calls_of_a_drain(world)
    match(str(calls), "renameat.*send", "the shim sees what a drain does")
    run_parts((a_failed_sync_takes_back_its_own, a_look_that_fails_is_no_answer), world)
if wants("each_step"):
    series("a drain that dies at each step", death_steps(calls), drain_dies)
    series("a drain with a fault at each step", spread(fault_steps(calls)), drain_fails)
finish()
