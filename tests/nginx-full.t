#!/usr/bin/python3
"""A spool without room, or that cannot be written: 503 and no file; with room the retry goes
through. Needs a small file system of its own, hence root or a user namespace."""

import os
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from bookspool import World, equal, finish, may_mount, need, ok, sample, skip, skip_all  # noqa: E402


def mount(*args):
    return subprocess.run(["mount", *args], capture_output=True, text=True).returncode == 0


def fill(path):
    """Takes the last byte of the file system."""
    with open(path, "wb", buffering=0) as file:
        for size in (65536, 4096, 1):
            try:
                while file.write(b"\0" * size):
                    pass
            except OSError:
                pass


def refused(world, body, why):
    answer = world.post("calcom", body)
    equal((answer.status, answer.json.get("status")), (503, "unavailable"), f"{why}: 503")
    equal(answer.headers.get("retry-after"), "60", f"{why}: with Retry-After")
    equal((world.spool("new"), world.spool("tmp")), ([], []), f"{why}: and no file")


def accepted(world, body, mails):
    answer = world.post("calcom", body)
    equal((answer.status, answer.json.get("status")), (200, "accepted"), "the retry is accepted")
    equal(world.curl("/api/health").status, 200, "health passes")
    equal(world.drain().returncode, 0, "the drain ends well")
    equal(len(world.mails()), mails, "and the booking is mailed, once")


def full(world, spool):
    fill(os.path.join(spool, "ballast"))
    body = sample("calcom", "booking_created")
    refused(world, body, "full")
    os.unlink(os.path.join(spool, "ballast"))
    accepted(world, body, 1)


def read_only(world, spool):
    body = sample("calcom", "booking_created")
    if not mount("-o", "remount,ro", spool):
        skip("a file system cannot be mounted read-only here", 8)
        return
    refused(world, body, "read-only")
    equal(world.curl("/api/health").status, 503, "read-only: health says so")
    mount("-o", "remount,rw", spool)
    accepted(world, body, 2)


def below_reserve(spool):
    """Without filling anything: the reserve is larger than the file system."""
    with World({"BOOKSPOOL_RESERVE": "1024M,0"}, spool=spool) as world:
        world.start_receiver()
        world.start_nginx()
        refused(world, sample("calcom", "booking_created"), "below its reserve")
        equal(world.curl("/api/health").status, 503, "below its reserve: health says so")


need("nginx", "curl")
if not may_mount():
    skip_all("no file system can be mounted here")
spool = tempfile.mkdtemp(prefix="bookspool-full-")
if not mount("-t", "tmpfs", "-o", "size=2m,nr_inodes=200,mode=0770", "bookspool-test", spool):
    os.rmdir(spool)
    skip_all("a small file system cannot be mounted here")
try:
    with World(spool=spool) as world:
        world.start_receiver()
        world.start_nginx()
        full(world, spool)
        read_only(world, spool)
    below_reserve(spool)
finally:
    left = subprocess.run(["umount", spool], capture_output=True, text=True)
    if left.returncode:
        subprocess.run(["umount", "--lazy", spool])
    os.rmdir(spool)
ok(left.returncode == 0, "nobody holds the spool after the end", left.stderr)
finish()
