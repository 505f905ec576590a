#include "tool/secrets.h"

#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sysexits.h>

#include "base/hex.h"
#include "provider/provider.h"

enum setting secret_setting(enum provider provider, enum secret_choice choice)
{
    return provider_table[provider]->secret[choice == SECRET_SECONDARY];
}

enum provider secret_provider(const struct tool *tool, const char *name)
{
    enum provider provider;
    struct buf names = {0};
    if (provider_parse(name, &provider))
        return provider;
    provider_list_names(&names);
    tool_usage(tool, "%s is no provider; expected %s", name, buf_text(&names));
}

static void say_missing(const struct tool *tool, enum setting which)
{
    const char *warnings = buf_text(&tool->conf.warnings);
    const char *unread = strstr(warnings, "receive.env: cannot be read");
    tool_say(tool,
        "%s is not set: it belongs in receive.env, or %s_FILE names a file that holds it",
        settings[which].name, settings[which].name);
    if (unread)
        tool_say(
            tool, "receive.env cannot be read: run this as root, or as a user who may read it");
}

static bool forge(char secret[65])
{
    unsigned char dice[32];
    if (getrandom(dice, sizeof dice, 0) != (ssize_t)sizeof dice)
        return false;
    hex_encode(dice, sizeof dice, secret);
    return true;
}

int secret_sign(struct tool *tool, enum provider provider, enum secret_choice choice,
    const struct buf *body, int64_t at, char line[SIGNATURE_LINE_SIZE])
{
    char forged[65], value[SIGNATURE_LINE_SIZE - 64];
    enum setting which = secret_setting(provider, choice);
    const char *secret = conf_text(&tool->conf, which);
    if (choice == SECRET_FORGED)
        secret = forge(forged) ? forged : NULL;
    if (!secret) {
        say_missing(tool, which);
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
