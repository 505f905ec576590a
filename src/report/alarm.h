/*
 * alarm: which changes of the health are reported to people, and to whom. Pure.
 *
 * An alarm is a check of health/health.h that does not pass. It is reported when it is raised, when
 * it gets worse (warn, then fail), once a day while it lasts, and when it has been clear for
 * ALARM_CALM: a state that comes and goes is reported once.
 *
 * What is known between runs is one JSON text: the alarms, and the reports that have not reached
 * their target yet. A report keeps its id from then on, so that a mail is not made twice.
 */
#ifndef REPORT_ALARM_H
#define REPORT_ALARM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cjson/cJSON.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/conf.h"
#include "event/id.h"
#include "health/health.h"

#define ALARM_CALM     (INT64_C(300) * MS_PER_SECOND)
#define ALARM_REMINDER MS_PER_DAY
/* A report that did not reach its target for so long is dropped. */
#define ALARM_DROP MS_PER_DAY

/* ---- targets: BOOKSPOOL_ALARM ---- */

enum alarm_target_kind {
    ALARM_BY_MAIL, /* mailto:ADDRESS */
    ALARM_BY_POST, /* https://...: JSON that chat webhooks take, too */
    ALARM_BY_NTFY  /* ntfy:https://HOST/TOPIC: published as ntfy's JSON */
};

enum { ALARM_TARGETS_MAX = 8, ALARM_TARGET_SIZE = 1024 };

struct alarm_target {
    enum alarm_target_kind kind;
    char name[ALARM_TARGET_SIZE];  /* as it is in the setting */
    char text[ALARM_TARGET_SIZE];  /* the address; the URL of the request */
    char topic[ALARM_TARGET_SIZE]; /* of ntfy */
};

struct alarm_targets {
    struct alarm_target item[ALARM_TARGETS_MAX];
    size_t count;
};

/* From BOOKSPOOL_ALARM; none when it is not set. False, with lines in `faults`. */
bool alarm_targets_read(const struct conf *conf, struct alarm_targets *targets, struct buf *faults);

/* ---- alarms ---- */

enum alarm_change { ALARM_RAISED, ALARM_WORSE, ALARM_LASTS, ALARM_CLEARED };

/* "raised", "worse", "lasts", "cleared" */
const char *alarm_change_name(enum alarm_change change);

enum { ALARM_NAME = 64, ALARM_TEXT = 400, ALARMS_MAX = HEALTH_CHECKS_MAX, ALARM_REPORTS_MAX = 64 };

struct alarm {
    char name[ALARM_NAME];           /* of the check; ":calcom" after it where it is a provider's */
    enum health_state state, worst;  /* now; since it was raised */
    int64_t since, reported, passed; /* `passed`: since when it passes; TIME_NONE */
};

/* One change for one target. */
struct alarm_report {
    char id[ID_SIZE];
    char target[ALARM_TARGET_SIZE]; /* as in the setting */
    enum alarm_change change;
    char name[ALARM_NAME];
    enum health_state state;
    int64_t since, at;
    char text[ALARM_TEXT], advice[ALARM_TEXT]; /* "": none */
};

struct alarm_book {
    struct alarm alarm[ALARMS_MAX];
    size_t alarm_count;
    struct alarm_report report[ALARM_REPORTS_MAX]; /* the oldest first */
    size_t report_count;
};

/*
 * Enters the health at `now`: changes alarms, adds a report for each change and target, and drops
 * reports that are older than ALARM_DROP. What concerns mail itself is not reported to a mail
 * target when `mail_alone` is true: there is no second transport. The number of reports that were
 * dropped, for want of room too.
 */
size_t alarm_enter(struct alarm_book *book, const struct health *health,
    const struct alarm_targets *targets, bool mail_alone, int64_t now);

/* Removes one report. */
void alarm_done(struct alarm_book *book, size_t which);

/* From the members of an object, and to them. What cannot be read is left out. */
void alarm_book_read(struct alarm_book *book, const cJSON *object);
void alarm_book_write(const struct alarm_book *book, cJSON *object);

/* ---- what a report says ---- */

/* One line: "bookspool: no event from Cal.com for 3 days". */
void alarm_title(const struct alarm_report *report, struct buf *out);
/* The text of a mail. */
void alarm_text(const struct alarm_report *report, struct buf *out);
/* The JSON of a request. False: out of memory. */
bool alarm_json(
    const struct alarm_report *report, const struct alarm_target *target, struct buf *out);

#endif
