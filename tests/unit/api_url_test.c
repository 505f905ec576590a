/* api/url: no credential leaves the base. The linker puts the functions here in the place of malloc
 * and the like (tests/fuzz/rules.mk), so that each allocation can fail once. */
#include "scratch.h"

#include <curl/curl.h>

#include "api/url.h"

static void expect(const char *base, const char *path, const char *url)
{
    struct buf out = {0};
    bool ok = api_url_make(base, path, &out);
    if (ok != (url != NULL) || (url && strcmp(buf_text(&out), url) != 0))
        fail_msg("%s + %s: %s, expected %s", base, path, ok ? buf_text(&out) : "refused",
            url ? url : "refused");
    buf_free(&out);
}

static void joins_base_and_path(void **state)
{
    (void)state;
    expect("https://api.x.test", "/users/me", "https://api.x.test/users/me");
    expect("https://api.x.test/", "/users/me?a=b", "https://api.x.test/users/me?a=b");
    expect("https://api.x.test/api/", "/v2/me", "https://api.x.test/api/v2/me");
    expect("https://api.x.test", "https://api.x.test/users/1", "https://api.x.test/users/1");
    expect(
        "https://api.x.test", "https://API.X.test:443/users/1?q", "https://api.x.test/users/1?q");
    expect(
        "https://api.x.test/api", "https://api.x.test/api/v2/me", "https://api.x.test/api/v2/me");
    expect("http://127.0.0.1:8080", "http://127.0.0.1:8080/a", "http://127.0.0.1:8080/a");
    expect("https://api.x.test", "//evil.test/a", "https://api.x.test//evil.test/a");
    expect("https://api.x.test", "/a/..b?x=/../c", "https://api.x.test/a/..b?x=/../c");
}

static void refuses_other_hosts(void **state)
{
    static const char *const others[] = {"https://evil.test/users/1", "http://api.x.test/users/1",
        "https://api.x.test:444/users/1", "https://api.x.test.evil.test/",
        "https://api.x.testevil/", "https://user@api.x.test/", "https://api.x.test@evil.test/",
        "https://:p@api.x.test/", "api.x.test/users", "users/me", "@evil.test/", ".evil.test/", "",
        ":444/", "?x=://", "https://evil.test\\@api.x.test/", "/a b", "/a\r\nHost: evil.test",
        "/\x80", "/a#b", "/../x", "/a/../../x", "/..", "/..?x", "/\x7f"};
    (void)state;
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        expect("https://api.x.test", others[i], NULL);
    expect("https://api.x.test/api", "https://api.x.test/apix/v2", NULL);
    expect("https://api.x.test/api", "https://api.x.test/v2", NULL);
    expect("https://api.x.test/api", "https://api.x.test/api/../v2", NULL);
    expect("no base", "https://api.x.test/v2", NULL);
    expect("https://api.x.test/api", "https://api.x.test/api", "https://api.x.test/api");
}

static void set_to(const char *url, const char *name, const char *value, const char *expected)
{
    struct buf out = {0}, found = {0};
    buf_puts(&out, url);
    assert_true(api_url_set(&out, name, value));
    assert_string_equal(buf_text(&out), expected);
    assert_true(api_url_get(buf_text(&out), name, &found));
    assert_string_equal(buf_text(&found), value);
    buf_free(&found);
    buf_free(&out);
}

static void sets_parameters(void **state)
{
    struct buf found = {0};
    (void)state;
    set_to("/a", "skip", "1", "/a?skip=1");
    set_to("/a?take=2", "skip", "1", "/a?take=2&skip=1");
    set_to("/a?skip=7&take=2", "skip", "9", "/a?take=2&skip=9");
    set_to("/a?page_token=x", "page_token", "a b&c=d%/", "/a?page_token=a%20b%26c%3Dd%25%2F");
    set_to("/a?xskip=7", "skip", "1", "/a?xskip=7&skip=1");
    assert_false(api_url_get("/a?xskip=7", "skip", &found));
    assert_false(api_url_get("/a", "skip", &found));
    assert_true(api_url_get("https://evil.test/?page_token=abc%3D", "page_token", &found));
    assert_string_equal(buf_text(&found), "abc=");
    buf_free(&found);
}

/* ---- memory that ends ---- */

static struct {
    bool counting;
    long count, at; /* the number of the allocation that fails */
} memory;

void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
void *__wrap_realloc(void *old, size_t size);

static bool fails(void)
{
    return memory.counting && ++memory.count == memory.at;
}

void *__wrap_malloc(size_t size)
{
    return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    return fails() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *old, size_t size)
{
    return fails() ? NULL : __real_realloc(old, size);
}

/* For libcurl, whose own calls the linker does not see. */
static char *copy_of(const char *text)
{
    char *copy = malloc(strlen(text) + 1);
    return copy ? strcpy(copy, text) : NULL;
}

/* A full address, a parameter in it, and that parameter again. */
static bool whole_way(struct buf *url, struct buf *value)
{
    return api_url_make("https://api.x.test/api", "https://api.x.test/api/v2?take=2&skip=1", url) &&
           api_url_set(url, "skip", "a&b") && api_url_get(buf_text(url), "skip", value);
}

/* Each allocation fails once: it is said, or nothing was lost; and the address is never another. */
static void memory_that_ends(void **state)
{
    static const char wanted[] = "https://api.x.test/api/v2?take=2&skip=a%26b";
    long said = 0, steps = 0;
    (void)state;
    do {
        struct buf url = {0}, value = {0};
        memory.count = 0;
        memory.at = ++steps;
        memory.counting = true;
        bool ok = whole_way(&url, &value);
        memory.counting = false;
        said += !ok;
        if (ok && (strcmp(buf_text(&url), wanted) != 0 || strcmp(buf_text(&value), "a&b") != 0))
            fail_msg("allocation %ld: %s, %s", steps, buf_text(&url), buf_text(&value));
        buf_free(&url);
        buf_free(&value);
    } while (memory.count >= memory.at);
    assert_in_range(said, 10, steps - 1);
}

int main(void)
{
    curl_global_init_mem(
        CURL_GLOBAL_DEFAULT, __wrap_malloc, free, __wrap_realloc, copy_of, __wrap_calloc);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(joins_base_and_path),
        cmocka_unit_test(refuses_other_hosts),
        cmocka_unit_test(sets_parameters),
        cmocka_unit_test(memory_that_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
