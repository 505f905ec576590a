/* bookspool sign: the signature header of a body. */
#include <stdio.h>
#include <sysexits.h>

#include "tool/tool.h"

static const char usage[] =
    "sign PROVIDER [FILE] [--secondary] [--at SECONDS]\n"
    "\n"
    "Prints the header line that signs a body, read from FILE or standard input,\n"
    "byte by byte. PROVIDER is calcom or calendly; the secret is the one of the\n"
    "settings.\n"
    "\n"
    "  --secondary    with the secondary secret\n"
    "  --at SECONDS   Calendly's t, in seconds since 1970; default: now\n"
    "\n"
    "Exit status: 0 signed, 66 no such file, 78 no secret is set.\n";

static int run(struct tool *tool, int argc, char **argv)
{
    bool secondary = false;
    const char *at = NULL;
    char **operands, line[SIGNATURE_LINE_SIZE];
    struct buf body = {0};
    const struct tool_option options[] = {{"secondary", &secondary, NULL}, {"at", NULL, &at}, {0}};
    int count = tool_parse(tool, argc, argv, options, &operands);
    if (count > 2)
        tool_usage(tool, "name the provider, and at most one file");
    enum provider provider = tool_provider(tool, count ? operands[0] : NULL);
    int64_t when =
        at ? tool_number(tool, "at", at, 0, INT64_C(999999999999)) * MS_PER_SECOND : tool->now;
    tool_settings(tool);
    int code = tool_read(tool, count == 2 ? operands[1] : "-", &body);
    if (code == EX_OK)
        code = tool_sign(
            tool, provider, secondary ? SECRET_SECONDARY : SECRET_PRIMARY, &body, when, line);
    if (code == EX_OK)
        puts(line);
    buf_free(&body);
    return code;
}

const struct command command_sign = {"sign", "the signature header of a body", usage, run};
