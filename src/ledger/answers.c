#include "ledger/answers.h"

#include "base/clock.h"
#include "ledger/store.h"

/* Later than every other use: a number, so that no clock decides what goes first. */
#define NEXT_USE "(SELECT coalesce(max(used), 0) + 1 FROM answer)"

bool answers_get(
    struct ledger *ledger, const char *id, int64_t since, int64_t now, struct buf *body)
{
    struct statement *s = store_aside(ledger,
        "SELECT body, CASE WHEN used < (SELECT max(used) FROM answer)"
        " THEN 1 ELSE 0 END FROM answer WHERE id = ?1 AND stored BETWEEN ?2 AND ?3");
    store_bind_text(s, 1, id);
    store_bind_number(s, 2, since);
    store_bind_number(s, 3, now);
    bool found = store_aside_row(s), older = false;
    if (found) {
        buf_puts(body, store_peek(s, 0));
        older = store_number(s, 1) != 0;
    }
    store_end(s);
    if (older) {
        s = store_aside(ledger, "UPDATE answer SET used = " NEXT_USE " WHERE id = ?1");
        store_bind_text(s, 1, id);
        store_aside_run(ledger, s);
    }
    return found && !body->failed;
}

bool answers_put(struct ledger *ledger, const char *id, const char *provider, const char *body,
    int64_t now, int64_t since, int64_t most)
{
    struct statement *s = store_aside(ledger,
        "INSERT INTO answer VALUES(?1, ?2, ?3, " NEXT_USE ", ?4)"
        " ON CONFLICT(id) DO UPDATE SET provider = excluded.provider,"
        " stored = excluded.stored, used = excluded.used, body = excluded.body");
    store_bind_text(s, 1, id);
    store_bind_text(s, 2, provider);
    store_bind_number(s, 3, now);
    store_bind_text(s, 4, body);
    if (!store_aside_run(ledger, s))
        return false;
    s = store_aside(ledger, "DELETE FROM answer WHERE stored < ?1 OR stored > ?2 OR used <="
                            " (SELECT used FROM answer ORDER BY used DESC LIMIT 1 OFFSET ?3)");
    store_bind_number(s, 1, since);
    store_bind_number(s, 2, now);
    store_bind_number(s, 3, most);
    return store_aside_run(ledger, s);
}

bool answers_clear(struct ledger *ledger, const char *provider, int64_t *count)
{
    struct statement *s =
        store_aside(ledger, "DELETE FROM answer WHERE ?1 IS NULL OR provider = ?1");
    store_bind_text(s, 1, provider);
    bool ok = store_aside_run(ledger, s);
    *count = ok ? store_changed(ledger) : 0;
    return ok;
}

bool answers_count(struct ledger *ledger, const char *provider, int64_t *count)
{
    struct statement *s =
        store_aside(ledger, "SELECT count(*) FROM answer WHERE ?1 IS NULL OR provider = ?1");
    store_bind_text(s, 1, provider);
    bool ok = store_aside_row(s);
    *count = ok ? store_number(s, 0) : 0;
    store_end(s);
    return ok;
}
