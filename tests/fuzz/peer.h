/*
 * peer: a server on 127.0.0.1 that says what a fuzz input says, to the program's own client.
 *
 * An input is split at bytes 0: the server sends a piece, waits a moment for something from its
 * client, sends the next one, and closes after the last.
 */
#ifndef TESTS_FUZZ_PEER_H
#define TESTS_FUZZ_PEER_H

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "fuzz.h"

static struct {
    int listener;
    unsigned port;
    pthread_mutex_t lock;
    struct buf input; /* guarded by lock: a connection may outlive the client's interest in it */
    bool speaks_first;
} peer = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* False: the client has gone. */
static bool peer_say(int fd, const char *data, size_t len)
{
    return send(fd, data, len, MSG_NOSIGNAL) == (ssize_t)len;
}

/*
 * False: the client has gone. One that says nothing is waiting for more of the same reply, and gets
 * the next piece after a moment.
 */
static bool peer_hear(int fd)
{
    char heard[4096];
    ssize_t n = recv(fd, heard, sizeof heard, 0);
    return n > 0 || (n < 0 && errno == EAGAIN);
}

static void peer_talk(int fd)
{
    const char *at = buf_text(&peer.input), *end = at + peer.input.len;
    char heard[4096];
    bool listening = !peer.speaks_first;
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &(struct timeval){.tv_usec = 4 * 1000},
        sizeof(struct timeval));
    while (at < end && (!listening || peer_hear(fd))) {
        const char *stop = memchr(at, 0, (size_t)(end - at));
        size_t len = (size_t)((stop ? stop : end) - at);
        if (!peer_say(fd, at, len))
            break;
        at += len + (stop != NULL);
        listening = true;
    }
    shutdown(fd, SHUT_WR);
    while (recv(fd, heard, sizeof heard, 0) > 0)
        ;
}

static void *peer_serve(void *context)
{
    (void)context;
    for (;;) {
        int fd = accept4(peer.listener, NULL, NULL, SOCK_CLOEXEC);
        if (fd < 0)
            continue;
        pthread_mutex_lock(&peer.lock);
        peer_talk(fd);
        pthread_mutex_unlock(&peer.lock);
        close(fd);
    }
    return NULL;
}

static void peer_start(bool speaks_first)
{
    pthread_t thread;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    peer.speaks_first = speaks_first;
    peer.listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    REQUIRE(bind(peer.listener, (struct sockaddr *)&address, sizeof address) == 0 &&
                listen(peer.listener, 16) == 0 &&
                getsockname(peer.listener, (struct sockaddr *)&address, &len) == 0 &&
                pthread_create(&thread, NULL, peer_serve, NULL) == 0,
        "a server on 127.0.0.1");
    peer.port = ntohs(address.sin_port);
}

static void peer_set(const uint8_t *data, size_t size)
{
    pthread_mutex_lock(&peer.lock);
    buf_clear(&peer.input);
    buf_add(&peer.input, data, size);
    pthread_mutex_unlock(&peer.lock);
}

#endif
