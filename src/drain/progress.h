/*
 * progress: how far stage 2 is, on one line of a terminal. Draws nothing elsewhere.
 */
#ifndef DRAIN_PROGRESS_H
#define DRAIN_PROGRESS_H

#include "drain/run.h"

void progress_draw(const struct run *run);
/* Takes the line away, so that others can write. */
void progress_clear(const struct run *run);
/* Ends the line. */
void progress_end(const struct run *run);

#endif
