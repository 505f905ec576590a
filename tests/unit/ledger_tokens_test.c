/* ledger/tokens and ledger/answers: kept across runs and processes, aside from the events. */
#include "scratch.h"

#include <sys/wait.h>

#include "base/clock.h"
#include "ledger/answers.h"
#include "ledger/store.h"
#include "ledger/tokens.h"
#include "ledger_server.h"

static void place_of(void **state, char value[128])
{
    snprintf(value, 128, "sqlite:%s/ledger.db", ((struct scratch *)*state)->path);
}

static struct ledger *opened(void **state)
{
    char value[128];
    place_of(state, value);
    return ledger_server_open(value);
}

static int up(void **state)
{
    ledger_server_empty();
    return scratch_up(state);
}

static int64_t uses_of(struct ledger *ledger, const char *fingerprint)
{
    struct token_row row;
    assert_true(tokens_get(ledger, fingerprint, &row));
    return row.uses;
}

static void uses_add_up_across_processes(void **state)
{
    struct token_row row;
    enum { PROCESSES = 4, EACH = 25 };
    struct ledger *ledger = opened(state);
    assert_true(tokens_get(ledger, "0000000a", &row));
    assert_int_equal(row.first, TIME_NONE);
    assert_int_equal(row.uses, 0);
    ledger_close(ledger); /* SQLite: a connection must not be carried across a fork */
    for (int i = 0; i < PROCESSES; i++)
        if (fork() == 0) {
            struct ledger *own = opened(state);
            int left = EACH;
            for (int tries = 0; left && tries < 1000; tries++)
                left -= tokens_add(own, "0000000a", "calendly", 1, 1000 + tries);
            ledger_close(own);
            _exit(left);
        }
    for (int i = 0, status; i < PROCESSES; i++) {
        assert_true(wait(&status) > 0);
        assert_int_equal(status, 0);
    }
    ledger = opened(state);
    assert_int_equal(uses_of(ledger, "0000000a"), PROCESSES * EACH);
    assert_true(tokens_get(ledger, "0000000a", &row));
    assert_int_equal(row.first, 1000);
    row.refused = 77;
    row.scopes = 5;
    strcpy(row.account, "abc");
    assert_true(tokens_mark(ledger, "0000000a", &row));
    ledger_close(ledger);
    ledger = opened(state);
    assert_true(tokens_get(ledger, "0000000a", &row));
    assert_int_equal(row.refused, 77);
    assert_int_equal(row.due, TIME_NONE);
    assert_int_equal(row.scopes, 5);
    assert_string_equal(row.account, "abc");
    assert_int_equal(row.uses, PROCESSES * EACH);
    ledger_close(ledger);
}

static bool has(struct ledger *ledger, const char *id, int64_t since, int64_t now)
{
    struct buf body = {0};
    bool found = answers_get(ledger, id, since, now, &body);
    if (found)
        assert_string_equal(buf_text(&body), id);
    buf_free(&body);
    return found;
}

static void put(struct ledger *ledger, const char *id, int64_t now, int64_t most)
{
    assert_true(answers_put(ledger, id, "calendly", id, now, now - 100, most));
}

static void the_least_recently_used_answer_goes_first(void **state)
{
    struct ledger *ledger = opened(state);
    int64_t count;
    put(ledger, "a", 1000, 3);
    put(ledger, "b", 1000, 3);
    put(ledger, "c", 1000, 3);
    assert_true(has(ledger, "a", 900, 1000));
    put(ledger, "d", 1000, 3); /* b was used before all others */
    assert_false(has(ledger, "b", 900, 1000));
    assert_true(has(ledger, "c", 900, 1000));
    put(ledger, "e", 1000, 3);
    assert_false(has(ledger, "a", 900, 1000));
    put(ledger, "c", 1000, 3); /* in place of itself */
    assert_true(answers_count(ledger, NULL, &count));
    assert_int_equal(count, 3);
    put(ledger, "f", 1000, 1);
    assert_true(answers_count(ledger, "calendly", &count));
    assert_int_equal(count, 1);
    assert_true(has(ledger, "f", 900, 1000));
    ledger_close(ledger);
}

static void old_answers_and_those_of_a_clock_that_was_ahead_are_none(void **state)
{
    struct ledger *ledger = opened(state);
    int64_t count;
    put(ledger, "a", 1000, 9);
    assert_false(has(ledger, "a", 1001, 2000));
    assert_false(has(ledger, "a", 0, 999));
    assert_true(has(ledger, "a", 1000, 1000));
    put(ledger, "b", 1200, 9); /* removes what is too old */
    assert_true(answers_count(ledger, NULL, &count));
    assert_int_equal(count, 1);
    put(ledger, "c", 1100, 9); /* and what is ahead */
    assert_false(has(ledger, "b", 0, 5000));
    assert_true(answers_put(ledger, "d", "calcom", "d", 1100, 1000, 9));
    assert_true(answers_clear(ledger, "calendly", &count));
    assert_int_equal(count, 1);
    assert_true(has(ledger, "d", 1000, 1100));
    assert_true(answers_clear(ledger, NULL, &count));
    assert_int_equal(count, 1);
    assert_false(has(ledger, "d", 1000, 1100));
    ledger_close(ledger);
}

/* The events of a transaction and what is kept aside do not disturb each other. */
static void nothing_is_written_inside_a_transaction(void **state)
{
    char value[128];
    struct buf why = {0};
    struct ledger *ledger = opened(state), *other = opened(state);
    put(ledger, "a", 1000, 9);
    assert_true(ledger_begin(ledger));
    assert_false(tokens_add(ledger, "0000000a", "calendly", 1, 1));
    assert_false(answers_put(ledger, "b", "calendly", "b", 1000, 900, 9));
    assert_true(has(ledger, "a", 900, 1000));
    if (ledger_server()) /* where a writer only keeps others from the rows that it writes */
        assert_true(store_exec(ledger,
            "INSERT INTO token(fingerprint, provider, first, last, uses)"
            " VALUES('0000000a', 'calendly', 1, 1, 0)",
            "hold"));
    int64_t start = clock_monotonic(), count;
    assert_false(tokens_add(other, "0000000a", "calendly", 1, 1)); /* waits, but not long */
    assert_true(clock_monotonic() - start < 4000);
    assert_true(ledger_commit(ledger));
    assert_true(tokens_add(other, "0000000a", "calendly", 3, 1));
    assert_int_equal(uses_of(ledger, "0000000a"), 3);
    /* a transaction of events that failed stays so */
    assert_true(ledger_begin(ledger));
    assert_false(store_exec(ledger, "nonsense", "try"));
    assert_true(tokens_add(ledger, "0000000a", "calendly", 1, 1));
    assert_false(ledger_commit(ledger));
    assert_non_null(strstr(ledger_failure(ledger), "nonsense"));
    ledger_close(other);
    place_of(state, value);
    other = ledger_open_readonly(ledger_server() ? ledger_server() : value, &why);
    assert_non_null(other);
    assert_false(tokens_add(other, "0000000a", "calendly", 1, 1));
    assert_false(answers_clear(other, NULL, &count));
    assert_true(has(other, "a", 900, 1000));
    assert_int_equal(uses_of(other, "0000000a"), 4);
    ledger_close(other);
    ledger_close(ledger);
    buf_free(&why);
}

/* What is kept aside is committed without a sync; events are not. */
static void events_are_synced_as_before(void **state)
{
    struct ledger *ledger = opened(state);
    struct statement *s;
    assert_true(tokens_add(ledger, "0000000a", "calendly", 1, 1));
    s = store_aside(ledger, ledger_server() ? "SELECT current_setting('synchronous_commit')"
                                            : "SELECT synchronous FROM pragma_synchronous");
    assert_true(store_aside_row(s));
    assert_string_equal(store_peek(s, 0), ledger_server() ? "on" : "2"); /* FULL */
    store_end(s);
    ledger_close(ledger);
}

static void a_rebuild_keeps_them_and_time_removes_answers(void **state)
{
    struct ledger *ledger = opened(state);
    assert_true(tokens_add(ledger, "0000000a", "calendly", 1, 1));
    put(ledger, "a", 1000, 9);
    assert_true(ledger_begin(ledger) && ledger_clear(ledger) && ledger_commit(ledger));
    assert_true(has(ledger, "a", 900, 1000));
    assert_true(ledger_begin(ledger) && ledger_forget(ledger, 1001) && ledger_commit(ledger));
    assert_false(has(ledger, "a", 900, 1000));
    assert_int_equal(uses_of(ledger, "0000000a"), 1);
    ledger_close(ledger);
}

int main(void)
{
#define TOKENS_TEST(f) cmocka_unit_test_setup_teardown(f, up, scratch_down)
    const struct CMUnitTest tests[] = {
        TOKENS_TEST(uses_add_up_across_processes),
        TOKENS_TEST(the_least_recently_used_answer_goes_first),
        TOKENS_TEST(old_answers_and_those_of_a_clock_that_was_ahead_are_none),
        TOKENS_TEST(nothing_is_written_inside_a_transaction),
        TOKENS_TEST(events_are_synced_as_before),
        TOKENS_TEST(a_rebuild_keeps_them_and_time_removes_answers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
