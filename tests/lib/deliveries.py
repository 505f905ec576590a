"""How a provider sends its webhooks: signed, repeated by its rules, and now and then not at all.

    calls = Deliveries(clock, rules, send)      `send(url, headers, body)` returns a status, or None where
                                                there was no answer
    calls.put(Delivery(...), late=3600)         what is due is sent at once, the rest by advance()
    calls.advance(86400)                        moves the clock from one due attempt to the next
    calls.attempts                              what was sent: when, url, status, delivery

`lose`: the provider never sends it. `twice`: the answer of the first attempt got lost on the way, so it is
repeated. `late`: seconds. `answers`: what comes back for the first attempts in place of the receiver's
answer, as if a proxy or an outage stood before it; None is no answer at all.
"""

import collections
import heapq
import itertools
import json
import urllib.parse

from fcgi import Client, params, request as fcgi_request

Attempt = collections.namedtuple("Attempt", "when url status delivery")


def arrived(status):
    """Success is any 2xx, at both providers."""
    return status is not None and 200 <= status < 300


def compact(value):
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


class Delivery:
    """`sign(now)` makes the headers of one attempt, so that a provider may sign each anew."""

    def __init__(self, hook, url, body, sign, event):
        self.hook, self.url, self.body, self.sign, self.event = hook, url, body, sign, event
        self.answers, self.twice, self.tries, self.first_at, self.arrived = [], False, 0, None, False


class Deliveries:
    """`rules` has may_send(delivery): False once its subscription is gone or off; retry_in(delivery,
    status, now): seconds, or None to give up; and after(delivery, status, now), which changes the
    subscription's state."""

    def __init__(self, clock, rules, send=None):
        self.clock, self.rules, self.send = clock, rules, send
        self.attempts, self.lost = [], []
        self._due, self._order = [], itertools.count()
        self.on_clock = None  # called after each jump of the clock

    def put(self, delivery, lose=False, twice=False, late=0, answers=()):
        if lose:
            self.lost.append(delivery)
            return
        delivery.answers = list(answers)
        delivery.twice = twice
        self._push(delivery, self.clock.now() + late)
        self.run()

    def _push(self, delivery, when):
        heapq.heappush(self._due, (when, next(self._order), delivery))

    def run(self):
        """Sends what is due by now."""
        while self._due and self._due[0][0] <= self.clock.now():
            self._attempt(heapq.heappop(self._due)[2])

    def advance(self, seconds):
        """Goes on by so long, and stops at each attempt that is due on the way."""
        end = self.clock.now() + seconds
        while self._due and self._due[0][0] <= end:
            self._jump(max(0.0, self._due[0][0] - self.clock.now()))
            self.run()
        self._jump(max(0.0, end - self.clock.now()))

    def _jump(self, seconds):
        if seconds > 0:
            self.clock.advance(seconds)
            if self.on_clock:
                self.on_clock()

    @property
    def waiting(self):
        return [delivery for _, _, delivery in sorted(self._due, key=lambda one: one[:2])]

    @property
    def due(self):
        return [when for when, _, _ in self._due]

    def _attempt(self, delivery):
        if not self.rules.may_send(delivery):
            return
        now = self.clock.now()
        delivery.tries += 1
        delivery.first_at = delivery.first_at or now
        if delivery.answers:
            status = delivery.answers.pop(0)
        else:
            status = self.send(delivery.url, delivery.sign(now), delivery.body)
            delivery.arrived = delivery.arrived or arrived(status)
        self.attempts.append(Attempt(now, delivery.url, status, delivery))
        if delivery.twice:
            delivery.twice, status = False, None
        wait = self.rules.retry_in(delivery, status, now)
        self.rules.after(delivery, status, now)
        if wait is not None:
            self._push(delivery, now + wait)


def fcgi_sender(world):
    """Sends through the receiver's socket, as nginx does."""
    def send(url, headers, body):
        values = params("POST", urllib.parse.urlsplit(url).path, body, {
            name: value for name, value in headers.items() if name != "Content-Type"})
        try:
            with Client(world.socket) as client:
                client.send(fcgi_request(values, body))
                answer = client.answer()
        except OSError:
            return None
        return answer and answer.status
    return send


def curl_sender(world):
    """Sends through the world's nginx."""
    def send(url, headers, body):
        arguments = [text for name, value in headers.items() for text in ("--header", f"{name}: {value}")]
        return world.curl(urllib.parse.urlsplit(url).path, *arguments, body=body).status or None
    return send
