#!/usr/bin/python3
"""examples/spool-reader.sh, made from bookspool-spool(5) alone, reads what the programs wrote and sees
what they see: `bookspool list` and `show` are asked about every file."""

import json
import os
import re
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from bookspool import (ENDPOINT, PATIENCE, TOP, World, aged, equal, event_file,  # noqa: E402
                       finish, id_of, mail_file, ok, run_parts, sample, sign)
from fcgi import Client, params, request  # noqa: E402
from smtp_peer import Scripted  # noqa: E402

READER = os.path.join(TOP, "examples/spool-reader.sh")
INTACT, HEADER, LENGTH, DIGEST = "intact", "no intact header", "not of its Length", "not of its Sha256"
MISFIT = "intact, but not what its place and name say"
OWNER = "-9057178f1b2d"  # of the manual page


def event(body, **fields):
    return event_file("calcom", body, **fields)


class Spool(World):
    def write(self, directory, name, data):
        with open(self.file(directory, name), "wb") as file:
            file.write(data)
        return f"{directory}/{name}"

    def read(self):
        """{place/name: (id, what, state)} as the reader reports."""
        done = subprocess.run([READER, self.spool_dir], capture_output=True, text=True,
                              env=self.env(), timeout=PATIENCE)
        equal((done.returncode, done.stderr), (0, ""), "the reader ends well")
        return {row[0]: tuple(row[1:]) for row in
                (line.split("\t") for line in done.stdout.splitlines())}

    def listed(self):
        """{place/name: intact} as `bookspool list` reports."""
        shown = self.run("bookspool", "list", "--all", "--json")
        return {f"{item['dir']}/{item['name']}": item["intact"]
                for item in json.loads(shown.stdout)["items"]}

    def agree(self, name):
        read, listed = self.read(), self.listed()
        equal({place: found[2] in (INTACT, MISFIT) for place, found in read.items()}, listed, name)
        return read


def post(world, provider, body, at=None):
    headers = sign(provider, body, world.secret[provider], at)
    with Client(world.socket) as client:
        client.send(request(params("POST", ENDPOINT[provider], body, headers), body))
        return client.answer().status


def what_the_programs_wrote():
    with Scripted({"RCPT": ["250 ok", "550 nobody", "250 ok"]}) as peer, \
            Spool({"BOOKSPOOL_TRANSPORT": f"smtp+plain://127.0.0.1:{peer.port}"}) as world:
        world.start_receiver()
        ids = []
        for provider, name in (("calcom", "booking_created"), ("calendly", "invitee_created")):
            body = sample(provider, name)
            equal(post(world, provider, body), 200, f"{provider}: accepted")
            ids.append(id_of(provider, body))
        stale, at = aged("calcom", sample("calcom", "booking_created"), 9999)
        equal(post(world, "calcom", stale, at), 403, "a stale one")
        waiting = world.agree("what the receiver wrote is read as the tool reads it")
        equal(waiting[f"new/{ids[0]}"], (ids[0], "event calcom/BOOKING_CREATED", INTACT), "an event")
        equal(waiting[f"new/{ids[1]}"], (ids[1], "event calendly/invitee.created", INTACT), "another")
        equal(waiting[f"held/{id_of('calcom', stale)}"][2], INTACT, "a held one")
        world.drain()
        shutil.copy(world.file("done", ids[0]), world.file("replay", "once more"))
        settled = world.agree("what the drain wrote")
        equal(sorted(place.partition("/")[0] for place in settled),
              ["done", "done", "failed", "held", "replay", "sent"], "each in its place")
        for place, (event_id, what, state) in settled.items():
            if place.startswith(("sent/", "failed/")):
                equal((place[-13:], event_id in ids, what, state),
                      (OWNER, True, "mail owner@example.org", INTACT), f"a mail in {place[:6]}")
        ok(any(name.endswith(".why") for name in world.spool("failed")), "the .why is passed over")
        body = world.run("bookspool", "show", ids[0], "--body").stdout
        equal(id_of("calcom", body.encode()), settled[f"done/{ids[0]}"][0],
              "the id is of the body that `show` prints")


def what_nobody_wrote():
    with Spool() as world:
        world.drain()
        body = bytes(range(256)) * 9
        good, event_id = event(body), id_of("calcom", body)
        rows = {}

        def put(directory, data, want, name=None):
            name = name or f"{len(rows):032x}"
            if want != MISFIT and directory != "replay":
                data = data.replace(event_id.encode(), name[:32].encode())
            rows[world.write(directory, name, data)] = want

        put("new", good, INTACT)
        put("new", good[:-1], LENGTH)
        put("new", good + b"x", LENGTH)
        put("new", good[:60], HEADER)
        put("new", b"", HEADER)
        put("new", b"\0" * len(good), HEADER)
        put("new", good[:-100] + b"\0" * 100, DIGEST)
        put("new", good.replace(b"Event: B", b"Event: \0"), HEADER)
        put("new", good, MISFIT)
        put("out", good, MISFIT, "e" * 32 + OWNER)
        put("replay", good, INTACT, "any name")
        put("held", event(body, Sha256="0" * 64), DIGEST)
        put("held", event(body, Sha256="0" * 63), HEADER)
        put("bad", event(body, Id="0" * 31), HEADER)
        put("bad", event(body, Provider="zoom"), HEADER)
        put("bad", event(body, Received="noon"), HEADER)
        put("bad", event(body, Event="E" * 64), INTACT)
        put("bad", event(body, Event="E" * 65), HEADER)
        put("bad", event(body, Secret_Used="K" * 16), HEADER)
        put("bad", event(body, Secret_Used=None, Signature=None, Content_Type=None), INTACT)
        put("bad", event(body, Signature="s" * 1000), INTACT)
        put("bad", event(body, Bookspool="2"), HEADER)
        put("bad", event(body, Length="2304 "), HEADER)
        put("bad", event(body, Length=None), HEADER)
        put("bad", event(body, Sha256=None), HEADER)
        put("bad", event(body, event="twice"), HEADER)
        put("bad", event(body, X_Later="one\nX-Later: two"), INTACT)
        put("bad", event(body, Received="2026-11-21 11:00:00+01:00", Event=None), INTACT)
        put("bad", event(body, **{f"X-{i}": "x" * 900 for i in range(9)}), HEADER)
        put("bad", good.replace(b"Bookspool: ", b"bOOKSPOOL:   "), INTACT)
        put("out", mail_file(event_id), INTACT, "a" * 32 + OWNER)
        put("out", mail_file(event_id), INTACT, "b" * 32 + ".1700000000" + OWNER)
        put("sent", mail_file(event_id), MISFIT, "c" * 32 + OWNER)
        put("failed", mail_file(event_id, To="nobody"), HEADER, "d" * 32 + OWNER)
        put("failed", mail_file(event_id, Queued=None), HEADER, "f" * 32 + OWNER)
        world.write("bad", "0" * 32 + ".why", b"one line for people\n")
        world.write("new", ".hidden", good)
        os.symlink(world.file("new"), world.file("new", "link"))
        read = world.agree("torn and odd files are read as the tool reads them")
        wrong = {place: read.get(place) for place in rows.keys() | read.keys()
                 if read.get(place, [None])[-1] != rows.get(place)}
        equal(wrong, {}, f"each of {len(rows)} files is told for what it is")


def its_size():
    with open(READER, encoding="utf-8") as file:
        text = file.read()
    ok(len(text.splitlines()) <= 30, "thirty lines are enough")
    ok(not re.search(r"\bbookspool (list|show|check)", text), "which call none of the programs")


run_parts((what_the_programs_wrote, what_nobody_wrote, its_size))
finish()
