#!/usr/bin/python3
"""Logs name events, never persons: all samples of both providers, at the level debug."""

import glob
import json
import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from bookspool import TOP, World, equal, finish, need, ok, run_parts, sample  # noqa: E402
from smtp_peer import Scripted  # noqa: E402

DEBUG = {"BOOKSPOOL_LOG_LEVEL": "debug"}
PROVIDERS = ("calcom", "calendly")
# Members whose texts are a person's, or only for persons: names, addresses, words, links, secrets.
PERSONAL = re.compile(r"(?i)name$|mail|phone|^(value|answer|text|notes|reason|description|title|location"
                      r"|password|token|url|link|join|cancel|reschedule|otp|address)$|Url$|_url$|Notes$")
HARMLESS = re.compile(r"(?i)^(true|false|\d{1,3}|accepted|pending|email|name|daily|zoom|host|location|notes)$")


def texts(item, name=""):
    if isinstance(item, dict):
        for key, value in item.items():
            yield from texts(value, key)
    elif isinstance(item, list):
        for value in item:
            yield from texts(value, name)
    elif isinstance(item, str) and len(item) > 3 and not HARMLESS.match(item):
        if "@" in item or PERSONAL.search(name):
            yield item


def all_samples():
    for provider in PROVIDERS:
        for path in sorted(glob.glob(os.path.join(TOP, "examples/bodies", provider, "*.json"))):
            name = os.path.basename(path).removesuffix(".json")
            yield provider, name, sample(provider, name)


def personal(bodies):
    found = set()
    for body in bodies:
        found.update(texts(json.loads(body)))
    names = {json.loads(body).get("triggerEvent") if isinstance(json.loads(body), dict) else None
             for body in bodies}
    return {text for text in found if text not in names}


def everything(world):
    """What the programs logged, the receiver, drains and the state that error reports are made of."""
    said = world.log()
    for name in ("incidents", "alarms"):
        path = os.path.join(world.state_dir, name)
        if os.path.exists(path):
            with open(path, encoding="utf-8", errors="replace") as file:
                said += file.read()
    return said


def none_of(said, secrets, name):
    found = sorted(text for text in secrets if text in said)
    ok(not found, name, f"{found}\n" + "\n".join(
        line for line in said.splitlines() if any(text in line for text in found)))


def in_logs():
    with World(settings={"BOOKSPOOL_MAIL_ATTENDEE": "yes", "BOOKSPOOL_MOVE_WAIT": "0s"}) as world:
        world.start_receiver(env=DEBUG)
        world.start_nginx()
        bodies = []
        for provider, _, body in all_samples():
            world.post(provider, body)
            world.post(provider, body[:-9], headers=None)
            world.post(provider, body, headers={"X-Cal-Signature-256": "0" * 64})
            bodies.append(body)
        secrets = personal(bodies)
        ok(len(secrets) > 60, "personal texts are found in the samples", sorted(secrets))
        done = world.drain(env=DEBUG)
        equal(done.returncode, 0, "all are mailed")
        ok(len(world.mails()) > 40, "to owner and customers", len(world.mails()))
        said = everything(world) + done.stderr
        ok(said.count("\n") > 150, "the logs say much at the level debug", said.count("\n"))
        none_of(said, secrets | {"owner@example.org"}, "and nothing of it is a person's")
        none_of(said, set(world.secret.values()), "nor a secret")


def of_failures():
    """Mails that cannot leave: a server that names the recipient, a directory that is missing."""
    refusals = {"RCPT": "550 5.1.1 <owner@example.org>: no such person as Ada Example"}
    with World() as world, Scripted(refusals) as peer:
        world.drain()  # makes the directories
        world.put_event("new", "calcom", sample("calcom", "booking_created"))
        done = world.drain(env={**DEBUG, "BOOKSPOOL_TRANSPORT": f"smtp+plain://127.0.0.1:{peer.port}"})
        said = everything(world) + done.stderr
        ok("550" in said, "the refusal is logged", said)
        none_of(said, {"owner@example.org", "ada@example.com", "Ada Example"},
                "without the words of the server, which name a person")


need("nginx", "curl")
run_parts((in_logs, of_failures))
finish()
