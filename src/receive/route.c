#include "receive/route.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

static const struct {
    const char *path;
    struct route route;
} fixed[] = {
    {"/api/health", {ROUTE_HEALTH, PROVIDERS}},
    {"/api/health/calcom", {ROUTE_HEALTH, PROVIDER_CALCOM}},
    {"/api/health/calendly", {ROUTE_HEALTH, PROVIDER_CALENDLY}},
};

static bool one_element_behind(const char *path, const char *endpoint)
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
    for (size_t i = 0; i < sizeof fixed / sizeof *fixed; i++)
        if (strcmp(path, fixed[i].path) == 0)
            return fixed[i].route;
    for (int i = 0; i < PROVIDERS; i++)
        if (one_element_behind(path, endpoint[i]))
            return (struct route){ROUTE_WEBHOOK, (enum provider)i};
    return (struct route){ROUTE_NONE, PROVIDERS};
}
