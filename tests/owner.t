#!/usr/bin/python3
"""Root and the spool's own user: what root starts leaves nothing that the user cannot use, and what root
has left is found, named, and repaired by the command that is printed.

The user is `nobody`, to whom this test gives the spool, the state directory and a copy of the programs.
"""

import os
import re
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from bookspool import (BIN, ENDPOINT, World, equal, finish, is_root, id_of, match, ok,  # noqa: E402
                       sample, sign, skip_all)
from fcgi import Client, params, request  # noqa: E402

NOBODY = 65534
AS_NOBODY = {"user": NOBODY, "group": NOBODY, "extra_groups": []}
DIRECTORIES = ("tmp", "new", "replay", "done", "out", "sent", "failed", "held", "bad")

if not is_root():
    skip_all("only root can be another user")


class Office(World):
    """A site of nobody's."""

    def __init__(self):
        super().__init__()
        os.chmod(self.dir, 0o777)
        self.bin = self.path("bin")
        os.makedirs(self.bin)
        for name in ("bookspool", "bookspool-fcgi", "bookspool-drain"):
            shutil.copy(os.path.join(BIN, name), self.bin)
        for folder in (self.spool_dir, self.state_dir, self.path("etc")):
            os.chown(folder, NOBODY, NOBODY)
        for name in os.listdir(self.path("etc")):
            os.chown(self.path("etc", name), NOBODY, NOBODY)

    def command(self, name, *args, **more):
        return subprocess.run([os.path.join(self.bin, name), *args], env=self.env(), text=True,
                              capture_output=True, timeout=120, stdin=subprocess.DEVNULL,
                              cwd=self.dir, **more)

    def receiver(self, **more):
        process = self.start([os.path.join(self.bin, "bookspool-fcgi"), "--listen",
                              "unix:" + self.socket], "receiver.log", **more)
        self.wait_until_up(process, self.socket, "receiver.log")
        return process

    def post(self):
        body = sample("calcom", "booking_created")
        values = params("POST", ENDPOINT["calcom"], body,
                        sign("calcom", body, self.secret["calcom"]))
        with Client(self.socket) as client:
            client.send(request(values, body))
            answer = client.answer()
        return answer and answer.status, id_of("calcom", body)

    def of_root(self):
        """Everything in spool and state that is not nobody's."""
        found = []
        for top in (self.spool_dir, self.state_dir, self.socket):
            for folder, directories, files in os.walk(top):
                found += [os.path.join(folder, name) for name in directories + files]
        return [path for path in found if os.lstat(path).st_uid != NOBODY]


def started_by_root():
    with Office() as office:
        receiver = office.receiver()
        status, key = office.post()
        equal(status, 200, "a receiver that root has started answers")
        equal(office.of_root(), [], "and all that it makes is the spool owner's")
        equal(os.stat(office.socket).st_uid, NOBODY, "the socket too")
        equal(office.stop(receiver), 0, "it ends cleanly")
        done = office.command("bookspool-drain", **AS_NOBODY)
        ok(done.returncode == 0 and office.spool("done") == [key], "the owner's drain can work", done)
        receiver = office.receiver(**AS_NOBODY)
        equal(office.post()[0], 200, "and the owner's receiver")
        equal(os.stat(f"/proc/{receiver.pid}/environ").st_uid, 0, "which no debugger of his may read")
        office.stop(receiver)


def findings(office, name):
    """What fails in `bookspool check`, and the commands that it names."""
    done = office.command("bookspool", "check")
    wrong = [line for line in done.stdout.splitlines() if line.startswith("fail")]
    commands = set(re.findall(r"run as root: (chown .*)", done.stdout))
    equal(done.returncode, 78 if wrong else 0, f"{name}: the exit status of check says so")
    return wrong, commands


def damaged_directories():
    with Office() as office:
        for name in DIRECTORIES:
            os.mkdir(office.file(name))
            os.chmod(office.file(name), 0o2770)  # as a receiver of root made them
        for name, args in (("bookspool-fcgi", ("--listen", "unix:" + office.socket)),
                           ("bookspool-drain", ())):
            done = office.command(name, *args, **AS_NOBODY)
            equal(done.returncode, 78, f"directories of root: {name} refuses")
            match(done.stderr, f"{office.file('tmp')}: Permission denied: it belongs to root, the spool "
                  f"to nobody; run as root: chown -R nobody:nogroup {office.spool_dir}",
                  "and names path, owners and command")
        wrong, commands = findings(office, "directories of root")
        equal(sum("belongs to root" in line for line in wrong), len(DIRECTORIES), "check names all")
        equal(commands, {f"chown -R nobody:nogroup {office.spool_dir}"}, "and one command")
        for command in commands:
            subprocess.run(command, shell=True, check=True)
        equal(findings(office, "repaired"), ([], set()), "which repairs it")
        receiver = office.receiver(**AS_NOBODY)
        equal(office.post()[0], 200, "and the receiver works")
        office.stop(receiver)


def damaged_files():
    with Office() as office:
        office.command("bookspool-drain", **AS_NOBODY)
        equal(findings(office, "before"), ([], set()), "nothing is wrong")
        counters = os.path.join(office.state_dir, "counters")
        key = office.put_event("new", "calcom", sample("calcom", "booking_created"))
        for path in (counters, office.file("new", key)):
            os.chown(path, 0, 0)
        os.chmod(counters, 0o600)
        done = office.command("bookspool-drain", **AS_NOBODY)
        match(done.stderr, f"new/{key}: Permission denied", "a drain names an event that it cannot read")
        match(done.stderr, "counters-in-memory: .*/counters: Permission denied; `bookspool check`",
              "and says how to repair the counters")
        wrong, commands = findings(office, "files of root")
        match(wrong, f"{office.file('new')}: files of another user than the spool's owner: 1, such as {key} of root",
              "check names a file of the spool")
        match(wrong, f"{office.state_dir}: files of another user than the spool's owner: 1, such as counters of root",
              "and one of the state directory")
        for command in commands:
            subprocess.run(command, shell=True, check=True)
        equal(findings(office, "repaired"), ([], set()), "the commands repair it")
        equal(office.command("bookspool-drain", **AS_NOBODY).returncode, 0, "the drain works again")
        equal(office.spool("done"), [key], "and the event is done")
        os.chown(office.file("new"), 0, NOBODY)
        os.chmod(office.file("new"), 0o2770)
        equal(findings(office, "shared")[0], [], "what the group may use is not wrong")


started_by_root()
damaged_directories()
damaged_files()
finish()
