/* In which order a pass of the drain makes files durable, and what it does when a sync fails. */
#include "calls.h"
#include "provider_body.h"

#include "base/clock.h"
#include "drain/outbox.h"
#include "drain/pass.h"
#include "drain/run.h"
#include "mail/message.h"
#include "spool/queue.h"

#define WAITS  "11111111111111111111111111111111"
#define LATE   "22222222222222222222222222222222"
#define HELD   "33333333333333333333333333333333"
#define AGAIN  "44444444444444444444444444444444"
#define OWNER  "-9057178f1b2d" /* owner@example.org */
#define MAILED WAITS OWNER

enum { MAILS = 65 };

static int up(void **state)
{
    if (scratch_up(state) != 0)
        return -1;
    scratch_settings(
        *state, "BOOKSPOOL_MAIL_TO=owner@example.org\nBOOKSPOOL_MAIL_FROM=bookspool@example.org\n");
    calls_clear();
    return 0;
}

static void put(struct scratch *s, const char *dir, const char *name, const char *id)
{
    char path[200], body[160];
    struct buf file = {0};
    snprintf(path, sizeof path, "%s/%s", dir, name);
    snprintf(body, sizeof body,
        "{\"triggerEvent\":\"BOOKING_CREATED\",\"createdAt\":\"2026-11-21T10:00:00Z\","
        "\"payload\":{\"uid\":\"%s\"}}",
        id);
    scratch_event(id, body, &file);
    scratch_write(s, path, file.data, file.len);
    buf_free(&file);
}

/* A pass with the settings as they are now; its exit code. */
static int pass(void)
{
    struct conf conf;
    struct run run;
    struct buf why = {0};
    assert_true(conf_load(&conf, CONF_DRAIN));
    conf_setup_log(&conf, "drain_order_test");
    assert_true(run_init(&run, &conf, &why));
    int code = pass_once(&run);
    run_free(&run);
    conf_free(&conf);
    buf_free(&why);
    return code;
}

static void assert_all_sent(struct scratch *s)
{
    static const enum spool_dir empty[] = {
        DIR_TMP, DIR_NEW, DIR_REPLAY, DIR_OUT, DIR_FAILED, DIR_BAD};
    for (size_t i = 0; i < sizeof empty / sizeof *empty; i++)
        assert_int_equal(scratch_count(s, empty[i]), 0);
}

/* Its first event makes it, and syncs that too. */
static void make_ledger(struct scratch *s)
{
    put(s, "new", LATE, LATE);
    assert_int_equal(pass(), 0);
}

/* One more than a batch. */
static void put_many(struct scratch *s)
{
    for (int i = 0; i < MAILS; i++) {
        char id[ID_SIZE];
        snprintf(id, sizeof id, "%032x", i);
        put(s, "new", id, id);
    }
}

/* ---- the order ---- */

static void an_event_and_its_mail(void **state)
{
    put(*state, "new", WAITS, WAITS);
    assert_int_equal(pass(), 0);
    ASSERT_ORDER("move tmp/x out/" MAILED, "sync all", "move new/" WAITS " done/" WAITS);
    ASSERT_ORDER("move tmp/x out/" MAILED, "sync all", "mode 0760 out/" MAILED,
        "name Maildir/tmp/* Maildir/new/*", "move out/" MAILED " sent/" MAILED, "sync sent",
        "sync out");
    assert_all_sent(*state);
}

/* What was decided is on the disk before anything is built upon it. The first sync of a ledger may
 * be that of its file's head, so it is the second batch that shows. */
static void the_ledger_comes_first(void **state)
{
    put_many(*state);
    assert_int_equal(pass(), 0);
    ASSERT_ORDER("sync ledger.db-wal", "move tmp/x out/*0-*", "sync all", "move new/*0 done/*0",
        "sync ledger.db-wal", "move tmp/x out/*40-*", "sync all", "move new/*40 done/*40");
}

/* Its name in done/ may be left from a run that died; the duplicate goes only after its sync. */
static void a_late_duplicate(void **state)
{
    put(*state, "done", LATE, LATE);
    put(*state, "new", LATE, LATE);
    assert_int_equal(pass(), 0);
    ASSERT_ORDER("sync all", "remove new/" LATE);
    assert_all_sent(*state);
}

static void a_held_event_that_is_done(void **state)
{
    put(*state, "done", HELD, HELD);
    put(*state, "held", HELD, HELD);
    assert_int_equal(pass(), 0);
    ASSERT_ORDER("sync done", "remove held/" HELD);
    assert_all_sent(*state);
}

static void a_replay(void **state)
{
    put(*state, "replay", "x", AGAIN);
    assert_int_equal(pass(), 0);
    ASSERT_ORDER("name replay/x replay/" AGAIN ".*", "sync replay",
        "move tmp/x out/" AGAIN ".*" OWNER, "sync all", "move replay/" AGAIN ".* done/" AGAIN,
        "move out/" AGAIN ".*" OWNER " sent/*");
    assert_all_sent(*state);
}

/* Within one second, or after the clock went back: another replay_number, else nothing would be
 * made.
 */
static void a_replay_number_that_is_taken(void **state)
{
    enum { TAKEN = 60 };
    int64_t now = clock_now() / MS_PER_SECOND;
    for (int i = 0; i < TAKEN; i++) {
        char mail[MAIL_NAME_SIZE];
        snprintf(mail, sizeof mail, AGAIN ".%lld" OWNER, (long long)now + i);
        put(*state, i % 2 ? "sent" : "failed", mail, AGAIN);
    }
    put(*state, "replay", "x", AGAIN);
    assert_int_equal(pass(), 0);
    ASSERT_ORDER("move tmp/x out/" AGAIN ".*" OWNER, "move out/" AGAIN ".*" OWNER " sent/*");
}

static void an_event_that_became_intact(void **state)
{
    put(*state, "bad", WAITS, WAITS);
    assert_int_equal(pass(), 0);
    ASSERT_ORDER("name bad/" WAITS " new/" WAITS, "sync all", "move new/" WAITS " done/" WAITS);
    put(*state, "bad", LATE, LATE);
    scratch_write(*state, "new/" LATE, "torn", 4);
    calls_clear();
    assert_int_equal(pass(), 0);
    ASSERT_ORDER("sync tmp/x", "move tmp/x new/" LATE, "remove bad/" LATE, "sync all",
        "move new/" LATE " done/" LATE);
    assert_int_equal(scratch_count(*state, DIR_SENT), 2);
}

static void the_probe_comes_first(void **state)
{
    put(*state, "new", WAITS, WAITS);
    calls.failing = "move out/.probe sent/.probe";
    assert_int_equal(pass(), RUN_IO_FAILED);
    assert_never("move tmp/x out/" MAILED);
    assert_never("mode *");
}

/* The half of a move, arrived just now: it stays in new/, and no mail is made. */
static void put_half_of_a_move(struct scratch *s)
{
    struct buf body = {0}, file = {0};
    struct record record = {
        .kind = RECORD_EVENT, .provider = PROVIDER_CALENDLY, .received = clock_now()};
    body_read("calendly/invitee_canceled_moved.json", &body);
    memcpy(record.id, WAITS, ID_SIZE);
    record.body = body.data;
    record.length = body.len;
    assert_true(record_encode(&record, &file));
    scratch_write(s, "new/" WAITS, file.data, file.len);
    buf_free(&body);
    buf_free(&file);
}

static void an_event_that_waits_for_its_partner(void **state)
{
    struct scratch *s = *state;
    struct spool_file file;
    put_half_of_a_move(s);
    assert_int_equal(pass(), 0);
    assert_never("move tmp/x out/" MAILED);
    assert_true(spool_read(&s->spool, DIR_NEW, WAITS, &file));
    assert_true(file.mtime > clock_now());
    assert_true(queue_set_time(&s->spool, DIR_NEW, WAITS, clock_now()));
    spool_file_free(&file);
    assert_int_equal(pass(), 0); /* looked at early, it waits on */
    assert_true(spool_exists(&s->spool, DIR_NEW, WAITS));
    assert_int_equal(scratch_count(s, DIR_DONE), 0);
}

/* ---- renames to sent/ ---- */

static unsigned count(const char *pattern)
{
    unsigned found = 0;
    for (const char *at = calls.text; (at = calls_find(at, pattern));)
        found++;
    return found;
}

/* What a power cut could send again is bounded: by 64 mails, */
static void many_mails_are_synced_on_the_way(void **state)
{
    put_many(*state);
    assert_int_equal(pass(), 0);
    assert_int_equal(count("move out/* sent/*-*"), MAILS);
    assert_in_range(count("sync sent"), 2, MAILS); /* more where a second is over */
}

/* and by a second. */
static void a_slow_mail_is_not_waited_for(void **state)
{
    struct scratch *s = *state;
    struct run run = {.spool = s->spool};
    struct outbox outbox = {
        .run = &run, .unsynced = 1, .first_unsynced = clock_monotonic() + MS_PER_DAY};
    assert_int_equal(outbox_sync_due(&outbox), RUN_GOES_ON);
    assert_calls("");
    outbox.first_unsynced = clock_monotonic() - MS_PER_SECOND;
    assert_int_equal(outbox_sync_due(&outbox), RUN_GOES_ON);
    assert_calls("sync sent\nsync out\n");
}

/* ---- failures ---- */

static void assert_ends(const char *failing, unsigned spared)
{
    calls_clear();
    calls.failing = failing;
    calls.spared = spared;
    assert_int_equal(pass(), RUN_IO_FAILED);
    assert_null(calls.failing);
}

/* The kernel may go on showing the mails intact, and never report again that they are not on the
 * disk.
 */
static void a_batch_that_is_not_synced(void **state)
{
    put(*state, "new", WAITS, WAITS);
    put(*state, "replay", "x", AGAIN);
    assert_ends("sync all", 1);
    assert_int_equal(scratch_count(*state, DIR_OUT), 0);
    assert_int_equal(scratch_count(*state, DIR_NEW), 1);
    assert_ends("sync all", 2);
    assert_int_equal(scratch_count(*state, DIR_OUT), 1); /* of the batch before */
    assert_int_equal(scratch_count(*state, DIR_REPLAY), 1);
    assert_never("mode *");
    assert_int_equal(pass(), 0);
    assert_int_equal(scratch_count(*state, DIR_SENT), 2);
    assert_all_sent(*state);
}

/* Reported again, it is the same event, not a repeated fact. */
static void a_ledger_that_is_not_synced(void **state)
{
    make_ledger(*state);
    put(*state, "new", WAITS, WAITS);
    assert_ends("sync ledger.db-wal", 0);
    assert_never("move tmp/x out/" MAILED);
    assert_int_equal(scratch_count(*state, DIR_NEW), 1);
    assert_int_equal(pass(), 0);
    assert_int_equal(scratch_count(*state, DIR_SENT), 2);
    assert_all_sent(*state);
}

static void each_other_sync_ends_the_run(void **state)
{
    static const char *const syncs[] = {"sync all", "sync tmp/x", "sync replay"};
    put(*state, "new", WAITS, WAITS);
    put(*state, "replay", "x", AGAIN);
    for (size_t i = 0; i < sizeof syncs / sizeof *syncs; i++) {
        assert_ends(syncs[i], 0);
        assert_never("mode *");
    }
    assert_ends("sync sent", 0);
    assert_int_equal(scratch_count(*state, DIR_SENT), 2);
    assert_int_equal(pass(), 0);
    assert_all_sent(*state);
}

/* It was accepted: the next run must know, and only rename it. */
static void a_mail_that_cannot_be_renamed(void **state)
{
    put(*state, "new", WAITS, WAITS);
    assert_ends("move out/" MAILED " sent/*", 0);
    ASSERT_ORDER(
        "name Maildir/tmp/* Maildir/new/*", "move out/" MAILED " sent/" MAILED, "sync out/" MAILED);
    struct spool_file file;
    struct scratch *s = *state;
    assert_true(spool_read(&s->spool, DIR_OUT, MAILED, &file));
    assert_int_equal(file.mode & 07777, SPOOL_FILE_MODE | QUEUE_UNKNOWN | QUEUE_SENT);
    spool_file_free(&file);
    calls_clear();
    assert_int_equal(pass(), 0);
    assert_never("name Maildir/tmp/* *");
    assert_int_equal(scratch_count(s, DIR_SENT), 1);
    assert_all_sent(s);
}

/* ---- recipients ---- */

/* ---- both names of a rename, after a power cut ---- */

/* Sent once, by the run that the power cut ended: by no other. */
static void a_mail_in_out_and_in_sent(void **state)
{
    struct scratch *s = *state;
    put(s, "new", WAITS, WAITS);
    assert_int_equal(pass(), 0);
    scratch_link(s, "sent/" MAILED, "out/" MAILED);
    calls_clear();
    assert_int_equal(pass(), 0);
    assert_never("name Maildir/tmp/* *");
    ASSERT_ORDER("remove out/" MAILED, "sync sent", "sync out");
    assert_int_equal(scratch_count(s, DIR_SENT), 1);
    assert_all_sent(s);
}

/* Its event came back too: a copy of the mail would be another file, and be sent. */
static void and_its_event_in_new(void **state)
{
    struct scratch *s = *state;
    put(s, "new", WAITS, WAITS);
    assert_int_equal(pass(), 0);
    scratch_link(s, "sent/" MAILED, "out/" MAILED);
    assert_true(spool_move(&s->spool, DIR_DONE, WAITS, DIR_NEW, WAITS));
    calls_clear();
    assert_int_equal(pass(), 0);
    assert_never("name Maildir/tmp/* *");
    assert_all_sent(s);
}

/* It was given up once, and is sent now. */
static void a_mail_in_out_and_in_failed(void **state)
{
    struct scratch *s = *state;
    put(s, "new", WAITS, WAITS);
    assert_int_equal(pass(), 0);
    assert_true(spool_move(&s->spool, DIR_SENT, MAILED, DIR_FAILED, MAILED));
    scratch_link(s, "failed/" MAILED, "out/" MAILED);
    scratch_write(s, "failed/" MAILED ".why", "why\n", 4);
    assert_int_equal(pass(), 0);
    assert_int_equal(scratch_count(s, DIR_SENT), 1);
    assert_all_sent(s);
}

/* In done/ and where it came from: what is left is the name in done/. */
static void an_event_with_two_names(void **state)
{
    struct scratch *s = *state;
    put(s, "new", WAITS, WAITS);
    assert_int_equal(pass(), 0);
    scratch_link(s, "done/" WAITS, "replay/" WAITS ".1700000000");
    assert_int_equal(pass(), 0);
    assert_int_equal(scratch_count(s, DIR_SENT), 2);
    assert_all_sent(s);
    scratch_link(s, "done/" WAITS, "bad/" WAITS);
    scratch_write(s, "bad/" WAITS ".why", "why\n", 4);
    assert_int_equal(pass(), 0);
    assert_all_sent(s);
    scratch_link(s, "done/" WAITS, "new/" WAITS);
    scratch_link(s, "done/" WAITS, "held/" WAITS);
    assert_int_equal(pass(), 0);
    assert_all_sent(s);
    assert_int_equal(scratch_count(s, DIR_HELD), 0);
    assert_true(spool_exists(&s->spool, DIR_DONE, WAITS));
}

static unsigned mails_made(const char *recipients)
{
    calls_clear();
    setenv("BOOKSPOOL_MAIL_TO", recipients, 1);
    assert_int_equal(pass(), 0);
    return count("move tmp/x out/" WAITS "-*");
}

/* A run died, the settings changed: no recipient is skipped, and none gets a mail twice. */
static void a_changed_list_of_recipients(void **state)
{
    put(*state, "new", WAITS, WAITS);
    assert_int_equal(mails_made("a@example.org, owner@example.org"), 2);
    put(*state, "new", WAITS, WAITS);
    struct scratch *s = *state;
    assert_true(spool_remove(&s->spool, DIR_DONE, WAITS));
    assert_int_equal(mails_made("OWNER@example.org, c@example.org"), 1);
    assert_int_equal(scratch_count(s, DIR_SENT), 3);
    assert_true(spool_exists(&s->spool, DIR_SENT, MAILED));
}

/* ---- the agenda ---- */

/* Due at half past midnight of a zone where it is past one o'clock now. */
static void want_agenda(struct scratch *s)
{
    char text[300];
    int hour = (int)(clock_now() / MS_PER_SECOND / 3600 % 24), east = 1 - hour;
    if (east < -12)
        east += 24;
    snprintf(text, sizeof text,
        "BOOKSPOOL_MAIL_TO=owner@example.org\nBOOKSPOOL_MAIL_FROM=bookspool@example.org\n"
        "BOOKSPOOL_AGENDA=00:30 always\nBOOKSPOOL_TIMEZONE=Etc/GMT%+d\n",
        -east);
    scratch_settings(s, text);
}

/* Its mail is on the disk before the ledger says that it was made, and both before it is sent. */
static void an_agenda(void **state)
{
    make_ledger(*state);
    want_agenda(*state);
    calls_clear();
    assert_int_equal(pass(), 0);
    ASSERT_ORDER(
        "move tmp/x out/*" OWNER, "sync all", "sync ledger.db-wal", "move out/*" OWNER " sent/*");
    assert_int_equal(scratch_count(*state, DIR_SENT), 2);
    calls_clear();
    assert_int_equal(pass(), 0);
    assert_never("move tmp/x out/*" OWNER);
    assert_all_sent(*state);
}

/* After a sync that failed it is not in out/, where the next run would trust it, and not marked. */
static void an_agenda_that_is_not_synced(void **state)
{
    make_ledger(*state);
    want_agenda(*state);
    assert_ends("sync all", 1);
    assert_int_equal(scratch_count(*state, DIR_OUT), 0);
    assert_never("sync ledger.db-wal");
    assert_int_equal(pass(), 0);
    assert_int_equal(scratch_count(*state, DIR_SENT), 2);
    assert_all_sent(*state);
}

/* Its mail goes all the same, and is known by sent/ when the mark is made. */
static void an_agenda_whose_mark_is_not_synced(void **state)
{
    make_ledger(*state);
    want_agenda(*state);
    assert_ends("sync ledger.db-wal", 0);
    assert_int_equal(pass(), 0);
    assert_int_equal(scratch_count(*state, DIR_SENT), 2);
    assert_all_sent(*state);
}

/* What events cannot be composed now may be bookings of the day. */
static void an_agenda_waits_for_events(void **state)
{
    make_ledger(*state);
    want_agenda(*state);
    put(*state, "new", WAITS, WAITS);
    assert_ends("move tmp/x out/" MAILED, 0);
    assert_int_equal(scratch_count(*state, DIR_OUT), 0);
    assert_int_equal(scratch_count(*state, DIR_SENT), 1);
    assert_int_equal(pass(), 0);
    assert_int_equal(scratch_count(*state, DIR_SENT), 3);
    assert_all_sent(*state);
}

static int group_up(void **state)
{
    (void)state;
    message_setup();
    return 0;
}

int main(void)
{
#define PASS_TEST(f) cmocka_unit_test_setup_teardown(f, up, scratch_down)
    const struct CMUnitTest tests[] = {
        PASS_TEST(an_event_and_its_mail),
        PASS_TEST(the_ledger_comes_first),
        PASS_TEST(a_late_duplicate),
        PASS_TEST(a_held_event_that_is_done),
        PASS_TEST(a_replay),
        PASS_TEST(a_replay_number_that_is_taken),
        PASS_TEST(an_event_that_became_intact),
        PASS_TEST(an_event_that_waits_for_its_partner),
        PASS_TEST(the_probe_comes_first),
        PASS_TEST(many_mails_are_synced_on_the_way),
        PASS_TEST(a_slow_mail_is_not_waited_for),
        PASS_TEST(a_batch_that_is_not_synced),
        PASS_TEST(a_ledger_that_is_not_synced),
        PASS_TEST(each_other_sync_ends_the_run),
        PASS_TEST(a_mail_that_cannot_be_renamed),
        PASS_TEST(a_mail_in_out_and_in_sent),
        PASS_TEST(and_its_event_in_new),
        PASS_TEST(a_mail_in_out_and_in_failed),
        PASS_TEST(an_event_with_two_names),
        PASS_TEST(a_changed_list_of_recipients),
        PASS_TEST(an_agenda),
        PASS_TEST(an_agenda_that_is_not_synced),
        PASS_TEST(an_agenda_whose_mark_is_not_synced),
        PASS_TEST(an_agenda_waits_for_events),
    };
    return cmocka_run_group_tests(tests, group_up, NULL);
}
