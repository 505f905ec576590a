#!/usr/bin/python3
"""A spool in PostgreSQL that several nodes drain: one mail of what any of them accepts, whichever dies."""

import json
import os
import re
import signal
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from bookspool import (aged, equal, finish, id_of, mark_of, match, ok, program, run_parts, sample,  # noqa: E402
                       wait_for)
from nodes import DATABASE, Cluster, mail_of  # noqa: E402
from postgres import need_postgres  # noqa: E402
from smtp_peer import LATE, Scripted  # noqa: E402

CREATED, CUSTOMER = "booking_created", "ada@example.com"


def clean(done, name):
    return equal(done.returncode, 0, name) or match(done.stderr, "^$", "what it said")


# ---- (a) any node ----


def one_event():
    with Cluster("a", "b") as cluster:
        a, b = cluster.nodes
        a.start_receiver()
        b.start_receiver()
        body = sample("calcom", CREATED)
        key = a.take("calcom", body)
        equal(b.take("calcom", body), key, "a retry lands on another node, under the same id")
        clean(a.drain(), "the first drain is well")
        clean(b.drain(), "so is that of the other node")
        equal(cluster.mailed(key), 1, "it is mailed once")
        equal((a.spool("done"), b.spool("done")), ([key], [key]), "both nodes know it for retries")
        equal(cluster.files("done"), [key], "it is in the shared done/")
        equal((a.spool("new"), a.spool("out"), a.spool("sent")), ([], [], []), "no mail waits on a node")
        os.unlink(b.file("done", key))
        b.take("calcom", body)
        match(b.drain().stderr, r"forwarded.*files=1 known=1", "a retry whose name the node forgot is known")
        equal(cluster.mailed(key), 1, "and still mailed once")
        day_after(cluster)
        from_the_other(a, b, cluster, key)


def day_after(cluster):
    """An event whose webhook is a day late waits for a person, on every node."""
    _, b = cluster.nodes
    late, _ = aged("calcom", sample("calcom", CREATED), 86400)
    held = id_of("calcom", late)
    b.post_direct("calcom", late)
    equal(b.spool("held"), [held], "an event that is a day late is held")
    clean(b.drain(), "a held event is forwarded")
    equal((b.spool("held"), cluster.files("held")), ([], [held]), "it is held in the shared spool")
    equal(cluster.mailed(held), 0, "and not mailed")


def from_the_other(a, b, cluster, key):
    held, = cluster.files("held")
    listed = a.run("bookspool", "list", "--all", "--json")
    ok(key in listed.stdout and held in listed.stdout, "list on the other node shows both", listed.stdout)
    clean(a.run("bookspool", "show", key), "show")
    shown = a.run("bookspool", "trace", held)
    match(shown.stdout + shown.stderr, "held", "trace of a held event")
    clean(a.run("bookspool", "release", held), "the other node releases it")
    clean(a.drain(), "and mails it")
    equal(cluster.mailed(held), 1, "once")
    clean(a.run("bookspool", "replay", key), "a replay from one node")
    clean(b.drain(), "is mailed by the other")
    equal(cluster.mailed(key), 2, "a second time, on purpose")
    equal(cluster.files("replay"), [], "nothing is left of it")
    status = json.loads(b.run("bookspool", "status", "--json").stdout)
    ok(status, "status says something")
    bookings = "SELECT uid, state, start, title, who FROM bookspool.booking ORDER BY uid"  # a replay changes the order
    before = cluster.server.sql(bookings, DATABASE)
    clean(b.run("bookspool", "rebuild"), "rebuild makes the ledger of the shared spool")
    equal(cluster.server.sql(bookings, DATABASE), before, "and it is the same")
    forgotten = b.run("bookspool", "forget", CUSTOMER)
    equal(forgotten.returncode, 0, "forget, on the other node") or match(forgotten.stderr, "^$", "its words")
    left = cluster.server.sql("SELECT count(*) FROM bookspool.spool_file WHERE position(convert_to("
                              f"'{CUSTOMER}', 'UTF8') IN data) > 0", DATABASE)
    equal(left, "0", "leaves no file with the address in the shared spool")
    for table in ("spool_file SET mtime = 1", "spool_stamp SET at = 1"):
        cluster.server.sql(f"UPDATE bookspool.{table}", DATABASE)
    clean(a.run("bookspool", "prune"), "prune")
    equal((cluster.files("done"), cluster.files("sent")), ([], []), "takes what is old, on all nodes")


# ---- (b) a node dies ----


def killed():
    """Node a dies with mails in its hands."""
    with Cluster("a", "b", peer=Scripted(delay=0.05)) as cluster:
        a, b = cluster.nodes
        a.start_receiver()
        keys = [a.take("calcom", sample("calcom", CREATED)) for _ in range(8)]
        watch = a.watch()
        wait_for(lambda: len(cluster.peer.accepted) >= 3)
        a.stop(watch, signal.SIGKILL)
        died = time.monotonic()
        ok(len(cluster.files("out")) > 0, "a drain was killed while it held mails")
        b.watch()
        ok(wait_for(lambda: len(cluster.files("sent")) == len(keys)), "another node sends them")
        took = time.monotonic() - died
        ok(took < 60 or os.getloadavg()[0] > 2, f"within a minute: {took:.0f} s")
        explained(cluster, keys)


def explained(cluster, keys):
    """Each was mailed; each that was accepted more than once is announced as often."""
    accepted, said = cluster.accepted(), cluster.may_repeat()
    lost = [key for key in keys if not cluster.mailed(key)]
    equal(lost, [], "none is lost")
    doubles = {name: number for name, number in accepted.items()
               if number > 1 + said[name[0], mark_of(name[1])]}
    equal(doubles, {}, "each repeat is announced as may-repeat")
    return accepted


# ---- (c) a drain that was away ----


def stopped():
    """Longer than its lease, at two moments: in a mail, and before it marks the next."""
    with Cluster("a", "b", peer=Scripted({"DATA": LATE + "2 354 go on"})) as cluster:
        a, b = cluster.nodes
        a.start_receiver()
        keys = [a.take("calcom", sample("calcom", CREATED)) for _ in range(3)]
        watch = a.watch()
        wait_for(lambda: any(line == "DATA" for line in cluster.peer.commands))
        watch.send_signal(signal.SIGSTOP)
        cluster.server.sql("UPDATE bookspool.spool_run SET until = 0", DATABASE)
        clean(b.drain(), "another node takes what a stopped drain held")
        equal(len(cluster.files("sent")), len(keys), "and sends it")
        watch.send_signal(signal.SIGCONT)
        ok(wait_for(lambda: re.search("lease|moved-meanwhile|spool-failed", a.log("drain.log"))),
           "the first finds out that it has nothing any more")
        again = a.take("calcom", sample("calcom", CREATED))
        ok(wait_for(lambda: cluster.mailed(again)), "it goes on with a new lease")
        a.stop(watch)
        equal(sorted(explained(cluster, [*keys, again]).values()), [1] * 4, "each was mailed once")


def taken_away():
    """Another run holds the mails while the first one, whose lease is good, is at the last byte."""
    with Cluster("a", peer=Scripted({"DATA": LATE + "2 354 go on"})) as cluster:
        a, = cluster.nodes
        a.start_receiver()
        keys = [a.take("calcom", sample("calcom", CREATED)) for _ in range(2)]
        watch = a.watch()
        wait_for(lambda: any(line == "DATA" for line in cluster.peer.commands))
        cluster.server.sql("INSERT INTO bookspool.spool_run VALUES('other', 'b', 9000000000000000);"
                           "UPDATE bookspool.spool_file SET holder = 'other' WHERE dir = 'out'", DATABASE)
        ok(wait_for(lambda: re.search("moved-meanwhile", a.log("drain.log"))), "it finds out")
        equal(cluster.accepted(), {}, "and no mail leaves")
        cluster.server.sql("DELETE FROM bookspool.spool_run WHERE id = 'other'", DATABASE)
        ok(wait_for(lambda: all(cluster.mailed(key) for key in keys)), "when the other run has ended, all go")
        a.stop(watch)
        equal(sorted(explained(cluster, keys).values()), [1] * 2, "each once")


def stopped_composing():
    """A drain that lost its lease between looking for a mail and making it makes none."""
    with Cluster("a", "b") as cluster:
        a, b = cluster.nodes
        a.start_receiver()
        key = a.take("calcom", sample("calcom", CREATED))
        # its statement waits here, as a process that was stopped before it
        holder = cluster.server.hold(
            DATABASE, "LOCK TABLE bookspool.spool_file IN SHARE ROW EXCLUSIVE MODE")
        watch = a.watch({"BOOKSPOOL_LOG_LEVEL": "debug"})
        wait_for(lambda: waiting(cluster))
        watch.send_signal(signal.SIGSTOP)
        holder.end()
        cluster.server.sql("UPDATE bookspool.spool_run SET until = 0", DATABASE)
        clean(b.drain(), "another node drains meanwhile")
        b.start_receiver()
        b.take("calcom", sample("calcom", CREATED))
        watch.send_signal(signal.SIGCONT)
        ok(wait_for(lambda: cluster.mailed(key)), "the event is mailed when it goes on")
        a.stop(watch)
        b.drain()
        equal(cluster.mailed(key), 1, "once")


def waiting(cluster):
    return int(cluster.server.sql("SELECT count(*) FROM pg_locks WHERE NOT granted", DATABASE))


# ---- (d) no server ----


def unreachable():
    with Cluster("a", "b") as cluster:
        a, b = cluster.nodes
        a.start_receiver()
        cluster.server.stop()
        body = sample("calcom", CREATED)
        keys = [a.take("calcom", body), *(a.take("calcom", sample("calcom", CREATED)) for _ in range(4))]
        done = a.drain()
        equal(done.returncode, 74, "without its server the drain exits with 74")
        match(done.stderr, "(shared|ledger)-unusable", "says why")
        equal(len(a.spool("new")), len(keys), "and leaves what waits")
        equal(a.post_direct("calcom", body), 200, "the receiver goes on")
        cluster.server.start()
        clean(a.drain(), "when it is back, all goes out")
        equal(sorted(cluster.accepted().values()), [1] * len(keys), "once")
        equal(cluster.files("new") + cluster.files("out"), [], "nothing is left")


def cut():
    """The connection ends at each moment: another one for each run."""
    with Cluster("a", "b") as cluster:
        a, b = cluster.nodes
        a.start_receiver()
        keys = []
        for n in range(12):
            keys += [a.take("calcom", sample("calcom", CREATED)) for _ in range(2)]
            node = cluster.nodes[n % 2]
            process = node.start(program("bookspool-drain"), "drain.log")
            time.sleep(0.004 * n)
            if n % 4 == 3:
                cluster.server.stop("immediate")
                cluster.server.start()
            else:
                cluster.server.disconnect(DATABASE)
            process.wait()
        cluster.server.sql("UPDATE bookspool.spool_run SET until = 0", DATABASE)
        ok(wait_for(lambda: drained(cluster, a, b), step=0.5), "all of it is sent in the end")
        explained(cluster, keys)


def drained(cluster, *nodes):
    for node in nodes:
        node.drain()
    return not (cluster.files("new") or cluster.files("out") or any(node.spool("new") for node in nodes))


# ---- (e) order ----


def order():
    """Mails to one recipient leave in the order of their events, from whichever node."""
    with Cluster("a", "b", peer=Scripted(delay=0.04)) as cluster:
        a, b = cluster.nodes
        a.start_receiver()
        b.start_receiver()
        keys = [a.take("calcom", sample("calcom", CREATED)) for _ in range(8)]
        first = a.watch()
        wait_for(lambda: cluster.peer.accepted)
        keys += [b.take("calcom", sample("calcom", CREATED)) for _ in range(4)]
        second = b.watch()
        ok(wait_for(lambda: b.log("drain.log").count("mails-made") == 4 and
                    len(cluster.peer.accepted) < len(keys)),
           "another node makes mails while the first still sends")
        ok(wait_for(lambda: len(cluster.peer.accepted) >= len(keys)), "all are mailed")
        a.stop(first)
        b.stop(second)
        equal([mail_of(message)[0] for message in cluster.peer.accepted], keys, "in order, once each")


need_postgres()
run_parts((one_event, killed, stopped, taken_away, stopped_composing, unreachable, cut, order))
finish()
