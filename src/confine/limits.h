/*
 * limits: what a process gives up before it reads anything of others, and how much it may use.
 */
#ifndef CONFINE_LIMITS_H
#define CONFINE_LIMITS_H

#include <stdbool.h>
#include <stdint.h>

/*
 * No core file (RLIMIT_CORE 0, not dumpable), so that no secret gets to the disk and no other
 * process of the user can read memory or /proc/PID; files are made with `mask` as umask. To be
 * repeated after a change of the user, which makes a process dumpable again where fs.suid_dumpable
 * says so.
 */
void limits_begin(unsigned mask);

/*
 * No file grows larger, and no more memory is allocated: writes fail with EFBIG, allocations with
 * ENOMEM; never raises a limit that is lower. Bytes. The limit of files is left out where standard
 * error or output is a file, which is a log that grows for years. That of memory is left out under
 * a sanitizer, whose shadow memory is terabytes. False: errno.
 */
bool limits_set(uint64_t file_size, uint64_t memory);

/* True in a build with AddressSanitizer. */
bool limits_sanitized(void);

#endif
