#include "deliver/target.h"

#include <stdlib.h>
#include <string.h>

#include <curl/curl.h>

#include "base/address.h"
#include "http/handle.h"

/* NULL, or what is wrong. */
static const char *read_server(struct target *target, const char *text)
{
    static const char bad_port[] = "its port must be a number from 1 to 65535";
    const struct transport_kind *kind = target->kind;
    struct buf url = {0};
    char *host = NULL, *port = NULL, *normal = NULL;
    const char *wrong = NULL;
    buf_printf(&url, "%s%s", kind->url_scheme, text + strlen(kind->scheme));
    CURLU *parsed = curl_url();
    CURLUcode code = !parsed || url.failed ? CURLUE_OUT_OF_MEMORY
                                           : curl_url_set(parsed, CURLUPART_URL, url.data, 0);
    if (code == CURLUE_OUT_OF_MEMORY)
        wrong = "out of memory";
    else if (code == CURLUE_BAD_PORT_NUMBER)
        wrong = bad_port;
    else if (code != CURLUE_OK || curl_url_get(parsed, CURLUPART_HOST, &host, 0) != CURLUE_OK ||
             curl_url_get(parsed, CURLUPART_URL, &normal, 0) != CURLUE_OK)
        wrong = "there is no host in it, or its name cannot be one";
    else if (handle_url_has(parsed, CURLUPART_PATH) || handle_url_has(parsed, CURLUPART_QUERY) ||
             handle_url_has(parsed, CURLUPART_FRAGMENT))
        wrong = "nothing may follow the host and its port";
    else if (kind->no_tls && !address_is_loopback(host))
        wrong = "it has no TLS and is for 127.0.0.1, [::1] and localhost only; use smtp:// "
                "(STARTTLS) or smtps://";
    else if (curl_url_get(parsed, CURLUPART_PORT, &port, 0) == CURLUE_OK && strcmp(port, "0") == 0)
        wrong = bad_port;
    if (!wrong) {
        target->port = port ? (unsigned)strtoul(port, NULL, 10) : kind->port;
        target->host = strdup(host);
        target->url = strdup(normal);
        if (!target->host || !target->url)
            wrong = "out of memory";
    }
    curl_free(normal);
    curl_free(port);
    curl_free(host);
    curl_url_cleanup(parsed);
    buf_free(&url);
    return wrong;
}

static bool read_target(
    const struct conf *conf, const char *text, struct target *target, struct buf *why)
{
    size_t before = why->len;
    const char *wrong = NULL;
    const struct transport_kind *kind = NULL;
    for (size_t i = 0; !kind && i < transport_kind_count; i++)
        if (strncmp(text, transport_kinds[i].scheme, strlen(transport_kinds[i].scheme)) == 0)
            kind = &transport_kinds[i];
    target->kind = kind;
    const char *rest = kind ? text + strlen(kind->scheme) : "";
    if (strchr(text, '@') && (!kind || kind->form != TARGET_PATH)) {
        conf_fault(conf, SET_TRANSPORT, why,
            "must be HOST or HOST:PORT after the scheme, without a login: set BOOKSPOOL_SMTP_USER, "
            "and BOOKSPOOL_SMTP_PASSWORD in drain.env");
    } else if (!kind) {
        struct buf examples = {0};
        for (size_t i = 0; i < transport_kind_count; i++)
            buf_printf(&examples, "%s%s", i ? ", " : "", transport_kinds[i].example);
        conf_fault(conf, SET_TRANSPORT, why, "\"%s\" must be one of %s", text, buf_text(&examples));
        buf_free(&examples);
    } else if (kind->form == TARGET_SERVER) {
        wrong = read_server(target, text);
        if (wrong)
            conf_fault(
                conf, SET_TRANSPORT, why, "\"%s\" must be %s: %s", text, kind->example, wrong);
    } else if (kind->form == TARGET_PATH ? *rest != '/' : *rest != '\0') {
        conf_fault(conf, SET_TRANSPORT, why, "\"%s\" must be %s", text, kind->example);
    } else if (kind->form == TARGET_PATH && !(target->path = strdup(rest))) {
        conf_fault(conf, SET_TRANSPORT, why, "out of memory");
    }
    return why->len == before && !why->failed;
}

bool target_is_word(const char *text)
{
    const char *end = text;
    while (*end > ' ' && *end <= '~')
        end++;
    return end > text && *end == '\0';
}

bool target_list_read(const struct conf *conf, struct target_list *list, struct buf *why)
{
    const char *setting = conf_text(conf, SET_TRANSPORT);
    char *copy = strdup(setting ? setting : ""), *rest = copy;
    bool ok = copy != NULL;
    *list = (struct target_list){0};
    if (!copy)
        conf_fault(conf, SET_TRANSPORT, why, "out of memory");
    for (const char *text; (text = conf_next_item(&rest)) != NULL;) {
        if (list->count == TARGETS_MAX) {
            conf_fault(conf, SET_TRANSPORT, why,
                "must be one transport, or at most two separated by a comma");
            ok = false;
            break;
        }
        if (!read_target(conf, text, &list->item[list->count++], why))
            ok = false;
    }
    free(copy);
    return ok;
}

void target_list_free(struct target_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        free(list->item[i].path);
        free(list->item[i].host);
        free(list->item[i].url);
    }
    *list = (struct target_list){0};
}
