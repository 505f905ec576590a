#include "confine/limits.h"

#include <errno.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

bool limits_sanitized(void)
{
#if defined(__SANITIZE_ADDRESS__)
    return true;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
    return true;
#else
    return false;
#endif
#else
    return false;
#endif
}

void limits_begin(unsigned mask)
{
    const struct rlimit none = {0, 0};
    umask((mode_t)mask);
    prctl(PR_SET_DUMPABLE, 0);
    setrlimit(RLIMIT_CORE, &none);
}

static bool lower(int resource, uint64_t most)
{
    struct rlimit limit;
    if (getrlimit((__rlimit_resource_t)resource, &limit) < 0)
        return false;
    if (limit.rlim_cur <= most)
        return true;
    limit.rlim_cur = most;
    if (limit.rlim_max > most)
        limit.rlim_max = most;
    return setrlimit((__rlimit_resource_t)resource, &limit) == 0;
}

static bool is_file(int fd)
{
    struct stat st;
    return fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
}

bool limits_set(uint64_t file_size, uint64_t memory)
{
    if (signal(SIGXFSZ, SIG_IGN) == SIG_ERR) /* else it ends the process before EFBIG */
        return false;
    bool log_is_file = is_file(STDERR_FILENO) || is_file(STDOUT_FILENO);
    return (log_is_file || lower(RLIMIT_FSIZE, file_size)) &&
           (limits_sanitized() || lower(RLIMIT_DATA, memory));
}
