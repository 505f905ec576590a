#!/usr/bin/python3
"""The table of answers of the README, asked by curl through nginx with the shipped files."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from bookspool import (ENDPOINT, World, aged, equal, finish, id_of, match, need, ok, sample,  # noqa: E402
                       sign)

FIRST = {"calcom": "booking_created", "calendly": "invitee_created"}
LOCAL_ADDRESS = "set_real_ip_from unix:; real_ip_header X-Real-IP;"


def stored(world):
    return world.spool("new"), world.spool("held")


def refused(answer, status, word, name):
    equal((answer.status, answer.json.get("status")), (status, word), name)


def one_provider(world, provider):
    body = sample(provider, FIRST[provider])
    key = id_of(provider, body)
    answer = world.post(provider, body)
    equal((answer.status, answer.json.get("status"), answer.json.get("id")),
          (200, "accepted", key), f"{provider}: a signed booking is accepted under its key")
    match(answer.headers.get("content-type"), "^application/json", f"{provider}: in JSON")
    ok(key in world.spool("new"), f"{provider}: it lies in new/")
    equal(world.record("new", key)[1], body, f"{provider}: byte for byte")
    answer = world.post(provider, body)
    equal((answer.status, answer.json.get("status")), (200, "duplicate"),
          f"{provider}: the same again is a duplicate")
    refusals(world, provider, stored(world))
    stale(world, provider)
    second_path(world, provider)


def refusals(world, provider, before):
    body = sample(provider, FIRST[provider])
    name = f"{provider}: "
    forged = sign(provider, body, "not the key")
    refused(world.post(provider, body, forged), 401, "signature", name + "a forgery")
    refused(world.post(provider, body, {}), 401, "signature", name + "no signature")
    flipped = body[:-2] + bytes([body[-2] ^ 1]) + body[-1:]
    answer = world.post(provider, flipped, sign(provider, body, world.secret[provider]))
    refused(answer, 401, "signature", name + "one bit flipped in the body")
    answer = world.curl(ENDPOINT[provider])
    refused(answer, 405, "method", name + "GET")
    equal(answer.headers.get("allow"), "POST", name + "GET is told what is allowed")
    refused(world.curl(ENDPOINT[provider], "-X", "DELETE"), 405, "method", name + "DELETE")
    refused(world.post(provider, b" " * 16385), 413, "too-large",
            name + "a byte above the program's cap")
    answer = world.post(provider, b" " * (1024 * 1024 + 1))
    equal((answer.status, answer.json.get("reason")), (413, "nginx-limit"),
          name + "a byte above nginx's cap")
    equal(stored(world), before, name + "no refusal stored anything")


def stale(world, provider):
    for seconds, when in ((90000, "the past"), (-90000, "the future")):
        body, at = aged(provider, sample(provider, FIRST[provider]), seconds)
        answer = world.post(provider, body, sign(provider, body, world.secret[provider], at))
        refused(answer, 403, "stale", f"{provider}: signed, but from {when}")
        ok(id_of(provider, body) in world.spool("held"), f"{provider}: and kept in held/")


def second_path(world, provider):
    for path in (ENDPOINT[provider] + "/b", ENDPOINT[provider] + "?utm=x&y=/api/health",
                 ENDPOINT[provider].replace("api", "%61pi") + "/../" +
                 ENDPOINT[provider].rpartition("/")[2]):
        body = sample(provider, FIRST[provider])
        answer = world.post(provider, body, path=path, args=("--path-as-is",))
        equal((answer.status, answer.json.get("id")), (200, id_of(provider, body)),
              f"{provider}: accepted at {path}")
    for path in ("/b/c", "/", "x"):
        answer = world.post(provider, b"{}", path=ENDPOINT[provider] + path)
        equal(answer.status, 404, f"{provider}: 404 at {ENDPOINT[provider] + path}")


def health(world):
    for path in ("/api/health", "/api/health/calcom", "/api/health/calendly"):
        answer = world.curl(path)
        equal((answer.status, answer.json.get("status")), (200, "pass"), f"{path} passes")
        answer = world.curl(path, "--head")
        equal((answer.status, answer.body), (200, b""), f"HEAD {path} has no body")
    equal(world.post("calcom", b"{}", path="/api/health").status, 405, "POST on health is refused")
    equal(world.curl("/api/health/other").status, 404, "health of something else is not found")
    match(world.curl("/api/health").headers.get("content-type"), "^application/health.json$",
          "the type of health")
    answer = world.curl("/metrics")
    equal((answer.status, answer.headers.get("content-type")),
          (200, "text/plain; version=0.0.4; charset=utf-8"), "metrics, by a unix socket")
    match(answer.body.decode(), r'(?m)^bookspool_requests_total\{provider="calcom",reason="accepted"\} 0$',
          "of the receiver")
    answer = world.curl("/metrics", "--header", "X-Forwarded-For: 192.0.2.1")
    equal((answer.status, answer.json.get("status")), (403, "forbidden"), "not for what a proxy passes on")
    answer = world.curl("/api/health", "--header", "X-Forwarded-For: 192.0.2.1")
    equal(answer.json, {"status": "pass"}, "which hears of the health its status alone")
    for path in ("/api/health", "/api/health/calcom"):
        answer = world.curl(path, "--request", "GET", body=b"x" * 1000)
        equal(answer.status, 413, f"GET of {path} with a body is refused")
        answer = world.curl(path, "--request", "GET", body=b"x" * 5000)
        equal(answer.json.get("reason"), "nginx-limit", "a larger one by nginx")


need("nginx", "curl")
with World({"BOOKSPOOL_MAX_BODY": "16K"}) as world:
    world.start_receiver()
    world.start_nginx(http=LOCAL_ADDRESS)
    health(world)
    for provider in ENDPOINT:
        one_provider(world, provider)
    unsigned = {"X-Cal-Signature-256": "no-secret-provided"}
    refused(world.post("calcom", b"{}", unsigned), 401, "signature", "no-secret-provided")
    crossed = sample("calcom", "booking_created")
    answer = world.post("calendly", crossed, sign("calcom", crossed, world.secret["calcom"]))
    refused(answer, 401, "signature", "one provider's signature at the other's path")
    drained = world.drain()
    equal(drained.returncode, 0, "the drain ends well")
    equal((len(world.mails()), world.spool("new")), (8, []), "each accepted booking is one mail")

with World() as world:
    world.start_nginx()
    for name in "without a receiver", "with one that does not answer":
        answer = world.post("calcom", sample("calcom", "booking_created"))
        equal((answer.status, answer.json, answer.headers.get("retry-after")),
              (503, {"status": "unavailable", "reason": "no-receiver", "id": None}, "60"),
              f"{name}: come again")
        equal(world.curl("/api/health").status, 503, f"{name}: its health fails")
        world.listen()

with World(receive={"CALCOM_WEBHOOK_SECRET": None}) as world:
    world.start_receiver()
    world.start_nginx()
    body = sample("calcom", "booking_created")
    for headers in (sign("calcom", body, ""), {"X-Cal-Signature-256": "no-secret-provided"}, {}):
        answer = world.post("calcom", body, headers)
        refused(answer, 503, "unavailable", "an unset key never accepts anything")
        equal(answer.headers.get("retry-after"), "60", "and asks to come again")
    equal(world.spool("new"), [], "nothing is stored")
    equal(world.curl("/api/health/calcom").status, 503, "its health fails")
    equal(world.curl("/api/health").status, 200, "the other provider goes on")
finish()
