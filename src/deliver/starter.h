/*
 * starter: a process of its own that starts one sendmail program for the drain, which itself can
 * start nothing: it is confined (drain/sandbox.h), and what a confined process starts is confined
 * as well, while a sendmail program may have to gain a group, read its own settings and connect.
 *
 * It is forked before the drain confines itself and before any mail is read, knows one path, which
 * no message can change, and gets nothing but two addresses and two descriptors. It has none
 * of the secrets of the settings, which are wiped first. It ends when no process of the drain is
 * left.
 *
 * Each mail has a process of the starter's that waits for the program; if the drain dies, the
 * program still gets all of its input.
 */
#ifndef DELIVER_STARTER_H
#define DELIVER_STARTER_H

#include <stdbool.h>

#include "base/conf.h"
#include "deliver/transport.h"

struct starter;

/* The one for this path; there is one of each path, until the process ends. NULL: errno. */
struct starter *starter_of(const struct conf *conf, const char *path);

/* The path of one that has ended, which only a new start of the drain brings back; NULL: none has.
 */
const char *starter_ended(void);

/* A program that was asked for. */
struct started {
    int answer; /* readable when there is something for starter_hear; -1: closed */
    int error;  /* of starting it; 0: it was started, or nothing is known yet */
    int status; /* as waitpid(2) gives it */
    bool ended;
};

/*
 * Asks for it: PATH -i -f FROM -- TO, with `input` and `errors` as its standard input and error. 0,
 * or an errno, EPIPE where the starter has ended; started_close either way.
 */
int starter_ask(struct starter *starter, const struct delivery *delivery, int input, int errors,
    struct started *started);
/* Reads what has come. If the starter died: as if the program had been killed. */
void starter_hear(struct started *started);
/* Kills the program and all that it has started. */
void starter_kill(const struct started *started);
void started_close(struct started *started);

#endif
