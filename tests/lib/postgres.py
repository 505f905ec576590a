"""PostgreSQL for tests: Debian's server in a temp directory, on a unix socket, by an unprivileged user.

    from postgres import Postgres, need_postgres

    need_postgres()
    with Postgres() as server:
        server.database("books")
        uri = server.uri("books")
        server.sql("SELECT 1", "books")

What was started is ended by its process id, and the directory is removed. `durable`: with fsync, for
tests in which a server dies; `tcp`: on a free port of 127.0.0.1, too; `tls`: with a certificate of
`ca`. A `standby()` streams from it. `Cut` is a relay between a program and a server that can be cut.
"""

import csv
import functools
import glob
import io
import os
import pwd
import re
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time

from bookspool import PATIENCE, TOP, free_port, skip_all, wait_for

_TOOLS = os.environ.get("BOOKSPOOL_TOOLS") or os.path.join(TOP, "build/tools")
_PLACES = ["/usr/lib/postgresql/*/bin", os.path.join(_TOOLS, "unpacked/usr/lib/postgresql/*/bin")]
_ALLOWED = ["local all all trust", "host all all 127.0.0.1/32 trust",
            "local replication all trust", "host replication all 127.0.0.1/32 trust"]


def _programs():
    """The folder of the newest server that is here, or None."""
    for place in _PLACES:
        found = [path for path in glob.glob(place) if os.access(os.path.join(path, "initdb"), os.X_OK)]
        if found:
            return max(found, key=lambda path: int(path.split("/")[-2]))
    return None


def need_postgres():
    if not _programs():
        skip_all("PostgreSQL is not here: run tests/bin/deps check")


_NOBODY = ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups"]


@functools.cache
def _owner():
    """Whose files the server's are: nobody's, where the test is root, whom it refuses. None: the test's own;
    so it is, too, where nobody cannot enter the folder of an unpacked server, as in root's home."""
    if os.getuid() != 0:
        return None
    reached = subprocess.run([*_NOBODY, "test", "-x", os.path.join(_programs(), "initdb")]).returncode == 0
    return "nobody" if reached else None


def _as_owner():
    """What is put before a program of the server: root calls itself nobody, if need be."""
    if os.getuid() != 0:
        return []
    return _NOBODY if _owner() else ["unshare", "--user", "--map-user=65534", "--map-group=65534"]


def _env():
    """An unpacked server comes with its libraries."""
    env = {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"}
    if _programs().startswith(_TOOLS):
        root = os.path.join(_TOOLS, "unpacked")
        found = {os.path.dirname(path) for place in ("lib", "usr/lib")
                 for path in glob.glob(os.path.join(root, place, "**/lib*.so*"), recursive=True)}
        env["LD_LIBRARY_PATH"] = ":".join(sorted(found))
    return env


class Postgres:
    """One server. `allowed`: lines of pg_hba.conf that come before those that trust everybody."""

    def __init__(self, durable=False, tcp=False, certificate=None, allowed=(), settings=None, source=None):
        self.bin = _programs()
        self.dir = tempfile.mkdtemp(prefix="bookspool-pg-")
        self.data = os.path.join(self.dir, "data")
        self.port = free_port() if tcp or certificate else 5432
        self.process = None
        self._relays = []
        self.settings = {
            "unix_socket_directories": self.dir, "listen_addresses": "127.0.0.1" if tcp or certificate else "",
            "port": self.port, "fsync": "on" if durable else "off",
            "full_page_writes": "on" if durable else "off", "wal_level": "replica", "max_wal_senders": 4,
            "shared_buffers": "16MB", "max_connections": 40, "autovacuum": "off", "hot_standby": "on",
            "wal_keep_size": "64MB", "log_min_messages": "warning", "lc_messages": "C",
            "dynamic_shared_memory_type": "mmap", "jit": "off", **(settings or {})}
        if _owner():
            os.chown(self.dir, pwd.getpwnam(_owner()).pw_uid, -1)
            os.chmod(self.dir, 0o755)
        if source:
            self._run("pg_basebackup", "--pgdata", self.data, "--host", source.dir, "--port", str(source.port),
                      "--username", source.owner, "--write-recovery-conf", "--checkpoint=fast", "--no-sync")
            self.owner = source.owner
        else:
            self.owner = "postgres"
            self._run("initdb", "--pgdata", self.data, "--username", self.owner, "--auth=trust", "--no-sync",
                      "--encoding=UTF8", "--locale=C.UTF-8")
            self.allow(*allowed)
        if certificate:
            self._use(certificate)
        self.configure()
        self.start()

    def _use(self, certificate):
        """(certificate, key), which the server wants to own."""
        for name, path in zip(("ssl_cert_file", "ssl_key_file"), certificate):
            own = os.path.join(self.dir, name)
            shutil.copyfile(path, own)
            os.chmod(own, 0o600)
            if _owner():
                os.chown(own, pwd.getpwnam(_owner()).pw_uid, -1)
            self.settings[name] = own
        self.settings["ssl"] = "on"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        for relay in self._relays:
            relay.close()
        self.stop("immediate")
        shutil.rmtree(self.dir, ignore_errors=True)

    def _command(self, name):
        return [os.path.join(self.bin, name)]

    def _run(self, name, *args):
        done = subprocess.run([*_as_owner(), *self._command(name), *args], capture_output=True, text=True,
                              cwd=self.dir, env=_env())
        if done.returncode:
            raise RuntimeError(f"{name}: {done.stderr or done.stdout}")
        return done.stdout

    def allow(self, *lines):
        """These lines of pg_hba.conf, then those that trust."""
        with open(os.path.join(self.data, "pg_hba.conf"), "w", encoding="ascii") as file:
            file.write("\n".join([*lines, *_ALLOWED]) + "\n")
        if self.process:
            self.process.send_signal(signal.SIGHUP)

    def configure(self, **settings):
        """Also while it runs, where the setting allows that."""
        self.settings.update(settings)
        with open(os.path.join(self.data, "postgresql.conf"), "w", encoding="utf-8") as file:
            file.writelines(f"{name} = '{value}'\n" for name, value in self.settings.items())
        if self.process:
            self.process.send_signal(signal.SIGHUP)

    # ---- its life ----

    def start(self):
        with open(os.path.join(self.dir, "log"), "ab") as log:
            self.process = subprocess.Popen(
                [*_as_owner(), *self._command("postgres"), "-D", self.data], stdin=subprocess.DEVNULL,
                stdout=log, stderr=log, cwd=self.dir, env=_env(), start_new_session=True)
        if not wait_for(lambda: self.ready() or self.process.poll() is not None) or not self.ready():
            raise RuntimeError("the server does not start:\n" + self.log())

    def ready(self):
        return subprocess.run([*self._command("pg_isready"), "--quiet", "--host", self.dir, "--port",
                               str(self.port)], env=_env()).returncode == 0

    def log(self):
        with open(os.path.join(self.dir, "log"), encoding="utf-8", errors="replace") as file:
            return file.read()[-4000:]

    def stop(self, manner="fast"):
        """smart, fast or immediate, as pg_ctl calls them."""
        number = {"smart": signal.SIGTERM, "fast": signal.SIGINT, "immediate": signal.SIGQUIT}[manner]
        if self.process and self.process.poll() is None:
            self.process.send_signal(number)
            self.process.wait()
        self.process = None

    def kill(self):
        """The server and all its processes die at once, as at a power cut of its machine."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self.process = None
        pid_file = os.path.join(self.data, "postmaster.pid")
        if os.path.exists(pid_file):
            os.unlink(pid_file)

    def standby(self, **more):
        """Another server, which streams from this one."""
        return Postgres(source=self, **more)

    def promote(self):
        self.sql("SELECT pg_promote(true, 60)")
        if not wait_for(lambda: self.sql("SELECT pg_is_in_recovery()") == "f"):
            raise RuntimeError("not promoted:\n" + self.log())

    def caught_up(self, standby):
        """Has the standby all that was committed here?"""
        return wait_for(lambda: standby.sql("SELECT pg_last_wal_replay_lsn() >= "
                                            f"'{self.sql('SELECT pg_current_wal_lsn()')}'::pg_lsn") == "t")

    # ---- its use ----

    def sql(self, text, database="postgres", user=None):
        """The rows as psql prints them without decoration: one line each, columns by |."""
        done = subprocess.run(
            [*self._command("psql"), "--no-psqlrc", "--quiet", "--tuples-only", "--no-align",
             "--set=ON_ERROR_STOP=1", "--host", self.dir, "--port", str(self.port), "--username",
             user or self.owner, "--dbname", database, "--command", text],
            capture_output=True, text=True, env=_env())
        if done.returncode:
            raise RuntimeError(done.stderr)
        return done.stdout.strip()

    def script(self, path, database="postgres", **variables):
        """A file of SQL, by psql."""
        sets = [f"--set={name}={value}" for name, value in variables.items()]
        done = subprocess.run(
            [*self._command("psql"), "--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", *sets, "--host", self.dir,
             "--port", str(self.port), "--username", self.owner, "--dbname", database, "--file", path],
            capture_output=True, text=True, env=_env())
        if done.returncode:
            raise RuntimeError(done.stderr)
        return done.stdout

    def database(self, name, owner=None):
        """Its order of texts is not that of bytes, so that a statement which relies on it is seen."""
        self.sql(f"CREATE DATABASE {name} OWNER {owner or self.owner} ENCODING 'UTF8' TEMPLATE template0"
                 " LOCALE_PROVIDER icu ICU_LOCALE 'en-US' LOCALE 'C.UTF-8'")
        return self.uri(name, owner)

    def uri(self, database, user=None, **options):
        options = {"host": self.dir, "port": self.port, **options}
        return (f"postgresql://{user or self.owner}@/{database}?"
                + "&".join(f"{name}={value}" for name, value in options.items()))

    def tcp_uri(self, database, user=None, password=None, host="127.0.0.1", port=None, **options):
        secret = f":{password}" if password else ""
        more = "&".join(f"{name}={value}" for name, value in options.items())
        return (f"postgresql://{user or self.owner}{secret}@{host}:{port or self.port}/{database}"
                + (f"?{more}" if more else ""))

    def disconnect(self, database):
        """Ends the sessions of the database, as an administrator may."""
        return int(self.sql("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
                            f" WHERE datname = '{database}' AND pid <> pg_backend_pid()"))

    def relay(self):
        """A port through which the server is reached until the relay is cut."""
        self._relays.append(Cut(os.path.join(self.dir, f".s.PGSQL.{self.port}")))
        return self._relays[-1]

    def hold(self, database, sql, user=None):
        """Another session, in a transaction in which these statements were run."""
        return Session(self, database, sql, user)


# ---- ledgers of other tests ----


def _port(folder):
    """Of the server whose socket is there."""
    [path] = [path for path in glob.glob(os.path.join(folder, ".s.PGSQL.*")) if not path.endswith(".lock")]
    return path.rpartition(".")[2]


def _psql(folder, user, database, text):
    done = subprocess.run(
        [os.path.join(_programs(), "psql"), "--no-psqlrc", "--quiet", "--tuples-only", "--csv", "--set=ON_ERROR_STOP=1",
         "--pset=null=(none)", "--host", folder, "--port", _port(folder), "--username", user, "--dbname", database, "--command", text],
        capture_output=True, text=True, env=_env())
    if done.returncode:
        raise RuntimeError(done.stderr)
    return done.stdout


def new_ledger(folder, program):
    """An empty ledger in the server whose socket is there; its URI."""
    name = f"w{secrets.token_hex(6)}"
    _psql(folder, "postgres", "postgres", f"CREATE DATABASE {name} ENCODING 'UTF8' TEMPLATE template0"
          " LOCALE_PROVIDER icu ICU_LOCALE 'en-US' LOCALE 'C.UTF-8'")
    uri = f"postgresql://postgres@/{name}?host={folder}&port={_port(folder)}"
    subprocess.run([*program, "ledger", "migrate", uri], check=True, capture_output=True,
                   env={"PATH": "/usr/bin:/bin", "BOOKSPOOL_CONF": "/dev/null"})
    return uri


def rows(uri, text):
    """As sqlite3 gives them: tuples of texts, numbers and None."""
    user, name, folder = re.fullmatch(r"postgresql://(\w+)@/(\w+)\?host=([^&]+).*", uri).groups()
    lines = csv.reader(io.StringIO(_psql(folder, user, name, "SET search_path = bookspool; " + text)))
    return [tuple(int(one) if re.fullmatch(r"-?[0-9]{1,18}", one) else None if one == "(none)" else one for one in line)
            for line in lines]


class Session:
    """psql that waits in a transaction; `end` takes it back."""

    def __init__(self, server, database, sql, user=None):
        self.process = subprocess.Popen(
            [os.path.join(server.bin, "psql"), "--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--host",
             server.dir, "--port", str(server.port), "--username", user or server.owner, "--dbname", database],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=_env())
        self.process.stdin.write(f"BEGIN; {sql}; \\echo held\n")
        self.process.stdin.flush()
        while (line := self.process.stdout.readline()) and line.strip() != "held":
            pass

    def end(self):
        self.process.communicate("ROLLBACK;\n")


class Cut:
    """A relay from a port of 127.0.0.1 to a socket. After `cut()` its connections are closed and new
    ones, too; after `freeze()` it passes nothing on, as a network that was divided; `mend()` ends both."""

    def __init__(self, target):
        self.target = target
        self.state = "open"
        self.pairs = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            server = socket.socket(socket.AF_UNIX)
            try:
                if self.state == "cut":
                    raise OSError
                server.connect(self.target)
            except OSError:
                client.close()
                server.close()
                continue
            self.pairs.append((client, server))
            for one, other in ((client, server), (server, client)):
                threading.Thread(target=self._pass, args=(one, other), daemon=True).start()

    def _pass(self, source, target):
        try:
            while data := source.recv(65536):
                while self.state == "frozen":
                    time.sleep(0.02)
                target.sendall(data)
        except OSError:
            pass
        for one in (source, target):
            try:
                one.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def cut(self):
        self.state = "cut"
        for pair in self.pairs:
            for one in pair:
                try:
                    one.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass
        self.pairs = []

    def freeze(self):
        self.state = "frozen"

    def mend(self):
        self.state = "open"

    def close(self):
        self.cut()
        self.listener.close()


def certificates(folder):
    """(certificate of the authority, (certificate, key) of a server at 127.0.0.1)."""
    def openssl(*args):
        subprocess.run(["openssl", *args], check=True, capture_output=True, cwd=folder)
    openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "ca.key", "-out", "ca.pem", "-days", "3650",
            "-subj", "/CN=An authority")
    openssl("req", "-newkey", "rsa:2048", "-nodes", "-keyout", "server.key", "-out", "server.csr", "-subj",
            "/CN=localhost")
    with open(os.path.join(folder, "names"), "w", encoding="ascii") as file:
        file.write("subjectAltName=DNS:localhost,IP:127.0.0.1\n")
    openssl("x509", "-req", "-in", "server.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days",
            "3650", "-extfile", "names", "-out", "server.pem")
    return (os.path.join(folder, "ca.pem"),
            (os.path.join(folder, "server.pem"), os.path.join(folder, "server.key")))
