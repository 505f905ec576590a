#include "mail/template_files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"

static bool counts(const char *name)
{
    static const char *const endings[] = {".subject", ".txt", ".html", ".lang"};
    size_t len = strlen(name);
    for (size_t i = 0; i < sizeof endings / sizeof *endings && *name != '.'; i++) {
        size_t ending = strlen(endings[i]);
        if (len > ending && strcmp(name + len - ending, endings[i]) == 0)
            return true;
    }
    return false;
}

static int is_wanted(const struct dirent *entry)
{
    return counts(entry->d_name);
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

/* ---- one file ---- */

/* Room for it is there: the list was made long enough. */
static void keep(
    struct template_files *files, const char *dir, const char *name, const char *text, size_t len)
{
    struct template_file *file = &files->list[files->count++];
    file->name = arena_strdup(&files->arena, name);
    file->label = dir ? arena_printf(&files->arena, "%s/%s", dir, name) : file->name;
    file->text = arena_strndup(&files->arena, text, len);
    file->len = len;
    file->own = dir != NULL;
}

static void normalise(struct buf *text)
{
    static const char mark[] = "\xef\xbb\xbf";
    if (text->len >= strlen(mark) && memcmp(text->data, mark, strlen(mark)) == 0)
        buf_consume(text, strlen(mark));
    size_t to = 0;
    for (size_t from = 0; from < text->len; from++) {
        bool dropped =
            text->data[from] == '\r' && from + 1 < text->len && text->data[from + 1] == '\n';
        if (!dropped)
            text->data[to++] = text->data[from];
    }
    text->len = to;
}

static void take_file(
    struct template_files *files, const char *dir, int fd, const char *name, struct buf *why)
{
    struct buf text = {0};
    if (io_read_file(fd, name, &text, TEMPLATE_SOURCE_MAX, NULL)) {
        normalise(&text);
        keep(files, dir, name, buf_text(&text), text.len);
    } else if (errno == EFBIG) {
        template_fault(why, "%s/%s: it is longer than %d bytes", dir, name, TEMPLATE_SOURCE_MAX);
    } else {
        template_fault(why, "%s/%s: it cannot be read: %s", dir, name,
            errno == EINVAL ? "not a regular file" : strerror(errno));
    }
    buf_free(&text);
}

/* ---- all of them ---- */

static size_t built_in_count(void)
{
    size_t count = 0;
    while (templates_built_in[count].name)
        count++;
    return count;
}

static bool make_room(struct template_files *files, size_t own)
{
    size_t room = own + built_in_count();
    files->list = arena_alloc(&files->arena, room * sizeof *files->list);
    return files->list != NULL;
}

static bool take_own(struct template_files *files, const char *dir, int fd, struct dirent **entries,
    size_t count, struct buf *why)
{
    if (count > TEMPLATE_FILES_MAX) {
        template_fault(why, "%s: it has more than %d templates", dir, TEMPLATE_FILES_MAX);
        return false;
    }
    if (!make_room(files, count))
        return false;
    for (size_t i = 0; i < count; i++)
        take_file(files, dir, fd, entries[i]->d_name, why);
    return true;
}

static bool read_own(struct template_files *files, const char *dir, struct buf *why)
{
    struct dirent **entries = NULL;
    int fd = open(dir, O_RDONLY | O_CLOEXEC | O_DIRECTORY);
    int count = fd < 0 ? -1 : scandirat(fd, ".", &entries, is_wanted, by_name);
    bool ok = count >= 0;
    if (ok)
        ok = take_own(files, dir, fd, entries, (size_t)count, why);
    else
        template_fault(why, "%s: it cannot be read: %s", dir, strerror(errno));
    for (int i = 0; i < count; i++)
        free(entries[i]);
    free(entries);
    if (fd >= 0)
        close(fd);
    return ok;
}

bool template_files_read(struct template_files *files, const char *dir, struct buf *why)
{
    bool ok = dir ? read_own(files, dir, why) : make_room(files, 0);
    for (const struct template_built_in *from = templates_built_in; ok && from->name; from++)
        keep(files, NULL, from->name, (const char *)from->data, from->len);
    if (files->arena.failed)
        template_fault(why, "templates: out of memory");
    return ok && !files->arena.failed;
}

void template_files_free(struct template_files *files)
{
    for (size_t i = 0; i < files->count; i++)
        template_free(files->list[i].template);
    arena_free(&files->arena);
    *files = (struct template_files){0};
}
