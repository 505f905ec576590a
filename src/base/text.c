#include "base/text.h"

#include <stddef.h>
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

char *text_trim(char *text)
{
    static const char blanks[] = " \t\r";
    text += strspn(text, blanks);
    for (size_t len = strlen(text); len && strchr(blanks, text[len - 1]);)
        text[--len] = '\0';
    return text;
}

void text_mask(char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text < ' ' || *text == 0x7f)
            *text = '?';
}
