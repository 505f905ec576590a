/*
 * listen: where connections come from.
 *
 * A process manager (systemd socket unit, spawn-fcgi) hands over a listening socket
 * as standard input (FastCGI specification, section 2.2: FCGI_LISTENSOCK_FILENO); or the
 * program makes one itself: unix:PATH.
 */
#ifndef RECEIVE_LISTEN_H
#define RECEIVE_LISTEN_H

#include <stdbool.h>
#include <sys/types.h>

struct listener {
    int fd;
    const char *path; /* of an own socket, removed by listen_close; else NULL */
    dev_t device;
    ino_t inode;
};

bool listen_is_stdin(void);
/* Moves the listening socket away from standard input, which then reads nothing. */
bool listen_stdin(struct listener *listener);

/*
 * `address` is unix:PATH with an absolute path; it must stay. The socket has mode 0660. One that is
 * left over from a dead program is replaced. NULL, or what is wrong, with errno.
 */
const char *listen_open(struct listener *listener, const char *address);

/* Removes the own socket's name if it still is that socket; fd is closed by its user. */
void listen_close(const struct listener *listener);

#endif
