/*
 * The protocol of bookspool-spool(5) as a model.
 *
 *     model --list [short]    the names of all runs, or of the short ones
 *     model [--trace] RUN...  exit 0 if each comes out as it should
 *
 * A run of a world visits every order in which the receivers, the drains and the operator can
 * take their steps, with every choice of faults that its numbers allow, and asks in each state
 * that is at rest what becomes of it once nothing goes wrong any more. A run named after a rule
 * leaves that rule out of the protocol, and must find a breach of the promise; --trace prints
 * the way to it.
 */
#include <stdio.h>
#include <string.h>

#include "search.h"

struct world {
    const char *name;
    bool brief;
    uint8_t left[BUDGETS];
};

/* In the order of enum budget: what may happen, then what may go wrong. */
static const struct world worlds[] = {
    /*                     requests, stale, runs, actions, refusals;
                           faults: cuts, deaths, bad syncs, broken connections, io errors */
    {"drain", true, {1, 0, 3, 0, 0, 3, 1, 1, 1, 1, 1}},
    {"retries", true, {2, 0, 2, 0, 0, 3, 1, 1, 1, 1, 1}},
    {"replays", true, {1, 0, 3, 2, 0, 1, 1, 1, 1, 1, 1}},
    {"held", true, {2, 1, 1, 1, 0, 2, 1, 1, 1, 1, 1}},
    {"mail", true, {1, 0, 3, 1, 1, 2, 1, 1, 1, 1, 1}},
    {"three-requests", false, {3, 1, 1, 1, 0, 2, 1, 1, 1, 1, 1}},
    {"everybody", false, {2, 1, 2, 1, 1, 2, 1, 1, 1, 1, 1}},
    {"bad-day", false, {1, 0, 4, 1, 1, 4, 2, 2, 2, 0, 1}},
};

/*
 * What is left out, the world in which it shows, and the rule. `spare`: why no run notices. Where
 * two directories are synced for one rename, either would do in this model, and both are for file
 * systems on which a rename is two changes.
 */
static const struct mutation {
    const char *name;
    enum rule rule;
    const char *world, *says, *spare;
} mutations[] = {
    {"sync-before-answer", SYNC_BEFORE_ANSWER, "held", "an answer waits for the sync", NULL},
    {"sync-file", SYNC_FILE, "held", "the file is synced, not only its name", NULL},
    {"sync-name", SYNC_NAME, "held", "the directory is synced, not only the file", NULL},
    {"no-replace", NAME_WITHOUT_REPLACING, "held", "an unsynced file replaces nothing", NULL},
    {"no-trust", NEVER_TRUST_A_NAME_IN_NEW, "held",
        "a name found in new/ is not trusted: a sync of it may have failed", NULL},
    {"sync-before-over", SYNC_BEFORE_NAMING_OVER, "held",
        "a file is synced before it is renamed over a name", NULL},
    {"names-stay", NEVER_REMOVE_A_NAME, "held",
        "a receiver whose sync failed removes no name: another may have answered for it", NULL},
    {"sync-done", SYNC_DONE_FOR_DUPLICATE, "held", "done/ and new/ are synced for a duplicate",
        NULL},
    {"held-unknown", HELD_IS_NOT_KNOWN, "held", "held/ does not make an event known", NULL},
    {"held-sync", HELD_IS_SYNCED, "held", "403 held waits for the sync", NULL},
    {"release-no-replace", RELEASE_WITHOUT_REPLACING, "held", "a release replaces nothing", NULL},
    {"release-copy", RELEASE_BY_COPY, "held", "a release trusts no file that it found", NULL},
    {"release-sync", RELEASE_IS_SYNCED, "held", "a release syncs new/ before it says so", NULL},
    {"replay-sync", REPLAY_IS_SYNCED, "mail", "a replay is synced before it is named", NULL},
    {"bad", RESTORE_BAD, "drain", "an intact event in bad/ goes back to new/", NULL},
    {"bad-no-replace", RESTORE_WITHOUT_REPLACING, "retries", "and replaces no intact file", NULL},
    {"lock", ONE_DRAIN, "drain", "one drain at a time", NULL},
    {"sync-list", SYNC_AFTER_LISTING, "drain", "a run begins with a sync", NULL},
    {"late-duplicate", DROP_LATE_DUPLICATES, "held", "an event in done/ leaves new/", NULL},
    {"torn-in-out", TORN_IN_OUT_IS_REPLACED, "drain", "a torn mail in out/ does not exist", NULL},
    {"renew", RENEW_FOUND_MAIL, "drain",
        "a mail found in out/ is made durable again: a sync of it may have failed", NULL},
    {"in-sent", MAIL_IN_SENT_EXISTS, "drain", "a mail in sent/ is not made again", NULL},
    {"in-failed", MAIL_IN_FAILED_EXISTS, "mail", "nor one in failed/", NULL},
    {"sync-batch", SYNC_BATCH, "drain", "mails are durable before their event is in done/", NULL},
    {"unmake", UNMAKE_BATCH, "bad-day", "after a failed sync the mails of the batch are removed",
        "the next run renews what it finds; it matters only for a recipient who is dropped from "
        "the settings between the two runs"},
    {"claim", MAKE_CLAIM, "mail", "a replay is claimed by its name", NULL},
    {"claim-sync", SYNC_CLAIM, "mail", "and the claim is durable before mails are made", NULL},
    {"replay-number", FREE_REPLAY_NUMBER, "replays", "a replay number is used once", NULL},
    {"held-done", SYNC_BEFORE_DROPPING_HELD, "held", "done/ is synced before held/ID is dropped",
        "what a drain moves to done/ has its mails, and was durable in new/; an operator's "
        "mv into done/ has not"},
    {"only-intact", ONLY_INTACT_IS_SENT, "drain", "only intact mails are sent", NULL},
    {"mark", MARK_BEFORE_END, "drain", "the x bit is set before the last byte", NULL},
    {"rename-after", RENAME_AFTER_YES, "drain", "sent/ is entered after the yes, not before", NULL},
    {"old-name", OLD_NAME_GOES, "drain",
        "a rename between two names of one file takes the old name away", NULL},
    {"same-file", SAME_FILE_WAS_SENT, "drain", "a mail that is the same file as in sent/ was sent",
        NULL},
    {"same-file-tried", SAME_FILE_IS_TRIED, "mail",
        "a mail that is the same file as in failed/ is tried again, and leaves failed/", NULL},
    {"sync-sent", SYNC_SENT, "drain", "the rename to sent/ is synced", NULL},
    {"owed", RECORD_OWED_RENAME, "drain", "a rename that failed is recorded", NULL},
    {"owed-until", OWED_UNTIL_DURABLE, "drain", "and the record stays until it is durable", NULL},
};

enum { WORLDS = sizeof worlds / sizeof *worlds, MUTATIONS = sizeof mutations / sizeof *mutations };

static const struct world *world_named(const char *name)
{
    for (unsigned i = 0; i < WORLDS; i++)
        if (strcmp(worlds[i].name, name) == 0)
            return &worlds[i];
    return NULL;
}

static struct search_result search_in(const struct world *world, bool trace)
{
    struct state start = {0};
    memcpy(start.left, world->left, sizeof start.left);
    return search(&start, trace);
}

static bool run_world(const struct world *world, bool trace)
{
    struct search_result r = search_in(world, trace);
    bool ok = !r.breach && !r.incomplete;
    printf("%s: %s: %s (%zu states, %zu steps, %u deep)\n", ok ? "kept" : "BROKEN", world->name,
        r.breach       ? r.breach
        : r.incomplete ? "too many states"
                       : "every state keeps the promise",
        r.states, r.steps, r.depth);
    return ok;
}

static bool run_mutation(const struct mutation *m, bool trace)
{
    left_out = m->rule;
    struct search_result r = search_in(world_named(m->world), trace);
    left_out = KEEP_ALL;
    if (r.breach && !m->spare)
        printf("noticed: %s: without \"%s\" %s (%zu states, %u steps)\n", m->name, m->says,
            r.breach, r.states, r.depth);
    else if (!r.breach && m->spare)
        printf("spare: %s: \"%s\" is not needed here: %s (%zu states)\n", m->name, m->says,
            m->spare, r.states);
    else
        printf("%s: %s: without \"%s\" %s\n", r.breach ? "NOT SPARE" : "UNNOTICED", m->name,
            m->says, r.breach ? r.breach : "no state breaks the promise");
    return !r.breach == (m->spare != NULL);
}

static bool run_named(const char *name, bool trace)
{
    const struct world *world = world_named(name);
    if (world)
        return run_world(world, trace);
    for (unsigned i = 0; i < MUTATIONS; i++)
        if (strcmp(mutations[i].name, name) == 0)
            return run_mutation(&mutations[i], trace);
    printf("UNKNOWN: %s\n", name);
    return false;
}

static void list(bool brief)
{
    for (unsigned i = 0; i < WORLDS; i++)
        if (worlds[i].brief || !brief)
            puts(worlds[i].name);
    for (unsigned i = 0; i < MUTATIONS; i++)
        if (!mutations[i].spare || !brief)
            puts(mutations[i].name);
}

int main(int argc, char **argv)
{
    int first = 1;
    bool ok = argc > 1, trace = argc > 1 && strcmp(argv[1], "--trace") == 0;
    if (ok && strcmp(argv[1], "--list") == 0) {
        list(argc > 2);
        return 0;
    }
    for (int i = first + trace; i < argc; i++)
        ok = run_named(argv[i], trace) && ok;
    return ok ? 0 : 1;
}
