/* bookspool check: nginx, the receiver's socket, and whether the one may use the other. */
#include <errno.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/json.h"
#include "tool/check.h"

enum { GROUPS_MAX = 64 };

/* ---- nginx ---- */

/* The first socket of `upstream bookspool`; false: nginx has no such upstream. */
static bool upstream_socket(const char *configuration, char out[SITE_TEXT])
{
    static const char unix_prefix[] = "unix:";
    const char *at = configuration;
    char name[SITE_TEXT];
    out[0] = '\0';
    do {
        if (!site_next_directive(&at, "upstream", name))
            return false;
    } while (strcmp(name, "bookspool") != 0);
    char server[SITE_TEXT];
    if (site_next_directive(&at, "server", server) &&
        strncmp(server, unix_prefix, sizeof unix_prefix - 1) == 0) {
        server[strcspn(server, " \t")] = '\0';
        snprintf(out, SITE_TEXT, "%s", server + sizeof unix_prefix - 1);
    }
    return true;
}

/* Is this path in a location of nginx? `location ~ PATTERN` as an extended expression, in which a
 * group that is not kept, "(?:", is a group. */
static bool location_matches(const char *location, const char *path)
{
    char pattern[SITE_TEXT];
    size_t len = 0;
    regex_t compiled;
    if (strncmp(location, "= ", 2) == 0)
        return strcmp(location + 2, path) == 0;
    if (location[0] == '/')
        return strcmp(location, "/") != 0 && strncmp(path, location, strlen(location)) == 0;
    if (strncmp(location, "~ ", 2) != 0)
        return false;
    for (const char *c = location + 2; *c && len < sizeof pattern - 1; c++) {
        if (strncmp(c, "(?:", 3) == 0) {
            pattern[len++] = '(';
            c += 2;
        } else
            pattern[len++] = *c;
    }
    pattern[len] = '\0';
    if (regcomp(&compiled, pattern, REG_EXTENDED | REG_NOSUB) != 0)
        return false;
    bool matches = regexec(&compiled, path, 0, NULL, 0) == 0;
    regfree(&compiled);
    return matches;
}

static void check_endpoints(struct report *report)
{
    for (enum provider p = 0; p < PROVIDERS; p++) {
        const char *path = conf_text(&report->tool->conf, provider_table[p]->endpoint);
        const char *at = buf_text(&report->nginx_text);
        char location[SITE_TEXT];
        bool found = false;
        while (!found && path && site_next_directive(&at, "location", location))
            found = location_matches(location, path);
        if (!path || found)
            continue;
        add_finding(report, LEVEL_FAIL, "nginx has no location for %s, the path of %s's webhooks",
            path, provider_table[p]->title);
        add_remedy(report, "name it in bookspool-server.conf, twice, as the setting %s does",
            settings[provider_table[p]->endpoint].name);
    }
}

/* True when nginx is to reach the receiver, then at `socket_path`, unless that is "". */
static bool check_nginx(struct report *report, char socket_path[SITE_TEXT])
{
    const char *text = buf_text(&report->nginx_text);
    socket_path[0] = '\0';
    if (report->nginx_state == NGINX_MISSING) {
        add_finding(report, report->nginx ? LEVEL_FAIL : LEVEL_WARN, "nginx is not installed here");
        add_remedy(report, "apt install nginx");
        return false;
    }
    if (report->nginx_state == NGINX_WRONG) {
        bool known = report->was_root || report->nginx;
        add_finding(report, known ? LEVEL_FAIL : LEVEL_WARN, "nginx's configuration: %s", text);
        add_remedy(report, known ? "correct it until nginx -t accepts it" : "run this as root");
        return false;
    }
    bool upstream = upstream_socket(text, socket_path);
    bool location = strstr(text, "location @bookspool_down") != NULL;
    if (!upstream && !location) {
        add_finding(report, LEVEL_WARN, "nginx's configuration does not include bookspool's files");
        add_remedy(report,
            "install nginx/bookspool-http.conf as /etc/nginx/conf.d/bookspool.conf, and include "
            "bookspool-server.conf in your server block");
        return false;
    }
    if (!location) {
        add_finding(report, LEVEL_FAIL, "no server block of nginx includes bookspool-server.conf");
        add_remedy(
            report, "add to it: include /etc/nginx/bookspool-server.conf; then nginx -s reload");
    } else if (!upstream) { /* nginx -T would have failed for an unknown upstream: another name */
        add_finding(report, LEVEL_WARN, "nginx has no upstream bookspool");
        add_remedy(report, "install nginx/bookspool-http.conf as /etc/nginx/conf.d/bookspool.conf");
    } else {
        add_finding(report, LEVEL_PASS, "nginx includes both of bookspool's files");
        check_endpoints(report);
    }
    return upstream;
}

/* ---- the socket ---- */

struct member {
    const char *name;
    uid_t user;
    gid_t group[GROUPS_MAX];
    int groups;
};

static bool is_allowed(const struct member *member, const struct stat *st, mode_t bit)
{
    if (member->user == 0)
        return true;
    if (st->st_uid == member->user)
        return st->st_mode & bit << 6;
    for (int i = 0; i < member->groups; i++)
        if (st->st_gid == member->group[i])
            return st->st_mode & bit << 3;
    return st->st_mode & bit;
}

/* The first part of the path that keeps this user out; false: none does. */
static bool find_obstacle(const struct member *member, const char *path, char out[PATH_MAX])
{
    struct stat st;
    for (const char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        snprintf(out, PATH_MAX, "%.*s", (int)(slash - path), path);
        if (stat(out, &st) == 0 && !is_allowed(member, &st, S_IXOTH))
            return true;
    }
    snprintf(out, PATH_MAX, "%s", path);
    return stat(out, &st) == 0 && !is_allowed(member, &st, S_IWOTH);
}

/* May nginx's workers connect? */
static void check_permission(struct report *report, const char *path)
{
    char name[SITE_TEXT], obstacle[PATH_MAX];
    bool sure, configured = report->nginx_state == NGINX_READ;
    struct member member = {.name = name, .groups = GROUPS_MAX};
    const char *text = configured ? buf_text(&report->nginx_text) : "";
    const struct passwd *user = NULL;
    if (report->nginx_state == NGINX_MISSING || !site_nginx_user(text, name, &sure) ||
        !(user = getpwnam(name)))
        return;
    member.user = user->pw_uid;
    if (getgrouplist(name, user->pw_gid, member.group, &member.groups) < 0)
        return;
    const struct group *group = getgrgid(user->pw_gid);
    if (!find_obstacle(&member, path, obstacle)) {
        add_finding(report, LEVEL_PASS, "%s, as whom nginx's workers run, may connect to it", name);
        return;
    }
    add_finding(report, sure ? LEVEL_FAIL : LEVEL_WARN,
        "%s, as whom nginx's workers %s, may not connect to %s: %s is closed to it", name,
        sure ? "run" : "usually run", path, obstacle);
    if (strcmp(obstacle, path) == 0)
        add_remedy(report,
            "SocketGroup=%s in bookspool-fcgi.socket, then systemctl restart "
            "bookspool-fcgi.socket; "
            "without systemd: chgrp %s %s; chmod 660 %s",
            group ? group->gr_name : name, group ? group->gr_name : name, path, path);
    else
        add_remedy(report, "chmod o+x %s; or chgrp %s %s; chmod g+x %s", obstacle,
            group ? group->gr_name : name, obstacle, obstacle);
}

/* What the receiver says of itself. */
static void add_answer(struct report *report, const char *path, const struct buf *body)
{
    cJSON *json = json_parse(buf_text(body), body->len);
    const char *status = json_text(json, "status"), *reason = json_text(json, "reason");
    enum level level = !status || strcmp(status, "fail") == 0 ? LEVEL_FAIL
                       : strcmp(status, "warn") == 0          ? LEVEL_WARN
                                                              : LEVEL_PASS;
    add_finding(report, level, "the receiver answers at %s: %s%s%s", path, status ? status : "?",
        reason ? ", " : "", reason ? reason : "");
    if (level != LEVEL_PASS)
        add_remedy(report, "bookspool status says more");
    cJSON_Delete(json);
}

static void check_socket(struct report *report, const char *path, bool wanted)
{
    static const char start[] =
        "systemctl enable --now bookspool-fcgi.socket bookspool-fcgi.service; without systemd: "
        "bookspool-fcgi --listen unix:%s";
    struct buf body = {0};
    enum site_receiver state = site_ask_receiver(path, &body);
    switch (state) {
    case RECEIVER_ABSENT:
        add_finding(report, wanted ? LEVEL_FAIL : LEVEL_WARN,
            "no receiver runs: there is no socket %s", path);
        add_remedy(report, start, path);
        break;
    case RECEIVER_GONE:
        add_finding(report, LEVEL_FAIL, "no receiver runs: nothing listens on the socket %s", path);
        add_remedy(report, start, path);
        break;
    case RECEIVER_CLOSED:
        add_finding(report, LEVEL_WARN, "the socket %s cannot be asked: %s", path, strerror(errno));
        add_remedy(report, "run this as root");
        break;
    case RECEIVER_SILENT:
        add_finding(report, LEVEL_FAIL, "the receiver at %s does not answer within 3 s", path);
        add_remedy(
            report, "journalctl -u bookspool-fcgi says why; systemctl restart bookspool-fcgi");
        break;
    case RECEIVER_FOREIGN:
        add_finding(report, LEVEL_FAIL, "another program than bookspool-fcgi answers at %s", path);
        add_remedy(report, "give one of them another path");
        break;
    case RECEIVER_ANSWERS:
        add_answer(report, path, &body);
    }
    if (state != RECEIVER_ABSENT)
        check_permission(report, path);
    buf_free(&body);
}

void check_receiver(struct report *report)
{
    char of_nginx[SITE_TEXT], path[SITE_TEXT];
    report->area = "receiver";
    bool wanted = check_nginx(report, of_nginx) && *of_nginx;
    site_socket_path(path);
    if (errno)
        add_finding(report, LEVEL_WARN, "the unit bookspool-fcgi.socket cannot be read: %s",
            strerror(errno));
    const char *chosen = report->socket ? report->socket : wanted ? of_nginx : path;
    check_socket(report, chosen, wanted || report->socket);
    if (wanted && strcmp(chosen, of_nginx) != 0) {
        add_finding(report, LEVEL_FAIL, "nginx sends to %s, not to %s", of_nginx, chosen);
        add_remedy(
            report, "name one socket in bookspool-http.conf and where the receiver is started");
    }
}
