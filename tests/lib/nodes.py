"""Several machines that share one spool in PostgreSQL: each a world of its own, with one mail server.

    with Cluster("a", "b") as cluster:
        a, b = cluster.nodes
        a.start_receiver()
        key = a.take("calcom", sample("calcom", "booking_created"))   # posted, answered 200
        a.drain()
        cluster.mailed(key)                                           # how often it was accepted
        cluster.files("sent")                                         # names, in the shared spool
"""

import re
import subprocess
from collections import Counter

from bookspool import ENDPOINT, World, id_of, program, sign, wait_for
from fcgi import Client, params, request
from postgres import Postgres
from smtp_peer import Scripted

DATABASE = "bookspool"


class Node(World):
    """One machine. What its drains log is in drain.log, and in what `drain` returns."""

    def __init__(self, name, cluster, **settings):
        self.name, self.cluster = name, cluster
        super().__init__({"BOOKSPOOL_LEDGER": cluster.uri(name), "BOOKSPOOL_NODE": name,
                          "BOOKSPOOL_TRANSPORT": f"smtp+plain://127.0.0.1:{cluster.peer.port}",
                          "BOOKSPOOL_RETRY_MIN": "1s", "BOOKSPOOL_RETRY_MAX": "1s", **settings})

    def post_direct(self, provider, body):
        """The status of one request to the receiver's socket."""
        with Client(self.socket) as client:
            head = params("POST", ENDPOINT[provider], body, sign(provider, body, self.secret[provider]))
            client.send(request(head, body))
            answer = client.answer()
        return answer.status if answer else 0

    def take(self, provider, body):
        """Posted until it is answered 200; its id."""
        if not wait_for(lambda: self.post_direct(provider, body) == 200):
            raise RuntimeError(f"{self.name} does not accept")
        return id_of(provider, body)

    def drain(self, *args, env=None):
        done = super().drain(*args, env=env)
        with open(self.path("drain.log"), "a", encoding="utf-8") as log:
            log.write(done.stderr)
        return done

    def watch(self, env=None):
        return self.start([*program("bookspool-drain"), "--watch"], "drain.log", env)


class Cluster:
    """`durable`: a server that may be killed; `standby`: one that takes part in each promise, and
    `fail_over` makes the primary; `relays`: each node reaches the server through a relay of its own
    (postgres.Cut), `relay[NAME]`; `settings`: of all nodes."""

    def __init__(self, *names, peer=None, durable=False, standby=False, relays=False, max_connections=60,
                 **settings):
        self.server = Postgres(durable=durable, settings={"max_connections": max_connections})
        self.standby, self.old = None, None
        migrate(self.server)
        if standby:
            self.standby = self.server.standby(settings={"max_connections": max_connections})
            self.server.sql("ALTER SYSTEM SET synchronous_standby_names = '*'")
            self.server.sql("SELECT pg_reload_conf()")
        self.peer = peer or Scripted()
        self.relay = {name: self.server.relay() for name in names if relays}
        self.nodes = [Node(name, self, **settings) for name in names]

    def uri(self, name):
        if name in self.relay:
            return self.server.tcp_uri(DATABASE, port=self.relay[name].port)
        servers = [self.server, *([self.standby] if self.standby else [])]
        return (f"postgresql://{self.server.owner}@/{DATABASE}?host={','.join(s.dir for s in servers)}"
                f"&port={','.join(str(s.port) for s in servers)}")

    def fail_over(self):
        self.server.kill()
        self.old, self.server, self.standby = self.server, self.standby, None
        self.server.promote()

    def __enter__(self):
        for node in self.nodes:
            node.__enter__()
        return self

    def __exit__(self, *why):
        for node in self.nodes:
            node.__exit__(*why)
        self.peer.__exit__(*why)
        for server in (self.standby, self.old, self.server):
            if server:
                server.close()

    def files(self, directory):
        rows = self.server.sql(f"SELECT name FROM bookspool.spool_file WHERE dir = '{directory}' ORDER BY name",
                               DATABASE)
        return rows.split("\n") if rows else []

    def accepted(self):
        """How often each mail was accepted, by (id, recipient)."""
        return Counter(mail_of(message) for message in list(self.peer.accepted))

    def mailed(self, key):
        return sum(number for (id, _), number in self.accepted().items() if id == key)

    def may_repeat(self):
        """How often the logs of all nodes announce that a mail may be repeated, by (id, mark of the recipient)."""
        logs = "".join(node.log("drain.log") for node in self.nodes)
        return Counter(re.findall(r"may-repeat.*?mail=(?:(\w{32})\S*?-)(\w+)", logs))


def mail_of(message):
    """(id, recipient) of a message."""
    head = message.partition(b"\r\n\r\n")[0].decode("utf-8", "replace")
    return (re.search(r"^X-Bookspool-Id: (\S+)", head, re.M | re.I)[1].lower()[:32],
            re.search(r"^To: .*?([\w.+-]+@[\w.-]+)", head, re.M | re.I)[1].lower())


def migrate(server):
    """A database with the tables of bookspool."""
    uri = server.database(DATABASE)
    done = subprocess.run([*program("bookspool"), "ledger", "migrate", uri], capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(done.stderr)
