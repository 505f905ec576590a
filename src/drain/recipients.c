#include "drain/recipients.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

static bool has(const struct recipients *recipients, const char *address)
{
    for (size_t i = 0; i < recipients->count; i++)
        if (strcasecmp(recipients->address[i], address) == 0)
            return true;
    return false;
}

static bool add(struct recipients *recipients, const char *text, size_t len)
{
    char *address = strndup(text, len);
    if (address && !*address)
        goto drop;
    if (!address || has(recipients, address))
        goto drop;
    char **grown = reallocarray(recipients->address, recipients->count + 1, sizeof *grown);
    if (!grown) {
        free(address);
        return false;
    }
    recipients->address = grown;
    recipients->address[recipients->count++] = address;
    return true;
drop:
    free(address);
    return address != NULL;
}

bool recipients_parse(struct recipients *recipients, const char *list)
{
    *recipients = (struct recipients){0};
    while (*list) {
        list += strspn(list, " \t,");
        size_t len = strcspn(list, " \t,");
        if (!add(recipients, list, len)) {
            recipients_free(recipients);
            return false;
        }
        list += len;
    }
    return true;
}

void recipients_free(struct recipients *recipients)
{
    for (size_t i = 0; i < recipients->count; i++)
        free(recipients->address[i]);
    free(recipients->address);
    *recipients = (struct recipients){0};
}
