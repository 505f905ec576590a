/* What is asked of the server: statements, their parameters and rows, and the kinds of errors. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "postgres/parts.h"

/* Of the server's catalog (pg_type.dat); they never change. */
enum { TYPE_BYTEA = 17, TYPE_BIGINT = 20, TYPE_TEXT = 25 };

enum { NUMBER = 24, NAME = 24 };

struct postgres_statement {
    struct postgres *p;
    char *sql;
    enum postgres_manner manner;
    char name[NAME];          /* on the server */
    unsigned long generation; /* of the connection that knows the name; 0: none */
    int parameters;           /* in the text; one that is not bound is SQL's NULL */
    Oid type[POSTGRES_PARAMETERS];
    const char *value[POSTGRES_PARAMETERS];
    int length[POSTGRES_PARAMETERS], format[POSTGRES_PARAMETERS]; /* 1: bytes */
    char number[POSTGRES_PARAMETERS][NUMBER];
    PGresult *result; /* NULL: it has not run */
    int row;
};

/* ---- errors ---- */

static const struct {
    const char *state; /* SQLSTATE, or the class that it begins with */
    enum postgres_fault fault;
} faults[] = {
    {"40001", POSTGRES_AGAIN},     /* serialization_failure */
    {"40P01", POSTGRES_AGAIN},     /* deadlock_detected */
    {"55P03", POSTGRES_BUSY},      /* lock_not_available */
    {"57014", POSTGRES_BUSY},      /* query_canceled: statement_timeout */
    {"25006", POSTGRES_READ_ONLY}, /* read_only_sql_transaction */
    {"25P03", POSTGRES_LOST},      /* idle_in_transaction_session_timeout */
    {"57P", POSTGRES_LOST},        /* the server shuts down, has crashed, or starts */
    {"08", POSTGRES_LOST},         /* connection exceptions */
    {"42501", POSTGRES_REFUSED},   /* insufficient_privilege */
    {"28", POSTGRES_REFUSED},      /* invalid authorization */
    {"3F000", POSTGRES_ABSENT},    /* no such schema */
    {"42P01", POSTGRES_ABSENT},    /* no such table */
    {"42703", POSTGRES_ABSENT},    /* no such column */
    {"23505", POSTGRES_TAKEN},     /* unique_violation */
};

/* The server's DETAIL is left out: it has values, and values are persons. */
static void keep_fault(struct postgres *p, const PGresult *result)
{
    const char *state = result ? PQresultErrorField(result, PG_DIAG_SQLSTATE) : NULL;
    const char *text = result ? PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY) : NULL;
    enum postgres_fault fault = POSTGRES_OTHER;
    for (size_t i = 0; state && i < sizeof faults / sizeof *faults; i++)
        if (strncmp(state, faults[i].state, strlen(faults[i].state)) == 0) {
            fault = faults[i].fault;
            break;
        }
    if (PQstatus(p->conn) != CONNECTION_OK)
        fault = POSTGRES_LOST;
    postgres_keep_fault(p, fault, text ? text : PQerrorMessage(p->conn));
    if (fault == POSTGRES_LOST && PQstatus(p->conn) == CONNECTION_OK) {
        PQfinish(p->conn); /* a server that is going down answers once more at most */
        p->conn = NULL;
    }
}

static bool is_good(const PGresult *result)
{
    ExecStatusType status = PQresultStatus(result);
    return status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK ||
           status == PGRES_SINGLE_TUPLE || status == PGRES_EMPTY_QUERY;
}

static bool keep_result(struct postgres *p, PGresult *result)
{
    if (!is_good(result)) {
        keep_fault(p, result);
        return false;
    }
    p->fault = POSTGRES_FINE;
    p->changed = strtoll(PQcmdTuples(result), NULL, 10);
    return true;
}

/* ---- answers ---- */

static bool wait_for(PGconn *conn, short events, int64_t until)
{
    struct pollfd socket = {.fd = PQsocket(conn), .events = events};
    int rc;
    do {
        int64_t left = until - clock_monotonic();
        rc = left > 0 ? poll(&socket, 1, (int)left) : 0;
    } while (rc < 0 && errno == EINTR);
    return rc > 0;
}

static bool flush(PGconn *conn, int64_t until)
{
    int rest;
    while ((rest = PQflush(conn)) > 0)
        if (!wait_for(conn, POLLIN | POLLOUT, until) || !PQconsumeInput(conn))
            return false;
    return rest == 0;
}

/*
 * A server that hangs, or is behind a network that loses everything, may never answer: its limit
 * for a statement does not count then, nor for the wait of a commit for a standby. The connection
 * is ended here instead.
 */
static PGresult *next_result(struct postgres *p)
{
    int64_t until = clock_monotonic() + p->limits.statement + SILENT_AFTER_MS;
    bool ok = flush(p->conn, until);
    while (ok && PQisBusy(p->conn))
        ok = wait_for(p->conn, POLLIN, until) && PQconsumeInput(p->conn);
    if (!ok && PQsocket(p->conn) >= 0)
        shutdown(PQsocket(p->conn), SHUT_RDWR);
    return PQgetResult(p->conn);
}

/* Of what was sent: the last result, or the first that is an error. */
static PGresult *await(struct postgres *p, bool sent)
{
    PGresult *kept = NULL, *next;
    while (sent && (next = next_result(p))) {
        bool failed = kept && PQresultStatus(kept) == PGRES_FATAL_ERROR;
        PQclear(failed ? next : kept);
        kept = failed ? kept : next;
    }
    return kept;
}

static PGresult *ask(struct postgres *p, const char *sql)
{
    return await(p, PQsendQuery(p->conn, sql));
}

/* False: nothing can be asked at present. */
static bool is_free(struct postgres *p)
{
    if (!p->conn)
        postgres_keep_fault(p, POSTGRES_LOST, "there is no connection");
    else if (p->stream)
        postgres_keep_fault(p, POSTGRES_OTHER, "a statement runs whose rows are not all read");
    return p->conn && !p->stream;
}

bool postgres_exec(struct postgres *p, const char *sql)
{
    if (!is_free(p))
        return false;
    PGresult *result = ask(p, sql);
    bool ok = keep_result(p, result);
    PQclear(result);
    return ok;
}

bool postgres_ask(struct postgres *p, const char *sql, struct buf *value)
{
    if (!is_free(p))
        return false;
    PGresult *result = ask(p, sql);
    bool ok = keep_result(p, result) && PQntuples(result) > 0;
    if (ok)
        buf_puts(value, PQgetvalue(result, 0, 0));
    PQclear(result);
    return ok;
}

int64_t postgres_changed(const struct postgres *p)
{
    return p->changed;
}

/* ---- statements ---- */

struct postgres_statement *postgres_prepare(
    struct postgres *p, const char *sql, enum postgres_manner manner)
{
    struct postgres_statement *s = calloc(1, sizeof *s);
    if (s && !(s->sql = strdup(sql))) {
        free(s);
        s = NULL;
    }
    if (!s) {
        postgres_keep_fault(p, POSTGRES_OTHER, "out of memory");
        return NULL;
    }
    s->p = p;
    s->manner = manner;
    for (const char *at = s->sql; (at = strchr(at, '$')); at++) {
        long place = strtol(at + 1, NULL, 10);
        if (place > s->parameters && place <= POSTGRES_PARAMETERS)
            s->parameters = (int)place;
    }
    return s;
}

static void bind_value(struct postgres_statement *s, int place, Oid type, const char *value)
{
    if (place < 1 || place > POSTGRES_PARAMETERS)
        return;
    s->type[place - 1] = type;
    s->value[place - 1] = value;
}

void postgres_bind_text(struct postgres_statement *s, int place, const char *text)
{
    bind_value(s, place, TYPE_TEXT, text);
}

void postgres_bind_number(struct postgres_statement *s, int place, int64_t number)
{
    if (place < 1 || place > POSTGRES_PARAMETERS)
        return;
    snprintf(s->number[place - 1], NUMBER, "%lld", (long long)number);
    bind_value(s, place, TYPE_BIGINT, s->number[place - 1]);
}

void postgres_bind_bytes(struct postgres_statement *s, int place, const void *data, size_t len)
{
    bind_value(s, place, TYPE_BYTEA, len ? data : "");
    s->format[place - 1] = 1;
    s->length[place - 1] = (int)len;
}

void postgres_bind_no_number(struct postgres_statement *s, int place)
{
    bind_value(s, place, TYPE_BIGINT, NULL);
}

static bool make_known(struct postgres_statement *s)
{
    struct postgres *p = s->p;
    if (s->generation == p->generation)
        return true;
    snprintf(s->name, sizeof s->name, "s%lu", ++p->names);
    PGresult *result = await(p, PQsendPrepare(p->conn, s->name, s->sql, s->parameters, s->type));
    bool ok = keep_result(p, result);
    PQclear(result);
    if (ok)
        s->generation = p->generation;
    return ok;
}

static bool run(struct postgres_statement *s)
{
    struct postgres *p = s->p;
    if (!is_free(p) || (s->manner == POSTGRES_KEPT && !make_known(s)))
        return false;
    if (s->manner == POSTGRES_KEPT)
        s->result = await(p, PQsendQueryPrepared(p->conn, s->name, s->parameters, s->value,
                                 s->length, s->format, 0));
    else if (s->manner == POSTGRES_ONCE)
        s->result = await(p, PQsendQueryParams(p->conn, s->sql, s->parameters, s->type, s->value,
                                 s->length, s->format, 0));
    else {
        if (!PQsendQueryParams(
                p->conn, s->sql, s->parameters, s->type, s->value, s->length, s->format, 0) ||
            !PQsetSingleRowMode(p->conn)) {
            keep_fault(p, NULL);
            return false;
        }
        p->stream = s;
        s->result = PQgetResult(p->conn);
    }
    s->row = -1;
    return true;
}

/* The rows of a stream that are not wanted are read and dropped, until the server has said all. */
static void end_stream(struct postgres_statement *s)
{
    struct postgres *p = s->p;
    PGresult *result;
    if (p->stream != s)
        return;
    while ((result = PQgetResult(p->conn)))
        PQclear(result);
    p->stream = NULL;
}

bool postgres_commit(struct postgres *p)
{
    if (!is_free(p))
        return false;
    PGresult *result = ask(p, "COMMIT");
    bool ok = keep_result(p, result);
    if (ok && strcmp(PQcmdStatus(result), "COMMIT") != 0) {
        postgres_keep_fault(p, POSTGRES_OTHER, "a statement of the transaction had failed");
        ok = false;
    }
    PQclear(result);
    return ok;
}

/* What went wrong before is kept: that is what the caller will tell. */
void postgres_rollback(struct postgres *p)
{
    if (p->stream)
        end_stream(p->stream);
    if (postgres_begun(p))
        PQclear(ask(p, "ROLLBACK"));
}

enum postgres_step postgres_step(struct postgres_statement *s)
{
    struct postgres *p = s->p;
    if (!s->result && !run(s))
        return POSTGRES_FAILED;
    else if (p->stream == s && s->row >= 0) {
        PQclear(s->result);
        s->result = PQgetResult(p->conn);
    }
    if (!keep_result(p, s->result)) {
        end_stream(s);
        return POSTGRES_FAILED;
    }
    if (p->stream == s)
        s->row = PQntuples(s->result) > 0 ? 0 : -1;
    else
        s->row++;
    if (s->row >= 0 && s->row < PQntuples(s->result))
        return POSTGRES_ROW;
    end_stream(s);
    return POSTGRES_END;
}

void postgres_reset(struct postgres_statement *s)
{
    end_stream(s);
    PQclear(s->result);
    s->result = NULL;
    s->row = -1;
}

void postgres_unbind(struct postgres_statement *s)
{
    memset(s->value, 0, sizeof s->value);
}

void postgres_end(struct postgres_statement *s)
{
    if (!s)
        return;
    postgres_reset(s);
    free(s->sql);
    free(s);
}

/* ---- rows ---- */

int postgres_columns(const struct postgres_statement *s)
{
    return PQnfields(s->result);
}

const char *postgres_column_name(const struct postgres_statement *s, int column)
{
    return PQfname(s->result, column);
}

const char *postgres_text(const struct postgres_statement *s, int column)
{
    return PQgetisnull(s->result, s->row, column) ? NULL : PQgetvalue(s->result, s->row, column);
}

int64_t postgres_number(const struct postgres_statement *s, int column)
{
    const char *text = postgres_text(s, column);
    return text ? strtoll(text, NULL, 10) : 0;
}

bool postgres_is_null(const struct postgres_statement *s, int column)
{
    return PQgetisnull(s->result, s->row, column);
}

bool postgres_bytes(const struct postgres_statement *s, int column, struct buf *bytes)
{
    const char *text = postgres_text(s, column);
    size_t len = 0;
    unsigned char *data = PQunescapeBytea((const unsigned char *)(text ? text : ""), &len);
    if (data)
        buf_add(bytes, data, len);
    PQfreemem(data);
    return data && !bytes->failed;
}
