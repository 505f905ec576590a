#include "mail/invite.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/settings.h"
#include "mail/cut.h"
#include "mail/view.h"

/* Google Calendar keeps 8192 characters of a description. */
enum { DESCRIPTION_MAX = 4000, LINE_CHARACTERS = 500, LINES_OF_A_LIST = 20, URL_MAX = 1000 };

struct inviting {
    const struct composer *composer;
    const struct templates *templates;
    const struct notice *notice;
    const struct event *event;
    const struct booking *booking;
    const struct decision *decision;
    const struct value *view;
    struct arena *arena;
    bool customer;
    struct calendar entry[INVITES_MAX];
    size_t count;
};

static bool is_same(const char *a, const char *b)
{
    return a && b && strcasecmp(a, b) == 0;
}

static enum event_kind kind_of(const struct inviting *v)
{
    return view_kind(v->event, v->decision);
}

static bool is_previous_host(const struct inviting *v)
{
    return kind_of(v) == KIND_REASSIGNED && !v->customer &&
           is_same(v->notice->recipient, v->booking->previous_organizer.email) &&
           !is_same(v->notice->recipient, v->booking->organizer.email);
}

/* ---- whether there is a part at all ---- */

static bool is_wanted(const struct inviting *v)
{
    const struct decision *d = v->decision;
    if (v->customer)
        return v->composer->customer_calendar == CUSTOMER_INVITE && !d->unconfirmed &&
               d->calendar != CALENDAR_TENTATIVE;
    return v->composer->calendar != ENTRY_NONE &&
           (v->composer->calendar != ENTRY_AUTO || !d->calendar_written);
}

/* ---- what an entry says ---- */

/* A word with tags is made for a view, and is no label. */
static const char *word(const struct inviting *v, const char *key, const char *english)
{
    const char *text = templates_word(v->templates, key);
    return text && *text && !strstr(text, "{{") ? text : english;
}

static void add_line(struct buf *out, const char *label, const char *text)
{
    if (!text || !*text)
        return;
    size_t len = cut_length(text, LINE_CHARACTERS);
    bool asks = label && *label && strchr("?:!", label[strlen(label) - 1]);
    buf_printf(out, "%s%s%s%.*s%s", out->len ? "\n" : "", label ? label : "",
        !label ? ""
        : asks ? " "
               : ": ",
        (int)len, text, text[len] ? "..." : "");
}

/* A part of a link is of no use. */
static void add_url(struct buf *out, const char *label, const char *url)
{
    if (url && *url && strlen(url) <= URL_MAX)
        buf_printf(
            out, "%s%s%s%s", out->len ? "\n" : "", label ? label : "", label ? ": " : "", url);
}

static void add_person(struct buf *out, const char *label, const char *name, const char *email)
{
    struct buf text = {0};
    buf_printf(&text, "%s%s%s%s%s", name ? name : "", name && email ? " <" : "", email ? email : "",
        name && email ? ">" : "", "");
    add_line(out, label, buf_text(&text));
    out->failed |= text.failed;
    buf_free(&text);
}

static void add_answers(const struct inviting *v, struct buf *out)
{
    char key[64];
    for (size_t i = 0; i < v->booking->answer_count && i < LINES_OF_A_LIST; i++) {
        const struct answer *answer = &v->booking->answers[i];
        const char *question = answer->question, *text = answer->answer;
        if (answer->word) {
            snprintf(key, sizeof key, "question_%s", answer->word);
            question = word(v, key, question);
        }
        if (answer->answer_word) {
            snprintf(key, sizeof key, "answer_%s", answer->answer_word);
            text = word(v, key, text);
        }
        add_line(out, question ? question : word(v, "label_answers", "Answers"), text);
    }
}

/* A customer reads only what he wrote himself. */
static void add_words(const struct inviting *v, struct buf *out)
{
    const struct booking *b = v->booking;
    const struct person *self =
        v->customer ? view_attendee(v->event, v->notice->recipient) : b->attendees;
    bool wrote = !v->customer || (self && self == b->attendees);
    if (b->hide_notes || b->hide_details)
        return;
    if (!v->customer && b->attendee_count)
        add_line(out, word(v, "label_phone", "Phone"), b->attendees[0].phone);
    if (wrote) {
        add_line(out, word(v, "label_notes", "Notes"), b->notes);
        add_answers(v, out);
        add_line(out, NULL, b->description);
    }
}

/* Of the view, where what is too long is left out. */
static const char *join_of(const struct inviting *v)
{
    return value_text_of(v->view, "join_url");
}

static const char *where_of(const struct inviting *v)
{
    return value_text_of(v->view, "where");
}

/* The link, which calendars make a button of, behind a place that somebody typed. */
static const char *place_of(const struct inviting *v)
{
    const char *where = where_of(v), *join = join_of(v);
    if (!join || !where)
        return join ? join : where;
    bool typed = !v->booking->location_word && !strstr(where, "://");
    return typed ? arena_printf(v->arena, "%s, %s", where, join) : join;
}

static const char *name_of_host(const struct inviting *v, const struct person *host)
{
    bool hidden = v->customer && v->booking->hide_organizer_email;
    return host->name || hidden ? host->name : host->email;
}

static const char *description_of(const struct inviting *v, const struct calendar_entry *entry)
{
    const struct booking *b = v->booking;
    const char *where = where_of(v), *join = join_of(v), *host = word(v, "label_host", "Host");
    struct buf out = {0};
    add_url(&out, NULL, join);
    if (join && where && strcmp(where, join) != 0)
        add_line(&out, word(v, "label_where", "Where"), where);
    bool shared = entry && entry->taken; /* the words of one are not those of all who share it */
    for (size_t i = 0; !v->customer && !shared && i < b->attendee_count && i < LINES_OF_A_LIST; i++)
        add_person(&out, word(v, "label_who", "Who"), b->attendees[i].name,
            b->attendees[i].email ? b->attendees[i].email : b->attendees[i].written_email);
    const struct person *hosts = b->host_count ? b->hosts : &b->organizer;
    size_t host_count = b->host_count ? b->host_count : 1;
    for (size_t i = 0; !shared && i < host_count && i < LINES_OF_A_LIST; i++)
        add_line(&out, host, name_of_host(v, &hosts[i]));
    if (!shared)
        add_words(v, &out);
    if (v->customer) {
        add_url(&out, word(v, "label_reschedule", "Reschedule"), b->reschedule_url);
        add_url(&out, word(v, "label_cancel", "Cancel"), b->cancel_url);
    }
    size_t len = cut_length(buf_text(&out), DESCRIPTION_MAX);
    v->arena->failed |= out.failed;
    const char *text = len ? arena_strndup(v->arena, buf_text(&out), len) : NULL;
    buf_free(&out);
    return text;
}

/* The owner has one entry for all seats, and for all of a group event: it is not named after the
 * customer of one place, and says how many are taken. */
static const char *summary_of(const struct inviting *v, int64_t taken, bool shared)
{
    const struct booking *b = v->booking;
    const char *what = value_text_of(v->view, "what"), *about = value_text_of(v->view, "about");
    const char *name = value_text_of(v->view, "provider_name");
    if (!shared)
        return about ? about : name ? name : b->title;
    what = what ? what : b->title ? b->title : name;
    if (what && taken > 0 && b->places > 0)
        return arena_printf(
            v->arena, "%s (%lld/%lld)", what, (long long)taken, (long long)b->places);
    return what && taken > 0 ? arena_printf(v->arena, "%s (%lld)", what, (long long)taken) : what;
}

/*
 * Outlook discards an invitation whose organizer is its recipient. Where sender and recipient are
 * the same, the organizer is another name at that domain; published entries are not answered.
 */
static struct person organizer_of(const struct inviting *v)
{
    const struct person *host = &v->booking->organizer;
    const struct composer *composer = v->composer;
    const char *domain = strrchr(composer->from, '@'), *answers = composer->reply_to;
    if (v->customer && v->booking->hide_organizer_email)
        return (struct person){.name = host->name,
            .email = v->booking->reply_to ? v->booking->reply_to
                     : answers            ? answers
                                          : composer->from};
    if (v->customer)
        return (struct person){.name = host->name,
            .email = answers       ? answers
                     : host->email ? host->email
                                   : composer->from};
    if (domain && is_same(composer->from, v->notice->recipient))
        return (struct person){.email = arena_printf(v->arena, "noreply%s", domain)};
    return (struct person){.email = composer->from};
}

static enum calendar_method method_of(const struct inviting *v, enum calendar_change change)
{
    if (change == CALENDAR_CANCELLED)
        return METHOD_CANCEL;
    return v->customer ? METHOD_REQUEST : METHOD_PUBLISH;
}

static void add_entry(struct inviting *v, const struct calendar_entry *entry, bool shared)
{
    const struct booking *b = v->booking;
    if (entry->calendar == CALENDAR_UNTOUCHED || v->count == INVITES_MAX)
        return;
    v->entry[v->count++] = (struct calendar){.method = method_of(v, entry->calendar),
        .uid = entry->calendar_uid,
        .sequence = entry->sequence,
        .tentative = entry->calendar == CALENDAR_TENTATIVE,
        .is_private = b->hide_details,
        .stamp = v->notice->record->received,
        .start = entry->start,
        .end = entry->end,
        .summary = summary_of(v, entry->taken, shared),
        .description = description_of(v, shared ? entry : NULL),
        .location = place_of(v),
        .url = join_of(v),
        .organizer = organizer_of(v)};
}

/* ---- the entries of the reader ---- */

/* The booking's own entry. A late move cancels the entry at the old time. */
static struct calendar_entry own_entry(const struct inviting *v)
{
    const struct decision *d = v->decision;
    const struct booking *b = v->booking;
    bool old_time = d->late && d->previous_start != TIME_NONE;
    bool leaves = v->customer && kind_of(v) == KIND_CANCELLED;
    struct calendar_entry entry = {.calendar = d->calendar,
        .calendar_uid = d->calendar_uid,
        .sequence = d->sequence,
        .start = old_time ? d->previous_start : b->start,
        .end = old_time ? d->previous_end : b->end,
        .taken = d->taken};
    if (entry.calendar != CALENDAR_UNTOUCHED && (leaves || is_previous_host(v)))
        entry.calendar = CALENDAR_CANCELLED;
    return entry;
}

static void collect_entries(struct inviting *v)
{
    const struct decision *d = v->decision;
    const struct calendar_entry own = own_entry(v);
    bool seats = !v->customer && v->booking->seat;
    if (v->customer || !d->grouped) {
        for (size_t i = 0; d->occurrence_count > 1 && i < d->occurrence_count; i++)
            add_entry(v, &d->occurrences[i], false);
        if (d->occurrence_count < 2 && !(d->other_count && is_previous_host(v)))
            add_entry(v, &own, seats);
    }
    for (size_t i = 0; i < d->other_count; i++) {
        const struct calendar_entry *other = &d->others[i];
        if (v->customer ? other->customer : other->owner)
            add_entry(v, other, !v->customer && (d->grouped || seats));
    }
}

static bool all_published(const struct inviting *v)
{
    for (size_t i = 0; i < v->count; i++)
        if (v->entry[i].method != METHOD_PUBLISH)
            return false;
    return true;
}

static bool write_objects(struct inviting *v, struct invites *out)
{
    size_t step = all_published(v) ? v->count : 1;
    char start[TIME_TEXT] = "";
    out->text = arena_alloc(v->arena, (v->count + 1) * sizeof *out->text);
    out->method = arena_alloc(v->arena, (v->count + 1) * sizeof *out->method);
    out->name = arena_alloc(v->arena, (v->count + 1) * sizeof *out->name);
    if (!out->text || !out->method || !out->name)
        return false;
    for (size_t i = 0; i < v->count; i += step) {
        struct buf *text = &out->text[out->count];
        bool ok = calendar_write(&v->entry[i], step, text);
        out->method[out->count] = v->entry[i].method;
        time_format(v->entry[i].start, start);
        out->name[out->count] =
            arena_printf(v->arena, "invite-%zu-%.10s.ics", out->count + 1, start);
        if (!ok || text->len)
            out->count++;
        if (!ok)
            return false;
    }
    return true;
}

bool invites_make(struct arena *arena, const struct composer *composer,
    const struct templates *templates, const struct notice *notice, const struct value *view,
    struct invites *out)
{
    *out = (struct invites){0};
    struct inviting *v = arena_alloc(arena, sizeof *v);
    if (!v)
        return false;
    v->composer = composer;
    v->templates = templates;
    v->notice = notice;
    v->event = notice->event;
    v->booking = &notice->event->booking;
    v->decision = notice->decision;
    v->view = view;
    v->arena = arena;
    v->customer = notice->audience == AUDIENCE_CUSTOMER;
    out->as_file = !v->customer && composer->calendar == ENTRY_FILE;
    if (!is_wanted(v))
        return true;
    const struct person *own = view_attendee(notice->event, notice->recipient);
    struct person *attendee = arena_alloc(arena, sizeof *attendee);
    if (attendee)
        *attendee = own ? *own : (struct person){.email = notice->recipient};
    collect_entries(v);
    for (size_t i = 0; v->customer && i < v->count; i++)
        v->entry[i].attendee = attendee;
    return write_objects(v, out) && !arena->failed;
}

void invites_free(struct invites *invites)
{
    for (size_t i = 0; i < invites->count; i++)
        buf_free(&invites->text[i]);
    *invites = (struct invites){0};
}

size_t invites_size(const struct invites *invites)
{
    size_t size = 0;
    for (size_t i = 0; i < invites->count; i++)
        size += invites->text[i].len;
    return size;
}
