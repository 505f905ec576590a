"""SMTP servers for the tests of the drain, all on loopback and on ports that the kernel picks.

    Scripted      a raw server that answers each step as told, hangs up where told, and remembers
    Aio           aiosmtpd: STARTTLS or TLS from the first byte, login, real SMTP
    Authority     a CA and a server certificate of its own, made by openssl
    start_sink    Postfix's smtp-sink where it is installed

Each of the servers has .port and .accepted, the messages that it took over (said 250 to).
"""

import asyncio
import base64
import logging
import os
import socket
import ssl
import subprocess
import threading
import time
import warnings

from bookspool import tool

REPLIES = {
    "greeting": "220 peer.example ESMTP",
    "EHLO": "250-peer.example\r\n250 SIZE 10000000",
    "HELO": "250 peer.example",
    "STARTTLS": "502 not here",
    "AUTH": "235 welcome",
    "MAIL": "250 sender ok",
    "RCPT": "250 recipient ok",
    "DATA": "354 go on",
    "dot": "250 queued as 4711",
    "QUIT": "221 bye",
    "RSET": "250 reset",
    "NOOP": "250 fine",
}
HANG_UP, SILENT, BODY, LATE = "hang up", "silent", "body", "late "


class Scripted:
    """`replies` replaces answers of REPLIES, by step; a list is used up one by one, its
    last stays. HANG_UP closes instead, SILENT never answers; for BODY, amid the message.
    A reply that ends with HANG_UP ("421 bye" + HANG_UP) is given, then the connection closed.
    LATE + "2.5 552 full" is given after so many seconds.

    `context` (ssl) is for TLS from the first byte; then a login by one of the mechanisms in `works`
    is answered with 235, by others with `refusal`; `logins` has the mechanisms that were tried."""

    def __init__(self, replies=None, delay=0, context=None, works=(), refusal="535 5.7.8 no"):
        self.replies = {**REPLIES, **(replies or {})}
        self.delay = delay
        self.accepted, self.commands, self.connections = [], [], 0
        self.logins, self._works, self._refusal, self._context = [], works, refusal, context
        self._open = []
        self._stopping = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._stopping.set()
        for sock in (self._listener, *self._open):
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            sock.close()

    def _serve(self):
        while not self._stopping.is_set():
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            self._open.append(sock)
            threading.Thread(target=self._guarded, args=(sock,), daemon=True).start()

    def _guarded(self, sock):
        try:
            if self._context:
                sock = self._context.wrap_socket(sock, server_side=True)
            with sock, sock.makefile("rb") as lines:
                self._session(sock, lines)
        except (OSError, ValueError):
            pass

    def _answer(self, sock, step):
        """The code that was said; raises where the script hangs up."""
        reply = self.replies.get(step, "500 what?")
        if isinstance(reply, list):
            reply = reply.pop(0) if len(reply) > 1 else reply[0]
        if reply == SILENT:
            self._stopping.wait(60)
            raise OSError
        if reply.startswith(LATE):
            seconds, reply = reply.removeprefix(LATE).split(" ", 1)
            self._stopping.wait(float(seconds))
        time.sleep(self.delay)
        text = reply.removesuffix(HANG_UP)
        if text:
            sock.sendall(text.encode() + b"\r\n")
        if text != reply:
            raise OSError
        return text[:3]

    def _session(self, sock, lines):
        self._answer(sock, "greeting")
        while line := lines.readline():
            self.commands.append(line.decode("latin-1").strip())
            verb = self.commands[-1].split(" ")[0].upper()
            if verb == "AUTH" and self._context:
                self._login(sock, lines, self.commands[-1].split(" "))
                continue
            code = self._answer(sock, verb)
            if verb == "QUIT":
                return
            if verb == "DATA" and code == "354":
                message = self._message(sock, lines)
                if message is None:
                    return
                # Counted before it is said: the test may look as soon as the client has the answer
                taken = self.replies["dot"]
                taken = taken[0] if isinstance(taken, list) else taken
                if taken.startswith("2"):
                    self.accepted.append(message)
                self._answer(sock, "dot")

    def _login(self, sock, lines, words):
        """The dialogue of the mechanism, with whatever the client says."""
        kind = words[1].upper()
        self.logins.append(kind)
        asked = {"LOGIN": [b"Username:", b"Password:"], "CRAM-MD5": [b"<47.11@peer.example>"],
                 "DIGEST-MD5": [b'realm="peer.example",nonce="bm9uY2U",qop="auth",charset=utf-8,'
                                b"algorithm=md5-sess"]}.get(kind, [b""])
        for challenge in asked[1:] if len(words) > 2 else asked:
            sock.sendall(b"334 " + base64.b64encode(challenge) + b"\r\n")
            if lines.readline().strip() in (b"*", b""):
                sock.sendall(b"501 5.7.0 given up\r\n")
                return
        said = "235 2.7.0 welcome" if kind in self._works else self._refusal
        sock.sendall(said.encode() + b"\r\n")

    def _message(self, sock, lines):
        message = b""
        while line := lines.readline():
            if BODY in self.replies and len(message) > 100:
                self._answer(sock, BODY)
            if line == b".\r\n":
                return message
            message += line[1:] if line.startswith(b".") else line
        return None


class Authority:
    """ca.pem, and server.pem with server.key for localhost and 127.0.0.1, in `directory`; `names` are
    others. Both are good for so many `days`."""

    def __init__(self, directory, name="ca", names="DNS:localhost,IP:127.0.0.1", days=2):
        self.ca = os.path.join(directory, name + ".pem")
        self._key = os.path.join(directory, name + ".key")
        self.cert = os.path.join(directory, name + "-server.pem")
        self.cert_key = os.path.join(directory, name + "-server.key")
        new = ["req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
        self._openssl(*new, "-x509", "-days", str(days), "-subj", "/CN=Authority of a test",
                      "-keyout", self._key, "-out", self.ca)
        self._openssl(*new, "-x509", "-days", str(days), "-subj", "/CN=a server",
                      "-CA", self.ca, "-CAkey", self._key,
                      "-addext", f"subjectAltName={names}",
                      "-addext", "basicConstraints=critical,CA:FALSE",
                      "-keyout", self.cert_key, "-out", self.cert)

    @staticmethod
    def _openssl(*args):
        subprocess.run(["openssl", *args], check=True, capture_output=True)

    def context(self):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.cert, self.cert_key)
        return context


class Aio:
    """aiosmtpd. `tls` is "starttls" or "implicit"; `login` is (user, password), then required;
    with `token` its second half is an OAuth token, and XOAUTH2 is all that is offered."""

    def __init__(self, authority, tls="starttls", login=None, token=False):
        from aiosmtpd.smtp import SMTP, AuthResult
        logging.getLogger("mail").setLevel(logging.CRITICAL)  # refused handshakes are wanted here
        warnings.simplefilter("ignore")
        self.accepted, self.envelopes, self.users = [], [], []

        def authenticator(_server, _session, _envelope, _mechanism, data):
            given = (data.login.decode(), data.password.decode())
            self.users.append(given[0])
            return AuthResult(success=given == login, handled=False)

        def factory():
            options = {"hostname": "peer.example", "loop": self._loop}
            if tls == "starttls":
                options.update(tls_context=authority.context(), require_starttls=True)
            if token:
                options.update(auth_exclude_mechanism=["PLAIN", "LOGIN"])
            if login:
                options.update(authenticator=authenticator, auth_required=True,
                               auth_require_tls=tls == "starttls")
            return SMTP(self, **options)

        async def xoauth2(server, _args):
            given = (await server.challenge_auth("", encode_to_b64=False)).decode()
            self.users.append(given)
            good = given == f"user={login[0]}\1auth=Bearer {login[1]}\1\1"
            if not good:  # as Google and Microsoft do: the reason first, and 535 to its answer
                await server.challenge_auth('{"status":"401"}')
            return AuthResult(success=good, handled=False)

        if token:
            self.auth_XOAUTH2 = xoauth2
        self._loop = asyncio.new_event_loop()
        context = authority.context() if tls == "implicit" else None
        self._server = self._loop.run_until_complete(
            self._loop.create_server(factory, "127.0.0.1", 0, ssl=context))
        self.port = self._server.sockets[0].getsockname()[1]
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

    async def handle_DATA(self, _server, _session, envelope):
        self.envelopes.append((envelope.mail_from, envelope.rcpt_tos))
        self.accepted.append(envelope.content)
        return "250 2.0.0 queued as 4711"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._loop.call_soon_threadsafe(self._server.close)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)


def find_sink():
    """The path of smtp-sink: $SMTP_SINK, or what tests/bin/tools finds; None where there is none."""
    named = os.environ.get("SMTP_SINK")
    return named if named and os.access(named, os.X_OK) else tool("smtp-sink")


class Sink:
    """smtp-sink with more options; its messages lie in `directory`, one a file. As root it becomes
    nobody, who must be able to enter that directory."""

    def __init__(self, path, directory, *options):
        os.makedirs(directory, exist_ok=True)
        os.chmod(directory, 0o777)
        # where the package was unpacked, its libraries lie beside it
        libraries = os.path.abspath(os.path.join(os.path.dirname(path), "../lib/postfix"))
        user = ["-u", "nobody"] if os.getuid() == 0 else []
        self.directory = directory
        with socket.create_server(("127.0.0.1", 0)) as probe:
            self.port = probe.getsockname()[1]
        self._process = subprocess.Popen(
            [path, *user, "-d", os.path.join(directory, "mail.%H%M%S."), *options,
             f"inet:127.0.0.1:{self.port}", "100"],
            env={**os.environ, "LD_LIBRARY_PATH": libraries}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def __enter__(self):
        for _ in range(200):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return self
            time.sleep(0.05)
        raise RuntimeError("smtp-sink does not start")

    def __exit__(self, *_):
        self._process.terminate()
        self._process.wait(10)

    @property
    def accepted(self):
        found = []
        for name in sorted(os.listdir(self.directory)):
            with open(os.path.join(self.directory, name), "rb") as file:
                found.append(file.read())
        return [message for message in found if b"Message-I" in message]
