#!/usr/bin/python3
"""Does the time of checking a signature tell where a wrong one differs, or which secret it is right for?

In `make check`, by counting: callgrind counts instructions, reads, writes and branches of each check, so a
busy machine changes nothing. All wrong signatures must take the same of each, wherever they differ and
whichever secret they are nearly right for, and so must right ones of either secret. `make timing` measures
as well (TIMING_RUNS of it): Welch's t of pairs of cases, at most 10, the threshold of dudect.

Both know that they can fail: a comparison that ends at the first difference must be found out.
"""

import collections
import glob
import os
import re
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from bookspool import BIN, diag, equal, finish, need, ok, skip_all  # noqa: E402

PROGRAM = os.path.join(BIN, "tests/verify")
RUNS = int(os.environ.get("TIMING_RUNS", "0"))
LIMIT = 10
KINDS = ("Ir", "Dr", "Dw", "Bc", "Bi")  # instructions, reads, writes, branches: conditional, indirect
RIGHT = "-1"


def counts_in(path):
    with open(path, encoding="ascii") as file:
        text = file.read()
    names = re.search(r"^events: (.*)$", text, re.M)[1].split()
    found = dict(zip(names, re.search(r"^totals: (.*)$", text, re.M)[1].split()))
    return tuple(int(found.get(kind, 0)) for kind in KINDS)


def count():
    """(what is compared, which secret, the digit that differs) -> counts"""
    with tempfile.TemporaryDirectory(prefix="bookspool-timing-") as folder:
        done = subprocess.run(
            ["valgrind", "--tool=callgrind", f"--callgrind-out-file={folder}/out", "--cache-sim=yes",
             "--branch-sim=yes", "--toggle-collect=measured", "--dump-after=measured", PROGRAM, "count"],
            capture_output=True, text=True)
        cases = [tuple(line.split()) for line in done.stdout.splitlines()]
        files = [f"{folder}/out.{number}" for number in range(1, len(cases) + 1)]
        if done.returncode != 0 or not cases or len(glob.glob(f"{folder}/out.*")) < len(cases):
            diag(done.stdout + done.stderr)
            return {}
        return {case: counts_in(path) for case, path in zip(cases, files)}


def judge_counts(found):
    groups = collections.defaultdict(set)
    for (what, _, digit), counts in found.items():
        groups[what, digit == RIGHT].add(counts)
    for provider in ("calcom", "calendly"):
        for right, name in ((False, "wrong signatures, wherever they differ"), (True, "right ones of both secrets")):
            equal(len(groups[provider, right]), 1, f"{provider}: {name}: the same {', '.join(KINDS)}") or diag(
                "\n".join(f"{case}: {counts}" for case, counts in found.items() if case[0] == provider))
    ok(len(groups["leaky", False]) > 5, "a comparison that ends at the first difference is found out")


def judge_times():
    done = subprocess.run([PROGRAM, "welch", str(RUNS)], capture_output=True, text=True)
    diag(done.stdout)
    rows = re.findall(r"^(leaky|calcom|calendly) (.*?)\s+([\d.]+)\s+median", done.stdout, re.M)
    ok(len(rows) > 8, "all pairs were measured", done.stderr)
    for what, name, t in rows:
        if what == "leaky":
            ok(float(t) > LIMIT, f"the leaky comparison is found out: |t| = {t}")
        else:
            ok(float(t) <= LIMIT, f"{what}, {name}: |t| = {t}")


if BIN.endswith("/asan"):
    skip_all("callgrind does not run a program with AddressSanitizer")
need("valgrind")
judge_counts(count())
if RUNS:
    judge_times()
finish()
