#!/usr/bin/python3
"""What comments and pages refer to is there: files of the tree by their path, targets of the Makefile
and manual pages; and nothing refers to a page outside the tree."""

import glob
import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from bookspool import TOP, equal, finish, ok  # noqa: E402

ROOMS = [name for name in os.listdir(os.path.join(TOP, "src")) if os.path.isdir(os.path.join(TOP, "src", name))]
TOPS = ("src", "tests", "nginx", "examples")
PATH = re.compile(r"(?<![\w./$*~-])((?:%s)/[\w./*-]*[\w*])" % "|".join([*ROOMS, *TOPS]))
IN_THE_SPOOL = re.compile(r"spool/(tmp|new|replay|done|held|out|sent|failed|bad)\b")
INCLUDE = re.compile(r"^\s*#\s*include.*$", re.M)
COMMENT = re.compile(r"/\*.*?\*/|^\s*#.*?$|(?<=^)\s*\"\"\".*?\"\"\"", re.S | re.M)


def texts():
    """(path, what in it are comments, or all of a page)"""
    for folder, folders, names in os.walk(TOP):
        folders[:] = [name for name in folders if name not in (".git", "build", "__pycache__", "results")]
        for name in sorted(names):
            path = os.path.relpath(os.path.join(folder, name), TOP)
            if path == "tests/references.t" or not re.search(r"(\.(c|h|t|py|md|sh|conf|[1-8])|Makefile|^tests/bin/\w+)$", path):
                continue
            with open(os.path.join(TOP, path), encoding="utf-8") as file:
                text = file.read()
            page = re.search(r"\.(md|[1-8])$", path)
            yield path, text if page else "\n".join(COMMENT.findall(INCLUDE.sub("", text)))


def there(path):
    """As it is, in src/, or without an ending: a module (base/buf) or a subject (mail/template_*)."""
    for place in (path, os.path.join("src", path), os.path.join("tests", path)):
        full = os.path.join(TOP, place)
        if any(glob.glob(full + end) for end in ("", ".c", ".h", ".t", ".py")):
            return True
    return False


def paths():
    missing, seen = [], 0
    for path, text in texts():
        for found in PATH.findall(text):
            if re.search(r"NAME|THING|ROOM|LL|acme|/x$|[A-Z]{3,}$", found) or IN_THE_SPOOL.match(found):
                continue
            seen += 1
            if not there(found):
                missing.append(f"{path}: {found}")
    ok(seen > 200, "the tree refers to its files", seen)
    equal(missing, [], "each file that a comment or a page names is there")


def targets():
    known = set()
    for path in (os.path.join(TOP, "Makefile"), *glob.glob(os.path.join(TOP, "tests/*/*.mk"))):
        with open(path, encoding="utf-8") as file:
            for line in re.findall(r"^([\w -]+):", file.read(), re.M):
                known.update(line.split())
    missing = [f"{path}: make {name}" for path, text in texts()
               for name in re.findall(r"`make ([a-z][\w-]*)", text) if name not in known]
    equal(missing, [], "each `make TARGET` is one")


def outside():
    tracked = subprocess.run(["git", "-C", TOP, "grep", "-nIE", r"DESIGN(\.md)?( section|,? [0-9]|\b)", "--",
                              "src", "tests", "nginx", "examples", "README.md", "Makefile", ":!tests/references.t"],
                             capture_output=True, text=True)
    if tracked.returncode <= 1:  # else there is no git, or no repository
        equal(tracked.stdout.splitlines(), [], "nothing refers to a page outside the tree")


paths()
targets()
outside()
finish()
