#include "report/dogstatsd_text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"

enum { TAG_MAX = 200, MIB = 1 << 20 };

/* ---- names and tags ---- */

static void add_clean(struct buf *out, const char *text, const char *also)
{
    for (size_t i = 0; text[i] && i < TAG_MAX; i++) {
        char c = text[i];
        bool kept = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                    strchr(also, c);
        buf_putc(out, kept ? c : '_');
    }
}

void dogstatsd_add_tag(struct buf *tags, const char *name, const char *value)
{
    if (!value || !*value)
        return;
    buf_printf(tags, "%s%s:", tags->len ? "," : "", name);
    add_clean(tags, value, "_-./");
}

static void add_without(struct buf *out, const char *text, const char *end, const char *instead)
{
    size_t len = strlen(text), cut = strlen(end);
    bool has = len > cut && strcmp(text + len - cut, end) == 0;
    buf_printf(out, "%.*s%s", (int)(has ? len - cut : len), text, has ? instead : "");
}

void dogstatsd_name(const struct counter_row *row, struct buf *name)
{
    static const char prefix[] = "bookspool_";
    const char *rest = row->name + (sizeof prefix - 1);
    buf_puts(name, "bookspool.");
    if (row->type == TYPE_COUNTER)
        add_without(name, rest, "_total", "");
    else if (row->unit == UNIT_TIME)
        add_without(name, rest, "_timestamp_seconds", "_age_seconds");
    else if (row->unit == UNIT_BYTES) /* values have 32 bits */
        add_without(name, rest, "_bytes", "_mebibytes");
    else
        buf_puts(name, rest);
}

/* ---- metrics ---- */

struct lines {
    const struct health_facts *facts;
    const struct counters *last;
    const struct buf *tags;
    dogstatsd_take *take;
    void *context;
    struct buf line;
};

static bool emit(struct lines *l, enum counter position)
{
    return !l->line.failed && l->take(l->context, &l->line, position);
}

static void add_tags(struct lines *l, const struct counter_row *row, size_t a, size_t b)
{
    struct buf tags = {0};
    const size_t at[] = {a, b};
    if (l->tags->len)
        buf_add(&tags, l->tags->data, l->tags->len);
    for (int i = 0; i < 2; i++)
        if (row->label[i] != LABEL_NONE)
            dogstatsd_add_tag(
                &tags, counter_label_name(row->label[i]), counter_label_word(row->label[i], at[i]));
    if (tags.len)
        buf_printf(&l->line, "|#%s", buf_text(&tags));
    l->line.failed |= tags.failed;
    buf_free(&tags);
}

/* What was added since the last report; all of it after the counters were lost. */
static uint64_t growth(const struct lines *l, enum counter position)
{
    uint64_t now = l->facts->counters.value[position];
    uint64_t then = l->last ? l->last->value[position] : now;
    return now >= then ? now - then : now;
}

static bool put_counter(
    struct lines *l, const struct counter_row *row, enum counter position, size_t a, size_t b)
{
    uint64_t more = growth(l, position);
    if (!more)
        return true;
    buf_clear(&l->line);
    dogstatsd_name(row, &l->line);
    buf_printf(&l->line, ":%" PRIu64 "|c", more);
    add_tags(l, row, a, b);
    return emit(l, position);
}

/* A time that is unknown has no age; but what waits for nothing waits for 0 seconds. */
static bool put_gauge(
    struct lines *l, const struct counter_row *row, enum counter position, size_t a, size_t b)
{
    int64_t value = (int64_t)l->facts->counters.value[position], age = l->facts->now - value;
    bool waiting = strstr(row->name, "_oldest_") || strstr(row->name, "_due_");
    buf_clear(&l->line);
    dogstatsd_name(row, &l->line);
    if (row->unit == UNIT_TIME && !value && !waiting)
        return true;
    if (row->unit == UNIT_TIME)
        buf_printf(&l->line, ":%" PRId64 "|g", value && age > 0 ? age / MS_PER_SECOND : 0);
    else if (row->unit == UNIT_BYTES)
        buf_printf(&l->line, ":%" PRId64 "|g", value / MIB);
    else if (row->unit == UNIT_ONE)
        buf_printf(&l->line, ":%" PRId64 "|g", value);
    else
        buf_printf(&l->line, ":%.3f|g", (double)value / (row->unit == UNIT_US ? 1e6 : 1e3));
    add_tags(l, row, a, b);
    return emit(l, COUNTERS);
}

static bool put_histogram(struct lines *l, const struct counter_row *row)
{
    const int64_t *bounds = counter_bounds(row);
    double unit = row->unit == UNIT_US ? 1e6 : 1e3;
    for (int i = 0; i <= HISTOGRAM_BOUNDS; i++) {
        enum counter position = row->first + (enum counter)i;
        uint64_t more = growth(l, position);
        int64_t bound = bounds[i < HISTOGRAM_BOUNDS ? i : HISTOGRAM_BOUNDS - 1];
        if (!more)
            continue;
        buf_clear(&l->line);
        dogstatsd_name(row, &l->line);
        buf_printf(&l->line, ":%.10g|h", (double)bound / unit);
        if (more > 1)
            buf_printf(&l->line, "|@%.9g", 1.0 / (double)more);
        add_tags(l, row, 0, 0);
        if (!emit(l, position))
            return false;
    }
    return true;
}

static bool put_row(struct lines *l, const struct counter_row *row)
{
    if (row->type == TYPE_HISTOGRAM)
        return put_histogram(l, row);
    for (size_t a = 0; counter_label_word(row->label[0], a); a++)
        for (size_t b = 0; counter_label_word(row->label[1], b); b++) {
            enum counter position = counter_at(row->first, a, b);
            bool taken = row->type == TYPE_COUNTER ? put_counter(l, row, position, a, b)
                                                   : put_gauge(l, row, position, a, b);
            if (!taken)
                return false;
        }
    return true;
}

/* ---- service checks and events ---- */

/* A newline would end the line, and "m:" would begin the message anew. */
static void add_text(struct buf *out, const char *text)
{
    for (; *text; text++)
        if (*text == '\n')
            buf_puts(out, "\\n");
        else if (text[0] == 'm' && text[1] == ':')
            buf_puts(out, "m\\"), buf_putc(out, *++text);
        else
            buf_putc(out, *text == '|' ? '/' : *text);
}

static void add_check_tags(struct buf *tags, const struct health_check *check)
{
    char name[64];
    snprintf(name, sizeof name, "%s", check->name);
    for (char *c = name; *c; c++)
        if (*c == ':')
            *c = '.';
    dogstatsd_add_tag(tags, "check", name);
    if (check->provider != PROVIDERS)
        dogstatsd_add_tag(tags, "provider", provider_name(check->provider));
}

static bool put_check(struct lines *l, const struct health_check *check)
{
    struct buf tags = {0};
    if (l->tags->len)
        buf_add(&tags, l->tags->data, l->tags->len);
    add_check_tags(&tags, check);
    buf_clear(&l->line);
    buf_printf(&l->line, "_sc|bookspool.check|%d|#%s|m:", (int)check->state, buf_text(&tags));
    add_text(&l->line, check->text);
    l->line.failed |= tags.failed;
    buf_free(&tags);
    return emit(l, COUNTERS);
}

static bool put_whole(struct lines *l, const struct health *health)
{
    const char *reason;
    enum health_state state = health_state(health, PROVIDERS, &reason);
    buf_clear(&l->line);
    buf_printf(&l->line, "_sc|bookspool.health|%d", (int)state);
    if (l->tags->len)
        buf_printf(&l->line, "|#%s", buf_text(l->tags));
    buf_printf(&l->line, "|m:%s", reason ? reason : "all is well");
    return emit(l, COUNTERS);
}

bool dogstatsd_lines(const struct health_facts *facts, const struct health *health,
    const struct counters *last, const struct buf *tags, dogstatsd_take *take, void *context)
{
    struct lines l = {.facts = facts, .last = last, .tags = tags, .take = take, .context = context};
    bool ok = put_whole(&l, health);
    for (size_t i = 0; ok && i < health->count; i++)
        ok = put_check(&l, &health->check[i]);
    for (size_t i = 0; ok && i < counter_rows; i++)
        if (counter_table[i].type != TYPE_STATE)
            ok = put_row(&l, &counter_table[i]);
    buf_free(&l.line);
    return ok;
}

/* Lengths are of the escaped text, as Datadog's own client counts them. */
void dogstatsd_event(const struct health_check *check, const struct buf *tags, struct buf *line)
{
    static const char *const words[] = {"is well again", "needs attention", "fails"};
    static const char *const types[] = {"success", "warning", "error"};
    struct buf title = {0}, text = {0}, all = {0};
    buf_printf(&title, "bookspool: %s %s", check->name, words[check->state]);
    add_text(&text, check->text);
    if (check->advice) {
        buf_puts(&text, "\\n");
        add_text(&text, check->advice);
    }
    if (tags->len)
        buf_add(&all, tags->data, tags->len);
    add_check_tags(&all, check);
    buf_printf(line, "_e{%zu,%zu}:%s|%s|k:bookspool-%s|t:%s|#%s", title.len, text.len,
        buf_text(&title), buf_text(&text), check->name, types[check->state], buf_text(&all));
    line->failed |= title.failed || text.failed || all.failed;
    buf_free(&title);
    buf_free(&text);
    buf_free(&all);
}
