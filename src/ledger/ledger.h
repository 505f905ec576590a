/*
 * ledger: what is known of each booking, by provider and uid.
 *
 * Its start and end, status, revision, the persons in it, and which facts were mailed. It makes
 * calendar SEQUENCE numbers rise, joins the two halves of a move, recognises a fact that two
 * subscriptions deliver, and finds overlapping bookings across providers. It can be rebuilt from
 * the events in done/, in their order (bookspool rebuild), with the same result.
 *
 * The rules are in ledger/rules.h, pure; this module reads and writes what they need, in
 * transactions: nothing since ledger_begin is visible to others before ledger_commit, and what is
 * committed is durable (SQLite: WAL, synchronous=FULL). One writer at a time, under the
 * drain's lock; readers never wait for it.
 *
 * Errors: false, and `why` of ledger_failure() says what failed, in words with the file's name and
 * SQLite's own message; nothing is logged. After a failure the transaction is rolled back.
 */
#ifndef LEDGER_LEDGER_H
#define LEDGER_LEDGER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "event/event.h"
#include "ledger/decision.h"

struct ledger;

/*
 * `value` is BOOKSPOOL_LEDGER: sqlite:PATH. The file is made (0660) where it is missing; its
 * directory must exist. A ledger of a newer version is refused. An older one is brought up to date,
 * after a copy of it was made durable as PATH.N, N being its version: with it a rollback begins.
 * That needs room for the copy and for `reserve` bytes more (BOOKSPOOL_RESERVE); else it fails and
 * writes nothing.
 */
struct ledger *ledger_open(const char *value, int64_t reserve, struct buf *why);
/* Read only: nothing is made. NULL with an empty `why` when there is no ledger yet. */
struct ledger *ledger_open_readonly(const char *value, struct buf *why);
void ledger_close(struct ledger *ledger);

/* Why the last call failed. */
const char *ledger_failure(const struct ledger *ledger);

bool ledger_begin(struct ledger *ledger);
bool ledger_commit(struct ledger *ledger);
void ledger_rollback(struct ledger *ledger);

/*
 * Enters an event and returns the decision about it. The decision about an occurrence of a series
 * grows with those that follow in the same transaction ("in-series"): recall it after the commit.
 * A rebuild is one transaction, and joins those that arrived within a minute of the first.
 *
 * `move_wait` (ms) is how long the canceled half of a move waits for the other, from the event's
 * arrival. `now` decides only whether that time is over.
 */
bool ledger_decide(struct ledger *ledger, const struct event *event, int64_t now, int64_t move_wait,
    struct decision *decision);

/* The stored decision about an event; `found` is false where there is none (the decision is then
 * that of decision_init). For replays and for the tool. */
bool ledger_recall(
    struct ledger *ledger, const char id[ID_SIZE], struct decision *decision, bool *found);

/* Removes everything, inside a transaction: for a rebuild. */
bool ledger_clear(struct ledger *ledger);

/*
 * Forgets bookings that ended before `before` and have no newer event, and decisions of events
 * that arrived before it. The drain calls it with its pruning.
 */
bool ledger_forget(struct ledger *ledger, int64_t before);

/* Removes the copies of earlier versions that were made before then, and unfinished ones. */
void ledger_drop_copies(const struct ledger *ledger, int64_t before);

/* Two live bookings of one organizer at the same time. Strings live during the call. */
struct ledger_conflict {
    struct overlap first, second; /* first starts first */
    const char *organizer;        /* address; NULL: not known */
};

/* Calls `report` for each pair of which both end after `now`, in order of time, until it returns
 * false. */
bool ledger_conflicts(struct ledger *ledger, int64_t now,
    bool (*report)(void *context, const struct ledger_conflict *conflict), void *context);

/* Calls `report` for the next live bookings that begin at or after `now`, at most so many, in order
 * of time. The strings live during the call. */
bool ledger_upcoming(struct ledger *ledger, int64_t now, int64_t most,
    bool (*report)(void *context, const struct overlap *booking), void *context);

#endif
