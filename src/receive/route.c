#include "receive/route.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

/* /api/health, /api/health/PROVIDER */
static struct route find_fixed_route(const char *path)
{
    static const char health[] = "/api/health";
    enum provider provider;
    size_t len = sizeof health - 1;
    if (strcmp(path, health) == 0)
        return (struct route){ROUTE_HEALTH, PROVIDERS};
    if (strncmp(path, health, len) == 0 && path[len] == '/' &&
        provider_parse(path + len + 1, &provider))
        return (struct route){ROUTE_HEALTH, provider};
    return (struct route){ROUTE_NONE, PROVIDERS};
}

static bool has_one_more_element(const char *path, const char *endpoint)
{
    size_t len = strlen(endpoint);
    if (strncmp(path, endpoint, len) != 0 || path[len] != '/' || path[len + 1] == '\0')
        return false;
    return strchr(path + len + 1, '/') == NULL;
}

struct route route_find(const char *path, const char *const endpoint[PROVIDERS])
{
    for (int i = 0; i < PROVIDERS; i++)
        if (strcmp(path, endpoint[i]) == 0)
            return (struct route){ROUTE_WEBHOOK, (enum provider)i};
    struct route fixed = find_fixed_route(path);
    if (fixed.kind != ROUTE_NONE)
        return fixed;
    for (int i = 0; i < PROVIDERS; i++)
        if (has_one_more_element(path, endpoint[i]))
            return (struct route){ROUTE_WEBHOOK, (enum provider)i};
    return (struct route){ROUTE_NONE, PROVIDERS};
}
