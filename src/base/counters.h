/*
 * counters: numbers that all programs of one installation write, in one table.
 *
 * One small file, mapped by receivers and drains and changed with atomic operations: a number
 * survives the end of the program that counted, costs no system call, and needs no lock. It holds
 * no personal data. Counters are never worth an event: while there is no file, the program counts
 * in memory and logs that once.
 *
 * A row of COUNTER_TABLE is one metric: its constant, its name as Prometheus wants it, its type,
 * its unit, up to two labels, and its help. Status, Prometheus, DogStatsD and JSON all read the
 * table. The constant is the position of the row's first value; a row with labels has a value for
 * each combination (counter_at), and a histogram has one for each bucket and one for the sum.
 *
 *   COUNTER    a sum that only grows (counter_add)
 *   GAUGE      the latest value, 0 when there is none; it may be negative (counter_set)
 *   HISTOGRAM  how often each length of time was met (counter_observe)
 *   STATE      a latest value that the programs need themselves; not exported
 *
 * The file is `counters` in BOOKSPOOL_STATE: 16 bytes "bookspool-count3" and then one little-endian
 * 64-bit number per value, in the order of the table. A label has room for more values than it has,
 * so a new value changes no position; a new row is added at the end of the table, and a shorter
 * file is lengthened with zeros. Any other change needs another number in the magic: a file of an
 * earlier number is started anew.
 *
 * Any change of the file by others is safe. Truncated, even in the middle of an addition, it costs
 * what it held: a SIGBUS handler puts memory in place of the mapping, and the same call of
 * counter_add makes the file ready again and adds to it what this process has counted since. A full
 * disk is met in the same way, with further attempts once a minute. A file that was removed or
 * replaced is noticed by counters_check within a second and opened anew; what was counted in
 * between is lost. A change of owner or mode has no effect on programs that have the file open. So
 * `rm counters` and `: > counters` both set all counters to 0.
 */
#ifndef BASE_COUNTERS_H
#define BASE_COUNTERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ---- labels: bounded lists of words, in counters.c ---- */

enum counter_label {
    LABEL_NONE,
    LABEL_PROVIDER,  /* by the position in the table of providers */
    LABEL_REASON,    /* the reason code of an answer to a webhook */
    LABEL_SECRET,    /* primary, secondary */
    LABEL_KIND,      /* by enum event_kind */
    LABEL_TRANSPORT, /* the scheme of a transport */
    LABEL_OUTCOME,   /* by enum outcome */
    LABEL_FAULT,     /* the step in the reason code of an attempt that failed */
    LABEL_DIRECTORY, /* of the spool: those whose files wait for something */
    LABEL_WAITING,   /* by enum counter_waiting */
    LABEL_RESULT,    /* by enum counter_result */
    LABEL_TOKEN,     /* primary, secondary */
    LABEL_ANSWER,    /* of an API: a status, a class of them, or none */
    LABEL_LOOKUP,    /* in a cache: hit, miss */
    COUNTER_LABELS
};

/* How many values each label may have, so that positions stay. */
enum {
    ROOM_NONE = 1,
    ROOM_PROVIDER = 8,
    ROOM_REASON = 48,
    ROOM_SECRET = 2,
    ROOM_KIND = 32,
    ROOM_TRANSPORT = 16,
    ROOM_OUTCOME = 8,
    ROOM_FAULT = 32,
    ROOM_DIRECTORY = 16,
    ROOM_WAITING = 8,
    ROOM_RESULT = 8,
    ROOM_TOKEN = 2,
    ROOM_ANSWER = 16,
    ROOM_LOOKUP = 4
};

/* Why a mail is in out/. */
enum counter_waiting { WAITING_FIRST, WAITING_RETRY, WAITING_UNKNOWN, WAITING_ACCEPTED };

/* How a run of the drain ended. */
enum counter_result { RESULT_DONE, RESULT_FAILED, RESULT_BLOCKED };

/* What COUNT_TOKEN_SCOPES is a set of: Calendly's scopes that bookspool needs, and any other. */
enum counter_scope {
    SCOPE_USERS_READ = 1,
    SCOPE_WEBHOOKS_READ = 2,
    SCOPE_WEBHOOKS_WRITE = 4,
    SCOPE_EVENTS_READ = 8,
    SCOPE_EVENT_TYPES_READ = 16,
    SCOPE_OTHER = 32
};
/* Their names, in this order; NULL after the last one that has a name. */
extern const char *const counter_scopes[];

/* ---- the table ---- */

enum { HISTOGRAM_BOUNDS = 13 };

/* Values of one combination of labels. */
enum {
    SLOTS_COUNTER = 1,
    SLOTS_GAUGE = 1,
    SLOTS_STATE = 1,
    SLOTS_HISTOGRAM = HISTOGRAM_BOUNDS + 2 /* one above all bounds; the sum */
};

enum counter_type { TYPE_COUNTER, TYPE_GAUGE, TYPE_HISTOGRAM, TYPE_STATE };

/* UNIT_TIME is a point in time of base/clock.h; 0: never. */
enum counter_unit { UNIT_ONE, UNIT_BYTES, UNIT_US, UNIT_MS, UNIT_TIME };

/* clang-format off */
#define COUNTER_TABLE(X) \
    /* the receiver */ \
    X(COUNT_REQUESTS, "bookspool_requests_total", COUNTER, ONE, PROVIDER, REASON, "Answers to webhooks, by the reason code of the answer.") \
    X(COUNT_REQUEST_BYTES, "bookspool_request_bytes_total", COUNTER, BYTES, PROVIDER, NONE, "Bytes of the bodies of webhooks.") \
    X(COUNT_SECRET_USED, "bookspool_secret_used_total", COUNTER, ONE, PROVIDER, SECRET, "Webhooks that this secret had signed.") \
    X(COUNT_SECRET_USED_AT, "bookspool_secret_last_used_timestamp_seconds", GAUGE, TIME, PROVIDER, SECRET, "When a webhook that this secret had signed last came.") \
    X(COUNT_ACCEPTED_AT, "bookspool_last_accepted_timestamp_seconds", GAUGE, TIME, PROVIDER, NONE, "When an event was last accepted.") \
    X(COUNT_CLOCK_SKEW, "bookspool_clock_skew_seconds", GAUGE, MS, PROVIDER, NONE, "Signed time of the last genuine webhook minus the time here.") \
    X(COUNT_OTHER_REQUESTS, "bookspool_other_requests_total", COUNTER, ONE, NONE, NONE, "Requests for other paths: health, metrics, and unknown ones.") \
    X(COUNT_BROKEN_CONNECTIONS, "bookspool_broken_connections_total", COUNTER, ONE, NONE, NONE, "Connections that ended without an answer: malformed, too slow, closed early.") \
    X(COUNT_VERIFY_TIME, "bookspool_verify_seconds", HISTOGRAM, US, NONE, NONE, "Time to verify the signature of a webhook.") \
    X(COUNT_WRITE_TIME, "bookspool_write_seconds", HISTOGRAM, US, NONE, NONE, "Time to write the file of an event, before its sync.") \
    X(COUNT_SYNC_TIME, "bookspool_sync_seconds", HISTOGRAM, US, NONE, NONE, "Time of the syncs that make the events of one turn durable.") \
    X(COUNT_QUEUE_SINCE, "queue_since", STATE, TIME, NONE, NONE, "When the oldest event that waits in new/ was accepted; the drain sets it to 0.") \
    /* the drain */ \
    X(COUNT_EVENTS, "bookspool_events_total", COUNTER, ONE, PROVIDER, KIND, "Events that the drain has handled, by kind.") \
    X(COUNT_OVERLAPS, "bookspool_booking_conflicts_total", COUNTER, ONE, NONE, NONE, "Events whose booking overlaps another one of the same organizer.") \
    X(COUNT_MAILS_MADE, "bookspool_mails_made_total", COUNTER, ONE, NONE, NONE, "Mails composed.") \
    X(COUNT_MAIL_ATTEMPTS, "bookspool_mail_attempts_total", COUNTER, ONE, TRANSPORT, OUTCOME, "Attempts to deliver a mail, by their outcome.") \
    X(COUNT_MAIL_FAULTS, "bookspool_mail_faults_total", COUNTER, ONE, TRANSPORT, FAULT, "Attempts that failed, by the step that failed.") \
    X(COUNT_MAIL_RETRY, "bookspool_mail_retries_total", COUNTER, ONE, NONE, NONE, "Mails that were put off for another attempt.") \
    X(COUNT_MAIL_FAILED, "bookspool_mails_given_up_total", COUNTER, ONE, NONE, NONE, "Mails that were given up and moved to failed/.") \
    X(COUNT_MAILED_TIME, "bookspool_accepted_to_mailed_seconds", HISTOGRAM, MS, NONE, NONE, "Time from accepting an event to sending a mail about it.") \
    X(COUNT_MAIL_LAST_AT, "bookspool_mail_last_sent_timestamp_seconds", GAUGE, TIME, NONE, NONE, "When a mail was last sent.") \
    X(COUNT_MAIL_STUCK_AT, "bookspool_mail_stuck_timestamp_seconds", GAUGE, TIME, NONE, NONE, "When a mail older than a day was last put off again.") \
    X(COUNT_DRAIN_RUNS, "bookspool_drain_runs_total", COUNTER, ONE, RESULT, NONE, "Runs of the drain, by their result.") \
    X(COUNT_DRAIN_TIME, "bookspool_drain_run_seconds", HISTOGRAM, MS, NONE, NONE, "Duration of the runs of the drain.") \
    X(COUNT_DRAIN_LAST_AT, "bookspool_drain_last_success_timestamp_seconds", GAUGE, TIME, NONE, NONE, "When a run of the drain last ended well.") \
    X(COUNT_DRAIN_FAILED_AT, "bookspool_drain_last_failure_timestamp_seconds", GAUGE, TIME, NONE, NONE, "When a run of the drain was last blocked, or failed.") \
    X(COUNT_DRAIN_BLOCKED_AT, "bookspool_drain_last_blocked_timestamp_seconds", GAUGE, TIME, NONE, NONE, "When the transport last blocked a run of the drain.") \
    X(COUNT_DRAIN_ACTIVE_AT, "bookspool_drain_last_activity_timestamp_seconds", GAUGE, TIME, NONE, NONE, "When a drain last began, went on, or ended.") \
    X(COUNT_FILES, "bookspool_spool_files", GAUGE, ONE, DIRECTORY, NONE, "Files in a directory of the spool.") \
    X(COUNT_OLDEST_AT, "bookspool_spool_oldest_timestamp_seconds", GAUGE, TIME, DIRECTORY, NONE, "Since when the oldest file in a directory of the spool waits.") \
    X(COUNT_OUT_WAITING, "bookspool_out_mails", GAUGE, ONE, WAITING, NONE, "Mails in out/, by why they wait.") \
    X(COUNT_OUT_OLDEST_AT, "bookspool_out_oldest_timestamp_seconds", GAUGE, TIME, WAITING, NONE, "Since when the oldest mail in out/ waits, by why it waits.") \
    X(COUNT_OUT_DUE_AT, "bookspool_out_due_timestamp_seconds", GAUGE, TIME, NONE, NONE, "When the next attempt of a mail in out/ is due.") \
    X(COUNT_UNCOMPOSED_NOW, "bookspool_events_uncomposed", GAUGE, ONE, NONE, NONE, "Events that wait because their mails could not be composed.") \
    X(COUNT_FREE_BYTES, "bookspool_spool_free_bytes", GAUGE, BYTES, NONE, NONE, "Free space of the file system of the spool.") \
    X(COUNT_RESERVE_BYTES, "bookspool_spool_reserve_bytes", GAUGE, BYTES, NONE, NONE, "Free space below which no event is accepted.") \
    X(COUNT_SURVEY_AT, "bookspool_survey_timestamp_seconds", GAUGE, TIME, NONE, NONE, "When the drain last counted the files of the spool.") \
    X(COUNT_SPOOL_SHARED, "spool_shared", STATE, ONE, NONE, NONE, "1: the files that were counted are those of a spool that several nodes share.") \
    X(COUNT_SURVEY_ACCEPTED, "survey_accepted", STATE, ONE, NONE, NONE, "Events accepted when the drain last counted the files of new/.") \
    X(COUNT_SURVEY_HELD, "survey_held", STATE, ONE, NONE, NONE, "Events held when the drain last counted the files of held/.") \
    X(COUNT_TAKEN, "taken", STATE, ONE, NONE, NONE, "Events that drains have moved out of new/.") \
    X(COUNT_SURVEY_TAKEN, "survey_taken", STATE, ONE, NONE, NONE, "The same when the drain last counted the files of new/.") \
    X(COUNT_SINCE, "bookspool_counters_created_timestamp_seconds", GAUGE, TIME, NONE, NONE, "Since when the counters count.") \
    X(COUNT_WINDOW_AT, "window_at", STATE, TIME, NONE, NONE, "When the present window for signature failures began.") \
    X(COUNT_WINDOW_FAILURES, "window_failures", STATE, ONE, PROVIDER, NONE, "Signature failures when it began.") \
    X(COUNT_LAST_WINDOW_FAILURES, "last_window_failures", STATE, ONE, PROVIDER, NONE, "Signature failures when the window before it began.") \
    X(COUNT_UNKNOWN_EVENTS, "bookspool_unknown_events_total", COUNTER, ONE, PROVIDER, NONE, "Events of a name that this program has no words for.") \
    X(COUNT_UNKNOWN_VERSIONS, "bookspool_unknown_versions_total", COUNTER, ONE, PROVIDER, NONE, "Events of a version of the payload that this program was not written for.") \
    X(COUNT_SECRET_SINCE, "bookspool_secret_since_timestamp_seconds", GAUGE, TIME, PROVIDER, SECRET, "Since when the receiver has been using this secret.") \
    X(COUNT_SECRET_MARK, "secret_mark", STATE, ONE, PROVIDER, SECRET, "By which a change of the secret is noticed.") \
    X(COUNT_ALARMS_UNSAVED_AT, "alarms_unsaved_at", STATE, TIME, NONE, NONE, "When alarms were last sent that could not be remembered.") \
    /* the providers' APIs */ \
    X(COUNT_API_REQUESTS, "bookspool_api_requests_total", COUNTER, ONE, PROVIDER, ANSWER, "Requests to the providers' APIs, by the status of the answer.") \
    X(COUNT_API_TIME, "bookspool_api_request_seconds", HISTOGRAM, MS, NONE, NONE, "Time from a request to a provider's API to the end of the answer.") \
    X(COUNT_API_CACHE, "bookspool_api_cache_lookups_total", COUNTER, ONE, PROVIDER, LOOKUP, "Look-ups in the cache of what the providers' APIs answered.") \
    X(COUNT_TOKEN_USES, "bookspool_api_token_uses", GAUGE, ONE, PROVIDER, TOKEN, "Requests for which this API token has been used since it was set.") \
    X(COUNT_TOKEN_LIMIT, "bookspool_api_token_uses_limit", GAUGE, ONE, PROVIDER, NONE, "Requests that an API token is meant for; 0 where there is no limit.") \
    X(COUNT_TOKEN_SINCE, "bookspool_api_token_since_timestamp_seconds", GAUGE, TIME, PROVIDER, TOKEN, "Since when this API token has been in use.") \
    X(COUNT_TOKEN_REFUSED_AT, "bookspool_api_token_refused_timestamp_seconds", GAUGE, TIME, PROVIDER, TOKEN, "Since when the provider refuses this API token; 0 where it does not.") \
    X(COUNT_TOKEN_SCOPES, "token_scopes", STATE, ONE, PROVIDER, TOKEN, "Scopes that this token was found to lack, a set of enum counter_scope.") \
    X(COUNT_TOKEN_MARK, "token_mark", STATE, ONE, PROVIDER, TOKEN, "The fingerprint of this token, as a number; 0: no token is set.") \
    /* reconciling */ \
    X(COUNT_RECONCILED, "bookspool_reconciled_events_total", COUNTER, ONE, PROVIDER, NONE, "Events that reconciling put into the spool, because no webhook brought them.") \
    X(COUNT_RECONCILED_AT, "bookspool_reconciled_timestamp_seconds", GAUGE, TIME, PROVIDER, NONE, "When the bookings of the provider were last compared with the ledger, to the end.") \
    X(COUNT_RECONCILE_FAILED_AT, "bookspool_reconcile_failed_timestamp_seconds", GAUGE, TIME, PROVIDER, NONE, "When such a comparison last failed.") \
    X(COUNT_WEBHOOKS_LOST, "bookspool_webhooks_lost", GAUGE, ONE, PROVIDER, NONE, "Changes of bookings that no webhook brought, and that were left so by the last comparison.") \
    X(COUNT_LOST_AT, "bookspool_webhook_lost_timestamp_seconds", GAUGE, TIME, PROVIDER, NONE, "When the newest of the changes was made that no webhook brought.") \
    X(COUNT_SUBSCRIPTION, "bookspool_subscription_state", GAUGE, ONE, PROVIDER, NONE, "The subscription, as reconciling last saw it: 0 not known, 1 active, 2 a delivery is being retried, 3 disabled, 4 missing.") \
    X(COUNT_SUBSCRIPTION_AT, "bookspool_subscription_state_timestamp_seconds", GAUGE, TIME, PROVIDER, NONE, "Since when it has been seen in that state.")
/* clang-format on */

#define COUNTER_ENUM(id, name, type, unit, a, b, help)                                             \
    id, id##_END = id + SLOTS_##type * ROOM_##a * ROOM_##b - 1,
enum counter { COUNTER_TABLE(COUNTER_ENUM) COUNTERS };
#undef COUNTER_ENUM

struct counter_row {
    enum counter first;
    const char *name;
    enum counter_type type;
    enum counter_unit unit;
    enum counter_label label[2];
    const char *help;
};

extern const struct counter_row counter_table[];
extern const size_t counter_rows;

/* "provider"; NULL for LABEL_NONE. */
const char *counter_label_name(enum counter_label label);
/* The value's word, NULL after the last one. Of LABEL_NONE: "" and then NULL. */
const char *counter_label_word(enum counter_label label, size_t value);
/* The value with this word; 0 for a word that is not in the list, where 0 is "other". */
size_t counter_label_value(enum counter_label label, const char *word);
/* How many values the label may have: the distance of two values of the label before it. */
size_t counter_label_room(enum counter_label label);

/* The position of one combination of labels. Rows with one label only have b = 0. */
enum counter counter_at(enum counter first, size_t a, size_t b);

/* Upper bounds of the buckets of a histogram, in its unit. */
const int64_t *counter_bounds(const struct counter_row *row);

/* ---- counting ---- */

/*
 * False when the file cannot be opened (errno): counting goes on in memory, and counters_check
 * tries again. Installs the handler of SIGBUS; a fault elsewhere goes to the handler that was there
 * before.
 */
bool counters_open(const char *state_dir);
/* To be called now and then, such as in each turn of a loop; at most once a second it looks at the
 * file. Logs counters-reopened and counters-in-memory. */
void counters_check(void);
/* False while counting is in memory. */
bool counters_are_kept(void);
/* Reads what is there at this moment, as a snapshot; after counters_open the table itself is there
 * already. False (errno) when there is no file yet, or one of an earlier version. */
bool counters_open_readonly(const char *state_dir);

void counter_add(enum counter which, uint64_t amount);
void counter_set(enum counter which, int64_t value);
/* Sets it unless it has a value already: the earliest of several processes wins. */
void counter_set_first(enum counter which, int64_t value);
/* `amount` in the unit of the histogram. */
void counter_observe(enum counter histogram, int64_t amount);

uint64_t counter_get(enum counter which);
/* A gauge, which may be negative; a time is 0 when there is none. */
int64_t counter_get_signed(enum counter which);
/* The sum over all values of the second label. */
uint64_t counter_sum(enum counter first, size_t a, enum counter_label b);

/* All values at one moment: each is exact, but they may be of slightly different moments. */
struct counters {
    uint64_t value[COUNTERS];
};
void counters_copy(struct counters *copy);

#endif
