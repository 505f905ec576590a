/* bookspool check: settings and places, or files of the spool. */
#include "tool/check.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "base/text.h"
#include "spool/record.h"

static const char usage[] =
    "check [FILE...] [--json] [--spool DIR]\n"
    "\n"
    "Without FILE: reads all settings as the programs do, and says what is wrong\n"
    "with them, and whether spool, secrets, state and Maildir are\n"
    "as they should be. Run it as root, or as one who may read receive.env and\n"
    "drain.env; it changes nothing. With FILE: is this event or mail of the spool\n"
    "intact, and if not, why?\n"
    "\n"
    "Exit status: 0 nothing is wrong, 65 a file is not intact, 66 it cannot be read,\n"
    "78 a setting or a place is wrong.\n";

static const char *const level_names[] = {"ok", "note", "wrong"};

void report(struct report *report, enum level level, const char *format, ...)
{
    struct buf text = {0};
    va_list args;
    va_start(args, format);
    buf_vprintf(&text, format, args);
    va_end(args);
    if (text.failed)
        tool_no_memory();
    if (report->findings) {
        cJSON *finding = json_append(report->findings);
        json_put_text(finding, "level", level_names[level]);
        json_put_text(finding, "text", buf_text(&text));
    } else
        printf("%-6s %s\n", level == LEVEL_WRONG ? "WRONG" : level_names[level], buf_text(&text));
    report->wrong = report->wrong || level == LEVEL_WRONG;
    buf_free(&text);
}

void report_lines(struct report *r, enum level level, const char *lines)
{
    int len;
    for (const char *line; (line = text_line(&lines, &len));)
        report(r, level, "%.*s", len, line);
}

/* ---- a file ---- */

/* What is whole may still be something else than it seems. */
static void report_oddities(struct report *r, const char *path, const struct record *record)
{
    char id[ID_SIZE], hourly[ID_SIZE];
    struct spool_name parsed;
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    if (name_parse(name, &parsed) && strcmp(parsed.id, record->id) != 0)
        report(r, LEVEL_NOTE, "%s: its name is of another event than its Id", path);
    if (record->kind != RECORD_EVENT ||
        !id_make(provider_name(record->provider), record->sha256, TIME_NONE, id) ||
        !id_make(provider_name(record->provider), record->sha256, record->received, hourly))
        return;
    if (strcmp(id, record->id) != 0 && strcmp(hourly, record->id) != 0)
        report(r, LEVEL_NOTE, "%s: its body is not the one that it came with", path);
}

int check_file(struct report *r, const char *path)
{
    struct buf data = {0};
    struct record record;
    int code = tool_read(r->tool, path, &data);
    if (code != EX_OK) {
        r->wrong = true;
        return code;
    }
    const char *wrong = record_decode(buf_text(&data), data.len, &record);
    if (wrong)
        report(r, LEVEL_WRONG, "%s: not intact: %s", path, wrong);
    else if (record.kind == RECORD_MAIL)
        report(r, LEVEL_OK, "%s: intact: a mail of event %s, %zu bytes", path, record.id,
            record.length);
    else
        report(r, LEVEL_OK, "%s: intact: %s %s, id %s, %zu bytes", path,
            provider_name(record.provider), *record.event ? record.event : "-", record.id,
            record.length);
    if (!wrong)
        report_oddities(r, path, &record);
    buf_free(&data);
    return wrong ? EX_DATAERR : EX_OK;
}

/* ---- the command ---- */

static int check_files(struct report *r, int count, char **paths)
{
    int code = EX_OK;
    for (int i = 0; i < count; i++) {
        int one = check_file(r, paths[i]);
        code = code == EX_OK ? one : code;
    }
    if (code == EX_DATAERR && !r->findings)
        tool_say(r->tool, "bookspool replay FILE seals an edited event and mails it");
    return code;
}

static int run(struct tool *tool, int argc, char **argv)
{
    char **paths;
    struct report r = {.tool = tool};
    int code = EX_OK, count = tool_parse(tool, argc, argv, &(struct tool_option){0}, &paths);
    cJSON *json = tool->json ? json_object() : NULL;
    r.findings = json ? json_put_array(json, "findings") : NULL;
    if (count)
        code = check_files(&r, count, paths);
    else {
        check_install(&r);
        code = r.wrong ? EX_CONFIG : EX_OK;
    }
    if (json) {
        json_put_bool(json, "ok", !r.wrong);
        json_print(json);
    }
    return code;
}

const struct command command_check = {
    "check", "settings and places, or files of the spool", usage, run};
