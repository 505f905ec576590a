#!/usr/bin/python3
"""Three nodes on one spool in PostgreSQL, 16 clients whose retries land on other nodes, and faults.

Each scene posts bookings while something goes wrong, then everything is well again and the spool runs
dry. Nothing is lost: what was answered 200 is mailed. Nothing is mailed twice without a word: each
repeat is announced in a log as may-repeat.

    make cluster                  # the long form, of all scenes; `make check` has some of them
    tests/cluster.t failover      # one of them

CLUSTER_EVENTS (24) says how many bookings a scene has, CLUSTER_SEED repeats its choices, not its timing.
The scenes from `crash` to `connections` are the five cases of chaos of
github.com/hardbyte/postgresql-job-queue-benchmarking (docs/method.md).
"""

import json
import os
import random
import signal
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from bookspool import diag, equal, finish, id_of, mark_of, ok, run_parts, sample, wait_for  # noqa: E402
from nodes import DATABASE, Cluster, migrate  # noqa: E402
from postgres import Postgres, need_postgres  # noqa: E402

EVENTS = int(os.environ.get("CLUSTER_EVENTS", "24"))
LONG = EVENTS >= 100
SEED = int(os.environ.get("CLUSTER_SEED", random.randrange(10 ** 6)))
CLIENTS = 16


class Storm:
    """Clients that post; `watches` are the drains of the nodes, which `revive` starts again."""

    def __init__(self, cluster, name):
        self.cluster, self.name = cluster, name
        self.random = random.Random(f"{SEED} {name}")
        self.bodies = [booking(n, self.random) for n in range(EVENTS)]
        self.left = list(enumerate(self.bodies))
        self.guard = threading.Lock()
        self.keys = []
        self.watches = {}
        self.began = time.monotonic()
        for node in cluster.nodes:
            node.start_receiver()
            self.revive(node)
        self.clients = [threading.Thread(target=self.post, daemon=True) for _ in range(CLIENTS)]
        for client in self.clients:
            client.start()

    def revive(self, node):
        old = self.watches.get(node)
        if not old or old.poll() is not None:
            self.watches[node] = node.watch()

    def kill(self, node):
        node.stop(self.watches[node], signal.SIGKILL)

    def post(self):
        """Each booking goes to one node, and as a provider's retry to others, now or a little later."""
        while True:
            with self.guard:
                if not self.left:
                    return
                number, body = self.left.pop()
                targets = self.random.sample(self.cluster.nodes, self.random.choice((1, 1, 2, 3)))
            for node in targets:
                if not wait_for(lambda target=node: target.post_direct("calcom", body) == 200, 60):
                    diag(f"{node.name} did not accept {number}")
                time.sleep(0.01)
            with self.guard:
                self.keys.append(id_of("calcom", body))

    def under_way(self):
        return any(client.is_alive() for client in self.clients)

    def done(self):
        """How many are mailed."""
        return len({key for key, _ in self.cluster.accepted()})

    def until(self, share):
        """Waits until this share of the bookings is mailed."""
        wait_for(lambda: self.done() >= share * EVENTS, 120)

    def settle(self):
        """All is well again; then the books are checked."""
        for client in self.clients:
            client.join(120)
        for node in self.cluster.nodes:
            self.revive(node)
        begun = time.monotonic()
        dry = wait_for(self.dry, step=0.3)
        took = time.monotonic() - begun
        for node, watch in self.watches.items():
            node.stop(watch)
        ok(dry, f"{self.name}: the spool runs dry ({took:.0f} s)", self.waiting())
        check(self, len(self.bodies))

    def waiting(self):
        return {name: len(self.cluster.files(name)) for name in ("new", "out", "failed", "bad", "sent")}

    def dry(self):
        for node in self.cluster.nodes:
            self.revive(node)
        try:
            return (not any(node.spool("new") for node in self.cluster.nodes)
                    and not self.cluster.files("new") and not self.cluster.files("out"))
        except RuntimeError:
            return False


def booking(number, chance):
    """One that nothing else is about."""
    body = json.loads(sample("calcom", "booking_created"))
    body["payload"]["title"] = f"Meeting {number} {chance.random()}"
    return json.dumps(body).encode()


def check(storm, number):
    cluster = storm.cluster
    accepted, said = cluster.accepted(), cluster.may_repeat()
    equal(len(set(storm.keys)), number, f"{storm.name}: each booking was answered 200")
    lost = [key for key in storm.keys if not any(key == id for id, _ in accepted)]
    equal(lost, [], f"{storm.name}: none of {number} is lost")
    doubles = {mail: times for mail, times in accepted.items() if times > 1}
    odd = {mail: times for mail, times in doubles.items() if times > 1 + said[mail[0], mark_of(mail[1])]}
    equal(odd, {}, f"{storm.name}: no mail is repeated without a word")
    diag(f"{storm.name}: {number} bookings, {sum(accepted.values())} mails, {len(doubles)} repeated and announced,"
         f" {time.monotonic() - storm.began:.0f} s")


def three(**more):
    return Cluster("a", "b", "c", BOOKSPOOL_MAIL_TO="owner@example.org, other@example.org", **more)


# ---- the five cases ----


def crash():
    """One drain is killed, and started again after a while."""
    with three() as cluster:
        storm = Storm(cluster, "crash")
        storm.until(0.3)
        victim = cluster.nodes[0]
        storm.kill(victim)
        storm.until(0.6)
        storm.revive(victim)
        storm.settle()


def restart():
    """The server is stopped and started again, and dies and is started again."""
    with three(durable=True) as cluster:
        storm = Storm(cluster, "restart")
        for share, end in ((0.2, cluster.server.stop), (0.5, cluster.server.kill)):
            storm.until(share)
            end()
            time.sleep(0.5)
            cluster.server.start()
        storm.settle()


def kills():
    """Drains of all nodes are killed again and again, at random."""
    with three() as cluster:
        storm = Storm(cluster, "kills")
        for _ in range(8):
            time.sleep(storm.random.random() * 1.5)
            victim = storm.random.choice(cluster.nodes)
            storm.kill(victim)
            if storm.random.random() < 0.7:
                storm.revive(victim)
        storm.settle()


def sessions():
    """The sessions of the drains are ended by an administrator, many times."""
    with three() as cluster:
        storm = Storm(cluster, "sessions")
        ended = 0
        for _ in range(20):
            time.sleep(storm.random.random() * 0.4)
            ended += cluster.server.disconnect(DATABASE)
        ok(ended, "sessions: some were ended")
        storm.settle()


def connections():
    """Others take all connections that the server has."""
    with three(max_connections=24) as cluster:
        storm = Storm(cluster, "connections")
        storm.until(0.2)
        held = []
        try:
            while len(held) < 30:
                held.append(cluster.server.hold(DATABASE, "SELECT 1"))
                if held[-1].process.poll() is not None:
                    break
        except (RuntimeError, OSError):
            pass
        time.sleep(2)
        for session in held:
            if session.process.poll() is None:
                session.end()
        storm.settle()


# ---- others ----


def failover():
    """The primary dies, and the standby takes over: what was promised is on it."""
    with three(standby=True) as cluster:
        storm = Storm(cluster, "failover")
        storm.until(0.4)
        cluster.fail_over()
        storm.settle()


def partition():
    """One node after another is cut off from the server: for less than its lease, and for longer."""
    with three(relays=True) as cluster:
        storm = Storm(cluster, "partition")
        for node, manner, seconds in zip(cluster.nodes, ("freeze", "cut", "freeze"), (3, 5, 40)):
            if not LONG and seconds > 30:
                break
            storm.until(0.1 * (1 + cluster.nodes.index(node)))
            getattr(cluster.relay[node.name], manner)()
            time.sleep(seconds)
            cluster.relay[node.name].mend()
        storm.settle()


def vacuum():
    """A transaction that writes, and stays open, keeps vacuum from removing dead rows."""
    with three() as cluster:
        holder = cluster.server.hold(DATABASE, "SELECT txid_current(), count(*) FROM bookspool.spool_file")
        storm = Storm(cluster, "vacuum")
        storm.settle()
        holder.end()


need_postgres()
ALL = (crash, restart, kills, sessions, connections, failover, partition, vacuum)
run_parts(ALL if LONG or sys.argv[1:] else (crash, failover, partition))
finish()
