/* The receiver's sandbox: what is forbidden is tried in it, and what it needs works. */
#include "attempts.h"

#include "receive/sandbox.h"

static bool enter(struct scratch *s, const struct conf *conf)
{
    struct buf why = {0};
    (void)s;
    bool ok = sandbox_enter(conf, NULL, &why);
    fputs(buf_text(&why), stderr);
    buf_free(&why);
    return ok;
}

static bool begin(struct scratch *s, const struct conf *conf)
{
    (void)s, (void)conf;
    sandbox_begin();
    return true;
}

static int in_it(void **state, attempt *tried)
{
    return attempt_as(*state, CONF_RECEIVE, enter, tried);
}

static void runs_nothing_and_reaches_nobody(void **state)
{
    attempt_or_skip();
    assert_int_equal(in_it(state, try_exec), ENOSYS);
    assert_int_equal(in_it(state, try_read_memory), ENOSYS);
    assert_int_equal(in_it(state, try_internet), ENOSYS);
    assert_int_equal(in_it(state, try_listen), ENOSYS);
    assert_int_equal(in_it(state, try_code), ENOSYS);
    assert_int_equal(in_it(state, try_code_later), ENOSYS);
    assert_int_equal(in_it(state, try_device), ENOSYS);
    if (limits_sanitized()) /* its search for leaks needs these */
        return;
    assert_int_equal(in_it(state, try_fork), ENOSYS);
    assert_int_equal(in_it(state, try_ptrace), ENOSYS);
    assert_int_equal(in_it(state, try_kill), ENOSYS);
}

static void reaches_only_its_files(void **state)
{
    attempt_or_skip();
    assert_int_equal(in_it(state, try_spool), 0);
    assert_int_equal(in_it(state, try_state), 0);
    assert_int_equal(in_it(state, try_passwords), EACCES);
    assert_int_equal(in_it(state, try_elsewhere), EACCES);
}

static void first_stage_allows_settings_and_no_program(void **state)
{
    attempt_or_skip();
    struct scratch *s = *state;
    assert_int_equal(attempt_as(s, CONF_RECEIVE, begin, try_passwords), 0);
    assert_int_equal(attempt_as(s, CONF_RECEIVE, begin, try_settings), 0);
    assert_int_equal(attempt_as(s, CONF_RECEIVE, begin, try_spool), 0);
    assert_int_equal(attempt_as(s, CONF_RECEIVE, begin, try_exec), EACCES);
    assert_int_equal(attempt_as(s, CONF_RECEIVE, begin, try_core), 0);
}

static void has_limits(void **state)
{
    attempt_or_skip();
    assert_int_equal(in_it(state, try_core), 0);
    assert_int_equal(in_it(state, try_large_file), EFBIG);
    if (!limits_sanitized())
        assert_int_equal(in_it(state, try_much_memory), ENOMEM);
}

static int unknown_call(struct scratch *s)
{
    (void)s;
    return error_of(syscall(1000)) + error_of(syscall(1000));
}

static void says_what_it_refused(void **state)
{
    attempt_or_skip();
    assert_int_equal(in_it(state, try_exec), ENOSYS);
    assert_non_null(strstr(attempt_said, "bookspool-fcgi: sandbox-refused: system call "));
    assert_non_null(strstr(attempt_said, "(execve)"));
    assert_non_null(strstr(attempt_said, "BOOKSPOOL_SANDBOX=off"));
    assert_int_equal(in_it(state, unknown_call), 2 * ENOSYS);
    const char *first = strstr(attempt_said, "system call 1000 (unknown)");
    assert_non_null(first);
    assert_null(strstr(first + 1, "sandbox-refused")); /* once */
}

static void can_be_switched_off(void **state)
{
    attempt_setting = "BOOKSPOOL_SANDBOX=off";
    assert_int_equal(in_it(state, try_passwords), 0);
    assert_int_equal(in_it(state, try_internet), 0);
    assert_int_equal(in_it(state, try_core), 0); /* this has no reason to be off */
    assert_non_null(strstr(attempt_said, "sandbox-off"));
    attempt_setting = "";
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(runs_nothing_and_reaches_nobody, scratch_up, scratch_down),
        cmocka_unit_test_setup_teardown(reaches_only_its_files, scratch_up, scratch_down),
        cmocka_unit_test_setup_teardown(
            first_stage_allows_settings_and_no_program, scratch_up, scratch_down),
        cmocka_unit_test_setup_teardown(has_limits, scratch_up, scratch_down),
        cmocka_unit_test_setup_teardown(says_what_it_refused, scratch_up, scratch_down),
        cmocka_unit_test_setup_teardown(can_be_switched_off, scratch_up, scratch_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
