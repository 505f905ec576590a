#include <string.h>

#include "base/json.h"
#include "base/text.h"
#include "provider/calcom_parts.h"
#include "provider/map.h"
#include "provider/place.h"

#define APP "integrations:"

/*
 * The keys that Cal.com writes where nothing was typed (DefaultEventLocationTypeEnum and the types
 * of its conferencing apps in packages/app-store), and our word, or the name of an app.
 */
static const struct {
    const char *key, *word, *name;
} keys[] = {
    {"inPerson", "in_person", NULL},
    {"attendeeInPerson", "in_person_at_customer", NULL},
    {"phone", "phone_call_by_host", NULL},
    {"userPhone", "phone_call_by_customer", NULL},
    {"link", "link", NULL},
    {"conferencing", "video", NULL},
    {"somewhereElse", "somewhere_else", NULL},
    {APP "daily", "cal_video", NULL},
    {APP "google:meet", "google_meet", NULL},
    {APP "zoom", "zoom", NULL},
    {APP "office365_video", "microsoft_teams", NULL},
    {APP "webex_video", "webex", NULL},
    {APP "facetime_video", NULL, "FaceTime"},
    {APP "whatsapp_video", NULL, "WhatsApp"},
};

static const char *word_of(const char *key)
{
    for (size_t i = 0; key && i < sizeof keys / sizeof *keys; i++)
        if (strcmp(keys[i].key, key) == 0)
            return keys[i].word;
    return NULL;
}

/* A key of an app has no blanks; what a person typed after "integrations:" may have some. */
static bool is_app_key(const char *place)
{
    static const char key[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-:.";
    size_t len = strlen(place);
    return strncmp(place, APP, sizeof APP - 1) == 0 && len > sizeof APP - 1 &&
           strspn(place, key) == len;
}

static const char *text_of(struct arena *arena, const char *place)
{
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (strcmp(keys[i].key, place) == 0)
            return keys[i].word ? place_text(keys[i].word) : keys[i].name;
    return is_app_key(place) ? place_readable(arena, place + sizeof APP - 1) : place;
}

static bool is_phone_number(const char *text)
{
    enum { DIGITS_MIN = 5 };
    size_t digits = 0;
    for (; *text; text++) {
        if (!strchr("+0123456789 ()-./", *text))
            return false;
        digits += *text >= '0' && *text <= '9';
    }
    return digits >= DIGITS_MIN;
}

static bool is_phone_word(const char *word)
{
    return word && strncmp(word, "phone_", 6) == 0;
}

/*
 * What the customer chose and typed is the response to the field "location". It is older than the
 * payload's location where the host has changed it since, so it only adds to one that it fits.
 */
static void map_typed_place(const cJSON *payload, const char *raw, struct event *event)
{
    struct booking *b = &event->booking;
    const cJSON *response = json_path(payload, "responses.location");
    const cJSON *value = json_get(response, "value");
    const cJSON *chosen = cJSON_IsObject(value) ? value : response;
    const char *word = word_of(json_text(chosen, "value"));
    const char *typed = map_line(&event->arena, chosen, "optionValue");
    if (b->location_word && typed && word && strcmp(word, b->location_word) == 0) {
        b->location = typed;
        if (!is_phone_word(word))
            b->location_word = NULL;
    } else if (!b->location_word && is_phone_word(word) && is_phone_number(raw) &&
               (!typed || strcmp(typed, raw) == 0)) {
        b->location_word = word;
    }
}

/*
 * The URL in metadata works for all participants; the one in videoCallData may need a token, and is
 * left over where the host has moved the meeting to a place since.
 */
void calcom_map_place(const cJSON *payload, struct event *event)
{
    struct arena *arena = &event->arena;
    struct booking *b = &event->booking;
    const char *place = map_line(arena, payload, "location");
    const char *link = map_url(arena, payload, "location");
    const char *previous = map_line(arena, payload, "previousLocation");
    b->join_url = map_url(arena, payload, "metadata.videoCallUrl");
    if (!b->join_url)
        b->join_url = link;
    if (!b->join_url && (!place || is_app_key(place) || strcmp(place, "conferencing") == 0))
        b->join_url = map_url(arena, payload, "videoCallData.url");
    if (place && !link) {
        b->location_word = word_of(place);
        b->location = text_of(arena, place);
        map_typed_place(payload, place, event);
    }
    if (previous) {
        b->previous_location_word = word_of(previous);
        b->previous_location = text_of(arena, previous);
    }
}

/* ---- pages ---- */

/* An id that stands for itself in a URL; a number is no uid, and no page is found by it. */
static const char *page_id(struct arena *arena, const cJSON *payload, const char *name)
{
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";
    const char *id = map_line(arena, payload, name);
    return id && strlen(id) == strspn(id, plain) ? id : NULL;
}

/* What the text has in front of `end`, which it ends with. */
static const char *before(struct arena *arena, const char *text, const char *end)
{
    size_t len = strlen(text), end_len = strlen(end);
    if (len <= end_len || strcmp(text + len - end_len, end) != 0)
        return NULL;
    return arena_strndup(arena, text, len - end_len);
}

/*
 * Where Cal.com's application is: its own video page is there (getPublicVideoCallUrl). Organizers
 * with a domain of their own have another for those who book: bookerUrl.
 */
static const char *application(struct arena *arena, const char *join_url, const char *uid)
{
    const char *page = arena_printf(arena, "/video/%s", uid);
    return join_url && page ? before(arena, join_url, page) : NULL;
}

static const char *site_for_bookers(struct arena *arena, const cJSON *payload)
{
    const char *url = map_url(arena, payload, "bookerUrl");
    if (!url || strpbrk(url, "?#"))
        return NULL;
    const char *cut = before(arena, url, "/");
    return cut ? cut : url;
}

/* The hosted product answers for all of its own domains at app.cal.com, and app.cal.eu. */
static const char *application_of(struct arena *arena, const char *site)
{
    static const char *const ends[] = {"cal.com", "cal.eu"};
    const char *host = strstr(site, "://");
    for (size_t i = 0; host && i < sizeof ends / sizeof *ends; i++) {
        const char *sub = before(arena, host + 3, ends[i]);
        if (strcmp(host + 3, ends[i]) == 0 || (sub && sub[strlen(sub) - 1] == '.'))
            return arena_printf(arena, "https://app.%s", ends[i]);
    }
    return site;
}

static bool may_be_changed(enum event_kind kind)
{
    return kind == KIND_CREATED || kind == KIND_RESCHEDULED || kind == KIND_REQUESTED ||
           kind == KIND_PAID || kind == KIND_LOCATION_CHANGED || kind == KIND_REASSIGNED;
}

/*
 * The pages of getRescheduleLink, getCancelLink (packages/lib/CalEventParser.ts) and of the tab
 * "unconfirmed". Without a base in the body there are none: a guess would lead people of another
 * installation astray. Customers of the platform have pages of their own.
 */
void calcom_map_links(const cJSON *payload, struct event *event)
{
    struct arena *arena = &event->arena;
    struct booking *b = &event->booking;
    bool rebook = event->kind == KIND_CANCELLED && b->asked_to_rebook;
    const char *uid = page_id(arena, payload, "uid");
    if (!uid)
        uid = page_id(arena, payload, "bookingUid");
    const char *seat = page_id(arena, payload, "attendeeSeatId");
    const char *app = uid ? application(arena, b->join_url, uid) : NULL;
    const char *site = site_for_bookers(arena, payload);
    if (!site)
        site = app;
    if (!uid || !site || map_line(arena, payload, "platformClientId"))
        return;
    if (!app)
        app = application_of(arena, site);
    if (event->kind == KIND_REQUESTED)
        b->manage_url = arena_printf(arena, "%s/bookings/unconfirmed", app);
    if (!may_be_changed(event->kind) && !rebook)
        return;
    if (!json_true(payload, "disableRescheduling"))
        b->reschedule_url = arena_printf(arena, "%s/reschedule/%s%s", site, seat ? seat : uid,
            rebook ? "?allowRescheduleForCancelledBooking=true" : "");
    if (!rebook && !json_true(payload, "disableCancelling"))
        b->cancel_url = arena_printf(arena, "%s/booking/%s?cancel=true%s%s", site, uid,
            seat ? "&seatReferenceUid=" : "", seat ? seat : "");
}
