#include "report/alarm.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"

static const char *const changes[] = {"raised", "worse", "lasts", "cleared"};

const char *alarm_change_name(enum alarm_change change)
{
    return changes[change];
}

/* ---- alarms ---- */

static void name_of(const struct health_check *check, char name[ALARM_NAME])
{
    bool own = check->provider != PROVIDERS;
    snprintf(name, ALARM_NAME, "%s%s%s", check->name, own ? ":" : "",
        own ? provider_name(check->provider) : "");
}

static struct alarm *find_alarm(struct alarm_book *book, const char *name)
{
    for (size_t i = 0; i < book->alarm_count; i++)
        if (strcmp(book->alarm[i].name, name) == 0)
            return &book->alarm[i];
    return NULL;
}

/* Checks of which the alarm would have to go by the mail that it is about. */
static bool concerns_mail(const char *name)
{
    static const char *const parts[] = {"transport:", "mail:", "out:", "failed:", "drain:"};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        if (strncmp(name, parts[i], strlen(parts[i])) == 0)
            return true;
    return false;
}

static bool set_report_id(struct alarm_report *report)
{
    char at[24];
    snprintf(at, sizeof at, "%" PRId64, report->at);
    return id_make_alarm(
        (const char *const[]){report->name, changes[report->change], at}, 3, report->id);
}

struct entry {
    struct alarm_book *book;
    const struct alarm_targets *targets;
    bool mail_alone;
    int64_t now;
    size_t dropped;
};

static void add_reports(struct entry *entry, const struct alarm *alarm, enum alarm_change change,
    const char *text, const char *advice)
{
    for (size_t i = 0; i < entry->targets->count; i++) {
        const struct alarm_target *target = &entry->targets->item[i];
        if (target->kind == ALARM_BY_MAIL && entry->mail_alone && concerns_mail(alarm->name))
            continue;
        if (entry->book->report_count == ALARM_REPORTS_MAX) {
            alarm_done(entry->book, 0);
            entry->dropped++;
        }
        struct alarm_report *report = &entry->book->report[entry->book->report_count];
        *report = (struct alarm_report){
            .change = change, .state = alarm->state, .since = alarm->since, .at = entry->now};
        snprintf(report->target, sizeof report->target, "%s", target->name);
        snprintf(report->name, sizeof report->name, "%s", alarm->name);
        snprintf(report->text, sizeof report->text, "%s", text);
        snprintf(report->advice, sizeof report->advice, "%s", advice ? advice : "");
        if (set_report_id(report))
            entry->book->report_count++;
    }
}

/* The check does not pass. */
static void enter_fault(struct entry *entry, struct alarm *alarm, const struct health_check *check)
{
    bool raised = alarm->reported == TIME_NONE;
    alarm->state = check->state;
    alarm->passed = TIME_NONE;
    if (alarm->reported > entry->now) /* the clock was set back: the day begins anew */
        alarm->reported = entry->now;
    if (!raised && check->state <= alarm->worst && entry->now - alarm->reported < ALARM_REMINDER)
        return;
    enum alarm_change change = raised                        ? ALARM_RAISED
                               : check->state > alarm->worst ? ALARM_WORSE
                                                             : ALARM_LASTS;
    if (check->state > alarm->worst)
        alarm->worst = check->state;
    alarm->reported = entry->now;
    add_reports(entry, alarm, change, check->text, check->advice);
}

/* True: the alarm is over. `text` is what the check says now. */
static bool enter_pass(struct entry *entry, struct alarm *alarm, const char *text)
{
    alarm->state = HEALTH_PASS;
    if (alarm->passed == TIME_NONE || alarm->passed > entry->now)
        alarm->passed = entry->now;
    if (entry->now - alarm->passed < ALARM_CALM)
        return false;
    add_reports(entry, alarm, ALARM_CLEARED, text, NULL);
    return true;
}

static const struct health_check *find_check(const struct health *health, const char *name)
{
    char other[ALARM_NAME];
    for (size_t i = 0; i < health->count; i++) {
        name_of(&health->check[i], other);
        if (strcmp(name, other) == 0)
            return &health->check[i];
    }
    return NULL;
}

static void drop_old_reports(struct entry *entry)
{
    struct alarm_book *book = entry->book;
    for (size_t i = book->report_count; i-- > 0;)
        if (entry->now - book->report[i].at > ALARM_DROP) {
            alarm_done(book, i);
            entry->dropped++;
        }
}

size_t alarm_enter(struct alarm_book *book, const struct health *health,
    const struct alarm_targets *targets, bool mail_alone, int64_t now)
{
    struct entry entry = {book, targets, mail_alone, now, 0};
    drop_old_reports(&entry);
    for (size_t i = 0; i < health->count; i++) {
        const struct health_check *check = &health->check[i];
        char name[ALARM_NAME];
        name_of(check, name);
        struct alarm *alarm = find_alarm(book, name);
        if (check->state == HEALTH_PASS || (!alarm && book->alarm_count == ALARMS_MAX))
            continue;
        if (!alarm) {
            alarm = &book->alarm[book->alarm_count++];
            *alarm = (struct alarm){.since = now, .reported = TIME_NONE, .passed = TIME_NONE};
            snprintf(alarm->name, sizeof alarm->name, "%s", name);
        }
        enter_fault(&entry, alarm, check);
    }
    for (size_t i = book->alarm_count; i-- > 0;) {
        struct alarm *alarm = &book->alarm[i];
        const struct health_check *check = find_check(health, alarm->name);
        if ((!check || check->state == HEALTH_PASS) &&
            enter_pass(&entry, alarm, check ? check->text : "it is not checked any more"))
            *alarm = book->alarm[--book->alarm_count];
    }
    return entry.dropped;
}

void alarm_done(struct alarm_book *book, size_t which)
{
    book->report_count--;
    memmove(&book->report[which], &book->report[which + 1],
        (book->report_count - which) * sizeof *book->report);
}

/* ---- the book as JSON ---- */

static void copy_text(const cJSON *object, const char *name, char *out, size_t size)
{
    const char *text = json_text(object, name);
    snprintf(out, size, "%s", text ? text : "");
}

static int64_t read_time(const cJSON *object, const char *name)
{
    int64_t when;
    const char *text = json_text(object, name);
    return text && time_parse(text, &when) ? when : TIME_NONE;
}

static void put_time(cJSON *object, const char *name, int64_t when)
{
    char text[TIME_TEXT];
    if (when == TIME_NONE)
        return;
    time_format_ms(when, text);
    cJSON_AddStringToObject(object, name, text);
}

static enum health_state read_state(const cJSON *object, const char *name)
{
    const char *text = json_text(object, name);
    for (enum health_state state = HEALTH_WARN; text && state <= HEALTH_FAIL; state++)
        if (strcmp(text, health_state_name(state)) == 0)
            return state;
    return HEALTH_PASS;
}

static void read_report(struct alarm_book *book, const cJSON *item)
{
    struct alarm_report *report = &book->report[book->report_count];
    const char *change = json_text(item, "change");
    *report = (struct alarm_report){.state = read_state(item, "state"),
        .since = read_time(item, "since"),
        .at = read_time(item, "at")};
    copy_text(item, "target", report->target, sizeof report->target);
    copy_text(item, "name", report->name, sizeof report->name);
    copy_text(item, "text", report->text, sizeof report->text);
    copy_text(item, "advice", report->advice, sizeof report->advice);
    for (enum alarm_change c = ALARM_RAISED; change && c <= ALARM_CLEARED; c++)
        if (strcmp(change, changes[c]) == 0) {
            report->change = c;
            if (report->at != TIME_NONE && report->since != TIME_NONE && set_report_id(report))
                book->report_count++;
            return;
        }
}

void alarm_book_read(struct alarm_book *book, const cJSON *object)
{
    const cJSON *item;
    *book = (struct alarm_book){0};
    cJSON_ArrayForEach (item, json_get(object, "alarms")) {
        struct alarm *alarm = &book->alarm[book->alarm_count];
        if (book->alarm_count == ALARMS_MAX)
            break;
        *alarm = (struct alarm){.state = read_state(item, "state"),
            .worst = read_state(item, "worst"),
            .since = read_time(item, "since"),
            .reported = read_time(item, "reported"),
            .passed = read_time(item, "passed")};
        copy_text(item, "name", alarm->name, sizeof alarm->name);
        book->alarm_count += *alarm->name && alarm->since != TIME_NONE;
    }
    cJSON_ArrayForEach (item, json_get(object, "reports")) {
        if (book->report_count == ALARM_REPORTS_MAX)
            break;
        read_report(book, item);
    }
}

void alarm_book_write(const struct alarm_book *book, cJSON *object)
{
    cJSON *alarms = cJSON_AddArrayToObject(object, "alarms");
    cJSON *reports = cJSON_AddArrayToObject(object, "reports");
    for (size_t i = 0; i < book->alarm_count; i++) {
        const struct alarm *alarm = &book->alarm[i];
        cJSON *item = cJSON_CreateObject();
        cJSON_AddStringToObject(item, "name", alarm->name);
        cJSON_AddStringToObject(item, "state", health_state_name(alarm->state));
        cJSON_AddStringToObject(item, "worst", health_state_name(alarm->worst));
        put_time(item, "since", alarm->since);
        put_time(item, "reported", alarm->reported);
        put_time(item, "passed", alarm->passed);
        json_list_add(alarms, item);
    }
    for (size_t i = 0; i < book->report_count; i++) {
        const struct alarm_report *report = &book->report[i];
        cJSON *item = cJSON_CreateObject();
        cJSON_AddStringToObject(item, "target", report->target);
        cJSON_AddStringToObject(item, "change", changes[report->change]);
        cJSON_AddStringToObject(item, "name", report->name);
        cJSON_AddStringToObject(item, "state", health_state_name(report->state));
        put_time(item, "since", report->since);
        put_time(item, "at", report->at);
        cJSON_AddStringToObject(item, "text", report->text);
        cJSON_AddStringToObject(item, "advice", report->advice);
        json_list_add(reports, item);
    }
}
