#include "base/json.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"

enum { EXACT_DIGITS = 15 };

/*
 * Text that needs no correction is not copied: `out` stays empty until the first replacement.
 */
struct scan {
    const char *kept; /* what lies between here and `at` is good, and not in out yet */
    const char *at, *end;
    struct buf out;
};

/* The code unit of a \uXXXX escape at `at`, or -1. */
static long unit_at(const char *at, const char *end)
{
    if (end - at < 6 || at[0] != '\\' || at[1] != 'u')
        return -1;
    for (int i = 2; i < 6; i++)
        if (!isxdigit((unsigned char)at[i]))
            return -1;
    return strtol((const char[]){at[2], at[3], at[4], at[5], '\0'}, NULL, 16);
}

/* The next `count` bytes go, and `text` comes in their place. */
static void put_fixed(struct scan *s, size_t count, const char *text)
{
    buf_add(&s->out, s->kept, (size_t)(s->at - s->kept));
    buf_puts(&s->out, text);
    s->at += count;
    s->kept = s->at;
}

static void fix_escape(struct scan *s)
{
    enum { HIGH = 0xd800, LOW = 0xdc00, SURROGATE = ~0x3ff }; /* the halves of a pair */
    long unit = unit_at(s->at, s->end);
    if (unit < 0)
        s->at += s->end - s->at < 2 ? 1 : 2;
    else if ((unit & SURROGATE) == HIGH && (unit_at(s->at + 6, s->end) & SURROGATE) == LOW)
        s->at += 12;
    else if ((unit & SURROGATE) == HIGH || (unit & SURROGATE) == LOW)
        put_fixed(s, 6, "\\ufffd");
    else if (unit == 0)
        put_fixed(s, 6, " ");
    else
        s->at += 6;
}

static void fix_string(struct scan *s)
{
    for (s->at++; s->at < s->end && *s->at != '"';) {
        if (*s->at == '\\')
            fix_escape(s);
        else if (*s->at == '\0')
            put_fixed(s, 1, " ");
        else
            s->at++;
    }
    if (s->at < s->end)
        s->at++;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool in_number(char c)
{
    return is_digit(c) || c == '.' || c == 'e' || c == 'E' || c == '+' || c == '-';
}

static void fix_number(struct scan *s)
{
    const char *start = s->at, *p = start + (*start == '-'), *first = p;
    while (p < s->end && is_digit(*p))
        p++;
    bool integer = p == s->end || !in_number(*p);
    if (integer && p - first > EXACT_DIGITS) {
        put_fixed(s, 0, "\"");
        s->at = p;
        put_fixed(s, 0, "\"");
    }
    for (s->at = p; s->at < s->end && in_number(*s->at);)
        s->at++;
}

static void fix_text(struct scan *s)
{
    while (s->at < s->end) {
        if (*s->at == '"')
            fix_string(s);
        else if (*s->at == '-' || is_digit(*s->at))
            fix_number(s);
        else
            s->at++;
    }
    if (s->out.len)
        put_fixed(s, 0, "");
}

static bool has_unicode_escape(const char *text, size_t len)
{
    const char *end = text + len;
    while ((text = memchr(text, '\\', (size_t)(end - text))) && ++text < end)
        if (*text == 'u')
            return true;
    return false;
}

/* Each run is read from its end: the next one begins after the last byte that is no digit. */
static bool has_long_number(const char *text, size_t len)
{
    for (size_t at = 0; at + EXACT_DIGITS < len;) {
        size_t run = EXACT_DIGITS + 1;
        while (run && is_digit(text[at + run - 1]))
            run--;
        if (!run)
            return true;
        at += run;
    }
    return false;
}

/* False for nearly all bodies, which are then not scanned byte by byte. */
static bool may_need_fixing(const char *text, size_t len)
{
    return memchr(text, '\0', len) || has_unicode_escape(text, len) || has_long_number(text, len);
}

/* cJSON has no arena, and does not distinguish a wrong text from a failed allocation. */
static struct arena *nodes; /* NULL: each from malloc */
static bool memory_failed;

static void *allocate(size_t size)
{
    void *memory = nodes ? arena_alloc(nodes, size) : malloc(size);
    memory_failed |= !memory;
    return memory;
}

static void release(void *memory)
{
    if (!nodes)
        free(memory);
}

const cJSON *json_parse_in(struct arena *arena, const char *text, size_t len)
{
    cJSON_Hooks hooks = {allocate, release};
    struct scan s = {.kept = text, .at = text, .end = text + len};
    const char *end = NULL;
    cJSON *root = NULL;
    nodes = arena;
    cJSON_InitHooks(&hooks);
    if (len && may_need_fixing(text, len))
        fix_text(&s);
    if (s.out.len) {
        text = s.out.data;
        len = s.out.len;
    }
    memory_failed = s.out.failed;
    if (len && !memory_failed)
        root = cJSON_ParseWithLengthOpts(text, len, &end, 0);
    while (root && end < text + len && strchr(" \t\r\n", *end) && *end)
        end++;
    if (root && end < text + len) {
        cJSON_Delete(root);
        root = NULL;
    }
    buf_free(&s.out);
    nodes = NULL;
    if (!root)
        errno = memory_failed ? ENOMEM : EILSEQ;
    return root;
}

cJSON *json_parse(const char *text, size_t len)
{
    return (cJSON *)json_parse_in(NULL, text, len);
}

static bool is_escaped_quote(const char *at)
{
    size_t backslashes = 0;
    while (at[-1] == '\\') {
        backslashes++;
        at--;
    }
    return backslashes % 2 == 1;
}

/* The closing quote of the string whose opening one is at `at`, or `end`. */
static const char *string_end(const char *at, const char *end)
{
    do
        at = memchr(at + 1, '"', (size_t)(end - at - 1));
    while (at && is_escaped_quote(at));
    return at ? at : end;
}

/* Contents deeper than one level are left out; their brackets stay. */
static void copy_top(const char *text, size_t len, struct buf *out)
{
    const char *end = text + len, *kept = text;
    int depth = 0;
    for (const char *at = text; at < end; at++) {
        if (*at == '"') {
            at = string_end(at, end);
        } else if (*at == '{' || *at == '[') {
            if (++depth == 2)
                buf_add(out, kept, (size_t)(at + 1 - kept));
        } else if (*at == '}' || *at == ']') {
            if (depth-- == 2)
                kept = at;
        }
    }
    if (depth < 2)
        buf_add(out, kept, (size_t)(end - kept));
}

cJSON *json_parse_top(const char *text, size_t len)
{
    struct buf top = {0};
    copy_top(text, len, &top);
    cJSON *root = top.failed ? NULL : json_parse(buf_text(&top), top.len);
    if (top.failed)
        errno = ENOMEM;
    buf_free(&top);
    return root;
}

/* The name of len bytes need not end there. */
static const cJSON *get_member(const cJSON *object, const char *name, size_t len)
{
    const cJSON *found = NULL, *item;
    if (!cJSON_IsObject(object))
        return NULL;
    cJSON_ArrayForEach (item, object) {
        const char *own = item->string;
        if (own && *own == *name && strncmp(own, name, len) == 0 && own[len] == '\0')
            found = item;
    }
    return found;
}

const cJSON *json_get(const cJSON *object, const char *name)
{
    return get_member(object, name, strlen(name));
}

const cJSON *json_path(const cJSON *object, const char *path)
{
    for (;;) {
        size_t len = strcspn(path, ".");
        object = get_member(object, path, len);
        if (!object || path[len] == '\0')
            return object;
        path += len + 1;
    }
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

bool json_list_add(cJSON *list, cJSON *item)
{
    if (cJSON_AddItemToArray(list, item))
        return true;
    cJSON_Delete(item);
    return false;
}
