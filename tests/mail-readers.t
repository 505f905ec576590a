#!/usr/bin/python3
"""Every sample body of both providers as a mail, read by parsers that bookspool does not use."""

import datetime
import json
import os
import re
import sys
import zoneinfo

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from bookspool import TOP, equal, finish, match, ok, run_parts  # noqa: E402
from mailbox import Office, booking, timed  # noqa: E402

BODIES = os.path.join(TOP, "examples", "bodies")
UTC = datetime.timezone.utc
SILENT = {"ping"}  # nobody is told of a test
# What SpamAssassin's FONT_INVIS and STY_INVIS rules take for text that is hidden from readers.
HIDDEN = re.compile(r"""<[a-z]+\s[^>]*(?:font-size:\s*[01](?:px|pt)|color:\s*transparent|
                    display:\s*none|visibility:\s*hidden)[^>]*>\w""", re.X)
# What a mail of each sample says first; those that are not here are told as what they are.
NEWS = {
    "booking_cancelled": "Cancelled", "booking_cancelled_rebook": "Asked to choose another time",
    "booking_cancelled_rebook_older": "Asked to choose another time",
    "booking_cancelled_seat": "One seat given up", "booking_created": "New booking",
    "booking_created_seat": "New booking", "booking_payment_initiated": "Payment started",
    "booking_no_show_cleared": "No-show taken back",
    "booking_no_show_updated": "No-show", "after_guests_cal_video_no_show": "No-show",
    "after_hosts_cal_video_no_show": "No host came", "booking_paid": "Paid",
    "booking_rejected": "Declined", "booking_requested": "Booking request",
    "booking_requested_move": "Request to move", "booking_rescheduled": "Moved",
    "form_submitted": "Form submitted", "form_submitted_no_event": "Form submitted",
    "routing_form_fallback_hit": "Form submitted", "instant_meeting": "Someone is waiting now",
    "instant_meeting_plain": "Someone is waiting now", "instant_meeting_accepted": "Instant meeting taken",
    "booking_created_full": "New booking", "booking_location_updated": "New place",
    "booking_reassigned": "New host", "delegation_credential_error": "Calendar credential fails",
    "delegation_credential_rotation_required": "Calendar credential expires",
    "delegation_credential_secret_rotated": "Calendar credential renewed",
    "delegation_credential_secret_rotation_failed": "Calendar credential not renewed",
    "wrong_assignment_report": "Reported: wrong host",
    "wrong_assignment_report_older": "Reported: wrong host", "invitee_created_group": "New booking",
    "meeting_started": "Meeting started", "meeting_ended": "Meeting ended",
    "ooo_created": "Out of office", "recording_ready": "Recording ready",
    "recording_transcription_generated": "Recording ready", "template_envelope": "New booking",
    "invitee_canceled": "Cancelled", "invitee_canceled_moved": "Moved away",
    "invitee_created": "New booking", "invitee_created_moved": "Moved",
    "invitee_created_no_location": "New booking", "invitee_created_paid": "New booking",
    "invitee_created_pending_link": "New booking", "invitee_created_phone": "New booking",
    "invitee_created_physical": "New booking", "invitee_no_show_created": "No-show",
    "invitee_no_show_deleted": "No-show taken back", "v1_like": "New booking",
    "routing_form_submission_created": "Form submitted",
    "routing_form_submission_created_event_type": "Form submitted",
    "routing_form_submission_created_message": "Form submitted",
}
# What a subject has in place of the heading; None: it begins with who and when.
MARKS = {"New booking": None, "Booking request": "Request", "Recording ready": "Recording",
         "Asked to choose another time": "To be rebooked", "One seat given up": "Seat given up",
         "No-show taken back": "Came after all", "Form submitted": "Form",
         "Meeting started": "Started", "Meeting ended": "Ended", "Moved away": "Moved away",
         "No host came": "Host no-show", "Someone is waiting now": "Waiting now"}
METHODS = {"New booking": "PUBLISH", "Moved": "PUBLISH", "Booking request": "PUBLISH",
           "One seat given up": "PUBLISH", "Cancelled": "CANCEL", "Declined": "CANCEL",
           "Asked to choose another time": "CANCEL", "Moved away": "CANCEL", "Paid": "PUBLISH",
           "Instant meeting taken": "PUBLISH", "New place": "PUBLISH", "New host": "PUBLISH"}


def samples():
    for provider in ("calcom", "calendly"):
        for name in sorted(os.listdir(os.path.join(BODIES, provider))):
            with open(os.path.join(BODIES, provider, name), "rb") as file:
                yield provider, name.partition(".")[0], file.read()


def times_of(raw):
    """Start and end that the body itself tells, by a reading of our own; None where it has none."""
    try:
        body = json.loads(raw)
        payload = body.get("payload", body)
        payload = payload.get("scheduled_event", payload)
        if isinstance(payload.get("event"), dict):  # as API v1 had it
            payload = payload["event"]
        texts = [payload.get(one) or payload.get(two) for one, two in
                 (("startTime", "start_time"), ("endTime", "end_time"))]
        return [datetime.datetime.fromisoformat(text.replace("Z", "+00:00")) for text in texts]
    except (ValueError, AttributeError, TypeError):
        return None


def check(provider, name, raw, letter):
    what, told = f"{provider}/{name}", times_of(raw)
    equal(letter.faults, [], f"{what}: readers find no fault")
    news = NEWS.get(name)
    if news:
        equal(letter.says, news, f"{what}: {news}")
    else:
        match(letter.says, r"^(Cal\.com|Calendly) event", f"{what}: told as what it is")
        equal([part.get_content_type() for part in letter.mail.iter_attachments()],
              ["application/octet-stream"] if raw else [], f"{what}: with its body")
    ok(letter.says in letter.page.text and not {"script", "img", "form"} & set(letter.page.tags),
       f"{what}: so does the page")
    mark = MARKS.get(letter.says, letter.says)
    match(letter.subject, "^([Aa]da|Olga|[A-Z][a-z]{2} \\d)" if mark is None and told else
          f"^{re.escape(mark or letter.says)}", f"{what}: and the subject")
    equal(HIDDEN.findall(letter.mail.get_body("html").get_content()), [],
          f"{what}: no filter takes it for hiding text")
    method = METHODS.get(news) if told else None
    equal(letter.calendar and str(letter.calendar["METHOD"]), method, f"{what}: calendar {method}")
    if letter.vevent:
        event = letter.vevent
        equal([event["DTSTART"].dt, event["DTEND"].dt], told, f"{what}: at the right time")
        equal((event["DTSTAMP"].dt, len(event.property_items()) > 8),
              (letter.mail["Date"].datetime, True), f"{what}: an entry that is whole")


def every_sample():
    """Each in a spool of its own: they are about the same few bookings."""
    for provider, name, raw in samples():
        with Office() as office:
            key = office.put(provider, raw)
            office.drained(BOOKSPOOL_MOVE_WAIT="0s")
            letters = office.post()
            equal([letter.mail["X-Bookspool-Id"] for letter in letters],
                  [] if name in SILENT else [key], f"{provider}/{name}: one mail")
            for letter in letters:
                check(provider, name, raw, letter)


# ---- times, where clocks change ----

CREATED = {"calcom": "booking_created", "calendly": "invitee_created"}
# A start in UTC, the owner's zone and the customer's.
CHANGES = [
    # Europe goes back at 01:00 UTC on 25 October, America a week later
    ("2026-10-24T15:00", "Europe/Berlin", "America/Los_Angeles"),
    ("2026-10-25T00:30", "Europe/Berlin", "America/Los_Angeles"),
    ("2026-10-25T00:45", "Europe/Berlin", "Europe/London"),  # ends after the change
    ("2026-10-25T01:30", "Europe/Berlin", "America/Los_Angeles"),
    ("2026-10-26T15:00", "Europe/Berlin", "America/Los_Angeles"),
    ("2026-11-01T08:30", "Europe/Berlin", "America/Los_Angeles"),
    ("2026-11-01T08:45", "America/Los_Angeles", "Europe/Berlin"),
    ("2026-11-01T09:30", "America/Los_Angeles", "Europe/Berlin"),
    # America goes forward at 10:00 UTC on 14 March, Europe two weeks later
    ("2027-03-14T09:45", "America/Los_Angeles", "Europe/Berlin"),
    ("2027-03-15T16:00", "Europe/Berlin", "America/Los_Angeles"),
    ("2027-03-28T00:45", "Europe/Berlin", "America/Los_Angeles"),
    ("2027-03-28T01:00", "Europe/Berlin", "America/Los_Angeles"),
    ("2027-03-29T15:00", "Europe/Berlin", "America/Los_Angeles"),
    # half an hour of summer time, quarters of an hour, the date line, no summer time
    ("2026-10-03T15:15", "Australia/Lord_Howe", "Asia/Kathmandu"),
    ("2026-12-31T23:45", "Pacific/Kiritimati", "Pacific/Pago_Pago"),
    ("2027-03-28T01:00", "Asia/Kolkata", "America/Phoenix"),
]


def spelled(start, end, zone):
    """What a person would write: the end's date and zone only where they differ."""
    one, two = (when.astimezone(zoneinfo.ZoneInfo(zone)) for when in (start, end))

    def name(when):
        return when.tzname() if when.tzname()[0].isalpha() else "UTC" + when.tzname()
    day = "{0:%a} {0.day} {0:%b} {0.year}"
    same_day, same_offset = one.date() == two.date(), one.utcoffset() == two.utcoffset()
    first = f"{day.format(one)}, {one:%H:%M}" + ("" if same_day and same_offset else f" {name(one)}")
    last = f"{two:%H:%M}" if same_day else f"{day.format(two)}, {two:%H:%M}"
    return f"{first} to {last} {name(two)} ({zone})"


def changes(provider):
    failed = []
    with Office() as office:
        for row in CHANGES:
            start = datetime.datetime.fromisoformat(row[0]).replace(tzinfo=UTC)
            end = start + datetime.timedelta(minutes=30)
            body = booking(provider, CREATED[provider], "/".join(row), start)
            if provider == "calcom":
                body["payload"]["attendees"][0]["timeZone"] = row[2]
            else:
                body["payload"]["timezone"] = row[2]
            office.put(provider, timed(provider, body, office.now))
            office.drained(BOOKSPOOL_TIMEZONE=row[1])
            [letter] = office.post()
            want = [spelled(start, end, row[1]), spelled(start, end, row[2])]
            got = [letter.fact("When"), letter.fact("Their time")]
            moment = [letter.vevent["DTSTART"].dt, letter.vevent["DTEND"].dt]
            if got != want or moment != [start, end] or letter.faults:
                failed.append((row, got, want, moment, letter.faults))
            hours = want[0].partition(", ")[2].rpartition(" (")[0]  # the page sets the date apart
            if hours not in letter.page.text or want[1] not in letter.page.text:
                failed.append((row, "page", letter.page.text))
    ok(not failed, f"{provider}: {len(CHANGES)} times near changes of clocks, right in both zones",
       failed)


# ---- times that no calendar can hold ----


def beyond_the_calendar(provider):
    """Half an hour before 10000 in New York is 10000 in UTC: four digits are all that iCalendar has."""
    with Office() as office:
        body = booking(provider, CREATED[provider], "beyond")
        at = body["payload"] if provider == "calcom" else body["payload"]["scheduled_event"]
        names = ("startTime", "endTime") if provider == "calcom" else ("start_time", "end_time")
        at.update(zip(names, ("9999-12-31T23:30:00-05:00", "9999-12-31T23:59:00-05:00")))
        office.put(provider, timed(provider, body, office.now))
        office.drained(BOOKSPOOL_TIMEZONE="UTC")
        letters = office.post()
        equal([letter.faults for letter in letters], [[]], f"{provider}: a booking in 10000 is mailed")
        equal([(letter.calendar and letter.ics, letter.fact("When")) for letter in letters],
              [(None, "Sat 1 Jan 10000, 04:30 to 04:59 UTC")],
              f"{provider}: its date can be read, and it has no calendar part")


def changes_of_calcom():
    changes("calcom")


def changes_of_calendly():
    changes("calendly")


def year_10000():
    beyond_the_calendar("calcom")
    beyond_the_calendar("calendly")


run_parts((every_sample, changes_of_calcom, changes_of_calendly, year_10000))
finish()
