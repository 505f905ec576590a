"""Disks whose flush costs what is known.

    with Disk(options, "1 ms") as disk:
        disk.renew()            # an empty file system, mounted at disk.path
        disk.flushes()          # how many flushes it has had

`fast` is ext4 with a journal on a loop device on a file in memory: the flush is nearly free, as on
NVMe with power-loss protection. `1 ms` is the same on a FUSE file whose fsync takes so long: a
cloud volume, a consumer's SSD. `plain` is a folder on whatever this machine has, for the smoke run.

The machine's own disk is never used: virtual disks often flush without doing so, and ext4 without a
journal makes creating a file slow for minutes after many have been removed.
"""

import os
import shutil
import subprocess
import time

from bookspool import wait_for
from common import Missing, die_with_parent, helper

SIZE = 4 << 30  # sparse: only what is written takes memory
INODES = 400_000
FLUSH_US = {"fast": 0, "1 ms": 1000}


def run(*command):
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise Missing(f"{' '.join(command)}: {done.stderr.strip()}")
    return done.stdout


class Plain:
    """A folder, emptied for each run."""

    def __init__(self, options, name="plain"):
        self.name = name
        self.path = os.path.join(options.folder, name)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.path, ignore_errors=True)

    def renew(self):
        shutil.rmtree(self.path, ignore_errors=True)
        os.makedirs(self.path)

    def flushes(self):
        return None


class Disk(Plain):
    """Mounts are in the bench's own mount namespace, so they end with it whatever happens; FUSE's
    server ends when it is unmounted, or with the bench."""

    def __init__(self, options, name):
        super().__init__(options, name.replace(" ", "-"))
        self.name = name
        self.memory, self.fuse = self.path + ".memory", self.path + ".fuse"
        self.server = None
        self.mounted = []

    def __enter__(self):
        for path in (self.path, self.memory, self.fuse):
            os.makedirs(path)
        self._mount(self.memory, "-t", "tmpfs", "-o", f"size={SIZE + (64 << 20)}", "bench")
        return self

    def __exit__(self, *_):
        self._unmount_disk()
        self._unmount(self.memory)
        for path in (self.path, self.memory, self.fuse):
            shutil.rmtree(path, ignore_errors=True)

    def renew(self):
        """A file system made anew has no history: no directory that was large once, no journal to
        be written back, the same blocks free in each run. Nor does anybody else's dirty data wait
        for a moment to be written."""
        self._unmount_disk()
        image = os.path.join(self.memory, "image")
        with open(image, "wb") as file:
            file.truncate(SIZE)
        run("mkfs.ext4", "-q", "-F", "-N", str(INODES), "-E",
            "lazy_itable_init=0,lazy_journal_init=0", image)
        if FLUSH_US[self.name]:
            image = self._start_fuse(image)
        self._mount(self.path, "-o", "loop,noatime", image)
        os.sync()

    def flushes(self):
        """Of the loop device, as the kernel counts them (Documentation/admin-guide/iostats.rst:
        the 16th field after the name)."""
        status = os.stat(self.path)
        number = [str(os.major(status.st_dev)), str(os.minor(status.st_dev))]
        with open("/proc/diskstats", encoding="ascii") as file:
            for line in file:
                words = line.split()
                if words[:2] == number:
                    return int(words[18])
        return None

    def _start_fuse(self, image):
        command = [helper("slowdisk"), image, self.fuse, str(FLUSH_US[self.name])]
        with open(self.fuse + ".log", "w", encoding="utf-8") as log:
            self.server = subprocess.Popen(command, stderr=log, preexec_fn=die_with_parent)
        self.mounted.append(self.fuse)
        disk = os.path.join(self.fuse, "disk")
        if not wait_for(lambda: self.server.poll() is not None or os.path.exists(disk)) \
                or self.server.poll() is not None:
            with open(self.fuse + ".log", encoding="utf-8") as log:
                raise Missing("slowdisk does not start: " + log.read())
        return disk

    def _mount(self, path, *how):
        run("mount", *how, path)
        self.mounted.append(path)

    def _unmount(self, path):
        if path not in self.mounted:
            return
        for _ in range(50):  # a server that has just ended may hold a file for a moment
            if subprocess.run(["umount", path], capture_output=True).returncode == 0:
                break
            time.sleep(0.05)
        else:
            subprocess.run(["umount", "--lazy", path], capture_output=True)
        self.mounted.remove(path)

    def _unmount_disk(self):
        self._unmount(self.path)
        self._unmount(self.fuse)
        if self.server:
            self.server.terminate()
            self.server.wait()
            self.server = None
