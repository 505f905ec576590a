/*
 * rotation: the change of a webhook secret without a gap, as far as it is the same for all
 * providers: a small state machine, so that a run that was stopped anywhere is continued by the
 * next one.
 *
 *   state       known by                                       next step
 *   none        no file, or one that names another secret      make a secret, store both: both are
 *               than the primary                               accepted from here on
 *   under way   the file names the primary secret              the provider's side
 *   changed     the file also has the time of its end          wait until the old secret cannot be
 *                                                              needed any more, then forget it
 *
 * The file is rotation-PROVIDER.json in BOOKSPOOL_STATE: {"new","old","began","changed"}, the
 * secrets by the first digits of their SHA-256. It is durable before the secrets change, and they
 * change before anything is changed at the provider: what the receiver must accept is stored first.
 * What is already done at the provider is read from there, not from the file.
 */
#ifndef TOOL_ROTATION_H
#define TOOL_ROTATION_H

#include "tool/receiver.h"

enum { ROTATION_MARK_SIZE = 17, ROTATION_NAME_SIZE = 9 };

/* Calendly repeats a delivery for a day, with the secret that its subscription had. */
#define ROTATION_REST MS_PER_DAY

struct rotation {
    struct remote *remote;
    struct receiver receiver;
    struct buf primary, secondary;                           /* as they are stored; empty: none */
    char fresh[ROTATION_MARK_SIZE], old[ROTATION_MARK_SIZE]; /* of the file; "": none */
    int64_t began, changed;                                  /* TIME_NONE */
};

/* 64 hex digits of the kernel's random numbers. */
void rotation_make_secret(struct buf *out);
/* The first 8 digits of a secret's SHA-256: names it for people, and in a URL. */
void rotation_name(const char *secret, char out[ROTATION_NAME_SIZE]);

/*
 * The stored secrets; the primary may be missing. EX_OK, or the exit status after a message about a
 * setting that is wrong.
 */
int rotation_read_secrets(struct rotation *rotation);
/* Stores both; an empty secondary is none. EX_OK, or the exit status after a message. */
int rotation_store(struct rotation *rotation);

/*
 * Reads the state and goes as far as the secrets: EX_OK with both stored and a rotation under way,
 * or changed. `again`: a new one may begin though the last is not over.
 */
int rotation_begin(struct rotation *rotation, bool again);
bool rotation_is_changed(const struct rotation *rotation);

/* The provider's side is done: keeps the time. */
int rotation_mark_changed(struct rotation *rotation);

/*
 * After the change: says until when the old secret stays, or forgets it, when that time is over. A
 * secondary that is another one by then is not touched. One that has matched since the change is
 * used by a subscription that was not seen, and stays; so it does where some were `unseen`. A URL
 * to test the receiver at.
 */
int rotation_rest(struct rotation *rotation, const char *url, bool unseen);

void rotation_close(struct rotation *rotation);

#endif
