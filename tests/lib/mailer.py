"""A world without a receiver, whose drain mails by the transport under test."""

import os
import stat

from bookspool import World, sample

DONE, HOLD, WRONG = 0, 75, 78
SENT, RETRY, NEVER, UNKNOWN, HELD = "sent", "retry", "never", "unknown", "held"


class Mailer(World):
    """`url` is BOOKSPOOL_TRANSPORT; more settings go into drain.env beside it."""

    def __init__(self, url, **settings):
        super().__init__(drain={"BOOKSPOOL_TRANSPORT": url, "BOOKSPOOL_EHLO": "client.example",
                                **settings})

    def arrive(self, body=None):
        body = sample("calcom", "booking_created") if body is None else body
        return self.put_event("new", "calcom", body)

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
    """A body that is not understood travels along; this one is larger than all buffers between."""
    return b'{"triggerEvent":"SOMETHING","createdAt":"2026-11-21T10:00:00Z","x":"%s"}' % (
        os.urandom(6000000).hex().encode())
