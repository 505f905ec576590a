#!/usr/bin/python3
"""Death and failure at every step of the receiver: where it starts on an empty directory, and where
it answers health and posts of both providers, new, once more, and when they are done.

See tests/lib/faults.py.
"""

import os
import signal
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from bookspool import (ENDPOINT, bail, finish, id_of, match, program, sample, sign,  # noqa: E402
                       wait_for, wait_until_idle)
from fault_steps import alloc_steps, death_steps, describe, fault_steps, spread, tells  # noqa: E402
from faults import OWNER, Trial, allocations_of, need_shims, series  # noqa: E402
from fcgi import Client, params, request  # noqa: E402
from smtp_peer import Scripted  # noqa: E402

PROVIDERS = ("calcom", "calendly")


def ask(trial, message, socket=None):
    """The status that the receiver answers, 0 where it died or dropped the connection."""
    try:
        with Client(socket or trial.socket) as client:
            client.send(message)
            answer = client.answer()
            return answer.status if answer else 0
    except OSError:
        return 0


def post(trial, provider, body, socket=None):
    headers = sign(provider, body, trial.secret[provider])
    return ask(trial, request(params("POST", ENDPOINT[provider], body, headers), body), socket)


def start(trial, env=None, socket=None, log="receiver.log"):
    """A receiver that listens, or one that has ended."""
    socket = socket or trial.socket
    process = trial.start([*program("bookspool-fcgi"), "--listen", "unix:" + socket], log, env)

    def listens():
        if process.poll() is not None:
            return True
        try:
            Client(socket).socket.close()
            return True
        except OSError:
            return False
    if not wait_for(listens, step=0.001):
        bail("the receiver does not start")
    return process


def fresh(trial, made=True):
    """An empty spool; the receiver that takes the retries stays, where the directories stay."""
    if not made or not getattr(trial, "clean", None):
        trial.fresh(made)
        trial.clean = None
    for directory in ("tmp", "new", "done", "out", "sent") if made else ():
        for name in trial.spool(directory):
            os.unlink(trial.file(directory, name))
    for left in (trial.path("receiver.log"), trial.socket):
        if os.path.exists(left):
            os.unlink(left)
    trial.accepted_before = len(trial.server.accepted)


def posts(trial):
    """(bodies, the answers to health, to each body, to it again, and to it when it is done)"""
    bodies = {provider: sample(provider, name) for provider, name in
              zip(PROVIDERS, ("booking_created", "invitee_created"))}
    health = ask(trial, request(params("GET", "/api/health")))
    answers = {}
    for provider, body in bodies.items():
        key = id_of(provider, body)
        answers[provider] = [post(trial, provider, body), post(trial, provider, body)]
        if key in trial.spool("new"):
            os.rename(trial.file("new", key), trial.file("done", key))
        answers[provider].append(post(trial, provider, body))
        if key in trial.spool("done"):
            os.replace(trial.file("done", key), trial.file("new", key))
    return bodies, health, answers


def check(trial, tally, where, bodies, answers):
    """What was answered 200 is there; the retry is accepted; each is mailed once."""
    for provider, body in bodies.items():
        there = any(id_of(provider, body) in trial.spool(d) for d in ("new", "done"))
        tally.expect(there or 200 not in answers[provider], where,
                     f"answered {answers}, and the event is nowhere")
        tally.expect(set(answers[provider]) <= {0, 200, 503}, where, f"answers {answers}")
    if not trial.clean:
        trial.clean = start(trial, socket=trial.path("clean.sock"), log="clean.log")
    retried = [post(trial, provider, body, trial.path("clean.sock"))
               for provider, body in bodies.items()]
    keys = sorted(id_of(provider, body) for provider, body in bodies.items())
    tally.expect(set(retried) <= {200}, where, f"the retries are not accepted: {retried}")
    last = trial.settle()
    tally.expect(last.returncode == 0, where, f"the drain does not end well: {last.stderr[-300:]}")
    tally.expect(trial.accepted() == {f"{key}-{OWNER}": 1 for key in keys}, where,
                 f"mails: {trial.accepted()}")
    tally.expect(trial.settled() == (keys, []), where, f"lies as {trial.settled()}")


def strike(trial, step):
    """(status, bodies, health, answers, what it was, the log) of a receiver that meets the step."""
    process = start(trial, trial.strike(step))
    bodies, health, answers = posts(trial)
    status = trial.stop(process)
    where = f"receiver, {describe(step)}: {trial.struck()}"
    return status, bodies, health, answers, where, trial.log("receiver.log")


def dies(trial, tally, step):
    fresh(trial)
    status, bodies, _, answers, where, _ = strike(trial, step)
    tally.expect(status == (-signal.SIGKILL if trial.struck() else 0), where, f"exit {status}")
    check(trial, tally, where, bodies, answers)
    return trial.struck()


def fails(trial, tally, step):
    fresh(trial)
    status, bodies, health, answers, where, log = strike(trial, step)
    said = [health, *sum(answers.values(), [])]
    tally.expect(status == 0, where, f"exit {status}")
    tally.expect(503 not in said or tells(step, log), where,
                 f"{said}, and the log does not tell the step:\n{log}")
    check(trial, tally, where, bodies, answers)
    return trial.struck()


def fails_to_start(trial, tally, step):
    """It may end, with a line that tells why; the next one then starts."""
    fresh(trial, made=False)
    process = start(trial, trial.strike(step))
    status = trial.stop(process)
    where = f"receiver that starts, {describe(step)}: {trial.struck()}"
    log = trial.log("receiver.log")
    if step.what == "death":
        tally.expect(not trial.struck() or status in (-signal.SIGKILL, 0), where, f"exit {status}")
    else:
        tally.expect(status in (0, 70, 71, 74, 78), where, f"exit {status}")
        tally.expect(status == 0 or tells(step, log), where,
                     f"exit {status}, and the log does not tell the step:\n{log}")
    again = start(trial)
    body = sample("calcom", "booking_created")
    tally.expect(post(trial, "calcom", body) == 200, where, "a post after it is not accepted")
    tally.expect(trial.stop(again) == 0, where, "the next one does not end well")
    tally.expect(trial.spool("new") == [id_of("calcom", body)], where, f"{trial.settled()}")
    return trial.struck()


def lacks_memory(trial, tally, step):
    """Where it starts it may end, with a line that tells why; a post may get 503 or no answer."""
    fresh(trial)
    status, bodies, health, answers, where, log = strike(trial, step)
    said = [health, *sum(answers.values(), [])]
    tally.expect(status == 0 or 64 <= status <= 78, where, f"exit {status}")
    tally.expect(not status and 503 not in said or tells(step, log), where,
                 f"exit {status}, {said}, and the log does not tell:\n{log}")
    check(trial, tally, where, bodies, answers)
    return trial.struck()


def start_and_post(env):
    process = start(world, env)
    posts(world)
    world.stop(process)


def calls_of(trial, made):
    """(the calls until it listens, those of the posts and of its end)"""
    fresh(trial, made)
    process = start(trial, trial.counting())
    wait_until_idle(process)
    begun = trial.calls()
    if made:
        posts(trial)
    trial.stop(process)
    return begun, trial.calls()[len(begun):]


need_shims()
with Scripted() as peer, Trial(peer) as world:
    starting = sum(calls_of(world, False), [])
    begun, calls = calls_of(world, True)
    places = allocations_of(world, fresh, start_and_post)
match(str(calls), "recv.*openat/excl.*fsync", "the shim sees what a receiver does")
series("a receiver that dies at each step of its start and end", death_steps(starting),
       fails_to_start)
series("a receiver with a fault at each step of its start and end", spread(fault_steps(starting)),
       fails_to_start)
series("a receiver that dies at each step", death_steps(calls, begun), dies)
series("a receiver with a fault at each step", spread(fault_steps(calls, before=begun)), fails)
series("a receiver without memory at each step", alloc_steps(places), lacks_memory)
finish()
