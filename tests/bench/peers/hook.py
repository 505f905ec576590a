"""The receiver as a WSGI application: verify, store durably, answer."""

import hashlib
import hmac
import os

SECRET = os.environ["SECRET"].encode()
SPOOL = os.environ["SPOOL"]
DIRECTORY = os.open(SPOOL + "/new", os.O_RDONLY | os.O_DIRECTORY)


def store(body):
    name = os.urandom(16).hex()
    file = os.open(f"{SPOOL}/tmp/{name}", os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    try:
        os.write(file, body)
        os.fsync(file)
    finally:
        os.close(file)
    os.rename(f"{SPOOL}/tmp/{name}", f"{SPOOL}/new/{name}")
    os.fsync(DIRECTORY)


def app(environ, start_response):
    body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    want = hmac.new(SECRET, body, hashlib.sha256).hexdigest()
    good = hmac.compare_digest(want, environ.get("HTTP_X_CAL_SIGNATURE_256", ""))
    if good:
        store(body)
    start_response("200 OK" if good else "401 Unauthorized",
                   [("Content-Type", "text/plain"), ("Content-Length", "3")])
    return [b"ok\n"]
