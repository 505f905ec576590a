/*
 * reconcile_parts: what the files of reconcile share: reconcile.c asks the APIs,
 * reconcile_compare.c compares one booking. Internal to them.
 */
#ifndef API_RECONCILE_PARTS_H
#define API_RECONCILE_PARTS_H

#include "api/reconcile.h"

/* Stops the walk with this error; returns false. */
bool reconcile_walk_failed(struct reconcile_walk *walk, const char *error);

/* The next walk must see what is seen now: one that is stopped is continued from here. */
void reconcile_hold(struct reconcile_walk *walk);
/* The same of what could not be asked: the walk goes on, and ends as failed. */
void reconcile_skip(struct reconcile_walk *walk, enum api_result result, const char *error);

#endif
