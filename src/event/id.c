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

bool id_valid(const char *text)
{
    return strlen(text) == ID_LEN && hex_only(text, ID_LEN);
}
