"""Both providers with a subscription each, and `bookspool reconcile` beside them: what the tests of reconciling
share.

    with Providers() as world:
        world.calcom.book(START, lose=True)
        world.missing(code=1)           [(provider, event, state)]
"""

import datetime
import json
import os
import time

from api_peer import Clock
from bookspool import World, equal, ok, utc
from calcom_api import CalcomApi
from calendly_api import CalendlyApi
from deliveries import fcgi_sender
from mailbox import read_folder

HOUR = datetime.timedelta(hours=1)
DAY = 24 * HOUR
ENDPOINTS = {"calcom": "/api/calcom-webhook", "calendly": "/api/webhooks/calendly"}
EVENTS = ["invitee.created", "invitee.canceled"]


class Providers(World):
    """Both providers, each with a subscription to this receiver."""

    def __init__(self, settings=None, drain=None, limit=500):
        super().__init__()
        clock = Clock()
        send = fcgi_sender(self)
        self.calendly = CalendlyApi(clock, send=send, limit=limit, window=2)
        self.calcom = CalcomApi(clock, send=send, window=2, authority=self.calendly.authority)
        self.base = {
            "BOOKSPOOL_SPOOL": self.spool_dir, "BOOKSPOOL_STATE": self.state_dir,
            "BOOKSPOOL_MAIL_TO": "owner@example.org", "BOOKSPOOL_MAIL_FROM": "bookspool@example.org",
            "BOOKSPOOL_RESERVE": "0,0", "BOOKSPOOL_MOVE_WAIT": "0s", "BOOKSPOOL_TLS_CA": self.calendly.ca,
            "CALENDLY_API_BASE": self.calendly.base, "CALCOM_API_BASE": self.calcom.base,
            "CALENDLY_WEBHOOK_BASE_URL": "https://example.org", "CALCOM_WEBHOOK_BASE_URL": "https://example.org",
            **(settings or {})}
        self.write_settings("bookspool.conf", self.base)
        self.write_settings("drain.env", {"CALENDLY_API_TOKEN": "calendly-token", "CALCOM_API_KEY": "cal_live_1",
                                          **(drain or {})})
        self.calendly.add_token("calendly-token", self.calendly.owner)
        self.calcom.add_token("cal_live_1", self.calcom.owner)
        self.subscribe()

    def subscribe(self):
        uri = "https://api.calendly.com/webhook_subscriptions/one"
        self.calendly.subscriptions["one"] = {
            "uri": uri, "callback_url": "https://example.org" + ENDPOINTS["calendly"],
            "created_at": utc(time.time()), "updated_at": utc(time.time()), "retry_started_at": None,
            "state": "active", "events": EVENTS, "scope": "user", "organization": self.calendly.organization,
            "user": self.calendly.owner, "group": None, "creator": self.calendly.owner,
            "signing_key": self.secret["calendly"]}
        self.calcom.webhooks["one"] = {
            "id": "one", "subscriberUrl": "https://example.org" + ENDPOINTS["calcom"], "active": True,
            "triggers": ["BOOKING_CREATED", "BOOKING_RESCHEDULED", "BOOKING_CANCELLED", "BOOKING_REQUESTED",
                         "BOOKING_REJECTED"], "secret": self.secret["calcom"], "payloadTemplate": None,
            "version": "2021-10-20", "level": ("user", self.calcom.owner)}

    def __enter__(self):
        super().__enter__()
        self.calendly.__enter__()
        self.calcom.__enter__()
        self.start_receiver()
        return self

    def __exit__(self, *what):
        self.calcom.__exit__(*what)
        self.calendly.__exit__(*what)
        super().__exit__(*what)

    def reconcile(self, *args, code=None, grace="0s", env=None):
        """What was found, by provider. Bookings of these tests are made now, so `grace` is not the default."""
        done = self.run("bookspool", "reconcile", "--json", *args, *(("--grace", grace) if grace else ()), env=env)
        self.said = done.stderr
        if code is not None:
            ok(done.returncode == code, f"reconcile {' '.join(args)} ends with {code}",
               f"{done.returncode}: {done.stderr}")
        found = json.loads(done.stdout or '{"providers": []}')
        return {one["provider"]: one for one in found["providers"]}

    def missing(self, *args, code=None, **more):
        """[(provider, event, state)], in the order of the providers."""
        found = self.reconcile(*args, code=code, **more)
        return [(name, one["event"], one["state"]) for name in found for one in found[name]["missing"]]

    def drained(self):
        done = self.drain()
        if done.returncode:
            ok(False, "the drain runs", done.stderr)

    def mails(self):
        return sorted(letter.subject for letter in self.letters())

    def letters(self):
        folder = os.path.join(self.state_dir, "Maildir", "new")
        return read_folder(folder)

    def states(self):
        """{uid: state} of the ledger."""
        return dict(self.ledger_rows("SELECT uid, state FROM booking"))

    def agree(self, name):
        """The ledger has what the providers have."""
        want = {}
        for uid, one in self.calcom.bookings.items():
            want[uid] = "moved" if one["new"] else one["status"]
        for uri, one in self.calendly.invitees.items():
            want[uri] = ("moved" if one["new_invitee"] else
                         "accepted" if one["status"] == "active" else "cancelled")
        have = self.states()
        equal({uid: have.get(uid) for uid in want}, want, name)
