#!/usr/bin/python3
"""Memory: 64 bodies of the largest size at once stay below 100 MB, and nothing of it is kept."""

import os
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from bookspool import BIN, World, equal, finish, ok, sample, sign, skip_all  # noqa: E402
import fcgi  # noqa: E402

CLIENTS, CAP = 64, 1024 * 1024
MB = 1000 * 1000
NEARLY = 300  # bytes: the receiver must keep what has come until these are there
if os.path.basename(BIN) == "asan":
    skip_all("a sanitizer needs memory of its own")


def grown(size):
    """A genuine booking with an answer that fills it up to that size."""
    body = sample("calcom", "booking_created")
    filled = body[:-1] + b',"filler":"' + b"x" * (size - len(body) - 12) + b'"}'
    assert len(filled) == size
    return filled


def wire(world, body):
    headers = sign("calcom", body, world.secret["calcom"])
    return fcgi.request(fcgi.params("POST", "/api/calcom-webhook", body, headers), body, keep=True)


def usual(world):
    """Over a connection of its own: one that is kept may have idled too long on a busy machine."""
    with fcgi.Client(world.socket) as client:
        client.send(wire(world, sample("calcom", "booking_created")))
        return client.answer().status


def memory(process, field):
    """Bytes: VmRSS now, VmHWM the most there ever was."""
    with open(f"/proc/{process.pid}/status", encoding="ascii") as file:
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith(field + ":"))


with World() as world:
    receiver = world.start_receiver()
    clients = [fcgi.Client(world.socket) for _ in range(CLIENTS)]
    equal(usual(world), 200, "a booking")
    before = memory(receiver, "VmRSS")
    large = [wire(world, grown(CAP)) for _ in clients]
    senders = [threading.Thread(target=client.send, args=(data[:-NEARLY],))
               for client, data in zip(clients, large)]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join()
    for client, data in zip(clients, large):
        client.send(data[-NEARLY:])
    equal([client.answer().status for client in clients].count(200), CLIENTS,
          f"{CLIENTS} bookings of {CAP} bytes each at once")
    most = memory(receiver, "VmHWM")
    ok(CLIENTS * CAP < most < 100 * MB, f"took {most / MB:.1f} MB")
    equal(usual(world), 200, "one more, of the usual size")
    kept = memory(receiver, "VmRSS") - before
    ok(kept < 3 * MB, f"{kept / MB:.1f} MB more than before are kept", kept)
    for client in clients:
        client.socket.close()
finish()
