/*
 * subscription_parts: what the files of subscription share. Internal to them.
 */
#ifndef API_SUBSCRIPTION_PARTS_H
#define API_SUBSCRIPTION_PARTS_H

#include <cjson/cJSON.h>

#include "api/subscription.h"

/* A zeroed entry at the end of the list; NULL: out of memory. */
struct subscription *subscription_add(struct subscriptions *all);
/* The texts of a JSON list of event names, as many as there is room for. */
void subscription_read_events(
    struct subscriptions *all, struct subscription *subscription, const cJSON *names);
/* A copy of the text member; NULL. */
const char *subscription_text(struct arena *arena, const cJSON *object, const char *name);
/* The time of a text member; TIME_NONE. */
int64_t subscription_time(const cJSON *object, const char *name);
/* The strings as a JSON list; NULL: out of memory. */
cJSON *subscription_names(const char *const *names);
/* API_STRANGE, with a reason in words; the answer is freed. */
enum api_result subscription_strange(struct api_answer *answer, const char *what);

#endif
