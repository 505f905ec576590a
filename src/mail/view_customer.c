/* What a customer may see of an event. The only place that decides it. */
#include <string.h>
#include <strings.h>

#include "mail/view.h"

static bool same_address(const char *a, const char *b)
{
    return a && b && strcasecmp(a, b) == 0;
}

/* ---- an address that is hidden ---- */

/* The text with `instead` in place of each occurrence of `what`. */
static const char *replaced(
    struct arena *arena, const char *text, const char *what, const char *instead)
{
    const char *found = text && what && *what ? strcasestr(text, what) : NULL;
    if (!found)
        return text;
    struct buf out = {0};
    for (; found; text = found + strlen(what), found = strcasestr(text, what)) {
        buf_add(&out, text, (size_t)(found - text));
        buf_puts(&out, instead);
    }
    buf_puts(&out, text);
    const char *copy = arena_strndup(arena, buf_text(&out), out.len);
    arena->failed |= out.failed;
    buf_free(&out);
    return copy;
}

static const char *without_address(struct arena *arena, const char *text, const char *address)
{
    return replaced(arena, text, address, "...");
}

/* Titles are made from templates of the host's own, and a reason may be signed: the address may be
 * in any text. */
static void hide_address(struct booking *booking, const char *address, struct arena *arena)
{
    const char **const texts[] = {&booking->title, &booking->event_type, &booking->description,
        &booking->notes, &booking->location, &booking->previous_location, &booking->reason,
        &booking->team, &booking->join_url, &booking->link, &booking->organizer.name,
        &booking->previous_organizer.name};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        *texts[i] = without_address(arena, *texts[i], address);
    struct answer *answers = arena_alloc(arena, (booking->answer_count + 1) * sizeof *answers);
    for (size_t i = 0; answers && i < booking->answer_count; i++) {
        answers[i] = booking->answers[i];
        answers[i].question = without_address(arena, answers[i].question, address);
        answers[i].answer = without_address(arena, answers[i].answer, address);
    }
    booking->answers = answers ? answers : booking->answers;
    for (size_t i = 0; i < booking->host_count; i++)
        booking->hosts[i].name = without_address(arena, booking->hosts[i].name, address);
}

static void hide_addresses(struct booking *booking, struct arena *arena)
{
    const char *own[] = {booking->organizer.email, booking->organizer.written_email,
        booking->previous_organizer.email, booking->previous_organizer.written_email};
    for (size_t i = 0; i < sizeof own / sizeof *own; i++)
        hide_address(booking, own[i], arena);
    for (size_t i = 0; i < booking->host_count; i++) {
        hide_address(booking, booking->hosts[i].email, arena);
        hide_address(booking, booking->hosts[i].written_email, arena);
        booking->hosts[i].email = booking->hosts[i].written_email = NULL;
    }
    booking->organizer.email = booking->organizer.written_email = NULL;
}

/* ---- the rest ---- */

/* A customer knows hosts by name and address; telephone numbers are not for them. */
static void cut_hosts(struct booking *booking, struct arena *arena)
{
    struct person *hosts = arena_alloc(arena, (booking->host_count + 1) * sizeof *hosts);
    for (size_t i = 0; hosts && i < booking->host_count; i++) {
        hosts[i] = booking->hosts[i];
        hosts[i].phone = NULL;
    }
    booking->hosts = hosts;
    booking->host_count = hosts ? booking->host_count : 0;
    booking->organizer.phone = NULL;
    if (booking->hide_organizer_email)
        hide_addresses(booking, arena);
    booking->previous_organizer = (struct person){.name = booking->previous_organizer.name};
    booking->stand_in = (struct person){.name = booking->stand_in.name};
    booking->host_notes = booking->manage_url = booking->reply_to = NULL;
    booking->detail_count = 0;
}

/* Cal.com's title names the first attendee; of a seated booking the others must not know. */
static void name_in_title(struct booking *booking, const struct person *own, struct arena *arena)
{
    for (size_t i = 0; i < booking->attendee_count; i++) {
        const struct person *other = &booking->attendees[i];
        if (other != own && other->name && strlen(other->name) > 2)
            booking->title =
                replaced(arena, booking->title, other->name, own && own->name ? own->name : "...");
    }
}

/* The person who acted is shown only where the reader knows them. */
void view_cut_for_customer(
    struct event *event, const char *reader, struct person *self, struct arena *arena)
{
    struct booking *booking = &event->booking;
    const struct person *own = view_attendee(event, reader);
    bool booked_it = own && own == booking->attendees;
    bool host_did_it =
        same_address(booking->by, booking->organizer.email) && !booking->hide_organizer_email;
    if (!booked_it) {
        booking->answer_count = booking->guest_count = 0;
        booking->description = booking->notes = booking->payment = NULL;
        booking->reschedule_url = booking->cancel_url = NULL;
        name_in_title(booking, own, arena);
    }
    if (!same_address(booking->by, reader) && !host_did_it)
        booking->by = NULL;
    if (own && (own->timezone || !booked_it))
        booking->timezone = own->timezone;
    *self = own ? *own : (struct person){.email = reader};
    booking->attendees = self;
    booking->attendee_count = 1;
    booking->places = booking->places_taken = 0;
    cut_hosts(booking, arena);
}
