#include "tool/keys.h"

#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sysexits.h>

#include "base/hex.h"
#include "provider/mac.h"
#include "provider/provider.h"

enum setting key_setting(enum provider provider, enum key_choice choice)
{
    static const enum setting table[PROVIDERS][2] = {
        [PROVIDER_CALCOM] = {SET_CALCOM_SECRET, SET_CALCOM_SECRET_SECONDARY},
        [PROVIDER_CALENDLY] = {SET_CALENDLY_KEY, SET_CALENDLY_KEY_SECONDARY},
    };
    return table[provider][choice == KEY_SECONDARY];
}

enum provider key_provider(const struct tool *tool, const char *name)
{
    enum provider provider;
    if (!provider_parse(name, &provider))
        tool_usage(tool, "%s is neither calcom nor calendly", name);
    return provider;
}

static void say_missing(const struct tool *tool, enum setting which)
{
    const char *warnings = buf_text(&tool->conf.warnings);
    const char *unread = strstr(warnings, "receive.env: cannot be read");
    tool_say(tool, "%s is not set: it stands in receive.env, or %s_FILE names a file that holds it",
        settings[which].name, settings[which].name);
    if (unread)
        tool_say(tool, "receive.env cannot be read: run this as root, or as one who may");
}

static bool forge(char secret[65])
{
    unsigned char dice[32];
    if (getrandom(dice, sizeof dice, 0) != (ssize_t)sizeof dice)
        return false;
    hex_encode(dice, sizeof dice, secret);
    return true;
}

int key_sign(struct tool *tool, enum provider provider, enum key_choice choice,
    const struct buf *body, int64_t at, char line[SIGNATURE_LINE_SIZE])
{
    char forged[65], value[SIGNATURE_LINE_SIZE - 64];
    enum setting which = key_setting(provider, choice);
    const char *secret = conf_text(&tool->conf, which);
    if (choice == KEY_FORGED)
        secret = forge(forged) ? forged : NULL;
    if (!secret) {
        say_missing(tool, which);
        return EX_CONFIG;
    }
    struct mac *mac = mac_open(secret);
    bool ok =
        mac && provider_sign(provider, mac, buf_text(body), body->len, at, value, sizeof value);
    mac_close(mac);
    if (!ok) {
        tool_say(tool, "libcrypto cannot make HMAC-SHA256");
        return EX_SOFTWARE;
    }
    snprintf(line, SIGNATURE_LINE_SIZE, "%s: %s", provider_signature_header(provider), value);
    return EX_OK;
}
