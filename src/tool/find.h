/*
 * find: where in the spool something is, by its name or the beginning of it.
 *
 * What a person types is an event's id or at least PATTERN_MIN digits of its beginning, or a
 * mail's name ID-r or ID.g-r, where ID and r may be cut short too. A file in replay/ may have
 * any name; its header says which event it is.
 */
#ifndef TOOL_FIND_H
#define TOOL_FIND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "tool/tool.h"

enum { PATTERN_MIN = 4 };

struct pattern {
    char id[ID_SIZE];
    char replay_number[GENERATION_LEN + 1]; /* "" when none was given */
    char recipient[RECIPIENT_LEN + 1];      /* "" likewise: all mails, and the event */
};

/* False when the text can be no name of this kind. */
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
 * All places that match, in the order in which things move through the spool, so that what moves
 * meanwhile is met at least once. False, with spool->step, when a directory cannot be listed.
 */
bool find_places(struct tool *tool, const struct pattern *pattern, struct places *places);
void places_free(struct places *places);

/*
 * For commands that are about one event: parses `text`, finds its places, and complains unless all
 * are of one id. A full id whose event is there is opened directly, and its mails are not looked
 * for. EX_OK, EX_NOINPUT (nowhere), EX_DATAERR (several ids), EX_USAGE and so on.
 */
int find_one(struct tool *tool, const char *text, struct pattern *pattern, struct places *places);

/* The event itself: the first place that is no mail, in that order; NULL: there is none. */
const struct place *places_event(const struct places *places);
bool place_is_mail(const struct place *place);

/*
 * The event in new/, replay/, done/, held/ or bad/, read. False: it is in none of them (ENOENT), or
 * it cannot be read.
 */
bool find_event(struct tool *tool, const char *id, struct spool_file *file);

/* The text beside a file that was given up or set aside, without its line feed; NULL: none. */
char *find_why(struct tool *tool, enum spool_dir dir, const char *name);

#endif
