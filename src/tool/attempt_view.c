#include "tool/attempt_view.h"

#include <stdio.h>
#include <string.h>

#include "tool/output.h"

void attempt_view_read(struct tool *tool, struct attempts *attempts)
{
    attempts_read(conf_text(&tool->conf, SET_STATE), attempts);
}

const struct attempt_note *attempt_view_of(const struct attempts *attempts, const char *mail)
{
    const struct attempt_note *note = attempts_find(attempts, mail);
    return note ? note : attempts_find(attempts, ATTEMPTS_RUN);
}

void attempt_view_put(cJSON *object, const struct attempt_note *note)
{
    if (!note) {
        json_put_text(object, "error", NULL);
        return;
    }
    cJSON *error = json_put_object(object, "error");
    json_put_time(error, "at", note->at);
    json_put_number(error, "tries", note->tries);
    json_put_text(error, "outcome", note->outcome);
    json_put_text(error, "reason", note->reason);
    json_put_text(error, "words", *note->words ? note->words : NULL);
    json_put_text(error, "reply", *note->detail ? note->detail : NULL);
}

bool attempt_view_is_run(const struct attempt_note *note)
{
    return strcmp(note->name, ATTEMPTS_RUN) == 0;
}

/* The first note with the same reason. */
static size_t first_of(const struct attempts *attempts, const struct attempt_note *note)
{
    size_t first = 0;
    while (strcmp(attempts->item[first].reason, note->reason) != 0)
        first++;
    return first;
}

size_t attempt_view_number(const struct attempts *attempts, const struct attempt_note *note)
{
    size_t number = 0, first = first_of(attempts, note);
    for (size_t i = 0; i <= first; i++)
        number += first_of(attempts, &attempts->item[i]) == i;
    return number;
}

void attempt_view_reasons(const struct attempts *attempts, cJSON *list)
{
    for (size_t i = 0; i < attempts->count; i++) {
        const struct attempt_note *note = &attempts->item[i];
        size_t mails = 0;
        if (first_of(attempts, note) < i)
            continue;
        for (size_t j = i; j < attempts->count; j++)
            mails += !attempt_view_is_run(&attempts->item[j]) &&
                     strcmp(attempts->item[j].reason, note->reason) == 0;
        if (list) {
            cJSON *object = json_append(list);
            json_put_text(object, "reason", note->reason);
            json_put_text(object, "words", *note->words ? note->words : NULL);
            json_put_number(object, "mails", (int64_t)mails);
            continue;
        }
        printf("error %zu", attempt_view_number(attempts, note));
        if (mails)
            printf(", of %zu mail%s in out/", mails, mails == 1 ? "" : "s");
        printf(": %s%s%s\n", note->reason, *note->words ? ": " : "", note->words);
    }
}
