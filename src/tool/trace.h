/*
 * trace: where the files of one event are, and a summary in words.
 */
#ifndef TOOL_TRACE_H
#define TOOL_TRACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "ledger/decision.h"
#include "spool/record.h"
#include "tool/find.h"

/* A place, and what its file says. */
struct trace_file {
    const struct place *place;
    const char *torn; /* NULL: whole */
    int64_t since;    /* Received of an event, Queued of a mail; TIME_NONE when not whole */
    char *why;        /* of the .why beside it; NULL: none */
    bool gone;        /* it moved on between the list and the reading */
};

struct trace {
    char id[ID_SIZE];
    bool header_read; /* the event's header could be read: provider to bytes are known */
    enum provider provider;
    char event[65], secret_used[16];
    int64_t received;
    size_t bytes;
    struct trace_file *file;
    size_t count;
    const struct decision *decision; /* of the ledger; NULL: it does not know */
    int64_t now;
    const struct conf *conf;
    bool park; /* BOOKSPOOL_UNKNOWN=park: mails of unknown outcome wait for a person */
};

/* Appends the summary: where the event is now, and why, in one sentence or a few. */
void trace_summary(const struct trace *trace, struct buf *out);

#endif
