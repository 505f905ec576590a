/*
 * http: an HTTP/1.1 client on libcurl, for one server at a time.
 *
 * A client keeps its connection from one request to the next. Redirects are answers like any other
 * and are not followed, so that neither a body nor a credential reaches another host than the
 * request names. A request with a body is never repeated by itself; http/retry.h says when it may
 * be.
 */
#ifndef HTTP_HTTP_H
#define HTTP_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

enum {
    HTTP_HEADERS_MAX = 16384, /* what is longer of an answer's headers or body is cut off */
    HTTP_BODY_MAX = 65536,    /* where the options do not say otherwise */
    HTTP_ERROR_SIZE = 256
};

struct http_options {
    const char *ca;          /* certificates to trust instead of the system's; NULL */
    const char *unix_socket; /* connect there, whatever the URL names; NULL */
    const char *bearer;      /* "Authorization: Bearer ..."; libcurl keeps a copy; NULL */
    bool only_tls;           /* https only; else also http */
    bool no_proxy;
    int64_t connect_ms, silence_ms; /* http/handle.h */
    int64_t total_ms;               /* for one request with its answer; 0: no limit */
    size_t body_max;                /* bytes of an answer's body; 0: HTTP_BODY_MAX */
};

struct http_client;

/* NULL when libcurl cannot be set up. */
struct http_client *http_open(const struct http_options *options);
void http_close(struct http_client *client);

/* Another token for the requests that follow. False: out of memory, or opened without one. */
bool http_set_bearer(struct http_client *client, const char *bearer);
/* Another limit for one request with its answer. */
bool http_set_total(struct http_client *client, int64_t total_ms);

struct http_request {
    const char *url;
    const char *const *headers; /* lines "Name: value", ended by NULL */
    const char *body;
    size_t len;
    /* On a connection of its own. On a kept one that turns out to be closed, libcurl sends a
     * request without a body again by itself, and cannot send one with a body. */
    bool fresh;
    bool (*before_end)(void *context); /* this and the next as in struct handle_upload */
    void (*waiting)(void *context);
    void *context;
};

struct http_answer {
    long status;        /* 0: none came */
    struct buf headers; /* lines as they came */
    struct buf body;
    bool cut;             /* there was more of the body, or of the headers */
    int code;             /* CURLcode; an answer may have come before an error */
    bool connected;       /* there was a connection, with TLS where that is wanted */
    bool reached;         /* there was one, maybe without TLS */
    int os_error;         /* errno of the attempt to connect; 0: none */
    long verify;          /* CURLINFO_SSL_VERIFYRESULT */
    bool end_given;       /* the last byte of the request was given away */
    bool given_up;        /* before_end said so */
    int64_t milliseconds; /* from the beginning of the request to the end of the answer */
    char error[HTTP_ERROR_SIZE];
};

/* True when a complete answer came. The answer is to be freed either way. */
bool http_post(
    struct http_client *client, const struct http_request *request, struct http_answer *answer);
/* The same; a body is not sent. */
bool http_get(
    struct http_client *client, const struct http_request *request, struct http_answer *answer);
/* The same with any method. A request without a body (NULL) has no Content-Length. */
bool http_send(struct http_client *client, const char *method, const struct http_request *request,
    struct http_answer *answer);
void http_answer_free(struct http_answer *answer);

/* The value of the last header of that name; "" when there is none. Printable ASCII. */
void http_answer_header(const struct http_answer *answer, const char *name, char *out, size_t size);

/*
 * Is the way there private? https://..., or http:// to this machine. The host is the one that
 * libcurl connects to: that of http://localhost:80@other/ is other.
 */
bool http_is_private(const char *url);

/*
 * May a credential be sent there? The same (`plain`: http), without login, query and fragment.
 */
bool http_may_have_credential(const char *url, bool *plain);

#endif
