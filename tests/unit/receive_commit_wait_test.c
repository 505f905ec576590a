/* When a commit waits for more: pure, so every case is a row of times. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "receive/commit_wait.h"

enum { START = 1000000, TOOK = 6000, END = START + TOOK };

/* The last commit answered `count` connections. */
static struct commit_wait after_commit(int count, uint64_t commit[])
{
    struct commit_wait g = {0};
    commit_wait_begin(&g, START - 100);
    commit_wait_committed(&g, START, END);
    for (int i = 0; i < count; i++)
        commit[i] = commit_wait_answered(&g);
    return g;
}

static void nobody_is_waited_for_at_first(void **state)
{
    (void)state;
    struct commit_wait g = {0};
    commit_wait_begin(&g, START);
    assert_int_equal(commit_wait_left(&g, START), 0);
}

static void a_lone_client_never_waits(void **state)
{
    (void)state;
    uint64_t commit[1];
    struct commit_wait g = after_commit(1, commit);
    commit_wait_back(&g, commit[0]);
    commit_wait_begin(&g, END + 50);
    assert_int_equal(commit_wait_left(&g, END + 50), 0);
}

static void those_answered_together_are_waited_for(void **state)
{
    (void)state;
    uint64_t commit[3];
    struct commit_wait g = after_commit(3, commit);
    commit_wait_begin(&g, END + 50);
    commit_wait_back(&g, commit[0]);
    assert_int_equal(commit_wait_left(&g, END + 50), TOOK / 2);
    commit_wait_begin(&g, END + 90); /* the first counts */
    commit_wait_back(&g, commit[1]);
    assert_int_equal(commit_wait_left(&g, END + 150), TOOK / 2 - 100);
    commit_wait_back(&g, commit[2]);
    assert_int_equal(commit_wait_left(&g, END + 150), 0);
}

static void but_not_for_longer_than_half_a_commit(void **state)
{
    (void)state;
    uint64_t commit[2];
    struct commit_wait g = after_commit(2, commit);
    commit_wait_begin(&g, END + 50);
    assert_int_equal(commit_wait_left(&g, END + 49 + TOOK / 2), 1);
    assert_int_equal(commit_wait_left(&g, END + 50 + TOOK / 2), 0);
    assert_int_equal(commit_wait_left(&g, END + 50 + TOOK), 0);
}

static void nor_when_the_burst_is_over(void **state)
{
    (void)state;
    uint64_t commit[2];
    struct commit_wait g = after_commit(2, commit);
    commit_wait_begin(&g, END + TOOK);
    assert_int_equal(commit_wait_left(&g, END + TOOK), TOOK / 2);
    g.began = 0;
    commit_wait_begin(&g, END + TOOK + 1);
    assert_int_equal(commit_wait_left(&g, END + TOOK + 1), 0);
}

static void a_disk_that_hangs_does_not_make_it_longer(void **state)
{
    (void)state;
    struct commit_wait g = {0};
    commit_wait_committed(&g, START, START + 5000000);
    commit_wait_answered(&g);
    commit_wait_begin(&g, START + 5000010);
    assert_int_equal(commit_wait_left(&g, START + 5000010), COMMIT_WAIT_MAX);
}

static void who_was_answered_by_an_earlier_commit_does_not_count(void **state)
{
    (void)state;
    uint64_t commit[2];
    struct commit_wait g = after_commit(2, commit);
    commit_wait_begin(&g, END + 50);
    commit_wait_committed(&g, END + 100, END + 100 + TOOK);
    commit_wait_answered(&g);
    commit_wait_back(&g, commit[0]);
    commit_wait_begin(&g, END + 200 + TOOK);
    assert_int_equal(commit_wait_left(&g, END + 200 + TOOK), TOOK / 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nobody_is_waited_for_at_first),
        cmocka_unit_test(a_lone_client_never_waits),
        cmocka_unit_test(those_answered_together_are_waited_for),
        cmocka_unit_test(but_not_for_longer_than_half_a_commit),
        cmocka_unit_test(nor_when_the_burst_is_over),
        cmocka_unit_test(a_disk_that_hangs_does_not_make_it_longer),
        cmocka_unit_test(who_was_answered_by_an_earlier_commit_does_not_count),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
