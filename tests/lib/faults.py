"""Death and failure at every step: what the tests/faults-*.t share.

Two preloaded libraries (tests/faults/) count what a program does, and kill it or fail it at the
Nth: shim.so file, network and process calls, alloc.so allocations. N goes from 1 until a run is
untouched. After each, everything is simply run again, and what came of it is compared with
the promise of bookspool-spool(5).

    with Trial() as trial: ...          a world whose spool is emptied between trials
    series(name, jobs, work)            one line of TAP for many trials, run in several processes

A `Step` is where a trial strikes: a call by name and number, or an allocation.
"""

import collections
import email
import json
import os
import re
import secrets
import shutil
import signal
import tempfile
import traceback

from fault_steps import LOOSE, Call, Step, describe, tells
from bookspool import BIN, World, event_file, id_of, mark_of, ok, sample, skip_all, wait_for
from smtp_peer import Scripted

SHIM = os.path.join(BIN, "tests/shim.so")
ALLOC = os.path.join(BIN, "tests/alloc.so")
DIRS = ("tmp", "new", "replay", "done", "out", "sent", "failed", "held", "bad")
OWNER = mark_of("owner@example.org")

# No power is cut here, and the trials are many: memory will do.
if os.access("/dev/shm", os.W_OK) and "TMPDIR" not in os.environ:
    tempfile.tempdir = "/dev/shm"

# ---- mails ----


def essence(message, token, key):
    """What a message says, without what tells one booking from another."""
    parsed = email.message_from_bytes(message)
    said = [f"{name}: {parsed[name]}" for name in ("From", "To", "Subject", "Date")]
    said += [part.get_content_type() + "\n" + part.get_payload(decode=True).decode()
             for part in parsed.walk() if not part.is_multipart()]
    text = "\n".join(said).replace("\r\n", "\n")
    text = re.sub(r"[0-9a-f]{32}@bookspool", "ENTRY", text)
    return re.sub(r"KEY\.\d+", "ID", text.replace(token, "TOKEN").replace(key, "ID"))


def mail_id(message):
    """KEY-r, or KEY.g-r of a replay: the part of Message-ID before the @."""
    return message.lower().partition(b"message-id: <")[2].partition(b"@")[0].decode()


# ---- a world for many trials ----


class Trial(World):
    """With server=None mail goes to the Maildir, the default transport."""

    def __init__(self, server=None):
        smtp = {"BOOKSPOOL_TRANSPORT": server and f"smtp+plain://127.0.0.1:{server.port}",
                "BOOKSPOOL_CONNECT_TIMEOUT": "5s", "BOOKSPOOL_REPLY_TIMEOUT": "5s"}
        # which zone the ledger has seen for the host depends on the order of events
        super().__init__({"BOOKSPOOL_TIMEZONE": "Europe/Berlin", **(smtp if server else {})})
        self.server = server
        self.tokens = {}  # key -> what makes its body differ from all others
        self.essences = {}  # provider -> what its mail must say
        self.accepted_before = 0
        self.usual = {}  # what programs that only look say

    def fresh(self, made=True):
        """An empty spool and state; made=False: not even the spool's directories."""
        for directory in (self.spool_dir, self.state_dir):
            for entry in os.scandir(directory):
                if entry.is_dir(follow_symlinks=False):
                    shutil.rmtree(entry.path)
                else:
                    os.unlink(entry.path)
        for name in DIRS if made else ():
            os.mkdir(self.file(name))
            os.chmod(self.file(name), 0o2770)
        self.accepted_before = len(self.server.accepted) if self.server else 0
        self.tokens = {}

    def body(self, provider="calcom"):
        """A body that nobody had before, and that differs from others by one token only."""
        token = secrets.token_hex(16)
        name, field = {"calcom": ("booking_created", "uid"),
                       "calendly": ("invitee_created", "uri")}[provider]
        body = json.loads(sample(provider, name, fresh=False))
        body["payload"][field] = re.sub(r"[^/]+$", token, body["payload"][field])
        if provider == "calendly":  # else each would tell of the other as an overlap, or not
            scheduled = body["payload"]["scheduled_event"]
            for end in ("start_time", "end_time"):
                scheduled[end] = scheduled[end].replace("-11-24T", "-11-25T")
        raw = json.dumps(body, separators=(",", ":"), ensure_ascii=False).encode()
        self.tokens[id_of(provider, raw)] = token
        return raw

    def event(self, directory, provider="calcom", body=None, name=None):
        """Puts an event there, a new one without a body. (key, body)"""
        body = body or self.body(provider)
        key = id_of(provider, body)
        self.write(directory, name or key, event_file(provider, body))
        return key, body

    def messages(self):
        """All that were accepted in this trial."""
        if self.server:
            return [message if isinstance(message, bytes) else message.encode("latin-1")
                    for message in self.server.accepted[self.accepted_before:]]
        found = []
        for directory in ("new", "cur"):
            path = os.path.join(self.state_dir, "Maildir", directory)
            for name in os.listdir(path) if os.path.isdir(path) else ():
                with open(os.path.join(path, name), "rb") as file:
                    found.append(file.read())
        return found

    def accepted(self):
        """How often each Message-ID was accepted in this trial."""
        return dict(collections.Counter(mail_id(message) for message in self.messages()))

    def odd_messages(self):
        """Those that say something else than a mail of an untouched run; the first of each
        provider that is ever seen here is what an untouched run said."""
        odd = []
        for message in self.messages():
            key = re.split(r"[.-]", mail_id(message))[0]
            if key not in self.tokens:
                odd.append(f"a mail of nobody: {mail_id(message)}")
                continue
            said = essence(message, self.tokens[key], key)
            provider = "calendly" if "calendly" in said.lower() else "calcom"
            replay = "." in mail_id(message)  # of what the ledger was never told: no calendar
            if self.essences.setdefault((provider, replay), said) != said:
                odd.append(f"{mail_id(message)} says:\n{said}")
        return odd

    def strike(self, step):
        """The environment that lets a program meet this step."""
        for name in ("struck.log", "calls.log"):
            if os.path.exists(self.path(name)):
                os.unlink(self.path(name))
        memory = "ALLOC_OF" in step.env
        return {"LD_PRELOAD": ALLOC if memory else SHIM, **step.env,
                "ALLOC_LOG" if memory else "SHIM_LOG": self.path("struck.log")}

    def struck(self):
        """The line of the call that was met; empty: the program had fewer."""
        return self.log("struck.log").strip()

    def counting(self, of=None):
        """The environment that only counts: calls, or allocations of a program or library."""
        return {**self.strike(Step(None, 0, "", {"ALLOC_OF": of} if of else {})),
                "ALLOC_LOG" if of else "SHIM_LOG": self.path("calls.log")}

    def calls(self):
        """The calls that counting() logged."""
        lines = [line.split(" ") for line in self.log("calls.log").splitlines()]
        return [Call(name, place) for _, name, place, *_ in lines]

    def settle(self, done=None):
        """Runs the drain until it is content; what waits is made due. `done` is a run that may
        have been enough."""
        def content():
            waits = any(self.spool(d) for d in ("out", "new", "replay", "bad"))
            return done.returncode == 0 and not waits
        if done and content():
            return done
        for _ in range(4):
            for directory in ("out", "new", "replay"):
                for name in self.spool(directory):
                    os.utime(self.file(directory, name))
            done = self.drain()
            if content():
                break
        return done

    def settled(self):
        """(events in done, names left where nothing should be)"""
        left = ("new", "replay", "out", "failed", "bad")
        return self.spool("done"), [f"{d}/{name}" for d in left for name in self.spool(d)]


# ---- a drain that meets a step ----

EXITS = (0, 71, 74, 75, 78)


def prepare(trial):
    """An event that waits, one that was done and mailed already, a replay, a held one whose
    retry is done and one that became whole in bad/, of both providers.
    (names of mails that are wanted, key that is replayed, all keys that end in done)"""
    trial.fresh()
    key, _ = trial.event("new")
    late, body = trial.event("done")
    trial.write("sent", f"{late}-{OWNER}", b"")
    trial.event("new", body=body)
    trial.event("held", body=body)
    again, body = trial.event("done")
    trial.event("replay", body=body, name="x")
    bad, _ = trial.event("bad", "calendly")
    return [f"{key}-{OWNER}", f"{bad}-{OWNER}"], again, sorted({key, late, again, bad})


def untouched(trial):
    """An untouched run once a world: it says what the mails are like."""
    if not trial.essences:
        prepare(trial)
        trial.settle()
        trial.odd_messages()


def check_drain(trial, tally, where, prepared, repeats, done=None):
    """Each mail once; `repeats`: one of them may come twice."""
    wanted, again, in_done = prepared
    last = trial.settle(done)
    counts = trial.accepted()
    replays = [name for name in counts if name.startswith(again + ".")]
    tally.expect(last.returncode == 0, where, f"does not end well: {last.stderr[-300:]}")
    tally.expect(len(replays) == 1, where, f"replay: {replays}")
    tally.expect(sorted(counts) == sorted(wanted + replays), where, f"mails: {counts}")
    tally.expect(sum(counts.values()) <= len(counts) + repeats, where, f"repeated: {counts}")
    tally.expect(trial.settled() == (in_done, []), where, f"lies as {trial.settled()}")
    # a time zone that cannot be read is not worth a booking: the mail then shows UTC and says so
    if "/zoneinfo/" not in where:
        odd = trial.odd_messages()
        tally.expect(not odd, where, "\n".join(odd))


def calls_of_a_drain(trial, env=None):
    prepare(trial)
    trial.drain(env={**trial.counting(), **(env or {})})
    return trial.calls()


def drain_dies(trial, tally, step):
    untouched(trial)
    prepared = prepare(trial)
    done = trial.drain(env=trial.strike(step))
    where = f"drain, {describe(step)}: {trial.struck()}"
    ends = [0] if not trial.struck() else [-signal.SIGKILL]
    if "BOOKSPOOL_CONNECTIONS" in step.env and trial.struck():
        ends.append(75)  # it was a sender
    tally.expect(done.returncode in ends, where, f"exit {done.returncode}")
    check_drain(trial, tally, where, prepared, trial.server is not None)
    return trial.struck()


def drain_fails(trial, tally, step):
    untouched(trial)
    prepared = prepare(trial)
    done = trial.drain(env=trial.strike(step))
    where = f"drain, {describe(step)}: {trial.struck()}"
    tally.expect(done.returncode in EXITS, where, f"exit {done.returncode}")
    tally.expect(done.returncode == 0 or tells(step, done.stderr, trial.struck()), where,
                 f"exit {done.returncode}, and the log does not tell the step:\n{done.stderr}")
    # a connection that breaks around the final dot is the one fault that may repeat a mail
    check_drain(trial, tally, where, prepared, step.call in ("send", "recv", "poll"), done)
    return trial.struck()


# ---- many trials ----


class Tally:
    """Counts the trials of one process, and keeps each breach."""

    def __init__(self):
        self.trials, self.missed, self.breaches = 0, 0, []

    def expect(self, holds, where, what):
        if not holds:
            self.breaches.append(f"{where}: {what}")

    def add(self, other):
        self.trials += other["trials"]
        self.missed += other["missed"]
        self.breaches += other["breaches"]


def _step(job):
    return job if isinstance(job, Step) else job[-1]


def _share(jobs, work, transport, out):
    """What one process does: its share of the jobs in a world of its own."""
    tally = Tally()
    try:
        with Scripted() as server, Trial(server if transport == "smtp" else None) as trial:
            for job in jobs:
                step = _step(job)
                if step.env is None:
                    tally.expect(False, "tables", step.what)
                elif work(trial, tally, job):
                    tally.trials += 1
                    tally.expect(not step.last or step.call in LOOSE, describe(step),
                                 "is met after the end of the run that was counted")
                else:
                    tally.missed += 1
    except BaseException:  # told by the parent, a child has no TAP of its own
        tally.breaches.append(traceback.format_exc())
    with os.fdopen(out, "w", encoding="utf-8") as file:
        json.dump(vars(tally), file)


def _start(jobs, work, transport):
    """(process, pipe) of a process that does these jobs."""
    end, out = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(end)
        _share(jobs, work, transport, out)
        os._exit(0)
    os.close(out)
    return pid, os.fdopen(end, encoding="utf-8")


def series(name, jobs, work, transport="smtp"):
    """work(trial, tally, job) tries one job, a step or a tuple that ends with one, and says whether
    the step was met. One line of TAP."""
    tally, workers = Tally(), 2 * (os.cpu_count() or 1)  # some wait for a second
    running = [_start(jobs[i::workers], work, transport) for i in range(workers)]
    try:
        for _, pipe in running:
            tally.add(json.loads(pipe.read() or '{"trials":0,"missed":0,"breaches":["no report"]}'))
    finally:
        for pid, pipe in running:
            pipe.close()
            if not _ended(pid):
                os.kill(pid, signal.SIGTERM)
                os.waitpid(pid, 0)
    met = tally.trials > 10 * (tally.missed - sum(_step(job).last for job in jobs))
    ok(met and not tally.breaches, f"{name}: {tally.trials} trials",
       f"{tally.missed} missed, {len(tally.breaches)} breaches\n" + "\n".join(tally.breaches[:20]))


def _ended(pid):
    return wait_for(lambda: os.waitpid(pid, os.WNOHANG)[0] == pid, seconds=5)


def allocations_of(trial, prepare_one, run):
    """The allocations of the program itself and of cJSON in a run, in order: the address in the code of
    each. cJSON only when it prints: it parses by way of json.c."""
    places = {}
    for of in ("program", "libcjson"):
        prepare_one(trial)
        run(env=trial.counting(of))
        places[of] = [line.split(" ")[2] for line in trial.log("calls.log").splitlines()]
    return places


def need_shims():
    if not os.path.exists(SHIM) or not os.path.exists(ALLOC):
        skip_all("the shims go with the plain programs only: a sanitizer must come first")
