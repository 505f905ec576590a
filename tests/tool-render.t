#!/usr/bin/python3
"""bookspool render: the mail of an event before it is made, with one's own templates too."""

import email
import email.policy
import html.parser
import json
import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from bookspool import TOP, World, equal, finish, match, ok, run_parts, sample  # noqa: E402

LANGUAGES = ("en.lang", "de.lang")
HOSTILE = '<script>alert(1)</script>" onload="x & y'
BODIES = [(provider, name[:-5]) for provider in ("calcom", "calendly")
          for name in sorted(os.listdir(os.path.join(TOP, "examples", "bodies", provider)))
          if name.endswith(".json")]


class Desk(World):
    def render(self, *args, code=0, name=None, **env):
        done = self.run("bookspool", "render", *args, env=env)
        equal(done.returncode, code, name or "render " + " ".join(args)[:70]) or self.tell(done)
        self.said = done.stderr
        return done.stdout

    @staticmethod
    def tell(done):
        print("# " + (done.stdout + done.stderr).replace("\n", "\n# "))

    def templates(self, **files):
        """A folder of templates: a_b="..." is the file a.b."""
        folder = self.path("templates")
        os.makedirs(folder, exist_ok=True)
        for old in os.listdir(folder):
            os.unlink(os.path.join(folder, old))
        for name, text in files.items():
            with open(os.path.join(folder, name.replace("_", ".")), "w", encoding="utf-8") as file:
                file.write(text)
        return folder


class Page(html.parser.HTMLParser):
    """Is every element closed in turn; what is there that a mail must not have?"""
    VOID = {"meta", "br", "img", "link", "input", "hr"}

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.attributes, self.text, self.bad = [], [], [], "", []
        self.feed(text)
        self.close()
        self.bad += self.open

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self.attributes += attrs
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.bad.append("/" + tag)

    def handle_data(self, data):
        if self.open and self.open[-1] != "style":
            self.text += data


def check_page(page, name):
    tags = [tag for tag, _ in page.tags]
    forbidden = {"img", "script", "link", "iframe", "object", "form", "input", "base"} & set(tags)
    wild = [pair for pair in page.attributes
            if pair[0].startswith("on") or pair[0] in ("src", "background")
            or (pair[0] == "href" and not re.match(r"https?://|mailto:", pair[1]))]
    layout = [attrs for tag, attrs in page.tags if tag == "table"
              and attrs.get("role") != "presentation"]
    ok(not page.bad and not forbidden and not wild and not layout and tags.count("h1") == 1
       and tags.count("title") == 1 and dict(page.tags[0][1]).get("lang"),
       f"{name} is a sound page that loads nothing",
       f"{page.bad} {forbidden} {wild} {layout} {tags.count('h1')}")


def every_sample():
    with Desk() as world:
        failed = []
        for provider, name in BODIES:
            for audience in ((), ("--customer", "--to", "ada@example.com")):
                done = world.run("bookspool", "render", f"{provider}/{name}", *audience)
                if done.returncode or not re.match(r"Subject: \S.*\n\n\S", done.stdout):
                    failed.append((provider, name, audience, done.stdout[:80], done.stderr))
        ok(not failed, f"all {len(BODIES)} samples have a subject and a text", failed)
        for name in ("calcom/created", "calcom/rescheduled", "calcom/cancelled", "calendly/other"):
            text = world.render(name, "--html")
            check_page(Page(text), name)
            ok(len(text.encode()) < 60000 and "url(" not in text and "@import" not in text,
               f"{name} is small")


def sources():
    with Desk() as world:
        for directory in ("new", "done", "held", "bad"):
            body = sample("calcom", "booking_created")
            key = world.put_event(directory, "calcom", body)
            match(world.render(key[:12]), f"bookspool trace {key}", f"an event in {directory}/")
        path = world.file("bad", key)
        match(world.render(path), f"bookspool trace {key}", "a file")
        bare = world.path("body.json")
        with open(bare, "wb") as file:
            file.write(body)
        world.render(bare, code=65)
        match(world.said, "--provider", "a bare body needs its provider")
        match(world.render(bare, "--provider", "calcom"), f"bookspool trace {key}", "and has it")
        world.render("0123456789", code=66)
        world.render("calcom/nothing", code=64)
        world.render(world.path("missing"), code=66)
        world.render("calcom/created", "--text", "--html", code=64)
        world.render("calcom/created", "--to", "nobody at all", code=64)
        world.render("calcom/form_submitted", "--customer", code=65)


def message():
    with Desk() as world:
        raw = world.render("calcom/created", "--eml", "--to", "boss@example.org")
        mail = email.message_from_string(raw, policy=email.policy.default)
        equal(mail["To"], "boss@example.org", "the message goes to whom --to names")
        match(mail["Subject"], r"^Ada Example, \w{3} \d+ \w{3} \d\d:\d\d: Intro call$", "with its subject")
        kinds = [part.get_content_type() for part in mail.walk() if not part.is_multipart()]
        equal(kinds, ["text/plain", "text/html", "text/calendar", "application/ics"], "its parts")
        key = world.put_event("done", "calcom", sample("calcom", "booking_created"))
        equal(world.render(key, "--eml"), world.render(key, "--eml"), "the same bytes each time")
        calendar = [part for part in mail.walk() if part.get_content_type() == "text/calendar"][0]
        match(calendar.get_content(), "METHOD:PUBLISH", "the owner's entry is published")
        invited = {"BOOKSPOOL_CALENDAR_ATTENDEE": "invite"}
        raw = world.render("calcom/created", "--eml", "--customer", **invited)
        mail = email.message_from_string(raw, policy=email.policy.default)
        equal(mail["To"], "ada@example.com", "the customer is the first attendee")
        calendar = [part for part in mail.walk() if part.get_content_type() == "text/calendar"][0]
        match(calendar.get_content(), "METHOD:REQUEST", "the customer is invited")


def customers_see_their_own():
    with Desk() as world:
        body = sample("calcom", "booking_created")
        key = world.put_event("done", "calcom", body)
        text = world.render(key, "--customer")
        match(text, r"Subject: Confirmed: Olga Example, .*: Intro call\n(.*\n)*Your booking is confirmed\.\n", "the customer's words")
        match(text, r"07:00 to 07:30 PST \(America/Los_Angeles\)", "and clock")
        ok(key not in text and "Booking ID" not in text and "Their time" not in text,
           "no internals")
        match(text, "Example & Sons", "their own answers")
        other = world.render(key, "--customer", "--to", "gus@example.com")
        other += world.render(key, "--customer", "--to", "gus@example.com", "--html")
        ok("Example & Sons" not in other and "Zoë" not in other and "ada@" not in other,
           "nothing that somebody else said")


def escaping():
    with Desk() as world:
        body = sample("calcom", "booking_created").decode()
        body = body.replace("Example & Sons", HOSTILE.replace('"', '\\"'))
        body = body.replace("Zoë says", "<b>Zoë</b> says")
        key = world.put_event("done", "calcom", body.encode())
        page = Page(world.render(key, "--html"))
        check_page(page, "a hostile booking")
        ok(HOSTILE in page.text, "what was said stands there as text")
        match(world.render(key, "--text"), re.escape(HOSTILE), "and in the text as it is")


def languages():
    with Desk() as world:
        text = world.render("calcom/rescheduled", "--language", "de")
        match(text, r"Subject: Verschoben: Ada Example, jetzt Do 26\. Nov 10:00: ", "German")
        match(text, r"(?m)^Wann: +Do, 26\.11\.2026, 10:00 bis 10:30 Uhr CET \(Europe/Berlin\)$",
              "in the text too")
        match(text, r"(?m)^Stand: +angenommen$", "and the provider's word for its status")
        folder = world.templates(de_lang="label_guests=Außerdem dabei\n")
        wide = world.render("calcom/rescheduled", "--language", "de", "--templates", folder)
        rows = re.findall(r"(?m)^\w[^:\n]*: +(?=\S)", wide.partition("\n\n")[2].partition("\nCal.com")[0])
        equal({len(row) for row in rows}, {16}, "columns are as wide as the longest label")
        match(world.render("calcom/rescheduled", "--language", "de", "--html"), '<html lang="de"',
              "and on the page")
        keys = {name: re.findall(r"(?m)^(\w+)=.", open(os.path.join(
            TOP, "src/mail/templates", name), encoding="utf-8").read()) for name in LANGUAGES}
        equal(keys["de.lang"], keys["en.lang"], "German has all words of English, in their order")
        world.render("calcom/created", "--language", "tlh", code=78)
        match(world.said, 'no language "tlh"', "a language that is not there")


def own_templates():
    with Desk() as world:
        folder = world.templates(created_subject="Hooray: {{what}}\n")
        match(world.render("calcom/created", "--templates", folder), "^Subject: Hooray: Intro call",
              "a subject of one's own")
        for args in ("calcom/rescheduled",), ("calcom/created", "--text"), ("calcom/created", "--html"):
            equal(world.render(*args, "--templates", folder), world.render(*args),
                  "and elsewhere nothing changes")
        folder = world.templates(default_txt="{{heading}}\n{{#booking}}\n")
        world.render("calcom/created", "--templates", folder, code=78)
        match(world.said, r"default\.txt:2:1: ", "a fault is told with its place")
        folder = world.templates(default_html="")
        ok("<html" not in world.render("calcom/created", "--templates", folder, "--html"),
           "the page can be switched off")


def built_in():
    with Desk() as world:
        folder = os.path.join(TOP, "src/mail/templates")
        listed = world.render("--built-in").split()
        equal(sorted(listed), sorted(os.listdir(folder)), "all that is built in is listed")
        for name in ("de.lang", "default.html"):
            with open(os.path.join(folder, name), encoding="utf-8") as file:
                equal(world.render("--built-in", name), file.read(), f"{name} is printed")
        world.render("--built-in", "de.lagn", code=66)
        match(world.said, "the nearest is de.lang", "a name that is not there")


FAULTS = {"days=lun mar\n": r"fr\.lang:1: \"days\" has 2 names; it needs 7",
          "heading_paid=Pay\u00e9 {{abuot}}\n": r'fr\.lang:1:19: no mail has a value "abuot"; .*"about"',
          "label_wen=Quand\n": r'fr\.lang:1:1: there is no word "label_wen"; .*"label_when"'}


def faults_are_reported():
    with Desk() as world:
        for text, words in FAULTS.items():
            folder = world.templates(fr_lang=text)
            world.render("calcom/created", "--templates", folder, code=78)
            match(world.said, words, "render names the fault")
            done = world.run("bookspool", "check", env={"BOOKSPOOL_TEMPLATES": folder})
            match(done.stdout + done.stderr, words, "and so does check")


def readers_languages():
    """The customer's language is that of the body, unless one is asked for."""
    with Desk() as world:
        body = json.loads(sample("calcom", "booking_created"))
        body["payload"]["attendees"][0]["language"] = {"locale": "de"}
        path = world.path("german.json")
        with open(path, "w", encoding="utf-8") as file:
            json.dump(body, file)
        args = (path, "--provider", "calcom")
        match(world.render(*args, "--customer"), "Subject: Best\u00e4tigt: Olga Example, ", "the reader's")
        match(world.render(*args, "--customer", "--language", "en"), "Subject: Confirmed: ", "a given one")
        match(world.render(*args), "(?m)^When: ", "the owner's mail is in the owner's")


if __name__ == "__main__":
    run_parts((every_sample, sources, message, customers_see_their_own, escaping, languages,
               own_templates, built_in, faults_are_reported, readers_languages))
    finish()
