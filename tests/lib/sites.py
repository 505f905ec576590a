"""Three installations to look at: an empty one, a busy one, a broken one."""

import json
import os
import random
import time

import counters
import history
from bookspool import World, event_file, id_of, mail_file, mark_of, sample, utc

HOUR, DAY = 3600 * 1000, 86400 * 1000
NAMES = ("Ada Example", "Grace Sample", "Alan Instance", "Jürgen Beispiel", "Zoë Müller-Lüdenscheidt", "李小龙")


class Site(World):
    """A world whose times are of Berlin."""

    def __init__(self, settings=None, **more):
        super().__init__(settings={"BOOKSPOOL_TIMEZONE": "Europe/Berlin", **(settings or {})}, **more)

    def put(self, directory, number, ago, mail=False, why=None):
        """An event, or a mail of it, that has waited for so many seconds."""
        body = sample("calcom", "booking_created")
        key = id_of("calcom", body)
        name = f"{key}-{mark_of(f'owner{number}@example.org')}" if mail else key
        data = mail_file(key, Queued=utc(time.time() - ago)) if mail else event_file(
            "calcom", body, Received=utc(time.time() - ago))
        self.write(directory, name, data)
        os.chmod(self.file(directory, name), 0o660)
        if why:
            self.write(directory, name + ".why", why.encode() + b"\n")
        os.utime(self.file(directory, name), (time.time() - ago,) * 2)
        return name


def fill(site, now, broken=False):
    """A month of history and the counters that end it."""
    dice = random.Random(4)
    since, total, samples = now - 40 * DAY, {}, []
    kinds = {"created": 0, "rescheduled": 0, "cancelled": 0, "requested": 0, "paid": 0}
    total = {"accepted": 900, "sent": 900, "given_up": 0, "refused": 2}
    mailed = [0] * (counters.BOUNDS + 1)
    step = 5 * 60 * 1000
    waiting = aside = 0
    for at in range(now - 30 * DAY, now - step // 2, step):
        hour, weekday = at // HOUR % 24, at // DAY % 7
        busy = (2.2 if 8 <= hour < 18 else 0.3) * (0.2 if weekday in (2, 3) else 1) / 12
        stuck = broken and at > now - 7 * HOUR
        for name, share in (("created", 1), ("rescheduled", 0.25), ("cancelled", 0.2), ("requested", 0.1),
                            ("paid", 0.05)):
            count = dice.random() < busy * share
            kinds[name] += count and not stuck
            total["accepted"] += count
            waiting = waiting + count if stuck else int(dice.random() < 0.1)
            if count and not stuck:
                failed = dice.random() < (0.02 if broken else 0.001)
                total["given_up" if failed else "sent"] += 1
                aside += failed and broken
                if not failed:
                    mailed[dice.choice((0, 1, 1, 1, 2, 2, 3, 4)) if dice.random() < 0.97 else 7] += 1
        total["refused"] += broken and dice.random() < 0.002
        samples.append(history.sample(at, since, kinds=kinds, mailed=mailed, waiting=waiting,
                                      aside=aside, oldest=(at - (now - 7 * HOUR)) * stuck, **total))
    history.write(site.state_dir, samples)
    values = {("COUNT_REQUESTS", "calcom", "accepted"): total["accepted"],
              ("COUNT_REQUESTS", "calendly", "signature-wrong"): total["refused"],
              "COUNT_MAIL_FAILED": total["given_up"],
              ("COUNT_MAIL_ATTEMPTS", "smtp", "sent"): total["sent"],
              ("COUNT_SECRET_USED", "calcom", "primary"): total["accepted"],
              ("COUNT_SECRET_USED_AT", "calcom", "primary"): now - (7 * HOUR if broken else 4 * 60000),
              ("COUNT_SECRET_USED", "calendly", "primary"): 311,
              ("COUNT_SECRET_USED_AT", "calendly", "primary"): now - 2 * HOUR,
              ("COUNT_SECRET_USED", "calendly", "secondary"): 12,
              ("COUNT_SECRET_USED_AT", "calendly", "secondary"): now - 3 * DAY,
              "COUNT_MAIL_LAST_AT": now - (7 * HOUR if broken else 4 * 60000),
              "COUNT_DRAIN_LAST_AT": now - (7 * HOUR if broken else 30000),
              "COUNT_DRAIN_ACTIVE_AT": now - (60000 if broken else 30000),
              "COUNT_SINCE": since}
    if broken:
        values |= {"COUNT_DRAIN_FAILED_AT": now - 60000, "COUNT_DRAIN_BLOCKED_AT": now - 60000}
    for kind, number in kinds.items():
        values[("COUNT_EVENTS", "calcom", kind)] = number
    counters.write(site.state_dir, values)
    with open(os.path.join(site.state_dir, "counters"), "r+b") as file:
        file.seek(len(counters.MAGIC) + 8 * counters.position("COUNT_MAILED_TIME"))
        for number in mailed:
            file.write(number.to_bytes(8, "little"))


def book(site, count=8):
    """Bookings ahead, in the ledger, as a drain enters them; two of them at the same time."""
    start = (int(time.time()) // 3600 + 20) * 3600
    for i in range(count):
        body = json.loads(sample("calcom", "booking_created"))
        at = start + (i if i != 3 else 2) * 5 * 3600
        payload = body["payload"]
        payload |= {"startTime": utc(at), "endTime": utc(at + 1800), "iCalUID": f"{i}@example.org",
                    "title": ("Intro call", "Portfolio review", "30 min with an owner")[i % 3]}
        payload["attendees"][0]["name"] = NAMES[i % len(NAMES)]
        site.put_event("new", "calcom", json.dumps(body).encode())
    site.drain()


def empty():
    return Site()


def busy():
    site = Site()
    book(site)
    for name in os.listdir(site.file("new")):
        os.unlink(site.file("new", name))
    fill(site, int(time.time() * 1000))
    site.put("out", 1, 40, mail=True)
    return site


def broken():
    site = Site()
    book(site, 5)
    fill(site, int(time.time() * 1000), broken=True)
    for i, why in enumerate(("given up: smtp-rcpt-550: 550 5.1.1 <ada@example.com>: no such user",
                             "given up: smtp-dot-554: 554 spam: see http://rules.example.com",
                             "5 d old: smtp-connect-7: connect: timed out")):
        site.put("failed", i, 20000 * (i + 1), mail=True, why=f"{utc(time.time())} {why}")
    for i in range(7):
        site.put("out", i, 25000 - i, mail=True)
    for i in range(3):
        site.put("new", i, 900 + i)
    site.put("held", 1, 9000)
    site.put("bad", 1, 8000, why="its header has no end")
    return site
