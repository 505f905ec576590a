/*
 * What every peer of the bench does with a body before it answers, in the usual way: a temp file,
 * its bytes, fsync, rename, fsync of the directory.
 */
#pragma once

#include <stddef.h>

enum { BODY_MAX = 1 << 20 };

/* Stores a body as SPOOL/new/NAME, NAME at random, through SPOOL/tmp/NAME. 0, or -1 with errno. */
int durable_store(const char *spool, const char *body, size_t length);
