#include "report/dogstatsd.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/io.h"
#include "base/log.h"
#include "base/version.h"
#include "report/dogstatsd_text.h"

/* What Datadog's own client sends: no fragment on the way, and what the agent reads at once. */
enum { PACKET_UDP = 1432, PACKET_UNIX = 8192, STAGED_MAX = 1024 };

/* ---- settings ---- */

#define UDP_PREFIX  "udp://"
#define UNIX_PREFIX "unix://"

static bool unix_address(struct dogstatsd *d, const char *path)
{
    struct sockaddr_un *address = (struct sockaddr_un *)&d->address;
    if (*path != '/' || strlen(path) >= sizeof address->sun_path)
        return false;
    address->sun_family = AF_UNIX;
    strcpy(address->sun_path, path);
    d->address_len = sizeof *address;
    d->unix_socket = true;
    return true;
}

/* Numeric only: looking up a name could take long. */
static bool udp_address(struct dogstatsd *d, const char *text)
{
    char host[256], *port = NULL;
    struct addrinfo hints = {.ai_socktype = SOCK_DGRAM,
                        .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV},
                    *found;
    if (strlen(text) >= sizeof host)
        return false;
    strcpy(host, text);
    char *at = host, *end = *host == '[' ? strchr(host, ']') : NULL;
    if (end) { /* [IPv6]:PORT */
        *end++ = '\0';
        at++;
    } else {
        end = strchr(host, ':');
    }
    if (end && *end == ':') {
        *end = '\0';
        port = end + 1;
    } else if (end && *end) {
        return false;
    }
    if (strcmp(at, "localhost") == 0)
        strcpy(at, "127.0.0.1");
    if (getaddrinfo(at, port ? port : "8125", &hints, &found) != 0)
        return false;
    memcpy(&d->address, found->ai_addr, found->ai_addrlen);
    d->address_len = found->ai_addrlen;
    freeaddrinfo(found);
    return true;
}

bool dogstatsd_open(struct dogstatsd *d, const struct conf *conf, struct buf *why)
{
    const char *url = conf_text(conf, SET_DD_URL), *version = conf_text(conf, SET_DD_VERSION);
    *d = (struct dogstatsd){.state_dir = conf_text(conf, SET_STATE)};
    if (!url || !*url)
        return true;
    if (strncmp(url, UNIX_PREFIX, strlen(UNIX_PREFIX)) == 0)
        d->wanted = unix_address(d, url + strlen(UNIX_PREFIX));
    else if (strncmp(url, UDP_PREFIX, strlen(UDP_PREFIX)) == 0)
        d->wanted = udp_address(d, url + strlen(UDP_PREFIX));
    if (!d->wanted)
        conf_fault(conf, SET_DD_URL, why,
            "expected udp://ADDRESS:PORT with a numeric address or localhost, or "
            "unix:///PATH of the agent's socket");
    dogstatsd_add_tag(&d->tags, "env", conf_text(conf, SET_DD_ENV));
    dogstatsd_add_tag(&d->tags, "service", conf_text(conf, SET_DD_SERVICE));
    dogstatsd_add_tag(&d->tags, "version", version ? version : BOOKSPOOL_VERSION);
    return d->wanted;
}

void dogstatsd_close(struct dogstatsd *d)
{
    buf_free(&d->tags);
}

/* ---- what was reported before ---- */

struct known {
    char magic[16];
    uint32_t unsent; /* the last report was not taken completely: logged already */
    uint32_t checks;
    struct {
        char name[32];
        uint32_t provider, state;
    } check[HEALTH_CHECKS_MAX];
    struct counters counters;
};

static const char magic[16] = "bookspool-dogst1";

/* False: there is none, or one of another version. */
static bool read_known(const char *path, struct known *known)
{
    struct buf data = {0};
    bool ok = io_read_file(AT_FDCWD, path, &data, sizeof *known, NULL) &&
              data.len == sizeof *known && memcmp(data.data, magic, sizeof magic) == 0;
    if (ok)
        memcpy(known, data.data, sizeof *known);
    buf_free(&data);
    return ok && known->checks <= HEALTH_CHECKS_MAX;
}

static int known_state(const struct known *known, const struct health_check *check)
{
    for (uint32_t i = 0; i < known->checks; i++)
        if (strncmp(known->check[i].name, check->name, sizeof known->check[i].name) == 0 &&
            known->check[i].provider == check->provider)
            return (int)known->check[i].state;
    return HEALTH_PASS;
}

static void keep_states(struct known *known, const struct health *health)
{
    known->checks = (uint32_t)health->count;
    for (size_t i = 0; i < health->count; i++) {
        snprintf(known->check[i].name, sizeof known->check[i].name, "%s", health->check[i].name);
        known->check[i].provider = health->check[i].provider;
        known->check[i].state = health->check[i].state;
    }
}

/* ---- sending ---- */

struct sending {
    int fd;
    size_t room;
    struct buf packet;
    struct known *known;
    const struct counters *now;
    enum counter staged[STAGED_MAX]; /* counters whose growth is in the packet */
    size_t count;
    int error;
};

/*
 * That nobody listens at a UDP port is reported by the next call, which would lose a packet, so it
 * is asked for at once.
 */
static bool send_packet(struct sending *s)
{
    int error = 0;
    socklen_t len = sizeof error;
    if (s->packet.len == 0)
        return true;
    if (s->packet.failed)
        s->error = ENOMEM;
    else if (send(s->fd, s->packet.data, s->packet.len, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
        s->error = errno;
    else if (getsockopt(s->fd, SOL_SOCKET, SO_ERROR, &error, &len) == 0)
        s->error = error;
    for (size_t i = 0; !s->error && i < s->count; i++)
        s->known->counters.value[s->staged[i]] = s->now->value[s->staged[i]];
    buf_clear(&s->packet);
    s->count = 0;
    return !s->error;
}

static bool take_line(void *context, const struct buf *line, enum counter position)
{
    struct sending *s = context;
    bool full = s->packet.len + line->len + 1 > s->room || s->count == STAGED_MAX;
    if (full && !send_packet(s))
        return false;
    if (line->len > s->room) /* no line is as long as that but an event's */
        return true;
    if (s->packet.len)
        buf_putc(&s->packet, '\n');
    buf_add(&s->packet, line->data, line->len);
    if (position != COUNTERS)
        s->staged[s->count++] = position;
    return true;
}

static bool send_events(struct sending *s, const struct dogstatsd *d, const struct health *health)
{
    struct buf line = {0};
    bool ok = true;
    for (size_t i = 0; ok && i < health->count; i++) {
        const struct health_check *check = &health->check[i];
        if (known_state(s->known, check) == (int)check->state)
            continue;
        buf_clear(&line);
        dogstatsd_event(check, &d->tags, &line);
        ok = !line.failed && take_line(s, &line, COUNTERS);
    }
    buf_free(&line);
    return ok && send_packet(s);
}

/* Where this cannot be kept, growth and changes would be reported again by each run: left out. */
static void report(const struct dogstatsd *d, const struct health_facts *facts,
    const struct health *health, struct known *known, bool first, bool kept)
{
    struct sending *s = calloc(1, sizeof *s);
    if (!s)
        return;
    s->known = known;
    s->now = &facts->counters;
    s->room = d->unix_socket ? PACKET_UNIX : PACKET_UDP;
    s->fd = socket(d->address.ss_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (s->fd < 0 || connect(s->fd, (const struct sockaddr *)&d->address, d->address_len) < 0)
        s->error = errno;
    if (!s->error && kept && send_events(s, d, health))
        keep_states(known, health);
    const struct counters *last = first || !kept ? NULL : &known->counters;
    if (!s->error && dogstatsd_lines(facts, health, last, &d->tags, take_line, s))
        send_packet(s);
    if (s->error && !known->unsent)
        log_warn(
            NULL, "dogstatsd-unsent", "%s; the rest waits for the next run", strerror(s->error));
    known->unsent = s->error != 0;
    if (s->fd >= 0)
        close(s->fd);
    buf_free(&s->packet);
    free(s);
}

void dogstatsd_report(
    const struct dogstatsd *d, const struct health_facts *facts, const struct health *health)
{
    char path[PATH_MAX];
    struct known *known = calloc(1, sizeof *known);
    if (!d->wanted || !known) {
        free(known);
        return;
    }
    snprintf(path, sizeof path, "%s/dogstatsd", d->state_dir);
    bool first = !read_known(path, known);
    if (first) {
        *known = (struct known){.counters = facts->counters};
        memcpy(known->magic, magic, sizeof magic);
    }
    uint64_t since = facts->counters.value[COUNT_SINCE];
    if (known->counters.value[COUNT_SINCE] != since) /* the counters began anew at 0 */
        known->counters = (struct counters){.value[COUNT_SINCE] = since};
    bool kept = io_replace_file(path, known, sizeof *known, 0660);
    if (!kept)
        log_warn(NULL, "dogstatsd-unsent", "%s: %s; only gauges and checks are reported", path,
            strerror(errno));
    report(d, facts, health, known, first, kept);
    if (kept && !io_replace_file(path, known, sizeof *known, 0660))
        log_warn(NULL, "dogstatsd-unsent", "%s: %s; the next report may repeat this one", path,
            strerror(errno));
    free(known);
}
