#!/usr/bin/python3
"""A mail that does not go out is made known by log, status and health, never by a mail about mail."""

import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from bookspool import (World, equal, finish, free_port, mail_file, mark_of, match, ok,  # noqa: E402
                       sample, utc)
from fcgi import Client, params, request  # noqa: E402
from smtp_peer import Scripted  # noqa: E402

DAY = 86400


def health(world):
    with Client(world.socket) as client:
        client.send(request(params("GET", "/api/health", REMOTE_ADDR="127.0.0.1"), b""))
        answer = client.answer()
        return answer.status, answer.json.get("status"), answer.json.get("reason")


def old_mail(world, seconds):
    """A mail that has waited in out/ for so long, and is due."""
    key = f"{seconds:032x}"
    name = f"{key}-{mark_of('owner@example.org')}"
    world.write("out", name, mail_file(key, Queued=utc(time.time() - seconds)))
    return name


def trouble(server):
    transport = f"smtp+plain://127.0.0.1:{server.port}"
    with World({"BOOKSPOOL_TRANSPORT": transport, "BOOKSPOOL_CONNECT_TIMEOUT": "2s"}) as world:
        world.start_receiver()
        world.drain()
        equal(health(world), (200, "pass", None), "at first all is well")
        mail = old_mail(world, 3600)
        equal(world.drain().returncode, 0, "a mail of an hour is put off")
        equal(health(world), (200, "pass", None), "which is no news")
        os.unlink(world.file("out", mail))
        mail = old_mail(world, 2 * DAY)
        match(world.drain().stderr, "stuck: .*could not be sent for", "one of two days is told by the log")
        equal(health(world), (200, "warn", "mail-stuck"), "by health")
        match(world.run("bookspool", "status").stdout + world.run("bookspool", "status").stderr,
              "could not be sent for", "and by status")
        equal(server.accepted, [], "and not by mail")
        nobody = {"BOOKSPOOL_TRANSPORT": f"smtp+plain://127.0.0.1:{free_port()}"}
        os.utime(world.file("out", mail))
        equal(world.drain(env=nobody).returncode, 75, "a run that finds nobody holds")
        equal(health(world), (200, "warn", "drain-blocked"), "which health tells first")
        ok(os.path.exists(world.file("out", mail)), "and nothing is given up")
        os.unlink(world.file("out", mail))
        equal(world.drain().returncode, 0, "a run that ends well")
        equal(health(world), (200, "warn", "mail-stuck"), "ends that warning; the other one has two hours")


def set_aside():
    """What waits in bad/ is a warning until it is gone."""
    with World() as world:
        world.start_receiver()
        equal(world.drain().returncode, 0, "a run with nothing to do")
        world.write("bad", "0" * 32, b"torn")
        world.write("bad", "0" * 32 + ".why", b"because")
        world.drain()
        equal(health(world), (200, "warn", "events-in-bad"), "an event in bad/ is told by health")
        os.unlink(world.file("bad", "0" * 32))
        world.drain()
        equal(health(world), (200, "pass", None), "until it is gone; its .why does not count")


def not_composed():
    """An event that an earlier run could not compose is a warning until it is mailed."""
    with World() as world:
        world.start_receiver()
        event = world.put_event("new", "calcom", sample("calcom", "booking_created"))
        os.chmod(world.file("new", event), 0o760)
        os.utime(world.file("new", event), (time.time() + 600,) * 2)
        match(world.drain().stderr, r"drained: .* uncomposed=1$|^$", "it waits")
        equal(health(world), (200, "warn", "events-not-composed"), "health warns")
        match(world.run("bookspool", "status").stdout, "1 events wait because their mails", "so does status")
        os.utime(world.file("new", event))
        world.drain()
        equal(health(world), (200, "pass", None), "until it is mailed")


with Scripted({"RCPT": "450 4.2.1 busy"}) as peer:
    trouble(peer)
set_aside()
not_composed()
finish()
