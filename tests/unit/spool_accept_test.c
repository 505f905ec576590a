/* The receiver's side: what is stored, recognised, replaced and refused. */
#include "scratch.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>

#include "spool/accept.h"

/* What the file system says of itself; 0 in f_bsize: what it really says. */
static struct statvfs space;

int fstatvfs(int fd, struct statvfs *fs)
{
    struct statfs real;
    if (space.f_bsize) {
        *fs = space;
        return 0;
    }
    if (fstatfs(fd, &real) < 0)
        return -1;
    *fs = (struct statvfs){.f_bsize = (unsigned long)real.f_bsize,
        .f_frsize = (unsigned long)real.f_frsize,
        .f_bavail = real.f_bavail,
        .f_files = real.f_files,
        .f_favail = real.f_ffree};
    return 0;
}

static struct accept_batch batch_of(struct scratch *s)
{
    struct accept_batch batch;
    accept_init(&batch, &s->spool, false, 0, 0);
    return batch;
}

static enum accept_result put(struct accept_batch *batch, const char *id, const char *body)
{
    struct buf file = {0};
    scratch_event(id, body, &file);
    enum accept_result result = accept_put(batch, id, &file);
    buf_free(&file);
    return result;
}

static void assert_intact(struct scratch *s, enum spool_dir dir, const char *id, const char *body)
{
    struct spool_file file;
    assert_true(spool_read(&s->spool, dir, id, &file));
    assert_null(file.torn);
    assert_int_equal(file.record.length, strlen(body));
    assert_memory_equal(file.record.body, body, strlen(body));
    spool_file_free(&file);
}

static void stores_then_recognises(void **state)
{
    struct scratch *s = *state;
    struct accept_batch batch = batch_of(s);
    assert_int_equal(put(&batch, scratch_id, "{}"), ACCEPT_STORED);
    assert_true(accept_sync(&batch));
    assert_int_equal(put(&batch, scratch_id, "{}"), ACCEPT_DUPLICATE);
    assert_true(accept_sync(&batch));
    assert_int_equal(scratch_count(s, DIR_NEW), 1);
    assert_int_equal(scratch_count(s, DIR_TMP), 0);
    assert_intact(s, DIR_NEW, scratch_id, "{}");
}

static void same_event_twice_in_a_batch(void **state)
{
    struct scratch *s = *state;
    struct accept_batch batch = batch_of(s);
    assert_int_equal(put(&batch, scratch_id, "{}"), ACCEPT_STORED);
    assert_int_equal(put(&batch, scratch_id, "{}"), ACCEPT_DUPLICATE);
    assert_int_equal(put(&batch, scratch_id2, "[]"), ACCEPT_STORED);
    assert_true(accept_sync(&batch));
    assert_int_equal(scratch_count(s, DIR_NEW), 2);
}

/* A name found in new/ may be a torn file that only memory still shows intact. */
static void replaces_what_it_meets_in_new(void **state)
{
    struct scratch *s = *state;
    struct accept_batch batch = batch_of(s);
    char name[80];
    snprintf(name, sizeof name, "new/%s", scratch_id);
    scratch_write(s, name, "\0\0\0\0", 4);
    assert_int_equal(put(&batch, scratch_id, "{\"a\":1}"), ACCEPT_DUPLICATE);
    assert_true(accept_sync(&batch));
    assert_intact(s, DIR_NEW, scratch_id, "{\"a\":1}");
}

static void done_is_a_duplicate_and_stores_nothing(void **state)
{
    struct scratch *s = *state;
    struct accept_batch batch = batch_of(s);
    char name[80];
    snprintf(name, sizeof name, "done/%s", scratch_id);
    scratch_write(s, name, "", 0);
    assert_int_equal(put(&batch, scratch_id, "{}"), ACCEPT_DUPLICATE);
    assert_true(batch.touched[DIR_DONE] && batch.touched[DIR_NEW]);
    assert_true(accept_sync(&batch));
    assert_int_equal(scratch_count(s, DIR_NEW), 0);
}

static void held_and_bad_do_not_count_as_known(void **state)
{
    struct scratch *s = *state;
    struct accept_batch batch = batch_of(s);
    char name[80];
    snprintf(name, sizeof name, "held/%s", scratch_id);
    scratch_write(s, name, "x", 1);
    snprintf(name, sizeof name, "bad/%s", scratch_id);
    scratch_write(s, name, "x", 1);
    assert_int_equal(put(&batch, scratch_id, "{}"), ACCEPT_STORED);
    assert_true(accept_sync(&batch));
}

static void holds_one_copy_of_an_unknown_event(void **state)
{
    struct scratch *s = *state;
    struct accept_batch batch = batch_of(s);
    struct buf file = {0};
    scratch_event(scratch_id, "{}", &file);
    assert_int_equal(accept_hold(&batch, scratch_id, &file), ACCEPT_STORED);
    assert_true(accept_sync(&batch));
    assert_int_equal(accept_hold(&batch, scratch_id, &file), ACCEPT_DUPLICATE);
    assert_true(accept_sync(&batch));
    assert_int_equal(scratch_count(s, DIR_HELD), 1);
    assert_int_equal(scratch_count(s, DIR_NEW), 0);
    buf_free(&file);
}

static void does_not_hold_what_is_known(void **state)
{
    struct scratch *s = *state;
    struct accept_batch batch = batch_of(s);
    struct buf file = {0};
    scratch_event(scratch_id, "{}", &file);
    assert_int_equal(put(&batch, scratch_id, "{}"), ACCEPT_STORED);
    assert_true(accept_sync(&batch));
    assert_int_equal(accept_hold(&batch, scratch_id, &file), ACCEPT_DUPLICATE);
    assert_int_equal(scratch_count(s, DIR_HELD), 0);
    buf_free(&file);
}

static void holds_when_new_is_torn(void **state)
{
    struct scratch *s = *state;
    struct accept_batch batch = batch_of(s);
    struct buf file = {0};
    char name[80];
    snprintf(name, sizeof name, "new/%s", scratch_id);
    scratch_write(s, name, "torn", 4);
    scratch_event(scratch_id, "{}", &file);
    assert_int_equal(accept_hold(&batch, scratch_id, &file), ACCEPT_STORED);
    assert_true(accept_sync(&batch));
    assert_int_equal(scratch_count(s, DIR_HELD), 1);
    buf_free(&file);
}

static void a_missing_directory_fails_and_leaves_nothing(void **state)
{
    struct scratch *s = *state;
    struct accept_batch batch = batch_of(s);
    char path[128];
    snprintf(path, sizeof path, "%s/new", s->path);
    assert_int_equal(rmdir(path), 0);
    assert_int_equal(put(&batch, scratch_id, "{}"), ACCEPT_FAILED);
    assert_non_null(strstr(s->spool.step, "new"));
    assert_int_equal(scratch_count(s, DIR_TMP), 0);
    assert_true(accept_sync(&batch));
    assert_int_equal(mkdir(path, 0770), 0);
}

/* The kernel reports a write error to the descriptors that were open: a batch reports it, once. */
static void a_failed_sync_fails_the_batch(void **state)
{
    struct scratch *s = *state;
    struct accept_batch batch = batch_of(s);
    assert_int_equal(put(&batch, scratch_id, "{}"), ACCEPT_STORED);
    int kept = dup(batch.file[0].temp.fd);
    int pipes[2];
    assert_int_equal(pipe(pipes), 0);
    assert_true(dup2(pipes[1], batch.file[0].temp.fd) >= 0); /* a pipe cannot be synced */
    assert_false(accept_sync(&batch));
    assert_int_equal(batch.count, 0);
    assert_true(spool_exists(&s->spool, DIR_NEW, scratch_id)); /* a visible name stays */
    assert_true(accept_sync(&batch));
    close(kept);
    close(pipes[0]);
    close(pipes[1]);
}

static void a_batch_fills(void **state)
{
    struct scratch *s = *state;
    struct accept_batch batch = batch_of(s);
    char id[ID_SIZE];
    for (unsigned i = 0; i < ACCEPT_BATCH_MAX; i++) {
        assert_false(accept_full(&batch));
        snprintf(id, sizeof id, "%032x", i);
        assert_int_equal(put(&batch, id, "{}"), ACCEPT_STORED);
    }
    assert_true(accept_full(&batch));
    assert_true(accept_sync(&batch));
    assert_false(accept_full(&batch));
    assert_int_equal(scratch_count(s, DIR_NEW), ACCEPT_BATCH_MAX);
}

static void keeps_a_reserve(void **state)
{
    struct scratch *s = *state;
    struct accept_batch batch;
    accept_init(&batch, &s->spool, false, INT64_MAX, 0);
    assert_false(accept_has_room(&batch));
    accept_init(&batch, &s->spool, false, 0, 0);
    assert_true(accept_has_room(&batch));
}

/* The reserve is what this user could still write: root's own share does not count. */
static void the_reserve_is_what_this_user_could_write(void **state)
{
    struct scratch *s = *state;
    struct accept_batch batch;
    const struct statvfs enough = {.f_bsize = 65536,
        .f_frsize = 1024,
        .f_bfree = 5000,
        .f_bavail = 1000,
        .f_files = 90000,
        .f_ffree = 7000,
        .f_favail = 200};
    accept_init(&batch, &s->spool, false, 1000 * 1024, 200);
    space = enough;
    assert_true(accept_has_room(&batch));
    space.f_bavail--;
    assert_false(accept_has_room(&batch));
    assert_int_equal(errno, ENOSPC);
    space = enough;
    space.f_favail--;
    assert_false(accept_has_room(&batch));
    assert_int_equal(errno, ENOSPC);
    space.f_files = 0; /* as many as there is room for, as on btrfs */
    assert_true(accept_has_room(&batch));
    space = enough;
    space.f_flag = ST_RDONLY;
    assert_false(accept_has_room(&batch));
    assert_int_equal(errno, EROFS);
    space = (struct statvfs){0};
}

int main(void)
{
#define SPOOL_TEST(f) cmocka_unit_test_setup_teardown(f, scratch_up, scratch_down)
    const struct CMUnitTest tests[] = {
        SPOOL_TEST(stores_then_recognises),
        SPOOL_TEST(same_event_twice_in_a_batch),
        SPOOL_TEST(replaces_what_it_meets_in_new),
        SPOOL_TEST(done_is_a_duplicate_and_stores_nothing),
        SPOOL_TEST(held_and_bad_do_not_count_as_known),
        SPOOL_TEST(holds_one_copy_of_an_unknown_event),
        SPOOL_TEST(does_not_hold_what_is_known),
        SPOOL_TEST(holds_when_new_is_torn),
        SPOOL_TEST(a_missing_directory_fails_and_leaves_nothing),
        SPOOL_TEST(a_failed_sync_fails_the_batch),
        SPOOL_TEST(a_batch_fills),
        SPOOL_TEST(keeps_a_reserve),
        SPOOL_TEST(the_reserve_is_what_this_user_could_write),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
