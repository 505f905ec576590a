#include "report/overview.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "event/event.h"
#include "spool/queue.h"

#define MINUTE (INT64_C(60) * MS_PER_SECOND)
#define HOUR   (60 * MINUTE)

/* ---- the receiver ---- */

/*
 * A request that came lately shows that a receiver runs, wherever its socket is: one that is
 * started as a CGI program has none.
 */
static void check_receiver(struct overview *o)
{
    struct health_check *check = &o->check[o->checks++];
    struct buf body = {0};
    int64_t last = TIME_NONE;
    for (enum provider p = 0; p < PROVIDERS; p++) {
        int64_t when = health_last_genuine(&o->facts, p);
        last = when > last ? when : last;
    }
    site_socket_path(o->socket_path);
    o->receiver = site_ask_receiver(o->socket_path, &body);
    buf_free(&body);
    static const struct {
        enum health_state state;
        const char *reason, *before, *after;
    } words[] = {
        [RECEIVER_ABSENT] = {HEALTH_FAIL, "no-receiver", "no receiver runs: there is no socket ",
            ""},
        [RECEIVER_GONE] = {HEALTH_FAIL, "no-receiver",
            "no receiver runs: nothing listens on the socket ", ""},
        [RECEIVER_CLOSED] = {HEALTH_PASS, NULL, "the socket ", " cannot be asked by this user"},
        [RECEIVER_SILENT] = {HEALTH_FAIL, "receiver-silent", "the receiver at ",
            " does not answer"},
        [RECEIVER_FOREIGN] = {HEALTH_FAIL, "no-receiver",
            "another program than bookspool-fcgi answers at ", ""},
        [RECEIVER_ANSWERS] = {HEALTH_PASS, NULL, "the receiver answers at ", ""},
    };
    *check = (struct health_check){.name = "receiver:running",
        .provider = PROVIDERS,
        .accepting = true,
        .since = TIME_NONE,
        .state = words[o->receiver].state,
        .reason = words[o->receiver].reason};
    snprintf(check->text, sizeof check->text, "%s%.108s%s", words[o->receiver].before,
        o->socket_path, words[o->receiver].after);
    if (o->receiver == RECEIVER_ABSENT && last != TIME_NONE && o->now - last < HOUR) {
        check->state = HEALTH_PASS;
        check->reason = NULL;
        snprintf(check->text, sizeof check->text,
            "a webhook came within the hour, though there is no socket %.108s", o->socket_path);
    }
    if (check->state != HEALTH_PASS)
        check->advice = "bookings are answered 503: systemctl start bookspool-fcgi.socket "
                        "bookspool-fcgi.service; bookspool check says more";
}

static void add_health(struct overview *o)
{
    struct health health;
    check_receiver(o);
    health_check_all(&o->facts, &health);
    for (size_t i = 0; i < health.count; i++)
        o->check[o->checks++] = health.check[i];
    for (size_t i = 0; i < o->checks; i++)
        if (!o->check[i].own && o->check[i].state > o->state)
            o->state = o->check[i].state;
}

/* ---- what happened ---- */

static enum overview_kind group_of(size_t kind)
{
    switch (kind) {
    case KIND_CREATED:
    case KIND_REQUESTED:
    case KIND_INSTANT:
        return KIND_GROUP_NEW;
    case KIND_RESCHEDULED:
        return KIND_GROUP_MOVED;
    case KIND_CANCELLED:
    case KIND_REJECTED:
        return KIND_GROUP_CANCELLED;
    default:
        return KIND_GROUP_OTHER;
    }
}

static void fill(
    const struct history *history, int64_t begin, int64_t end, struct overview_span *span)
{
    struct history_sample difference;
    *span = (struct overview_span){.begin = begin, .end = end};
    span->known = history_between(history, begin, end, &difference);
    if (!span->known)
        return;
    span->accepted = difference.accepted;
    span->refused = difference.refused;
    span->sent = difference.sent;
    span->given_up = difference.given_up;
    span->waiting = difference.gauge[GAUGE_WAITING];
    span->aside = difference.gauge[GAUGE_ASIDE];
    for (size_t kind = 0; kind < ROOM_KIND; kind++)
        if (kind != KIND_PING)
            span->events[group_of(kind)] += difference.kind[kind];
}

/* Spans of one length, of which the last ends with the present one. */
static void fill_row(const struct history *history, int64_t now, int64_t length, size_t count,
    struct overview_span *span)
{
    int64_t end = (now / length + 1) * length;
    for (size_t i = 0; i < count; i++) {
        int64_t begin = end - (int64_t)(count - i) * length;
        fill(history, begin, begin + length < now ? begin + length : now, &span[i]);
        span[i].end = begin + length;
    }
}

/* The midnight before, on the clocks of the zone; they may have been changed on that day. */
static int64_t midnight(const struct zone *zone, int64_t when)
{
    struct zone_time at;
    if (!zone_local(zone, when, &at))
        return when / MS_PER_DAY * MS_PER_DAY;
    int day = at.day;
    int64_t seconds = when / MS_PER_SECOND % 60;
    int64_t guess =
        (when / MS_PER_SECOND - seconds - at.hour * 3600 - at.minute * 60) * MS_PER_SECOND;
    if (zone_local(zone, guess, &at))
        guess += (at.day != day ? 24 - at.hour : -at.hour) * HOUR - at.minute * MINUTE;
    return guess;
}

static void fill_month(struct overview *o, const struct history *history)
{
    int64_t end = o->now, begin = midnight(&o->zone, o->now);
    for (size_t i = OVERVIEW_DAYS; i-- > 0;) {
        fill(history, begin, end, &o->month[i]);
        end = begin;
        begin = midnight(&o->zone, begin - HOUR);
    }
}

static void add_history(struct overview *o, const char *state_dir)
{
    static const int64_t lengths[] = {HOUR, MS_PER_DAY, 7 * MS_PER_DAY, 30 * MS_PER_DAY};
    struct history_sample present, month;
    struct history history = {0};
    history_make(&o->facts, &present);
    o->history_known = o->facts.counted && history_read(state_dir, &present, &history);
    if (o->history_known) {
        fill_row(&history, o->now, HISTORY_FINE, OVERVIEW_HOUR, o->hour);
        fill_row(&history, o->now, HOUR, OVERVIEW_DAY, o->day);
        fill_row(&history, o->now, 6 * HOUR, OVERVIEW_WEEK, o->week);
        fill_row(&history, o->now, HISTORY_FINE, OVERVIEW_QUEUE, o->queue);
        fill_month(o, &history);
        /* where less is known, all that is known */
        int64_t first = history.coarse[0].at;
        for (size_t i = 0; i < 4; i++) {
            fill(&history, o->now - lengths[i], o->now, &o->total[i]);
            if (!o->total[i].known)
                fill(&history, first, o->now, &o->total[i]);
        }
        if (history_between(&history, o->now - 30 * MS_PER_DAY, o->now, &month) ||
            history_between(&history, first, o->now, &month))
            memcpy(o->mailed, month.mailed, sizeof o->mailed);
    }
    history_free(&history);
}

/* ---- what is in trouble ---- */

/* Is this one word of the kind of "smtp-rcpt-550"? */
static bool is_code(const char *text, size_t len)
{
    return len && memchr(text, '-', len) &&
           strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-") >= len;
}

/*
 * The reason code of a mail's .why, "TIME CAUSE: REASON: DETAIL". The detail is a server's, and may
 * name a recipient. What is said of a torn event is bookspool's own.
 */
static void read_reason(struct spool *spool, struct overview_trouble *trouble)
{
    struct spool_file why;
    char name[sizeof trouble->name + 8];
    snprintf(name, sizeof name, "%s.why", trouble->name);
    if (spool_read(spool, trouble->dir, name, &why)) {
        const char *text = buf_text(&why.data);
        size_t len = strcspn(text, "\n");
        if (trouble->dir != DIR_BAD) {
            const char *part = text;
            while (part && !is_code(part, len = strcspn(part, ":\n")))
                part = (part = strstr(part, ": ")) ? part + 2 : NULL;
            text = part ? part : "";
        }
        snprintf(trouble->reason, sizeof trouble->reason, "%.*s", (int)len, text);
        spool_file_free(&why);
    }
}

struct search {
    struct overview *overview;
    enum spool_dir dir;
};

/* Keeps the oldest of a directory. */
static bool visit_trouble(void *context, const struct spool_item *item)
{
    const struct search *search = context;
    struct overview *o = search->overview;
    if (queue_is_why(item->name))
        return true;
    if (o->troubles == OVERVIEW_TROUBLES) {
        o->more_troubles++;
        return true;
    }
    struct overview_trouble *trouble = &o->trouble[o->troubles++];
    *trouble = (struct overview_trouble){.dir = search->dir, .since = item->mtime};
    snprintf(trouble->name, sizeof trouble->name, "%s", item->name);
    return true;
}

static void add_troubles(struct overview *o, struct spool *spool)
{
    static const enum spool_dir dirs[] = {DIR_FAILED, DIR_BAD, DIR_HELD};
    for (size_t i = 0; i < sizeof dirs / sizeof *dirs; i++) {
        struct search search = {.overview = o, .dir = dirs[i]};
        if (spool_has(spool, dirs[i]))
            spool_walk(spool, dirs[i], visit_trouble, &search);
    }
    for (size_t i = 0; i < o->troubles; i++)
        read_reason(spool, &o->trouble[i]);
}

/* ---- bookings ---- */

static void keep_booking(
    struct overview *o, const struct overlap *booking, struct overview_booking *kept)
{
    *kept = (struct overview_booking){.title = booking->title,
        .who = booking->who,
        .provider = arena_strdup(&o->arena, booking->provider),
        .start = booking->start,
        .end = booking->end};
    kept->title = booking->title ? arena_strdup(&o->arena, booking->title) : NULL;
    kept->who = booking->who ? arena_strdup(&o->arena, booking->who) : NULL;
}

static bool take_booking(void *context, const struct overlap *booking)
{
    struct overview *o = context;
    keep_booking(o, booking, &o->next[o->bookings++]);
    return o->bookings < OVERVIEW_BOOKINGS;
}

static bool take_pair(void *context, const struct ledger_conflict *conflict)
{
    struct overview *o = context;
    if (o->pairs == OVERVIEW_BOOKINGS) {
        o->more_pairs = true;
        return false;
    }
    keep_booking(o, &conflict->first, &o->pair[o->pairs].first);
    keep_booking(o, &conflict->second, &o->pair[o->pairs++].second);
    return true;
}

static void add_bookings(struct overview *o, const char *where)
{
    struct buf why = {0};
    struct ledger *ledger = where ? ledger_open_readonly(where, &why) : NULL;
    if (ledger && (!ledger_upcoming(ledger, o->now, OVERVIEW_BOOKINGS, take_booking, o) ||
                      !ledger_conflicts(ledger, o->now, take_pair, o)))
        buf_puts(&why, ledger_failure(ledger));
    if (why.len)
        o->ledger_trouble = arena_strdup(&o->arena, buf_text(&why));
    ledger_close(ledger);
    buf_free(&why);
    if (o->arena.failed) /* some texts are missing: rather nothing than half of it */
        o->bookings = o->pairs = 0;
}

/* ---- all of it ---- */

void overview_gather(struct overview *o, const struct conf *conf, struct spool *spool, int64_t now)
{
    const char *state = conf_text(conf, SET_STATE);
    o->now = now;
    o->state = HEALTH_PASS;
    zone_open(&o->zone, conf_text(conf, SET_TIMEZONE));
    add_health(o);
    if (state)
        add_history(o, state);
    add_troubles(o, spool);
    add_bookings(o, conf_text(conf, SET_LEDGER));
}

void overview_free(struct overview *o)
{
    zone_close(&o->zone);
    arena_free(&o->arena);
}

double overview_success(const struct overview_span *span)
{
    uint64_t all = span->sent + span->given_up;
    return all ? 100.0 * (double)span->sent / (double)all : -1;
}

const int64_t *overview_mailed_bounds(void)
{
    for (size_t i = 0; i < counter_rows; i++)
        if (counter_table[i].first == COUNT_MAILED_TIME)
            return counter_bounds(&counter_table[i]);
    return NULL;
}

int64_t overview_mailed_within(const struct overview *o, int percent)
{
    uint64_t all = 0, sum = 0;
    for (size_t i = 0; i <= HISTOGRAM_BOUNDS; i++)
        all += o->mailed[i];
    if (!all)
        return -1;
    const int64_t *bounds = overview_mailed_bounds();
    for (size_t i = 0; i < HISTOGRAM_BOUNDS; i++) {
        sum += o->mailed[i];
        if (sum * 100 >= all * (uint64_t)percent)
            return bounds[i];
    }
    return INT64_MAX;
}

const char *overview_kind_name(enum overview_kind kind)
{
    static const char *const names[] = {"new", "moved", "cancelled", "other"};
    return names[kind];
}

uint64_t overview_events(const struct overview_span *span)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < KIND_GROUPS; i++)
        sum += span->events[i];
    return sum;
}
