/*
 * check: findings, good and bad, and the two things that are checked.
 */
#ifndef TOOL_CHECK_H
#define TOOL_CHECK_H

#include <stdbool.h>

#include "tool/output.h"
#include "tool/tool.h"

enum level { LEVEL_OK, LEVEL_NOTE, LEVEL_WRONG };

struct report {
    struct tool *tool;
    cJSON *findings; /* NULL: printed as they come */
    bool wrong;      /* something was */
};

void report(struct report *report, enum level level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* One finding for each line of a text. */
void report_lines(struct report *report, enum level level, const char *lines);

/* Recipients, words, time zone, transports and ledger; part of check_install. */
void check_mail(struct report *report);

/* The settings, and the places and ids that they name. */
void check_install(struct report *report);

/* Is this file of a spool whole? The exit status. */
int check_file(struct report *report, const char *path);

#endif
