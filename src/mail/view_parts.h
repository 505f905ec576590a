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
    struct zone zone; /* the reader's */
    struct arena *arena;
    struct value *context;
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

/* The name, else the address; NULL: neither is known. */
const char *view_person_label(const struct person *person);

/* ---- words of the language ---- */

enum { VIEW_KEY = 64 };

/* Writes PREFIX_NAME, for a customer customer_PREFIX_NAME, to `key`. NULL: no such word. */
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
/* `heading`, `remarks`, and what a subject needs. After the times. */
void view_add_headline(struct view *view);
/* start, end, at, when, when_theirs, previously, duration, ... */
void view_add_times(struct view *view);
/* people, overlaps, changed, answers, facts, origin, and groups of lines for a text. After the
 * times. */
void view_add_facts(struct view *view);

/* "Tue 24 Nov 2026, 16:00 to 16:30 CET" of the language, in the reader's zone, which it does not
 * name, as a text of `object`. `end` may be TIME_NONE. */
void view_add_short_span(
    struct view *view, struct value *object, const char *name, int64_t start, int64_t end);

/* For the words of a date: weekday, day, month, clock, ... in the reader's zone, into `object`. */
void view_add_pieces(struct view *view, struct value *object, int64_t when);
/* For the word "hours": start, end, same_day, same_zone. */
void view_add_span(struct view *view, struct value *object, int64_t start, int64_t end);

/* The first attendee's zone, else the booking's; NULL: not known. */
const char *view_their_zone(const struct booking *booking);

#endif
