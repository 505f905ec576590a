#include "spool/ids.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"

bool ids_add(struct ids *ids, const char *id)
{
    void *grown = array_room(ids->id, ids->count, &ids->room, sizeof *ids->id);
    if (!grown)
        return false;
    ids->id = grown;
    memcpy(ids->id[ids->count], id, ID_LEN);
    ids->id[ids->count++][ID_LEN] = '\0';
    return true;
}

static int compare_ids(const void *a, const void *b)
{
    return strcmp(a, b);
}

void ids_sort(struct ids *ids)
{
    if (ids->count)
        qsort(ids->id, ids->count, sizeof *ids->id, compare_ids);
}

bool ids_have(const struct ids *ids, const char *id)
{
    return ids->count && bsearch(id, ids->id, ids->count, sizeof *ids->id, compare_ids);
}

void ids_free(struct ids *ids)
{
    free(ids->id);
    *ids = (struct ids){0};
}

/* ---- in play ---- */

/* Gone, not readable for us, or a file that no drain would ever read. */
static bool never_readable(int error)
{
    return error == ENOENT || error == EACCES || error == ELOOP || error == EINVAL ||
           error == EFBIG;
}

struct id_search {
    struct spool *spool;
    enum spool_dir dir;
    struct ids *ids;
};

static bool add_id_in_play(void *context, const struct spool_item *item)
{
    const struct id_search *search = context;
    struct spool_name parsed;
    struct spool_file file;
    if (name_parse(item->name, &parsed))
        return ids_add(search->ids, parsed.id);
    if (search->dir != DIR_REPLAY)
        return true;
    if (!spool_read(search->spool, search->dir, item->name, &file))
        return never_readable(errno);
    bool ok = !id_valid(file.record.id) || ids_add(search->ids, file.record.id);
    spool_file_free(&file);
    return ok;
}

bool ids_add_dir(struct ids *ids, struct spool *spool, enum spool_dir dir)
{
    return spool_walk(spool, dir, add_id_in_play, &(struct id_search){spool, dir, ids});
}
