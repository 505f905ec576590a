#include "provider/provider.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/counters.h"
#include "base/json.h"
#include "event/clean.h"
#include "provider/calcom.h"
#include "provider/calendly.h"
#include "provider/map.h"

const struct provider_row *const provider_table[] = {
    [PROVIDER_CALCOM] = &calcom_provider,
    [PROVIDER_CALENDLY] = &calendly_provider,
};

static_assert(sizeof provider_table / sizeof *provider_table == PROVIDERS, "each has a row");
static_assert((int)PROVIDERS <= (int)ROOM_PROVIDER, "each has counters");

const char *provider_name(enum provider provider)
{
    return provider_table[provider]->name;
}

bool provider_parse(const char *name, enum provider *provider)
{
    for (enum provider p = 0; p < PROVIDERS; p++)
        if (strcmp(name, provider_table[p]->name) == 0) {
            *provider = p;
            return true;
        }
    return false;
}

const char *provider_title(const char *name)
{
    enum provider provider;
    return provider_parse(name, &provider) ? provider_table[provider]->title : name;
}

bool provider_version_known(enum provider provider, const char *version)
{
    const char *const *known = provider_table[provider]->versions;
    if (!version || !*version)
        return true;
    for (; known && *known; known++)
        if (strcmp(*known, version) == 0)
            return true;
    return false;
}

void provider_list_names(struct buf *out)
{
    for (enum provider p = 0; p < PROVIDERS; p++)
        buf_printf(out, "%s%s", p == 0 ? "" : p + 1 < PROVIDERS ? ", " : " or ", provider_name(p));
}

enum signature_result provider_verify(enum provider provider,
    const struct provider_secrets *secrets, const char *header, const void *body, size_t len,
    int *which)
{
    if (provider_secrets_empty(secrets))
        return SIGNATURE_NO_SECRET;
    if (!header || !*header)
        return SIGNATURE_ABSENT;
    return provider_table[provider]->verify(
        secrets, header, (struct digest_part){body, len}, which);
}

bool provider_sign(enum provider provider, struct hmac *hmac, const void *body, size_t len,
    int64_t now, char *out, size_t out_size)
{
    return provider_table[provider]->sign(
        hmac, (struct digest_part){body, len}, now, out, out_size);
}

bool provider_envelope(enum provider provider, const char *header, const void *body, size_t len,
    struct envelope *envelope)
{
    *envelope = (struct envelope){.event = "-", .clock = CLOCK_NONE, .at = TIME_NONE};
    cJSON *root = json_parse_top(body, len);
    if (!root && errno == ENOMEM)
        return false;
    provider_table[provider]->envelope(root, header, envelope);
    cJSON_Delete(root);
    return envelope_set_anonymous(envelope, body, len);
}

/* ---- the booking event ---- */

/* The author of a template chose the names of all its members: nothing of it was understood. */
static bool is_foreign_object(const cJSON *root, const struct event *event)
{
    const struct booking *b = &event->booking;
    bool blank = !b->uid && !b->title && !b->description && !b->notes && !b->reason &&
                 b->start == TIME_NONE && !b->organizer.email &&
                 b->attendee_count + b->guest_count + b->answer_count == 0;
    return root->child && !event->name && !cJSON_IsObject(json_get(root, "payload")) && blank;
}

bool provider_map(const struct webhook *webhook, struct event *event)
{
    const struct provider_row *row = provider_table[webhook->provider];
    struct arena *arena = &event->arena;
    *event = (struct event){
        .provider = row->name,
        .kind = KIND_OTHER,
        .received_at = webhook->received,
        .sent_at = TIME_NONE,
        .booking = {.start = TIME_NONE,
            .end = TIME_NONE,
            .previous_start = TIME_NONE,
            .previous_end = TIME_NONE},
    };
    snprintf(event->id, sizeof event->id, "%s", webhook->id);
    const cJSON *root = json_parse_in(arena, webhook->body, webhook->length);
    if (!root && errno == ENOMEM)
        return false;
    if (!cJSON_IsObject(root)) {
        /*
         * The result of a template becomes the description as it came. `false` is what Cal.com
         * sends for a template that it could not fill, and says nothing.
         */
        if (cJSON_IsString(root))
            event->booking.description = clean_text(arena, root->valuestring);
        else if (!cJSON_IsBool(root) && !cJSON_IsNull(root))
            event->booking.description = map_raw_text(arena, webhook->body, webhook->length);
        return !arena->failed;
    }
    row->map(root, event);
    if (is_foreign_object(root, event))
        event->booking.description = map_raw_text(arena, webhook->body, webhook->length);
    return !arena->failed;
}
