#!/usr/bin/python3
"""The files of examples/ against the programs: settings, units, scripts."""

import glob
import os
import pwd
import re
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from bookspool import (BIN, PATIENCE, TOP, WRAP, World, equal, finish, free_port,  # noqa: E402
                       match, need, ok, run_parts, sample, skip, tool, wait_for)

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


def units_are_right():
    analyze = tool("systemd-analyze")
    units = sorted(glob.glob(os.path.join(EXAMPLES, "systemd/bookspool-*")))
    equal(len(units), 5, "there are five units")
    if not analyze:
        skip("systemd-analyze is not installed", len(units))
        return
    for unit in units:
        done = subprocess.run([analyze, "verify", unit], capture_output=True, text=True)
        told = [line for line in (done.stdout + done.stderr).splitlines()
                if re.search(r"bookspool-\w+\.\w+:", line) and "is not executable" not in line
                # where systemd is only unpacked, its own units are not there
                and not re.search(r"Failed to create \S+/start: Unit \S+ not found", line)]
        equal(told, [], f"{os.path.basename(unit)}: systemd-analyze verify")


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
        skip("spawn-fcgi is not installed", 3)
        return
    if os.getuid() != 0 or WRAP:
        skip("spawn-fcgi.sh changes the user: only root can" if not WRAP else "wrapped", 3)
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
        finally:
            for pid in pids:
                os.kill(pid, 15)
        ok(wait_for(lambda: not any(map(runs, pids))), "SIGTERM ends them")


need("nginx", "curl")
run_parts((settings_are_complete, settings_are_accepted, units_are_right, test_webhook, spawn_fcgi))
finish()
