#include "report/site.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <limits.h>
#include <poll.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/io.h"
#include "base/text.h"

enum { FILE_MAX = 4 << 20, ANSWER_MAX = 64 << 10, ANSWER_WAIT = 3000 /* ms */ };

/* ---- systemd ---- */

static const char unit_path[] = "/etc/systemd/system:/run/systemd/system:"
                                "/usr/local/lib/systemd/system:/usr/lib/systemd/system:"
                                "/lib/systemd/system";

/* An empty value resets, as in systemd. `unreadable`: errno of a file that is there. */
static bool read_unit(const char *path, const char *key, char out[SITE_TEXT], int *unreadable)
{
    struct buf text = {0};
    bool there = io_read_file(AT_FDCWD, path, &text, FILE_MAX, NULL);
    if (!there && errno != ENOENT && errno != ENOTDIR)
        *unreadable = errno;
    size_t key_len = strlen(key);
    int len;
    for (const char *line, *at = buf_text(&text); there && (line = text_line(&at, &len));)
        if ((size_t)len > key_len && strncmp(line, key, key_len) == 0 && line[key_len] == '=') {
            size_t n = (size_t)len - key_len - 1;
            const char *value = text_trimmed(line + key_len + 1, &n, " \t\r");
            snprintf(out, SITE_TEXT, "%.*s", (int)n, value);
        }
    buf_free(&text);
    return there;
}

bool site_unit_value(const char *unit, const char *key, char out[SITE_TEXT])
{
    const char *chosen = getenv("SYSTEMD_UNIT_PATH");
    char folders[PATH_MAX], path[PATH_MAX];
    bool found = false;
    int unreadable = 0;
    out[0] = '\0';
    snprintf(folders, sizeof folders, "%s", chosen && *chosen ? chosen : unit_path);
    for (char *rest = folders, *folder; !found && (folder = strsep(&rest, ":"));)
        if (snprintf(path, sizeof path, "%s/%s", folder, unit) < (int)sizeof path)
            found = read_unit(path, key, out, &unreadable);
    snprintf(folders, sizeof folders, "%s", chosen && *chosen ? chosen : unit_path);
    for (char *rest = folders, *folder; found && (folder = strsep(&rest, ":"));) {
        glob_t drop_ins = {0};
        if (snprintf(path, sizeof path, "%s/%s.d/*.conf", folder, unit) < (int)sizeof path &&
            glob(path, 0, NULL, &drop_ins) == 0)
            for (size_t i = 0; i < drop_ins.gl_pathc; i++)
                read_unit(drop_ins.gl_pathv[i], key, out, &unreadable);
        globfree(&drop_ins);
    }
    errno = unreadable;
    return *out != '\0';
}

/* ---- nginx ---- */

/* sbin is not in the PATH of every user. */
static bool find_nginx(char out[PATH_MAX])
{
    const char *path = getenv("PATH");
    char folders[PATH_MAX];
    snprintf(folders, sizeof folders, "%s:/usr/local/sbin:/usr/sbin", path ? path : "");
    for (char *rest = folders, *folder; (folder = strsep(&rest, ":"));)
        if (*folder == '/' && snprintf(out, PATH_MAX, "%s/nginx", folder) < PATH_MAX &&
            access(out, X_OK) == 0)
            return true;
    return false;
}

enum site_nginx site_read_nginx(const char *conf, struct buf *text)
{
    char program[PATH_MAX];
    int out[2], status = 0;
    struct buf said = {0};
    if (!find_nginx(program))
        return NGINX_MISSING;
    FILE *messages = tmpfile();
    if (!messages || pipe2(out, O_CLOEXEC) < 0) {
        buf_printf(text, "%s cannot be run: %s", program, strerror(errno));
        if (messages)
            fclose(messages);
        return NGINX_WRONG;
    }
    pid_t child = fork();
    if (child == 0) {
        dup2(out[1], STDOUT_FILENO);
        dup2(fileno(messages), STDERR_FILENO);
        execl(program, program, "-T", conf ? "-c" : NULL, conf, NULL);
        _exit(127);
    }
    close(out[1]);
    bool read = child > 0 && io_read_all(out[0], text, 0, FILE_MAX);
    close(out[0]);
    if (child > 0)
        while (waitpid(child, &status, 0) < 0 && errno == EINTR)
            ;
    if (read && WIFEXITED(status) && WEXITSTATUS(status) == 0) {
        fclose(messages);
        return NGINX_READ;
    }
    rewind(messages);
    buf_clear(text);
    if (io_read_all(fileno(messages), &said, 0, ANSWER_MAX))
        buf_printf(text, "%.*s", (int)strcspn(buf_text(&said), "\n"), buf_text(&said));
    buf_free(&said);
    fclose(messages);
    return NGINX_WRONG;
}

/* Past blanks and comments. */
static const char *skip_blanks(const char *at)
{
    for (;;) {
        at += strspn(at, " \t\r\n;{}");
        if (*at != '#')
            return at;
        at += strcspn(at, "\n");
    }
}

bool site_next_directive(const char **at, const char *name, char out[SITE_TEXT])
{
    size_t name_len = strlen(name);
    for (const char *word; *(word = skip_blanks(*at));) {
        size_t len = strcspn(word, ";{}\n");
        *at = word + len;
        if (len > name_len && strncmp(word, name, name_len) == 0 &&
            isspace((unsigned char)word[name_len])) {
            size_t n = len - name_len;
            const char *value = text_trimmed(word + name_len, &n, " \t\r\n");
            snprintf(out, SITE_TEXT, "%.*s", (int)n, value);
            return true;
        }
    }
    return false;
}

bool site_nginx_user(const char *configuration, char out[SITE_TEXT], bool *sure)
{
    static const char *const usual[] = {"www-data", "nginx", "http"};
    *sure = true;
    if (site_next_directive(&configuration, "user", out)) {
        out[strcspn(out, " \t")] = '\0';
        return true;
    }
    *sure = false;
    for (size_t i = 0; i < sizeof usual / sizeof *usual; i++)
        if (getpwnam(usual[i])) {
            snprintf(out, SITE_TEXT, "%s", usual[i]);
            return true;
        }
    return false;
}

/* ---- the receiver ---- */

void site_socket_path(char out[SITE_TEXT])
{
    if (!site_unit_value("bookspool-fcgi.socket", "ListenStream", out) || *out != '/')
        snprintf(out, SITE_TEXT, "/run/bookspool/fcgi.sock");
}

/* FastCGI 1.0: records of 8 bytes of header and their content (sections 3.3 and 8). */
enum { FCGI_BEGIN = 1, FCGI_END = 3, FCGI_PARAMS = 4, FCGI_STDIN = 5, FCGI_STDOUT = 6, HEADER = 8 };

static void add_record(struct buf *out, int type, const void *content, size_t len)
{
    const unsigned char header[HEADER] = {
        1, (unsigned char)type, 0, 1, (unsigned char)(len >> 8), (unsigned char)len};
    buf_add(out, header, sizeof header);
    buf_add(out, content, len);
}

static void make_request(struct buf *out)
{
    static const char *const params[][2] = {{"REQUEST_METHOD", "GET"}, {"SCRIPT_NAME", ""},
        {"PATH_INFO", "/api/health"}, {"QUERY_STRING", ""}, {"CONTENT_LENGTH", ""},
        {"SERVER_PROTOCOL", "HTTP/1.1"}, {"GATEWAY_INTERFACE", "CGI/1.1"}};
    static const unsigned char begin[] = {0, 1 /* responder */, 0, 0, 0, 0, 0, 0};
    struct buf content = {0};
    for (size_t i = 0; i < sizeof params / sizeof *params; i++) {
        buf_putc(&content, (char)strlen(params[i][0]));
        buf_putc(&content, (char)strlen(params[i][1]));
        buf_puts(&content, params[i][0]);
        buf_puts(&content, params[i][1]);
    }
    add_record(out, FCGI_BEGIN, begin, sizeof begin);
    add_record(out, FCGI_PARAMS, content.data, content.len);
    add_record(out, FCGI_PARAMS, "", 0);
    add_record(out, FCGI_STDIN, "", 0);
    buf_free(&content);
}

/* Joins the contents of the standard output; true when the end of the request is there. */
static bool read_records(const struct buf *raw, struct buf *out)
{
    buf_clear(out);
    for (size_t at = 0; at + HEADER <= raw->len;) {
        const unsigned char *head = (const unsigned char *)raw->data + at;
        size_t len = (size_t)head[4] << 8 | head[5];
        if (head[0] != 1 || at + HEADER + len > raw->len)
            return false;
        if (head[1] == FCGI_END)
            return true;
        if (head[1] == FCGI_STDOUT)
            buf_add(out, head + HEADER, len);
        at += HEADER + len + head[6];
    }
    return false;
}

static bool wait_for(int fd, short events, int64_t end)
{
    struct pollfd one = {.fd = fd, .events = events};
    int64_t left = end - clock_monotonic();
    return left > 0 && poll(&one, 1, (int)left) > 0;
}

/* Sends the request and reads the answer until its end; false when that does not come in time. */
static bool exchange(int fd, struct buf *answer)
{
    struct buf request = {0}, raw = {0};
    int64_t end = clock_monotonic() + ANSWER_WAIT;
    bool complete = false;
    make_request(&request);
    /* it fits into the empty buffer of a new connection */
    bool ok = send(fd, buf_text(&request), request.len, MSG_NOSIGNAL) == (ssize_t)request.len;
    while (ok && !complete && raw.len < ANSWER_MAX && wait_for(fd, POLLIN, end)) {
        char part[4096];
        ssize_t got = recv(fd, part, sizeof part, 0);
        if (got <= 0)
            break;
        buf_add(&raw, part, (size_t)got);
        complete = read_records(&raw, answer);
    }
    buf_free(&request);
    buf_free(&raw);
    return complete;
}

enum site_receiver site_ask_receiver(const char *socket_path, struct buf *body)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct buf answer = {0};
    errno = ENAMETOOLONG;
    if (snprintf(address.sun_path, sizeof address.sun_path, "%s", socket_path) >=
        (int)sizeof address.sun_path)
        return RECEIVER_ABSENT;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (const struct sockaddr *)&address, sizeof address) < 0) {
        int error = errno;
        if (fd >= 0)
            close(fd);
        errno = error;
        return error == ENOENT || error == ENOTDIR    ? RECEIVER_ABSENT
               : error == ECONNREFUSED                ? RECEIVER_GONE
               : error == EAGAIN /* a full backlog */ ? RECEIVER_SILENT
                                                      : RECEIVER_CLOSED;
    }
    bool complete = exchange(fd, &answer);
    close(fd);
    const char *found = strstr(buf_text(&answer), "\r\n\r\n");
    if (found)
        buf_puts(body, found + 4);
    bool ours = found && strstr(found, "\"status\"");
    buf_free(&answer);
    return ours ? RECEIVER_ANSWERS : complete ? RECEIVER_FOREIGN : RECEIVER_SILENT;
}
