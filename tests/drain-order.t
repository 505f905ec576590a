#!/usr/bin/python3
"""The order in which events are composed and mails leave: that of the events' arrival, whatever the
names and times of their files are."""

import os
import random
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from bookspool import (World, equal, event_file, finish, id_of, mail_file, mark_of, match, ok, sample, skip,  # noqa: E402
                       tool)
from mailer import DONE, Mailer  # noqa: E402
from smtp_peer import Scripted  # noqa: E402

OWNER = mark_of("owner@example.org")
COUNT = 40


def arrive_at_once(world, directory="new", times=None):
    """Events in order of their arrival, a microsecond apart, and all files with the same mtime: as
    within one tick of the kernel's clock."""
    keys = []
    for number in range(COUNT):
        body = sample("calcom", "booking_created")
        keys.append(id_of("calcom", body))
        name = keys[-1] if directory == "new" else f"copy {random.random()}"
        world.write(directory, name, event_file(
            "calcom", body, Received=times[number] if times else f"2026-11-21T10:00:00.{number:06}Z"))
        os.utime(world.file(directory, name), (1790000000, 1790000000))
    return keys


def accepted(server):
    """The ids of the events whose mails were accepted, in this order."""
    return [re.search(rb"(?i)^message-id: <([0-9a-f]{32})", message, re.M)[1].decode()
            for message in server.accepted]


def one_run():
    with Scripted() as server, Mailer(f"smtp+plain://127.0.0.1:{server.port}") as world:
        keys = arrive_at_once(world)
        done = world.drain()
        made = re.findall(r"(\w{32}) mails-made", done.stderr)
        equal(made, keys, "events whose files have the same time are composed in order of arrival")
        equal(accepted(server), keys, "and their mails leave in this order")
        stored = world.record("sent", f"{keys[7]}-{OWNER}")[0]
        equal(stored["received"], "2026-11-21T10:00:00.000007Z", "a mail's file says when its event arrived")


def milliseconds():
    """As an earlier version or an operator writes them."""
    with Scripted() as server, Mailer(f"smtp+plain://127.0.0.1:{server.port}") as world:
        keys = arrive_at_once(world, times=[f"2026-11-21T10:00:00.{n:03}Z" for n in range(COUNT)])
        world.drain()
        equal(accepted(server), keys, "milliseconds order likewise")


def after_an_outage():
    with Mailer("smtp+plain://127.0.0.1:1") as world:
        keys = arrive_at_once(world)
        world.drain()
        equal(len(world.spool("out")), COUNT, "mails wait for a server that is away")
        names = [world.file("out", name) for name in world.spool("out")]
        for name in sorted(names):
            os.utime(name)
        with Scripted() as server:
            world.drain(env={"BOOKSPOOL_TRANSPORT": f"smtp+plain://127.0.0.1:{server.port}"})
        equal(accepted(server), keys, "after touch -c out/* they leave in order of arrival")


def several_senders():
    """Two mails to one recipient never overtake each other; two recipients may."""
    people = [f"p{number}@example.org" for number in range(6)]
    with Scripted(delay=0.002) as server, Mailer(
            f"smtp+plain://127.0.0.1:{server.port}", BOOKSPOOL_CONNECTIONS="4",
            BOOKSPOOL_MAIL_TO=",".join(people)) as world:
        keys = arrive_at_once(world)
        done = world.drain()
        equal((done.returncode, len(server.accepted)), (DONE, COUNT * len(people)), "four senders")
        ok(server.connections > 1, "are more than one", server.connections)
        for person in people:
            theirs = [message for message in server.accepted
                      if re.search(rb"(?im)^to: .*" + person.encode(), message)]
            got = [re.search(rb"(?im)^message-id: <([0-9a-f]{32})", message)[1].decode()
                   for message in theirs]
            equal(got, keys, f"{person} gets them in order")


def replays():
    with Scripted() as server, Mailer(f"smtp+plain://127.0.0.1:{server.port}") as world:
        keys = arrive_at_once(world, "replay")
        world.drain()
        equal(accepted(server), keys, "replays too, whatever the copies are called")


def files_of_an_earlier_version():
    """A mail that does not say when its event arrived: its own making counts."""
    with Scripted() as server, Mailer(f"smtp+plain://127.0.0.1:{server.port}") as world:
        keys = [os.urandom(16).hex() for _ in range(COUNT)]
        for number, key in enumerate(keys):
            world.write("out", f"{key}-{OWNER}", mail_file(
                key, f"Message-ID: <{key}@x>\r\n\r\nx\r\n".encode(),
                Queued=f"2026-11-21T10:00:00.{number:03}Z"))
            os.chmod(world.file("out", f"{key}-{OWNER}"), 0o660)
            os.utime(world.file("out", f"{key}-{OWNER}"), (1790000000, 1790000000))
        world.drain(env={"BOOKSPOOL_GIVE_UP": "30d"})
        equal(accepted(server), keys, "mails without Received leave in the order of Queued")


def arrival_at_the_receiver():
    if not tool("nginx"):
        skip("nginx is not installed: run tests/deps check", 2)
        return
    with World() as world:
        world.start_receiver()
        world.start_nginx()
        keys = []
        for _ in range(30):
            body = sample("calcom", "booking_created")
            keys.append(id_of("calcom", body))
            world.post("calcom", body)
        stamps = [world.record("new", key)[0]["received"] for key in keys]
        match(stamps[0], r"T\d\d:\d\d:\d\d\.\d{6}Z$", "the receiver writes microseconds")
        equal(stamps, sorted(set(stamps)), "so that no two requests of one client have the same")


for part in (one_run, milliseconds, after_an_outage, several_senders, replays,
             files_of_an_earlier_version, arrival_at_the_receiver):
    part()
finish()
