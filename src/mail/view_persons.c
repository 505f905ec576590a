/* The persons of a booking, as values and as facts. */
#include <string.h>

#include <glib.h>

#include "base/address.h"
#include "mail/view_parts.h"

/* ---- values ---- */

/* A telephone number for a URL: what people write between the digits goes (RFC 3966). */
static const char *tel_of(struct view *view, const char *phone)
{
    char *tel = arena_printf(view->arena, "tel:%s", phone);
    char *to = tel ? tel + strlen("tel:") : NULL;
    for (const char *from = to; from && *from; from++)
        if (g_ascii_isdigit(*from) || (*from == '+' && from[-1] == ':'))
            *to++ = *from;
    if (to)
        *to = '\0';
    return tel;
}

static void describe_person(struct view *view, struct value *object, const struct person *person)
{
    const char *written = person->written_email ? person->written_email : person->email;
    view_text(view, object, "label", view_person_label(person));
    view_text(view, object, "name", person->name);
    view_text(view, object, "email", written);
    view_text(view, object, "phone", person->phone);
    if (person->phone)
        view_text(view, object, "tel", tel_of(view, person->phone));
    if (person->email) {
        char *escaped = g_uri_escape_string(person->email, "@", FALSE);
        view_text(view, object, "mailto", arena_strdup(view->arena, escaped));
        g_free(escaped);
    }
}

static void add_person(struct view *view, const char *name, const struct person *person)
{
    if (person && view_person_label(person))
        describe_person(view, view_object(view, view->context, name), person);
}

static void add_persons(struct view *view, struct value *parent, const char *name,
    const struct person *person, size_t count)
{
    struct value *list = view_list(view, parent, name);
    for (; count; count--, person++)
        if (view_person_label(person))
            describe_person(view, view_append(view, list), person);
}

/* All hosts; of a booking without such a list the organizer. */
static const struct person *hosts_of(const struct booking *booking, size_t *count)
{
    *count = booking->host_count ? booking->host_count : 1;
    return booking->host_count ? booking->hosts : &booking->organizer;
}

void view_add_persons(struct view *view)
{
    const struct booking *booking = &view->event->booking;
    size_t count;
    const struct person *hosts = hosts_of(booking, &count);
    add_persons(view, view->context, "people", booking->attendees, booking->attendee_count);
    add_persons(view, view->context, "hosts", hosts, count);
    add_person(view, "host", &booking->organizer);
    add_person(view, "previous_host", view_previous_host(view->event));
    add_person(view, "stand_in", &booking->stand_in);
    if (view_for_customer(view))
        add_person(view, "reader", &booking->attendees[0]);
}

/* ---- facts ---- */

/* Lines of "Ada Example <ada@example.com>". */
static void add_persons_fact(struct view *view, struct value *facts, const char *label,
    const struct person *person, size_t count)
{
    struct buf lines = {0};
    for (size_t i = 0; i < count; i++) {
        const char *name = view_person_label(&person[i]);
        const char *email = person[i].written_email ? person[i].written_email : person[i].email;
        if (!name)
            continue;
        buf_puts(&lines, lines.len ? "\n" : "");
        buf_puts(&lines, name);
        if (person[i].name && email)
            buf_printf(&lines, " <%s>", email);
    }
    struct value *fact = view_add_made_fact(view, facts, label, &lines, FACT_DETAIL);
    if (fact)
        add_persons(view, fact, "persons", person, count);
}

/* "+49 30 123456", and whose it is where there are several persons. */
static const char *phone_line(struct view *view, size_t number)
{
    const struct booking *booking = &view->event->booking;
    const struct person *person = &booking->attendees[number];
    const char *name = booking->attendee_count > 1 ? view_person_label(person) : NULL;
    return name && person->phone ? arena_printf(view->arena, "%s: %s", name, person->phone)
                                 : person->phone;
}

static void add_phones(struct view *view, struct value *facts)
{
    const struct booking *booking = &view->event->booking;
    struct buf lines = {0};
    for (size_t i = 0; i < booking->attendee_count; i++) {
        const char *line = phone_line(view, i);
        if (line)
            buf_printf(&lines, "%s%s", lines.len ? "\n" : "", line);
    }
    struct value *fact = view_add_made_fact(view, facts, "label_phone", &lines, FACT_DETAIL);
    struct value *links = fact ? view_list(view, fact, "links") : NULL;
    for (size_t i = 0; i < booking->attendee_count; i++)
        if (booking->attendees[i].phone)
            view_add_link(
                view, links, tel_of(view, booking->attendees[i].phone), phone_line(view, i));
}

/* Where too many are left out, the last entry says so and is no address. */
static void add_guest_link(struct view *view, struct value *links, const char *guest)
{
    char *escaped = g_uri_escape_string(guest, "@", FALSE);
    const char *href = arena_printf(view->arena, "mailto:%s", escaped);
    view_add_link(view, links, address_valid(guest) ? href : NULL, guest);
    g_free(escaped);
}

void view_add_person_facts(struct view *view, struct value *facts)
{
    const struct booking *booking = &view->event->booking;
    size_t count;
    const struct person *hosts = hosts_of(booking, &count);
    bool customer = view_for_customer(view);
    struct buf guests = {0};
    for (size_t i = 0; i < booking->guest_count; i++) {
        buf_puts(&guests, i ? "\n" : "");
        buf_puts(&guests, booking->guests[i]);
    }
    if (!customer)
        add_persons_fact(view, facts, "label_who", booking->attendees, booking->attendee_count);
    else
        add_persons_fact(view, facts, "label_with", hosts, count);
    add_phones(view, facts);
    struct value *guest_fact =
        view_add_made_fact(view, facts, "label_guests", &guests, FACT_DETAIL);
    struct value *links = guest_fact ? view_list(view, guest_fact, "links") : NULL;
    for (size_t i = 0; links && i < booking->guest_count; i++)
        add_guest_link(view, links, booking->guests[i]);
    if (!customer)
        add_persons_fact(view, facts, count > 1 ? "label_hosts" : "label_host", hosts, count);
    const struct person *previous = view_previous_host(view->event);
    if (previous)
        add_persons_fact(view, facts, "label_previous_host", previous, 1);
    if (view_person_label(&booking->stand_in))
        add_persons_fact(view, facts, "label_stand_in", &booking->stand_in, 1);
    view_add_fact(view, facts, "label_team", booking->team, FACT_DETAIL);
}
