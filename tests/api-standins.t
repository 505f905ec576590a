#!/usr/bin/python3
"""The stand-ins of the providers' APIs (tests/lib): that they keep to what is documented, and that a wrong
answer of theirs would be noticed. Each answer is compared with tests/api/NAME.json as it is given."""

import hashlib
import hmac
import http.client
import json
import ssl
import sys
import urllib.parse

sys.path.insert(0, __file__.rpartition("/")[0] + "/lib")
from api_peer import DROP, DROP_AFTER, LIMITED, Clock  # noqa: E402
from api_shapes import faults_of, read_shapes  # noqa: E402
from bookspool import World, equal, finish, match, ok, run_parts  # noqa: E402
from calcom_api import CalcomApi  # noqa: E402
from calendly_api import CalendlyApi  # noqa: E402
from deliveries import curl_sender, fcgi_sender  # noqa: E402
from mailbox import HALF_HOUR, START  # noqa: E402

KEY = "a-key-of-more-than-thirty-two-characters"
HOOK = "https://example.org/api/webhooks/calendly"


class Caller:
    """A client of one stand-in, over https with its CA."""

    def __init__(self, api, token, **headers):
        self.api, self.token, self.headers = api, token, headers

    def __call__(self, method, path, body=None, token=None, **query):
        url = urllib.parse.urlsplit(self.api.base)
        client = http.client.HTTPSConnection(url.hostname, url.port, timeout=60,
                                             context=ssl.create_default_context(cafile=self.api.ca))
        if query:
            path += "?" + urllib.parse.urlencode(query)
        headers = {"Authorization": f"Bearer {token or self.token}", "Content-Type": "application/json",
                   **self.headers}
        client.request(method, url.path + path, body and json.dumps(body), headers)
        answer = client.getresponse()
        raw = answer.read()
        client.close()
        return answer.status, json.loads(raw) if raw else None, answer.headers

    def gets(self, path, **query):
        return self("GET", path, **query)[1]


class Inbox:
    """A receiver that answers what the test says, 200 else; keeps what came."""

    def __init__(self):
        self.came, self.answers = [], []

    def __call__(self, url, headers, body):
        self.came.append((url, headers, body))
        return self.answers.pop(0) if self.answers else 200

    @property
    def events(self):
        return [json.loads(body).get("event") or json.loads(body)["triggerEvent"] for _, _, body in self.came]


def subscription(api, **more):
    return {"url": HOOK, "events": ["invitee.created", "invitee.canceled"], "scope": "user",
            "organization": api.organization, "user": api.owner, "signing_key": KEY, **more}


def refuses(call, code, title, why, *request, **more):
    got, value, _ = call(*request, **more)
    ok(got == code and title in value.get("title", value.get("error", {}).get("code")), why,
       f"{got} {value}")
    return value


def calendly_answers():
    with CalendlyApi() as api:
        api.add_token("one", api.owner)
        call = Caller(api, "one")
        status, value, headers = call("GET", "/users/me")
        equal((status, value["resource"]["uri"]), (200, api.owner), "calendly: who the token is of")
        equal([headers[f"X-RateLimit-{name}"] for name in ("Limit", "Remaining")], ["500", "499"],
              "each answer has the limit")
        for state, said in (("revoked", "was revoked"), ("expired", "expired")):
            api.add_token(state, api.owner)
            api.tokens[state].state = state
            match(refuses(call, 401, "Unauthenticated", f"a token that is {state}", "GET", "/users/me",
                          token=state)["message"], said, "and says so")
        refuses(call, 404, "Resource Not Found", "an unknown event", "GET", "/scheduled_events/1")
        refuses(call, 400, "Invalid Argument", "a list of nobody's events", "GET", "/scheduled_events")
        api.book(START)
        [event] = call.gets("/scheduled_events", user=api.owner)["collection"]
        path = event["uri"].removeprefix("https://api.calendly.com")
        [person] = call.gets(path + "/invitees")["collection"]
        equal(call.gets(path)["resource"], event, "an event alone is as in the list")
        equal(call.gets(person["uri"].removeprefix("https://api.calendly.com"))["resource"], person,
              "and so is an invitee")
        kinds = call.gets("/event_types", user=api.owner)["collection"]
        equal([kind["uri"] for kind in kinds], [event["event_type"]], "its type is listed")
        equal(call.gets(kinds[0]["uri"].removeprefix("https://api.calendly.com"))["resource"], kinds[0],
              "and found alone")
        equal(call("POST", path + "/cancellation", {"reason": "ill"})[1]["resource"]["canceler_type"], "host",
              "the host cancels")
        match(refuses(call, 403, "Permission Denied", "nothing is canceled twice", "POST",
                      path + "/cancellation")["message"], "already canceled", "and says why")


def calendly_scopes():
    with CalendlyApi() as api:
        api.add_token("bare", api.owner, scopes=set())
        api.add_token("some", api.owner, scopes={"users:read", "webhooks:write"})
        call = Caller(api, "some")
        found = refuses(call, 403, "Insufficient scope", "a token without scopes", "GET", "/users/me", token="bare")
        equal(found["required_scopes"], ["users:read"], "the scope is named")
        equal(call("GET", "/users/me")[0], 200, "one that has the scope")
        equal(call("GET", "/webhook_subscriptions", organization=api.organization, scope="user",
                   user=api.owner)[0], 200, "write includes read")
        refuses(call, 400, "Invalid Argument", "no subscription to events that the token may not read",
                "POST", "/webhook_subscriptions", subscription(api))
        other = api.add_user("Paul Example", "paul@example.org")
        api.add_token("paul", other)
        call = Caller(api, "paul")
        refuses(call, 403, "Permission Denied", "an organization's subscriptions are for its admins", "GET",
                "/webhook_subscriptions", organization=api.organization, scope="organization")
        refuses(call, 403, "Permission Denied", "another user's events are not", "GET", "/scheduled_events",
                user=api.owner, organization=api.organization)


def calendly_subscriptions():
    with CalendlyApi(hooks_on_plan=False) as api:
        api.add_token("one", api.owner)
        call = Caller(api, "one")
        match(refuses(call, 403, "Permission Denied", "calendly: a plan without webhooks", "POST",
                      "/webhook_subscriptions", subscription(api))["message"], "upgrade", "says so")
        api.hooks_on_plan = True
        for why, more in (("no such event", {"events": ["invitee.rescheduled"]}), ("no events", {"events": []}),
                          ("an event of organizations", {"events": ["routing_form_submission.created"]}),
                          ("no URL", {"url": "example.org"}), ("no such scope", {"scope": "team"}),
                          ("no user", {"user": None})):
            refuses(call, 400, "Invalid Argument", why, "POST", "/webhook_subscriptions",
                    subscription(api, **more))
        status, made, _ = call("POST", "/webhook_subscriptions", subscription(api))
        equal((status, made["resource"]["state"]), (201, "active"), "a subscription")
        ok(KEY not in json.dumps(made), "its key is not returned")
        match(refuses(call, 409, "Already Exists", "not twice for one URL", "POST", "/webhook_subscriptions",
                      subscription(api, events=["invitee.created"]))["message"], "Hook with this url", "says so")
        refuses(call, 400, "Invalid Argument", "the list needs a user", "GET", "/webhook_subscriptions",
                organization=api.organization, scope="user")
        found = call.gets("/webhook_subscriptions", organization=api.organization, scope="user", user=api.owner)
        equal(found["collection"], [made["resource"]], "the list has it")
        path = made["resource"]["uri"].removeprefix("https://api.calendly.com")
        equal(call.gets(path), made, "and it is found alone")
        equal(call("DELETE", path)[:2], (204, None), "it is deleted")
        equal(call("GET", path)[0], 404, "and gone")


def calendly_pages():
    with CalendlyApi(limit=None) as api:
        api.add_token("one", api.owner)
        call = Caller(api, "one")
        people = [api.book(START + number * HALF_HOUR) for number in range(45)]
        api.cancel(people[3])
        query = {"user": api.owner, "status": "active", "count": "20"}
        found, page = [], call.gets("/scheduled_events", **query)
        match(page["pagination"]["next_page"], "^https://calendly.com/", "next_page is on another host")
        while True:
            found += page["collection"]
            token = page["pagination"]["next_page_token"]
            if not token:
                break
            page = call.gets("/scheduled_events", page_token=token, **query)
        equal((len(found), len({event["uri"] for event in found})), (44, 44), "all pages have all events, once")
        equal(found, sorted(found, key=lambda event: event["start_time"]), "by their start")
        refuses(call, 400, "Invalid Argument", "a page token that was never given", "GET", "/scheduled_events",
                page_token="x", **query)
        refuses(call, 400, "Invalid Argument", "pages of 101", "GET", "/scheduled_events", user=api.owner, count=101)
        late = call.gets("/scheduled_events", user=api.owner, min_start_time=found[40]["start_time"])
        equal(late["pagination"]["count"], 4, "a window of start times")
        equal(call.gets("/scheduled_events", user=api.owner, status="canceled")["pagination"]["count"], 1,
              "the canceled alone")


def limits():
    with CalendlyApi(limit=50) as api:
        api.add_token("one", api.owner)
        call = Caller(api, "one")
        found = [call("GET", "/users/me")[0] for _ in range(51)]
        equal(found, [200] * 50 + [429], "the Free plan's 50 requests a minute")
        headers = call("GET", "/users/me")[2]
        ok(0 < int(headers["X-RateLimit-Reset"]) <= 60 and headers["Retry-After"] is None,
           "seconds to wait, and no Retry-After", dict(headers))
    with CalcomApi(limit=3, reset="unix") as api:
        api.add_token("one", api.owner)
        call = Caller(api, "one")
        equal([call("GET", "/v2/me")[0] for _ in range(4)], [200, 200, 200, 429], "calcom: so many a minute")
        headers = call("GET", "/v2/me")[2]
        ok(int(headers["X-RateLimit-Reset-Default"]) > 1e9, "the time as Unix time, under a name with a suffix")


def faults():
    with CalendlyApi() as api:
        api.add_token("one", api.owner)
        call = Caller(api, "one")

        def attempt(*request):
            try:
                return call(*request)[0]
            except (OSError, http.client.HTTPException):
                return None
        api.fail(2, 503)
        api.fail(3, LIMITED)
        api.fail(4, DROP)
        equal([attempt("GET", "/users/me") for _ in range(5)], [200, 503, 429, None, 200],
              "the calls that are to fail do, and only they")
        api.fail(1, DROP)
        equal((attempt("POST", "/webhook_subscriptions", subscription(api)), len(api.subscriptions)), (None, 0),
              "a dropped call did nothing")
        api.fail(1, DROP_AFTER)
        equal((attempt("POST", "/webhook_subscriptions", subscription(api)), len(api.subscriptions)), (None, 1),
              "one whose answer is lost did all")
        api.fail(2, 500, method="DELETE")
        equal([attempt(method, "/nothing") for method in ("DELETE", "GET", "DELETE", "DELETE")],
              [404, 404, 500, 404], "the second of one method")
        equal([one.status for one in api.log][5:7], [None, None], "the log has both")


def calendly_sends():
    clock, inbox = Clock(), Inbox()
    with CalendlyApi(clock, inbox) as api:
        api.add_token("one", api.owner)
        call = Caller(api, "one")
        call("POST", "/webhook_subscriptions", subscription(api))
        person = api.book(START)
        [(url, headers, body)] = inbox.came
        t, _, v1 = headers["Calendly-Webhook-Signature"].partition(",v1=")
        equal((url, v1), (HOOK, hmac.new(KEY.encode(), t[2:].encode() + b"." + body, hashlib.sha256).hexdigest()),
              "a booking is sent and signed")
        person = api.reschedule(person, START + HALF_HOUR, first="created")
        api.cancel(person)
        equal(inbox.events, ["invitee.created", "invitee.created", "invitee.canceled", "invitee.canceled"],
              "a move has two halves, in any order")
        old, new = json.loads(inbox.came[2][2])["payload"], json.loads(inbox.came[1][2])["payload"]
        equal((old["new_invitee"], new["old_invitee"]), (new["uri"], old["uri"]), "which name each other")
        inbox.came.clear()
        api.book(START, lose=True)
        api.book(START, late=3600)
        equal(inbox.came, [], "one is lost, and one is late")
        clock.advance(1)
        api.calls.advance(3601)
        equal(len(inbox.came), 1, "which comes in its time")
        api.book(START, twice=True)
        api.calls.advance(3600)
        equal(len({body for _, _, body in inbox.came[1:]}) * 10 + len(inbox.came[1:]), 12,
              "one comes twice, with the same body")
        _retries(api, inbox)


def _retries(api, inbox):
    hook = next(iter(api.subscriptions.values()))
    inbox.came.clear()
    api.book(START, answers=[500, None])
    ok(hook["retry_started_at"], "a failure is seen in the subscription")
    api.calls.advance(3600)
    equal((len(inbox.came), hook["retry_started_at"]), (1, None), "until it gets through")
    inbox.answers = [503] * 100
    api.book(START)
    api.calls.advance(86400 + 3600)
    equal((hook["state"], api.calls.waiting), ("disabled", []), "after 24 hours of failures it is disabled")
    ok(8 < 100 - len(inbox.answers) < 20, "ever rarer", 100 - len(inbox.answers))
    inbox.answers = []
    inbox.came.clear()
    api.book(START)
    equal(inbox.came, [], "and nothing is sent any more")
    hook["state"], inbox.answers = "active", [410]
    api.book(START)
    equal(api.subscriptions, {}, "a 410 deletes it at once")


def calcom_answers():
    with CalcomApi() as api:
        api.add_token("one", api.owner)
        call = Caller(api, "one", **{"cal-api-version": "2024-08-13"})
        equal(call.gets("/v2/me")["data"]["email"], "olga@example.org", "calcom: whose the key is")
        value = refuses(call, 401, "UnauthorizedException", "an unknown key", "GET", "/v2/me", token="two")
        equal((value["status"], value["path"]), ("error", "/v2/me"), "errors have an envelope")
        ok(call("GET", "/v2/nothing")[2]["X-Request-Id"], "and a request id")
        uids = [api.book(START + number * HALF_HOUR) for number in range(5)]
        moved = api.reschedule(uids[0], START + 20 * HALF_HOUR)
        api.clock.advance(60)
        api.cancel(uids[1])
        page = call.gets("/v2/bookings", take=4, sortStart="asc")
        equal((len(page["data"]), page["pagination"]["hasNextPage"], page["pagination"]["totalItems"]), (4, True, 6),
              "a page of bookings")
        rest = call.gets("/v2/bookings", take=4, skip=4, sortStart="asc")
        equal((len(rest["data"]), rest["pagination"]["hasNextPage"]), (2, False), "and the rest")
        by_uid = {one["uid"]: one for one in page["data"] + rest["data"]}
        equal((by_uid[uids[0]]["rescheduledToUid"], by_uid[moved]["rescheduledFromUid"]), (moved, uids[0]),
              "both ends of a move name each other")
        equal(by_uid[uids[1]]["status"], "cancelled", "a cancelled one says so")
        last = max(one["updatedAt"] for one in by_uid.values())
        equal({one["uid"] for one in call.gets("/v2/bookings", afterUpdatedAt=last)["data"]}, {uids[1]},
              "what changed since")
        equal(call.gets(f"/v2/bookings/{moved}")["data"], by_uid[moved], "one alone is as in the list")
        equal(type(Caller(api, "one").gets("/v2/bookings")["data"]), dict,
              "without its version it has an older shape")
        refuses(call, 400, "BadRequestException", "pages of 251", "GET", "/v2/bookings", take=251)


LEVELS = ("/v2/webhooks", "/v2/event-types/{kind}/webhooks", "/v2/teams/{team}/event-types/{of_team}/webhooks",
          "/v2/organizations/41/webhooks")


def calcom_webhooks():
    with CalcomApi(limit=None) as api:
        api.add_token("one", api.owner)
        call = Caller(api, "one")
        team = api.add_team("Sales", [api.owner])
        of_team = api.add_event_type("Demo", api.owner, team=team)
        body = {"subscriberUrl": "https://example.org/hook", "triggers": ["BOOKING_CREATED"], "active": True,
                "secret": KEY, "version": "2026-07-27", "colour": "blue"}
        for level in LEVELS:
            path = level.format(kind=api.event_type, team=team, of_team=of_team)
            status, made, _ = call("POST", path, body)
            equal((status, made["data"]["secret"]), (201, KEY), f"{level}: a webhook")
            refuses(call, 409, "ConflictException", "not twice for one URL", "POST", path, body)
            one = f"{path}/{made['data']['id']}"
            equal((call.gets(path)["data"], call.gets(one)["data"]), ([made["data"]], made["data"]), "it is listed")
            equal(call("PATCH", one, {"secret": "another"})[1]["data"]["secret"], "another", "its secret changes")
            equal((call("DELETE", one)[0], call.gets(path)["data"]), (200, []), "it is deleted")
        for why, more in (("no such trigger", {"triggers": ["BOOKING_CONFIRMED"]}), ("no active", {"active": None}),
                          ("no such version", {"version": "2030-01-01"}), ("no URL", {"subscriberUrl": "x"})):
            refuses(call, 400, "BadRequestException", why, "POST", "/v2/webhooks", {**body, **more})
        refuses(call, 403, "ForbiddenException", "another organization", "GET", "/v2/organizations/42/webhooks")
        refuses(call, 404, "NotFoundException", "no such webhook", "GET", "/v2/webhooks/1")
        equal([one["id"] for one in call.gets("/v2/teams")["data"]], [team], "the teams")
        call = Caller(api, "one", **{"cal-api-version": "2024-06-14"})
        equal([[one["id"] for one in call.gets(path)["data"]] for path in (
            "/v2/event-types", f"/v2/teams/{team}/event-types")], [[api.event_type], [of_team]], "the event types")


def calcom_sends():
    clock, inbox = Clock(), Inbox()
    with CalcomApi(clock, inbox, limit=None) as api:
        api.add_token("one", api.owner)
        call = Caller(api, "one")
        body = {"subscriberUrl": "https://example.org/hook", "active": True, "secret": KEY, "triggers": [
            "BOOKING_CREATED", "BOOKING_RESCHEDULED", "BOOKING_CANCELLED", "BOOKING_REQUESTED", "BOOKING_REJECTED"]}
        made = call("POST", "/v2/webhooks", body)[1]["data"]
        uid = api.reschedule(api.book(START), START + HALF_HOUR)
        api.cancel(uid)
        equal(inbox.events, ["BOOKING_CREATED", "BOOKING_RESCHEDULED", "BOOKING_CANCELLED"], "each is sent once")
        _, headers, raw = inbox.came[1]
        equal((headers["X-Cal-Signature-256"], headers["X-Cal-Webhook-Version"]),
              (hmac.new(KEY.encode(), raw, hashlib.sha256).hexdigest(), "2021-10-20"), "signed, with its version")
        asked = api.add_event_type("By request", api.owner, confirm=True)
        api.confirm(api.book(START, event_type=asked))
        api.reject(api.book(START, event_type=asked))
        equal(inbox.events[3:], ["BOOKING_REQUESTED", "BOOKING_CREATED", "BOOKING_REQUESTED", "BOOKING_REJECTED"],
              "bookings that wait for the owner's word")
        call("PATCH", f"/v2/webhooks/{made['id']}", {"version": "2026-07-27"})
        call("POST", f"/v2/event-types/{api.event_type}/webhooks", body)
        inbox.came.clear()
        api.book(START)
        equal(inbox.events, ["BOOKING_CREATED"] * 2, "one URL at two levels is called twice")
        match(json.loads(inbox.came[0][2])["payload"]["attendeeIcsContent"], "METHOD:REQUEST",
              "the newer version has the calendar's text")
        api.webhooks[made["id"]]["active"] = False
        inbox.came.clear()
        inbox.answers = [503, None, 500]
        api.book(START)
        api.calls.advance(86400)
        equal((len(inbox.came), len({raw for _, _, raw in inbox.came})), (3, 1), "three attempts of the same bytes")
        inbox.answers = [400]
        api.book(START)
        api.calls.advance(86400)
        equal(len(inbox.came), 4, "and one where the status says never again")
        inbox.answers = [410]
        api.book(START)
        ok(not any(hook["active"] for hook in api.webhooks.values()), "a 410 switches the webhook off")


def real_receiver():
    """What the stand-ins send is genuine to the receiver, on both ways to it."""
    with World() as world:
        world.start_receiver()
        world.start_nginx()
        for sender in fcgi_sender(world), curl_sender(world):
            with CalendlyApi(send=sender) as calendly, CalcomApi(send=sender) as calcom:
                calendly.add_token("one", calendly.owner)
                calcom.add_token("one", calcom.owner)
                Caller(calendly, "one")("POST", "/webhook_subscriptions", subscription(
                    calendly, signing_key=world.secret["calendly"]))
                Caller(calcom, "one")("POST", "/v2/webhooks", {
                    "subscriberUrl": "https://example.org/api/calcom-webhook", "active": True,
                    "triggers": ["BOOKING_CREATED", "BOOKING_CANCELLED"], "secret": world.secret["calcom"]})
                calendly.reschedule(calendly.book(START), START + HALF_HOUR)
                calcom.cancel(calcom.book(START))
                equal([one.status for api in (calendly, calcom) for one in api.calls.attempts], [200] * 5,
                      "the receiver takes what they send")
                next(iter(calendly.subscriptions.values()))["signing_key"] = "of somebody else"
                calendly.book(START)
                equal(calendly.calls.attempts[-1].status, 401, "and refuses another secret")
        equal(len(world.spool("new")), 10, "all of it waits in the spool")
        done = world.drain()
        equal((done.returncode, len(world.spool("held") + world.spool("bad"))), (0, 0), "and is understood")


def shapes():
    """A member too many, too few, or of another type is found."""
    shape = read_shapes("calendly")["GET /users/me"]
    with CalendlyApi() as api:
        good = {"resource": dict(api.users[api.owner])}
    equal(faults_of(shape, good), [], "an answer as documented")
    for why, change in (("too much", {"secret": "x"}), ("another type", {"name": 7}), ("null", {"email": None})):
        equal(len(faults_of(shape, {"resource": {**good["resource"], **change}})), 1, why)
    del good["resource"]["slug"]
    equal(len(faults_of(shape, good)), 1, "too little")
    api = CalendlyApi()
    try:
        with api:
            api.add_token("one", api.owner)
            api.users[api.owner]["favourite_colour"] = "blue"
            Caller(api, "one")("GET", "/users/me")
        ok(False, "a stand-in that answers what is documented nowhere fails its test")
    except AssertionError as error:
        match(error, "favourite_colour", "a stand-in that answers what is documented nowhere fails its test")


run_parts((shapes, calendly_answers, calendly_scopes, calendly_subscriptions, calendly_pages, limits, faults,
           calendly_sends, calcom_answers, calcom_webhooks, calcom_sends, real_receiver))
finish()
