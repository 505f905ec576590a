/*
 * kind: the table of transports. A transport is one row of it (deliver/transport.c) and one pair of
 * files; everything else in the programs reads the table. Internal to deliver.
 */
#ifndef DELIVER_KIND_H
#define DELIVER_KIND_H

#include <stdbool.h>
#include <stddef.h>

#include "deliver/target.h"
#include "deliver/transport.h"

enum target_form { TARGET_PATH, TARGET_SERVER, TARGET_NOTHING };

struct transport_kind {
    const char *scheme;     /* what BOOKSPOOL_TRANSPORT begins with */
    enum target_form form;  /* what follows the scheme */
    const char *example;    /* the form in words, for errors: "smtp://HOST[:PORT]" */
    const char *url_scheme; /* TARGET_SERVER: libcurl's name for it */
    unsigned port;          /* TARGET_SERVER: the port where none is named */
    bool local;             /* works without BOOKSPOOL_MAIL_TO and BOOKSPOOL_MAIL_FROM */
    bool no_tls;            /* TARGET_SERVER: accepted for this machine only */

    /* NULL, with a line in `why` (conf_fault), when a setting that it needs is missing or wrong. */
    void *(*open)(const struct conf *conf, const struct target *target, struct buf *why);
    /* Adds a line to `why` for each file or directory that cannot be used now. NULL: none. */
    void (*check)(const struct conf *conf, const struct target *target, struct buf *why);
    void (*send)(void *state, const struct delivery *delivery, struct delivery_result *result);
    void (*close)(void *state); /* NULL is allowed and does nothing */
};

extern const struct transport_kind transport_kinds[];
extern const size_t transport_kind_count;

#endif
