#include <errno.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/io.h"
#include "tool/out.h"
#include "tool/preview.h"

extern char **environ;

/* Open across exec, for diff to read by its name under /dev/fd. -1: failed. */
static int as_fd(const char *name, const struct buf *text)
{
    int fd = memfd_create(name, 0);
    if (fd >= 0 && io_write_all(fd, buf_text(text), text->len))
        return fd;
    if (fd >= 0)
        close(fd);
    return -1;
}

/* 0: the same; 1: they differ; 2: trouble, of which diff spoke itself. -1: it could not be run. */
static int run_diff(const char *name, int before, int after)
{
    char from[32], to[32], old_label[64], new_label[64];
    pid_t pid;
    int status;
    snprintf(from, sizeof from, "/dev/fd/%d", before);
    snprintf(to, sizeof to, "/dev/fd/%d", after);
    snprintf(old_label, sizeof old_label, "%s as it is", name);
    snprintf(new_label, sizeof new_label, "%s as it would be", name);
    char *const arguments[] = {
        "diff", "-u", "--label", old_label, "--label", new_label, from, to, NULL};
    if (!out_finish())
        return -1;
    errno = posix_spawnp(&pid, arguments[0], NULL, NULL, arguments, environ);
    if (errno)
        return -1;
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            return -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 2;
}

int preview_diff(
    struct tool *tool, const char *name, const struct buf *before, const struct buf *after)
{
    int old = as_fd(name, before), new = as_fd(name, after);
    int status = old < 0 || new < 0 ? -1 : run_diff(name, old, new);
    if (status < 0)
        tool_say(tool, "diff: %s", strerror(errno));
    if (old >= 0)
        close(old);
    if (new >= 0)
        close(new);
    return status == 0 || status == 1 ? status : EX_OSERR;
}
