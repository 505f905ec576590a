#include "confine/calls.h"

#include <errno.h>
#include <seccomp.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#include <linux/seccomp.h>

enum { NUMBERS = 1024, NAME_SIZE = 64, LINE_SIZE = 600 };

static const char *program_name;
static char *names[NUMBERS]; /* looked up before: libseccomp allocates, a signal handler cannot */
static _Atomic bool reported[NUMBERS];

bool calls_can_be_filtered(void)
{
    unsigned action = SECCOMP_RET_TRAP;
    return prctl(PR_GET_SECCOMP, 0, 0, 0, 0) >= 0 &&
           syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action) == 0;
}

/* ---- what is refused ---- */

/* snprintf takes no lock and no memory for these conversions. */
static void report_refused(int number)
{
    char line[LINE_SIZE];
    bool known = number >= 0 && number < NUMBERS;
    if (known && atomic_exchange(&reported[number], true))
        return;
    int len = snprintf(line, sizeof line,
        "%s: sandbox-refused: system call %d (%s) is not one that this program is known to need, "
        "and was answered \"not implemented\". After an upgrade of the C library that may be "
        "harmless; if something fails, set BOOKSPOOL_SANDBOX=off until bookspool is corrected, "
        "and report this line\n",
        program_name, number, known && names[number] ? names[number] : "unknown");
    if (len > 0 && write(STDERR_FILENO, line, (size_t)len) < 0)
        return;
}

/* The call has not been made; what it returns is put where the kernel would put it. */
static void on_sigsys(int signal_number, siginfo_t *info, void *context)
{
    int saved = errno;
    (void)signal_number;
    report_refused(info->si_syscall);
#if defined(__x86_64__)
    ((ucontext_t *)context)->uc_mcontext.gregs[REG_RAX] = -ENOSYS;
#elif defined(__i386__)
    ((ucontext_t *)context)->uc_mcontext.gregs[REG_EAX] = -ENOSYS;
#elif defined(__aarch64__)
    ((ucontext_t *)context)->uc_mcontext.regs[0] = (unsigned long long)-ENOSYS;
#elif defined(__arm__)
    ((ucontext_t *)context)->uc_mcontext.arm_r0 = (unsigned long)-ENOSYS;
#elif defined(__riscv)
    ((ucontext_t *)context)->uc_mcontext.__gregs[REG_A0] = (unsigned long)-ENOSYS;
#else
    (void)context;
    _exit(128 + SIGSYS); /* going on would need to know where the result belongs */
#endif
    errno = saved;
}

static bool handle_refusals(const char *program)
{
    struct sigaction action = {.sa_sigaction = on_sigsys, .sa_flags = SA_SIGINFO | SA_NODEFER};
    sigemptyset(&action.sa_mask);
    program_name = program;
    for (int i = 0; i < NUMBERS; i++)
        if (!names[i])
            names[i] = seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, i);
    return sigaction(SIGSYS, &action, NULL) == 0;
}

/* ---- the filter ---- */

/* 0, or an errno. */
static int add_call(scmp_filter_ctx filter, const char *name, const struct calls_permission *line)
{
    const struct calls_argument *argument = &line->argument;
    const struct scmp_arg_cmp compared = {.arg = argument->index,
        .op = SCMP_CMP_MASKED_EQ,
        .datum_a = argument->mask,
        .datum_b = argument->value};
    int number = seccomp_syscall_resolve_name(name);
    if (number < 0)
        return 0;
    uint32_t action = line->missing ? SCMP_ACT_ERRNO(ENOSYS) : SCMP_ACT_ALLOW;
    int result = seccomp_rule_add_array(filter, action, number, argument->mask != 0, &compared);
    return result == -EEXIST ? 0 : -result;
}

static int add_line(scmp_filter_ctx filter, const struct calls_permission *line)
{
    char name[NAME_SIZE];
    int failed = 0;
    for (const char *at = line->names; *at && !failed;) {
        size_t len = strcspn(at, " ");
        snprintf(name, sizeof name, "%.*s", (int)len, at);
        failed = add_call(filter, name, line);
        at += len + strspn(at + len, " ");
    }
    return failed;
}

bool calls_confine(
    const char *program, const struct calls_permission *lists[], size_t count, struct buf *why)
{
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_TRAP);
    int failed = filter ? 0 : ENOMEM;
    for (size_t i = 0; i < count && !failed; i++)
        for (const struct calls_permission *line = lists[i]; line->names && !failed; line++)
            failed = add_line(filter, line);
    if (!failed && !handle_refusals(program))
        failed = errno;
    if (!failed)
        failed = -seccomp_load(filter);
    if (filter)
        seccomp_release(filter);
    if (failed)
        buf_printf(why, "the filter of system calls cannot be set up: %s", strerror(failed));
    return !failed;
}
