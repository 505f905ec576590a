#include "mail/templates.h"

#include <stdlib.h>
#include <string.h>

#include "base/nearest.h"
#include "mail/language.h"
#include "mail/template.h"
#include "mail/template_files.h"

#define LANGUAGE_ENDING ".lang"
#define BASE_LANGUAGE   "en"

static const char *const endings[TEMPLATE_PARTS] = {
    [PART_SUBJECT] = ".subject", [PART_TEXT] = ".txt", [PART_HTML] = ".html"};

static const struct {
    const char *before, *general; /* before the kind's name; for all kinds */
} names[AUDIENCES] = {
    [AUDIENCE_OWNER] = {"", "default"}, [AUDIENCE_CUSTOMER] = {"customer-", "customer"}};

enum { NAMES_MAX = 12 };

struct templates {
    struct template_files files;
    struct language language;
    const char *names[NAME_LISTS][NAMES_MAX];
    const struct template *part[AUDIENCES][KINDS][TEMPLATE_PARTS];
};

/* ---- names ---- */

/* Is `text` the strings `a`, `b` and `c` in a row? */
static bool is_joined(const char *text, const char *a, const char *b, const char *c)
{
    size_t la = strlen(a), lb = strlen(b);
    return strncmp(text, a, la) == 0 && strncmp(text + la, b, lb) == 0 &&
           strcmp(text + la + lb, c) == 0;
}

static bool ends_with(const char *text, const char *ending)
{
    size_t len = strlen(text), tail = strlen(ending);
    return len > tail && strcmp(text + len - tail, ending) == 0;
}

/* TEMPLATE_PARTS: it is no template. */
static enum template_part part_of(const char *name)
{
    enum template_part part = 0;
    while (part < TEMPLATE_PARTS && !ends_with(name, endings[part]))
        part++;
    return part;
}

/* Is it the name of a mail's part, rather than of a partial? */
static bool names_part(const char *name, enum template_part part)
{
    for (size_t a = 0; a < AUDIENCES; a++) {
        if (is_joined(name, names[a].general, endings[part], ""))
            return true;
        for (enum event_kind kind = 0; kind < KINDS; kind++)
            if (is_joined(name, names[a].before, event_kind_name(kind), endings[part]))
                return true;
    }
    return false;
}

/* The user's own file comes first. */
static struct template_file *find_file(
    const struct templates *set, const char *a, const char *b, const char *c)
{
    for (size_t i = 0; i < set->files.count; i++)
        if (is_joined(set->files.list[i].name, a, b, c))
            return &set->files.list[i];
    return NULL;
}

/* ---- partials ---- */

struct finder {
    const struct templates *set;
    enum template_part part;
};

static const struct template *find_partial(void *context, const char *name)
{
    const struct finder *finder = context;
    size_t prefix = strlen(TEMPLATE_WORD);
    if (strncmp(name, TEMPLATE_WORD, prefix) == 0) {
        const struct word *word = language_find(&finder->set->language, name + prefix);
        return word ? word->template : NULL;
    }
    const struct template_file *file = find_file(finder->set, name, endings[finder->part], "");
    return file ? file->template : NULL;
}

struct check {
    struct templates *set;
    enum template_part part;
    struct buf *why;
};

/* ---- checking ---- */

static void fault_no_partial(struct check *check, const char *name, const char *place)
{
    struct buf wanted = {0};
    buf_printf(&wanted, "%s%s", name, endings[check->part]);
    struct nearest nearest = {.wanted = buf_text(&wanted)};
    for (size_t i = 0; i < check->set->files.count; i++)
        if (part_of(check->set->files.list[i].name) == check->part)
            nearest_try(&nearest, check->set->files.list[i].name);
    template_fault(check->why, "%s: there is no file %s to include", place, buf_text(&wanted));
    if (nearest.best)
        buf_printf(check->why, "; the nearest is %s", nearest.best);
    buf_free(&wanted);
}

static void see_partial(void *context, const char *name, const char *place)
{
    struct check *check = context;
    size_t prefix = strlen(TEMPLATE_WORD);
    if (strncmp(name, TEMPLATE_WORD, prefix) == 0) {
        if (!language_find(&check->set->language, name + prefix)) {
            template_fault(check->why, "%s: ", place);
            language_no_word(&check->set->language, name + prefix, check->why);
        }
        return;
    }
    struct template_file *file = find_file(check->set, name, endings[check->part], "");
    if (file)
        file->used = true;
    else
        fault_no_partial(check, name, place);
}

/* Such as canceled.txt: a name that nothing uses is probably a typo. */
static void fault_unused(const struct template_file *file, enum template_part part, struct buf *why)
{
    size_t len = strlen(file->name) - strlen(endings[part]);
    char *name = strndup(file->name, len);
    struct nearest nearest = {.wanted = name ? name : ""};
    for (enum event_kind kind = 0; kind < KINDS; kind++)
        nearest_try(&nearest, event_kind_name(kind));
    for (size_t a = 0; a < AUDIENCES; a++)
        nearest_try(&nearest, names[a].general);
    template_fault(why,
        "%s: nothing uses it: \"%s\" is no kind of event, and no %s file includes it", file->label,
        nearest.wanted, endings[part]);
    if (nearest.best)
        buf_printf(why, "; the nearest kind is \"%s\"", nearest.best);
    free(name);
}

static void check_files(struct templates *set, struct buf *why)
{
    for (size_t i = 0; i < set->files.count; i++) {
        const struct template_file *file = &set->files.list[i];
        struct check check = {set, part_of(file->name), why};
        if (file->template)
            template_each_partial(file->template, see_partial, &check);
    }
    for (size_t i = 0; i < set->files.count; i++) {
        const struct template_file *file = &set->files.list[i];
        enum template_part part = part_of(file->name);
        if (file->own && part < TEMPLATE_PARTS && !file->used && !names_part(file->name, part))
            fault_unused(file, part, why);
    }
}

/* ---- reading ---- */

static void parse_files(struct templates *set, struct buf *why)
{
    for (size_t i = 0; i < set->files.count; i++) {
        struct template_file *file = &set->files.list[i];
        if (part_of(file->name) == TEMPLATE_PARTS)
            continue;
        struct template_source source = {.file = file->label, .text = file->text, .len = file->len};
        file->template = template_parse(&source, why);
    }
}

static void fault_no_language(const struct templates *set, const char *language, struct buf *why)
{
    template_fault(why, "there is no language \"%s\": a file %s%s would bring it; here are",
        language, language, LANGUAGE_ENDING);
    for (size_t i = 0; i < set->files.count; i++)
        if (ends_with(set->files.list[i].name, LANGUAGE_ENDING))
            buf_printf(why, " %s", set->files.list[i].name);
}

/* The built-in English defines the keys. The user's English, then the built-in and the user's files
 * of the language replace words. The others are only checked. */
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
            if (file->own != order[i].own ||
                !is_joined(file->name, order[i].language, LANGUAGE_ENDING, ""))
                continue;
            language_read(&set->language, i ? LANGUAGE_SAY : LANGUAGE_BASE, file->label, file->text,
                file->len, why);
            file->used = true;
        }
}

static void check_other_languages(struct templates *set, struct buf *why)
{
    for (size_t i = 0; i < set->files.count; i++) {
        const struct template_file *file = &set->files.list[i];
        if (!file->used && ends_with(file->name, LANGUAGE_ENDING))
            language_read(&set->language, LANGUAGE_CHECK, file->label, file->text, file->len, why);
    }
}

/* Names are separated by blanks. */
static void read_names(struct templates *set, struct buf *why)
{
    static const char *const keys[NAME_LISTS] = {
        [LIST_DAYS] = "days",
        [LIST_DAYS_LONG] = "days_long",
        [LIST_MONTHS] = "months",
        [LIST_MONTHS_LONG] = "months_long",
    };
    struct arena *arena = &set->language.arena;
    for (enum name_list list = 0; list < NAME_LISTS; list++) {
        const char *word = templates_word(set, keys[list]);
        char *copy = word ? arena_strdup(arena, word) : NULL, *rest;
        char *name = copy ? strtok_r(copy, " ", &rest) : NULL;
        for (size_t i = 0; name && i < NAMES_MAX; i++, name = strtok_r(NULL, " ", &rest))
            set->names[list][i] = name;
    }
    if (arena->failed)
        template_fault(why, "templates: out of memory");
}

static void read_language(struct templates *set, const char *language, struct buf *why)
{
    if (!find_file(set, language, LANGUAGE_ENDING, ""))
        fault_no_language(set, language, why);
    read_words(set, language, why);
    read_names(set, why);
    check_other_languages(set, why);
    language_check(&set->language, why);
}

/* ---- choosing ---- */

/* All that is one's own goes before all that is built in: who writes a default of his own does not
 * want the built-in look for some kinds. */
static const struct template *choose(const struct templates *set, enum audience audience,
    enum event_kind kind, enum template_part part)
{
    const struct template *general = NULL, *found = NULL;
    for (int own = 1; own >= 0 && !found && !general; own--)
        for (size_t i = 0; i < set->files.count; i++) {
            const struct template_file *file = &set->files.list[i];
            if (file->own != (own == 1))
                continue;
            if (is_joined(file->name, names[audience].before, event_kind_name(kind), endings[part]))
                found = file->template;
            else if (is_joined(file->name, names[audience].general, endings[part], ""))
                general = file->template;
        }
    return found ? found : general;
}

static void choose_all(struct templates *set, struct buf *why)
{
    for (enum audience a = 0; a < AUDIENCES; a++)
        for (enum event_kind kind = 0; kind < KINDS; kind++)
            for (enum template_part part = 0; part < TEMPLATE_PARTS; part++) {
                const struct template *chosen = choose(set, a, kind, part);
                set->part[a][kind][part] = chosen;
                if (!chosen && part != PART_HTML && why->len == 0)
                    template_fault(why, "%s%s: there is none", names[a].general, endings[part]);
            }
}

/* Last, when no template takes the place of another any more. */
static void link_all(struct templates *set)
{
    struct finder finder = {.set = set};
    const struct template_partials partials = {find_partial, &finder};
    for (size_t i = 0; i < set->files.count; i++) {
        struct template_file *file = &set->files.list[i];
        finder.part = part_of(file->name);
        if (file->template)
            template_link(file->template, &partials);
    }
    finder.part = PART_TEXT;
    for (const struct word *word = set->language.first; word; word = word->next)
        if (word->template)
            template_link(word->template, &partials);
}

/* ---- the set ---- */

struct templates *templates_open(const char *dir, const char *language, struct buf *why)
{
    struct templates *set = calloc(1, sizeof *set);
    if (!set) {
        template_fault(why, "templates: out of memory");
        return NULL;
    }
    struct buf faults = {0};
    if (template_files_read(&set->files, dir, &faults)) {
        parse_files(set, &faults);
        read_language(set, language, &faults);
        check_files(set, &faults);
        choose_all(set, &faults);
        link_all(set);
    }
    bool ok = faults.len == 0 && !faults.failed;
    if (!ok)
        template_fault(why, "%s", faults.len ? buf_text(&faults) : "templates: out of memory");
    buf_free(&faults);
    if (ok)
        return set;
    templates_close(set);
    return NULL;
}

void templates_close(struct templates *templates)
{
    if (!templates)
        return;
    language_free(&templates->language);
    template_files_free(&templates->files);
    free(templates);
}

const char *templates_word(const struct templates *templates, const char *key)
{
    const struct word *word = language_find(&templates->language, key);
    return word ? word->text : NULL;
}

const char *templates_name(const struct templates *templates, enum name_list list, int number)
{
    return number > 0 && number <= NAMES_MAX ? templates->names[list][number - 1] : NULL;
}

bool templates_render(const struct templates *templates, enum event_kind kind,
    enum audience audience, enum template_part part, const struct value *context, struct buf *out,
    struct buf *why)
{
    static const enum template_escape escapes[TEMPLATE_PARTS] = {
        [PART_SUBJECT] = ESCAPE_LINE, [PART_TEXT] = ESCAPE_TEXT, [PART_HTML] = ESCAPE_HTML};
    const struct template *template = templates->part[audience][kind][part];
    return !template || template_render(template, context, escapes[part], out, why);
}

bool templates_say(const struct templates *templates, const char *key, const struct value *context,
    struct buf *out, struct buf *why)
{
    const struct word *word = language_find(&templates->language, key);
    return !word || template_render(word->template, context, ESCAPE_LINE, out, why);
}
