#!/usr/bin/python3
"""bookspool embed --check: pages, their policies, and what it says of them."""

import http.server
import json
import os
import ssl
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from bookspool import TOP, World, equal, finish, free_port, match, ok, run_parts  # noqa: E402
from contact import make_certificate  # noqa: E402

STRICT = "default-src 'none'; script-src 'self'; style-src 'self'"
CALCOM = ("default-src 'none'; script-src 'self' https://app.cal.com; style-src 'self' 'unsafe-inline'; "
          "frame-src https://app.cal.com")


def read(*names):
    with open(os.path.join(TOP, *names), encoding="utf-8") as file:
        return file.read()


def snippet(host="app.cal.com", nonce=""):
    """A page with Cal.com's snippet as Cal.com hands it out, in short."""
    return (f"<html><head><title>x</title></head><body><div id=a></div><script{nonce}>(function (C, A) {{}})"
            f'(window, "https://{host}/embed/embed.js", "init"); Cal("init", "x", {{}})</script></body></html>')


WIDGET = ('<link href="https://assets.calendly.com/assets/external/widget.css" rel="stylesheet">'
          '<div class="calendly-inline-widget" data-url="https://calendly.com/x"></div>'
          '<script src="https://assets.calendly.com/assets/external/widget.js" async></script>')


class Site:
    """Answers each path with (status, headers, body) of its table, over http, or https with a context."""

    def __init__(self, context=None):
        pages = self.pages = {}

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                status, headers, body = pages.get(self.path, (404, [], "no"))
                self.send_response(status)
                for name, value in headers:
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body.encode())))
                self.end_headers()
                self.wfile.write(body.encode())

            def log_message(self, *args):
                pass
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        if context:
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.url = f"http{'s' if context else ''}://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def put(self, path, body, *policies, status=200, headers=()):
        self.pages[path] = (status, [*headers, *(("Content-Security-Policy", one) for one in policies)], body)
        return self.url + path


def check(world, url, *args, **more):
    done = world.run("bookspool", "embed", "--check", url, *args, **more)
    return done.returncode, done.stdout, done.stderr


def facts(world, url, *args, **more):
    code, out, err = check(world, url, "--json", *args, **more)
    found = json.loads(out) if out else {}
    return code, found, err


def blocked(found):
    return sorted({one["what"] for one in found["checks"] if not one["allowed"]})


def our_pages(world, site):
    url = site.put("/contact/", read("examples/contact/index.html"), CALCOM)
    code, found, _ = facts(world, url)
    equal((code, found["allowed"], found["embeds"]), (0, True, ["https://app.cal.com"]),
          "the example page with its policy may run")
    equal(found["policies"][0]["would_allow"], None, "and no other policy is proposed")
    code, out, _ = check(world, url)
    ok("BLOCKED" not in out and "script-src 'self' https://app.cal.com" in out, "each directive is shown", out)
    code, found, _ = facts(world, site.put("/contact/", read("examples/contact/index.html"), STRICT))
    equal((code, blocked(found)), (1, ["Cal.com's frame", "Cal.com's script", "the <style> elements of embed.js",
                                       "the style attributes of embed.js"]), "with the strict one it may not")
    code, again, _ = facts(world, site.put("/contact/", read("examples/contact/index.html"),
                                           found["policies"][0]["would_allow"]))
    equal((code, again["allowed"]), (0, True), "and with the one that is proposed it may")
    code, out, _ = check(world, site.put("/contact/", read("examples/contact/index.html"), STRICT))
    match(out, r"\n    Content-Security-Policy: default-src 'none'; script-src 'self' https://app\.cal\.com; "
               r"style-src 'self' 'unsafe-inline'; frame-src https://app\.cal\.com\n", "a line to copy")
    page = read("examples/contact/calendly.html")
    code, found, _ = facts(world, site.put("/c", page, STRICT + "; frame-src https://calendly.com"))
    equal((code, found["embeds"], blocked(found)), (1, ["https://calendly.com"], ["Calendly's script"]),
          "Calendly's page: what is missing is found")


def other_pages(world, site):
    code, found, _ = facts(world, site.put("/own", snippet("cal.example.net"), CALCOM))
    equal((code, found["embeds"]), (1, ["https://cal.example.net"]), "a Cal.com of one's own is recognised")
    ok("the page's inline script" in blocked(found), "an inline script is no file", blocked(found))
    code, found, _ = facts(world, site.put("/eu", '<a href="https://cal.eu/x/y">book</a>', CALCOM))
    equal(found["embeds"], ["https://app.cal.eu"], "and the European one")
    code, found, _ = facts(world, site.put("/w", WIDGET, CALCOM.replace("'unsafe-inline'", "")))
    equal(blocked(found), ["Calendly's frame", "Calendly's style sheet",
                           "the provider's script", "the style attribute of calendly-inline-widget"],
          "Calendly's snippet needs two styles more")
    nonce = site.put("/n", snippet(nonce=" nonce=abc"),
                     "script-src 'nonce-abc' 'strict-dynamic'; style-src 'unsafe-inline'")
    equal(facts(world, nonce)[0], 0, "a script with the nonce may add Cal.com's")
    strict = site.put("/d", WIDGET, "script-src 'nonce-abc' 'strict-dynamic'")
    code, out, _ = check(world, strict)
    equal(code, 1, "a script tag without the nonce may not run")
    match(out, "strict-dynamic.* ignores hosts", "and what to do is said")
    code, out, _ = check(world, site.put("/t", snippet(), "require-trusted-types-for 'script'"))
    equal(code, 1, "trusted types stop it")
    code, found, _ = facts(world, site.put("/both", snippet() + "<a href='https://calendly.com/x'>or</a>"))
    equal(found["embeds"], ["https://app.cal.com"], "a link beside a calendar is only a link")
    frame = "<script src=/a.js></script><iframe src='https://cal.com/x/y'></iframe>"
    code, found, _ = facts(world, site.put("/frame", frame, STRICT))
    equal((code, blocked(found)), (1, ["the frame https://cal.com/x/y"]), "a plain frame needs no script")
    equal(facts(world, site.put("/frame", frame, STRICT + "; frame-src cal.com"))[0], 0, "and may be let in")
    code, out, err = check(world, site.put("/none", "<a href='https://example.org/'>x</a>", CALCOM))
    equal((code, out), (65, ""), "a page without a calendar is an error")
    match(err, "PUBLIC_CALCOM_EMBED_URL", "which says how to name one")
    world.write_settings("bookspool.conf", {"PUBLIC_CALCOM_EMBED_URL": "https://cal.example.net/a/b"})
    code, found, _ = facts(world, site.put("/none", "<script src=/app.js></script>", STRICT))
    equal((code, found["embeds"]), (1, ["https://cal.example.net"]), "the setting names it")
    world.write_settings("bookspool.conf", {})


def policies(world, site):
    page = '<a href="https://cal.com/x/y">book</a>'
    code, out, _ = check(world, site.put("/p", page))
    equal(code, 0, "no policy forbids nothing")
    match(out, "no Content-Security-Policy", "and that is said")
    equal(facts(world, site.put("/p", page, CALCOM, STRICT))[0], 1, "of two headers both must allow")
    equal(facts(world, site.put("/p", page, CALCOM + ", " + STRICT))[0], 1, "of one with a comma as well")
    code, found, _ = facts(world, site.put("/p", f'<meta http-equiv="Content-Security-Policy" content="{STRICT}">' +
                                           page, CALCOM))
    equal((code, [one["where"] for one in found["policies"]], [one["would_allow"] is None for one in
          found["policies"]]), (1, ["header", "<meta>"], [True, False]), "and <meta> counts like a header")
    code, found, _ = facts(world, site.put(
        "/p", page, headers=[("Content-Security-Policy-Report-Only", "default-src 'none'")]))
    equal((code, found["policies"]), (0, []), "report-only forbids nothing")
    equal(facts(world, site.put("/p", page, headers=[("content-security-policy", "script-src 'none'")]))[0], 1,
          "the header's name in small letters")


def fetching(world, site):
    url = site.put("/to", '<a href="https://cal.com/x/y">book</a>', CALCOM)
    site.put("/from", "", status=301, headers=[("Location", "/to")])
    code, found, _ = facts(world, site.url + "/from")
    equal((code, found["url"]), (0, url), "a redirect is followed")
    site.put("/loop", "", status=302, headers=[("Location", "/loop")])
    code, _, err = check(world, site.url + "/loop")
    equal(code, 75, "but not for ever")
    match(err, "more than 5 redirects", "and that is said")
    site.put("/out", "", status=302, headers=[("Location", "http://www.example.org/")])
    code, _, err = check(world, site.url + "/out")
    equal(code, 65, "not to http elsewhere")
    match(err, "only https", "and that is said")
    equal(check(world, "http://192.0.2.1/")[0], 65, "http from elsewhere is not fetched")
    code, _, err = check(world, site.url + "/missing")
    equal(code, 65, "a page that is not there")
    match(err, "answers 404", "and what it answers")
    equal(check(world, f"http://127.0.0.1:{free_port()}/")[0], 75, "nobody answers")
    equal(world.run("bookspool", "embed").returncode, 64, "without a page")
    equal(world.run("bookspool", "embed", "--check", url, "more").returncode, 64, "with too much")


def tls(world, _site):
    make_certificate(world)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(world.path("cert.pem"), world.path("key.pem"))
    site = Site(context)
    url = site.put("/", '<a href="https://cal.com/x/y">book</a>', CALCOM)
    code, _, err = check(world, url)
    equal(code, 75, "a certificate of nobody's is refused")
    equal(check(world, url, "--cacert", world.path("cert.pem"))[0], 0, "one that --cacert names is not")
    world.write_settings("bookspool.conf", {"BOOKSPOOL_TLS_CA": world.path("cert.pem")})
    equal(check(world, url)[0], 0, "nor one of BOOKSPOOL_TLS_CA")
    site.server.shutdown()


if __name__ == "__main__":
    with World() as the_world:
        the_site = Site()
        run_parts((our_pages, other_pages, policies, fetching, tls), the_world, the_site)
        the_site.server.shutdown()
    finish()
