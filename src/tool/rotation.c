#include "tool/rotation.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/counters.h"
#include "base/hex.h"
#include "base/io.h"
#include "base/json.h"
#include "tool/secret_file.h"

/* ---- secrets ---- */

static void wipe(struct buf *secret)
{
    if (secret->data)
        explicit_bzero(secret->data, secret->cap);
    buf_free(secret);
    *secret = (struct buf){0};
}

static void set(struct buf *secret, const char *text)
{
    wipe(secret);
    buf_puts(secret, text ? text : "");
    if (secret->failed)
        tool_no_memory();
}

void rotation_make_secret(struct buf *out)
{
    unsigned char dice[32];
    char text[2 * sizeof dice + 1];
    if (getrandom(dice, sizeof dice, 0) != (ssize_t)sizeof dice)
        abort(); /* the kernel gives so few at once, or none ever */
    hex_encode(dice, sizeof dice, text);
    set(out, text);
    explicit_bzero(dice, sizeof dice);
    explicit_bzero(text, sizeof text);
}

static void mark_of(const char *secret, char *out, size_t size)
{
    char digest[DIGEST_HEX + 1] = "";
    if (*secret)
        secret_digest(secret, digest);
    snprintf(out, size, "%s", digest);
}

void rotation_name(const char *secret, char out[ROTATION_NAME_SIZE])
{
    mark_of(secret, out, ROTATION_NAME_SIZE);
}

/* A NAME_FILE that is not there yet will be made; any other fault of the setting is one. */
static bool is_wrong(const struct tool *tool, enum setting which)
{
    const char *file = tool->conf.value[which].file;
    return tool_setting_wrong(tool, which) && !(file && access(file, F_OK) < 0 && errno == ENOENT);
}

int rotation_read_secrets(struct rotation *rotation)
{
    const struct tool *tool = rotation->remote->tool;
    const enum setting *slots = provider_table[rotation->remote->provider]->secret;
    if (tool_secrets_unread(&tool->conf)) {
        tool_say(tool, "receive.env cannot be read: run this as root");
        return EX_NOPERM;
    }
    if (is_wrong(tool, slots[0]) || is_wrong(tool, slots[1]))
        return EX_CONFIG; /* tool_settings has said it */
    set(&rotation->primary, conf_text(&tool->conf, slots[0]));
    set(&rotation->secondary, conf_text(&tool->conf, slots[1]));
    if (strcmp(buf_text(&rotation->primary), buf_text(&rotation->secondary)) == 0)
        set(&rotation->secondary, NULL); /* lets nothing more in */
    return EX_OK;
}

int rotation_store(struct rotation *rotation)
{
    struct remote *remote = rotation->remote;
    struct buf why = {0};
    bool known = remote->owner.st_mode != 0;
    remote_as_root(remote, true);
    bool ok = secret_file_store(&remote->tool->conf, remote->provider, buf_text(&rotation->primary),
        rotation->secondary.len ? rotation->secondary.data : NULL, known ? &remote->owner : NULL,
        &why);
    remote_as_root(remote, false);
    if (!ok)
        tool_say(
            remote->tool, "the secret is not stored, and nothing was changed: %s", buf_text(&why));
    buf_free(&why);
    return ok ? EX_OK : EX_CANTCREAT;
}

/* ---- the file ---- */

static bool path_of(const struct rotation *rotation, char path[PATH_MAX])
{
    const char *state = conf_text(&rotation->remote->tool->conf, SET_STATE);
    return state && snprintf(path, PATH_MAX, "%s/rotation-%s.json", state,
                        provider_name(rotation->remote->provider)) < PATH_MAX;
}

static int file_failed(const struct rotation *rotation, const char *path)
{
    tool_say(rotation->remote->tool, "%s: %s", path, strerror(errno));
    return EX_CANTCREAT;
}

static int64_t time_of(const cJSON *json, const char *name)
{
    int64_t when;
    const char *text = json_text(json, name);
    return text && time_parse(text, &when) ? when : TIME_NONE;
}

static int read_state(struct rotation *rotation)
{
    char path[PATH_MAX];
    struct buf text = {0};
    rotation->fresh[0] = rotation->old[0] = '\0';
    rotation->began = rotation->changed = TIME_NONE;
    if (!path_of(rotation, path))
        return EX_CONFIG;
    if (!io_read_file(AT_FDCWD, path, &text, 4096, NULL)) {
        buf_free(&text);
        return errno == ENOENT ? EX_OK : file_failed(rotation, path);
    }
    cJSON *json = json_parse(buf_text(&text), text.len);
    const char *fresh = json_text(json, "new"), *old = json_text(json, "old");
    snprintf(rotation->fresh, sizeof rotation->fresh, "%s", fresh ? fresh : "");
    snprintf(rotation->old, sizeof rotation->old, "%s", old ? old : "");
    rotation->began = time_of(json, "began");
    rotation->changed = time_of(json, "changed");
    cJSON_Delete(json);
    buf_free(&text);
    return EX_OK;
}

static int write_state(const struct rotation *rotation)
{
    char path[PATH_MAX];
    cJSON *json = json_object();
    json_put_text(json, "new", rotation->fresh);
    json_put_text(json, "old", *rotation->old ? rotation->old : NULL);
    json_put_time(json, "began", rotation->began);
    json_put_time(json, "changed", rotation->changed);
    char *text = cJSON_PrintUnformatted(json);
    cJSON_Delete(json);
    if (!text)
        tool_no_memory();
    bool ok = path_of(rotation, path) && io_replace_file(path, text, strlen(text), 0660) &&
              io_sync_folder(path);
    cJSON_free(text);
    return ok ? EX_OK : file_failed(rotation, path);
}

static int remove_state(struct rotation *rotation)
{
    char path[PATH_MAX];
    if (!path_of(rotation, path) || (unlink(path) < 0 && errno != ENOENT))
        return file_failed(rotation, path);
    rotation->fresh[0] = rotation->old[0] = '\0';
    rotation->changed = TIME_NONE;
    return EX_OK;
}

/* ---- the steps ---- */

bool rotation_is_changed(const struct rotation *rotation)
{
    return rotation->changed != TIME_NONE;
}

/* Two secrets fit: a third would push out one that a subscription may use. */
static int refuse_third(const struct rotation *rotation)
{
    const char *name = settings[provider_table[rotation->remote->provider]->secret[1]].name;
    tool_say(rotation->remote->tool,
        "%s is set, and not by this command: two secrets are accepted at once, and a new one would "
        "push it out. `bookspool status` says when each last matched. When no subscription uses "
        "it, remove it, or run this with --again",
        name);
    return EX_CONFIG;
}

static int make_new(struct rotation *rotation)
{
    struct remote *remote = rotation->remote;
    char name[ROTATION_NAME_SIZE];
    struct buf old = {0};
    if (remote->dry_run) {
        rotation->fresh[0] = '\0';
        rotation->changed = TIME_NONE;
        remote_step(
            remote, "stored", "make and store a new secret, with the old one as the secondary");
        return EX_OK;
    }
    set(&old, buf_text(&rotation->primary));
    rotation_make_secret(&rotation->primary);
    set(&rotation->secondary, buf_text(&old));
    wipe(&old);
    mark_of(buf_text(&rotation->primary), rotation->fresh, sizeof rotation->fresh);
    mark_of(buf_text(&rotation->secondary), rotation->old, sizeof rotation->old);
    rotation->began = remote->tool->now;
    rotation->changed = TIME_NONE;
    int code = write_state(rotation);
    if (code == EX_OK)
        code = rotation_store(rotation);
    rotation_name(buf_text(&rotation->primary), name);
    if (code == EX_OK)
        remote_step(remote, "stored",
            "make and store the new secret %s, with the old one as the secondary", name);
    return code;
}

int rotation_begin(struct rotation *rotation, bool again)
{
    char primary[ROTATION_MARK_SIZE];
    int code = rotation_read_secrets(rotation);
    if (code == EX_OK)
        code = read_state(rotation);
    if (code != EX_OK)
        return code;
    if (!rotation->primary.len) {
        tool_say(rotation->remote->tool,
            "%s is not set, so there is no secret to change: "
            "`subscribe` makes one",
            settings[provider_table[rotation->remote->provider]->secret[0]].name);
        return EX_CONFIG;
    }
    mark_of(buf_text(&rotation->primary), primary, sizeof primary);
    bool current = strcmp(rotation->fresh, primary) == 0;
    bool unfinished = strcmp(rotation->old, primary) == 0; /* it ended before it stored the new */
    if (current && !(again && rotation_is_changed(rotation))) {
        remote_note(rotation->remote, "continued", "goes on with the change to the secret %.8s",
            rotation->fresh);
        return EX_OK;
    }
    if (rotation->secondary.len && !again && !unfinished)
        return refuse_third(rotation);
    return make_new(rotation);
}

int rotation_mark_changed(struct rotation *rotation)
{
    struct remote *remote = rotation->remote;
    if (remote->dry_run)
        return EX_OK;
    rotation->changed = clock_now();
    return write_state(rotation);
}

/* A subscription that this account's lists do not show would lose its events. */
static int refuse_used(const struct rotation *rotation, const char *name, bool unseen)
{
    const struct remote *remote = rotation->remote;
    const char *state = conf_text(&remote->tool->conf, SET_STATE);
    int64_t used = 0;
    char when[TIME_TEXT];
    if (state && counters_open_readonly(state))
        used = counter_get_signed(counter_at(COUNT_SECRET_USED_AT, remote->provider, 1));
    if (used > rotation->changed) {
        time_format(used, when);
        tool_say(remote->tool,
            "the old secret has matched at %s, after the change: another subscription uses it, so "
            "%s stays. Give that one the new secret; when none has the old one, remove it "
            "yourself, restart the receiver, and run this again",
            when, name);
        return EX_TEMPFAIL;
    }
    if (unseen) {
        tool_say(remote->tool,
            "the subscriptions that are not seen may use the old secret, so %s stays. Run this "
            "with a token that may list them; or, when none has the old one, remove it yourself, "
            "restart the receiver, and run this again",
            name);
        return EX_NOPERM;
    }
    return EX_OK;
}

int rotation_rest(struct rotation *rotation, const char *url, bool unseen)
{
    struct remote *remote = rotation->remote;
    const char *name = settings[provider_table[remote->provider]->secret[1]].name;
    char until[TIME_TEXT], secondary[ROTATION_MARK_SIZE];
    struct buf old = {0};
    if (remote->dry_run && !rotation_is_changed(rotation)) {
        remote_step(remote, "resting", "accept the old secret for one more day");
        return EX_OK;
    }
    mark_of(buf_text(&rotation->secondary), secondary, sizeof secondary);
    if (strcmp(secondary, rotation->old) != 0) {
        remote_note(remote, "kept", "%s is not the old secret any more, and stays as it is", name);
        return remote->dry_run ? EX_OK : remove_state(rotation);
    }
    time_format(rotation->changed + ROTATION_REST, until);
    if (remote->tool->now < rotation->changed + ROTATION_REST) {
        remote_note(remote, "resting",
            "the new secret is in use. Deliveries that are repeated may still have the old one: it "
            "is accepted until you run this again after %s",
            until);
        return EX_OK;
    }
    int code = refuse_used(rotation, name, unseen);
    if (code != EX_OK)
        return code;
    if (remote->dry_run) {
        remote_step(remote, "forgotten", "remove %s and restart the receiver", name);
        return EX_OK;
    }
    set(&old, buf_text(&rotation->secondary));
    set(&rotation->secondary, NULL);
    code = rotation_store(rotation);
    if (code == EX_OK) {
        remote_step(remote, "forgotten", "remove %s: the old secret", name);
        receiver_forget(remote, &rotation->receiver, url, old.data);
        code = remove_state(rotation);
    }
    wipe(&old);
    return code;
}

void rotation_close(struct rotation *rotation)
{
    wipe(&rotation->primary);
    wipe(&rotation->secondary);
}
