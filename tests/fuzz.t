#!/usr/bin/python3
"""Replays the corpora of tests/fuzz: inputs that reached something new, and those that broke something.

Each target gets its own, and the bodies also the samples of examples/. `make fuzz` looks for more.
"""

import glob
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from bookspool import BIN, TOP, diag, equal, finish, ok, wants  # noqa: E402

BODIES = sorted(glob.glob(os.path.join(TOP, "examples/bodies/*/*")))


def replay(name, files=()):
    done = subprocess.run([os.path.join(BIN, "tests/fuzz", name), name, *files], cwd=TOP, capture_output=True,
                          text=True, errors="replace")
    if done.returncode != 0:
        diag(done.stderr[-4000:])
    return done.returncode, done.stdout.split("\n")[0]


targets = sorted(os.path.basename(path)[:-2] for path in glob.glob(os.path.join(TOP, "tests/fuzz/*.c")))
for name in targets:
    if name != "replay" and wants(name):
        code, said = replay(name)
        ok(code == 0, f"{name}: {said}")
if wants("samples"):
    for name in ("body", "mail"):
        equal(replay(name, BODIES)[0], 0, f"{name}: {len(BODIES)} samples")
finish()
