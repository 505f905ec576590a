#include "base/text.h"

#include <string.h>

const char *text_line(const char **at, int *len)
{
    const char *line = *at;
    if (!*line)
        return NULL;
    *len = (int)strcspn(line, "\n");
    *at = line + *len + (line[*len] == '\n');
    return line;
}

const char *text_trimmed(const char *text, size_t *len, const char *blanks)
{
    while (*len && strchr(blanks, *text))
        text++, --*len;
    while (*len && strchr(blanks, text[*len - 1]))
        --*len;
    return text;
}

char *text_trim(char *text)
{
    size_t len = strlen(text);
    text = (char *)text_trimmed(text, &len, " \t\r");
    text[len] = '\0';
    return text;
}

void text_mask(char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text < ' ' || *text == 0x7f)
            *text = '?';
}
