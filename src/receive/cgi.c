#include "receive/cgi.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/io.h"

enum { CHUNK = 64 * 1024 };

bool cgi_wanted(void)
{
    return getenv("GATEWAY_INTERFACE") != NULL;
}

static const char *cgi_variable(void *context, const char *name)
{
    (void)context;
    return getenv(name);
}

static bool wait_for_input(int64_t end)
{
    struct pollfd in = {.fd = STDIN_FILENO, .events = POLLIN};
    for (;;) {
        int64_t left = end - clock_monotonic();
        int n = poll(&in, 1, left > 0 ? (int)left : 0);
        if (n >= 0 || errno != EINTR)
            return n > 0;
    }
}

/* Reads no more than was declared: the server need not close the pipe (4.2). */
static bool read_body(struct buf *body, size_t length, int64_t end)
{
    if (!buf_reserve(body, length))
        return false;
    while (body->len < length && wait_for_input(end)) {
        size_t left = length - body->len;
        ssize_t n = read(STDIN_FILENO, body->data + body->len, left < CHUNK ? left : (size_t)CHUNK);
        if (n < 0 && (errno == EINTR || errno == EAGAIN))
            continue;
        if (n <= 0)
            break;
        body->len += (size_t)n;
    }
    return true;
}

bool cgi_run(struct responder *responder, int64_t deadline)
{
    struct request request;
    struct judgment judgment;
    struct buf body = {0}, response = {0};
    uint64_t length;
    signal(SIGPIPE, SIG_IGN);
    enum request_length kind = request_parse_length(getenv("CONTENT_LENGTH"), &length);
    request_fill(&request, kind, length, cgi_variable, NULL);
    if (responder_admit(responder, &request, &judgment)) {
        if (read_body(&body, (size_t)length, clock_monotonic() + deadline))
            responder_judge(responder, &request, body.data, body.len, &judgment);
        else
            judgment.reply = (struct reply){.status = REPLY_UNAVAILABLE, .reason = "no-memory"};
    }
    responder_finish(&judgment, responder_commit(responder));
    responder_log(responder, &judgment);
    reply_write(&judgment.reply, &response);
    bool ok = !response.failed && io_write_all(STDOUT_FILENO, response.data, response.len);
    buf_free(&body);
    buf_free(&response);
    return ok;
}
