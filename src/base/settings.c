#include "base/settings.h"

#include <stddef.h>

#include "base/clock.h"
#include "base/conf.h"

#define SECOND INT64_C(1000)
#define MINUTE (60 * SECOND)
#define HOUR   (60 * MINUTE)
#define DAY    MS_PER_DAY
#define KIB    INT64_C(1024)
#define MIB    (1024 * KIB)
#define GIB    (1024 * MIB)

#define ALL     (CONF_RECEIVE | CONF_DRAIN | CONF_TOOL)
#define RECEIVE (CONF_RECEIVE | CONF_TOOL)
#define DRAIN   (CONF_DRAIN | CONF_TOOL)

/* One setting a line: it reads as the table it is. */
/* clang-format off */
const struct setting_info settings[SETTINGS] = {
    [SET_SPOOL] = {"BOOKSPOOL_SPOOL", SETTING_PATH, "/var/spool/bookspool", .programs = ALL},
    [SET_STATE] = {"BOOKSPOOL_STATE", SETTING_PATH, "/var/lib/bookspool", .programs = ALL},
    [SET_MAX_BODY] = {"BOOKSPOOL_MAX_BODY", SETTING_SIZE, "1M", 1 * KIB, 64 * MIB, .programs = RECEIVE},
    [SET_DEADLINE] = {"BOOKSPOOL_DEADLINE", SETTING_DURATION, "10s", 1 * SECOND, 5 * MINUTE, .programs = RECEIVE},
    [SET_SYNC] = {"BOOKSPOOL_SYNC", SETTING_WORD, "auto", .words = "auto fsync", .programs = RECEIVE},
    [SET_RESERVE] = {"BOOKSPOOL_RESERVE", SETTING_RESERVE, "64M,1000", 0, 1024 * GIB, .programs = ALL},
    [SET_RETENTION] = {"BOOKSPOOL_RETENTION", SETTING_DURATION, "30d", 7 * DAY, 3650 * DAY, .programs = ALL},
    [SET_RETENTION_SENT] = {"BOOKSPOOL_RETENTION_SENT", SETTING_DURATION, "30d", 7 * DAY, 3650 * DAY, .programs = DRAIN},
    [SET_LOG] = {"BOOKSPOOL_LOG", SETTING_WORD, "stderr", .words = "stderr syslog", .programs = ALL},
    [SET_LOG_FORMAT] = {"BOOKSPOOL_LOG_FORMAT", SETTING_WORD, "text", .words = "text json", .programs = ALL},
    [SET_LOG_LEVEL] = {"BOOKSPOOL_LOG_LEVEL", SETTING_WORD, "info", .words = "error warning info debug", .programs = ALL},

    [SET_MAIL_TO] = {"BOOKSPOOL_MAIL_TO", SETTING_ADDRESSES, NULL, .programs = DRAIN},
    [SET_MAIL_FROM] = {"BOOKSPOOL_MAIL_FROM", SETTING_MAILBOX, NULL, .programs = DRAIN},
    [SET_REPLY_TO] = {"BOOKSPOOL_REPLY_TO", SETTING_ADDRESS, NULL, .programs = DRAIN},
    [SET_NOTIFY] = {"BOOKSPOOL_NOTIFY", SETTING_TEXT, NULL, .programs = DRAIN},
    [SET_MAIL_ATTENDEE] = {"BOOKSPOOL_MAIL_ATTENDEE", SETTING_BOOL, "no", .programs = DRAIN},
    [SET_CALENDAR] = {"BOOKSPOOL_CALENDAR", SETTING_WORD, "auto", .words = "auto invite file none", .programs = DRAIN},
    [SET_CALENDAR_ATTENDEE] = {"BOOKSPOOL_CALENDAR_ATTENDEE", SETTING_WORD, "none", .words = "none invite", .programs = DRAIN},
    [SET_TEMPLATES] = {"BOOKSPOOL_TEMPLATES", SETTING_PATH, NULL, .programs = DRAIN},
    [SET_TIMEZONE] = {"BOOKSPOOL_TIMEZONE", SETTING_TEXT, NULL, .programs = DRAIN},
    [SET_LANGUAGE] = {"BOOKSPOOL_LANGUAGE", SETTING_TEXT, "en", .programs = DRAIN},
    [SET_MOVE_WAIT] = {"BOOKSPOOL_MOVE_WAIT", SETTING_DURATION, "60s", 0, 1 * HOUR, .programs = DRAIN},
    [SET_AGENDA] = {"BOOKSPOOL_AGENDA", SETTING_TEXT, NULL, .programs = DRAIN},

    [SET_TRANSPORT] = {"BOOKSPOOL_TRANSPORT", SETTING_TEXT, "maildir:$STATE/Maildir", .programs = DRAIN},
    [SET_SMTP_USER] = {"BOOKSPOOL_SMTP_USER", SETTING_TEXT, NULL, .programs = DRAIN},
    [SET_SMTP_PASSWORD] = {"BOOKSPOOL_SMTP_PASSWORD", SETTING_TEXT, NULL, .programs = DRAIN, .secret = true},
    [SET_SMTP_TOKEN] = {"BOOKSPOOL_SMTP_TOKEN", SETTING_TEXT, NULL, .programs = DRAIN, .secret = true},
    [SET_SMTP_AUTH] = {"BOOKSPOOL_SMTP_AUTH", SETTING_TEXT, "auto", .programs = DRAIN},
    [SET_EHLO] = {"BOOKSPOOL_EHLO", SETTING_TEXT, NULL, .programs = DRAIN},
    [SET_TLS_CA] = {"BOOKSPOOL_TLS_CA", SETTING_PATH, NULL, .programs = DRAIN},
    [SET_CONNECT_TIMEOUT] = {"BOOKSPOOL_CONNECT_TIMEOUT", SETTING_DURATION, "30s", 1 * SECOND, 10 * MINUTE, .programs = DRAIN},
    [SET_REPLY_TIMEOUT] = {"BOOKSPOOL_REPLY_TIMEOUT", SETTING_DURATION, "300s", 1 * SECOND, 1 * HOUR, .programs = DRAIN},
    [SET_RUN_LIMIT] = {"BOOKSPOOL_RUN_LIMIT", SETTING_DURATION, "15m", 1 * SECOND, 1 * DAY, .programs = DRAIN},
    [SET_CONNECTIONS] = {"BOOKSPOOL_CONNECTIONS", SETTING_NUMBER, "1", 1, 64, .programs = DRAIN},
    [SET_RETRY_MIN] = {"BOOKSPOOL_RETRY_MIN", SETTING_DURATION, "60s", 1 * SECOND, 1 * DAY, .programs = DRAIN},
    [SET_RETRY_MAX] = {"BOOKSPOOL_RETRY_MAX", SETTING_DURATION, "1h", 1 * SECOND, 1 * DAY, .programs = DRAIN},
    [SET_GIVE_UP] = {"BOOKSPOOL_GIVE_UP", SETTING_DURATION, "5d", 1 * MINUTE, 30 * DAY, .programs = DRAIN},
    [SET_UNKNOWN] = {"BOOKSPOOL_UNKNOWN", SETTING_WORD, "retry", .words = "retry park", .programs = DRAIN},
    [SET_LEDGER] = {"BOOKSPOOL_LEDGER", SETTING_TEXT, "sqlite:$STATE/ledger.db", .programs = DRAIN},

    [SET_STATUS_PAGE] = {"BOOKSPOOL_STATUS_PAGE", SETTING_PATH, NULL, .programs = DRAIN},
    [SET_SILENCE] = {"BOOKSPOOL_SILENCE", SETTING_TEXT, NULL, .programs = ALL},
    [SET_STALE] = {"BOOKSPOOL_STALE", SETTING_DURATION, "10m", 1 * MINUTE, 7 * DAY, .programs = ALL},
    [SET_HEALTH_TOKEN] = {"BOOKSPOOL_HEALTH_TOKEN", SETTING_TEXT, NULL, .programs = RECEIVE, .secret = true},

    [SET_CALCOM_SECRET] = {"CALCOM_WEBHOOK_SECRET", SETTING_TEXT, NULL, .programs = RECEIVE, .secret = true},
    [SET_CALCOM_SECRET_SECONDARY] = {"CALCOM_WEBHOOK_SECRET_SECONDARY", SETTING_TEXT, NULL, .programs = RECEIVE, .secret = true},
    [SET_CALCOM_WINDOW] = {"CALCOM_WEBHOOK_REPLAY_WINDOW", SETTING_SECONDS, "1800", 30 * SECOND, 7 * DAY, .programs = ALL},
    [SET_CALCOM_ENDPOINT] = {"CALCOM_WEBHOOK_ENDPOINT", SETTING_ENDPOINT, "/api/calcom-webhook", .programs = RECEIVE},
    [SET_CALCOM_BASE_URL] = {"CALCOM_WEBHOOK_BASE_URL", SETTING_URL, NULL, .programs = CONF_TOOL},
    [SET_CALCOM_EMBED_URL] = {"PUBLIC_CALCOM_EMBED_URL", SETTING_URL, NULL, .programs = CONF_TOOL},

    [SET_CALENDLY_KEY] = {"CALENDLY_WEBHOOK_SIGNING_KEY", SETTING_TEXT, NULL, .programs = RECEIVE, .secret = true},
    [SET_CALENDLY_KEY_SECONDARY] = {"CALENDLY_WEBHOOK_SIGNING_KEY_SECONDARY", SETTING_TEXT, NULL, .programs = RECEIVE, .secret = true},
    [SET_CALENDLY_WINDOW] = {"CALENDLY_WEBHOOK_REPLAY_PROTECTION_WINDOW", SETTING_SECONDS, "300", 30 * SECOND, 7 * DAY, .programs = ALL},
    [SET_CALENDLY_BASE_URL] = {"CALENDLY_WEBHOOK_BASE_URL", SETTING_URL, NULL, .programs = CONF_TOOL},
    [SET_CALENDLY_ENDPOINT] = {"CALENDLY_WEBHOOK_ENDPOINT_PREFIX", SETTING_ENDPOINT, "/api/webhooks/calendly", .programs = RECEIVE},

    [SET_SENDGRID_API_KEY] = {"SENDGRID_API_KEY", SETTING_TEXT, NULL, .programs = DRAIN, .secret = true},
    [SET_KEY_AGE] = {"BOOKSPOOL_KEY_AGE", SETTING_DURATION, "90d", 1 * DAY, 3650 * DAY, .programs = ALL},
    [SET_ALARM] = {"BOOKSPOOL_ALARM", SETTING_TEXT, NULL, .programs = DRAIN},
    [SET_PING_URL] = {"BOOKSPOOL_PING_URL", SETTING_URL, NULL, .programs = DRAIN},
    [SET_SENTRY_DSN] = {"SENTRY_DSN", SETTING_TEXT, NULL, .programs = ALL},
    [SET_SENTRY_ENVIRONMENT] = {"SENTRY_ENVIRONMENT", SETTING_TEXT, NULL, .programs = DRAIN},

    [SET_SENDGRID_API_BASE] = {"SENDGRID_API_BASE", SETTING_URL, "https://api.sendgrid.com", .programs = DRAIN},

    [SET_DD_URL] = {"DD_DOGSTATSD_URL", SETTING_TEXT, NULL, .programs = DRAIN},
    [SET_DD_ENV] = {"DD_ENV", SETTING_TEXT, NULL, .programs = DRAIN},
    [SET_DD_SERVICE] = {"DD_SERVICE", SETTING_TEXT, "bookspool", .programs = DRAIN},
    [SET_DD_VERSION] = {"DD_VERSION", SETTING_TEXT, NULL, .programs = DRAIN},
};
/* clang-format on */
