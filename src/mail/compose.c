#include "mail/compose.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "event/clean.h"
#include "mail/cut.h"
#include "mail/headers.h"
#include "mail/invite.h"
#include "mail/message.h"
#include "mail/view.h"
#include "provider/redact.h"

bool composer_open(struct composer *composer, const struct conf *conf, struct buf *why)
{
    const char *from = conf_text(conf, SET_MAIL_FROM);
    *composer = (struct composer){.from = LOCAL_ADDRESS,
        .reply_to = conf_text(conf, SET_REPLY_TO),
        .timezone = conf_text(conf, SET_TIMEZONE),
        .calendar = conf_number(conf, SET_CALENDAR),
        .customer_calendar = conf_number(conf, SET_CALENDAR_ATTENDEE)};
    if (!zone_system(composer->system_zone))
        composer->system_zone[0] = '\0';
    struct mailbox *mailbox = composer->mailbox = calloc(1, sizeof *mailbox);
    if (!mailbox) {
        buf_puts(why, "out of memory");
        return false;
    }
    if (from && mailbox_parse(from, mailbox)) {
        composer->from = mailbox->address;
        composer->from_name = *mailbox->name ? mailbox->name : NULL;
    }
    composer->templates =
        templates_open(conf_text(conf, SET_TEMPLATES), conf_text(conf, SET_LANGUAGE), why);
    if (!composer->templates)
        composer_close(composer);
    return composer->templates != NULL;
}

void composer_close(struct composer *composer)
{
    templates_close(composer->templates);
    free(composer->mailbox);
    composer->templates = NULL;
    composer->mailbox = NULL;
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

/* ---- the bare facts: what a mail says that no template could be made for ---- */

enum { VALUE_MAX = 200, WHY_MAX = 1000, PEOPLE_MAX = 10 }; /* characters, persons */

static void add_clipped(const char *value, size_t max, struct buf *out)
{
    size_t len = cut_length(value, max);
    buf_add(out, value, len);
    if (value[len])
        buf_puts(out, "...");
}

/* The word, where it can be used as it is: a word with tags may be the one that cannot be made. */
static const char *plain_word(
    const struct templates *templates, const char *key, const char *english)
{
    const char *word = templates_word(templates, key);
    return word && *word && !strstr(word, "{{") ? word : english;
}

static void add_bare(const char *label, const char *value, const char *address, struct buf *out)
{
    if (!value && !address)
        return;
    buf_printf(out, "%s: ", label);
    add_clipped(value ? value : "", VALUE_MAX, out);
    if (address)
        buf_printf(out, "%s<%s>", value ? " " : "", address);
    buf_putc(out, '\n');
}

/* A few KB at most. The owner reads `why`, a customer does not. */
static void add_bare_facts(const struct templates *templates, const struct notice *notice,
    const char *why, struct buf *subject, struct buf *text)
{
    const struct event *event = notice->event;
    const struct booking *booking = &event->booking;
    const struct person *host = &booking->organizer, *who = booking->attendees;
    const char *what = booking->title ? booking->title : booking->event_type;
    const char *label = plain_word(templates, "label_who", "Who");
    const char *kind = event_kind_name(view_kind(event, notice->decision));
    bool owner = notice->audience == AUDIENCE_OWNER;
    char start[TIME_TEXT], end[TIME_TEXT], key[64];
    snprintf(key, sizeof key, "%sheading_%s", owner ? "" : "customer_", kind);
    const char *heading = plain_word(templates, key, NULL);
    buf_printf(subject, "%s%s", heading ? "" : "Booking: ", heading ? heading : kind);
    if (owner) {
        buf_puts(text, "No template could be used for this mail, so it has only the facts:\n");
        add_clipped(why, WHY_MAX, text);
        buf_printf(text, "\n\"bookspool show %s\" prints the complete event.\n\n", event->id);
    }
    buf_printf(text, "%s\n", buf_text(subject));
    if (what) {
        buf_puts(subject, ": ");
        add_clipped(what, VALUE_MAX, subject);
    }
    add_bare(plain_word(templates, "label_what", "What"), what, NULL, text);
    if (booking->start != TIME_NONE) {
        time_format(booking->start, start);
        buf_printf(text, "%s: %s", plain_word(templates, "label_when", "When"), start);
        if (booking->end != TIME_NONE) {
            time_format(booking->end, end);
            buf_printf(text, " - %s", end);
        }
        buf_putc(text, '\n');
    }
    size_t count = owner ? booking->attendee_count : 0;
    for (size_t i = 0; i < count && i < PEOPLE_MAX; i++)
        add_bare(label, who[i].name, who[i].email, text);
    if (count > PEOPLE_MAX)
        buf_printf(text, "%s: ... (+%zu)\n", label, count - PEOPLE_MAX);
    add_bare(plain_word(templates, "label_host", "Host"), host->name, host->email, text);
    if (owner) {
        add_bare(plain_word(templates, "label_uid", "Booking ID"), booking->uid, NULL, text);
        add_bare(plain_word(templates, "label_id", "Event ID"), event->id, NULL, text);
    }
}

/* ---- the message ---- */

/* In the reader's language, where the event tells it and there are words for it. */
static const struct templates *templates_of(
    const struct composer *composer, const struct notice *notice)
{
    const struct person *reader = view_reader(notice->event, notice->audience, notice->recipient);
    const char *language = reader && !composer->one_language ? reader->language : NULL;
    return templates_for(composer->templates, language);
}

struct parts {
    struct buf text[TEMPLATE_PARTS];
    struct invites calendar;
    struct arena arena; /* of the calendar's objects */
    bool cut;           /* the mail does not say all of it: the body is attached */
};

static void parts_clear(struct parts *parts)
{
    for (size_t i = 0; i < TEMPLATE_PARTS; i++)
        buf_free(&parts->text[i]);
    invites_free(&parts->calendar);
    arena_free(&parts->arena);
    *parts = (struct parts){0};
}

static enum made make_parts(const struct composer *composer, const struct notice *notice,
    const struct amount *amount, struct parts *parts, struct buf *why)
{
    struct arena arena = {0};
    const char *zone = composer->timezone;
    if (!zone && !notice->event->booking.organizer.timezone && composer->system_zone[0])
        zone = composer->system_zone;
    const struct view_options options = {.timezone = zone,
        .audience = notice->audience,
        .recipient = notice->recipient,
        .limits = &amount->limits};
    enum event_kind kind = view_kind(notice->event, notice->decision);
    const struct templates *templates = templates_of(composer, notice);
    const struct value *view =
        view_make(&arena, notice->event, notice->decision, templates, &options, why);
    enum made made = view ? MADE : arena.failed ? NO_MEMORY : DOES_NOT_FIT;
    for (enum template_part i = 0; i < TEMPLATE_PARTS && made == MADE; i++)
        if ((i != PART_HTML || amount->html) &&
            !templates_render(templates, kind, notice->audience, i, view, &parts->text[i], why))
            made = parts->text[i].failed ? NO_MEMORY : DOES_NOT_FIT;
    if (made == MADE &&
        !invites_make(&parts->arena, composer, templates, notice, view, &parts->calendar))
        made = NO_MEMORY;
    struct buf *subject = &parts->text[PART_SUBJECT];
    size_t fits = cut_length(buf_text(subject), SUBJECT_MAX);
    if (fits < subject->len) { /* the built-in ones are shorter */
        subject->len = fits;
        buf_puts(subject, "...");
    }
    size_t size = parts->text[PART_TEXT].len + parts->text[PART_HTML].len +
                  2 * invites_size(&parts->calendar);
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

static void add_calendars(
    const struct invites *invites, struct arena *arena, struct message *message)
{
    if (!invites->count)
        return;
    message->calendar = buf_text(&invites->text[0]);
    message->calendar_method = calendar_method_name(invites->method[0]);
    message->calendar_as_file = invites->as_file;
    size_t more = invites->count - 1;
    struct message_calendar *list = arena_alloc(arena, (more + 1) * sizeof *list);
    for (size_t i = 0; list && i < more; i++)
        list[i] = (struct message_calendar){.text = buf_text(&invites->text[i + 1]),
            .method = calendar_method_name(invites->method[i + 1]),
            .name = invites->name[i + 1]};
    message->more_calendars = list;
    message->more_calendar_count = list ? more : 0;
}

/*
 * What is not understood, or is cut, goes along so that a person can read it, without the secrets
 * in it: other people may read a mail. A body in which secrets cannot be found stays in the
 * spool.
 */
static void attach_body(const struct templates *templates, const struct notice *notice, bool cut,
    struct arena *arena, struct message *message)
{
    const struct event *event = notice->event;
    const struct record *record = notice->record;
    char key[128];
    snprintf(key, sizeof key, "heading_event_%.100s", event->name ? event->name : "");
    bool needed = cut || (event->kind == KIND_OTHER && !templates_word(templates, key));
    if (!needed || notice->audience != AUDIENCE_OWNER || !record->length)
        return;
    const char *body = body_redacted(arena, record->body, record->length);
    if (!body)
        return;
    size_t len = strlen(body);
    bool all = len <= ATTACHMENT_MAX, json = *body == '{' || *body == '[';
    message->attachment = body;
    message->attachment_len = all ? len : ATTACHMENT_MAX;
    message->attachment_name = !all ? "body-beginning.txt" : json ? "body.json" : "body.txt";
}

static bool write_message(const struct composer *composer, const struct notice *notice,
    const struct parts *parts, struct buf *out)
{
    const struct record *record = notice->record;
    struct message message = {.name = notice->name,
        .id = record->id,
        .to = notice->recipient,
        .date = record->received,
        .subject = buf_text(&parts->text[PART_SUBJECT]),
        .text = buf_text(&parts->text[PART_TEXT]),
        .html = parts->text[PART_HTML].len ? buf_text(&parts->text[PART_HTML]) : NULL};
    struct headers headers;
    struct arena arena = {0};
    if (!headers_fill(composer, notice, &headers, &message))
        return false;
    add_calendars(&parts->calendar, &arena, &message);
    attach_body(composer->templates, notice, parts->cut, &arena, &message);
    bool ok = !arena.failed && message_compose(&message, out);
    arena_free(&arena);
    return ok;
}

bool compose_message(
    const struct composer *composer, const struct notice *notice, struct buf *out, struct buf *why)
{
    struct parts parts = {0};
    const struct templates *templates = templates_of(composer, notice);
    enum made made = make_fitting_parts(composer, notice, &parts, why);
    if (made == DOES_NOT_FIT) {
        parts_clear(&parts);
        parts.cut = true;
        add_bare_facts(
            templates, notice, buf_text(why), &parts.text[PART_SUBJECT], &parts.text[PART_TEXT]);
        if (invites_make(&parts.arena, composer, templates, notice, NULL, &parts.calendar))
            made = MADE;
    }
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
    bool ok = make_fitting_parts(composer, notice, &parts, why) == MADE;
    if (ok)
        buf_add(out, buf_text(&parts.text[part]), parts.text[part].len);
    parts_clear(&parts);
    return ok;
}
