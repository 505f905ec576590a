#include "confine/landlock.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/*
 * The kernel's interface, from include/uapi/linux/landlock.h: the header of the build's system may
 * be older than the kernel that the program runs on.
 */
enum {
    CREATE_VERSION = 1,
    RULE_PATH_BENEATH = 1,
    SCOPE_ABSTRACT_SOCKETS = 1,
    SCOPE_SIGNALS = 2,
    NET_BIND_TCP = 1,
    NET_CONNECT_TCP = 2
};

#define FS_EXECUTE     (1ULL << 0)
#define FS_WRITE_FILE  (1ULL << 1)
#define FS_READ_FILE   (1ULL << 2)
#define FS_READ_DIR    (1ULL << 3)
#define FS_REMOVE_DIR  (1ULL << 4)
#define FS_REMOVE_FILE (1ULL << 5)
#define FS_MAKE_CHAR   (1ULL << 6)
#define FS_MAKE_DIR    (1ULL << 7)
#define FS_MAKE_REG    (1ULL << 8)
#define FS_MAKE_SOCK   (1ULL << 9)
#define FS_MAKE_FIFO   (1ULL << 10)
#define FS_MAKE_BLOCK  (1ULL << 11)
#define FS_MAKE_SYM    (1ULL << 12)
#define FS_REFER       (1ULL << 13) /* ABI 2 */
#define FS_TRUNCATE    (1ULL << 14) /* ABI 3 */
#define FS_IOCTL_DEV   (1ULL << 15) /* ABI 5 */

/* What a rule about a file, and not about a folder, can hold. */
#define FS_OF_FILE (FS_EXECUTE | FS_WRITE_FILE | FS_READ_FILE | FS_TRUNCATE | FS_IOCTL_DEV)

struct ruleset {
    uint64_t fs;
    uint64_t net;    /* ABI 4 */
    uint64_t scoped; /* ABI 6 */
};

struct beneath {
    uint64_t allowed;
    int32_t parent;
} __attribute__((packed));

int landlock_abi(void)
{
    long abi = syscall(SYS_landlock_create_ruleset, NULL, (size_t)0, CREATE_VERSION);
    return abi < 0 ? 0 : (int)abi;
}

static uint64_t known_rights(int abi)
{
    uint64_t known = (FS_REFER << 1) - 1;
    if (abi >= 3)
        known |= FS_TRUNCATE;
    if (abi >= 5)
        known |= FS_IOCTL_DEV;
    return known;
}

bool landlock_begin(struct landlock *landlock, enum landlock_scope scope, bool connects)
{
    struct ruleset ruleset = {0};
    *landlock = (struct landlock){.abi = landlock_abi(), .fd = -1};
    if (landlock->abi < LANDLOCK_ABI_MIN)
        return true;
    ruleset.fs = known_rights(landlock->abi);
    /* FS_REFER is denied by every domain that does not handle it */
    if (scope == LANDLOCK_EXECUTION)
        ruleset.fs &= FS_EXECUTE | FS_MAKE_CHAR | FS_MAKE_BLOCK | FS_REFER;
    ruleset.net = connects ? NET_BIND_TCP : NET_BIND_TCP | NET_CONNECT_TCP;
    ruleset.scoped = SCOPE_SIGNALS | SCOPE_ABSTRACT_SOCKETS;
    size_t size = landlock->abi < 4   ? offsetof(struct ruleset, net)
                  : landlock->abi < 6 ? offsetof(struct ruleset, scoped)
                                      : sizeof ruleset;
    landlock->handled = ruleset.fs;
    landlock->fd = (int)syscall(SYS_landlock_create_ruleset, &ruleset, size, 0);
    if (landlock->fd < 0)
        return false;
    return scope != LANDLOCK_EXECUTION || landlock_allow(landlock, "/", LANDLOCK_MOVE);
}

static uint64_t bits_of(unsigned rights)
{
    uint64_t bits = 0;
    if (rights & LANDLOCK_READ)
        bits |= FS_READ_FILE | FS_READ_DIR;
    if (rights & LANDLOCK_WRITE)
        bits |= FS_WRITE_FILE | FS_TRUNCATE | FS_MAKE_REG | FS_REMOVE_FILE | FS_REFER;
    if (rights & LANDLOCK_FOLDERS)
        bits |= FS_MAKE_DIR;
    if (rights & LANDLOCK_REMOVE)
        bits |= FS_REMOVE_FILE;
    if (rights & LANDLOCK_MOVE)
        bits |= FS_REFER;
    return bits;
}

bool landlock_allow(struct landlock *landlock, const char *path, unsigned rights)
{
    struct stat st;
    if (landlock->fd < 0)
        return true;
    snprintf(landlock->failed, sizeof landlock->failed, "%s", path);
    int fd = open(path, O_PATH | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT || errno == ENOTDIR || errno == EACCES || errno == ELOOP;
    struct beneath beneath = {.allowed = bits_of(rights) & landlock->handled, .parent = fd};
    bool ok = fstat(fd, &st) == 0;
    if (ok && !S_ISDIR(st.st_mode))
        beneath.allowed &= FS_OF_FILE;
    if (ok && beneath.allowed)
        ok = syscall(SYS_landlock_add_rule, landlock->fd, RULE_PATH_BENEATH, &beneath, 0) == 0;
    int saved = errno;
    close(fd);
    errno = saved;
    return ok;
}

bool landlock_parent(const char *path, char folder[PATH_MAX])
{
    if (snprintf(folder, PATH_MAX, "%s", path) >= PATH_MAX) {
        errno = ENAMETOOLONG;
        return false;
    }
    for (char *slash; (slash = strrchr(folder, '/')) != NULL;) {
        *(slash == folder ? slash + 1 : slash) = '\0';
        if (slash == folder || access(folder, F_OK) == 0)
            return true;
    }
    snprintf(folder, PATH_MAX, "."); /* a relative path */
    return true;
}

bool landlock_allow_parent(struct landlock *landlock, const char *path, unsigned rights)
{
    char folder[PATH_MAX];
    return landlock_parent(path, folder) && landlock_allow(landlock, folder, rights);
}

bool landlock_enter(struct landlock *landlock)
{
    if (landlock->fd < 0)
        return true;
    landlock->failed[0] = '\0';
    bool ok = prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
              syscall(SYS_landlock_restrict_self, landlock->fd, 0) == 0;
    int saved = errno;
    landlock_drop(landlock);
    errno = saved;
    return ok;
}

void landlock_drop(struct landlock *landlock)
{
    if (landlock->fd >= 0)
        close(landlock->fd);
    landlock->fd = -1;
}

void landlock_explain(const struct landlock *landlock, struct buf *why)
{
    const char *place = landlock->failed;
    buf_printf(
        why, "Landlock cannot be set up: %s%s%s", place, *place ? ": " : "", strerror(errno));
}
