/*
 * find: where in the spool something is, by its name or the beginning of it.
 *
 * An operand is an event's id or at least PATTERN_MIN digits of its beginning, or a mail's name
 * ID-r or ID.n-r, where ID and r may be cut short too. A file in replay/ may have any name; its
 * header gives the id.
 */
#ifndef TOOL_FIND_H
#define TOOL_FIND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <cjson/cJSON.h>

#include "tool/tool.h"

enum { PATTERN_MIN = 4 };

struct pattern {
    char id[ID_SIZE];
    char replay_number[REPLAY_NUMBER_LEN + 1]; /* "" when none was given */
    char recipient[RECIPIENT_LEN + 1];         /* "" likewise: all mails, and the event */
};

/* False when the text cannot be such a name. */
bool pattern_parse(const char *text, struct pattern *pattern);

struct place {
    enum spool_dir dir;
    char *name;
    struct spool_name parsed;
    mode_t mode;
    int64_t mtime;
};

struct places {
    struct place *item;
    size_t count, room;
};

/*
 * All places that match, in the order in which files move through the spool, so that a file that
 * moves meanwhile is found at least once. False, with spool->step, when a directory cannot be
 * listed.
 */
bool find_places(struct tool *tool, const struct pattern *pattern, struct places *places);
void places_free(struct places *places);

/*
 * For commands that are about one event: parses `text` and finds its places; reports it unless all
 * are of one id. Of a full id whose event is there, the mails are not looked for. EX_OK, EX_NOINPUT
 * (none), EX_DATAERR (several ids) and so on.
 */
int find_one(struct tool *tool, const char *text, struct pattern *pattern, struct places *places);

/* The first place in `dir`, or in any directory for SPOOL_DIRS, that is no mail; NULL: none. */
const struct place *places_event(const struct places *places, enum spool_dir dir);
bool place_is_mail(const struct place *place);

/* The members that describe a file: where it is, its times and its marks. `wrong`: why it is not
 * intact. */
void place_put(
    cJSON *object, const struct place *place, bool intact, const char *wrong, int64_t since);

/*
 * The event in new/, replay/, done/, held/ or bad/, read. False: it is in none of them (ENOENT), or
 * it cannot be read.
 */
bool find_event(struct tool *tool, const char *id, struct spool_file *file);

/* The .why of a file that was given up or set aside, without its line feed; NULL: none. */
char *find_why(struct tool *tool, enum spool_dir dir, const char *name);

#endif
