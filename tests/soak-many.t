#!/usr/bin/python3
"""Many at once: receivers, drains, posters and an operator, and SIGKILL for all of them at random.

At the end, when the mail server is friendly and the drain has run dry: every event that was
answered 200 is in done/ and was mailed; no mail was accepted more often than once and once for each
attempt that the log announced as a possible repeat; each replay is exactly one generation.

SOAK_SECONDS (6) says how long, SOAK_SEED repeats a choice of events, not of timings.
"""

import os
import random
import re
import signal
import subprocess
import sys
import threading
import time
from collections import Counter

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from bookspool import (ENDPOINT, World, diag, equal, finish, id_of, ok, program, sample,  # noqa: E402
                       sign, wait_for)
from fcgi import Client, params, request  # noqa: E402
from smtp_peer import Scripted  # noqa: E402

SECONDS = float(os.environ.get("SOAK_SECONDS", "6"))
SEED = int(os.environ.get("SOAK_SEED", random.randrange(10 ** 6)))


class Moody(Scripted):
    """Refuses, hangs up, and now and then is silent about what it has taken over."""

    def __init__(self):
        self.friendly = False
        self.random = random.Random(SEED)
        super().__init__()

    def _answer(self, sock, step):
        mood = 1 if self.friendly else self.random.random()
        if mood < 0.01 or (step == "dot" and mood < 0.04):
            raise OSError("hangs up")
        if step in ("MAIL", "RCPT", "DATA") and mood < 0.04:
            sock.sendall(b"451 not now\r\n")
            return "451"
        if step == "RCPT" and mood < 0.05:
            sock.sendall(b"550 nobody\r\n")
            return "550"
        return super()._answer(sock, step)


class Soak(World):
    def __init__(self, server):
        super().__init__({"BOOKSPOOL_TRANSPORT": f"smtp+plain://127.0.0.1:{server.port}",
                          "BOOKSPOOL_RETRY_MIN": "1s", "BOOKSPOOL_RETRY_MAX": "1s",
                          "BOOKSPOOL_MAIL_TO": "owner@example.org, other@example.org"})
        self.over = threading.Event()
        self.acknowledged, self.bodies, self.replays = set(), [], Counter()
        self.answers, self.ends, self.odd = Counter(), Counter(), []

    def run_and_kill(self, name, log, life, stdin=subprocess.DEVNULL, env=None):
        """One process, ended after `life` seconds where it has not ended by itself."""
        with open(self.path(log), "ab") as out:
            process = subprocess.Popen(program(name), stdin=stdin, stdout=out, stderr=out,
                                       env=self.env(env), cwd=self.dir)
        try:
            process.wait(life)
        except subprocess.TimeoutExpired:
            process.send_signal(random.choice([signal.SIGKILL, signal.SIGKILL, signal.SIGTERM]))
            process.wait(60)
        self.ends[name, process.returncode] += 1
        # a sender that is killed under a living parent is a run that holds
        if process.returncode not in (0, 75, -signal.SIGKILL, -signal.SIGTERM):
            self.odd.append(f"{name} ended with {process.returncode}")

    def receive(self, chance):
        while not self.over.is_set():
            self.run_and_kill("bookspool-fcgi", "receiver.log", 0.2 + chance.random() * 2,
                              self.listen())

    def drain_on(self, chance):
        while not self.over.wait(chance.random() * 0.1):
            life = chance.random() * 0.3 if chance.random() < 0.4 else 60
            self.run_and_kill("bookspool-drain", "drain.log", life,
                              env={"BOOKSPOOL_CONNECTIONS": chance.choice("113")})

    def choose(self, chance):
        """A new booking, or one that was posted before."""
        if not self.bodies or chance.random() < 0.4:
            self.bodies.append(sample("calcom", "booking_created"))
            return self.bodies[-1]
        return chance.choice(self.bodies[-20:])

    def post_on(self, chance):
        while not self.over.wait(chance.random() * 0.05):
            body = self.choose(chance)
            headers = sign("calcom", body, self.secret["calcom"])
            try:
                with Client(self.socket) as client:
                    client.send(request(params("POST", ENDPOINT["calcom"], body, headers), body))
                    answer = client.answer()
            except OSError:
                continue
            self.answers[answer.status if answer else "none"] += 1
            if answer and answer.status == 200:
                self.acknowledged.add(id_of("calcom", body))

    def operate(self, chance):
        """cp done/K replay/x, slowly; mv failed/K-r out/; mv done/K new/; touch out/*."""
        while not self.over.wait(0.05):
            done = self.spool("done")
            failed = [name for name in self.spool("failed") if not name.endswith(".why")]
            try:
                what = chance.randrange(4)
                if what == 0 and done:
                    self.copy_slowly(chance.choice(done), f"x{chance.random()}")
                elif what == 1 and failed:
                    os.rename(self.file("failed", failed[0]), self.file("out", failed[0]))
                elif what == 2 and done:
                    key = chance.choice(done)
                    os.rename(self.file("done", key), self.file("new", key))
                elif what == 3:
                    self.make_due()
            except FileNotFoundError:
                pass  # a drain was faster

    def copy_slowly(self, key, name):
        with open(self.file("done", key), "rb") as file:
            data = file.read()
        with open(self.file("replay", name), "wb", 0) as file:
            file.write(data[:200])
            time.sleep(0.02)
            file.write(data[200:])
        self.replays[key] += 1

    def make_due(self):
        for name in self.spool("out"):
            try:
                os.utime(self.file("out", name))
            except FileNotFoundError:
                pass

    def run_dry(self):
        for _ in range(50):
            for name in self.spool("failed"):
                if not name.endswith(".why"):
                    os.rename(self.file("failed", name), self.file("out", name))
            self.make_due()
            done = self.drain()
            with open(self.path("drain.log"), "a", encoding="utf-8") as log:
                log.write(done.stderr)
            if not any(self.spool(directory) for directory in ("new", "replay", "out")):
                break
        return done.returncode


def accepted(server):
    found = (re.search(rb"(?im)^message-id: *<([^@>]+)@", message) for message in server.accepted)
    return Counter(match[1].decode() for match in found)


def go(world):
    jobs = [world.receive] * 3 + [world.drain_on] * 2 + [world.post_on] * 6 + [world.operate]
    threads = [threading.Thread(target=job, args=(random.Random(SEED + number),))
               for number, job in enumerate(jobs)]
    for thread in threads:
        thread.start()
    time.sleep(SECONDS)
    wait_for(lambda: len(world.acknowledged) > 5)
    world.over.set()
    for thread in threads:
        thread.join()


def judge(world, server):
    mails = accepted(server)
    told = Counter(re.findall(r"may-repeat: mail=([0-9a-f.-]+):", world.log("drain.log")))
    done = world.spool("done")
    recipients = {name.partition("-")[2] for name in mails}
    lost = [key for key in world.acknowledged if key not in done]
    unmailed = [f"{key}-{r}" for key in world.acknowledged for r in recipients
                if not mails[f"{key}-{r}"]]
    doubled = [f"{name}: {count} times, {told[name]} announced"
               for name, count in mails.items() if count > 1 + told[name]]
    generations = Counter(name.partition(".")[0] for name in
                          {name.partition("-")[0] for name in mails if "." in name})
    diag(f"seed {SEED}: {len(world.acknowledged)} acknowledged of {sum(world.answers.values())} "
         f"requests, {sum(mails.values())} mails, {sum(world.replays.values())} replays, "
         f"{sum(told.values())} possible repeats, ends {dict(world.ends)}")
    ok(len(world.acknowledged) > 5, "there was something to lose")
    equal(len(recipients), 2, "both recipients were mailed")
    equal(lost, [], "every event that was answered 200 is in done/")
    equal(unmailed, [], "and was mailed to each recipient")
    equal(doubled, [], "nothing was mailed twice without a warning")
    equal(generations, world.replays, "each replay was mailed as exactly one generation")
    equal([name for d in ("new", "out", "replay", "held", "bad") for name in world.spool(d)], [],
          "nothing is left over")
    equal(world.odd, [], "no program ended in a way of its own")


with Moody() as peer, Soak(peer) as soak:
    soak.drain()
    soak.listen()
    go(soak)
    peer.friendly = True
    equal(soak.run_dry(), 0, "in the end the drain runs dry")
    judge(soak, peer)
finish()
