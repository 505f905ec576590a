/*
 * settings: the table of all settings: name, kind, default, bounds, and which programs may have it.
 * bookspool.conf(5) and examples/bookspool.conf describe them for people.
 */
#ifndef BASE_SETTINGS_H
#define BASE_SETTINGS_H

#include <stdbool.h>
#include <stdint.h>

enum setting {
    SET_SPOOL,
    SET_STATE,
    SET_MAX_BODY,
    SET_DEADLINE,
    SET_SYNC,
    SET_COMMIT,
    SET_RESERVE,
    SET_RETENTION,
    SET_RETENTION_SENT,
    SET_LOG,
    SET_LOG_FORMAT,
    SET_LOG_LEVEL,
    SET_SANDBOX,
    SET_MAIL_TO,
    SET_MAIL_FROM,
    SET_REPLY_TO,
    SET_NOTIFY,
    SET_MAIL_ATTENDEE,
    SET_CALENDAR,
    SET_CALENDAR_ATTENDEE,
    SET_TEMPLATES,
    SET_TIMEZONE,
    SET_LANGUAGE,
    SET_MOVE_WAIT,
    SET_AGENDA,
    SET_TRANSPORT,
    SET_SMTP_USER,
    SET_SMTP_PASSWORD,
    SET_SMTP_TOKEN,
    SET_SMTP_AUTH,
    SET_EHLO,
    SET_TLS_CA,
    SET_CONNECT_TIMEOUT,
    SET_REPLY_TIMEOUT,
    SET_RUN_LIMIT,
    SET_CONNECTIONS,
    SET_RETRY_MIN,
    SET_RETRY_MAX,
    SET_GIVE_UP,
    SET_UNKNOWN,
    SET_LEDGER,
    SET_NODE,
    SET_ENRICH,
    SET_STATUS_PAGE,
    SET_SILENCE,
    SET_STALE,
    SET_HEALTH_TOKEN,
    SET_CALCOM_SECRET,
    SET_CALCOM_SECRET_SECONDARY,
    SET_CALCOM_WINDOW,
    SET_CALCOM_ENDPOINT,
    SET_CALCOM_BASE_URL,
    SET_CALCOM_EMBED_URL,
    SET_CALCOM_API_KEY,
    SET_CALCOM_API_KEY_SECONDARY,
    SET_CALCOM_API_BASE,
    SET_CALENDLY_KEY,
    SET_CALENDLY_KEY_SECONDARY,
    SET_CALENDLY_WINDOW,
    SET_CALENDLY_BASE_URL,
    SET_CALENDLY_ENDPOINT,
    SET_CALENDLY_API_TOKEN,
    SET_CALENDLY_API_TOKEN_SECONDARY,
    SET_CALENDLY_API_BASE,
    SET_CALENDLY_CACHING,
    SET_CALENDLY_CACHE_TTL,
    SET_CALENDLY_CACHE_MAX_ENTRIES,
    SET_CALENDLY_ROTATION_MONITORING,
    SET_CALENDLY_ROTATION_INTERVAL,
    SET_CALENDLY_MAX_USAGE,
    SET_SENDGRID_API_KEY,
    SET_SENDGRID_API_BASE,
    SET_DD_URL,
    SET_DD_ENV,
    SET_DD_SERVICE,
    SET_DD_VERSION,
    SET_KEY_AGE,
    SET_ALARM,
    SET_PING_URL,
    SET_SENTRY_DSN,
    SET_SENTRY_ENVIRONMENT,
    SETTINGS
};

/* The order of the words in the table gives these numbers. */
enum { SYNC_AUTO, SYNC_FSYNC };
enum { COMMIT_LOCAL, COMMIT_REPLICATED };
enum { LOG_TO_STDERR, LOG_TO_SYSLOG };
enum { LOG_AS_TEXT, LOG_AS_JSON };
enum { SANDBOX_ON, SANDBOX_OFF };
enum { UNKNOWN_RETRY, UNKNOWN_PARK };
enum { ENTRY_AUTO, ENTRY_INVITE, ENTRY_FILE, ENTRY_NONE };
enum { CUSTOMER_NONE, CUSTOMER_INVITE };

enum setting_kind {
    SETTING_TEXT,     /* its feature checks it, if anything */
    SETTING_PATH,     /* absolute */
    SETTING_ENDPOINT, /* a URL path: begins with '/', does not end with one */
    SETTING_URL,      /* http or https */
    SETTING_ADDRESS,
    SETTING_ADDRESSES, /* separated by commas */
    SETTING_MAILBOX,   /* an address, perhaps with a name */
    SETTING_NUMBER,
    SETTING_SECONDS,  /* a bare number of seconds, or a duration */
    SETTING_DURATION, /* a number with s, m, h or d */
    SETTING_SIZE,     /* a number with K, M, G or nothing; bytes */
    SETTING_RESERVE,  /* SIZE, or SIZE,INODES */
    SETTING_BOOL,
    SETTING_WORD /* one of `words` */
};

struct setting_info {
    const char *name;
    enum setting_kind kind;
    const char *fallback; /* as it would be written in a file; NULL: none */
    int64_t low, high;    /* of the number, in its base unit */
    const char *words;    /* separated by blanks */
    unsigned programs;    /* a set of enum conf_program that may know it */
    bool secret;
};

extern const struct setting_info settings[SETTINGS];

#endif
