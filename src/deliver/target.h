/*
 * target: the table of transports, and what BOOKSPOOL_TRANSPORT says. Internal to deliver.
 *
 * A transport is one row of the table (deliver/transport.c) and one pair of files; everything else
 * in the programs reads the table. The grammar of the setting, from the table:
 *
 *     maildir:/PATH            smtp://HOST[:PORT]     sendgrid:
 *     sendmail:/PATH           smtps://HOST[:PORT]
 *                              smtp+plain://HOST[:PORT]
 *
 * one of these, or two separated by a comma. PATH is absolute. HOST is a name, an IPv4 address or
 * an IPv6 address in brackets; no login, path or query belongs to it.
 */
#ifndef DELIVER_TARGET_H
#define DELIVER_TARGET_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/conf.h"
#include "deliver/transport.h"

enum { TARGETS_MAX = 2 };

struct transport_kind;

/* One transport of the setting. What its kind does not have is NULL or 0. */
struct target {
    const struct transport_kind *kind;
    char *path;
    char *host; /* as libcurl normalizes it: "127.1" is "127.0.0.1"; IPv6 in brackets */
    unsigned port;
    char *url; /* for libcurl, ends with a slash: "smtp://mail.example.org:587/" */
};

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

struct target_list {
    struct target item[TARGETS_MAX];
    size_t count;
};

/*
 * False, with a line in `why` for each fault: where the setting is, its name, and what would be
 * right. A value that may contain a password is not repeated there. target_list_free either way.
 */
bool target_list_read(const struct conf *conf, struct target_list *list, struct buf *why);
void target_list_free(struct target_list *list);

/* One word of printable ASCII: what a token or key must be that becomes a part of a line. */
bool target_is_word(const char *text);

#endif
