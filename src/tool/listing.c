#include "tool/listing.h"

#include <stdio.h>

#include "base/json.h"

enum { ITEMS_MAX = 1000, NUMBER_SIZE = 32 };

struct listing {
    struct table table;
    cJSON *list; /* --json; NULL */
    const struct listing_column *columns;
    size_t left;
};

/* NULL: it has none that can be shown. */
static const char *text_of(const cJSON *item, const char *member, char number[NUMBER_SIZE])
{
    const cJSON *value = json_path(item, member);
    if (cJSON_IsString(value))
        return value->valuestring;
    if (cJSON_IsBool(value))
        return cJSON_IsTrue(value) ? "yes" : "no";
    if (!cJSON_IsNumber(value))
        return NULL;
    snprintf(number, NUMBER_SIZE, "%.0f", value->valuedouble);
    return number;
}

static bool add_item(void *context, const cJSON *item)
{
    struct listing *listing = context;
    const char *row[TABLE_COLUMNS_MAX] = {0};
    char numbers[TABLE_COLUMNS_MAX][NUMBER_SIZE];
    cJSON *shown = listing->list ? json_append(listing->list) : NULL;
    for (size_t i = 0; i < listing->table.columns; i++) {
        row[i] = text_of(item, listing->columns[i].member, numbers[i]);
        if (shown)
            json_put_text(shown, listing->columns[i].name, row[i]);
    }
    if (!shown)
        table_add(&listing->table, row);
    return --listing->left > 0;
}

int listing_print(
    struct remote *remote, const char *path, const char *name, const struct listing_column *columns)
{
    struct listing listing = {.columns = columns, .left = ITEMS_MAX};
    const char *heading[TABLE_COLUMNS_MAX] = {0};
    for (; columns->member; columns++)
        heading[listing.table.columns++] = columns->heading;
    if (remote->json)
        listing.list = json_put_array(remote->json, name);
    api_answer_free(&remote->answer);
    enum api_result result = api_list(remote->api, path, add_item, &listing, &remote->answer);
    if (!remote->json)
        table_print(&listing.table, heading);
    if (!listing.left)
        tool_say(remote->tool, "only the first %d are shown", ITEMS_MAX);
    return remote_failed(remote, result, "list them");
}
