/*
 * known: the ledger, for commands that only look.
 */
#ifndef TOOL_KNOWN_H
#define TOOL_KNOWN_H

#include <stdbool.h>

#include <cjson/cJSON.h>

#include "ledger/ledger.h"
#include "tool/tool.h"

/* *ledger is NULL with EX_OK where there is none yet. The settings must be loaded. */
int known_open(struct tool *tool, struct ledger **ledger);

/* What the ledger decided of an event; false when it does not know. A complaint is no more than
 * that: whoever asks has more to tell. decision_free either way. */
bool known_decision(struct tool *tool, const char *key, struct decision *decision);

/* One line for people. */
void known_print_decision(const struct decision *decision);
/* A member `ledger`; NULL: null. */
void known_put_decision(cJSON *object, const struct decision *decision);

/* `bookspool list --conflicts` */
int known_conflicts(struct tool *tool);

#endif
