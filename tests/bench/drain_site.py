"""What the benches of the drain share: a spool with waiting events, and what a run of it cost.

    with ram_disk() as disk, Site(disk, {"BOOKSPOOL_TRANSPORT": "..."}) as site:
        site.put_events(10_000)
        cost = site.measured()          # Cost(wall, user, system, status), seconds

Everything lies on an ext4 with a journal on a loop file in memory: without a journal creating is slow
after mass unlinks, and the machine's own disk would be what is measured. Where nothing may be
mounted it is a folder of /dev/shm, which says less: syncs cost nothing there.
"""

import contextlib
import datetime
import itertools
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections import namedtuple

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../lib"))
from bookspool import World, may_mount, program, sample, utc  # noqa: E402

Cost = namedtuple("Cost", "wall user system status")
START = datetime.datetime(2027, 1, 4, 8, tzinfo=datetime.timezone.utc)


def run(*command):
    subprocess.run(command, check=True, capture_output=True)


def exactly(text, value, wanted):
    return {"text": text, "measured": str(value), "met": value == wanted}


# ---- the disk ----

DISK_BYTES = 4 << 30  # sparse: only what is written takes memory


@contextlib.contextmanager
def ram_disk(plain=False, files=500_000):
    """The path of an empty directory on such a disk, or in a plain folder. Nothing outlives it."""
    ram = tempfile.mkdtemp(prefix="bookspool-disk-", dir="/dev/shm")
    disk, mounted = os.path.join(ram, "disk"), []
    try:
        os.mkdir(disk)
        if not plain and may_mount():
            image = os.path.join(ram, "image")
            with open(image, "wb") as file:
                file.truncate(DISK_BYTES)
            run("mkfs.ext4", "-q", "-F", "-N", str(files), "-E",
                "lazy_itable_init=0,lazy_journal_init=0", image)
            run("mount", "-o", "loop,noatime", image, disk)
            mounted.append(disk)
        os.chmod(disk, 0o711)
        yield disk
    finally:
        for path in mounted:
            run("umount", path)
        shutil.rmtree(ram)


# ---- events ----


_KINDS = {"calcom": "booking_created", "calendly": "invitee_created"}


def booking(provider, number):
    """The body of a new booking that lasts half an hour and overlaps with no other one."""
    event = json.loads(sample(provider, _KINDS[provider], fresh=False))
    start = START + datetime.timedelta(minutes=30 * number)
    end = start + datetime.timedelta(minutes=30)
    payload = event["payload"]
    event["createdAt" if provider == "calcom" else "created_at"] = utc(time.time())
    if provider == "calcom":
        payload.update(uid=f"uid{number}", startTime=utc(start), endTime=utc(end))
    else:
        uri = f"https://api.calendly.com/scheduled_events/{number:032x}"
        payload.update(uri=f"{uri}/invitees/{number:032x}", event=uri)
        payload["scheduled_event"].update(uri=uri, start_time=utc(start), end_time=utc(end))
    return json.dumps(event, separators=(",", ":"), ensure_ascii=False).encode()


# ---- a site ----


class Site(World):
    """A world on that disk, whose programs log into files."""

    def __init__(self, disk, settings=None):
        tempfile.tempdir = disk
        super().__init__(settings)
        tempfile.tempdir = None
        self.numbers = itertools.count()
        for name in ("new", "out"):
            os.makedirs(self.file(name), exist_ok=True)

    def put_events(self, count):
        """Bookings of both providers by turns, which arrived a moment ago."""
        now = utc(time.time())
        for number in itertools.islice(self.numbers, count):
            provider = ("calcom", "calendly")[number % 2]
            self.put_event("new", provider, booking(provider, number), Received=now)
        os.sync()

    def make_due(self):
        """No mail waits for its next attempt."""
        for name in os.listdir(self.file("out")):
            os.utime(self.file("out", name))

    def measured(self, env=None, wrap=()):
        """One run of the drain. The processor time is that of all its processes."""
        with open(self.path("drain.log"), "ab") as log:
            begin = time.monotonic()
            process = subprocess.Popen([*wrap, *program("bookspool-drain")], env=self.env(env),
                                       cwd=self.dir, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
        return Cost(time.monotonic() - begin, usage.ru_utime, usage.ru_stime, process.returncode)

    def compose(self, count):
        """The cost of turning so many events into mails in out/, all of them due."""
        self.put_events(count)
        with closed_port() as port:  # the first mail finds nobody, and the run holds
            cost = self.measured({"BOOKSPOOL_TRANSPORT": f"smtp+plain://127.0.0.1:{port}"})
        self.make_due()
        return cost


@contextlib.contextmanager
def closed_port():
    """A port of this machine on which nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]
