#include "drain/report_mail.h"

#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "drain/mail_file.h"
#include "mail/message.h"
#include "spool/name.h"

#define SCHEME "mailto:"

static bool is_mail(const struct alarm_report *report)
{
    return strncmp(report->target, SCHEME, strlen(SCHEME)) == 0;
}

static enum made make_mail(struct run *run, const struct alarm_report *report, struct buf *made)
{
    const char *recipient = report->target + strlen(SCHEME);
    char name[MAIL_NAME_SIZE];
    struct buf subject = {0}, text = {0}, bytes = {0};
    bool known;
    if (!name_of_mail(report->id, recipient, name))
        return IMPOSSIBLE;
    if (!mail_file_find(run, name, report->id, &known))
        return IO_FAILED;
    if (known)
        return MADE;
    alarm_title(report, &subject);
    alarm_text(report, &text);
    const struct message message = {.name = name,
        .id = report->id,
        .from = run->composer.from,
        .to = recipient,
        .date = report->at,
        .subject = buf_text(&subject),
        .text = buf_text(&text)};
    const struct mail_file mail = {name, report->id, recipient, report->at * US_PER_MS, &bytes};
    enum made result = IMPOSSIBLE;
    if (!subject.failed && !text.failed && message_compose(&message, &bytes))
        result = mail_file_put(run, &mail, made);
    buf_free(&subject);
    buf_free(&text);
    buf_free(&bytes);
    return result;
}

void report_mail_alarms(struct run *run, struct alarm_book *book)
{
    struct buf made = {0};
    size_t entered = 0;
    bool in_out[ALARM_REPORTS_MAX] = {false};
    for (size_t i = 0; i < book->report_count && !run->spool.sync_failed; i++) {
        if (!is_mail(&book->report[i]))
            continue;
        in_out[i] = make_mail(run, &book->report[i], &made) == MADE;
        if (!in_out[i])
            log_error(NULL, "alarm-not-mailed", "%s: %s", book->report[i].name, strerror(errno));
        entered += in_out[i];
    }
    if (entered && !run->spool.sync_failed && spool_sync_all(&run->spool)) {
        for (size_t i = book->report_count; i-- > 0;)
            if (in_out[i])
                alarm_done(book, i);
    } else
        mail_file_remove(run, &made);
    buf_free(&made);
}
