/*
 * provider_body: a body, mapped, and looked at as the documented JSON.
 *
 * A fact is a path through that JSON (numbers index lists) and the text there:
 * strings as they are, everything else as JSON writes it ("null", "true", "0").
 */
#ifndef UNIT_PROVIDER_BODY_H
#define UNIT_PROVIDER_BODY_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "provider/provider.h"

#define SAMPLES "examples/bodies/"

struct fact {
    const char *path, *value;
};

static inline void body_read(const char *name, struct buf *body)
{
    char path[1024];
    snprintf(path, sizeof path, SAMPLES "%s", name);
    FILE *file = fopen(path, "rb");
    if (!file)
        fail_msg("%s cannot be opened", path);
    for (int c; (c = getc(file)) != EOF;)
        buf_putc(body, (char)c);
    fclose(file);
    assert_false(body->failed);
}

static inline cJSON *body_map(enum provider provider, const void *body, size_t len)
{
    const struct webhook webhook = {.provider = provider,
        .id = "00112233445566778899aabbccddeeff",
        .received = INT64_C(1795255200123), /* 2026-11-21T10:00:00.123Z */
        .body = body,
        .length = len};
    struct event event;
    assert_true(provider_map(&webhook, &event));
    cJSON *json = event_to_json(&event);
    assert_non_null(json);
    event_free(&event);
    return json;
}

static inline const cJSON *fact_find(const cJSON *at, const char *path)
{
    char name[64];
    while (at && *path) {
        size_t len = strcspn(path, ".");
        snprintf(name, sizeof name, "%.*s", (int)len, path);
        at = cJSON_IsArray(at) ? cJSON_GetArrayItem(at, atoi(name))
                               : cJSON_GetObjectItemCaseSensitive(at, name);
        path += len + (path[len] == '.');
    }
    return at;
}

static inline void fact_check(const char *body, const cJSON *json, const struct fact *fact)
{
    const cJSON *item = fact_find(json, fact->path);
    char *printed = cJSON_IsString(item) ? NULL : cJSON_PrintUnformatted(item);
    const char *value = cJSON_IsString(item) ? item->valuestring : printed;
    if (!value)
        value = "(nothing)";
    if (strcmp(value, fact->value) != 0)
        fail_msg("%s: %s is \"%s\", not \"%s\"", body, fact->path, value, fact->value);
    free(printed);
}

static inline void text_check(enum provider provider, const char *body, const struct fact *facts)
{
    cJSON *json = body_map(provider, body, strlen(body));
    for (; facts->path; facts++)
        fact_check(body, json, facts);
    cJSON_Delete(json);
}

static inline void sample_check(enum provider provider, const char *name, const struct fact *facts)
{
    struct buf body = {0};
    body_read(name, &body);
    cJSON *json = body_map(provider, body.data, body.len);
    for (; facts->path; facts++)
        fact_check(name, json, facts);
    cJSON_Delete(json);
    buf_free(&body);
}

#endif
