#include "deliver/transport.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "deliver/maildir.h"
#include "deliver/outcome.h"
#include "deliver/sendgrid.h"
#include "deliver/sendmail.h"
#include "deliver/smtp.h"

struct kind {
    const char *scheme;
    void *(*open)(const struct conf *conf, const char *value, struct buf *why);
    void (*send)(void *state, const struct delivery *delivery, struct delivery_result *result);
    void (*close)(void *state);
};

static const struct kind kinds[] = {
    {"maildir:", maildir_open, maildir_send, maildir_close},
    {"smtp://", smtp_open, smtp_send, smtp_close},
    {"smtps://", smtp_open, smtp_send, smtp_close},
    {"smtp+plain://", smtp_open, smtp_send, smtp_close},
    {"sendgrid:", sendgrid_open, sendgrid_send, sendgrid_close},
    {"sendmail:", sendmail_open, sendmail_send, sendmail_close},
};

enum { FIRST, SECOND, WAYS };

struct transport {
    struct way {
        const struct kind *kind; /* NULL: there is none */
        void *state;
    } way[WAYS];
    int used;
};

const char *outcome_name(enum outcome outcome)
{
    static const char *const names[] = {
        [OUTCOME_SENT] = "sent",
        [OUTCOME_RETRY] = "retry",
        [OUTCOME_NEVER] = "never",
        [OUTCOME_UNKNOWN] = "unknown",
        [OUTCOME_BLOCKED] = "blocked",
    };
    return names[outcome];
}

static const struct kind *kind_of(const char *value)
{
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (strncmp(value, kinds[i].scheme, strlen(kinds[i].scheme)) == 0)
            return &kinds[i];
    return NULL;
}

void delivery_add_local(const struct delivery *delivery, struct buf *out)
{
    const char *data = delivery->data, *end = data + delivery->len;
    while (data < end) {
        const char *cr = memchr(data, '\r', (size_t)(end - data));
        const char *stop = cr ? cr : end;
        buf_add(out, data, (size_t)(stop - data));
        data = cr ? cr + 1 : end;
    }
}

/* ---- one or two of them ---- */

static bool open_way(struct way *way, const struct conf *conf, const char *value, struct buf *why)
{
    const struct kind *kind = kind_of(value);
    if (!kind)
        buf_puts(why, "BOOKSPOOL_TRANSPORT: expected maildir:DIR, smtp://HOST[:PORT], "
                      "smtps://HOST[:PORT], sendgrid: or sendmail:/PATH");
    else if ((way->state = kind->open(conf, value, why)) != NULL)
        way->kind = kind;
    return way->kind != NULL;
}

static bool open_ways(
    struct transport *transport, const struct conf *conf, char *list, struct buf *why)
{
    char *value;
    for (int i = 0; (value = conf_next_item(&list)) != NULL; i++) {
        if (i == WAYS) {
            buf_puts(why, "BOOKSPOOL_TRANSPORT: expected at most two, separated by a comma");
            return false;
        }
        if (!open_way(&transport->way[i], conf, value, why))
            return false;
    }
    return true;
}

struct transport *transport_open(const struct conf *conf, struct buf *why)
{
    const char *setting = conf_text(conf, SET_TRANSPORT);
    struct transport *transport = calloc(1, sizeof *transport);
    char *list = strdup(setting ? setting : "");
    bool opened = false;
    if (transport && list)
        opened = open_ways(transport, conf, list, why);
    else
        buf_puts(why, "out of memory");
    free(list);
    if (opened)
        return transport;
    transport_close(transport);
    return NULL;
}

static void send_by(
    const struct way *way, const struct delivery *delivery, struct delivery_result *result)
{
    way->kind->send(way->state, delivery, result);
}

static bool is_out_of_order(const struct delivery_result *result)
{
    return result->outcome == OUTCOME_BLOCKED ||
           (result->outcome == OUTCOME_RETRY && result->unreachable);
}

void transport_send(
    struct transport *transport, const struct delivery *delivery, struct delivery_result *result)
{
    if (transport->used == FIRST) {
        send_by(&transport->way[FIRST], delivery, result);
        if (!transport->way[SECOND].kind || !is_out_of_order(result))
            return;
        transport->used = SECOND;
        log_warn(NULL, "second-transport", "%s%s%s; the rest of this run goes to %s...",
            result->reason, result->words ? ": " : "", result->words ? result->words : "",
            transport->way[SECOND].kind->scheme);
    }
    if (delivery->repeat) {
        *result = (struct delivery_result){0};
        outcome_set(result, OUTCOME_RETRY, "second-not-used");
        result->words = "it may have arrived by the first transport";
    } else {
        send_by(&transport->way[SECOND], delivery, result);
    }
}

void transport_close(struct transport *transport)
{
    for (int i = FIRST; transport && i < WAYS; i++)
        if (transport->way[i].kind)
            transport->way[i].kind->close(transport->way[i].state);
    free(transport);
}
