#!/usr/bin/python3
"""What a request costs before it is stored, in instructions, against tests/cost/recorded.json.

Callgrind counts them, so a busy machine changes nothing. Hashing would hide all the rest: what one
hash of the body costs is a row of its own, and is taken off the others. A part that has grown by
more than two in a hundred fails; when one has shrunk by as much, renew the record:

    tests/cost.t --record

Processor features are switched off, so that the C library and libcrypto take the same paths
everywhere. Their versions and the compiler's are written down with the figures; where they are
others, the figures are told and not judged.
"""

import json
import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from bookspool import BIN, TOP, diag, finish, need, ok, skip_all  # noqa: E402

RECORD = os.path.join(TOP, "tests/cost/recorded.json")
PROGRAM = os.path.join(BIN, "tests/request")
TIMES = 20
SLACK = 0.02
# Times that the body is hashed: twice for a whole request, once for its signature and once for its
# id and its file.
PARTS = {"hash": 0, "verify": 1, "envelope": 0, "id": 1, "encode": 0, "request": 2, "count": 0}
COUNTING = 0.03  # of a request without its hashes
BODIES = {"calcom": "booking_created", "calendly": "invitee_created"}
PLAIN = {"OPENSSL_ia32cap": "0:0",
         "GLIBC_TUNABLES": "glibc.cpu.hwcaps=-AVX2,-AVX512F,-AVX512VL,-AVX512BW,-ERMS,-FSRM,-BMI2"}


def first_line(*command):
    return subprocess.run(command, capture_output=True, text=True).stdout.split("\n")[0]


def made_with():
    """What else than our own code the figures depend on."""
    return {"compiler": first_line(os.environ.get("CC", "cc"), "--version"),
            "libc": first_line("ldd", "--version"),
            "libcrypto": first_line("pkg-config", "--modversion", "libcrypto"),
            "cjson": first_line("pkg-config", "--modversion", "libcjson"),
            "machine": os.uname().machine}


def instructions(part, provider):
    body = os.path.join("examples/bodies", provider, BODIES[provider] + ".json")
    command = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null",
               "--toggle-collect=measured", PROGRAM, part, provider, body]
    done = subprocess.run(command, capture_output=True, text=True, cwd=TOP,
                          env={"PATH": os.environ["PATH"], **PLAIN})
    found = re.search(r"Collected : (\d+)", done.stderr)
    if done.returncode != 0 or not found:
        diag(done.stdout + done.stderr)
        return 0
    return int(found[1]) // TIMES


def net(provider):
    got = {part: instructions(part, provider) for part in PARTS}
    return {part: got[part] - hashes * got["hash"] for part, hashes in PARTS.items()}


def measure():
    return {provider: net(provider) for provider in BODIES}


def record():
    with open(RECORD, "w", encoding="utf-8") as file:
        json.dump({"made with": made_with(), "instructions": measure()}, file, indent=2)
        file.write("\n")


def judge(name, got, want, comparable):
    """One row; `want` is the record's."""
    change = (got - want) / want
    text = f"{name}: {got} instructions, {change:+.1%} against the record"
    ok(got > 0 and (change <= SLACK or not comparable), text)
    if comparable and change < -SLACK:
        diag(f"{name} has become cheaper: run tests/cost.t --record")


def main():
    need("valgrind")
    if os.path.basename(BIN) == "asan":
        skip_all("sanitizers cost instructions of their own")
    if sys.argv[1:] == ["--record"]:
        record()
        return
    with open(RECORD, encoding="utf-8") as file:
        recorded = json.load(file)
    comparable = recorded["made with"] == made_with()
    if not comparable:
        diag(f"recorded with {recorded['made with']}, this is {made_with()}: told, not judged")
    for provider, parts in measure().items():
        share = parts["count"] / parts["request"]
        ok(0 < share <= COUNTING, f"{provider}: counting is {share:.1%} of a request, hashes apart")
        for part, got in parts.items():
            judge(f"{provider} {part}", got, recorded["instructions"][provider][part], comparable)
    finish()


main()
