/*
 * guard: walks the records of a FastCGI request (specification 1.0, sections 3
 * and 5) before libfcgi sees any of them. Pure; it keeps no bytes of its own.
 *
 * What libfcgi 2.4.2 cannot take never gets past it: name and value lengths
 * that do not add up (it aborts), management records (its answer overflows a
 * buffer), a second BEGIN, padding after BEGIN or after the end of PARAMS
 * (it forgets to skip it and loses the record boundary), and anything that
 * is not whole (it would wait for the rest and stall everybody).
 *
 * Only a responder's request passes: BEGIN, PARAMS until an empty one, STDIN until
 * an empty one, all of one request id that is not 0.
 */
#ifndef RECEIVE_GUARD_H
#define RECEIVE_GUARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    GUARD_PARAMS_MAX = 64 * 1024,
    GUARD_HEADER = 8,
    GUARD_NAME_KEPT = 16,
    GUARD_VALUE_KEPT = 24
};

enum guard_state {
    GUARD_MORE,     /* fine so far */
    GUARD_COMPLETE, /* the first `end` bytes are one whole request, `at` bytes are used up */
    /*
     * CONTENT_LENGTH is above the cap, or the body has grown above it; the cap of all but POST is
     * 0. The first
     * `params_end` bytes and an empty STDIN record (guard_stdin_end) make a
     * request that can be answered. The connection is of no further use.
     */
    GUARD_TOO_LARGE,
    GUARD_ABORTED, /* ABORT_REQUEST (5.4) */
    GUARD_BROKEN   /* `reason` says why */
};

/* Where in the name-value pairs (3.4) the walk stands; a pair may straddle records. */
struct guard_pair {
    int part; /* name length, value length, name, value */
    unsigned length_bytes_left;
    uint32_t length[2], done;
    char name[GUARD_NAME_KEPT], value[GUARD_VALUE_KEPT];
};

struct guard {
    enum guard_state state;
    const char *reason; /* a log's reason code */
    size_t cap;         /* bytes of body */
    size_t at;          /* bytes walked */
    size_t end, params_end;
    bool keep; /* FCGI_KEEP_CONN was asked for */
    uint16_t id;
    uint64_t length; /* CONTENT_LENGTH; 0 when absent or no number */
    bool bodiless;   /* REQUEST_METHOD is there and not POST: the cap is 0 */
    /* the record at hand */
    int stage, type;
    size_t content_left, padding_left;
    size_t params_len, stdin_len;
    bool method_seen, length_seen;
    struct guard_pair pair;
};

void guard_reset(struct guard *guard, size_t cap);

/*
 * `data` is all that arrived since guard_reset, `len` at least what it was before. Any
 * state but GUARD_MORE is final until the next guard_reset.
 */
enum guard_state guard_walk(struct guard *guard, const void *data, size_t len);

/* The empty STDIN record of this request. */
void guard_stdin_end(const struct guard *guard, unsigned char out[GUARD_HEADER]);

#endif
