#include "drain/mailing.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "mail/compose.h"
#include "spool/queue.h"

/* The file that is there; `there` false: none, or one that is not whole. */
static bool read_whole(
    struct run *run, const char *name, const char *key, struct spool_file *file, bool *there)
{
    *there = false;
    if (!spool_read(&run->spool, DIR_OUT, name, file))
        return errno == ENOENT;
    *there = !queue_objection(file, RECORD_MAIL, key);
    if (!*there)
        spool_file_free(file);
    return true;
}

/* A power cut spares sent/ and failed/: their mails were synced before they were sent. */
static bool look_settled(struct run *run, const char *name, bool *there)
{
    return spool_look(&run->spool, DIR_SENT, name, there) &&
           (*there || spool_look(&run->spool, DIR_FAILED, name, there));
}

/* False: it cannot be found out, and a guess may mail twice. */
static bool look_for_mail(struct run *run, const char *name, const char *key, bool *there)
{
    struct spool_file file;
    if (!read_whole(run, name, key, &file, there))
        return false;
    if (*there)
        spool_file_free(&file);
    return *there || look_settled(run, name, there);
}

static bool encode_mail(const struct run *run, const struct record *event, const char *recipient,
    const struct buf *message, struct buf *out)
{
    struct record mail = {.kind = RECORD_MAIL,
        .received = event->received,
        .received_us = event->received_us,
        .queued = clock_now(),
        .body = buf_text(message),
        .length = message->len};
    memcpy(mail.key, event->key, KEY_SIZE);
    snprintf(mail.from, sizeof mail.from, "%s", run->composer.from);
    snprintf(mail.to, sizeof mail.to, "%s", recipient);
    return record_encode(&mail, out);
}

static enum mailing_result put_mail(
    struct run *run, const char *name, const struct buf *file, struct buf *made)
{
    struct spool_temp temp;
    if (!buf_reserve(made, MAIL_NAME_SIZE))
        return MAILING_IMPOSSIBLE;
    if (!spool_temp_write(&run->spool, file->data, file->len, &temp))
        return MAILING_IO_FAILED;
    if (!spool_name_over(&run->spool, &temp, DIR_OUT, name)) {
        spool_temp_drop(&run->spool, &temp);
        return MAILING_IO_FAILED;
    }
    close(temp.fd); /* the batch is synced by file system, which tells of errors without it */
    buf_add(made, name, strlen(name) + 1);
    run->totals->made++;
    return MAILING_MADE;
}

static bool compose(const struct run *run, const struct mailing *mailing, const char *name,
    const struct recipient *recipient, struct buf *out, struct buf *why)
{
    bool ok = compose_message(&run->composer,
        &(struct letter){.event = mailing->event,
            .decision = mailing->decision,
            .record = mailing->record,
            .name = name,
            .recipient = recipient->address,
            .audience = recipient->audience},
        out, why);
    if (ok && why->len) {
        log_warn(mailing->record->key, "mail-cut", "%s: %s", name, buf_text(why));
        buf_clear(why);
    }
    return ok;
}

/*
 * A mail that is met whole in out/ comes from a run that did not bring its event to done/. It may
 * have died, or stopped, before its sync, and another sync may have failed on the mail since: the
 * kernel says so once, and goes on showing it whole. So its bytes are written anew.
 */
static enum mailing_result renew(struct run *run, const char *name, struct spool_file *file)
{
    bool ok = queue_adopt(&run->spool, DIR_OUT, name, file);
    spool_file_free(file);
    return ok ? MAILING_MADE : MAILING_IO_FAILED;
}

static enum mailing_result make_one(struct run *run, const struct mailing *mailing,
    const struct recipient *recipient, struct buf *made, struct buf *why)
{
    char name[MAIL_NAME_SIZE];
    struct buf message = {0}, file = {0};
    struct spool_file met;
    enum mailing_result result = MAILING_IMPOSSIBLE;
    const char *key = mailing->record->key;
    bool there;
    if (!mail_name(mailing->name, recipient->address, name))
        return MAILING_IMPOSSIBLE;
    if (!read_whole(run, name, key, &met, &there))
        return MAILING_IO_FAILED;
    if (there && queue_was_sent(&run->spool, name)) { /* a copy would be another file */
        spool_file_free(&met);
        return MAILING_MADE;
    }
    if (there) {
        queue_leave_failed(&run->spool, name);
        return renew(run, name, &met);
    }
    if (!look_settled(run, name, &there))
        return MAILING_IO_FAILED;
    if (there)
        return MAILING_MADE;
    if (compose(run, mailing, name, recipient, &message, why) &&
        encode_mail(run, mailing->record, recipient->address, &message, &file))
        result = put_mail(run, name, &file, made);
    buf_free(&message);
    buf_free(&file);
    return result;
}

/* "", or what tells a replay from the event itself */
static const char *generation(const struct mailing *mailing)
{
    return mailing->name + strcspn(mailing->name, ".");
}

enum mailing_result mailing_make(
    struct run *run, const struct mailing *mailing, struct buf *made, struct buf *why)
{
    struct recipient_list list = {0};
    enum mailing_result result = MAILING_MADE;
    if (!recipients_of(run->recipients, mailing->event, mailing->decision, &list))
        return MAILING_IMPOSSIBLE;
    for (size_t i = 0; result != MAILING_IO_FAILED && i < list.count; i++) {
        struct buf more = {0};
        enum mailing_result one =
            make_one(run, mailing, &list.item[i], made, result == MAILING_MADE ? why : &more);
        buf_free(&more);
        if (one != MAILING_MADE) /* the other recipients get theirs all the same */
            result = one;
    }
    if (result == MAILING_MADE)
        log_info(mailing->record->key, "mails-made", "kind=%s event=%s recipients=%zu %s%s%s",
            event_kind_name(mailing->event->kind), mailing->record->event, list.count,
            mailing->decision->reason, *generation(mailing) ? " replay=" : "",
            *generation(mailing) ? generation(mailing) + 1 : "");
    recipient_list_free(&list);
    return result;
}

void mailing_unmake(struct run *run, const struct buf *made)
{
    const char *name = made->data, *end = name + made->len;
    for (; name < end; name += strlen(name) + 1)
        spool_remove(&run->spool, DIR_OUT, name);
}

void mailing_preview(struct run *run, const struct mailing *mailing)
{
    struct recipient_list list = {0};
    if (!recipients_of(run->recipients, mailing->event, mailing->decision, &list))
        return;
    for (size_t i = 0; i < list.count; i++) {
        char name[MAIL_NAME_SIZE];
        struct buf message = {0}, why = {0};
        const char *address = list.item[i].address;
        bool there = false; /* what cannot be looked at is shown */
        if (mail_name(mailing->name, address, name) &&
            !(look_for_mail(run, name, mailing->record->key, &there) && there)) {
            bool ok = compose(run, mailing, name, &list.item[i], &message, &why);
            printf("--- %s to %s\n%s\n", name, address, buf_text(ok ? &message : &why));
        }
        buf_free(&message);
        buf_free(&why);
    }
    recipient_list_free(&list);
}
