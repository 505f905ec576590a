#!/usr/bin/python3
"""The tokens for a provider's API: one that is refused costs one request, uses are counted across runs, and what
is wrong with a token is reported before it is needed, in every place, without the token."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
import counters  # noqa: E402
from account import Site  # noqa: E402
from bookspool import equal, finish, match, need, ok, run_parts  # noqa: E402
from calendly_api import CalendlyApi  # noqa: E402
from fcgi import Client, params, request  # noqa: E402
from http_peer import Peer  # noqa: E402

PRIMARY, SECONDARY = "first-token-eyJraWQ", "second-token-eyJraWQ"


def account(site, api, **settings):
    for token in (PRIMARY, SECONDARY):
        api.add_token(token, api.owner)
    site.use(api, **settings)
    site.write_settings("drain.env", {"CALENDLY_API_TOKEN": PRIMARY, "CALENDLY_API_TOKEN_SECONDARY": SECONDARY})


def tokens_of(api):
    return [(one.token, one.status) for one in api.log]


def hidden(site, *texts):
    ok(not [token for token in (PRIMARY, SECONDARY) for text in texts if token in text], "no token is shown")
    for name in os.listdir(site.state_dir):
        if os.path.isfile(os.path.join(site.state_dir, name)):
            with open(os.path.join(site.state_dir, name), "rb") as file:
                data = file.read()
            ok(PRIMARY.encode() not in data and SECONDARY.encode() not in data, f"nor is one in {name}")


def answer(site, path):
    """To a caller of this machine, past nginx."""
    with Client(site.socket) as client:
        client.send(request(params("GET", path, REMOTE_ADDR="127.0.0.1")))
        return client.answer().body.decode()


def health(site):
    return answer(site, "/api/health")


def checked_before_it_is_needed():
    with Peer() as peer, Site() as site, CalendlyApi() as api:
        account(site, api, BOOKSPOOL_ALARM=peer.url("/hook"), SENTRY_DSN=f"http://abc@127.0.0.1:{peer.port}/7")
        api.tokens[SECONDARY].state = "revoked"
        log = site.run("bookspool-drain").stderr
        equal(tokens_of(api), [(PRIMARY, 200), (SECONDARY, 401)], "a run asks with each token once")
        site.drain()
        equal(len(api.log), 2, "and not again before the next check")
        status = site.run("bookspool", "status").stdout
        match(status, "Calendly: API token state: the secondary token [0-9a-f]{8} is refused",
              "status names the token by its fingerprint")
        match(" ".join(status.split()), "make a new one at the provider and set it in drain.env", "and says what to do")
        match(health(site), r'"token-refused"', "the receiver's health has it, from the counters")
        match(answer(site, "/metrics"),
              r'(?m)^bookspool_api_token_refused_timestamp_seconds\{provider="calendly",token="secondary"\} [1-9]',
              "and so do its metrics")
        alarms = b"".join(one.body for one in peer.asked("/hook")).decode()
        match(alarms, "token:state:calendly", "an alarm is raised")
        errors = b"".join(one.body for one in peer.asked("/api/7/envelope/")).decode()
        match(errors, "api-token-refused", "Sentry has the error")
        match(log, r"api-token-refused: Calendly refuses the token [0-9a-f]{8} \(CALENDLY_API_TOKEN_SECONDARY\)",
              "the log names the setting")
        hidden(site, status, health(site), alarms, errors, log)
        site.write_settings("drain.env", {"CALENDLY_API_TOKEN": PRIMARY, "CALENDLY_API_TOKEN_SECONDARY": ""})
        site.drain()
        match(health(site), '"API token state: accepted|API token state: accepted', "a token that is gone is forgotten")
        equal(api.wrong, [], "the stand-in's answers have the documented form")


def revoked_while_it_is_used():
    with Site() as site, CalendlyApi() as api:
        account(site, api)
        site.tool("whoami")
        api.tokens[PRIMARY].state = "revoked"
        before = len(api.log)
        done = site.tool("event-types", "--json")
        usual = len(api.log) - before - 1
        equal([one for one in tokens_of(api)[before:] if one[0] == PRIMARY], [(PRIMARY, 401)],
              "a token that is revoked costs one request")
        match(done.stderr, "api-token-refused", "it is reported")
        before = len(api.log)
        site.tool("event-types", "--json")
        equal([one[0] for one in tokens_of(api)[before:]], [SECONDARY] * (len(api.log) - before),
              "the next process uses the other one at once")
        ok(len(api.log) - before <= usual, "and costs no more than before", len(api.log) - before)
        for slot, word in enumerate(("primary", "secondary")):
            uses = len([one for one in api.log if one.token == (PRIMARY, SECONDARY)[slot]])
            equal(counters.read(site.state_dir, "COUNT_TOKEN_USES", "calendly", word), uses,
                  f"uses of the {word} token are counted across processes")
        hidden(site, done.stdout, done.stderr)


def due_for_rotation():
    with Peer() as peer, Site() as site, CalendlyApi() as api:
        account(site, api, CALENDLY_MAX_USAGE_PER_KEY=5, SENTRY_DSN=f"http://abc@127.0.0.1:{peer.port}/7",
                CALENDLY_KEY_ROTATION_CHECK_INTERVAL=60, CALENDLY_ENABLE_CACHING="no")
        while len([one for one in api.log if one.token == PRIMARY]) < 3:
            site.tool("whoami")
        status = site.run("bookspool", "status").stdout
        match(status, r"(?m)^primary token of calendly, [0-9a-f]{8}: 3 requests$", "status has the uses")
        ok("of 5 requests" not in status, "well below the limit all is well")
        site.drain()
        status = " ".join(site.run("bookspool", "status").stdout.split())
        match(status, r"the primary token [0-9a-f]{8} has been used for 4 of 5 requests",
              "four fifths of the uses warn")
        match(status, "make a new token at the provider, set it in drain.env, and revoke this one",
              "with what to do")
        match(health(site), '"token-used-up"', "in the health")
        errors = b"".join(one.body for one in peer.asked("/api/7/envelope/")).decode()
        match(errors, "api-token-due", "Sentry has it")
        site.write_settings("drain.env", {"CALENDLY_API_TOKEN": "third-token"})
        api.add_token("third-token", api.owner)
        site.drain()
        ok("token-used-up" not in health(site), "a new token begins anew")


def scopes_that_are_missing():
    with Site() as site, CalendlyApi() as api:
        api.add_token(PRIMARY, api.owner, scopes=["users:read"])
        api.add_token(SECONDARY, api.owner)
        site.use(api)
        site.write_settings("drain.env", {"CALENDLY_API_TOKEN": PRIMARY})
        done = site.tool("event-types", code=77)
        match(done.stderr, r"lacks.* event_types:read", "the missing scope is named")
        site.drain()
        match(site.run("bookspool", "status").stdout.replace("\n      ", " "),
              "primary token [0-9a-f]{8} lacks event_types:read", "and known from then on")
        match(health(site), '"token-scopes"', "in the health too")


if __name__ == "__main__":
    need("nginx")
    run_parts((checked_before_it_is_needed, revoked_while_it_is_used, due_for_rotation, scopes_that_are_missing))
    finish()
