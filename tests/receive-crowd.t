#!/usr/bin/python3
"""Thousands of connections: nobody is starved, neither by the silent nor by those who never stop.

Silent ones say nothing. Greedy ones have all their requests on the way at once. Everybody else sends
one request, and is answered while the greedy ones wait for most of their answers: one a turn for each.
"""

import json
import os
import resource
import secrets
import signal
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from bookspool import World, equal, finish, ok, sample, sign, skip_all  # noqa: E402
import fcgi  # noqa: E402

SILENT, MODEST, GREEDY, REQUESTS = 1000, 1500, 4, 200
_, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
if hard != resource.RLIM_INFINITY and hard < SILENT + MODEST + 200:
    skip_all(f"only {hard} descriptors are to be had")
resource.setrlimit(resource.RLIMIT_NOFILE, (SILENT + MODEST + 200, hard))

created = json.loads(sample("calcom", "booking_created"))["createdAt"]


def connect(world):
    """A full backlog is told at once, as EAGAIN."""
    while True:
        try:
            return fcgi.Client(world.socket)
        except BlockingIOError:
            time.sleep(0.01)


def wire(world, who):
    """A small booking whose event name tells who sent it."""
    body = json.dumps({"triggerEvent": who, "createdAt": created,
                       "payload": {"uid": secrets.token_hex(8)}}).encode()
    headers = sign("calcom", body, world.secret["calcom"])
    return fcgi.request(fcgi.params("POST", "/api/calcom-webhook", body, headers), body, keep=True)


def is_pass(answer):
    return answer is not None and answer.status == 200


with World() as world:
    receiver = world.start_receiver()
    silent, modest, greedy = ([connect(world) for _ in range(count)]
                              for count in (SILENT, MODEST, GREEDY))
    for client in greedy:  # who connected last: once these are answered, all are accepted
        client.send(wire(world, "HELLO"))
    equal(sum(is_pass(client.answer()) for client in greedy), GREEDY, "the greedy ones come first")
    receiver.send_signal(signal.SIGSTOP)  # until all is on the way
    for client in greedy:
        client.send(b"".join(wire(world, "GREEDY") for _ in range(REQUESTS)))
    for client in modest:
        client.send(wire(world, "MODEST"))
    receiver.send_signal(signal.SIGCONT)

    equal(sum(is_pass(client.answer()) for client in modest), MODEST,
          f"{MODEST} are answered beside {SILENT} silent and {GREEDY} greedy ones")
    answers = [client.answer() for client in greedy for _ in range(REQUESTS)]
    equal(sum(is_pass(answer) for answer in answers), GREEDY * REQUESTS, "so are the greedy ones")
    order = [line.split("event=")[1].split()[0] for line in world.log().splitlines()
             if "event=" in line]
    last = len(order) - order[::-1].index("MODEST") - 1
    before = order[:last].count("GREEDY")
    ok(before < GREEDY * REQUESTS / 4,
       f"before the last who asks once, the greedy have {before} of {GREEDY * REQUESTS} answers")
    modest[0].send(wire(world, "AGAIN"))
    ok(is_pass(modest[0].answer()), "a kept connection serves again")
    equal(world.stop(receiver), 0, "the receiver ends cleanly, with all of them connected")
    for client in silent + modest + greedy:
        client.socket.close()
finish()
