#!/usr/bin/python3
"""The protocol as a model: the small worlds keep the promise, and no rule can be left out of it.

`make model` does the same in larger worlds.
"""

import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from bookspool import BIN, finish, match, ok  # noqa: E402

MODEL = os.path.join(BIN, "tests/model")


def model(*words):
    return subprocess.run([MODEL, *words], capture_output=True, text=True, check=False)


RUNS = model("--list", "short").stdout.split()
ok(len(RUNS) > 30, f"{len(RUNS)} runs")
# A sanitizer makes the search four times slower, and a few runs go through all of its code.
for run in RUNS[::8] if os.path.basename(BIN) == "asan" else RUNS:
    done = model(run)
    ok(done.returncode == 0, done.stdout.strip(), done.stderr)
match(model("--trace", "claim").stdout, r"THE POWER +fails|dies", "a breach comes with the way to it")
finish()
