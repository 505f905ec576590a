"""A world without a receiver, whose drain mails by the transport under test."""

import hashlib
import os
import stat

from bookspool import World, key_of, sample

DONE, HOLD, WRONG = 0, 75, 78
SENT, RETRY, NEVER, UNKNOWN, HELD = "sent", "retry", "never", "unknown", "held"


class Mailer(World):
    """`url` is BOOKSPOOL_TRANSPORT; more settings go into drain.env beside it."""

    def __init__(self, url, **settings):
        super().__init__(drain={"BOOKSPOOL_TRANSPORT": url, "BOOKSPOOL_EHLO": "client.example",
                                **settings})

    def arrive(self, body=None, provider="calcom", event="BOOKING_CREATED"):
        body = sample("calcom", "booking_created") if body is None else body
        key = key_of(provider, body)
        head = (f"Bookspool: 1\nKey: {key}\nProvider: {provider}\nEvent: {event}\n"
                f"Received: 2026-11-21T10:00:00.123Z\nKey-Used: primary\n"
                f"Length: {len(body)}\nSha256: {hashlib.sha256(body).hexdigest()}\n\n")
        folder = os.path.join(self.spool_dir, "new")
        os.makedirs(folder, mode=0o770, exist_ok=True)
        with open(os.path.join(folder, key), "wb") as file:
            file.write(head.encode() + body)
        return key

    def outcome(self):
        """What came of the only mail, from where it lies and how it is marked."""
        if self.spool("sent"):
            return SENT
        if self.spool("failed"):
            return NEVER
        name = self.spool("out")[0]
        state = os.stat(os.path.join(self.spool_dir, "out", name))
        if state.st_mode & stat.S_IXUSR:
            return UNKNOWN
        return RETRY if state.st_mtime > os.stat(self.spool_dir).st_mtime + 30 else HELD

    def marked(self):
        """The mails in out/ whose outcome is unknown, at least for the moment."""
        return [name for name in self.spool("out")
                if os.stat(os.path.join(self.spool_dir, "out", name)).st_mode & stat.S_IXUSR]

    def due_now(self):
        for name in self.spool("out"):
            os.utime(os.path.join(self.spool_dir, "out", name))

    def failed(self):
        return [name for name in self.spool("failed") if not name.endswith(".why")]

    def why(self):
        """What stands beside the first mail that was given up."""
        with open(os.path.join(self.spool_dir, "failed", self.failed()[0] + ".why"),
                  encoding="utf-8") as file:
            return file.read()


def big():
    """A body that is not understood travels along; this one is larger than all buffers between."""
    return b'{"triggerEvent":"SOMETHING","createdAt":"2026-11-21T10:00:00Z","x":"%s"}' % (
        os.urandom(6000000).hex().encode())
