#include "health/facts.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

/* ---- limits ---- */

#define SILENCE_MIN (INT64_C(60) * MS_PER_SECOND)
#define SILENCE_MAX (365 * MS_PER_DAY)

/* One item of the list: DURATION for all providers, or PROVIDER=DURATION. */
static bool read_silence(char *item, int64_t silence[PROVIDERS])
{
    char *equals = strchr(item, '=');
    enum provider provider = PROVIDERS;
    int64_t value;
    if (equals)
        *equals = '\0';
    if (equals && !provider_parse(item, &provider))
        return false;
    if (!conf_duration(equals ? equals + 1 : item, &value) || value < SILENCE_MIN ||
        value > SILENCE_MAX)
        return false;
    for (enum provider p = 0; p < PROVIDERS; p++)
        if (provider == PROVIDERS || p == provider)
            silence[p] = value;
    return true;
}

bool health_limits_read(const struct conf *conf, struct health_limits *limits, struct buf *why)
{
    *limits = (struct health_limits){.secrets_known = conf->program != CONF_DRAIN,
        .stale = conf_number(conf, SET_STALE),
        .key_age = conf_number(conf, SET_KEY_AGE),
        .token_checks = conf_number(conf, SET_CALENDLY_ROTATION_MONITORING) != 0,
        .token_interval = conf_number(conf, SET_CALENDLY_ROTATION_INTERVAL),
        .reserve_bytes = conf_number(conf, SET_RESERVE),
        .reserve_inodes = conf->value[SET_RESERVE].second};
    limits->grace = limits->stale / 2;
    for (enum provider p = 0; p < PROVIDERS; p++) {
        const struct provider_row *row = provider_table[p];
        limits->window[p] = conf_number(conf, row->window);
        for (int slot = 0; slot < PROVIDER_SECRETS && limits->secrets_known; slot++) {
            const char *secret = conf_text(conf, row->secret[slot]);
            limits->secret[p][slot] = secret && *secret;
        }
    }
    const char *text = conf_text(conf, SET_SILENCE);
    char *list = text ? strdup(text) : NULL, *rest = list, *item;
    bool ok = !text || list;
    while (ok && list && (item = conf_next_item(&rest)))
        ok = read_silence(item, limits->silence);
    free(list);
    if (!ok)
        conf_fault(conf, SET_SILENCE, why,
            "expected a duration from 1m to 365d, or one for each provider: 7d, or "
            "calcom=2d,calendly=7d");
    return ok;
}

/* ---- gathering ---- */

static const char *why_not_stored(struct health_facts *facts, struct spool *spool)
{
    const struct health_limits *limits = &facts->limits;
    const struct spool_space *space = &facts->space;
    if (!survey_writable(spool))
        return "spool-not-writable";
    facts->space_known = survey_space(spool, &facts->space);
    if (!facts->space_known)
        return "spool-failed";
    bool room = space->bytes >= limits->reserve_bytes &&
                (space->inodes < 0 || space->inodes >= limits->reserve_inodes);
    errno = space->read_only ? EROFS : ENOSPC;
    if (room && !space->read_only)
        return NULL;
    spool_failed(spool, "keep the reserve for", DIR_NEW, "");
    return space->read_only ? "spool-read-only" : "spool-full";
}

/* Reports show what is so now, not what the drain found at its last run. */
static void put_estimates(struct health_facts *facts)
{
    uint64_t *value = facts->counters.value;
    for (enum spool_dir dir = 0; dir < SPOOL_DIRS; dir++) {
        if (!survey_covers(dir))
            continue;
        size_t label = counter_label_value(LABEL_DIRECTORY, spool_dir_name(dir));
        int64_t oldest = facts->survey.oldest[dir];
        value[counter_at(COUNT_FILES, label, 0)] = (uint64_t)facts->survey.count[dir];
        value[counter_at(COUNT_OLDEST_AT, label, 0)] = oldest == TIME_NONE ? 0 : (uint64_t)oldest;
    }
    if (facts->space_known)
        value[COUNT_FREE_BYTES] = (uint64_t)facts->space.bytes;
    value[COUNT_RESERVE_BYTES] = (uint64_t)facts->limits.reserve_bytes;
}

void health_gather(const struct health_limits *limits, struct spool *spool, bool counted,
    int64_t now, struct health_facts *facts)
{
    facts->now = now;
    facts->limits = *limits;
    facts->trouble[0] = '\0';
    facts->space_known = facts->drain_at_work = false;
    facts->counted = counted;
    counters_copy(&facts->counters);
    facts->storing = why_not_stored(facts, spool);
    if (facts->storing)
        snprintf(
            facts->trouble, sizeof facts->trouble, "%s: %s", spool->step, strerrordesc_np(errno));
    survey_estimate(spool, &facts->counters, &facts->survey);
    put_estimates(facts);
}

int64_t health_time(const struct health_facts *facts, enum counter which)
{
    uint64_t value = facts->counters.value[which];
    return value ? (int64_t)value : TIME_NONE;
}

int64_t health_last_genuine(const struct health_facts *facts, enum provider provider)
{
    int64_t last = health_time(facts, counter_at(COUNT_ACCEPTED_AT, provider, 0));
    for (size_t slot = 0; slot < PROVIDER_SECRETS; slot++) {
        int64_t when = health_time(facts, counter_at(COUNT_SECRET_USED_AT, provider, slot));
        last = when > last ? when : last; /* TIME_NONE is the least */
    }
    return last;
}
