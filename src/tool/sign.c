/* bookspool sign: the signature header of a body. */
#include "tool/sign.h"

#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sysexits.h>

#include "base/hex.h"

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

enum provider sign_provider(const struct tool *tool, const char *name)
{
    enum provider provider;
    struct buf names = {0};
    if (provider_parse(name, &provider))
        return provider;
    provider_list_names(&names);
    tool_usage(tool, "%s is no provider; expected %s", name, buf_text(&names));
}

bool sign_secrets_unread(const struct conf *conf)
{
    return strstr(buf_text(&conf->warnings), "receive.env: cannot be read") != NULL;
}

int sign_body(struct tool *tool, enum provider provider, enum secret_choice choice,
    const struct buf *body, int64_t at, char line[SIGNATURE_LINE_SIZE])
{
    unsigned char dice[32];
    char forged[2 * sizeof dice + 1], value[SIGNATURE_LINE_SIZE - 64];
    enum setting which = provider_table[provider]->secret[choice == SECRET_SECONDARY];
    const char *secret = choice == SECRET_FORGED ? NULL : conf_text(&tool->conf, which);
    if (choice == SECRET_FORGED && getrandom(dice, sizeof dice, 0) == (ssize_t)sizeof dice) {
        hex_encode(dice, sizeof dice, forged);
        secret = forged;
    }
    if (!secret) {
        tool_say(tool,
            "%s is not set: it belongs in receive.env, or %s_FILE names a file that holds it",
            settings[which].name, settings[which].name);
        if (sign_secrets_unread(&tool->conf))
            tool_say(
                tool, "receive.env cannot be read: run this as root, or as a user who may read it");
        return EX_CONFIG;
    }
    struct hmac *hmac = hmac_open(secret);
    bool ok =
        hmac && provider_sign(provider, hmac, buf_text(body), body->len, at, value, sizeof value);
    hmac_close(hmac);
    if (!ok) {
        tool_say(tool, "libcrypto cannot make HMAC-SHA256");
        return EX_SOFTWARE;
    }
    snprintf(
        line, SIGNATURE_LINE_SIZE, "%s: %s", provider_table[provider]->signature_header, value);
    return EX_OK;
}

static int run(struct tool *tool, int argc, char **argv)
{
    bool secondary = false;
    const char *at = NULL;
    char **operands, line[SIGNATURE_LINE_SIZE];
    struct buf body = {0};
    const struct tool_option options[] = {{"secondary", &secondary, NULL}, {"at", NULL, &at}, {0}};
    int count = tool_parse(tool, argc, argv, options, &operands);
    if (count < 1 || count > 2)
        tool_usage(tool, "name the provider, and at most one file");
    enum provider provider = sign_provider(tool, operands[0]);
    int64_t when =
        at ? tool_number(tool, "at", at, 0, INT64_C(999999999999)) * MS_PER_SECOND : tool->now;
    tool_settings(tool);
    int code = tool_read(tool, count == 2 ? operands[1] : "-", &body);
    if (code == EX_OK)
        code = sign_body(
            tool, provider, secondary ? SECRET_SECONDARY : SECRET_PRIMARY, &body, when, line);
    if (code == EX_OK)
        puts(line);
    buf_free(&body);
    return code;
}

const struct command command_sign = {"sign", "the signature header of a body", usage, run};
