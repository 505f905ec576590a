#!/usr/bin/python3
"""`bookspool check`, the doctor: each fault is produced for real, is found, and is followed by what to do."""

import os
import re
import shutil
import socket
import subprocess
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from bookspool import (BIN, NGINX, World, equal, finish, free_port, is_root, match, need, ok,  # noqa: E402
                       run_parts, skip, tool)
from calendly_api import CalendlyApi  # noqa: E402
from smtp_peer import Scripted  # noqa: E402

NOBODY = 65534
CLOCK = os.path.join(BIN, "tests/clock.so")
OWN = {"BOOKSPOOL_MAIL_TO": "ada@shop.test", "BOOKSPOOL_MAIL_FROM": "hooks@shop.test"}


class Site(World):
    """A world with addresses of its own; nginx is the tests', and its configuration what start_nginx
    writes."""

    def __init__(self, settings=None, unit="", **more):
        super().__init__(settings={**OWN, **(settings or {})}, **more)
        os.chmod(self.spool_dir, 0o2770)
        self.write_unit("bookspool-fcgi.service", f"[Service]\n{unit}\n")

    def check(self, *args, code=0, name="check", env=None, **more):
        """The findings as (level, text, remedy); the exit status must be this."""
        if "--nginx" in args:
            env = {"PATH": os.path.dirname(tool("nginx")), **(env or {})}
        done = self.run("bookspool", "check", *args, env=env, **more)
        if not equal(done.returncode, code, f"{name}: exit status {code}"):
            print("#", "\n# ".join((done.stdout + done.stderr).splitlines()))
        found = []
        for line in done.stdout.splitlines():
            if line.startswith("      ") and found:
                found[-1] = (*found[-1][:2], line.strip())
            elif line[:4] in ("pass", "warn", "fail"):
                found.append((line[:4], line[6:], None))
        return found

    def has(self, found, level, text, remedy=None, name=None):
        hits = [item for item in found if item[0] == level and re.search(text, item[1])]
        good = bool(hits) and (not remedy or re.search(remedy, hits[0][2] or ""))
        ok(good, name or f"{level}: {text[:60]}", "\n".join(map(str, found)))


def fails(found):
    return [text for level, text, _ in found if level == "fail"]


def healthy():
    need("nginx")
    with Site() as site:
        site.start_receiver()
        site.start_nginx(listen=f"127.0.0.1:{free_port()}")
        nginx = ("--nginx", site.path("nginx.conf"))
        found = site.check(*nginx, "--url", site.url, name="an installation that works")
        equal(fails(found), [], "nothing fails")
        for text in ("all settings of", "calcom: a secret is set", "spool /", "state directory",
                     "nginx includes both", "the receiver answers at .*: pass", "may connect to it",
                     "mail goes to ada@shop.test, from hooks@shop.test, by maildir:",
                     f"{site.url}/api/calcom-webhook: a wrong signature is refused",
                     f"{site.url}/api/webhooks/calendly: a wrong signature is refused",
                     "signed with the primary secret of calcom is accepted",
                     "signed with the primary secret of calendly is accepted", "the clock says|^the clock"):
            ok(any(re.search(text, item[1]) for item in found), f"said: {text[:60]}", found)
        equal([name for name in ("new", "held", "done") if site.spool(name)], [], "no test is stored")
        ok(all(remedy for level, _, remedy in found if level == "warn"), "each warning has a remedy", found)
        done = site.run("bookspool", "check", "--json", *nginx, env={"PATH": os.path.dirname(tool("nginx"))})
        match(done.stdout, r'(?s)"findings".*"level":\s+"pass",\s+"area":\s+"settings".*"ok":\s+true',
              "the same in JSON")
        base = {"CALCOM_WEBHOOK_BASE_URL": site.url}
        site.has(site.check(env=base, name="with a base URL"), "pass", "secret of calcom is accepted",
                 name="an address of the settings is tried without --url")


def settings():
    with Site() as site:
        conf = site.path("etc/bookspool.conf")
        rows = (("BOOKSPOOL_TIMEZONE", "Mars/Olympus", "there is no zone"),
                ("BOOKSPOOL_NOTIFY", "creatd: none", '"creatd"'),
                ("BOOKSPOOL_LEDGER", "postgres:x", "sqlite:"),
                ("BOOKSPOOL_LEDGER", "sqlite:/etc/passwd", "/etc/passwd"),
                ("BOOKSPOOL_LANGUAGE", "xx", "xx"),
                ("BOOKSPOOL_TEMPLATES", "/nowhere/at/all", "/nowhere"),
                ("BOOKSPOOL_TRANSPORT", "smtp://mail.shop.test:70000", "port must be a number"),
                ("BOOKSPOOL_RETENTION", "1d", "must be a duration"),
                ("BOOKSPOOL_MAIL_FROM", "nobody", "must be one mail address"),
                ("BOOKSPOOL_ALARM", "pigeon:home", "pigeon"),
                ("BOOKSPOOL_SILENCE", "soon", "expected a duration"),
                ("SENTRY_DSN", "https://sentry.shop.test", ""))
        for name, value, words in rows:
            base = {"BOOKSPOOL_SPOOL": site.spool_dir, "BOOKSPOOL_STATE": site.state_dir, **OWN}
            site.write_settings("bookspool.conf", {**base, name: value})
            line = [*{**base, name: value}].index(name) + 1
            found = site.check(code=78, name=f"{name}={value}")
            ok(any(re.match(rf"{re.escape(conf)}:{line}: {name}: .*{words}", text) for text in fails(found)),
               "is found with file, line and name", fails(found))
            equal(len(fails(found)), 1, "and nothing else is")
        site.write_settings("bookspool.conf", {**base, "BOOKSPOOL_RETENTION": "1d",
                                               "BOOKSPOOL_TIMEZONE": "Mars/Olympus"})
        equal(len(fails(site.check(code=78, name="two faults"))), 2, "one fault does not hide another")
        for page, level in (("nowhere/page.html", "warn"), ("state/page.html", "pass")):
            site.write_settings("bookspool.conf", {**base, "BOOKSPOOL_STATUS_PAGE": site.path(page)})
            site.has(site.check(), level, "page.*" + re.escape(site.path(page.split("/")[0])),
                     "install -d" if level == "warn" else None)
        site.write_settings("bookspool.conf", {**base, "BOOKSPOOL_TRANSPORT": "smtps://mail.shop.test:587"})
        site.has(site.check(), "warn", "smtps:// on port 587", "smtp://HOST:587")


def samples():
    with Site({"BOOKSPOOL_MAIL_TO": "owner@example.org", "BOOKSPOOL_TRANSPORT": "smtp://mail.shop.test"}) as site:
        found = site.check(code=78, name="a sample address")
        site.has(found, "fail", "bookspool.conf:3: BOOKSPOOL_MAIL_TO: is still an address of the examples",
                 "of your own")
        equal(len(fails(found)), 1, "the one that is changed is not named")
    with Site({"BOOKSPOOL_MAIL_TO": "owner@example.org"}) as site:
        site.has(site.check(), "warn", "is still an address of the examples", name="a Maildir takes it")
        site.write_settings("receive.env", {"CALCOM_WEBHOOK_SECRET": "hush"})
        site.has(site.check(), "warn", "calcom: a secret is shorter", "openssl rand")


def no_settings():
    if os.path.exists("/etc/bookspool/bookspool.conf"):
        return skip("bookspool is installed here")
    with Site() as site:
        env = {"BOOKSPOOL_CONF": "", "TMPDIR": site.dir}
        site.has(site.check(code=78, env=env, name="no settings at all"), "fail",
                 "there is no /etc/bookspool/bookspool.conf", "systemd starts none of the units")
        env |= {"BOOKSPOOL_SPOOL": site.spool_dir, "BOOKSPOOL_STATE": site.state_dir,
                "CALCOM_WEBHOOK_SECRET": "0123456789abcdef"}
        site.has(site.check(env=env, name="all by the environment"), "warn", "there is no /etc/bookspool")


def unreadable():
    """What only follows from a file that may not be read is not a fault."""
    if not is_root():
        return skip("only root can be another user")
    settings = {"BOOKSPOOL_TRANSPORT": "smtp://mail.shop.test", "BOOKSPOOL_SMTP_USER": "robot"}
    with Site(settings, drain={"BOOKSPOOL_SMTP_PASSWORD": "hush"}) as site:
        os.chmod(site.dir, 0o755)
        os.chmod(site.path("etc"), 0o755)
        os.chmod(site.path("etc/bookspool.conf"), 0o644)
        shutil.copy(os.path.join(BIN, "bookspool"), site.path("bookspool"))
        ask = [site.path("bookspool"), "check"]

        def run(**more):
            return subprocess.run(ask, env=site.env(), text=True, capture_output=True, cwd="/", **more).stdout
        shown = run(user=NOBODY, group=NOBODY, extra_groups=[])
        for name in ("receive.env", "drain.env"):
            match(shown, rf"warn  \S+/{name}: cannot be read.*\n +run this as root", f"{name} is named")
        ok("BOOKSPOOL_SMTP" not in shown.replace("by smtp", ""), "and no password is missed", shown)
        ok("nothing will be accepted" not in shown, "nor a secret", shown)
        for name in ("spool", "state"):
            os.chown(site.path(name), NOBODY, NOBODY)
        shown = run()
        match(shown, r"fail  \S+/receive.env: cannot be read.*by the user that the programs run as\n +run as root: "
              r"chgrp", "as root: the owner of the spool may not read it")
        match(shown, "pass  checked as nobody", "as whom it is checked")


def directories():
    with Site() as site:
        shutil.rmtree(site.state_dir)
        site.has(site.check(code=78, name="no state directory"), "fail", "state directory .*No such file",
                 "install -d -o bookspool")
    with Site() as site:
        os.chmod(site.spool_dir, 0o2777)
        site.has(site.check(code=78, name="an open spool"), "fail", "writable by everybody", "chmod o-rwx")
        os.chmod(site.spool_dir, 0o2770)
        os.mkdir(site.file("new"))
        os.chmod(site.file("new"), 0o2570)
        site.has(site.check(code=78, name="a closed new/"), "fail", "new: its owner may not use it",
                 f"chmod 2770 {site.file('new')}")
        os.chmod(site.file("new"), 0o2770)
        with open(site.file("held"), "w", encoding="ascii"):
            pass
        site.has(site.check(code=78, name="held is a file"), "fail", "held: is not a directory", "move it away")
        os.unlink(site.file("held"))
        site.has(site.check(code=78, env={"BOOKSPOOL_RESERVE": "1024G,0"}, name="a full disk"), "fail",
                 "below BOOKSPOOL_RESERVE", "free some")
    if not is_root():
        return skip("only root can own what it should not")
    with Site(unit="User=nobody") as site:
        site.has(site.check(code=78, name="a spool of root"), "fail", "does not belong to nobody",
                 f"chown -R nobody:nogroup {site.spool_dir}")
    return None


class Peer:
    """A program that listens on the receiver's socket, and says this to a connection, or nothing."""

    def __init__(self, path, says):
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(path)
        self.listener.listen(8)
        self.says, self.open = says, []
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            self.open.append(client)
            if self.says:
                client.recv(4096)
                client.sendall(self.says)
                client.close()

    def close(self):
        for client in (*self.open, self.listener):
            client.close()


def receivers():
    need("nginx")
    with Site() as site:
        site.has(site.check(name="nothing is started yet"), "warn", "no receiver runs: there is no socket",
                 "systemctl enable --now")
        nginx = site.start_nginx(listen=f"127.0.0.1:{free_port()}")
        args = ("--nginx", site.path("nginx.conf"))
        site.has(site.check(*args, code=78, name="nginx is, the receiver is not"), "fail", "no receiver runs",
                 "bookspool-fcgi")
        found = site.check(*args, "--url", site.url, code=78, name="and by the URL")
        site.has(found, "fail", "answered 503: no-receiver", "does not reach the receiver")
        dead = socket.socket(socket.AF_UNIX)
        dead.bind(site.socket)
        dead.close()
        site.has(site.check(code=78, name="a socket is left"), "fail", "nothing listens on the socket", "systemctl")
        os.unlink(site.socket)
        for says, words in ((None, "does not answer within 3 s"),
                            (bytes((1, 6, 0, 1, 0, 5, 0, 0)) + b"hello" + bytes((1, 3, 0, 1, 0, 0, 0, 0)),
                             "another program than bookspool-fcgi")):
            peer = Peer(site.socket, says)
            site.has(site.check(code=78, name=words), "fail", words)
            peer.close()
            os.unlink(site.socket)
        site.start_receiver()
        other = site.check(*args, "--socket", site.path("other.sock"), code=78, name="two sockets")
        site.has(other, "fail", "nginx sends to .*fcgi.sock, not to .*other.sock")
        site.stop(nginx)
        if is_root():
            with open(site.path("nginx.conf"), encoding="utf-8") as file:
                text = file.read()
            with open(site.path("nginx.conf"), "w", encoding="utf-8") as file:
                file.write(text.replace("user root;", "user nobody nogroup;"))
            site.has(site.check(*args, code=78, name="the folder is closed to nginx"), "fail",
                     f"nobody, as whom .* may not connect to .*: {site.dir} is closed", "chmod o.x")
            os.chmod(site.dir, 0o755)
            site.has(site.check(*args, code=78, name="the socket is closed to nginx"), "fail",
                     "may not connect to .*fcgi.sock is closed", "SocketGroup=nogroup")
            os.chown(site.socket, -1, NOBODY)
            site.has(site.check(*args, name="its group is nginx's"), "pass", "nobody, as whom .* may connect")
        else:
            skip("only root can run nginx as another user", 6)


def configurations():
    need("nginx")
    with Site() as site:
        conf = site.path("own.conf")
        half = f"upstream bookspool {{ server unix:{site.socket}; }}"
        for text, level, words, code in (
                ("", "warn", "does not include bookspool's files", 0),
                (half, "fail", "no server block of nginx includes", 78),
                ("nonsense;", "fail", "unknown directive", 78)):
            with open(conf, "w", encoding="ascii") as file:
                file.write(f"error_log {site.path('e')};pid {site.path('p')};events {{}}\nhttp {{ {text} }}\n")
            site.has(site.check("--nginx", conf, code=code, name=f"nginx: {words}"), level, words)
        site.start_receiver()
        site.start_nginx(listen=f"127.0.0.1:{free_port()}")
        site.write_settings("receive.env", {"CALCOM_WEBHOOK_SECRET": site.secret["calcom"],
                                            "CALCOM_WEBHOOK_ENDPOINT": "/hooks/cal"})
        found = site.check("--nginx", site.path("nginx.conf"), "--url", site.url, code=78, name="another path")
        site.has(found, "fail", "no location for /hooks/cal, the path of Cal.com's", "twice")
        site.has(found, "fail", "/hooks/cal: answered 404 by something else", "another server block")


def urls():
    need("nginx")
    with Site() as site:
        receiver = site.start_receiver()
        port = free_port()
        site.start_nginx(listen=f"127.0.0.1:{free_port()}", http=(
            f"server {{ listen 127.0.0.1:{port}; location /api/calcom-webhook {{ return 301 "
            "https://www.shop.test$request_uri; } location / { return 403; } }"))
        found = site.check("--url", f"http://127.0.0.1:{port}", code=78, name="a redirect")
        site.has(found, "fail", r"/api/calcom-webhook: redirects \(301\) to https://www.shop.test/api/calcom-webhook: "
                 "both providers", "subscribe the address")
        site.has(found, "fail", "calendly: answered 403 by something else", "let the webhook paths through")
        other = {**{k: "another-secret-of-ours" for k in ("CALCOM_WEBHOOK_SECRET", "CALENDLY_WEBHOOK_SIGNING_KEY")},
                 "CALCOM_WEBHOOK_SECRET_SECONDARY": site.secret["calcom"]}
        site.write_settings("receive.env", other)
        found = site.check("--url", site.url + "/api/calcom-webhook", code=78, name="a secret was changed")
        site.has(found, "fail", "primary secret of calcom is answered 401", "restart it")
        site.has(found, "pass", "secondary secret of calcom is accepted", name="each secret is tried")
        site.stop(receiver)
        site.start_receiver()
        equal(fails(site.check("--url", site.url, name="restarted")), [], "after a restart all is well")
        with socket.socket() as closed:
            closed.bind(("127.0.0.1", 0))
            site.has(site.check("--url", f"http://127.0.0.1:{closed.getsockname()[1]}", code=78,
                                name="a closed port"), "fail", "no answer: .*onnect", "firewall")
        site.run("bookspool", "check", "--url", "ftp://x")


def mails():
    with Scripted() as server, Site({"BOOKSPOOL_TRANSPORT": f"smtp+plain://127.0.0.1:{server.port}"}) as site:
        found = site.check("--mail", name="a mail server")
        site.has(found, "pass", "ready for a mail: it takes sender and recipient")
        equal(len(server.accepted), 0, "nothing is sent to it")
        ok(any(c.startswith("RCPT TO:<ada@shop.test>") for c in server.commands), "the first owner is tried",
           server.commands)
        found = site.check("--mail", "eva@shop.test", name="a test mail")
        site.has(found, "pass", "a test mail to eva@shop.test was accepted: 250 queued as 4711")
        equal(len(server.accepted), 1, "is sent")
        site.run("bookspool", "check", "--mail", "a@b.test", "c@d.test")
    for replies, level, words, code in (({"MAIL": "550 not you"}, "fail", r"smtp-mail-550\): 550 not you", 78),
                                        ({"RCPT": "450 later"}, "warn", r"retry \(smtp-rcpt-450", 0),
                                        ({"greeting": "554 go away"}, "fail", "smtp-greeting-554", 78)):
        with Scripted(replies) as server, Site(
                {"BOOKSPOOL_TRANSPORT": f"maildir:$STATE/Maildir,smtp+plain://127.0.0.1:{server.port}"}) as site:
            found = site.check("--mail", code=code, name=words)
            site.has(found, level, words, ".")
            site.has(found, "pass", "maildir:.*: ready for a mail", name="the other transport is tried by itself")
            ok(not site.mails(), "and nothing is delivered")
    with Site({"BOOKSPOOL_TRANSPORT": "smtp://127.0.0.1:1", "BOOKSPOOL_SMTP_USER": "robot"}) as site:
        site.has(site.check("--mail", code=78, name="wrong settings"), "fail", "no mail server was tried",
                 "correct them first")


def tokens():
    """What cannot be a token or an address of an API is found without a network; --api asks the providers."""
    with CalendlyApi() as api, Site({"BOOKSPOOL_TLS_CA": api.ca, "CALENDLY_API_BASE": api.base}) as site:
        drain, conf = site.path("etc/drain.env"), site.path("etc/bookspool.conf")
        for value in "two words", " ", "t" * 5000, "schl\u00fcssel":
            site.write_settings("drain.env", {"CALENDLY_API_TOKEN": value})
            site.has(site.check(code=78, name=value[:12]), "fail", f"^{drain}:1: CALENDLY_API_TOKEN: cannot be a token: "
                     "it must be one word")
        with open(site.path("token"), "w", encoding="ascii") as file:
            file.write("one\ntwo\n")
        os.chmod(site.path("token"), 0o600)
        site.write_settings("drain.env", {"CALENDLY_API_TOKEN_FILE": site.path("token")})
        site.has(site.check(code=78, name="a file of two lines"), "fail", "must hold one line of text")
        site.write_settings("drain.env", {})
        site.write_settings("receive.env", {"CALENDLY_API_TOKEN": "token-1"})
        site.has(site.check(code=78, name="in the receiver's file"), "fail",
                 "receive.env:1: CALENDLY_API_TOKEN: has no effect here: only the receiver reads this file")
        site.write_settings("receive.env", {"CALCOM_WEBHOOK_SECRET": site.secret["calcom"]})
        site.has(site.check("--api", name="none"), "warn", "no token was tried: none is set", "CALENDLY_API_TOKEN")
        site.write_settings("drain.env", {"CALENDLY_API_TOKEN": "token-1", "CALENDLY_API_TOKEN_SECONDARY": "token-2"})
        site.has(site.check(name="not asked"), "pass", "calendly: a token of its API is set")
        equal(api.log, [], "without --api nothing is asked")
        api.add_token("token-1", api.owner)
        api.tokens[api.add_token("token-2", api.owner)].state = "revoked"
        found = site.check("--api", code=78, name="one is revoked")
        site.has(found, "pass", r"Calendly accepts the token [0-9a-f]{8} \(CALENDLY_API_TOKEN\)")
        site.has(found, "fail", r"refuses the token [0-9a-f]{8} \(CALENDLY_API_TOKEN_SECONDARY\)", "whoami")
        equal([call.path for call in api.log], ["/users/me"] * 2, "by one request for each")
        ok("token-2" not in str(found), "and none is shown")
        api.tokens["token-2"].state, api.tokens["token-2"].scopes = "valid", {"webhooks:read"}
        site.has(site.check("--api", code=78, name="without its scope"), "fail", "lacks the scopes users:read")
        for base in "http://api.calendly.com", "https://api.calendly.com/?v=2", "https://olga@api.calendly.com":
            site.write_settings("bookspool.conf", {"BOOKSPOOL_SPOOL": site.spool_dir, **OWN,
                                                   "BOOKSPOOL_STATE": site.state_dir, "CALENDLY_API_BASE": base})
            site.has(site.check("--api", code=78, name=base), "fail",
                     f"^{conf}:[0-9]+: CALENDLY_API_BASE: must be https://HOST")


def machine():
    zones = "/usr/share/zoneinfo"
    with Site() as site:
        new = site.path("zones")
        os.makedirs(os.path.join(new, "Europe"))
        site.has(site.check(code=78, env={"TZDIR": new}, name="no zones"), "fail", "no time-zone data",
                 "apt install tzdata")
        shutil.copy(os.path.join(zones, "Europe/London"), os.path.join(new, "Europe/London"))
        site.has(site.check(env={"TZDIR": new}, name="new zones alone"), "warn", "Asia/Calcutta", "tzdata-legacy")
        if not os.path.exists(CLOCK):
            return skip("the shim goes with the plain programs only", 2)
        site.has(site.check(code=78, env={"LD_PRELOAD": CLOCK, "CLOCK_AHEAD": "-1500000000"}, name="a clock"),
                 "fail", "the clock says (19|20)[0-9]{2}-.*every signed time", "set the clock")
    return None


run_parts((healthy, settings, samples, no_settings, unreadable, directories, receivers, configurations,
           urls, mails, tokens, machine))
finish()
