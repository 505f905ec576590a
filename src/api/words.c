#include "api/words.h"

#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "event/clean.h"

/* ---- scopes ---- */

/* What the documents ask for (developer.calendly.com/docs/authentication/scopes). */
static const struct {
    const char *path; /* how it begins */
    unsigned read, write;
} required[] = {
    {"/users", SCOPE_USERS_READ, SCOPE_OTHER},
    {"/webhook_subscriptions", SCOPE_WEBHOOKS_READ, SCOPE_WEBHOOKS_WRITE},
    {"/sample_webhook_data", SCOPE_WEBHOOKS_READ, SCOPE_OTHER},
    {"/scheduled_events", SCOPE_EVENTS_READ, SCOPE_OTHER},
    {"/event_types", SCOPE_EVENT_TYPES_READ, SCOPE_OTHER},
};

unsigned api_scope_of(const char *method, const char *path)
{
    for (size_t i = 0; i < sizeof required / sizeof *required; i++)
        if (strncmp(path, required[i].path, strlen(required[i].path)) == 0)
            return strcmp(method, "GET") == 0 ? required[i].read : required[i].write;
    return SCOPE_OTHER;
}

#define WORD "abcdefghijklmnopqrstuvwxyz_"

/* Adds each "family:read" or "family:write" of a text once. */
static unsigned find_scopes(const char *text, struct buf *names)
{
    unsigned found = 0;
    for (size_t len; *text; text += len ? len : 1) {
        len = strspn(text, WORD);
        size_t access = strncmp(text + len, ":read", 5) == 0    ? 5
                        : strncmp(text + len, ":write", 6) == 0 ? 6
                                                                : 0;
        if (!len || !access || len > 40)
            continue;
        char name[48];
        unsigned bit = SCOPE_OTHER;
        len += access;
        snprintf(name, sizeof name, "%.*s", (int)len, text);
        for (size_t i = 0; counter_scopes[i]; i++)
            if (strcmp(counter_scopes[i], name) == 0)
                bit = 1u << i;
        if (!strstr(buf_text(names), name))
            buf_printf(names, "%s%s", names->len ? ", " : "", name);
        found |= bit;
    }
    return found;
}

static bool mentions_scopes(const char *text)
{
    return text && (strcasestr(text, "scope") || strcasestr(text, "insufficient"));
}

unsigned api_missing_scopes(const cJSON *json, const char *challenge, const char *method,
    const char *path, struct buf *names)
{
    char *text = cJSON_PrintUnformatted(json); /* whichever member names them */
    unsigned found = 0;
    bool needed = strncmp(path, "/groups", strlen("/groups")) != 0; /* few accounts have any */
    if (needed && (mentions_scopes(text) || mentions_scopes(challenge))) {
        found = find_scopes(text ? text : "", names) | find_scopes(challenge, names);
        found = found ? found : api_scope_of(method, path);
        for (size_t i = 0; !names->len && counter_scopes[i]; i++)
            if (found == 1u << i)
                buf_puts(names, counter_scopes[i]);
        if (!names->len)
            buf_puts(names, "those that this call needs");
    }
    cJSON_free(text);
    return found;
}

/* ---- reasons ---- */

static void add_words(struct buf *out, const char *between, const char *text)
{
    if (text && *text && !strstr(buf_text(out), text))
        buf_printf(out, "%s%s", out->len ? between : "", text);
}

/* One line of valid UTF-8 without controls, C1 ones too: it goes into logs and to terminals. */
static void add_clean(const struct buf *text, struct buf *out)
{
    struct arena arena = {0};
    const char *clean = clean_line(&arena, buf_text(text));
    buf_puts(out, clean ? clean : "");
    out->failed |= arena.failed || text->failed;
    arena_free(&arena);
}

/* {"title","message","details":[{"parameter","message"}]} */
static void calendly_reason(const cJSON *json, struct buf *out)
{
    const cJSON *details = json_get(json, "details"), *detail;
    add_words(out, ": ", json_text(json, "title"));
    add_words(out, ": ", json_text(json, "message"));
    cJSON_ArrayForEach (detail, details) {
        const char *parameter = json_text(detail, "parameter");
        add_words(out, "; ", parameter);
        add_words(out, parameter ? " " : "; ", json_text(detail, "message"));
    }
    add_words(out, ": ", json_text(json, "error")); /* the shape of its OAuth server */
    add_words(out, ": ", json_text(json, "error_description"));
}

/* {"status":"error","error":{"code","message","details"}} */
static void calcom_reason(const cJSON *json, struct buf *out)
{
    add_words(out, ": ", json_text(json, "error.code"));
    add_words(out, ": ", json_text(json, "error.message"));
    add_words(out, ": ", json_text(json, "message"));
}

void api_reason(enum provider provider, const cJSON *json, struct buf *out)
{
    struct buf said = {0};
    if (provider == PROVIDER_CALENDLY)
        calendly_reason(json, &said);
    else
        calcom_reason(json, &said);
    add_clean(&said, out);
    buf_free(&said);
}

/* ---- explanations ---- */

static const char *what_to_do(const struct api_failure *f)
{
    switch (f->result) {
    case API_CONFLICT:
        return "it exists already";
    case API_NOT_FOUND:
        return "there is nothing of that address or id, or this token may not see it";
    case API_LIMITED:
        return "too many requests: try again in a minute";
    case API_UNREACHABLE:
        return "try again later";
    case API_STRANGE:
        return "that is not this API: check the base";
    default:
        return "";
    }
}

void api_explain(const struct api_failure *f, char *out, size_t size)
{
    struct buf text = {0};
    const char *title = provider_table[f->provider]->title;
    const char *between = *f->detail ? ": " : "";
    if (f->result == API_NO_TOKEN)
        buf_printf(&text, "%s: no token is set; set %s in drain.env", title, f->setting);
    else if (f->result == API_UNAUTHORIZED)
        buf_printf(&text,
            "%s refuses the token %s: it is wrong, expired or revoked; make a new one "
            "and set %s in drain.env",
            title, f->tokens, f->setting);
    else if (f->result == API_FORBIDDEN && *f->scopes)
        buf_printf(&text,
            "%s: the token %s lacks the scopes %s; make one with these ticked and set "
            "%s in drain.env",
            title, f->tokens, f->scopes, f->setting);
    else if (f->result == API_FORBIDDEN)
        buf_printf(&text, "%s: the account, its plan or its role does not allow this (403)%s%s",
            title, between, f->detail);
    else if (f->result == API_STRANGE || f->result == API_UNREACHABLE) {
        buf_printf(&text, "%s (%s)%s%s", title, f->host, between, f->detail);
        if (f->status)
            buf_printf(&text, "; status %ld", f->status);
        buf_printf(&text, "; %s%s%s", what_to_do(f), f->result == API_STRANGE ? " " : "",
            f->result == API_STRANGE ? f->base : "");
    } else {
        const char *advice = what_to_do(f);
        buf_printf(&text, "%s answered %ld%s%s%s%s", title, f->status, between, f->detail,
            *advice ? "; " : "", advice);
    }
    struct buf clean = {0};
    add_clean(&text, &clean);
    size_t len = strlen(buf_text(&clean));
    if (len >= size)
        for (len = size - 1; len && ((unsigned char)clean.data[len] & 0xC0) == 0x80;)
            len--;
    memcpy(out, buf_text(&clean), len);
    out[len] = '\0';
    buf_free(&clean);
    buf_free(&text);
}
