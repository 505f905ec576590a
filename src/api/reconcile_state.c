#include "api/reconcile_state.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/io.h"
#include "base/json.h"

enum { STATE_MAX = 65536 };

static bool path_of(const char *state_dir, char path[PATH_MAX])
{
    errno = ENAMETOOLONG;
    return snprintf(path, PATH_MAX, "%s/reconcile.json", state_dir) < PATH_MAX;
}

static int64_t number_of(const cJSON *object, const char *name)
{
    const cJSON *number = json_get(object, name);
    bool fits = cJSON_IsNumber(number) && number->valuedouble >= 0 && number->valuedouble < 1e15;
    return fits ? (int64_t)number->valuedouble : 0;
}

void reconcile_state_load(
    const char *state_dir, int64_t now, struct reconcile_cursor cursor[PROVIDERS])
{
    char path[PATH_MAX];
    struct buf text = {0};
    memset(cursor, 0, PROVIDERS * sizeof *cursor);
    if (path_of(state_dir, path))
        io_read_file(AT_FDCWD, path, &text, STATE_MAX, NULL);
    cJSON *root = json_parse(text.data, text.len);
    for (enum provider p = 0; p < PROVIDERS; p++) {
        const cJSON *one = json_get(root, provider_name(p));
        int64_t began = number_of(one, "began");
        if (began > now || now - began >= MS_PER_DAY)
            continue;
        cursor[p] = (struct reconcile_cursor){.since = number_of(one, "since"),
            .began = began,
            .reached = number_of(one, "reached"),
            .canceled = json_true(one, "canceled"),
            .applied = json_true(one, "applied")};
    }
    cJSON_Delete(root);
    buf_free(&text);
}

bool reconcile_state_save(const char *state_dir, const struct reconcile_cursor cursor[PROVIDERS])
{
    char path[PATH_MAX];
    cJSON *root = cJSON_CreateObject();
    for (enum provider p = 0; p < PROVIDERS; p++) {
        cJSON *one = cJSON_AddObjectToObject(root, provider_name(p));
        cJSON_AddNumberToObject(one, "since", (double)cursor[p].since);
        cJSON_AddNumberToObject(one, "began", (double)cursor[p].began);
        cJSON_AddNumberToObject(one, "reached", (double)cursor[p].reached);
        cJSON_AddBoolToObject(one, "canceled", cursor[p].canceled);
        cJSON_AddBoolToObject(one, "applied", cursor[p].applied);
    }
    char *text = cJSON_Print(root);
    errno = ENOMEM;
    bool ok = text && path_of(state_dir, path) && io_replace_file(path, text, strlen(text), 0660);
    int saved = errno;
    cJSON_free(text);
    cJSON_Delete(root);
    errno = saved;
    return ok;
}
