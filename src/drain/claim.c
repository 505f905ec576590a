#include "drain/claim.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "spool/replay.h"

/* A replay_number is in UTC seconds; a lower number is a person's own name for a copy. */
#define CLAIM_FIRST INT64_C(1000000000)

int64_t claim_number(const char *name)
{
    struct spool_name parsed;
    bool is_claim =
        name_parse(name, &parsed) && parsed.replay_number >= CLAIM_FIRST && !*parsed.recipient;
    return is_claim ? parsed.replay_number : 0;
}

/* *taken: some recipient has a mail of it. False when it cannot be found out. */
static bool find_number(struct run *run, const struct event *event,
    const struct recipient_list *list, int64_t replay_number, bool *taken)
{
    char event_name[MAIL_NAME_SIZE], name[MAIL_NAME_SIZE];
    *taken = false;
    snprintf(event_name, sizeof event_name, "%s.%lld", event->id, (long long)replay_number);
    for (size_t i = 0; !*taken && i < list->count; i++)
        if (!mail_name(event_name, list->item[i].address, name) ||
            !replay_look(&run->spool, name, taken))
            return false;
    return true;
}

bool claim_replay(struct run *run, const char *name, const struct event *event,
    const struct decision *decision, char claimed[MAIL_NAME_SIZE])
{
    struct recipient_list list;
    int64_t replay_number = clock_now() / MS_PER_SECOND;
    bool taken = true, ok = true;
    if (claim_number(name) && strncmp(name, event->id, ID_LEN) == 0) {
        snprintf(claimed, MAIL_NAME_SIZE, "%s", name);
        return true;
    }
    if (!recipients_of(run->recipients, event, decision, &list)) {
        ok = spool_failed(&run->spool, "claim", DIR_REPLAY, name);
        errno = ENOMEM;
    }
    while (ok && (ok = find_number(run, event, &list, replay_number, &taken)) && taken)
        replay_number++;
    int saved = errno;
    recipient_list_free(&list);
    errno = saved;
    return ok && replay_claim(&run->spool, name, event->id, replay_number, claimed);
}
