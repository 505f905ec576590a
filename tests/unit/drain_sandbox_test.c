/* The drain's sandbox: what is forbidden is tried in it, and what it needs works. */
#include "attempts.h"

#include <net/if.h>

#include "drain/sandbox.h"

static bool enter(struct scratch *s, const struct conf *conf)
{
    struct buf why = {0};
    (void)s;
    bool ok = sandbox_enter(conf, false, &why);
    fputs(buf_text(&why), stderr);
    buf_free(&why);
    return ok;
}

static int in_it(void **state, attempt *tried)
{
    return attempt_as(*state, CONF_DRAIN, enter, tried);
}

static void runs_nothing_and_reaches_no_process(void **state)
{
    attempt_or_skip();
    assert_int_equal(in_it(state, try_exec), ENOSYS);
    assert_int_equal(in_it(state, try_namespace), ENOSYS);
    assert_int_equal(in_it(state, try_code), ENOSYS);
    assert_int_equal(in_it(state, try_code_later), ENOSYS);
    assert_int_equal(in_it(state, try_device), ENOSYS);
    assert_int_equal(in_it(state, try_fork), 0);
    if (landlock_abi() >= 6)
        assert_int_equal(in_it(state, try_kill), EPERM);
    if (limits_sanitized()) /* its search for leaks needs these */
        return;
    assert_int_equal(in_it(state, try_ptrace), ENOSYS);
    assert_int_equal(in_it(state, try_read_memory), ENOSYS);
}

/* What getaddrinfo asks for fe80::1%lo. */
static int try_zone(struct scratch *s)
{
    (void)s;
    return error_of(if_nametoindex("lo") ? 0 : -1);
}

static void connects_and_does_not_listen(void **state)
{
    attempt_or_skip();
    assert_int_equal(in_it(state, try_zone), 0);
    assert_int_equal(in_it(state, try_internet), 0);
    int error = in_it(state, try_listen);
    assert_true(error == EACCES || error == ENOSYS);
}

static void reaches_only_its_files(void **state)
{
    attempt_or_skip();
    assert_int_equal(in_it(state, try_spool), 0);
    assert_int_equal(in_it(state, try_state), 0);
    assert_int_equal(in_it(state, try_passwords), EACCES);
    assert_int_equal(in_it(state, try_elsewhere), EACCES);
}

static int make_maildir(struct scratch *s)
{
    char path[128];
    snprintf(path, sizeof path, "%s-mail/Maildir", s->path);
    return error_of(mkdir(path, 0700));
}

/* A Maildir that is not there yet is made in the folder that is. */
static void reaches_its_maildir(void **state)
{
    attempt_or_skip();
    struct scratch *s = *state;
    char folder[128], maildir[160], setting[200];
    snprintf(folder, sizeof folder, "%s-mail", s->path);
    snprintf(maildir, sizeof maildir, "%s/Maildir", folder);
    snprintf(setting, sizeof setting, "BOOKSPOOL_TRANSPORT=maildir:%s", maildir);
    assert_int_equal(mkdir(folder, 0700), 0);
    assert_int_equal(in_it(state, make_maildir), EACCES);
    attempt_setting = setting;
    assert_int_equal(in_it(state, make_maildir), 0);
    attempt_setting = "";
    assert_int_equal(rmdir(maildir), 0);
    assert_int_equal(rmdir(folder), 0);
}

static void has_limits(void **state)
{
    attempt_or_skip();
    assert_int_equal(in_it(state, try_core), 0);
    assert_int_equal(in_it(state, try_large_file), EFBIG);
    if (!limits_sanitized())
        assert_int_equal(in_it(state, try_much_memory), ENOMEM);
}

static void can_be_switched_off(void **state)
{
    attempt_setting = "BOOKSPOOL_SANDBOX=off";
    assert_int_equal(in_it(state, try_passwords), 0);
    assert_int_equal(in_it(state, try_core), 0); /* this has no reason to be off */
    attempt_setting = "";
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            runs_nothing_and_reaches_no_process, scratch_up, scratch_down),
        cmocka_unit_test_setup_teardown(connects_and_does_not_listen, scratch_up, scratch_down),
        cmocka_unit_test_setup_teardown(reaches_only_its_files, scratch_up, scratch_down),
        cmocka_unit_test_setup_teardown(reaches_its_maildir, scratch_up, scratch_down),
        cmocka_unit_test_setup_teardown(has_limits, scratch_up, scratch_down),
        cmocka_unit_test_setup_teardown(can_be_switched_off, scratch_up, scratch_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
