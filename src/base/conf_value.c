#include "base/conf_value.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/address.h"
#include "base/clock.h"

struct unit {
    const char *name;
    int64_t factor;
};

static const struct unit durations[] = {
    {"s", 1000}, {"m", 60000}, {"h", 3600000}, {"d", MS_PER_DAY}, {NULL, 0}};
static const struct unit seconds[] = {
    {"", 1000}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {"d", MS_PER_DAY}, {NULL, 0}};
static const struct unit sizes[] = {
    {"", 1}, {"K", 1024}, {"M", 1 << 20}, {"G", 1 << 30}, {NULL, 0}};
static const struct unit plain[] = {{"", 1}, {NULL, 0}};

/* Digits, then one of the units; false for anything else and for what does not fit. */
static bool number(const char *text, const struct unit *units, int64_t *value)
{
    char *end;
    if (*text < '0' || *text > '9')
        return false;
    errno = 0;
    long long n = strtoll(text, &end, 10);
    if (errno)
        return false;
    for (; units->name; units++)
        if (strcmp(end, units->name) == 0)
            return !__builtin_mul_overflow((int64_t)n, units->factor, value);
    return false;
}

static void put_amount(struct buf *hint, const struct unit *units, int64_t amount)
{
    const struct unit *best = units;
    for (; units->name; units++)
        if (units->factor <= amount && amount % units->factor == 0)
            best = units;
    buf_printf(hint, "%lld%s", (long long)(amount / best->factor), best->name);
}

static const char *bounded(const struct setting_info *info, const char *text,
    const struct unit *units, const char *what, struct conf_value *value, struct buf *hint)
{
    if (number(text, units, &value->number) && value->number >= info->low &&
        value->number <= info->high)
        return NULL;
    buf_printf(hint, "%s from ", what);
    put_amount(hint, units, info->low);
    buf_puts(hint, " to ");
    put_amount(hint, units, info->high);
    return buf_text(hint);
}

/* The place of `text` in a list of words separated by blanks, or -1. */
static int word_index(const char *words, const char *text)
{
    size_t len = strlen(text);
    for (int i = 0; *words; i++) {
        size_t n = strcspn(words, " ");
        if (n == len && memcmp(words, text, n) == 0)
            return i;
        words += n + strspn(words + n, " ");
    }
    return -1;
}

static const char *check_word(
    const struct setting_info *info, const char *text, struct conf_value *value, struct buf *hint)
{
    value->number = word_index(info->words, text);
    if (value->number >= 0)
        return NULL;
    buf_printf(hint, "one of: %s", info->words);
    return buf_text(hint);
}

static const char *check_bool(const char *text, struct conf_value *value)
{
    int place = word_index("no false off 0 yes true on 1", text);
    value->number = place >= 4;
    return place >= 0 ? NULL : "yes or no";
}

static const char *check_reserve(
    const struct setting_info *info, const char *text, struct conf_value *value)
{
    char size[32];
    size_t len = strcspn(text, ",");
    bool ok = len < sizeof size;
    if (ok) {
        memcpy(size, text, len);
        size[len] = '\0';
        ok = number(size, sizes, &value->number) && value->number <= info->high;
    }
    if (ok && text[len] == ',')
        ok = number(text + len + 1, plain, &value->second);
    return ok ? NULL : "a size, or a size and a number of inodes: 64M or 64M,1000";
}

static const char *check_addresses(const char *text)
{
    static const char wanted[] =
        "mail addresses such as owner@example.org, separated by commas, without names";
    while (*text) {
        char one[ADDRESS_SIZE];
        size_t len = strcspn(text, ",");
        size_t end = len;
        size_t blank = strspn(text, " \t");
        while (end > blank && (text[end - 1] == ' ' || text[end - 1] == '\t'))
            end--;
        if (end <= blank || end - blank >= sizeof one)
            return wanted;
        memcpy(one, text + blank, end - blank);
        one[end - blank] = '\0';
        if (!address_valid(one))
            return wanted;
        text += len + (text[len] == ',');
    }
    return NULL;
}

static bool all_of(const char *text, const char *allowed)
{
    return text[strspn(text, allowed)] == '\0';
}

#define ALNUM "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"

static const char *check_endpoint(const char *text)
{
    size_t len = strlen(text);
    bool ok = len > 1 && text[0] == '/' && text[len - 1] != '/' && !strstr(text, "//") &&
              all_of(text, ALNUM "/-._~");
    return ok ? NULL
              : "a path such as /api/hook: begins with '/', does not end with one, and "
                "holds only letters, digits and -._~/";
}

static const char *check_url(const char *text)
{
    bool ok = strncmp(text, "https://", 8) == 0 || strncmp(text, "http://", 7) == 0;
    return ok && !strpbrk(text, " \t\"<>") ? NULL : "a URL that begins with https:// or http://";
}

const char *conf_value_check(
    const struct setting_info *info, const char *text, struct conf_value *value, struct buf *hint)
{
    switch (info->kind) {
    case SETTING_TEXT:
    case SETTING_TRANSPORT: /* deliver/target.h reads it */
        return NULL;
    case SETTING_PATH:
        return *text == '/' ? NULL : "an absolute path: it begins with '/'";
    case SETTING_ENDPOINT:
        return check_endpoint(text);
    case SETTING_URL:
        return check_url(text);
    case SETTING_ADDRESS:
        return address_valid(text) ? NULL : "one mail address such as owner@example.org";
    case SETTING_ADDRESSES:
        return check_addresses(text);
    case SETTING_NUMBER:
        return bounded(info, text, plain, "a whole number", value, hint);
    case SETTING_SECONDS:
        return bounded(info, text, seconds, "seconds, or a duration such as 5m,", value, hint);
    case SETTING_DURATION:
        return bounded(info, text, durations, "a duration with s, m, h or d,", value, hint);
    case SETTING_SIZE:
        return bounded(info, text, sizes, "a size in bytes or with K, M or G,", value, hint);
    case SETTING_RESERVE:
        return check_reserve(info, text, value);
    case SETTING_BOOL:
        return check_bool(text, value);
    case SETTING_WORD:
        return check_word(info, text, value, hint);
    }
    return NULL;
}
