"""A world for tests/powercut.t: with a mail server, and posts that need no running receiver."""

import hashlib
import os
import re
import shutil
import subprocess
from collections import Counter

from bookspool import ENDPOINT, PATIENCE, World, id_of, mark_of, program, sample, sign
from fcgi import params
from smtp_peer import REPLIES

RECIPIENTS = "owner@example.org", "other@example.org"
MARKS = {address: mark_of(address) for address in RECIPIENTS}


def mail_names(name):
    return [f"{name}-{mark}" for mark in MARKS.values()]


def message_name(message):
    found = re.search(rb"(?im)^message-id: *<([^@>]+)@", message)
    return found[1].decode() if found else None


def whole(data):
    """Is it a whole file of the spool?"""
    head, _, body = data.partition(b"\n\n")
    fields = dict(line.split(b": ", 1) for line in head.split(b"\n") if b": " in line)
    return (fields.get(b"Length") == str(len(body)).encode()
            and fields.get(b"Sha256") == hashlib.sha256(body).hexdigest().encode())


class Site(World):
    """A world with a mail server, where posts need no running receiver."""

    def __init__(self, server, secret):
        super().__init__({"BOOKSPOOL_TRANSPORT": f"smtp+plain://127.0.0.1:{server.port}",
                          "BOOKSPOOL_MAIL_TO": ", ".join(RECIPIENTS)},
                         {"CALCOM_WEBHOOK_SECRET": secret,
                          "CALCOM_WEBHOOK_REPLAY_WINDOW": "36000"})  # for a slow machine
        self.server = server
        self.secret["calcom"] = secret

    def fresh(self):
        for directory in (self.spool_dir, self.state_dir):
            shutil.rmtree(directory)
            os.makedirs(directory, mode=0o770)
        self.server.accepted.clear()
        self.server.replies = dict(REPLIES)

    def accepted(self):
        return Counter(map(message_name, self.server.accepted))

    def post(self, body):
        """Through plain CGI: the status and what is said about the event."""
        signature = sign("calcom", body, self.secret["calcom"])
        values = params("POST", ENDPOINT["calcom"], body, signature)
        done = subprocess.run(program("bookspool-fcgi"), input=body, capture_output=True,
                              env=self.env(values), cwd=self.dir, timeout=2 * PATIENCE)
        head, _, said = done.stdout.partition(b"\r\n\r\n")
        found = re.search(rb"(?im)^status: *(\d+)", head)
        return int(found[1]) if found else 200, said.decode()

    def posted(self, count=1):
        """That many events in new/: {key: body}."""
        bodies = [sample("calcom", "booking_created") for _ in range(count)]
        for body in bodies:
            self.post(body)
        return {id_of("calcom", body): body for body in bodies}

    def make_due(self):
        for name in self.spool("out"):
            os.utime(self.file("out", name))

    def settle(self):
        """Runs the drain until nothing is left to do: how the last run ended, and what was said."""
        said = ""
        for _ in range(4):
            self.make_due()
            done = self.drain()
            said += done.stderr
            if done.returncode or not (self.spool("out") or self.spool("replay")):
                break
        return done.returncode, said
