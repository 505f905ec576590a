/*
 * status: the state of an installation, for people and for programs.
 */
#ifndef TOOL_STATUS_H
#define TOOL_STATUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/counters.h"
#include "tool/tool.h"

struct status {
    struct tool *tool;
    size_t count[SPOOL_DIRS];   /* without .why files */
    int64_t oldest[SPOOL_DIRS]; /* TIME_NONE: empty */
    int64_t next;               /* the earliest attempt of a mail in out/ */
    size_t unknown, accepted;   /* marks in out/ */
    bool drain_at_work, counted;
    struct buf warnings; /* a line each; empty: all is well */
};

/* The spool must be open. False, with spool->step: it cannot be read. */
bool status_gather(struct tool *tool, struct status *status);

/* From the counters; TIME_NONE for never. */
int64_t status_time(const struct status *status, enum counter which);

void status_print(const struct status *status);
void status_print_json(const struct status *status);

#endif
