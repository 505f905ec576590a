#include "base/json.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"

enum { EXACT_DIGITS = 15, PATH_NAME = 64 };

struct scan {
    const char *at, *end;
    struct buf out;
};

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The code unit of a \uXXXX escape at `at`, or -1. */
static long unit_at(const char *at, const char *end)
{
    if (end - at < 6 || at[0] != '\\' || at[1] != 'u')
        return -1;
    long unit = 0;
    for (int i = 2; i < 6; i++) {
        int v = hex_value(at[i]);
        if (v < 0)
            return -1;
        unit = unit * 16 + v;
    }
    return unit;
}

static bool is_high(long unit)
{
    return unit >= 0xd800 && unit <= 0xdbff;
}

static bool is_low(long unit)
{
    return unit >= 0xdc00 && unit <= 0xdfff;
}

static void copy(struct scan *s, size_t count)
{
    buf_add(&s->out, s->at, count);
    s->at += count;
}

static void mend_escape(struct scan *s)
{
    long unit = unit_at(s->at, s->end);
    if (unit < 0) {
        copy(s, s->end - s->at < 2 ? 1 : 2);
    } else if (is_high(unit) && is_low(unit_at(s->at + 6, s->end))) {
        copy(s, 12);
    } else if (is_high(unit) || is_low(unit)) {
        buf_puts(&s->out, "\\ufffd");
        s->at += 6;
    } else if (unit == 0) {
        buf_putc(&s->out, ' ');
        s->at += 6;
    } else {
        copy(s, 6);
    }
}

static void mend_string(struct scan *s)
{
    copy(s, 1);
    while (s->at < s->end && *s->at != '"') {
        const char *plain = s->at;
        while (plain < s->end && *plain != '"' && *plain != '\\' && *plain != '\0')
            plain++;
        copy(s, (size_t)(plain - s->at));
        if (s->at == s->end)
            return;
        if (*s->at == '\\')
            mend_escape(s);
        else if (*s->at == '\0') {
            buf_putc(&s->out, ' ');
            s->at++;
        }
    }
    if (s->at < s->end)
        copy(s, 1);
}

static void mend_number(struct scan *s)
{
    const char *p = s->at + (*s->at == '-');
    const char *first = p;
    while (p < s->end && *p >= '0' && *p <= '9')
        p++;
    bool whole = p == s->end || !strchr(".eE", *p) || *p == '\0';
    bool quote = whole && p - first > EXACT_DIGITS;
    if (quote)
        buf_putc(&s->out, '"');
    copy(s, (size_t)(p - s->at));
    if (quote)
        buf_putc(&s->out, '"');
    while (!whole && s->at < s->end && *s->at && strchr("0123456789.eE+-", *s->at))
        copy(s, 1);
}

static void mend(struct scan *s)
{
    while (s->at < s->end) {
        if (*s->at == '"')
            mend_string(s);
        else if (*s->at == '-' || (*s->at >= '0' && *s->at <= '9'))
            mend_number(s);
        else
            copy(s, 1);
    }
}

cJSON *json_parse(const char *text, size_t len)
{
    struct scan s = {.at = text, .end = text + len};
    if (buf_reserve(&s.out, len))
        mend(&s);
    cJSON *root = NULL;
    const char *end = NULL;
    if (!s.out.failed && s.out.len)
        root = cJSON_ParseWithLengthOpts(s.out.data, s.out.len, &end, 0);
    if (root && strspn(end, " \t\r\n") != (size_t)(s.out.data + s.out.len - end)) {
        cJSON_Delete(root);
        root = NULL;
    }
    buf_free(&s.out);
    return root;
}

const cJSON *json_get(const cJSON *object, const char *name)
{
    const cJSON *found = NULL, *item;
    if (!cJSON_IsObject(object))
        return NULL;
    cJSON_ArrayForEach(item, object) if (item->string && strcmp(item->string, name) == 0) found =
        item;
    return found;
}

const cJSON *json_path(const cJSON *object, const char *path)
{
    while (object) {
        char name[PATH_NAME];
        size_t len = strcspn(path, ".");
        if (len >= sizeof name)
            return NULL;
        memcpy(name, path, len);
        name[len] = '\0';
        object = json_get(object, name);
        if (path[len] == '\0')
            break;
        path += len + 1;
    }
    return object;
}

const char *json_text(const cJSON *object, const char *path)
{
    const cJSON *item = json_path(object, path);
    return cJSON_IsString(item) ? item->valuestring : NULL;
}

bool json_true(const cJSON *object, const char *path)
{
    return cJSON_IsTrue(json_path(object, path));
}
