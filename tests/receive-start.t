#!/usr/bin/python3
"""The ways to start the receiver, and the ways it refuses to."""

import os
import pwd
import signal
import socket
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from bookspool import (ENDPOINT, PATIENCE, World, equal, finish, id_of, match, ok,  # noqa: E402
                       program, run_parts, sign, skip, tool, wait_for, WRAP)
from fcgi import Client, params, request  # noqa: E402

PATH = ENDPOINT["calcom"]


def body_of(number):
    now = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime())
    return (f'{{"triggerEvent":"BOOKING_CREATED","createdAt":"{now}",'
            f'"payload":{{"uid":"{number}"}}}}').encode()


def values_of(world, body, **more):
    return params("POST", PATH, body, sign("calcom", body, world.secret["calcom"]), **more)


def served(world, path, name, **more):
    """A request over that socket, as soon as something listens there."""
    def listens():
        with socket.socket(socket.AF_UNIX) as probe:
            return probe.connect_ex(path) == 0
    if not ok(wait_for(listens), f"{name}: it listens"):
        return
    body = body_of(name)
    with Client(path) as client:
        client.send(request(values_of(world, body, **more), body))
        answer = client.answer()
    ok(answer and answer.status == 200, f"{name}: it answers", answer)
    ok(id_of("calcom", body) in world.spool("new"), f"{name}: and stores")


def listen(world):
    receiver = world.start_receiver()
    served(world, world.socket, "--listen")
    equal(os.stat(world.socket).st_mode & 0o7777, 0o660, "the socket is for owner and group")
    second = world.run("bookspool-fcgi", "--listen", "unix:" + world.socket)
    equal(second.returncode, 71, "a second one on the same socket refuses")
    match(second.stderr, "another program listens there", "and says why")
    served(world, world.socket, "--listen, after the second one")
    world.stop(receiver, signal.SIGKILL)
    ok(os.path.exists(world.socket), "killed, it leaves a dead socket")
    receiver = world.start_receiver()
    served(world, world.socket, "--listen over a dead socket")
    equal(world.stop(receiver), 0, "stopped, exit status 0")
    ok(not os.path.exists(world.socket), "it takes its socket away")
    with open(world.socket, "w", encoding="utf-8"):
        pass
    refused = world.run("bookspool-fcgi", "--listen", "unix:" + world.socket)
    equal(refused.returncode, 71, "a file in the way is not removed")
    os.unlink(world.socket)
    for address in ("tcp:80", "unix:relative", "unix:/" + "x" * 200, "unix:/nowhere/at/all"):
        done = world.run("bookspool-fcgi", "--listen", address)
        ok(done.returncode == 71 and "cannot-listen" in done.stderr, f"refused: {address[:30]}")


def standard_input(world):
    before = world.log().count(" started: ")
    workers = world.start_receiver(workers=3)
    ok(wait_for(lambda: world.log().count(" started: ") == before + 3), "three workers start")
    for number in range(6):
        served(world, world.socket, f"three workers share a socket, {number}")
    equal([world.stop(worker) for worker in workers], [0, 0, 0], "all stop with exit status 0")
    ok(os.path.exists(world.socket), "the socket is not theirs to remove")
    world._listener.close()
    os.unlink(world.socket)


def spawn_fcgi(world):
    if not tool("spawn-fcgi"):
        skip("spawn-fcgi is not installed", 4)
        return
    path, pids = world.path("spawn.sock"), world.path("pids")
    subprocess.run([tool("spawn-fcgi"), "-s", path, "-F", "2", "-P", pids, "--",
                    *program("bookspool-fcgi")],
                   env=world.env(), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, check=True)
    served(world, path, "spawn-fcgi")
    with open(pids, encoding="ascii") as file:
        found = [int(pid) for pid in file.read().split()]
    for pid in found:
        os.kill(pid, signal.SIGTERM)

    def gone(pid):
        """Also when it waits for a parent that does not ask."""
        try:
            with open(f"/proc/{pid}/stat", encoding="ascii") as file:
                return file.read().rpartition(")")[2].split()[0] == "Z"
        except FileNotFoundError:
            return True
    ok(wait_for(lambda: all(gone(pid) for pid in found)), "spawn-fcgi: its two workers stop")


def socket_activation(world):
    path, command = world.path("activate.sock"), tool("systemd-socket-activate")
    if not command:
        skip("systemd-socket-activate is not installed", 4)
        return
    passed_on = {name: value for name, value in world.env().items()
                 if name in ("BOOKSPOOL_CONF", "LD_PRELOAD", "CLOCK_AHEAD")}
    settings = [f"--setenv={name}={value}" for name, value in passed_on.items()]
    process = world.start([command, "--inetd", "-l", path, *settings, *program("bookspool-fcgi")],
                          "activate.log")
    served(world, path, "systemd socket")
    equal(world.stop(process), 0, "systemd socket: it stops with exit status 0")


def fcgiwrap(world):
    found, path = tool("fcgiwrap"), world.path("wrap.sock")
    if not found:
        skip("fcgiwrap is not installed", 4)
        return
    process = world.start([found, "-s", "unix:" + path], "wrap.log")
    script = program("bookspool-fcgi")[-1]
    served(world, path, "fcgiwrap", SCRIPT_FILENAME=script)
    world.stop(process)


def cgi(world, values, body=b"", args=()):
    return subprocess.run([*program("bookspool-fcgi"), *args], input=body, capture_output=True,
                          env=world.env(values), timeout=PATIENCE)


def plain_cgi(world):
    body = body_of("cgi")
    done = cgi(world, values_of(world, body), body)
    match(done.stdout, r"^b'Status: 200 OK\\r\\n", "plain CGI: 200")
    ok(id_of("calcom", body) in world.spool("new"), "stored")
    equal(done.returncode, 0, "exit status 0")
    match(cgi(world, values_of(world, body), body).stdout, '"duplicate"', "then a duplicate")
    done = cgi(world, values_of(world, body), body[:-1])
    match(done.stdout, r"Status: 400 .*body-short", "a body that is cut")
    match(cgi(world, values_of(world, body), body + b"more").stdout, "Status: 200",
          "no more than the declared bytes are read")
    match(cgi(world, values_of(world, body, CONTENT_LENGTH="1048577"), body).stdout,
          "Status: 413", "too large")
    match(cgi(world, params("POST", PATH, body), body).stdout, "Status: 401", "unsigned")
    head = cgi(world, params("HEAD", "/api/health")).stdout
    ok(head.startswith(b"Status: 200") and head.endswith(b"\r\n\r\n"), "HEAD of the health", head)
    made = world.path("from-the-query.sock")
    match(cgi(world, params("GET", "/api/health"), args=("--listen", "unix:" + made)).stdout,
          "Status: 200", "arguments mean nothing to a CGI program")
    ok(not os.path.exists(made), "no socket is made because a query asked for one")
    match(cgi(world, params("GET", "/api/health"), args=("--help",)).stdout, "Status: 200",
          "arguments of a CGI program mean nothing")
    start = time.monotonic()
    process = subprocess.Popen(program("bookspool-fcgi"), stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                               env=world.env(values_of(world, body)))
    match(process.stdout.read(), "Status: 400", "a silent server")
    ok(time.monotonic() - start < PATIENCE, "waits no longer than the deadline")
    process.stdin.close()
    process.stdout.close()
    process.wait()


def refusals(world):
    done = world.run("bookspool-fcgi")
    equal((done.returncode, done.stdout), (64, ""), "started by hand without anything: usage, 64")
    match(done.stderr, "usage: bookspool-fcgi", "and words")
    equal(world.run("bookspool-fcgi", "--nonsense").returncode, 64, "an unknown option: 64")
    done = world.run("bookspool-fcgi", "--help")
    ok(done.returncode == 0 and "usage:" in done.stdout, "--help")
    done = world.run("bookspool-fcgi", "--version")
    match(done.stdout, r"^bookspool-fcgi \d+\.\d+\.\d+\n$", "--version")
    done = world.run("bookspool-fcgi", "--listen", "unix:" + world.socket,
                     env={"BOOKSPOOL_SPOOL": "/nonexistent/spool"})
    ok(done.returncode == 78 and "spool-refused" in done.stderr, "no spool: 78", done)
    done = world.run("bookspool-fcgi", "--listen", "unix:" + world.socket,
                     env={"BOOKSPOOL_DEADLINE": "soon"})
    ok(done.returncode == 78 and "BOOKSPOOL_DEADLINE" in done.stderr, "wrong settings: 78", done)
    receiver = world.start_receiver(env={"BOOKSPOOL_STATE": "/nonexistent/state"})
    match(world.log(), "counters-in-memory", "no counters is only worth a warning")
    world.stop(receiver)
    ok(not os.path.exists(world.socket), "no refusal leaves a socket")


def as_root(_):
    """Root becomes the owner of the spool; where that is root, too, it says so."""
    if os.getuid() != 0 or WRAP:
        skip("only root can be another user", 2)
        return
    with World() as own:
        own.stop(own.start_receiver())
        match(own.log(), "runs-as-root: .* belongs to root", "root in a spool of root: a warning")
    with World() as own:
        nobody = pwd.getpwnam("nobody")
        for folder, _dirs, names in os.walk(own.dir):
            for path in [folder, *(os.path.join(folder, name) for name in names)]:
                os.chown(path, nobody.pw_uid, nobody.pw_gid)
        own.stop(own.start_receiver())
        ok("runs-as-root" not in own.log() and "started" in own.log(),
           "in a spool of another user: none", own.log())


with World({"BOOKSPOOL_DEADLINE": "5s"}) as world:
    run_parts((listen, standard_input, spawn_fcgi, socket_activation, fcgiwrap, plain_cgi, refusals,
               as_root),
              world)
finish()
