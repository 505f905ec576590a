#!/usr/bin/python3
"""What Prometheus, Grafana and Datadog get is right by their own rules: promtool judges the metrics,
the alert rules and every expression of the dashboard, and each name in an example is in the table."""

import glob
import json
import os
import re
import stat
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
import counters  # noqa: E402
from bookspool import (TOP, World, diag, equal, finish, match, need, ok, run_parts, sample,  # noqa: E402
                       tool)
from fcgi import Client, params, request  # noqa: E402

EXAMPLES = os.path.join(TOP, "examples")
OTHERS = {"bookspool_build_info", "bookspool_health_status", "bookspool_up"}


def promtool(*args, text=None, cwd=None):
    done = subprocess.run([tool("promtool"), *args], input=text, capture_output=True, text=True, cwd=cwd)
    if done.returncode:
        diag(done.stdout + done.stderr)
    return done.returncode


def read_example(*path):
    with open(os.path.join(EXAMPLES, *path), encoding="utf-8") as file:
        return file.read()


def series(text):
    return {name: float(value) for name, value in re.findall(r"(?m)^([^#\s].*) (\S+)$", text)}


def the_text():
    with World() as world:
        world.start_receiver()
        world.put_event("new", "calcom", sample("calcom", "booking_created"))
        world.drain()
        done = world.run("bookspool", "metrics")
        equal((done.returncode, done.stderr), (0, ""), "bookspool metrics")
        equal(promtool("check", "metrics", text=done.stdout), 0, "promtool finds nothing in it")
        with Client(world.socket) as client:
            client.send(request(params("GET", "/metrics", REMOTE_ADDR="127.0.0.1")))
            answer = client.answer()
        equal(promtool("check", "metrics", text=answer.body.decode()), 0, "nor in the receiver's")
        equal(set(series(answer.body.decode())) - {n for n in series(done.stdout)}, set(),
              "both have the same series")
        found = series(done.stdout)
        equal((found['bookspool_events_total{provider="calcom",kind="created"}'],
               found['bookspool_mail_attempts_total{transport="maildir",outcome="sent"}'],
               found['bookspool_drain_runs_total{result="done"}'], found["bookspool_mails_made_total"]),
              (1, 1, 1, 1), "and the values")
        equal(found['bookspool_accepted_to_mailed_seconds_bucket{le="+Inf"}'],
              found["bookspool_accepted_to_mailed_seconds_count"], "the buckets have them all")
        for constant in counters.exported():
            row = counters.TABLE[constant]
            ok(f"# TYPE {row['name']} {row['type'].lower()}\n" in done.stdout, f"{row['name']} has its type")
        for name, words in (("PROVIDER", 2), ("REASON", 20), ("KIND", 19)):
            ok(len(counters.WORDS[name]) >= words, f"the words of {name} are known", counters.WORDS[name])
        ok(not re.search(r"(?m)^[^#]\S+ \S+ \S+$", done.stdout), "no line has a timestamp")
        textfile(world)


def textfile(world):
    folder = world.path("textfile")
    os.mkdir(folder)
    path = os.path.join(folder, "bookspool.prom")
    for _ in range(2):
        equal(world.run("bookspool", "metrics", "--output", path).returncode, 0, "into a file")
    equal(os.listdir(folder), ["bookspool.prom"], "and nothing else is left")
    equal(stat.S_IMODE(os.stat(path).st_mode), 0o644, "that the node exporter may read")
    with open(path, encoding="utf-8") as file:
        equal(promtool("check", "metrics", text=file.read()), 0, "the file is complete")
    done = world.run("bookspool", "metrics", "--output", os.path.join(folder, "none", "x.prom"))
    equal(done.returncode, 73, "a file that cannot be written")
    match(done.stderr, r"none/x\.prom: No such file", "and why")


def names_in(expression):
    return set(re.findall(r"\bbookspool_\w+", expression))


def known_names():
    known = set(OTHERS)
    for constant in counters.exported():
        row = counters.TABLE[constant]
        known.add(row["name"])
        if row["type"] == "HISTOGRAM":
            known.update(row["name"] + end for end in ("_bucket", "_sum", "_count"))
    return known


def words_in(expression):
    """(label, word) of each comparison with a plain word."""
    return {(label, word) for label, words in re.findall(r'(\w+)=~?"([\w|-]+)"', expression)
            for word in words.split("|")}


def known_words():
    labels = {"reason": ("REASON", "WAITING"), "directory": ("DIRECTORY",), "outcome": ("OUTCOME",),
              "fault": ("FAULT",), "provider": ("PROVIDER",), "secret": ("SECRET",), "token": ("TOKEN",), "answer": ("ANSWER",)}
    return {(label, word) for label, lists in labels.items() for one in lists for word in counters.WORDS[one]}


def the_rules():
    folder = os.path.join(EXAMPLES, "prometheus")
    equal(promtool("check", "rules", "bookspool.rules.yml", cwd=folder), 0, "the alert rules are rules")
    equal(promtool("test", "rules", "bookspool.test.yml", cwd=folder), 0, "and do what their tests say")
    text = read_example("prometheus", "bookspool.rules.yml")
    equal(names_in(text) - known_names(), set(), "all metrics in them exist")
    equal(words_in(text) - known_words(), set(), "and all values of labels")
    tests = read_example("prometheus", "bookspool.test.yml")
    for alert in re.findall(r"alert: (\w+)", text):
        ok(tests.count(alert) > 0, f"{alert} is tested")


def expressions(node):
    if isinstance(node, dict):
        if "expr" in node:
            yield node["expr"]
        node = list(node.values())
    for one in node if isinstance(node, list) else []:
        yield from expressions(one)


def the_dashboard():
    dashboard = json.loads(read_example("prometheus", "grafana-dashboard.json"))
    found = list(expressions(dashboard))
    ok(len(found) > 20, "the dashboard has expressions", len(found))
    with World() as world:
        rules = [{"record": f"dashboard:{number}", "expr": text.replace("$__rate_interval", "5m")
                  .replace("$instance", ".*")} for number, text in enumerate(found)]
        ok(not any("$" in rule["expr"] for rule in rules), "no variable is left")
        with open(world.path("rules.yml"), "w", encoding="utf-8") as file:
            json.dump({"groups": [{"name": "dashboard", "rules": rules}]}, file)
        equal(promtool("check", "rules", world.path("rules.yml")), 0, "Prometheus understands each of them")
    equal(names_in(" ".join(found)) - known_names(), set(), "all metrics in them exist")
    equal(words_in(" ".join(found)) - known_words(), set(), "and all values of labels")
    numbers = [panel["id"] for panel in dashboard["panels"]]
    equal(len(set(numbers)), len(numbers), "panels have ids of their own")


def the_monitors():
    known = {counters.dogstatsd_name(constant): counters.TABLE[constant] for constant in counters.exported()}
    paths = sorted(glob.glob(os.path.join(EXAMPLES, "datadog", "*.json")))
    ok(len(paths) >= 8, "there are monitors", paths)
    for path in paths:
        name = os.path.basename(path)
        monitor = json.loads(read_example("datadog", name))
        query, options = monitor["query"], monitor["options"]
        equal(monitor["type"], "query alert", f"{name}: its type")
        used = re.findall(r"(?:sum|max|min|avg):(bookspool\.\w+)\{([^}]*)\}", query)
        ok(used, "it asks for metrics", query)
        for metric, tags in used:
            if not ok(metric in known, f"{name}: {metric} exists"):
                continue
            labels = {label for label in known[metric]["labels"] if label != "NONE"}
            for tag, words in re.findall(r"(\w+)(?::| IN \()((?<=:)[\w*-]+|[\w*,-]+(?=\)))", tags):
                if tag == "service":
                    equal(words, "bookspool", "the service is the default of DD_SERVICE")
                    continue
                label = [one for one in labels if tag.upper() == one]
                ok(label, f"{name}: {metric} has the tag {tag}", labels)
                for word in words.split(","):
                    ok([one for one in counters.WORDS[label[0]] if re.fullmatch(word.replace("*", ".*"), one)],
                       f"{name}: {tag}:{word} occurs")
        limit = re.search(r"([<>]=?) ([\d.]+)$", query)
        equal(float(limit[2]), float(options["thresholds"]["critical"]), f"{name}: the thresholds agree")
        if "warning" in options["thresholds"]:
            below = options["thresholds"]["warning"] < options["thresholds"]["critical"]
            equal(below, limit[1].startswith(">"), f"{name}: a warning comes before the alarm")
        ok("on_missing_data" in options and not {"notify_no_data", "no_data_timeframe"} & set(options),
           f"{name}: says what missing data means")
        ok(query.startswith(("max(", "min(")) or ".as_count()" in query, f"{name}: counts are counts")


if __name__ == "__main__":
    need("promtool")
    run_parts((the_text, the_rules, the_dashboard, the_monitors))
    finish()
