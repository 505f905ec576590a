#!/usr/bin/python3
"""examples/contact and its nginx files in a real browser, and the way from a booking to its mail.

The parts in the browser are those of tests/contact/check.mjs; `make contact` is the long form.
"""

import os
import re
import ssl
import sys
import http.client

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from bookspool import (PATIENCE, World, diag, equal, finish, need, ok, run_parts, wants)  # noqa: E402
from contact import SITE, contact_site, run_node  # noqa: E402

IN_BROWSER = ("loads", "without_script", "frame_fails", "least_policy", "forged", "accessible", "keyboard",
              "elsewhere", "falls_back", "pictures", "books")


def in_browser(world, given):
    given["parts"] = [part for part in IN_BROWSER if wants(part)]
    if not given["parts"]:
        return
    for said in run_node(world, "check.mjs", given):
        if "note" in said:
            diag(said["note"])
        else:
            ok(said["holds"], said["name"], said.get("detail"))
    if "books" in given["parts"]:
        books_end_in_mail(world)


def books_end_in_mail(world):
    equal(world.drain().returncode, 0, "the drain runs")
    mails = [str(mail["Subject"]) + mail.get_body(("plain",)).get_content() for mail in world.mails()]
    for provider in ("calcom", "calendly"):
        equal(sum(f"Zoë {provider}" in mail for mail in mails), 1,
              f"{provider}: a booking in the page ended in one mail")


def fetch(given, path, headers=None):
    context = ssl.create_default_context(cadata=given["cert"])
    context.check_hostname = False  # by address; the browser checks the name
    connection = http.client.HTTPSConnection("127.0.0.1", given["port"], context=context, timeout=PATIENCE)
    connection.request("GET", path, headers={"Host": SITE, **(headers or {})})
    answer = connection.getresponse()
    answer.read()
    connection.close()
    return answer.status, {name.lower(): value for name, value in answer.getheaders()}


def headers_of_nginx(_world, given):
    strict = "script-src 'self'; style-src 'self'; img-src"
    pages = {"/contact/": "https://app.cal.com", "/contact/index.html": "https://app.cal.com",
             "/contact/calendly.html": "https://calendly.com", "/index.html": None, "/": None,
             "/contact/contact.css": None, "/contact/no-such-page": None, "/contact/index.html.bak": None,
             "/other/": None}
    for path, host in pages.items():
        status, headers = fetch(given, path)
        policy = headers.get("content-security-policy", "")
        ok(policy.startswith("default-src 'none'; ") and
           (f"frame-src {host}" in policy if host else "frame-src" not in policy and strict in policy),
           f"{path} ({status}): {'may load ' + host if host else 'keeps the strict policy'}", policy)
        payment = re.search(r"payment=\(([^)]*)\)", headers.get("permissions-policy", ""))
        equal(payment and payment[1], f'self "{host}"' if host else "", f"{path}: and who may ask for a card")
        ok(headers.get("strict-transport-security") and headers.get("x-content-type-options") == "nosniff" and
           headers.get("referrer-policy") == "strict-origin-when-cross-origin",
           f"{path}: with the other headers", headers)
    equal(fetch(given, "/contact/")[1].get("cache-control"), "no-cache", "pages are asked for each time")
    status, headers = fetch(given, "/contact/calcom.js")
    equal(headers.get("cache-control"), "max-age=3600", "a script is kept for an hour")
    again = fetch(given, "/contact/", {"If-None-Match": fetch(given, "/contact/")[1]["etag"]})
    equal((again[0], "content-security-policy" in again[1]), (304, True), "an unchanged page is a 304")
    for path, kept in (("/bare/contact.css", False), ("/again/contact.css", True)):
        headers = fetch(given, path)[1]
        equal((headers.get("x-own"), "content-security-policy" in headers), ("1", kept),
              f"a location with an add_header of its own {'and the file keeps' if kept else 'loses'} them")


OWN_HEADERS = """
    location /bare/ { alias @DIR@/site/contact/; add_header X-Own 1; }
    location /again/ { alias @DIR@/site/contact/; add_header X-Own 1; include @NGINX@/contact-server.conf; }
"""


def contact():
    need("nginx", "node", "chromium")
    with World() as world:
        given = contact_site(world, OWN_HEADERS)
        run_parts((headers_of_nginx,), world, given)
        in_browser(world, given)


if __name__ == "__main__":
    contact()
    finish()
