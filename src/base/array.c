#include "base/array.h"

#include <stdlib.h>

enum { FIRST_ROOM = 16 };

void *array_room(void *items, size_t count, size_t *room, size_t size)
{
    if (count < *room)
        return items;
    size_t more = *room ? 2 * *room : FIRST_ROOM;
    void *grown = reallocarray(items, more, size);
    if (grown)
        *room = more;
    return grown;
}
