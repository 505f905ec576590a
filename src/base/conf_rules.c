#include "base/conf_rules.h"

#include <string.h>

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

void conf_check_together(struct conf *conf)
{
    if (knows(conf, SET_RETRY_MIN) && conf->errors.len == 0)
        require(conf, conf_number(conf, SET_RETRY_MIN) <= conf_number(conf, SET_RETRY_MAX),
            "BOOKSPOOL_RETRY_MIN: must not be above BOOKSPOOL_RETRY_MAX");
    if (knows(conf, SET_CALCOM_ENDPOINT) && conf->errors.len == 0)
        require(conf,
            strcmp(conf_text(conf, SET_CALCOM_ENDPOINT), conf_text(conf, SET_CALENDLY_ENDPOINT)) !=
                0,
            "CALCOM_WEBHOOK_ENDPOINT and CALENDLY_WEBHOOK_ENDPOINT_PREFIX: must not be the same "
            "path: the provider is chosen by path");
    if (knows(conf, SET_CALCOM_ENDPOINT) && conf->errors.len == 0)
        require(conf,
            !is_reserved(conf_text(conf, SET_CALCOM_ENDPOINT)) &&
                !is_reserved(conf_text(conf, SET_CALENDLY_ENDPOINT)),
            "CALCOM_WEBHOOK_ENDPOINT and CALENDLY_WEBHOOK_ENDPOINT_PREFIX: /api/health and "
            "/metrics are taken");
}
