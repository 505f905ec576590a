/*
 * route: which provider or health a path means. The path alone decides the provider, never the
 * content. Pure.
 */
#ifndef RECEIVE_ROUTE_H
#define RECEIVE_ROUTE_H

#include "provider/provider.h"

enum route_kind { ROUTE_NONE, ROUTE_WEBHOOK, ROUTE_HEALTH };

struct route {
    enum route_kind kind;
    enum provider provider; /* PROVIDERS: the health of all of them */
};

/*
 * A webhook's path is its endpoint, or that with one more element that is not
 * empty. An exact match of one endpoint wins over the other with one more element.
 */
struct route route_find(const char *path, const char *const endpoint[PROVIDERS]);

#endif
