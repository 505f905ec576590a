/* The spool of this installation, for looking at and for changing. Contract: tool/tool.h. */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "spool/queue.h"
#include "tool/tool.h"

static bool find_path(struct tool *tool)
{
    if (tool->spool_path)
        return true;
    tool->spool_path = conf_text(&tool->conf, SET_SPOOL);
    if (tool->spool_path && !tool_setting_wrong(tool, SET_SPOOL))
        return true;
    tool_say(tool, "which spool? Put the settings right, or name it with --spool DIR");
    return false;
}

/* Who may: the group of the spool, if that can be seen. */
static void hint_at_group(struct tool *tool)
{
    struct stat st;
    struct group *group = stat(tool->spool_path, &st) == 0 ? getgrgid(st.st_gid) : NULL;
    tool_say(tool, "run it as root, or as a member of the group %s",
        group && st.st_gid ? group->gr_name : "bookspool");
}

static int complain(struct tool *tool, const char *what, int error)
{
    tool_say(tool, "%s: %s", what, strerror(error));
    if (error == EACCES || error == EPERM)
        hint_at_group(tool);
    return tool_status_of(error);
}

int tool_spool_failed(struct tool *tool)
{
    int error = errno;
    char what[SPOOL_STEP_SIZE + 256];
    snprintf(what, sizeof what, "%s: %s", tool->spool_path, tool->spool.step);
    return complain(tool, what, error);
}

static int refused(struct tool *tool, struct buf *why, int error)
{
    tool_say(tool, "%s", buf_text(why));
    buf_free(why);
    if (error == EACCES || error == EPERM)
        hint_at_group(tool);
    return error == ENOENT ? EX_NOINPUT : error == EACCES || error == EPERM ? EX_NOPERM : EX_CONFIG;
}

/* A directory that is not there yet is empty; one that is closed to us must not look so. */
static int check_closed(struct tool *tool)
{
    for (enum spool_dir dir = 0; dir < SPOOL_DIRS; dir++) {
        char path[SPOOL_STEP_SIZE + 256];
        const char *name = spool_dir_name(dir);
        errno = 0;
        if (tool->spool.dir[dir] >= 0 ||
            (faccessat(tool->spool.root, name, R_OK | X_OK, AT_EACCESS) < 0 && errno == ENOENT))
            continue;
        snprintf(path, sizeof path, "%s/%s", tool->spool_path, name);
        return complain(tool, path, errno ? errno : ENOTDIR);
    }
    return EX_OK;
}

int tool_look(struct tool *tool)
{
    struct buf why = {0};
    tool_settings(tool);
    if (!find_path(tool))
        return EX_CONFIG;
    errno = 0;
    if (!spool_open_readonly(&tool->spool, tool->spool_path, &why))
        return refused(tool, &why, errno);
    return check_closed(tool);
}

int tool_open(struct tool *tool)
{
    struct buf why = {0};
    tool_settings(tool);
    if (!find_path(tool))
        return EX_CONFIG;
    if (!spool_become_owner(tool->spool_path))
        return complain(tool, "become the owner of the spool", errno);
    errno = 0;
    return spool_open(&tool->spool, tool->spool_path, &why) ? EX_OK : refused(tool, &why, errno);
}

int tool_lock(struct tool *tool)
{
    switch (queue_lock(&tool->spool)) {
    case QUEUE_LOCKED:
        return EX_OK;
    case QUEUE_BUSY:
        tool_say(tool, "a drain is at work and holds the lock: try again when it has ended");
        return EX_TEMPFAIL;
    default:
        return tool_spool_failed(tool);
    }
}

bool tool_list(struct tool *tool, enum spool_dir dir, struct spool_list *list)
{
    *list = (struct spool_list){0};
    return tool->spool.dir[dir] < 0 || spool_list(&tool->spool, dir, list);
}

/*
 * Taking the lock to see whether it is free would turn away a drain that starts just then, so the
 * kernel's list is read: "1: FLOCK  ADVISORY  WRITE 1234 08:01:131090 0 EOF" (proc_locks(5)).
 * By inode only: btrfs shows another device number there.
 */
bool tool_drain_at_work(const struct tool *tool)
{
    struct stat st;
    char line[256], kind[16];
    uintmax_t inode;
    bool found = false;
    FILE *locks = fopen("/proc/locks", "re");
    if (!locks)
        return false;
    if (fstatat(tool->spool.root, "lock", &st, AT_SYMLINK_NOFOLLOW) == 0)
        while (!found && fgets(line, sizeof line, locks))
            found = sscanf(line, "%*s %15s %*s %*s %*s %*x:%*x:%ju", kind, &inode) == 2 &&
                    strcmp(kind, "FLOCK") == 0 && inode == st.st_ino;
    fclose(locks);
    return found;
}
