/* bookspool check: the directories, and the commands that repair them. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "spool/owner.h"
#include "tool/check.h"

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
    if (owner_is_foreign(st, foreign->root)) {
        add_finding(
            r, LEVEL_FAIL, "%s: belongs to %s, not to the spool's owner", place, buf_text(&owner));
        add_remedy(r, "run as root: %s", buf_text(&command));
    }
    if (foreign->count) {
        add_finding(r, LEVEL_FAIL,
            "%s: files of another user than the spool's owner: %zu, such as %s", place,
            foreign->count, buf_text(&foreign->example));
        add_remedy(r, "run as root: %s", buf_text(&command));
    }
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
        if (errno != ENOENT) /* the first program that starts makes what is missing */
            add_finding(r, LEVEL_FAIL, "%s/%s: %s", path, name, strerror(errno));
        return;
    }
    if (!S_ISDIR(st.st_mode)) {
        add_finding(r, LEVEL_FAIL, "%s/%s: is not a directory", path, name);
        add_remedy(r, "move it away: the programs make the directory");
    } else if (st.st_dev != root->st_dev) {
        add_finding(r, LEVEL_FAIL, "%s/%s: is on another file system than the spool", path, name);
        add_remedy(r, "unmount it: a file can only be renamed within one file system");
    } else if (st.st_mode & S_IWOTH) {
        add_finding(r, LEVEL_FAIL, "%s/%s: is writable by everybody", path, name);
        add_remedy(r, "chmod o-w %s/%s", path, name);
    } else {
        struct spool *spool = &r->tool->spool;
        struct foreign foreign = {.dir = spool->dir[dir], .root = root};
        char place[PATH_MAX];
        snprintf(place, sizeof place, "%s/%s", path, name);
        if (foreign.dir >= 0 && !spool_walk(spool, dir, visit_owner, &foreign))
            add_finding(r, LEVEL_FAIL, "%s: %s", place, strerror(errno));
        report_foreign(r, place, path, &st, &foreign);
        if (owner_is_foreign(&st, root))
            return;
        if (st.st_uid != root->st_uid || st.st_gid != root->st_gid) {
            struct buf command = {0};
            owner_append_command(&command, path, root);
            add_finding(r, LEVEL_WARN, "%s/%s: is not of the spool's owner and group", path, name);
            add_remedy(r, "run as root: %s", buf_text(&command));
            buf_free(&command);
        } else if (st.st_uid == root->st_uid && (st.st_mode & S_IRWXU) != S_IRWXU) {
            add_finding(r, LEVEL_FAIL, "%s/%s: its owner may not use it (mode %04o)", path, name,
                (unsigned)st.st_mode & 07777);
            add_remedy(r, "chmod 2770 %s/%s", path, name);
        } else if (spool->dir[dir] < 0) {
            add_finding(r, LEVEL_WARN, "%s/%s: is closed to you", path, name);
            add_remedy(r, "run this as root");
        }
    }
}

/* The user that the programs run as: the unit's, else `bookspool`; NULL: not known. */
static const struct passwd *find_user(void)
{
    char name[SITE_TEXT];
    if (!site_unit_value("bookspool-fcgi.service", "User", name))
        snprintf(name, sizeof name, "bookspool");
    return getpwnam(name);
}

static void check_spool_owner(struct report *r, const char *path, const struct stat *root)
{
    const struct passwd *user = find_user();
    if (user && user->pw_uid != root->st_uid) {
        const struct stat right = {.st_uid = user->pw_uid, .st_gid = user->pw_gid};
        struct buf command = {0};
        owner_append_command(&command, path, &right);
        add_finding(r, LEVEL_FAIL, "spool %s: does not belong to %s, as whom the programs run",
            path, user->pw_name);
        add_remedy(r, "run as root: %s; chmod 2770 %s", buf_text(&command), path);
        buf_free(&command);
    } else if (root->st_uid == 0) {
        add_finding(r, LEVEL_WARN, "spool %s: belongs to root, so all programs run as root", path);
        add_remedy(r,
            "give it a user of its own: adduser --system --group bookspool; chown -R "
            "bookspool:bookspool %s",
            path);
    }
}

/* Below the reserve new events are answered 503. */
static void check_room(struct report *r, const char *path)
{
    const struct conf_value *reserve = &r->tool->conf.value[SET_RESERVE];
    struct statvfs fs;
    if (!report_knows(r, SET_RESERVE) || fstatvfs(r->tool->spool.root, &fs) < 0)
        return;
    int64_t bytes = (int64_t)(fs.f_bavail * fs.f_frsize), inodes = (int64_t)fs.f_favail;
    bool counts = fs.f_files > 0; /* some file systems have no fixed number of inodes */
    bool full = bytes < reserve->number || (counts && inodes < reserve->second);
    bool close = bytes < 2 * reserve->number || (counts && inodes < 2 * reserve->second);
    if (!full && !close)
        return;
    add_finding(r, full ? LEVEL_FAIL : LEVEL_WARN,
        "spool %s: %lld MB and %lld inodes are free, %s BOOKSPOOL_RESERVE%s", path,
        (long long)(bytes >> 20), (long long)inodes, full ? "below" : "less than twice",
        full ? ": new events are answered 503" : "");
    add_remedy(r, "free some: df %s; logs, old backups, or a shorter BOOKSPOOL_RETENTION", path);
}

void check_spool(struct report *r)
{
    struct tool *tool = r->tool;
    struct buf why = {0};
    struct stat root;
    char text[256];
    r->area = "spool";
    if (!tool->spool_path && report_knows(r, SET_SPOOL))
        tool->spool_path = conf_text(&tool->conf, SET_SPOOL);
    if (!tool->spool_path)
        return;
    const char *path = tool->spool_path;
    if (!spool_open_readonly(&tool->spool, path, &why) || fstat(tool->spool.root, &root) < 0) {
        add_finding(r, LEVEL_FAIL, "spool %s", why.len ? buf_text(&why) : strerror(errno));
        add_remedy(r, "run as root: install -d -o bookspool -g bookspool -m 2770 %s", path);
        buf_free(&why);
        return;
    }
    describe_owner(&root, text, sizeof text);
    if (root.st_mode & S_IWOTH) {
        add_finding(r, LEVEL_FAIL, "spool %s: is writable by everybody (%s)", path, text);
        add_remedy(r, "chmod o-rwx %s", path);
    } else if (root.st_mode & S_IRWXO) {
        add_finding(r, LEVEL_WARN, "spool %s: is open to others (%s)", path, text);
        add_remedy(r, "chmod o-rwx %s", path);
    } else if ((root.st_mode & S_IRWXU) != S_IRWXU) {
        add_finding(r, LEVEL_FAIL, "spool %s: its owner may not use it (%s)", path, text);
        add_remedy(r, "chmod 2770 %s", path);
    } else
        add_finding(r, LEVEL_PASS, "spool %s: %s", path, text);
    check_spool_owner(r, path, &root);
    check_room(r, path);
    for (enum spool_dir dir = 0; dir < SPOOL_DIRS; dir++)
        check_dir(r, dir, &root);
    if (tool_drain_at_work(tool))
        add_finding(r, LEVEL_PASS, "a drain is at work");
}

void check_state(struct report *r)
{
    struct stat st, root;
    struct dirent *entry;
    char counters[PATH_MAX], text[256];
    const char *path = conf_text(&r->tool->conf, SET_STATE);
    r->area = "state";
    if (!path || !report_knows(r, SET_STATE))
        return;
    errno = 0;
    if (stat(path, &st) < 0 || !S_ISDIR(st.st_mode)) {
        add_finding(r, LEVEL_FAIL, "state directory %s: %s", path,
            errno ? strerror(errno) : "is not a directory");
        add_remedy(r, "run as root: install -d -o bookspool -g bookspool -m 2770 %s", path);
        return;
    }
    describe_owner(&st, text, sizeof text);
    add_finding(r, LEVEL_PASS, "state directory %s: %s", path, text);
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
        add_finding(r, errno == ENOENT ? LEVEL_PASS : LEVEL_WARN, "nothing was counted yet: %s",
            strerror(errno));
}
