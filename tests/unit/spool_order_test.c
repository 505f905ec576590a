/* What is made durable before what: each step of the spool as the calls that it makes. */
#include "calls.h"

#include "base/clock.h"
#include "spool/accept.h"
#include "spool/queue.h"
#include "spool/replay.h"

#define ID   "0123456789abcdef0123456789abcdef"
#define KEY2 "fedcba9876543210fedcba9876543210"
#define MAIL ID "-aaaaaaaaaaaa"

static int up(void **state)
{
    int rc = scratch_up(state);
    calls_clear();
    return rc;
}

static struct accept_batch batch_of(struct scratch *s, bool fsync_each)
{
    struct accept_batch batch;
    accept_init(&batch, &s->spool, fsync_each, 0, 0);
    batch.fsync_each = fsync_each; /* whatever this kernel reports */
    return batch;
}

static enum accept_result put(struct accept_batch *batch, const char *id)
{
    struct buf file = {0};
    scratch_event(id, "{}", &file);
    enum accept_result result = accept_put(batch, id, &file);
    buf_free(&file);
    return result;
}

static void write_event(struct scratch *s, const char *name, const char *id)
{
    struct buf file = {0};
    scratch_event(id, "{}", &file);
    scratch_write(s, name, file.data, file.len);
    buf_free(&file);
}

/* ---- the receiver ---- */

static void one_event(void **state)
{
    struct accept_batch batch = batch_of(*state, false);
    assert_int_equal(put(&batch, ID), ACCEPT_STORED);
    assert_true(accept_sync(&batch));
    assert_calls("name tmp/x new/" ID "\nsync new/" ID "\nsync new\n");
}

static void a_batch(void **state)
{
    struct accept_batch batch = batch_of(*state, false);
    assert_int_equal(put(&batch, ID), ACCEPT_STORED);
    assert_int_equal(put(&batch, KEY2), ACCEPT_STORED);
    assert_true(accept_sync(&batch));
    assert_calls("name tmp/x new/" ID "\nname tmp/x new/" KEY2 "\nsync all\n");
}

static void a_batch_where_syncfs_reports_nothing(void **state)
{
    struct accept_batch batch = batch_of(*state, true);
    assert_int_equal(put(&batch, ID), ACCEPT_STORED);
    assert_int_equal(put(&batch, KEY2), ACCEPT_STORED);
    assert_true(accept_sync(&batch));
    assert_calls("name tmp/x new/" ID "\nname tmp/x new/" KEY2 "\n"
                 "sync new/" ID "\nsync new/" KEY2 "\nsync new\n");
}

static void a_duplicate_of_what_is_done(void **state)
{
    struct accept_batch batch = batch_of(*state, false);
    write_event(*state, "done/" ID, ID);
    assert_int_equal(put(&batch, ID), ACCEPT_DUPLICATE);
    assert_true(accept_sync(&batch));
    assert_calls("sync new\nsync done\n");
}

/* The file that is there may be durable, and the reason for a 200: it is replaced by nothing less.
 */
static void a_name_met_in_new(void **state)
{
    struct accept_batch batch = batch_of(*state, false);
    write_event(*state, "new/" ID, ID);
    assert_int_equal(put(&batch, ID), ACCEPT_DUPLICATE);
    assert_true(accept_sync(&batch));
    assert_calls("name tmp/x new/" ID "\nsync tmp/x\nmove tmp/x new/" ID "\nsync new\n");
}

/* A provider that repeats all it got no answer for: two syncs for all of it. */
static void a_batch_of_names_met_in_new(void **state)
{
    struct accept_batch batch = batch_of(*state, false);
    write_event(*state, "new/" ID, ID);
    assert_int_equal(put(&batch, ID), ACCEPT_DUPLICATE);
    assert_int_equal(put(&batch, KEY2), ACCEPT_STORED);
    assert_int_equal(put(&batch, KEY2), ACCEPT_DUPLICATE);
    assert_true(accept_sync(&batch));
    assert_calls(
        "name tmp/x new/" ID "\nname tmp/x new/" KEY2 "\nname tmp/x new/" KEY2 "\nsync all\n"
        "move tmp/x new/" ID "\nmove tmp/x new/" KEY2 "\nsync new\n");
    assert_int_equal(scratch_count(*state, DIR_TMP), 0);
}

static void a_batch_that_replaces_nothing(void **state)
{
    static const char *const failing[] = {"sync all", "move tmp/x new/*", "sync new"};
    for (size_t i = 0; i < sizeof failing / sizeof *failing; i++) {
        struct accept_batch batch = batch_of(*state, false);
        put(&batch, ID), put(&batch, ID), put(&batch, ID);
        calls_clear();
        calls.failing = failing[i];
        assert_false(accept_sync(&batch));
        assert_null(calls.failing);
        assert_never("remove new/*");
        if (i == 0)
            assert_never("move *");
        assert_int_equal(scratch_count(*state, DIR_TMP), 0);
    }
}

static void a_stale_event(void **state)
{
    struct accept_batch batch = batch_of(*state, false);
    struct buf file = {0};
    scratch_event(ID, "{}", &file);
    assert_int_equal(accept_hold(&batch, ID, &file), ACCEPT_STORED);
    buf_free(&file);
    assert_true(accept_sync(&batch));
    assert_calls("name tmp/x held/" ID "\nsync held/" ID "\nsync held\n");
}

static void each_failed_sync_is_reported(void **state)
{
    static const char *const syncs[] = {"sync new/" ID, "sync new"};
    for (size_t i = 0; i < sizeof syncs / sizeof *syncs; i++) {
        struct accept_batch batch = batch_of(*state, false);
        calls_clear();
        put(&batch, ID);
        calls.failing = syncs[i];
        assert_false(accept_sync(&batch));
        assert_null(calls.failing);
        assert_never("remove new/*");
    }
    struct accept_batch batch = batch_of(*state, false);
    put(&batch, ID), put(&batch, KEY2);
    calls.failing = "sync all";
    assert_false(accept_sync(&batch));
    assert_never("remove new/*");
}

/* The kernel reports a failed write only to a process that has the file open. */
static void files_stay_open_until_they_are_synced(void **state)
{
    struct accept_batch batch = batch_of(*state, false);
    put(&batch, ID), put(&batch, KEY2);
    assert_true(accept_sync(&batch));
    assert_int_equal(calls.open, 2);
    put(&batch, ID), put(&batch, KEY2);
    assert_true(accept_sync(&batch));
    assert_int_equal(calls.open, 2);
}

/* ---- the drain ---- */

static void giving_up(void **state)
{
    struct scratch *s = *state;
    write_event(s, "out/" MAIL, ID);
    assert_true(queue_give_up(&s->spool, DIR_OUT, MAIL, DIR_FAILED, "refused"));
    assert_calls("sync tmp/x\nmove tmp/x failed/" MAIL ".why\nsync failed\n"
                 "move out/" MAIL " failed/" MAIL "\n");
}

/* What a receiver puts into new/ meanwhile goes to bad/, and is not removed. */
static void setting_aside_one_that_has_both_names(void **state)
{
    struct scratch *s = *state;
    write_event(s, "new/" ID, ID);
    scratch_link(s, "new/" ID, "bad/" ID);
    calls_clear();
    assert_true(queue_give_up(&s->spool, DIR_NEW, ID, DIR_BAD, "torn"));
    ASSERT_ORDER(
        "sync bad", "move new/" ID " bad/" ID, "remove bad/" ID, "move new/" ID " bad/" ID);
    assert_never("remove new/*");
}

static void a_mark_that_must_last(void **state)
{
    struct scratch *s = *state;
    write_event(s, "out/" MAIL, ID);
    assert_true(queue_mark_durably(&s->spool, DIR_OUT, MAIL, QUEUE_UNKNOWN | QUEUE_SENT));
    assert_calls("sync out/" MAIL "\n");
}

static void adopting(void **state)
{
    struct scratch *s = *state;
    struct spool_file file;
    write_event(s, "out/" MAIL, ID);
    assert_true(spool_read(&s->spool, DIR_OUT, MAIL, &file));
    assert_true(queue_adopt(&s->spool, DIR_OUT, MAIL, &file));
    spool_file_free(&file);
    assert_calls("sync tmp/x\nmove tmp/x out/" MAIL "\n");
}

static void claiming_a_replay(void **state)
{
    struct scratch *s = *state;
    char claimed[MAIL_NAME_SIZE];
    write_event(s, "replay/x", ID);
    assert_true(replay_claim(&s->spool, "x", ID, 1700000000, claimed));
    assert_calls("name replay/x replay/" ID ".1700000000\nsync replay\n");
    calls.failing = "sync replay";
    write_event(s, "replay/x", ID);
    assert_false(replay_claim(&s->spool, "x", ID, 1800000000, claimed));
}

static void asking_for_a_replay(void **state)
{
    struct scratch *s = *state;
    struct buf file = {0};
    scratch_event(ID, "{}", &file);
    assert_true(replay_put(&s->spool, ID, &file));
    buf_free(&file);
    assert_calls("sync tmp/x\nname tmp/x replay/" ID "\nsync replay\n");
}

static void the_probe_tries_all_that_sending_needs(void **state)
{
    struct scratch *s = *state;
    static const char *const needed[] = {
        "sync tmp/x", "move tmp/x out/.probe", "move out/.probe sent/.probe", "remove sent/.probe"};
    for (size_t i = 0; i < sizeof needed / sizeof *needed; i++) {
        calls.failing = needed[i];
        assert_false(queue_probe(&s->spool));
        assert_null(calls.failing);
    }
    assert_true(queue_probe(&s->spool));
}

int main(void)
{
#define ORDER_TEST(f) cmocka_unit_test_setup_teardown(f, up, scratch_down)
    const struct CMUnitTest tests[] = {
        ORDER_TEST(one_event),
        ORDER_TEST(a_batch),
        ORDER_TEST(a_batch_where_syncfs_reports_nothing),
        ORDER_TEST(a_duplicate_of_what_is_done),
        ORDER_TEST(a_name_met_in_new),
        ORDER_TEST(a_batch_of_names_met_in_new),
        ORDER_TEST(a_batch_that_replaces_nothing),
        ORDER_TEST(a_stale_event),
        ORDER_TEST(each_failed_sync_is_reported),
        ORDER_TEST(files_stay_open_until_they_are_synced),
        ORDER_TEST(giving_up),
        ORDER_TEST(setting_aside_one_that_has_both_names),
        ORDER_TEST(a_mark_that_must_last),
        ORDER_TEST(adopting),
        ORDER_TEST(claiming_a_replay),
        ORDER_TEST(asking_for_a_replay),
        ORDER_TEST(the_probe_tries_all_that_sending_needs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
