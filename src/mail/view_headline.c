#include <string.h>

#include "mail/view_parts.h"

/* Characters. Together with a heading and a time they keep a subject near 200. */
enum { SHORT_WHAT_MAX = 90, SHORT_WHO_MAX = 50 };

/*
 * A kind of mail. Its name is a flag in `is`, and its words are heading_NAME and, where the heading
 * alone could mislead, remark_NAME; for a customer customer_heading_NAME and so on.
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
    [KIND_LOCATION_CHANGED] = {"location_changed", "moved"},
    [KIND_REASSIGNED] = {"reassigned", "moved"},
    [KIND_NO_SHOW] = {"no_show", "attention"},
    [KIND_HOST_NO_SHOW] = {"host_no_show", "attention"},
    [KIND_INSTANT] = {"instant", "attention"},
    [KIND_MEETING_STARTED] = {"meeting_started", "neutral"},
    [KIND_MEETING_ENDED] = {"meeting_ended", "neutral"},
    [KIND_RECORDING] = {"recording", "neutral"},
    [KIND_FORM] = {"form", "neutral"},
    [KIND_OUT_OF_OFFICE] = {"out_of_office", "neutral"},
    [KIND_REPORT] = {"report", "attention"},
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

void view_add_flags(struct view *view)
{
    const struct headline *headline = headline_of(view->event);
    bool late = view->decision->late;
    const char *kind = of_kind[view->event->kind].name, *tone = late ? "neutral" : headline->tone;
    struct value *is = view_object(view, view->context, "is");
    view_flag(view, is, kind);
    if (strcmp(kind, headline->name) != 0)
        view_flag(view, is, headline->name);
    struct value *tones = view_object(view, view->context, "tone");
    view_text(view, tones, "name", tone);
    view_flag(view, tones, tone);
    view->off = strcmp(tone, "cancelled") == 0 || (!late && headline == &asked_to_rebook);
    if (view->off)
        view_flag(view, view->context, "off");
    if (late)
        view_flag(view, view->context, "late");
}

/* ---- what, who ---- */

/* The other person: for a customer the host, for the owner the customer; but the host is the one
 * who is out of office. */
static const char *who_of(const struct view *view)
{
    const struct booking *booking = &view->event->booking;
    if (view_for_customer(view) || view->event->kind == KIND_OUT_OF_OFFICE)
        return view_person_label(&booking->organizer);
    return booking->attendee_count ? view_person_label(&booking->attendees[0]) : NULL;
}

/* At most max characters of UTF-8, and "..." where there are more. */
static void add_brief(
    struct view *view, struct value *brief, const char *name, const char *text, size_t max)
{
    int len = (int)cut_length(text, max);
    view_text(
        view, brief, name, text[len] ? arena_printf(view->arena, "%.*s...", len, text) : text);
}

/* "Intro call with Ada Example and 2 more"; Cal.com's titles often name the customer already. */
static void add_about(struct view *view)
{
    const struct booking *booking = &view->event->booking;
    const char *what = booking->title ? booking->title : booking->event_type;
    const char *who = who_of(view);
    struct value *brief = view_object(view, view->context, "brief");
    view_text(view, view->context, "what", what);
    view_text(view, view->context, "who", who);
    if (what)
        add_brief(view, brief, "what", what, SHORT_WHAT_MAX);
    if (who && !(what && strstr(what, who))) {
        add_brief(view, brief, "who", who, SHORT_WHO_MAX);
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
    const char *text =
        view_word_key(view, "remark", name, key) ? view_word(view, key, view->context) : NULL;
    if (text && *text)
        value_add_text(view->arena, remarks, NULL, text);
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
