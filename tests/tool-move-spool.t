#!/usr/bin/python3
"""`bookspool ledger move-spool`: from one machine to several, and back."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from bookspool import World, equal, event_file, finish, id_of, match, sample  # noqa: E402
from postgres import Postgres, need_postgres  # noqa: E402
from smtp_peer import Scripted  # noqa: E402

DIRS = ("done", "sent", "failed", "bad", "held", "out", "replay", "new")


def event(world, directory):
    body = sample("calcom", "booking_created")
    key = id_of("calcom", body)
    world.write(directory, key, event_file("calcom", body))
    return key


def state(world):
    """Each file of the directories: its bytes, time in ms and marks."""
    found = {}
    for directory in DIRS:
        for name in world.spool(directory):
            path = world.file(directory, name)
            with open(path, "rb") as file:
                found[directory, name] = (file.read(), os.stat(path).st_mtime_ns // 10**6,
                                          os.stat(path).st_mode & 0o1100)
    return found


def move(world, *places):
    return world.run("bookspool", "ledger", "move-spool", *places)


need_postgres()
with Postgres() as server, Scripted({"RCPT": ["250 ok", "450 not now", "550 no such user"]}) as peer:
    server.database("books")
    uri = server.uri("books")
    smtp = {"BOOKSPOOL_TRANSPORT": f"smtp+plain://127.0.0.1:{peer.port}", "BOOKSPOOL_SANDBOX": "off"}
    with World(smtp) as world:
        for _ in range(3):  # one is sent, one put off, one given up
            event(world, "new")
            world.drain()
        for directory in ("held", "new", "bad"):
            event(world, directory)
        os.chmod(world.file("out", world.spool("out")[0]), 0o760)
        before = state(world)
        equal(sorted(directory for directory, _ in before),
              ["bad", "done", "done", "done", "failed", "failed", "held", "new", "out", "sent"],
              "a spool with something of everything")
        equal(world.run("bookspool", "ledger", "migrate", uri).returncode, 0, "the tables are made")
        match(move(world, world.spool_dir, uri).stdout, r"^\d+ files were moved", "into PostgreSQL")
        equal(state(world), {}, "nothing is left in the directories")
        listed = world.run("bookspool", "list", "--all", env={"BOOKSPOOL_LEDGER": uri}).stdout
        for directory, name in before:
            if not name.endswith(".why"):
                match(listed, rf"(?m)^{directory}\t{name}\t", f"{directory}/{name} is in the shared spool")
        match(move(world, uri, world.spool_dir).stdout, r"^\d+ files were moved", "and back")
        equal(state(world), before, "all is as it was: bytes, times and marks")
        equal(move(world, uri, world.spool_dir).stdout, "0 files were moved.\n", "once more: there is nothing to do")
        match(move(world, world.spool_dir, world.spool_dir).stderr, "one of FROM and TO is a directory", "two directories")
finish()
