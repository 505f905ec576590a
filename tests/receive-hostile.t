#!/usr/bin/python3
"""Peers that are silent, slow, broken or malicious: they end, and nobody else notices."""

import os
import signal
import socket
import struct
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
import fcgi  # noqa: E402
from bookspool import (ENDPOINT, PATIENCE, World, equal, finish, id_of, ok, sign,  # noqa: E402
                       wait_for, wait_until_idle)
from fcgi import PARAMS, STDIN, Client, begin, encode, params, record, request, stream  # noqa: E402

PATH = ENDPOINT["calcom"]
DEADLINE = 1  # seconds, where it is met; else PATIENCE, so that a slow machine does not meet it


def body_of(number, size=0):
    now = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime())
    head = f'{{"triggerEvent":"BOOKING_CREATED","createdAt":"{now}","payload":{{"uid":"{number}"'
    return (head + " " * max(0, size - len(head) - 2) + "}}").encode()


def signed(world, body, **more):
    return params("POST", PATH, body, sign("calcom", body, world.secret["calcom"]), **more)


class Peers:
    """Whoever comes after a hostile peer, and while it is still there, is served at once."""

    def __init__(self, world):
        self.world, self.number = world, 0

    def next_is_served(self, name):
        self.number += 1
        body = body_of(f"next{self.number}")
        with Client(self.world.socket, PATIENCE) as client:
            client.send(request(signed(self.world, body), body))
            answer = client.answer()
        ok(answer and answer.status == 200, f"{name}: the next client is served", answer)

    def ended(self, data, name, closes=True):
        """The connection ends without an answer."""
        with Client(self.world.socket, PATIENCE) as client:
            client.send(data)
            self.next_is_served(name)
            if closes:
                ok(client.closed(), f"{name}: the connection ends")


def hostile_bytes(world):
    """name -> bytes that are not a request."""
    body = body_of("hostile")
    values = encode(signed(world, body))
    whole = request(signed(world, body), body)
    huge = struct.pack(">II", 0xFFFFFFFE, 0xFFFFFFFE)
    half = struct.pack(">II", 0xBFFFFFFF, 0xC0000000)

    def with_params(content):
        return begin() + stream(PARAMS, content) + record(STDIN)
    return {
        "silence": b"", "one byte": b"\1", "half a header": whole[:4], "only BEGIN": begin(),
        "a truncated record": whole[:60], "all but the last byte": whole[:-1],
        "no end of PARAMS": begin() + record(PARAMS, values),
        "no end of STDIN": begin() + stream(PARAMS, values) + record(STDIN, body),
        "half of the body": begin() + stream(PARAMS, values) + record(STDIN, body[:20]),
        "a record longer than sent": begin() + record(PARAMS, b"abc", length=60000),
        "lengths of 0x7ffffffe": with_params(huge), "lengths that overflow a sum": with_params(half),
        "a pair that is cut": with_params(b"\4\4abcd"), "a length that is cut": with_params(b"\x80"),
        "a name longer than the rest": with_params(values + b"\x7f\x01abc"),
        "management record GET_VALUES": record(fcgi.GET_VALUES, fcgi.pair("FCGI_MAX_CONNS", "") * 9,
                                               id=0) + whole,
        "management record inside": begin() + record(fcgi.GET_VALUES, b"", id=0) + whole[16:],
        "unknown management record": record(77, b"x" * 8, id=0) + whole,
        "authorizer": begin(role=fcgi.AUTHORIZER) + whole[16:],
        "filter": begin(role=fcgi.FILTER) + whole[16:],
        "version 2": record(1, b"\0\1" + bytes(6), version=2) + whole[16:],
        "version 0": bytes(64), "two BEGINs": begin() + whole,
        "a second request inside": begin() + begin(id=2) + whole[16:],
        "records of another id": begin() + stream(PARAMS, values, id=2),
        "DATA": begin() + stream(PARAMS, values) + record(fcgi.DATA, b"x"),
        "STDIN before PARAMS end": begin() + record(PARAMS, values) + record(STDIN, body),
        "PARAMS first": whole[16:], "abort": begin() + record(fcgi.ABORT),
        "too short a BEGIN": record(1, b"\0\1"), "a padded BEGIN": record(
            1, b"\0\1" + bytes(6), padding=8) + whole[16:],
        "128 KiB of PARAMS": with_params(fcgi.pair("X", "y" * 131072)),
        "PARAMS without end": begin() + record(PARAMS, fcgi.pair("A", "b") * 8000) * 9,
        "HTTP": b"POST /api/calcom-webhook HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "noise": bytes(range(255, 0, -1)) * 40,
    }


def garbage(world, peers):
    for name, data in hostile_bytes(world).items():
        peers.ended(data, name)
    with Client(world.socket, PATIENCE) as client:
        client.send(b"\1")
    peers.next_is_served("hang-up after a byte")
    body = body_of("gone")
    with Client(world.socket, PATIENCE) as client:
        client.send(begin() + stream(PARAMS, encode(signed(world, body))) + record(STDIN, body[:9]))
    peers.next_is_served("hang-up in mid-body")
    with Client(world.socket, PATIENCE) as client:
        client.send(request(signed(world, body), body))
    peers.next_is_served("hang-up before the answer")
    ok(wait_for(lambda: id_of("calcom", body) in world.spool("new")), "whose event is kept")


def pipelined(world, peers):
    """Requests upon requests, then no more: each is answered, one a turn."""
    bodies = [body_of(f"pipelined {number}") for number in range(3)]
    with Client(world.socket, PATIENCE) as client:
        client.send(b"".join(request(signed(world, body), body, keep=True) for body in bodies))
        client.socket.shutdown(socket.SHUT_WR)
        answers = [client.answer() for _ in bodies]
    equal([answer and answer.status for answer in answers], [200] * 3, "pipelined, then half closed")
    ok(all(id_of("calcom", body) in world.spool("new") for body in bodies), "and stored")
    peers.next_is_served("pipelining")


def dribble(world, peers):
    body = body_of("dribble")
    data = request(signed(world, body), body)
    start, cut = time.monotonic(), False
    with Client(world.socket, PATIENCE) as client:
        for at in range(len(data)):
            cut = not client.send(data[at:at + 1])
            if cut:
                break
            if at % 20 == 0:
                peers.next_is_served(f"dribbled {at} bytes")
            time.sleep(0.05)
        lasted = time.monotonic() - start
    ok(cut and lasted > DEADLINE / 2, f"a dribbler is cut off at the deadline: {lasted:.1f} s",
       f"{at + 1} of {len(data)} bytes")
    idle = [Client(world.socket, PATIENCE) for _ in range(200)]
    peers.next_is_served("200 silent connections")
    ok(all(client.closed() for client in idle), "none outlives the deadline")
    for client in idle:
        client.socket.close()


def shapes(world, peers):
    """Odd, but whole and right: all of these are accepted."""
    cap = 1024 * 1024
    for number, (name, how, size) in enumerate((
            ("records of one byte", {"size": 1, "params_size": 1}, 0),
            ("records of 7 bytes, padded", {"size": 7, "params_size": 7, "padding": 3}, 3000),
            ("four-byte lengths", {"wide": True}, 0), ("request id 65535", {"id": 65535}, 0),
            ("65535-byte records", {"size": 65535}, 200000),
            ("1000-byte records up to the cap", {"size": 1000}, cap))):
        body = body_of(f"shape{number}", size)
        with Client(world.socket, PATIENCE) as client:
            client.send(request(signed(world, body), body, **how))
            answer = client.answer()
            ok(answer and answer.status == 200, name, answer)
            equal(world.record("new", id_of("calcom", body))[1] == body, True, name + ": stored")
            ok(client.closed(), "and the connection is closed, as asked")
    body = body_of("full PARAMS")
    values = signed(world, body)
    values["HTTP_X"] = "y" * (65536 - len(encode(values)) - 11)
    equal(len(encode(values)), 65536, "64 KiB of PARAMS")
    with Client(world.socket, PATIENCE) as client:
        client.send(request(values, body))
        answer = client.answer()
    ok(answer and answer.status == 200, "are taken", answer)
    values["HTTP_X"] += "y"
    peers.ended(request(values, body), "one byte more")


def too_large(world, peers):
    """413 comes before the body does; what follows of it is swallowed, so that the answer arrives."""
    values = signed(world, b"{}", CONTENT_LENGTH="1048577")
    with Client(world.socket, PATIENCE) as client:
        client.send(begin(True) + stream(PARAMS, encode(values)))
        answer = client.answer()
        equal(answer and answer.status, 413, "413 without a byte of the body")
        ok(client.send(record(STDIN, b"x" * 60000) * 10), "the peer may go on sending")
        peers.next_is_served("meanwhile")
    with Client(world.socket, PATIENCE) as client:
        client.send(begin(True) + stream(PARAMS, encode(values)))
        client.answer()
        ok(client.closed(), "and then its connection ends")


def kept(world):
    """Kept connections, one request after the other, and several in one write."""
    bodies = [body_of(f"kept{number}") for number in range(20)]
    with Client(world.socket, PATIENCE) as client:
        statuses = []
        for body in bodies[:10]:
            client.send(request(signed(world, body), body, keep=True))
            statuses.append(client.answer().status)
        equal(statuses, [200] * 10, "ten requests on one connection")
        client.send(b"".join(request(signed(world, body), body, keep=True, padding=5)
                             for body in bodies[10:]))
        equal([client.answer().status for _ in bodies[10:]], [200] * 10, "ten in one write")
    with Client(world.socket, PATIENCE) as client:
        client.send(request(signed(world, bodies[0]), bodies[0]) * 3)
        equal(client.answer().status, 200, "what follows a request that did not ask to keep")
        ok(client.closed(), "is not looked at")


def deadline_of_kept(world):
    body = body_of("kept")
    with Client(world.socket, PATIENCE) as client:
        wrong = request(params("POST", PATH, b"{}"), b"{}", keep=True)
        client.send(wrong + wrong[:30])
        equal(client.answer().status, 401, "a refusal keeps the connection too")
        ok(client.closed(), "half of a further request ends it at the deadline")
    with Client(world.socket, PATIENCE) as client:
        client.send(request(signed(world, body), body, keep=True))
        client.answer()
        time.sleep(2.5 * DEADLINE)
        client.send(request(signed(world, body), body, keep=True))
        equal(client.answer().status, 200, "idle longer than the deadline: still kept")


def together(world):
    """Many at once share commits; each gets its own answer."""
    bodies = [body_of(f"together{number}") for number in range(400)]
    clients = [Client(world.socket, PATIENCE) for _ in bodies]
    for client, body in zip(clients, bodies):
        client.send(request(signed(world, body), body))
    answers = [client.answer() for client in clients]
    equal([a.json["id"] for a in answers if a.status == 200], [id_of("calcom", b) for b in bodies],
          "400 at the same time: each is told its own key")
    equal(set(world.spool("new")) >= {id_of("calcom", b) for b in bodies}, True, "all are stored")
    for client in clients:
        client.socket.close()


def told_to_stop(world, receiver):
    body = body_of("half received")
    data = request(signed(world, body), body, keep=True)
    idle, half, queued = (Client(world.socket, PATIENCE) for _ in range(3))
    idle.send(request(signed(world, body_of("idle")), body_of("idle"), keep=True))
    idle.answer()
    half.send(data[:100])
    wait_until_idle(receiver)
    last = body_of("queued")
    os.kill(receiver.pid, signal.SIGSTOP)
    queued.send(request(signed(world, last), last))
    backlog = Client(world.socket, PATIENCE)
    backlog.send(request(signed(world, body_of("backlog")), body_of("backlog")))
    receiver.send_signal(signal.SIGTERM)
    os.kill(receiver.pid, signal.SIGCONT)
    ok(idle.closed(), "SIGTERM closes an idle connection")
    half.send(data[100:])
    equal(half.answer().status, 200, "finishes a request that was half received")
    ok(half.closed(), "and closes it although it asked to be kept")
    equal(queued.answer().status, 200, "answers what was just sent")
    equal(backlog.answer().status, 200, "and what was in the backlog")
    equal(receiver.wait(PATIENCE), 0, "exit status 0")
    ok(not os.path.exists(world.socket), "the socket's name is gone")
    ok("stopped" in world.log(), "with a last line")


def stop_with_dribbler(world):
    receiver = world.start_receiver()
    with Client(world.socket, PATIENCE) as client:
        client.send(begin())
        wait_until_idle(receiver)
        receiver.send_signal(signal.SIGINT)
        equal(receiver.wait(PATIENCE), 0, "SIGINT: an unfinished request cannot hold it up")


with World({"BOOKSPOOL_DEADLINE": f"{DEADLINE}s", "BOOKSPOOL_LOG_LEVEL": "debug"}) as world:
    receiver = world.start_receiver()
    peers = Peers(world)
    garbage(world, peers)
    dribble(world, peers)
    too_large(world, peers)
    deadline_of_kept(world)
    equal(receiver.poll(), None, "it is still the same process")
    ok(" broken-connection: " in world.log(), "broken connections are told at level debug")
    world.stop(receiver)
    stop_with_dribbler(world)
with World({"BOOKSPOOL_DEADLINE": f"{PATIENCE}s"}) as world:
    receiver = world.start_receiver()
    peers = Peers(world)
    pipelined(world, peers)
    shapes(world, peers)
    kept(world)
    together(world)
    equal(receiver.poll(), None, "it is still the same process")
    told_to_stop(world, receiver)
finish()
