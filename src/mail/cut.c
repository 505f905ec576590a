#include "mail/cut.h"

#include <string.h>

#include "base/value.h"
#include "event/clean.h"

struct cutter {
    const struct cut_limits *limits;
    const struct templates *templates;
    struct arena *arena;
    bool cut;
};

size_t cut_length(const char *text, size_t max)
{
    size_t len = 0, characters = 0;
    for (; text[len]; len++)
        if (((unsigned char)text[len] & 0xc0) != 0x80 && characters++ == max)
            break;
    return len;
}

static size_t count_characters(const char *text)
{
    size_t characters = 0;
    for (; *text; text++)
        characters += ((unsigned char)*text & 0xc0) != 0x80;
    return characters;
}

/* `before`, which may be empty, and a word that says how many more there were; 0: not known. A word
 * of the user's own that cannot be made leaves dots. */
static const char *with_notice(
    struct cutter *c, const char *before, size_t len, const char *word, size_t count)
{
    struct value *numbers = value_root(c->arena);
    struct buf text = {0}, notice = {0}, why = {0};
    if (count)
        value_add_number(c->arena, numbers, "count", (double)count);
    if (!templates_say(c->templates, word, numbers, &notice, &why))
        buf_puts(&notice, "...");
    buf_add(&text, before, len);
    if (len)
        buf_puts(&text, "... ");
    buf_add(&text, buf_text(&notice), notice.len);
    const char *copy = arena_strndup(c->arena, buf_text(&text), text.len);
    c->arena->failed |= text.failed || notice.failed;
    c->cut = true;
    buf_free(&text);
    buf_free(&notice);
    buf_free(&why);
    return copy;
}

/* Where event/clean.h has cut a text already, it is not known how much more there was. */
static const char *cut_text(struct cutter *c, const char *text)
{
    static const char dots[] = "...";
    size_t max = c->limits->text, size = text ? strlen(text) : 0;
    if (size <= max) /* in bytes, so also in characters */
        return text;
    size_t characters = count_characters(text);
    bool cut_before = characters == CLEAN_TEXT_MAX + strlen(dots) &&
                      strcmp(text + size - strlen(dots), dots) == 0;
    if (!cut_before && characters <= max)
        return text;
    return with_notice(
        c, text, cut_length(text, max), "left_out_text", cut_before ? 0 : characters - max);
}

static const char *cut_line(struct cutter *c, const char *line)
{
    size_t max = c->limits->line;
    if (!line || strlen(line) <= max)
        return line;
    size_t characters = count_characters(line);
    if (characters <= max)
        return line;
    return with_notice(c, line, cut_length(line, max), "left_out_text", characters - max);
}

static const char *cut_url(struct cutter *c, const char *url)
{
    if (!url || strlen(url) <= c->limits->url)
        return url;
    c->cut = true;
    return NULL;
}

static struct person cut_person(struct cutter *c, const struct person *person)
{
    return (struct person){.name = cut_line(c, person->name),
        .email = person->email,
        .timezone = cut_line(c, person->timezone)};
}

/* How many entries are kept of a list; `room` is that and one more, for the sentence. */
static size_t cut_count(struct cutter *c, size_t count, size_t *room)
{
    size_t kept = count > c->limits->items ? c->limits->items : count;
    *room = kept + (kept < count);
    return kept;
}

static const char *rest_of_list(struct cutter *c, size_t left_out)
{
    return with_notice(c, "", 0, "left_out_list", left_out);
}

static void cut_attendees(struct cutter *c, struct booking *booking)
{
    size_t room, count = booking->attendee_count, kept = cut_count(c, count, &room);
    struct person *list = arena_alloc(c->arena, room * sizeof *list);
    if (!list)
        return;
    for (size_t i = 0; i < kept; i++)
        list[i] = cut_person(c, &booking->attendees[i]);
    if (kept < count)
        list[kept] = (struct person){.name = rest_of_list(c, count - kept)};
    booking->attendees = list;
    booking->attendee_count = room;
}

static void cut_guests(struct cutter *c, struct booking *booking)
{
    size_t room, count = booking->guest_count, kept = cut_count(c, count, &room);
    if (kept == count) /* each is an address, so it is short */
        return;
    const char **list = arena_alloc(c->arena, room * sizeof *list);
    if (!list)
        return;
    memcpy(list, booking->guests, kept * sizeof *list);
    list[kept] = rest_of_list(c, count - kept);
    booking->guests = list;
    booking->guest_count = room;
}

static void cut_answers(struct cutter *c, struct booking *booking)
{
    size_t room, count = booking->answer_count, kept = cut_count(c, count, &room);
    struct answer *list = arena_alloc(c->arena, room * sizeof *list);
    if (!list)
        return;
    for (size_t i = 0; i < kept; i++)
        list[i] = (struct answer){.question = cut_line(c, booking->answers[i].question),
            .answer = cut_text(c, booking->answers[i].answer)};
    if (kept < count)
        list[kept] = (struct answer){.question = rest_of_list(c, count - kept), .answer = "..."};
    booking->answers = list;
    booking->answer_count = room;
}

bool cut_event(struct event *event, const struct cut_limits *limits,
    const struct templates *templates, struct arena *arena)
{
    struct cutter c = {.limits = limits, .templates = templates, .arena = arena};
    struct booking *booking = &event->booking;
    const char **const lines[] = {&booking->uid, &booking->previous_uid, &booking->ical_uid,
        &booking->status, &booking->seat, &booking->title, &booking->event_type, &booking->timezone,
        &booking->by, &booking->payment, &event->name};
    const char **const texts[] = {&booking->description, &booking->reason, &booking->location};
    const char **const urls[] = {&booking->link, &booking->join_url};
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        *lines[i] = cut_line(&c, *lines[i]);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        *texts[i] = cut_text(&c, *texts[i]);
    for (size_t i = 0; i < sizeof urls / sizeof *urls; i++)
        *urls[i] = cut_url(&c, *urls[i]);
    booking->organizer = cut_person(&c, &booking->organizer);
    cut_attendees(&c, booking);
    cut_guests(&c, booking);
    cut_answers(&c, booking);
    return c.cut;
}
