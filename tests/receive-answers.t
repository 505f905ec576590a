#!/usr/bin/python3
"""Every row of the receiver's table of answers, over its own socket with hand-made records."""

import hashlib
import hmac
import json
import os
import stat
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from counters import read  # noqa: E402
from bookspool import (ENDPOINT, PATIENCE, World, aged, equal, finish, id_of, match,  # noqa: E402
                       ok, run_parts, sign, wait_for)
from fcgi import PARAMS, STDIN, Client, begin, encode, params, record, request, stream  # noqa: E402

OTHER_KEY = {"calcom": "CALCOM_WEBHOOK_SECRET_SECONDARY",
             "calendly": "CALENDLY_WEBHOOK_SIGNING_KEY_SECONDARY"}
LOCAL = {"REMOTE_ADDR": "127.0.0.1"}


def booking(provider, number, age=0):
    """A small body of its own, and the time for sign()."""
    now = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime())
    if provider == "calcom":
        event = {"triggerEvent": "BOOKING_CREATED", "createdAt": now,
                 "payload": {"uid": f"uid-{number}", "title": "Consultation"}}
    else:
        event = {"event": "invitee.created", "created_at": now,
                 "payload": {"uri": f"https://api.calendly.com/invitees/{number}"}}
    return aged(provider, json.dumps(event).encode(), age)


def ask(world, method, path, body=b"", headers=None, **more):
    with Client(world.socket) as client:
        client.send(request(params(method, path, body, headers, **more), body))
        return client.answer()


def post(world, provider, body, at=None, secret=None, path=None, **more):
    headers = sign(provider, body, secret or world.secret[provider], at)
    return ask(world, "POST", path or ENDPOINT[provider], body, headers, **more)


def says(answer, status, word, reason, name, id=None):
    got = answer and (answer.status, answer.json.get("status"), answer.json.get("reason"),
                      answer.json.get("id"))
    return equal(got, (status, word, reason, id), name)


def accepted(world, provider):
    body, at = booking(provider, 1)
    key = id_of(provider, body)
    answer = post(world, provider, body, at)
    says(answer, 200, "accepted", None, f"{provider}: a signed booking is accepted", key)
    equal(answer.headers.get("content-type"), "application/json", "the answer is JSON")
    equal(answer.headers.get("cache-control"), "no-store", "that nobody may store")
    equal(answer.body.count(b"\n"), 1, "of one line")
    header, stored = world.record("new", key)
    equal(stored, body, "the body is stored as it came")
    equal((header["id"], header["provider"], header["secret-used"], header["length"]),
          (key, provider, "primary", str(len(body))), "with its header")
    equal(header["content-type"], "application/json", "and its content type")
    ok("payload-version" not in header, "and no version of the payload")
    mode = os.stat(os.path.join(world.spool_dir, "new", key)).st_mode
    equal(stat.S_IMODE(mode), 0o660, "for owner and group")
    says(post(world, provider, body, at), 200, "duplicate", None, "again: a duplicate", key)
    second, at = booking(provider, 2)
    says(post(world, provider, second, at, path=ENDPOINT[provider] + "/b"), 200, "accepted", None,
         "one more path element is the same endpoint", id_of(provider, second))
    third, at = booking(provider, 3)
    answer = post(world, provider, third, at, SCRIPT_NAME="/api",
                  PATH_INFO=ENDPOINT[provider][len("/api"):])
    equal(answer.status, 200, "the path is SCRIPT_NAME and PATH_INFO")


def versions(world, provider):
    """Cal.com names the form of its payloads; the header is not signed, so it may be anything."""
    rows = (("2026-07-27", "2026-07-27"), ("v" * 90, "v" * 64), (b"a\nId: 1\xff", "a?Id: 1?"))
    for number, (given, kept) in enumerate(rows):
        body, at = booking(provider, f"version{number}")
        headers = {**sign(provider, body, world.secret[provider], at), "X-Cal-Webhook-Version": given}
        equal(ask(world, "POST", ENDPOINT[provider], body, headers).status, 200,
              f"{provider}: with the version {given[:12]!r}")
        equal(world.record("new", id_of(provider, body))[0].get("payload-version"),
              kept if provider == "calcom" else None, "which the file has for Cal.com")


def forged(world, provider):
    body, at = booking(provider, "forged")
    path = ENDPOINT[provider]
    right = sign(provider, body, world.secret[provider], at)
    (name, value), = right.items()
    before = len(world.spool("new")), world.spool("held")
    says(ask(world, "POST", path, body), 401, "signature", "signature-absent",
         f"{provider}: without a signature")
    says(ask(world, "POST", path, body, {name: "rubbish"}), 401, "signature",
         "signature-malformed", "a malformed signature")
    says(ask(world, "POST", path, body, {name: value.upper()}), 401, "signature",
         "signature-malformed", "a signature in capitals")
    says(post(world, provider, body, at, secret="another"), 401, "signature", "signature-wrong",
         "a signature by another key")
    says(ask(world, "POST", path, body + b" ", right), 401, "signature", "signature-wrong",
         "a signature over another body")
    says(ask(world, "POST", path, b"", {name: value}), 401, "signature", "signature-wrong",
         "a declared length of 0 is judged by its signature")
    if provider == "calcom":
        says(ask(world, "POST", path, body, {name: "no-secret-provided"}), 401, "signature",
             "signature-not-signed", "Cal.com's literal for no secret")
    equal((len(world.spool("new")), world.spool("held")), before, "none of them is stored")


def stale(world, provider, window):
    for age in (window + 60, -window - 60):
        body, at = booking(provider, f"stale{age}", age)
        key = id_of(provider, body)
        says(post(world, provider, body, at), 403, "stale", "held",
             f"{provider}: sent {age} s ago is stale", key)
        ok(key in world.spool("held") and key not in world.spool("new"), "and held")
        says(post(world, provider, body, at), 403, "stale", "known", "again", key)
        equal(world.spool("held").count(key), 1, "one copy of it")
    if provider == "calendly":
        answer = post(world, provider, body, time.time())
        says(answer, 200, "accepted", None, "what is held does not count as known", key)
    match(world.log(), r" stale: right signature, but outside the replay window: .*age=", "it has its line")


def keys(world, provider):
    body, at = booking(provider, "second key")
    answer = post(world, provider, body, at, secret="the other one")
    equal(answer.status, 200, f"{provider}: the second key is as good")
    equal(world.record("new", id_of(provider, body))[0]["secret-used"], "secondary", "and noted")
    def counted(*name):
        return read(world.state_dir, name[0], provider, *name[1:])
    equal(counted("COUNT_SECRET_USED", "secondary"), 1, "and counted")
    for name in (("COUNT_SECRET_USED_AT", "secondary"), ("COUNT_ACCEPTED_AT",)):
        ok(abs(counted(*name) / 1000 - time.time()) < PATIENCE, f"with the time: {name[0]}")
    ok(counted("COUNT_SECRET_USED", "primary") > 1, "apart from the first one's")
    ok(counted("COUNT_REQUESTS", "accepted") > 2, "accepted ones are counted")
    ok(counted("COUNT_REQUESTS", "signature-wrong") > 1, "so are wrong signatures")
    ok(counted("COUNT_REQUESTS", "signature-absent") > 0, "apart from absent ones")
    ok(counted("COUNT_REQUEST_BYTES") > 500, "and bytes")
    equal(counted("COUNT_REQUESTS", "held"), 2, "and held ones")


def lengths(world, cap):
    body, at = booking("calcom", "lengths")
    for value, status, word, reason in (
            (None, 411, "length-required", None), ("", 411, "length-required", None),
            ("1e3", 400, "malformed", "length-not-a-number"),
            ("-1", 400, "malformed", "length-not-a-number"),
            (" 7", 400, "malformed", "length-not-a-number"),
            (str(len(body) + 1), 400, "malformed", "body-short"),
            (str(len(body) - 1), 400, "malformed", "body-long"), ("0", 400, "malformed", "body-long"),
            (str(cap + 1), 413, "too-large", None), ("9" * 60, 413, "too-large", None)):
        says(post(world, "calcom", body, at, CONTENT_LENGTH=value), status, word, reason,
             f"a declared length of {value!r}")
    for size, status in ((cap, 200), (cap + 1, 413)):
        large = body[:-1] + b" " * (size - len(body)) + b"}"
        answer = post(world, "calcom", large)
        equal(answer and answer.status, status, f"a body of {size} bytes: {status}")
    answer = post(world, "calcom", body[:-1] + b" " * 2 * cap + b"}", CONTENT_LENGTH="")
    equal(answer and answer.status, 411, "more than the cap without a length")
    answer = post(world, "calcom", body[:-1] + b" " * 2 * cap + b"}", CONTENT_LENGTH="7")
    equal(answer and answer.status, 400, "more than the cap with a small length")


def paths(world):
    for path in ("/", "", "/api", "/api/calcom-webhook/", "/api/calcom-webhook/a/b",
                 "/api/calcom-webhooks", "/api/webhooks", "/api/webhooks/calendly//",
                 "/api/health/", "/api/health/x", "/metrics/x", "/" + "x" * 5000):
        says(ask(world, "POST", path, b"{}"), 404, "not-found", None, f"no such path: {path[:40]}")
    for method in ("GET", "HEAD", "PUT", "DELETE", "OPTIONS", "post", ""):
        answer = ask(world, method, ENDPOINT["calcom"])
        equal((answer.status, answer.headers.get("allow")), (405, "POST"), f"{method} of a webhook")
    answer = ask(world, "POST", "/api/health", b"{}")
    equal((answer.status, answer.headers.get("allow")), (405, "GET, HEAD"), "POST of the health")
    answer = ask(world, "POST", "/metrics", b"{}")
    equal((answer.status, answer.headers.get("allow")), (405, "GET, HEAD"), "POST of the metrics")


def healthy(world):
    for path in ("/api/health", "/api/health/calcom", "/api/health/calendly"):
        answer = ask(world, "GET", path)
        equal((answer.status, answer.body), (200, b'{"status":"pass"}\n'), f"{path} passes")
        equal(answer.headers.get("content-type"), "application/health+json", "in its own type")
    answer = ask(world, "HEAD", "/api/health")
    equal((answer.status, answer.body), (200, b""), "HEAD has no body")
    answer = ask(world, "GET", "/metrics")
    says(answer, 403, "forbidden", None, "metrics are not for everybody")


def probe_with_body(world):
    """Answered before any of the body is there."""
    for length in ("1", "1000", str(1 << 40)):
        with Client(world.socket) as client:
            values = params("GET", "/api/health", CONTENT_LENGTH=length)
            client.send(begin(keep=True) + stream(PARAMS, encode(values)))
            says(client.answer(), 413, "too-large", None, f"a probe with a body of {length}: 413")
            ok(client.closed(), "and its connection ends")
    with Client(world.socket) as client:
        values = params("GET", "/api/health")
        client.send(begin(keep=True) + stream(PARAMS, encode(values)) + record(STDIN, b"x", length=9))
        equal(client.answer().status, 200, "a body that was not declared is not waited for")
        ok(client.closed(), "and its connection ends")


def ping(world):
    before = world.spool("new")
    body = b'{"triggerEvent":"PING","createdAt":"2020-01-01T00:00:00.000Z","payload":{}}'
    says(post(world, "calcom", body), 200, "pong", None, "Cal.com's test button: pong")
    equal((world.spool("new"), world.spool("held")), (before, world.spool("held")), "not stored")
    equal(read(world.state_dir, "COUNT_REQUESTS", "calcom", "pong"), 1, "but counted")


def odd_bodies(world):
    for body in (b"false", b"\x00\xff not JSON", b""):
        says(post(world, "calcom", body), 200, "accepted", None, f"signed means real: {body!r}",
             key_of_any(world, body))


def key_of_any(world, body):
    now = int(time.time() // 3600)
    for hour in now, now - 1:  # it may have ended since
        keyed = id_of("calcom", body, hour)
        if keyed in world.spool("new"):
            return keyed
    return id_of("calcom", body)


def main_world():
    settings = {"BOOKSPOOL_DEADLINE": "5m"}
    second = {name: "the other one" for name in OTHER_KEY.values()}
    with World(settings, second) as world:
        world.start_receiver()
        healthy(world)
        windows = {"calcom": 1800, "calendly": 300}
        for provider in ENDPOINT:
            accepted(world, provider)
            versions(world, provider)
            forged(world, provider)
            stale(world, provider, windows[provider])
            keys(world, provider)
        ping(world)
        odd_bodies(world)
        lengths(world, 1024 * 1024)
        paths(world)
        probe_with_body(world)
        quiet_log(world)
        known(world)


def quiet_log(world):
    body, _ = booking("calcom", "flood")
    lines = world.log().count(" signature-")
    for _ in range(60):
        post(world, "calcom", body, secret="wrong")
    more = world.log().count(" signature-")
    ok(more <= 10 * 2, f"forgeries do not flood the log: {lines}, then {more} lines")
    for secret in world.secret.values():
        ok(secret not in world.log(), "no secret in the log")
    ok("Consultation" not in world.log(), "and nothing of a body")


def known(world):
    body, at = booking("calendly", "done already")
    key = id_of("calendly", body)
    equal(post(world, "calendly", body, at).status, 200, "a booking")
    os.rename(os.path.join(world.spool_dir, "new", key), os.path.join(world.spool_dir, "done", key))
    says(post(world, "calendly", body, at), 200, "duplicate", None, "known when it is done", key)
    ok(key not in world.spool("new"), "and not stored again")
    says(post(world, "calendly", body, time.time() - 1000), 403, "stale", "known",
         "a stale one that is known is not held", key)
    ok(key not in world.spool("held"), "not held")


def without_keys():
    none = {"CALCOM_WEBHOOK_SECRET": None}
    with World({}, none) as world:
        world.start_receiver()
        ok(wait_for(lambda: "no-secret: calcom" in world.log()), "it says at its start that a key is missing")
        body, at = booking("calcom", 1)
        answer = post(world, "calcom", body, at)
        says(answer, 503, "unavailable", "no-secret", "no key: unavailable")
        equal(answer.headers.get("retry-after"), "60", "with a time to retry")
        equal(ask(world, "GET", "/api/health/calcom").json, {"status": "fail"},
              "which its health tells")
        equal(ask(world, "GET", "/api/health/calcom", **LOCAL).json.get("reason"), "no-secret",
              "and why, to this machine")
        equal(ask(world, "GET", "/api/health").status, 200, "while the whole still works")
        equal(ask(world, "GET", "/api/health/calendly").status, 200, "and the other one")
        empty = hmac.new(b"", body, hashlib.sha256).hexdigest()
        answer = ask(world, "POST", ENDPOINT["calcom"], body, {"X-Cal-Signature-256": empty})
        equal(answer.status, 503, "an empty key opens nothing")
    none["CALENDLY_WEBHOOK_SIGNING_KEY"] = None
    with World({}, none) as world:
        world.start_receiver()
        answer = ask(world, "GET", "/api/health", **LOCAL)
        equal((answer.status, answer.json.get("reason")), (503, "no-secret"), "no key at all")


def without_room():
    with World({"BOOKSPOOL_RESERVE": "1000G,0"}) as world:
        world.start_receiver()
        body, at = booking("calcom", 1)
        answer = post(world, "calcom", body, at)
        says(answer, 503, "unavailable", "spool-full", "below the reserve", id_of("calcom", body))
        equal(answer.headers.get("retry-after"), "60", "with a time to retry")
        equal(post(world, "calcom", body, at, secret="x").status, 401, "a forgery hears 401 still")
        old, at = booking("calcom", 2, 10000)
        equal(post(world, "calcom", old, at).status, 503, "a stale one that cannot be held too")
        equal((world.spool("new"), world.spool("tmp")), ([], []), "nothing is stored")
        answer = ask(world, "GET", "/api/health", **LOCAL)
        equal((answer.status, answer.json.get("reason")), (503, "spool-full"), "health tells")


def without_spool():
    with World() as world:
        receiver = world.start_receiver()
        for name in ("tmp", "new"):
            os.rename(os.path.join(world.spool_dir, name), world.path(name))
            os.rmdir(world.path(name))
        body, at = booking("calcom", 1)
        answer = post(world, "calcom", body, at)
        equal((answer.status, answer.json["reason"]), (503, "spool-failed"), "the spool is gone")
        wait_for(lambda: "spool-failed" in world.log())
        match(world.log(), r"spool-failed: .+: .+", "the log names the step")
        for number in range(2, 16):
            body, at = booking("calcom", number)
            post(world, "calcom", body, at)
        body, at = booking("calcom", 16)
        equal(post(world, "calcom", body, at, secret="x").status, 401, "all are answered")
        wait_for(lambda: "signature-wrong" in world.log())
        lines = [line for line in world.log().splitlines() if " spool-failed: " in line]
        steps = [line for line in lines if "provider=" not in line]
        equal((len(steps), len(lines) - len(steps)), (10, 10),
              "ten lines a minute name the step, and ten the answer")
        equal(receiver.poll(), None, "and the receiver lives")


def damaged_counters():
    with World() as world:
        receiver = world.start_receiver()
        path = os.path.join(world.state_dir, "counters")
        for number in range(3):
            os.truncate(path, 0)
            body, at = booking("calcom", number)
            equal(post(world, "calcom", body, at).status, 200, "counters truncated: served")
            equal(read(world.state_dir, "COUNT_REQUESTS", "calcom", "accepted"), 1, "and counted from 0")
        match(world.log(), "counters-reopened: .*/counters: truncated", "the log says so")
        os.chmod(path, 0)
        body, at = booking("calcom", 4)
        equal(post(world, "calcom", body, at).status, 200, "counters closed to all: served")
        os.unlink(path)
        time.sleep(1.1)  # it is looked for once a second
        body, at = booking("calcom", 5)
        equal(post(world, "calcom", body, at).status, 200, "counters removed: served")
        equal(read(world.state_dir, "COUNT_REQUESTS", "calcom", "accepted"), 1, "and counted in a new file")
        equal(world.stop(receiver), 0, "it ends cleanly")


run_parts((main_world, damaged_counters, without_keys, without_room, without_spool))
finish()
