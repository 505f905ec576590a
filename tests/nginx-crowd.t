#!/usr/bin/python3
"""Many clients at once, and workers that die under them: nothing is lost, nothing comes twice."""

import os
import signal
import subprocess
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from bookspool import (ENDPOINT, PATIENCE, World, equal, finish, id_of, need, ok,  # noqa: E402
                       run_parts, sample, sign)

CLIENTS, EVENTS = 16, 200
FIRST = {"calcom": "booking_created", "calendly": "invitee_created"}


def make_events(world, count):
    """(provider, body, file) of so many different bookings, half of either provider."""
    events = []
    for number in range(count):
        provider = ("calcom", "calendly")[number % 2]
        body = sample(provider, FIRST[provider])
        path = world.path(f"event-{number}.json")
        with open(path, "wb") as file:
            file.write(body)
        events.append((provider, body, path))
    return events


def write_client(world, name, events):
    """A curl settings file: all events, one after the other, over one kept connection."""
    transfers = []
    for provider, body, path in events:
        (header, value), = sign(provider, body, world.secret[provider]).items()
        transfers.append(f'url = "http://localhost{ENDPOINT[provider]}"\n'
                         f'unix-socket = "{world.path("http.sock")}"\n'
                         f'header = "{header}: {value}"\n'
                         f'data-binary = "@{path}"\n'
                         f'write-out = "%{{http_code}}\\n"\noutput = "/dev/null"\nmax-time = {PATIENCE}\n')
    with open(world.path(name), "w") as file:
        file.write("next\n".join(transfers))
    return ["curl", "--silent", "--config", world.path(name)]


def start_clients(world, lists):
    """One client for each list of events."""
    commands = [write_client(world, f"client-{n}", events) for n, events in enumerate(lists)]
    return [subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=world.env())
            for command in commands]


def same_for_all(events, count):
    """The same events for each client; every other one begins somewhere else."""
    for number in range(count):
        shift = number * len(events) // count if number % 2 else 0
        yield events[shift:] + events[:shift]


def answers_of(clients):
    """The status of every transfer of every client."""
    return [status for client in clients for status in client.communicate(timeout=2 * PATIENCE)[0].split()]


def crowd():
    with World() as world:
        world.start_receiver(workers=2)
        world.start_nginx()
        events = make_events(world, EVENTS)
        answers = answers_of(start_clients(world, same_for_all(events, CLIENTS)))
        equal((len(answers), set(answers)), (CLIENTS * EVENTS, {"200"}),
              f"{CLIENTS} clients posting the same {EVENTS} events: every answer is 200")
        equal(world.spool("new"), sorted(id_of(p, b) for p, b, _ in events),
              f"exactly {EVENTS} files")
        equal(world.spool("tmp"), [], "and no temporary file is left")
        equal(world.drain().returncode, 0, "the drain ends well")
        equal(len(world.mails()), EVENTS, f"exactly {EVENTS} mails")
        equal(len({mail["Message-ID"] for mail in world.mails()}), EVENTS, "all different")
        answers = answers_of(start_clients(world, same_for_all(events[:20], 2)))
        equal(set(answers), {"200"}, "the same after the drain: 200")
        world.drain()
        equal(len(world.mails()), EVENTS, "but no further mail")


def killer(world, workers, stop, deaths, how=signal.SIGKILL):
    """Ends one worker after the other and starts a new one in its place."""
    while not stop.wait(0.02):
        victim = workers.pop(0)
        world.stop(victim, how)
        workers += world.start_receiver(workers=1)
        deaths.append(victim.pid)


def workers_die():
    with World() as world:
        workers = world.start_receiver(workers=2)
        world.start_nginx()
        events = make_events(world, 600)
        stop, deaths = threading.Event(), []
        thread = threading.Thread(target=killer, args=(world, workers, stop, deaths))
        thread.start()
        clients = start_clients(world, [events[n::4] for n in range(4)])
        statuses = [client.communicate(timeout=2 * PATIENCE)[0].split() for client in clients]
        stop.set()
        thread.join()
        check_survivors(world, events, statuses, deaths)


def workers_are_restarted():
    """SIGTERM, as at an upgrade: nobody notices."""
    with World() as world:
        workers = world.start_receiver(workers=2)
        world.start_nginx()
        events = make_events(world, 600)
        stop, ends = threading.Event(), []
        thread = threading.Thread(target=killer,
                                  args=(world, workers, stop, ends, signal.SIGTERM))
        thread.start()
        clients = start_clients(world, [events[n::4] for n in range(4)])
        statuses = [status for client in clients
                    for status in client.communicate(timeout=2 * PATIENCE)[0].split()]
        stop.set()
        thread.join()
        ok(len(ends) > 0, f"workers were restarted under load ({len(ends)})")
        equal(set(statuses), {"200"}, "every answer is a 200")
        equal(len(world.spool("new")), len(events), "every event is in the spool")


def die_with_a_request(world):
    """Takes one connection in a worker's place, and hangs up once the request is there."""
    connection, _ = world.listen().accept()
    connection.recv(65536)
    connection.close()
    world.start_receiver(workers=1)


def one_dies_at_rest():
    """No kept connection, one request: nginx must ask again on a new one."""
    with World() as world:
        world.listen()
        world.start_nginx()
        thread = threading.Thread(target=die_with_a_request, args=(world,))
        thread.start()
        answer = world.post("calcom", sample("calcom", "booking_created"))
        thread.join()
        equal(answer.status, 200, "the only worker dies with the only request: asked once more")


def check_survivors(world, events, statuses, deaths):
    answered = [(event, status) for n in range(4)
                for event, status in zip(events[n::4], statuses[n])]
    promised = {id_of(p, b) for (p, b, _), status in answered if status == "200"}
    ok(len(deaths) > 2, f"workers were killed under load ({len(deaths)})")
    equal(len(answered), len(events), "every request was answered")
    equal({status for _, status in answered} - {"200", "503"}, set(), "with 200, or with 503")
    unserved = sum(status == "503" for _, status in answered)
    ok(unserved <= len(deaths), "most deaths stayed between nginx and the workers",
       f"{unserved} answers of 503, {len(deaths)} deaths")
    equal(promised - set(world.spool("new")), set(), "every 200 is in the spool")
    for (provider, body, _), status in answered:
        if status != "200":
            world.post(provider, body)
    equal(world.spool("new"), sorted(id_of(p, b) for p, b, _ in events),
          "after the retries each event is there once")
    world.drain()
    equal(len(world.mails()), len(events), "and each is mailed once")


need("nginx", "curl")
run_parts((crowd, workers_die, workers_are_restarted, one_dies_at_rest))
finish()
