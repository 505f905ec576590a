#include "drain/preview.h"

#include <stdio.h>

#include "drain/compose.h"

static void preview_file(struct run *run, enum spool_dir dir, const char *name)
{
    struct spool_file file;
    if ((dir == DIR_NEW && spool_exists(&run->spool, DIR_DONE, name)) ||
        !spool_read(&run->spool, dir, name, &file))
        return;
    if (file.torn)
        printf("--- %s/%s: %s\n", spool_dir_name(dir), name, file.torn);
    else if (file.record.kind == RECORD_EVENT)
        compose_preview(run, &file);
    else
        printf("--- %s to %s\n%.*s\n", name, file.record.to, (int)file.record.length,
            file.record.body);
    spool_file_free(&file);
}

void preview(struct run *run)
{
    static const enum spool_dir waiting[] = {DIR_NEW, DIR_REPLAY, DIR_OUT};
    for (size_t d = 0; d < sizeof waiting / sizeof *waiting; d++) {
        struct spool_list list;
        if (!spool_list(&run->spool, waiting[d], &list))
            continue;
        for (size_t i = 0; i < list.count; i++)
            preview_file(run, waiting[d], list.item[i].name);
        spool_list_free(&list);
    }
}
