#include "tool/output.h"

#include <errno.h>
#include <limits.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <wchar.h>

#include "base/array.h"
#include "base/text.h"
#include "tool/tool.h"

bool output_is_terminal(void)
{
    return isatty(STDOUT_FILENO);
}

bool output_has_colour(void)
{
    const char *no = getenv("NO_COLOR");
    return output_is_terminal() && !(no && *no);
}

/* ---- widths ---- */

/*
 * The columns that a terminal needs for the text: a letter of Latin takes one, one of Chinese two,
 * a combining mark none. The text is UTF-8 whatever the locale is.
 */
static int shown_width(const char *text)
{
    static locale_t utf8;
    if (!utf8)
        utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
    if (!utf8)
        return (int)strlen(text);
    locale_t before = uselocale(utf8);
    const char *end = text + strlen(text);
    mbstate_t state = {0};
    int columns = 0;
    while (text < end) {
        wchar_t letter;
        size_t len = mbrtowc(&letter, text, (size_t)(end - text), &state);
        if (len > (size_t)(end - text)) /* no letter of UTF-8 begins here */
            break;
        int width = wcwidth(letter);
        columns += width > 0 ? width : 0;
        text += len ? len : 1;
    }
    uselocale(before);
    return columns + (int)(end - text);
}

static int terminal_width(void)
{
    enum { USUAL = 80, LEAST = 40 };
    struct winsize size;
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) < 0 || size.ws_col < LEAST)
        return USUAL;
    return size.ws_col;
}

void output_folded(const char *text, int used, int indent)
{
    int room = output_is_terminal() ? terminal_width() : INT_MAX;
    char word[256];
    for (bool first = true; *text; first = false) {
        size_t len = strcspn(text, " ");
        snprintf(word, sizeof word, "%.*s", (int)len, text);
        int columns = shown_width(word);
        if (!first && used + 1 + columns > room) {
            printf("\n%*s", indent, "");
            used = indent;
        } else if (!first) {
            putchar(' ');
            used++;
        }
        printf("%.*s", (int)len, text);
        used += columns;
        text += len;
        text += strspn(text, " ");
    }
    putchar('\n');
}

/* ---- tables ---- */

void table_add(struct table *table, const char *const *row)
{
    for (size_t i = 0; i < table->columns; i++) {
        void *cells = array_room(table->cell, table->cells, &table->room, sizeof *table->cell);
        char *copy = arena_strdup(&table->arena, row[i] ? row[i] : "-");
        if (!cells || !copy)
            tool_no_memory();
        text_mask(copy);
        table->cell = cells;
        table->cell[table->cells++] = copy;
    }
}

/* The last column is not padded, so that no line ends in blanks. */
static void print_row(const struct table *table, const char *const *row, const int *width)
{
    size_t last = table->columns - 1;
    while (last > 0 && !*row[last])
        last--;
    for (size_t i = 0; i < last; i++)
        printf("%s%*s", row[i], width[i] - shown_width(row[i]) + 2, "");
    printf("%s\n", row[last]);
}

void table_print(struct table *table, const char *const *heading)
{
    if (output_is_terminal() && table->cells) {
        int width[TABLE_COLUMNS_MAX];
        for (size_t i = 0; i < table->columns; i++)
            width[i] = (int)strlen(heading[i]);
        for (size_t i = 0; i < table->cells; i++) {
            int len = shown_width(table->cell[i]), *widest = &width[i % table->columns];
            *widest = len > *widest ? len : *widest;
        }
        print_row(table, heading, width);
        for (size_t i = 0; i < table->cells; i += table->columns)
            print_row(table, table->cell + i, width);
    } else
        for (size_t i = 0; i < table->cells; i++)
            printf("%s%c", table->cell[i], (i + 1) % table->columns ? '\t' : '\n');
    free(table->cell);
    arena_free(&table->arena);
    *table = (struct table){.columns = table->columns};
}

/* ---- times ---- */

void output_ago(int64_t when, int64_t now, char out[AGE_TEXT])
{
    char age[TIME_TEXT];
    if (when == TIME_NONE) {
        snprintf(out, AGE_TEXT, "never");
        return;
    }
    time_format_age(when > now ? when - now : now - when, age);
    snprintf(out, AGE_TEXT, when > now ? "in %s" : "%s ago", age);
}

/* ---- JSON ---- */

static cJSON *put_member(cJSON *object, const char *name, cJSON *item)
{
    if (!item || !cJSON_AddItemToObject(object, name, item))
        tool_no_memory();
    return item;
}

cJSON *json_object(void)
{
    cJSON *object = cJSON_CreateObject();
    if (!object)
        tool_no_memory();
    return object;
}

cJSON *json_append(cJSON *array)
{
    cJSON *object = json_object();
    if (!cJSON_AddItemToArray(array, object))
        tool_no_memory();
    return object;
}

void json_append_text(cJSON *array, const char *text, int len)
{
    char *copy = strndup(text, (size_t)len);
    cJSON *item = copy ? cJSON_CreateString(copy) : NULL;
    if (!item || !cJSON_AddItemToArray(array, item))
        tool_no_memory();
    free(copy);
}

cJSON *json_put_object(cJSON *object, const char *name)
{
    return put_member(object, name, cJSON_CreateObject());
}

cJSON *json_put_array(cJSON *object, const char *name)
{
    return put_member(object, name, cJSON_CreateArray());
}

void json_put_text(cJSON *object, const char *name, const char *text)
{
    put_member(object, name, text ? cJSON_CreateString(text) : cJSON_CreateNull());
}

void json_put_time(cJSON *object, const char *name, int64_t when)
{
    char text[TIME_TEXT] = "";
    if (when != TIME_NONE)
        time_format_ms(when, text);
    json_put_text(object, name, *text ? text : NULL);
}

void json_put_number(cJSON *object, const char *name, int64_t number)
{
    put_member(object, name, cJSON_CreateNumber((double)number));
}

void json_put_bool(cJSON *object, const char *name, bool value)
{
    put_member(object, name, cJSON_CreateBool(value));
}

void json_print(cJSON *object, enum json_form form)
{
    char *text = form == JSON_LINE ? cJSON_PrintUnformatted(object) : cJSON_Print(object);
    if (!text)
        tool_no_memory();
    puts(text);
    cJSON_free(text);
    cJSON_Delete(object);
}

/* ---- bytes ---- */

/* How many bytes of a control character begin here; 0: none. U+0080 to U+009F are two in UTF-8. */
static size_t control_at(const unsigned char *c, size_t len)
{
    if (*c == 0xc2 && len > 1 && c[1] >= 0x80 && c[1] < 0xa0)
        return 2;
    return (*c < ' ' && *c != '\n' && *c != '\t') || *c == 0x7f;
}

void output_bytes(const char *data, size_t len)
{
    const unsigned char *at = (const unsigned char *)data;
    if (!output_is_terminal()) {
        fwrite(data, 1, len, stdout);
        return;
    }
    for (size_t i = 0; i < len;) {
        size_t control = control_at(at + i, len - i);
        if (at[i] != '\r')
            putchar(control ? '?' : at[i]);
        i += control ? control : 1;
    }
    if (len && at[len - 1] != '\n')
        putchar('\n');
}

bool output_finish(void)
{
    return fflush(stdout) == 0 && !ferror(stdout);
}
