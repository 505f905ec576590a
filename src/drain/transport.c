#include "drain/transport.h"

#include <stdlib.h>
#include <string.h>

#include "drain/maildir.h"
#include "drain/smtp.h"

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
};

struct transport {
    const struct kind *kind;
    void *state;
};

const char *outcome_name(enum outcome outcome)
{
    static const char *const names[] = {
        [OUTCOME_SENT] = "sent",
        [OUTCOME_RETRY] = "retry",
        [OUTCOME_NEVER] = "never",
        [OUTCOME_UNKNOWN] = "unknown",
        [OUTCOME_HOLD] = "hold",
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

struct transport *transport_open(const struct conf *conf, struct buf *why)
{
    const char *value = conf_text(conf, SET_TRANSPORT);
    const struct kind *kind = value ? kind_of(value) : NULL;
    if (!kind) {
        buf_puts(why, "BOOKSPOOL_TRANSPORT: expected maildir:DIR, smtp://HOST[:PORT] or "
                      "smtps://HOST[:PORT]");
        return NULL;
    }
    struct transport *transport = malloc(sizeof *transport);
    if (!transport) {
        buf_puts(why, "out of memory");
        return NULL;
    }
    *transport = (struct transport){.kind = kind, .state = kind->open(conf, value, why)};
    if (!transport->state) {
        free(transport);
        return NULL;
    }
    return transport;
}

void transport_send(
    struct transport *transport, const struct delivery *delivery, struct delivery_result *result)
{
    transport->kind->send(transport->state, delivery, result);
}

void transport_close(struct transport *transport)
{
    if (!transport)
        return;
    transport->kind->close(transport->state);
    free(transport);
}
