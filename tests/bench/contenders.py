"""Who is compared: bookspool and its peers, each as its own documentation has it run.

All of them check Cal.com's signature of the body, write the body to a temp file, sync it, give it
its name, sync the directory (bookspool: name first, then one sync), and then answer 200. All stand
behind the same nginx, but webhook, which is a web server itself.

    with Site(disk, port) as site:
        running = contender.start(site)     # Running, ready for requests
"""

import glob
import json
import os
import signal
import subprocess
from dataclasses import dataclass

from bookspool import SECRET as KEY_SETTING, World, free_port, wait_for
from common import HERE, Missing, die_with_parent, helper, server
from load import PATH, SECRET, post_once

PEERS = os.path.join(HERE, "peers")

# The same for everybody: no log of requests, and clients keep their connections.
HTTP = "access_log off; keepalive_requests 1000000;"
FASTCGI = """
    fastcgi_param REQUEST_METHOD    $request_method;
    fastcgi_param CONTENT_TYPE      $content_type;
    fastcgi_param CONTENT_LENGTH    $content_length;
    fastcgi_param QUERY_STRING      $query_string;
    fastcgi_param SCRIPT_NAME       $uri;
    fastcgi_param GATEWAY_INTERFACE CGI/1.1;
    fastcgi_param SERVER_PROTOCOL   $server_protocol;
    fastcgi_param REMOTE_ADDR       $remote_addr;
"""
PROXY = 'proxy_pass http://peer; proxy_http_version 1.1; proxy_set_header Connection "";'


class Site(World):
    """A world whose spool and state are on the disk that is measured."""

    def __init__(self, disk):
        super().__init__(settings={"BOOKSPOOL_STATE": os.path.join(disk.path, "state")},
                         receive={KEY_SETTING["calcom"]: SECRET},
                         spool=os.path.join(disk.path, "spool"))
        os.makedirs(os.path.join(disk.path, "state"))
        self.port = free_port()

    def __exit__(self, kind, *more):
        """Logs are shown of what nobody expected; ^C is, and what is Missing says why itself."""
        super().__exit__(SystemExit if kind in (KeyboardInterrupt, Missing) else kind, *more)

    def start(self, command, log, env=None, stdin=subprocess.DEVNULL, **more):
        return super().start(command, log, env, stdin, preexec_fn=die_with_parent, **more)

    def stop(self, process, *how, **more):
        """With what it has started: fcgiwrap leaves its workers behind. die_with_parent has made
        each program the leader of a group."""
        status = super().stop(process, *how, **more)
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        return status

    def start_peer(self, *command):
        """A peer gets the folders it stores into, and what it must know as environment."""
        for name in ("tmp", "new"):
            os.makedirs(os.path.join(self.spool_dir, name), exist_ok=True)
        return self.start(list(command), "peer.log", {"SPOOL": self.spool_dir, "SECRET": SECRET})

    def start_front(self, location, http=""):
        """nginx before a peer: the same frame as bookspool's, with this location in it."""
        with open(self.path("bookspool-server.conf"), "w", encoding="utf-8") as file:
            file.write(f"location = {PATH} {{ client_body_buffer_size 64k; {location} }}\n")
        return self.start_nginx(http=HTTP + http, listen=f"127.0.0.1:{self.port}", files=self.dir)

    def start_fastcgi(self, script):
        return self.start_front(f"{FASTCGI} fastcgi_param SCRIPT_FILENAME {script};"
                                f" fastcgi_pass unix:{self.socket};")

    def start_proxy(self):
        upstream = f" upstream peer {{ server unix:{self.socket}; keepalive 64; }}"
        return self.start_front(PROXY, upstream)

    def stored(self):
        """How many bodies lie in the spool."""
        with os.scandir(os.path.join(self.spool_dir, "new")) as entries:
            return sum(not entry.name.startswith(".") for entry in entries)


@dataclass
class Running:
    """Process ids of the application and of nginx before it (empty: there is none), and how many
    bodies were stored by asking whether it is up."""

    app: list
    front: list
    probes: int = 0


def start_bookspool(site, workers=0):
    started = site.start_receiver(workers=workers)
    front = site.start_nginx(http=HTTP, listen=f"127.0.0.1:{site.port}")
    return started if workers else [started], [front]


def start_bookspool_pair(site):
    return start_bookspool(site, workers=2)


def start_php(site):
    config = site.path("php.conf")
    with open(config, "w", encoding="utf-8") as file:
        file.write(f"[global]\nerror_log = {site.path('php.log')}\ndaemonize = no\n"
                   f"[www]\nuser = root\ngroup = root\nlisten = {site.socket}\n"
                   "listen.backlog = 511\npm = static\npm.max_children = 8\nclear_env = no\n"
                   "php_admin_value[opcache.validate_timestamps] = 0\n")
    peer = site.start_peer(server("php-fpm"), "-n", "-d", "zend_extension=" + opcache(),
                           "-d", "opcache.enable=1", "-R", "-F", "-y", config)
    return [peer], [site.start_fastcgi(os.path.join(PEERS, "hook.php"))]


def opcache():
    """The compiled-code cache that belongs to this php-fpm; without it PHP would be at a loss."""
    program = server("php-fpm")
    unpacked = os.path.join(os.path.dirname(os.path.dirname(program)), "unpacked")
    root = unpacked if os.path.isdir(unpacked) else ""
    found = sorted(glob.glob(root + "/usr/lib/php/*/opcache.so"))
    if not found:
        raise Missing("php-fpm's opcache.so")
    return found[-1]


def start_webhook(site):
    hook = {"id": PATH.strip("/"), "execute-command": helper("store"),
            "command-working-directory": site.dir, "http-methods": ["POST"],
            "include-command-output-in-response": True,  # else it answers before the body is stored
            "pass-arguments-to-command": [{"source": "string", "name": site.spool_dir}],
            "pass-environment-to-command": [{"source": "raw-request-body", "envname": "BODY"}],
            "trigger-rule": {"match": {
                "type": "payload-hmac-sha256", "secret": SECRET,
                "parameter": {"source": "header", "name": "X-Cal-Signature-256"}}}}
    with open(site.path("hooks.json"), "w", encoding="utf-8") as file:
        json.dump([hook], file)
    return [site.start_peer(server("webhook"), "-hooks", site.path("hooks.json"), "-urlprefix", "",
                            "-ip", "127.0.0.1", "-port", str(site.port))], []


def start_node(site):
    peer = site.start_peer(server("node"), os.path.join(PEERS, "hook.js"), site.socket)
    return [peer], [site.start_proxy()]


def start_gunicorn(site):
    peer = site.start_peer(server("gunicorn"), "--chdir", PEERS, "--workers", "4", "--backlog",
                           "511", "--log-level", "error", "--bind", "unix:" + site.socket,
                           "hook:app")
    return [peer], [site.start_proxy()]


def start_fcgiwrap(site):
    peer = site.start_peer(server("fcgiwrap"), "-c", "4", "-s", "unix:" + site.socket)
    return [peer], [site.start_fastcgi(helper("cgi"))]


@dataclass(frozen=True)
class Contender:
    """`program` is what must be there; `own_cpu` is false where the kernel does not tell how much
    CPU time the application took."""

    name: str
    starter: object
    program: str = ""
    own_cpu: bool = True

    def start(self, site):
        app, front = self.starter(site)
        probes = wait_until_ready(site, app)
        return Running([process.pid for process in app], [process.pid for process in front], probes)


def wait_until_ready(site, app):
    """It accepts a good body and refuses a forgery. How many bodies it has taken."""
    def answers():
        if app[0].poll() is not None:
            return -1
        try:
            return post_once(site.port)
        except OSError:
            return 0
    if wait_for(lambda: answers() in (200, -1), 15) is False or app[0].poll() is not None:
        raise Missing("does not start: " + site.log("peer.log")[-300:])
    refusal = post_once(site.port, good=False)
    if refusal < 400:
        raise Missing(f"answers a forgery with {refusal}")
    return 1


BOOKSPOOL = Contender("bookspool", start_bookspool)
CONTENDERS = (
    BOOKSPOOL,
    Contender("bookspool, 2 workers", start_bookspool_pair),
    Contender("php-fpm, 8 children", start_php, "php-fpm"),
    Contender("webhook + C command", start_webhook, "webhook"),
    Contender("node, 1 process", start_node, "node"),
    Contender("gunicorn, 4 workers", start_gunicorn, "gunicorn"),
    # Its children are not waited for (SIGCHLD is ignored), so their time is in no one's account.
    Contender("fcgiwrap, 4 + C program", start_fcgiwrap, "fcgiwrap", own_cpu=False),
)
REFERENCE = "php-fpm, 8 children"
