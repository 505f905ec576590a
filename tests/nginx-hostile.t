#!/usr/bin/python3
"""Clients of nginx that smuggle, climb, dribble, hang up and come in thousands, with the shipped files.

What an enemy of the web can do to a webhook's path: nothing that was not signed is stored, nothing signed is
taken for the other provider's, and whoever else comes is served.
"""

import os
import re
import resource
import socket
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from bookspool import (ENDPOINT, PATIENCE, SIGNATURE, World, equal, finish, id_of, need, ok,  # noqa: E402
                       run_parts, sample, sign, skip, wait_for)

# Each client may have an address of its own; on a slow machine a head takes long.
BY_HEADER = "set_real_ip_from unix:; real_ip_header X-Real-IP; client_header_timeout 1h;"
MANY = 10000
SPARE = 2000  # nginx closes silent connections when a sixteenth is left
SLOW = 200


def connect(world, path=None):
    """Waits where the backlog is full, which a socket with a time limit does not."""
    client = socket.socket(socket.AF_UNIX)
    client.connect(path or world.path("http.sock"))
    client.settimeout(PATIENCE)
    return client


def read_all(client):
    got = b""
    try:
        while chunk := client.recv(65536):
            got += chunk
    except ConnectionResetError:
        pass
    return got


def statuses(raw):
    """Of all answers in it: more than one where a request was smuggled in another."""
    return [int(code) for code in re.findall(rb"(?m)^HTTP/1\.1 (\d+)", raw)]


def ask(world, head, body=b""):
    """One connection with exactly these lines and bytes, and the end."""
    with connect(world) as client:
        lines = [line if isinstance(line, bytes) else line.encode() for line in head]
        client.sendall(b"\r\n".join([*lines, b"Connection: close", b"", b""]) + body)
        return read_all(client)


class Booking:
    def __init__(self, world, provider="calcom", size=0):
        self.body = sample(provider, {"calcom": "booking_created", "calendly": "invitee_created"}[provider])
        self.body += b" " * max(0, size - len(self.body))
        (self.header, self.value), = sign(provider, self.body, world.secret[provider]).items()
        self.signature = f"{self.header}: {self.value}"
        self.wrong = f"{self.header}: " + re.sub("[0-9a-f]$", lambda last: "0" if last[0] != "0" else "1", self.value)
        self.path, self.key = ENDPOINT[provider], id_of(provider, self.body)

    def head(self, *lines, path=None, length=None):
        length = len(self.body) if length is None else length
        return [f"POST {path or self.path} HTTP/1.1", "Host: localhost", f"Content-Length: {length}", *lines]


def smuggled_headers(world):
    """name -> (lines, what may be answered)"""
    some = Booking(world)
    right, wrong, name = some.signature, some.wrong, some.header
    under = name.replace("-", "_")
    cases = {
        "Proxy, which becomes HTTP_PROXY": ([right, "Proxy: http://192.0.2.1:8080"], {200}),
        "the signature with underscores": ([f"{under}: {some.value}"], {401}),
        "a wrong one with underscores beside it": ([f"{under}: {'0' * 64}", right], {200}),
        "a wrong signature, then the right one": ([wrong, right], {401}),
        "the right signature, then a wrong one": ([right, wrong], {200, 401}),
        "the wrong signature twice": ([wrong, wrong], {401}),
        "two in one header": ([f"{name}: {'0' * 64}, {some.value}"], {401}),
        "in capitals": ([f"{name}: {some.value.upper()}"], {401}),
        "a blank before the colon": ([f"{name} : {some.value}"], {400, 401}),
        "folded": ([f"{name}:", f" {some.value}"], {400, 401}),
        "a tab after it": ([f"{name}: {some.value}\t"], {200, 400, 401}),
        "a NUL in it": ([f"{name}: {some.value}\0"], {400, 401}),
        "other variables as headers": ([right, "Script-Name: /x", "Path-Info: /metrics", "Request-Method: GET",
                                        "Remote-Addr: 127.0.0.1", "Fcgi-Role: AUTHORIZER"], {200}),
        "300 more headers": ([right, *(f"X-{number}: y" for number in range(300))], {200}),
        "24 KB of headers": ([right, *("X-" + "a" * 7000 + ": b" for _ in range(3))], {200, 400}),
        "100 KB of headers": ([right, *("X-" + "a" * 7000 + ": b" for _ in range(15))], {400}),
        "a header of 100 KB": ([right, "X: " + "a" * 100000], {400}),
    }
    for what, (lines, allowed) in cases.items():
        booking = Booking(world)
        lines = [line.replace(some.value.upper(), booking.value.upper()).replace(some.value, booking.value)
                 .replace(some.wrong, booking.wrong) for line in lines]
        got = statuses(ask(world, booking.head(*lines), booking.body))
        ok(len(got) == 1 and got[0] in allowed, f"{what}: {got}", f"one of {allowed}")
        equal(booking.key in world.spool("new"), got == [200], f"{what}: stored if accepted, and only then")


def smuggled_bodies(world):
    """Two lengths, or none that both sides agree on: a second request must not hide in the first."""
    hidden = Booking(world)
    inner = "\r\n".join([*hidden.head(hidden.signature), "", ""]).encode() + hidden.body
    before = world.spool("new")
    chunk = f"{len(inner):x}\r\n".encode() + inner + b"\r\n0\r\n\r\n"
    host = [f"POST {hidden.path} HTTP/1.1", "Host: localhost"]
    cases = {
        "two lengths": ([*host, "Content-Length: 3", f"Content-Length: {len(inner)}"], inner),
        "the same length twice": ([*host, *[f"Content-Length: {len(inner)}"] * 2], inner),
        "length and chunks": ([*host, f"Content-Length: {len(chunk)}", "Transfer-Encoding: chunked"], chunk),
        "chunks and length": ([*host, "Transfer-Encoding: chunked", "Content-Length: 3"], chunk),
        "chunks by another name": ([*host, "Transfer-Encoding: xchunked"], chunk),
        "chunks twice": ([*host, "Transfer-Encoding: chunked", "Transfer-Encoding: chunked"], chunk),
        "chunks, identity": ([*host, "Transfer-Encoding: chunked, identity"], chunk),
        "Content_Length": ([*host, f"Content_Length: {len(inner)}"], inner),
        "a length with a sign": ([*host, f"Content-Length: +{len(inner)}"], inner),
        "a negative length": ([*host, "Content-Length: -1"], inner),
        "a hexadecimal length": ([*host, f"Content-Length: {len(inner):#x}"], inner),
        "a length beyond 64 bits": ([*host, "Content-Length: 18446744073709551617"], inner),
        "a chunk beyond 64 bits": ([*host, "Transfer-Encoding: chunked"], b"fffffffffffffffff\r\n" + inner),
        "a chunk with a sign": ([*host, "Transfer-Encoding: chunked"], b"-1\r\n" + inner),
        "the body of a GET": (["GET /api/health HTTP/1.1", "Host: localhost", f"Content-Length: {len(inner)}"], inner),
        "a second request after bare LF": ([host[0] + "\n" + host[1] + "\n\n" + inner.decode()], b""),
    }
    for what, (head, body) in cases.items():
        got = statuses(ask(world, head, body))
        ok(got and 200 not in got[:1] or what == "the body of a GET", f"{what}: {got}")
        if what != "a second request after bare LF":
            equal(len(got), 1, f"{what}: one answer")
    ok(set(world.spool("new")) - set(before) <= {hidden.key}, "nothing was stored but what was asked for openly")


def paths(world):
    """Which path it is decides the provider, and nothing in a path makes it another one."""
    calcom, calendly = ENDPOINT["calcom"], ENDPOINT["calendly"]
    same = (calcom, "/%61pi/calcom-webhook", "//api//calcom-webhook", "/./api/calcom-webhook", calcom + "/b",
            "/api/x/../calcom-webhook", calcom + "?x=/metrics", "http://localhost" + calcom,
            calendly + "/../../calcom-webhook", calcom + "/%2e%2e", calcom + "/;x", calcom + "/a\\b")
    other = (calendly, calendly + "/b", calcom + "/../webhooks/calendly")
    none = ("/", calcom + "/", calcom + "/b/c", calcom + "x", "/API/calcom-webhook", calcom + ".", calcom + ";x",
            "/api/calcom-webhook%2fb%2fc", "/api%2fcalcom-webhook/", "/metrics/",
            "/api/health/../", "/api/calcom-webhook%20", "/api/" + "a/" * 900, "/api/c\u00e4lcom-webhook")
    refused = ("/../api/calcom-webhook", "/..%2fapi/calcom-webhook", calcom + "%00", calcom + "/%00", "/%", calcom + "/%zz", calcom + "#x",
               "/" + "a" * 40000, "*", "api/calcom-webhook")
    for group, allowed in ((same, {200}), (other, {401}), (none, {404, 405}), (refused, {200, 400, 404, 414})):
        for path in group:
            booking = Booking(world)
            got = statuses(ask(world, booking.head(booking.signature, path=path), booking.body))
            if path.endswith("/%2e%2e"):
                allowed_here = {404, 405}  # decoded, it climbs
            else:
                allowed_here = allowed
            ok(len(got) == 1 and got[0] in allowed_here, f"{path[:60]}: {got}", f"one of {allowed_here}")
            equal(booking.key in world.spool("new"), got == [200], f"{path[:60]}: stored if accepted, and only then")


def oversized(world):
    large, before = 1024 * 1024, world.spool("new")
    for what, head, body in (
            ("a declared gigabyte", ["Content-Length: 1073741824"], b"x" * 1000),
            ("a byte above the cap", [f"Content-Length: {large + 1}"], b"x" * (large + 1)),
            ("chunks above the cap", ["Transfer-Encoding: chunked"],
             b"10000\r\n" + (b"x" * 65536 + b"\r\n10000\r\n") * 17)):
        with connect(world) as client:
            client.sendall("\r\n".join([f"POST {ENDPOINT['calcom']} HTTP/1.1", "Host: localhost", *head, "Connection: close",
                                        "", ""]).encode())
            try:
                client.sendall(body)
                client.shutdown(socket.SHUT_WR)
            except (BrokenPipeError, ConnectionResetError):
                pass
            got = statuses(read_all(client))
        ok(got in ([413], []), f"{what}: {got}")
    equal(world.spool("new"), before, "nothing of it is stored")


def address_of(number):
    return f"X-Real-IP: 198.51.{number // 200}.{number % 200 + 1}"


def is_served(world, number):
    booking = Booking(world)
    return statuses(ask(world, booking.head(booking.signature, address_of(50000 + number)), booking.body)) == [200]


def slow_and_broken(world):
    """Heads and bodies that come a byte at a time, stop, or end too soon."""
    slow = []
    for number in range(SLOW):
        booking, client = Booking(world, "calendly"), connect(world)
        head = "\r\n".join([*booking.head(booking.signature, address_of(number)), "", ""]).encode()
        wire = head + booking.body
        cut = len(head) - 9 if number % 2 else len(head) + 100
        client.sendall(wire[:cut])
        slow.append((client, wire[cut:], booking))
    ok(is_served(world, 0), f"{SLOW} stop in their head or body: the next client is served")
    for step in range(5):
        for client, rest, _ in slow:
            try:
                client.sendall(rest[step:step + 1])
            except BrokenPipeError:
                pass  # a body that stops is given up after a while (client_body_timeout)
        ok(is_served(world, step + 1), f"byte {step + 1} of each has come: the next client is served")
    gone, rest = slow[:SLOW // 2], slow[SLOW // 2:]
    for client, _, _ in gone:
        client.close()
    for client, wire, _ in rest[::2]:  # these stopped in their head
        client.sendall(wire[5:])
    answers = [client.recv(200) for client, _, _ in rest[::2]]
    equal({statuses(answer)[0] for answer in answers}, {200}, "those that go on are answered")
    for client, _, _ in rest:
        client.close()
    ok(is_served(world, 9), "and when the others hung up")
    stored = set(world.spool("new"))
    equal(sum(booking.key in stored for _, _, booking in gone), 0, "nothing of those that hung up is stored")
    equal(sum(booking.key in stored for _, _, booking in rest[::2]), len(rest[::2]), "all that were answered are")


def many(world):
    """10,000 connections at once: silent heads at nginx; every hundredth goes on to be served."""
    clients, started = [], time.monotonic()
    for number in range(MANY):
        client = connect(world)
        client.sendall(f"POST {ENDPOINT['calcom']} HTTP/1.1\r\nHost: localhost\r\n{address_of(number % 9000)}\r\n".encode())
        clients.append(client)
    ok(is_served(world, 100), f"beside {MANY} connections a client is served")
    served = 0
    for number in range(0, MANY, 100):
        booking = Booking(world)
        clients[number].sendall("\r\n".join([*booking.head(booking.signature)[2:], "", ""]).encode() + booking.body)
        served += statuses(clients[number].recv(4096)) == [200] and booking.key in world.spool("new")
    equal(served, MANY // 100, "each that goes on is served")
    print(f"# {MANY} connections in {time.monotonic() - started:.1f} s", flush=True)
    for client in clients:
        client.close()
    ok(is_served(world, 101), "and when all have gone")


def many_at_the_socket(world):
    """As many at the receiver itself, which holds fewer: it closes those that are silent longest."""
    clients = [connect(world, world.socket) for _ in range(MANY)]
    ok(is_served(world, 200), f"beside {MANY} connections at the receiver a client of nginx is served")
    for client in clients:
        client.close()
    ok(wait_for(lambda: is_served(world, 201)), "and after them")


need("nginx", "curl")
_, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
enough = hard == resource.RLIM_INFINITY or hard >= MANY + SPARE
if enough:
    resource.setrlimit(resource.RLIMIT_NOFILE, (MANY + SPARE, hard))
with World() as world:
    receiver = world.start_receiver()
    world.start_nginx(http=BY_HEADER, connections=MANY + SPARE)
    run_parts((smuggled_headers, smuggled_bodies, paths, oversized, slow_and_broken), world)
    if enough:
        run_parts((many, many_at_the_socket), world)
    else:
        skip(f"only {hard} descriptors are to be had")
    equal(world.stop(receiver), 0, "the receiver is still the same, and ends cleanly")
finish()
