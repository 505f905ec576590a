"""What tests/powercut.t holds one state of the disk against: the promise at that position, and a
trial of what the programs make of it."""

import os
import re
import sqlite3
import stat
from collections import Counter
from contextlib import closing

from powercut import TWO_STEPS, Disk, build
from powercut_site import mail_names, message_name, whole


class Promise:
    """What holds at one position of a recording, from its beginning on, by all of its syncs."""

    def __init__(self, scene, rename):
        self.disk = Disk(scene.log.baseline, rename)
        self.answered, self.held, self.marks = set(scene.story.answered), set(), set()
        self.promised = {b"200": self.answered, b"403": self.held}
        self.given, self.streams, self.last = Counter(scene.story.earlier), {}, None
        self.ended = set()  # mails of runs that ended well

    def apply(self, record):
        self.disk.apply(record)
        self.last = None
        if record.what == "mark":
            self.marks.add(" ".join(record.words))
            self.ended |= set(self.given)
        if record.what == "said":
            self._said(record.words[0], record.data)

    def _said(self, socket, data):
        found = re.search(rb'Status: (\d+).*"id":"([0-9a-f]{32})"', data, re.S)
        if found and found[1] in self.promised:
            self.promised[found[1]].add(found[2].decode())
        stream = self.streams[socket] = self.streams.get(socket, b"") + data
        if stream.endswith(b"\r\n.\r\n"):
            self.last = message_name(stream)
            self.given[self.last] += 1
            self.streams[socket] = b""

    def _settled(self, name):
        """It may not go out again: the run has ended well, or its rename is durable, or the mark
        that stands for it and is not being taken away."""
        if name in self.ended:
            return True
        waits, sent = self.disk.durable("spool/out", name), self.disk.durable("spool/sent", name)
        if waits and waits is not sent:
            return bool((waits.mode or 0) & (waits.mode_now or 0) & stat.S_ISVTX)
        return bool(sent)

    def here(self):
        """Plain data for the processes that try."""
        settled = {name for name in self.given if self._settled(name)}
        return {"answered": sorted(self.answered), "held": sorted(self.held),
                "marks": sorted(self.marks), "given": dict(self.given),
                "perhaps": self.last, "open": sorted(set(self.given) - settled)}


# ---- one state ----


class Trial:
    """One state, one order of what follows, and what is wrong with what came of it."""

    def __init__(self, site, story, case):
        self.site, self.story, self.tree = site, story, case["tree"]
        self.promise, self.retry_first = case["promise"], case["retry_first"]
        self.split = case["rename"] == TWO_STEPS
        self.breaches = []

    def expect(self, holds, what):
        if not holds:
            self.breaches.append(what)

    def on_disk(self, *path):
        return (self.tree.get("/".join(("spool", *path))) or (None,))[0]

    def run(self):
        self.site.fresh()
        build(self.tree, self.site.dir)
        self.look()
        if self.retry_first:
            self.deliver(key for key in self.story.posted if key not in self.promise["answered"])
        self.settle()
        answered = [key for key in self.story.posted if key in self.promise["answered"]]
        self.expect_mailed(answered, "without a retry")
        self.deliver([*self.story.posted, *self.story.quiet])
        if any(self.site.spool(d) for d in ("new", "out", "replay")):
            self.settle()
        self.judge()
        return self.breaches

    # ---- the state as it lies ----

    def look(self):
        for key in self.promise["answered"]:
            events = [self.on_disk(d, key) for d in ("new", "done")]
            mails = [any(self.on_disk(d, name) for d in ("out", "sent", "failed"))
                     or self.certain(name) or (self.split and self.on_disk("failed", name + ".why"))
                     for name in mail_names(key)]
            self.expect(any(data and whole(data) for data in events) or all(mails),
                        f"{key} was answered 200, and is nowhere")
        for key in self.promise["held"]:
            self.expect(any(self.on_disk(d, key) for d in ("held", "new", "done")),
                        f"{key} was held, and is nowhere")
        for path in self.tree:
            if re.match(r"spool/(failed|bad)/.*[0-9a-f]$", path) and not self.mended(path):
                why = (self.tree.get(path + ".why") or (b"",))[0]
                self.expect(why.endswith(b"\n"), f"{path} has no reason beside it")
        for path in self.story.kept:
            self.expect(path in self.tree, f"{path} is gone")

    def mended(self, path):
        """A whole event goes back from bad/ to new/, and needs no reason any more."""
        return path.startswith("spool/bad/") and whole(self.tree[path][0])

    # ---- what follows ----

    def deliver(self, keys):
        for key in keys:
            body = self.story.posted.get(key) or self.story.quiet[key]
            status, said = self.site.post(body)
            self.expect(status == 200, f"a retry of {key} is answered {status} {said}")

    def settle(self):
        status, said = self.site.settle()
        self.expect(status == 0, f"the drain ends with {status}: {said[-400:]}")

    # ---- what came of it ----

    def before(self, name):
        return self.promise["given"].get(name, 0)

    def certain(self, name):
        """The server may have missed the last bytes, if they came last before the cut."""
        return self.before(name) - (name == self.promise["perhaps"])

    def given_up(self, name):
        lies = self.site.spool("failed")
        return name + ".why" in lies and (name in lies or self.split)

    def expect_mailed(self, keys, how):
        accepted = self.site.accepted()
        for name in (name for key in keys for name in mail_names(key)):
            self.expect(accepted[name] + self.certain(name) >= 1
                        or (name in self.story.refused and self.given_up(name)),
                        f"{name} is not mailed {how}")

    def most(self, name):
        """How often a mail may still go out after the cut."""
        return 1 if not self.before(name) or name in self.promise["open"] else 0

    def judge(self):
        accepted = self.site.accepted()
        self.expect_mailed(self.story.posted, "in the end")
        for key in self.story.posted:
            self.expect(key in self.site.spool("done"), f"{key} is not in done/")
        allowed = set(self.story.expected())
        allowed |= self.judge_replays(accepted) | self.judge_held(accepted)
        for name, count in accepted.items():
            self.expect(name in allowed, f"{name} should not be mailed")
            self.expect(count <= self.most(name),
                        f"{name} is mailed {count} times after {self.before(name)} times")
        for message in self.site.server.accepted:
            self.judge_message(message)
        self.judge_ledger()
        left = [f"{d}/{n}" for d in ("new", "out", "replay", "bad") for n in self.site.spool(d)
                if f"{d}/{n.removesuffix('.why')}" not in self.story.may_stay]
        self.expect(not left, f"left over: {left}")

    def judge_replays(self, accepted):
        names = {n for n in [*accepted, *self.promise["given"]] if n and "." in n}
        for key in self.story.replayed:
            claims = {n.partition("-")[0] for n in names if n.startswith(key)}
            least = 1 if f"replay {key}" in self.promise["marks"] else 0
            self.expect(least <= len(claims) <= 1, f"{key} is mailed again as {claims}")
            for name in (name for claim in claims for name in mail_names(claim)):
                self.expect(accepted[name] + self.certain(name) >= 1, f"{name} is not mailed")
        return {n for n in names if n.partition(".")[0] in self.story.replayed}

    def judge_held(self, accepted):
        for key in self.story.held:
            mailed = [accepted[name] + self.before(name) > 0 for name in mail_names(key)]
            if f"release {key}" in self.promise["marks"]:
                self.expect(all(mailed), f"{key} was released and is not mailed")
            elif key in self.promise["held"]:
                self.expect(all(mailed) or key in self.site.spool("held"), f"{key} is lost")
        return {name for key in self.story.held for name in mail_names(key)}

    def judge_ledger(self):
        path = os.path.join(self.site.state_dir, "ledger.db")
        if not os.path.exists(path):
            return
        try:
            with closing(sqlite3.connect(path)) as ledger:
                said = ledger.execute("pragma integrity_check").fetchall()
        except sqlite3.Error as error:
            said = error
        self.expect(said == [("ok",)], f"the ledger is damaged: {said}")

    def judge_message(self, message):
        """It is what the spool holds, and what would have been mailed without the cut."""
        name = message_name(message)
        if name not in self.site.spool("sent"):
            self.breaches.append(f"{name} is not in sent/")
            return
        with open(self.site.file("sent", name), "rb") as file:
            data = file.read()
        self.expect(whole(data) and data.partition(b"\n\n")[2].rstrip() == message.rstrip(),
                    f"{name} is not mailed as it lies in sent/")
        # a retry may come before the mail where nothing was answered, and has a time of its own
        known = self.before(name) or name[:32] in self.promise["answered"]
        if known and not self.split and name in self.story.messages:
            self.expect(message == self.story.messages[name],
                        f"{name} differs from what is mailed without a power cut")
