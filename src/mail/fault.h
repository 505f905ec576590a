/*
 * fault: a list of faults, a line each, without a line end after the last.
 */
#ifndef MAIL_FAULT_H
#define MAIL_FAULT_H

#include "base/buf.h"

/* Begins a new line where there are faults already. */
void fault_begin(struct buf *why);
void fault_add(struct buf *why, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
