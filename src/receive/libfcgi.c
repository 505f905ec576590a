#include "receive/libfcgi.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "receive/fcgi_check.h"

enum { MEMORY_FILE_MAX = 2 * 1024 * 1024, CHUNK = 32 * 1024 };

/*
 * Each request is appended to the one before. libfcgi reads a request to its end, so the file
 * offset, where it reads, is always the end of the file, and no seek or truncation is needed in
 * between.
 */
static struct {
    int fd;
    off_t end;
} memory = {.fd = -1};

static void memory_close(void)
{
    if (memory.fd >= 0)
        close(memory.fd);
    memory.fd = -1;
}

static bool memory_ready(void)
{
    if (memory.fd >= 0 && memory.end < MEMORY_FILE_MAX)
        return true;
    memory.end = 0;
    if (memory.fd >= 0)
        return ftruncate(memory.fd, 0) == 0 && lseek(memory.fd, 0, SEEK_SET) == 0;
    memory.fd = memfd_create("bookspool-request", MFD_CLOEXEC);
    return memory.fd >= 0;
}

static bool memory_add(const void *data, size_t len)
{
    while (len > 0) {
        ssize_t n = pwrite(memory.fd, data, len, memory.end);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        data = (const char *)data + n;
        len -= (size_t)n;
        memory.end += n;
    }
    return true;
}

bool libfcgi_init(void)
{
    /* Otherwise a close may wait two seconds for its peer. FCGX_Init reads this. */
    return setenv("LIBFCGI_OS_CLOSE_POLL_TIMEOUT", "0", 1) == 0 && FCGX_Init() == 0 &&
           memory_ready();
}

bool libfcgi_open(struct exchange *x, const void *data, size_t len, const unsigned char *tail)
{
    /* No listening socket: with 0, libfcgi would accept by itself after an error. */
    FCGX_InitRequest(&x->fcgx, -1, 0);
    if (!memory_ready() || !memory_add(data, len) ||
        (tail && !memory_add(tail, FCGI_CHECK_HEADER))) {
        memory_close();
        return false;
    }
    x->fcgx.ipcFd = memory.fd;
    x->fcgx.keepConnection = 1;
    x->fcgx.detached = 1;
    if (FCGX_Accept_r(&x->fcgx) == 0)
        return true;
    memory.fd = -1; /* closed by libfcgi */
    return false;
}

const char *libfcgi_param(void *context, const char *name)
{
    struct exchange *x = context;
    return FCGX_GetParam(name, x->fcgx.envp);
}

bool libfcgi_body(struct exchange *x, struct buf *body)
{
    int got;
    do {
        if (!buf_reserve(body, CHUNK))
            break;
        got = FCGX_GetStr(body->data + body->len, CHUNK, x->fcgx.in);
        body->len += (size_t)got;
        body->data[body->len] = '\0';
    } while (got == CHUNK);
    bool complete = !body->failed && FCGX_GetError(x->fcgx.in) == 0;
    if (!complete)
        memory_close(); /* its offset is not at its end */
    return complete;
}

bool libfcgi_answer(struct exchange *x, int socket, const struct buf *response)
{
    x->fcgx.ipcFd = socket;
    x->fcgx.keepConnection = 1;
    x->fcgx.detached = 1;
    if (response->len <= INT_MAX)
        FCGX_PutStr(response->data, (int)response->len, x->fcgx.out);
    FCGX_Finish_r(&x->fcgx);
    bool open = x->fcgx.ipcFd == socket;
    x->fcgx.ipcFd = -1;
    return open;
}

/* ---- self-test ---- */

/* Id 1, responder, without FCGI_KEEP_CONN, so that libfcgi by itself would close the connection. */
static const char sample[] = "\1\1\0\1\0\10\0\0"
                             "\0\1\0\0\0\0\0\0"
                             "\1\4\0\1\0\21\0\0"
                             "\16\1CONTENT_LENGTH5"
                             "\1\4\0\1\0\0\0\0"
                             "\1\5\0\1\0\5\0\0hello"
                             "\1\5\0\1\0\0\0\0";

const char *libfcgi_selftest(void)
{
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) < 0)
        return "no socket pair for the test";
    struct exchange x;
    struct buf body = {0}, response = {0};
    char got[256];
    const char *fault = NULL, *length;
    if (!libfcgi_open(&x, sample, sizeof sample - 1, NULL)) {
        fault = "it does not read from a memory file";
    } else if (!(length = libfcgi_param(&x, "CONTENT_LENGTH")) || strcmp(length, "5") != 0 ||
               !libfcgi_body(&x, &body) || strcmp(buf_text(&body), "hello") != 0) {
        fault = "it does not give back the request";
    } else if (lseek(memory.fd, 0, SEEK_CUR) != memory.end) {
        fault = "it does not read a request to its end";
    } else {
        buf_puts(&response, "Status: 200 OK\r\n\r\n");
        bool open = libfcgi_answer(&x, pair[0], &response) && fcntl(pair[0], F_GETFD) >= 0;
        ssize_t n = recv(pair[1], got, sizeof got, MSG_DONTWAIT);
        if (!open)
            fault = "it closes the connection";
        else if (n < FCGI_CHECK_HEADER || got[1] != 6 || !memmem(got, (size_t)n, "Status: 200", 11))
            fault = "it does not write to the connection";
        else if (memory.fd < 0 || fcntl(memory.fd, F_GETFD) < 0)
            fault = "it closes the memory file";
    }
    buf_free(&body);
    buf_free(&response);
    close(pair[0]);
    close(pair[1]);
    return fault;
}
