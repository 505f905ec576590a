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

/* Is there a transport that begins so (or, with `is` false, one that does not)? */
static bool any_transport(const struct conf *conf, const char *scheme, bool is)
{
    const char *list = conf_text(conf, SET_TRANSPORT);
    while (list && *list) {
        if ((strncmp(list, scheme, strlen(scheme)) == 0) == is)
            return true;
        list += strcspn(list, ",");
        list += strspn(list, ", \t");
    }
    return false;
}

static bool is_reserved(const char *path)
{
    return strcmp(path, "/api/health") == 0 || strncmp(path, "/api/health/", 12) == 0 ||
           strcmp(path, "/metrics") == 0;
}

/* A user with a password, or with a token, or no login at all. */
static void check_login(struct conf *conf)
{
    bool user = conf_text(conf, SET_SMTP_USER), password = conf_text(conf, SET_SMTP_PASSWORD),
         token = conf_text(conf, SET_SMTP_TOKEN);
    require(conf, user == (password || token),
        "BOOKSPOOL_SMTP_USER and BOOKSPOOL_SMTP_PASSWORD (or BOOKSPOOL_SMTP_TOKEN): one is set "
        "without the other");
    require(conf, !password || !token,
        "BOOKSPOOL_SMTP_PASSWORD and BOOKSPOOL_SMTP_TOKEN: are both set: one must go");
}

void conf_check_together(struct conf *conf)
{
    if (knows(conf, SET_TRANSPORT) && conf->errors.len == 0) {
        bool leaves = any_transport(conf, "maildir:", false);
        require(conf, !leaves || conf_text(conf, SET_MAIL_TO),
            "BOOKSPOOL_MAIL_TO: is required: the address that mails go to");
        require(conf, !leaves || conf_text(conf, SET_MAIL_FROM),
            "BOOKSPOOL_MAIL_FROM: is required: the address that mails come from, one that your "
            "mail server lets you use");
        check_login(conf);
        require(conf,
            !any_transport(conf, "sendgrid:", true) || conf_text(conf, SET_SENDGRID_API_KEY),
            "SENDGRID_API_KEY: is required with sendgrid:; it stands in drain.env");
        require(conf, conf_number(conf, SET_RETRY_MIN) <= conf_number(conf, SET_RETRY_MAX),
            "BOOKSPOOL_RETRY_MIN: must not be above BOOKSPOOL_RETRY_MAX");
    }
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
