"""The file of counters, by the table in src/base/counters.h.

    read(world.state_dir, "COUNT_REQUESTS", "calcom", "accepted")
    write(world.state_dir, {("COUNT_REQUESTS", "calcom", "accepted"): 7, "COUNT_DRAIN_LAST_AT": ms})
"""

import os
import re
import struct

from bookspool import TOP

MAGIC = b"bookspool-count3"


def _source(name):
    with open(os.path.join(TOP, "src/base", name), encoding="utf-8") as file:
        return file.read()


HEADER = _source("counters.h")
ROOMS = {name: int(room) for name, room in re.findall(r"\bROOM_(\w+) = (\d+)", HEADER)}
BOUNDS = int(re.search(r"HISTOGRAM_BOUNDS = (\d+)", HEADER)[1])
WORDS = {name: re.findall(r'"([^"]*)"', words) for name, words in re.findall(
    r"\[LABEL_(\w+)\] = \{[^{}]*?WORDS\(([^)]*)\)", _source("counters.c"))}


def _table():
    rows, at = {}, 0
    for row in re.findall(r'X\((COUNT_\w+), "(\w+)", (\w+), (\w+), (\w+), (\w+), "([^"]*)"\)', HEADER):
        constant, name, kind, unit, a, b, text = row
        rows[constant] = {"at": at, "name": name, "type": kind, "unit": unit, "labels": (a, b),
                          "help": text}
        at += (BOUNDS + 2 if kind == "HISTOGRAM" else 1) * ROOMS[a] * ROOMS[b]
    return rows, at


TABLE, COUNT = _table()


def position(constant, *words):
    row = TABLE[constant]
    at = [WORDS[label].index(word) for label, word in zip(row["labels"], words)] + [0, 0]
    return row["at"] + at[0] * ROOMS[row["labels"][1]] + at[1]


def read(state_dir, constant, *words):
    with open(os.path.join(state_dir, "counters"), "rb") as file:
        file.seek(len(MAGIC) + 8 * position(constant, *words))
        return int.from_bytes(file.read(8), "little", signed=True)


def put(state_dir, value, constant, *words):
    """Changes one value in place, below the programs that have the file open."""
    with open(os.path.join(state_dir, "counters"), "r+b") as file:
        file.seek(len(MAGIC) + 8 * position(constant, *words))
        file.write(struct.pack("<q", value))


def write(state_dir, values):
    found = [0] * COUNT
    for name, value in values.items():
        found[position(*([name] if isinstance(name, str) else name))] = value
    with open(os.path.join(state_dir, "counters"), "wb") as file:
        file.write(MAGIC + struct.pack(f"<{COUNT}q", *found))


def dogstatsd_name(constant):
    """As src/report/dogstatsd_text.h has it."""
    row = TABLE[constant]
    name = row["name"].removeprefix("bookspool_")
    if row["type"] == "COUNTER":
        name = name.removesuffix("_total")
    elif row["unit"] == "TIME":
        name = re.sub("_timestamp_seconds$", "_age_seconds", name)
    elif row["unit"] == "BYTES":
        name = re.sub("_bytes$", "_mebibytes", name)
    return "bookspool." + name


def exported():
    """The constants of all rows that are reported."""
    return [constant for constant, row in TABLE.items() if row["type"] != "STATE"]
