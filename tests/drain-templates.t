#!/usr/bin/python3
"""Templates and languages of one's own change the mail; a fault in them holds the run, and loses
nothing."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from bookspool import World, equal, finish, match, ok, run_parts, sample  # noqa: E402

CONFIG = 78


class Office(World):
    """A world with a directory of templates, and a booking that waits."""

    def __init__(self):
        super().__init__()
        os.makedirs(self.path("templates"))

    def template(self, name, text):
        with open(self.path("templates", name), "w", encoding="utf-8") as file:
            file.write(text)

    def arrive(self):
        return self.put_event("new", "calcom", sample("calcom", "booking_created"))

    def drain_in(self, language):
        return self.drain(env={"BOOKSPOOL_TEMPLATES": self.path("templates"),
                               "BOOKSPOOL_LANGUAGE": language})


def text_of(mail):
    return mail.get_body(("plain",)).get_content().replace("\r\n", "\n")


def own_words():
    with Office() as world:
        key = world.arrive()
        world.template("default.subject", "{{kind}}:\n  {{booking.title}}\n")
        world.template("created.txt", "{{>t.label_when}} <{{booking.start}}>\n{{>sign}}\n")
        world.template("sign.txt", "-- \nKey {{id}}\n")
        world.template("default.html", "")
        world.template("fr.lang", "label_when = Quand donc\n")
        done = world.drain_in("fr")
        equal(done.returncode, 0, "the drain takes templates and a language of one's own")
        mail = world.mails()[0]
        match(mail["Subject"], r"^created: \S", "the subject is theirs, in one line")
        match(text_of(mail), rf"^Quand donc <2\d{{3}}-.*>\n-- \nKey {key}\n$", "so is the text")
        equal(mail.get_body(("html",)), None, "an empty page is none")


def faults():
    with Office() as world:
        key = world.arrive()
        world.template("default.txt", "a\n {{#booking}}\n")
        world.template("canceled.txt", "b\n")
        done = world.drain_in("en")
        equal(done.returncode, CONFIG, "a fault in a template holds the run")
        lines = [line for line in done.stderr.splitlines() if " settings: " in line]
        equal(len(lines), 2, "each fault has its line in the log")
        match(lines[0], r"/default\.txt:2:2: \{\{#booking\}\} is not closed", "with its place")
        match(lines[1], r"/canceled\.txt: .*\"cancelled\"", "and what would be right")
        equal(world.spool("new"), [key], "the event waits")
        equal(world.mails(), [], "and nothing is mailed")
        done = world.drain_in("fr")
        match(done.stderr, "there is no language \"fr\"", "so does an unknown language")
        os.remove(world.path("templates/canceled.txt"))
        world.template("default.txt", "{{#booking}}{{title}}{{/booking}}\n")
        equal(world.drain_in("de").returncode, 0, "once it is mended, the run goes on")
        ok(len(world.mails()) == 1, "and the mail is sent")


run_parts((own_words, faults))
finish()
