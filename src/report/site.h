/*
 * site: the installation around bookspool: systemd's units, nginx's configuration, the receiver's
 * socket. Reads only; nothing here is reported, the caller does that.
 */
#ifndef REPORT_SITE_H
#define REPORT_SITE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/conf.h"

enum { SITE_TEXT = 256 };

/*
 * The value of KEY= in a unit file and its drop-ins, as systemd finds them ($SYSTEMD_UNIT_PATH, or
 * the usual directories); the last one counts. False: there is no such unit, or no such line.
 * errno: of the last file that is there and cannot be read; 0: none.
 */
bool site_unit_value(const char *unit, const char *key, char out[SITE_TEXT]);

/* ---- nginx ---- */

enum site_nginx {
    NGINX_MISSING /* not installed */,
    NGINX_WRONG /* or not readable */,
    NGINX_READ
};

/*
 * Runs `nginx -T`, with `-c conf` unless that is NULL: all files of its configuration, with
 * includes, in `text`; NGINX_WRONG: what nginx says instead.
 */
enum site_nginx site_read_nginx(const char *conf, struct buf *text);

/* The value of the next directive of that name at or after *at, which moves past it; comments do
 * not count. False: there is none. */
bool site_next_directive(const char **at, const char *name, char out[SITE_TEXT]);

/* The user of nginx's workers: as configured, else (`sure` is false) the usual name that exists
 * here. False: not known. */
bool site_nginx_user(const char *configuration, char out[SITE_TEXT], bool *sure);

/* ---- the receiver ---- */

/* Where the receiver's socket is without a look at nginx: as the socket unit says, else the path of
 * the examples. errno as of site_unit_value. */
void site_socket_path(char out[SITE_TEXT]);

enum site_receiver {
    RECEIVER_ABSENT,  /* there is no such socket */
    RECEIVER_GONE,    /* there is one, and nobody listens */
    RECEIVER_CLOSED,  /* we cannot connect, or may not: errno says why */
    RECEIVER_SILENT,  /* no answer in time */
    RECEIVER_FOREIGN, /* an answer that is not of bookspool-fcgi */
    RECEIVER_ANSWERS
};

/* Asks the receiver by FastCGI: GET /api/health. `body` gets what it answers; errno for the rest.
 */
enum site_receiver site_ask_receiver(const char *socket_path, struct buf *body);

#endif
