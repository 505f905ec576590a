#include <string.h>

#include "mail/view_parts.h"

/* Characters. Together with a heading and a time they keep a subject near 200. */
enum { SHORT_WHAT_MAX = 90, SHORT_WHO_MAX = 50 };

/*
 * What kind of headline it is. The name is a flag in `is`, and its words are heading_NAME and,
 * where a reader could be misled without, remark_NAME; for a customer customer_heading_NAME and so
 * on.
 */
struct headline {
    const char *name, *tone;
};

static const struct headline of_kind[KINDS] = {
    [KIND_CREATED] = {"created", "new"},
    [KIND_RESCHEDULED] = {"rescheduled", "moved"},
    [KIND_CANCELLED] = {"cancelled", "cancelled"},
    [KIND_REQUESTED] = {"requested", "attention"},
    [KIND_REJECTED] = {"rejected", "cancelled"},
    [KIND_PAID] = {"paid", "new"},
    [KIND_NO_SHOW] = {"no_show", "attention"},
    [KIND_MEETING_STARTED] = {"meeting_started", "neutral"},
    [KIND_MEETING_ENDED] = {"meeting_ended", "neutral"},
    [KIND_RECORDING] = {"recording", "neutral"},
    [KIND_FORM] = {"form", "neutral"},
    [KIND_OUT_OF_OFFICE] = {"out_of_office", "neutral"},
    [KIND_PING] = {"ping", "neutral"},
    [KIND_OTHER] = {"other", "neutral"},
};
static const struct headline request_to_move = {"request_to_move", "attention"};
static const struct headline asked_to_rebook = {"asked_to_rebook", "attention"};
static const struct headline seat_given_up = {"seat_given_up", "attention"};
static const struct headline no_show_cleared = {"no_show_cleared", "neutral"};
static const struct headline moved_away = {"moved_away", "cancelled"};

static bool status_is(const struct event *event, const char *status)
{
    return event->booking.status && strcmp(event->booking.status, status) == 0;
}

static const struct headline *headline_of(const struct event *event)
{
    const struct booking *booking = &event->booking;
    if (event->kind == KIND_REQUESTED && booking->previous_uid)
        return &request_to_move;
    if (event->kind == KIND_NO_SHOW && status_is(event, "no_show_cleared"))
        return &no_show_cleared;
    if (event->kind != KIND_CANCELLED)
        return &of_kind[event->kind];
    if (status_is(event, "moved"))
        return &moved_away;
    if (booking->asked_to_rebook)
        return &asked_to_rebook;
    return booking->seat ? &seat_given_up : &of_kind[KIND_CANCELLED];
}

/* The time is struck out where the meeting does not take place. */
static bool is_off(const struct view *view, const struct headline *headline)
{
    return !view->decision->late &&
           (strcmp(headline->tone, "cancelled") == 0 || headline == &asked_to_rebook);
}

void view_add_flags(struct view *view)
{
    const struct headline *headline = headline_of(view->event);
    const char *kind = of_kind[view->event->kind].name;
    const char *tone = view->decision->late ? "neutral" : headline->tone;
    struct value *is = view_object(view, view->context, "is");
    view_flag(view, is, kind);
    if (strcmp(kind, headline->name) != 0)
        view_flag(view, is, headline->name);
    struct value *tones = view_object(view, view->context, "tone");
    view_text(view, tones, "name", tone);
    view_flag(view, tones, tone);
    view->off = is_off(view, headline);
    if (view->off)
        view_flag(view, view->context, "off");
    if (view->decision->late)
        view_flag(view, view->context, "late");
}

/* ---- what, who ---- */

static const char *what_of(const struct booking *booking)
{
    return booking->title ? booking->title : booking->event_type;
}

/* Whom it is about: for a customer the host; for the owner the customer, but the host is
 * the one who is away. */
static const char *who_of(const struct view *view)
{
    const struct booking *booking = &view->event->booking;
    if (view_for_customer(view) || view->event->kind == KIND_OUT_OF_OFFICE)
        return view_person_label(&booking->organizer);
    return booking->attendee_count ? view_person_label(&booking->attendees[0]) : NULL;
}

/* At most max characters of UTF-8; "..." stands for the rest. */
static void add_clipped(
    struct view *view, struct value *object, const char *name, const char *text, size_t max)
{
    struct buf clipped = {0};
    size_t len = cut_length(text, max);
    if (!text[len]) {
        view_text(view, object, name, text);
        return;
    }
    buf_add(&clipped, text, len);
    buf_puts(&clipped, "...");
    view_text(view, object, name, view_copy(view, &clipped));
    buf_free(&clipped);
}

/* "Intro call with Ada Example and 2 more"; Cal.com's titles often name the customer already. */
static void add_about(struct view *view)
{
    const struct booking *booking = &view->event->booking;
    const char *what = what_of(booking), *who = who_of(view);
    struct value *brief = view_object(view, view->context, "brief");
    view_text(view, view->context, "what", what);
    view_text(view, view->context, "who", who);
    if (what)
        add_clipped(view, brief, "what", what, SHORT_WHAT_MAX);
    if (who && !(what && strstr(what, who))) {
        add_clipped(view, brief, "who", who, SHORT_WHO_MAX);
        if (view->event->kind != KIND_OUT_OF_OFFICE && view->attendee_count > 1)
            value_add_number(view->arena, brief, "others", (double)(view->attendee_count - 1));
    }
    if (what || who)
        view_say(view, view->context, "about", "about", view->context);
}

/* ---- words ---- */

static void add_remark(struct view *view, struct value *remarks, const char *name)
{
    char key[VIEW_KEY];
    struct buf text = {0};
    if (!view_word_key(view, "remark", name, key))
        return;
    view_word(view, key, view->context, &text);
    if (text.len)
        value_add_text(view->arena, remarks, NULL, view_copy(view, &text));
    buf_free(&text);
}

void view_add_headline(struct view *view)
{
    const struct headline *headline = headline_of(view->event);
    char key[VIEW_KEY];
    add_about(view);
    if (!view_word_key(view, "heading", headline->name, key))
        view_word_key(view, "heading", "other", key);
    view_say(view, view->context, "heading", key, view->context);
    struct value *remarks = view_list(view, view->context, "remarks");
    add_remark(view, remarks, headline->name);
    if (view->decision->late)
        add_remark(view, remarks, "late");
    if (view->cut)
        add_remark(view, remarks, "cut");
}
