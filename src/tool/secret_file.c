#include "tool/secret_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/conf_file.h"
#include "base/io.h"
#include "base/text.h"

static void wipe(struct buf *text)
{
    if (text->data)
        explicit_bzero(text->data, text->cap);
    buf_free(text);
}

/* ---- the text ---- */

/* Is this the line "NAME=", or its example "#NAME="? */
static bool line_is(const char *line, int len, const char *name, bool example)
{
    size_t left = (size_t)len, name_len = strlen(name);
    line = text_trimmed(line, &left, " \t\r");
    if (example != (left && *line == '#'))
        return false;
    if (example) {
        left--;
        line = text_trimmed(line + 1, &left, " \t");
    }
    if (left <= name_len || strncmp(line, name, name_len) != 0)
        return false;
    left -= name_len;
    line = text_trimmed(line + name_len, &left, " \t");
    return left && *line == '=';
}

static void put_line(struct buf *out, const char *name, const char *value)
{
    static const char plain[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.+/=:";
    const char *quote = !value || value[strspn(value, plain)] == '\0' ? ""
                        : strchr(value, '\'')                         ? "\""
                                                                      : "'";
    if (value)
        buf_printf(out, "%s=%s%s%s\n", name, quote, value, quote);
    else
        buf_printf(out, "#%s=\n", name);
}

void secret_file_edit(struct buf *text, const char *name, const char *value)
{
    struct buf out = {0};
    int len;
    bool exists = false, example = false, done = false;
    for (const char *line, *at = buf_text(text); (line = text_line(&at, &len));) {
        exists |= line_is(line, len, name, false);
        example |= line_is(line, len, name, true);
    }
    for (const char *line, *at = buf_text(text); (line = text_line(&at, &len));) {
        bool own = line_is(line, len, name, false), here = own || line_is(line, len, name, true);
        bool skip = own || (!value && here); /* "#NAME=" is what a removal leaves */
        if (!skip)
            buf_printf(&out, "%.*s\n", len, line);
        if (!done && (exists ? own : example && here)) {
            put_line(&out, name, value);
            done = true;
        }
    }
    if (!done && value)
        put_line(&out, name, value);
    wipe(text);
    *text = out;
}

/* ---- the file ---- */

char *secret_file_path(const struct conf *conf, enum setting which)
{
    const struct conf_value *known = &conf->value[which];
    const char *path = conf_path(), *slash = strrchr(path, '/');
    char *own;
    if (known->file)
        return strdup(known->file);
    if (known->place && strncmp(known->place, "environment", 11) == 0)
        return NULL;
    int folder = slash ? (int)(slash - path + 1) : 0;
    return asprintf(&own, "%.*sreceive.env", folder, path) < 0 ? NULL : own;
}

/* `old` is the file that is replaced; NULL: there is none. */
static bool replace(
    const char *path, const struct buf *text, const struct stat *old, const struct stat *owner)
{
    char new[PATH_MAX];
    if (snprintf(new, sizeof new, "%s.new", path) >= (int)sizeof new) {
        errno = ENAMETOOLONG;
        return false;
    }
    unlink(new); /* left from a program that died */
    int fd = open(new, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return false;
    const struct stat *like = old ? old : owner;
    bool chown_needed = like && (old || geteuid() == 0);
    bool ok = (!chown_needed || fchown(fd, like->st_uid, like->st_gid) == 0) &&
              fchmod(fd, old ? old->st_mode & 0770 : 0600) == 0 &&
              io_write_all(fd, text->data, text->len) && fsync(fd) == 0;
    int saved = errno;
    close(fd);
    if (ok && rename(new, path) == 0)
        return io_sync_folder(path);
    saved = ok ? errno : saved;
    unlink(new);
    errno = saved;
    return false;
}

/* One file of settings, or of one value, with what is to be changed in it. */
struct change {
    enum setting which;
    const char *value;
};

static bool change_file(const struct conf *conf, const char *named, const struct change *changes,
    size_t count, const struct stat *owner, struct buf *why)
{
    struct buf text = {0};
    struct stat st;
    char path[PATH_MAX];
    if (!realpath(named, path)) /* a symbolic link stays one */
        snprintf(path, sizeof path, "%s", named);
    bool there = io_read_file(AT_FDCWD, path, &text, CONF_FILE_MAX, &st);
    bool ok = there || errno == ENOENT;
    for (size_t i = 0; ok && i < count; i++) {
        if (conf->value[changes[i].which].file) {
            buf_clear(&text);
            buf_printf(&text, "%s\n", changes[i].value);
        } else
            secret_file_edit(&text, settings[changes[i].which].name, changes[i].value);
    }
    if (text.failed) {
        ok = false;
        errno = ENOMEM;
    }
    if (ok && !there && !text.len)
        return true; /* nothing to take away */
    ok = ok && replace(path, &text, there ? &st : NULL, owner);
    if (!ok)
        buf_printf(why, "%s cannot be written: %s%s", path, strerror(errno),
            errno == EACCES || errno == EPERM ? "; run this as root" : "");
    wipe(&text);
    return ok;
}

bool secret_file_store(const struct conf *conf, enum provider provider, const char *primary,
    const char *secondary, const struct stat *owner, struct buf *why)
{
    const enum setting *slots = provider_table[provider]->secret;
    char *first = secret_file_path(conf, slots[0]), *second = secret_file_path(conf, slots[1]);
    /* A file that a setting names must hold something: the primary once more lets nothing in. */
    if (!secondary && conf->value[slots[1]].file)
        secondary = primary;
    const struct change changes[] = {{slots[1], secondary}, {slots[0], primary}};
    bool ok = false;
    for (int i = 0; i < 2; i++)
        if (!(i ? second : first) && !why->len)
            buf_printf(why,
                "%s is set in the environment, where it cannot be changed: put it into "
                "receive.env, or name a file in %s_FILE",
                settings[slots[i]].name, settings[slots[i]].name);
    if (why->len)
        ok = false;
    else if (strcmp(first, second) == 0 && !conf->value[slots[0]].file)
        ok = change_file(conf, first, changes, 2, owner, why);
    else
        ok = change_file(conf, second, changes, 1, owner, why) &&
             change_file(conf, first, changes + 1, 1, owner, why);
    free(first);
    free(second);
    return ok;
}
