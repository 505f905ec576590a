/*
 * calls: which system calls a process can still make, by a seccomp filter (seccomp(2), libseccomp).
 *
 * A list allows; what it does not name is refused with ENOSYS, as by a kernel that does not have
 * the call: where a newer C library has begun to use it, the library falls back to an older one.
 * Each refused call is reported once on standard error, by number and name, with what to do. (Where
 * signals are blocked the kernel ends the process with SIGSYS instead.)
 */
#ifndef CONFINE_CALLS_H
#define CONFINE_CALLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

/*
 * One argument of a call: (argument & mask) == value. An int is compared in its 32 bits
 * only: what the register has above them is undefined.
 */
struct calls_argument {
    unsigned index;
    uint64_t mask, value;
};

/* One line of a list, which CALLS_END ends. */
struct calls_permission {
    const char *names;              /* separated by blanks */
    const char *why;                /* what the program needs them for */
    struct calls_argument argument; /* has to fit; a mask of 0: any does */
    bool missing; /* refused without a report: the C library is meant to use an older call */
};

/* clang-format off */
#define CALLS(names, why)                        {(names), (why), {0, 0, 0}, false}
#define CALLS_IF(names, why, index, mask, value) {(names), (why), {(index), (mask), (value)}, false}
#define CALLS_MISSING(names, why)                {(names), (why), {0, 0, 0}, true}
#define CALLS_END                                {NULL, NULL, {0, 0, 0}, false}
/* clang-format on */

/* Can the kernel filter? It may be built without, or a container may have switched it off. */
bool calls_can_be_filtered(void);

/*
 * From now on. `program` (not copied) begins the reports. Sets no_new_privs. Names that this
 * machine's architecture or libseccomp does not know are left out. False, with what failed in
 * `why`.
 */
bool calls_confine(
    const char *program, const struct calls_permission *lists[], size_t count, struct buf *why);

#endif
