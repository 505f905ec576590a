/* bookspool check: the doctor of an installation; or files of the spool. */
#include "tool/check.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "base/text.h"
#include "spool/record.h"
#include "tool/output.h"

static const char usage[] =
    "check [--url URL] [--mail [ADDRESS]] [--api] [OPTION...]\n"
    "       bookspool check FILE... [--json]\n"
    "\n"
    "Without FILE: examines the installation from the settings to the mail server,\n"
    "and says of each thing whether it passes, or what to do. Run it as root; it\n"
    "then judges as the user that the programs run as. It changes nothing. With\n"
    "FILE: reports whether this event or mail of the spool is intact.\n"
    "\n"
    "  --url URL        post signed tests through this address of the web server,\n"
    "                   such as https://hooks.example.org; nothing is stored\n"
    "  --cacert FILE    certificates to trust there instead of the system's\n"
    "  --mail           connect to the mail server, log in, and go as far as the\n"
    "                   last byte of a message, which is not sent\n"
    "  --mail ADDRESS   send a test mail there\n"
    "  --api            ask the providers whether they accept the tokens\n"
    "  --nginx FILE     nginx's main configuration, where it is not the usual one\n"
    "  --socket PATH    the receiver's socket, where no unit and no nginx names it\n"
    "\n"
    "Exit status: 0 nothing fails, 65 a file is not intact, 66 it cannot be read,\n"
    "78 something fails.\n";

/* ---- findings ---- */

static const char *const level_names[LEVELS] = {"pass", "warn", "fail"};

static void put_line(const struct report *report, const char *label, int colour, const char *text)
{
    char *line = strdup(text);
    if (!line)
        tool_no_memory();
    text_mask(line);
    if (report->colour && colour)
        printf("\033[%dm%-4s\033[0m  %s\n", colour, label, line);
    else
        printf("%-4s  %s\n", label, line);
    free(line);
}

void add_finding(struct report *report, enum level level, const char *format, ...)
{
    static const int colours[LEVELS] = {32, 33, 31}; /* green, yellow, red */
    struct buf text = {0};
    va_list args;
    va_start(args, format);
    buf_vprintf(&text, format, args);
    va_end(args);
    if (text.failed)
        tool_no_memory();
    report->count[level]++;
    if (report->findings) {
        report->latest = json_append(report->findings);
        json_put_text(report->latest, "level", level_names[level]);
        json_put_text(report->latest, "area", report->area);
        json_put_text(report->latest, "text", buf_text(&text));
    } else
        put_line(report, level_names[level], colours[level], buf_text(&text));
    buf_free(&text);
}

void add_remedy(struct report *report, const char *format, ...)
{
    struct buf text = {0};
    va_list args;
    va_start(args, format);
    buf_vprintf(&text, format, args);
    va_end(args);
    if (text.failed)
        tool_no_memory();
    if (report->latest)
        json_put_text(report->latest, "remedy", buf_text(&text));
    else
        put_line(report, "", 0, buf_text(&text));
    buf_free(&text);
}

/* The setting whose name this line begins with; SETTINGS: none. */
static enum setting setting_of_line(const char *line)
{
    enum setting which = 0;
    for (; which < SETTINGS; which++) {
        size_t len = strlen(settings[which].name);
        if (strncmp(line, settings[which].name, len) == 0 && line[len] == ':')
            break;
    }
    return which;
}

void add_faults(struct report *report, enum level level, struct buf *lines)
{
    int len;
    for (const char *line, *at = buf_text(lines); (line = text_line(&at, &len));) {
        enum setting which = setting_of_line(line);
        const char *place = which < SETTINGS ? report->tool->conf.value[which].place : NULL;
        add_finding(report, level, "%s%.*s", place ? place : "", len, line);
    }
    buf_free(lines);
}

/* ---- a file ---- */

int check_file(struct report *r, const char *path)
{
    struct buf data = {0};
    struct record record;
    int code = tool_read(r->tool, path, &data);
    if (code != EX_OK) {
        r->count[LEVEL_FAIL]++;
        return code;
    }
    const char *wrong = record_decode(buf_text(&data), data.len, &record);
    buf_free(&data);
    if (wrong) {
        add_finding(r, LEVEL_FAIL, "%s: not intact: %s", path, wrong);
        return EX_DATAERR;
    }
    const char *provider = provider_name(record.provider);
    if (record.kind == RECORD_MAIL)
        add_finding(r, LEVEL_PASS, "%s: intact: a mail of event %s, %zu bytes", path, record.id,
            record.length);
    else
        add_finding(r, LEVEL_PASS, "%s: intact: %s %s, id %s, %zu bytes", path, provider,
            *record.event ? record.event : "-", record.id, record.length);
    /* An intact file may still not be what it seems to be. */
    char id[ID_SIZE], hourly[ID_SIZE];
    struct spool_name parsed;
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    if (name_parse(name, &parsed) && strcmp(parsed.id, record.id) != 0)
        add_finding(r, LEVEL_WARN, "%s: its name is of another event than its Id", path);
    if (record.kind == RECORD_EVENT && id_make(provider, record.sha256, TIME_NONE, id) &&
        id_make(provider, record.sha256, record.received, hourly) && strcmp(id, record.id) != 0 &&
        strcmp(hourly, record.id) != 0 && !record.forgotten)
        add_finding(r, LEVEL_WARN, "%s: its body is not the one that it came with", path);
    return EX_OK;
}

/* ---- the command ---- */

static int check_installation(struct report *report)
{
    check_settings(report);
    check_secrets(report);
    check_spool(report);
    check_state(report);
    check_receiver(report);
    check_url(report);
    check_mail(report);
    check_api(report);
    check_watching(report);
    check_machine(report);
    return report->count[LEVEL_FAIL] ? EX_CONFIG : EX_OK;
}

static int run(struct tool *tool, int argc, char **argv)
{
    char **operands;
    struct report report = {.tool = tool, .area = "file"};
    const struct tool_option options[] = {
        {"url", NULL, &report.url},
        {"cacert", NULL, &report.cacert},
        {"mail", &report.mail, NULL},
        {"api", &report.api, NULL},
        {"nginx", NULL, &report.nginx},
        {"socket", NULL, &report.socket},
        {0},
    };
    int code = EX_OK, count = tool_parse(tool, argc, argv, options, &operands);
    bool files = count > 0 && !report.mail;
    if (report.mail && count > 1)
        tool_usage(tool, "--mail takes one address");
    if (files && (report.url || report.api || report.cacert || report.nginx || report.socket))
        tool_usage(tool, "these options do not concern a file");
    report.mail_to = report.mail && count ? operands[0] : NULL;
    report.colour = output_has_colour();
    cJSON *json = tool->json ? json_object() : NULL;
    report.findings = json ? json_put_array(json, "findings") : NULL;
    for (int i = 0; files && i < count; i++) {
        int one = check_file(&report, operands[i]);
        code = code == EX_OK ? one : code;
    }
    if (files && code == EX_DATAERR && !json)
        tool_say(tool, "bookspool replay FILE seals an edited event and mails it");
    if (!files)
        code = check_installation(&report);
    if (json) {
        json_put_bool(json, "ok", report.count[LEVEL_FAIL] == 0);
        json_put_number(json, "warnings", (int64_t)report.count[LEVEL_WARN]);
        json_put_number(json, "failures", (int64_t)report.count[LEVEL_FAIL]);
        json_print(json, JSON_INDENTED);
    } else if (!files)
        printf("%zu passed, %zu to look at, %zu failed\n", report.count[LEVEL_PASS],
            report.count[LEVEL_WARN], report.count[LEVEL_FAIL]);
    buf_free(&report.nginx_text);
    return code;
}

const struct command command_check = {
    "check", "the installation, or files of the spool", usage, run};
