#include "base/conf_file.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"

bool conf_file_safe(const char *path, const struct stat *st, struct buf *why)
{
    const char *slash = strrchr(path, '/');
    struct buf dir = {0};
    struct stat around;
    if (slash)
        buf_add(&dir, path, slash == path ? 1 : (size_t)(slash - path));
    else
        buf_puts(&dir, ".");
    if (st->st_mode & S_IWOTH)
        buf_printf(why, "is writable by everybody: chmod o-w %s", path);
    else if (stat(buf_text(&dir), &around) < 0)
        buf_printf(why, "its directory %s: %s", buf_text(&dir), strerror(errno));
    else if ((around.st_mode & (S_IWOTH | S_ISVTX)) == S_IWOTH)
        buf_printf(why, "its directory is writable by everybody: chmod o-w %s", buf_text(&dir));
    else if (around.st_mode & S_IWOTH && st->st_uid != 0 && st->st_uid != geteuid())
        buf_printf(why,
            "belongs to another user (uid %u), in a directory that everybody can write to: "
            "chown root %s",
            (unsigned)st->st_uid, path);
    buf_free(&dir);
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
