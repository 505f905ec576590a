#include "receive/listen.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { BACKLOG = 511 }; /* as nginx; the kernel caps it at net.core.somaxconn */

#define PREFIX "unix:"

bool listen_is_stdin(void)
{
    int listening = 0;
    socklen_t len = sizeof listening;
    return getsockopt(STDIN_FILENO, SOL_SOCKET, SO_ACCEPTCONN, &listening, &len) == 0 && listening;
}

bool listen_stdin(struct listener *listener)
{
    *listener = (struct listener){.fd = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1)};
    int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    bool ok = listener->fd >= 0 && null >= 0 && dup2(null, STDIN_FILENO) == STDIN_FILENO;
    if (null > STDIN_FILENO)
        close(null);
    return ok;
}

/* NULL when a socket can be made there, or what is in the way. */
static const char *remove_unused(const struct sockaddr_un *address)
{
    struct stat st;
    if (lstat(address->sun_path, &st) < 0)
        return errno == ENOENT ? NULL : "cannot stat it";
    if (!S_ISSOCK(st.st_mode)) {
        errno = EEXIST;
        return "something that is not a socket is there";
    }
    /* a full backlog gives EAGAIN: a program listens */
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    bool unused = fd >= 0 && connect(fd, (const struct sockaddr *)address, sizeof *address) < 0 &&
                  (errno == ECONNREFUSED || errno == ENOENT);
    if (fd >= 0)
        close(fd);
    if (!unused) {
        errno = EADDRINUSE;
        return "another program listens there";
    }
    /* the program that listened there may have removed it meanwhile */
    bool gone = unlink(address->sun_path) == 0 || errno == ENOENT;
    return gone ? NULL : "cannot remove the unused socket";
}

const char *listen_open(struct listener *listener, const char *text)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct stat st;
    *listener = (struct listener){.fd = -1};
    errno = EINVAL;
    if (strncmp(text, PREFIX "/", sizeof PREFIX) != 0)
        return "expected unix:/absolute/path";
    listener->path = text + sizeof PREFIX - 1;
    if (strlen(listener->path) >= sizeof address.sun_path)
        return "the path is too long for a socket";
    memcpy(address.sun_path, listener->path, strlen(listener->path) + 1);
    const char *fault = remove_unused(&address);
    if (fault)
        return fault;
    listener->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    /* bind gives mode 0777 less the umask, so that no other user can connect in between */
    mode_t old = umask(0117);
    bool bound = listener->fd >= 0 &&
                 bind(listener->fd, (const struct sockaddr *)&address, sizeof address) == 0;
    int saved = errno;
    umask(old);
    errno = saved;
    if (!bound || lstat(listener->path, &st) < 0 || listen(listener->fd, BACKLOG) < 0)
        return "cannot listen there";
    listener->device = st.st_dev;
    listener->inode = st.st_ino;
    return NULL;
}

void listen_close(const struct listener *listener)
{
    struct stat st;
    if (listener->path && lstat(listener->path, &st) == 0 && st.st_dev == listener->device &&
        st.st_ino == listener->inode)
        unlink(listener->path);
}
