/*
 * overview: all facts of the terminal page, its JSON and the status page, in one struct, so that
 * the three never disagree. overview_gather fills it; what cannot be read is missing there, and is
 * never an error: the page has to be made when things are broken, above all.
 *
 * Personal data: names and titles of the next bookings, and of those that overlap. Nothing else: of
 * what failed there is the id and a reason code.
 */
#ifndef REPORT_OVERVIEW_H
#define REPORT_OVERVIEW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/conf.h"
#include "health/health.h"
#include "ledger/ledger.h"
#include "mail/zone.h"
#include "report/history.h"
#include "report/site.h"
#include "spool/spool.h"

enum {
    OVERVIEW_HOUR = 12, /* of five minutes */
    OVERVIEW_DAY = 24,  /* of an hour */
    OVERVIEW_WEEK = 28, /* of six hours */
    OVERVIEW_DAYS = 30,
    OVERVIEW_TROUBLES = 10,
    OVERVIEW_BOOKINGS = 10,
    OVERVIEW_QUEUE = 24 * 12 /* of five minutes */
};

/* The kinds that plots tell apart. */
enum overview_kind {
    KIND_GROUP_NEW,
    KIND_GROUP_MOVED,
    KIND_GROUP_CANCELLED,
    KIND_GROUP_OTHER,
    KIND_GROUPS
};

struct overview_span {
    int64_t begin, end;
    bool known; /* false: no counters of that time */
    uint64_t accepted, refused;
    uint64_t events[KIND_GROUPS];
    uint64_t sent, given_up;
    int64_t waiting, aside; /* the most files at once */
};

/* Something that waits for a person, or failed. */
struct overview_trouble {
    enum spool_dir dir;
    char name[96];
    int64_t since;
    char reason[64]; /* without anybody's data: "smtp-rcpt-550", "550"; "" when not known */
};

struct overview_booking {
    const char *title, *who, *provider; /* title and who may be NULL */
    int64_t start, end;
};

struct overview_pair {
    struct overview_booking first, second;
};

struct overview {
    int64_t now;
    struct zone zone;

    struct health_facts facts;
    struct health_check check[HEALTH_CHECKS_MAX + 1]; /* the receiver's, then those of the health */
    size_t checks;
    enum health_state state; /* the worst of them */
    enum site_receiver receiver;
    char socket_path[SITE_TEXT];

    bool history_known;
    struct overview_span hour[OVERVIEW_HOUR], day[OVERVIEW_DAY], week[OVERVIEW_WEEK];
    struct overview_span month[OVERVIEW_DAYS]; /* days of the zone; the last one is today */
    struct overview_span queue[OVERVIEW_QUEUE];
    struct overview_span total[4];         /* the last hour, day, week, month */
    uint64_t mailed[HISTOGRAM_BOUNDS + 1]; /* of the month, by the time from webhook to mail */

    struct overview_trouble trouble[OVERVIEW_TROUBLES];
    size_t troubles;
    size_t more_troubles; /* that are not in the list */

    struct overview_booking next[OVERVIEW_BOOKINGS];
    size_t bookings;
    struct overview_pair pair[OVERVIEW_BOOKINGS];
    size_t pairs;
    bool more_pairs;
    const char *ledger_trouble; /* why the ledger could not be read; NULL */

    struct arena arena;
};

/*
 * `overview->facts` and `now` are given: the caller has gathered the health (and made it exact
 * where it can). `spool` is open for reading at least. The receiver is asked on its socket.
 */
void overview_gather(
    struct overview *overview, const struct conf *conf, struct spool *spool, int64_t now);
void overview_free(struct overview *overview);

/* Mails that arrived, in percent of those that were sent or given up; -1: there were none. */
double overview_success(const struct overview_span *span);

/* The upper bound of the time from webhook to mail that half of the mails kept, in ms; -1: there
 * were none; INT64_MAX: above all bounds. `percent` in place of 50 for other shares. */
int64_t overview_mailed_within(const struct overview *overview, int percent);

const int64_t *overview_mailed_bounds(void);
/* "new", "moved", "cancelled", "other" */
const char *overview_kind_name(enum overview_kind kind);
uint64_t overview_events(const struct overview_span *span);

#endif
