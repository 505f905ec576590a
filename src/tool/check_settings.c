/* bookspool check: the settings, the secrets, and the machine's clock and time zones. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/timex.h>
#include <unistd.h>

#include "base/text.h"
#include "confine/calls.h"
#include "confine/landlock.h"
#include "health/facts.h"
#include "mail/zone.h"
#include "report/alarm.h"
#include "report/dogstatsd.h"
#include "report/sentry.h"
#include "tool/check.h"

enum { SECRET_LENGTH_MIN = 16 };

bool report_knows(const struct report *report, enum setting which)
{
    return !tool_setting_wrong(report->tool, which);
}

/* ---- the settings ---- */

/* The line "FILE: cannot be read: ..." about that file. */
static bool is_unread(const struct conf *conf, const char *file)
{
    char text[64];
    snprintf(text, sizeof text, "%s: cannot be read", file);
    return strstr(buf_text(&conf->warnings), text) != NULL;
}

/* The group that owns the spool, which may read the files with secrets. */
static void add_unread(struct report *report, const char *line, int len, bool owner)
{
    const char *colon = memchr(line, ':', (size_t)len);
    int path = colon ? (int)(colon - line) : len;
    if (owner) {
        add_finding(report, LEVEL_FAIL, "%.*s, by the user that the programs run as", len, line);
        add_remedy(report,
            "run as root: chgrp bookspool %.*s; chmod 640 %.*s; or let systemd hand the secrets on "
            "as credentials (examples/secrets.md)",
            path, line, path, line);
    } else {
        add_finding(report, LEVEL_WARN, "%.*s, so what depends on it was not checked", len, line);
        add_remedy(report, "run this as root");
    }
}

/*
 * What the owner of the spool cannot understand. Root has read the same files before, so what only
 * follows from a file that the owner may not read is not repeated: the file is named once.
 */
static void compare_as_owner(struct report *report)
{
    struct conf conf;
    int len;
    const struct passwd *user = getpwuid(geteuid());
    conf_load(&conf, CONF_TOOL);
    add_finding(report, LEVEL_PASS, "checked as %s, the owner of the spool",
        user ? user->pw_name : "the owner");
    for (const char *line, *at = buf_text(&conf.errors); (line = text_line(&at, &len));)
        if (!memmem(buf_text(&report->tool->conf.errors), report->tool->conf.errors.len, line,
                (size_t)len))
            add_finding(report, LEVEL_FAIL, "%.*s", len, line);
    for (const char *line, *at = buf_text(&conf.warnings); (line = text_line(&at, &len));)
        add_unread(report, line, len, true);
    conf_free(&conf);
}

static void check_conf_file(struct report *report)
{
    const struct conf *conf = &report->tool->conf;
    const char *path = conf_path();
    bool from_environment = false;
    for (enum setting i = 0; i < SETTINGS; i++)
        from_environment =
            from_environment ||
            (conf->value[i].place && strncmp(conf->value[i].place, "environment", 11) == 0);
    if (access(path, F_OK) == 0 || errno != ENOENT || strstr(buf_text(&conf->errors), path))
        return;
    add_finding(report, from_environment ? LEVEL_WARN : LEVEL_FAIL, "there is no %s", path);
    add_remedy(report,
        "copy examples/bookspool.conf there: without it systemd starts none of the units, and all "
        "settings have their defaults");
}

void check_settings(struct report *report)
{
    struct tool *tool = report->tool;
    struct conf *conf = &tool->conf;
    report->area = "settings";
    conf_load(conf, CONF_TOOL);
    report->nginx_state = site_read_nginx(report->nginx, &report->nginx_text);
    const char *path = tool->spool_path ? tool->spool_path : conf_text(conf, SET_SPOOL);
    uid_t before = geteuid();
    report->was_root = before == 0;
    struct stat spool;
    /* Root can read and write everything, so it checks as the user that the programs run as. */
    bool became = path && spool_become_owner(path) && geteuid() != before;
    bool owner = became || (path && stat(path, &spool) == 0 && spool.st_uid == geteuid());
    if (became)
        compare_as_owner(report);
    check_conf_file(report);
    if (conf->errors.len == 0 && !conf->errors.failed &&
        (access(conf_path(), F_OK) == 0 || errno != ENOENT))
        add_finding(report, LEVEL_PASS, "all settings of %s can be understood", conf_path());
    struct buf errors = {0};
    buf_puts(&errors, buf_text(&conf->errors));
    add_faults(report, LEVEL_FAIL, &errors);
    int len;
    for (const char *line, *at = buf_text(&conf->warnings); (line = text_line(&at, &len));)
        add_unread(report, line, len, owner);
    report->receive_env_unread = is_unread(conf, "receive.env");
    report->drain_env_unread = is_unread(conf, "drain.env");
}

/* ---- the secrets ---- */

void check_secrets(struct report *report)
{
    const struct conf *conf = &report->tool->conf;
    int usable = 0;
    report->area = "secrets";
    if (report->receive_env_unread || conf->incomplete)
        return; /* reported: nothing can be said of them */
    for (enum provider p = 0; p < PROVIDERS; p++) {
        const char *primary = conf_text(conf, provider_table[p]->secret[0]);
        const char *secondary = conf_text(conf, provider_table[p]->secret[1]);
        usable += primary || secondary;
        if (!primary && !secondary) {
            add_finding(report, LEVEL_WARN, "%s: no secret is set, its webhooks are answered 503",
                provider_name(p));
            add_remedy(report, "if you use it: set %s in receive.env",
                settings[provider_table[p]->secret[0]].name);
            continue;
        }
        add_finding(report, LEVEL_PASS, "%s: %s", provider_name(p),
            primary && secondary ? "a primary and a secondary secret are set"
            : primary            ? "a secret is set"
                                 : "only a secondary secret is set");
        if ((primary && strlen(primary) < SECRET_LENGTH_MIN) ||
            (secondary && strlen(secondary) < SECRET_LENGTH_MIN)) {
            add_finding(report, LEVEL_WARN, "%s: a secret is shorter than %d characters",
                provider_name(p), SECRET_LENGTH_MIN);
            add_remedy(report, "make one with: openssl rand -hex 32");
        }
    }
    if (!usable) {
        add_finding(report, LEVEL_FAIL, "no provider has a secret: nothing will be accepted");
        add_remedy(report, "set %s or %s in receive.env",
            settings[provider_table[0]->secret[0]].name,
            settings[provider_table[1]->secret[0]].name);
    }
}

/* ---- who hears of trouble ---- */

/* The drain makes the page beside itself and renames it. A warning: mail does not depend on it. */
static void check_page(struct report *report, const char *page)
{
    char folder[PATH_MAX];
    const char *slash = strrchr(page, '/');
    snprintf(folder, sizeof folder, "%.*s", slash > page ? (int)(slash - page) : 1, page);
    if (faccessat(AT_FDCWD, folder, W_OK | X_OK, AT_EACCESS) == 0) {
        add_finding(report, LEVEL_PASS, "the status page is %s", page);
        return;
    }
    add_finding(report, LEVEL_WARN, "BOOKSPOOL_STATUS_PAGE: no page can be made in %s: %s", folder,
        strerror(errno));
    add_remedy(report, "run as root: install -d -o bookspool -g www-data -m 2750 %s", folder);
}

void check_watching(struct report *report)
{
    const struct conf *conf = &report->tool->conf;
    static struct alarm_targets targets; /* static: it is large */
    struct health_limits limits;
    struct dogstatsd dogstatsd;
    struct sentry_dsn dsn;
    struct buf faults = {0};
    const char *alarm = conf_text(conf, SET_ALARM), *ping = conf_text(conf, SET_PING_URL),
               *sentry = conf_text(conf, SET_SENTRY_DSN), *page = conf_text(conf, SET_STATUS_PAGE),
               *why;
    report->area = "watching";
    if (conf->incomplete)
        return;
    alarm_targets_read(conf, &targets, &faults);
    health_limits_read(conf, &limits, &faults);
    dogstatsd_open(&dogstatsd, conf, &faults);
    dogstatsd_close(&dogstatsd);
    if (sentry && !sentry_dsn_parse(sentry, &dsn, &why))
        conf_fault(conf, SET_SENTRY_DSN, &faults, "%s", why);
    bool good = faults.len == 0;
    add_faults(report, LEVEL_FAIL, &faults);
    if (alarm && good)
        add_finding(report, LEVEL_PASS, "alarms go to %zu target%s", targets.count,
            targets.count == 1 ? "" : "s"); /* whose URLs may hold a token */
    if (ping)
        add_finding(report, LEVEL_PASS, "each run of the drain is reported to BOOKSPOOL_PING_URL");
    if (sentry && good)
        add_finding(report, LEVEL_PASS, "errors go to Sentry");
    if (page)
        check_page(report, page);
    if (alarm || ping || sentry || report->drain_env_unread)
        return;
    add_finding(report, LEVEL_WARN, "nobody is told when mail stops");
    add_remedy(report, "set BOOKSPOOL_ALARM, or BOOKSPOOL_PING_URL of a dead man's switch");
}

/* ---- the machine ---- */

/* Older than this program, or decades ahead. */
static bool year_is_sane(int64_t now)
{
    int64_t years = now / MS_PER_DAY / 365;
    return years >= 2026 - 1970 && years < 2060 - 1970;
}

static void check_clock(struct report *report)
{
    struct timex timex = {0};
    char now[TIME_TEXT];
    int state = adjtimex(&timex);
    time_format(report->tool->now, now);
    if (!year_is_sane(report->tool->now)) {
        add_finding(report, LEVEL_FAIL,
            "the clock says %s, so every signed time is outside its window", now);
        add_remedy(report, "set the clock, and let chrony or systemd-timesyncd keep it");
    } else if (state == TIME_ERROR || timex.status & STA_UNSYNC) {
        add_finding(report, LEVEL_WARN, "the clock says %s, but nothing keeps it right", now);
        add_remedy(report,
            "let chrony or systemd-timesyncd keep it: webhooks outside the replay window go to "
            "held/");
    } else
        add_finding(report, LEVEL_PASS, "the clock says %s, and is synchronised", now);
}

/* Receiver and drain go on without what the kernel lacks; only the receiver logs it. */
static void check_confinement(struct report *report)
{
    int abi = landlock_abi();
    bool filters = calls_can_be_filtered();
    if (conf_number(&report->tool->conf, SET_SANDBOX) == SANDBOX_OFF) {
        add_finding(report, LEVEL_WARN,
            "BOOKSPOOL_SANDBOX=off: receiver and drain do not confine themselves");
        add_remedy(report, "take that line out, unless their logs have sandbox-refused");
        return;
    }
    if (abi < LANDLOCK_ABI_MIN) {
        add_finding(report, LEVEL_WARN,
            "the kernel has no Landlock that can be used: receiver and drain can reach every file "
            "that their user can");
        add_remedy(report,
            "run Linux 5.19 or later (Debian 12 has 6.1) with landlock in the kernel's list lsm=; "
            "a container must allow the system call landlock_create_ruleset");
    }
    if (!filters) {
        add_finding(report, LEVEL_WARN,
            "the kernel has no seccomp filters: receiver and drain can make every system call");
        add_remedy(report, "run a kernel with CONFIG_SECCOMP_FILTER, as Debian's are");
    }
    if (abi >= LANDLOCK_ABI_MIN && filters)
        add_finding(report, LEVEL_PASS,
            "receiver and drain confine themselves: seccomp, Landlock (ABI %d)", abi);
}

void check_machine(struct report *report)
{
    const struct conf *conf = &report->tool->conf;
    const char *zone = conf_text(conf, SET_TIMEZONE);
    struct buf fault = {0};
    report->area = "machine";
    check_clock(report);
    check_confinement(report);
    if (!zone_known("Europe/London")) {
        add_finding(report, LEVEL_FAIL, "there is no time-zone data: all times are in UTC");
        add_remedy(report, "apt install tzdata");
    } else if (!zone_known("Asia/Calcutta") || !zone_known("US/Pacific")) {
        add_finding(report, LEVEL_WARN,
            "old names of time zones, such as Asia/Calcutta, are not known here, but customers' "
            "browsers send them: their times are in UTC");
        add_remedy(report, "on Debian 13 and later: apt install tzdata-legacy");
    } else
        add_finding(report, LEVEL_PASS, "time zones are known by new and old names");
    if (!zone && conf_text(conf, SET_CALENDLY_KEY)) {
        char system[ZONE_SYSTEM];
        add_finding(report, LEVEL_WARN,
            "BOOKSPOOL_TIMEZONE is not set, and Calendly names no host's zone: mails have times in "
            "%s",
            zone_system(system) ? system : "UTC, as the system's zone is not known");
        add_remedy(report, "set it in bookspool.conf: Europe/Berlin, say");
    }
    if (zone && zone_known(zone))
        add_finding(report, LEVEL_PASS, "times in mails are in %s", zone);
    else if (zone) {
        conf_fault(conf, SET_TIMEZONE, &fault,
            "there is no zone \"%s\"; a name such as Europe/Berlin, as timedatectl list-timezones "
            "lists them",
            zone);
        add_finding(
            report, LEVEL_FAIL, "%.*s", (int)strcspn(buf_text(&fault), "\n"), buf_text(&fault));
        buf_free(&fault);
    }
}
