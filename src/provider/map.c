#include "provider/map.h"

#include <string.h>
#include <strings.h>

#include "base/json.h"
#include "event/clean.h"

#define EXACT_INTEGERS 9007199254740992.0 /* 2^53 */
#define MONEY_MAX      1e12

const char *map_line(struct arena *arena, const cJSON *object, const char *path)
{
    return clean_line(arena, json_text(object, path));
}

const char *map_text(struct arena *arena, const cJSON *object, const char *path)
{
    return clean_text(arena, json_text(object, path));
}

const char *map_address(struct arena *arena, const cJSON *object, const char *path)
{
    return clean_address(arena, json_text(object, path));
}

const char *map_url(struct arena *arena, const cJSON *object, const char *path)
{
    return clean_url(arena, json_text(object, path));
}

const char *map_lower(struct arena *arena, const cJSON *object, const char *path)
{
    return arena_strlower(arena, map_line(arena, object, path));
}

const char *map_id(struct arena *arena, const cJSON *object, const char *path)
{
    const cJSON *item = json_path(object, path);
    if (!cJSON_IsNumber(item))
        return map_line(arena, object, path);
    double value = item->valuedouble;
    if (!(value >= 0 && value < EXACT_INTEGERS) || (double)(int64_t)value < value)
        return NULL;
    return arena_printf(arena, "%.0f", value);
}

const char *map_first(struct arena *arena, const cJSON *object, const char *const *paths)
{
    const char *text = NULL;
    for (; *paths && !text; paths++)
        text = map_id(arena, object, *paths);
    return text;
}

int64_t map_time(const cJSON *object, const char *path)
{
    const char *text = json_text(object, path);
    int64_t when;
    return text && time_parse(text, &when) ? when : TIME_NONE;
}

const char *map_joined(struct arena *arena, const char *first, const char *second)
{
    if (first && second)
        return clean_line(arena, arena_printf(arena, "%s %s", first, second));
    return first ? first : second;
}

const cJSON *map_list(const cJSON *object, const char *path)
{
    const cJSON *list = json_path(object, path);
    return cJSON_IsArray(list) ? list : NULL;
}

/* The list with room for one more: it doubles where it is full, in the arena. */
static void *grown(struct arena *arena, void *list, size_t count, size_t size)
{
    if (count && (count & (count - 1)))
        return list;
    void *copy = arena_alloc(arena, (count ? 2 * count : 1) * size);
    if (copy && count)
        memcpy(copy, list, count * size);
    return copy;
}

void map_add_attendee(struct event *event, struct person person)
{
    struct booking *b = &event->booking;
    if (!person.name && !person.email)
        return;
    struct person *list = grown(&event->arena, b->attendees, b->attendee_count, sizeof *list);
    if (!list)
        return;
    b->attendees = list;
    list[b->attendee_count++] = person;
}

void map_add_guest(struct event *event, const char *address)
{
    struct booking *b = &event->booking;
    if (!address)
        return;
    const char **list = grown(&event->arena, b->guests, b->guest_count, sizeof *list);
    if (!list)
        return;
    b->guests = list;
    list[b->guest_count++] = address;
}

void map_add_answer(struct event *event, const char *question, const char *answer)
{
    struct booking *b = &event->booking;
    if (!question || !answer)
        return;
    struct answer *list = grown(&event->arena, b->answers, b->answer_count, sizeof *list);
    if (!list)
        return;
    b->answers = list;
    list[b->answer_count++] = (struct answer){.question = question, .answer = answer};
}

int map_currency_places(const char *currency)
{
    static const struct {
        const char *codes;
        int places;
    } exceptions[] = {
        {"BIF CLP DJF GNF JPY KMF KRW MGA PYG RWF UGX VND VUV XAF XOF XPF", 0},
        {"BHD JOD KWD OMR TND", 3},
    };
    for (size_t i = 0; i < sizeof exceptions / sizeof *exceptions; i++)
        for (const char *code = exceptions[i].codes; *code; code += code[3] ? 4 : 3)
            if (strncasecmp(code, currency, 3) == 0)
                return exceptions[i].places;
    return 2;
}

const char *map_money(struct arena *arena, double amount, const char *currency)
{
    if (!(amount > 0 && amount < MONEY_MAX) || !currency || strlen(currency) != 3)
        return NULL;
    char code[4] = "";
    for (int i = 0; i < 3; i++) {
        code[i] = (char)(currency[i] & ~0x20);
        if (code[i] < 'A' || code[i] > 'Z')
            return NULL;
    }
    return arena_printf(arena, "%.*f %s", map_currency_places(code), amount, code);
}

const char *map_raw_text(struct arena *arena, const char *body, size_t len)
{
    char *text = arena_strndup(arena, body, len);
    if (!text)
        return NULL;
    for (size_t i = 0; i < len; i++)
        if (text[i] == '\0')
            text[i] = ' ';
    return clean_text(arena, text);
}
