#include <string.h>

#include <glib.h>

#include "mail/view_parts.h"
#include "provider/provider.h"

/* A detail is a fact that a page lists in small print, apart from date, place and persons. */
enum { MAIN, DETAIL };

/* ---- persons ---- */

static void describe_person(struct view *view, struct value *object, const struct person *person)
{
    view_text(view, object, "label", view_person_label(person));
    view_text(view, object, "name", person->name);
    view_text(view, object, "email", person->email);
    if (person->email) {
        char *escaped = g_uri_escape_string(person->email, "@", FALSE);
        view_text(view, object, "mailto", arena_strdup(view->arena, escaped));
        g_free(escaped);
    }
}

static void add_persons(struct view *view, struct value *parent, const char *name,
    const struct person *person, size_t count)
{
    struct value *list = view_list(view, parent, name);
    for (; count; count--, person++)
        if (view_person_label(person))
            describe_person(view, view_append(view, list), person);
}

/* ---- facts: a label and lines ---- */

static struct value *add_fact(
    struct view *view, struct value *facts, const char *label, const char *value, int detail)
{
    if (!value || !*value)
        return NULL;
    struct value *fact = view_append(view, facts);
    view_say(view, fact, "label", label, view->context);
    view_lines(view, fact, "lines", value);
    if (detail == DETAIL) {
        view_flag(view, fact, "detail");
        view->has_details = true;
    }
    return fact;
}

static struct value *add_made(
    struct view *view, struct value *facts, const char *label, struct buf *value, int detail)
{
    struct value *fact = add_fact(view, facts, label, view_copy(view, value), detail);
    buf_free(value);
    return fact;
}

static void add_overlaps(struct view *view, struct value *facts)
{
    const struct decision *decision = view->decision;
    struct buf lines = {0};
    struct value *overlaps = view_list(view, view->context, "overlaps");
    for (size_t i = 0; i < decision->overlap_count && !view->failed; i++) {
        const struct overlap *other = &decision->overlaps[i];
        struct value *object = view_append(view, overlaps);
        view_text(view, object, "provider_name", provider_title(other->provider));
        view_text(view, object, "title", other->title);
        view_text(view, object, "who", other->who);
        view_add_short_span(view, object, "when", other->start, other->end);
        if (i)
            buf_putc(&lines, '\n');
        const char *line = view_word(view, "overlap", object);
        buf_puts(&lines, line ? line : "");
    }
    add_made(view, facts, "label_overlaps", &lines, MAIN);
}

static void add_changes(struct view *view)
{
    const struct booking *booking = &view->event->booking;
    struct value *changed = view_list(view, view->context, "changed");
    if (booking->start == TIME_NONE || booking->previous_start == TIME_NONE ||
        (booking->previous_start == booking->start &&
            (booking->previous_end == TIME_NONE || booking->previous_end == booking->end)))
        return;
    struct value *change = view_append(view, changed);
    view_say(view, change, "label", "label_when", view->context);
    view_add_short_span(view, change, "old", booking->previous_start, booking->previous_end);
    view_add_short_span(view, change, "new", booking->start, booking->end);
}

/* The link is one fact among others, except where a meeting may be about to begin: there it is a
 * button. */
static void add_places(struct view *view, struct value *facts)
{
    enum event_kind kind = view->event->kind;
    const struct booking *booking = &view->event->booking;
    const char *where = booking->location, *join = booking->join_url;
    bool joinable = join && !view->decision->late &&
                    (kind == KIND_CREATED || kind == KIND_RESCHEDULED || kind == KIND_PAID ||
                        kind == KIND_MEETING_STARTED);
    if (!where || !join || strcmp(where, join) != 0) {
        view_text(view, view->context, "where", where);
        add_fact(view, facts, "label_where", where, DETAIL);
    }
    if (joinable)
        view_flag(view, view->context, "joinable");
    view_text(view, view->context, "join_url", join);
    add_fact(view, facts, "label_join", join, joinable || view->off ? MAIN : DETAIL);
    view_text(view, view->context, "link", booking->link);
    add_fact(view, facts, "label_link", booking->link, MAIN);
}

/* Lines of "Ada Example <ada@example.com>". */
static void add_persons_fact(struct view *view, struct value *facts, const char *label,
    const struct person *person, size_t count)
{
    struct buf lines = {0};
    for (size_t i = 0; i < count; i++) {
        const char *name = view_person_label(&person[i]);
        if (!name)
            continue;
        buf_puts(&lines, lines.len ? "\n" : "");
        buf_puts(&lines, name);
        if (person[i].name && person[i].email)
            buf_printf(&lines, " <%s>", person[i].email);
    }
    struct value *fact = add_made(view, facts, label, &lines, DETAIL);
    if (fact)
        add_persons(view, fact, "persons", person, count);
}

static void add_participants(struct view *view, struct value *facts)
{
    const struct booking *booking = &view->event->booking;
    bool customer = view_for_customer(view);
    struct buf guests = {0};
    for (size_t i = 0; i < booking->guest_count; i++) {
        buf_puts(&guests, i ? "\n" : "");
        buf_puts(&guests, booking->guests[i]);
    }
    if (customer)
        add_persons_fact(view, facts, "label_with", &booking->organizer, 1);
    else
        add_persons_fact(view, facts, "label_who", booking->attendees, booking->attendee_count);
    add_made(view, facts, "label_guests", &guests, DETAIL);
    if (!customer)
        add_persons_fact(view, facts, "label_host", &booking->organizer, 1);
}

/* The language's word for the provider's status, or else the provider's. Customers have the
 * heading, which says it better. Where one seat is given up, the status is that of the booking,
 * which goes on. */
static const char *status_text(const struct view *view)
{
    char key[VIEW_KEY];
    const char *status = view->event->booking.status;
    if (!status || view_for_customer(view) ||
        value_find(value_find(view->context, "is"), "seat_given_up"))
        return NULL;
    const char *found = view_word_key(view, "status", status, key);
    return found ? templates_word(view->templates, found) : status;
}

static struct value *add_booking_facts(struct view *view)
{
    const struct booking *booking = &view->event->booking;
    const struct value *context = view->context;
    const char *type = booking->event_type;
    bool customer = view_for_customer(view);
    struct value *facts = view_list(view, view->context, "facts");
    add_fact(view, facts, "label_what", value_text_of(context, "what"), MAIN);
    /* Calendly's type is an address of its API */
    if (!customer && booking->title && type && strcmp(booking->title, type) != 0 &&
        !strstr(type, "://"))
        add_fact(view, facts, "label_type", type, MAIN);
    add_fact(view, facts, "label_when", value_text_of(context, "when"), MAIN);
    add_fact(view, facts, "label_their_time", value_text_of(context, "when_theirs"), MAIN);
    add_fact(view, facts, "label_previously", value_text_of(context, "previously"), MAIN);
    if (!customer)
        add_overlaps(view, facts);
    add_places(view, facts);
    add_participants(view, facts);
    add_fact(view, facts, "label_reason", booking->reason, DETAIL);
    if (!customer)
        add_fact(view, facts, "label_by", booking->by, DETAIL);
    add_fact(view, facts, "label_payment", booking->payment, DETAIL);
    add_fact(view, facts, "label_status", status_text(view), MAIN);
    add_fact(view, facts, "label_notes", booking->description, DETAIL);
    if (view->has_details)
        view_flag(view, view->context, "has_details");
    return facts;
}

static struct value *add_origin(struct view *view)
{
    const struct event *event = view->event;
    struct value *origin = view_list(view, view->context, "origin");
    if (view_for_customer(view))
        return origin;
    add_fact(view, origin, "label_uid", event->booking.uid, MAIN);
    add_fact(view, origin, "label_replaces", event->booking.previous_uid, MAIN);
    add_fact(view, origin, "label_seat", event->booking.seat, MAIN);
    add_fact(view, origin, "label_provider", provider_title(event->provider), MAIN);
    add_fact(view, origin, "label_event", event->name, MAIN);
    add_fact(view, origin, "label_id", view_word(view, "event_id", view->context), MAIN);
    return origin;
}

static struct value *add_answers(struct view *view)
{
    const struct booking *booking = &view->event->booking;
    struct value *answers = view_list(view, view->context, "answers");
    if (booking->answer_count)
        view_flag(view, view->context, "has_answers");
    for (size_t i = 0; i < booking->answer_count && !view->failed; i++) {
        const struct answer *answer = &booking->answers[i];
        struct value *object = view_append(view, answers);
        view_lines(view, object, "question",
            answer->question ? answer->question : view_word(view, "no_question", view->context));
        view_lines(view, object, "lines", answer->answer ? answer->answer : "-");
    }
    return answers;
}

/* ---- the same as lines of a text, in columns ---- */

enum { LABEL_WIDTH = 13, QUESTION_INDENT = 2, ANSWER_INDENT = 6 };

static const char *label_of(const struct value *fact)
{
    const char *label = value_text_of(fact, "label");
    return label ? label : "";
}

/* "Label:" and blanks up to the column where the text begins, of which there is one at least. */
static const char *lead_of(struct view *view, const char *label, int width)
{
    const char *colon = *label ? ":" : "";
    int missing = width - (int)g_utf8_strlen(label, -1) - (int)strlen(colon);
    return arena_printf(view->arena, "%s%s%*s", label, colon, missing > 0 ? missing : 1, "");
}

/* Rows of `lead` and `text`; lines after the first begin below it, empty ones stay empty. */
static void add_rows(
    struct view *view, struct value *rows, const char *label, int width, const struct value *lines)
{
    for (const struct value *line = lines ? lines->first : NULL; line; line = line->next) {
        struct value *row = view_append(view, rows);
        if (line == lines->first || *line->text)
            view_text(view, row, "lead", lead_of(view, line == lines->first ? label : "", width));
        view_text(view, row, "text", line->text);
    }
}

static void add_fact_rows(
    struct view *view, struct value *groups, const struct value *facts, int width)
{
    if (!facts || !facts->first)
        return;
    struct value *rows = view_list(view, view_append(view, groups), "rows");
    for (const struct value *fact = facts->first; fact; fact = fact->next)
        add_rows(view, rows, label_of(fact), width, value_find(fact, "lines"));
}

static void add_answer_rows(struct view *view, struct value *groups, const struct value *answers)
{
    if (!answers || !answers->first)
        return;
    struct value *group = view_append(view, groups);
    view_say(view, group, "title", "label_answers", view->context);
    struct value *rows = view_list(view, group, "rows");
    for (const struct value *answer = answers->first; answer; answer = answer->next) {
        add_rows(view, rows, "", QUESTION_INDENT, value_find(answer, "question"));
        add_rows(view, rows, "", ANSWER_INDENT, value_find(answer, "lines"));
    }
}

/* The width that the labels need; `width` at least. */
static int label_width(const struct value *facts, int width)
{
    enum { COLON_AND_BLANK = 2 };
    for (const struct value *fact = facts ? facts->first : NULL; fact; fact = fact->next) {
        int len = (int)g_utf8_strlen(label_of(fact), -1) + COLON_AND_BLANK;
        width = len > width ? len : width;
    }
    return width;
}

void view_add_facts(struct view *view)
{
    const struct booking *booking = &view->event->booking;
    struct value *context = view->context;
    add_persons(view, context, "people", booking->attendees, booking->attendee_count);
    if (view_person_label(&booking->organizer))
        describe_person(view, view_object(view, context, "host"), &booking->organizer);
    if (view_for_customer(view))
        describe_person(view, view_object(view, context, "reader"), &booking->attendees[0]);
    add_changes(view);
    const struct value *facts = add_booking_facts(view);
    const struct value *answers = add_answers(view);
    const struct value *origin = add_origin(view);
    int width = label_width(origin, label_width(facts, LABEL_WIDTH));
    struct value *groups = view_list(view, context, "groups");
    add_fact_rows(view, groups, facts, width);
    add_answer_rows(view, groups, answers);
    add_fact_rows(view, groups, origin, width);
}
