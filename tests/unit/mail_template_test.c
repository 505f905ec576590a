/* Templates against the cases of mustache/spec that concern this subset, and what is wrong ones. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "json_value.h"
#include "mail/escape.h"
#include "mail/template.h"

static struct template *parsed(const char *name, const char *text, struct buf *why)
{
    struct template_source source = {.file = name, .text = text, .len = strlen(text)};
    return template_parse(&source, why);
}

/* ---- the specification ---- */

/* A case: partials follow the others as name, text, name, text. */
enum { TEMPLATE, DATA, EXPECTED, PARTIALS, CELLS = PARTIALS + 4 };

#define PERSON "{\"person\": {\"name\": \"Joe\"}}"
#define MARKUP "{\"x\": \"& \\\" < >\"}"
#define YES    "{\"b\": true}"
#define NO     "{\"b\": false}"
#define DEEP                                                                                       \
    "{\"a\": {\"b\": {\"c\": {\"d\": {\"e\": {\"name\": \"Phil\"}}}}}, \"b\": {\"c\": {\"d\": "    \
    "{\"e\": {\"name\": \"Wrong\"}}}}}"
#define DOTTED(c) "{\"a\": {\"b\": {\"c\": " c "}}}"
#define NESTED                                                                                     \
    "{\"a\": {\"one\": 1}, \"b\": {\"two\": 2}, \"c\": {\"three\": 3, \"d\": {\"four\": 4, "       \
    "\"five\": 5}}}"

static const char *const interpolation[][CELLS] = {
    {"Hello from {Mustache}!\n", "{}", "Hello from {Mustache}!\n"},
    {"Hello, {{x}}!", "{\"x\": \"world\"}", "Hello, world!"},
    {"{{t}}: {{p}}", "{\"t\": \"{{p}}\", \"p\": \"Earth\"}", "{{p}}: Earth"},
    {"({{x}})", MARKUP, "(&amp; &quot; &lt; &gt;)"},
    {"({{{x}}})", MARKUP, "(& \" < >)"},
    {"({{&x}})", MARKUP, "(& \" < >)"},
    {"{{x}} {{{x}}} {{&x}}", "{\"x\": 85}", "85 85 85"},
    {"{{x}} {{{x}}} {{&x}}", "{\"x\": 1.210}", "1.21 1.21 1.21"},
    {"({{x}}{{{x}}}{{&x}})", "{\"x\": null}", "()"},
    {"({{x}}{{{x}}}{{&x}})", "{}", "()"},
    {"{{person.name}} {{#person}}{{name}}{{/person}}", PERSON, "Joe Joe"},
    {"{{{person.name}}} {{#person}}{{{name}}}{{/person}}", PERSON, "Joe Joe"},
    {"{{&person.name}} {{#person}}{{&name}}{{/person}}", PERSON, "Joe Joe"},
    {"{{a.b.c.d.e.name}}", DEEP, "Phil"},
    {"({{a.b.c}})", "{\"a\": {}}", "()"},
    {"({{a.b.c.name}})", "{\"a\": {\"b\": {}}, \"c\": {\"name\": \"Jim\"}}", "()"},
    {"{{#a}}{{b.c.d.e.name}}{{/a}}", DEEP, "Phil"},
    {"({{#a}}{{b.c}}{{/a}})", "{\"a\": {\"b\": {}}, \"b\": {\"c\": \"no\"}}", "()"},
    {"({{a.b}})", "{\"a.b\": \"c\"}", "()"},
    {"{{a.b}}", "{\"a.b\": \"c\", \"a\": {\"b\": \"d\"}}", "d"},
    {"Hello, {{.}}!", "\"world\"", "Hello, world!"},
    {"{{.}} {{{.}}} {{&.}}", "\"<\"", "&lt; < <"},
    {"{{.}}", "85", "85"},
    {"| {{x}} {{{x}}} {{&x}} |", "{\"x\": \"---\"}", "| --- --- --- |"},
    {"  {{x}}\n", "{\"x\": \"---\"}", "  ---\n"},
    {"  {{{x}}}\n", "{\"x\": \"---\"}", "  ---\n"},
    {"  {{&x}}\n", "{\"x\": \"---\"}", "  ---\n"},
    {"|{{ x }}{{{ x }}}{{& x }}|", "{\"x\": \"---\"}", "|---------|"},
};

static const char *const sections[][CELLS] = {
    {"({{#b}}yes{{/b}})", YES, "(yes)"},
    {"({{#b}}yes{{/b}})", NO, "()"},
    {"({{#b}}yes{{/b}})", "{\"b\": null}", "()"},
    {"{{#person}}Hi {{name}}.{{/person}}", PERSON, "Hi Joe."},
    {"{{#sec}}{{a}}, {{b}}, {{c.d}}{{/sec}}",
        "{\"a\": \"foo\", \"b\": \"no\", \"sec\": {\"b\": \"bar\"}, \"c\": {\"d\": \"baz\"}}",
        "foo, bar, baz"},
    {"{{#foo}}{{.}} is {{foo}}{{/foo}}", "{\"foo\": \"bar\"}", "bar is bar"},
    {"{{#tops}}{{#mids}}{{t.low}}{{m}}.{{#ends}}{{t.up}}{{m}}{{n}}.{{/ends}}{{/mids}}{{/tops}}",
        "{\"tops\": [{\"t\": {\"up\": \"A\", \"low\": \"a\"}, \"mids\": [{\"m\": \"1\", \"ends\": "
        "[{\"n\": \"x\"}, {\"n\": \"y\"}]}]}]}",
        "a1.A1x.A1y."},
    {"{{#a}}\n{{one}}\n{{#b}}\n{{one}}{{two}}{{one}}\n{{#c.d}}\n{{one}}{{four}}{{five}}\n{{/c.d}}\n"
     "{{/b}}\n{{one}}\n{{/a}}\n",
        NESTED, "1\n121\n145\n1\n"},
    {"{{#list}}{{item}}{{/list}}", "{\"list\": [{\"item\": 1}, {\"item\": 2}, {\"item\": 3}]}",
        "123"},
    {"({{#list}}yes{{/list}})", "{\"list\": []}", "()"},
    {"{{#b}}\n* first\n{{/b}}\n* {{two}}\n{{#b}}\n* third\n{{/b}}\n",
        "{\"b\": true, \"two\": \"second\"}", "* first\n* second\n* third\n"},
    {"| A {{#b}}B {{#b}}C{{/b}} D{{/b}} E |", YES, "| A B C D E |"},
    {"| A {{#b}}B {{#b}}C{{/b}} D{{/b}} E |", NO, "| A  E |"},
    {"[{{#missing}}yes{{/missing}}]", "{}", "[]"},
    {"{{#list}}({{.}}){{/list}}", "{\"list\": [\"a\", \"b\"]}", "(a)(b)"},
    {"{{#list}}({{.}}){{/list}}", "{\"list\": [1, 2.20, 3.5]}", "(1)(2.2)(3.5)"},
    {"{{#list}}({{#.}}{{.}}{{/.}}){{/list}}", "{\"list\": [[1, 2], [\"a\"]]}", "(12)(a)"},
    {"{{#list}}({{{.}}}{{&.}}{{.}}){{/list}}", "{\"list\": [\"<\"]}", "(<<&lt;)"},
    {"{{#.}}({{value}}){{/.}}", "[{\"value\": \"a\"}, {\"value\": \"b\"}]", "(a)(b)"},
    {"({{#a.b.c}}Here{{/a.b.c}})", DOTTED("true"), "(Here)"},
    {"({{#a.b.c}}Here{{/a.b.c}})", DOTTED("false"), "()"},
    {"({{#a.b.c}}Here{{/a.b.c}})", "{\"a\": {}}", "()"},
    {" | {{#b}}\t|\t{{/b}} | \n", YES, " | \t|\t | \n"},
    {" | {{#b}} {{! comment }}\n {{/b}} | \n", YES, " |  \n  | \n"},
    {" {{#b}}YES{{/b}}\n {{#b}}GOOD{{/b}}\n", YES, " YES\n GOOD\n"},
    {"| This\n{{#b}}\n|\n{{/b}}\n| Line\n", YES, "| This\n|\n| Line\n"},
    {"| This\n  {{#b}}\n|\n  {{/b}}\n| Line\n", YES, "| This\n|\n| Line\n"},
    {"|\r\n{{#b}}\r\n{{/b}}\r\n|", YES, "|\r\n|"},
    {"  {{#b}}\n#{{/b}}\n/", YES, "#\n/"},
    {"#{{#b}}\n/\n  {{/b}}", YES, "#\n/\n"},
    {"|{{# b }}={{/ b }}|", YES, "|=|"},
};

static const char *const inverted[][CELLS] = {
    {"({{^b}}no{{/b}})", NO, "(no)"},
    {"({{^b}}no{{/b}})", YES, "()"},
    {"({{^b}}no{{/b}})", "{\"b\": null}", "(no)"},
    {"({{^person}}no{{/person}})", PERSON, "()"},
    {"({{^list}}{{n}}{{/list}})", "{\"list\": [{\"n\": 1}, {\"n\": 2}]}", "()"},
    {"({{^list}}none{{/list}})", "{\"list\": []}", "(none)"},
    {"{{^b}}\n* first\n{{/b}}\n* {{two}}\n{{^b}}\n* third\n{{/b}}\n",
        "{\"b\": false, \"two\": \"second\"}", "* first\n* second\n* third\n"},
    {"| A {{^b}}B {{^b}}C{{/b}} D{{/b}} E |", NO, "| A B C D E |"},
    {"| A {{^b}}B {{^b}}C{{/b}} D{{/b}} E |", YES, "| A  E |"},
    {"[{{^missing}}no{{/missing}}]", "{}", "[no]"},
    {"({{^a.b.c}}Not{{/a.b.c}})", DOTTED("true"), "()"},
    {"({{^a.b.c}}Not{{/a.b.c}})", DOTTED("false"), "(Not)"},
    {"({{^a.b.c}}Not{{/a.b.c}})", "{\"a\": {}}", "(Not)"},
    {" | {{^b}}\t|\t{{/b}} | \n", NO, " | \t|\t | \n"},
    {" | {{^b}} {{! comment }}\n {{/b}} | \n", NO, " |  \n  | \n"},
    {" {{^b}}NO{{/b}}\n {{^b}}WAY{{/b}}\n", NO, " NO\n WAY\n"},
    {"| This\n{{^b}}\n|\n{{/b}}\n| Line\n", NO, "| This\n|\n| Line\n"},
    {"| This\n  {{^b}}\n|\n  {{/b}}\n| Line\n", NO, "| This\n|\n| Line\n"},
    {"|\r\n{{^b}}\r\n{{/b}}\r\n|", NO, "|\r\n|"},
    {"  {{^b}}\n^{{/b}}\n/", NO, "^\n/"},
    {"^{{^b}}\n/\n  {{/b}}", NO, "^\n/\n"},
    {"|{{^ b }}={{/ b }}|", NO, "|=|"},
};

static const char *const comments[][CELLS] = {
    {"12345{{! comment! }}67890", "{}", "1234567890"},
    {"12345{{!\n  of several\n  lines...\n}}67890\n", "{}", "1234567890\n"},
    {"Begin.\n{{! comment! }}\nEnd.\n", "{}", "Begin.\nEnd.\n"},
    {"Begin.\n  {{! comment! }}\nEnd.\n", "{}", "Begin.\nEnd.\n"},
    {"|\r\n{{! comment }}\r\n|", "{}", "|\r\n|"},
    {"  {{! comment }}\n!", "{}", "!"},
    {"!\n  {{! comment }}", "{}", "!\n"},
    {"Begin.\n{{!\ngoing on here...\n}}\nEnd.\n", "{}", "Begin.\nEnd.\n"},
    {"Begin.\n  {{!\n    going on here...\n  }}\nEnd.\n", "{}", "Begin.\nEnd.\n"},
    {"  12 {{! 34 }}\n", "{}", "  12 \n"},
    {"12345 {{! comment }} 67890", "{}", "12345  67890"},
    {">{{! comment }}<", "{\"! comment\": 1, \"comment\": 2}", "><"},
};

static const char *const partials[][CELLS] = {
    {"({{>p}})", "{}", "(from partial)", "p", "from partial"},
    {"({{>p}})", "{}", "()"},
    {"({{>p}})", "{\"x\": \"content\"}", "(*content*)", "p", "*{{x}}*"},
    {"{{>node}}", "{\"c\": \"X\", \"nodes\": [{\"c\": \"Y\", \"nodes\": []}]}", "X<Y<>>", "node",
        "{{c}}<{{#nodes}}{{>node}}{{/nodes}}>"},
    {"{{>outer}}", "{\"a\": \"hello\", \"b\": \"world\"}", "*hello world!*", "outer",
        "*{{a}} {{>inner}}*", "inner", "{{b}}!"},
    {"| {{>p}} |", "{}", "| \t|\t |", "p", "\t|\t"},
    {"  {{x}}  {{> p}}\n", "{\"x\": \"|\"}", "  |  >\n>\n", "p", ">\n>"},
    {"|\r\n{{>p}}\r\n|", "{}", "|\r\n>|", "p", ">"},
    {"  {{>p}}\n>", "{}", "  >\n  >>", "p", ">\n>"},
    {">\n  {{>p}}", "{}", ">\n  >\n  >", "p", ">\n>"},
    {"\\\n {{>p}}\n/\n", "{\"x\": \"<\\n->\"}", "\\\n |\n <\n->\n |\n/\n", "p", "|\n{{{x}}}\n|\n"},
    {"|{{> p }}|", "{}", "|[]|", "p", "[]"},
};

/* What the specification leaves open, or what is meant otherwise here. */
static const char *const decisions[][CELLS] = {
    {"({{#x}}yes{{/x}}{{^x}}no{{/x}})", "{\"x\": 0}", "(no)"},
    {"({{#x}}yes{{/x}}{{^x}}no{{/x}})", "{\"x\": \"\"}", "(no)"},
    {"({{#x}}yes{{/x}}{{^x}}no{{/x}})", "{\"x\": {}}", "(yes)"},
    {"({{#x}}yes{{/x}}{{^x}}no{{/x}})", "{\"x\": \"0\"}", "(yes)"},
    {"{{t}} {{f}}", "{\"t\": true, \"f\": false}", "true false"},
    {"({{o}}{{l}})", "{\"o\": {\"a\": 1}, \"l\": [1]}", "()"},
    {"{{a}} {{b}} {{c}} {{d}}", "{\"a\": -0.0, \"b\": 0.1, \"c\": 1e100, \"d\": 123456789012}",
        "0 0.1 1e+100 123456789012"},
    {"{{a}} {{b}}", "{\"a\": 0.30000000000000004, \"b\": 1.1e-7}", "0.30000000000000004 1.1e-07"},
    {"{{x}} {{X}}", "{\"x\": \"exact\"}", "exact "},
    {"{{#p}}{{x}}{{/p}}", "{\"x\": \"outer\", \"p\": {\"x\": null}}", ""},
    {"  {{>p}}\n", "{}", "  a\n\n  b\n", "p", "a\n\nb\n"},
    {" {{>p}}\n", YES, " a\n   b\n   b\n c\n", "p", "a\n{{#b}}\n  {{>q}}\n{{/b}}\nc\n", "q",
        "b\nb\n"},
    {" {{>p}}\n", YES, " <b\nb\n>\n", "p", "<{{>q}}>\n", "q", "b\nb\n"},
    {" {{>p}}\n", YES, " <b\n>\n b\n a\n", "p", "<{{>q}}>\n{{>q}}\na\n", "q", "b\n"},
    {" {{>p}}\n", YES, " {}\n", "p", "{{!no}}{{{.}}}{}\n"},
    {"  {{>t.word}}\n{{>t.word}}\n|\n", "{}", "  a\na\n|\n", "t.word", "a"},
    {"{{x}}}", "{\"x\": 1}", "1}"},
};

struct found {
    const char *name[2];
    struct template *template[2];
};

static const struct template *find_partial(void *context, const char *name)
{
    const struct found *found = context;
    for (size_t i = 0; i < 2; i++)
        if (found->name[i] && strcmp(found->name[i], name) == 0)
            return found->template[i];
    return NULL;
}

static void check_case(const char *const *cell)
{
    struct buf out = {0}, why = {0};
    struct template *template = parsed("case", cell[TEMPLATE], &why);
    struct found found = {.name = {cell[PARTIALS], cell[PARTIALS + 2]}};
    for (size_t i = 0; i < 2; i++)
        if (found.name[i])
            found.template[i] = parsed(found.name[i], cell[PARTIALS + 2 * i + 1], &why);
    struct arena arena = {0};
    const struct value *data = value_of_json(&arena, cell[DATA]);
    assert_non_null(data);
    for (size_t i = 0; i < 2; i++)
        if (found.template[i])
            template_link(found.template[i], find_partial, &found);
    if (template)
        template_link(template, find_partial, &found);
    if (!template || !template_render(template, data, ESCAPE_HTML, &out, &why))
        fail_msg("%s: %s", cell[TEMPLATE], buf_text(&why));
    assert_string_equal(buf_text(&out), cell[EXPECTED]);
    arena_free(&arena);
    template_free(template);
    for (size_t i = 0; i < 2; i++)
        template_free(found.template[i]);
    buf_free(&out);
    buf_free(&why);
}

#define CHECK(cases)                                                                               \
    static void renders_##cases(void **state)                                                      \
    {                                                                                              \
        (void)state;                                                                               \
        for (size_t i = 0; i < sizeof(cases) / sizeof *(cases); i++)                               \
            check_case((cases)[i]);                                                                \
    }

CHECK(interpolation)
CHECK(sections)
CHECK(inverted)
CHECK(comments)
CHECK(partials)
CHECK(decisions)

/* ---- rendering one template ---- */

static bool render(const char *text, const struct value *data, enum template_escape escape,
    struct buf *out, struct buf *why)
{
    struct template *template = parsed("x", text, why);
    assert_non_null(template);
    struct found itself = {{"x"}, {template}};
    template_link(template, find_partial, &itself);
    bool ok = template_render(template, data, escape, out, why);
    template_free(template);
    return ok;
}

/* Markup only: what is not ASCII stays UTF-8. */
static void markup_becomes_references(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"Zo\xc3\xab & co", "Zo\xc3\xab &amp; co"},
        {"ok \xf0\x9f\x98\x80", "ok \xf0\x9f\x98\x80"},
        {"\"fine\" '\xf0\x9f\x98\x80'", "&quot;fine&quot; &#39;\xf0\x9f\x98\x80&#39;"},
        {"\xd0\x90\xd0\xb4\xd0\xb0 <", "\xd0\x90\xd0\xb4\xd0\xb0 &lt;"},
        {"\xd0\x90\xc2\x85<", "\xd0\x90&lt;"},
        {"\xc2\x80\xc2\x9f<", "&lt;"},
        {"\xc2\xa0<", "\xc2\xa0&lt;"},
        {"cut off \xc3", "cut off \xc3"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct buf out = {0};
        escape_html(cases[i][0], strlen(cases[i][0]), &out);
        assert_string_equal(buf_text(&out), cases[i][1]);
        buf_free(&out);
    }
}

static void values_are_escaped_by_the_kind_of_file(void **state)
{
    (void)state;
    static const char data[] =
        "{\"x\": \"<a href='b'>\\\"\\u0007\\u0085\\u00e9\\u007f\\ttab\\r\\n  next &\\u2028 \"}";
    static const struct {
        enum template_escape escape;
        const char *template, *expected;
    } cases[] = {
        {ESCAPE_HTML, "[{{x}}]",
            "[&lt;a href=&#39;b&#39;&gt;&quot;\xc3\xa9\ttab\n  next &amp;\xe2\x80\xa8 ]"},
        {ESCAPE_TEXT, "[{{x}}]", "[<a href='b'>\"\xc3\xa9\ttab\n  next &\xe2\x80\xa8 ]"},
        {ESCAPE_LINE, "[{{x}}]\n", "[<a href='b'>\" \xc3\xa9 tab next & ]"},
        {ESCAPE_LINE, "\n [{{{x}}}]\n{{! }}\n \n", "[<a href='b'>\" \xc3\xa9 tab next & ]"},
    };
    struct arena arena = {0};
    const struct value *json = value_of_json(&arena, data);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct buf out = {0}, why = {0};
        assert_true(render(cases[i].template, json, cases[i].escape, &out, &why));
        assert_string_equal(buf_text(&out), cases[i].expected);
        buf_free(&out);
    }
    arena_free(&arena);
}

static void words_are_text_in_html(void **state)
{
    (void)state;
    struct buf out = {0}, why = {0};
    static const char text[] = "Where & <what> {{{x}}}";
    struct template_source source = {
        .file = "en.lang", .text = text, .len = strlen(text), .words = true};
    struct found found = {{"t.w"}, {template_parse(&source, &why)}};
    struct template *template = parsed("x", "<b>{{>t.w}}</b>", &why);
    struct arena arena = {0};
    const struct value *json = value_of_json(&arena, "{\"x\": \"<i>\"}");
    template_link(template, find_partial, &found);
    assert_true(template_render(template, json, ESCAPE_HTML, &out, &why));
    assert_string_equal(buf_text(&out), "<b>Where &amp; &lt;what&gt; <i></b>");
    buf_clear(&out);
    assert_true(template_render(template, json, ESCAPE_TEXT, &out, &why));
    assert_string_equal(buf_text(&out), "<b>Where & <what> <i></b>");
    arena_free(&arena);
    template_free(template);
    template_free(found.template[0]);
    buf_free(&out);
}

/* ---- what is wrong ---- */

static void faults_are_reported_with_their_place(void **state)
{
    (void)state;
    static const struct {
        const char *template, *expected;
    } cases[] = {
        {"a\n  {{name", "x:2:3: the tag is not closed: }} is missing"},
        {"{{{name}}", "x:1:1: the tag is not closed: }}} is missing"},
        {"{{!name", "x:1:1: the tag is not closed: }} is missing"},
        {"{{name\n{{other}}", "x:1:1: the tag is not closed before the next one: }} is missing"},
        {"{{}}", "x:1:1: the tag has no name: {{name}}, {{#name}}, {{^name}}, {{/name}} and "
                 "{{>name}} have"},
        {"{{# }}", "x:1:1: the tag has no name: {{name}}, {{#name}}, {{^name}}, {{/name}} and "
                   "{{>name}} have"},
        {"{{a b}}", "x:1:1: \"a b\" is no name: letters, digits, \"_\" and \"-\" are, joined by "
                    "single dots"},
        {"{{#if a}}", "x:1:1: \"if a\" is no name: letters, digits, \"_\" and \"-\" are, joined by "
                      "single dots"},
        {"{{a..b}}", "x:1:1: \"a..b\" is no name: letters, digits, \"_\" and \"-\" are, joined by "
                     "single dots"},
        {"{{a.}}", "x:1:1: \"a.\" is no name: letters, digits, \"_\" and \"-\" are, joined by "
                   "single dots"},
        {"{{.a}}", "x:1:1: \".a\" is no name: letters, digits, \"_\" and \"-\" are, joined by "
                   "single dots"},
        {"{{>.}}", "x:1:1: \".\" is no name: letters, digits, \"_\" and \"-\" are, joined by "
                   "single dots"},
        {"{{>../x}}", "x:1:1: \"../x\" is no name: letters, digits, \"_\" and \"-\" are, joined by "
                      "single dots"},
        {"{{\xc3\xa9\n}}", "x:1:1: \"\xc3\xa9\" is no name: letters, digits, \"_\" and \"-\" are, "
                           "joined by single dots"},
        {"\xc3\xa9\xc3\xa9{{=<% %>=}}",
            "x:1:3: the delimiters cannot be changed: they are {{ and }}"},
        {"a\nb{{#c}}\n{{#d}}{{/d}}", "x:2:2: {{#c}} is not closed: {{/c}} is missing"},
        {"{{^c}}", "x:1:1: {{^c}} is not closed: {{/c}} is missing"},
        {"a{{/b}}", "x:1:2: {{/b}} closes nothing: no section is open here"},
        {"{{#a}}\n {{#b}}\n  {{/a}}\n{{/b}}",
            "x:3:3: {{/b}} is missing before {{/a}}: that section was opened at x:2:2"},
        {"{{#a.b}}{{/a}}",
            "x:1:9: {{/a.b}} is missing before {{/a}}: that section was opened at x:1:1"},
        {"a\n\xc3\xa9 \xff", "x:2:3: the byte 0xff is not UTF-8: save the file in that encoding"},
        {"caf\xe9", "x:1:4: the byte 0xe9 is not UTF-8: save the file in that encoding"},
        {"a\x1b[0m", "x:1:2: the control character 0x1b does not belong in a text"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct buf why = {0};
        assert_null(parsed("x", cases[i].template, &why));
        assert_string_equal(buf_text(&why), cases[i].expected);
        buf_free(&why);
    }
}

static void nul_and_size_are_bounded(void **state)
{
    (void)state;
    struct buf why = {0}, text = {0};
    struct template_source source = {.file = "x", .text = "a\0b", .len = 3};
    assert_null(template_parse(&source, &why));
    assert_string_equal(
        buf_text(&why), "x:1:2: the control character 0x00 does not belong in a text");
    while (text.len <= TEMPLATE_SOURCE_MAX)
        buf_puts(&text, "0123456789abcde\n");
    source = (struct template_source){.file = "x", .text = text.data, .len = text.len};
    buf_clear(&why);
    assert_null(template_parse(&source, &why));
    assert_string_equal(buf_text(&why), "x:1:1: it is longer than 262144 bytes");
    source.len = TEMPLATE_SOURCE_MAX;
    struct template *template = template_parse(&source, &why);
    assert_non_null(template);
    template_free(template);
    buf_free(&text);
    buf_free(&why);
}

static void places_count_from_where_the_text_begins(void **state)
{
    (void)state;
    struct buf why = {0};
    struct template_source source = {
        .file = "en.lang", .text = "ab{{", .len = 4, .line = 7, .column = 6};
    assert_null(template_parse(&source, &why));
    assert_string_equal(buf_text(&why), "en.lang:7:8: the tag is not closed: }} is missing");
    buf_free(&why);
}

/* ---- bounds ---- */

static void repeat(struct buf *out, const char *text, int times)
{
    while (times-- > 0)
        buf_puts(out, text);
}

static void sections_nest_to_a_bound(void **state)
{
    (void)state;
    for (int depth = TEMPLATE_DEPTH_MAX; depth <= TEMPLATE_DEPTH_MAX + 1; depth++) {
        struct buf text = {0}, why = {0};
        repeat(&text, "{{#a}}", depth);
        repeat(&text, "{{/a}}", depth);
        struct template *template = parsed("x", buf_text(&text), &why);
        assert_int_equal(template != NULL, depth == TEMPLATE_DEPTH_MAX);
        if (!template)
            assert_string_equal(buf_text(&why), "x:1:193: sections nest deeper than 32 here");
        template_free(template);
        buf_free(&text);
        buf_free(&why);
    }
}

/* Nothing is left of a text that reached a bound. */
static void check_bound(const char *text, const char *data, const char *expected)
{
    struct buf out = {0}, why = {0};
    struct arena arena = {0};
    const struct value *json = value_of_json(&arena, data);
    buf_puts(&out, "before");
    assert_false(render(text, json, ESCAPE_TEXT, &out, &why));
    assert_string_equal(buf_text(&why), expected);
    assert_string_equal(buf_text(&out), "before");
    arena_free(&arena);
    buf_free(&out);
    buf_free(&why);
}

static void rendering_is_bounded(void **state)
{
    (void)state;
    static const char list[] = "{\"a\": [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]}";
    struct buf wide = {0}, deep = {0};
    check_bound(" {{>x}}", "{}",
        "x:1:2: a partial includes itself without end, or sections and partials nest deeper than "
        "32");
    repeat(&wide, "0123456789abcdef", 8192);
    repeat(&wide, "{{#a}}{{>x}}{{/a}}", 1);
    check_bound(buf_text(&wide), list, "x:1:1: the result has more bytes than 1048576");
    repeat(&deep, "{{#a}}", 16);
    repeat(&deep, "{{/a}}", 16);
    struct buf out = {0}, why = {0};
    struct arena arena = {0};
    const struct value *json = value_of_json(&arena, list);
    assert_false(render(buf_text(&deep), json, ESCAPE_HTML, &out, &why));
    assert_non_null(strstr(buf_text(&why), "the sections repeat too much"));
    arena_free(&arena);
    buf_free(&out);
    buf_free(&why);
    buf_free(&wide);
    buf_free(&deep);
}

/* What writes nothing takes time as well. */
static void empty_rounds_are_bounded(void **state)
{
    (void)state;
    struct buf text = {0}, data = {0}, out = {0}, why = {0};
    repeat(&text, "{{#a}}{{/a}}", 1000);
    buf_puts(&data, "{\"a\": [0");
    repeat(&data, ", 0", 1200);
    buf_puts(&data, "]}");
    struct arena arena = {0};
    const struct value *json = value_of_json(&arena, buf_text(&data));
    assert_false(render(buf_text(&text), json, ESCAPE_HTML, &out, &why));
    assert_non_null(strstr(buf_text(&why), "the sections repeat too much"));
    arena_free(&arena);
    buf_free(&text);
    buf_free(&data);
    buf_free(&out);
    buf_free(&why);
}

/* ---- anything at all ---- */

static const char *const pieces[] = {"{{", "}}", "{", "}", "#", "^", "/", "!", ">", "&", "=", ".",
    "a", "b", "a.b", "x", "t.w", " ", "\t", "\n", "\r\n", "text", "{{#a}}", "{{/a}}", "{{^b}}",
    "{{/b}}", "{{>x}}", "{{a}}", "{{{b}}}", "{{.}}", "{{>t.w}}", "\xc3\xa9", "\xff", "\x01"};

static void try(const struct buf *text, const struct value *data, size_t *valid)
{
    struct buf out = {0}, why = {0};
    struct template_source source = {.file = "x", .text = buf_text(text), .len = text->len};
    struct template *template = template_parse(&source, &why);
    struct found itself = {{"x", "t.w"}, {template, template}};
    assert_int_equal(template != NULL, why.len == 0);
    *valid += template != NULL;
    if (template)
        template_link(template, find_partial, &itself);
    for (enum template_escape e = ESCAPE_HTML; template && e <= ESCAPE_LINE; e++) {
        buf_clear(&why);
        bool ok = template_render(template, data, e, &out, &why);
        assert_int_equal(ok, why.len == 0);
        assert_true(out.len <= 3 * TEMPLATE_OUTPUT_MAX);
    }
    template_free(template);
    buf_free(&out);
    buf_free(&why);
}

static void nothing_crashes_it(void **state)
{
    (void)state;
    enum { ROUNDS = 3000, PIECES_MAX = 24, TOKENS = sizeof pieces / sizeof *pieces };
    struct arena arena = {0};
    const struct value *data =
        value_of_json(&arena, "{\"a\": [{\"b\": \"<1>\"}, {\"b\": false}], \"b\": {\"a\": 2}}");
    size_t valid = 0;
    srandom(20261121);
    for (int round = 0; round < ROUNDS; round++) {
        struct buf text = {0};
        for (long n = random() % PIECES_MAX; n >= 0; n--)
            if (round % 3)
                buf_puts(&text, pieces[random() % (round % 3 == 1 ? TOKENS : TOKENS - 2)]);
            else
                buf_putc(&text, (char)random());
        try(&text, data, &valid);
        buf_free(&text);
    }
    assert_true(valid > ROUNDS / 20);
    arena_free(&arena);
}

static void note(void *context, const char *name, const char *place)
{
    struct buf *seen = context;
    buf_printf(seen, "%s at %s;", name, place);
}

static void partials_are_listed(void **state)
{
    (void)state;
    struct buf seen = {0}, why = {0};
    struct template *template = parsed("x", "{{>a}}\n{{#b}} {{> t.c-d }}{{/b}}", &why);
    template_each_partial(template, note, &seen);
    assert_string_equal(buf_text(&seen), "a at x:1:1;t.c-d at x:2:8;");
    template_free(template);
    buf_free(&seen);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(renders_interpolation),
        cmocka_unit_test(renders_sections),
        cmocka_unit_test(renders_inverted),
        cmocka_unit_test(renders_comments),
        cmocka_unit_test(renders_partials),
        cmocka_unit_test(renders_decisions),
        cmocka_unit_test(values_are_escaped_by_the_kind_of_file),
        cmocka_unit_test(markup_becomes_references),
        cmocka_unit_test(words_are_text_in_html),
        cmocka_unit_test(faults_are_reported_with_their_place),
        cmocka_unit_test(nul_and_size_are_bounded),
        cmocka_unit_test(places_count_from_where_the_text_begins),
        cmocka_unit_test(sections_nest_to_a_bound),
        cmocka_unit_test(rendering_is_bounded),
        cmocka_unit_test(empty_rounds_are_bounded),
        cmocka_unit_test(nothing_crashes_it),
        cmocka_unit_test(partials_are_listed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
