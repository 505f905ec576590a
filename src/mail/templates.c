#include "mail/templates.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/nearest.h"
#include "mail/language.h"
#include "mail/template.h"
#include "mail/template_files.h"
#include "mail/view_names.h"

#define BASE_LANGUAGE "en"
#define AGENDA        "agenda"

static const struct {
    const char *before, *general; /* before the kind's name; for all kinds */
} names[AUDIENCES] = {
    [AUDIENCE_OWNER] = {"", "default"}, [AUDIENCE_CUSTOMER] = {"customer-", "customer"}};

enum { NAMES_MAX = 12 };

struct templates {
    const char *name;        /* of the language */
    struct templates *other; /* the next language; the first is the one that was asked for */
    struct template_files files;
    struct language language;
    const char *names[NAME_LISTS][NAMES_MAX];
    const struct template *part[AUDIENCES][KINDS][TEMPLATE_PARTS];
    const struct template *agenda[TEMPLATE_PARTS];
};

/* ---- names ---- */

/* The user's own file comes first. */
static struct template_file *find_file(
    const struct templates *set, const char *stem, enum template_part part)
{
    for (size_t i = 0; i < set->files.count; i++) {
        struct template_file *file = &set->files.list[i];
        if (file->part == part && strcmp(file->stem, stem) == 0)
            return file;
    }
    return NULL;
}

static bool is_for_kind(
    const struct template_file *file, enum audience audience, enum event_kind kind)
{
    size_t before = strlen(names[audience].before);
    return strncmp(file->stem, names[audience].before, before) == 0 &&
           strcmp(file->stem + before, event_kind_name(kind)) == 0;
}

static bool is_general(const struct template_file *file, enum audience audience)
{
    return strcmp(file->stem, names[audience].general) == 0;
}

/* Is it a part of a mail, rather than a partial? */
static bool is_part(const struct template_file *file)
{
    for (enum audience audience = 0; audience < AUDIENCES; audience++) {
        if (is_general(file, audience))
            return true;
        for (enum event_kind kind = 0; kind < KINDS; kind++)
            if (is_for_kind(file, audience, kind))
                return true;
    }
    return strcmp(file->stem, AGENDA) == 0;
}

/* The key of a word that is included as {{>t.KEY}}; NULL: it is the name of a template. */
static const char *key_of(const char *name)
{
    size_t prefix = strlen(TEMPLATE_WORD);
    return strncmp(name, TEMPLATE_WORD, prefix) == 0 ? name + prefix : NULL;
}

/* ---- checking ---- */

/* The template or word that includes another. */
struct includer {
    struct templates *set;
    enum template_part part; /* TEMPLATE_PARTS: a word */
    struct buf *why;
};

static void check_partial(void *context, const char *name, const char *place)
{
    const struct includer *includer = context;
    struct templates *set = includer->set;
    const char *key = key_of(name);
    struct word *word = key ? language_find(&set->language, key) : NULL;
    if (word) {
        word->included = true;
        return;
    }
    if (key) {
        template_fault(includer->why, "%s: ", place);
        language_no_word(&set->language, key, includer->why);
        return;
    }
    if (includer->part == TEMPLATE_PARTS) {
        template_fault(includer->why, "%s: a word can include other words only: {{>%sKEY}}", place,
            TEMPLATE_WORD);
        return;
    }
    struct template_file *file = find_file(set, name, includer->part);
    if (file) {
        file->used = true;
        return;
    }
    struct buf wanted = {0};
    buf_printf(&wanted, "%s%s", name, template_endings[includer->part]);
    struct nearest nearest = {.wanted = buf_text(&wanted)};
    for (size_t i = 0; i < set->files.count; i++)
        if (set->files.list[i].part == includer->part)
            nearest_try(&nearest, set->files.list[i].name);
    template_fault(includer->why, "%s: there is no file %s to include", place, buf_text(&wanted));
    if (nearest.best)
        buf_printf(includer->why, "; the nearest is %s", nearest.best);
    buf_free(&wanted);
}

static void check_partials(struct templates *set, struct buf *why)
{
    struct includer includer = {set, TEMPLATE_PARTS, why};
    for (const struct word *word = set->language.first; word; word = word->next)
        if (word->template)
            template_each_partial(word->template, check_partial, &includer);
    for (size_t i = 0; i < set->files.count; i++) {
        const struct template_file *file = &set->files.list[i];
        includer.part = file->part;
        bool replaced = find_file(set, file->stem, file->part) != file;
        if (file->template && !replaced)
            template_each_partial(file->template, check_partial, &includer);
    }
}

/* Such as canceled.txt: a name that nothing uses is probably a typo. */
static void check_used(const struct templates *set, struct buf *why)
{
    for (size_t i = 0; i < set->files.count; i++) {
        const struct template_file *file = &set->files.list[i];
        if (!file->own || file->part == TEMPLATE_PARTS || file->used || is_part(file))
            continue;
        struct nearest nearest = {.wanted = file->stem};
        for (enum event_kind kind = 0; kind < KINDS; kind++)
            nearest_try(&nearest, event_kind_name(kind));
        for (size_t a = 0; a < AUDIENCES; a++)
            nearest_try(&nearest, names[a].general);
        nearest_try(&nearest, AGENDA);
        template_fault(why,
            "%s: nothing uses it: \"%s\" is no kind of event, and no %s file includes it",
            file->label, file->stem, template_endings[file->part]);
        if (nearest.best)
            buf_printf(why, "; the nearest kind is \"%s\"", nearest.best);
    }
}

/* Words that no template or word includes: mail/view*.c and mail/cut.c ask for them by their names,
 * or by names that begin so. */
static const char *const asked_for[] = {"days", "days_long", "months", "months_long", "moment",
    "short_moment", "span", "duration", "about", "line", "overlap", "series", "places", "origin",
    "no_question", "left_out_text", "left_out_list", "join_button", "link_button", "manage_button",
    "reschedule_button", "cancel_button"};
static const char *const asked_for_from[] = {"heading_", "mark_", "remark_", "customer_heading_",
    "customer_mark_", "customer_remark_", "label_", "status_", "place_", "question_", "answer_",
    "payment_", "detail_", "frequency_", "every_"};

static bool is_asked_for(const char *key)
{
    for (size_t i = 0; i < sizeof asked_for / sizeof *asked_for; i++)
        if (strcmp(asked_for[i], key) == 0)
            return true;
    for (size_t i = 0; i < sizeof asked_for_from / sizeof *asked_for_from; i++)
        if (strncmp(asked_for_from[i], key, strlen(asked_for_from[i])) == 0)
            return true;
    return false;
}

static bool is_own(const struct templates *set, const struct word *word)
{
    for (size_t i = 0; i < set->files.count; i++)
        if (set->files.list[i].label == word->file)
            return set->files.list[i].own;
    return false;
}

/* A word of one's own that is in no mail is probably another one misspelt. check_partials has
 * marked those that are included. */
static void check_words_used(const struct templates *set, struct buf *why)
{
    for (const struct word *word = set->language.first; word; word = word->next)
        if (!word->included && !is_asked_for(word->key) && is_own(set, word))
            template_fault(why, "%s:%zu: nothing uses \"%s\": no template and no word includes it",
                word->file, word->line, word->key);
}

/* ---- the names of values ---- */

static void check_name(void *context, const char *name, const char *place)
{
    struct buf *why = context;
    if (view_name_known(name))
        return;
    struct nearest nearest = {.wanted = name};
    for (size_t i = 0; view_names[i]; i++)
        nearest_try(&nearest, view_names[i]);
    template_fault(why, "%s: no mail has a value \"%s\"", place, name);
    if (nearest.best)
        buf_printf(why, "; the nearest is \"%s\"", nearest.best);
}

/* The words of languages not in use are seen when those are opened. */
static void check_names(const struct templates *set, struct buf *why)
{
    for (size_t i = 0; i < set->files.count; i++)
        if (set->files.list[i].template && set->files.list[i].own)
            template_each_name(set->files.list[i].template, check_name, why);
    for (const struct word *word = set->language.first; word; word = word->next)
        if (word->template && is_own(set, word))
            template_each_name(word->template, check_name, why);
}

/* ---- reading ---- */

static void parse_files(struct templates *set, struct buf *why)
{
    for (size_t i = 0; i < set->files.count; i++) {
        struct template_file *file = &set->files.list[i];
        struct template_source source = {.file = file->label, .text = file->text, .len = file->len};
        if (file->part != TEMPLATE_PARTS)
            file->template = template_parse(&source, why);
    }
}

/* The built-in English defines the keys. The user's English, then the built-in and the user's files
 * of the language replace words. */
static void read_words(struct templates *set, const char *language, struct buf *why)
{
    const struct {
        const char *language;
        bool own;
    } order[] = {
        {BASE_LANGUAGE, false}, {BASE_LANGUAGE, true}, {language, false}, {language, true}};
    bool base = strcmp(language, BASE_LANGUAGE) == 0;
    for (size_t i = 0; i < (base ? 2 : 4); i++)
        for (size_t f = 0; f < set->files.count; f++) {
            struct template_file *file = &set->files.list[f];
            if (file->own != order[i].own || file->part != TEMPLATE_PARTS ||
                strcmp(file->stem, order[i].language) != 0)
                continue;
            language_read(&set->language, i ? LANGUAGE_REPLACE : LANGUAGE_BASE, file->label,
                file->text, file->len, why);
            file->used = true;
        }
}

/* Names are separated by blanks. */
static void read_names(struct templates *set, struct buf *why)
{
    static const struct {
        const char *key;
        size_t count;
    } lists[NAME_LISTS] = {
        [LIST_DAYS] = {"days", 7},
        [LIST_DAYS_LONG] = {"days_long", 7},
        [LIST_MONTHS] = {"months", NAMES_MAX},
        [LIST_MONTHS_LONG] = {"months_long", NAMES_MAX},
    };
    struct arena *arena = &set->language.arena;
    for (enum name_list list = 0; list < NAME_LISTS; list++) {
        const struct word *word = language_find(&set->language, lists[list].key);
        if (!word || !word->text) /* memory ran out, as `why` says */
            continue;
        char *copy = arena_strdup(arena, word->text), *rest;
        char *name = copy ? strtok_r(copy, " \t", &rest) : NULL;
        size_t count = 0;
        for (; name; name = strtok_r(NULL, " \t", &rest), count++)
            if (count < NAMES_MAX)
                set->names[list][count] = name;
        if (copy && count != lists[list].count)
            template_fault(why, "%s:%zu: \"%s\" has %zu names; it needs %zu, separated by blanks",
                word->file, word->line, word->key, count, lists[list].count);
    }
    if (arena->failed)
        template_fault(why, "templates: out of memory");
}

static void read_language(struct templates *set, const char *language, struct buf *why)
{
    const struct template_files *files = &set->files;
    if (!find_file(set, language, TEMPLATE_PARTS)) {
        template_fault(why, "there is no language \"%s\": a file %s.lang would bring it; here are",
            language, language);
        for (size_t i = 0; i < files->count; i++)
            if (files->list[i].part == TEMPLATE_PARTS)
                buf_printf(why, " %s", files->list[i].name);
    }
    read_words(set, language, why);
    read_names(set, why);
    for (size_t i = 0; i < files->count; i++) { /* the languages not in use */
        const struct template_file *file = &files->list[i];
        if (!file->used && file->part == TEMPLATE_PARTS)
            language_read(&set->language, LANGUAGE_CHECK, file->label, file->text, file->len, why);
    }
}

/* ---- choosing ---- */

/* All of the user's own go before all built-in ones: a user who writes a default does not want the
 * built-in look for some kinds. */
static const struct template *choose_part(const struct templates *set, enum audience audience,
    enum event_kind kind, enum template_part part)
{
    const struct template *general = NULL, *special = NULL;
    for (int own = 1; own >= 0 && !special && !general; own--)
        for (size_t i = 0; i < set->files.count; i++) {
            const struct template_file *file = &set->files.list[i];
            if (file->own != (own == 1) || file->part != part)
                continue;
            if (is_for_kind(file, audience, kind))
                special = file->template;
            else if (is_general(file, audience))
                general = file->template;
        }
    return special ? special : general;
}

static void choose_all(struct templates *set, struct buf *why)
{
    for (enum audience a = 0; a < AUDIENCES; a++)
        for (enum event_kind kind = 0; kind < KINDS; kind++)
            for (enum template_part part = 0; part < TEMPLATE_PARTS; part++) {
                const struct template *chosen = choose_part(set, a, kind, part);
                set->part[a][kind][part] = chosen;
                if (!chosen && part != PART_HTML && why->len == 0)
                    template_fault(
                        why, "%s%s: there is none", names[a].general, template_endings[part]);
            }
    for (enum template_part part = 0; part < TEMPLATE_PARTS; part++) {
        const struct template_file *file = find_file(set, AGENDA, part);
        set->agenda[part] = file ? file->template : NULL;
        if (!file && part != PART_HTML && why->len == 0)
            template_fault(why, "%s%s: there is none", AGENDA, template_endings[part]);
    }
}

static const struct template *find_partial(void *context, const char *name)
{
    const struct includer *includer = context;
    const char *key = key_of(name);
    const struct word *word = key ? language_find(&includer->set->language, key) : NULL;
    const struct template_file *file = key ? NULL : find_file(includer->set, name, includer->part);
    return word ? word->template : file ? file->template : NULL;
}

/* Last, when no text of a word is replaced any more. */
static void link_all(struct templates *set)
{
    struct includer includer = {.set = set};
    for (size_t i = 0; i < set->files.count; i++) {
        struct template_file *file = &set->files.list[i];
        includer.part = file->part;
        if (file->template)
            template_link(file->template, find_partial, &includer);
    }
    for (const struct word *word = set->language.first; word; word = word->next)
        if (word->template)
            template_link(word->template, find_partial, &includer);
}

/* ---- the set ---- */

/* In one language. NULL: there are faults. */
static struct templates *open_one(const char *dir, const char *language, struct buf *why)
{
    struct templates *set = calloc(1, sizeof *set);
    struct buf faults = {0};
    if (set && template_files_read(&set->files, dir, &faults)) {
        set->name = arena_strdup(&set->files.arena, language);
        parse_files(set, &faults);
        read_language(set, language, &faults);
        check_partials(set, &faults);
        check_used(set, &faults);
        check_words_used(set, &faults);
        check_names(set, &faults);
        choose_all(set, &faults);
        link_all(set);
    }
    if (!set || faults.len || faults.failed) {
        template_fault(why, "%s", faults.len ? buf_text(&faults) : "templates: out of memory");
        templates_close(set);
        set = NULL;
    }
    buf_free(&faults);
    return set;
}

struct templates *templates_open(const char *dir, const char *language, struct buf *why)
{
    struct templates *set = open_one(dir, language, why), *last = set;
    bool ok = set != NULL;
    for (size_t i = 0; ok && i < set->files.count; i++) {
        const struct template_file *file = &set->files.list[i];
        bool first = find_file(set, file->stem, file->part) == file;
        if (file->part != TEMPLATE_PARTS || !first || strcmp(file->stem, language) == 0)
            continue;
        last->other = open_one(dir, file->stem, why);
        ok = last->other != NULL;
        last = last->other;
    }
    if (ok)
        return set;
    templates_close(set);
    return NULL;
}

void templates_close(struct templates *templates)
{
    for (struct templates *other; templates; templates = other) {
        other = templates->other;
        language_free(&templates->language);
        template_files_free(&templates->files);
        free(templates);
    }
}

const struct templates *templates_for(const struct templates *templates, const char *tag)
{
    size_t primary = tag ? strcspn(tag, "-_") : 0;
    const struct templates *general = NULL;
    for (const struct templates *set = templates; set && primary; set = set->other) {
        if (strcasecmp(set->name, tag) == 0)
            return set;
        if (!general && strlen(set->name) == primary && strncasecmp(set->name, tag, primary) == 0)
            general = set;
    }
    return general ? general : templates;
}

const char *templates_word(const struct templates *templates, const char *key)
{
    const struct word *word = language_find(&templates->language, key);
    return word ? word->text : NULL;
}

const char *templates_english(const struct templates *templates, const char *key)
{
    const struct word *word = language_find(&templates->language, key);
    return word ? word->english : NULL;
}

const char *templates_name(const struct templates *templates, enum name_list list, int number)
{
    return number > 0 && number <= NAMES_MAX ? templates->names[list][number - 1] : NULL;
}

static const enum template_escape escapes[TEMPLATE_PARTS] = {
    [PART_SUBJECT] = ESCAPE_LINE, [PART_TEXT] = ESCAPE_TEXT, [PART_HTML] = ESCAPE_HTML};

bool templates_render(const struct templates *templates, enum event_kind kind,
    enum audience audience, enum template_part part, const struct value *context, struct buf *out,
    struct buf *why)
{
    const struct template *template = templates->part[audience][kind][part];
    return !template || template_render(template, context, escapes[part], out, why);
}

bool templates_render_agenda(const struct templates *templates, enum template_part part,
    const struct value *context, struct buf *out, struct buf *why)
{
    const struct template *template = templates->agenda[part];
    return !template || template_render(template, context, escapes[part], out, why);
}

bool templates_say(const struct templates *templates, const char *key, const struct value *context,
    struct buf *out, struct buf *why)
{
    const struct word *word = language_find(&templates->language, key);
    return !word || template_render(word->template, context, ESCAPE_LINE, out, why);
}
