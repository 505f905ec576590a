"""A web server for what the drain reports: it keeps each request.

    with Peer() as peer:
        peer.url("/hook")                       http://127.0.0.1:PORT/hook
        peer.answer["/hook"] = (429, {"Retry-After": "60"})
        peer.asked("/hook")                     the requests so far: method, path, headers, body
"""

import http.server
import threading


class Request:
    def __init__(self, method, path, headers, body):
        self.method, self.path, self.headers, self.body = method, path, headers, body


class Peer:
    def __init__(self):
        self.answer = {}  # by path: (status, headers); 200 where nothing is said
        self.requests = []
        peer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def handle_any(self):
                length = int(self.headers.get("Content-Length") or 0)
                body = self.rfile.read(length)
                peer.requests.append(Request(self.command, self.path, self.headers, body))
                status, headers = peer.answer.get(self.path, (200, {}))
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", "0")
                self.end_headers()

            do_GET = do_POST = handle_any

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()

    def url(self, path):
        return f"http://127.0.0.1:{self.port}{path}"

    def asked(self, path):
        return [request for request in self.requests if request.path == path]
