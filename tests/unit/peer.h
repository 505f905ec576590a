/*
 * peer: a small HTTP/1.1 server on a free port of 127.0.0.1, in a process of its own. It gives its
 * answers in order, whatever is asked, and the last one again and again; what was asked is readable
 * in shared memory. An answer of "" closes the connection without one.
 */
#ifndef TESTS_PEER_H
#define TESTS_PEER_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "scratch.h"

enum { PEER_ANSWERS = 64, PEER_REQUESTS = 64, PEER_REQUEST_SIZE = 4096 };

struct peer_log {
    volatile int count, next;
    char request[PEER_REQUESTS][PEER_REQUEST_SIZE]; /* head and body; the first ones */
};

struct peer {
    pid_t pid;
    char base[64];
    struct peer_log *log;
};

/* False: the connection was closed. */
static inline bool peer_read(int fd, char request[PEER_REQUEST_SIZE])
{
    size_t len = 0, wanted = 0;
    memset(request, 0, PEER_REQUEST_SIZE);
    for (;;) {
        char *end = strstr(request, "\r\n\r\n");
        char *length = end ? strcasestr(request, "\r\ncontent-length:") : NULL;
        if (end)
            wanted = (size_t)(end + 4 - request) + (length ? strtoul(length + 17, NULL, 10) : 0);
        if (end && len >= wanted)
            return true;
        ssize_t n = read(fd, request + len, PEER_REQUEST_SIZE - 1 - len);
        if (n <= 0)
            return false;
        len += (size_t)n;
    }
}

static inline void peer_answer(int fd, struct peer_log *log, const char *const *answers)
{
    static char request[PEER_REQUEST_SIZE];
    while (peer_read(fd, request)) {
        const char *answer = answers[log->next];
        log->next += answers[log->next + 1] != NULL;
        if (log->count < PEER_REQUESTS)
            memcpy(log->request[log->count], request, sizeof request);
        log->count++;
        if (!*answer || write(fd, answer, strlen(answer)) < 0)
            break;
    }
    _exit(0);
}

/* A process for each connection: a client may leave one open and use another. */
static inline void peer_serve(int listener, struct peer_log *log, const char *const *answers)
{
    signal(SIGCHLD, SIG_IGN);
    for (int fd; (fd = accept(listener, NULL, NULL)) >= 0; close(fd))
        if (fork() == 0) {
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            peer_answer(fd, log, answers);
        }
    _exit(0);
}

/* `answers` is ended by NULL. */
static inline void peer_start(struct peer *peer, const char *const *answers)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof at;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    peer->log =
        mmap(NULL, sizeof *peer->log, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(listener >= 0 && peer->log != MAP_FAILED);
    assert_int_equal(bind(listener, (struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(listen(listener, 8), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&at, &len), 0);
    snprintf(peer->base, sizeof peer->base, "http://127.0.0.1:%d", ntohs(at.sin_port));
    peer->pid = fork();
    if (peer->pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        peer_serve(listener, peer->log, answers);
    }
    close(listener);
}

static inline void peer_stop(struct peer *peer)
{
    kill(peer->pid, SIGKILL);
    waitpid(peer->pid, NULL, 0);
    munmap(peer->log, sizeof *peer->log);
}

/* Is the text in that request? */
static inline bool peer_was_asked(const struct peer *peer, int number, const char *text)
{
    return number < peer->log->count && strstr(peer->log->request[number], text);
}

#endif
