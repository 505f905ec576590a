/*
 * version: the one place that names the release (semver.org).
 */
#ifndef BASE_VERSION_H
#define BASE_VERSION_H

#define BOOKSPOOL_VERSION "0.1.0"

#endif
