/*
 * conf: the settings, read from files and environment and checked.
 *
 * Files hold NAME=VALUE lines, `#` comments, optional quotes round the entire value, and no
 * expansion (but $STATE/ after maildir: and sqlite:): the syntax of systemd's EnvironmentFile=, so
 * one file serves units, cron and a shell. /etc/bookspool/bookspool.conf (BOOKSPOOL_CONF names
 * another) holds no secrets; receive.env and drain.env beside it hold what only one program may
 * know, and only that program opens them. All three may be missing. The environment wins over
 * files. NAME_FILE names a file whose contents, less one line end, are the value.
 *
 * A program never keeps a value it may not have: a secret of another program is skipped in the
 * environment and overwritten there. After any error conf_load returns false, and no program starts
 * with only some of its settings.
 *
 * Units: conf_number gives durations in milliseconds, sizes in bytes, booleans as 0 and 1, words as
 * their index in the list that the table names.
 */
#ifndef BASE_CONF_H
#define BASE_CONF_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/settings.h"

/* The program that loads; also, as a set, the programs that may have a setting. */
enum conf_program { CONF_RECEIVE = 1, CONF_DRAIN = 2, CONF_TOOL = 4 };

struct conf_value {
    char *text; /* NULL: not set and without a default */
    int64_t number;
    int64_t second; /* of BOOKSPOOL_RESERVE=SIZE,INODES: the inodes */
    bool given;     /* by a file or the environment */
    bool parsed;    /* right by itself, or not set; a wrong one has the default's value instead */
    char *file;     /* NAME_FILE: where the text was read, or could not be; else NULL */
    char *place;    /* "FILE:LINE: " or "environment: "; NULL: not set */
};

struct conf {
    enum conf_program program;
    struct conf_value value[SETTINGS];
    bool incomplete;     /* a file of settings was not read: any setting may be missing */
    struct buf errors;   /* a line each: place, setting, what would be right */
    struct buf warnings; /* files that could not be read */
};

/* Where the settings are read: BOOKSPOOL_CONF, else /etc/bookspool/bookspool.conf. */
const char *conf_path(void);

/* True when nothing was wrong. conf_free either way. */
bool conf_load(struct conf *conf, enum conf_program program);

/*
 * Adds a line to `faults`: where the setting was set, its name, and the words. For what only the
 * feature that a setting belongs to can judge.
 */
void conf_fault(const struct conf *conf, enum setting which, struct buf *faults, const char *format,
    ...) __attribute__((format(printf, 4, 5)));

/* NULL when unset. */
const char *conf_text(const struct conf *conf, enum setting which);
int64_t conf_number(const struct conf *conf, enum setting which);

/*
 * Appends the present value: one that came from a NAME_FILE is read again, since it may expire
 * before the program ends. False, with what is wrong in `why`; true and nothing when unset. The
 * caller overwrites it after use.
 */
bool conf_reread(const struct conf *conf, enum setting which, struct buf *value, struct buf *why);

/* A duration such as 90s, 5m, 12h or 7d, in ms. False: the text is none. */
bool conf_duration(const char *text, int64_t *ms);

/* The next item of a list separated by commas, without blanks around it; NULL at the end. */
char *conf_next_item(char **list);

/* Overwrites the secrets; the other values stay. */
void conf_wipe_secrets(struct conf *conf);
void conf_free(struct conf *conf);

/* Sets up base/log.h as the settings say. */
void conf_setup_log(const struct conf *conf, const char *program);

/*
 * For main(): loads, sets up the log, prints errors and warnings to standard
 * error. False: the program ends with EX_CONFIG (78).
 */
bool conf_start(struct conf *conf, enum conf_program program, const char *name);

#endif
