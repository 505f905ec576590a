#include "provider/envelope.h"

#include <errno.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/json.h"
#include "event/clean.h"

void envelope_set_event(struct envelope *envelope, const cJSON *root, const char *member)
{
    struct arena arena = {0};
    const char *name = clean_token(&arena, json_text(root, member));
    snprintf(envelope->event, sizeof envelope->event, "%s", name ? name : "-");
    arena_free(&arena);
}

void envelope_set_time(struct envelope *envelope, enum replay_clock clock, int64_t at)
{
    envelope->clock = at == TIME_NONE ? CLOCK_NONE : clock;
    envelope->at = at;
}

/* dddd-dd-ddThh:mm, d and h being any digit; a space may replace the T. */
static bool holds_date_time(const char *body, size_t len)
{
    static const char form[] = "dddd-dd-dd dd:dd";
    enum { FORM = sizeof form - 1 };
    for (size_t at = 0; at + FORM <= len; at++) {
        size_t i = 0;
        for (; i < FORM; i++) {
            char c = body[at + i];
            bool fits = form[i] == 'd'   ? c >= '0' && c <= '9'
                        : form[i] == ' ' ? c == ' ' || c == 'T'
                                         : c == form[i];
            if (!fits)
                break;
        }
        if (i == FORM)
            return true;
    }
    return false;
}

static bool names_booking(const cJSON *object)
{
    static const char *const names[] = {"uid", "bookingUid", "bookingId", "id"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const cJSON *item = json_get(object, names[i]);
        if (cJSON_IsNumber(item) || (cJSON_IsString(item) && *item->valuestring))
            return true;
    }
    return false;
}

bool envelope_set_anonymous(struct envelope *envelope, const void *body, size_t len)
{
    envelope->anonymous = false;
    if (holds_date_time(body, len))
        return true;
    cJSON *root = json_parse(body, len);
    if (!root && errno == ENOMEM)
        return false;
    envelope->anonymous = !names_booking(root) && !names_booking(json_get(root, "payload"));
    cJSON_Delete(root);
    return true;
}

/* The subtraction cannot overflow: the difference of two int64_t always fits a uint64_t. */
bool envelope_in_window(const struct envelope *envelope, int64_t now, int64_t window)
{
    int64_t at = envelope->at;
    uint64_t distance = now > at ? (uint64_t)now - (uint64_t)at : (uint64_t)at - (uint64_t)now;
    if (envelope->clock == CLOCK_NONE)
        return true;
    if (envelope->clock == CLOCK_SCHEDULED)
        window = MS_PER_DAY;
    return window >= 0 && distance <= (uint64_t)window;
}
