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

/* `before`, which may be empty, and a word that says how much more there was; 0: not known. A word
 * of the user's own that cannot be made is replaced by dots. */
static const char *with_note(
    struct cutter *c, const char *before, size_t len, const char *word, size_t count)
{
    struct value *numbers = value_root(c->arena);
    struct buf text = {0}, why = {0};
    if (count)
        value_add_number(c->arena, numbers, "count", (double)count);
    buf_add(&text, before, len);
    if (len)
        buf_puts(&text, "... ");
    if (!templates_say(c->templates, word, numbers, &text, &why))
        buf_puts(&text, "...");
    const char *copy = arena_strndup(c->arena, buf_text(&text), text.len);
    c->arena->failed |= text.failed;
    c->cut = true;
    buf_free(&text);
    buf_free(&why);
    return copy;
}

/* Where event/clean.h has cut a text already, it is not known how much more there was. */
static const char *cut_text(struct cutter *c, const char *text, size_t max)
{
    static const char dots[] = "...";
    size_t size = text ? strlen(text) : 0, characters = 0;
    if (size <= max) /* in bytes, so also in characters */
        return text;
    for (size_t i = 0; i < size; i++)
        characters += ((unsigned char)text[i] & 0xc0) != 0x80;
    bool cut_before = characters == CLEAN_TEXT_MAX + strlen(dots) &&
                      strcmp(text + size - strlen(dots), dots) == 0;
    if (!cut_before && characters <= max)
        return text;
    return with_note(
        c, text, cut_length(text, max), "left_out_text", cut_before ? 0 : characters - max);
}

static const char *cut_line(struct cutter *c, const char *line)
{
    return cut_text(c, line, c->limits->line);
}

static struct person cut_person(struct cutter *c, const struct person *person)
{
    struct person copy = *person;
    copy.name = cut_line(c, person->name);
    copy.written_email = cut_line(c, person->written_email);
    copy.phone = cut_line(c, person->phone);
    copy.timezone = cut_line(c, person->timezone);
    return copy;
}

/* Each list has room for one entry more, which says how many are left out. */
static void cut_lists(struct cutter *c, struct booking *booking)
{
    const size_t max = c->limits->items,
                 counts[] = {booking->attendee_count, booking->guest_count, booking->answer_count};
    size_t kept[3];
    const char *notes[3] = {0};
    for (size_t i = 0; i < 3; i++) {
        kept[i] = counts[i] > max ? max : counts[i];
        if (counts[i] > max)
            notes[i] = with_note(c, "", 0, "left_out_list", counts[i] - max);
    }
    struct person *attendees = arena_alloc(c->arena, (kept[0] + 1) * sizeof *attendees);
    const char **guests = arena_alloc(c->arena, (kept[1] + 1) * sizeof *guests);
    struct answer *answers = arena_alloc(c->arena, (kept[2] + 1) * sizeof *answers);
    if (!attendees || !guests || !answers)
        return;
    for (size_t i = 0; i < kept[0]; i++)
        attendees[i] = cut_person(c, &booking->attendees[i]);
    for (size_t i = 0; i < kept[1]; i++) /* each is an address, so it is short */
        guests[i] = booking->guests[i];
    for (size_t i = 0; i < kept[2]; i++)
        answers[i] = (struct answer){.question = cut_line(c, booking->answers[i].question),
            .word = booking->answers[i].word,
            .answer = cut_text(c, booking->answers[i].answer, c->limits->text),
            .answer_word = booking->answers[i].answer_word};
    attendees[kept[0]] = (struct person){.name = notes[0]};
    guests[kept[1]] = notes[1];
    answers[kept[2]] = (struct answer){.question = notes[2], .answer = "..."};
    booking->attendees = attendees;
    booking->attendee_count = kept[0] + (notes[0] != NULL);
    booking->guests = guests;
    booking->guest_count = kept[1] + (notes[1] != NULL);
    booking->answers = answers;
    booking->answer_count = kept[2] + (notes[2] != NULL);
}

/* Hosts and details are a provider's own, so what is too many of them is left out without a word.
 */
static void cut_hosts_and_details(struct cutter *c, struct booking *booking)
{
    const size_t max = c->limits->items;
    c->cut |= booking->host_count > max || booking->detail_count > max;
    size_t host_count = booking->host_count > max ? max : booking->host_count;
    size_t detail_count = booking->detail_count > max ? max : booking->detail_count;
    struct person *hosts = arena_alloc(c->arena, (host_count + 1) * sizeof *hosts);
    struct detail *details = arena_alloc(c->arena, (detail_count + 1) * sizeof *details);
    if (!hosts || !details)
        return;
    for (size_t i = 0; i < host_count; i++)
        hosts[i] = cut_person(c, &booking->hosts[i]);
    for (size_t i = 0; i < detail_count; i++)
        details[i] = (struct detail){.word = cut_line(c, booking->details[i].word),
            .text = cut_text(c, booking->details[i].text, c->limits->text),
            .when = booking->details[i].when};
    booking->hosts = hosts;
    booking->host_count = host_count;
    booking->details = details;
    booking->detail_count = detail_count;
}

bool cut_event(struct event *event, const struct cut_limits *limits,
    const struct templates *templates, struct arena *arena)
{
    struct cutter c = {.limits = limits, .templates = templates, .arena = arena};
    struct booking *booking = &event->booking;
    const char **const lines[] = {&booking->uid, &booking->previous_uid, &booking->ical_uid,
        &booking->status, &booking->seat, &booking->title, &booking->event_type, &booking->timezone,
        &booking->by, &booking->payment, &booking->team, &event->name};
    const char **const texts[] = {&booking->description, &booking->notes, &booking->host_notes,
        &booking->reason, &booking->location, &booking->previous_location};
    const char **const urls[] = {&booking->link, &booking->join_url, &booking->reschedule_url,
        &booking->cancel_url, &booking->manage_url};
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        *lines[i] = cut_line(&c, *lines[i]);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        *texts[i] = cut_text(&c, *texts[i], limits->text);
    for (size_t i = 0; i < sizeof urls / sizeof *urls; i++)
        if (*urls[i] && strlen(*urls[i]) > limits->url) {
            *urls[i] = NULL;
            c.cut = true;
        }
    booking->organizer = cut_person(&c, &booking->organizer);
    booking->previous_organizer = cut_person(&c, &booking->previous_organizer);
    booking->stand_in = cut_person(&c, &booking->stand_in);
    cut_lists(&c, booking);
    cut_hosts_and_details(&c, booking);
    return c.cut;
}
