/* Recipients, templates, and how mails leave. Contract: tool/check.h. */
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "deliver/transport.h"
#include "ledger/ledger.h"
#include "mail/compose.h"
#include "mail/recipients.h"
#include "tool/check.h"

static void check_transports(struct report *r)
{
    struct buf why = {0};
    if (transport_check(&r->tool->conf, &why) == TRANSPORT_USABLE)
        report(r, LEVEL_OK, "mail goes to %s", conf_text(&r->tool->conf, SET_TRANSPORT));
    report_lines(r, LEVEL_WRONG, buf_text(&why));
    buf_free(&why);
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
    if (r->tool->conf.errors.len) /* a default in place of a wrong setting misleads */
        return;
    check_transports(r);
    check_recipients(r);
    check_words(r);
    check_timezone(r);
    check_ledger(r);
}
