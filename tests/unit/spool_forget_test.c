/* What forgetting a person does to the spool, and in which order it is durable. */
#include "calls.h"

#include "base/clock.h"
#include "spool/accept.h"
#include "spool/forget.h"
#include "spool/queue.h"

#define ID   "0123456789abcdef0123456789abcdef"
#define MAIL ID "-aaaaaaaaaaaa"

static int up(void **state)
{
    int rc = scratch_up(state);
    calls_clear();
    return rc;
}

static void write_event(struct scratch *s, const char *name)
{
    struct buf file = {0};
    scratch_event(ID, "{\"email\":\"ann@example.org\"}", &file);
    scratch_write(s, name, file.data, file.len);
    buf_free(&file);
}

static void forget_done(struct scratch *s)
{
    struct spool_file file;
    assert_true(spool_read(&s->spool, DIR_DONE, ID, &file));
    assert_true(forget_body(&s->spool, ID, &file, INT64_C(1800000000000)));
    spool_file_free(&file);
}

static void keeps_name_and_time(void **state)
{
    struct scratch *s = *state;
    struct spool_file file;
    write_event(s, "done/" ID);
    assert_true(queue_set_time(&s->spool, DIR_DONE, ID, INT64_C(1700000000123)));
    forget_done(s);
    assert_true(spool_read(&s->spool, DIR_DONE, ID, &file));
    assert_null(file.torn);
    assert_int_equal(file.mtime, INT64_C(1700000000123));
    assert_string_equal(file.record.id, ID);
    assert_string_equal(file.record.event, "BOOKING_CREATED");
    assert_int_equal(file.record.received, INT64_C(1800000000123));
    assert_int_equal(file.record.forgotten, INT64_C(1800000000000));
    assert_int_equal(file.record.length, 0);
    assert_string_equal(file.record.signature, "");
    assert_null(strstr(buf_text(&file.data), "ann"));
    assert_string_equal(queue_objection(&file, RECORD_EVENT, ID), RECORD_FORGOTTEN);
    spool_file_free(&file);
    assert_int_equal(scratch_count(s, DIR_TMP), 0);
}

/* A retry of the provider while, and after, its body goes. */
static void is_known(void **state)
{
    struct scratch *s = *state;
    struct accept_batch batch;
    struct buf retry = {0};
    write_event(s, "done/" ID);
    forget_done(s);
    accept_init(&batch, &s->spool, false, 0, 0);
    scratch_event(ID, "{\"email\":\"ann@example.org\"}", &retry);
    assert_int_equal(accept_put(&batch, ID, &retry), ACCEPT_DUPLICATE);
    assert_true(accept_sync(&batch));
    assert_int_equal(scratch_count(s, DIR_NEW), 0);
    buf_free(&retry);
}

/* done/ID never disappears, and its memory is durable before a mail goes that would be made again.
 */
static void in_order(void **state)
{
    struct scratch *s = *state;
    write_event(s, "done/" ID);
    scratch_write(s, "sent/" MAIL, "x", 1);
    assert_true(forget_begin(&s->spool));
    assert_true(forget_file(&s->spool, DIR_SENT, MAIL));
    forget_done(s);
    assert_true(forget_end(&s->spool));
    ASSERT_ORDER("sync all", "remove sent/" MAIL, "sync tmp/x", "move tmp/x done/" ID, "sync done");
    assert_never("remove done/*");
}

static void a_failed_sync_is_reported(void **state)
{
    static const char *const failing[] = {"sync tmp/x", "move tmp/x done/*"};
    struct scratch *s = *state;
    struct spool_file file;
    write_event(s, "done/" ID);
    calls.failing = "sync all";
    assert_false(forget_begin(&s->spool));
    for (size_t i = 0; i < sizeof failing / sizeof *failing; i++) {
        assert_true(spool_read(&s->spool, DIR_DONE, ID, &file));
        calls.failing = failing[i];
        assert_false(forget_body(&s->spool, ID, &file, 1));
        spool_file_free(&file);
        assert_int_equal(scratch_count(s, DIR_TMP), 0);
        assert_int_equal(scratch_count(s, DIR_DONE), 1);
    }
    calls.failing = "sync done";
    assert_false(forget_end(&s->spool));
}

/* The reason goes first: without it the mail is found by the next call, but not without the mail.
 */
static void the_reason_goes_first(void **state)
{
    struct scratch *s = *state;
    scratch_write(s, "failed/" MAIL, "x", 1);
    scratch_write(s, "failed/" MAIL ".why", "y", 1);
    assert_true(forget_file(&s->spool, DIR_FAILED, MAIL));
    assert_calls("remove failed/" MAIL ".why\nremove failed/" MAIL "\n");
    assert_true(forget_file(&s->spool, DIR_FAILED, MAIL)); /* gone */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(keeps_name_and_time, up, scratch_down),
        cmocka_unit_test_setup_teardown(is_known, up, scratch_down),
        cmocka_unit_test_setup_teardown(in_order, up, scratch_down),
        cmocka_unit_test_setup_teardown(a_failed_sync_is_reported, up, scratch_down),
        cmocka_unit_test_setup_teardown(the_reason_goes_first, up, scratch_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
