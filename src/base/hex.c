#include "base/hex.h"

static const char digits[] = "0123456789abcdef";

static int value_of(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return -1;
}

void hex_encode(const unsigned char *data, size_t len, char *out)
{
    for (size_t i = 0; i < len; i++) {
        out[2 * i] = digits[data[i] >> 4];
        out[2 * i + 1] = digits[data[i] & 15];
    }
    out[2 * len] = '\0';
}

bool hex_decode(const char *text, size_t text_len, unsigned char *out, size_t len)
{
    if (text_len != 2 * len || !hex_only(text, text_len))
        return false;
    for (size_t i = 0; i < len; i++)
        out[i] = (unsigned char)(value_of(text[2 * i]) << 4 | value_of(text[2 * i + 1]));
    return true;
}

bool hex_only(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (value_of(text[i]) < 0)
            return false;
    return true;
}
