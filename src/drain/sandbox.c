#include "drain/sandbox.h"

#include <errno.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/array.h"
#include "base/log.h"
#include "confine/calls.h"
#include "confine/landlock.h"
#include "confine/limits.h"
#include "deliver/target.h"
#include "ledger/server.h"

#define PROGRAM "bookspool-drain"
#define GIB     (UINT64_C(1) << 30)

/* The ledger is the largest file, of some KiB a booking; memory is for a hundred thousand mails
 * that wait, and a few of 256 MiB. */
enum { FILE_GIB = 64, MEMORY_GIB = 4 };

#define NAMESPACES                                                                                 \
    (CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID |  \
        CLONE_NEWNET)

/* clang-format off */
static const struct calls_permission calls[] = {
    CALLS("read readv pread64 preadv write writev pwrite64 pwritev lseek _llseek close close_range", "files, sockets, the log"),
    CALLS("connect bind getsockname getpeername getsockopt setsockopt shutdown", "mail servers, APIs, the ledger's server, resolvers; bind is for netlink, where the resolver asks for addresses of this machine"),
    CALLS("sendto sendmsg sendmmsg recvfrom recvmsg recvmmsg", "the same"),
    CALLS_IF("socket", "mail servers, APIs, the ledger's server", 0, UINT32_MAX, AF_INET),
    CALLS_IF("socket", "the same", 0, UINT32_MAX, AF_INET6),
    CALLS_IF("socket", "syslog, name services, a statsd and the ledger's server on this machine, the receiver's health", 0, UINT32_MAX, AF_UNIX),
    CALLS_IF("socket", "which addresses this machine has (getaddrinfo)", 0, UINT32_MAX, AF_NETLINK),
    CALLS("socketpair pipe pipe2 eventfd2", "libcurl's resolver thread wakes it; the starter of sendmail: answers"),
    CALLS("poll ppoll ppoll_time64 select _newselect pselect6 pselect6_time64 epoll_create1 epoll_ctl epoll_wait epoll_pwait", "waiting for servers and arrivals"),
    CALLS("inotify_init1 inotify_add_watch inotify_rm_watch", "--watch"),
    CALLS("open openat openat2", "Landlock says where"),
    CALLS("fstat fstat64 stat stat64 lstat lstat64 newfstatat fstatat64 statx access faccessat faccessat2", "is a name there, has a file changed"),
    CALLS("fstatfs statfs fstatfs64 statfs64", "is there room"),
    CALLS("getdents64", "the spool, a Maildir, templates"),
    CALLS("rename renameat renameat2 link linkat unlink unlinkat", "the spool's moves"),
    CALLS("mkdir mkdirat", "directories of the spool and of a new Maildir"),
    CALLS("chmod fchmod fchmodat fchmodat2 fchown fchown32 utimensat utimensat_time64 futimesat", "marks and times of mails; SQLite's files have the ledger's owner"),
    CALLS("fsync fdatasync syncfs", "nothing is reported before it is durable"),
    CALLS("ftruncate ftruncate64 fallocate memfd_create", "the ledger; the input of a sendmail program"),
    CALLS("flock fcntl fcntl64 dup dup2 dup3", "one drain at a time; SQLite's locks"),
    CALLS_IF("ioctl", "is the log a terminal", 1, UINT32_MAX, TCGETS),
    CALLS_IF("ioctl", "and how wide is it", 1, UINT32_MAX, TIOCGWINSZ),
    CALLS_IF("ioctl", "descriptors that do not block", 1, UINT32_MAX, FIONBIO),
    CALLS_IF("ioctl", "how much has come", 1, UINT32_MAX, FIONREAD),
    CALLS_IF("ioctl", "the zone of a link-local address, as in [fe80::53%25eth0]", 1, UINT32_MAX, SIOCGIFINDEX),
    CALLS("brk munmap mremap madvise", "memory"),
    CALLS_IF("mmap mmap2", "memory, the ledger", 2, PROT_EXEC, 0),
    CALLS_IF("mmap mmap2", "libraries that name services load at their first use: not writable", 2, PROT_WRITE, 0),
    CALLS_IF("mprotect", "memory for malloc, never as code", 2, PROT_EXEC, 0),
    CALLS("futex futex_time64 sched_yield sched_getaffinity sched_getscheduler sched_getparam", "threads of libcurl and GLib"),
    CALLS_IF("clone", "that resolver thread, and senders; no namespaces", 0, NAMESPACES, 0),
    CALLS_MISSING("clone3", "its flags are in memory, where a filter cannot see them: clone is used"),
    CALLS("fork vfork", "senders"),
    CALLS("wait4 waitid pidfd_open", "their end"),
    CALLS("kill tgkill", "they are stopped with the drain; Landlock allows no other process"),
    CALLS_IF("prctl", "names of threads", 0, UINT32_MAX, PR_SET_NAME),
    CALLS("set_robust_list get_robust_list rseq set_tid_address sigaltstack restart_syscall membarrier", "of the kernel and the C library for each other"),
    CALLS("rt_sigaction rt_sigprocmask rt_sigreturn sigreturn rt_sigtimedwait rt_sigtimedwait_time64", "the signals that stop it, and SIGBUS of the counters"),
    CALLS("clock_gettime clock_gettime64 clock_getres gettimeofday time clock_nanosleep clock_nanosleep_time64 nanosleep", "clocks"),
    CALLS("getrandom", "libcrypto, SQLite, names of temporary files"),
    CALLS("getpid getppid gettid getuid getuid32 geteuid geteuid32 getgid getgid32 getegid getegid32 getresuid getresuid32 getresgid getresgid32 getgroups getgroups32 getpgrp", "who is this"),
    CALLS("getrlimit ugetrlimit getrusage", "how much is possible"),
    CALLS_IF("prlimit64", "the same, of its own only", 0, UINT32_MAX, 0),
    CALLS("readlink readlinkat getcwd uname sysinfo umask", "say nothing of others and change nothing of others"),
    CALLS("exit exit_group", "the end"),
    CALLS_END,
};

/* What AddressSanitizer adds: at the end a thread of it looks for leaks, as a debugger would. */
static const struct calls_permission calls_of_sanitizer[] = {
    CALLS("ptrace prctl getdents", "the search for leaks, and reports"),
    CALLS_END,
};

/* What is read of the system. Of /etc only these: receive.env is not the drain's. */
static const struct {
    const char *path, *why;
} readable[] = {
    {"/etc/hosts", "names and addresses of servers"},
    {"/etc/resolv.conf", "the resolver"},
    {"/etc/nsswitch.conf", "the resolver"},
    {"/etc/host.conf", "the resolver"},
    {"/etc/gai.conf", "the resolver"},
    {"/etc/services", "the resolver"},
    {"/etc/protocols", "the resolver"},
    {"/run/systemd/resolve", "the resolver: /etc/resolv.conf may be made anew there"},
    {"/run/resolvconf", "the same"},
    {"/run/NetworkManager", "the same"},
    {"/var/lib/extrausers", "names of users, in reports of wrong owners"},
    {"/etc/passwd", "the same"},
    {"/etc/group", "the same"},
    {"/etc/ld.so.cache", "where libraries of name services are"},
    {"/usr/lib", "these libraries, those of libcrypto, gconv's; OpenSSL's configuration"},
    {"/lib", "the same, where it is a folder of its own"},
    {"/lib64", "the same"},
    {"/usr/lib64", "the same"},
    {"/etc/ssl", "certificates that are trusted"},
    {"/etc/pki", "the same, of Fedora"},
    {"/etc/ca-certificates", "the same"},
    {"/usr/share/ca-certificates", "the same"},
    {"/usr/local/share/ca-certificates", "the same"},
    {"/usr/share/zoneinfo", "time zones"},
    {"/usr/share/zoneinfo-icu", "the same"},
    {"/etc/localtime", "the system's zone"},
    {"/etc/timezone", "the same"},
    {"/usr/share/locale", "words of the C library's errors"},
    {"/etc/systemd/system", "the status page: where the receiver's socket is"},
    {"/run/systemd/system", "the same"},
    {"/dev/null", "standard input of what is forked"},
    {"/dev/urandom", "libraries that do not use getrandom(2)"},
};
/* clang-format on */

/* ---- what has a rule, and may be replaced ---- */

struct place {
    char *path;
    bool parent; /* the rule is of the folder of what the path leads to */
    dev_t device;
    ino_t inode; /* both 0: nothing was there */
};

static struct place *places;
static size_t place_count, place_room;

static void identify(const char *path, bool parent, struct place *place)
{
    struct stat st;
    char real[PATH_MAX], folder[PATH_MAX];
    if (parent && landlock_parent(realpath(path, real) ? real : path, folder))
        path = folder;
    bool there = stat(path, &st) == 0;
    place->device = there ? st.st_dev : 0;
    place->inode = there ? st.st_ino : 0;
}

/* Before the rule is made, so that nothing is missed. False: errno. */
static bool remember(const struct landlock *landlock, const char *path, bool parent)
{
    if (landlock->fd < 0)
        return true;
    void *grown = array_room(places, place_count, &place_room, sizeof *places);
    char *copy = strdup(path);
    if (grown)
        places = grown;
    if (!grown || !copy) {
        free(copy);
        errno = ENOMEM;
        return false;
    }
    struct place *place = &places[place_count++];
    *place = (struct place){.path = copy, .parent = parent};
    identify(path, parent, place);
    return true;
}

const char *sandbox_stale(void)
{
    for (size_t i = 0; i < place_count; i++) {
        struct place now;
        identify(places[i].path, places[i].parent, &now);
        if (now.device != places[i].device || now.inode != places[i].inode)
            return places[i].path;
    }
    return NULL;
}

static bool allow(struct landlock *landlock, const char *path, unsigned rights)
{
    return remember(landlock, path, false) && landlock_allow(landlock, path, rights);
}

static bool allow_parent(struct landlock *landlock, const char *path, unsigned rights)
{
    char folder[PATH_MAX];
    return landlock_parent(path, folder) && allow(landlock, folder, rights);
}

/* Of the path, and of the file that it is a symbolic link to. */
static bool allow_parents(struct landlock *landlock, const char *path, unsigned rights)
{
    char real[PATH_MAX];
    return remember(landlock, path, true) && allow_parent(landlock, path, rights) &&
           (!realpath(path, real) || landlock_allow_parent(landlock, real, rights));
}

/* ---- the rules ---- */

static bool allow_system(struct landlock *landlock)
{
    /* variables that name another place of the same */
    static const char *const named[] = {"TZDIR", "SSL_CERT_FILE", "SSL_CERT_DIR", "OPENSSL_CONF"};
    bool ok = true;
    for (size_t i = 0; ok && i < sizeof readable / sizeof *readable; i++)
        ok = allow(landlock, readable[i].path, LANDLOCK_READ);
    for (size_t i = 0; ok && i < sizeof named / sizeof *named; i++)
        ok = !getenv(named[i]) || allow(landlock, getenv(named[i]), LANDLOCK_READ);
    if (ok && limits_sanitized()) /* its reports name functions, from the program's own file */
        ok = landlock_allow(landlock, "/proc", LANDLOCK_READ) &&
             landlock_allow(landlock, "/proc/self/exe", LANDLOCK_READ);
    return ok;
}

/*
 * A Maildir that is there, or the folder in which it is made. It is written to, read for names of
 * mails, and may get its three folders.
 */
static bool allow_maildirs(struct landlock *landlock, const struct conf *conf)
{
    enum { RIGHTS = LANDLOCK_READ | LANDLOCK_WRITE | LANDLOCK_FOLDERS };
    struct target_list targets;
    struct buf ignored = {0}; /* what is wrong was reported when the transports were opened */
    bool ok = true;
    target_list_read(conf, &targets, &ignored);
    for (size_t i = 0; ok && i < targets.count; i++) {
        const char *path = targets.item[i].path;
        if (!path || strcmp(targets.item[i].kind->scheme, "maildir:") != 0)
            continue;
        ok = access(path, F_OK) == 0 ? allow(landlock, path, RIGHTS)
                                     : allow_parent(landlock, path, RIGHTS);
    }
    target_list_free(&targets);
    buf_free(&ignored);
    return ok;
}

static bool allow_server_file(void *context, const char *path)
{
    return allow(context, path, LANDLOCK_READ);
}

/* SQLite makes two more files beside it; where it is a link, beside what it leads to. Of a server,
 * certificates and a password file are read at each connection; its socket needs no rule. */
static bool allow_ledger(struct landlock *landlock, const char *ledger)
{
    static const char scheme[] = "sqlite:";
    const char *path = ledger + sizeof scheme - 1;
    if (ledger_is_on_server(ledger))
        return ledger_server_files(ledger, allow_server_file, landlock);
    return strncmp(ledger, scheme, sizeof scheme - 1) != 0 || strcmp(path, ":memory:") == 0 ||
           allow_parents(landlock, path, LANDLOCK_READ | LANDLOCK_WRITE);
}

static bool allow_settings(struct landlock *landlock, const struct conf *conf, bool watches)
{
    enum { RIGHTS = LANDLOCK_READ | LANDLOCK_WRITE };
    const char *page = conf_text(conf, SET_STATUS_PAGE),
               *templates = conf_text(conf, SET_TEMPLATES), *ca = conf_text(conf, SET_TLS_CA);
    bool ok = allow(landlock, conf_text(conf, SET_SPOOL), RIGHTS | LANDLOCK_FOLDERS) &&
              /* counters, reports, history; the folders of a Maildir, which is here by default */
              allow(landlock, conf_text(conf, SET_STATE), RIGHTS | LANDLOCK_FOLDERS);
    ok = ok && allow_ledger(landlock, conf_text(conf, SET_LEDGER));
    if (ok && page) /* written beside it, and renamed */
        ok = allow_parent(landlock, page, RIGHTS);
    if (ok && templates)
        ok = allow(landlock, templates, LANDLOCK_READ);
    if (ok && ca)
        ok = allow(landlock, ca, LANDLOCK_READ);
    /* NAME_FILE of a token: it expires, and a new one is put in its place (conf_reread) */
    for (enum setting i = 0; ok && i < SETTINGS; i++)
        if (settings[i].secret && conf->value[i].file)
            ok = landlock_allow(landlock, conf->value[i].file, LANDLOCK_READ) &&
                 (!watches || allow_parents(landlock, conf->value[i].file, LANDLOCK_READ));
    return ok && allow_maildirs(landlock, conf);
}

static bool enter_files(const struct conf *conf, bool watches, struct buf *why)
{
    struct landlock landlock;
    bool ok = landlock_begin(&landlock, LANDLOCK_ALL_FILES, true) && allow_system(&landlock) &&
              allow_settings(&landlock, conf, watches) && landlock_enter(&landlock);
    if (!ok)
        landlock_explain(&landlock, why);
    landlock_drop(&landlock);
    return ok;
}

bool sandbox_enter(const struct conf *conf, bool watches, struct buf *why)
{
    const struct calls_permission *lists[] = {calls, calls_of_sanitizer};
    limits_begin(007);
    if (!limits_set(FILE_GIB * GIB, MEMORY_GIB * GIB)) {
        buf_printf(why, "limits cannot be set: %s", strerror(errno));
        return false;
    }
    if (conf_number(conf, SET_SANDBOX) == SANDBOX_OFF) {
        log_debug(NULL, "sandbox-off", "BOOKSPOOL_SANDBOX=off");
        return true;
    }
    tzset();
    int abi = landlock_abi();
    bool filter = calls_can_be_filtered();
    if (!enter_files(conf, watches, why) ||
        (filter && !calls_confine(PROGRAM, lists, limits_sanitized() ? 2 : 1, why)))
        return false;
    log_debug(NULL, "sandboxed", "Landlock ABI %d, seccomp %s", abi, filter ? "yes" : "no");
    return true;
}
