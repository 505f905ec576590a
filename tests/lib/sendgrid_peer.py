"""A stand-in for SendGrid's v3 Mail Send, as strict as its documentation: a request that breaks a
documented rule is answered as the service would, whatever the script says.

    Peer(key, answers)     answers each right request in turn; the last answer stays
"""

import base64
import binascii
import http.server
import json
import re
import threading

DROP, DROP_AMID, SILENT = "drop", "drop amid", "silent"  # after the body, within it, no answer
GO_ON = "go on"  # 100 Continue, and a drop within the body

RESERVED = {"x-sg-id", "x-sg-eid", "received", "dkim-signature", "content-type", "to", "from",
            "content-transfer-encoding", "subject", "reply-to", "cc", "bcc"}
KNOWN = {"personalizations", "from", "reply_to", "reply_to_list", "subject", "content",
         "attachments", "template_id", "headers", "categories", "custom_args", "send_at", "batch_id",
         "asm", "ip_pool_name", "mail_settings", "tracking_settings"}


class Wrong(Exception):
    """What is wrong, and with which field."""


def need(holds, message, field):
    if not holds:
        raise Wrong(message, field)


def is_text(value, least=1):
    return isinstance(value, str) and len(value) >= least


def check_address(value, field, names=True):
    need(isinstance(value, dict) and set(value) <= {"email", "name"}, "not an address", field)
    email = value.get("email")
    need(is_text(email) and len(email) <= 320 and re.fullmatch(r"[^@\s<>;,]+@[^@\s<>;,]+", email),
         "Does not contain a valid address.", field + ".email")
    if names and "name" in value:
        need(not set(value["name"]) & set(";,"), "no ; or , in a name", field + ".name")


def check_person(one, field):
    need(isinstance(one, dict), "not an object", field)
    need(isinstance(one.get("to"), list) and one["to"], "The to array is required", field + ".to")
    everyone = []
    for kind in ("to", "cc", "bcc"):
        for number, value in enumerate(one.get(kind, [])):
            check_address(value, f"{field}.{kind}.{number}")
            everyone.append(value["email"].lower())
    need(len(everyone) == len(set(everyone)),
         "Each unique email address should only be included once", field)
    args = one.get("custom_args", {})
    need(isinstance(args, dict) and all(is_text(value) for value in args.values()),
         "Bad Request", None)


def check_content(content):
    need(isinstance(content, list) and content, "The content parameter is required.", "content")
    types = []
    for number, part in enumerate(content):
        field = f"content.{number}"
        need(is_text(part.get("type")) and not set(part["type"]) & set(";\r\n"),
             "The content type is not valid", field + ".type")
        need(is_text(part.get("value")), "must be at least one character", field + ".value")
        types.append(part["type"])
    order = [("text/plain", "text/html").index(t) if t in ("text/plain", "text/html") else 2
             for t in types]
    need(order == sorted(order) and types.count("text/plain") < 2 and types.count("text/html") < 2,
         "text/plain first, then text/html", "content")


def check_attachment(one, field):
    need(is_text(one.get("content")), "must be base64", field + ".content")
    try:
        base64.b64decode(one["content"], validate=True)
    except binascii.Error:
        raise Wrong("must be base64", field + ".content") from None
    need(is_text(one.get("filename")) and not set(one["filename"]) & set("\r\n"),
         "The filename is required", field + ".filename")
    need(one["filename"].isascii(), "is garbled where it is not ASCII", field + ".filename")
    need(not set(one.get("type", "x")) & set(";\r\n"), "no ; in a type", field + ".type")
    need(not one.get("type", "").startswith("text/"), "text loses its charset", field + ".type")
    need(one.get("disposition", "attachment") in ("attachment", "inline"), "no such disposition",
         field + ".disposition")


def check_headers(headers):
    need(isinstance(headers, dict), "not an object", "headers")
    for name, value in headers.items():
        need(name.isascii() and not re.search(r"\s", name), "not a header name", "headers")
        need(name.lower() not in RESERVED, "a reserved header", f"headers.{name}")
        need(is_text(value) and value.isascii(), "must be a string", f"headers.{name}")


def check(mail):
    need(isinstance(mail, dict) and set(mail) <= KNOWN, "Bad Request", None)
    people = mail.get("personalizations")
    need(isinstance(people, list) and 0 < len(people) <= 1000, "is required", "personalizations")
    for number, one in enumerate(people):
        check_person(one, f"personalizations.{number}")
    need("from" in mail, "The from object must be provided", "from")
    check_address(mail["from"], "from")
    need(is_text(mail.get("subject")), "The subject is required.", "subject")
    check_content(mail.get("content"))
    need(not ("reply_to" in mail and "reply_to_list" in mail), "one of them", "reply_to")
    if "reply_to" in mail:
        check_address(mail["reply_to"], "reply_to")
    for number, one in enumerate(mail.get("attachments", [])):
        check_attachment(one, f"attachments.{number}")
    check_headers(mail.get("headers", {}))
    need("custom_args" not in mail, "Bad Request", None)  # the specification says a string here


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *_):
        pass

    def setup(self):
        super().setup()
        self.server.peer.connections += 1

    def answer(self, status, body=b"", **headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), str(value))
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def fail(self, status, message, field=None):
        self.answer(status, json.dumps(
            {"errors": [{"message": message, "field": field, "help": None}]}).encode())

    def do_POST(self):
        peer, length = self.server.peer, int(self.headers.get("Content-Length", 0))
        next_answer = peer.next_answer()
        if next_answer == GO_ON:
            self.send_response_only(100)
            self.end_headers()
        if next_answer in (DROP_AMID, GO_ON):
            self.rfile.read(min(length // 2, 100000))
            self.close_connection = True
            return
        raw = self.rfile.read(length)
        peer.requests.append((dict(self.headers), raw))
        if self.requestline.split()[1] != "/v3/mail/send":  # self.path has no second slash any more
            return self.fail(404, "not found")
        if self.headers.get("Authorization") != f"Bearer {peer.key}":
            return self.fail(401, "The provided authorization grant is invalid")
        if self.headers.get("Content-Type") != "application/json":
            return self.fail(415, "content type")
        if "application/json" not in self.headers.get("Accept", ""):
            return self.fail(406, "accept")
        if length > 30 << 20:
            return self.fail(413, "too large")
        try:
            mail = json.loads(raw.decode("utf-8"))
            check(mail)
        except ValueError:
            return self.fail(400, "Invalid UTF8 or JSON in request")
        except Wrong as wrong:
            return self.fail(400, *wrong.args)
        self.carry_out(peer, next_answer, mail)

    def carry_out(self, peer, answer, mail):
        if answer == SILENT:
            peer.stopping.wait(60)
        if answer in (DROP, SILENT):
            self.close_connection = True
        elif isinstance(answer, tuple):
            status, field, headers, *message = answer
            self.answer(status, json.dumps({"errors": [
                {"message": (message or [f"no to <owner@example.org>\u2028{status}"])[0],
                 "field": field}]}).encode(), **headers)
        elif answer == 202:
            peer.accepted.append(mail)
            self.answer(202, X_Message_Id=f"id-{len(peer.accepted)}")
        else:
            self.answer(answer)


class Peer:
    """An answer is a status, (status, field, headers) or with a message after them, DROP,
    DROP_AMID, GO_ON or SILENT."""

    def __init__(self, key, *answers, context=None):
        self.key, self.answers = key, list(answers or (202,))
        self.accepted, self.requests, self.connections = [], [], 0
        self.stopping = threading.Event()
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._server.block_on_close = False
        self._server.handle_error = lambda *_: None  # connections that the test breaks
        if context:
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self._server.peer = self
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    def next_answer(self):
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stopping.set()
        self._server.shutdown()
        self._server.server_close()
