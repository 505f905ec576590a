#!/usr/bin/python3
"""What independent readers make of the mails: Python's email package of the structure, icalendar
of the calendar, through the life of a booking."""

import base64
import datetime
import json
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from bookspool import diag, equal, finish, match, ok, sample, skip_all
from mailer import Mailer

try:
    import icalendar
except ImportError:
    skip_all("python3-icalendar is not installed: run tests/deps check")

OWNER, CUSTOMER = "owner@example.org", "ada@example.com"
UTC = datetime.timezone.utc


def types(part):
    """The structure as one text: multipart/mixed(text/plain, ...)."""
    if not part.is_multipart():
        return part.get_content_type()
    return f"{part.get_content_type()}({', '.join(map(types, part.iter_parts()))})"


def structure(mail, what):
    """Checks one mail as a whole and returns its calendar as bytes, and the method it names."""
    equal([part.defects for part in mail.walk() if part.defects], [], f"{what}: no defects")
    want = ("multipart/mixed(multipart/alternative(text/plain, text/html, text/calendar), "
            "application/ics)")
    equal(types(mail), want, f"{what}: each reader finds its form")
    forms, invite = mail.iter_parts()
    inline = list(forms.iter_parts())[-1]
    data = inline.get_payload(decode=True)
    equal(invite.get_payload(decode=True), data, f"{what}: both copies of the calendar agree")
    equal((invite.get_filename(), invite.get_content_disposition()), ("invite.ics", "attachment"),
          f"{what}: one is a file")
    equal((inline["content-type"].params["charset"], inline["content-transfer-encoding"],
           inline.get_filename()), ("utf-8", "base64", None), f"{what}: the other is a form")
    match(mail.get_body(("plain",)).get_content(), "24 Nov|26 Nov", f"{what}: the text has the time")
    match(mail.get_body(("html",)).get_content(), "(?i)<html", f"{what}: the page is one")
    return data, inline["content-type"].params["method"]


def wire_form(data, what):
    lines = data.split(b"\r\n")
    ok(lines[-1] == b"" and b"\n" not in data.replace(b"\r\n", b""), f"{what}: CR LF ends lines")
    ok(max(map(len, lines)) <= 75, f"{what}: at most 75 octets a line")
    for line in lines:
        line.decode()  # no character is split by folding


def entry(mail, what):
    """The calendar of a mail: its method and its only event."""
    data, named = structure(mail, what)
    wire_form(data, what)
    whole = icalendar.Calendar.from_ical(data)
    [event] = whole.walk("VEVENT")
    equal(str(whole["METHOD"]), named, f"{what}: the method is the one that the type names")
    equal((event.errors, whole.walk("VALARM")), ([], []), f"{what}: no errors, no alarms")
    return named, event


def by_recipient(world, before):
    """The mails that came since, by their one recipient."""
    return {str(mail["To"]): mail for mail in world.mails() if mail["Message-ID"] not in before}


def life(what, steps):
    """`steps` are (events, methods, start, status): what arrives, and what must come of it."""
    with Mailer("maildir:$STATE/Maildir", BOOKSPOOL_MAIL_ATTENDEE="yes",
                BOOKSPOOL_FOLD="0s") as world:
        seen, uids, last = set(), set(), {OWNER: -1, CUSTOMER: -1}
        for events, (to_owner, to_customer), start, status in steps:
            for provider, event, body in events:
                world.arrive(json.dumps(body).encode(), provider, event)
            done = world.drain()
            mails = by_recipient(world, seen)
            seen |= {mail["Message-ID"] for mail in mails.values()}
            if not equal(set(mails), {OWNER, CUSTOMER}, f"{what}, {status}: both are told"):
                diag(done.stderr)
                continue
            for who, method in ((OWNER, to_owner), (CUSTOMER, to_customer)):
                name = f"{what}, {status}, {who.partition('@')[0]}"
                got, event = entry(mails[who], name)
                equal((got, str(event["STATUS"]), event["DTSTART"].dt.astimezone(UTC)),
                      (method, status, start), f"{name}: method, status and start")
                number = int(event["SEQUENCE"])
                ok(number > last[who], f"{name}: the sequence rises", (number, last[who]))
                last[who] = number
                uids.add(str(event["UID"]))
                attendees = event.get("ATTENDEE", [])
                attendees = attendees if isinstance(attendees, list) else [attendees]
                equal([str(one).lower() for one in attendees],
                      ["mailto:" + CUSTOMER] if who == CUSTOMER else [], f"{name}: attendees")
                ok(str(event["ORGANIZER"]).lower() != "mailto:" + who,
                   f"{name}: the organizer is not the recipient", event["ORGANIZER"])
        equal(len(uids), 1, f"{what}: one entry all its life")


def calcom(name, **changes):
    body = json.loads(sample("calcom", name, fresh=False))
    body["payload"].update(changes)
    return "calcom", body["triggerEvent"], body


def calendly(name, uri=None):
    body = json.loads(sample("calendly", name, fresh=False))
    if uri:
        old, body["payload"]["uri"] = body["payload"]["uri"], uri
        body["payload"]["scheduled_event"]["uri"] = uri.rpartition("/invitees/")[0]
        assert old != uri
    return "calendly", body["event"], body


def lives():
    first = datetime.datetime(2026, 11, 24, 15, 0, tzinfo=UTC)
    moved = datetime.datetime(2026, 11, 26, 9, 0, tzinfo=UTC)
    asked = ("PUBLISH", "REQUEST")
    called_off = ("CANCEL", "CANCEL")
    life("Cal.com", [
        ([calcom("booking_created")], asked, first, "CONFIRMED"),
        ([calcom("booking_rescheduled")], asked, moved, "CONFIRMED"),
        ([calcom("booking_cancelled", uid="exampleBooking22222222", iCalSequence=2,
                 startTime="2026-11-26T09:00:00Z", endTime="2026-11-26T09:30:00Z")],
         called_off, moved, "CANCELLED")])
    life("Calendly", [
        ([calendly("invitee_created")], asked, first, "CONFIRMED"),
        ([calendly("invitee_created_moved"), calendly("invitee_canceled_moved")], asked, moved,
         "CONFIRMED")])


def hostile():
    """Whatever somebody wrote, a reader sees one event with the usual properties."""
    for name in ("a;b,c:d\"e^n\\,", "x\r\nATTENDEE:mailto:evil@example.net\r\nX-A:b",
                 "\u05e9\u05dc\u05d5\u05dd \u202egnp.exe", "\U0001f469\u200d\U0001f4bb" * 40,
                 "w" * 10000, "END:VEVENT", "=?utf-8?q?x?=", "{{name}}"):
        body = calcom("booking_created", title=name, uid=base64.b64encode(os.urandom(9)).decode())[2]
        body["payload"]["attendees"][0]["name"] = name
        body["payload"]["organizer"]["name"] = name
        body["payload"]["location"] = name
        with Mailer("maildir:$STATE/Maildir", BOOKSPOOL_MAIL_ATTENDEE="yes") as world:
            world.arrive(json.dumps(body).encode())
            world.drain()
            what = ascii(name)[:40]
            for mail in world.mails():
                _, event = entry(mail, what)
                usual = {"UID", "SEQUENCE", "DTSTAMP", "DTSTART", "DTEND", "SUMMARY", "DESCRIPTION",
                         "LOCATION", "URL", "STATUS", "TRANSP", "ORGANIZER", "ATTENDEE"}
                ok(set(event) <= usual and not isinstance(event.get("ATTENDEE"), list),
                   f"{what}: no property of its making", sorted(event))
                ok(not set(event["SUMMARY"]) & set("\r\n\u202e"), f"{what}: one line")


if __name__ == "__main__":
    for part in (lives, hostile):
        part()
    finish()
