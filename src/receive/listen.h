/*
 * listen: the listening socket.
 *
 * A process manager (systemd socket unit, spawn-fcgi) passes a listening socket as standard input
 * (FastCGI 1.0, section 2.2: FCGI_LISTENSOCK_FILENO), or the program makes its own: unix:PATH.
 */
#ifndef RECEIVE_LISTEN_H
#define RECEIVE_LISTEN_H

#include <stdbool.h>
#include <sys/types.h>

struct listener {
    int fd;
    const char *path; /* of a socket that this program made; otherwise NULL */
    dev_t device;
    ino_t inode;
};

bool listen_is_stdin(void);
/* Moves the listening socket to another descriptor; standard input becomes /dev/null. */
bool listen_stdin(struct listener *listener);

/*
 * `address` is unix:PATH with an absolute path, and is kept, not copied. The socket has mode 0660.
 * A socket of a program that has ended is replaced. NULL, or what is wrong, with errno.
 */
const char *listen_open(struct listener *listener, const char *address);

/* Removes the socket that this program made, if it is still there; does not close fd. */
void listen_close(const struct listener *listener);

#endif
