#!/usr/bin/python3
"""The Debian package, make install, and the files for other supervisors, stores of secrets and a second
instance. The package is built without a network and lived with in a copy of this system that exists in
memory and has a network of its own. `make package-check` does so on clean systems."""

import glob
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from bookspool import BIN, TOP, equal, finish, match, ok, run_parts, skip, tool, wait_for  # noqa: E402

EXAMPLES = os.path.join(TOP, "examples")
PACKAGE = os.path.join(TOP, "src/package")
OWN = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8", "HOME": "/root", "DEBIAN_FRONTEND": "noninteractive"}
POST = "bookspool post calcom created http://localhost/api/calcom-webhook"


def run(*command, env=None, **more):
    done = subprocess.run(command, env=env or os.environ, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, **more)
    return done.returncode, done.stdout


def read(*names):
    with open(os.path.join(*names), encoding="utf-8") as file:
        return file.read()


def files_below(folder):
    return sorted(os.path.relpath(os.path.join(at, name), folder) for at, _, names in os.walk(folder) for name in names)


# ---- make install ----


def make(*args):
    status, said = run("make", "-C", TOP, f"B={BIN}", *args)
    ok(status == 0, "make " + " ".join(args)[:80], said[-2000:])


def installed():
    with tempfile.TemporaryDirectory() as tmp:
        place = [f"DESTDIR={tmp}", "PREFIX=/opt/x"]
        make("install", *place)
        names = files_below(tmp)
        for want in ("opt/x/bin/bookspool", "opt/x/sbin/bookspool-fcgi", "opt/x/sbin/bookspool-drain",
                     "opt/x/share/man/man1/bookspool.1", "opt/x/share/man/man5/bookspool.conf.5",
                     "opt/x/lib/systemd/system/bookspool-fcgi.socket", "opt/x/lib/sysusers.d/bookspool.conf",
                     "opt/x/lib/tmpfiles.d/bookspool.conf", "opt/x/share/doc/bookspool/examples/crontab",
                     "opt/x/share/doc/bookspool/examples/s6/bookspool-fcgi/run", "opt/x/share/doc/bookspool/changelog",
                     "etc/bookspool/bookspool.conf", "etc/nginx/snippets/bookspool-server.conf"):
            ok(want in names, want, names)
        wrong = [name for name in names if not re.search(r"\.(png|gz)$|/s?bin/", name)
                 and re.search(r"/usr/local/(s?bin|lib|share)", read(tmp, name))
                 and not name.endswith(("README.md", "changelog")) and "/man/" not in name]
        equal(wrong, [], "no file names another prefix")
        match(read(tmp, "opt/x/lib/systemd/system/bookspool-drain.service"), "ExecStart=/opt/x/sbin/bookspool-drain", "nor a unit")
        equal(oct(os.stat(tmp + "/etc/bookspool/receive.env").st_mode & 0o777), "0o640", "secrets are not for everybody")
        own = "# mine: /usr/local/bin\n"
        for name in ("etc/bookspool/bookspool.conf", "etc/nginx/snippets/bookspool-http.conf"):
            with open(os.path.join(tmp, name), "w", encoding="utf-8") as file:
                file.write(own)
        make("install", *place)
        equal((read(tmp, "etc/bookspool/bookspool.conf"), read(tmp, "etc/nginx/snippets/bookspool-http.conf")), (own, own),
              "what is there is not replaced")
        make("uninstall", *place)
        equal([name for name in files_below(tmp) if not name.startswith("etc/")], [], "uninstall leaves nothing but settings")
        equal(len(files_below(tmp)), 8, "which it keeps")


# ---- the package ----


def number(version):
    return [int(part) for part in version.split(".")]


def changes_and_version():
    version = re.search(r'BOOKSPOOL_VERSION "(.*)"', read(TOP, "src/base/version.h"))[1]
    equal(re.match(r"bookspool \((\S+)\)", read(PACKAGE, "debian/changelog"))[1], version,
          "the list of changes begins with this version")
    libraries = re.search(r"build='(.*?)'", read(TOP, "tests/bin/deps"), re.S)[1].split()
    asked = re.search(r"Build-Depends:(.*?)\n\S", read(PACKAGE, "debian/control"), re.S)[1]
    equal([name for name in libraries if name.startswith("lib") and name != "libc6-dev" and f" {name}" not in asked], [],
          "the package is built with the libraries that the tests install")
    way = re.search(r"From a fresh installation.*?Then say where", read(PACKAGE, "debian/README.Debian"), re.S)[0]
    short = re.search(r"eight commands.*?\n\n((?:    [^\n]*\n)+)", read(TOP, "README.md"), re.S)[1]
    equal([line.strip() for line in short.splitlines()], re.findall(r"(?m)^      (\S.*)$", way),
          "README.md goes the way of README.Debian, which package-check tries")
    rows = re.findall(r"(?m)^ +(lib\S+-dev) +([\d.]+) +([\d.]+) +([\d.]+)$", read(PACKAGE, "debian/README.Debian"))
    equal([(row[0], row[1]) for row in rows], re.findall(r" (lib\S+-dev) \(>= ([\d.]+)\)", asked.replace("libssl-dev", "")),
          "README.Debian has the versions that are needed")
    too_old = [row for row in rows if min(map(number, row[2:])) < number(row[1])]
    equal(too_old, [], "which those releases have")
    for name in "bookspool", "bookspool-fcgi", "bookspool-drain":
        equal(run(os.path.join(BIN, name), "--version"), (0, f"{name} {version}\n"), f"{name} --version")


class Root:
    """This system as it is, and whatever is done to it is in memory; processes and network of its own."""

    LOOPBACK = ("import fcntl, socket, struct; fcntl.ioctl(socket.socket(), 0x8914,"
                " struct.pack('16sh14x', b'lo', 1))")
    START = ("/usr/bin/python3 -c \"" + LOOPBACK + "\" && mount -t tmpfs none {tmp}"
             " && mkdir {tmp}/up {tmp}/work {tmp}/root && mount -t overlay none -o lowerdir=/,upperdir={tmp}/up,workdir={tmp}/work {tmp}/root && mount -t proc none {tmp}/root/proc"
             " && mount -t tmpfs none {tmp}/root/run && mount --bind /dev {tmp}/root/dev && mkdir {tmp}/root/package"
             " && mount --bind {deb} {tmp}/root/package && touch {tmp}/ready && while :; do sleep 0.2; done")  # its first process collects the dead ones

    def __init__(self, tmp, deb):
        self.tmp = tmp
        self.outer = subprocess.Popen(["unshare", "-m", "-n", "-p", "-f", "--kill-child", "sh", "-c",
                                       self.START.format(tmp=tmp, deb=deb)], stderr=subprocess.PIPE, text=True)
        self.first = wait_for(self.started)

    def started(self):
        try:
            child = read(f"/proc/{self.outer.pid}/task/{self.outer.pid}/children").split()[0]
            return child if os.path.exists(f"/proc/{child}/root{self.tmp}/ready") else self.outer.poll() and "gone"
        except (FileNotFoundError, IndexError):
            return self.outer.poll() and "gone"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.outer.send_signal(signal.SIGKILL)
        self.outer.communicate()

    def run(self, command):
        return run("nsenter", "-t", self.first, "-m", "-n", "-p", "chroot", self.tmp + "/root", "sh", "-c", command, env=OWN)

    def does(self, command, name=None, want=0):
        status, said = self.run(command)
        ok(status == want, name or command[:100], f"{command}\n{status}\n{said[-2000:]}")
        return said

    def starts(self, command):
        self.run(f"{command} </dev/null >>/run/started.log 2>&1 &")


NGINX = """cat >/run/nginx.conf <<'EOF'
user www-data; pid /run/nginx.pid; error_log /run/nginx.log;
events {}
http {
    access_log off; client_body_temp_path /run/b; proxy_temp_path /run/p; fastcgi_temp_path /run/f; uwsgi_temp_path /run/u;
    scgi_temp_path /run/s;
    include /etc/nginx/snippets/bookspool*-http.conf;
    server { listen 127.0.0.1:80; include /etc/nginx/snippets/bookspool-server.conf; }
    server { listen 127.0.0.1:81; include /etc/nginx/snippets/bookspool-staging-server.co[n]f; }
}
EOF
"""


def mails(root, state="bookspool"):
    return root.run(f"ls /var/lib/{state}/Maildir/new 2>/dev/null")[1].split()


def first_mail(root):
    root.run("rm -f /var/lib/man-db/auto-update")  # no index of all this system's manuals after each dpkg
    root.does("dpkg -i /package/bookspool_*.deb", "dpkg -i: it asks nothing")
    said = root.does("stat -c '%n %U:%G %a' /etc/bookspool/* /var/spool/bookspool /var/lib/bookspool")
    for want in ("/etc/bookspool/bookspool.conf root:root 644", "/etc/bookspool/receive.env root:bookspool 640",
                 "/etc/bookspool/drain.env root:bookspool 640", "/var/spool/bookspool bookspool:bookspool 2770",
                 "/var/lib/bookspool bookspool:bookspool 2770"):
        ok(want + "\n" in said, want, said)
    root.run("echo CALCOM_WEBHOOK_SECRET=a-secret-for-this-test >>/etc/bookspool/receive.env")
    root.starts("install -d -o bookspool -g www-data -m 2750 /run/bookspool;"
                " exec runuser -u bookspool -- bookspool-fcgi --listen unix:/run/bookspool/fcgi.sock")
    ok(wait_for(lambda: root.run("test -S /run/bookspool/fcgi.sock")[0] == 0), "the receiver starts as the user bookspool",
       root.run("cat /run/started.log")[1])
    root.does(NGINX + f"{tool('nginx')} -e /run/nginx.log -c /run/nginx.conf", "nginx includes the snippets")
    root.does(POST, "a signed booking is accepted")
    root.does("runuser -u bookspool -- bookspool-drain", "drained")
    equal(len(mails(root)), 1, "and there is its mail")


def supervised(root):
    """The receiver and the drain of examples/s6 and examples/runit, under the real ones. s6 looks for its own
    programs in /usr/bin: what tests/bin/deps has unpacked goes there, in the copy."""
    unpacked = os.path.join(os.environ.get("BOOKSPOOL_TOOLS") or os.path.join(TOP, "build/tools"), "unpacked")
    root.run(f"find {unpacked} \\( -name 's6-*' -o -name runsv -o -name chpst \\) -path '*bin/*' -exec cp -n {{}} /usr/bin/ \\;;"
             f" find {unpacked} -name 'libs6.*' -o -name 'libskarnet.*' -o -name 'libexecline.*' -o -name 'libnsss.*' |"
             " xargs -r cp -an -t /usr/lib; ldconfig")
    for name, supervise, wanted in (("s6", "s6-supervise", "s6-setuidgid"), ("runit", "runsv", "chpst")):
        if root.run(f"command -v {supervise} && command -v {wanted}")[0]:
            skip(f"{name} is not installed", 3)
            continue
        root.run(f"cp -r /usr/share/doc/bookspool/examples/{name} /run/{name}; rm -f /run/bookspool/fcgi.sock")
        for service in "bookspool-fcgi", "bookspool-drain":
            root.starts(f"cd /run/{name} && exec {supervise} {'./' * (name == 'runit')}{service}")
        before = len(mails(root))
        ok(wait_for(lambda: root.run("test -S /run/bookspool/fcgi.sock && " + POST)[0] == 0), f"{name}: a booking is accepted",
           root.run("tail -5 /run/started.log")[1])
        equal(root.run("stat -c %U:%G:%a /run/bookspool/fcgi.sock")[1].strip(), "bookspool:www-data:660", f"{name}: by this group")
        ok(wait_for(lambda: len(mails(root)) > before), f"{name}: and mailed", root.run("tail -5 /run/started.log")[1])
        root.run("for pid in $(pgrep -x 's6-supervise|runsv'); do kill -TERM $pid; done;"
                 " for pid in $(pgrep -x 'bookspool-fcgi|bookspool-drain'); do kill $pid; done")
        wait_for(lambda: root.run("pgrep -x 'bookspool-fcgi|bookspool-drain|s6-supervise|runsv'")[0] != 0)


def second_instance(root):
    root.run("mkdir -p /run/bin && printf '#!/bin/sh\\necho systemctl \"$@\" >>/run/systemctl.log\\n' >/run/bin/systemctl"
             " && chmod +x /run/bin/systemctl")
    if root.run("command -v systemd-sysusers && command -v systemd-tmpfiles")[0]:
        return skip("systemd is not installed", 8)
    root.does("PATH=/run/bin:$PATH /usr/share/doc/bookspool/examples/instance.sh staging", "instance.sh staging")
    said = root.run("cat /run/systemctl.log")[1]
    match(said, "enable --now .*bookspool-staging-fcgi.socket", "starts its units")
    match(said, "try-restart bookspool-staging-fcgi.service", "run again after an upgrade, it starts the new receiver")
    ok(not re.search("enable.*(watch|reconcile)", said), "but no reconcile without a token, and one drain", said)
    units = root.run("cat /etc/systemd/system/bookspool-staging-*")[1]
    equal(re.findall(r"(?m)^ExecStart=(.*)$", units).count("/usr/sbin/bookspool-fcgi"), 1, "which run the same programs")
    left = [line for line in units.splitlines() if re.search(r"(/(etc|spool|lib|run)|=)/?bookspool(/|$|-fcgi|-drain)", line)]
    equal(left, [], "and share nothing else")
    root.run("echo CALCOM_WEBHOOK_SECRET=another-secret-for-staging >>/etc/bookspool-staging/receive.env")
    conf = "BOOKSPOOL_CONF=/etc/bookspool-staging/bookspool.conf"
    root.starts(f"install -d -o bookspool-staging -g www-data -m 2750 /run/bookspool-staging; {conf} exec runuser"
                " -u bookspool-staging -- bookspool-fcgi --listen unix:/run/bookspool-staging/fcgi.sock")
    wait_for(lambda: root.run("test -S /run/bookspool-staging/fcgi.sock")[0] == 0)
    root.does(f"kill $(cat /run/nginx.pid); {tool('nginx')} -e /run/nginx.log -c /run/nginx.conf", "nginx takes both")
    before = root.run("ls /var/spool/bookspool/new /var/spool/bookspool/done")[1]
    root.does(f"{conf} {POST.replace('localhost', 'localhost:81')}", "a booking of the second one")
    root.does(f"{conf} runuser -u bookspool-staging -- bookspool-drain")
    equal((len(mails(root, "bookspool-staging")), root.run("ls /var/spool/bookspool/new /var/spool/bookspool/done")[1]),
          (1, before), "is mailed, and the first one knows nothing of it")
    root.does("PATH=/run/bin:$PATH /usr/share/doc/bookspool/examples/instance.sh --remove staging"
              " && ! ls /etc/systemd/system/bookspool-staging* /etc/nginx/snippets/bookspool-staging*", "and removed")
    return None


def upgraded_and_left(root):
    root.run("echo BOOKSPOOL_LANGUAGE=de >>/etc/bookspool/bookspool.conf")
    root.does("cd /run && dpkg-deb -R /package/bookspool_*.deb later && sed -i 's/^Version: .*/Version: 99/' later/DEBIAN/control"
              " && echo '# later' >>later/etc/bookspool/bookspool.conf && dpkg-deb -Znone -b later later.deb && dpkg -i --force-confold later.deb",
              "upgraded")
    root.does("grep -q ^BOOKSPOOL_LANGUAGE=de /etc/bookspool/bookspool.conf && ls /etc/bookspool/bookspool.conf.dpkg-dist"
              " && test $(stat -c %G /etc/bookspool/receive.env) = bookspool", "settings are kept")
    root.does("dpkg -r bookspool && ls /etc/bookspool/receive.env /var/spool/bookspool/done/*", "removed: settings and spool stay")
    said = root.does("dpkg -P bookspool && ls /var/spool/bookspool/done/* && ! ls -d /etc/bookspool", "purged: the spool stays")
    match(said, "kept in /var/spool/bookspool and /var/lib/bookspool", "and the user is informed")
    root.does("dpkg -i /package/bookspool_*.deb && bookspool list done | grep -q .", "installed again: all is there")
    root.does("BOOKSPOOL_PURGE=yes dpkg -P bookspool && ! ls -d /var/spool/bookspool /var/lib/bookspool", "nothing is to be kept")
    root.does("dpkg -i /package/bookspool_*.deb && dpkg -P bookspool && ! ls -d /var/spool/bookspool /var/lib/bookspool",
              "without a booking a purge leaves nothing")


def package():
    if os.getuid() != 0:
        return skip("only root can install a package")
    with tempfile.TemporaryDirectory() as tmp:
        status, said = run("unshare", "-n", "make", "-C", TOP, f"B={tmp}", f"DEB_BUILT={BIN}", "DEB_OPTIONS=nocheck noautodbgsym", "deb")
        if not ok(status == 0, "make deb, without a network", said[-3000:]):
            return None
        equal(sorted(os.listdir(TOP)), sorted({"src", "tests", "nginx", "examples", "Makefile", "LICENSE", "README.md"} |
                                              (set(os.listdir(TOP)) & {"build", ".git", ".ci", ".gitignore", ".clang-format"})),
              "and leaves nothing in the tree")
        changes = glob.glob(tmp + "/deb/*.changes")[0]
        status, said = run("lintian", "--allow-root", "--pedantic", "--display-info", "--fail-on=error,warning,info,pedantic",
                           "--suppress-tags=hardening-no-fortify-functions", changes)
        ok(status == 0 and not re.search("^[A-Z]: ", said, re.M), "lintian finds nothing, pedantic included", said)
        os.mkdir(tmp + "/copy")
        with Root(tmp + "/copy", tmp + "/deb") as root:
            if root.first == "gone":
                return skip("no overlay of this system can be mounted")
            first_mail(root)
            root.run("for pid in $(pgrep -x bookspool-fcgi); do kill $pid; done")
            wait_for(lambda: root.run("pgrep -x bookspool-fcgi")[0] != 0)
            supervised(root)
            second_instance(root)
            upgraded_and_left(root)
    return None


# ---- stores of secrets ----

STORES = {
    "gopass": '#!/bin/sh\n[ "$1 $2" = "show --password" ] || exit 2\ncase $3 in\n'
              "bookings/CALCOM_WEBHOOK_SECRET) echo from-gopass-0001 ;;\nbookings/SENDGRID_API_KEY) echo SG.x ;;\n*) exit 11 ;;\nesac\n",
    "infisical": '#!/bin/sh\ncase $1 in\nlogin) [ "$*" = "login --method=universal-auth --plain --silent" ] || exit 2\n'
                 '[ "$INFISICAL_UNIVERSAL_AUTH_CLIENT_ID:$INFISICAL_UNIVERSAL_AUTH_CLIENT_SECRET" = i:s ] || exit 1; echo t ;;\n'
                 'export) [ "$*" = "export --projectId=p --env=prod --path=/bookspool --format=dotenv" ] || exit 2\n'
                 '[ "$INFISICAL_TOKEN" = t ] || exit 1\n'
                 "printf \"%s\\n\" \"CALCOM_WEBHOOK_SECRET='from-infisical-1'\" \"SENDGRID_API_KEY='SG.y'\" \"UNRELATED='z'\" ;;\nesac\n",
}


def stores():
    """Stand-ins of gopass and of Infisical's client: they take the arguments and print the lines that the sources of
    both programs do. The real client refuses a machine identity that names no project."""
    with tempfile.TemporaryDirectory() as tmp:
        for name, text in STORES.items():
            with open(os.path.join(tmp, name), "w", encoding="utf-8") as file:
                file.write(text)
            os.chmod(os.path.join(tmp, name), 0o755)
        shutil.copy(os.path.join(EXAMPLES, "bookspool.conf"), tmp)
        with open(os.path.join(tmp, "all.env"), "w", encoding="utf-8") as file:
            file.write("export CALCOM_WEBHOOK_SECRET=from-one-file-01\nPORT=80\nSENDGRID_API_KEY='SG.z'\n")
        env = {**OWN, "PATH": f"{tmp}:{OWN['PATH']}", "ETC": tmp, "EXAMPLES": EXAMPLES, "GROUP": str(os.getgid()),
               "INFISICAL_TOKEN": "t"}
        script = os.path.join(EXAMPLES, "secrets/secrets.sh")
        for want, args in (("from-gopass-0001", ["gopass", "bookings"]), ("from-infisical-1", ["infisical", "p", "prod", "/bookspool"]),
                           ("from-one-file-01", ["env", tmp + "/all.env"])):
            status, said = run(script, *args, env=env)
            ok(status == 0, "secrets.sh " + args[0], said)
            receive, drain = read(tmp, "receive.env"), read(tmp, "drain.env")
            ok(want in receive and "SG." not in receive and "UNRELATED" not in receive, "the receiver's", receive)
            ok("SG." in drain and want not in drain, "the drain's", drain)
            equal(oct(os.stat(tmp + "/receive.env").st_mode & 0o777), "0o640", "for their readers only")
            status, said = run(os.path.join(BIN, "bookspool"), "sign", "calcom", os.path.join(EXAMPLES, "bodies/calcom/ping.json"),
                               env={**OWN, "BOOKSPOOL_CONF": tmp + "/bookspool.conf"})
            match(said, "(?i)^x-cal-signature-256: [0-9a-f]{64}", "bookspool reads it")
        before = read(tmp, "receive.env")
        args, identity = (script, "infisical", "p", "prod", "/bookspool"), {"INFISICAL_TOKEN": "",
                                                                             "INFISICAL_UNIVERSAL_AUTH_CLIENT_ID": "i"}
        equal(run(*args, env={**env, **identity})[0], 69, "a store that does not answer")
        equal(run(script, "gopass", "nothing", env=env)[0], 66, "a store without them")
        equal(read(tmp, "receive.env"), before, "changes nothing")
        equal(run(*args, env={**env, **identity, "INFISICAL_UNIVERSAL_AUTH_CLIENT_SECRET": "s"})[0], 0, "a machine identity")
        match(read(tmp, "receive.env"), "from-infisical-1", "gets a token of its own")


run_parts((changes_and_version, installed, stores, package))
finish()
