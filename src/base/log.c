#include "base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/incident.h"
#include "base/text.h"

/* A line is one write(2) to standard error, so lines of several workers do not mix. */
enum { DETAIL_SIZE = 700, LINE_SIZE = 2048 };

static struct log_options options = {.program = "bookspool", .level = LOG_LEVEL_INFO};
static bool journal;

static const struct {
    const char *name;
    int priority;
} levels[] = {
    [LOG_LEVEL_ERROR] = {"error", LOG_ERR},
    [LOG_LEVEL_WARNING] = {"warning", LOG_WARNING},
    [LOG_LEVEL_INFO] = {"info", LOG_INFO},
    [LOG_LEVEL_DEBUG] = {"debug", LOG_DEBUG},
};

/* "DEVICE:INODE" of the journal's socket (systemd.exec(5)); it may be inherited by a program whose
 * standard error goes elsewhere. */
static bool is_journal(void)
{
    struct stat st;
    char here[64];
    const char *stream = getenv("JOURNAL_STREAM");
    if (!stream || fstat(STDERR_FILENO, &st) < 0)
        return false;
    snprintf(here, sizeof here, "%ju:%ju", (uintmax_t)st.st_dev, (uintmax_t)st.st_ino);
    return strcmp(stream, here) == 0;
}

void log_setup(const struct log_options *chosen)
{
    options = *chosen;
    journal = is_journal();
    if (options.syslog)
        openlog(options.program, LOG_PID | LOG_NDELAY, LOG_MAIL);
}

/* JSON needs only these two escapes once control characters are gone. */
static void escape(const char *text, char *out, size_t size)
{
    size_t n = 0;
    for (; *text && n + 3 < size; text++) {
        if (*text == '"' || *text == '\\')
            out[n++] = '\\';
        out[n++] = *text;
    }
    out[n] = '\0';
}

static int format_line(char *line, size_t size, enum log_level level, const char *id,
    const char *reason, const char *detail)
{
    char now[TIME_TEXT], head[TIME_TEXT + 16] = "", escaped[2 * DETAIL_SIZE];
    if (options.json) {
        const char *quote = id ? "\"" : "";
        time_format_ms(clock_now(), now);
        escape(detail, escaped, sizeof escaped);
        return snprintf(line, size,
            "{\"time\":\"%s\",\"level\":\"%s\",\"program\":\"%s\",\"pid\":%ld,\"id\":%s%s%s,"
            "\"reason\":\"%s\",\"detail\":\"%s\"}\n",
            now, levels[level].name, options.program, (long)getpid(), quote, id ? id : "null",
            quote, reason, escaped);
    }
    if (!options.syslog && journal)
        snprintf(head, sizeof head, "<%d>", levels[level].priority);
    else if (!options.syslog) {
        time_format_ms(clock_now(), now);
        snprintf(head, sizeof head, "%s ", now);
    }
    return snprintf(
        line, size, "%s%s %s%s%s\n", head, id ? id : "-", reason, *detail ? ": " : "", detail);
}

bool log_wanted(enum log_level level)
{
    return level <= options.level;
}

void log_line(enum log_level level, const char *id, const char *reason, const char *format, ...)
{
    if (level == LOG_LEVEL_ERROR)
        incident_note(reason);
    if (!log_wanted(level))
        return;
    int saved = errno;
    char detail[DETAIL_SIZE], line[LINE_SIZE];
    va_list args;
    va_start(args, format);
    vsnprintf(detail, sizeof detail, format, args);
    va_end(args);
    text_mask(detail);
    int len = format_line(line, sizeof line, level, id, reason, detail);
    if (len >= (int)sizeof line)
        len = (int)sizeof line - 1;
    if (options.syslog)
        syslog(levels[level].priority, "%.*s", len - 1, line);
    else if (len > 0 && write(STDERR_FILENO, line, (size_t)len) < 0)
        (void)0; /* it cannot be reported */
    errno = saved;
}

void log_lines(enum log_level level, const char *reason, const char *text)
{
    int len;
    for (const char *line; (line = text_line(&text, &len));)
        log_line(level, NULL, reason, "%.*s", len, line);
}
