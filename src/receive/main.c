#include <errno.h>
#include <malloc.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/conf.h"
#include "base/counters.h"
#include "base/io.h"
#include "base/log.h"
#include "base/notify.h"
#include "base/version.h"
#include "receive/count.h"
#include "receive/libfcgi.h"
#include "receive/listen.h"
#include "receive/loop.h"
#include "receive/responder.h"
#include "receive/sandbox.h"
#include "spool/owner.h"

#define PROGRAM "bookspool-fcgi"

static const char usage[] =
    "usage: " PROGRAM " --listen unix:PATH\n"
    "       " PROGRAM " (started with a listening socket as standard input, by a systemd socket\n"
    "                   unit or spawn-fcgi, or as a CGI program with GATEWAY_INTERFACE set)\n"
    "       " PROGRAM " -h | --help | -V | --version\n"
    "\n"
    "Receives webhooks of Cal.com and Calendly behind nginx and puts them into the spool.\n"
    "Settings: bookspool.conf(5). To try it: " PROGRAM " --listen unix:/run/bookspool/fcgi.sock\n";

/*
 * Allocations this large are mapped, so free() returns them to the system; otherwise glibc raises
 * its threshold.
 */
enum { LARGE_BODY = 128 * 1024 };

enum way { WAY_NONE, WAY_LISTEN, WAY_STDIN, WAY_CGI };

struct service {
    struct conf conf;
    struct spool spool;
    struct accept_batch batch;
    struct responder responder;
    struct listener listener;
    const char *where;
};

/* ---- how it was started ---- */

/* A web server started this as a CGI program (RFC 3875 section 4.1.4). */
static bool cgi_wanted(void)
{
    return getenv("GATEWAY_INTERFACE") != NULL;
}

static enum way start_way(int argc, char **argv, const char **address)
{
    /* the arguments of a CGI program may come from the query (RFC 3875 section 4.4) */
    if (cgi_wanted() && !listen_is_stdin())
        return WAY_CGI;
    if (argc == 3 && strcmp(argv[1], "--listen") == 0) {
        *address = argv[2];
        return WAY_LISTEN;
    }
    if (argc == 2 && strncmp(argv[1], "--listen=", 9) == 0) {
        *address = argv[1] + 9;
        return WAY_LISTEN;
    }
    return listen_is_stdin() && argc == 1 ? WAY_STDIN : WAY_NONE;
}

/* ---- one request by the Common Gateway Interface (RFC 3875) ---- */

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
        ssize_t n = read(STDIN_FILENO, body->data + body->len, length - body->len);
        if (n < 0 && (errno == EINTR || errno == EAGAIN))
            continue;
        if (n <= 0)
            break;
        body->len += (size_t)n;
    }
    return true;
}

/* `deadline` in ms bounds the reading of the body. False: the answer could not be written. */
static bool run_cgi(struct responder *responder, int64_t deadline)
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
    responder_write(responder, &judgment, &response);
    responder_log(responder, &judgment);
    bool ok = !response.failed && io_write_all(STDOUT_FILENO, response.data, response.len);
    buf_free(&body);
    buf_free(&response);
    return ok;
}

/* ---- serving ---- */

static int open_parts(struct service *s)
{
    const char *path = conf_text(&s->conf, SET_SPOOL), *state = conf_text(&s->conf, SET_STATE);
    struct buf why = {0};
    if (!responder_init(&s->responder, &s->conf, &s->spool, &s->batch, &why)) {
        bool setting = why.len > 0;
        if (setting)
            log_lines(LOG_LEVEL_ERROR, "settings-wrong", buf_text(&why));
        else
            log_error(
                NULL, "no-digest", "libcrypto cannot compute HMAC-SHA256, or memory is short");
        buf_free(&why);
        return setting ? EX_CONFIG : EX_SOFTWARE;
    }
    struct secret_marks marks;
    count_read_secrets(&s->conf, &marks);
    conf_wipe_secrets(&s->conf);
    /* root would make files that drain and receiver cannot use */
    if (!spool_become_owner(path)) {
        log_error(NULL, "owner", "%s: cannot become its owner: %s", path, strerror(errno));
        return EX_CONFIG;
    }
    if (geteuid() == 0)
        log_warn(NULL, "runs-as-root",
            "%s belongs to root, so this runs as root; give it a user of its own: bookspool check, "
            "run as root, prints the commands",
            path);
    bool open = spool_open(&s->spool, path, &why);
    if (!open)
        log_error(NULL, "spool-refused", "%s: %s", path, buf_text(&why));
    buf_free(&why);
    if (!open)
        return EX_CONFIG;
    if (!counters_open(state))
        log_warn(NULL, "counters-in-memory", "%s/counters: %s%s", state, strerror(errno),
            owner_hint(errno));
    count_secrets(&marks, clock_now());
    bool each = conf_number(&s->conf, SET_SYNC) == SYNC_FSYNC || !s->spool.syncfs_reports;
    accept_init(&s->batch, &s->spool, each, conf_number(&s->conf, SET_RESERVE),
        s->conf.value[SET_RESERVE].second);
    return EX_OK;
}

static int confine(const struct service *s)
{
    struct buf why = {0};
    bool ok = sandbox_enter(&s->conf, s->listener.path, &why);
    if (!ok)
        log_error(NULL, "sandbox-failed",
            "%s; BOOKSPOOL_SANDBOX=off starts without it, until that is corrected", buf_text(&why));
    buf_free(&why);
    return ok ? EX_OK : EX_OSERR;
}

static int run_service(struct service *s, enum way way)
{
    int code = open_parts(s);
    if (code != EX_OK)
        return code;
    int64_t deadline = conf_number(&s->conf, SET_DEADLINE);
    if (way == WAY_CGI) {
        code = confine(s);
        if (code != EX_OK)
            return code;
        return run_cgi(&s->responder, deadline) ? EX_OK : EX_IOERR;
    }

    loop_block_signals();
    errno = 0;
    const char *fault = libfcgi_init() ? libfcgi_selftest() : "FCGX_Init failed";
    if (fault) {
        log_error(NULL, "libfcgi-unusable",
            "%s (%s); this program needs libfcgi 2.4.2 or one that behaves alike", fault,
            errno ? strerror(errno) : "no system error");
        return EX_SOFTWARE;
    }
    if (way == WAY_STDIN) {
        s->where = "standard input";
        fault = listen_stdin(&s->listener) ? NULL : "cannot take over the socket";
    } else {
        fault = listen_open(&s->listener, s->where);
    }
    if (fault) {
        log_error(NULL, "cannot-listen", "%s: %s: %s", s->where, fault, strerror(errno));
        return EX_OSERR;
    }

    code = confine(s);
    if (code != EX_OK) {
        listen_close(&s->listener);
        return code;
    }
    struct buf endpoints = {0};
    for (int i = 0; i < PROVIDERS; i++)
        buf_printf(&endpoints, "%s, ", s->responder.endpoint[i]);
    log_info(NULL, "started", "version %s, %s, %shealth", BOOKSPOOL_VERSION, s->where,
        buf_text(&endpoints));
    buf_free(&endpoints);
    for (int i = 0; i < PROVIDERS; i++)
        if (provider_secrets_empty(&s->responder.secrets[i]))
            log_warn(NULL, "no-secret", "%s: no secret is set, %s answers 503",
                provider_name((enum provider)i), s->responder.endpoint[i]);
    fault = loop_run(&s->responder, s->listener.fd, deadline);
    if (fault)
        log_error(NULL, "loop-failed", "%s: %s", fault, strerror(errno));
    log_info(NULL, "stopped", "version %s", BOOKSPOOL_VERSION);
    listen_close(&s->listener);
    return fault ? EX_OSERR : EX_OK;
}

int main(int argc, char **argv)
{
    static struct service s;
    if (argc == 2 && !cgi_wanted()) {
        if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)
            return fputs(usage, stdout) < 0;
        if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-V") == 0)
            return puts(PROGRAM " " BOOKSPOOL_VERSION) < 0;
    }
    enum way way = start_way(argc, argv, &s.where);
    if (way == WAY_NONE) {
        fputs(usage, stderr);
        return EX_USAGE;
    }
    notify_open();
    sandbox_begin();
    mallopt(M_MMAP_THRESHOLD, LARGE_BODY);
    if (!conf_start(&s.conf, CONF_RECEIVE, PROGRAM)) {
        conf_free(&s.conf);
        return EX_CONFIG;
    }
    int code = run_service(&s, way);
    responder_close(&s.responder);
    conf_free(&s.conf);
    return code;
}
