#include "base/hex.h"

static const char digits[] = "0123456789abcdef";

/*
 * One more than each digit's value, 0 for what is no digit. A table, because a branch would make
 * the time of decoding a signature depend on its digits, and hide what else it depends on.
 */
static const signed char value_and_one[256] = {['0'] = 1,
    ['1'] = 2,
    ['2'] = 3,
    ['3'] = 4,
    ['4'] = 5,
    ['5'] = 6,
    ['6'] = 7,
    ['7'] = 8,
    ['8'] = 9,
    ['9'] = 10,
    ['a'] = 11,
    ['b'] = 12,
    ['c'] = 13,
    ['d'] = 14,
    ['e'] = 15,
    ['f'] = 16};

static int value_of(char c)
{
    return value_and_one[(unsigned char)c] - 1;
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
