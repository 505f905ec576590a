/*
 * route: which path is whose (DESIGN section 3). The provider is chosen by path,
 * never by content. Pure.
 */
#ifndef RECEIVE_ROUTE_H
#define RECEIVE_ROUTE_H

#include "provider/provider.h"

enum route_kind { ROUTE_NONE, ROUTE_WEBHOOK, ROUTE_HEALTH };

struct route {
    enum route_kind kind;
    enum provider provider; /* PROVIDERS: the health of all */
};

/*
 * A webhook's path is its endpoint, or that with one more element that is not
 * empty. An exact match of either endpoint wins over an element behind the other.
 */
struct route route_find(const char *path, const char *const endpoint[PROVIDERS]);

#endif
