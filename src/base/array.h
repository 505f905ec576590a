/*
 * array: memory that grows as items are added to it.
 */
#ifndef BASE_ARRAY_H
#define BASE_ARRAY_H

#include <stddef.h>

/*
 * Room for one item more than `count`: returns `items`, or where they are now, with *room updated.
 * NULL where there is no memory: `items` is left as it is. `size` is that of one item.
 */
void *array_room(void *items, size_t count, size_t *room, size_t size);

#endif
