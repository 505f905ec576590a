/* Lines of the log: which are written, and in which form. */
#include <errno.h>
#include <fcntl.h>
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

#include "base/json.h"
#include "base/log.h"

static int file = -1, before = -1;

/* Standard error is a file meanwhile. */
static int up(void **state)
{
    (void)state;
    char name[] = "/tmp/bookspool-log-XXXXXX";
    file = mkstemp(name);
    before = dup(STDERR_FILENO);
    return file >= 0 && before >= 0 && unlink(name) == 0 && dup2(file, STDERR_FILENO) >= 0 ? 0 : -1;
}

static int down(void **state)
{
    (void)state;
    log_setup(&(struct log_options){.program = "test", .level = LOG_LEVEL_INFO});
    dup2(before, STDERR_FILENO);
    close(before);
    return close(file);
}

/* What was written since the last question. */
static const char *written(void)
{
    static char text[8192];
    ssize_t len = pread(file, text, sizeof text - 1, 0);
    assert_true(len >= 0);
    text[len] = '\0';
    assert_int_equal(ftruncate(file, 0), 0);
    assert_true(lseek(STDERR_FILENO, 0, SEEK_SET) == 0);
    return text;
}

static void less_important_lines_are_dropped(void **state)
{
    (void)state;
    for (int limit = LOG_LEVEL_ERROR; limit <= LOG_LEVEL_DEBUG; limit++) {
        log_setup(&(struct log_options){.program = "test", .level = (enum log_level)limit});
        for (int level = LOG_LEVEL_ERROR; level <= LOG_LEVEL_DEBUG; level++) {
            errno = EXDEV;
            log_line((enum log_level)level, NULL, "reason", "%d", level);
            assert_int_equal(errno, EXDEV);
            assert_int_equal(*written() != '\0', level <= limit);
            assert_int_equal(log_wanted((enum log_level)level), level <= limit);
        }
    }
}

static void text_has_the_time_in_front(void **state)
{
    (void)state;
    log_setup(&(struct log_options){.program = "test", .level = LOG_LEVEL_INFO});
    log_info("0123", "accepted", "a\nb");
    const char *line = written(), *after = strchr(line, ' ');
    assert_non_null(after);
    assert_int_equal(after - line, strlen("2026-11-21T10:00:00.123Z"));
    assert_string_equal(after, " 0123 accepted: a?b\n");
    log_info(NULL, "ended", "%s", "");
    assert_non_null(strstr(written(), "Z - ended\n"));
}

static void the_journal_gets_the_priority(void **state)
{
    (void)state;
    struct stat st;
    char stream[64];
    assert_int_equal(fstat(STDERR_FILENO, &st), 0);
    snprintf(stream, sizeof stream, "%ju:%ju", (uintmax_t)st.st_dev, (uintmax_t)st.st_ino);
    setenv("JOURNAL_STREAM", stream, 1);
    log_setup(&(struct log_options){.program = "test", .level = LOG_LEVEL_INFO});
    log_error(NULL, "failed", "%s", "why");
    assert_string_equal(written(), "<3>- failed: why\n");
    log_info(NULL, "fine", "%s", "why");
    assert_string_equal(written(), "<6>- fine: why\n");
    unsetenv("JOURNAL_STREAM");
}

/* Each line is one object, whatever is in it and however long it is. */
static void json_can_be_read(void **state)
{
    (void)state;
    char words[3000];
    memset(words, '\\', sizeof words - 1);
    words[sizeof words - 1] = '\0';
    const char *const details[] = {"plain", "\"quoted\"", "back\\slash", "\\\"", "", words};
    log_setup(&(struct log_options){.program = "test", .level = LOG_LEVEL_INFO, .json = true});
    for (size_t i = 0; i < sizeof details / sizeof *details; i++) {
        log_warn(i ? "0123" : NULL, "reason", "%s", details[i]);
        const char *line = written();
        cJSON *json = json_parse(line, strlen(line));
        assert_non_null(json);
        assert_string_equal(json_text(json, "level"), "warning");
        assert_string_equal(json_text(json, "program"), "test");
        assert_string_equal(json_text(json, "reason"), "reason");
        if (i)
            assert_string_equal(json_text(json, "id"), "0123");
        else
            assert_true(cJSON_IsNull(json_get(json, "id")));
        const char *detail = json_text(json, "detail");
        assert_memory_equal(detail, details[i], strlen(detail));
        assert_true(details[i] == words ? strlen(detail) > 100 : !details[i][strlen(detail)]);
        cJSON_Delete(json);
    }
}

int main(void)
{
#define LOG_TEST(f) cmocka_unit_test_setup_teardown(f, up, down)
    const struct CMUnitTest tests[] = {
        LOG_TEST(less_important_lines_are_dropped),
        LOG_TEST(text_has_the_time_in_front),
        LOG_TEST(the_journal_gets_the_priority),
        LOG_TEST(json_can_be_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
