#!/usr/bin/python3
"""An upgrade or restart under load: no request fails, no event is lost or mailed twice.

The test plays the part of the socket unit: it holds the listening socket, starts receivers with it as
standard input, ends each with SIGTERM and starts the next when it has ended, as systemd does;
meanwhile clients post through nginx and, with a connection for each request, without it. The same
happens to a drain that watches.

RESTARTS (5) says how often; `make restarts` does it a hundred times.
"""

import os
import re
import signal
import sys
import threading
import time
from collections import Counter

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from bookspool import (ENDPOINT, World, diag, equal, finish, id_of, need, ok, program, sample,  # noqa: E402
                       sign, wait_for)
from fcgi import Client, params, request  # noqa: E402
from smtp_peer import Scripted  # noqa: E402

RESTARTS = int(os.environ.get("RESTARTS", "5"))
THROUGH_NGINX, DIRECT = 4, 2
need("nginx")


class Load(World):
    def __init__(self, server):
        super().__init__({"BOOKSPOOL_TRANSPORT": f"smtp+plain://127.0.0.1:{server.port}"})
        self.over = threading.Event()
        self.answers, self.accepted, self.slowest = Counter(), [], 0.0

    def through_nginx(self, provider, body):
        headers = {"Content-Type": "application/json", **sign(provider, body, self.secret[provider])}
        return self.request("POST", ENDPOINT[provider], body, headers).status

    def direct(self, provider, body):
        values = params("POST", ENDPOINT[provider], body, sign(provider, body, self.secret[provider]))
        with Client(self.socket) as client:
            client.send(request(values, body))
            answer = client.answer()
            return answer.status if answer else "no answer"

    def client(self, post, provider, name):
        while not self.over.is_set():
            body, begun = sample(provider, name), time.monotonic()
            try:
                answer = post(provider, body)
            except OSError as error:
                answer = f"{post.__name__}: {error}"
            self.answers[answer] += 1
            self.slowest = max(self.slowest, time.monotonic() - begun)
            if answer == 200:
                self.accepted.append(id_of(provider, body))
            time.sleep(0.1)  # more would only make the drain's share longer

    def clients(self):
        names = (("calcom", "booking_created"), ("calendly", "invitee_created"))
        posts = [self.through_nginx] * THROUGH_NGINX + [self.direct] * DIRECT
        threads = [threading.Thread(target=self.client, args=(post, *names[i % 2]), daemon=True)
                   for i, post in enumerate(posts)]
        for thread in threads:
            thread.start()
        return threads

    def begin(self, command, log, **more):
        """Returns when it can be ended in order, as a manager waits for READY=1 before it restarts again."""
        process = self.start(command, log, **more)

        def handles_sigterm():
            with open(f"/proc/{process.pid}/status", encoding="ascii") as file:
                sets = re.findall(r"^Sig(?:Blk|Cgt):\s*(\w+)", file.read(), re.M)
            return any(int(text, 16) >> (signal.SIGTERM - 1) & 1 for text in sets)
        wait_for(handles_sigterm)
        return process

    def receiver(self):
        return self.begin(program("bookspool-fcgi"), "receiver.log", stdin=self.listen())

    def drains_all(self):
        """Waits as long as the drain gets on: on a busy machine thousands of mails take their time."""
        left = None
        while left != (left := (len(self.spool("new")), len(self.spool("out")))) and left != (0, 0):
            wait_for(lambda: (len(self.spool("new")), len(self.spool("out"))) != left)

    def watch(self):
        return self.begin([*program("bookspool-drain"), "--watch"], "drain.log")


def restarts():
    with Scripted() as server, Load(server) as world:
        receiver, drain = world.receiver(), world.watch()
        world.start_nginx()
        threads = world.clients()
        ends = Counter()
        for i in range(RESTARTS):
            before = len(world.accepted)
            wait_for(lambda: len(world.accepted) > before + 20)
            ends["receiver", world.stop(receiver)] += 1
            receiver = world.receiver()
            if i % 2:
                ends["drain", world.stop(drain)] += 1
                drain = world.watch()
        before = len(world.accepted)
        wait_for(lambda: len(world.accepted) > before + 20)
        world.over.set()
        for thread in threads:
            thread.join()
        equal({end for _, end in ends}, {0}, "each receiver and drain ends with exit status 0")
        equal(set(world.answers), {200}, f"{RESTARTS} restarts, {sum(world.answers.values())} requests: each 200")
        diag(f"slowest answer: {world.slowest:.2f} s")
        keys = sorted(world.accepted)
        world.drains_all()
        equal(world.stop(drain), 0, "the last drain ends")
        equal(sorted(world.spool("done")), keys, "each event that was answered 200 is done, and no other")
        mailed = Counter(name.split("-")[0] for name in world.spool("sent"))
        equal(mailed, Counter(keys), "each is mailed")
        equal(len(server.accepted), len(keys), "and the mail server has each once")
        equal([world.spool(name) for name in ("failed", "held", "bad", "tmp")], [[]] * 4, "nothing is left over")
        ok("may-repeat" not in world.log("drain.log"), "no mail had to be sent again")


restarts()
finish()
