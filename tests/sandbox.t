#!/usr/bin/python3
"""Receiver and drain confine themselves, tell the service manager how they are, and `check` says what
the kernel lacks. What is tried inside of the sandboxes: tests/unit/*_sandbox_test.c.
"""

import ctypes
import errno
import json
import os
import re
import shutil
import signal
import socket
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from bookspool import (BIN, World, equal, finish, match, ok, program, run_parts, sample, skip,  # noqa: E402
                       skip_all, wait_for)
from mailer import SENT, Mailer  # noqa: E402
from smtp_peer import Aio, Authority, Scripted  # noqa: E402

LANDLOCK_CREATE_RULESET, SECCOMP = 444, 317  # of all architectures, and of x86-64
OFF = {"BOOKSPOOL_SANDBOX": "off"}

if os.environ.get("BOOKSPOOL_SANDBOX") == "off":
    skip_all("the sandbox is switched off, as valgrind's own system calls want it")


def status_of(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        return dict(re.findall(r"^(\w+):\s*(.*)$", file.read(), re.M))


def confinement(pid):
    status = status_of(pid)
    return status["Seccomp"], status["NoNewPrivs"]


def limit(pid, name):
    with open(f"/proc/{pid}/limits", encoding="ascii") as file:
        return re.search(rf"^{name}\s+(\S+)\s+(\S+)", file.read(), re.M).groups()


def programs_are_confined():
    with World() as world:
        receiver = world.start_receiver()
        wait_for(lambda: " started: " in world.log())
        equal(confinement(receiver.pid), ("2", "1"), "a receiver filters its system calls")
        equal(limit(receiver.pid, "Max core file size"), ("0", "0"), "and leaves no core file")
        equal(status_of(receiver.pid)["Umask"], "0007", "and what it makes is closed to others")
        world.start_nginx()
        equal(world.post("calcom", sample("calcom", "booking_created")).status, 200, "it stores")
        equal(world.request("GET", "/api/health").status, 200, "and answers health")
        watch = start_watch(world)
        equal(confinement(watch.pid), ("2", "1"), "so does a drain")
        equal(limit(watch.pid, "Max core file size"), ("0", "0"), "it leaves no core file")
        ok(wait_for(lambda: world.mails()), "and it delivers")
        equal(world.stop(watch), 0, "and ends")
        equal(world.stop(receiver), 0, "the receiver too")
    with World() as world:
        receiver = world.start_receiver(env=OFF)
        wait_for(lambda: " started: " in world.log())
        equal(confinement(receiver.pid), ("0", "0"), "BOOKSPOOL_SANDBOX=off: a receiver does not")
        match(world.log(), "sandbox-off", "and says so")


def start_watch(world):
    watch = world.start([*program("bookspool-drain"), "--watch"], "watch.log")
    wait_for(lambda: "watching" in world.log("watch.log"))
    return watch


def sendmail_is_free():
    with Mailer("sendmail:/nowhere") as world:
        script = world.path("sendmail")
        with open(script, "w", encoding="utf-8") as file:
            file.write(f"#!/bin/sh\ncat >/dev/null\ngrep -E 'Seccomp:|NoNewPrivs:' /proc/$$/status >{world.dir}/got\n"
                       f"head -n 1 /etc/shells >>{world.dir}/got\n")
        os.chmod(script, 0o755)
        world.write_settings("drain.env", {"BOOKSPOOL_TRANSPORT": "sendmail:" + script})
        world.arrive()
        world.drain()
        equal(world.outcome(), SENT, "a sendmail program is started by a confined drain")
        with open(world.path("got"), encoding="ascii") as file:
            got = file.read()
        equal(re.findall(r"\w+:\t(\d)", got), ["0", "0"], "and is not confined itself: it may be setgid")


# ---- files in unusual places ----


def ledger_elsewhere():
    for where, words in (("l.db", "relative, in the working directory"), ("sub/l.db", "relative, below it"),
                         (None, "a symbolic link into another folder")):
        with World({"BOOKSPOOL_LEDGER": f"sqlite:{where}"} if where else {}) as world:
            os.mkdir(world.path("sub"))
            if not where:
                open(world.path("sub", "real.db"), "wb").close()
                os.symlink(world.path("sub", "real.db"), world.path("state", "ledger.db"))
            world.put_event("new", "calcom", sample("calcom", "booking_created"))
            done = world.run("bookspool-drain")
            equal((done.returncode, len(world.mails())), (0, 1), f"a ledger that is {words}: the drain uses it")


def token_elsewhere():
    """A NAME_FILE that is a link, as of a secret store; the token behind it is replaced."""
    with tempfile.TemporaryDirectory() as folder:
        authority = Authority(folder)
        os.mkdir(os.path.join(folder, "store"))

        def put(token):
            new = os.path.join(folder, "store", "new")
            with open(new, "w", encoding="ascii", opener=lambda path, flags: os.open(path, flags, 0o600)) as file:
                file.write(token)
            os.rename(new, os.path.join(folder, "store", "token"))

        put("first")
        with Scripted({"EHLO": "250-peer.example\r\n250 AUTH XOAUTH2"}, context=authority.context(),
                      works=("XOAUTH2",)) as peer, World() as world:
            os.symlink(os.path.join(folder, "store", "token"), world.path("token"))
            world.write_settings("drain.env", {
                "BOOKSPOOL_TRANSPORT": f"smtps://localhost:{peer.port}", "BOOKSPOOL_TLS_CA": authority.ca,
                "BOOKSPOOL_SMTP_USER": "u", "BOOKSPOOL_SMTP_TOKEN_FILE": world.path("token"),
                "BOOKSPOOL_RETRY_MIN": "1s"})
            watch = start_watch(world)
            for token in "first", "second":
                put(token)
                before = len(world.spool("sent"))
                world.put_event("new", "calcom", sample("calcom", "booking_created"))
                ok(wait_for(lambda: len(world.spool("sent")) > before or watch.poll() is not None),
                   f"a watch reads the {token} token through a link")
                equal(watch.poll(), None, "and stays")
            world.stop(watch)


def replaced_meanwhile():
    """A rule of Landlock is about the file that was there: with another in its place a watch ends, and is started again."""
    with tempfile.TemporaryDirectory() as folder:
        authority = Authority(folder)
        with Aio(authority, tls="implicit") as server, World(
                {"BOOKSPOOL_STATUS_PAGE": os.path.join(folder, "page/status.html"), "BOOKSPOOL_TLS_CA": authority.ca},
                drain={"BOOKSPOOL_TRANSPORT": f"smtps://localhost:{server.port}"}) as world:

            def certificate():
                shutil.copy(authority.ca, authority.ca + ".new")
                os.rename(authority.ca + ".new", authority.ca)

            def page():
                os.rename(os.path.join(folder, "page"), os.path.join(folder, "earlier"))
                os.mkdir(os.path.join(folder, "page"))

            os.mkdir(os.path.join(folder, "page"))
            for replace, path in (certificate, authority.ca), (page, os.path.join(folder, "page")):
                watch = start_watch(world)
                world.put_event("new", "calcom", sample("calcom", "booking_created"))
                ok(wait_for(lambda: not world.spool("new") + world.spool("out")), f"{replace.__name__}: a watch mails")
                replace()
                key = world.put_event("new", "calcom", sample("calcom", "booking_created"))
                ok(wait_for(lambda: watch.poll() is not None), "with another in its place it ends", world.log("watch.log"))
                equal(watch.poll(), 75, "so that it is started again")
                match(world.log("watch.log"), f"sandbox-stale: {re.escape(path)} ", "and says what was replaced")
                world.drain()
                equal(world.spool("done").count(key), 1, "a new one reaches it")
                equal(world.spool("out"), [], "and mails what waited")
                os.remove(world.path("watch.log"))
            ok(os.listdir(os.path.join(folder, "page")), "there is a page again")


def memory_of(pid):
    """What the process can write to, which includes its heap."""
    found = b""
    with open(f"/proc/{pid}/maps", encoding="ascii") as maps, open(f"/proc/{pid}/mem", "rb") as memory:
        for line in maps:
            begin, end = (int(number, 16) for number in line.split()[0].split("-"))
            if "w" in line.split()[1]:
                memory.seek(begin)
                found += memory.read(end - begin)
    return found


def starter_has_no_secret():
    if BIN.endswith("/asan"):  # which keeps what was freed, and maps terabytes
        skip("the memory of the programs as built for use", 2)
        return
    tokens = [b"CALENDLYTOKENXYZ123", b"SMTPPASSWORDXYZ123"]
    with World(drain={"BOOKSPOOL_TRANSPORT": "sendmail:/bin/true", "CALENDLY_API_TOKEN": tokens[0].decode(),
                      "BOOKSPOOL_SMTP_PASSWORD": tokens[1].decode()}) as world:
        watch = start_watch(world)
        with open(f"/proc/{watch.pid}/task/{watch.pid}/children", encoding="ascii") as file:
            (starter,) = file.read().split()
        try:
            memory = memory_of(starter)
        except PermissionError as error:  # its memory is closed to other processes of its user
            skip(str(error), 2)
        else:
            ok(b"sendmail" in memory, "the starter's memory can be read")
            equal([token for token in tokens if token in memory], [], "it has no secret of the settings")
        world.stop(watch)


def starter_killed():
    with Mailer("sendmail:/nowhere") as world:
        script = world.path("sendmail")
        with open(script, "w", encoding="utf-8") as file:
            file.write("#!/bin/sh\ncat >/dev/null\n")
        os.chmod(script, 0o755)
        world.write_settings("drain.env", {"BOOKSPOOL_TRANSPORT": "sendmail:" + script})
        watch = start_watch(world)
        with open(f"/proc/{watch.pid}/task/{watch.pid}/children", encoding="ascii") as file:
            for child in file.read().split():
                os.kill(int(child), signal.SIGKILL)
        world.arrive()
        ok(wait_for(lambda: watch.poll() is not None), "a watch without the process that starts its sendmail ends",
           world.log("watch.log"))
        equal(watch.poll(), 75, "so that it is started again")
        match(world.log("watch.log"), "starter-ended: ", "and says why")
        world.drain()
        equal(world.outcome(), SENT, "no mail was blocked")


# ---- the service manager ----


class Manager:
    """A socket as NOTIFY_SOCKET names it."""

    def __init__(self, address):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(address.replace("@", "\0"))
        self.socket.setblocking(False)
        self.heard = []

    def hears(self, word, times=1):
        def heard():
            try:
                while True:
                    self.heard.append(self.socket.recv(4096).decode())
            except BlockingIOError:
                return self.heard.count(word) >= times
        return ok(wait_for(heard), f"the manager hears {word}" + (f", {times} times" if times > 1 else ""),
                  self.heard)


def tells_the_manager():
    for number, (name, start) in enumerate((
            ("receiver", lambda world: [*program("bookspool-fcgi"), "--listen", "unix:" + world.socket]),
            ("watch", lambda world: [*program("bookspool-drain"), "--watch"]))):
        with World() as world:
            address = f"@bookspool-test-{os.getpid()}" if number else world.path("notify")
            manager = Manager(address)
            process = world.start(start(world), name + ".log",
                                  env={"NOTIFY_SOCKET": address, "WATCHDOG_USEC": "300000"})
            manager.hears("READY=1")
            manager.hears("WATCHDOG=1", 4)
            equal(confinement(process.pid), ("2", "1"), f"{name}: from inside of its sandbox")
            process.send_signal(signal.SIGTERM)
            manager.hears("STOPPING=1")
            equal(world.stop(process), 0, f"{name}: it ends")
            equal(manager.heard[0], "READY=1", f"{name}: ready is the first word")
            equal(manager.heard.count("READY=1"), 1, f"{name}: said once")
            manager.socket.close()
    with World() as world:
        manager = Manager(world.path("notify"))
        process = world.start_receiver(env={"NOTIFY_SOCKET": world.path("notify"), "WATCHDOG_USEC": "300000",
                                            "WATCHDOG_PID": "1"})
        manager.hears("READY=1")
        process.send_signal(signal.SIGTERM)
        manager.hears("STOPPING=1")
        ok("WATCHDOG=1" not in manager.heard, "another process is watched: no word of life")
        equal(world.stop(process), 0, "it ends")


# ---- a kernel without ----


def without(*calls):
    """For preexec_fn: these system calls are as on a kernel that does not have them."""
    library = ctypes.CDLL("libseccomp.so.2", use_errno=True)
    library.seccomp_init.restype = ctypes.c_void_p
    library.seccomp_init.argtypes = [ctypes.c_uint32]
    library.seccomp_rule_add.argtypes = [ctypes.c_void_p, ctypes.c_uint32, ctypes.c_int, ctypes.c_uint]
    library.seccomp_load.argtypes = [ctypes.c_void_p]

    def confine():
        context = library.seccomp_init(0x7fff0000)  # SCMP_ACT_ALLOW
        for call in calls:
            library.seccomp_rule_add(context, 0x00050000 | errno.ENOSYS, call, 0)
        if library.seccomp_load(context) != 0:
            os._exit(99)
    return confine


def check_of(world, **more):
    done = world.run("bookspool", "check", "--json", **more)
    findings = json.loads(done.stdout)["findings"]
    return [(f["level"], f["text"], f.get("remedy", "")) for f in findings
            if re.search("confine|Landlock|seccomp|SANDBOX", f["text"])]


def old_kernels():
    if os.uname().machine != "x86_64":
        skip("the numbers of the calls are those of x86-64", 10)
        return
    with World() as world:
        (level, text, _), = check_of(world)
        equal(level, "pass", "check: this kernel has all of it")
        match(text, r"seccomp, Landlock \(ABI \d+\)", "and which Landlock")
        (level, text, remedy), = check_of(world, preexec_fn=without(LANDLOCK_CREATE_RULESET))
        equal(level, "warn", "check: one without Landlock is worth a warning")
        match(text + remedy, "no Landlock .*Linux 5.19", "that says what to do")
        (level, text, _), = check_of(world, preexec_fn=without(SECCOMP))
        match((level, text), "warn.*no seccomp", "check: one without seccomp too")
        (level, text, _), = check_of(world, env=OFF)
        match((level, text), "warn.*BOOKSPOOL_SANDBOX=off", "check: and the setting that switches it off")
        receiver = world.start([*program("bookspool-fcgi"), "--listen", "unix:" + world.socket], "receiver.log",
                               preexec_fn=without(LANDLOCK_CREATE_RULESET, SECCOMP))
        world.wait_until_up(receiver, world.socket, "receiver.log")
        wait_for(lambda: " started: " in world.log())
        match(world.log(), "sandbox-incomplete: .*no Landlock", "a receiver goes on without, and says so")
        world.start_nginx()
        equal(world.post("calcom", sample("calcom", "booking_created")).status, 200, "it stores")
        done = world.run("bookspool-drain", preexec_fn=without(LANDLOCK_CREATE_RULESET, SECCOMP))
        equal((done.returncode, len(world.mails())), (0, 1), "a drain delivers")


if __name__ == "__main__":
    run_parts((programs_are_confined, sendmail_is_free, ledger_elsewhere, token_elsewhere, replaced_meanwhile,
               starter_has_no_secret, starter_killed, tells_the_manager, old_kernels))
    finish()
