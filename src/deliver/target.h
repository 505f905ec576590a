/*
 * target: what BOOKSPOOL_TRANSPORT says, read in one place. The grammar, from the table of kinds:
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

#endif
