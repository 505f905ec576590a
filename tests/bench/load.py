"""Requests and who sends them: a pool of signed bookings, wrk, and 64 large bodies at once."""

import hashlib
import hmac
import json
import os
import socket
import subprocess
import threading
import time
from dataclasses import dataclass

from bookspool import ENDPOINT, SIGNATURE, sample, sign
from common import HERE, Missing, die_with_parent, server

SECRET = "bench-secret-0123456789"
BODY_SIZE = 3072
FRESH = 600  # seconds a pool may be old: well within the replay window, which is 1800
PATH = ENDPOINT["calcom"]


def http_request(body, signature):
    """As it goes over the wire."""
    head = (f"POST {PATH} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            f"{SIGNATURE['calcom']}: {signature}\r\nContent-Length: {len(body)}\r\n\r\n")
    return head.encode() + body


def body_pattern():
    """The sample booking with %09d for its number, of BODY_SIZE bytes once that is filled in."""
    event = json.loads(sample("calcom", "booking_created"))
    event["payload"]["uid"] = "bench-%09d"

    def encode():
        return json.dumps(event, separators=(",", ":"), ensure_ascii=False).encode()
    room = BODY_SIZE - len(encode() % 0)
    event["payload"]["additionalNotes"] += "." * room
    pattern = encode()
    if len(pattern % 0) != BODY_SIZE:
        raise ValueError(f"the sample booking does not fit into {BODY_SIZE} bytes")
    return pattern


@dataclass
class Slice:
    """Requests first to first + count of a file in which each is `size` bytes long."""

    path: str
    size: int
    first: int
    count: int
    again: bool = False  # after the last one, begin with the first


class Pool:
    """Distinct signed bookings, made anew before they leave the replay window: so many, and `edge`
    more at either end for what is not measured. And forgeries, the same bodies with a wrong
    signature."""

    FORGERIES = 2000

    def __init__(self, folder, count):
        self.edge = count // 3
        self.count = count + 2 * self.edge
        self.good = os.path.join(folder, "pool")
        self.bad = os.path.join(folder, "forgeries")
        self.size = 0
        self.made = 0.0

    def refresh(self, progress):
        if self.made and time.monotonic() - self.made < FRESH:
            return
        progress(f"signing {self.count} bookings")
        pattern, key = body_pattern(), SECRET.encode()
        with open(self.good, "wb") as file:
            for number in range(self.count):
                body = pattern % number
                file.write(http_request(body, hmac.digest(key, body, "sha256").hex()))
        with open(self.bad, "wb") as file:
            for number in range(self.FORGERIES):
                file.write(http_request(pattern % number, "0" * 64))
        self.size = os.path.getsize(self.bad) // self.FORGERIES
        self.made = time.monotonic()

    def part(self, first, count, again=False):
        return Slice(self.good, self.size, first, min(count, self.count - first), again)

    def forgeries(self):
        return Slice(self.bad, self.size, 0, self.FORGERIES, again=True)


@dataclass
class Sent:
    """What wrk saw: rate in requests a second, latencies in microseconds, its own CPU seconds.
    `refused` counts answers that were no success, `broken` requests without an answer."""

    requests: int
    rate: float
    p50: float
    p99: float
    refused: int
    broken: int
    cpu: float


def _children_cpu():
    times = os.times()
    return times.children_user + times.children_system


def wrk(port, clients, seconds, part):
    """Sends one slice of the pool over so many kept connections, for so long or to its end; the
    script ends wrk, whose own duration is only the limit when nothing is answered any more."""
    env = dict(os.environ, POOL_FILE=part.path, POOL_SIZE=str(part.size),
               POOL_FROM=str(part.first), POOL_COUNT=str(part.count),
               POOL_AGAIN=str(int(part.again)), POOL_SECONDS=str(seconds))
    before = _children_cpu()
    done = subprocess.run(
        [server("wrk"), "--threads=1", f"--connections={clients}",
         f"--duration={seconds + 10:.0f}s", "--latency", "--timeout=20s",
         f"--script={os.path.join(HERE, 'post.lua')}", f"http://127.0.0.1:{port}{PATH}"],
        env=env, capture_output=True, text=True, preexec_fn=die_with_parent)
    lines = [line for line in done.stdout.splitlines() if line.startswith("JSON ")]
    if not lines:
        raise Missing(f"wrk: {(done.stdout + done.stderr)[-400:]}")
    seen = json.loads(lines[0][5:])
    return Sent(seen["requests"], seen["requests"] / (seen["us"] / 1e6), seen["p50"], seen["p99"],
                seen["refused"], seen["broken"], _children_cpu() - before)


def post_once(port, good=True):
    """The status of one request with a body of its own."""
    body = json.dumps({"triggerEvent": "PROBE", "createdAt": now(), "n": time.time_ns()}).encode()
    signature = sign("calcom", body, SECRET)[SIGNATURE["calcom"]] if good else "0" * 64
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(http_request(body, signature))
        return read_status(connection)


def now():
    return time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime())


def read_status(connection):
    """0 when the peer closed without an answer."""
    head = b""
    while b"\r\n" not in head:
        part = connection.recv(4096)
        if not part:
            return 0
        head += part
    return int(head.split(b" ", 2)[1])


def large_body(number, size):
    head = json.dumps({"triggerEvent": "BOOKING_CREATED", "createdAt": now(), "n": number,
                       "payload": {"notes": ""}}, separators=(",", ":"))[:-3].encode()
    return head + b"x" * (size - len(head) - 3) + b'"}}'


def post_together(port, bodies):
    """Posts all bodies at the same moment, each over a connection of its own: each sender holds
    back its last byte until the others are as far. The statuses."""
    together = threading.Barrier(len(bodies))
    statuses = [0] * len(bodies)

    def send(number, body):
        signature = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
        wire = http_request(body, signature)
        with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
            connection.sendall(wire[:-1])
            together.wait()
            connection.sendall(wire[-1:])
            statuses[number] = read_status(connection)

    threads = [threading.Thread(target=send, args=each) for each in enumerate(bodies)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return statuses
