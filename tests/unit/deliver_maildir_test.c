/* The Maildir transport in a temp directory. */
#include <dirent.h>
#include <errno.h>
#include <ftw.h>
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

#include "deliver/maildir.h"

#define NAME "0123456789abcdef0123456789abcdef-0123456789ab"

static const char message[] = "Subject: hello\r\n\r\none\r\n.\r\ntwo\r\n";

struct scene {
    char root[64], path[128];
    void *maildir;
    bool goes_on; /* what before_end answers */
    int asked;
    int in_new; /* files there when it is asked */
};

static void in(const struct scene *scene, const char *name, char out[256])
{
    snprintf(out, 256, "%s/%s", scene->path, name);
}

static int up(void **state)
{
    struct scene *scene = calloc(1, sizeof *scene);
    struct buf why = {0};
    strcpy(scene->root, "/tmp/bookspool-unit-XXXXXX");
    if (!mkdtemp(scene->root))
        return -1;
    snprintf(scene->path, sizeof scene->path, "%s/Maildir", scene->root);
    scene->maildir = maildir_open(NULL, &(struct target){.path = scene->path}, &why);
    scene->goes_on = true;
    *state = scene;
    return scene->maildir ? 0 : -1;
}

static int take_away(const char *path, const struct stat *st, int kind, struct FTW *at)
{
    (void)st, (void)kind, (void)at;
    return remove(path);
}

static int down(void **state)
{
    struct scene *scene = *state;
    maildir_close(scene->maildir);
    int rc = nftw(scene->root, take_away, 8, FTW_DEPTH | FTW_PHYS);
    free(scene);
    return rc;
}

static int count(const struct scene *scene, const char *folder)
{
    char path[256];
    in(scene, folder, path);
    DIR *dir = opendir(path);
    int files = 0;
    if (!dir)
        return -1;
    for (struct dirent *entry; (entry = readdir(dir));)
        files += entry->d_name[0] != '.';
    closedir(dir);
    return files;
}

static bool before_end(void *context)
{
    struct scene *scene = context;
    scene->asked++;
    assert_int_equal(count(scene, "new"), scene->in_new);
    return scene->goes_on;
}

static struct delivery_result send_mail(struct scene *scene, bool repeat)
{
    struct delivery_result result = {0};
    int files = count(scene, "new");
    scene->in_new = files < 0 ? 0 : files;
    maildir_send(scene->maildir,
        &(struct delivery){.name = NAME,
            .from = "bookspool@example.org",
            .to = "owner@example.org",
            .data = message,
            .len = sizeof message - 1,
            .repeat = repeat,
            .before_end = before_end,
            .context = scene},
        &result);
    return result;
}

static void assert_result(struct delivery_result result, enum outcome outcome, const char *reason)
{
    assert_string_equal(result.reason, reason);
    assert_int_equal(result.outcome, outcome);
}

static void delivers_in_local_form(void **state)
{
    struct scene *scene = *state;
    static const char expected[] = "Return-Path: <bookspool@example.org>\n"
                                   "Delivered-To: owner@example.org\n"
                                   "Subject: hello\n\none\n.\ntwo\n";
    char path[256], text[512] = "";
    assert_result(send_mail(scene, false), OUTCOME_SENT, "maildir-new");
    assert_int_equal(scene->asked, 1);
    in(scene, "new/" NAME ".bookspool", path);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    assert_int_equal(fread(text, 1, sizeof text - 1, file), sizeof expected - 1);
    fclose(file);
    assert_string_equal(text, expected);
    assert_int_equal(count(scene, "tmp"), 0);
    assert_int_equal(count(scene, "cur"), 0);
}

static void a_repeat_meets_its_own_file(void **state)
{
    struct scene *scene = *state;
    assert_result(send_mail(scene, false), OUTCOME_SENT, "maildir-new");
    assert_result(send_mail(scene, true), OUTCOME_SENT, "maildir-there");
    assert_int_equal(count(scene, "new"), 1);
}

static void a_repeat_meets_its_own_file_when_it_was_read(void **state)
{
    struct scene *scene = *state;
    char from[256], to[256];
    assert_result(send_mail(scene, false), OUTCOME_SENT, "maildir-new");
    in(scene, "new/" NAME ".bookspool", from);
    in(scene, "cur/" NAME ".bookspool:2,S", to);
    assert_int_equal(rename(from, to), 0);
    assert_result(send_mail(scene, true), OUTCOME_SENT, "maildir-there");
    assert_int_equal(count(scene, "new"), 0);
}

static void a_repeat_that_meets_nothing_delivers(void **state)
{
    struct scene *scene = *state;
    assert_result(send_mail(scene, true), OUTCOME_SENT, "maildir-new");
    assert_int_equal(count(scene, "new"), 1);
}

static void sent_again_on_purpose_gets_its_own_name(void **state)
{
    struct scene *scene = *state;
    char from[256], to[256];
    assert_result(send_mail(scene, false), OUTCOME_SENT, "maildir-new");
    assert_result(send_mail(scene, false), OUTCOME_SENT, "maildir-new");
    in(scene, "new/" NAME ".bookspool", from);
    in(scene, "cur/" NAME ".bookspool:2,", to);
    assert_int_equal(rename(from, to), 0);
    assert_result(send_mail(scene, false), OUTCOME_SENT, "maildir-new");
    assert_int_equal(count(scene, "new"), 2);
    in(scene, "new/" NAME ".2.bookspool", from);
    assert_int_equal(access(from, F_OK), 0);
}

static void given_up_before_it_is_complete(void **state)
{
    struct scene *scene = *state;
    scene->goes_on = false;
    assert_result(send_mail(scene, false), OUTCOME_RETRY, "maildir-before-end");
    assert_int_equal(count(scene, "new"), 0);
    assert_int_equal(count(scene, "tmp"), 0);
}

static void a_dead_run_left_a_torn_file(void **state)
{
    struct scene *scene = *state;
    char path[256];
    assert_result(send_mail(scene, false), OUTCOME_SENT, "maildir-new");
    in(scene, "tmp/" NAME ".bookspool", path);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fclose(file), 0);
    assert_result(send_mail(scene, false), OUTCOME_SENT, "maildir-new");
    assert_int_equal(count(scene, "tmp"), 0);
}

static void what_cannot_be_written_is_blocked(void **state)
{
    struct scene *scene = *state;
    FILE *file = fopen(scene->path, "w"); /* a file where the directory should be */
    assert_non_null(file);
    assert_int_equal(fclose(file), 0);
    assert_result(send_mail(scene, false), OUTCOME_BLOCKED, "maildir-open");
    assert_int_equal(unlink(scene->path), 0);
    assert_result(send_mail(scene, false), OUTCOME_SENT, "maildir-new");
}

static void a_folder_that_went_away_is_blocked(void **state)
{
    struct scene *scene = *state;
    char path[256];
    assert_result(send_mail(scene, false), OUTCOME_SENT, "maildir-new");
    in(scene, "tmp", path);
    assert_int_equal(rmdir(path), 0);
    assert_result(send_mail(scene, false), OUTCOME_BLOCKED, "maildir-write");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, up, down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(delivers_in_local_form),
        TEST(a_repeat_meets_its_own_file),
        TEST(a_repeat_meets_its_own_file_when_it_was_read),
        TEST(a_repeat_that_meets_nothing_delivers),
        TEST(sent_again_on_purpose_gets_its_own_name),
        TEST(given_up_before_it_is_complete),
        TEST(a_dead_run_left_a_torn_file),
        TEST(what_cannot_be_written_is_blocked),
        TEST(a_folder_that_went_away_is_blocked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
