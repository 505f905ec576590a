#!/usr/bin/python3
"""Real limits: no inode left, directories taken away or given to others under running programs, a
clock that jumps by an hour, and very many files. LIMITS=full takes 100,000 files in new/ and 1,000,000
names in done/, the short form a fifth and a tenth of that.

What mounts does so in a mount namespace of its own, which nothing outlives.
"""

import ctypes
import os
import re
import shutil
import subprocess
import sys
import time
from collections import Counter

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from bookspool import (BIN, ENDPOINT, PATIENCE, World, aged, bail, diag, equal,  # noqa: E402
                       event_file, finish, is_root, id_of, match, may_mount, ok, program,
                       run_parts, sample, sign, skip, wait_for)
from fcgi import Client, params, request  # noqa: E402
from smtp_peer import Scripted  # noqa: E402

FULL = os.environ.get("LIMITS") == "full"
WAITING, REMEMBERED = (100_000, 1_000_000) if FULL else (20_000, 100_000)
SANITIZED = os.path.basename(BIN) == "asan"
NOBODY = 65534
POSTS = 40
FILE_CALLS = re.compile(r"open|stat|rename|sync|unlink|link|access|getdents|pwrite|fcntl")
PR_SET_CHILD_SUBREAPER = 36  # linux/prctl.h


class Limits(World):
    def mount(self, options):
        """The spool becomes a small file system of its own, where that is possible."""
        self.mounted = MOUNTS and subprocess.run(
            ["mount", "-t", "tmpfs", "-o", options, "bookspool-test", self.spool_dir],
            capture_output=True).returncode == 0
        return self.mounted

    def __exit__(self, *how):
        super().__exit__(*how)
        if getattr(self, "mounted", False):
            subprocess.run(["umount", self.spool_dir], check=True)
            shutil.rmtree(self.dir)

    def post(self, body, at=None, provider="calcom"):
        """The status of the answer."""
        headers = sign(provider, body, self.secret[provider], at)
        with Client(self.socket) as client:
            client.send(request(params("POST", ENDPOINT[provider], body, headers), body))
            return client.answer().status

    def health(self):
        with Client(self.socket) as client:
            client.send(request(params("GET", "/api/health")))
            return client.answer().status

    def said(self, pattern, since):
        """Waits for the log of the receiver to say so, after its first `since` characters."""
        return wait_for(lambda: re.search(pattern, self.log()[since:]))


def new_body():
    return sample("calcom", "booking_created")


# ---- inodes ----


def take_all_inodes(spool):
    count = 0
    try:
        while True:
            os.close(os.open(os.path.join(spool, f"ballast-{count}"), os.O_CREAT | os.O_WRONLY))
            count += 1
    except OSError:
        return count


def no_inode_left(world):
    world.start_receiver()
    before = new_body()
    equal(world.post(before), 200, "an event while there is room")
    taken = take_all_inodes(world.spool_dir)
    body = new_body()
    since = len(world.log())
    equal(world.post(body), 503, "no inode left: 503")
    ok(world.said(r"spool-failed: create tmp/\S+: No space left", since), "and the log names the step")
    equal((world.spool("tmp"), world.spool("new")), ([], [id_of("calcom", before)]), "no file")
    done = world.drain()
    equal(done.returncode, 74, "the drain ends before it sends anything")
    match(done.stderr, r"spool-failed: (create|open) \S+.*: No space left", "and says at which step")
    for number in range(taken):
        os.unlink(world.file(f"ballast-{number}"))
    equal(world.post(body), 200, "with inodes the retry is accepted")
    equal((world.drain().returncode, len(world.mails())), (0, 2), "and both are mailed")


def inodes():
    with Limits() as world:
        if world.mount("size=4m,nr_inodes=60,mode=0770"):
            no_inode_left(world)
        else:
            skip("no small file system can be mounted here", 8)


# ---- directories taken away ----


class Stranger(Limits):
    """Its programs run as nobody, where root may do anything: from a copy that nobody can reach."""

    def __init__(self):
        super().__init__()
        self.start_receiver_of_nobody()

    def start_receiver_of_nobody(self):
        os.chmod(self.dir, 0o711)
        for folder, _, files in os.walk(self.dir):
            for name in [".", *files]:
                os.chown(os.path.join(folder, name), NOBODY, NOBODY)
        for name in ("bookspool-fcgi", "bookspool-drain"):
            shutil.copy(os.path.join(BIN, name), self.path(name))
        self.socket = self.path("state/fcgi.sock")

    def as_nobody(self, name, *args):
        return ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups",
                self.path(name), *args]

    def start_receiver(self, env=None, workers=0):
        process = self.start(self.as_nobody("bookspool-fcgi", "--listen", "unix:" + self.socket),
                             "receiver.log", env)
        self.wait_until_up(process, self.socket, "receiver.log")
        return process

    def drain(self, *args, env=None):
        return subprocess.run(self.as_nobody("bookspool-drain", *args), env=self.env(env),
                              cwd=self.dir, text=True, capture_output=True, timeout=2 * PATIENCE)


def closed(path):
    os.chmod(path, 0)
    return lambda: os.chmod(path, 0o2770)


def given_away(path):
    os.chown(path, 0, 0)
    os.chmod(path, 0o700)

    def back():
        os.chown(path, NOBODY, NOBODY)
        os.chmod(path, 0o2770)
    return back


def taken_away():
    """No running program holds a 200 that is not kept, whatever becomes of its directories."""
    if not is_root() or not shutil.which("setpriv"):
        return skip("needs root, to be somebody else", 1)
    with Stranger() as world:
        world.start_receiver()
        accepted = 0
        for how in (closed, given_away):
            for name in ("new", "tmp"):
                what = f"{name}/ {how.__name__.replace('_', ' ')}"
                body, since = new_body(), len(world.log())
                mend = how(world.file(name))
                equal((world.post(body), world.health()), (503, 503), f"{what}: 503, health too")
                ok(world.said(rf"spool-failed: \w+ {name}/.*: Permission denied", since),
                   f"{what}: the log names the step", world.log()[since:])
                done = world.drain()
                ok(done.returncode in (74, 78) and name in done.stderr,
                   f"{what}: the drain fails and says where", (done.returncode, done.stderr))
                mend()
                equal(world.post(body), 200, f"{what}: put right, the retry is accepted")
                accepted += 1
            for name in ("out", "sent", "done"):
                what = f"{name}/ {how.__name__.replace('_', ' ')}"
                mend = how(world.file(name))
                body = new_body()
                status = world.post(body)
                ok(status in (200, 503), f"{what}: the receiver answers", status)
                done = world.drain()
                ok(done.returncode in (74, 78) and name in done.stderr,
                   f"{what}: the drain fails and says where", (done.returncode, done.stderr))
                mend()
                equal(world.post(body), 200, f"{what}: put right, it is there")
                accepted += 1
        equal((world.drain().returncode, len(world.mails())), (0, accepted), "each mailed once")
    return None


def removed():
    """A directory that is removed is not the one that is made anew: the receiver says 503 until it is
    started again, as the page says."""
    with Limits() as world:
        receiver = world.start_receiver()
        first = new_body()
        equal(world.post(first), 200, "an event before")
        world.drain()
        for name in ("new", "tmp"):
            os.rmdir(world.file(name))
            body, since = new_body(), len(world.log())
            equal(world.post(body), 503, f"{name}/ removed: 503")
            ok(world.said(r"spool-failed: \w+ \w+/.*: No such file", since), "and a line in the log")
            equal(world.drain().returncode, 0, "the drain makes it anew")
            equal(world.post(body), 503, "which the receiver does not know")
            world.stop(receiver)
            receiver = world.start_receiver()
            equal(world.post(body), 200, "started again it accepts the retry")
            world.drain()
        equal(len(world.mails()), 3, "each is mailed once")
        moved = world.path("away")
        os.rename(world.spool_dir, moved)
        body = new_body()
        equal(world.post(body), 200, "a spool that was moved is still the same one")
        equal(world.drain().returncode, 78, "but the drain does not find it")
        os.rename(moved, world.spool_dir)
        equal((world.drain().returncode, len(world.mails())), (0, 4), "until it is back")


# ---- the clock ----


def accepted_mails(peer):
    found = (re.search(rb"(?im)^message-id: *<([^@>]+)@", message) for message in peer.accepted)
    return Counter(match[1].decode() for match in found)


def jumps():
    """Genuine bookings through a clock that jumps an hour ahead, back, behind, and back."""
    with Scripted({"RCPT": ["250 ok", "450 not now", "250 ok"]}) as peer, \
            Limits({"BOOKSPOOL_TRANSPORT": f"smtp+plain://127.0.0.1:{peer.port}",
                    "BOOKSPOOL_RETRY_MAX": "30m"}) as world:
        # What lies further ahead than the longest delay is due; the files' own times do not jump.
        if SANITIZED:
            return skip("a sanitizer must come before what is preloaded", 1)
        # a confined program may not read the file that says what its clock is
        env = {"LD_PRELOAD": os.path.join(BIN, "tests/clock.so"), "CLOCK_FILE": world.path("ahead"),
               "BOOKSPOOL_SANDBOX": "off"}

        def jump(seconds):
            with open(world.path("ahead"), "w", encoding="ascii") as file:
                file.write(str(seconds))

        def drain():
            return world.drain(env=env).returncode
        jump(0)
        world.start_receiver(env)
        drain()  # the stamp of prune
        steady, ahead, waits, behind = (new_body() for _ in range(4))
        equal((world.post(steady), drain()), (200, 0), "before")
        jump(3600)
        match(world.drain(env=env).stderr + "-", "^-$", "an hour ahead: a run without work says nothing")
        equal(world.post(steady), 403, "an hour ahead: what came before is stale")
        equal(world.post(ahead), 403, "so is a new one, by a clock that is wrong")
        equal(world.spool("held"), [id_of("calcom", ahead)], "it is held, and not lost")
        fresh, at = aged("calcom", waits, -3600)
        equal((world.post(fresh), drain()), (200, 0), "one that is signed by the same clock is accepted")
        equal(len(world.spool("out")), 1, "its mail is refused for now")
        jump(0)
        equal((world.post(ahead), drain()), (200, 0), "the clock goes back: the retry is accepted")
        equal((world.spool("held"), world.spool("out")), ([], []),
              "the held copy goes, and a next attempt that is too far ahead is now")
        shutil.copy(world.file("done", id_of("calcom", steady)), world.file("replay", "x"))
        equal(drain(), 0, "a replay")
        jump(-3600)
        shutil.copy(world.file("done", id_of("calcom", steady)), world.file("replay", "x"))
        behind, at = aged("calcom", behind, 3600)
        equal((world.post(behind), drain()), (200, 0), "an hour behind: an event, and another replay")
        equal((world.spool("new"), world.spool("replay"), world.spool("out")), ([], [], []),
              "nothing waits for the clock")
        jump(0)
        equal(drain(), 0, "the clock is right again")
        equal((len(world.spool("done")), len(world.spool("sent"))), (4, 6), "nothing is forgotten")
        counts = accepted_mails(peer)
        equal(sorted(counts.values()), [1] * 6, "four events and two replays, each mailed once")
    return None


# ---- very many ----


def fill(world, directory, count, data, mtime):
    """So many names; hard links, of which a file cannot have any number everywhere."""
    made = 0
    while made < count:
        first = world.file(directory, f"{made:032x}")
        with open(first, "wb") as file:
            file.write(data)
        os.utime(first, (mtime, mtime))
        for number in range(made + 1, min(count, made + 30_000)):
            os.link(first, world.file(directory, f"{number:032x}"))
        made = min(count, made + 30_000)


def crowd(world):
    """new/: events whose time has not come; done/: names that are old enough for nothing."""
    data = event_file("calcom", b"{}", Id=f"{0:032x}")
    fill(world, "new", WAITING, data, time.time() + 3000)
    fill(world, "done", REMEMBERED, data, time.time() - 86400)


def post_some(world):
    for _ in range(POSTS):
        if world.post(new_body()) != 200:
            bail("a post is refused")


def peak(process):
    """The most memory that it had, in KiB."""
    with open(f"/proc/{process.pid}/status", encoding="ascii") as file:
        return int(re.search(r"VmHWM:\s+(\d+)", file.read())[1])


def receiver_memory(world):
    process = world.start_receiver()
    post_some(world)
    high = peak(process)
    world.stop(process)
    return high


def receiver_cost(world):
    """(instructions, calls to the file system by name) of a run with so many posts"""
    trace, out = world.path("trace"), world.path("callgrind")
    process = world.start(["valgrind", "--tool=callgrind", "--trace-syscalls=yes",
                           f"--log-file={trace}", f"--callgrind-out-file={out}",
                           *program("bookspool-fcgi"), "--listen", "unix:" + world.socket],
                          "receiver.log")
    world.wait_until_up(process, world.socket, "receiver.log")
    post_some(world)
    world.stop(process)
    with open(out, encoding="ascii", errors="replace") as file:
        instructions = int(re.search(r"(?m)^(?:totals|summary): (\d+)", file.read())[1])
    # The file of counters is looked at once a second, however many requests come.
    calls = Counter(re.findall(r"SYSCALL\[[^]]*\]\( *\d+\) *sys_(\w+)(?!.*/counters\))", world.log("trace")))
    os.unlink(trace)
    return instructions, {name: count for name, count in calls.items() if FILE_CALLS.search(name)}


def drain_memory(world):
    """KiB at most, of a run that finds nothing to do. The shell is in between, because a process
    begins with the peak of the one that started it, and Python's is high."""
    if ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0):
        bail("no subreaper")
    started = subprocess.run(["sh", "-c", '"$@" >>drain.log 2>&1 & echo $!', "sh",
                              *program("bookspool-drain")],
                             env=world.env(), cwd=world.dir, capture_output=True, text=True)
    _, status, usage = os.wait4(int(started.stdout), 0)
    if status:
        bail(f"the drain ends with {status}: {world.log('drain.log')[-500:]}")
    return usage.ru_maxrss


def prune_is_due(world):
    yesterday = time.time() - 90000
    os.utime(world.file(".pruned"), (yesterday, yesterday))


def very_many():
    if SANITIZED:
        return skip("memory and instructions are those of a sanitizer", 1)
    with Limits({"BOOKSPOOL_MOVE_WAIT": "1h"}) as world:
        world.mount("size=2g,nr_inodes=3000000,mode=0770")
        world.drain()
        empty = receiver_memory(world), receiver_cost(world)
        equal(world.drain().returncode, 0, "the drain with little to do")
        small = drain_memory(world)
        crowd(world)
        full = receiver_memory(world), receiver_cost(world)
        world.drain()
        big = drain_memory(world)
        prune_is_due(world)
        pruning = drain_memory(world)
        diag(f"{WAITING} in new/, {REMEMBERED} in done/: receiver {empty[0]} -> {full[0]} KiB, "
             f"{empty[1][0] // POSTS} -> {full[1][0] // POSTS} instructions a request; drain {small} -> {big} KiB, {pruning} while it prunes")
        ok(empty[1][1]["fsync"] >= 2 * POSTS, "the trace sees what a request costs", empty[1][1])
        ok(full[0] < empty[0] + 512, "the receiver's memory stays flat", (empty[0], full[0]))
        ok(full[1][0] < empty[1][0] * 1.02, "its instructions a request do not grow",
           (empty[1][0], full[1][0]))
        equal(full[1][1], empty[1][1], "nor its calls to the file system")
        ok(big < small + WAITING * 200 // 1024, "the drain takes at most 200 bytes a file that waits",
           (small, big))
        ok(pruning < small + REMEMBERED * 200 // 1024, "and, once a day, a name that is remembered",
           (small, pruning))
    return None


MOUNTS = may_mount()
run_parts((inodes, taken_away, removed, jumps, very_many))
finish()
