/*
 * transport: hands one finished message to one recipient, and tells honestly what came of it.
 *
 *   sent     the other side has taken it over: a clear yes
 *   retry    a clear no for now (4yz, no connection, an answer missing before the last byte)
 *   never    a clear no for good (550 to the recipient, 554 to the message)
 *   unknown  the connection broke after the last byte could have gone: it may have arrived
 *   hold     nothing can be sent at present and a person must act (login, TLS, the sender's
 *            address refused, a Maildir that cannot be written): the run stops and touches nothing
 *
 * A transport object belongs to one process and keeps one connection.
 */
#ifndef DELIVER_TRANSPORT_H
#define DELIVER_TRANSPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/conf.h"

enum outcome { OUTCOME_SENT, OUTCOME_RETRY, OUTCOME_NEVER, OUTCOME_UNKNOWN, OUTCOME_BLOCKED };

/* "sent", "retry", "never", "unknown", "blocked" */
const char *outcome_name(enum outcome outcome);

struct delivery {
    const char *name;      /* the mail's name in the spool */
    const char *from, *to; /* the envelope: bare ASCII addresses */
    const char *data;      /* the message, CRLF line ends */
    size_t len;
    bool repeat; /* an earlier attempt ended unknown: it may be there already */
    /*
     * Called once, just before the message could become complete at the other
     * side (SMTP: before the last byte and the final dot are given away).
     * False: something is wrong on our side, give up before that point: retry.
     */
    bool (*before_end)(void *context);
    /* Called about once a second while an answer is waited for; may be NULL. */
    void (*waiting)(void *context);
    void *context;
};

/* Appends the message with LF line ends, as programs of this machine expect it. */
void delivery_add_local(const struct delivery *delivery, struct buf *out);

enum { REASON_SIZE = 48, DETAIL_SIZE_MAX = 400 };

struct delivery_result {
    enum outcome outcome;
    bool unreachable;  /* with retry: nobody answered, so the next mail need not try */
    int64_t wait_ms;   /* with retry: nothing is taken before; 0: not said */
    const char *words; /* what the reason means, without anybody's data; static; may be NULL */
    char reason[REASON_SIZE];     /* a log reason code: "smtp-rcpt-550" */
    char detail[DETAIL_SIZE_MAX]; /* for .why and the terminal: the server's words; not for logs */
};

struct transport;

/*
 * As BOOKSPOOL_TRANSPORT says: one transport, or two separated by a comma. NULL, with what would be
 * right in `why`, when one of them cannot be had.
 */
struct transport *transport_open(const struct conf *conf, struct buf *why);

/*
 * When the first transport holds or cannot be reached, the mail goes to the second at once, and so
 * do all later ones: logged once. But a repeat never does: whether it arrived by the first one is
 * not known, and only that one may recognise it; it is put off ("second-not-used", retry).
 */
void transport_send(
    struct transport *transport, const struct delivery *delivery, struct delivery_result *result);
void transport_close(struct transport *transport);

#endif
