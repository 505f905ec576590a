#include "mail/recipients.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/address.h"
#include "mail/view.h"

#define BLANKS " \t"

/* A part of the settings' text. */
struct span {
    const char *at;
    size_t len;
};

struct rule {
    bool kind[KINDS];
    struct span host; /* empty: any */
    struct span whom;
};

struct recipients {
    char *notify, *owners; /* the settings; rules point into notify */
    bool customers;
    struct rule *rule;
    size_t count;
};

/* ---- text ---- */

static struct span span_of(const char *text)
{
    return (struct span){text ? text : "", text ? strlen(text) : 0};
}

/* Cuts the part before the next of `ends` off the text; without blanks around it. */
static struct span next_part(struct span *text, const char *ends)
{
    struct span part = {.at = text->at};
    while (part.len < text->len && !strchr(ends, text->at[part.len]))
        part.len++;
    size_t used = part.len < text->len ? part.len + 1 : part.len;
    text->at += used;
    text->len -= used;
    while (part.len && strchr(BLANKS, part.at[0]))
        part.at++, part.len--;
    while (part.len && strchr(BLANKS, part.at[part.len - 1]))
        part.len--;
    return part;
}

static bool word_is(struct span span, const char *word)
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

static bool rule_fault(struct buf *why, struct span what, const char *wanted)
{
    buf_printf(why, "BOOKSPOOL_NOTIFY: \"%.*s\": expected %s", (int)what.len, what.at, wanted);
    return false;
}

static bool parse_kind(struct span word, struct rule *rule, struct buf *why)
{
    bool all = word_is(word, "*"), known = all;
    for (enum event_kind kind = 0; kind < KINDS; kind++)
        if (all || word_is(word, event_kind_name(kind)))
            rule->kind[kind] = known = true;
    if (known)
        return true;
    rule_fault(why, word, "* or a kind of event:");
    for (enum event_kind kind = 0; kind < KINDS; kind++)
        buf_printf(why, " %s", event_kind_name(kind));
    return false;
}

/* "created, cancelled of ann@example.org" */
static bool parse_when(struct span when, struct rule *rule, struct buf *why)
{
    bool any = false;
    for (struct span rest = when; rest.len;) {
        struct span word = next_part(&rest, BLANKS ",");
        if (!word.len)
            continue;
        if (!word_is(word, "of")) {
            if (!parse_kind(word, rule, why))
                return false;
            any = true;
            continue;
        }
        if (!any)
            return rule_fault(why, when, "kinds of event, or *, in front of \"of\"");
        rule->host = next_part(&rest, "");
        return is_address(rule->host) ||
               rule_fault(why, rule->host, "a host's address after \"of\"");
    }
    return any || rule_fault(why, when, "kinds of event, or *, in front of the colon");
}

static bool check_whom(struct span whom, struct buf *why)
{
    bool any = false;
    for (struct span rest = whom; rest.len; any = true) {
        struct span word = next_part(&rest, ",");
        if (!word_is(word, "owner") && !word_is(word, "organizer") && !word_is(word, "none") &&
            !is_address(word))
            return rule_fault(
                why, word, "addresses separated by commas, or owner, organizer, none");
    }
    return any || rule_fault(why, whom, "addresses after the colon, or none");
}

static bool parse_rule(struct recipients *recipients, struct span text, struct buf *why)
{
    struct rule rule = {0};
    struct span rest = text, when = next_part(&rest, ":");
    if (when.len == text.len)
        return rule_fault(why, text, "KINDS: WHOM, as in \"no_show: none\"");
    rule.whom = next_part(&rest, "");
    if (!parse_when(when, &rule, why) || !check_whom(rule.whom, why))
        return false;
    struct rule *grown =
        reallocarray(recipients->rule, recipients->count + 1, sizeof *recipients->rule);
    if (!grown)
        return false;
    recipients->rule = grown;
    recipients->rule[recipients->count++] = rule;
    return true;
}

struct recipients *recipients_open(const struct conf *conf, const char *fallback, struct buf *why)
{
    struct recipients *recipients = calloc(1, sizeof *recipients);
    const char *notify = conf_text(conf, SET_NOTIFY), *owners = conf_text(conf, SET_MAIL_TO);
    bool ok = recipients != NULL;
    if (ok) {
        recipients->notify = strdup(notify ? notify : "");
        recipients->owners = strdup(owners ? owners : fallback);
        recipients->customers = conf_number(conf, SET_MAIL_ATTENDEE);
        ok = recipients->notify && recipients->owners;
    }
    struct span rest = span_of(ok ? recipients->notify : NULL);
    while (ok && rest.len) {
        struct span text = next_part(&rest, ";");
        ok = !text.len || parse_rule(recipients, text, why);
    }
    if (ok)
        return recipients;
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
    free(recipients);
}

/* ---- the recipients of an event ---- */

static bool is_same(struct span a, struct span b)
{
    return a.len == b.len && strncasecmp(a.at, b.at, a.len) == 0;
}

static bool add_recipient(struct recipient_list *list, struct span address, enum audience audience)
{
    for (size_t i = 0; i < list->count; i++)
        if (is_same(span_of(list->item[i].address), address))
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

bool recipients_mailable(const char *address)
{
    const char *at = address ? strrchr(address, '@') : NULL;
    return at && strcasecmp(at, "@sms.cal.com") != 0 && address_valid(address);
}

/* An address of the event; NULL: none. */
static bool add_person_of(struct recipient_list *list, const char *address, enum audience audience)
{
    return !recipients_mailable(address) || add_recipient(list, span_of(address), audience);
}

static bool add_owners(struct recipient_list *list, const char *owners)
{
    struct span rest = span_of(owners);
    while (rest.len) {
        struct span one = next_part(&rest, BLANKS ",");
        if (one.len && !add_recipient(list, one, AUDIENCE_OWNER))
            return false;
    }
    return true;
}

/* The hosts for whom the rules are asked. */
struct hosts {
    const struct person *person;
    size_t count;
};

static struct hosts hosts_of(const struct booking *booking)
{
    if (booking->host_count)
        return (struct hosts){booking->hosts, booking->host_count};
    return (struct hosts){&booking->organizer, 1};
}

static bool is_of(const struct rule *rule, struct hosts hosts)
{
    for (size_t i = 0; rule->host.len && i < hosts.count; i++)
        if (is_same(rule->host, span_of(hosts.person[i].email)))
            return true;
    return !rule->host.len;
}

static const struct rule *rule_for(
    const struct recipients *recipients, enum event_kind kind, struct hosts hosts)
{
    for (size_t i = 0; i < recipients->count; i++) {
        const struct rule *rule = &recipients->rule[i];
        if (rule->kind[kind] && is_of(rule, hosts))
            return rule;
    }
    return NULL;
}

/* `decided` becomes true where the rule names an address, or says that there is no mail. */
static bool add_whom(const struct recipients *recipients, struct span whom, struct hosts hosts,
    struct recipient_list *list, bool *decided)
{
    bool ok = true;
    while (ok && whom.len) {
        struct span word = next_part(&whom, ",");
        if (word_is(word, "organizer")) {
            for (size_t i = 0; ok && i < hosts.count; i++) {
                *decided |= recipients_mailable(hosts.person[i].email);
                ok = add_person_of(list, hosts.person[i].email, AUDIENCE_OWNER);
            }
            continue;
        }
        *decided = true;
        if (word_is(word, "owner"))
            ok = add_owners(list, recipients->owners);
        else if (!word_is(word, "none"))
            ok = add_recipient(list, word, AUDIENCE_OWNER);
    }
    return ok;
}

/* What the rules say for those hosts; the owners where that is nobody. */
static bool add_by_rules(const struct recipients *recipients, enum event_kind kind,
    struct hosts hosts, struct recipient_list *list)
{
    const struct rule *rule = rule_for(recipients, kind, hosts);
    bool decided = false;
    if (rule && !add_whom(recipients, rule->whom, hosts, list, &decided))
        return false;
    return decided || add_owners(list, recipients->owners);
}

static bool is_for_customers(
    enum event_kind kind, const struct event *event, const struct decision *decision)
{
    static const bool mailed[KINDS] = {[KIND_CREATED] = true,
        [KIND_REQUESTED] = true,
        [KIND_RESCHEDULED] = true,
        [KIND_CANCELLED] = true,
        [KIND_REJECTED] = true,
        [KIND_LOCATION_CHANGED] = true,
        [KIND_REASSIGNED] = true};
    const char *status = event->booking.status;
    const struct booking *b = &event->booking;
    int64_t over = b->end != TIME_NONE ? b->end : b->start;
    if (event->reconciled && over != TIME_NONE && over < event->received_at)
        return false; /* found too late: the customer knows how it went */
    bool moved_away = kind == KIND_CANCELLED && status && strcmp(status, "moved") == 0;
    return mailed[kind] && !decision->late && !moved_away; /* of a move the new half is mailed */
}

bool recipients_of(const struct recipients *recipients, const struct event *event,
    const struct decision *decision, struct recipient_list *list)
{
    const struct booking *booking = &event->booking;
    enum event_kind kind = view_kind(event, decision);
    const struct person *before = view_previous_host(event);
    *list = (struct recipient_list){0};
    bool ok = kind == KIND_PING || add_by_rules(recipients, kind, hosts_of(booking), list);
    if (ok && kind == KIND_REASSIGNED && before && before->email)
        ok = add_by_rules(recipients, kind, (struct hosts){before, 1}, list);
    if (recipients->customers && is_for_customers(kind, event, decision))
        for (size_t i = 0; ok && i < booking->attendee_count; i++) {
            const struct person *one = &booking->attendees[i];
            list->unmailable += !one->email && one->written_email;
            ok = add_person_of(list, one->email, AUDIENCE_CUSTOMER);
        }
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
