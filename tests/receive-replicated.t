#!/usr/bin/python3
"""BOOKSPOOL_COMMIT=replicated: a 200 waits until the event was forwarded, which its name in done/ shows."""

import os
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from bookspool import (ENDPOINT, World, equal, finish, id_of, ok, sample, sign, wait_for)  # noqa: E402
from fcgi import Client, params, request  # noqa: E402


def signed(world, body):
    headers = sign("calcom", body, world.secret["calcom"])
    return request(params("POST", ENDPOINT["calcom"], body, headers), body)


def post(world, body, answers):
    with Client(world.socket) as client:
        client.send(signed(world, body))
        answers.append(client.answer().status)


def forward(world, key):
    """What the drain does when the event is in the shared spool."""
    os.rename(world.file("new", key), world.file("done", key))


with World({"BOOKSPOOL_COMMIT": "replicated"}) as world:
    world.start_receiver()
    bodies = [sample("calcom", "booking_created") for _ in range(3)]
    answers = []
    clients = [threading.Thread(target=post, args=(world, body, answers)) for body in bodies]
    for client in clients:
        client.start()
    keys = [id_of("calcom", body) for body in bodies]
    ok(wait_for(lambda: sorted(world.spool("new")) == sorted(keys)), "events are stored at once")
    time.sleep(0.2)
    equal(answers, [], "and not answered before they are forwarded")
    forward(world, keys[1])
    ok(wait_for(lambda: answers == [200]), "the one that is forwarded is answered, the others wait")
    with Client(world.socket) as gone:
        gone.send(signed(world, bodies[0]))
    post(world, bodies[1], answers)
    equal(answers, [200, 200], "a retry of it is answered at once")
    forward(world, keys[0])
    clients[2].join()
    for client in clients:
        client.join()
    equal(sorted(answers), [200, 200, 200, 503], "one that is not forwarded in time is answered 503")
    equal(world.spool("new"), [keys[2]], "and waits here: nothing is lost")
    equal("not-forwarded" in world.log("receiver.log"), True, "the log says why")
    forward(world, keys[2])
    post(world, bodies[2], answers)
    equal(answers[-1], 200, "its retry is answered when it was")
finish()
