#include "mail/compose.h"

#include <string.h>
#include <strings.h>

#include "base/json.h"
#include "mail/calendar.h"
#include "mail/message.h"
#include "mail/view.h"

bool composer_open(struct composer *composer, const struct conf *conf, struct buf *why)
{
    const char *from = conf_text(conf, SET_MAIL_FROM);
    *composer = (struct composer){.from = from ? from : LOCAL_ADDRESS,
        .reply_to = conf_text(conf, SET_REPLY_TO),
        .timezone = conf_text(conf, SET_TIMEZONE)};
    composer->templates =
        templates_open(conf_text(conf, SET_TEMPLATES), conf_text(conf, SET_LANGUAGE), why);
    return composer->templates != NULL;
}

void composer_close(struct composer *composer)
{
    templates_close(composer->templates);
    composer->templates = NULL;
}

static const struct value *view_of(const struct composer *composer, const struct letter *letter,
    struct arena *arena, struct buf *why)
{
    const struct view_options options = {.timezone = composer->timezone,
        .audience = letter->audience,
        .recipient = letter->recipient};
    return view_make(arena, letter->event, letter->decision, composer->templates, &options, why);
}

static bool render(const struct composer *composer, const struct letter *letter,
    const struct value *view, enum template_part part, struct buf *out, struct buf *why)
{
    return templates_render(composer->templates, view_kind(letter->event, letter->decision),
        letter->audience, part, view, out, why);
}

/* ---- the calendar ---- */

/* Whoever gives up a seat has no entry any more, while that of the booking goes on. */
static enum calendar_method method_of(const struct letter *letter)
{
    bool customer = letter->audience == AUDIENCE_CUSTOMER;
    bool leaves = customer && view_kind(letter->event, letter->decision) == KIND_CANCELLED;
    if (letter->decision->calendar == CALENDAR_CANCELLED || leaves)
        return METHOD_CANCEL;
    return customer ? METHOD_REQUEST : METHOD_PUBLISH;
}

/* Outlook throws a mail away whose organizer reads it. So who mails himself gets another name at
 * his domain: nobody answers to what is published. */
static const char *publisher_of(
    const struct composer *composer, const struct letter *letter, struct arena *arena)
{
    const char *domain = strrchr(composer->from, '@');
    if (!domain || strcasecmp(composer->from, letter->recipient) != 0)
        return composer->from;
    return arena_printf(arena, "noreply%s", domain);
}

static struct person organizer_of(
    const struct composer *composer, const struct letter *letter, struct arena *arena)
{
    const struct person *organizer = &letter->event->booking.organizer;
    if (letter->audience == AUDIENCE_OWNER)
        return (struct person){.email = publisher_of(composer, letter, arena)};
    if (composer->reply_to)
        return (struct person){.name = organizer->name, .email = composer->reply_to};
    if (organizer->email)
        return *organizer;
    return (struct person){.name = organizer->name, .email = composer->from};
}

/* The owner has one entry for all seats: it is not named after who came or left last. */
static const char *summary_of(const struct letter *letter, const struct value *view)
{
    bool shared = letter->audience == AUDIENCE_OWNER && letter->event->booking.seat;
    const char *what = value_text_of(view, "what"), *about = value_text_of(view, "about");
    if (shared && what)
        return what;
    return about ? about : value_text_of(view, "provider_name");
}

/* Nothing is appended where the event leaves calendars alone, or tells too little for an entry. A
 * move told late takes away the entry that it left behind, at the old time. */
static bool write_calendar(const struct composer *composer, const struct letter *letter,
    const struct value *view, struct arena *arena, struct buf *out)
{
    const struct decision *decision = letter->decision;
    const struct booking *booking = &letter->event->booking;
    const struct person *own = view_attendee(letter->event, letter->recipient);
    const struct person attendee = own ? *own : (struct person){.email = letter->recipient};
    const char *where = value_text_of(view, "where");
    bool left_behind = decision->late && decision->previous_start != TIME_NONE;
    const struct calendar calendar = {.method = method_of(letter),
        .uid = decision->calendar_uid,
        .sequence = decision->sequence,
        .tentative = decision->calendar == CALENDAR_TENTATIVE,
        .stamp = letter->record->received,
        .start = left_behind ? decision->previous_start : booking->start,
        .end = left_behind ? decision->previous_end : booking->end,
        .summary = summary_of(letter, view),
        .description = value_text_of(value_find(view, "booking"), "description"),
        .location = where ? where : booking->join_url,
        .url = booking->join_url,
        .organizer = organizer_of(composer, letter, arena),
        .attendee = letter->audience == AUDIENCE_CUSTOMER ? &attendee : NULL};
    if (decision->calendar == CALENDAR_UNTOUCHED || !decision->calendar_uid ||
        calendar.start == TIME_NONE)
        return true;
    return calendar_write(&calendar, out);
}

/* ---- the message ---- */

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

enum { USUAL_PAGE = 12 << 10 };

struct parts {
    struct buf subject, text, html, calendar;
};

static bool make_parts(const struct composer *composer, const struct letter *letter,
    struct parts *parts, struct buf *why)
{
    struct arena arena = {0};
    const struct value *view = view_of(composer, letter, &arena, why);
    buf_reserve(&parts->html, USUAL_PAGE);
    bool ok = view && render(composer, letter, view, PART_SUBJECT, &parts->subject, why) &&
              render(composer, letter, view, PART_TEXT, &parts->text, why) &&
              render(composer, letter, view, PART_HTML, &parts->html, why);
    if (ok && !write_calendar(composer, letter, view, &arena, &parts->calendar)) {
        buf_puts(why, "the calendar part cannot be made (out of memory?)");
        ok = false;
    }
    arena_free(&arena);
    return ok;
}

/* A customer's answer is meant for whom they booked, not for the address that news comes from. */
static const char *reply_to(const struct composer *composer, const struct letter *letter)
{
    if (composer->reply_to || letter->audience == AUDIENCE_OWNER)
        return composer->reply_to;
    return letter->event->booking.organizer.email;
}

static bool write_message(const struct composer *composer, const struct letter *letter,
    const struct parts *parts, struct buf *out)
{
    struct message message = {.name = letter->name,
        .key = letter->record->key,
        .from = composer->from,
        .to = letter->recipient,
        .reply_to = reply_to(composer, letter),
        .date = letter->record->received,
        .subject = buf_text(&parts->subject),
        .text = buf_text(&parts->text),
        .html = parts->html.len ? buf_text(&parts->html) : NULL};
    if (parts->calendar.len) {
        message.calendar = buf_text(&parts->calendar);
        message.calendar_method = calendar_method_name(method_of(letter));
    }
    if (letter->event->kind == KIND_OTHER && letter->audience == AUDIENCE_OWNER)
        attach(&message, letter->record);
    return message_compose(&message, out);
}

bool compose_message(
    const struct composer *composer, const struct letter *letter, struct buf *out, struct buf *why)
{
    struct parts parts = {0};
    bool ok = make_parts(composer, letter, &parts, why);
    if (ok && !write_message(composer, letter, &parts, out)) {
        buf_puts(why, "the message cannot be made (out of memory?)");
        ok = false;
    }
    buf_free(&parts.subject);
    buf_free(&parts.text);
    buf_free(&parts.html);
    buf_free(&parts.calendar);
    return ok;
}

bool compose_part(const struct composer *composer, const struct letter *letter,
    enum template_part part, struct buf *out, struct buf *why)
{
    struct arena arena = {0};
    const struct value *view = view_of(composer, letter, &arena, why);
    bool ok = view && render(composer, letter, view, part, out, why);
    arena_free(&arena);
    return ok;
}
