#!/usr/bin/python3
"""Whatever strangers type into a booking reaches the mail as text, over every transport."""

import base64
import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
import icalendar  # noqa: E402
from bookspool import equal, finish, ok, run_parts  # noqa: E402
from mailbox import Letter, Office, Page, booking, timed  # noqa: E402
from sendgrid_peer import Peer  # noqa: E402
from smtp_peer import Scripted  # noqa: E402

KEY = "SG.made-up.for-this-test"
EVIL = "evil@example.net"
DASHED = "-oQ/tmp@example.com"  # an address by RFC 5322, an option to a careless program
LONG = "Long" + "w" * 9992 + "Name"

# What is typed, and what of it a reader sees: None where that is the same.
NAMES = {
    "line breaks": (f"Ada\r\nBcc: {EVIL}\r\n\r\n<b>body</b>", f"Ada Bcc: {EVIL} <b>body</b>"),
    "other line ends": (f"Ada\u2028Bcc: {EVIL}\u0085\x0b\x0cX\u2029", f"Ada Bcc: {EVIL} X"),
    "a tag": ("<script>alert(1)</script><img src=x onerror=alert(2)>", None),
    "an attribute": ("\" onload=\"alert(1)\" x='", None),
    "entities": ("&lt;script&gt; &amp; &#60;b&#62;", None),
    "a template's tag": ("{{booking.uid}} {{{id}}} {{>page_end}} {{#people}}", None),
    "an encoded word": ("=?utf-8?B?Qm9zcw==?= =?utf-8?q?=0D=0ABcc:_evil=40example.net?=", None),
    "quotes": ('"Ada" \\"Lovelace\\" `x` \'y\'', None),
    "separators": ("Ada; Lovelace, Countess: of (a comment) <x@y>", None),
    "a calendar's lines": ("Ada\\nATTENDEE:mailto:evil@example.net\\;\\,\\N", None),
    "a parameter": ("Ada^n^' ;CUTYPE=ROOM:mailto:evil@example.net", None),
    "the end of a mail": ("Ada\r\n.\r\nMAIL FROM:<evil@example.net>",
                          "Ada . MAIL FROM:<evil@example.net>"),
    "a boundary": ("--=_m_\r\nContent-Type: text/html\r\n\r\n--=_m_--",
                   "--=_m_ Content-Type: text/html --=_m_--"),
    "nulls and controls": ("A\0d\x01a\x7f\x1b[31m", "A da[31m"),
    "ten thousand characters": (LONG, LONG[:1000] + "..."),
    "right to left": ("\u202eadA elpmaxE\u202c \u2066x\u2069", "adA elpmaxE x"),
    "Hebrew": ("עדה דוגמה", None),
    "emoji": ("👩‍💻 Ada 🇩🇪 \U0001f600", None),
    "printf": ("%s%n%99999d", None),
    "formulas": ("=1+1 @SUM(A1) -2+3", None),
}
ADDRESSES = [f"ada@example.com\r\nBcc: {EVIL}", f"ada@example.com,{EVIL}", f"ada@example.com> <{EVIL}",
             f"<{EVIL}>", f'"ada@example.com\\" <{EVIL}>"@example.com', f"ada@example.com {EVIL}",
             f"ada@example.com;{EVIL}", "a\0b@example.com", DASHED + "\n", "ada"]
HEADERS = {"date", "from", "to", "reply-to", "subject", "message-id", "x-bookspool-id",
           "references", "in-reply-to", "x-entity-ref-id", "x-auto-response-suppress",
           "auto-submitted", "mime-version", "content-type", "content-transfer-encoding"}
DELIVERED = {"return-path", "delivered-to"}  # a Maildir's
LINES = {"BEGIN", "END", "VERSION", "PRODID", "METHOD", "UID", "SEQUENCE", "DTSTAMP", "DTSTART",
         "DTEND", "SUMMARY", "DESCRIPTION", "LOCATION", "URL", "STATUS", "TRANSP", "ORGANIZER",
         "ATTENDEE"}
TAGS = {"html", "head", "meta", "title", "style", "body", "div", "table", "tr", "td", "span", "a",
        "h1", "h2", "p", "br", "del", "s", "strong", "b", "em", "tbody", "ul", "li", "small"}


class ApiLetter:
    """The same of what SendGrid is given."""

    def __init__(self, mail):
        self.faults, self.calendar, self.raw = [], None, b""
        self.subject, self.header_names = mail["subject"], HEADERS
        self.people = [to["email"] for one in mail["personalizations"]
                       for kind in ("to", "cc", "bcc") for to in one.get(kind, [])]
        self.to = self.people[0]
        bodies = {part["type"]: part["value"] for part in mail["content"]}
        self.text, self.page = bodies["text/plain"], Page(bodies["text/html"])
        for one in mail.get("attachments", []):
            self.ics = base64.b64decode(one["content"]).decode().replace("\r\n", "\n")
            self.calendar = icalendar.Calendar.from_ical(self.ics)
            self.vevent = self.calendar.walk("VEVENT")[0]


class SmtpLetter(Letter):
    def __init__(self, raw, people=None):
        super().__init__(raw)
        self.people = people or [self.to]
        self.header_names = {name.lower() for name in self.mail.keys()}


# ---- the bookings ----


def hostile(provider, text, number):
    """Every field that somebody outside fills in."""
    name = {"calcom": "booking_created", "calendly": "invitee_created"}[provider]
    body = booking(provider, name, f"{text}{number}")
    payload = body["payload"]
    if provider == "calcom":
        payload.update(title=text, description=text, additionalNotes=text, location=text)
        payload["attendees"][0].update(name=text, timeZone=text)
        payload["responses"]["Company"].update(label=text, value=text)
        payload["organizer"]["name"] = text
        payload["iCalUID"] = text
    else:
        payload.update(name=text, timezone=text)
        payload["questions_and_answers"] = [{"question": text, "answer": text, "position": 0}]
        payload["scheduled_event"].update(name=text, meeting_notes_plain=text,
                                          location={"type": "physical", "location": text})
        payload["scheduled_event"]["event_memberships"][0]["user_name"] = text
    return body


def addressed(provider, address, number):
    body = booking(provider, {"calcom": "booking_created", "calendly": "invitee_created"}[provider],
                   f"address{number}")
    payload = body["payload"]
    if provider == "calcom":
        payload["attendees"] = [{**payload["attendees"][0], "email": address}]
        payload["organizer"]["email"] = address
        payload["responses"]["guests"]["value"] = [address]
    else:
        payload["email"] = address
        payload["scheduled_event"]["event_memberships"][0]["user_email"] = address
        payload["scheduled_event"]["event_guests"] = [{"email": address}]
    return body


def fill(office):
    """What each event's mails must show, by key."""
    wanted = {}
    for provider in ("calcom", "calendly"):
        for number, (what, (typed, seen)) in enumerate(NAMES.items()):
            raw = timed(provider, hostile(provider, typed, number), office.now)
            wanted[office.put(provider, raw)] = (f"{provider}, {what}", typed if seen is None else seen)
        for number, address in enumerate(ADDRESSES):
            raw = timed(provider, addressed(provider, address, number), office.now)
            wanted[office.put(provider, raw)] = (f"{provider}, {address!r}", None)
    return wanted


# ---- the mails ----


def squeezed(text):
    return " ".join(text.split())


def faults_of(letter, seen):
    faults = list(letter.faults)
    if extra := letter.header_names - HEADERS:
        faults.append(f"headers {extra}")
    if len(letter.people) != 1 or letter.people[0] not in ("owner@example.org", "ada@example.com",
                                                                     DASHED):
        faults.append(f"recipients {letter.people}")
    if tags := set(letter.page.tags) - TAGS:
        faults.append(f"tags {tags}")
    if wild := [pair for pair in letter.page.attributes if pair[0].startswith("on") or pair[0] == "src"
                or (pair[0] == "href" and not re.match(r"https?://|mailto:", pair[1] or ""))]:
        faults.append(f"attributes {wild}")
    if letter.calendar:
        names = [re.split("[;:]", line)[0] for line in letter.ics.replace("\n ", "").split("\n") if line]
        if set(names) - LINES or names.count("BEGIN") != 2 or names.count("ATTENDEE") > 1:
            faults.append(f"calendar lines {names}")
        faults += [f"calendar address {value}" for value in map(str, (
            letter.vevent.get("ORGANIZER"), letter.vevent.get("ATTENDEE", ""))) if EVIL in value]
    return faults + (not_shown(letter, squeezed(seen)) if seen else [])


def value_of(ics, name):
    """A text by RFC 5545 3.3.11: python3-icalendar 4 takes \\\\n for a line break."""
    value = re.search(rf"(?m)^{name}:(.*)$", ics.replace("\n ", ""))[1]
    return re.sub(r"\\(.)", lambda found: "\n" if found[1] in "nN" else found[1], value)


def not_shown(letter, seen):
    """Where the text that was typed is missing: it is to be told, not dropped."""
    places = {"text": letter.text, "page": letter.page.text}
    if letter.calendar:
        places["entry's place"] = value_of(letter.ics, "LOCATION")
    faults = [f"not in the {place}: {text[:200]!r}" for place, text in places.items()
              if seen not in squeezed(text)]
    if seen[:40] not in squeezed(letter.subject):
        faults.append(f"not in the subject {letter.subject!r}")
    return faults


def check(transport, office, wanted, letters):
    done = office.drain()
    equal((done.returncode, office.spool("new"), office.spool("out"), office.spool("bad"),
           office.spool("failed")), (0, [], [], [], []), f"{transport}: all is sent")
    wrong, owners, customers = [], 0, 0
    for key, letter in letters():
        what, seen = wanted[key]
        owners += letter.to == "owner@example.org"
        customers += letter.to == "ada@example.com"
        if faults := faults_of(letter, seen):
            wrong.append((what, faults))
    ok(not wrong, f"{transport}: every mail shows it as text", "\n".join(map(str, wrong[:6])))
    equal((owners, customers), (len(wanted), 2 * len(NAMES)),
          f"{transport}: one mail an event for the owner, and one for a customer with an address")
    ok(EVIL not in done.stderr and "\x1b" not in done.stderr and "<script" not in done.stderr,
       f"{transport}: nothing of it in the log")


def key_of_mail(letter):
    return letter.mail["X-Bookspool-Id"]


def open_office(transport, **more):
    return Office(BOOKSPOOL_TRANSPORT=transport, BOOKSPOOL_MAIL_ATTENDEE="yes",
                  BOOKSPOOL_CONNECTIONS="1", **more)


def by_maildir():
    with open_office(None) as office:
        wanted = fill(office)

        def letters():
            for name in os.listdir(office.maildir):
                with open(os.path.join(office.maildir, name), "rb") as file:
                    letter = SmtpLetter(file.read())
                    letter.header_names -= DELIVERED
                    yield key_of_mail(letter), letter
        check("maildir", office, wanted, letters)


def by_smtp():
    with Scripted() as peer, open_office(f"smtp+plain://127.0.0.1:{peer.port}") as office:
        wanted = fill(office)

        def letters():
            people = [line for line in peer.commands if re.match("RCPT", line, re.I)]
            equal(len(people), len(peer.accepted), "smtp: one recipient a mail")
            for raw, line in zip(peer.accepted, people):
                letter = SmtpLetter(raw, re.findall("<(.*)>", line))
                yield key_of_mail(letter), letter
            verbs = {line.split(" ")[0].upper() for line in peer.commands}
            equal(verbs - {"EHLO", "MAIL", "RCPT", "DATA", "RSET", "QUIT", "NOOP"}, set(),
                  "smtp: no command but the drain's own")
        check("smtp", office, wanted, letters)


def by_sendmail():
    with open_office("sendmail:/nowhere") as office:
        box = office.path("box")
        os.mkdir(box)
        program = office.path("sendmail")
        with open(program, "w", encoding="ascii") as file:
            file.write(f'#!/bin/sh\ncat >"{box}/$$" && printf "%s\\n" "$@" >"{box}/$$.args"\n')
        os.chmod(program, 0o755)
        office.write_settings("drain.env", {"BOOKSPOOL_TRANSPORT": "sendmail:" + program,
                                            "BOOKSPOOL_MAIL_ATTENDEE": "yes"})
        wanted = fill(office)

        def letters():
            for name in sorted(os.listdir(box)):
                if name.endswith(".args"):
                    continue
                with open(os.path.join(box, name), "rb") as raw, \
                        open(os.path.join(box, name + ".args"), encoding="utf-8") as args:
                    letter = SmtpLetter(raw.read(), args.read().split("--\n")[1].split("\n")[:-1])
                    yield key_of_mail(letter), letter
        check("sendmail", office, wanted, letters)


def by_sendgrid():
    with Peer(KEY, 202) as peer, open_office(
            "sendgrid:", SENDGRID_API_KEY=KEY,
            SENDGRID_API_BASE=f"http://127.0.0.1:{peer.port}") as office:
        wanted = fill(office)

        def letters():
            for mail in peer.accepted:
                yield mail["headers"]["X-Bookspool-Id"], ApiLetter(mail)
        check("sendgrid", office, wanted, letters)


run_parts((by_maildir, by_smtp, by_sendmail, by_sendgrid))
finish()
