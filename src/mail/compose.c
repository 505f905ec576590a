#include "mail/compose.h"

#include <string.h>

#include "base/json.h"
#include "mail/message.h"
#include "mail/render.h"

bool composer_open(struct composer *composer, const struct conf *conf, struct buf *why)
{
    (void)why;
    const char *from = conf_text(conf, SET_MAIL_FROM);
    *composer = (struct composer){.from = from ? from : COMPOSER_LOCAL_ADDRESS,
        .reply_to = conf_text(conf, SET_REPLY_TO),
        .timezone = conf_text(conf, SET_TIMEZONE)};
    return true;
}

void composer_close(struct composer *composer)
{
    (void)composer;
}

/* What was not understood travels along, so that a person can. */
static void attach(struct message *message, const struct record *record)
{
    if (record->length == 0)
        return;
    cJSON *json = json_parse(record->body, record->length);
    message->attachment = record->body;
    message->attachment_len = record->length;
    message->attachment_name = json ? "body.json" : "body.txt";
    cJSON_Delete(json);
}

bool compose_message(
    const struct composer *composer, const struct letter *letter, struct buf *out, struct buf *why)
{
    struct buf subject = {0}, text = {0};
    struct render_options options = {.timezone = composer->timezone};
    bool ok = render_mail(letter->event, &options, &subject, &text);
    (void)why;
    if (ok) {
        struct message message = {.name = letter->name,
            .key = letter->record->key,
            .from = composer->from,
            .to = letter->recipient,
            .reply_to = composer->reply_to,
            .date = letter->record->received,
            .subject = buf_text(&subject),
            .text = buf_text(&text)};
        if (letter->event->kind == KIND_OTHER)
            attach(&message, letter->record);
        ok = message_compose(&message, out);
    }
    buf_free(&subject);
    buf_free(&text);
    return ok;
}
