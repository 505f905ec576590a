#!/usr/bin/python3
"""UPGRADE AND ROLLBACK, BACKUP AND RESTORE of bookspool(1): an earlier ledger is brought up to date and kept,
a later one is refused, and the page's commands are run as they are written there."""

import glob
import os
import re
import shutil
import sqlite3
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
import sites  # noqa: E402
from bookspool import BIN, TOP, equal, finish, match, ok, program, run_parts, wait_for  # noqa: E402


def page(section):
    with open(os.path.join(TOP, "src/tool/bookspool.1"), encoding="utf-8") as file:
        text = re.search(rf"^\.Sh {section}\n(.*?)^\.Sh ", file.read(), re.M | re.S)[1]
    return re.findall(r"^\.Dl (.*)$", text, re.M)


def known_version():
    """Of the ledger that this program makes."""
    with open(os.path.join(TOP, "src/ledger/store_sqlite.c"), encoding="utf-8") as file:
        steps = re.search(r"upgrades\[\] = \{\n(.*?)\n\};", file.read(), re.S)[1]
    return len(re.findall(r";\",$", steps, re.M))


class Case(sites.Site):
    def __init__(self, **more):
        super().__init__(**more)
        for name in "tmp new replay done out sent failed held bad".split():
            os.mkdir(self.file(name), 0o770)
        self.ledger = os.path.join(self.state_dir, "ledger.db")
        self.shell_env = self.env({"PATH": f"{BIN}:{os.environ['PATH']}"})

    def sql(self, text, path=None):
        db = sqlite3.connect(path or self.ledger)
        with db:
            rows = db.execute(text).fetchall()
        db.close()
        return rows

    def follow(self, commands, **names):
        for command in commands:
            for name, value in {"/var/backups": self.dir, "var/spool/bookspool": self.spool_dir.lstrip("/"),
                                "var/lib/bookspool": self.state_dir.lstrip("/"),
                                "etc/bookspool": self.path("etc").lstrip("/"), **names}.items():
                command = command.replace(name, value)
            done = subprocess.run(["sh", "-c", command], env=self.shell_env, cwd=self.dir, text=True, capture_output=True)
            equal(done.returncode, 0, command[:90])
            self.said = done.stdout + done.stderr

    def mailed(self, *ids):
        """How often each was mailed."""
        return [len([name for name in self.spool("sent") if name.startswith(one)]) for one in ids]


def later_ledger(case, version):
    """What a later version would leave: another version number, and a table that this one does not know."""
    case.sql("CREATE TABLE later(x)")
    case.sql(f"PRAGMA user_version = {version}")


def rollback():
    with Case() as case:
        known = known_version()
        first = case.put("new", 1, 5)
        case.drain()
        shutil.copy(case.ledger, f"{case.ledger}.{known}")  # as the later version does before it changes it
        long_ago = case.sql("SELECT count(*) FROM booking")
        second = case.put("new", 2, 5)
        case.drain()
        later_ledger(case, known + 1)
        third = case.put("new", 3, 5)
        done = case.drain()
        equal(done.returncode, 74, "a ledger of a later version is refused")
        match(done.stderr, f"has version {known + 1}, of a newer bookspool; this one knows up to {known}:", "with both versions")
        equal(case.spool("new"), [third], "the event waits")
        os.remove(case.file("done", first))  # older than the retention: only the copy knows its booking
        case.follow(page("UPGRADE AND ROLLBACK"), **{"ledger.db.5": f"ledger.db.{known}"})
        equal(case.mailed(first, second, third), [1, 1, 1], "each is mailed, and once")
        equal(case.sql("SELECT count(*) FROM booking"), [(long_ago[0][0] + 2,)], "and all their bookings are known")
        equal(case.sql("SELECT count(*) FROM decision"), [(3,)], "with their decisions")


def files_of_a_later_version():
    with Case() as case:
        key = case.put("new", 1, 5)
        path = case.file("new", key)
        with open(path, "rb") as file:
            data = file.read()
        with open(path, "wb") as file:
            file.write(data.replace(b"Bookspool: 1\n", b"Bookspool: 2\n", 1))
        os.utime(path, (os.stat(path).st_mtime - 4000,) * 2)
        match(case.drain().stderr, "a later version of bookspool wrote it", "an event of a later form is named as that")
        equal((case.spool("new"), case.spool("out")), ([], []), "and is not mailed")
        with open(case.file("bad", key), "wb") as file:  # as the later version reads it
            file.write(data)
        case.drain()
        equal(case.mailed(key), [1], "a version that knows it mails it")


def make_earlier(case):
    """The last step of the program's own upgrades is undone by hand. The version before it."""
    case.put("new", 1, 5)
    case.drain()
    known = known_version()
    case.sql(f"PRAGMA user_version = {known - 1}")
    with open(os.path.join(TOP, "src/ledger/store_sqlite.c"), encoding="utf-8") as file:
        text = file.read()
    step = re.search(r"upgrades\[\] = \{\n(.*?)\n\};", text, re.S)[1].split(';",\n')[known - 1]
    undo_step(case, step)
    return known - 1


def beside(case):
    return sorted(os.path.basename(name) for name in glob.glob(case.ledger + ".*"))


def earlier_ledger():
    with Case() as case:
        known = make_earlier(case) + 1
        key = case.put("new", 2, 5)
        equal(case.drain().returncode, 0, "an earlier ledger is brought up to date")
        equal(case.mailed(key), [1], "and used")
        copy = f"{case.ledger}.{known - 1}"
        equal(case.sql("PRAGMA user_version", copy), [(known - 1,)], "the earlier one is beside it")
        equal(case.sql("SELECT count(*) FROM decision", copy), [(1,)], "with what it knew")
        equal(os.stat(copy).st_mode & 0o777, 0o660, "for the same users")
        equal(beside(case), [os.path.basename(copy)], "and nothing else")


def undo_step(case, step):
    for table in re.findall(r"CREATE TABLE (\w+)", step):
        case.sql(f"DROP TABLE {table}")
    for index in re.findall(r"CREATE INDEX (\w+)", step):
        case.sql(f"DROP INDEX IF EXISTS {index}")
    for table, column in re.findall(r"ALTER TABLE (\w+) ADD COLUMN (\w+)", step):
        case.sql(f"ALTER TABLE {table} DROP COLUMN {column}")


def no_room_for_a_copy():
    with Case(settings={"BOOKSPOOL_RESERVE": "1024G"}) as case:
        earlier = make_earlier(case)
        key = case.put("new", 2, 5)
        done = case.drain()
        equal(done.returncode, 74, "a copy that would take the reserve is not made")
        match(done.stderr, r"ledger-unusable: .*that needs \d+ MiB free \(the copy 1, BOOKSPOOL_RESERVE 1048576\), and \d+ are",
              "the drain says how much is missing")
        equal(beside(case), [], "and writes nothing")
        equal(case.sql("PRAGMA user_version"), [(earlier,)], "the ledger is as it was")
        equal(case.run("bookspool-drain", env={"BOOKSPOOL_RESERVE": "0,0"}).returncode, 0, "with room it is brought up to date")
        equal((case.mailed(key), beside(case)), ([1], [f"ledger.db.{earlier}"]), "and kept")


def copy_cut_short():
    """A drain is killed while it makes the copy; where it was faster, there is nothing to clean."""
    with Case() as case:
        earlier = make_earlier(case)
        case.sql("CREATE TABLE large AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 40)"
                 " SELECT randomblob(1000000) FROM n")
        case.put("new", 2, 5)
        process = case.start(program("bookspool-drain"), "drain.log")
        wait_for(lambda: beside(case) or process.poll() is not None)
        process.kill()
        process.wait()
        case.drain()
        equal(beside(case), [f"ledger.db.{earlier}"], "a copy that was cut short is replaced by the next drain")
        for end in ("", ".new", ".new-journal"):
            with open(f"{case.ledger}.{earlier}{end}", "w", encoding="ascii"):
                pass
        done = case.run("bookspool", "forget", "nobody@example.net")
        equal((done.returncode, beside(case)), (0, []), "forget removes copies, complete or not")


def backup():
    with Case() as case:
        first = case.put("new", 1, 5)
        case.drain()
        second = case.put("new", 2, 5)
        kept, mode = case.sql("SELECT * FROM decision"), os.stat(case.file("new")).st_mode
        commands = page("BACKUP AND RESTORE")
        case.follow([" && ".join(commands[:2])])
        equal(os.stat(case.path("bookspool.tgz")).st_mode & 0o777, 0o600, "the archive is for its owner only")
        for folder in (case.spool_dir, case.state_dir, case.path("etc")):
            shutil.rmtree(folder)
        case.follow(commands[2:4])
        equal(case.sql("SELECT * FROM decision"), kept, "restored: the ledger")
        equal(os.stat(case.file("new")).st_mode, mode, "modes")
        equal((case.spool("new"), case.spool("done")), ([second], [first]), "the spool")
        equal(case.drain().returncode, 0, "the drain runs")
        equal(case.mailed(first, second), [1, 1], "what waited is mailed, what was mailed is not")


run_parts((rollback, files_of_a_later_version, earlier_ledger, no_room_for_a_copy, copy_cut_short, backup))
finish()
