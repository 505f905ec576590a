#include "base/conf_rules.h"

#include <string.h>
#include <sys/stat.h>

static bool knows(const struct conf *conf, enum setting which)
{
    return settings[which].programs & conf->program;
}

static void require(struct conf *conf, bool holds, const char *sentence)
{
    if (!holds)
        buf_printf(&conf->errors, "%s\n", sentence);
}

static bool is_reserved(const char *path)
{
    return strcmp(path, "/api/health") == 0 || strncmp(path, "/api/health/", 12) == 0 ||
           strcmp(path, "/metrics") == 0;
}

/* Ledger and counters are in there, and so are mails by default. */
static void check_state_dir(struct conf *conf)
{
    struct stat st;
    const char *path = conf_text(conf, SET_STATE);
    if (path && stat(path, &st) == 0 && st.st_mode & S_IWOTH)
        buf_printf(&conf->errors,
            "BOOKSPOOL_STATE: the directory %s is writable by everybody: chmod o-w %s\n", path,
            path);
}

/*
 * sent/ keeps an event that comes again from being mailed again: what done/ still knows as handled
 * must not be forgotten there. So the default follows a longer BOOKSPOOL_RETENTION.
 */
static void check_retention(struct conf *conf)
{
    struct conf_value *sent = &conf->value[SET_RETENTION_SENT];
    int64_t events = conf_number(conf, SET_RETENTION);
    if (sent->number >= events)
        return;
    if (sent->given)
        buf_puts(&conf->errors,
            "BOOKSPOOL_RETENTION_SENT: must not be below BOOKSPOOL_RETENTION: an event that is "
            "still remembered would be mailed a second time if it were queued again\n");
    else
        sent->number = events;
}

/* The path alone selects the provider. */
static void check_endpoints(struct conf *conf)
{
    for (enum setting one = 0; one < SETTINGS; one++) {
        if (settings[one].kind != SETTING_ENDPOINT || !knows(conf, one))
            continue;
        if (is_reserved(conf_text(conf, one)))
            buf_printf(
                &conf->errors, "%s: /api/health and /metrics are taken\n", settings[one].name);
        for (enum setting other = one + 1; other < SETTINGS; other++)
            if (settings[other].kind == SETTING_ENDPOINT && knows(conf, other) &&
                strcmp(conf_text(conf, one), conf_text(conf, other)) == 0)
                buf_printf(&conf->errors,
                    "%s and %s: must not be the same path: the provider is chosen by path\n",
                    settings[one].name, settings[other].name);
    }
}

void conf_check_together(struct conf *conf)
{
    if (knows(conf, SET_RETENTION_SENT) && conf->errors.len == 0)
        check_retention(conf);
    if (knows(conf, SET_RETRY_MIN) && conf->errors.len == 0)
        require(conf, conf_number(conf, SET_RETRY_MIN) <= conf_number(conf, SET_RETRY_MAX),
            "BOOKSPOOL_RETRY_MIN: must not be above BOOKSPOOL_RETRY_MAX");
    if (conf->errors.len == 0)
        check_endpoints(conf);
    check_state_dir(conf);
}
