"""What all parts of the bench share: its options, its programs, its way to end.

A part (receive, drain, growth) is a module with `main(options) -> result`. The result goes into
bench.json as it is; `run` and `report` look at these entries of it, each of which may be missing:

    "goals"   a list of dictionaries: text, measured (a string), met (true, false, or None: was not
              measured)
    "text"    what a person is shown, lines
    "failed"  a dictionary: what could not be measured -> why
    "charts"  a dictionary: name of an SVG file -> its text
"""

import ctypes
import os
import signal
import sys
from dataclasses import dataclass, field

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "lib"))
from bookspool import BIN, may_mount, tool  # noqa: E402

PARTS = ("receive", "drain", "growth")
US = 1e6
PR_SET_PDEATHSIG = 1  # linux/prctl.h
_libc = ctypes.CDLL(None, use_errno=True)


class Missing(Exception):
    """A program or a right that a row needs and this machine has not."""


@dataclass
class Options:
    """`smoke`: a quick run on plain directories that judges nothing but the bench itself."""

    rounds: int = 5
    seconds: float = 2
    parts: tuple = PARTS
    smoke: bool = False
    out: str = ""
    folder: str = ""  # of disks and worlds; removed at the end
    started: float = 0.0
    progress: object = field(default=lambda text: None)  # one line that says what is being done


def alone(main):
    """What a part does as a program of its own: it shows what it found, and ends with 1 where a goal
    is missed."""
    may_mount()
    options = Options(rounds=int(os.environ.get("BENCH_ROUNDS", "5")), smoke="--smoke" in sys.argv)
    try:
        result = main(options)
    except Missing as what:
        sys.exit(str(what))
    print(result["text"])
    for goal in result["goals"]:
        print(f"{'met   ' if goal['met'] else 'MISSED'}  {goal['text']}: {goal['measured']}")
    sys.exit(not all(goal["met"] for goal in result["goals"]))


def helper(name):
    """The path of one of the bench's own C programs. Beside programs with sanitizers stand those of
    the plain build: a peer is not what is tested."""
    for folder in (BIN, os.path.dirname(BIN)):
        path = os.path.join(folder, "bench", name)
        if os.access(path, os.X_OK):
            return path
    raise Missing(f"{name}: make bench builds it")


def server(name):
    path = tool(name)
    if not path:
        raise Missing(f"{name}: tests/bin/deps bench brings it")
    return path


def die_with_parent():
    """For preexec_fn: whatever ends the bench, kill -9 included, tells the process to end too. It
    also keeps a ^C on the terminal for the bench, which ends things in order."""
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    os.setpgid(0, 0)
