#include "drain/report.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/clock.h"
#include "base/counters.h"
#include "base/hex.h"
#include "base/incident.h"
#include "base/io.h"
#include "base/json.h"
#include "base/log.h"
#include "deliver/transport.h"
#include "drain/compose.h"
#include "drain/report_mail.h"
#include "health/health.h"
#include "http/http.h"
#include "report/alarm.h"
#include "report/dogstatsd.h"
#include "report/ping.h"
#include "report/sentry.h"
#include "spool/owner.h"

/* How often a run that succeeds is reported, while --watch makes one after the other. */
#define REPORT_EVERY  (INT64_C(60) * MS_PER_SECOND)
#define DATADOG_EVERY (INT64_C(10) * MS_PER_SECOND) /* as often as an agent passes values on */
enum { MONITOR_MINUTES = 5, STATE_MAX = 1 << 20 };

/* All requests of one run together, however many there are; each target of alarms has its share. */
#define ALARMS_TIME (INT64_C(15) * MS_PER_SECOND)
#define ERRORS_TIME (INT64_C(10) * MS_PER_SECOND)
/* A service that did not answer is not asked again by passes that follow at once. */
#define SILENT_PAUSE (INT64_C(60) * MS_PER_SECOND)
/* How often alarms are sent that cannot be remembered. */
#define UNSAVED_EVERY (INT64_C(3600) * MS_PER_SECOND)

struct report {
    const struct conf *conf;
    struct alarm_targets targets;
    struct health_limits limits;
    struct sentry_dsn dsn;
    bool has_sentry, mail_alone;
    struct dogstatsd dogstatsd;
    int64_t datadog_next; /* monotonic */
    char path[PATH_MAX];  /* of the state */
    /* the state */
    struct alarm_book book;
    struct sentry_limits sentry;
    int64_t sentry_pause;       /* Sentry could not be reached: until then */
    int64_t pinged, checked_in; /* when it was last done */
    bool pinged_good;
    bool unsaved; /* it could not be written: what is in memory is newer than the file */
    /* until when a service that did not answer is left alone, monotonic; of this process only */
    int64_t silent_until[ALARM_TARGETS_MAX], ping_silent_until;
    /* of the present run */
    int64_t began;                 /* monotonic */
    char check_in[SENTRY_ID_SIZE]; /* "": none was begun */
};

/* ---- settings ---- */

static bool read_settings(struct report *report, struct buf *faults)
{
    const struct conf *conf = report->conf;
    const char *dsn = conf_text(conf, SET_SENTRY_DSN), *why;
    bool ok = alarm_targets_read(conf, &report->targets, faults);
    ok = health_limits_read(conf, &report->limits, faults) && ok;
    ok = dogstatsd_open(&report->dogstatsd, conf, faults) && ok;
    report->has_sentry = dsn != NULL;
    if (dsn && !sentry_dsn_parse(dsn, &report->dsn, &why)) {
        conf_fault(conf, SET_SENTRY_DSN, faults, "%s", why);
        ok = false;
    }
    report->mail_alone = !transport_has_second(conf);
    int len =
        snprintf(report->path, sizeof report->path, "%s/reports.json", conf_text(conf, SET_STATE));
    if (len >= (int)sizeof report->path) {
        conf_fault(conf, SET_STATE, faults, "the path is too long");
        ok = false;
    }
    return ok;
}

struct report *report_open(const struct conf *conf, struct buf *faults)
{
    struct report *report = calloc(1, sizeof *report);
    if (!report) {
        buf_puts(faults, "not enough memory\n");
        return NULL;
    }
    report->conf = conf;
    if (read_settings(report, faults))
        return report;
    report_close(report);
    return NULL;
}

void report_close(struct report *report)
{
    if (report)
        dogstatsd_close(&report->dogstatsd);
    free(report);
}

/* ---- the state ---- */

static int64_t number_of(const cJSON *object, const char *name)
{
    const cJSON *number = json_get(object, name);
    bool fits = cJSON_IsNumber(number) && number->valuedouble >= 0 && number->valuedouble < 1e15;
    return fits ? (int64_t)number->valuedouble : 0;
}

/* A clock that was ahead must not keep anything quiet for longer than a day. */
static int64_t limit_of(const cJSON *object, const char *name, int64_t now)
{
    int64_t until = number_of(object, name);
    return until > now + MS_PER_DAY ? now + MS_PER_DAY : until;
}

static void load_state(struct report *report, int64_t now)
{
    struct buf text = {0};
    if (report->unsaved)
        return;
    io_read_file(AT_FDCWD, report->path, &text, STATE_MAX, NULL);
    cJSON *root = json_parse(text.data, text.len);
    alarm_book_read(&report->book, root);
    report->sentry.errors = limit_of(root, "sentry_errors_until", now);
    report->sentry.monitors = limit_of(root, "sentry_monitors_until", now);
    report->sentry_pause = limit_of(root, "sentry_pause_until", now);
    report->pinged = number_of(root, "pinged_at");
    report->checked_in = number_of(root, "checked_in_at");
    report->pinged_good = json_true(root, "pinged_good");
    cJSON_Delete(root);
    buf_free(&text);
}

static bool save_state(struct report *report)
{
    cJSON *root = cJSON_CreateObject();
    alarm_book_write(&report->book, root);
    cJSON_AddNumberToObject(root, "sentry_errors_until", (double)report->sentry.errors);
    cJSON_AddNumberToObject(root, "sentry_monitors_until", (double)report->sentry.monitors);
    cJSON_AddNumberToObject(root, "sentry_pause_until", (double)report->sentry_pause);
    cJSON_AddNumberToObject(root, "pinged_at", (double)report->pinged);
    cJSON_AddNumberToObject(root, "checked_in_at", (double)report->checked_in);
    cJSON_AddBoolToObject(root, "pinged_good", report->pinged_good);
    char *text = cJSON_Print(root);
    report->unsaved = !text || !io_replace_file(report->path, text, strlen(text), 0660);
    if (report->unsaved)
        log_warn(NULL, "state-not-written", "%s: %s%s; alarms are sent once an hour at most",
            report->path, text ? strerror(errno) : "not enough memory",
            text ? owner_hint(errno) : "");
    cJSON_free(text);
    cJSON_Delete(root);
    return !report->unsaved;
}

/* ---- requests ---- */

/*
 * True when an answer came. Errors of the network are logged with the service's word, not with its
 * URL, which is a secret of many services.
 */
static bool ask(const struct report *report, const char *service, const char *url,
    const char *const *headers, const struct buf *body, int64_t most, struct http_answer *answer)
{
    int64_t timeout = most < REPORT_TIMEOUT ? most : REPORT_TIMEOUT;
    const struct http_options options = {
        .ca = conf_text(report->conf, SET_TLS_CA), .connect_ms = timeout, .total_ms = timeout};
    const struct http_request request = {.url = url,
        .headers = headers,
        .body = body ? body->data : NULL,
        .len = body ? body->len : 0};
    struct http_client *client = http_open(&options);
    *answer = (struct http_answer){0};
    bool ok =
        client && (body ? http_post(client, &request, answer) : http_get(client, &request, answer));
    if (!ok)
        log_warn(NULL, "report-failed", "%s: %s", service,
            client ? answer->error : "libcurl cannot be set up");
    http_close(client);
    return ok;
}

/* ---- alarms ---- */

static const struct alarm_target *target_of(
    const struct report *report, const struct alarm_report *alarm)
{
    for (size_t i = 0; i < report->targets.count; i++)
        if (strcmp(report->targets.item[i].name, alarm->target) == 0)
            return &report->targets.item[i];
    return NULL;
}

/* True: the report is done with, because it arrived, or because it never can. */
static bool post_alarm(const struct report *report, const struct alarm_report *alarm,
    const struct alarm_target *target, int64_t most)
{
    static const char *const headers[] = {"Content-Type: application/json", NULL};
    struct http_answer answer = {0};
    struct buf body = {0};
    bool reached = alarm_json(alarm, target, &body) &&
                   ask(report, "BOOKSPOOL_ALARM", target->text, headers, &body, most, &answer);
    long status = answer.status;
    bool ok = reached && status >= 200 && status < 300;
    bool refused = reached && status >= 300 && status < 500 && status != 408 && status != 429;
    if (refused)
        log_error(NULL, "alarm-refused",
            "a target of BOOKSPOOL_ALARM answered %ld to %s %s; it is not asked again", status,
            alarm->name, alarm_change_name(alarm->change));
    http_answer_free(&answer);
    buf_free(&body);
    return ok || refused;
}

/* Targets that hang or are slow take nothing of the time of the others. */
static void post_alarms(struct report *report)
{
    int64_t left[ALARM_TARGETS_MAX], start = clock_monotonic();
    for (size_t i = 0; i < report->targets.count; i++)
        left[i] =
            start < report->silent_until[i] ? 0 : ALARMS_TIME / (int64_t)report->targets.count;
    for (size_t i = 0; i < report->book.report_count && !run_stopping();) {
        const struct alarm_report *alarm = &report->book.report[i];
        const struct alarm_target *target = target_of(report, alarm);
        bool done = !target; /* the setting does not name it any more */
        if (target && target->kind != ALARM_BY_MAIL) {
            size_t which = (size_t)(target - report->targets.item);
            start = clock_monotonic();
            done = left[which] > 0 && post_alarm(report, alarm, target, left[which]);
            if (left[which] > 0 && !done) {
                left[which] = 0;
                report->silent_until[which] = clock_monotonic() + SILENT_PAUSE;
            }
            left[which] -= clock_monotonic() - start;
        }
        if (done)
            alarm_done(&report->book, i);
        else
            i++;
    }
}

static void log_changes(const struct report *report, int64_t now)
{
    const char *logged = "";
    for (size_t i = 0; i < report->book.report_count; i++) {
        const struct alarm_report *alarm = &report->book.report[i];
        if (alarm->at != now || strcmp(logged, alarm->name) == 0)
            continue;
        log_warn(NULL, "alarm", "%s %s (%s)", alarm->name, alarm_change_name(alarm->change),
            health_state_name(alarm->state));
        logged = alarm->name;
    }
}

/*
 * A run that cannot remember what it sent would send it again with each run: once a minute, or, as
 * the mail of an alarm wakes a watch, without end. The counters can still be written on a full
 * disk.
 */
static bool may_send_unsaved(const struct run *run, int64_t now)
{
    int64_t last = counter_get_signed(COUNT_ALARMS_UNSAVED_AT);
    if (!(run->watching || counters_are_kept()) || (last && llabs(now - last) < UNSAVED_EVERY))
        return false;
    counter_set(COUNT_ALARMS_UNSAVED_AT, now);
    return true;
}

/* The reports are on the disk before the first is sent, so that each keeps its id. */
static void raise_alarms(
    struct report *report, struct run *run, const struct health *health, int64_t now)
{
    size_t dropped = alarm_enter(&report->book, health, &report->targets, report->mail_alone, now);
    if (dropped)
        log_error(NULL, "alarms-dropped", "%zu could not be delivered for a day", dropped);
    if (!save_state(report) && !may_send_unsaved(run, now))
        return;
    log_changes(report, now);
    report_mail_alarms(run, &report->book);
    post_alarms(report);
}

static void report_health(struct report *report, struct run *run, int64_t now)
{
    bool alarms = report->targets.count > 0;
    bool datadog = report->dogstatsd.wanted && clock_monotonic() >= report->datadog_next;
    if (!alarms && !datadog)
        return;
    struct health_facts *facts = malloc(sizeof *facts);
    struct health *health = malloc(sizeof *health);
    if (facts && health) {
        health_gather(&report->limits, &run->spool, true, now, facts);
        health_check_all(facts, health);
        if (datadog) {
            report->datadog_next = clock_monotonic() + DATADOG_EVERY;
            dogstatsd_report(&report->dogstatsd, facts, health);
        }
        if (alarms)
            raise_alarms(report, run, health, now);
    }
    free(health);
    free(facts);
}

/* ---- Sentry ---- */

static bool make_id(char id[SENTRY_ID_SIZE])
{
    unsigned char bytes[16];
    if (getrandom(bytes, sizeof bytes, 0) != (ssize_t)sizeof bytes)
        return false;
    hex_encode(bytes, sizeof bytes, id);
    return true;
}

/* True when Sentry has it, or has refused it. */
static bool send_envelope(
    struct report *report, const struct buf *envelope, int64_t most, int64_t now)
{
    char auth[512], limits[512], after[64];
    struct http_answer answer;
    snprintf(auth, sizeof auth,
        "X-Sentry-Auth: Sentry sentry_version=7, sentry_key=%s, sentry_client=bookspool/1",
        report->dsn.key);
    const char *const headers[] = {auth, "Content-Type: application/x-sentry-envelope", NULL};
    bool ok = ask(report, "SENTRY_DSN", report->dsn.url, headers, envelope, most, &answer);
    if (ok) {
        http_answer_header(&answer, "X-Sentry-Rate-Limits", limits, sizeof limits);
        http_answer_header(&answer, "Retry-After", after, sizeof after);
        sentry_read_limits(&report->sentry, answer.status, limits, after, now);
        if (answer.status >= 400 && answer.status != 429)
            log_warn(NULL, "report-failed", "SENTRY_DSN: status %ld", answer.status);
    } else
        report->sentry_pause = now + REPORT_PAUSE;
    http_answer_free(&answer);
    return ok;
}

static bool sentry_wanted(const struct report *report, int64_t limit, int64_t now)
{
    return report->has_sentry && now >= limit && now >= report->sentry_pause;
}

static struct sentry_source source_of(const struct report *report, int64_t now)
{
    return (struct sentry_source){conf_text(report->conf, SET_SENTRY_ENVIRONMENT), now};
}

static void check_in(struct report *report, enum sentry_check_in status, int64_t now)
{
    const struct sentry_monitor monitor = {
        MONITOR_MINUTES, conf_number(report->conf, SET_RUN_LIMIT) / (60 * MS_PER_SECOND) + 1};
    const struct sentry_source source = source_of(report, now);
    struct buf envelope = {0};
    if (sentry_check_in(&source, report->check_in, status, clock_monotonic() - report->began,
            &monitor, &envelope))
        send_envelope(report, &envelope, REPORT_TIMEOUT, now);
    buf_free(&envelope);
}

/* One event a cause: lines of one program, reason and cause are added up. */
enum { CAUSES_MAX = 32 };

static size_t add_up(struct buf *lines, struct incident causes[CAUSES_MAX])
{
    const char *at = buf_text(lines);
    struct incident one;
    size_t count = 0, i;
    while (incident_next(&at, &one)) {
        for (i = 0; i < count; i++)
            if (strcmp(causes[i].program, one.program) == 0 &&
                strcmp(causes[i].reason, one.reason) == 0 &&
                strcmp(causes[i].cause, one.cause) == 0)
                break;
        if (i < count)
            causes[i].count += one.count;
        else if (count < CAUSES_MAX)
            causes[count++] = one;
    }
    return count;
}

/* During a limit events are dropped, as Sentry asks for; while it cannot be reached they wait. */
static void send_errors(struct report *report, int64_t now)
{
    const char *state = conf_text(report->conf, SET_STATE);
    const struct sentry_source source = source_of(report, now);
    struct incident causes[CAUSES_MAX];
    struct buf lines = {0};
    bool ok = true;
    if (!report->has_sentry || now < report->sentry_pause || !incident_take(state, &lines)) {
        buf_free(&lines);
        return;
    }
    size_t count = add_up(&lines, causes);
    int64_t end = clock_monotonic() + ERRORS_TIME, left = ERRORS_TIME;
    for (size_t i = 0; i < count && ok && sentry_wanted(report, report->sentry.errors, now); i++) {
        struct buf envelope = {0};
        char id[SENTRY_ID_SIZE];
        if (make_id(id) && sentry_event(&source, id, &causes[i], &envelope))
            ok = left > 0 && !run_stopping() && send_envelope(report, &envelope, left, now);
        left = end - clock_monotonic();
        buf_free(&envelope);
    }
    if (ok)
        incident_taken(state);
    buf_free(&lines);
}

/* ---- the ping ---- */

static void send_ping(struct report *report, bool good, int64_t now)
{
    static const char *const headers[] = {NULL};
    const char *setting = conf_text(report->conf, SET_PING_URL);
    bool often = good && report->pinged_good && now >= report->pinged &&
                 now - report->pinged < REPORT_EVERY / 2;
    if (!setting || often || clock_monotonic() < report->ping_silent_until)
        return;
    struct http_answer answer;
    struct buf url = {0};
    ping_url(setting, good, &url);
    if (ask(report, "BOOKSPOOL_PING_URL", buf_text(&url), headers, NULL, REPORT_TIMEOUT, &answer)) {
        if (answer.status < 200 || answer.status >= 300)
            log_warn(NULL, "report-failed", "BOOKSPOOL_PING_URL: status %ld", answer.status);
        report->pinged = now;
        report->pinged_good = good;
    } else
        report->ping_silent_until = clock_monotonic() + SILENT_PAUSE;
    http_answer_free(&answer);
    buf_free(&url);
}

/* ---- the order ---- */

/* Is there anything to know between runs? */
static bool has_state(const struct report *report)
{
    return report->targets.count || report->has_sentry || conf_text(report->conf, SET_PING_URL);
}

void report_begin(struct report *report)
{
    int64_t now = clock_now();
    report->began = clock_monotonic();
    *report->check_in = '\0';
    if (has_state(report))
        load_state(report, now);
    bool often = now >= report->checked_in && now - report->checked_in < REPORT_EVERY;
    if (often || !sentry_wanted(report, report->sentry.monitors, now) || !make_id(report->check_in))
        return;
    check_in(report, SENTRY_IN_PROGRESS, now);
    report->checked_in = now;
}

void report_end(struct report *report, struct run *run, enum run_result result)
{
    int64_t now = clock_now();
    bool good = result == RUN_GOES_ON;
    report_health(report, run, now);
    send_errors(report, now);
    if (*report->check_in && sentry_wanted(report, report->sentry.monitors, now))
        check_in(report, good ? SENTRY_OK : SENTRY_ERROR, now);
    send_ping(report, good, now);
    if (has_state(report))
        save_state(report);
}
