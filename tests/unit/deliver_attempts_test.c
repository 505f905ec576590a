/* The last error of each mail that waits: what is kept of it, and that nothing can spoil it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "deliver/attempts.h"
#include "deliver/outcome.h"

static char folder[] = "/tmp/bookspool-unit-XXXXXX", path[64];

static int up(void **state)
{
    (void)state;
    unlink(path);
    return 0;
}

static void note(const char *name, int64_t at, const char *reason, const char *detail)
{
    struct delivery_result result = {0};
    outcome_set(&result, OUTCOME_RETRY, "%s", reason);
    outcome_say(&result, "mail.example.org:%d takes no mail for now", 25);
    snprintf(result.detail, sizeof result.detail, "%s", detail);
    attempts_note(folder, name, at, &result);
}

static bool is_in(void *context, const char *name)
{
    return strstr(context, name) != NULL;
}

static void the_last_counts(void **state)
{
    (void)state;
    struct attempts attempts;
    note("bb-1", 1000, "smtp-rcpt-450", "450 later");
    note("aa-1", 2000, "smtp-dot-451", "451\tlater\nand\x01later");
    note("bb-1", 3000, "smtp-mail-452", "452 much later");
    note(ATTEMPTS_RUN, 3000, "smtp-mail-452", "");
    attempts_read(folder, &attempts);
    assert_int_equal(attempts.count, 3);
    const struct attempt_note *found = attempts_find(&attempts, "bb-1");
    assert_non_null(found);
    assert_string_equal(found->reason, "smtp-mail-452");
    assert_string_equal(found->outcome, "retry");
    assert_string_equal(found->words, "mail.example.org:25 takes no mail for now");
    assert_string_equal(found->detail, "452 much later");
    assert_int_equal(found->tries, 2);
    assert_int_equal(found->at, 3000);
    found = attempts_find(&attempts, "aa-1");
    assert_string_equal(found->detail, "451?later?and?later"); /* no second line, no field more */
    assert_null(attempts_find(&attempts, "aa"));
    assert_non_null(attempts_find(&attempts, ATTEMPTS_RUN));
    attempts_free(&attempts);
}

static void a_run_keeps_what_waits(void **state)
{
    (void)state;
    struct attempts attempts;
    char waiting[] = "bb-1 cc-1";
    for (int i = 0; i < 3; i++) {
        note("aa-1", i, "smtp-rcpt-450", "");
        note("bb-1", i, "smtp-rcpt-450", "");
    }
    note(ATTEMPTS_RUN, 9, "smtp-dns-6", "");
    attempts_keep(folder, is_in, waiting, true);
    note("bb-1", 9, "smtp-rcpt-451", "");
    attempts_keep(folder, is_in, waiting, true);
    attempts_read(folder, &attempts);
    assert_int_equal(attempts.count, 2);
    assert_int_equal(attempts_find(&attempts, "bb-1")->tries, 4);
    assert_string_equal(attempts_find(&attempts, "bb-1")->reason, "smtp-rcpt-451");
    assert_non_null(attempts_find(&attempts, ATTEMPTS_RUN));
    attempts_free(&attempts);

    attempts_keep(folder, is_in, waiting, false);
    attempts_read(folder, &attempts);
    assert_null(attempts_find(&attempts, ATTEMPTS_RUN));
    attempts_free(&attempts);
    waiting[0] = '\0';
    attempts_keep(folder, is_in, waiting, false);
    assert_int_equal(access(path, F_OK), -1);
    attempts_keep(folder, is_in, waiting, true); /* nothing there: nothing is made */
    assert_int_equal(access(path, F_OK), -1);
}

/* Several senders append at once: each line is complete. */
static void lines_do_not_mix(void **state)
{
    (void)state;
    enum { SENDERS = 4, EACH = 100 };
    struct attempts attempts;
    char name[32], detail[300];
    memset(detail, 'x', sizeof detail);
    detail[sizeof detail - 1] = '\0';
    for (int sender = 0; sender < SENDERS; sender++)
        if (fork() == 0) {
            for (int i = 0; i < EACH; i++) {
                snprintf(name, sizeof name, "%d-%d", sender, i);
                note(name, i, "smtp-rcpt-450", detail);
            }
            _exit(0);
        }
    for (int sender = 0; sender < SENDERS; sender++)
        assert_true(wait(NULL) > 0);
    attempts_read(folder, &attempts);
    assert_int_equal(attempts.count, SENDERS * EACH);
    for (size_t i = 0; i < attempts.count; i++)
        assert_int_equal(strlen(attempts.item[i].detail), sizeof detail - 1);
    attempts_free(&attempts);
}

static void it_does_not_grow_for_ever(void **state)
{
    (void)state;
    struct stat st;
    struct attempts attempts;
    for (int i = 0; i < 20000; i++)
        note("aa-1", i, "smtp-rcpt-450", "a reply of some length, so that the file is soon full");
    assert_int_equal(stat(path, &st), 0);
    assert_in_range(st.st_size, ATTEMPTS_MAX, ATTEMPTS_MAX + 1000);
    assert_int_equal(st.st_mode & 07777, 0660);
    char waiting[] = "aa-1";
    attempts_keep(folder, is_in, waiting, false);
    attempts_read(folder, &attempts);
    assert_int_equal(attempts.count, 1);
    attempts_free(&attempts);
}

static void no_place_is_no_matter(void **state)
{
    (void)state;
    struct attempts attempts;
    struct delivery_result result = {.reason = "smtp-rcpt-450"};
    static const char *const places[] = {NULL, "/nowhere/at/all", "/dev/null"};
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        attempts_note(places[i], "aa-1", 1, &result);
        attempts_keep(places[i], is_in, (char[]){"aa-1"}, true);
        attempts_read(places[i], &attempts);
        assert_int_equal(attempts.count, 0);
        attempts_free(&attempts);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(the_last_counts, up),
        cmocka_unit_test_setup(a_run_keeps_what_waits, up),
        cmocka_unit_test_setup(lines_do_not_mix, up),
        cmocka_unit_test_setup(it_does_not_grow_for_ever, up),
        cmocka_unit_test_setup(no_place_is_no_matter, up),
    };
    umask(007);
    if (!mkdtemp(folder))
        return 1;
    snprintf(path, sizeof path, "%s/attempts", folder);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    unlink(path);
    return rmdir(folder) == 0 ? failed : 1;
}
