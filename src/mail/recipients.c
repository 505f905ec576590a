#include "mail/recipients.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/address.h"

#define BLANKS " \t"

/* A part of the settings' text. */
struct span {
    const char *at;
    size_t len;
};

struct rule {
    bool kind[KINDS];
    char *organizer;  /* NULL: everybody's */
    struct span whom; /* checked */
};

struct recipients {
    char *notify, *owners; /* the settings; rules point into notify */
    bool customers;
    struct rule *rule;
    size_t count;
    struct arena words; /* addresses as strings */
};

/* ---- text ---- */

static struct span trimmed(struct span span)
{
    while (span.len && strchr(BLANKS, span.at[0]))
        span.at++, span.len--;
    while (span.len && strchr(BLANKS, span.at[span.len - 1]))
        span.len--;
    return span;
}

/* Cuts the part before the next of `ends` off the text. */
static struct span next_part(struct span *text, const char *ends)
{
    struct span part = {.at = text->at};
    while (part.len < text->len && !strchr(ends, text->at[part.len]))
        part.len++;
    size_t used = part.len < text->len ? part.len + 1 : part.len;
    text->at += used;
    text->len -= used;
    return trimmed(part);
}

static bool is(struct span span, const char *word)
{
    return strlen(word) == span.len && memcmp(span.at, word, span.len) == 0;
}

static bool is_address(struct span span)
{
    char text[ADDRESS_SIZE];
    if (span.len >= sizeof text)
        return false;
    memcpy(text, span.at, span.len);
    text[span.len] = '\0';
    return address_valid(text);
}

/* ---- the rules ---- */

static bool complain(struct buf *why, struct span what, const char *wanted)
{
    buf_printf(why, "BOOKSPOOL_NOTIFY: \"%.*s\": expected %s", (int)what.len, what.at, wanted);
    return false;
}

static bool parse_kind(struct span word, struct rule *rule, struct buf *why)
{
    char name[32] = "";
    enum event_kind kind;
    if (is(word, "*")) {
        memset(rule->kind, true, sizeof rule->kind);
        return true;
    }
    if (word.len < sizeof name)
        memcpy(name, word.at, word.len);
    if (!event_kind_parse(name, &kind)) {
        complain(why, word, "* or a kind of event:");
        for (int i = 0; i < KINDS; i++)
            buf_printf(why, " %s", event_kind_name((enum event_kind)i));
        return false;
    }
    rule->kind[kind] = true;
    return true;
}

static bool parse_organizer(
    struct recipients *recipients, struct span word, struct rule *rule, struct buf *why)
{
    if (!is_address(word))
        return complain(why, word, "the organizer's address after \"of\"");
    rule->organizer = arena_strndup(&recipients->words, word.at, word.len);
    return rule->organizer != NULL;
}

/* "created, cancelled of ann@example.org" */
static bool parse_when(
    struct recipients *recipients, struct span when, struct rule *rule, struct buf *why)
{
    bool any = false;
    for (struct span rest = when; rest.len;) {
        struct span word = next_part(&rest, BLANKS ",");
        if (!word.len)
            continue;
        if (is(word, "of"))
            return any ? parse_organizer(recipients, trimmed(rest), rule, why)
                       : complain(why, when, "kinds of event, or *, in front of \"of\"");
        if (!parse_kind(word, rule, why))
            return false;
        any = true;
    }
    return any || complain(why, when, "kinds of event, or *, in front of the colon");
}

static bool check_whom(struct span whom, struct buf *why)
{
    bool any = false;
    for (struct span rest = whom; rest.len; any = true) {
        struct span word = next_part(&rest, ",");
        if (!is(word, "owner") && !is(word, "organizer") && !is(word, "none") && !is_address(word))
            return complain(why, word, "addresses separated by commas, or owner, organizer, none");
    }
    return any || complain(why, whom, "addresses after the colon, or none");
}

static bool parse_rule(struct recipients *recipients, struct span text, struct buf *why)
{
    struct rule rule = {0};
    struct span rest = text, when = next_part(&rest, ":");
    if (when.len == text.len)
        return complain(why, text, "KINDS: WHOM, as in \"no_show: none\"");
    rule.whom = trimmed(rest);
    if (!parse_when(recipients, when, &rule, why) || !check_whom(rule.whom, why))
        return false;
    struct rule *grown =
        reallocarray(recipients->rule, recipients->count + 1, sizeof *recipients->rule);
    if (!grown)
        return false;
    recipients->rule = grown;
    recipients->rule[recipients->count++] = rule;
    return true;
}

static bool parse_rules(struct recipients *recipients, struct buf *why)
{
    struct span rest = {recipients->notify, strlen(recipients->notify)};
    while (rest.len) {
        struct span text = next_part(&rest, ";");
        if (text.len && !parse_rule(recipients, text, why))
            return false;
    }
    return true;
}

static char *copy_or(const char *text, const char *otherwise)
{
    return strdup(text ? text : otherwise);
}

struct recipients *recipients_open(const struct conf *conf, const char *fallback, struct buf *why)
{
    struct recipients *recipients = calloc(1, sizeof *recipients);
    if (recipients) {
        recipients->notify = copy_or(conf_text(conf, SET_NOTIFY), "");
        recipients->owners = copy_or(conf_text(conf, SET_MAIL_TO), fallback);
        recipients->customers = conf_number(conf, SET_MAIL_ATTENDEE);
        if (recipients->notify && recipients->owners && parse_rules(recipients, why))
            return recipients;
    }
    if (!why->len)
        buf_puts(why, "out of memory");
    recipients_close(recipients);
    return NULL;
}

void recipients_close(struct recipients *recipients)
{
    if (!recipients)
        return;
    free(recipients->notify);
    free(recipients->owners);
    free(recipients->rule);
    arena_free(&recipients->words);
    free(recipients);
}

/* ---- an event's ---- */

static bool is_telephone(const char *address)
{
    const char *at = strrchr(address, '@');
    return at && strcasecmp(at, "@sms.cal.com") == 0;
}

static bool add(struct recipient_list *list, struct span address, enum audience audience)
{
    for (size_t i = 0; i < list->count; i++)
        if (strlen(list->item[i].address) == address.len &&
            strncasecmp(list->item[i].address, address.at, address.len) == 0)
            return true;
    struct recipient *grown = reallocarray(list->item, list->count + 1, sizeof *grown);
    if (!grown)
        return false;
    list->item = grown;
    char *copy = strndup(address.at, address.len);
    if (!copy)
        return false;
    list->item[list->count++] = (struct recipient){.address = copy, .audience = audience};
    return true;
}

static bool add_text(struct recipient_list *list, const char *address, enum audience audience)
{
    return !address || is_telephone(address) ||
           add(list, (struct span){address, strlen(address)}, audience);
}

static bool add_all(struct recipient_list *list, const char *addresses)
{
    struct span rest = {addresses, strlen(addresses)};
    while (rest.len) {
        struct span one = next_part(&rest, BLANKS ",");
        if (one.len && !add(list, one, AUDIENCE_OWNER))
            return false;
    }
    return true;
}

static enum event_kind meaning_of(const struct event *event, const struct decision *decision)
{
    return decision->meaning == KINDS ? event->kind : decision->meaning;
}

static const struct rule *rule_for(
    const struct recipients *recipients, enum event_kind kind, const char *organizer)
{
    for (size_t i = 0; i < recipients->count; i++) {
        const struct rule *rule = &recipients->rule[i];
        if (rule->kind[kind] &&
            (!rule->organizer || (organizer && strcasecmp(rule->organizer, organizer) == 0)))
            return rule;
    }
    return NULL;
}

/* *none: the rule says that there is no mail. */
static bool add_whom(const struct recipients *recipients, struct span whom, const char *organizer,
    struct recipient_list *list, bool *none)
{
    bool ok = true;
    while (ok && whom.len) {
        struct span word = next_part(&whom, ",");
        if (is(word, "none"))
            *none = true;
        else if (is(word, "owner"))
            ok = add_all(list, recipients->owners);
        else if (is(word, "organizer"))
            ok = add_text(list, organizer, AUDIENCE_OWNER);
        else
            ok = add(list, word, AUDIENCE_OWNER);
    }
    return ok;
}

static bool for_customers(
    enum event_kind kind, const struct event *event, const struct decision *decision)
{
    static const bool mailed[KINDS] = {[KIND_CREATED] = true,
        [KIND_REQUESTED] = true,
        [KIND_RESCHEDULED] = true,
        [KIND_CANCELLED] = true,
        [KIND_REJECTED] = true};
    const char *status = event->booking.status;
    bool moved_away = kind == KIND_CANCELLED && status && strcmp(status, "moved") == 0;
    return mailed[kind] && !decision->late && !moved_away; /* the created half is mailed */
}

bool recipients_of(const struct recipients *recipients, const struct event *event,
    const struct decision *decision, struct recipient_list *list)
{
    const struct booking *booking = &event->booking;
    enum event_kind kind = meaning_of(event, decision);
    bool none = kind == KIND_PING, ok = true;
    *list = (struct recipient_list){0};
    const struct rule *rule = rule_for(recipients, kind, booking->organizer.email);
    if (rule)
        ok = add_whom(recipients, rule->whom, booking->organizer.email, list, &none);
    if (ok && !list->count && !none)
        ok = add_all(list, recipients->owners);
    if (recipients->customers && for_customers(kind, event, decision))
        for (size_t i = 0; ok && i < booking->attendee_count; i++)
            ok = add_text(list, booking->attendees[i].email, AUDIENCE_CUSTOMER);
    if (!ok)
        recipient_list_free(list);
    return ok;
}

void recipient_list_free(struct recipient_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        free(list->item[i].address);
    free(list->item);
    *list = (struct recipient_list){0};
}
