#include "base/conf_file.h"

#include <fcntl.h>
#include <string.h>

#include "base/io.h"

bool conf_file_read(const char *path, struct buf *text, mode_t *mode)
{
    return io_read_file(AT_FDCWD, path, text, CONF_FILE_MAX, mode);
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
