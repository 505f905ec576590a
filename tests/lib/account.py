"""A world with a receiver that is restarted, and a provider's account: what the tests of `bookspool calendly`
and `bookspool calcom` share.

    with Site() as site, CalendlyApi(send=site.send) as api:
        site.use(api)
        done = site.tool("subscribe")
"""

import json
import os
import re
import signal
import subprocess
import threading
import time

import counters
from bookspool import PATIENCE, World, equal, free_port, program, utc, wait_for
from deliveries import fcgi_sender

BASE_URL = {"calcom": "CALCOM_WEBHOOK_BASE_URL", "calendly": "CALENDLY_WEBHOOK_BASE_URL"}
TOKEN = {"calcom": "CALCOM_API_KEY", "calendly": "CALENDLY_API_TOKEN"}
API_BASE = {"calcom": "CALCOM_API_BASE", "calendly": "CALENDLY_API_BASE"}


class Site(World):
    """Without secrets. nginx answers on a port of this machine; `restart` is the command that makes
    the receiver read its settings anew, on a socket that outlives it, as under systemd."""

    def __init__(self, receive=None, **more):
        none = {"CALCOM_WEBHOOK_SECRET": None, "CALENDLY_WEBHOOK_SIGNING_KEY": None}
        super().__init__(receive={**none, **(receive or {})}, **more)
        self.api, self.ended = None, False
        self.restart = f"kill -TERM $(cat {self.path('pid')})"
        self.answers = []  # of the receiver to the provider
        self._send = fcgi_sender(self)

    def send(self, url, headers, body):
        status = self._send(url, headers, body)
        self.answers.append(status)
        return status

    def __enter__(self):
        super().__enter__()
        self.listen()
        self._started = threading.Event()
        self._thread = threading.Thread(target=self._keep, daemon=True)
        self._thread.start()
        self._started.wait(PATIENCE)
        self.start_nginx(listen=f"127.0.0.1:{free_port()}")
        return self

    def __exit__(self, *why):
        self.ended = True
        self._process.send_signal(signal.SIGTERM)
        self._thread.join(PATIENCE)
        return super().__exit__(*why)

    def _keep(self):
        """One receiver after the other."""
        while not self.ended:
            with open(self.path("receiver.log"), "ab") as out:
                self._process = subprocess.Popen(program("bookspool-fcgi"), stdin=self.listen(), stdout=out,
                                                 stderr=out, env=self.env(), cwd=self.dir)
            with open(self.path("pid.new"), "w", encoding="ascii") as file:
                file.write(str(self._process.pid))
            os.rename(self.path("pid.new"), self.path("pid"))
            self._started.set()
            self._process.wait()

    def use(self, api, **settings):
        """The account of this stand-in, with a token of its owner."""
        self.api = api
        if not api.tokens:
            api.add_token("token-1", api.owner)
        with open(self.path("etc/bookspool.conf"), "a", encoding="ascii") as file:
            values = {API_BASE[api.name]: api.base, BASE_URL[api.name]: self.url, "BOOKSPOOL_TLS_CA": api.ca,
                      **settings}
            file.writelines(f"{name}={value}\n" for name, value in values.items())
        self.write_settings("drain.env", {TOKEN[api.name]: next(iter(api.tokens))})

    def tool(self, *args, code=0, name=None, **more):
        """`bookspool PROVIDER ARGS`, which must end with this status."""
        done = self.run("bookspool", self.api.name, *args, **more)
        if not equal(done.returncode, code, name or f"{args[0]}: exit status {code}"):
            print("#", "\n# ".join((done.stdout + done.stderr).splitlines()))
        return done

    def changing(self, *args, **more):
        """The same for an action that may restart the receiver."""
        return self.tool(*args, "--restart", self.restart, **more)

    def stored(self, name):
        """The value of a setting in receive.env, or None."""
        found = re.findall(rf"(?m)^{name}=['\"]?(.*?)['\"]?$", self.text("receive.env"))
        return found[-1] if found else None

    def text(self, name):
        with open(self.path("etc", name), encoding="utf-8") as file:
            return file.read()

    def rotation(self):
        """What is kept of a change of the secret, or None."""
        try:
            with open(self.path("state", f"rotation-{self.api.name}.json"), encoding="ascii") as file:
                return json.load(file)
        except FileNotFoundError:
            return None

    def rotated_a_day_ago(self):
        """The change of the secret, and all that used the old one."""
        kept, ago = self.rotation(), 25 * 3600
        kept["changed"] = utc(time.time() - ago)
        where = ("COUNT_SECRET_USED_AT", self.api.name, "secondary")
        counters.put(self.state_dir, max(0, counters.read(self.state_dir, *where) - ago * 1000), *where)
        with open(self.path("state", f"rotation-{self.api.name}.json"), "w", encoding="ascii") as file:
            json.dump(kept, file)


__all__ = ["Site", "wait_for"]
