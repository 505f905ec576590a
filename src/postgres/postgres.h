/*
 * postgres: one connection to PostgreSQL, or to a server that speaks its protocol, by libpq.
 *
 * The connection is a URI of libpq (postgresql://USER@HOST:PORT/DB?sslmode=verify-full...), with
 * its own words for TLS, several hosts and files; the password may be in it, in the file that
 * passfile= or PGPASSFILE names, or in PGPASSWORD. No function gives it out: names and messages
 * are without it.
 *
 * A call that fails returns false (or NULL); postgres_fault says of what kind it is, and
 * postgres_message what the server or libpq said. A connection that is lost is made anew by the
 * next postgres_ready, never inside a transaction. One thread.
 */
#ifndef POSTGRES_POSTGRES_H
#define POSTGRES_POSTGRES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

struct postgres;
struct postgres_statement;

enum postgres_fault {
    POSTGRES_FINE,
    POSTGRES_LOST,      /* no server, or no longer: another attempt may reach one */
    POSTGRES_AGAIN,     /* another transaction was in the way: the same once more may succeed */
    POSTGRES_BUSY,      /* a lock or a statement took longer than its limit */
    POSTGRES_READ_ONLY, /* a standby, or a session that may not write */
    POSTGRES_REFUSED,   /* password, certificate, role, rights, or no such database */
    POSTGRES_ABSENT,    /* no such schema, table or column */
    POSTGRES_TAKEN,     /* another row has this key */
    POSTGRES_OTHER
};

/* How long things may take, in ms. */
struct postgres_limits {
    int64_t connect;   /* to each host; the URI's connect_timeout comes first */
    int64_t statement; /* statement_timeout */
    int64_t lock;      /* lock_timeout */
    int64_t idle;      /* idle_in_transaction_session_timeout */
};

struct postgres_options {
    struct postgres_limits limits;
    const char *schema; /* the only one that is searched */
    bool readonly;      /* nothing can be written; a standby is good enough */
};

/* Is that value a URI of PostgreSQL? */
bool postgres_is_uri(const char *value);

/*
 * Reads the URI; connects to nothing. NULL: `why` says what is wrong with it, without the URI. The
 * options are copied.
 */
struct postgres *postgres_open(
    const char *uri, const struct postgres_options *options, struct buf *why);
void postgres_close(struct postgres *postgres);

/* postgresql://USER@HOST:PORT/DB, without password and options. Lives as long as `postgres`. */
const char *postgres_name(const struct postgres *postgres);

/* The value that the URI, the environment or libpq gives an option, such as "sslmode"; "": none. */
const char *postgres_option(const struct postgres *postgres, const char *keyword);
/* Is a password in the URI itself? */
bool postgres_has_password(const struct postgres *postgres);
/* Is every host of the URI a socket of this machine? */
bool postgres_is_local(const struct postgres *postgres);

/* Connects where there is no connection. False: the fault is LOST, READ_ONLY, REFUSED or OTHER. */
bool postgres_ready(struct postgres *postgres);
/* Was it made since the last call of this function? Prepared statements are made anew by
 * themselves; what a caller has read of the server is not. */
bool postgres_is_new(struct postgres *postgres);

/* In a process that was forked: the connection stays the parent's, and the next postgres_ready
 * makes another. */
void postgres_forked(struct postgres *postgres);

enum postgres_fault postgres_fault(const struct postgres *postgres);
/* One line, without the password. Lives until the next call. */
const char *postgres_message(const struct postgres *postgres);

/* The server's number, such as 150018, and what it says of itself ("" : not connected). */
int postgres_version(const struct postgres *postgres);
const char *postgres_parameter(const struct postgres *postgres, const char *name);
/* "TLSv1.3", or "" where the connection is not encrypted. */
const char *postgres_tls(const struct postgres *postgres);

bool postgres_begun(const struct postgres *postgres); /* a transaction is open, or has failed */
/* Ends it. False also when a statement of it had failed, which a server takes for a rollback. */
bool postgres_commit(struct postgres *postgres);
/* Takes it back, if there is one; rows that are still coming are dropped. */
void postgres_rollback(struct postgres *postgres);

/* SQL without parameters, also several statements. */
bool postgres_exec(struct postgres *postgres, const char *sql);
/* The same; the first column of the first row of the last statement. False also when it gives no
 * row: the fault is FINE then. */
bool postgres_ask(struct postgres *postgres, const char *sql, struct buf *value);
/* The rows that the last statement wrote. */
int64_t postgres_changed(const struct postgres *postgres);

/* ---- statements ---- */

enum { POSTGRES_PARAMETERS = 24 };

enum postgres_manner {
    POSTGRES_KEPT, /* prepared on the server at its first run, for many more */
    POSTGRES_ONCE,
    POSTGRES_STREAM /* rows come one by one and are not held; nothing else runs until its end */
};

enum postgres_step { POSTGRES_ROW, POSTGRES_END, POSTGRES_FAILED };

/* Parameters are $1, $2, ... NULL: no memory. */
struct postgres_statement *postgres_prepare(
    struct postgres *postgres, const char *sql, enum postgres_manner manner);
void postgres_end(struct postgres_statement *statement);

/* Parameters count from 1. NULL is SQL's NULL. Texts must live until the first step. */
void postgres_bind_text(struct postgres_statement *statement, int place, const char *text);
void postgres_bind_number(struct postgres_statement *statement, int place, int64_t number);
/* Bytes must live until the first step, too. */
void postgres_bind_bytes(
    struct postgres_statement *statement, int place, const void *data, size_t len);
void postgres_bind_no_number(struct postgres_statement *statement, int place);

/* Runs it at the first call; each call gives a row. A reset makes the next call run it again, with
 * the parameters as they are. */
enum postgres_step postgres_step(struct postgres_statement *statement);
void postgres_reset(struct postgres_statement *statement);
/* All parameters are SQL's NULL again: texts that were bound may have gone. */
void postgres_unbind(struct postgres_statement *statement);

/* Columns count from 0. A text lives until the next step or reset. */
int postgres_columns(const struct postgres_statement *statement);
const char *postgres_column_name(const struct postgres_statement *statement, int column);
const char *postgres_text(const struct postgres_statement *statement, int column);
int64_t postgres_number(const struct postgres_statement *statement, int column);
bool postgres_is_null(const struct postgres_statement *statement, int column);
/* Appends the bytes of a BYTEA. False: memory. */
bool postgres_bytes(const struct postgres_statement *statement, int column, struct buf *bytes);

#endif
