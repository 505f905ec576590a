#!/usr/bin/python3
"""Fuzzes the receiver over its socket: no forged event is stored, and no signed one is lost.

The short form of `make fuzz F=socket`, which sets FUZZ_SECONDS. FUZZ_SEED repeats a run; without it the
short form is the same each time. What was sent when something is found is printed in hex.
"""

import os
import secrets
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from bookspool import World, diag, equal, finish, ok  # noqa: E402
from fuzz_fcgi import CAP, Finding, Fuzz  # noqa: E402

SECONDS = int(os.environ.get("FUZZ_SECONDS", "0"))
SEED = int(os.environ.get("FUZZ_SEED", "0")) or (secrets.randbelow(10 ** 9) if SECONDS else 1)
REQUESTS = 1200  # of the short form


def tell(fuzz):
    if sys.stderr.isatty():
        print(f"\r{fuzz.count['requests']} requests, {fuzz.count['broken']} of them broken ", end="",
              file=sys.stderr, flush=True)


def fuzz_it(world, receiver):
    fuzz = Fuzz(world, SEED)
    found = None
    try:
        fuzz.run(receiver, SECONDS, REQUESTS, tell)
    except Finding as finding:
        found = str(finding)
    diag(f"FUZZ_SEED={SEED}: " + ", ".join(f"{count} {name}" for name, count in sorted(fuzz.count.items())))
    equal(found, None, "no request breaks a promise")
    ok(fuzz.count["broken"] and fuzz.count["new"], "sound and broken requests were sent")


def forged_is_found(world):
    """The judge can fail: an event that was never signed, and one that goes missing, are noticed."""
    fuzz = Fuzz(world, SEED)
    for name, spoil in (("a forged event", lambda: open(world.file("new", "0" * 32), "wb").close()),
                        ("a lost event", lambda: fuzz.promised.add("f" * 32))):
        spoil()
        try:
            fuzz.check_spool()
            ok(False, f"{name} is noticed")
        except Finding:
            ok(True, f"{name} is noticed")
        if os.path.exists(world.file("new", "0" * 32)):
            os.unlink(world.file("new", "0" * 32))


with World({"BOOKSPOOL_MAX_BODY": str(CAP), "BOOKSPOOL_LOG_LEVEL": "error"}) as world:
    receiver = world.start_receiver()
    fuzz_it(world, receiver)
    forged_is_found(world)
    equal(world.stop(receiver), 0, "the receiver ends cleanly")
finish()
