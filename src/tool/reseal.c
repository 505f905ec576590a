#include "tool/reseal.h"

#include <stdbool.h>
#include <string.h>
#include <strings.h>

#include "base/digest.h"
#include "spool/record.h"

/* Is this line of a header one that sealing writes anew? */
static bool is_replaced(const char *line, size_t len)
{
    static const char *const names[] = {"Length:", "Sha256:", "Secret-Used:"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (len >= strlen(names[i]) && strncasecmp(line, names[i], strlen(names[i])) == 0)
            return true;
    return false;
}

/* Copies what stays of the header; the body's first byte, or NULL when no empty line comes. */
static const char *copy_header(const char *data, const char *end, struct buf *out)
{
    const char *newline;
    for (; (newline = memchr(data, '\n', (size_t)(end - data))); data = newline + 1) {
        size_t len = (size_t)(newline - data);
        if (len == 0)
            return newline + 1;
        if (!is_replaced(data, len))
            buf_add(out, data, len + 1);
    }
    return NULL;
}

const char *reseal_event(const char *data, size_t len, struct buf *out)
{
    char digest[DIGEST_HEX + 1];
    struct record record;
    const char *end = data + len, *body = copy_header(data, end, out);
    if (!body)
        return "its header has no end: an empty line must come before the body";
    size_t body_len = (size_t)(end - body);
    if (!digest_hex(&(struct digest_part){body, body_len}, 1, digest))
        return "no SHA-256 could be computed";
    buf_printf(out, "Secret-Used: -\nLength: %zu\nSha256: %s\n\n", body_len, digest);
    buf_add(out, body, body_len);
    if (out->failed)
        return "there is not enough memory";
    const char *wrong = record_decode(buf_text(out), out->len, &record);
    if (!wrong && record.kind != RECORD_EVENT)
        return "it is a mail, not an event";
    return wrong;
}
