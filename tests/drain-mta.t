#!/usr/bin/python3
"""Through a whole mail server: Postfix, from an own folder and on an own port, into a Maildir.

Its master wants to be root and two users that nothing else runs as; it is started, never
installed, from where tests/bin/deps unpacked it, or from where the system has it."""

import glob
import grp
import os
import pwd
import socket
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from bookspool import (PATIENCE, TOP, bail, equal, finish, free_port, match, ok, skip_all,  # noqa: E402
                       wait_for)
from mailbox import Diary, Office, read_folder  # noqa: E402

SERVICES = """\
{port} inet n - n - - smtpd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
anvil unix - - n - 1 anvil
retry unix - - n - - error
error unix - - n - - error
virtual unix - n n - - virtual
postlog unix-dgram n - n - 1 postlogd
"""
SETTINGS = """\
compatibility_level = 3.6
queue_directory = {dir}/queue
data_directory = {dir}/data
daemon_directory = {home}/sbin
command_directory = {home}/sbin
shlib_directory = no
meta_directory = {dir}/etc
mail_owner = {owner}
setgid_group = {group}
default_privs = nobody
import_environment = PATH=/usr/bin:/bin LD_LIBRARY_PATH={libraries} MAIL_CONFIG={dir}/etc
maillog_file = {dir}/mail.log
maillog_file_prefixes = {dir}
myhostname = mta.example.org
mydestination =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
alias_maps =
local_recipient_maps =
smtpd_relay_restrictions = reject_unauth_destination
virtual_mailbox_domains = example.org
virtual_mailbox_base = {dir}/mail
virtual_mailbox_maps = inline:{{ {{ owner@example.org = owner/ }} }}
virtual_uid_maps = static:{uid}
virtual_gid_maps = static:{gid}
virtual_minimum_uid = 1
smtputf8_enable = no
"""
QUEUE = "active bounce corrupt defer deferred flush hold incoming private saved trace".split()
OWNER, GROUP = "daemon", "games"  # Debian's, of which nothing here makes use


def find_postfix():
    """Its folder, and where its libraries are."""
    tools = os.environ.get("BOOKSPOOL_TOOLS") or os.path.join(TOP, "build/tools")
    for root in ("/", os.path.join(tools, "unpacked")):
        home = os.path.join(root, "usr/lib/postfix")
        if os.path.exists(os.path.join(home, "sbin/master")):
            found = [home + "/"] if root == "/" else glob.glob(f"{root}/**/lib*.so*", recursive=True)
            return home, ":".join(sorted({os.path.dirname(path) for path in found}))
    return skip_all("Postfix is not there: run tests/bin/deps check")


class Postfix:
    """In a folder of the office's own; .port, .folder, and .log() for a person."""

    def __init__(self, office, home, libraries):
        self.office, self.dir, self.port = office, office.path("postfix"), free_port()
        self.folder = os.path.join(self.dir, "mail/owner/new")
        owner, group = pwd.getpwnam(OWNER), grp.getgrnam(GROUP)
        os.chmod(office.dir, 0o711)  # its users pass through
        for name in ("", "etc", "queue", "queue/pid"):
            os.mkdir(os.path.join(self.dir, name), 0o755)
        for name in [f"queue/{name}" for name in QUEUE] + ["data", "mail"]:
            self._make(name, 0o700, owner.pw_uid, -1)
        self._make("queue/maildrop", 0o730, owner.pw_uid, group.gr_gid)
        self._make("queue/public", 0o710, owner.pw_uid, group.gr_gid)
        values = {"dir": self.dir, "home": home, "owner": OWNER, "group": GROUP, "port":
                  f"127.0.0.1:{self.port}", "uid": owner.pw_uid, "gid": owner.pw_gid,
                  "libraries": libraries}
        for name, text in (("main.cf", SETTINGS), ("master.cf", SERVICES)):
            with open(os.path.join(self.dir, "etc", name), "w", encoding="ascii") as file:
                file.write(text.format(**values))
        # a session of its own: at its end master signals its process group
        self.process = office.start(
            ["setsid", os.path.join(home, "sbin/master"), "-c", self.dir + "/etc", "-d"],
            "postfix.log", {"LD_LIBRARY_PATH": libraries, "MAIL_CONFIG": self.dir + "/etc"})
        if not wait_for(self._answers):
            bail("Postfix does not start: " + self.log())

    def _make(self, name, mode, uid, gid):
        path = os.path.join(self.dir, name)
        os.mkdir(path)
        os.chmod(path, mode)
        os.chown(path, uid, gid)

    def _answers(self):
        if self.process.poll() is not None:
            bail("Postfix ends: " + self.log())
        with socket.socket() as probe:
            probe.settimeout(PATIENCE)
            return probe.connect_ex(("127.0.0.1", self.port)) == 0 and probe.recv(3) == b"220"

    def log(self):
        try:
            with open(os.path.join(self.dir, "mail.log"), encoding="utf-8") as file:
                return file.read() + self.office.log("postfix.log")
        except FileNotFoundError:
            return self.office.log("postfix.log")

    def delivered(self, count):
        """The letters in the owner's Maildir, once there are so many."""
        wait_for(lambda: os.path.isdir(self.folder) and len(os.listdir(self.folder)) >= count)
        return read_folder(self.folder)


def story(office, postfix):
    office.arrive("calcom", "booking_created", "A")
    office.arrive("calendly", "invitee_created", "B", 0.25)
    office.arrive("calcom", "booking_rescheduled", "C", 24, "A", title="=?utf-8?q?x?= Zoë <b>,;")
    office.arrive("calendly", "invitee_canceled", "B", 0.25)
    equal(office.drained().returncode, 0, "the drain hands four mails to Postfix")
    equal((len(office.spool("sent")), office.spool("out")), (4, []), "which takes them all")
    letters = postfix.delivered(4)
    ok(len(letters) == 4, "and delivers them", postfix.log()[-3000:])
    equal([letter.says for letter in letters], ["New booking", "New booking", "Moved", "Cancelled"],
          "each one, once")
    equal([letter.faults for letter in letters], [[]] * 4, "and readers find no fault")
    match(letters[2].subject, r"^Moved: Ada Example, now .*: =\?utf-8\?q\?x\?= Zoë <b>,;", "with what was typed")
    match(letters[1].fact("Overlaps"), r"\(Cal\.com\)$", "and what the ledger knew")
    diary = Diary()
    for letter in letters:
        diary.take(letter)
    equal((len(diary.entries), [when.day for when in diary.live]), (2, [25]),
          "in the calendar stands what is left")
    stored = {name[:32]: office.record("sent", name)[1] for name in office.spool("sent")}
    lines = [letter.raw.partition(b"\nDate:")[2] for letter in letters]
    wanted = [stored[letter.mail["X-Bookspool-Id"]].replace(b"\r\n", b"\n").partition(b"Date:")[2]
              for letter in letters]
    equal(lines, wanted, "not a byte of theirs is changed on the way")
    equal({letter.mail["Return-Path"] for letter in letters}, {"<bookspool@example.org>"},
          "from the sender that the settings name")


def refused(office):
    office.arrive("calcom", "booking_created", "Z", 60)
    office.drained(BOOKSPOOL_MAIL_TO="nobody.here@example.org")
    failed = [name for name in office.spool("failed") if not name.endswith(".why")]
    equal(len(failed), 1, "an unknown recipient is refused, and that is final")
    with open(os.path.join(office.spool_dir, "failed", failed[0] + ".why"), encoding="utf-8") as file:
        match(file.read(), "550 5.1.1", "for the reason that Postfix gave")


if os.getuid() != 0:
    skip_all("Postfix's master wants to be started by root")
found = find_postfix()
with Office(BOOKSPOOL_TRANSPORT=None) as room:
    server = Postfix(room, *found)
    room.write_settings("drain.env", {
        "BOOKSPOOL_TRANSPORT": f"smtp+plain://127.0.0.1:{server.port}"})
    story(room, server)
    refused(room)
    room.stop(server.process)
finish()
