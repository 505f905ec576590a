#include "durable.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/random.h>
#include <unistd.h>

enum { NAME_BYTES = 16, NAME_SIZE = 2 * NAME_BYTES + 1 };

static int random_name(char name[NAME_SIZE])
{
    unsigned char bytes[NAME_BYTES];
    if (getrandom(bytes, sizeof bytes, 0) != (ssize_t)sizeof bytes)
        return -1;
    for (size_t i = 0; i < sizeof bytes; i++)
        snprintf(name + 2 * i, 3, "%02x", bytes[i]);
    return 0;
}

static int write_synced(const char *path, const char *body, size_t length)
{
    int fd = open(path, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
    if (fd < 0)
        return -1;
    int failed = write(fd, body, length) != (ssize_t)length || fsync(fd);
    return close(fd) || failed ? -1 : 0;
}

static int sync_directory(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return -1;
    int failed = fsync(fd);
    return close(fd) || failed ? -1 : 0;
}

int durable_store(const char *spool, const char *body, size_t length)
{
    char name[NAME_SIZE], from[PATH_MAX], to[PATH_MAX], directory[PATH_MAX];
    if (random_name(name))
        return -1;
    snprintf(from, sizeof from, "%s/tmp/%s", spool, name);
    snprintf(to, sizeof to, "%s/new/%s", spool, name);
    snprintf(directory, sizeof directory, "%s/new", spool);
    return write_synced(from, body, length) || rename(from, to) || sync_directory(directory);
}
