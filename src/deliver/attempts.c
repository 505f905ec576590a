#include "deliver/attempts.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/array.h"
#include "base/clock.h"
#include "base/io.h"
#include "base/text.h"

enum { FILE_MODE = 0660, FIELDS = 7 };

static bool path_of(const char *state_dir, const char *suffix, char path[PATH_MAX])
{
    return state_dir && snprintf(path, PATH_MAX, "%s/attempts%s", state_dir, suffix) < PATH_MAX;
}

/* Tabs and line feeds separate; no field has them. */
static void put_line(struct buf *out, const struct attempt_note *note)
{
    char when[TIME_TEXT];
    time_format_ms(note->at, when);
    buf_printf(out, "%s\t%s\t%u\t%s\t%s\t%s\t%s\n", note->name, when, note->tries, note->outcome,
        note->reason, note->words, note->detail);
}

void attempts_note(
    const char *state_dir, const char *name, int64_t now, const struct delivery_result *result)
{
    char path[PATH_MAX], words[WORDS_SIZE], detail[DETAIL_SIZE_MAX];
    struct buf line = {0};
    struct stat st;
    if (!path_of(state_dir, "", path))
        return;
    memcpy(words, result->words, sizeof words);
    memcpy(detail, result->detail, sizeof detail);
    text_mask(words);
    text_mask(detail);
    put_line(&line, &(struct attempt_note){.name = name,
                        .at = now,
                        .tries = 1,
                        .outcome = outcome_name(result->outcome),
                        .reason = result->reason,
                        .words = words,
                        .detail = detail});
    int fd =
        open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, FILE_MODE);
    if (fd >= 0 && !line.failed && fstat(fd, &st) == 0 && st.st_size < ATTEMPTS_MAX)
        io_write_all(fd, line.data, line.len);
    if (fd >= 0)
        close(fd);
    buf_free(&line);
}

/* ---- reading ---- */

/* Cuts the line up; false: it is none of ours. */
static bool parse_line(char *line, struct attempt_note *note)
{
    char *field[FIELDS], *end;
    for (int i = 0; i < FIELDS; i++) {
        field[i] = strsep(&line, "\t");
        if (!field[i])
            return false;
        text_mask(field[i]);
    }
    *note = (struct attempt_note){.name = field[0],
        .tries = (unsigned)strtoul(field[2], &end, 10),
        .outcome = field[3],
        .reason = field[4],
        .words = field[5],
        .detail = field[6]};
    return !line && !*end && time_parse(field[1], &note->at);
}

/* By name; those of one name as in the file, which is where their texts are. */
static int compare_notes(const void *a, const void *b)
{
    const struct attempt_note *x = a, *y = b;
    int order = strcmp(x->name, y->name);
    return order ? order : (x->name > y->name) - (x->name < y->name);
}

/* The last of each name stays, with the tries of all. */
static void merge(struct attempts *attempts)
{
    size_t kept = 0;
    if (attempts->count)
        qsort(attempts->item, attempts->count, sizeof *attempts->item, compare_notes);
    for (size_t i = 0; i < attempts->count; i++) {
        struct attempt_note *last = kept ? &attempts->item[kept - 1] : NULL;
        struct attempt_note note = attempts->item[i];
        if (last && strcmp(last->name, note.name) == 0) {
            note.tries += last->tries;
            *last = note;
        } else {
            attempts->item[kept++] = note;
        }
    }
    attempts->count = kept;
}

void attempts_read(const char *state_dir, struct attempts *attempts)
{
    char path[PATH_MAX], *line, *rest;
    *attempts = (struct attempts){0};
    if (!path_of(state_dir, "", path) ||
        !io_read_file(AT_FDCWD, path, &attempts->text, 2 * ATTEMPTS_MAX, NULL))
        return;
    rest = attempts->text.data;
    while ((line = strsep(&rest, "\n")) && rest) { /* what has no line feed is not complete */
        struct attempt_note note;
        if (!parse_line(line, &note))
            continue;
        void *grown =
            array_room(attempts->item, attempts->count, &attempts->room, sizeof *attempts->item);
        if (!grown)
            break;
        attempts->item = grown;
        attempts->item[attempts->count++] = note;
    }
    merge(attempts);
}

static int compare_name(const void *name, const void *note)
{
    return strcmp(name, ((const struct attempt_note *)note)->name);
}

const struct attempt_note *attempts_find(const struct attempts *attempts, const char *name)
{
    return attempts->count ? bsearch(name, attempts->item, attempts->count, sizeof *attempts->item,
                                 compare_name)
                           : NULL;
}

void attempts_free(struct attempts *attempts)
{
    buf_free(&attempts->text);
    free(attempts->item);
    *attempts = (struct attempts){0};
}

/* ---- the end of a run ---- */

void attempts_keep(const char *state_dir, bool (*waits)(void *context, const char *name),
    void *context, bool run_ended)
{
    char path[PATH_MAX], fresh[PATH_MAX];
    struct attempts attempts;
    struct buf text = {0};
    struct stat st;
    if (!path_of(state_dir, "", path) || !path_of(state_dir, ".new", fresh) || lstat(path, &st) < 0)
        return;
    attempts_read(state_dir, &attempts);
    for (size_t i = 0; i < attempts.count; i++) {
        const struct attempt_note *note = &attempts.item[i];
        bool run = strcmp(note->name, ATTEMPTS_RUN) == 0;
        if (run ? run_ended : waits(context, note->name))
            put_line(&text, note);
    }
    if (!text.len && !text.failed) {
        unlink(path);
    } else if (!text.failed) {
        int fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, FILE_MODE);
        bool written = fd >= 0 && io_write_all(fd, text.data, text.len);
        if (fd >= 0)
            close(fd);
        if (!written || renameat(AT_FDCWD, fresh, AT_FDCWD, path) < 0)
            unlink(fresh);
    }
    buf_free(&text);
    attempts_free(&attempts);
}
