/*
 * outcome: words and codes that the transports share. Pure.
 */
#ifndef DELIVER_OUTCOME_H
#define DELIVER_OUTCOME_H

#include <stdbool.h>
#include <stddef.h>

#include "deliver/transport.h"

/* Sets outcome and reason; true, so that a row of a table can end a function with it. */
bool outcome_set(struct delivery_result *result, enum outcome outcome, const char *reason, ...)
    __attribute__((format(printf, 3, 4)));

/* Sets words: what the reason means and what to do. They go into the log, so they hold names and
 * ports of the settings, and nothing that the other side said. */
void outcome_say(struct delivery_result *result, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/*
 * What libcurl's code means when no reply decides and the message is not complete at the other
 * side: PREFIX-dns-N, -connect-N, -proxy-N, -memory-N retry; -auth-N, -tls-N, -ehlo-N, -setup-N
 * are blocked. False: the code does not decide.
 */
bool outcome_by_curl(struct delivery_result *result, const char *prefix, int code);

/* The other side, and how far the connection to it came. */
struct outcome_peer {
    const char *name;    /* "mail.example.org:587" */
    const char *setting; /* that names it */
    bool connected;      /* by TCP */
    int os_error;        /* CURLINFO_OS_ERRNO, of the attempt to connect */
    long verify;         /* CURLINFO_SSL_VERIFYRESULT, a code of X509_verify_cert_error_string(3) */
};

/* What to do about libcurl's code, where it is known: name, connection, certificate. False: words
 * are as they were. */
bool outcome_explain_curl(
    struct delivery_result *result, const struct outcome_peer *peer, int code);

/* Does one of the phrases of `list`, separated by '|', occur in the text, in any case of letters?
 */
bool outcome_has_phrase(const char *text, const char *list);

/*
 * Appends what a server or a program said to `text`, which holds `at` bytes of `size`, up to `len`
 * bytes; the new length. Such words are kept in .why files and shown on terminals, so all but
 * printable ASCII becomes '?'.
 */
size_t outcome_add_words(char *text, size_t size, size_t at, const char *words, size_t len);

/* The same, to the end of result->detail. */
void outcome_add_detail(struct delivery_result *result, const char *words);

#endif
