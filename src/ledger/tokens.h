/*
 * tokens: what is known of each token of the providers' APIs, by its fingerprint, across runs and
 * processes. The token itself is not kept.
 *
 * False: nothing was written, or read: the ledger is read only, or another writer has it. The
 * caller goes on, and adds the uses later. Inside a transaction nothing is written.
 */
#ifndef LEDGER_TOKENS_H
#define LEDGER_TOKENS_H

#include <stdbool.h>
#include <stdint.h>

#include "ledger/ledger.h"

enum { TOKEN_ACCOUNT_SIZE = 65 };

struct token_row {
    int64_t first, last; /* use; TIME_NONE: never */
    int64_t uses;
    int64_t due;     /* when the provider is to be asked about it; TIME_NONE: now */
    int64_t refused; /* since when it is refused; TIME_NONE: it is not */
    unsigned scopes; /* that it was found to lack, a set of enum api_scope */
    char account[TOKEN_ACCOUNT_SIZE]; /* digest of the account's id; "": not known */
};

/* A token that is not known has a row of zeros and TIME_NONE. */
bool tokens_get(struct ledger *ledger, const char *fingerprint, struct token_row *row);

/* Adds uses, and makes the row where there is none. */
bool tokens_add(struct ledger *ledger, const char *fingerprint, const char *provider, int64_t uses,
    int64_t now);

/* Replaces due, refused, scopes and account of a row that is there. */
bool tokens_mark(struct ledger *ledger, const char *fingerprint, const struct token_row *row);

#endif
