/*
 * smtp_reply: replies of a mail server, as smtp.c joins and judges them.
 *
 *     STEP CODE LINES     two bytes that choose the step and libcurl's code, then lines
 *
 * Whatever a server says: a code of reason for the log, words without anything that it said, and a
 * mail is taken for sent only by 2yz to its last dot.
 */
#include "fuzz.h"

#include <curl/curl.h>

#include "deliver/smtp_outcome.h"

enum { REPLY_SIZE = 512 };

static size_t join(const char *text, size_t len, char reply[REPLY_SIZE], unsigned *offered)
{
    size_t at = 0;
    reply[0] = '\0';
    for (const char *end = text + len; text < end;) {
        const char *stop = memchr(text, '\n', (size_t)(end - text));
        size_t line_len = stop ? (size_t)(stop - text) : (size_t)(end - text);
        char *line = fuzz_copy(text, line_len);
        at = smtp_join_reply(reply, REPLY_SIZE, at, line, line_len);
        REQUIRE(at < REPLY_SIZE && strlen(reply) == at, "%zu", at);
        *offered |= smtp_mechanisms_offered(line, line_len);
        free(line);
        text += line_len + (stop != NULL);
    }
    return at;
}

static int code_of(const char *reply)
{
    return strspn(reply, "0123456789") >= 3
               ? (reply[0] - '0') * 100 + (reply[1] - '0') * 10 + reply[2] - '0'
               : 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const int codes[] = {CURLE_OK, CURLE_WEIRD_SERVER_REPLY, CURLE_OPERATION_TIMEDOUT,
        CURLE_SEND_ERROR, CURLE_RECV_ERROR, CURLE_LOGIN_DENIED, CURLE_USE_SSL_FAILED,
        CURLE_REMOTE_ACCESS_DENIED, CURLE_SSL_CONNECT_ERROR, CURLE_COULDNT_CONNECT};
    char reply[REPLY_SIZE];
    unsigned offered = 0;
    struct delivery_result result = {0};
    if (size < 2)
        return 0;
    size_t len = join((const char *)data + 2, size - 2, reply, &offered);
    REQUIRE(fuzz_is_printable(reply) && offered < 1U << MECHANISMS, "%s", reply);
    enum smtp_step step = (enum smtp_step)(data[0] % STEP_END);
    const struct smtp_attempt attempt = {.curl = codes[data[1] % (sizeof codes / sizeof *codes)],
        .waiting = step + (data[0] & 0x80 ? 1 : 0),
        .code = code_of(reply),
        .replied = step,
        .end_given = step >= STEP_DOT,
        .reply = len ? reply : NULL,
        .from = "bookspool@example.org",
        .to = "ada@example.com",
        .tls = (enum smtp_tls)(data[0] >> 4 & 1),
        .login = (enum smtp_login)(data[0] >> 5 & 1),
        .peer = {.name = "mail.example.org:587",
            .setting = "BOOKSPOOL_TRANSPORT",
            .connected = step > STEP_GREETING}};
    smtp_classify(&attempt, &result);
    REQUIRE(fuzz_is_code(result.reason) && fuzz_is_printable(result.words), "%s: %s", result.reason,
        result.words);
    if (result.outcome == OUTCOME_SENT)
        REQUIRE(
            attempt.curl == CURLE_OK || (attempt.replied == STEP_DOT && attempt.code / 100 == 2),
            "sent at step %d with %d", step, attempt.code);
    return 0;
}
