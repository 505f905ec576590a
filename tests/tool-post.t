#!/usr/bin/python3
"""bookspool sign and post: what goes out, byte by byte, and what the real receiver makes of it."""

import datetime
import glob
import hashlib
import hmac
import http.server
import json
import os
import re
import ssl
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from bookspool import (ENDPOINT, SECRET, SIGNATURE, TOP, World, equal, finish,  # noqa: E402
                       free_port, match, ok, program, run_parts, sample, sign, skip, tool)

DAY = 86400


class Listener:
    """A server of its own that keeps every request and answers as it is told."""

    def __init__(self, context=None):
        listener = self
        self.requests = []
        self.answer = (200, b'{"status":"accepted"}\nsecond line\n', {})
        self.next = []  # statuses instead of that one

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                listener.requests.append((self.path, self.headers, body))
                status, text, headers = listener.answer
                status = listener.next.pop(0) if listener.next else status
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        if context:
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.url = f"{'https' if context else 'http'}://127.0.0.1:{self.server.server_port}/hook"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()


def run(world, *args, code=0, name=None, **more):
    done = world.run("bookspool", *args, **more)
    equal(done.returncode, code, name or "bookspool " + re.sub(r"\S+://\S+", "URL", " ".join(args)))
    world.said = done.stderr
    return done.stdout


def header_of(line):
    """A header line as `sign` prints it, as the dictionary that World.sign makes."""
    name, _, value = line.strip().partition(": ")
    return {name: value}


def signing():
    with World(receive={"CALENDLY_WEBHOOK_SIGNING_KEY_SECONDARY": "the other"}) as world:
        body = b'{"bytes": "\xc3\xa9 \xff", \r\n "as": "they are"}\n'
        path = world.path("body")
        with open(path, "wb") as file:
            file.write(body)
        equal(header_of(run(world, "sign", "calcom", path)),
              sign("calcom", body, world.secret["calcom"]), "Cal.com's signature")
        equal(header_of(run(world, "sign", "calendly", path, "--at", "1700000000")),
              sign("calendly", body, world.secret["calendly"], 1700000000), "Calendly's, at a time")
        equal(header_of(run(world, "sign", "calendly", path, "--at", "5", "--secondary")),
              sign("calendly", body, "the other", 5), "with the secondary key")
        piped = subprocess.run([*program("bookspool"), "sign", "calcom"], input=body,
                               env=world.env(), capture_output=True)
        equal(header_of(piped.stdout.decode()), sign("calcom", body, world.secret["calcom"]),
              "a body from standard input")
        run(world, "sign", "calcom", path, "--secondary", code=78, name="a key that is not set")
        match(world.said, "CALCOM_WEBHOOK_SECRET_SECONDARY is not set", "is named")
        run(world, "sign", "stripe", path, code=64)
        run(world, "sign", "calendly", path, "--at", "soon", code=64)
        run(world, "sign", "calcom", world.path("missing"), code=66, name="a file that is missing")
        key_file = world.path("key")
        with open(key_file, "w", encoding="ascii") as file:
            file.write("from a file\n")
        os.chmod(key_file, 0o600)
        world.write_settings("receive.env", {"CALCOM_WEBHOOK_SECRET_FILE": key_file})
        equal(header_of(run(world, "sign", "calcom", path, name="a key by KEY_FILE")),
              sign("calcom", body, "from a file"), "signs too")


def posting():
    with World(receive={"CALCOM_WEBHOOK_SECRET_SECONDARY": "the other"}) as world, Listener() as peer:
        shown = run(world, "post", "calcom", "booking_created", peer.url)
        match(shown, r'^200 \{"status":"accepted"\} \d+ ms\n$', "status, first line, time")
        path, headers, body = peer.requests[-1]
        equal((path, headers["Content-Type"], headers["Expect"]), ("/hook", "application/json", None),
              "what was asked for")
        digest = hmac.new(world.secret["calcom"].encode(), body, hashlib.sha256).hexdigest()
        equal(headers[SIGNATURE["calcom"]], digest, "the bytes that went are those that were signed")
        run(world, "post", "calcom", "created", peer.url, "--secondary", "--repeat", "3")
        equal({request[2] for request in peer.requests[-3:]}, {peer.requests[-1][2]}, "repeated")
        equal(peer.requests[-1][1][SIGNATURE["calcom"]],
              sign("calcom", peer.requests[-1][2], "the other")[SIGNATURE["calcom"]], "secondary key")
        found = json.loads(run(world, "post", "calendly", "created", peer.url, "--json"))
        equal((found["status"], found["answer"], type(found["ms"])),
              (200, '{"status":"accepted"}\nsecond line\n', int), "JSON, with an answer that is none")
        before, peer.answer = peer.answer, (200, b"x" * 200000, {})
        found = json.loads(run(world, "post", "calcom", "created", peer.url, "--json"))
        equal(found["answer"], "x" * 65536, "of an answer 64 KB are read")
        peer.answer = before
        for answers in ([200, 500, 200], [500, 200, 200]):
            peer.next = list(answers)
            shown = run(world, "post", "calcom", "created", peer.url, "--repeat", "3", code=1,
                        name="the worst answer counts, not the last")
            equal([int(line[:3]) for line in shown.splitlines()], answers, "all are sent")
        peer.answer = (200, b'{"status":"duplicate"}', {})
        found = json.loads(run(world, "post", "calendly", "created", peer.url, "--json"))
        equal(found["answer"], {"status": "duplicate"}, "JSON, with an answer that is JSON")
        given = world.path("given")
        with open(given, "wb") as file:
            file.write(b" any\x00bytes \n")
        run(world, "post", "calcom", peer.url, "--body", given)
        equal(peer.requests[-1][2], b" any\x00bytes \n", "the bytes of a file, as they are")
        peer.answer = (302, b"", {"Location": peer.url})
        count = len(peer.requests)
        match(run(world, "post", "calcom", "created", peer.url, code=1, name="a redirect"), r"^302 ",
              "is an answer")
        equal(len(peer.requests), count + 1, "and not followed")
        peer.answer = (500, b"evil \x1b[31m", {})
        equal("\x1b" in run(world, "post", "calcom", "created", peer.url, code=1, name="a 500"),
              False, "no escape of an answer is printed")
        run(world, "post", "calcom", "created", f"http://127.0.0.1:{free_port()}/", code=75,
            name="nobody there")
        match(world.said, "no answer: ", "and libcurl's words")


def wrong_usage():
    with World(receive={SECRET["calcom"]: None}) as world:
        url = "http://127.0.0.1:9/"
        for args in (["calcom", "created", "file:///etc/passwd"], ["calcom", "no_such", url],
                     ["calcom", url], ["calcom", "created", url, "--repeat", "0"],
                     ["calcom", url, "--body", "x", "--uid", "y"],
                     ["calcom", "created", url, "--uid", 'y"'],
                     ["calcom", url, "--body", "x", "--stale"], [], ["stripe", "--list"]):
            run(world, "post", *args, code=64)
        run(world, "post", "calcom", "created", url, code=78, name="no key, no post")
        run(world, "post", "calcom", "created", url, "--forge", code=75, name="a forgery needs none")


def moments(value):
    """All times of a body."""
    if isinstance(value, dict):
        return [t for item in value.values() for t in moments(item)]
    if isinstance(value, list):
        return [t for item in value for t in moments(item)]
    if isinstance(value, str) and re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", value):
        return [datetime.datetime.fromisoformat(value.replace("Z", "+00:00")).timestamp()]
    return []


def shape(text):
    """A body with its ids, dates and the time when it was sent blanked out."""
    body = json.loads(text)
    sent = body and (body.get("createdAt") or body.get("created_at") or body.get("time"))
    if sent and not text.startswith('{"triggerEvent":"MEETING_'):
        text = text.replace(f'"{sent}"', '"?"')
    text = re.sub(r"\d{4}-\d\d-\d\dT", "?T", text)
    text = re.sub(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", "?", text)
    text = re.sub(r"\b(exampleBooking\d+|invented-room|[1-9A-HJ-NP-Za-km-z]{22})\b", "?", text)
    return re.sub(r'"(id|bookingId|rescheduleId|paymentId)":"?\d+"?', r'"\1":?', text)


# of bookings and what belongs to them: not of users, event types and forms
OWN_IDS = (r"exampleBooking\d+|00000000-0000-4000-8000-0{8}(?:[ae]00\d|[cd]a01|cb01|d001|f001|0001|4001)"
           r'|"(?:bookingId|rescheduleId|paymentId)":"?\d+')


def freshness():
    with World() as world, Listener() as peer:
        for path in sorted(glob.glob(os.path.join(TOP, "examples/bodies/*/*.*"))):
            provider, name = path.split("/")[-2], os.path.basename(path).rsplit(".", 1)[0]
            with open(path, "rb") as file:
                raw = file.read()
            done = world.run("bookspool", "post", provider, name, peer.url, "--repeat", "1")
            _, headers, body = peer.requests[-1]
            if not path.endswith(".json"):
                equal((body, headers["Content-Type"]), (raw, "application/x-www-form-urlencoded"),
                      f"{provider} {name}: a form")
                continue
            ok(done.returncode == 0 and shape(body.decode()) == shape(raw.decode()),
               f"{provider} {name}: the same but for ids and times", body.decode())
            kept = set(re.findall(OWN_IDS, raw.decode())) & set(re.findall(OWN_IDS, body.decode()))
            equal(kept, set(), "and no id of its own is left")


def sides():
    """What lay ahead of the envelope's time lies ahead of now, and the other way round."""
    with World() as world, Listener() as peer:
        for provider, name in (("calcom", "booking_rescheduled"), ("calcom", "ooo_created"),
                               ("calendly", "invitee_canceled_moved")):
            run(world, "post", provider, name, peer.url)
            signs = []
            for body in (sample(provider, name, fresh=False), peer.requests[-1][2]):
                event = json.loads(body)
                sent = moments(event.get("createdAt") or event["created_at"])[0]
                signs.append([when > sent for when in moments(event["payload"])])
            ok(signs[0] and signs[0] == signs[1], "times keep their side of the sending", signs)


def stories():
    with World() as world, Listener() as peer:
        def post(*args):
            run(world, "post", *args[:2], peer.url, *args[2:])
            return json.loads(peer.requests[-1][2])
        first, second = post("calcom", "booking_created"), post("calcom", "booking_created")
        ok(first["payload"]["uid"] != second["payload"]["uid"], "each post is a booking of its own")
        ok(first["payload"]["bookingId"] != second["payload"]["bookingId"], "with its own number")
        payload = first["payload"]
        equal((payload["iCalUID"], payload["metadata"]["videoCallUrl"].rpartition("/")[2]),
              (payload["uid"] + "@Cal.com", payload["uid"]), "and one id throughout")
        sent = moments(first["createdAt"])[0]
        start, end = moments([payload["startTime"], payload["endTime"]])
        ok(abs(time.time() - sent) < 120 and sent < start < sent + 7 * DAY, "now, and soon",
           [first["createdAt"], payload["startTime"]])
        equal(end - start, 1800, "its length stays")
        moved = post("calcom", "booking_rescheduled", "--uid", "new", "--other", "old")["payload"]
        equal((moved["uid"], moved["rescheduleUid"], moved["iCalUID"]),
              ("new", "old", "old@Cal.com"), "a move of known bookings")
        equal(post("calcom", "booking_no_show_updated", "--uid", "it")["payload"]["bookingUid"], "it",
              "a no-show of a known booking")
        meeting = post("calcom", "meeting_started", "--uid", "it")
        ok(abs(time.time() - moments(meeting["startTime"])[0]) < DAY, "a meeting is today's",
           meeting["startTime"])
        equal((meeting["uid"], meeting["references"][0]["uid"] == "it", meeting["id"]),
              ("it", False, meeting["attendees"][0]["bookingId"]), "and its ids agree")
        moved = post("calendly", "invitee_created_moved", "--uid", "new", "--other", "old")["payload"]
        match(moved["uri"], "/scheduled_events/new/invitees/new$", "Calendly: its own id")
        match(moved["old_invitee"], "/scheduled_events/old/invitees/old$", "and the one it replaces")
        equal(moved["event"], moved["scheduled_event"]["uri"], "and one event throughout")
        ok(all(t <= time.time() + 120 for t in moments(moved["updated_at"])), "changed in the past")


def real_receiver():
    """What the receiver answers is what test-webhook.sh and the demo count on."""
    if not tool("nginx"):
        return skip("nginx is not installed", 12)
    with World(receive={"CALCOM_WEBHOOK_SECRET_SECONDARY": "the other"}) as world:
        world.start_receiver()
        world.start_nginx(listen=f"127.0.0.1:{free_port()}")

        def post(provider, name, *args, code=0):
            return run(world, "post", provider, name, world.url + ENDPOINT[provider], *args, code=code)
        for provider in ENDPOINT:
            match(post(provider, "created"), '^200 .*"accepted"', "accepted")
            match(post(provider, "created", "--forge", code=1), '^401 .*"signature"', "forged")
            match(post(provider, "created", "--stale", code=1), '^403 .*"stale"', "stale")
        match(post("calcom", "meeting_ended", "--stale", code=1), '^403 .*"stale"', "stale, flat")
        match(post("calcom", "meeting_ended"), '^200 .*"accepted"', "a meeting")
        match(post("calcom", "created", "--secondary"), '^200 .*"accepted"', "secondary key")
        match(post("calcom", "ping"), '^200 .*"pong"', "Cal.com's test")
        shown = post("calendly", "created", "--repeat", "2")
        match(shown, r'(?s)^200 .*"accepted".*\n200 .*"duplicate"', "repeated: a duplicate")
        equal(len(world.spool("held")), 3, "stale events are held")
        run(world, "release", "--all")
        run(world, "check", name="check: all is well")
        equal(world.drain().returncode, 0, "the drain mails them")
        equal(len(world.mails()), len(world.spool("done")), "one mail an event")
        match(run(world, "status"), "(?s)^all is well.*secondary secret of calcom last used ", "status")


def encrypted():
    with World() as world:
        cert, key = world.path("cert.pem"), world.path("key.pem")
        made = subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days",
                               "2", "-subj", "/CN=localhost", "-addext",
                               "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", cert],
                              capture_output=True)
        if made.returncode:
            return skip("openssl makes no certificate", 3)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(cert, key)
        with Listener(context) as peer:
            run(world, "post", "calcom", "created", peer.url, code=75, name="an unknown authority")
            equal(peer.requests, [], "gets nothing")
            run(world, "post", "calcom", "created", peer.url, "--cacert", cert, name="--cacert")


run_parts((signing, posting, wrong_usage, freshness, sides, stories, real_receiver, encrypted))
finish()
