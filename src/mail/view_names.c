#include "mail/view_names.h"

#include <stddef.h>
#include <string.h>

#include "event/event.h"

/* clang-format off */
const char *const view_names[] = {
    /* the booking event */
    "id", "provider", "event", "known", "kind", "reconciled", "received_at", "sent_at", "booking",
    "uid", "previous_uid", "group_uid", "ical_uid", "sequence", "status", "seat", "places",
    "places_taken", "series", "count", "frequency", "interval", "whole", "calendar_written",
    "title", "event_type", "description", "notes", "host_notes", "link", "start", "end", "timezone",
    "previous_start", "previous_end", "location", "location_word", "previous_location",
    "previous_location_word", "join_url", "reschedule_url", "cancel_url", "manage_url", "reason",
    "by", "asked_to_rebook", "payment", "private", "organizer_email", "details", "reply_to", "team",
    "organizer", "hosts", "previous_organizer", "stand_in", "attendees", "guests", "answers",
    "name", "email", "written_email", "phone", "language", "clock", "question", "word", "answer", "answer_word",
    "text", "when",
    /* ready-made */
    "provider_name", "for_customer", "cut", "late", "off", "is", "tone", "new", "moved",
    "cancelled", "attention", "neutral", "request_to_move", "asked_to_rebook", "seat_given_up",
    "no_show_cleared", "moved_away",
    "zone_name", "at", "short_at", "when_theirs", "duration", "length", "hours", "minutes",
    "previously", "previously_at", "weekday", "weekday_long", "day", "day_2", "month", "month_2",
    "month_long", "year", "clock_12", "clock_24", "zone", "same_day", "same_zone", "other_year",
    "raw", "unknown", "place", "taken",
    "people", "host", "previous_host", "reader", "label", "mailto", "tel",
    "what", "who", "brief", "others", "named", "person", "lead", "about", "line", "heading", "mark",
    "remarks", "unmailable", "preview",
    "facts", "lines", "links", "href", "detail", "persons", "has_details", "changed", "old",
    "overlaps", "occurrences", "where", "previous_where", "joinable", "buttons", "choices", "has_choices", "short",
    "has_answers", "origin", "shown_uid", "groups", "rows",
    /* the daily agenda */
    "bookings", "bookings_count", "bookings_one", "bookings_more", "requests", "requests_count",
    "requests_one", "requests_more", "changes", "changes_count", "changes_one", "changes_more",
    "request", "declined", "other_day", "first", "has_overlaps", "since", "since_yesterday",
    NULL};
/* clang-format on */

bool view_name_known(const char *name)
{
    enum event_kind kind;
    for (size_t i = 0; view_names[i]; i++)
        if (strcmp(view_names[i], name) == 0)
            return true;
    return event_kind_parse(name, &kind);
}
