"""Where the trials of tests/faults-*.t strike, and by which errors: the other half of the shims in
tests/faults/, whose names of calls are used here. A call that is missing in ERRORS fails the
test that meets it.
"""

import collections
import errno
import os
import re

LONG = os.environ.get("FAULTS_LONG", "") not in ("", "0")

# ---- what can really happen to a call ----

# By the manual page of each, section 2 (or 3), less what only a wrong program meets (EBADF, EFAULT,
# EINVAL, ...), plus EIO, EROFS and EDQUOT where file systems give them unlisted.
_OPEN = "EACCES EINTR EIO EMFILE ENFILE ENOENT ENOMEM"
_MAKE = "EACCES EDQUOT EINTR EIO EMFILE ENFILE ENOMEM ENOSPC EROFS"
_SPACE = "EDQUOT EFBIG EIO ENOSPC"
_STAT = "EACCES EIO ENOMEM"  # ENOENT of what is there would be a lie that nobody can see through
_NAME = "EACCES EBUSY EDQUOT EIO ENOENT ENOMEM ENOSPC EROFS"
_FDS = "EMFILE ENFILE ENOMEM"

ERRORS = {name: errors.split() for name, errors in {
    "open": _OPEN, "openat": _OPEN, "fopen": _OPEN,
    "open/creat": _MAKE, "openat/creat": _MAKE,
    "open/excl": _MAKE + " EEXIST", "openat/excl": _MAKE + " EEXIST",
    "close/written": "EDQUOT EINTR EIO ENOSPC",
    "read": "EINTR EIO", "pread": "EINTR EIO",
    "write": "EINTR", "pwrite": "EINTR", "write/socket": "EAGAIN EINTR ENOMEM",
    "fsync": "EDQUOT EINTR EIO ENOSPC EROFS", "fdatasync": "EDQUOT EINTR EIO ENOSPC",
    "syncfs": "EDQUOT EIO ENOSPC",
    "ftruncate": "EFBIG EINTR EIO EPERM EROFS",
    "mmap": "EACCES EAGAIN ENFILE ENODEV ENOMEM",
    "renameat": _NAME, "renameat2": _NAME + " EEXIST EINVAL",
    "linkat": _NAME.replace("EBUSY ", "") + " EEXIST EMLINK EPERM",
    "unlinkat": "EACCES EBUSY EIO ENOENT ENOMEM EPERM EROFS",
    "unlink": "EACCES EBUSY EIO ENOENT ENOMEM EPERM EROFS",
    "mkdirat": "EACCES EDQUOT EEXIST EIO EMLINK ENOENT ENOMEM ENOSPC EROFS",
    "mkdir": "EACCES EDQUOT EEXIST EIO EMLINK ENOENT ENOMEM ENOSPC EROFS",
    "fchmod": "EIO EPERM EROFS", "fchmodat": "EACCES EIO ENOENT ENOMEM EPERM EROFS",
    "fchown": "EIO EPERM EROFS",
    "futimens": "EACCES EIO EPERM EROFS", "utimensat": "EACCES EIO ENOENT EPERM EROFS",
    "fstat": "EIO ENOMEM", "fstatat": _STAT, "stat": _STAT, "lstat": _STAT,
    "access": _STAT, "faccessat": _STAT + " EROFS",
    "fstatvfs": "EINTR EIO ENOMEM",
    "fdopendir": "ENOMEM", "readdir": "EIO ENOENT",
    "flock": "EINTR ENOLCK EWOULDBLOCK", "fcntl/lock": "EAGAIN EINTR ENOLCK", "fcntl/dup": "EMFILE",
    "dup2": "EBUSY EINTR", "memfd_create": _FDS, "getrandom": "EAGAIN EINTR",
    "send": "EAGAIN EINTR ENOMEM", "recv": "EAGAIN ECONNRESET EINTR ENOMEM",
    "socket": "EACCES ENOBUFS " + _FDS, "socketpair": _FDS,
    "connect": "EACCES EADDRNOTAVAIL EAGAIN ECONNREFUSED EINTR ENETUNREACH ETIMEDOUT",
    "bind": "EACCES EADDRINUSE ENOENT ENOMEM EROFS", "listen": "EADDRINUSE",
    "accept4": "EAGAIN ECONNABORTED EINTR EMFILE ENFILE ENOBUFS ENOMEM EPERM EPROTO",
    "poll": "EINTR ENOMEM", "epoll_create1": _FDS, "epoll_ctl": "ENOMEM ENOSPC",
    "epoll_wait": "EINTR", "signalfd": "ENODEV " + _FDS,
    "getaddrinfo": "",
    "fork": "EAGAIN ENOMEM", "waitpid": "EINTR",
}.items()}

# Half of the bytes go through, and then the error comes.
HALF_THEN = {"write": _SPACE.split(), "pwrite": _SPACE.split(), "send": ["ECONNRESET", "EPIPE"],
             "write/socket": ["ECONNRESET", "EPIPE"]}
# Half of the bytes go through, and the call says so.
HALF = ("read", "pread", "write", "pwrite", "write/socket", "send", "recv")
# netdb.h: EAI_AGAIN, EAI_FAIL, EAI_MEMORY, EAI_NONAME
RESOLVER = {"getaddrinfo": {"EAI_AGAIN": -3, "EAI_FAIL": -4, "EAI_MEMORY": -10, "EAI_NONAME": -2}}

# What the log says of the step where one of these made a program give up; programs' own errors also
# say what the system's error was.
_SPOOL = r"spool-(unusable|refused): \S+|bookspool \w+: \S+"
_CHECK = r'"text":\s*"(spool |state directory )?/\S+: '
_SOCKET = r"the socket /\S+ cannot be asked|listens on the socket /|the receiver at /\S+ does not"
_SANDBOX = r"sandbox-failed: Landlock cannot be set up: /\S+: "
_LISTEN, _LOOP, _FCGI = r"cannot-listen: \S+", r"loop-failed: cannot \w+", r"libfcgi-unusable: \w+"
STEPS = {
    "open": r"cannot be read|" + "|".join((_SPOOL, _CHECK, _SANDBOX)),
    "openat": r"cannot be read|list \w+|open \w+/|read \w+/|maildir-open|" + _SPOOL + "|" + _CHECK,
    "openat/creat": r"open lock|stamp done",
    "openat/excl": r"create tmp/|maildir-write|" + _SPOOL,
    "close/written": r"maildir-write",
    "read": r"cannot be read|read \w+/|" + _FCGI,
    "write": r"write tmp/|maildir-write|" + _SPOOL,
    "write/socket": _FCGI, "pwrite": _FCGI, "socketpair": _FCGI, "memfd_create": _FCGI,
    "bind": _LISTEN, "listen": _LISTEN, "lstat": _LISTEN, "unlink": _LISTEN,
    "epoll_create1": _LOOP, "epoll_ctl": _LOOP, "signalfd": _LOOP,
    "faccessat": r"look at (tmp|new|held):|" + _SPOOL,
    "fsync": r"sync (a file of tmp|\w+):|maildir-(write|sync)|" + _SPOOL,
    "syncfs": r"sync the file system of the spool|maildir-open",
    "mmap": r"cannot map shared memory",
    "renameat": r"rename to \w+/|adopt \w+/",
    "renameat2": r"name \w+/|maildir-name|" + _SPOOL,
    "linkat": r"name \w+/|maildir-name|" + _SPOOL,
    "unlinkat": r"remove \w+/",
    "mkdirat": r"maildir-open|" + _SPOOL,
    "fchmod": _SPOOL,
    "futimens": r"stamp done|adopt \w+/",
    "fstat": r"cannot be read|read \w+/|" + "|".join((_SPOOL, _CHECK, _SANDBOX)),
    "stat": r"its directory \S+: |" + _CHECK, "access": _CHECK,
    "fstatat": r"list \w+|look for \S+|" + _CHECK,
    "fstatvfs": r"look at the free space of new",
    "fdopendir": r"list \w+|" + _CHECK, "readdir": r"list \w+|" + _CHECK,
    "flock": r"lock",
    "fork": r"fork",
    "socket": r"smtp-connect|" + _LISTEN + "|" + _SOCKET, "connect": r"smtp-(connect|greeting)|" + _SOCKET,
    "send": r"smtp-\w+", "recv": r"smtp-\w+|" + _FCGI, "poll": r"smtp-\w+",
    "getaddrinfo": r"transport",
    "allocation": r"(?i)memory",
}
# libcurl has words of its own for these; libfcgi keeps no errno; ENOENT is "does not exist: make
# it", or what comes after an EEXIST that was not true; EWOULDBLOCK is another drain.
_CURL = ("socket", "connect", "send", "recv", "poll", "getaddrinfo")


def tells(step, log, struck=""):
    """Does this log name the step that failed, and how? `struck` is the shim's line of it."""
    # SQLite tells in words of its own; it also looks at each directory above its file
    told = re.search(r"\bledger\b", log)
    if re.search(r"/state(/ledger\S*)?$", struck) or (told and step.call == "lstat"):
        return told or re.search(_SANDBOX, log)
    if "/zoneinfo/" in struck and re.search(r"times are in UTC|there is no zone", log):
        return True
    if struck.endswith("bookspool-fcgi.socket"):
        return re.search(r"the unit bookspool-fcgi.socket cannot be read: ", log)
    named = re.search(STEPS.get(step.call, "no entry in STEPS"), log)
    other_words = (step.call in (*_CURL, "allocation")
                   or step.what in ("ENOENT", "EEXIST", "EWOULDBLOCK") or re.search(_FCGI, log))
    return named and (other_words or os.strerror(int(step.env["SHIM_ERRNO"])) in log)


def faults_of(call):
    """(what, environment) of each way in which this call can fail."""
    if call not in ERRORS:
        yield f"no entry for {call} in ERRORS of tests/lib/faults.py", None
        return
    for name in ERRORS[call]:
        yield name, {"SHIM_ERRNO": str(getattr(errno, name))}
    for name in HALF_THEN.get(call, ()):
        yield f"{name} after half", {"SHIM_ERRNO": str(getattr(errno, name)), "SHIM_SHORT": "1"}
    if call in HALF:
        yield "half", {"SHIM_SHORT": "2"}
    for name, number in RESOLVER.get(call, {}).items():
        yield name, {"SHIM_ERRNO": str(number)}


# ---- where a trial strikes ----

class Call(str):
    """The name of a call that a program made. Calls of one `place` come from the same line of code by
    way of the same callers."""

    def __new__(cls, name, place):
        call = super().__new__(cls, name)
        call.place = place
        return call


# call: the name, None for any; number: from 1; what: "death", "ENOSPC", ...; env: the shim's;
# last: one more than an untouched run had; place: see Call
Step = collections.namedtuple("Step", "call number what env last place", defaults=[False, None])
# How often these come depends on the moment; the others must miss where they are the last.
LOOSE = (None, "poll", "recv", "send", "epoll_wait", "epoll_ctl", "accept4")
# What the next run, a peer or a child can see of a call. A death at any other leaves the same as a
# death at the next of these: locks go with the process, and unsynced bytes are there for the next.
LEAVES = ("open/creat", "openat/creat", "open/excl", "openat/excl", "write", "write/socket", "pwrite",
          "ftruncate", "renameat", "renameat2", "linkat", "unlinkat", "unlink", "mkdirat", "mkdir",
          "fchmod", "fchmodat", "fchown", "futimens", "utimensat", "send", "recv", "connect", "bind",
          "listen", "accept4", "fork", "waitpid")


def at(step, number):
    """The same step at another number."""
    return step._replace(number=number, env={**step.env, "SHIM_AT": str(number)})


def describe(step):
    return f"{step.what} at {step.call or 'call'} {step.number}"


def death_steps(calls, before=(), only=None):
    """A death before each call of an untouched run that leaves something, with FAULTS_LONG=1 before each
    of all, and a last one that must miss. `before` are calls that came earlier and are left alone."""
    if only:
        dying = Step(only, 0, "death", {"SHIM_CALL": only})
        calls, before = [c for c in calls if c == only], [c for c in before if c == only]
    else:
        dying = Step(None, 0, "death", {})
    begun = len(before) + 1
    return [*(at(dying, n) for n, call in enumerate(calls, begun) if LONG or call in LEAVES),
            at(dying, begun + len(calls))._replace(last=True)]


def fault_steps(calls, only=None, before=()):
    """Each call of an untouched run with each of its faults, `before` being calls that came
    earlier and are left alone. One more of each call is tried than there was, and must miss."""
    steps = []
    begun = collections.Counter(before)
    for call, count in sorted(collections.Counter(calls).items()):
        places = [getattr(made, "place", None) for made in calls if made == call]
        first = begun[call] + 1
        miss = True  # how many there are is the same for all faults
        for what, env in faults_of(call) if not only or call in only else ():
            step = Step(call, 0, what, None if env is None else {**env, "SHIM_CALL": call})
            if env is None:
                steps.append(step)
                continue
            steps += [at(step, n)._replace(place=place) for n, place in enumerate(places, first)]
            if miss:
                steps.append(at(step, first + count)._replace(last=True))
            miss = False
    return steps


def spread(steps):
    """With FAULTS_LONG=1 all of these. Else the calls of one place count as one, the first and the last
    of them being struck in turn; and of a call that has many places, and many errors, a third is taken:
    each place with some errors, and each error at some places."""
    if LONG:
        return steps
    errors, places = collections.defaultdict(list), collections.defaultdict(dict)
    for step in steps:
        if step.what not in errors[step.call]:
            errors[step.call].append(step.what)
        if not step.last and step.env:
            places[step.call].setdefault(step.place, set()).add(step.number)

    def taken(step):
        if step.last or step.env is None:
            return True
        kinds, of_call = errors[step.call], places[step.call]
        turn = list(of_call).index(step.place) + kinds.index(step.what)
        if len(of_call) > 3 and len(kinds) >= 3 and turn % 3:
            return False
        return step.number == (max if turn // 3 % 2 else min)(of_call[step.place])
    return [step for step in steps if taken(step)]


def alloc_steps(places):
    """Allocations that fail: the first and the last of each place in the program that allocates, and one
    after the end, which must miss: a tenth after it, because texts of other times and ages fill
    another number of buffers. `places` is what allocations_of gives. With FAULTS_LONG=1 all of them, and
    each with all that follow it."""
    def numbers(of_object):
        first_and_last = {n for seen in (dict(zip(reversed(of_object), range(len(of_object), 0, -1))),
                                         dict(zip(of_object, range(1, len(of_object) + 1))))
                          for n in seen.values()}
        every = range(1, len(of_object) + 1)
        return [*(every if LONG else sorted(first_and_last)), len(of_object) + len(of_object) // 10 + 3]

    ways = [("no memory", "0")] + [("no memory from here on", "1")] * LONG
    return [Step("allocation", n, f"{what} for {of}",
                 {"ALLOC_OF": of, "ALLOC_AT": str(n), "ALLOC_ON": on}, n > len(of_object))
            for what, on in ways for of, of_object in places.items() for n in numbers(of_object)]


def with_env(steps, env):
    return [step._replace(env={**step.env, **env}) for step in steps]
