"""FastCGI records made by hand (specification 1.0), for telling a responder all kinds of things.

    client = Client(path_of_socket)
    client.send(request(params("POST", "/path", body), body))
    answer = client.answer()        # an Answer, or None when the peer closed instead
"""

import socket
import struct

from bookspool import PATIENCE, Answer

BEGIN, ABORT, END, PARAMS, STDIN, STDOUT, STDERR, DATA, GET_VALUES = 1, 2, 3, 4, 5, 6, 7, 8, 9
RESPONDER, AUTHORIZER, FILTER = 1, 2, 3
KEEP = 1


def record(kind, content=b"", id=1, version=1, padding=0, length=None):
    """`length` is what the header claims when it is to be a lie."""
    length = len(content) if length is None else length
    return struct.pack(">BBHHBx", version, kind, id, length, padding) + content + bytes(padding)


def stream(kind, data, size=32768, id=1, padding=0):
    """A stream in records of at most `size` bytes, and its end."""
    cut = [data[i:i + size] for i in range(0, len(data), size)]
    return b"".join(record(kind, part, id, padding=padding) for part in cut) + record(kind, id=id)


def begin(keep=False, role=RESPONDER, id=1):
    return record(BEGIN, struct.pack(">HB5x", role, KEEP if keep else 0), id)


def _length(n, wide=False):
    return struct.pack(">I", n | 0x80000000) if wide or n > 127 else bytes([n])


def pair(name, value, wide=False):
    name, value = name.encode(), value if isinstance(value, bytes) else str(value).encode()
    return _length(len(name), wide) + _length(len(value), wide) + name + value


def params(method, path, body=b"", headers=None, **more):
    """The variables nginx would send, as a dictionary; a value of None leaves one out."""
    values = {"SCRIPT_NAME": path, "REQUEST_METHOD": method, "CONTENT_TYPE": "application/json",
              "CONTENT_LENGTH": str(len(body)) if method == "POST" else "",
              "QUERY_STRING": "", "SERVER_PROTOCOL": "HTTP/1.1", "GATEWAY_INTERFACE": "CGI/1.1"}
    values.update(("HTTP_" + n.upper().replace("-", "_"), v) for n, v in (headers or {}).items())
    values.update(more)
    return {name: value for name, value in values.items() if value is not None}


def encode(values, wide=False):
    return b"".join(pair(name, value, wide) for name, value in values.items())


def request(values, body=b"", keep=False, id=1, size=32768, params_size=32768, padding=0,
            wide=False):
    return (begin(keep, id=id) + stream(PARAMS, encode(values, wide), params_size, id, padding)
            + stream(STDIN, body, size, id, padding))


class Client:
    """One connection. Every wait ends after `seconds`, as an exception."""

    def __init__(self, path, seconds=PATIENCE):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(seconds)
        self.socket.connect(path)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, data):
        """False when the peer has closed already."""
        try:
            self.socket.sendall(data)
            return True
        except (BrokenPipeError, ConnectionResetError):
            return False

    def finish_sending(self):
        """Half closed: the peer reads to the end of what came, and can still answer."""
        try:
            self.socket.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # closed by the peer

    def _read(self, count):
        data = b""
        while len(data) < count:
            try:
                got = self.socket.recv(count - len(data))
            except ConnectionResetError:
                return None
            if not got:
                return None
            data += got
        return data

    def answer(self):
        """The next whole answer; None: the connection ended before."""
        out = b""
        while True:
            head = self._read(8)
            if head is None:
                return None
            _, kind, _, length, padding = struct.unpack(">BBHHBx", head)
            content = self._read(length + padding)
            if content is None:
                return None
            if kind == STDOUT:
                out += content[:length]
            if kind == END:
                return _parse(out)

    def closed(self):
        """Waits for the end of the connection; False when something else comes."""
        try:
            return self.socket.recv(1) == b""
        except ConnectionResetError:
            return True


def _parse(raw):
    head, _, body = raw.partition(b"\r\n\r\n")
    pairs = [line.partition(":") for line in head.decode("latin-1").split("\r\n")]
    headers = {name.strip().lower(): value.strip() for name, _, value in pairs}
    return Answer(int(headers.get("status", "200").split()[0]), headers, body)
