/*
 * own_settings: a file of settings in a folder of its own, in TMPDIR or /tmp, which the end of the
 * process removes, unless it is killed. The environment is emptied: it has settings too.
 */
#ifndef TESTS_FUZZ_OWN_SETTINGS_H
#define TESTS_FUZZ_OWN_SETTINGS_H

#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fuzz.h"

static char own_folder[PATH_MAX];
static char own_path[PATH_MAX + sizeof "/bookspool.conf"];

static void own_settings_write(const void *data, size_t size)
{
    int fd = open(own_path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    REQUIRE(fd >= 0 && write(fd, data, size) == (ssize_t)size && close(fd) == 0, "%s", own_path);
}

static void own_settings_remove(void)
{
    unlink(own_path);
    rmdir(own_folder);
}

static void own_settings_open(void)
{
    const char *temporary = getenv("TMPDIR");
    snprintf(own_folder, sizeof own_folder, "%s/bookspool-fuzz-XXXXXX",
        temporary && *temporary ? temporary : "/tmp");
    clearenv();
    umask(077);
    REQUIRE(mkdtemp(own_folder), "%s", own_folder);
    snprintf(own_path, sizeof own_path, "%s/bookspool.conf", own_folder);
    setenv("BOOKSPOOL_CONF", own_path, 1);
    own_settings_write("", 0);
    atexit(own_settings_remove);
}

#endif
