/* api: what is known of tokens across runs, the cache, and the checks of the drain. */
#include <fcntl.h>

#include "api_scene.h"

#include "base/clock.h"
#include "base/counters.h"
#include "base/io.h"
#include "ledger/tokens.h"

#define USER(uri) answer_text("200 OK", "", "{\"resource\":{\"uri\":\"" uri "\"}}")
#define SCOPES                                                                                     \
    answer_text("403 Forbidden", "",                                                               \
        "{\"title\":\"Permission Denied\",\"message\":\"missing scope scheduled_events:read\"}")

/* A client with a ledger, opened anew as another process would. */
struct kept {
    struct scene scene;
    struct ledger *ledger;
};

static struct ledger *open_ledger(void **state)
{
    char value[128];
    struct buf why = {0};
    snprintf(value, sizeof value, "sqlite:%s/ledger.db", ((struct scratch *)*state)->path);
    struct ledger *ledger = ledger_open(value, 0, &why);
    if (!ledger)
        fail_msg("%s", buf_text(&why));
    buf_free(&why);
    return ledger;
}

static void open_again(void **state, struct kept *kept)
{
    struct buf why = {0};
    api_close(kept->scene.api);
    ledger_close(kept->ledger);
    conf_free(&kept->scene.conf);
    assert_true(conf_load(&kept->scene.conf, CONF_TOOL));
    kept->ledger = open_ledger(state);
    kept->scene.api = api_open(&kept->scene.conf, PROVIDER_CALENDLY, kept->ledger, &why);
    assert_non_null(kept->scene.api);
    buf_free(&why);
}

static void begin(void **state, struct kept *kept, const char *second, const char *const *answers)
{
    kept->ledger = NULL;
    scene_open(state, &kept->scene, PROVIDER_CALENDLY, second, answers);
    assert_true(counters_open(((struct scratch *)*state)->path));
    open_again(state, kept);
}

static void end(struct kept *kept)
{
    scene_close(&kept->scene);
    ledger_close(kept->ledger);
}

static int asked(const struct kept *kept)
{
    return kept->scene.peer.log->count;
}

static int64_t gauge(enum counter first, size_t slot)
{
    return counter_get_signed(counter_at(first, PROVIDER_CALENDLY, slot));
}

static void uses_are_counted_across_runs(void **state)
{
    struct kept kept;
    begin(state, &kept, "second-token", (const char *const[]){USER("u"), NULL});
    enum counter fine =
        counter_at(COUNT_API_REQUESTS, PROVIDER_CALENDLY, counter_label_value(LABEL_ANSWER, "2xx"));
    int64_t before = counter_get_signed(fine);
    for (int run = 0; run < 3; run++) {
        for (int i = 0; i < 5; i++) {
            api_answer_free(&kept.scene.answer);
            assert_int_equal(
                api_get_fresh(kept.scene.api, "/users/me", &kept.scene.answer), API_OK);
        }
        open_again(state, &kept);
    }
    assert_int_equal(asked(&kept), 15);
    assert_int_equal(gauge(COUNT_TOKEN_USES, 0), 15);
    assert_int_equal(gauge(COUNT_TOKEN_USES, 1), 0);
    assert_int_equal(gauge(COUNT_TOKEN_MARK, 0), 0x32497298);
    assert_true(llabs(gauge(COUNT_TOKEN_SINCE, 0) - clock_now()) < 60000);
    assert_int_equal(counter_get_signed(fine) - before, 15);
    unsetenv("CALENDLY_API_TOKEN_SECONDARY");
    open_again(state, &kept);
    assert_int_equal(gauge(COUNT_TOKEN_MARK, 1), 0); /* it is not set any more */
    end(&kept);
}

static void a_refused_token_is_not_used_first_again(void **state)
{
    struct kept kept;
    begin(state, &kept, "second-token",
        (const char *const[]){USER("u"), DENIED, USER("u"), USER("u"), NULL});
    assert_int_equal(api_get_fresh(kept.scene.api, "/users/me", &kept.scene.answer), API_OK);
    for (int run = 0; run < 3; run++) {
        api_answer_free(&kept.scene.answer);
        assert_int_equal(api_get_fresh(kept.scene.api, "/users/me", &kept.scene.answer), API_OK);
        open_again(state, &kept);
    }
    assert_int_equal(asked(&kept), 5); /* one more than without the revocation */
    assert_true(peer_was_asked(&kept.scene.peer, 1, "Bearer first-token"));
    for (int i = 2; i < 5; i++)
        assert_true(peer_was_asked(&kept.scene.peer, i, "Bearer second-token"));
    assert_true(gauge(COUNT_TOKEN_REFUSED_AT, 0) > 0);
    assert_int_equal(gauge(COUNT_TOKEN_REFUSED_AT, 1), 0);
    assert_int_equal(gauge(COUNT_TOKEN_USES, 0), 2);
    assert_int_equal(gauge(COUNT_TOKEN_USES, 1), 3);
    setenv("CALENDLY_API_TOKEN", "third-token", 1); /* a new one is used first */
    open_again(state, &kept);
    assert_int_equal(scene_get(&kept.scene, "/users/x"), API_OK);
    assert_true(peer_was_asked(&kept.scene.peer, 5, "Bearer third-token"));
    assert_int_equal(gauge(COUNT_TOKEN_REFUSED_AT, 0), 0);
    end(&kept);
}

static void a_token_that_was_refused_once_is_tried_by_the_next_run(void **state)
{
    struct kept kept;
    begin(state, &kept, "second-token",
        (const char *const[]){DENIED, DENIED, DENIED, DENIED, DENIED, USER("u"), USER("u"), NULL});
    assert_int_equal(scene_get(&kept.scene, "/users/me"), API_UNAUTHORIZED);
    assert_int_equal(asked(&kept), 2);
    assert_int_equal(scene_get(&kept.scene, "/users/me"), API_UNAUTHORIZED);
    assert_int_equal(asked(&kept), 3); /* in one run each is tried once */
    open_again(state, &kept);
    assert_int_equal(scene_get(&kept.scene, "/users/x"), API_UNAUTHORIZED);
    assert_int_equal(asked(&kept), 5);
    assert_true(peer_was_asked(&kept.scene.peer, 3, "Bearer first-token"));
    assert_true(peer_was_asked(&kept.scene.peer, 4, "Bearer second-token"));
    open_again(state, &kept);
    assert_int_equal(scene_get(&kept.scene, "/users/x"), API_OK);
    end(&kept);
}

static void a_good_token_beside_two_refusals_is_found(void **state)
{
    struct kept kept;
    begin(state, &kept, "second-token",
        (const char *const[]){DENIED, DENIED, DENIED, USER("u"), USER("v"), NULL});
    assert_int_equal(scene_get(&kept.scene, "/users/me"), API_UNAUTHORIZED);
    open_again(state, &kept);
    assert_int_equal(scene_get(&kept.scene, "/users/x"), API_OK);
    assert_true(peer_was_asked(&kept.scene.peer, 3, "Bearer second-token"));
    assert_int_equal(gauge(COUNT_TOKEN_REFUSED_AT, 1), 0);
    open_again(state, &kept);
    assert_int_equal(scene_get(&kept.scene, "/users/y"), API_OK);
    assert_true(peer_was_asked(&kept.scene.peer, 4, "Bearer second-token"));
    end(&kept);
}

static void repeated_look_ups_cost_one_request(void **state)
{
    struct kept kept;
    enum counter hits =
        counter_at(COUNT_API_CACHE, PROVIDER_CALENDLY, counter_label_value(LABEL_LOOKUP, "hit"));
    begin(state, &kept, NULL, (const char *const[]){USER("u"), USER("v"), NULL});
    int64_t hit = counter_get_signed(hits), missed = counter_get_signed(hits + 1);
    for (int i = 0; i < 1000; i++) {
        assert_int_equal(scene_get(&kept.scene, "/event_types/1"), API_OK);
        assert_int_equal(kept.scene.answer.cached, i > 0);
        assert_int_equal(kept.scene.answer.status, 200);
        if (i % 250 == 0)
            open_again(state, &kept);
    }
    assert_int_equal(asked(&kept), 1);
    assert_int_equal(counter_get_signed(hits) - hit, 999);
    assert_int_equal(counter_get_signed(hits + 1) - missed, 1);
    assert_int_equal(scene_get(&kept.scene, "/event_types/2"), API_OK);
    assert_int_equal(asked(&kept), 2);
    api_answer_free(&kept.scene.answer);
    assert_int_equal(api_get_fresh(kept.scene.api, "/event_types/1", &kept.scene.answer), API_OK);
    assert_int_equal(asked(&kept), 3);
    assert_int_equal(scene_get(&kept.scene, "/event_types/1"), API_OK);
    assert_string_equal(
        cJSON_GetObjectItem(cJSON_GetObjectItem(kept.scene.answer.json, "resource"), "uri")
            ->valuestring,
        "v"); /* the newer one */
    int64_t count;
    assert_true(api_cache_clear(kept.ledger, PROVIDER_CALENDLY, &count));
    assert_int_equal(count, 2);
    assert_int_equal(scene_get(&kept.scene, "/event_types/1"), API_OK);
    assert_int_equal(asked(&kept), 4);
    end(&kept);
}

static void errors_are_not_cached_and_changes_empty_the_cache(void **state)
{
    struct kept kept;
    const char *none = answer_text("404 Not Found", "", "{}");
    begin(state, &kept, NULL,
        (const char *const[]){none, none, USER("u"), USER("u"), USER("u"), none, USER("u"), NULL});
    assert_int_equal(scene_get(&kept.scene, "/a"), API_NOT_FOUND);
    assert_int_equal(scene_get(&kept.scene, "/a"), API_NOT_FOUND);
    assert_int_equal(asked(&kept), 2);
    assert_int_equal(scene_get(&kept.scene, "/a"), API_OK);
    assert_int_equal(scene_get(&kept.scene, "/a"), API_OK);
    assert_int_equal(asked(&kept), 3);
    api_answer_free(&kept.scene.answer);
    assert_int_equal(api_send(kept.scene.api, "DELETE", "/b", NULL, &kept.scene.answer), API_OK);
    assert_int_equal(scene_get(&kept.scene, "/a"), API_OK);
    assert_int_equal(asked(&kept), 5);
    api_answer_free(&kept.scene.answer); /* a refusal changed nothing */
    assert_int_equal(
        api_send(kept.scene.api, "DELETE", "/b", NULL, &kept.scene.answer), API_NOT_FOUND);
    assert_int_equal(scene_get(&kept.scene, "/a"), API_OK);
    assert_int_equal(asked(&kept), 6);
    setenv("CALENDLY_ENABLE_CACHING", "no", 1);
    open_again(state, &kept);
    assert_int_equal(scene_get(&kept.scene, "/a"), API_OK);
    assert_int_equal(asked(&kept), 7);
    unsetenv("CALENDLY_ENABLE_CACHING");
    setenv("CALENDLY_CACHE_TTL", "1", 1);
    open_again(state, &kept);
    assert_int_equal(scene_get(&kept.scene, "/c"), API_OK);
    usleep(1100 * 1000);
    assert_int_equal(scene_get(&kept.scene, "/c"), API_OK);
    assert_int_equal(asked(&kept), 9);
    end(&kept);
}

static void accounts_share_nothing(void **state)
{
    struct kept kept;
    begin(state, &kept, NULL,
        (const char *const[]){
            USER("x"), USER("u1"), USER("x"), USER("u2"), USER("y"), USER("u1"), NULL});
    assert_int_equal(scene_get(&kept.scene, "/a"), API_OK); /* 1: by fingerprint */
    assert_int_equal(scene_get(&kept.scene, "/users/me"), API_OK);
    assert_int_equal(scene_get(&kept.scene, "/users/me"), API_OK);
    assert_int_equal(asked(&kept), 2);
    assert_int_equal(scene_get(&kept.scene, "/a"), API_OK); /* 3: by account from now on */
    assert_int_equal(scene_get(&kept.scene, "/a"), API_OK);
    assert_int_equal(asked(&kept), 3);
    setenv("CALENDLY_API_TOKEN", "of-another-account", 1);
    open_again(state, &kept);
    assert_int_equal(scene_get(&kept.scene, "/users/me"), API_OK); /* 4 */
    assert_int_equal(scene_get(&kept.scene, "/a"), API_OK);        /* 5 */
    assert_int_equal(asked(&kept), 5);
    setenv("CALENDLY_API_TOKEN", "of-the-first-account", 1);
    open_again(state, &kept);
    assert_int_equal(scene_get(&kept.scene, "/users/me"), API_OK); /* 6 */
    assert_int_equal(scene_get(&kept.scene, "/a"), API_OK);        /* its answer is there */
    assert_true(kept.scene.answer.cached);
    assert_int_equal(asked(&kept), 6);
    end(&kept);
}

static void no_token_is_in_the_ledger(void **state)
{
    struct kept kept;
    begin(state, &kept, "second-token", (const char *const[]){USER("u"), DENIED, USER("u"), NULL});
    scene_get(&kept.scene, "/a");
    scene_get(&kept.scene, "/b");
    static const char *const files[] = {"ledger.db", "ledger.db-wal", "counters"};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        struct buf data = {0};
        char path[128];
        snprintf(path, sizeof path, "%s/%s", ((struct scratch *)*state)->path, files[i]);
        assert_true(io_read_file(AT_FDCWD, path, &data, 16 << 20, NULL));
        assert_true(data.len > 0);
        assert_null(memmem(data.data, data.len, "first-token", 11));
        assert_null(memmem(data.data, data.len, "second-token", 12));
        buf_free(&data);
    }
    end(&kept);
}

static void a_ledger_that_cannot_be_written_costs_no_call(void **state)
{
    struct kept kept;
    begin(state, &kept, "second-token", (const char *const[]){USER("u"), DENIED, USER("u"), NULL});
    struct ledger *other = open_ledger(state);
    assert_true(ledger_begin(other)); /* as a rebuild has it, for long */
    assert_int_equal(scene_get(&kept.scene, "/a"), API_OK);
    assert_int_equal(scene_get(&kept.scene, "/a"), API_OK); /* refused, and the other one */
    assert_false(kept.scene.answer.cached);
    assert_int_equal(asked(&kept), 3);
    ledger_rollback(other);
    ledger_close(other);
    assert_true(ledger_begin(kept.ledger)); /* the caller's own transaction */
    assert_int_equal(scene_get(&kept.scene, "/b"), API_OK);
    assert_true(ledger_commit(kept.ledger));
    assert_int_equal(scene_get(&kept.scene, "/b"), API_OK);
    assert_int_equal(asked(&kept), 5);
    assert_int_equal(scene_get(&kept.scene, "/b"), API_OK);
    assert_int_equal(asked(&kept), 5);
    open_again(state, &kept);
    assert_int_equal(gauge(COUNT_TOKEN_USES, 0), 2); /* added later */
    assert_int_equal(gauge(COUNT_TOKEN_USES, 1), 3);
    end(&kept);
}

static bool never(void)
{
    return false;
}

static void check(struct kept *kept)
{
    api_check_tokens(&kept->scene.conf, kept->ledger, never);
}

static void both_tokens_are_checked_once_an_interval(void **state)
{
    struct kept kept;
    begin(state, &kept, "second-token", (const char *const[]){USER("u"), DENIED, USER("u"), NULL});
    check(&kept);
    check(&kept);
    assert_int_equal(asked(&kept), 2);
    assert_true(peer_was_asked(&kept.scene.peer, 0, "GET /users/me HTTP"));
    assert_true(peer_was_asked(&kept.scene.peer, 0, "Bearer first-token"));
    assert_true(peer_was_asked(&kept.scene.peer, 1, "Bearer second-token"));
    assert_int_equal(gauge(COUNT_TOKEN_REFUSED_AT, 0), 0);
    assert_true(gauge(COUNT_TOKEN_REFUSED_AT, 1) > 0);
    open_again(state, &kept);
    struct token_row row;
    assert_true(tokens_get(kept.ledger, "2ca666fb", &row)); /* of the second */
    assert_true(row.due > clock_now() + 80000 * 1000 && row.due <= clock_now() + 86400 * 1000);
    row.due = clock_now() - 1;
    assert_true(tokens_mark(kept.ledger, "2ca666fb", &row));
    check(&kept); /* it is accepted again */
    assert_int_equal(asked(&kept), 3);
    assert_int_equal(gauge(COUNT_TOKEN_REFUSED_AT, 1), 0);
    setenv("CALENDLY_KEY_ROTATION_MONITORING", "no", 1);
    setenv("CALENDLY_API_TOKEN", "third-token", 1);
    open_again(state, &kept);
    check(&kept);
    assert_int_equal(asked(&kept), 3);
    unsetenv("CALENDLY_KEY_ROTATION_MONITORING");
    end(&kept);
}

static void missing_scopes_are_known_until_they_are_there(void **state)
{
    struct kept kept;
    begin(state, &kept, NULL, (const char *const[]){SCOPES, USER("u"), NULL});
    assert_int_equal(scene_get(&kept.scene, "/scheduled_events"), API_FORBIDDEN);
    assert_int_equal(gauge(COUNT_TOKEN_SCOPES, 0), SCOPE_EVENTS_READ);
    open_again(state, &kept);
    assert_int_equal(gauge(COUNT_TOKEN_SCOPES, 0), SCOPE_EVENTS_READ);
    assert_int_equal(scene_get(&kept.scene, "/event_types"), API_OK); /* another one */
    assert_int_equal(gauge(COUNT_TOKEN_SCOPES, 0), SCOPE_EVENTS_READ);
    assert_int_equal(scene_get(&kept.scene, "/scheduled_events"), API_OK);
    assert_int_equal(gauge(COUNT_TOKEN_SCOPES, 0), 0);
    end(&kept);
}

int main(void)
{
#define TOKENS_TEST(f) cmocka_unit_test_setup_teardown(f, scratch_up, scratch_down)
    const struct CMUnitTest tests[] = {
        TOKENS_TEST(a_token_that_was_refused_once_is_tried_by_the_next_run),
        TOKENS_TEST(a_good_token_beside_two_refusals_is_found),
        TOKENS_TEST(uses_are_counted_across_runs),
        TOKENS_TEST(a_refused_token_is_not_used_first_again),
        TOKENS_TEST(repeated_look_ups_cost_one_request),
        TOKENS_TEST(errors_are_not_cached_and_changes_empty_the_cache),
        TOKENS_TEST(accounts_share_nothing),
        TOKENS_TEST(no_token_is_in_the_ledger),
        TOKENS_TEST(a_ledger_that_cannot_be_written_costs_no_call),
        TOKENS_TEST(both_tokens_are_checked_once_an_interval),
        TOKENS_TEST(missing_scopes_are_known_until_they_are_there),
    };
    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
