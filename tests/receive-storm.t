#!/usr/bin/python3
"""Bursts of requests, and every third client goes away: at once, in the middle, or while it waits.

The receiver must not end, and each event that is answered 200 has its file. STORM_SECONDS (4) says
how long; STORM_SEED repeats the choices, not the timing. `make storm SECONDS=600` is the long form.
"""

import hmac
import json
import os
import random
import secrets
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from bookspool import (ENDPOINT, SIGNATURE, World, diag, equal, finish, id_of, ok,  # noqa: E402
                       sample)
import fcgi  # noqa: E402

SECONDS = float(os.environ.get("STORM_SECONDS", "4"))
SEED = int(os.environ.get("STORM_SEED", random.randrange(10 ** 6)))
CLIENTS, PATIENCE = 450, 60
UID = b"U" * 16
BODY = json.dumps({"triggerEvent": "BOOKING_CREATED", "payload": {"uid": UID.decode()},
                   "createdAt": json.loads(sample("calcom", "booking_created"))["createdAt"]}).encode()


class Storm:
    def __init__(self, world, receiver):
        self.world, self.receiver, self.chance = world, receiver, random.Random(SEED)
        self.secret, self.clients = world.secret["calcom"].encode(), []
        self.templates = [self.template(keep) for keep in (False, True)]
        self.sent = self.gone = self.accepted = self.rounds = 0
        self.unanswered, self.other, self.lost = 0, [], []

    def connect(self):
        while len(self.clients) < CLIENTS:
            try:
                self.clients.append(fcgi.Client(self.world.socket, PATIENCE))
            except BlockingIOError:  # the backlog is full
                time.sleep(0.002)

    def template(self, keep):
        """The bytes of a request, but for the two texts that differ from one to the next."""
        values = fcgi.params("POST", ENDPOINT["calcom"], BODY, {SIGNATURE["calcom"]: "S" * 64})
        return fcgi.request(values, BODY, keep=keep)

    def wire(self):
        """(id, bytes, whether it asks to keep the connection) of a small booking."""
        keep, uid = self.chance.random() < 0.9, secrets.token_hex(8).encode()
        body = BODY.replace(UID, uid)
        signature = hmac.digest(self.secret, body, "sha256").hex().encode()
        data = self.templates[keep].replace(b"S" * 64, signature).replace(UID, uid)
        return id_of("calcom", body), data, keep

    def leave(self, client):
        client.socket.close()
        self.clients.remove(client)
        self.gone += 1

    def send(self, requests, leaving):
        """What those who stay wait for. Of these clients every third goes into `leaving`, when it has
        sent all of it, or a part; and here and there one of `leaving` goes."""
        waiting, chance = [], self.chance
        for number, (client, key, data, keep) in enumerate(requests):
            if number % 3:
                client.send(data)
                waiting.append((client, key, keep))
            else:
                client.send(data if chance.random() < 0.8 else data[:chance.randrange(len(data))])
                leaving.append(client)
            if leaving and chance.random() < 0.1:
                self.leave(leaving.pop(0))
        self.sent += len(requests)
        return waiting

    def burst(self):
        """A few first, whose commit tells the receiver how long to wait with the next one. Then at once
        a few, which wait for their commit when the crowd comes, more than a batch takes."""
        chance, leaving = self.chance, []
        chance.shuffle(self.clients)
        requests = [(client, *self.wire()) for client in self.clients]
        a = chance.randint(3, 60)
        b = a + chance.randint(1, 60)
        stored = self.answers(self.send(requests[:a], leaving))
        waiting = self.send(requests[a:b], leaving)
        time.sleep(chance.choice([0, 0, 0.001, 0.004]))
        waiting += self.send(requests[b:chance.choice([CLIENTS, chance.randint(b, CLIENTS)])], leaving)
        for client in leaving:
            self.leave(client)
        return stored + self.answers(waiting)

    def answers(self, waiting):
        stored = []
        for client, key, keep in waiting:
            answer = client.answer()
            self.unanswered += answer is None
            if answer is None or not keep:
                client.socket.close()
                self.clients.remove(client)
            if answer and answer.status == 200:
                stored.append(key)
            elif answer:
                self.other.append(answer)
        return stored

    def round(self):
        self.connect()
        stored = self.burst()
        self.rounds += 1
        self.accepted += len(stored)
        there = self.world.spool("new")
        self.lost += set(stored) - set(there)
        for name in there:  # or the directory would grow; those still to come are in the next round
            os.unlink(self.world.file("new", name))


def run(world):
    receiver = world.start_receiver(env={"BOOKSPOOL_LOG_LEVEL": "warning"})
    storm = Storm(world, receiver)
    end = time.monotonic() + SECONDS
    while time.monotonic() < end and receiver.poll() is None:
        try:
            storm.round()
        except (ConnectionError, TimeoutError) as error:
            diag(repr(error))
            break
    alive = ok(receiver.poll() is None, "the receiver is alive", f"exit status {receiver.poll()}")
    diag(f"seed {SEED}: {storm.rounds} bursts in {SECONDS:.0f} s, {storm.sent} requests, "
         f"{storm.gone} clients went away, {storm.accepted} answered 200; "
         f"load {os.getloadavg()[0]:.1f}")
    ok(storm.rounds > 0 and storm.accepted > 50, "there was a storm")
    equal(storm.lost, [], "no 200 without a file")
    equal(storm.unanswered, 0, "each client that stays is answered")
    equal(storm.other[:3], [], "and with 200")
    if alive:
        equal(world.stop(receiver), 0, "the receiver ends cleanly")
    for client in storm.clients:
        client.socket.close()


with World({"CALCOM_WEBHOOK_REPLAY_WINDOW": "7d"}) as the_world:
    run(the_world)
finish()
