/*
 * log: one line for each event that is reported: its id, one reason, and details.
 *
 *     3f5a...c1 accepted: provider=calcom event=BOOKING_CREATED bytes=3073
 *     - sync-failed: new: Input/output error
 *
 * A reason is a short word with dashes that never changes its meaning, so that
 * it can be counted; the rest of the line is for people. No line holds personal
 * data: callers pass ids, sizes, names of settings and of files, never a name,
 * an address, a title, a link or a server's words about a recipient. Control
 * characters are replaced, so one call always writes one line.
 *
 * To standard error (with the time in front, or with the journal's "<6>" prefix
 * when systemd reads it: sd-daemon(3)) or to syslog(3); as text or as one JSON
 * object a line.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdbool.h>

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

struct log_options {
    const char *program; /* kept, not copied */
    bool syslog, json;
    enum log_level level; /* what is less important is dropped */
};

/* Before the first call, lines go to standard error as text, at level info. */
void log_setup(const struct log_options *options);

/* Would a line of that level be written? */
bool log_wanted(enum log_level level);

/* id may be NULL: the line concerns no event. */
void log_line(enum log_level level, const char *id, const char *reason, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* Writes one line of the log for each line of the text. */
void log_lines(enum log_level level, const char *reason, const char *text);

#define log_error(id, ...) log_line(LOG_LEVEL_ERROR, id, __VA_ARGS__)
#define log_warn(id, ...)  log_line(LOG_LEVEL_WARNING, id, __VA_ARGS__)
#define log_info(id, ...)  log_line(LOG_LEVEL_INFO, id, __VA_ARGS__)
#define log_debug(id, ...) log_line(LOG_LEVEL_DEBUG, id, __VA_ARGS__)

#endif
