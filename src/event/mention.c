#include "event/mention.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include <idn2.h>

#include "base/buf.h"
#include "base/json.h"
#include "event/clean.h"

enum { DOMAIN_BYTES = 1024 }; /* of a domain in UTF-8 that can be an address */

static bool is_alphanumeric(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

static bool is_beyond_ascii(char c)
{
    return (unsigned char)c >= 0x80;
}

bool mention_of(const char *address, struct mention *mention)
{
    struct arena arena = {0};
    const char *clean = arena_strlower(&arena, clean_address(&arena, address));
    const char *at = clean ? strrchr(clean, '@') : NULL;
    *mention = (struct mention){.failed = arena.failed};
    if (at) {
        snprintf(mention->local, sizeof mention->local, "%.*s", (int)(at - clean), clean);
        snprintf(mention->domain, sizeof mention->domain, "%s", at + 1);
    }
    arena_free(&arena);
    return at != NULL;
}

/* ---- one "@" ---- */

/* The full stop after a sentence is not part of a domain. */
static size_t without_end(const char *domain, size_t len)
{
    while (len && (domain[len - 1] == '.' || domain[len - 1] == '-'))
        len--;
    return len;
}

static bool same_domain(struct mention *mention, const char *text, const char *end)
{
    size_t ascii = 0, all, len;
    while (text + ascii < end &&
           (is_alphanumeric(text[ascii]) || text[ascii] == '.' || text[ascii] == '-'))
        ascii++;
    len = without_end(text, ascii); /* other scripts need no blank after an address */
    if (len == strlen(mention->domain) && strncasecmp(text, mention->domain, len) == 0)
        return true;
    for (all = ascii; text + all < end && (is_alphanumeric(text[all]) || text[all] == '.' ||
                                              text[all] == '-' || is_beyond_ascii(text[all]));
         all++)
        ;
    all = without_end(text, all);
    if (all <= ascii || all >= DOMAIN_BYTES)
        return false;
    char domain[DOMAIN_BYTES], *converted = NULL;
    snprintf(domain, sizeof domain, "%.*s", (int)all, text);
    int result = idn2_to_ascii_8z(domain, &converted, IDN2_NONTRANSITIONAL);
    mention->failed |= result == IDN2_MALLOC;
    bool same = result == IDN2_OK && strcasecmp(converted, mention->domain) == 0;
    idn2_free(converted);
    return same;
}

static bool same_local(const struct mention *mention, const char *text, const char *at)
{
    size_t len = strlen(mention->local);
    if ((size_t)(at - text) < len || strncasecmp(at - len, mention->local, len) != 0)
        return false;
    if ((size_t)(at - text) == len)
        return true;
    char before = at[-1 - (ptrdiff_t)len];
    return !is_alphanumeric(before) && !is_beyond_ascii(before) && !strchr("._+-", before);
}

static bool find(struct mention *mention, const char *text, size_t len)
{
    const char *end = text + len, *at = text;
    while (at < end && (at = memchr(at, '@', (size_t)(end - at)))) {
        if (same_local(mention, text, at) && same_domain(mention, at + 1, end))
            return true;
        at++;
    }
    return false;
}

/* ---- texts ---- */

/* 0 to 15; -1: no hexadecimal digit, which both letter cases are in links. */
static int digit_of(char c)
{
    static const char digits[] = "0123456789abcdef0123456789ABCDEF";
    const char *at = c ? strchr(digits, c) : NULL;
    return at ? (int)(at - digits) % 16 : -1;
}

/* RFC 3986 section 2.1 */
static void add_decoded(struct buf *out, const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        int high = text[i] == '%' && i + 2 < len ? digit_of(text[i + 1]) : -1;
        int low = high >= 0 ? digit_of(text[i + 2]) : -1;
        buf_putc(out, low >= 0 ? (char)(high * 16 + low) : text[i]);
        i += low >= 0 ? 2 : 0;
    }
}

bool mention_in(struct mention *mention, const char *text, size_t len)
{
    struct buf decoded = {0};
    if (len == 0)
        return false;
    bool found = find(mention, text, len);
    if (!found && memchr(text, '%', len)) {
        add_decoded(&decoded, text, len);
        mention->failed |= decoded.failed;
        found = find(mention, buf_text(&decoded), decoded.len);
    }
    buf_free(&decoded);
    return found;
}

static bool in_text(struct mention *mention, const char *text)
{
    return text && mention_in(mention, text, strlen(text));
}

/* cJSON parses at most 1,000 levels. */
static bool in_item(struct mention *mention, const cJSON *item)
{
    if (in_text(mention, item->string) || in_text(mention, item->valuestring))
        return true;
    for (const cJSON *child = item->child; child; child = child->next)
        if (in_item(mention, child))
            return true;
    return false;
}

bool mention_in_body(struct mention *mention, const char *body, size_t len)
{
    cJSON *root = json_parse(body, len);
    if (!root && errno == ENOMEM)
        mention->failed = true;
    bool found = root ? in_item(mention, root) : mention_in(mention, body, len);
    cJSON_Delete(root);
    return found;
}
