#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/address.h"
#include "mail/view_parts.h"

/* Characters. Together with a heading and a time they keep a subject near 200. */
enum { SHORT_WHAT_MAX = 90, SHORT_WHO_MAX = 50 };

/*
 * A kind of mail. Its name is a flag in `is`, and its words are heading_NAME, mark_NAME where a
 * subject needs a shorter one, and remark_NAME where the heading alone could mislead; for a
 * customer customer_heading_NAME and so on.
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
    view->off = strcmp(tone, "cancelled") == 0 || (!late && headline == &asked_to_rebook) ||
                (headline == &seat_given_up && view_for_customer(view));
    if (view->off)
        view_flag(view, view->context, "off");
    if (late)
        view_flag(view, view->context, "late");
}

/* ---- what, who ---- */

/* Is the host the person that the mail is about? */
static bool is_about_host(const struct view *view)
{
    enum event_kind kind = view->event->kind;
    return view_for_customer(view) || kind == KIND_OUT_OF_OFFICE || kind == KIND_HOST_NO_SHOW;
}

/* "Your name", "Name", "Full name", "Ihr Name", but not "Name of your company". */
static bool asks_for_name(const struct answer *answer)
{
    static const char name[] = "name";
    enum { LEN = sizeof name - 1, QUESTION_MAX = 10 };
    const char *question = answer->question ? answer->question : "";
    size_t len = strlen(question);
    return (answer->word && strcmp(answer->word, name) == 0) ||
           (len >= LEN && len <= QUESTION_MAX && strcasecmp(question + len - LEN, name) == 0);
}

/* A form without attendees: the answer that is a name, else one that is an address. */
static const char *sender_of(const struct booking *booking)
{
    const char *address = NULL;
    for (size_t i = 0; i < booking->answer_count; i++) {
        const struct answer *answer = &booking->answers[i];
        if (answer->answer && asks_for_name(answer))
            return answer->answer;
        if (answer->answer && !address && address_valid(answer->answer))
            address = answer->answer;
    }
    return address;
}

/* The other person: for a customer the host, for the owner the customer. `others`: how many there
 * are besides. */
static const char *who_of(const struct view *view, size_t *others)
{
    const struct booking *booking = &view->event->booking;
    size_t count = view->attendee_count;
    const char *who = booking->attendee_count ? view_person_label(booking->attendees) : NULL;
    if (is_about_host(view)) {
        who = view_person_label(&booking->organizer);
        count = view_for_customer(view) ? booking->host_count : 1;
    } else if (!who) {
        who = sender_of(booking);
    }
    *others = who && count > 1 ? count - 1 : 0;
    return who;
}

/* Hebrew, Arabic and their neighbours: in UTF-8 U+0590 to U+08FF, and the forms of U+FB1D to
 * U+FEFF.
 */
static bool is_right_to_left(const char *text)
{
    for (const unsigned char *c = (const unsigned char *)text; *c; c++)
        if ((*c >= 0xd6 && *c <= 0xdf) || (*c == 0xe0 && c[1] >= 0xa0 && c[1] <= 0xa3) ||
            (*c == 0xef && c[1] >= 0xac && c[1] <= 0xbb))
            return true;
    return false;
}

/* At most max characters of UTF-8, and "..." where there are more. Text of the other direction is
 * isolated (U+2068, U+2069), so that the words around it keep their order. */
static void add_brief(
    struct view *view, struct value *brief, const char *name, const char *text, size_t max)
{
    size_t len = max ? cut_length(text, max) : strlen(text);
    bool isolated = is_right_to_left(text);
    const char *dots = text[len] ? "..." : "";
    if (isolated || *dots)
        text = arena_printf(view->arena, "%s%.*s%s%s", isolated ? "\xe2\x81\xa8" : "", (int)len,
            text, dots, isolated ? "\xe2\x81\xa9" : "");
    view_text(view, brief, name, text);
}

static bool ends_with(const char *text, const char *end)
{
    size_t len = strlen(text), end_len = strlen(end);
    return len >= end_len && strcmp(text + len - end_len, end) == 0;
}

/*
 * The title without the names that Cal.com adds in the language of who booked: "Intro call" of
 * "Intro call between Ben Host and Ada Example". Both names are there, one at the end, and one word
 * is before them.
 */
static const char *bare_title(struct view *view, const char *title)
{
    const struct booking *booking = &view->event->booking;
    const char *host = view_person_label(&booking->organizer);
    const char *who = booking->attendee_count ? view_person_label(booking->attendees) : NULL;
    const char *one = host ? strstr(title, host) : NULL, *two = who ? strstr(title, who) : NULL;
    if (!one || !two || !(ends_with(title, host) || ends_with(title, who)))
        return title;
    size_t len = (size_t)((one < two ? one : two) - title);
    while (len && title[len - 1] == ' ')
        len--;
    while (len && title[len - 1] != ' ')
        len--;
    while (len && title[len - 1] == ' ')
        len--;
    return len ? arena_strndup(view->arena, title, len) : title;
}

/*
 * `about`, for a page: "Intro call with Ada Example and 2 more", without the person where the title
 * names them. `line`, for a subject: "Ada Example and 2 more, Tue 24 Nov 16:00: Intro call".
 */
static void add_about(struct view *view)
{
    const struct booking *booking = &view->event->booking;
    struct value *context = view->context;
    const char *type = booking->event_type; /* Calendly's is an address of its API */
    const char *title = booking->title                 ? booking->title
                        : type && !strstr(type, "://") ? type
                                                       : NULL;
    size_t others;
    const char *who = who_of(view, &others), *bare = title ? bare_title(view, title) : NULL;
    struct value *brief = view_object(view, context, "brief");
    view_text(view, context, "what", title);
    view_text(view, context, "who", who);
    if (bare)
        add_brief(view, brief, "what", bare, SHORT_WHAT_MAX);
    if (title)
        add_brief(view, brief, "title", title, 0);
    if (who) {
        add_brief(view, brief, "person", who, 0);
        add_brief(view, brief, "who", who, SHORT_WHO_MAX);
        if (others)
            value_add_number(view->arena, brief, "others", (double)others);
        if (title && strstr(title, who))
            view_flag(view, brief, "named");
    }
    if (who || value_find(context, "short_at"))
        view_flag(view, brief, "lead");
    if (title || who)
        view_say(view, context, "about", "about", context);
    view_say(view, context, "line", "line", context);
}

/* ---- words ---- */

/*
 * The key of PREFIX_NAME. Reports and single events of a provider may have words of their own:
 * heading_report_STATUS, heading_event_NAME with the provider's name of the event.
 */
static const char *headline_key(
    const struct view *view, const char *prefix, const char *name, char key[VIEW_KEY])
{
    const struct event *event = view->event;
    char own[VIEW_KEY] = "";
    if (event->kind == KIND_REPORT && event->booking.status)
        snprintf(own, sizeof own, "report_%s", event->booking.status);
    else if (event->name)
        snprintf(own, sizeof own, "event_%s", event->name);
    if (*own && view_word_key(view, prefix, own, key))
        return key;
    return view_word_key(view, prefix, name, key);
}

static void add_remark(struct view *view, struct value *remarks, const char *key)
{
    const char *text = key ? view_word(view, key, view->context) : NULL;
    if (text && *text)
        value_add_text(view->arena, remarks, NULL, text);
}

static void add_named_remark(struct view *view, struct value *remarks, const char *name)
{
    char key[VIEW_KEY];
    add_remark(view, remarks, view_word_key(view, "remark", name, key));
}

/* The addresses of attendees to which no mail can go. */
static const char *unmailable(struct view *view)
{
    const struct booking *booking = &view->event->booking;
    struct buf list = {0};
    for (size_t i = 0; i < booking->attendee_count; i++)
        if (!booking->attendees[i].email && booking->attendees[i].written_email)
            buf_printf(&list, "%s%s", list.len ? ", " : "", booking->attendees[i].written_email);
    const char *copy = list.len ? view_copy(view, &list) : NULL;
    buf_free(&list);
    return copy;
}

static void add_remarks(struct view *view, const struct headline *headline)
{
    char key[VIEW_KEY];
    struct value *remarks = view_list(view, view->context, "remarks");
    const char *address = unmailable(view);
    bool understood = view->event->kind != KIND_OTHER || !view->event->known;
    const char *found = headline_key(view, "remark", headline->name, key);
    if (understood || (found && !strstr(found, "remark_other")))
        add_remark(view, remarks, found);
    if (view->event->booking.whole_series)
        add_named_remark(view, remarks, "whole_series");
    if (view->decision->late)
        add_named_remark(view, remarks, "late");
    if (view->event->reconciled && !view_for_customer(view))
        add_named_remark(view, remarks, "reconciled");
    if (address) {
        view_text(view, view->context, "unmailable", address);
        add_named_remark(view, remarks, "unmailable");
    }
    if (view->cut)
        add_named_remark(view, remarks, "cut");
}

/* What kind of news it is, in front of a subject; the owner's word is the shorter one. Most mails
 * are about new bookings: in those the owner reads at once who comes and when, where that is known.
 */
static void add_mark(struct view *view, const struct headline *headline, const char *heading)
{
    char key[VIEW_KEY];
    bool late = view->decision->late;
    bool lead = value_find(value_find(view->context, "brief"), "lead");
    bool plain = headline == &of_kind[KIND_CREATED] && strcmp(heading, "heading_created") == 0;
    if (plain && !late && lead)
        return;
    static const char *const prefixes[] = {"mark", "heading"};
    bool found = headline_key(view, "mark", headline->name, key);
    for (size_t i = 0; i < 2 && !found && view_for_customer(view); i++) {
        snprintf(key, sizeof key, "%s_%s", prefixes[i], headline->name);
        found = templates_word(view->templates, key);
    }
    view_say(view, view->context, "mark", found ? key : heading, view->context);
}

void view_add_headline(struct view *view)
{
    const struct headline *headline = headline_of(view->event);
    char key[VIEW_KEY];
    add_about(view);
    if (!headline_key(view, "heading", headline->name, key))
        view_word_key(view, "heading", "other", key);
    view_say(view, view->context, "heading", key, view->context);
    add_mark(view, headline, key);
    add_remarks(view, headline);
}
