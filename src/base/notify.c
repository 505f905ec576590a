#include "base/notify.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"

enum { PINGS_A_LIMIT = 3 };

static int manager = -1;
static int64_t every, next_at; /* ms; 0: no watchdog */

/* A path, or a name of the abstract kind, which "@" begins. -1: none, or out of reach. */
static int connect_to(const char *name)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t len = name ? strlen(name) : 0;
    if (len < 2 || len >= sizeof address.sun_path || (*name != '/' && *name != '@'))
        return -1;
    memcpy(address.sun_path, name, len);
    if (*name == '@')
        address.sun_path[0] = '\0';
    socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len + (*name == '/'));
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, (const struct sockaddr *)&address, size) == 0)
        return fd;
    if (fd >= 0)
        close(fd);
    return -1;
}

void notify_open(void)
{
    const char *usec = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");
    manager = connect_to(getenv("NOTIFY_SOCKET"));
    bool watched = manager >= 0 && usec && (!pid || strtol(pid, NULL, 10) == (long)getpid());
    long long limit = watched ? strtoll(usec, NULL, 10) / US_PER_MS : 0;
    every = limit > PINGS_A_LIMIT ? limit / PINGS_A_LIMIT : 0;
    unsetenv("NOTIFY_SOCKET");
    unsetenv("WATCHDOG_USEC");
    unsetenv("WATCHDOG_PID");
}

void notify_say(const char *state)
{
    int saved = errno;
    if (manager >= 0 && send(manager, state, strlen(state), MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
        (void)0; /* it cannot be reported to anybody else */
    errno = saved;
}

void notify_leave(void)
{
    if (manager >= 0)
        close(manager);
    manager = -1;
    every = 0;
}

int64_t notify_alive(void)
{
    if (!every)
        return INT64_MAX;
    int64_t now = clock_monotonic();
    if (now >= next_at) {
        notify_say("WATCHDOG=1");
        next_at = now + every;
    }
    return next_at - now;
}
