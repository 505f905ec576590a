/*
 * language: the words of a language of a user's own, over a base of four words.
 *
 * Each fault names file, line and column. Each word has a template and a text, whatever the file.
 */
#include "fuzz.h"

#include "mail/language.h"

static const char base[] = "greeting=Hello {{booking.title}}\n"
                           "days=Mon Tue Wed Thu Fri Sat Sun\n"
                           "place_in_person=in person\n"
                           "when={{>t.greeting}}, {{day}}\n";

static void read_base(struct language *language, struct buf *why)
{
    language_read(language, LANGUAGE_BASE, "en.lang", base, sizeof base - 1, why);
    REQUIRE(why->len == 0, "%s", buf_text(why));
}

static void check_faults(const char *why)
{
    for (; *why; why += strcspn(why, "\n"), why += *why == '\n')
        REQUIRE(strncmp(why, "own.lang:", 9) == 0, "%.200s", why);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const enum language_use uses[] = {LANGUAGE_REPLACE, LANGUAGE_CHECK, LANGUAGE_BASE};
    char *text = fuzz_copy(data, size);
    for (size_t i = 0; i < sizeof uses / sizeof *uses; i++) {
        struct language language = {0};
        struct buf why = {0};
        if (uses[i] != LANGUAGE_BASE)
            read_base(&language, &why);
        language_read(&language, uses[i], "own.lang", text, size, &why);
        check_faults(buf_text(&why));
        for (const struct word *word = language.first; word; word = word->next)
            REQUIRE(why.len || (word->template && word->text && word->english), "%s", word->key);
        language_free(&language);
        buf_free(&why);
    }
    free(text);
    return 0;
}
