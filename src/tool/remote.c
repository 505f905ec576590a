#include "tool/remote.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/file.h>
#include <sysexits.h>
#include <unistd.h>

#include "ledger/ledger.h"
#include "tool/ping.h"

/* ---- rights ---- */

void remote_as_root(struct remote *remote, bool root)
{
    if (!remote->was_root || !remote->owner.st_uid)
        return;
    if (root && (seteuid(0) < 0 || setegid(0) < 0))
        tool_say(remote->tool, "cannot become root again: %s", strerror(errno));
    if (!root && (setegid(remote->owner.st_gid) < 0 || seteuid(remote->owner.st_uid) < 0))
        tool_say(remote->tool, "cannot become the owner of the spool: %s", strerror(errno));
}

static bool become_owner(struct remote *remote)
{
    const char *spool = conf_text(&remote->tool->conf, SET_SPOOL);
    if (remote->tool->spool_path)
        spool = remote->tool->spool_path;
    if (!spool || stat(spool, &remote->owner) < 0)
        return true;
    remote->was_root = geteuid() == 0;
    if (!remote->was_root || !remote->owner.st_uid)
        return true;
    return setgroups(1, &remote->owner.st_gid) == 0 && setegid(remote->owner.st_gid) == 0 &&
           seteuid(remote->owner.st_uid) == 0;
}

/* ---- opening ---- */

/* The file is never removed or replaced, as a lock on it would be void. */
int remote_lock(const struct tool *tool, enum provider provider)
{
    const char *state = conf_text(&tool->conf, SET_STATE);
    char path[PATH_MAX];
    if (!state || snprintf(path, sizeof path, "%s/rotation-%s.lock", state,
                      provider_name(provider)) >= PATH_MAX)
        return EX_OK; /* nothing that needs it can be done there */
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0660);
    if (fd >= 0 ? flock(fd, LOCK_EX | LOCK_NB) == 0 : errno == ENOENT)
        return EX_OK;
    bool busy = fd >= 0 && errno == EWOULDBLOCK;
    if (busy)
        tool_say(tool, "another run for %s is at work: run this again when it has ended",
            provider_table[provider]->title);
    else
        tool_say(tool, "%s: %s", path, strerror(errno));
    if (fd >= 0)
        close(fd);
    return busy ? EX_TEMPFAIL : EX_CANTCREAT;
}

int remote_open(
    struct remote *remote, struct tool *tool, enum provider provider, bool dry_run, bool alone)
{
    struct buf why = {0};
    *remote = (struct remote){.tool = tool, .provider = provider, .dry_run = dry_run};
    tool_settings(tool);
    if (tool->conf.incomplete)
        return EX_CONFIG;
    if (!become_owner(remote)) {
        tool_say(tool, "cannot become the owner of the spool: %s", strerror(errno));
        return EX_OSERR;
    }
    int code = alone ? remote_lock(tool, provider)
                     : EX_OK; /* at once, while the secrets read are those stored */
    if (code != EX_OK)
        return code;
    const char *ledger = conf_text(&tool->conf, SET_LEDGER);
    if (ledger &&
        !(remote->ledger = ledger_open(ledger, conf_number(&tool->conf, SET_RESERVE), &why)))
        tool_say(
            tool, "without the ledger, so uses of the token are not counted: %s", buf_text(&why));
    buf_clear(&why);
    remote->api = api_open(&tool->conf, provider, remote->ledger, &why);
    if (!remote->api)
        tool_say_lines(tool, "", &why);
    buf_free(&why);
    if (tool->json)
        remote->json = json_object();
    return remote->api ? EX_OK : EX_CONFIG;
}

int remote_close(struct remote *remote, int code)
{
    api_answer_free(&remote->answer);
    api_close(remote->api);
    ledger_close(remote->ledger);
    if (remote->json) {
        json_put_bool(remote->json, "ok", code == EX_OK);
        json_print(remote->json, JSON_INDENTED);
    }
    return code;
}

int remote_failed(struct remote *remote, enum api_result result, const char *what)
{
    static const int codes[] = {[API_OK] = EX_OK,
        [API_NO_TOKEN] = EX_CONFIG,
        [API_UNAUTHORIZED] = EX_NOPERM,
        [API_FORBIDDEN] = EX_NOPERM,
        [API_NOT_FOUND] = EX_NOINPUT,
        [API_CONFLICT] = EX_UNAVAILABLE,
        [API_REFUSED] = EX_UNAVAILABLE,
        [API_LIMITED] = EX_TEMPFAIL,
        [API_UNREACHABLE] = EX_TEMPFAIL,
        [API_STRANGE] = EX_PROTOCOL};
    struct buf why = {0};
    if (result == API_OK)
        return EX_OK;
    tool_say(remote->tool, "could not %s:", what);
    subscription_explain(remote->provider, result, &remote->answer, &why);
    tool_say_lines(remote->tool, "  ", &why);
    if (remote->json)
        json_put_text(remote->json, "error", api_result_name(result));
    buf_free(&why);
    return codes[result];
}

/* ---- steps ---- */

static void put_step(
    struct remote *remote, const char *word, const char *code, const char *format, va_list args)
{
    struct buf text = {0};
    buf_vprintf(&text, format, args);
    if (text.failed)
        tool_no_memory();
    if (remote->json) {
        cJSON *steps = cJSON_GetObjectItemCaseSensitive(remote->json, "steps");
        cJSON *step = json_append(steps ? steps : json_put_array(remote->json, "steps"));
        json_put_text(step, "step", code);
        json_put_text(step, "text", buf_text(&text));
        json_put_bool(step, "done", strcmp(word, "done") == 0);
    } else {
        printf("%-5s %s\n", word, buf_text(&text));
        fflush(stdout); /* a step may take long, and the program may be killed */
    }
    buf_free(&text);
}

void remote_step(struct remote *remote, const char *code, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    put_step(remote, remote->dry_run ? "would" : "done", code, format, args);
    va_end(args);
}

void remote_note(struct remote *remote, const char *code, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    put_step(remote, "", code, format, args);
    va_end(args);
}

/* ---- the URL ---- */

/* Of scheme and host, whose case does not matter (RFC 3986, 6.2.2.1). */
static size_t host_end(const char *url)
{
    const char *host = strstr(url, "://");
    return host ? (size_t)(host - url) + 3 + strcspn(host + 3, "/") : 0;
}

bool remote_url_is_own(const char *base, const char *url)
{
    size_t len = strlen(base), host = host_end(base);
    if (!url || strncasecmp(url, base, host) != 0 ||
        strncmp(url + host, base + host, len - host) != 0)
        return false;
    if (!url[len])
        return true;
    return url[len] == '/' && url[len + 1] && !strpbrk(url + len + 1, "/?#");
}

int remote_url(struct remote *remote, const char *given, struct buf *base, struct buf *exact)
{
    const struct conf *conf = &remote->tool->conf;
    const struct provider_row *row = provider_table[remote->provider];
    const char *endpoint = conf_text(conf, row->endpoint);
    const char *text = given ? given : conf_text(conf, row->base_url);
    bool plain;
    if (!text) {
        tool_say(remote->tool, "which web server? Name it with --url https://HOST, or set %s",
            settings[row->base_url].name);
        return EX_CONFIG;
    }
    if (strncasecmp(text, "https://", 8) != 0 && strncasecmp(text, "http://", 7) != 0)
        tool_usage(remote->tool, "%s is no URL that begins with https://", text);
    if (!endpoint)
        return EX_CONFIG;
    const char *found = strstr(text + 8, endpoint);
    const char *after = found ? found + strlen(endpoint) : NULL;
    if (after && *after == '/' && after[1] && !strpbrk(after + 1, "/?#"))
        buf_add(base, text, (size_t)(after - text)); /* with one element more */
    else
        ping_make_url(conf, text, remote->provider, base);
    if (exact)
        buf_puts(exact, after && *after == '/' && after[1] ? text : buf_text(base));
    if (base->failed || (exact && exact->failed))
        tool_no_memory();
    if (!http_may_have_credential(base->data, &plain))
        tool_say(remote->tool, "%s: bookings would travel unencrypted; use https://", base->data);
    return EX_OK;
}
