/*
 * ledger: the actions of `bookspool ledger` that have a file of their own.
 */
#ifndef TOOL_LEDGER_H
#define TOOL_LEDGER_H

#include "tool/tool.h"

extern const struct command action_move_spool;

#endif
