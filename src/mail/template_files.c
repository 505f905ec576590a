#include "mail/template_files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"

const char *const template_endings[TEMPLATE_PARTS + 1] = {[PART_SUBJECT] = ".subject",
    [PART_TEXT] = ".txt",
    [PART_HTML] = ".html",
    [TEMPLATE_PARTS] = ".lang"};

/* The length of the name before its ending; 0: it is no template. */
static size_t stem_length(const char *name, enum template_part *part)
{
    size_t len = strlen(name);
    for (*part = 0; *part <= TEMPLATE_PARTS && *name != '.'; ++*part) {
        size_t ending = strlen(template_endings[*part]);
        if (len > ending && strcmp(name + len - ending, template_endings[*part]) == 0)
            return len - ending;
    }
    return 0;
}

static int is_template(const struct dirent *entry)
{
    enum template_part part;
    return stem_length(entry->d_name, &part) > 0;
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

/* ---- one file ---- */

/* Room for it is there: the list was made long enough. */
static void add_template(
    struct template_files *files, const char *dir, const char *name, const char *text, size_t len)
{
    struct template_file *file = &files->list[files->count++];
    file->name = arena_strdup(&files->arena, name);
    file->stem = arena_strndup(&files->arena, name, stem_length(name, &file->part));
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

static void read_own(
    struct template_files *files, const char *dir, int fd, const char *name, struct buf *why)
{
    struct buf text = {0};
    if (io_read_file(fd, name, &text, TEMPLATE_SOURCE_MAX, NULL)) {
        normalise(&text);
        add_template(files, dir, name, buf_text(&text), text.len);
    } else if (errno == EFBIG) {
        template_fault(why, "%s/%s: it is longer than %d bytes", dir, name, TEMPLATE_SOURCE_MAX);
    } else {
        template_fault(why, "%s/%s: it cannot be read: %s", dir, name,
            errno == EINVAL ? "not a regular file" : strerror(errno));
    }
    buf_free(&text);
}

/* ---- all of them ---- */

/* Reads the user's own. The list has room for the built-in ones, too. */
static bool read_directory(
    struct template_files *files, const char *dir, size_t built_in, struct buf *why)
{
    struct dirent **entries = NULL;
    int fd = open(dir, O_RDONLY | O_CLOEXEC | O_DIRECTORY);
    int count = fd < 0 ? -1 : scandirat(fd, ".", &entries, is_template, by_name);
    if (count < 0)
        template_fault(why, "%s: it cannot be read: %s", dir, strerror(errno));
    else if (count > TEMPLATE_FILES_MAX)
        template_fault(why, "%s: it has more than %d templates", dir, TEMPLATE_FILES_MAX);
    else
        files->list = arena_alloc(&files->arena, ((size_t)count + built_in) * sizeof *files->list);
    for (int i = 0; i < count; i++) {
        if (files->list)
            read_own(files, dir, fd, entries[i]->d_name, why);
        free(entries[i]);
    }
    free(entries);
    if (fd >= 0)
        close(fd);
    return files->list != NULL;
}

bool template_files_read(struct template_files *files, const char *dir, struct buf *why)
{
    size_t count = 0;
    while (templates_built_in[count].name)
        count++;
    if (!dir)
        files->list = arena_alloc(&files->arena, count * sizeof *files->list);
    bool ok = dir ? read_directory(files, dir, count, why) : files->list != NULL;
    for (const struct template_built_in *from = templates_built_in; ok && from->name; from++)
        add_template(files, NULL, from->name, (const char *)from->data, from->len);
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
