#include "base/address.h"

#include <arpa/inet.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

#include "base/text.h"

#define ALNUM "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"

enum { LOCAL_MAX = 64, LABEL_MAX = 63 };

/* atext of RFC 5322 between single dots. */
static bool dot_atom(const char *text, size_t len)
{
    static const char atext[] = ALNUM "!#$%&'*+-/=?^_`{|}~";
    size_t at = 0;
    if (len == 0 || len > LOCAL_MAX)
        return false;
    for (;;) {
        size_t atom = strspn(text + at, atext);
        at += atom;
        if (atom == 0 || at > len)
            return false;
        if (at == len)
            return true;
        if (text[at++] != '.')
            return false;
    }
}

static bool host_name(const char *text)
{
    for (;;) {
        size_t label = strspn(text, ALNUM "-");
        if (label == 0 || label > LABEL_MAX || text[0] == '-' || text[label - 1] == '-')
            return false;
        if (text[label] == '\0')
            return true;
        if (text[label] != '.')
            return false;
        text += label + 1;
    }
}

bool address_valid(const char *text)
{
    const char *at = strchr(text, '@');
    return at && strlen(text) <= ADDRESS_MAX && dot_atom(text, (size_t)(at - text)) &&
           host_name(at + 1);
}

bool mailbox_parse(const char *text, struct mailbox *out)
{
    const char *open = strrchr(text, '<');
    size_t len = open ? (size_t)(open - text) : 0, end = strlen(text);
    *out = (struct mailbox){0};
    if (!open)
        return end < sizeof out->address && strcpy(out->address, text) && address_valid(text);
    const char *name = text_trimmed(text, &len, " \t");
    if (len >= 2 && name[0] == '"' && name[len - 1] == '"') {
        name++;
        len -= 2;
    }
    if (text[end - 1] != '>' || len >= sizeof out->name || end - len >= sizeof out->address)
        return false;
    memcpy(out->name, name, len);
    memcpy(out->address, open + 1, (size_t)(text + end - 1 - (open + 1)));
    for (const char *c = out->name; *c; c++)
        if ((unsigned char)*c < ' ' || *c == 0x7f || strchr("<>\"", *c))
            return false;
    return address_valid(out->address);
}

bool address_is_loopback(const char *host)
{
    struct in_addr address;
    if (inet_pton(AF_INET, host, &address) == 1)
        return ntohl(address.s_addr) >> 24 == 127;
    return strcasecmp(host, "localhost") == 0 || strcmp(host, "[::1]") == 0;
}
