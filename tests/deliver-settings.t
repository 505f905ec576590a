#!/usr/bin/python3
"""The drain and `bookspool check` never disagree about a transport: one table of settings, and both
say the same words about each."""

import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from bookspool import World, diag, equal, finish, match, ok, sample

DONE, BLOCKED, WRONG = 0, 75, 78
SENDGRID = {"SENDGRID_API_KEY": "SG.made-up"}
LOGIN = {"BOOKSPOOL_SMTP_USER": "robot", "BOOKSPOOL_SMTP_PASSWORD": "hush"}

# transport, more settings, the drain's exit status, a part of what both say (None: nothing is wrong)
ROWS = (
    ("maildir:{dir}/Maildir", {}, DONE, None),
    ("maildir:{dir}/Maildir", {**LOGIN, "BOOKSPOOL_MAIL_FROM": None}, DONE, None),
    ("mail.example.org:587", {}, WRONG, r"must be one of maildir:/absolute/path, smtp://HOST"),
    ("maildir:Maildir", {}, WRONG, r"must be maildir:/absolute/path"),
    ("sendmail:sendmail", {}, WRONG, r"must be sendmail:/absolute/path"),
    ("maildir:/a, maildir:/b, maildir:/c", {}, WRONG, r"at most two"),
    ("maildir:{dir}/Maildir, ", {}, WRONG, r'"" must be one of'),
    ("sendgrid:eu", SENDGRID, WRONG, r"must be sendgrid:"),
    ("smtp://host:99999", {}, WRONG, r"its port must be a number from 1 to 65535"),
    ("smtp://host:smtp", {}, WRONG, r"its port must be a number from 1 to 65535"),
    ("smtp://", {}, WRONG, r"there is no host in it"),
    ("smtp://host/path", {}, WRONG, r"nothing may follow the host"),
    ("smtp://robot:hush@host", {}, WRONG, r"set BOOKSPOOL_SMTP_USER"),
    ("smtp+plain://192.0.2.1", {}, WRONG, r"it has no TLS and is for 127\.0\.0\.1"),
    ("smtp+plain://127.0.0.1", LOGIN, WRONG, r"BOOKSPOOL_SMTP_USER: smtp\+plain:// takes no login"),
    ("smtp://host", {"BOOKSPOOL_SMTP_USER": "robot"}, WRONG, r"BOOKSPOOL_SMTP_USER: needs"),
    ("smtp://host,smtps://other", {"BOOKSPOOL_SMTP_USER": "robot"}, WRONG,
     r"BOOKSPOOL_SMTP_USER: needs"),
    ("smtp://host", {"BOOKSPOOL_SMTP_PASSWORD": "hush"}, WRONG, r"BOOKSPOOL_SMTP_USER: is required"),
    ("smtp://host", {**LOGIN, "BOOKSPOOL_SMTP_TOKEN": "hush"}, WRONG, r"both set"),
    ("smtp://host", {"BOOKSPOOL_SMTP_USER": "robot", "BOOKSPOOL_SMTP_TOKEN": "hu sh"}, WRONG,
     r"BOOKSPOOL_SMTP_TOKEN: must be one word"),
    ("smtp://host", {**LOGIN, "BOOKSPOOL_SMTP_AUTH": "MAGIC"}, WRONG,
     r'BOOKSPOOL_SMTP_AUTH: "MAGIC" must be auto or, with a password, one of PLAIN, LOGIN, CRAM-MD5'),
    ("smtp://host", {**LOGIN, "BOOKSPOOL_SMTP_AUTH": "XOAUTH2"}, WRONG, r"must be auto or, with a password"),
    ("smtp://host", {"BOOKSPOOL_SMTP_USER": "robot", "BOOKSPOOL_SMTP_TOKEN": "hush", "BOOKSPOOL_SMTP_AUTH": "plain"},
     WRONG, r"must be auto or, with a token, one of OAUTHBEARER, XOAUTH2$"),
    ("maildir:{dir}/Maildir,smtp://host", {**LOGIN, "BOOKSPOOL_SMTP_AUTH": "ntlm"}, DONE, None),
    ("maildir:{dir}/Maildir,smtps://host", {**LOGIN, "BOOKSPOOL_SMTP_AUTH": "Auto"}, DONE, None),
    ("smtp://host", {"BOOKSPOOL_EHLO": "two words"}, WRONG, r"BOOKSPOOL_EHLO: must be a host name"),
    ("smtp://host", {"BOOKSPOOL_MAIL_FROM": None}, WRONG, r"BOOKSPOOL_MAIL_FROM: is required"),
    ("maildir:{dir}/Maildir,smtp://host", {"BOOKSPOOL_MAIL_TO": None}, WRONG,
     r"BOOKSPOOL_MAIL_TO: is required"),
    ("sendgrid:", {}, WRONG, r"SENDGRID_API_KEY: is required"),
    ("sendgrid:", {"SENDGRID_API_KEY": "hush hush"}, WRONG, r"SENDGRID_API_KEY: must be one word"),
    ("sendgrid:", {"SENDGRID_API_KEY": "h\u00fcsh"}, WRONG, r"SENDGRID_API_KEY: must be one word"),
    ("sendgrid:", {**SENDGRID, "SENDGRID_API_BASE": "http://api.sendgrid.com"}, WRONG,
     r"SENDGRID_API_BASE: must be https://HOST"),
    *(("sendgrid:", {**SENDGRID, "SENDGRID_API_BASE": base}, WRONG, r"SENDGRID_API_BASE: must be https://HOST")
      for base in ("https://u@api.sendgrid.com", "https://u:p@api.sendgrid.com",
                   "https://api.sendgrid.com?q", "https://api.sendgrid.com#f")),
    ("maildir:/nowhere/at/all", {}, BLOCKED, r"Maildir /nowhere/at/all cannot be used: /nowhere/at:"),
    ("maildir:{dir}/file", {}, BLOCKED, r"/file: Not a directory"),
    ("sendmail:/nowhere/sendmail", {}, BLOCKED, r"cannot be started: No such file"),
    ("sendmail:/etc/passwd", {}, BLOCKED, r"cannot be started: Permission denied"),
    ("maildir:{dir}/Maildir,sendmail:/nowhere/sendmail", {}, DONE, r"sendmail /nowhere/sendmail"),
    ("maildir:{dir}/Maildir", {"BOOKSPOOL_TLS_CA": "/nowhere/ca.pem"}, DONE,
     r"BOOKSPOOL_TLS_CA: /nowhere/ca\.pem: No such file"),
)


def said_by_drain(stderr):
    return re.findall(r"(?m)^\S+ - transport: (.*)", stderr)


def said_by_check(stdout):
    return re.findall(r"(?m)^fail +(.*)", stdout)


def rows():
    for transport, more, code, words in ROWS:
        with World() as world:
            with open(world.path("file"), "w", encoding="ascii"):
                pass
            transport = transport.format(dir=world.dir)
            what = " ".join((transport.replace(world.dir, "DIR"), *more))
            settings = {"BOOKSPOOL_MAIL_TO": "owner@shop.test",
                        "BOOKSPOOL_MAIL_FROM": "bookspool@shop.test",
                        "BOOKSPOOL_SPOOL": world.spool_dir, "BOOKSPOOL_STATE": world.state_dir,
                        "BOOKSPOOL_TRANSPORT": transport}
            secret = {name: value for name, value in more.items()
                      if name.endswith(("PASSWORD", "TOKEN", "API_KEY"))}
            world.write_settings("bookspool.conf", {**settings, **{
                name: value for name, value in more.items() if name not in secret}})
            world.write_settings("drain.env", secret)
            world.put_event("new", "calcom", sample("calcom", "booking_created"))
            checked = world.run("bookspool", "check")
            done = world.drain()
            equal((done.returncode, checked.returncode), (code, WRONG if words else DONE),
                  f"{what}: exit status") or diag(done.stderr + checked.stdout)
            drain, check = said_by_drain(done.stderr), said_by_check(checked.stdout)
            equal(drain, check, f"{what}: the drain and check say the same")
            equal(len(check), int(words is not None), f"{what}: one fault")
            if words:
                match("".join(check), words, f"{what}: it is explained")
            ok("hush" not in done.stderr + checked.stdout, f"{what}: no secret is printed")
            equal(len(world.spool("new")), int(code == WRONG),
                  f"{what}: {'nothing is touched' if code == WRONG else 'the event becomes a mail'}")


def dry_run():
    """Its mails are only printed, so a place that cannot be used is no obstacle; a wrong setting is."""
    for transport, code in (("maildir:/nowhere/at/all", DONE), ("smtp://host:99999", WRONG)):
        with World(drain={"BOOKSPOOL_TRANSPORT": transport}) as world:
            done = world.drain("--dry-run")
            equal(done.returncode, code, f"--dry-run with {transport}") or diag(done.stderr)


if __name__ == "__main__":
    rows()
    dry_run()
    finish()
