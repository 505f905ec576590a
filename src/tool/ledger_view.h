/*
 * ledger_view: the ledger, for commands that only read it.
 */
#ifndef TOOL_LEDGER_VIEW_H
#define TOOL_LEDGER_VIEW_H

#include <stdbool.h>

#include <cjson/cJSON.h>

#include "ledger/ledger.h"
#include "tool/tool.h"

/* Root becomes the owner of the spool where the ledger is on a server: that may know the drain's
 * user by the system's word for it, and does not know root. */
void ledger_view_become(struct tool *tool);

/* With the settings loaded. EX_OK with *ledger NULL where there is none yet; else the exit status
 * after a message, and *ledger is NULL too. */
int ledger_view_open(struct tool *tool, struct ledger **ledger);

/* The decision about an event, with the settings loaded; false when there is none. A failure is
 * reported, and counts as none. decision_free either way. */
bool ledger_view_decision(struct tool *tool, const char *id, struct decision *decision);

/* One line for people. */
void ledger_view_print(const struct decision *decision);
/* A member `ledger`; NULL: null. */
void ledger_view_put(cJSON *object, const struct decision *decision);

/* `bookspool list --conflicts` */
int ledger_view_conflicts(struct tool *tool);

#endif
