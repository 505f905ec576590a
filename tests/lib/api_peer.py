"""What the stand-ins of both providers' APIs share: https with a CA of its own, tokens, limits, faults,
a log, and a check of each answer against tests/api/NAME.json.

    with CalendlyApi() as calendly:
        calendly.base, calendly.ca              https://localhost:PORT, the CA's file
        calendly.log                            the requests so far: method, path, query, token, status
        calendly.fail(3, 503)                   the third request from now is answered 503 and does nothing
        calendly.fail(1, DROP)                  the connection ends before anything is done
        calendly.fail(1, DROP_AFTER)            it is done, but the answer never arrives
        calendly.fail(1, LIMITED)               429 with the provider's headers
        calendly.fail(1, None, delay=2)         answered as ever, two seconds later
        calendly.fail(2, 500, method="POST")    the second POST from now

`on_call` is called with each request before it is served; what it does happens in the middle of what the
client does. Two stand-ins may share an `authority`, where a client knows one CA only.

The requests are counted from the call of fail(). A limit's window is of real time, since clients really
wait; everything else goes by `clock`, which only the test moves.
"""

import collections
import http.server
import json
import shutil
import tempfile
import threading
import time
import urllib.parse

from api_shapes import faults_of, read_shapes
from bookspool import utc
from smtp_peer import Authority

DROP, DROP_AFTER, LIMITED = "drop", "drop after", "limited"

Request = collections.namedtuple("Request", "method path query headers body token")
Logged = collections.namedtuple("Logged", "method path query token status body answer")
Window = collections.namedtuple("Window", "begun count")


class Clock:
    """Seconds since 1970 that go on as ever, and jump where the test says so."""

    def __init__(self, ahead=0):
        self.ahead = ahead

    def now(self):
        return time.time() + self.ahead

    def advance(self, seconds):
        self.ahead += seconds

    def text(self):
        return utc(self.now())


class Failure(Exception):
    """An answer that is no success: status, and what the provider's error has."""

    def __init__(self, status, *said, **more):
        super().__init__(status, *said)
        self.status, self.said, self.more = status, said, more


class Token:
    """`state`: "valid", "revoked", "expired" or whatever else the provider knows; `scopes`: None has all
    of them, as a token that is older than scopes."""

    def __init__(self, user, scopes=None, state="valid"):
        self.user, self.scopes, self.state = user, scopes, state

    def has(self, scope):
        """A :write scope includes the :read scope of the same domain."""
        domain, _, kind = scope.partition(":")
        return self.scopes is None or scope in self.scopes or (
            kind == "read" and f"{domain}:write" in self.scopes)


# ---- the server ----


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *_):
        pass

    def handle_any(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        split = urllib.parse.urlsplit(self.requestline.split()[1])
        bearer = self.headers.get("Authorization", "")
        token = bearer[7:] if bearer.startswith("Bearer ") else None
        query = urllib.parse.parse_qs(split.query, keep_blank_values=True)
        request = Request(self.command, split.path, {name: values[-1] for name, values in query.items()},
                          self.headers, body, token)
        answer = self.server.peer.serve(request)
        if answer is None:
            self.close_connection = True
            return
        status, headers, value = answer
        raw = b"" if value is None else json.dumps(value, ensure_ascii=False).encode()
        self.send_response(status)
        for name, text in headers.items():
            self.send_header(name, str(text))
        if raw:
            self.send_header("Content-Type", "application/json; charset=utf-8")
        if status != 204:
            self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)

    do_GET = do_POST = do_PATCH = do_DELETE = do_PUT = handle_any


class ApiPeer:
    """A subclass has `name` (of its shapes), `route(request)` that returns (status, value, shape) or
    raises Failure, `error(failure, request)`, and `limit_headers(limit, left, seconds)`."""

    name = None

    def __init__(self, clock=None, limit=None, window=60, prefix="", authority=None):
        self.on_call = None
        self.clock = clock or Clock()
        self.limit, self.window, self.prefix = limit, window, prefix
        self.tokens, self.log, self.wrong = {}, [], []
        self._lock, self._faults, self._windows = threading.RLock(), [], {}
        self._shapes = read_shapes(self.name)
        self._dir = tempfile.mkdtemp(prefix="bookspool-api-")
        self.authority = authority or Authority(self._dir, days=400)  # clients may be a month ahead
        self.ca = self.authority.ca
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads, self._server.block_on_close = True, False
        self._server.handle_error = lambda *_: None  # connections that the client breaks
        self._server.socket = self.authority.context().wrap_socket(self._server.socket, server_side=True,
                                                              do_handshake_on_connect=False)
        self._server.peer = self
        self.base = f"https://localhost:{self._server.server_address[1]}{prefix}"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        self._server.shutdown()
        self._server.server_close()
        shutil.rmtree(self._dir, ignore_errors=True)
        if self.wrong and kind is None:
            raise AssertionError("the stand-in answered what is documented nowhere:\n" + "\n".join(self.wrong))

    def add_token(self, token, user, scopes=None):
        self.tokens[token] = Token(user, scopes)
        return token

    def fail(self, nth, how, delay=0, method=None):
        """See above; of several for the same request the first counts."""
        with self._lock:
            self._faults.append([nth, how, delay, method])

    def asked(self, method=None, path=None):
        """The requests so far, of one method, and to one path."""
        return [one for one in self.log if method in (None, one.method) and path in (None, one.path)]

    # ---- one request ----

    def _fault(self, method):
        """(how, delay) of this request; all that wait for one like it are one nearer."""
        found = (None, 0)
        for fault in [fault for fault in self._faults if fault[3] in (None, method)]:
            fault[0] -= 1
            if fault[0] == 0:
                self._faults.remove(fault)
                found = tuple(fault[1:3]) if found == (None, 0) else found
        return found

    def _count(self, token):
        """(limit, left, seconds to the end) of the window of the user or token; left is -1 over it."""
        if not self.limit:
            return None
        who = self.tokens[token].user if token in self.tokens else None
        who = who if isinstance(who, (str, int)) else id(who)
        window, now = self._windows.get(who, Window(0, 0)), time.monotonic()
        if not window.begun or now - window.begun >= self.window:
            window = Window(now, 0)
        self._windows[who] = Window(window.begun, window.count + 1)
        return self.limit, self.limit - window.count - 1, int(self.window - (now - window.begun)) + 1

    def serve(self, request):
        """(status, headers, value), or None to end the connection."""
        if self.on_call:
            self.on_call(request)
        with self._lock:
            how, delay = self._fault(request.method)
        time.sleep(delay)
        with self._lock:
            if how == DROP:
                self._note(request, None, None)
                return None
            headers = {}
            try:
                count = self._count(request.token)
                if how == LIMITED:
                    count = (self.limit or 50, -1, self.window)
                if count:
                    headers = self.limit_headers(count[0], max(count[1], 0), count[2])
                if count and count[1] < 0:
                    raise Failure(429)
                if isinstance(how, int):
                    raise Failure(how)
                if not request.path.startswith(self.prefix + "/"):
                    raise Failure(404)
                status, value, shape = self.route(request._replace(path=request.path[len(self.prefix):]))
                self._check(request, shape, value)
            except Failure as failure:
                status = failure.status
                value, more = self.error(failure, request)
                headers = {**headers, **more}
                self._check(request, "error", value)
            self._note(request, None if how == DROP_AFTER else status, value)
            return None if how == DROP_AFTER else (status, headers, value)

    def _note(self, request, status, value):
        self.log.append(Logged(request.method, request.path, request.query, request.token, status,
                               request.body, value))

    def _check(self, request, shape, value):
        if shape is None:
            if value is not None:
                self.wrong.append(f"{request.method} {request.path} has an answer")
            return
        self.wrong += [f"{request.method} {request.path}: {fault}"
                       for fault in faults_of(self._shapes[shape], value)]


def json_of(request):
    """The JSON object of a body; a Failure of 400 where it is none."""
    try:
        value = json.loads(request.body)
    except ValueError:
        raise Failure(400) from None
    if not isinstance(value, dict) or "application/json" not in request.headers.get("Content-Type", ""):
        raise Failure(400)
    return value


def number_of(request, name, default, least, most):
    """A number of the query within its bounds; a Failure of 400 else."""
    text = request.query.get(name, str(default))
    if not text.isdigit() or not least <= int(text) <= most:
        raise Failure(400, name)
    return int(text)
