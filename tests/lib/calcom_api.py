"""A stand-in for Cal.com's API v2 with its webhooks, as strict as its documentation.

    with CalcomApi(send=fcgi_sender(world)) as calcom:
        calcom.add_token("cal_live_1", calcom.owner)        an API key
        booking = calcom.book(START, name="Ada Example")     sends BOOKING_CREATED
        booking = calcom.reschedule(booking, LATER)          one BOOKING_RESCHEDULED
        calcom.cancel(booking)
        calcom.webhooks                                      by id, of every level
        calcom.calls.advance(600)                            repeats what failed: see deliveries.py

The EU instance and a self-hosted one are the same with another base (`prefix` puts a path before it).
`versions` and `triggers` are those that this instance knows: the newest hosted ones, unless a test wants
an older one. `shows_secrets`: lists have each webhook's secret in clear, as the code read of 2025 has it.
`reset`: "seconds", or "unix" for a time, since two sources differ. `queue`: "hosted" repeats by the hosted
line's rules, "inline" never, as the open-source line does.
"""

import hashlib
import hmac
import json
import re
import secrets
import time
import uuid

from api_peer import ApiPeer, Failure, json_of, number_of
from bookspool import sample, utc
from deliveries import Deliveries, Delivery, arrived, compact

TRIGGERS = """BOOKING_CREATED BOOKING_PAYMENT_INITIATED BOOKING_PAID BOOKING_RESCHEDULED BOOKING_REQUESTED
    BOOKING_CANCELLED BOOKING_REJECTED BOOKING_NO_SHOW_UPDATED BOOKING_LOCATION_UPDATED BOOKING_REASSIGNED
    FORM_SUBMITTED FORM_SUBMITTED_NO_EVENT ROUTING_FORM_FALLBACK_HIT MEETING_STARTED MEETING_ENDED
    RECORDING_READY RECORDING_TRANSCRIPTION_GENERATED INSTANT_MEETING INSTANT_MEETING_ACCEPTED OOO_CREATED
    AFTER_HOSTS_CAL_VIDEO_NO_SHOW AFTER_GUESTS_CAL_VIDEO_NO_SHOW DELEGATION_CREDENTIAL_ERROR
    DELEGATION_CREDENTIAL_SECRET_ROTATED DELEGATION_CREDENTIAL_SECRET_ROTATION_FAILED
    DELEGATION_CREDENTIAL_ROTATION_REQUIRED WRONG_ASSIGNMENT_REPORT CALENDAR_ENTRY_REJECTED""".split()
VERSIONS = ("2021-10-20", "2026-07-27")
WITH_CALENDAR = {"BOOKING_CREATED", "BOOKING_RESCHEDULED", "BOOKING_CANCELLED", "BOOKING_PAID"}
HIDES = ("hideOrganizerEmail", "hideCalendarNotes", "hideCalendarEventDetails")
RETRIED = {None, 408, 429, 500, 502, 503, 504}
ERRORS = {400: ("BadRequestException", "Bad Request"), 401: ("UnauthorizedException", "Invalid API key"),
          403: ("ForbiddenException", "Forbidden resource"), 404: ("NotFoundException", "Not Found"),
          409: ("ConflictException", "Webhook with this subscriber url already exists for this user"),
          429: ("ThrottlerException", "ThrottlerException: Too Many Requests")}
SORTS = {"sortStart": "start", "sortEnd": "end", "sortCreated": "createdAt", "sortUpdatedAt": "updatedAt"}
BOUNDS = {"afterStart": ("start", 1), "beforeEnd": ("end", -1), "afterCreatedAt": ("createdAt", 1),
          "beforeCreatedAt": ("createdAt", -1), "afterUpdatedAt": ("updatedAt", 1),
          "beforeUpdatedAt": ("updatedAt", -1)}


def iso(start):
    """A time without milliseconds, as in the bodies of new bookings."""
    return utc(start)[:19] + "Z"


class CalcomApi(ApiPeer):
    name = "calcom"

    def __init__(self, clock=None, send=None, limit=120, versions=VERSIONS, triggers=tuple(TRIGGERS),
                 shows_secrets=True, reset="seconds", queue="hosted", **more):
        self.versions, self.triggers, self.shows_secrets = versions, triggers, shows_secrets
        self.reset, self.queue = reset, queue
        self.users, self.event_types, self.teams, self.bookings, self.webhooks = {}, {}, {}, {}, {}
        self.organization, self._number = 41, 1000
        super().__init__(clock, limit=limit, **more)
        self.owner = self.add_user("Olga Example", "olga@example.org", admin=True)
        self.event_type = self.add_event_type("Intro call", self.owner)
        self.calls = Deliveries(self.clock, self, send)

    @property
    def hooks(self):
        """Of both providers' stand-ins under one name."""
        return self.webhooks

    # ---- what there is ----

    def _next(self):
        self._number += 1
        return self._number

    def add_user(self, name, email, admin=False):
        """The id of one more user; `admin`: of the organization."""
        number = self._next()
        self.users[number] = {"id": number, "username": name.split()[0].lower(), "email": email, "name": name,
                              "avatarUrl": None, "bio": None, "timeFormat": 24, "defaultScheduleId": None,
                              "weekStart": "Monday", "timeZone": "Europe/Berlin",
                              "organizationId": self.organization,
                              "organization": {"isPlatform": False, "id": self.organization}}
        self.users[number]["admin"] = admin
        return number

    def add_team(self, name, members):
        number = self._next()
        self.teams[number] = {"id": number, "name": name, "slug": name.lower().replace(" ", "-"),
                              "members": list(members)}
        return number

    def add_event_type(self, title, user, minutes=30, team=None, confirm=False, hide=()):
        """The id of an event type of a user, or of a team. `confirm`: bookings wait for the owner's word.
        `hide`: the names of HIDES that are on."""
        number = self._next()
        self.event_types[number] = {"id": number, "title": title, "slug": title.lower().replace(" ", "-"),
                                    "minutes": minutes, "user": user, "team": team, "confirm": confirm,
                                    "hide": tuple(hide)}
        return number

    # ---- bookings ----

    def book(self, start, name="Ada Example", email="ada@example.com", event_type=None, **how):
        """The uid of a new booking; `how` as Deliveries.put."""
        with self._lock:
            kind = self.event_types[event_type or self.event_type]
            uid = self._new_booking(kind, start, name, email)
            if kind["confirm"]:
                self.bookings[uid]["status"] = "pending"
            self._tell("BOOKING_REQUESTED" if kind["confirm"] else "BOOKING_CREATED", uid, how)
            return uid

    def confirm(self, uid, **how):
        self._change(uid, "BOOKING_CREATED", how, status="accepted")

    def reject(self, uid, reason="No time", **how):
        self._change(uid, "BOOKING_REJECTED", how, status="rejected", reason=reason)

    def cancel(self, uid, reason="Caught a cold", by="ada@example.com", **how):
        """The webhook goes out before the row is changed."""
        with self._lock:
            booking = self.bookings[uid]
            booking.update(reason=reason, by=by, sequence=booking["sequence"] + 1)
            self._tell("BOOKING_CANCELLED", uid, how)
            booking.update(status="cancelled", updated=self.clock.now())

    def reschedule(self, uid, start, **how):
        """The uid of the booking that takes the place of this one, whose iCalUID it keeps."""
        with self._lock:
            old = self.bookings[uid]
            new = self._new_booking(self.event_types[old["eventType"]], start, old["name"], old["email"])
            self.bookings[new].update(old=uid, ical=old["ical"], sequence=old["sequence"] + 1)
            old.update(status="cancelled", new=new, updated=self.clock.now())
            self._tell("BOOKING_RESCHEDULED", new, how)
            return new

    def _change(self, uid, trigger, how, **fields):
        with self._lock:
            self.bookings[uid].update(fields, updated=self.clock.now())
            self._tell(trigger, uid, how)

    def _new_booking(self, kind, start, name, email):
        uid, begin = secrets.token_urlsafe(16).replace("_", "x").replace("-", "y"), start.timestamp()
        self.bookings[uid] = {"id": self._next(), "uid": uid, "eventType": kind["id"], "start": begin,
                              "end": begin + 60 * kind["minutes"], "name": name, "email": email,
                              "status": "accepted", "created": self.clock.now(), "updated": self.clock.now(),
                              "ical": f"{uid}@Cal.com", "sequence": 0, "old": None, "new": None,
                              "reason": None, "by": None}
        return uid

    # ---- webhooks ----

    def _tell(self, trigger, uid, how):
        """The look-up is an OR over all levels: one URL at two of them is called twice. A user's webhook does not
        bring what is of a team's event type."""
        kind = self.event_types[self.bookings[uid]["eventType"]]
        levels = {("event-type", kind["id"]), ("organization", self.organization)}
        if not kind["team"]:
            levels.add(("user", kind["user"]))
        for hook in list(self.webhooks.values()):
            if hook["active"] and trigger in hook["triggers"] and hook["level"] in levels:
                self.calls.put(self._delivery(hook, trigger, self._payload(trigger, uid)), **how)

    def ping(self, webhook):
        """What the Test button of the settings page sends."""
        with self._lock:
            payload = json.loads(sample("calcom", "ping", fresh=False))["payload"]
            self.calls.put(self._delivery(self.webhooks[webhook], "PING", payload))

    def _delivery(self, hook, trigger, payload):
        if hook["version"] != "2021-10-20" and trigger in WITH_CALENDAR:
            text = self._calendar(payload, "CANCEL" if trigger == "BOOKING_CANCELLED" else "REQUEST")
            payload = {**payload, "attendeeIcsContent": text, "organizerIcsContent": text}
        body = compact({"triggerEvent": trigger, "createdAt": self.clock.text(), "payload": payload})
        headers = {}

        def sign(_now):
            """With the secret at the first attempt; what is repeated stays as it is."""
            if not headers:
                headers.update({
                    "Content-Type": "application/json", "X-Cal-Webhook-Version": hook["version"],
                    "X-Cal-Signature-256": hmac.new(hook["secret"].encode(), body, hashlib.sha256).hexdigest()
                    if hook["secret"] else "no-secret-provided"})
            return headers
        return Delivery(hook["id"], hook["subscriberUrl"], body, sign, trigger)

    @staticmethod
    def _calendar(payload, method):
        stamps = [re.sub(r"[-:]|\.\d+|\+00:00", "", payload[name]).rstrip("Z") + "Z"
                  for name in ("startTime", "endTime")]
        return "\r\n".join(("BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//Cal.com//EN", f"METHOD:{method}",
                            "BEGIN:VEVENT", f"UID:{payload['iCalUID']}",
                            f"SEQUENCE:{payload['iCalSequence']}", f"DTSTART:{stamps[0]}",
                            f"DTEND:{stamps[1]}", f"SUMMARY:{payload['type']}", "END:VEVENT",
                            "END:VCALENDAR", ""))

    def _payload(self, trigger, uid):
        """The sample body of this trigger, with the facts of this booking."""
        booking, name = self.bookings[uid], trigger.lower()
        payload = json.loads(sample("calcom", name, fresh=False))["payload"]
        kind = self.event_types[booking["eventType"]]
        host = self.users[kind["user"]]
        title = f"{kind['title']} between {host['name']} and {booking['name']}"
        payload["organizer"].update(id=host["id"], name=host["name"], email=host["email"],
                                    username=host["username"], timeZone=host["timeZone"])
        payload["attendees"] = payload["attendees"][:1]
        payload["attendees"][0].update(name=booking["name"], email=booking["email"])
        for answer, value in (("name", booking["name"]), ("email", booking["email"]), ("guests", [])):
            payload["responses"][answer]["value"] = value
        payload.update(uid=uid, bookingId=booking["id"], iCalUID=booking["ical"], title=title,
                       iCalSequence=booking["sequence"], eventTypeId=kind["id"], type=kind["slug"],
                       eventTitle=kind["title"], length=kind["minutes"],
                       startTime=iso(booking["start"]), endTime=iso(booking["end"]))
        payload.update({name: True for name in kind["hide"]})
        if "metadata" in payload:
            payload["metadata"] = {"videoCallUrl": f"https://app.cal.com/video/{uid}"}
        if trigger == "BOOKING_CANCELLED":
            payload.update(startTime=iso(booking["start"])[:-1] + "+00:00",
                           endTime=iso(booking["end"])[:-1] + "+00:00",
                           cancellationReason=booking["reason"], cancelledBy=booking["by"])
        if trigger == "BOOKING_REJECTED":
            payload["rejectionReason"] = booking["reason"]
        if booking["old"] and trigger in ("BOOKING_RESCHEDULED", "BOOKING_REQUESTED"):
            old = self.bookings[booking["old"]]
            payload.update(rescheduleId=old["id"], rescheduleUid=old["uid"],
                           rescheduleStartTime=iso(old["start"]), rescheduleEndTime=iso(old["end"]),
                           rescheduledBy=booking["email"])
        return payload

    def may_send(self, delivery):
        return delivery.hook in self.webhooks and self.webhooks[delivery.hook]["active"]

    def retry_in(self, delivery, status, _now):
        """Three attempts in all, for a few statuses only; the bytes stay the same."""
        if self.queue != "hosted" or status not in RETRIED or delivery.tries >= 3:
            return None
        return 30 * 2 ** (delivery.tries - 1)

    def after(self, delivery, status, _now):
        if status == 410 and self.queue == "hosted":
            self.webhooks[delivery.hook]["active"] = False
        elif arrived(status):
            self.webhooks[delivery.hook]["delivered"] = True

    # ---- the API ----

    def limit_headers(self, limit, left, seconds):
        reset = int(time.time()) + seconds if self.reset == "unix" else seconds
        return {"X-RateLimit-Limit-Default": limit, "X-RateLimit-Remaining-Default": left,
                "X-RateLimit-Reset-Default": reset}

    def error(self, failure, request):
        code, message = ERRORS.get(failure.status, ("InternalServerErrorException", "Internal server error"))
        if failure.said:
            message = failure.said[0]
        return {"status": "error", "timestamp": self.clock.text(), "path": request.path,
                "error": {"code": code, "message": message, "details": failure.more or message}}, {
                    "X-Request-Id": str(uuid.uuid4())}

    LEVELS = ((r"/v2/webhooks", "user", "/v2/webhooks"),
              (r"/v2/event-types/(\d+)/webhooks", "event-type", "/v2/event-types/{eventTypeId}/webhooks"),
              (r"/v2/teams/(\d+)/event-types/(\d+)/webhooks", "team-event-type",
               "/v2/teams/{teamId}/event-types/{eventTypeId}/webhooks"),
              (r"/v2/organizations/(\d+)/webhooks", "organization", "/v2/organizations/{orgId}/webhooks"))

    def route(self, request):
        token = self.tokens.get(request.token)
        if not token or token.state != "valid":
            raise Failure(401, "API key expired" if token and token.state == "expired" else ERRORS[401][1])
        user, path, get = self.users[token.user], request.path, request.method == "GET"
        version = request.headers.get("cal-api-version", "2024-04-15")
        for pattern, level, shape in self.LEVELS:
            found = re.fullmatch(pattern + r"(?:/([^/]+))?", path)
            if found:
                *owner, webhook = found.groups()
                return self._webhook_call(request, user, self._owner_of(level, owner, user), webhook, shape)
        if get and path == "/v2/me":
            shown = {name: value for name, value in user.items() if name != "admin"}
            return 200, {"status": "success", "data": shown}, "GET /v2/me"
        if get and path == "/v2/bookings":
            if version != "2024-08-13":
                return 200, {"status": "success", "data": {"bookings": [], "recurringInfo": [],
                                                           "nextCursor": None}}, "older"
            return self._list_bookings(request, user)
        found = re.fullmatch(r"/v2/bookings/([^/]+)", path)
        if get and found:
            if version != "2024-08-13" or found[1] not in self.bookings:
                raise Failure(404, f"Booking with uid={found[1]} was not found in the database")
            return 200, {"status": "success", "data": self._shown(found[1])}, "GET /v2/bookings/{bookingUid}"
        if get and path == "/v2/event-types":
            if version != "2024-06-14":
                return 200, {"status": "success", "data": {"eventTypeGroups": []}}, "older"
            mine = [kind for kind in self.event_types.values() if not kind["team"]
                    and kind["user"] == user["id"]]
            return self._event_types(mine, "GET /v2/event-types")
        found = re.fullmatch(r"/v2/event-types/(\d+)", path)
        if get and found and version == "2024-06-14":
            kind = self.event_types.get(int(found[1]))
            if not kind or user["id"] not in (self.teams[kind["team"]]["members"] if kind["team"]
                                              else [kind["user"]]):
                raise Failure(404, f"Event type with id {found[1]} not found")
            return 200, {"status": "success", "data": self._shown_type(kind)}, (
                "team-event-type-by-id" if kind["team"] else "GET /v2/event-types/{eventTypeId}")
        if get and path == "/v2/teams":
            return 200, {"status": "success", "data": [
                {"id": team["id"], "name": team["name"], "slug": team["slug"], "isOrganization": False}
                for team in self.teams.values() if user["id"] in team["members"]]}, "GET /v2/teams"
        found = re.fullmatch(r"/v2/teams/(\d+)/event-types", path)
        if get and found:
            self._check_team(int(found[1]), user)
            return self._event_types([kind for kind in self.event_types.values()
                                      if kind["team"] == int(found[1])], "GET /v2/teams/{teamId}/event-types")
        raise Failure(404, f"Cannot {request.method} {request.path}")

    def _event_types(self, kinds, shape):
        return 200, {"status": "success", "data": [self._shown_type(kind) for kind in kinds]}, shape

    def _shown_type(self, kind):
        return {
            "id": kind["id"], "lengthInMinutes": kind["minutes"], "title": kind["title"], "slug": kind["slug"],
            "description": None, "locations": [], "bookingFields": [], "disableGuests": False,
            "recurrence": None, "metadata": {}, "price": 0, "currency": "usd",
            "lockTimeZoneToggleOnBookingPage": False, "forwardParamsSuccessRedirect": None,
            "successRedirectUrl": None, "isInstantEvent": False, "scheduleId": None, "hidden": False,
            "bookingRequiresAuthentication": False, **{name: name in kind["hide"] for name in HIDES},
            "confirmationPolicy": {"type": "always", "blockUnconfirmedBookingsInBooker": False}
            if kind["confirm"] else {"disabled": True},
            **(self._of_team(kind) if kind["team"] else {
                "ownerId": kind["user"], "users": [],
                "bookingUrl": f"https://cal.com/olga/{kind['slug']}"})}

    def _of_team(self, kind):
        team = self.teams[kind["team"]]
        return {"teamId": team["id"], "hosts": [], "schedulingType": "roundRobin", "team": {
            "id": team["id"], "slug": team["slug"], "name": team["name"], "bannerUrl": "", "logoUrl": "",
            "weekStart": "Monday", "brandColor": "", "darkBrandColor": "", "theme": ""}}

    # ---- webhooks of four levels ----

    def _check_team(self, team, user):
        if team not in self.teams:
            raise Failure(404, "Team not found")
        if user["id"] not in self.teams[team]["members"]:
            raise Failure(403)

    def _owner_of(self, level, numbers, user):
        """The level as webhooks have it. A team's event type is an event type."""
        numbers = [int(number) for number in numbers]
        if level == "user":
            return "user", user["id"]
        if level == "organization":
            if numbers != [self.organization] or not user["admin"]:
                raise Failure(403)
            return "organization", self.organization
        if level == "team-event-type":
            self._check_team(numbers[0], user)
        kind = self.event_types.get(numbers[-1])
        if not kind or (level == "team-event-type") != bool(kind["team"]):
            raise Failure(404, f"Event type with id {numbers[-1]} not found")
        if level == "team-event-type" and kind["team"] != numbers[0]:
            raise Failure(404, f"Event type with id {numbers[-1]} not found")
        if level == "event-type" and kind["user"] != user["id"]:
            raise Failure(403)
        return "event-type", kind["id"]

    def _shown_webhook(self, hook):
        owner = {"user": "userId", "event-type": "eventTypeId", "organization": "teamId"}[hook["level"][0]]
        shown = {"id": hook["id"], owner: hook["level"][1], "subscriberUrl": hook["subscriberUrl"],
                 "payloadTemplate": hook["payloadTemplate"], "triggers": hook["triggers"],
                 "active": hook["active"], "version": hook["version"]}
        if self.shows_secrets and hook["secret"] is not None:
            shown["secret"] = hook["secret"]
        return shown

    def _webhook_call(self, request, user, level, number, shape):
        method = request.method
        if number is None and method == "GET":
            take, skip = number_of(request, "take", 250, 1, 250), number_of(request, "skip", 0, 0, 10**9)
            found = [self._shown_webhook(hook) for hook in self.webhooks.values() if hook["level"] == level]
            return 200, {"status": "success", "data": found[skip:skip + take]}, f"GET {shape}"
        if number is None and method == "POST":
            return 201, {"status": "success", "data": self._subscribe(request, level)}, f"POST {shape}"
        if number is None or method not in ("GET", "PATCH", "DELETE"):
            raise Failure(404, f"Cannot {method} {request.path}")
        hook = self.webhooks.get(number)
        if not hook:
            raise Failure(404, f"Webhook ({number}) not found")
        if hook["level"] != level:
            raise Failure(403, "User is not the owner of the webhook")
        if method == "PATCH":
            hook.update(self._members(request, level, number))
        if method == "DELETE":
            del self.webhooks[number]
        return 200, {"status": "success", "data": self._shown_webhook(hook)}, f"{method} {shape}/{{webhookId}}"

    def _members(self, request, level, number=None):
        """What a body says about a webhook; what is not known is dropped without a word."""
        given, kinds = json_of(request), {"subscriberUrl": str, "triggers": list, "active": bool, "secret": str,
                                          "payloadTemplate": str, "version": str}
        found = {name: given[name] for name in kinds if name in given}
        for name, value in found.items():
            if not isinstance(value, kinds[name]):
                raise Failure(400, f"{name} must be a {kinds[name].__name__}")
        unknown = [name for name in found.get("triggers", []) if name not in self.triggers]
        if unknown:
            raise Failure(400, "each value in triggers must be one of the following values: "
                          + ", ".join(self.triggers))
        if level[0] == "user" and "DELEGATION_CREDENTIAL_ERROR" in found.get("triggers", []):
            raise Failure(400, "DELEGATION_CREDENTIAL_ERROR is only for organizations")
        if found.get("version", self.versions[0]) not in self.versions:
            raise Failure(400, "version must be one of the following values: " + ", ".join(self.versions))
        url = found.get("subscriberUrl")
        if url is not None and not re.fullmatch(r"https?://[^/\s]+(/\S*)?", url):
            raise Failure(400, "subscriberUrl must be a URL address")
        if url is not None and any(hook["level"] == level and hook["subscriberUrl"] == url
                                   and hook["id"] != number for hook in self.webhooks.values()):
            raise Failure(409)
        return found

    def _subscribe(self, request, level):
        found = self._members(request, level)
        for name in "subscriberUrl", "triggers", "active":
            if name not in found:
                raise Failure(400, f"{name} should not be empty")
        number = str(uuid.uuid4())
        self.webhooks[number] = {"id": number, "level": level, "payloadTemplate": None, "secret": None,
                                 "version": self.versions[0], "delivered": False, **found}
        return self._shown_webhook(self.webhooks[number])

    # ---- lists of bookings ----

    def _shown(self, uid):
        booking = self.bookings[uid]
        kind = self.event_types[booking["eventType"]]
        host = self.users[kind["user"]]
        shown = {"id": booking["id"], "uid": uid, "description": "", "status": booking["status"],
                 "title": f"{kind['title']} between {host['name']} and {booking['name']}",
                 "hosts": [{"id": host["id"], "name": host["name"], "email": host["email"],
                            "displayEmail": host["email"], "username": host["username"],
                            "timeZone": host["timeZone"]}],
                 "start": utc(booking["start"]), "end": utc(booking["end"]), "duration": kind["minutes"],
                 "eventTypeId": kind["id"], "eventType": {"id": kind["id"], "slug": kind["slug"]},
                 "location": "integrations:daily", "absentHost": False, "createdAt": utc(booking["created"]),
                 "updatedAt": utc(booking["updated"]), "metadata": {}, "icsUid": booking["ical"],
                 "attendees": [{"name": booking["name"], "email": booking["email"],
                                "displayEmail": booking["email"], "timeZone": "America/Los_Angeles",
                                "language": "en", "absent": False}], "guests": [],
                 "bookingFieldsResponses": {"name": booking["name"], "email": booking["email"]}}
        if booking["old"]:
            shown.update(rescheduledFromUid=booking["old"], rescheduledByEmail=booking["email"])
        if booking["new"]:
            shown["rescheduledToUid"] = booking["new"]
        if booking["reason"] and booking["status"] in ("cancelled", "rejected"):
            shown["cancellationReason"] = booking["reason"]
        if booking["by"]:
            shown["cancelledByEmail"] = booking["by"]
        return shown

    def _statuses(self, one):
        """The filters that a booking passes; `upcoming` and `past` go by its end."""
        over = one["end"] < self.clock.text()
        if one["status"] in ("cancelled", "rejected"):
            return {"cancelled"}
        return {"past" if over else "upcoming" if one["status"] == "accepted" else "unconfirmed"}

    def _list_bookings(self, request, user):
        query = request.query
        take, skip = number_of(request, "take", 100, 1, 250), number_of(request, "skip", 0, 0, 10**9)
        wanted = query.get("status", "").split(",") if query.get("status") else None
        if wanted and not set(wanted) <= {"upcoming", "recurring", "past", "cancelled", "unconfirmed"}:
            raise Failure(400, "Invalid status")
        for name in BOUNDS:
            if name in query and not re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", query[name]):
                raise Failure(400, f"{name} must be a valid ISO 8601 date string")
        found = []
        for uid, booking in self.bookings.items():
            one, kind = self._shown(uid), self.event_types[booking["eventType"]]
            of_team = kind["team"] and user["id"] in self.teams[kind["team"]]["members"]
            if kind["user"] != user["id"] and not of_team and booking["email"] != user["email"]:
                continue  # those that the user has booked with others are listed, too
            if wanted and not self._statuses(one) & set(wanted):
                continue
            if query.get("attendeeEmail", booking["email"]) != booking["email"]:
                continue
            if query.get("bookingUid", uid) != uid or query.get("eventTypeId", str(kind["id"])) != str(kind["id"]):
                continue
            if all(self._within(one[field], query.get(name), way) for name, (field, way) in BOUNDS.items()):
                found.append(one)
        for name, field in SORTS.items():
            if query.get(name, "asc") not in ("asc", "desc"):
                raise Failure(400, f"{name} must be asc or desc")
            if name in query:
                found.sort(key=lambda one, field=field: one[field], reverse=query[name] == "desc")
        page = found[skip:skip + take]
        left = max(0, len(found) - skip - len(page))
        return 200, {"status": "success", "data": page, "pagination": {
            "totalItems": len(found), "remainingItems": left, "returnedItems": len(page), "itemsPerPage": take,
            "currentPage": skip // take + 1, "totalPages": -(-len(found) // take), "hasNextPage": left > 0,
            "hasPreviousPage": skip > 0}}, "GET /v2/bookings"

    @staticmethod
    def _within(value, bound, way):
        """The times of `after…` and `before…` are themselves included; no source says it."""
        if bound is None:
            return True
        bound = bound if "." in bound else bound[:-1] + ".000Z"
        return value >= bound if way > 0 else value <= bound
