#include <stdio.h>
#include <string.h>

#include <glib.h>

#include "mail/view_parts.h"
#include "provider/provider.h"

/* ---- facts: a label and lines ---- */

void view_add_link(struct view *view, struct value *links, const char *href, const char *text)
{
    struct value *link = view_append(view, links);
    view_text(view, link, "href", href);
    view_text(view, link, "text", text);
}

static bool is_one_url(const char *text)
{
    return (strncmp(text, "https://", 8) == 0 || strncmp(text, "http://", 7) == 0) &&
           !strpbrk(text, " \n");
}

static struct value *add_labelled(struct view *view, struct value *facts, const char *label,
    const char *value, enum fact_place place)
{
    struct value *fact = view_append(view, facts);
    view_text(view, fact, "label", label);
    view_lines(view, fact, "lines", value);
    if (is_one_url(value))
        view_add_link(view, view_list(view, fact, "links"), value, view_short_url(view, value));
    if (place == FACT_DETAIL) {
        view_flag(view, fact, "detail");
        view->has_details = true;
    }
    return fact;
}

struct value *view_add_fact(struct view *view, struct value *facts, const char *label,
    const char *value, enum fact_place place)
{
    if (!value || !*value)
        return NULL;
    return add_labelled(view, facts, view_word(view, label, view->context), value, place);
}

struct value *view_add_made_fact(struct view *view, struct value *facts, const char *label,
    struct buf *value, enum fact_place place)
{
    struct value *fact = view_add_fact(view, facts, label, view_copy(view, value), place);
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
    view_add_made_fact(view, facts, "label_overlaps", &lines, FACT_MAIN);
}

/* view.c has dropped a previous time that is the present one. */
static void add_changes(struct view *view)
{
    const struct booking *booking = &view->event->booking;
    struct value *changed = view_list(view, view->context, "changed");
    if (booking->start == TIME_NONE || booking->previous_start == TIME_NONE)
        return;
    struct value *change = view_append(view, changed);
    view_say(view, change, "label", "label_when", view->context);
    view_add_short_span(view, change, "old", booking->previous_start, booking->previous_end);
    view_add_short_span(view, change, "new", booking->start, booking->end);
}

/* The language's word for the provider's status, or else the provider's. Customers have the
 * heading, which says it better, as does that of a report. Where one seat is given up, the status
 * is that of the booking, which goes on. */
static const char *status_text(struct view *view)
{
    char key[VIEW_KEY];
    const char *status = view->event->booking.status;
    enum event_kind kind = view->event->kind;
    if (!status || view_for_customer(view) || kind == KIND_REPORT || kind == KIND_HOST_NO_SHOW ||
        value_find(value_find(view->context, "is"), "seat_given_up"))
        return NULL;
    const char *found = view_word_key(view, "status", status, key);
    return found ? view_word(view, found, view->context) : status;
}

/* "3 times, every 2 weeks" */
static const char *series_text(struct view *view)
{
    const struct booking *booking = &view->event->booking;
    struct value *numbers = value_root(view->arena);
    char key[VIEW_KEY];
    if (!booking->in_series)
        return NULL;
    if (booking->series_count > 0)
        value_add_number(view->arena, numbers, "count", (double)booking->series_count);
    if (booking->series_interval > 1)
        value_add_number(view->arena, numbers, "interval", (double)booking->series_interval);
    snprintf(key, sizeof key, "%s_%s", booking->series_interval > 1 ? "every" : "frequency",
        booking->series_frequency ? booking->series_frequency : "");
    if (templates_word(view->templates, key))
        view_say(view, numbers, "frequency", key, numbers);
    return view_word(view, "series", numbers);
}

/*
 * The list `occurrences` and a fact of it: the times of all that the mail is about, a line each, as
 * far as the limits allow.
 */
static void add_occurrences(struct view *view, struct value *facts)
{
    const struct decision *decision = view->decision;
    size_t count = decision->occurrence_count;
    size_t max = view->options->limits ? view->options->limits->items : count;
    struct buf lines = {0};
    if (count < 2)
        return;
    struct value *occurrences = view_list(view, view->context, "occurrences");
    for (size_t i = 0; i < count && i < max && !view->failed; i++) {
        const struct calendar_entry *one = &decision->occurrences[i];
        struct value *object = view_append(view, occurrences);
        view_add_short_span(view, object, "when", one->start, one->end);
        const char *when = value_text_of(object, "when");
        buf_printf(&lines, "%s%s", i ? "\n" : "", when ? when : "");
    }
    if (count > max) {
        struct value *left = value_root(view->arena);
        value_add_number(view->arena, left, "count", (double)(count - max));
        const char *more = view_word(view, "left_out_list", left);
        buf_printf(&lines, "\n%s", more ? more : "");
    }
    view_add_made_fact(view, facts, "label_dates", &lines, FACT_DETAIL);
}

/*
 * "49.00 EUR, paid": what comes last is one of the words that the provider modules write, and is
 * shown in the language's own.
 */
static const char *payment_text(struct view *view)
{
    const char *payment = view->event->booking.payment;
    const char *comma = payment ? strrchr(payment, ',') : NULL;
    const char *state = comma ? comma + strspn(comma, ", ") : payment;
    char key[VIEW_KEY];
    if (!payment)
        return NULL;
    snprintf(key, sizeof key, "payment_%s", state);
    for (char *at = key; *at; at++)
        *at = *at == ' ' ? '_' : *at;
    const char *word =
        templates_word(view->templates, key) ? view_word(view, key, view->context) : NULL;
    return word ? arena_printf(view->arena, "%.*s%s", (int)(state - payment), payment, word)
                : payment;
}

/* "2 of 6" */
static const char *places_text(struct view *view)
{
    const struct booking *booking = &view->event->booking;
    struct value *numbers = value_root(view->arena);
    int64_t taken = booking->places_taken;
    if (!taken && !view_for_customer(view))
        taken = view->decision->taken;
    if (booking->places <= 0 && taken <= 0)
        return NULL;
    value_add_number(view->arena, numbers, "taken", (double)taken);
    if (booking->places > 0)
        value_add_number(view->arena, numbers, "places", (double)booking->places);
    return view_word(view, "places", numbers);
}

/* What only some reports have. The provider's name of a member serves where there is no word. */
static void add_details(struct view *view, struct value *facts)
{
    const struct booking *booking = &view->event->booking;
    for (size_t i = 0; i < booking->detail_count; i++) {
        const struct detail *detail = &booking->details[i];
        struct value *made = value_root(view->arena);
        char key[VIEW_KEY];
        if (!detail->text)
            view_add_moment(view, made, "text", detail->when);
        const char *text = detail->text ? detail->text : value_text_of(made, "text");
        const char *found = view_word_key(view, "detail", detail->word, key);
        const char *label = found ? view_word(view, found, view->context) : detail->word;
        if (text && *text)
            add_labelled(view, facts, label, text, FACT_DETAIL);
    }
}

/* A type says more than the title, unless it is the title's beginning as part of a URL:
 * "intro-call" of "Intro call with Ada". Calendly's is an address of its API. */
static bool type_says_more(const struct booking *booking)
{
    const char *title = booking->title, *type = booking->event_type;
    size_t len = 0;
    if (!title || !type || strstr(type, "://"))
        return false;
    while (type[len] && (g_ascii_tolower(title[len]) == g_ascii_tolower(type[len]) ||
                            (title[len] == ' ' && type[len] == '-')))
        len++;
    return type[len] != '\0';
}

static struct value *add_booking_facts(struct view *view)
{
    const struct booking *booking = &view->event->booking;
    const struct value *context = view->context;
    bool customer = view_for_customer(view);
    struct value *facts = view_list(view, view->context, "facts");
    view_add_fact(view, facts, "label_what", value_text_of(context, "what"), FACT_MAIN);
    if (!customer && type_says_more(booking))
        view_add_fact(view, facts, "label_type", booking->event_type, FACT_MAIN);
    view_add_fact(view, facts, "label_when", value_text_of(context, "when"), FACT_MAIN);
    view_add_fact(
        view, facts, "label_their_time", value_text_of(context, "when_theirs"), FACT_MAIN);
    view_add_fact(view, facts, "label_previously", value_text_of(context, "previously"), FACT_MAIN);
    view_add_fact(view, facts, "label_series", series_text(view), FACT_DETAIL);
    add_occurrences(view, facts);
    if (!customer)
        add_overlaps(view, facts);
    view_add_place_facts(view, facts);
    view_add_person_facts(view, facts);
    view_add_fact(view, facts, "label_places", places_text(view), FACT_DETAIL);
    view_add_fact(view, facts, "label_reason", booking->reason, FACT_DETAIL);
    if (!customer)
        view_add_fact(view, facts, "label_by", booking->by, FACT_DETAIL);
    view_add_fact(view, facts, "label_payment", payment_text(view), FACT_DETAIL);
    view_add_fact(view, facts, "label_status", status_text(view), FACT_MAIN);
    add_details(view, facts);
    view_add_fact(view, facts, "label_notes", booking->notes, FACT_DETAIL);
    view_add_fact(view, facts, "label_description", booking->description, FACT_DETAIL);
    view_add_fact(view, facts, "label_host_notes", booking->host_notes, FACT_DETAIL);
    if (view->has_details)
        view_flag(view, view->context, "has_details");
    return facts;
}

/* The small line at the end of an owner's mail. */
static void add_origin(struct view *view)
{
    const char *uid = view->event->booking.uid;
    if (view_for_customer(view))
        return;
    if (uid && !strstr(uid, "://")) /* Calendly's is an address of its API */
        view_text(view, view->context, "shown_uid", uid);
    view_say(view, view->context, "origin", "origin", view->context);
}

/* The question in the words of the language where it is the provider's own. */
static const char *question_of(struct view *view, const struct answer *answer)
{
    char key[VIEW_KEY];
    snprintf(key, sizeof key, "question_%s", answer->word ? answer->word : "");
    if (answer->word && templates_word(view->templates, key))
        return view_word(view, key, view->context);
    return answer->question ? answer->question : view_word(view, "no_question", view->context);
}

/* NULL: none. */
static const char *answer_of(const struct view *view, const struct answer *answer)
{
    char key[VIEW_KEY];
    snprintf(key, sizeof key, "answer_%s", answer->answer_word ? answer->answer_word : "");
    const char *word = answer->answer_word ? templates_word(view->templates, key) : NULL;
    return word ? word : answer->answer;
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
        view_lines(view, object, "question", question_of(view, answer));
        const char *text = answer_of(view, answer);
        view_lines(view, object, "lines", text ? text : "-");
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
    struct value *context = view->context;
    add_changes(view);
    const struct value *facts = add_booking_facts(view);
    const struct value *answers = add_answers(view);
    add_origin(view);
    int width = label_width(facts, LABEL_WIDTH);
    struct value *groups = view_list(view, context, "groups");
    add_fact_rows(view, groups, facts, width);
    add_answer_rows(view, groups, answers);
}

/* ---- the preview of an inbox ---- */

enum { PREVIEW_NOTES_MAX = 90 };

static void add_to_preview(struct buf *out, const char *text)
{
    static const char dot[] = " \xc2\xb7 ";
    size_t len = text ? cut_length(text, PREVIEW_NOTES_MAX) : 0;
    if (!len)
        return;
    buf_puts(out, out->len ? dot : "");
    buf_add(out, text, len);
    buf_puts(out, text[len] ? "..." : "");
}

/* What changed or why, then place and length, then the first words that the customer wrote. */
void view_add_preview(struct view *view)
{
    const struct booking *booking = &view->event->booking;
    const struct value *context = view->context;
    const struct value *remarks = value_find(context, "remarks");
    const struct value *change = value_find(context, "changed");
    const char *where = value_text_of(context, "where"), *join = value_text_of(context, "join_url");
    struct buf out = {0};
    if (change && change->first) {
        const char *label = view_word(view, "label_previously", context);
        const char *old = value_text_of(change->first, "old");
        if (label && old)
            add_to_preview(&out, arena_printf(view->arena, "%s: %s", label, old));
    }
    add_to_preview(&out, booking->reason);
    if (view->event->kind == KIND_REASSIGNED || view->event->kind == KIND_INSTANT)
        add_to_preview(&out, remarks && remarks->first ? remarks->first->text : NULL);
    add_to_preview(&out, where ? where : join ? view_short_url(view, join) : NULL);
    add_to_preview(&out, value_text_of(context, "duration"));
    add_to_preview(&out, payment_text(view));
    add_to_preview(&out, booking->notes);
    for (size_t i = 0; !booking->notes && i < booking->answer_count && i < 2; i++)
        add_to_preview(&out, answer_of(view, &booking->answers[i]));
    view_text(view, view->context, "preview", view_copy(view, &out));
    buf_free(&out);
}
