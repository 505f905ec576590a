#include "base/conf_file.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"

enum { LINKS_MAX = 40 }; /* as the kernel follows */

/*
 * Could any user put something else in the place of this directory entry, a file or a link? `st` is
 * the entry's own.
 */
static bool check_entry(const char *path, const struct stat *st, struct buf *why)
{
    const char *slash = strrchr(path, '/');
    struct buf dir = {0};
    struct stat around;
    size_t before = why->len;
    if (slash)
        buf_add(&dir, path, slash == path ? 1 : (size_t)(slash - path));
    else
        buf_puts(&dir, ".");
    if (stat(buf_text(&dir), &around) < 0)
        buf_printf(why, "its directory %s: %s", buf_text(&dir), strerror(errno));
    else if ((around.st_mode & (S_IWOTH | S_ISVTX)) == S_IWOTH)
        buf_printf(why, "its directory is writable by everybody: chmod o-w %s", buf_text(&dir));
    else if (around.st_mode & S_IWOTH && st->st_uid != 0 && st->st_uid != geteuid())
        buf_printf(why,
            "belongs to another user (uid %u), in a directory that everybody can write to: "
            "chown -h root %s",
            (unsigned)st->st_uid, path);
    buf_free(&dir);
    return why->len == before && !why->failed;
}

/* Puts the path that a link names in the place of its own. 0: `path` is no link; -1: errno. */
static int follow_link(char path[PATH_MAX])
{
    char target[PATH_MAX], next[2 * PATH_MAX];
    ssize_t len = readlink(path, target, sizeof target);
    const char *slash = strrchr(path, '/');
    if (len < 0)
        return errno == EINVAL ? 0 : -1;
    int folder = *target == '/' || !slash ? 0 : (int)(slash - path + 1);
    int size = snprintf(next, sizeof next, "%.*s%.*s", folder, path, (int)len, target);
    if (size >= PATH_MAX || len == sizeof target) {
        errno = ENAMETOOLONG;
        return -1;
    }
    memcpy(path, next, (size_t)size + 1);
    return 1;
}

bool conf_file_safe(const char *path, const struct stat *st, struct buf *why)
{
    char at[PATH_MAX], entry[PATH_MAX];
    struct stat link;
    int more = 1;
    if (st->st_mode & S_IWOTH)
        buf_printf(why, "is writable by everybody: chmod o-w %s", path);
    else if (snprintf(at, sizeof at, "%s", path) >= (int)sizeof at)
        buf_puts(why, "its name is too long");
    for (int links = 0; more && why->len == 0; links++) {
        snprintf(entry, sizeof entry, "%s", at);
        more = follow_link(at);
        if (links > LINKS_MAX)
            more = -1;
        if (more < 0 || (more && lstat(entry, &link) < 0))
            buf_printf(why, "%s: %s", entry, strerror(links > LINKS_MAX ? ELOOP : errno));
        else if (!check_entry(entry, more ? &link : st, why) && links)
            buf_printf(why, " (%s is a link to there)", path);
    }
    return why->len == 0 && !why->failed;
}

/* One pair of quotes round the entire value goes. */
enum conf_line conf_file_next(char **at, int *number, char **name, char **value)
{
    while (**at) {
        char *line = *at;
        char *end = line + strcspn(line, "\n");
        *at = *end ? end + 1 : end;
        *end = '\0';
        ++*number;
        line = text_trim(line);
        if (!*line || *line == '#' || *line == ';')
            continue;
        char *equals = strchr(line, '=');
        *name = line;
        if (!equals)
            return CONF_LINE_WRONG;
        *equals = '\0';
        *name = text_trim(line);
        *value = text_trim(equals + 1);
        size_t len = strlen(*value);
        char quote = **value;
        if (quote != '"' && quote != '\'')
            return CONF_LINE_PAIR;
        if (len < 2 || (*value)[len - 1] != quote)
            return CONF_LINE_WRONG;
        (*value)[len - 1] = '\0';
        ++*value;
        return CONF_LINE_PAIR;
    }
    return CONF_LINE_END;
}
