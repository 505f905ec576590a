"""The contact page on a TLS nginx with the shipped files, and Node, which drives a browser on it."""

import base64
import datetime
import hashlib
import json
import os
import shutil
import subprocess

from bookspool import ENDPOINT, NGINX, TOP, bail, free_port, sample, tool, utc
from mailbox import START

HERE = os.path.join(TOP, "tests/contact")
SITE = "contact.example.org"
HOSTS = ("localhost", SITE, "changed.example.org", "app.cal.com", "app.cal.eu", "booking.example.net", "assets.calendly.com", "calendly.com",
         "ads.example.net")
MODULES = os.path.join(os.environ.get("BOOKSPOOL_TOOLS") or os.path.join(TOP, "build/tools"), "npm")

SERVER = """
include @NGINX@/contact-http.conf;
server {
    listen 127.0.0.1:@PORT@ ssl;
    server_name contact.example.org;
    ssl_certificate     @DIR@/cert.pem;
    ssl_certificate_key @DIR@/key.pem;
    root @DIR@/site;
    types { text/html html; text/css css; text/javascript js; image/svg+xml svg; }
    include @NGINX@/contact-server.conf;
@MORE@
}
"""


def make_certificate(world):
    """One for all hosts, and its key; the digest of its key, as Chromium wants it."""
    names = ",".join(["IP:127.0.0.1", *("DNS:" + host for host in HOSTS)])
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
                    "-nodes", "-days", "30", "-subj", "/CN=bookspool test", "-addext", "subjectAltName=" + names,
                    "-keyout", world.path("key.pem"), "-out", world.path("cert.pem")],
                   check=True, capture_output=True)
    key = subprocess.run(["openssl", "pkey", "-in", world.path("key.pem"), "-pubout", "-outform", "DER"],
                         check=True, capture_output=True).stdout
    return base64.b64encode(hashlib.sha256(key).digest()).decode()


def coming_booking(provider):
    """A sample, next year, at a time that the other provider's has not: mails would name the other one."""
    body = json.loads(sample(provider, {"calcom": "booking_created", "calendly": "invitee_created"}[provider]))
    if provider == "calcom":
        times, names, start = body["payload"], ("startTime", "endTime"), START
    else:
        times, names = body["payload"]["scheduled_event"], ("start_time", "end_time")
        start = START + datetime.timedelta(days=1)
    for name, minutes in zip(names, (0, 30)):
        times[name] = utc(start + datetime.timedelta(minutes=minutes))
    return body


def contact_site(world, more=""):
    """Starts the receiver and nginx; what Node has to know of them. `more` goes into nginx's server."""
    spki = make_certificate(world)
    shutil.copytree(os.path.join(TOP, "examples/contact"), world.path("site/contact"))
    with open(world.path("site/index.html"), "w", encoding="utf-8") as file:
        file.write("<!DOCTYPE html><title>A page without a calendar</title>")
    port = free_port()
    server = SERVER
    for name, value in {"MORE": more, "NGINX": NGINX, "DIR": world.dir, "PORT": str(port)}.items():
        server = server.replace(f"@{name}@", value)
    world.start_receiver()
    world.start_nginx(http=server)
    bodies = {}
    for provider in ENDPOINT:
        bodies[provider] = world.path(provider + ".json")
        with open(bodies[provider], "w", encoding="utf-8") as file:
            json.dump(coming_booking(provider), file)
    files = {name: open(world.path(name + ".pem"), encoding="ascii").read() for name in ("key", "cert")}
    return {"here": HERE, "port": port, "spki": spki, **files, "chromium": tool("chromium"),
            "secret": world.secret, "sample": bodies,
            "hooks": {"socket": world.path("http.sock"), "path": ENDPOINT}}


def run_node(world, script, given):
    """Yields the lines of JSON that a script of tests/contact prints."""
    path = world.path("given.json")
    with open(path, "w", encoding="utf-8") as file:
        json.dump(given, file)
    os.chmod(path, 0o600)
    env = {**world.env({"NODE_MODULES": MODULES, "HOME": world.dir, "TMPDIR": world.dir}),
           **{name: os.environ[name] for name in ("CONTACT_PICTURES", "CONTACT_KEEP") if name in os.environ}}
    with open(world.path("node.log"), "wb") as log:
        node = subprocess.Popen([tool("node") or bail("node is missing"), os.path.join(HERE, script), path],
                                stdout=subprocess.PIPE, stderr=log, text=True, cwd=world.dir, env=env)
        try:
            for line in node.stdout:
                yield json.loads(line)
            if node.wait() != 0:
                bail(f"{script} ends with {node.returncode}: {world.log('node.log')[-1500:]}")
        finally:
            node.kill()
            node.wait()
