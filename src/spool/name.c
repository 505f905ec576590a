#include "spool/name.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/address.h"
#include "base/digest.h"
#include "base/hex.h"

bool name_of_mail(const char *event_name, const char *recipient, char name[MAIL_NAME_SIZE])
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

bool name_parse(const char *text, struct spool_name *name)
{
    *name = (struct spool_name){0};
    if (strlen(text) < ID_LEN || !hex_only(text, ID_LEN))
        return false;
    memcpy(name->id, text, ID_LEN);
    text += ID_LEN;
    if (*text == '.') {
        const char *number = ++text;
        size_t digits = strspn(number, "0123456789");
        if (digits == 0 || digits > 18 || *number == '0')
            return false;
        name->replay_number = strtoll(number, NULL, 10);
        text += digits;
    }
    if (*text == '-') {
        text++;
        if (strlen(text) != RECIPIENT_LEN || !hex_only(text, RECIPIENT_LEN))
            return false;
        memcpy(name->recipient, text, RECIPIENT_LEN);
        text += RECIPIENT_LEN;
    }
    return *text == '\0';
}
