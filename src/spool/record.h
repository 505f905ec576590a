/*
 * record: the form of the files of events and mails in the spool.
 *
 *     Bookspool: 1                      Bookspool-Mail: 1
 *     Id: 3f5a...                       Id: 3f5a...
 *     Provider: calcom                  From: bookspool@example.org
 *     Event: BOOKING_CREATED            To: owner@example.org
 *     Received: ...T10:00:00.123456Z    Received: 2026-11-21T10:00:00.123456Z
 *     Secret-Used: primary              Queued: 2026-11-21T10:00:05.001Z
 *     Signature: t=...,v1=...           Length: 1234
 *     Payload-Version: 2021-10-20       Sha256: ...
 *     Content-Type: application/json    (empty line, then the message, RFC 5322)
 *     Source: reconcile                 (only of an event that no webhook brought)
 *     Length: 3073
 *     Sha256: ...
 *
 *     (empty line, then the body exactly as it came)
 *
 * Lines of the header end with LF. A name is [A-Za-z0-9-]+, matched without
 * regard to case; a value is printable ASCII of at most 1,000 bytes. Unknown
 * names are skipped, so that later versions can add some.
 *
 * Intact means: the header parses, exactly Length bytes follow, and their digest
 * is Sha256. A power cut may leave zeros of the right length, so the length
 * alone proves nothing.
 *
 * The age of a mail counts from Queued; it decides when to retry and when to give up.
 * Queued is in the file because it must survive moves and touches, and because the
 * arrival of a replayed event may be long ago.
 *
 * An event with Forgotten has no body any more: a person who was in it was forgotten
 * (spool/forget.h). It is intact, so its name in done/ still recognises a retry; nothing is mailed
 * of it.
 *
 * Received of a mail is the arrival of its event. Mails are sent in this order; mtimes cannot give
 * it, since a kernel's clock ticks every 4 ms and `touch` makes them equal, and names cannot.
 */
#ifndef SPOOL_RECORD_H
#define SPOOL_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/address.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/digest.h"
#include "provider/provider.h"
#include "spool/name.h"

enum { RECORD_VALUE_MAX = 1000, RECORD_HEADER_MAX = 8192 };

/* The source of an event that was made from what the provider's API says, because no webhook came.
 * Its body has the form of a webhook's, and nobody signed it. */
#define RECORD_RECONCILE "reconcile"

enum record_kind { RECORD_EVENT, RECORD_MAIL };

/* Texts are in the record itself, so that a header is read without an allocation. An absent text
 * is "". */
struct record {
    enum record_kind kind;
    char id[ID_SIZE];
    int64_t received;    /* ms; of a mail without the field: Queued */
    int64_t received_us; /* the same in microseconds, for the order; 0: unset */
    /* an event */
    enum provider provider;
    char event[65];
    char secret_used[16]; /* primary, secondary; "-" where a file was sealed by hand */
    char signature[RECORD_VALUE_MAX + 1];
    char version[65]; /* of the payload, as the provider says in a header that it does not sign */
    char content_type[RECORD_VALUE_MAX + 1];
    int64_t forgotten; /* ms: when its body was removed; 0: it was not */
    char source[16];   /* RECORD_RECONCILE, or "" for a webhook */
    /* a mail */
    char from[ADDRESS_MAX + 1], to[ADDRESS_MAX + 1];
    int64_t queued;
    /* after the header; points into the bytes given to record_decode */
    const char *body;
    size_t length;
    char sha256[DIGEST_HEX + 1]; /* of the body; record_encode computes it when it is "" */
};

/*
 * Appends the complete file to out: header, empty line, record->length bytes of
 * record->body. Bytes that a header must not have (controls, not ASCII) are
 * replaced by '?'. False when memory or libcrypto failed.
 */
bool record_encode(const struct record *record, struct buf *out);

/* What an event says for itself whose body was removed. */
#define RECORD_FORGOTTEN "its body was removed by bookspool forget"

/* NULL when `data` is an intact record; else the reason, as text for a log or a .why file. */
#define RECORD_NO_DIGEST                                                                           \
    "no SHA-256 could be computed" /* for want of memory: no word on the file */
const char *record_decode(const char *data, size_t len, struct record *record);

/*
 * Only the arrival, in microseconds, from the beginning of a file (RECORD_HEADER_MAX bytes are
 * enough): Received, or Queued of a mail without one. False: the header has neither. Whether the
 * file is intact is not checked.
 */
bool record_arrival(const char *data, size_t len, int64_t *microseconds);

/* Only Queued of a mail, in the same way. */
bool record_queued(const char *data, size_t len, int64_t *when);

/* provider_map of the event that the record holds, and whether it was reconciled. */
bool record_map(const struct record *record, struct event *event);

#endif
