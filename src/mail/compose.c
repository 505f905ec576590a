#include "mail/compose.h"

#include <string.h>
#include <strings.h>

#include "event/clean.h"
#include "mail/bare.h"
#include "mail/calendar.h"
#include "mail/cut.h"
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

/* ---- how much of an event goes into a mail ---- */

/*
 * Bytes. What a mail shows, text, page and both copies of the calendar, may be PARTS_MAX, and the
 * attached body ATTACHMENT_MAX. In base64 with line ends, 78 bytes for 57, that is 1.97 MB, so no
 * mail is above 2 MB.
 */
enum { PARTS_MAX = 384 << 10, ATTACHMENT_MAX = 1 << 20, SUBJECT_MAX = 500, DOTS = 3 };

/* From all of it to what always fits with the built-in templates. */
static const struct amount {
    struct cut_limits limits;
    bool html;
} amounts[] = {
    {{CLEAN_TEXT_MAX, CLEAN_LINE_MAX + DOTS, 4000, 500}, true},
    {{5000, 500, 2000, 100}, true},
    {{1000, 200, 1000, 20}, true},
    {{1000, 200, 1000, 20}, false},
};
enum { AMOUNTS = sizeof amounts / sizeof *amounts };

enum made { MADE, DOES_NOT_FIT, NO_MEMORY };

static const struct value *view_of(const struct composer *composer, const struct notice *notice,
    const struct amount *amount, struct arena *arena, struct buf *why)
{
    const struct view_options options = {.timezone = composer->timezone,
        .audience = notice->audience,
        .recipient = notice->recipient,
        .limits = &amount->limits};
    return view_make(arena, notice->event, notice->decision, composer->templates, &options, why);
}

static enum made render(const struct composer *composer, const struct notice *notice,
    const struct value *view, enum template_part part, struct buf *out, struct buf *why)
{
    if (templates_render(composer->templates, view_kind(notice->event, notice->decision),
            notice->audience, part, view, out, why))
        return MADE;
    return out->failed ? NO_MEMORY : DOES_NOT_FIT;
}

/* ---- the calendar ---- */

/* A customer who gives up a seat loses the entry; the entry of the booking stays. */
static enum calendar_method method_of(const struct notice *notice)
{
    bool customer = notice->audience == AUDIENCE_CUSTOMER;
    bool leaves = customer && view_kind(notice->event, notice->decision) == KIND_CANCELLED;
    if (notice->decision->calendar == CALENDAR_CANCELLED || leaves)
        return METHOD_CANCEL;
    return customer ? METHOD_REQUEST : METHOD_PUBLISH;
}

/* Outlook discards an invitation whose organizer is its recipient. Where sender and recipient are
 * the same, the organizer is another name at that domain; published entries are not answered. */
static const char *publisher_of(
    const struct composer *composer, const struct notice *notice, struct arena *arena)
{
    const char *domain = strrchr(composer->from, '@');
    if (!domain || strcasecmp(composer->from, notice->recipient) != 0)
        return composer->from;
    return arena_printf(arena, "noreply%s", domain);
}

static struct person organizer_of(
    const struct composer *composer, const struct notice *notice, struct arena *arena)
{
    const struct person *organizer = &notice->event->booking.organizer;
    if (notice->audience == AUDIENCE_OWNER)
        return (struct person){.email = publisher_of(composer, notice, arena)};
    if (composer->reply_to)
        return (struct person){.name = organizer->name, .email = composer->reply_to};
    if (organizer->email)
        return *organizer;
    return (struct person){.name = organizer->name, .email = composer->from};
}

/* The owner has one entry for all seats: it is not named after who came or left last. */
static const char *summary_of(const struct notice *notice, const struct value *view)
{
    bool shared = notice->audience == AUDIENCE_OWNER && notice->event->booking.seat;
    const char *what = value_text_of(view, "what"), *about = value_text_of(view, "about");
    if (shared && what)
        return what;
    const char *name = value_text_of(view, "provider_name");
    return about ? about : name ? name : notice->event->booking.title;
}

/* Nothing is appended where the event leaves calendars alone, or has too little for an entry. A
 * late move cancels the entry at the old time. False: out of memory. */
static bool write_calendar(const struct composer *composer, const struct notice *notice,
    const struct value *view, struct arena *arena, struct buf *out)
{
    const struct decision *decision = notice->decision;
    const struct booking *booking = &notice->event->booking;
    const struct person *own = view_attendee(notice->event, notice->recipient);
    const struct person attendee = own ? *own : (struct person){.email = notice->recipient};
    const char *where = value_text_of(view, "where"), *join = value_text_of(view, "join_url");
    bool left_behind = decision->late && decision->previous_start != TIME_NONE;
    const struct calendar calendar = {.method = method_of(notice),
        .uid = decision->calendar_uid,
        .sequence = decision->sequence,
        .tentative = decision->calendar == CALENDAR_TENTATIVE,
        .stamp = notice->record->received,
        .start = left_behind ? decision->previous_start : booking->start,
        .end = left_behind ? decision->previous_end : booking->end,
        .summary = summary_of(notice, view),
        .description = value_text_of(value_find(view, "booking"), "description"),
        .location = where ? where : join,
        .url = join,
        .organizer = organizer_of(composer, notice, arena),
        .attendee = notice->audience == AUDIENCE_CUSTOMER ? &attendee : NULL};
    if (decision->calendar == CALENDAR_UNTOUCHED || !decision->calendar_uid)
        return true;
    return calendar_write(&calendar, out);
}

/* ---- the message ---- */

struct parts {
    struct buf subject, text, html, calendar;
    bool cut; /* the mail does not say all of it: the body is attached */
};

static void parts_clear(struct parts *parts)
{
    buf_free(&parts->subject);
    buf_free(&parts->text);
    buf_free(&parts->html);
    buf_free(&parts->calendar);
    *parts = (struct parts){0};
}

/* A subject that fits into a header; the built-in ones are shorter. */
static void cut_subject(struct buf *subject)
{
    size_t len = cut_length(buf_text(subject), SUBJECT_MAX);
    if (len == subject->len)
        return;
    subject->len = len;
    buf_puts(subject, "...");
}

static enum made make_parts(const struct composer *composer, const struct notice *notice,
    const struct amount *amount, struct parts *parts, struct buf *why)
{
    struct arena arena = {0};
    const struct value *view = view_of(composer, notice, amount, &arena, why);
    enum made made = view ? MADE : arena.failed ? NO_MEMORY : DOES_NOT_FIT;
    if (made == MADE)
        made = render(composer, notice, view, PART_SUBJECT, &parts->subject, why);
    if (made == MADE)
        made = render(composer, notice, view, PART_TEXT, &parts->text, why);
    if (made == MADE && amount->html)
        made = render(composer, notice, view, PART_HTML, &parts->html, why);
    if (made == MADE && !write_calendar(composer, notice, view, &arena, &parts->calendar))
        made = NO_MEMORY;
    cut_subject(&parts->subject);
    size_t size = parts->text.len + parts->html.len + 2 * parts->calendar.len;
    if (made == MADE && size > PARTS_MAX) {
        buf_printf(
            why, "text, page and calendar have %zu bytes, which is more than %d", size, PARTS_MAX);
        made = DOES_NOT_FIT;
    }
    parts->cut = !amount->html || value_find(view, "cut");
    arena_free(&arena);
    return made;
}

/* As much as fits. `why` says why not all of it does, or is empty. */
static enum made make_fitting_parts(const struct composer *composer, const struct notice *notice,
    struct parts *parts, struct buf *why)
{
    enum made made = DOES_NOT_FIT;
    for (size_t i = 0; i < AMOUNTS && made == DOES_NOT_FIT; i++) {
        struct buf fault = {0};
        parts_clear(parts);
        made = make_parts(composer, notice, &amounts[i], parts, &fault);
        if (!why->len && fault.len)
            buf_puts(why, buf_text(&fault));
        buf_free(&fault);
    }
    return made;
}

static enum made make_bare_parts(const struct composer *composer, const struct notice *notice,
    struct parts *parts, struct buf *why)
{
    struct arena arena = {0};
    parts_clear(parts);
    parts->cut = true;
    bare_facts(notice, buf_text(why), &parts->subject, &parts->text);
    bool ok = write_calendar(composer, notice, NULL, &arena, &parts->calendar);
    arena_free(&arena);
    return ok ? MADE : NO_MEMORY;
}

/* What is not understood, or is cut, goes along so that a person can read it. */
static void attach(struct message *message, const struct record *record)
{
    bool all = record->length <= ATTACHMENT_MAX;
    if (record->length == 0)
        return;
    bool json = memchr("{[", record->body[0], 2) != NULL;
    message->attachment = record->body;
    message->attachment_len = all ? record->length : ATTACHMENT_MAX;
    message->attachment_name = !all ? "body-beginning.txt" : json ? "body.json" : "body.txt";
}

/* A customer's answer is meant for whom they booked, not for the address that news comes from. */
static const char *reply_to(const struct composer *composer, const struct notice *notice)
{
    if (composer->reply_to || notice->audience == AUDIENCE_OWNER)
        return composer->reply_to;
    return notice->event->booking.organizer.email;
}

static bool write_message(const struct composer *composer, const struct notice *notice,
    const struct parts *parts, struct buf *out)
{
    struct message message = {.name = notice->name,
        .id = notice->record->id,
        .from = composer->from,
        .to = notice->recipient,
        .reply_to = reply_to(composer, notice),
        .date = notice->record->received,
        .subject = buf_text(&parts->subject),
        .text = buf_text(&parts->text),
        .html = parts->html.len ? buf_text(&parts->html) : NULL};
    if (parts->calendar.len) {
        message.calendar = buf_text(&parts->calendar);
        message.calendar_method = calendar_method_name(method_of(notice));
    }
    if ((parts->cut || notice->event->kind == KIND_OTHER) && notice->audience == AUDIENCE_OWNER)
        attach(&message, notice->record);
    return message_compose(&message, out);
}

bool compose_message(
    const struct composer *composer, const struct notice *notice, struct buf *out, struct buf *why)
{
    struct parts parts = {0};
    enum made made = make_fitting_parts(composer, notice, &parts, why);
    if (made == DOES_NOT_FIT)
        made = make_bare_parts(composer, notice, &parts, why);
    bool ok = made == MADE && write_message(composer, notice, &parts, out);
    if (!ok) {
        buf_clear(why);
        buf_puts(why, "out of memory");
    }
    parts_clear(&parts);
    return ok;
}

bool compose_part(const struct composer *composer, const struct notice *notice,
    enum template_part part, struct buf *out, struct buf *why)
{
    struct parts parts = {0};
    const struct buf *const made[TEMPLATE_PARTS] = {
        [PART_SUBJECT] = &parts.subject, [PART_TEXT] = &parts.text, [PART_HTML] = &parts.html};
    bool ok = make_fitting_parts(composer, notice, &parts, why) == MADE;
    if (ok)
        buf_add(out, buf_text(made[part]), made[part]->len);
    parts_clear(&parts);
    return ok;
}
