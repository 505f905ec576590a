/*
 * alloc: fails one allocation of our own code, or of cJSON, which is where most of our memory
 * comes from. Preloaded by tests only.
 *
 *   ALLOC_AT=N       the allocation that fails, from 1; 0 or unset: only count
 *   ALLOC_ON=1       and all that follow it
 *   ALLOC_OF=NAME    whose allocations count: `program`, or the beginning of a library's file name
 *   ALLOC_LOG=FILE   counting: one line an allocation, its number, its function, the address in the
 *                    object it was asked from (for addr2line). Otherwise: the line of the first
 *                    that failed, or nothing
 *
 * Who asks is told by the return address, so what a library allocates inside of a call of ours
 * (libcurl, GLib, libc) is not touched: GLib and libfcgi end the program by design when there is no
 * memory, which is a death at that step, and deaths at each step are tests/faults/shim.c's.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define NEXT(name)                                                                                 \
    (__extension__({                                                                               \
        static __typeof__(&name) real;                                                             \
        if (!real)                                                                                 \
            real = (__typeof__(&name))dlsym(RTLD_NEXT, #name);                                     \
        real;                                                                                      \
    }))

enum { LOG_FD = 201, RANGES = 8 };

static struct {
    long at, on;
    int log;
    _Atomic long *count; /* in shared memory, because senders are forked */
    uintptr_t base;
    struct {
        uintptr_t from, to;
    } range[RANGES];
    size_t ranges;
} alloc = {.log = -1};

static const char *file_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* The program itself has the empty name. */
static int add_object(struct dl_phdr_info *info, size_t size, void *wanted)
{
    (void)size;
    const char *name = *info->dlpi_name ? file_name(info->dlpi_name) : "program";
    if (strncmp(name, wanted, strlen(wanted)) != 0)
        return 0;
    alloc.base = info->dlpi_addr;
    for (size_t i = 0; i < info->dlpi_phnum && alloc.ranges < RANGES; i++) {
        const ElfW(Phdr) *segment = &info->dlpi_phdr[i];
        if (segment->p_type != PT_LOAD || !(segment->p_flags & PF_X))
            continue;
        alloc.range[alloc.ranges].from = info->dlpi_addr + segment->p_vaddr;
        alloc.range[alloc.ranges].to = info->dlpi_addr + segment->p_vaddr + segment->p_memsz;
        alloc.ranges++;
    }
    return 1;
}

static long number(const char *name)
{
    const char *text = getenv(name);
    return text ? atol(text) : 0;
}

__attribute__((constructor)) static void start(void)
{
    const char *path = getenv("ALLOC_LOG"), *of = getenv("ALLOC_OF");
    if (!of)
        return;
    alloc.at = number("ALLOC_AT");
    alloc.on = number("ALLOC_ON");
    if (path) {
        int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
        alloc.log = fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, LOG_FD);
        close(fd);
    }
    void *shared =
        mmap(NULL, sizeof *alloc.count, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    dl_iterate_phdr(add_object, (void *)(uintptr_t)of);
    if (shared != MAP_FAILED)
        alloc.count = shared;
}

static void note(long count, const char *function, uintptr_t from)
{
    char line[100];
    int len = snprintf(
        line, sizeof line, "%ld %s %#lx\n", count, function, (unsigned long)(from - alloc.base));
    if (alloc.log >= 0 && syscall(SYS_write, alloc.log, line, (size_t)len) < 0)
        abort();
}

static int is_ours(uintptr_t from)
{
    for (size_t i = 0; i < alloc.ranges; i++)
        if (from >= alloc.range[i].from && from < alloc.range[i].to)
            return 1;
    return 0;
}

/* True: this one fails; errno is set. */
static int meant(const char *function, void *caller)
{
    uintptr_t from = (uintptr_t)caller;
    if (!alloc.count || !is_ours(from))
        return 0;
    int saved = errno;
    long count = ++*alloc.count;
    if (!alloc.at || count == alloc.at)
        note(count, function, from);
    errno = saved;
    if (!alloc.at || count < alloc.at || (count > alloc.at && !alloc.on))
        return 0;
    errno = ENOMEM;
    return 1;
}

#define ALLOCATES(type, name, parameters, arguments)                                               \
    type name parameters                                                                           \
    {                                                                                              \
        return meant(#name, __builtin_return_address(0)) ? NULL : NEXT(name) arguments;            \
    }

ALLOCATES(void *, malloc, (size_t size), (size))
ALLOCATES(void *, calloc, (size_t count, size_t size), (count, size))
ALLOCATES(void *, realloc, (void *old, size_t size), (old, size))
ALLOCATES(void *, reallocarray, (void *old, size_t count, size_t size), (old, count, size))
ALLOCATES(char *, strdup, (const char *text), (text))
ALLOCATES(char *, strndup, (const char *text, size_t len), (text, len))

int vasprintf(char **text, const char *format, va_list args)
{
    return meant("vasprintf", __builtin_return_address(0)) ? -1
                                                           : NEXT(vasprintf)(text, format, args);
}

int asprintf(char **text, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int len =
        meant("asprintf", __builtin_return_address(0)) ? -1 : NEXT(vasprintf)(text, format, args);
    va_end(args);
    return len;
}
