#include "mail/compose.h"

#include <string.h>

#include "base/json.h"
#include "mail/message.h"

bool compose_wanted(enum event_kind kind)
{
    return kind != KIND_PING;
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

bool compose_message(const struct run *run, const struct event *event, const struct record *record,
    const char *name, const char *recipient, struct buf *out)
{
    struct buf subject = {0}, text = {0};
    bool ok = render_mail(event, &run->render, &subject, &text);
    if (ok) {
        struct message message = {.name = name,
            .key = record->key,
            .from = run->from,
            .to = recipient,
            .reply_to = run->reply_to,
            .date = record->received,
            .subject = buf_text(&subject),
            .text = buf_text(&text)};
        if (event->kind == KIND_OTHER)
            attach(&message, record);
        ok = message_compose(&message, out);
    }
    buf_free(&subject);
    buf_free(&text);
    return ok;
}
