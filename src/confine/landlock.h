/*
 * landlock: which files a process can still reach, by the kernel's Landlock (landlock(7)).
 *
 * What the kernel does not know is left out: its version ("ABI") is asked for at run time. Below
 * ABI 2 (Linux 5.19) there are no rules at all, because ABI 1 forbids every rename between two
 * directories, which the spool consists of.
 *
 * A domain holds for the process and all that it starts, and cannot be left. Of several, each one
 * has to allow a step. A rule is about the file or folder that has the path now; a folder's rule
 * covers all that is or comes below it. Descriptors that are open already keep what they can do.
 */
#ifndef CONFINE_LANDLOCK_H
#define CONFINE_LANDLOCK_H

#include <limits.h>
#include <stdbool.h>

#include "base/buf.h"

enum { LANDLOCK_ABI_MIN = 2 };

/* What may be done below a place. Nothing includes the execution of a file. */
enum landlock_right {
    LANDLOCK_READ = 1,  /* read files, list folders */
    LANDLOCK_WRITE = 2, /* write, make, link, rename and remove files */
    LANDLOCK_FOLDERS = 4 /* make folders */,
    LANDLOCK_REMOVE = 8, /* remove files, sockets included */
    LANDLOCK_MOVE = 16   /* rename and link from one folder to another */
};

/* What a domain denies to all places that have no rule for it. */
enum landlock_scope {
    LANDLOCK_ALL_FILES, /* everything above, and execution, devices, sockets, links by name */
    LANDLOCK_EXECUTION  /* execution and devices only: for the time before the settings are known */
};

enum { LANDLOCK_PLACE = 256 };

struct landlock {
    int abi, fd; /* -1: the kernel has no Landlock, and nothing is done */
    unsigned long long handled;
    char failed[LANDLOCK_PLACE]; /* the path of the rule that could not be made; "" */
};

/* The kernel's ABI; 0: none, or it is switched off. */
int landlock_abi(void);

/*
 * Begins a ruleset. Outside of it stay: TCP connections out are denied where `connects` is false;
 * no TCP port is ever opened. True also where the kernel has no Landlock. False: errno.
 */
bool landlock_begin(struct landlock *landlock, enum landlock_scope scope, bool connects);

/* A path that is not there gets no rule. False: errno. */
bool landlock_allow(struct landlock *landlock, const char *path, unsigned rights);
/* The folder that the path is in, or the nearest one above it that is there. False: errno. */
bool landlock_parent(const char *path, char folder[PATH_MAX]);
/* The same as landlock_allow for that folder. */
bool landlock_allow_parent(struct landlock *landlock, const char *path, unsigned rights);

/* From now on. Needs no_new_privs, which it sets. Ends the ruleset either way. False: errno. */
bool landlock_enter(struct landlock *landlock);
void landlock_drop(struct landlock *landlock);

/* What failed, with errno, in words. */
void landlock_explain(const struct landlock *landlock, struct buf *why);

#endif
