#include "mail/schedule.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/address.h"

#define SEPARATORS " \t,"

enum { WEEK = 7 };

static bool parse_time(const char *text, int *minutes)
{
    static const char digits[] = "0123456789";
    size_t hour = strspn(text, digits);
    if (hour < 1 || hour > 2 || text[hour] != ':' || strspn(text + hour + 1, digits) != 2 ||
        text[hour + 3])
        return false;
    int hours = atoi(text), rest = atoi(text + hour + 1);
    *minutes = hours * 60 + rest;
    return hours < 24 && rest < 60;
}

/* From 1, Monday; 0: it is no day. */
static int parse_weekday(const char *text, size_t len)
{
    static const char names[] = "MonTueWedThuFriSatSun";
    for (int i = 0; len == 3 && i < WEEK; i++)
        if (strncasecmp(text, names + (size_t)i * 3, 3) == 0)
            return i + 1;
    return 0;
}

/* "Mon" or "Fri-Mon" */
static bool parse_days(const char *text, struct schedule *schedule)
{
    size_t len = strcspn(text, "-");
    int first = parse_weekday(text, len);
    int last = text[len] ? parse_weekday(text + len + 1, strlen(text + len + 1)) : first;
    if (!first || !last)
        return false;
    for (int day = first;; day = day % WEEK + 1) {
        schedule->days[day] = true;
        if (day == last)
            return true;
    }
}

static bool add_reader(struct schedule *schedule, const char *address)
{
    for (size_t i = 0; i < schedule->reader_count; i++)
        if (strcasecmp(schedule->readers[i], address) == 0)
            return true;
    char **grown =
        reallocarray(schedule->readers, schedule->reader_count + 1, sizeof *schedule->readers);
    if (!grown)
        return false;
    schedule->readers = grown;
    grown[schedule->reader_count] = strdup(address);
    return grown[schedule->reader_count++] != NULL;
}

static bool add_owners(struct schedule *schedule, const char *owners)
{
    char *copy = strdup(owners), *rest;
    bool ok = copy != NULL;
    for (char *one = ok ? strtok_r(copy, SEPARATORS, &rest) : NULL; ok && one;
         one = strtok_r(NULL, SEPARATORS, &rest))
        ok = add_reader(schedule, one);
    free(copy);
    return ok;
}

static bool parse_word(struct schedule *schedule, const struct conf *conf, const char *word,
    const char *owners, struct buf *why)
{
    if (strcmp(word, "tomorrow") == 0)
        schedule->tomorrow = true;
    else if (strcmp(word, "always") == 0)
        schedule->always = true;
    else if (strcmp(word, "organizer") == 0)
        schedule->organizers = true;
    else if (strcmp(word, "owner") == 0)
        return add_owners(schedule, owners);
    else if (address_valid(word))
        return add_reader(schedule, word);
    else if (!parse_days(word, schedule)) {
        conf_fault(conf, SET_AGENDA, why,
            "\"%s\": expected days such as Mon-Fri, tomorrow, always, owner, organizer, or an "
            "address, after the time",
            word);
        return false;
    }
    return true;
}

bool schedule_open(
    struct schedule *schedule, const struct conf *conf, const char *fallback, struct buf *why)
{
    const char *value = conf_text(conf, SET_AGENDA), *owners = conf_text(conf, SET_MAIL_TO);
    char *copy = strdup(value ? value : ""), *rest = NULL;
    *schedule = (struct schedule){.on = value != NULL};
    owners = owners ? owners : fallback;
    bool ok = copy != NULL, any_day = false;
    char *word = ok ? strtok_r(copy, SEPARATORS, &rest) : NULL;
    if (ok && value && (!word || !parse_time(word, &schedule->minutes))) {
        conf_fault(conf, SET_AGENDA, why,
            "\"%s\": expected a time of day first, as in \"07:00\" or \"07:00 Mon-Fri owner\"",
            word ? word : "");
        ok = false;
    }
    while (ok && word && (word = strtok_r(NULL, SEPARATORS, &rest)))
        ok = parse_word(schedule, conf, word, owners, why);
    for (int day = 1; day <= WEEK; day++)
        any_day |= schedule->days[day];
    for (int day = 1; day <= WEEK && !any_day; day++)
        schedule->days[day] = true;
    if (ok && value && !schedule->reader_count && !schedule->organizers)
        ok = add_owners(schedule, owners);
    if (!ok && !why->len)
        buf_puts(why, "out of memory");
    free(copy);
    return ok;
}

void schedule_free(struct schedule *schedule)
{
    for (size_t i = 0; i < schedule->reader_count; i++)
        free(schedule->readers[i]);
    free(schedule->readers);
    *schedule = (struct schedule){0};
}

/* The last day before `day` on which it is mailed. */
static day_number day_before(const struct schedule *schedule, day_number day)
{
    do
        day--;
    while (!schedule->days[day_weekday(day)]);
    return day;
}

bool schedule_latest(
    const struct schedule *schedule, const struct zone *zone, int64_t now, struct mailing *mailing)
{
    day_number today;
    if (!schedule->on || !day_of(zone, now, &today))
        return false;
    day_number day = day_before(schedule, today + 1);
    if (day_instant(zone, day, schedule->minutes) > now)
        day = day_before(schedule, day);
    *mailing = (struct mailing){.due = day_instant(zone, day, schedule->minutes),
        .before = day_instant(zone, day_before(schedule, day), schedule->minutes),
        .day = day + schedule->tomorrow};
    return true;
}
