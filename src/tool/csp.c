#include "tool/csp.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <openssl/evp.h>

static const char blanks[] = " \t\n\f\r";

/* ---- reading ---- */

static void add_directive(
    struct csp *csp, struct csp_policy *policy, size_t room, const char *text, size_t len)
{
    struct csp_directive found = {
        .sources = arena_alloc(&csp->arena, (len / 2 + 1) * sizeof(char *))};
    for (const char *at = text, *end = text + len; found.sources;) {
        while (at < end && strchr(blanks, *at))
            at++;
        const char *from = at;
        while (at < end && !strchr(blanks, *at))
            at++;
        if (at == from)
            break;
        const char *word = arena_strndup(&csp->arena, from, (size_t)(at - from));
        if (!found.name)
            found.name = arena_strlower(&csp->arena, word);
        else
            found.sources[found.count++] = word;
    }
    for (size_t i = 0; found.name && i < policy->count; i++)
        if (strcmp(policy->directives[i].name, found.name) == 0)
            return;
    if (found.name && policy->count < room && !csp->arena.failed)
        policy->directives[policy->count++] = found;
}

static void add_policy(struct csp *csp, const char *text, size_t len, bool meta)
{
    size_t room = 1 + CSP_MARKUP; /* with what csp_amend may add */
    for (size_t i = 0; i < len; i++)
        room += text[i] == ';';
    struct csp_policy policy = {
        .directives = arena_alloc(&csp->arena, room * sizeof *policy.directives), .meta = meta};
    if (csp->count == csp->room) {
        size_t more = csp->room ? 2 * csp->room : 4;
        struct csp_policy *policies = arena_alloc(&csp->arena, more * sizeof *policies);
        if (policies && csp->count)
            memcpy(policies, csp->policies, csp->count * sizeof *policies);
        csp->policies = policies;
        csp->room = policies ? more : 0;
    }
    if (csp->arena.failed)
        return;
    for (const char *at = text, *end = text + len; at < end;) {
        const char *stop = memchr(at, ';', (size_t)(end - at));
        stop = stop ? stop : end;
        add_directive(csp, &policy, room, at, (size_t)(stop - at));
        at = stop + 1;
    }
    if (policy.count)
        csp->policies[csp->count++] = policy;
}

void csp_add(struct csp *csp, const char *value, bool meta)
{
    while (*value) {
        size_t len = meta ? strlen(value) : strcspn(value, ",");
        add_policy(csp, value, len, meta);
        value += len + (value[len] == ',');
    }
}

void csp_free(struct csp *csp)
{
    arena_free(&csp->arena);
    *csp = (struct csp){0};
}

/* ---- URLs ---- */

struct origin {
    const char *scheme, *host, *port, *path; /* port: 0 long where there is none */
    size_t scheme_len, host_len, port_len, path_len;
};

/* scheme://host:port/path, of a URL or of a source; false when there is no host. */
static bool parse_origin(const char *text, struct origin *out)
{
    *out = (struct origin){0};
    const char *mark = strstr(text, "://");
    if (mark && strcspn(text, "/") + 2 == (size_t)(mark - text) + 3) {
        out->scheme = text;
        out->scheme_len = (size_t)(mark - text);
        text = mark + 3;
    }
    out->host = text;
    size_t len = *text == '[' ? strcspn(text, "]") + (strchr(text, ']') != NULL) : 0;
    out->host_len = len + strcspn(text + len, ":/?#");
    text += out->host_len;
    if (*text == ':') {
        out->port = ++text;
        out->port_len = strcspn(text, "/?#");
        text += out->port_len;
    }
    out->path = text;
    out->path_len = strcspn(text, "?#");
    return out->host_len > 0;
}

static bool same_text(const char *one, size_t one_len, const char *other, size_t other_len)
{
    return one_len == other_len && strncasecmp(one, other, one_len) == 0;
}

/* An insecure scheme of a source also allows the secure one. */
static bool scheme_allows(const char *source, size_t len, const struct origin *url)
{
    if (same_text(source, len, url->scheme, url->scheme_len))
        return true;
    bool https = same_text(url->scheme, url->scheme_len, "https", 5);
    return https && same_text(source, len, "http", 4);
}

static long port_of(const struct origin *origin)
{
    if (origin->port_len)
        return strtol(origin->port, NULL, 10);
    return same_text(origin->scheme, origin->scheme_len, "https", 5) ? 443 : 80;
}

static bool host_allows(const struct origin *source, const struct origin *url)
{
    const char *host = source->host;
    size_t len = source->host_len;
    if (len == 1 && *host == '*')
        return true;
    if (len > 2 && host[0] == '*' && host[1] == '.')
        return url->host_len > len - 1 &&
               same_text(host + 1, len - 1, url->host + url->host_len - (len - 1), len - 1);
    return same_text(host, len, url->host, url->host_len);
}

static bool port_allows(const struct origin *source, const struct origin *url)
{
    if (source->port_len == 1 && *source->port == '*')
        return true;
    if (!source->port_len)
        return port_of(url) == (same_text(url->scheme, url->scheme_len, "https", 5) ? 443 : 80);
    long port = strtol(source->port, NULL, 10);
    return port == port_of(url) || (port == 80 && port_of(url) == 443);
}

static bool path_allows(const struct origin *source, const struct origin *url)
{
    if (!source->path_len)
        return true;
    size_t len = source->path_len;
    bool folder = source->path[len - 1] == '/';
    return (folder ? url->path_len >= len : url->path_len == len) &&
           strncmp(source->path, url->path, len) == 0;
}

static bool self_allows(const struct origin *page, const struct origin *url)
{
    return same_text(page->host, page->host_len, url->host, url->host_len) &&
           scheme_allows(page->scheme, page->scheme_len, url) &&
           (port_of(page) == port_of(url) || (port_of(page) == 80 && port_of(url) == 443));
}

static bool source_allows(const char *source, const char *page_url, const char *wanted)
{
    struct origin from, url, page;
    size_t len = strlen(source);
    if (!parse_origin(wanted, &url) || !url.scheme || !parse_origin(page_url, &page) ||
        !page.scheme)
        return false;
    if (strcasecmp(source, "'self'") == 0)
        return self_allows(&page, &url);
    if (*source == '\'')
        return false;
    if (strcmp(source, "*") == 0)
        return same_text(url.scheme, url.scheme_len, "https", 5) ||
               same_text(url.scheme, url.scheme_len, "http", 4);
    if (len > 1 && source[len - 1] == ':')
        return scheme_allows(source, len - 1, &url);
    if (!parse_origin(source, &from))
        return false;
    const struct origin *scheme = from.scheme ? &from : &page;
    return scheme_allows(scheme->scheme, scheme->scheme_len, &url) && host_allows(&from, &url) &&
           port_allows(&from, &url) && path_allows(&from, &url);
}

/* ---- source lists ---- */

static bool has_keyword(const struct csp_directive *list, const char *keyword)
{
    for (size_t i = 0; i < list->count; i++)
        if (strcasecmp(list->sources[i], keyword) == 0)
            return true;
    return false;
}

static bool is_hash(const char *source)
{
    return strncasecmp(source, "'sha256-", 8) == 0 || strncasecmp(source, "'sha384-", 8) == 0 ||
           strncasecmp(source, "'sha512-", 8) == 0;
}

static bool is_nonce(const char *source)
{
    return strncasecmp(source, "'nonce-", 7) == 0;
}

static bool has_nonce_or_hash(const struct csp_directive *list)
{
    for (size_t i = 0; i < list->count; i++)
        if (is_nonce(list->sources[i]) || is_hash(list->sources[i]))
            return true;
    return false;
}

static bool nonce_allows(const struct csp_directive *list, const char *nonce)
{
    size_t len = nonce ? strlen(nonce) : 0;
    for (size_t i = 0; len && i < list->count; i++) {
        const char *source = list->sources[i];
        if (is_nonce(source) && strlen(source) == len + 8 && strncmp(source + 7, nonce, len) == 0)
            return true;
    }
    return false;
}

/* Is this hash, "sha256-...", one of the list's? base64url counts as base64. */
static bool lists_hash(const struct csp_directive *list, const char *hash, size_t len)
{
    for (size_t i = 0; i < list->count; i++) {
        const char *source = list->sources[i];
        if (!is_hash(source) || strlen(source) != len + 2 || strncasecmp(source + 1, hash, 7) != 0)
            continue;
        size_t at = 7;
        for (; at < len; at++) {
            char c = source[1 + at];
            if ((c == '-' ? '+' : c == '_' ? '/' : c) != hash[at])
                break;
        }
        if (at == len)
            return true;
    }
    return false;
}

static bool text_hash_allows(const struct csp_directive *list, const char *text, size_t text_len)
{
    static const char *const kinds[] = {"sha256", "sha384", "sha512"};
    for (size_t i = 0; text && i < sizeof kinds / sizeof *kinds; i++) {
        unsigned char digest[EVP_MAX_MD_SIZE], encoded[EVP_MAX_MD_SIZE * 2];
        char hash[8 + sizeof encoded];
        size_t len = 0;
        if (!EVP_Q_digest(NULL, kinds[i], NULL, text, text_len, digest, &len))
            continue;
        int count = EVP_EncodeBlock(encoded, digest, (int)len);
        memcpy(hash, kinds[i], 6);
        hash[6] = '-';
        memcpy(hash + 7, encoded, (size_t)count);
        if (lists_hash(list, hash, 7 + (size_t)count))
            return true;
    }
    return false;
}

/* Each word of the attribute that is a hash must be listed, and there must be one. */
static bool integrity_allows(const struct csp_directive *list, const char *integrity)
{
    bool any = false;
    for (const char *at = integrity ? integrity : ""; *at;) {
        at += strspn(at, blanks);
        size_t len = strcspn(at, blanks), hash = strcspn(at, " \t\n\f\r?");
        if (!len)
            break;
        if (!lists_hash(list, at, hash))
            return false;
        any = true;
        at += len;
    }
    return any;
}

static bool list_allows(
    const struct csp_directive *list, const char *page, const struct csp_request *request)
{
    bool script = request->use == CSP_SCRIPT || request->use == CSP_SCRIPT_INLINE;
    bool dynamic = script && has_keyword(list, "'strict-dynamic'");
    bool element = request->use != CSP_FRAME && request->use != CSP_STYLE_ATTRIBUTE;
    if (element && nonce_allows(list, request->nonce))
        return true;
    if (!request->url)
        return (element && text_hash_allows(list, request->text, request->len)) ||
               (has_keyword(list, "'unsafe-inline'") && !has_nonce_or_hash(list) && !dynamic);
    if (request->use == CSP_SCRIPT && integrity_allows(list, request->integrity))
        return true;
    if (dynamic)
        return request->by_script;
    for (size_t i = 0; i < list->count; i++)
        if (source_allows(list->sources[i], page, request->url))
            return true;
    return false;
}

/* ---- policies ---- */

/* The directives that decide on a use, the first that is there: the first name is what to write. */
static const char *const fallbacks[][4] = {
    [CSP_SCRIPT] = {"script-src-elem", "script-src", "default-src"},
    [CSP_SCRIPT_INLINE] = {"script-src-elem", "script-src", "default-src"},
    [CSP_STYLE] = {"style-src-elem", "style-src", "default-src"},
    [CSP_STYLE_INLINE] = {"style-src-elem", "style-src", "default-src"},
    [CSP_STYLE_ATTRIBUTE] = {"style-src-attr", "style-src", "default-src"},
    [CSP_FRAME] = {"frame-src", "child-src", "default-src"},
    [CSP_MARKUP] = {"require-trusted-types-for"},
};

static struct csp_directive *find(const struct csp_policy *policy, const char *name)
{
    for (size_t i = 0; i < policy->count; i++)
        if (strcmp(policy->directives[i].name, name) == 0)
            return &policy->directives[i];
    return NULL;
}

static struct csp_directive *deciding(const struct csp_policy *policy, enum csp_use use)
{
    struct csp_directive *found = NULL;
    for (const char *const *name = fallbacks[use]; *name && !found; name++)
        found = find(policy, *name);
    return found;
}

static const char *remedy_for(const struct csp_directive *list, const struct csp_request *request)
{
    bool script = request->use == CSP_SCRIPT || request->use == CSP_SCRIPT_INLINE;
    if (request->use == CSP_MARKUP || (script && has_keyword(list, "'strict-dynamic'")) ||
        request->use == CSP_SCRIPT_INLINE)
        return NULL;
    return request->url ? request->url : "'unsafe-inline'";
}

struct csp_answer csp_ask(
    const struct csp_policy *policy, const char *page, const struct csp_request *request)
{
    const struct csp_directive *sandbox = policy->meta ? NULL : find(policy, "sandbox");
    const struct csp_directive *list = deciding(policy, request->use);
    bool script = request->use == CSP_SCRIPT || request->use == CSP_SCRIPT_INLINE;
    if (script && sandbox && !has_keyword(sandbox, "allow-scripts"))
        return (struct csp_answer){.directive = "sandbox"};
    if (!list)
        return (struct csp_answer){.allowed = true, .directive = ""};
    struct csp_answer answer = {.directive = list->name};
    answer.allowed = request->use == CSP_MARKUP ? !has_keyword(list, "'script'")
                                                : list_allows(list, page, request);
    if (!answer.allowed)
        answer.remedy = remedy_for(list, request);
    return answer;
}

/* ---- changing ---- */

/* script-src rather than script-src-elem, where there is neither. */
static const char *name_to_write(const struct csp_directive *list, enum csp_use use)
{
    if (strcmp(list->name, "default-src") != 0 && strcmp(list->name, "child-src") != 0)
        return list->name;
    return use == CSP_FRAME ? "frame-src" : fallbacks[use][1];
}

bool csp_amend(
    struct csp *csp, struct csp_policy *policy, const char *page, const struct csp_request *request)
{
    struct csp_answer answer = csp_ask(policy, page, request);
    if (answer.allowed || !answer.remedy)
        return answer.allowed;
    struct csp_directive *from = deciding(policy, request->use);
    struct csp_directive list = {.name = name_to_write(from, request->use),
        .sources = arena_alloc(&csp->arena, (from->count + 1) * sizeof(char *))};
    struct origin origin;
    const char *source = answer.remedy;
    if (request->url && parse_origin(request->url, &origin))
        source = arena_strndup(&csp->arena, request->url, (size_t)(origin.path - request->url));
    if (!list.sources || !source)
        return false;
    for (size_t i = 0; i < from->count; i++) {
        const char *old = from->sources[i];
        bool useless =
            strcasecmp(old, "'none'") == 0 || (!request->url && (is_nonce(old) || is_hash(old)));
        if (!useless)
            list.sources[list.count++] = old;
    }
    list.sources[list.count++] = source;
    struct csp_directive *to = find(policy, list.name);
    *(to ? to : &policy->directives[policy->count++]) = list;
    return true;
}

void csp_print_directive(const struct csp_policy *policy, const char *name, struct buf *out)
{
    const struct csp_directive *list = find(policy, name);
    buf_puts(out, name);
    for (size_t i = 0; list && i < list->count; i++) {
        buf_putc(out, ' ');
        buf_puts(out, list->sources[i]);
    }
}

void csp_print(const struct csp_policy *policy, struct buf *out)
{
    for (size_t i = 0; i < policy->count; i++) {
        buf_puts(out, i ? "; " : "");
        csp_print_directive(policy, policy->directives[i].name, out);
    }
}
