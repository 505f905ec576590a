#include "event/key.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/address.h"
#include "base/digest.h"
#include "base/hex.h"

static bool key_over(const struct digest_part *parts, size_t count, char key[KEY_SIZE])
{
    char digest[DIGEST_HEX + 1];
    if (!digest_hex(parts, count, digest))
        return false;
    memcpy(key, digest, KEY_LEN);
    key[KEY_LEN] = '\0';
    return true;
}

bool key_of(const char *provider, const void *body, size_t len, char key[KEY_SIZE])
{
    struct digest_part parts[] = {{provider, strlen(provider) + 1}, {body, len}};
    return key_over(parts, 2, key);
}

bool key_of_hour(
    const char *provider, const void *body, size_t len, int64_t arrival, char key[KEY_SIZE])
{
    char hour[24];
    int digits = snprintf(hour, sizeof hour, "%lld", (long long)(arrival / 3600000));
    struct digest_part parts[] = {
        {provider, strlen(provider) + 1}, {body, len}, {"", 1}, {hour, (size_t)digits}};
    return key_over(parts, 4, key);
}

bool key_valid(const char *text)
{
    return strlen(text) == KEY_LEN && hex_only(text, KEY_LEN);
}

bool mail_name(const char *event_name, const char *recipient, char name[MAIL_NAME_SIZE])
{
    char lower[ADDRESS_SIZE], digest[DIGEST_HEX + 1];
    size_t len = strlen(recipient);
    if (len >= sizeof lower)
        return false;
    for (size_t i = 0; i <= len; i++)
        lower[i] = (char)tolower((unsigned char)recipient[i]);
    if (!digest_hex(&(struct digest_part){lower, len}, 1, digest))
        return false;
    return snprintf(name, MAIL_NAME_SIZE, "%s-%.*s", event_name, RECIPIENT_LEN, digest) <
           MAIL_NAME_SIZE;
}

/* ".1763719200", if there is one. */
static bool generation(const char **text, int64_t *value)
{
    if (**text != '.')
        return true;
    const char *first = ++*text;
    size_t len = strspn(first, "0123456789");
    if (len == 0 || len > 18 || *first == '0')
        return false;
    *value = strtoll(first, NULL, 10);
    *text += len;
    return true;
}

static bool recipient(const char **text, char out[RECIPIENT_LEN + 1])
{
    if (**text != '-')
        return true;
    ++*text;
    if (strlen(*text) != RECIPIENT_LEN || !hex_only(*text, RECIPIENT_LEN))
        return false;
    memcpy(out, *text, RECIPIENT_LEN);
    *text += RECIPIENT_LEN;
    return true;
}

bool name_parse(const char *text, struct spool_name *name)
{
    *name = (struct spool_name){0};
    if (strlen(text) < KEY_LEN || !hex_only(text, KEY_LEN))
        return false;
    memcpy(name->key, text, KEY_LEN);
    text += KEY_LEN;
    return generation(&text, &name->generation) && recipient(&text, name->recipient) &&
           *text == '\0';
}
