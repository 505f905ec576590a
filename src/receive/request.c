#include "receive/request.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

enum { DIGITS_MAX = 18 }; /* more could overflow */

enum request_length request_parse_length(const char *text, uint64_t *length)
{
    *length = 0;
    if (!text || !*text)
        return LENGTH_ABSENT;
    size_t digits = strspn(text, "0123456789");
    if (text[digits] != '\0')
        return LENGTH_NONSENSE;
    if (digits > DIGITS_MAX)
        *length = UINT64_MAX; /* above any cap */
    for (; digits <= DIGITS_MAX && *text; text++)
        *length = *length * 10 + (uint64_t)(*text - '0');
    return LENGTH_DECLARED;
}

/* RFC 3875 section 4.1.18 */
static const char *header(request_lookup *lookup, void *context, const char *name)
{
    char variable[64] = "HTTP_";
    size_t n = strlen(variable);
    for (; *name && n < sizeof variable - 1; name++)
        variable[n++] = *name == '-' ? '_' : (char)toupper((unsigned char)*name);
    variable[n] = '\0';
    return lookup(context, variable);
}

static const char *text(request_lookup *lookup, void *context, const char *name)
{
    const char *value = lookup(context, name);
    return value ? value : "";
}

void request_fill(struct request *request, enum request_length kind, uint64_t length,
    request_lookup *lookup, void *context)
{
    request->length_kind = kind;
    request->length = length;
    request->lookup = lookup;
    request->context = context;
    request->method = text(lookup, context, "REQUEST_METHOD");
    request->content_type = text(lookup, context, "CONTENT_TYPE");
    int len = snprintf(request->path, sizeof request->path, "%s%s",
        text(lookup, context, "SCRIPT_NAME"), text(lookup, context, "PATH_INFO"));
    if (len < 0 || len >= (int)sizeof request->path)
        request->path[0] = '\0';
    for (int i = 0; i < PROVIDERS; i++) {
        const char *version = provider_table[i]->version_header;
        request->signature[i] = header(lookup, context, provider_table[i]->signature_header);
        request->version[i] = version ? header(lookup, context, version) : NULL;
    }
}

size_t request_body_max(const char *method, size_t max_body)
{
    return strcmp(method, "POST") == 0 ? max_body : 0;
}

bool request_is_local(const struct request *request)
{
    static const char *const passed_on[] = {"HTTP_X_FORWARDED_FOR", "HTTP_FORWARDED",
        "HTTP_X_REAL_IP", "HTTP_CF_CONNECTING_IP", "HTTP_TRUE_CLIENT_IP", "HTTP_VIA"};
    const char *from = text(request->lookup, request->context, "REMOTE_ADDR");
    if (strncmp(from, "127.", 4) != 0 && strcmp(from, "::1") != 0 &&
        strncmp(from, "::ffff:127.", 11) != 0 && strcmp(from, "unix:") != 0)
        return false;
    for (size_t i = 0; i < sizeof passed_on / sizeof *passed_on; i++)
        if (request->lookup(request->context, passed_on[i]))
            return false;
    return true;
}

const char *request_bearer(const struct request *request)
{
    const char *value = request->lookup(request->context, "HTTP_AUTHORIZATION");
    if (!value || strncasecmp(value, "Bearer ", 7) != 0)
        return NULL;
    return value + 7 + strspn(value + 7, " ");
}

/* What follows PREFIX/ in a path, if it is one element; otherwise NULL. */
static const char *element_below(const char *path, const char *prefix)
{
    size_t len = strlen(prefix);
    bool below = strncmp(path, prefix, len) == 0 && path[len] == '/' && path[len + 1] != '\0';
    return below && !strchr(path + len + 1, '/') ? path + len + 1 : NULL;
}

struct route route_find(const char *path, const char *const endpoint[PROVIDERS])
{
    static const char health[] = "/api/health";
    const char *name = element_below(path, health);
    enum provider provider;
    for (int i = 0; i < PROVIDERS; i++)
        if (strcmp(path, endpoint[i]) == 0)
            return (struct route){ROUTE_WEBHOOK, (enum provider)i};
    if (strcmp(path, "/metrics") == 0)
        return (struct route){ROUTE_METRICS, PROVIDERS};
    if (strcmp(path, health) == 0)
        return (struct route){ROUTE_HEALTH, PROVIDERS};
    if (name && provider_parse(name, &provider))
        return (struct route){ROUTE_HEALTH, provider};
    for (int i = 0; i < PROVIDERS; i++)
        if (element_below(path, endpoint[i]))
            return (struct route){ROUTE_WEBHOOK, (enum provider)i};
    return (struct route){ROUTE_NONE, PROVIDERS};
}
