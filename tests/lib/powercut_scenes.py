"""What is recorded for tests/powercut.t: small stories of receiver, drain and tool.

Each function of RECORDINGS makes the spool ready, starts the recording and lets the programs run;
record() gives its Scene, with what happened (scene.log) and what it must come to (scene.story).
"""

import errno
import os
import re
import shutil
import signal
import subprocess
import time

from bookspool import BIN, ENDPOINT, aged, bail, equal, id_of, sample, sign
from fcgi import Client, params, request
from powercut import Recording
from powercut_site import mail_names, message_name

SHIM = os.path.join(BIN, "tests/shim.so")


# ---- a recording being made ----


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
        env = self.log.env
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
        self.story.posted.update((id_of("calcom", body), body) for body in bodies)
        return bodies

    def waiting(self, count=1):
        """So many events in new/, whose posts were answered 200."""
        events = self.site.posted(count)
        self.story.posted.update(events)
        self.story.answered.update(events)

    def drain(self, **env):
        if self.site.drain(env={**self.env(), **env}).returncode == 0:
            self.log.mark("drained")

    def tool(self, *args):
        done = self.site.run("bookspool", *args, env=self.env())
        if done.returncode:
            bail(f"bookspool {args}: {done.stderr}")
        self.log.mark(*args)

    def end(self):
        self.log.close()
        for message in self.site.server.accepted:
            self.story.messages[message_name(message)] = message


# ---- deaths and failures at one call ----


def rehearse(scene, run, wanted):
    """Runs something on a copy: for the shim, the call that the pattern ends with."""
    site, log = scene.site, scene.site.path("calls.log")
    for directory in ("spool", "state"):
        shutil.copytree(site.path(directory), site.path("kept", directory))
    run({"LD_PRELOAD": SHIM, "SHIM_AT": "0", "SHIM_LOG": log})
    for directory in ("spool", "state"):
        shutil.rmtree(site.path(directory))
        os.rename(site.path("kept", directory), site.path(directory))
    site.server.accepted.clear()
    calls = site.log("calls.log")
    os.unlink(log)
    found = re.search(wanted, calls) or bail(f"no call {wanted}")
    before = [line.split(" ")[1] for line in calls[:found.end()].splitlines()]
    return {"SHIM_CALL": before[-1], "SHIM_AT": str(before.count(before[-1]))}


SYNC_OF_A_POST = r"renameat2 \S+ [0-9a-f]{32}\n(?:.*\n)*?\d+ fsync"
SYNC_OF_A_BATCH = r"renameat \S+ [0-9a-f]{32}-[0-9a-f]{12}\n(?:.*\n)*?\d+ syncfs"
RENAME_TO_SENT = r"fchmodat .*\n(?:.*\n)*?\d+ renameat"


def rehearse_a_post(scene):
    def run(env):
        process = scene.receiver(env)
        scene.deliver(sample("calcom", "booking_created"))
        scene.site.stop(process)
    return rehearse(scene, run, SYNC_OF_A_POST)


def rehearse_a_drain(scene, wanted):
    return rehearse(scene, lambda env: scene.site.drain(env=env), wanted)


# ---- the stories ----


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
    dying = scene.receiver(scene.env(at, kills=True))
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
    process = scene.receiver(scene.env({**at, "SHIM_ERRNO": str(errno.EIO)}))
    equal(scene.deliver(body), [503], "a receiver whose sync fails")
    equal(scene.deliver(body), [200], "takes the retry")
    scene.site.stop(process)
    scene.drain()


def drain_failed(scene):
    """The sync of a batch of mails fails; the next run makes them anew."""
    scene.waiting()
    at = rehearse_a_drain(scene, SYNC_OF_A_BATCH)
    scene.start()
    scene.drain(**scene.env({**at, "SHIM_ERRNO": str(errno.EIO)}))
    equal(scene.site.spool("out"), [], "the mails of a batch whose sync fails are taken back")
    scene.drain()


def drain_died(scene):
    """Between the yes and the rename to sent/; the next run sends once more."""
    scene.waiting()
    at = rehearse_a_drain(scene, RENAME_TO_SENT)
    scene.start()
    scene.drain(**scene.env(at, kills=True))
    equal(len(scene.site.server.accepted), 1, "a drain dies when the first mail is accepted")
    scene.site.make_due()
    scene.drain()


def drain_could_not_rename(scene):
    """The rename after the yes fails: the mail is marked, and never sent again."""
    scene.waiting()
    at = rehearse_a_drain(scene, RENAME_TO_SENT)
    scene.start()
    scene.drain(**scene.env({**at, "SHIM_ERRNO": str(errno.EROFS)}))
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
    scene.story.held[id_of("calcom", body)] = body
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
        scene.story.posted[id_of("calcom", body)] = body
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
    subprocess.run(["dd", f"if={scene.site.file('done', key)}",
                    f"of={scene.site.file('replay', 'copy')}", "status=none"],
                   env=scene.site.env(scene.env()), check=True)
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
    key = id_of("calcom", body)
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


RECORDINGS = [first_start, post, batch, again, receiver_died, receiver_failed, stale,
              mailing, senders, from_post_to_sent, cancelled, refused, put_off, tried_again,
              drain_failed, drain_died, drain_could_not_rename, adopted,
              replay, replay_by_hand, torn, release, held_and_done, prune]


def record(site, make):
    site.fresh()
    site.drain()
    scene = Scene(site, make.__name__)
    make(scene)
    scene.end()
    return scene
