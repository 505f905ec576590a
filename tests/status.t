#!/usr/bin/python3
"""`bookspool status`, on a terminal, as JSON and as a page, at three states of an installation; and the page
that the drain keeps. All three say the same, and none says that all is well while no receiver runs."""

import html.parser
import json
import os
import re
import shutil
import stat
import subprocess
import sys
import time
import unicodedata

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
import sites  # noqa: E402
from bookspool import (PATIENCE, TOP, World, equal, finish, match, ok, program, run_parts,  # noqa: E402
                       sample, skip, wait_for)

VOID = {"meta", "path", "rect", "circle", "br"}
LOADING = {"script", "link", "iframe", "img", "object", "embed", "base", "form", "audio", "video", "image", "use"}


class Page(html.parser.HTMLParser):
    """Elements, texts, and what is not well-formed."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.open, self.wrong, self.tags, self.ids, self.texts, self.policy = [], [], [], [], [], None
        self.style, self.attributes = "", set()
        self.feed(text)
        self.close()
        self.wrong += self.open

    def handle_starttag(self, tag, attrs):
        values = dict(attrs)
        self.tags.append(tag)
        self.attributes |= values.keys()
        self.ids += [values["id"]] if "id" in values else []
        if values.get("http-equiv") == "Content-Security-Policy":
            self.policy = values["content"]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.wrong.append("/" + tag)

    def handle_data(self, data):
        if self.open and self.open[-1] == "style":
            self.style += data
        self.texts.append(data)


def read_page(site, code=0, name="page"):
    path = site.path("page.html")
    done = site.run("bookspool", "status", "--html", path)
    equal((done.returncode, done.stderr), (code, ""), f"{name}: the page is written")
    with open(path, encoding="utf-8") as file:
        text = file.read()
    return text, Page(text)


def check_page(site, name):
    text, page = read_page(site, name=name)
    equal(page.wrong, [], f"{name}: the page is well-formed")
    equal(set(page.tags) & LOADING, set(), "nothing runs or is loaded")
    ok(not re.search(r"url\(|@import", page.style) and not [name for name in page.attributes if name.startswith("on")],
       "in no other way either", page.attributes)
    ok(not {"style", "href", "src"} & page.attributes, "no style but the one that the policy knows")
    digest = subprocess.run("openssl dgst -sha256 -binary | openssl base64", shell=True, text=True,
                            input=page.style, capture_output=True, check=True).stdout.strip()
    equal(page.policy, f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'",
          "its policy allows its style and nothing else")
    equal(len(page.ids), len(set(page.ids)), "no two elements have one id")
    equal(stat.S_IMODE(os.stat(site.path("page.html")).st_mode) & 0o007, 0, "the file is closed to others")
    return text, " ".join(" ".join(page.texts).split())


def run_status(site, *args, code, name):
    done = site.run("bookspool", "status", *args)
    if not equal(done.returncode, code, f"{name}: exit status {code}"):
        print("#", "\n# ".join((done.stdout + done.stderr).splitlines()))
    return done.stdout


def empty():
    with sites.empty() as site:
        shown = run_status(site, code=1, name="empty")
        ok("no event can be stored" not in shown, "directories that the receiver makes are not missed")
        match(shown, r"^something fails +\d{4}-", "no receiver: all is not well")
        match(shown, r"fail  no receiver runs: there is no socket \S+fcgi.sock\n +bookings are answered 503: systemctl",
              "and what to do")
        match(shown, r"warn  no drain has run yet", "no drain either")
        site.start_receiver()
        found = json.loads(run_status(site, "--json", code=1, name="with a receiver"))
        equal((found["state"], found["checks"][0]["name"], found["checks"][0]["state"]),
              ("warn", "receiver:running", "pass"), "the receiver is found")
        site.drain()
        shown = run_status(site, code=0, name="after a drain")
        match(shown, "^all is well", "all is well")
        text, said = check_page(site, "empty")
        match(said, "All is well", "the page says it too")
        match(said, "No booking is ahead", "without bookings")
        ok("svg" in text, "with plots, since the drain keeps a history")


def busy():
    with sites.busy() as site:
        site.start_receiver()
        shown = run_status(site, code=0, name="busy")
        match(shown, r"(?m)^last week  \S{20,28} +\d+ accepted +\d+ mailed", "rates as bars")
        match(shown, r"in 30 days (9\d\.\d+|100) % of mails arrived; half of them within", "how well mail works")
        match(shown, r"(?s)next bookings:.*Ada Example.*overlapping, two and two:.*(Alan Inst|Jürgen).*(Alan|Jürgen Beisp)",
              "next bookings, and those that overlap")
        match(shown, "secondary secret of calendly last used 3 d ago", "the last use of a secret")
        found = json.loads(run_status(site, "--json", code=0, name="busy, JSON"))
        equal((len(found["next_bookings"]), len(found["overlaps"]), found["state"]), (8, 1, "pass"), "facts")
        text, said = check_page(site, "busy")
        week = found["rates"]["week"]
        match(said, rf"\b{week['accepted']} webhooks in the last 7 days; {week['sent']} mails sent", "the same rates")
        month = found["rates"]["month"]
        success = 100 * month["sent"] / (month["sent"] + month["given_up"])
        match(said, rf"{success:.4g} % of mails arrived", "the same share of mails that arrived")
        for words in ("Bookings by day and kind", "the aim is 99.5 %", "Time from webhook to mail", "What waited",
                      "Jürgen Beispiel", "Intro call"):
            ok(words in said, f"the page has: {words}")
        equal(text.count("<svg viewBox=\"0 0 360"), 4, "four plots")
        equal(len(re.findall(r'role="img" aria-labelledby="(\w+)-t \1-d"><title id="\1-t">[^<]+</title>'
                             r'<desc id="\1-d">[^<]+</desc>', text)), 4, "each with a title and a description")
        days = dict(re.findall(r'<th scope="row">(\d\d-\d\d)</th>((?:<td class="n">\d+</td>){4})', text))
        sums = [sum(map(int, column)) for column in
                zip(*(re.findall(r">(\d+)<", row) for row in days.values()))]
        shown = re.search(r"(\d+) new, (\d+) moved, (\d+) cancelled, (\d+) other in 30 days", said)
        equal(sums, [int(n) for n in shown.groups()], "the table behind a plot has its numbers")
        terminal = site.terminal("status")
        if terminal is not None:
            match(terminal, "\033\\[32mall is well\033\\[0m", "colours on a terminal")
            ok("\033" not in run_status(site, code=0, name="to a pipe"), "and to nothing else")
            rows = re.findall(r"(?m)^(\d{4}-\d\d-\d\d \d\d:\d\d.*?)Cal\.com$", terminal.partition("overlapping")[0])
            equal((len(rows) > 5, len({columns(row) for row in rows})), (True, 1),
                  "columns are aligned, whatever letters the names have")


def columns(text):
    """How wide a terminal shows it."""
    return sum(0 if unicodedata.combining(c) else 1 + (unicodedata.east_asian_width(c) in "WF") for c in text)


def broken():
    with sites.broken() as site:
        terminal = site.terminal("status")
        if terminal is not None:
            lines = re.sub("\033\\[\\d*m", "", terminal).partition("\npass")[0].splitlines()
            ok(len(lines) > 15 and max(map(columns, lines)) <= 80, "advice is folded at the width of the terminal", lines)
        shown = run_status(site, code=1, name="broken")
        for words in ("fail  no receiver runs", "fail  the last run of the drain could not do its work",
                      "fail  new/: the oldest event has waited for 15 m", "warn  failed/ holds 3", "warn  held/ holds 1"):
            ok(words in shown, f"said: {words}")
        match(shown, r"(?m)^failed\t\S+\t\d+ h ago\tsmtp-rcpt-550$", "what failed, and why")
        text, said = check_page(site, "broken")
        match(said, "Something fails", "the page says it too")
        found = json.loads(run_status(site, "--json", code=1, name="broken, JSON"))
        for check in found["checks"]:
            if check["state"] != "pass":
                ok(check["text"] in said and check["advice"] in said, f"the page has {check['name']}, and what to do")
        equal({item["reason"] for item in found["set_aside"] if item["dir"] == "failed"},
              {"smtp-rcpt-550", "smtp-dot-554", "smtp-connect-7"}, "reason codes")
        ok("ada@example.com" not in text + shown and "rules.example.com" not in text + shown,
           "but not a server's words, which may name a recipient")


def receivers():
    """Whoever does not answer is not running."""
    with sites.empty() as site:
        receiver = site.start_receiver()
        site.drain()
        run_status(site, code=0, name="a receiver")
        receiver.kill()
        receiver.wait()
        match(run_status(site, code=1, name="a receiver that died"), "nothing listens on the socket", "is noticed")


def hostile():
    """What a booking says cannot become a part of the page."""
    evil = "</title></svg><script>alert(1)</script>\"'<img src=x onerror=alert(2)>&amp;"
    with sites.empty() as site:
        body = json.loads(sample("calcom", "booking_created"))
        start = time.time() + 90000
        body["payload"] |= {"title": evil, "startTime": sites.utc(start), "endTime": sites.utc(start + 1800)}
        body["payload"]["attendees"][0]["name"] = evil + "\u202e\x07"
        site.put_event("new", "calcom", json.dumps(body).encode())
        site.put("failed", 1, 100, mail=True, why="x: <script>-1: y")
        equal(site.drain().returncode, 0, "a booking full of markup")
        text, said = check_page(site, "hostile")
        ok("<script" not in text and "<img" not in text, "is text on the page")
        ok(said.count("alert(1)") >= 2, "which is all there")


def kept():
    """The drain keeps the page, replaces it in one step, and never fails for it."""
    with sites.empty() as site:
        folder = site.path("page")
        os.mkdir(folder)
        page = os.path.join(folder, "index.html")
        settings = {"BOOKSPOOL_STATUS_PAGE": page}
        equal(site.drain(env=settings).returncode, 0, "a run of the drain")
        with open(page, encoding="utf-8") as file:
            first = file.read()
        equal(Page(first).wrong, [], "writes the page")
        equal(os.listdir(folder), ["index.html"], "and leaves nothing beside it")
        before = os.stat(page).st_ino
        site.put_event("new", "calcom", sample("calcom", "booking_created"))
        equal(site.drain(env=settings).returncode, 0, "another run")
        ok(os.stat(page).st_ino != before, "replaces it")
        os.unlink(page)
        os.rmdir(folder)
        site.put_event("new", "calcom", sample("calcom", "booking_rescheduled"))
        done = site.drain(env=settings)
        equal((done.returncode, len(site.spool("sent"))), (0, 2), "where it cannot be written, mails are sent")
        match(done.stderr, f"status-page-failed: {page}", "and the log says so")
        os.mkdir(os.path.join(site.state_dir, "dir"))
        os.unlink(os.path.join(site.state_dir, "history"))
        os.rename(os.path.join(site.state_dir, "dir"), os.path.join(site.state_dir, "history"))
        done = site.drain()
        equal(done.returncode, 0, "so with the history")
        match(done.stderr, "history-failed: .*/history: Is a directory", "and its log line")


def history():
    """What two drains count is what the rates say; a file of another form is started anew."""
    with sites.empty() as site:
        path = os.path.join(site.state_dir, "history")
        with open(path, "wb") as file:
            file.write(b"rubbish")
        site.start_receiver()
        for kind in ("booking_created", "booking_created", "booking_cancelled"):
            site.put_event("new", "calcom", sample("calcom", kind))
        site.drain()
        size = os.path.getsize(path)
        found = json.loads(run_status(site, "--json", code=0, name="rates"))["rates"]["day"]
        equal((found["new"], found["cancelled"], found["sent"], found["given_up"]), (2, 1, 3, 0),
              "events by kind, and mails")
        site.put_event("new", "calcom", sample("calcom", "booking_created"))
        site.drain()
        found = json.loads(run_status(site, "--json", code=0, name="later"))["rates"]
        equal((found["hour"]["new"], found["day"]["new"], found["month"]["sent"]), (3, 3, 4), "are added up")
        os.unlink(os.path.join(site.state_dir, "counters"))
        site.put_event("new", "calcom", sample("calcom", "booking_created"))
        site.drain()
        found = json.loads(run_status(site, "--json", code=0, name="counters removed"))["rates"]["day"]
        ok(0 < found["new"] <= 4, "sums that began anew count from 0", found)
        equal(os.path.getsize(path), size, "the file does not grow")


def watching():
    with sites.empty() as site:
        site.start_receiver()
        site.drain()
        watch = site.start([*program("bookspool"), "status", "--watch", "--json"], "watch.log")
        ok(wait_for(lambda: site.log("watch.log").count('"well":true') >= 2), "--watch goes on",
           site.log("watch.log"))
        equal([type(json.loads(line)) for line in site.log("watch.log").splitlines()[:2]], [dict, dict],
              "one object a line")
        site.stop(watch)
        equal(site.run("bookspool", "status", "--html", site.path("x"), "--json").returncode, 64, "one form at a time")


def in_browser():
    """On a phone in the dark and a desktop in the light: fits, loads nothing, and axe-core finds nothing. STATUS_PICTURES=DIR leaves
    pictures there, as in examples/status."""
    modules = os.path.join(os.environ.get("BOOKSPOOL_TOOLS") or os.path.join(TOP, "build/tools"), "npm")
    node, chromium = shutil.which("node"), shutil.which("chromium")
    if not (node and chromium and os.path.isdir(os.path.join(modules, "node_modules/axe-core"))):
        return skip("there is no browser for tests here: tests/bin/deps")
    with World() as world:
        pages = {}
        for make in (sites.empty, sites.busy, sites.broken):
            with make() as site:
                if make is not sites.broken:
                    site.start_receiver()
                pages[make.__name__] = world.path(make.__name__ + ".html")
                site.run("bookspool", "status", "--html", pages[make.__name__])
        with open(world.path("given.json"), "w", encoding="utf-8") as file:
            json.dump({"modules": modules, "chromium": chromium, "pages": pages, "root": os.getuid() == 0,
                       "pictures": os.environ.get("STATUS_PICTURES")}, file)
        done = subprocess.run([node, os.path.join(TOP, "tests/status/look.mjs"), world.path("given.json")], text=True,
                              capture_output=True, timeout=2 * PATIENCE)
        results = [json.loads(line) for line in done.stdout.splitlines()]
        for result in results:
            ok(result["holds"], result["name"], result.get("detail"))
        equal((done.returncode, len(results)), (0, 6 * 2 * len(pages)), "all was looked at")
    return None


run_parts((empty, busy, broken, receivers, hostile, kept, history, watching, in_browser))
finish()
