#!/usr/bin/python3
"""The ledger in PostgreSQL: the same results as in SQLite, and what a server adds: roles, passwords, TLS,
another writer, a server that dies, a standby."""

import datetime
import glob
import json
import os
import secrets
import signal
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from bookspool import (BIN, TOP, World, equal, finish, match, ok, program, run_parts, sample,  # noqa: E402
                       utc, wait_for)
from postgres import Postgres, certificates, need_postgres, new_ledger, rows  # noqa: E402

OWNER, DRAIN, READER = "bookspool_owner", "bookspool", "bookspool_reader"
DAY = datetime.datetime.now(datetime.timezone.utc).replace(
    hour=15, minute=0, second=0, microsecond=0) + datetime.timedelta(days=3)
SHORT = {  # of other tests, which run over SQLite there; parts that look into no directory of the spool
    "tool-ledger.t": "conflicts done_at_once",
    "tool-forget.t": "the_moment",
    "mail-stories.t": "three_orders",
}


class Site(World):
    """One machine whose ledger is at that URI."""

    def __init__(self, ledger, place="drain", **settings):
        super().__init__(**{place: {"BOOKSPOOL_LEDGER": ledger, "BOOKSPOOL_NODE": secrets.token_hex(4), **settings}})
        for name in "tmp new replay done out sent failed held bad".split():
            os.makedirs(self.file(name), mode=0o770, exist_ok=True)
        self.now = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(minutes=20)

    def book(self, uid, name="booking_created", start=DAY, **more):
        body = json.loads(sample("calcom", name))
        self.now += datetime.timedelta(seconds=1)
        body["createdAt"] = utc(self.now)
        body["payload"].update(uid=uid, iCalUID=f"{uid}@Cal.com", startTime=utc(start),
                               endTime=utc(start + datetime.timedelta(minutes=30)), **more)
        return self.put_event("new", "calcom", json.dumps(body).encode(), Event=body["triggerEvent"],
                              Received=utc(self.now))

    def drained(self, name, code=0):
        done = self.drain()
        equal(done.returncode, code, name)
        return done.stderr

    def findings(self):
        """What check says of the ledger."""
        said = self.run("bookspool", "check", "--json").stdout
        return [(one["level"], one["text"] + " " + (one.get("remedy") or ""))
                for one in json.loads(said)["findings"] if "postgresql" in one["text"] or "BOOKSPOOL_LEDGER" in one["text"]]


def tool(*args, **env):
    return subprocess.run([*program("bookspool"), *args], capture_output=True, text=True, stdin=subprocess.DEVNULL,
                          env={"PATH": "/usr/bin:/bin", "BOOKSPOOL_CONF": "/dev/null", **env})


# ---- the same results ----


def units(server):
    for path in sorted(glob.glob(os.path.join(TOP, "tests/unit/ledger_*_test.c"))):
        name = os.path.basename(path)[:-2]
        uri = new_ledger(server.dir, program("bookspool"))
        done = subprocess.run([os.path.join(BIN, "tests", name)], capture_output=True, text=True,
                              env={**os.environ, "BOOKSPOOL_TEST_LEDGER": uri, "CMOCKA_MESSAGE_OUTPUT": "STDOUT"})
        ok(done.returncode == 0, name, done.stdout + done.stderr)


def stories(server):
    for name, parts in SHORT.items():
        done = subprocess.run([os.path.join(TOP, "tests", name), *parts.split()], capture_output=True, text=True,
                              env={**os.environ, "BOOKSPOOL_TEST_SERVER": server.dir})
        ok(done.returncode == 0, f"{name} {parts}", done.stdout + done.stderr)


# ---- who may what ----


def roles(server):
    """As examples/postgresql/roles.sql makes them."""
    server.script(os.path.join(TOP, "examples/postgresql/roles.sql"))
    uri = {role: server.uri("bookspool", role) for role in (OWNER, DRAIN, READER)}
    with Site(uri[DRAIN]) as site:
        site.book("one")
        match(site.drained("there are no tables yet", 74), "has no tables of bookspool yet; bookspool ledger migrate",
              "the drain says what makes them")
        match(site.findings(), "'fail', .*has no tables of bookspool yet", "and so does check")
        done = tool("ledger", "migrate", uri[DRAIN])
        equal(done.returncode, 78, "the drain's role cannot make tables")
        match(done.stderr, "permission denied.*the tables are made by the role that owns them", "in words")
        done = tool("ledger", "migrate", uri[OWNER], "--json")
        equal((done.returncode, json.loads(done.stdout or "{}").get("before")), (0, 0), "the owner can")
        version = int(server.sql("SELECT version FROM bookspool.version", "bookspool"))
        done = tool("ledger", "migrate", uri[OWNER], "--json")
        equal((done.returncode, json.loads(done.stdout or "{}").get("before")), (0, version),
              "and once more changes nothing")
        site.drained("now it drains")
        equal(len(site.mails()), 1, "and mails")
        match(site.findings(), "'fail', .*loses what was committed at a power cut", "check wants it durable")
        server.configure(fsync="on", full_page_writes="on")
        ok(wait_for(lambda: server.sql("SHOW fsync") == server.sql("SHOW full_page_writes") == "on"), "so it is")
        equal([level for level, _ in site.findings()], ["pass"], "check is content")
        match(site.findings(), "is PostgreSQL [0-9.]+.*, on this machine", "and says with what")
        listed = site.run("bookspool", "list", "--conflicts", "--json", env={"BOOKSPOOL_LEDGER": uri[READER]})
        equal((listed.returncode, json.loads(listed.stdout)), (0, {"conflicts": []}), "the reader's role looks")
        site.book("two")
        done = site.drain(env={"BOOKSPOOL_LEDGER": uri[READER]})
        equal(done.returncode, 74, "and does not write")
        match(done.stderr, "permission denied for table", "in words")
        server.sql("UPDATE bookspool.version SET version = 99", "bookspool")
        match(site.drained("tables of a newer version", 74), "has tables of version 99, of a newer bookspool", "named")
        match(tool("ledger", "migrate", uri[OWNER]).stderr, "of a newer bookspool", "and not touched")
        server.sql(f"UPDATE bookspool.version SET version = {version}", "bookspool")
        server.sql(f"REVOKE DELETE ON bookspool.notice FROM {DRAIN}", "bookspool")
        match(site.findings(), "'fail', .*does not let bookspool DELETE in every table", "a right that is missing")
        server.sql(f"GRANT DELETE ON bookspool.notice TO {DRAIN}", "bookspool")
        site.drained("the second one")
        equal(len(site.mails()), 2, "is mailed")


def passwords(server):
    """Wrong, right, and never shown."""
    uri = server.database("secrets")
    tool("ledger", "migrate", uri)
    server.sql("CREATE ROLE ann LOGIN PASSWORD 'rightsecret'; GRANT ALL ON SCHEMA bookspool TO ann;"
               "GRANT ALL ON ALL TABLES IN SCHEMA bookspool TO ann", "secrets")
    server.allow("host secrets ann 127.0.0.1/32 scram-sha-256")
    with Site(server.tcp_uri("secrets", "ann", "wrongsecret"), "settings") as site:
        site.book("one")
        os.chmod(site.path("etc/bookspool.conf"), 0o644)
        said = site.drained("a wrong password", 74)
        match(said, 'password authentication failed for user "ann"; examples/postgresql', "is named")
        found = repr(site.findings())
        match(found, "has a password, in a file that is open to others.*passfile=", "check says where it does not belong")
        match(found, "'fail', .*password authentication failed.*pg_hba.conf", "and that it is wrong")
        shown = said + found + site.run("bookspool", "status").stdout + site.run("bookspool", "list", "--conflicts").stderr
        ok("wrongsecret" not in shown, "no word of it anywhere", shown)
        passfile = site.path("pass")
        with open(passfile, "w", encoding="ascii") as file:
            file.write("127.0.0.1:*:secrets:ann:rightsecret\n")
        os.chmod(passfile, 0o600)
        site.write_settings("drain.env", {})
        site.write_settings("bookspool.conf", {
            "BOOKSPOOL_SPOOL": site.spool_dir, "BOOKSPOOL_STATE": site.state_dir, "BOOKSPOOL_RESERVE": "0,0",
            "BOOKSPOOL_MAIL_TO": "owner@example.org", "BOOKSPOOL_MAIL_FROM": "bookspool@example.org",
            "BOOKSPOOL_LEDGER": server.tcp_uri("secrets", "ann", passfile=passfile)})
        site.drained("from a file, inside the sandbox")
        equal(len(site.mails()), 1, "it is right")
        match(site.findings(), "'warn', .*nothing checks that it is the right server.*sslmode=verify-full",
              "check asks for more than encryption")


def encrypted(server):
    uri = new_ledger(server.dir, program("bookspool"))
    name = uri.split("/")[3].split("?")[0]
    ca = server.authority
    with tempfile.TemporaryDirectory() as other:
        wrong, _ = certificates(other)
        with Site(server.tcp_uri(name, sslmode="verify-full", sslrootcert=wrong)) as site:
            site.book("one")
            match(site.drained("a server of another authority", 74), "certificate verify failed", "is refused")
            match(site.findings(), "'fail', .*certificate verify failed", "by check, too")
    with Site(server.tcp_uri(name, sslmode="verify-full", sslrootcert=ca)) as site:
        site.book("one")
        site.drained("the right authority, inside the sandbox")
        match(site.findings(), "'pass', .*TLSv1", "check says so")
    with Site(server.tcp_uri(name, sslmode="require")) as site:
        match(site.findings(), "'warn', .*nothing checks that it is the right server", "encryption alone is not enough")
    with Site(server.tcp_uri(name, sslmode="disable")) as site:
        match(site.findings(), "'warn', .*is reached without encryption", "and none is said, too")


# ---- others, and a server that dies ----


def another_writer(server):
    """It holds the ledger for longer than the drain waits."""
    uri = new_ledger(server.dir, program("bookspool"))
    name = uri.split("/")[3].split("?")[0]
    with Site(uri) as site:
        site.book("one")
        held = server.hold(name, "UPDATE bookspool.writer SET turn = turn + 1")
        listed = site.run("bookspool", "list", "--conflicts", "--json")
        equal(listed.returncode, 0, "who only looks does not wait")
        match(site.drained("who writes waits for five seconds", 74), "lock timeout; another program has the ledger",
              "and says for what")
        equal(server.sql("SELECT dir FROM bookspool.spool_file", name), "new", "the event waits")
        held.end()
        site.drained("until the other one is done")
        equal(len(site.mails()), 1, "one mail")


def two_drains(server):
    """Each with a half of each booking's events, at once."""
    uri = new_ledger(server.dir, program("bookspool"))
    with Site(uri) as one, Site(uri) as other:
        for i in range(60):
            (one if i % 2 else other).book(f"b{i}", start=DAY + datetime.timedelta(hours=i))
            (other if i % 2 else one).book(f"b{i}", "booking_cancelled", start=DAY + datetime.timedelta(hours=i))
        drains = [site.start(program("bookspool-drain"), "drain.log") for site in (one, other)]
        equal([drain.wait() for drain in drains], [0, 0], "both end well")
        equal((one.spool("new"), other.spool("new")), ([], []), "with nothing left")
        equal(rows(uri, "SELECT count(*), count(DISTINCT id) FROM decision"), [(120, 120)], "all are decided")
        equal(rows(uri, "SELECT state, count(*) FROM booking GROUP BY state"), [("cancelled", 60)],
              "in the order of what happened, whoever came first")


def server_dies(server):
    """While a drain waits for its turn; and its idle connection is cut."""
    uri = new_ledger(server.dir, program("bookspool"))
    name = uri.split("/")[3].split("?")[0]
    with Site(uri) as site:
        for i in range(5):
            site.book(f"b{i}", start=DAY + datetime.timedelta(hours=i))
        held = server.hold(name, "UPDATE bookspool.writer SET turn = turn + 1")
        drain = site.start(program("bookspool-drain"), "drain.log")
        ok(wait_for(lambda: server.sql("SELECT count(*) FROM pg_locks WHERE NOT granted") != "0"), "it waits")
        server.kill()
        held.process.kill()
        held.process.communicate()
        equal(drain.wait(), 74, "the server dies, and the run ends")
        match(site.log("drain.log"), "postgresql://.*; the next run connects again", "with the reason")
        match(site.drained("so does the next one", 74), "No such file|Connection refused", "as long as there is no server")
        equal(len(site.mails()), 0, "nothing is mailed")
        server.start()
        equal(server.sql("SELECT dir, count(*) FROM bookspool.spool_file GROUP BY dir", name), "new|5", "or lost")
        site.drained("with the server again")
        equal((len(site.mails()), len(site.spool("done"))), (5, 5), "each is mailed once")
        watch = site.start([*program("bookspool-drain"), "--watch"], "watch.log")
        for i in range(2):
            site.book(f"w{i}", start=DAY + datetime.timedelta(days=1, hours=i))
            ok(wait_for(lambda: len(site.mails()) == 6 + i), "a drain that stays", site.log("watch.log"))
            server.disconnect(name)
        site.stop(watch)
        ok("ledger-" not in site.log("watch.log"), "connects again without a word", site.log("watch.log"))


def network(server):
    """A connection through a relay that is cut while a transaction waits."""
    uri = new_ledger(server.dir, program("bookspool"))
    name = uri.split("/")[3].split("?")[0]
    relay = server.relay()
    with Site(server.tcp_uri(name, port=relay.port, sslmode="disable")) as site:
        site.book("one")
        held = server.hold(name, "UPDATE bookspool.writer SET turn = turn + 1")
        drain = site.start(program("bookspool-drain"), "drain.log")
        ok(wait_for(lambda: server.sql("SELECT count(*) FROM pg_locks WHERE NOT granted") != "0"), "it waits")
        relay.cut()
        equal(drain.wait(), 74, "the network is cut, and the run ends")
        held.end()
        relay.freeze()
        drain = site.start(program("bookspool-drain"), "drain.log")
        time.sleep(0.3)
        equal(drain.poll(), None, "a network that is silent is waited for")
        relay.mend()
        equal(drain.wait(), 0, "until it speaks")
        equal(len(site.mails()), 1, "one mail")


def standby(_server):
    """Both are in the URI: the one that takes writes is taken."""
    with Postgres() as primary:
        uri = new_ledger(primary.dir, program("bookspool"))
        name = uri.split("/")[3].split("?")[0]
        with primary.standby() as second:
            both = (f"postgresql://postgres@/{name}?host={second.dir},{primary.dir}"
                    f"&port={second.port},{primary.port}")
            with Site(both) as site:
                site.book("one")
                site.drained("the primary is found behind the standby")
                ok(primary.caught_up(second), "the standby follows")
                alone = f"postgresql://postgres@/{name}?host={second.dir}"
                site.book("two")
                done = site.drain(env={"BOOKSPOOL_LEDGER": alone})
                equal(done.returncode, 74, "a standby alone is refused")
                match(done.stderr, "session is read-only; that server takes no writes: name the primary", "in words")
                listed = site.run("bookspool", "list", "--conflicts", "--json", env={"BOOKSPOOL_LEDGER": alone})
                equal(listed.returncode, 0, "it is good enough to look")
                primary.kill()
                second.promote()
                site.drained("the primary is dead, the standby promoted")
                equal(len(site.mails()), 2, "two mails")
                equal(second.sql("SELECT count(*) FROM bookspool.decision", name), "2", "and two decisions")


# ---- from one to the other ----


def copies(server):
    with Site("sqlite:/dev/null") as site:
        here, back = f"sqlite:{site.path('here.db')}", f"sqlite:{site.path('back.db')}"
        for i in range(30):
            site.book(f"Ä{i}" if i % 3 else f"a{i}", start=DAY + datetime.timedelta(hours=i // 2))
            if i % 4 == 0:
                site.book(f"a{i}", "booking_cancelled", start=DAY + datetime.timedelta(hours=i // 2))
        equal(site.drain(env={"BOOKSPOOL_LEDGER": here}).returncode, 0, "a ledger of SQLite")
        there = new_ledger(server.dir, program("bookspool"))

        def copy(source, target, code=0):
            done = site.run("bookspool", "ledger", "copy", source, target, "--json")
            equal(done.returncode, code, "copied" if not code else "not copied")
            return json.loads(done.stdout) if not code else done.stderr

        tables = "booking person notice decision overlap entry shared detail host place agenda token answer".split()

        def contents(ledger):
            columns = {name: ", ".join(f'"{column}"' for column, in site.ledger_rows(
                f"SELECT name FROM pragma_table_info('{name}')", here)) for name in tables}
            return {name: sorted(map(repr, site.ledger_rows(f"SELECT {columns[name]} FROM {name}", ledger)))
                    for name in tables}

        first = copy(here, there)
        equal(first["rows"], first["written"], "to PostgreSQL")
        ok(contents(there) == contents(here), "every row is the same")
        equal(copy(here, there), {"rows": first["rows"], "written": 0}, "once more, nothing is written")
        rows(there, "DELETE FROM notice WHERE uid > 'a2'; DELETE FROM detail")
        lost = first["rows"] - sum(map(len, contents(there).values()))
        equal(copy(here, there)["written"], lost, "a part of it: only what is missing")
        equal(copy(there, back)["written"], first["rows"], "and back")
        ok(contents(back) == contents(here), "every row is the same")
        rows(there, "UPDATE booking SET title = 'Another' WHERE uid = 'a0'")
        before = contents(there)
        match(copy(here, there, 65), "has other data \\(table booking\\)", "a row that differs")
        rows(there, "DELETE FROM booking WHERE uid = 'a0'; INSERT INTO host VALUES('x@example.org', 'UTC', 1)")
        match(copy(here, there, 65), "has other data \\(table host\\)", "a row that is not there")
        equal(len(contents(there)["booking"]), len(before["booking"]) - 1, "nothing is written then")
        shown = site.terminal("ledger", "copy", here, f"sqlite:{site.path('third.db')}")
        if shown is not None:
            match(shown, "rows are the same in both", "for people")


def cut_short(server):
    """Killed in the middle, the same command goes on."""
    there = new_ledger(server.dir, program("bookspool"))
    with Site("sqlite:/dev/null") as site:
        here = f"sqlite:{site.path('here.db')}"
        site.book("one")
        site.drain(env={"BOOKSPOOL_LEDGER": here})
        site.ledger_rows("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000)"
                         " INSERT INTO host SELECT printf('h%05d@example.org', i), 'UTC', 1 FROM n", here)
        process = site.start([*program("bookspool"), "ledger", "copy", here, there], "copy.log")
        wait_for(lambda: process.poll() is not None or rows(there, "SELECT count(*) FROM host")[0][0] > 0, step=0)
        site.stop(process, signal.SIGKILL)
        got = rows(there, "SELECT count(*) FROM host")[0][0]
        ok(got % 1000 == 0 or got == 5001, f"whole batches are there: {got}")
        done = site.run("bookspool", "ledger", "copy", here, there, "--json")
        equal((done.returncode, rows(there, "SELECT count(*) FROM host")), (0, [(5001,)]), "and then all")


need_postgres()
with tempfile.TemporaryDirectory() as authority:
    trusted, own = certificates(authority)
    with Postgres(certificate=own) as here:
        here.authority = trusted
        run_parts((units, stories, roles, passwords, encrypted, another_writer, two_drains, server_dies, network,
                   standby, copies, cut_short), here)
finish()
