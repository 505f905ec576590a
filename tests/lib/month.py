"""Weeks of bookings at both providers, in simulated time, before a real receiver and drain.

    with Month(seed=4) as month:
        month.subscribe("calendly")     by the tool, as is all that follows
        month.go_on(days=10)            bookings, moves, cancellations; some webhooks lost, doubled, late
        month.rotate("calendly")        with a booking in the middle of each call
        month.outage(hours=30)          the receiver cannot be reached
        month.command("reconcile", "--apply")
        month.settle()                  the last late webhook has come, the last mail is sent
        month.disagreements()           between ledger and providers: sentences
        month.mail_faults()             a booking that was not mailed, or news that was mailed twice

All programs have the simulated clock (tests/faults/clock.c): they are started with CLOCK_AHEAD, and when the
clock goes on, the times of the spool's files go back by as much, so that each file keeps its age. The
receiver is started again whenever it ends, as systemd would, on a socket that outlives it.
"""

import collections
import datetime
import os
import random
import sqlite3
import threading

from api_peer import Clock
from bookspool import BIN, PATIENCE, free_port, program, wait_for
from calcom_api import CalcomApi
from calendly_api import CalendlyApi
from deliveries import curl_sender
from mailbox import HALF_HOUR, START, Office

CLOCK = os.path.join(BIN, "tests/clock.so")
HOUR, DAY = 3600, 86400
TOKEN = {"calendly": "token-of-calendly", "calcom": "cal_live_of_calcom"}

# what a booking at a provider is in the ledger
Fact = collections.namedtuple("Fact", "uid state start guest")


class Month(Office):
    def __init__(self, seed=1, limit=None, window=60, outlives=False, **settings):
        """`outlives`: what Calendly has under way outlives its subscription, and then comes within a day."""
        self.clock, self.dice = Clock(), random.Random(seed)
        self._latest = (20 if outlives else 60) * HOUR
        self.guests, self.live, self.letters = 0, [], []
        self.reachable, self.busy, self.gaps = True, True, []
        self._receiver, self._ending = None, False
        super().__init__()
        self.calendly = CalendlyApi(self.clock, self._send, limit=limit, window=window, outlives=outlives)
        self.calcom = CalcomApi(self.clock, self._send, limit=limit, window=window,
                                authority=self.calendly.authority)
        for name in TOKEN:
            self.api(name).add_token(TOKEN[name], self.api(name).owner)
        port = free_port()
        self.start_nginx(listen=f"127.0.0.1:{port}")
        self._curl_send = curl_sender(self)
        self.write_settings("receive.env", {})  # secrets: subscribing makes them
        self.write_settings("drain.env", {
            "BOOKSPOOL_CALENDAR": "invite", "BOOKSPOOL_TLS_CA": self.calendly.ca,
            "CALENDLY_API_TOKEN": TOKEN["calendly"], "CALENDLY_API_BASE": self.calendly.base,
            "CALCOM_API_KEY": TOKEN["calcom"], "CALCOM_API_BASE": self.calcom.base, **settings})
        self._supervise()

    def api(self, name):
        return self.calendly if name == "calendly" else self.calcom

    @property
    def apis(self):
        return self.calendly, self.calcom

    def __exit__(self, *why):
        self._ending = True
        if self._receiver.poll() is None:
            self._receiver.terminate()
        self._supervisor.join(PATIENCE)
        try:
            super().__exit__(*why)
        finally:
            for api in self.apis:
                api.__exit__(*why)

    # ---- programs in simulated time ----

    def env(self, extra=None):
        ahead = int(os.environ.get("CLOCK_AHEAD", "0")) + int(self.clock.ahead)
        return super().env({**(extra or {}), "LD_PRELOAD": CLOCK, "CLOCK_AHEAD": str(ahead)})

    def _supervise(self):
        """A receiver, and another one whenever it ends."""
        started = threading.Event()

        def keep_up():
            while not self._ending:
                self._receiver = self.start(program("bookspool-fcgi"), "receiver.log", stdin=self.listen())
                with open(self.path("receiver.new"), "w", encoding="ascii") as file:
                    file.write(str(self._receiver.pid))
                os.rename(self.path("receiver.new"), self.path("receiver.pid"))
                started.set()
                self._receiver.wait()
                self._running.remove(self._receiver)
        self._supervisor = threading.Thread(target=keep_up, daemon=True)
        self._supervisor.start()
        started.wait(PATIENCE)

    def _jump(self, seconds):
        self.clock.advance(seconds)
        for top in self.spool_dir, self.state_dir:
            for folder, _, names in os.walk(top):
                for path in (os.path.join(folder, name) for name in names):
                    then = os.stat(path, follow_symlinks=False).st_mtime - seconds
                    os.utime(path, (then, then), follow_symlinks=False)
        before = self._receiver
        before.terminate()
        wait_for(lambda: self._receiver is not before)

    def _send(self, url, headers, body):
        return self._curl_send(url, headers, body) if self.reachable else None

    # ---- commands ----

    def command(self, *args, tries=4, code=0):
        """Runs `bookspool ARGS` until it ends with this status; True when it did."""
        for _ in range(tries):
            self.last = self.run("bookspool", *args)
            if self.last.returncode == code:
                return True
        return False

    def _restart(self):
        return ["--restart", f"kill $(cat {self.path('receiver.pid')})"]

    def subscribe(self, name):
        return self.command(name, "subscribe", "--url", self.url, *self._restart())

    def rotate(self, name, days=3):
        """Runs the rotation again and again, with half a day between, until the old secret is forgotten; a
        booking is made in the middle of each call. False: it took longer."""
        words = {"calendly": ["rotate-key", "--settle", "0s"], "calcom": ["rotate-secret"]}[name]
        api = self.api(name)

        def meanwhile(_request):
            self.book(name, how={})
            if not any(hook.get("state") == "active" or hook.get("active") for hook in api.hooks.values()):
                self.gaps.append(f"{name}: no subscription during {words[0]}")
        before = self.secret_in_use(name)
        for _ in range(2 * days):
            api.on_call = meanwhile
            self.command(name, *words, "--url", self.url, *self._restart())
            api.on_call = None
            if self.last.returncode == 0 and self.secret_in_use(name) != before and self.is_alone(name):
                return True
            self.step(DAY / 2)
        return False

    def secret_in_use(self, name):
        """Of the newest subscription, as the provider has it."""
        hooks = [*self.api(name).hooks.values()]
        return hooks[-1].get("signing_key") or hooks[-1].get("secret")

    def is_alone(self, name):
        """There is one subscription, and the receiver's settings have no other secret any more."""
        with open(self.path("etc/receive.env"), encoding="utf-8") as file:
            lines = [line for line in file if line.startswith(name.upper()) and "_SECONDARY=" in line
                     and line.partition("=")[2].strip(' "\n')]
        return len(self.api(name).hooks) == 1 and not lines

    # ---- what happens at the providers ----

    def _how(self):
        """The fate of one webhook."""
        fate = self.dice.random()
        if not self.busy or fate < 0.7:
            return {}
        if fate < 0.78:
            return {"lose": True}
        if fate < 0.86:
            return {"twice": True}
        if fate < 0.94:
            return {"late": self.dice.uniform(0.002, 1) * self._latest}
        return {"answers": [self.dice.choice((503, None, 500))]}

    def _time(self):
        return START + self.dice.randrange(48 * 30) * HALF_HOUR

    def book(self, name, how=None):
        """A booking of a new guest, whose name has a number; the fate of its webhook is random unless named."""
        self.guests += 1
        guest = f"Guest {self.guests:04d}"
        how = self._how() if how is None else how
        key = self.api(name).book(self._time(), guest, f"guest{self.guests}@example.com", **how)
        self.live.append((name, key, guest))
        return guest

    def lose(self, name):
        """No webhook says that one was booked, one was cancelled, and one moved."""
        keys = [key for provider, key, _ in self.live if provider == name][:2]
        self.live = [one for one in self.live if one[1] not in keys]
        self.book(name, how={"lose": True})
        self.api(name).cancel(keys[0], lose=True)
        if name == "calcom":
            self.calcom.reschedule(keys[1], self._time(), lose=True)
        else:
            self.calendly.reschedule(keys[1], self._time(), how={"lose": True}, how_created={"lose": True})

    def happens(self):
        """One thing at one provider."""
        what = self.dice.random()
        if what < 0.6 or not self.live:
            return self.book(self.dice.choice(("calendly", "calcom")))
        name, key, guest = self.live.pop(self.dice.randrange(len(self.live)))
        if what < 0.8:
            self.api(name).cancel(key, **self._how())
        elif name == "calcom":
            self.live.append((name, self.calcom.reschedule(key, self._time(), **self._how()), guest))
        else:
            first = self.dice.choice(("canceled", "created"))
            new = self.calendly.reschedule(key, self._time(), first, how=self._how(), how_created=self._how())
            self.live.append((name, new, guest))
        return guest

    def go_on(self, days=1, per_day=4, steps=1):
        """So many days; each step a drain, and what the providers have to send by then."""
        for _ in range(round(days * steps)):
            for _ in range(round(per_day / steps)):
                self.happens()
            self.step(DAY / steps)

    def step(self, seconds):
        self._jump(int(seconds))
        self._send_due()
        soon = self.clock.now() + HOUR / 4
        if any(due < soon for api in self.apis for due in api.calls.due):  # retries of what just failed
            self._jump(HOUR // 4)
            self._send_due()
        self.drained()
        self.letters += self.post()

    def _send_due(self):
        for api in self.apis:
            api.calls.run()

    def outage(self, hours):
        """The receiver cannot be reached for so long; the providers repeat by their rules."""
        self.reachable = False
        for _ in range(max(1, hours // 3)):
            self.happens()
            self._jump(3 * HOUR)
            self._send_due()
        self.reachable = True

    def settle(self):
        """Nothing new happens any more, and what is late comes."""
        for _ in range(60):
            if not any(api.calls.waiting for api in self.apis):
                break
            self.step(DAY / 2)
        self.step(DAY)  # halves of moves that wait for the other

    # ---- what came of it ----

    def truth(self):
        """What the providers have of all bookings: facts by uid."""
        found = []
        for one in self.calendly.invitees.values():
            state = "accepted" if one["status"] == "active" else "moved" if one["rescheduled"] else "cancelled"
            start = self.calendly.events[one["event"]]["start_time"]
            found.append(Fact(one["uri"], state, datetime.datetime.fromisoformat(start[:19] + "+00:00").timestamp(),
                              one["name"]))
        for one in self.calcom.bookings.values():
            state = "moved" if one["new"] else one["status"]
            found.append(Fact(one["uid"], state, one["start"], one["name"]))
        return {fact.uid: fact for fact in found}

    def disagreements(self):
        """Every booking of the providers is in the ledger in the same state, and no other is."""
        db = sqlite3.connect(os.path.join(self.state_dir, "ledger.db"))
        rows = {uid: (state, start) for uid, state, start in db.execute("SELECT uid, state, start FROM booking")}
        db.close()
        truth, found = self.truth(), []
        for uid, fact in truth.items():
            state, start = rows.get(uid, ("not known", None))
            if state != fact.state:
                found.append(f"{fact.guest}: {fact.state} at the provider, {state} in the ledger ({uid})")
            elif fact.state == "accepted" and start != fact.start * 1000:
                found.append(f"{fact.guest}: begins at another time ({uid})")
        return found + [f"only in the ledger: {uid} {rows[uid]}" for uid in rows if uid not in truth]

    def mail_faults(self):
        """The last state of each guest's booking was mailed, and no news twice."""
        news, truth = collections.Counter(), self.truth()
        for letter in self.letters:
            guest = next((word for word in letter.subject.split(",") if "Guest" in word), letter.subject)
            news[guest.rpartition("Guest ")[2].strip(), letter.says, letter.fact("When")] += 1
        found = [f"mailed {count} times: {one}" for one, count in news.items() if count > 1]
        for fact in truth.values():
            said = {says for guest, says, _ in news if f"Guest {guest}" == fact.guest}
            if fact.state == "accepted" and not said & {"New booking", "Moved"}:
                found.append(f"{fact.guest} has a booking that was not mailed: {said}")
            if fact.state == "cancelled" and "Cancelled" not in said:
                found.append(f"{fact.guest}: the cancellation was not mailed: {said}")
        return found

    def refusals(self):
        """What the receiver refused for its signature: all that the providers send is genuine."""
        return [f"{attempt.status} {attempt.delivery.event} to {attempt.url}" for api in self.apis
                for attempt in api.calls.attempts if attempt.status == 401]
