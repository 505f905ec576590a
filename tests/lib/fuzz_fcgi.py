"""FastCGI as an enemy would send it: requests that know their own right answer, and what breaks them.

    fuzz = Fuzz(world, seed)
    fuzz.run(seconds=10)            # or cases=1000; raises Finding with what was sent
    fuzz.check_spool()              # every file is an event that was signed here

A sound request may have any shape that the protocol allows (records of any size, padding, long forms of
lengths, other variables, several requests on one connection, several connections interleaved, bytes that
come in pieces), and has exactly one right answer. A broken one had its records or bytes changed after it
was signed: whatever is answered, nothing is stored but bodies that were signed, and who comes after it on
another connection is served as if nothing had been.
"""

import collections
import json
import os
import random
import struct
import time

import fcgi
from bookspool import ENDPOINT, SIGNATURE, aged, id_of, sign

CAP = 16384  # BOOKSPOOL_MAX_BODY of the world that is fuzzed
STATUSES = {200, 400, 401, 403, 404, 405, 411, 413, 503}
Sound = collections.namedtuple("Sound", "wire status stored keep")  # stored: "new", "held" or None


class Finding(Exception):
    pass


class Fuzz:
    def __init__(self, world, seed):
        self.world, self.seed = world, seed
        self.random = random.Random(seed)
        self.bodies = {}  # id -> (provider, body) of all that was ever signed
        self.promised = set()  # of these, answered 200 and stored in new/
        self.number = 0
        self.count = collections.Counter()

    # ---- sound requests ----

    def body(self, provider, size=0):
        self.number += 1
        now = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime())
        name = "createdAt" if provider == "calcom" else "created_at"
        event = {"calcom": {"triggerEvent": "BOOKING_CREATED"},
                 "calendly": {"event": "invitee.created"}}[provider]
        text = json.dumps({**event, name: now, "payload": {"uid": f"{self.seed}-{self.number}"}})
        return (text[:-1] + " " * max(0, size - len(text)) + "}").encode()

    def signed(self, provider, body, at=None):
        self.bodies[id_of(provider, body)] = (provider, body)
        return sign(provider, body, self.world.secret[provider], at)

    def shape(self):
        pick = self.random
        size, params_size = pick.choice((1, 7, 100, 4096, 65535)), pick.choice((1, 5, 64, 1000, 65535))
        # headers and padding must not outgrow their content (receive/fcgi_check.c)
        padding = pick.choice((0, 1) if min(size, params_size) < 1000 else (0, 0, 1, 7, 255))
        return {"size": size, "params_size": params_size, "padding": padding,
                "id": pick.choice((1, 1, 2, 255, 256, 65535)), "wide": pick.random() < 0.2,
                "keep": pick.random() < 0.7}

    def variables(self, values):
        """In any order, with others that a client can cause, and later ones of the same name."""
        pick = self.random
        pairs = list(values.items())
        for name, value in (("HTTP_PROXY", "http://192.0.2.1:8080"), ("HTTP_HOST", "x" * pick.randrange(3000)),
                            ("HTTP_X_CAL_SIGNATURE_256_", "0" * 64), ("HTTPS", "on"), ("", ""), ("", "x"),
                            ("HTTP_X", ""), ("QUERY_STRING_", "&" * 100), ("HTTP_CONTENT_LENGTH", "0")):
            if pick.random() < 0.2:
                pairs.append((name, value))
        pick.shuffle(pairs)
        if pick.random() < 0.2:
            pairs += pick.sample(list(values.items()), 2)
            pairs[-1] = (pairs[-1][0], "another value, which comes too late")
        return pairs

    def wire(self, values, body, shape):
        data = b"".join(fcgi.pair(name, value, shape["wide"]) for name, value in self.variables(values))
        return (fcgi.begin(shape["keep"], id=shape["id"])
                + fcgi.stream(fcgi.PARAMS, data, shape["params_size"], shape["id"], shape["padding"])
                + fcgi.stream(fcgi.STDIN, body, shape["size"], shape["id"], shape["padding"]))

    def sound(self):
        pick, shape = self.random, self.shape()
        provider = pick.choice(list(ENDPOINT))
        path = ENDPOINT[provider] + pick.choice(("", "", "/b"))
        body = self.body(provider, pick.choice((0, 0, 200, 3000, CAP)))
        kind = pick.choice(("new", "new", "new", "new", "stale", "forged", "unsigned", "wrong-path", "method",
                            "health", "short", "long", "declared", "nonsense"))
        headers, status, stored, method, sent, more = {}, 401, None, "POST", body, {}
        if kind == "stale":
            body, at = aged(provider, body, 90000)
            headers, status, stored, sent = self.signed(provider, body, at), 403, "held", body
        elif kind == "forged":
            headers = sign(provider, body, "not the secret")
        elif kind != "unsigned":
            headers, status, stored = self.signed(provider, body), 200, "new"
        if kind == "wrong-path":
            path, status, stored = pick.choice((path + "/b/c", "/", "", path + "x", "/api/../" + path)), 404, None
            if path.endswith("/bx"):
                path += "/y"
        elif kind == "method":
            method, status, stored, sent = pick.choice(("GET", "PUT", "post", "")), 405, None, b""
        elif kind == "health":
            method, path, stored, sent, headers = "GET", "/api/health", None, b"", {}
        elif kind == "short":
            sent, status, stored = body[:-1], 400, None
        elif kind == "long":
            sent, status, stored = body + b"x", 400, None
        elif kind == "declared":
            more, status, stored = {"CONTENT_LENGTH": str(pick.choice((CAP + 1, 2 ** 31, 2 ** 64)))}, 413, None
            shape["keep"] = False
        elif kind == "nonsense":
            more, stored = {"CONTENT_LENGTH": pick.choice(("-1", "+5", "0x10", "1 ", "", "5,5"))}, None
            status = 411 if more["CONTENT_LENGTH"] == "" else 400
        if len(sent) > CAP:
            shape["keep"] = False
        values = fcgi.params(method, path, body, headers, **more)
        if method != "POST":
            values["CONTENT_LENGTH"] = ""
        self.count[kind] += 1
        return Sound(self.wire(values, sent, shape), status, stored and (stored, provider, body), shape["keep"])

    # ---- broken requests ----

    def records(self, wire):
        at, found = 0, []
        while at + 8 <= len(wire):
            length, padding = struct.unpack(">HB", wire[at + 4:at + 7])
            found.append(wire[at:at + 8 + length + padding])
            at += len(found[-1])
        return found

    def broken(self, wire):
        for _ in range(self.random.choice((1, 1, 1, 2, 5))):
            wire = self.random.choice((self.change_header, self.change_bytes, self.change_order, self.add_record,
                                       self.cut, self.change_variables))(wire)
        return wire

    def change_header(self, wire):
        """A field of one record's header: version, type, id, length, padding."""
        records, pick = self.records(wire), self.random
        if not records:
            return wire
        which = pick.randrange(len(records))
        record = bytearray(records[which])
        record[pick.randrange(8)] = pick.choice((0, 1, 2, 4, 5, 8, 11, 127, 128, 255))
        records[which] = bytes(record)
        return b"".join(records)

    def change_bytes(self, wire):
        data, pick = bytearray(wire), self.random
        for _ in range(pick.choice((1, 1, 2, 8, 64))):
            if data:
                data[pick.randrange(len(data))] = pick.choice((0, 1, 0x20, 0x7f, 0x80, 0xff, pick.randrange(256)))
        return bytes(data)

    def change_order(self, wire):
        records, pick = self.records(wire), self.random
        if len(records) > 1:
            one, other = pick.randrange(len(records)), pick.randrange(len(records))
            how = pick.randrange(3)
            if how == 0:
                del records[one]
            elif how == 1:
                records.insert(other, records[one])
            else:
                records[one], records[other] = records[other], records[one]
        return b"".join(records)

    def add_record(self, wire):
        records, pick = self.records(wire), self.random
        content = pick.choice((b"", b"x", bytes(8), b"\0\1\1\0\0\0\0\0", b"\xff" * 64, b"\x80\0\0\0" * 2,
                               fcgi.pair("CONTENT_LENGTH", "1") * 4, fcgi.pair("FCGI_MAX_CONNS", "")))
        claimed = pick.choice((None, None, None, 0, 1, 65535))
        extra = fcgi.record(pick.choice((*range(13), 77, 255)), content, pick.choice((0, 1, 1, 2, 65535)),
                            pick.choice((1, 1, 1, 0, 2)), pick.choice((0, 0, 3, 255)), claimed)
        records.insert(pick.randrange(len(records) + 1), extra)
        return b"".join(records)

    def cut(self, wire):
        pick = self.random
        if len(wire) < 2:
            return wire
        at, end = sorted((pick.randrange(len(wire)), pick.randrange(len(wire))))
        return pick.choice((wire[:at], wire[at:], wire[:at] + wire[end:], wire[:end] + wire[at:]))

    def change_variables(self, wire):
        """Lengths of pairs that do not add up, values with a NUL, a signature twice."""
        pick = self.random
        name = b"HTTP_" + SIGNATURE[pick.choice(list(SIGNATURE))].upper().replace("-", "_").encode()
        lie = pick.choice((struct.pack(">II", 0xfffffffe, 0xfffffffe), b"\x7f\x7f", b"\x80", b"\1",
                           struct.pack(">I", 0x80000000 | pick.randrange(1 << 31)) + b"\1", b"\0\0",
                           bytes([len(name), 3]) + name + b"a\0b", bytes([14, 1]) + b"CONTENT_LENGTH9"))
        records = self.records(wire)
        places = [n for n, record in enumerate(records) if record[1] == fcgi.PARAMS]
        if places:
            which = pick.choice(places)
            content = records[which][8:8 + struct.unpack(">H", records[which][4:6])[0]]
            at = pick.randrange(len(content) + 1)
            records[which] = fcgi.record(fcgi.PARAMS, (content[:at] + lie + content[at:])[:65535],
                                         struct.unpack(">H", records[which][2:4])[0])
        return b"".join(records)

    # ---- sending, and what must be true then ----

    def connection(self):
        """(what to send, the requests whose answers are known, is anything else allowed)."""
        wire, known = b"", []
        for _ in range(self.random.choice((1, 1, 1, 2, 3, 6))):
            request = self.sound()
            self.count["requests"] += 1
            if self.random.random() < 0.6:
                self.count["broken"] += 1
                return wire + self.broken(request.wire), known, True
            wire += request.wire
            known.append(request)
            if not request.keep:
                break
        return wire, known, False

    def pieces(self, wire):
        pick = self.random
        ends = sorted(pick.randrange(len(wire) + 1) for _ in range(pick.choice((0, 0, 1, 3, 10)))) + [len(wire)]
        return [wire[a:b] for a, b in zip([0] + ends, ends) if b > a]

    def turn(self):
        """Some connections at once; raises Finding."""
        plans = [self.connection() for _ in range(self.random.choice((1, 2, 4, 8)))]
        clients = [fcgi.Client(self.world.socket, 60) for _ in plans]
        try:
            queue = [(client, piece) for client, (wire, _, _) in zip(clients, plans) for piece in self.pieces(wire)]
            queue = self.interleave(queue)
            for client, piece in queue:
                client.send(piece)
            for client in clients:
                client.finish_sending()
            for client, (wire, known, loose) in zip(clients, plans):
                try:
                    self.judge(client, known, loose)
                except (Finding, OSError, ValueError) as error:
                    raise Finding(f"{error!r} after {wire.hex()}") from error
        finally:
            for client in clients:
                client.socket.close()

    def interleave(self, queue):
        """In any order, but the pieces of one connection in theirs."""
        rest = collections.defaultdict(collections.deque)
        for client, piece in queue:
            rest[client].append(piece)
        order = [client for client, _ in queue]
        self.random.shuffle(order)
        return [(client, rest[client].popleft()) for client in order]

    def judge(self, client, known, loose):
        for request in known:
            answer = client.answer()
            if request.status == 200 and answer and answer.status == 503 and not request.stored:
                continue  # health
            if answer is None or answer.status != request.status:
                raise Finding(f"answered {answer}, not {request.status}")
            if request.stored:
                place, provider, body = request.stored
                key = id_of(provider, body)
                if not os.path.exists(self.world.file(place, key)):
                    raise Finding(f"answered {answer}, but {place}/{key} is not there")
                if place == "new":
                    self.promised.add(key)
        while loose:
            answer = client.answer()
            if answer is None:
                return
            if answer.status not in STATUSES:
                raise Finding(f"answered {answer}")
            key = answer.json.get("id")
            if answer.json.get("status") in ("accepted", "duplicate"):
                if key not in self.bodies:
                    raise Finding(f"a forged event was accepted: {answer}")
                self.promised.add(key)
        if client.answer() is not None:
            raise Finding("more answers than requests")

    def check_spool(self):
        """Every file is an event that was signed here; every one that was promised is there. They are
        removed: a directory of millions would be another test."""
        for place in ("new", "held"):
            for key in self.world.spool(place):
                if key not in self.bodies:
                    raise Finding(f"{place}/{key} was never signed")
                if self.world.record(place, key)[1] != self.bodies[key][1]:
                    raise Finding(f"{place}/{key} has another body")
                if place == "new":
                    self.promised.discard(key)
                os.unlink(self.world.file(place, key))
        if self.promised:
            raise Finding(f"lost: {sorted(self.promised)}")
        if self.world.spool("tmp"):
            raise Finding(f"left: {self.world.spool('tmp')}")
        self.bodies.clear()

    def run(self, receiver, seconds=None, requests=None, tell=None):
        """Until so many seconds or requests are over; `tell` is called about once a second."""
        end = time.monotonic() + seconds if seconds else None
        told = checked = time.monotonic()
        while time.monotonic() < end if end else self.count["requests"] < requests:
            self.turn()
            if receiver.poll() is not None:
                raise Finding(f"the receiver died: {receiver.returncode}")
            now = time.monotonic()
            if now - checked > 5:
                self.check_spool()
                checked = now
            if tell and now - told > 1:
                tell(self)
                told = now
        self.check_spool()
