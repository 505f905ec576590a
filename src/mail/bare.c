#include "mail/bare.h"

#include "mail/cut.h"
#include "mail/view.h"

enum { VALUE_MAX = 200, WHY_MAX = 1000, PEOPLE_MAX = 10 }; /* characters, persons */

static void add_value(const char *value, size_t max, struct buf *out)
{
    size_t len = cut_length(value, max);
    buf_add(out, value, len);
    if (value[len])
        buf_puts(out, "...");
}

static void add_fact(const char *label, const char *value, struct buf *out)
{
    if (!value)
        return;
    buf_printf(out, "%-12s ", label);
    add_value(value, VALUE_MAX, out);
    buf_putc(out, '\n');
}

static void add_person(const char *label, const struct person *person, struct buf *out)
{
    if (!person->name && !person->email)
        return;
    buf_printf(out, "%-12s ", label);
    if (person->name)
        add_value(person->name, VALUE_MAX, out);
    if (person->email)
        buf_printf(out, "%s<%s>", person->name ? " " : "", person->email);
    buf_putc(out, '\n');
}

static void add_time(const char *label, int64_t when, struct buf *out)
{
    char text[TIME_TEXT];
    if (when == TIME_NONE)
        return;
    time_format(when, text);
    add_fact(label, text, out);
}

static void add_attendees(const struct booking *booking, struct buf *out)
{
    size_t count = booking->attendee_count;
    for (size_t i = 0; i < count && i < PEOPLE_MAX; i++)
        add_person(i ? "" : "Who:", &booking->attendees[i], out);
    if (count > PEOPLE_MAX)
        buf_printf(out, "%-12s and %zu more\n", "", count - PEOPLE_MAX);
}

void bare_facts(const struct notice *notice, const char *why, struct buf *subject, struct buf *text)
{
    const struct event *event = notice->event;
    const struct booking *booking = &event->booking;
    const char *kind = event_kind_name(view_kind(event, notice->decision));
    const char *what = booking->title ? booking->title : booking->event_type;
    bool owner = notice->audience == AUDIENCE_OWNER;
    buf_printf(subject, "Booking: %s", kind);
    if (what) {
        buf_puts(subject, ": ");
        add_value(what, VALUE_MAX, subject);
    }
    if (owner) {
        buf_puts(text, "No template could be used for this mail, so it has only the facts:\n");
        add_value(why, WHY_MAX, text);
        buf_printf(text, "\n\"bookspool show %s\" prints the whole event.\n\n", event->id);
    }
    add_fact("News:", kind, text);
    add_fact("What:", what, text);
    add_time("When:", booking->start, text);
    add_time("Until:", booking->end, text);
    if (owner)
        add_attendees(booking, text);
    add_person("Host:", &booking->organizer, text);
    add_fact("Booking ID:", owner ? booking->uid : NULL, text);
    add_fact("Event:", owner ? event->id : NULL, text);
}
