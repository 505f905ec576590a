#!/usr/bin/python3
"""The shipped nginx files: their syntax, their rate limits, and what touches nginx's disk."""

import os
import re
import signal
import subprocess
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from bookspool import (ENDPOINT, PATIENCE, TOP, World, equal, finish, need, ok, sample, sign,  # noqa: E402
                       wait_for)

CAP = 1024 * 1024
ON_DISK = "buffered to a temporary file"


def in_chunks(body, size):
    for start in range(0, len(body), size):
        yield body[start:start + size]


def flood(world, count):
    """So many forgeries at once by one curl; their status codes."""
    command = ["curl", "--silent", "--parallel", "--parallel-max", "40",
               "--unix-socket", world.path("http.sock"), "--data", "{}",
               "--write-out", "%{http_code} %header{retry-after}\n"]
    for _ in range(count):
        command += ["--output", world.path("answers"),
                    "http://localhost" + ENDPOINT["calcom"]]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, env=world.env())
    return done.stdout.splitlines()


def shipped_limits(world):
    answers = flood(world, 1500)
    limited = [line for line in answers if line.startswith("503")]
    ok(limited, "a flood beyond the limit is answered 503")
    ok(len(limited) < len(answers) - 500, "but not before the burst is used up",
       f"{len(limited)} of {len(answers)}")
    equal(set(answers), {"401 ", "503 60"}, "with Retry-After, and nothing else is answered")
    body = sample("calendly", "invitee_created")
    headers = sign("calendly", body, world.secret["calendly"])
    answer = world.post("calendly", body, {**headers, "X-Real-IP": "192.0.2.8"})
    equal(answer.status, 200, "another address is served meanwhile")
    equal(world.curl("/api/health", "--header", "X-Real-IP: 192.0.2.9").status, 200,
          "and so is a monitor")


def large_bodies(world):
    for size, chunk in ((900 * 1024, 0), (CAP, 0), (900 * 1024, 16384), (CAP, 4096)):
        body = os.urandom(size)
        form = f"in chunks of {chunk}" if chunk else "of declared length"
        answer = world.request("POST", ENDPOINT["calcom"],
                               in_chunks(body, chunk) if chunk else body,
                               sign("calcom", body, world.secret["calcom"]))
        equal(answer.status, 200, f"{size} bytes {form} are accepted")
    ok(ON_DISK not in world.log("nginx.log"), "and none was on nginx's disk")


def disk_is_noticed():
    """The sentence that the test above looks for does come when a body is written to disk."""
    with open(os.path.join(TOP, "nginx/bookspool-server.conf"), encoding="utf-8") as file:
        shipped = file.read()
    with World() as world:
        with open(world.path("bookspool-server.conf"), "w", encoding="utf-8") as file:
            file.write(re.sub(r"(client_body_buffer_size) .*", r"\1 8k;", shipped))
        world.start_receiver()
        world.start_nginx(files=world.dir)
        world.request("POST", ENDPOINT["calcom"], os.urandom(900 * 1024))
        ok(ON_DISK in world.log("nginx.log"), "a body on nginx's disk would have been noticed")


def probes_at_once(world, receiver):
    """While the receiver is busy, one address holds no more than 8 of nginx's connections to it."""
    answers = []
    threads = [threading.Thread(target=lambda: answers.append(world.request("GET", "/api/health")))
               for _ in range(14)]
    receiver.send_signal(signal.SIGSTOP)
    for thread in threads:
        thread.start()
    limited = wait_for(lambda: len(answers) >= 6, seconds=4)
    receiver.send_signal(signal.SIGCONT)
    for thread in threads:
        thread.join()
    ok(limited, "probes above the limit of connections are answered while others wait")
    equal(sorted(answer.status for answer in answers), [200] * 8 + [503] * 6, "8 probes wait")
    equal({answer.json.get("reason") for answer in answers if answer.status == 503}, {"nginx-limit"},
          "and nginx refuses the rest")


need("nginx", "curl")
with World() as world:
    receiver = world.start_receiver()
    world.start_nginx(rate=None, http="set_real_ip_from unix:; real_ip_header X-Real-IP;")
    large_bodies(world)
    probes_at_once(world, receiver)
    shipped_limits(world)
disk_is_noticed()
finish()
