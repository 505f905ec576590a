/*
 * transport: delivers one finished message to one recipient, and reports the outcome:
 *
 *   sent     the other side has accepted the message
 *   retry    refused for now (4yz), no connection, or no answer before the last byte
 *   never    refused for good (550 to the recipient, 554 to the message)
 *   unknown  the connection broke after the last byte may have gone out: it may have arrived
 *   blocked  nothing can be sent until a person acts (login, TLS, the sender's address refused, a
 *            Maildir that cannot be written): the run stops and changes nothing
 *
 * A transport object belongs to one process and keeps one connection. How to add a transport:
 * src/README.md.
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
    bool repeat; /* an earlier attempt ended unknown: the mail may have arrived */
    /*
     * Called once, just before the message could become complete at the other side (SMTP: before
     * the last byte and the final dot are given away). False: something is wrong on our side; the
     * transport must stop before that point, and the outcome is retry.
     */
    bool (*before_end)(void *context);
    /* Called about once a second while an answer is waited for; may be NULL. */
    void (*waiting)(void *context);
    void *context;
};

/* Appends the message with LF line ends, as programs of this machine expect it. */
void delivery_add_local(const struct delivery *delivery, struct buf *out);

enum { REASON_SIZE = 48, WORDS_SIZE = 256, DETAIL_SIZE_MAX = 400 };

struct delivery_result {
    enum outcome outcome;
    bool unreachable; /* with retry: no answer at all, so the next mail need not try */
    bool exhausted;   /* with retry: a quota is used up, which takes hours */
    bool doubtful;    /* with blocked: a reply to this mail says so; others may be accepted */
    int64_t wait_ms;  /* with retry: the other side accepts nothing before; 0: it did not say */
    char reason[REASON_SIZE];     /* a log reason code: "smtp-rcpt-550" */
    char words[WORDS_SIZE];       /* what it means and what to do, without anybody's data; or "" */
    char detail[DETAIL_SIZE_MAX]; /* for .why and the terminal: the server's words; not for logs */
};

struct transport;

enum transport_state {
    TRANSPORT_USABLE,
    TRANSPORT_BLOCKED, /* a file or directory cannot be used now; when it can, nothing else is
                          needed */
    TRANSPORT_WRONG    /* a setting is missing or wrong */
};

/*
 * Can mail leave as the settings say? Reads BOOKSPOOL_TRANSPORT and everything that its transports
 * need, opens and closes them, and looks at the files and directories that they name; connects to
 * nothing. The drain asks at its start and `bookspool check` when it is run, so the two cannot
 * disagree. `why` gets a line for each fault.
 */
enum transport_state transport_check(const struct conf *conf, struct buf *why);

/* Does BOOKSPOOL_TRANSPORT name a second transport? */
bool transport_has_second(const struct conf *conf);

/*
 * The transport or the two transports of BOOKSPOOL_TRANSPORT (deliver/target.h). NULL, with a line
 * for each fault in `why`, when a setting is missing or wrong.
 */
struct transport *transport_open(const struct conf *conf, struct buf *why);

/*
 * When the first transport is blocked or exhausted or cannot be reached, the mail goes to the
 * second at once, and so do all later ones: logged once. But a repeat never does: whether it
 * arrived by the first one is not known, and only that one may recognise it; it waits
 * ("second-not-used", retry).
 */
void transport_send(
    struct transport *transport, const struct delivery *delivery, struct delivery_result *result);
void transport_close(struct transport *transport);

#endif
