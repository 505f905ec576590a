#include "health/present.h"

#include <inttypes.h>
#include <stdlib.h>

#include <cjson/cJSON.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/version.h"

/* ---- JSON ---- */

static void put_time(cJSON *object, const char *name, int64_t when)
{
    char text[TIME_TEXT];
    time_format(when, text);
    cJSON_AddStringToObject(object, name, text);
}

static cJSON *check_object(const struct health_facts *facts, const struct health_check *check)
{
    cJSON *object = cJSON_CreateObject();
    if (check->provider != PROVIDERS)
        cJSON_AddStringToObject(object, "componentId", provider_name(check->provider));
    cJSON_AddStringToObject(object, "componentType", "system");
    cJSON_AddStringToObject(object, "status", health_state_name(check->state));
    if (check->unit) {
        cJSON_AddNumberToObject(object, "observedValue", (double)check->number);
        cJSON_AddStringToObject(object, "observedUnit", check->unit);
    }
    put_time(object, "time", facts->now);
    if (check->since != TIME_NONE)
        put_time(object, "since", check->since);
    if (check->state == HEALTH_PASS) { /* the draft wants no output then */
        cJSON_AddStringToObject(object, "description", check->text);
        return object;
    }
    cJSON_AddStringToObject(object, "reason", check->reason);
    cJSON_AddStringToObject(object, "output", check->text);
    cJSON_AddStringToObject(object, "advice", check->advice);
    return object;
}

void present_health(const struct health_facts *facts, const struct health *health,
    enum provider provider, struct buf *out)
{
    const char *reason;
    enum health_state state = health_state(health, provider, &reason);
    cJSON *root = cJSON_CreateObject();
    cJSON_AddStringToObject(root, "status", health_state_name(state));
    if (reason)
        cJSON_AddStringToObject(root, "reason", reason);
    cJSON_AddStringToObject(root, "releaseId", BOOKSPOOL_VERSION);
    cJSON_AddStringToObject(root, "serviceId", "bookspool");
    cJSON_AddStringToObject(root, "description",
        provider == PROVIDERS ? "bookings to mail" : provider_table[provider]->title);
    cJSON *checks = cJSON_AddObjectToObject(root, "checks");
    for (size_t i = 0; i < health->count; i++) {
        const struct health_check *check = &health->check[i];
        if (provider != PROVIDERS && !health_concerns(check, provider))
            continue;
        cJSON *list = cJSON_GetObjectItemCaseSensitive(checks, check->name);
        if (!list)
            list = cJSON_AddArrayToObject(checks, check->name);
        json_list_add(list, check_object(facts, check));
    }
    char *text = cJSON_PrintUnformatted(root);
    if (text)
        buf_puts(out, text);
    else
        out->failed = true;
    buf_putc(out, '\n');
    free(text);
    cJSON_Delete(root);
}

/* ---- Prometheus ---- */

/* A value in seconds, bytes or as it is: integers only, so that no digit is lost. */
static void put_value(struct buf *out, enum counter_unit unit, int64_t value)
{
    int64_t per_second = unit == UNIT_US                          ? 1000000
                         : unit == UNIT_ONE || unit == UNIT_BYTES ? 1
                                                                  : 1000;
    uint64_t size = value < 0 ? -(uint64_t)value : (uint64_t)value;
    const char *sign = value < 0 ? "-" : "";
    if (per_second == 1)
        buf_printf(out, "%s%" PRIu64, sign, size);
    else
        buf_printf(out, "%s%" PRIu64 ".%0*" PRIu64, sign, size / (uint64_t)per_second,
            per_second == 1000 ? 3 : 6, size % (uint64_t)per_second);
}

/* The labels of one combination, "a=\"x\",b=\"y\""; their words need no escape. */
static void put_labels(struct buf *out, const struct counter_row *row, size_t a, size_t b)
{
    const size_t at[] = {a, b};
    for (int i = 0; i < 2; i++)
        if (row->label[i] != LABEL_NONE)
            buf_printf(out, "%s%s=\"%s\"", i ? "," : "", counter_label_name(row->label[i]),
                counter_label_word(row->label[i], at[i]));
}

static void put_histogram(struct buf *out, const struct counter_row *row, const uint64_t *value)
{
    const int64_t *bounds = counter_bounds(row);
    uint64_t sum = 0;
    for (int i = 0; i <= HISTOGRAM_BOUNDS; i++) {
        sum += value[i];
        buf_printf(out, "%s_bucket{le=\"", row->name);
        if (i < HISTOGRAM_BOUNDS)
            buf_printf(out, "%.10g", (double)bounds[i] / (row->unit == UNIT_US ? 1e6 : 1e3));
        else
            buf_puts(out, "+Inf");
        buf_printf(out, "\"} %" PRIu64 "\n", sum);
    }
    buf_printf(out, "%s_sum ", row->name);
    put_value(out, row->unit, (int64_t)value[HISTOGRAM_BOUNDS + 1]);
    buf_printf(out, "\n%s_count %" PRIu64 "\n", row->name, sum);
}

static void put_row(struct buf *out, const struct counter_row *row, const uint64_t *values)
{
    static const char *const types[] = {"counter", "gauge", "histogram"};
    buf_printf(
        out, "# HELP %s %s\n# TYPE %s %s\n", row->name, row->help, row->name, types[row->type]);
    if (row->type == TYPE_HISTOGRAM) {
        put_histogram(out, row, values + row->first);
        return;
    }
    for (size_t a = 0; counter_label_word(row->label[0], a); a++)
        for (size_t b = 0; counter_label_word(row->label[1], b); b++) {
            buf_puts(out, row->name);
            if (row->label[0] != LABEL_NONE) {
                buf_putc(out, '{');
                put_labels(out, row, a, b);
                buf_putc(out, '}');
            }
            buf_putc(out, ' ');
            put_value(out, row->unit, (int64_t)values[counter_at(row->first, a, b)]);
            buf_putc(out, '\n');
        }
}

void present_metrics(const struct health_facts *facts, const struct health *health, struct buf *out)
{
    for (size_t i = 0; i < counter_rows; i++)
        if (counter_table[i].type != TYPE_STATE)
            put_row(out, &counter_table[i], facts->counters.value);
    buf_puts(out, "# HELP bookspool_health_status State of a check: 0 pass, 1 warn, 2 fail.\n"
                  "# TYPE bookspool_health_status gauge\n");
    for (size_t i = 0; i < health->count; i++) {
        const struct health_check *check = &health->check[i];
        const char *provider = check->provider == PROVIDERS ? "" : provider_name(check->provider);
        buf_printf(out, "bookspool_health_status{check=\"%s\",provider=\"%s\"} %d\n", check->name,
            provider, (int)check->state);
    }
    buf_puts(out, "# HELP bookspool_build_info Version of the program that printed this.\n"
                  "# TYPE bookspool_build_info gauge\n");
    buf_printf(out, "bookspool_build_info{version=\"%s\"} 1\n", BOOKSPOOL_VERSION);
}
