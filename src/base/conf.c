#include "base/conf.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/conf_check.h"
#include "base/conf_file.h"
#include "base/incident.h"
#include "base/io.h"
#include "base/log.h"
#include "base/nearest.h"
#include "base/text.h"

#define DEFAULT_CONF "/etc/bookspool/bookspool.conf"
#define FILE_SUFFIX  "_FILE"

extern char **environ;

/* Where a setting was found, for the words of an error. */
struct place {
    const char *file; /* NULL: the environment */
    int line;
    mode_t mode;
    unsigned home; /* the one program that reads this file; 0: all, so it holds no secrets */
    enum how { HOW_NONE, HOW_PLAIN, HOW_FILE } how[SETTINGS]; /* as NAME, or as NAME_FILE */
};

static void put_place(const struct place *place, struct buf *out)
{
    if (place->file)
        buf_printf(out, "%s:%d: ", place->file, place->line);
    else
        buf_puts(out, "environment: ");
}

/* Values are repeated in faults, which are lines on terminals: no control of a value gets there. */
static void mask_fault(struct buf *faults, size_t from)
{
    if (faults->data)
        text_mask(faults->data + from);
}

static void put_fault(struct conf *conf, const struct place *place, const char *name,
    const char *format, ...) __attribute__((format(printf, 4, 5)));

static void put_fault(
    struct conf *conf, const struct place *place, const char *name, const char *format, ...)
{
    va_list args;
    size_t before = conf->errors.len;
    put_place(place, &conf->errors);
    buf_printf(&conf->errors, "%s: ", name);
    va_start(args, format);
    buf_vprintf(&conf->errors, format, args);
    va_end(args);
    mask_fault(&conf->errors, before);
    buf_putc(&conf->errors, '\n');
}

static enum setting find_setting(const char *name, size_t len)
{
    enum setting i = 0;
    while (i < SETTINGS && (strlen(settings[i].name) != len || memcmp(settings[i].name, name, len)))
        i++;
    return i;
}

static void put_unknown(struct conf *conf, const struct place *place, const char *name)
{
    struct nearest nearest = {.wanted = name};
    for (enum setting i = 0; i < SETTINGS; i++)
        nearest_try(&nearest, settings[i].name);
    if (nearest.best)
        put_fault(conf, place, name, "is not a setting; did you mean %s?", nearest.best);
    else
        put_fault(conf, place, name, "is not a setting; bookspool.conf(5) lists them all");
}

static void wipe(char *text)
{
    if (text)
        explicit_bzero(text, strlen(text));
}

static void clear_value(struct conf_value *value)
{
    wipe(value->text);
    free(value->text);
    free(value->file);
    free(value->place);
    *value = (struct conf_value){0};
}

static bool keep_text(struct conf *conf, enum setting which, const char *text)
{
    struct conf_value *value = &conf->value[which];
    char *copy = strdup(text);
    if (copy) {
        free(value->text);
        value->text = copy;
    }
    return copy != NULL;
}

/* A value with its place and nothing else: what it stays when it is wrong. */
static void begin_value(struct conf_value *value, const struct place *place)
{
    struct buf at = {0};
    clear_value(value);
    put_place(place, &at);
    value->place = at.data;
}

static void set_text(
    struct conf *conf, enum setting which, const char *text, const struct place *place)
{
    struct buf hint = {0};
    struct conf_value *value = &conf->value[which];
    begin_value(value, place);
    const char *wrong = conf_value_check(&settings[which], text, value, &hint);
    if (wrong && settings[which].secret)
        put_fault(conf, place, settings[which].name, "must be %s", wrong);
    else if (wrong)
        put_fault(conf, place, settings[which].name, "\"%s\" must be %s", text, wrong);
    else
        value->given = keep_text(conf, which, text);
    if (!wrong && !value->given)
        put_fault(conf, place, settings[which].name, "out of memory");
    value->parsed = value->given;
    buf_free(&hint);
}

/* Room for the largest file at once: where a buffer with secrets grew, it would leave copies. */
static bool read_at_once(const char *path, struct buf *text, struct stat *st)
{
    enum { MORE = 8192 }; /* what io_read_file asks for to see the end */
    if (!buf_reserve(text, CONF_FILE_MAX + MORE)) {
        errno = ENOMEM;
        return false;
    }
    return io_read_file(AT_FDCWD, path, text, CONF_FILE_MAX, st);
}

/* False, with what is wrong in `why`. */
static bool read_value_file(enum setting which, const char *path, struct buf *text, struct buf *why)
{
    struct stat st;
    struct buf unsafe = {0};
    if (!read_at_once(path, text, &st))
        buf_printf(why, "cannot read its file %s: %s", path, strerror(errno));
    else if (settings[which].secret && st.st_mode & 007)
        buf_printf(why, "its file %s is open to others (mode %03o): chmod o-rwx %s", path,
            st.st_mode & 0777, path);
    else if (!conf_file_safe(path, &st, &unsafe))
        buf_printf(why, "its file %s: %s", path, buf_text(&unsafe));
    buf_free(&unsafe);
    if (why->len)
        return false;
    for (const char *end = "\n\r"; *end; end++)
        if (text->len && text->data[text->len - 1] == *end)
            text->data[--text->len] = '\0';
    if (!text->len || text->len != strlen(buf_text(text)) || strchr(buf_text(text), '\n'))
        buf_printf(why, "its file %s must hold one line of text", path);
    return why->len == 0;
}

static void wipe_buf(struct buf *text)
{
    if (text->data)
        explicit_bzero(text->data, text->len);
    buf_free(text);
}

/* NAME_FILE: the value is the one line of that file. */
static void set_text_of_file(
    struct conf *conf, enum setting which, const char *path, const struct place *place)
{
    struct buf text = {0}, why = {0};
    if (!read_value_file(which, path, &text, &why)) {
        begin_value(&conf->value[which], place);
        put_fault(conf, place, settings[which].name, "%s", buf_text(&why));
    } else
        set_text(conf, which, buf_text(&text), place);
    if (!(conf->value[which].file = strdup(path)))
        put_fault(conf, place, settings[which].name, "out of memory");
    wipe_buf(&text);
    buf_free(&why);
}

/* The setting of that name, and whether its value is the name of a file. */
static enum setting resolve(const char *name, bool *by_file)
{
    size_t len = strlen(name), suffix = strlen(FILE_SUFFIX);
    *by_file = false;
    enum setting which = find_setting(name, len);
    if (which == SETTINGS && len > suffix && strcmp(name + len - suffix, FILE_SUFFIX) == 0) {
        which = find_setting(name, len - suffix);
        *by_file = which != SETTINGS;
    }
    return which;
}

/* An empty value is the same as none: an empty secret must never verify anything. */
static void take_either(
    struct conf *conf, enum setting which, bool by_file, const char *text, struct place *place)
{
    enum how how = by_file ? HOW_FILE : HOW_PLAIN;
    if (!*text || !conf_may_have(conf, which))
        return;
    if (place->how[which] != HOW_NONE && place->how[which] != how)
        put_fault(conf, place, settings[which].name,
            "is set twice here, as itself and as " FILE_SUFFIX ": one must go");
    else
        (by_file ? set_text_of_file : set_text)(conf, which, text, place);
    place->how[which] = how;
}

static void take_from_file(struct conf *conf, struct place *place, char *name, char *text)
{
    bool by_file;
    enum setting which = resolve(name, &by_file);
    if (which == SETTINGS) {
        put_unknown(conf, place, name);
    } else if (place->home && !(settings[which].programs & place->home)) {
        put_fault(conf, place, name, "has no effect here: only the %s reads this file",
            place->home == CONF_RECEIVE ? "receiver" : "drain");
    } else if (settings[which].secret && !by_file && !place->home) {
        put_fault(conf, place, name,
            "secrets are not allowed in this file; move it to %s beside it",
            settings[which].programs & CONF_RECEIVE ? "receive.env" : "drain.env");
    } else if (settings[which].secret && !by_file && place->mode & 007) {
        put_fault(conf, place, name,
            "is a secret in a file open to others (mode %03o): chmod o-rwx %s", place->mode & 0777,
            place->file);
    } else {
        take_either(conf, which, by_file, text, place);
    }
}

static void read_conf_file(struct conf *conf, const char *path, unsigned home, bool required)
{
    struct buf text = {0}, unsafe = {0};
    struct stat st;
    struct place place = {.file = path, .home = home};
    bool read = read_at_once(path, &text, &st);
    if (!read && (errno != ENOENT || required)) {
        /* systemd may have read a program's own file as root, and handed it on as environment */
        buf_printf(home ? &conf->warnings : &conf->errors, "%s: cannot be read: %s\n", path,
            strerror(errno));
        conf->incomplete |= !home;
    } else if (read && !conf_file_safe(path, &st, &unsafe)) {
        buf_printf(&conf->errors, "%s: %s\n", path, buf_text(&unsafe));
        conf->incomplete = true;
        read = false;
    }
    buf_free(&unsafe);
    if (!read) {
        wipe_buf(&text);
        return;
    }
    place.mode = st.st_mode;
    if (strlen(text.data) != text.len)
        put_fault(conf, &place, "a NUL byte", "is not allowed in a settings file");
    char *at = text.data, *name, *value;
    enum conf_line line;
    while ((line = conf_file_next(&at, &place.line, &name, &value)) != CONF_LINE_END) {
        if (line == CONF_LINE_WRONG)
            put_fault(conf, &place, "not a setting",
                "must be NAME=VALUE, with a quote at both ends or at none");
        else
            take_from_file(conf, &place, name, value);
    }
    wipe_buf(&text);
}

static void take_from_environment(struct conf *conf, struct place *place, char *entry)
{
    char name[64];
    char *equals = strchr(entry, '=');
    if (!equals || (size_t)(equals - entry) >= sizeof name)
        return;
    memcpy(name, entry, (size_t)(equals - entry));
    name[equals - entry] = '\0';
    bool by_file;
    enum setting which = resolve(name, &by_file);
    if (which == SETTINGS) {
        if (strncmp(name, "BOOKSPOOL_", 10) == 0 && strcmp(name, "BOOKSPOOL_CONF") != 0)
            put_unknown(conf, place, name);
        return;
    }
    take_either(conf, which, by_file, equals + 1, place);
    if (settings[which].secret && !by_file && conf->program != CONF_TOOL)
        wipe(equals + 1);
}

static void apply_default(struct conf *conf, enum setting which)
{
    static const struct place place = {.file = "built-in default"};
    if (!settings[which].fallback || conf->value[which].given || !conf_may_have(conf, which))
        return;
    bool wrong = conf->value[which].place != NULL; /* the programs do not start with it */
    set_text(conf, which, settings[which].fallback, &place);
    conf->value[which].given = false;
    conf->value[which].parsed = conf->value[which].parsed && !wrong;
    free(conf->value[which].place);
    conf->value[which].place = NULL;
}

/* $STATE is expanded in one place: "maildir:$STATE/Maildir", "sqlite:$STATE/ledger.db". */
static void expand_state(struct conf *conf, enum setting which)
{
    const char *text = conf_text(conf, which), *state;
    struct buf expanded = {0};
    if (!text || !strstr(text, ":$STATE/"))
        return;
    for (; (state = strstr(text, ":$STATE/")) != NULL; text = state + strlen(":$STATE")) {
        buf_add(&expanded, text, (size_t)(state - text) + 1);
        buf_puts(&expanded, conf_text(conf, SET_STATE));
    }
    buf_puts(&expanded, text);
    if (expanded.failed || !keep_text(conf, which, expanded.data))
        buf_printf(&conf->errors, "%s: out of memory\n", settings[which].name);
    buf_free(&expanded);
}

const char *conf_path(void)
{
    const char *chosen = getenv("BOOKSPOOL_CONF");
    return chosen && *chosen ? chosen : DEFAULT_CONF;
}

bool conf_load(struct conf *conf, enum conf_program program)
{
    *conf = (struct conf){.program = program};
    struct place environment = {.file = NULL};
    const char *path = conf_path();
    read_conf_file(conf, path, 0, strcmp(path, DEFAULT_CONF) != 0);
    /* a program's own file is in the directory of bookspool.conf */
    const char *slash = strrchr(path, '/');
    int folder = slash ? (int)(slash - path + 1) : 0;
    char own[PATH_MAX];
    if (program != CONF_DRAIN &&
        snprintf(own, sizeof own, "%.*sreceive.env", folder, path) < (int)sizeof own)
        read_conf_file(conf, own, CONF_RECEIVE, false);
    if (program != CONF_RECEIVE &&
        snprintf(own, sizeof own, "%.*sdrain.env", folder, path) < (int)sizeof own)
        read_conf_file(conf, own, CONF_DRAIN, false);
    for (char **entry = environ; *entry; entry++)
        take_from_environment(conf, &environment, *entry);
    for (enum setting i = 0; i < SETTINGS; i++)
        apply_default(conf, i);
    expand_state(conf, SET_TRANSPORT);
    expand_state(conf, SET_LEDGER);
    conf_check_together(conf);
    return conf->errors.len == 0 && !conf->errors.failed;
}

void conf_fault(
    const struct conf *conf, enum setting which, struct buf *faults, const char *format, ...)
{
    va_list args;
    size_t before = faults->len;
    const char *place = conf->value[which].place;
    buf_printf(faults, "%s%s: ", place ? place : "", settings[which].name);
    va_start(args, format);
    buf_vprintf(faults, format, args);
    va_end(args);
    mask_fault(faults, before);
    buf_putc(faults, '\n');
}

const char *conf_text(const struct conf *conf, enum setting which)
{
    return conf->value[which].text;
}

int64_t conf_number(const struct conf *conf, enum setting which)
{
    return conf->value[which].number;
}

bool conf_reread(const struct conf *conf, enum setting which, struct buf *value, struct buf *why)
{
    const struct conf_value *known = &conf->value[which];
    struct buf wrong = {0};
    if (!known->file)
        buf_puts(value, known->text ? known->text : "");
    else if (!read_value_file(which, known->file, value, &wrong))
        buf_printf(why, "%s: %s", settings[which].name, buf_text(&wrong));
    bool ok = wrong.len == 0 && !value->failed;
    buf_free(&wrong);
    return ok;
}

char *conf_next_item(char **list)
{
    char *item = strsep(list, ",");
    return item ? text_trim(item) : NULL;
}

void conf_wipe_secrets(struct conf *conf)
{
    for (enum setting i = 0; i < SETTINGS; i++)
        if (settings[i].secret)
            clear_value(&conf->value[i]);
}

void conf_free(struct conf *conf)
{
    for (enum setting i = 0; i < SETTINGS; i++)
        clear_value(&conf->value[i]);
    buf_free(&conf->errors);
    buf_free(&conf->warnings);
}

void conf_setup_log(const struct conf *conf, const char *program)
{
    log_setup(&(struct log_options){
        .program = program,
        .syslog = conf_number(conf, SET_LOG) == LOG_TO_SYSLOG,
        .json = conf_number(conf, SET_LOG_FORMAT) == LOG_AS_JSON,
        .level = (enum log_level)conf_number(conf, SET_LOG_LEVEL),
    });
    if (conf_text(conf, SET_SENTRY_DSN))
        incident_open(conf_text(conf, SET_STATE), program);
}

bool conf_start(struct conf *conf, enum conf_program program, const char *name)
{
    bool ok = conf_load(conf, program);
    conf_setup_log(conf, name);
    log_lines(LOG_LEVEL_WARNING, "settings", buf_text(&conf->warnings));
    log_lines(LOG_LEVEL_ERROR, "settings-wrong", buf_text(&conf->errors));
    if (!ok && conf_number(conf, SET_LOG) == LOG_TO_SYSLOG) /* a person may be waiting for it */
        fputs(buf_text(&conf->errors), stderr);
    return ok;
}
