#include "receive/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "confine/calls.h"
#include "confine/landlock.h"
#include "confine/limits.h"

#define PROGRAM "bookspool-fcgi"
#define MIB     (UINT64_C(1) << 20)

/*
 * The largest file is the memory file in which libfcgi reads requests, one after the other: 2 MiB,
 * and the request that exceeds it. Memory: nginx sends a request at once, so few are incomplete at
 * a time, and a body that does not fit into memory is answered 503.
 */
enum { FILE_BODIES = 2, FILE_MIB = 8, MEMORY_BODIES = 64, MEMORY_MIB = 256 };

/* clang-format off */
static const struct calls_permission calls[] = {
    CALLS("read readv pread64 write writev pwrite64 lseek _llseek close", "files, and the log"),
    CALLS("recvfrom recvmsg sendto sendmsg shutdown", "accepted connections; the log's and systemd's datagrams"),
    CALLS("accept accept4 getsockopt getsockname getpeername", "new connections; libfcgi asks what kind a descriptor is"),
    CALLS("epoll_wait epoll_pwait epoll_pwait2 epoll_ctl epoll_create1", "the loop"),
    CALLS("poll ppoll ppoll_time64 select _newselect pselect6 pselect6_time64", "libfcgi waits until an answer can be written"),
    CALLS("open openat openat2", "files of the spool, counters; Landlock says where"),
    CALLS("fstat fstat64 stat stat64 lstat lstat64 newfstatat fstatat64 statx", "is a name there, has a file changed"),
    CALLS("access faccessat faccessat2", "may a directory be used"),
    CALLS("fstatfs statfs fstatfs64 statfs64", "is there room for an event"),
    CALLS("getdents64", "directories of the spool, for health"),
    CALLS("renameat2 renameat rename linkat unlinkat unlink", "a name for an event; the socket's end"),
    CALLS("fchmod", "files that the group can use"),
    CALLS("fsync fdatasync syncfs", "no 200 before an event is durable"),
    CALLS("ftruncate ftruncate64 memfd_create", "the memory file that libfcgi reads"),
    CALLS("flock", "counters of an earlier version are removed once"),
    CALLS("fcntl fcntl64 dup dup2 dup3", "libfcgi changes the mode of descriptors"),
    CALLS_IF("ioctl", "the log asks whether it is a terminal", 1, UINT32_MAX, TCGETS),
    CALLS("brk munmap mremap madvise", "memory"),
    CALLS_IF("mmap mmap2", "memory and the counters, never as code", 2, PROT_EXEC, 0),
    CALLS_IF("mprotect", "memory for malloc, never as code", 2, PROT_EXEC, 0),
    CALLS("futex futex_time64 sched_yield", "locks of the C library and libcrypto"),
    CALLS("rt_sigaction rt_sigprocmask rt_sigreturn sigreturn signalfd4", "the signals that stop it, and SIGBUS of the counters"),
    CALLS("clock_gettime clock_gettime64 gettimeofday time clock_nanosleep clock_nanosleep_time64 nanosleep", "clocks, where the vDSO has none"),
    CALLS("getrandom", "libcrypto, and names of temporary files"),
    CALLS("getpid gettid getuid getuid32 geteuid geteuid32 getgid getgid32 getegid getegid32", "the log's process id; who owns a file"),
    CALLS("getrlimit ugetrlimit", "how many connections are possible"),
    CALLS_IF("prlimit64", "and a higher number of them, of its own only", 0, UINT32_MAX, 0),
    CALLS("readlink readlinkat getcwd uname sysinfo umask", "say nothing of others and change nothing of others"),
    CALLS("restart_syscall rseq set_robust_list", "of the kernel and the C library for each other"),
    CALLS("exit exit_group", "the end"),
    CALLS_END,
};

/* BOOKSPOOL_LOG=syslog: glibc connects again after the log service was restarted. */
static const struct calls_permission calls_of_syslog[] = {
    CALLS_IF("socket", "the log service's socket, and no other kind", 0, UINT32_MAX, AF_UNIX),
    CALLS("connect", "to it"),
    CALLS_END,
};

/* What AddressSanitizer adds: at the end a thread of it looks for leaks, as a debugger would. */
static const struct calls_permission calls_of_sanitizer[] = {
    CALLS("clone ptrace prctl wait4 getppid getdents sigaltstack tgkill kill sched_getaffinity", "the search for leaks, and reports"),
    CALLS_END,
};
/* clang-format on */

static bool is_off(const struct conf *conf)
{
    return conf_number(conf, SET_SANDBOX) == SANDBOX_OFF;
}

void sandbox_begin(void)
{
    struct landlock landlock;
    const char *off = getenv("BOOKSPOOL_SANDBOX");
    limits_begin(007);
    if (off && strcmp(off, "off") == 0)
        return;
    /* what fails here fails again in sandbox_enter, where it can be logged */
    if (landlock_begin(&landlock, LANDLOCK_EXECUTION, false))
        landlock_enter(&landlock);
}

static bool enter_files(const struct conf *conf, const char *socket, struct buf *why)
{
    struct landlock landlock;
    const char *spool = conf_text(conf, SET_SPOOL), *state = conf_text(conf, SET_STATE);
    bool ok = landlock_begin(&landlock, LANDLOCK_ALL_FILES, false) &&
              landlock_allow(&landlock, spool, LANDLOCK_READ | LANDLOCK_WRITE) &&
              /* the folder, because counters that were removed are made anew */
              landlock_allow(&landlock, state, LANDLOCK_READ | LANDLOCK_WRITE) &&
              /* its own socket is removed at the end */
              (!socket || landlock_allow_parent(&landlock, socket, LANDLOCK_REMOVE));
    if (ok && limits_sanitized()) /* its reports name functions, from the program's own file */
        ok = landlock_allow(&landlock, "/proc", LANDLOCK_READ) &&
             landlock_allow(&landlock, "/usr/lib", LANDLOCK_READ) &&
             landlock_allow(&landlock, "/proc/self/exe", LANDLOCK_READ);
    ok = ok && landlock_enter(&landlock);
    if (!ok)
        landlock_explain(&landlock, why);
    landlock_drop(&landlock);
    return ok;
}

static bool enter_calls(const struct conf *conf, struct buf *why)
{
    /* the one process that abort(3) may signal is this one */
    const struct calls_permission calls_of_abort[] = {
        CALLS_IF("tgkill kill", "abort(3)", 0, UINT32_MAX, (unsigned)getpid()),
        CALLS_END,
    };
    const struct calls_permission *lists[4] = {calls, calls_of_abort};
    size_t count = 2;
    if (conf_number(conf, SET_LOG) == LOG_TO_SYSLOG)
        lists[count++] = calls_of_syslog;
    if (limits_sanitized())
        lists[count++] = calls_of_sanitizer;
    return calls_confine(PROGRAM, lists, count, why);
}

bool sandbox_enter(const struct conf *conf, const char *socket, struct buf *why)
{
    uint64_t body = (uint64_t)conf_number(conf, SET_MAX_BODY);
    limits_begin(007);
    if (!limits_set(FILE_MIB * MIB + FILE_BODIES * body, MEMORY_MIB * MIB + MEMORY_BODIES * body)) {
        buf_printf(why, "limits cannot be set: %s", strerror(errno));
        return false;
    }
    if (is_off(conf)) {
        log_warn(NULL, "sandbox-off", "BOOKSPOOL_SANDBOX=off: only the unit confines it, if any");
        return true;
    }
    tzset(); /* the log's times: /etc/localtime cannot be read later */
    int abi = landlock_abi();
    bool filter = calls_can_be_filtered();
    if (abi < LANDLOCK_ABI_MIN)
        log_warn(NULL, "sandbox-incomplete",
            "the kernel has no Landlock that can be used: files are not confined");
    if (!filter)
        log_warn(NULL, "sandbox-incomplete",
            "the kernel has no seccomp filters: system calls are not confined");
    if (!enter_files(conf, socket, why) || (filter && !enter_calls(conf, why)))
        return false;
    log_debug(NULL, "sandboxed", "Landlock ABI %d, seccomp %s", abi, filter ? "yes" : "no");
    return true;
}
