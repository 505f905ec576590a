#include "mail/headers.h"

#include <stdio.h>
#include <string.h>

#include "mail/recipients.h"
#include "mail/view.h"

enum { THREAD_DIGITS = 32 };

/* ---- answers ---- */

/* A form names its sender in an answer. */
static const char *address_among_answers(const struct booking *booking)
{
    for (size_t i = 0; i < booking->answer_count; i++)
        if (booking->answers[i].answer && recipients_mailable(booking->answers[i].answer))
            return booking->answers[i].answer;
    return NULL;
}

static void answer_to_customer(const struct composer *composer, const struct booking *booking,
    struct headers *headers, struct message *message)
{
    const struct person *one = booking->attendee_count == 1 ? booking->attendees : NULL;
    if (booking->attendee_count > 1)
        return;
    if (one && recipients_mailable(one->email)) {
        message->reply_to = one->email;
        message->reply_to_name = one->name;
        return;
    }
    const char *address = address_among_answers(booking);
    snprintf(headers->address, sizeof headers->address, "%s", address ? address : "");
    message->reply_to = address ? headers->address : composer->reply_to;
}

static void answer_to_host(
    const struct composer *composer, const struct booking *booking, struct message *message)
{
    if (booking->reply_to || composer->reply_to) {
        message->reply_to = booking->reply_to ? booking->reply_to : composer->reply_to;
    } else if (booking->organizer.email && !booking->hide_organizer_email) {
        message->reply_to = booking->organizer.email;
        message->reply_to_name = booking->organizer.name;
    }
}

/* ---- what belongs together ---- */

/* The entry in calendars lives on through moves, under one uid. */
static const char *root_of(const struct notice *notice)
{
    const struct booking *booking = &notice->event->booking;
    if (notice->decision->calendar_uid)
        return notice->decision->calendar_uid;
    if (booking->ical_uid)
        return booking->ical_uid;
    return booking->previous_uid ? booking->previous_uid : booking->uid;
}

static bool write_thread(const struct composer *composer, const struct notice *notice,
    const char *root, struct headers *headers)
{
    const char *provider = notice->event->provider, *at = strrchr(composer->from, '@');
    const struct digest_part parts[] = {{provider, strlen(provider) + 1}, {root, strlen(root)}};
    char digest[DIGEST_HEX + 1];
    if (!digest_hex(parts, 2, digest))
        return false;
    snprintf(headers->thread, sizeof headers->thread, "booking-%.*s@%s", THREAD_DIGITS, digest,
        at ? at + 1 : "localhost");
    return true;
}

bool headers_fill(const struct composer *composer, const struct notice *notice,
    struct headers *headers, struct message *message)
{
    const struct booking *booking = &notice->event->booking;
    const char *root = notice->event->kind == KIND_FORM ? NULL : root_of(notice);
    *headers = (struct headers){0};
    message->from = composer->from;
    message->from_name = composer->from_name;
    if (notice->audience == AUDIENCE_OWNER)
        answer_to_customer(composer, booking, headers, message);
    else
        answer_to_host(composer, booking, message);
    if (root && !write_thread(composer, notice, root, headers))
        return false;
    message->thread = root ? headers->thread : NULL;
    return true;
}
