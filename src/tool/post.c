/* bookspool post: signs and sends an event, as a provider does. */
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sysexits.h>

#include "base/json.h"
#include "base/text.h"
#include "http/http.h"
#include "tool/output.h"
#include "tool/samples.h"
#include "tool/tool.h"

static const char usage[] =
    "post PROVIDER SAMPLE URL [OPTION...]\n"
    "       bookspool post PROVIDER URL --body FILE [OPTION...]\n"
    "       bookspool post PROVIDER --list\n"
    "\n"
    "Signs and sends an invented event, and prints the answer: its status, its\n"
    "first line, the time it took. To the receiver the event is real: what it\n"
    "accepts is mailed. PROVIDER is calcom or calendly; SAMPLE a name of --list, or\n"
    "a kind such as created, rescheduled, cancelled. Each post has ids and times of\n"
    "its own. The secret is the one of the settings.\n"
    "\n"
    "  --body FILE     these bytes instead of a sample, as they are\n"
    "  --uid TEXT      the booking's id (Calendly: that of its event and invitee)\n"
    "  --other TEXT    the id of the booking that it replaces, or that replaces it\n"
    "  --stale         with a signed time long past: must be answered 403\n"
    "  --forge         signed with a wrong secret: must be answered 401\n"
    "  --secondary     signed with the secondary secret\n"
    "  --repeat N      the same request so many times\n"
    "  --cacert FILE   certificates to trust instead of the system's\n"
    "  --unix SOCKET   connect to this unix socket\n"
    "  --json          one object a line: status, answer, ms\n"
    "\n"
    "Exit status: 0 every answer was 2xx, 1 another one, 75 there was none.\n";

enum { EXIT_REFUSED = 1, REPEAT_MAX = 100000, ANSWER_LIMIT = 15000 /* ms */ };

struct post {
    enum provider provider;
    const struct sample *sample; /* NULL: the file */
    const char *file, *url, *uid, *other, *cacert, *unix_socket, *repeat;
    bool list, stale, forge, secondary;
};

static void list_samples(struct tool *tool, enum provider provider)
{
    struct table table = {.columns = 3};
    cJSON *json = tool->json ? json_object() : NULL;
    cJSON *names = json ? json_put_array(json, "samples") : NULL;
    for (const struct sample *s = samples; s->name; s++) {
        char event[65];
        if (s->provider != provider)
            continue;
        const char *kind = event_kind_name(sample_kind(s, event));
        if (json) {
            cJSON *one = json_append(names);
            json_put_text(one, "name", s->name);
            json_put_text(one, "kind", kind);
            json_put_text(one, "event", event);
        } else
            table_add(&table, (const char *[]){s->name, kind, event});
    }
    if (json)
        json_print(json, JSON_INDENTED);
    else
        table_print(&table, (const char *[]){"SAMPLE", "KIND", "EVENT"});
}

/* ---- the answer ---- */

static void print_answer(const struct tool *tool, struct http_answer *answer)
{
    const char *text = buf_text(&answer->body);
    if (!tool->json) {
        char line[HTTP_BODY_MAX];
        snprintf(line, sizeof line, "%.*s", (int)strcspn(text, "\r\n"), text);
        text_mask(line);
        printf("%ld %s%s%lld ms\n", answer->status, line, *line ? " " : "",
            (long long)answer->milliseconds);
        return;
    }
    cJSON *object = json_object();
    cJSON *body = json_parse(text, answer->body.len);
    json_put_number(object, "status", answer->status);
    if (!body)
        json_put_text(object, "answer", text);
    else if (!cJSON_AddItemToObject(object, "answer", body))
        tool_no_memory();
    json_put_number(object, "ms", answer->milliseconds);
    json_print(object, JSON_LINE);
}

/* An answer that no receiver gives. */
static void explain_answer(struct tool *tool, const struct http_answer *answer)
{
    cJSON *body = json_parse(buf_text(&answer->body), answer->body.len);
    if (!json_text(body, "status"))
        tool_say(tool, "that is no answer of bookspool%s",
            answer->status == 404 ? ": another server block answers; include bookspool-server.conf "
                                    "in the one of this "
                                    "name"
            : answer->status >= 300 && answer->status < 400
                ? ": a redirect, which both providers count as a failure"
                : ", but of what is in front of it; bookspool check --url says more");
    cJSON_Delete(body);
}

static int send_all(struct tool *tool, const struct post *post)
{
    struct buf body = {0};
    char header[SIGNATURE_LINE_SIZE], type[160];
    int64_t times = post->repeat ? tool_number(tool, "repeat", post->repeat, 1, REPEAT_MAX) : 1;
    int code = EX_OK;
    if (post->file)
        code = tool_read(tool, post->file, &body);
    else {
        /* A body without a time of sending is judged by its meeting's time, give or take a day. */
        bool stale_body = post->stale && provider_table[post->provider]->time_in_body;
        const struct sample_options options = {.now = tool->now - (stale_body ? 2 * MS_PER_DAY : 0),
            .uid = post->uid,
            .other = post->other};
        sample_renew(post->sample, &options, &body);
    }
    enum secret_choice choice = post->forge       ? SECRET_FORGED
                                : post->secondary ? SECRET_SECONDARY
                                                  : SECRET_PRIMARY;
    if (code == EX_OK)
        code = tool_sign(tool, post->provider, choice, &body,
            tool->now - (post->stale ? MS_PER_DAY : 0), header);
    snprintf(type, sizeof type, "Content-Type: %s",
        post->sample ? post->sample->type : "application/json");
    const struct http_options options = {
        .ca = post->cacert, .unix_socket = post->unix_socket, .total_ms = ANSWER_LIMIT};
    const struct http_request request = {.url = post->url,
        .headers = (const char *const[]){type, header, NULL},
        .body = buf_text(&body),
        .len = body.len};
    for (int64_t i = 0; i < times && (code == EX_OK || code == EXIT_REFUSED); i++) {
        struct http_answer answer;
        struct http_client *client = http_open(&options); /* a connection each, as a provider's */
        if (!client)
            tool_no_memory();
        if (!http_post(client, &request, &answer)) {
            tool_say(tool, "no answer: %s", answer.error);
            code = EX_TEMPFAIL;
        } else {
            print_answer(tool, &answer);
            if (answer.status < 200 || answer.status >= 300) {
                code = EXIT_REFUSED;
                explain_answer(tool, &answer);
            }
        }
        http_answer_free(&answer);
        http_close(client);
    }
    buf_free(&body);
    return code;
}

/* ---- the command line ---- */

static void check_operands(struct tool *tool, struct post *post, int count, char **operands)
{
    if (count != (post->file ? 2 : 3))
        tool_usage(
            tool, "name the provider, %s URL", post->file ? "and the" : "the sample and the");
    post->url = operands[count - 1];
    if (strncasecmp(post->url, "http://", 7) != 0 && strncasecmp(post->url, "https://", 8) != 0)
        tool_usage(tool, "%s is no URL that begins with http:// or https://", post->url);
    if (post->file && (post->uid || post->other))
        tool_usage(tool, "--uid and --other are for samples; a file is sent as it is");
    if ((post->uid && strpbrk(post->uid, "\"\\")) || (post->other && strpbrk(post->other, "\"\\")))
        tool_usage(tool, "--uid and --other go without quotes and backslashes");
    if (post->file && post->stale && provider_table[post->provider]->time_in_body)
        tool_usage(tool, "%s's time is in the body, and a file is sent as it is",
            provider_table[post->provider]->title);
    if (!post->file)
        post->sample = sample_find(tool, post->provider, operands[1]);
}

static int run(struct tool *tool, int argc, char **argv)
{
    char **operands;
    struct post post = {0};
    const struct tool_option options[] = {
        {"list", &post.list, NULL},
        {"stale", &post.stale, NULL},
        {"forge", &post.forge, NULL},
        {"secondary", &post.secondary, NULL},
        {"body", NULL, &post.file},
        {"repeat", NULL, &post.repeat},
        {"uid", NULL, &post.uid},
        {"other", NULL, &post.other},
        {"cacert", NULL, &post.cacert},
        {"unix", NULL, &post.unix_socket},
        {0},
    };
    int count = tool_parse(tool, argc, argv, options, &operands);
    post.provider = tool_provider(tool, count ? operands[0] : NULL);
    if (post.list) {
        list_samples(tool, post.provider);
        return EX_OK;
    }
    check_operands(tool, &post, count, operands);
    tool_settings(tool);
    return send_all(tool, &post);
}

const struct command command_post = {"post", "sign and send an invented event", usage, run};
