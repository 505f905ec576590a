/* What is special of a ledger on a server: see ledger/server.h. */
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ledger/schema_postgres.h"
#include "ledger/server.h"

enum { OLDEST = 120000 }; /* the oldest server that this was written for: PostgreSQL 12 */

bool ledger_is_on_server(const char *value)
{
    return postgres_is_uri(value);
}

void ledger_name(const char *value, struct buf *name)
{
    struct buf ignored = {0};
    struct postgres *p = postgres_is_uri(value) ? server_open(value, true, &ignored) : NULL;
    buf_puts(name, p ? postgres_name(p) : postgres_is_uri(value) ? "postgresql://..." : value);
    postgres_close(p);
    buf_free(&ignored);
}

bool ledger_has_password(const char *value)
{
    struct buf ignored = {0};
    struct postgres *p = postgres_is_uri(value) ? server_open(value, true, &ignored) : NULL;
    bool has = p && postgres_has_password(p);
    postgres_close(p);
    buf_free(&ignored);
    return has;
}

/* ---- examining ---- */

struct examination {
    struct postgres *p;
    void (*find)(void *context, enum ledger_level level, const char *text, const char *remedy);
    void *context;
    bool wrong;
};

static void find(
    struct examination *e, enum ledger_level level, const char *text, const char *remedy)
{
    struct buf line = {0};
    buf_printf(&line, "%s %s", postgres_name(e->p), text);
    e->find(e->context, level, buf_text(&line), remedy);
    e->wrong |= level == LEDGER_WRONG;
    buf_free(&line);
}

static const char *remedy_of(enum postgres_fault fault)
{
    switch (fault) {
    case POSTGRES_LOST:
        return "is the server running, and does a firewall let this machine through? psql with "
               "the same URI says more";
    case POSTGRES_REFUSED:
        return "user, password, certificate and the server's pg_hba.conf have to agree; "
               "examples/postgresql has the roles and lines";
    case POSTGRES_READ_ONLY:
        return "name the primary, or all servers: postgresql://USER@HOST1,HOST2/DATABASE";
    default:
        return NULL;
    }
}

/* 0 or 1 of the server; a question that it does not know is answered by 0. */
static bool is_so(struct postgres *p, const char *sql)
{
    struct buf value = {0};
    bool so = postgres_ask(p, sql, &value) && strcmp(buf_text(&value), "1") == 0;
    buf_free(&value);
    return so;
}

static void examine_encryption(struct examination *e)
{
    const char *mode = postgres_option(e->p, "sslmode");
    if (postgres_is_local(e->p))
        return;
    if (!*postgres_tls(e->p))
        find(e, LEDGER_DOUBTFUL, "is reached without encryption",
            "add ?sslmode=verify-full&sslrootcert=FILE to the URI");
    else if (strncmp(mode, "verify-", 7) != 0)
        find(e, LEDGER_DOUBTFUL, "is encrypted, but nothing checks that it is the right server",
            "add ?sslmode=verify-full&sslrootcert=FILE to the URI");
}

static void examine_server(struct examination *e)
{
    struct postgres *p = e->p;
    if (postgres_version(p) < OLDEST)
        find(e, LEDGER_DOUBTFUL, "is older than PostgreSQL 12, for which bookspool was made", NULL);
    if (is_so(p, "SELECT 1 FROM pg_settings WHERE name IN ('fsync', 'full_page_writes')"
                 " AND setting = 'off'"))
        find(e, LEDGER_WRONG,
            "loses what was committed at a power cut: fsync or full_page_writes is off",
            "set both to on in the server's postgresql.conf");
    if (is_so(p, "SELECT CASE current_setting('is_superuser') WHEN 'on' THEN 1 ELSE 0 END"))
        find(e, LEDGER_DOUBTFUL, "lets bookspool in as a superuser",
            "use a role that can only do what the drain needs: examples/postgresql/roles.sql");
}

/* Each right by itself: of several, has_table_privilege is content with one. */
static void examine_rights(struct examination *e)
{
    static const char missing[] =
        "SELECT string_agg(DISTINCT needed, ', ') FROM pg_tables,"
        " (VALUES ('SELECT'), ('INSERT'), ('UPDATE'), ('DELETE')) AS r(needed)"
        " WHERE schemaname = '" SCHEMA_NAME "' AND tablename NOT IN ('version', 'writer')"
        " AND NOT has_table_privilege(quote_ident(schemaname) || '.' || quote_ident(tablename),"
        "  needed)";
    struct buf lacks = {0}, text = {0};
    if (postgres_ask(e->p, missing, &lacks) && lacks.len) {
        buf_printf(&text, "does not let %s %s in every table", postgres_option(e->p, "user"),
            buf_text(&lacks));
        find(e, LEDGER_WRONG, buf_text(&text),
            "grant the drain's role what examples/postgresql/roles.sql does");
    } else if (!is_so(e->p, "SELECT CASE WHEN has_table_privilege('" SCHEMA_NAME
                            ".writer', 'UPDATE') THEN 1 ELSE 0 END"))
        find(e, LEDGER_WRONG, "does not let this role write: it has no UPDATE on the table writer",
            "grant the drain's role what examples/postgresql/roles.sql does");
    buf_free(&lacks);
    buf_free(&text);
}

static void examine_tables(struct examination *e)
{
    struct buf why = {0};
    int version;
    if (!schema_version(e->p, &version)) {
        buf_printf(&why, "cannot be read: %s", postgres_message(e->p));
        find(e, LEDGER_WRONG, buf_text(&why),
            "grant the drain's role what examples/postgresql/roles.sql does");
    } else {
        schema_judge(version, &why);
        if (why.len)
            find(e, LEDGER_WRONG, buf_text(&why), NULL);
        else
            examine_rights(e);
    }
    buf_free(&why);
}

void ledger_examine(const char *value,
    void (*report)(void *context, enum ledger_level level, const char *text, const char *remedy),
    void *context)
{
    struct buf why = {0};
    struct examination e = {
        .p = server_open(value, false, &why), .find = report, .context = context};
    if (!e.p)
        report(context, LEDGER_WRONG, buf_text(&why), NULL);
    else if (!postgres_ready(e.p)) {
        buf_printf(&why, "cannot be used: %s", postgres_message(e.p));
        find(&e, LEDGER_WRONG, buf_text(&why), remedy_of(postgres_fault(e.p)));
    } else {
        examine_encryption(&e);
        examine_server(&e);
        examine_tables(&e);
        buf_printf(&why, "is PostgreSQL %s, %s", postgres_parameter(e.p, "server_version"),
            *postgres_tls(e.p)       ? postgres_tls(e.p)
            : postgres_is_local(e.p) ? "on this machine"
                                     : "not encrypted");
        if (!e.wrong)
            find(&e, LEDGER_GOOD, buf_text(&why), NULL);
    }
    postgres_close(e.p);
    buf_free(&why);
}

/* ---- its tables and files ---- */

bool ledger_migrate(const char *value, int *before, struct buf *why)
{
    struct buf fault = {0};
    struct postgres *p = server_open(value, false, why);
    bool ok = p && schema_migrate(p, before, &fault);
    if (p && !ok)
        buf_printf(why, "%s: %s", postgres_name(p), buf_text(&fault));
    postgres_close(p);
    buf_free(&fault);
    return ok;
}

/* Where libpq looks when the URI and the environment name no file. */
static bool allow_home(bool (*allow)(void *context, const char *path), void *context)
{
    static const char *const names[] = {".pgpass", ".postgresql"};
    const struct passwd *user = getpwuid(geteuid());
    const char *home = getenv("HOME");
    char path[PATH_MAX];
    bool ok = true;
    if (!home || !*home)
        home = user ? user->pw_dir : "";
    for (size_t i = 0; ok && *home == '/' && i < sizeof names / sizeof *names; i++)
        if (snprintf(path, sizeof path, "%s/%s", home, names[i]) < (int)sizeof path)
            ok = allow(context, path);
    return ok;
}

bool ledger_server_files(
    const char *value, bool (*allow)(void *context, const char *path), void *context)
{
    static const char *const files[] = {
        "passfile", "sslrootcert", "sslcert", "sslkey", "sslcrl", "sslcrldir"};
    struct buf ignored = {0};
    struct postgres *p = server_open(value, true, &ignored);
    bool ok = !p || allow_home(allow, context);
    for (size_t i = 0; p && ok && i < sizeof files / sizeof *files; i++) {
        const char *path = postgres_option(p, files[i]);
        ok = *path != '/' || allow(context, path);
    }
    postgres_close(p);
    buf_free(&ignored);
    return ok;
}
