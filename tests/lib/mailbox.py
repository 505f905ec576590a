"""Events laid into new/ as a receiver leaves them there, and mails as their readers see them.

    with Office(BOOKSPOOL_MAIL_ATTENDEE="yes") as office:
        office.arrive("calcom", "booking_created", "one", hours=0)
        office.drained()
        [letter] = office.post()            # what came since the last look
        letter.says, letter.entry           # "New booking", "PUBLISH CONFIRMED 0 one@Cal.com"

The readers are Python's email package, which notes defects at each part, and Debian's
python3-icalendar. Nothing here knows how bookspool writes a mail.
"""

import datetime
import email
import email.policy
import html.parser
import json
import os
import re

from bookspool import World, bail, ok, sample, utc

try:
    import icalendar
except ImportError:
    bail("python3-icalendar is missing: run tests/bin/deps check")

# Always to come, and never near the end of daylight saving time.
START = datetime.datetime(datetime.date.today().year + 1, 11, 24, 15, tzinfo=datetime.timezone.utc)
HALF_HOUR = datetime.timedelta(minutes=30)
INVITEE = "https://api.calendly.com/scheduled_events/{0}/invitees/{0}"
QUEUE = "tmp new replay done out sent failed held bad".split()


# ---- mails ----


class Page(html.parser.HTMLParser):
    """The tags, the attributes and the text that shows of an HTML part."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.attributes, self.text, self._hidden = [], [], "", 0
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs
        self._hidden += tag in ("style", "title")

    def handle_endtag(self, tag):
        self._hidden -= tag in ("style", "title")

    def handle_data(self, data):
        if not self._hidden:
            self.text += data


class Letter:
    """A mail as it was delivered; `faults` lists all that a reader finds wrong with it."""

    def __init__(self, raw):
        self.raw, self.faults = raw, []
        self.mail = email.message_from_bytes(raw, policy=email.policy.default)
        self.parts = [part for part in self.mail.walk() if not part.is_multipart()]
        self.to, self.subject = str(self.mail["To"]), str(self.mail["Subject"])
        self.text = self._body("plain")
        self.page = Page(self._body("html"))
        self.calendar = self._calendar()
        self._check()

    def _body(self, kind):
        part = self.mail.get_body((kind,))
        return part.get_content().replace("\r\n", "\n") if part else ""

    def _check(self):
        for part in self.mail.walk():
            self.faults += [repr(defect) for defect in part.defects]
            for name, value in part.items():
                self.faults += [f"{name}: {defect!r}" for defect in getattr(value, "defects", ())]
            if not part.is_multipart():
                part.get_content()  # raises where the encoding or the charset is wrong
        for name in ("Date", "From", "To", "Subject", "Message-ID", "MIME-Version"):
            if len(self.mail.get_all(name, [])) != 1:
                self.faults.append(f"{name} is not there once")
        lines = self.raw.replace(b"\r\n", b"\n")
        if not self.raw.isascii() or b"\0" in self.raw or b"\r" in lines:
            self.faults.append("a byte or a line end that a relay may refuse")
        if max(map(len, lines.split(b"\n"))) > 998:
            self.faults.append("a line too long")
        if not self.text.strip():
            self.faults.append("no text")

    def _calendar(self):
        """The first calendar object, which is in the mail twice (as an alternative and as
        invite.ics), or as a file alone; None where there is none. `calendars` has all of them."""
        kinds = ("text/calendar", "application/ics")
        parts = [part for part in self.parts if part.get_content_type() in kinds]
        texts = [part.get_content() for part in parts]
        texts = [text if isinstance(text, str) else text.decode() for text in texts]
        inline = [text for part, text in zip(parts, texts) if not part.get_filename()]
        files = {part.get_filename(): text for part, text in zip(parts, texts) if part.get_filename()}
        self.calendars = []
        if not parts:
            return None
        if len(inline) > 1 or len(files) != len(parts) - len(inline) or "invite.ics" not in files:
            self.faults.append("not the files that it should have")
        same = {text.replace("\r\n", "\n") for text in [*inline, files["invite.ics"]]}
        if len(same) != 1:
            self.faults.append("the copies of the calendar differ")
        self.ics = same.pop()
        for part, text in zip(parts, texts):
            if part.get_content_type() == "text/calendar":
                self._check_object(part.get_param("method"), icalendar.Calendar.from_ical(text))
        self.calendars = [icalendar.Calendar.from_ical(text) for text in files.values()]
        return self.calendars[0]

    def _check_object(self, method, calendar):
        """RFC 5546 3.2: only what is published may be of several UIDs."""
        self.faults += [f"calendar: {fault}" for fault in calendar.errors]
        uids = [event["UID"] for event in calendar.walk("VEVENT")]
        if method != calendar["METHOD"] or not uids or len(uids) != len(calendar.subcomponents):
            self.faults.append("not the method that the part names, or not an entry")
        if len(set(uids)) != len(uids) or (len(uids) > 1 and method != "PUBLISH"):
            self.faults.append("not one UID")

    @property
    def vevent(self):
        return self.calendar.walk("VEVENT")[0] if self.calendar else None

    @property
    def vevents(self):
        """METHOD and entry of all entries of the mail."""
        return [(str(calendar["METHOD"]), event) for calendar in self.calendars
                for event in calendar.walk("VEVENT")]

    @property
    def says(self):
        """What kind of news the text tells first: after the greeting, where there is one."""
        lines = self.text.split("\n")
        greeted = lines[0].startswith(("Hello", "Guten Tag"))
        return re.split(r" from |, ", lines[2].rstrip(".") if greeted else lines[0])[0]

    @property
    def entry(self):
        """METHOD STATUS SEQUENCE UID of the calendar entry."""
        return self.entries[0] if self.calendar else None

    @property
    def entries(self):
        """The same of all of them."""
        return [" ".join(str(value) for value in (
            method, event["STATUS"], event["SEQUENCE"], event["UID"]))
            for method, event in self.vevents]

    def fact(self, label):
        """The line or lines behind a label of the text; None where there is no such label."""
        found = re.search(rf"(?m)^{label}: +(.*(?:\n {{13}}.*)*)", self.text)
        return found and re.sub(r"\n +", "\n", found[1])


def read_folder(folder):
    """What lies in a folder of files that hold one mail each, in the order of the event's arrival
    (which a mail has as its date), customers after owners."""
    letters = []
    for name in os.listdir(folder) if os.path.isdir(folder) else []:
        with open(os.path.join(folder, name), "rb") as file:
            letters.append(Letter(file.read()))
    return sorted(letters, key=lambda one: (one.mail["Date"].datetime, one.to != "owner@example.org",
                                            one.to))


class Diary:
    """What a reader's calendar holds once it has taken all of his mails. RFC 5546 2.1.5: what has a
    lower SEQUENCE than the known one, or the same and was made earlier, is out of date."""

    def __init__(self):
        self.entries, self.stale = {}, []

    def take(self, letter):
        for said, (_, event) in zip(letter.entries, letter.vevents):
            known = self.entries.get(str(event["UID"]))
            if known and self._age(event) < self._age(known):
                self.stale.append(said)
            else:
                self.entries[str(event["UID"])] = event

    @staticmethod
    def _age(event):
        return event["SEQUENCE"], event["DTSTAMP"].dt

    @property
    def live(self):
        """Start times of what is not cancelled, sorted."""
        return sorted(event["DTSTART"].dt for event in self.entries.values()
                      if event["STATUS"] != "CANCELLED")


# ---- events ----


def booking(provider, name, uid, start=START, length=HALF_HOUR, previous=None, **more):
    """A sample body about a booking of that name at that time. At Calendly `previous` is the
    invitee that this one replaces, or with invitee_canceled_moved the one that replaces it."""
    body = json.loads(sample(provider, name, fresh=False))
    payload = body["payload"]
    if provider == "calcom":
        for field in "rescheduleStartTime", "rescheduleEndTime", "rescheduleUid", "iCalSequence":
            payload.pop(field, None)
        payload.update(uid=uid, iCalUID=f"{uid}@Cal.com", startTime=utc(start),
                       endTime=utc(start + length))
        if previous:
            payload["rescheduleUid"] = previous
        payload.update(more)
    else:
        left = name.startswith("invitee_canceled")
        other = previous and INVITEE.format(previous)
        payload.update(uri=INVITEE.format(uid), old_invitee=None if left else other,
                       new_invitee=other if left else None)
        payload.update(more)
        payload["scheduled_event"].update(uri=INVITEE.format(uid).partition("/invitees")[0],
                                          start_time=utc(start), end_time=utc(start + length))
    return body


def timed(provider, body, when):
    """The bytes of a body that the provider sent at that time."""
    body["createdAt" if provider == "calcom" else "created_at"] = utc(when)
    return json.dumps(body, separators=(",", ":"), ensure_ascii=False).encode()


class Office(World):
    """A world of bookings. Settings go into drain.env. Its mails have calendar parts for all."""

    def __init__(self, **settings):
        self.maildir = None
        super().__init__(drain={"BOOKSPOOL_CALENDAR": "invite",
                                "BOOKSPOOL_CALENDAR_ATTENDEE": "invite", **settings})
        self.maildir = os.path.join(self.state_dir, "Maildir", "new")
        for name in QUEUE:
            os.mkdir(self.file(name), 0o770)
        self.begun = self.now = (datetime.datetime.now(datetime.timezone.utc)
                                 - datetime.timedelta(minutes=10))

    def put(self, provider, raw, directory="new"):
        """One event, a second after the one before."""
        self.now += datetime.timedelta(seconds=1)
        key = self.put_event(directory, provider, raw, Event="X", Received=utc(self.now))
        os.utime(self.file(directory, key), (self.now.timestamp(), self.now.timestamp()))
        return key

    def arrive(self, provider, name, uid, hours=0, previous=None, sent=0, **more):
        """A booking's event; `sent`: so many seconds later (or earlier) by the provider's clock."""
        start = START + datetime.timedelta(hours=hours)
        body = booking(provider, name, uid, start, previous=previous, **more)
        return self.put(provider, timed(
            provider, body, self.now + datetime.timedelta(seconds=1 + sent)))

    def drained(self, **env):
        """Whatever waits in new/ for its time, with BOOKSPOOL_MOVE_WAIT=0s that is over."""
        if env.get("BOOKSPOOL_MOVE_WAIT") == "0s":
            for name in self.spool("new"):
                os.utime(self.file("new", name))
        done = self.drain(env=env)
        if done.returncode:
            ok(False, "the drain runs", done.stderr)
        return done

    def post(self):
        """The letters that came since the last look, which empties the mailbox."""
        letters = read_folder(self.maildir)
        for name in os.listdir(self.maildir) if letters else []:
            os.unlink(os.path.join(self.maildir, name))
        return letters
