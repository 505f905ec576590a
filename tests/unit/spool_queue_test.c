/* The drain's small steps, replay claims, and forgetting. */
#include "scratch.h"

#include <fcntl.h>

#include "base/clock.h"
#include "spool/prune.h"
#include "spool/queue.h"
#include "spool/replay.h"

static const char mail[] = "0123456789abcdef0123456789abcdef-aaaaaaaaaaaa";

static void write_event(struct scratch *s, const char *name, const char *id)
{
    struct buf file = {0};
    scratch_event(id, "{}", &file);
    scratch_write(s, name, file.data, file.len);
    buf_free(&file);
}

static void in_dir(char out[400], const char *dir, const char *name)
{
    snprintf(out, 400, "%s/%s", dir, name);
}

static void set_age(struct scratch *s, enum spool_dir dir, const char *name, int64_t milliseconds)
{
    assert_true(queue_set_time(&s->spool, dir, name, clock_now() - milliseconds));
}

static void age(struct scratch *s, enum spool_dir dir, const char *name, int64_t days)
{
    set_age(s, dir, name, days * MS_PER_DAY);
}

static void one_lock_at_a_time(void **state)
{
    struct scratch *s = *state;
    struct spool other;
    struct buf why = {0};
    assert_true(spool_open(&other, s->path, &why));
    assert_int_equal(queue_lock(&s->spool), QUEUE_LOCKED);
    assert_int_equal(queue_lock(&other), QUEUE_BUSY);
    queue_unlock(&s->spool);
    assert_int_equal(queue_lock(&other), QUEUE_LOCKED);
    spool_close(&other);
}

static void the_probe_leaves_nothing(void **state)
{
    struct scratch *s = *state;
    char path[128];
    assert_true(queue_probe(&s->spool));
    assert_false(spool_exists(&s->spool, DIR_OUT, ".probe"));
    assert_false(spool_exists(&s->spool, DIR_SENT, ".probe"));
    snprintf(path, sizeof path, "%s/sent", s->path);
    assert_int_equal(rmdir(path), 0);
    assert_false(queue_probe(&s->spool));
    assert_int_equal(mkdir(path, 0770), 0);
}

static void due_now_later_and_after_a_jump(void **state)
{
    (void)state;
    int64_t now = clock_now();
    assert_true(queue_due(now, now, 3600000));
    assert_true(queue_due(now - MS_PER_DAY, now, 3600000));
    assert_false(queue_due(now + 1000, now, 3600000));
    assert_true(queue_due(now + 3600001, now, 3600000));
}

static void marks_and_times_stay_when_adopted(void **state)
{
    struct scratch *s = *state;
    struct spool_file before, after;
    char name[400];
    in_dir(name, "out", mail);
    write_event(s, name, scratch_id);
    assert_true(queue_mark(&s->spool, DIR_OUT, mail, QUEUE_UNKNOWN));
    age(s, DIR_OUT, mail, 3);
    assert_true(spool_read(&s->spool, DIR_OUT, mail, &before));
    assert_true(queue_adopt(&s->spool, DIR_OUT, mail, &before));
    assert_true(spool_read(&s->spool, DIR_OUT, mail, &after));
    assert_int_equal(after.mode & 07777, SPOOL_FILE_MODE | QUEUE_UNKNOWN);
    assert_int_equal(after.mtime, before.mtime);
    assert_int_equal(after.data.len, before.data.len);
    assert_int_equal(scratch_count(s, DIR_TMP), 0);
    spool_file_free(&before);
    spool_file_free(&after);
}

static void giving_up_says_why(void **state)
{
    struct scratch *s = *state;
    char name[400], why_name[80];
    in_dir(name, "out", mail);
    write_event(s, name, scratch_id);
    assert_true(queue_give_up(&s->spool, DIR_OUT, mail, DIR_FAILED, "refused: 550"));
    assert_true(spool_exists(&s->spool, DIR_FAILED, mail));
    assert_false(spool_exists(&s->spool, DIR_OUT, mail));
    snprintf(why_name, sizeof why_name, "%s.why", mail);
    struct spool_file why;
    assert_true(spool_read(&s->spool, DIR_FAILED, why_name, &why));
    assert_string_equal(buf_text(&why.data), "refused: 550\n");
    spool_file_free(&why);
}

/* ---- two names of one file ---- */

static void assert_moves(struct scratch *s, enum spool_dir from, enum spool_dir to)
{
    char old[400], new[400];
    in_dir(old, spool_dir_name(from), mail);
    in_dir(new, spool_dir_name(to), mail);
    write_event(s, old, scratch_id);
    scratch_link(s, old, new);
    assert_true(spool_move(&s->spool, from, mail, to, mail));
    assert_false(spool_exists(&s->spool, from, mail));
    assert_true(spool_exists(&s->spool, to, mail));
    assert_true(spool_remove(&s->spool, to, mail));
}

static void a_move_takes_the_old_name_away(void **state)
{
    assert_moves(*state, DIR_OUT, DIR_SENT);
    assert_moves(*state, DIR_OUT, DIR_FAILED);
    assert_moves(*state, DIR_OUT, DIR_BAD);
    assert_moves(*state, DIR_NEW, DIR_DONE);
    assert_moves(*state, DIR_NEW, DIR_BAD);
    assert_moves(*state, DIR_REPLAY, DIR_DONE);
}

static void so_does_one_that_replaces_nothing(void **state)
{
    struct scratch *s = *state;
    write_event(s, "bad/x", scratch_id);
    scratch_link(s, "bad/x", "new/x");
    write_event(s, "bad/y", scratch_id);
    write_event(s, "new/y", scratch_id);
    assert_int_equal(spool_move_new(&s->spool, DIR_BAD, "x", DIR_NEW, "x"), SPOOL_PUT);
    assert_false(spool_exists(&s->spool, DIR_BAD, "x"));
    assert_true(spool_exists(&s->spool, DIR_NEW, "x"));
    assert_int_equal(spool_move_new(&s->spool, DIR_BAD, "y", DIR_NEW, "y"), SPOOL_PUT_EXISTS);
    assert_true(spool_exists(&s->spool, DIR_BAD, "y"));
}

static void a_link_is_sent_and_a_copy_is_not(void **state)
{
    struct scratch *s = *state;
    char out[400], sent[400];
    in_dir(out, "out", mail);
    in_dir(sent, "sent", mail);
    write_event(s, sent, scratch_id);
    assert_false(queue_was_sent(&s->spool, mail));
    scratch_link(s, sent, out);
    assert_true(queue_was_sent(&s->spool, mail));
    assert_true(spool_remove(&s->spool, DIR_OUT, mail));
    write_event(s, out, scratch_id);
    assert_false(queue_was_sent(&s->spool, mail));
}

static void a_claim_takes_a_free_replay_number(void **state)
{
    struct scratch *s = *state;
    char taken[80], claimed[MAIL_NAME_SIZE], want[80];
    snprintf(taken, sizeof taken, "replay/%s.1700000000", scratch_id);
    write_event(s, taken, scratch_id);
    write_event(s, "replay/again", scratch_id);
    assert_true(replay_claim(&s->spool, "again", scratch_id, 1700000000, claimed));
    snprintf(want, sizeof want, "%s.1700000001", scratch_id);
    assert_string_equal(claimed, want);
    assert_int_equal(scratch_count(s, DIR_REPLAY), 2);
}

static void replays_put_twice_are_two(void **state)
{
    struct scratch *s = *state;
    struct buf file = {0};
    scratch_event(scratch_id, "{}", &file);
    assert_true(replay_put(&s->spool, scratch_id, &file));
    assert_true(replay_put(&s->spool, scratch_id, &file));
    assert_int_equal(scratch_count(s, DIR_REPLAY), 2);
    assert_int_equal(scratch_count(s, DIR_TMP), 0);
    buf_free(&file);
}

/* ---- prune ---- */

static struct prune_options monthly(void)
{
    return (struct prune_options){
        .now = clock_now(), .retention = 30 * MS_PER_DAY, .retention_sent = 30 * MS_PER_DAY};
}

static void set_stamp(struct scratch *s, int64_t ago)
{
    char path[128];
    scratch_write(s, ".pruned", "", 0);
    snprintf(path, sizeof path, "%s/.pruned", s->path);
    struct timespec ts = time_to_timespec(clock_now() - ago);
    assert_int_equal(utimensat(AT_FDCWD, path, (struct timespec[]){ts, ts}, 0), 0);
}

static void fill(struct scratch *s)
{
    char name[400];
    in_dir(name, "done", scratch_id);
    write_event(s, name, scratch_id);
    in_dir(name, "done", scratch_id2);
    write_event(s, name, scratch_id2);
    in_dir(name, "sent", mail);
    write_event(s, name, scratch_id);
    age(s, DIR_DONE, scratch_id, 31);
    age(s, DIR_DONE, scratch_id2, 29);
    age(s, DIR_SENT, mail, 31);
}

static struct prune_result prune_with(struct scratch *s, struct prune_options options)
{
    struct prune_result result;
    assert_true(prune(&s->spool, &options, &result));
    return result;
}

static void forgets_only_what_is_old(void **state)
{
    struct scratch *s = *state;
    fill(s);
    set_stamp(s, MS_PER_DAY + 1000);
    struct prune_result result = prune_with(s, monthly());
    assert_true(result.visited);
    assert_int_equal(result.done, 1);
    assert_int_equal(result.sent, 1);
    assert_true(spool_exists(&s->spool, DIR_DONE, scratch_id2));
    assert_false(prune_with(s, monthly()).visited); /* once a day */
}

/* Each directory has its own retention. */
static void forgets_each_by_its_own_retention(void **state)
{
    struct scratch *s = *state;
    fill(s);
    struct prune_options options = {.now = clock_now(),
        .retention = 20 * MS_PER_DAY,
        .retention_sent = 40 * MS_PER_DAY,
        .at_once = true};
    struct prune_result result = prune_with(s, options);
    assert_int_equal(result.done, 2);
    assert_int_equal(result.sent, 0);
    options.retention_sent = 30 * MS_PER_DAY;
    assert_int_equal(prune_with(s, options).sent, 1);
}

static void keeps_ids_in_play(void **state)
{
    static const char *const places[] = {"new/%s", "held/%s", "bad/%s", "replay/any",
        "replay/%s.17", "out/%s-bbbbbbbbbbbb", "failed/%s-bbbbbbbbbbbb",
        "failed/%s.18-bbbbbbbbbbbb"};
    struct scratch *s = *state;
    fill(s);
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        char name[120], path[200];
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
        snprintf(name, sizeof name, places[i], scratch_id);
#pragma GCC diagnostic pop
        write_event(s, name, scratch_id);
        struct prune_options options = monthly();
        options.at_once = true;
        struct prune_result result = prune_with(s, options);
        assert_int_equal(result.done + result.sent, 0);
        snprintf(path, sizeof path, "%s/%s", s->path, name);
        assert_int_equal(unlink(path), 0);
    }
}

static void believes_no_clock_that_jumped(void **state)
{
    struct scratch *s = *state;
    fill(s);
    assert_false(prune_with(s, monthly()).visited); /* no stamp: the first visit only makes one */
    set_stamp(s, 3 * MS_PER_DAY);
    assert_false(prune_with(s, monthly()).visited);
    set_stamp(s, -MS_PER_DAY);
    assert_false(prune_with(s, monthly()).visited);
    assert_true(spool_exists(&s->spool, DIR_DONE, scratch_id));
    assert_false(prune_with(s, monthly()).visited); /* renewed just now */
}

static void sweeps_old_temp_files(void **state)
{
    struct scratch *s = *state;
    scratch_write(s, "tmp/1.2.3", "", 0);
    scratch_write(s, "tmp/4.5.6", "", 0);
    /* A request may last five minutes, a bulk copy longer. */
    set_age(s, DIR_TMP, "1.2.3", 61 * 60 * MS_PER_SECOND);
    set_age(s, DIR_TMP, "4.5.6", 59 * 60 * MS_PER_SECOND);
    struct prune_options options = monthly();
    options.at_once = options.dry_run = true;
    assert_int_equal(prune_with(s, options).temp, 1);
    assert_int_equal(scratch_count(s, DIR_TMP), 2);
    options.dry_run = false;
    assert_int_equal(prune_with(s, options).temp, 1);
    assert_int_equal(scratch_count(s, DIR_TMP), 1);
}

/* ---- opening ---- */

static void refuses_what_is_unsafe(void **state)
{
    struct scratch *s = *state;
    struct spool other;
    struct buf why = {0};
    char path[128];
    snprintf(path, sizeof path, "%s/held", s->path);
    assert_int_equal(chmod(path, 0777), 0);
    assert_false(spool_open(&other, s->path, &why));
    assert_non_null(strstr(buf_text(&why), "writable by everybody"));
    spool_close(&other);
    buf_clear(&why);
    assert_false(spool_open(&other, "/nonexistent/spool", &why));
    assert_non_null(strstr(buf_text(&why), "does not exist"));
    spool_close(&other);
    buf_free(&why);
}

static void reads_regular_files_only(void **state)
{
    struct scratch *s = *state;
    struct spool_file file;
    char path[128];
    snprintf(path, sizeof path, "%s/new/%s", s->path, scratch_id);
    assert_int_equal(symlink("/etc/passwd", path), 0);
    assert_false(spool_read(&s->spool, DIR_NEW, scratch_id, &file));
    assert_int_equal(unlink(path), 0);
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_false(spool_read(&s->spool, DIR_NEW, scratch_id, &file));
    assert_int_equal(scratch_count(s, DIR_NEW), 0);
}

int main(void)
{
#define SPOOL_TEST(f) cmocka_unit_test_setup_teardown(f, scratch_up, scratch_down)
    const struct CMUnitTest tests[] = {
        SPOOL_TEST(one_lock_at_a_time),
        SPOOL_TEST(the_probe_leaves_nothing),
        cmocka_unit_test(due_now_later_and_after_a_jump),
        SPOOL_TEST(marks_and_times_stay_when_adopted),
        SPOOL_TEST(giving_up_says_why),
        SPOOL_TEST(a_move_takes_the_old_name_away),
        SPOOL_TEST(so_does_one_that_replaces_nothing),
        SPOOL_TEST(a_link_is_sent_and_a_copy_is_not),
        SPOOL_TEST(a_claim_takes_a_free_replay_number),
        SPOOL_TEST(replays_put_twice_are_two),
        SPOOL_TEST(forgets_only_what_is_old),
        SPOOL_TEST(forgets_each_by_its_own_retention),
        SPOOL_TEST(keeps_ids_in_play),
        SPOOL_TEST(believes_no_clock_that_jumped),
        SPOOL_TEST(sweeps_old_temp_files),
        SPOOL_TEST(refuses_what_is_unsafe),
        SPOOL_TEST(reads_regular_files_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
