#!/usr/bin/python3
"""A power cut at every step of receiver, drain and tool.

The file operations of a run are recorded (tests/faults/record.c), and for each position in the
recording the disk states are rebuilt that a power cut there could leave, by the rules that
tests/lib/powercut.py states. On each state the programs run again, the provider delivers its
retries, and what came of it is held against the promise of DESIGN section 4:

  - what was answered 200 before the cut is whole in new/ or done/, or its mails are there or
    accepted, and it is mailed without another retry; in the end all is in done/ and was mailed
  - a mail is accepted once, and once more only if the cut lies between its final dot and the sync of
    its rename to sent/; the repeat is byte-identical; nothing torn is ever mailed
  - what lies in failed/ or bad/ has its reason beside it
  - a replay is mailed as one generation; what was held, released or kept stays so

Some recordings hold a death or a failed call as well (tests/faults/shim.c), and the cut comes after.

Where a rename between directories is two steps and not one, as by the wording of fsync(2), all of it
still holds but this: a mail that was refused for good may be gone from out/ and not be in failed/,
where its reason is; and a repeat may be made anew, with the same Message-ID.

Then syncs are taken out of the recordings, and a state must appear that breaks the promise; the
table NOT_NEEDED says of which syncs none does.

POWERCUT=full tries many more states, both rules of rename, and each sync (make powercut);
POWERCUT_TRIALS says how many of one recording; POWERCUT_SEED repeats a choice;
POWERCUT_ONLY=NAME,... takes some of the recordings.
"""

import errno
import hashlib
import multiprocessing
import os
import random
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import closing

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from bookspool import (BIN, ENDPOINT, World, aged, bail, diag, equal, finish, key_of, ok,  # noqa: E402
                       program, sample, sign, skip_all)
from fcgi import Client, params, request  # noqa: E402
from powercut import RECORDER, Disk, Recording, build, fingerprint, states  # noqa: E402
from smtp_peer import REPLIES, Scripted  # noqa: E402

FULL = os.environ.get("POWERCUT") == "full"
SEED = int(os.environ.get("POWERCUT_SEED", random.randrange(10 ** 6)))
ONLY = [name for name in os.environ.get("POWERCUT_ONLY", "").split(",") if name]
MOST = 150 if FULL else 15  # states at one position
TRIALS = int(os.environ.get("POWERCUT_TRIALS", 400 if FULL else 10))  # states of one recording
TRIALS_WITHOUT = 150 if FULL else 60  # the same, for one sync that is taken out
SHIM = os.path.join(BIN, "tests/shim.so")
RECIPIENTS = "owner@example.org", "other@example.org"
MARKS = {address: hashlib.sha256(address.encode()).hexdigest()[:12] for address in RECIPIENTS}

# What breaks without it even in few states: always tried.
NEEDED = {("post", "fcgi: fsync spool/new/KEY"), ("post", "fcgi: fsync spool/new/"),
          ("batch", "fcgi: syncfs 1"), ("stale", "fcgi: fsync spool/held/KEY"),
          ("stale", "fcgi: fsync spool/held/"), ("mailing", "drain: syncfs 2"),
          ("mailing", "drain: fsync spool/sent/")}

# Without one of these no state breaks the promise, as long as rename is one step.
NOT_NEEDED = {}


def mail_names(name):
    return [f"{name}-{mark}" for mark in MARKS.values()]


def message_name(message):
    found = re.search(rb"(?im)^message-id: *<([^@>]+)@", message)
    return found[1].decode() if found else None


def whole(data):
    """Is it a whole file of the spool?"""
    head, _, body = data.partition(b"\n\n")
    fields = dict(line.split(b": ", 1) for line in head.split(b"\n") if b": " in line)
    return (fields.get(b"Length") == str(len(body)).encode()
            and fields.get(b"Sha256") == hashlib.sha256(body).hexdigest().encode())


class Site(World):
    """A world with a mail server, where posts need no running receiver."""

    def __init__(self, server, secret=None):
        super().__init__({"BOOKSPOOL_TRANSPORT": f"smtp+plain://127.0.0.1:{server.port}",
                          "BOOKSPOOL_MAIL_TO": ", ".join(RECIPIENTS)},
                         {"CALCOM_WEBHOOK_SECRET": secret} if secret else None)
        self.server = server
        self.secret["calcom"] = secret or self.secret["calcom"]

    def file(self, *names):
        return os.path.join(self.spool_dir, *names)

    def fresh(self):
        for directory in (self.spool_dir, self.state_dir):
            shutil.rmtree(directory)
            os.makedirs(directory, mode=0o770)
        self.server.accepted.clear()
        self.server.replies = dict(REPLIES)

    def accepted(self):
        return Counter(map(message_name, self.server.accepted))

    def post(self, body):
        """Through plain CGI: the status and what is said about the event."""
        values = params("POST", ENDPOINT["calcom"], body, sign("calcom", body, self.secret["calcom"]))
        done = subprocess.run(program("bookspool-fcgi"), input=body, capture_output=True,
                              env=self.env(values), cwd=self.dir, timeout=60)
        head, _, said = done.stdout.partition(b"\r\n\r\n")
        found = re.search(rb"(?im)^status: *(\d+)", head)
        return int(found[1]) if found else 200, said.decode()

    def posted(self, count=1):
        """That many events in new/: {key: body}."""
        bodies = [sample("calcom", "booking_created") for _ in range(count)]
        for body in bodies:
            self.post(body)
        return {key_of("calcom", body): body for body in bodies}

    def make_due(self):
        for name in self.spool("out"):
            os.utime(self.file("out", name))

    def settle(self):
        """Runs the drain until nothing more is to be done: what it wrote, and whether it ended well."""
        said = ""
        for _ in range(4):
            self.make_due()
            done = self.drain()
            said += done.stderr
            if done.returncode or not (self.spool("out") or self.spool("replay")):
                break
        return done.returncode, said


# ---- recordings ----


class Story:
    """What happens in a recording, and what it must come to."""

    def __init__(self):
        self.posted = {}  # key: body; delivered again until it was answered 200
        self.answered = set()  # keys of those that were before the recording begins
        self.quiet = {}  # the same, mailed long ago: never again
        self.held = {}  # outside of the replay window
        self.replayed, self.refused = set(), set()
        self.may_stay = set()  # paths in the spool
        self.earlier = set()  # mails that were accepted before the recording begins
        self.kept = []  # paths that must be there whatever happens
        self.messages = {}  # by name, as they were accepted while it was recorded

    def expected(self):
        return [name for key in self.posted for name in mail_names(key)]


class Scene:
    """One recording being made."""

    def __init__(self, site, name):
        self.site, self.name, self.story, self.log = site, name, Story(), None

    def start(self):
        self.log = Recording(self.site)

    def env(self, shim=None, kills=False):
        env = {**self.log.env, "BOOKSPOOL_SANDBOX": "off"}
        return {**env, **self.log.with_shim({"LD_PRELOAD": SHIM, **shim}, kills)} if shim else env

    def receiver(self, env=None):
        return self.site.start_receiver(env=env or self.env())

    def deliver(self, *bodies, to=None):
        """Posts of one turn of the receiver, where it is known; their status, 0 where it died."""
        if to:
            to.send_signal(signal.SIGSTOP)
        clients = [Client(self.site.socket) for _ in bodies]
        for client, body in zip(clients, bodies):
            headers = sign("calcom", body, self.site.secret["calcom"])
            client.send(request(params("POST", ENDPOINT["calcom"], body, headers), body))
        if to:
            to.send_signal(signal.SIGCONT)
        answers = [client.answer() for client in clients]
        for client in clients:
            client.socket.close()
        return [answer.status if answer else 0 for answer in answers]

    def new_events(self, count=1):
        bodies = [sample("calcom", "booking_created") for _ in range(count)]
        self.story.posted.update((key_of("calcom", body), body) for body in bodies)
        return bodies

    def waiting(self, count=1):
        """So many events in new/, whose posts were answered 200."""
        events = self.site.posted(count)
        self.story.posted.update(events)
        self.story.answered.update(events)

    def drain(self, **env):
        return self.site.drain(env={**self.env(), **env})

    def tool(self, *args):
        done = self.site.run("bookspool", *args, env=self.env())
        if done.returncode:
            bail(f"bookspool {args}: {done.stderr}")
        self.log.mark(*args)

    def end(self):
        self.log.close()
        for message in self.site.server.accepted:
            self.story.messages[message_name(message)] = message


def rehearse(scene, run, wanted):
    """Runs something on a copy: the number in the shim's list of calls that the pattern finds."""
    site, log = scene.site, scene.site.path("calls.log")
    for directory in ("spool", "state"):
        shutil.copytree(site.path(directory), site.path("kept", directory))
    run({"LD_PRELOAD": SHIM, "SHIM_AT": "0", "SHIM_LOG": log})
    for directory in ("spool", "state"):
        shutil.rmtree(site.path(directory))
        os.rename(site.path("kept", directory), site.path(directory))
    site.server.accepted.clear()
    found = re.search(wanted, site.log("calls.log"))
    os.unlink(log)
    return found[1] if found else bail(f"no call {wanted}")


SYNC_OF_A_POST = r"renameat2 [0-9a-f]{32}\n(\d+) fsync"
SYNC_OF_A_BATCH = r"renameat [0-9a-f]{32}-[0-9a-f]{12}\n(\d+) syncfs"
RENAME_TO_SENT = r"fchmodat .*\n(?:.* send .*\n)+(\d+) renameat"


def rehearse_a_post(scene):
    def run(env):
        process = scene.receiver(env)
        scene.deliver(sample("calcom", "booking_created"))
        scene.site.stop(process)
    return rehearse(scene, run, SYNC_OF_A_POST)


def rehearse_a_drain(scene, wanted):
    return rehearse(scene, lambda env: scene.site.drain(env=env), wanted)


def first_start(scene):
    """Directories that are not there yet, a start, a post."""
    shutil.rmtree(scene.site.spool_dir)
    os.makedirs(scene.site.spool_dir, mode=0o770)
    scene.start()
    process = scene.receiver()
    scene.deliver(*scene.new_events())
    scene.site.stop(process)


def post(scene):
    scene.start()
    process = scene.receiver()
    scene.deliver(*scene.new_events())
    scene.site.stop(process)


def batch(scene):
    """Three posts in one turn, then one, while the drain has not run."""
    scene.start()
    process = scene.receiver()
    scene.deliver(*scene.new_events(3), to=process)
    scene.deliver(*scene.new_events())
    scene.site.stop(process)


def again(scene):
    """A post, its repetition, and one more when it is done."""
    scene.start()
    process = scene.receiver()
    body, = scene.new_events()
    scene.deliver(body)
    scene.deliver(body)
    scene.drain()
    scene.deliver(body)
    scene.site.stop(process)


def receiver_died(scene):
    """Between name and sync; another one takes the retry."""
    at = rehearse_a_post(scene)
    scene.start()
    body, = scene.new_events()
    dying = scene.receiver(scene.env({"SHIM_AT": at}, kills=True))
    equal(scene.deliver(body), [0], "a receiver dies between name and sync")
    scene.site.stop(dying)
    process = scene.receiver()
    scene.deliver(body)
    scene.site.stop(process)
    scene.drain()


def receiver_failed(scene):
    """The sync fails, and what it concerned is lost for good; then comes the retry."""
    at = rehearse_a_post(scene)
    scene.start()
    body, = scene.new_events()
    process = scene.receiver(scene.env({"SHIM_AT": at, "SHIM_ERRNO": str(errno.EIO)}))
    equal(scene.deliver(body), [503], "a receiver whose sync fails")
    equal(scene.deliver(body), [200], "takes the retry")
    scene.site.stop(process)
    scene.drain()


def drain_failed(scene):
    """The sync of a batch of mails fails; the next run makes them anew."""
    scene.waiting()
    at = rehearse_a_drain(scene, SYNC_OF_A_BATCH)
    scene.start()
    scene.drain(**scene.env({"SHIM_AT": at, "SHIM_ERRNO": str(errno.EIO)}))
    equal(scene.site.spool("out"), [], "the mails of a batch whose sync fails are taken back")
    scene.drain()


def drain_died(scene):
    """Between the yes and the rename to sent/; the next run sends once more."""
    scene.waiting()
    at = rehearse_a_drain(scene, RENAME_TO_SENT)
    scene.start()
    scene.drain(**scene.env({"SHIM_AT": at}, kills=True))
    equal(len(scene.site.server.accepted), 1, "a drain dies when the first mail is accepted")
    scene.site.make_due()
    scene.drain()


def drain_could_not_rename(scene):
    """The rename after the yes fails: the mail is marked, and never sent again."""
    scene.waiting()
    at = rehearse_a_drain(scene, RENAME_TO_SENT)
    scene.start()
    scene.drain(**scene.env({"SHIM_AT": at, "SHIM_ERRNO": str(errno.EROFS)}))
    equal(scene.site.spool("sent"), [], "a drain that cannot rename what was accepted")
    scene.drain()


def adopted(scene):
    """An event of somebody else's becomes the drain's own."""
    scene.waiting()
    if os.geteuid() == 0:
        for key in scene.story.posted:
            os.chown(scene.site.file("new", key), 12345, -1)
    scene.start()
    scene.drain()


def stale(scene):
    scene.start()
    process = scene.receiver()
    body, _ = aged("calcom", sample("calcom", "booking_created"), 86400)
    scene.story.held[key_of("calcom", body)] = body
    scene.deliver(body)
    scene.site.stop(process)


def mailing(scene):
    """Two events become four mails."""
    scene.waiting(2)
    scene.start()
    scene.drain()


def cancelled(scene):
    """A booking that is mailed, and its cancellation: two runs of one booking."""
    created = sample("calcom", "booking_created")
    scene.start()
    process = scene.receiver()
    for body in (created, created.replace(b"BOOKING_CREATED", b"BOOKING_CANCELLED")):
        scene.story.posted[key_of("calcom", body)] = body
        scene.deliver(body)
        scene.drain()
    scene.site.stop(process)


def senders(scene):
    """The same with two senders."""
    scene.waiting(2)
    scene.start()
    scene.drain(BOOKSPOOL_CONNECTIONS="2")


def from_post_to_sent(scene):
    scene.start()
    process = scene.receiver()
    scene.deliver(*scene.new_events(), to=process)
    scene.drain()
    scene.deliver(*scene.new_events())
    scene.drain()
    scene.site.stop(process)


def refused(scene):
    """One recipient is refused for good."""
    scene.waiting()
    scene.site.server.replies["RCPT"] = ["550 nobody", "250 fine"]
    scene.start()
    scene.drain()
    scene.story.refused.update(scene.site.spool("failed"))


def put_off(scene):
    """One recipient is refused for now, and accepted later."""
    scene.waiting()
    scene.site.server.replies["RCPT"] = ["451 not now", "250 fine"]
    scene.start()
    scene.drain()
    scene.site.make_due()
    scene.drain()


def tried_again(scene):
    """An operator moves a refused mail back to out/."""
    scene.waiting()
    scene.site.server.replies["RCPT"] = ["550 nobody", "250 fine"]
    scene.site.drain()
    for name in scene.site.spool("failed"):
        if not name.endswith(".why"):
            os.rename(scene.site.file("failed", name), scene.site.file("out", name))
    scene.story.earlier.update(scene.site.spool("sent"))
    scene.start()
    scene.drain()


def replay(scene):
    scene.story.quiet.update(scene.site.posted())
    scene.site.drain()
    scene.site.server.accepted.clear()
    scene.story.replayed.update(scene.story.quiet)
    scene.start()
    scene.tool("replay", *scene.story.replayed)
    scene.drain()


def replay_by_hand(scene):
    """An operator's copy, which nobody syncs but the drain before it claims it."""
    scene.story.quiet.update(scene.site.posted())
    scene.site.drain()
    scene.site.server.accepted.clear()
    key, = scene.story.quiet
    scene.story.replayed.add(key)
    scene.story.may_stay.add("replay/copy")
    scene.start()
    subprocess.run(["dd", f"if={scene.site.file('done', key)}", f"of={scene.site.file('replay', 'copy')}",
                    "status=none"], env=scene.site.env(scene.env()), check=True)
    scene.drain()


def torn(scene):
    """A torn file goes to bad/; an event that was repaired there comes back."""
    scene.waiting(2)
    broken, mended = scene.story.posted
    scene.story.answered.clear()
    with open(scene.site.file("new", broken), "r+b") as file:
        file.truncate(300)
    os.utime(scene.site.file("new", broken), (time.time() - 7200,) * 2)
    os.rename(scene.site.file("new", mended), scene.site.file("bad", mended))
    with open(scene.site.file("bad", mended + ".why"), "w", encoding="utf-8") as file:
        file.write("it was not whole\n")
    scene.story.may_stay |= {f"bad/{broken}", f"bad/{mended}"}
    scene.start()
    scene.drain()


def release(scene):
    """A held event is let go, and mailed."""
    body, _ = aged("calcom", sample("calcom", "booking_created"), 86400)
    key = key_of("calcom", body)
    scene.site.post(body)
    scene.story.held[key] = body
    scene.start()
    scene.tool("release", key)
    scene.drain()


def held_and_done(scene):
    """A held event whose copy came in time is dropped, and so is a late duplicate."""
    scene.waiting()
    key, = scene.story.posted
    shutil.copy(scene.site.file("new", key), scene.site.file("held", key))
    scene.start()
    scene.drain()
    shutil.copy(scene.site.file("done", key), scene.site.file("new", key))
    scene.drain()


def prune(scene):
    """Old names go, young ones and those in play stay."""
    scene.story.quiet.update(scene.site.posted(2))
    scene.site.drain()
    scene.site.server.accepted.clear()
    old, young = scene.story.quiet
    then = (time.time() - 40 * 86400,) * 2
    for path in [("done", old), *(("sent", name) for name in mail_names(old))]:
        os.utime(scene.site.file(*path), then)
    del scene.story.quiet[old]
    scene.story.kept += [f"spool/done/{young}", *(f"spool/sent/{n}" for n in mail_names(young))]
    scene.start()
    scene.tool("prune")


RECORDINGS = [first_start, post, batch, again, receiver_died, receiver_failed, stale, mailing, senders,
              from_post_to_sent, cancelled, refused, put_off, tried_again, drain_failed, drain_died,
              drain_could_not_rename, adopted, replay, replay_by_hand, torn, release, held_and_done,
              prune]


def record(site, make):
    site.fresh()
    site.drain()
    scene = Scene(site, make.__name__)
    make(scene)
    scene.end()
    return scene


# ---- promises ----


class Promise:
    """What holds at one position of a recording, from its beginning on, by all of its syncs."""

    def __init__(self, scene, split):
        self.disk = Disk(scene.log.baseline, split)
        self.answered, self.held, self.marks = set(scene.story.answered), set(), set()
        self.given, self.streams, self.last = Counter(scene.story.earlier), {}, None

    def apply(self, record):
        self.disk.apply(record)
        self.last = None
        if record.what == "mark":
            self.marks.add(" ".join(record.words))
        if record.what == "said":
            self._said(record.words[0], record.data)

    def _said(self, socket, data):
        found = re.search(rb'Status: (\d+).*"id":"([0-9a-f]{32})"', data, re.S)
        if found:
            (self.answered if found[1] == b"200" else self.held).add(found[2].decode())
        stream = self.streams[socket] = self.streams.get(socket, b"") + data
        if stream.endswith(b"\r\n.\r\n"):
            self.last = message_name(stream)
            self.given[self.last] += 1
            self.streams[socket] = b""

    def here(self):
        """Plain data for the processes that try."""
        settled = {name for name in self.given if self.disk.durable("spool/sent", name)
                   and not self.disk.durable("spool/out", name)}
        return {"answered": frozenset(self.answered), "held": frozenset(self.held),
                "marks": frozenset(self.marks), "given": dict(self.given),
                "perhaps": self.last, "open": frozenset(set(self.given) - settled)}


# ---- one state ----


class Trial:
    """One state, one order of what follows, and what is wrong with what came of it."""

    def __init__(self, site, story, case):
        self.site, self.story, self.tree = site, story, case["tree"]
        self.promise, self.retry_first = case["promise"], case["retry_first"]
        self.split = case["split"]
        self.breaches = []

    def expect(self, holds, what):
        if not holds:
            self.breaches.append(what)

    def on_disk(self, *path):
        return (self.tree.get("/".join(("spool", *path))) or (None,))[0]

    def run(self):
        self.site.fresh()
        build(self.tree, self.site.dir)
        self.look()
        if self.retry_first:
            self.deliver(key for key in self.story.posted if key not in self.promise["answered"])
        self.settle()
        self.expect_mailed(self.promise["answered"] & set(self.story.posted), "without a retry")
        self.deliver([*self.story.posted, *self.story.quiet])
        if any(self.site.spool(d) for d in ("new", "out", "replay")):
            self.settle()
        self.judge()
        return self.breaches

    # ---- the state as it lies ----

    def look(self):
        for key in self.promise["answered"]:
            events = [self.on_disk(d, key) for d in ("new", "done")]
            mails = [any(self.on_disk(d, name) for d in ("out", "sent", "failed"))
                     or self.certain(name) for name in mail_names(key)]
            self.expect(any(data and whole(data) for data in events) or all(mails),
                        f"{key} was answered 200, and is nowhere")
        for key in self.promise["held"] & set(self.story.held):
            self.expect(any(self.on_disk(d, key) for d in ("held", "new", "done")),
                        f"{key} was held, and is nowhere")
        for path in self.tree:
            if re.match(r"spool/(failed|bad)/.*[0-9a-f]$", path) and not self.mended(path):
                why = (self.tree.get(path + ".why") or (b"",))[0]
                self.expect(why.endswith(b"\n"), f"{path} has no reason beside it")
        for path in self.story.kept:
            self.expect(path in self.tree, f"{path} is gone")

    def mended(self, path):
        """A whole event goes back from bad/ to new/, and needs no reason any more."""
        return path.startswith("spool/bad/") and whole(self.tree[path][0])

    # ---- what follows ----

    def deliver(self, keys):
        for key in keys:
            body = self.story.posted.get(key) or self.story.quiet[key]
            status, said = self.site.post(body)
            self.expect(status == 200, f"a retry of {key} is answered {status} {said}")

    def settle(self):
        status, said = self.site.settle()
        self.expect(status == 0, f"the drain ends with {status}: {said[-400:]}")

    # ---- what came of it ----

    def before(self, name):
        return self.promise["given"].get(name, 0)

    def certain(self, name):
        """The server may not have seen the last bytes, if they were the last thing before the cut."""
        return self.before(name) - (name == self.promise["perhaps"])

    def given_up(self, name):
        lies = self.site.spool("failed")
        return name + ".why" in lies and (name in lies or self.split)

    def expect_mailed(self, keys, how):
        accepted = self.site.accepted()
        for name in (name for key in keys for name in mail_names(key)):
            self.expect(accepted[name] + self.certain(name) >= 1
                        or (name in self.story.refused and self.given_up(name)),
                        f"{name} is not mailed {how}")

    def most(self, name):
        """How often a mail may still go out after the cut."""
        return 1 if not self.before(name) or name in self.promise["open"] else 0

    def judge(self):
        accepted = self.site.accepted()
        self.expect_mailed(self.story.posted, "in the end")
        for key in self.story.posted:
            self.expect(key in self.site.spool("done"), f"{key} is not in done/")
        allowed = set(self.story.expected())
        allowed |= self.judge_replays(accepted) | self.judge_held(accepted)
        for name, count in accepted.items():
            self.expect(name in allowed, f"{name} should not be mailed")
            self.expect(count <= self.most(name),
                        f"{name} is mailed {count} times after {self.before(name)} times")
        for message in self.site.server.accepted:
            self.judge_message(message)
        self.judge_ledger()
        left = [f"{d}/{n}" for d in ("new", "out", "replay", "bad") for n in self.site.spool(d)
                if f"{d}/{n.removesuffix('.why')}" not in self.story.may_stay]
        self.expect(not left, f"left over: {left}")

    def judge_replays(self, accepted):
        names = {n for n in [*accepted, *self.promise["given"]] if n and "." in n}
        for key in self.story.replayed:
            claims = {n.partition("-")[0] for n in names if n.startswith(key)}
            least = 1 if f"replay {key}" in self.promise["marks"] else 0
            self.expect(least <= len(claims) <= 1, f"{key} is mailed again as {claims}")
            for name in (name for claim in claims for name in mail_names(claim)):
                self.expect(accepted[name] + self.certain(name) >= 1, f"{name} is not mailed")
        return {n for n in names if n.partition(".")[0] in self.story.replayed}

    def judge_held(self, accepted):
        for key in self.story.held:
            mailed = [accepted[name] + self.before(name) > 0 for name in mail_names(key)]
            if f"release {key}" in self.promise["marks"]:
                self.expect(all(mailed), f"{key} was released and is not mailed")
            elif key in self.promise["held"]:
                self.expect(all(mailed) or key in self.site.spool("held"), f"{key} is lost")
        return {name for key in self.story.held for name in mail_names(key)}

    def judge_ledger(self):
        path = os.path.join(self.site.state_dir, "ledger.db")
        if os.path.exists(path):
            with closing(sqlite3.connect(path)) as ledger:
                said = ledger.execute("pragma integrity_check").fetchall()
            self.expect(said == [("ok",)], f"the ledger is damaged: {said}")

    def judge_message(self, message):
        """It is what the spool holds, and what was said before the cut."""
        name = message_name(message)
        if name not in self.site.spool("sent"):
            self.breaches.append(f"{name} is not in sent/")
            return
        with open(self.site.file("sent", name), "rb") as file:
            data = file.read()
        self.expect(whole(data) and data.partition(b"\n\n")[2].rstrip() == message.rstrip(),
                    f"{name} is not mailed as it lies in sent/")
        if self.before(name) and not self.split:
            self.expect(message == self.story.messages[name], f"the repeat of {name} differs")


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


def cases(scene, chance, most, split=False, without=()):
    """States of a recording, each once; `without` are the places of syncs that are ignored."""
    disk, promise, seen = Disk(scene.log.baseline, split), Promise(scene, split), set()
    for at, record in enumerate(scene.log.records):
        hidden = disk.hidden(record)
        disk.apply(record, at in without)
        promise.apply(record)
        if hidden or (without and at < without[0]):
            continue
        here = promise.here()
        for tree in states(disk, chance, most):
            mark = fingerprint(tree) + str(sorted((k, str(v)) for k, v in here.items()))
            if mark not in seen:
                seen.add(mark)
                yield {"tree": tree, "promise": here, "at": at, "split": split,
                       "retry_first": chance.random() < 0.5}


def describe(scene, case, breaches):
    log = scene.log.records
    place = [f"{i}: {log[i]!r}" for i in range(max(0, case["at"] - 3), case["at"] + 1)]
    lies = [f"{path} {'torn' if data is not None and not whole(data) else ''}"
            for path, (data, _, _) in sorted(case["tree"].items())
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


def check(pool, scene, split=False):
    chance = random.Random(SEED)
    found = list(cases(scene, chance, MOST, split))
    trials, broken = try_all(pool, scene, found, TRIALS, chance)
    ok(trials and not broken, f"{scene.name}: {trials} of {len(found)} states"
       + (", a rename being two steps" if split else ""), "\n".join(broken[:3]))
    return trials


def label(scene, disk, record, nth):
    """Who syncs what; of the syncs of the whole file system, the how manieth of its process."""
    # who has no start was forked, and only the drain forks
    who = next((r.words[0] for r in scene.log.records if r.what == "start" and r.pid == record.pid),
               "bookspool-drain").removeprefix("bookspool-")
    if record.what == "syncfs":
        return f"{who}: syncfs {nth}"
    inode = disk.inodes.get(record.words[0])
    path = inode and (inode.folder + "/" if inode.folder else disk.name_of(inode))
    path = re.sub("[0-9a-f]{8}.*?([.]why)?$", r"KEY\1", path or "?")
    return f"{who}: fsync {path}"


def syncs(scene):
    """The places of the syncs that succeeded, by what they sync."""
    disk, found, seen = Disk(scene.log.baseline), {}, Counter()
    for at, record in enumerate(scene.log.records):
        if record.what in ("sync", "syncfs") and record.words[-1] == "0":
            seen[record.pid] += record.what == "syncfs"
            found.setdefault(label(scene, disk, record, seen[record.pid]), []).append(at)
        disk.apply(record)
    return found


def without(pool, scene, places, split=False):
    """(trials, a breach or none) when the syncs at these places had not been made."""
    chance = random.Random(SEED)
    found = list(cases(scene, chance, MOST, split, places))
    return try_all(pool, scene, found, TRIALS_WITHOUT, chance, stop=True)


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
        self.seen, self.needed = {}, {False: set(), True: set()}

    def look(self, pool, scene):
        trials = 0
        for what, places in syncs(scene).items():
            self.seen.setdefault(what, []).append(scene.name)
            for split in (False, True):
                if what not in self.needed[split]:
                    done, broken = without(pool, scene, places, split)
                    trials += done
                    self.needed[split] |= {what} if broken else set()
        return trials

    def judge(self):
        for what, names in sorted(self.seen.items()):
            diag(f"{what}: " + ("needed" if what in self.needed[False] else
                                "needed if a rename is two steps" if what in self.needed[True] else
                                "not needed") + f" (in {len(names)} recordings)")
        equal(sorted(set(self.seen) - self.needed[False]), sorted(NOT_NEEDED),
              "each sync is needed, but for those that are known not to be")


def run_all(pool, site):
    total, all_syncs = 0, Syncs()
    for make in RECORDINGS:
        if ONLY and make.__name__ not in ONLY:
            continue
        scene = record(site, make)
        total += check(pool, scene)
        if FULL:
            total += check(pool, scene, split=True) + all_syncs.look(pool, scene)
        else:
            total += check_needed(pool, scene)
    if FULL and not ONLY:
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
