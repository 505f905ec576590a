#!/usr/bin/python3
"""The files of examples/ against the programs: settings, units, scripts."""

import glob
import os
import pwd
import re
import shutil
import sqlite3
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from bookspool import (BIN, NGINX, PATIENCE, TOP, WRAP, World, diag, equal, finish,  # noqa: E402
                       free_port, match, need, ok, run_parts, sample, skip, tool, wait_for)
from smtp_peer import Authority  # noqa: E402

EXAMPLES = os.path.join(TOP, "examples")
FILES = ("bookspool.conf", "receive.env", "drain.env")


def read(*names):
    with open(os.path.join(*names), encoding="utf-8") as file:
        return file.read()


def settings_of_the_program():
    """{name: (default, is a secret)} out of the table that is the truth."""
    table = read(TOP, "src/base/settings.c")
    rows = re.findall(r'\[SET_\w+\] = \{"(\w+)",\s+\w+,\s+(?:"([^"]*)"|NULL)([^}]*)\}', table)
    return {name: (default, ".secret = true" in rest) for name, default, rest in rows}


def settings_are_complete():
    known = settings_of_the_program()
    ok(len(known) > 40, "the table of settings is understood", len(known))
    shown = [(file, *pair) for file in FILES
             for pair in re.findall(r"^#?([A-Z][A-Z_]+)=(.*)$", read(EXAMPLES, file), re.M)]
    equal(sorted(name for _, name, _ in shown), sorted(known),
          "every setting stands in the example files, once")
    wrong = [name for file, name, _ in shown
             if known.get(name, ("", False))[1] != (file != "bookspool.conf")]
    equal(wrong, [], "secrets, and nothing else, stand in receive.env and drain.env")
    wrong = [f"{name}={value}" for _, name, value in shown
             if value != known.get(name, ("",))[0] and not value.endswith("@example.org")]
    equal(wrong, [], "each with its true default")


def settings_are_accepted():
    with World() as world:
        for name in FILES:
            text = re.sub(r"^#([A-Z_]+=.+)$", r"\1", read(EXAMPLES, name), flags=re.M)
            text = text.replace("$STATE", world.state_dir)
            text = text.replace("/var/spool/bookspool", world.spool_dir)
            text = text.replace("/var/lib/bookspool", world.state_dir)
            with open(world.path("etc", name), "w", encoding="utf-8") as file:
                file.write(text)
        done = world.drain()
        equal(done.returncode, 0, "a program takes all of them, defaults written out")
        ok("settings-wrong" not in done.stderr, "without an error", done.stderr)


# `systemd-analyze security`, times ten; each unit says why what is left is left.
EXPOSURE = {"fcgi": 4, "prune": 4, "drain": 13, "watch": 13, "reconcile": 13}


def units_are_right():
    analyze = tool("systemd-analyze")
    units = sorted(glob.glob(os.path.join(EXAMPLES, "systemd/bookspool-*")))
    equal([os.path.basename(unit).removeprefix("bookspool-") for unit in units],
          ["drain.path", "drain.service", "drain.timer", "fcgi.service", "fcgi.socket", "prune.service",
           "prune.timer", "reconcile.service", "reconcile.timer", "watch.service"], "these are the units")
    if not analyze:
        skip("systemd-analyze is not installed", len(units) + len(EXPOSURE))
        return
    for unit in units:
        done = subprocess.run([analyze, "verify", "--man=no", unit], capture_output=True, text=True)
        told = [line for line in (done.stdout + done.stderr).splitlines()
                if re.search(r"bookspool-\w+\.\w+:", line) and "is not executable" not in line
                # where systemd is only unpacked, its own units are not there
                and not re.search(r"Failed to create \S+/start: Unit \S+ not found", line)]
        equal(told, [], f"{os.path.basename(unit)}: systemd-analyze verify")
    for name, most in EXPOSURE.items():
        done = subprocess.run([analyze, "security", "--offline=true", f"--threshold={most}",
                               os.path.join(EXAMPLES, f"systemd/bookspool-{name}.service")],
                              capture_output=True, text=True)
        if "unrecognized option" in done.stderr:
            skip("systemd-analyze is older than 250")
            continue
        missing = [line for line in done.stdout.splitlines() if line.startswith("\N{BALLOT X}")]
        ok(done.returncode == 0, f"{name}: no more exposed than {most / 10} of 10", "\n".join(missing) + done.stderr)


def run_test_webhook(world, *args):
    env = world.env({"BOOKSPOOL": os.path.join(BIN, "bookspool")})
    return subprocess.run([os.path.join(EXAMPLES, "test-webhook.sh"), *args], env=env, text=True,
                          capture_output=True, timeout=PATIENCE)


def verdicts(done):
    return [line.split()[0] for line in done.stdout.splitlines() if line[:4] in ("PASS", "FAIL")]


def test_webhook_judges(world):
    done = run_test_webhook(world, "local", world.url)
    equal((done.returncode, verdicts(done)), (0, ["PASS"] * 10), "test-webhook.sh: all is well")
    world.write_settings("receive.env", {"CALCOM_WEBHOOK_SECRET": "another",
                                         "CALENDLY_WEBHOOK_SIGNING_KEY": "another"})
    done = run_test_webhook(world, "local", world.url)
    equal((done.returncode, verdicts(done)),
          (1, (["FAIL"] * 3 + ["PASS"] + ["FAIL"]) * 2), "with another key it fails")
    done = run_test_webhook(world, "production")
    equal(done.returncode, 64, "production without an address says so")
    match(done.stderr, "CALCOM_WEBHOOK_BASE_URL", "and names what is missing")


def test_webhook():
    with World() as world:
        world.start_receiver()
        world.start_nginx(listen=f"127.0.0.1:{free_port()}")
        test_webhook_judges(world)


def test_webhook_encrypted_and_clean():
    """--cacert, another server block, and the way back out of spool and ledger."""
    with World(settings={"BOOKSPOOL_MOVE_WAIT": "0s"}) as world:
        authority, port = Authority(world.dir), free_port()
        world.start_receiver()
        world.start_nginx(http=f"""
            server {{
                listen 127.0.0.1:{port} ssl; server_name localhost;
                ssl_certificate {authority.cert}; ssl_certificate_key {authority.cert_key};
                include {NGINX}/bookspool-server.conf;
            }}
            server {{
                listen 127.0.0.1:{port} ssl; server_name other.localhost;
                ssl_certificate {authority.cert}; ssl_certificate_key {authority.cert_key};
                location / {{ return 404; }}
            }}""", listen=f"127.0.0.1:{free_port()}")
        url = f"https://localhost:{port}"
        equal(verdicts(run_test_webhook(world, "local", url)), ["FAIL"] * 10,
              "an authority that nobody knows: FAIL")
        done = run_test_webhook(world, "local", url, "--cacert", authority.ca)
        equal((done.returncode, verdicts(done)), (0, ["PASS"] * 10), "--cacert: PASS")
        equal(len(world.spool("held")), 2, "stale ones are held")
        done = run_test_webhook(world, "clean")
        equal(done.returncode, 75, "clean, before they are mailed: later")
        world.drain()
        mails = len(world.mails())
        done = run_test_webhook(world, "clean")
        equal(done.returncode, 0, "clean, after that") or diag(done.stdout + done.stderr)
        equal((world.spool("held"), world.spool("sent")), ([], []), "held/ and sent/ are empty")
        bodies = [read(world.file("done", name)).partition("\n\n")[2] for name in world.spool("done")]
        equal(bodies, [""] * 6, "done/ has names, without a body")
        database = sqlite3.connect(os.path.join(world.state_dir, "ledger.db"))
        equal([database.execute(f"SELECT count(*) FROM {name}").fetchone()[0] for name in
               ("booking WHERE who IS NOT NULL OR title IS NOT NULL OR state = 'accepted'",
                "person", "detail", "place")], [0] * 4, "the ledger has no name, and none takes place")
        database.close()
        world.drain()
        equal(len(world.mails()), mails, "and nothing is mailed again")
        done = subprocess.run([os.path.join(BIN, "bookspool"), "post", "calcom", "created",
                               f"https://other.localhost:{port}/api/calcom-webhook", "--cacert",
                               authority.ca], capture_output=True, text=True, env=world.env())
        match(done.stderr + done.stdout, "certificate", "another name is refused by its certificate")
        done = subprocess.run([os.path.join(BIN, "bookspool"), "post", "calcom", "created",
                               f"{world.url}/elsewhere"], capture_output=True, text=True, env=world.env())
        equal(done.returncode, 1, "a path that is not bookspool's: 404")
        match(done.stderr, "another server block answers; include bookspool-server.conf", "and says so")


def status_page():
    """nginx/bookspool-status.conf: behind a password, with a policy, and nothing but the page."""
    with World() as world:
        page, secret = world.path("page/index.html"), "open sesame"
        os.makedirs(world.path("page"))
        hashed = subprocess.run(["openssl", "passwd", "-apr1", secret], capture_output=True, text=True)
        with open(world.path("htpasswd"), "w", encoding="ascii") as file:
            file.write(f"admin:{hashed.stdout}")
        shipped = read(TOP, "nginx/bookspool-status.conf")
        for path, there in (("/etc/nginx/bookspool.htpasswd;", world.path("htpasswd;")),
                            ("/var/lib/bookspool-page/index.html;", page + ";")):
            equal(len(re.findall(rf"^ .*{re.escape(path)}$", shipped, re.M)), 1, f"it names {path}")
            shipped = re.sub(rf"^( .*){re.escape(path)}$", rf"\1{there}", shipped, flags=re.M)
        with open(world.path("status.conf"), "w", encoding="utf-8") as file:
            file.write(shipped)
        port = free_port()
        world.start_nginx(http=f"server {{ listen 127.0.0.1:{port}; include {world.path('status.conf')}; }}",
                          listen=f"127.0.0.1:{free_port()}")
        world.url = f"http://127.0.0.1:{port}"
        equal(world.curl("/bookspool").status, 401, "without a password: 401")
        equal(world.curl("/bookspool", "--user", "admin:guess").status, 401, "with a wrong one, too")
        login = ("--user", f"admin:{secret}")
        equal(world.curl("/bookspool", *login).status, 404, "before there is a page: 404")
        done = world.drain(env={"BOOKSPOOL_STATUS_PAGE": page})
        equal(done.returncode, 0, "a drain writes the page")
        answer = world.curl("/bookspool", *login)
        equal((answer.status, answer.body.decode()), (200, read(page)), "with the right one: the page")
        equal(answer.headers["content-type"], "text/html; charset=utf-8", "as HTML")
        equal([answer.headers.get(name) for name in
               ("content-security-policy", "cache-control", "x-content-type-options", "referrer-policy")],
              ["frame-ancestors 'none'", "no-store", "nosniff", "no-referrer"], "not framed, not stored")
        equal([world.curl(path, *login).status for path in ("/bookspool/", "/bookspool/../htpasswd")],
              [404, 404], "and nothing else")


def give_to_nobody(world):
    """Never through a link: the program that one points to is not the world's."""
    nobody = pwd.getpwnam("nobody")
    for folder, _, names in os.walk(world.dir):
        for path in [folder, *(os.path.join(folder, name) for name in names)]:
            os.chown(path, nobody.pw_uid, nobody.pw_gid, follow_symlinks=False)


def runs(pid):
    try:
        return read(f"/proc/{pid}/stat").split()[2] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def spawn_fcgi():
    if not tool("spawn-fcgi"):
        skip("spawn-fcgi is not installed", 6)
        return
    if os.getuid() != 0 or WRAP:
        skip("spawn-fcgi.sh changes the user: only root can" if not WRAP else "wrapped", 6)
        return
    with World() as world:
        os.makedirs(world.path("usr/sbin"))
        # a copy: the tree may lie where only root can look
        shutil.copy(os.path.join(BIN, "bookspool-fcgi"), world.path("usr/sbin/bookspool-fcgi"))
        give_to_nobody(world)
        env = world.env({"PREFIX": world.path("usr"), "RUN": world.dir, "OWNER": "nobody",
                         "GROUP": "nogroup", "WEB_GROUP": "nogroup"})
        done = subprocess.run([os.path.join(EXAMPLES, "spawn-fcgi.sh")], env=env, text=True,
                              capture_output=True, timeout=PATIENCE)
        pids = [int(pid) for pid in read(world.path("fcgi.pid")).split()]
        try:
            ok((done.returncode, len(pids)) == (0, 2), "spawn-fcgi.sh starts two receivers",
               done.stdout + done.stderr)
            world.start_nginx()
            answer = world.post("calcom", sample("calcom", "booking_created"))
            equal(answer.status, 200, "and they take a booking")
            subprocess.run([os.path.join(EXAMPLES, "spawn-fcgi.sh")], env=env, check=True,
                           capture_output=True, timeout=PATIENCE)
            first, pids = pids, [int(pid) for pid in read(world.path("fcgi.pid")).split()]
            equal((len(pids), set(pids) & set(first)), (2, set()), "run again, it starts two others")
            ok(wait_for(lambda: not any(map(runs, first))), "and ends those of before")
            answer = world.post("calcom", sample("calcom", "booking_created"))
            equal(answer.status, 200, "the socket has the new ones")
        finally:
            for pid in pids:
                os.kill(pid, 15)
        ok(wait_for(lambda: not any(map(runs, pids))), "SIGTERM ends them")


need("nginx", "curl")
run_parts((settings_are_complete, settings_are_accepted, units_are_right, test_webhook,
           test_webhook_encrypted_and_clean, status_page, spawn_fcgi))
finish()
