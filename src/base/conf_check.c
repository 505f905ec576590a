#include "base/conf_check.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/address.h"
#include "base/clock.h"
#include "base/text.h"

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
static bool parse_number(const char *text, const struct unit *units, int64_t *value)
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

bool conf_duration(const char *text, int64_t *ms)
{
    return parse_number(text, durations, ms);
}

static void put_amount(struct buf *hint, const struct unit *units, int64_t amount)
{
    const struct unit *best = units;
    for (; units->name; units++)
        if (units->factor <= amount && amount % units->factor == 0)
            best = units;
    buf_printf(hint, "%lld%s", (long long)(amount / best->factor), best->name);
}

static const char *check_bounds(const struct setting_info *info, const char *text,
    const struct unit *units, const char *what, struct conf_value *value, struct buf *hint)
{
    if (parse_number(text, units, &value->number) && value->number >= info->low &&
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

static const char *check_reserve(
    const struct setting_info *info, const char *text, struct conf_value *value)
{
    char size[32];
    size_t len = strcspn(text, ",");
    snprintf(size, sizeof size, "%.*s", (int)(len < sizeof size ? len : 0), text);
    bool ok = len < sizeof size && parse_number(size, sizes, &value->number) &&
              value->number <= info->high &&
              (text[len] != ',' || parse_number(text + len + 1, plain, &value->second));
    return ok ? NULL : "a size, or a size and a number of inodes: 64M or 64M,1000";
}

static const char *check_addresses(const char *text)
{
    for (size_t len; *text; text += len + (text[len] == ',')) {
        char one[ADDRESS_SIZE];
        len = strcspn(text, ",");
        size_t n = len;
        const char *from = text_trimmed(text, &n, " \t");
        snprintf(one, sizeof one, "%.*s", (int)(n < sizeof one ? n : 0), from);
        if (n >= sizeof one || !address_valid(one))
            return "mail addresses such as owner@example.org, separated by commas, without names";
    }
    return NULL;
}

#define ALNUM "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"

static const char *check_endpoint(const char *text)
{
    size_t len = strlen(text);
    bool ok = len > 1 && text[0] == '/' && text[len - 1] != '/' && !strstr(text, "//") &&
              !text[strspn(text, ALNUM "/-._~")];
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
        return NULL;
    case SETTING_PATH:
        return *text == '/' ? NULL : "an absolute path: it begins with '/'";
    case SETTING_ENDPOINT:
        return check_endpoint(text);
    case SETTING_URL:
        return check_url(text);
    case SETTING_ADDRESS:
        return address_valid(text) ? NULL : "one mail address such as owner@example.org";
    case SETTING_MAILBOX:
        return mailbox_parse(text, &(struct mailbox){0})
                   ? NULL
                   : "one mail address such as bookings@example.org, or with a name: "
                     "Bookings <bookings@example.org>";
    case SETTING_ADDRESSES:
        return check_addresses(text);
    case SETTING_NUMBER:
        return check_bounds(info, text, plain, "a whole number", value, hint);
    case SETTING_SECONDS:
        return check_bounds(info, text, seconds, "seconds, or a duration such as 5m,", value, hint);
    case SETTING_DURATION:
        return check_bounds(info, text, durations, "a duration with s, m, h or d,", value, hint);
    case SETTING_SIZE:
        return check_bounds(info, text, sizes, "a size in bytes or with K, M or G,", value, hint);
    case SETTING_RESERVE:
        return check_reserve(info, text, value);
    case SETTING_BOOL:
        value->number = word_index("no false off 0 yes true on 1", text);
        if (value->number < 0)
            return "yes or no";
        value->number = value->number >= 4;
        return NULL;
    case SETTING_WORD:
        value->number = word_index(info->words, text);
        if (value->number >= 0)
            return NULL;
        buf_printf(hint, "one of: %s", info->words);
        return buf_text(hint);
    }
    return NULL;
}

/* ---- rules between settings ---- */

/* May a rule be applied? A setting that is wrong by itself was reported. */
static bool known(const struct conf *conf, enum setting which)
{
    return conf_may_have(conf, which) && conf->value[which].parsed;
}

/*
 * sent/ keeps an event that comes again from being mailed again: what done/ still knows as handled
 * must not be forgotten there. So the default follows a longer BOOKSPOOL_RETENTION.
 */
static void check_retention(struct conf *conf)
{
    struct conf_value *sent = &conf->value[SET_RETENTION_SENT];
    if (!known(conf, SET_RETENTION) || !known(conf, SET_RETENTION_SENT) ||
        sent->number >= conf_number(conf, SET_RETENTION))
        return;
    if (sent->given)
        conf_fault(conf, SET_RETENTION_SENT, &conf->errors,
            "must not be below BOOKSPOOL_RETENTION: an event that is still remembered would be "
            "mailed a second time if it were queued again");
    else
        sent->number = conf_number(conf, SET_RETENTION);
}

static void check_retries(struct conf *conf)
{
    if (!known(conf, SET_RETRY_MIN) || !known(conf, SET_RETRY_MAX) ||
        conf_number(conf, SET_RETRY_MIN) <= conf_number(conf, SET_RETRY_MAX))
        return;
    bool given = conf->value[SET_RETRY_MIN].given;
    conf_fault(conf, given ? SET_RETRY_MIN : SET_RETRY_MAX, &conf->errors,
        given ? "must not be above BOOKSPOOL_RETRY_MAX" : "must not be below BOOKSPOOL_RETRY_MIN");
}

/* The path alone selects the provider. */
static void check_endpoints(struct conf *conf)
{
    for (enum setting one = 0; one < SETTINGS; one++) {
        if (settings[one].kind != SETTING_ENDPOINT || !known(conf, one))
            continue;
        const char *path = conf_text(conf, one);
        if (strcmp(path, "/api/health") == 0 || strncmp(path, "/api/health/", 12) == 0 ||
            strcmp(path, "/metrics") == 0)
            conf_fault(conf, one, &conf->errors, "/api/health and /metrics are taken");
        for (enum setting other = one + 1; other < SETTINGS; other++)
            if (settings[other].kind == SETTING_ENDPOINT && known(conf, other) &&
                strcmp(path, conf_text(conf, other)) == 0) {
                bool given = conf->value[other].given;
                conf_fault(conf, given ? other : one, &conf->errors,
                    "must not be the same path as %s: the provider is chosen by path",
                    settings[given ? one : other].name);
            }
    }
}

/* Ledger and counters are in there, and by default mails. */
static void check_state(struct conf *conf)
{
    struct stat st;
    const char *state = conf_text(conf, SET_STATE);
    if (state && stat(state, &st) == 0 && st.st_mode & S_IWOTH)
        conf_fault(conf, SET_STATE, &conf->errors,
            "the directory %s is writable by everybody: chmod o-w %s", state, state);
}

void conf_check_together(struct conf *conf)
{
    check_retention(conf);
    check_retries(conf);
    check_endpoints(conf);
    check_state(conf);
}
