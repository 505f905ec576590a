#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/event_type.h"
#include "api/reconcile_body.h"
#include "api/reconcile_cover.h"
#include "api/reconcile_parts.h"
#include "base/clock.h"
#include "base/json.h"
#include "ledger/step.h"
#include "spool/record.h"

bool reconcile_walk_failed(struct reconcile_walk *walk, const char *error)
{
    snprintf(walk->error, sizeof walk->error, "%s", error);
    walk->stopped = true;
    return false;
}

/* Nothing came of it, and nothing had to: it is older than the walk, whatever touched it since. */
static bool is_old(
    const struct reconcile_walk *walk, const struct event *event, const struct ledger_look *look)
{
    int64_t when = event->sent_at;
    if (walk->made != TIME_NONE && walk->made < when)
        when = walk->made;
    return !look->own_known && !look->previous_live && when != TIME_NONE && when < walk->since;
}

static bool is_news(const struct reconcile_walk *walk, enum reconcile_need need,
    const struct event *event, const struct ledger_look *look)
{
    if (look->known || is_old(walk, event, look))
        return false;
    return need == RECONCILE_ALWAYS || (need == RECONCILE_OWN_LIVE && look->own_live) ||
           (need == RECONCILE_PREVIOUS_LIVE && look->previous_live);
}

/* One of these seats may be that of a person who was forgotten: only if there are more than the
 * ledger counts is one of them new. */
static bool seats_are_known(struct reconcile_walk *walk, const struct event *event, bool *known)
{
    const struct booking *b = &event->booking;
    int64_t taken, forgotten;
    if (!ledger_seats(walk->ledger, event->provider, b->uid, &taken, &forgotten))
        return reconcile_walk_failed(walk, ledger_failure(walk->ledger));
    *known = forgotten && taken >= cJSON_GetArraySize(json_get(walk->booking, "attendees"));
    return true;
}

/* Maps the body as the drain will, and asks the ledger about it. */
static bool look_up(struct reconcile_walk *walk, enum reconcile_need need, const char *text,
    bool *news, struct ledger_look *look)
{
    const struct webhook webhook = {walk->provider, "", walk->now, text, strlen(text)};
    struct event event;
    struct fact step;
    bool ok = provider_map(&webhook, &event);
    event.reconciled = true;
    if (!ok)
        ok = reconcile_walk_failed(walk, "not enough memory");
    else if (!step_of(&event, &event.arena, &step)) {
        /* none that a webhook reports */
    } else if (!ledger_look(walk->ledger, &event, look))
        ok = reconcile_walk_failed(walk, ledger_failure(walk->ledger));
    else
        *news = is_news(walk, need, &event, look);
    bool known = false;
    if (ok && *news && event.booking.seat && (ok = seats_are_known(walk, &event, &known)))
        *news = !known;
    event_free(&event);
    return ok;
}

static bool changed_within(const struct reconcile_walk *walk, int64_t ms)
{
    return ms > 0 && walk->changed != TIME_NONE && walk->changed > walk->now - ms;
}

void reconcile_hold(struct reconcile_walk *walk)
{
    if (!walk->holds)
        walk->held = *walk->cursor;
    walk->holds = true;
}

void reconcile_skip(struct reconcile_walk *walk, enum api_result result, const char *error)
{
    if (walk->skipped != API_OK)
        return;
    walk->skipped = result;
    snprintf(walk->skipped_error, sizeof walk->skipped_error, "%s", error);
    reconcile_hold(walk);
}

static bool hand_over(struct reconcile_walk *walk, const char *text)
{
    const struct webhook webhook = {walk->provider, "", walk->now, text, strlen(text)};
    struct event event;
    struct fact step;
    bool ok = provider_map(&webhook, &event);
    event.reconciled = true;
    if (!ok)
        ok = reconcile_walk_failed(walk, "not enough memory");
    else if (!step_of(&event, &event.arena, &step) || !step_id(event.provider, &step, event.id))
        ok = reconcile_walk_failed(walk, "libcrypto cannot compute");
    else {
        const struct reconcile_found found = {walk->provider, &event, &step, text, strlen(text),
            changed_within(walk, RECONCILE_GRACE)};
        ok = walk->found(walk->context, &found);
        walk->stopped |= !ok;
    }
    event_free(&event);
    return ok;
}

/*
 * Pending is a request that waits for the owner's word, and also a booking that waits for its
 * payment, which may never come. Once it is paid the ledger knows the booking.
 */
static bool is_request(
    struct reconcile_walk *walk, const cJSON *body, const cJSON *type, bool *request)
{
    const char *provider = provider_name(walk->provider), *uid = json_text(body, "payload.uid");
    bool begun = false;
    if (!ledger_noticed(walk->ledger, provider, uid, "BOOKING_PAYMENT_INITIATED", &begun))
        return reconcile_walk_failed(walk, ledger_failure(walk->ledger));
    *request = event_type_confirms(type) && !begun;
    return true;
}

static cJSON *ask_api(void *context, const char *path)
{
    struct reconcile_walk *walk = context;
    struct api_answer answer = {0};
    enum api_result result = walk->api ? api_get(walk->api, path, &answer) : API_NOT_FOUND;
    if (result == API_OK)
        return answer.json;
    if (result != API_NOT_FOUND && result != API_FORBIDDEN) {
        walk->type_result = result;
        snprintf(walk->type_error, sizeof walk->type_error, "%s", answer.error);
    }
    api_answer_free(&answer);
    return NULL;
}

/* What only the event type says. */
static bool complete_calcom(struct reconcile_walk *walk, const cJSON *body)
{
    const cJSON *type =
        event_type_of(walk->event_types, json_path(walk->booking, "eventType.id"), ask_api, walk);
    const char *event = json_text(body, "triggerEvent");
    if (!reconcile_covers_type(walk, body, type)) {
        if (!type && walk->type_result != API_OK)
            reconcile_skip(walk, walk->type_result, walk->type_error);
        return true;
    }
    bool news = true;
    if (event && strcmp(event, "BOOKING_REQUESTED") == 0 && !is_request(walk, body, type, &news))
        return false;
    if (!news)
        return true;
    cJSON *complete = cJSON_Duplicate(body, true);
    cJSON *payload = cJSON_GetObjectItemCaseSensitive(complete, "payload");
    char *text =
        payload && event_type_complete(payload, type) ? cJSON_PrintUnformatted(complete) : NULL;
    bool ok = text ? hand_over(walk, text) : reconcile_walk_failed(walk, "not enough memory");
    cJSON_free(text);
    cJSON_Delete(complete);
    return ok;
}

static bool compare_body(void *context, enum reconcile_need need, const cJSON *body)
{
    struct reconcile_walk *walk = context;
    if (!reconcile_is_covered(walk, body))
        return true;
    char *text = cJSON_PrintUnformatted(body);
    bool news = false;
    struct ledger_look look;
    bool ok = text ? look_up(walk, need, text, &news, &look)
                   : reconcile_walk_failed(walk, "not enough memory");
    if (ok && news && changed_within(walk, walk->grace)) {
        reconcile_hold(walk);
        walk->recent++;
    } else if (ok && news)
        ok =
            walk->provider == PROVIDER_CALCOM ? complete_calcom(walk, body) : hand_over(walk, text);
    cJSON_free(text);
    return ok;
}

static void note_change(struct reconcile_walk *walk, const char *at)
{
    if (!at || !time_parse(at, &walk->changed))
        walk->changed = TIME_NONE;
    if (walk->changed > walk->newest)
        walk->newest = walk->changed;
}

/* The body could not be made, and no reason was given. */
static bool compared(struct reconcile_walk *walk, bool ok)
{
    return ok || walk->stopped || reconcile_walk_failed(walk, "not enough memory");
}

static bool note_moved_seat(void *context, enum reconcile_need need, const cJSON *body)
{
    struct reconcile_walk *walk = context;
    char *text = cJSON_PrintUnformatted(body);
    bool news = false;
    struct ledger_look look = {0};
    bool ok = text ? look_up(walk, need, text, &news, &look)
                   : reconcile_walk_failed(walk, "not enough memory");
    const char *seat = json_text(body, "payload.attendeeSeatId");
    if (ok && look.seat_moved && !json_list_add(walk->seats, cJSON_CreateString(seat)))
        ok = reconcile_walk_failed(walk, "not enough memory");
    cJSON_free(text);
    return ok;
}

/* Those that were moved in place are entered first: else a new seat is one of the old start. */
static bool compare_seats(struct reconcile_walk *walk, const cJSON *booking)
{
    walk->seats = cJSON_CreateArray();
    bool ok = walk->seats && reconcile_calcom_seats(booking, note_moved_seat, walk);
    if (ok && walk->seats->child)
        ok = reconcile_calcom_move(booking, walk->seats, compare_body, walk);
    cJSON_Delete(walk->seats);
    walk->seats = NULL;
    return ok;
}

/* Cal.com does not say when a booking was cancelled: `updatedAt` may be of anything later. */
bool reconcile_compare_calcom(struct reconcile_walk *walk, const cJSON *booking)
{
    const char *made = json_text(booking, "createdAt");
    if (!made || !time_parse(made, &walk->made))
        walk->made = TIME_NONE;
    walk->booking = booking;
    walk->bookings++;
    note_change(walk, json_text(booking, "updatedAt"));
    return compared(walk, compare_seats(walk, booking)) && !walk->stopped &&
           compared(walk, reconcile_calcom(booking, compare_body, walk)) && !walk->stopped;
}

bool reconcile_compare_calendly(
    struct reconcile_walk *walk, const cJSON *scheduled, const cJSON *invitee)
{
    const char *changed = json_text(invitee, "cancellation.created_at");
    int64_t when;
    if (!changed)
        changed = json_text(invitee, "updated_at");
    if (changed && time_parse(changed, &when) && when < walk->since)
        return true;
    walk->made = TIME_NONE;
    walk->bookings++;
    note_change(walk, changed);
    return compared(walk, reconcile_calendly(scheduled, invitee, compare_body, walk)) &&
           !walk->stopped;
}

bool reconcile_record(const struct reconcile_found *found, int64_t received_us, struct buf *out)
{
    struct record record = {.kind = RECORD_EVENT,
        .provider = found->provider,
        .received_us = received_us,
        .received = received_us / US_PER_MS,
        .secret_used = "-",
        .content_type = "application/json",
        .source = RECORD_RECONCILE,
        .body = found->body,
        .length = found->length};
    snprintf(record.id, sizeof record.id, "%s", found->event->id);
    snprintf(
        record.event, sizeof record.event, "%s", found->event->name ? found->event->name : "-");
    return record_encode(&record, out);
}
