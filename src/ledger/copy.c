#include "ledger/copy.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "ledger/store.h"

static bool copy_name(const struct ledger *ledger, int version, char name[PATH_MAX])
{
    return snprintf(name, PATH_MAX, "%s.%d", ledger->path, version) < PATH_MAX - 16;
}

/* SQLite does not sync what VACUUM INTO makes. */
static bool finish_copy(const char *temp, const char *copy)
{
    int fd = open(temp, O_RDWR | O_CLOEXEC);
    bool ok = fd >= 0 && fchmod(fd, LEDGER_MODE) == 0 && fsync(fd) == 0;
    int saved = errno;
    if (fd >= 0)
        close(fd);
    if (!ok)
        errno = saved;
    return ok && rename(temp, copy) == 0;
}

bool copy_keep(struct ledger *ledger, int version)
{
    char copy[PATH_MAX], temp[PATH_MAX + 16];
    sqlite3_stmt *statement = NULL;
    if (!copy_name(ledger, version, copy))
        return store_fail(ledger, "name a copy");
    snprintf(temp, sizeof temp, "%s.%ld", copy, (long)getpid());
    unlink(temp); /* left by a program that died */
    bool ok = sqlite3_prepare_v2(ledger->db, "VACUUM INTO ?1", -1, &statement, NULL) == SQLITE_OK &&
              sqlite3_bind_text(statement, 1, temp, -1, SQLITE_STATIC) == SQLITE_OK &&
              sqlite3_step(statement) == SQLITE_DONE;
    if (!ok)
        store_fail(ledger, "keep a copy of the earlier version");
    sqlite3_finalize(statement);
    if (ok && !finish_copy(temp, copy)) {
        buf_printf(
            &ledger->failure, "%s: keep a copy of the earlier version: %s", copy, strerror(errno));
        ok = false;
    }
    if (!ok)
        unlink(temp);
    return ok;
}

void copy_drop(const struct ledger *ledger, int versions, int64_t before)
{
    char copy[PATH_MAX];
    struct stat st;
    for (int version = 1; version < versions; version++)
        if (copy_name(ledger, version, copy) && stat(copy, &st) == 0 &&
            time_from_timespec(st.st_mtim) < before)
            unlink(copy);
}
