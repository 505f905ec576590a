/*
 * view_parts: what the makers of a view share: the event as its reader may see it, and additions to
 * the context that fail all together.
 */
#ifndef MAIL_VIEW_PARTS_H
#define MAIL_VIEW_PARTS_H

#include "mail/view.h"
#include "mail/zone.h"

struct view {
    const struct event *event; /* as the reader may see it; its kind is the decision's meaning */
    const struct decision *decision;
    const struct templates *templates;
    const struct view_options *options;
    const struct person *reader; /* NULL: the event does not name them */
    struct zone zone;            /* the reader's */
    struct arena *arena;
    struct value *context, *buttons, *choices;
    bool has_details;
    bool off;              /* the meeting does not take place then */
    bool cut;              /* something of the event was too long */
    size_t attendee_count; /* before that */
    struct buf *why;
    bool failed; /* a word cannot be made: each later one is then empty */
};

bool view_for_customer(const struct view *view);

/* ---- additions; NULL is not added: templates take what is not there as false and empty ---- */

/* The text must live as long as the view. */
void view_text(struct view *view, struct value *object, const char *name, const char *text);
/* A copy of the text, as long as the view lives; NULL: memory was short. */
const char *view_copy(struct view *view, const struct buf *text);
void view_flag(struct view *view, struct value *object, const char *name);
struct value *view_object(struct view *view, struct value *parent, const char *name);
struct value *view_list(struct view *view, struct value *parent, const char *name);
struct value *view_append(struct view *view, struct value *list);
/* A list of the lines of the text, without blanks at their ends. */
void view_lines(struct view *view, struct value *parent, const char *name, const char *text);

/* The name, else the address as it was written; NULL: neither is known. */
const char *view_person_label(const struct person *person);

/* ---- words of the language ---- */

enum { VIEW_KEY = 64 };

/* Writes PREFIX_NAME, for a customer customer_PREFIX_NAME, to `key`, and returns it. NULL: there is
 * no such word. */
const char *view_word_key(
    const struct view *view, const char *prefix, const char *name, char key[VIEW_KEY]);

/* The word, filled in from `context`; NULL: memory was short. */
const char *view_word(struct view *view, const char *key, const struct value *context);
/* The same as a text of `object`. */
void view_say(struct view *view, struct value *object, const char *name, const char *key,
    const struct value *context);

/* ---- the parts ---- */

/* `is`, `tone`, `off`, `late`: before all others, since templates ask for them most. */
void view_add_flags(struct view *view);
/* start, end, at, short_at, when, when_theirs, previously, duration, ... */
void view_add_times(struct view *view);
/* people, hosts, host, previous_host, stand_in, reader. */
void view_add_persons(struct view *view);
/* where, previous_where, join_url, link. */
void view_add_places(struct view *view);
/* `heading`, `mark`, `line`, `remarks`, and what they are made from. After the three above. */
void view_add_headline(struct view *view);
/* overlaps, changed, answers, facts, buttons, origin, and groups of lines for a text. After the
 * times and the headline. */
void view_add_facts(struct view *view);
/* What an inbox shows after the subject, which does not repeat it. Last. */
void view_add_preview(struct view *view);

/* "Tue 24 Nov 2026, 16:00 to 16:30 CET" of the language, in the reader's zone, which it does not
 * name, as a text of `object`. `end` may be TIME_NONE. */
void view_add_short_span(
    struct view *view, struct value *object, const char *name, int64_t start, int64_t end);
/* "Tue 24 Nov 2026, 16:00 CET" of the language, as a text of `object`. */
void view_add_moment(struct view *view, struct value *object, const char *name, int64_t when);

/* For the words of a date: weekday, day, month, clock, ... in the reader's zone, into `object`. */
void view_add_pieces(struct view *view, struct value *object, int64_t when);
/* For the word "hours": start, end, same_day, same_zone. */
void view_add_span(struct view *view, struct value *object, int64_t start, int64_t end);

/* The first attendee's zone, else the booking's; NULL: not known. */
const char *view_their_zone(const struct booking *booking);

/* ---- facts: a label and lines ---- */

/* A detail is a fact that a page lists in small print, apart from date, place and persons. */
enum fact_place { FACT_MAIN, FACT_DETAIL };

/* `label` is the key of a word. An http address as value becomes a link. NULL: no value, or no
 * memory. */
struct value *view_add_fact(struct view *view, struct value *facts, const char *label,
    const char *value, enum fact_place place);
/* The same; frees `value`. */
struct value *view_add_made_fact(struct view *view, struct value *facts, const char *label,
    struct buf *value, enum fact_place place);
/* Into the `links` of a fact, which a page shows in place of its lines. */
void view_add_link(struct view *view, struct value *links, const char *href, const char *text);
/* "meet.example.com/...": a long address made short to read. */
const char *view_short_url(struct view *view, const char *url);
/* With whom, telephone numbers, guests, hosts. */
void view_add_person_facts(struct view *view, struct value *facts);
/* Place and links, and the `buttons` and `choices` of a page. */
void view_add_place_facts(struct view *view, struct value *facts);

#endif
