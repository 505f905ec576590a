/*
 * cut: makes an event small enough for a mail. What is too long is replaced by a sentence that says
 * so in the words of the language.
 *
 * The limit of a mail is not that of a body: a customer may write 220 KB of apostrophes, which take
 * five times as much in HTML. The owner must still read who booked what and when.
 */
#ifndef MAIL_CUT_H
#define MAIL_CUT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "event/event.h"
#include "mail/templates.h"

/* The most that is kept, in characters and entries. */
struct cut_limits {
    size_t text;  /* of an answer, a description, a reason */
    size_t line;  /* of a name, a title and other single lines */
    size_t url;   /* a longer one is left out, since a part of it is of no use */
    size_t items; /* of attendees, guests and answers */
};

/*
 * Replaces texts and lists of the event, and does not change them; new ones are in the arena.
 * Returns whether anything is cut; a text that was cut when it was cleaned counts too.
 */
bool cut_event(struct event *event, const struct cut_limits *limits,
    const struct templates *templates, struct arena *arena);

/* The length in bytes of the first `max` characters of UTF-8, or of all of the text. */
size_t cut_length(const char *text, size_t max);

#endif
