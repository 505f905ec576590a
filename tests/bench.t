#!/usr/bin/python3
"""The bench itself, in its quickest form: rows are whole, counts agree, figures can be read. How
fast anything is, is not judged here: see make bench."""

import json
import os
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ElementTree

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "bench"))
sys.dont_write_bytecode = True
from bookspool import PATIENCE, TOP, equal, finish, need, ok, tool  # noqa: E402
import chart  # noqa: E402
import goals  # noqa: E402

BENCH = os.path.join(TOP, "tests/bench")
COSTS = ("rate", "best", "p50", "p99", "front_us", "all_us", "pss")  # app_us: fcgiwrap's is unknown


def smoke(folder):
    """A quick run's result, or None."""
    done = subprocess.run([os.path.join(BENCH, "run"), "--smoke", "--out", folder],
                          capture_output=True, text=True, timeout=2 * PATIENCE)
    ok(done.returncode == 0, "a quick run of the bench ends well", done.stdout + done.stderr)
    ok("req/s" in done.stdout, "and shows a table")
    if done.returncode:
        return None
    with open(os.path.join(folder, "bench.json"), encoding="utf-8") as file:
        return json.load(file)


def rows_are_whole(result):
    rows = {(row["contender"], row["kind"]): row for row in result["receive"]["rows"]}
    ours = [kind for contender, kind in rows if contender == "bookspool"]
    equal(ours, ["durable", "duplicate", "forgery"], "bookspool is measured in three ways")
    ok(("bookspool, 2 workers", "durable") in rows, "and with two workers")
    if tool("fcgiwrap"):
        ok(("fcgiwrap, 4 + C program", "durable") in rows, "a peer that is here takes part")
    for (contender, kind), row in rows.items():
        missing = [name for name in COSTS if row[name] is None]
        equal(missing, [], f"{contender}, {kind}: nothing is missing")
        ok(row["rate"] > 0 and row["p99"] >= row["p50"] > 0, "and it makes sense", row)
        ok(row["agrees"], "and every 200 is a file",
           [sample for sample in result["receive"]["samples"] if not sample["agrees"]])
    if rows["bookspool", "durable"]["calls"] is not None:  # strace is here, and may look
        ok(rows["bookspool", "durable"]["calls"] > 5, "system calls are counted")
        # The receiver looks at the counters' file once a second, however many requests come.
        ok(rows["bookspool", "forgery"]["file_calls"] < 0.5, "a forgery touches no file",
           rows["bookspool", "forgery"]["by_name"])
    equal(result["receive"]["failed"], {}, "nothing could not be measured")


def memory_is_known(result):
    large = result["receive"]["memory"]["large"]
    equal(large["accepted"], large["clients"], "large bodies at once are accepted")
    ok(large["peak_rss"] > large["clients"], "and were in memory")


def chart_can_be_read(path):
    root = ElementTree.parse(path).getroot()
    words = [element.text for element in root.iter("{http://www.w3.org/2000/svg}text")]
    ok("bookspool" in words, "the chart names bookspool", words)
    with open(path, encoding="utf-8") as file:
        text = file.read()
    ok("prefers-color-scheme: dark" in text and "<script" not in text,
       "it has a dark form, and no script")


def lines_can_be_read():
    svg = chart.lines("Growth < half", ["0", "1,000"],
                      {"receive & store": [30, 33.5], "drain": [290, 301]}, "us", "a note")
    words = [element.text for element in ElementTree.fromstring(svg).iter(
        "{http://www.w3.org/2000/svg}text")]
    ok({"Growth < half", "receive & store", "33.5", "301", "1,000"} <= set(words),
       "a chart of lines has its words and numbers", words)


def goals_are_judged():
    """On made-up rows: met exactly at the limit, missed below it, unknown without figures."""
    def row(contender, rate):
        return {"disk": "fast", "clients": 32, "contender": contender, "kind": "durable",
                "rate": rate, "app_us": 50, "agrees": True}

    def judged(rows):
        return goals.of_receiver({"rows": rows, "memory": None})
    rows = [row(goals.BOOKSPOOL, 250), row(goals.PHP, 100), row(goals.NODE, 100)]
    first, stretch, node, webhook = judged(rows)[:4]
    equal((first["met"], first["measured"]), (True, "2.50 times"), "a goal is met at its limit")
    equal((stretch["met"], stretch["measured"]), (False, "2.50 times (17 % off)"),
          "and missed below it, with by how much")
    equal((node["met"], webhook["met"]), (False, None), "nothing is said where nothing is known")
    wrong = judged([{**rows[0], "agrees": False}])[-1]
    equal(wrong["met"], False, "a 200 without a file is a missed goal")


need("nginx", "wrk")
with tempfile.TemporaryDirectory(prefix="bookspool-") as out:
    found = smoke(out)
    if found:
        rows_are_whole(found)
        memory_is_known(found)
        chart_can_be_read(os.path.join(out, "bench.svg"))
lines_can_be_read()
goals_are_judged()
if os.path.exists(os.path.join(BENCH, "results/bench.json")):
    shown = subprocess.run([os.path.join(BENCH, "readme"), "--check"], capture_output=True,
                           text=True)
    equal((shown.returncode, shown.stderr), (0, ""), "tests/bench/README.md shows the results in the tree")
finish()
