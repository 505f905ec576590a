#include "tool/markup.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>

static const char blanks[] = " \t\n\f\r";

static void add_item(struct markup *markup, const struct markup_item *item)
{
    if (markup->count == markup->room) {
        size_t more = markup->room ? 2 * markup->room : 16;
        struct markup_item *items = arena_alloc(&markup->arena, more * sizeof *items);
        if (!items)
            return;
        if (markup->count)
            memcpy(items, markup->items, markup->count * sizeof *items);
        markup->items = items;
        markup->room = more;
    }
    markup->items[markup->count++] = *item;
}

/* The character references that occur in policies and URLs. */
static char *decode(struct arena *arena, const char *text, size_t len)
{
    static const struct {
        const char *name;
        char value;
    } known[] = {{"&amp;", '&'}, {"&quot;", '"'}, {"&#34;", '"'}, {"&#x22;", '"'}, {"&apos;", '\''},
        {"&#39;", '\''}, {"&#x27;", '\''}, {"&#x2f;", '/'}, {"&#47;", '/'}};
    char *copy = arena_strndup(arena, text, len), *out = copy;
    for (const char *at = copy; at && *at;) {
        size_t i = 0, count = sizeof known / sizeof *known;
        while (i < count && strncasecmp(at, known[i].name, strlen(known[i].name)) != 0)
            i++;
        *out++ = i < count ? known[i].value : *at;
        at += i < count ? strlen(known[i].name) : 1;
    }
    if (copy)
        *out = '\0';
    return copy;
}

/* One attribute at *at, which moves behind it; false at the end of the tag. Value NULL: it has
 * none. */
static bool next_attribute(
    struct arena *arena, const char **at, const char **name, size_t *name_len, char **value)
{
    const char *text = *at + strspn(*at, " \t\n\f\r/");
    *name = text;
    *name_len = strcspn(text, " \t\n\f\r/>=");
    *value = NULL;
    text += *name_len;
    const char *equals = text + strspn(text, blanks);
    if (*name_len && *equals == '=') {
        text = equals + 1 + strspn(equals + 1, blanks);
        char quote = *text == '"' || *text == '\'' ? *text : '\0';
        text += quote != '\0';
        size_t len = quote ? strcspn(text, (char[]){quote, '\0'}) : strcspn(text, " \t\n\f\r>");
        *value = decode(arena, text, len);
        text += len + (quote && text[len]);
    } else if (!*name_len && *text && *text != '>')
        text++; /* a stray = */
    *at = text;
    return *name_len || (*text && *text != '>');
}

struct tag {
    const char *src, *href, *data_url, *nonce, *integrity, *rel, *http_equiv, *content, *class;
};

static void read_attributes(struct arena *arena, const char **at, struct tag *tag)
{
    const struct {
        const char *name;
        const char **value;
    } known[] = {{"src", &tag->src}, {"href", &tag->href}, {"data-url", &tag->data_url},
        {"nonce", &tag->nonce}, {"integrity", &tag->integrity}, {"rel", &tag->rel},
        {"http-equiv", &tag->http_equiv}, {"content", &tag->content}, {"class", &tag->class}};
    const char *name;
    size_t len;
    for (char *value; next_attribute(arena, at, &name, &len, &value);)
        for (size_t i = 0; value && i < sizeof known / sizeof *known; i++)
            if (strlen(known[i].name) == len && strncasecmp(name, known[i].name, len) == 0 &&
                !*known[i].value)
                *known[i].value = value;
    *at += **at == '>';
}

/* Where the end tag of a <script> or <style> begins. */
static const char *find_end(const char *text, const char *name, size_t len)
{
    for (; *text; text++)
        if (text[0] == '<' && text[1] == '/' && strncasecmp(text + 2, name, len) == 0 &&
            strchr(" \t\n\f\r/>", text[2 + len]))
            break;
    return text;
}

static void add_tag(struct markup *markup, const char *name, size_t len, const struct tag *tag)
{
    struct markup_item item = {.nonce = tag->nonce, .integrity = tag->integrity};
    bool is_link = len == 4 && strncasecmp(name, "link", 4) == 0;
    if (len == 6 && strncasecmp(name, "iframe", 6) == 0) {
        item.kind = MARKUP_FRAME;
        item.url = tag->src;
    } else if (is_link && tag->rel && strcasecmp(tag->rel, "stylesheet") == 0) {
        item.kind = MARKUP_STYLE_SHEET;
        item.url = tag->href;
    } else if (len == 1 && tolower((unsigned char)*name) == 'a') {
        item.kind = MARKUP_LINK;
        item.url = tag->href;
    } else if (tag->class && strstr(tag->class, "calendly-inline-widget")) {
        item.kind = MARKUP_WIDGET;
        item.url = tag->data_url;
    } else if (len == 4 && strncasecmp(name, "meta", 4) == 0 && tag->http_equiv && tag->content &&
               strcasecmp(tag->http_equiv, "content-security-policy") == 0) {
        item.kind = MARKUP_POLICY;
        item.text = tag->content;
        item.len = strlen(tag->content);
    }
    if (item.url || item.text)
        add_item(markup, &item);
}

void markup_read(struct markup *markup, const char *page)
{
    bool in_head = true; /* a policy counts nowhere else */
    for (const char *at = page; (at = strchr(at, '<'));) {
        if (strncmp(at, "<!--", 4) == 0) {
            const char *end = strstr(at + 4, "-->");
            at = end ? end + 3 : at + strlen(at);
            continue;
        }
        const char *name = ++at;
        size_t len = strcspn(name, " \t\n\f\r/>");
        if (!isalpha((unsigned char)*name))
            continue;
        struct tag tag = {0};
        at += len;
        read_attributes(&markup->arena, &at, &tag);
        in_head = in_head && !(len == 4 && strncasecmp(name, "body", 4) == 0);
        bool script = len == 6 && strncasecmp(name, "script", 6) == 0;
        bool style = len == 5 && strncasecmp(name, "style", 5) == 0;
        size_t before = markup->count;
        if (!script && !style) {
            add_tag(markup, name, len, &tag);
            if (markup->count > before && markup->items[before].kind == MARKUP_POLICY && !in_head)
                markup->count = before;
            continue;
        }
        const char *end = find_end(at, name, len);
        if (script)
            add_item(markup, &(struct markup_item){MARKUP_SCRIPT, tag.src, tag.nonce, tag.integrity,
                                 tag.src ? NULL : at, (size_t)(end - at)});
        at = end;
    }
}

void markup_free(struct markup *markup)
{
    arena_free(&markup->arena);
    *markup = (struct markup){0};
}
