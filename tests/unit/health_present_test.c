/* The health as JSON and the counters as Prometheus' text, of an installation in every trouble. */
#include "scratch.h"

#include <cjson/cJSON.h>

#include "base/clock.h"
#include "health/present.h"

#define NOW INT64_C(1800000000000)

static struct health_facts facts;
static struct health health;

static int in_trouble(void **state)
{
    (void)state;
    memset(&facts, 0, sizeof facts);
    facts.now = NOW;
    facts.storing = "spool-full";
    facts.space_known = facts.counted = facts.limits.secrets_known = true;
    facts.limits.stale = 1000;
    facts.limits.key_age = 1000;
    facts.limits.secret[PROVIDER_CALCOM][0] = true;
    for (enum provider p = 0; p < PROVIDERS; p++)
        facts.limits.silence[p] = 1000;
    for (enum spool_dir dir = 0; dir < SPOOL_DIRS; dir++)
        facts.survey.oldest[dir] = NOW - 3600 * 1000;
    facts.counters.value[COUNT_SINCE] = (uint64_t)(NOW - 3600 * 1000);
    facts.counters.value[COUNT_DRAIN_LAST_AT] = (uint64_t)(NOW - 3600 * 1000);
    health_check_all(&facts, &health);
    return 0;
}

static int at_ease(void **state)
{
    (void)state;
    memset(&facts, 0, sizeof facts);
    facts.now = NOW;
    for (enum spool_dir dir = 0; dir < SPOOL_DIRS; dir++)
        facts.survey.oldest[dir] = TIME_NONE;
    health_check_all(&facts, &health);
    return 0;
}

static void assert_json(enum provider provider)
{
    const char *reason;
    struct buf out = {0};
    enum health_state state = health_state(&health, provider, &reason);
    present_health(&facts, &health, provider, &out);
    assert_true(out.len > 2 && out.data[out.len - 1] == '\n');
    cJSON *root = cJSON_Parse(out.data);
    const cJSON *checks = cJSON_GetObjectItemCaseSensitive(root, "checks"), *list;
    assert_string_equal(
        cJSON_GetObjectItemCaseSensitive(root, "status")->valuestring, health_state_name(state));
    assert_true((reason != NULL) == cJSON_HasObjectItem(root, "reason"));
    assert_true(cJSON_GetArraySize(checks) > 0);
    cJSON_ArrayForEach (list, checks) {
        const cJSON *check = cJSON_GetArrayItem(list, 0);
        bool pass =
            strcmp(cJSON_GetObjectItemCaseSensitive(check, "status")->valuestring, "pass") == 0;
        assert_true(cJSON_HasObjectItem(check, pass ? "description" : "output"));
        assert_true(pass || cJSON_HasObjectItem(check, "advice"));
    }
    cJSON_Delete(root);
    buf_free(&out);
}

static void as_json(void **state)
{
    (void)state;
    for (enum provider p = 0; p <= PROVIDERS; p++)
        assert_json(p);
}

/* Each sample has a name that HELP and TYPE introduced, and a number. */
static void as_metrics(void **state)
{
    (void)state;
    struct buf out = {0};
    char name[128] = "none";
    size_t samples = 0;
    for (enum counter i = 0; i < COUNTERS; i++)
        facts.counters.value[i] = facts.counters.value[i] ? facts.counters.value[i] : i % 7;
    present_metrics(&facts, &health, &out);
    for (char *at = out.data, *line; (line = strsep(&at, "\n")) && *line;) {
        if (sscanf(line, "# TYPE %127s", name) == 1 || *line == '#')
            continue;
        assert_int_equal(strncmp(line, name, strlen(name)), 0);
        assert_non_null(strrchr(line, ' '));
        samples++;
    }
    assert_true(samples > 100);
    buf_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(as_json, in_trouble),
        cmocka_unit_test_setup(as_metrics, in_trouble),
        {"at ease, as JSON", as_json, at_ease, NULL, NULL},
        {"at ease, as metrics", as_metrics, at_ease, NULL, NULL},
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
