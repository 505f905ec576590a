#include "provider/map.h"

#include <string.h>
#include <strings.h>

#include "base/json.h"
#include "event/clean.h"
#include "provider/redact.h"

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

void map_email(struct arena *arena, const cJSON *object, const char *path, struct person *person)
{
    const char *written = map_line(arena, object, path);
    person->email = map_address(arena, object, path);
    if (written && (!person->email || strcmp(written, person->email) != 0))
        person->written_email = written;
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

int64_t map_count(const cJSON *object, const char *path)
{
    const cJSON *item = json_path(object, path);
    double value = cJSON_IsNumber(item) ? item->valuedouble : 0;
    return value >= 1 && value < EXACT_INTEGERS ? (int64_t)value : 0;
}

const char *map_language(struct arena *arena, const cJSON *object, const char *path)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    const char *tag = clean_token(arena, json_text(object, path));
    return tag && strspn(tag, letters) >= 2 && !strpbrk(tag, "_.") ? tag : NULL;
}

enum clock_form map_clock_form(const cJSON *object, const char *path)
{
    const cJSON *item = json_path(object, path);
    int64_t hours = map_count(object, path);
    const char *text = cJSON_IsString(item) ? item->valuestring : "";
    if (hours == 12 || strcmp(text, "12") == 0 || strchr(text, 'h'))
        return CLOCK_FORM_12;
    if (hours == 24 || strcmp(text, "24") == 0 || strchr(text, 'H'))
        return CLOCK_FORM_24;
    return CLOCK_FORM_UNKNOWN;
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

static bool is_nobody(const struct person *person)
{
    return !person->name && !person->email && !person->written_email;
}

void map_add_attendee(struct event *event, struct person person)
{
    struct booking *b = &event->booking;
    if (is_nobody(&person))
        return;
    struct person *list = grown(&event->arena, b->attendees, b->attendee_count, sizeof *list);
    if (!list)
        return;
    b->attendees = list;
    list[b->attendee_count++] = person;
}

static bool is_same_person(const struct person *a, const struct person *b)
{
    if (a->email && b->email)
        return strcasecmp(a->email, b->email) == 0;
    return a->name && b->name && strcmp(a->name, b->name) == 0;
}

void map_add_host(struct event *event, struct person person)
{
    struct booking *b = &event->booking;
    if (is_nobody(&person))
        return;
    for (size_t i = 0; i < b->host_count; i++)
        if (is_same_person(&b->hosts[i], &person))
            return;
    struct person *list = grown(&event->arena, b->hosts, b->host_count, sizeof *list);
    if (!list)
        return;
    b->hosts = list;
    list[b->host_count++] = person;
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

void map_add_known_answer(
    struct event *event, const char *word, const char *question, const char *answer)
{
    struct booking *b = &event->booking;
    if (!question || !answer)
        return;
    struct answer *list = grown(&event->arena, b->answers, b->answer_count, sizeof *list);
    if (!list)
        return;
    b->answers = list;
    list[b->answer_count++] = (struct answer){.question = question, .word = word, .answer = answer};
}

void map_add_answer(struct event *event, const char *question, const char *answer)
{
    map_add_known_answer(event, NULL, question, answer);
}

void map_add_tick(struct event *event, const char *question, bool ticked)
{
    struct booking *b = &event->booking;
    size_t count = b->answer_count;
    const char *word = ticked ? "yes" : "no";
    map_add_answer(event, question, word);
    if (b->answer_count > count)
        b->answers[count].answer_word = word;
}

void map_add_detail(struct event *event, const char *word, const char *text, int64_t when)
{
    struct booking *b = &event->booking;
    if (!text && when == TIME_NONE)
        return;
    struct detail *list = grown(&event->arena, b->details, b->detail_count, sizeof *list);
    if (!list)
        return;
    b->details = list;
    list[b->detail_count++] = (struct detail){word, text, text ? TIME_NONE : when};
}

const char *map_person_text(struct arena *arena, struct person person)
{
    const char *address = person.written_email ? person.written_email : person.email;
    if (person.name && address)
        return clean_line(arena, arena_printf(arena, "%s <%s>", person.name, address));
    return person.name ? person.name : address;
}

/* ---- members that nothing here knows ---- */

enum { MEMBER_DEPTH = 8 };

struct members {
    struct event *event;
    const char *const *mapped;
    size_t left;
};

static bool is_listed(const char *const *list, const char *name)
{
    for (; *list; list++)
        if (strcmp(*list, name) == 0)
            return true;
    return false;
}

static const char *scalar_text(struct arena *arena, const cJSON *item)
{
    if (cJSON_IsString(item))
        return clean_text(arena, redact_text(arena, item->valuestring));
    if (cJSON_IsNumber(item))
        return arena_printf(arena, "%.15g", item->valuedouble);
    return NULL;
}

static void add_members(struct members *members, const cJSON *object, const char *path, int depth)
{
    struct arena *arena = &members->event->arena;
    const cJSON *item;
    size_t index = 0;
    cJSON_ArrayForEach (item, object) {
        if (members->left == 0)
            return;
        members->left--;
        const char *name =
            item->string ? clean_line(arena, item->string) : arena_printf(arena, "%zu", index);
        index++;
        if (!name || (item->string && redact_is_secret(item->string)))
            continue;
        if (path)
            name = clean_line(arena, arena_printf(arena, "%s.%s", path, name));
        if (!name || is_listed(members->mapped, name))
            continue;
        if (item->child && depth < MEMBER_DEPTH)
            add_members(members, item, name, depth + 1);
        else if (cJSON_IsBool(item))
            map_add_tick(members->event, name, cJSON_IsTrue(item));
        else
            map_add_answer(members->event, name, scalar_text(arena, item));
    }
}

void map_add_members(struct event *event, const cJSON *object, const char *const *mapped)
{
    struct members members = {event, mapped, ANSWERS_MAX};
    if (cJSON_IsObject(object))
        add_members(&members, object, NULL, 0);
}

/* ---- money, and raw text ---- */

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
