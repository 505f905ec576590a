/* Who is told, in which words, and how mails leave. Contract: tool/check.h. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ledger/ledger.h"
#include "mail/compose.h"
#include "mail/recipients.h"
#include "tool/check.h"

static void check_maildir(struct report *r, const char *path)
{
    char parent[PATH_MAX];
    const char *slash = strrchr(path, '/');
    int len = slash && slash > path ? (int)(slash - path) : 1;
    if (access(path, F_OK) == 0) {
        report(r, LEVEL_OK, "mail goes to the Maildir %s", path);
        return;
    }
    snprintf(parent, sizeof parent, "%.*s", len, path);
    if (access(parent, F_OK) == 0)
        report(r, LEVEL_OK, "mail goes to the Maildir %s, which the drain will make", path);
    else
        report(r, LEVEL_WRONG, "Maildir %s: %s: %s", path, parent, strerror(errno));
}

static void check_transport(struct report *r, const char *transport)
{
    if (strncmp(transport, "maildir:", 8) == 0)
        check_maildir(r, transport + 8);
    else if (strncmp(transport, "sendmail:", 9) == 0 && access(transport + 9, X_OK) < 0)
        report(r, LEVEL_WRONG, "sendmail: %s: %s", transport + 9, strerror(errno));
    else if (strchr(transport, '@'))
        report(r, LEVEL_WRONG,
            "BOOKSPOOL_TRANSPORT: no login in the URL: BOOKSPOOL_SMTP_USER, and "
            "BOOKSPOOL_SMTP_PASSWORD in drain.env");
    else if (strcmp(transport, "sendgrid:") == 0)
        report(r, LEVEL_OK, "mail goes to SendGrid at %s",
            conf_text(&r->tool->conf, SET_SENDGRID_API_BASE));
    else
        report(r, LEVEL_OK, "mail goes to %s", transport);
}

static void check_transports(struct report *r)
{
    const char *transport = conf_text(&r->tool->conf, SET_TRANSPORT);
    char *list = strdup(transport), *rest = list;
    if (!list)
        tool_no_memory();
    for (const char *one; (one = conf_next_item(&rest)) != NULL;)
        check_transport(r, one);
    free(list);
    const char *ca = conf_text(&r->tool->conf, SET_TLS_CA);
    if (ca && access(ca, R_OK) < 0)
        report(r, LEVEL_WRONG, "BOOKSPOOL_TLS_CA: %s: %s", ca, strerror(errno));
}

static void check_timezone(struct report *r)
{
    char path[PATH_MAX];
    const char *name = conf_text(&r->tool->conf, SET_TIMEZONE);
    if (!name)
        return;
    snprintf(path, sizeof path, "/usr/share/zoneinfo/%s", name);
    if (strstr(name, "..") || access(path, R_OK) < 0)
        report(r, LEVEL_WRONG, "BOOKSPOOL_TIMEZONE: there is no zone \"%s\" in /usr/share/zoneinfo",
            name);
}

static void check_words(struct report *r)
{
    struct composer composer;
    struct buf why = {0};
    const char *dir = conf_text(&r->tool->conf, SET_TEMPLATES);
    if (!composer_open(&composer, &r->tool->conf, &why))
        report_lines(r, LEVEL_WRONG, buf_text(&why));
    else if (dir)
        report(r, LEVEL_OK, "templates of %s", dir);
    composer_close(&composer);
    buf_free(&why);
}

static void check_recipients(struct report *r)
{
    struct buf why = {0};
    struct recipients *recipients = recipients_open(&r->tool->conf, LOCAL_ADDRESS, &why);
    if (!recipients)
        report_lines(r, LEVEL_WRONG, buf_text(&why));
    recipients_close(recipients);
    buf_free(&why);
}

static void check_ledger(struct report *r)
{
    struct buf why = {0};
    const char *value = conf_text(&r->tool->conf, SET_LEDGER);
    struct ledger *ledger = value ? ledger_open_readonly(value, &why) : NULL;
    if (ledger)
        report(r, LEVEL_OK, "ledger %s", value);
    else if (why.len)
        report_lines(r, LEVEL_WRONG, buf_text(&why));
    ledger_close(ledger);
    buf_free(&why);
}

void check_mail(struct report *r)
{
    if (r->tool->conf.errors.len) /* what stands in for a wrong setting misleads */
        return;
    check_transports(r);
    check_recipients(r);
    check_words(r);
    check_timezone(r);
    check_ledger(r);
}
