"""A disk that writes down all that is asked of it, and what a power cut may leave of it.

    with LoggedDisk(folder, "btrfs") as disk:       # a new file system, mounted at disk.path
        ... programs write, disk.mark("200", key) ...
        disk.stop()                                 # unmounted, and nothing more is logged
        for cut in Cuts(disk, random.Random(seed), 200, image):     # in the order of the log
            with mounted(cut.image, disk.kind, disk.path): ...      # cut.marks: those before it

The disk is a file in FUSE (tests/bench/slowdisk.c) under a loop device. The kernel sends it writes and
flushes; a write with FUA comes as a write and a flush, for the loop device has no FUA. A power cut
at some place of the log leaves all writes before the last flush, and any of those that came after
it: all, none, the first ones, all but one, or by chance, and one of them may be torn at a block of
4096 bytes, the unit in which disks write. Caches may write in any order.

Mounts are made in a mount namespace of the test's own (may_mount), and loop devices by mount(8),
which frees them when they are unmounted: nothing outlives the test.
"""

import mmap
import os
import shutil
import struct
import subprocess
import sys
from contextlib import contextmanager

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "bench"))
from bookspool import wait_for  # noqa: E402
from common import Missing, die_with_parent, helper  # noqa: E402

WRITE, FLUSH, MARK = 1, 2, 3
HEAD = struct.Struct("=QQQ")  # of slowdisk's log: kind, offset, length
BLOCK = 4096
SBIN = "/usr/sbin:/sbin:/usr/bin:/bin"

# The smallest disk of each, how it is made, how its copy is mounted (XFS refuses a UUID it knows).
FILE_SYSTEMS = {
    "ext4": (64 << 20, ["mkfs.ext4", "-q", "-F"], "loop"),
    "xfs": (320 << 20, ["mkfs.xfs", "-q", "-f", "-K"], "loop,nouuid"),
    "btrfs": (256 << 20, ["mkfs.btrfs", "-q", "-f", "--nodiscard"], "loop"),
}


def run(*command):
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise Missing(f"{' '.join(command)}: {done.stderr.strip()}")


def why_not(kind):
    """What this machine lacks for a logged disk with this file system; None: nothing."""
    make = FILE_SYSTEMS[kind][1][0]
    if not shutil.which(make, path=SBIN):
        return f"{make} is not installed: run tests/deps powercut-real"
    for device in ("/dev/fuse", "/dev/loop-control"):
        if not os.path.exists(device):
            return f"the kernel has no {device}"
    if loader := shutil.which("modprobe", path=SBIN):
        subprocess.run([loader, "-q", kind], capture_output=True)
    with open("/proc/filesystems", encoding="ascii") as known:
        if kind not in (line.split()[-1] for line in known):
            return f"the kernel cannot mount {kind}"
    return None


def unmount(path):
    for _ in range(100):  # a server that has just ended may hold a file for a moment
        if subprocess.run(["umount", path], capture_output=True).returncode == 0:
            return
        wait_for(lambda: False, 0.05)
    run("umount", "--lazy", path)


class LoggedDisk:
    def __init__(self, folder, kind):
        self.kind, self.size = kind, FILE_SYSTEMS[kind][0]
        self.path, self.fuse = os.path.join(folder, "disk"), os.path.join(folder, "fuse")
        self.image, self.log = os.path.join(folder, "image"), os.path.join(folder, "log")
        self.first = os.path.join(folder, "first")  # the image as the log begins
        self._mounted, self._server, self._mark = [], None, None
        for path in (self.path, self.fuse):
            os.makedirs(path)

    def __enter__(self):
        try:
            self._start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_):
        self.stop()

    def _start(self):
        with open(self.image, "wb") as file:
            file.truncate(self.size)
        run(*FILE_SYSTEMS[self.kind][1], self.image)
        run("cp", "--sparse=always", self.image, self.first)
        self._server = subprocess.Popen([helper("slowdisk"), self.image, self.fuse, "0", self.log],
                                        stderr=subprocess.PIPE, preexec_fn=die_with_parent)
        mark = os.path.join(self.fuse, "mark")
        if not wait_for(lambda: self._server.poll() is not None or os.path.exists(mark)) \
                or self._server.poll() is not None:
            raise Missing("slowdisk does not start: " + self._server.stderr.read().decode())
        self._mounted.append(self.fuse)
        self._mark = os.open(mark, os.O_WRONLY)
        run("mount", "-t", self.kind, "-o", FILE_SYSTEMS[self.kind][2],
            os.path.join(self.fuse, "disk"), self.path)
        self._mounted.append(self.path)

    def mark(self, *words):
        """A note in the log: after all writes and flushes whose end can be known by now."""
        os.write(self._mark, " ".join(words).encode())

    def stop(self):
        if self._mark is not None:
            os.close(self._mark)
            self._mark = None
        while self._mounted:
            unmount(self._mounted.pop())
        if self._server:
            self._server.terminate()
            self._server.wait()
            self._server.stderr.close()
            self._server = None


@contextmanager
def mounted(image, kind, path):
    run("mount", "-t", kind, "-o", FILE_SYSTEMS[kind][2], image, path)
    try:
        yield path
    finally:
        unmount(path)


class Cut:
    def __init__(self, at, marks, image, lost):
        self.at, self.marks, self.image, self.lost = at, marks, image, lost


class Cuts:
    """So many power cuts of one log: iterating makes the image of each in turn, at `image`. The
    disk's first image becomes what is durable on the way, so it can be done once."""

    def __init__(self, disk, chance, count, image):
        self.disk, self.chance, self.image = disk, chance, image
        self._file = open(disk.log, "rb")
        self._bytes = mmap.mmap(self._file.fileno(), 0, access=mmap.ACCESS_READ)
        self.records = list(self._read())
        flushes = [i for i, record in enumerate(self.records) if record[0] == FLUSH]
        self.places = sorted(self._place(flushes) for _ in range(count))

    def _read(self):
        at = 0
        while at < len(self._bytes):
            kind, offset, length = HEAD.unpack_from(self._bytes, at)
            at += HEAD.size
            yield kind, offset, at, length
            at += length

    def _place(self, flushes):
        """After a flush, and after some of the records up to the next one."""
        which = self.chance.randrange(len(flushes))
        end = flushes[which + 1] if which + 1 < len(flushes) else len(self.records)
        return self.chance.randint(flushes[which] + 1, end)

    def __iter__(self):
        durable, marks, pending = self.disk.first, [], []
        place = 0
        with open(durable, "r+b") as file:
            for at in self.places:
                for record in self.records[place:at]:
                    if record[0] == WRITE:
                        pending.append(record)
                    elif record[0] == MARK:
                        marks.append(self._data(record).decode())
                    else:
                        for write in pending:
                            self._apply(file, write)
                        pending = []
                place = at
                file.flush()
                run("cp", "--sparse=always", durable, self.image)
                lost = self._lose_some(pending)
                yield Cut(at, list(marks), self.image, lost)

    def _data(self, record):
        return self._bytes[record[2]:record[2] + record[3]]

    def _apply(self, file, record, keep=None):
        """`keep`: the blocks of it that reach the disk."""
        _, offset, _, length = record
        data = self._data(record)
        for start in range(0, length, BLOCK) if keep is not None else ():
            if start // BLOCK in keep:
                file.seek(offset + start)
                file.write(data[start:start + BLOCK])
        if keep is None:
            file.seek(offset)
            file.write(data)

    def _lose_some(self, pending):
        """Which writes reach the disk, in words."""
        chance, count = self.chance, len(pending)
        cut = chance.randrange(count + 1)
        how = chance.choice(["all", "none", "the first", "all but one", "some"])
        kept = {"all": pending, "none": [], "the first": pending[:cut],
                "all but one": pending[:cut] + pending[cut + 1:],
                "some": [write for write in pending if chance.random() < 0.5]}[how]
        torn = chance.choice(kept) if kept and chance.random() < 0.3 else None
        with open(self.image, "r+b") as file:
            for write in kept:
                blocks = range((write[3] + BLOCK - 1) // BLOCK)
                keep = None if write is not torn else {b for b in blocks if chance.random() < 0.5}
                self._apply(file, write, keep)
        return f"{how}: {len(kept)} of {count} writes" + (", one torn" if torn else "")
