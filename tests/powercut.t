#!/usr/bin/python3
"""A power cut at every step of receiver, drain and tool.

The file operations of a run are recorded (tests/faults/record.c), and for each position in the
recording the disk states are rebuilt that a power cut there could leave, by the rules that
tests/lib/powercut.py states. On each state the programs run again, the provider delivers its
retries, and what came of it is held against the promise of bookspool-spool(5):

  - what was answered 200 before the cut is whole in new/ or done/, or its mails are there or
    accepted, and it is mailed without another retry; in the end all is in done/ and was mailed
  - a mail is accepted once, and once more only if the cut lies between its final dot and the sync
    of its rename to sent/; nothing torn is ever mailed, and of what was answered 200 the same bytes
    as without the cut
  - what lies in failed/ or bad/ has its reason beside it
  - a replay is mailed as one generation; what was held, released or kept stays so

  - the ledger is sound

Some recordings hold a death or a failed call as well (tests/faults/shim.c); the cut comes after.

All of it holds where a rename between directories is one step, and where a file may be left with
both names of it. At the end of each recording, and in the long form everywhere, the directories are
also taken as independent, a rename being two steps. All of it still holds then but this: a mail that
was refused for good may be gone from out/ and not be in failed/, where its reason is; and a
repeat may be made anew, with the same Message-ID.

Then syncs are taken out of the recordings, and a state must appear that breaks the promise; the
table NOT_NEEDED says of which syncs none does.

POWERCUT=full tries many more states, all rules of rename, and each sync (make powercut);
POWERCUT_TRIALS says how many of one recording; POWERCUT_SEED repeats a choice; arguments take some
of the recordings.
"""

import multiprocessing
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from bookspool import diag, equal, finish, ok, skip_all, wants  # noqa: E402
from powercut import (NEW_NAME_FIRST, ONE_STEP, RECORDER, RULES, SCRATCH, TWO_STEPS, Disk,  # noqa: E402
                      fingerprint, states)
from powercut_scenes import RECORDINGS, record  # noqa: E402
from powercut_site import Site, whole  # noqa: E402
from powercut_trial import Promise, Trial  # noqa: E402
from smtp_peer import Scripted  # noqa: E402

FULL = os.environ.get("POWERCUT") == "full"
SEED = int(os.environ.get("POWERCUT_SEED", random.randrange(10 ** 6)))
MOST = 150 if FULL else 12  # states at one position
TRIALS = int(os.environ.get("POWERCUT_TRIALS", 120 if FULL else 10))  # states of one recording
TRIALS_WITHOUT = 60  # the same, for one sync that is taken out

# What breaks without it even in few states: always tried.
NEEDED = {("post", "fcgi: fsync spool/new/ID"), ("post", "fcgi: fsync spool/new/"),
          ("batch", "fcgi: syncfs 1"), ("stale", "fcgi: fsync spool/held/ID"),
          ("stale", "fcgi: fsync spool/held/"), ("mailing", "drain: syncfs 2"),
          ("mailing", "drain: fsync spool/sent/")}

# Without one of these no state breaks the promise, as long as a rename is one step.
NOT_NEEDED = {
    "drain: fsync spool/out/": "the old name goes with the new one, which sent/ made durable",
    "drain: fsync spool/done/": "its mails are durable, and its other name is where it came from",
    "fcgi: fsync spool/done/": "the same",
    "bookspool: fsync spool/new/": "the old name goes with the new one, which held/ made durable",
    "bookspool: fsync spool/held/": "the other way round",
}


# ---- all states ----

_site = None


def start_worker(directory, secret):
    """Each process that tries has a world and a mail server of its own, below `directory`."""
    global _site
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    tempfile.tempdir = directory
    _site = Site(Scripted(), secret)


def try_one(work):
    story, case = work
    trial = Trial(_site, story, case)
    try:
        return case, trial.run()
    except (OSError, subprocess.SubprocessError) as error:
        return case, [f"the trial itself failed: {error!r}"]


def cases(scene, chance, most, rename=ONE_STEP, without=()):
    """States of a recording, each once; `without` are the places of syncs that are ignored."""
    disk, promise, seen = Disk(scene.log.baseline, rename), Promise(scene, rename), set()
    for at, step in enumerate(scene.log.records):
        hidden = disk.hidden(step)
        disk.apply(step, at in without)
        promise.apply(step)
        if hidden or (without and at < without[0]):
            continue
        here = promise.here()
        for tree in states(disk, chance, most):
            mark = fingerprint(tree), repr(here)
            if mark not in seen:
                seen.add(mark)
                yield {"tree": tree, "promise": here, "at": at, "rename": rename,
                       "retry_first": chance.random() < 0.5}


def describe(scene, case, breaches):
    log = scene.log.records
    place = [f"{i}: {log[i]!r}" for i in range(max(0, case["at"] - 3), case["at"] + 1)]
    lies = [f"{path} {'torn' if data is not None and not whole(data) else ''}"
            for path, (data, _, _, _) in sorted(case["tree"].items())
            if data is not None and not path.startswith("spool/tmp/")]
    return "\n".join([*breaches, "  cut after", *(f"    {line}" for line in place),
                      f"  on the disk ({'retry' if case['retry_first'] else 'drain'} first)",
                      *(f"    {line}" for line in lies)])


def try_all(pool, scene, found, trials, chance, stop=False):
    """(number of trials, what broke, described); `stop`: at the first breach."""
    chosen = found if len(found) <= trials else chance.sample(found, trials)
    done, broken, slice_size = 0, [], 16 if stop else len(chosen)
    while done < len(chosen) and not (stop and broken):
        work = [(scene.story, case) for case in chosen[done:done + slice_size]]
        for case, breaches in pool.imap_unordered(try_one, work, 2):
            done += 1
            broken += [describe(scene, case, breaches)] if breaches else []
    return done, broken


def check(pool, scene, rename):
    chance = random.Random(SEED)
    found = list(cases(scene, chance, MOST, rename))
    trials, broken = try_all(pool, scene, found, TRIALS, chance)
    ok(trials and not broken, f"{scene.name}: {trials} of {len(found)} states, a rename being {rename}",
       "\n".join(broken[:3]))
    return trials


def both_names(case):
    """The pairs of directories in which one file has a name: {("spool/out", "spool/sent")}"""
    return frozenset((os.path.dirname(other), os.path.dirname(path))
                     for path, (_, _, _, other) in case["tree"].items()
                     if other and not path.startswith(SCRATCH + "/"))


def check_both_names(pool, scene):
    """States in which a file has both names of a rename: at least one of each set of pairs."""
    chance, kinds = random.Random(SEED), {}
    found = [case for case in cases(scene, chance, MOST, NEW_NAME_FIRST) if both_names(case)]
    for case in chance.sample(found, len(found)):
        kinds.setdefault(both_names(case), case)
    trials, broken = try_all(pool, scene, list(kinds.values()), len(kinds), chance)
    ok(not broken, f"{scene.name}: {trials} of {len(found)} states with both names of a file",
       "\n".join(broken[:3]))
    return trials


def check_end(pool, scene):
    """After the last step, where all that is promised has been synced: directory by directory."""
    found = list(cases(scene, random.Random(SEED), 2, TWO_STEPS))
    chance, last = random.Random(SEED), found[-1]["at"]
    found = [case for case in found if case["at"] == last][:3]
    trials, broken = try_all(pool, scene, found, len(found), chance)
    ok(not broken, f"{scene.name}: {trials} states at its end, a rename being two steps",
       "\n".join(broken[:3]))
    return trials


def label(scene, disk, sync, nth):
    """Who syncs what; of the syncs of the whole file system, the how manieth of its process."""
    # who has no start was forked, and only the drain forks
    who = next((r.words[0] for r in scene.log.records if r.what == "start" and r.pid == sync.pid),
               "bookspool-drain").removeprefix("bookspool-")
    if sync.what == "syncfs":
        return f"{who}: syncfs {nth}"
    inode = disk.inodes.get(sync.words[0])
    path = inode and (inode.folder + "/" if inode.folder else disk.name_of(inode))
    path = re.sub("[0-9a-f]{8}.*?([.]why)?$", r"KEY\1", path or "?")
    return f"{who}: fsync {path}"


def syncs(scene):
    """The places of the syncs that succeeded, by what they sync."""
    disk, found, seen = Disk(scene.log.baseline), {}, Counter()
    for at, step in enumerate(scene.log.records):
        if step.what in ("sync", "syncfs") and step.words[-1] == "0":
            seen[step.pid] += step.what == "syncfs"
            found.setdefault(label(scene, disk, step, seen[step.pid]), []).append(at)
        disk.apply(step)
    return found


def without(pool, scene, places, rename=ONE_STEP):
    """(trials, a breach or none) when the syncs at these places had not been made."""
    chance = random.Random(SEED)
    found = list(cases(scene, chance, MOST, rename, places))
    near = found[:2 * TRIALS_WITHOUT]  # soon after, where no other sync has made up for it yet
    done, broken = try_all(pool, scene, near, TRIALS_WITHOUT // 2, chance, stop=True)
    if not broken:
        more, broken = try_all(pool, scene, found, TRIALS_WITHOUT // 2, chance, stop=True)
        done += more
    return done, broken


def check_needed(pool, scene):
    trials = 0
    for what, places in syncs(scene).items():
        if (scene.name, what) in NEEDED:
            done, broken = without(pool, scene, places)
            ok(broken, f"{scene.name}: breaks without {what}")
            trials += done
    return trials


class Syncs:
    """Which syncs are needed in any recording, by either rule of rename."""

    def __init__(self):
        self.seen, self.needed = {}, {ONE_STEP: set(), TWO_STEPS: set()}

    def look(self, pool, scene):
        trials = 0
        for what, places in syncs(scene).items():
            self.seen.setdefault(what, []).append(scene.name)
            for rename in (ONE_STEP, TWO_STEPS):
                if what not in self.needed[rename]:
                    done, broken = without(pool, scene, places, rename)
                    trials += done
                    self.needed[rename] |= {what} if broken else set()
        return trials

    def judge(self):
        for what, names in sorted(self.seen.items()):
            diag(f"{what}: " + ("needed" if what in self.needed[ONE_STEP] else
                                "needed if a rename is two steps" if what in self.needed[TWO_STEPS] else
                                "not needed") + f" (in {len(names)} recordings)")
        if len(sys.argv) == 1:
            equal(sorted(set(self.seen) - self.needed[ONE_STEP] - set(NOT_NEEDED)), [],
                  "each sync is needed, but for those that are known not to be")


def run_all(pool, site):
    total, all_syncs = 0, Syncs()
    for make in RECORDINGS:
        if not wants(make.__name__):
            continue
        scene = record(site, make)
        for rename in RULES if FULL else (NEW_NAME_FIRST,):
            total += check(pool, scene, rename)
        total += check_both_names(pool, scene) + check_end(pool, scene)
        total += all_syncs.look(pool, scene) if FULL else check_needed(pool, scene)
    if FULL:
        all_syncs.judge()
    return total


if not os.path.exists(RECORDER):
    skip_all("the recorder goes with the plain programs only: a sanitizer must come first")
if os.path.isdir("/dev/shm") and os.access("/dev/shm", os.W_OK):
    tempfile.tempdir = "/dev/shm"  # what is synced there costs nothing, and others wait for no sync
with tempfile.TemporaryDirectory(prefix="bookspool-powercut-") as top:
    tempfile.tempdir = top
    secret = "a power cut at every step"
    context = multiprocessing.get_context("fork")
    with context.Pool(2, start_worker, (top, secret)) as workers:
        with Scripted() as peer, Site(peer, secret) as world:
            began = time.monotonic()
            count = run_all(workers, world)
            diag(f"seed {SEED}: {count} states in {time.monotonic() - began:.0f} s")
finish()
