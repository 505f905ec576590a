#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "event/clean.h"
#include "provider/calcom.h"
#include "provider/provider.h"
#include "provider/signature.h"

static void copy_name(const cJSON *root, const char *member, struct glance *glance)
{
    struct arena arena = {0};
    const char *name = clean_token(&arena, json_text(root, member));
    snprintf(glance->event, sizeof glance->event, "%s", name ? name : "-");
    arena_free(&arena);
}

static void glance_calcom(const cJSON *root, struct glance *glance)
{
    const char *name = json_text(root, "triggerEvent");
    copy_name(root, "triggerEvent", glance);
    glance->ping = name && strcmp(name, "PING") == 0;
    if (calcom_is_flat_meeting(root)) {
        glance->at = calcom_meeting_moment(root);
        glance->clock = glance->at == TIME_NONE ? CLOCK_NONE : CLOCK_SCHEDULED;
    } else {
        glance->at = calcom_sent_at(root);
        glance->clock = glance->at == TIME_NONE ? CLOCK_NONE : CLOCK_SENT;
    }
}

static void glance_calendly(const cJSON *root, const char *header, struct glance *glance)
{
    struct span t;
    int64_t seconds;
    copy_name(root, "event", glance);
    if (header && calendly_time(header, &t, &seconds)) {
        glance->at = seconds * MS_PER_SECOND;
        glance->clock = CLOCK_SENT;
    }
}

/* dddd-dd-ddThh:mm, d and h being any digit; a space may stand for the T. */
static bool is_date_time(const char *at)
{
    static const char form[] = "dddd-dd-dd dd:dd";
    for (size_t i = 0; i < sizeof form - 1; i++) {
        char c = at[i];
        bool fits = form[i] == 'd'   ? c >= '0' && c <= '9'
                    : form[i] == ' ' ? c == ' ' || c == 'T'
                                     : c == form[i];
        if (!fits)
            return false;
    }
    return true;
}

static bool holds_date_time(const char *body, size_t len)
{
    enum { FORM = 16 };
    for (size_t i = 0; i + FORM <= len; i++)
        if (is_date_time(body + i))
            return true;
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

/* Neither a time nor a booking, anywhere. False: no memory to tell. */
static bool is_anonymous(const void *body, size_t len, bool *anonymous)
{
    *anonymous = false;
    if (holds_date_time(body, len))
        return true;
    cJSON *root = json_parse(body, len);
    if (!root && errno == ENOMEM)
        return false;
    *anonymous = !names_booking(root) && !names_booking(json_get(root, "payload"));
    cJSON_Delete(root);
    return true;
}

bool provider_glance(
    enum provider provider, const char *header, const void *body, size_t len, struct glance *glance)
{
    *glance = (struct glance){.clock = CLOCK_NONE, .at = TIME_NONE};
    cJSON *root = json_parse_top(body, len);
    if (!root && errno == ENOMEM)
        return false;
    if (provider == PROVIDER_CALENDLY)
        glance_calendly(root, header, glance);
    else
        glance_calcom(root, glance);
    cJSON_Delete(root);
    return is_anonymous(body, len, &glance->anonymous);
}

/* Far-off times must not wrap: the difference of two int64_t always fits a uint64_t. */
static bool within(int64_t a, int64_t b, int64_t window)
{
    uint64_t distance = a > b ? (uint64_t)a - (uint64_t)b : (uint64_t)b - (uint64_t)a;
    return window >= 0 && distance <= (uint64_t)window;
}

bool glance_fresh(const struct glance *glance, int64_t now, int64_t window)
{
    switch (glance->clock) {
    case CLOCK_SENT:
        return within(now, glance->at, window);
    case CLOCK_SCHEDULED:
        return within(now, glance->at, MS_PER_DAY);
    case CLOCK_NONE:
        break;
    }
    return true;
}
