/* What the receiver reads from CGI variables: headers, paths, lengths, where a request came from.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "receive/request.h"

/* name, value, ..., NULL */
static const char *look_up(void *context, const char *name)
{
    for (const char *const *pair = context; *pair; pair += 2)
        if (strcmp(pair[0], name) == 0)
            return pair[1];
    return NULL;
}

static struct request filled(const char *const *variables)
{
    struct request request;
    request_fill(&request, LENGTH_ABSENT, 0, look_up, (void *)variables);
    return request;
}

static void headers_and_path(void **state)
{
    (void)state;
    const char *const all[] = {"REQUEST_METHOD", "POST", "SCRIPT_NAME", "/api", "PATH_INFO", "/x",
        "CONTENT_TYPE", "text/plain", "HTTP_X_CAL_SIGNATURE_256", "a", "HTTP_X_CAL_SIGNATURE_256_",
        "b", "HTTP_CALENDLY_WEBHOOK_SIGNATURE", "c", "HTTP_PROXY", "http://192.0.2.1", NULL};
    struct request request = filled(all);
    assert_string_equal(request.method, "POST");
    assert_string_equal(request.path, "/api/x");
    assert_string_equal(request.content_type, "text/plain");
    assert_string_equal(request.signature[PROVIDER_CALCOM], "a");
    assert_string_equal(request.signature[PROVIDER_CALENDLY], "c");
    assert_null(request.version[PROVIDER_CALENDLY]);
}

static void nothing_and_too_much(void **state)
{
    (void)state;
    char path[REQUEST_PATH_SIZE + 1];
    const char *const none[] = {NULL}, *const large[] = {"PATH_INFO", path, NULL};
    struct request request = filled(none);
    assert_string_equal(request.method, "");
    assert_string_equal(request.path, "");
    assert_null(request.signature[PROVIDER_CALCOM]);
    memset(path, '/', sizeof path - 1);
    path[sizeof path - 1] = '\0';
    request = filled(large);
    assert_string_equal(request.path, "");
}

static void made_on_this_machine(void **state)
{
    (void)state;
    static const struct {
        const char *from, *header;
        bool local;
    } cases[] = {{"127.0.0.1", NULL, true}, {"127.9.9.9", NULL, true}, {"::1", NULL, true},
        {"::ffff:127.0.0.1", NULL, true}, {"unix:", NULL, true}, {"192.0.2.1", NULL, false},
        {"1127.0.0.1", NULL, false}, {"::11", NULL, false}, {"", NULL, false},
        {"127.0.0.1", "HTTP_X_FORWARDED_FOR", false}, {"unix:", "HTTP_FORWARDED", false},
        {"::1", "HTTP_VIA", false}, {"127.0.0.1", "HTTP_CF_CONNECTING_IP", false},
        {"127.0.0.1", "HTTP_TRUE_CLIENT_IP", false}, {"127.0.0.1", "HTTP_X_REAL_IP", false},
        {"127.0.0.1", "HTTP_PROXY", true}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *const all[] = {"REMOTE_ADDR", cases[i].from, cases[i].header, "", NULL};
        struct request request = filled(all);
        if (request_is_local(&request) != cases[i].local)
            fail_msg("%s, %s", cases[i].from, cases[i].header ? cases[i].header : "no header");
    }
}

static void bearer(void **state)
{
    (void)state;
    static const char *const cases[][2] = {{"Bearer abc", "abc"}, {"bearer   abc", "abc"},
        {"Bearer ", ""}, {"Bearer", NULL}, {"Basic abc", NULL}, {NULL, NULL}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *const all[] = {"HTTP_AUTHORIZATION", cases[i][0], NULL};
        struct request request = filled(all);
        const char *got = request_bearer(&request);
        assert_true(got ? cases[i][1] && strcmp(got, cases[i][1]) == 0 : !cases[i][1]);
    }
}

static void lengths(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum request_length kind;
        uint64_t length;
    } cases[] = {{NULL, LENGTH_ABSENT, 0}, {"", LENGTH_ABSENT, 0}, {"0", LENGTH_DECLARED, 0},
        {"00012", LENGTH_DECLARED, 12}, {"999999999999999999", LENGTH_DECLARED, 999999999999999999},
        {"1000000000000000000", LENGTH_DECLARED, UINT64_MAX},
        {"18446744073709551617", LENGTH_DECLARED, UINT64_MAX}, {"-1", LENGTH_NONSENSE, 0},
        {"+1", LENGTH_NONSENSE, 0}, {" 1", LENGTH_NONSENSE, 0}, {"1 ", LENGTH_NONSENSE, 0},
        {"0x1", LENGTH_NONSENSE, 0}, {"1,1", LENGTH_NONSENSE, 0}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint64_t length;
        assert_int_equal(request_parse_length(cases[i].text, &length), cases[i].kind);
        if (cases[i].kind == LENGTH_DECLARED)
            assert_true(length == cases[i].length);
    }
    assert_int_equal(request_body_max("POST", 5), 5);
    assert_int_equal(request_body_max("post", 5), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(headers_and_path),
        cmocka_unit_test(nothing_and_too_much),
        cmocka_unit_test(made_on_this_machine),
        cmocka_unit_test(bearer),
        cmocka_unit_test(lengths),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
