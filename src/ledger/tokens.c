#include "ledger/tokens.h"

#include <stdio.h>

#include "base/clock.h"
#include "ledger/store.h"

bool tokens_get(struct ledger *ledger, const char *fingerprint, struct token_row *row)
{
    struct statement *s =
        store_aside(ledger, "SELECT first, last, uses, due, refused, scopes,"
                            " coalesce(account, '') FROM token WHERE fingerprint = ?1");
    *row = (struct token_row){
        .first = TIME_NONE, .last = TIME_NONE, .due = TIME_NONE, .refused = TIME_NONE};
    store_bind_text(s, 1, fingerprint);
    if (store_aside_row(s)) {
        row->first = store_number(s, 0);
        row->last = store_number(s, 1);
        row->uses = store_number(s, 2);
        row->due = store_time(s, 3);
        row->refused = store_time(s, 4);
        row->scopes = (unsigned)store_number(s, 5);
        snprintf(row->account, sizeof row->account, "%s", store_peek(s, 6));
    }
    bool ok = s != NULL;
    store_end(s);
    return ok;
}

bool tokens_add(
    struct ledger *ledger, const char *fingerprint, const char *provider, int64_t uses, int64_t now)
{
    struct statement *s = store_aside(ledger,
        "INSERT INTO token(fingerprint, provider, first, last, uses) VALUES(?1,?2,?3,?3,?4)"
        " ON CONFLICT(fingerprint) DO UPDATE SET uses = token.uses + excluded.uses,"
        " last = CASE WHEN excluded.last > token.last THEN excluded.last ELSE token.last END");
    store_bind_text(s, 1, fingerprint);
    store_bind_text(s, 2, provider);
    store_bind_number(s, 3, now);
    store_bind_number(s, 4, uses);
    return store_aside_run(ledger, s);
}

bool tokens_mark(struct ledger *ledger, const char *fingerprint, const struct token_row *row)
{
    struct statement *s = store_aside(ledger,
        "UPDATE token SET due = ?2, refused = ?3, scopes = ?4, account = nullif(?5, '')"
        " WHERE fingerprint = ?1");
    store_bind_text(s, 1, fingerprint);
    store_bind_time(s, 2, row->due);
    store_bind_time(s, 3, row->refused);
    store_bind_number(s, 4, row->scopes);
    store_bind_text(s, 5, row->account);
    return store_aside_run(ledger, s);
}
