#include <errno.h>
#include <poll.h>
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

#include "base/io.h"

static char folder[] = "/tmp/bookspool-io-XXXXXX";

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

static void check_file(const char *path, const char *expected)
{
    struct buf text = {0};
    assert_true(io_read_file(-1, path, &text, 100, NULL));
    assert_string_equal(buf_text(&text), expected);
    buf_free(&text);
}

static void a_file_is_replaced(void **state)
{
    char path[100], new[100];
    struct stat st;
    (void)state;
    snprintf(path, sizeof path, "%s/page", folder);
    snprintf(new, sizeof new, "%s/page.new", folder);
    assert_true(io_replace_file(path, "first", 5, 0640));
    check_file(path, "first");
    /* A link that someone left in the way is not followed. */
    assert_int_equal(symlink(path, new), 0);
    assert_true(io_replace_file(path, "second one", 10, 0600));
    check_file(path, "second one");
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(access(new, F_OK), -1);
    unlink(path);
}

static void a_failure_leaves_nothing(void **state)
{
    char path[100], new[100], long_path[5000];
    (void)state;
    snprintf(path, sizeof path, "%s/taken", folder);
    snprintf(new, sizeof new, "%s/taken.new", folder);
    assert_int_equal(mkdir(path, 0700), 0);
    assert_false(io_replace_file(path, "x", 1, 0600));
    assert_int_equal(errno, EISDIR);
    assert_int_equal(access(new, F_OK), -1);
    rmdir(path);
    snprintf(path, sizeof path, "%s/missing/file", folder);
    assert_false(io_replace_file(path, "x", 1, 0600));
    assert_int_equal(errno, ENOENT);
    memset(long_path, 'x', sizeof long_path - 1);
    long_path[sizeof long_path - 1] = '\0';
    assert_false(io_replace_file(long_path, "x", 1, 0600));
    assert_int_equal(errno, ENAMETOOLONG);
}

/* It ends when this end of the pipe is closed. */
static void a_process_is_awaited(void **state)
{
    (void)state;
    int fd[2];
    assert_int_equal(pipe(fd), 0);
    pid_t pid = fork();
    if (pid == 0) {
        char byte;
        close(fd[1]);
        _exit(read(fd[0], &byte, 1) == 0 ? 0 : 1);
    }
    struct pollfd end = {.fd = io_process(pid), .events = POLLIN};
    if (end.fd < 0 && errno == ENOSYS) { /* valgrind has no such call */
        close(fd[1]);
        close(fd[0]);
        assert_int_equal(waitpid(pid, NULL, 0), pid);
        return;
    }
    assert_true(end.fd >= 0);
    assert_int_equal(poll(&end, 1, 0), 0);
    close(fd[1]);
    close(fd[0]);
    assert_int_equal(poll(&end, 1, -1), 1);
    close(end.fd);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    assert_int_equal(io_process(pid), -1);
    assert_int_equal(errno, ESRCH);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_is_replaced),
        cmocka_unit_test(a_failure_leaves_nothing),
        cmocka_unit_test(a_process_is_awaited),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
