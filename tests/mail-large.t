#!/usr/bin/python3
"""Whatever is long in a booking, up to the cap of a body: each event that was answered 200 becomes a
mail of at most 2 MB, in which the owner reads who booked what and when."""

import datetime
import json
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from bookspool import ENDPOINT, equal, finish, ok, sign  # noqa: E402
from fcgi import Client, params, request  # noqa: E402
from mailbox import START, Office, booking, timed  # noqa: E402

CAP, MAIL_MAX = 1 << 20, 2_000_000
SIZES = [10_000, 100_000, CAP]
# What takes more room in HTML, in base64 or in a header than in the body, or is easily cut in two.
UNITS = ["'", "<", "&", '"', "é", "\U0001f600", "日本", "א\u200f", "a\r\n", "a\u202eb", "\\", "-- "]
TEXTS = {"answer", "notes", "11 answers", "49 answers"}
WHO, WHAT, EMAIL = "Ada Example", "Intro call", "ada@example.com"


# ---- the bodies ----


def set_attendee(name):
    def put(payload, text):
        payload["attendees"][0][name] = text
    return put


def set_field(*path):
    def put(payload, text):
        for name in path[:-1]:
            payload = payload[name]
        payload[path[-1]] = text
    return put


def many(count, make):
    """A list of so many; the text is shared out among them."""
    def put(payload, text):
        make(payload, [text[i::count] for i in range(count)])
    return put


def attendees(payload, texts):
    payload["attendees"] += [{"name": text, "email": f"guest{i}@example.net", "timeZone": "Europe/Paris"}
                             for i, text in enumerate(texts)]


def guests(payload, texts):
    count = sum(map(len, texts)) // 30
    payload["responses"]["guests"]["value"] = [f"guest{i:015}@example.net" for i in range(count)]


def responses(payload, texts):
    payload["responses"].update((f"question{i}", {"label": f"Question {i}", "value": text})
                                for i, text in enumerate(texts))


def all_fields(payload, texts):
    for put, text in zip(FIELDS["calcom"].values(), texts):
        put(payload, text)


def calendly_answers(payload, texts):
    payload["questions_and_answers"] = [{"question": f"Question {i}", "answer": text, "position": i}
                                        for i, text in enumerate(texts)]


def calendly_guests(payload, texts):
    count = sum(map(len, texts)) // 40
    payload["scheduled_event"]["event_guests"] = [{"email": f"guest{i:015}@example.net"}
                                                  for i in range(count)]


FIELDS = {
    "calcom": {
        "title": set_field("title"), "type": set_field("type"), "notes": set_field("description"),
        "place": set_field("location"), "name": set_attendee("name"), "zone": set_attendee("timeZone"),
        "host": set_field("organizer", "name"), "status": set_field("status"),
        "uid": set_field("uid"), "entry": set_field("iCalUID"),
        "question": set_field("responses", "Company", "label"),
        "answer": set_field("responses", "Company", "value"),
        "link": lambda payload, text: payload["metadata"].update(
            videoCallUrl="https://example.com/?" + "&" * len(text)),
    },
    "calendly": {
        "title": set_field("scheduled_event", "name"), "name": set_field("name"),
        "zone": set_field("timezone"), "notes": set_field("scheduled_event", "meeting_notes_plain"),
        "place": lambda payload, text: payload["scheduled_event"].update(
            location={"type": "physical", "location": text}),
        "host": lambda payload, text: payload["scheduled_event"]["event_memberships"][0].update(
            user_name=text),
        "answer": lambda payload, text: payload["questions_and_answers"][0].update(answer=text),
    },
}
MANY = {
    "calcom": {"11 answers": many(11, responses), "49 answers": many(49, responses),
               "900 answers": many(900, responses), "500 attendees": many(500, attendees),
               "guests": many(1, guests), "all fields": many(12, all_fields)},
    "calendly": {"11 answers": many(11, calendly_answers), "49 answers": many(49, calendly_answers),
                 "guests": many(1, calendly_guests)},
}
NAMES = {"calcom": "booking_created", "calendly": "invitee_created"}


class Case:
    def __init__(self, number, provider, what, put, size, unit):
        self.provider, self.what, self.unit = provider, what, unit
        self.name = f"{provider}, {what}, {size} bytes of {unit!r}"
        self.start = START + datetime.timedelta(hours=number)  # none overlaps another
        self.raw, self.typed = self._raw(number, put, size, unit)

    def _raw(self, number, put, size, unit):
        """The body, and how often the unit is in it: as often as there is room."""
        count = size // len(json.dumps(unit, ensure_ascii=False)[1:-1].encode())
        while True:
            body = booking(self.provider, NAMES[self.provider], f"large{number}", self.start)
            put(body["payload"], unit * count)
            raw = timed(self.provider, body, datetime.datetime.now(datetime.timezone.utc))
            if len(raw) <= CAP:
                return raw, count
            count -= max(1, count * (len(raw) - CAP) // len(raw))


def cases():
    rows = []
    for provider in ("calcom", "calendly"):
        for what, put in FIELDS[provider].items():
            rows += [(provider, what, put, size) for size in SIZES]
        for what, put in MANY[provider].items():
            rows += [(provider, what, put, size) for size in SIZES[1:]]
    units = [UNITS[i % len(UNITS)] for i in range(len(rows))]
    every = [("calcom", "11 answers", MANY["calcom"]["11 answers"], 230_000, unit) for unit in UNITS]
    every += [("calcom", "49 answers", MANY["calcom"]["49 answers"], CAP, unit) for unit in ("'", "<", "&", "a\n")]
    return [Case(i, *row) for i, row in
            enumerate([(*row, unit) for row, unit in zip(rows, units)] + every)]


# ---- through receiver and drain ----


def accept(office, case):
    with Client(office.socket) as client:
        headers = sign(case.provider, case.raw, office.secret[case.provider])
        client.send(request(params("POST", ENDPOINT[case.provider], case.raw, headers), case.raw))
        answer = client.answer()
        return answer and answer.status == 200 and answer.json["id"]


def faults_of(case, letter):
    faults = [f"readers: {fault}" for fault in letter.faults[:3]]
    if len(letter.raw) > MAIL_MAX:
        faults.append(f"{len(letter.raw)} bytes")
    if case.what not in ("title", "all fields") and WHAT not in letter.text:
        faults.append("not what was booked")
    if (EMAIL if case.what in ("name", "all fields") else WHO) not in letter.text:
        faults.append("not who booked")
    when = letter.fact("When") or ""
    if f"{case.start.astimezone(datetime.timezone.utc):%b %Y}" not in when or not letter.vevent or \
            letter.vevent["DTSTART"].dt != case.start:
        faults.append(f"not when: {when[:80]}")
    if case.what in TEXTS and letter.text.count(case.unit[0]) < case.typed and \
            "left out here" not in letter.text:
        faults.append("it does not say that it is cut")
    return faults


def main():
    with Office(BOOKSPOOL_MAIL_ATTENDEE="no", BOOKSPOOL_TIMEZONE="UTC") as office:
        office.start_receiver()
        keys = {}
        for number, case in enumerate(cases(), 1):
            keys[accept(office, case)] = case
            if number % 25 == 0:  # so that no run is long, with sanitizers on a busy machine
                office.drained()
        ok(False not in keys and None not in keys, f"{len(keys)} large bookings are answered 200")
        done = office.drain()
        equal((done.returncode, office.spool("new"), office.spool("bad"), office.spool("out")),
              (0, [], [], []), "all are mailed, and none is set aside")
        letters = office.post()
        equal(sorted(letter.mail["X-Bookspool-Id"] for letter in letters), sorted(keys),
              "each has one mail")
        wrong = []
        for letter in letters:
            case = keys[letter.mail["X-Bookspool-Id"]]
            if faults := faults_of(case, letter):
                wrong.append((case.name, faults))
        ok(not wrong, "of at most 2 MB, which says who booked what and when",
           "\n".join(map(str, wrong[:20])))


def customers():
    """The customer's mail is cut as well, and says so; what he has no part in is not attached."""
    with Office(BOOKSPOOL_MAIL_ATTENDEE="yes", BOOKSPOOL_TIMEZONE="UTC") as office:
        case = Case(0, "calcom", "49 answers", MANY["calcom"]["49 answers"], CAP, "<")
        office.put("calcom", case.raw)
        office.drained()
        letters = [letter for letter in office.post() if letter.to == EMAIL]
        equal([letter.faults for letter in letters], [[]], "a customer has a mail, too")
        for letter in letters:
            ok("left out" in letter.text and len(letter.raw) <= MAIL_MAX, "which is cut, and says so")
            equal([part.get_content_type() for part in letter.mail.iter_attachments()],
                  ["application/ics"], "and has no body attached")


def templates_that_fail():
    """Templates of the user's own that are right by themselves and fail for one event."""
    loop = "{{#booking.title}}{{>again}}{{/booking.title}}"
    broken = {"default.txt": "{{>again}}", "again.txt": loop, "default.html": "{{>again}}",
              "again.html": loop, "default.subject": "{{>again}}", "again.subject": loop}
    rows = {"the text": ["default.txt", "again.txt"], "the page": ["default.html", "again.html"],
            "the subject": ["default.subject", "again.subject"], "all": list(broken)}
    for what, names in rows.items():
        with Office() as office:
            os.mkdir(office.path("templates"))
            for name in names:
                with open(office.path("templates", name), "w", encoding="utf-8") as file:
                    file.write(broken[name])
            office.arrive("calcom", "booking_created", "one")
            done = office.drained(BOOKSPOOL_TEMPLATES=office.path("templates"))
            letters = office.post()
            equal([letter.faults for letter in letters], [[]], f"{what} fails: a mail goes out")
            text = letters[0].text if letters else ""
            ok(all(word in text for word in (WHO, EMAIL, WHAT, str(START.year))),
               f"{what} fails: the owner reads who, what and when", text)
            ok("mail-cut" in done.stderr and "includes itself" in done.stderr,
               f"{what} fails: the log says why", done.stderr)
            with Office(BOOKSPOOL_LANGUAGE="de") as german:
                german.arrive("calcom", "booking_created", "one")
                german.drained(BOOKSPOOL_TEMPLATES=office.path("templates"))
                [letter] = german.post()
                ok(all(word in letter.text for word in (f"Wann: {START.year}", f"Was: {WHAT}", "Neue Buchung"))
                   or what == "the page", f"{what} fails: labels are in the language", letter.text)


def words_that_fail():
    with Office() as office:
        os.mkdir(office.path("templates"))
        with open(office.path("templates", "en.lang"), "w", encoding="utf-8") as file:
            file.write("heading_created={{>t.heading_created}}\n")
        office.arrive("calcom", "booking_created", "one")
        done = office.drained(BOOKSPOOL_TEMPLATES=office.path("templates"))
        text = "".join(letter.text for letter in office.post())
        ok(all(word in text for word in (WHO, EMAIL, WHAT, str(START.year))),
           "a word fails: the owner reads who, what and when", text)
        ok("includes itself" in done.stderr, "a word fails: the log says why", done.stderr)


def a_body_above_the_usual_cap():
    """BOOKSPOOL_MAX_BODY may be 64 MiB; what is attached of an unknown event has a limit of its own."""
    with Office() as office:
        raw = b'{"triggerEvent":"SOMETHING","x":"%s"}' % (b"x" * 3_000_000)
        office.put("calcom", raw)
        office.drained()
        [letter] = office.post()
        [part] = letter.mail.iter_attachments()
        equal((letter.faults, len(letter.raw) <= MAIL_MAX), ([], True), "a body of 3 MB makes no such mail")
        equal((part.get_filename(), part.get_content()), ("body-beginning.txt", raw[:1 << 20]),
              "its beginning is attached")


main()
customers()
templates_that_fail()
words_that_fail()
a_body_above_the_usual_cap()
finish()
