#include "drain/enrich.h"

#include <stdlib.h>
#include <string.h>

#include "api/api.h"
#include "api/event_type.h"
#include "api/reconcile_body.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "ledger/known.h"
#include "ledger/rules.h"
#include "ledger/step.h"
#include "provider/provider.h"
#include "spool/queue.h"

enum { AHEAD = 64 };

/* The body of an event, completed. */
struct learned {
    char id[ID_SIZE];
    enum provider provider;
    char *body; /* of cJSON; NULL: there is nothing to add */
};

struct enrich {
    struct run *run;
    struct api *api[PROVIDERS];
    bool wanted[PROVIDERS]; /* it has a token */
    bool silent[PROVIDERS]; /* not asked any more in this run */
    int64_t left;           /* ms */
    cJSON *event_types;     /* api/event_type.h */
    struct learned learned[AHEAD];
    size_t count, next; /* next: the first event of the list that was not looked at */
};

struct enrich *enrich_open(struct run *run)
{
    bool any = false;
    if (!conf_number(run->conf, SET_ENRICH))
        return NULL;
    struct enrich *enrich = calloc(1, sizeof *enrich);
    if (!enrich)
        return NULL;
    enrich->run = run;
    enrich->left = ENRICH_MS;
    enrich->event_types = cJSON_CreateObject();
    for (enum provider p = 0; p < PROVIDERS; p++) {
        enrich->wanted[p] = api_has_token(run->conf, p);
        any |= enrich->wanted[p];
    }
    if (any && enrich->event_types)
        return enrich;
    enrich_close(enrich);
    return NULL;
}

static void forget_learned(struct enrich *enrich)
{
    for (size_t i = 0; i < enrich->count; i++)
        cJSON_free(enrich->learned[i].body);
    enrich->count = 0;
}

void enrich_close(struct enrich *enrich)
{
    if (!enrich)
        return;
    forget_learned(enrich);
    for (enum provider p = 0; p < PROVIDERS; p++)
        api_close(enrich->api[p]);
    cJSON_Delete(enrich->event_types);
    free(enrich);
}

/* ---- asking ---- */

static bool open_api(struct enrich *enrich, enum provider provider)
{
    struct buf why = {0};
    if (!enrich->api[provider])
        enrich->api[provider] = api_open(enrich->run->conf, provider, enrich->run->ledger, &why);
    if (!enrich->api[provider])
        log_warn(NULL, "not-enriched", "%s: %s", provider_table[provider]->title, buf_text(&why));
    else
        api_set_stop(enrich->api[provider], run_stopping);
    buf_free(&why);
    return enrich->api[provider] != NULL;
}

/* False: there is no answer. What it says is in answer->json, which is to be freed. */
static bool ask(
    struct enrich *enrich, enum provider provider, const char *path, struct api_answer *answer)
{
    *answer = (struct api_answer){0};
    if (enrich->silent[provider] || enrich->left <= 0 || !open_api(enrich, provider))
        return false;
    int64_t began = clock_monotonic();
    api_set_patience(
        enrich->api[provider], enrich->left < ENRICH_CALL_MS ? enrich->left : ENRICH_CALL_MS);
    enum api_result result = api_get(enrich->api[provider], path, answer);
    enrich->left -= clock_monotonic() - began;
    if (result == API_OK)
        return true;
    /* what is refused or not there says nothing about the next */
    enrich->silent[provider] = result != API_NOT_FOUND && result != API_FORBIDDEN;
    log_warn(NULL, "not-enriched", "%s: %s (status %ld); mails say what their webhooks say",
        provider_table[provider]->title, api_result_name(result), answer->status);
    api_answer_free(answer);
    return false;
}

/* Calendly names things by URI; a path is the end of it. NULL: the answer has no such member. */
static cJSON *ask_calendly(
    struct enrich *enrich, const char *uri, const char *kind, const char *member)
{
    const char *path = uri ? strstr(uri, kind) : NULL;
    struct api_answer answer;
    cJSON *copy = NULL;
    if (!path || strpbrk(path, "?#") || !ask(enrich, PROVIDER_CALENDLY, path, &answer))
        return NULL;
    const cJSON *found = json_path(answer.json, member);
    if (found && !cJSON_IsNull(found))
        copy = cJSON_Duplicate(found, true);
    api_answer_free(&answer);
    return copy;
}

/* ---- completing a body ---- */

/* Takes the value over. True: it was added. */
static bool add(cJSON *object, const char *name, cJSON *value)
{
    if (!value)
        return false;
    cJSON_DeleteItemFromObjectCaseSensitive(object, name); /* null */
    if (cJSON_AddItemToObject(object, name, value))
        return true;
    cJSON_Delete(value);
    return false;
}

static bool complete_calendly(struct enrich *enrich, const struct event *event, cJSON *root)
{
    const struct booking *b = &event->booking;
    cJSON *payload = cJSON_GetObjectItemCaseSensitive(root, "payload");
    cJSON *scheduled = cJSON_GetObjectItemCaseSensitive(payload, "scheduled_event");
    bool added = false;
    if (!b->uid || !cJSON_IsObject(payload))
        return false;
    if (!cJSON_IsObject(scheduled)) {
        added = add(payload, "scheduled_event",
            ask_calendly(enrich, json_text(payload, "event"), "/scheduled_events/", "resource"));
        scheduled = cJSON_GetObjectItemCaseSensitive(payload, "scheduled_event");
    }
    if (!cJSON_IsObject(scheduled))
        return false;
    const cJSON *hosts = json_get(scheduled, "event_memberships");
    if (!json_get(scheduled, "event_type_name"))
        added |= add(scheduled, "event_type_name",
            ask_calendly(
                enrich, json_text(scheduled, "event_type"), "/event_types/", "resource.name"));
    if (cJSON_IsArray(hosts) && !b->organizer.timezone)
        added |= add(scheduled, "host_timezone",
            ask_calendly(enrich, json_text(hosts->child, "user"), "/users/", "resource.timezone"));
    return added;
}

/* Adds the members that are not there. */
static bool add_missing(cJSON *object, cJSON *more)
{
    bool added = false;
    for (cJSON *item = more->child, *next; item; item = next) {
        const cJSON *own = json_get(object, item->string);
        next = item->next;
        if (!own || cJSON_IsNull(own))
            added |= add(object, item->string, cJSON_Duplicate(item, true));
    }
    return added;
}

static bool add_booking(struct enrich *enrich, const char *uid, cJSON *payload)
{
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";
    struct api_answer answer;
    struct buf path = {0};
    bool added = false;
    buf_printf(&path, "/v2/bookings/%s", uid);
    if (strspn(uid, plain) == strlen(uid) && !path.failed &&
        ask(enrich, PROVIDER_CALCOM, buf_text(&path), &answer)) {
        const cJSON *booking = json_get(answer.json, "data");
        cJSON *more = cJSON_IsObject(booking) ? reconcile_calcom_payload(booking) : NULL;
        added = more && add_missing(payload, more);
        cJSON_Delete(more);
        api_answer_free(&answer);
    }
    buf_free(&path);
    return added;
}

static cJSON *ask_calcom(void *context, const char *path)
{
    struct api_answer answer;
    return ask(context, PROVIDER_CALCOM, path, &answer) ? answer.json : NULL;
}

/* What the owner hides is asked of the event type, or is hidden: what a customer has seen cannot be
 * taken back. Of a booking that is known the ledger knows it. */
static bool complete_calcom(struct enrich *enrich, const struct event *event, cJSON *root)
{
    const struct booking *b = &event->booking;
    struct ledger_look look;
    cJSON *payload = cJSON_GetObjectItemCaseSensitive(root, "payload");
    bool added = false, said = !rules_about_booking(event);
    payload = cJSON_IsObject(payload) ? payload : root;
    said = said || event_type_is_said(payload);
    if (!b->uid || (said && b->title && b->start != TIME_NONE) ||
        !ledger_look(enrich->run->ledger, event, &look) || look.own_known)
        return false;
    if (!b->title || b->start == TIME_NONE ||
        (!said && !cJSON_IsNumber(json_get(payload, "eventTypeId"))))
        added = add_booking(enrich, b->uid, payload);
    if (said)
        return added;
    const cJSON *type =
        event_type_of(enrich->event_types, json_get(payload, "eventTypeId"), ask_calcom, enrich);
    if (!type)
        log_warn(event->id, "not-enriched",
            "what its event type hides is not known: the host's address, notes and details are "
            "hidden");
    return event_type_complete(payload, type) || added;
}

static void look_at(struct enrich *enrich, const struct record *record)
{
    struct decision decision;
    struct event event;
    bool known = true;
    if (record->provider >= PROVIDERS || !enrich->wanted[record->provider])
        return;
    decision_init(&decision);
    if (record_map(record, &event) && event.known &&
        ledger_recall(enrich->run->ledger, record->id, &decision, &known) && !known) {
        cJSON *root = json_parse(record->body, record->length);
        bool added = cJSON_IsObject(root) && (record->provider == PROVIDER_CALENDLY
                                                     ? complete_calendly(enrich, &event, root)
                                                     : complete_calcom(enrich, &event, root));
        char *body = added ? cJSON_PrintUnformatted(root) : NULL;
        if (body) {
            struct learned *learned = &enrich->learned[enrich->count++];
            memcpy(learned->id, record->id, ID_SIZE);
            learned->provider = record->provider;
            learned->body = body;
            log_info(record->id, "enriched", "by the API of %s",
                provider_table[record->provider]->title);
        }
        cJSON_Delete(root);
    }
    decision_free(&decision);
    event_free(&event);
}

void enrich_ahead(
    struct enrich *enrich, struct run *run, const struct waiting *waiting, size_t from)
{
    if (from < enrich->next || run_open_ledger(run) != RUN_GOES_ON)
        return;
    forget_learned(enrich);
    for (enrich->next = from;
         enrich->next < waiting->count && enrich->next - from < AHEAD && !run_stopping();
         enrich->next++) {
        const char *name = waiting->due[enrich->next].file->name;
        struct spool_file file;
        if (!spool_read(&run->spool, DIR_NEW, name, &file))
            continue;
        if (!queue_objection(&file, RECORD_EVENT, name))
            look_at(enrich, &file.record);
        spool_file_free(&file);
    }
}

const struct event *enrich_event(
    const struct enrich *enrich, struct event *event, struct event *full)
{
    for (size_t i = 0; enrich && i < enrich->count; i++) {
        const struct learned *learned = &enrich->learned[i];
        if (strcmp(learned->id, event->id) != 0)
            continue;
        const struct webhook webhook = {
            learned->provider, event->id, event->received_at, learned->body, strlen(learned->body)};
        if (!provider_map(&webhook, full))
            return event;
        full->reconciled = event->reconciled;
        full->as_sent = event;
        full->learned = known_merge(&full->arena, NULL, full, true);
        return full;
    }
    return event;
}
