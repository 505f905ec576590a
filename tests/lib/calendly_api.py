"""A stand-in for Calendly's API v2 with its webhooks, as strict as its documentation.

    with CalendlyApi(send=fcgi_sender(world)) as calendly:
        calendly.add_token("token-1", calendly.owner)       scopes={"users:read"}: only these
        calendly.tokens["token-1"].state = "revoked"
        person = calendly.book(START, name="Ada Example")    sends invitee.created
        person = calendly.reschedule(person, LATER)          both halves; first="created" turns them round
        calendly.cancel(person)
        calendly.subscriptions                               by id, with their signing keys
        calendly.calls.advance(86400)                        repeats what failed: see deliveries.py

What Calendly says in two ways, or not at all, is an option here: `fresh_t` (each attempt is signed with a
new t), `disable_alone` (one message that fails for a day disables, though others get through),
`outlives` (what was under way when its subscription was deleted is still sent).
"""

import hashlib
import hmac
import re
import secrets
import urllib.parse
import uuid

from api_peer import ApiPeer, Failure, json_of, number_of
from bookspool import utc
from deliveries import Deliveries, Delivery, arrived, compact

HOST = "https://api.calendly.com"
DAY = 86400
# of each event: the scopes a subscription may have, and the read scope that its family needs
_ALL, _BOOKED = ("organization", "user", "group"), "scheduled_events:read"
EVENTS = {"invitee.created": (_ALL, _BOOKED), "invitee.canceled": (_ALL, _BOOKED),
          "invitee_no_show.created": (_ALL, _BOOKED), "invitee_no_show.deleted": (_ALL, _BOOKED),
          "routing_form_submission.created": (("organization",), "routing_forms:read"),
          **{f"event_type.{what}": (_ALL, "event_types:read") for what in ("created", "updated", "deleted")},
          **{f"contact.{what}": (_ALL, "contacts:read") for what in ("created", "updated", "deleted")},
          **{f"meeting_recap.{what}": (_ALL, "meeting_recaps:read")
             for what in ("created", "updated", "deleted")}}
STATES = {"revoked": "The access token was revoked", "expired": "The access token expired"}
TITLES = {400: ("Invalid Argument", "The supplied parameters are invalid."),
          401: ("Unauthenticated", "The access token is invalid"),
          403: ("Permission Denied", "You do not have permission to access this resource."),
          404: ("Resource Not Found", "The server could not find the requested resource."),
          409: ("Already Exists", "The resource already exists"),
          429: ("Too Many Requests", "The rate limit has been exceeded."),
          500: ("Internal Server Error", "The server encountered an unexpected condition that prevented it "
                                         "from fulfilling the request.")}


def bad(parameter, message):
    return Failure(400, details=[{"parameter": parameter, "message": message}])


def long_utc(when):
    """A time with six digits of a second, as Calendly writes most."""
    return utc(when).replace("Z", "000Z")


def last(uri):
    return uri.rpartition("/")[2]


class CalendlyApi(ApiPeer):
    name = "calendly"

    def __init__(self, clock=None, send=None, limit=500, hooks_on_plan=True, fresh_t=True,
                 disable_alone=False, outlives=False, **more):
        self.users, self.roles, self.event_types, self.events, self.invitees = {}, {}, {}, {}, {}
        self.subscriptions, self.groups, self._pages = {}, {}, {}
        self.hooks_on_plan, self.fresh_t = hooks_on_plan, fresh_t
        self.disable_alone, self.outlives = disable_alone, outlives
        super().__init__(clock, limit=limit, **more)
        self.organization = f"{HOST}/organizations/{uuid.uuid4()}"
        self.owner = self.add_user("Olga Example", "olga@example.org", "owner")
        self.event_type = self.add_event_type("Intro call", self.owner)
        self.calls = Deliveries(self.clock, self, send)

    @property
    def hooks(self):
        """Of both providers' stand-ins under one name."""
        return self.subscriptions

    # ---- what there is ----

    def add_user(self, name, email, role="user"):
        """The URI of one more user of the organization; `role`: "owner", "admin" or "user"."""
        uri, now = f"{HOST}/users/{uuid.uuid4()}", self._now()
        slug = name.lower().replace(" ", "-")
        self.users[uri] = {
            "uri": uri, "name": name, "slug": slug, "email": email, "timezone": "Europe/Berlin",
            "scheduling_url": f"https://calendly.com/{slug}", "avatar_url": None, "created_at": now,
            "updated_at": now, "current_organization": self.organization}
        self.roles[uri] = role
        return uri

    def add_group(self, name, members):
        """The URI of a group of users."""
        uri, now = f"{HOST}/groups/{uuid.uuid4()}", self._now()
        self.groups[uri] = {"uri": uri, "name": name, "organization": self.organization, "created_at": now,
                            "updated_at": now, "members": list(members)}
        return uri

    def add_event_type(self, name, user, minutes=30, seats=1):
        uri, now = f"{HOST}/event_types/{uuid.uuid4()}", self._now()
        slug = name.lower().replace(" ", "-")
        self.event_types[uri] = {
            "uri": uri, "name": name, "active": True, "slug": slug, "duration": minutes,
            "scheduling_url": f"{self.users[user]['scheduling_url']}/{slug}", "secret": False,
            "kind": "group" if seats > 1 else "solo", "pooling_type": None, "type": "StandardEventType",
            "color": "#0069ff", "created_at": now, "updated_at": now, "internal_note": None,
            "description_plain": None, "description_html": None, "booking_method": "instant",
            "profile": {"type": "User", "name": self.users[user]["name"], "owner": user},
            "custom_questions": [], "deleted_at": None, "admin_managed": False,
            "kind_description": "Group" if seats > 1 else "One-on-One", "seats": seats}
        return uri

    def _now(self):
        return long_utc(self.clock.now())

    # ---- bookings ----

    def _new_event(self, event_type, start, host):
        kind, uri = self.event_types[event_type], f"{HOST}/scheduled_events/{uuid.uuid4()}"
        begin = start.timestamp()
        self.events[uri] = {
            "uri": uri, "name": kind["name"], "meeting_notes_plain": None, "meeting_notes_html": None,
            "status": "active", "start_time": long_utc(begin),
            "end_time": long_utc(begin + 60 * kind["duration"]), "event_type": event_type,
            "location": {"type": "physical", "location": "Example Street 1"},
            "invitees_counter": {"total": 0, "active": 0, "limit": kind["seats"]},
            "created_at": self._now(), "updated_at": self._now(),
            "event_memberships": [{"user": host, "user_email": self.users[host]["email"],
                                   "user_name": self.users[host]["name"]}],
            "event_guests": [], "calendar_event": None}
        return uri

    def _new_invitee(self, event, name, email, old=None):
        uri, number = f"{event}/invitees/{uuid.uuid4()}", uuid.uuid4()
        self.invitees[uri] = {
            "uri": uri, "email": email, "first_name": None, "last_name": None, "name": name,
            "status": "active", "questions_and_answers": [], "timezone": "America/Los_Angeles",
            "event": event, "created_at": self._now(), "updated_at": self._now(),
            "tracking": {"utm_campaign": None, "utm_source": None, "utm_medium": None, "utm_content": None,
                         "utm_term": None, "salesforce_uuid": None},
            "text_reminder_number": None, "rescheduled": False, "old_invitee": old, "new_invitee": None,
            "cancel_url": f"https://calendly.com/cancellations/{number}",
            "reschedule_url": f"https://calendly.com/reschedulings/{number}",
            "routing_form_submission": None, "payment": None, "no_show": None, "reconfirmation": None,
            "scheduling_method": None, "invitee_scheduled_by": None}
        counter = self.events[event]["invitees_counter"]
        counter["total"] += 1
        counter["active"] += 1
        return uri

    def book(self, start, name="Ada Example", email="ada@example.com", event_type=None, event=None, **how):
        """The URI of the new invitee; `event` is a group event to join; `how` as Deliveries.put."""
        with self._lock:
            event_type = event_type or self.event_type
            owner = self.event_types[event_type]["profile"]["owner"]
            person = self._new_invitee(event or self._new_event(event_type, start, owner), name, email)
            self._tell("invitee.created", person, how)
            return person

    def cancel(self, person, reason="Caught a cold", by="invitee", **how):
        with self._lock:
            self._end(person, reason, by)
            self._tell("invitee.canceled", person, how)

    def reschedule(self, person, start, first="canceled", how=None, how_created=None):
        """The URI of the invitee who takes the place of this one; `how` is that of the canceled half."""
        with self._lock:
            old = self.invitees[person]
            event = self.events[old["event"]]
            host = event["event_memberships"][0]["user"]
            new = self._new_invitee(self._new_event(event["event_type"], start, host), old["name"],
                                    old["email"], old=person)
            old.update(rescheduled=True, new_invitee=new)
            self._end(person, "A dentist's appointment", "invitee")
            halves = [("invitee.canceled", person, how or {}), ("invitee.created", new, how_created or {})]
            for half in halves if first == "canceled" else reversed(halves):
                self._tell(*half)
            return new

    def mark_no_show(self, person, **how):
        with self._lock:
            self.invitees[person]["no_show"] = {
                "uri": f"{HOST}/invitee_no_shows/{uuid.uuid4()}", "created_at": self._now()}
            self._tell("invitee_no_show.created", person, how)

    def _end(self, person, reason, by):
        one = self.invitees[person]
        event = self.events[one["event"]]
        host = event["event_memberships"][0]["user_name"]
        said = {"canceled_by": host if by == "host" else one["name"], "reason": reason,
                "canceler_type": by, "created_at": self._now()}
        one.update(status="canceled", updated_at=self._now(), cancellation=said)
        event["invitees_counter"]["active"] -= 1
        event["updated_at"] = self._now()
        if not event["invitees_counter"]["active"]:
            event.update(status="canceled", cancellation=said)

    # ---- webhooks ----

    def _tell(self, name, person, how):
        """One delivery for each subscription that watches this."""
        one = self.invitees[person]
        hosts = [host["user"] for host in self.events[one["event"]]["event_memberships"]]
        for hook in list(self.subscriptions.values()):
            if name not in hook["events"] or hook["state"] != "active":
                continue
            if hook["scope"] == "user" and hook["user"] not in hosts:
                continue
            if hook["scope"] == "group" and not set(hosts) & set(self.groups[hook["group"]]["members"]):
                continue
            body = compact({"created_at": self._now(), "created_by": hook["creator"], "event": name,
                            "payload": {**one, "scheduled_event": self.events[one["event"]]}})
            sign = self._signer(hook["signing_key"], body)
            self.calls.put(Delivery(hook["uri"], hook["callback_url"], body, sign, name), **how)

    def _signer(self, key, body):
        first = []

        def sign(now):
            if self.fresh_t or not first:
                first[:] = [str(int(now))]
            headers = {"Content-Type": "application/json"}
            if key:
                digest = hmac.new(key.encode(), first[0].encode() + b"." + body, hashlib.sha256).hexdigest()
                headers["Calendly-Webhook-Signature"] = f"t={first[0]},v1={digest}"
            return headers
        return sign

    def may_send(self, delivery):
        hook = self.subscriptions.get(last(delivery.hook))
        return hook["state"] == "active" if hook else self.outlives

    def retry_in(self, delivery, status, now):
        """For 24 hours, ever rarer (the schedule is not documented); never after a 410."""
        left = DAY - (now - delivery.first_at)
        if status == 410 or arrived(status) or left < 1:
            return None
        return min(60 * 2 ** (delivery.tries - 1), left)

    def after(self, delivery, status, now):
        hook = self.subscriptions.get(last(delivery.hook))
        if not hook:
            return
        if status == 410:
            del self.subscriptions[last(delivery.hook)]
        elif arrived(status):
            hook["retry_started_at"], hook["delivered_at"] = None, now
        else:
            hook["retry_started_at"] = hook["retry_started_at"] or long_utc(now)
            over = now - delivery.first_at > DAY - 1
            others = hook.get("delivered_at", 0) > delivery.first_at
            if over and (self.disable_alone or not others):
                hook.update(state="disabled", updated_at=self._now())

    # ---- the API ----

    def limit_headers(self, limit, left, seconds):
        return {"X-RateLimit-Limit": limit, "X-RateLimit-Remaining": left, "X-RateLimit-Reset": seconds}

    def error(self, failure, _request):
        title, message = TITLES.get(failure.status, TITLES[500])
        if failure.said:
            message = failure.said[0]
        return {"title": title, "message": message, **failure.more}, {}

    def _need(self, request, scope):
        if not self.tokens[request.token].has(scope):
            raise Failure(403, "This operation requires the scopes listed in the 'required_scopes' array.",
                          title="Insufficient scope", required_scopes=[scope])

    ROUTES = (("GET", r"/users/([^/]+)", "_get_user", "users:read"),
              ("GET", r"/event_types", "_list_event_types", "event_types:read"),
              ("GET", r"/event_types/([^/]+)", "_get_event_type", "event_types:read"),
              ("GET", r"/scheduled_events", "_list_events", "scheduled_events:read"),
              ("GET", r"/scheduled_events/([^/]+)", "_get_event", "scheduled_events:read"),
              ("GET", r"/scheduled_events/([^/]+)/invitees", "_list_invitees", "scheduled_events:read"),
              ("GET", r"/scheduled_events/([^/]+)/invitees/([^/]+)", "_get_invitee", "scheduled_events:read"),
              ("POST", r"/scheduled_events/([^/]+)/cancellation", "_cancel_event", "scheduled_events:write"),
              ("GET", r"/groups", "_list_groups", "groups:read"),
              ("GET", r"/webhook_subscriptions", "_list_hooks", "webhooks:read"),
              ("POST", r"/webhook_subscriptions", "_subscribe", "webhooks:write"),
              ("GET", r"/webhook_subscriptions/([^/]+)", "_get_hook", "webhooks:read"),
              ("DELETE", r"/webhook_subscriptions/([^/]+)", "_delete_hook", "webhooks:write"))

    def route(self, request):
        token = self.tokens.get(request.token)
        if not token or token.state != "valid":
            raise Failure(401, STATES.get(token and token.state, TITLES[401][1]))
        for method, pattern, function, scope in self.ROUTES:
            found = re.fullmatch(pattern, request.path)
            if found and request.method == method:
                self._need(request, scope)
                return getattr(self, function)(request, self.users[token.user], *found.groups())
        raise Failure(404)

    def _is_admin(self, user):
        return self.roles[user["uri"]] in ("owner", "admin")

    def _page(self, request, items, shape):
        """Page tokens are opaque, and only good for the query that they were made for."""
        count, offset = number_of(request, "count", 20, 1, 100), 0
        query = {name: value for name, value in request.query.items() if name != "page_token"}
        if "page_token" in request.query:
            of, offset = self._pages.get(request.query["page_token"], (None, 0))
            if of != (request.path, query):
                raise bad("page_token", "is invalid")

        def link(where):
            if where is None:
                return None, None
            token = secrets.token_urlsafe(24)
            self._pages[token] = ((request.path, query), where)
            # as one of the official examples has it: on another host than that of the API
            return token, f"https://calendly.com{request.path}?" + urllib.parse.urlencode(
                {**query, "page_token": token})
        following = link(offset + count if offset + count < len(items) else None)
        before = link(max(0, offset - count) if offset else None)
        page = items[offset:offset + count]
        return 200, {"collection": page, "pagination": {
            "count": len(page), "next_page": following[1], "previous_page": before[1],
            "next_page_token": following[0], "previous_page_token": before[0]}}, shape

    def _get_user(self, _request, user, number):
        found = user if number == "me" else self.users.get(f"{HOST}/users/{number}")
        if not found:
            raise Failure(404)
        return 200, {"resource": found}, "GET /users/me"

    def _own(self, request, user):
        """Whose things a list asks for: a test of the owner's URI."""
        query = request.query
        if not {"user", "organization"} & set(query):
            raise bad("user", "user or organization is required")
        if query.get("organization", self.organization) != self.organization:
            raise Failure(403)
        if "user" in query:
            if query["user"] not in self.users:
                raise Failure(403, "This user is not in your organization")
            if query["user"] != user["uri"] and "organization" not in query:
                raise Failure(403, "Please also specify organization when requesting events for a user "
                                   "within your organization.")
            if query["user"] != user["uri"] and not self._is_admin(user):
                raise Failure(403, "You do not have permission")
            return lambda owner: owner == query["user"]
        if not self._is_admin(user):
            raise Failure(403)
        return lambda owner: True

    def _list_event_types(self, request, user):
        mine, active = self._own(request, user), request.query.get("active")
        found = [shown(kind) for kind in self.event_types.values() if mine(kind["profile"]["owner"])
                 and active in (None, str(kind["active"]).lower())]
        return self._page(request, sorted(found, key=lambda kind: kind["name"]), "GET /event_types")

    def _get_event_type(self, _request, _user, number):
        return 200, {"resource": shown(self._find(self.event_types, f"{HOST}/event_types/{number}"))}, \
            "GET /event_types/{uuid}"

    @staticmethod
    def _find(things, uri):
        if uri not in things:
            raise Failure(404)
        return things[uri]

    def _list_events(self, request, user):
        mine, query = self._own(request, user), request.query
        if query.get("status", "active") not in ("active", "canceled"):
            raise bad("status", "is invalid")
        sort = query.get("sort", "start_time:asc")
        if sort not in ("start_time:asc", "start_time:desc"):
            raise bad("sort", "is invalid")
        for name in "min_start_time", "max_start_time":
            if name in query and not re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", query[name]):
                raise bad(name, "must be a valid ISO 8601 time")

        def wanted(event):
            start = event["start_time"][:19]
            return (mine(event["event_memberships"][0]["user"])
                    and query.get("status", event["status"]) == event["status"]
                    and query.get("min_start_time", start)[:19] <= start
                    and start <= query.get("max_start_time", start)[:19]
                    and ("invitee_email" not in query or any(
                        one["email"] == query["invitee_email"] for one in self._of(event["uri"]))))
        found = sorted(filter(wanted, self.events.values()), key=lambda event: event["start_time"],
                       reverse=sort.endswith("desc"))
        return self._page(request, found, "GET /scheduled_events")

    def _list_groups(self, request, user):
        """For owners and admins only."""
        if request.query.get("organization") != self.organization or not self._is_admin(user):
            raise Failure(403)
        found = [{name: value for name, value in group.items() if name != "members"}
                 for group in self.groups.values()]
        return self._page(request, found, "GET /groups")

    def _of(self, event):
        return [one for one in self.invitees.values() if one["event"] == event]

    def _get_event(self, _request, _user, number):
        return 200, {"resource": self._find(self.events, f"{HOST}/scheduled_events/{number}")}, \
            "GET /scheduled_events/{uuid}"

    def _list_invitees(self, request, _user, number):
        event, query = self._find(self.events, f"{HOST}/scheduled_events/{number}"), request.query
        found = [one for one in self._of(event["uri"]) if query.get("status", one["status"]) == one["status"]
                 and query.get("email", one["email"]) == one["email"]]
        return self._page(request, found, "GET /scheduled_events/{uuid}/invitees")

    def _get_invitee(self, _request, _user, event, number):
        uri = f"{HOST}/scheduled_events/{event}/invitees/{number}"
        return 200, {"resource": self._find(self.invitees, uri)}, \
            "GET /scheduled_events/{event_uuid}/invitees/{invitee_uuid}"

    def _cancel_event(self, request, user, number):
        event = self._find(self.events, f"{HOST}/scheduled_events/{number}")
        reason = json_of(request).get("reason") if request.body else None
        if reason is not None and (not isinstance(reason, str) or len(reason) > 10000):
            raise bad("reason", "is too long")
        if event["status"] == "canceled":
            raise Failure(403, "Event is already canceled")
        if event["start_time"] < self._now():
            raise Failure(403, "Event in the past")
        for one in self._of(event["uri"]):
            if one["status"] == "active":
                self.cancel(one["uri"], reason, by="host")
        return 201, {"resource": event["cancellation"]}, "POST /scheduled_events/{uuid}/cancellation"

    # ---- subscriptions ----

    @staticmethod
    def _shown_hook(hook):
        """What Calendly ever shows of it: never the signing key."""
        return {name: value for name, value in hook.items() if name not in ("signing_key", "delivered_at")}

    def _check_scope(self, given, user):
        """The rules that creating and listing share."""
        if given.get("scope") not in ("organization", "user", "group"):
            raise bad("scope", "is invalid")
        if not isinstance(given.get("organization"), str):
            raise bad("organization", "is missing")
        if given["organization"] != self.organization:
            raise Failure(403, "You do not have permission")
        if given["scope"] != "organization" and not isinstance(given.get(given["scope"]), str):
            raise bad(given["scope"], "is missing")
        if given["scope"] == "user" and given["user"] != user["uri"]:
            raise Failure(403, "You do not have permission")
        if given["scope"] != "user" and not self._is_admin(user):
            raise Failure(403)

    def _subscribe(self, request, user):
        given, token = json_of(request), self.tokens[request.token]
        if not self.hooks_on_plan:
            raise Failure(403, "Please upgrade to a paid Calendly account.")
        url, events, key = given.get("url"), given.get("events"), given.get("signing_key")
        if not isinstance(url, str) or not re.fullmatch(r"https?://[^/\s]+(/\S*)?", url):
            raise bad("url", "is invalid")
        if not isinstance(events, list) or not events or len(set(map(str, events))) != len(events):
            raise bad("events", "is invalid")
        self._check_scope(given, user)
        if any(name not in EVENTS or given["scope"] not in EVENTS[name][0] for name in events):
            raise bad("events", "is invalid")
        if not all(token.has(EVENTS[name][1]) for name in events):
            raise Failure(400)  # observed: no word of the scope that is missing
        if key is not None and (not isinstance(key, str) or not key):
            raise bad("signing_key", "is invalid")
        if any(hook["callback_url"] == url and hook["creator"] == user["uri"]
               for hook in self.subscriptions.values()):
            raise Failure(409, "Hook with this url already exists")
        number, now = str(uuid.uuid4()), self._now()
        hook = {"uri": f"{HOST}/webhook_subscriptions/{number}", "callback_url": url, "created_at": now,
                "updated_at": now, "retry_started_at": None, "state": "active", "events": events,
                "scope": given["scope"], "organization": self.organization,
                "user": given["user"] if given["scope"] == "user" else None,
                "group": given["group"] if given["scope"] == "group" else None,
                "creator": user["uri"], "signing_key": key}
        self.subscriptions[number] = hook
        return 201, {"resource": self._shown_hook(hook)}, "POST /webhook_subscriptions"

    def _list_hooks(self, request, user):
        self._check_scope(request.query, user)
        sort = request.query.get("sort", "created_at:asc")
        if sort not in ("created_at:asc", "created_at:desc"):
            raise bad("sort", "is invalid")
        scope = request.query["scope"]
        found = [self._shown_hook(hook) for hook in self.subscriptions.values() if hook["scope"] == scope
                 and (scope == "organization" or hook[scope] == request.query[scope])]
        return self._page(request, found[::-1] if sort.endswith("desc") else found,
                          "GET /webhook_subscriptions")

    def _own_hook(self, user, number):
        hook = self._find(self.subscriptions, number)
        if hook["creator"] != user["uri"] and not self._is_admin(user):
            raise Failure(403)
        return hook

    def _get_hook(self, _request, user, number):
        return 200, {"resource": self._shown_hook(self._own_hook(user, number))}, \
            "GET /webhook_subscriptions/{webhook_uuid}"

    def _delete_hook(self, _request, user, number):
        self._own_hook(user, number)
        del self.subscriptions[number]
        return 204, None, None


def shown(event_type):
    """An event type without what only this stand-in knows of it."""
    return {name: value for name, value in event_type.items() if name != "seats"}
