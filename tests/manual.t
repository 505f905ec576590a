#!/usr/bin/python3
"""The manual pages say what the programs do: settings, options, reason codes, examples."""

import glob
import json
import os
import re
import shlex
import shutil
import sqlite3
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from bookspool import (PATIENCE, TOP, World, diag, equal, finish, free_port, id_of,  # noqa: E402
                       match, ok, program, sample, skip, tool)

PAGES = ("src/receive/bookspool-fcgi.8", "src/drain/bookspool-drain.8", "src/tool/bookspool.1",
         "src/base/bookspool.conf.5", "src/spool/bookspool-spool.5",
         "src/mail/bookspool-templates.5", "src/base/bookspool.7")
ESCAPES = {r"\(aq": "'", r"\(ha": "^", r"\(ti": "~", r"\(ga": "`", r"\&": "", r"\e": "\\",
           r"\(`u": "ù", r"\('e": "é"}


def read(*names):
    with open(os.path.join(TOP, *names), encoding="utf-8") as file:
        return file.read()


def plain(source):
    """The text of a line or a literal display of mdoc."""
    return re.sub(r"\\(?:\(..|.)", lambda found: ESCAPES[found[0]], source)


def displays(page):
    found = re.findall(r"^\.Bd -literal.*?\n(.*?)^\.Ed$", page, re.M | re.S)
    return [plain(text) for text in found]


def sections(page, macro):
    """Text by title of the .Sh or .Ss sections."""
    parts = re.split(rf"^\.{macro} (.*)\n", page, flags=re.M)
    texts = (re.split(r"^\.Sh ", text, flags=re.M)[0] for text in parts[2::2])
    return dict(zip(parts[1::2], texts))


def none_missing(missing, name):
    missing = sorted(missing)
    ok(not missing, name, "missing: " + ", ".join(missing))


def well_formed():
    for page in PAGES:
        if not shutil.which("mandoc"):
            skip("mandoc is not installed")
            continue
        done = subprocess.run(["mandoc", "-T", "lint", "-W", "warning", os.path.join(TOP, page)],
                              capture_output=True, text=True)
        ok(done.returncode == 0, f"{page} is well-formed", done.stdout + done.stderr)


# ---- settings ----

UNITS = {"s": 1000, "m": 60000, "h": 3600000, "d": 86400000,
         "K": 1 << 10, "M": 1 << 20, "G": 1 << 30}
CONSTANTS = {"SECOND": 1000, "MINUTE": 60000, "HOUR": 3600000, "DAY": 86400000,
             "KIB": 1 << 10, "MIB": 1 << 20, "GIB": 1 << 30}
KNOWN_TO = {"ALL": "all programs", "RECEIVE": "receiver", "DRAIN": "drain", "CONF_TOOL": "tool"}


class Setting:
    """A row of the table in src/base/settings.c."""

    def __init__(self, name, kind, fallback, rest):
        self.name, self.kind = name, kind
        self.fallback = None if fallback == "NULL" else fallback.strip('"')
        bounds = re.match(r",\s*([\w\s*]+),\s*([\w\s*]+),", rest)
        self.bounds = [self.product(text) for text in bounds.groups()] if bounds else None
        words = re.search(r'\.words = "([^"]*)"', rest)
        self.words = words[1].split() if words else []
        self.known_to = KNOWN_TO[re.search(r"\.programs = (\w+)", rest)[1]]
        self.secret, self.later = ".secret" in rest, ".later" in rest

    @staticmethod
    def product(text):
        result = 1
        for factor in text.split("*"):
            result *= CONSTANTS.get(factor.strip()) or int(factor)
        return result

    def amount(self, text):
        """A bound as the page writes it, in the table's unit."""
        number, unit = re.fullmatch(r"(\d+)([smhdKMG]?)", text).groups()
        return int(number) * (UNITS[unit] if unit else 1000 if self.kind == "SECONDS" else 1)


def all_settings():
    rows = re.findall(r'\{"([A-Z0-9_]+)",\s*SETTING_(\w+),\s*(NULL|"[^"]*")(.*?)\},\n',
                      read("src/base/settings.c"), re.S)
    settings = [Setting(*row) for row in rows]
    count = len(re.findall(r"^    \[SET_", read("src/base/settings.c"), re.M))
    equal(len(settings), count, "the table of settings is understood here")
    return settings


def entry_of(page, setting):
    end = r"^\.(?:It Ev|El$|Ss|Sh)"
    found = re.search(rf"^\.It Ev {setting.name}\n(.*?)(?={end})", page, re.M | re.S)
    return found[1] if found else ""


def what_is_wrong(setting, entry):
    """How the head of an entry of bookspool.conf.5 differs from the table; '' where it does not."""
    head, _, rest = entry.partition(f"\n{setting.known_to}.\n")
    if not rest:
        return "who may know it"
    default = f"\ndefault\n.Cm {setting.fallback} ;" if setting.fallback else "\nno default;"
    if not head.endswith(default):
        return "the default"
    bounds = [setting.amount(text)
              for text in re.findall(r"^\.Cm (\d\w*)", head.removesuffix(default), re.M)]
    if setting.bounds and bounds not in (setting.bounds, setting.bounds[1:]):
        return f"the bounds: {bounds}, not {setting.bounds}"
    if any(f"\n.Cm {word}" not in head for word in setting.words):
        return "the words"
    if (".Em Secret ." in rest) != setting.secret or ("No effect yet ." in rest) != setting.later:
        return "the marks"
    return ""


def example_file(setting):
    if not setting.secret:
        return "bookspool.conf"
    return "drain.env" if setting.known_to == "drain" else "receive.env"


def described(settings):
    page = read("src/base/bookspool.conf.5")
    examples = {name: read("examples", name).splitlines()
                for name in ("bookspool.conf", "receive.env", "drain.env")}
    for setting in settings:
        wrong = what_is_wrong(setting, entry_of(page, setting))
        ok(not wrong, f"{setting.name} is described as it is", f"differs: {wrong}")
        line = f"{setting.name}={setting.fallback or ''}"
        given = [text for text in examples[example_file(setting)]
                 if text.lstrip("#").startswith(line)]
        good = len(given) == 1 and (given[0] == f"#{line}" or not setting.fallback)
        ok(good, f"{setting.name} stands in examples/{example_file(setting)}", given)
    names = {setting.name for setting in settings} | {"BOOKSPOOL_CONF"}
    others = set(re.findall(r"^\.It Ev ([A-Z_]+)$", page, re.M)) - names
    equal(others, set(), "no other settings are described")


# ---- command lines ----


def help_of(world, name, *args):
    done = world.run(name, *args, "--help")
    equal(done.returncode, 0, f"{' '.join((name, *args))} --help works")
    return done.stdout


def options_in(text):
    return set(re.findall(r"(?<![\w-])--([a-z][a-z-]+)", text))


def options_described(text):
    return set(re.findall(r"\bFl -([a-z][a-z-]*[a-z])", text))


def letters(world):
    """-h and -V, as most programs have them."""
    version = re.search(r'"([\d.]+)"', read("src/base/version.h"))[1]
    for name in ("bookspool-fcgi", "bookspool-drain", "bookspool"):
        for letter, word in (("-h", "--help"), ("-V", "--version")):
            done, long = world.run(name, letter), world.run(name, word)
            equal((done.returncode, done.stdout), (0, long.stdout), f"{name} {letter} is {word}")
        equal(done.stdout, f"{name} {version}\n", "with name and version")
    equal(world.run("bookspool", "list", "-h").stdout, help_of(world, "bookspool", "list"),
          "-h of a command, too")
    equal(world.run("bookspool", "list", "-j").returncode, 64, "other letters are refused")


def command_lines(world):
    letters(world)
    for name, page in (("bookspool-fcgi", PAGES[0]), ("bookspool-drain", PAGES[1])):
        missing = options_in(help_of(world, name)) - options_described(read(page))
        none_missing(missing, f"{page} describes all options")
    overview, page = help_of(world, "bookspool"), read(PAGES[2])
    missing = options_in(overview) - options_described(page)
    none_missing(missing, f"{PAGES[2]} describes the common options")
    commands = re.findall(r"^  ([a-z]+) ", overview, re.M)
    ok(len(commands) > 5, "bookspool --help lists subcommands", overview)
    titles = sections(page, "Ss")
    none_missing(set(commands) - set(titles), f"each has its section in {PAGES[2]}")
    for command in commands:
        missing = options_in(help_of(world, "bookspool", command))
        missing -= options_described(titles.get(command, "")) | {"help"}
        none_missing(missing, f"the section on {command} describes its options")
        for action in re.findall(r"^  ([a-z-]+) ", help_of(world, "bookspool", command), re.M):
            if command not in ("calcom", "calendly"):
                continue
            missing = options_in(help_of(world, "bookspool", command, action)) - options_described(titles[command])
            none_missing(missing, f"and those of {action}")
            match(titles[command], rf"\.It Cm {action}\b" if command == "calendly" else rf"\b{action}\b",
                  f"and {action} itself")


# ---- reason codes ----


def reasons_of(*patterns):
    """Reason codes as they stand in calls of the log, and where the receiver sets its own."""
    found = set()
    for path in (path for pattern in patterns for path in glob.glob(os.path.join(TOP, pattern))):
        source = read(path)
        arguments = re.findall(r"\blog_(?:error|warn|info|debug|lines)\([^,;]*,([^,;]*)", source)
        arguments += re.findall(r"\blog_line\([^,;]*,[^,;]*,([^,;]*)", source)
        found.update(re.findall(r'"([a-z-]+)"', " ".join(arguments)))
        found.update(re.findall(r'\bset\((?:j), REPLY_\w+, [^;"]*"([a-z-]+)"\)', source))
        found.update(re.findall(r'\breason = "([a-z-]+)"', source))
    return found


def reasons_of_transports():
    """As the manual writes them: "smtp-STEP-CODE", "sendmail-exit-N"."""
    prefixes = set(re.findall(r"\.open = (\w+)_open", read("src/deliver/transport.c"))) | {"second"}
    source = "".join(read(path) for path in glob.glob(os.path.join(TOP, "src/deliver/*.c")))
    source = source.replace("smtp-%s-%d-%s", "smtp-%s-%d").replace("smtp-%s-%s", "smtp-%s-lost")
    source = source.replace('"smtp-dot-%d"', "")
    source = source.replace("sendgrid-400-%.*s", "").replace("sendgrid-%ld", "sendgrid-STATUS")
    source = source.replace("smtp-%s-%d", "smtp-STEP-CODE").replace("smtp-%s", "smtp-STEP")
    source = source.replace("sendgrid-%s", "sendgrid-lost").replace("-%d", "-N")
    rows = re.sub(r"/\*.*?\*/", "", read("src/deliver/smtp_outcome.c"), flags=re.S)
    causes = set(re.findall(r'OUTCOME_[A-Z]+,\s*"([a-z]+)"', rows))
    ok(len(causes) > 6, "what the tables of refusals say is found here", causes)
    source = source.replace("sendgrid-%ld-%s", "")
    found = set(re.findall(rf'"((?:{"|".join(sorted(prefixes))})-[A-Za-z-]+)"', source))
    found.update(f"smtp-STEP-CODE-{cause}" for cause in causes)
    found.update(f"sendgrid-STATUS-{cause}" for cause in ("limit", "sender"))
    table = read("src/deliver/outcome.c")
    for word in re.findall(r'\{CURLE_\w+, OUTCOME_\w+, "(\w+)"\}', table):
        found.update(f"{prefix}-{word}-N" for prefix in re.findall(
            r'outcome_by_curl\(result, "(\w+)"', source))
    return found - {"second-transport"}


def diagnosed(page):
    text = sections(read(page), "Sh")["DIAGNOSTICS"]
    return {word for line in re.findall(r"^\.It (.*)", text, re.M)
            for word in re.findall(r"(?<![\w-])[a-z]+(?:-[a-z]+)*(?![\w-])", line)}


def reason_codes():
    common = reasons_of("src/base/conf.c", "src/base/counters.c")
    received = common | reasons_of("src/receive/*.c")
    received |= set(re.findall(r'\{\d+, "[^"]*", "([a-z-]+)",', read("src/receive/reply.c")))
    received |= set(re.findall(r'"(signature-[a-z-]+)"', read("src/provider/signature.c")))
    # Never a line of their own: written as another code, or as part of `stale`.
    received -= {"signature-right", "signature-no-secret", "held", "known",
                 "malformed", "signature", "unavailable"}
    received |= {code for name in ("health", "tokens", "facts") for code in re.findall(
        r'"([a-z]+(?:-[a-z]+)+)"', read(f"src/health/{name}.c")) if not code.startswith("signature-")}
    ok(len(received) > 40, "the receiver's reason codes are found here", received)
    none_missing(received - diagnosed(PAGES[0]), f"{PAGES[0]} explains all reason codes")
    drained = common | reasons_of("src/drain/*.c", "src/deliver/*.c", "src/report/*.c", "src/api/*.c")
    ok(len(drained) > 25, "the drain's reason codes are found here", drained)
    none_missing(drained - diagnosed(PAGES[1]), f"{PAGES[1]} explains all reason codes")
    outcomes = reasons_of_transports()
    ok(len(outcomes) > 40, "the transports' reason codes are found here", outcomes)
    text = sections(read(PAGES[1]), "Sh")["DIAGNOSTICS"]
    items = " ".join(re.findall(r"^\.It (.*)", text, re.M))
    named = set(re.findall(r"[\w-]+", re.sub(r" Ns( Ar)? ?", "", items)))
    none_missing(outcomes - named, f"{PAGES[1]} explains all reason codes of transports")


# ---- examples ----


def run_shell(commands, cwd):
    return subprocess.run(["sh", "-eu", "-c", commands], cwd=cwd, capture_output=True, text=True)


def spool_examples(world):
    texts = displays(read("src/spool/bookspool-spool.5"))
    shown = [text.replace("|\n", "|").splitlines() for text in texts if text.startswith("$ ")]
    equal(len(shown), 5, "bookspool-spool.5 shows how names are computed")
    for command, *output in shown:
        done = run_shell(command[2:], world.dir)
        equal(done.stdout.splitlines(), output, f"its example is right: {command[:40]}...")
    writers = [text for text in texts if "echo" in text]
    equal(len(writers), 1, "it shows a writer")
    body = b'{"triggerEvent":"BOOKING_CREATED"}'
    with open(os.path.join(world.spool_dir, "body"), "wb") as file:
        file.write(body)
    world.drain()  # makes the directories
    done = run_shell(writers[0], world.spool_dir)
    ok(done.returncode == 0, "the writer works", done.stderr)
    world.drain()
    equal(world.spool("done"), [id_of("calcom", body)], "and the drain takes what it wrote")
    equal(len(world.mails()), 1, "and mails it")


def template_limits():
    limits = sections(read(PAGES[5]), "Sh")["LIMITS"]
    source = read("src/mail/template.h") + read("src/mail/template_files.h")
    bounds = re.findall(r"TEMPLATE_\w+_MAX = (\d+)(?: << (\d+))?", source)
    ok(len(bounds) > 4, "the bounds of templates are found here", bounds)
    bounds = {str(int(number) << int(shift or 0)) for number, shift in bounds}
    none_missing(bounds - set(re.findall(r"\d+", limits)), f"{PAGES[5]} tells all bounds")


def template_values():
    """Every name that the view gives to templates; what only words see stands in en.lang."""
    source = "".join(read(name) for name in sorted(glob.glob(os.path.join(TOP, "src/mail/view*.c"))))
    calls = re.findall(r'\b(?:view_(?:text|number|flag|say|object|array|lines|add_\w+)'
                       r'|add_(?:time|moment|persons|clipped|name|number))\(([^;"]*)"(\w+)"', source)
    names = {name for before, name in calls if "(" not in before}
    ok(len(names) > 50, "the names of values are found here", sorted(names))
    told = set(re.findall(r"\w+", read("src/mail/bookspool-templates.5")))
    words = set(re.findall(r"\w+", read("src/mail/templates/en.lang")))
    none_missing(names - told - words, f"{PAGES[5]} tells all values")


def template_examples(world):
    page = read(PAGES[5])
    kinds = re.findall(r'\[KIND_\w+\] = "(\w+)"', read("src/event/event.c"))
    ok(len(kinds) > 10, "the kinds of event are found here", kinds)
    named = " ".join(re.findall(r"^\.Cm (.*)$", sections(page, "Sh")["FILES"], re.M))
    equal(re.findall(r"\w+", named), kinds, f"{PAGES[5]} names the kinds of event")
    subject, words = displays(sections(page, "Sh")["EXAMPLES"])[:2]
    os.makedirs(world.path("templates"))
    for name, text in (("cancelled.subject", subject), ("fr.lang", words)):
        with open(world.path("templates", name), "w", encoding="utf-8") as file:
            file.write(text)
    done = world.drain("--dry-run", env={"BOOKSPOOL_TEMPLATES": world.path("templates"),
                                         "BOOKSPOOL_LANGUAGE": "fr"})
    ok(done.returncode == 0, "and its examples are right", done.stderr)


# ---- examples, run as they are ----


def lines_and_displays(page, title):
    """What the examples of a page say to type, in order."""
    text = sections(page, "Sh")[title]
    return [plain(line or display) for display, line in
            re.findall(r"^\.Bd -literal.*?\n(.*?)^\.Ed$|^\.Dl ([^\n]*)$", text, re.M | re.S)]


class Examples:
    """A site in the place of /etc, /var and hooks.example.org."""

    def __init__(self, world):
        self.world = world
        programs = world.path("programs")
        os.makedirs(programs)
        for name in ("bookspool", "bookspool-drain", "bookspool-fcgi"):
            with open(os.path.join(programs, name), "w", encoding="ascii") as file:
                file.write(f'#!/bin/sh\nexec {shlex.join(program(name))} "$@"\n')
            os.chmod(os.path.join(programs, name), 0o755)
        with open(os.path.join(programs, "vi"), "w", encoding="ascii") as file:
            file.write('#!/bin/sh\nexec sed -i "s/Ada Example/Ida Example/g" "$1"\n')
        os.chmod(os.path.join(programs, "vi"), 0o755)
        self.env = {**world.env(), "PATH": f"{programs}:{world.env()['PATH']}"}

    def run(self, text, id_=""):
        for old, new in (("https://hooks.example.org", self.world.url), ("http://localhost/", self.world.url + "/"),
                         ("/var/spool/bookspool", self.world.spool_dir),
                         ("/usr/local/sbin/", self.world.path("programs/")), ("8baa", id_[:8])):
            text = text.replace(old, new)
        done = subprocess.run(["sh", "-eu", "-c", text], cwd=self.world.dir, env=self.env,
                              capture_output=True, text=True, timeout=PATIENCE)
        equal(done.returncode, 0, f"it works: {text.splitlines()[0][:60]}") or diag(done.stdout + done.stderr)
        return done.stdout


def examples_of_programs():
    if not tool("nginx") or not shutil.which("jq") or not shutil.which("curl"):
        skip("nginx, jq or curl is not installed", 12)
        return
    with World() as world:
        site = Examples(world)
        world.start_receiver()
        world.start_nginx(listen=f"127.0.0.1:{free_port()}")
        start, post, health = lines_and_displays(read(PAGES[0]), "EXAMPLES")
        match(start, r"^bookspool-fcgi --listen unix:\S+$", "bookspool-fcgi.8 starts it as the tests do")
        match(site.run(post), "^200 .*accepted", "and its booking is accepted")
        site.run(health)
        cron, units, dry, now = lines_and_displays(read(PAGES[1]), "EXAMPLES")
        crontab = re.search(r"^(?:\* ){4}\* +\w+ +(.*)$", cron, re.M)[1]
        ok(crontab in read("examples/crontab"), "its line for cron is that of the examples")
        for unit in re.findall(r"bookspool-\S+\.\w+", units):
            ok(os.path.exists(os.path.join(TOP, "examples/systemd", unit)), f"{unit} is an example")
        match(site.run(dry), "Subject: Ada Example", "a dry run shows the mail")
        site.run(crontab)
        site.run(now)
        equal(len(world.mails()), 1, "and a run sends it")
        waits, trace, organizer, booking, story, edit = lines_and_displays(read(PAGES[2]), "EXAMPLES")
        key = world.spool("done")[0]
        match(site.run(waits), r"done\t1", "bookspool.1: what waits")
        match(site.run(trace, key), "mailed to 1 recipient", "what happened to an event")
        equal(site.run(organizer, key), "olga@example.org\n", "the organizer's address")
        site.run(booking)
        equal([line[:3] for line in site.run(story).splitlines()], ["200"] * 3, "a booking's life")
        site.run(edit, key)
        world.drain()
        subjects = [mail["Subject"] for mail in world.mails()]
        ok(any(subject.startswith("Ida Example") for subject in subjects), "a corrected body is mailed",
           subjects)


def examples_of_settings():
    """The three files of bookspool.conf.5, as they are."""
    shown = lines_and_displays(read("src/base/bookspool.conf.5"), "EXAMPLES")
    equal(len(shown), 3, "bookspool.conf.5 shows three files")
    with World() as world:
        os.makedirs(world.path("etc/secrets"))
        with open(world.path("etc/secrets/calendly"), "w", encoding="ascii") as file:
            file.write("0123456789abcdef\n")
        os.chmod(world.path("etc/secrets/calendly"), 0o600)
        places = f"BOOKSPOOL_SPOOL={world.spool_dir}\nBOOKSPOOL_STATE={world.state_dir}\n"
        for name, text in zip(("bookspool.conf", "receive.env", "drain.env"), shown):
            with open(world.path("etc", name), "w", encoding="ascii") as file:
                file.write(text.replace("/etc/bookspool", world.path("etc")))
                file.write(places if name == "bookspool.conf" else "")
            os.chmod(world.path("etc", name), 0o600)
        done = world.run("bookspool", "check", "--json")
        wrong = [finding for finding in json.loads(done.stdout)["findings"]
                 if finding["area"] in ("settings", "secrets") and finding["level"] == "fail"]
        equal(wrong, [], "they are accepted")
        equal(world.drain("--dry-run").returncode, 0, "by the drain, too")
        receiver = world.start_receiver()
        ok("settings" not in world.log() and "no-secret" not in world.log(), "and by the receiver",
           world.log())
        world.stop(receiver)


# ---- personal data ----


def personal_data():
    """bookspool.7 has each file that spool and state ever have."""
    page = sections(read("src/base/bookspool.7"), "Sh")["PERSONAL DATA"]
    told = set(re.findall(r"^\.It Pa ([\w.-]+/?) Ta|^\.It Pa lock , Pa (\.pruned)", page, re.M))
    told = {name for pair in told for name in pair if name} | {"lock"}
    names = re.findall(r'\[DIR_\w+\] = "(\w+)"', read("src/spool/spool.c"))
    equal(len(names), 9, "the directories of the spool are found here")
    none_missing({f"{name}/" for name in names} - told, "all are in the table of personal data")
    with World(settings={"SENTRY_DSN": "http://key@127.0.0.1:1/1", "BOOKSPOOL_TRANSPORT": None,
                         "DD_DOGSTATSD_URL": "udp://127.0.0.1:1",
                         "BOOKSPOOL_ALARM": "http://127.0.0.1:1/hook"}) as world:
        world.drain()
        world.put_event("new", "calcom", sample("calcom", "booking_created"))
        world.drain()
        world.put_event("new", "calcom", sample("calcom", "booking_created"))
        world.drain(env={"BOOKSPOOL_TRANSPORT": "smtp://127.0.0.1:1"})
        with sqlite3.connect(os.path.join(world.state_dir, "ledger.db")) as ledger:
            ledger.execute("SELECT count(*) FROM booking").fetchone()  # its log is there meanwhile
            there = set(os.listdir(world.state_dir)) | {"ledger.db-wal"}
        top = {name for name in os.listdir(world.spool_dir) if name + "/" not in told}
    ok(len(there) > 6, "the state directory has many files", there)
    none_missing(there - told, "the table has each file of the state directory")
    none_missing(top - told, "and of the spool")


def make_help():
    """All targets that people call, also where nothing is installed yet."""
    make = ["make", "--no-print-directory", "-C", TOP, "PKG=no-such-program"]
    done = subprocess.run([*make, "help"], capture_output=True, text=True)
    equal((done.returncode, done.stderr), (0, ""), "make help works without pkg-config, and quietly")
    told = set(re.findall(r"^  ([a-z-]+) ", done.stdout, re.M))
    phony = re.search(r"^\.PHONY:((?:.*\\\n)*.*)$", read("Makefile"), re.M)[1].replace("\\", " ")
    none_missing(set(phony.split()) - {"all", "asan-programs", "one-test", "unit-tests"} - told, "it lists all targets")


def main():
    well_formed()
    make_help()
    described(all_settings())
    reason_codes()
    template_limits()
    template_values()
    personal_data()
    examples_of_programs()
    examples_of_settings()
    with World() as world:
        command_lines(world)
        spool_examples(world)
        template_examples(world)
    finish()


main()
