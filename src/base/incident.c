#include "base/incident.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/io.h"
#include "base/text.h"

enum { KINDS_KEPT = 32, PERIOD_MS = 60 * 1000, LINE_SIZE = 3 * INCIDENT_WORD + 64 };

/* One reason and cause, and when it was last written. */
struct kind {
    char reason[INCIDENT_WORD], cause[INCIDENT_WORD];
    int64_t written; /* monotonic */
    uint64_t count;  /* since then */
};

static char state[PATH_MAX];
static const char *program_name;
static char next_cause[INCIDENT_WORD];
static struct kind kinds[KINDS_KEPT];
static size_t kind_count;

void incident_open(const char *state_dir, const char *program)
{
    int len = snprintf(state, sizeof state, "%s", state_dir);
    if (len < 0 || (size_t)len >= sizeof state)
        *state = '\0';
    program_name = program;
}

/* A word without blanks, cut to the size. */
static void set_word(char word[INCIDENT_WORD], const char *text)
{
    size_t len = 0;
    for (; *text && len + 1 < INCIDENT_WORD; text++)
        word[len++] = *text > ' ' && *text <= '~' ? *text : '?';
    word[len] = '\0';
}

void incident_cause(const char *code)
{
    set_word(next_cause, code);
}

/* NULL: more kinds than can be kept apart. */
static struct kind *find_kind(const char *reason)
{
    for (size_t i = 0; i < kind_count; i++)
        if (strcmp(kinds[i].reason, reason) == 0 && strcmp(kinds[i].cause, next_cause) == 0)
            return &kinds[i];
    if (kind_count == KINDS_KEPT)
        return NULL;
    struct kind *kind = &kinds[kind_count++];
    set_word(kind->reason, reason);
    memcpy(kind->cause, next_cause, sizeof kind->cause);
    kind->written = -PERIOD_MS;
    return kind;
}

static void set_path(char path[PATH_MAX], const char *state_dir, const char *name)
{
    if (snprintf(path, PATH_MAX, "%s/%s", state_dir, name) >= PATH_MAX)
        *path = '\0'; /* no call finds it */
}

static void append_line(const char *line, size_t len)
{
    char path[PATH_MAX];
    struct stat st;
    set_path(path, state, "incidents");
    int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0660);
    if (fd < 0)
        return;
    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size + (off_t)len <= INCIDENTS_MAX)
        io_write_all(fd, line, len);
    close(fd);
}

void incident_note(const char *reason)
{
    int saved = errno;
    int64_t now = clock_monotonic();
    struct kind *kind = *state ? find_kind(reason) : NULL;
    *next_cause = '\0';
    if (!kind)
        return;
    kind->count++;
    if (now - kind->written >= PERIOD_MS) {
        char line[LINE_SIZE];
        int len = snprintf(line, sizeof line, "%" PRId64 " %s %s %s %" PRIu64 "\n", clock_now(),
            program_name, kind->reason, *kind->cause ? kind->cause : "-", kind->count);
        if (len > 0 && (size_t)len < sizeof line)
            append_line(line, (size_t)len);
        kind->written = now;
        kind->count = 0;
    }
    errno = saved;
}

bool incident_take(const char *state_dir, struct buf *out)
{
    char path[PATH_MAX], taken[PATH_MAX];
    set_path(path, state_dir, "incidents");
    set_path(taken, state_dir, "incidents.taken");
    if (access(taken, F_OK) < 0 && rename(path, taken) < 0)
        return false;
    bool any = io_read_file(AT_FDCWD, taken, out, 2 * INCIDENTS_MAX, NULL) && out->len;
    if (!any) /* empty, as on a full disk, or of another owner: it must not be in the way for good
               */
        unlink(taken);
    return any;
}

void incident_taken(const char *state_dir)
{
    char taken[PATH_MAX];
    set_path(taken, state_dir, "incidents.taken");
    unlink(taken);
}

bool incident_next(const char **at, struct incident *incident)
{
    char text[LINE_SIZE];
    int len;
    for (const char *line; (line = text_line(at, &len));) {
        *incident = (struct incident){0};
        if (len >= (int)sizeof text)
            continue;
        memcpy(text, line, (size_t)len);
        text[len] = '\0';
        if (sscanf(text, "%" SCNd64 " %63s %63s %63s %" SCNu64, &incident->when, incident->program,
                incident->reason, incident->cause, &incident->count) != 5)
            continue;
        if (strcmp(incident->cause, "-") == 0)
            *incident->cause = '\0';
        return true;
    }
    return false;
}
