/*
 * receiver: does the running receiver accept a secret, and if not, how does it come to?
 *
 * A receiver reads its secrets at its start and keeps them in memory that nothing else reads, so a
 * new secret needs a restart: by `restart`, else by systemd where its unit is there and root asks,
 * else by the user, after a message. Requests wait meanwhile where a socket unit holds the socket.
 * The proof is a signed test through the web server, which takes the way of a webhook.
 */
#ifndef TOOL_RECEIVER_H
#define TOOL_RECEIVER_H

#include "tool/remote.h"

struct receiver {
    const char *restart; /* a command for sh; NULL */
    const char *cacert;  /* certificates to trust; NULL: the system's */
    const char *wait;    /* the option's text; NULL: the default */
    bool untested;       /* the web server cannot be reached from here: no test is posted */
    int64_t wait_ms;     /* set by receiver_init */
};

/* Reads the options; ends the program for a wrong one. */
void receiver_init(struct remote *remote, struct receiver *receiver);

/*
 * Waits until the receiver at `url` accepts this secret, and restarts it once where it does not.
 * Without tests: until the counters say that a receiver has started with it as its `slot` (0 is
 * the primary). EX_OK; EX_TEMPFAIL after a message that says what to do.
 */
int receiver_learn(struct remote *remote, const struct receiver *receiver, const char *url,
    const char *secret, int slot);

/* Restarts it, so that it forgets a secret; says so where the user has to. */
void receiver_forget(
    struct remote *remote, const struct receiver *receiver, const char *url, const char *secret);

#endif
