/*
 * template: a template of a user's own, as subject, text and page, with a booking as context. It
 * may include itself.
 *
 * A page holds no markup of a value, and a subject is one line.
 */
#include "fuzz.h"

#include "base/arena.h"
#include "base/value.h"
#include "mail/template.h"

/* Values that must be escaped: in a page none of them may come out as they are. */
#define MARKUP "<img src=x onerror=\"'&]]>"

static const struct template *find(void *context, const char *name)
{
    return strcmp(name, "self") == 0 ? context : NULL;
}

static void see(void *context, const char *name, const char *place)
{
    (void)context;
    REQUIRE(name && place && *place, "a name without a place");
}

static const struct value *booking(struct arena *arena)
{
    struct value *root = value_root(arena);
    struct value *inner = value_add(arena, root, "booking", VALUE_OBJECT);
    struct value *list = value_add(arena, inner, "attendees", VALUE_LIST);
    value_add_text(arena, inner, "title", MARKUP);
    value_add_text(arena, inner, "description", "two\nlines\n\n" MARKUP);
    value_add_flag(arena, inner, "asked_to_rebook", true);
    value_add_number(arena, inner, "count", 3);
    for (int i = 0; i < 3; i++)
        value_add_text(arena, value_add(arena, list, NULL, VALUE_OBJECT), "name", MARKUP);
    value_add_text(arena, root, "event", "created");
    return root;
}

static bool has_raw_value(const char *source)
{
    return strstr(source, "{{{") || strchr(source, '&') || strchr(source, '<');
}

static void render(const struct template *template, const char *source, const struct value *context)
{
    static const enum template_escape escapes[] = {ESCAPE_HTML, ESCAPE_TEXT, ESCAPE_LINE};
    for (size_t i = 0; i < sizeof escapes / sizeof *escapes; i++) {
        struct buf out = {0}, why = {0};
        buf_puts(&out, "before");
        if (template_render(template, context, escapes[i], &out, &why))
            REQUIRE(why.len == 0 && out.len <= TEMPLATE_OUTPUT_MAX + 6, "%zu bytes", out.len);
        else
            REQUIRE(why.len && strcmp(buf_text(&out), "before") == 0, "%.100s", buf_text(&out));
        if (escapes[i] == ESCAPE_LINE)
            REQUIRE(!strpbrk(buf_text(&out), "\r\n"), "%.200s", buf_text(&out));
        if (escapes[i] == ESCAPE_HTML && !has_raw_value(source))
            REQUIRE(!strstr(buf_text(&out), "<img"), "%.200s", buf_text(&out));
        buf_free(&out);
        buf_free(&why);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = fuzz_copy(data, size);
    struct buf why = {0};
    struct arena arena = {0};
    const struct template_source source = {
        .file = "own.txt", .text = text, .len = size, .words = size && text[0] == 'w'};
    struct template *template = template_parse(&source, &why);
    REQUIRE((template == NULL) == (why.len > 0), "%s", buf_text(&why));
    if (template) {
        template_link(template, find, template);
        template_each_name(template, see, NULL);
        template_each_partial(template, see, NULL);
        render(template, text, booking(&arena));
        template_free(template);
    } else {
        REQUIRE(strncmp(buf_text(&why), "own.txt:", 8) == 0, "%s", buf_text(&why));
    }
    arena_free(&arena);
    buf_free(&why);
    free(text);
    return 0;
}
