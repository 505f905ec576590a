#include "spool/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "spool/backing.h"
#include "spool/owner.h"

static const char *const names[SPOOL_DIRS] = {
    [DIR_TMP] = "tmp",
    [DIR_NEW] = "new",
    [DIR_REPLAY] = "replay",
    [DIR_DONE] = "done",
    [DIR_OUT] = "out",
    [DIR_SENT] = "sent",
    [DIR_FAILED] = "failed",
    [DIR_HELD] = "held",
    [DIR_BAD] = "bad",
};

const char *spool_dir_name(enum spool_dir dir)
{
    return names[dir];
}

bool spool_has(const struct spool *spool, enum spool_dir dir)
{
    return spool->backing || spool->dir[dir] >= 0;
}

bool spool_failed(struct spool *spool, const char *verb, enum spool_dir dir, const char *name)
{
    const char *slash = *name ? "/" : "";
    snprintf(spool->step, sizeof spool->step, "%s %s%s%s", verb, names[dir], slash, name);
    return false;
}

/* Linux 5.8 made syncfs(2) report the write errors of the file system. */
static bool syncfs_reports_errors(void)
{
    struct utsname u;
    int major, minor;
    if (uname(&u) < 0 || sscanf(u.release, "%d.%d", &major, &minor) != 2)
        return false;
    return major > 5 || (major == 5 && minor >= 8);
}

static void init_spool(struct spool *spool)
{
    *spool = (struct spool){.root = -1, .lock = -1, .syncfs_reports = syncfs_reports_errors()};
    for (int i = 0; i < SPOOL_DIRS; i++)
        spool->dir[i] = -1;
    if (getrandom(&spool->temp_salt, sizeof spool->temp_salt, GRND_NONBLOCK) < 0)
        spool->temp_salt = (unsigned)getpid() * 2654435761u;
}

static bool refuse(struct buf *why, const char *path, const char *name, const char *reason)
{
    buf_printf(why, "%s%s%s: %s", path, *name ? "/" : "", name, reason);
    return false;
}

/* A directory that cannot be used; if it belongs to another user, `why` has the command to fix it.
 */
static bool refuse_dir(const struct spool *spool, enum spool_dir dir, const char *path,
    const struct stat *root, struct buf *why)
{
    struct stat st;
    int error = errno;
    refuse(why, path, names[dir], strerror(error));
    if (error == EACCES && fstatat(spool->root, names[dir], &st, AT_SYMLINK_NOFOLLOW) == 0 &&
        owner_is_foreign(&st, root)) {
        buf_puts(why, ": it belongs to ");
        owner_append_user(why, st.st_uid);
        buf_puts(why, ", the spool to ");
        owner_append_user(why, root->st_uid);
        buf_puts(why, "; run as root: ");
        owner_append_command(why, path, root);
    }
    return false;
}

static bool check_spool_dir(
    int fd, dev_t device, const char *path, const char *name, struct buf *why)
{
    struct stat st;
    if (fstat(fd, &st) < 0)
        return refuse(why, path, name, strerror(errno));
    if (st.st_mode & S_IWOTH)
        return refuse(why, path, name, "is writable by everybody: chmod o-w it");
    if (st.st_dev != device)
        return refuse(why, path, name,
            "is on another file system than the spool; events are renamed between its "
            "directories, so all must be on one");
    return true;
}

static bool open_dir(struct spool *spool, enum spool_dir dir, bool make)
{
    const int flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW;
    int fd = openat(spool->root, names[dir], flags);
    if (fd < 0 && errno == ENOENT && make) {
        if (mkdirat(spool->root, names[dir], SPOOL_DIR_MODE) < 0 && errno != EEXIST)
            return false;
        fd = openat(spool->root, names[dir], flags);
        if (fd >= 0 && (fchmod(fd, SPOOL_DIR_MODE) < 0 || fsync(spool->root) < 0)) {
            int saved = errno;
            close(fd);
            fd = -1;
            errno = saved;
        }
    }
    spool->dir[dir] = fd;
    return fd >= 0;
}

static bool open_root(struct spool *spool, const char *path, struct buf *why, struct stat *st)
{
    spool->root = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (spool->root < 0 && errno == ENOENT)
        return refuse(why, path, "", "does not exist: make it, owned by the user bookspool");
    if (spool->root < 0 || fstat(spool->root, st) < 0)
        return refuse(why, path, "", strerror(errno));
    return true;
}

/* Can a file here be named without replacing? A disk that is full or read-only now is accepted. */
static bool try_naming(struct spool *spool, const char *path, struct buf *why)
{
    struct spool_temp temp;
    char name[sizeof temp.name + 8];
    bool busy = false;
    if (!spool_temp_write(spool, "", 0, &temp))
        busy = true;
    else {
        snprintf(name, sizeof name, ".probe-%s", temp.name);
        if (spool_name(spool, &temp, DIR_TMP, name) == SPOOL_PUT)
            spool_remove(spool, DIR_TMP, name);
        else
            busy = true;
        spool_temp_drop(spool, &temp);
    }
    if (!busy || errno == ENOSPC || errno == EDQUOT || errno == EROFS)
        return true;
    return refuse(why, path, "tmp", strerror(errno));
}

bool spool_become_owner(const char *path)
{
    struct stat st;
    if (geteuid() != 0 || stat(path, &st) < 0 || st.st_uid == 0)
        return true; /* spool_open reports a path that cannot be used */
    return setgroups(1, &st.st_gid) == 0 && setgid(st.st_gid) == 0 && setuid(st.st_uid) == 0;
}

bool spool_open(struct spool *spool, const char *path, struct buf *why)
{
    struct stat st;
    init_spool(spool);
    if (!open_root(spool, path, why, &st) ||
        !check_spool_dir(spool->root, st.st_dev, path, "", why))
        return false;
    for (enum spool_dir dir = 0; dir < SPOOL_DIRS; dir++) {
        if (!open_dir(spool, dir, true))
            return refuse_dir(spool, dir, path, &st, why);
        if (faccessat(spool->dir[dir], ".", W_OK | X_OK, AT_EACCESS) < 0 && errno == EACCES)
            return refuse_dir(spool, dir, path, &st, why);
        if (!check_spool_dir(spool->dir[dir], st.st_dev, path, names[dir], why))
            return false;
    }
    return try_naming(spool, path, why);
}

/* Not a passing error, such as a lack of descriptors or memory or a failing disk. */
static bool is_lasting(int error)
{
    return error == ENOENT || error == EACCES || error == ENOTDIR || error == ELOOP;
}

bool spool_open_readonly(struct spool *spool, const char *path, struct buf *why)
{
    struct stat st;
    init_spool(spool);
    if (!open_root(spool, path, why, &st))
        return false;
    for (enum spool_dir dir = 0; dir < SPOOL_DIRS; dir++)
        if (!open_dir(spool, dir, false) && !is_lasting(errno))
            return refuse(why, path, names[dir], strerror(errno));
    return true;
}

void spool_close(struct spool *spool)
{
    if (spool->backing)
        spool->backing->close(spool);
    for (int i = 0; i < SPOOL_DIRS; i++)
        if (spool->dir[i] >= 0)
            close(spool->dir[i]);
    if (spool->lock >= 0)
        close(spool->lock);
    if (spool->root >= 0)
        close(spool->root);
}
