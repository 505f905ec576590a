/* alarm_target: who gets an alarm, and in which form. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/address.h"
#include "base/json.h"
#include "base/version.h"
#include "http/http.h"
#include "report/alarm.h"

#define FORMS "must be mailto:ADDRESS, https://URL or ntfy:https://HOST/TOPIC, separated by commas"

/* ntfy takes JSON at the root of its server, with the topic inside (docs.ntfy.sh, "Publish as
 * JSON"). */
static bool read_ntfy(const char *url, struct alarm_target *target)
{
    const char *topic = strrchr(url, '/');
    if (!topic || !topic[1] || topic < url + strlen("https://x"))
        return false;
    snprintf(target->text, sizeof target->text, "%.*s", (int)(topic + 1 - url), url);
    snprintf(target->topic, sizeof target->topic, "%s", topic + 1);
    return true;
}

/* A plain http URL is for a server on this machine. Its path may have a token, as a chat's has. */
static bool is_url(const char *text)
{
    bool tls = strncmp(text, "https://", 8) == 0, begins = tls || strncmp(text, "http://", 7) == 0;
    return begins && text[tls ? 8 : 7] != '/' && !strpbrk(text, " \t\"<>") && http_is_private(text);
}

static bool read_target(const char *item, struct alarm_target *target)
{
    *target = (struct alarm_target){0};
    if (strlen(item) >= sizeof target->name)
        return false;
    snprintf(target->name, sizeof target->name, "%s", item);
    if (strncmp(item, "mailto:", 7) == 0) {
        target->kind = ALARM_BY_MAIL;
        snprintf(target->text, sizeof target->text, "%s", item + 7);
        return address_valid(target->text);
    }
    if (strncmp(item, "ntfy:", 5) == 0) {
        target->kind = ALARM_BY_NTFY;
        return is_url(item + 5) && read_ntfy(item + 5, target);
    }
    target->kind = ALARM_BY_POST;
    snprintf(target->text, sizeof target->text, "%s", item);
    return is_url(item);
}

bool alarm_targets_read(const struct conf *conf, struct alarm_targets *targets, struct buf *faults)
{
    const char *text = conf_text(conf, SET_ALARM);
    char *list = text ? strdup(text) : NULL, *rest = list;
    bool ok = !text || list;
    targets->count = 0;
    for (const char *item; rest && ok && (item = conf_next_item(&rest));) {
        if (targets->count == ALARM_TARGETS_MAX) {
            conf_fault(conf, SET_ALARM, faults, "may name at most %d targets", ALARM_TARGETS_MAX);
            ok = false;
        } else if (!read_target(item, &targets->item[targets->count])) {
            conf_fault(conf, SET_ALARM, faults, "\"%s\": " FORMS, item);
            ok = false;
        } else
            targets->count++;
    }
    free(list);
    return ok;
}

/* ---- what a report says ---- */

static const char *const words[] = {[ALARM_RAISED] = "",
    [ALARM_WORSE] = "worse: ",
    [ALARM_LASTS] = "still: ",
    [ALARM_CLEARED] = "over: "};

void alarm_title(const struct alarm_report *report, struct buf *out)
{
    buf_printf(out, "bookspool: %s%s", words[report->change], report->text);
}

static void put_since(const struct alarm_report *report, struct buf *out)
{
    char since[TIME_TEXT], at[TIME_TEXT];
    time_format(report->since, since);
    time_format(report->at, at);
    if (report->change == ALARM_CLEARED)
        buf_printf(out, "It began at %s and was over at %s.\n", since, at);
    else
        buf_printf(out, "Since %s.\n", since);
}

void alarm_text(const struct alarm_report *report, struct buf *out)
{
    buf_printf(out, "%s%s.\n\n", words[report->change], report->text);
    if (*report->advice)
        buf_printf(out, "What to do: %s.\n\n", report->advice);
    put_since(report, out);
    buf_printf(out, "State: %s. Check: %s.\n\n", health_state_name(report->state), report->name);
    if (report->change == ALARM_CLEARED)
        buf_puts(out, "Nothing is left to do.\n");
    else
        buf_puts(out, "\"bookspool status\" has all of it. You hear of it again once a day, and "
                      "when it is over.\n");
}

/* `text` is what Slack, Mattermost and Teams show, `content` what Discord does. */
static void put_members(const struct alarm_report *report, const char *title, cJSON *object)
{
    char since[TIME_TEXT], at[TIME_TEXT];
    time_format(report->since, since);
    time_format(report->at, at);
    cJSON_AddStringToObject(object, "text", title);
    cJSON_AddStringToObject(object, "content", title);
    cJSON_AddStringToObject(object, "source", "bookspool " BOOKSPOOL_VERSION);
    cJSON_AddStringToObject(object, "id", report->id);
    cJSON_AddStringToObject(object, "alarm", report->name);
    cJSON_AddStringToObject(object, "change", alarm_change_name(report->change));
    cJSON_AddStringToObject(object, "state", health_state_name(report->state));
    cJSON_AddStringToObject(object, "since", since);
    cJSON_AddStringToObject(object, "at", at);
    cJSON_AddStringToObject(object, "advice", report->advice);
}

static void put_ntfy(const struct alarm_report *report, const struct alarm_target *target,
    const char *title, cJSON *object)
{
    bool over = report->change == ALARM_CLEARED;
    struct buf text = {0};
    alarm_text(report, &text);
    cJSON_AddStringToObject(object, "topic", target->topic);
    cJSON_AddStringToObject(object, "title", title);
    cJSON_AddStringToObject(object, "message", buf_text(&text));
    cJSON_AddNumberToObject(object, "priority", over ? 2 : report->state == HEALTH_FAIL ? 5 : 4);
    cJSON *tags = cJSON_AddArrayToObject(object, "tags");
    json_list_add(tags, cJSON_CreateString(over ? "white_check_mark" : "warning"));
    buf_free(&text);
}

bool alarm_json(
    const struct alarm_report *report, const struct alarm_target *target, struct buf *out)
{
    struct buf title = {0};
    alarm_title(report, &title);
    cJSON *object = cJSON_CreateObject();
    if (target->kind == ALARM_BY_NTFY)
        put_ntfy(report, target, buf_text(&title), object);
    else
        put_members(report, buf_text(&title), object);
    char *text = cJSON_PrintUnformatted(object);
    if (text)
        buf_puts(out, text);
    bool ok = text && !title.failed && !out->failed;
    cJSON_free(text);
    cJSON_Delete(object);
    buf_free(&title);
    return ok;
}
