/* The settings and what they name. Contract: tool/check.h. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "spool/owner.h"
#include "tool/check.h"
#include "tool/secrets.h"

/* Root can read and write everything, so check as the user that the programs run as. */
static void judge_as_owner(struct report *r)
{
    struct conf *conf = &r->tool->conf;
    const char *path = r->tool->spool_path ? r->tool->spool_path : conf_text(conf, SET_SPOOL);
    uid_t before = geteuid();
    if (!path || !spool_become_owner(path) || geteuid() == before)
        return;
    const struct passwd *user = getpwuid(geteuid());
    report(r, LEVEL_OK, "judged as %s, the owner of the spool", user ? user->pw_name : "the owner");
    conf_free(conf);
    conf_load(conf, CONF_TOOL);
}

static void check_settings(struct report *r)
{
    struct conf *conf = &r->tool->conf;
    conf_load(conf, CONF_TOOL);
    judge_as_owner(r);
    if (conf->errors.len == 0 && !conf->errors.failed)
        report(r, LEVEL_OK, "all settings can be understood");
    report_lines(r, LEVEL_WRONG, buf_text(&conf->errors));
    report_lines(r, LEVEL_NOTE, buf_text(&conf->warnings));
}

/* ---- ids ---- */

static bool secrets_unread(const struct conf *conf)
{
    return strstr(buf_text(&conf->warnings), "receive.env: cannot be read") != NULL;
}

static void check_keys(struct report *r)
{
    const struct conf *conf = &r->tool->conf;
    int usable = 0;
    if (secrets_unread(conf)) {
        report(r, LEVEL_WRONG,
            "receive.env cannot be read here: chgrp bookspool and chmod 640 it, unless systemd "
            "reads it as root for the receiver");
        return;
    }
    for (enum provider p = 0; p < PROVIDERS; p++) {
        bool primary = conf_text(conf, secret_setting(p, SECRET_PRIMARY)) != NULL;
        bool secondary = conf_text(conf, secret_setting(p, SECRET_SECONDARY)) != NULL;
        usable += primary || secondary;
        if (primary || secondary)
            report(r, LEVEL_OK, "%s: %s", provider_name(p),
                primary && secondary ? "a primary and a secondary secret are set"
                : primary            ? "a secret is set"
                                     : "only a secondary secret is set");
        else
            report(r, LEVEL_NOTE, "%s: no secret is set, its webhooks are answered 503: set %s",
                provider_name(p), settings[secret_setting(p, SECRET_PRIMARY)].name);
    }
    if (!usable)
        report(r, LEVEL_WRONG, "no provider has a secret: nothing will be accepted");
}

/* ---- directories ---- */

static void describe(const struct stat *st, char *out, size_t size)
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

/* `place` belongs to the owner of the spool or not; so do the files that were counted in it. */
static void report_foreign(struct report *r, const char *place, const char *top,
    const struct stat *st, struct foreign *foreign)
{
    struct buf command = {0}, owner = {0};
    owner_append_command(&command, top, foreign->root);
    owner_append_user(&owner, st->st_uid);
    if (owner_is_foreign(st, foreign->root))
        report(r, LEVEL_WRONG, "%s: belongs to %s, not to the spool's owner; run as root: %s",
            place, buf_text(&owner), buf_text(&command));
    if (foreign->count)
        report(r, LEVEL_WRONG,
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

static void check_owners(
    struct report *r, enum spool_dir dir, const struct stat *st, const struct stat *root)
{
    struct spool *spool = &r->tool->spool;
    struct foreign foreign = {.dir = spool->dir[dir], .root = root};
    struct buf place = {0};
    buf_printf(&place, "%s/%s", r->tool->spool_path, spool_dir_name(dir));
    if (foreign.dir >= 0 && !spool_walk(spool, dir, visit_owner, &foreign))
        report(r, LEVEL_WRONG, "%s: %s", buf_text(&place), strerror(errno));
    report_foreign(r, buf_text(&place), r->tool->spool_path, st, &foreign);
    buf_free(&place);
}

static void check_access(
    struct report *r, enum spool_dir dir, const struct stat *st, const struct stat *root)
{
    const char *path = r->tool->spool_path, *name = spool_dir_name(dir);
    if (owner_is_foreign(st, root))
        return;
    if (st->st_uid != root->st_uid || st->st_gid != root->st_gid)
        report(r, LEVEL_NOTE, "%s/%s: is not of the spool's owner and group", path, name);
    else if (r->tool->spool.dir[dir] < 0)
        report(r, LEVEL_NOTE, "%s/%s: is closed to you", path, name);
}

/* One directory of the spool, compared with the spool itself. */
static void check_dir(struct report *r, enum spool_dir dir, const struct stat *root)
{
    struct stat st;
    const char *path = r->tool->spool_path, *name = spool_dir_name(dir);
    if (fstatat(r->tool->spool.root, name, &st, AT_SYMLINK_NOFOLLOW) < 0) {
        bool missing = errno == ENOENT;
        report(r, missing ? LEVEL_NOTE : LEVEL_WRONG, "%s/%s: %s", path, name,
            missing ? "is not there yet: the first program that starts makes it" : strerror(errno));
        return;
    }
    if (!S_ISDIR(st.st_mode))
        report(r, LEVEL_WRONG, "%s/%s: is not a directory", path, name);
    else if (st.st_dev != root->st_dev)
        report(r, LEVEL_WRONG, "%s/%s: is on another file system than the spool", path, name);
    else if (st.st_mode & S_IWOTH)
        report(r, LEVEL_WRONG, "%s/%s: is writable by everybody: chmod o-w it", path, name);
    else {
        check_owners(r, dir, &st, root);
        check_access(r, dir, &st, root);
    }
}

static void check_root(struct report *r, const struct stat *root)
{
    char text[256];
    describe(root, text, sizeof text);
    const char *path = r->tool->spool_path;
    if (root->st_mode & S_IWOTH)
        report(r, LEVEL_WRONG, "spool %s: is writable by everybody (%s): chmod o-w it", path, text);
    else if (root->st_mode & S_IRWXO)
        report(r, LEVEL_NOTE, "spool %s: is open to others (%s): chmod o-rwx it", path, text);
    else
        report(r, LEVEL_OK, "spool %s: %s", path, text);
    if (root->st_uid == 0)
        report(r, LEVEL_NOTE,
            "spool %s: belongs to root, so all programs run as root: give it a user of its own",
            path);
}

static void check_spool(struct report *r)
{
    struct tool *tool = r->tool;
    struct buf why = {0};
    struct stat root;
    if (!tool->spool_path)
        tool->spool_path = conf_text(&tool->conf, SET_SPOOL);
    if (!tool->spool_path)
        return;
    if (!spool_open_readonly(&tool->spool, tool->spool_path, &why) ||
        fstat(tool->spool.root, &root) < 0) {
        report(r, LEVEL_WRONG, "spool %s", why.len ? buf_text(&why) : strerror(errno));
        buf_free(&why);
        return;
    }
    check_root(r, &root);
    for (enum spool_dir dir = 0; dir < SPOOL_DIRS; dir++)
        check_dir(r, dir, &root);
    report(r, LEVEL_OK, "%s",
        tool_drain_at_work(tool) ? "a drain is at work" : "no drain is at work just now");
}

/* Counters, ledger and Maildir are made by the owner of the spool. */
static void check_state_owners(struct report *r, const char *path, const struct stat *st)
{
    struct stat root;
    struct dirent *entry;
    if (r->tool->spool.root < 0 || fstat(r->tool->spool.root, &root) < 0)
        return;
    DIR *stream = opendir(path);
    struct foreign foreign = {.dir = stream ? dirfd(stream) : -1, .root = &root};
    while (stream && (entry = readdir(stream)))
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            count_foreign(&foreign, entry->d_name);
    report_foreign(r, path, path, st, &foreign);
    if (stream)
        closedir(stream);
}

static void check_state(struct report *r)
{
    struct stat st;
    char counters[PATH_MAX], text[256];
    const char *path = conf_text(&r->tool->conf, SET_STATE);
    if (!path)
        return;
    errno = 0;
    if (stat(path, &st) < 0 || !S_ISDIR(st.st_mode)) {
        report(r, LEVEL_WRONG, "state directory %s: %s", path,
            errno ? strerror(errno) : "is not a directory");
        return;
    }
    describe(&st, text, sizeof text);
    report(r, st.st_mode & S_IWOTH ? LEVEL_WRONG : LEVEL_OK, "state directory %s: %s%s", path, text,
        st.st_mode & S_IWOTH ? ", writable by everybody: chmod o-w it" : "");
    check_state_owners(r, path, &st);
    if (snprintf(counters, sizeof counters, "%s/counters", path) < (int)sizeof counters &&
        access(counters, F_OK) < 0)
        report(r, LEVEL_NOTE, "nothing was counted yet: %s", strerror(errno));
}

void check_install(struct report *r)
{
    check_settings(r);
    check_keys(r);
    check_spool(r);
    check_state(r);
    check_mail(r);
}
