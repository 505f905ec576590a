#include "postgres/postgres.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <libpq-fe.h>

#include "postgres/parts.h"

enum { OPTIONS = 64 };

bool postgres_is_uri(const char *value)
{
    return strncmp(value, "postgres://", 11) == 0 || strncmp(value, "postgresql://", 13) == 0;
}

/* ---- words ---- */

/* One line, and the password nowhere in it. */
static void put_line(struct postgres *p, const char *text)
{
    const char *password = p->conn ? PQpass(p->conn) : NULL;
    size_t len = password ? strlen(password) : 0;
    for (; *text; text++)
        if (len && strncmp(text, password, len) == 0) {
            buf_puts(&p->message, "***");
            text += len - 1;
        } else if (*text == '\t')
            continue; /* libpq begins a second line with it */
        else if (*text != '\n')
            buf_putc(&p->message, *text);
        else if (text[1])
            buf_puts(&p->message, "; ");
}

void postgres_keep_fault(struct postgres *p, enum postgres_fault fault, const char *text)
{
    p->fault = fault;
    buf_clear(&p->message);
    put_line(p, text);
}

enum postgres_fault postgres_fault(const struct postgres *p)
{
    return p->fault;
}

const char *postgres_message(const struct postgres *p)
{
    return buf_text(&p->message);
}

/* ---- the URI ---- */

const char *postgres_option(const struct postgres *p, const char *keyword)
{
    for (const PQconninfoOption *option = p->options; option->keyword; option++)
        if (strcmp(option->keyword, keyword) == 0)
            return option->val ? option->val : "";
    return "";
}

static bool is_given(const struct postgres *p, const char *keyword)
{
    return *postgres_option(p, keyword) != '\0';
}

bool postgres_has_password(const struct postgres *p)
{
    return p->has_password;
}

bool postgres_is_local(const struct postgres *p)
{
    const char *host = postgres_option(p, "host");
    bool local = true;
    if (is_given(p, "hostaddr"))
        return false;
    for (size_t len; local && *host; host += len + (host[len] == ',')) {
        len = strcspn(host, ",");
        local = len == 0 || *host == '/' || *host == '@';
    }
    return local;
}

static void put_name(struct postgres *p)
{
    const char *user = postgres_option(p, "user"), *host = postgres_option(p, "host"),
               *port = postgres_option(p, "port"), *base = postgres_option(p, "dbname");
    buf_puts(&p->name, "postgresql://");
    if (*user)
        buf_printf(&p->name, "%s@", user);
    buf_puts(&p->name, *host ? host : postgres_option(p, "hostaddr"));
    if (*port && strcmp(port, "5432") != 0)
        buf_printf(&p->name, ":%s", port);
    buf_printf(&p->name, "/%s", *base ? base : user);
}

/* libpq's message ends with the URI, or the part of it that is wrong: in it could be a password. */
static void put_uri_fault(const char *message, struct buf *why)
{
    buf_puts(why, "is not a URI that libpq understands");
    if (message && strncmp(message, "invalid ", 8) == 0)
        buf_printf(why, " (%.*s)", (int)strcspn(message, ":\"\n"), message);
    buf_puts(why, "; right is postgresql://USER@HOST:PORT/DATABASE?sslmode=verify-full, and a "
                  "character other than letters, digits and -._~ in a password is written as %XX");
}

struct postgres *postgres_open(
    const char *uri, const struct postgres_options *options, struct buf *why)
{
    char *message = NULL;
    struct postgres *p = calloc(1, sizeof *p);
    if (!p) {
        buf_puts(why, "out of memory");
        return NULL;
    }
    p->uri = strdup(uri);
    p->limits = options->limits;
    p->readonly = options->readonly;
    p->schema = strdup(options->schema);
    PQconninfoOption *given = PQconninfoParse(uri, &message);
    if (given)
        p->options = PQconndefaults(); /* with the environment */
    for (PQconninfoOption *to = p->options; given && to && to->keyword; to++)
        for (const PQconninfoOption *from = given; from->keyword; from++)
            if (from->val && strcmp(from->keyword, to->keyword) == 0) {
                PQfreemem(to->val);
                to->val = strdup(from->val);
                p->has_password |= strcmp(from->keyword, "password") == 0;
            }
    if (!given)
        put_uri_fault(message, why);
    else if (!p->uri || !p->schema || !p->options)
        buf_puts(why, "out of memory");
    else
        put_name(p);
    PQfreemem(message);
    PQconninfoFree(given);
    if (p->options && why->len == 0)
        return p;
    postgres_close(p);
    return NULL;
}

static void wipe(char *text)
{
    if (text)
        explicit_bzero(text, strlen(text));
    free(text);
}

void postgres_close(struct postgres *p)
{
    if (!p)
        return;
    PQfinish(p->conn);
    PQconninfoFree(p->options);
    wipe(p->uri);
    free(p->schema);
    buf_free(&p->name);
    buf_free(&p->message);
    free(p);
}

const char *postgres_name(const struct postgres *p)
{
    return buf_text(&p->name);
}

/* ---- connecting ---- */

/* Notices are for a person at a terminal, and libpq would print them. */
static void ignore_notice(void *context, const char *message)
{
    (void)context, (void)message;
}

/* libpq gives no code for a connection that was not made, only words; these are its own and the
 * server's, and a program that does not call setlocale(3) gets libpq's in English. */
static enum postgres_fault fault_of_connect(const char *message)
{
    static const char *const read_only[] = {"session is read-only", "in hot standby mode"};
    static const char *const refused[] = {"password", "authentication", "pg_hba.conf",
        "certificate", "role \"", "database \"", "SSL", "permission denied"};
    if (strncmp(message, "invalid ", 8) == 0) /* a value in the URI */
        return POSTGRES_OTHER;
    if (strstr(message, "SYSCALL"))
        return POSTGRES_LOST;
    for (size_t i = 0; i < sizeof read_only / sizeof *read_only; i++)
        if (strstr(message, read_only[i]))
            return POSTGRES_READ_ONLY;
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
        if (strstr(message, refused[i]))
            return POSTGRES_REFUSED;
    return POSTGRES_LOST;
}

/*
 * What the URI says comes after these and counts. GSS would look for tickets in places that the
 * sandbox does not know.
 */
static PGconn *connect_by_libpq(const struct postgres *p)
{
    char timeout[24], user_timeout[24];
    const char *keywords[OPTIONS], *values[OPTIONS];
    snprintf(timeout, sizeof timeout, "%lld", (long long)((p->limits.connect + 999) / 1000));
    snprintf(user_timeout, sizeof user_timeout, "%d", LOST_AFTER_MS);
    const char *const defaults[][2] = {{"connect_timeout", timeout}, {"keepalives", "1"},
        {"keepalives_idle", "10"}, {"keepalives_interval", "5"}, {"keepalives_count", "4"},
        {"tcp_user_timeout", user_timeout}, {"gssencmode", "disable"},
        {"application_name", "bookspool"},
        {"target_session_attrs", p->readonly ? "any" : "read-write"}, {"dbname", p->uri},
        {"client_encoding", "UTF8"}, {NULL, NULL}};
    size_t count = 0;
    do {
        keywords[count] = defaults[count][0];
        values[count] = defaults[count][1];
    } while (keywords[count++]);
    return PQconnectdbParams(keywords, values, 1);
}

/* Durable is what a commit must be; a stricter setting than that of the session stays. */
static bool set_up_session(struct postgres *p)
{
    struct buf sql = {0}, commit = {0};
    buf_printf(&sql,
        "SET search_path = %s; SET statement_timeout = %lld; SET lock_timeout = %lld;"
        "SET idle_in_transaction_session_timeout = %lld; SET client_min_messages = warning;",
        p->schema, (long long)p->limits.statement, (long long)p->limits.lock,
        (long long)p->limits.idle);
    if (p->readonly)
        buf_puts(&sql, "SET default_transaction_read_only = on;");
    buf_puts(&sql, "SHOW synchronous_commit");
    bool ok = !sql.failed && postgres_ask(p, buf_text(&sql), &commit);
    if (ok && (strcmp(buf_text(&commit), "off") == 0 || strcmp(buf_text(&commit), "local") == 0))
        ok = postgres_exec(p, "SET synchronous_commit = on");
    buf_free(&sql);
    buf_free(&commit);
    return ok;
}

void postgres_forked(struct postgres *p)
{
    p->conn = NULL; /* to end it would end the parent's session */
    p->stream = NULL;
}

bool postgres_ready(struct postgres *p)
{
    if (p->conn && PQstatus(p->conn) == CONNECTION_OK)
        return true;
    PQfinish(p->conn);
    p->conn = connect_by_libpq(p);
    p->generation++;
    p->stream = NULL;
    if (!p->conn || PQstatus(p->conn) != CONNECTION_OK) {
        const char *message = p->conn ? PQerrorMessage(p->conn) : "out of memory";
        postgres_keep_fault(p, fault_of_connect(message), message);
        PQfinish(p->conn);
        p->conn = NULL;
        return false;
    }
    PQsetNoticeProcessor(p->conn, ignore_notice, NULL);
    PQsetnonblocking(p->conn, 1); /* statement.c waits, and for so long only */
    p->fault = POSTGRES_FINE;
    const char *encoding = postgres_parameter(p, "server_encoding");
    if (*encoding && strcasecmp(encoding, "UTF8") != 0) {
        postgres_keep_fault(p, POSTGRES_OTHER,
            "the database cannot hold all characters: make it with ENCODING 'UTF8'");
        PQfinish(p->conn);
        p->conn = NULL;
        return false;
    }
    if (set_up_session(p))
        return true;
    PQfinish(p->conn);
    p->conn = NULL;
    return false;
}

bool postgres_is_new(struct postgres *p)
{
    bool is_new = p->generation != p->seen;
    p->seen = p->generation;
    return is_new;
}

int postgres_version(const struct postgres *p)
{
    return p->conn ? PQserverVersion(p->conn) : 0;
}

const char *postgres_parameter(const struct postgres *p, const char *name)
{
    const char *value = p->conn ? PQparameterStatus(p->conn, name) : NULL;
    return value ? value : "";
}

const char *postgres_tls(const struct postgres *p)
{
    const char *protocol =
        p->conn && PQsslInUse(p->conn) ? PQsslAttribute(p->conn, "protocol") : NULL;
    return protocol ? protocol : "";
}

bool postgres_begun(const struct postgres *p)
{
    PGTransactionStatusType status = p->conn ? PQtransactionStatus(p->conn) : PQTRANS_UNKNOWN;
    return status == PQTRANS_INTRANS || status == PQTRANS_INERROR || status == PQTRANS_ACTIVE;
}
