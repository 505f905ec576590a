"""A world without a receiver, whose drain mails by the transport under test."""

import os
import stat
import time

from bookspool import MESSAGE, World, mail_file, mark_of, sample, utc

DONE, HOLD, WRONG = 0, 75, 78
SENT, RETRY, NEVER, UNKNOWN, HELD = "sent", "retry", "never", "unknown", "held"


class Mailer(World):
    """`url` is BOOKSPOOL_TRANSPORT; more settings go into drain.env beside it."""

    def __init__(self, url, **settings):
        super().__init__(drain={"BOOKSPOOL_TRANSPORT": url, "BOOKSPOOL_EHLO": "client.example",
                                **settings})

    def arrive(self, body=None):
        """An event, or what begins like MESSAGE: a mail that is composed already."""
        body = sample("calcom", "booking_created") if body is None else body
        if not body.startswith(MESSAGE):
            return self.put_event("new", "calcom", body)
        key = os.urandom(16).hex()
        self.write("out", f"{key}-{mark_of('owner@example.org')}",
                   mail_file(key, body, Queued=utc(time.time())))
        return key

    def outcome(self):
        """What came of the only mail, from where it lies and how it is marked."""
        if self.spool("sent"):
            return SENT
        if self.spool("failed"):
            return NEVER
        name = self.spool("out")[0]
        state = os.stat(self.file("out", name))
        if state.st_mode & stat.S_IXUSR:
            return UNKNOWN
        return RETRY if state.st_mtime > os.stat(self.spool_dir).st_mtime + 30 else HELD

    def marked(self):
        """The mails in out/ whose outcome is unknown, at least for the moment."""
        return [name for name in self.spool("out")
                if os.stat(self.file("out", name)).st_mode & stat.S_IXUSR]

    def due_now(self):
        for name in self.spool("out"):
            os.utime(self.file("out", name))

    def failed(self):
        return [name for name in self.spool("failed") if not name.endswith(".why")]

    def why(self):
        """What stands beside the first mail that was given up."""
        with open(self.file("failed", self.failed()[0] + ".why"),
                  encoding="utf-8") as file:
            return file.read()


def big():
    """A mail that is larger than all buffers on its way, and than those that the drain makes."""
    return MESSAGE + b"".join(os.urandom(35).hex().encode() + b"\r\n" for _ in range(160_000))
