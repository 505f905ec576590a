/* bookspool check: settings and places, or files of the spool. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/text.h"
#include "deliver/transport.h"
#include "ledger/ledger.h"
#include "mail/compose.h"
#include "mail/recipients.h"
#include "mail/schedule.h"
#include "mail/zone.h"
#include "spool/owner.h"
#include "spool/record.h"
#include "tool/output.h"
#include "tool/tool.h"

static const char usage[] =
    "check [FILE...] [--json] [--spool DIR]\n"
    "\n"
    "Without FILE: reads all settings as the programs do, and reports what is wrong\n"
    "with them, and whether spool, secrets, state and Maildir are as they should be.\n"
    "Run it as root, or as a user who may read receive.env and drain.env; it changes\n"
    "nothing. With FILE: reports whether this event or mail of the spool is intact,\n"
    "and if not, why.\n"
    "\n"
    "Exit status: 0 nothing is wrong, 65 a file is not intact, 66 it cannot be read,\n"
    "78 a setting or a place is wrong.\n";

enum level { LEVEL_OK, LEVEL_NOTE, LEVEL_WRONG };

struct report {
    struct tool *tool;
    cJSON *findings; /* NULL: printed as they come */
    bool wrong;      /* something was */
};

static void add_finding(struct report *report, enum level level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void add_finding(struct report *report, enum level level, const char *format, ...)
{
    static const char *const names[] = {"ok", "note", "wrong"};
    struct buf text = {0};
    va_list args;
    va_start(args, format);
    buf_vprintf(&text, format, args);
    va_end(args);
    if (text.failed)
        tool_no_memory();
    if (report->findings) {
        cJSON *finding = json_append(report->findings);
        json_put_text(finding, "level", names[level]);
        json_put_text(finding, "text", buf_text(&text));
    } else
        printf("%-6s %s\n", level == LEVEL_WRONG ? "WRONG" : names[level], buf_text(&text));
    report->wrong = report->wrong || level == LEVEL_WRONG;
    buf_free(&text);
}

/* One finding for each line of a text. */
static void add_findings(struct report *r, enum level level, const char *lines)
{
    int len;
    for (const char *line; (line = text_line(&lines, &len));)
        add_finding(r, level, "%.*s", len, line);
}

/* Why a check failed; nothing when it did not. Frees the text. */
static void add_reason(struct report *r, struct buf *why)
{
    add_findings(r, LEVEL_WRONG, buf_text(why));
    buf_free(why);
}

/* ---- a file ---- */

static int check_file(struct report *r, const char *path)
{
    struct buf data = {0};
    struct record record;
    int code = tool_read(r->tool, path, &data);
    if (code != EX_OK) {
        r->wrong = true;
        return code;
    }
    const char *wrong = record_decode(buf_text(&data), data.len, &record);
    buf_free(&data);
    if (wrong) {
        add_finding(r, LEVEL_WRONG, "%s: not intact: %s", path, wrong);
        return EX_DATAERR;
    }
    const char *provider = provider_name(record.provider);
    if (record.kind == RECORD_MAIL)
        add_finding(r, LEVEL_OK, "%s: intact: a mail of event %s, %zu bytes", path, record.id,
            record.length);
    else
        add_finding(r, LEVEL_OK, "%s: intact: %s %s, id %s, %zu bytes", path, provider,
            *record.event ? record.event : "-", record.id, record.length);
    /* An intact file may still not be what it seems to be. */
    char id[ID_SIZE], hourly[ID_SIZE];
    struct spool_name parsed;
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    if (name_parse(name, &parsed) && strcmp(parsed.id, record.id) != 0)
        add_finding(r, LEVEL_NOTE, "%s: its name is of another event than its Id", path);
    if (record.kind == RECORD_EVENT && id_make(provider, record.sha256, TIME_NONE, id) &&
        id_make(provider, record.sha256, record.received, hourly) && strcmp(id, record.id) != 0 &&
        strcmp(hourly, record.id) != 0)
        add_finding(r, LEVEL_NOTE, "%s: its body is not the one that it came with", path);
    return EX_OK;
}

/* ---- settings ---- */

static void check_settings(struct report *r)
{
    struct conf *conf = &r->tool->conf;
    conf_load(conf, CONF_TOOL);
    /* Root can read and write everything, so it checks as the user that the programs run as. */
    const char *path = r->tool->spool_path ? r->tool->spool_path : conf_text(conf, SET_SPOOL);
    uid_t before = geteuid();
    if (path && spool_become_owner(path) && geteuid() != before) {
        const struct passwd *user = getpwuid(geteuid());
        add_finding(r, LEVEL_OK, "checked as %s, the owner of the spool",
            user ? user->pw_name : "the owner");
        conf_free(conf);
        conf_load(conf, CONF_TOOL);
    }
    if (conf->errors.len == 0 && !conf->errors.failed)
        add_finding(r, LEVEL_OK, "all settings can be understood");
    add_findings(r, LEVEL_WRONG, buf_text(&conf->errors));
    add_findings(r, LEVEL_NOTE, buf_text(&conf->warnings));
}

static void check_secrets(struct report *r)
{
    const struct conf *conf = &r->tool->conf;
    int usable = 0;
    if (tool_secrets_unread(conf)) {
        add_finding(r, LEVEL_WRONG,
            "receive.env cannot be read here: chgrp bookspool and chmod 640 it, unless systemd "
            "reads it as root for the receiver");
        return;
    }
    for (enum provider p = 0; p < PROVIDERS; p++) {
        bool primary = conf_text(conf, provider_table[p]->secret[0]) != NULL;
        bool secondary = conf_text(conf, provider_table[p]->secret[1]) != NULL;
        usable += primary || secondary;
        if (primary || secondary)
            add_finding(r, LEVEL_OK, "%s: %s", provider_name(p),
                primary && secondary ? "a primary and a secondary secret are set"
                : primary            ? "a secret is set"
                                     : "only a secondary secret is set");
        else
            add_finding(r, LEVEL_NOTE,
                "%s: no secret is set, its webhooks are answered 503: set %s", provider_name(p),
                settings[provider_table[p]->secret[0]].name);
    }
    if (!usable)
        add_finding(r, LEVEL_WRONG, "no provider has a secret: nothing will be accepted");
}

/* ---- directories ---- */

static void describe_owner(const struct stat *st, char *out, size_t size)
{
    const struct passwd *user = getpwuid(st->st_uid);
    char uid[24], gid[24];
    snprintf(uid, sizeof uid, "%lu", (unsigned long)st->st_uid);
    snprintf(gid, sizeof gid, "%lu", (unsigned long)st->st_gid);
    const struct group *group = getgrgid(st->st_gid);
    snprintf(out, size, "owner %s, group %s, mode %04o", user ? user->pw_name : uid,
        group ? group->gr_name : gid, (unsigned)st->st_mode & 07777);
}

struct foreign {
    int dir;
    const struct stat *root;
    size_t count;
    struct buf example; /* one of them, and its owner */
};

static void count_foreign(struct foreign *foreign, const char *name)
{
    struct stat st;
    if (fstatat(foreign->dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0 || S_ISLNK(st.st_mode) ||
        !owner_is_foreign(&st, foreign->root))
        return;
    if (foreign->count++ == 0) {
        buf_printf(&foreign->example, "%s of ", name);
        owner_append_user(&foreign->example, st.st_uid);
    }
}

/* Reports a place that does not belong to the owner of the spool, and the files counted in it. */
static void report_foreign(struct report *r, const char *place, const char *top,
    const struct stat *st, struct foreign *foreign)
{
    struct buf command = {0}, owner = {0};
    owner_append_command(&command, top, foreign->root);
    owner_append_user(&owner, st->st_uid);
    if (owner_is_foreign(st, foreign->root))
        add_finding(r, LEVEL_WRONG, "%s: belongs to %s, not to the spool's owner; run as root: %s",
            place, buf_text(&owner), buf_text(&command));
    if (foreign->count)
        add_finding(r, LEVEL_WRONG,
            "%s: files of another user than the spool's owner: %zu, such as %s; run as root: %s",
            place, foreign->count, buf_text(&foreign->example), buf_text(&command));
    buf_free(&foreign->example);
    buf_free(&command);
    buf_free(&owner);
}

static bool visit_owner(void *context, const struct spool_item *item)
{
    struct foreign *foreign = context;
    if (item->owner != foreign->root->st_uid)
        count_foreign(foreign, item->name);
    return true;
}

/* One directory of the spool, compared with the spool itself. */
static void check_dir(struct report *r, enum spool_dir dir, const struct stat *root)
{
    struct stat st;
    const char *path = r->tool->spool_path, *name = spool_dir_name(dir);
    if (fstatat(r->tool->spool.root, name, &st, AT_SYMLINK_NOFOLLOW) < 0) {
        bool missing = errno == ENOENT;
        add_finding(r, missing ? LEVEL_NOTE : LEVEL_WRONG, "%s/%s: %s", path, name,
            missing ? "is not there yet: the first program that starts makes it" : strerror(errno));
        return;
    }
    if (!S_ISDIR(st.st_mode))
        add_finding(r, LEVEL_WRONG, "%s/%s: is not a directory", path, name);
    else if (st.st_dev != root->st_dev)
        add_finding(r, LEVEL_WRONG, "%s/%s: is on another file system than the spool", path, name);
    else if (st.st_mode & S_IWOTH)
        add_finding(r, LEVEL_WRONG, "%s/%s: is writable by everybody: chmod o-w it", path, name);
    else {
        struct spool *spool = &r->tool->spool;
        struct foreign foreign = {.dir = spool->dir[dir], .root = root};
        char place[PATH_MAX];
        snprintf(place, sizeof place, "%s/%s", path, name);
        if (foreign.dir >= 0 && !spool_walk(spool, dir, visit_owner, &foreign))
            add_finding(r, LEVEL_WRONG, "%s: %s", place, strerror(errno));
        report_foreign(r, place, path, &st, &foreign);
        if (owner_is_foreign(&st, root))
            return;
        if (st.st_uid != root->st_uid || st.st_gid != root->st_gid)
            add_finding(r, LEVEL_NOTE, "%s/%s: is not of the spool's owner and group", path, name);
        else if (spool->dir[dir] < 0)
            add_finding(r, LEVEL_NOTE, "%s/%s: is closed to you", path, name);
    }
}

static void check_spool(struct report *r)
{
    struct tool *tool = r->tool;
    struct buf why = {0};
    struct stat root;
    char text[256];
    if (!tool->spool_path)
        tool->spool_path = conf_text(&tool->conf, SET_SPOOL);
    if (!tool->spool_path)
        return;
    if (!spool_open_readonly(&tool->spool, tool->spool_path, &why) ||
        fstat(tool->spool.root, &root) < 0) {
        add_finding(r, LEVEL_WRONG, "spool %s", why.len ? buf_text(&why) : strerror(errno));
        buf_free(&why);
        return;
    }
    const char *path = tool->spool_path;
    describe_owner(&root, text, sizeof text);
    if (root.st_mode & S_IWOTH)
        add_finding(
            r, LEVEL_WRONG, "spool %s: is writable by everybody (%s): chmod o-w it", path, text);
    else if (root.st_mode & S_IRWXO)
        add_finding(r, LEVEL_NOTE, "spool %s: is open to others (%s): chmod o-rwx it", path, text);
    else
        add_finding(r, LEVEL_OK, "spool %s: %s", path, text);
    if (root.st_uid == 0)
        add_finding(r, LEVEL_NOTE,
            "spool %s: belongs to root, so all programs run as root: give it a user of its own",
            path);
    for (enum spool_dir dir = 0; dir < SPOOL_DIRS; dir++)
        check_dir(r, dir, &root);
    add_finding(r, LEVEL_OK, "%s",
        tool_drain_at_work(tool) ? "a drain is at work" : "no drain is at work just now");
}

static void check_state(struct report *r)
{
    struct stat st, root;
    struct dirent *entry;
    char counters[PATH_MAX], text[256];
    const char *path = conf_text(&r->tool->conf, SET_STATE);
    if (!path)
        return;
    errno = 0;
    if (stat(path, &st) < 0 || !S_ISDIR(st.st_mode)) {
        add_finding(r, LEVEL_WRONG, "state directory %s: %s", path,
            errno ? strerror(errno) : "is not a directory");
        return;
    }
    describe_owner(&st, text, sizeof text);
    add_finding(r, st.st_mode & S_IWOTH ? LEVEL_WRONG : LEVEL_OK, "state directory %s: %s%s", path,
        text, st.st_mode & S_IWOTH ? ", writable by everybody: chmod o-w it" : "");
    /* Counters, ledger and Maildir are made by the owner of the spool. */
    if (r->tool->spool.root >= 0 && fstat(r->tool->spool.root, &root) == 0) {
        DIR *stream = opendir(path);
        struct foreign foreign = {.dir = stream ? dirfd(stream) : -1, .root = &root};
        while (stream && (entry = readdir(stream)))
            if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
                count_foreign(&foreign, entry->d_name);
        report_foreign(r, path, path, &st, &foreign);
        if (stream)
            closedir(stream);
    }
    if (snprintf(counters, sizeof counters, "%s/counters", path) < (int)sizeof counters &&
        access(counters, F_OK) < 0)
        add_finding(r, LEVEL_NOTE, "nothing was counted yet: %s", strerror(errno));
}

/* ---- how mail is made and sent ---- */

static void check_mail(struct report *r)
{
    const struct conf *conf = &r->tool->conf;
    struct buf why = {0};
    struct composer composer;
    if (conf->errors.len) /* a default in place of a wrong setting misleads */
        return;
    if (transport_check(conf, &why) == TRANSPORT_USABLE)
        add_finding(r, LEVEL_OK, "mail goes to %s", conf_text(conf, SET_TRANSPORT));
    add_reason(r, &why);

    struct recipients *recipients = recipients_open(conf, LOCAL_ADDRESS, &why);
    recipients_close(recipients);
    add_reason(r, &why);

    struct schedule schedule;
    if (schedule_open(&schedule, conf, LOCAL_ADDRESS, &why) && schedule.on)
        add_finding(r, LEVEL_OK, "the agenda is mailed at %02d:%02d", schedule.minutes / 60,
            schedule.minutes % 60);
    schedule_free(&schedule);
    add_reason(r, &why);

    const char *templates = conf_text(conf, SET_TEMPLATES);
    if (composer_open(&composer, conf, &why) && templates)
        add_finding(r, LEVEL_OK, "templates of %s", templates);
    composer_close(&composer);
    add_reason(r, &why);

    const char *zone = conf_text(conf, SET_TIMEZONE);
    char system[ZONE_SYSTEM];
    if (zone && !zone_known(zone))
        add_finding(r, LEVEL_WRONG,
            "BOOKSPOOL_TIMEZONE: there is no zone \"%s\" in /usr/share/zoneinfo", zone);
    if (!zone && conf_text(conf, SET_CALENDLY_KEY))
        add_finding(r, LEVEL_NOTE,
            "BOOKSPOOL_TIMEZONE is not set, and Calendly names no host's zone: mails have times in "
            "%s",
            zone_system(system) ? system : "UTC, as the system's zone is not known");

    const char *where = conf_text(conf, SET_LEDGER);
    struct ledger *ledger = where ? ledger_open_readonly(where, &why) : NULL;
    if (ledger)
        add_finding(r, LEVEL_OK, "ledger %s", where);
    ledger_close(ledger);
    add_reason(r, &why);
}

/* ---- the command ---- */

static int run(struct tool *tool, int argc, char **argv)
{
    char **paths;
    struct report r = {.tool = tool};
    int code = EX_OK, count = tool_parse(tool, argc, argv, NULL, &paths);
    cJSON *json = tool->json ? json_object() : NULL;
    r.findings = json ? json_put_array(json, "findings") : NULL;
    for (int i = 0; i < count; i++) {
        int one = check_file(&r, paths[i]);
        code = code == EX_OK ? one : code;
    }
    if (code == EX_DATAERR && !json)
        tool_say(tool, "bookspool replay FILE seals an edited event and mails it");
    if (!count) {
        check_settings(&r);
        check_secrets(&r);
        check_spool(&r);
        check_state(&r);
        check_mail(&r);
        code = r.wrong ? EX_CONFIG : EX_OK;
    }
    if (json) {
        json_put_bool(json, "ok", !r.wrong);
        json_print(json, JSON_INDENTED);
    }
    return code;
}

const struct command command_check = {
    "check", "settings and places, or files of the spool", usage, run};
