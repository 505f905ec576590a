/*
 * slowdisk FILE FOLDER MICROSECONDS: a FUSE file system in the foreground that holds one file,
 * FOLDER/disk, which is FILE, and whose fsync takes so long. A loop device on that file is a disk
 * with that flush time: what the flush of a disk costs decides how fast a durable receiver is, and
 * here it is known. Flushes wait for one another, as they do in a disk.
 */
#define FUSE_USE_VERSION 31
#include <errno.h>
#include <fcntl.h>
#include <fuse3/fuse.h>
#include <pthread.h>
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
} disk = {.flushing = PTHREAD_MUTEX_INITIALIZER};

static int disk_getattr(const char *path, struct stat *st, struct fuse_file_info *info)
{
    (void)info;
    memset(st, 0, sizeof *st);
    st->st_nlink = 1;
    if (strcmp(path, "/") == 0) {
        st->st_mode = S_IFDIR | 0700;
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
    (void)path, (void)info;
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
    (void)path, (void)info;
    ssize_t count = pwrite(disk.fd, data, size, offset);
    return count < 0 ? -errno : (int)count;
}

static int disk_fsync(const char *path, int data_only, struct fuse_file_info *info)
{
    (void)path, (void)data_only, (void)info;
    pthread_mutex_lock(&disk.flushing);
    nanosleep(&disk.flush, NULL);
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
    if (argc != 4) {
        fprintf(stderr, "usage: slowdisk FILE FOLDER MICROSECONDS\n");
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
    char *arguments[] = {argv[0], argv[2], "-f", NULL};
    return fuse_main(3, arguments, &operations, NULL);
}
