"""Stories of bookings, told by the bodies that the providers send, and read as their readers do.

tests/stories/*.txt hold them. A line that begins with # names a story; the lines below it:

    cal created A 2 ada          Cal.com sends BOOKING_CREATED about booking A, two hours after START,
                                 for Ada; more words: <A moves booking A, =A has its iCalUID, #1 is its
                                 iCalSequence, *x its seat, @-60 sent a minute earlier, ~90 minutes
                                 long, host=bo by another host, at=place there, x2 twice the same, {N} the story's number,
                                 {"notes":"..."} other members of the payload
    cly created A 2 ada          Calendly likewise; in=G: of the group event G
    mails owner/Moved ada/moved  the drain runs, and mails these readers and no others; after the slash
                                 what the mail says, a regular expression with _ for blanks
    later owner/Moved_away       the same, when the other half of a move is not awaited any longer
    has owner Fjord & Sons       the mail of this run to this reader has these words
    lacks ada SECRET             no part of the mails to this reader has them
    reply owner ada              the mail's answer goes there; - nowhere
    = owner 2 26~ 50             in the end the reader's calendar has these, ~ tentative; - nothing
    set NAME=VALUE               a setting; alone: it shares no run with other stories

Names are made the story's own: booking A is s7A in story 7, Ada is ada@s7.example.com, and the host
Olga, who has all bookings where no other is named, is olga@s7.example.org. Mails to owner@example.org
belong to the story of their event. What holds for every mail is checked for every mail.
"""

import collections
import datetime
import email.utils
import glob
import itertools
import json
import os
import re
import zoneinfo

import icalendar

from bookspool import TOP, equal, ok, utc
from mailbox import START, Letter, Office, timed

OWNER = "owner@example.org"
ZONES = {"ada": "Europe/Oslo", "bob": "America/New_York", "cy": "Asia/Kolkata", "dee": "Europe/Lisbon"}
NAMES = {"ada": "Ada Lund", "bob": "Bob Stone", "cy": "Cy Rao", "dee": "Dee Costa",
         "olga": "Olga Berg", "bo": "Bo Lind"}
TRIGGERS = {
    "created": "BOOKING_CREATED", "moved": "BOOKING_RESCHEDULED", "cancelled": "BOOKING_CANCELLED",
    "requested": "BOOKING_REQUESTED", "rejected": "BOOKING_REJECTED", "paid": "BOOKING_PAID",
    "unpaid": "BOOKING_PAYMENT_INITIATED", "place": "BOOKING_LOCATION_UPDATED",
    "given": "BOOKING_REASSIGNED", "rebook": "BOOKING_CANCELLED", "left": "BOOKING_CANCELLED",
    "noshow": "BOOKING_NO_SHOW_UPDATED", "came": "BOOKING_NO_SHOW_UPDATED",
    "instant": "INSTANT_MEETING", "taken": "INSTANT_MEETING_ACCEPTED",
    "hostaway": "AFTER_HOSTS_CAL_VIDEO_NO_SHOW", "guestaway": "AFTER_GUESTS_CAL_VIDEO_NO_SHOW",
    "started": "MEETING_STARTED", "ended": "MEETING_ENDED", "unheard": "BOOKING_ARCHIVED"}
STATUS = {"requested": "PENDING", "rejected": "REJECTED", "cancelled": "CANCELLED",
          "rebook": None, "left": "CANCELLED"}
GONE = {"cancelled", "rejected", "rebook", "left", "canceled", "gone"}
WITHOUT_FACTS = {"instant", "noshow", "came", "hostaway", "guestaway", "started", "ended", "unheard"}


class Event(collections.namedtuple("Event", "provider kind uid hours who options more")):
    def option(self, letter, default=None):
        return next((word[1:] for word in self.options if word[0] == letter), default)

    def named(self, name, default=None):
        return next((word.split("=", 1)[1] for word in self.options
                     if word.startswith(name + "=")), default)


def read_event(line):
    line, brace, more = line.partition(" {")
    provider, kind, uid, hours, who, *options = line.split()
    return Event(provider, kind, uid, float(hours), [] if who == "-" else who.split(","), options,
                 json.loads(brace.strip() + more) if brace else {})


class Story:
    def __init__(self, name, number):
        self.name, self.number, self.settings, self.alone = name, number, {}, False
        self.runs, self.ends = [], {}  # a run: (events, later, {reader: pattern}, [checks])

    def address(self, person):
        if person == "owner" or "@" in person:
            return OWNER if person == "owner" else person
        return f"{person}@s{self.number}.example.{'com' if person in ZONES else 'org'}"


def read_stories():
    stories = []
    for path in sorted(glob.glob(os.path.join(TOP, "tests/stories/*.txt"))):
        events = []
        with open(path, encoding="utf-8") as file:
            for line in filter(None, map(str.strip, file)):
                word, _, rest = line.partition(" ")
                if word == "#":
                    stories.append(Story(rest, len(stories) + 1))
                story = stories[-1]
                line, rest = (text.replace("{N}", str(story.number)) for text in (line, rest))
                if word in ("cal", "cly"):
                    events.append(read_event(line))
                elif word in ("mails", "later"):
                    wanted = [item.partition("/")[::2] for item in rest.split() if item != "-"]
                    story.runs.append((events, word == "later", wanted, []))
                    events = []
                elif word in ("has", "lacks", "reply"):
                    story.runs[-1][3].append((word, *rest.split(" ", 1)))
                elif word == "=":
                    reader, *entries = rest.split()
                    story.ends[reader] = sorted(one for one in entries if one != "-")
                elif word == "set":
                    name, _, value = rest.partition("=")
                    story.settings[name] = value
                elif word == "alone":
                    story.alone = True
                elif word != "#":
                    raise ValueError(f"{path}: {line}")
    return stories


# ---- bodies ----


class Sender:
    """Makes the bodies of one story."""

    def __init__(self, story):
        self.story, self.groups = story, collections.defaultdict(set)

    def uid(self, name):
        return f"s{self.story.number}{name}"

    def person(self, name):
        zone = ZONES.get(name, "Europe/Berlin")
        return {"name": NAMES[name], "email": self.story.address(name), "timeZone": zone,
                "language": {"locale": "en"}}

    def times(self, event):
        start = START + datetime.timedelta(hours=event.hours)
        return start, start + datetime.timedelta(minutes=int(event.option("~", 30)))

    def calcom(self, event):
        start, end = self.times(event)
        uid, host = self.uid(event.uid), event.named("host", "olga")
        place = event.named("at", f"https://video.example.com/{uid}")
        people = [self.person(name) for name in event.who]
        payload = {
            "type": "intro-call", "title": f"Intro call between {NAMES[host]} and "
            + (people[0]["name"] if people else "nobody"), "eventTitle": "Intro call",
            "startTime": utc(start), "endTime": utc(end), "organizer": self.person(host),
            "attendees": people, "location": place, "uid": uid, "bookingId": 1000 + self.story.number,
            "iCalUID": f"{self.uid(event.option('=', event.uid))}@Cal.com", "destinationCalendar": None,
            "status": STATUS.get(event.kind, "ACCEPTED"), "length": 30, "additionalNotes": "",
            "responses": {}, "metadata": {"videoCallUrl": place} if "://" in place else {},
            "videoCallData": {"type": "daily_video", "id": "room", "password": "SECRET-video",
                              "url": f"https://daily.example.com/{uid}"}}
        if (number := event.option("#")) is not None:
            payload["iCalSequence"] = int(number)
        if previous := event.option("<"):
            old = START + datetime.timedelta(hours=float(event.named("was", event.hours)))
            payload.update(rescheduleUid=self.uid(previous), rescheduleStartTime=utc(old),
                           rescheduleEndTime=utc(old + (end - start)))
        if seat := event.option("*"):
            payload.update(attendeeSeatId=f"seat-{uid}-{seat}", seatsPerTimeSlot=6)
        if event.kind == "rebook":
            payload.update(requestReschedule=True, cancellationReason="Please reschedule. Ill today")
        if event.kind == "left":
            payload.update(seatsPerTimeSlot=6, attendees=[
                {**one, "id": 7, "bookingId": 9, "noShow": False, "locale": "en"} for one in people])
        if event.kind == "place":
            payload["previousLocation"] = event.named("old", "")
        if event.kind in ("noshow", "came"):
            payload = {"message": "x", "bookingUid": uid, "bookingId": payload["bookingId"], "attendees": [
                {"email": one["email"], "noShow": event.kind == "noshow"} for one in people]}
        if event.kind in ("hostaway", "guestaway"):
            payload = {"title": payload["title"], "bookingId": 7, "bookingUid": uid, "startTime": utc(start),
                       "endTime": utc(end), "attendees": [{**one, "noShow": event.kind == "guestaway"}
                                                          for one in people],
                       "participants": [], "eventType": {"id": 1}, "webhook": {"id": "w"}, "message": "x",
                       **({"hostEmail": self.story.address(host)} if event.kind == "hostaway" else {})}
        if event.kind == "instant":
            payload = {"triggerEvent": "INSTANT_MEETING", "uid": uid, "eventTypeId": 1,
                       "responses": {"name": people[0]["name"], "email": people[0]["email"], "notes": "Now",
                                     "guests": []}, "eventTypeTitle": "Walk-in", "customInputs": {},
                       "connectAndJoinUrl": f"https://app.example.com/join/{uid}"}
        if event.kind == "taken":
            payload["bookingUid"] = payload.pop("uid")
            payload.pop("iCalUID")
        payload.update(event.more)
        if event.kind in ("started", "ended"):
            return {"triggerEvent": TRIGGERS[event.kind], **payload}
        return {"triggerEvent": TRIGGERS[event.kind], "payload": payload}

    def calendly(self, event):
        start, end = self.times(event)
        group = self.uid(event.named("in", event.uid))
        address = f"https://api.calendly.com/scheduled_events/{group}"
        uri = f"{address}/invitees/{self.uid(event.uid)}"
        person, host = self.person(event.who[0]), self.person(event.named("host", "olga"))
        gone, members = event.kind in ("canceled", "gone"), self.groups[group]
        (members.discard if gone else members.add)(event.uid)
        other = event.option("<")
        if other:
            other_group = self.uid(event.named("from", other))
            other = f"https://api.calendly.com/scheduled_events/{other_group}/invitees/{self.uid(other)}"
        payload = {
            "uri": uri, "email": person["email"], "name": person["name"], "timezone": person["timeZone"],
            "event": address, "status": "canceled" if gone else "active", "rescheduled": event.kind == "gone",
            "old_invitee": None if gone else other, "new_invitee": other if gone else None,
            "questions_and_answers": [], "text_reminder_number": None, "payment": None, "no_show": None,
            "cancel_url": f"https://calendly.com/cancellations/{uri[-8:]}",
            "reschedule_url": f"https://calendly.com/reschedulings/{uri[-8:]}", "tracking": {},
            "scheduled_event": {
                "uri": address, "name": "Intro call", "status": "active", "start_time": utc(start),
                "end_time": utc(end), "event_type": "https://api.calendly.com/event_types/T1",
                "location": {"type": "zoom", "status": "pushed",
                             "join_url": f"https://video.example.com/{group}",
                             "data": {"password": "SECRET-video"}},
                "meeting_notes_plain": "SECRET-notes", "meeting_notes_html": "<p>SECRET-notes</p>",
                "invitees_counter": {"total": 9, "active": len(members),
                                     "limit": 6 if event.named("in") else 1},
                "event_guests": [], "event_memberships": [
                    {"user": "https://api.calendly.com/users/U", "user_email": host["email"],
                     "user_name": host["name"]}]}}
        if gone:
            payload["cancellation"] = {"canceled_by": person["name"], "reason": "Something came up",
                                       "canceler_type": "invitee"}
        if event.kind in ("noshow", "came"):
            payload["no_show"] = {"uri": "https://api.calendly.com/invitee_no_shows/N",
                                  "created_at": utc(start)}
        scheduled = {**payload["scheduled_event"], **event.more.get("scheduled_event", {})}
        payload.update(event.more)
        payload["scheduled_event"] = scheduled
        name = {"noshow": "invitee_no_show.created", "came": "invitee_no_show.deleted"}.get(
            event.kind, "invitee.canceled" if gone else "invitee.created")
        return {"event": name, "created_by": "https://api.calendly.com/users/U", "payload": payload}

    def send(self, office, event):
        """The ids of the event, which may come twice."""
        provider = {"cal": "calcom", "cly": "calendly"}[event.provider]
        ids = []
        for again in range(int(event.option("x", 1))):
            body = self.calcom(event) if provider == "calcom" else self.calendly(event)
            sent = office.now + datetime.timedelta(seconds=1 + int(event.option("@", 0)) + again)
            ids.append(office.put(provider, timed(provider, body, sent)))
        return ids


# ---- readers ----


class Read(Letter):
    """A mail with all of its calendar objects, whose copies in it count once."""

    def _calendar(self):
        texts = []
        for part in self.parts:
            if part.get_content_type() in ("text/calendar", "application/ics"):
                text = part.get_content()
                text = (text if isinstance(text, str) else text.decode()).replace("\r\n", "\n")
                texts += [] if text in texts else [text]
        self.objects = [icalendar.Calendar.from_ical(text) for text in texts]
        self.faults += [f"calendar: {fault}" for one in self.objects for fault in one.errors]
        return self.objects[0] if self.objects else None

    @property
    def everything(self):
        """All that a reader could find in it."""
        entries = "".join(one.to_ical().decode().replace("\r\n ", "") for one in self.objects)
        headers = "\n".join(f"{name}: {value}" for name, value in self.mail.items())
        return "\n".join((headers, self.text, self.page.text, " ".join(
            str(value) for _, value in self.page.attributes), entries))


class Calendar:
    """What a mail program makes of the objects, by RFC 5546: an entry is a UID with a RECURRENCE-ID;
    a lower SEQUENCE, or the same made earlier, is out of date."""

    def __init__(self):
        self.entries, self.wrong = {}, []

    def take(self, letter, customer):
        for one in letter.objects:
            method = str(one["METHOD"])
            if method not in (("REQUEST", "CANCEL") if customer else ("PUBLISH", "CANCEL")):
                self.wrong.append(f"{method} for {letter.to}")
            entries = one.walk("VEVENT")
            if method != "PUBLISH" and len({str(entry["UID"]) for entry in entries}) > 1:
                self.wrong.append(f"{method} with several UIDs")
            for entry in entries:
                self.enter(method, entry, customer, letter)

    def enter(self, method, entry, customer, letter):
        key = (str(entry["UID"]), str(entry.get("RECURRENCE-ID") and entry["RECURRENCE-ID"].dt))
        known = self.entries.get(key)
        age = int(entry["SEQUENCE"]), entry["DTSTAMP"].dt
        if known and age < known[0]:
            self.wrong.append(f"out of date: {key} {age[0]}")
        if customer and ("mailto:" + letter.to).lower() not in str(entry.get("ATTENDEE")).lower():
            self.wrong.append("not for its reader")
        if "ORGANIZER" not in entry:
            self.wrong.append("no organizer")
        self.entries[key] = (age, method, entry)

    @property
    def live(self):
        """Hours after START, "~" where tentative; a rule counts for all that it makes."""
        found = []
        for _, method, entry in self.entries.values():
            if method == "CANCEL" or entry.get("STATUS") == "CANCELLED":
                continue
            rule = entry.get("RRULE", {})
            step = {"DAILY": 24, "WEEKLY": 168}.get((rule.get("FREQ") or ["WEEKLY"])[0])
            for place in range((rule.get("COUNT") or [1])[0]):
                hours = (entry["DTSTART"].dt - START) / datetime.timedelta(hours=1) + place * step
                found.append(f"{hours:g}" + ("~" if entry.get("STATUS") == "TENTATIVE" else ""))
        return sorted(found)


# ---- what holds for every mail ----


def clock(hours, zone):
    return f"{(START + datetime.timedelta(hours=hours)).astimezone(zone):%H:%M}"


class Telling:
    """One story in an office that it shares."""

    def __init__(self, story, office):
        self.story, self.office, self.sender = story, office, Sender(story)
        self.calendars = collections.defaultdict(Calendar)
        self.events, self.wrong, self.people = {}, [], set()
        self.threads, self.root = collections.defaultdict(set), {}

    def fault(self, text):
        self.wrong.append(text)

    def send(self, events):
        for event in events:
            self.people.update(event.who)
            previous = event.option("<")
            if event.kind == "gone":  # of the half that ends the old booking, it is the new one
                self.root.setdefault(previous, self.root.get(event.uid, event.uid))
            elif previous:
                self.root.setdefault(event.uid, self.root.get(previous, previous))
            for key in self.sender.send(self.office, event):
                self.events[key] = event

    def take(self, number, letters):
        _, _, wanted, checks = self.story.runs[number]
        place = f"run {number + 1}: "
        by_reader = collections.defaultdict(list)
        for letter in letters:
            by_reader[letter.to].append(letter)
            self.calendars[letter.to].take(letter, self.is_customer(letter.to))
            self.check(place, letter)
        got = sorted(letter.to for letter in letters)
        want = sorted(self.story.address(reader) for reader, _ in wanted)
        if got != want:
            self.fault(f"{place}mails to {got}, not {want}")
        for reader, pattern in wanted:
            said = [one.text for one in by_reader[self.story.address(reader)]]
            if said and pattern and not any(re.search(pattern.replace("_", " "), text) for text in said):
                self.fault(f"{place}{reader} does not read /{pattern}/ but {said}")
        for what, reader, *rest in checks:
            self.check_one(place, what, reader, rest[0] if rest else "",
                           by_reader[self.story.address(reader)])

    def check_one(self, place, what, reader, words, letters):
        if what == "has" and not any(words in one.everything for one in letters):
            self.fault(f"{place}{reader} does not read {words!r}: {[one.text for one in letters]}")
        if what == "lacks" and any(words in one.everything for one in letters):
            self.fault(f"{place}{reader} reads {words!r}: {[one.everything for one in letters]}")
        if what == "reply":
            want = "" if words == "-" else self.story.address(words)
            got = [self.replies(one) for one in letters]
            if got != [want] * len(letters) or not letters:
                self.fault(f"{place}answers of {reader} go to {got}, not {want!r}")

    @staticmethod
    def replies(letter):
        return email.utils.parseaddr(str(letter.mail["Reply-To"] or ""))[1]

    def is_customer(self, address):
        return address in {self.story.address(name) for name in ZONES}

    def check(self, place, letter):
        event = self.events.get(str(letter.mail["X-Bookspool-Id"]))
        customer = self.is_customer(letter.to)
        name = f"{place}{letter.to.partition('@')[0]}'s mail of {event.kind}: "
        for fault in letter.faults:
            self.fault(name + fault)
        if any((part.get_filename() or "").startswith("body") for part in letter.parts) \
                and event.kind != "unheard":
            self.fault(name + "has the body attached")
        everything = letter.everything
        if "SECRET-video" in everything or (customer and "SECRET" in everything):
            self.fault(name + "says a secret")
        shared = event.option("*") or event.named("in") or "recurringEvent" in event.more
        if event.kind not in ("left", "given") and not shared:
            root = self.root.get(event.uid, event.uid)
            self.threads[letter.to, root].add(str(letter.mail["References"]))
        if event.kind in WITHOUT_FACTS or not event.who:
            return
        zone = zoneinfo.ZoneInfo(ZONES[letter.to.partition("@")[0]] if customer else "UTC")
        facts = [clock(event.hours, zone), NAMES[event.named("host", "olga")] if customer
                 else NAMES[event.who[0]]]
        late = "old news" in letter.text
        if event.kind not in GONE and not event.named("at") and not late:
            facts.append("https://video.example.com/")
        for fact in facts:
            if fact not in letter.text or fact not in letter.page.text + " ".join(
                    str(value) for _, value in letter.page.attributes):
                self.fault(f"{name}{fact!r} is missing: {letter.text}")
        goes_on = event.kind == "left" and not customer
        if event.kind in GONE and not goes_on and "Join" in letter.text + letter.page.text:
            self.fault(f"{name}asks to join: {letter.text}")
        others = self.people - {letter.to.partition("@")[0]}
        for other in others if customer else ():
            if self.story.address(other) in everything or NAMES[other] in everything:
                self.fault(f"{name}names {other}")

    def end(self):
        for reader, want in self.story.ends.items():
            calendar = self.calendars[self.story.address(reader)]
            if calendar.live != want:
                self.fault(f"in the end {reader} has {calendar.live}, not {want}")
        for (address, uid), threads in self.threads.items():
            if len(threads) > 1 or "None" in threads:
                self.fault(f"{address}: the mails about {uid} are in the threads {threads}")
        for address, calendar in self.calendars.items():
            for wrong in calendar.wrong:
                self.fault(f"calendar of {address}: {wrong}")
            reader = next((one for one in (*ZONES, *NAMES, "owner")
                           if self.story.address(one) == address), address)
            if reader not in self.story.ends and calendar.live:
                self.fault(f"{address} has {calendar.live}, of which nothing is said")


def settings_of(story):
    return {"BOOKSPOOL_MAIL_ATTENDEE": "yes", "BOOKSPOOL_MOVE_WAIT": "30m", "BOOKSPOOL_TIMEZONE": "UTC",
            "BOOKSPOOL_CALENDAR": "invite", "BOOKSPOOL_CALENDAR_ATTENDEE": "invite", **story.settings}


class Stage(Office):
    def letters(self):
        found = []
        for name in sorted(os.listdir(self.maildir)) if os.path.isdir(self.maildir) else []:
            path = os.path.join(self.maildir, name)
            with open(path, "rb") as file:
                found.append(Read(file.read()))
            os.unlink(path)
        return sorted(found, key=lambda one: one.mail["Date"].datetime)


def tell(stories):
    """All of them at once, step by step; one line of TAP each."""
    with Stage(**settings_of(stories[0])) as office:
        tellings = [Telling(story, office) for story in stories]
        for number in range(max(len(story.runs) for story in stories)):
            mine = [one for one in tellings if number < len(one.story.runs)]
            for one in mine:
                one.send(one.story.runs[number][0])
            later = any(one.story.runs[number][1] for one in mine)
            office.drained(**({"BOOKSPOOL_MOVE_WAIT": "0s"} if later else {}))
            letters = office.letters()
            for one in mine:
                one.take(number, [letter for letter in letters
                                  if str(letter.mail["X-Bookspool-Id"]) in one.events])
        for one in tellings:
            one.end()
        office.drained(BOOKSPOOL_MOVE_WAIT="0s")  # halves of moves that the other half has answered
        left = office.spool("bad") + office.spool("new") + [one.text for one in office.letters()]
        if left:
            ok(False, "nothing is left over", left)
        for one in tellings:
            ok(not one.wrong, one.story.name, "\n".join(one.wrong))


def tell_all(wanted=""):
    stories = [one for one in read_stories() if wanted in one.name]
    equal(len({one.name for one in stories}), len(stories), "each story has a name of its own")

    def key(story):
        return (story.alone and story.number, sorted(settings_of(story).items()))
    for _, group in itertools.groupby(sorted(stories, key=lambda s: str(key(s))), key=lambda s: str(key(s))):
        tell(list(group))
    return len(stories)
