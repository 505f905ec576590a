/*
 * request: the CGI meta-variables (RFC 3875 section 4.1) that the receiver uses, from FastCGI and
 * plain CGI alike, and what its path means. Nothing about the connection or the client. Pure.
 */
#ifndef RECEIVE_REQUEST_H
#define RECEIVE_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "provider/provider.h"

enum { REQUEST_PATH_SIZE = 2048 };

enum request_length { LENGTH_ABSENT, LENGTH_DECLARED, LENGTH_NONSENSE };

/* NULL when there is no variable of that name. Texts must live as long as the request. */
typedef const char *request_lookup(void *context, const char *name);

struct request {
    const char *method;           /* "" when absent */
    char path[REQUEST_PATH_SIZE]; /* SCRIPT_NAME and PATH_INFO; "" when longer: no endpoint */
    enum request_length length_kind;
    uint64_t length; /* bytes, when declared */
    const char *signature[PROVIDERS];
    const char *version[PROVIDERS]; /* of the payload; NULL when absent */
    const char *content_type;       /* "" when absent */
    request_lookup *lookup;         /* for what few requests need */
    void *context;
};

/* `kind` and `length` are what request_parse_length found. */
void request_fill(struct request *request, enum request_length kind, uint64_t length,
    request_lookup *lookup, void *context);

/*
 * CONTENT_LENGTH: digits only (RFC 9110 section 8.6); NULL and "" are absent. *length is 0 unless
 * it is declared.
 */
enum request_length request_parse_length(const char *text, uint64_t *length);

/* The cap on a request's body: `max_body` for POST, otherwise 0. */
size_t request_body_max(const char *method, size_t max_body);

/*
 * Was it made on this machine, by no proxy? True for a loopback address or a unix socket in
 * REMOTE_ADDR, unless a header says that the request was passed on: behind a tunnel's daemon or a
 * proxy on this machine, all the world has a loopback address. A proxy that adds no header at all
 * cannot be recognised.
 */
bool request_is_local(const struct request *request);

/* The token of `Authorization: Bearer TOKEN` (RFC 6750 section 2.1); NULL when there is none. */
const char *request_bearer(const struct request *request);

enum route_kind { ROUTE_NONE, ROUTE_WEBHOOK, ROUTE_HEALTH, ROUTE_METRICS };

struct route {
    enum route_kind kind;
    enum provider provider; /* PROVIDERS: the health of all of them */
};

/*
 * The path alone decides the provider, never the content. A webhook's path is its endpoint, or that
 * with one more element that is not empty. An exact match of one endpoint wins over the other with
 * one more element.
 */
struct route route_find(const char *path, const char *const endpoint[PROVIDERS]);

#endif
