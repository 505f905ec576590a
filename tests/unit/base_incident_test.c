#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/incident.h"
#include "base/log.h"

static char folder[] = "/tmp/bookspool-incident-XXXXXX";

static int make_folder(void **state)
{
    (void)state;
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
    (void)state;
    return rmdir(folder);
}

static void path_of(const char *name, char path[100])
{
    snprintf(path, 100, "%s/%s", folder, name);
}

static void before_it_is_opened_nothing_is_kept(void **state)
{
    struct buf lines = {0};
    (void)state;
    incident_note("too-early");
    assert_false(incident_take(folder, &lines));
    buf_free(&lines);
}

static void an_error_line_of_the_log_is_kept(void **state)
{
    struct buf lines = {0};
    struct incident one;
    (void)state;
    incident_open(folder, "bookspool-fcgi");
    log_warn(NULL, "only-a-warning", "text");
    incident_cause("smtp auth\n535");
    log_error(NULL, "blocked", "mail.example.org refused ann@example.org");
    log_error(NULL, "sync-failed", "new: Input/output error");
    for (int i = 0; i < 5; i++) /* within a minute: counted, not written */
        log_error(NULL, "sync-failed", "new: Input/output error");
    assert_true(incident_take(folder, &lines));
    assert_null(strstr(buf_text(&lines), "example.org"));
    const char *at = buf_text(&lines);
    assert_true(incident_next(&at, &one));
    assert_string_equal(one.program, "bookspool-fcgi");
    assert_string_equal(one.reason, "blocked");
    assert_string_equal(one.cause, "smtp?auth?535");
    assert_int_equal(one.count, 1);
    assert_true(incident_next(&at, &one));
    assert_string_equal(one.reason, "sync-failed");
    assert_string_equal(one.cause, ""); /* that of the line before is used up */
    assert_false(incident_next(&at, &one));
    buf_free(&lines);
}

/* Until they are reported they are kept, also those of a run that died. */
static void lines_stay_until_they_are_reported(void **state)
{
    struct buf first = {0}, second = {0};
    char path[100];
    struct stat st;
    (void)state;
    assert_true(incident_take(folder, &first));
    log_error(NULL, "another", "text");
    assert_true(incident_take(folder, &second));
    assert_string_equal(buf_text(&first), buf_text(&second));
    incident_taken(folder);
    second.len = 0;
    assert_true(incident_take(folder, &second));
    assert_non_null(strstr(buf_text(&second), " another - 1\n"));
    incident_taken(folder);
    assert_false(incident_take(folder, &second));
    path_of("incidents", path);
    assert_int_equal(stat(path, &st), -1);
    buf_free(&first);
    buf_free(&second);
}

static void the_file_has_an_end(void **state)
{
    char path[100], reason[40];
    struct stat st;
    (void)state;
    path_of("incidents", path);
    FILE *file = fopen(path, "w");
    for (int i = 0; i < INCIDENTS_MAX - 10; i++)
        fputc('x', file);
    fclose(file);
    for (int i = 0; i < 3; i++) {
        snprintf(reason, sizeof reason, "reason-%d", i);
        incident_note(reason);
    }
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_size, INCIDENTS_MAX - 10);
    unlink(path);
}

/* Its first line did not fit on the disk. */
static void an_empty_file_is_not_in_the_way(void **state)
{
    char path[100];
    struct buf lines = {0};
    (void)state;
    path_of("incidents", path);
    fclose(fopen(path, "w"));
    assert_false(incident_take(folder, &lines));
    incident_note("room-again");
    assert_true(incident_take(folder, &lines));
    assert_non_null(strstr(buf_text(&lines), " room-again - 1\n"));
    incident_taken(folder);
    buf_free(&lines);
}

static void lines_of_another_form_are_skipped(void **state)
{
    const char *at = "\nx\n1 a b\n12 prog why - 3\n99 prog why cause many\n13 prog why code 4\n";
    struct incident one;
    (void)state;
    assert_true(incident_next(&at, &one));
    assert_int_equal(one.when, 12);
    assert_int_equal(one.count, 3);
    assert_true(incident_next(&at, &one));
    assert_string_equal(one.cause, "code");
    assert_false(incident_next(&at, &one));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(before_it_is_opened_nothing_is_kept),
        cmocka_unit_test(an_error_line_of_the_log_is_kept),
        cmocka_unit_test(lines_stay_until_they_are_reported),
        cmocka_unit_test(the_file_has_an_end),
        cmocka_unit_test(an_empty_file_is_not_in_the_way),
        cmocka_unit_test(lines_of_another_form_are_skipped),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
