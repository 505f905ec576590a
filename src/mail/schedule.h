/*
 * schedule: BOOKSPOOL_AGENDA, when the agenda is mailed and to whom.
 *
 *     TIME [DAYS] [tomorrow] [always] [WHOM]
 *
 *     TIME      07:00, by the clocks of BOOKSPOOL_TIMEZONE, else of the system
 *     DAYS      the days on which it is mailed: Mon-Fri, or Mon, Wed; without it, every day
 *     tomorrow  it is about the next day
 *     always    it is mailed on an empty day too
 *     WHOM      addresses; `owner` means BOOKSPOOL_MAIL_TO, and is what is meant without WHOM;
 *               `organizer` each host, who gets what concerns him
 *
 * Words are separated by blanks or commas.
 */
#ifndef MAIL_SCHEDULE_H
#define MAIL_SCHEDULE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/conf.h"
#include "mail/day.h"

struct schedule {
    bool on;
    int minutes;  /* after midnight */
    bool days[8]; /* by day_weekday */
    bool tomorrow, always, organizers;
    char **readers; /* each gets all of it; each address once */
    size_t reader_count;
};

/* `fallback` is the owner where BOOKSPOOL_MAIL_TO is not set. False: `why` has a line that says
 * what is wrong. Without the setting it is off. schedule_free in any case. */
bool schedule_open(
    struct schedule *schedule, const struct conf *conf, const char *fallback, struct buf *why);
void schedule_free(struct schedule *schedule);

/* One mailing: when it is due, which day it is about, and when the one before it was due. */
struct mailing {
    int64_t due, before;
    day_number day;
};

/* The latest that is due at `now` or before. False: there is none within a week. */
bool schedule_latest(
    const struct schedule *schedule, const struct zone *zone, int64_t now, struct mailing *mailing);

#endif
