/*
 * fcgi: bytes as they come from a socket, through receive/fcgi_check and then libfcgi, as
 * receive/loop does it.
 *
 * The check finds the same whether bytes come at once or in pieces. Where it passes a request,
 * libfcgi finds the same variables and the same body as the few lines here.
 */
#include "fuzz.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "receive/fcgi_check.h"
#include "receive/libfcgi.h"

enum { CAP = 4096, PARAMS = 4, STDIN = 5 };

static int sink[2];

int LLVMFuzzerInitialize(int *argc, char ***argv);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc, (void)argv;
    REQUIRE(libfcgi_init() && !libfcgi_selftest(), "libfcgi");
    return 0;
}

static void walk_in_pieces(struct fcgi_check *check, const uint8_t *data, size_t size, size_t piece)
{
    size_t given = 0;
    fcgi_check_reset(check, CAP);
    while (check->state == FCGI_CHECK_MORE && given < size) {
        given = size - given < piece ? size : given + piece;
        char *exact = fuzz_copy(data, given);
        fcgi_check_walk(check, exact, given);
        free(exact);
    }
}

/* The contents of all records of one type, of a request that the check has passed. */
static void gather(const uint8_t *data, size_t end, int type, struct buf *out)
{
    for (size_t at = 0; at < end;) {
        size_t len = (size_t)data[at + 4] << 8 | data[at + 5];
        if (data[at + 1] == type)
            buf_add(out, data + at + FCGI_CHECK_HEADER, len);
        at += FCGI_CHECK_HEADER + len + data[at + 6];
    }
}

static size_t take_length(const unsigned char **at)
{
    const unsigned char *c = *at;
    *at += *c < 0x80 ? 1 : 4;
    return *c < 0x80 ? *c
                     : (size_t)(c[0] & 0x7f) << 24 | (size_t)c[1] << 16 | (size_t)c[2] << 8 |
                           (size_t)c[3];
}

/* Each pair is what libfcgi has under that name, or a pair before it had the same name. */
static void check_params(struct exchange *x, const struct buf *params)
{
    const unsigned char *at = (const unsigned char *)buf_text(params), *end = at + params->len;
    int count = 0;
    char **variable = x->fcgx.envp + 1; /* after libfcgi's own FCGI_ROLE */
    while (at < end) {
        size_t name_len = take_length(&at), value_len = take_length(&at);
        REQUIRE(at + name_len + value_len <= end, "lengths that the check passed do not add up");
        REQUIRE(variable[count] && strlen(variable[count]) <= name_len + value_len + 1 &&
                    memcmp(variable[count], at, strnlen((const char *)at, name_len)) == 0,
            "pair %d", count);
        at += name_len + value_len;
        count++;
    }
    REQUIRE(!variable[count], "libfcgi has more than %d variables", count);
}

static void serve(
    const struct fcgi_check *check, const uint8_t *data, size_t end, const unsigned char *tail)
{
    struct exchange x;
    struct buf params = {0}, wanted = {0}, body = {0}, response = {0};
    char drained[4096];
    gather(data, end, PARAMS, &params);
    if (!tail)
        gather(data, end, STDIN, &wanted);
    REQUIRE(
        socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, sink) == 0, "socket");
    REQUIRE(libfcgi_open(&x, data, end, tail), "libfcgi refuses what the check passed");
    check_params(&x, &params);
    const char *length = libfcgi_param(&x, "CONTENT_LENGTH");
    REQUIRE(!length || request_parse_length(length, &(uint64_t){0}) == check->length_kind,
        "CONTENT_LENGTH %s", length);
    REQUIRE(libfcgi_body(&x, &body), "no body");
    REQUIRE(body.len == wanted.len && memcmp(buf_text(&body), buf_text(&wanted), body.len) == 0,
        "%zu bytes of body, not %zu", body.len, wanted.len);
    buf_puts(&response, "Status: 200 OK\r\n\r\n");
    REQUIRE(libfcgi_answer(&x, sink[0], &response), "no answer");
    ssize_t n = recv(sink[1], drained, sizeof drained, 0);
    REQUIRE(n > 0 && memmem(drained, (size_t)n, "Status: 200", 11), "no answer");
    close(sink[0]);
    close(sink[1]);
    buf_free(&params);
    buf_free(&wanted);
    buf_free(&body);
    buf_free(&response);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fcgi_check check, pieces;
    unsigned char tail[FCGI_CHECK_HEADER];
    size_t piece = size ? 1 + data[size - 1] % 13U : 1;
    fcgi_check_reset(&check, CAP);
    enum fcgi_check_state state = fcgi_check_walk(&check, data, size);
    walk_in_pieces(&pieces, data, size, piece);
    REQUIRE(size == 0 || pieces.state == state, "at once %d, in pieces %d", state, pieces.state);
    switch (state) {
    case FCGI_CHECK_COMPLETE:
        REQUIRE(check.end <= check.at && check.at <= size && pieces.end == check.end, "%zu bytes",
            check.end);
        serve(&check, data, check.end, NULL);
        break;
    case FCGI_CHECK_TOO_LARGE:
        REQUIRE(check.params_end <= size, "%zu bytes", check.params_end);
        fcgi_check_stdin_end(&check, tail);
        serve(&check, data, check.params_end, tail);
        break;
    case FCGI_CHECK_BROKEN:
        REQUIRE(fuzz_is_code(check.reason), "%s", check.reason);
        break;
    default:
        break;
    }
    return 0;
}
