/* api_list: all pages of a list. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/parts.h"
#include "api/url.h"
#include "base/json.h"

enum { DEFAULT_TAKE = 250, NUMBER_SIZE = 24 };

/* Where a list is: what the next page begins with. */
struct pages {
    struct buf url;
    char *first; /* of the page before, as JSON: a server that knows no pages repeats it */
    size_t items;
};

/* Calendly: the token of the next page; of an address only the token is taken. */
static bool next_by_token(struct pages *pages, const cJSON *json)
{
    struct buf token = {0};
    const char *given = json_text(json, "pagination.next_page_token");
    const char *page = json_text(json, "pagination.next_page");
    if (given)
        buf_puts(&token, given);
    else if (page)
        api_url_get(page, "page_token", &token);
    bool more = token.len && !token.failed;
    more = more && api_url_set(&pages->url, "page_token", buf_text(&token));
    buf_free(&token);
    return more;
}

/* Cal.com: the number of items before it. Lists of webhooks have no "pagination". */
static bool next_by_number(struct pages *pages, const cJSON *json, size_t count)
{
    char number[NUMBER_SIZE];
    struct buf take = {0};
    const cJSON *pagination = json_get(json, "pagination");
    size_t full = api_url_get(buf_text(&pages->url), "take", &take)
                      ? strtoul(buf_text(&take), NULL, 10)
                      : DEFAULT_TAKE;
    buf_free(&take);
    bool more = pagination ? json_true(pagination, "hasNextPage") : count == full;
    snprintf(number, sizeof number, "%zu", pages->items);
    return more && count && api_url_set(&pages->url, "skip", number);
}

/* Hands over the items of one page. False: there is no further one, or the caller has enough. */
static bool take_page(struct api *api, struct pages *pages, const cJSON *list, const cJSON *json,
    bool (*each)(void *context, const cJSON *item), void *context)
{
    size_t count = 0;
    const cJSON *item;
    char *first = cJSON_PrintUnformatted(cJSON_GetArrayItem(list, 0));
    bool repeated = first && pages->first && strcmp(first, pages->first) == 0;
    cJSON_free(pages->first);
    pages->first = first;
    if (repeated)
        return false;
    cJSON_ArrayForEach (item, list) {
        count++;
        if (!each(context, item))
            return false;
    }
    pages->items += count;
    return api_tokens_of(api)->provider == PROVIDER_CALENDLY ? next_by_token(pages, json)
                                                             : next_by_number(pages, json, count);
}

enum api_result api_list(struct api *api, const char *path,
    bool (*each)(void *context, const cJSON *item), void *context, struct api_answer *answer)
{
    struct pages pages = {0};
    struct buf size = {0};
    enum api_result result = API_OK;
    buf_puts(&pages.url, path);
    if (api_tokens_of(api)->provider == PROVIDER_CALENDLY && !api_url_get(path, "count", &size))
        api_url_set(&pages.url, "count", "100");
    buf_free(&size);
    *answer = (struct api_answer){0};
    for (int page = 0; page < API_PAGES_MAX; page++) {
        api_answer_free(answer);
        result = api_get_uncached(api, buf_text(&pages.url), answer);
        if (result != API_OK)
            break;
        const cJSON *list = json_get(answer->json,
            api_tokens_of(api)->provider == PROVIDER_CALENDLY ? "collection" : "data");
        if (!cJSON_IsArray(list)) {
            snprintf(answer->error, sizeof answer->error, "%s: the answer is not a list",
                provider_table[api_tokens_of(api)->provider]->title);
            result = API_STRANGE;
            break;
        }
        if (!take_page(api, &pages, list, answer->json, each, context))
            break;
    }
    cJSON_free(pages.first);
    buf_free(&pages.url);
    api_answer_free(answer);
    return result;
}
