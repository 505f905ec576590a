#include "provider/redact.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "base/json.h"

#define REMOVED "(removed)"

enum { NAME_MAX_LEN = 80 };

/* In lower case, without _ and -. Secret is each name that has one of these in it ... */
static const char *const parts[] = {"password", "passcode", "passwd", "secret", "token", "apikey",
    "privatekey", "signingkey", "accesskey", "accountkey", "encryptedkey", "downloadlink",
    "cancelurl", "rescheduleurl", "connectandjoinurl"};
/* ... or is one of these. The calendar files of Cal.com hold the links of a meeting again. */
static const char *const names[] = {
    "pwd", "pass", "key", "otp", "pin", "auth", "attendeeicscontent", "organizericscontent"};
/* When a secret ends is none. */
static const char *const harmless[] = {"expiresat", "expiry"};

static bool ends_with(const char *text, const char *end)
{
    size_t len = strlen(text), end_len = strlen(end);
    return len >= end_len && strcmp(text + len - end_len, end) == 0;
}

static bool is_secret(const char *name, size_t len)
{
    char plain[NAME_MAX_LEN + 1];
    size_t n = 0;
    for (size_t i = 0; i < len && n < NAME_MAX_LEN; i++)
        if (name[i] != '_' && name[i] != '-')
            plain[n++] = name[i] >= 'A' && name[i] <= 'Z' ? (char)(name[i] | 0x20) : name[i];
    plain[n] = '\0';
    for (size_t i = 0; i < sizeof harmless / sizeof *harmless; i++)
        if (ends_with(plain, harmless[i]))
            return false;
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        if (strstr(plain, parts[i]))
            return true;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(plain, names[i]) == 0)
            return true;
    return false;
}

bool redact_is_secret(const char *name)
{
    return is_secret(name, strlen(name));
}

/* ---- links ---- */

#define URL_NAME "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-"

/* The next "?name=" or "&name=" of a secret: sets the value's beginning and end. */
static bool next_secret_parameter(const char *at, const char **value, const char **end)
{
    while ((at = strpbrk(at, "?&;#")) != NULL) {
        at++;
        if (strncmp(at, "amp;", 4) == 0)
            at += 4;
        size_t len = strspn(at, URL_NAME);
        if (at[len] != '=' || !is_secret(at, len))
            continue;
        *value = at + len + 1;
        *end = *value + strcspn(*value, "&;#\"'<> \t\r\n");
        if (*end > *value)
            return true;
    }
    return false;
}

const char *redact_text(struct arena *arena, const char *text)
{
    const char *value, *end;
    struct buf out = {0};
    if (!text || !next_secret_parameter(text, &value, &end))
        return text;
    do {
        buf_add(&out, text, (size_t)(value - text));
        buf_puts(&out, REMOVED);
        text = end;
    } while (next_secret_parameter(text, &value, &end));
    buf_puts(&out, text);
    if (out.failed)
        arena->failed = true;
    const char *copy = out.failed ? NULL : arena_strndup(arena, out.data, out.len);
    buf_free(&out);
    return copy;
}

/* ---- bodies ---- */

/* False: memory ran out. */
static bool set_text(cJSON *item, const char *text)
{
    cJSON *made = text ? cJSON_CreateString(text) : NULL;
    if (!made)
        return false;
    cJSON_free(item->valuestring);
    cJSON_Delete(item->child);
    item->type = made->type;
    item->valuestring = made->valuestring;
    item->child = NULL;
    made->valuestring = NULL;
    cJSON_Delete(made);
    return true;
}

/* cJSON parses at most 1,000 levels. Null, true and false give nothing away. */
static bool redact_item(struct arena *arena, cJSON *item)
{
    bool holds = !cJSON_IsNull(item) && !cJSON_IsBool(item);
    if (holds && item->string && redact_is_secret(item->string))
        return set_text(item, REMOVED);
    if (cJSON_IsString(item)) {
        const char *text = redact_text(arena, item->valuestring);
        return text == item->valuestring || set_text(item, text);
    }
    for (cJSON *child = item->child; child; child = child->next)
        if (!redact_item(arena, child))
            return false;
    return true;
}

static const char *redact_json(struct arena *arena, cJSON *root)
{
    char *printed = redact_item(arena, root) ? cJSON_PrintUnformatted(root) : NULL;
    const char *text = printed ? arena_strdup(arena, printed) : NULL;
    if (!printed)
        arena->failed = true;
    cJSON_free(printed);
    return text;
}

/* A word of the body that would be a secret's name, in whatever form the template gives it. */
static bool names_secret(const char *text)
{
    while (*(text += strcspn(text, URL_NAME)) != '\0') {
        size_t len = strspn(text, URL_NAME);
        if (is_secret(text, len))
            return true;
        text += len;
    }
    return false;
}

const char *body_redacted(struct arena *arena, const char *body, size_t len)
{
    cJSON *root = json_parse(body, len);
    if (root) {
        const char *text = redact_json(arena, root);
        cJSON_Delete(root);
        return text;
    }
    if (errno == ENOMEM) {
        arena->failed = true;
        return NULL;
    }
    char *text = arena_strndup(arena, body, len);
    for (size_t i = 0; text && i < len; i++)
        if (text[i] == '\0')
            text[i] = ' ';
    return text && !names_secret(text) ? text : NULL;
}
