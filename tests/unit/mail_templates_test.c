/* The set of templates: what is built in, what files of one's own change, and what is wrong ones.
 */
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "json_value.h"
#include "mail/template.h"
#include "mail/template_files.h"
#include "mail/templates.h"

/* ---- a directory of templates ---- */

static char dir[] = "/tmp/bookspool-unit-XXXXXX";

static int dir_up(void **state)
{
    (void)state;
    strcpy(dir + strlen(dir) - 6, "XXXXXX");
    return mkdtemp(dir) ? 0 : -1;
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *at)
{
    (void)st, (void)kind, (void)at;
    return remove(path);
}

static int dir_down(void **state)
{
    (void)state;
    return nftw(dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static void path_of(const char *name, char path[256])
{
    assert_true(snprintf(path, 256, "%s/%s", dir, name) < 256);
}

static void put(const char *name, const char *text)
{
    char path[256];
    path_of(name, path);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static struct templates *opened(const char *language)
{
    struct buf why = {0};
    struct templates *set = templates_open(dir, language, &why);
    if (!set)
        fail_msg("%s", buf_text(&why));
    return set;
}

/* `expected` follows the directory's name and a slash in each line. */
static void assert_fault(const char *language, const char *expected)
{
    struct buf why = {0}, wanted = {0};
    assert_null(templates_open(dir, language, &why));
    for (const char *line = expected; *line;) {
        size_t len = strcspn(line, "\n");
        buf_printf(&wanted, "%s%s/%.*s", wanted.len ? "\n" : "", dir, (int)len, line);
        line += len + (line[len] == '\n');
    }
    assert_string_equal(buf_text(&why), buf_text(&wanted));
    buf_free(&why);
    buf_free(&wanted);
}

static void assert_part(const struct templates *set, enum event_kind kind, enum audience audience,
    enum template_part part, const char *expected)
{
    static const char data[] = "{\"name\": \"Zo\\u00eb & <Ben>\"}";
    struct buf out = {0}, why = {0};
    struct arena arena = {0};
    const struct value *context = value_of_json(&arena, data);
    if (!templates_render(set, kind, audience, part, context, &out, &why))
        fail_msg("%s", buf_text(&why));
    assert_string_equal(buf_text(&out), expected);
    arena_free(&arena);
    buf_free(&out);
}

/* ---- what is built in ---- */

static void built_in_languages_are_whole(void **state)
{
    (void)state;
    size_t languages = 0;
    for (const struct template_built_in *file = templates_built_in; file->name; file++) {
        char language[32];
        const char *dot = strchr(file->name, '.');
        if (strcmp(dot, ".lang") != 0)
            continue;
        struct buf why = {0};
        snprintf(language, sizeof language, "%.*s", (int)(dot - file->name), file->name);
        struct templates *set = templates_open(NULL, language, &why);
        if (!set)
            fail_msg("%s", buf_text(&why));
        templates_close(set);
        languages++;
    }
    assert_true(languages >= 2);
}

static void each_kind_is_rendered_for_both(void **state)
{
    (void)state;
    struct buf why = {0};
    struct templates *set = templates_open(NULL, "en", &why);
    assert_non_null(set);
    struct arena arena = {0};
    const struct value *context = value_root(&arena);
    for (enum audience audience = 0; audience < AUDIENCES; audience++)
        for (enum event_kind kind = 0; kind < KINDS; kind++)
            for (enum template_part part = 0; part < TEMPLATE_PARTS; part++) {
                struct buf out = {0};
                assert_true(templates_render(set, kind, audience, part, context, &out, &why));
                buf_free(&out);
            }
    arena_free(&arena);
    templates_close(set);
}

static void no_directory_is_a_fault(void **state)
{
    (void)state;
    struct buf why = {0};
    assert_null(templates_open("/nonexistent/templates", "en", &why));
    assert_string_equal(
        buf_text(&why), "/nonexistent/templates: it cannot be read: No such file or directory");
    buf_free(&why);
}

/* ---- which file it is ---- */

static void own_files_go_before_built_in_ones(void **state)
{
    (void)state;
    put("default.subject", "default for {{name}}\n");
    put("cancelled.subject", "cancelled for\n{{name}}\n");
    put("customer.txt", "Dear {{name}}\n");
    put("customer-created.txt", "New, dear {{name}}\n");
    put("default.html", "");
    put("created.html", "<b>{{name}}</b>\n");
    struct templates *set = opened("en");
    enum audience owner = AUDIENCE_OWNER, customer = AUDIENCE_CUSTOMER;
    assert_part(set, KIND_CREATED, owner, PART_SUBJECT, "default for Zo\xc3\xab & <Ben>");
    assert_part(set, KIND_CANCELLED, owner, PART_SUBJECT, "cancelled for Zo\xc3\xab & <Ben>");
    assert_part(set, KIND_CANCELLED, customer, PART_TEXT, "Dear Zo\xc3\xab & <Ben>\n");
    assert_part(set, KIND_CREATED, customer, PART_TEXT, "New, dear Zo\xc3\xab & <Ben>\n");
    assert_part(set, KIND_CREATED, owner, PART_HTML, "<b>Zo\xc3\xab &amp; &lt;Ben&gt;</b>\n");
    assert_part(set, KIND_CANCELLED, owner, PART_HTML, "");
    templates_close(set);
}

static void partials_are_of_the_same_kind_of_file(void **state)
{
    (void)state;
    put("default.txt", "{{>sign}}\n{{>t.w}}\n");
    put("default.html", "{{>sign}}");
    put("default.subject", "S {{>sign}} S");
    put("sign.txt", "-- \n{{name}}\n");
    put("sign.html", "<hr>{{name}}\n");
    put("sign.subject", "{{name}}\n");
    put("en.lang", "");
    struct buf why = {0};
    assert_null(templates_open(dir, "en", &why));
    assert_non_null(strstr(buf_text(&why), "/default.txt:2:1: there is no word \"w\""));
    put("default.txt", "{{>sign}}\n");
    struct templates *set = opened("en");
    assert_part(set, KIND_PAID, AUDIENCE_OWNER, PART_TEXT, "-- \nZo\xc3\xab & <Ben>\n");
    assert_part(set, KIND_PAID, AUDIENCE_OWNER, PART_HTML, "<hr>Zo\xc3\xab &amp; &lt;Ben&gt;\n");
    assert_part(set, KIND_PAID, AUDIENCE_OWNER, PART_SUBJECT, "S Zo\xc3\xab & <Ben> S");
    templates_close(set);
    buf_free(&why);
}

static void files_of_any_editor_are_read(void **state)
{
    (void)state;
    put("default.txt", "\xef\xbb\xbf"
                       "a\r\n{{#name}}\r\nb\r\n{{/name}}\r\n");
    put("default.txt~", "{{");
    put(".default.txt.swp", "{{");
    put("notes.md", "{{");
    struct templates *set = opened("en");
    assert_part(set, KIND_PAID, AUDIENCE_OWNER, PART_TEXT, "a\nb\n");
    templates_close(set);
}

/* ---- languages ---- */

/* A key that is there whatever the built-in words are. */
static void some_key(char key[64])
{
    const struct template_built_in *file = templates_built_in;
    while (strcmp(file->name, "en.lang") != 0)
        file++;
    const char *line = (const char *)file->data;
    while (*line == '#' || *line == '\n')
        line = strchr(line, '\n') + 1;
    size_t len = strcspn(line, " =");
    assert_true(len < 64);
    memcpy(key, line, len);
    key[len] = '\0';
}

static void words_come_from_the_nearest_file(void **state)
{
    (void)state;
    char key[64], text[256];
    some_key(key);
    snprintf(text, sizeof text, "# a comment\n\n  %s =  {{name}} & ich \r\n", key);
    put("de.lang", text);
    put("xx.lang", "");
    snprintf(text, sizeof text, "{{>t.%s}}|\n", key);
    put("default.txt", text);
    put("default.html", text);
    struct templates *set = opened("de");
    assert_string_equal(templates_word(set, key), "{{name}} & ich");
    assert_part(set, KIND_PAID, AUDIENCE_OWNER, PART_TEXT, "Zo\xc3\xab & <Ben> & ich|\n");
    assert_part(
        set, KIND_PAID, AUDIENCE_OWNER, PART_HTML, "Zo\xc3\xab &amp; &lt;Ben&gt; &amp; ich|\n");
    assert_null(templates_word(set, "no.such.word"));
    templates_close(set);

    struct templates *english = opened("en"), *other = opened("xx");
    assert_string_equal(templates_word(other, key), templates_word(english, key));
    assert_string_not_equal(templates_word(english, key), "{{name}} & ich");
    templates_close(english);
    templates_close(other);
}

static void names_are_numbered_from_one(void **state)
{
    (void)state;
    put("de.lang", "days = Mo  Di Mi\tDo Fr Sa So\n");
    struct templates *set = opened("de");
    assert_string_equal(templates_name(set, LIST_DAYS, 1), "Mo");
    assert_string_equal(templates_name(set, LIST_DAYS, 2), "Di");
    assert_string_equal(templates_name(set, LIST_MONTHS_LONG, 12), "Dezember");
    assert_string_equal(templates_name(set, LIST_DAYS, 7), "So");
    assert_null(templates_name(set, LIST_DAYS, 8));
    assert_null(templates_name(set, LIST_DAYS, 0));
    assert_null(templates_name(set, LIST_DAYS, 13));
    templates_close(set);
}

static void faults_of_languages_are_reported(void **state)
{
    (void)state;
    char key[64], text[512], expected[1024];
    some_key(key);
    snprintf(text, sizeof text,
        "%s = a\nno equals\n%sq = b\n  bad key=c\n%s = d\n=e\n\n%szz = {{x\n", key, key, key, key);
    put("de.lang", text);
    snprintf(expected, sizeof expected,
        "de.lang:2:1: KEY=TEXT is missing here: a key is letters, digits, \"_\" and \"-\", joined "
        "by dots\n"
        "de.lang:3:1: there is no word \"%sq\"; the nearest is \"%s\"\n"
        "de.lang:4:3: KEY=TEXT is missing here: a key is letters, digits, \"_\" and \"-\", joined "
        "by dots\n"
        "de.lang:5:1: \"%s\" is already defined in line 1\n"
        "de.lang:6:1: KEY=TEXT is missing here: a key is letters, digits, \"_\" and \"-\", joined "
        "by dots\n"
        "de.lang:8:1: there is no word \"%szz\"; the nearest is \"%s\"",
        key, key, key, key, key);
    assert_fault("de", expected);
    assert_fault("en", expected);
}

static void lists_of_names_have_their_length(void **state)
{
    (void)state;
    put("fr.lang", "\ndays=lun mar\nmonths = a b c d e f g h i j k l m\n");
    assert_fault("fr", "fr.lang:2: \"days\" has 2 names; it needs 7, separated by blanks\n"
                       "fr.lang:3: \"months\" has 13 names; it needs 12, separated by blanks");
    assert_fault("en", "fr.lang:2: \"days\" has 2 names; it needs 7, separated by blanks\n"
                       "fr.lang:3: \"months\" has 13 names; it needs 12, separated by blanks");
}

static void values_that_no_mail_has_are_faults(void **state)
{
    (void)state;
    put("xx.lang", "heading_paid=Paid {{wehn}}\n");
    assert_fault("en", "xx.lang:1:19: no mail has a value \"wehn\"; the nearest is \"when\"");
    put("xx.lang", "");
    put("default.txt", "{{heading}}\n  {{#abuot}}x{{/abuot}}{{booking.tilte}}\n");
    put("de.lang", "heading_paid=Bezahlt {{wehn}}\n");
    assert_fault("de", "default.txt:2:3: no mail has a value \"abuot\"; the nearest is \"about\"\n"
                       "default.txt:2:24: no mail has a value \"tilte\"; the nearest is \"title\"\n"
                       "de.lang:1:22: no mail has a value \"wehn\"; the nearest is \"when\"");
}

/* The built-in buttons use it; a page of one's own may not. */
static void a_word_that_nothing_uses_is_a_fault(void **state)
{
    (void)state;
    put("de.lang", "customer_footer=Auf bald\nlabel_who=Person\n");
    templates_close(opened("de"));
    put("customer.txt", "");
    put("customer_end.html", "");
    assert_fault(
        "de", "de.lang:1: nothing uses \"customer_footer\": no template and no word includes it");
}

/* As one's own files all built-in ones are without a fault: no word of theirs is unused, and no
 * value misspelt. */
static void built_in_files_pass_the_same_checks(void **state)
{
    (void)state;
    for (const struct template_built_in *file = templates_built_in; file->name; file++)
        put(file->name, (const char *)file->data);
    templates_close(opened("en"));
}

static void words_are_templates_that_are_checked(void **state)
{
    (void)state;
    char key[64], text[256];
    some_key(key);
    snprintf(text, sizeof text, "%s={{x", key);
    put("de.lang", text);
    snprintf(
        text, sizeof text, "de.lang:1:%zu: the tag is not closed: }} is missing", strlen(key) + 2);
    assert_fault("de", text);
    snprintf(text, sizeof text, "%s={{>row}}", key);
    put("de.lang", text);
    snprintf(text, sizeof text, "de.lang:1:%zu: a word can include other words only: {{>t.KEY}}",
        strlen(key) + 2);
    assert_fault("de", text);
    snprintf(text, sizeof text, "%s={{>t.qqqqqqqqq}}", key);
    put("de.lang", text);
    snprintf(text, sizeof text, "de.lang:1:%zu: there is no word \"qqqqqqqqq\"", strlen(key) + 2);
    assert_fault("de", text);
}

static void an_unknown_language_is_a_fault(void **state)
{
    (void)state;
    struct buf why = {0};
    assert_null(templates_open(NULL, "../en", &why));
    assert_non_null(strstr(buf_text(&why),
        "there is no language \"../en\": a file ../en.lang would bring it; here are "));
    assert_non_null(strstr(buf_text(&why), " en.lang"));
    buf_free(&why);
}

/* ---- what is wrong ---- */

static void all_faults_are_reported_at_once(void **state)
{
    (void)state;
    put("default.txt", "{{#a}}\n");
    put("default.html", "<p>\n  {{>sing}}\n");
    put("sang.html", "");
    put("sign.html", "{{name}}");
    put("canceled.subject", "x");
    assert_fault("en",
        "default.txt:1:1: {{#a}} is not closed: {{/a}} is missing\n"
        "default.html:2:3: there is no file sing.html to include; the nearest is sang.html\n"
        "canceled.subject: nothing uses it: \"canceled\" is no kind of event, and no .subject file "
        "includes it; the nearest kind is \"cancelled\"\n"
        "sang.html: nothing uses it: \"sang\" is no kind of event, and no .html file includes it\n"
        "sign.html: nothing uses it: \"sign\" is no kind of event, and no .html file includes it");
}

static void unreadable_files_are_faults(void **state)
{
    (void)state;
    char path[256];
    path_of("default.txt", path);
    assert_int_equal(mkdir(path, 0700), 0);
    path_of("created.txt", path);
    assert_int_equal(symlink("nowhere", path), 0);
    path_of("paid.txt", path);
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_fault("en", "created.txt: it cannot be read: No such file or directory\n"
                       "default.txt: it cannot be read: not a regular file\n"
                       "paid.txt: it cannot be read: not a regular file");
}

static void large_and_many_files_are_faults(void **state)
{
    (void)state;
    struct buf text = {0};
    while (text.len <= TEMPLATE_SOURCE_MAX)
        buf_puts(&text, "0123456789abcde\n");
    put("default.txt", buf_text(&text));
    buf_free(&text);
    assert_fault("en", "default.txt: it is longer than 262144 bytes");
    for (int i = 0; i <= TEMPLATE_FILES_MAX; i++) {
        char name[32];
        snprintf(name, sizeof name, "%d.txt", i);
        put(name, "");
    }
    struct buf why = {0};
    assert_null(templates_open(dir, "en", &why));
    assert_non_null(strstr(buf_text(&why), ": it has more than 1000 templates"));
    buf_free(&why);
}

/* A partial that includes itself is right as long as it ends. */
static void endless_partials_are_reported_when_rendered(void **state)
{
    (void)state;
    struct buf out = {0}, why = {0};
    put("default.txt", "{{>loop}}");
    put("loop.txt", "a {{>loop}}");
    struct templates *set = opened("en");
    struct arena arena = {0};
    const struct value *context = value_root(&arena);
    assert_false(templates_render(set, KIND_PAID, AUDIENCE_OWNER, PART_TEXT, context, &out, &why));
    assert_non_null(strstr(buf_text(&why), "/loop.txt:1:3: a partial includes itself"));
    assert_int_equal(out.len, 0);
    arena_free(&arena);
    templates_close(set);
    buf_free(&out);
    buf_free(&why);
}

int main(void)
{
#define WITH_DIR(test) cmocka_unit_test_setup_teardown(test, dir_up, dir_down)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(built_in_languages_are_whole),
        cmocka_unit_test(each_kind_is_rendered_for_both),
        cmocka_unit_test(no_directory_is_a_fault),
        WITH_DIR(own_files_go_before_built_in_ones),
        WITH_DIR(partials_are_of_the_same_kind_of_file),
        WITH_DIR(files_of_any_editor_are_read),
        WITH_DIR(words_come_from_the_nearest_file),
        WITH_DIR(names_are_numbered_from_one),
        WITH_DIR(faults_of_languages_are_reported),
        WITH_DIR(lists_of_names_have_their_length),
        WITH_DIR(values_that_no_mail_has_are_faults),
        WITH_DIR(a_word_that_nothing_uses_is_a_fault),
        WITH_DIR(built_in_files_pass_the_same_checks),
        WITH_DIR(words_are_templates_that_are_checked),
        cmocka_unit_test(an_unknown_language_is_a_fault),
        WITH_DIR(all_faults_are_reported_at_once),
        WITH_DIR(unreadable_files_are_faults),
        WITH_DIR(large_and_many_files_are_faults),
        WITH_DIR(endless_partials_are_reported_when_rendered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
