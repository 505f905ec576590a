/*
 * fcgi_check: checks the records of a FastCGI request (specification 1.0, sections 3 and 5) before
 * libfcgi sees any of them. Pure; it keeps no bytes of its own.
 *
 * It refuses what libfcgi 2.4.2 cannot handle: name and value lengths that do not add up (libfcgi
 * aborts), management records (its answer overflows a buffer), a second BEGIN, padding after BEGIN
 * or after the end of PARAMS (it does not skip that and loses the record boundary), and any
 * incomplete request (it would block until the rest comes).
 *
 * Only a responder's request passes: BEGIN, PARAMS until an empty one, STDIN until an empty one,
 * all with one request id that is not 0.
 */
#ifndef RECEIVE_FCGI_CHECK_H
#define RECEIVE_FCGI_CHECK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "receive/request.h"

enum {
    FCGI_CHECK_PARAMS_MAX = 64 * 1024,
    FCGI_CHECK_HEADER = 8,
    FCGI_CHECK_NAME_KEPT = 16,
    FCGI_CHECK_VALUE_KEPT = 24
};

enum fcgi_check_state {
    FCGI_CHECK_MORE,     /* right so far, incomplete */
    FCGI_CHECK_COMPLETE, /* the first `end` bytes are one request, which takes up `at` bytes */
    /*
     * CONTENT_LENGTH is above the cap, or the body has grown above it. The first `params_end` bytes
     * and an empty STDIN record (fcgi_check_stdin_end) make a request that can be answered; then
     * the connection must be closed.
     */
    FCGI_CHECK_TOO_LARGE,
    FCGI_CHECK_ABORTED, /* ABORT_REQUEST (5.4) */
    FCGI_CHECK_BROKEN   /* `reason` says why */
};

/* The position in the name-value pairs (3.4); a pair may extend over several records. */
struct fcgi_check_pair {
    int part; /* name length, value length, name, value */
    unsigned length_bytes_left;
    uint32_t length[2], done;
    char name[FCGI_CHECK_NAME_KEPT], value[FCGI_CHECK_VALUE_KEPT];
};

struct fcgi_check {
    enum fcgi_check_state state;
    const char *reason; /* a reason code for the log */
    size_t cap;         /* bytes of body; smaller once the method is known (request_body_max) */
    size_t at;          /* bytes walked */
    size_t end, params_end;
    bool keep; /* FCGI_KEEP_CONN was asked for */
    uint16_t id;
    enum request_length length_kind; /* CONTENT_LENGTH */
    uint64_t length;
    /* the current record */
    int stage, type;
    size_t content_left, padding_left;
    size_t params_len, stdin_len;
    bool method_seen, length_seen;
    struct fcgi_check_pair pair;
};

void fcgi_check_reset(struct fcgi_check *check, size_t cap);

/*
 * `data` is all that arrived since fcgi_check_reset, `len` at least what it was before. Any
 * state but FCGI_CHECK_MORE is final until the next fcgi_check_reset.
 */
enum fcgi_check_state fcgi_check_walk(struct fcgi_check *check, const void *data, size_t len);

/* The empty STDIN record of this request. */
void fcgi_check_stdin_end(const struct fcgi_check *check, unsigned char out[FCGI_CHECK_HEADER]);

#endif
