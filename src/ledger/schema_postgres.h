/*
 * schema_postgres: the ledger's tables in PostgreSQL. Internal to the ledger.
 *
 * They are in the schema `bookspool`, which belongs to the role that ran bookspool ledger migrate.
 * Its table `version` has one row with their version; the programs make and change no table, and
 * refuse every version but their own.
 */
#ifndef LEDGER_SCHEMA_POSTGRES_H
#define LEDGER_SCHEMA_POSTGRES_H

#include <stdbool.h>

#include "base/buf.h"
#include "postgres/postgres.h"

#define SCHEMA_NAME "bookspool"

/* Appends why tables of that version cannot be used; nothing when they can. */
void schema_judge(int version, struct buf *why);

/* The version of the tables; 0: there are none. False: postgres_fault. */
bool schema_version(struct postgres *postgres, int *version);

/* The role of the URI makes or updates the tables, in one transaction. *before: the version that
 * was found. False, with `why`. */
bool schema_migrate(struct postgres *postgres, int *before, struct buf *why);

/* Appends what can be done about the last fault, after "; "; nothing where that is not known. */
void schema_advise(const struct postgres *postgres, struct buf *why);

#endif
