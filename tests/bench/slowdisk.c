/*
 * slowdisk FILE FOLDER MICROSECONDS [LOG]: a FUSE file system in the foreground that holds one
 * file, FOLDER/disk, which is FILE, and whose fsync takes so long. A loop device on that file is a
 * disk with that flush time: what the flush of a disk costs decides how fast a durable receiver is,
 * and here it is known. Flushes wait for one another, as they do in a disk.
 *
 * LOG records what the disk was asked to do, in order, so that a test can rebuild what a power cut
 * leaves of it: for each write and flush three numbers of 64 bits, in the byte order of the machine
 * (1 write, 2 flush, 3 mark; offset; length), and the bytes. A mark is what was written to
 * FOLDER/mark: the test's own notes between the others.
 */
#define FUSE_USE_VERSION 31
#include <errno.h>
#include <fcntl.h>
#include <fuse3/fuse.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static struct {
    int fd;
    struct timespec flush;
    pthread_mutex_t flushing;
    int log; /* -1: none */
    pthread_mutex_t logging;
} disk = {.flushing = PTHREAD_MUTEX_INITIALIZER, .log = -1, .logging = PTHREAD_MUTEX_INITIALIZER};

enum { LOG_WRITE = 1, LOG_FLUSH, LOG_MARK };

/* Called with disk.logging held. A log with a gap would prove nothing: the disk ends. */
static void log_put(uint64_t kind, uint64_t offset, const char *data, size_t size)
{
    const uint64_t head[] = {kind, offset, size};
    if (disk.log < 0)
        return;
    if (write(disk.log, head, sizeof head) != sizeof head ||
        (size > 0 && write(disk.log, data, size) != (ssize_t)size)) {
        perror("slowdisk: log");
        _exit(74);
    }
}

static int disk_getattr(const char *path, struct stat *st, struct fuse_file_info *info)
{
    (void)info;
    memset(st, 0, sizeof *st);
    st->st_nlink = 1;
    if (strcmp(path, "/") == 0) {
        st->st_mode = S_IFDIR | 0700;
        return 0;
    }
    if (strcmp(path, "/mark") == 0 && disk.log >= 0) {
        st->st_mode = S_IFREG | 0600;
        return 0;
    }
    if (strcmp(path, "/disk") != 0)
        return -ENOENT;
    struct stat real;
    if (fstat(disk.fd, &real))
        return -errno;
    st->st_mode = S_IFREG | 0600;
    st->st_size = real.st_size;
    return 0;
}

static int disk_open(const char *path, struct fuse_file_info *info)
{
    info->direct_io = strcmp(path, "/mark") == 0; /* each write is one mark, at once */
    return 0;
}

static int disk_read(
    const char *path, char *out, size_t size, off_t offset, struct fuse_file_info *info)
{
    (void)path, (void)info;
    ssize_t count = pread(disk.fd, out, size, offset);
    return count < 0 ? -errno : (int)count;
}

static int disk_write(
    const char *path, const char *data, size_t size, off_t offset, struct fuse_file_info *info)
{
    (void)info;
    bool mark = strcmp(path, "/mark") == 0;
    pthread_mutex_lock(&disk.logging);
    ssize_t count = mark ? (ssize_t)size : pwrite(disk.fd, data, size, offset);
    int rc = count < 0 ? -errno : (int)count;
    if (count > 0)
        log_put(mark ? LOG_MARK : LOG_WRITE, (uint64_t)offset, data, (size_t)count);
    pthread_mutex_unlock(&disk.logging);
    return rc;
}

static int disk_fsync(const char *path, int data_only, struct fuse_file_info *info)
{
    (void)path, (void)data_only, (void)info;
    pthread_mutex_lock(&disk.flushing);
    nanosleep(&disk.flush, NULL);
    pthread_mutex_lock(&disk.logging);
    log_put(LOG_FLUSH, 0, NULL, 0);
    pthread_mutex_unlock(&disk.logging);
    pthread_mutex_unlock(&disk.flushing);
    return 0;
}

static const struct fuse_operations operations = {
    .getattr = disk_getattr,
    .open = disk_open,
    .read = disk_read,
    .write = disk_write,
    .fsync = disk_fsync,
};

int main(int argc, char **argv)
{
    if (argc != 4 && argc != 5) {
        fprintf(stderr, "usage: slowdisk FILE FOLDER MICROSECONDS [LOG]\n");
        return 64;
    }
    long microseconds = atol(argv[3]);
    disk.flush.tv_sec = microseconds / 1000000;
    disk.flush.tv_nsec = microseconds % 1000000 * 1000;
    disk.fd = open(argv[1], O_RDWR | O_CLOEXEC);
    if (disk.fd < 0) {
        perror(argv[1]);
        return 66;
    }
    if (argc == 5)
        disk.log = open(argv[4], O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (argc == 5 && disk.log < 0) {
        perror(argv[4]);
        return 73;
    }
    char *arguments[] = {argv[0], argv[2], "-f", NULL};
    return fuse_main(3, arguments, &operations, NULL);
}
