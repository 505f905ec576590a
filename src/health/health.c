#include "health/health.h"

#include "base/clock.h"
#include "base/rotation.h"
#include "health/check.h"

#define MINUTE (INT64_C(60) * MS_PER_SECOND)
#define HOUR   (60 * MINUTE)

/* Limits that no setting changes; half of a limit warns. */
#define MAIL_LATE     (2 * HOUR) /* a mail had eight attempts by then; warns, never fails */
#define STUCK_RECENT  (2 * HOUR) /* a mail older than a day is put off at least once an hour */
#define DEPTH_HIGH    1000       /* events in new/: more than a minute of any provider's retries */
#define FAILURES_HIGH 10         /* signature failures of a provider in an hour or two */

static const char ask_for_drain[] = "is bookspool-drain run by cron or a timer?";

/* ---- accepting ---- */

static void check_secrets(const struct health_facts *facts, struct health *health)
{
    bool any = false;
    for (enum provider p = 0; p < PROVIDERS; p++)
        any = any || facts->limits.secret[p][0] || facts->limits.secret[p][1];
    for (enum provider p = 0; p < PROVIDERS && facts->limits.secrets_known; p++) {
        struct health_check *check = add(health, "secret:set");
        bool set_one = facts->limits.secret[p][0] || facts->limits.secret[p][1];
        check->provider = p;
        check->accepting = true;
        check->own = any;
        say(check, "%s: %s", provider_name(p), set_one ? "a secret is set" : "no secret is set");
        set(check, set_one ? HEALTH_PASS : HEALTH_FAIL, "no-secret",
            "its webhooks are answered 503 until receive.env has the secret");
    }
}

static void check_storing(const struct health_facts *facts, struct health *health)
{
    const struct health_limits *limits = &facts->limits;
    const struct spool_space *space = &facts->space;
    struct health_check *check = add(health, "spool:room");
    check->accepting = true;
    if (facts->space_known)
        count(check, space->bytes, "bytes");
    if (facts->storing) {
        say(check, "no event can be stored: %s", facts->trouble);
        set(check, HEALTH_FAIL, facts->storing,
            "bookings are answered 503 until this is fixed; bookspool check says more");
        return;
    }
    bool low = facts->space_known &&
               (space->bytes < 2 * limits->reserve_bytes ||
                   (space->inodes >= 0 && space->inodes < 2 * limits->reserve_inodes));
    if (space->inodes >= 0)
        say(check, "%lld MiB and %lld inodes are free", (long long)(space->bytes >> 20),
            (long long)space->inodes);
    else
        say(check, "%lld MiB are free", (long long)(space->bytes >> 20));
    set(check, low ? HEALTH_WARN : HEALTH_PASS, "spool-filling",
        "below BOOKSPOOL_RESERVE no booking is accepted: free some space");
}

/* ---- the drain ---- */

static void check_activity(const struct health_facts *facts, struct health *health)
{
    struct health_check *check = add(health, "drain:activity");
    char age[TIME_TEXT];
    int64_t limit = facts->limits.stale, last = health_time(facts, COUNT_DRAIN_ACTIVE_AT),
            ended = health_time(facts, COUNT_DRAIN_LAST_AT);
    last = ended > last ? ended : last;
    if (last == TIME_NONE) {
        int64_t began = facts->counted ? health_time(facts, COUNT_SINCE) : TIME_NONE;
        int64_t waited = began == TIME_NONE ? 0 : facts->now - began;
        bool grace = began != TIME_NONE && waited <= facts->limits.grace;
        say(check, "no drain has run yet");
        set(check,
            waited > limit ? HEALTH_FAIL
            : grace        ? HEALTH_PASS
                           : HEALTH_WARN,
            "drain-stale", ask_for_drain);
        return;
    }
    check->since = last;
    count(check, (facts->now - last) / MS_PER_SECOND, "s");
    time_format_age(facts->now - last, age);
    if (by_limit(facts->now - last, limit) != HEALTH_PASS && last == ended)
        say(check, "no drain has ended well for %s", age);
    else if (facts->drain_at_work)
        say(check, "a drain is at work, and last went on %s ago", age);
    else
        say(check, "the drain last ran %s ago", age);
    set(check, by_limit(facts->now - last, limit), "drain-stale", ask_for_drain);
}

/* A drain that runs, and whose runs do not succeed: by the transport, or by anything else. */
static void check_result(const struct health_facts *facts, struct health *health, bool transport)
{
    int64_t well = health_time(facts, COUNT_DRAIN_LAST_AT),
            bad = health_time(facts, COUNT_DRAIN_FAILED_AT);
    bool blocked = health_time(facts, COUNT_DRAIN_BLOCKED_AT) == bad;
    struct health_check *check = add(health, transport ? "transport:blocked" : "drain:result");
    int64_t since = well != TIME_NONE ? well : health_time(facts, COUNT_SINCE);
    char age[TIME_TEXT] = "";
    if (bad == TIME_NONE || bad <= well || blocked != transport) {
        say(check, transport ? "mail can leave" : "the last run of the drain ended well");
        return;
    }
    bool long_ago = since != TIME_NONE && facts->now - since > facts->limits.stale;
    check->since = since;
    if (well != TIME_NONE)
        time_format_age(facts->now - well, age);
    say(check, "the last run of the drain could not do its work%s%s%s",
        transport ? ": its transport let nothing through" : "",
        *age ? "; no run has ended well for " : "", age);
    set(check, long_ago ? HEALTH_FAIL : HEALTH_WARN, "drain-blocked",
        "see its log, or run it by hand");
}

/* ---- what waits ---- */

static void check_late(const struct health_facts *facts, struct health *health, const char *name,
    int64_t since, const char *what, const char *reason)
{
    struct health_check *check = add(health, name);
    char age[TIME_TEXT];
    int64_t waits = since == TIME_NONE || since > facts->now ? 0 : facts->now - since;
    count(check, waits / MS_PER_SECOND, "s");
    check->since = since;
    time_format_age(waits, age);
    if (waits)
        say(check, "%s %s", what, age);
    else
        say(check, "%.*s: nothing waits", (int)strcspn(what, ":"), what);
    set(check, by_limit(waits, facts->limits.stale), reason,
        facts->drain_at_work ? "a drain is at work" : ask_for_drain);
}

static void check_depth(const struct health_facts *facts, struct health *health)
{
    struct health_check *check = add(health, "spool:depth");
    int64_t depth = facts->survey.count[DIR_NEW];
    count(check, depth, "files");
    say(check, "new/ holds %lld", (long long)depth);
    set(check, depth > DEPTH_HIGH ? HEALTH_WARN : HEALTH_PASS, "queue-long",
        "the drain needs a while for these; if the number grows, see its log");
}

static void check_mails(const struct health_facts *facts, struct health *health)
{
    struct health_check *check = add(health, "mail:stuck");
    int64_t stuck = health_time(facts, COUNT_MAIL_STUCK_AT), oldest = facts->survey.oldest[DIR_OUT];
    char age[TIME_TEXT];
    bool recent = stuck != TIME_NONE && stuck > facts->now - STUCK_RECENT;
    check->since = recent ? stuck : TIME_NONE;
    say(check,
        recent ? "a mail older than a day was put off again" : "no mail is older than a day");
    set(check, recent ? HEALTH_WARN : HEALTH_PASS, "mail-stuck",
        "bookspool list out names it, bookspool trace ID says why");

    check = add(health, "out:oldest");
    int64_t waits = oldest == TIME_NONE ? 0 : facts->now - oldest;
    count(check, waits / MS_PER_SECOND, "s");
    check->since = oldest;
    time_format_age(waits, age);
    if (waits > 0)
        say(check, "out/: a mail could not be sent for %s", age);
    else
        say(check, "out/: no mail waits");
    set(check, waits > MAIL_LATE ? HEALTH_WARN : HEALTH_PASS, "mail-late",
        "see the log of bookspool-drain");
}

/* What waits for a person. */
static void check_set_aside(const struct health_facts *facts, struct health *health,
    enum spool_dir dir, const char *name, const char *reason, const char *advice)
{
    struct health_check *check = add(health, name);
    int64_t holds = facts->survey.count[dir], oldest = facts->survey.oldest[dir];
    char age[TIME_TEXT];
    count(check, holds, "files");
    check->since = holds ? oldest : TIME_NONE;
    if (holds && oldest != TIME_NONE) {
        time_format_age(facts->now - oldest, age);
        say(check, "%s/ holds %lld, the oldest for %s", spool_dir_name(dir), (long long)holds, age);
    } else {
        say(check, "%s/ holds %lld", spool_dir_name(dir), (long long)holds);
    }
    set(check, holds ? HEALTH_WARN : HEALTH_PASS, reason, advice);
}

static void check_number(const struct health_facts *facts, struct health *health, const char *name,
    enum counter which, const char *reason, const char *before, const char *after,
    const char *advice)
{
    struct health_check *check = add(health, name);
    int64_t number = (int64_t)facts->counters.value[which];
    count(check, number, "files");
    say(check, "%s%lld %s", before, (long long)number, after);
    set(check, number ? HEALTH_WARN : HEALTH_PASS, reason, advice);
}

/* ---- what comes from the providers ---- */

static void check_silence(
    const struct health_facts *facts, enum provider provider, struct health *health)
{
    int64_t limit = facts->limits.silence[provider], last = health_last_genuine(facts, provider);
    struct health_check *check = add(health, "webhook:silence");
    char age[TIME_TEXT];
    bool never = last == TIME_NONE;
    check->provider = provider;
    if (never)
        last = facts->counted ? health_time(facts, COUNT_SINCE) : facts->now;
    if (last == TIME_NONE)
        last = facts->now;
    check->since = last;
    count(check, (facts->now - last) / MS_PER_SECOND, "s");
    time_format_age(facts->now - last, age);
    say(check,
        never ? "%s: no webhook has come for %s, since counting began"
              : "%s: the last webhook came %s ago",
        provider_name(provider), age);
    set(check, by_limit(facts->now - last, limit), "no-webhook",
        "is the subscription still there and enabled? bookspool post sends a test webhook");
}

/* As reconciling last saw it: the words of COUNT_SUBSCRIPTION in tool/reconcile.h. */
static void check_subscription(
    const struct health_facts *facts, enum provider provider, struct health *health)
{
    static const struct {
        const char *text, *reason, *advice;
        enum health_state state;
    } states[] = {
        {0},
        {"the subscription is active", NULL, NULL, HEALTH_PASS},
        {"a delivery has failed and is being retried", "subscription-retrying",
            "the provider switches the subscription off after a day of failures: the receiver's "
            "log says why it refuses; does the web server answer?",
            HEALTH_WARN},
        {"the subscription is disabled: no webhook comes", "subscription-disabled",
            "bookspool reconcile --apply --resubscribe makes it anew and mails what was lost",
            HEALTH_FAIL},
        {"there is no subscription for this receiver: no webhook comes", "subscription-missing",
            "bookspool reconcile --apply --resubscribe makes one and mails what was lost",
            HEALTH_FAIL},
    };
    uint64_t state = facts->counters.value[counter_at(COUNT_SUBSCRIPTION, provider, 0)];
    if (state == 0 || state >= sizeof states / sizeof *states)
        return;
    struct health_check *check = add(health, "webhook:subscription");
    check->provider = provider;
    check->since = health_time(facts, counter_at(COUNT_SUBSCRIPTION_AT, provider, 0));
    say(check, "%s: %s", provider_name(provider), states[state].text);
    set(check, states[state].state, states[state].reason, states[state].advice);
}

/* What reconciling found, and whether a webhook has come since. */
static void check_lost(
    const struct health_facts *facts, enum provider provider, struct health *health)
{
    int64_t lost = (int64_t)facts->counters.value[counter_at(COUNT_WEBHOOKS_LOST, provider, 0)];
    int64_t newest = health_time(facts, counter_at(COUNT_LOST_AT, provider, 0));
    int64_t last = health_last_genuine(facts, provider);
    if (health_time(facts, counter_at(COUNT_RECONCILED_AT, provider, 0)) == TIME_NONE)
        return;
    struct health_check *check = add(health, "webhook:lost");
    bool silent = newest != TIME_NONE && newest > last;
    check->provider = provider;
    check->since = silent ? newest : TIME_NONE;
    count(check, lost, "events");
    if (silent) {
        say(check, "%s: bookings changed, and no webhook has come since then",
            provider_name(provider));
        set(check, HEALTH_FAIL, "webhooks-silent",
            "bookspool reconcile says whether the subscription is active; bookspool check --url "
            "whether the receiver can be reached");
        return;
    }
    say(check, "%s: %lld changes of bookings came by no webhook and were not mailed",
        provider_name(provider), (long long)lost);
    set(check, lost ? HEALTH_WARN : HEALTH_PASS, "webhooks-lost",
        "bookspool reconcile lists them, bookspool reconcile --apply mails them");
}

/* The older one of a provider's secrets. It warns a while before it is due. */
static void check_secret_age(
    const struct health_facts *facts, enum provider provider, struct health *health)
{
    struct health_check *check = add(health, "secret:age");
    int64_t limit = facts->limits.key_age, oldest = TIME_NONE;
    char age[TIME_TEXT];
    size_t which = 0;
    check->provider = provider;
    for (size_t slot = 0; slot < PROVIDER_SECRETS; slot++) {
        int64_t since = health_time(facts, counter_at(COUNT_SECRET_SINCE, provider, slot));
        if (since != TIME_NONE && (oldest == TIME_NONE || since < oldest)) {
            oldest = since;
            which = slot;
        }
    }
    check->since = oldest;
    if (oldest == TIME_NONE) {
        say(check, "%s: the age of the secret is not known", provider_name(provider));
        return;
    }
    count(check, (facts->now - oldest) / MS_PER_SECOND, "s");
    time_format_age(facts->now - oldest, age);
    say(check, "%s: the %s secret has been in use for %s", provider_name(provider),
        counter_label_word(LABEL_SECRET, which), age);
    set(check, rotation_by_age(facts->now - oldest, limit) ? HEALTH_WARN : HEALTH_PASS,
        "secret-old",
        "it is due for rotation after BOOKSPOOL_KEY_AGE: set a new one, with the old one as "
        "secondary, change it at the provider, then remove the old one");
}

static uint64_t signature_failures(const struct health_facts *facts, enum provider provider)
{
    static const char *const reasons[] = {
        "signature-absent", "signature-malformed", "signature-wrong", "signature-not-signed"};
    uint64_t sum = 0;
    for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++)
        sum += facts->counters.value[counter_at(
            COUNT_REQUESTS, provider, counter_label_value(LABEL_REASON, reasons[i]))];
    return sum - facts->counters.value[counter_at(COUNT_LAST_WINDOW_FAILURES, provider, 0)];
}

static void check_signatures(
    const struct health_facts *facts, enum provider provider, struct health *health)
{
    struct health_check *check = add(health, "signature:failures");
    int64_t failures = (int64_t)signature_failures(facts, provider);
    check->provider = provider;
    count(check, failures, "requests");
    say(check, "%s: %lld webhooks without a right signature in the last two hours",
        provider_name(provider), (long long)failures);
    set(check, failures >= FAILURES_HIGH ? HEALTH_WARN : HEALTH_PASS, "signatures-wrong",
        "forgeries, or the secret in receive.env is not the provider's; the log has the reason "
        "codes");
}

/* Late webhooks are nothing unusual; one from the future means that a clock is wrong. */
static void check_clock(
    const struct health_facts *facts, enum provider provider, struct health *health)
{
    struct health_check *check = add(health, "clock:skew");
    int64_t skew = (int64_t)facts->counters.value[counter_at(COUNT_CLOCK_SKEW, provider, 0)];
    check->provider = provider;
    count(check, skew / MS_PER_SECOND, "s");
    say(check, "%s: the last webhook was signed %lld s %s the time here", provider_name(provider),
        (long long)((skew < 0 ? -skew : skew) / MS_PER_SECOND), skew < 0 ? "before" : "after");
    set(check, skew > facts->limits.window[provider] / 2 ? HEALTH_WARN : HEALTH_PASS, "clock-wrong",
        "set the clock of this machine, and keep it right (timedatectl, chrony)");
}

/* ---- all of it ---- */

void health_check_all(const struct health_facts *facts, struct health *health)
{
    const struct survey *survey = &facts->survey;
    health->count = 0;
    check_storing(facts, health);
    check_secrets(facts, health);
    check_result(facts, health, true);
    check_result(facts, health, false);
    check_activity(facts, health);
    check_late(facts, health, "spool:oldest", survey->oldest[DIR_NEW],
        "new/: the oldest event has waited for", "events-late");
    check_late(facts, health, "replay:oldest", survey->oldest[DIR_REPLAY],
        "replay/: an event has waited for", "events-late");
    check_late(facts, health, "out:due",
        survey->count[DIR_OUT] ? health_time(facts, COUNT_OUT_DUE_AT) : TIME_NONE,
        "out/: a mail has been due for", "mails-late");
    check_mails(facts, health);
    check_set_aside(facts, health, DIR_BAD, "bad:count", "events-in-bad",
        "not mailed, because not intact or not composable; bookspool list bad names them, "
        "bookspool trace ID says why, bookspool replay FILE mails a repaired one");
    check_number(facts, health, "events:uncomposed", COUNT_UNCOMPOSED_NOW, "events-not-composed",
        "", "events wait because their mails could not be composed",
        "the line not-composed in the log of bookspool-drain says why");
    check_set_aside(facts, health, DIR_HELD, "held:count", "events-held",
        "signed, but outside the replay window; bookspool show prints one, bookspool release ID "
        "lets it go on");
    check_set_aside(facts, health, DIR_FAILED, "failed:count", "mails-given-up",
        "given up; bookspool trace ID says why, mv failed/NAME out/ tries one again");
    check_number(facts, health, "out:unknown", counter_at(COUNT_OUT_WAITING, WAITING_UNKNOWN, 0),
        "outcome-unknown", "out/: the outcome of ", "is unknown",
        "they may have arrived, and another attempt may be a repeat");
    check_number(facts, health, "out:accepted", counter_at(COUNT_OUT_WAITING, WAITING_ACCEPTED, 0),
        "not-renamed", "out/: ", "were accepted, but could not be moved to sent/",
        "the next drain does that");
    check_depth(facts, health);
    for (enum provider p = 0; p < PROVIDERS; p++) {
        if (facts->limits.silence[p])
            check_silence(facts, p, health);
        check_subscription(facts, p, health);
        check_lost(facts, p, health);
        check_signatures(facts, p, health);
        check_secret_age(facts, p, health);
        check_clock(facts, p, health);
        if (facts->limits.token_checks)
            health_check_tokens(facts, p, health);
    }
}

bool health_concerns(const struct health_check *check, enum provider provider)
{
    if (provider == PROVIDERS)
        return !check->own;
    return check->provider == PROVIDERS || check->provider == provider;
}

enum health_state health_state(
    const struct health *health, enum provider provider, const char **reason)
{
    enum health_state worst = HEALTH_PASS;
    *reason = NULL;
    for (size_t i = 0; i < health->count; i++) {
        const struct health_check *check = &health->check[i];
        enum health_state state = check->state;
        if (!health_concerns(check, provider))
            continue;
        if (provider != PROVIDERS && !check->accepting && check->provider != provider &&
            state == HEALTH_FAIL)
            state = HEALTH_WARN;
        if (state > worst) {
            worst = state;
            *reason = check->reason;
        }
    }
    return worst;
}

const char *health_state_name(enum health_state state)
{
    static const char *const names[] = {"pass", "warn", "fail"};
    return names[state];
}
