#include "event/id.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/hex.h"

bool id_make(
    const char *provider, const char sha256[DIGEST_HEX + 1], int64_t arrival, char id[ID_SIZE])
{
    char hour[24] = "", digest[DIGEST_HEX + 1];
    int digits = 0;
    if (arrival != TIME_NONE)
        digits = snprintf(hour, sizeof hour, "%lld", (long long)(arrival / (3600 * MS_PER_SECOND)));
    const struct digest_part parts[] = {
        {provider, strlen(provider) + 1}, {sha256, DIGEST_HEX}, {"", 1}, {hour, (size_t)digits}};
    if (!digest_hex(parts, digits ? 4 : 2, digest))
        return false;
    memcpy(id, digest, ID_LEN);
    id[ID_LEN] = '\0';
    return true;
}

#define ALARM_ZEROS "00000000"

bool id_make_alarm(const char *const *words, size_t count, char id[ID_SIZE])
{
    enum { WORDS_MAX = 4 };
    struct digest_part parts[WORDS_MAX];
    char digest[DIGEST_HEX + 1];
    for (size_t i = 0; i < count && i < WORDS_MAX; i++)
        parts[i] = (struct digest_part){words[i], strlen(words[i]) + 1};
    if (count > WORDS_MAX || !digest_hex(parts, count, digest))
        return false;
    snprintf(id, ID_SIZE, ALARM_ZEROS "%.*s", (int)(ID_LEN - strlen(ALARM_ZEROS)), digest);
    return true;
}

bool id_is_alarm(const char *name)
{
    return strncmp(name, ALARM_ZEROS, strlen(ALARM_ZEROS)) == 0;
}

bool id_valid(const char *text)
{
    return strlen(text) == ID_LEN && hex_only(text, ID_LEN);
}
