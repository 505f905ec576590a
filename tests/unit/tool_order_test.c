/* What the operator's tool makes durable before what. */
#include "calls.h"

#include "base/clock.h"
#include "tool/tool.h"

#define ID "0123456789abcdef0123456789abcdef"

static int up(void **state)
{
    if (scratch_up(state) != 0)
        return -1;
    scratch_settings(*state, "");
    struct buf file = {0};
    scratch_event(ID, "{}", &file);
    scratch_write(*state, "held/" ID, file.data, file.len);
    buf_free(&file);
    calls_clear();
    return 0;
}

static int release(void)
{
    struct tool tool = {.command = &command_release, .now = clock_now()};
    char name[] = "release", id[] = ID;
    char *argv[] = {name, id, NULL};
    int code = command_release.run(&tool, 2, argv);
    spool_close(&tool.spool);
    conf_free(&tool.conf);
    return code;
}

/* The name that it gains first: a power cut between the two must not lose both. */
static void releasing(void **state)
{
    assert_int_equal(release(), 0);
    ASSERT_ORDER("name held/" ID " new/" ID, "sync new", "sync held");
    assert_int_equal(scratch_count(*state, DIR_NEW), 1);
}

static void a_release_that_is_not_synced(void **state)
{
    static const char *const syncs[] = {"sync new", "sync held"};
    for (size_t i = 0; i < sizeof syncs / sizeof *syncs; i++) {
        struct scratch *s = *state;
        calls.failing = syncs[i];
        assert_int_not_equal(release(), 0);
        assert_null(calls.failing);
        assert_true(spool_exists(&s->spool, DIR_NEW, ID));
        assert_true(spool_move(&s->spool, DIR_NEW, ID, DIR_HELD, ID));
    }
}

int main(void)
{
#define TOOL_TEST(f) cmocka_unit_test_setup_teardown(f, up, scratch_down)
    const struct CMUnitTest tests[] = {
        TOOL_TEST(releasing),
        TOOL_TEST(a_release_that_is_not_synced),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
