/*
 * attempts: what a confined process tries. Each is made in a process of its own, which confines
 * itself first; the test gets the errno (0: it worked) and what was written to standard error.
 */
#ifndef TESTS_ATTEMPTS_H
#define TESTS_ATTEMPTS_H

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "base/conf.h"
#include "confine/calls.h"
#include "confine/landlock.h"
#include "confine/limits.h"

#include "scratch.h"

enum { DIED = 1000 }; /* plus the signal */

typedef bool confine_self(struct scratch *s, const struct conf *conf);
typedef int attempt(struct scratch *s); /* 0, or errno */

static char attempt_said[4096];
static const char *attempt_setting = ""; /* lines that are added to the settings */

/* Settings of this spool; also those of the environment, where a runner switches the sandbox off.
 */
static inline void attempt_settings(struct scratch *s, enum conf_program program, struct conf *conf)
{
    char text[512], state[80];
    snprintf(state, sizeof state, "%s/state", s->path);
    assert_true(mkdir(state, 0770) == 0 || errno == EEXIST);
    snprintf(text, sizeof text, "BOOKSPOOL_STATE=%s\n%s\n", state, attempt_setting);
    scratch_settings(s, text);
    assert_true(conf_load(conf, program));
}

/* valgrind makes system calls of its own, which no list allows. */
static inline void attempt_or_skip(void)
{
    const char *sandbox = getenv("BOOKSPOOL_SANDBOX");
    if (sandbox && strcmp(sandbox, "off") == 0)
        skip();
    if (!calls_can_be_filtered() || landlock_abi() < LANDLOCK_ABI_MIN)
        skip();
}

static inline void in_child(struct scratch *s, enum conf_program program, confine_self *confine,
    attempt *tried, int result[2], int errors[2])
{
    struct conf conf;
    close(result[0]);
    close(errors[0]);
    /* standard output and error that are files would be logs, without a limit */
    int null = open("/dev/null", O_RDWR);
    dup2(null, STDIN_FILENO);
    dup2(null, STDOUT_FILENO);
    dup2(errors[1], STDERR_FILENO);
    alarm(60);
    attempt_settings(s, program, &conf);
    int got = confine(s, &conf) ? tried(s) : -1;
    if (write(result[1], &got, sizeof got) != (ssize_t)sizeof got)
        _exit(1);
    _exit(0);
}

/* The errno; DIED + signal; -1: it could not confine itself. */
static inline int attempt_as(
    struct scratch *s, enum conf_program program, confine_self *confine, attempt *tried)
{
    int result[2], errors[2], status, got = -1;
    assert_int_equal(pipe(result), 0);
    assert_int_equal(pipe(errors), 0);
    fflush(NULL);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0)
        in_child(s, program, confine, tried, result, errors);
    close(result[1]);
    close(errors[1]);
    bool told = read(result[0], &got, sizeof got) == (ssize_t)sizeof got;
    size_t len = 0;
    for (ssize_t n; (n = read(errors[0], attempt_said + len, sizeof attempt_said - 1 - len)) > 0;)
        len += (size_t)n;
    attempt_said[len] = '\0';
    close(result[0]);
    close(errors[0]);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return told ? got : WIFSIGNALED(status) ? DIED + WTERMSIG(status) : -1;
}

/* ---- what is tried ---- */

static inline int error_of(long result)
{
    return result < 0 ? errno : 0;
}

static inline int try_exec(struct scratch *s)
{
    (void)s;
    char *const argv[] = {(char *)"true", NULL};
    return error_of(syscall(SYS_execve, "/bin/true", argv, NULL));
}

static inline int try_fork(struct scratch *s)
{
    (void)s;
    long pid = syscall(SYS_clone, (long)SIGCHLD, 0L, 0L, 0L, 0L);
    if (pid == 0)
        _exit(0);
    return error_of(pid);
}

static inline int try_namespace(struct scratch *s)
{
    (void)s;
    long pid = syscall(SYS_clone, (long)(SIGCHLD | 0x20000) /* CLONE_NEWNS */, 0L, 0L, 0L, 0L);
    if (pid == 0)
        _exit(0);
    return error_of(pid);
}

static inline int try_ptrace(struct scratch *s)
{
    (void)s;
    return error_of(ptrace(PTRACE_ATTACH, getppid(), NULL, NULL));
}

static inline int try_read_memory(struct scratch *s)
{
    char byte;
    struct iovec here = {&byte, 1}, there = {s, 1};
    return error_of(syscall(SYS_process_vm_readv, (long)getppid(), &here, 1L, &there, 1L, 0L));
}

static inline int try_kill(struct scratch *s)
{
    (void)s;
    return error_of(kill(getppid(), 0));
}

static inline int try_internet(struct scratch *s)
{
    (void)s;
    return error_of(socket(AF_INET, SOCK_STREAM, 0));
}

static inline int try_listen(struct scratch *s)
{
    (void)s;
    struct sockaddr_in any = {.sin_family = AF_INET};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&any, sizeof any) < 0)
        return errno;
    return error_of(listen(fd, 1));
}

static inline int try_code(struct scratch *s)
{
    (void)s;
    void *at =
        mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return at == MAP_FAILED ? errno : 0;
}

static inline int try_code_later(struct scratch *s)
{
    (void)s;
    void *at = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return at == MAP_FAILED ? errno : error_of(mprotect(at, 4096, PROT_READ | PROT_EXEC));
}

static inline int open_and_close(const char *path, int flags)
{
    int fd = open(path, flags | O_CLOEXEC, 0660);
    if (fd < 0)
        return errno;
    close(fd);
    return 0;
}

static inline int try_passwords(struct scratch *s)
{
    (void)s;
    return open_and_close("/etc/passwd-", O_RDONLY) == ENOENT
               ? open_and_close("/etc/shells", O_RDONLY)
               : open_and_close("/etc/passwd-", O_RDONLY);
}

static inline int try_settings(struct scratch *s)
{
    (void)s;
    return open_and_close(conf_path(), O_RDONLY);
}

static inline int try_elsewhere(struct scratch *s)
{
    char path[128];
    snprintf(path, sizeof path, "%s-elsewhere", s->path);
    int error = open_and_close(path, O_WRONLY | O_CREAT);
    unlink(path);
    return error;
}

static inline int try_spool(struct scratch *s)
{
    char from[128], to[128];
    snprintf(from, sizeof from, "%s/tmp/x", s->path);
    snprintf(to, sizeof to, "%s/new/x", s->path);
    int error = open_and_close(from, O_WRONLY | O_CREAT);
    error = error ? error : error_of(rename(from, to));
    error = error ? error : open_and_close(to, O_RDWR | O_TRUNC);
    return error ? error : error_of(unlink(to));
}

/* The ledger's and the counters' place. */
static inline int try_state(struct scratch *s)
{
    char path[128];
    snprintf(path, sizeof path, "%s/state/counters", s->path);
    return open_and_close(path, O_RDWR | O_CREAT);
}

static inline int try_device(struct scratch *s)
{
    char path[128];
    snprintf(path, sizeof path, "%s/tmp/device", s->path);
    return error_of(mknod(path, S_IFCHR | 0600, 0x103));
}

static inline int try_large_file(struct scratch *s)
{
    char path[128];
    struct rlimit limit;
    snprintf(path, sizeof path, "%s/tmp/large", s->path);
    if (getrlimit(RLIMIT_FSIZE, &limit) < 0)
        return errno;
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return errno;
    return error_of(pwrite(fd, "x", 1, (off_t)(limit.rlim_cur / 2 * 2)));
}

static inline int try_much_memory(struct scratch *s)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_DATA, &limit) < 0 || limit.rlim_cur == RLIM_INFINITY)
        return -1;
    (void)s;
    void *at = mmap(NULL, (size_t)limit.rlim_cur, PROT_READ | PROT_WRITE,
        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return at == MAP_FAILED ? errno : 0;
}

static inline int try_core(struct scratch *s)
{
    struct rlimit limit;
    (void)s;
    return getrlimit(RLIMIT_CORE, &limit) < 0 ? errno : limit.rlim_cur || limit.rlim_max;
}

#endif
