#include "base/conf_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"

bool conf_file_read(const char *path, struct buf *text, mode_t *mode)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return false;
    bool ok = fstat(fd, &st) == 0;
    if (ok && !S_ISREG(st.st_mode)) {
        errno = EINVAL;
        ok = false;
    }
    ok = ok && io_read_all(fd, text, 0, CONF_FILE_MAX);
    *mode = st.st_mode;
    int saved = errno;
    close(fd);
    errno = saved;
    return ok;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

/* Cuts blanks off both ends. */
static char *trim(char *text)
{
    while (is_blank(*text))
        text++;
    size_t len = strlen(text);
    while (len && is_blank(text[len - 1]))
        text[--len] = '\0';
    return text;
}

/* One pair of quotes round the whole value goes; false when it is opened and not closed. */
static bool unquote(char **value)
{
    char *text = *value;
    size_t len = strlen(text);
    if (*text != '"' && *text != '\'')
        return true;
    if (len < 2 || text[len - 1] != *text)
        return false;
    text[len - 1] = '\0';
    *value = text + 1;
    return true;
}

enum conf_line conf_file_next(char **at, int *number, char **key, char **value)
{
    while (**at) {
        char *line = *at;
        char *end = line + strcspn(line, "\n");
        *at = *end ? end + 1 : end;
        *end = '\0';
        ++*number;
        line = trim(line);
        if (!*line || *line == '#' || *line == ';')
            continue;
        char *equals = strchr(line, '=');
        *key = line;
        if (!equals)
            return CONF_LINE_WRONG;
        *equals = '\0';
        *key = trim(line);
        *value = trim(equals + 1);
        return unquote(value) ? CONF_LINE_PAIR : CONF_LINE_WRONG;
    }
    return CONF_LINE_END;
}
