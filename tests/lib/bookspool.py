"""What the whole-program tests share: TAP, a world of one's own, signed bookings.

    from bookspool import World, equal, finish, sample

    with World() as world:
        world.start_receiver()
        world.start_nginx()
        answer = world.post("calcom", sample("calcom", "booking_created"))
        equal(answer.status, 200, "a booking is accepted")
        world.drain()
        equal(len(world.mails()), 1, "and mailed")
    finish()

A world is a temp directory with settings, spool, state, sockets and logs. Everything in
it is made up for this run, programs see only the environment that the world gives them,
and leaving the world ends what was started, by process id, and removes the directory.

Environment: BOOKSPOOL_BIN is the programs' folder (default: build/ of this tree);
BOOKSPOOL_WRAP is put before them, such as "valgrind -q --error-exitcode=99".
"""

import datetime
import email
import email.policy
import hashlib
import hmac
import http.client
import json
import os
import pty
import re
import secrets
import shlex
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
NGINX = os.path.join(TOP, "nginx")
BIN = os.path.abspath(os.environ.get("BOOKSPOOL_BIN") or os.path.join(TOP, "build"))
WRAP = shlex.split(os.environ.get("BOOKSPOOL_WRAP", ""))
PASSED_ON = ("ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS", "LD_LIBRARY_PATH", "LD_PRELOAD",
             "CLOCK_AHEAD", "TZ", "BOOKSPOOL_SANDBOX")
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

ENDPOINT = {"calcom": "/api/calcom-webhook", "calendly": "/api/webhooks/calendly"}
SIGNATURE = {"calcom": "X-Cal-Signature-256", "calendly": "Calendly-Webhook-Signature"}
SECRET = {"calcom": "CALCOM_WEBHOOK_SECRET", "calendly": "CALENDLY_WEBHOOK_SIGNING_KEY"}
NEWS = {"calcom": "BOOKING_CREATED", "calendly": "invitee.created"}  # of a booking
REFUSED = "sandbox-refused: system call .*? is"  # what a program could not do: see src/confine/calls.h
PATIENCE = 300  # seconds for what takes a moment, unless the machine is very busy
MESSAGE = (b"From: bookspool@example.org\r\nTo: owner@example.org\r\nSubject: A booking\r\n"
           b"\r\nHello\r\n")

# ---- TAP ----

_count = 0
_failed = 0
_parts = []


def diag(text):
    """Lines for the reader of a failed test."""
    for line in str(text).splitlines():
        print("#", line, flush=True)


def ok(holds, name, detail=None):
    global _count, _failed
    _count += 1
    print(f"{'ok' if holds else 'not ok'} {_count} - {name}", flush=True)
    if not holds:
        _failed += 1
        if detail is not None:
            diag(detail)
    return bool(holds)


def equal(got, want, name):
    return ok(got == want, name, f"got:  {got!r}\nwant: {want!r}")


def match(text, pattern, name):
    return ok(re.search(pattern, str(text)), name, f"got:  {text!r}\nwant: /{pattern}/")


def skip(reason, count=1):
    """Stands for `count` tests that cannot be had here."""
    global _count
    for _ in range(count):
        _count += 1
        print(f"ok {_count} # SKIP {reason}", flush=True)


def skip_all(reason):
    print(f"1..0 # SKIP {reason}", flush=True)
    sys.exit(0)


def bail(reason):
    print(f"Bail out! {reason}", flush=True)
    sys.exit(255)


def wants(part):
    """True for a part of the test that the command line names, and for all when it names none."""
    _parts.append(part)
    return part in (sys.argv[1:] or [part])


def run_parts(parts, *args):
    """Runs these functions, or those that the command line names."""
    for part in parts:
        if wants(part.__name__):
            part(*args)


def finish():
    """The plan; a test that dies before has none, which its runner counts as a failure."""
    unknown = [name for name in sys.argv[1:] if name not in _parts]
    if unknown:
        bail(f"no part {' '.join(unknown)}; the parts: {' '.join(_parts) or 'none'}")
    print(f"1..{_count}", flush=True)
    sys.exit(1 if _failed else 0)


def wait_for(condition, seconds=PATIENCE, step=0.02):
    """What the condition returns as soon as it is true; false after that many seconds."""
    end = time.monotonic() + seconds
    while not (result := condition()) and time.monotonic() < end:
        time.sleep(step)
    return result


def wait_until_idle(process, seconds=0.2):
    """Waits until a process has not run at all for so long; false if it never rests."""
    def turns():
        with open(f"/proc/{process.pid}/status", encoding="ascii") as file:
            return re.findall(r"ctxt_switches:\s*(\d+)", file.read())

    def rests():
        before = turns()
        time.sleep(seconds)
        return turns() == before
    return wait_for(rests)


# ---- programs ----


def program(name):
    path = os.path.join(BIN, name)
    if not os.access(path, os.X_OK):
        bail(f"{path} is missing: make it first, or set BOOKSPOOL_BIN")
    return [*WRAP, path]


def tool(name):
    """The path of a server program of the system, or None: see tests/bin/tools."""
    found = subprocess.run([os.path.join(TOP, "tests/bin/tools"), name], capture_output=True, text=True)
    return found.stdout.strip() or None


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def need(*names):
    """Skips the whole test where one of these programs cannot be had."""
    for name in names:
        if not tool(name):
            skip_all(f"{name} is not installed: run tests/bin/deps check")


def may_mount():
    """True in a mount namespace of this test's own, which nothing outlives; the first call starts the
    test again in one. False where there is none to be had."""
    if "MOUNTS_OF_USER" in os.environ:
        return True
    unshare = ["unshare", "--mount", *([] if os.getuid() == 0 else ["--map-root-user"])]
    try:
        if subprocess.run([*unshare, "true"], capture_output=True).returncode == 0:
            os.environ["MOUNTS_OF_USER"] = str(os.getuid())
            os.execvp(unshare[0], [*unshare, sys.executable, *sys.argv])
    except FileNotFoundError:
        pass
    return False


def is_root():
    """Also in a namespace, where everybody seems to be."""
    return os.environ.get("MOUNTS_OF_USER", str(os.getuid())) == "0"


# ---- bookings ----


def utc(when):
    """A time as providers and the spool write it; `when` is a datetime, or seconds since 1970."""
    if not isinstance(when, datetime.datetime):
        when = datetime.datetime.fromtimestamp(when, datetime.timezone.utc)
    return when.astimezone(datetime.timezone.utc).isoformat(timespec="milliseconds").replace(
        "+00:00", "Z")


def sample(provider, name, fresh=True):
    """examples/bodies/PROVIDER/NAME.json as bytes; fresh: with an id and times of its own."""
    with open(os.path.join(TOP, "examples/bodies", provider, name + ".json"), "rb") as file:
        raw = file.read()
    if not fresh:
        return raw
    body = json.loads(raw)
    payload = body.get("payload") if isinstance(body, dict) else None
    if isinstance(payload, dict):
        body["createdAt" if provider == "calcom" else "created_at"] = utc(time.time())
        if provider == "calcom":
            payload["uid"] = secrets.token_urlsafe(16)
        else:
            head = str(payload.get("uri", "")).rpartition("/")[0]
            payload["uri"] = f"{head}/{secrets.token_hex(16)}"
    return json.dumps(body, separators=(",", ":"), ensure_ascii=False).encode()


def sign(provider, body, secret, at=None):
    """The signature header of this body, as a dictionary; `at` is Calendly's t in seconds."""
    if provider == "calcom":
        value = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    else:
        t = str(int(time.time() if at is None else at))
        digest = hmac.new(secret.encode(), t.encode() + b"." + body, hashlib.sha256)
        value = f"t={t},v1={digest.hexdigest()}"
    return {SIGNATURE[provider]: value}


def aged(provider, body, seconds):
    """(body, at) of an event that was sent so long ago; both go into sign()."""
    if provider == "calendly":
        return body, time.time() - seconds
    event = json.loads(body)
    event["createdAt"] = utc(time.time() - seconds)
    return json.dumps(event, separators=(",", ":"), ensure_ascii=False).encode(), None


def id_of(provider, body, hour=None):
    """The event's id, as src/event/id.h says; `hour` is that of the arrival of a body that has
    neither time nor booking, in hours since 1970."""
    parts = [provider, hashlib.sha256(body).hexdigest(), *([] if hour is None else [str(hour)])]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]


# ---- files of the spool ----


def spool_file(head, body, **fields):
    """The bytes of a whole file; src/spool/record.h has the form. `fields` are more of the header, or
    stand in place of those that are right: Secret_Used="-", Length=7. One of None is left out."""
    fields = {name.replace("_", "-"): value for name, value in fields.items()}
    head = {**head, "Length": len(body), "Sha256": hashlib.sha256(body).hexdigest(), **fields}
    lines = "".join(f"{n}: {v}\n" for n, v in head.items() if v is not None)
    return lines.encode("latin-1") + b"\n" + body


def event_file(provider, body, **fields):
    """An event as the receiver leaves it."""
    return spool_file({"Bookspool": 1, "Id": id_of(provider, body), "Provider": provider,
                       "Event": NEWS[provider], "Received": "2026-11-21T10:00:00.123Z",
                       "Secret-Used": "primary", "Signature": "0" * 64,
                       "Content-Type": "application/json"}, body, **fields)


def mail_file(key, body=MESSAGE, **fields):
    """A mail as the drain lays it into out/."""
    return spool_file({"Bookspool-Mail": 1, "Id": key, "From": "bookspool@example.org",
                       "To": "owner@example.org", "Queued": "2026-11-21T10:00:05.001Z"},
                      body, **fields)


def mark_of(recipient):
    """What follows the id in the name of a mail, as bookspool-spool(5) says."""
    return hashlib.sha256(recipient.encode()).hexdigest()[:12]


class Answer:
    """What came back for a request; headers by lower-case name, `json` is {} without JSON."""

    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body
        try:
            self.json = json.loads(body)
        except ValueError:
            self.json = {}

    def __repr__(self):
        return f"{self.status} {self.body[:200]!r}"


def _read_answer(raw):
    """The last answer in what `curl --include` printed (a 100 Continue may stand before it)."""
    while True:
        head, _, raw = raw.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        found = re.match(r"HTTP/\S+ (\d+)", first)
        if not found:
            return Answer(0, {}, b"")
        if found[1] != "100":
            break
    pairs = (line.partition(":") for line in lines)
    return Answer(int(found[1]), {n.strip().lower(): v.strip() for n, _, v in pairs}, raw)


# ---- the world ----


class World:
    """See above. `settings` go into bookspool.conf, `receive` and `drain` into their .env files;
    a value of None takes a setting away. `spool` is made where it is missing."""

    def __init__(self, settings=None, receive=None, drain=None, spool=None):
        self.dir = tempfile.mkdtemp(prefix="bookspool-")
        self.spool_dir = spool or self.path("spool")
        self.state_dir = self.path("state")
        self.socket = self.path("fcgi.sock")
        self.url = "http://localhost"  # of nginx
        self.secret = {provider: secrets.token_urlsafe(24) for provider in ENDPOINT}
        self._listener = None
        self._curl = []
        self._running = []
        self._refused = []
        self._failed_before = _failed
        self.server = os.environ.get("BOOKSPOOL_TEST_SERVER")  # a PostgreSQL, of tests/ledger-postgres.t
        for path in (self.spool_dir, self.state_dir, self.path("etc")):
            os.makedirs(path, mode=0o770, exist_ok=True)
        base = {"BOOKSPOOL_SPOOL": self.spool_dir, "BOOKSPOOL_STATE": self.state_dir,
                "BOOKSPOOL_MAIL_TO": "owner@example.org",
                "BOOKSPOOL_MAIL_FROM": "bookspool@example.org",
                "BOOKSPOOL_RESERVE": "0,0",
                "BOOKSPOOL_DEADLINE": f"{PATIENCE}s"}
        self.ledger = f"sqlite:{self.state_dir}/ledger.db"
        if self.server:
            import postgres
            self.ledger = postgres.new_ledger(self.server, program("bookspool"))
        keys = {SECRET[provider]: self.secret[provider] for provider in ENDPOINT}
        self.write_settings("bookspool.conf", {**base, **(settings or {})})
        self.write_settings("receive.env", {**keys, **(receive or {})})
        self.write_settings("drain.env", drain or {})
        self.write_unit("bookspool-fcgi.socket", f"[Socket]\nListenStream={self.socket}\n")

    def path(self, *names):
        return os.path.join(self.dir, *names)

    def file(self, *names):
        return os.path.join(self.spool_dir, *names)

    def write_settings(self, name, values):
        path = self.path("etc", name)
        with open(path, "w", encoding="utf-8") as file:
            file.writelines(f'{k}="{v}"\n' for k, v in values.items() if v is not None)
        os.chmod(path, 0o600)

    def write_unit(self, name, text):
        """A unit of systemd, from which the tool learns where the receiver's socket is."""
        os.makedirs(self.path("units"), exist_ok=True)
        with open(self.path("units", name), "w", encoding="ascii") as file:
            file.write(text)

    def env(self, extra=None):
        env = {"PATH": PATH, "LC_ALL": "C.UTF-8", "SYSTEMD_UNIT_PATH": self.path("units"),
               "BOOKSPOOL_CONF": self.path("etc/bookspool.conf")}
        env.update((name, os.environ[name]) for name in PASSED_ON if name in os.environ)
        if self.server:
            env["BOOKSPOOL_LEDGER"] = self.ledger
        extra = extra or {}
        if "LD_PRELOAD" in extra and "LD_PRELOAD" in env:  # the machine's clock goes on below
            extra = {**extra, "LD_PRELOAD": f"{extra['LD_PRELOAD']} {env['LD_PRELOAD']}"}
        return {**env, **extra}

    def __enter__(self):
        def leave(number, _frame):
            sys.exit(128 + number)
        signal.signal(signal.SIGTERM, leave)
        return self

    def __exit__(self, kind, _value, _trace):
        while self._running:
            self.stop(self._running[-1])
        if self._listener:
            self._listener.close()
        for name in os.listdir(self.dir):
            if name.endswith(".log"):
                self._refused += re.findall(REFUSED, self.log(name))
        if self._refused:  # only what a program does need is worth a line
            ok(False, "the sandbox refuses nothing that is needed", "\n".join(self._refused))
        try:
            if _failed > self._failed_before or kind not in (None, SystemExit):
                self.show_logs()
        finally:
            shutil.rmtree(self.dir, ignore_errors=True)

    def show_logs(self, lines=40):
        for name in sorted(os.listdir(self.dir)):
            if name.endswith(".log"):
                diag(f"--- {name}")
                diag("\n".join(self.log(name).splitlines()[-lines:]))

    def log(self, name="receiver.log"):
        try:
            with open(self.path(name), encoding="utf-8", errors="replace") as file:
                return file.read()
        except FileNotFoundError:
            return ""

    def ledger_rows(self, text, ledger=None):
        """What one statement of SQL gives in the ledger, or in that one."""
        ledger = ledger or self.ledger
        if ledger.startswith("postgresql:"):
            import postgres
            return postgres.rows(ledger, text)
        db = sqlite3.connect(ledger.removeprefix("sqlite:"))
        with db:
            found = db.execute(text).fetchall()
        db.close()  # or its write-ahead log stays, from which SQLite restores a file
        return found

    # ---- processes ----

    def start(self, command, log, env=None, stdin=subprocess.DEVNULL, **more):
        """Starts a program in the background, its output in the world's file `log`."""
        with open(self.path(log), "ab") as out:
            process = subprocess.Popen(command, stdin=stdin, stdout=out, stderr=out,
                                       env=self.env(env), cwd=self.dir, **more)
        self._running.append(process)
        return process

    def stop(self, process, how=signal.SIGTERM, seconds=PATIENCE):
        """Ends a program started here and returns its exit status."""
        if process in self._running:
            self._running.remove(process)
        if process.poll() is None:
            process.send_signal(how)
        try:
            return process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            return process.wait()

    def run(self, name, *args, env=None, **more):
        """Runs one of the three programs to its end; text out."""
        env = self.env(env)
        if name == "bookspool" and "ASAN_OPTIONS" in env and "LEAKS" not in os.environ:  # see make leaks
            env["ASAN_OPTIONS"] += ":detect_leaks=0"
        done = subprocess.run([*program(name), *args], env=env, cwd=self.dir, text=True,
                              capture_output=True, timeout=2 * PATIENCE, stdin=subprocess.DEVNULL,
                              **more)
        self._refused += re.findall(REFUSED, done.stderr)
        return done

    def terminal(self, *args):
        """What a person at a terminal sees of `bookspool`; None where there is no terminal."""
        try:
            pid, fd = pty.fork()
        except OSError as error:  # /dev/pts is not mounted, as in a bare chroot
            skip(f"no terminal can be had: {error}")
            return None
        if pid == 0:
            command = [*program("bookspool"), *args]
            os.execvpe(command[0], command, self.env())
        out = b""
        try:
            while chunk := os.read(fd, 4096):
                out += chunk
        except OSError:  # the other side is gone
            pass
        os.close(fd)
        os.waitpid(pid, 0)
        return out.decode().replace("\r\n", "\n")

    def start_receiver(self, env=None, workers=0):
        """workers=0: one that makes its own socket with --listen. Else so many share a listening
        socket as standard input, which outlives each of them, as under systemd or spawn-fcgi."""
        if not workers:
            process = self.start([*program("bookspool-fcgi"), "--listen", "unix:" + self.socket],
                                 "receiver.log", env)
            self.wait_until_up(process, self.socket, "receiver.log")
            return process
        listener = self.listen()
        return [self.start(program("bookspool-fcgi"), "receiver.log", env, listener)
                for _ in range(workers)]

    def listen(self):
        """The listening socket that workers share; made when first asked for."""
        if not self._listener:
            self._listener = socket.socket(socket.AF_UNIX)
            self._listener.bind(self.socket)
            self._listener.listen(512)
        return self._listener

    def wait_until_up(self, process, address, log):
        host, _, port = address.rpartition(":")
        kind, where = (socket.AF_INET, (host, int(port))) if host else (socket.AF_UNIX, address)

        def answers():
            if process.poll() is not None:
                return True
            with socket.socket(kind) as probe:
                return probe.connect_ex(where) == 0
        if not wait_for(answers) or process.poll() is not None:
            diag(self.log(log))
            bail(f"{log[:-4]} does not start (exit status {process.poll()})")

    def drain(self, *args, env=None):
        return self.run("bookspool-drain", *args, env=env)

    # ---- nginx ----

    def start_nginx(self, rate="100000r/s", http="", listen=None, files=NGINX, connections=512):
        """nginx with the shipped files, on the world's socket http.sock or on listen=ADDRESS:PORT.
        rate=None keeps the shipped rate limits; `http` is added to the http context; `files` is
        the directory of bookspool-server.conf."""
        with open(os.path.join(NGINX, "bookspool-http.conf"), encoding="utf-8") as file:
            shipped = file.read().replace("unix:/run/bookspool/fcgi.sock", "unix:" + self.socket)
        if rate:
            shipped = re.sub(r"\brate=\S+?;", f"rate={rate};", shipped)
        with open(self.path("http.conf"), "w", encoding="utf-8") as file:
            file.write(shipped + http + "\n")
        self.url = "http://" + (listen or "localhost")
        self._curl = [] if listen else ["--unix-socket", self.path("http.sock")]
        listen = listen or "unix:" + self.path("http.sock")
        self._write_nginx_conf(listen, files, connections)
        command = [tool("nginx") or bail("nginx is missing"), "-e", self.path("nginx.log"),
                   "-p", self.dir, "-c", self.path("nginx.conf")]
        checked = subprocess.run([*command, "-t"], capture_output=True, text=True, env=self.env())
        if checked.returncode:
            bail("nginx -t: " + checked.stderr)
        process = self.start([*command, "-g", "daemon off;"], "nginx-out.log")
        self.wait_until_up(process, listen.removeprefix("unix:"), "nginx.log")
        return process

    def _write_nginx_conf(self, listen, files, connections):
        with open(os.path.join(NGINX, "demo.conf.in"), encoding="utf-8") as file:
            text = file.read()
        for name, value in {"DIR": self.dir, "NGINX": files,
                            "HTTP": self.path("http.conf"), "LISTEN": listen}.items():
            text = text.replace(f"@{name}@", value)
        text = text.replace("worker_connections 512;", f"worker_connections {connections};")
        if os.getuid() == 0:  # the temp directory is root's alone
            text = "user root;\n" + text
        with open(self.path("nginx.conf"), "w", encoding="utf-8") as file:
            file.write(text)

    def curl(self, path, *args, body=None):
        """One request by curl through nginx."""
        command = ["curl", "--silent", "--show-error", "--include", "--max-time", str(PATIENCE),
                   *self._curl, *args]
        if body is not None:
            command += ["--data-binary", "@-", "--header", "Expect:"]
        done = subprocess.run([*command, self.url + path], input=body or b"",
                              capture_output=True, env=self.env())
        if done.returncode:
            diag(done.stderr.decode())
        return _read_answer(done.stdout)

    def post(self, provider, body, headers=None, path=None, args=()):
        """Signs and posts a body; headers={} sends it unsigned."""
        if headers is None:
            headers = sign(provider, body, self.secret[provider])
        given = [arg for name, value in {"Content-Type": "application/json", **headers}.items()
                 for arg in ("--header", f"{name}: {value}")]
        return self.curl(path or ENDPOINT[provider], *given, *args, body=body)

    def request(self, method, path, body=None, headers=None):
        """One request by http.client through nginx: no process, and nothing is added."""
        connection = http.client.HTTPConnection("localhost", timeout=PATIENCE)
        connection.sock = socket.socket(socket.AF_UNIX)
        connection.sock.settimeout(PATIENCE)
        connection.sock.connect(self.path("http.sock"))
        connection.request(method, path, body, headers or {})
        answer = connection.getresponse()
        result = Answer(answer.status, {n.lower(): v for n, v in answer.getheaders()}, answer.read())
        connection.close()
        return result

    # ---- what is put by hand ----

    def write(self, directory, name, data):
        os.makedirs(self.file(directory), mode=0o770, exist_ok=True)
        with open(self.file(directory, name), "wb") as file:
            file.write(data)

    def put_event(self, directory, provider, body, **fields):
        """An event under its key, which is returned; `fields` are those of event_file."""
        key = fields.get("Id") or id_of(provider, body)
        self.write(directory, key, event_file(provider, body, **fields))
        os.chmod(self.file(directory, key), 0o660)
        return key

    # ---- what came of it ----

    def spool(self, directory):
        """Names in one directory of the spool, sorted."""
        try:
            names = os.listdir(self.file(directory))
        except FileNotFoundError:
            return []
        return sorted(name for name in names if not name.startswith("."))

    def record(self, directory, name):
        """(header as a dictionary by lower-case name, body) of a file in the spool."""
        with open(self.file(directory, name), "rb") as file:
            head, _, body = file.read().partition(b"\n\n")
        pairs = (line.partition(":") for line in head.decode().splitlines())
        return {n.lower(): v.strip() for n, _, v in pairs}, body

    def mails(self, directory=None):
        """The messages of the Maildir."""
        folder = os.path.join(directory or os.path.join(self.state_dir, "Maildir"), "new")
        found = []
        for name in sorted(os.listdir(folder)) if os.path.isdir(folder) else []:
            with open(os.path.join(folder, name), "rb") as file:
                found.append(email.message_from_binary_file(file, policy=email.policy.default))
        return found
