/* Counters survive whatever happens to their file, and several processes count exactly. */
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "base/counters.h"
#include "base/log.h"
#include "scratch.h"
#include "spool/survey.h"

static char dir[64], path[128];

static int up(void **state)
{
    (void)state;
    strcpy(dir, "/tmp/bookspool-unit-XXXXXX");
    if (!mkdtemp(dir))
        return -1;
    snprintf(path, sizeof path, "%s/counters", dir);
    return 0;
}

static int down(void **state)
{
    (void)state;
    return nftw(dir, scratch_remove, 8, FTW_DEPTH | FTW_PHYS);
}

/* What the file holds, read as `bookspool status` does, in a process of its own. */
static uint64_t in_file(enum counter which)
{
    int ends[2];
    uint64_t value = 0;
    assert_int_equal(pipe(ends), 0);
    pid_t reader = fork();
    if (reader == 0) {
        value = counters_open_readonly(dir) ? counter_get(which) : 999999999;
        _exit(write(ends[1], &value, sizeof value) == sizeof value ? 0 : 1);
    }
    close(ends[1]);
    assert_int_equal(read(ends[0], &value, sizeof value), sizeof value);
    close(ends[0]);
    assert_int_equal(waitpid(reader, NULL, 0), reader);
    return value;
}

/* Runs it in a process of its own, whose counters begin afresh; its wait status. */
static int in_process(void (*job)(void))
{
    int status;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct rlimit none = {0};
        setrlimit(RLIMIT_CORE, &none);
        log_setup(&(struct log_options){.program = "test", .level = LOG_LEVEL_ERROR});
        job();
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    return status;
}

#define must(x)                                                                                    \
    do {                                                                                           \
        if (!(x)) {                                                                                \
            fprintf(stderr, "# line %d: %s\n", __LINE__, #x);                                      \
            _exit(1);                                                                              \
        }                                                                                          \
    } while (0)

static void count_and_truncate(void)
{
    must(counters_open(dir));
    counter_add(COUNT_OTHER_REQUESTS, 7);
    counter_set(COUNT_DRAIN_LAST_AT, 1000);
    for (int round = 0; round < 3; round++) {
        must(truncate(path, 0) == 0);
        counter_add(COUNT_OTHER_REQUESTS, 5);
        counter_set(COUNT_DRAIN_LAST_AT, 2000);
        must(counter_get(COUNT_OTHER_REQUESTS) == 5);
        must(counter_get(COUNT_BROKEN_CONNECTIONS) == 0);
    }
}

static void a_truncated_file(void **state)
{
    (void)state;
    assert_int_equal(in_process(count_and_truncate), 0);
    assert_int_equal(in_file(COUNT_OTHER_REQUESTS), 5);
    assert_int_equal(in_file(COUNT_DRAIN_LAST_AT), 2000);
}

/* Reading may be the first to meet it. */
static void truncate_and_read(void)
{
    must(counters_open(dir));
    counter_add(COUNT_OTHER_REQUESTS, 7);
    must(truncate(path, 0) == 0);
    must(counter_get(COUNT_OTHER_REQUESTS) == 0);
    counter_add(COUNT_OTHER_REQUESTS, 1);
}

static void a_truncated_file_that_is_read(void **state)
{
    (void)state;
    assert_int_equal(in_process(truncate_and_read), 0);
    assert_int_equal(in_file(COUNT_OTHER_REQUESTS), 1);
}

static void count_while_unavailable(void)
{
    struct stat st;
    must(!counters_open(dir));
    counter_add(COUNT_OTHER_REQUESTS, 3);
    must(counter_get(COUNT_OTHER_REQUESTS) == 3);
    must(rmdir(path) == 0);
    usleep(1100 * 1000);
    counters_check();
    counter_add(COUNT_OTHER_REQUESTS, 1);
    must(stat(path, &st) == 0 && S_ISREG(st.st_mode));
}

static void counted_in_memory_until_there_is_a_file(void **state)
{
    (void)state;
    assert_int_equal(mkdir(path, 0700), 0);
    assert_int_equal(in_process(count_while_unavailable), 0);
    assert_int_equal(in_file(COUNT_OTHER_REQUESTS), 4);
}

/* Points in time, numbers that a run finds, and what programs keep for themselves. */
static const enum counter latest[] = {COUNT_SECRET_USED_AT, COUNT_SECRET_USED_AT + 3,
    COUNT_DRAIN_LAST_AT, COUNT_MAIL_LAST_AT, COUNT_DRAIN_FAILED_AT, COUNT_MAIL_STUCK_AT,
    COUNT_FILES + 8, COUNT_UNCOMPOSED_NOW, COUNT_CLOCK_SKEW, COUNT_SURVEY_ACCEPTED};
enum { LATEST = sizeof latest / sizeof *latest };

static void set_all(void)
{
    must(counters_open(dir));
    for (size_t i = 0; i < LATEST; i++)
        counter_set(latest[i], 1000);
    counter_add(COUNT_SECRET_USED, 1000);
    counter_observe(COUNT_SYNC_TIME, 100);
}

static void set_all_while_unavailable(void)
{
    char aside[160];
    snprintf(aside, sizeof aside, "%s.aside", path);
    must(!counters_open(dir));
    for (size_t i = 0; i < LATEST; i++)
        counter_set(latest[i], 7);
    counter_add(COUNT_SECRET_USED, 7);
    counter_observe(COUNT_SYNC_TIME, 90);
    must(rmdir(path) == 0 && rename(aside, path) == 0);
    usleep(1100 * 1000);
    counters_check();
}

/* What was set in memory takes the place of what the file holds; what was counted is added. */
static void the_latest_value_is_no_sum(void **state)
{
    (void)state;
    char aside[160];
    snprintf(aside, sizeof aside, "%s.aside", path);
    assert_int_equal(in_process(set_all), 0);
    assert_true(rename(path, aside) == 0 && mkdir(path, 0700) == 0);
    assert_int_equal(in_process(set_all_while_unavailable), 0);
    for (size_t i = 0; i < LATEST; i++)
        assert_int_equal(in_file(latest[i]), 7);
    assert_int_equal(in_file(COUNT_SECRET_USED), 1007);
    assert_int_equal(in_file(COUNT_SYNC_TIME + 3), 2); /* up to 100 us */
    assert_int_equal(in_file(COUNT_SYNC_TIME_END), 190);
}

static void count_and_replace(void)
{
    char other[160];
    snprintf(other, sizeof other, "%s.new", path);
    must(counters_open(dir));
    counter_add(COUNT_OTHER_REQUESTS, 7);
    must(unlink(path) == 0);
    usleep(1100 * 1000);
    counters_check();
    counter_add(COUNT_OTHER_REQUESTS, 2); /* into a new file */
    must(access(path, F_OK) == 0 && in_file(COUNT_OTHER_REQUESTS) == 2);
    int fd = open(other, O_WRONLY | O_CREAT, 0660);
    must(fd >= 0 && ftruncate(fd, 65536) == 0 && close(fd) == 0 && rename(other, path) == 0 &&
         chmod(path, 0600) == 0);
    usleep(1100 * 1000);
    counters_check();
    counter_add(COUNT_OTHER_REQUESTS, 3);
}

static void a_file_that_is_removed_or_replaced(void **state)
{
    (void)state;
    assert_int_equal(in_process(count_and_replace), 0);
    assert_int_equal(in_file(COUNT_OTHER_REQUESTS), 3);
}

/* What is no file of counters is left alone. */
static void count_over_something_else(void)
{
    must(!counters_open(dir));
    counter_add(COUNT_OTHER_REQUESTS, 1);
}

static void something_else_in_its_place(void **state)
{
    (void)state;
    char text[17] = "";
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs("not counters at all", file) >= 0 && fclose(file) == 0);
    assert_int_equal(in_process(count_over_something_else), 0);
    file = fopen(path, "r");
    assert_int_equal(fread(text, 1, 16, file), 16);
    assert_string_equal(text, "not counters at ");
    fclose(file);
}

enum { CHILDREN = 4, ADDS = 20000, CUTS = 300 };

/* Each begins when a byte comes from `go`. */
static void start_adding(pid_t child[CHILDREN], int go)
{
    int ready[2];
    assert_int_equal(pipe(ready), 0);
    for (int i = 0; i < CHILDREN; i++) {
        child[i] = fork();
        assert_true(child[i] >= 0);
        if (child[i])
            continue;
        char c;
        log_setup(&(struct log_options){.program = "test", .level = LOG_LEVEL_ERROR});
        must(counters_open(dir));
        must(write(ready[1], "r", 1) == 1 && read(go, &c, 1) == 1);
        for (int n = 0; n < ADDS; n++)
            counter_add(COUNT_OTHER_REQUESTS, 1);
        _exit(0);
    }
    for (int i = 0; i < CHILDREN; i++) {
        char c;
        assert_int_equal(read(ready[0], &c, 1), 1);
    }
    close(ready[0]);
    close(ready[1]);
}

static void wait_for_all(const pid_t child[CHILDREN])
{
    for (int i = 0; i < CHILDREN; i++) {
        int status;
        assert_int_equal(waitpid(child[i], &status, 0), child[i]);
        assert_int_equal(status, 0);
    }
}

/* All have it open when it is truncated; none of what they count after that is lost. */
static void processes_that_count_after_it_was_truncated(void **state)
{
    (void)state;
    pid_t child[CHILDREN];
    int go[2];
    assert_int_equal(pipe(go), 0);
    start_adding(child, go[0]);
    assert_int_equal(truncate(path, 0), 0);
    assert_int_equal(write(go[1], "....", CHILDREN), CHILDREN);
    wait_for_all(child);
    close(go[0]);
    close(go[1]);
    assert_int_equal(in_file(COUNT_OTHER_REQUESTS), CHILDREN * ADDS);
}

static void processes_that_count_while_it_is_truncated(void **state)
{
    (void)state;
    pid_t child[CHILDREN];
    int go[2];
    assert_int_equal(pipe(go), 0);
    start_adding(child, go[0]);
    assert_int_equal(write(go[1], "....", CHILDREN), CHILDREN);
    for (int i = 0; i < CUTS; i++)
        assert_int_equal(truncate(path, 0), 0);
    wait_for_all(child);
    close(go[0]);
    close(go[1]);
}

/* ---- sixteen workers, killed at random ---- */

enum { WORKERS = 16, KILLS = 60, LEAST = 100 };

/* What each worker is about to count, and has counted; it dies between the two, or not. */
struct work {
    _Atomic uint64_t begun, done;
};

static void work(struct work *mine)
{
    counters_open(dir);
    for (uint64_t n = 1;; n++) {
        atomic_fetch_add(&mine->begun, 1);
        counter_add(counter_at(COUNT_REQUESTS, 1, 3), 1);
        counter_observe(COUNT_SYNC_TIME, 7);
        counter_set(COUNT_DRAIN_LAST_AT, (int64_t)(n % 255 * UINT64_C(0x0101010101010101)));
        atomic_fetch_add(&mine->done, 1);
        if (n % 500 == 0)
            usleep(100); /* two processors may be all there are */
    }
}

static pid_t start_worker(struct work *mine)
{
    pid_t child = fork();
    if (child == 0)
        work(mine);
    assert_true(child > 0);
    return child;
}

/* All bytes of the value are the same, or it was read while half of it was written. */
static void assert_not_torn(uint64_t value)
{
    if (value != (value & 0xff) * UINT64_C(0x0101010101010101))
        fail_msg("%016llx is torn", (unsigned long long)value);
}

/* A worker that dies has counted all that it has done, and at most the one that it had begun. */
static void sixteen_workers_that_are_killed(void **state)
{
    (void)state;
    struct work *all = mmap(
        NULL, WORKERS * sizeof *all, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pid_t child[WORKERS];
    uint64_t begun = 0, done = 0;
    assert_true(all != MAP_FAILED);
    for (int i = 0; i < WORKERS; i++)
        child[i] = start_worker(&all[i]);
    for (int kills = 0; kills < KILLS; kills++) {
        int i = rand() % WORKERS;
        uint64_t seen = atomic_load(&all[i].done);
        while (atomic_load(&all[i].done) < seen + LEAST)
            usleep(100);
        kill(child[i], SIGKILL);
        assert_int_equal(waitpid(child[i], NULL, 0), child[i]);
        assert_not_torn(in_file(COUNT_DRAIN_LAST_AT));
        child[i] = start_worker(&all[i]);
    }
    for (int i = 0; i < WORKERS; i++) {
        kill(child[i], SIGKILL);
        assert_int_equal(waitpid(child[i], NULL, 0), child[i]);
        begun += atomic_load(&all[i].begun);
        done += atomic_load(&all[i].done);
    }
    munmap(all, WORKERS * sizeof *all);
    assert_in_range(done, (uint64_t)KILLS * LEAST, UINT64_MAX);
    assert_in_range(begun, done, done + KILLS + WORKERS);
    assert_in_range(in_file(counter_at(COUNT_REQUESTS, 1, 3)), done, begun);
    assert_in_range(in_file(COUNT_SYNC_TIME), done, begun); /* up to 10 us */
    assert_in_range(in_file(COUNT_SYNC_TIME_END), 7 * done, 7 * begun);
    assert_int_equal(in_file(COUNT_SYNC_TIME + 1), 0);
}

/* ---- other versions of the file ---- */

static void write_version(const char *magic, size_t numbers, uint64_t value)
{
    FILE *out = fopen(path, "w");
    assert_non_null(out);
    assert_int_equal(fwrite(magic, 1, 16, out), 16);
    for (size_t i = 0; i < numbers; i++)
        assert_int_equal(fwrite(&value, sizeof value, 1, out), 1);
    assert_int_equal(fclose(out), 0);
}

static void count_one(void)
{
    must(counters_open(dir));
    counter_add(COUNT_REQUESTS, 1);
}

static void a_file_of_an_earlier_version_is_started_anew(void **state)
{
    (void)state;
    pid_t child[WORKERS];
    write_version("bookspool-count2", 160, 77);
    assert_int_equal(in_file(COUNT_REQUESTS), 999999999); /* and never read as one of this */
    for (int i = 0; i < WORKERS; i++) {
        child[i] = fork();
        if (child[i] == 0) {
            log_setup(&(struct log_options){.program = "test", .level = LOG_LEVEL_ERROR});
            count_one();
            _exit(0);
        }
    }
    for (int i = 0; i < WORKERS; i++) {
        int status;
        assert_int_equal(waitpid(child[i], &status, 0), child[i]);
        assert_int_equal(status, 0);
    }
    assert_int_equal(in_file(COUNT_REQUESTS), WORKERS); /* all found the same new file */
    assert_true(in_file(COUNT_SINCE) > 0);
}

static void a_file_of_a_later_version_is_left_alone(void **state)
{
    (void)state;
    write_version("bookspool-count9", 160, 77);
    assert_int_equal(in_process(count_over_something_else), 0);
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_size, 16 + 160 * 8);
}

static void a_shorter_file_is_lengthened(void **state)
{
    (void)state;
    write_version("bookspool-count3", 10, 5);
    assert_int_equal(in_file(COUNT_REQUESTS + 9), 5);
    assert_int_equal(in_file(COUNT_REQUESTS + 10), 0);
    assert_int_equal(in_file(COUNT_DRAIN_LAST_AT), 0);
    assert_int_equal(in_process(count_one), 0);
    assert_int_equal(in_file(COUNT_REQUESTS), 6);
    assert_int_equal(in_file(COUNT_REQUESTS + 9), 5);
}

/* ---- the table ---- */

static void assert_name(const struct counter_row *row)
{
    size_t len = strlen(row->name);
    bool total = len > 6 && strcmp(row->name + len - 6, "_total") == 0;
    if (row->type != TYPE_STATE && strncmp(row->name, "bookspool_", 10) != 0)
        fail_msg("%s begins otherwise", row->name);
    if (total != (row->type == TYPE_COUNTER && row->name[0] == 'b'))
        fail_msg("%s: only counters end in _total", row->name);
    if ((row->unit == UNIT_US || row->unit == UNIT_MS) && !strstr(row->name, "_seconds"))
        fail_msg("%s: seconds are its unit", row->name);
    if (row->unit == UNIT_TIME && row->type == TYPE_GAUGE &&
        !strstr(row->name, "_timestamp_seconds"))
        fail_msg("%s is a time", row->name);
    assert_true(strlen(row->help) > 10 && row->help[strlen(row->help) - 1] == '.');
}

/* The names of values that other rooms have lists of, too. */
static void words_are_those_of_the_rooms(void **state)
{
    (void)state;
    for (enum provider p = 0; p < PROVIDERS; p++)
        assert_string_equal(counter_label_word(LABEL_PROVIDER, p), provider_name(p));
    assert_null(counter_label_word(LABEL_PROVIDER, PROVIDERS));
    for (enum event_kind kind = 0; kind < KINDS; kind++)
        assert_string_equal(counter_label_word(LABEL_KIND, kind), event_kind_name(kind));
    assert_null(counter_label_word(LABEL_KIND, KINDS));
    for (size_t i = 0; counter_label_word(LABEL_DIRECTORY, i); i++) {
        enum spool_dir d = 0;
        while (d < SPOOL_DIRS &&
               strcmp(spool_dir_name(d), counter_label_word(LABEL_DIRECTORY, i)) != 0)
            d++;
        assert_true(d < SPOOL_DIRS && survey_covers(d));
    }
}

static void the_table(void **state)
{
    (void)state;
    for (size_t i = 0; i < counter_rows; i++) {
        const struct counter_row *row = &counter_table[i];
        assert_name(row);
        for (size_t j = 0; j < i; j++)
            assert_string_not_equal(row->name, counter_table[j].name);
        assert_int_equal(counter_at(row->first, 0, 0), row->first);
        size_t room = counter_label_room(row->label[0]) * counter_label_room(row->label[1]);
        enum counter next = i + 1 < counter_rows ? counter_table[i + 1].first : COUNTERS;
        assert_int_equal(
            next - row->first, row->type == TYPE_HISTOGRAM ? HISTOGRAM_BOUNDS + 2 : room);
    }
    for (enum counter_label label = 0; label < COUNTER_LABELS; label++)
        for (size_t i = 0; counter_label_word(label, i); i++) {
            assert_true(i < counter_label_room(label));
            assert_int_equal(counter_label_value(label, counter_label_word(label, i)), i);
        }
    assert_string_equal(
        counter_label_word(LABEL_REASON, counter_label_value(LABEL_REASON, "new word")), "other");
}

static void fault_elsewhere(void)
{
    char other[160];
    snprintf(other, sizeof other, "%s.other", path);
    signal(SIGBUS, SIG_DFL); /* cmocka's own handler would go on with the next test */
    must(counters_open(dir));
    int fd = open(other, O_RDWR | O_CREAT, 0600);
    must(fd >= 0 && ftruncate(fd, 4096) == 0);
    volatile char *memory = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    must(memory != MAP_FAILED && ftruncate(fd, 0) == 0);
    memory[0] = 1;
}

static void another_fault_still_ends_the_program(void **state)
{
    (void)state;
    int status = in_process(fault_elsewhere);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGBUS);
}

int main(void)
{
#define COUNTERS_TEST(f) cmocka_unit_test_setup_teardown(f, up, down)
    const struct CMUnitTest tests[] = {
        COUNTERS_TEST(a_truncated_file),
        COUNTERS_TEST(a_truncated_file_that_is_read),
        COUNTERS_TEST(counted_in_memory_until_there_is_a_file),
        COUNTERS_TEST(the_latest_value_is_no_sum),
        COUNTERS_TEST(a_file_that_is_removed_or_replaced),
        COUNTERS_TEST(something_else_in_its_place),
        COUNTERS_TEST(processes_that_count_after_it_was_truncated),
        COUNTERS_TEST(processes_that_count_while_it_is_truncated),
        COUNTERS_TEST(sixteen_workers_that_are_killed),
        COUNTERS_TEST(a_file_of_an_earlier_version_is_started_anew),
        COUNTERS_TEST(a_file_of_a_later_version_is_left_alone),
        COUNTERS_TEST(a_shorter_file_is_lengthened),
        cmocka_unit_test(words_are_those_of_the_rooms),
        cmocka_unit_test(the_table),
        COUNTERS_TEST(another_fault_still_ends_the_program),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
